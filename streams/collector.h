/* SPDX-License-Identifier: Apache-2.0
 *
 * collector.h - where records leave a worker: sinks, changelogs and dead letters, all through one
 * producer, and what the broker has acknowledged of them.
 *
 * A send never answers WEIR_AGAIN: what the producer has no room for waits here, in order, and the
 * worker processes nothing until weir_collector_unblock has sent it.
 *
 * Ownership  Records are borrowed for the call. The broker and strings outlive the collector.
 * Errors     WEIR_BAD_RECORD: this record is refused, the rest stands. WEIR_IO: the transaction is
 *            to be aborted. WEIR_FENCED: this producer may write no more.
 * Threads    The worker's.
 */
#ifndef WEIR_STREAMS_COLLECTOR_H
#define WEIR_STREAMS_COLLECTOR_H

#include "streams/membership.h"
#include "streams/producer.h"

typedef struct weir_collector weir_collector;

enum { WEIR_COLLECTOR_WAITING_BYTES_MAX = 256 << 20 };

typedef struct weir_collector_options {
    weir_broker *broker;
    const char *client_id;
    const char *transactional_id; /* NULL: at least once, no transactions. */
    size_t buffer_bytes_max;      /* Of the producer; 0: its default. */
} weir_collector_options;

weir_status weir_collector_new(const weir_collector_options *options,
                               weir_collector **out_collector, weir_error *err);
/* An open transaction is aborted. NULL is fine. */
void weir_collector_free(weir_collector *collector);
WEIR_DEFINE_AUTO_PTR(weir_collector);

/* A number to send to topic with, valid for the collector's life, and the partition count.
 * WEIR_INVALID: there is no such topic. WEIR_IO: also after a reset that failed. */
weir_status weir_collector_topic(weir_collector *collector, const char *topic, int32_t *out_topic,
                                 int32_t *out_partition_count, weir_error *err);

/* Sends record to its partition of topic; begins a transaction where none is open. */
weir_status weir_collector_send(weir_collector *collector, int32_t topic, const weir_record *record,
                                weir_error *err);

/* Sent records that the producer had no room for are waiting. */
bool weir_collector_is_blocked(const weir_collector *collector);
/* The transaction holds as much as the producer should: process nothing more before its commit. */
bool weir_collector_wants_commit(const weir_collector *collector);
/* Neither: more may be processed. */
bool weir_collector_has_room(const weir_collector *collector);
/* Sends what waits; WEIR_AGAIN: something waits still. */
weir_status weir_collector_unblock(weir_collector *collector, int32_t timeout_ms, weir_error *err);

/* OK: the broker holds all that was sent (in a transaction: if it commits). WEIR_AGAIN: not yet. */
weir_status weir_collector_flush(weir_collector *collector, int32_t timeout_ms, weir_error *err);

/* Has the producer write what it holds back for larger batches, since nothing more comes for now;
 * waits for timeout_ms at most, and nothing is said of what is not acknowledged by then. In a
 * transaction that is worth it until all is written once: nobody can read it before the commit, but
 * the first batch of each partition is the slow one, and the commit need not wait for it. */
weir_status weir_collector_push(weir_collector *collector, int32_t timeout_ms, weir_error *err);
/* Whether a push would do something. */
bool weir_collector_holds_back(const weir_collector *collector);

/* Commits offsets with all that was sent; without transactions, after a flush that said OK.
 * WEIR_AGAIN: a rebalance is under way, nothing happened. WEIR_IO: the outcome is unknown where
 * *out_unknown is set, nothing was committed where it is not. */
weir_status weir_collector_commit(weir_collector *collector, weir_membership *membership,
                                  const weir_offsets *offsets, bool *out_unknown, weir_error *err);

/* Gives up what was sent and not committed. */
weir_status weir_collector_abort(weir_collector *collector, weir_error *err);

/* Replaces the producer by a new one with the same transactional id, which settles whatever the
 * old one had under way. Topic numbers stay valid. */
weir_status weir_collector_reset(weir_collector *collector, weir_error *err);

/* Whether something was sent since the last commit or abort. */
bool weir_collector_is_dirty(const weir_collector *collector);

/* The offset after the last acknowledged record in a partition of topic; WEIR_NOT_FOUND: none. */
weir_status weir_collector_position(weir_collector *collector, int32_t topic, int32_t partition,
                                    int64_t *out_offset);

#endif
