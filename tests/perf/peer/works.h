/* SPDX-License-Identifier: Apache-2.0
 *
 * works.h - the topologies that are measured, on weir's processor API; Works.java has the same on
 * Kafka Streams' DSL.
 */
#ifndef WEIR_TESTS_PERF_PEER_WORKS_H
#define WEIR_TESTS_PERF_PEER_WORKS_H

#include "streams/topology.h"

enum { WORK_WINDOW_MS = 60000 };

/* What a topology reads and writes. The strings outlive it. */
typedef struct work_topics {
    const char *input;
    const char *table; /* Of "join" only. */
    const char *output;
    bool cached; /* Stores hold writes back, as Kafka Streams does by default. */
} work_topics;

/* The built topology called name: "pass", "count", "window", "join" or "heavy" (of which Works.java
 * has none); NULL: there is none. Calls first(user) at the first record of each task. */
weir_topology *work_topology_new(const char *name, const work_topics *topics,
                                 void (*first)(void *user), void *user);

#endif
