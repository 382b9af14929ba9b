/* SPDX-License-Identifier: Apache-2.0
 *
 * global_table.c - global tables in the graph, and the processor that looks their rows up.
 */
#include "streams/dsl/global_table.h"

#include "streams/dsl/kstream_internal.h"
#include "streams/dsl/ktable_internal.h"
#include "streams/dsl/null_handle_internal.h"

#include <stdlib.h>

struct weir_global_table {
    weir_builder *builder;
    const char *store;
};

typedef struct global_join {
    const weir_global_table *table;
    weir_key_selector selector;
    weir_value_joiner joiner;
    void *user;
    bool is_left_join;
} global_join;

typedef struct join_processor {
    weir_processor base;
    const global_join *spec;
    weir_kv *rows;
    weir_buf row;
} join_processor;

static weir_status init(weir_processor *processor, weir_error *err)
{
    (void)err;
    join_processor *self = (join_processor *)(void *)processor;
    self->rows = weir_context_global_store(processor->context, self->spec->table->store);
    WEIR_ASSERT(self->rows != NULL);
    return WEIR_OK;
}

/* The value of the row of key; null: there is none. */
static weir_status look_up(join_processor *self, weir_bytes key, weir_bytes *out_value,
                           weir_error *err)
{
    *out_value = WEIR_BYTES_NULL;
    if (key.data == NULL) {
        return WEIR_OK;
    }
    weir_status status = weir_kv_get(self->rows, key, &self->row, err);
    if (status != WEIR_OK) {
        return status == WEIR_NOT_FOUND ? WEIR_OK : status;
    }
    weir_timestamped row = {0};
    WEIR_TRY(weir_timestamped_decode(weir_buf_bytes(&self->row), &row, err));
    *out_value = row.value;
    return WEIR_OK;
}

static weir_status join_row(weir_processor *processor, const weir_record *record, weir_error *err)
{
    join_processor *self = (join_processor *)(void *)processor;
    const global_join *spec = self->spec;
    weir_call call = {spec->user, weir_context_arena(processor->context), err, false};
    weir_bytes key = WEIR_BYTES_NULL;
    WEIR_TRY(weir_call_check(&call, spec->selector(&call, record, &key)));
    bool passes_without = spec->is_left_join && record->key.data == NULL;
    if (record->value.data == NULL || (key.data == NULL && !passes_without)) {
        return weir_context_drop(processor->context);
    }
    weir_bytes right = WEIR_BYTES_NULL;
    WEIR_TRY(look_up(self, key, &right, err));
    if (right.data == NULL && !spec->is_left_join) {
        return WEIR_OK;
    }
    weir_record out = *record;
    out.object = NULL;
    WEIR_TRY(
        weir_call_check(&call, spec->joiner(&call, record->key, record->value, right, &out.value)));
    return weir_context_forward(processor->context, &out, err);
}

static void free_join(weir_processor *processor)
{
    weir_buf_cleanup(&((join_processor *)(void *)processor)->row);
    free(processor);
}

static weir_processor *new_join(void *user)
{
    static const weir_processor_ops ops = {init, join_row, free_join};
    join_processor *self = weir_alloc(sizeof(*self));
    self->base.ops = &ops;
    self->spec = user;
    return &self->base;
}

static void check_options(weir_builder *builder, const char *topic, const weir_consumed *consumed)
{
    if (consumed->serde.decode != NULL || consumed->timestamp != NULL ||
        consumed->reset.kind != WEIR_AUTO_OFFSET_RESET_UNSET) {
        weir_builder_mistake(builder,
                             "global table of %s: its rows are kept as they are, from the first "
                             "on; leave out serde, timestamp and reset",
                             topic);
    }
}

static weir_graph_node *add_global(weir_builder *builder, const char *topic,
                                   const weir_consumed *consumed, const char *store)
{
    const char *source =
        weir_builder_suffixed_or_new(builder, consumed->name, "-source", "KSTREAM-SOURCE-");
    const char *name = weir_builder_name_or_new(builder, consumed->name, "KTABLE-SOURCE-");
    weir_graph_node *node = weir_graph_add(builder, builder->root, WEIR_GRAPH_GLOBAL_TABLE, name);
    node->topic = topic;
    node->source_name = source;
    node->global_store = store;
    return node;
}

weir_global_table *weir_builder_global_table(weir_builder *builder, const char *topic,
                                             const weir_consumed *consumed,
                                             const weir_materialized *materialized)
{
    WEIR_REFUSE_NULL(builder);
    static const weir_consumed no_consumed;
    static const weir_materialized no_materialized;
    consumed = consumed == NULL ? &no_consumed : consumed;
    materialized = materialized == NULL ? &no_materialized : materialized;
    topic = weir_builder_topic(builder, topic, "global table");
    check_options(builder, topic, consumed);
    WEIR_AUTO_FREE char *prefix = weir_format("%s-", topic);
    weir_global_table *table = weir_builder_alloc(builder, sizeof(*table));
    table->builder = builder;
    table->store = weir_row_store_declare(builder, materialized, prefix)->options.name;
    (void)add_global(builder, topic, consumed, table->store);
    return table;
}

void weir_builder_add_global_store(weir_builder *builder, const char *store, const char *topic,
                                   const weir_consumed *consumed,
                                   const weir_processor_options *filler)
{
    if (WEIR_ANY_IS_NULL(builder)) {
        return;
    }
    static const weir_consumed no_consumed;
    consumed = consumed == NULL ? &no_consumed : consumed;
    topic = weir_builder_topic(builder, topic, "global store");
    bool given = filler != NULL && filler->supplier != NULL;
    weir_builder_require(builder, given && store != NULL, topic, "a store and a supplier");
    if (consumed->timestamp != NULL || consumed->reset.kind != WEIR_AUTO_OFFSET_RESET_UNSET) {
        weir_builder_mistake(builder,
                             "global store of %s: it is read from the first record on, which keep "
                             "their times; leave out timestamp and reset",
                             topic);
    }
    weir_graph_node *node = add_global(builder, topic, consumed,
                                       weir_builder_join_names(builder, given ? store : "", ""));
    node->processor = given ? *filler : (weir_processor_options){0};
    node->consumed = *consumed;
}

/* Both joins have the name of the left one, as in Kafka Streams. */
static weir_kstream *join(weir_kstream *stream, global_join spec,
                          const weir_operator_options *options)
{
    static const weir_operator_options no_options;
    options = options == NULL ? &no_options : options;
    weir_builder *builder = stream->builder;
    WEIR_ASSERT(spec.table->builder == builder);
    global_join *kept = weir_builder_alloc(builder, sizeof(*kept));
    *kept = spec;
    kept->user = options->user;
    const char *name = weir_builder_name_or_new(builder, options->name, "KSTREAM-LEFTJOIN-");
    weir_builder_require(builder, spec.selector != NULL, name, "a key selector");
    weir_builder_require(builder, spec.joiner != NULL, name, "a joiner");
    weir_graph_node *node = weir_graph_add(builder, stream->node, WEIR_GRAPH_PROCESSOR, name);
    node->processor = (weir_processor_options){new_join, kept};
    node->takes_null_keys = spec.is_left_join;
    return weir_kstream_of(builder, node, stream->repartition_required);
}

weir_kstream *weir_kstream_join_global(weir_kstream *stream, weir_global_table *table,
                                       weir_key_selector selector, weir_value_joiner joiner,
                                       const weir_operator_options *options)
{
    WEIR_REFUSE_NULL(stream, table);
    const global_join spec = {.table = table, .selector = selector, .joiner = joiner};
    return join(stream, spec, options);
}

weir_kstream *weir_kstream_left_join_global(weir_kstream *stream, weir_global_table *table,
                                            weir_key_selector selector, weir_value_joiner joiner,
                                            const weir_operator_options *options)
{
    WEIR_REFUSE_NULL(stream, table);
    const global_join spec = {
        .table = table, .selector = selector, .joiner = joiner, .is_left_join = true};
    return join(stream, spec, options);
}
