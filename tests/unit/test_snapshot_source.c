/* SPDX-License-Identifier: Apache-2.0
 *
 * Whom a process asks for a snapshot (streams/coordinator_placement.c): two applications of a
 * group, of which one has all the state.
 */
#include "streams/application.h"
#include "streams/snapshot.h"
#include "tests/harness/check.h"
#include "tests/harness/count_topology.h"
#include "tests/harness/sim_broker.h"

#include <stdlib.h>
#include <string.h>

enum { START_MS = 1000000, STEP_MS = 10, STEPS_MAX = 5000, RECORDS = 600 };

typedef struct process {
    weir_broker *broker;
    char *directory;
    weir_database *database;
    weir_config config;
    weir_application *application;
    uint32_t asked; /* How often it tried to connect to the other one. */
    weir_snapshot_network network;
} process;

typedef struct fixture {
    sim_cluster *cluster;
    weir_broker *outside;
    weir_topology *topology;
    process first;
    process second;
    int64_t now_ms;
    weir_error err;
} fixture;

static weir_status refuse(void *user, const char *address, weir_snapshot_peer **out_peer,
                          weir_error *err)
{
    (void)out_peer;
    process *of = user;
    CHECK(strcmp(address, "first.example:8080") == 0);
    of->asked++;
    return weir_error_set(err, WEIR_IO, "nobody listens");
}

static void open_process(fixture *f, process *to, const char *id, const char *server)
{
    const weir_setting settings[] = {
        {"application.id", "counter"},
        {"commit.interval.ms", "100"},
        {"weir.snapshot.lag.min", "10"},
        {"acceptable.recovery.lag", "10"}, /* Or the tasks are moved cold. */
        {"application.server", server},
    };
    CHECK_OK(weir_config_init(&to->config, settings, WEIR_COUNT_OF(settings), &f->err), &f->err);
    to->broker = sim_broker_connect(f->cluster);
    to->directory = check_directory();
    const weir_database_options database = {.directory = to->directory};
    CHECK_OK(weir_database_open(&database, &to->database, &f->err), &f->err);
    to->network = (weir_snapshot_network){.connect = refuse, .user = to};
    const weir_application_options options = {
        .topology = f->topology,
        .config = &to->config,
        .broker = to->broker,
        .database = to->database,
        .process_id = id,
        .snapshots = &to->network,
        .never_waits = true,
    };
    CHECK_OK(weir_application_new(&options, &to->application, &f->err), &f->err);
}

static void close_process(process *of)
{
    weir_application_free(of->application);
    weir_database_free(of->database);
    weir_config_cleanup(&of->config);
    weir_broker_free(of->broker);
    free(of->directory);
}

static void fixture_cleanup(fixture *f)
{
    close_process(&f->first);
    close_process(&f->second);
    weir_topology_free(f->topology);
    weir_broker_free(f->outside);
    sim_cluster_free(f->cluster);
}

static void step(fixture *f, process *at)
{
    bool busy = false;
    CHECK_OK(weir_application_step(at->application, f->now_ms, &busy, &f->err), &f->err);
    f->now_ms += STEP_MS;
}

TEST(process_that_comes_asks_the_one_that_has_the_state)
{
    WEIR_AUTO(fixture) f = {.now_ms = START_MS};
    f.cluster = sim_cluster_new(1);
    sim_cluster_set_now(f.cluster, f.now_ms);
    f.outside = sim_broker_connect(f.cluster);
    count_topology_topics(f.outside, 3);
    f.topology = count_topology_new(&(count_topology_options){0});
    open_process(&f, &f.first, "1", "first.example:8080");
    count_topology_feed(f.outside, 0, RECORDS);
    for (int i = 0; i < STEPS_MAX && !weir_application_is_idle(f.first.application); i++) {
        step(&f, &f.first);
    }
    CHECK_I64(f.first.asked, ==, 0); /* There was nobody. */
    open_process(&f, &f.second, "2", "second.example:8080");
    for (int i = 0; i < STEPS_MAX && f.second.asked == 0; i++) {
        step(&f, &f.first);
        step(&f, &f.second);
    }
    CHECK_I64(f.second.asked, >, 0);
}
