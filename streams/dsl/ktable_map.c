/* SPDX-License-Identifier: Apache-2.0
 *
 * ktable_map.c - tables that are computed row by row from another: filters and maps.
 *
 * Kept or not, they pass on a change of their own. What it says was there before comes from their
 * store, or is computed from the parent's old value.
 */
#include "streams/dsl/ktable_internal.h"

#include "streams/dsl/null_handle_internal.h"

#include <stdlib.h>

typedef struct map_processor {
    weir_processor base;
    const weir_ktable *table;
    weir_row_store rows;
} map_processor;

static weir_status init_map(weir_processor *processor, weir_error *err)
{
    (void)err;
    map_processor *self = (map_processor *)(void *)processor;
    if (self->table->is_kept) {
        weir_row_store_open(&self->rows, processor, self->table);
    }
    return WEIR_OK;
}

static weir_status old_value(map_processor *self, const weir_record *record,
                             weir_bytes parent_old_value, weir_bytes *out_value, weir_error *err)
{
    *out_value = WEIR_BYTES_NULL;
    if (!self->table->sends_old_values) {
        return WEIR_OK;
    }
    if (!self->table->is_kept) {
        return weir_ktable_apply(self->table, self->base.context, record->key, parent_old_value,
                                 out_value, err);
    }
    weir_timestamped row = {0};
    WEIR_TRY(weir_row_store_get(&self->rows, record->key, &row, err));
    *out_value = row.value;
    return WEIR_OK;
}

static weir_status map(weir_processor *processor, const weir_record *record, weir_error *err)
{
    map_processor *self = (map_processor *)(void *)processor;
    const weir_change *parent = record->object;
    weir_change change = {0};
    WEIR_TRY(weir_ktable_apply(self->table, processor->context, record->key, parent->new_value,
                               &change.new_value, err));
    WEIR_TRY(old_value(self, record, parent->old_value, &change.old_value, err));
    if (self->table->kind == WEIR_TABLE_FILTER && self->table->sends_old_values &&
        change.old_value.data == NULL && change.new_value.data == NULL &&
        !weir_ktable_has_versions(self->table->left)) {
        return WEIR_OK; /* It was not there and is not there now; there may be more versions. */
    }
    change.is_outdated = parent->is_outdated && !self->table->is_kept;
    return self->table->is_kept ? weir_row_store_change(&self->rows, processor->context, record,
                                                        &change, record->timestamp_ms, err)
                                : weir_forward_change(processor->context, record, &change,
                                                      record->timestamp_ms, err);
}

static void free_map(weir_processor *processor)
{
    weir_row_store_cleanup(&((map_processor *)(void *)processor)->rows);
    free(processor);
}

static weir_processor *new_map(void *user)
{
    static const weir_processor_ops ops = {init_map, map, free_map};
    map_processor *self = weir_alloc(sizeof(*self));
    self->base.ops = &ops;
    self->table = user;
    return &self->base;
}

weir_ktable *weir_ktable_new_below(weir_ktable *parent, weir_table_kind kind, const char *prefix,
                                   const weir_table_options *options)
{
    weir_builder *builder = parent->builder;
    weir_ktable *table = weir_ktable_new(builder, kind, parent);
    table->user = options->operation.user;
    weir_ktable_keep_if_named(table, &options->materialized);
    const char *name = weir_builder_name_or_new(builder, options->operation.name, prefix);
    table->node = weir_graph_add(builder, parent->node, WEIR_GRAPH_PROCESSOR, name);
    table->node->stores = table->store;
    return table;
}

static weir_ktable *add(weir_ktable *parent, weir_table_kind kind, const char *prefix,
                        const weir_table_options *options)
{
    static const weir_table_options no_options;
    weir_ktable *table =
        weir_ktable_new_below(parent, kind, prefix, options == NULL ? &no_options : options);
    table->node->processor = (weir_processor_options){new_map, table};
    return table;
}

static weir_ktable *add_filter(weir_ktable *parent, weir_predicate predicate, bool negated,
                               const weir_table_options *options)
{
    weir_ktable *table = add(parent, WEIR_TABLE_FILTER, "KTABLE-FILTER-", options);
    weir_builder_require(parent->builder, predicate != NULL, table->node->name, "a predicate");
    table->predicate = predicate;
    table->negated = negated;
    table->sends_old_values = weir_ktable_send_old_values(parent, false);
    return table;
}

weir_ktable *weir_ktable_filter(weir_ktable *table, weir_predicate predicate,
                                const weir_table_options *options)
{
    WEIR_REFUSE_NULL(table);
    return add_filter(table, predicate, false, options);
}

weir_ktable *weir_ktable_filter_not(weir_ktable *table, weir_predicate predicate,
                                    const weir_table_options *options)
{
    WEIR_REFUSE_NULL(table);
    return add_filter(table, predicate, true, options);
}

weir_ktable *weir_ktable_map_values(weir_ktable *table, weir_value_mapper mapper,
                                    const weir_table_options *options)
{
    WEIR_REFUSE_NULL(table);
    weir_ktable *mapped = add(table, WEIR_TABLE_MAP, "KTABLE-MAPVALUES-", options);
    weir_builder_require(table->builder, mapper != NULL, mapped->node->name, "a mapper");
    mapped->mapper = mapper;
    return mapped;
}
