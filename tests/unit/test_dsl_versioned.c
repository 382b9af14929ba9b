/* SPDX-License-Identifier: Apache-2.0
 *
 * A stream joined with a versioned table: through crashes, and what a builder is told. What Kafka
 * Streams does tests/conformance says.
 */
#include "streams/dsl/grouped.h"
#include "streams/dsl/joins.h"
#include "streams/dsl/kstream.h"
#include "streams/dsl/ktable.h"
#include "streams/query.h"
#include "tests/harness/check.h"
#include "tests/harness/dsl_fixture.h"

#include <stdlib.h>

static weir_status with_bar(weir_call *call, weir_bytes key, weir_bytes left, weir_bytes right,
                            weir_bytes *out_value)
{
    (void)key;
    *out_value = weir_call_concat(call, weir_call_concat(call, left, WEIR_BYTES("|")),
                                  right.data == NULL ? WEIR_BYTES("-") : right);
    return WEIR_OK;
}

static weir_ktable *prices(weir_builder *builder, int64_t history_ms)
{
    const weir_materialized kept = {.store_name = "prices", .history_ms = history_ms};
    return weir_builder_table(builder, "table", NULL, &kept);
}

static weir_builder *joined(int64_t grace_ms)
{
    weir_builder *builder = weir_builder_new();
    weir_ktable *table = prices(builder, 10000);
    weir_kstream *stream = weir_builder_stream(builder, "in", NULL);
    stream = grace_ms < 0
                 ? weir_kstream_left_join_table(stream, table, with_bar, NULL)
                 : weir_kstream_left_join_versioned(stream, table, with_bar, grace_ms, NULL);
    weir_kstream_to(stream, "out", NULL);
    return builder;
}

TEST(record_is_joined_with_what_was_true_at_its_time)
{
    dsl_fixture self;
    dsl_fixture_start(&self, joined(-1), "0");
    dsl_send(&self, "table", "k", "1", 1000);
    dsl_send(&self, "table", "k", "3", 3000);
    dsl_send(&self, "table", "k", "2", 2000); /* Out of order. */
    dsl_send(&self, "table", "k", NULL, 4000);
    static const char *const wanted[] = {"x|-", "x|1", "x|2", "x|3", "x|-"};
    for (int64_t i = 0; i < 5; i++) {
        dsl_send(&self, "in", "k", "x", i * 1000 + 500);
        dsl_check_next(&self, "out", "k", wanted[i], i * 1000 + 500);
    }
    dsl_fixture_restart(&self); /* The same from the changelog. */
    dsl_send(&self, "in", "k", "y", 2999);
    dsl_skip(&self, "out", 5);
    dsl_check_next(&self, "out", "k", "y|2", 2999);
    dsl_check_end(&self, "out");
    dsl_fixture_end(&self);
}

static void check_waiting(weir_database *database)
{
    dsl_fixture self;
    const dsl_fixture_options options = {.database = database};
    dsl_fixture_start_with(&self, joined(1000), &options);
    dsl_send(&self, "in", "k", "x", 5000);
    dsl_send(&self, "in", "k", "y", 4500);
    dsl_send(&self, "in", NULL, "z", 4500); /* Has no row to wait for. */
    dsl_check_next(&self, "out", NULL, "z|-", 4500);
    dsl_fixture_restart(&self);
    dsl_send(&self, "table", "k", "1", 4400);
    dsl_send(&self, "in", "k", "w", 5000);
    dsl_send(&self, "in", "k", "late", 3999); /* Does not wait. */
    dsl_skip(&self, "out", 1);
    dsl_check_next(&self, "out", "k", "late|-", 3999);
    dsl_fixture_restart(&self);
    dsl_send(&self, "in", "other", "v", 6000);
    dsl_skip(&self, "out", 2);
    dsl_check_next(&self, "out", "k", "y|1", 4500);
    dsl_check_next(&self, "out", "k", "x|1", 5000);
    dsl_check_next(&self, "out", "k", "w|1", 5000);
    dsl_check_end(&self, "out");
    dsl_fixture_end(&self);
}

TEST(record_waits_for_the_table_through_crashes)
{
    check_waiting(NULL);
    WEIR_AUTO_FREE char *directory = check_directory();
    WEIR_AUTO_PTR(weir_database) database = NULL;
    weir_error err = {0};
    const weir_database_options options = {.directory = directory};
    CHECK_OK(weir_database_open(&options, &database, &err), &err);
    check_waiting(database);
}

static void check_history(weir_database *database)
{
    WEIR_AUTO_PTR(weir_metrics) metrics = weir_metrics_new();
    const weir_label label = {"application_id", "test"};
    const dsl_fixture_options options = {.database = database, .metrics = metrics};
    dsl_fixture self;
    dsl_fixture_start_with(&self, joined(-1), &options);
    dsl_send(&self, "table", "other", "1", 20000);
    dsl_fixture_restart(&self);
    dsl_send(&self, "table", "k", "1", 9999); /* A restart does not forget the time. */
    CHECK_I64(weir_metrics_sum(metrics, "weir_stream_task_dropped_records_total", &label), ==, 1);
    dsl_send(&self, "table", "k", "2", 10000);
    dsl_send(&self, "in", "k", "x", 20000);
    dsl_check_next(&self, "out", "k", "x|2", 20000);
    dsl_fixture_end(&self);
}

TEST(row_older_than_the_history_is_dropped)
{
    check_history(NULL);
    WEIR_AUTO_FREE char *directory = check_directory();
    WEIR_AUTO_PTR(weir_database) database = NULL;
    weir_error err = {0};
    const weir_database_options options = {.directory = directory};
    CHECK_OK(weir_database_open(&options, &database, &err), &err);
    check_history(database);
}

TEST(changelog_keeps_versions_and_has_plain_puts)
{
    dsl_fixture self;
    weir_error err = {0};
    dsl_fixture_start(&self, joined(-1), "0");
    dsl_send(&self, "table", "k", "1", 1000);
    dsl_send(&self, "table", "k", NULL, 900);
    dsl_check_next(&self, "test-prices-changelog", "k", "1", 1000);
    dsl_check_next(&self, "test-prices-changelog", "k", NULL, 900);
    weir_topic_config topic = {0};
    CHECK_OK(weir_broker_describe_topic(self.broker, "test-prices-changelog", &topic, &err), &err);
    CHECK_I64(topic.min_compaction_lag_ms, ==, 10000 + 24 * 3600 * 1000);
    CHECK_I64(topic.cleanup_policy, ==, WEIR_CLEANUP_COMPACT);
    dsl_fixture_end(&self);
}

TEST(grace_needs_a_history)
{
    weir_builder *builder = weir_builder_new();
    weir_ktable *table = weir_builder_table(builder, "table", NULL, NULL);
    weir_kstream *stream = weir_builder_stream(builder, "in", NULL);
    (void)weir_kstream_join_versioned(stream, table, with_bar, 1000, NULL);
    dsl_check_mistake(builder, "a table with a history");
    builder = weir_builder_new();
    (void)prices(builder, -1);
    dsl_check_mistake(builder, "a history above 0");
}

TEST(only_the_table_of_a_topic_or_a_stream_has_a_history)
{
    const weir_materialized materialized = {.store_name = "counts", .history_ms = 1000};
    weir_builder *builder = weir_builder_new();
    weir_kstream *stream = weir_builder_stream(builder, "in", NULL);
    (void)weir_kgrouped_stream_count(weir_kstream_group_by_key(stream, NULL), &materialized, NULL);
    dsl_check_mistake(builder, "store 'counts': history_ms is for the table of a topic");
}

static weir_status note_version(void *user, const weir_versioned_value *version, weir_error *err)
{
    (void)err;
    weir_buf_append_format(user, "%.*s %lld %lld|", (int)version->value.size,
                           (const char *)version->value.data, (long long)version->from_ms,
                           (long long)version->to_ms);
    return WEIR_OK;
}

/* The versions of k that are visited, as text. */
static void check_versions(dsl_fixture *self, weir_query_span span, const char *wanted)
{
    weir_error err = {0};
    WEIR_AUTO(weir_buf) seen = {0};
    span.store = "prices";
    span.key = WEIR_BYTES("k");
    CHECK_OK(weir_query_versions(weir_test_driver_application(self->driver), &span, note_version,
                                 &seen, &err),
             &err);
    CHECK_STR(weir_buf_text(&seen), wanted);
}

static void check_queries(dsl_fixture *self)
{
    const weir_query_span all = {.to_ms = INT64_MAX};
    check_versions(self, all, "3 5000 -1|2 2000 4000|1 1000 2000|");
    const weir_query_span upwards = {.to_ms = INT64_MAX, .ascending = true};
    check_versions(self, upwards, "1 1000 2000|2 2000 4000|3 5000 -1|");
    check_versions(self, (weir_query_span){.from_ms = 2000, .to_ms = 4500}, "2 2000 4000|");
    check_versions(self, (weir_query_span){.from_ms = 1999, .to_ms = 1999}, "1 1000 2000|");
    check_versions(self, (weir_query_span){.from_ms = 4500, .to_ms = 4500}, "");
    check_versions(self, (weir_query_span){.from_ms = 999, .to_ms = 999}, "");
    check_versions(self, (weir_query_span){.from_ms = 9000, .to_ms = 9000}, "3 5000 -1|");
}

TEST(versions_are_asked_for_as_of_a_time_and_over_a_time)
{
    dsl_fixture self;
    dsl_fixture_start(&self, joined(-1), "0");
    dsl_send(&self, "table", "k", "1", 1000);
    dsl_send(&self, "table", "k", "2", 2000);
    dsl_send(&self, "table", "k", NULL, 4000);
    dsl_send(&self, "table", "k", "3", 5000);
    dsl_send(&self, "table", "kk", "x", 3000);
    check_queries(&self);
    dsl_fixture_restart(&self);
    check_queries(&self);
    /* The history begins at 4500, then at 10000: what has ended by then does not show. */
    dsl_send(&self, "table", "other", "x", 14500);
    check_versions(&self, (weir_query_span){.to_ms = INT64_MAX}, "3 5000 -1|");
    check_versions(&self, (weir_query_span){.from_ms = 1500, .to_ms = 1500}, "");
    dsl_send(&self, "table", "other", "x", 20000);
    check_versions(&self, (weir_query_span){.from_ms = 6000, .to_ms = 6000}, "3 5000 -1|");
    dsl_fixture_end(&self);
}

TEST(versions_are_asked_of_a_versioned_store_with_a_time_that_can_be)
{
    dsl_fixture self;
    weir_error err = {0};
    dsl_fixture_start(&self, joined(1000), "0");
    weir_application *application = weir_test_driver_application(self.driver);
    weir_query_span span = {.store = "prices", .key = WEIR_BYTES("k"), .from_ms = 2, .to_ms = 1};
    CHECK_STATUS(weir_query_versions(application, &span, note_version, NULL, &err), WEIR_INVALID);
    CHECK_STR(err.message, "2 is after 1");
    span.store = "none";
    CHECK_STATUS(weir_query_versions(application, &span, note_version, NULL, &err), WEIR_INVALID);
    dsl_fixture_end(&self);
}

TEST(versioned_store_has_no_cache)
{
    WEIR_AUTO_PTR(weir_topology) topology = weir_topology_new();
    weir_error err = {0};
    const weir_store_options options = {
        .name = "v", .kind = WEIR_STORE_VERSIONED, .retention_ms = 1000, .caching_enabled = true};
    weir_topology_add_store(topology, &options, NULL);
    CHECK_STATUS(weir_topology_build(topology, &err), WEIR_INVALID);
    CHECK_STR(err.message, "versioned store 'v': it has no cache, leave out caching_enabled");
}

static weir_builder *as_of(const weir_as_of *options)
{
    weir_builder *builder = weir_builder_new();
    weir_kstream *quotes = weir_builder_stream(builder, "quotes", NULL);
    weir_kstream *trades = weir_builder_stream(builder, "in", NULL);
    weir_kstream_to(weir_kstream_join_as_of(trades, quotes, with_bar, options, NULL), "out", NULL);
    return builder;
}

TEST(as_of_join_finds_what_was_said_last_if_not_too_long_ago)
{
    const weir_as_of options = {
        .history_ms = 10000, .tolerance_ms = 700, .keeps_unmatched = true, .store_name = "quoted"};
    dsl_fixture self;
    dsl_fixture_start(&self, as_of(&options), "0");
    dsl_send(&self, "quotes", "k", "1", 1000);
    dsl_send(&self, "quotes", "k", "3", 3000);
    dsl_send(&self, "quotes", "k", "2", 2000); /* Out of order. */
    dsl_fixture_restart(&self);
    dsl_send(&self, "in", "k", "a", 2000); /* At its time. */
    dsl_send(&self, "in", "k", "b", 2700);
    dsl_send(&self, "in", "k", "c", 2701); /* Too long ago. */
    dsl_send(&self, "in", "k", "d", 999);
    dsl_send(&self, "in", "other", "e", 3000);
    dsl_check_next(&self, "out", "k", "a|2", 2000);
    dsl_check_next(&self, "out", "k", "b|2", 2700);
    dsl_check_next(&self, "out", "k", "c|-", 2701);
    dsl_check_next(&self, "out", "k", "d|-", 999);
    dsl_check_next(&self, "out", "other", "e|-", 3000);
    dsl_check_end(&self, "out");
    dsl_fixture_end(&self);
}

TEST(as_of_join_waits_for_what_was_said_before)
{
    dsl_fixture self;
    dsl_fixture_start(&self, as_of(&(weir_as_of){.history_ms = 10000, .grace_ms = 500}), "0");
    dsl_send(&self, "quotes", "k", "1", 1000);
    dsl_send(&self, "in", "k", "a", 2000);
    dsl_send(&self, "in", "none", "b", 2000); /* Finds nothing, and is not kept. */
    dsl_send(&self, "quotes", "k", "2", 1900);
    dsl_check_end(&self, "out");
    dsl_fixture_restart(&self);
    dsl_send(&self, "in", "k", "c", 2500);
    dsl_check_next(&self, "out", "k", "a|2", 2000);
    dsl_check_end(&self, "out");
    dsl_fixture_end(&self);
}

TEST(as_of_join_without_a_history_is_told)
{
    dsl_check_mistake(as_of(NULL), "a history_ms above 0 that is as long as its grace_ms");
    dsl_check_mistake(as_of(&(weir_as_of){.history_ms = 10, .grace_ms = 11}), "as-of join after");
}
