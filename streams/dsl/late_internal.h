/* SPDX-License-Identifier: Apache-2.0
 *
 * late_internal.h - what an operator with windows does with a record that comes too late.
 *
 * Ownership  In the builder's arena.
 * Threads    Builder: one. Processors: the worker that owns the task.
 */
#ifndef WEIR_STREAMS_DSL_LATE_INTERNAL_H
#define WEIR_STREAMS_DSL_LATE_INTERNAL_H

#include "streams/dsl/graph_internal.h"
#include "streams/dsl/late.h"

/* The node that takes late records, a child of the processors that find them; all-zero: nobody
 * asks for them. */
typedef struct weir_late {
    const char *name;
} weir_late;

/* Passes record on to the stream of late ones, if there is one; the second counts it as dropped,
 * too. */
weir_status weir_late_forward(weir_context *context, const weir_late *late,
                              const weir_record *record, weir_error *err);
weir_status weir_late_drop(weir_context *context, const weir_late *late, const weir_record *record,
                           weir_error *err);

#endif
