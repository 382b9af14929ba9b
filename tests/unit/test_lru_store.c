/* SPDX-License-Identifier: Apache-2.0
 *
 * Stores of at most so many entries in an application: what a crash leaves of them, and which
 * options go with them. What each call does is compared with Kafka Streams (tests/conformance) and
 * with an array (tests/model).
 */
#include "streams/dsl/dsl.h"
#include "tests/harness/check.h"
#include "tests/harness/dsl_fixture.h"
#include "tests/harness/dsl_functions.h"

/* Counts of the last two keys. */
static void start(dsl_fixture *self, bool logging_disabled)
{
    weir_builder *builder = weir_builder_new();
    weir_kgrouped_stream *grouped =
        weir_kstream_group_by_key(weir_builder_stream(builder, "in", NULL), NULL);
    const weir_materialized two = {
        .store_name = "two", .entries_max = 2, .logging_disabled = logging_disabled};
    weir_kstream *counts =
        weir_ktable_to_stream(weir_kgrouped_stream_count(grouped, &two, NULL), NULL);
    weir_kstream_to(weir_kstream_map_values(counts, dsl_count_as_text, NULL), "out", NULL);
    dsl_fixture_start(self, builder, "1000000"); /* A cache of others' stores changes nothing. */
}

static void check_counts(dsl_fixture *self, const char *keys, const char *counts)
{
    for (size_t i = 0; keys[i] != '\0'; i++) {
        const char key[] = {keys[i], '\0'};
        const char count[] = {counts[i], '\0'};
        dsl_send(self, "in", key, "v", 0);
        dsl_check_next(self, "out", key, count, 0);
    }
}

TEST(table_counts_a_key_anew_that_it_has_forgotten)
{
    dsl_fixture self;
    start(&self, false);
    check_counts(&self, "ababacaba", "112231415");
    dsl_fixture_end(&self);
}

/* The changelog of a table hears of no eviction, in Kafka Streams as here: a restore must keep to
 * the bound by itself, and the order of the last writes is what it knows. */
TEST(restore_keeps_the_entries_that_were_written_last)
{
    dsl_fixture self;
    start(&self, false);
    check_counts(&self, "abcdd", "11112");
    dsl_fixture_restart(&self);
    dsl_skip(&self, "out", 5);
    check_counts(&self, "cdaac", "23121");
    dsl_fixture_end(&self);
}

TEST(store_without_a_changelog_is_empty_after_a_crash)
{
    dsl_fixture self;
    start(&self, true);
    check_counts(&self, "ab", "11");
    dsl_fixture_restart(&self);
    dsl_skip(&self, "out", 2);
    check_counts(&self, "ab", "11");
    dsl_fixture_end(&self);
}

static void check_mistake(const weir_store_options *options)
{
    weir_builder *builder = weir_builder_new();
    weir_builder_add_store(builder, options);
    dsl_check_mistake(builder, "store 'two': entries_max is 0 or more, of a key-value store "
                               "without a cache");
}

TEST(bound_that_makes_no_sense_is_a_mistake)
{
    check_mistake(&(weir_store_options){.name = "two", .entries_max = -1});
    check_mistake(&(weir_store_options){.name = "two", .entries_max = 2, .caching_enabled = true});
    check_mistake(&(weir_store_options){
        .name = "two", .entries_max = 2, .kind = WEIR_STORE_WINDOW, .retention_ms = 1});
}
