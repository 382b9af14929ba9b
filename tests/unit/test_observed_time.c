/* SPDX-License-Identifier: Apache-2.0
 *
 * The times that processors have seen outlive their process (streams/observed_time.c): what was too
 * late before a crash is too late after it.
 */
#include "streams/dsl/grouped.h"
#include "streams/dsl/kstream.h"
#include "streams/dsl/ktable.h"
#include "streams/dsl/windowed.h"
#include "streams/kept_times.h"
#include "tests/harness/check.h"
#include "tests/harness/dsl_fixture.h"
#include "tests/harness/dsl_functions.h"

static bool is_not_x(void *user, const weir_record *record)
{
    (void)user;
    return !weir_bytes_equal(record->value, WEIR_BYTES("x"));
}

static weir_status first(weir_call *call, weir_bytes aggregate, weir_bytes value,
                         weir_bytes *out_aggregate)
{
    (void)call;
    (void)value;
    *out_aggregate = aggregate;
    return WEIR_OK;
}

/* Windows of 10 ms without grace over all records but those with the value x. */
static void start(dsl_fixture *fixture)
{
    weir_builder *builder = weir_builder_new();
    weir_kstream *stream =
        weir_kstream_filter(weir_builder_stream(builder, "in", NULL), is_not_x, NULL);
    const weir_time_windows windows = {.size_ms = 10};
    weir_ktable *table = weir_time_windowed_reduce(
        weir_kgrouped_stream_windowed_by(weir_kstream_group_by_key(stream, NULL), &windows), first,
        NULL, NULL);
    weir_kstream_to(
        weir_kstream_select_key(weir_ktable_to_stream(table, NULL), dsl_first_letter, NULL), "out",
        NULL);
    dsl_fixture_start(fixture, builder, "0");
}

TEST(record_that_is_too_late_for_its_window_is_so_after_a_crash)
{
    dsl_fixture fixture;
    start(&fixture);
    dsl_send(&fixture, "in", "k", "one", 25);
    dsl_fixture_restart(&fixture);
    dsl_send(&fixture, "in", "k", "late", 5);
    dsl_send(&fixture, "in", "j", "two", 29);
    dsl_check_next(&fixture, "out", "k", "one", 25);
    dsl_check_next(&fixture, "out", "j", "two", 29);
    dsl_check_end(&fixture, "out");
    dsl_fixture_end(&fixture);
}

/* The task has seen 99, the processor of the windows has not. */
TEST(record_that_another_processor_took_makes_nothing_late_after_a_crash)
{
    dsl_fixture fixture;
    start(&fixture);
    dsl_send(&fixture, "in", "k", "one", 5);
    dsl_send(&fixture, "in", "k", "x", 99);
    dsl_fixture_restart(&fixture);
    dsl_send(&fixture, "in", "j", "two", 6);
    dsl_check_next(&fixture, "out", "k", "one", 5);
    dsl_check_next(&fixture, "out", "j", "two", 6);
    dsl_check_end(&fixture, "out");
    dsl_fixture_end(&fixture);
}

TEST(times_with_a_mark_are_forgotten_and_others_stay)
{
    weir_kept_times times = {0};
    int64_t ms = 0;
    weir_kept_times_set(&times, "@a", 1);
    weir_kept_times_set(&times, "b", 2);
    weir_kept_times_set(&times, "@c", 3);
    weir_kept_times_forget(&times, '@');
    CHECK_I64(times.count, ==, 1);
    CHECK(!weir_kept_times_get(&times, "@a", &ms));
    CHECK(weir_kept_times_get(&times, "b", &ms));
    CHECK_I64(ms, ==, 2);
    weir_kept_times_cleanup(&times);
}
