/* SPDX-License-Identifier: Apache-2.0
 *
 * changelog_store.c - each write goes to the changelog first, then to the store.
 *
 * In this order, because the sink is what can refuse (a full queue, a record above the broker's
 * limit) and then neither has the write. The inner store is a staged view, which refuses nothing
 * that the front door let through. Should it fail all the same, the status is WEIR_IO or
 * worse: the task is abandoned, and what the changelog has too much goes with its transaction or
 * comes again when the input is read again.
 */
#include "statestore/changelog_store.h"

#include <stdlib.h>

typedef struct changelog_store {
    weir_kv kv; /* Must be first. */
    weir_kv *inner;
    weir_changelog changelog;
} changelog_store;

static weir_status logged_get(weir_kv *kv, weir_bytes key, weir_buf *out_value, weir_error *err)
{
    return weir_kv_get(((changelog_store *)kv)->inner, key, out_value, err);
}

static weir_status logged_put(weir_kv *kv, weir_bytes key, weir_bytes value, weir_error *err)
{
    changelog_store *store = (changelog_store *)kv;
    WEIR_TRY(store->changelog.write(store->changelog.user, key, value, err));
    return weir_kv_put(store->inner, key, value, err);
}

static weir_status logged_remove(weir_kv *kv, weir_bytes key, weir_error *err)
{
    changelog_store *store = (changelog_store *)kv;
    WEIR_TRY(store->changelog.write(store->changelog.user, key, WEIR_BYTES_NULL, err));
    return weir_kv_remove(store->inner, key, err);
}

static weir_status logged_range(weir_kv *kv, weir_bytes from, weir_bytes to, bool backwards,
                                weir_kv_iterator **out_iterator, weir_error *err)
{
    return weir_kv_range(((changelog_store *)kv)->inner, from, to, backwards, out_iterator, err);
}

static uint64_t logged_approximate_count(weir_kv *kv)
{
    return weir_kv_approximate_count(((changelog_store *)kv)->inner);
}

static void logged_free(weir_kv *kv)
{
    weir_kv_free(((changelog_store *)kv)->inner);
    free(kv);
}

static const weir_kv_ops store_ops = {
    .get = logged_get,
    .put = logged_put,
    .remove = logged_remove,
    .range = logged_range,
    .approximate_count = logged_approximate_count,
    .free = logged_free,
};

weir_kv *weir_changelog_store_new(weir_kv *owned_inner, weir_changelog changelog)
{
    WEIR_ASSERT(owned_inner != NULL);
    WEIR_ASSERT(changelog.write != NULL);

    changelog_store *store = weir_alloc(sizeof *store);
    store->kv = (weir_kv){&store_ops, owned_inner->name};
    store->inner = owned_inner;
    store->changelog = changelog;
    return &store->kv;
}
