/* SPDX-License-Identifier: Apache-2.0
 *
 * specs_filters.c - filters in front of windows: each operator sees a stream time of its own, and
 * so does each store, also after a restore.
 */
#include "tests/conformance/specs_internal.h"

#include "streams/dsl/grouped.h"
#include "streams/dsl/joins.h"
#include "streams/dsl/sessions.h"
#include "tests/harness/dsl_functions.h"

/* user is the largest digit that is let through. */
static bool is_up_to(void *user, const weir_record *record)
{
    return ((const char *)record->value.data)[1] <= *(const char *)user;
}

static weir_kstream *up_to(weir_kstream *stream, const char *digit)
{
    return weir_kstream_filter(stream, is_up_to,
                               &(weir_operator_options){.user = (void *)(uintptr_t)digit});
}

static weir_kgrouped_stream *grouped_up_to(weir_kstream *stream, const char *digit)
{
    return weir_kstream_group_by_key(up_to(stream, digit), NULL);
}

static void make_windows(weir_builder *builder, const weir_json_value *params)
{
    const weir_time_windows windows = {.size_ms = conformance_parameter(params, "size"),
                                       .grace_ms = conformance_parameter(params, "grace")};
    const weir_sliding_windows sliding = {windows.size_ms, windows.grace_ms};
    weir_kstream *a = weir_builder_stream(builder, "a", NULL);
    weir_ktable *counts =
        weir_time_windowed_count(weir_kgrouped_stream_windowed_by(grouped_up_to(a, "5"), &windows),
                                 &(weir_materialized){.store_name = "st"}, NULL);
    conformance_counts_to(conformance_windows_as_text(counts, windows.size_ms), "out");
    weir_ktable *slid = weir_time_windowed_count(
        weir_kgrouped_stream_windowed_by_sliding(grouped_up_to(a, "1"), &sliding),
        &(weir_materialized){.store_name = "sl"}, NULL);
    conformance_counts_to(conformance_windows_as_text(slid, windows.size_ms), "slid");
}

static void make_sessions(weir_builder *builder, const weir_json_value *params)
{
    const weir_session_windows windows = {conformance_parameter(params, "gap"),
                                          conformance_parameter(params, "grace")};
    weir_kstream *a = weir_builder_stream(builder, "a", NULL);
    weir_ktable *counts = weir_session_windowed_count(
        weir_kgrouped_stream_windowed_by_session(grouped_up_to(a, "3"), &windows),
        &(weir_materialized){.store_name = "st"}, NULL);
    conformance_counts_to(conformance_sessions_as_text(counts), "out");
}

static void make_join(weir_builder *builder, const weir_json_value *params)
{
    int64_t difference_ms = conformance_parameter(params, "difference");
    const weir_join_windows windows = {difference_ms, difference_ms,
                                       conformance_parameter(params, "grace")};
    weir_kstream *a = up_to(weir_builder_stream(builder, "a", NULL), "2");
    weir_kstream *b = up_to(weir_builder_stream(builder, "b", NULL), "6");
    weir_kstream_to(weir_kstream_outer_join(a, b, dsl_pair_with_bar, &windows, NULL), "out", NULL);
}

const conformance_spec conformance_specs_filters[] = {
    {"filtered_windows",
     make_windows,
     {"a"},
     {"out", "slid"},
     {{.name = "st", .value = CONFORMANCE_I64, .window_size = "size"}}},
    {"filtered_sessions",
     make_sessions,
     {"a"},
     {"out"},
     {{.name = "st", .value = CONFORMANCE_I64, .is_session = true}}},
    {"filtered_join", make_join, {"a", "b"}, {"out"}, {{.name = NULL}}},
    {.name = NULL},
};
