/* SPDX-License-Identifier: Apache-2.0
 *
 * producer.h - writes records, plainly or in transactions that span partitions and offsets.
 *
 *   plain:         send* -> flush            what flush has confirmed survives
 *   transactional: begin -> send* -> send_offsets -> commit | abort
 *
 * The order of what one producer sends to a partition is kept, and no record is written twice.
 *
 * Ownership  Records are borrowed for the call; the producer copies what it keeps.
 * Errors     WEIR_FENCED: a newer producer with the same transactional id exists. Close this one.
 *            WEIR_IO in a transaction: abort it, go back to the last commit.
 * Threads    One.
 */
#ifndef WEIR_STREAMS_PRODUCER_H
#define WEIR_STREAMS_PRODUCER_H

#include "streams/broker.h"
#include "streams/member.h"

typedef struct weir_producer weir_producer;

typedef struct weir_producer_options {
    const char *client_id;        /* For messages; may be NULL. */
    const char *transactional_id; /* NULL: no transactions. Older producers of the id are fenced. */
    size_t buffer_bytes_max;      /* Unacknowledged bytes that it holds; 0: 32 MiB. */
} weir_producer_options;

/* A producer; options are copied. broker outlives it. */
weir_status weir_producer_new(weir_broker *broker, const weir_producer_options *options,
                              weir_producer **out_producer, weir_error *err);

/* Closes the producer: an open transaction is aborted, what was not flushed may be lost. */
void weir_producer_free(weir_producer *producer);
WEIR_DEFINE_AUTO_PTR(weir_producer);

/* A small number for a topic, to send with, valid for the producer's life, and its partition
 * count. WEIR_NOT_FOUND where there is no such topic. */
weir_status weir_producer_topic(weir_producer *producer, const char *topic, int32_t *out_topic,
                                int32_t *out_partition_count, weir_error *err);

/* Sends to partition record->partition of topic (record->topic and offset are not read). WEIR_AGAIN
 * when the buffer is full: flush, then send again. WEIR_BAD_RECORD: over the limits of record.h, or
 * a timestamp before 1970. WEIR_INVALID: no such partition. A plain record may stay in the buffer
 * until weir_producer_flush, which is cheap with nothing to do. */
weir_status weir_producer_send(weir_producer *producer, int32_t topic, const weir_record *record,
                               weir_error *err);

/* Whether the transaction holds more than the buffer should: a broker that writes nothing of it
 * before the commit takes its records all the same, since they belong together. Commit soon. */
bool weir_producer_wants_commit(const weir_producer *producer);

/* OK: all that was sent is acknowledged (in a transaction: will be, if the commit succeeds).
 * WEIR_AGAIN: not within timeout_ms; nothing is lost. Other: at least one record was refused. */
weir_status weir_producer_flush(weir_producer *producer, int32_t timeout_ms, weir_error *err);

/* The offset of the last acknowledged (in a transaction: committed) record that this producer wrote
 * to a partition of topic; WEIR_NOT_FOUND: none yet. */
weir_status weir_producer_acked_offset(weir_producer *producer, int32_t topic, int32_t partition,
                                       int64_t *out_offset);

/* Begins a transaction; there is none open. */
weir_status weir_producer_begin(weir_producer *producer, weir_error *err);

/* Makes the commit of a group's offsets part of the transaction. WEIR_FENCED if member is no longer
 * the member that the group knows; WEIR_AGAIN, with no effect, if it is in another generation. */
weir_status weir_producer_send_offsets(weir_producer *producer, weir_member *member,
                                       int32_t generation, const weir_group_offset *offsets,
                                       size_t count, weir_error *err);

/* All or nothing. After WEIR_OK records and offsets are durable and visible. After WEIR_IO it is
 * unknown which of the two happened: read the committed offsets to know. Whatever is not WEIR_OK
 * leaves the transaction open: abort it. */
weir_status weir_producer_commit(weir_producer *producer, weir_error *err);

/* Nothing of the transaction ever becomes visible. Ends it whatever the answer, but WEIR_AGAIN. */
weir_status weir_producer_abort(weir_producer *producer, weir_error *err);

#endif
