/* SPDX-License-Identifier: Apache-2.0
 *
 * lost_topics.c - a topic that is missing was deleted if its sub-topology has run before:
 *
 *   changelog          its sub-topology has read input ...
 *   repartition topic  ... or one that writes to it has
 *
 * "Has read" is a committed offset with a note. An application writes one with each offset, and the
 * tools that reset a group write none: a group that was reset is one that starts anew. Offsets of
 * repartition topics are no evidence, for a cluster forgets them with the topic; so the question
 * goes on to those who write to it.
 *
 * What is on this disk is evidence as well: a changelog of which a store has a position was there.
 *
 * Processes that start together look and make topics at once. Where there is evidence, the missing
 * topics are therefore looked for a second time: what another process made before it wrote the
 * first note is there by then.
 */
#include "streams/lost_topics.h"

#include "streams/topology_internal.h"

#include <stdlib.h>
#include <string.h>

static const char ADVICE[] =
    "Bring it back; or reset the application (offsets, topics, state directory); or, where it is "
    "new or may be lost, weir.missing.topics=create";

typedef struct search {
    weir_broker *broker;
    weir_database *database;
    const weir_plan *plan;
    weir_topic_query *topics; /* Of the plan, by index. */
    bool *has_run;            /* By index of sub-topology. */
} search;

static void search_cleanup(search *s)
{
    free(s->topics);
    free(s->has_run);
}

static weir_status look_for_topics(search *s, weir_error *err)
{
    for (size_t i = 0; i < s->plan->topic_count; i++) {
        s->topics[i].topic = s->plan->topics[i].name;
    }
    return weir_broker_describe_topics(s->broker, s->topics, s->plan->topic_count, err);
}

static bool any_is_missing(const search *s)
{
    for (size_t i = 0; i < s->plan->topic_count; i++) {
        if (s->topics[i].status == WEIR_NOT_FOUND) {
            return true;
        }
    }
    return false;
}

/* Evidence of the group. */

static int32_t external_partitions(const weir_plan *plan, const weir_planned_input *input)
{
    return plan->topology->nodes[input->source].repartition < 0 ? input->partition_count : 0;
}

/* An open transaction that carries an offset says the same as a note. */
static bool is_note(const weir_committed_query *query)
{
    return query->status == WEIR_AGAIN || (query->status == WEIR_OK && query->metadata.size > 0);
}

/* The sub-topologies for which the group has a note. */
static weir_status ask_group(search *s, weir_error *err)
{
    const weir_plan *plan = s->plan;
    size_t count = 0;
    for (size_t i = 0; i < plan->input_count; i++) {
        count += (size_t)external_partitions(plan, &plan->inputs[i]);
    }
    WEIR_AUTO_FREE weir_committed_query *queries = weir_alloc_array(count, sizeof(*queries));
    size_t next = 0;
    for (size_t i = 0; i < plan->input_count; i++) {
        for (int32_t p = 0; p < external_partitions(plan, &plan->inputs[i]); p++) {
            queries[next++].partition = (weir_topic_partition){plan->inputs[i].topic, p};
        }
    }
    weir_status status =
        weir_broker_group_offsets(s->broker, plan->application_id, queries, count, err);
    next = 0;
    for (size_t i = 0; i < plan->input_count; i++) {
        const weir_node *source = &plan->topology->nodes[plan->inputs[i].source];
        for (int32_t p = 0; p < external_partitions(plan, &plan->inputs[i]); p++) {
            bool noted = status == WEIR_OK && is_note(&queries[next]);
            s->has_run[source->subtopology] |= noted;
            weir_buf_cleanup(&queries[next++].metadata);
        }
    }
    return status;
}

/* Whether something that writes to a repartition topic has run. */
static bool was_written(const search *s, int32_t repartition)
{
    const weir_topology *topology = s->plan->topology;
    for (size_t i = 0; i < topology->node_count; i++) {
        const weir_node *node = &topology->nodes[i];
        if (node->kind == WEIR_NODE_SINK && node->repartition == repartition &&
            s->has_run[node->subtopology]) {
            return true;
        }
    }
    return false;
}

/* Whoever reads what was written has run as well. */
static void follow_repartitions(search *s)
{
    const weir_topology *topology = s->plan->topology;
    bool more = true;
    while (more) {
        more = false;
        for (size_t i = 0; i < topology->node_count; i++) {
            const weir_node *node = &topology->nodes[i];
            if (node->kind == WEIR_NODE_SOURCE && node->repartition >= 0 &&
                !s->has_run[node->subtopology] && was_written(s, node->repartition)) {
                s->has_run[node->subtopology] = true;
                more = true;
            }
        }
    }
}

static bool was_used_by_group(const search *s, const weir_planned_topic *topic)
{
    const weir_plan *plan = s->plan;
    for (size_t i = 0; i < plan->topology->store_count; i++) {
        const char *changelog = plan->changelog_topics[i];
        if (changelog != NULL && strcmp(changelog, topic->name) == 0) {
            return s->has_run[plan->topology->stores[i].subtopology];
        }
    }
    for (size_t i = 0; i < plan->input_count; i++) {
        int32_t repartition = plan->topology->nodes[plan->inputs[i].source].repartition;
        if (repartition >= 0 && strcmp(plan->inputs[i].topic, topic->name) == 0) {
            return was_written(s, repartition);
        }
    }
    return false;
}

/* Evidence of the disk. */

static weir_status find_position(const search *s, size_t store, int32_t partition, bool *out_found,
                                 weir_error *err)
{
    WEIR_AUTO_PTR(weir_task_state) state = NULL;
    WEIR_TRY(weir_task_state_new(s->database, s->plan->application_id, partition, &state, err));
    WEIR_AUTO_FREE char *label = weir_plan_position_label(s->plan, store, partition);
    int64_t position = 0;
    weir_status status = weir_task_state_position(state, label, &position, err);
    *out_found = status == WEIR_OK && position > 0;
    return status == WEIR_NOT_FOUND ? WEIR_OK : status;
}

static weir_status is_on_disk(const search *s, const weir_planned_topic *topic, bool *out_found,
                              weir_error *err)
{
    *out_found = false;
    for (size_t i = 0; s->database != NULL && i < s->plan->topology->store_count; i++) {
        const char *changelog = s->plan->changelog_topics[i];
        bool is_its_own = changelog != NULL && strcmp(changelog, topic->name) == 0;
        for (int32_t p = 0; is_its_own && p < topic->partition_count && !*out_found; p++) {
            WEIR_TRY(find_position(s, i, p, out_found, err));
        }
    }
    return WEIR_OK;
}

static weir_status check_missing(const search *s, const weir_planned_topic *topic, weir_error *err)
{
    if (was_used_by_group(s, topic)) {
        return weir_error_set(err, WEIR_INVALID,
                              "topic %s is not there, and its application has committed. %s",
                              topic->name, ADVICE);
    }
    bool found = false;
    WEIR_TRY(is_on_disk(s, topic, &found, err));
    return found ? weir_error_set(err, WEIR_INVALID,
                                  "topic %s is not there, and this disk has its store. %s",
                                  topic->name, ADVICE)
                 : WEIR_OK;
}

static weir_status check_all_missing(const search *s, weir_error *err)
{
    for (size_t i = 0; i < s->plan->topic_count; i++) {
        if (s->topics[i].status == WEIR_NOT_FOUND) {
            WEIR_TRY(check_missing(s, &s->plan->topics[i], err));
        }
    }
    return WEIR_OK;
}

weir_status weir_lost_topics_check(weir_broker *broker, weir_database *database,
                                   const weir_plan *plan, const weir_config *config,
                                   weir_error *err)
{
    if (config->missing_topics == WEIR_MISSING_TOPICS_CREATE) {
        return WEIR_OK;
    }
    WEIR_AUTO(search)
    s = {
        .broker = broker,
        .database = database,
        .plan = plan,
        .topics = weir_alloc_array(plan->topic_count, sizeof(*s.topics)),
        .has_run = weir_alloc_array(plan->topology->subtopology_count, sizeof(*s.has_run)),
    };
    WEIR_TRY(look_for_topics(&s, err));
    if (!any_is_missing(&s)) {
        return WEIR_OK;
    }
    WEIR_TRY(ask_group(&s, err));
    follow_repartitions(&s);
    if (check_all_missing(&s, NULL) == WEIR_OK) {
        return WEIR_OK;
    }
    WEIR_TRY(look_for_topics(&s, err));
    return check_all_missing(&s, err);
}
