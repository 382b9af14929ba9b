/* SPDX-License-Identifier: Apache-2.0
 *
 * topic_map.c - the table of topics and the three sizes in which they are made.
 *
 * Keys are UTF-8 text, so that any Kafka tool can read them.
 */
#include "topologies/topic_map.h"

#include <string.h>

#define HOURS_MS(hours) ((int64_t)(hours)*60 * 60 * 1000)
#define DAYS_MS(days) HOURS_MS((days)*24)

enum { DEAD_LETTER_DAYS = 30 };

static const weir_topic_entry topics[WEIR_TOPIC_COUNT] = {
    [WEIR_TOPIC_FETCH_TASKS] = {"crawl.fetch.tasks.v1", "host_id", WEIR_TOPIC_KIND_TASKS},
    [WEIR_TOPIC_RENDER_TASKS] = {"crawl.render.tasks.v1", "host_id", WEIR_TOPIC_KIND_TASKS},
    [WEIR_TOPIC_RAW_FETCH] = {"crawl.raw_fetch.v1", "url_hash", WEIR_TOPIC_KIND_EVENTS},
    [WEIR_TOPIC_RENDERED_PAGE] = {"crawl.rendered_page.v1", "url_hash", WEIR_TOPIC_KIND_EVENTS},
    [WEIR_TOPIC_PAGE] = {"extract.page.v1", "url_hash", WEIR_TOPIC_KIND_EVENTS},
    [WEIR_TOPIC_PAGE_SCORED] = {"quality.page_scored.v1", "url_hash", WEIR_TOPIC_KIND_EVENTS},
    [WEIR_TOPIC_TEXT_DECISION] = {"dedup.text_decision.v1", "content_hash", WEIR_TOPIC_KIND_EVENTS},
    [WEIR_TOPIC_IMAGE_DECISION] = {"dedup.image_decision.v1", "image_hash", WEIR_TOPIC_KIND_EVENTS},
    [WEIR_TOPIC_URL_LATEST] = {"index.url_latest.v1", "url_hash", WEIR_TOPIC_KIND_TABLE},
    [WEIR_TOPIC_CONTENT_CLUSTER] = {"index.content_cluster.v1", "content_hash",
                                    WEIR_TOPIC_KIND_TABLE},
    [WEIR_TOPIC_DATASET_MEMBERSHIP] = {"index.dataset_membership.v1", "dataset_id/url_hash",
                                       WEIR_TOPIC_KIND_TABLE},
    [WEIR_TOPIC_DLQ_FETCH] = {"dlq.fetch.v1", "the source's", WEIR_TOPIC_KIND_DEAD_LETTERS},
    [WEIR_TOPIC_DLQ_RENDER] = {"dlq.render.v1", "the source's", WEIR_TOPIC_KIND_DEAD_LETTERS},
    [WEIR_TOPIC_DLQ_EXTRACT] = {"dlq.extract.v1", "the source's", WEIR_TOPIC_KIND_DEAD_LETTERS},
    [WEIR_TOPIC_DLQ_QUALITY] = {"dlq.quality.v1", "the source's", WEIR_TOPIC_KIND_DEAD_LETTERS},
    [WEIR_TOPIC_DLQ_DEDUP] = {"dlq.dedup.v1", "the source's", WEIR_TOPIC_KIND_DEAD_LETTERS},
};

static const weir_topic_profile profiles[] = {
    {"local", 1, 1, 4, 4, 4, HOURS_MS(24), DAYS_MS(7), 0},
    {"A", 3, 2, 48, 96, 24, HOURS_MS(24), DAYS_MS(7), 0},
    {"B", 3, 2, 192, 384, 192, HOURS_MS(12), DAYS_MS(3), HOURS_MS(6)},
};

const weir_topic_entry *weir_topic(weir_topic_id id)
{
    WEIR_ASSERT(id < WEIR_TOPIC_COUNT);

    return &topics[id];
}

const char *weir_topic_name(weir_topic_id id)
{
    return weir_topic(id)->name;
}

const weir_topic_profile *weir_topic_profile_of(const char *name)
{
    for (size_t i = 0; i < WEIR_COUNT_OF(profiles); i++) {
        if (strcmp(profiles[i].name, name) == 0) {
            return &profiles[i];
        }
    }
    return NULL;
}

weir_topic_config weir_topic_config_of(weir_topic_id id, const weir_topic_profile *profile)
{
    const weir_topic_entry *entry = weir_topic(id);
    weir_topic_config config = {
        .name = entry->name,
        .replication_factor = profile->replication_factor,
        .min_insync_replicas = profile->min_insync_replicas,
        .cleanup_policy = WEIR_CLEANUP_DELETE,
    };
    switch (entry->kind) {
    case WEIR_TOPIC_KIND_TASKS:
        config.partition_count = profile->task_partitions;
        config.retention_ms = profile->task_retention_ms;
        break;
    case WEIR_TOPIC_KIND_EVENTS:
        config.partition_count = profile->event_partitions;
        config.retention_ms = profile->event_retention_ms;
        break;
    case WEIR_TOPIC_KIND_TABLE:
        config.partition_count = profile->table_partitions;
        config.cleanup_policy = WEIR_CLEANUP_COMPACT;
        config.retention_ms = -1;
        config.segment_ms = profile->table_segment_ms;
        break;
    case WEIR_TOPIC_KIND_DEAD_LETTERS:
        config.partition_count = profile->event_partitions;
        config.retention_ms = DAYS_MS(DEAD_LETTER_DAYS);
        break;
    }
    return config;
}

weir_status weir_topic_map_create(weir_broker *broker, const weir_topic_profile *profile,
                                  weir_error *err)
{
    WEIR_ASSERT(profile != NULL);

    weir_topic_config configs[WEIR_TOPIC_COUNT];
    for (weir_topic_id id = 0; id < WEIR_TOPIC_COUNT; id++) {
        configs[id] = weir_topic_config_of(id, profile);
    }
    weir_status status = weir_broker_create_topics(broker, configs, WEIR_TOPIC_COUNT, err);
    return status == WEIR_INVALID
               ? weir_error_wrap(err, status,
                                 "profile %s (weir topics plan prints all differences)",
                                 profile->name)
               : status;
}
