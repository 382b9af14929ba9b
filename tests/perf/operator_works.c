/* SPDX-License-Identifier: Apache-2.0
 *
 * operator_works.c - one operator each between a source and a function that counts.
 */
#include "tests/perf/operator_works.h"

#include "streams/dsl/grouped.h"
#include "streams/dsl/joins.h"
#include "streams/dsl/kstream.h"
#include "streams/dsl/ktable.h"
#include "streams/dsl/sessions.h"
#include "streams/dsl/suppress.h"
#include "streams/dsl/windowed.h"

enum {
    WINDOW_MS = 1000,
    MANY_KEYS = 10000,
    FEW_KEYS = 100,
};

/* Ends. */

static void count_record(void *user, const weir_record *record)
{
    (void)record;
    ++*(uint64_t *)user;
}

static void end(weir_kstream *stream, uint64_t *ends)
{
    weir_kstream_foreach(stream, count_record, &(weir_operator_options){.user = ends});
}

static void end_table(weir_ktable *table, uint64_t *ends)
{
    end(weir_ktable_to_stream(table, NULL), ends);
}

static weir_kstream *a(weir_builder *builder)
{
    return weir_builder_stream(builder, "a", NULL);
}

static weir_kstream *b(weir_builder *builder)
{
    return weir_builder_stream(builder, "b", NULL);
}

static weir_kgrouped_stream *grouped(weir_builder *builder)
{
    return weir_kstream_group_by_key(a(builder), NULL);
}

/* Functions. */

static bool is_any(void *user, const weir_record *record)
{
    (void)user;
    return record->value.size > 0;
}

static bool is_none(void *user, const weir_record *record)
{
    (void)user;
    return record->value.size == 0;
}

static weir_status same_value(weir_call *call, const weir_record *record, weir_bytes *out_value)
{
    (void)call;
    *out_value = record->value;
    return WEIR_OK;
}

static weir_status both(weir_call *call, const weir_record *record, weir_bytes *inout_key,
                        weir_bytes *inout_value)
{
    (void)call;
    (void)record;
    const weir_bytes key = *inout_key;
    *inout_key = *inout_value;
    *inout_value = key;
    return WEIR_OK;
}

static weir_status twice(weir_call *call, const weir_record *record, weir_emitter *emitter)
{
    (void)call;
    WEIR_TRY(weir_emit(emitter, record->key, record->value));
    return weir_emit(emitter, record->key, record->value);
}

static void look(void *user, const weir_record *record)
{
    (void)user;
    (void)record;
}

static weir_status last(weir_call *call, weir_bytes aggregate, weir_bytes value,
                        weir_bytes *out_aggregate)
{
    (void)call;
    (void)aggregate;
    *out_aggregate = value;
    return WEIR_OK;
}

static weir_status left_value(weir_call *call, weir_bytes key, weir_bytes left, weir_bytes right,
                              weir_bytes *out_value)
{
    (void)call;
    (void)key;
    *out_value = left.data != NULL ? left : right;
    return WEIR_OK;
}

/* Without state. */

static void make_nothing(weir_builder *builder, uint64_t *ends)
{
    end(a(builder), ends);
}

static void make_filter(weir_builder *builder, uint64_t *ends)
{
    end(weir_kstream_filter(a(builder), is_any, NULL), ends);
}

static void make_map_values(weir_builder *builder, uint64_t *ends)
{
    end(weir_kstream_map_values(a(builder), same_value, NULL), ends);
}

static void make_map(weir_builder *builder, uint64_t *ends)
{
    end(weir_kstream_map(a(builder), both, NULL), ends);
}

static void make_select_key(weir_builder *builder, uint64_t *ends)
{
    end(weir_kstream_select_key(a(builder), same_value, NULL), ends);
}

static void make_flat_map_values(weir_builder *builder, uint64_t *ends)
{
    end(weir_kstream_flat_map_values(a(builder), twice, NULL), ends);
}

static void make_peek(weir_builder *builder, uint64_t *ends)
{
    end(weir_kstream_peek(a(builder), look, NULL), ends);
}

static void make_branch(weir_builder *builder, uint64_t *ends)
{
    weir_branched_kstream *split = weir_kstream_split(a(builder), NULL);
    end(weir_branched_kstream_branch(split, is_none, NULL), ends);
    end(weir_branched_kstream_default(split, NULL), ends);
}

static void make_merge(weir_builder *builder, uint64_t *ends)
{
    end(weir_kstream_merge(a(builder), b(builder), NULL), ends);
}

/* With state. */

static const weir_materialized on_disk = {.store_name = "st"};
static const weir_materialized in_memory = {
    .store_name = "st", .engine = WEIR_ENGINE_MEMORY, .caching_disabled = true};

static void make_count_in_memory(weir_builder *builder, uint64_t *ends)
{
    end_table(weir_kgrouped_stream_count(grouped(builder), &in_memory, NULL), ends);
}

static void make_reduce_in_memory(weir_builder *builder, uint64_t *ends)
{
    end_table(weir_kgrouped_stream_reduce(grouped(builder), last, &in_memory, NULL), ends);
}

static void make_count(weir_builder *builder, uint64_t *ends)
{
    end_table(weir_kgrouped_stream_count(grouped(builder), &on_disk, NULL), ends);
}

static void make_table(weir_builder *builder, uint64_t *ends)
{
    end_table(weir_builder_table(builder, "a", NULL, &in_memory), ends);
}

static void make_windows(weir_builder *builder, int64_t advance_ms, uint64_t *ends)
{
    const weir_time_windows windows = {WINDOW_MS, advance_ms, 0};
    weir_time_windowed_kstream *windowed =
        weir_kgrouped_stream_windowed_by(grouped(builder), &windows);
    end_table(weir_time_windowed_count(windowed, &in_memory, NULL), ends);
}

static void make_tumbling(weir_builder *builder, uint64_t *ends)
{
    make_windows(builder, WINDOW_MS, ends);
}

static void make_hopping(weir_builder *builder, uint64_t *ends)
{
    make_windows(builder, WINDOW_MS / 4, ends);
}

static void make_sliding(weir_builder *builder, uint64_t *ends)
{
    const weir_sliding_windows windows = {WINDOW_MS, 0};
    weir_time_windowed_kstream *windowed =
        weir_kgrouped_stream_windowed_by_sliding(grouped(builder), &windows);
    end_table(weir_time_windowed_count(windowed, &in_memory, NULL), ends);
}

static void make_session(weir_builder *builder, uint64_t *ends)
{
    const weir_session_windows windows = {WINDOW_MS / 10, 0};
    weir_session_windowed_kstream *windowed =
        weir_kgrouped_stream_windowed_by_session(grouped(builder), &windows);
    end_table(weir_session_windowed_count(windowed, &in_memory, NULL), ends);
}

static void make_suppress(weir_builder *builder, uint64_t *ends)
{
    const weir_time_windows windows = {WINDOW_MS, WINDOW_MS, 0};
    weir_time_windowed_kstream *windowed =
        weir_kgrouped_stream_windowed_by(grouped(builder), &windows);
    end_table(weir_ktable_suppress_until_window_closes(
                  weir_time_windowed_count(windowed, &in_memory, NULL), NULL),
              ends);
}

static void make_stream_table(weir_builder *builder, uint64_t *ends)
{
    weir_ktable *table = weir_builder_table(builder, "b", NULL, &in_memory);
    end(weir_kstream_join_table(a(builder), table, left_value, NULL), ends);
}

static void make_table_table(weir_builder *builder, uint64_t *ends)
{
    weir_materialized other = in_memory;
    other.store_name = "other";
    weir_ktable *left = weir_builder_table(builder, "a", NULL, &in_memory);
    weir_ktable *right = weir_builder_table(builder, "b", NULL, &other);
    end_table(weir_ktable_join(left, right, left_value, NULL), ends);
}

/* Each side has a record a millisecond, FEW_KEYS keys: so many matches a record are within. */
static void make_stream_stream(weir_builder *builder, int64_t matches, uint64_t *ends)
{
    const weir_join_windows windows = {matches * FEW_KEYS, 0, 0};
    end(weir_kstream_join(a(builder), b(builder), left_value, &windows, NULL), ends);
}

static void make_stream_stream_1(weir_builder *builder, uint64_t *ends)
{
    make_stream_stream(builder, 1, ends);
}

static void make_stream_stream_10(weir_builder *builder, uint64_t *ends)
{
    make_stream_stream(builder, 10, ends);
}

static void make_stream_stream_100(weir_builder *builder, uint64_t *ends)
{
    make_stream_stream(builder, 100, ends);
}

const operator_work operator_works[] = {
    {"nothing", make_nothing, OPERATOR_STATELESS, MANY_KEYS, false, 100, true},
    {"filter", make_filter, OPERATOR_STATELESS, MANY_KEYS, false, 100, true},
    {"map_values", make_map_values, OPERATOR_STATELESS, MANY_KEYS, false, 100, true},
    {"map", make_map, OPERATOR_STATELESS, MANY_KEYS, false, 100, true},
    {"select_key", make_select_key, OPERATOR_STATELESS, MANY_KEYS, false, 100, true},
    {"flat_map_values", make_flat_map_values, OPERATOR_STATELESS, MANY_KEYS, false, 100, true},
    {"peek", make_peek, OPERATOR_STATELESS, MANY_KEYS, false, 100, true},
    {"branch", make_branch, OPERATOR_STATELESS, MANY_KEYS, false, 100, true},
    {"merge", make_merge, OPERATOR_STATELESS, MANY_KEYS, true, 100, true},
    {"count_memory", make_count_in_memory, OPERATOR_MEMORY, MANY_KEYS, false, 500, true},
    {"reduce_memory", make_reduce_in_memory, OPERATOR_MEMORY, MANY_KEYS, false, 0, true},
    {"count_cached", make_count, OPERATOR_DISK_CACHED, MANY_KEYS, false, 1000, true},
    {"count_uncached", make_count, OPERATOR_DISK_UNCACHED, MANY_KEYS, false, 4000, true},
    {"table", make_table, OPERATOR_MEMORY, MANY_KEYS, false, 0, true},
    {"tumbling", make_tumbling, OPERATOR_MEMORY, FEW_KEYS, false, 0, true},
    {"hopping_4", make_hopping, OPERATOR_MEMORY, FEW_KEYS, false, 0, true},
    {"sliding", make_sliding, OPERATOR_MEMORY, FEW_KEYS, false, 0, true},
    {"session", make_session, OPERATOR_MEMORY, FEW_KEYS, false, 0, true},
    {"suppress", make_suppress, OPERATOR_MEMORY, FEW_KEYS, false, 0, true},
    {"stream_table", make_stream_table, OPERATOR_MEMORY, MANY_KEYS, true, 0, true},
    {"table_table", make_table_table, OPERATOR_MEMORY, MANY_KEYS, true, 0, true},
    {"stream_stream_1", make_stream_stream_1, OPERATOR_MEMORY, FEW_KEYS, true, 0, true},
    {"stream_stream_10", make_stream_stream_10, OPERATOR_MEMORY, FEW_KEYS, true, 0, true},
    {"stream_stream_100", make_stream_stream_100, OPERATOR_MEMORY, FEW_KEYS, true, 0, true},
    {.name = NULL},
};
