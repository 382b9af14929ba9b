/* SPDX-License-Identifier: Apache-2.0
 *
 * due_index.c - two entries an id:
 *
 *   0 | int64 due | id   -> empty              in order of time: what take() walks
 *   1 | id               -> int64 due | payload  so that a new due time finds the old entry
 *
 * A crash between two of these writes cannot be: a commit holds all of them or none.
 *
 * not_before_ms is where a walk begins. Without it each would pass over the tombstones of all that
 * was ever taken, which an engine keeps until it compacts. It is lowered by what is set, and raised
 * by a walk to the first entry that is not due.
 */
#include "statestore/due_index.h"

#include "streams/base/serde.h"

#include <stdlib.h>

enum {
    BY_TIME = 0,
    BY_ID = 1,
    DUE_BYTES = 8,
    TIME_KEY_BYTES_MIN = 1 + DUE_BYTES,
    BATCH_IDS_MAX = 64, /* Read ahead of what is told; an id is at most 64 KiB. */
};

struct weir_due_index {
    weir_kv *kv;
    int64_t not_before_ms;
    int64_t set_ms;   /* The earliest that was set since take() looked. */
    weir_buf key;     /* Of the store, for the call. */
    weir_buf value;   /* As it is written. */
    weir_buf stored;  /* As it was read. */
    weir_buf ids;     /* Of a batch, each with its size. */
    weir_buf payload; /* Of the one that is told of. */
};

weir_due_index *weir_due_index_new(weir_kv *owned_kv)
{
    WEIR_ASSERT(owned_kv != NULL);

    weir_due_index *index = weir_alloc(sizeof *index);
    index->kv = owned_kv;
    return index;
}

void weir_due_index_free(weir_due_index *index)
{
    if (index != NULL) {
        weir_kv_free(index->kv);
        weir_buf_cleanup(&index->key);
        weir_buf_cleanup(&index->value);
        weir_buf_cleanup(&index->stored);
        weir_buf_cleanup(&index->ids);
        weir_buf_cleanup(&index->payload);
        free(index);
    }
}

int64_t weir_due_index_not_before_ms(const weir_due_index *index)
{
    return index->not_before_ms;
}

static weir_bytes key_by_time(weir_due_index *index, int64_t due_ms, weir_bytes id)
{
    weir_buf_clear(&index->key);
    weir_buf_append_byte(&index->key, BY_TIME);
    weir_buf_append_i64_be(&index->key, due_ms);
    weir_buf_append(&index->key, id.data, id.size);
    return weir_buf_bytes(&index->key);
}

static weir_bytes key_by_id(weir_due_index *index, weir_bytes id)
{
    weir_buf_clear(&index->key);
    weir_buf_append_byte(&index->key, BY_ID);
    weir_buf_append(&index->key, id.data, id.size);
    return weir_buf_bytes(&index->key);
}

weir_status weir_due_index_get(weir_due_index *index, weir_bytes id, int64_t *out_due_ms,
                               weir_buf *out_payload, weir_error *err)
{
    WEIR_TRY(weir_kv_get(index->kv, key_by_id(index, id), &index->stored, err));
    if (index->stored.size < DUE_BYTES) {
        return weir_error_set(err, WEIR_CORRUPT, "%s: a due time of %zu bytes, expected %d",
                              index->kv->name, index->stored.size, DUE_BYTES);
    }
    *out_due_ms = (int64_t)weir_get_u64_be(index->stored.data);
    if (out_payload != NULL) {
        weir_buf_set(out_payload,
                     weir_bytes_of(index->stored.data + DUE_BYTES, index->stored.size - DUE_BYTES));
    }
    return WEIR_OK;
}

/* Takes id out of the order of time. */
static weir_status forget_due(weir_due_index *index, weir_bytes id, weir_error *err)
{
    int64_t due_ms = 0;
    weir_status status = weir_due_index_get(index, id, &due_ms, NULL, err);
    if (status == WEIR_OK) {
        status = weir_kv_remove(index->kv, key_by_time(index, due_ms, id), err);
    }
    return status == WEIR_NOT_FOUND ? WEIR_OK : status;
}

static int64_t min_of(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

weir_status weir_due_index_set(weir_due_index *index, const weir_due *due, weir_error *err)
{
    WEIR_ASSERT(due->due_ms >= 0);

    if (due->id.size > WEIR_DUE_ID_BYTES_MAX) {
        return weir_error_set(err, WEIR_BAD_RECORD, "%s: an id of %zu bytes, at most %d",
                              index->kv->name, due->id.size, WEIR_DUE_ID_BYTES_MAX);
    }
    if (due->payload.size > WEIR_KV_VALUE_BYTES_MAX - DUE_BYTES) {
        return weir_error_set(err, WEIR_BAD_RECORD, "%s: a payload of %zu bytes, at most %d",
                              index->kv->name, due->payload.size,
                              WEIR_KV_VALUE_BYTES_MAX - DUE_BYTES);
    }
    WEIR_TRY(forget_due(index, due->id, err));
    WEIR_TRY(weir_kv_put(index->kv, key_by_time(index, due->due_ms, due->id), WEIR_BYTES(""), err));
    weir_buf_clear(&index->value);
    weir_buf_append_i64_be(&index->value, due->due_ms);
    weir_buf_append(&index->value, due->payload.data, due->payload.size);
    index->not_before_ms = min_of(index->not_before_ms, due->due_ms);
    index->set_ms = min_of(index->set_ms, due->due_ms);
    return weir_kv_put(index->kv, key_by_id(index, due->id), weir_buf_bytes(&index->value), err);
}

weir_status weir_due_index_remove(weir_due_index *index, weir_bytes id, weir_error *err)
{
    WEIR_TRY(forget_due(index, id, err));
    return weir_kv_remove(index->kv, key_by_id(index, id), err);
}

weir_status weir_due_index_last(weir_due_index *index, weir_buf *out_id, weir_error *err)
{
    const uint8_t first = BY_ID;
    WEIR_AUTO_PTR(weir_kv_iterator) it = NULL;
    WEIR_TRY(weir_kv_range(index->kv, weir_bytes_of(&first, 1), WEIR_BYTES_NULL, true, &it, err));
    weir_bytes key;
    weir_bytes value;
    WEIR_TRY(weir_kv_iterator_next(it, &key, &value, err));
    weir_buf_set(out_id, weir_bytes_of((const uint8_t *)key.data + 1, key.size - 1));
    return WEIR_OK;
}

/* An entry of the order of time, copied: the store is written while the batch is told. */
typedef struct due_entry {
    size_t at; /* Of the id, in index->ids. */
    size_t size;
    int64_t due_ms;
} due_entry;

typedef struct due_batch {
    due_entry entries[BATCH_IDS_MAX];
    size_t count;
} due_batch;

static weir_status add_entry(weir_due_index *index, weir_bytes key, due_batch *batch,
                             weir_error *err)
{
    if (key.size < TIME_KEY_BYTES_MIN) {
        return weir_error_set(err, WEIR_CORRUPT, "%s: an index key of %zu bytes, at least %d",
                              index->kv->name, key.size, TIME_KEY_BYTES_MIN);
    }
    const uint8_t *data = key.data;
    batch->entries[batch->count++] = (due_entry){
        .at = index->ids.size,
        .size = key.size - TIME_KEY_BYTES_MIN,
        .due_ms = (int64_t)weir_get_u64_be(data + 1),
    };
    weir_buf_append(&index->ids, data + TIME_KEY_BYTES_MIN, key.size - TIME_KEY_BYTES_MIN);
    return WEIR_OK;
}

/* What is due by now_ms, at most max of it; where the walk ended nothing earlier is left behind. */
static weir_status read_batch(weir_due_index *index, int64_t now_ms, size_t max, due_batch *batch,
                              weir_error *err)
{
    batch->count = 0;
    weir_buf_clear(&index->ids);
    const uint8_t end = BY_ID;
    WEIR_AUTO_PTR(weir_kv_iterator) it = NULL;
    weir_bytes from = key_by_time(index, index->not_before_ms, WEIR_BYTES(""));
    WEIR_TRY(weir_kv_range(index->kv, from, weir_bytes_of(&end, 1), false, &it, err));
    weir_bytes key;
    weir_bytes value;
    weir_status status = WEIR_OK;
    while (batch->count < max) {
        status = weir_kv_iterator_next(it, &key, &value, err);
        if (status == WEIR_NOT_FOUND) {
            index->not_before_ms = batch->count == 0 ? INT64_MAX : index->not_before_ms;
            return WEIR_OK;
        }
        WEIR_TRY(status);
        WEIR_TRY(add_entry(index, key, batch, err));
        if (batch->entries[batch->count - 1].due_ms > now_ms) {
            batch->count--;
            index->not_before_ms =
                batch->count == 0 ? batch->entries[0].due_ms : index->not_before_ms;
            return WEIR_OK;
        }
    }
    return WEIR_OK;
}

/* Takes one out, unless what was told before has removed it or set it anew. */
static weir_status take_one(weir_due_index *index, const due_entry *entry,
                            const weir_due_request *request, size_t *count, weir_error *err)
{
    const weir_bytes id = weir_bytes_of(index->ids.data + entry->at, entry->size);
    int64_t due_ms = 0;
    weir_status status = weir_due_index_get(index, id, &due_ms, &index->payload, err);
    index->not_before_ms = entry->due_ms;
    if (status == WEIR_NOT_FOUND || (status == WEIR_OK && due_ms != entry->due_ms)) {
        return WEIR_OK;
    }
    WEIR_TRY(status);
    WEIR_TRY(weir_kv_remove(index->kv, key_by_time(index, due_ms, id), err));
    WEIR_TRY(weir_kv_remove(index->kv, key_by_id(index, id), err));
    ++*count;
    const weir_due due = {id, due_ms, weir_buf_bytes(&index->payload)};
    return request->tell(request->user, &due, err);
}

weir_status weir_due_index_take(weir_due_index *index, const weir_due_request *request,
                                size_t *out_count, weir_error *err)
{
    WEIR_ASSERT(request->now_ms >= 0);

    *out_count = 0;
    while (*out_count < request->slice_max && index->not_before_ms <= request->now_ms) {
        due_batch batch;
        size_t left = request->slice_max - *out_count;
        WEIR_TRY(read_batch(index, request->now_ms, left < BATCH_IDS_MAX ? left : BATCH_IDS_MAX,
                            &batch, err));
        index->set_ms = INT64_MAX;
        for (size_t i = 0; i < batch.count; i++) {
            if (index->set_ms < batch.entries[i].due_ms) {
                break; /* What was told has set something earlier. */
            }
            WEIR_TRY(take_one(index, &batch.entries[i], request, out_count, err));
        }
    }
    return WEIR_OK;
}
