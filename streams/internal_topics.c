/* SPDX-License-Identifier: Apache-2.0
 *
 * internal_topics.c - "topic.*" settings by name, over the defaults of Kafka Streams' classes
 * RepartitionTopicConfig and UnwindowedUnversionedChangelogTopicConfig.
 */
#include "streams/internal_topics.h"

#include "streams/topic_settings.h"
#include "streams/topology_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    REPARTITION_SEGMENT_BYTES = 52428800,
    DAY_MS = 24 * 3600 * 1000,
    MEMBERS_RETENTION_MS = DAY_MS,
    MEMBERS_SEGMENT_MS = 10 * 60 * 1000,
};

static void apply_override(weir_topic_config *topic, const weir_topic_override *override)
{
    size_t setting = weir_topic_setting_find(override->name);
    WEIR_ASSERT(setting < WEIR_TOPIC_SETTINGS); /* The configuration takes no other. */
    weir_topic_setting_set(topic, setting, override->value);
}

/* What the broker has said of the topics that a plan is made of, asked for all together. */
typedef struct known_topics {
    const char *application_id;
    weir_topic_query *queries;
    size_t count;
    size_t capacity;
    const char **listed; /* All that there are, by name, where a source reads by pattern. */
    size_t listed_count;
    size_t listed_capacity;
} known_topics;

static void known_topics_cleanup(known_topics *known)
{
    free(known->queries);
    free(known->listed);
}

static void add_query(known_topics *known, const char *topic)
{
    known->queries =
        weir_grow(known->queries, known->count, &known->capacity, sizeof(*known->queries));
    known->queries[known->count++] = (weir_topic_query){.topic = topic};
}

/* The names belong to the broker. */
static weir_status add_listed(void *user, const weir_topic_config *topic, weir_error *err)
{
    known_topics *known = user;
    (void)err;
    known->listed = weir_grow(known->listed, known->listed_count, &known->listed_capacity,
                              sizeof(*known->listed));
    known->listed[known->listed_count++] = topic->name;
    return WEIR_OK;
}

static weir_status find_matches(weir_broker *broker, const weir_topic_pattern *pattern,
                                known_topics *known, weir_error *err)
{
    if (known->listed == NULL) {
        WEIR_TRY(weir_broker_list_topics(broker, add_listed, known, err));
    }
    for (size_t i = 0; i < known->listed_count; i++) {
        if (weir_plan_takes(known->application_id, pattern, known->listed[i])) {
            add_query(known, known->listed[i]);
        }
    }
    return WEIR_OK;
}

static weir_status ask_topics(weir_broker *broker, const weir_topology *topology,
                              known_topics *known, weir_error *err)
{
    for (size_t i = 0; i < topology->node_count; i++) {
        const weir_node *node = &topology->nodes[i];
        if (node->pattern != NULL) {
            WEIR_TRY(find_matches(broker, node->pattern, known, err));
        }
        for (char **topic = node->topics; node->repartition < 0 && *topic != NULL; topic++) {
            add_query(known, *topic);
        }
    }
    for (size_t i = 0; i < topology->store_count; i++) {
        const weir_store_options *store = &topology->stores[i].options;
        if (!store->logging_disabled && store->changelog_topic != NULL) {
            add_query(known, store->changelog_topic);
        }
    }
    return weir_broker_describe_topics(broker, known->queries, known->count, err);
}

static weir_status count_partitions(void *user, const char *topic, int32_t *out_count,
                                    weir_error *err)
{
    (void)err; /* Not to find one is an answer. */
    const known_topics *known = user;
    size_t at = 0;
    while (at < known->count && strcmp(known->queries[at].topic, topic) != 0) {
        at++;
    }
    WEIR_ASSERT(at < known->count);
    *out_count = known->queries[at].config.partition_count;
    return known->queries[at].status;
}

weir_status weir_internal_topics_plan(weir_broker *broker, const weir_topology *topology,
                                      const weir_config *config, weir_plan **out_plan,
                                      weir_error *err)
{
    WEIR_AUTO(known_topics) known = {.application_id = config->application_id};
    WEIR_TRY(ask_topics(broker, topology, &known, err));
    const weir_plan_options options = {
        .application_id = config->application_id,
        .partition_count = count_partitions,
        .user = &known,
        .topics = known.listed,
        .topic_count = known.listed_count,
    };
    return weir_plan_new(topology, &options, out_plan, err);
}

static int16_t replication(const weir_config *config)
{
    return config->replication_factor > 0 ? (int16_t)config->replication_factor : 0;
}

static weir_topic_config internal_topic(const weir_planned_topic *planned,
                                        const weir_config *config)
{
    weir_topic_config topic = {
        .name = planned->name,
        .partition_count = planned->partition_count,
        .replication_factor = replication(config),
        .cleanup_policy = WEIR_CLEANUP_COMPACT,
    };
    if (planned->kind == WEIR_TOPIC_REPARTITION) {
        topic.cleanup_policy = WEIR_CLEANUP_DELETE;
        topic.retention_ms = -1;
        topic.retention_bytes = -1;
        topic.segment_bytes = REPARTITION_SEGMENT_BYTES;
    }
    if (planned->retention_ms > 0) {
        topic.cleanup_policy |= WEIR_CLEANUP_DELETE;
        if (__builtin_add_overflow(planned->retention_ms, config->window_changelog_retention_ms,
                                   &topic.retention_ms)) {
            topic.retention_ms = INT64_MAX; /* Windows without an end. */
        }
        topic.retention_bytes = -1;
    }
    if (planned->history_ms > 0) { /* Its versions are there as long as anybody may ask for them. */
        topic.min_compaction_lag_ms = planned->history_ms + DAY_MS;
    }
    for (size_t i = 0; i < config->topic_override_count; i++) {
        apply_override(&topic, &config->topic_overrides[i]);
    }
    if (planned->settings != NULL) {
        weir_topic_settings_copy(&topic, planned->settings);
    }
    return topic;
}

static weir_status check_dead_letter_topic(weir_broker *broker, const weir_config *config,
                                           weir_error *err)
{
    if (config->dead_letter_topic == NULL) {
        return WEIR_OK;
    }
    weir_topic_config topic = {0};
    weir_status status = weir_broker_describe_topic(broker, config->dead_letter_topic, &topic, err);
    if (status == WEIR_NOT_FOUND) {
        return weir_error_set(err, WEIR_INVALID,
                              "errors.dead.letter.queue.topic.name: topic '%s' does not exist: "
                              "create it",
                              config->dead_letter_topic);
    }
    return status;
}

weir_status weir_internal_topics_create(weir_broker *broker, const weir_plan *plan,
                                        const weir_config *config, weir_error *err)
{
    WEIR_TRY(check_dead_letter_topic(broker, config, err));
    WEIR_AUTO_FREE weir_topic_config *topics =
        weir_alloc_array(plan->topic_count + 2, sizeof(*topics));
    for (size_t i = 0; i < plan->topic_count; i++) {
        topics[i] = internal_topic(&plan->topics[i], config);
    }
    topics[plan->topic_count] = (weir_topic_config){
        .name = plan->task_topic,
        .partition_count = (int32_t)plan->task_count,
        .replication_factor = replication(config),
        .cleanup_policy = WEIR_CLEANUP_DELETE,
    };
    topics[plan->topic_count + 1] = (weir_topic_config){
        .name = plan->members_topic,
        .partition_count = 1,
        .replication_factor = replication(config),
        .cleanup_policy = WEIR_CLEANUP_COMPACT | WEIR_CLEANUP_DELETE,
        .retention_ms = MEMBERS_RETENTION_MS,
        .retention_bytes = -1,
        .segment_ms = MEMBERS_SEGMENT_MS,
    };
    weir_status status = weir_broker_create_topics(broker, topics, plan->topic_count + 2, err);
    if (status == WEIR_INVALID) {
        return weir_error_wrap(err, status,
                               "internal topic (where the inputs have other partitions now, reset "
                               "the application)");
    }
    return status == WEIR_OK ? WEIR_OK : weir_error_wrap(err, status, "internal topic");
}

/* What is lost with a topic, and what to do. */
typedef struct expected_topic {
    const char *name;
    int32_t partition_count;
    const char *cure; /* Of its deletion. */
} expected_topic;

static const char SOURCE_CURE[] = "make it again and reset the group's offsets, or read another";
static const char REPARTITION_CURE[] = "records on their way are lost: reset the application";
static const char CHANGELOG_CURE[] =
    "it was the copy of the state. Bring it back, or reset the application to count anew";
static const char TASK_CURE[] = "start the application again: it makes the topic";

static weir_status check_topic(const expected_topic *expected, const weir_topic_query *found,
                               weir_error *err)
{
    if (found->status == WEIR_NOT_FOUND) {
        return weir_error_set(err, WEIR_INVALID, "topic %s was deleted while it was in use: %s",
                              expected->name, expected->cure);
    }
    if (found->config.partition_count != expected->partition_count) {
        return weir_error_set(err, WEIR_INVALID,
                              "topic %s has %" PRId32 " partitions now, and had %" PRId32
                              " at the start: keys lie elsewhere. Reset the application, or go on "
                              "with a topic of %" PRId32 " partitions",
                              expected->name, found->config.partition_count,
                              expected->partition_count, expected->partition_count);
    }
    return WEIR_OK;
}

/* Sources, then internal topics, then the task topic; there is room for all. */
static size_t list_expected(const weir_plan *plan, expected_topic *expected)
{
    size_t count = 0;
    for (size_t i = 0; i < plan->input_count; i++) {
        const weir_planned_input *input = &plan->inputs[i];
        if (plan->topology->nodes[input->source].repartition < 0) {
            expected[count++] = (expected_topic){input->topic, input->partition_count, SOURCE_CURE};
        }
    }
    for (size_t i = 0; i < plan->topic_count; i++) {
        const weir_planned_topic *planned = &plan->topics[i];
        expected[count++] = (expected_topic){
            planned->name, planned->partition_count,
            planned->kind == WEIR_TOPIC_CHANGELOG ? CHANGELOG_CURE : REPARTITION_CURE};
    }
    expected[count++] = (expected_topic){plan->task_topic, (int32_t)plan->task_count, TASK_CURE};
    return count;
}

weir_status weir_internal_topics_check(weir_broker *broker, const weir_plan *plan, weir_error *err)
{
    size_t count_max = plan->input_count + plan->topic_count + 1;
    WEIR_AUTO_FREE expected_topic *expected = weir_alloc_array(count_max, sizeof(*expected));
    WEIR_AUTO_FREE weir_topic_query *queries = weir_alloc_array(count_max, sizeof(*queries));
    size_t count = list_expected(plan, expected);
    for (size_t i = 0; i < count; i++) {
        queries[i].topic = expected[i].name;
    }
    WEIR_TRY(weir_broker_describe_topics(broker, queries, count, err));
    for (size_t i = 0; i < count; i++) {
        WEIR_TRY(check_topic(&expected[i], &queries[i], err));
    }
    return WEIR_OK;
}

typedef struct new_topics {
    const weir_plan *plan;
    weir_buf *names;
} new_topics;

static bool is_input(const weir_plan *plan, const char *topic)
{
    for (size_t i = 0; i < plan->input_count; i++) {
        if (strcmp(plan->inputs[i].topic, topic) == 0) {
            return true;
        }
    }
    return false;
}

static weir_status note_if_new(void *user, const weir_topic_config *topic, weir_error *err)
{
    const new_topics *found = user;
    const weir_topology *topology = found->plan->topology;
    (void)err;
    for (size_t i = 0; i < topology->node_count; i++) {
        const weir_topic_pattern *pattern = topology->nodes[i].pattern;
        if (pattern != NULL && weir_plan_takes(found->plan->application_id, pattern, topic->name) &&
            !is_input(found->plan, topic->name)) {
            weir_buf_append_format(found->names, "%s%s", found->names->size == 0 ? "" : ", ",
                                   topic->name);
            return WEIR_OK;
        }
    }
    return WEIR_OK;
}

static bool has_pattern(const weir_topology *topology)
{
    for (size_t i = 0; i < topology->node_count; i++) {
        if (topology->nodes[i].pattern != NULL) {
            return true;
        }
    }
    return false;
}

weir_status weir_internal_topics_find_new(weir_broker *broker, const weir_plan *plan,
                                          weir_buf *out_names, weir_error *err)
{
    new_topics found = {plan, out_names};
    return has_pattern(plan->topology) ? weir_broker_list_topics(broker, note_if_new, &found, err)
                                       : WEIR_OK;
}
