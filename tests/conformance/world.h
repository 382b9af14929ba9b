/* SPDX-License-Identifier: Apache-2.0
 *
 * world.h - processes of one application on a simulated cluster, which end and begin as they are
 * told: each crash loses what was not committed, and the next process restores it.
 *
 *   conformance_world_open ─▶ feed, work, commit, and what goes wrong ─▶ gather, ─▶ cleanup
 *
 * Ownership  Topology and settings are borrowed; conformance_world_cleanup frees the rest.
 * Errors     base/status.h.
 * Threads    One.
 */
#ifndef WEIR_TESTS_CONFORMANCE_WORLD_H
#define WEIR_TESTS_CONFORMANCE_WORLD_H

#include "streams/application.h"
#include "streams/base/random.h"
#include "streams/producer.h"
#include "tests/harness/sim_broker.h"

enum { CONFORMANCE_PROCESSES = 2, CONFORMANCE_FED_MAX = 4 };

typedef struct conformance_world_options {
    const char *const *inputs; /* Ends with a NULL, as the next. */
    const char *const *outputs;
    const weir_topology *topology;
    const weir_setting *settings;
    size_t setting_count;
    uint64_t seed;
    bool on_disk; /* Stores are in directories below the current one, which crashes leave. */
} conformance_world_options;

/* A process, which may not be there now. */
typedef struct conformance_process {
    weir_broker *broker;
    weir_database *database;
    weir_application *application; /* NULL: it does not run. */
    char *directory;               /* NULL: stores are in memory. */
} conformance_process;

/* A source topic, and how many records it has. */
typedef struct conformance_fed {
    const char *topic;
    int64_t count;
} conformance_fed;

typedef struct conformance_counts {
    uint64_t crashes;
    uint64_t closes;
    uint64_t moves;
    uint64_t commits;
} conformance_counts;

typedef struct conformance_world {
    conformance_world_options options;
    weir_config config;
    sim_cluster *cluster;
    weir_broker *outside;
    weir_producer *producer;
    conformance_process processes[CONFORMANCE_PROCESSES];
    conformance_fed fed[CONFORMANCE_FED_MAX];
    size_t fed_count;
    weir_random random;
    uint64_t starts;
    int64_t now_ms;
    conformance_counts counts;
} conformance_world;

/* Makes the topics and starts one process. */
weir_status conformance_world_open(conformance_world *world,
                                   const conformance_world_options *options, weir_error *err);
void conformance_world_cleanup(conformance_world *world);

/* Sends a record to its topic. */
weir_status conformance_world_feed(conformance_world *world, const weir_record *record,
                                   weir_error *err);

/* Processes what is there, without a commit unless something else leads to one. */
weir_status conformance_world_work(conformance_world *world, weir_error *err);

/* Processes and commits until nothing is left to do. */
weir_status conformance_world_commit(conformance_world *world, weir_error *err);

/* The wall clock moves on. */
weir_status conformance_world_advance(conformance_world *world, int64_t ms, weir_error *err);

/* One of the processes dies: now, or at one of its next calls to the broker. */
void conformance_world_crash(conformance_world *world);
/* One commits and leaves. */
weir_status conformance_world_close(conformance_world *world, weir_error *err);
/* A task goes to another worker, in the same process or in the other one, which is started. */
weir_status conformance_world_move(conformance_world *world, weir_error *err);

/* Leaves one process, which has every task; it is returned in *out_application. */
weir_status conformance_world_gather(conformance_world *world, weir_application **out_application,
                                     weir_error *err);

#endif
