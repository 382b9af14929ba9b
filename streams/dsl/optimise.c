/* SPDX-License-Identifier: Apache-2.0
 *
 * optimise.c - rewrites the graph before it is written, where that saves topics or stores, as Kafka
 * Streams does with topology.optimization=all:
 *
 *   table       the topic that it is read from is its changelog
 *   repartition one topic for all that follow an operator that changes keys, right behind it
 *   self-join   one buffer for both sides
 */
#include "streams/dsl/kstream_internal.h"
#include "streams/dsl/ktable_internal.h"
#include "streams/dsl/null_handle_internal.h"

#include <stdlib.h>
#include <string.h>

/* All nodes, in the order of their making. */

static void collect(weir_builder *builder, weir_graph_node *node, weir_graph_nodes *all)
{
    if (node->is_collected) {
        return;
    }
    node->is_collected = true;
    weir_graph_push(builder, all, node);
    for (size_t i = 0; i < node->children.count; i++) {
        collect(builder, node->children.items[i], all);
    }
}

static int compare_priorities(const void *a, const void *b)
{
    size_t one = (*(weir_graph_node *const *)a)->priority;
    size_t two = (*(weir_graph_node *const *)b)->priority;
    return (one > two) - (one < two);
}

static weir_graph_nodes all_nodes(weir_builder *builder)
{
    weir_graph_nodes all = {0};
    collect(builder, builder->root, &all);
    WEIR_ASSERT(all.count > 0); /* The root. */
    qsort(all.items, all.count, sizeof(*all.items), compare_priorities);
    return all;
}

/* Tables, and joins of a stream with itself. */

static void reuse_source(const weir_graph_node *node)
{
    if (node->kind == WEIR_GRAPH_TABLE_SOURCE && !node->table->store->options.logging_disabled) {
        weir_store_options *store = &node->table->store->options;
        store->changelog_topic = node->topic;
        store->changelog_is_source = true;
    }
}

static void make_self_join(weir_graph_node *node)
{
    const weir_graph_nodes *parents = &node->parents;
    if (node->other_window == NULL || parents->count != 2 ||
        parents->items[0] != parents->items[1]) {
        return;
    }
    node->is_self_join = true;
    weir_graph_disconnect(parents->items[0], node->other_window);
    while (node->other_window->children.count > 0) { /* Late records: the other one has them. */
        weir_graph_disconnect(node->other_window, node->other_window->children.items[0]);
    }
}

/* Repartition topics. */

/* The repartitions behind one node that changes keys, or that merges such streams. */
typedef struct repartitions {
    weir_graph_node *behind;
    weir_graph_nodes nodes;
    bool is_replaced; /* By those of a merge. */
} repartitions;

static bool changes_keys(const weir_graph_node *node)
{
    return node->key_changing;
}

static bool changes_anything(const weir_graph_node *node)
{
    return node->key_changing || node->value_changing;
}

/* The nearest node above that passes the test; where there are several parents and none of them
 * does, the way of the last one decides, as in Kafka Streams. */
static weir_graph_node *find_above(const weir_graph_node *node,
                                   bool (*test)(const weir_graph_node *node))
{
    weir_graph_node *found = NULL;
    for (size_t i = 0; i < node->parents.count; i++) {
        if (test(node->parents.items[i])) {
            return node->parents.items[i];
        }
        found = find_above(node->parents.items[i], test);
    }
    return found;
}

static bool is_below(const weir_graph_node *node, const weir_graph_node *above)
{
    for (size_t i = 0; i < node->parents.count; i++) {
        if (node->parents.items[i] == above || is_below(node->parents.items[i], above)) {
            return true;
        }
    }
    return false;
}

/* The lists of all nodes that change keys, filled with what may be moved up to them: where values
 * changed in between, the topic would have other records. Returns how many there are. */
static size_t list_repartitions(weir_builder *builder, const weir_graph_nodes *all,
                                repartitions *lists)
{
    size_t count = 0;
    for (size_t i = 0; i < all->count; i++) {
        weir_graph_node *node = all->items[i];
        if (node->key_changing) {
            lists[count++] = (repartitions){.behind = node};
            continue;
        }
        const weir_graph_node *changer = find_above(node, changes_keys);
        if (!node->is_optimisable || changer != find_above(node, changes_anything)) {
            continue;
        }
        for (size_t l = 0; changer != NULL && l < count; l++) {
            if (lists[l].behind == changer) {
                weir_graph_push(builder, &lists[l].nodes, node);
            }
        }
    }
    return count;
}

static bool are_all_below(const weir_graph_nodes *nodes, const weir_graph_node *above)
{
    for (size_t i = 0; i < nodes->count; i++) {
        if (!is_below(nodes->items[i], above)) {
            return false;
        }
    }
    return true;
}

/* What follows a merge of streams with new keys goes behind the merge. */
static size_t move_behind_merges(weir_builder *builder, const weir_graph_nodes *all,
                                 repartitions *lists, size_t count)
{
    size_t changers = count;
    for (size_t i = 0; i < all->count; i++) {
        if (!all->items[i]->merges) {
            continue;
        }
        repartitions merged = {.behind = all->items[i]};
        for (size_t l = 0; l < changers; l++) {
            if (!are_all_below(&lists[l].nodes, merged.behind) ||
                !is_below(merged.behind, lists[l].behind)) {
                continue;
            }
            for (size_t n = 0; n < lists[l].nodes.count; n++) {
                weir_graph_push(builder, &merged.nodes, lists[l].nodes.items[n]);
            }
            lists[l].is_replaced = true;
        }
        lists[count++] = merged;
    }
    return count;
}

/* The child of above by which records come to repartition; NULL: it is not above it any more. */
static weir_graph_node *way_to(const weir_graph_node *above, weir_graph_node *repartition)
{
    for (size_t i = 0; i < above->children.count; i++) {
        weir_graph_node *child = above->children.items[i];
        if (child == repartition || is_below(repartition, child)) {
            return child;
        }
    }
    return NULL;
}

/* Takes a repartition out: what hangs on it goes to its parent. */
static void dissolve(weir_builder *builder, weir_graph_node *repartition)
{
    weir_graph_node *parent = repartition->parents.items[0];
    while (repartition->children.count > 0) {
        weir_graph_move(builder, repartition->children.items[0], repartition, parent);
    }
    weir_graph_disconnect(parent, repartition);
}

/* One topic in the place of all in the list, with the name of the first. */
static void merge_repartitions(weir_builder *builder, const repartitions *list)
{
    weir_graph_node *merged = weir_repartition_node_new(builder, list->nodes.items[0]->topic);
    merged->priority = list->behind->priority; /* It is written before what follows it. */
    for (size_t i = 0; i < list->nodes.count; i++) {
        weir_graph_node *way = way_to(list->behind, list->nodes.items[i]);
        if (way != NULL) {
            weir_graph_move(builder, way, list->behind, merged);
        }
        dissolve(builder, list->nodes.items[i]);
    }
    weir_graph_connect(builder, list->behind, merged);
}

static void optimise_repartitions(weir_builder *builder, const weir_graph_nodes *all)
{
    repartitions *lists = weir_builder_alloc(builder, 2 * all->count * sizeof(*lists));
    size_t count = list_repartitions(builder, all, lists);
    count = move_behind_merges(builder, all, lists, count);
    for (size_t i = 0; i < count; i++) {
        if (lists[i].nodes.count > 0 && !lists[i].is_replaced) {
            merge_repartitions(builder, &lists[i]);
        }
    }
}

void weir_graph_optimise(weir_builder *builder)
{
    const weir_graph_nodes all = all_nodes(builder);
    const unsigned asked = builder->optimisations;
    for (size_t i = 0; (asked & WEIR_OPTIMISE_SOURCES) != 0 && i < all.count; i++) {
        reuse_source(all.items[i]);
    }
    if ((asked & WEIR_OPTIMISE_TOPICS) != 0) {
        optimise_repartitions(builder, &all);
    }
    for (size_t i = 0; (asked & WEIR_OPTIMISE_BUFFERS) != 0 && i < all.count; i++) {
        make_self_join(all.items[i]);
    }
}

/* The bits that one word of topology.optimization stands for; 0 for "none", -1: no such word. */
static int optimisation_of(const char *word, size_t length)
{
    static const struct {
        const char *word;
        int bits;
    } words[] = {
        {"none", 0},
        {"all", WEIR_OPTIMISE_SOURCES | WEIR_OPTIMISE_TOPICS | WEIR_OPTIMISE_BUFFERS},
        {"reuse.ktable.source.topics", WEIR_OPTIMISE_SOURCES},
        {"merge.repartition.topics", WEIR_OPTIMISE_TOPICS},
        {"single.store.self.join", WEIR_OPTIMISE_BUFFERS},
    };
    for (size_t i = 0; i < WEIR_COUNT_OF(words); i++) {
        if (strlen(words[i].word) == length && memcmp(words[i].word, word, length) == 0) {
            return words[i].bits;
        }
    }
    return -1;
}

weir_status weir_builder_configure(weir_builder *builder, const weir_config *config,
                                   weir_error *err)
{
    if (WEIR_ANY_IS_NULL(builder, config)) {
        return weir_null_handle_tell(err);
    }
    WEIR_ASSERT(!builder->built);
    const char *at = config->topology_optimization == NULL ? "none" : config->topology_optimization;
    unsigned asked = 0;
    while (at != NULL) {
        at += strspn(at, " ");
        size_t length = strcspn(at, ", ");
        int bits = optimisation_of(at, length);
        if (bits < 0) {
            return weir_error_set(err, WEIR_INVALID,
                                  "topology.optimization: \"%.*s\" is not none, all, "
                                  "reuse.ktable.source.topics, merge.repartition.topics or "
                                  "single.store.self.join",
                                  (int)length, at);
        }
        asked |= (unsigned)bits;
        at = strchr(at, ',');
        at = at == NULL ? NULL : at + 1;
    }
    builder->optimisations = asked;
    builder->wants_given_names = config->ensure_explicit_naming != 0;
    return WEIR_OK;
}
