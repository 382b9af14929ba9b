/* SPDX-License-Identifier: Apache-2.0
 *
 * Commits and generations (streams/membership.c): nothing is committed in a generation before the
 * coordinator has said that all which is not ours in it has stopped.
 */
#include "streams/membership.h"
#include "tests/harness/check.h"
#include "tests/harness/sim_broker.h"

enum { PARTITIONS = 4, NOW_MS = 1000 };

typedef struct fixture {
    sim_cluster *cluster;
    weir_broker *broker;
    weir_membership *first;
    weir_membership *second;
    weir_offsets offsets;
    weir_error err;
} fixture;

static weir_membership *join(fixture *f)
{
    weir_membership *membership = weir_membership_new();
    const weir_member_options options = {.group_id = "g", .topic = "tasks"};
    CHECK_OK(weir_membership_join(membership, f->broker, &options, &f->err), &f->err);
    return membership;
}

static void start(fixture *f)
{
    f->cluster = sim_cluster_new(1);
    f->broker = sim_broker_connect(f->cluster);
    const weir_topic_config topic = {.name = "tasks", .partition_count = PARTITIONS};
    CHECK_OK(weir_broker_create_topic(f->broker, &topic, &f->err), &f->err);
    f->first = join(f);
    weir_offsets_add(&f->offsets, (weir_topic_partition){"tasks", 0}, 7, WEIR_BYTES_NULL);
}

static void fixture_cleanup(fixture *f)
{
    weir_offsets_cleanup(&f->offsets);
    weir_membership_free(f->first);
    weir_membership_free(f->second);
    weir_broker_free(f->broker);
    sim_cluster_free(f->cluster);
}

static void poll_all(fixture *f, weir_membership *membership)
{
    weir_member_event event = {0};
    while (weir_membership_poll(membership, NOW_MS, &event, &f->err) == WEIR_OK) {
    }
}

TEST(a_commit_waits_until_its_generation_is_acknowledged)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f);
    poll_all(&f, f.first);
    CHECK_OK(weir_membership_commit(f.first, &f.offsets, &f.err), &f.err);
    weir_membership_acknowledge(f.first, weir_membership_generation(f.first));
    CHECK_OK(weir_membership_commit(f.first, &f.offsets, &f.err), &f.err);

    int32_t before = weir_membership_generation(f.first);
    f.second = join(&f);
    poll_all(&f, f.first);
    CHECK_I64(weir_membership_generation(f.first), >, before);
    CHECK_STATUS(weir_membership_commit(f.first, &f.offsets, &f.err), WEIR_AGAIN);
    weir_membership_acknowledge(f.first, weir_membership_generation(f.first));
    CHECK_OK(weir_membership_commit(f.first, &f.offsets, &f.err), &f.err);
}

TEST(offsets_in_a_transaction_wait_for_it_too)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f);
    poll_all(&f, f.first);
    weir_membership_acknowledge(f.first, weir_membership_generation(f.first) - 1);
    const weir_producer_options options = {.transactional_id = "t"};
    WEIR_AUTO_PTR(weir_producer) producer = NULL;
    CHECK_OK(weir_producer_new(f.broker, &options, &producer, &f.err), &f.err);
    CHECK_OK(weir_producer_begin(producer, &f.err), &f.err);
    CHECK_STATUS(weir_membership_send_offsets(f.first, producer, &f.offsets, &f.err), WEIR_AGAIN);
    weir_membership_acknowledge(f.first, weir_membership_generation(f.first));
    CHECK_OK(weir_membership_send_offsets(f.first, producer, &f.offsets, &f.err), &f.err);
    CHECK_OK(weir_producer_commit(producer, &f.err), &f.err);
}

TEST(who_has_left_is_in_no_generation)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f);
    weir_membership_leave(f.first);
    CHECK_I64(weir_membership_generation(f.first), ==, -1);
    CHECK_STATUS(weir_membership_commit(f.first, &f.offsets, &f.err), WEIR_FENCED);
}
