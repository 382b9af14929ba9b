/* SPDX-License-Identifier: Apache-2.0
 *
 * topology_stores.c - stores with a source of their own.
 *
 * A read-only store is an ordinary one whose changelog is its source, which is what the DSL makes
 * of an optimised table: what differs is whose processor writes it.
 */
#include "streams/topology_stores.h"

#include "streams/topology_internal.h"

/* It is not for wrappers. NULL: its name cannot be taken. */
static weir_node *add_filler(weir_topology *topology, const char *name,
                             const weir_processor_options *filler, const char *source)
{
    weir_node *node = weir_topology_add_node(topology, WEIR_NODE_PROCESSOR, name);
    if (node != NULL) {
        node->processor = *filler;
        weir_topology_add_parent(topology, node, source);
    }
    return node;
}

void weir_topology_add_global_store(weir_topology *topology,
                                    const weir_global_store_options *options)
{
    WEIR_ASSERT(!topology->built);
    if (weir_topology_has_store(topology, options->store)) {
        return;
    }
    weir_topology_add_source(
        topology, options->source,
        &(weir_source_options){.topic = options->topic, .serde = options->serde});
    weir_node *processor =
        add_filler(topology, options->processor, &options->filler, options->source);
    if (processor == NULL || weir_topology_node(topology, options->source) == NULL) {
        return;
    }
    topology->globals = weir_grow(topology->globals, topology->global_count,
                                  &topology->global_capacity, sizeof(*topology->globals));
    topology->globals[topology->global_count++] = (weir_topology_global){
        .store = weir_strdup(options->store),
        .has_filler = options->filler.supplier != NULL,
        .source = weir_node_index(topology, weir_topology_node(topology, options->source)),
        .processor = weir_node_index(topology, processor),
    };
}

void weir_topology_add_read_only_store(weir_topology *topology,
                                       const weir_read_only_store_options *options)
{
    WEIR_ASSERT(!topology->built);
    if (options->filler.supplier == NULL || options->store.kind != WEIR_STORE_KEY_VALUE ||
        options->store.caching_enabled) {
        weir_topology_mistake(topology,
                              "read-only store '%s': give it a filler, keys and values, no cache",
                              options->store.name);
        return;
    }
    const weir_source_options source = {
        .topic = options->topic,
        .serde = options->serde,
        .timestamp = options->timestamp,
        .reset = {.kind = WEIR_AUTO_OFFSET_RESET_EARLIEST},
    };
    weir_topology_add_source(topology, options->source, &source);
    add_filler(topology, options->processor, &options->filler, options->source);
    weir_store_options store = options->store;
    store.logging_disabled = false;
    store.changelog_topic = options->topic;
    store.changelog_is_source = true;
    weir_topology_add_store(topology, &store, options->processor, NULL);
}
