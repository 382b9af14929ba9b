/* SPDX-License-Identifier: Apache-2.0
 *
 * global_stores.h - a worker's copies of the tables that every task may read (Kafka Streams' global
 * stores): all partitions of their topics, read from the beginning, then followed.
 *
 * Ownership  Plan and broker are borrowed and outlive the stores.
 * Errors     base/status.h; after WEIR_IO the next poll goes on.
 * Threads    The worker's.
 */
#ifndef WEIR_STREAMS_GLOBAL_STORES_H
#define WEIR_STREAMS_GLOBAL_STORES_H

#include "statestore/kv_store.h"
#include "streams/broker.h"
#include "streams/topology_plan.h"

/* A table of which every worker has a copy in memory, of all partitions of topic: it is read from
 * the beginning before the first task runs, and then followed (Kafka Streams' global stores).
 * Processors of any sub-topology read it with weir_context_global_store. */
typedef struct weir_global_store_options {
    const char *store;
    const char *topic;
    const char *source; /* Names of its two nodes, which belong to no task. */
    const char *processor;
} weir_global_store_options;
void weir_topology_add_global_store(weir_topology *topology,
                                    const weir_global_store_options *options);

typedef struct weir_global_stores weir_global_stores;

/* Empty stores for all that the plan's topology has, which may be none. */
weir_status weir_global_stores_new(weir_broker *broker, const weir_plan *plan,
                                   const char *client_id, weir_global_stores **out_stores,
                                   weir_error *err);
void weir_global_stores_free(weir_global_stores *stores); /* NULL is fine. */

/* Takes in what has come, a bounded part of it; *busy is set where something has. */
weir_status weir_global_stores_poll(weir_global_stores *stores, bool *busy, weir_error *err);

/* Whether everything has been read that the topics held when they were first read; and whether
 * everything is read that they hold now, as far as is known. */
bool weir_global_stores_are_complete(const weir_global_stores *stores);
bool weir_global_stores_are_level(const weir_global_stores *stores);

/* The rows of the store called name, as weir_timestamped; NULL: there is none. */
weir_kv *weir_global_stores_named(const weir_global_stores *stores, const char *name);

/* For poll(2), as weir_consumer_fd; -1: there is nothing to wait for. */
int weir_global_stores_fd(const weir_global_stores *stores);

#endif
