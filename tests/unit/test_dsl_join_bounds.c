/* SPDX-License-Identifier: Apache-2.0
 *
 * test_dsl_join_bounds.c - joins at the very ms at which something changes, and what a join of
 * tables takes back from those behind it.
 */
#include "streams/dsl/dsl.h"
#include "tests/harness/check.h"
#include "tests/harness/dsl_fixture.h"
#include "tests/harness/dsl_functions.h"

enum { BEFORE_MS = 10, AFTER_MS = 20, GRACE_MS = 5 };

static weir_builder *outer_join(void)
{
    const weir_join_windows windows = {BEFORE_MS, AFTER_MS, GRACE_MS};
    weir_builder *builder = weir_builder_new();
    weir_kstream *left = weir_builder_stream(builder, "left", NULL);
    weir_kstream *right = weir_builder_stream(builder, "right", NULL);
    weir_kstream_to(weir_kstream_outer_join(left, right, dsl_pair_with_bar, &windows, NULL), "out",
                    NULL);
    return builder;
}

TEST(left_record_is_told_alone_when_its_own_window_and_grace_have_passed)
{
    dsl_fixture self;
    dsl_fixture_start(&self, outer_join(), "0");
    dsl_send(&self, "left", "a", "l", 100);
    dsl_send(&self, "right", "b", "r", 100 + AFTER_MS + GRACE_MS);
    dsl_check_end(&self,
                  "out"); /* The windows of right records reach less far: they do not count. */
    dsl_send(&self, "right", "b", "r", 100 + AFTER_MS + GRACE_MS + 1);
    dsl_check_next(&self, "out", "a", "l|null", 100);
    dsl_check_end(&self, "out");
    dsl_fixture_end(&self);
}

TEST(right_record_is_told_alone_when_its_own_window_and_grace_have_passed)
{
    dsl_fixture self;
    dsl_fixture_start(&self, outer_join(), "0");
    dsl_send(&self, "right", "a", "r", 100);
    dsl_send(&self, "right", "b", "r", 100 + BEFORE_MS + GRACE_MS);
    dsl_check_end(&self, "out");
    dsl_send(&self, "right", "b", "r", 100 + BEFORE_MS + GRACE_MS + 1);
    dsl_check_next(&self, "out", "a", "null|r", 100);
    dsl_check_end(&self, "out");
    dsl_fixture_end(&self);
}

/* Kafka Streams does not wait out the grace of one that comes after its window. */
TEST(record_whose_window_ends_now_waits_and_one_ms_later_is_told_at_once)
{
    dsl_fixture self;
    dsl_fixture_start(&self, outer_join(), "0");
    dsl_send(&self, "left", "now", "l", 200);
    dsl_send(&self, "left", "a", "in time", 200 - AFTER_MS);
    dsl_check_end(&self, "out");
    dsl_send(&self, "left", "b", "too late", 200 - AFTER_MS - 1);
    dsl_check_next(&self, "out", "b", "too late|null", 200 - AFTER_MS - 1);
    dsl_send(&self, "right", "a", "r", 200);
    dsl_check_next(&self, "out", "a", "in time|r", 200);
    dsl_check_end(&self, "out");
    dsl_fixture_end(&self);
}

static weir_status by_value(weir_call *call, const weir_record *record, weir_bytes *inout_key,
                            weir_bytes *inout_value)
{
    (void)call;
    (void)inout_value;
    *inout_key = record->value;
    return WEIR_OK;
}

/* How many keys have each pair; the joined rows are kept or computed. */
static weir_builder *pairs_counted(const char *store_name)
{
    weir_builder *builder = weir_builder_new();
    weir_ktable *left = weir_builder_table(builder, "left", NULL, NULL);
    weir_ktable *right = weir_builder_table(builder, "right", NULL, NULL);
    const weir_table_options kept = {.materialized = {.store_name = store_name}};
    weir_ktable *joined = weir_ktable_join(left, right, dsl_pair_with_bar, &kept);
    weir_kgrouped_table *grouped = weir_ktable_group_by(joined, by_value, NULL);
    weir_ktable *counts = weir_kgrouped_table_count(grouped, NULL);
    weir_kstream_to(
        weir_kstream_map_values(weir_ktable_to_stream(counts, NULL), dsl_count_as_text, NULL),
        "out", NULL);
    return builder;
}

static void check_taken_back(const char *store_name)
{
    dsl_fixture self;
    dsl_fixture_start(&self, pairs_counted(store_name), "0");
    dsl_send(&self, "left", "a", "l", 1);
    dsl_send(&self, "right", "a", "r", 2);
    dsl_check_next(&self, "out", "l|r", "1", 2);
    dsl_send(&self, "left", "a", "m", 3);
    dsl_check_next(&self, "out", "l|r", "0", 3);
    dsl_check_next(&self, "out", "m|r", "1", 3);
    dsl_send(&self, "right", "a", "s", 4);
    dsl_check_next(&self, "out", "m|r", "0", 4);
    dsl_check_next(&self, "out", "m|s", "1", 4);
    dsl_send(&self, "right", "a", NULL, 5);
    dsl_check_next(&self, "out", "m|s", "0", 5);
    dsl_check_end(&self, "out");
    dsl_fixture_end(&self);
}

TEST(group_gives_back_what_a_join_of_tables_that_is_kept_said_before)
{
    check_taken_back("joined");
}

TEST(group_gives_back_what_a_join_of_tables_that_is_computed_said_before)
{
    check_taken_back(NULL);
}

/* A buffer counts its entries, so that those of one key and time differ. It went on from 0 after a
 * restart, and a record replaced one from before it. */
TEST(records_of_one_key_and_time_are_all_there_after_a_restart)
{
    dsl_fixture self;
    dsl_fixture_start(&self, outer_join(), "0");
    dsl_send(&self, "left", "a", "before", 100);
    dsl_fixture_restart(&self);
    dsl_send(&self, "left", "a", "after", 100);
    dsl_send(&self, "right", "a", "r", 100);
    dsl_check_next(&self, "out", "a", "before|r", 100);
    dsl_check_next(&self, "out", "a", "after|r", 100);
    dsl_check_end(&self, "out");
    dsl_fixture_end(&self);
}
