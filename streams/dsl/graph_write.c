/* SPDX-License-Identifier: Apache-2.0
 *
 * graph_write.c - one operator of the graph, as nodes and stores of a topology.
 *
 *   repartition   ─▶ filter (records without a key go no further) ─▶ sink ┊ source ─▶
 */
#include "streams/dsl/ktable_internal.h"
#include "streams/dsl/null_handle_internal.h"
#include "streams/processor_wrapper.h"
#include "streams/topology_stores.h"

#include <stdlib.h>
#include <string.h>

/* Whether the builder's counter made it: ten digits behind a word. */
static bool is_generated(const char *name)
{
    enum { NUMBER_DIGITS = 10 };
    bool is_ours = strncmp(name, "KSTREAM-", strlen("KSTREAM-")) == 0 ||
                   strncmp(name, "KTABLE-", strlen("KTABLE-")) == 0;
    for (const char *at = strchr(name, '-'); is_ours && at != NULL; at = strchr(at + 1, '-')) {
        if (strspn(at + 1, "0123456789") == NUMBER_DIGITS) {
            return true;
        }
    }
    return false;
}

/* A program that changes keeps its state only under names of its own (KIP-1111). */
static void require_given_name(weir_builder *builder, const char *what, const char *name)
{
    if (builder->wants_given_names && is_generated(name)) {
        weir_builder_mistake(builder,
                             "%s '%s' has a generated name: name what it is for, since "
                             "ensure.explicit.internal.resource.naming is set",
                             what, name);
    }
}

static void add_store(weir_builder *builder, const weir_store_options *options)
{
    require_given_name(builder, "store", options->name);
    weir_topology_add_store(builder->topology, options, NULL);
}

static const char *const *parent_names(weir_builder *builder, const weir_graph_node *node)
{
    const char **names = weir_builder_alloc(builder, (node->parents.count + 1) * sizeof(*names));
    for (size_t i = 0; i < node->parents.count; i++) {
        names[i] = node->parents.items[i]->name;
    }
    return names;
}

static void write_source(weir_builder *builder, const weir_graph_node *node)
{
    const weir_source_options options = {
        .topic = node->topic,
        .topics = node->topics,
        .pattern = node->pattern,
        .serde = node->consumed.serde,
        .timestamp = node->consumed.timestamp,
        .reset = node->consumed.reset,
    };
    weir_topology_add_source(builder->topology, node->name, &options);
}

/* A table's rows are kept where somebody asked for it while the graph grew. */
static void add_table_store(weir_builder *builder, const weir_graph_node *node)
{
    if (node->table != NULL && node->table->is_kept) {
        add_store(builder, &node->table->store->options);
        weir_topology_connect_store(builder->topology, node->name,
                                    node->table->store->options.name);
    }
}

static void write_table_source(weir_builder *builder, const weir_graph_node *node)
{
    weir_graph_node source = *node;
    source.name = node->source_name;
    write_source(builder, &source);
    weir_topology_add_processor(builder->topology, node->name, &node->processor, source.name, NULL);
    add_table_store(builder, node);
}

static void write_global_table(weir_builder *builder, const weir_graph_node *node)
{
    const weir_global_store_options options = {
        .store = node->global_store,
        .topic = node->topic,
        .source = node->source_name,
        .processor = node->name,
        .filler = node->processor,
        .serde = node->consumed.serde,
    };
    weir_topology_add_global_store(builder->topology, &options);
}

/* A processor that reads rows. */
typedef struct reader {
    weir_topology *topology;
    const char *processor;
} reader;

static void connect_reader(void *user, const char *store)
{
    const reader *self = user;
    weir_topology_connect_store(self->topology, self->processor, store);
}

static void connect_rows(weir_builder *builder, const char *processor, const weir_ktable *table)
{
    reader self = {builder->topology, processor};
    if (table != NULL) {
        weir_ktable_each_store(table, connect_reader, &self);
    }
}

static void add_stores(weir_builder *builder, const weir_graph_node *node)
{
    for (const weir_graph_store *store = node->stores; store != NULL; store = store->next) {
        const char *const own[] = {node->name, NULL};
        const char *const *names = store->processors == NULL ? own : store->processors;
        add_store(builder, &store->options);
        for (; *names != NULL; names++) {
            weir_topology_connect_store(builder->topology, *names, store->options.name);
        }
    }
}

static void write_join(weir_builder *builder, const weir_graph_node *node)
{
    const weir_graph_part *left = node->parts;
    const weir_graph_part *right = left->next;
    if (node->is_self_join) {
        const char *windowed = left->parent->name;
        weir_topology_add_processor(builder->topology, node->name, &node->self_join, windowed,
                                    NULL);
        weir_topology_add_store(builder->topology, &node->stores->options, windowed, node->name,
                                NULL);
        return;
    }
    for (const weir_graph_part *part = left; part != NULL; part = part->next) {
        weir_topology_add_processor(builder->topology, part->name, &part->processor,
                                    part->parent->name, NULL);
    }
    weir_topology_add_processor(builder->topology, node->name, &node->processor, left->name,
                                right->name, NULL);
    for (const weir_graph_part *part = left; part != NULL; part = part->next) {
        connect_rows(builder, part->name, part->reads);
    }
    add_stores(builder, node);
}

static void write_processor(weir_builder *builder, const weir_graph_node *node)
{
    if (node->has_fixed_key || node->keeps_keys) {
        weir_topology_add_fixed_key_processor_to(builder->topology, node->name, &node->processor,
                                                 parent_names(builder, node));
    } else {
        weir_topology_add_processor_to(builder->topology, node->name, &node->processor,
                                       parent_names(builder, node));
    }
    for (const char *const *name = node->store_names; name != NULL && *name != NULL; name++) {
        weir_topology_connect_store(builder->topology, node->name, *name);
    }
    if (node->keeps_keys) {
        weir_topology_keep_keys(builder->topology, node->name);
    }
    connect_rows(builder, node->name, node->reads);
    add_stores(builder, node);
    add_table_store(builder, node);
}

typedef struct key_filter {
    weir_processor base;
    bool passes_all;
} key_filter;

static weir_status pass_with_key(weir_processor *processor, const weir_record *record,
                                 weir_error *err)
{
    bool passes = record->key.data != NULL || ((key_filter *)(void *)processor)->passes_all;
    return passes ? weir_context_forward(processor->context, record, err) : WEIR_OK;
}

static void free_filter(weir_processor *processor)
{
    free(processor);
}

static weir_processor *new_key_filter(void *user)
{
    static const weir_processor_ops ops = {.process = pass_with_key, .free = free_filter};
    key_filter *filter = weir_alloc(sizeof(*filter));
    filter->base.ops = &ops;
    filter->passes_all = user != NULL;
    return &filter->base;
}

/* Whether something below has a use for records without a key (KIP-962). */
static bool leads_to_null_keys(const weir_graph_node *node)
{
    for (size_t i = 0; i < node->children.count; i++) {
        const weir_graph_node *child = node->children.items[i];
        if (child->takes_null_keys || leads_to_null_keys(child)) {
            return true;
        }
    }
    return false;
}

static void write_repartition(weir_builder *builder, const weir_graph_node *node)
{
    weir_topology *topology = builder->topology;
    require_given_name(builder, "repartition topic", node->topic);
    const char *topic = weir_topology_repartition(topology, node->topic, node->partition_count);
    weir_sink_options sink = node->sink;
    sink.topic = topic;
    if (node->filter_name == NULL) {
        weir_topology_add_sink_to(topology, node->sink_name, &sink, parent_names(builder, node));
    } else {
        void *passes_all = leads_to_null_keys(node) ? builder : NULL;
        weir_topology_add_fixed_key_processor_to(
            topology, node->filter_name, &(weir_processor_options){new_key_filter, passes_all},
            parent_names(builder, node));
        weir_topology_add_sink(topology, node->sink_name, &sink, node->filter_name, NULL);
    }
    weir_topology_add_source(topology, node->name, &(weir_source_options){.topic = topic});
}

void weir_graph_write_node(weir_builder *builder, const weir_graph_node *node)
{
    switch (node->kind) {
    case WEIR_GRAPH_ROOT:
        break;
    case WEIR_GRAPH_SOURCE:
        write_source(builder, node);
        break;
    case WEIR_GRAPH_TABLE_SOURCE:
        write_table_source(builder, node);
        break;
    case WEIR_GRAPH_GLOBAL_TABLE:
        write_global_table(builder, node);
        break;
    case WEIR_GRAPH_JOIN:
        write_join(builder, node);
        break;
    case WEIR_GRAPH_PROCESSOR:
        write_processor(builder, node);
        break;
    case WEIR_GRAPH_REPARTITION:
        write_repartition(builder, node);
        break;
    case WEIR_GRAPH_STORE:
        add_store(builder, &node->stores->options);
        break;
    case WEIR_GRAPH_SINK:
        weir_topology_add_sink_to(builder->topology, node->name, &node->sink,
                                  parent_names(builder, node));
        break;
    }
}

weir_status weir_builder_build(weir_builder *builder, const weir_topology **out_topology,
                               weir_error *err)
{
    (void)WEIR_ANY_IS_NULL(builder);
    WEIR_TRY(weir_null_handle_tell(err));
    WEIR_ASSERT(!builder->built);
    if (builder->mistake.status == WEIR_OK) {
        weir_graph_write(builder); /* It may find one more. */
    }
    if (builder->mistake.status != WEIR_OK) {
        return weir_error_set(err, WEIR_INVALID, "%s", builder->mistake.message);
    }
    builder->built = true;
    WEIR_TRY(weir_topology_build(builder->topology, err));
    *out_topology = builder->topology;
    return WEIR_OK;
}
