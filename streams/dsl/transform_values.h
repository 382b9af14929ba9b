/* SPDX-License-Identifier: Apache-2.0
 *
 * transform_values.h - a table whose values an object of its user's makes, which has a task and
 * stores (KTable.transformValues and its ValueTransformerWithKey).
 *
 *   typedef struct ranked { weir_value_transformer base; weir_kv *ranks; } ranked;
 *   weir_ktable_transform_values(table, new_ranked, NULL, (const char *const[]){"ranks", NULL});
 *
 * Ownership  The runtime frees what a supplier made, by ops->free. The row is borrowed for the
 *            call; what is answered lives in call->arena, in the row, or in static storage.
 * Errors     As of the functions in function.h.
 * Threads    A transformer is its task's; two tasks may call one supplier at the same time.
 */
#ifndef WEIR_STREAMS_DSL_TRANSFORM_VALUES_H
#define WEIR_STREAMS_DSL_TRANSFORM_VALUES_H

#include "streams/dsl/function.h"
#include "streams/dsl/ktable.h"
#include "streams/processor.h"

typedef struct weir_value_transformer weir_value_transformer;

typedef struct weir_value_transformer_ops {
    /* Once, when the task starts to run, its stores restored; may be NULL. */
    weir_status (*init)(weir_value_transformer *transformer, weir_error *err);
    /* The new value of a row, null where it has none; call->user is the operation's. The value of
     * row is null where the row is removed, or is looked for and is not there: the answer counts
     * then, too. */
    weir_status (*transform)(weir_value_transformer *transformer, weir_call *call,
                             const weir_record *row, weir_bytes *out_value);
    void (*free)(weir_value_transformer *transformer);
} weir_value_transformer_ops;

/* The first member of a transformer's own struct. The supplier sets ops, the runtime sets context:
 * for stores, the arena and times; it may neither forward (WEIR_INVALID) nor schedule (a failed
 * assertion). */
struct weir_value_transformer {
    const weir_value_transformer_ops *ops; /* Static storage. */
    weir_context *context;
};

/* Makes one transformer; user is that of the operation's options. */
typedef weir_value_transformer *(*weir_value_transformer_supplier)(void *user);

/* Each row with the value that a transformer makes of it; store_names ends with a NULL, and may be
 * NULL. Where the table is not kept (it has no store_name), whoever looks a row up, a join for one,
 * has a transformer of its own, and the row is transformed anew: with the time of the table's row
 * (-1: there is none), without headers and place. What was there before is transformed anew, too,
 * where somebody asks for it, so such a transformer answers the same to the same row. */
weir_ktable *weir_ktable_transform_values(weir_ktable *table,
                                          weir_value_transformer_supplier supplier,
                                          const weir_table_options *options,
                                          const char *const *store_names);

#endif
