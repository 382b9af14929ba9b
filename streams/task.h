/* SPDX-License-Identifier: Apache-2.0
 *
 * task.h - one sub-topology on one partition: the unit of work, and of recovery.
 *
 *                      begin()            run()
 *   CREATED ────────▶ RESTORING ────────▶ RUNNING ────────▶ (free)
 *    │   ▲                ▲ │                │
 *    │   └── rollback() ──┼─┴────────────────┤ rollback(), after a commit
 *    ▼                    │ begin()          │
 *   STANDBY ──────────────┘ ◀─── follow() ───┘
 *
 * The worker that owns the task drives it; commits are made for all tasks of a worker together:
 * weir_task_prepare_commit, then the broker (commit.c), then weir_task_finish_commit.
 *
 * Ownership  What the environment points to outlives the task.
 * Errors     Wrapped with the task's id.
 * Threads    The worker's. Time is an argument, input comes by weir_task_add_batch.
 */
#ifndef WEIR_STREAMS_TASK_H
#define WEIR_STREAMS_TASK_H

#include "statestore/open_iterators.h"
#include "streams/collector.h"
#include "streams/config.h"
#include "streams/consumer.h"
#include "streams/topology_plan.h"

typedef struct weir_task weir_task;
typedef struct weir_task_input weir_task_input;

/* What all tasks of a worker share. */
typedef struct weir_task_environment {
    const weir_plan *plan, *inputs; /* The second says what new tasks read: it, or a later one. */
    const weir_config *config;
    weir_broker *broker;
    weir_database *database; /* NULL: every store is in memory. */
    weir_collector *collector;
    weir_consumer *consumer; /* Of the source topics. */
    weir_metrics *metrics;
    void **resources;                   /* By index of the topology's resources. */
    struct weir_global_stores *globals; /* NULL: none. */
    weir_cache_budget cache;
    int32_t generation; /* In which tasks that begin now are owned. */
    int64_t now_ms;     /* Wall clock of this pass; the worker sets it. */
    weir_iterator_clock iterator_clock;
    struct weir_watcher *watchers; /* Who subscribes to changes; NULL: nobody. */
} weir_task_environment;

typedef enum weir_task_phase {
    WEIR_TASK_CREATED,
    WEIR_TASK_RESTORING,
    WEIR_TASK_RUNNING,
    WEIR_TASK_STANDBY,
} weir_task_phase;

/* Opens the stores of a planned task and resolves its topics. */
weir_status weir_task_new(weir_task_environment *environment, const weir_planned_task *planned,
                          weir_task **out_task, weir_error *err);

/* Ends the task without a commit; what was not applied is restored by whoever runs it next.
 * Deferred records stay valid until they end, and come to nothing. NULL is fine. */
void weir_task_free(weir_task *task);
WEIR_DEFINE_AUTO_PTR(weir_task);

/* CREATED or STANDBY to RESTORING, at the committed offsets that weir_tasks_ask_inputs has brought.
 * WEIR_AGAIN: they are not settled yet. */
weir_status weir_task_begin(weir_task *task, weir_error *err);

/* CREATED or RESTORING to STANDBY: the stores are to follow their changelogs. RESTORING, the stores
 * restored, to RUNNING: makes the processors and assigns the inputs. */
void weir_task_follow(weir_task *task);
weir_status weir_task_run(weir_task *task, weir_error *err);

/* Gives up all since the last commit: to CREATED. Inputs are unassigned, staged writes dropped,
 * processors freed. Right as well where a commit's outcome is unknown: to begin again reads the
 * committed offsets, and to restore reads what the changelogs got in that commit. */
void weir_task_rollback(weir_task *task);

/* Removes the state of the task: it restores from the beginning of its changelogs. */
weir_status weir_task_wipe(weir_task *task, weir_error *err);

/* Queues a polled batch whose tag is an input of the task; the input that reads topic, or NULL. */
void weir_task_input_add(weir_task_input *input, weir_batch *owned_batch);
weir_task *weir_task_input_task(const weir_task_input *input);
weir_task_input *weir_task_input_of(const weir_task *task, const char *topic);

/* Processes the next record. WEIR_AGAIN: there is none, or it has to wait. WEIR_IO and worse: the
 * worker's transaction is to be abandoned. WEIR_BAD_RECORD never leaves a task. */
weir_status weir_task_process(weir_task *task, weir_error *err);

/* Runs what is due on both clocks; *out_count is how many ran. When the next punctuation of the
 * wall clock is due; INT64_MAX: never. */
weir_status weir_task_punctuate(weir_task *task, size_t *out_count, weir_error *err);
int64_t weir_task_due_ms(const weir_task *task);

/* Refreshes what the task knows of the lag of its inputs, and resumes the paused ones. */
void weir_task_refresh_inputs(weir_task *task);

/* What an asynchronous completion answered since the last call, if it was not WEIR_OK. */
weir_status weir_task_take_failure(weir_task *task, weir_error *err);

/* Whether something was done since the last commit; whether a processor asked for one. */
bool weir_task_commit_needed(const weir_task *task);
bool weir_task_commit_requested(const weir_task *task);

/* Makes a commit needed where the last one is longer ago than weir.offset.renewal.interval.ms: a
 * broker may forget offsets of topics that the group does not subscribe to. */
void weir_task_renew_offsets(weir_task *task);

/* Lets go of all that its caches hold back. WEIR_AGAIN: the producer has no room for the rest. */
weir_status weir_task_flush_caches(weir_task *task, weir_error *err);

/* Adds the offsets of the inputs, unless nothing has changed since the last commit; or anyway. */
void weir_task_prepare_commit(weir_task *task, weir_offsets *offsets);
void weir_task_add_offsets(const weir_task *task, weir_offsets *offsets);

/* RESTORING: whether its changelogs have a term of a later generation: the group began anew, or
 * we are a zombie and that is our successor's; the group knows (term.h). */
bool weir_task_doubts_generation(const weir_task *task);

/* The broker has committed: staged writes are now, too, at the position in the changelogs that the
 * collector knows. */
void weir_task_finish_commit(weir_task *task);

/* Deletes the records of repartition topics that a commit has just said are read, by us alone. */
weir_status weir_task_purge(weir_task *task, weir_error *err);

/* Puts committed writes into the database. */
weir_status weir_task_apply(weir_task *task, weir_error *err);
/* The same, without waiting for the disk: WEIR_AGAIN while it is under way, to be called again. */
weir_status weir_task_apply_behind(weir_task *task, weir_error *err);
/* Memory of writes that are not committed; of those that are committed and not applied. */
size_t weir_task_staged_bytes(const weir_task *task);
size_t weir_task_committed_bytes(const weir_task *task);
/* Changelog records, of stores on disk, that are committed and not applied: costs of a crash. */
uint64_t weir_task_logged_records(const weir_task *task);

/* Where it is in its life, its ids, and its place in the plan. */
weir_task_phase weir_task_phase_now(const weir_task *task);
const char *weir_task_id(const weir_task *task);
const weir_planned_task *weir_task_planned(const weir_task *task);

/* True when every input is read to its end, nothing is deferred and nothing uncommitted. */
bool weir_task_is_idle(weir_task *task);

/* A store's committed content (NULL: no such store); the largest time it was given, or -1. */
weir_kv *weir_task_committed_view(weir_task *task, const char *store);
int64_t weir_task_committed_time_ms(weir_task *task, const char *store);

#endif
