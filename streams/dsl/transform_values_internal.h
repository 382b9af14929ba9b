/* SPDX-License-Identifier: Apache-2.0
 *
 * transform_values_internal.h - transformers for those who look up rows of a table that has them.
 *
 * Ownership  Whoever made a transformer frees it.
 * Threads    The worker that owns the task.
 */
#ifndef WEIR_STREAMS_DSL_TRANSFORM_VALUES_INTERNAL_H
#define WEIR_STREAMS_DSL_TRANSFORM_VALUES_INTERNAL_H

#include "streams/dsl/transform_values.h"

/* A transformer of the table, initialised. It is handed out before it is, so that one that fails is
 * freed with what it belongs to. */
weir_status weir_value_transformer_new(const weir_ktable *table, weir_context *context,
                                       weir_value_transformer **out_transformer, weir_error *err);
void weir_value_transformer_free(weir_value_transformer *transformer); /* NULL is fine. */

/* The value that table's transformer makes of row. */
weir_status weir_value_transformer_apply(weir_value_transformer *transformer,
                                         const weir_ktable *table, const weir_record *row,
                                         weir_bytes *out_value, weir_error *err);

#endif
