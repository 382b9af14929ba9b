/* SPDX-License-Identifier: Apache-2.0
 *
 * topology_json.c - a topology as JSON: what topology_compare.c reads, and other tools.
 */
#include "streams/topology_description.h"

#include "streams/base/json.h"
#include "streams/topology_internal.h"

#include <string.h>

#define NO_APPLICATION "<application.id>"

typedef struct writing {
    const weir_topology *topology;
    const weir_plan *plan;
    weir_json json;
} writing;

static const char *kind_name(weir_store_kind kind)
{
    static const char *const names[] = {
        [WEIR_STORE_KEY_VALUE] = "key-value", [WEIR_STORE_WINDOW] = "window",
        [WEIR_STORE_SESSION] = "session",     [WEIR_STORE_TTL] = "ttl",
        [WEIR_STORE_TIMERS] = "timers",       [WEIR_STORE_BITMAP] = "bitmap",
        [WEIR_STORE_VERSIONED] = "versioned",
    };
    return (size_t)kind < WEIR_COUNT_OF(names) ? names[kind] : "other";
}

static const char *application_of(const writing *w)
{
    return w->plan == NULL ? NO_APPLICATION : w->plan->application_id;
}

static void write_count(writing *w, const char *key, int32_t count)
{
    weir_json_key(&w->json, key);
    if (count > 0) {
        weir_json_i64(&w->json, count);
    } else {
        weir_json_null(&w->json);
    }
}

static void write_nodes(writing *w, const char *key, const weir_indices *nodes)
{
    weir_json_key(&w->json, key);
    weir_json_begin_array(&w->json);
    for (size_t i = 0; i < nodes->count; i++) {
        weir_json_text(&w->json, w->topology->nodes[nodes->items[i]].name);
    }
    weir_json_end_array(&w->json);
}

static void write_node_stores(writing *w, const weir_node *node)
{
    const weir_topology_global *global = w->topology->subtopologies[node->subtopology].global;
    weir_json_key(&w->json, "stores");
    weir_json_begin_array(&w->json);
    for (size_t i = 0; i < node->stores.count; i++) {
        weir_json_text(&w->json, w->topology->stores[node->stores.items[i]].options.name);
    }
    if (global != NULL && node->kind == WEIR_NODE_PROCESSOR) {
        weir_json_text(&w->json, global->store);
    }
    weir_json_end_array(&w->json);
}

/* A topic of a source or sink as the broker knows it. */
static void write_topic(writing *w, const char *key, const weir_node *node, const char *topic)
{
    if (node->repartition < 0) {
        weir_json_member_text(&w->json, key, topic);
    } else {
        WEIR_AUTO_FREE char *name = weir_format("%s-%s", application_of(w), topic);
        weir_json_member_text(&w->json, key, name);
    }
}

static void write_named(writing *w, const weir_node *source, const char *topic, int32_t count)
{
    weir_json_begin_object(&w->json);
    write_topic(w, "name", source, topic);
    write_count(w, "partitions", count);
    weir_json_end_object(&w->json);
}

/* The topics of a list, or those that a pattern has been found to stand for. */
static void write_topics(writing *w, const weir_node *source, const weir_planned_input *inputs,
                         size_t count)
{
    weir_json_key(&w->json, "topics");
    weir_json_begin_array(&w->json);
    for (size_t i = 0; i < count; i++) {
        write_named(w, source, inputs[i].topic, inputs[i].partition_count);
    }
    for (size_t i = 0; w->plan == NULL && source->topics[i] != NULL; i++) {
        write_named(w, source, source->topics[i], 0);
    }
    weir_json_end_array(&w->json);
}

static void write_source(writing *w, size_t index)
{
    const weir_node *node = &w->topology->nodes[index];
    size_t count = 0;
    const weir_planned_input *inputs =
        w->plan == NULL ? NULL : weir_plan_inputs_of(w->plan, index, &count);
    if (node->pattern != NULL) {
        weir_json_member_text(&w->json, "topic_pattern", weir_topic_pattern_text(node->pattern));
        write_topics(w, node, inputs, count);
    } else if (node->topics[1] != NULL) {
        write_topics(w, node, inputs, count);
    } else {
        write_topic(w, "topic", node, node->topics[0]);
        write_count(w, "partitions", count == 0 ? 0 : inputs[0].partition_count);
    }
}

static void write_sink(writing *w, const weir_node *node)
{
    if (node->topic == NULL) {
        weir_json_member_bool(&w->json, "is_dynamic", true);
    } else {
        write_topic(w, "topic", node, node->topic);
    }
}

static void write_node(writing *w, size_t index)
{
    static const char *const kinds[] = {[WEIR_NODE_SOURCE] = "source",
                                        [WEIR_NODE_PROCESSOR] = "processor",
                                        [WEIR_NODE_SINK] = "sink"};
    const weir_node *node = &w->topology->nodes[index];
    weir_json_begin_object(&w->json);
    weir_json_member_text(&w->json, "name", node->name);
    weir_json_member_text(&w->json, "kind", kinds[node->kind]);
    if (node->kind == WEIR_NODE_SOURCE) {
        write_source(w, index);
    } else if (node->kind == WEIR_NODE_SINK) {
        write_sink(w, node);
    }
    write_node_stores(w, node);
    write_nodes(w, "parents", &node->parents);
    write_nodes(w, "children", &node->children);
    weir_json_end_object(&w->json);
}

static void write_subtopology(writing *w, size_t number)
{
    const weir_subtopology *subtopology = &w->topology->subtopologies[number];
    weir_json_begin_object(&w->json);
    weir_json_member_i64(&w->json, "number", (int64_t)number);
    weir_json_member_bool(&w->json, "is_global", subtopology->global != NULL);
    if (subtopology->global == NULL) {
        write_count(w, "tasks", w->plan == NULL ? 0 : w->plan->subtopology_task_counts[number]);
    }
    weir_json_key(&w->json, "nodes");
    weir_json_begin_array(&w->json);
    for (size_t i = 0; i < subtopology->nodes.count; i++) {
        write_node(w, subtopology->nodes.items[i]);
    }
    weir_json_end_array(&w->json);
    weir_json_end_object(&w->json);
}

static void write_changelog(writing *w, size_t store)
{
    const weir_store_options *options = &w->topology->stores[store].options;
    WEIR_AUTO_FREE char *name =
        options->changelog_topic != NULL
            ? weir_strdup(options->changelog_topic)
            : weir_format("%s-%s-changelog", application_of(w), options->name);
    weir_json_member_text(&w->json, "changelog", options->logging_disabled ? NULL : name);
}

static void write_store(writing *w, size_t index)
{
    const weir_topology_store *store = &w->topology->stores[index];
    const weir_store_options *options = &store->options;
    weir_json_begin_object(&w->json);
    weir_json_member_text(&w->json, "name", options->name);
    weir_json_member_text(&w->json, "kind", kind_name(options->kind));
    weir_json_member_text(&w->json, "engine",
                          options->engine == WEIR_ENGINE_MEMORY ? "memory" : "rocksdb");
    weir_json_member_i64(&w->json, "subtopology", store->subtopology);
    write_changelog(w, index);
    weir_json_member_bool(&w->json, "changelog_is_source", options->changelog_is_source);
    weir_json_member_bool(&w->json, "timestamped", options->timestamped);
    weir_json_member_bool(&w->json, "cached", options->caching_enabled);
    weir_json_member_bool(&w->json, "retains_duplicates", options->retain_duplicates);
    weir_json_member_i64(&w->json, "value_version", options->value_version);
    weir_json_member_i64(&w->json, "retention_ms", options->retention_ms);
    weir_json_member_i64(&w->json, "entries_max", options->entries_max);
    write_count(w, "partitions",
                w->plan == NULL || store->processors.count == 0
                    ? 0
                    : w->plan->subtopology_task_counts[store->subtopology]);
    write_nodes(w, "processors", &store->processors);
    weir_json_end_object(&w->json);
}

/* How many partitions a topic of the application's own has: as many as its source reads. */
static int32_t repartition_count(const writing *w, size_t repartition)
{
    int32_t count = w->topology->repartitions[repartition].partition_count;
    for (size_t i = 0; w->plan != NULL && i < w->plan->input_count; i++) {
        const weir_planned_input *input = &w->plan->inputs[i];
        if (w->topology->nodes[input->source].repartition == (int32_t)repartition) {
            count = input->partition_count;
        }
    }
    return count;
}

static void write_internal_topic(writing *w, size_t index)
{
    const weir_repartition *repartition = &w->topology->repartitions[index];
    WEIR_AUTO_FREE char *name = weir_format("%s-%s", application_of(w), repartition->placeholder);
    weir_json_begin_object(&w->json);
    weir_json_member_text(&w->json, "name", name);
    write_count(w, "partitions", repartition_count(w, index));
    weir_json_end_object(&w->json);
}

static void write_list(writing *w, const char *key, size_t count,
                       void (*write)(writing *w, size_t index))
{
    weir_json_key(&w->json, key);
    weir_json_begin_array(&w->json);
    for (size_t i = 0; i < count; i++) {
        write(w, i);
    }
    weir_json_end_array(&w->json);
}

void weir_topology_describe_json(const weir_topology *topology, const weir_plan *plan,
                                 weir_buf *out_json)
{
    WEIR_ASSERT(topology->built);
    WEIR_ASSERT(plan == NULL || plan->topology == topology);
    writing w = {.topology = topology, .plan = plan, .json = weir_json_of(out_json)};
    weir_json_begin_object(&w.json);
    weir_json_member_i64(&w.json, "description_version", 1);
    weir_json_member_text(&w.json, "application_id", application_of(&w));
    write_list(&w, "subtopologies", topology->subtopology_count, write_subtopology);
    write_list(&w, "stores", topology->store_count, write_store);
    write_list(&w, "internal_topics", topology->repartition_count, write_internal_topic);
    weir_json_end_object(&w.json);
    weir_buf_append_byte(out_json, '\n');
}
