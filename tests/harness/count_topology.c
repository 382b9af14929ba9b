/* SPDX-License-Identifier: Apache-2.0
 *
 * count_topology.c - see count_topology.h.
 */
#include "tests/harness/count_topology.h"

#include "streams/base/hash.h"
#include "streams/base/serde.h"
#include "streams/consumer.h"
#include "streams/producer.h"
#include "tests/harness/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct counter {
    weir_processor base;
    weir_kv *counts;
    weir_buf value;
} counter;

static bool value_is(const weir_record *record, const char *text)
{
    return weir_bytes_equal(record->value, weir_bytes_of_text(text));
}

static weir_status pass(weir_processor *processor, const weir_record *record, weir_error *err)
{
    if (value_is(record, "bad")) {
        return weir_error_set(err, WEIR_BAD_RECORD, "this is a bad record");
    }
    return weir_context_forward(processor->context, record, err);
}

static void free_pass(weir_processor *processor)
{
    free(processor);
}

static weir_status init_count(weir_processor *processor, weir_error *err)
{
    (void)err;
    ((counter *)(void *)processor)->counts = weir_context_store(processor->context, "counts");
    return WEIR_OK;
}

static weir_status count(weir_processor *processor, const weir_record *record, weir_error *err)
{
    counter *self = (counter *)(void *)processor;
    uint64_t number = 0;
    weir_status status = weir_kv_get(self->counts, record->key, &self->value, err);
    if (status == WEIR_OK) {
        number = weir_get_u64_be(self->value.data);
    } else if (status != WEIR_NOT_FOUND) {
        return status;
    }
    uint8_t bytes[sizeof(uint64_t)];
    weir_put_u64_be(bytes, number + 1);
    WEIR_TRY(weir_kv_put(self->counts, record->key, weir_bytes_of(bytes, sizeof(bytes)), err));
    if (value_is(record, "late")) {
        return weir_error_set(err, WEIR_BAD_RECORD, "refused after its first effect");
    }
    weir_record out = *record;
    out.value = weir_bytes_of(bytes, sizeof(bytes));
    return weir_context_forward(processor->context, &out, err);
}

static void free_count(weir_processor *processor)
{
    weir_buf_cleanup(&((counter *)(void *)processor)->value);
    free(processor);
}

static weir_processor *new_pass(void *user)
{
    (void)user;
    static const weir_processor_ops ops = {.process = pass, .free = free_pass};
    weir_processor *processor = weir_alloc(sizeof(*processor));
    processor->ops = &ops;
    return processor;
}

static weir_processor *new_count(void *user)
{
    (void)user;
    static const weir_processor_ops ops = {init_count, count, free_count};
    counter *self = weir_alloc(sizeof(*self));
    self->base.ops = &ops;
    return &self->base;
}

weir_topology *count_topology_new(const count_topology_options *options)
{
    weir_topology *topology = weir_topology_new();
    weir_topology_add_source(topology, "source", &(weir_source_options){.topic = "in"});
    weir_topology_add_processor(topology, "pass", &(weir_processor_options){new_pass, NULL},
                                "source", NULL);
    weir_topology_add_processor(topology, "count", &(weir_processor_options){new_count, NULL},
                                "pass", NULL);
    weir_topology_add_store(topology,
                            &(weir_store_options){.name = "counts", .engine = options->engine},
                            "count", NULL);
    if (!options->without_sink) {
        weir_topology_add_sink(topology, "sink", &(weir_sink_options){.topic = "out"}, "count",
                               NULL);
    }
    weir_error err = {0};
    CHECK_OK(weir_topology_build(topology, &err), &err);
    return topology;
}

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

static void feed(weir_broker *broker, size_t first, size_t record_count, const char *key,
                 const char *value)
{
    weir_error err = {0};
    weir_producer *producer = NULL;
    CHECK_OK(
        weir_producer_new(broker, &(weir_producer_options){.client_id = "feed"}, &producer, &err),
        &err);
    int32_t topic = 0;
    int32_t partitions = 0;
    CHECK_OK(weir_producer_topic(producer, "in", &topic, &partitions, &err), &err);
    for (size_t i = 0; i < record_count; i++) {
        char numbered[32];
        snprintf(numbered, sizeof(numbered), "k%zu", first + i);
        send(producer, topic, partitions, key == NULL ? numbered : key, value);
    }
    CHECK_OK(weir_producer_flush(producer, 10000, &err), &err);
    weir_producer_free(producer);
}

void count_topology_feed(weir_broker *broker, size_t first, size_t record_count)
{
    feed(broker, first, record_count, NULL, "v");
}

void count_topology_feed_one(weir_broker *broker, const char *key, const char *value)
{
    feed(broker, 0, 1, key, value);
}

typedef void (*visit_record)(void *user, const weir_record *record);

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

static void read_all(weir_broker *broker, const char *topic, visit_record visit, void *user)
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
    read_all(broker, topic, note_last, &last);
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
    read_all(broker, topic, note_one, &records);
    return records;
}
