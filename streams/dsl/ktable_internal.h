/* SPDX-License-Identifier: Apache-2.0
 *
 * ktable_internal.h - tables laid open for the files of the DSL: how changes travel, and how rows
 * are kept.
 *
 * Between the processors of tables a record carries a weir_change as its object; its value is the
 * new value.
 *
 * Ownership  Tables live in the builder's arena; a weir_row_store is part of a processor.
 * Threads    Builder: one. Processors: the worker that owns the task.
 */
#ifndef WEIR_STREAMS_DSL_KTABLE_INTERNAL_H
#define WEIR_STREAMS_DSL_KTABLE_INTERNAL_H

#include "streams/dsl/graph_internal.h"
#include "streams/dsl/ktable.h"

typedef struct weir_change {
    weir_bytes new_value; /* Null: the row went. */
    weir_bytes old_value; /* Null: there was none, or nobody downstream asks for it. */
} weir_change;

/* What the processors of a table share; settled when the topology is written. */
typedef struct weir_table_spec {
    const char *store_name; /* NULL: its rows are not kept. */
    bool sends_old_values;
} weir_table_spec;

struct weir_ktable {
    weir_builder *builder;
    weir_graph_node *node;
    weir_table_spec *spec;
};

/* The rows of a table in a timestamped store. */
typedef struct weir_row_store {
    weir_kv *kv;
    weir_buf stored; /* What was read last. */
    weir_buf built;  /* What was written last. */
} weir_row_store;

/* Finds the store of a processor that runs; frees what reading and writing needed. */
void weir_row_store_open(weir_row_store *rows, weir_context *context, const char *store_name);
void weir_row_store_cleanup(weir_row_store *rows);

/* The row of key, borrowed until the next get; WEIR_NOT_FOUND: there is none. */
weir_status weir_row_store_get(weir_row_store *rows, weir_bytes key, weir_timestamped *out_row,
                               weir_error *err);
/* Sets the row; a null value removes it. */
weir_status weir_row_store_put(weir_row_store *rows, weir_bytes key, weir_timestamped row,
                               weir_error *err);

/* Passes a change on as a record like source, with the time of the change. */
weir_status weir_forward_change(weir_context *context, const weir_record *source,
                                weir_change change, int64_t timestamp_ms, weir_error *err);

/* A store of rows as materialized asks; its name is drawn if it has none. */
weir_graph_store *weir_row_store_declare(weir_builder *builder,
                                         const weir_materialized *materialized, const char *prefix);

#endif
