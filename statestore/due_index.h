/* SPDX-License-Identifier: Apache-2.0
 *
 * due_index.h - ids with a time at which they are due, and something to keep with each: what TTL
 * stores and timers rest on. It lies in an ordinary store with a changelog. Time is an argument.
 *
 * What is not due costs nothing: the index knows by when nothing is, and reads from there on.
 *
 * Ownership  The index owns the store below.
 * Errors     Those of the store below; WEIR_CORRUPT where an entry in it is none of ours.
 * Threads    One at a time.
 */
#ifndef WEIR_STATESTORE_DUE_INDEX_H
#define WEIR_STATESTORE_DUE_INDEX_H

#include "statestore/kv_store.h"

/* Longer ids are WEIR_BAD_RECORD; so are payloads that leave no room for the time. */
enum { WEIR_DUE_ID_BYTES_MAX = WEIR_KV_KEY_BYTES_MAX - 9 };

typedef struct weir_due_index weir_due_index;

/* What owned_kv holds. */
weir_due_index *weir_due_index_new(weir_kv *owned_kv);
void weir_due_index_free(weir_due_index *index);
WEIR_DEFINE_AUTO_PTR(weir_due_index);

/* An id, when it is due (>= 0), and what is kept with it. */
typedef struct weir_due {
    weir_bytes id;
    int64_t due_ms;
    weir_bytes payload;
} weir_due;

/* Sets the time and the payload of an id, whatever they were. */
weir_status weir_due_index_set(weir_due_index *index, const weir_due *due, weir_error *err);

/* When id is due; out_payload may be NULL. WEIR_NOT_FOUND: it is not set. */
weir_status weir_due_index_get(weir_due_index *index, weir_bytes id, int64_t *out_due_ms,
                               weir_buf *out_payload, weir_error *err);

/* WEIR_OK whether or not id was set. */
weir_status weir_due_index_remove(weir_due_index *index, weir_bytes id, weir_error *err);

/* The last id in the order of bytes; WEIR_NOT_FOUND: there is none. */
weir_status weir_due_index_last(weir_due_index *index, weir_buf *out_id, weir_error *err);

/* Nothing is due before this; 0: not known; INT64_MAX: nothing is set. */
int64_t weir_due_index_not_before_ms(const weir_due_index *index);

/* Takes out what is due by now_ms, earliest first and then by id, at most slice_max of it, and
 * tells of each once it is out; tell may set and remove ids, also that one. What tell answers but
 * WEIR_OK ends the call. *out_count tells how many; slice_max of them says there may be more. */
typedef weir_status (*weir_due_tell)(void *user, const weir_due *due, weir_error *err);
typedef struct weir_due_request {
    int64_t now_ms;
    size_t slice_max;
    weir_due_tell tell;
    void *user;
} weir_due_request;
weir_status weir_due_index_take(weir_due_index *index, const weir_due_request *request,
                                size_t *out_count, weir_error *err);

#endif
