/* SPDX-License-Identifier: Apache-2.0
 *
 * State of tasks that have left a process (streams/state_cleanup.c): two applications of one group,
 * the first with a database.
 */
#include "statestore/task_state.h"
#include "tests/harness/check.h"
#include "tests/harness/count_application.h"
#include "tests/harness/count_topology.h"

#include <inttypes.h>

enum { DELAY_MS = 30000, STEP_MS = 10, RECORDS = 60 };

/* A second process, with its stores in memory. */
typedef struct guest {
    weir_broker *broker;
    weir_topology *topology;
    weir_application *application;
} guest;

static void guest_join(guest *g, count_application *a)
{
    g->broker = sim_broker_connect(a->cluster);
    g->topology = count_topology_new(&(count_topology_options){0});
    const weir_application_options options = {
        .topology = g->topology,
        .config = &a->config,
        .broker = g->broker,
        .process_id = "guest",
        .never_waits = true,
    };
    CHECK_OK(weir_application_new(&options, &g->application, &a->err), &a->err);
}

static void guest_leave(guest *g)
{
    weir_application_free(g->application);
    weir_topology_free(g->topology);
    weir_broker_free(g->broker);
    *g = (guest){0};
}

/* Both take so many steps; the clock moves on by as much as it says between them. */
static void steps(count_application *a, guest *g, int count, int64_t step_ms)
{
    for (int i = 0; i < count; i++) {
        bool busy = false;
        if (g->application != NULL) {
            CHECK_OK(weir_application_step(g->application, a->now_ms, &busy, &a->err), &a->err);
        }
        CHECK_OK(count_application_step(a), &a->err);
        a->now_ms += step_ms - STEP_MS;
    }
}

/* How many tasks have something on a's disk. */
static int on_disk(count_application *a)
{
    int count = 0;
    for (int32_t p = 0; p < COUNT_PARTITIONS; p++) {
        weir_task_state *state = NULL;
        int64_t position = 0;
        CHECK_OK(weir_task_state_new(a->database, "counter", p, &state, &a->err), &a->err);
        WEIR_AUTO_FREE char *label = weir_format("counts:counter-counts-changelog-%" PRId32, p);
        count += weir_task_state_position(state, label, &position, NULL) == WEIR_OK ? 1 : 0;
        weir_task_state_free(state);
    }
    return count;
}

static void start(count_application *a)
{
    const weir_setting settings[] = {{"state.cleanup.delay.ms", "30000"},
                                     {"session.timeout.ms", "1800000"},
                                     {"weir.apply.interval.ms", "100"}};
    count_application_start(a, true, settings, WEIR_COUNT_OF(settings));
    count_topology_feed(a->broker, 0, RECORDS);
    count_application_run(a);
    count_application_steps(a, 100);
    CHECK_I64(on_disk(a), ==, COUNT_PARTITIONS);
}

TEST(state_of_tasks_that_have_left_goes_after_the_delay_and_that_of_others_stays)
{
    WEIR_AUTO(count_application) a = {0};
    guest g = {0};
    start(&a);
    guest_join(&g, &a);
    steps(&a, &g, 500, STEP_MS);
    CHECK_I64(on_disk(&a), ==, COUNT_PARTITIONS); /* The delay is not over. */
    steps(&a, &g, 100, DELAY_MS / 50);
    int kept = on_disk(&a);
    CHECK_I64(kept, >, 0);
    CHECK_I64(kept, <, COUNT_PARTITIONS);
    guest_leave(&g); /* What was removed is restored. */
    steps(&a, &g, 500, STEP_MS);
    count_topology_feed(a.broker, 0, RECORDS);
    count_application_run(&a);
    steps(&a, &g, 100, STEP_MS);
    CHECK_I64(on_disk(&a), ==, COUNT_PARTITIONS);
    for (int i = 0; i < RECORDS; i++) {
        WEIR_AUTO_FREE char *key = weir_format("k%d", i);
        CHECK_I64(count_topology_last(a.broker, "out", key), ==, 2);
    }
}

TEST(state_of_tasks_that_come_back_within_the_delay_stays)
{
    WEIR_AUTO(count_application) a = {0};
    guest g = {0};
    start(&a);
    for (int i = 0; i < 4; i++) {
        guest_join(&g, &a);
        steps(&a, &g, 100, DELAY_MS / 200);
        guest_leave(&g);
        steps(&a, &g, 100, DELAY_MS / 200);
        CHECK_I64(on_disk(&a), ==, COUNT_PARTITIONS);
    }
}

TEST(state_of_tasks_that_cannot_be_opened_for_long_stays)
{
    WEIR_AUTO(count_application) a = {0};
    guest g = {0};
    start(&a);
    sim_broker_forget_members(a.broker);
    sim_cluster_set_faults(a.cluster, &(sim_faults){.admin_fails = 1000000,
                                                    .rebalance_refused = 1000000,
                                                    .producer_refused = 1000000});
    steps(&a, &g, 100, DELAY_MS / 10);
    CHECK_I64(on_disk(&a), ==, COUNT_PARTITIONS);
    sim_cluster_set_faults(a.cluster, &(sim_faults){0});
    steps(&a, &g, 1000, STEP_MS);
    CHECK_I64(on_disk(&a), ==, COUNT_PARTITIONS);
    count_topology_feed(a.broker, 0, RECORDS);
    count_application_run(&a);
    CHECK_I64(count_topology_last(a.broker, "out", "k0"), ==, 2);
}

TEST(state_that_a_former_life_left_goes_too)
{
    WEIR_AUTO(count_application) a = {0};
    guest g = {0};
    start(&a);
    guest_join(&g, &a);
    steps(&a, &g, 300, STEP_MS);
    count_application_crash(&a); /* The guest has some tasks already. */
    CHECK_I64(on_disk(&a), ==, COUNT_PARTITIONS);
    steps(&a, &g, 500, STEP_MS);
    CHECK_I64(on_disk(&a), ==, COUNT_PARTITIONS);
    steps(&a, &g, 100, DELAY_MS / 50);
    CHECK_I64(on_disk(&a), <, COUNT_PARTITIONS);
    guest_leave(&g);
}

/* What the others have may come back when this process has what it is given. */
TEST(state_stays_while_the_process_cannot_open_what_it_has)
{
    WEIR_AUTO(count_application) a = {0};
    guest g = {0};
    start(&a);
    guest_join(&g, &a);
    steps(&a, &g, 500, STEP_MS);
    count_topology_feed(a.broker, 0, RECORDS);
    count_application_crash(&a); /* It has to restore, and to read the input. */
    sim_cluster_set_faults(a.cluster, &(sim_faults){.poll_refused = 1000000});
    steps(&a, &g, 300, DELAY_MS / 100);
    CHECK(weir_application_state_now(a.application) == WEIR_APPLICATION_REBALANCING);
    CHECK_I64(on_disk(&a), ==, COUNT_PARTITIONS);
    sim_cluster_set_faults(a.cluster, &(sim_faults){0});
    steps(&a, &g, 500, STEP_MS);
    steps(&a, &g, 100, DELAY_MS / 50);
    CHECK(weir_application_state_now(a.application) == WEIR_APPLICATION_RUNNING);
    CHECK_I64(on_disk(&a), <, COUNT_PARTITIONS);
    guest_leave(&g);
}
