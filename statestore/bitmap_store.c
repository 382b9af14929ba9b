/* SPDX-License-Identifier: Apache-2.0
 *
 * bitmap_store.c - sets cut into chunks of 4,096 neighbouring ids, a value each.
 *
 *   u16 size of facet | facet | id / 4096 (8 bytes, big-endian)  ->  u16 id % 4096, ascending,
 *                                                                    or 512 bytes of bits
 *
 * A change rewrites one chunk, and the changelog gets it: hence small chunks, and bits as soon as
 * they are shorter than the list. An empty chunk is removed.
 */
#include "statestore/bitmap_store.h"

#include "streams/base/serde.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK_IDS = 4096, BITS_BYTES = CHUNK_IDS / 8, LIST_IDS_MAX = BITS_BYTES / 2 - 1 };

static_assert(LIST_IDS_MAX * sizeof(uint16_t) < BITS_BYTES, "a size tells the two forms apart");

struct weir_bitmap_store {
    weir_kv *kv;
    weir_buf key;
    weir_buf value;
    uint8_t bits[BITS_BYTES]; /* The chunk of the call. */
};

weir_bitmap_store *weir_bitmap_store_new(weir_kv *owned_kv)
{
    WEIR_ASSERT(owned_kv != NULL);

    weir_bitmap_store *store = weir_alloc(sizeof *store);
    store->kv = owned_kv;
    return store;
}

void weir_bitmap_store_free(weir_bitmap_store *store)
{
    if (store != NULL) {
        weir_kv_free(store->kv);
        weir_buf_cleanup(&store->key);
        weir_buf_cleanup(&store->value);
        free(store);
    }
}

/* The key that all chunks of facet begin with. */
static weir_status set_facet(weir_bitmap_store *store, weir_bytes facet, weir_error *err)
{
    WEIR_ASSERT(facet.data != NULL);

    if (facet.size > WEIR_FACET_BYTES_MAX) {
        return weir_error_set(err, WEIR_BAD_RECORD, "%s: facet of %zu bytes, at most %d",
                              store->kv->name, facet.size, WEIR_FACET_BYTES_MAX);
    }
    uint8_t size[sizeof(uint16_t)];
    weir_put_u16_be(size, (uint16_t)facet.size);
    weir_buf_set(&store->key, weir_bytes_of(size, sizeof size));
    weir_buf_append(&store->key, facet.data, facet.size);
    return WEIR_OK;
}

static uint16_t id_at(const uint8_t *list, size_t index)
{
    return weir_get_u16_be(list + index * sizeof(uint16_t));
}

static bool is_chunk(weir_bytes value)
{
    if (value.size == BITS_BYTES) {
        return true;
    }
    bool fits = value.size % sizeof(uint16_t) == 0 && value.size / sizeof(uint16_t) <= LIST_IDS_MAX;
    for (size_t i = 0; fits && i < value.size / sizeof(uint16_t); i++) {
        fits = id_at(value.data, i) < CHUNK_IDS;
    }
    return fits;
}

weir_status weir_bitmap_store_check(weir_bytes key, weir_bytes value, weir_error *err)
{
    size_t facet_bytes = key.size < sizeof(uint16_t) ? 0 : weir_get_u16_be(key.data);
    if (key.size != sizeof(uint16_t) + facet_bytes + sizeof(uint64_t)) {
        return weir_error_set(err, WEIR_BAD_RECORD, "a key of %zu bytes that is of no set",
                              key.size);
    }
    return value.data == NULL || is_chunk(value)
               ? WEIR_OK
               : weir_error_set(err, WEIR_BAD_RECORD, "a chunk of %zu bytes that is no bitmap",
                                value.size);
}

/* Reads a value into the bits of the call. */
static weir_status parse_chunk(weir_bitmap_store *store, weir_bytes value, weir_error *err)
{
    if (!is_chunk(value)) {
        return weir_error_set(err, WEIR_CORRUPT, "%s: a chunk of %zu bytes that is no bitmap",
                              store->kv->name, value.size);
    }
    if (value.size == BITS_BYTES) {
        memcpy(store->bits, value.data, BITS_BYTES);
        return WEIR_OK;
    }
    memset(store->bits, 0, BITS_BYTES);
    for (size_t i = 0; i < value.size / sizeof(uint16_t); i++) {
        uint16_t id = id_at(value.data, i);
        store->bits[id / 8] |= (uint8_t)(1 << id % 8);
    }
    return WEIR_OK;
}

static uint32_t count_bits(const weir_bitmap_store *store)
{
    uint32_t count = 0;
    for (size_t i = 0; i < BITS_BYTES; i++) {
        count += (uint32_t)__builtin_popcount(store->bits[i]);
    }
    return count;
}

/* The value of the bits of the call: a list where that is shorter. */
static weir_bytes format_chunk(weir_bitmap_store *store)
{
    uint32_t count = count_bits(store);
    if (count > LIST_IDS_MAX) {
        return weir_bytes_of(store->bits, BITS_BYTES);
    }
    weir_buf_clear(&store->value);
    for (uint32_t id = 0; id < CHUNK_IDS; id++) {
        if ((store->bits[id / 8] >> (id % 8) & 1) != 0) {
            uint8_t bytes[sizeof(uint16_t)];
            weir_put_u16_be(bytes, (uint16_t)id);
            weir_buf_append(&store->value, bytes, sizeof bytes);
        }
    }
    return weir_buf_bytes(&store->value);
}

/* Reads the chunk of id into the bits of the call; none is an empty one. */
static weir_status read_chunk(weir_bitmap_store *store, weir_bytes facet, uint64_t id,
                              weir_error *err)
{
    WEIR_TRY(set_facet(store, facet, err));
    weir_buf_append_i64_be(&store->key, (int64_t)(id / CHUNK_IDS));
    weir_status status = weir_kv_get(store->kv, weir_buf_bytes(&store->key), &store->value, err);
    if (status == WEIR_NOT_FOUND) {
        memset(store->bits, 0, BITS_BYTES);
        return WEIR_OK;
    }
    WEIR_TRY(status);
    return parse_chunk(store, weir_buf_bytes(&store->value), err);
}

/* Sets or clears the bit of id. Writes nothing where nothing changes. */
static weir_status change(weir_bitmap_store *store, weir_bytes facet, uint64_t id, bool present,
                          weir_error *err)
{
    WEIR_TRY(read_chunk(store, facet, id, err));
    uint8_t *byte = &store->bits[id % CHUNK_IDS / 8];
    uint8_t bit = (uint8_t)(1 << id % 8);
    if (((*byte & bit) != 0) == present) {
        return WEIR_OK;
    }
    *byte ^= bit;
    weir_bytes value = format_chunk(store);
    return value.size == 0 ? weir_kv_remove(store->kv, weir_buf_bytes(&store->key), err)
                           : weir_kv_put(store->kv, weir_buf_bytes(&store->key), value, err);
}

weir_status weir_bitmap_store_add(weir_bitmap_store *store, weir_bytes facet, uint64_t id,
                                  weir_error *err)
{
    return change(store, facet, id, true, err);
}

weir_status weir_bitmap_store_remove(weir_bitmap_store *store, weir_bytes facet, uint64_t id,
                                     weir_error *err)
{
    return change(store, facet, id, false, err);
}

weir_status weir_bitmap_store_contains(weir_bitmap_store *store, weir_bytes facet, uint64_t id,
                                       bool *out_contains, weir_error *err)
{
    WEIR_TRY(read_chunk(store, facet, id, err));
    *out_contains = (store->bits[id % CHUNK_IDS / 8] >> (id % 8) & 1) != 0;
    return WEIR_OK;
}

/* Adds the bits of the call, whose first id is first. */
static void add_bits(const weir_bitmap_store *store, uint64_t first, weir_bitmap *to)
{
    for (uint32_t id = 0; id < CHUNK_IDS; id++) {
        if ((store->bits[id / 8] >> (id % 8) & 1) != 0) {
            (void)weir_bitmap_add(to, first + id);
        }
    }
}

/* What a walk over the chunks of a set makes of each, whose bits are those of the call. */
typedef void (*chunk_visitor)(const weir_bitmap_store *store, uint64_t first, void *user);

static void add_chunk(const weir_bitmap_store *store, uint64_t first, void *user)
{
    add_bits(store, first, user);
}

static void count_chunk(const weir_bitmap_store *store, uint64_t first, void *user)
{
    (void)first;
    uint64_t *count = user;
    *count += count_bits(store);
}

static weir_status visit_chunks(weir_bitmap_store *store, weir_bytes facet, chunk_visitor visit,
                                void *user, weir_error *err)
{
    WEIR_TRY(set_facet(store, facet, err));
    WEIR_AUTO_PTR(weir_kv_iterator) it = NULL;
    size_t prefix_size = store->key.size;
    WEIR_TRY(weir_kv_prefix(store->kv, weir_buf_bytes(&store->key), &it, err));
    weir_bytes key;
    weir_bytes value;
    weir_status status = weir_kv_iterator_next(it, &key, &value, err);
    for (; status == WEIR_OK; status = weir_kv_iterator_next(it, &key, &value, err)) {
        if (key.size != prefix_size + sizeof(uint64_t)) {
            return weir_error_set(err, WEIR_CORRUPT, "%s: a chunk key of %zu bytes",
                                  store->kv->name, key.size);
        }
        WEIR_TRY(parse_chunk(store, value, err));
        visit(store, weir_get_u64_be((const uint8_t *)key.data + prefix_size) * CHUNK_IDS, user);
    }
    return status == WEIR_NOT_FOUND ? WEIR_OK : status;
}

weir_status weir_bitmap_store_load(weir_bitmap_store *store, weir_bytes facet,
                                   weir_bitmap **out_bitmap, weir_error *err)
{
    WEIR_AUTO_PTR(weir_bitmap) bitmap = weir_bitmap_new();
    WEIR_TRY(visit_chunks(store, facet, add_chunk, bitmap, err));
    *out_bitmap = weir_take(&bitmap);
    return WEIR_OK;
}

weir_status weir_bitmap_store_cardinality(weir_bitmap_store *store, weir_bytes facet,
                                          uint64_t *out_count, weir_error *err)
{
    uint64_t count = 0;
    WEIR_TRY(visit_chunks(store, facet, count_chunk, &count, err));
    *out_count = count;
    return WEIR_OK;
}
