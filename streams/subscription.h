/* SPDX-License-Identifier: Apache-2.0
 *
 * subscription.h - who wants to know of it hears of each committed change of a store: a cache in
 * front of it, a web page, a search index.
 *
 *   weir_subscription_new(application, &options, &subscription, &err);
 *   weir_subscription_next(subscription, timeout_ms, &change, &err);   again and again
 *   weir_subscription_free(subscription);                              before the application
 *
 * It tells of the partitions whose tasks this process runs, of each partition in the order of its
 * writes, and of a write only once it is committed: what a transaction gave up is never told. What
 * a record cache holds back is one change when it is let go of. Rows that expire with the retention
 * of their store are not told of; its changelog has no record of that either.
 *
 * A process that wants all rows, and to keep them up to date, reads them (query.h) where a
 * partition has STARTED or changes were MISSED, and goes on with the changes. Those that the rows
 * had already come once more, in their order: the last one of a key is right.
 *
 * No worker waits for a subscriber. What waits for it is bounded by bytes_max, as is what each
 * worker gathers for it and has not committed; past that the changes of a partition are dropped
 * and it is told MISSED. All subscriptions of an application share weir.subscription.bytes.max,
 * which is part of its memory budget.
 *
 * Ownership  The subscription belongs to the caller; changes are borrowed until the next call.
 * Errors     WEIR_INVALID: no such store, or both a key and a prefix. WEIR_AGAIN: the others take
 *            all that subscriptions may.
 * Threads    Any but the application's own, one at a time; new and free at any time in the life of
 *            the application, while it starts or closes, too.
 */
#ifndef WEIR_STREAMS_SUBSCRIPTION_H
#define WEIR_STREAMS_SUBSCRIPTION_H

#include "streams/application.h"

enum { WEIR_SUBSCRIPTION_BYTES = 16 << 20 };

typedef struct weir_subscription weir_subscription;

typedef struct weir_subscription_options {
    const char *store;
    weir_bytes key;    /* Its changes alone, of all its windows; null: those of all keys. */
    weir_bytes prefix; /* Those of keys that begin with it; null: all. */
    bool old_values;   /* The old value is looked up with each write. */
    size_t bytes_max;  /* 0: WEIR_SUBSCRIPTION_BYTES. Less, where it is too much of the share. */
} weir_subscription_options;

typedef enum weir_store_change_kind {
    WEIR_CHANGE_ROW,     /* A row was put or removed. */
    WEIR_CHANGE_STARTED, /* From now on changes of the partition are told: read its rows anew. It
                          * may come twice in a row: the task went back to its last commit. */
    WEIR_CHANGE_ENDED,   /* This process runs the partition's task no more. */
    WEIR_CHANGE_MISSED,  /* Changes of the partition were dropped: read its rows anew. */
} weir_store_change_kind;

typedef struct weir_store_change {
    weir_store_change_kind kind;
    int32_t partition;
    /* Where the store stands after the commit that told: the next offset of its changelog. -1: it
     * has none, or the partition has ENDED. All changes of a commit have the same. */
    int64_t position;
    /* The rest is of a ROW. */
    weir_bytes key;
    weir_bytes value;        /* As operators see it, without a time; null: removed. */
    weir_bytes old_value;    /* Null: there was none, or it was not asked for. */
    int64_t timestamp_ms;    /* Of the record that made the change; of a version, its time. */
    int64_t window_start_ms; /* Of windows and sessions; else -1. */
    int64_t window_end_ms;   /* Of sessions: the time of the last record; else -1. */
} weir_store_change;

/* Begins: each partition that is run here is told as STARTED first. */
weir_status weir_subscription_new(weir_application *application,
                                  const weir_subscription_options *options,
                                  weir_subscription **out_subscription, weir_error *err);
/* Ends it, without waiting for the workers. NULL is fine. */
void weir_subscription_free(weir_subscription *subscription);
WEIR_DEFINE_AUTO_PTR(weir_subscription);

/* The next change. WEIR_AGAIN: none has come, in timeout_ms at most. WEIR_FENCED: all has been told
 * and the application has ended. */
weir_status weir_subscription_next(weir_subscription *subscription, uint32_t timeout_ms,
                                   weir_store_change *out_change, weir_error *err);

/* A descriptor for poll(): readable when weir_subscription_next may have something, which resets
 * it. It belongs to the subscription. */
int weir_subscription_fd(const weir_subscription *subscription);

#endif
