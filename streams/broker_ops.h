/* SPDX-License-Identifier: Apache-2.0
 *
 * broker_ops.h - for those who write a broker: the functions behind broker.h, consumer.h,
 * producer.h and member.h, whose front doors check the contract once for all of them.
 *
 * Every member is set; tables are in static storage; each base struct is the first member of the
 * implementation's own struct. The meaning of a function is that of its front door.
 *
 * Threads    As in the header of the front door.
 */
#ifndef WEIR_STREAMS_BROKER_OPS_H
#define WEIR_STREAMS_BROKER_OPS_H

#include "streams/consumer.h"
#include "streams/producer.h"

struct weir_broker_ops {
    weir_status (*create_topics)(weir_broker *broker, const weir_topic_config *configs,
                                 size_t count, weir_error *err);
    weir_status (*describe_topics)(weir_broker *broker, weir_topic_query *queries, size_t count,
                                   weir_error *err);
    weir_status (*list_topics)(weir_broker *broker,
                               weir_status (*visit)(void *user, const weir_topic_config *topic,
                                                    weir_error *err),
                               void *user, weir_error *err);
    weir_status (*delete_topic)(weir_broker *broker, const char *topic, weir_error *err);
    weir_status (*offsets)(weir_broker *broker, weir_offset_query *queries, size_t count,
                           weir_error *err);
    weir_status (*delete_records)(weir_broker *broker, weir_topic_partition partition,
                                  int64_t before_offset, weir_error *err);
    weir_status (*group_offsets)(weir_broker *broker, const char *group,
                                 weir_committed_query *queries, size_t count, weir_error *err);
    weir_status (*alter_group_offset)(weir_broker *broker, const char *group,
                                      const weir_group_offset *offset, weir_error *err);
    weir_status (*group_member_count)(weir_broker *broker, const char *group, int32_t *out_count,
                                      weir_error *err);
    weir_status (*check)(weir_broker *broker, int32_t timeout_ms, weir_error *err);
    weir_status (*housekeep)(weir_broker *broker, int64_t now_ms, bool *out_more, weir_error *err);
    void (*free)(weir_broker *broker);
    weir_status (*consumer_new)(weir_broker *broker, const weir_consumer_options *options,
                                weir_consumer **out_consumer, weir_error *err);
    weir_status (*producer_new)(weir_broker *broker, const weir_producer_options *options,
                                weir_producer **out_producer, weir_error *err);
    weir_status (*member_join)(weir_broker *broker, const weir_member_options *options,
                               weir_member **out_member, weir_error *err);
};

/* The check of front doors on offsets to commit: assertions, and WEIR_INVALID for metadata over its
 * limit. */
weir_status weir_group_offsets_check(const weir_group_offset *offsets, size_t count,
                                     weir_error *err);

struct weir_broker {
    const weir_broker_ops *ops;
    const char *name; /* "embedded", "kafka" or "simulated", for messages. */
};

typedef struct weir_consumer_ops {
    weir_status (*assign)(weir_consumer *consumer, weir_topic_partition partition, int64_t offset,
                          weir_offset_reset reset, void *tag, weir_error *err);
    void (*unassign)(weir_consumer *consumer, weir_topic_partition partition);
    void (*set_paused)(weir_consumer *consumer, weir_topic_partition partition, bool paused);
    weir_status (*poll)(weir_consumer *consumer, int32_t timeout_ms, weir_batch **out_batch,
                        weir_error *err);
    int64_t (*position)(weir_consumer *consumer, weir_topic_partition partition);
    weir_status (*lag)(weir_consumer *consumer, weir_topic_partition partition, int64_t *out_lag);
    int (*fd)(weir_consumer *consumer);
    void (*wake)(weir_consumer *consumer);
    void (*free)(weir_consumer *consumer);
} weir_consumer_ops;

struct weir_consumer {
    const weir_consumer_ops *ops;
};

typedef struct weir_producer_ops {
    weir_status (*topic)(weir_producer *producer, const char *topic, int32_t *out_topic,
                         int32_t *out_partition_count, weir_error *err);
    weir_status (*send)(weir_producer *producer, int32_t topic, const weir_record *record,
                        weir_error *err);
    weir_status (*flush)(weir_producer *producer, int32_t timeout_ms, weir_error *err);
    weir_status (*acked_offset)(weir_producer *producer, int32_t topic, int32_t partition,
                                int64_t *out_offset);
    weir_status (*begin)(weir_producer *producer, weir_error *err);
    weir_status (*send_offsets)(weir_producer *producer, weir_member *member, int32_t generation,
                                const weir_group_offset *offsets, size_t count, weir_error *err);
    weir_status (*commit)(weir_producer *producer, weir_error *err);
    weir_status (*abort)(weir_producer *producer, weir_error *err);
    void (*free)(weir_producer *producer);
} weir_producer_ops;

struct weir_producer {
    const weir_producer_ops *ops;
    bool transactional;
    bool in_transaction; /* Kept by the front door, which checks the order of calls with it. */
    bool wants_commit;   /* Set with a send; the front door clears it as a transaction ends. */
};

typedef struct weir_member_ops {
    weir_status (*poll)(weir_member *member, int64_t now_ms, int32_t timeout_ms,
                        weir_member_event *out_event, weir_error *err);
    weir_status (*release)(weir_member *member, weir_error *err);
    weir_status (*commit)(weir_member *member, int32_t generation, const weir_group_offset *offsets,
                          size_t count, weir_error *err);
    int32_t (*generation)(const weir_member *member);
    void (*free)(weir_member *member);
} weir_member_ops;

struct weir_member {
    const weir_member_ops *ops;
};

#endif
