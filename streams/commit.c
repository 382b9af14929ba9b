/* SPDX-License-Identifier: Apache-2.0
 *
 * commit.c - the order in which a commit becomes true (DESIGN 4).
 *
 *   0. caches   what they held back is logged and forwarded
 *   1. flush    every changelog and output record is acknowledged
 *   2. broker   how far the input was read: with the records in one transaction, or after them
 *   3. state    staged writes become committed, at the changelog position of step 2
 *
 * Applying committed state to the database is not part of it: a worker does that when a budget or
 * an age is reached (stream_thread.c).
 */
#include "streams/commit.h"

bool weir_commit_is_needed(const weir_commit *commit)
{
    if (weir_collector_is_dirty(commit->collector)) {
        return true;
    }
    for (size_t i = 0; i < commit->task_count; i++) {
        if (weir_task_commit_needed(commit->tasks[i])) {
            return true;
        }
    }
    return false;
}

static weir_status flush_caches(const weir_commit *commit, weir_error *err)
{
    for (size_t i = 0; i < commit->task_count; i++) {
        if (weir_task_phase_now(commit->tasks[i]) == WEIR_TASK_RUNNING) {
            WEIR_TRY(weir_task_flush_caches(commit->tasks[i], err));
        }
    }
    return WEIR_OK;
}

static void prepare(const weir_commit *commit, weir_offsets *offsets)
{
    for (size_t i = 0; i < commit->task_count; i++) {
        if (weir_task_phase_now(commit->tasks[i]) == WEIR_TASK_RUNNING) {
            weir_task_prepare_commit(commit->tasks[i], offsets);
        }
    }
}

static void finish(const weir_commit *commit)
{
    for (size_t i = 0; i < commit->task_count; i++) {
        if (weir_task_phase_now(commit->tasks[i]) == WEIR_TASK_RUNNING) {
            weir_task_finish_commit(commit->tasks[i]);
        }
    }
}

weir_status weir_commit_run(const weir_commit *commit, bool *out_unknown, weir_error *err)
{
    *out_unknown = false;
    if (!weir_commit_is_needed(commit)) {
        finish(commit); /* Clears requests that came without work. */
        return WEIR_OK;
    }
    WEIR_TRY(flush_caches(commit, err));
    WEIR_TRY(weir_collector_flush(commit->collector, commit->flush_timeout_ms, err));
    WEIR_AUTO(weir_offsets) offsets = {0};
    prepare(commit, &offsets);
    WEIR_TRY(
        weir_collector_commit(commit->collector, commit->membership, &offsets, out_unknown, err));
    finish(commit);
    return WEIR_OK;
}
