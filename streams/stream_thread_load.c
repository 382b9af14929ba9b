/* SPDX-License-Identifier: Apache-2.0
 *
 * stream_thread_load.c - before a task restores or follows, it may load a snapshot: where much is
 * missing, and another process has it, or one was put away. One attempt a task with each of the
 * two: what is then still missing comes from the changelogs, and so does everything where both
 * fail.
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

/* WEIR_NOT_FOUND: no other process has the task's stores. */
static weir_status connect_process(weir_stream_thread *thread, size_t index,
                                   weir_snapshot_peer **out_peer, weir_error *err)
{
    WEIR_AUTO(weir_buf) address = {0};
    if (!thread->options.find_snapshot(thread->options.user, index, &address)) {
        return WEIR_NOT_FOUND;
    }
    const weir_snapshot_network *network = thread->options.snapshots;
    const weir_log_place place = {.task = weir_task_id(thread->tasks[index])};
    WEIR_LOG(WEIR_LOG_INFO, &place, "asks for a snapshot host=%s", weir_buf_text(&address));
    return network->connect(network->user, weir_buf_text(&address), out_peer, err);
}

static weir_status connect_to(weir_stream_thread *thread, size_t index, weir_load_source source,
                              weir_snapshot_peer **out_peer, weir_error *err)
{
    const weir_snapshot_network *network = thread->options.snapshots;
    switch (source) {
    case WEIR_LOAD_FROM_PROCESS:
        return connect_process(thread, index, out_peer, err);
    case WEIR_LOAD_FROM_STORED:
        return network->connect_stored == NULL
                   ? WEIR_NOT_FOUND
                   : network->connect_stored(network->user, out_peer, err);
    case WEIR_LOAD_FROM_NOBODY:
        break;
    }
    return WEIR_NOT_FOUND;
}

/* Begins a load from the next source that can be connected to, if there is one. */
static void begin_load(weir_stream_thread *thread, size_t index)
{
    weir_task *task = thread->tasks[index];
    if (thread->load_from[index] != WEIR_LOAD_FROM_NOBODY && !is_worth_it(thread, task)) {
        thread->load_from[index] = WEIR_LOAD_FROM_NOBODY;
    }
    const weir_log_place place = {.task = weir_task_id(task)};
    while (thread->load_from[index] != WEIR_LOAD_FROM_NOBODY && thread->loads[index] == NULL) {
        weir_load_source source = thread->load_from[index]++;
        weir_snapshot_peer *peer = NULL;
        weir_error refusal = {0};
        weir_status status = connect_to(thread, index, source, &peer, &refusal);
        if (status == WEIR_OK) {
            thread->loads[index] =
                weir_snapshot_load_new(task, peer, thread->options.config->snapshot_lag_min);
        } else if (status != WEIR_NOT_FOUND) {
            WEIR_LOG(WEIR_LOG_WARN, &place, "snapshot: %s", refusal.message);
        }
    }
}

static void end_load(weir_stream_thread *thread, size_t index)
{
    weir_snapshot_load_free(weir_take(&thread->loads[index]));
}

/* Leaves the stores as they were, or empty where rows may have come. */
static weir_status give_up_load(weir_stream_thread *thread, size_t index, weir_status status,
                                const weir_error *why, weir_error *err)
{
    const weir_log_place place = {.task = weir_task_id(thread->tasks[index])};
    if (status == WEIR_NOT_FOUND) {
        WEIR_LOG(WEIR_LOG_INFO, &place, "no snapshot is loaded: %s", why->message);
    } else {
        WEIR_LOG(WEIR_LOG_WARN, &place, "the snapshot is given up: %s", why->message);
    }
    end_load(thread, index);
    return weir_task_load_is_cut(thread->tasks[index]) ? weir_task_wipe(thread->tasks[index], err)
                                                       : WEIR_OK;
}

/* A page of the load under way. *out_loading: there are more. */
static weir_status go_on_loading(weir_stream_thread *thread, size_t index, bool *out_loading,
                                 bool *busy, weir_error *err)
{
    weir_snapshot_load *load = thread->loads[index];
    weir_error why = {0};
    uint64_t rows = weir_snapshot_load_rows(load);
    weir_status status = weir_snapshot_load_step(load, &why);
    uint64_t more = weir_snapshot_load_rows(load) - rows;
    *busy = *busy || more > 0 || status != WEIR_AGAIN;
    thread->activity += more;
    *out_loading = status == WEIR_AGAIN;
    if (status == WEIR_AGAIN) {
        return WEIR_OK;
    }
    if (status != WEIR_OK) {
        return give_up_load(thread, index, status, &why, err);
    }
    const weir_log_place place = {.task = weir_task_id(thread->tasks[index])};
    WEIR_LOG(WEIR_LOG_INFO, &place, "has loaded a snapshot rows=%" PRIu64,
             weir_snapshot_load_rows(load));
    end_load(thread, index);
    thread->load_from[index] = WEIR_LOAD_FROM_NOBODY;
    return WEIR_OK;
}

weir_status weir_stream_thread_load(weir_stream_thread *thread, weir_task *task, bool *out_loading,
                                    bool *busy, weir_error *err)
{
    size_t index = weir_stream_thread_index(thread, task);
    bool is_first = thread->load_from[index] == WEIR_LOAD_FROM_PROCESS;
    if (is_first && weir_task_load_is_cut(task)) { /* In a former life. */
        WEIR_TRY(weir_task_wipe(task, err));
    }
    *out_loading = false;
    bool is_over = false;
    while (!*out_loading && !is_over) {
        if (thread->loads[index] == NULL) {
            begin_load(thread, index);
        }
        is_over = thread->loads[index] == NULL;
        if (!is_over) {
            WEIR_TRY(go_on_loading(thread, index, out_loading, busy, err));
        }
    }
    return WEIR_OK;
}

void weir_stream_thread_end_load(weir_stream_thread *thread, const weir_task *task)
{
    end_load(thread, weir_stream_thread_index(thread, task));
}
