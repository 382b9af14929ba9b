/* SPDX-License-Identifier: Apache-2.0
 *
 * count_records.c - feeds the counting topology and reads its topics; for tests, since it checks.
 */
#include "streams/base/hash.h"
#include "streams/base/serde.h"
#include "streams/consumer.h"
#include "streams/producer.h"
#include "tests/harness/check.h"
#include "tests/harness/count_topology.h"

#include <stdio.h>

void count_topology_topics(weir_broker *broker, int32_t partition_count)
{
    weir_error err = {0};
    weir_topic_config topic = {.name = "in", .partition_count = partition_count};
    CHECK_OK(weir_broker_create_topic(broker, &topic, &err), &err);
    topic.name = "out";
    CHECK_OK(weir_broker_create_topic(broker, &topic, &err), &err);
}

static void send(weir_producer *producer, int32_t topic, int32_t partitions, const char *key,
                 const char *value)
{
    weir_error err = {0};
    weir_record record = {
        .timestamp_ms = 1000,
        .key = weir_bytes_of_text(key),
        .value = weir_bytes_of_text(value),
    };
    record.partition = weir_partition_of(record.key, partitions);
    weir_status status = weir_producer_send(producer, topic, &record, &err);
    if (status == WEIR_AGAIN) {
        CHECK_OK(weir_producer_flush(producer, 1000, &err), &err);
        status = weir_producer_send(producer, topic, &record, &err);
    }
    CHECK_OK(status, &err);
}

/* What is sent; without a key they are numbered. */
typedef struct feed_spec {
    const char *topic;
    size_t first;
    size_t count;
    const char *key;
    const char *value;
} feed_spec;

static void feed(weir_broker *broker, const feed_spec *spec)
{
    weir_error err = {0};
    weir_producer *producer = NULL;
    CHECK_OK(
        weir_producer_new(broker, &(weir_producer_options){.client_id = "feed"}, &producer, &err),
        &err);
    int32_t topic = 0;
    int32_t partitions = 0;
    CHECK_OK(weir_producer_topic(producer, spec->topic, &topic, &partitions, &err), &err);
    for (size_t i = 0; i < spec->count; i++) {
        char numbered[32];
        snprintf(numbered, sizeof(numbered), "k%zu", spec->first + i);
        send(producer, topic, partitions, spec->key == NULL ? numbered : spec->key, spec->value);
    }
    CHECK_OK(weir_producer_flush(producer, 10000, &err), &err);
    weir_producer_free(producer);
}

void count_topology_feed(weir_broker *broker, size_t first, size_t record_count)
{
    count_topology_feed_topic(broker, "in", first, record_count);
}

void count_topology_feed_topic(weir_broker *broker, const char *topic, size_t first, size_t count)
{
    feed(broker, &(feed_spec){.topic = topic, .first = first, .count = count, .value = "v"});
}

void count_topology_feed_one(weir_broker *broker, const char *key, const char *value)
{
    feed(broker, &(feed_spec){.topic = "in", .count = 1, .key = key, .value = value});
}

static void assign_all(weir_broker *broker, weir_consumer *consumer, const char *topic)
{
    weir_error err = {0};
    weir_topic_config config = {0};
    CHECK_OK(weir_broker_describe_topic(broker, topic, &config, &err), &err);
    for (int32_t p = 0; p < config.partition_count; p++) {
        int64_t earliest = 0;
        weir_topic_partition partition = {topic, p};
        CHECK_OK(weir_broker_offset(broker, partition, WEIR_OFFSET_EARLIEST, 0, &earliest, &err),
                 &err);
        CHECK_OK(
            weir_consumer_assign(consumer, partition, earliest, WEIR_RESET_EARLIEST, NULL, &err),
            &err);
    }
}

void count_topology_visit(weir_broker *broker, const char *topic, count_topology_see visit,
                          void *user)
{
    weir_error err = {0};
    weir_consumer *consumer = NULL;
    CHECK_OK(
        weir_consumer_new(broker, &(weir_consumer_options){.client_id = "read"}, &consumer, &err),
        &err);
    assign_all(broker, consumer, topic);
    weir_batch *batch = NULL;
    while (weir_consumer_poll(consumer, 0, &batch, &err) == WEIR_OK) {
        for (size_t i = 0; i < batch->count; i++) {
            visit(user, &batch->records[i]);
        }
        weir_batch_free(batch);
    }
    weir_consumer_free(consumer);
}

typedef struct last_of {
    const char *key;
    int64_t value;
} last_of;

static void note_last(void *user, const weir_record *record)
{
    last_of *last = user;
    if (weir_bytes_equal(record->key, weir_bytes_of_text(last->key))) {
        last->value =
            record->value.data == NULL ? -1 : (int64_t)weir_get_u64_be(record->value.data);
    }
}

int64_t count_topology_last(weir_broker *broker, const char *topic, const char *key)
{
    last_of last = {key, -1};
    count_topology_visit(broker, topic, note_last, &last);
    return last.value;
}

static void note_one(void *user, const weir_record *record)
{
    (void)record;
    ++*(size_t *)user;
}

size_t count_topology_records(weir_broker *broker, const char *topic)
{
    size_t records = 0;
    count_topology_visit(broker, topic, note_one, &records);
    return records;
}
