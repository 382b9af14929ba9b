/* SPDX-License-Identifier: Apache-2.0
 *
 * ktable.c - the rows of a table and the changes that they make.
 */
#include "streams/dsl/ktable_internal.h"

#include "streams/dsl/kstream_internal.h"

#include <stdlib.h>

void weir_row_store_open(weir_row_store *rows, weir_context *context, const char *store_name)
{
    rows->kv = weir_context_store(context, store_name);
}

void weir_row_store_cleanup(weir_row_store *rows)
{
    weir_buf_cleanup(&rows->stored);
    weir_buf_cleanup(&rows->built);
}

weir_status weir_row_store_get(weir_row_store *rows, weir_bytes key, weir_timestamped *out_row,
                               weir_error *err)
{
    weir_status status = weir_kv_get(rows->kv, key, &rows->stored, err);
    return status != WEIR_OK ? status
                             : weir_timestamped_decode(weir_buf_bytes(&rows->stored), out_row, err);
}

weir_status weir_row_store_put(weir_row_store *rows, weir_bytes key, weir_timestamped row,
                               weir_error *err)
{
    if (row.value.data == NULL) {
        return weir_kv_remove(rows->kv, key, err);
    }
    weir_timestamped_encode(row, &rows->built);
    return weir_kv_put(rows->kv, key, weir_buf_bytes(&rows->built), err);
}

weir_status weir_forward_change(weir_context *context, const weir_record *source,
                                weir_change change, int64_t timestamp_ms, weir_error *err)
{
    weir_record out = *source;
    out.value = change.new_value;
    out.object = &change;
    out.timestamp_ms = timestamp_ms;
    return weir_context_forward(context, &out, err);
}

weir_graph_store *weir_row_store_declare(weir_builder *builder,
                                         const weir_materialized *materialized, const char *prefix)
{
    weir_graph_store *store = weir_builder_alloc(builder, sizeof(*store));
    store->options = (weir_store_options){
        .name = materialized->store_name != NULL
                    ? weir_builder_join_names(builder, materialized->store_name, "")
                    : weir_builder_new_store_name(builder, prefix),
        .engine = materialized->engine,
        .logging_disabled = materialized->logging_disabled,
        .timestamped = true,
    };
    return store;
}

/* A change becomes a plain record. */
static weir_status to_stream(weir_processor *processor, const weir_record *record, weir_error *err)
{
    weir_record out = *record;
    out.object = NULL;
    return weir_context_forward(processor->context, &out, err);
}

static void free_to_stream(weir_processor *processor)
{
    free(processor);
}

static weir_processor *new_to_stream(void *user)
{
    (void)user;
    static const weir_processor_ops ops = {.process = to_stream, .free = free_to_stream};
    weir_processor *processor = weir_alloc(sizeof(*processor));
    processor->ops = &ops;
    return processor;
}

weir_kstream *weir_ktable_to_stream(weir_ktable *table, const weir_operator_options *options)
{
    const char *name = weir_builder_name_or_new(
        table->builder, options == NULL ? NULL : options->name, "KTABLE-TOSTREAM-");
    weir_graph_node *node = weir_graph_add(table->builder, table->node, WEIR_GRAPH_PROCESSOR, name);
    node->processor = (weir_processor_options){new_to_stream, NULL};
    return weir_kstream_of(table->builder, node, false);
}
