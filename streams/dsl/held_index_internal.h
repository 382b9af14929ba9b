/* SPDX-License-Identifier: Apache-2.0
 *
 * held_index_internal.h - the entries of a buffer of suppression: by key, and in the order in which
 * they go.
 *
 * An entry that has gone stays until its change is saved. What is dropped is used again with its
 * memory, so that a key that comes and goes allocates nothing.
 *
 * Ownership  Entries belong to the index, and stay where they are until they are dropped.
 * Threads    One.
 */
#ifndef WEIR_STREAMS_DSL_HELD_INDEX_INTERNAL_H
#define WEIR_STREAMS_DSL_HELD_INDEX_INTERNAL_H

#include "streams/base/bytes.h"

#include <stdint.h>

typedef struct weir_held_entry {
    weir_buf key;
    weir_buf value;  /* Empty where it is spilled, or has gone. */
    int64_t time_ms; /* When it was first held back. */
    size_t bytes;    /* As Kafka Streams counts it. */
    bool is_held;
    bool is_spilled; /* Its value is in the store alone. */
    bool is_changed; /* And not saved. */
    uint64_t hash;
    struct weir_held_entry *next; /* Of its bucket, or of those that wait for their next use. */
} weir_held_entry;

typedef struct weir_held_index {
    weir_held_entry **buckets;
    size_t bucket_count; /* A power of two, or 0. */
    size_t count;
    weir_held_entry *unused;
    weir_held_entry **order; /* A heap: none goes before the one at half its place. */
    size_t order_count;
    size_t order_capacity;
} weir_held_index;

void weir_held_index_cleanup(weir_held_index *index);

/* The entry of key, or NULL; a new one of a key that has none, which has no place in the order. */
weir_held_entry *weir_held_index_find(const weir_held_index *index, weir_bytes key);
weir_held_entry *weir_held_index_add(weir_held_index *index, weir_bytes key);

/* Gives it a place by its time, then its key. */
void weir_held_index_push(weir_held_index *index, weir_held_entry *entry);

/* The first one, or NULL; ends its place. */
weir_held_entry *weir_held_index_first(const weir_held_index *index);
void weir_held_index_pop(weir_held_index *index);

/* Forgets an entry that has no place in the order. */
void weir_held_index_drop(weir_held_index *index, weir_held_entry *entry);

#endif
