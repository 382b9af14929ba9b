/* SPDX-License-Identifier: Apache-2.0
 *
 * window_close_internal.h - aggregates that pass a window on once, when it has closed
 * (EmitStrategy.onWindowClose): when to look, and up to where that was done.
 *
 * Ownership  Part of a processor.
 * Threads    The worker that owns the task.
 */
#ifndef WEIR_STREAMS_DSL_WINDOW_CLOSE_INTERNAL_H
#define WEIR_STREAMS_DSL_WINDOW_CLOSE_INTERNAL_H

#include "streams/table_context.h"

/* All-zero is good for aggregates that pass each change on. */
typedef struct weir_window_close {
    const char *store;   /* NULL: each change is passed on. */
    int64_t released_ms; /* Windows that closed up to here were passed on; -1: none yet. */
    int64_t next_look_ms;
    const weir_record *record; /* With which windows close now. */
} weir_window_close;

/* In init: goes on from where the committed offsets say. */
void weir_window_close_open(weir_window_close *self, const weir_context *context,
                            const char *store);

/* Whether it is time to look for windows that had closed by close_ms; as often as
 * weir_context_emit_interval_ms says. */
bool weir_window_close_is_due(weir_window_close *self, const weir_context *context,
                              int64_t close_ms);

/* Passes on the rows of what, which are those that have closed by close_ms and had not before. */
weir_status weir_window_close_release(weir_window_close *self, const weir_record *record,
                                      const weir_release *what, int64_t close_ms, weir_error *err);

#endif
