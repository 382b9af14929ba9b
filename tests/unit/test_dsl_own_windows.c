/* SPDX-License-Identifier: Apache-2.0
 *
 * Windows of one's own (streams/dsl/own_windows.c): what the oracle's do not do, which is to make
 * mistakes, to refuse records, and to end before the longest does.
 */
#include "streams/dsl/dsl.h"
#include "tests/harness/check.h"
#include "tests/harness/dsl_fixture.h"

#include <string.h>

enum { SHIFT_MS = 1000, LONGEST_MS = 600 };

/* Shifts begin each second and last 600 ms, every second one 200; nobody works between them. Times
 * from 9 s on are answered as the test says. */
static weir_status shift_of(weir_call *call, int64_t timestamp_ms, const weir_window **out_windows,
                            size_t *out_count)
{
    static weir_window shift;
    static const weir_window too_long = {9000, 9000 + LONGEST_MS + 1};
    static const weir_window endless = {9000, 9000};
    static const weir_window negative = {-1, 9000};
    const char *mistake = call->user;
    int64_t start_ms = timestamp_ms / SHIFT_MS * SHIFT_MS;
    shift = (weir_window){start_ms, start_ms + (start_ms % (2 * SHIFT_MS) == 0 ? LONGEST_MS : 200)};
    *out_windows = &shift;
    *out_count = timestamp_ms < shift.end_ms ? 1 : 0;
    if (timestamp_ms < 9000 || mistake == NULL) {
        return WEIR_OK;
    }
    *out_count = 1;
    switch (*mistake) {
    case 'r':
        return weir_error_set(call->err, WEIR_BAD_RECORD, "of no time");
    case 'l':
        *out_windows = &too_long;
        break;
    case 'e':
        *out_windows = &endless;
        break;
    default:
        *out_windows = &negative;
    }
    return WEIR_OK;
}

static weir_kgrouped_stream *grouped(weir_builder *builder)
{
    return weir_kstream_group_by_key(weir_builder_stream(builder, "in", NULL), NULL);
}

static weir_windows shifts(const char *mistake)
{
    return (weir_windows){shift_of, (void *)(uintptr_t)mistake, LONGEST_MS, 0};
}

static weir_status start_and_count(weir_call *call, const weir_record *record, weir_bytes *out_key,
                                   weir_bytes *out_value)
{
    weir_windowed windowed = {0};
    int64_t count = 0;
    CHECK(weir_bytes_i64(record->value, &count));
    CHECK(weir_windowed_of(record->key, LONGEST_MS, &windowed));
    *out_key = weir_call_text(call, "%.*s@%d", (int)windowed.key.size,
                              (const char *)windowed.key.data, (int)windowed.start_ms);
    *out_value = weir_call_text(call, "%d", (int)count);
    return WEIR_OK;
}

static weir_ktable *counts_of(weir_builder *builder, const weir_windows *windows)
{
    return weir_time_windowed_count(weir_kgrouped_stream_windowed_by_own(grouped(builder), windows),
                                    NULL, NULL);
}

static void send_text(weir_ktable *counts)
{
    weir_kstream_to(weir_kstream_map(weir_ktable_to_stream(counts, NULL), start_and_count, NULL),
                    "out", NULL);
}

static weir_builder *counting(const char *mistake)
{
    weir_builder *builder = weir_builder_new();
    const weir_windows windows = shifts(mistake);
    weir_ktable *counts = counts_of(builder, &windows);
    send_text(counts);
    weir_kstream_to(weir_ktable_late_records(counts, NULL), "late", NULL);
    return builder;
}

TEST(record_between_windows_is_not_late_and_one_after_the_end_of_its_own_is)
{
    dsl_fixture self;
    dsl_fixture_start(&self, counting(NULL), "0");
    dsl_send(&self, "in", "a", "1", 1100);
    dsl_check_next(&self, "out", "a@1000", "1", 1100);
    dsl_send(&self, "in", "a", "2", 1700); /* Between shifts; it ends [1000, 1200). */
    dsl_check_end(&self, "out");
    dsl_check_end(&self, "late");
    dsl_send(&self, "in", "a", "3", 1150); /* The longest would take it. */
    dsl_check_end(&self, "out");
    dsl_check_next(&self, "late", "a", "3", 1150);
    dsl_fixture_restart(&self);
    dsl_fixture_end(&self);
}

TEST(suppressed_window_goes_at_its_own_end)
{
    dsl_fixture self;
    weir_builder *builder = weir_builder_new();
    const weir_windows windows = shifts(NULL);
    send_text(weir_ktable_suppress_until_window_closes(counts_of(builder, &windows), NULL));
    dsl_fixture_start(&self, builder, "0");
    dsl_send(&self, "in", "a", "1", 2100);
    dsl_send(&self, "in", "a", "2", 2300);
    dsl_check_end(&self, "out");
    dsl_send(&self, "in", "b", "3", 3050);
    dsl_check_next(&self, "out", "a@2000", "2", 2300);
    dsl_send(&self, "in", "b", "4", 3150);
    dsl_check_end(&self, "out");
    dsl_send(&self, "in", "b", "5", 4000); /* 3,200 is past, 3,600 too; */
    dsl_check_next(&self, "out", "b@3000", "2", 3150);
    dsl_send(&self, "in", "b", "6", 5000);
    dsl_check_next(&self, "out", "b@4000", "1", 4000);
    dsl_fixture_end(&self);
}

TEST(record_that_the_function_refuses_is_skipped_and_its_time_has_come_all_the_same)
{
    dsl_fixture self;
    dsl_fixture_start(&self, counting("refuses"), "0");
    dsl_send(&self, "in", "a", "1", 8100);
    dsl_check_next(&self, "out", "a@8000", "1", 8100);
    dsl_send(&self, "in", "a", "2", 9100);
    dsl_check_end(&self, "out");
    dsl_check_end(&self, "late");
    dsl_send(&self, "in", "a", "3", 8200);
    dsl_check_next(&self, "late", "a", "3", 8200);
    dsl_fixture_end(&self);
}

static void answers_badly(const char *mistake, const char *text)
{
    dsl_fixture self;
    dsl_fixture_start(&self, counting(mistake), "0");
    const weir_record record = {
        .topic = "in", .key = WEIR_BYTES("a"), .value = WEIR_BYTES("1"), .timestamp_ms = 9100};
    weir_error err = {0};
    CHECK_STATUS(weir_test_driver_pipe(self.driver, &record, &err), WEIR_INVALID);
    CHECK(strstr(err.message, text) != NULL);
    dsl_fixture_end(&self);
}

TEST(window_that_is_none_stops_the_application)
{
    answers_badly("long", "windows of one's own: [9000, 9601) is none of 1 to 600 ms");
    answers_badly("endless", "windows of one's own: [9000, 9000) is none of 1 to 600 ms");
    answers_badly("negative", "windows of one's own: [-1, 9000) is none");
}

static void check_mistake(const weir_windows *windows, const char *text)
{
    weir_builder *builder = weir_builder_new();
    (void)counts_of(builder, windows);
    dsl_check_mistake(builder, text);
}

TEST(windows_that_cannot_be_are_told_when_the_topology_is_built)
{
    static const char source[] = "windows after KSTREAM-SOURCE-0000000000: ";
    weir_windows windows = shifts(NULL);
    windows.windows_for = NULL;
    check_mistake(&windows, "a function that says which is needed");
    check_mistake(&windows, source);
    check_mistake(NULL, "a function that says which is needed");
    windows = shifts(NULL);
    windows.size_ms = 0;
    check_mistake(&windows, "a size above 0");
    windows = shifts(NULL);
    windows.grace_ms = -1;
    check_mistake(&windows, "a grace of 0 or more");
}

TEST(store_that_keeps_less_than_the_longest_window_is_refused)
{
    weir_builder *builder = weir_builder_new();
    const weir_windows windows = shifts(NULL);
    const weir_materialized kept = {.store_name = "st", .retention_ms = LONGEST_MS - 1};
    (void)weir_time_windowed_count(weir_kgrouped_stream_windowed_by_own(grouped(builder), &windows),
                                   &kept, NULL);
    dsl_check_mistake(builder, "store 'st': a retention of 599 ms is shorter than its windows");
}

TEST(they_are_not_passed_on_when_they_close)
{
    weir_builder *builder = weir_builder_new();
    const weir_windows windows = shifts(NULL);
    (void)weir_time_windowed_count(
        weir_time_windowed_emit_strategy(
            weir_kgrouped_stream_windowed_by_own(grouped(builder), &windows),
            WEIR_EMIT_ON_WINDOW_CLOSE),
        NULL, NULL);
    dsl_check_mistake(builder, "those of one's own are not passed on when they close");
}
