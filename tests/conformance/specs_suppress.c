/* SPDX-License-Identifier: Apache-2.0
 *
 * specs_suppress.c - counts that are told when they are final, or late.
 */
#include "streams/dsl/grouped.h"
#include "streams/dsl/sessions.h"
#include "streams/dsl/suppress.h"
#include "tests/conformance/specs_internal.h"

static const weir_materialized st = {.store_name = "st"};

static void make_suppress_until_close(weir_builder *builder, const weir_json_value *params)
{
    const weir_time_windows windows = {.size_ms = conformance_parameter(params, "size"),
                                       .grace_ms = conformance_parameter(params, "grace")};
    weir_ktable *counts = weir_time_windowed_count(
        weir_kgrouped_stream_windowed_by(conformance_grouped(builder, "a"), &windows), &st, NULL);
    conformance_counts_to(
        conformance_windows_as_text(weir_ktable_suppress_until_window_closes(counts, NULL),
                                    windows.size_ms),
        "out");
}

static void make_suppress_time_limit(weir_builder *builder, const weir_json_value *params)
{
    const weir_suppressed options = {
        .records_max = (size_t)conformance_parameter(params, "max_records"),
        .when_full = WEIR_BUFFER_EMITS_EARLY,
    };
    weir_ktable *counts = weir_kgrouped_stream_count(conformance_grouped(builder, "a"), &st, NULL);
    weir_ktable *late = weir_ktable_suppress_until_time_limit(
        counts, conformance_parameter(params, "wait"), &options);
    conformance_counts_to(weir_ktable_to_stream(late, NULL), "out");
}

static void make_suppress_session(weir_builder *builder, const weir_json_value *params)
{
    const weir_session_windows windows = {conformance_parameter(params, "gap"),
                                          conformance_parameter(params, "grace")};
    weir_ktable *counts = weir_session_windowed_count(
        weir_kgrouped_stream_windowed_by_session(conformance_grouped(builder, "a"), &windows), &st,
        NULL);
    weir_ktable *final =
        weir_ktable_suppress_until_window_closes(counts, &(weir_suppressed){.name = "final"});
    conformance_counts_to(conformance_sessions_as_text(final), "out");
}

static weir_status with_bar(weir_call *call, weir_bytes key, weir_bytes left, weir_bytes right,
                            weir_bytes *out_value)
{
    (void)key;
    *out_value = weir_call_concat(call, weir_call_concat(call, left, WEIR_BYTES("|")), right);
    return WEIR_OK;
}

static void make_suppress_joined(weir_builder *builder, const weir_json_value *params)
{
    const weir_suppressed options = {
        .bytes_max = (size_t)conformance_parameter(params, "max_bytes"),
        .when_full = WEIR_BUFFER_EMITS_EARLY,
    };
    weir_ktable *a =
        weir_builder_table(builder, "a", NULL, &(weir_materialized){.store_name = "ta"});
    weir_ktable *b =
        weir_builder_table(builder, "b", NULL, &(weir_materialized){.store_name = "tb"});
    weir_ktable *late =
        weir_ktable_suppress_until_time_limit(a, conformance_parameter(params, "wait"), &options);
    weir_kstream_to(weir_ktable_to_stream(weir_ktable_join(late, b, with_bar, NULL), NULL), "out",
                    NULL);
}

const conformance_spec conformance_specs_suppress[] = {
    {"suppress_until_close",
     make_suppress_until_close,
     {"a"},
     {"out"},
     {{.name = "st", .value = CONFORMANCE_I64, .window_size = "size"}}},
    {"suppress_time_limit",
     make_suppress_time_limit,
     {"a"},
     {"out"},
     {{.name = "st", .value = CONFORMANCE_I64}}},
    {"suppress_session",
     make_suppress_session,
     {"a"},
     {"out"},
     {{.name = "st", .value = CONFORMANCE_I64, .is_session = true}}},
    {"suppress_joined",
     make_suppress_joined,
     {"a", "b"},
     {"out"},
     {{.name = "ta"}, {.name = "tb"}}},
    {.name = NULL},
};
