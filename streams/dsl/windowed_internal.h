/* SPDX-License-Identifier: Apache-2.0
 *
 * windowed_internal.h - the processors of windowed aggregates laid open for their files: windowed.c
 * (tumbling and hopping windows, rows, graph), sliding.c and own_windows.c.
 *
 * Ownership  A processor is a task's; its specs live in the builder's arena.
 * Threads    The worker that owns the task.
 */
#ifndef WEIR_STREAMS_DSL_WINDOWED_INTERNAL_H
#define WEIR_STREAMS_DSL_WINDOWED_INTERNAL_H

#include "streams/dsl/aggregate_internal.h"
#include "streams/dsl/window_close_internal.h"
#include "streams/dsl/windowed.h"

typedef struct weir_windows_spec {
    int64_t size_ms;    /* Of sliding windows: the time difference, and both ends belong to them. */
    int64_t advance_ms; /* 0: sliding. */
    int64_t grace_ms;
    weir_windows_for windows_for; /* NULL: size and advance say it. */
    void *user;
    bool emits_on_close;
} weir_windows_spec;

struct weir_time_windowed_kstream {
    weir_kgrouped_stream *grouped;
    weir_windows_spec windows;
};

typedef struct weir_windowed_processor {
    weir_processor base;
    const weir_aggregate_spec *spec;
    const weir_windows_spec *windows;
    weir_window_store *store;
    bool is_taken;  /* The record of the call is in a window at least. */
    bool is_cached; /* Changes are passed on when the cache lets go of them. */
    weir_window_close close;
    int64_t *observed_ms; /* Stream time as this processor saw it; -1: none yet. */
    weir_buf stored;
    weir_buf built;
    weir_buf key; /* Of the change that is passed on. */
} weir_windowed_processor;

/* What the user says of windows, in one form; and a mistake where it cannot be. */
weir_windows_spec weir_windows_of_time(const weir_time_windows *windows);
weir_windows_spec weir_windows_of_sliding(const weir_sliding_windows *windows);
weir_windows_spec weir_windows_of_own(weir_builder *builder, const weir_windows *windows,
                                      const char *after);
void weir_windows_check(weir_builder *builder, const weir_windows_spec *windows, const char *after);

/* The same for the table that has them. */
weir_table_windows weir_windows_of_table(const weir_windows_spec *windows);

/* The store of such windows, and the supplier of processors over it (user: the spec). */
weir_graph_store *weir_windows_declare_store(weir_builder *builder,
                                             const weir_windows_spec *windows,
                                             const weir_materialized *materialized,
                                             const char *prefix);
weir_processor_supplier weir_windows_supplier(const weir_windows_spec *windows);

/* Sets the row of a window of the key of record, and passes its change on unless the cache will. */
weir_status weir_windowed_put(weir_windowed_processor *self, const weir_record *record,
                              int64_t start_ms, weir_timestamped row, weir_bytes old_value,
                              weir_error *err);

/* The row of a window becomes what record makes of old, whose value is null where there is none. */
weir_status weir_windowed_update(weir_windowed_processor *self, const weir_record *record,
                                 int64_t start_ms, weir_timestamped old, weir_error *err);

/* The row of a window of the key of record becomes what record makes of it. */
weir_status weir_windowed_add(weir_windowed_processor *self, const weir_record *record,
                              int64_t start_ms, weir_error *err);

/* What becomes of a record that may have come too late for all of its windows. */
weir_status weir_windowed_tell_late(const weir_windowed_processor *self, const weir_record *record,
                                    weir_error *err);

/* Passes on windows that have closed, if it is time to look for them: those that begin from from_ms
 * to to_ms. */
typedef struct weir_closed_windows {
    int64_t from_ms;
    int64_t to_ms;
    int64_t close_ms;
} weir_closed_windows;
weir_status weir_windowed_release(weir_windowed_processor *self, const weir_record *record,
                                  const weir_closed_windows *closed, weir_error *err);

/* sliding.c: the process function of sliding windows; passes on those that record, or the time
 * that it stands for, has closed. */
weir_status weir_sliding_process(weir_processor *processor, const weir_record *record,
                                 weir_error *err);
weir_status weir_sliding_release_closed(weir_windowed_processor *self, const weir_record *record,
                                        weir_error *err);

/* own_windows.c: the process function of windows of one's own; and the end of the one that begins
 * at start_ms, by the longest where the function knows none. */
weir_status weir_own_windows_process(weir_processor *processor, const weir_record *record,
                                     weir_error *err);
weir_status weir_own_windows_end(const weir_windows_spec *windows, weir_arena *arena,
                                 int64_t start_ms, int64_t *out_end_ms, weir_error *err);

#endif
