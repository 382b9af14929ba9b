/* SPDX-License-Identifier: Apache-2.0
 *
 * test_dsl_mistakes.c - what cannot be built is refused by weir_builder_build, or by
 * weir_topology_build, with a sentence that names the node; nothing crashes on what was left out.
 */
#include "streams/dsl/dsl.h"
#include "streams/topology_plan.h"
#include "tests/harness/check.h"
#include "tests/harness/dsl_fixture.h"
#include "tests/harness/dsl_functions.h"

#include <stdlib.h>
#include <string.h>

static weir_status same_key(weir_call *call, const weir_record *record, weir_bytes *out_key)
{
    (void)call;
    *out_key = record->key;
    return WEIR_OK;
}

static weir_status pass(weir_processor *processor, const weir_record *record, weir_error *err)
{
    return weir_context_forward(processor->context, record, err);
}

static void free_pass(weir_processor *processor)
{
    free(processor);
}

static weir_processor *new_pass(void *user)
{
    static const weir_processor_ops ops = {.process = pass, .free = free_pass};
    (void)user;
    weir_processor *processor = weir_alloc(sizeof(*processor));
    processor->ops = &ops;
    return processor;
}

/* A builder with a stream, and the rest of a program that has one mistake. */
typedef void (*program)(weir_builder *builder, weir_kstream *in);

static void check(program rest, const char *text)
{
    weir_builder *builder = weir_builder_new();
    rest(builder, weir_builder_stream(builder, "in", NULL));
    dsl_check_mistake(builder, text);
}

static weir_kgrouped_stream *grouped(weir_kstream *in)
{
    return weir_kstream_group_by_key(in, NULL);
}

static weir_ktable *table_of(weir_builder *builder, const char *topic)
{
    return weir_builder_table(builder, topic, NULL, NULL);
}

/* Each of these forgets a function. */
#define PROGRAM(name) static void name(weir_builder *builder, weir_kstream *in)
#define UNUSED (void)builder, (void)in

PROGRAM(filters)
{
    UNUSED;
    (void)weir_kstream_filter(in, NULL, WEIR_NAMED("good-ones"));
}
PROGRAM(filters_not)
{
    UNUSED;
    (void)weir_kstream_filter_not(in, NULL, NULL);
}
PROGRAM(maps)
{
    UNUSED;
    (void)weir_kstream_map(in, NULL, NULL);
}
PROGRAM(maps_values)
{
    UNUSED;
    (void)weir_kstream_map_values(in, NULL, NULL);
}
PROGRAM(flat_maps)
{
    UNUSED;
    (void)weir_kstream_flat_map(in, NULL, NULL);
}
PROGRAM(peeks)
{
    UNUSED;
    (void)weir_kstream_peek(in, NULL, NULL);
}
PROGRAM(ends)
{
    UNUSED;
    weir_kstream_foreach(in, NULL, NULL);
}
PROGRAM(groups)
{
    UNUSED;
    (void)weir_kgrouped_stream_count(weir_kstream_group_by(in, NULL, NULL), NULL, NULL);
}
PROGRAM(branches)
{
    UNUSED;
    (void)weir_branched_kstream_branch(weir_kstream_split(in, NULL), NULL, NULL);
}
PROGRAM(processes)
{
    UNUSED;
    (void)weir_kstream_process(in, NULL, WEIR_NAMED("mine"), NULL);
}
PROGRAM(reduces)
{
    UNUSED;
    (void)weir_kgrouped_stream_reduce(grouped(in), NULL, NULL, WEIR_NAMED("least"));
}
PROGRAM(aggregates)
{
    UNUSED;
    (void)weir_kgrouped_stream_aggregate(grouped(in), NULL, NULL, NULL, NULL);
}
PROGRAM(aggregates_sessions)
{
    UNUSED;
    const weir_session_windows windows = {.inactivity_gap_ms = 1};
    (void)weir_session_windowed_aggregate(
        weir_kgrouped_stream_windowed_by_session(grouped(in), &windows), NULL, NULL, NULL);
}
PROGRAM(cogroups)
{
    UNUSED;
    (void)weir_cogrouped_kstream_aggregate(weir_kgrouped_stream_cogroup(grouped(in), NULL), NULL,
                                           NULL, NULL);
}
PROGRAM(joins_table)
{
    (void)weir_kstream_join_table(in, table_of(builder, "rows"), NULL, NULL);
}
PROGRAM(joins_stream)
{
    const weir_join_windows windows = {.after_ms = 1};
    (void)weir_kstream_join(in, weir_builder_stream(builder, "more", NULL), NULL, &windows, NULL);
}
PROGRAM(joins_global)
{
    weir_global_table *rows = weir_builder_global_table(builder, "rows", NULL, NULL);
    (void)weir_kstream_join_global(in, rows, same_key, NULL, WEIR_NAMED("enrich"));
}
PROGRAM(joins_tables)
{
    UNUSED;
    (void)weir_ktable_join(table_of(builder, "a"), table_of(builder, "b"), NULL, NULL);
}
PROGRAM(joins_foreign)
{
    UNUSED;
    (void)weir_ktable_join_foreign(table_of(builder, "a"), table_of(builder, "b"), NULL,
                                   dsl_left_value, NULL);
}
PROGRAM(filters_table)
{
    UNUSED;
    (void)weir_ktable_filter(table_of(builder, "a"), NULL, NULL);
}
PROGRAM(maps_table)
{
    UNUSED;
    (void)weir_ktable_map_values(table_of(builder, "a"), NULL, NULL);
}
PROGRAM(groups_table)
{
    UNUSED;
    (void)weir_kgrouped_table_count(weir_ktable_group_by(table_of(builder, "a"), NULL, NULL), NULL);
}

TEST(operator_without_its_function_is_named)
{
    static const struct {
        program rest;
        const char *text;
    } mistakes[] = {
        {filters, "operator 'good-ones': give it a function, not NULL"},
        {filters_not, "operator 'KSTREAM-FILTER-0000000001': give it a function"},
        {maps, "operator 'KSTREAM-MAP-0000000001': give it a function"},
        {maps_values, "operator 'KSTREAM-MAPVALUES-0000000001': give it a function"},
        {flat_maps, "operator 'KSTREAM-FLATMAP-0000000001': give it a function"},
        {peeks, "operator 'KSTREAM-PEEK-0000000001': give it a function"},
        {ends, "operator 'KSTREAM-FOREACH-0000000001': give it a function"},
        {groups, "operator 'KSTREAM-KEY-SELECT-0000000001': give it a function"},
        {branches, "operator 'KSTREAM-BRANCH-00000000011': give it a predicate"},
        {processes, "operator 'mine': give it a supplier"},
        {reduces, "operator 'least': give it a function that aggregates"},
        {aggregates, "give it a function that aggregates, not NULL"},
        {aggregates_sessions, "give it a function that aggregates, not NULL"},
        {cogroups, "give it an aggregator, not NULL"},
        {joins_table, "operator 'KSTREAM-JOIN-0000000004': give it a joiner"},
        {joins_stream, "operator 'KSTREAM-SOURCE-0000000000': give it a joiner for what joins it"},
        {joins_global, "operator 'enrich': give it a joiner"},
        {joins_tables, "operator 'KTABLE-MERGE-0000000007': give it a joiner"},
        {joins_foreign, "give it a key selector, not NULL"},
        {filters_table, "operator 'KTABLE-FILTER-0000000004': give it a predicate"},
        {maps_table, "operator 'KTABLE-MAPVALUES-0000000004': give it a mapper"},
        {groups_table, "operator 'KTABLE-SELECT-0000000004': give it a selector"},
    };
    for (size_t i = 0; i < WEIR_COUNT_OF(mistakes); i++) {
        check(mistakes[i].rest, mistakes[i].text);
    }
}

PROGRAM(reads_no_topic)
{
    UNUSED;
    (void)weir_builder_stream(builder, NULL, &(weir_consumed){.name = "orders"});
}
PROGRAM(reads_no_table)
{
    UNUSED;
    (void)table_of(builder, NULL);
}
PROGRAM(writes_no_topic)
{
    UNUSED;
    weir_kstream_to(in, "", &(weir_produced){.name = "out"});
}
PROGRAM(adds_no_store)
{
    UNUSED;
    weir_builder_add_store(builder, NULL);
}

TEST(topic_or_store_without_a_name_is_refused)
{
    check(reads_no_topic, "operator 'orders': give it the name of a topic");
    check(reads_no_table, "operator 'table': give it the name of a topic");
    check(writes_no_topic, "operator 'out': give it the name of a topic");
    check(adds_no_store, "operator 'store': give it options with a name");
}

PROGRAM(windows_of_nothing)
{
    UNUSED;
    (void)weir_time_windowed_count(weir_kgrouped_stream_windowed_by(grouped(in), NULL), NULL, NULL);
}
PROGRAM(slides_over_nothing)
{
    UNUSED;
    (void)weir_time_windowed_count(weir_kgrouped_stream_windowed_by_sliding(grouped(in), NULL),
                                   NULL, NULL);
}
PROGRAM(sessions_of_nothing)
{
    UNUSED;
    (void)weir_session_windowed_count(weir_kgrouped_stream_windowed_by_session(grouped(in), NULL),
                                      NULL, NULL);
}
PROGRAM(joins_without_windows)
{
    (void)weir_kstream_join(in, weir_builder_stream(builder, "more", NULL), dsl_left_value, NULL,
                            NULL);
}
PROGRAM(forgets_too_early)
{
    UNUSED;
    const weir_time_windows windows = {.size_ms = 1000, .grace_ms = 10};
    (void)weir_time_windowed_count(
        weir_kgrouped_stream_windowed_by(grouped(in), &windows),
        &(weir_materialized){.store_name = "short", .retention_ms = 1009}, NULL);
}
PROGRAM(forgets_sessions_too_early)
{
    UNUSED;
    const weir_session_windows windows = {.inactivity_gap_ms = 100, .grace_ms = 10};
    (void)weir_session_windowed_reduce(
        weir_kgrouped_stream_windowed_by_session(grouped(in), &windows), dsl_last_value,
        &(weir_materialized){.store_name = "short", .retention_ms = 109}, NULL);
}

TEST(windows_must_be_there_and_their_store_must_keep_them)
{
    check(windows_of_nothing, "windows after KSTREAM-SOURCE-0000000000: a size above 0");
    check(slides_over_nothing, "windows after KSTREAM-SOURCE-0000000000: a size above 0");
    check(sessions_of_nothing, "sessions after KSTREAM-SOURCE-0000000000: an inactivity gap");
    check(joins_without_windows, "join after KSTREAM-SOURCE-0000000000: before and after");
    check(forgets_too_early, "store 'short': a retention of 1009 ms is shorter than its windows "
                             "and their grace: give it at least 1010");
    check(forgets_sessions_too_early, "store 'short': a retention of 109 ms is shorter");
}

PROGRAM(uses_an_unknown_store)
{
    UNUSED;
    static const char *const stores[] = {"nowhere", NULL};
    (void)weir_kstream_process(in, &(weir_processor_options){new_pass, NULL}, WEIR_NAMED("mine"),
                               stores);
}
PROGRAM(uses_its_store_nowhere)
{
    UNUSED;
    weir_builder_add_store(builder, &(weir_store_options){.name = "lonely"});
}
PROGRAM(names_two_alike)
{
    UNUSED;
    weir_kstream_to(in, "out", &(weir_produced){.name = "twin"});
    weir_kstream_to(in, "out", &(weir_produced){.name = "twin"});
}
PROGRAM(reads_a_topic_twice)
{
    UNUSED;
    (void)weir_builder_table(builder, "in", NULL, WEIR_STORED_AS("rows"));
}
PROGRAM(reads_from_two_ends)
{
    UNUSED;
    const weir_consumed latest = {.reset.kind = WEIR_AUTO_OFFSET_RESET_LATEST, .name = "new-ones"};
    weir_kstream_to(weir_builder_stream(builder, "in", &latest), "out", NULL);
}
PROGRAM(has_two_defaults)
{
    UNUSED;
    weir_branched_kstream *split = weir_kstream_split(in, WEIR_NAMED("by-size"));
    (void)weir_branched_kstream_default(split, WEIR_NAMED("-rest"));
    (void)weir_branched_kstream_default(split, WEIR_NAMED("-other"));
}

TEST(nodes_and_stores_must_fit_together)
{
    check(uses_an_unknown_store, "processor 'mine': store 'nowhere' does not exist");
    check(uses_its_store_nowhere, "store 'lonely' belongs to no processor");
    check(names_two_alike, "node 'twin' is there already");
    check(reads_a_topic_twice, "topic 'in' is read by source 'KSTREAM-SOURCE-0000000000' already");
    check(reads_from_two_ends, "sources 'KSTREAM-SOURCE-0000000000' and 'new-ones' read the same");
    check(has_two_defaults, "split 'by-size' has a default branch already");
}

/* By hand: a child can only name parents that are there, so a cycle has a parent that is not. */
TEST(cycle_and_unknown_parent_are_refused)
{
    static const char *const parents[] = {"second", "nowhere", "first"};
    for (size_t i = 0; i < WEIR_COUNT_OF(parents); i++) {
        weir_error err = {0};
        WEIR_AUTO_PTR(weir_topology) topology = weir_topology_new();
        const weir_processor_options options = {new_pass, NULL};
        weir_topology_add_source(topology, "in", &(weir_source_options){.topic = "in"});
        weir_topology_add_processor(topology, "first", &options, parents[i], NULL);
        weir_topology_add_processor(topology, "second", &options, "first", NULL);
        CHECK_STATUS(weir_topology_build(topology, &err), WEIR_INVALID);
        WEIR_AUTO_FREE char *text = weir_format("node 'first': its parent '%s' does not exist: add "
                                                "the parent first",
                                                parents[i]);
        CHECK_STR(err.message, text);
    }
}

/* Topics of the joined streams, as the cluster has them. */
static weir_status count_of(void *user, const char *topic, int32_t *out_count, weir_error *err)
{
    (void)user;
    (void)err;
    *out_count = strcmp(topic, "in") == 0 ? 4 : 3;
    return WEIR_OK;
}

/* Only the cluster knows the partitions of topics: it is told when the application starts. */
TEST(joined_topics_with_other_partitions_are_named)
{
    weir_error err = {0};
    WEIR_AUTO_PTR(weir_builder) builder = weir_builder_new();
    weir_kstream *in = weir_builder_stream(builder, "in", NULL);
    (void)weir_kstream_join_table(in, table_of(builder, "rows"), dsl_left_value, NULL);
    const weir_topology *topology = NULL;
    CHECK_OK(weir_builder_build(builder, &topology, &err), &err);
    WEIR_AUTO_PTR(weir_plan) plan = NULL;
    const weir_plan_options options = {.application_id = "a", .partition_count = count_of};
    CHECK_STATUS(weir_plan_new(topology, &options, &plan, &err), WEIR_INVALID);
    CHECK(strstr(err.message, "'in'") != NULL && strstr(err.message, "'rows'") != NULL);
}

/* What a program with these names is told where names must be given. */
static void check_naming(const char *store_name, const char *topic_name, const char *text)
{
    static const weir_setting settings[] = {{"application.id", "a"},
                                            {"ensure.explicit.internal.resource.naming", "true"}};
    weir_error err = {0};
    WEIR_AUTO(weir_config) config = {0};
    CHECK_OK(weir_config_init(&config, settings, WEIR_COUNT_OF(settings), &err), &err);
    WEIR_AUTO_PTR(weir_builder) builder = weir_builder_new();
    CHECK_OK(weir_builder_configure(builder, &config, &err), &err);
    weir_kstream *in = weir_kstream_repartition(weir_builder_stream(builder, "in", NULL),
                                                &(weir_repartitioned){.name = topic_name});
    (void)weir_kgrouped_stream_count(grouped(in), WEIR_STORED_AS(store_name), NULL);
    const weir_topology *topology = NULL;
    weir_status status = weir_builder_build(builder, &topology, &err);
    CHECK_STATUS(status, text == NULL ? WEIR_OK : WEIR_INVALID);
    CHECK(text == NULL || strstr(err.message, text) != NULL);
}

TEST(generated_names_are_refused_where_names_must_be_given)
{
    check_naming("counts", "by-word", NULL);
    check_naming(NULL, "by-word", "store 'KSTREAM-AGGREGATE-STATE-STORE-00000");
    check_naming("counts", NULL, "repartition topic 'KSTREAM-REPARTITION-0000000001' has a");
}
