/* SPDX-License-Identifier: Apache-2.0
 *
 * kv_store.c - the front door of every store: checks the contract, then calls the engine.
 */
#include "statestore/kv_store.h"

static weir_status check_key(const weir_kv *kv, weir_bytes key, weir_error *err)
{
    WEIR_ASSERT(key.data != NULL);
    if (key.size > WEIR_KV_KEY_BYTES_MAX) {
        return weir_error_set(err, WEIR_BAD_RECORD, "%s: key of %zu bytes, at most %d", kv->name,
                              key.size, WEIR_KV_KEY_BYTES_MAX);
    }
    return WEIR_OK;
}

weir_status weir_kv_get(weir_kv *kv, weir_bytes key, weir_buf *out_value, weir_error *err)
{
    WEIR_ASSERT(out_value != NULL);

    WEIR_TRY(check_key(kv, key, err));
    return kv->ops->get(kv, key, out_value, err);
}

weir_status weir_kv_put(weir_kv *kv, weir_bytes key, weir_bytes value, weir_error *err)
{
    WEIR_ASSERT(value.data != NULL);

    WEIR_TRY(check_key(kv, key, err));
    if (value.size > WEIR_KV_VALUE_BYTES_MAX) {
        return weir_error_set(err, WEIR_BAD_RECORD, "%s: value of %zu bytes, at most %d", kv->name,
                              value.size, WEIR_KV_VALUE_BYTES_MAX);
    }
    return kv->ops->put(kv, key, value, err);
}

weir_status weir_kv_remove(weir_kv *kv, weir_bytes key, weir_error *err)
{
    WEIR_TRY(check_key(kv, key, err));
    return kv->ops->remove(kv, key, err);
}

weir_status weir_kv_range(weir_kv *kv, weir_bytes from, weir_bytes to, bool backwards,
                          weir_kv_iterator **out_iterator, weir_error *err)
{
    WEIR_ASSERT(out_iterator != NULL);

    return kv->ops->range(kv, from, to, backwards, out_iterator, err);
}

weir_status weir_kv_prefix(weir_kv *kv, weir_bytes prefix, weir_kv_iterator **out_iterator,
                           weir_error *err)
{
    WEIR_AUTO(weir_buf) end = {0};
    bool is_bounded = weir_buf_set_after_prefix(&end, prefix);
    weir_bytes to = is_bounded ? weir_buf_bytes(&end) : WEIR_BYTES_NULL;
    return weir_kv_range(kv, prefix, to, false, out_iterator, err);
}

weir_status weir_kv_iterator_next(weir_kv_iterator *iterator, weir_bytes *out_key,
                                  weir_bytes *out_value, weir_error *err)
{
    WEIR_ASSERT(out_key != NULL);
    WEIR_ASSERT(out_value != NULL);

    return iterator->ops->next(iterator, out_key, out_value, err);
}

void weir_kv_iterator_free(weir_kv_iterator *iterator)
{
    if (iterator != NULL) {
        iterator->ops->free(iterator);
    }
}

void weir_kv_expect(weir_kv *kv, weir_bytes key)
{
    if (kv->ops->expect != NULL) {
        kv->ops->expect(kv, key);
    }
}

/* Goes on behind the last key, which may be there no more. */
static weir_status scan_in_order(weir_kv *kv, weir_kv_scan *scan, size_t slice_max, weir_error *err)
{
    WEIR_AUTO_PTR(weir_kv_iterator) walk = NULL;
    WEIR_TRY(weir_kv_range(kv, weir_buf_bytes(&scan->last), WEIR_BYTES_NULL, false, &walk, err));
    for (size_t i = 0; i < slice_max; i++) {
        weir_bytes key;
        weir_bytes value;
        weir_status status = weir_kv_iterator_next(walk, &key, &value, err);
        if (status == WEIR_NOT_FOUND) {
            scan->is_done = true;
            return WEIR_OK;
        }
        WEIR_TRY(status);
        weir_buf_set(&scan->last, key);
        WEIR_TRY(scan->visit(scan->user, weir_buf_bytes(&scan->last), err));
    }
    weir_buf_append_byte(&scan->last, 0); /* The key that comes next in order. */
    return WEIR_OK;
}

weir_status weir_kv_scan_slice(weir_kv *kv, weir_kv_scan *scan, size_t slice_max, weir_error *err)
{
    WEIR_ASSERT(scan->visit != NULL);
    WEIR_ASSERT(slice_max > 0);

    if (scan->is_done) {
        return WEIR_OK;
    }
    return kv->ops->scan_slice == NULL ? scan_in_order(kv, scan, slice_max, err)
                                       : kv->ops->scan_slice(kv, scan, slice_max, err);
}

void weir_kv_scan_restart(weir_kv_scan *scan)
{
    weir_buf last = scan->last;
    weir_buf_clear(&last);
    *scan = (weir_kv_scan){.visit = scan->visit, .user = scan->user, .last = last};
}

void weir_kv_scan_cleanup(weir_kv_scan *scan)
{
    weir_buf_cleanup(&scan->last);
}

/* Walks up to count_max entries; count_max + 1 where there are more, or they cannot be read. */
static uint64_t count_up_to(weir_kv *kv, uint64_t count_max)
{
    WEIR_AUTO_PTR(weir_kv_iterator) walk = NULL;
    if (weir_kv_range(kv, WEIR_BYTES_NULL, WEIR_BYTES_NULL, false, &walk, NULL) != WEIR_OK) {
        return count_max + 1;
    }
    for (uint64_t count = 0; count <= count_max; count++) {
        weir_bytes key;
        weir_bytes value;
        weir_status status = weir_kv_iterator_next(walk, &key, &value, NULL);
        if (status != WEIR_OK) {
            return status == WEIR_NOT_FOUND ? count : count_max + 1;
        }
    }
    return count_max + 1;
}

uint64_t weir_kv_approximate_count(weir_kv *kv)
{
    uint64_t walked = count_up_to(kv, WEIR_KV_COUNT_EXACT_MAX);
    if (walked <= WEIR_KV_COUNT_EXACT_MAX) {
        return walked;
    }
    uint64_t estimate = kv->ops->approximate_count(kv);
    return estimate > walked ? estimate : walked;
}

void weir_kv_free(weir_kv *kv)
{
    if (kv != NULL) {
        kv->ops->free(kv);
    }
}
