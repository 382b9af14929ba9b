/* SPDX-License-Identifier: Apache-2.0
 *
 * NULL in calls of the DSL: for a stream, a table or a builder, and for all that operators need
 * besides. A mistake that the build tells, never a crash.
 */
#include "streams/dsl/dsl.h"
#include "tests/harness/check.h"

#include <string.h>

/* What the next build says begins with the call that was made. */
static void check_told(const char *call)
{
    WEIR_AUTO_PTR(weir_builder) builder = weir_builder_new();
    const weir_topology *topology = NULL;
    weir_error err = {0};
    CHECK_STATUS(weir_builder_build(builder, &topology, &err), WEIR_INVALID);
    CHECK(strncmp(err.message, call, (size_t)(strchr(call, '(') - call)) == 0);
    CHECK(strstr(err.message, "was given NULL") != NULL);
}

#define REFUSED(call)                                                                              \
    do {                                                                                           \
        (void)(call);                                                                              \
        check_told(#call);                                                                         \
    } while (0)

/* One of each kind. */
typedef struct handles {
    weir_builder *builder;
    weir_kstream *stream;
    weir_ktable *table;
    weir_global_table *global;
    weir_kgrouped_stream *grouped;
    weir_kgrouped_table *grouped_table;
    weir_cogrouped_kstream *cogrouped;
    weir_branched_kstream *split;
    weir_time_windowed_kstream *windowed;
    weir_session_windowed_kstream *sessions;
    weir_time_windowed_cogrouped_kstream *windowed_cogrouped;
    weir_session_windowed_cogrouped_kstream *session_cogrouped;
} handles;

static weir_status same(weir_call *call, const weir_record *record, weir_bytes *inout_key,
                        weir_bytes *inout_value)
{
    (void)call;
    (void)record;
    (void)inout_key;
    (void)inout_value;
    return WEIR_OK;
}

static weir_status keep(weir_call *call, weir_bytes key, weir_bytes value, weir_bytes aggregate,
                        weir_bytes *out_aggregate)
{
    (void)call;
    (void)key;
    (void)aggregate;
    *out_aggregate = value;
    return WEIR_OK;
}

static void handles_open(handles *h)
{
    static const weir_time_windows minute = {.size_ms = 60000};
    static const weir_session_windows gap = {.inactivity_gap_ms = 60000};
    h->builder = weir_builder_new();
    h->stream = weir_builder_stream(h->builder, "in", NULL);
    h->table = weir_builder_table(h->builder, "rows", NULL, NULL);
    h->global = weir_builder_global_table(h->builder, "global", NULL, NULL);
    h->grouped = weir_kstream_group_by_key(h->stream, NULL);
    h->grouped_table = weir_ktable_group_by(h->table, same, NULL);
    h->cogrouped = weir_kgrouped_stream_cogroup(h->grouped, keep);
    h->split = weir_kstream_split(h->stream, NULL);
    h->windowed = weir_kgrouped_stream_windowed_by(h->grouped, &minute);
    h->sessions = weir_kgrouped_stream_windowed_by_session(h->grouped, &gap);
    h->windowed_cogrouped = weir_cogrouped_kstream_windowed_by(h->cogrouped, &minute);
    h->session_cogrouped = weir_cogrouped_kstream_windowed_by_session(h->cogrouped, &gap);
}

/* Whether nothing else is an operator or a mistake is the operator's: the build tells. */
static void handles_close(handles *h)
{
    const weir_topology *topology = NULL;
    weir_error err = {0};
    weir_status status = weir_builder_build(h->builder, &topology, &err);
    CHECK(status == WEIR_OK || (status == WEIR_INVALID && err.message[0] != '\0'));
    weir_builder_free(h->builder);
}

#define TAKEN(call)                                                                                \
    do {                                                                                           \
        handles h = {0};                                                                           \
        handles_open(&h);                                                                          \
        (void)(call);                                                                              \
        handles_close(&h);                                                                         \
    } while (0)

TEST(null_for_a_builder_is_a_mistake_of_the_call)
{
    REFUSED(weir_builder_stream(NULL, NULL, NULL));
    REFUSED(weir_builder_stream_of_topics(NULL, NULL, NULL));
    REFUSED(weir_builder_stream_of_pattern(NULL, NULL, NULL));
    REFUSED(weir_builder_add_store(NULL, NULL));
    REFUSED(weir_builder_add_resource(NULL, NULL, NULL));
    REFUSED(weir_builder_optimise(NULL));
    REFUSED(weir_builder_global_table(NULL, NULL, NULL, NULL));
    REFUSED(weir_builder_table(NULL, NULL, NULL, NULL));
}

TEST(null_for_a_stream_is_a_mistake_of_the_call)
{
    REFUSED(weir_kstream_join_global(NULL, NULL, NULL, NULL, NULL));
    REFUSED(weir_kstream_left_join_global(NULL, NULL, NULL, NULL, NULL));
    REFUSED(weir_kstream_join(NULL, NULL, NULL, NULL, NULL));
    REFUSED(weir_kstream_left_join(NULL, NULL, NULL, NULL, NULL));
    REFUSED(weir_kstream_outer_join(NULL, NULL, NULL, NULL, NULL));
    REFUSED(weir_kstream_join_as_of(NULL, NULL, NULL, NULL, NULL));
    REFUSED(weir_kstream_filter(NULL, NULL, NULL));
    REFUSED(weir_kstream_filter_not(NULL, NULL, NULL));
    REFUSED(weir_kstream_map_values(NULL, NULL, NULL));
    REFUSED(weir_kstream_select_key(NULL, NULL, NULL));
    REFUSED(weir_kstream_map(NULL, NULL, NULL));
    REFUSED(weir_kstream_flat_map(NULL, NULL, NULL));
    REFUSED(weir_kstream_flat_map_values(NULL, NULL, NULL));
    REFUSED(weir_kstream_peek(NULL, NULL, NULL));
    REFUSED(weir_kstream_foreach(NULL, NULL, NULL));
    REFUSED(weir_kstream_merge(NULL, NULL, NULL));
    REFUSED(weir_kstream_split(NULL, NULL));
    REFUSED(weir_branched_kstream_branch(NULL, NULL, NULL));
    REFUSED(weir_branched_kstream_default(NULL, NULL));
    REFUSED(weir_kstream_process(NULL, NULL, NULL, NULL));
    REFUSED(weir_kstream_process_values(NULL, NULL, NULL, NULL));
    REFUSED(weir_kstream_repartition(NULL, NULL));
    REFUSED(weir_kstream_to(NULL, NULL, NULL));
    REFUSED(weir_kstream_to_topic_of(NULL, NULL, NULL));
    REFUSED(weir_kstream_group_by_key(NULL, NULL));
    REFUSED(weir_kstream_group_by(NULL, NULL, NULL));
    REFUSED(weir_kstream_to_table(NULL, NULL, NULL));
    REFUSED(weir_kstream_join_table(NULL, NULL, NULL, NULL));
    REFUSED(weir_kstream_left_join_table(NULL, NULL, NULL, NULL));
    REFUSED(weir_kstream_join_versioned(NULL, NULL, NULL, 0, NULL));
    REFUSED(weir_kstream_left_join_versioned(NULL, NULL, NULL, 0, NULL));
    REFUSED(weir_kstream_late_records(NULL, NULL));
    REFUSED(weir_kstream_delay(NULL, NULL, NULL));
    REFUSED(weir_kstream_deduplicate(NULL, NULL, NULL));
    REFUSED(weir_kstream_end_after(NULL, NULL, NULL));
}

TEST(null_for_a_table_is_a_mistake_of_the_call)
{
    REFUSED(weir_ktable_join_foreign(NULL, NULL, NULL, NULL, NULL));
    REFUSED(weir_ktable_left_join_foreign(NULL, NULL, NULL, NULL, NULL));
    REFUSED(weir_ktable_filter(NULL, NULL, NULL));
    REFUSED(weir_ktable_filter_not(NULL, NULL, NULL));
    REFUSED(weir_ktable_map_values(NULL, NULL, NULL));
    REFUSED(weir_ktable_join(NULL, NULL, NULL, NULL));
    REFUSED(weir_ktable_left_join(NULL, NULL, NULL, NULL));
    REFUSED(weir_ktable_outer_join(NULL, NULL, NULL, NULL));
    REFUSED(weir_ktable_to_stream(NULL, NULL));
    REFUSED(weir_ktable_group_by(NULL, NULL, NULL));
    REFUSED(weir_kgrouped_table_count(NULL, NULL));
    REFUSED(weir_kgrouped_table_aggregate(NULL, NULL, NULL, NULL, NULL));
    REFUSED(weir_kgrouped_table_reduce(NULL, NULL, NULL, NULL));
    REFUSED(weir_ktable_late_records(NULL, NULL));
    REFUSED(weir_ktable_suppress_until_window_closes(NULL, NULL));
    REFUSED(weir_ktable_suppress_until_time_limit(NULL, 0, NULL));
}

TEST(null_for_a_group_is_a_mistake_of_the_call)
{
    REFUSED(weir_kgrouped_stream_cogroup(NULL, NULL));
    REFUSED(weir_cogrouped_kstream_cogroup(NULL, NULL, NULL));
    REFUSED(weir_cogrouped_kstream_aggregate(NULL, NULL, NULL, NULL));
    REFUSED(weir_cogrouped_kstream_windowed_by(NULL, NULL));
    REFUSED(weir_cogrouped_kstream_windowed_by_sliding(NULL, NULL));
    REFUSED(weir_time_windowed_cogrouped_aggregate(NULL, NULL, NULL, NULL));
    REFUSED(weir_cogrouped_kstream_windowed_by_session(NULL, NULL));
    REFUSED(weir_session_windowed_cogrouped_aggregate(NULL, NULL, NULL, NULL, NULL));
    REFUSED(weir_kgrouped_stream_count(NULL, NULL, NULL));
    REFUSED(weir_kgrouped_stream_reduce(NULL, NULL, NULL, NULL));
    REFUSED(weir_kgrouped_stream_aggregate(NULL, NULL, NULL, NULL, NULL));
    REFUSED(weir_kgrouped_stream_windowed_by_session(NULL, NULL));
    REFUSED(weir_session_windowed_emit_strategy(NULL, 0));
    REFUSED(weir_session_windowed_count(NULL, NULL, NULL));
    REFUSED(weir_session_windowed_reduce(NULL, NULL, NULL, NULL));
    REFUSED(weir_session_windowed_aggregate(NULL, NULL, NULL, NULL));
    REFUSED(weir_kgrouped_stream_windowed_by(NULL, NULL));
    REFUSED(weir_kgrouped_stream_windowed_by_sliding(NULL, NULL));
    REFUSED(weir_time_windowed_emit_strategy(NULL, 0));
    REFUSED(weir_time_windowed_count(NULL, NULL, NULL));
    REFUSED(weir_time_windowed_reduce(NULL, NULL, NULL, NULL));
    REFUSED(weir_time_windowed_aggregate(NULL, NULL, NULL, NULL, NULL));
}

TEST(nothing_but_a_builder_does_not_crash)
{
    TAKEN(weir_builder_stream(h.builder, NULL, NULL));
    TAKEN(weir_builder_stream_of_topics(h.builder, NULL, NULL));
    TAKEN(weir_builder_stream_of_pattern(h.builder, NULL, NULL));
    TAKEN(weir_builder_add_store(h.builder, NULL));
    TAKEN(weir_builder_add_resource(h.builder, NULL, NULL));
    TAKEN(weir_builder_optimise(h.builder));
    TAKEN(weir_builder_global_table(h.builder, NULL, NULL, NULL));
    TAKEN(weir_builder_table(h.builder, NULL, NULL, NULL));
}

TEST(nothing_but_a_stream_does_not_crash)
{
    TAKEN(weir_kstream_join_global(h.stream, h.global, NULL, NULL, NULL));
    TAKEN(weir_kstream_left_join_global(h.stream, h.global, NULL, NULL, NULL));
    TAKEN(weir_kstream_join(h.stream, h.stream, NULL, NULL, NULL));
    TAKEN(weir_kstream_left_join(h.stream, h.stream, NULL, NULL, NULL));
    TAKEN(weir_kstream_outer_join(h.stream, h.stream, NULL, NULL, NULL));
    TAKEN(weir_kstream_join_as_of(h.stream, h.stream, NULL, NULL, NULL));
    TAKEN(weir_kstream_filter(h.stream, NULL, NULL));
    TAKEN(weir_kstream_filter_not(h.stream, NULL, NULL));
    TAKEN(weir_kstream_map_values(h.stream, NULL, NULL));
    TAKEN(weir_kstream_select_key(h.stream, NULL, NULL));
    TAKEN(weir_kstream_map(h.stream, NULL, NULL));
    TAKEN(weir_kstream_flat_map(h.stream, NULL, NULL));
    TAKEN(weir_kstream_flat_map_values(h.stream, NULL, NULL));
    TAKEN(weir_kstream_peek(h.stream, NULL, NULL));
    TAKEN(weir_kstream_foreach(h.stream, NULL, NULL));
    TAKEN(weir_kstream_merge(h.stream, h.stream, NULL));
    TAKEN(weir_kstream_split(h.stream, NULL));
    TAKEN(weir_branched_kstream_branch(h.split, NULL, NULL));
    TAKEN(weir_branched_kstream_default(h.split, NULL));
    TAKEN(weir_kstream_process(h.stream, NULL, NULL, NULL));
    TAKEN(weir_kstream_process_values(h.stream, NULL, NULL, NULL));
    TAKEN(weir_kstream_repartition(h.stream, NULL));
    TAKEN(weir_kstream_to(h.stream, NULL, NULL));
    TAKEN(weir_kstream_to_topic_of(h.stream, NULL, NULL));
    TAKEN(weir_kstream_group_by_key(h.stream, NULL));
    TAKEN(weir_kstream_group_by(h.stream, NULL, NULL));
    TAKEN(weir_kstream_to_table(h.stream, NULL, NULL));
    TAKEN(weir_kstream_join_table(h.stream, h.table, NULL, NULL));
    TAKEN(weir_kstream_left_join_table(h.stream, h.table, NULL, NULL));
    TAKEN(weir_kstream_join_versioned(h.stream, h.table, NULL, 0, NULL));
    TAKEN(weir_kstream_left_join_versioned(h.stream, h.table, NULL, 0, NULL));
    TAKEN(weir_kstream_late_records(h.stream, NULL));
    TAKEN(weir_kstream_delay(h.stream, NULL, NULL));
    TAKEN(weir_kstream_deduplicate(h.stream, NULL, NULL));
    TAKEN(weir_kstream_end_after(h.stream, NULL, NULL));
}

TEST(nothing_but_a_table_does_not_crash)
{
    TAKEN(weir_ktable_join_foreign(h.table, h.table, NULL, NULL, NULL));
    TAKEN(weir_ktable_left_join_foreign(h.table, h.table, NULL, NULL, NULL));
    TAKEN(weir_ktable_filter(h.table, NULL, NULL));
    TAKEN(weir_ktable_filter_not(h.table, NULL, NULL));
    TAKEN(weir_ktable_map_values(h.table, NULL, NULL));
    TAKEN(weir_ktable_join(h.table, h.table, NULL, NULL));
    TAKEN(weir_ktable_left_join(h.table, h.table, NULL, NULL));
    TAKEN(weir_ktable_outer_join(h.table, h.table, NULL, NULL));
    TAKEN(weir_ktable_to_stream(h.table, NULL));
    TAKEN(weir_ktable_group_by(h.table, NULL, NULL));
    TAKEN(weir_kgrouped_table_count(h.grouped_table, NULL));
    TAKEN(weir_kgrouped_table_aggregate(h.grouped_table, NULL, NULL, NULL, NULL));
    TAKEN(weir_kgrouped_table_reduce(h.grouped_table, NULL, NULL, NULL));
    TAKEN(weir_ktable_late_records(h.table, NULL));
    TAKEN(weir_ktable_suppress_until_window_closes(h.table, NULL));
    TAKEN(weir_ktable_suppress_until_time_limit(h.table, 0, NULL));
}

TEST(nothing_but_a_group_does_not_crash)
{
    TAKEN(weir_kgrouped_stream_cogroup(h.grouped, NULL));
    TAKEN(weir_cogrouped_kstream_cogroup(h.cogrouped, h.grouped, NULL));
    TAKEN(weir_cogrouped_kstream_aggregate(h.cogrouped, NULL, NULL, NULL));
    TAKEN(weir_cogrouped_kstream_windowed_by(h.cogrouped, NULL));
    TAKEN(weir_cogrouped_kstream_windowed_by_sliding(h.cogrouped, NULL));
    TAKEN(weir_time_windowed_cogrouped_aggregate(h.windowed_cogrouped, NULL, NULL, NULL));
    TAKEN(weir_cogrouped_kstream_windowed_by_session(h.cogrouped, NULL));
    TAKEN(weir_session_windowed_cogrouped_aggregate(h.session_cogrouped, NULL, NULL, NULL, NULL));
    TAKEN(weir_kgrouped_stream_count(h.grouped, NULL, NULL));
    TAKEN(weir_kgrouped_stream_reduce(h.grouped, NULL, NULL, NULL));
    TAKEN(weir_kgrouped_stream_aggregate(h.grouped, NULL, NULL, NULL, NULL));
    TAKEN(weir_kgrouped_stream_windowed_by_session(h.grouped, NULL));
    TAKEN(weir_session_windowed_emit_strategy(h.sessions, 0));
    TAKEN(weir_session_windowed_count(h.sessions, NULL, NULL));
    TAKEN(weir_session_windowed_reduce(h.sessions, NULL, NULL, NULL));
    TAKEN(weir_session_windowed_aggregate(h.sessions, NULL, NULL, NULL));
    TAKEN(weir_kgrouped_stream_windowed_by(h.grouped, NULL));
    TAKEN(weir_kgrouped_stream_windowed_by_sliding(h.grouped, NULL));
    TAKEN(weir_time_windowed_emit_strategy(h.windowed, 0));
    TAKEN(weir_time_windowed_count(h.windowed, NULL, NULL));
    TAKEN(weir_time_windowed_reduce(h.windowed, NULL, NULL, NULL));
    TAKEN(weir_time_windowed_aggregate(h.windowed, NULL, NULL, NULL, NULL));
}

TEST(null_that_was_told_or_whose_builder_is_gone_is_forgotten)
{
    REFUSED(weir_kstream_filter(NULL, NULL, NULL));
    handles h = {0};
    handles_open(&h);
    handles_close(&h);
    (void)weir_kstream_filter(NULL, NULL, NULL);
    weir_builder_free(weir_builder_new());
    WEIR_AUTO_PTR(weir_builder) builder = weir_builder_new();
    const weir_topology *topology = NULL;
    weir_error err = {0};
    weir_kstream_to(weir_builder_stream(builder, "in", NULL), "out", NULL);
    CHECK_OK(weir_builder_build(builder, &topology, &err), &err);
}
