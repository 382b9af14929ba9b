/* SPDX-License-Identifier: Apache-2.0
 *
 * entry_index.h - a hash table from keys to the entries of an ordered map: for point reads, which
 * are most of what a task does.
 *
 * Ownership  The index points at entries and owns none.
 * Threads    One at a time.
 */
#ifndef WEIR_STATESTORE_ENTRY_INDEX_H
#define WEIR_STATESTORE_ENTRY_INDEX_H

#include "statestore/ordered_map.h"

typedef struct weir_index_slot {
    uint64_t hash;
    weir_ordered_entry *entry; /* NULL: free. */
} weir_index_slot;

/* All-zero is an empty index. */
typedef struct weir_entry_index {
    weir_index_slot *slots;
    size_t capacity; /* A power of two, or 0. */
    size_t count;
} weir_entry_index;

/* Frees the table, not the entries. */
void weir_entry_index_cleanup(weir_entry_index *index);

/* The hash that the other calls want. */
uint64_t weir_entry_hash(weir_bytes key);

/* The entry of key, whose hash is given; NULL where there is none. */
weir_ordered_entry *weir_entry_index_find(const weir_entry_index *index, weir_bytes key,
                                          uint64_t hash);

/* Brings the place where the key of this hash would stand into the processor's cache. */
static inline void weir_entry_index_prefetch(const weir_entry_index *index, uint64_t hash)
{
    if (index->capacity > 0) {
        __builtin_prefetch(&index->slots[hash & (index->capacity - 1)]);
    }
}

/* The same for the entry that stands there, if one does: the whole of a small one. */
static inline void weir_entry_index_prefetch_entry(const weir_entry_index *index, uint64_t hash)
{
    enum { CACHE_LINE_BYTES = 64 };
    if (index->capacity > 0) {
        const weir_index_slot *slot = &index->slots[hash & (index->capacity - 1)];
        if (slot->hash == hash) {
            __builtin_prefetch((const char *)slot->entry - CACHE_LINE_BYTES);
            __builtin_prefetch(slot->entry);
            __builtin_prefetch((const char *)slot->entry + CACHE_LINE_BYTES);
        }
    }
}

/* Adds an entry whose key the index does not have. */
void weir_entry_index_add(weir_entry_index *index, weir_ordered_entry *entry, uint64_t hash);

/* Takes out an entry that the index has. */
void weir_entry_index_remove(weir_entry_index *index, const weir_ordered_entry *entry);

/* Forgets all entries; keeps a table that was well filled, for the next as many. */
void weir_entry_index_clear(weir_entry_index *index);

#endif
