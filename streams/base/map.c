/* SPDX-License-Identifier: Apache-2.0
 *
 * map.c - open addressing over an array of entries.
 *
 *   slots   [ - | 2 | - | 0 | 1 | - ]    index of an entry + 1, found by linear probing
 *   entries [ key, hash, value ] ...     in insertion order, which a walk follows
 *
 * A removal shifts the following slots back (Knuth 6.4, algorithm R), so no tombstones pile up.
 */
#include "streams/base/map.h"

#include "streams/base/hash.h"
#include "streams/base/status.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_SLOTS = 16 };

typedef struct entry {
    uint8_t *key;
    size_t key_size;
    uint64_t hash;
    void *value;
} entry;

struct weir_map {
    entry *entries;
    size_t count;
    size_t capacity;
    uint32_t *slots;   /* 0 is free. */
    size_t slot_count; /* A power of two, at least twice count. */
};

weir_map *weir_map_new(void)
{
    weir_map *map = weir_alloc(sizeof *map);
    map->slot_count = FIRST_SLOTS;
    map->slots = weir_alloc_array(map->slot_count, sizeof *map->slots);
    return map;
}

void weir_map_free(weir_map *map)
{
    if (map == NULL) {
        return;
    }
    for (size_t i = 0; i < map->count; i++) {
        free(map->entries[i].key);
    }
    free(map->entries);
    free(map->slots);
    free(map);
}

/* The slot that holds key, or the free one where it would go. */
static size_t find_slot(const weir_map *map, weir_bytes key, uint64_t hash)
{
    size_t mask = map->slot_count - 1;
    for (size_t slot = hash & mask;; slot = (slot + 1) & mask) {
        if (map->slots[slot] == 0) {
            return slot;
        }
        const entry *at = &map->entries[map->slots[slot] - 1];
        if (at->hash == hash && at->key_size == key.size &&
            (key.size == 0 || memcmp(at->key, key.data, key.size) == 0)) {
            return slot;
        }
    }
}

static void grow_slots(weir_map *map)
{
    map->slot_count *= 2;
    free(map->slots);
    map->slots = weir_alloc_array(map->slot_count, sizeof *map->slots);
    size_t mask = map->slot_count - 1;
    for (size_t i = 0; i < map->count; i++) {
        size_t slot = map->entries[i].hash & mask;
        while (map->slots[slot] != 0) {
            slot = (slot + 1) & mask;
        }
        map->slots[slot] = (uint32_t)(i + 1);
    }
}

void *weir_map_get(const weir_map *map, weir_bytes key)
{
    size_t slot = find_slot(map, key, weir_hash64(key, 0));
    return map->slots[slot] == 0 ? NULL : map->entries[map->slots[slot] - 1].value;
}

void *weir_map_put(weir_map *map, weir_bytes key, void *value)
{
    WEIR_ASSERT(value != NULL);

    uint64_t hash = weir_hash64(key, 0);
    size_t slot = find_slot(map, key, hash);
    if (map->slots[slot] != 0) {
        entry *at = &map->entries[map->slots[slot] - 1];
        void *replaced = at->value;
        at->value = value;
        return replaced;
    }
    WEIR_ASSERT(map->count < UINT32_MAX);
    map->entries = weir_grow(map->entries, map->count, &map->capacity, sizeof *map->entries);
    entry *added = &map->entries[map->count++];
    *added = (entry){.key = weir_alloc(key.size), .key_size = key.size, .hash = hash};
    added->value = value;
    if (key.size > 0) {
        memcpy(added->key, key.data, key.size);
    }
    map->slots[slot] = (uint32_t)map->count;
    if (map->count * 2 > map->slot_count) {
        grow_slots(map);
    }
    return NULL;
}

/* Frees slot and moves back what would otherwise not be found any more. */
static void free_slot(weir_map *map, size_t slot)
{
    size_t mask = map->slot_count - 1;
    map->slots[slot] = 0;
    for (size_t next = (slot + 1) & mask; map->slots[next] != 0; next = (next + 1) & mask) {
        size_t home = map->entries[map->slots[next] - 1].hash & mask;
        if (((next - home) & mask) >= ((next - slot) & mask)) {
            map->slots[slot] = map->slots[next];
            map->slots[next] = 0;
            slot = next;
        }
    }
}

void *weir_map_remove(weir_map *map, weir_bytes key)
{
    size_t slot = find_slot(map, key, weir_hash64(key, 0));
    if (map->slots[slot] == 0) {
        return NULL;
    }
    size_t gap = map->slots[slot] - 1;
    void *removed = map->entries[gap].value;
    free_slot(map, slot);
    free(map->entries[gap].key);
    size_t last = --map->count;
    if (gap != last) {
        const entry *moved = &map->entries[last];
        size_t moved_slot = find_slot(map, weir_bytes_of(moved->key, moved->key_size), moved->hash);
        map->entries[gap] = *moved;
        map->slots[moved_slot] = (uint32_t)(gap + 1);
    }
    return removed;
}

size_t weir_map_count(const weir_map *map)
{
    return map->count;
}

bool weir_map_next(const weir_map *map, size_t *position, weir_bytes *out_key, void **out_value)
{
    if (*position >= map->count) {
        return false;
    }
    const entry *at = &map->entries[(*position)++];
    if (out_key != NULL) {
        *out_key = weir_bytes_of(at->key, at->key_size);
    }
    *out_value = at->value;
    return true;
}
