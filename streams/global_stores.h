/* SPDX-License-Identifier: Apache-2.0
 *
 * global_stores.h - a worker's copies of the tables that every task may read (Kafka Streams' global
 * stores): all partitions of their topics, read from the beginning, then followed.
 *
 * Ownership  The environment is borrowed and outlives the stores.
 * Errors     base/status.h; after WEIR_IO the next poll goes on with the record that it came with.
 * Threads    The worker's.
 */
#ifndef WEIR_STREAMS_GLOBAL_STORES_H
#define WEIR_STREAMS_GLOBAL_STORES_H

#include "statestore/kv_store.h"
#include "streams/task.h"

typedef struct weir_global_stores weir_global_stores;

/* Empty stores for all that the plan's topology has, which may be none. */
weir_status weir_global_stores_new(weir_task_environment *environment, const char *client_id,
                                   weir_global_stores **out_stores, weir_error *err);
void weir_global_stores_free(weir_global_stores *stores); /* NULL is fine. */

/* Takes in what has come, a bounded part of it; *busy is set where something has. */
weir_status weir_global_stores_poll(weir_global_stores *stores, bool *busy, weir_error *err);

/* Whether everything has been read that the topics held when they were first read; and whether
 * everything is read that they hold now, as far as is known. */
bool weir_global_stores_are_complete(const weir_global_stores *stores);
bool weir_global_stores_are_level(const weir_global_stores *stores);

/* The rows of the store called name, as weir_timestamped unless a filler of the user's puts them;
 * NULL: there is none. */
weir_kv *weir_global_stores_named(const weir_global_stores *stores, const char *name);

/* For poll(2), as weir_consumer_fd; -1: there is nothing to wait for. */
int weir_global_stores_fd(const weir_global_stores *stores);

#endif
