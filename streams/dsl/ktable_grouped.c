/* SPDX-License-Identifier: Apache-2.0
 *
 * ktable_grouped.c - aggregates over the rows of a table, under other keys.
 *
 *   changes ─▶ select ─▶ [repartition topic] ─▶ aggregate ─▶ changes
 *
 * A row that moves from one group to another is two records in the topic: the group that it leaves
 * first. Within a group it is one, with both values (KIP-904):
 *
 *   old only  old | 0        new only  new | 1        both  varint(bytes of new) | new | old | 2
 */
#include "streams/base/serde.h"
#include "streams/dsl/kstream_internal.h"
#include "streams/dsl/ktable_internal.h"
#include "streams/dsl/null_handle_internal.h"

#include <stdlib.h>
#include <string.h>

enum { OLD_ONLY, NEW_ONLY, BOTH, VARINT_BYTES_MAX = 5 };

struct weir_kgrouped_table {
    weir_ktable *table;
    weir_graph_node *node;
    const char *name; /* Of the repartition topic, as the user gave it; may be NULL. */
    weir_graph_node *repartition;
    weir_key_value_mapper selector;
    void *user;
};

/* Changes as values of the topic. */

static weir_bytes encode(weir_arena *arena, weir_change change)
{
    size_t bytes = change.new_value.size + change.old_value.size + VARINT_BYTES_MAX + 1;
    uint8_t *to = weir_arena_alloc(arena, bytes);
    if (to == NULL) {
        return WEIR_BYTES_NULL;
    }
    size_t at = 0;
    bool both = change.new_value.data != NULL && change.old_value.data != NULL;
    for (size_t left = change.new_value.size * 2; both; left >>= 7) { /* Zigzag of no negative. */
        to[at++] = (uint8_t)((left & 0x7f) | (left > 0x7f ? 0x80 : 0));
        if (left <= 0x7f) {
            break;
        }
    }
    if (change.new_value.size > 0) {
        memcpy(to + at, change.new_value.data, change.new_value.size);
        at += change.new_value.size;
    }
    if (change.old_value.size > 0) {
        memcpy(to + at, change.old_value.data, change.old_value.size);
        at += change.old_value.size;
    }
    to[at++] = both ? BOTH : change.new_value.data != NULL ? NEW_ONLY : OLD_ONLY;
    return weir_bytes_of(to, at);
}

/* Takes both values apart, behind which the last byte is cut off already. */
static bool decode_both(weir_bytes bytes, weir_change *out_change)
{
    weir_reader reader = weir_reader_of(bytes);
    int64_t new_bytes = weir_read_varint(&reader);
    if (reader.failed || new_bytes < 0 || bytes.size - reader.left.size > VARINT_BYTES_MAX) {
        return false;
    }
    out_change->new_value = weir_read_bytes(&reader, (size_t)new_bytes);
    out_change->old_value = reader.left;
    return !reader.failed;
}

static weir_status decode(weir_bytes value, weir_change *out_change, weir_error *err)
{
    *out_change = (weir_change){0};
    if (value.data != NULL && value.size > 0) {
        const weir_bytes body = weir_bytes_of(value.data, value.size - 1);
        switch (((const uint8_t *)value.data)[value.size - 1]) {
        case OLD_ONLY:
            out_change->old_value = body;
            return WEIR_OK;
        case NEW_ONLY:
            out_change->new_value = body;
            return WEIR_OK;
        case BOTH:
            if (decode_both(body, out_change)) {
                return WEIR_OK;
            }
            break;
        default:
            break;
        }
    }
    return weir_error_set(
        err, WEIR_BAD_RECORD,
        "this is no change of a grouped table: another program wrote to its topic");
}

/* What select does with each change. */

typedef struct select_processor {
    weir_processor base;
    const weir_kgrouped_table *grouped;
} select_processor;

typedef struct pair {
    weir_bytes key;
    weir_bytes value;
} pair;

/* The key and value of a row in its group; nulls if there is none. */
static weir_status select_pair(const select_processor *self, const weir_record *record,
                               weir_bytes value, pair *out_pair, weir_error *err)
{
    *out_pair = (pair){0};
    if (value.data == NULL) {
        return WEIR_OK;
    }
    weir_record row = *record;
    row.value = value;
    row.object = NULL;
    pair selected = {record->key, value};
    weir_call call = {self->grouped->user, weir_context_arena(self->base.context), err, false};
    WEIR_TRY(weir_call_check(&call,
                             self->grouped->selector(&call, &row, &selected.key, &selected.value)));
    if (selected.key.data != NULL && selected.value.data != NULL) {
        *out_pair = selected;
    }
    return WEIR_OK;
}

static weir_status send(const select_processor *self, const weir_record *record, weir_bytes key,
                        weir_change change, weir_error *err)
{
    weir_record out = *record;
    out.key = key;
    out.object = NULL;
    out.value = encode(weir_context_arena(self->base.context), change);
    if (out.value.data == NULL) {
        return weir_error_set(err, WEIR_BAD_RECORD,
                              "a grouped row takes more memory than one record may");
    }
    return weir_context_forward(self->base.context, &out, err);
}

static weir_status select_change(weir_processor *processor, const weir_record *record,
                                 weir_error *err)
{
    const select_processor *self = (select_processor *)(void *)processor;
    const weir_change *change = record->object;
    if (change->is_outdated) {
        return WEIR_OK; /* A group is of latest rows (KIP-914). */
    }
    pair old = {0};
    pair new = {0};
    WEIR_TRY(select_pair(self, record, change->new_value, &new, err));
    WEIR_TRY(select_pair(self, record, change->old_value, &old, err));
    if (old.key.data != NULL && new.key.data != NULL && weir_bytes_equal(old.key, new.key)) {
        const weir_change both = {.new_value = new.value, .old_value = old.value};
        return send(self, record, old.key, both, err);
    }
    if (old.key.data != NULL) {
        WEIR_TRY(send(self, record, old.key, (weir_change){.old_value = old.value}, err));
    }
    return new.key.data == NULL
               ? WEIR_OK
               : send(self, record, new.key, (weir_change){.new_value = new.value}, err);
}

static void free_select(weir_processor *processor)
{
    free(processor);
}

static weir_processor *new_select(void *user)
{
    static const weir_processor_ops ops = {.process = select_change, .free = free_select};
    select_processor *self = weir_alloc(sizeof(*self));
    self->base.ops = &ops;
    self->grouped = user;
    return &self->base;
}

weir_kgrouped_table *weir_ktable_group_by(weir_ktable *table, weir_key_value_mapper selector,
                                          const weir_operator_options *options)
{
    WEIR_REFUSE_NULL(table);
    weir_builder *builder = table->builder;
    weir_kgrouped_table *grouped = weir_builder_alloc(builder, sizeof(*grouped));
    grouped->table = table;
    grouped->selector = selector;
    grouped->user = options == NULL ? NULL : options->user;
    if (options != NULL && options->name != NULL) {
        grouped->name = weir_builder_join_names(builder, options->name, "");
    }
    const char *name = weir_builder_name_or_new(builder, grouped->name, "KTABLE-SELECT-");
    weir_builder_require(builder, selector != NULL, name, "a selector");
    grouped->node = weir_graph_add(builder, table->node, WEIR_GRAPH_PROCESSOR, name);
    grouped->node->processor = (weir_processor_options){new_select, grouped};
    (void)weir_ktable_send_old_values(table, true);
    return grouped;
}

/* Aggregates. */

typedef struct aggregate_spec {
    weir_ktable *table;
    weir_initializer initializer;
    weir_aggregator adder;
    weir_aggregator subtractor;
    weir_reducer add;
    weir_reducer subtract;
    void *user;
} aggregate_spec;

typedef struct aggregate_processor {
    weir_processor base;
    const aggregate_spec *spec;
    weir_row_store rows;
} aggregate_processor;

static weir_status init_aggregate(weir_processor *processor, weir_error *err)
{
    (void)err;
    aggregate_processor *self = (aggregate_processor *)(void *)processor;
    weir_row_store_open(&self->rows, processor, self->spec->table);
    return WEIR_OK;
}

static weir_status take_out(const aggregate_spec *spec, weir_call *call, weir_bytes key,
                            weir_bytes value, weir_bytes *inout_aggregate)
{
    weir_bytes before = *inout_aggregate;
    weir_status status = spec->subtract != NULL
                             ? spec->subtract(call, before, value, inout_aggregate)
                             : spec->subtractor(call, key, value, before, inout_aggregate);
    return weir_call_check(call, status);
}

static weir_status put_in(const aggregate_spec *spec, weir_call *call, weir_bytes key,
                          weir_bytes value, weir_bytes *inout_aggregate)
{
    weir_bytes before = *inout_aggregate;
    if (spec->add != NULL) {
        *inout_aggregate = value;
        return before.data == NULL
                   ? WEIR_OK
                   : weir_call_check(call, spec->add(call, before, value, inout_aggregate));
    }
    if (before.data == NULL && spec->initializer != NULL) {
        WEIR_TRY(weir_call_check(call, spec->initializer(call, &before)));
    }
    return weir_call_check(call, spec->adder(call, key, value, before, inout_aggregate));
}

static weir_status aggregate(weir_processor *processor, const weir_record *record, weir_error *err)
{
    aggregate_processor *self = (aggregate_processor *)(void *)processor;
    weir_change row_change = {0};
    WEIR_TRY(decode(record->value, &row_change, err));
    weir_timestamped old = {0};
    WEIR_TRY(weir_row_store_get(&self->rows, record->key, &old, err));
    weir_call call = {self->spec->user, weir_context_arena(processor->context), err, false};
    weir_timestamped row = {record->timestamp_ms, old.value};
    bool took_out = row_change.old_value.data != NULL && old.value.data != NULL;
    if (took_out) {
        WEIR_TRY(take_out(self->spec, &call, record->key, row_change.old_value, &row.value));
    }
    if (row_change.new_value.data != NULL) {
        WEIR_TRY(put_in(self->spec, &call, record->key, row_change.new_value, &row.value));
    }
    if ((took_out || row_change.new_value.data != NULL) && old.timestamp_ms > row.timestamp_ms) {
        row.timestamp_ms = old.timestamp_ms;
    }
    weir_change change = {.new_value = row.value};
    change.old_value = self->spec->table->sends_old_values ? old.value : WEIR_BYTES_NULL;
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
    static const weir_processor_ops ops = {init_aggregate, aggregate, free_aggregate};
    aggregate_processor *self = weir_alloc(sizeof(*self));
    self->base.ops = &ops;
    self->spec = user;
    return &self->base;
}

/* The node that reads the topic of changes; its names are drawn in this order. */
static weir_graph_node *new_repartition(weir_kgrouped_table *grouped, const char *name,
                                        const char *store_name)
{
    weir_builder *builder = grouped->table->builder;
    weir_graph_node *node = weir_builder_alloc(builder, sizeof(*node));
    node->kind = WEIR_GRAPH_REPARTITION;
    node->topic = grouped->name != NULL ? grouped->name : store_name;
    node->sink_name = weir_builder_given_or_new(builder, name, "-sink", "KSTREAM-SINK-");
    node->name = weir_builder_given_or_new(builder, name, "-source", "KSTREAM-SOURCE-");
    return node;
}

static weir_ktable *add_aggregate(weir_kgrouped_table *grouped, aggregate_spec spec,
                                  const char *prefix, const weir_table_options *options)
{
    static const weir_table_options no_options;
    options = options == NULL ? &no_options : options;
    weir_builder *builder = grouped->table->builder;
    weir_ktable *table = weir_ktable_new(builder, WEIR_TABLE_AGGREGATE, NULL);
    table->store = weir_row_store_declare(builder, &options->materialized, "KTABLE-AGGREGATE-");
    table->is_kept = true;
    aggregate_spec *kept = weir_builder_alloc(builder, sizeof(*kept));
    *kept = spec;
    kept->table = table;
    kept->user = options->operation.user;
    weir_graph_node *repartition =
        new_repartition(grouped, options->operation.name, table->store->options.name);
    const char *name = weir_builder_name_or_new(builder, options->operation.name, prefix);
    if (grouped->repartition == NULL || grouped->name == NULL) {
        grouped->repartition = repartition;
        weir_graph_attach(builder, grouped->node, repartition);
    }
    weir_builder_require(builder, spec.adder != NULL || spec.add != NULL, name, "an adder");
    weir_builder_require(builder, spec.subtractor != NULL || spec.subtract != NULL, name,
                         "a subtractor");
    table->node = weir_graph_add(builder, grouped->repartition, WEIR_GRAPH_PROCESSOR, name);
    table->node->processor = (weir_processor_options){new_aggregate, kept};
    table->node->stores = table->store;
    return table;
}

static weir_status add_one(weir_call *call, weir_bytes key, weir_bytes value, weir_bytes aggregate,
                           weir_bytes *out_aggregate)
{
    (void)key;
    (void)value;
    return weir_count_add(call, aggregate, 1, out_aggregate);
}

static weir_status subtract_one(weir_call *call, weir_bytes key, weir_bytes value,
                                weir_bytes aggregate, weir_bytes *out_aggregate)
{
    (void)key;
    (void)value;
    return weir_count_add(call, aggregate, -1, out_aggregate);
}

weir_ktable *weir_kgrouped_table_count(weir_kgrouped_table *grouped,
                                       const weir_table_options *options)
{
    WEIR_REFUSE_NULL(grouped);
    return add_aggregate(grouped, (aggregate_spec){.adder = add_one, .subtractor = subtract_one},
                         "KTABLE-AGGREGATE-", options);
}

weir_ktable *weir_kgrouped_table_aggregate(weir_kgrouped_table *grouped,
                                           weir_initializer initializer, weir_aggregator adder,
                                           weir_aggregator subtractor,
                                           const weir_table_options *options)
{
    WEIR_REFUSE_NULL(grouped);
    const aggregate_spec spec = {
        .initializer = initializer, .adder = adder, .subtractor = subtractor};
    return add_aggregate(grouped, spec, "KTABLE-AGGREGATE-", options);
}

weir_ktable *weir_kgrouped_table_reduce(weir_kgrouped_table *grouped, weir_reducer adder,
                                        weir_reducer subtractor, const weir_table_options *options)
{
    WEIR_REFUSE_NULL(grouped);
    return add_aggregate(grouped, (aggregate_spec){.add = adder, .subtract = subtractor},
                         "KTABLE-REDUCE-", options);
}
