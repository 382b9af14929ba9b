/* SPDX-License-Identifier: Apache-2.0
 *
 * Late records as a stream: of every operator with windows, once each, with the place that they
 * were read from; and they are counted all the same.
 */
#include "streams/dsl/dsl.h"
#include "tests/harness/check.h"
#include "tests/harness/dsl_fixture.h"

#include <string.h>

enum { SIZE_MS = 1000 };

static weir_status pair(weir_call *call, weir_bytes key, weir_bytes left, weir_bytes right,
                        weir_bytes *out_value)
{
    (void)key;
    *out_value = weir_call_concat(call, left, right);
    return WEIR_OK;
}

static weir_status append(weir_call *call, weir_bytes key, weir_bytes value, weir_bytes aggregate,
                          weir_bytes *out_aggregate)
{
    (void)key;
    *out_aggregate = weir_call_concat(call, aggregate, value);
    return WEIR_OK;
}

static weir_status merge(weir_call *call, weir_bytes key, weir_bytes one, weir_bytes other,
                         weir_bytes *out_aggregate)
{
    return append(call, key, other, one, out_aggregate);
}

static weir_status empty(weir_call *call, weir_bytes *out_aggregate)
{
    (void)call;
    *out_aggregate = WEIR_BYTES("");
    return WEIR_OK;
}

static weir_kgrouped_stream *grouped(weir_builder *builder, const char *topic)
{
    return weir_kstream_group_by_key(weir_builder_stream(builder, topic, NULL), NULL);
}

static void tell_late(weir_ktable *table)
{
    weir_kstream_to(weir_ktable_to_stream(table, NULL), "out", NULL);
    weir_kstream_to(weir_ktable_late_records(table, NULL), "late", NULL);
}

static weir_builder *in_time_windows(int64_t advance_ms, weir_emit_strategy strategy)
{
    weir_builder *builder = weir_builder_new();
    const weir_time_windows windows = {.size_ms = SIZE_MS, .advance_ms = advance_ms};
    weir_time_windowed_kstream *windowed =
        weir_kgrouped_stream_windowed_by(grouped(builder, "in"), &windows);
    windowed = weir_time_windowed_emit_strategy(windowed, strategy);
    tell_late(weir_time_windowed_count(windowed, NULL, NULL));
    return builder;
}

static int64_t dropped_records(weir_metrics *metrics)
{
    const weir_label label = {"application_id", "test"};
    return weir_metrics_sum(metrics, "weir_stream_task_dropped_records_total", &label);
}

static void check_header(const weir_record *record, size_t index, const char *key,
                         const char *value)
{
    CHECK(index < record->header_count);
    CHECK_BYTES(record->headers[index].key, weir_bytes_of_text(key));
    CHECK_BYTES(record->headers[index].value, weir_bytes_of_text(value));
}

TEST(a_late_record_keeps_its_place_and_is_counted)
{
    WEIR_AUTO_PTR(weir_metrics) metrics = weir_metrics_new();
    dsl_fixture self;
    dsl_fixture_start_with(&self, in_time_windows(0, WEIR_EMIT_ON_WINDOW_UPDATE),
                           &(dsl_fixture_options){.metrics = metrics});
    dsl_send(&self, "in", "a", "1", 1500);
    dsl_send(&self, "in", "b", "2", 2000);
    dsl_check_end(&self, "late");
    CHECK_I64(dropped_records(metrics), ==, 0);
    dsl_send(&self, "in", "a", "3", 1600);
    const weir_record *record = NULL;
    weir_error err = {0};
    CHECK_OK(weir_test_driver_read(self.driver, "late", &record, &err), &err);
    CHECK_BYTES(record->key, WEIR_BYTES("a"));
    CHECK_BYTES(record->value, WEIR_BYTES("3"));
    CHECK_I64(record->timestamp_ms, ==, 1600);
    check_header(record, 0, "__streams.errors.topic", "in");
    check_header(record, 1, "__streams.errors.partition", "0");
    check_header(record, 2, "__streams.errors.offset", "2");
    dsl_check_end(&self, "late");
    dsl_send(&self, "in", NULL, "no key", 1600); /* Dropped, but not late. */
    dsl_check_end(&self, "late");
    CHECK_I64(dropped_records(metrics), ==, 2);
    dsl_fixture_end(&self);
}

TEST(a_record_that_one_of_its_windows_takes_is_not_late)
{
    dsl_fixture self;
    dsl_fixture_start(&self, in_time_windows(500, WEIR_EMIT_ON_WINDOW_UPDATE), "0");
    dsl_send(&self, "in", "a", "1", 2000);
    dsl_send(&self, "in", "a", "2", 1600); /* [1000, 2000) has closed, [1500, 2500) has not. */
    dsl_check_end(&self, "late");
    dsl_send(&self, "in", "a", "3", 1400);
    dsl_check_next(&self, "late", "a", "3", 1400);
    dsl_check_end(&self, "late");
    dsl_fixture_end(&self);
}

TEST(what_a_cache_or_a_closed_window_passes_on_is_not_late)
{
    dsl_fixture self;
    dsl_fixture_start(&self, in_time_windows(0, WEIR_EMIT_ON_WINDOW_CLOSE), "1000000");
    dsl_send(&self, "in", "a", "1", 100);
    dsl_send(&self, "in", "a", "2", 1100);
    dsl_skip(&self, "out", 1);
    dsl_check_end(&self, "late");
    dsl_send(&self, "in", "a", "3", 200);
    dsl_check_next(&self, "late", "a", "3", 200);
    dsl_fixture_restart(&self);
    dsl_send(&self, "in", "a", "4", 300); /* Late after a crash, too. */
    dsl_skip(&self, "late", 1);
    dsl_check_next(&self, "late", "a", "4", 300);
    dsl_check_end(&self, "late");
    dsl_fixture_end(&self);
}

TEST(sliding_windows_tell_of_late_records)
{
    weir_builder *builder = weir_builder_new();
    const weir_sliding_windows windows = {.time_difference_ms = SIZE_MS, .grace_ms = 500};
    tell_late(weir_time_windowed_count(
        weir_kgrouped_stream_windowed_by_sliding(grouped(builder, "in"), &windows), NULL, NULL));
    dsl_fixture self;
    dsl_fixture_start(&self, builder, "0");
    dsl_send(&self, "in", "a", "1", 9000);
    dsl_send(&self, "in", "a", "2", 10000);
    dsl_send(&self, "in", "a", "3", 9600);
    dsl_send(&self, "in", "a", "4", 9400); /* Its own window has closed; that of 10000 has it. */
    dsl_check_end(&self, "late");
    dsl_send(&self, "in", "b", "5", 9400); /* Nothing is after it, so there is none for it. */
    dsl_check_next(&self, "late", "b", "5", 9400);
    dsl_send(&self, "in", "a", "6", 8000);
    dsl_check_next(&self, "late", "a", "6", 8000);
    dsl_check_end(&self, "late");
    dsl_fixture_end(&self);
}

TEST(sessions_tell_of_late_records)
{
    weir_builder *builder = weir_builder_new();
    const weir_session_windows windows = {.inactivity_gap_ms = 100, .grace_ms = 500};
    tell_late(weir_session_windowed_count(
        weir_kgrouped_stream_windowed_by_session(grouped(builder, "in"), &windows), NULL, NULL));
    dsl_fixture self;
    dsl_fixture_start(&self, builder, "0");
    dsl_send(&self, "in", "a", "1", 5000);
    dsl_send(&self, "in", "a", "2", 4400);
    dsl_check_end(&self, "late");
    dsl_send(&self, "in", "a", "3", 4200);
    dsl_check_next(&self, "late", "a", "3", 4200);
    dsl_check_end(&self, "late");
    dsl_fixture_end(&self);
}

TEST(each_stream_of_a_cogroup_has_late_records)
{
    weir_builder *builder = weir_builder_new();
    weir_cogrouped_kstream *both = weir_kgrouped_stream_cogroup(grouped(builder, "in"), append);
    both = weir_cogrouped_kstream_cogroup(both, grouped(builder, "in2"), append);
    const weir_session_windows windows = {.inactivity_gap_ms = 100};
    tell_late(weir_session_windowed_cogrouped_aggregate(
        weir_cogrouped_kstream_windowed_by_session(both, &windows), empty, merge, NULL, NULL));
    dsl_fixture self;
    dsl_fixture_start(&self, builder, "0");
    dsl_send(&self, "in", "a", "1", 5000);
    dsl_send(&self, "in2", "a", "2", 6000);
    dsl_check_end(&self, "late");
    dsl_send(&self, "in", "a", "3", 4000);
    dsl_send(&self, "in2", "a", "4", 4000);
    dsl_check_next(&self, "late", "a", "3", 4000);
    dsl_check_next(&self, "late", "a", "4", 4000);
    dsl_check_end(&self, "late");
    dsl_fixture_end(&self);
}

static void check_join_of(weir_builder *builder, const char *right)
{
    const weir_join_windows windows = {.before_ms = 100, .after_ms = 100, .grace_ms = 200};
    weir_kstream *joined =
        weir_kstream_join(weir_builder_stream(builder, "in", NULL),
                          weir_builder_stream(builder, right, NULL), pair, &windows, NULL);
    weir_kstream_to(joined, "out", NULL);
    weir_kstream_to(weir_kstream_late_records(joined, NULL), "late", NULL);
    dsl_fixture self;
    dsl_fixture_start(&self, builder, "0");
    dsl_send(&self, "in", "a", "1", 1000);
    dsl_send(&self, right, "a", "2", 1000);
    dsl_send(&self, "in", "a", "3",
             700); /* Stream time is past it by no more than after + grace. */
    dsl_check_end(&self, "late");
    dsl_send(&self, right, "a", "4", 699);
    dsl_check_next(&self, "late", "a", "4", 699);
    dsl_check_end(&self, "late");
    dsl_fixture_end(&self);
}

TEST(a_join_tells_of_the_late_records_of_both_sides)
{
    check_join_of(weir_builder_new(), "in2");
}

TEST(a_stream_that_is_joined_with_itself_tells_of_late_records_once)
{
    weir_builder *builder = weir_builder_new();
    weir_builder_optimise(builder);
    weir_kstream *in = weir_builder_stream(builder, "in", NULL);
    const weir_join_windows windows = {.before_ms = 100, .after_ms = 100};
    weir_kstream *joined = weir_kstream_join(in, in, pair, &windows, NULL);
    weir_kstream_to(weir_kstream_late_records(joined, NULL), "late", NULL);
    dsl_fixture self;
    dsl_fixture_start(&self, builder, "0");
    dsl_send(&self, "in", "a", "1", 1000);
    dsl_send(&self, "in", "a", "2", 900);
    dsl_check_end(&self, "late");
    dsl_send(&self, "in", "a", "3", 899);
    dsl_check_next(&self, "late", "a", "3", 899);
    dsl_check_end(&self, "late");
    dsl_fixture_end(&self);
}

TEST(late_records_are_asked_for_where_there_are_windows)
{
    weir_builder *builder = weir_builder_new();
    (void)weir_kstream_late_records(weir_builder_stream(builder, "in", NULL), WEIR_NAMED("late"));
    dsl_check_mistake(builder, "only what a join of two streams answers has them");

    builder = weir_builder_new();
    weir_ktable *counts = weir_kgrouped_stream_count(grouped(builder, "in"), NULL, NULL);
    (void)weir_ktable_late_records(counts, NULL);
    dsl_check_mistake(builder, "only what a windowed aggregate answers has them");

    builder = weir_builder_new();
    const weir_time_windows windows = {.size_ms = SIZE_MS};
    counts = weir_time_windowed_count(
        weir_kgrouped_stream_windowed_by(grouped(builder, "in"), &windows), NULL, NULL);
    (void)weir_ktable_late_records(counts, NULL);
    (void)weir_ktable_late_records(counts, NULL);
    dsl_check_mistake(builder, "has a stream of late records already");
}
