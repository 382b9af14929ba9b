/* SPDX-License-Identifier: Apache-2.0
 *
 * two_processes.h - two processes of one application on a simulated cluster, stepped: each keeps
 * standbys of what the other one runs. The topology is that of count_topology.h.
 *
 * Ownership  two_processes_cleanup frees all.
 * Threads    One.
 */
#ifndef WEIR_TESTS_HARNESS_TWO_PROCESSES_H
#define WEIR_TESTS_HARNESS_TWO_PROCESSES_H

#include "streams/application.h"
#include "tests/harness/sim_broker.h"

enum { TWO_PROCESSES_PARTITIONS = 4 };

typedef struct two_processes_options {
    bool on_disk;                   /* Then what a standby has read is stored after a second. */
    bool exactly_once;              /* Else at least once. */
    const char *commit_interval_ms; /* NULL: 100. */
    bool caching_enabled;           /* As count_topology has it. */
} two_processes_options;

typedef struct two_processes_one {
    weir_config config;
    weir_broker *broker;
    weir_database *database;
    char *directory;
    weir_metrics *metrics;
    weir_application *application;
} two_processes_one;

typedef struct two_processes {
    sim_cluster *cluster;
    weir_broker *outside;
    weir_topology *topology;
    two_processes_one processes[2]; /* "a" at a.example:1, and "b" at b.example:2. */
    int64_t now_ms;
    weir_error err;
} two_processes;

/* Begins, and runs until all tasks run and all standbys follow. */
void two_processes_start(two_processes *two, const two_processes_options *options);
void two_processes_cleanup(two_processes *two);

/* Steps both for so long. */
void two_processes_run(two_processes *two, int64_t ms);
/* Steps only one of them. */
void two_processes_run_one(two_processes *two, size_t process, int64_t ms);

/* Sends records with keys "k<first>" …, and runs until they are counted, here and in standbys. */
void two_processes_feed(two_processes *two, size_t first, size_t count);

/* Which process runs the task of key: 0 or 1. */
size_t two_processes_owner(two_processes *two, const char *key);

#endif
