/* SPDX-License-Identifier: Apache-2.0
 *
 * specs_cogroup.c - streams that make one table together: kept by key, in windows and in sessions.
 */
#include "streams/dsl/cogrouped.h"
#include "tests/conformance/specs_internal.h"
#include "tests/harness/dsl_functions.h"

static weir_status append(weir_call *call, weir_bytes aggregate, weir_bytes letter,
                          weir_bytes value, weir_bytes *out_aggregate)
{
    *out_aggregate = weir_call_concat(call, weir_call_concat(call, aggregate, letter),
                                      conformance_tail_of(value));
    return WEIR_OK;
}

static weir_status append_a(weir_call *call, weir_bytes key, weir_bytes value, weir_bytes aggregate,
                            weir_bytes *out_aggregate)
{
    (void)key;
    return append(call, aggregate, WEIR_BYTES("a"), value, out_aggregate);
}

static weir_status append_b(weir_call *call, weir_bytes key, weir_bytes value, weir_bytes aggregate,
                            weir_bytes *out_aggregate)
{
    (void)key;
    return append(call, aggregate, WEIR_BYTES("b"), value, out_aggregate);
}

static const weir_materialized st = {.store_name = "st"};

static weir_cogrouped_kstream *cogrouped(weir_builder *builder)
{
    weir_kgrouped_stream *a = conformance_grouped(builder, "a");
    weir_kgrouped_stream *b = conformance_grouped(builder, "b");
    return weir_cogrouped_kstream_cogroup(weir_kgrouped_stream_cogroup(a, append_a), b, append_b);
}

static void make_cogroup(weir_builder *builder, const weir_json_value *params)
{
    (void)params;
    weir_ktable *table =
        weir_cogrouped_kstream_aggregate(cogrouped(builder), dsl_empty_text, &st, NULL);
    weir_kstream_to(weir_ktable_to_stream(table, NULL), "out", NULL);
}

static void make_cogroup_hopping(weir_builder *builder, const weir_json_value *params)
{
    const weir_time_windows windows = {
        .size_ms = conformance_parameter(params, "size"),
        .advance_ms = conformance_parameter(params, "advance"),
        .grace_ms = conformance_parameter(params, "grace"),
    };
    weir_ktable *table = weir_time_windowed_cogrouped_aggregate(
        weir_cogrouped_kstream_windowed_by(cogrouped(builder), &windows), dsl_empty_text, &st,
        NULL);
    weir_kstream_to(conformance_windows_as_text(table, windows.size_ms), "out", NULL);
}

static void make_own_windows_cogroup(weir_builder *builder, const weir_json_value *params)
{
    const weir_windows windows = conformance_own_windows(params);
    weir_ktable *table = weir_time_windowed_cogrouped_aggregate(
        weir_cogrouped_kstream_windowed_by_own(cogrouped(builder), &windows), dsl_empty_text, &st,
        NULL);
    weir_kstream_to(conformance_windows_as_text(table, windows.size_ms), "out", NULL);
}

static void make_cogroup_sliding(weir_builder *builder, const weir_json_value *params)
{
    const weir_sliding_windows windows = {conformance_parameter(params, "difference"),
                                          conformance_parameter(params, "grace")};
    weir_ktable *table = weir_time_windowed_cogrouped_aggregate(
        weir_cogrouped_kstream_windowed_by_sliding(cogrouped(builder), &windows), dsl_empty_text,
        &st, NULL);
    weir_kstream_to(conformance_windows_as_text(table, windows.time_difference_ms), "out", NULL);
}

static void make_cogroup_session(weir_builder *builder, const weir_json_value *params)
{
    const weir_session_windows windows = {conformance_parameter(params, "gap"),
                                          conformance_parameter(params, "grace")};
    weir_ktable *table = weir_session_windowed_cogrouped_aggregate(
        weir_cogrouped_kstream_windowed_by_session(cogrouped(builder), &windows), dsl_empty_text,
        dsl_pair, &st, NULL);
    weir_kstream_to(conformance_sessions_as_text(table), "out", NULL);
}

/* One stream goes through a topic; two tables of one group use it, and numbers, in Java's order. */
static void make_cogroup_repartition(weir_builder *builder, const weir_json_value *params)
{
    (void)params;
    weir_kgrouped_stream *a = weir_kstream_group_by(weir_builder_stream(builder, "a", NULL),
                                                    dsl_value_as_key, &(weir_operator_options){0});
    weir_kgrouped_stream *b = conformance_grouped(builder, "b");
    weir_cogrouped_kstream *both =
        weir_cogrouped_kstream_cogroup(weir_kgrouped_stream_cogroup(a, append_a), b, append_b);
    weir_ktable *first = weir_cogrouped_kstream_aggregate(both, dsl_empty_text, NULL, NULL);
    weir_kstream_to(weir_ktable_to_stream(first, NULL), "out", NULL);
    weir_ktable *second = weir_cogrouped_kstream_aggregate(
        both, dsl_empty_text, &st, &(weir_operator_options){.name = "named"});
    weir_kstream_to(weir_ktable_to_stream(second, NULL), "out2", NULL);
}

const conformance_spec conformance_specs_cogroup[] = {
    {"cogroup", make_cogroup, {"a", "b"}, {"out"}, {{.name = "st"}}},
    {"cogroup_hopping",
     make_cogroup_hopping,
     {"a", "b"},
     {"out"},
     {{.name = "st", .window_size = "size"}}},
    {"own_windows_cogroup",
     make_own_windows_cogroup,
     {"a", "b"},
     {"out"},
     {{.name = "st", .window_size = "size"}}},
    {"cogroup_sliding",
     make_cogroup_sliding,
     {"a", "b"},
     {"out"},
     {{.name = "st", .window_size = "difference"}}},
    {"cogroup_session",
     make_cogroup_session,
     {"a", "b"},
     {"out"},
     {{.name = "st", .is_session = true}}},
    {"cogroup_repartition",
     make_cogroup_repartition,
     {"a", "b"},
     {"out", "out2"},
     {{.name = "st"}}},
    {.name = NULL},
};
