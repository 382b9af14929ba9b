/* SPDX-License-Identifier: Apache-2.0
 *
 * ordered_value.c - the versions of an entry: absent, removed, in the entry, or apart from it.
 *
 *   entry   committed | staged | inline capacity, size | key size | key | room for one value
 *               │         └─▶ inline_mark: it is the one behind the key
 *               └─▶ size, capacity, bytes: a piece of the slab
 *
 * Two pointers and the sizes of one small value are all that an entry has besides its key: there
 * are millions of them, and most have one version, which is small.
 */
#include "statestore/ordered_map_internal.h"

#include "statestore/kv_store.h"

#include <string.h>

struct weir_apart_value {
    uint32_t size;
    uint32_t capacity;
    uint8_t data[];
};

static weir_apart_value removed_mark; /* A version that says "removed". */
static weir_apart_value inline_mark;  /* A version that stands in the entry, after the key. */

static uint8_t *inline_value(weir_ordered_entry *entry)
{
    return entry->key + entry->key_size;
}

static weir_apart_value **version_of(weir_ordered_entry *entry, weir_version version)
{
    return version == WEIR_FORWARDED ? &weir_ordered_hold(entry)->forwarded
                                     : &entry->versions[version];
}

static bool is_apart(const weir_apart_value *value)
{
    return value != NULL && value != &removed_mark && value != &inline_mark;
}

static bool inline_is_free(const weir_ordered_map *map, const weir_ordered_entry *entry)
{
    if (map->front_bytes > 0 && weir_ordered_hold(entry)->forwarded == &inline_mark) {
        return false;
    }
    return entry->versions[WEIR_COMMITTED] != &inline_mark &&
           entry->versions[WEIR_STAGED] != &inline_mark;
}

static void release(weir_ordered_map *map, weir_apart_value *value)
{
    if (is_apart(value)) {
        weir_slab_release(&map->slab, value, sizeof *value + value->capacity);
    }
}

void weir_ordered_drop(weir_ordered_map *map, weir_ordered_entry *entry, weir_version version)
{
    weir_apart_value **slot = version_of(entry, version);
    release(map, *slot);
    *slot = NULL;
}

static weir_apart_value *apart_new(weir_ordered_map *map, size_t size)
{
    size_t bytes = weir_slab_capacity(sizeof(weir_apart_value) + size);
    weir_apart_value *value = weir_slab_alloc(&map->slab, bytes);
    value->capacity = (uint32_t)(bytes - sizeof *value);
    return value;
}

/* Where a version of so many bytes may stand as things are; NULL: nowhere. */
static weir_apart_value *place_for(const weir_ordered_map *map, const weir_ordered_entry *entry,
                                   weir_version version, size_t size)
{
    weir_apart_value *value = entry->versions[version];
    if (is_apart(value)) {
        return size <= value->capacity ? value : NULL;
    }
    bool fits = size <= entry->inline_capacity;
    return fits && (value == &inline_mark || inline_is_free(map, entry)) ? &inline_mark : NULL;
}

void weir_ordered_set(weir_ordered_map *map, weir_ordered_entry *entry, weir_version version,
                      weir_bytes value)
{
    WEIR_ASSERT(value.size <= WEIR_KV_VALUE_BYTES_MAX);
    WEIR_ASSERT(version != WEIR_FORWARDED);

    if (value.data == NULL) {
        weir_ordered_drop(map, entry, version);
        entry->versions[version] = &removed_mark;
        return;
    }
    weir_apart_value *place = place_for(map, entry, version, value.size);
    if (place == NULL) {
        weir_ordered_drop(map, entry, version);
        place = place_for(map, entry, version, value.size);
        place = place == NULL ? apart_new(map, value.size) : place;
    }
    uint8_t *data = place == &inline_mark ? inline_value(entry) : place->data;
    if (value.size > 0) {
        memmove(data, value.data, value.size);
    }
    if (place == &inline_mark) {
        entry->inline_size = (uint16_t)value.size;
    } else {
        place->size = (uint32_t)value.size;
    }
    entry->versions[version] = place;
}

void weir_ordered_commit(weir_ordered_map *map, weir_ordered_entry *entry)
{
    WEIR_ASSERT(weir_ordered_has(entry, WEIR_STAGED));

    release(map, entry->versions[WEIR_COMMITTED]);
    entry->versions[WEIR_COMMITTED] = weir_take(&entry->versions[WEIR_STAGED]);
}

void weir_ordered_forward(weir_ordered_entry *entry)
{
    weir_hold *hold = weir_ordered_hold(entry);
    WEIR_ASSERT(hold->forwarded == NULL);

    hold->forwarded = weir_take(&entry->versions[WEIR_STAGED]);
}

static const weir_apart_value *read_version(const weir_ordered_entry *entry, weir_version version)
{
    return *version_of((weir_ordered_entry *)(uintptr_t)entry, version);
}

bool weir_ordered_has(const weir_ordered_entry *entry, weir_version version)
{
    return read_version(entry, version) != NULL;
}

weir_bytes weir_ordered_value(const weir_ordered_entry *entry, weir_version version)
{
    const weir_apart_value *value = read_version(entry, version);
    if (value == &inline_mark) {
        return weir_bytes_of(entry->key + entry->key_size, entry->inline_size);
    }
    return is_apart(value) ? weir_bytes_of(value->data, value->size) : WEIR_BYTES_NULL;
}
