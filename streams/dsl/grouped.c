/* SPDX-License-Identifier: Apache-2.0
 *
 * grouped.c - aggregates of a grouped stream: read the row, make the new one, put it, pass it on.
 *
 *   records ─▶ [repartition, if keys may have changed] ─▶ aggregate ─▶ changes
 *                                                           │
 *                                                         store
 */
#include "streams/dsl/grouped.h"

#include "streams/dsl/aggregate_internal.h"
#include "streams/dsl/null_handle_internal.h"

#include <stdlib.h>

typedef struct aggregate_processor {
    weir_processor base;
    const weir_aggregate_spec *spec;
    weir_row_store rows;
} aggregate_processor;

static weir_status init(weir_processor *processor, weir_error *err)
{
    (void)err;
    aggregate_processor *self = (aggregate_processor *)(void *)processor;
    weir_row_store_open(&self->rows, processor, self->spec->table);
    return WEIR_OK;
}

weir_status weir_aggregate_advance(const weir_aggregate_spec *spec, weir_call *call,
                                   const weir_record *record, weir_bytes *inout_old,
                                   weir_bytes *out_new)
{
    if (spec->reducer != NULL) {
        *out_new = record->value;
        weir_status status = inout_old->data == NULL
                                 ? WEIR_OK
                                 : spec->reducer(call, *inout_old, record->value, out_new);
        return weir_call_check(call, status);
    }
    if (inout_old->data == NULL && spec->initializer != NULL) {
        WEIR_TRY(weir_call_check(call, spec->initializer(call, inout_old)));
    }
    return weir_call_check(call,
                           spec->aggregator(call, record->key, record->value, *inout_old, out_new));
}

static weir_status aggregate(weir_processor *processor, const weir_record *record, weir_error *err)
{
    aggregate_processor *self = (aggregate_processor *)(void *)processor;
    if (record->key.data == NULL || record->value.data == NULL) {
        return weir_context_drop(processor->context);
    }
    weir_timestamped row = {0};
    WEIR_TRY(weir_row_store_get(&self->rows, record->key, &row, err));
    weir_call call = {self->spec->user, weir_context_arena(processor->context), err, false};
    weir_change change = {0};
    WEIR_TRY(weir_aggregate_advance(self->spec, &call, record, &row.value, &change.new_value));
    change.old_value = self->spec->table->sends_old_values ? row.value : WEIR_BYTES_NULL;
    row.timestamp_ms =
        row.timestamp_ms < record->timestamp_ms ? record->timestamp_ms : row.timestamp_ms;
    return weir_row_store_change(&self->rows, processor->context, record, &change, row.timestamp_ms,
                                 err);
}

static void free_aggregate(weir_processor *processor)
{
    weir_row_store_cleanup(&((aggregate_processor *)(void *)processor)->rows);
    free(processor);
}

weir_processor *weir_aggregate_new(void *user)
{
    static const weir_processor_ops ops = {init, aggregate, free_aggregate};
    aggregate_processor *self = weir_alloc(sizeof(*self));
    self->base.ops = &ops;
    self->spec = user;
    return &self->base;
}

/* The node that aggregates hang on: the stream's own, or a repartition of it. */
static weir_graph_node *parent_of(weir_kgrouped_stream *grouped, const char *store_name)
{
    weir_builder *builder = grouped->stream.builder;
    if (!grouped->stream.repartition_required) {
        return grouped->stream.node;
    }
    const char *name = grouped->repartition_name != NULL ? grouped->repartition_name : store_name;
    weir_graph_node *node = weir_repartition_node_new(builder, name);
    if (grouped->repartition_node != NULL && grouped->repartition_name != NULL) {
        return grouped->repartition_node;
    }
    grouped->repartition_node = node;
    weir_graph_attach(builder, grouped->stream.node, node);
    return node;
}

weir_aggregate_spec *weir_aggregate_spec_keep(weir_ktable *table, const weir_aggregate_spec *spec,
                                              void *user)
{
    weir_aggregate_spec *kept = weir_builder_alloc(table->builder, sizeof(*kept));
    *kept = *spec;
    kept->table = table;
    kept->user = user;
    return kept;
}

weir_ktable *weir_aggregate_add(weir_kgrouped_stream *grouped, const weir_aggregate_place *place,
                                const weir_aggregate_spec *spec)
{
    static const weir_operator_options no_options;
    const weir_operator_options *options = place->options == NULL ? &no_options : place->options;
    weir_builder *builder = grouped->stream.builder;
    const char *name = weir_builder_name_or_new(builder, options->name, place->prefix);
    weir_ktable *table = weir_ktable_new(builder, WEIR_TABLE_AGGREGATE, NULL);
    table->store = place->store;
    table->is_kept = true;
    weir_builder_require(builder, spec->reducer != NULL || spec->aggregator != NULL, name,
                         "a function that aggregates");
    weir_aggregate_spec *kept = weir_aggregate_spec_keep(table, spec, options->user);
    weir_graph_node *parent = parent_of(grouped, place->store->options.name);
    table->node = weir_graph_add(builder, parent, WEIR_GRAPH_PROCESSOR, name);
    table->node->processor = (weir_processor_options){place->supplier, kept};
    table->node->stores = place->store;
    return table;
}

/* An aggregate in a key-value store; prefix is also that of the store. */
static weir_ktable *add(weir_kgrouped_stream *grouped, const weir_materialized *materialized,
                        const weir_operator_options *options, const char *prefix,
                        const weir_aggregate_spec *spec)
{
    static const weir_materialized none;
    const weir_aggregate_place place = {
        .prefix = prefix,
        .options = options,
        .store = weir_row_store_declare(grouped->stream.builder,
                                        materialized == NULL ? &none : materialized, prefix),
        .supplier = weir_aggregate_new,
    };
    return weir_aggregate_add(grouped, &place, spec);
}

weir_status weir_count_add(weir_call *call, weir_bytes aggregate, int64_t difference,
                           weir_bytes *out_aggregate)
{
    int64_t count = 0;
    if (aggregate.data != NULL && !weir_bytes_i64(aggregate, &count)) {
        return weir_error_set(call->err, WEIR_CORRUPT,
                              "a count has %zu bytes instead of 8: its store is another one's",
                              aggregate.size);
    }
    *out_aggregate = weir_call_i64(call, count + difference);
    return WEIR_OK;
}

void weir_count_use_up_name(weir_builder *builder, const weir_materialized *materialized)
{
    if (materialized != NULL && materialized->store_name == NULL) {
        builder->next_number++;
    }
}

weir_status weir_count_zero(weir_call *call, weir_bytes *out_aggregate)
{
    *out_aggregate = weir_call_i64(call, 0);
    return WEIR_OK;
}

weir_status weir_count_one(weir_call *call, weir_bytes key, weir_bytes value, weir_bytes aggregate,
                           weir_bytes *out_aggregate)
{
    (void)key;
    (void)value;
    return weir_count_add(call, aggregate, 1, out_aggregate);
}

weir_ktable *weir_kgrouped_stream_count(weir_kgrouped_stream *grouped,
                                        const weir_materialized *materialized,
                                        const weir_operator_options *options)
{
    WEIR_REFUSE_NULL(grouped);
    weir_count_use_up_name(grouped->stream.builder, materialized);
    const weir_aggregate_spec spec = {.initializer = weir_count_zero, .aggregator = weir_count_one};
    return add(grouped, materialized, options, "KSTREAM-AGGREGATE-", &spec);
}

weir_ktable *weir_kgrouped_stream_reduce(weir_kgrouped_stream *grouped, weir_reducer reducer,
                                         const weir_materialized *materialized,
                                         const weir_operator_options *options)
{
    WEIR_REFUSE_NULL(grouped);
    const weir_aggregate_spec spec = {.reducer = reducer};
    return add(grouped, materialized, options, "KSTREAM-REDUCE-", &spec);
}

weir_ktable *weir_kgrouped_stream_aggregate(weir_kgrouped_stream *grouped,
                                            weir_initializer initializer,
                                            weir_aggregator aggregator,
                                            const weir_materialized *materialized,
                                            const weir_operator_options *options)
{
    WEIR_REFUSE_NULL(grouped);
    const weir_aggregate_spec spec = {.initializer = initializer, .aggregator = aggregator};
    return add(grouped, materialized, options, "KSTREAM-AGGREGATE-", &spec);
}
