/* SPDX-License-Identifier: Apache-2.0
 *
 * kafka_pending.c - the calls of the Kafka broker whose files are not written yet, each refused.
 *
 * A call leaves here when its file comes; the file goes with the last of them.
 */
#include "connectors/kafka_internal.h"

static weir_status refuse(const char *call, weir_error *err)
{
    return weir_error_set(err, WEIR_INVALID, "the Kafka broker has no %s yet", call);
}

weir_status weir_kafka_create_topic(weir_broker *broker, const weir_topic_config *config,
                                    weir_error *err)
{
    (void)broker;
    (void)config;
    return refuse("create_topic", err);
}

weir_status weir_kafka_describe_topic(weir_broker *broker, const char *topic,
                                      weir_topic_config *out_config, weir_error *err)
{
    (void)broker;
    (void)topic;
    (void)out_config;
    return refuse("describe_topic", err);
}

weir_status weir_kafka_list_topics(weir_broker *broker,
                                   weir_status (*visit)(void *user, const weir_topic_config *topic,
                                                        weir_error *err),
                                   void *user, weir_error *err)
{
    (void)broker;
    (void)visit;
    (void)user;
    return refuse("list_topics", err);
}

weir_status weir_kafka_delete_topic(weir_broker *broker, const char *topic, weir_error *err)
{
    (void)broker;
    (void)topic;
    return refuse("delete_topic", err);
}

weir_status weir_kafka_offset(weir_broker *broker, weir_topic_partition partition,
                              weir_offset_spec spec, int64_t timestamp_ms, int64_t *out_offset,
                              weir_error *err)
{
    (void)broker;
    (void)partition;
    (void)spec;
    (void)timestamp_ms;
    (void)out_offset;
    return refuse("offset", err);
}

weir_status weir_kafka_delete_records(weir_broker *broker, weir_topic_partition partition,
                                      int64_t before_offset, weir_error *err)
{
    (void)broker;
    (void)partition;
    (void)before_offset;
    return refuse("delete_records", err);
}

weir_status weir_kafka_group_offset(weir_broker *broker, const char *group,
                                    weir_topic_partition partition, int64_t *out_offset,
                                    weir_buf *out_metadata, weir_error *err)
{
    (void)broker;
    (void)group;
    (void)partition;
    (void)out_offset;
    (void)out_metadata;
    return refuse("group_offset", err);
}

weir_status weir_kafka_alter_group_offset(weir_broker *broker, const char *group,
                                          const weir_group_offset *offset, weir_error *err)
{
    (void)broker;
    (void)group;
    (void)offset;
    return refuse("alter_group_offset", err);
}

weir_status weir_kafka_group_member_count(weir_broker *broker, const char *group,
                                          int32_t *out_count, weir_error *err)
{
    (void)broker;
    (void)group;
    (void)out_count;
    return refuse("group_member_count", err);
}

weir_status weir_kafka_consumer_new(weir_broker *broker, const weir_consumer_options *options,
                                    weir_consumer **out_consumer, weir_error *err)
{
    (void)broker;
    (void)options;
    (void)out_consumer;
    return refuse("consumer", err);
}

weir_status weir_kafka_producer_new(weir_broker *broker, const weir_producer_options *options,
                                    weir_producer **out_producer, weir_error *err)
{
    (void)broker;
    (void)options;
    (void)out_producer;
    return refuse("producer", err);
}

weir_status weir_kafka_member_join(weir_broker *broker, const weir_member_options *options,
                                   weir_member **out_member, weir_error *err)
{
    (void)broker;
    (void)options;
    (void)out_member;
    return refuse("member", err);
}
