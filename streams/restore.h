/* SPDX-License-Identifier: Apache-2.0
 *
 * restore.h - brings the stores of tasks up to the end of their changelogs, in bulk, and keeps
 * those of standbys there.
 *
 * A store stands at a position (task_state.h). What the changelog has from there to the end that it
 * had when the restore began is put into the store; without a position, all of it. A changelog that
 * is followed has no such end. While a task restores, those that follow wait.
 *
 * Errors     WEIR_CORRUPT: position and changelog do not fit; wipe the task and restore again.
 * Threads    The worker's.
 */
#ifndef WEIR_STREAMS_RESTORE_H
#define WEIR_STREAMS_RESTORE_H

#include "streams/task.h"

typedef struct weir_restorer weir_restorer;

/* kept_records_max: of standbys; what is read past it is stored. */
weir_status weir_restorer_new(weir_broker *broker, const char *client_id, size_t kept_records_max,
                              weir_restorer **out_restorer, weir_error *err);
/* No task is in it any more. NULL is fine. */
void weir_restorer_free(weir_restorer *restorer);
WEIR_DEFINE_AUTO_PTR(weir_restorer);

/* Begins the restore of a task, which is RESTORING; one that has followed its changelogs goes on
 * from there. The ends are those that weir_tasks_ask_changelogs has brought, and so below. */
weir_status weir_restorer_add(weir_restorer *restorer, weir_task *task, weir_error *err);

/* How many offsets its changelogs have that the stores on disk of a task lack. */
int64_t weir_restorer_missing(const weir_task *task);

/* Follows the changelogs of a task, which is a STANDBY, from now on. */
weir_status weir_restorer_follow(weir_restorer *restorer, weir_task *task, weir_error *err);

/* Puts what was read for a task into its stores. */
weir_status weir_restorer_store(weir_restorer *restorer, const weir_task *task, weir_error *err);

/* Ends the restore of a task, done or not, or its following. */
void weir_restorer_remove(weir_restorer *restorer, const weir_task *task);

/* What a slice has done. */
typedef struct weir_restore_progress {
    uint64_t restored;  /* Records of tasks that restore… */
    uint64_t followed;  /* … and of standbys. */
    uint64_t refused;   /* Of both, left out: not of their store's format. */
    uint64_t outdated;  /* Of both, skipped: former owners wrote them too late (term.h). */
    weir_task *culprit; /* On failure the task that failed; NULL: not known. */
} weir_restore_progress;

/* How much a call does. */
typedef struct weir_restore_slice {
    size_t batches_max; /* Read. */
    size_t kept_max;    /* Records, past which the fullest changelog is stored; 0: as at new. */
    int64_t now_ms;
} weir_restore_slice;

/* Reads, and stores what has come together. */
weir_status weir_restorer_run(weir_restorer *restorer, const weir_restore_slice *slice,
                              weir_restore_progress *out_progress, weir_error *err);

/* True when every store of the task is restored. */
bool weir_restorer_is_done(const weir_task *task);

/* True when a task that follows has stored all that its changelogs have, as far as is known. */
bool weir_restorer_is_level(weir_restorer *restorer, const weir_task *task);

/* Where a task stands in its changelogs. */
typedef struct weir_restore_lag {
    int64_t behind;   /* Offsets from its positions to the ends; WEIR_LAG_UNKNOWN. */
    int64_t position; /* The sum of its positions; -1: not known. */
} weir_restore_lag;

/* Of a task that restores or follows; of any other one by what it has committed. */
weir_restore_lag weir_restorer_lag(weir_restorer *restorer, const weir_task *task);

/* How old the rows of a store are. */
typedef struct weir_store_lag {
    int64_t records; /* Offsets of its changelog that it lacks; WEIR_LAG_UNKNOWN. */
    int64_t ms;      /* It has all that was there so long ago; WEIR_LAG_UNKNOWN. */
    int64_t reached; /* Up to which offset it has its changelog. */
} weir_store_lag;

/* Of one store of a task that restores or follows. */
weir_store_lag weir_restorer_store_lag(weir_restorer *restorer, weir_task *task, const char *store);

/* Changelogs under way; offsets between the positions and the ends of those that restore. */
size_t weir_restorer_count(const weir_restorer *restorer);
int64_t weir_restorer_remaining(const weir_restorer *restorer);

/* For poll(2), or -1. */
int weir_restorer_fd(const weir_restorer *restorer);

#endif
