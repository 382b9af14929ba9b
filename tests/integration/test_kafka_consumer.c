/* SPDX-License-Identifier: Apache-2.0
 *
 * A consumer whose queues are full goes on as soon as they are emptied. librdkafka by itself looks
 * again after a second (connectors/kafka_consumer.c).
 */
#include "connectors/broker_kafka.h"
#include "streams/base/hash.h"
#include "streams/consumer.h"
#include "streams/producer.h"
#include "tests/harness/check.h"
#include "tests/harness/kafka_cluster.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    PARTITIONS = 4,
    RECORDS = 40000, /* Of a partition. */
    VALUE_BYTES = 100,
    FETCH_BYTES = 256 << 10, /* A fortieth of all. */
    BATCH_RECORDS = 100,
    HASHES = 300, /* Of a record: slower than the fetcher, so that all queues are full. */
    WAIT_MS = 700,
    WAITS_MAX = 8, /* One at the start, and more where this machine sleeps. */
    TIMEOUT_MS = 60000,
};

static void fill(weir_broker *broker, const char *topic)
{
    weir_error err = {0};
    WEIR_AUTO_PTR(weir_producer) producer = NULL;
    CHECK_OK(weir_producer_new(broker, &(weir_producer_options){0}, &producer, &err), &err);
    int32_t number = 0;
    int32_t partitions = 0;
    CHECK_OK(weir_producer_topic(producer, topic, &number, &partitions, &err), &err);
    char value[VALUE_BYTES];
    memset(value, 'v', sizeof value);
    for (int32_t i = 0; i < RECORDS * PARTITIONS; i++) {
        const weir_record record = {
            .partition = i % PARTITIONS,
            .timestamp_ms = 1 + i,
            .value = weir_bytes_of(value, sizeof value),
        };
        weir_status status = weir_producer_send(producer, number, &record, &err);
        while (status == WEIR_AGAIN) {
            CHECK_OK(weir_producer_flush(producer, TIMEOUT_MS, &err), &err);
            status = weir_producer_send(producer, number, &record, &err);
        }
        CHECK_OK(status, &err);
    }
    CHECK_OK(weir_producer_flush(producer, TIMEOUT_MS, &err), &err);
}

static uint64_t work(const weir_batch *batch)
{
    uint64_t hash = 0;
    for (size_t i = 0; i < batch->count * HASHES; i++) {
        hash = weir_hash64(batch->records[i % batch->count].value, hash);
    }
    return hash;
}

/* Reads all, each partition in its order; how many polls found nothing. */
static int read_all(weir_broker *broker, const char *topic)
{
    weir_error err = {0};
    const weir_consumer_options options = {
        .fetch_bytes_max = FETCH_BYTES,
        .batch_records_max = BATCH_RECORDS,
    };
    WEIR_AUTO_PTR(weir_consumer) consumer = NULL;
    CHECK_OK(weir_consumer_new(broker, &options, &consumer, &err), &err);
    int64_t next[PARTITIONS] = {0};
    for (int32_t i = 0; i < PARTITIONS; i++) {
        CHECK_OK(weir_consumer_assign(consumer, (weir_topic_partition){topic, i}, 0,
                                      WEIR_RESET_NONE, &next[i], &err),
                 &err);
    }
    int waits = 0;
    for (int64_t left = (int64_t)RECORDS * PARTITIONS; left > 0;) {
        weir_batch *batch = NULL;
        weir_status status = weir_consumer_poll(consumer, WAIT_MS, &batch, &err);
        if (status == WEIR_AGAIN) {
            CHECK(++waits < TIMEOUT_MS / WAIT_MS);
            continue;
        }
        CHECK_OK(status, &err);
        int64_t *expected = batch->tag;
        for (size_t i = 0; i < batch->count; i++) {
            CHECK_I64(batch->records[i].offset, ==, (*expected)++);
        }
        left -= (int64_t)batch->count;
        CHECK(work(batch) != 0);
        weir_batch_free(batch);
    }
    return waits;
}

TEST(full_queues_are_filled_again_when_they_are_emptied)
{
    weir_error err = {0};
    const weir_kafka_options options = {.bootstrap_servers = kafka_cluster_shared()};
    WEIR_AUTO_PTR(weir_broker) broker = NULL;
    CHECK_OK(weir_broker_kafka_open(&options, &broker, &err), &err);
    WEIR_AUTO_FREE char *topic = weir_format("%d-full-queues", (int)getpid());
    const weir_topic_config config = {.name = topic, .partition_count = PARTITIONS};
    CHECK_OK(weir_broker_create_topic(broker, &config, &err), &err);
    fill(broker, topic);
    CHECK_I64(read_all(broker, topic), <=, WAITS_MAX);
    CHECK_OK(weir_broker_delete_topic(broker, topic, &err), &err);
}
