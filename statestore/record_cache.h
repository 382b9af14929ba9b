/* SPDX-License-Identifier: Apache-2.0
 *
 * record_cache.h - which writes of a store are held back, in what order, and for how many bytes:
 * the part of Kafka Streams' record cache that staged writes do not have already.
 *
 *   log:   [a] [b] [a] [c] [b]        a write or read of a held key appends its entry;
 *           .   .   │   │   └─ last   a place counts only where the entry says that it is its last
 *
 * So moving a key to the end costs one append, and no neighbour in a list is touched.
 *
 * Ownership  Entries belong to the map. The budget is the worker's and outlives the cache.
 * Threads    One at a time.
 */
#ifndef WEIR_STATESTORE_RECORD_CACHE_H
#define WEIR_STATESTORE_RECORD_CACHE_H

#include "statestore/cache_budget.h"
#include "statestore/ordered_map.h"

/* All-zero but the budget is an empty cache. */
typedef struct weir_record_cache {
    weir_cache_budget *budget;
    weir_ordered_entry **log;
    size_t log_count;
    size_t log_capacity;
    size_t first; /* No place before it counts. */
    size_t held;  /* Entries. */
    size_t held_bytes;
    bool is_walked; /* A flush goes through the log: it keeps its places. */
} weir_record_cache;

/* Frees the log; nothing is held any more. */
void weir_record_cache_cleanup(weir_record_cache *cache);

/* entry was written: it is held from now on, as the last one, and counts for so many bytes. */
void weir_record_cache_wrote(weir_record_cache *cache, weir_ordered_entry *entry, size_t bytes);

/* entry was read: where it is held it is the last to be evicted. */
void weir_record_cache_read(weir_record_cache *cache, weir_ordered_entry *entry);

/* Whether a write of entry waits in the cache. */
static inline bool weir_record_cache_holds(const weir_ordered_entry *entry)
{
    return weir_ordered_hold(entry)->written != 0;
}

/* The held entry whose last write is the oldest, among those before place end of the log; NULL:
 * there is none. */
weir_ordered_entry *weir_record_cache_next(weir_record_cache *cache, size_t end);

/* Between them the log keeps its places: for whoever calls _next while writes come in. */
void weir_record_cache_begin_walk(weir_record_cache *cache);
void weir_record_cache_end_walk(weir_record_cache *cache);

/* The held entry that was neither read nor written for longest; NULL: none is held. */
weir_ordered_entry *weir_record_cache_eldest(const weir_record_cache *cache);

/* Held entries get others in their place: after begin_move each of them moves, before anything else
 * happens. */
void weir_record_cache_begin_move(weir_record_cache *cache);
void weir_record_cache_move(weir_record_cache *cache, weir_ordered_entry *from,
                            weir_ordered_entry *to);

/* entry, which is held, is not any more. */
void weir_record_cache_release(weir_record_cache *cache, weir_ordered_entry *entry);

#endif
