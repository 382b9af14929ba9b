/* SPDX-License-Identifier: Apache-2.0
 *
 * ktable_internal.h - tables laid open for the files of the DSL; their rows are in
 * ktable_rows_internal.h.
 *
 * Ownership  Tables live in the builder's arena.
 * Threads    Builder: one. Processors: the worker that owns the task.
 */
#ifndef WEIR_STREAMS_DSL_KTABLE_INTERNAL_H
#define WEIR_STREAMS_DSL_KTABLE_INTERNAL_H

#include "streams/dsl/graph_internal.h"
#include "streams/dsl/ktable.h"
#include "streams/dsl/ktable_rows_internal.h"
#include "streams/dsl/late_internal.h"
#include "streams/dsl/transform_values.h"

typedef enum weir_table_kind {
    WEIR_TABLE_SOURCE,    /* Kept if somebody asks for its rows or its old values. */
    WEIR_TABLE_AGGREGATE, /* Always kept. */
    WEIR_TABLE_FILTER,    /* The rest: kept if it was given a name; else computed. */
    WEIR_TABLE_MAP,
    WEIR_TABLE_TRANSFORM,
    WEIR_TABLE_INNER_JOIN,
    WEIR_TABLE_LEFT_JOIN,
    WEIR_TABLE_OUTER_JOIN,
    WEIR_TABLE_SUPPRESSED, /* Rows of its parent, but for those that are held back. */
} weir_table_kind;

/* The windows of a table's keys. */
typedef struct weir_table_windows {
    bool are_there;
    bool are_sessions;
    int64_t size_ms;
    int64_t grace_ms;                    /* From the end of a window on. */
    const struct weir_windows_spec *own; /* Which say where they end; NULL: size_ms does. */
} weir_table_windows;

/* A table: what its processors share, and how a row is computed where it is not kept. Settled when
 * the topology is written. */
struct weir_ktable {
    weir_builder *builder;
    weir_graph_node *node;
    weir_table_kind kind;
    weir_graph_store *store; /* Where its rows are or would be kept; NULL: they never are. */
    bool is_kept;
    bool sends_old_values;
    bool is_versioned; /* A source whose store is. */
    bool keeps_places; /* Something downstream asks from where the records of changes came. */
    weir_table_windows windows;
    weir_late late;                       /* Of a windowed aggregate. */
    const struct weir_suppress *suppress; /* Of one of that kind. */
    weir_ktable *left;                    /* Its parent, or the left one. */
    weir_ktable *right;
    weir_predicate predicate;
    bool negated;
    weir_value_mapper mapper;
    weir_value_joiner joiner;
    weir_value_transformer_supplier transformer;
    void *user;
};

/* A table below parent, not yet with a node. */
weir_ktable *weir_ktable_new(weir_builder *builder, weir_table_kind kind, weir_ktable *parent);

/* The same with a node, whose processor is the caller's, and a store if it was given a name. */
weir_ktable *weir_ktable_new_below(weir_ktable *parent, weir_table_kind kind, const char *prefix,
                                   const weir_table_options *options);

/* A store for its rows, if it was given a name. */
void weir_ktable_keep_if_named(weir_ktable *table, const weir_materialized *materialized);

/* The rows of the table of a topic or of a stream, or its versions. */
void weir_ktable_declare_rows(weir_ktable *table, const weir_materialized *materialized,
                              const char *prefix);

/* Makes changes carry old values; force: keep rows for it where they are not kept. */
bool weir_ktable_send_old_values(weir_ktable *table, bool force);

/* Something reads rows of the table: a source must keep them. */
void weir_ktable_require_rows(weir_ktable *table);

/* Supplier of the processor that makes records the rows of a table of kind WEIR_TABLE_SOURCE, which
 * is user. */
weir_processor *weir_table_source_new(void *user);

/* Tells visit of each store that a reader of the table's rows opens, by its name. */
void weir_ktable_each_store(const weir_ktable *table, void (*visit)(void *user, const char *name),
                            void *user);

/* What a row of the parent becomes in a filter or a map; null stays null. */
weir_status weir_ktable_apply(const weir_ktable *table, weir_context *context, weir_bytes key,
                              weir_bytes value, weir_bytes *out_value, weir_error *err);

/* Whether a joined table has a row for two values of its sides. */
bool weir_ktable_joins(const weir_ktable *table, weir_bytes left, weir_bytes right);

/* A count that changes by difference; null counts as 0. */
weir_status weir_count_add(weir_call *call, weir_bytes aggregate, int64_t difference,
                           weir_bytes *out_aggregate);

/* A store of rows as materialized asks, of anything else, which has no versions; its name is drawn
 * if it has none. */
weir_graph_store *weir_row_store_declare(weir_builder *builder,
                                         const weir_materialized *materialized, const char *prefix);

#endif
