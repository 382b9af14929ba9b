/* SPDX-License-Identifier: Apache-2.0
 *
 * specs.c - operators over short texts: keys k0 … k3, values v0 … v9.
 */
#include "tests/conformance/specs_internal.h"

#include "statestore/session_store.h"
#include "streams/dsl/grouped.h"
#include "streams/dsl/joins.h"
#include "streams/dsl/sessions.h"
#include "tests/harness/dsl_functions.h"

#include <inttypes.h>
#include <stdio.h>

static bool value_is(const weir_record *record, const char *text)
{
    return weir_bytes_equal(record->value, weir_bytes_of_text(text));
}

static char digit_of(weir_bytes value)
{
    return ((const char *)value.data)[1];
}

weir_bytes conformance_tail_of(weir_bytes value)
{
    return weir_bytes_of((const char *)value.data + 1, value.size - 1);
}

void conformance_counts_to(weir_kstream *counts, const char *topic)
{
    weir_kstream_to(weir_kstream_map_values(counts, dsl_count_as_text, NULL), topic, NULL);
}

static void counts_to(weir_ktable *table, const char *topic)
{
    conformance_counts_to(weir_ktable_to_stream(table, NULL), topic);
}

/* Without state. */

static bool is_kept(void *user, const weir_record *record)
{
    (void)user;
    return record->value.data != NULL && !value_is(record, "v3");
}

weir_status conformance_double_ones(weir_call *call, const weir_record *record,
                                    weir_emitter *emitter)
{
    WEIR_TRY(weir_emit(emitter, record->key, record->value));
    if (!weir_bytes_starts_with(record->value, WEIR_BYTES("v1"))) {
        return WEIR_OK;
    }
    return weir_emit(emitter, record->key, weir_call_concat(call, record->value, record->value));
}

static weir_status add_length(weir_call *call, const weir_record *record, weir_bytes *out_key)
{
    const weir_bytes length = weir_call_text(call, "%zu", record->value.size);
    *out_key = weir_call_concat(call, record->key, length);
    return WEIR_OK;
}

static bool is_even(void *user, const weir_record *record)
{
    (void)user;
    return digit_of(record->value) % 2 == 0;
}

static void make_stateless_chain(weir_builder *builder, const weir_json_value *params)
{
    (void)params;
    weir_kstream *stream = weir_builder_stream(builder, "a", NULL);
    stream = weir_kstream_filter(stream, is_kept, NULL);
    stream = weir_kstream_map_values(stream, dsl_exclaim, NULL);
    stream = weir_kstream_flat_map_values(stream, conformance_double_ones, NULL);
    stream = weir_kstream_select_key(stream, add_length, NULL);
    weir_kstream_to(stream, "out", NULL);
    weir_branched_kstream *split =
        weir_kstream_split(stream, &(weir_operator_options){.name = "b-"});
    weir_kstream *even =
        weir_branched_kstream_branch(split, is_even, &(weir_operator_options){.name = "even"});
    weir_kstream *odd =
        weir_branched_kstream_default(split, &(weir_operator_options){.name = "odd"});
    weir_kstream_to(even, "even", NULL);
    weir_kstream_to(odd, "odd", NULL);
}

static weir_status swap(weir_call *call, const weir_record *record, weir_bytes *inout_key,
                        weir_bytes *inout_value)
{
    (void)call;
    *inout_key = record->value;
    *inout_value = record->key;
    return WEIR_OK;
}

static bool is_zero(void *user, const weir_record *record)
{
    (void)user;
    return value_is(record, "v0");
}

static void make_merge_map(weir_builder *builder, const weir_json_value *params)
{
    (void)params;
    weir_kstream *a = weir_kstream_map(weir_builder_stream(builder, "a", NULL), swap, NULL);
    weir_kstream *b =
        weir_kstream_filter_not(weir_builder_stream(builder, "b", NULL), is_zero, NULL);
    weir_kstream_to(weir_kstream_merge(a, b, NULL), "out", NULL);
}

/* Aggregates. */

static const weir_materialized st = {.store_name = "st"};

weir_kgrouped_stream *conformance_grouped(weir_builder *builder, const char *topic)
{
    return weir_kstream_group_by_key(weir_builder_stream(builder, topic, NULL), NULL);
}

static void make_count(weir_builder *builder, const weir_json_value *params)
{
    (void)params;
    counts_to(weir_kgrouped_stream_count(conformance_grouped(builder, "a"), &st, NULL), "out");
}

static weir_status concat_short(weir_call *call, weir_bytes aggregate, weir_bytes value,
                                weir_bytes *out_aggregate)
{
    *out_aggregate = aggregate.size > 12 ? value : weir_call_concat(call, aggregate, value);
    return WEIR_OK;
}

static void make_reduce_concat(weir_builder *builder, const weir_json_value *params)
{
    (void)params;
    weir_ktable *table =
        weir_kgrouped_stream_reduce(conformance_grouped(builder, "a"), concat_short, &st, NULL);
    weir_kstream_to(weir_ktable_to_stream(table, NULL), "out", NULL);
}

static weir_status add_digits_until_seven(weir_call *call, weir_bytes key, weir_bytes value,
                                          weir_bytes aggregate, weir_bytes *out_aggregate)
{
    (void)key;
    *out_aggregate = weir_bytes_equal(value, WEIR_BYTES("v7"))
                         ? WEIR_BYTES_NULL
                         : weir_call_concat(call, aggregate, conformance_tail_of(value));
    return WEIR_OK;
}

static void make_aggregate_null_result(weir_builder *builder, const weir_json_value *params)
{
    (void)params;
    weir_ktable *table = weir_kgrouped_stream_aggregate(
        conformance_grouped(builder, "a"), dsl_empty_text, add_digits_until_seven, &st, NULL);
    weir_kstream_to(weir_ktable_to_stream(table, NULL), "out", NULL);
}

static void make_group_by_new_key(weir_builder *builder, const weir_json_value *params)
{
    (void)params;
    weir_kstream *stream = weir_builder_stream(builder, "a", NULL);
    counts_to(weir_kgrouped_stream_count(weir_kstream_group_by(stream, dsl_value_as_key, NULL), &st,
                                         NULL),
              "out");
}

/* Tables. */

weir_ktable *conformance_table(weir_builder *builder, const char *topic, const char *store)
{
    return weir_builder_table(builder, topic, NULL, &(weir_materialized){.store_name = store});
}

static void table_to(weir_ktable *changes, const char *topic)
{
    weir_kstream_to(weir_ktable_to_stream(changes, NULL), topic, NULL);
}

static bool is_neither_two_nor_five(void *user, const weir_record *record)
{
    (void)user;
    return !value_is(record, "v2") && !value_is(record, "v5");
}

static weir_status ask(weir_call *call, const weir_record *record, weir_bytes *out_value)
{
    *out_value = weir_call_concat(call, record->value, WEIR_BYTES("?"));
    return WEIR_OK;
}

static void make_table_filter_map(weir_builder *builder, const weir_json_value *params)
{
    (void)params;
    weir_ktable *kept =
        weir_ktable_filter(conformance_table(builder, "a", "st"), is_neither_two_nor_five,
                           &(weir_table_options){.materialized = {.store_name = "flt"}});
    table_to(weir_ktable_map_values(kept, ask, NULL), "out");
}

static const weir_table_options in_st = {.materialized = {.store_name = "st"}};

static weir_kgrouped_table *grouped_by_value(weir_builder *builder)
{
    return weir_ktable_group_by(weir_builder_table(builder, "a", NULL, NULL), swap, NULL);
}

static void make_table_group_count(weir_builder *builder, const weir_json_value *params)
{
    (void)params;
    counts_to(weir_kgrouped_table_count(grouped_by_value(builder), &in_st), "out");
}

static weir_status append_plus(weir_call *call, weir_bytes key, weir_bytes value,
                               weir_bytes aggregate, weir_bytes *out_aggregate)
{
    (void)key;
    *out_aggregate =
        weir_call_concat(call, weir_call_concat(call, aggregate, WEIR_BYTES("+")), value);
    return WEIR_OK;
}

static weir_status append_minus(weir_call *call, weir_bytes key, weir_bytes value,
                                weir_bytes aggregate, weir_bytes *out_aggregate)
{
    (void)key;
    *out_aggregate =
        weir_call_concat(call, weir_call_concat(call, aggregate, WEIR_BYTES("-")), value);
    return WEIR_OK;
}

static void make_table_group_aggregate(weir_builder *builder, const weir_json_value *params)
{
    (void)params;
    table_to(weir_kgrouped_table_aggregate(grouped_by_value(builder), dsl_empty_text, append_plus,
                                           append_minus, &in_st),
             "out");
}

static void make_table_table_inner(weir_builder *builder, const weir_json_value *params)
{
    (void)params;
    weir_ktable *a = conformance_table(builder, "a", "ta");
    table_to(weir_ktable_join(a, conformance_table(builder, "b", "tb"), dsl_pair_with_bar, &in_st),
             "out");
}

static void make_table_table_left(weir_builder *builder, const weir_json_value *params)
{
    (void)params;
    weir_ktable *a = conformance_table(builder, "a", "ta");
    table_to(
        weir_ktable_left_join(a, conformance_table(builder, "b", "tb"), dsl_pair_with_bar, &in_st),
        "out");
}

static void make_table_table_outer(weir_builder *builder, const weir_json_value *params)
{
    (void)params;
    weir_ktable *a = conformance_table(builder, "a", "ta");
    table_to(
        weir_ktable_outer_join(a, conformance_table(builder, "b", "tb"), dsl_pair_with_bar, &in_st),
        "out");
}

/* Streams with tables. */

static void make_stream_table_inner(weir_builder *builder, const weir_json_value *params)
{
    (void)params;
    weir_ktable *b = conformance_table(builder, "b", "tb");
    weir_kstream *a = weir_builder_stream(builder, "a", NULL);
    weir_kstream_to(weir_kstream_join_table(a, b, dsl_pair_with_bar, NULL), "out", NULL);
}

static void make_stream_table_left(weir_builder *builder, const weir_json_value *params)
{
    (void)params;
    weir_ktable *b = conformance_table(builder, "b", "tb");
    weir_kstream *a = weir_builder_stream(builder, "a", NULL);
    weir_kstream_to(weir_kstream_left_join_table(a, b, dsl_pair_with_bar, NULL), "out", NULL);
}

/* Windows. One topology is made at a time, so its sizes may lie here. */

static int64_t window_size_ms;

int64_t conformance_parameter(const weir_json_value *params, const char *name)
{
    int64_t value = 0;
    (void)weir_json_get_i64(params, name, &value, NULL);
    return value;
}

static weir_status window_as_text(weir_call *call, const weir_record *record, weir_bytes *out_key)
{
    weir_windowed windowed = {0};
    if (!weir_windowed_of(record->key, window_size_ms, &windowed)) {
        return weir_error_set(call->err, WEIR_BAD_RECORD, "this key has no window");
    }
    *out_key = weir_call_text(call, "%.*s@%" PRId64 "/%" PRId64, (int)windowed.key.size,
                              (const char *)windowed.key.data, windowed.start_ms, windowed.end_ms);
    return WEIR_OK;
}

weir_kstream *conformance_windows_as_text(weir_ktable *table, int64_t size_ms)
{
    window_size_ms = size_ms;
    return weir_kstream_select_key(weir_ktable_to_stream(table, NULL), window_as_text, NULL);
}

static weir_time_windowed_kstream *time_windowed(weir_builder *builder,
                                                 const weir_json_value *params)
{
    const weir_time_windows windows = {
        .size_ms = conformance_parameter(params, "size"),
        .advance_ms = conformance_parameter(params, "advance"),
        .grace_ms = conformance_parameter(params, "grace"),
    };
    return weir_kgrouped_stream_windowed_by(conformance_grouped(builder, "a"), &windows);
}

static void make_window_count(weir_builder *builder, const weir_json_value *params)
{
    weir_ktable *counts = weir_time_windowed_count(time_windowed(builder, params), &st, NULL);
    conformance_counts_to(
        conformance_windows_as_text(counts, conformance_parameter(params, "size")), "out");
}

static void make_sliding_count(weir_builder *builder, const weir_json_value *params)
{
    const weir_sliding_windows windows = {conformance_parameter(params, "difference"),
                                          conformance_parameter(params, "grace")};
    weir_time_windowed_kstream *windowed =
        weir_kgrouped_stream_windowed_by_sliding(conformance_grouped(builder, "a"), &windows);
    weir_ktable *counts = weir_time_windowed_count(windowed, &st, NULL);
    conformance_counts_to(conformance_windows_as_text(counts, windows.time_difference_ms), "out");
}

static void make_window_reduce_hop(weir_builder *builder, const weir_json_value *params)
{
    weir_ktable *table =
        weir_time_windowed_reduce(time_windowed(builder, params), dsl_concat, &st, NULL);
    weir_kstream_to(conformance_windows_as_text(table, conformance_parameter(params, "size")),
                    "out", NULL);
}

static weir_status session_as_text(weir_call *call, const weir_record *record, weir_bytes *out_key)
{
    weir_session session = {0};
    if (!weir_session_of(record->key, &session)) {
        return weir_error_set(call->err, WEIR_BAD_RECORD, "this key has no session");
    }
    *out_key = weir_call_text(call, "%.*s@%" PRId64 "/%" PRId64, (int)session.key.size,
                              (const char *)session.key.data, session.start_ms, session.end_ms);
    return WEIR_OK;
}

weir_kstream *conformance_sessions_as_text(weir_ktable *table)
{
    return weir_kstream_select_key(weir_ktable_to_stream(table, NULL), session_as_text, NULL);
}

static void make_session_count(weir_builder *builder, const weir_json_value *params)
{
    const weir_session_windows windows = {conformance_parameter(params, "gap"),
                                          conformance_parameter(params, "grace")};
    weir_session_windowed_kstream *windowed =
        weir_kgrouped_stream_windowed_by_session(conformance_grouped(builder, "a"), &windows);
    weir_ktable *counts = weir_session_windowed_count(windowed, &st, NULL);
    conformance_counts_to(conformance_sessions_as_text(counts), "out");
}

/* Streams with streams. */

static weir_join_windows join_windows(const weir_json_value *params)
{
    return (weir_join_windows){
        .before_ms = conformance_parameter(params, "before"),
        .after_ms = conformance_parameter(params, "after"),
        .grace_ms = conformance_parameter(params, "grace"),
    };
}

static void make_stream_stream_inner(weir_builder *builder, const weir_json_value *params)
{
    const weir_join_windows windows = join_windows(params);
    weir_kstream *a = weir_builder_stream(builder, "a", NULL);
    weir_kstream *b = weir_builder_stream(builder, "b", NULL);
    weir_kstream_to(weir_kstream_join(a, b, dsl_pair_with_bar, &windows, NULL), "out", NULL);
}

static void make_stream_stream_left(weir_builder *builder, const weir_json_value *params)
{
    const weir_join_windows windows = join_windows(params);
    weir_kstream *a = weir_builder_stream(builder, "a", NULL);
    weir_kstream *b = weir_builder_stream(builder, "b", NULL);
    weir_kstream_to(weir_kstream_left_join(a, b, dsl_pair_with_bar, &windows, NULL), "out", NULL);
}

static void make_stream_stream_outer(weir_builder *builder, const weir_json_value *params)
{
    const weir_join_windows windows = join_windows(params);
    weir_kstream *a = weir_builder_stream(builder, "a", NULL);
    weir_kstream *b = weir_builder_stream(builder, "b", NULL);
    weir_kstream_to(weir_kstream_outer_join(a, b, dsl_pair_with_bar, &windows, NULL), "out", NULL);
}

const conformance_spec conformance_specs_basic[] = {
    {"stateless_chain", make_stateless_chain, {"a"}, {"out", "even", "odd"}, {{.name = NULL}}},
    {"merge_map", make_merge_map, {"a", "b"}, {"out"}, {{.name = NULL}}},
    {"count", make_count, {"a"}, {"out"}, {{.name = "st", .value = CONFORMANCE_I64}}},
    {"reduce_concat", make_reduce_concat, {"a"}, {"out"}, {{.name = "st"}}},
    {"aggregate_null_result", make_aggregate_null_result, {"a"}, {"out"}, {{.name = "st"}}},
    {"group_by_new_key",
     make_group_by_new_key,
     {"a"},
     {"out"},
     {{.name = "st", .value = CONFORMANCE_I64}}},
    {"table_filter_map", make_table_filter_map, {"a"}, {"out"}, {{.name = "st"}, {.name = "flt"}}},
    {"table_group_count",
     make_table_group_count,
     {"a"},
     {"out"},
     {{.name = "st", .value = CONFORMANCE_I64}}},
    {"table_group_aggregate", make_table_group_aggregate, {"a"}, {"out"}, {{.name = "st"}}},
    {"tumbling_count",
     make_window_count,
     {"a"},
     {"out"},
     {{.name = "st", .value = CONFORMANCE_I64, .window_size = "size"}}},
    {"hopping_count",
     make_window_count,
     {"a"},
     {"out"},
     {{.name = "st", .value = CONFORMANCE_I64, .window_size = "size"}}},
    {"session_count",
     make_session_count,
     {"a"},
     {"out"},
     {{.name = "st", .value = CONFORMANCE_I64, .is_session = true}}},
    {"sliding_count",
     make_sliding_count,
     {"a"},
     {"out"},
     {{.name = "st", .value = CONFORMANCE_I64, .window_size = "difference"}}},
    {"window_reduce_hop",
     make_window_reduce_hop,
     {"a"},
     {"out"},
     {{.name = "st", .window_size = "size"}}},
    {"table_table_inner",
     make_table_table_inner,
     {"a", "b"},
     {"out"},
     {{.name = "ta"}, {.name = "tb"}, {.name = "st"}}},
    {"table_table_left",
     make_table_table_left,
     {"a", "b"},
     {"out"},
     {{.name = "ta"}, {.name = "tb"}, {.name = "st"}}},
    {"table_table_outer",
     make_table_table_outer,
     {"a", "b"},
     {"out"},
     {{.name = "ta"}, {.name = "tb"}, {.name = "st"}}},
    {"stream_stream_inner", make_stream_stream_inner, {"a", "b"}, {"out"}, {{.name = NULL}}},
    {"stream_stream_left", make_stream_stream_left, {"a", "b"}, {"out"}, {{.name = NULL}}},
    {"stream_stream_outer", make_stream_stream_outer, {"a", "b"}, {"out"}, {{.name = NULL}}},
    {"stream_table_inner", make_stream_table_inner, {"a", "b"}, {"out"}, {{.name = "tb"}}},
    {"stream_table_left", make_stream_table_left, {"a", "b"}, {"out"}, {{.name = "tb"}}},
    {.name = NULL},
};

/* The lists of all files; a NULL ends them. */
static const conformance_spec *const lists[] = {
    conformance_specs_basic,     conformance_specs_joins,     conformance_specs_cogroup,
    conformance_specs_processor, conformance_specs_suppress,  conformance_specs_emit,
    conformance_specs_sinks,     conformance_specs_sources,   conformance_specs_filters,
    conformance_specs_transform, conformance_specs_versioned, conformance_specs_global,
    conformance_specs_lru,       conformance_specs_windows,   NULL,
};

const conformance_spec *conformance_spec_named(weir_bytes name)
{
    for (const conformance_spec *const *list = lists; *list != NULL; list++) {
        for (const conformance_spec *spec = *list; spec->name != NULL; spec++) {
            if (weir_bytes_equal(name, weir_bytes_of_text(spec->name))) {
                return spec;
            }
        }
    }
    return NULL;
}

void conformance_specs_list(void)
{
    for (const conformance_spec *const *list = lists; *list != NULL; list++) {
        for (const conformance_spec *spec = *list; spec->name != NULL; spec++) {
            puts(spec->name);
        }
    }
}
