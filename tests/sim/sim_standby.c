/* SPDX-License-Identifier: Apache-2.0
 *
 * sim_standby.c - processes of one worker each (tests/harness/worker_process.h), and a driver in
 * the place of coordinators. It gives a task to a process only when every other one has said that
 * it has let go of it (CLOSED, STANDBY or HELD after the command) or is dead. That is what the
 * group and the leases come to; here it is exact, so that a fault found is one of workers.
 */
#include "tests/sim/sim_standby.h"

#include "tests/harness/check.h"
#include "tests/harness/worker_process.h"
#include "tests/sim/sim_chances.h"
#include "tests/sim/sim_checks.h"
#include "tests/sim/sim_outside.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    PROCESSES = 3,
    TASKS = SIM_APP_PARTITIONS + SIM_APP_GROUP_PARTITIONS,
    STORM_STEPS_MAX = 900,
    CALM_STEPS_MAX = 20000,
    START_MS = 1000 * 1000,
    NO_REPORT = -1,
};

typedef enum role { ROLE_NONE, ROLE_ACTIVE, ROLE_STANDBY, ROLE_HELD } role;

/* A task in a process, as its commands and reports say. */
typedef struct place {
    role role;       /* What it was told to be. */
    bool may_run;    /* It has not yet said that it does not. */
    int awaited;     /* The report that says so, or NO_REPORT. */
    uint32_t before; /* How many of that it had sent. */
    uint32_t losses;
} place;

typedef struct process {
    sim_instance disk; /* Its name, its disk and what its processors share. */
    weir_topology *topology;
    worker_process worker;
    bool running;
    place places[TASKS];
} process;

typedef struct sim_run {
    uint64_t seed;
    weir_random random;
    int64_t now_ms;
    sim_variant variant;
    weir_config config;
    sim_cluster *cluster;
    sim_outside outside;
    sim_faults faults;
    sim_disk_faults disk_faults[PROCESSES];
    process processes[PROCESSES];
    sim_checks *checks;
    sim_standby_counts *counts;
} sim_run;

static uint64_t below(sim_run *world, uint64_t bound)
{
    return weir_random_below(&world->random, bound);
}

static void draw_faults(sim_run *world)
{
    world->faults = sim_chances_of_faults(&world->random);
    sim_cluster_set_faults(world->cluster, &world->faults);
    for (size_t i = 0; i < PROCESSES; i++) {
        world->disk_faults[i] = sim_chances_of_disk_faults(&world->random, false);
        sim_disk_set_faults(world->processes[i].disk.disk, &world->disk_faults[i]);
    }
}

static void configure(sim_run *world)
{
    char commit[24];
    char apply[24];
    char restore[24];
    (void)snprintf(commit, sizeof(commit), "%" PRIu64, below(world, 400));
    (void)snprintf(apply, sizeof(apply), "%" PRIu64, below(world, 1000));
    (void)snprintf(restore, sizeof(restore), "%" PRIu64,
                   below(world, 2) == 0 ? 1 + below(world, 20) : 10000);
    const weir_setting settings[] = {
        {"application.id", SIM_APP_ID},
        {"processing.guarantee", world->variant.exactly_once ? "exactly_once_v2" : "at_least_once"},
        {"commit.interval.ms", commit},
        {"weir.apply.interval.ms", apply},
        {"weir.restore.records.max", restore},
        {"session.timeout.ms", "20000"},
        {"max.async.records", "8"},
        {"buffered.records.per.partition", "20"},
    };
    weir_error err = {0};
    CHECK_OK(weir_config_init(&world->config, settings, WEIR_COUNT_OF(settings), &err), &err);
}

static void start_world(sim_run *world, uint64_t seed, const sim_standby_options *options)
{
    world->seed = seed;
    world->random = weir_random_of(seed);
    world->now_ms = START_MS;
    world->variant = (sim_variant){
        .exactly_once = options->exactly_once,
        .app = {.async = options->async, .holds = below(world, 2) == 0},
        .ingest_entries_min = below(world, 4) == 0 ? 1 + (int32_t)below(world, 4) : 0,
    };
    world->cluster = sim_cluster_new(weir_random_u64(&world->random));
    sim_cluster_set_now(world->cluster, START_MS);
    world->outside = sim_outside_open(world->cluster);
    configure(world);
    world->checks = sim_checks_new(seed, world->cluster, &world->variant);
    for (int32_t i = 0; i < PROCESSES; i++) {
        sim_instance_init(&world->processes[i].disk, world->cluster, &world->variant, i,
                          weir_random_u64(&world->random));
    }
}

static void end_world(sim_run *world)
{
    for (size_t i = 0; i < PROCESSES; i++) {
        world->counts->entries_lost += sim_disk_lost_count(world->processes[i].disk.disk);
        sim_instance_cleanup(&world->processes[i].disk);
    }
    weir_config_cleanup(&world->config);
    sim_outside_close(&world->outside);
    sim_cluster_free(world->cluster);
    sim_checks_free(world->checks);
}

static void produce(sim_run *world)
{
    world->counts->inputs += sim_outside_produce(&world->outside, &world->faults, &world->random,
                                                 world->now_ms, world->checks);
}

/* Processes. */

static void end(sim_run *world, process *of)
{
    if (of->worker.metrics != NULL) {
        world->counts->followed += (uint64_t)worker_process_metric(
            &of->worker, "weir_stream_thread_standby_update_records_total");
        world->counts->restored += (uint64_t)worker_process_metric(
            &of->worker, "weir_stream_thread_restore_records_total");
    }
    worker_process_cleanup(&of->worker);
    weir_topology_free(weir_take(&of->topology));
    of->running = false;
    for (size_t t = 0; t < TASKS; t++) {
        of->places[t] = (place){.awaited = NO_REPORT};
    }
}

static void start(sim_run *world, process *of)
{
    char id[48];
    of->disk.starts++;
    (void)snprintf(id, sizeof(id), "%s-%" PRIu64, of->disk.name, of->disk.starts / 2);
    of->disk.app = (sim_app_state){.random = weir_random_of(weir_random_u64(&world->random)),
                                   .now_ms = world->now_ms};
    of->topology = sim_app_topology(&of->disk.app, &world->variant.app);
    const worker_process_options options = {
        .cluster = world->cluster,
        .topology = of->topology,
        .config = &world->config,
        .process_id = id,
        .directory = of->disk.name,
        .ingest_entries_min = (size_t)world->variant.ingest_entries_min,
    };
    for (size_t t = 0; t < TASKS; t++) {
        of->places[t] = (place){.awaited = NO_REPORT};
    }
    weir_status status = worker_process_open(&of->worker, &options);
    of->running = status == WEIR_OK;
    if (!of->running) {
        CHECK(status == WEIR_IO || status == WEIR_CORRUPT);
        end(world, of);
    }
}

static void check_disk(sim_run *world, const process *of)
{
    sim_disk_set_faults(of->disk.disk, &(sim_disk_faults){0});
    sim_checks_after_step(world->checks); /* Notes the last records of the changelogs. */
    sim_checks_disk(world->checks, &of->disk, false);
    sim_disk_set_faults(of->disk.disk, &world->disk_faults[of - world->processes]);
}

static void crash(sim_run *world, process *of)
{
    sim_broker_kill(of->worker.broker);
    sim_disk_crash(of->disk.disk);
    end(world, of);
    world->counts->crashes++;
    check_disk(world, of);
}

/* What the reports say of a task. */
static void take_reports(process *of, size_t task)
{
    place *at = &of->places[task];
    const uint32_t *reports = of->worker.reports[task];
    if (at->awaited != NO_REPORT && reports[at->awaited] > at->before) {
        at->awaited = NO_REPORT;
        at->may_run = at->role == ROLE_ACTIVE;
    }
    if (reports[WEIR_REPORT_LOST] > at->losses) {
        at->losses = reports[WEIR_REPORT_LOST];
        bool still_due = at->awaited == WEIR_REPORT_CLOSED || at->awaited == WEIR_REPORT_HELD;
        at->role = ROLE_NONE;
        at->may_run = false;
        at->awaited = still_due ? at->awaited : NO_REPORT;
    }
}

/* A running task holds exactly what is committed, whatever it was before. */
static void check_running(sim_run *world, process *of)
{
    sim_disk_set_faults(of->disk.disk, &(sim_disk_faults){0});
    for (size_t t = 0; t < TASKS && world->variant.exactly_once; t++) {
        weir_task *task = weir_stream_thread_task(of->worker.thread, t);
        if (task != NULL && weir_task_phase_now(task) == WEIR_TASK_RUNNING) {
            sim_checks_task(world->checks, task, false);
        }
    }
    sim_disk_set_faults(of->disk.disk, &world->disk_faults[of - world->processes]);
}

static void step(sim_run *world, process *of)
{
    if (!of->running) {
        return;
    }
    of->disk.app.now_ms = world->now_ms;
    weir_status status = worker_process_step(&of->worker, world->now_ms);
    CHECK(status == WEIR_OK || sim_broker_is_dead(of->worker.broker));
    for (size_t t = 0; t < TASKS; t++) {
        take_reports(of, t);
    }
    if (sim_broker_is_dead(of->worker.broker)) {
        crash(world, of);
    } else {
        check_running(world, of);
    }
}

/* The driver. */

static bool is_free(const sim_run *world, size_t task)
{
    for (size_t i = 0; i < PROCESSES; i++) {
        if (world->processes[i].places[task].may_run) {
            return false;
        }
    }
    return true;
}

static void tell(process *of, size_t task, weir_task_command command, int awaited)
{
    place *at = &of->places[task];
    at->awaited = awaited;
    at->before = awaited == NO_REPORT ? 0 : of->worker.reports[task][awaited];
    worker_process_tell(&of->worker, command, task);
}

static void open_task(sim_run *world, process *of, size_t task)
{
    place *at = &of->places[task];
    world->counts->promotions += at->role == ROLE_STANDBY ? 1 : 0;
    world->counts->resumed += at->role == ROLE_HELD ? 1 : 0;
    at->role = ROLE_ACTIVE;
    at->may_run = true;
    tell(of, task, WEIR_COMMAND_OPEN, NO_REPORT);
}

static void stand_by(sim_run *world, process *of, size_t task)
{
    place *at = &of->places[task];
    world->counts->demotions += at->role == ROLE_ACTIVE ? 1 : 0;
    at->role = ROLE_STANDBY;
    tell(of, task, WEIR_COMMAND_STANDBY, WEIR_REPORT_STANDBY);
}

static void hold(sim_run *world, process *of, size_t task)
{
    world->counts->holds++;
    of->places[task].role = ROLE_HELD;
    tell(of, task, WEIR_COMMAND_HOLD, WEIR_REPORT_HELD);
}

static void let_go(sim_run *world, process *of, size_t task)
{
    of->places[task].role = ROLE_NONE;
    tell(of, task, below(world, 2) == 0 ? WEIR_COMMAND_CLOSE : WEIR_COMMAND_DROP,
         WEIR_REPORT_CLOSED);
}

static void command(sim_run *world, process *of, size_t task)
{
    if (!of->running || of->places[task].awaited != NO_REPORT) {
        return;
    }
    switch (below(world, 8)) {
    case 0:
        let_go(world, of, task);
        break;
    case 1:
        hold(world, of, task);
        break;
    case 2:
    case 3:
        stand_by(world, of, task);
        break;
    default:
        if (is_free(world, task)) {
            open_task(world, of, task);
        }
        break;
    }
}

static void harm(sim_run *world, process *of)
{
    if (!of->running) {
        start(world, of);
    } else if (below(world, 3) == 0) {
        crash(world, of);
    } else {
        sim_broker_kill_in(of->worker.broker, 1 + (uint32_t)below(world, 30));
    }
}

static void move_clock(sim_run *world, bool may_jump)
{
    bool jumps = may_jump && below(world, 20) == 0;
    world->now_ms += (int64_t)below(world, jumps ? 30000 : 60);
    sim_cluster_set_now(world->cluster, world->now_ms);
}

static void keep_house(sim_run *world)
{
    sim_outside_keep_house(&world->outside, &world->faults, world->now_ms);
}

static void storm(sim_run *world)
{
    uint64_t steps = 100 + below(world, STORM_STEPS_MAX);
    for (uint64_t i = 0; i < steps; i++) {
        process *of = &world->processes[below(world, PROCESSES)];
        uint64_t choice = below(world, 100);
        if (choice < 7) {
            produce(world);
        } else if (choice < 8) {
            keep_house(world);
        } else if (choice < 28) {
            move_clock(world, true);
        } else if (choice < 36) {
            command(world, of, below(world, TASKS));
        } else if (choice < 38 && (of->running ? below(world, 4) == 0 : true)) {
            harm(world, of);
        } else {
            step(world, of);
        }
        sim_checks_after_step(world->checks);
    }
}

/* Every task active somewhere, the others its standbys. */
static void settle(sim_run *world)
{
    for (size_t i = 0; i < PROCESSES; i++) {
        process *of = &world->processes[i];
        for (size_t t = 0; of->running && t < TASKS; t++) {
            if (of->places[t].awaited != NO_REPORT || of->places[t].role == ROLE_ACTIVE) {
                continue;
            }
            if (is_free(world, t)) {
                open_task(world, of, t);
            } else if (of->places[t].role != ROLE_STANDBY) {
                stand_by(world, of, t);
            }
        }
    }
}

static bool is_at_rest(sim_run *world)
{
    for (size_t i = 0; i < PROCESSES; i++) {
        const process *of = &world->processes[i];
        if (!of->running || !weir_stream_thread_is_idle(of->worker.thread) ||
            weir_stream_thread_task_count(of->worker.thread) != TASKS) {
            return false;
        }
    }
    for (int64_t i = 0; i < world->checks->input_count; i++) {
        if (world->checks->totalled[i] == 0) {
            return false;
        }
    }
    return true;
}

static void calm(sim_run *world)
{
    for (uint64_t i = 0; i < CALM_STEPS_MAX; i++) {
        for (size_t n = 0; n < PROCESSES; n++) {
            if (!world->processes[n].running) {
                start(world, &world->processes[n]);
            }
            step(world, &world->processes[n]);
            sim_checks_after_step(world->checks);
        }
        settle(world);
        move_clock(world, false);
        if (is_at_rest(world)) {
            return;
        }
    }
    check_fail(__FILE__, __LINE__, "WEIR_TEST_SEED=%" PRIu64 ": it does not come to rest",
               world->seed);
}

/* Owners and standbys alike have what the changelogs say. */
static void check_all(sim_run *world)
{
    sim_checks_records_at_rest(world->checks);
    for (size_t i = 0; i < PROCESSES; i++) {
        for (size_t t = 0; t < TASKS; t++) {
            sim_checks_task(world->checks,
                            weir_stream_thread_task(world->processes[i].worker.thread, t), true);
        }
    }
}

/* The owners are gone, one way or the other, and standbys take their places. */
static void fail_over(sim_run *world)
{
    for (size_t i = 0; i + 1 < PROCESSES; i++) {
        process *of = &world->processes[i];
        if (below(world, 2) == 0) {
            crash(world, of);
            continue;
        }
        for (size_t t = 0; t < TASKS; t++) {
            if (of->places[t].role == ROLE_ACTIVE) {
                stand_by(world, of, t);
            }
        }
    }
    produce(world);
}

void sim_standby_run(uint64_t seed, const sim_standby_options *options, sim_standby_counts *counts)
{
    sim_run *world = weir_alloc(sizeof(*world));
    world->counts = counts;
    start_world(world, seed, options);
    draw_faults(world);
    storm(world);
    world->faults = (sim_faults){.kafka_transactions = world->faults.kafka_transactions};
    sim_cluster_set_faults(world->cluster, &world->faults);
    for (size_t i = 0; i < PROCESSES; i++) {
        world->disk_faults[i] = (sim_disk_faults){0};
        sim_disk_set_faults(world->processes[i].disk.disk, &world->disk_faults[i]);
    }
    calm(world);
    check_all(world);
    fail_over(world);
    calm(world);
    check_all(world);
    for (size_t i = 0; i < PROCESSES; i++) {
        crash(world, &world->processes[i]);
    }
    end_world(world);
    free(world);
}
