/* SPDX-License-Identifier: Apache-2.0
 *
 * session_store.c - sessions as keys of a store.
 *
 * The end comes first, so all sessions of a key that may overlap a time lie behind key|earliest
 * end; how far they reach back is not in their order, so a walk looks at each of them. Sessions of
 * a longer key that begins with the same bytes may lie between: they are passed over.
 */
#include "statestore/session_store.h"

#include "statestore/expiry.h"
#include "streams/base/serde.h"

#include <stdlib.h>

enum { TIME_BYTES = 8, SEGMENT_MS_MIN = 60000 };

struct weir_session_store {
    weir_kv *kv;
    int64_t retention_ms;
    int64_t segment_ms;
    int64_t forgotten_ms; /* Sessions that end before it went with the former life of the task. */
    int64_t let_go_ms;    /* The largest end that a cache has let go. */
    bool hides_past_retention;
    weir_expiry expiry;
    weir_buf key;                 /* The binary key of the call. */
    weir_buf upper;               /* Where a search ends. */
    weir_session_iterator *spare; /* One that is closed; NULL: none is. */
};

struct weir_session_iterator {
    weir_session_store *store;
    weir_kv_iterator *inner;
    weir_buf key;
    bool one_key;
    int64_t earliest_end_ms;
    int64_t latest_start_ms;
};

/* The smallest end of a session within the retention. */
static int64_t retained_from(const weir_session_store *store)
{
    return store->expiry.stream_time_ms - store->retention_ms + 1;
}

weir_session_store *weir_session_store_new(weir_kv *owned_kv, int64_t retention_ms,
                                           int64_t stream_time_ms)
{
    WEIR_ASSERT(owned_kv != NULL);

    weir_session_store *store = weir_alloc(sizeof *store);
    store->kv = owned_kv;
    int64_t segment_ms = retention_ms / 2 < SEGMENT_MS_MIN ? SEGMENT_MS_MIN : retention_ms / 2;
    store->retention_ms = retention_ms;
    store->segment_ms = segment_ms;
    store->expiry = weir_expiry_of(retention_ms + segment_ms);
    weir_expiry_observe(&store->expiry, stream_time_ms);
    store->forgotten_ms = stream_time_ms < 0 ? 0 : retained_from(store);
    store->let_go_ms = stream_time_ms;
    return store;
}

static void destroy_iterator(weir_session_iterator *iterator)
{
    if (iterator != NULL) {
        weir_buf_cleanup(&iterator->key);
        free(iterator);
    }
}

void weir_session_store_free(weir_session_store *store)
{
    if (store != NULL) {
        weir_kv_free(store->kv);
        destroy_iterator(store->spare);
        weir_buf_cleanup(&store->key);
        weir_buf_cleanup(&store->upper);
        weir_expiry_cleanup(&store->expiry);
        free(store);
    }
}

int64_t weir_session_store_stream_time_ms(const weir_session_store *store)
{
    return store->expiry.stream_time_ms;
}

void weir_session_store_hide_past_retention(weir_session_store *store)
{
    store->hides_past_retention = true;
}

/* The smallest end of a session that shows. */
static int64_t shown_from(const weir_session_store *store)
{
    int64_t live_ms = weir_expiry_live_from(&store->expiry);
    int64_t from_ms = live_ms > store->forgotten_ms ? live_ms : store->forgotten_ms;
    return store->hides_past_retention && retained_from(store) > from_ms ? retained_from(store)
                                                                         : from_ms;
}

bool weir_session_store_let_go(weir_session_store *store, weir_bytes binary_key, bool is_removal)
{
    int64_t end_ms = weir_session_key_time(binary_key);
    if (is_removal && end_ms <= store->let_go_ms - store->retention_ms) {
        return false;
    }
    store->let_go_ms = end_ms > store->let_go_ms ? end_ms : store->let_go_ms;
    return true;
}

int64_t weir_session_store_segment_from(const weir_session_store *store)
{
    int64_t retained_ms = store->expiry.stream_time_ms - store->retention_ms;
    return retained_ms < 0 ? 0 : retained_ms / store->segment_ms * store->segment_ms;
}

static weir_bytes set_key(weir_buf *to, weir_bytes key, int64_t end_ms, int64_t start_ms)
{
    weir_buf_set(to, key);
    weir_buf_append_i64_be(to, end_ms);
    weir_buf_append_i64_be(to, start_ms);
    return weir_buf_bytes(to);
}

bool weir_session_of(weir_bytes binary_key, weir_session *out_session)
{
    if (binary_key.data == NULL || binary_key.size < WEIR_SESSION_SUFFIX_BYTES) {
        return false;
    }
    size_t key_bytes = binary_key.size - WEIR_SESSION_SUFFIX_BYTES;
    const uint8_t *suffix = (const uint8_t *)binary_key.data + key_bytes;
    *out_session = (weir_session){
        .key = weir_bytes_of(binary_key.data, key_bytes),
        .end_ms = (int64_t)weir_get_u64_be(suffix),
        .start_ms = (int64_t)weir_get_u64_be(suffix + TIME_BYTES),
    };
    return true;
}

weir_status weir_session_store_put(weir_session_store *store, const weir_session *session,
                                   weir_bytes value, weir_error *err)
{
    WEIR_ASSERT(session->key.data != NULL);

    if (session->start_ms < 0 || session->end_ms < session->start_ms) {
        return weir_error_set(err, WEIR_BAD_RECORD, "%s: no session lasts from %lld to %lld",
                              store->kv->name, (long long)session->start_ms,
                              (long long)session->end_ms);
    }
    weir_expiry_observe(&store->expiry, session->end_ms);
    if (session->end_ms < weir_expiry_live_from(&store->expiry)) {
        return WEIR_NOT_FOUND;
    }
    weir_bytes key = set_key(&store->key, session->key, session->end_ms, session->start_ms);
    return value.data == NULL ? weir_kv_remove(store->kv, key, err)
                              : weir_kv_put(store->kv, key, value, err);
}

weir_status weir_session_store_get(weir_session_store *store, const weir_session *session,
                                   weir_buf *out_value, weir_error *err)
{
    WEIR_ASSERT(session->key.data != NULL);

    if (session->end_ms < shown_from(store)) {
        return WEIR_NOT_FOUND;
    }
    weir_bytes key = set_key(&store->key, session->key, session->end_ms, session->start_ms);
    return weir_kv_get(store->kv, key, out_value, err);
}

weir_status weir_session_store_find(weir_session_store *store, weir_bytes key,
                                    int64_t earliest_end_ms, int64_t latest_start_ms,
                                    weir_session_iterator **out_iterator, weir_error *err)
{
    weir_session_iterator *it = weir_take(&store->spare);
    it = it == NULL ? weir_alloc(sizeof *it) : it;
    it->store = store;
    WEIR_AUTO_PTR(weir_session_iterator) owner = it;
    int64_t from_ms = shown_from(store);
    it->one_key = key.data != NULL;
    it->earliest_end_ms = earliest_end_ms > from_ms ? earliest_end_ms : from_ms;
    it->latest_start_ms = latest_start_ms;
    weir_bytes from = WEIR_BYTES_NULL;
    weir_bytes to = WEIR_BYTES_NULL;
    if (it->one_key) {
        weir_buf_set(&it->key, key);
        from = set_key(&store->key, key, it->earliest_end_ms, 0);
        (void)set_key(&store->upper, key, INT64_MAX, INT64_MAX);
        weir_buf_append_byte(&store->upper, 0); /* The end is exclusive. */
        to = weir_buf_bytes(&store->upper);
    }
    WEIR_TRY(weir_kv_range(store->kv, from, to, false, &it->inner, err));
    *out_iterator = weir_take(&owner);
    return WEIR_OK;
}

static bool is_wanted(const weir_session_iterator *it, const weir_session *session)
{
    return session->end_ms >= it->earliest_end_ms && session->start_ms <= it->latest_start_ms &&
           (!it->one_key || weir_bytes_equal(session->key, weir_buf_bytes(&it->key)));
}

weir_status weir_session_iterator_next(weir_session_iterator *iterator, weir_session *out_session,
                                       weir_bytes *out_value, weir_error *err)
{
    weir_session session = {0};
    weir_bytes value = {0};
    do {
        weir_bytes key = {0};
        WEIR_TRY(weir_kv_iterator_next(iterator->inner, &key, &value, err));
        if (!weir_session_of(key, &session)) {
            return weir_error_set(err, WEIR_CORRUPT, "a session key of %zu bytes, at least %d",
                                  key.size, WEIR_SESSION_SUFFIX_BYTES);
        }
    } while (!is_wanted(iterator, &session));
    *out_session = session;
    *out_value = value;
    return WEIR_OK;
}

void weir_session_iterator_free(weir_session_iterator *iterator)
{
    if (iterator == NULL) {
        return;
    }
    weir_kv_iterator_free(weir_take(&iterator->inner));
    if (iterator->store->spare != NULL) {
        destroy_iterator(iterator);
        return;
    }
    weir_buf_rest(&iterator->key);
    iterator->store->spare = iterator;
}

int64_t weir_session_key_time(weir_bytes binary_key)
{
    weir_session session = {0};
    return weir_session_of(binary_key, &session) ? session.end_ms : -1;
}

weir_status weir_session_store_expire(weir_session_store *store, size_t slice_max,
                                      size_t *out_removed, weir_error *err)
{
    return weir_expiry_run(&store->expiry, store->kv, weir_session_key_time, slice_max, out_removed,
                           err);
}
