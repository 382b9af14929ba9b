/* SPDX-License-Identifier: Apache-2.0
 *
 * window_store.h - values by key and window start, on top of any store, for a retention time.
 *
 * The key below is Kafka Streams' own: key | int64 windowStart | int32 sequence, big-endian. Time
 * is stream time: the largest window start (or observed time) so far; it never goes back. What is
 * older than stream time - retention is neither taken nor shown, and weir_window_store_expire
 * removes it.
 *
 * Ownership  The window store owns the store below. Iterators end before it does.
 * Errors     Those of the store below; WEIR_BAD_RECORD for a key that is too long or a negative
 *            window start.
 * Threads    One at a time.
 */
#ifndef WEIR_STATESTORE_WINDOW_STORE_H
#define WEIR_STATESTORE_WINDOW_STORE_H

#include "statestore/kv_store.h"

enum { WEIR_WINDOW_SUFFIX_BYTES = 12, WEIR_WINDOW_SEQUENCE_MAX = INT32_MAX };

typedef struct weir_window_store weir_window_store;
typedef struct weir_window_iterator weir_window_iterator;

typedef struct weir_window_store_options {
    int64_t retention_ms;   /* > 0. */
    bool retain_duplicates; /* Each put is an entry of its own: for the buffers of joins. */
    bool takes_expired;     /* Puts windows past the retention, too. */
    bool shows_expired;     /* And shows them, until they are removed. */
    /* With duplicates: no entry that is there has a larger number; weir_window_store_sequence. */
    int32_t sequence;
} weir_window_store_options;

/* The windows that owned_kv holds; stream time begins with the first put or observe. */
weir_window_store *weir_window_store_new(weir_kv *owned_kv,
                                         const weir_window_store_options *options);
void weir_window_store_free(weir_window_store *store);
WEIR_DEFINE_AUTO_PTR(weir_window_store);

/* Moves stream time on; an earlier time changes nothing. put does it too. */
void weir_window_store_observe(weir_window_store *store, int64_t stream_time_ms);

/* The largest time so far, in ms; -1 before the first. */
int64_t weir_window_store_stream_time_ms(const weir_window_store *store);

/* With duplicates: the number of the last put, by which entries of one key and time differ. */
int32_t weir_window_store_sequence(const weir_window_store *store);

/* Sets the value of a window, or removes it where value is null (with duplicates that removes
 * nothing, but it takes a number and is logged, as in Kafka Streams). A window that has expired is
 * WEIR_NOT_FOUND and not stored: the caller counts it. With duplicates it is put, though it does
 * not show: Kafka Streams logs it, too. */
weir_status weir_window_store_put(weir_window_store *store, weir_bytes key, int64_t start_ms,
                                  weir_bytes value, weir_error *err);

/* The value of one window; WEIR_NOT_FOUND where there is none, or it has expired. With duplicates:
 * the first. */
weir_status weir_window_store_get(weir_window_store *store, weir_bytes key, int64_t start_ms,
                                  weir_buf *out_value, weir_error *err);

/* Which windows to walk: from_ms <= start <= to_ms, by key and start. A null key: of all keys. */
typedef struct weir_window_range {
    weir_bytes key;
    int64_t from_ms;
    int64_t to_ms;
    bool backwards;
} weir_window_range;

/* Opens a walk over the windows of a range that have not expired. */
weir_status weir_window_store_fetch(weir_window_store *store, const weir_window_range *range,
                                    weir_window_iterator **out_iterator, weir_error *err);

typedef struct weir_window_entry {
    weir_bytes key; /* Borrowed until the next call, like value. */
    int64_t start_ms;
    weir_bytes value;
} weir_window_entry;

/* The next window; WEIR_NOT_FOUND at the end. */
weir_status weir_window_iterator_next(weir_window_iterator *iterator, weir_window_entry *out_entry,
                                      weir_error *err);
void weir_window_iterator_free(weir_window_iterator *iterator);
WEIR_DEFINE_AUTO_PTR(weir_window_iterator);

/* The parts of a key below, which a walk or a cache of the store below has. */
typedef struct weir_window_key {
    weir_bytes key;
    int64_t start_ms;
} weir_window_key;

/* Takes a key of the store below apart; it has at least WEIR_WINDOW_SUFFIX_BYTES. */
weir_window_key weir_window_key_of(weir_bytes binary_key);

/* The start in a key of the store below, by which it expires; -1: these bytes are no such key. */
int64_t weir_window_key_time(weir_bytes binary_key);

/* Looks at up to slice_max entries, going on where the last call stopped, and removes those that
 * have expired; a pass over the store begins when half a retention, and a minute, has gone by since
 * the last. */
weir_status weir_window_store_expire(weir_window_store *store, size_t slice_max,
                                     size_t *out_removed, weir_error *err);

#endif
