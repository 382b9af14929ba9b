/* SPDX-License-Identifier: Apache-2.0
 *
 * ttl_store.c - rows in one store, their due times in another.
 *
 *   rows     key                   -> value
 *   index    0 | int64 due | key   -> empty   in order of time: what expire() walks
 *            1 | key               -> due     so that a new due time finds the old entry
 *
 * The due time is not put in front of the row's value, for a table's changelog is read by others.
 * A crash between two of these writes cannot be: a commit holds all of them or none.
 */
#include "statestore/ttl_store.h"

#include "streams/base/serde.h"

#include <stdlib.h>

enum { BY_TIME = 0, BY_KEY = 1, DUE_BYTES = 8, TIME_KEY_BYTES_MIN = 1 + DUE_BYTES };

struct weir_ttl_store {
    weir_kv *rows;
    weir_kv *index;
    weir_buf key; /* Of the index, for the call. */
    weir_buf due; /* A due time as it was read. */
};

weir_ttl_store *weir_ttl_store_new(weir_kv *owned_rows, weir_kv *owned_index)
{
    WEIR_ASSERT(owned_rows != NULL);
    WEIR_ASSERT(owned_index != NULL);

    weir_ttl_store *store = weir_alloc(sizeof *store);
    store->rows = owned_rows;
    store->index = owned_index;
    return store;
}

void weir_ttl_store_free(weir_ttl_store *store)
{
    if (store != NULL) {
        weir_kv_free(store->rows);
        weir_kv_free(store->index);
        weir_buf_cleanup(&store->key);
        weir_buf_cleanup(&store->due);
        free(store);
    }
}

static weir_bytes key_by_time(weir_ttl_store *store, int64_t due_ms, weir_bytes key)
{
    weir_buf_clear(&store->key);
    weir_buf_append_byte(&store->key, BY_TIME);
    weir_buf_append_i64_be(&store->key, due_ms);
    weir_buf_append(&store->key, key.data, key.size);
    return weir_buf_bytes(&store->key);
}

static weir_bytes key_by_key(weir_ttl_store *store, weir_bytes key)
{
    weir_buf_clear(&store->key);
    weir_buf_append_byte(&store->key, BY_KEY);
    weir_buf_append(&store->key, key.data, key.size);
    return weir_buf_bytes(&store->key);
}

/* The due time of key; WEIR_NOT_FOUND where it has none. */
static weir_status due_of(weir_ttl_store *store, weir_bytes key, int64_t *out_due_ms,
                          weir_error *err)
{
    WEIR_TRY(weir_kv_get(store->index, key_by_key(store, key), &store->due, err));
    if (store->due.size != DUE_BYTES) {
        return weir_error_set(err, WEIR_CORRUPT, "%s: a due time of %zu bytes, expected %d",
                              store->index->name, store->due.size, DUE_BYTES);
    }
    *out_due_ms = (int64_t)weir_get_u64_be(store->due.data);
    return WEIR_OK;
}

/* Takes key out of the order of time. */
static weir_status forget_due(weir_ttl_store *store, weir_bytes key, weir_error *err)
{
    int64_t due_ms = 0;
    weir_status status = due_of(store, key, &due_ms, err);
    if (status == WEIR_OK) {
        status = weir_kv_remove(store->index, key_by_time(store, due_ms, key), err);
    }
    return status == WEIR_NOT_FOUND ? WEIR_OK : status;
}

weir_status weir_ttl_store_put(weir_ttl_store *store, weir_bytes key, weir_bytes value,
                               int64_t due_ms, weir_error *err)
{
    WEIR_ASSERT(due_ms >= 0);

    if (key.size > WEIR_KV_KEY_BYTES_MAX - TIME_KEY_BYTES_MIN) {
        return weir_error_set(err, WEIR_BAD_RECORD, "%s: key of %zu bytes, at most %d",
                              store->rows->name, key.size,
                              WEIR_KV_KEY_BYTES_MAX - TIME_KEY_BYTES_MIN);
    }
    WEIR_TRY(weir_kv_put(store->rows, key, value, err)); /* First: it may refuse the value. */
    WEIR_TRY(forget_due(store, key, err));
    WEIR_TRY(weir_kv_put(store->index, key_by_time(store, due_ms, key), WEIR_BYTES(""), err));
    uint8_t due[DUE_BYTES];
    weir_put_u64_be(due, (uint64_t)due_ms);
    return weir_kv_put(store->index, key_by_key(store, key), weir_bytes_of(due, sizeof due), err);
}

weir_status weir_ttl_store_get(weir_ttl_store *store, weir_bytes key, int64_t now_ms,
                               weir_buf *out_value, weir_error *err)
{
    int64_t due_ms = 0;
    WEIR_TRY(due_of(store, key, &due_ms, err));
    return due_ms <= now_ms ? WEIR_NOT_FOUND : weir_kv_get(store->rows, key, out_value, err);
}

weir_status weir_ttl_store_remove(weir_ttl_store *store, weir_bytes key, weir_error *err)
{
    WEIR_TRY(forget_due(store, key, err));
    WEIR_TRY(weir_kv_remove(store->rows, key, err));
    return weir_kv_remove(store->index, key_by_key(store, key), err);
}

weir_status weir_ttl_store_expire(weir_ttl_store *store, int64_t now_ms, size_t slice_max,
                                  size_t *out_removed, weir_error *err)
{
    WEIR_ASSERT(now_ms >= 0 && now_ms < INT64_MAX);

    WEIR_AUTO(weir_buf) end = {0};
    weir_buf_set(&end, key_by_time(store, now_ms + 1, WEIR_BYTES("")));
    WEIR_AUTO_PTR(weir_kv_iterator) it = NULL;
    WEIR_TRY(weir_kv_range(store->index, WEIR_BYTES_NULL, weir_buf_bytes(&end), false, &it, err));
    WEIR_AUTO(weir_buf) key = {0};
    size_t removed = 0;
    for (; removed < slice_max; removed++) {
        weir_bytes found;
        weir_bytes value;
        weir_status status = weir_kv_iterator_next(it, &found, &value, err);
        if (status == WEIR_NOT_FOUND) {
            break;
        }
        WEIR_TRY(status);
        if (found.size < TIME_KEY_BYTES_MIN) {
            return weir_error_set(err, WEIR_CORRUPT, "%s: an index key of %zu bytes, at least %d",
                                  store->index->name, found.size, TIME_KEY_BYTES_MIN);
        }
        weir_buf_set(&key, weir_bytes_of((const uint8_t *)found.data + TIME_KEY_BYTES_MIN,
                                         found.size - TIME_KEY_BYTES_MIN));
        WEIR_TRY(weir_ttl_store_remove(store, weir_buf_bytes(&key), err));
    }
    *out_removed = removed;
    return WEIR_OK;
}
