/* SPDX-License-Identifier: Apache-2.0
 *
 * subscription_internal.h - a subscription as the workers see it (watchers.c).
 *
 * Ownership  The subscriber and each worker that watches for it hold the subscription; the last one
 *            that releases it frees it.
 * Threads    Any: a lock is held for each call. What has no lock in it is immutable.
 */
#ifndef WEIR_STREAMS_SUBSCRIPTION_INTERNAL_H
#define WEIR_STREAMS_SUBSCRIPTION_INTERNAL_H

#include "streams/subscription.h"

/* What stands before the bytes of a change: key, value, old value. */
typedef struct weir_change_head {
    int64_t timestamp_ms;
    int64_t window_start_ms;
    int64_t window_end_ms;
    size_t key_size;
    size_t value_size;
    size_t old_size;
    bool has_value;
    bool has_old;
} weir_change_head;

/* What it wants to know: the index of its store, whether of key, and whether with old values. */
size_t weir_subscription_store(const weir_subscription *subscription);
bool weir_subscription_wants(const weir_subscription *subscription, weir_bytes key);
bool weir_subscription_wants_old(const weir_subscription *subscription);
/* Partitions of the store; how many bytes may be gathered for it. */
size_t weir_subscription_partitions(const weir_subscription *subscription);
size_t weir_subscription_bytes_max(const weir_subscription *subscription);

/* Changes of a partition are committed: heads with their bytes, at position. */
void weir_subscription_deliver(weir_subscription *subscription, int32_t partition, int64_t position,
                               weir_bytes changes);
/* A partition has STARTED, ENDED or lost changes; told after all that was delivered before. */
void weir_subscription_signal(weir_subscription *subscription, int32_t partition, int64_t position,
                              weir_store_change_kind kind);
/* One holder less. */
void weir_subscription_release(weir_subscription *subscription);

#endif
