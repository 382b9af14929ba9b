/* SPDX-License-Identifier: Apache-2.0
 *
 * ttl_store.h - a store whose keys end at a time of their own.
 *
 * The rows lie in one store, untouched; when they end lies in a second one, the index. Both are
 * ordinary stores with changelogs. Expiring removes rows by ordinary removals, so that changelog,
 * disk and queries agree. Time is an argument.
 *
 * Ownership  The TTL store owns both stores.
 * Errors     Those of the stores below.
 * Threads    One at a time.
 */
#ifndef WEIR_STATESTORE_TTL_STORE_H
#define WEIR_STATESTORE_TTL_STORE_H

#include "statestore/due_index.h"

typedef struct weir_ttl_store weir_ttl_store;

/* Rows and their due times as the two stores hold them; the index belongs to these rows alone. */
weir_ttl_store *weir_ttl_store_new(weir_kv *owned_rows, weir_kv *owned_index);
void weir_ttl_store_free(weir_ttl_store *store);
WEIR_DEFINE_AUTO_PTR(weir_ttl_store);

/* Sets the value of key, which ends at due_ms >= 0; an earlier due time of the key is forgotten. */
weir_status weir_ttl_store_put(weir_ttl_store *store, weir_bytes key, weir_bytes value,
                               int64_t due_ms, weir_error *err);

/* The value of key; WEIR_NOT_FOUND where there is none or its due time is <= now_ms. */
weir_status weir_ttl_store_get(weir_ttl_store *store, weir_bytes key, int64_t now_ms,
                               weir_buf *out_value, weir_error *err);

/* Removes key and its due time; WEIR_OK whether or not it was there. */
weir_status weir_ttl_store_remove(weir_ttl_store *store, weir_bytes key, weir_error *err);

/* Removes up to slice_max keys whose due time is <= now_ms, earliest first. *out_removed tells how
 * many; slice_max of them says that there may be more. */
weir_status weir_ttl_store_expire(weir_ttl_store *store, int64_t now_ms, size_t slice_max,
                                  size_t *out_removed, weir_error *err);

/* The same with a request (due_index.h), whose tell, if not NULL, is told of each key that has
 * ended, with the value that it had. */
weir_status weir_ttl_store_take(weir_ttl_store *store, const weir_due_request *request,
                                size_t *out_removed, weir_error *err);

/* No key ends before this; 0: not known; INT64_MAX: there is none. */
int64_t weir_ttl_store_not_before_ms(const weir_ttl_store *store);

#endif
