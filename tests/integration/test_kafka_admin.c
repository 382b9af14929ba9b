/* SPDX-License-Identifier: Apache-2.0
 *
 * test_kafka_admin.c - topics, offsets and groups of a real cluster, by the calls of broker.h.
 */
#include "connectors/broker_kafka.h"
#include "tests/harness/broker_contract.h"
#include "tests/harness/check.h"
#include "tests/harness/kafka_cluster.h"

#include <string.h>

static weir_error err;

static weir_broker *open_broker(void *user)
{
    (void)user;
    weir_broker *broker = NULL;
    weir_kafka_options options = {.bootstrap_servers = kafka_cluster_shared()};
    CHECK_OK(weir_broker_kafka_open(&options, &broker, &err), &err);
    return broker;
}

static void close_broker(void *user, weir_broker *owned_broker)
{
    (void)user;
    weir_broker_free(owned_broker);
}

static void run(const char *prefix, void (*test)(broker_contract *contract))
{
    broker_factory factory = {
        .open = open_broker, .close = close_broker, .topic_prefix = prefix, .patience_ms = 1000};
    broker_contract_run(&factory, test);
}

TEST(topic_is_created_once_and_described)
{
    run("admin1-", broker_contract_topic_is_created_once_and_described);
}

TEST(topic_with_another_layout_is_refused)
{
    run("admin2-", broker_contract_topic_with_another_layout_is_refused);
}

TEST(topics_are_created_and_described_together)
{
    run("admin4-", broker_contract_topics_are_created_and_described_together);
}

/* Kafka's default is to make a topic for whoever asks about it. */
TEST(to_ask_for_a_topic_does_not_make_it)
{
    WEIR_AUTO_PTR(kafka_cluster) cluster = NULL;
    const kafka_cluster_options options = {.properties = "auto.create.topics.enable=true"};
    CHECK_OK(kafka_cluster_start(&options, &cluster, &err), &err);
    WEIR_AUTO_PTR(weir_broker) broker = NULL;
    const weir_kafka_options of_cluster = {.bootstrap_servers = kafka_cluster_bootstrap(cluster)};
    CHECK_OK(weir_broker_kafka_open(&of_cluster, &broker, &err), &err);
    weir_topic_query queries[] = {{.topic = "admin-missing"}, {.topic = "admin-missing-too"}};
    for (int i = 0; i < 3; i++) {
        weir_topic_config found = {0};
        CHECK_OK(weir_broker_describe_topics(broker, queries, WEIR_COUNT_OF(queries), &err), &err);
        CHECK_I64(queries[0].status, ==, WEIR_NOT_FOUND);
        CHECK_I64(queries[1].status, ==, WEIR_NOT_FOUND);
        CHECK_STATUS(weir_broker_describe_topic(broker, "admin-missing", &found, &err),
                     WEIR_NOT_FOUND);
    }
}

TEST(topics_are_listed_by_name_and_deleted)
{
    run("admin3-", broker_contract_topics_are_listed_by_name_and_deleted);
}

TEST(every_setting_of_a_topic_is_made_and_described)
{
    WEIR_AUTO_PTR(weir_broker) broker = open_broker(NULL);
    const weir_topic_config wanted = {
        .name = "admin-settings",
        .partition_count = 3,
        .replication_factor = 1,
        .min_insync_replicas = 1,
        .cleanup_policy = WEIR_CLEANUP_DELETE | WEIR_CLEANUP_COMPACT,
        .retention_ms = 86400000,
        .retention_bytes = -1,
        .segment_bytes = 52428800,
        .segment_ms = 3600000,
        .min_compaction_lag_ms = 1000,
        .delete_retention_ms = 60000,
    };
    weir_topic_config found = {0};
    CHECK_OK(weir_broker_create_topic(broker, &wanted, &err), &err);
    CHECK_OK(weir_broker_describe_topic(broker, wanted.name, &found, &err), &err);
    CHECK_STR(found.name, wanted.name);
    CHECK_I64(found.partition_count, ==, wanted.partition_count);
    CHECK_I64(found.replication_factor, ==, wanted.replication_factor);
    CHECK_I64(found.min_insync_replicas, ==, wanted.min_insync_replicas);
    CHECK_I64(found.cleanup_policy, ==, wanted.cleanup_policy);
    CHECK_I64(found.retention_ms, ==, wanted.retention_ms);
    CHECK_I64(found.retention_bytes, ==, wanted.retention_bytes);
    CHECK_I64(found.segment_bytes, ==, wanted.segment_bytes);
    CHECK_I64(found.segment_ms, ==, wanted.segment_ms);
    CHECK_I64(found.min_compaction_lag_ms, ==, wanted.min_compaction_lag_ms);
    CHECK_I64(found.delete_retention_ms, ==, wanted.delete_retention_ms);
}

TEST(refused_topics_say_what_to_do)
{
    WEIR_AUTO_PTR(weir_broker) broker = open_broker(NULL);
    weir_topic_config wanted = {
        .name = "admin-replicas", .partition_count = 1, .replication_factor = 3};
    CHECK_STATUS(weir_broker_create_topic(broker, &wanted, &err), WEIR_IO); /* They may come. */
    CHECK(strstr(err.message, "fewer brokers are there now than replicas are wanted") != NULL);
    wanted = (weir_topic_config){
        .name = "admin-layout", .partition_count = 2, .cleanup_policy = WEIR_CLEANUP_DELETE};
    CHECK_OK(weir_broker_create_topic(broker, &wanted, &err), &err);
    wanted.cleanup_policy = WEIR_CLEANUP_COMPACT;
    CHECK_STATUS(weir_broker_create_topic(broker, &wanted, &err), WEIR_INVALID);
    CHECK(strstr(err.message, "kafka-configs --alter") != NULL);
}

TEST(empty_partition_begins_and_ends_at_0)
{
    WEIR_AUTO_PTR(weir_broker) broker = open_broker(NULL);
    weir_topic_config wanted = {.name = "admin-empty", .partition_count = 1};
    weir_topic_partition partition = {"admin-empty", 0};
    int64_t offset = -1;
    CHECK_OK(weir_broker_create_topic(broker, &wanted, &err), &err);
    for (weir_offset_spec spec = WEIR_OFFSET_EARLIEST; spec <= WEIR_OFFSET_AT_TIMESTAMP; spec++) {
        CHECK_OK(weir_broker_offset(broker, partition, spec, 1000, &offset, &err), &err);
        CHECK_I64(offset, ==, 0);
    }
    CHECK_STATUS(weir_broker_delete_records(broker, partition, 1, &err), WEIR_INVALID);
    partition.partition = 1;
    CHECK_STATUS(weir_broker_offset(broker, partition, WEIR_OFFSET_LATEST, 0, &offset, &err),
                 WEIR_NOT_FOUND);
    CHECK_STATUS(weir_broker_delete_records(broker, partition, 0, &err), WEIR_NOT_FOUND);
    partition.topic = "admin-nowhere";
    CHECK_STATUS(weir_broker_offset(broker, partition, WEIR_OFFSET_LATEST, 0, &offset, &err),
                 WEIR_NOT_FOUND);
}

TEST(offset_of_a_group_without_members_is_altered_with_its_metadata)
{
    WEIR_AUTO_PTR(weir_broker) broker = open_broker(NULL);
    WEIR_AUTO(weir_buf) metadata = {0};
    weir_topic_config wanted = {.name = "admin-group", .partition_count = 2};
    weir_group_offset set = {{"admin-group", 1}, 42, WEIR_BYTES("AgAAAAAAAAAq")};
    int64_t offset = -1;
    int32_t members = -1;
    CHECK_OK(weir_broker_create_topic(broker, &wanted, &err), &err);
    CHECK_STATUS(
        weir_broker_group_offset(broker, "admin-readers", set.partition, &offset, &metadata, &err),
        WEIR_NOT_FOUND);
    CHECK_OK(weir_broker_alter_group_offset(broker, "admin-readers", &set, &err), &err);
    CHECK_OK(
        weir_broker_group_offset(broker, "admin-readers", set.partition, &offset, &metadata, &err),
        &err);
    CHECK_I64(offset, ==, 42);
    CHECK_BYTES(weir_buf_bytes(&metadata), set.metadata);
    CHECK_OK(weir_broker_group_member_count(broker, "admin-readers", &members, &err), &err);
    CHECK_I64(members, ==, 0);
    CHECK_OK(weir_broker_group_member_count(broker, "admin-nobody", &members, &err), &err);
    CHECK_I64(members, ==, 0);
}
