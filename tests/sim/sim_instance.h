/* SPDX-License-Identifier: Apache-2.0
 *
 * sim_instance.h - one process of the simulated application: a broker connection, a disk, and a
 * whole weir_application, of which the world turns the coordinator and each worker one by one.
 *
 * Threads    One drives all instances.
 */
#ifndef WEIR_TESTS_SIM_SIM_INSTANCE_H
#define WEIR_TESTS_SIM_SIM_INSTANCE_H

#include "streams/application.h"
#include "tests/harness/sim_broker.h"
#include "tests/sim/sim_app.h"
#include "tests/sim/sim_disk.h"

enum { SIM_INSTANCE_WORKERS_MAX = 3 };

/* What all instances of a run have in common. */
typedef struct sim_variant {
    bool exactly_once;
    sim_app_options app;
    bool static_members; /* group.instance.id: a restart takes the place of its former self. */
    int32_t commit_interval_ms;
    int32_t apply_interval_ms;
    int32_t apply_records_max;
    int32_t flush_interval_ms;
    int32_t look_interval_ms; /* For late records. */
    int32_t purge_interval_ms;
    int32_t session_timeout_ms;
    int32_t restore_records_max; /* Read of a changelog before they are stored. */
    int32_t cache_bytes_max;     /* That stores hold back of their changelogs. */
    int32_t ingest_entries_min;  /* Stored as a file of their own. */
    int32_t worker_count;
    int32_t standby_count;
    int32_t acceptable_lag; /* With 0 and a hot changelog nobody is warm for long. */
    int32_t placement_wait_ms;
    uint32_t looks_cold; /* Chance in a million that a standby is told to lack a lot. */
    uint32_t throws;     /* That a processor fails for good, and its worker is replaced. */
} sim_variant;

typedef struct sim_instance {
    const sim_variant *variant;
    sim_cluster *cluster;
    char *name; /* Of its disk. */
    sim_disk *disk;
    uint64_t starts;
    uint64_t replaced; /* Workers, over all its lives. */
    bool running;
    bool closing; /* It was asked to close. */

    /* While it runs: */
    sim_app_state app;
    weir_broker *broker;
    weir_topology *topology;
    weir_config config;
    weir_database *database;
    weir_application *application;
} sim_instance;

void sim_instance_init(sim_instance *instance, sim_cluster *cluster, const sim_variant *variant,
                       int32_t number, uint64_t seed);
void sim_instance_cleanup(sim_instance *instance);

/* Starts the process; a start that meets a fault leaves it stopped, to be tried again. */
void sim_instance_start(sim_instance *instance, uint64_t seed, int64_t now_ms);

/* A turn of the coordinator, or of one worker. An application that reaches the end of its close is
 * gone after the coordinator's turn. */
void sim_instance_coordinate(sim_instance *instance, int64_t now_ms);
/* A standby is told to lack so much of its changelogs, until its worker tells how it is. */
void sim_instance_set_lag(sim_instance *instance, size_t task_index, int64_t lag);
void sim_instance_work(sim_instance *instance, int32_t worker, int64_t now_ms);
/* Its processors fail no more, or as the variant says. */
void sim_instance_set_throws(sim_instance *instance, bool throws);

/* Asks for a task to go to another worker of the process, if it runs. */
void sim_instance_trade(sim_instance *instance, size_t task_index, size_t worker);

/* Adds a worker, or begins to remove one; false where that is refused. */
bool sim_instance_resize(sim_instance *instance, bool more);

/* The process is gone: what was not flushed with it. */
void sim_instance_crash(sim_instance *instance);
/* It leaves the group and closes the database, its tasks uncommitted. */
void sim_instance_abandon(sim_instance *instance);
/* Asks for a clean close, which takes further turns. */
void sim_instance_request_close(sim_instance *instance);

/* True when it has nothing left to do. */
bool sim_instance_is_idle(sim_instance *instance);
/* The tasks that the group gave it; those that it runs for others, or others for it; those that it
 * holds where they stopped. */
size_t sim_instance_owned_count(const sim_instance *instance);
size_t sim_instance_leased_count(const sim_instance *instance);
size_t sim_instance_held_count(const sim_instance *instance);

#endif
