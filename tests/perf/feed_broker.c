/* SPDX-License-Identifier: Apache-2.0
 *
 * feed_broker.c - consumers and producers of its own in front of a simulated broker.
 *
 * Repartition topics are not fed: a benchmark with one measures its first half.
 */
#include "tests/perf/feed_broker.h"

#include "streams/broker_ops.h"
#include "streams/member.h"
#include "tests/harness/sim_broker.h"

#include <stdlib.h>
#include <string.h>

enum { FEEDS_MAX = 4, TOPICS_MAX = 32, BATCH_RECORDS = 500, ASSIGNED_MAX = 32 };

/* A topic that is fed. */
typedef struct feed {
    const char *topic;
    weir_record *records;
    size_t count;
    size_t released; /* There now. */
    size_t read;
} feed;

typedef struct feed_broker {
    weir_broker base;
    weir_broker *inner;
    feed feeds[FEEDS_MAX];
    size_t feed_count;
    const char *topics[TOPICS_MAX]; /* By a producer's number. */
    size_t topic_count;
    uint64_t produced;
} feed_broker;

/* A partition as a consumer reads it; fed is NULL where nothing is in it. */
typedef struct reading {
    weir_topic_partition partition;
    feed *fed;
    void *tag;
    size_t at;
    bool paused;
} reading;

typedef struct feed_consumer {
    weir_consumer base;
    feed_broker *broker;
    reading readings[ASSIGNED_MAX];
    size_t count;
    size_t next;
    weir_batch batches[ASSIGNED_MAX * 4]; /* Used in turn: those in use are few. */
    size_t next_batch;
} feed_consumer;

typedef struct feed_producer {
    weir_producer base;
    feed_broker *broker;
    int64_t sent;
} feed_producer;

static feed_broker *of(weir_broker *broker)
{
    return (feed_broker *)(void *)broker;
}

/* Consumers. */

static reading *reading_of(feed_consumer *self, weir_topic_partition partition)
{
    for (size_t i = 0; i < self->count; i++) {
        if (self->readings[i].partition.partition == partition.partition &&
            strcmp(self->readings[i].partition.topic, partition.topic) == 0) {
            return &self->readings[i];
        }
    }
    return NULL;
}

static weir_status assign(weir_consumer *consumer, weir_topic_partition partition, int64_t offset,
                          weir_offset_reset reset, void *tag, weir_error *err)
{
    (void)reset;
    (void)err;
    feed_consumer *self = (feed_consumer *)(void *)consumer;
    reading *read = reading_of(self, partition);
    if (read == NULL) {
        WEIR_ASSERT(self->count < ASSIGNED_MAX);
        read = &self->readings[self->count++];
    }
    *read = (reading){.partition = partition, .tag = tag, .at = (size_t)offset};
    for (size_t i = 0; i < self->broker->feed_count; i++) {
        if (strcmp(self->broker->feeds[i].topic, partition.topic) == 0) {
            read->fed = &self->broker->feeds[i];
        }
    }
    return WEIR_OK;
}

static void unassign(weir_consumer *consumer, weir_topic_partition partition)
{
    feed_consumer *self = (feed_consumer *)(void *)consumer;
    reading *read = reading_of(self, partition);
    if (read != NULL) {
        *read = self->readings[--self->count];
    }
}

static void set_paused(weir_consumer *consumer, weir_topic_partition partition, bool paused)
{
    reading_of((feed_consumer *)(void *)consumer, partition)->paused = paused;
}

static void free_batch(weir_batch *batch)
{
    (void)batch; /* It is the consumer's. */
}

static weir_status poll(weir_consumer *consumer, int32_t timeout_ms, weir_batch **out_batch,
                        weir_error *err)
{
    (void)timeout_ms;
    (void)err;
    feed_consumer *self = (feed_consumer *)(void *)consumer;
    for (size_t i = 0; i < self->count; i++) {
        reading *read = &self->readings[self->next++ % self->count];
        size_t left = read->fed == NULL || read->paused ? 0 : read->fed->released - read->at;
        if (left == 0) {
            continue;
        }
        weir_batch *batch = &self->batches[self->next_batch++ % WEIR_COUNT_OF(self->batches)];
        *batch = (weir_batch){
            .tag = read->tag,
            .records = read->fed->records + read->at,
            .count = left < BATCH_RECORDS ? left : BATCH_RECORDS,
            .free = free_batch,
        };
        read->at += batch->count;
        read->fed->read = read->at;
        *out_batch = batch;
        return WEIR_OK;
    }
    return WEIR_AGAIN;
}

static int64_t position(weir_consumer *consumer, weir_topic_partition partition)
{
    return (int64_t)reading_of((feed_consumer *)(void *)consumer, partition)->at;
}

static weir_status lag(weir_consumer *consumer, weir_topic_partition partition, int64_t *out_lag)
{
    const reading *read = reading_of((feed_consumer *)(void *)consumer, partition);
    *out_lag = read->fed == NULL ? 0 : (int64_t)(read->fed->released - read->at);
    return WEIR_OK;
}

static int no_fd(weir_consumer *consumer)
{
    (void)consumer;
    return -1;
}

static void wake(weir_consumer *consumer)
{
    (void)consumer;
}

static void free_consumer(weir_consumer *consumer)
{
    free(consumer);
}

static weir_status new_consumer(weir_broker *broker, const weir_consumer_options *options,
                                weir_consumer **out_consumer, weir_error *err)
{
    static const weir_consumer_ops ops = {assign, unassign, set_paused, poll,         position,
                                          lag,    no_fd,    wake,       free_consumer};
    (void)options;
    (void)err;
    feed_consumer *self = weir_alloc(sizeof(*self));
    self->base.ops = &ops;
    self->broker = of(broker);
    *out_consumer = &self->base;
    return WEIR_OK;
}

/* Producers. */

static weir_status producer_topic(weir_producer *producer, const char *topic, int32_t *out_topic,
                                  int32_t *out_partition_count, weir_error *err)
{
    feed_broker *broker = ((feed_producer *)(void *)producer)->broker;
    weir_topic_config config = {0};
    WEIR_TRY(weir_broker_describe_topic(broker->inner, topic, &config, err));
    WEIR_ASSERT(broker->topic_count < TOPICS_MAX);
    *out_topic = (int32_t)broker->topic_count;
    *out_partition_count = config.partition_count;
    broker->topics[broker->topic_count++] = config.name;
    return WEIR_OK;
}

static weir_status send(weir_producer *producer, int32_t topic, const weir_record *record,
                        weir_error *err)
{
    (void)topic;
    (void)record;
    (void)err;
    feed_producer *self = (feed_producer *)(void *)producer;
    self->sent++;
    self->broker->produced++;
    return WEIR_OK;
}

static weir_status flush(weir_producer *producer, int32_t timeout_ms, weir_error *err)
{
    (void)producer;
    (void)timeout_ms;
    (void)err;
    return WEIR_OK;
}

static weir_status acked_offset(weir_producer *producer, int32_t topic, int32_t partition,
                                int64_t *out_offset)
{
    (void)topic;
    (void)partition;
    *out_offset = ((feed_producer *)(void *)producer)->sent;
    return WEIR_OK;
}

static weir_status no_transaction(weir_producer *producer, weir_error *err)
{
    (void)producer;
    return weir_error_set(err, WEIR_INVALID, "there are no transactions here");
}

static weir_status no_offsets(weir_producer *producer, weir_member *member, int32_t generation,
                              const weir_group_offset *offsets, size_t count, weir_error *err)
{
    (void)member;
    (void)generation;
    (void)offsets;
    (void)count;
    return no_transaction(producer, err);
}

static void free_producer(weir_producer *producer)
{
    free(producer);
}

static weir_status new_producer(weir_broker *broker, const weir_producer_options *options,
                                weir_producer **out_producer, weir_error *err)
{
    static const weir_producer_ops ops = {
        producer_topic, send,           flush,          acked_offset,  no_transaction,
        no_offsets,     no_transaction, no_transaction, free_producer,
    };
    (void)options;
    (void)err;
    feed_producer *self = weir_alloc(sizeof(*self));
    self->base.ops = &ops;
    self->broker = of(broker);
    *out_producer = &self->base;
    return WEIR_OK;
}

/* The broker: everything else is asked of the one behind it. */

static weir_status create_topics(weir_broker *broker, const weir_topic_config *configs,
                                 size_t count, weir_error *err)
{
    return weir_broker_create_topics(of(broker)->inner, configs, count, err);
}

static weir_status describe_topics(weir_broker *broker, weir_topic_query *queries, size_t count,
                                   weir_error *err)
{
    return weir_broker_describe_topics(of(broker)->inner, queries, count, err);
}

static weir_status list_topics(weir_broker *broker,
                               weir_status (*visit)(void *user, const weir_topic_config *topic,
                                                    weir_error *err),
                               void *user, weir_error *err)
{
    return weir_broker_list_topics(of(broker)->inner, visit, user, err);
}

static weir_status delete_topic(weir_broker *broker, const char *topic, weir_error *err)
{
    return weir_broker_delete_topic(of(broker)->inner, topic, err);
}

static weir_status offsets(weir_broker *broker, weir_offset_query *queries, size_t count,
                           weir_error *err)
{
    return weir_broker_offsets(of(broker)->inner, queries, count, err);
}

static weir_status delete_records(weir_broker *broker, weir_topic_partition partition,
                                  int64_t before_offset, weir_error *err)
{
    return weir_broker_delete_records(of(broker)->inner, partition, before_offset, err);
}

static weir_status group_offsets(weir_broker *broker, const char *group,
                                 weir_committed_query *queries, size_t count, weir_error *err)
{
    return weir_broker_group_offsets(of(broker)->inner, group, queries, count, err);
}

static weir_status alter_group_offset(weir_broker *broker, const char *group,
                                      const weir_group_offset *offset, weir_error *err)
{
    return weir_broker_alter_group_offset(of(broker)->inner, group, offset, err);
}

static weir_status group_member_count(weir_broker *broker, const char *group, int32_t *out_count,
                                      weir_error *err)
{
    return of(broker)->inner->ops->group_member_count(of(broker)->inner, group, out_count, err);
}

static weir_status check(weir_broker *broker, int32_t timeout_ms, weir_error *err)
{
    return of(broker)->inner->ops->check(of(broker)->inner, timeout_ms, err);
}

static weir_status housekeep(weir_broker *broker, int64_t now_ms, bool *out_more, weir_error *err)
{
    return of(broker)->inner->ops->housekeep(of(broker)->inner, now_ms, out_more, err);
}

static void free_broker(weir_broker *broker)
{
    weir_broker_free(of(broker)->inner);
    free(broker);
}

static weir_status join(weir_broker *broker, const weir_member_options *options,
                        weir_member **out_member, weir_error *err)
{
    return weir_member_join(of(broker)->inner, options, out_member, err);
}

weir_broker *feed_broker_new(void)
{
    static const weir_broker_ops ops = {
        create_topics,  describe_topics, list_topics,        delete_topic,       offsets,
        delete_records, group_offsets,   alter_group_offset, group_member_count, check,
        housekeep,      free_broker,     new_consumer,       new_producer,       join,
    };
    feed_broker *self = weir_alloc(sizeof(*self));
    self->base = (weir_broker){.ops = &ops, .name = "feeding"};
    self->inner = sim_broker_new(1);
    return &self->base;
}

void feed_broker_add(weir_broker *broker, const char *topic, weir_record *records, size_t count)
{
    feed_broker *self = of(broker);
    WEIR_ASSERT(self->feed_count < FEEDS_MAX);
    for (size_t i = 0; i < count; i++) {
        records[i].topic = topic;
        records[i].offset = (int64_t)i;
    }
    self->feeds[self->feed_count++] = (feed){topic, records, count, 0, 0};
}

uint64_t feed_broker_produced(const weir_broker *broker)
{
    return ((const feed_broker *)(const void *)broker)->produced;
}

void feed_broker_release(weir_broker *broker, size_t per_thousand)
{
    feed_broker *self = of(broker);
    for (size_t i = 0; i < self->feed_count; i++) {
        self->feeds[i].released = self->feeds[i].count * per_thousand / 1000;
    }
}

uint64_t feed_broker_read(const weir_broker *broker)
{
    const feed_broker *self = (const feed_broker *)(const void *)broker;
    uint64_t read = 0;
    for (size_t i = 0; i < self->feed_count; i++) {
        read += self->feeds[i].read;
    }
    return read;
}

bool feed_broker_is_read(const weir_broker *broker)
{
    const feed_broker *self = (const feed_broker *)(const void *)broker;
    for (size_t i = 0; i < self->feed_count; i++) {
        if (self->feeds[i].read < self->feeds[i].released) {
            return false;
        }
    }
    return true;
}
