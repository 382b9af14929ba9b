/* SPDX-License-Identifier: Apache-2.0
 *
 * graph_internal.h - the graph of operators that the DSL's calls leave behind: it is rewritten
 * where that saves topics or stores, and then written to a topology.
 *
 *   root ─▶ source ─▶ processor ─▶ repartition ─▶ processor ─▶ sink
 *
 * Nodes are written in the order in which they were made, and after their parents. That order
 * decides the numbers of sub-topologies: operators make nodes in exactly Kafka Streams' order.
 *
 * Ownership  Everything lives in the builder's arena, as long as the builder.
 * Threads    One.
 */
#ifndef WEIR_STREAMS_DSL_GRAPH_INTERNAL_H
#define WEIR_STREAMS_DSL_GRAPH_INTERNAL_H

#include "streams/dsl/builder.h"
#include "streams/dsl/names_internal.h"

typedef struct weir_graph_node weir_graph_node;

/* Pointers to nodes, in the order in which they were added. */
typedef struct weir_graph_nodes {
    weir_graph_node **items;
    size_t count;
    size_t capacity;
} weir_graph_nodes;

typedef enum weir_graph_kind {
    WEIR_GRAPH_ROOT,
    WEIR_GRAPH_SOURCE,
    WEIR_GRAPH_TABLE_SOURCE, /* A source and the processor behind it. */
    WEIR_GRAPH_GLOBAL_TABLE, /* The same, of which every process has all rows. */
    WEIR_GRAPH_PROCESSOR,
    WEIR_GRAPH_JOIN, /* Its parts, and the processor behind them. */
    WEIR_GRAPH_REPARTITION,
    WEIR_GRAPH_SINK,
    WEIR_GRAPH_STORE, /* Of the user's own processors. */
} weir_graph_kind;

/* A store that a processor node brings along, and adds to the topology. */
typedef struct weir_graph_store {
    weir_store_options options;
    const char *const *processors; /* That use it, ends with a NULL; NULL: its node alone. */
    struct weir_graph_store *next;
} weir_graph_store;

/* One processor of several that a node stands for. */
typedef struct weir_graph_part {
    const char *name;
    const weir_graph_node *parent;
    weir_processor_options processor;
    const weir_ktable *reads;
    struct weir_graph_part *next;
} weir_graph_part;

struct weir_graph_node {
    weir_graph_kind kind;
    const char *name; /* What its children name as their parent. */
    weir_graph_nodes parents;
    weir_graph_nodes children;
    size_t priority;
    bool written;
    bool waiting; /* In the queue of weir_graph_write. */
    bool key_changing;
    bool value_changing;
    bool has_fixed_key; /* Of a processor: processor_wrapper.h. */
    bool keeps_keys;    /* The same, and told to weir_topology_keep_keys. */
    bool merges;

    const char *topic; /* Of a table's source, a sink, a repartition (without its suffix). */
    const char *const *topics; /* Of a stream's source, ends with a NULL; */
    const char *pattern;       /* or what their names are like. */
    weir_consumed consumed;
    weir_processor_options processor;
    weir_graph_store *stores;
    const char *const *store_names; /* Connected besides, ends with a NULL; may be NULL. */
    weir_sink_options sink;
    const weir_ktable *reads; /* The table whose rows it looks up; NULL: none. */
    bool takes_null_keys;     /* Records without a key are not lost on it. */
    weir_graph_part *parts;   /* Of a join. */
    weir_ktable *table;       /* Whose rows it may keep: that of a source, or of a join. */
    const char *source_name;  /* The same. */
    const char *global_store; /* Of a global table. */
    const char *filter_name;  /* Of a repartition: it drops records without a key (NULL: */
    const char *sink_name;    /* there are none) before the sink that its source reads. */
    int32_t partition_count;
    bool is_optimisable;              /* Of a repartition: it may be merged with others. */
    weir_graph_node *other_window;    /* Of a join of streams: the buffer of its right side. */
    weir_processor_options self_join; /* The same: what does it if both sides are one stream. */
    bool is_self_join;
    bool is_collected; /* By the optimiser. */
};

/* What optimise.c saves: a table's changelog; topics of one origin; a second buffer. */
enum { WEIR_OPTIMISE_SOURCES = 1, WEIR_OPTIMISE_TOPICS = 2, WEIR_OPTIMISE_BUFFERS = 4 };

struct weir_builder {
    weir_arena *arena;
    weir_topology *topology;
    weir_graph_node *root;
    size_t last_priority;
    uint32_t next_number; /* For generated names. */
    weir_error mistake;   /* The first one; status WEIR_OK: none so far. */
    bool built;
    unsigned optimisations; /* Bits of the above. */
    bool wants_given_names; /* Of stores and topics. */
};

/* Zeroed memory that lives as long as the builder. */
void *weir_builder_alloc(weir_builder *builder, size_t bytes);

/* Keeps the first mistake for weir_builder_build. */
void weir_builder_mistake(weir_builder *builder, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A mistake where the operator called name was not given what it needs ("a mapper"); the second
 * copies a topic, which may not be NULL or empty. */
void weir_builder_require(weir_builder *builder, bool given, const char *name, const char *what);
const char *weir_builder_topic(weir_builder *builder, const char *topic, const char *name);

/* A source's list of this one topic. */
const char *const *weir_graph_topic(weir_builder *builder, const char *topic);

/* A node below parent; name is kept, not copied. */
weir_graph_node *weir_graph_add(weir_builder *builder, weir_graph_node *parent,
                                weir_graph_kind kind, const char *name);
/* The same for a node that was made before. */
void weir_graph_attach(weir_builder *builder, weir_graph_node *parent, weir_graph_node *node);
/* One more parent. */
void weir_graph_connect(weir_builder *builder, weir_graph_node *parent, weir_graph_node *child);
/* No longer a parent; another one in its place. */
void weir_graph_disconnect(weir_graph_node *parent, weir_graph_node *child);
void weir_graph_move(weir_builder *builder, weir_graph_node *child, weir_graph_node *from,
                     weir_graph_node *to);
void weir_graph_push(weir_builder *builder, weir_graph_nodes *nodes, weir_graph_node *node);

/* optimise.c: rewrites the graph to save topics and stores, once duplicate sources are merged. */
void weir_graph_optimise(weir_builder *builder);

/* Writes every node to the topology; one node, whose parents are written. */
void weir_graph_write(weir_builder *builder);
void weir_graph_write_node(weir_builder *builder, const weir_graph_node *node);

#endif
