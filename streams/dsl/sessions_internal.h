/* SPDX-License-Identifier: Apache-2.0
 *
 * sessions_internal.h - sessions laid open for the files of the DSL: what their processors share,
 * and where their rows are.
 *
 * Ownership  Specs live in the builder's arena.
 * Threads    Builder: one. Processors: the worker that owns the task.
 */
#ifndef WEIR_STREAMS_DSL_SESSIONS_INTERNAL_H
#define WEIR_STREAMS_DSL_SESSIONS_INTERNAL_H

#include "streams/dsl/aggregate_internal.h"
#include "streams/dsl/sessions.h"

/* The windows, and how two aggregates become one: what a weir_aggregate_spec calls its windows. */
typedef struct weir_sessions_spec {
    weir_session_windows windows;
    weir_merger merger; /* NULL: the reducer does it. */
    bool emits_on_close;
} weir_sessions_spec;

/* A mistake where there cannot be such sessions. */
void weir_sessions_check(weir_builder *builder, const weir_session_windows *windows,
                         const char *after);

/* The same for the table that has them. */
weir_table_windows weir_sessions_of_table(const weir_session_windows *windows);

/* The store of such sessions, and the supplier of processors over it (user: the spec). */
weir_graph_store *weir_sessions_declare_store(weir_builder *builder,
                                              const weir_session_windows *windows,
                                              const weir_materialized *materialized,
                                              const char *prefix);
weir_processor *weir_sessions_new(void *user);

#endif
