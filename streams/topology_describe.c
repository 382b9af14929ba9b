/* SPDX-License-Identifier: Apache-2.0
 *
 * topology_describe.c - the text of Kafka Streams' TopologyDescription, so that tools which draw or
 * compare it work on weir's topologies too.
 *
 * Nodes stand in the order of the size of what hangs below them (counted once a path), largest
 * first, then by name. Java keeps the parents and children of a node in sets that are sorted while
 * these sizes still grow, in the order of a hash table of the names, and tools see the result: so
 * the same is done here, size by size (connect_all). Only among three or more parents or children
 * may the order differ from Java's, whose sets then rotate.
 */
#include "streams/topology_internal.h"

#include <stdlib.h>
#include <string.h>

typedef struct family {
    weir_indices parents; /* In the order of the text. */
    weir_indices children;
} family;

typedef struct describing {
    const weir_topology *topology;
    uint64_t *sizes; /* By index of node, as are the families. */
    family *families;
} describing;

/* Java compares UTF-16 units; for ASCII names that is strcmp. */
static bool stands_before(const describing *describer, size_t a, size_t b)
{
    if (describer->sizes[a] != describer->sizes[b]) {
        return describer->sizes[a] > describer->sizes[b];
    }
    return strcmp(describer->topology->nodes[a].name, describer->topology->nodes[b].name) < 0;
}

static void insert_sorted(const describing *describer, weir_indices *indices, size_t index)
{
    weir_indices_add(indices, index);
    for (size_t i = indices->count - 1;
         i > 0 && stands_before(describer, index, indices->items[i - 1]); i--) {
        indices->items[i] = indices->items[i - 1];
        indices->items[i - 1] = index;
    }
}

static void grow(describing *describer, size_t node, uint64_t delta)
{
    describer->sizes[node] += delta;
    const weir_indices *parents = &describer->families[node].parents;
    for (size_t p = 0; p < parents->count; p++) {
        grow(describer, parents->items[p], delta);
    }
}

/* Where a Java HashSet of a few strings has this one: its iteration goes by bucket. */
static uint32_t bucket_of(const char *text, uint32_t bucket_count)
{
    uint32_t hash = 0;
    for (const char *at = text; *at != '\0'; at++) {
        hash = 31 * hash + (unsigned char)*at;
    }
    return (hash ^ (hash >> 16)) & (bucket_count - 1);
}

static uint32_t bucket_count_for(size_t count)
{
    uint32_t bucket_count = 16;
    while (count > bucket_count / 4 * 3) {
        bucket_count *= 2;
    }
    return bucket_count;
}

static void connect_node(describing *describer, size_t index)
{
    const weir_indices *parents = &describer->topology->nodes[index].parents;
    for (size_t p = 0; p < parents->count; p++) {
        size_t parent = parents->items[p];
        insert_sorted(describer, &describer->families[index].parents, parent);
        insert_sorted(describer, &describer->families[parent].children, index);
        grow(describer, parent, describer->sizes[index]);
    }
}

/* Connects the nodes of a sub-topology one by one, in the order of their buckets. */
static void connect_all(describing *describer, const weir_indices *nodes)
{
    uint32_t bucket_count = bucket_count_for(nodes->count);
    for (uint32_t bucket = 0; bucket < bucket_count; bucket++) {
        for (size_t i = 0; i < nodes->count; i++) {
            const weir_node *node = &describer->topology->nodes[nodes->items[i]];
            if (bucket_of(node->name, bucket_count) == bucket) {
                connect_node(describer, nodes->items[i]);
            }
        }
    }
}

static void append_names(const describing *describer, const weir_indices *nodes, weir_buf *out)
{
    if (nodes->count == 0) {
        weir_buf_append_text(out, "none");
    }
    for (size_t i = 0; i < nodes->count; i++) {
        weir_buf_append_format(out, "%s%s", i == 0 ? "" : ", ",
                               describer->topology->nodes[nodes->items[i]].name);
    }
}

/* In the order of a HashSet. */
static void append_set(const char *const *texts, size_t count, uint32_t bucket_count, weir_buf *out)
{
    const char *separator = "";
    for (uint32_t bucket = 0; bucket < bucket_count; bucket++) {
        for (size_t i = 0; i < count; i++) {
            if (bucket_of(texts[i], bucket_count) == bucket) {
                weir_buf_append_format(out, "%s%s", separator, texts[i]);
                separator = ", ";
            }
        }
    }
}

static void append_stores(const weir_topology *topology, const weir_node *node, weir_buf *out)
{
    const weir_topology_global *global = topology->subtopologies[node->subtopology].global;
    if (global != NULL) {
        weir_buf_append_text(out, global->store);
        return;
    }
    size_t count = node->stores.count;
    WEIR_AUTO_FREE const char **names = weir_alloc_array(count, sizeof(*names));
    for (size_t i = 0; i < count; i++) {
        names[i] = topology->stores[node->stores.items[i]].options.name;
    }
    append_set(names, count, bucket_count_for(count), out);
}

/* Java makes the set of a list here, with room for one more than it needs. */
static void append_topics(const weir_node *source, weir_buf *out)
{
    if (source->pattern != NULL) {
        weir_buf_append_text(out, weir_topic_pattern_text(source->pattern));
        return;
    }
    size_t count = 0;
    while (source->topics[count] != NULL) {
        count++;
    }
    weir_buf_append_byte(out, '[');
    append_set((const char *const *)source->topics, count, bucket_count_for(count + 1), out);
    weir_buf_append_byte(out, ']');
}

static void append_node(const describing *describer, size_t index, weir_buf *out)
{
    const weir_node *node = &describer->topology->nodes[index];
    switch (node->kind) {
    case WEIR_NODE_SOURCE:
        weir_buf_append_format(out, "    Source: %s (topics: ", node->name);
        append_topics(node, out);
        weir_buf_append_byte(out, ')');
        break;
    case WEIR_NODE_PROCESSOR:
        weir_buf_append_format(out, "    Processor: %s (stores: [", node->name);
        append_stores(describer->topology, node, out);
        weir_buf_append_text(out, "])");
        break;
    case WEIR_NODE_SINK:
        if (node->topic == NULL) {
            weir_buf_append_format(out, "    Sink: %s (extractor class: a function)", node->name);
        } else {
            weir_buf_append_format(out, "    Sink: %s (topic: %s)", node->name, node->topic);
        }
        break;
    }
    if (node->kind != WEIR_NODE_SINK) {
        weir_buf_append_text(out, "\n      --> ");
        append_names(describer, &describer->families[index].children, out);
    }
    if (node->kind != WEIR_NODE_SOURCE) {
        weir_buf_append_text(out, "\n      <-- ");
        append_names(describer, &describer->families[index].parents, out);
    }
    weir_buf_append_byte(out, '\n');
}

static void append_subtopology(describing *describer, size_t number, weir_buf *out)
{
    const weir_indices *nodes = &describer->topology->subtopologies[number].nodes;
    connect_all(describer, nodes);
    weir_indices sorted = {0};
    for (size_t i = 0; i < nodes->count; i++) {
        insert_sorted(describer, &sorted, nodes->items[i]);
    }
    const weir_topology_global *global = describer->topology->subtopologies[number].global;
    weir_buf_append_format(out, "  Sub-topology: %zu%s\n", number,
                           global == NULL ? "" : " for global store (will not generate tasks)");
    for (size_t i = 0; i < sorted.count; i++) {
        append_node(describer, sorted.items[i], out);
    }
    if (global == NULL) {
        weir_buf_append_byte(out, '\n');
    }
    free(sorted.items);
}

void weir_topology_describe(const weir_topology *topology, weir_buf *out_text)
{
    WEIR_ASSERT(topology->built);

    WEIR_AUTO_FREE uint64_t *sizes = weir_alloc_array(topology->node_count, sizeof(*sizes));
    WEIR_AUTO_FREE family *families = weir_alloc_array(topology->node_count, sizeof(*families));
    for (size_t i = 0; i < topology->node_count; i++) {
        sizes[i] = 1;
    }
    describing describer = {topology, sizes, families};
    weir_buf_append_text(out_text, "Topologies:\n ");
    for (size_t s = 0; s < topology->subtopology_count; s++) {
        append_subtopology(&describer, s, out_text);
    }
    for (size_t i = 0; i < topology->node_count; i++) {
        free(families[i].parents.items);
        free(families[i].children.items);
    }
}
