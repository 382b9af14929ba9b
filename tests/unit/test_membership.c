/* SPDX-License-Identifier: Apache-2.0
 *
 * Commits and generations (streams/membership.c): nothing is committed in a generation before the
 * coordinator has said that all which is not ours in it has stopped.
 */
#include "streams/broker_ops.h"
#include "streams/membership.h"
#include "tests/harness/check.h"
#include "tests/harness/sim_broker.h"

#include <pthread.h>

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

/* A member whose commits are under way until it has been polled. */
typedef struct slow_member {
    weir_member base;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int commits;
    bool polled;
} slow_member;

static weir_status slow_commit(weir_member *base, int32_t generation,
                               const weir_group_offset *offsets, size_t count, weir_error *err)
{
    slow_member *member = (slow_member *)(void *)base;
    (void)generation;
    (void)offsets;
    (void)count;
    (void)err;
    pthread_mutex_lock(&member->lock);
    member->commits++;
    pthread_cond_broadcast(&member->changed);
    while (!member->polled) {
        pthread_cond_wait(&member->changed, &member->lock);
    }
    pthread_mutex_unlock(&member->lock);
    return WEIR_OK;
}

/* Answers once two commits are under way at the same time. */
static weir_status slow_poll(weir_member *base, int64_t now_ms, int32_t timeout_ms,
                             weir_member_event *out_event, weir_error *err)
{
    slow_member *member = (slow_member *)(void *)base;
    (void)now_ms;
    (void)timeout_ms;
    (void)out_event;
    (void)err;
    pthread_mutex_lock(&member->lock);
    while (member->commits < 2) {
        pthread_cond_wait(&member->changed, &member->lock);
    }
    member->polled = true;
    pthread_cond_broadcast(&member->changed);
    pthread_mutex_unlock(&member->lock);
    return WEIR_AGAIN;
}

static int32_t slow_generation(const weir_member *base)
{
    (void)base;
    return 1;
}

static void slow_free(weir_member *base)
{
    const slow_member *member = (const slow_member *)(const void *)base;
    CHECK(member->polled); /* Nobody uses it any more. */
}

static const weir_member_ops SLOW_OPS = {
    .poll = slow_poll,
    .commit = slow_commit,
    .generation = slow_generation,
    .free = slow_free,
};

typedef struct slow_broker {
    weir_broker base;
    slow_member *member;
} slow_broker;

static weir_status slow_join(weir_broker *broker, const weir_member_options *options,
                             weir_member **out_member, weir_error *err)
{
    (void)options;
    (void)err;
    *out_member = &((slow_broker *)(void *)broker)->member->base;
    return WEIR_OK;
}

static const weir_broker_ops SLOW_BROKER_OPS = {.member_join = slow_join};

typedef struct committer {
    pthread_t thread;
    weir_membership *membership;
    weir_status status;
} committer;

static void *commit(void *user)
{
    committer *self = user;
    self->status = weir_membership_commit(self->membership, &(weir_offsets){0}, NULL);
    return NULL;
}

TEST(a_commit_that_waits_for_the_broker_stops_neither_the_poll_nor_another_commit)
{
    slow_member member = {.base = {.ops = &SLOW_OPS},
                          .lock = PTHREAD_MUTEX_INITIALIZER,
                          .changed = PTHREAD_COND_INITIALIZER};
    slow_broker broker = {.base = {.ops = &SLOW_BROKER_OPS, .name = "slow"}, .member = &member};
    WEIR_AUTO_PTR(weir_membership) membership = weir_membership_new();
    const weir_member_options options = {.group_id = "g", .topic = "tasks"};
    weir_error err = {0};
    CHECK_OK(weir_membership_join(membership, &broker.base, &options, &err), &err);
    committer committers[2] = {{.membership = membership}, {.membership = membership}};
    for (size_t i = 0; i < 2; i++) {
        CHECK_I64(pthread_create(&committers[i].thread, NULL, commit, &committers[i]), ==, 0);
    }
    weir_member_event event = {0};
    CHECK_STATUS(weir_membership_poll(membership, NOW_MS, &event, &err), WEIR_AGAIN);
    weir_membership_leave(membership); /* Waits until both are through. */
    for (size_t i = 0; i < 2; i++) {
        CHECK_I64(pthread_join(committers[i].thread, NULL), ==, 0);
        CHECK_STATUS(committers[i].status, WEIR_OK);
    }
}
