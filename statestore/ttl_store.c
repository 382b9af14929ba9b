/* SPDX-License-Identifier: Apache-2.0
 *
 * ttl_store.c - rows in one store, when they are due in another (due_index.h).
 *
 * The due time is not put in front of the row's value, for a table's changelog is read by others.
 */
#include "statestore/ttl_store.h"

#include <stdlib.h>

struct weir_ttl_store {
    weir_kv *rows;
    weir_due_index *index;
    weir_buf ended; /* The value of a row that is told of. */
};

weir_ttl_store *weir_ttl_store_new(weir_kv *owned_rows, weir_kv *owned_index)
{
    WEIR_ASSERT(owned_rows != NULL);

    weir_ttl_store *store = weir_alloc(sizeof *store);
    store->rows = owned_rows;
    store->index = weir_due_index_new(owned_index);
    return store;
}

void weir_ttl_store_free(weir_ttl_store *store)
{
    if (store != NULL) {
        weir_kv_free(store->rows);
        weir_due_index_free(store->index);
        weir_buf_cleanup(&store->ended);
        free(store);
    }
}

weir_status weir_ttl_store_put(weir_ttl_store *store, weir_bytes key, weir_bytes value,
                               int64_t due_ms, weir_error *err)
{
    if (key.size > WEIR_DUE_ID_BYTES_MAX) { /* Nothing is written then. */
        return weir_error_set(err, WEIR_BAD_RECORD, "%s: key of %zu bytes, at most %d",
                              store->rows->name, key.size, WEIR_DUE_ID_BYTES_MAX);
    }
    WEIR_TRY(weir_kv_put(store->rows, key, value, err)); /* First: it may refuse the value. */
    return weir_due_index_set(store->index, &(weir_due){.id = key, .due_ms = due_ms}, err);
}

weir_status weir_ttl_store_get(weir_ttl_store *store, weir_bytes key, int64_t now_ms,
                               weir_buf *out_value, weir_error *err)
{
    int64_t due_ms = 0;
    WEIR_TRY(weir_due_index_get(store->index, key, &due_ms, NULL, err));
    return due_ms <= now_ms ? WEIR_NOT_FOUND : weir_kv_get(store->rows, key, out_value, err);
}

weir_status weir_ttl_store_remove(weir_ttl_store *store, weir_bytes key, weir_error *err)
{
    WEIR_TRY(weir_kv_remove(store->rows, key, err));
    return weir_due_index_remove(store->index, key, err);
}

int64_t weir_ttl_store_not_before_ms(const weir_ttl_store *store)
{
    return weir_due_index_not_before_ms(store->index);
}

/* Who takes out rows that have ended. */
typedef struct taking {
    weir_ttl_store *store;
    const weir_due_request *request;
} taking;

/* The row of a key that is due goes, too, before it is told of. */
static weir_status remove_row(void *user, const weir_due *due, weir_error *err)
{
    const taking *self = user;
    weir_ttl_store *store = self->store;
    weir_due ended = *due;
    if (self->request->tell != NULL) {
        WEIR_TRY(weir_kv_get(store->rows, due->id, &store->ended, err));
        ended.payload = weir_buf_bytes(&store->ended);
    }
    WEIR_TRY(weir_kv_remove(store->rows, due->id, err));
    return self->request->tell == NULL ? WEIR_OK
                                       : self->request->tell(self->request->user, &ended, err);
}

weir_status weir_ttl_store_take(weir_ttl_store *store, const weir_due_request *request,
                                size_t *out_removed, weir_error *err)
{
    taking self = {store, request};
    weir_due_request rows = *request;
    rows.tell = remove_row;
    rows.user = &self;
    return weir_due_index_take(store->index, &rows, out_removed, err);
}

weir_status weir_ttl_store_expire(weir_ttl_store *store, int64_t now_ms, size_t slice_max,
                                  size_t *out_removed, weir_error *err)
{
    const weir_due_request request = {.now_ms = now_ms, .slice_max = slice_max};
    return weir_ttl_store_take(store, &request, out_removed, err);
}
