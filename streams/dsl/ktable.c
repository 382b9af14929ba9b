/* SPDX-License-Identifier: Apache-2.0
 *
 * ktable.c - tables: which of them keep their rows, which of them say what was there before.
 *
 *   source ─▶ filter ─▶ map ─▶ join ─▶ …
 *     │
 *   store, once somebody below asks for rows or old values
 */
#include "streams/dsl/ktable_internal.h"

#include "streams/dsl/kstream_internal.h"
#include "streams/dsl/null_handle_internal.h"

#include <stdlib.h>

weir_ktable *weir_ktable_new(weir_builder *builder, weir_table_kind kind, weir_ktable *parent)
{
    weir_ktable *table = weir_builder_alloc(builder, sizeof(*table));
    table->builder = builder;
    table->kind = kind;
    table->left = parent;
    return table;
}

static weir_graph_store *declare_rows(weir_builder *builder, const weir_materialized *materialized,
                                      const char *prefix)
{
    weir_graph_store *store = weir_builder_alloc(builder, sizeof(*store));
    store->options = (weir_store_options){
        .name = materialized->store_name != NULL
                    ? weir_builder_join_names(builder, materialized->store_name, "")
                    : weir_builder_new_store_name(builder, prefix),
        .engine = materialized->engine,
        .logging_disabled = materialized->logging_disabled,
        .timestamped = true,
        .caching_enabled = !materialized->caching_disabled && materialized->entries_max == 0,
        .entries_max = materialized->entries_max,
        .changelog = materialized->changelog,
    };
    return store;
}

weir_graph_store *weir_row_store_declare(weir_builder *builder,
                                         const weir_materialized *materialized, const char *prefix)
{
    weir_graph_store *store = declare_rows(builder, materialized, prefix);
    if (materialized->history_ms != 0) {
        weir_builder_mistake(builder,
                             "store '%s': history_ms is for the table of a topic or of a stream, "
                             "other tables keep their latest rows alone: leave it out",
                             store->options.name);
    }
    return store;
}

void weir_ktable_keep_if_named(weir_ktable *table, const weir_materialized *materialized)
{
    if (materialized->store_name != NULL) {
        table->store = weir_row_store_declare(table->builder, materialized, "");
        table->is_kept = true;
    }
}

bool weir_ktable_send_old_values(weir_ktable *table, bool force)
{
    if (table->sends_old_values) {
        return true;
    }
    switch (table->kind) {
    case WEIR_TABLE_SOURCE:
        table->is_kept = table->is_kept || force;
        table->sends_old_values = table->is_kept;
        break;
    case WEIR_TABLE_AGGREGATE:
        table->sends_old_values = true;
        break;
    case WEIR_TABLE_SUPPRESSED:
        table->sends_old_values = weir_ktable_send_old_values(table->left, force);
        break;
    case WEIR_TABLE_FILTER:
    case WEIR_TABLE_MAP:
    case WEIR_TABLE_TRANSFORM:
        table->sends_old_values = table->is_kept || weir_ktable_send_old_values(table->left, force);
        break;
    case WEIR_TABLE_INNER_JOIN:
    case WEIR_TABLE_LEFT_JOIN:
    case WEIR_TABLE_OUTER_JOIN:
        (void)weir_ktable_send_old_values(table->left, true);
        (void)weir_ktable_send_old_values(table->right, true);
        table->sends_old_values = true;
        break;
    }
    return table->sends_old_values;
}

void weir_ktable_require_rows(weir_ktable *table)
{
    if (table->kind == WEIR_TABLE_SOURCE) {
        table->is_kept = true;
    }
    if (table->is_kept) {
        return;
    }
    weir_ktable_require_rows(table->left);
    if (table->right != NULL) {
        weir_ktable_require_rows(table->right);
    }
}

void weir_ktable_each_store(const weir_ktable *table, void (*visit)(void *user, const char *name),
                            void *user)
{
    if (table->is_kept || table->kind == WEIR_TABLE_SUPPRESSED) {
        visit(user, table->store->options.name);
    }
    if (table->is_kept) {
        return;
    }
    for (const char *const *name = table->node->store_names;
         table->kind == WEIR_TABLE_TRANSFORM && *name != NULL; name++) {
        visit(user, *name);
    }
    weir_ktable_each_store(table->left, visit, user);
    if (table->right != NULL) {
        weir_ktable_each_store(table->right, visit, user);
    }
}

weir_status weir_forward_change(weir_context *context, const weir_record *source,
                                const weir_change *change, int64_t timestamp_ms, weir_error *err)
{
    weir_change passed = *change;
    weir_record out = *source;
    out.value = change->new_value;
    out.object = &passed;
    out.timestamp_ms = timestamp_ms;
    return weir_context_forward(context, &out, err);
}

/* A table that a topic makes. */

typedef struct source_processor {
    weir_processor base;
    const weir_ktable *table;
    weir_row_store rows;
} source_processor;

static weir_status init_source(weir_processor *processor, weir_error *err)
{
    (void)err;
    source_processor *self = (source_processor *)(void *)processor;
    if (self->table->is_kept) {
        weir_row_store_open(&self->rows, processor, self->table);
    }
    return WEIR_OK;
}

static weir_status take_row(weir_processor *processor, const weir_record *record, weir_error *err)
{
    source_processor *self = (source_processor *)(void *)processor;
    if (record->key.data == NULL) {
        return weir_context_drop(processor->context);
    }
    weir_change change = {.new_value = record->value};
    if (!self->table->is_kept) {
        return weir_forward_change(processor->context, record, &change, record->timestamp_ms, err);
    }
    weir_timestamped old = {0};
    WEIR_TRY(weir_row_store_get(&self->rows, record->key, &old, err));
    change.old_value = self->table->sends_old_values ? old.value : WEIR_BYTES_NULL;
    return weir_row_store_change(&self->rows, processor->context, record, &change,
                                 record->timestamp_ms, err);
}

static void free_source(weir_processor *processor)
{
    weir_row_store_cleanup(&((source_processor *)(void *)processor)->rows);
    free(processor);
}

weir_processor *weir_table_source_new(void *user)
{
    static const weir_processor_ops ops = {init_source, take_row, free_source};
    source_processor *self = weir_alloc(sizeof(*self));
    self->base.ops = &ops;
    self->table = user;
    return &self->base;
}

static void keep_versions(weir_ktable *table, int64_t history_ms)
{
    if (history_ms == 0) {
        return;
    }
    weir_store_options *options = &table->store->options;
    if (history_ms < 0 || !table->is_kept) {
        weir_builder_mistake(table->builder,
                             "table '%s': a history above 0 and a store_name are needed to keep "
                             "versions",
                             options->name);
    }
    table->is_versioned = true;
    options->kind = WEIR_STORE_VERSIONED;
    options->retention_ms = history_ms;
    options->timestamped = false;
    options->caching_enabled = false;
}

void weir_ktable_declare_rows(weir_ktable *table, const weir_materialized *materialized,
                              const char *prefix)
{
    table->store = declare_rows(table->builder, materialized, prefix);
    table->is_kept = materialized->store_name != NULL;
    keep_versions(table, materialized->history_ms);
}

weir_ktable *weir_builder_table(weir_builder *builder, const char *topic,
                                const weir_consumed *consumed,
                                const weir_materialized *materialized)
{
    WEIR_REFUSE_NULL(builder);
    static const weir_consumed no_consumed;
    static const weir_materialized no_materialized;
    consumed = consumed == NULL ? &no_consumed : consumed;
    materialized = materialized == NULL ? &no_materialized : materialized;
    topic = weir_builder_topic(builder, topic, "table");
    WEIR_AUTO_FREE char *prefix = weir_format("%s-", topic);
    weir_ktable *table = weir_ktable_new(builder, WEIR_TABLE_SOURCE, NULL);
    weir_ktable_declare_rows(table, materialized, prefix);
    const char *source =
        weir_builder_suffixed_or_new(builder, consumed->name, "-source", "KSTREAM-SOURCE-");
    const char *name = weir_builder_name_or_new(builder, consumed->name, "KTABLE-SOURCE-");
    table->node = weir_graph_add(builder, builder->root, WEIR_GRAPH_TABLE_SOURCE, name);
    table->node->topic = topic;
    table->node->consumed = *consumed;
    table->node->source_name = source;
    table->node->processor = (weir_processor_options){weir_table_source_new, table};
    table->node->table = table;
    return table;
}

/* A table's changes as a stream. */

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
    WEIR_REFUSE_NULL(table);
    const char *name = weir_builder_name_or_new(
        table->builder, options == NULL ? NULL : options->name, "KTABLE-TOSTREAM-");
    weir_graph_node *node = weir_graph_add(table->builder, table->node, WEIR_GRAPH_PROCESSOR, name);
    node->processor = (weir_processor_options){new_to_stream, NULL};
    node->has_fixed_key = true;
    return weir_kstream_of(table->builder, node, false);
}
