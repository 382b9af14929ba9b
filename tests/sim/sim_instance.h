/* SPDX-License-Identifier: Apache-2.0
 *
 * sim_instance.h - one process of the simulated application: a broker connection, a disk, workers,
 * and a coordinator that turns the events of the group into commands to the workers.
 *
 * Threads    One drives all instances.
 */
#ifndef WEIR_TESTS_SIM_SIM_INSTANCE_H
#define WEIR_TESTS_SIM_SIM_INSTANCE_H

#include "streams/stream_thread.h"
#include "tests/harness/sim_broker.h"
#include "tests/sim/sim_app.h"
#include "tests/sim/sim_disk.h"

enum { SIM_INSTANCE_WORKERS_MAX = 2 };

typedef struct sim_variant {
    bool exactly_once;
    bool async;
    int32_t commit_interval_ms;
    int32_t apply_interval_ms;
    int32_t purge_interval_ms;
    int32_t worker_count;
} sim_variant;

/* What the coordinator knows of a task. */
typedef struct sim_task {
    bool owned;   /* The group says so. */
    bool open;    /* A worker has it, or was told to open it. */
    bool closing; /* A worker was told to let go of it. */
} sim_task;

typedef struct sim_instance {
    const sim_variant *variant;
    sim_cluster *cluster;
    char *name; /* Of its disk. */
    sim_disk *disk;
    uint64_t starts;
    bool running;
    bool releasing; /* Revoked tasks are being closed. */
    bool lost;      /* Lost tasks are being dropped. */

    /* While it runs: */
    sim_app_state app;
    weir_broker *broker;
    weir_topology *topology;
    weir_plan *plan;
    weir_config config;
    weir_database *database;
    weir_membership *membership;
    weir_stream_thread *workers[SIM_INSTANCE_WORKERS_MAX];
    sim_task *tasks; /* By index in the plan. */
} sim_instance;

void sim_instance_init(sim_instance *instance, sim_cluster *cluster, const sim_variant *variant,
                       int32_t number, uint64_t seed);
void sim_instance_cleanup(sim_instance *instance);

/* Starts the process; a start that meets a fault leaves it stopped, to be tried again. */
void sim_instance_start(sim_instance *instance, uint64_t seed, int64_t now_ms);

/* A pass of the coordinator, or of one worker. */
void sim_instance_coordinate(sim_instance *instance, int64_t now_ms);
void sim_instance_work(sim_instance *instance, int32_t worker, int64_t now_ms);

/* The process is gone: what was not flushed with it. */
void sim_instance_crash(sim_instance *instance);
/* It leaves the group and closes the database, its tasks uncommitted. */
void sim_instance_stop(sim_instance *instance);

/* True when it has nothing left to do. */
bool sim_instance_is_idle(sim_instance *instance);
size_t sim_instance_owned_count(const sim_instance *instance);

#endif
