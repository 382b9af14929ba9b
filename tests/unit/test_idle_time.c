/* SPDX-License-Identifier: Apache-2.0
 *
 * Stream time that goes on with the clock where records have stopped (weir.stream.idle.ms): what it
 * lets go of, what is late then, and that neither comes twice after a crash. Windows that are
 * passed on when they close are in test_dsl_window_close.c.
 */
#include "streams/dsl/dsl.h"
#include "tests/harness/check.h"
#include "tests/harness/dsl_fixture.h"
#include "tests/harness/dsl_functions.h"

#include <inttypes.h>

enum { SIZE_MS = 1000 };

static weir_status window_as_text(weir_call *call, const weir_record *record, weir_bytes *out_key)
{
    weir_windowed window = {0};
    CHECK(weir_windowed_of(record->key, SIZE_MS, &window));
    *out_key = weir_call_text(call, "%.*s@%" PRId64, (int)window.key.size,
                              (const char *)window.key.data, window.start_ms);
    return WEIR_OK;
}

/* Counts of windows that have closed go to "out", late records to "late". */
static weir_builder *final_counts(void)
{
    weir_builder *builder = weir_builder_new();
    weir_kgrouped_stream *grouped =
        weir_kstream_group_by_key(weir_builder_stream(builder, "in", NULL), NULL);
    weir_time_windowed_kstream *windowed =
        weir_kgrouped_stream_windowed_by(grouped, &(weir_time_windows){.size_ms = SIZE_MS});
    weir_ktable *counts = weir_time_windowed_count(windowed, WEIR_STORED_AS("counts"), NULL);
    weir_kstream_to(weir_ktable_late_records(counts, NULL), "late", NULL);
    weir_kstream *closed =
        weir_ktable_to_stream(weir_ktable_suppress_until_window_closes(counts, NULL), NULL);
    closed = weir_kstream_map_values(closed, dsl_count_as_text, NULL);
    weir_kstream_to(weir_kstream_select_key(closed, window_as_text, NULL), "out", NULL);
    return builder;
}

static void start(dsl_fixture *self, weir_builder *owned_builder, const char *idle_ms)
{
    const dsl_fixture_options options = {.stream_idle_ms = idle_ms};
    dsl_fixture_start_with(self, owned_builder, &options);
}

static void advance(dsl_fixture *self, int64_t ms)
{
    weir_error err = {0};
    CHECK_OK(weir_test_driver_advance(self->driver, ms, &err), &err);
}

TEST(without_the_setting_time_is_that_of_records)
{
    dsl_fixture self;
    start(&self, final_counts(), NULL);
    dsl_send(&self, "in", "a", "x", 1100);
    advance(&self, 1000 * 1000);
    dsl_check_end(&self, "out");
    dsl_send(&self, "in", "a", "x", 1200);
    dsl_send(&self, "in", "a", "x", 2000);
    dsl_check_next(&self, "out", "a@1000", "2", 1200);
    dsl_fixture_end(&self);
}

TEST(window_closes_once_when_records_have_stopped)
{
    dsl_fixture self;
    start(&self, final_counts(), "500");
    advance(&self, 5000); /* No time yet. */
    dsl_send(&self, "in", "a", "x", 1100);
    advance(&self, 499);
    dsl_check_end(&self, "out");
    advance(&self, 400); /* It is 1,999. */
    dsl_check_end(&self, "out");
    advance(&self, 100);
    dsl_check_next(&self, "out", "a@1000", "1", 1100);
    advance(&self, 5000);
    dsl_check_end(&self, "out");
    dsl_fixture_restart(&self);
    dsl_skip(&self, "out", 1);
    dsl_send(&self, "in", "a", "y", 1300);
    dsl_check_next(&self, "late", "a", "y", 1300);
    advance(&self, 5000);
    dsl_check_end(&self, "out");
    dsl_fixture_end(&self);
}

TEST(each_record_begins_the_wait_anew)
{
    dsl_fixture self;
    start(&self, final_counts(), "500");
    dsl_send(&self, "in", "a", "x", 1900);
    for (int i = 0; i < 4; i++) {
        advance(&self, 400);
        dsl_send(&self, "in", "a", "x", 1900);
    }
    dsl_check_end(&self, "out");
    advance(&self, 500);
    dsl_check_next(&self, "out", "a@1000", "5", 1900);
    dsl_fixture_end(&self);
}

TEST(record_without_a_partner_goes_when_none_can_come)
{
    weir_builder *builder = weir_builder_new();
    weir_kstream *left = weir_builder_stream(builder, "left", NULL);
    weir_kstream *right = weir_builder_stream(builder, "right", NULL);
    const weir_join_windows windows = {.before_ms = 100, .after_ms = 1000, .grace_ms = 50};
    weir_kstream_to(weir_kstream_left_join(left, right, dsl_pair, &windows, NULL), "out", NULL);
    dsl_fixture self;
    start(&self, builder, "500");
    dsl_send(&self, "left", "a", "l", 2000);
    advance(&self, 1050);
    dsl_check_end(&self, "out");
    advance(&self, 500);
    dsl_check_next(&self, "out", "a", "l", 2000);
    advance(&self, 5000);
    dsl_check_end(&self, "out");
    dsl_fixture_end(&self);
}

TEST(record_that_waits_for_the_rows_of_its_time_goes_when_its_grace_has_passed)
{
    weir_builder *builder = weir_builder_new();
    const weir_materialized rows = {.store_name = "rows", .history_ms = 60000};
    weir_ktable *table = weir_builder_table(builder, "table", NULL, &rows);
    weir_kstream *in = weir_builder_stream(builder, "in", NULL);
    weir_kstream_to(weir_kstream_join_versioned(in, table, dsl_pair, 1000, NULL), "out", NULL);
    dsl_fixture self;
    start(&self, builder, "500");
    dsl_send(&self, "table", "a", "old", 1000);
    dsl_send(&self, "in", "a", "l", 2000);
    advance(&self, 999);
    dsl_send(&self, "table", "a", "row", 1900); /* In time, and begins the wait anew. */
    dsl_check_end(&self, "out");
    advance(&self, 1000);
    dsl_check_next(&self, "out", "a", "lrow", 2000);
    dsl_check_end(&self, "out");
    dsl_fixture_end(&self);
}

TEST(timers_of_stream_time_fire_when_records_have_stopped)
{
    weir_builder *builder = weir_builder_new();
    weir_kstream *in = weir_builder_stream(builder, "in", NULL);
    const weir_delay later = {.delay_ms = 1000};
    weir_kstream_to(weir_kstream_delay(in, &later, NULL), "out", NULL);
    dsl_fixture self;
    start(&self, builder, "500");
    dsl_send(&self, "in", "a", "x", 2000);
    advance(&self, 900);
    dsl_check_end(&self, "out");
    advance(&self, 100);
    dsl_check_next(&self, "out", "a", "x", 2000);
    dsl_fixture_restart(&self); /* It does not fire again. */
    dsl_skip(&self, "out", 1);
    advance(&self, 5000);
    dsl_check_end(&self, "out");
    dsl_fixture_end(&self);
}
