/* SPDX-License-Identifier: Apache-2.0
 *
 * The times that processors have seen outlive their process (streams/observed_time.c): what was too
 * late before a crash is too late after it.
 */
#include "statestore/rocksdb_store.h"
#include "streams/dsl/grouped.h"
#include "streams/dsl/joins.h"
#include "streams/dsl/kstream.h"
#include "streams/dsl/ktable.h"
#include "streams/dsl/sessions.h"
#include "streams/dsl/windowed.h"
#include "streams/kept_times.h"
#include "tests/harness/check.h"
#include "tests/harness/dsl_fixture.h"
#include "tests/harness/dsl_functions.h"

#include <stdlib.h>

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

static bool is_there(void *user, const weir_record *record)
{
    (void)user;
    return record->value.data != NULL;
}

/* Windows of 10 ms without grace over all records but those with the value x. */
static weir_builder *windows_of_most(void)
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
    return builder;
}

TEST(record_that_is_too_late_for_its_window_is_so_after_a_crash)
{
    dsl_fixture fixture;
    dsl_fixture_start(&fixture, windows_of_most(), "0");
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
    dsl_fixture_start(&fixture, windows_of_most(), "0");
    dsl_send(&fixture, "in", "k", "one", 5);
    dsl_send(&fixture, "in", "k", "x", 99);
    dsl_fixture_restart(&fixture);
    dsl_send(&fixture, "in", "j", "two", 6);
    dsl_check_next(&fixture, "out", "k", "one", 5);
    dsl_check_next(&fixture, "out", "j", "two", 6);
    dsl_check_end(&fixture, "out");
    dsl_fixture_end(&fixture);
}

static weir_builder *sessions_of_most(void)
{
    weir_builder *builder = weir_builder_new();
    weir_kstream *stream =
        weir_kstream_filter(weir_builder_stream(builder, "in", NULL), is_not_x, NULL);
    const weir_session_windows windows = {.inactivity_gap_ms = 10};
    weir_ktable *table = weir_session_windowed_reduce(
        weir_kgrouped_stream_windowed_by_session(weir_kstream_group_by_key(stream, NULL), &windows),
        first, NULL, NULL);
    weir_kstream_to(weir_kstream_select_key(
                        weir_kstream_filter(weir_ktable_to_stream(table, NULL), is_there, NULL),
                        dsl_first_letter, NULL),
                    "out", NULL);
    return builder;
}

/* A store has seen what its processor gave it, not what a filter kept from it: that reaches far_ms,
 * behind which the store would have let the rows of k go. */
static void check_rows(weir_builder *builder, int64_t far_ms, const dsl_fixture_options *options)
{
    dsl_fixture fixture;
    dsl_fixture_start_with(&fixture, builder, options);
    dsl_send(&fixture, "in", "k", "one", 5);
    dsl_send(&fixture, "in", "k", "x", far_ms);
    dsl_fixture_restart(&fixture);
    dsl_send(&fixture, "in", "k", "two", 6);
    dsl_fixture_restart(&fixture);
    dsl_send(&fixture, "in", "k", "three", 7);
    dsl_check_next(&fixture, "out", "k", "one", 5);
    dsl_check_next(&fixture, "out", "k", "one", 6);
    dsl_check_next(&fixture, "out", "k", "one", 7);
    dsl_check_end(&fixture, "out");
    dsl_fixture_end(&fixture);
}

static void check_window(const dsl_fixture_options *options)
{
    check_rows(windows_of_most(), 999, options);
}

static void check_session(const dsl_fixture_options *options)
{
    check_rows(sessions_of_most(), 999999, options);
}

static void check_join(const dsl_fixture_options *options)
{
    weir_builder *builder = weir_builder_new();
    weir_kstream *left =
        weir_kstream_filter(weir_builder_stream(builder, "in", NULL), is_not_x, NULL);
    weir_kstream *right = weir_builder_stream(builder, "right", NULL);
    const weir_join_windows windows = {.before_ms = 10, .after_ms = 10};
    weir_kstream_to(weir_kstream_join(left, right, dsl_pair, &windows, NULL), "out", NULL);
    dsl_fixture fixture;
    dsl_fixture_start_with(&fixture, builder, options);
    dsl_send(&fixture, "in", "k", "one", 5);
    dsl_send(&fixture, "in", "k", "x", 999999);
    dsl_fixture_restart(&fixture);
    dsl_send(&fixture, "right", "k", "two", 6);
    dsl_check_next(&fixture, "out", "k", "onetwo", 6);
    dsl_check_end(&fixture, "out");
    dsl_fixture_end(&fixture);
}

/* In memory and on disk, with a cache and without. */
static void check_variants(void (*check)(const dsl_fixture_options *options))
{
    static const char *const caches[] = {"0", "1000000"};
    for (size_t i = 0; i < 4; i++) {
        WEIR_AUTO_FREE char *directory = check_directory();
        WEIR_AUTO_PTR(weir_database) database = NULL;
        weir_error err = {0};
        if (i >= 2) {
            const weir_database_options disk = {.directory = directory};
            CHECK_OK(weir_database_open(&disk, &database, &err), &err);
        }
        check(&(dsl_fixture_options){.cache_bytes_max = caches[i % 2], .database = database});
    }
}

TEST(window_behind_a_filter_has_its_row_after_a_crash)
{
    check_variants(check_window);
}

TEST(session_behind_a_filter_has_its_row_after_a_crash)
{
    check_variants(check_session);
}

TEST(record_behind_a_filter_waits_for_its_partner_through_a_crash)
{
    check_variants(check_join);
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
