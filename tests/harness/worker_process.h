/* SPDX-License-Identifier: Apache-2.0
 *
 * worker_process.h - a process that is one worker and nothing else: a test gives the commands that
 * a coordinator would give, and moves the clock.
 *
 * Ownership  worker_process_cleanup frees all but what the options point to.
 * Threads    One.
 */
#ifndef WEIR_TESTS_HARNESS_WORKER_PROCESS_H
#define WEIR_TESTS_HARNESS_WORKER_PROCESS_H

#include "streams/stream_thread.h"
#include "tests/harness/sim_broker.h"

enum { WORKER_TASKS_MAX = 16 };

typedef struct worker_process_options {
    sim_cluster *cluster;
    const weir_topology *topology;
    const weir_config *config;
    const char *process_id;
    const char *directory;                  /* NULL: stores are in memory. */
    size_t ingest_entries_min;              /* As weir_database_options has it. */
    const weir_snapshot_network *snapshots; /* NULL: none. */
    const char *source;                     /* The address of every task's snapshot. */
} worker_process_options;

typedef struct worker_process {
    worker_process_options options;
    weir_broker *broker;
    weir_plan *plan;
    weir_metrics *metrics;
    weir_database *database;
    weir_membership *membership;
    weir_stream_thread *thread;
    /* By task: how often each report came, and which one was the last; -1: none. */
    uint32_t reports[WORKER_TASKS_MAX][WEIR_REPORT_LOST + 1];
    int last_report[WORKER_TASKS_MAX];
    weir_error err;
} worker_process;

/* Connects, plans, opens the database and joins the group. Not OK: call cleanup. */
weir_status worker_process_open(worker_process *process, const worker_process_options *options);
/* Drops the tasks without a commit and leaves the group. All-zero is fine. */
void worker_process_cleanup(worker_process *process);

/* Polls the group, lets go of whatever it revokes, and makes one pass. */
weir_status worker_process_step(worker_process *process, int64_t now_ms);

/* Sends a command; there is room for it. */
void worker_process_tell(worker_process *process, weir_task_command command, size_t task_index);

void worker_process_tell_all(worker_process *process, weir_task_command command);
/* Whether every task reported this last. */
bool worker_process_has_reported(const worker_process *process, weir_task_report report);

/* A sum over the series of this process. */
int64_t worker_process_metric(const worker_process *process, const char *name);

#endif
