/* SPDX-License-Identifier: Apache-2.0
 *
 * count_topology.h - the topology that the runtime's tests and benchmarks run: it counts records by
 * key, and forwards each new count.
 *
 *   "in" ─▶ pass ─▶ count (store "counts") ─▶ "out"
 *
 * Values of "in": "bad" is refused by pass (BAD_RECORD) before anything happened; "late" by count
 * after its put. Counts are 8 bytes, big-endian.
 */
#ifndef WEIR_TESTS_HARNESS_COUNT_TOPOLOGY_H
#define WEIR_TESTS_HARNESS_COUNT_TOPOLOGY_H

#include "streams/broker.h"
#include "streams/topology.h"

typedef struct count_topology_options {
    weir_store_engine engine;
    bool without_sink;
    bool caching_enabled; /* Counts are forwarded when the store lets go of them. */
    const char *pattern;  /* Of the topics that it reads; NULL: there is one, */
    const char *input;    /* this (NULL: "in"), and that (NULL: "out") is written. */
    const char *output;
} count_topology_options;

/* A built topology; the options may be all-zero. */
weir_topology *count_topology_new(const count_topology_options *options);

/* Creates "in" and "out" with so many partitions. */
void count_topology_topics(weir_broker *broker, int32_t partition_count);

/* Sends count records with keys "k<first>" … to "in", partitioned by key. */
void count_topology_feed(weir_broker *broker, size_t first, size_t count);
/* The same, to another topic. */
void count_topology_feed_topic(weir_broker *broker, const char *topic, size_t first, size_t count);
/* Sends one record. */
void count_topology_feed_one(weir_broker *broker, const char *key, const char *value);

/* The last value of key in a topic's committed records as a count; -1: there is none. */
int64_t count_topology_last(weir_broker *broker, const char *topic, const char *key);
/* Shows each committed record of a topic. */
typedef void (*count_topology_see)(void *user, const weir_record *record);
void count_topology_visit(weir_broker *broker, const char *topic, count_topology_see visit,
                          void *user);
/* Committed records of a topic. */
size_t count_topology_records(weir_broker *broker, const char *topic);

#endif
