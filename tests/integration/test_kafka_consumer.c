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

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    PARTITIONS = 4,
    RECORDS = 40000, /* Of a partition. */
    VALUE_BYTES = 100,
    SMALL_VALUE_BYTES = 4,   /* So small that messages fill a queue by their number. */
    FETCH_BYTES = 256 << 10, /* A fortieth of all. */
    BATCH_RECORDS = 100,
#if defined(__SANITIZE_ADDRESS__) /* librdkafka is built without it. */
    HASHES = 30,
#else
    HASHES = 300, /* Of a record: slower than the fetcher, so that all queues are full. */
#endif
    WAIT_MS = 700,
    WAITS_MAX = 8, /* One at the start, and more where this machine sleeps. */
    TIMEOUT_MS = 60000,
};

static void fill(weir_broker *broker, const char *topic, size_t value_bytes)
{
    WEIR_ASSERT(value_bytes <= VALUE_BYTES);

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
            .value = weir_bytes_of(value, value_bytes),
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

/* Waits until the cluster has said something, without a poll. */
static void wait_for_arrival(weir_consumer *consumer)
{
    struct pollfd fd = {.fd = weir_consumer_fd(consumer), .events = POLLIN};
    CHECK_I64(poll(&fd, 1, TIMEOUT_MS), ==, 1);
}

TEST(an_offset_that_is_gone_is_asked_about_without_a_wait)
{
    weir_error err = {0};
    WEIR_AUTO_PTR(kafka_cluster) cluster = NULL;
    CHECK_OK(kafka_cluster_start(&(kafka_cluster_options){0}, &cluster, &err), &err);
    const weir_kafka_options options = {.bootstrap_servers = kafka_cluster_bootstrap(cluster)};
    WEIR_AUTO_PTR(weir_broker) broker = NULL;
    CHECK_OK(weir_broker_kafka_open(&options, &broker, &err), &err);
    const weir_topic_config config = {.name = "gone", .partition_count = PARTITIONS};
    CHECK_OK(weir_broker_create_topic(broker, &config, &err), &err);
    fill(broker, "gone", VALUE_BYTES);
    const weir_topic_partition partition = {"gone", 1};
    CHECK_OK(weir_broker_delete_records(broker, partition, 5, &err), &err);
    WEIR_AUTO_PTR(weir_consumer) consumer = NULL;
    CHECK_OK(weir_consumer_new(broker, &(weir_consumer_options){0}, &consumer, &err), &err);
    CHECK_OK(weir_consumer_assign(consumer, partition, 2, WEIR_RESET_NONE, NULL, &err), &err);
    weir_batch *batch = NULL;
    CHECK_STATUS(weir_consumer_poll(consumer, 0, &batch, &err), WEIR_AGAIN); /* The start of all. */
    wait_for_arrival(consumer);
    CHECK_OK(kafka_cluster_pause_node(cluster, 1, &err), &err);
    for (int i = 0; i < 3; i++) { /* Whoever asked now would get no answer. */
        weir_status status = weir_consumer_poll(consumer, 0, &batch, &err);
        CHECK(status == WEIR_AGAIN || status == WEIR_CORRUPT); /* It may have come before. */
    }
    CHECK_OK(kafka_cluster_resume_node(cluster, 1, &err), &err);
    weir_status status = WEIR_AGAIN;
    for (int i = 0; i < TIMEOUT_MS / WAIT_MS && status == WEIR_AGAIN; i++) {
        status = weir_consumer_poll(consumer, WAIT_MS, &batch, &err);
    }
    CHECK_STATUS(status, WEIR_CORRUPT);
    CHECK(strstr(err.message, "gone[1]: offset 2 is not in the log, which has 5 to 40000") != NULL);
    CHECK_STATUS(weir_consumer_poll(consumer, 0, &batch, &err), WEIR_CORRUPT); /* Until it moves. */
    CHECK_I64(weir_consumer_position(consumer, partition), ==, 2);
    CHECK_OK(weir_consumer_assign(consumer, partition, 7, WEIR_RESET_NONE, NULL, &err), &err);
    CHECK_OK(weir_consumer_poll(consumer, TIMEOUT_MS, &batch, &err), &err);
    CHECK_I64(batch->records[0].offset, ==, 7);
    weir_batch_free(batch);
}

static void read_through_full_queues(size_t value_bytes)
{
    weir_error err = {0};
    const weir_kafka_options options = {.bootstrap_servers = kafka_cluster_shared()};
    WEIR_AUTO_PTR(weir_broker) broker = NULL;
    CHECK_OK(weir_broker_kafka_open(&options, &broker, &err), &err);
    WEIR_AUTO_FREE char *topic = weir_format("%d-full-%zu", (int)getpid(), value_bytes);
    const weir_topic_config config = {.name = topic, .partition_count = PARTITIONS};
    CHECK_OK(weir_broker_create_topic(broker, &config, &err), &err);
    fill(broker, topic, value_bytes);
    CHECK_I64(read_all(broker, topic), <=, WAITS_MAX);
    CHECK_OK(weir_broker_delete_topic(broker, topic, &err), &err);
}

TEST(full_queues_are_filled_again_when_they_are_emptied)
{
    read_through_full_queues(VALUE_BYTES);
}

TEST(queues_full_of_small_messages_are_filled_again_when_they_are_emptied)
{
    read_through_full_queues(SMALL_VALUE_BYTES);
}
