/* SPDX-License-Identifier: Apache-2.0
 *
 * versioned_store.h - every version of the value of a key, on top of any store, for as long as the
 * history is kept: what was it at a given time?
 *
 *   key  ──v1──────v2────(removed)────v3──▶ time      a version is valid until the next one
 *
 * Stream time is the largest time of a version so far. Versions from before it by more than the
 * history are not taken, and not shown; the latest of a key is shown for good.
 *
 * A row is a version: int32 bytes of the key | key | int64 time, big-endian; its value is byte 1 |
 * value, or nothing where the key was removed at that time.
 *
 * Ownership  The versioned store owns the store below. What is read is borrowed until the next
 *            call.
 * Errors     Those of the store below; WEIR_BAD_RECORD for a key that is too long or a negative
 *            time.
 * Threads    One at a time.
 */
#ifndef WEIR_STATESTORE_VERSIONED_STORE_H
#define WEIR_STATESTORE_VERSIONED_STORE_H

#include "statestore/expiry.h"
#include "statestore/kv_store.h"

enum { WEIR_VERSION_OVERHEAD_BYTES = 12 }; /* Of a row's key. */

typedef struct weir_versioned_store weir_versioned_store;

typedef struct weir_versioned_value {
    weir_bytes value;
    int64_t from_ms;
    int64_t to_ms; /* When the next version begins; -1: there is none. */
} weir_versioned_value;

/* The versions that owned_kv holds, kept for history_ms > 0; stream_time_ms is the largest time of
 * one of them, 0 if there is none. */
weir_versioned_store *weir_versioned_store_new(weir_kv *owned_kv, int64_t history_ms,
                                               int64_t stream_time_ms);
void weir_versioned_store_free(weir_versioned_store *store);
WEIR_DEFINE_AUTO_PTR(weir_versioned_store);

/* The largest time of a version so far, in ms; 0 before the first. */
int64_t weir_versioned_store_stream_time_ms(const weir_versioned_store *store);

/* Sets the value of key from from_ms on, until the version after it; null: it is removed. Replaces
 * the version of that very time. *out_to_ms is the time of the version after it, -1: this is the
 * latest. WEIR_NOT_FOUND: it is older than the history, and not put. */
weir_status weir_versioned_store_put(weir_versioned_store *store, weir_bytes key, weir_bytes value,
                                     int64_t from_ms, int64_t *out_to_ms, weir_error *err);

/* The latest version of key; WEIR_NOT_FOUND: there is none, or the key was removed. */
weir_status weir_versioned_store_get(weir_versioned_store *store, weir_bytes key,
                                     weir_versioned_value *out_version, weir_error *err);

/* The version of key at time_ms. WEIR_NOT_FOUND: there was none, or that is longer ago than the
 * history, and not the latest. */
weir_status weir_versioned_store_get_as_of(weir_versioned_store *store, weir_bytes key,
                                           int64_t time_ms, weir_versioned_value *out_version,
                                           weir_error *err);

/* Removes the version that is valid at from_ms, as weir_versioned_store_put with a null does, and
 * answers what that was; WEIR_NOT_FOUND: there was none (the removal is put all the same). */
weir_status weir_versioned_store_delete(weir_versioned_store *store, weir_bytes key,
                                        int64_t from_ms, weir_versioned_value *out_version,
                                        weir_error *err);

/* Looks at up to slice_max rows, going on where the last call stopped, and removes those that
 * nobody can be shown any more. A pass begins when half a history, and a minute, has gone by. */
weir_status weir_versioned_store_expire(weir_versioned_store *store, size_t slice_max,
                                        size_t *out_removed, weir_error *err);

/* The same for the rows of kv, by the time and the history of expiry. */
weir_status weir_versioned_rows_expire(weir_expiry *expiry, weir_kv *kv, size_t slice_max,
                                       size_t *out_removed, weir_error *err);

/* Appends the key, and the value, of the row of a version. */
void weir_versioned_append_row_key(weir_bytes key, int64_t from_ms, weir_buf *to_key);
void weir_versioned_append_row_value(weir_bytes value, weir_buf *to_value);

/* Takes a row apart; false: these bytes are no key of one. */
bool weir_versioned_of_row(weir_bytes row_key, weir_bytes row_value, weir_bytes *out_key,
                           weir_versioned_value *out_version);

#endif
