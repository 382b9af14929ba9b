/* SPDX-License-Identifier: Apache-2.0
 *
 * The simulated broker is like Kafka where the embedded one is simpler, and its faults do what
 * their names say (tests/harness/sim_broker.h). What all brokers have in common is in the contract
 * suite.
 */
#include "streams/consumer.h"
#include "streams/producer.h"
#include "tests/harness/check.h"
#include "tests/harness/sim_broker.h"

enum { ALWAYS = 1000000 };

typedef struct fixture {
    sim_cluster *cluster;
    weir_broker *process;
    weir_error err;
} fixture;

static fixture fixture_start(void)
{
    fixture f = {.cluster = sim_cluster_new(1)};
    f.process = sim_broker_connect(f.cluster);
    CHECK_OK(weir_broker_create_topic(
                 f.process, &(weir_topic_config){.name = "t", .partition_count = 2}, &f.err),
             &f.err);
    return f;
}

static void fixture_cleanup(fixture *f)
{
    weir_broker_free(f->process);
    sim_cluster_free(f->cluster);
}

static weir_producer *producer_of(fixture *f, const char *transactional_id)
{
    weir_producer *producer = NULL;
    CHECK_OK(weir_producer_new(f->process,
                               &(weir_producer_options){.transactional_id = transactional_id},
                               &producer, &f->err),
             &f->err);
    return producer;
}

static void send(fixture *f, weir_producer *producer, const char *key)
{
    int32_t topic = 0;
    int32_t count = 0;
    CHECK_OK(weir_producer_topic(producer, "t", &topic, &count, &f->err), &f->err);
    weir_record record = {.key = weir_bytes_of_text(key), .value = WEIR_BYTES("v")};
    CHECK_OK(weir_producer_send(producer, topic, &record, &f->err), &f->err);
}

/* The keys that a new consumer reads from the beginning, joined. */
static void check_read(fixture *f, weir_isolation isolation, const char *wanted,
                       int64_t wanted_position)
{
    WEIR_AUTO_PTR(weir_consumer) consumer = NULL;
    CHECK_OK(weir_consumer_new(f->process, &(weir_consumer_options){.isolation = isolation},
                               &consumer, &f->err),
             &f->err);
    weir_topic_partition place = {"t", 0};
    CHECK_OK(weir_consumer_assign(consumer, place, 0, WEIR_RESET_NONE, NULL, &f->err), &f->err);
    WEIR_AUTO(weir_buf) keys = {0};
    weir_batch *batch = NULL;
    while (weir_consumer_poll(consumer, 0, &batch, &f->err) == WEIR_OK) {
        for (size_t i = 0; i < batch->count; i++) {
            weir_buf_append(&keys, batch->records[i].key.data, batch->records[i].key.size);
        }
        weir_batch_free(batch);
    }
    CHECK_STR(weir_buf_text(&keys), wanted);
    CHECK_I64(weir_consumer_position(consumer, place), ==, wanted_position);
}

TEST(read_committed_ends_at_the_first_open_transaction_and_markers_take_offsets)
{
    WEIR_AUTO(fixture) f = fixture_start();
    WEIR_AUTO_PTR(weir_producer) plain = producer_of(&f, NULL);
    WEIR_AUTO_PTR(weir_producer) transactional = producer_of(&f, "id");
    send(&f, plain, "a");
    CHECK_OK(weir_producer_flush(plain, 0, &f.err), &f.err);
    CHECK_OK(weir_producer_begin(transactional, &f.err), &f.err);
    send(&f, transactional, "x");
    send(&f, plain, "b");
    CHECK_OK(weir_producer_flush(plain, 0, &f.err), &f.err);
    check_read(&f, WEIR_READ_UNCOMMITTED, "axb", 3);
    check_read(&f, WEIR_READ_COMMITTED, "a", 1);
    CHECK_OK(weir_producer_commit(transactional, &f.err), &f.err);
    check_read(&f, WEIR_READ_COMMITTED, "axb", 4);

    CHECK_OK(weir_producer_begin(transactional, &f.err), &f.err);
    send(&f, transactional, "y");
    CHECK_OK(weir_producer_abort(transactional, &f.err), &f.err);
    check_read(&f, WEIR_READ_COMMITTED, "axb", 6);
}

TEST(a_transaction_of_a_dead_process_stays_open_until_it_times_out)
{
    WEIR_AUTO(fixture) f = fixture_start();
    sim_cluster_set_faults(f.cluster, &(sim_faults){.kafka_transactions = true});
    weir_producer *producer = producer_of(&f, "id");
    CHECK_OK(weir_producer_begin(producer, &f.err), &f.err);
    send(&f, producer, "x");
    sim_broker_kill(f.process);
    CHECK_STATUS(weir_producer_commit(producer, &f.err), WEIR_IO);
    weir_producer_free(producer);
    weir_broker_free(f.process);

    f.process = sim_broker_connect(f.cluster);
    WEIR_AUTO_PTR(weir_producer) plain = producer_of(&f, NULL);
    send(&f, plain, "a");
    CHECK_OK(weir_producer_flush(plain, 0, &f.err), &f.err);
    check_read(&f, WEIR_READ_COMMITTED, "", 0);
    sim_cluster_set_now(f.cluster, SIM_TRANSACTION_TIMEOUT_MS);
    check_read(&f, WEIR_READ_COMMITTED, "a", 3);
}

TEST(a_newer_producer_of_the_same_id_fences_the_older_and_aborts_its_transaction)
{
    WEIR_AUTO(fixture) f = fixture_start();
    WEIR_AUTO_PTR(weir_producer) old = producer_of(&f, "id");
    CHECK_OK(weir_producer_begin(old, &f.err), &f.err);
    send(&f, old, "x");
    WEIR_AUTO_PTR(weir_producer) newer = producer_of(&f, "id");
    CHECK_STATUS(weir_producer_commit(old, &f.err), WEIR_FENCED);
    check_read(&f, WEIR_READ_COMMITTED, "", 2);
}

TEST(a_commit_of_unknown_outcome_happened_and_a_failed_one_did_not)
{
    WEIR_AUTO(fixture) f = fixture_start();
    WEIR_AUTO_PTR(weir_producer) producer = producer_of(&f, "id");
    sim_cluster_set_faults(f.cluster, &(sim_faults){.commit_unknown = ALWAYS});
    CHECK_OK(weir_producer_begin(producer, &f.err), &f.err);
    send(&f, producer, "x");
    CHECK_STATUS(weir_producer_commit(producer, &f.err), WEIR_IO);
    CHECK_OK(weir_producer_abort(producer, &f.err), &f.err);
    check_read(&f, WEIR_READ_COMMITTED, "x", 2);

    sim_cluster_set_faults(f.cluster, &(sim_faults){.commit_fails = ALWAYS});
    CHECK_OK(weir_producer_begin(producer, &f.err), &f.err);
    send(&f, producer, "y");
    CHECK_STATUS(weir_producer_commit(producer, &f.err), WEIR_IO);
    CHECK_OK(weir_producer_abort(producer, &f.err), &f.err);
    check_read(&f, WEIR_READ_COMMITTED, "x", 4);
}

static weir_member *join(fixture *f, weir_broker *process)
{
    weir_member *member = NULL;
    CHECK_OK(weir_member_join(process, &(weir_member_options){.group_id = "g", .topic = "t"},
                              &member, &f->err),
             &f->err);
    return member;
}

TEST(a_zombie_is_fenced_then_told_of_its_loss_and_joins_anew)
{
    WEIR_AUTO(fixture) f = fixture_start();
    weir_broker *other = sim_broker_connect(f.cluster);
    weir_member *zombie = join(&f, f.process);
    weir_member_event event = {0};
    CHECK_OK(weir_member_poll(zombie, 0, 0, &event, &f.err), &f.err);
    CHECK_I64(event.count, ==, 2);
    sim_broker_forget_members(f.process);
    weir_member *heir = join(&f, other);
    CHECK_OK(weir_member_poll(heir, 0, 0, &event, &f.err), &f.err);
    CHECK_I64(event.count, ==, 2);
    weir_group_offset offset = {.partition = {"t", 0}, .offset = 5};
    CHECK_STATUS(weir_member_commit(zombie, weir_member_generation(zombie), &offset, 1, &f.err),
                 WEIR_FENCED);
    CHECK_OK(weir_member_poll(zombie, 0, 0, &event, &f.err), &f.err);
    CHECK_I64(event.kind, ==, WEIR_MEMBER_LOST);
    CHECK_OK(weir_member_poll(zombie, 0, 0, &event, &f.err), &f.err); /* Joins. */
    CHECK(event.kind == WEIR_MEMBER_ASSIGNED && event.count == 0);
    CHECK_STATUS(weir_member_commit(heir, weir_member_generation(heir), &offset, 1, &f.err),
                 WEIR_AGAIN);
    CHECK_OK(weir_member_poll(heir, 0, 0, &event, &f.err), &f.err);
    CHECK_I64(event.kind, ==, WEIR_MEMBER_REVOKED);
    CHECK_OK(weir_member_commit(heir, weir_member_generation(heir), &offset, 1, &f.err), &f.err);
    CHECK_OK(weir_member_release(heir, &f.err), &f.err);
    CHECK_OK(weir_member_poll(zombie, 0, 0, &event, &f.err), &f.err);
    CHECK(event.kind == WEIR_MEMBER_ASSIGNED && event.count > 0);
    CHECK_I64(sim_cluster_committed(f.cluster, "g", "t", 0, NULL), ==, 5);
    weir_member_free(zombie);
    weir_member_free(heir);
    weir_broker_free(other);
}

TEST(a_process_dies_in_the_call_that_was_named)
{
    WEIR_AUTO(fixture) f = fixture_start();
    weir_producer *producer = producer_of(&f, NULL);
    send(&f, producer, "a"); /* Two calls. */
    sim_broker_kill_in(f.process, 3);
    send(&f, producer, "b");
    CHECK(!sim_broker_is_dead(f.process));
    CHECK_STATUS(weir_producer_flush(producer, 0, &f.err), WEIR_IO);
    CHECK(sim_broker_is_dead(f.process));
    weir_producer_free(producer);
}
