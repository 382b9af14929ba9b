/* SPDX-License-Identifier: Apache-2.0
 *
 * read_ahead.c - one call of RocksDB for the keys of many records.
 *
 * A point read of state that is larger than memory costs some microseconds: the way down through
 * filters, indexes and blocks, whose memory is cold at each step. RocksDB reads sorted keys
 * together, where one waits for memory while others go on. What was read lies in a map of its own
 * until it is forgotten; the staged map comes before it, so a write makes it no staler than it is.
 */
#include "statestore/read_ahead.h"

#include "statestore/rocksdb_store.h"
#include "statestore/staged.h"

#include <stdlib.h>
#include <string.h>

struct weir_read_ahead {
    weir_ordered_map *map;
    size_t bytes; /* Of the values. */
    weir_bytes *wanted;
    weir_ordered_entry **entries;
    size_t capacity;
};

weir_read_ahead *weir_read_ahead_new(void)
{
    weir_read_ahead *ahead = weir_alloc(sizeof *ahead);
    ahead->map = weir_ordered_map_new();
    return ahead;
}

void weir_read_ahead_free(weir_read_ahead *ahead)
{
    if (ahead != NULL) {
        weir_ordered_map_free(ahead->map);
        free(ahead->wanted);
        free(ahead->entries);
        free(ahead);
    }
}

void weir_read_ahead_clear(weir_read_ahead *ahead)
{
    weir_ordered_map_clear(ahead->map);
    ahead->bytes = 0;
}

bool weir_read_ahead_find(const weir_read_ahead *ahead, weir_bytes key, weir_bytes *out_value)
{
    const weir_ordered_entry *entry =
        weir_ordered_map_count(ahead->map) == 0 ? NULL : weir_ordered_map_find(ahead->map, key);
    if (entry == NULL) {
        return false;
    }
    *out_value = weir_ordered_value(entry, WEIR_COMMITTED);
    return true;
}

static int compare_keys(const void *left, const void *right)
{
    return weir_bytes_compare(*(const weir_bytes *)left, *(const weir_bytes *)right);
}

/* Those of keys that neither map has, sorted, each once, in ahead->wanted; how many. */
static size_t choose(weir_read_ahead *ahead, const weir_ordered_map *map,
                     const weir_key_array *keys)
{
    if (ahead->capacity < keys->count) {
        ahead->capacity = keys->count;
        ahead->wanted = weir_realloc(ahead->wanted, keys->count * sizeof *ahead->wanted);
        ahead->entries = weir_realloc(ahead->entries, keys->count * sizeof(weir_ordered_entry *));
    }
    weir_ordered_map_find_many(map, keys->keys, keys->count, ahead->entries);
    size_t count = 0;
    for (size_t i = 0; i < keys->count; i++) {
        weir_bytes value;
        if (ahead->entries[i] == NULL && !weir_read_ahead_find(ahead, keys->keys[i], &value)) {
            ahead->wanted[count++] = keys->keys[i];
        }
    }
    qsort(ahead->wanted, count, sizeof *ahead->wanted, compare_keys);
    size_t unique = 0;
    for (size_t i = 0; i < count; i++) {
        if (unique == 0 || !weir_bytes_equal(ahead->wanted[unique - 1], ahead->wanted[i])) {
            ahead->wanted[unique++] = ahead->wanted[i];
        }
    }
    return unique;
}

static void take(void *user, size_t index, weir_bytes value)
{
    weir_read_ahead *ahead = user;
    if (ahead->bytes + value.size > WEIR_READ_AHEAD_BYTES_MAX) {
        return; /* It will be read by itself. */
    }
    ahead->bytes += value.size;
    weir_ordered_entry *entry =
        weir_ordered_map_insert(ahead->map, ahead->wanted[index], value.size);
    weir_ordered_set(ahead->map, entry, WEIR_COMMITTED, value);
}

weir_status weir_read_ahead_fill(weir_read_ahead *ahead, weir_kv *engine,
                                 const weir_ordered_map *map, const weir_key_array *keys,
                                 weir_error *err)
{
    if (weir_ordered_map_count(ahead->map) + keys->count > WEIR_READ_AHEAD_KEYS_MAX ||
        ahead->bytes > WEIR_READ_AHEAD_BYTES_MAX / 2) {
        weir_read_ahead_clear(ahead);
    }
    WEIR_ASSERT(keys->count <= WEIR_READ_AHEAD_KEYS_MAX);
    size_t count = choose(ahead, map, keys);
    const weir_found_sink sink = {take, ahead};
    return count == 0 ? WEIR_OK
                      : weir_rocksdb_store_get_many(engine, ahead->wanted, count, &sink, err);
}
