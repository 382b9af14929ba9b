/* SPDX-License-Identifier: Apache-2.0
 *
 * test_dsl_operators.c - operators that no vector of Kafka Streams covers by itself: what they pass
 * on, and what they are called.
 */
#include "streams/dsl/dsl.h"
#include "streams/topology_description.h"
#include "tests/harness/check.h"
#include "tests/harness/dsl_fixture.h"
#include "tests/harness/dsl_functions.h"

#include <stdlib.h>
#include <string.h>

static bool is_short(void *user, const weir_record *record)
{
    (void)user;
    return record->value.size < 3;
}

/* Counts the bytes that it sees. */
static void add_size(void *user, const weir_record *record)
{
    *(size_t *)user += record->value.size;
}

TEST(filter_not_passes_what_the_predicate_refuses)
{
    weir_builder *builder = weir_builder_new();
    weir_kstream *in = weir_builder_stream(builder, "in", NULL);
    weir_kstream_to(weir_kstream_filter_not(in, is_short, NULL), "out", NULL);
    dsl_fixture f;
    dsl_fixture_start(&f, builder, "0");
    dsl_send(&f, "in", "k", "ab", 1);
    dsl_send(&f, "in", "k", "abc", 2);
    dsl_check_next(&f, "out", "k", "abc", 2);
    dsl_check_end(&f, "out");
    dsl_fixture_end(&f);
}

TEST(rows_that_filter_not_no_longer_passes_are_removed)
{
    weir_builder *builder = weir_builder_new();
    weir_ktable *rows = weir_builder_table(builder, "in", NULL, NULL);
    weir_ktable *long_ones = weir_ktable_filter_not(
        rows, is_short, &(weir_table_options){.materialized.store_name = "long"});
    weir_kstream_to(weir_ktable_to_stream(long_ones, NULL), "out", NULL);
    dsl_fixture f;
    dsl_fixture_start(&f, builder, "0");
    dsl_send(&f, "in", "k", "abc", 1);
    dsl_send(&f, "in", "k", "ab", 2);
    dsl_check_next(&f, "out", "k", "abc", 1);
    dsl_check_next(&f, "out", "k", NULL, 2);
    dsl_check_end(&f, "out");
    dsl_fixture_end(&f);
}

TEST(peek_sees_records_that_go_on_and_foreach_ends_them)
{
    size_t peeked = 0;
    size_t ended = 0;
    weir_builder *builder = weir_builder_new();
    weir_kstream *in = weir_builder_stream(builder, "in", NULL);
    weir_kstream *seen = weir_kstream_peek(in, add_size, &(weir_operator_options){.user = &peeked});
    weir_kstream_to(weir_kstream_filter(seen, is_short, NULL), "out", NULL);
    weir_kstream_foreach(seen, add_size, &(weir_operator_options){.user = &ended, .name = "sum"});
    dsl_fixture f;
    dsl_fixture_start(&f, builder, "0");
    dsl_send(&f, "in", "k", "ab", 1);
    dsl_send(&f, "in", "k", "abc", 2);
    CHECK_I64(peeked, ==, 5);
    CHECK_I64(ended, ==, 5);
    dsl_check_next(&f, "out", "k", "ab", 1);
    dsl_check_end(&f, "out");
    dsl_fixture_end(&f);
}

TEST(peek_and_foreach_are_described_as_in_kafka_streams)
{
    size_t total = 0;
    weir_builder *builder = weir_builder_new();
    weir_kstream *in = weir_builder_stream(builder, "in", NULL);
    const weir_operator_options options = {.user = &total};
    weir_kstream_foreach(weir_kstream_peek(in, add_size, &options), add_size, &options);
    dsl_check_described(builder, "Topologies:\n"
                                 "   Sub-topology: 0\n"
                                 "    Source: KSTREAM-SOURCE-0000000000 (topics: [in])\n"
                                 "      --> KSTREAM-PEEK-0000000001\n"
                                 "    Processor: KSTREAM-PEEK-0000000001 (stores: [])\n"
                                 "      --> KSTREAM-FOREACH-0000000002\n"
                                 "      <-- KSTREAM-SOURCE-0000000000\n"
                                 "    Processor: KSTREAM-FOREACH-0000000002 (stores: [])\n"
                                 "      --> none\n"
                                 "      <-- KSTREAM-PEEK-0000000001\n"
                                 "\n");
}

/* Numbers the records of each key in a store. */
static weir_status number_record(weir_processor *processor, const weir_record *record,
                                 weir_error *err)
{
    WEIR_AUTO(weir_buf) stored = {0};
    weir_kv *numbers = weir_context_store(processor->context, "numbers");
    weir_status status = weir_kv_get(numbers, record->key, &stored, err);
    uint8_t number = status == WEIR_OK ? (uint8_t)(stored.data[0] + 1) : '1';
    if (status != WEIR_OK && status != WEIR_NOT_FOUND) {
        return status;
    }
    weir_record out = *record;
    out.value = weir_bytes_of(&number, 1);
    WEIR_TRY(weir_kv_put(numbers, record->key, out.value, err));
    return weir_context_forward(processor->context, &out, err);
}

static void free_numbering(weir_processor *processor)
{
    free(processor);
}

static weir_processor *new_numbering(void *user)
{
    static const weir_processor_ops ops = {.process = number_record, .free = free_numbering};
    (void)user;
    weir_processor *processor = weir_alloc(sizeof(*processor));
    processor->ops = &ops;
    return processor;
}

static weir_kstream *numbered(weir_builder *builder, weir_kstream *in, bool keeps_keys)
{
    static const char *const stores[] = {"numbers", NULL};
    const weir_processor_options numbering = {.supplier = new_numbering};
    weir_builder_add_store(builder, &(weir_store_options){.name = "numbers"});
    return keeps_keys ? weir_kstream_process_values(in, &numbering, NULL, stores)
                      : weir_kstream_process(in, &numbering, NULL, stores);
}

TEST(process_values_has_its_store_also_after_a_crash)
{
    weir_builder *builder = weir_builder_new();
    weir_kstream *in = weir_builder_stream(builder, "in", NULL);
    weir_kstream_to(numbered(builder, in, true), "out", NULL);
    dsl_fixture f;
    dsl_fixture_start(&f, builder, "0");
    dsl_send(&f, "in", "a", "x", 1);
    dsl_send(&f, "in", "b", "x", 2);
    dsl_fixture_restart(&f);
    dsl_send(&f, "in", "a", "x", 3);
    dsl_check_next(&f, "out", "a", "1", 1);
    dsl_check_next(&f, "out", "b", "1", 2);
    dsl_check_next(&f, "out", "a", "2", 3);
    dsl_check_end(&f, "out");
    dsl_fixture_end(&f);
}

/* How many repartition topics a count after the operator makes. */
static size_t repartitions_after(bool keeps_keys)
{
    weir_error err = {0};
    WEIR_AUTO_PTR(weir_builder) builder = weir_builder_new();
    weir_kstream *in = weir_builder_stream(builder, "in", NULL);
    weir_kstream *out = numbered(builder, in, keeps_keys);
    (void)weir_kgrouped_stream_count(weir_kstream_group_by_key(out, NULL), NULL, NULL);
    const weir_topology *topology = NULL;
    CHECK_OK(weir_builder_build(builder, &topology, &err), &err);
    WEIR_AUTO(weir_buf) json = {0};
    weir_topology_describe_json(topology, NULL, &json);
    return strstr(weir_buf_text(&json), "-repartition") == NULL ? 0 : 1;
}

TEST(process_may_change_keys_and_process_values_may_not)
{
    CHECK_I64(repartitions_after(true), ==, 0);
    CHECK_I64(repartitions_after(false), ==, 1);
}

static int32_t last_partition(void *user, const weir_record *record, int32_t partition_count)
{
    (void)user;
    (void)record;
    return partition_count - 1;
}

TEST(repartition_has_its_name_its_partitions_and_its_partitioner)
{
    weir_error err = {0};
    weir_builder *builder = weir_builder_new();
    weir_kstream *in = weir_builder_stream(builder, "in", NULL);
    const weir_repartitioned options = {
        .name = "spread", .partition_count = 3, .partitioner = last_partition};
    weir_kstream_to(weir_kstream_repartition(in, &options), "out", NULL);
    dsl_fixture f;
    dsl_fixture_start(&f, builder, "0");
    dsl_send(&f, "in", "k", "v", 1);
    dsl_check_next(&f, "out", "k", "v", 1);
    const weir_record *moved = NULL;
    CHECK_OK(weir_test_driver_read(f.driver, "test-spread-repartition", &moved, &err), &err);
    CHECK_I64(moved->partition, ==, 2);
    weir_topic_config topic = {0};
    CHECK_OK(weir_broker_describe_topic(f.broker, "test-spread-repartition", &topic, &err), &err);
    CHECK_I64(topic.partition_count, ==, 3);
    dsl_fixture_end(&f);
}

/* The text is what Kafka Streams 4.1 prints for the same program. */
TEST(to_table_is_described_as_in_kafka_streams)
{
    weir_builder *builder = weir_builder_new();
    weir_kstream *in = weir_builder_stream(builder, "in", NULL);
    weir_ktable *table = weir_kstream_to_table(weir_kstream_select_key(in, dsl_value_as_key, NULL),
                                               WEIR_STORED_AS("t"), NULL);
    weir_kstream_to(weir_ktable_to_stream(table, NULL), "out", NULL);
    dsl_check_described(
        builder,
        "Topologies:\n"
        "   Sub-topology: 0\n"
        "    Source: KSTREAM-SOURCE-0000000000 (topics: [in])\n"
        "      --> KSTREAM-KEY-SELECT-0000000001\n"
        "    Processor: KSTREAM-KEY-SELECT-0000000001 (stores: [])\n"
        "      --> KSTREAM-FILTER-0000000004\n"
        "      <-- KSTREAM-SOURCE-0000000000\n"
        "    Processor: KSTREAM-FILTER-0000000004 (stores: [])\n"
        "      --> KSTREAM-SINK-0000000003\n"
        "      <-- KSTREAM-KEY-SELECT-0000000001\n"
        "    Sink: KSTREAM-SINK-0000000003 (topic: KSTREAM-TOTABLE-0000000002-repartition)\n"
        "      <-- KSTREAM-FILTER-0000000004\n"
        "\n"
        "  Sub-topology: 1\n"
        "    Source: KSTREAM-SOURCE-0000000005 (topics: [KSTREAM-TOTABLE-0000000002-repartition])\n"
        "      --> KSTREAM-TOTABLE-0000000002\n"
        "    Processor: KSTREAM-TOTABLE-0000000002 (stores: [t])\n"
        "      --> KTABLE-TOSTREAM-0000000006\n"
        "      <-- KSTREAM-SOURCE-0000000005\n"
        "    Processor: KTABLE-TOSTREAM-0000000006 (stores: [])\n"
        "      --> KSTREAM-SINK-0000000007\n"
        "      <-- KSTREAM-TOTABLE-0000000002\n"
        "    Sink: KSTREAM-SINK-0000000007 (topic: out)\n"
        "      <-- KTABLE-TOSTREAM-0000000006\n"
        "\n");
}

TEST(table_of_a_stream_is_joined_with_and_outlives_a_crash)
{
    weir_builder *builder = weir_builder_new();
    weir_kstream *changes = weir_builder_stream(builder, "changes", NULL);
    weir_ktable *table = weir_kstream_to_table(changes, NULL, NULL);
    weir_kstream *in = weir_builder_stream(builder, "in", NULL);
    weir_kstream_to(weir_kstream_left_join_table(in, table, dsl_pair, NULL), "out", NULL);
    dsl_fixture f;
    dsl_fixture_start(&f, builder, "0");
    dsl_send(&f, "changes", "a", "1", 1);
    dsl_send(&f, "changes", NULL, "lost", 1);
    dsl_send(&f, "changes", "b", "2", 1);
    dsl_send(&f, "changes", "b", NULL, 2);
    dsl_fixture_restart(&f);
    dsl_send(&f, "in", "a", "x", 3);
    dsl_send(&f, "in", "b", "y", 4);
    dsl_check_next(&f, "out", "a", "x1", 3);
    dsl_check_next(&f, "out", "b", "y", 4);
    dsl_fixture_end(&f);
}

/* Rows "group=number" under their group: sums of one digit. */
static weir_status by_group(weir_call *call, const weir_record *record, weir_bytes *inout_key,
                            weir_bytes *inout_value)
{
    (void)call;
    const char *text = record->value.data;
    *inout_key = weir_bytes_of(text, 1);
    *inout_value = weir_bytes_of(text + 2, 1);
    return WEIR_OK;
}

static weir_status change(weir_call *call, weir_bytes aggregate, weir_bytes value, int sign,
                          weir_bytes *out_aggregate)
{
    int sum = *(const char *)aggregate.data - '0' + sign * (*(const char *)value.data - '0');
    *out_aggregate = weir_call_text(call, "%d", sum);
    return WEIR_OK;
}

static weir_status add(weir_call *call, weir_bytes aggregate, weir_bytes value,
                       weir_bytes *out_aggregate)
{
    return change(call, aggregate, value, 1, out_aggregate);
}

static weir_status subtract(weir_call *call, weir_bytes aggregate, weir_bytes value,
                            weir_bytes *out_aggregate)
{
    return change(call, aggregate, value, -1, out_aggregate);
}

TEST(reduce_of_a_grouped_table_moves_rows_between_groups)
{
    weir_builder *builder = weir_builder_new();
    weir_ktable *rows = weir_builder_table(builder, "in", NULL, NULL);
    weir_kgrouped_table *groups = weir_ktable_group_by(rows, by_group, NULL);
    weir_ktable *sums = weir_kgrouped_table_reduce(
        groups, add, subtract, &(weir_table_options){.materialized.store_name = "sums"});
    weir_kstream_to(weir_ktable_to_stream(sums, NULL), "out", NULL);
    dsl_fixture f;
    dsl_fixture_start(&f, builder, "0");
    dsl_send(&f, "in", "a", "x=2", 1);
    dsl_send(&f, "in", "b", "x=3", 2);
    dsl_send(&f, "in", "a", "y=4", 3); /* a leaves x for y. */
    dsl_send(&f, "in", "b", NULL, 4);
    dsl_check_next(&f, "out", "x", "2", 1);
    dsl_check_next(&f, "out", "x", "5", 2);
    dsl_check_next(&f, "out", "x", "3", 3);
    dsl_check_next(&f, "out", "y", "4", 3);
    dsl_check_next(&f, "out", "x", "0", 4);
    dsl_check_end(&f, "out");
    dsl_fixture_end(&f);
}
