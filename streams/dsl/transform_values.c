/* SPDX-License-Identifier: Apache-2.0
 *
 * transform_values.c - a table whose values a transformer makes.
 *
 *   parent ─▶ transform ─▶ [store] ─▶ changes
 *
 * As in Kafka Streams a removed row reaches the transformer, and so does one that is not there:
 * unlike a mapper it may make something of nothing. Without a store the old value of a change is
 * transformed after the new one, and whoever looks rows up (ktable_rows.c) has a transformer of its
 * own; Kafka Streams does not give that one the stores, weir does.
 */
#include "streams/dsl/transform_values_internal.h"

#include "streams/dsl/ktable_internal.h"
#include "streams/dsl/null_handle_internal.h"
#include "streams/table_context.h"

#include <stdlib.h>

weir_status weir_value_transformer_new(const weir_ktable *table, weir_context *context,
                                       weir_value_transformer **out_transformer, weir_error *err)
{
    weir_value_transformer *transformer = table->transformer(table->user);
    WEIR_ASSERT(transformer != NULL);
    WEIR_ASSERT(transformer->ops != NULL && transformer->ops->transform != NULL);
    transformer->context = context;
    *out_transformer = transformer;
    if (transformer->ops->init == NULL) {
        return WEIR_OK;
    }
    weir_forwards before = weir_context_set_forwards(context, WEIR_FORWARDS_NOTHING);
    weir_status status = transformer->ops->init(transformer, err);
    (void)weir_context_set_forwards(context, before);
    return status;
}

void weir_value_transformer_free(weir_value_transformer *transformer)
{
    if (transformer != NULL) {
        transformer->ops->free(transformer);
    }
}

weir_status weir_value_transformer_apply(weir_value_transformer *transformer,
                                         const weir_ktable *table, const weir_record *row,
                                         weir_bytes *out_value, weir_error *err)
{
    *out_value = WEIR_BYTES_NULL;
    weir_call call = {table->user, weir_context_arena(transformer->context), err, false};
    weir_forwards before = weir_context_set_forwards(transformer->context, WEIR_FORWARDS_NOTHING);
    weir_status status = transformer->ops->transform(transformer, &call, row, out_value);
    (void)weir_context_set_forwards(transformer->context, before);
    return weir_call_check(&call, status);
}

typedef struct transform_processor {
    weir_processor base;
    const weir_ktable *table;
    weir_row_store rows;
    weir_value_transformer *transformer;
} transform_processor;

static weir_status init_transform(weir_processor *processor, weir_error *err)
{
    transform_processor *self = (transform_processor *)(void *)processor;
    WEIR_TRY(weir_value_transformer_new(self->table, processor->context, &self->transformer, err));
    if (self->table->is_kept) {
        weir_row_store_open(&self->rows, processor, self->table);
    }
    return WEIR_OK;
}

static weir_status apply(transform_processor *self, const weir_record *record, weir_bytes value,
                         weir_bytes *out_value, weir_error *err)
{
    weir_record row = *record;
    row.value = value;
    row.object = NULL;
    return weir_value_transformer_apply(self->transformer, self->table, &row, out_value, err);
}

static weir_status pass_on(transform_processor *self, const weir_record *record,
                           weir_change *change, weir_error *err)
{
    const weir_change *parent = record->object;
    change->is_outdated = parent->is_outdated;
    if (self->table->sends_old_values) {
        WEIR_TRY(apply(self, record, parent->old_value, &change->old_value, err));
    }
    return weir_forward_change(self->base.context, record, change, record->timestamp_ms, err);
}

static weir_status transform(weir_processor *processor, const weir_record *record, weir_error *err)
{
    transform_processor *self = (transform_processor *)(void *)processor;
    const weir_change *parent = record->object;
    weir_change change = {0};
    WEIR_TRY(apply(self, record, parent->new_value, &change.new_value, err));
    if (!self->table->is_kept) {
        return pass_on(self, record, &change, err);
    }
    if (self->table->sends_old_values) {
        weir_timestamped old = {0};
        WEIR_TRY(weir_row_store_get(&self->rows, record->key, &old, err));
        change.old_value = old.value;
    }
    return weir_row_store_change(&self->rows, processor->context, record, &change,
                                 record->timestamp_ms, err);
}

static void free_transform(weir_processor *processor)
{
    transform_processor *self = (transform_processor *)(void *)processor;
    weir_value_transformer_free(self->transformer);
    weir_row_store_cleanup(&self->rows);
    free(self);
}

static weir_processor *new_transform(void *user)
{
    static const weir_processor_ops ops = {init_transform, transform, free_transform};
    transform_processor *self = weir_alloc(sizeof(*self));
    self->base.ops = &ops;
    self->table = user;
    return &self->base;
}

weir_ktable *weir_ktable_transform_values(weir_ktable *table,
                                          weir_value_transformer_supplier supplier,
                                          const weir_table_options *options,
                                          const char *const *store_names)
{
    WEIR_REFUSE_NULL(table);
    static const weir_table_options no_options;
    options = options == NULL ? &no_options : options;
    weir_ktable *made =
        weir_ktable_new_below(table, WEIR_TABLE_TRANSFORM, "KTABLE-TRANSFORMVALUES-", options);
    weir_builder_require(table->builder, supplier != NULL, made->node->name, "a supplier");
    made->transformer = supplier;
    made->node->processor = (weir_processor_options){new_transform, made};
    made->node->store_names = weir_builder_copy_names(table->builder, store_names);
    return made;
}
