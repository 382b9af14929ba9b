/* SPDX-License-Identifier: Apache-2.0
 *
 * kafka_metadata.h - what a cluster says of its topics (kafka_*.c alone).
 *
 * Each broker answers what it has heard so far. A topic that another one knew a moment ago is
 * asked for again before it counts as missing.
 *
 * Errors     WEIR_NOT_FOUND: no such topic; else what librdkafka says of the request.
 * Threads    All are safe to call from any thread.
 */
#ifndef WEIR_CONNECTORS_KAFKA_METADATA_H
#define WEIR_CONNECTORS_KAFKA_METADATA_H

#include "connectors/kafka_internal.h"

/* Notes that the cluster has said of a topic that it exists, or that it is gone. */
void weir_kafka_saw_topic(weir_kafka *kafka, const char *name, bool exists);

/* Whether a broker that does not know the topic may not have heard of it yet, for another one knew
 * it a moment ago: true after a short wait, to ask again. Not for ever: asked_since_ns is when the
 * caller began to ask (weir_clock_monotonic_ns). */
bool weir_kafka_wait_for_late(weir_kafka *kafka, const char *name, uint64_t asked_since_ns);
void weir_kafka_topics_free(weir_kafka *kafka);

/* A topic as a broker sees it now. */
typedef struct weir_kafka_sight {
    const char *topic; /* In. */
    rd_kafka_resp_err_t code;
    int32_t partition_count;
    int16_t replication_factor;
    bool has_leaders; /* Each partition has one. */
} weir_kafka_sight;

/* Looks at all of them in one request, which may take timeout_ms. An error is that of the
 * request. */
rd_kafka_resp_err_t weir_kafka_look(rd_kafka_t *handle, weir_kafka_sight *sights, size_t count,
                                    int timeout_ms);

/* How many partitions a topic has, by asking the cluster: from then on handle knows their
 * leaders. */
weir_status weir_kafka_look_up(weir_kafka *kafka, rd_kafka_t *handle, const char *name,
                               int32_t *out_count, weir_error *err);

/* The same by the handle for administration. */
weir_status weir_kafka_partition_count(weir_kafka *kafka, const char *topic, int32_t *out_count,
                                       weir_error *err);

/* Waits until a broker says that all topics are there with their leaders, or (exist is false) that
 * all are gone; sights is overwritten. WEIR_IO: half a minute was not enough. */
weir_status weir_kafka_wait_for_topics(weir_kafka *kafka, weir_kafka_sight *sights, size_t count,
                                       bool exist, weir_error *err);

#endif
