/* SPDX-License-Identifier: Apache-2.0
 *
 * What the coordinator makes of the group's events (streams/coordinator.c): two processes of an
 * application on one simulated cluster, stepped.
 */
#include "tests/harness/check.h"
#include "tests/harness/count_topology.h"
#include "tests/harness/sim_broker.h"

#include "streams/application.h"

#include <stdlib.h>

enum { START_MS = 1000000, STEPS_MAX = 2000 };

typedef struct process {
    weir_broker *broker;
    weir_application *application;
} process;

typedef struct fixture {
    sim_cluster *cluster;
    weir_broker *outside;
    weir_topology *topology;
    weir_config config;
    process first;
    process second;
    int64_t now_ms;
    weir_error err;
} fixture;

static void start(fixture *f)
{
    f->cluster = sim_cluster_new(1);
    f->now_ms = START_MS;
    sim_cluster_set_now(f->cluster, f->now_ms);
    f->outside = sim_broker_connect(f->cluster);
    count_topology_topics(f->outside, 3);
    f->topology = count_topology_new(&(count_topology_options){.engine = WEIR_ENGINE_MEMORY});
    const weir_setting settings[] = {
        {"application.id", "counter"},
        {"commit.interval.ms", "1000"},
    };
    CHECK_OK(weir_config_init(&f->config, settings, WEIR_COUNT_OF(settings), &f->err), &f->err);
}

static void open_process(fixture *f, process *to, const char *process_id)
{
    to->broker = sim_broker_connect(f->cluster);
    const weir_application_options options = {
        .topology = f->topology,
        .config = &f->config,
        .broker = to->broker,
        .process_id = process_id,
        .never_waits = true,
    };
    CHECK_OK(weir_application_new(&options, &to->application, &f->err), &f->err);
}

static void close_process(process *of)
{
    weir_application_free(weir_take(&of->application));
    weir_broker_free(weir_take(&of->broker));
}

static void fixture_cleanup(fixture *f)
{
    close_process(&f->first);
    close_process(&f->second);
    weir_topology_free(f->topology);
    weir_config_cleanup(&f->config);
    weir_broker_free(f->outside);
    sim_cluster_free(f->cluster);
}

/* Time stands still, so that nothing is committed. */
static void step(fixture *f, process *at, int steps)
{
    for (int i = 0; i < steps; i++) {
        bool busy = false;
        CHECK_OK(weir_application_step(at->application, f->now_ms, &busy, &f->err), &f->err);
    }
}

static void run_until_idle(fixture *f, process *at)
{
    for (int i = 0; i < STEPS_MAX; i++) {
        step(f, at, 1);
        f->now_ms += 100;
        if (weir_application_is_idle(at->application)) {
            return;
        }
    }
    CHECK_NEVER("the application never becomes idle");
}

static void close_cleanly(fixture *f, process *at)
{
    weir_application_request_close(at->application);
    for (int i = 0; i < STEPS_MAX; i++) {
        step(f, at, 1);
        if (weir_application_state_now(at->application) == WEIR_APPLICATION_NOT_RUNNING) {
            close_process(at);
            return;
        }
        f->now_ms += 100;
    }
    CHECK_NEVER("the application never closes");
}

TEST(lost_tasks_are_dropped_even_if_the_next_poll_brings_them_back)
{
    fixture f = {0};
    start(&f);
    open_process(&f, &f.first, "first");
    count_topology_feed(f.outside, 0, 30);
    run_until_idle(&f, &f.first);

    sim_broker_forget_members(f.first.broker);
    count_topology_feed(f.outside, 0, 30);
    open_process(&f, &f.second, "second");
    run_until_idle(&f, &f.second);
    close_cleanly(&f, &f.second);
    CHECK_I64(count_topology_records(f.outside, "out"), ==, 60);

    run_until_idle(&f, &f.first); /* It learns of its loss, and gets everything back at once. */
    CHECK_I64(count_topology_records(f.outside, "out"), ==, 60);
    CHECK_I64(count_topology_last(f.outside, "counter-counts-changelog", "k7"), ==, 2);
    fixture_cleanup(&f);
}

TEST(an_application_closes_while_the_broker_is_out_of_reach)
{
    fixture f = {0};
    start(&f);
    open_process(&f, &f.first, "first");
    step(&f, &f.first, 10);
    count_topology_feed(f.outside, 0, 30);
    step(&f, &f.first, 10);
    sim_broker_kill(f.first.broker);
    close_cleanly(&f, &f.first);
    f.now_ms += 60000; /* Its session is over. */

    open_process(&f, &f.second, "second");
    run_until_idle(&f, &f.second);
    CHECK_I64(count_topology_records(f.outside, "out"), ==, 30);
    fixture_cleanup(&f);
}

TEST(a_close_does_not_wait_for_the_next_attempt_to_reach_the_broker)
{
    fixture f = {0};
    start(&f);
    open_process(&f, &f.first, "first");
    run_until_idle(&f, &f.first);
    count_topology_feed(f.outside, 0, 30);
    step(&f, &f.first, 10);
    sim_broker_kill(f.first.broker);
    for (int i = 0; i < 300; i++) { /* By then, seconds lie between two attempts. */
        step(&f, &f.first, 1);
        f.now_ms += 100;
    }
    weir_application_request_close(f.first.application);
    step(&f, &f.first, 10);
    CHECK_I64(weir_application_state_now(f.first.application), ==, WEIR_APPLICATION_NOT_RUNNING);
    fixture_cleanup(&f);
}

TEST(an_application_for_which_there_is_no_task_runs_all_the_same)
{
    fixture f = {0};
    start(&f);
    process processes[4] = {0};
    const char *const names[] = {"a", "b", "c", "d"};
    for (size_t i = 0; i < WEIR_COUNT_OF(processes); i++) { /* One more than there are tasks. */
        open_process(&f, &processes[i], names[i]);
    }
    for (int i = 0; i < STEPS_MAX; i++) {
        step(&f, &processes[(size_t)i % WEIR_COUNT_OF(processes)], 1);
        f.now_ms += 10;
    }
    for (size_t i = 0; i < WEIR_COUNT_OF(processes); i++) {
        CHECK_I64(weir_application_state_now(processes[i].application), ==,
                  WEIR_APPLICATION_RUNNING);
    }
    for (size_t i = 0; i < WEIR_COUNT_OF(processes); i++) {
        close_process(&processes[i]);
    }
    fixture_cleanup(&f);
}
