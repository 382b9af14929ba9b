/* SPDX-License-Identifier: Apache-2.0
 *
 * commit.h - the commit of all tasks of a worker, in one transaction or one broker step.
 *
 * Threads    The worker's.
 */
#ifndef WEIR_STREAMS_COMMIT_H
#define WEIR_STREAMS_COMMIT_H

#include "streams/task.h"

typedef struct weir_commit {
    weir_task **tasks;
    size_t task_count;
    weir_collector *collector;
    weir_membership *membership;
    int32_t flush_timeout_ms;
} weir_commit;

/* Whether anything was done since the last commit. */
bool weir_commit_is_needed(const weir_commit *commit);

/* Commits what the RUNNING tasks did since the last commit. WEIR_AGAIN: acknowledgements are still
 * to come or a rebalance is under way; nothing happened, nothing may be processed before it has
 * been called again. WEIR_IO: give up all since the last commit (weir_task_rollback); where
 * *out_unknown is set the broker may have committed, so replace the producer first. */
weir_status weir_commit_run(const weir_commit *commit, bool *out_unknown, weir_error *err);

#endif
