/* SPDX-License-Identifier: Apache-2.0
 *
 * test_dsl_optimise.c - graphs that are rewritten to save topics and stores: what is left, and that
 * it outlives a crash. What they put out tests/conformance holds to Kafka Streams.
 */
#include "streams/dsl/grouped.h"
#include "streams/dsl/joins.h"
#include "streams/dsl/kstream.h"
#include "streams/dsl/ktable.h"
#include "streams/test_driver.h"
#include "tests/harness/check.h"
#include "tests/harness/dsl_functions.h"
#include "tests/harness/sim_broker.h"

#include <string.h>

typedef struct fixture {
    weir_builder *builder;
    const weir_topology *topology;
    weir_broker *broker;
    weir_test_driver *driver;
    weir_error err;
} fixture;

static void fixture_cleanup(fixture *f)
{
    weir_test_driver_free(f->driver);
    weir_broker_free(f->broker);
    weir_builder_free(f->builder);
}

static fixture optimised(void)
{
    fixture f = {.builder = weir_builder_new(), .broker = sim_broker_new(1)};
    weir_builder_optimise(f.builder);
    return f;
}

static void build(fixture *f)
{
    CHECK_OK(weir_builder_build(f->builder, &f->topology, &f->err), &f->err);
}

static void start(fixture *f)
{
    const weir_test_driver_options options = {.topology = f->topology, .broker = f->broker};
    CHECK_OK(weir_test_driver_new(&options, &f->driver, &f->err), &f->err);
}

static void crash(fixture *f)
{
    weir_test_driver_free(weir_take(&f->driver));
    start(f);
}

static void pipe_in(fixture *f, const char *topic, const char *value, int64_t timestamp_ms)
{
    const weir_record record = {.topic = topic,
                                .key = WEIR_BYTES("k"),
                                .value = weir_bytes_of_text(value),
                                .timestamp_ms = timestamp_ms};
    CHECK_OK(weir_test_driver_pipe(f->driver, &record, &f->err), &f->err);
}

static void check_out(fixture *f, const char *value)
{
    const weir_record *record = NULL;
    CHECK_OK(weir_test_driver_read(f->driver, "out", &record, &f->err), &f->err);
    CHECK_BYTES(record->value, weir_bytes_of_text(value));
}

static size_t count_described(fixture *f, const char *part)
{
    WEIR_AUTO(weir_buf) text = {0};
    weir_topology_describe(f->topology, &text);
    size_t count = 0;
    for (const char *at = weir_buf_text(&text); (at = strstr(at, part)) != NULL;
         at += strlen(part)) {
        count++;
    }
    return count;
}

static void count(weir_kstream *stream, const char *store)
{
    (void)weir_kgrouped_stream_count(weir_kstream_group_by_key(stream, NULL),
                                     &(weir_materialized){.store_name = store}, NULL);
}

/* What is left of a program that could save a changelog, a topic and a buffer. */
static void check_setting(const char *value, size_t repartitions, size_t windows,
                          bool has_changelog)
{
    WEIR_AUTO(fixture) f = {.builder = weir_builder_new(), .broker = sim_broker_new(1)};
    WEIR_AUTO(weir_config) config = {0};
    const weir_setting settings[] = {{"application.id", "a"}, {"topology.optimization", value}};
    CHECK_OK(weir_config_init(&config, settings, WEIR_COUNT_OF(settings), &f.err), &f.err);
    CHECK_OK(weir_builder_configure(f.builder, &config, &f.err), &f.err);
    weir_kstream *in = weir_builder_stream(f.builder, "in", NULL);
    weir_kstream *moved = weir_kstream_select_key(in, dsl_value_as_key, NULL);
    count(moved, "one");
    count(moved, "two");
    const weir_join_windows soon = {.before_ms = 10, .after_ms = 10};
    weir_kstream_to(weir_kstream_join(in, in, dsl_pair, &soon, NULL), "out", NULL);
    (void)weir_builder_table(f.builder, "rows", NULL, &(weir_materialized){.store_name = "kept"});
    build(&f);
    start(&f);
    CHECK_I64(count_described(&f, "-repartition-source (topics"), ==, repartitions);
    CHECK_I64(count_described(&f, "Processor: KSTREAM-WINDOWED-"), ==, windows);
    weir_topic_config topic = {0};
    CHECK_STATUS(weir_broker_describe_topic(f.broker, "test-kept-changelog", &topic, &f.err),
                 has_changelog ? WEIR_OK : WEIR_NOT_FOUND);
}

TEST(setting_says_what_is_saved)
{
    check_setting("none", 2, 2, true);
    check_setting("all", 1, 1, false);
    check_setting("reuse.ktable.source.topics", 2, 2, false);
    check_setting("merge.repartition.topics", 1, 2, true);
    check_setting("single.store.self.join, merge.repartition.topics", 1, 1, true);
}

TEST(setting_that_nobody_knows_is_refused)
{
    weir_error err = {0};
    WEIR_AUTO(weir_config) config = {0};
    WEIR_AUTO_PTR(weir_builder) builder = weir_builder_new();
    const weir_setting settings[] = {{"application.id", "a"},
                                     {"topology.optimization", "all,some"}};
    CHECK_OK(weir_config_init(&config, settings, WEIR_COUNT_OF(settings), &err), &err);
    CHECK_STATUS(weir_builder_configure(builder, &config, &err), WEIR_INVALID);
    CHECK(strstr(err.message, "topology.optimization: \"some\" is not none") != NULL);
}

TEST(table_is_restored_from_its_source_which_is_its_changelog)
{
    WEIR_AUTO(fixture) f = optimised();
    weir_kstream *in = weir_builder_stream(f.builder, "in", NULL);
    weir_ktable *rows =
        weir_builder_table(f.builder, "rows", NULL, &(weir_materialized){.store_name = "kept"});
    weir_kstream_to(weir_kstream_join_table(in, rows, dsl_pair, NULL), "out", NULL);
    build(&f);
    start(&f);
    pipe_in(&f, "rows", "row", 1);
    crash(&f);
    pipe_in(&f, "in", "a", 2);
    check_out(&f, "arow");
    weir_topic_config topic = {0};
    CHECK_STATUS(weir_broker_describe_topic(f.broker, "test-kept-changelog", &topic, &f.err),
                 WEIR_NOT_FOUND);
}

TEST(stream_joined_with_itself_has_one_buffer_that_outlives_a_crash)
{
    WEIR_AUTO(fixture) f = optimised();
    weir_kstream *in = weir_builder_stream(f.builder, "in", NULL);
    const weir_join_windows windows = {.before_ms = 10, .after_ms = 10, .grace_ms = 100};
    weir_kstream_to(weir_kstream_join(in, in, dsl_pair, &windows, NULL), "out", NULL);
    build(&f);
    CHECK_I64(count_described(&f, "KSTREAM-WINDOWED-"), ==, 3); /* It, its source's, its child's. */
    start(&f);
    pipe_in(&f, "in", "a", 1);
    check_out(&f, "aa");
    crash(&f);
    pipe_in(&f, "in", "b", 2);
    static const char *const pairs[] = {"aa", "ba", "ab", "bb"}; /* The first was out before. */
    for (size_t i = 0; i < WEIR_COUNT_OF(pairs); i++) {
        check_out(&f, pairs[i]);
    }
}

TEST(streams_of_others_keep_two_buffers)
{
    WEIR_AUTO(fixture) f = optimised();
    weir_kstream *a = weir_builder_stream(f.builder, "a", NULL);
    weir_kstream *b = weir_builder_stream(f.builder, "b", NULL);
    const weir_join_windows windows = {.before_ms = 10, .after_ms = 10};
    weir_kstream_to(weir_kstream_join(a, b, dsl_pair, &windows, NULL), "out", NULL);
    build(&f);
    CHECK_I64(count_described(&f, "Processor: KSTREAM-WINDOWED-"), ==, 2);
}

TEST(topics_behind_one_change_of_keys_become_one)
{
    WEIR_AUTO(fixture) f = optimised();
    weir_kstream *in = weir_builder_stream(f.builder, "in", NULL);
    in = weir_kstream_select_key(in, dsl_value_as_key, NULL);
    count(in, "one");
    count(in, "two");
    build(&f);
    CHECK_I64(count_described(&f, "Source: one-repartition-source"), ==, 1);
    CHECK_I64(count_described(&f, "two-repartition"), ==, 0);
}

/* What is counted under the new key is another value then: one topic cannot have both. */
TEST(topic_is_not_moved_above_a_change_of_values)
{
    WEIR_AUTO(fixture) f = optimised();
    weir_kstream *in = weir_builder_stream(f.builder, "in", NULL);
    in = weir_kstream_select_key(in, dsl_value_as_key, NULL);
    count(in, "one");
    count(weir_kstream_map_values(in, dsl_exclaim, NULL), "two");
    build(&f);
    CHECK_I64(count_described(&f, "Source: two-repartition-source"), ==, 1);
}

TEST(repartition_that_the_user_asked_for_stays)
{
    WEIR_AUTO(fixture) f = optimised();
    weir_kstream *in = weir_builder_stream(f.builder, "in", NULL);
    in = weir_kstream_select_key(in, dsl_value_as_key, NULL);
    count(weir_kstream_repartition(in, &(weir_repartitioned){.name = "mine"}), "one");
    count(in, "two");
    build(&f);
    CHECK_I64(count_described(&f, "Source: mine-repartition-source"), ==, 1);
    CHECK_I64(count_described(&f, "Source: two-repartition-source"), ==, 1);
}
