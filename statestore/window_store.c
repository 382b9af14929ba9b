/* SPDX-License-Identifier: Apache-2.0
 *
 * window_store.c - windows as keys of a store.
 *
 * All windows of a key lie between key|from|0 and key|to|max, but so may windows of a longer key
 * that begins with the same bytes: a fetch compares the length and the bytes of the key.
 *
 * Kafka Streams drops old windows by whole segments, each a database of its own. Here they are
 * removed by a slow walk in slices: no second index is written at each put, and what is left of an
 * expired window for at most half a retention (or a minute) is not shown.
 */
#include "statestore/window_store.h"

#include "statestore/expiry.h"
#include "streams/base/serde.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { START_BYTES = 8 };

static_assert(START_BYTES + sizeof(int32_t) == WEIR_WINDOW_SUFFIX_BYTES, "Kafka Streams' key");

struct weir_window_store {
    weir_kv *kv;
    weir_window_store_options options;
    weir_expiry expiry;
    int32_t sequence;
    weir_buf key;                /* The binary key of the call. */
    weir_buf upper;              /* Where a fetch ends. */
    weir_window_iterator *spare; /* One that is closed; NULL: none is. */
};

struct weir_window_iterator {
    weir_window_store *store;
    weir_kv_iterator *inner;
    weir_buf key;
    bool one_key;
    int64_t from_ms;
    int64_t to_ms;
};

weir_window_store *weir_window_store_new(weir_kv *owned_kv,
                                         const weir_window_store_options *options)
{
    WEIR_ASSERT(owned_kv != NULL);

    weir_window_store *store = weir_alloc(sizeof *store);
    store->kv = owned_kv;
    store->options = *options;
    store->expiry = weir_expiry_of(options->retention_ms);
    store->sequence = options->retain_duplicates ? options->sequence : 0;
    return store;
}

static void destroy_iterator(weir_window_iterator *iterator)
{
    if (iterator != NULL) {
        weir_buf_cleanup(&iterator->key);
        free(iterator);
    }
}

void weir_window_store_free(weir_window_store *store)
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

void weir_window_store_observe(weir_window_store *store, int64_t stream_time_ms)
{
    weir_expiry_observe(&store->expiry, stream_time_ms);
}

int64_t weir_window_store_stream_time_ms(const weir_window_store *store)
{
    return store->expiry.stream_time_ms;
}

int32_t weir_window_store_sequence(const weir_window_store *store)
{
    return store->sequence;
}

static void set_window_key(weir_buf *out, weir_bytes key, int64_t start_ms, int32_t sequence)
{
    weir_buf_set(out, key);
    weir_buf_append_i64_be(out, start_ms);
    weir_buf_append_i32_be(out, sequence);
}

static int64_t start_of(weir_bytes window_key)
{
    WEIR_ASSERT(window_key.size >= WEIR_WINDOW_SUFFIX_BYTES);
    const uint8_t *data = window_key.data;
    return (int64_t)weir_get_u64_be(data + window_key.size - WEIR_WINDOW_SUFFIX_BYTES);
}

weir_window_key weir_window_key_of(weir_bytes binary_key)
{
    return (weir_window_key){
        weir_bytes_of(binary_key.data, binary_key.size - WEIR_WINDOW_SUFFIX_BYTES),
        start_of(binary_key),
    };
}

/* The smallest start of a window that is shown. */
static int64_t shown_from(const weir_window_store *store)
{
    return store->options.shows_expired ? 0 : weir_expiry_live_from(&store->expiry);
}

weir_status weir_window_store_put(weir_window_store *store, weir_bytes key, int64_t start_ms,
                                  weir_bytes value, weir_error *err)
{
    WEIR_ASSERT(key.data != NULL);

    if (start_ms < 0) {
        return weir_error_set(err, WEIR_BAD_RECORD, "%s: window start %lld is negative",
                              store->kv->name, (long long)start_ms);
    }
    bool duplicates = store->options.retain_duplicates;
    if (value.data != NULL || !duplicates) {
        weir_window_store_observe(store, start_ms);
    }
    if (start_ms < weir_expiry_live_from(&store->expiry) && !duplicates &&
        !store->options.takes_expired) {
        return WEIR_NOT_FOUND;
    }
    if (duplicates) {
        store->sequence = (int32_t)(((uint32_t)store->sequence + 1) & WEIR_WINDOW_SEQUENCE_MAX);
    }
    set_window_key(&store->key, key, start_ms, store->sequence);
    weir_bytes window_key = weir_buf_bytes(&store->key);
    return value.data == NULL ? weir_kv_remove(store->kv, window_key, err)
                              : weir_kv_put(store->kv, window_key, value, err);
}

weir_status weir_window_store_get(weir_window_store *store, weir_bytes key, int64_t start_ms,
                                  weir_buf *out_value, weir_error *err)
{
    WEIR_ASSERT(key.data != NULL);

    if (start_ms < shown_from(store)) {
        return WEIR_NOT_FOUND;
    }
    if (!store->options.retain_duplicates) {
        set_window_key(&store->key, key, start_ms, 0);
        return weir_kv_get(store->kv, weir_buf_bytes(&store->key), out_value, err);
    }
    WEIR_AUTO_PTR(weir_window_iterator) it = NULL;
    weir_window_range range = {.key = key, .from_ms = start_ms, .to_ms = start_ms};
    weir_window_entry entry;
    WEIR_TRY(weir_window_store_fetch(store, &range, &it, err));
    WEIR_TRY(weir_window_iterator_next(it, &entry, err));
    weir_buf_set(out_value, entry.value);
    return WEIR_OK;
}

weir_status weir_window_store_fetch(weir_window_store *store, const weir_window_range *range,
                                    weir_window_iterator **out_iterator, weir_error *err)
{
    weir_window_iterator *it = weir_take(&store->spare);
    it = it == NULL ? weir_alloc(sizeof *it) : it;
    it->store = store;
    WEIR_AUTO_PTR(weir_window_iterator) owner = it;
    it->one_key = range->key.data != NULL;
    it->from_ms = range->from_ms > shown_from(store) ? range->from_ms : shown_from(store);
    it->to_ms = range->to_ms;
    weir_bytes from = WEIR_BYTES_NULL;
    weir_bytes to = WEIR_BYTES_NULL;
    if (it->one_key) {
        int64_t last_ms = it->to_ms < it->from_ms ? it->from_ms : it->to_ms;
        weir_buf_set(&it->key, range->key);
        set_window_key(&store->key, range->key, it->from_ms, 0);
        set_window_key(&store->upper, range->key, last_ms, WEIR_WINDOW_SEQUENCE_MAX);
        weir_buf_append_byte(&store->upper, 0); /* The end is exclusive. */
        from = weir_buf_bytes(&store->key);
        to = weir_buf_bytes(&store->upper);
    }
    WEIR_TRY(weir_kv_range(store->kv, from, to, range->backwards, &it->inner, err));
    *out_iterator = weir_take(&owner);
    return WEIR_OK;
}

static bool is_wanted(const weir_window_iterator *it, const weir_window_entry *entry)
{
    if (entry->start_ms < it->from_ms || entry->start_ms > it->to_ms) {
        return false;
    }
    return !it->one_key || weir_bytes_equal(entry->key, weir_buf_bytes(&it->key));
}

weir_status weir_window_iterator_next(weir_window_iterator *iterator, weir_window_entry *out_entry,
                                      weir_error *err)
{
    weir_window_entry entry;
    do {
        weir_bytes window_key;
        WEIR_TRY(weir_kv_iterator_next(iterator->inner, &window_key, &entry.value, err));
        if (window_key.size < WEIR_WINDOW_SUFFIX_BYTES) {
            return weir_error_set(err, WEIR_CORRUPT, "a window key of %zu bytes, at least %d",
                                  window_key.size, WEIR_WINDOW_SUFFIX_BYTES);
        }
        entry.key = weir_bytes_of(window_key.data, window_key.size - WEIR_WINDOW_SUFFIX_BYTES);
        entry.start_ms = start_of(window_key);
    } while (!is_wanted(iterator, &entry));
    *out_entry = entry;
    return WEIR_OK;
}

void weir_window_iterator_free(weir_window_iterator *iterator)
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

int64_t weir_window_key_time(weir_bytes binary_key)
{
    return binary_key.size < WEIR_WINDOW_SUFFIX_BYTES ? -1 : start_of(binary_key);
}

weir_status weir_window_store_expire(weir_window_store *store, size_t slice_max,
                                     size_t *out_removed, weir_error *err)
{
    return weir_expiry_run(&store->expiry, store->kv, weir_window_key_time, slice_max, out_removed,
                           err);
}
