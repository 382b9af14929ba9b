/* SPDX-License-Identifier: Apache-2.0
 *
 * Windows that are passed on once, when they have closed: through crashes, and however late
 * somebody looks. What Kafka Streams does tests/conformance says.
 */
#include "streams/dsl/grouped.h"
#include "streams/dsl/kstream.h"
#include "streams/dsl/ktable.h"
#include "streams/dsl/sessions.h"
#include "streams/dsl/windowed.h"
#include "tests/harness/check.h"
#include "tests/harness/dsl_fixture.h"
#include "tests/harness/dsl_functions.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE_MS = 1000 };

static const weir_materialized st = {.store_name = "st"};

static weir_status window_as_text(weir_call *call, const weir_record *record, weir_bytes *out_key)
{
    weir_windowed window = {0};
    CHECK(weir_windowed_of(record->key, SIZE_MS, &window));
    *out_key = weir_call_text(call, "%.*s@%" PRId64, (int)window.key.size,
                              (const char *)window.key.data, window.start_ms);
    return WEIR_OK;
}

static weir_status session_as_text(weir_call *call, const weir_record *record, weir_bytes *out_key)
{
    weir_session session = {0};
    CHECK(weir_session_of(record->key, &session));
    *out_key = weir_call_text(call, "%.*s@%" PRId64, (int)session.key.size,
                              (const char *)session.key.data, session.start_ms);
    return WEIR_OK;
}

static void tell(weir_ktable *table, weir_value_mapper key_as_text)
{
    weir_kstream *changes = weir_ktable_to_stream(table, NULL);
    changes = weir_kstream_map_values(changes, dsl_count_as_text, NULL);
    weir_kstream_to(weir_kstream_select_key(changes, key_as_text, NULL), "out", NULL);
}

static weir_kgrouped_stream *grouped(weir_builder *builder)
{
    return weir_kstream_group_by_key(weir_builder_stream(builder, "in", NULL), NULL);
}

static weir_builder *tumbling(weir_emit_strategy strategy)
{
    weir_builder *builder = weir_builder_new();
    const weir_time_windows windows = {.size_ms = SIZE_MS, .grace_ms = 500};
    weir_time_windowed_kstream *windowed = weir_time_windowed_emit_strategy(
        weir_kgrouped_stream_windowed_by(grouped(builder), &windows), strategy);
    tell(weir_time_windowed_count(windowed, &st, NULL), window_as_text);
    return builder;
}

static weir_builder *sliding(void)
{
    weir_builder *builder = weir_builder_new();
    const weir_sliding_windows windows = {.time_difference_ms = SIZE_MS, .grace_ms = 500};
    weir_time_windowed_kstream *windowed = weir_time_windowed_emit_strategy(
        weir_kgrouped_stream_windowed_by_sliding(grouped(builder), &windows),
        WEIR_EMIT_ON_WINDOW_CLOSE);
    tell(weir_time_windowed_count(windowed, &st, NULL), window_as_text);
    return builder;
}

static weir_builder *sessions(void)
{
    weir_builder *builder = weir_builder_new();
    const weir_session_windows windows = {.inactivity_gap_ms = SIZE_MS, .grace_ms = 500};
    weir_session_windowed_kstream *windowed = weir_session_windowed_emit_strategy(
        weir_kgrouped_stream_windowed_by_session(grouped(builder), &windows),
        WEIR_EMIT_ON_WINDOW_CLOSE);
    tell(weir_session_windowed_count(windowed, &st, NULL), session_as_text);
    return builder;
}

TEST(closed_windows_go_once_by_time_and_key)
{
    dsl_fixture self;
    dsl_fixture_start(&self, tumbling(WEIR_EMIT_ON_WINDOW_CLOSE), "0");
    dsl_send(&self, "in", "b", "x", 1100);
    dsl_send(&self, "in", "aa", "x", 1300);
    dsl_send(&self, "in", "a", "x", 1200);
    dsl_send(&self, "in", "a", "x", 2100);
    dsl_send(&self, "in", "a", "x", 1900); /* Within the grace. */
    dsl_send(&self, "in", "c", "x", 2499);
    dsl_check_end(&self, "out");
    dsl_send(&self, "in", "c", "x", 2500);
    dsl_check_next(&self, "out", "a@1000", "2", 1900);
    dsl_check_next(&self, "out", "aa@1000", "1", 1300);
    dsl_check_next(&self, "out", "b@1000", "1", 1100);
    dsl_check_end(&self, "out");
    dsl_send(&self, "in", "a", "x", 1950); /* Too late. */
    dsl_send(&self, "in", "c", "x", 3600);
    dsl_check_next(&self, "out", "a@2000", "1", 2100);
    dsl_check_next(&self, "out", "c@2000", "2", 2500);
    dsl_check_end(&self, "out");
    dsl_fixture_end(&self);
}

static void closes_without_a_record(weir_builder *owned_builder, const char *key)
{
    weir_error err = {0};
    const dsl_fixture_options options = {.stream_idle_ms = "1000"};
    dsl_fixture self;
    dsl_fixture_start_with(&self, owned_builder, &options);
    dsl_send(&self, "in", "a", "x", 1100);
    CHECK_OK(weir_test_driver_advance(self.driver, 999, &err), &err);
    dsl_check_end(&self, "out");
    CHECK_OK(weir_test_driver_advance(self.driver, 4001, &err), &err);
    dsl_check_next(&self, "out", key, "1", 1100);
    dsl_fixture_restart(&self);
    dsl_skip(&self, "out", 1);
    dsl_send(&self, "in", "a", "x", 1200); /* Too late. */
    CHECK_OK(weir_test_driver_advance(self.driver, 5000, &err), &err);
    dsl_check_end(&self, "out");
    dsl_fixture_end(&self);
}

TEST(windows_close_without_a_record_where_stream_time_goes_on)
{
    closes_without_a_record(tumbling(WEIR_EMIT_ON_WINDOW_CLOSE), "a@1000");
    closes_without_a_record(sliding(), "a@100");
    closes_without_a_record(sessions(), "a@1100");
}

/* A crash with what is still open, and one after it was passed on. */
static void check_crashes(weir_builder *builder, const dsl_fixture_options *options,
                          int64_t first_start_ms)
{
    WEIR_AUTO(weir_buf) first = {0};
    weir_buf_append_format(&first, "a@%" PRId64, first_start_ms);
    dsl_fixture self;
    dsl_fixture_start_with(&self, builder, options);
    dsl_send(&self, "in", "a", "x", 11100);
    dsl_send(&self, "in", "b", "x", 12300);
    dsl_fixture_restart(&self);
    dsl_send(&self, "in", "b", "x", 12650); /* 11100 has closed. */
    dsl_check_next(&self, "out", weir_buf_text(&first), "1", 11100);
    dsl_check_end(&self, "out");
    dsl_fixture_restart(&self);
    dsl_send(&self, "in", "c", "x", 12700); /* And is not told of again. */
    dsl_skip(&self, "out", 1);
    dsl_check_end(&self, "out");
    dsl_fixture_end(&self);
}

TEST(windows_go_once_through_crashes)
{
    static const char *const caches[] = {"0", "1000000"};
    for (size_t i = 0; i < WEIR_COUNT_OF(caches); i++) {
        const dsl_fixture_options options = {.cache_bytes_max = caches[i]};
        check_crashes(tumbling(WEIR_EMIT_ON_WINDOW_CLOSE), &options, 11000);
        check_crashes(sessions(), &options, 11100);
        check_crashes(sliding(), &options, 10100);
    }
}

static weir_database *open_database(const char *directory)
{
    weir_error err = {0};
    weir_database *database = NULL;
    const weir_database_options options = {.directory = directory};
    CHECK_OK(weir_database_open(&options, &database, &err), &err);
    return database;
}

TEST(windows_on_disk_go_once_through_restarts)
{
    WEIR_AUTO_FREE char *directory = check_directory();
    WEIR_AUTO_PTR(weir_database) database = open_database(directory);
    const dsl_fixture_options options = {.database = database};
    check_crashes(tumbling(WEIR_EMIT_ON_WINDOW_CLOSE), &options, 11000);
}

TEST(rows_from_a_time_without_an_order_are_passed_on)
{
    WEIR_AUTO_FREE char *directory = check_directory();
    WEIR_AUTO_PTR(weir_database) database = open_database(directory);
    const dsl_fixture_options options = {.database = database};
    dsl_fixture self;
    dsl_fixture_start_with(&self, tumbling(WEIR_EMIT_ON_WINDOW_UPDATE), &options);
    dsl_send(&self, "in", "a", "x", 1100);
    dsl_check_next(&self, "out", "a@1000", "1", 1100);
    weir_builder *before = self.builder;
    weir_error err = {0};
    self.builder = tumbling(WEIR_EMIT_ON_WINDOW_CLOSE);
    CHECK_OK(weir_builder_build(self.builder, &self.topology, &err), &err);
    dsl_fixture_restart(&self);
    weir_builder_free(before);
    dsl_send(&self, "in", "a", "x", 1200);
    dsl_send(&self, "in", "b", "x", 2500);
    dsl_skip(&self, "out", 1);
    dsl_check_next(&self, "out", "a@1000", "2", 1200);
    dsl_check_end(&self, "out");
    dsl_fixture_end(&self);
}

/* Retention is over long before somebody looks: stream time leaps, the clock stands still. */
TEST(windows_that_nobody_looked_for_do_not_expire)
{
    dsl_fixture self;
    weir_error err = {0};
    const dsl_fixture_options options = {.emit_interval_ms = "1000"};
    dsl_fixture_start_with(&self, tumbling(WEIR_EMIT_ON_WINDOW_CLOSE), &options);
    dsl_send(&self, "in", "a", "x", 100); /* The first look: nothing has closed. */
    for (int64_t hour = 1; hour <= 5; hour++) {
        dsl_send(&self, "in", "b", "x", hour * 3600 * 1000);
    }
    dsl_check_end(&self, "out");
    dsl_fixture_restart(&self); /* It does not depend on this owner. */
    CHECK_OK(weir_test_driver_advance(self.driver, 1000, &err), &err);
    dsl_check_end(&self, "out"); /* Not the clock passes windows on, but a record. */
    dsl_send(&self, "in", "c", "x", 5 * 3600 * 1000);
    dsl_check_next(&self, "out", "a@0", "1", 100);
    for (int64_t hour = 1; hour <= 4; hour++) {
        WEIR_AUTO(weir_buf) key = {0};
        weir_buf_append_format(&key, "b@%" PRId64, hour * 3600 * 1000);
        dsl_check_next(&self, "out", weir_buf_text(&key), "1", hour * 3600 * 1000);
    }
    dsl_check_end(&self, "out");
    dsl_fixture_end(&self);
}

TEST(late_records_and_those_without_a_key_are_counted)
{
    WEIR_AUTO_PTR(weir_metrics) metrics = weir_metrics_new();
    const dsl_fixture_options options = {.metrics = metrics};
    const weir_label label = {"application_id", "test"};
    dsl_fixture self;
    dsl_fixture_start_with(&self, tumbling(WEIR_EMIT_ON_WINDOW_CLOSE), &options);
    dsl_send(&self, "in", "a", "x", 9000);
    dsl_send(&self, "in", "a", "x", 1000);
    dsl_send(&self, "in", NULL, "x", 9000);
    CHECK_I64(weir_metrics_sum(metrics, "weir_stream_task_dropped_records_total", &label), ==, 2);
    dsl_fixture_end(&self);
}

TEST(names_of_stores_that_do_not_fit_into_a_commit_are_refused)
{
    WEIR_AUTO_PTR(weir_builder) builder = weir_builder_new();
    const weir_time_windows windows = {.size_ms = SIZE_MS};
    weir_kgrouped_stream *records = grouped(builder);
    for (int i = 0; i < 20; i++) {
        WEIR_AUTO(weir_buf) name = {0};
        weir_buf_append_format(&name, "%0128d", i);
        const weir_materialized named = {.store_name = weir_buf_text(&name)};
        weir_time_windowed_kstream *windowed = weir_time_windowed_emit_strategy(
            weir_kgrouped_stream_windowed_by(records, &windows), WEIR_EMIT_ON_WINDOW_CLOSE);
        (void)weir_time_windowed_count(windowed, &named, NULL);
    }
    const weir_topology *topology = NULL;
    weir_error err = {0};
    CHECK_STATUS(weir_builder_build(builder, &topology, &err), WEIR_INVALID);
    CHECK(strstr(err.message, "shorten them") != NULL);
}
