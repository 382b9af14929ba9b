/* SPDX-License-Identifier: Apache-2.0
 *
 * A transactional producer whose transaction the cluster has never heard of, a full buffer of which
 * nothing would be sent by itself, and batches that are sent by themselves
 * (connectors/kafka_producer.c).
 */
#include "connectors/broker_kafka.h"
#include "streams/producer.h"
#include "tests/harness/check.h"
#include "tests/harness/kafka_cluster.h"

#include <poll.h>

enum {
    FLUSH_TIMEOUT_MS = 30000,
    REFUSED_MS = 1500, /* In which librdkafka asks for the partition, and is refused. */
    TRIES_MAX = 120,
    TRY_MS = 500,
    FULL_TRIES_MAX = 60, /* Each waits for half a second. */
    MANY_PARTITIONS = 16,
    MANY_RECORDS = 4000, /* Four times what the smallest buffer holds. */
    SOME_RECORDS = 500,  /* Half of that. */
};

static weir_broker *connect_broker(weir_kafka_options options)
{
    weir_error err = {0};
    weir_broker *broker = NULL;
    options.bootstrap_servers = kafka_cluster_shared();
    CHECK_OK(weir_broker_kafka_open(&options, &broker, &err), &err);
    return broker;
}

static int32_t make_topic(weir_broker *broker, weir_producer *producer, const char *name,
                          int32_t partitions)
{
    weir_error err = {0};
    int32_t number = 0;
    int32_t partition_count = 0;
    const weir_topic_config topic = {.name = name, .partition_count = partitions};
    CHECK_OK(weir_broker_create_topic(broker, &topic, &err), &err);
    CHECK_OK(weir_producer_topic(producer, name, &number, &partition_count, &err), &err);
    return number;
}

static void send(weir_producer *producer, int32_t topic)
{
    weir_error err = {0};
    const weir_record record = {.timestamp_ms = 1000, .key = WEIR_BYTES("k")};
    CHECK_OK(weir_producer_send(producer, topic, &record, &err), &err);
}

static void delete_topic(weir_broker *broker, const char *name)
{
    weir_error err = {0};
    weir_topic_config topic = {0};
    CHECK_OK(weir_broker_delete_topic(broker, name, &err), &err);
    int tries = 0;
    while (weir_broker_describe_topic(broker, name, &topic, &err) != WEIR_NOT_FOUND) {
        CHECK_I64(++tries, <, TRIES_MAX);
        (void)poll(NULL, 0, TRY_MS);
    }
}

static void commit_one(weir_producer *producer, int32_t topic)
{
    weir_error err = {0};
    CHECK_OK(weir_producer_begin(producer, &err), &err);
    send(producer, topic);
    CHECK_OK(weir_producer_flush(producer, FLUSH_TIMEOUT_MS, &err), &err);
    CHECK_OK(weir_producer_commit(producer, &err), &err);
}

static int64_t end_of(weir_broker *broker, const char *topic)
{
    weir_error err = {0};
    int64_t end = -1;
    CHECK_OK(weir_broker_offset(broker, (weir_topic_partition){topic, 0}, WEIR_OFFSET_LATEST, 0,
                                &end, &err),
             &err);
    return end;
}

/* The partition is refused, so the transaction never begins at its coordinator, which answers to
 * the abort that it is in an invalid state. librdkafka takes that for fatal. */
TEST(abort_of_what_the_cluster_never_took_part_in_leaves_a_producer_that_goes_on)
{
    weir_error err = {0};
    WEIR_AUTO_PTR(weir_broker) broker = connect_broker((weir_kafka_options){0});
    WEIR_AUTO_PTR(weir_producer) producer = NULL;
    const weir_producer_options options = {.transactional_id = "refused"};
    CHECK_OK(weir_producer_new(broker, &options, &producer, &err), &err);
    int32_t stays = make_topic(broker, producer, "stays", 1);
    int32_t goes = make_topic(broker, producer, "goes", 1);
    commit_one(producer, stays);
    int64_t before = end_of(broker, "stays");
    delete_topic(broker, "goes");
    CHECK_OK(weir_producer_begin(producer, &err), &err);
    send(producer, goes);
    CHECK(weir_producer_flush(producer, REFUSED_MS, &err) != WEIR_OK);
    CHECK_OK(weir_producer_abort(producer, &err), &err);
    commit_one(producer, stays);
    CHECK_I64(end_of(broker, "stays"), >, before);
}

static void send_soon(weir_producer *producer, int32_t topic, int32_t partition)
{
    weir_error err = {0};
    const weir_record record = {
        .timestamp_ms = 1000, .partition = partition, .value = WEIR_BYTES("v")};
    weir_status status = WEIR_AGAIN;
    for (int tries = 0; status == WEIR_AGAIN && tries < FULL_TRIES_MAX; tries++) {
        status = weir_producer_send(producer, topic, &record, &err);
    }
    CHECK_OK(status, &err);
}

TEST(full_buffer_of_batches_that_linger_is_sent)
{
    weir_error err = {0};
    const weir_setting lingers = {"producer.linger.ms", "100000"};
    WEIR_AUTO_PTR(weir_broker)
    broker = connect_broker((weir_kafka_options){.librdkafka = &lingers, .librdkafka_count = 1});
    WEIR_AUTO_PTR(weir_producer) producer = NULL;
    const weir_producer_options options = {.buffer_bytes_max = 1};
    CHECK_OK(weir_producer_new(broker, &options, &producer, &err), &err);
    int32_t topic = make_topic(broker, producer, "lingers", MANY_PARTITIONS);
    for (int32_t i = 0; i < MANY_RECORDS; i++) {
        send_soon(producer, topic, i % MANY_PARTITIONS);
    }
    CHECK_OK(weir_producer_flush(producer, FLUSH_TIMEOUT_MS, &err), &err);
    for (int32_t i = 0; i < MANY_PARTITIONS; i++) {
        int64_t offset = -1;
        CHECK_OK(weir_producer_acked_offset(producer, topic, i, &offset), &err);
        CHECK_I64(offset, ==, MANY_RECORDS / MANY_PARTITIONS - 1);
    }
}

TEST(full_batch_of_small_records_waits_for_no_flush)
{
    weir_error err = {0};
    const weir_setting lingers = {"producer.linger.ms", "100000"};
    WEIR_AUTO_PTR(weir_broker)
    broker = connect_broker((weir_kafka_options){.librdkafka = &lingers, .librdkafka_count = 1});
    WEIR_AUTO_PTR(weir_producer) producer = NULL;
    const weir_producer_options options = {.buffer_bytes_max = 1};
    CHECK_OK(weir_producer_new(broker, &options, &producer, &err), &err);
    int32_t topic = make_topic(broker, producer, "full-batch", 1);
    for (int32_t i = 0; i < SOME_RECORDS; i++) {
        send(producer, topic);
    }
    int64_t offset = -1;
    for (int tries = 0; weir_producer_acked_offset(producer, topic, 0, &offset) != WEIR_OK;) {
        CHECK_I64(++tries, <, TRIES_MAX);
        (void)poll(NULL, 0, TRY_MS);
    }
    CHECK_I64(offset, <, SOME_RECORDS);
}
