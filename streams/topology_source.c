/* SPDX-License-Identifier: Apache-2.0
 *
 * topology_source.c - the sources of a topology: which topics they read.
 *
 * A topic has one source at most, for a group has one offset for it. Which topics a pattern stands
 * for is known when the application meets its broker (topology_plan.c); what can be told before is
 * told here.
 */
#include "streams/topology_internal.h"

#include <stdlib.h>
#include <string.h>

void weir_source_cleanup(weir_node *node)
{
    for (char **topic = node->topics; *topic != NULL; topic++) {
        free(*topic);
    }
    free(node->topics);
    weir_topic_pattern_free(node->pattern);
}

bool weir_node_names(const weir_node *node, const char *topic)
{
    for (char **own = node->topics; *own != NULL; own++) {
        if (strcmp(*own, topic) == 0) {
            return true;
        }
    }
    return false;
}

/* A topic that is another source's as well. */
static void check_topic_is_read_once(weir_topology *topology, const weir_node *source,
                                     const char *topic)
{
    for (size_t i = 0; i < topology->node_count; i++) {
        const weir_node *other = &topology->nodes[i];
        if (other == source || other->kind != WEIR_NODE_SOURCE) {
            continue;
        }
        if (weir_node_names(other, topic)) {
            weir_topology_mistake(
                topology, "source '%s': topic '%s' is read by source '%s' already: share that",
                source->name, topic, other->name);
        } else if (other->pattern != NULL && weir_topic_pattern_matches(other->pattern, topic)) {
            weir_topology_mistake(
                topology,
                "source '%s': topic '%s' is matched by the pattern of source '%s' already",
                source->name, topic, other->name);
        }
    }
}

static void copy_topics(weir_topology *topology, weir_node *source, const char *const *topics)
{
    size_t count = 0;
    while (topics[count] != NULL) {
        count++;
    }
    if (count == 0) {
        weir_topology_mistake(topology, "source '%s' has no topics: name one", source->name);
    }
    free(source->topics);
    source->topics = weir_alloc_array(count + 1, sizeof(*source->topics));
    for (size_t i = 0; i < count; i++) {
        weir_topology_check_topic(topology, source->name, topics[i]);
        check_topic_is_read_once(topology, source, topics[i]);
        if (weir_node_names(source, topics[i])) {
            weir_topology_mistake(topology, "source '%s': topic '%s' is named twice", source->name,
                                  topics[i]);
        }
        source->topics[i] = weir_strdup(topics[i]);
    }
}

static void compile_pattern(weir_topology *topology, weir_node *source, const char *text)
{
    weir_error err = {0};
    if (weir_topic_pattern_new(text, &source->pattern, &err) != WEIR_OK) {
        weir_topology_mistake(topology, "source '%s': %s", source->name, err.message);
        return;
    }
    for (size_t i = 0; i < topology->node_count; i++) {
        const weir_node *other = &topology->nodes[i];
        for (char **topic = other->topics; *topic != NULL; topic++) {
            if (weir_topic_pattern_matches(source->pattern, *topic)) {
                weir_topology_mistake(topology,
                                      "source '%s': its pattern matches topic '%s' of source '%s'",
                                      source->name, *topic, other->name);
            }
        }
    }
}

void weir_topology_add_source(weir_topology *topology, const char *name,
                              const weir_source_options *options)
{
    weir_node *node = weir_topology_add_node(topology, WEIR_NODE_SOURCE, name);
    if (node == NULL) {
        return;
    }
    if ((options->topic != NULL) + (options->topics != NULL) + (options->pattern != NULL) > 1) {
        weir_topology_mistake(topology, "source '%s': give it a topic, topics or a pattern", name);
    }
    const char *const one[] = {options->topic == NULL ? "" : options->topic, NULL};
    if (options->pattern != NULL) {
        compile_pattern(topology, node, options->pattern);
    } else {
        copy_topics(topology, node, options->topics == NULL ? one : options->topics);
    }
    node->source = *options;
    node->source.topic = NULL;
    node->source.topics = NULL;
    node->source.pattern = NULL;
}
