/* SPDX-License-Identifier: Apache-2.0
 *
 * session_store.h - values by key, and by the start and end of a session, on top of any store, for
 * a retention time.
 *
 * The key below is Kafka Streams' own: key | int64 end | int64 start, big-endian. Stream time is
 * the largest end (or observed time) so far. A session whose end is older than it by the retention
 * and as much again as Kafka Streams' segments (half of it, at least a minute) is neither taken nor
 * shown, and weir_session_store_expire removes it: a late record may join a session that is older
 * than the retention, if it is its bridge to a younger one.
 *
 * Ownership  The session store owns the store below. Iterators end before it does.
 * Errors     Those of the store below; WEIR_BAD_RECORD for a key that is too long or a session that
 *            begins before 0 or after its end.
 * Threads    One at a time.
 */
#ifndef WEIR_STATESTORE_SESSION_STORE_H
#define WEIR_STATESTORE_SESSION_STORE_H

#include "statestore/kv_store.h"

enum { WEIR_SESSION_SUFFIX_BYTES = 16 };

typedef struct weir_session_store weir_session_store;
typedef struct weir_session_iterator weir_session_iterator;

/* A session of a key; the bytes are borrowed. */
typedef struct weir_session {
    weir_bytes key;
    int64_t start_ms;
    int64_t end_ms; /* The time of its last record. */
} weir_session;

/* The sessions that owned_kv holds, kept for retention_ms > 0. What was past the retention at
 * stream_time_ms (-1: there is none yet) does not show: its removal may not be in a changelog. */
weir_session_store *weir_session_store_new(weir_kv *owned_kv, int64_t retention_ms,
                                           int64_t stream_time_ms);
void weir_session_store_free(weir_session_store *store);
WEIR_DEFINE_AUTO_PTR(weir_session_store);

/* The largest end so far, in ms; -1 before the first. */
int64_t weir_session_store_stream_time_ms(const weir_session_store *store);

/* From now on sessions past the retention are taken still, but do not show: Kafka Streams' store
 * without a cache. */
void weir_session_store_hide_past_retention(weir_session_store *store);

/* A cache above lets go of a row, or of its removal. false: the session ended longer ago than the
 * retention before what was let go earlier, so Kafka Streams' store has forgotten it and nobody is
 * told; its cache may have shown it still. */
bool weir_session_store_let_go(weir_session_store *store, weir_bytes binary_key, bool is_removal);

/* The smallest end of a session that Kafka Streams has not dropped: it does that by whole segments,
 * half as long as the retention and at least a minute, once all of one is past the retention. */
int64_t weir_session_store_segment_from(const weir_session_store *store);

/* Sets the value of a session, or removes it where value is null. A session that has expired is
 * WEIR_NOT_FOUND and not stored. */
weir_status weir_session_store_put(weir_session_store *store, const weir_session *session,
                                   weir_bytes value, weir_error *err);

/* The value of one session; WEIR_NOT_FOUND where there is none, or it has expired. */
weir_status weir_session_store_get(weir_session_store *store, const weir_session *session,
                                   weir_buf *out_value, weir_error *err);

/* Opens a walk over the sessions of key that end at earliest_end_ms or later and begin at
 * latest_start_ms or earlier, in the order of their ends. A null key: of all keys, by key. */
weir_status weir_session_store_find(weir_session_store *store, weir_bytes key,
                                    int64_t earliest_end_ms, int64_t latest_start_ms,
                                    weir_session_iterator **out_iterator, weir_error *err);

/* The next session and its value, borrowed until the next call; WEIR_NOT_FOUND at the end. */
weir_status weir_session_iterator_next(weir_session_iterator *iterator, weir_session *out_session,
                                       weir_bytes *out_value, weir_error *err);
void weir_session_iterator_free(weir_session_iterator *iterator);
WEIR_DEFINE_AUTO_PTR(weir_session_iterator);

/* Takes a key of the store below apart; false: it is none. */
bool weir_session_of(weir_bytes binary_key, weir_session *out_session);

/* The end in a key of the store below, by which it expires; -1: these bytes are no such key. */
int64_t weir_session_key_time(weir_bytes binary_key);

/* Removes up to slice_max expired sessions; as weir_window_store_expire. */
weir_status weir_session_store_expire(weir_session_store *store, size_t slice_max,
                                      size_t *out_removed, weir_error *err);

#endif
