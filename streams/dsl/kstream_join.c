/* SPDX-License-Identifier: Apache-2.0
 *
 * kstream_join.c - a stream joined with a table: each record looks its key up, as it is now.
 */
#include "streams/dsl/kstream_internal.h"
#include "streams/dsl/ktable_internal.h"

#include <stdlib.h>

typedef struct table_join {
    const weir_ktable *table;
    weir_value_joiner joiner;
    void *user;
    bool is_left_join;
} table_join;

typedef struct join_processor {
    weir_processor base;
    const table_join *spec;
    weir_view_reader table;
} join_processor;

static weir_status init_join(weir_processor *processor, weir_error *err)
{
    (void)err;
    join_processor *self = (join_processor *)(void *)processor;
    weir_view_reader_open(&self->table, processor->context, self->spec->table);
    return WEIR_OK;
}

static weir_status join_row(weir_processor *processor, const weir_record *record, weir_error *err)
{
    join_processor *self = (join_processor *)(void *)processor;
    const table_join *spec = self->spec;
    if (record->value.data == NULL || (record->key.data == NULL && !spec->is_left_join)) {
        return weir_context_drop(processor->context);
    }
    weir_timestamped row = {0};
    if (record->key.data != NULL) {
        WEIR_TRY(weir_view_reader_get(&self->table, record->key, &row, err));
    }
    if (row.value.data == NULL && !spec->is_left_join) {
        return WEIR_OK;
    }
    weir_call call = {spec->user, weir_context_arena(processor->context), err, false};
    weir_record out = *record;
    out.object = NULL;
    WEIR_TRY(weir_call_check(
        &call, spec->joiner(&call, record->key, record->value, row.value, &out.value)));
    return weir_context_forward(processor->context, &out, err);
}

static void free_join(weir_processor *processor)
{
    weir_view_reader_cleanup(&((join_processor *)(void *)processor)->table);
    free(processor);
}

static weir_processor *new_join(void *user)
{
    static const weir_processor_ops ops = {init_join, join_row, free_join};
    join_processor *self = weir_alloc(sizeof(*self));
    self->base.ops = &ops;
    self->spec = user;
    return &self->base;
}

static weir_kstream *join(weir_kstream *stream, table_join spec, const char *prefix,
                          const weir_operator_options *options)
{
    static const weir_operator_options no_options;
    options = options == NULL ? &no_options : options;
    weir_builder *builder = stream->builder;
    table_join *kept = weir_builder_alloc(builder, sizeof(*kept));
    *kept = spec;
    kept->user = options->user;
    stream = weir_kstream_repartition_for_join(stream, options->name, "");
    const char *name = weir_builder_name_or_new(builder, options->name, prefix);
    weir_builder_require(builder, spec.joiner != NULL, name, "a joiner");
    weir_graph_node *node = weir_graph_add(builder, stream->node, WEIR_GRAPH_PROCESSOR, name);
    node->processor = (weir_processor_options){new_join, kept};
    node->reads = spec.table;
    node->takes_null_keys = spec.is_left_join;
    return weir_kstream_of(builder, node, false);
}

weir_kstream *weir_kstream_join_table(weir_kstream *stream, weir_ktable *table,
                                      weir_value_joiner joiner,
                                      const weir_operator_options *options)
{
    weir_ktable_require_rows(table);
    return join(stream, (table_join){.table = table, .joiner = joiner}, "KSTREAM-JOIN-", options);
}

weir_kstream *weir_kstream_left_join_table(weir_kstream *stream, weir_ktable *table,
                                           weir_value_joiner joiner,
                                           const weir_operator_options *options)
{
    weir_ktable_require_rows(table);
    return join(stream, (table_join){.table = table, .joiner = joiner, .is_left_join = true},
                "KSTREAM-LEFTJOIN-", options);
}
