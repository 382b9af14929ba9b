/* SPDX-License-Identifier: Apache-2.0
 *
 * topology.c - the builder: names become nodes, and build() cuts them into sub-topologies.
 *
 *   [pages] ─▶ count ─▶ [by-host] ┊ [by-host] ─▶ total ─▶ [out]
 *                ▲                ┊                ▲
 *              counts             ┊              totals
 *              sub-topology 0     ┊    sub-topology 1
 *
 * Nodes are joined by union-find: an edge unites parent and child, a store unites its processors.
 * A topic unites nothing, so a sink and the source that reads it back are the place of a cut. The
 * numbers of sub-topologies are given in the order of nodes, as Kafka Streams does: they are the
 * first part of task ids, and with them of directories and offsets that outlive a program.
 *
 * A parent must exist when a child names it. That makes cycles inside of a sub-topology impossible
 * and the order of nodes a topological one.
 */
#include "streams/kept_times.h"
#include "streams/topic_settings.h"
#include "streams/topology_internal.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void weir_indices_add(weir_indices *indices, size_t index)
{
    indices->items =
        weir_grow(indices->items, indices->count, &indices->capacity, sizeof(*indices->items));
    indices->items[indices->count++] = index;
}

bool weir_indices_has(const weir_indices *indices, size_t index)
{
    for (size_t i = 0; i < indices->count; i++) {
        if (indices->items[i] == index) {
            return true;
        }
    }
    return false;
}

weir_node *weir_topology_node(const weir_topology *topology, const char *name)
{
    for (size_t i = 0; i < topology->node_count; i++) {
        if (strcmp(topology->nodes[i].name, name) == 0) {
            return &topology->nodes[i];
        }
    }
    return NULL;
}

weir_topology_store *weir_topology_store_named(const weir_topology *topology, const char *name)
{
    for (size_t i = 0; i < topology->store_count; i++) {
        if (strcmp(topology->stores[i].options.name, name) == 0) {
            return &topology->stores[i];
        }
    }
    return NULL;
}

weir_topology *weir_topology_new(void)
{
    return weir_alloc(sizeof(weir_topology));
}

static void free_nodes(weir_topology *topology)
{
    for (size_t i = 0; i < topology->node_count; i++) {
        weir_node *node = &topology->nodes[i];
        free(node->name);
        free(node->topic);
        weir_source_cleanup(node);
        free(node->parents.items);
        free(node->children.items);
        free(node->stores.items);
    }
    free(topology->nodes);
}

static void free_stores(weir_topology *topology)
{
    for (size_t i = 0; i < topology->store_count; i++) {
        free((char *)topology->stores[i].options.name);
        free((char *)topology->stores[i].options.changelog_topic);
        free(topology->stores[i].processors.items);
    }
    free(topology->stores);
}

void weir_topology_free(weir_topology *topology)
{
    if (topology == NULL) {
        return;
    }
    free_nodes(topology);
    free_stores(topology);
    for (size_t i = 0; i < topology->repartition_count; i++) {
        free(topology->repartitions[i].name);
        free(topology->repartitions[i].placeholder);
    }
    free(topology->repartitions);
    for (size_t i = 0; i < topology->resource_count; i++) {
        free(topology->resources[i].name);
    }
    free(topology->resources);
    for (size_t i = 0; i < topology->global_count; i++) {
        free(topology->globals[i].store);
    }
    free(topology->globals);
    for (size_t i = 0; i < topology->subtopology_count; i++) {
        free(topology->subtopologies[i].nodes.items);
        free(topology->subtopologies[i].sources.items);
        free(topology->subtopologies[i].stores.items);
    }
    free(topology->subtopologies);
    weir_arena_free(topology->wrapper_arena);
    free(topology);
}

/* Those that follow the first one are often its consequences. */
void weir_topology_mistake(weir_topology *topology, const char *format, ...)
{
    if (topology->mistake.status != WEIR_OK) {
        return;
    }
    weir_error *first = &topology->mistake;
    first->status = WEIR_INVALID;
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(first->message, sizeof first->message, format, arguments); /* Cut is fine. */
    va_end(arguments);
}

/* Names of topics and of what becomes part of one: Kafka's own rule. */
static bool legal_in_topic(const char *text)
{
    size_t length = strlen(text);
    if (length == 0 || length > WEIR_TOPIC_NAME_BYTES_MAX || strcmp(text, ".") == 0 ||
        strcmp(text, "..") == 0) {
        return false;
    }
    for (const char *at = text; *at != '\0'; at++) {
        if (!isalnum((unsigned char)*at) && strchr("._-", *at) == NULL) {
            return false;
        }
    }
    return true;
}

void weir_topology_check_topic(weir_topology *topology, const char *of, const char *topic)
{
    if (topic == NULL || !legal_in_topic(topic)) {
        weir_topology_mistake(
            topology,
            "%s: topic '%s' is no legal name: use 1 to %d letters, digits, '.', '_' and '-'", of,
            topic == NULL ? "" : topic, WEIR_TOPIC_NAME_BYTES_MAX);
    }
}

static bool name_is_free(weir_topology *topology, const char *name)
{
    if (name[0] == '\0' || strlen(name) > WEIR_NODE_NAME_BYTES_MAX) {
        weir_topology_mistake(topology, "node '%s': give it a name of 1 to %d bytes", name,
                              WEIR_NODE_NAME_BYTES_MAX);
        return false;
    }
    if (weir_topology_node(topology, name) != NULL) {
        weir_topology_mistake(topology,
                              "node '%s' is there already: give the second one another name", name);
        return false;
    }
    if (topology->node_count >= WEIR_TOPOLOGY_NODES_MAX) {
        weir_topology_mistake(topology, "node '%s': a topology has at most %d nodes", name,
                              WEIR_TOPOLOGY_NODES_MAX);
        return false;
    }
    return true;
}

weir_node *weir_topology_add_node(weir_topology *topology, weir_node_kind kind, const char *name)
{
    WEIR_ASSERT(!topology->built);
    WEIR_ASSERT(name != NULL);

    if (!name_is_free(topology, name)) {
        return NULL;
    }
    topology->nodes = weir_grow(topology->nodes, topology->node_count, &topology->node_capacity,
                                sizeof(*topology->nodes));
    weir_node *node = &topology->nodes[topology->node_count++];
    *node = (weir_node){
        .kind = kind,
        .name = weir_strdup(name),
        .topics = weir_alloc_array(1, sizeof(*node->topics)),
        .repartition = -1,
    };
    return node;
}

void weir_topology_add_parent(weir_topology *topology, weir_node *node, const char *parent_name)
{
    weir_node *parent = weir_topology_node(topology, parent_name);
    if (parent == NULL || parent == node) {
        weir_topology_mistake(topology,
                              "node '%s': its parent '%s' does not exist: add the parent first",
                              node->name, parent_name);
        return;
    }
    if (parent->kind == WEIR_NODE_SINK) {
        weir_topology_mistake(
            topology, "node '%s': '%s' is a sink and has no children: read its topic instead",
            node->name, parent_name);
        return;
    }
    if (weir_indices_has(&node->parents, weir_node_index(topology, parent))) {
        weir_topology_mistake(topology, "node '%s': parent '%s' is named twice", node->name,
                              parent_name);
        return;
    }
    weir_indices_add(&node->parents, weir_node_index(topology, parent));
    weir_indices_add(&parent->children, weir_node_index(topology, node));
}

static void check_has_parent(weir_topology *topology, const weir_node *node)
{
    if (node->parents.count == 0) {
        weir_topology_mistake(topology, "node '%s' has no parent: name a source or a processor",
                              node->name);
    }
}

/* A node that is a mistake is NULL, and has no parents. */
static void add_parents(weir_topology *topology, weir_node *node, va_list names)
{
    if (node != NULL) {
        const char *name = NULL;
        while ((name = va_arg(names, const char *)) != NULL) {
            weir_topology_add_parent(topology, node, name);
        }
        check_has_parent(topology, node);
    }
}

static void add_listed_parents(weir_topology *topology, weir_node *node, const char *const *names)
{
    if (node != NULL) {
        for (; *names != NULL; names++) {
            weir_topology_add_parent(topology, node, *names);
        }
        check_has_parent(topology, node);
    }
}

static weir_node *add_processor(weir_topology *topology, const char *name,
                                const weir_processor_options *options)
{
    WEIR_ASSERT(options->supplier != NULL);

    weir_node *node = weir_topology_add_node(topology, WEIR_NODE_PROCESSOR, name);
    if (node != NULL) {
        node->processor = *options;
    }
    return node;
}

void weir_topology_add_processor(weir_topology *topology, const char *name,
                                 const weir_processor_options *options, ...)
{
    va_list names;
    va_start(names, options);
    weir_node *node = add_processor(topology, name, options);
    add_parents(topology, node, names);
    va_end(names);
    weir_topology_wrap_node(topology, node, false);
}

void weir_topology_add_processor_to(weir_topology *topology, const char *name,
                                    const weir_processor_options *options,
                                    const char *const *parents)
{
    weir_node *node = add_processor(topology, name, options);
    add_listed_parents(topology, node, parents);
    weir_topology_wrap_node(topology, node, false);
}

void weir_topology_add_fixed_key_processor_to(weir_topology *topology, const char *name,
                                              const weir_processor_options *options,
                                              const char *const *parents)
{
    weir_node *node = add_processor(topology, name, options);
    add_listed_parents(topology, node, parents);
    weir_topology_wrap_node(topology, node, true);
}

static weir_node *add_sink(weir_topology *topology, const char *name,
                           const weir_sink_options *options)
{
    weir_node *node = weir_topology_add_node(topology, WEIR_NODE_SINK, name);
    if (node == NULL) {
        return NULL;
    }
    if (options->topic_of == NULL) {
        weir_topology_check_topic(topology, name, options->topic);
        node->topic = weir_strdup(options->topic == NULL ? "" : options->topic);
    } else if (options->topic != NULL) {
        weir_topology_mistake(
            topology, "sink '%s': it has topic '%s' and a function that names one: drop one", name,
            options->topic);
    }
    node->sink = *options;
    node->sink.topic = node->topic;
    return node;
}

void weir_topology_add_sink(weir_topology *topology, const char *name,
                            const weir_sink_options *options, ...)
{
    va_list names;
    va_start(names, options);
    add_parents(topology, add_sink(topology, name, options), names);
    va_end(names);
}

void weir_topology_add_sink_to(weir_topology *topology, const char *name,
                               const weir_sink_options *options, const char *const *parents)
{
    add_listed_parents(topology, add_sink(topology, name, options), parents);
}

bool weir_topology_has_store(weir_topology *topology, const char *name)
{
    bool found = weir_topology_store_named(topology, name) != NULL;
    for (size_t i = 0; i < topology->global_count; i++) {
        found = found || strcmp(topology->globals[i].store, name) == 0;
    }
    if (found) {
        weir_topology_mistake(topology,
                              "store '%s' is there already: name all its processors at once", name);
    }
    return found;
}

static void connect_store(weir_topology *topology, size_t store, const char *processor_name)
{
    weir_node *node = weir_topology_node(topology, processor_name);
    const char *store_name = topology->stores[store].options.name;
    if (node == NULL || node->kind != WEIR_NODE_PROCESSOR) {
        weir_topology_mistake(topology, "store '%s': '%s' is no processor: add the processor first",
                              store_name, processor_name);
        return;
    }
    if (!weir_indices_has(&node->stores, store)) {
        weir_indices_add(&node->stores, store);
        weir_indices_add(&topology->stores[store].processors, weir_node_index(topology, node));
    }
}

void weir_topology_connect_store(weir_topology *topology, const char *processor_name,
                                 const char *store_name)
{
    WEIR_ASSERT(!topology->built);
    for (size_t i = 0; i < topology->store_count; i++) {
        if (strcmp(topology->stores[i].options.name, store_name) == 0) {
            connect_store(topology, i, processor_name);
            if (topology->stores[i].options.kind == WEIR_STORE_TTL) {
                connect_store(topology, i + 1, processor_name); /* Its index, added after it. */
            }
            return;
        }
    }
    weir_topology_mistake(topology,
                          "processor '%s': store '%s' does not exist: add the store first",
                          processor_name, store_name);
}

void weir_topology_keep_keys(weir_topology *topology, const char *processor_name)
{
    WEIR_ASSERT(!topology->built);
    weir_node *node = weir_topology_node(topology, processor_name);
    if (node != NULL) { /* Else there is a mistake already. */
        node->keeps_keys = true;
    }
}

static bool has_retention(weir_store_kind kind)
{
    return kind == WEIR_STORE_WINDOW || kind == WEIR_STORE_SESSION;
}

static void check_versioned(weir_topology *topology, const weir_store_options *options)
{
    if (options->retention_ms <= 0 || options->retain_duplicates) {
        weir_topology_mistake(topology, "versioned store '%s': give it its history as retention_ms",
                              options->name);
    }
    if (options->changelog_topic != NULL && !options->changelog_is_source) {
        weir_topology_mistake(topology, "versioned store '%s': it has a changelog of its own",
                              options->name);
    }
}

static void check_caching(weir_topology *topology, const weir_store_options *options)
{
    if (options->caching_enabled && options->kind == WEIR_STORE_VERSIONED) {
        weir_topology_mistake(topology,
                              "versioned store '%s': it has no cache, leave out caching_enabled",
                              options->name);
        return;
    }
    bool is_of_keys = options->kind == WEIR_STORE_KEY_VALUE || has_retention(options->kind);
    if (options->caching_enabled && (!is_of_keys || options->retain_duplicates)) {
        weir_topology_mistake(
            topology,
            "store '%s': only key-value stores and window stores without duplicates have a "
            "cache, leave out caching_enabled",
            options->name);
    }
}

static void check_bound(weir_topology *topology, const weir_store_options *options)
{
    if (options->entries_max < 0 ||
        (options->entries_max > 0 &&
         (options->kind != WEIR_STORE_KEY_VALUE || options->caching_enabled))) {
        weir_topology_mistake(topology,
                              "store '%s': entries_max is 0 or more, of a key-value store without "
                              "a cache",
                              options->name);
    }
}

static void check_retention(weir_topology *topology, const weir_store_options *options)
{
    if (has_retention(options->kind) && options->retention_ms <= 0) {
        weir_topology_mistake(topology, "window store '%s': give it retention_ms", options->name);
    }
    if (options->kind == WEIR_STORE_VERSIONED) {
        check_versioned(topology, options);
    } else if (!has_retention(options->kind) &&
               (options->retention_ms != 0 || options->retain_duplicates)) {
        weir_topology_mistake(
            topology, "store '%s': only window stores have retention_ms and retain_duplicates",
            options->name);
    }
    if (options->ordered_by_time && (!has_retention(options->kind) || options->retain_duplicates)) {
        weir_topology_mistake(
            topology,
            "store '%s': only window stores without duplicates and session stores are ordered "
            "by time, leave out ordered_by_time",
            options->name);
    }
    if (options->kind == WEIR_STORE_TTL && options->changelog_topic != NULL) {
        weir_topology_mistake(topology,
                              "TTL store '%s': it has two changelogs, so changelog_topic is NULL",
                              options->name);
    }
    if (options->timestamped && options->kind != WEIR_STORE_KEY_VALUE &&
        options->kind != WEIR_STORE_WINDOW) {
        weir_topology_mistake(topology,
                              "store '%s': only key-value and window stores can be timestamped",
                              options->name);
    }
}

static void check_changelog(weir_topology *topology, const weir_store_options *options)
{
    const weir_topic_config *changelog = &options->changelog;
    if (options->changelog_topic != NULL) {
        weir_topology_check_topic(topology, options->name, options->changelog_topic);
    }
    if (changelog->name != NULL || changelog->partition_count != 0 ||
        changelog->replication_factor != 0 || changelog->cleanup_policy != 0) {
        weir_topology_mistake(topology,
                              "store '%s': name, partitions, replicas and clean-up policy of its "
                              "changelog are the application's: leave them out",
                              options->name);
    }
    bool is_made = !options->logging_disabled && options->changelog_topic == NULL;
    if (weir_topic_has_settings(changelog) && !is_made && !options->changelog_is_source) {
        weir_topology_mistake(topology,
                              "store '%s': settings are for a changelog that is created for it, "
                              "and it has none: leave them out",
                              options->name);
    }
}

static void add_store(weir_topology *topology, const weir_store_options *options, va_list names)
{
    if (!legal_in_topic(options->name)) {
        weir_topology_mistake(topology,
                              "store '%s': use letters, digits, '.', '_' and '-' in its name",
                              options->name);
    }
    if (weir_topology_has_store(topology, options->name)) {
        return;
    }
    check_changelog(topology, options);
    check_retention(topology, options);
    check_caching(topology, options);
    check_bound(topology, options);
    topology->stores = weir_grow(topology->stores, topology->store_count, &topology->store_capacity,
                                 sizeof(*topology->stores));
    size_t store = topology->store_count++;
    topology->stores[store] = (weir_topology_store){.options = *options};
    if (options->entries_max > 0) {
        topology->stores[store].options.engine = WEIR_ENGINE_MEMORY;
    }
    topology->stores[store].options.name = weir_strdup(options->name);
    topology->stores[store].options.changelog_topic = weir_strdup(options->changelog_topic);

    const char *name = NULL;
    while ((name = va_arg(names, const char *)) != NULL) {
        connect_store(topology, store, name);
    }
}

void weir_topology_add_store(weir_topology *topology, const weir_store_options *options, ...)
{
    WEIR_ASSERT(!topology->built);
    WEIR_ASSERT(options->name != NULL);

    va_list names;
    va_start(names, options);
    add_store(topology, options, names);
    va_end(names);
    if (options->kind == WEIR_STORE_TTL) {
        WEIR_AUTO_FREE char *due = weir_format("%s%s", options->name, WEIR_TTL_INDEX_SUFFIX);
        weir_store_options index = *options;
        index.name = due;
        index.kind = WEIR_STORE_KEY_VALUE;
        va_start(names, options);
        add_store(topology, &index, names);
        va_end(names);
    }
}

static const char *add_internal_topic(weir_topology *topology, const char *name, const char *suffix,
                                      int32_t partition_count)
{
    WEIR_ASSERT(!topology->built);
    WEIR_ASSERT(name != NULL);

    if (!legal_in_topic(name)) {
        weir_topology_mistake(
            topology, "repartition '%s': use letters, digits, '.', '_' and '-' in its name", name);
    }
    if (partition_count < 0) {
        weir_topology_mistake(topology,
                              "repartition '%s': %d partitions: give 0 to derive it, or a count",
                              name, partition_count);
    }
    for (size_t i = 0; i < topology->repartition_count; i++) {
        if (strcmp(topology->repartitions[i].name, name) == 0) {
            weir_topology_mistake(topology,
                                  "repartition '%s' is there already: use its topic again", name);
            return topology->repartitions[i].placeholder;
        }
    }
    topology->repartitions =
        weir_grow(topology->repartitions, topology->repartition_count,
                  &topology->repartition_capacity, sizeof(*topology->repartitions));
    weir_repartition *repartition = &topology->repartitions[topology->repartition_count++];
    *repartition = (weir_repartition){.name = weir_strdup(name),
                                      .placeholder = weir_format("%s%s", name, suffix),
                                      .partition_count = partition_count};
    return repartition->placeholder;
}

const char *weir_topology_repartition(weir_topology *topology, const char *name,
                                      int32_t partition_count)
{
    return add_internal_topic(topology, name, "-repartition", partition_count);
}

const char *weir_topology_internal_topic(weir_topology *topology, const char *name)
{
    return add_internal_topic(topology, name, "", 0);
}

void weir_topology_add_resource(weir_topology *topology, const char *name,
                                const weir_resource_options *options)
{
    WEIR_ASSERT(!topology->built);
    WEIR_ASSERT(options->open != NULL);

    for (size_t i = 0; i < topology->resource_count; i++) {
        if (strcmp(topology->resources[i].name, name) == 0) {
            weir_topology_mistake(
                topology, "resource '%s' is there already: give the second one another name", name);
            return;
        }
    }
    topology->resources = weir_grow(topology->resources, topology->resource_count,
                                    &topology->resource_capacity, sizeof(*topology->resources));
    topology->resources[topology->resource_count++] =
        (weir_topology_resource){.name = weir_strdup(name), .options = *options};
}

/* Build. */

static size_t root_of(const size_t *leaders, size_t node)
{
    while (leaders[node] != node) {
        node = leaders[node];
    }
    return node;
}

static void unite(size_t *leaders, size_t a, size_t b)
{
    leaders[root_of(leaders, a)] = root_of(leaders, b);
}

static void unite_nodes(const weir_topology *topology, size_t *leaders)
{
    for (size_t i = 0; i < topology->node_count; i++) {
        leaders[i] = i;
    }
    for (size_t i = 0; i < topology->node_count; i++) {
        for (size_t p = 0; p < topology->nodes[i].parents.count; p++) {
            unite(leaders, i, topology->nodes[i].parents.items[p]);
        }
    }
    for (size_t s = 0; s < topology->store_count; s++) {
        const weir_indices *processors = &topology->stores[s].processors;
        for (size_t p = 1; p < processors->count; p++) {
            unite(leaders, processors->items[0], processors->items[p]);
        }
    }
}

static void number_subtopologies(weir_topology *topology)
{
    WEIR_AUTO_FREE size_t *leaders = weir_alloc_array(topology->node_count, sizeof(*leaders));
    unite_nodes(topology, leaders);

    WEIR_AUTO_FREE int32_t *number_of_root =
        weir_alloc_array(topology->node_count, sizeof(*number_of_root)); /* 0: none yet. */
    topology->subtopologies =
        weir_alloc_array(topology->node_count, sizeof(*topology->subtopologies));
    for (size_t i = 0; i < topology->node_count; i++) {
        size_t root = root_of(leaders, i);
        if (number_of_root[root] == 0) {
            number_of_root[root] = (int32_t)++topology->subtopology_count;
        }
        weir_node *node = &topology->nodes[i];
        node->subtopology = number_of_root[root] - 1;
        weir_subtopology *sub = &topology->subtopologies[node->subtopology];
        weir_indices_add(&sub->nodes, i);
        if (node->kind == WEIR_NODE_SOURCE) {
            weir_indices_add(&sub->sources, i);
        }
    }
    for (size_t s = 0; s < topology->store_count; s++) {
        weir_topology_store *store = &topology->stores[s];
        store->subtopology = topology->nodes[store->processors.items[0]].subtopology;
        weir_indices_add(&topology->subtopologies[store->subtopology].stores, s);
    }
}

/* What hangs on the source of a global store would be no task's. */
static void mark_globals(weir_topology *topology)
{
    for (size_t i = 0; i < topology->global_count; i++) {
        const weir_topology_global *global = &topology->globals[i];
        int32_t number = topology->nodes[global->source].subtopology;
        topology->subtopologies[number].global = global;
        if (topology->subtopologies[number].nodes.count != 2) {
            weir_topology_mistake(
                topology, "global store '%s': only '%s' can have '%s' as its parent", global->store,
                topology->nodes[global->processor].name, topology->nodes[global->source].name);
        }
    }
}

/* A topic of the application's own has its partitions from those who write it. */
static void check_is_alone(weir_topology *topology, const weir_node *node)
{
    if (node->kind == WEIR_NODE_SOURCE && node->topics[1] != NULL) {
        weir_topology_mistake(topology, "source '%s': read the internal topic in one of its own",
                              node->name);
    }
}

static void find_repartitions(weir_topology *topology)
{
    for (size_t i = 0; i < topology->node_count; i++) {
        weir_node *node = &topology->nodes[i];
        for (size_t r = 0; r < topology->repartition_count; r++) {
            const char *placeholder = topology->repartitions[r].placeholder;
            if ((node->topic != NULL && strcmp(node->topic, placeholder) == 0) ||
                weir_node_names(node, placeholder)) {
                node->repartition = (int32_t)r;
                check_is_alone(topology, node);
            }
        }
    }
}

static void check_repartition(weir_topology *topology, size_t repartition)
{
    bool written = false;
    bool read = false;
    for (size_t i = 0; i < topology->node_count; i++) {
        if (topology->nodes[i].repartition == (int32_t)repartition) {
            written = written || topology->nodes[i].kind == WEIR_NODE_SINK;
            read = read || topology->nodes[i].kind == WEIR_NODE_SOURCE;
        }
    }
    if (!written || !read) {
        weir_topology_mistake(topology, "repartition '%s' is %s: add a %s with its topic",
                              topology->repartitions[repartition].name,
                              written ? "never read" : "never written",
                              written ? "source" : "sink");
    }
}

/* A store that is restored from a source is of the sub-topology that reads it. */
static void check_source_changelog(weir_topology *topology, const weir_topology_store *store)
{
    const char *topic = store->options.changelog_topic;
    const weir_indices *sources = &topology->subtopologies[store->subtopology].sources;
    bool found = !store->options.changelog_is_source;
    for (size_t i = 0; i < sources->count && topic != NULL; i++) {
        found = found || weir_node_names(&topology->nodes[sources->items[i]], topic);
    }
    if (!found) {
        weir_topology_mistake(topology,
                              "store '%s': its changelog '%s' is no source of its sub-topology",
                              store->options.name, topic == NULL ? "" : topic);
    }
}

static void check_whole(weir_topology *topology)
{
    bool has_source = false;
    for (size_t i = 0; i < topology->node_count; i++) {
        has_source = has_source || topology->nodes[i].kind == WEIR_NODE_SOURCE;
    }
    if (!has_source) {
        weir_topology_mistake(topology, "the topology has no source: nothing would ever run");
    }
    for (size_t s = 0; s < topology->store_count; s++) {
        if (topology->stores[s].processors.count == 0) {
            weir_topology_mistake(topology,
                                  "store '%s' belongs to no processor: name those that use it",
                                  topology->stores[s].options.name);
        }
    }
    for (size_t r = 0; r < topology->repartition_count; r++) {
        check_repartition(topology, r);
    }
}

/* A task keeps a time for each store that is ordered by time. */
static void check_kept_times(weir_topology *topology, const weir_subtopology *subtopology)
{
    size_t bytes = 0;
    for (size_t i = 0; i < subtopology->stores.count; i++) {
        const weir_store_options *options = &topology->stores[subtopology->stores.items[i]].options;
        bytes += options->ordered_by_time ? weir_kept_times_bytes_of(options->name) : 0;
    }
    if (bytes > WEIR_KEPT_TIMES_BYTES_MAX) {
        weir_topology_mistake(
            topology,
            "the names of the stores whose windows are passed on when they close take %zu "
            "bytes, at most %d: shorten them",
            bytes, WEIR_KEPT_TIMES_BYTES_MAX);
    }
}

weir_status weir_topology_build(weir_topology *topology, weir_error *err)
{
    WEIR_ASSERT(!topology->built);

    find_repartitions(topology);
    check_whole(topology);
    if (topology->mistake.status != WEIR_OK) {
        return weir_error_set(err, WEIR_INVALID, "%s", topology->mistake.message);
    }
    number_subtopologies(topology);
    mark_globals(topology);
    for (size_t i = 0; i < topology->subtopology_count; i++) {
        check_kept_times(topology, &topology->subtopologies[i]);
    }
    for (size_t s = 0; s < topology->store_count; s++) {
        check_source_changelog(topology, &topology->stores[s]);
    }
    if (topology->mistake.status != WEIR_OK) {
        return weir_error_set(err, WEIR_INVALID, "%s", topology->mistake.message);
    }
    topology->built = true;
    return WEIR_OK;
}
