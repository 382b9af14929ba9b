/* SPDX-License-Identifier: Apache-2.0
 *
 * test_kafka_offsets.c - the ends of a partition on a real cluster, while a transaction is open and
 * while the cluster still makes the partition, and when its leader has changed.
 */
#include "connectors/broker_kafka.h"
#include "streams/producer.h"
#include "tests/harness/check.h"
#include "tests/harness/kafka_cluster.h"

#include <poll.h>

enum {
    RECORDS = 3,
    FLUSH_TIMEOUT_MS = 30000,
    NODES = 3,
    TRIES_MAX = 60, /* 30 s, for a cluster to choose a leader. */
    TRY_MS = 500,
};

static int64_t end_of(weir_broker *broker, weir_offset_spec spec)
{
    weir_error err = {0};
    int64_t offset = -1;
    const weir_topic_partition partition = {"ends", 0};
    CHECK_OK(weir_broker_offset(broker, partition, spec, 0, &offset, &err), &err);
    return offset;
}

static void send_all(weir_producer *producer)
{
    weir_error err = {0};
    int32_t topic = 0;
    int32_t partition_count = 0;
    CHECK_OK(weir_producer_topic(producer, "ends", &topic, &partition_count, &err), &err);
    const weir_record record = {.timestamp_ms = 1000, .key = WEIR_BYTES("k")};
    for (int i = 0; i < RECORDS; i++) {
        CHECK_OK(weir_producer_send(producer, topic, &record, &err), &err);
    }
    CHECK_OK(weir_producer_flush(producer, FLUSH_TIMEOUT_MS, &err), &err);
}

TEST(what_an_open_transaction_has_written_counts_for_the_written_end_only)
{
    weir_error err = {0};
    WEIR_AUTO_PTR(weir_broker) broker = NULL;
    const weir_kafka_options options = {.bootstrap_servers = kafka_cluster_shared()};
    CHECK_OK(weir_broker_kafka_open(&options, &broker, &err), &err);
    const weir_topic_config topic = {.name = "ends", .partition_count = 1};
    CHECK_OK(weir_broker_create_topic(broker, &topic, &err), &err);
    WEIR_AUTO_PTR(weir_producer) producer = NULL;
    const weir_producer_options transactional = {.transactional_id = "ends"};
    CHECK_OK(weir_producer_new(broker, &transactional, &producer, &err), &err);
    CHECK_OK(weir_producer_begin(producer, &err), &err);
    send_all(producer);
    CHECK_I64(end_of(broker, WEIR_OFFSET_LATEST), ==, 0);
    CHECK_I64(end_of(broker, WEIR_OFFSET_WRITTEN), ==, RECORDS);
    CHECK_OK(weir_producer_commit(producer, &err), &err);
    CHECK_I64(end_of(broker, WEIR_OFFSET_WRITTEN), >=, RECORDS);
}

/* The brokers say that a topic is there before the leader of its last partition serves that. */
TEST(a_partition_that_was_made_a_moment_ago_has_ends)
{
    enum { TOPICS = 3, PARTITIONS = 200 };
    weir_error err = {0};
    WEIR_AUTO_PTR(weir_broker) broker = NULL;
    const weir_kafka_options options = {.bootstrap_servers = kafka_cluster_shared()};
    CHECK_OK(weir_broker_kafka_open(&options, &broker, &err), &err);
    const char *const names[TOPICS] = {"new-1", "new-2", "new-3"};
    for (int i = 0; i < TOPICS; i++) {
        const weir_topic_config topic = {.name = names[i], .partition_count = PARTITIONS};
        CHECK_OK(weir_broker_create_topic(broker, &topic, &err), &err);
        for (int32_t partition = 0; partition < PARTITIONS; partition += 33) {
            int64_t offset = -1;
            CHECK_OK(weir_broker_offset(broker, (weir_topic_partition){names[i], partition},
                                        WEIR_OFFSET_LATEST, 0, &offset, &err),
                     &err);
            CHECK_I64(offset, ==, 0);
        }
    }
}

/* WEIR_IO is allowed while the cluster chooses a new leader. */
static void wait_for_end(weir_broker *broker, weir_offset_spec spec, int32_t partition)
{
    weir_error err = {0};
    weir_status status = WEIR_IO;
    for (int i = 0; i < TRIES_MAX && status == WEIR_IO; i++) {
        int64_t offset = -1;
        const weir_topic_partition asked = {"moving", partition};
        status = weir_broker_offset(broker, asked, spec, 0, &offset, &err);
        if (status == WEIR_IO) {
            (void)poll(NULL, 0, TRY_MS);
        }
    }
    CHECK_OK(status, &err);
}

static void ask_for_all_ends(weir_broker *broker)
{
    for (int32_t partition = 0; partition < NODES; partition++) {
        wait_for_end(broker, WEIR_OFFSET_LATEST, partition);
        wait_for_end(broker, WEIR_OFFSET_WRITTEN, partition);
    }
}

/* Every partition has its leader on another node, so one of them moves. */
TEST(ends_are_found_wherever_the_leaders_are)
{
    weir_error err = {0};
    WEIR_AUTO_PTR(kafka_cluster) cluster = NULL;
    const kafka_cluster_options nodes = {.node_count = NODES};
    CHECK_OK(kafka_cluster_start(&nodes, &cluster, &err), &err);
    WEIR_AUTO_PTR(weir_broker) broker = NULL;
    const weir_kafka_options options = {.bootstrap_servers = kafka_cluster_bootstrap(cluster)};
    CHECK_OK(weir_broker_kafka_open(&options, &broker, &err), &err);
    const weir_topic_config topic = {
        .name = "moving", .partition_count = NODES, .replication_factor = NODES};
    CHECK_OK(weir_broker_create_topic(broker, &topic, &err), &err);
    ask_for_all_ends(broker);
    CHECK_OK(kafka_cluster_stop_node(cluster, 1, &err), &err);
    ask_for_all_ends(broker);
}
