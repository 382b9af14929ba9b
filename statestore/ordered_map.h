/* SPDX-License-Identifier: Apache-2.0
 *
 * ordered_map.h - keys in order, each with two values: the one that counts (WEIR_COMMITTED) and a
 * later one that may still be dropped (WEIR_STAGED). Both stores in memory and the staged writes
 * above RocksDB are made of it.
 *
 * Ownership  Keys and values are copied. An entry lives until its key is removed or the map is
 *            cleared; a value until it is set, dropped or moved.
 * Limits     The front door (kv_store.h) bounds keys and values; the map asserts it.
 * Threads    One at a time; functions of a const map, any number.
 */
#ifndef WEIR_STATESTORE_ORDERED_MAP_H
#define WEIR_STATESTORE_ORDERED_MAP_H

#include "streams/base/bytes.h"

typedef struct weir_ordered_map weir_ordered_map;

/* WEIR_FORWARDED is in holding maps alone: the staged value before the one that is held back. */
typedef enum weir_version { WEIR_COMMITTED, WEIR_STAGED, WEIR_FORWARDED } weir_version;

/* A value that lies apart from its entry, or a mark of ordered_map.c. */
typedef struct weir_apart_value weir_apart_value;

/* An entry of the map; read it through the functions below. */
typedef struct weir_ordered_entry {
    weir_apart_value *versions[2]; /* NULL: absent; or marked as removed, or as the inline value. */
    uint16_t inline_capacity;      /* Room for one small value after the key. */
    uint16_t inline_size;          /* Of that value. */
    uint32_t key_size;
    uint8_t key[];
} weir_ordered_entry;

/* What stands in front of each entry of a holding map, zeroed at first; hold_log.h fills it. */
typedef struct weir_hold {
    weir_apart_value *forwarded; /* As versions of the entry. */
    int64_t timestamp_ms;
    void *owned_source; /* One block, opaque here; NULL: none. */
    uint32_t written;   /* One more than its place in the log at its last write; 0: not held. */
    uint32_t touched;   /* The same of its last write or read. */
    uint32_t bytes;     /* What it counts for. */
    uint32_t reserved[3];
} weir_hold;

weir_ordered_map *weir_ordered_map_new(void);
/* A map whose entries have a weir_hold and a forwarded version. */
weir_ordered_map *weir_ordered_map_new_holding(void);
void weir_ordered_map_free(weir_ordered_map *map);
WEIR_DEFINE_AUTO_PTR(weir_ordered_map);

size_t weir_ordered_map_count(const weir_ordered_map *map);

/* Memory that the map holds, in use or kept for use. */
size_t weir_ordered_map_held_bytes(const weir_ordered_map *map);

/* The entry of key, or NULL. */
weir_ordered_entry *weir_ordered_map_find(const weir_ordered_map *map, weir_bytes key);

/* key may be asked for soon: far ahead, its place in the index is fetched into the processor's
 * cache; near, when that has come, its entry: true where there surely is one. */
bool weir_ordered_map_expect(const weir_ordered_map *map, weir_bytes key, bool near);

/* The entry of key, made with two absent values where there is none. value_bytes is the size of the
 * value that will follow: a new entry reserves room for it. */
weir_ordered_entry *weir_ordered_map_insert(weir_ordered_map *map, weir_bytes key,
                                            size_t value_bytes);

/* Where a walk over all entries in no order stands; all-zero: at its beginning. */
typedef struct weir_ordered_place {
    size_t slot;
    size_t capacity; /* Of the table; in another one the walk begins anew. */
} weir_ordered_place;

/* The entry at *place, which moves on; NULL at the end. */
weir_ordered_entry *weir_ordered_map_next(const weir_ordered_map *map, weir_ordered_place *place);

/* Whether entries may come and go before the walk goes on: none that it has not given yet will
 * stand before place then. */
bool weir_ordered_map_may_pause(const weir_ordered_map *map, const weir_ordered_place *place);

/* All entries in the order of their keys: a sort, and unlike a walk it leaves no tree behind. The
 * array is the caller's to free. */
weir_ordered_entry **weir_ordered_map_sorted(const weir_ordered_map *map);

/* Removes an entry with its values. */
void weir_ordered_map_remove(weir_ordered_map *map, weir_ordered_entry *entry);

/* Removes every entry. */
void weir_ordered_map_clear(weir_ordered_map *map);

/* The key of an entry, borrowed until it is removed. */
static inline weir_bytes weir_ordered_key(const weir_ordered_entry *entry)
{
    return weir_bytes_of(entry->key, entry->key_size);
}

/* The part in front of an entry of a holding map. */
static inline weir_hold *weir_ordered_hold(const weir_ordered_entry *entry)
{
    return (weir_hold *)(uintptr_t)entry - 1;
}

/* Sets a version; the null bytes say that the key is removed. Overwrites in place where it fits. */
void weir_ordered_set(weir_ordered_map *map, weir_ordered_entry *entry, weir_version version,
                      weir_bytes value);

/* Makes a version absent. */
void weir_ordered_drop(weir_ordered_map *map, weir_ordered_entry *entry, weir_version version);

/* The staged version, which is present, takes the place of the committed one. Copies nothing. */
void weir_ordered_commit(weir_ordered_map *map, weir_ordered_entry *entry);

/* The staged version, if it is present, becomes the forwarded one, which is absent. */
void weir_ordered_forward(weir_ordered_entry *entry);

/* Whether the entry has that version: a value or a removal. */
bool weir_ordered_has(const weir_ordered_entry *entry, weir_version version);

/* The bytes of a version, borrowed; null where the key is removed (or the version absent). */
weir_bytes weir_ordered_value(const weir_ordered_entry *entry, weir_version version);

/* Walks from <= key < to, ascending or descending; null bytes leave an end open. The map may change
 * under the walk: it goes on from the last key that it gave. All-zero is a walk that has ended. An
 * ended one may begin again, and has its buffers still. */
typedef struct weir_ordered_walk {
    weir_ordered_map *map;
    void *leaf;
    uint32_t index;
    bool backwards;
    bool started;
    bool open_start; /* It began at an open end. */
    bool bounded;    /* The end where the walk stops is not open. */
    uint64_t changes;
    weir_buf bound; /* First key that is too far (ascending), or last that is not (descending). */
    weir_buf last;  /* The key given last. */
} weir_ordered_walk;

/* A walk over the keys from (included) to to (excluded; null: the end), cleaned up by its owner. */
void weir_ordered_walk_begin(weir_ordered_walk *walk, weir_ordered_map *map, weir_bytes from,
                             weir_bytes to, bool backwards);
void weir_ordered_walk_end(weir_ordered_walk *walk);
void weir_ordered_walk_cleanup(weir_ordered_walk *walk);

/* The next entry, or NULL at the end. */
weir_ordered_entry *weir_ordered_walk_next(weir_ordered_walk *walk);

#endif
