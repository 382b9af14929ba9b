/* SPDX-License-Identifier: Apache-2.0
 *
 * test_dsl_joins.c - joins as nodes of a topology: which topics and stores they share.
 */
#include "streams/dsl/joins.h"
#include "streams/dsl/kstream.h"
#include "streams/dsl/ktable.h"
#include "tests/harness/check.h"
#include "tests/harness/dsl_functions.h"

#include <string.h>

static const char *describe(weir_builder *builder, weir_buf *text)
{
    const weir_topology *topology = NULL;
    weir_error err = {0};
    CHECK_OK(weir_builder_build(builder, &topology, &err), &err);
    weir_topology_describe(topology, text);
    return weir_buf_text(text);
}

static size_t count_of(const char *text, const char *part)
{
    size_t count = 0;
    while ((text = strstr(text, part)) != NULL) {
        count++;
        text += strlen(part);
    }
    return count;
}

static weir_kstream *rekeyed(weir_builder *builder)
{
    return weir_kstream_select_key(weir_builder_stream(builder, "a", NULL), dsl_value_as_key, NULL);
}

TEST(rekeyed_stream_goes_through_one_topic_to_two_tables)
{
    WEIR_AUTO_PTR(weir_builder) builder = weir_builder_new();
    weir_ktable *b = weir_builder_table(builder, "b", NULL, NULL);
    weir_ktable *c = weir_builder_table(builder, "c", NULL, NULL);
    weir_kstream *stream = rekeyed(builder);
    weir_kstream_to(weir_kstream_join_table(stream, b, dsl_left_value, NULL), "out", NULL);
    weir_kstream_to(weir_kstream_join_table(stream, c, dsl_left_value, NULL), "out2", NULL);
    WEIR_AUTO(weir_buf) text = {0};
    CHECK_I64(count_of(describe(builder, &text), "-repartition])"), ==, 1);
}

TEST(named_joins_of_a_rekeyed_stream_have_topics_of_their_own)
{
    WEIR_AUTO_PTR(weir_builder) builder = weir_builder_new();
    weir_ktable *b = weir_builder_table(builder, "b", NULL, NULL);
    weir_kstream *stream = rekeyed(builder);
    const weir_operator_options one = {.name = "one"};
    const weir_operator_options two = {.name = "two"};
    weir_kstream_to(weir_kstream_join_table(stream, b, dsl_left_value, &one), "out", NULL);
    weir_kstream_to(weir_kstream_join_table(stream, b, dsl_left_value, &two), "out2", NULL);
    WEIR_AUTO(weir_buf) text = {0};
    const char *described = describe(builder, &text);
    CHECK(strstr(described, "[one-repartition]") != NULL);
    CHECK(strstr(described, "[two-repartition]") != NULL);
}

/* Kafka Streams uses a number up for an operator that has a name: the sink is number 2. */
TEST(name_that_is_given_uses_a_number_up)
{
    WEIR_AUTO_PTR(weir_builder) builder = weir_builder_new();
    const weir_consumed consumed = {.name = "source"};
    const weir_operator_options named = {.name = "rekey"};
    weir_kstream *stream = weir_builder_stream(builder, "a", &consumed);
    weir_kstream_to(weir_kstream_select_key(stream, dsl_value_as_key, &named), "out", NULL);
    WEIR_AUTO(weir_buf) text = {0};
    CHECK(strstr(describe(builder, &text), "KSTREAM-SINK-0000000002") != NULL);
}
