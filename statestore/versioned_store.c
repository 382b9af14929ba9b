/* SPDX-License-Identifier: Apache-2.0
 *
 * versioned_store.c - a put is one blind write: a version ends where the next one begins, which is
 * not written down. So the same puts lead to the same rows in any order, and a restore or a standby
 * writes rows without reading any.
 *
 * Kafka Streams keeps the latest version apart and older ones in segments, together with when they
 * end; what it shows is the same. Its segments go whole, rows here by a slow walk: a version may go
 * once the next one is as old as the history; a removal, too, once it is that old itself, for
 * nothing before it is left.
 */
#include "statestore/versioned_store.h"

#include "streams/base/serde.h"

#include <assert.h>
#include <stdlib.h>

enum { LENGTH_BYTES = 4, TIME_BYTES = 8, THERE = 1 };

static_assert(LENGTH_BYTES + TIME_BYTES == WEIR_VERSION_OVERHEAD_BYTES, "as the header says");

struct weir_versioned_store {
    weir_kv *kv;
    int64_t history_ms;
    weir_expiry expiry; /* Its stream time, and when a pass begins. */
    weir_buf row_key;
    weir_buf row_value;
    weir_buf limit; /* Of a range. */
    weir_buf found; /* The value that was read. */
};

weir_versioned_store *weir_versioned_store_new(weir_kv *owned_kv, int64_t history_ms,
                                               int64_t stream_time_ms)
{
    WEIR_ASSERT(owned_kv != NULL);
    WEIR_ASSERT(history_ms > 0);

    weir_versioned_store *store = weir_alloc(sizeof *store);
    store->kv = owned_kv;
    store->history_ms = history_ms;
    store->expiry = weir_expiry_of(history_ms);
    weir_expiry_observe(&store->expiry, stream_time_ms);
    return store;
}

void weir_versioned_store_free(weir_versioned_store *store)
{
    if (store != NULL) {
        weir_kv_free(store->kv);
        weir_expiry_cleanup(&store->expiry);
        weir_buf_cleanup(&store->row_key);
        weir_buf_cleanup(&store->row_value);
        weir_buf_cleanup(&store->limit);
        weir_buf_cleanup(&store->found);
        free(store);
    }
}

int64_t weir_versioned_store_stream_time_ms(const weir_versioned_store *store)
{
    return store->expiry.stream_time_ms < 0 ? 0 : store->expiry.stream_time_ms;
}

void weir_versioned_append_row_key(weir_bytes key, int64_t from_ms, weir_buf *to_key)
{
    weir_buf_append_i32_be(to_key, (int32_t)key.size);
    weir_buf_append(to_key, key.data, key.size);
    weir_buf_append_i64_be(to_key, from_ms);
}

void weir_versioned_append_row_value(weir_bytes value, weir_buf *to_value)
{
    if (value.data != NULL) {
        weir_buf_append_byte(to_value, THERE);
        weir_buf_append(to_value, value.data, value.size);
    }
}

bool weir_versioned_of_row(weir_bytes row_key, weir_bytes row_value, weir_bytes *out_key,
                           weir_versioned_value *out_version)
{
    if (row_key.size < WEIR_VERSION_OVERHEAD_BYTES) {
        return false;
    }
    const uint8_t *data = row_key.data;
    size_t key_bytes = row_key.size - WEIR_VERSION_OVERHEAD_BYTES;
    if (weir_get_u32_be(data) != key_bytes) {
        return false;
    }
    *out_key = weir_bytes_of(data + LENGTH_BYTES, key_bytes);
    *out_version = (weir_versioned_value){
        .from_ms = (int64_t)weir_get_u64_be(data + LENGTH_BYTES + key_bytes),
        .to_ms = -1,
    };
    if (row_value.size > 0) {
        out_version->value = weir_bytes_of((const uint8_t *)row_value.data + 1, row_value.size - 1);
    }
    return true;
}

static weir_status refuse_row(const weir_kv *kv, weir_bytes row_key, weir_error *err)
{
    return weir_error_set(err, WEIR_CORRUPT, "%s: a version's key of %zu bytes", kv->name,
                          row_key.size);
}

/* From which time on the history is kept. */
static int64_t kept_from(const weir_versioned_store *store)
{
    return weir_versioned_store_stream_time_ms(store) - store->history_ms;
}

static weir_bytes row_key_at(weir_buf *to, weir_bytes key, int64_t time_ms)
{
    weir_buf_clear(to);
    weir_versioned_append_row_key(key, time_ms, to);
    return weir_buf_bytes(to);
}

/* Versions of a key with from_ms <= time < to_ms. */
typedef struct span {
    weir_bytes key;
    int64_t from_ms;
    int64_t to_ms;
    bool last; /* The last of them is asked for, else the first. */
} span;

/* One of them; its value is copied to *to_value, unless NULL. */
static weir_status find(weir_versioned_store *store, const span *within,
                        weir_versioned_value *out_version, weir_buf *to_value, weir_error *err)
{
    if (within->from_ms >= within->to_ms) {
        return WEIR_NOT_FOUND;
    }
    weir_bytes from = row_key_at(&store->row_key, within->key, within->from_ms);
    weir_bytes to = row_key_at(&store->limit, within->key, within->to_ms);
    WEIR_AUTO_PTR(weir_kv_iterator) rows = NULL;
    WEIR_TRY(weir_kv_range(store->kv, from, to, within->last, &rows, err));
    weir_bytes row_key = {0};
    weir_bytes row_value = {0};
    WEIR_TRY(weir_kv_iterator_next(rows, &row_key, &row_value, err));
    weir_bytes unused = {0};
    if (!weir_versioned_of_row(row_key, row_value, &unused, out_version)) {
        return refuse_row(store->kv, row_key, err);
    }
    if (to_value != NULL && out_version->value.data != NULL) {
        weir_buf_set(to_value, out_version->value);
        out_version->value = weir_buf_bytes(to_value);
    }
    return WEIR_OK;
}

/* When the first version after time_ms begins; -1: there is none. */
static weir_status find_next(weir_versioned_store *store, weir_bytes key, int64_t time_ms,
                             int64_t *out_next_ms, weir_error *err)
{
    *out_next_ms = -1;
    int64_t stream_time_ms = weir_versioned_store_stream_time_ms(store);
    if (time_ms >= stream_time_ms) {
        return WEIR_OK; /* The usual case, and no read. */
    }
    const span after = {.key = key, .from_ms = time_ms + 1, .to_ms = stream_time_ms + 1};
    weir_versioned_value next = {0};
    weir_status status = find(store, &after, &next, NULL, err);
    if (status == WEIR_OK) {
        *out_next_ms = next.from_ms;
    }
    return status == WEIR_NOT_FOUND ? WEIR_OK : status;
}

weir_status weir_versioned_store_put(weir_versioned_store *store, weir_bytes key, weir_bytes value,
                                     int64_t from_ms, int64_t *out_to_ms, weir_error *err)
{
    WEIR_ASSERT(key.data != NULL);

    if (from_ms < 0) {
        return weir_error_set(err, WEIR_BAD_RECORD, "%s: the time %lld of a version is negative",
                              store->kv->name, (long long)from_ms);
    }
    if (from_ms < kept_from(store)) {
        return WEIR_NOT_FOUND;
    }
    WEIR_TRY(find_next(store, key, from_ms, out_to_ms, err));
    weir_buf_clear(&store->row_value);
    weir_versioned_append_row_value(value, &store->row_value);
    weir_bytes row_value = value.data == NULL ? WEIR_BYTES("") : weir_buf_bytes(&store->row_value);
    WEIR_TRY(weir_kv_put(store->kv, row_key_at(&store->row_key, key, from_ms), row_value, err));
    weir_expiry_observe(&store->expiry, from_ms);
    return WEIR_OK;
}

/* The version at time_ms, without its end. */
static weir_status find_at(weir_versioned_store *store, weir_bytes key, int64_t time_ms,
                           weir_versioned_value *out_version, weir_error *err)
{
    int64_t stream_time_ms = weir_versioned_store_stream_time_ms(store);
    int64_t last_ms = time_ms < stream_time_ms ? time_ms : stream_time_ms;
    weir_versioned_value found = {0};
    const span before = {.key = key, .to_ms = last_ms + 1, .last = true};
    WEIR_TRY(find(store, &before, &found, &store->found, err));
    if (found.value.data == NULL) {
        return WEIR_NOT_FOUND;
    }
    *out_version = found;
    return WEIR_OK;
}

weir_status weir_versioned_store_get(weir_versioned_store *store, weir_bytes key,
                                     weir_versioned_value *out_version, weir_error *err)
{
    WEIR_ASSERT(key.data != NULL);
    return find_at(store, key, INT64_MAX, out_version, err);
}

weir_status weir_versioned_store_get_as_of(weir_versioned_store *store, weir_bytes key,
                                           int64_t time_ms, weir_versioned_value *out_version,
                                           weir_error *err)
{
    WEIR_ASSERT(key.data != NULL);

    weir_versioned_value found = {0};
    WEIR_TRY(find_at(store, key, time_ms, &found, err));
    WEIR_TRY(find_next(store, key, time_ms, &found.to_ms, err));
    if (time_ms < kept_from(store) && found.to_ms >= 0) {
        return WEIR_NOT_FOUND; /* Though it may be there still. */
    }
    *out_version = found;
    return WEIR_OK;
}

weir_status weir_versioned_store_delete(weir_versioned_store *store, weir_bytes key,
                                        int64_t from_ms, weir_versioned_value *out_version,
                                        weir_error *err)
{
    if (from_ms < kept_from(store)) {
        return WEIR_NOT_FOUND;
    }
    weir_versioned_value before = {0};
    weir_status status = weir_versioned_store_get_as_of(store, key, from_ms, &before, err);
    if (status != WEIR_OK && status != WEIR_NOT_FOUND) {
        return status;
    }
    int64_t unused = 0;
    WEIR_TRY(weir_versioned_store_put(store, key, WEIR_BYTES_NULL, from_ms, &unused, err));
    if (status == WEIR_OK) {
        *out_version = before;
    }
    return status;
}

/* The row that was looked at last, if it is as old as the history: it goes with the next one of its
 * key that is, too, or because it says that there is nothing. */
typedef struct last_row {
    weir_buf key; /* The row's. */
    bool is_there;
    bool is_removal;
} last_row;

/* A walk over rows that removes some. */
typedef struct pass {
    weir_kv *kv;
    int64_t kept_from_ms;
    last_row last;
    size_t removed;
} pass;

static weir_status drop_last(pass *self, weir_error *err)
{
    self->last.is_there = false;
    self->removed++;
    return weir_kv_remove(self->kv, weir_buf_bytes(&self->last.key), err);
}

/* Looks at the next row, with the one before it in mind. */
static weir_status look(pass *self, weir_bytes row_key, weir_bytes row_value, weir_error *err)
{
    last_row *last = &self->last;
    weir_bytes key = {0};
    weir_versioned_value version = {0};
    if (!weir_versioned_of_row(row_key, row_value, &key, &version)) {
        return refuse_row(self->kv, row_key, err);
    }
    size_t head_bytes = row_key.size - TIME_BYTES;
    weir_bytes head = weir_bytes_of(row_key.data, head_bytes);
    bool same_key = last->is_there && weir_bytes_starts_with(weir_buf_bytes(&last->key), head) &&
                    last->key.size == row_key.size;
    bool is_old = version.from_ms <= self->kept_from_ms;
    if (last->is_there && (last->is_removal || (same_key && is_old))) {
        WEIR_TRY(drop_last(self, err));
    }
    weir_buf_set(&last->key, row_key);
    last->is_there = is_old;
    last->is_removal = version.value.data == NULL;
    return WEIR_OK;
}

static weir_status walk(pass *self, weir_expiry *expiry, size_t slice_max, weir_error *err)
{
    WEIR_AUTO_PTR(weir_kv_iterator) rows = NULL;
    WEIR_TRY(weir_kv_range(self->kv, weir_buf_bytes(&expiry->scan.last), WEIR_BYTES_NULL, false,
                           &rows, err));
    weir_bytes key = {0};
    weir_bytes value = {0};
    for (size_t i = 0; i < slice_max; i++) {
        weir_status status = weir_kv_iterator_next(rows, &key, &value, err);
        if (status == WEIR_NOT_FOUND) {
            expiry->in_pass = false;
            break;
        }
        WEIR_TRY(status);
        weir_buf_set(&expiry->scan.last, key);
        WEIR_TRY(look(self, key, value, err));
    }
    return self->last.is_there && self->last.is_removal && !expiry->in_pass ? drop_last(self, err)
                                                                            : WEIR_OK;
}

weir_status weir_versioned_rows_expire(weir_expiry *expiry, weir_kv *kv, size_t slice_max,
                                       size_t *out_removed, weir_error *err)
{
    *out_removed = 0;
    if (slice_max == 0 || !weir_expiry_begin_pass(expiry)) {
        return WEIR_OK;
    }
    pass self = {.kv = kv, .kept_from_ms = expiry->stream_time_ms - expiry->retention_ms};
    weir_status status = walk(&self, expiry, slice_max, err);
    weir_buf_cleanup(&self.last.key);
    *out_removed = self.removed;
    return status;
}

weir_status weir_versioned_store_expire(weir_versioned_store *store, size_t slice_max,
                                        size_t *out_removed, weir_error *err)
{
    return weir_versioned_rows_expire(&store->expiry, store->kv, slice_max, out_removed, err);
}
