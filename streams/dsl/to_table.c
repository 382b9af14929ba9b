/* SPDX-License-Identifier: Apache-2.0
 *
 * to_table.c - a stream taken as the changes of a table (KStream.toTable): by way of a repartition
 * topic, if its keys may have changed, since rows with one key must be in one task.
 */
#include "streams/dsl/kstream_internal.h"
#include "streams/dsl/ktable_internal.h"
#include "streams/dsl/null_handle_internal.h"

static const char prefix[] = "KSTREAM-TOTABLE-";

weir_ktable *weir_kstream_to_table(weir_kstream *stream, const weir_materialized *materialized,
                                   const weir_operator_options *options)
{
    WEIR_REFUSE_NULL(stream);
    static const weir_materialized not_kept;
    materialized = materialized == NULL ? &not_kept : materialized;
    weir_builder *builder = stream->builder;
    const char *given = options == NULL ? NULL : options->name;
    const char *name = weir_builder_name_or_new(builder, given, prefix);
    weir_ktable *table = weir_ktable_new(builder, WEIR_TABLE_SOURCE, NULL);
    weir_ktable_declare_rows(table, materialized, prefix);
    weir_graph_node *parent = stream->node;
    if (stream->repartition_required) {
        parent = weir_repartition_node_new(builder, name);
        weir_graph_attach(builder, stream->node, parent);
    }
    table->node = weir_graph_add(builder, parent, WEIR_GRAPH_PROCESSOR, name);
    table->node->processor = (weir_processor_options){weir_table_source_new, table};
    table->node->table = table;
    return table;
}
