/* SPDX-License-Identifier: Apache-2.0
 *
 * specs_windows.c - windows of one's own: one begins every so often from an offset on, of two
 * lengths by turns, which may leave gaps or overlap.
 */
#include "streams/dsl/suppress.h"
#include "tests/conformance/specs_internal.h"
#include "tests/harness/dsl_functions.h"

#include <inttypes.h>

static const weir_materialized st = {.store_name = "st"};

typedef struct own_windows {
    int64_t every_ms;
    int64_t offset_ms;
    int64_t even_ms;
    int64_t odd_ms;
} own_windows;

/* As Math.floorDiv. */
static int64_t divide_down(int64_t value, int64_t by)
{
    return value / by - (value % by < 0 ? 1 : 0);
}

static weir_status windows_for(weir_call *call, int64_t timestamp_ms,
                               const weir_window **out_windows, size_t *out_count)
{
    const own_windows *own = call->user;
    int64_t longest_ms = own->even_ms > own->odd_ms ? own->even_ms : own->odd_ms;
    int64_t first = divide_down(timestamp_ms - own->offset_ms - longest_ms, own->every_ms);
    int64_t last = divide_down(timestamp_ms - own->offset_ms, own->every_ms);
    weir_window *found = weir_arena_alloc(call->arena, (size_t)(last - first + 1) * sizeof(*found));
    if (found == NULL) {
        return weir_error_set(call->err, WEIR_BAD_RECORD, "too many windows");
    }
    size_t count = 0;
    for (int64_t n = first; n <= last; n++) {
        int64_t start_ms = own->offset_ms + n * own->every_ms;
        int64_t end_ms = start_ms + (n % 2 == 0 ? own->even_ms : own->odd_ms);
        if (start_ms >= 0 && start_ms <= timestamp_ms && timestamp_ms < end_ms) {
            found[count++] = (weir_window){start_ms, end_ms};
        }
    }
    *out_windows = found;
    *out_count = count;
    return WEIR_OK;
}

weir_windows conformance_own_windows(const weir_json_value *params)
{
    static own_windows own;
    own = (own_windows){
        .every_ms = conformance_parameter(params, "every"),
        .offset_ms = conformance_parameter(params, "offset"),
        .even_ms = conformance_parameter(params, "even"),
        .odd_ms = conformance_parameter(params, "odd"),
    };
    return (weir_windows){
        .windows_for = windows_for,
        .user = &own,
        .size_ms = conformance_parameter(params, "size"),
        .grace_ms = conformance_parameter(params, "grace"),
    };
}

static weir_time_windowed_kstream *windowed(weir_builder *builder, const weir_json_value *params)
{
    const weir_windows windows = conformance_own_windows(params);
    return weir_kgrouped_stream_windowed_by_own(conformance_grouped(builder, "a"), &windows);
}

static void make_count(weir_builder *builder, const weir_json_value *params)
{
    weir_ktable *counts = weir_time_windowed_count(windowed(builder, params), &st, NULL);
    conformance_counts_to(
        conformance_windows_as_text(counts, conformance_parameter(params, "size")), "out");
}

static void make_reduce(weir_builder *builder, const weir_json_value *params)
{
    weir_ktable *table =
        weir_time_windowed_reduce(windowed(builder, params), dsl_concat, &st, NULL);
    weir_kstream_to(conformance_windows_as_text(table, conformance_parameter(params, "size")),
                    "out", NULL);
}

static weir_status start_as_text(weir_call *call, const weir_record *record, weir_bytes *out_key)
{
    weir_windowed windowed = {0};
    if (!weir_windowed_of(record->key, 1, &windowed)) {
        return weir_error_set(call->err, WEIR_BAD_RECORD, "this key has no window");
    }
    *out_key = weir_call_text(call, "%.*s@%" PRId64, (int)windowed.key.size,
                              (const char *)windowed.key.data, windowed.start_ms);
    return WEIR_OK;
}

static void make_starts(weir_builder *builder, const weir_json_value *params)
{
    weir_ktable *counts = weir_time_windowed_count(windowed(builder, params), &st, NULL);
    weir_kstream *changes = weir_ktable_to_stream(counts, NULL);
    conformance_counts_to(weir_kstream_select_key(changes, start_as_text, NULL), "out");
}

static void make_held(weir_builder *builder, const weir_json_value *params)
{
    weir_ktable *counts = weir_time_windowed_count(windowed(builder, params), &st, NULL);
    conformance_counts_to(
        conformance_windows_as_text(weir_ktable_suppress_until_window_closes(counts, NULL),
                                    conformance_parameter(params, "size")),
        "out");
}

const conformance_spec conformance_specs_windows[] = {
    {"own_windows_offset",
     make_count,
     {"a"},
     {"out"},
     {{.name = "st", .value = CONFORMANCE_I64, .window_size = "size"}}},
    {"own_windows_gap", make_reduce, {"a"}, {"out"}, {{.name = "st", .window_size = "size"}}},
    {"own_windows_uneven",
     make_starts,
     {"a"},
     {"out"},
     {{.name = "st", .value = CONFORMANCE_I64, .window_size = "size"}}},
    {"own_windows_held",
     make_held,
     {"a"},
     {"out"},
     {{.name = "st", .value = CONFORMANCE_I64, .window_size = "size"}}},
    {.name = NULL},
};
