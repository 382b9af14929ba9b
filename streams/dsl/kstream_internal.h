/* SPDX-License-Identifier: Apache-2.0
 *
 * kstream_internal.h - streams and groups laid open for the files of the DSL.
 *
 * Ownership  They live in the builder's arena.
 * Threads    One.
 */
#ifndef WEIR_STREAMS_DSL_KSTREAM_INTERNAL_H
#define WEIR_STREAMS_DSL_KSTREAM_INTERNAL_H

#include "streams/dsl/graph_internal.h"
#include "streams/dsl/kstream.h"

struct weir_kstream {
    weir_builder *builder;
    const char *name; /* Of the node whose records it is; that of a repartition is its source's. */
    weir_graph_node *node;
    bool repartition_required;         /* Keys may have changed since the last topic. */
    weir_graph_node *repartition_node; /* That of a join; NULL: none yet. */
};

struct weir_kgrouped_stream {
    weir_kstream stream;
    const char *repartition_name;      /* As the user gave it; may be NULL. */
    weir_graph_node *repartition_node; /* The one of that name, once it is there. */
};

/* What an operator without state does, shared by its processors. At most one function is set;
 * without any it passes on what it gets. */
typedef struct weir_stateless {
    weir_predicate predicate;
    weir_value_mapper map_value;
    weir_key_selector select_key;
    weir_key_value_mapper map;
    weir_flat_mapper flat_map;
    weir_foreach_action action;
    void *user;
    bool negated;    /* Of a filter. */
    bool keeps_keys; /* Of a flat map. */
    bool ends;       /* Of an action. */
} weir_stateless;

/* A supplier of its processors; user is the weir_stateless. */
weir_processor *weir_stateless_new(void *user);

/* A stream of what node forwards. */
weir_kstream *weir_kstream_of(weir_builder *builder, weir_graph_node *node,
                              bool repartition_required);

/* A repartition node for stream, whose topic is "<name>-repartition". It is not yet in the graph,
 * but has used up its three numbers. */
weir_graph_node *weir_repartition_node_new(weir_builder *builder, const char *name);

/* The stream with its keys where those that it is joined with are. A stream that is repartitioned
 * for two joins uses its topic again, unless the user names it: given and suffix. */
weir_kstream *weir_kstream_repartition_for_join(weir_kstream *stream, const char *given,
                                                const char *suffix);

#endif
