/* SPDX-License-Identifier: Apache-2.0
 *
 * What leaves a worker, and what of it counts (streams/collector.c).
 */
#include "streams/collector.h"
#include "tests/harness/check.h"
#include "tests/harness/count_topology.h"
#include "tests/harness/sim_broker.h"

enum { ALWAYS = 1000000 };

typedef struct fixture {
    weir_broker *broker;
    weir_membership *membership;
    weir_collector *collector;
    int32_t topic;
    weir_error err;
} fixture;

static weir_collector *open_collector(fixture *f, const char *transactional_id)
{
    const weir_collector_options options = {
        .broker = f->broker, .client_id = "test", .transactional_id = transactional_id};
    weir_collector *collector = NULL;
    CHECK_OK(weir_collector_new(&options, &collector, &f->err), &f->err);
    return collector;
}

static void start(fixture *f, const char *transactional_id)
{
    f->broker = sim_broker_new(1);
    count_topology_topics(f->broker, 2);
    const weir_topic_config tasks = {.name = "tasks", .partition_count = 1};
    CHECK_OK(weir_broker_create_topic(f->broker, &tasks, &f->err), &f->err);
    f->membership = weir_membership_new();
    const weir_member_options member = {
        .group_id = "g", .client_id = "test", .topic = "tasks", .session_timeout_ms = 10000};
    CHECK_OK(weir_membership_join(f->membership, f->broker, &member, &f->err), &f->err);
    weir_member_event event = {0};
    CHECK_OK(weir_membership_poll(f->membership, 1000, &event, &f->err), &f->err);
    f->collector = open_collector(f, transactional_id);
    int32_t partitions = 0;
    CHECK_OK(weir_collector_topic(f->collector, "out", &f->topic, &partitions, &f->err), &f->err);
    CHECK_I64(partitions, ==, 2);
}

static void fixture_cleanup(fixture *f)
{
    weir_collector_free(f->collector);
    weir_membership_free(f->membership);
    weir_broker_free(f->broker);
}

static weir_status send_one(fixture *f)
{
    const weir_record record = {.partition = 1, .key = WEIR_BYTES("k"), .value = WEIR_BYTES("v")};
    return weir_collector_send(f->collector, f->topic, &record, &f->err);
}

static weir_status commit(fixture *f)
{
    bool unknown = false;
    WEIR_AUTO(weir_offsets) offsets = {0};
    weir_offsets_add(&offsets, (weir_topic_partition){"in", 0}, 5, WEIR_BYTES("note"));
    return weir_collector_commit(f->collector, f->membership, &offsets, &unknown, &f->err);
}

TEST(unknown_topic_is_told_and_a_known_one_keeps_its_number)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, NULL);
    int32_t topic = 0;
    int32_t partitions = 0;
    CHECK_OK(weir_collector_topic(f.collector, "out", &topic, &partitions, &f.err), &f.err);
    CHECK_I64(topic, ==, f.topic);
    CHECK_STATUS(weir_collector_topic(f.collector, "nowhere", &topic, &partitions, &f.err),
                 WEIR_INVALID);
}

TEST(position_follows_what_the_broker_has_acknowledged)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, NULL);
    int64_t offset = 0;
    CHECK_STATUS(weir_collector_position(f.collector, f.topic, 1, &offset), WEIR_NOT_FOUND);
    CHECK(!weir_collector_is_dirty(f.collector));
    CHECK_OK(send_one(&f), &f.err);
    CHECK_OK(send_one(&f), &f.err);
    CHECK(weir_collector_is_dirty(f.collector));
    CHECK_OK(weir_collector_flush(f.collector, 1000, &f.err), &f.err);
    CHECK_OK(weir_collector_position(f.collector, f.topic, 1, &offset), &f.err);
    CHECK_I64(offset, ==, 2);
    CHECK_STATUS(weir_collector_position(f.collector, f.topic, 0, &offset), WEIR_NOT_FOUND);
}

TEST(records_and_offsets_of_a_transaction_are_seen_together)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, "tx");
    CHECK_OK(send_one(&f), &f.err);
    CHECK_OK(weir_collector_flush(f.collector, 1000, &f.err), &f.err);
    CHECK_I64(count_topology_records(f.broker, "out"), ==, 0);
    CHECK_OK(commit(&f), &f.err);
    CHECK_I64(count_topology_records(f.broker, "out"), ==, 1);
    CHECK(!weir_collector_is_dirty(f.collector));
    int64_t offset = 0;
    WEIR_AUTO(weir_buf) metadata = {0};
    CHECK_OK(weir_broker_group_offset(f.broker, "g", (weir_topic_partition){"in", 0}, &offset,
                                      &metadata, &f.err),
             &f.err);
    CHECK_I64(offset, ==, 5);
    CHECK_BYTES(weir_buf_bytes(&metadata), WEIR_BYTES("note"));
}

TEST(aborted_records_are_never_seen)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, "tx");
    CHECK_OK(send_one(&f), &f.err);
    CHECK_OK(weir_collector_abort(f.collector, &f.err), &f.err);
    CHECK(!weir_collector_is_dirty(f.collector));
    CHECK_OK(send_one(&f), &f.err);
    CHECK_OK(weir_collector_flush(f.collector, 1000, &f.err), &f.err);
    CHECK_OK(commit(&f), &f.err);
    CHECK_I64(count_topology_records(f.broker, "out"), ==, 1);
}

TEST(second_collector_of_the_same_transactional_id_fences_the_first)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, "tx");
    CHECK_OK(send_one(&f), &f.err);
    WEIR_AUTO_PTR(weir_collector) second = open_collector(&f, "tx");
    weir_status status = send_one(&f);
    status = status == WEIR_OK ? weir_collector_flush(f.collector, 1000, &f.err) : status;
    status = status == WEIR_OK ? commit(&f) : status;
    CHECK_STATUS(status, WEIR_FENCED);
    CHECK_I64(count_topology_records(f.broker, "out"), ==, 0);
}

TEST(reset_gives_a_producer_that_may_write_again)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, "tx");
    CHECK_OK(send_one(&f), &f.err);
    weir_collector *second = open_collector(&f, "tx");
    weir_collector_free(second);
    CHECK_OK(weir_collector_reset(f.collector, &f.err), &f.err);
    CHECK_OK(send_one(&f), &f.err); /* The number of the topic is still good. */
    CHECK_OK(weir_collector_flush(f.collector, 1000, &f.err), &f.err);
    CHECK_OK(commit(&f), &f.err);
    CHECK_I64(count_topology_records(f.broker, "out"), ==, 1);
}

TEST(a_topic_is_asked_for_again_after_a_reset_that_failed)
{
    weir_error err = {0};
    sim_cluster *cluster = sim_cluster_new(1);
    weir_broker *broker = sim_broker_connect(cluster);
    const weir_topic_config topic = {.name = "out", .partition_count = 2};
    CHECK_OK(weir_broker_create_topic(broker, &topic, &err), &err);
    const weir_collector_options options = {.broker = broker, .transactional_id = "t"};
    weir_collector *collector = NULL;
    CHECK_OK(weir_collector_new(&options, &collector, &err), &err);

    sim_cluster_set_faults(cluster, &(sim_faults){.producer_refused = ALWAYS});
    CHECK_STATUS(weir_collector_reset(collector, &err), WEIR_IO);
    int32_t number = 0;
    int32_t partition_count = 0;
    CHECK_STATUS(weir_collector_topic(collector, "out", &number, &partition_count, &err), WEIR_IO);

    sim_cluster_set_faults(cluster, &(sim_faults){0});
    CHECK_OK(weir_collector_reset(collector, &err), &err);
    CHECK_OK(weir_collector_topic(collector, "out", &number, &partition_count, &err), &err);
    CHECK_I64(partition_count, ==, 2);

    weir_collector_free(collector);
    weir_broker_free(broker);
    sim_cluster_free(cluster);
}

TEST(a_push_writes_what_is_held_back)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, NULL);
    CHECK(!weir_collector_holds_back(f.collector));
    CHECK_OK(send_one(&f), &f.err);
    CHECK(weir_collector_holds_back(f.collector));
    CHECK_OK(weir_collector_push(f.collector, 1000, &f.err), &f.err);
    CHECK(!weir_collector_holds_back(f.collector));
    int64_t end = 0;
    CHECK_OK(weir_broker_offset(f.broker, (weir_topic_partition){"out", 1}, WEIR_OFFSET_LATEST, 0,
                                &end, &f.err),
             &f.err);
    CHECK_I64(end, ==, 1);
}

static void commit_nothing_read(fixture *f)
{
    const weir_offsets offsets = {0};
    bool unknown = false;
    CHECK_OK(weir_collector_flush(f->collector, 1000, &f->err), &f->err);
    CHECK_OK(weir_collector_commit(f->collector, NULL, &offsets, &unknown, &f->err), &f->err);
}

TEST(a_push_writes_what_a_transaction_begins_with_and_no_more)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, "t");
    for (int i = 0; i < 2; i++) {
        CHECK_OK(send_one(&f), &f.err);
        CHECK(weir_collector_holds_back(f.collector));
        CHECK_OK(weir_collector_push(f.collector, 1000, &f.err), &f.err);
        CHECK_OK(send_one(&f), &f.err);
        CHECK(!weir_collector_holds_back(f.collector));
        commit_nothing_read(&f);
        CHECK(!weir_collector_holds_back(f.collector));
    }
}
