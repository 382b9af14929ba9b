/* SPDX-License-Identifier: Apache-2.0
 *
 * record.h - one record of a topic, and a batch of them as a consumer hands it out.
 *
 * Ownership  A weir_record borrows all that it points to. Records of a batch live until the batch
 *            is freed; a record passed to a call lives for the call.
 * Threads    Any, one at a time.
 */
#ifndef WEIR_STREAMS_RECORD_H
#define WEIR_STREAMS_RECORD_H

#include "streams/base/bytes.h"

enum {
    WEIR_RECORD_KEY_BYTES_MAX = 64 << 10,
    WEIR_RECORD_VALUE_BYTES_MAX = 16 << 20,
    WEIR_RECORD_HEADERS_MAX = 256,
    WEIR_RECORD_HEADER_BYTES_MAX = 1 << 20, /* Keys and values of all headers together. */
    WEIR_TOPIC_NAME_BYTES_MAX = 249,        /* Kafka's limit. */
};

typedef struct weir_header {
    weir_bytes key;   /* UTF-8, never null. */
    weir_bytes value; /* May be null. */
} weir_header;

/* All-zero is a record without key, value and place. */
typedef struct weir_record {
    const char *topic; /* NULL in a record that was never read from or sent to a topic. */
    int32_t partition;
    int64_t offset;
    int64_t timestamp_ms; /* Event time; never negative in a record that was read. */
    weir_bytes key;       /* Null: no key. */
    weir_bytes value;     /* Null: a tombstone. */
    const weir_header *headers;
    size_t header_count;
    void *object; /* The value as the serde of its source decoded it, else NULL (processor.h). */
} weir_record;

/* One partition of one topic. */
typedef struct weir_topic_partition {
    const char *topic;
    int32_t partition;
} weir_topic_partition;

/* Records of one partition in offset order, as one poll returned them. */
typedef struct weir_batch {
    void *tag; /* What weir_consumer_assign was given for this partition. */
    const weir_record *records;
    size_t count;
    void (*free)(struct weir_batch *batch);
} weir_batch;

/* Ends the life of the batch and its records; NULL is fine. */
static inline void weir_batch_free(weir_batch *batch)
{
    if (batch != NULL) {
        batch->free(batch);
    }
}

/* The partition for a record, 0 <= p < partition_count. */
typedef int32_t (*weir_partitioner)(void *user, const weir_record *record, int32_t partition_count);

/* Whether a record goes to a partition: it may go to several. One that goes to none is dropped, and
 * counted (a StreamPartitioner that answers a set). */
typedef bool (*weir_multicast)(void *user, const weir_record *record, int32_t partition,
                               int32_t partition_count);

#endif
