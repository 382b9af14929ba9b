/* SPDX-License-Identifier: Apache-2.0
 *
 * specs_emit.c - windows that are passed on when they have closed.
 */
#include "tests/conformance/specs_internal.h"

#include "streams/dsl/grouped.h"
#include "streams/dsl/sessions.h"

static weir_materialized in_st(void)
{
    return (weir_materialized){.store_name = "st"};
}

static void make_window_emit_final(weir_builder *builder, const weir_json_value *params)
{
    const weir_time_windows windows = {
        .size_ms = conformance_parameter(params, "size"),
        .advance_ms = conformance_parameter(params, "advance"),
        .grace_ms = conformance_parameter(params, "grace"),
    };
    const weir_materialized st = in_st();
    weir_time_windowed_kstream *windowed = weir_time_windowed_emit_strategy(
        weir_kgrouped_stream_windowed_by(conformance_grouped(builder, "a"), &windows),
        WEIR_EMIT_ON_WINDOW_CLOSE);
    weir_ktable *counts = weir_time_windowed_count(windowed, &st, NULL);
    conformance_counts_to(conformance_windows_as_text(counts, windows.size_ms), "out");
}

static void make_sliding_emit_final(weir_builder *builder, const weir_json_value *params)
{
    const weir_sliding_windows windows = {conformance_parameter(params, "difference"),
                                          conformance_parameter(params, "grace")};
    const weir_materialized st = {
        .store_name = "st",
        .retention_ms = conformance_parameter(params, "retention"),
    };
    weir_time_windowed_kstream *windowed = weir_time_windowed_emit_strategy(
        weir_kgrouped_stream_windowed_by_sliding(conformance_grouped(builder, "a"), &windows),
        WEIR_EMIT_ON_WINDOW_CLOSE);
    weir_ktable *counts = weir_time_windowed_count(windowed, &st, NULL);
    conformance_counts_to(conformance_windows_as_text(counts, windows.time_difference_ms), "out");
}

static void make_session_emit_final(weir_builder *builder, const weir_json_value *params)
{
    const weir_session_windows windows = {
        .inactivity_gap_ms = conformance_parameter(params, "gap"),
        .grace_ms = conformance_parameter(params, "grace"),
    };
    const weir_materialized st = in_st();
    weir_session_windowed_kstream *windowed = weir_session_windowed_emit_strategy(
        weir_kgrouped_stream_windowed_by_session(conformance_grouped(builder, "a"), &windows),
        WEIR_EMIT_ON_WINDOW_CLOSE);
    weir_ktable *counts = weir_session_windowed_count(windowed, &st, NULL);
    conformance_counts_to(conformance_sessions_as_text(counts), "out");
}

const conformance_spec conformance_specs_emit[] = {
    {"tumbling_emit_final",
     make_window_emit_final,
     {"a"},
     {"out"},
     {{.name = "st", .value = CONFORMANCE_I64, .window_size = "size"}}},
    {"hopping_emit_final",
     make_window_emit_final,
     {"a"},
     {"out"},
     {{.name = "st", .value = CONFORMANCE_I64, .window_size = "size"}}},
    {"sliding_emit_final",
     make_sliding_emit_final,
     {"a"},
     {"out"},
     {{.name = "st", .value = CONFORMANCE_I64, .window_size = "difference"}}},
    {"session_emit_final",
     make_session_emit_final,
     {"a"},
     {"out"},
     {{.name = "st", .value = CONFORMANCE_I64, .is_session = true, .hides_past_retention = true}}},
    {.name = NULL},
};
