/* SPDX-License-Identifier: Apache-2.0
 *
 * stream_thread_load.c - before a task restores or follows, it may load a snapshot from another
 * process: where much is missing, and somebody has it. One attempt a task: what is then still
 * missing comes from the changelogs, and so does everything where the attempt fails.
 */
#include "streams/stream_thread_internal.h"

#include "streams/base/logging.h"
#include "streams/task_snapshot.h"

#include <inttypes.h>

/* Whether the task lacks so much that a snapshot is worth its while. */
static bool is_worth_it(const weir_stream_thread *thread, const weir_task *task)
{
    int64_t least = thread->options.config->snapshot_lag_min;
    return thread->options.snapshots != NULL && thread->options.database != NULL && least > 0 &&
           weir_task_snapshot_store_count(task) > 0 && weir_restorer_missing(task) >= least;
}

static weir_status begin_load(weir_stream_thread *thread, size_t index, weir_error *err)
{
    weir_task *task = thread->tasks[index];
    if (weir_task_load_is_cut(task)) {
        WEIR_TRY(weir_task_wipe(task, err));
    }
    thread->load_tried[index] = true;
    WEIR_AUTO(weir_buf) address = {0};
    if (!is_worth_it(thread, task) ||
        !thread->options.find_snapshot(thread->options.user, index, &address)) {
        return WEIR_OK;
    }
    const weir_snapshot_network *network = thread->options.snapshots;
    weir_snapshot_peer *peer = NULL;
    weir_error refusal = {0};
    const weir_log_place place = {.task = weir_task_id(task)};
    if (network->connect(network->user, weir_buf_text(&address), &peer, &refusal) != WEIR_OK) {
        WEIR_LOG(WEIR_LOG_WARN, &place, "snapshot: %s", refusal.message);
        return WEIR_OK;
    }
    WEIR_LOG(WEIR_LOG_INFO, &place, "loads a snapshot from host=%s", weir_buf_text(&address));
    thread->loads[index] = weir_snapshot_load_new(task, peer);
    return WEIR_OK;
}

static void end_load(weir_stream_thread *thread, size_t index)
{
    weir_snapshot_load_free(weir_take(&thread->loads[index]));
}

static weir_status give_up_load(weir_stream_thread *thread, size_t index, const weir_error *why,
                                weir_error *err)
{
    const weir_log_place place = {.task = weir_task_id(thread->tasks[index])};
    WEIR_LOG(WEIR_LOG_WARN, &place, "the snapshot is given up, it restores from its changelogs: %s",
             why->message);
    end_load(thread, index);
    return weir_task_wipe(thread->tasks[index], err);
}

weir_status weir_stream_thread_load(weir_stream_thread *thread, weir_task *task, bool *out_loading,
                                    bool *busy, weir_error *err)
{
    size_t index = weir_stream_thread_index(thread, task);
    *out_loading = false;
    if (!thread->load_tried[index]) {
        WEIR_TRY(begin_load(thread, index, err));
    }
    weir_snapshot_load *load = thread->loads[index];
    if (load == NULL) {
        return WEIR_OK;
    }
    weir_error why = {0};
    uint64_t rows = weir_snapshot_load_rows(load);
    weir_status status = weir_snapshot_load_step(load, &why);
    uint64_t more = weir_snapshot_load_rows(load) - rows;
    *busy = *busy || more > 0 || status != WEIR_AGAIN;
    thread->activity += more;
    if (status == WEIR_AGAIN) {
        *out_loading = true;
        return WEIR_OK;
    }
    if (status != WEIR_OK) {
        return give_up_load(thread, index, &why, err);
    }
    const weir_log_place place = {.task = weir_task_id(task)};
    WEIR_LOG(WEIR_LOG_INFO, &place, "has loaded a snapshot rows=%" PRIu64,
             weir_snapshot_load_rows(load));
    end_load(thread, index);
    return WEIR_OK;
}

void weir_stream_thread_end_load(weir_stream_thread *thread, const weir_task *task)
{
    end_load(thread, weir_stream_thread_index(thread, task));
}
