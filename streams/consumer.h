/* SPDX-License-Identifier: Apache-2.0
 *
 * consumer.h - reads assigned partitions. It is no member of a group: member.h says who reads what.
 *
 * Ownership  A polled batch is the caller's: weir_batch_free. Batches may outlive a poll and an
 *            unassignment, not the consumer.
 * Errors     base/status.h.
 * Threads    One, except weir_consumer_wake.
 */
#ifndef WEIR_STREAMS_CONSUMER_H
#define WEIR_STREAMS_CONSUMER_H

#include "streams/broker.h"

typedef struct weir_consumer weir_consumer;

typedef enum weir_isolation { WEIR_READ_COMMITTED, WEIR_READ_UNCOMMITTED } weir_isolation;

/* What a poll does at an offset that the partition no longer or not yet has. */
typedef enum weir_offset_reset {
    WEIR_RESET_NONE, /* WEIR_CORRUPT, with the offsets in the message: right for changelogs. */
    WEIR_RESET_EARLIEST,
    WEIR_RESET_LATEST,
} weir_offset_reset;

typedef struct weir_consumer_options {
    const char *client_id; /* For messages; may be NULL. */
    weir_isolation isolation;
    size_t batch_records_max; /* 0: 1,000. */
    size_t fetch_bytes_max;   /* Memory that the consumer reads ahead; 0: 8 MiB. */
} weir_consumer_options;

/* A consumer without partitions; options are copied. broker outlives it. */
weir_status weir_consumer_new(weir_broker *broker, const weir_consumer_options *options,
                              weir_consumer **out_consumer, weir_error *err);
void weir_consumer_free(weir_consumer *consumer);
WEIR_DEFINE_AUTO_PTR(weir_consumer);

/* Starts to read a partition at offset, or moves there if it is assigned already; batches that were
 * read ahead are dropped. tag comes back in each batch. WEIR_NOT_FOUND: no such partition. */
weir_status weir_consumer_assign(weir_consumer *consumer, weir_topic_partition partition,
                                 int64_t offset, weir_offset_reset reset, void *tag,
                                 weir_error *err);

/* Ends the reading of a partition; nothing of it is polled any more. */
void weir_consumer_unassign(weir_consumer *consumer, weir_topic_partition partition);

/* A paused partition stays assigned and is not polled. */
void weir_consumer_pause(weir_consumer *consumer, weir_topic_partition partition);
void weir_consumer_resume(weir_consumer *consumer, weir_topic_partition partition);

/* The next batch of any assigned partition that is not paused; partitions take turns. WEIR_AGAIN
 * after timeout_ms without one (0: at once), or earlier after weir_consumer_wake. */
weir_status weir_consumer_poll(weir_consumer *consumer, int32_t timeout_ms, weir_batch **out_batch,
                               weir_error *err);

/* The offset after the last polled record, or after what follows it and is no record (compacted
 * offsets, markers of transactions) as far as the consumer has seen. */
int64_t weir_consumer_position(weir_consumer *consumer, weir_topic_partition partition);

/* How many offsets lie between the position and the end. WEIR_AGAIN while the end is not known. */
weir_status weir_consumer_lag(weir_consumer *consumer, weir_topic_partition partition,
                              int64_t *out_lag);

/* For poll(2): after a poll that answered WEIR_AGAIN it becomes readable when another might have
 * something. -1: the broker is simulated. */
int weir_consumer_fd(weir_consumer *consumer);

/* Ends a waiting poll, or the next one. Any thread. */
void weir_consumer_wake(weir_consumer *consumer);

#endif
