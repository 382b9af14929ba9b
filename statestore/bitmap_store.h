/* SPDX-License-Identifier: Apache-2.0
 *
 * bitmap_store.h - a set of 64-bit ids for each facet (a language, a host, a reason), in a store.
 *
 * Ownership  The bitmap store owns the store below.
 * Errors     Those of the store below; WEIR_CORRUPT where a value in it is no bitmap.
 * Threads    One at a time.
 */
#ifndef WEIR_STATESTORE_BITMAP_STORE_H
#define WEIR_STATESTORE_BITMAP_STORE_H

#include "statestore/bitmap.h"
#include "statestore/kv_store.h"

/* Longer facets are WEIR_BAD_RECORD. */
enum { WEIR_FACET_BYTES_MAX = 1024 };

typedef struct weir_bitmap_store weir_bitmap_store;

/* The sets that owned_kv holds. */
weir_bitmap_store *weir_bitmap_store_new(weir_kv *owned_kv);
void weir_bitmap_store_free(weir_bitmap_store *store);
WEIR_DEFINE_AUTO_PTR(weir_bitmap_store);

/* Each reads and writes one chunk of the facet's set, at most about 550 bytes. */
weir_status weir_bitmap_store_add(weir_bitmap_store *store, weir_bytes facet, uint64_t id,
                                  weir_error *err);
weir_status weir_bitmap_store_remove(weir_bitmap_store *store, weir_bytes facet, uint64_t id,
                                     weir_error *err);

/* Whether id is in the set of facet. */
weir_status weir_bitmap_store_contains(weir_bitmap_store *store, weir_bytes facet, uint64_t id,
                                       bool *out_contains, weir_error *err);

/* How many ids are in the set of facet; reads all its chunks, and makes no set of them. */
weir_status weir_bitmap_store_cardinality(weir_bitmap_store *store, weir_bytes facet,
                                          uint64_t *out_count, weir_error *err);

/* WEIR_BAD_RECORD, with what is wrong, where no set has such an entry below; value may be null. */
weir_status weir_bitmap_store_check(weir_bytes key, weir_bytes value, weir_error *err);

/* The whole set of facet, for counting and combining; empty where there is no such facet. */
weir_status weir_bitmap_store_load(weir_bitmap_store *store, weir_bytes facet,
                                   weir_bitmap **out_bitmap, weir_error *err);

#endif
