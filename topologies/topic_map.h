/* SPDX-License-Identifier: Apache-2.0
 *
 * topic_map.h - the topics that the stages share: names, keys, kinds, retention. The only place
 * where their names are written.
 *
 * Threads    Any: constants.
 */
#ifndef WEIR_TOPOLOGIES_TOPIC_MAP_H
#define WEIR_TOPOLOGIES_TOPIC_MAP_H

#include "streams/broker.h"

typedef enum weir_topic_id {
    WEIR_TOPIC_FETCH_TASKS,
    WEIR_TOPIC_RENDER_TASKS,
    WEIR_TOPIC_RAW_FETCH,
    WEIR_TOPIC_RENDERED_PAGE,
    WEIR_TOPIC_PAGE,
    WEIR_TOPIC_PAGE_SCORED,
    WEIR_TOPIC_TEXT_DECISION,
    WEIR_TOPIC_IMAGE_DECISION,
    WEIR_TOPIC_URL_LATEST,
    WEIR_TOPIC_CONTENT_CLUSTER,
    WEIR_TOPIC_DATASET_MEMBERSHIP,
    WEIR_TOPIC_DLQ_FETCH,
    WEIR_TOPIC_DLQ_RENDER,
    WEIR_TOPIC_DLQ_EXTRACT,
    WEIR_TOPIC_DLQ_QUALITY,
    WEIR_TOPIC_DLQ_DEDUP,
    WEIR_TOPIC_COUNT,
} weir_topic_id;

typedef enum weir_topic_kind {
    WEIR_TOPIC_KIND_TASKS,
    WEIR_TOPIC_KIND_EVENTS,
    WEIR_TOPIC_KIND_TABLE,
    WEIR_TOPIC_KIND_DEAD_LETTERS,
} weir_topic_kind;

typedef struct weir_topic_entry {
    const char *name;
    const char *key; /* What the key is, in words. */
    weir_topic_kind kind;
} weir_topic_entry;

/* How large the topics are made. */
typedef struct weir_topic_profile {
    const char *name; /* local, A or B. */
    int16_t replication_factor;
    int16_t min_insync_replicas;
    int32_t task_partitions;
    int32_t event_partitions; /* Dead letters too. */
    int32_t table_partitions;
    int64_t task_retention_ms;
    int64_t event_retention_ms;
    int64_t table_segment_ms; /* After that long rows are compacted; 0: the broker's default. */
} weir_topic_profile;

/* The row of a topic, and its name; both static. */
const weir_topic_entry *weir_topic(weir_topic_id id);
const char *weir_topic_name(weir_topic_id id);

/* The profile called name; NULL if there is none. */
const weir_topic_profile *weir_topic_profile_of(const char *name);

/* The configuration of a topic under a profile. */
weir_topic_config weir_topic_config_of(weir_topic_id id, const weir_topic_profile *profile);

/* Creates every topic of the map; those that exist as they should are left alone. WEIR_INVALID
 * names a topic that exists otherwise. */
weir_status weir_topic_map_create(weir_broker *broker, const weir_topic_profile *profile,
                                  weir_error *err);

/* Checks that every topic of the map is there with the partitions and the clean-up policy of the
 * profile. WEIR_INVALID says of the first that is not what to do. */
weir_status weir_topic_map_check(weir_broker *broker, const weir_topic_profile *profile,
                                 weir_error *err);

typedef enum weir_topic_difference_kind {
    WEIR_TOPIC_MISSING,
    WEIR_TOPIC_EXTRA, /* Named like one of the map, which has no such topic. */
    WEIR_TOPIC_OTHER, /* A setting has another value. */
} weir_topic_difference_kind;

typedef struct weir_topic_difference {
    weir_topic_difference_kind kind;
    const char *topic;
    const char *setting; /* Of WEIR_TOPIC_OTHER, with both values as text. */
    const char *wanted;
    const char *found;
} weir_topic_difference;

/* Compares the topics of broker with the map under profile: partitions, clean-up, retention,
 * replication, min ISR. Calls visit for each difference, whose texts are borrowed for the call, and
 * changes nothing. */
weir_status weir_topic_map_compare(weir_broker *broker, const weir_topic_profile *profile,
                                   void (*visit)(void *user,
                                                 const weir_topic_difference *difference),
                                   void *user, weir_error *err);

#endif
