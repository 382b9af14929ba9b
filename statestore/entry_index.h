/* SPDX-License-Identifier: Apache-2.0
 *
 * entry_index.h - a hash table from keys to the entries of an ordered map: for point reads, which
 * are most of what a task does.
 *
 * Ownership  The index points at entries and owns none.
 * Threads    One at a time; functions of a const index, any number.
 */
#ifndef WEIR_STATESTORE_ENTRY_INDEX_H
#define WEIR_STATESTORE_ENTRY_INDEX_H

#include "statestore/ordered_map.h"

/* The lowest bits of the hash, then those of the entry's address that can be set; 0: free. */
typedef uint64_t weir_index_slot;

enum { WEIR_INDEX_TAG_BITS = 20, WEIR_INDEX_ALIGNED_BITS = 4 };

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

/* Has the line of memory at address fetched into the processor's cache. */
static inline void weir_entry_index_fetch(const void *address)
{
    __builtin_prefetch(address);
    /* gcc leaves out the call of a function whose only effect is a prefetch. */
    __asm__("" : : "r"(address)); /* Without an output it is never left out. */
}

/* The entry of a slot that is not free. */
static inline weir_ordered_entry *weir_index_entry(weir_index_slot slot)
{
    return (weir_ordered_entry *)(uintptr_t)(slot >> WEIR_INDEX_TAG_BITS
                                                         << WEIR_INDEX_ALIGNED_BITS);
}

/* Whether slot may be that of hash: false, it is not. */
static inline bool weir_index_may_be(weir_index_slot slot, uint64_t hash)
{
    return (slot ^ hash) << (64 - WEIR_INDEX_TAG_BITS) == 0 && slot != 0;
}

/* Brings the place where the key of this hash would stand into the processor's cache. */
static inline void weir_entry_index_prefetch(const weir_entry_index *index, uint64_t hash)
{
    enum { NEXT_PROBES = 4 }; /* They may be in another line. */
    if (index->capacity > 0) {
        weir_entry_index_fetch(&index->slots[hash & (index->capacity - 1)]);
        weir_entry_index_fetch(&index->slots[(hash + NEXT_PROBES) & (index->capacity - 1)]);
    }
}

/* The same for the entry of this hash, where it stands near its place: the whole of a small one.
 * Whether it does; false, too, where there are so many entries that others often have these bits of
 * their hash in common with it. */
static inline bool weir_entry_index_prefetch_entry(const weir_entry_index *index, uint64_t hash)
{
    enum { CACHE_LINE_BYTES = 64, PROBES_MAX = 8, SURE_MAX = 1 << (WEIR_INDEX_TAG_BITS - 4) };
    for (size_t i = 0; i < PROBES_MAX && index->capacity > 0; i++) {
        weir_index_slot slot = index->slots[(hash + i) & (index->capacity - 1)];
        if (slot == 0) {
            return false;
        }
        if (weir_index_may_be(slot, hash)) {
            const char *entry = (const char *)weir_index_entry(slot);
            weir_entry_index_fetch(entry - CACHE_LINE_BYTES);
            weir_entry_index_fetch(entry);
            weir_entry_index_fetch(entry + CACHE_LINE_BYTES);
            return index->count <= SURE_MAX;
        }
    }
    return false;
}

/* Adds an entry whose key the index does not have. */
void weir_entry_index_add(weir_entry_index *index, weir_ordered_entry *entry, uint64_t hash);

/* Takes out an entry that the index has. */
void weir_entry_index_remove(weir_entry_index *index, const weir_ordered_entry *entry);

/* All entries in the order of their keys; the array is the caller's to free. */
weir_ordered_entry **weir_entry_index_sorted(const weir_entry_index *index);

/* weir_ordered_map_next and weir_ordered_map_may_pause. */
weir_ordered_entry *weir_entry_index_next(const weir_entry_index *index, weir_ordered_place *place);
bool weir_entry_index_may_pause(const weir_entry_index *index, const weir_ordered_place *place);

/* Forgets all entries; keeps a table that was well filled, for the next as many. */
void weir_entry_index_clear(weir_entry_index *index);

#endif
