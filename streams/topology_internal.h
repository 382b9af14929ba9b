/* SPDX-License-Identifier: Apache-2.0
 *
 * topology_internal.h - what topology.h builds, laid open for the runtime: arrays of nodes, stores
 * and sub-topologies that refer to each other by index.
 *
 * Nodes stand in the order in which they were added, and every parent before its children: a walk
 * over `nodes` is a topological order, forwards for init and process, backwards for sizes.
 *
 * Ownership  Everything belongs to the topology.
 * Threads    Immutable after weir_topology_build.
 */
#ifndef WEIR_STREAMS_TOPOLOGY_INTERNAL_H
#define WEIR_STREAMS_TOPOLOGY_INTERNAL_H

#include "streams/processor_wrapper.h"
#include "streams/topic_pattern.h"

enum {
    WEIR_TOPOLOGY_NODES_MAX = 10000,
    WEIR_NODE_NAME_BYTES_MAX = 200,
};

/* What the name of a TTL store's index adds to its own. */
#define WEIR_TTL_INDEX_SUFFIX "-due"

/* Places in one of the arrays below. */
typedef struct weir_indices {
    size_t *items;
    size_t count;
    size_t capacity;
} weir_indices;

typedef enum weir_node_kind {
    WEIR_NODE_SOURCE,
    WEIR_NODE_PROCESSOR,
    WEIR_NODE_SINK,
} weir_node_kind;

typedef struct weir_node {
    weir_node_kind kind;
    bool is_wrapped; /* Of a processor: another one is around it. */
    char *name;
    char *topic;                      /* Of a sink, as it was given; NULL: a function names it. */
    char **topics;                    /* Of a source, the same; ends with a NULL. Else empty. */
    weir_topic_pattern *pattern;      /* Of a source that has no topics of its own; else NULL. */
    int32_t repartition;              /* Which repartition topic that is; -1: none. */
    weir_source_options source;       /* Of a source; its topics are the strings above. */
    weir_processor_options processor; /* Of a processor. */
    bool keeps_keys;                  /* The same. */
    weir_sink_options sink;           /* Of a sink; its topic is the string above. */
    weir_indices parents;             /* In the order in which they were named. */
    weir_indices children;            /* In the order in which they were added. */
    weir_indices stores;
    int32_t subtopology; /* After build. */
} weir_node;

typedef struct weir_topology_store {
    weir_store_options options; /* Strings owned. */
    weir_indices processors;
    int32_t subtopology; /* After build. */
} weir_topology_store;

typedef struct weir_repartition {
    char *name;              /* As it was given. */
    char *placeholder;       /* What sources and sinks say: "<name>-repartition", or the name. */
    int32_t partition_count; /* 0: derived. */
} weir_repartition;

typedef struct weir_topology_resource {
    char *name;
    weir_resource_options options;
} weir_topology_resource;

/* A store that no task has (streams/global_stores.h). */
typedef struct weir_topology_global {
    char *store;
    bool has_filler; /* Its processor is of the user's. */
    size_t source;   /* Nodes. */
    size_t processor;
} weir_topology_global;

/* The index in `subtopologies` is the first number of a task id. */
typedef struct weir_subtopology {
    weir_indices nodes;
    weir_indices sources;
    weir_indices stores;
    const weir_topology_global *global; /* It has no tasks, but keeps this; NULL: it has tasks. */
} weir_subtopology;

struct weir_topology {
    weir_node *nodes;
    size_t node_count;
    size_t node_capacity;
    weir_topology_store *stores;
    size_t store_count;
    size_t store_capacity;
    weir_repartition *repartitions;
    size_t repartition_count;
    size_t repartition_capacity;
    weir_topology_resource *resources;
    size_t resource_count;
    size_t resource_capacity;
    weir_topology_global *globals;
    size_t global_count;
    size_t global_capacity;
    weir_subtopology *subtopologies;
    size_t subtopology_count;
    weir_processor_wrapper wrapper;
    weir_arena *wrapper_arena; /* NULL: there is no wrapper. */
    weir_error mistake;        /* The first one; status WEIR_OK: none so far. */
    bool built;
};

/* A set of indices: adding one that is there changes nothing. */
void weir_indices_add(weir_indices *indices, size_t index);
bool weir_indices_has(const weir_indices *indices, size_t index);

/* Frees what a source has of its own. */
void weir_source_cleanup(weir_node *node);

/* Whether it is a source that names this topic. */
bool weir_node_names(const weir_node *node, const char *topic);
static inline size_t weir_node_index(const weir_topology *topology, const weir_node *node)
{
    return (size_t)(node - topology->nodes);
}

/* The node or store called name, or NULL. */
weir_node *weir_topology_node(const weir_topology *topology, const char *name);
weir_topology_store *weir_topology_store_named(const weir_topology *topology, const char *name);

/* For those who build one. The first mistake is kept. */
void weir_topology_mistake(weir_topology *topology, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A mistake where topic is no legal name; of is who has it. */
void weir_topology_check_topic(weir_topology *topology, const char *of, const char *topic);

/* Whether a store has this name already, which is a mistake. */
bool weir_topology_has_store(weir_topology *topology, const char *name);

/* One more parent of a node. */
void weir_topology_add_parent(weir_topology *topology, weir_node *node, const char *parent_name);
/* processor_wrapper.c: lets the wrapper see a processor; NULL: its name could not be taken. */
void weir_topology_wrap_node(weir_topology *topology, weir_node *node, bool has_fixed_key);

/* The new node, or NULL when its name cannot be taken. */
weir_node *weir_topology_add_node(weir_topology *topology, weir_node_kind kind, const char *name);

#endif
