/* SPDX-License-Identifier: Apache-2.0
 *
 * record_queue.h - the records of one input partition that were polled and not yet processed: a
 * FIFO over the batches themselves, nothing is copied.
 *
 * Ownership  The queue owns the batches that it is given. A record from peek is borrowed until
 *            pop, clear or free.
 * Threads    The worker that runs the task.
 */
#ifndef WEIR_STREAMS_RECORD_QUEUE_H
#define WEIR_STREAMS_RECORD_QUEUE_H

#include "streams/topology.h"

typedef struct weir_record_queue weir_record_queue;

/* timestamp NULL: the record's own timestamp is its event time. An extractor sees the record as it
 * was read, without an object: decoding comes when it is processed. */
weir_record_queue *weir_record_queue_new(weir_timestamp_extractor timestamp);
void weir_record_queue_free(weir_record_queue *queue);
WEIR_DEFINE_AUTO_PTR(weir_record_queue);

/* Appends a batch of the queue's partition. */
void weir_record_queue_add(weir_record_queue *queue, weir_batch *owned_batch);

/* The record at the head and its event time (out_timestamp_ms may be NULL); NULL when empty. */
const weir_record *weir_record_queue_peek(const weir_record_queue *queue,
                                          int64_t *out_timestamp_ms);

/* The record that comes so many after the head, where it is in the head's batch; else NULL. */
const weir_record *weir_record_queue_ahead(const weir_record_queue *queue, size_t count);

/* Removes the head, whose event time goes into the partition time. Not when empty. */
void weir_record_queue_pop(weir_record_queue *queue);

/* Drops everything, before the partition is read again from elsewhere. */
void weir_record_queue_clear(weir_record_queue *queue);

/* Records that wait, the head included; dropped ones not yet reached count too. */
size_t weir_record_queue_count(const weir_record_queue *queue);

/* The largest event time that was popped; -1: none yet. Set when a task starts, from what was
 * committed with its offset. */
int64_t weir_record_queue_partition_time_ms(const weir_record_queue *queue);
void weir_record_queue_set_partition_time_ms(weir_record_queue *queue, int64_t partition_time_ms);

/* Records whose extractor answered a negative time; they are never at the head. */
uint64_t weir_record_queue_dropped_count(const weir_record_queue *queue);

#endif
