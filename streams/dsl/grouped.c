/* SPDX-License-Identifier: Apache-2.0
 *
 * grouped.c - aggregates of a grouped stream: read the row, make the new one, put it, pass it on.
 *
 *   records ─▶ [repartition, if keys may have changed] ─▶ aggregate ─▶ changes
 *                                                           │
 *                                                         store
 */
#include "streams/dsl/grouped.h"

#include "streams/base/serde.h"
#include "streams/dsl/kstream_internal.h"
#include "streams/dsl/ktable_internal.h"

#include <stdlib.h>

/* What an aggregate is made with: reducer, or aggregator and maybe initializer. */
typedef struct aggregate_spec {
    weir_ktable *table;
    weir_initializer initializer;
    weir_aggregator aggregator;
    weir_reducer reducer;
    void *user;
} aggregate_spec;

typedef struct aggregate_processor {
    weir_processor base;
    const aggregate_spec *spec;
    weir_row_store rows;
} aggregate_processor;

static weir_status init(weir_processor *processor, weir_error *err)
{
    (void)err;
    aggregate_processor *self = (aggregate_processor *)(void *)processor;
    weir_row_store_open(&self->rows, processor, self->spec->table);
    return WEIR_OK;
}

/* The next aggregate of a row, whose value is null where there is no row. */
static weir_status advance(const aggregate_spec *spec, weir_call *call, const weir_record *record,
                           weir_bytes old, weir_bytes *out_new)
{
    if (spec->reducer != NULL) {
        *out_new = record->value;
        return old.data == NULL ? WEIR_OK : spec->reducer(call, old, record->value, out_new);
    }
    if (old.data == NULL && spec->initializer != NULL) {
        WEIR_TRY(spec->initializer(call, &old));
    }
    return spec->aggregator(call, record->key, record->value, old, out_new);
}

static weir_status aggregate(weir_processor *processor, const weir_record *record, weir_error *err)
{
    aggregate_processor *self = (aggregate_processor *)(void *)processor;
    if (record->key.data == NULL || record->value.data == NULL) {
        return WEIR_OK;
    }
    weir_timestamped row = {.timestamp_ms = record->timestamp_ms, .value = WEIR_BYTES_NULL};
    weir_status status = weir_row_store_get(&self->rows, record->key, &row, err);
    if (status != WEIR_OK && status != WEIR_NOT_FOUND) {
        return status;
    }
    weir_call call = {self->spec->user, weir_context_arena(processor->context), err, false};
    weir_change change = {.old_value =
                              self->spec->table->sends_old_values ? row.value : WEIR_BYTES_NULL};
    WEIR_TRY(
        weir_call_check(&call, advance(self->spec, &call, record, row.value, &change.new_value)));
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

static weir_processor *new_aggregate(void *user)
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

static weir_ktable *add_aggregate(weir_kgrouped_stream *grouped, weir_graph_store *store,
                                  const weir_operator_options *options, const char *prefix,
                                  aggregate_spec spec)
{
    weir_builder *builder = grouped->stream.builder;
    const char *name =
        weir_builder_name_or_new(builder, options == NULL ? NULL : options->name, prefix);
    weir_ktable *table = weir_ktable_new(builder, WEIR_TABLE_AGGREGATE, NULL);
    table->store = store;
    table->is_kept = true;
    aggregate_spec *kept = weir_builder_alloc(builder, sizeof(*kept));
    *kept = spec;
    kept->table = table;
    kept->user = options == NULL ? NULL : options->user;
    weir_graph_node *parent = parent_of(grouped, store->options.name);
    table->node = weir_graph_add(builder, parent, WEIR_GRAPH_PROCESSOR, name);
    table->node->processor = (weir_processor_options){new_aggregate, kept};
    table->node->stores = store;
    return table;
}

static const weir_materialized *or_default(const weir_materialized *materialized)
{
    static const weir_materialized none;
    return materialized == NULL ? &none : materialized;
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

static weir_status add_one(weir_call *call, weir_bytes key, weir_bytes value, weir_bytes aggregate,
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
    weir_builder *builder = grouped->stream.builder;
    if (materialized != NULL && materialized->store_name == NULL) {
        builder->next_number++; /* Kafka Streams once drew a name here and still uses it up. */
    }
    weir_graph_store *store =
        weir_row_store_declare(builder, or_default(materialized), "KSTREAM-AGGREGATE-");
    return add_aggregate(grouped, store, options, "KSTREAM-AGGREGATE-",
                         (aggregate_spec){.aggregator = add_one});
}

weir_ktable *weir_kgrouped_stream_reduce(weir_kgrouped_stream *grouped, weir_reducer reducer,
                                         const weir_materialized *materialized,
                                         const weir_operator_options *options)
{
    weir_graph_store *store = weir_row_store_declare(grouped->stream.builder,
                                                     or_default(materialized), "KSTREAM-REDUCE-");
    return add_aggregate(grouped, store, options, "KSTREAM-REDUCE-",
                         (aggregate_spec){.reducer = reducer});
}

weir_ktable *weir_kgrouped_stream_aggregate(weir_kgrouped_stream *grouped,
                                            weir_initializer initializer,
                                            weir_aggregator aggregator,
                                            const weir_materialized *materialized,
                                            const weir_operator_options *options)
{
    weir_graph_store *store = weir_row_store_declare(
        grouped->stream.builder, or_default(materialized), "KSTREAM-AGGREGATE-");
    return add_aggregate(grouped, store, options, "KSTREAM-AGGREGATE-",
                         (aggregate_spec){.initializer = initializer, .aggregator = aggregator});
}
