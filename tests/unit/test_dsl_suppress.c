/* SPDX-License-Identifier: Apache-2.0
 *
 * test_dsl_suppress.c - changes that are held back until a window closes, or for a time.
 */
#include "streams/dsl/grouped.h"
#include "streams/dsl/kstream.h"
#include "streams/dsl/suppress.h"
#include "streams/dsl/windowed.h"
#include "tests/harness/check.h"
#include "tests/harness/dsl_fixture.h"
#include "tests/harness/dsl_functions.h"

static const weir_materialized st = {.store_name = "st"};

static const char changelog[] = "test-late-store-changelog";

/* A table of the topic "in" whose changes are held back for 1000 ms. */
static weir_builder *late_table(weir_suppressed options)
{
    weir_builder *builder = weir_builder_new();
    options.name = "late";
    weir_ktable *late = weir_ktable_suppress_until_time_limit(
        weir_builder_table(builder, "in", NULL, &st), 1000, &options);
    weir_kstream_to(weir_ktable_to_stream(late, NULL), "out", NULL);
    return builder;
}

TEST(last_change_of_a_key_goes_after_the_first_ones_time)
{
    dsl_fixture self;
    dsl_fixture_start(&self, late_table((weir_suppressed){0}), "0");
    dsl_send(&self, "in", "a", "1", 1000);
    dsl_send(&self, "in", "a", "2", 1900);
    dsl_send(&self, "in", "b", "3", 1999);
    dsl_check_end(&self, "out");
    dsl_send(&self, "in", "b", "4", 2000);
    dsl_check_next(&self, "out", "a", "2", 1900);
    dsl_check_end(&self, "out");
    dsl_fixture_end(&self);
}

TEST(removal_goes_too_where_no_window_closes)
{
    dsl_fixture self;
    dsl_fixture_start(&self, late_table((weir_suppressed){0}), "0");
    dsl_send(&self, "in", "a", "1", 1000);
    dsl_send(&self, "in", "a", NULL, 1001);
    dsl_send(&self, "in", "b", "2", 5000);
    dsl_check_next(&self, "out", "a", NULL, 1001);
    dsl_check_end(&self, "out");
    dsl_fixture_end(&self);
}

TEST(what_is_held_back_comes_back_after_a_crash)
{
    static const char *const caches[] = {"0", "1000000"};
    for (size_t i = 0; i < 2; i++) {
        dsl_fixture self;
        dsl_fixture_start(&self, late_table((weir_suppressed){0}), caches[i]);
        dsl_send(&self, "in", "a", "1", 1000);
        dsl_send(&self, "in", "b", "2", 1500);
        dsl_fixture_restart(&self);
        dsl_send(&self, "in", "a", "3", 1600);
        dsl_send(&self, "in", "c", "4", 2000); /* The first of a was held back at 1000. */
        dsl_check_next(&self, "out", "a", "3", 1600);
        dsl_check_end(&self, "out");
        dsl_fixture_restart(&self);
        dsl_send(&self, "in", "c", "5", 2500);
        dsl_skip(&self, "out", 1);
        dsl_check_next(&self, "out", "b", "2", 1500);
        dsl_check_end(&self, "out");
        dsl_fixture_end(&self);
    }
}

/* timestamp | offset | "in" | partition | no headers | no prior | no old | "1" | time */
TEST(changelog_has_the_bytes_of_kafka_streams)
{
    dsl_fixture self;
    weir_error err = {0};
    const weir_record *record = NULL;
    dsl_fixture_start(&self, late_table((weir_suppressed){0}), "0");
    dsl_send(&self, "in", "a", "1", 1);
    CHECK_OK(weir_test_driver_read(self.driver, changelog, &record, &err), &err);
    CHECK_BYTES(record->key, WEIR_BYTES("a"));
    CHECK_BYTES(record->value, WEIR_BYTES("\0\0\0\0\0\0\0\1"
                                          "\0\0\0\0\0\0\0\0"
                                          "\0\0\0\2in"
                                          "\0\0\0\0"
                                          "\0\0\0\0"
                                          "\xff\xff\xff\xff"
                                          "\xff\xff\xff\xff"
                                          "\0\0\0\1"
                                          "1"
                                          "\0\0\0\0\0\0\0\1"));
    CHECK_I64(record->header_count, ==, 1);
    CHECK_BYTES(record->headers[0].key, WEIR_BYTES("v"));
    CHECK_BYTES(record->headers[0].value, WEIR_BYTES("\3"));
    dsl_send(&self, "in", "a", "2", 1001);
    CHECK_OK(weir_test_driver_read(self.driver, changelog, &record, &err), &err);
    CHECK(record->value.data == NULL);
    CHECK_I64(record->header_count, ==, 0);
    dsl_fixture_end(&self);
}

TEST(full_buffer_emits_the_oldest_early_where_it_is_told_to)
{
    dsl_fixture self;
    const weir_suppressed options = {.records_max = 2, .when_full = WEIR_BUFFER_EMITS_EARLY};
    dsl_fixture_start(&self, late_table(options), "0");
    dsl_send(&self, "in", "a", "1", 1000);
    dsl_send(&self, "in", "b", "2", 900);
    dsl_check_end(&self, "out");
    dsl_send(&self, "in", "c", "3", 1000);
    dsl_check_next(&self, "out", "b", "2", 900);
    dsl_check_end(&self, "out");
    dsl_fixture_end(&self);
}

/* Of each key a first value, of some another, and a crash in between: none is lost. */
static void check_spilling(weir_suppressed options)
{
    static const char *const keys[] = {"a", "b", "c", "d", "e"};
    enum { KEYS = 5 };
    dsl_fixture self;
    dsl_fixture_start(&self, late_table(options), "0");
    for (size_t i = 0; i < KEYS; i++) {
        dsl_send(&self, "in", keys[i], "first", (int64_t)i);
    }
    dsl_send(&self, "in", "d", "second", 10);
    dsl_fixture_restart(&self);
    dsl_send(&self, "in", "e", "third", 11);
    dsl_check_end(&self, "out");
    dsl_send(&self, "in", "later", "x", 1500);
    dsl_check_next(&self, "out", "a", "first", 0);
    dsl_check_next(&self, "out", "b", "first", 1);
    dsl_check_next(&self, "out", "c", "first", 2);
    dsl_check_next(&self, "out", "d", "second", 10);
    dsl_check_next(&self, "out", "e", "third", 11);
    dsl_check_end(&self, "out");
    dsl_fixture_restart(&self);
    dsl_send(&self, "in", "later", "y", 3000);
    dsl_skip(&self, "out", KEYS);
    dsl_check_next(&self, "out", "later", "y", 3000);
    dsl_check_end(&self, "out");
    dsl_fixture_end(&self);
}

TEST(full_buffer_goes_on_in_the_store)
{
    check_spilling((weir_suppressed){.records_max = 2});
    check_spilling((weir_suppressed){.bytes_max = 100});
    check_spilling((weir_suppressed){.bytes_max = 1});
    check_spilling((weir_suppressed){0});
}

TEST(full_buffer_stops_the_application_where_it_is_told_to)
{
    dsl_fixture self;
    weir_error err = {0};
    const weir_suppressed options = {.records_max = 1, .when_full = WEIR_BUFFER_STOPS};
    dsl_fixture_start(&self, late_table(options), "0");
    dsl_send(&self, "in", "a", "1", 1000);
    const weir_record record = {
        .topic = "in", .key = WEIR_BYTES("b"), .value = WEIR_BYTES("2"), .timestamp_ms = 1000};
    CHECK(weir_test_driver_pipe(self.driver, &record, &err) != WEIR_OK);
    dsl_fixture_end(&self);
}

TEST(window_is_told_once_when_its_grace_is_over)
{
    weir_builder *builder = weir_builder_new();
    weir_kgrouped_stream *grouped =
        weir_kstream_group_by_key(weir_builder_stream(builder, "in", NULL), NULL);
    weir_ktable *last = weir_time_windowed_reduce(
        weir_kgrouped_stream_windowed_by(grouped,
                                         &(weir_time_windows){.size_ms = 100, .grace_ms = 50}),
        dsl_last_value, &st, NULL);
    weir_kstream *final =
        weir_ktable_to_stream(weir_ktable_suppress_until_window_closes(last, NULL), NULL);
    weir_kstream_to(weir_kstream_select_key(final, dsl_first_letter, NULL), "out", NULL);
    dsl_fixture self;
    dsl_fixture_start(&self, builder, "0");
    dsl_send(&self, "in", "a", "1", 0);
    dsl_send(&self, "in", "a", "2", 149);
    dsl_send(&self, "in", "a", "3", 99);
    dsl_check_end(&self, "out");
    dsl_send(&self, "in", "b", "4", 150);
    dsl_check_next(&self, "out", "a", "3", 99);
    dsl_check_end(&self, "out");
    dsl_fixture_end(&self);
}

TEST(suppressions_that_cannot_be_are_mistakes)
{
    weir_builder *builder = weir_builder_new();
    (void)weir_ktable_suppress_until_window_closes(weir_builder_table(builder, "in", NULL, &st),
                                                   NULL);
    dsl_check_mistake(builder, "suppress after KTABLE-SOURCE-0000000001: nothing before it has "
                               "windows that close: use a time limit");
    builder = weir_builder_new();
    (void)weir_ktable_suppress_until_time_limit(weir_builder_table(builder, "in", NULL, &st), -1,
                                                NULL);
    dsl_check_mistake(builder, "a time limit of -1 ms");
    builder = weir_builder_new();
    weir_time_windowed_kstream *windowed = weir_kgrouped_stream_windowed_by(
        weir_kstream_group_by_key(weir_builder_stream(builder, "in", NULL), NULL),
        &(weir_time_windows){.size_ms = 100});
    (void)weir_ktable_suppress_until_window_closes(
        weir_time_windowed_count(windowed, &st, NULL),
        &(weir_suppressed){.records_max = 1, .when_full = WEIR_BUFFER_EMITS_EARLY});
    dsl_check_mistake(builder, "a buffer until windows close cannot emit early");
}
