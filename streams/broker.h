/* SPDX-License-Identifier: Apache-2.0
 *
 * broker.h - the log of records that everything goes through: topics (broker_topics.h), offsets,
 * groups.
 *
 * Three implementations pass one contract test suite (tests/harness/broker_contract.h): embedded
 * (connectors/broker_embedded.h), Kafka (connectors/broker_kafka.h) and simulated
 * (tests/harness/sim_broker.h). The handles that carry records have headers of their own:
 * consumer.h, producer.h and member.h.
 *
 * Ownership  Arguments are borrowed for the call.
 * Errors     base/status.h. WEIR_IO where the broker cannot be reached or its disk fails.
 * Threads    Any number: a broker is shared by the threads of a process. Consumers, producers and
 *            members belong to one thread each.
 */
#ifndef WEIR_STREAMS_BROKER_H
#define WEIR_STREAMS_BROKER_H

#include "streams/broker_topics.h"
#include "streams/record.h"

typedef struct weir_broker_ops weir_broker_ops; /* broker_ops.h, for those who write a broker. */

/* Where a partition is to be read from, for weir_broker_offset. */
typedef enum weir_offset_spec {
    WEIR_OFFSET_EARLIEST,
    WEIR_OFFSET_LATEST, /* The offset that the next committed record will have. */
    /* Behind all that is written, in transactions that have not ended too: whoever reads committed
     * records up to there has all of what was committed before the question. A cluster says that a
     * transaction is committed before each of its partitions has heard of it, and until then
     * WEIR_OFFSET_LATEST stands in front of it. */
    WEIR_OFFSET_WRITTEN,
    WEIR_OFFSET_AT_TIMESTAMP, /* The first record at or after a timestamp; the latest if none. */
} weir_offset_spec;

/* A question about a partition, and its answer. An answer takes a round trip, however many
 * questions: ask all at once. */
typedef struct weir_offset_query {
    weir_topic_partition partition;
    weir_offset_spec spec;
    int64_t timestamp_ms; /* Counts for WEIR_OFFSET_AT_TIMESTAMP only. */
    weir_status status;   /* Out: WEIR_OK; WEIR_NOT_FOUND: there is no such partition. */
    int64_t offset;       /* Out. */
} weir_offset_query;

/* The same about what a group has committed. */
typedef struct weir_committed_query {
    weir_topic_partition partition;
    /* Out: WEIR_OK; WEIR_NOT_FOUND: nothing; WEIR_AGAIN: a transaction that carries an offset of it
     * is open. */
    weir_status status;
    int64_t offset;    /* Out. */
    weir_buf metadata; /* Out: replaced. The asker's. */
} weir_committed_query;

/* The next offset to read of a partition, with a note of up to WEIR_OFFSET_METADATA_BYTES_MAX. */
typedef struct weir_group_offset {
    weir_topic_partition partition;
    int64_t offset;
    weir_bytes metadata; /* Text; null and empty are the same. */
} weir_group_offset;

enum { WEIR_OFFSET_METADATA_BYTES_MAX = 4096 };

/* Answers all queries, or fails as a whole: WEIR_OK says that each has its status. */
weir_status weir_broker_offsets(weir_broker *broker, weir_offset_query *queries, size_t count,
                                weir_error *err);

/* One query alone; its status is returned. Here and below WEIR_NOT_FOUND says that there is no such
 * partition. */
weir_status weir_broker_offset(weir_broker *broker, weir_topic_partition partition,
                               weir_offset_spec spec, int64_t timestamp_ms, int64_t *out_offset,
                               weir_error *err);

/* Forgets the records before offset: the earliest offset becomes offset, unless it is beyond it
 * already. WEIR_INVALID where the partition ends before offset. */
weir_status weir_broker_delete_records(weir_broker *broker, weir_topic_partition partition,
                                       int64_t before_offset, weir_error *err);

/* What group has committed, as weir_broker_offsets. */
weir_status weir_broker_group_offsets(weir_broker *broker, const char *group,
                                      weir_committed_query *queries, size_t count, weir_error *err);

/* One query alone; its status is returned, and *out_metadata replaced. */
weir_status weir_broker_group_offset(weir_broker *broker, const char *group,
                                     weir_topic_partition partition, int64_t *out_offset,
                                     weir_buf *out_metadata, weir_error *err);

/* Sets the offset of a group without members (reset tools, tests); WEIR_INVALID while it has some.
 */
weir_status weir_broker_alter_group_offset(weir_broker *broker, const char *group,
                                           const weir_group_offset *offset, weir_error *err);

/* Members that the group has now; 0 for an unknown group. */
weir_status weir_broker_group_member_count(weir_broker *broker, const char *group,
                                           int32_t *out_count, weir_error *err);

/* Whether the broker answers now, for whoever asks how the process is. WEIR_IO, with what to look
 * at, where it does not within timeout_ms. */
weir_status weir_broker_check(weir_broker *broker, int32_t timeout_ms, weir_error *err);

/* Retention, compaction and other upkeep that is due at now_ms; a bounded slice of work a call.
 * *out_more (may be NULL) says that another slice waits. The owner calls it about once a second. */
weir_status weir_broker_housekeep(weir_broker *broker, int64_t now_ms, bool *out_more,
                                  weir_error *err);

/* Closes the broker, which no handle uses any more; NULL is fine. */
void weir_broker_free(weir_broker *broker);
WEIR_DEFINE_AUTO_PTR(weir_broker);

#endif
