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
