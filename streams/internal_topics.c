/* SPDX-License-Identifier: Apache-2.0
 *
 * internal_topics.c - "topic.*" settings by name, over the defaults of Kafka Streams' classes
 * RepartitionTopicConfig and UnwindowedUnversionedChangelogTopicConfig.
 */
#include "streams/internal_topics.h"

#include "streams/topic_settings.h"
#include "streams/topology_internal.h"

#include <inttypes.h>
#include <string.h>

enum { REPARTITION_SEGMENT_BYTES = 52428800, DAY_MS = 24 * 3600 * 1000 };

static void apply_override(weir_topic_config *topic, const weir_topic_override *override)
{
    size_t setting = weir_topic_setting_find(override->name);
    WEIR_ASSERT(setting < WEIR_TOPIC_SETTINGS); /* The configuration takes no other. */
    weir_topic_setting_set(topic, setting, override->value);
}

static weir_status count_partitions(void *user, const char *topic, int32_t *out_count,
                                    weir_error *err)
{
    weir_topic_config config = {0};
    WEIR_TRY(weir_broker_describe_topic(user, topic, &config, err));
    *out_count = config.partition_count;
    return WEIR_OK;
}

weir_status weir_internal_topics_plan(weir_broker *broker, const weir_topology *topology,
                                      const weir_config *config, weir_plan **out_plan,
                                      weir_error *err)
{
    const weir_plan_options options = {
        .application_id = config->application_id,
        .partition_count = count_partitions,
        .user = broker,
    };
    return weir_plan_new(topology, &options, out_plan, err);
}

static int16_t replication(const weir_config *config)
{
    return config->replication_factor > 0 ? (int16_t)config->replication_factor : 0;
}

/* Says of a topic that exists otherwise what can be done about it. */
static weir_status advise(weir_status status, const char *kind, weir_error *err)
{
    if (status == WEIR_INVALID) {
        return weir_error_wrap(err, status,
                               "%s (where the inputs have other partitions now, reset the "
                               "application)",
                               kind);
    }
    return status == WEIR_OK ? WEIR_OK : weir_error_wrap(err, status, "%s", kind);
}

static weir_status create(weir_broker *broker, const weir_planned_topic *planned,
                          const weir_config *config, weir_error *err)
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
        topic.retention_ms = planned->retention_ms + config->window_changelog_retention_ms;
        topic.retention_bytes = -1;
    }
    if (planned->history_ms > 0) { /* Its versions are there as long as anybody may ask for them. */
        topic.min_compaction_lag_ms = planned->history_ms + DAY_MS;
    }
    for (size_t i = 0; i < config->topic_override_count; i++) {
        apply_override(&topic, &config->topic_overrides[i]);
    }
    return advise(weir_broker_create_topic(broker, &topic, err), "internal topic", err);
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
    for (size_t i = 0; i < plan->topic_count; i++) {
        WEIR_TRY(create(broker, &plan->topics[i], config, err));
    }
    const weir_topic_config task_topic = {
        .name = plan->task_topic,
        .partition_count = (int32_t)plan->task_count,
        .replication_factor = replication(config),
        .cleanup_policy = WEIR_CLEANUP_DELETE,
    };
    return advise(weir_broker_create_topic(broker, &task_topic, err), "task topic", err);
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

static weir_status check_topic(weir_broker *broker, const expected_topic *expected, weir_error *err)
{
    weir_topic_config topic = {0};
    weir_status status = weir_broker_describe_topic(broker, expected->name, &topic, err);
    if (status == WEIR_NOT_FOUND) {
        return weir_error_set(err, WEIR_INVALID, "topic %s was deleted while it was in use: %s",
                              expected->name, expected->cure);
    }
    WEIR_TRY(status);
    if (topic.partition_count != expected->partition_count) {
        return weir_error_set(err, WEIR_INVALID,
                              "topic %s has %" PRId32 " partitions now, and had %" PRId32
                              " at the start: keys lie elsewhere. Reset the application, or go on "
                              "with a topic of %" PRId32 " partitions",
                              expected->name, topic.partition_count, expected->partition_count,
                              expected->partition_count);
    }
    return WEIR_OK;
}

static bool is_internal(const weir_plan *plan, const char *name)
{
    for (size_t i = 0; i < plan->topic_count; i++) {
        if (strcmp(plan->topics[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static weir_status check_sources(weir_broker *broker, const weir_plan *plan, weir_error *err)
{
    for (size_t i = 0; i < plan->topology->node_count; i++) {
        const expected_topic source = {plan->node_topics[i], plan->source_partition_counts[i],
                                       SOURCE_CURE};
        if (plan->topology->nodes[i].kind == WEIR_NODE_SOURCE && !is_internal(plan, source.name)) {
            WEIR_TRY(check_topic(broker, &source, err));
        }
    }
    return WEIR_OK;
}

weir_status weir_internal_topics_check(weir_broker *broker, const weir_plan *plan, weir_error *err)
{
    WEIR_TRY(check_sources(broker, plan, err));
    for (size_t i = 0; i < plan->topic_count; i++) {
        const weir_planned_topic *planned = &plan->topics[i];
        const expected_topic internal = {planned->name, planned->partition_count,
                                         planned->kind == WEIR_TOPIC_CHANGELOG ? CHANGELOG_CURE
                                                                               : REPARTITION_CURE};
        WEIR_TRY(check_topic(broker, &internal, err));
    }
    const expected_topic tasks = {plan->task_topic, (int32_t)plan->task_count, TASK_CURE};
    return check_topic(broker, &tasks, err);
}
