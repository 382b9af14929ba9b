/* SPDX-License-Identifier: Apache-2.0
 *
 * restore.h - brings the stores of tasks up to the end of their changelogs, in bulk.
 *
 * A store stands at a position (task_state.h). What the changelog has from there to the end that it
 * had when the restore began is put into the store; without a position, all of it.
 *
 * Errors     WEIR_CORRUPT: position and changelog do not fit; wipe the task and restore again.
 * Threads    The worker's.
 */
#ifndef WEIR_STREAMS_RESTORE_H
#define WEIR_STREAMS_RESTORE_H

#include "streams/task.h"

typedef struct weir_restorer weir_restorer;

/* kept_records_max: what is read past it is stored before the end of the changelog. */
weir_status weir_restorer_new(weir_broker *broker, const char *client_id, size_t kept_records_max,
                              weir_restorer **out_restorer, weir_error *err);
/* No task is in it any more. NULL is fine. */
void weir_restorer_free(weir_restorer *restorer);
WEIR_DEFINE_AUTO_PTR(weir_restorer);

/* Begins the restore of a task, which is RESTORING. Its input offsets have been read before, so
 * that the changelogs are at least as far. */
weir_status weir_restorer_add(weir_restorer *restorer, weir_task *task, weir_error *err);

/* Ends the restore of a task, done or not. */
void weir_restorer_remove(weir_restorer *restorer, const weir_task *task);

/* Reads and stores up to batches_max batches. *out_count is the number of records; on failure
 * *out_culprit is the task that failed, NULL: not known. */
weir_status weir_restorer_run(weir_restorer *restorer, size_t batches_max, uint64_t *out_count,
                              weir_task **out_culprit, weir_error *err);

/* True when every store of the task is restored. */
bool weir_restorer_is_done(const weir_restorer *restorer, const weir_task *task);

/* Changelogs under way; records between their positions and their ends. */
size_t weir_restorer_count(const weir_restorer *restorer);
int64_t weir_restorer_remaining(const weir_restorer *restorer);

/* For poll(2), or -1. */
int weir_restorer_fd(const weir_restorer *restorer);

#endif
