/* SPDX-License-Identifier: Apache-2.0
 *
 * broker_topics.h - the topics of a broker (broker.h).
 *
 * Ownership  Arguments are borrowed for the call.
 * Errors     base/status.h. WEIR_IO where the broker cannot be reached or its disk fails.
 * Threads    Any number.
 */
#ifndef WEIR_STREAMS_BROKER_TOPICS_H
#define WEIR_STREAMS_BROKER_TOPICS_H

#include "streams/base/status.h"

#include <stddef.h>
#include <stdint.h>

typedef struct weir_broker weir_broker;

enum { WEIR_CLEANUP_DELETE = 1, WEIR_CLEANUP_COMPACT = 2 }; /* Bits of cleanup_policy. */

/* Zero in a member means the broker's default; -1 in a retention means without limit. */
typedef struct weir_topic_config {
    const char *name;
    int32_t partition_count;
    int16_t replication_factor;
    int16_t min_insync_replicas;
    uint32_t cleanup_policy;
    int64_t retention_ms;
    int64_t retention_bytes; /* A partition. */
    int64_t segment_bytes;
    int64_t segment_ms;
    int64_t min_compaction_lag_ms;
    int64_t delete_retention_ms; /* How long compaction keeps a tombstone. */
} weir_topic_config;

enum { WEIR_TOPIC_PARTITIONS_MAX = 10000 };

/* A question about a topic, and its answer. An answer takes a round trip or two, however many
 * topics: ask about all at once. */
typedef struct weir_topic_query {
    const char *topic;
    weir_status status;       /* Out: WEIR_OK; WEIR_NOT_FOUND: there is no such topic. */
    weir_topic_config config; /* Out. Its name is borrowed until the broker is freed. */
} weir_topic_query;

/* Creates topics of different names. OK as well where one exists with the same partition count and
 * clean-up policy; WEIR_INVALID, with both values in the message, where it exists otherwise. After
 * an error some may have been created. */
weir_status weir_broker_create_topics(weir_broker *broker, const weir_topic_config *configs,
                                      size_t count, weir_error *err);

/* One alone. */
weir_status weir_broker_create_topic(weir_broker *broker, const weir_topic_config *config,
                                     weir_error *err);

/* Answers all queries, or fails as a whole: WEIR_OK says that each has its status. Defaults are
 * filled in. */
weir_status weir_broker_describe_topics(weir_broker *broker, weir_topic_query *queries,
                                        size_t count, weir_error *err);

/* One alone; its status is returned. */
weir_status weir_broker_describe_topic(weir_broker *broker, const char *topic,
                                       weir_topic_config *out_config, weir_error *err);

/* Calls visit for each topic in the order of names; a status other than OK ends the walk. */
weir_status weir_broker_list_topics(weir_broker *broker,
                                    weir_status (*visit)(void *user, const weir_topic_config *topic,
                                                         weir_error *err),
                                    void *user, weir_error *err);

/* Removes the topic and its records; WEIR_NOT_FOUND where there is none. */
weir_status weir_broker_delete_topic(weir_broker *broker, const char *topic, weir_error *err);

#endif
