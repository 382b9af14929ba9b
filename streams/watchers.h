/* SPDX-License-Identifier: Apache-2.0
 *
 * watchers.h - what a worker gathers for those who subscribe to changes of stores
 * (subscription.h), until it is committed.
 *
 * Nobody subscribes: environment->watchers is NULL.
 *
 * Threads    The worker's.
 */
#ifndef WEIR_STREAMS_WATCHERS_H
#define WEIR_STREAMS_WATCHERS_H

#include "streams/subscription_internal.h"
#include "streams/task_internal.h"

typedef struct weir_watcher weir_watcher;

/* Begins to gather, and tells of the partitions that tasks run. The worker holds the subscription
 * already. The second ends that and releases it, if it is there; the third does so for all. */
void weir_watchers_add(weir_task_environment *environment, weir_subscription *subscription,
                       weir_task *const *tasks, size_t task_count);
void weir_watchers_remove(weir_task_environment *environment,
                          const weir_subscription *subscription);
void weir_watchers_free(weir_task_environment *environment);

/* stores.c: what a row, and null for a removal, is to others: its key, its value and, where it says
 * one, its time; the rest of the record stays. */
weir_status weir_task_store_record(const weir_task_store *store, weir_bytes key, weir_bytes value,
                                   weir_record *out_record, weir_error *err);

/* A row is about to be put, or removed where value is null. old: what it was; NULL: look it up if
 * somebody asks. */
weir_status weir_watchers_gather(weir_task_store *store, weir_bytes key, weir_bytes value,
                                 const weir_bytes *old, weir_error *err);

/* The same, for every write: it costs a comparison where nobody subscribes. */
static inline weir_status weir_watchers_note(weir_task_store *store, weir_bytes key,
                                             weir_bytes value, const weir_bytes *old,
                                             weir_error *err)
{
    return store->task->environment->watchers == NULL
               ? WEIR_OK
               : weir_watchers_gather(store, key, value, old, err);
}

/* Whether somebody asks for old values of the store. */
bool weir_watchers_want_old(const weir_task_store *store);

/* The task runs from now on; it is about to be rolled back or freed, if it runs; it has committed.
 * These do nothing where nobody subscribes. */
void weir_watchers_task_started(weir_task *task);
void weir_watchers_task_ended(weir_task *task);
void weir_watchers_task_committed(weir_task *task);

#endif
