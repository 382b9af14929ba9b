/* SPDX-License-Identifier: Apache-2.0
 *
 * graph.c - nodes, and the walk that writes them to the topology.
 *
 * The walk takes, of all nodes with a parent that was visited, the one that was made first; it
 * writes it if all its parents are written, and will see it again otherwise. Rewriting can give a
 * parent a later place than its child, which is why creation order alone is not enough.
 */
#include "streams/dsl/graph_internal.h"

#include "streams/dsl/null_handle_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUILDER_BYTES_MAX = 64 << 20 };

weir_builder *weir_builder_new(void)
{
    weir_builder *builder = weir_alloc(sizeof(*builder));
    builder->arena = weir_arena_new(BUILDER_BYTES_MAX);
    builder->topology = weir_topology_new();
    builder->root = weir_builder_alloc(builder, sizeof(*builder->root));
    builder->root->kind = WEIR_GRAPH_ROOT;
    builder->root->name = "root";
    return builder;
}

void weir_builder_free(weir_builder *builder)
{
    weir_null_handle_forget(); /* It is of no builder after this one. */
    if (builder == NULL) {
        return;
    }
    weir_topology_free(builder->topology);
    weir_arena_free(builder->arena);
    free(builder);
}

void *weir_builder_alloc(weir_builder *builder, size_t bytes)
{
    void *memory = weir_arena_alloc(builder->arena, bytes);
    WEIR_ASSERT(memory != NULL); /* Its size comes from the program, not from input. */
    return memset(memory, 0, bytes);
}

void weir_builder_mistake(weir_builder *builder, const char *format, ...)
{
    if (builder->mistake.status != WEIR_OK) {
        return;
    }
    builder->mistake.status = WEIR_INVALID;
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(builder->mistake.message, sizeof(builder->mistake.message), format, arguments);
    va_end(arguments);
}

void weir_builder_require(weir_builder *builder, bool given, const char *name, const char *what)
{
    if (!given) {
        weir_builder_mistake(builder, "operator '%s': give it %s, not NULL", name, what);
    }
}

const char *weir_builder_topic(weir_builder *builder, const char *topic, const char *name)
{
    bool given = topic != NULL && topic[0] != '\0';
    weir_builder_require(builder, given, name, "the name of a topic");
    return weir_builder_join_names(builder, given ? topic : "no-topic", "");
}

/* The arena forgets nothing, so lists of nodes double in it and leave their old selves behind. */
void weir_graph_push(weir_builder *builder, weir_graph_nodes *nodes, weir_graph_node *node)
{
    if (nodes->count == nodes->capacity) {
        size_t capacity = nodes->capacity == 0 ? 4 : nodes->capacity * 2;
        weir_graph_node **items = weir_builder_alloc(builder, capacity * sizeof(*items));
        if (nodes->count > 0) {
            memcpy(items, nodes->items, nodes->count * sizeof(*items));
        }
        nodes->items = items;
        nodes->capacity = capacity;
    }
    nodes->items[nodes->count++] = node;
}

void weir_graph_connect(weir_builder *builder, weir_graph_node *parent, weir_graph_node *child)
{
    weir_graph_push(builder, &parent->children, child);
    weir_graph_push(builder, &child->parents, parent);
}

static void remove_node(weir_graph_nodes *nodes, const weir_graph_node *node)
{
    size_t kept = 0;
    for (size_t i = 0; i < nodes->count; i++) {
        if (nodes->items[i] != node) {
            nodes->items[kept++] = nodes->items[i];
        }
    }
    nodes->count = kept;
}

void weir_graph_disconnect(weir_graph_node *parent, weir_graph_node *child)
{
    remove_node(&parent->children, child);
    remove_node(&child->parents, parent);
}

void weir_graph_attach(weir_builder *builder, weir_graph_node *parent, weir_graph_node *node)
{
    WEIR_ASSERT(!builder->built);
    node->priority = ++builder->last_priority;
    weir_graph_connect(builder, parent, node);
}

weir_graph_node *weir_graph_add(weir_builder *builder, weir_graph_node *parent,
                                weir_graph_kind kind, const char *name)
{
    weir_graph_node *node = weir_builder_alloc(builder, sizeof(*node));
    node->kind = kind;
    node->name = name;
    weir_graph_attach(builder, parent, node);
    return node;
}

const char *const *weir_graph_topic(weir_builder *builder, const char *topic)
{
    const char **topics = weir_builder_alloc(builder, 2 * sizeof(*topics));
    topics[0] = topic;
    return topics;
}

static bool has_all(const char *const *topics, const char *const *of)
{
    for (; *of != NULL; of++) {
        size_t i = 0;
        while (topics[i] != NULL && strcmp(topics[i], *of) != 0) {
            i++;
        }
        if (topics[i] == NULL) {
            return false;
        }
    }
    return true;
}

/* What is named in another order is the same. */
static bool reads_the_same(const weir_graph_node *a, const weir_graph_node *b)
{
    if (a->kind != WEIR_GRAPH_SOURCE || b->kind != WEIR_GRAPH_SOURCE) {
        return false;
    }
    if (a->pattern != NULL || b->pattern != NULL) {
        return a->pattern != NULL && b->pattern != NULL && strcmp(a->pattern, b->pattern) == 0;
    }
    return has_all(a->topics, b->topics) && has_all(b->topics, a->topics);
}

/* The source of the same topics among the first count nodes; NULL if there is none. */
static weir_graph_node *same_source(const weir_graph_nodes *nodes, size_t count,
                                    const weir_graph_node *source)
{
    for (size_t i = 0; i < count; i++) {
        if (reads_the_same(source, nodes->items[i])) {
            return nodes->items[i];
        }
    }
    return NULL;
}

static void replace_parent(weir_graph_node *node, const weir_graph_node *from, weir_graph_node *to)
{
    for (size_t i = 0; i < node->parents.count; i++) {
        if (node->parents.items[i] == from) {
            node->parents.items[i] = to;
        }
    }
}

/* Two sources of the same topics become one: the second one's children go to the first. */
static void merge_sources(weir_builder *builder)
{
    weir_graph_nodes *sources = &builder->root->children;
    size_t kept = 0;
    for (size_t i = 0; i < sources->count; i++) {
        weir_graph_node *source = sources->items[i];
        weir_graph_node *first = same_source(sources, kept, source);
        if (first == NULL) {
            sources->items[kept++] = source;
            continue;
        }
        if (first->consumed.reset.kind != source->consumed.reset.kind ||
            first->consumed.reset.duration_ms != source->consumed.reset.duration_ms) {
            weir_builder_mistake(builder,
                                 "sources '%s' and '%s' read the same, and begin at different "
                                 "offsets: give both the same reset, or neither one",
                                 first->name, source->name);
        }
        for (size_t c = 0; c < source->children.count; c++) {
            weir_graph_push(builder, &first->children, source->children.items[c]);
            replace_parent(source->children.items[c], source, first);
        }
    }
    sources->count = kept;
}

static bool parents_are_written(const weir_graph_node *node)
{
    for (size_t i = 0; i < node->parents.count; i++) {
        if (!node->parents.items[i]->written) {
            return false;
        }
    }
    return true;
}

static weir_graph_node *take_first(weir_graph_nodes *queue)
{
    size_t first = 0;
    for (size_t i = 1; i < queue->count; i++) {
        if (queue->items[i]->priority < queue->items[first]->priority) {
            first = i;
        }
    }
    weir_graph_node *node = queue->items[first];
    queue->items[first] = queue->items[--queue->count];
    node->waiting = false;
    return node;
}

void weir_graph_move(weir_builder *builder, weir_graph_node *child, weir_graph_node *from,
                     weir_graph_node *to)
{
    replace_parent(child, from, to);
    remove_node(&from->children, child);
    weir_graph_push(builder, &to->children, child);
}

void weir_builder_add_resource(weir_builder *builder, const char *name,
                               const weir_resource_options *options)
{
    if (WEIR_ANY_IS_NULL(builder, name, options)) {
        return;
    }
    weir_topology_add_resource(builder->topology, name, options);
}

void weir_builder_set_wrapper(weir_builder *builder, const weir_processor_wrapper *wrapper)
{
    if (!WEIR_ANY_IS_NULL(builder, wrapper)) {
        weir_topology_set_wrapper(builder->topology, wrapper);
    }
}

void weir_builder_optimise(weir_builder *builder)
{
    if (WEIR_ANY_IS_NULL(builder)) {
        return;
    }
    builder->optimisations = WEIR_OPTIMISE_SOURCES | WEIR_OPTIMISE_TOPICS | WEIR_OPTIMISE_BUFFERS;
}

void weir_graph_write(weir_builder *builder)
{
    merge_sources(builder);
    if (builder->optimisations != 0) {
        weir_graph_optimise(builder);
    }
    weir_graph_nodes queue = {0};
    weir_graph_push(builder, &queue, builder->root);
    while (queue.count > 0) {
        weir_graph_node *node = take_first(&queue);
        if (!node->written && parents_are_written(node)) {
            weir_graph_write_node(builder, node);
            node->written = true;
        }
        for (size_t i = 0; node->written && i < node->children.count; i++) {
            weir_graph_node *child = node->children.items[i];
            if (!child->waiting && !child->written) {
                child->waiting = true;
                weir_graph_push(builder, &queue, child);
            }
        }
    }
}
