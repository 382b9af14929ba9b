/* SPDX-License-Identifier: Apache-2.0
 *
 * consumer.c - the front door of consumer.h: checks the contract and fills in the defaults.
 */
#include "streams/broker_ops.h"

enum { BATCH_RECORDS_DEFAULT = 1000, FETCH_BYTES_DEFAULT = 8 << 20 };

weir_status weir_consumer_new(weir_broker *broker, const weir_consumer_options *options,
                              weir_consumer **out_consumer, weir_error *err)
{
    WEIR_ASSERT(broker != NULL);
    WEIR_ASSERT(options != NULL);
    WEIR_ASSERT(out_consumer != NULL);
    weir_consumer_options filled = *options;
    if (filled.batch_records_max == 0) {
        filled.batch_records_max = BATCH_RECORDS_DEFAULT;
    }
    if (filled.fetch_bytes_max == 0) {
        filled.fetch_bytes_max = FETCH_BYTES_DEFAULT;
    }
    return broker->ops->consumer_new(broker, &filled, out_consumer, err);
}

void weir_consumer_free(weir_consumer *consumer)
{
    if (consumer != NULL) {
        consumer->ops->free(consumer);
    }
}

weir_status weir_consumer_assign(weir_consumer *consumer, weir_topic_partition partition,
                                 int64_t offset, weir_offset_reset reset, void *tag,
                                 weir_error *err)
{
    WEIR_ASSERT(consumer != NULL);
    WEIR_ASSERT(partition.topic != NULL);
    WEIR_ASSERT(offset >= 0);
    return consumer->ops->assign(consumer, partition, offset, reset, tag, err);
}

void weir_consumer_unassign(weir_consumer *consumer, weir_topic_partition partition)
{
    WEIR_ASSERT(consumer != NULL);
    WEIR_ASSERT(partition.topic != NULL);
    consumer->ops->unassign(consumer, partition);
}

void weir_consumer_pause(weir_consumer *consumer, weir_topic_partition partition)
{
    WEIR_ASSERT(consumer != NULL);
    WEIR_ASSERT(partition.topic != NULL);
    consumer->ops->set_paused(consumer, partition, true);
}

void weir_consumer_resume(weir_consumer *consumer, weir_topic_partition partition)
{
    WEIR_ASSERT(consumer != NULL);
    WEIR_ASSERT(partition.topic != NULL);
    consumer->ops->set_paused(consumer, partition, false);
}

weir_status weir_consumer_poll(weir_consumer *consumer, int32_t timeout_ms, weir_batch **out_batch,
                               weir_error *err)
{
    WEIR_ASSERT(consumer != NULL);
    WEIR_ASSERT(out_batch != NULL);
    WEIR_ASSERT(timeout_ms >= 0);
    WEIR_TRY(consumer->ops->poll(consumer, timeout_ms, out_batch, err));
    WEIR_ASSERT((*out_batch)->count > 0);
    return WEIR_OK;
}

int64_t weir_consumer_position(weir_consumer *consumer, weir_topic_partition partition)
{
    WEIR_ASSERT(consumer != NULL);
    WEIR_ASSERT(partition.topic != NULL);
    return consumer->ops->position(consumer, partition);
}

weir_status weir_consumer_lag(weir_consumer *consumer, weir_topic_partition partition,
                              int64_t *out_lag)
{
    WEIR_ASSERT(consumer != NULL);
    WEIR_ASSERT(partition.topic != NULL);
    WEIR_ASSERT(out_lag != NULL);
    return consumer->ops->lag(consumer, partition, out_lag);
}

int weir_consumer_fd(weir_consumer *consumer)
{
    WEIR_ASSERT(consumer != NULL);
    return consumer->ops->fd(consumer);
}

void weir_consumer_wake(weir_consumer *consumer)
{
    WEIR_ASSERT(consumer != NULL);
    consumer->ops->wake(consumer);
}
