/* SPDX-License-Identifier: Apache-2.0
 *
 * topology_plan.c - partition counts: those of external topics are asked for, those of repartition
 * topics follow from them, and the number of tasks from both.
 *
 * Inputs are the topics of sources, of which those that read by a pattern find theirs here. Inputs
 * whose records meet in a store must have equal counts, or records of one key would not meet: they
 * form a co-partition group (union-find over the inputs above the processors of each store). In a
 * group the count is, in this order: that of its external topics; the one that its repartition
 * topics were given; the largest of the inputs that feed its repartition topics. The last rule
 * needs other groups to be known first, so it is applied until nothing changes.
 */
#include "streams/topology_plan.h"
#include "streams/topology_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct planning {
    const weir_topology *topology;
    const weir_plan_options *options;
    weir_plan *plan;
    size_t input_capacity;
    size_t *groups; /* By index of input: the leader of its co-partition group. */
} planning;

void weir_plan_free(weir_plan *plan)
{
    if (plan == NULL) {
        return;
    }
    for (size_t i = 0; plan->sink_topics != NULL && i < plan->topology->node_count; i++) {
        free(plan->sink_topics[i]);
    }
    for (size_t i = 0; i < plan->input_count; i++) {
        free(plan->inputs[i].topic);
    }
    for (size_t i = 0; plan->changelog_topics != NULL && i < plan->topology->store_count; i++) {
        free(plan->changelog_topics[i]);
    }
    free(plan->sink_topics);
    free(plan->inputs);
    free(plan->changelog_topics);
    free(plan->subtopology_task_counts);
    free(plan->topics);
    free(plan->tasks);
    free(plan->task_topic);
    free(plan->members_topic);
    free(plan->application_id);
    free(plan);
}

/* Names. */

static weir_status check_length(const char *topic, weir_error *err)
{
    if (strlen(topic) > WEIR_TOPIC_NAME_BYTES_MAX) {
        return weir_error_set(err, WEIR_INVALID,
                              "topic name '%.60s…' is longer than %d: shorten application.id",
                              topic, WEIR_TOPIC_NAME_BYTES_MAX);
    }
    return WEIR_OK;
}

static char *topic_name(const planning *planner, const weir_node *node, const char *topic)
{
    return node->repartition < 0 ? weir_strdup(topic)
                                 : weir_format("%s-%s", planner->plan->application_id, topic);
}

static weir_status add_input(planning *planner, size_t source, const char *topic, weir_error *err)
{
    weir_plan *plan = planner->plan;
    if (plan->input_count >= WEIR_PLAN_INPUTS_MAX) {
        return weir_error_set(err, WEIR_INVALID, "source '%s': more than %d topics are read",
                              planner->topology->nodes[source].name, WEIR_PLAN_INPUTS_MAX);
    }
    plan->inputs =
        weir_grow(plan->inputs, plan->input_count, &planner->input_capacity, sizeof(*plan->inputs));
    char *name = topic_name(planner, &planner->topology->nodes[source], topic);
    plan->inputs[plan->input_count++] = (weir_planned_input){.source = source, .topic = name};
    return check_length(name, err);
}

bool weir_plan_takes(const char *application_id, const weir_topic_pattern *pattern,
                     const char *topic)
{
    size_t length = strlen(application_id);
    bool is_own = strncmp(topic, application_id, length) == 0 && topic[length] == '-';
    return strncmp(topic, "__", 2) != 0 && !is_own && weir_topic_pattern_matches(pattern, topic);
}

static weir_status add_matches(planning *planner, size_t source, weir_error *err)
{
    const weir_node *node = &planner->topology->nodes[source];
    size_t count = planner->plan->input_count;
    for (size_t i = 0; i < planner->options->topic_count; i++) {
        const char *topic = planner->options->topics[i];
        if (weir_plan_takes(planner->options->application_id, node->pattern, topic)) {
            WEIR_TRY(add_input(planner, source, topic, err));
        }
    }
    if (count == planner->plan->input_count) {
        return weir_error_set(err, WEIR_INVALID,
                              "source '%s': no topic is called like '%s': create one first",
                              node->name, weir_topic_pattern_text(node->pattern));
    }
    return WEIR_OK;
}

/* That a name is read twice is told by the topology; of patterns it shows only now. */
static weir_status check_inputs(const planning *planner, weir_error *err)
{
    const weir_plan *plan = planner->plan;
    const weir_node *nodes = planner->topology->nodes;
    for (size_t i = 0; i < plan->input_count; i++) {
        for (size_t k = 0; nodes[plan->inputs[i].source].pattern != NULL && k < i; k++) {
            if (strcmp(plan->inputs[i].topic, plan->inputs[k].topic) == 0) {
                return weir_error_set(err, WEIR_INVALID,
                                      "topic '%s' is read by source '%s' and by source '%s': a "
                                      "topic has one source",
                                      plan->inputs[i].topic, nodes[plan->inputs[k].source].name,
                                      nodes[plan->inputs[i].source].name);
            }
        }
    }
    return WEIR_OK;
}

static weir_status list_inputs(planning *planner, weir_error *err)
{
    const weir_topology *topology = planner->topology;
    for (size_t i = 0; i < topology->node_count; i++) {
        const weir_node *node = &topology->nodes[i];
        if (node->pattern != NULL) {
            WEIR_TRY(add_matches(planner, i, err));
        }
        for (char **topic = node->topics; *topic != NULL; topic++) {
            WEIR_TRY(add_input(planner, i, *topic, err));
        }
    }
    return check_inputs(planner, err);
}

static weir_status name_topics(planning *planner, weir_error *err)
{
    const weir_topology *topology = planner->topology;
    weir_plan *plan = planner->plan;
    for (size_t i = 0; i < topology->node_count; i++) {
        const weir_node *node = &topology->nodes[i];
        if (node->topic != NULL) {
            plan->sink_topics[i] = topic_name(planner, node, node->topic);
            WEIR_TRY(check_length(plan->sink_topics[i], err));
        }
    }
    for (size_t s = 0; s < topology->store_count; s++) {
        const weir_store_options *store = &topology->stores[s].options;
        if (store->logging_disabled) {
            continue;
        }
        plan->changelog_topics[s] =
            store->changelog_topic != NULL
                ? weir_strdup(store->changelog_topic)
                : weir_format("%s-%s-changelog", plan->application_id, store->name);
        WEIR_TRY(check_length(plan->changelog_topics[s], err));
    }
    return WEIR_OK;
}

/* Co-partition groups. */

static size_t group_of(const planning *planner, size_t input)
{
    while (planner->groups[input] != input) {
        input = planner->groups[input];
    }
    return input;
}

/* Marks the nodes from which records come to a processor of store, the processor included. A parent
 * stands before its children, so one walk backwards is enough. */
static void mark_above(const weir_topology *topology, const weir_topology_store *store, bool *above)
{
    memset(above, 0, topology->node_count);
    for (size_t p = 0; p < store->processors.count; p++) {
        above[store->processors.items[p]] = true;
    }
    for (size_t i = topology->node_count; i-- > 0;) {
        const weir_indices *parents = &topology->nodes[i].parents;
        for (size_t p = 0; above[i] && p < parents->count; p++) {
            above[parents->items[p]] = true;
        }
    }
}

static void group_inputs(planning *planner)
{
    const weir_topology *topology = planner->topology;
    const weir_plan *plan = planner->plan;
    for (size_t i = 0; i < plan->input_count; i++) {
        planner->groups[i] = i;
    }
    WEIR_AUTO_FREE bool *above = weir_alloc_array(topology->node_count, sizeof(*above));
    for (size_t s = 0; s < topology->store_count; s++) {
        mark_above(topology, &topology->stores[s], above);
        size_t first = SIZE_MAX;
        for (size_t i = 0; i < plan->input_count; i++) {
            if (above[plan->inputs[i].source]) {
                first = first == SIZE_MAX ? i : first;
                planner->groups[group_of(planner, i)] = group_of(planner, first);
            }
        }
    }
}

/* Counts. */

static int32_t repartition_of(const planning *planner, size_t input)
{
    return planner->topology->nodes[planner->plan->inputs[input].source].repartition;
}

static weir_status ask_external_counts(planning *planner, weir_error *err)
{
    for (size_t i = 0; i < planner->plan->input_count; i++) {
        weir_planned_input *input = &planner->plan->inputs[i];
        if (repartition_of(planner, i) >= 0) {
            continue;
        }
        int32_t count = 0;
        weir_status status =
            planner->options->partition_count(planner->options->user, input->topic, &count, err);
        if (status == WEIR_NOT_FOUND) {
            return weir_error_set(err, WEIR_INVALID,
                                  "source '%s': topic '%s' does not exist: create it first",
                                  planner->topology->nodes[input->source].name, input->topic);
        }
        WEIR_TRY(status);
        WEIR_ASSERT(count > 0);
        input->partition_count = count;
    }
    return WEIR_OK;
}

static int32_t given_count(const planning *planner, size_t input)
{
    int32_t repartition = repartition_of(planner, input);
    return repartition < 0 ? planner->plan->inputs[input].partition_count
                           : planner->topology->repartitions[repartition].partition_count;
}

/* An input and another of its group that both have a count must have the same. */
static weir_status check_pair(const planning *planner, size_t a, size_t b, weir_error *err)
{
    int32_t count_a = given_count(planner, a);
    int32_t count_b = given_count(planner, b);
    if (count_a == 0 || count_b == 0 || count_a == count_b) {
        return WEIR_OK;
    }
    return weir_error_set(err, WEIR_INVALID,
                          "'%s' has %" PRId32 " partitions and '%s' has %" PRId32
                          ", but their records meet in a store: repartition one of them",
                          planner->plan->inputs[a].topic, count_a, planner->plan->inputs[b].topic,
                          count_b);
}

static void set_group_count(planning *planner, size_t group, int32_t count)
{
    for (size_t i = 0; i < planner->plan->input_count; i++) {
        if (group_of(planner, i) == group) {
            planner->plan->inputs[i].partition_count = count;
        }
    }
}

/* Counts that somebody gave: the broker or the author. */
static weir_status settle_given(planning *planner, weir_error *err)
{
    size_t input_count = planner->plan->input_count;
    for (size_t a = 0; a < input_count; a++) {
        if (given_count(planner, a) == 0) {
            continue;
        }
        size_t group = group_of(planner, a);
        for (size_t b = 0; b < input_count; b++) {
            if (group_of(planner, b) == group) {
                WEIR_TRY(check_pair(planner, a, b, err));
            }
        }
    }
    for (size_t i = 0; i < input_count; i++) {
        if (given_count(planner, i) != 0) {
            set_group_count(planner, group_of(planner, i), given_count(planner, i));
        }
    }
    return WEIR_OK;
}

/* The largest count of the inputs of a sub-topology that writes to a repartition topic; some of
 * them may not be known yet, which *out_complete tells. */
static int32_t largest_input(const planning *planner, const weir_node *sink, bool *out_complete)
{
    int32_t largest = 0;
    for (size_t i = 0; i < planner->plan->input_count; i++) {
        const weir_planned_input *input = &planner->plan->inputs[i];
        const weir_node *source = &planner->topology->nodes[input->source];
        if (source->subtopology == sink->subtopology) {
            bool itself = source->repartition == sink->repartition;
            *out_complete = *out_complete && (input->partition_count > 0 || itself);
            largest = input->partition_count > largest ? input->partition_count : largest;
        }
    }
    return largest;
}

static int32_t feeding_count(const planning *planner, int32_t repartition, bool *out_complete)
{
    const weir_topology *topology = planner->topology;
    int32_t largest = 0;
    for (size_t i = 0; i < topology->node_count; i++) {
        const weir_node *sink = &topology->nodes[i];
        if (sink->kind == WEIR_NODE_SINK && sink->repartition == repartition) {
            int32_t count = largest_input(planner, sink, out_complete);
            largest = count > largest ? count : largest;
        }
    }
    return largest;
}

/* The count of a group without a given one: the largest of what feeds its topics. */
static int32_t derived_count(const planning *planner, size_t group, bool *out_complete)
{
    int32_t largest = 0;
    for (size_t i = 0; i < planner->plan->input_count; i++) {
        if (group_of(planner, i) == group) {
            int32_t count = feeding_count(planner, repartition_of(planner, i), out_complete);
            largest = count > largest ? count : largest;
        }
    }
    return largest;
}

/* Settles groups; with partial, also from feeds of which some are unknown. True: one was. */
static bool settle_derived(planning *planner, bool partial)
{
    for (size_t i = 0; i < planner->plan->input_count; i++) {
        if (planner->plan->inputs[i].partition_count > 0) {
            continue;
        }
        bool complete = true;
        int32_t count = derived_count(planner, group_of(planner, i), &complete);
        if (count > 0 && (complete || partial)) {
            set_group_count(planner, group_of(planner, i), count);
            return true;
        }
    }
    return false;
}

static weir_status count_inputs(planning *planner, weir_error *err)
{
    WEIR_AUTO_FREE size_t *groups = weir_alloc_array(planner->plan->input_count, sizeof(*groups));
    planner->groups = groups;
    group_inputs(planner);
    WEIR_TRY(ask_external_counts(planner, err));
    WEIR_TRY(settle_given(planner, err));
    /* Topics that feed each other in a circle are never complete: then what is known decides. */
    while (settle_derived(planner, false) || settle_derived(planner, true)) {
    }
    for (size_t i = 0; i < planner->plan->input_count; i++) {
        if (planner->plan->inputs[i].partition_count == 0) {
            return weir_error_set(err, WEIR_INVALID,
                                  "the partition count of '%s' follows from no topic: give it one",
                                  planner->plan->inputs[i].topic);
        }
    }
    return WEIR_OK;
}

/* Tasks and topics. */

static weir_status list_tasks(planning *planner, weir_error *err)
{
    weir_plan *plan = planner->plan;
    const weir_topology *topology = planner->topology;
    size_t total = 0;
    for (size_t s = 0; s < topology->subtopology_count; s++) {
        if (topology->subtopologies[s].global != NULL) {
            continue;
        }
        for (size_t i = 0; i < plan->input_count; i++) {
            int32_t count = plan->inputs[i].partition_count;
            if (topology->nodes[plan->inputs[i].source].subtopology == (int32_t)s &&
                count > plan->subtopology_task_counts[s]) {
                plan->subtopology_task_counts[s] = count;
            }
        }
        WEIR_ASSERT(plan->subtopology_task_counts[s] > 0);
        total += (size_t)plan->subtopology_task_counts[s];
    }
    if (total > WEIR_PLAN_TASKS_MAX) {
        return weir_error_set(err, WEIR_INVALID, "%zu tasks, at most %d: use fewer partitions",
                              total, WEIR_PLAN_TASKS_MAX);
    }
    plan->tasks = weir_alloc_array(total, sizeof(*plan->tasks));
    for (size_t s = 0; s < topology->subtopology_count; s++) {
        for (int32_t p = 0; p < plan->subtopology_task_counts[s]; p++) {
            weir_planned_task *task = &plan->tasks[plan->task_count++];
            *task = (weir_planned_task){.subtopology = (int32_t)s, .partition = p};
            (void)snprintf(task->id, sizeof(task->id), "%" PRId32 "_%" PRId32, (int32_t)s, p);
        }
    }
    return WEIR_OK;
}

static void add_topic(weir_plan *plan, weir_planned_topic topic)
{
    plan->topics[plan->topic_count++] = topic; /* There is room for each repartition and store. */
}

/* A changelog that has a name of its own may exist already, and then must fit. */
static weir_status check_named_changelog(planning *planner, size_t store, bool *out_exists,
                                         weir_error *err)
{
    const weir_topology_store *of = &planner->topology->stores[store];
    const char *topic = planner->plan->changelog_topics[store];
    int32_t task_count = planner->plan->subtopology_task_counts[of->subtopology];
    int32_t count = 0;
    weir_status status =
        planner->options->partition_count(planner->options->user, topic, &count, err);
    *out_exists = status == WEIR_OK;
    if (status == WEIR_NOT_FOUND) {
        return WEIR_OK;
    }
    WEIR_TRY(status);
    if (count != task_count) {
        return weir_error_set(err, WEIR_INVALID,
                              "changelog '%s' of store '%s' has %" PRId32
                              " partitions, its sub-topology %" PRId32
                              " tasks: repartition its input, or create it with as many",
                              topic, of->options.name, count, task_count);
    }
    return WEIR_OK;
}

static weir_status list_topics(planning *planner, weir_error *err)
{
    weir_plan *plan = planner->plan;
    const weir_topology *topology = planner->topology;
    plan->topics =
        weir_alloc_array(plan->input_count + topology->store_count, sizeof(*plan->topics));
    for (size_t i = 0; i < plan->input_count; i++) {
        if (repartition_of(planner, i) >= 0) {
            add_topic(plan, (weir_planned_topic){
                                .kind = WEIR_TOPIC_REPARTITION,
                                .name = plan->inputs[i].topic,
                                .partition_count = plan->inputs[i].partition_count,
                            });
        }
    }
    for (size_t s = 0; s < topology->store_count; s++) {
        if (plan->changelog_topics[s] == NULL) {
            continue;
        }
        bool exists = false;
        if (topology->stores[s].options.changelog_topic != NULL) {
            WEIR_TRY(check_named_changelog(planner, s, &exists, err));
        }
        int32_t count = plan->subtopology_task_counts[topology->stores[s].subtopology];
        if (!exists) {
            const weir_store_options *options = &topology->stores[s].options;
            bool is_versioned = options->kind == WEIR_STORE_VERSIONED;
            add_topic(plan, (weir_planned_topic){
                                .kind = WEIR_TOPIC_CHANGELOG,
                                .name = plan->changelog_topics[s],
                                .partition_count = count,
                                .retention_ms = is_versioned ? 0 : options->retention_ms,
                                .history_ms = is_versioned ? options->retention_ms : 0,
                                .settings = &options->changelog,
                            });
        }
    }
    return WEIR_OK;
}

static weir_status check_application_id(const char *id, weir_error *err)
{
    size_t length = id == NULL ? 0 : strlen(id);
    if (length == 0 || length > WEIR_APPLICATION_ID_BYTES_MAX ||
        strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") != length) {
        return weir_error_set(err, WEIR_INVALID,
                              "application.id '%s': use 1 to %d letters, digits, '.', '_' and '-'",
                              length == 0 ? "" : id, WEIR_APPLICATION_ID_BYTES_MAX);
    }
    return WEIR_OK;
}

weir_status weir_plan_new(const weir_topology *topology, const weir_plan_options *options,
                          weir_plan **out_plan, weir_error *err)
{
    WEIR_ASSERT(topology->built);
    WEIR_ASSERT(options->partition_count != NULL);

    WEIR_TRY(check_application_id(options->application_id, err));
    WEIR_AUTO_PTR(weir_plan) plan = weir_alloc(sizeof(*plan));
    plan->topology = topology;
    plan->application_id = weir_strdup(options->application_id);
    plan->task_topic = weir_format("%s-weir-tasks", options->application_id);
    plan->members_topic = weir_format("%s-weir-members", options->application_id);
    plan->sink_topics = weir_alloc_array(topology->node_count, sizeof(*plan->sink_topics));
    plan->changelog_topics =
        weir_alloc_array(topology->store_count, sizeof(*plan->changelog_topics));
    plan->subtopology_task_counts =
        weir_alloc_array(topology->subtopology_count, sizeof(*plan->subtopology_task_counts));

    planning planner = {.topology = topology, .options = options, .plan = plan};
    WEIR_TRY(list_inputs(&planner, err));
    WEIR_TRY(name_topics(&planner, err));
    WEIR_TRY(count_inputs(&planner, err));
    WEIR_TRY(list_tasks(&planner, err));
    WEIR_TRY(list_topics(&planner, err));
    *out_plan = weir_take(&plan);
    return WEIR_OK;
}

char *weir_plan_position_label(const weir_plan *plan, size_t store, int32_t partition)
{
    WEIR_ASSERT(store < plan->topology->store_count);
    const char *changelog = plan->changelog_topics[store];
    return changelog == NULL
               ? NULL
               : weir_format("%s:%s-%" PRId32, plan->topology->stores[store].options.name,
                             changelog, partition);
}
