/* SPDX-License-Identifier: Apache-2.0
 *
 * mem_store.c - a store in memory: the committed values of an ordered map, nothing else.
 *
 * A walk copies each entry before it hands it out, so that a caller may remove what it walks over.
 * The last iterator that was closed waits for the next walk, with its buffers.
 */
#include "statestore/mem_store.h"

#include "statestore/ordered_map.h"

#include <stdlib.h>

typedef struct mem_store mem_store;

typedef struct mem_iterator {
    weir_kv_iterator iterator; /* Must be first. */
    mem_store *store;
    weir_ordered_walk walk;
    weir_buf key;
    weir_buf value;
} mem_iterator;

struct mem_store {
    weir_kv kv; /* Must be first. */
    weir_ordered_map *map;
    mem_iterator *spare; /* NULL: it is open, or there was none yet. */
};

static weir_status mem_get(weir_kv *kv, weir_bytes key, weir_buf *out_value, weir_error *err)
{
    (void)err;
    const weir_ordered_entry *entry = weir_ordered_map_find(((mem_store *)kv)->map, key);
    if (entry == NULL) {
        return WEIR_NOT_FOUND;
    }
    weir_buf_set(out_value, weir_ordered_value(entry, WEIR_COMMITTED));
    return WEIR_OK;
}

static weir_status mem_put(weir_kv *kv, weir_bytes key, weir_bytes value, weir_error *err)
{
    (void)err;
    weir_ordered_map *map = ((mem_store *)kv)->map;
    weir_ordered_entry *entry = weir_ordered_map_insert(map, key, value.size);
    weir_ordered_set(map, entry, WEIR_COMMITTED, value);
    return WEIR_OK;
}

static weir_status mem_remove(weir_kv *kv, weir_bytes key, weir_error *err)
{
    (void)err;
    weir_ordered_map *map = ((mem_store *)kv)->map;
    weir_ordered_entry *entry = weir_ordered_map_find(map, key);
    if (entry != NULL) {
        weir_ordered_map_remove(map, entry);
    }
    return WEIR_OK;
}

static weir_status mem_iterator_next(weir_kv_iterator *iterator, weir_bytes *out_key,
                                     weir_bytes *out_value, weir_error *err)
{
    (void)err;
    mem_iterator *it = (mem_iterator *)iterator;
    const weir_ordered_entry *entry = weir_ordered_walk_next(&it->walk);
    if (entry == NULL) {
        return WEIR_NOT_FOUND;
    }
    weir_buf_set(&it->key, weir_ordered_key(entry));
    weir_buf_set(&it->value, weir_ordered_value(entry, WEIR_COMMITTED));
    *out_key = weir_buf_bytes(&it->key);
    *out_value = weir_buf_bytes(&it->value);
    return WEIR_OK;
}

static void destroy_iterator(mem_iterator *it)
{
    if (it != NULL) {
        weir_ordered_walk_cleanup(&it->walk);
        weir_buf_cleanup(&it->key);
        weir_buf_cleanup(&it->value);
        free(it);
    }
}

static void mem_iterator_close(weir_kv_iterator *iterator)
{
    mem_iterator *it = (mem_iterator *)iterator;
    if (it->store->spare != NULL) {
        destroy_iterator(it);
        return;
    }
    weir_ordered_walk_end(&it->walk);
    weir_buf_rest(&it->key);
    weir_buf_rest(&it->value);
    it->store->spare = it;
}

static const weir_kv_iterator_ops iterator_ops = {mem_iterator_next, mem_iterator_close};

static weir_status mem_range(weir_kv *kv, weir_bytes from, weir_bytes to, bool backwards,
                             weir_kv_iterator **out_iterator, weir_error *err)
{
    (void)err;
    mem_store *store = (mem_store *)kv;
    mem_iterator *it = weir_take(&store->spare);
    it = it == NULL ? weir_alloc(sizeof *it) : it;
    it->iterator.ops = &iterator_ops;
    it->store = store;
    weir_ordered_walk_begin(&it->walk, store->map, from, to, backwards);
    *out_iterator = &it->iterator;
    return WEIR_OK;
}

static uint64_t mem_approximate_count(weir_kv *kv)
{
    return weir_ordered_map_count(((mem_store *)kv)->map);
}

static void mem_free(weir_kv *kv)
{
    mem_store *store = (mem_store *)kv;
    destroy_iterator(store->spare);
    weir_ordered_map_free(store->map);
    free(store);
}

static const weir_kv_ops store_ops = {
    .get = mem_get,
    .put = mem_put,
    .remove = mem_remove,
    .range = mem_range,
    .approximate_count = mem_approximate_count,
    .free = mem_free,
};

weir_kv *weir_mem_store_new(const char *name)
{
    WEIR_ASSERT(name != NULL);

    mem_store *store = weir_alloc(sizeof *store);
    store->kv = (weir_kv){&store_ops, name};
    store->map = weir_ordered_map_new();
    return &store->kv;
}
