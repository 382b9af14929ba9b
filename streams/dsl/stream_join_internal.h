/* SPDX-License-Identifier: Apache-2.0
 *
 * stream_join_internal.h - a join of two streams laid open for its files: stream_join.c (graph) and
 * stream_join_process.c (processors).
 *
 * Ownership  Joins and sides live in the builder's arena.
 * Threads    Builder: one. Processors: the worker that owns the task.
 */
#ifndef WEIR_STREAMS_DSL_STREAM_JOIN_INTERNAL_H
#define WEIR_STREAMS_DSL_STREAM_JOIN_INTERNAL_H

#include "streams/dsl/joins.h"
#include "streams/dsl/kstream_internal.h"
#include "streams/dsl/late_internal.h"

typedef struct weir_stream_join {
    weir_builder *builder;
    weir_join_windows windows;
    weir_value_joiner joiner;
    void *user;
    bool left_outer;
    bool right_outer;
    const char *left_store; /* Records of a side, by key and time. */
    const char *right_store;
    const char *outer_store;      /* Records that met none so far; NULL: an inner join. */
    weir_graph_node *left_window; /* The buffer of the left side. */
    weir_late late;
} weir_stream_join;

/* One side: its records look for partners in the other one's store. */
typedef struct weir_join_side {
    const weir_stream_join *join;
    bool is_left;
    bool is_outer;
    int64_t before_ms; /* As seen from this side. */
    int64_t after_ms;
    const char *other_store;
} weir_join_side;

/* What the names of a side's processor and store end with. */
const char *weir_join_suffix(const weir_stream_join *join, bool is_left);

/* What a side is kept in, for partners to come. */
typedef struct weir_join_buffer {
    const weir_stream_join *join;
    const char *store;
    int64_t after_ms; /* As far behind its records their partners may lie. */
} weir_join_buffer;

/* What the processors of a join know in a task, once those that join have begun. */
typedef struct weir_join_times {
    bool begun;
    int64_t *stream_time_ms; /* The first side keeps it. */
    int64_t *oldest_ms;      /* Of what waits in the outer store, as far as that was looked at;
                              * INT64_MAX: nothing. The second side keeps it. */
    int64_t next_look_ms;
} weir_join_times;
weir_join_times *weir_join_times_of(weir_context *context, const weir_stream_join *join);

/* Suppliers: of the processor that buffers a side (user: a weir_join_buffer), and of the one that
 * joins it (user: a weir_join_side). */
weir_processor *weir_join_window_new(void *user);
weir_processor *weir_join_side_new(void *user);
/* Of the one that joins a stream with itself; user: the weir_stream_join. */
weir_processor *weir_self_join_new(void *user);

#endif
