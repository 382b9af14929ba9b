/* SPDX-License-Identifier: Apache-2.0
 *
 * expiry.h - how stores of windows and sessions forget: stream time, what has expired by it, and a
 * slow walk that removes it.
 *
 * Ownership  An expiry is part of its store.
 * Errors     Those of the store that is walked over.
 * Threads    One at a time.
 */
#ifndef WEIR_STATESTORE_EXPIRY_H
#define WEIR_STATESTORE_EXPIRY_H

#include "statestore/kv_store.h"

typedef struct weir_expiry {
    int64_t retention_ms;   /* > 0. */
    int64_t stream_time_ms; /* -1 before the first. */
    int64_t pass_began_ms;  /* Stream time at which the last pass began; -1: none. */
    bool in_pass;
    weir_kv_scan scan; /* Where the pass goes on. */
} weir_expiry;

/* One that keeps entries for so long; frees what it needed. */
weir_expiry weir_expiry_of(int64_t retention_ms);
void weir_expiry_cleanup(weir_expiry *expiry);

/* Moves stream time on; an earlier time changes nothing. */
void weir_expiry_observe(weir_expiry *expiry, int64_t stream_time_ms);

/* The smallest time of an entry that has not expired. */
int64_t weir_expiry_live_from(const weir_expiry *expiry);

/* Whether a pass is under way, or one begins now; scan says where it goes on. */
bool weir_expiry_begin_pass(weir_expiry *expiry);

/* Looks at some slice_max entries of kv, going on where the last call stopped, and removes those
 * whose time has expired; a pass begins when half a retention, and a minute, has gone by since the
 * last. time_of answers -1 for a key that is none of the store's, which stays. */
weir_status weir_expiry_run(weir_expiry *expiry, weir_kv *kv, int64_t (*time_of)(weir_bytes key),
                            size_t slice_max, size_t *out_removed, weir_error *err);

#endif
