/* SPDX-License-Identifier: Apache-2.0
 *
 * application_snapshot.c - asks the worker that has a task for its snapshot, between two records.
 */
#include "streams/application_internal.h"
#include "streams/snapshot_host.h"

enum { ANSWER_TIMEOUT_MS = 30 * 1000 };

typedef struct question {
    size_t task_index;
    weir_task_snapshot *out_snapshot;
} question;

static weir_status answer_question(void *consumer, void *argument, weir_error *err)
{
    const question *asked = argument;
    weir_task *task = weir_stream_thread_task(consumer, asked->task_index);
    return task == NULL ? WEIR_NOT_FOUND : weir_task_snapshot_take(task, asked->out_snapshot, err);
}

static weir_status take(void *user, size_t task_index, weir_task_snapshot *out_snapshot,
                        weir_error *err)
{
    weir_application *application = user;
    question asked = {task_index, out_snapshot};
    weir_status status = WEIR_NOT_FOUND;
    for (size_t w = 0; status == WEIR_NOT_FOUND && w < application->worker_count; w++) {
        status = weir_application_ask_worker(application, w, answer_question, &asked,
                                             ANSWER_TIMEOUT_MS, err);
    }
    return status;
}

static bool runs(void *user, size_t task_index, int64_t *out_position)
{
    weir_application *application = user;
    weir_slot slot = weir_application_slot(application, task_index);
    if (slot.state != WEIR_SLOT_RUNNING) {
        return false;
    }
    *out_position =
        weir_stream_thread_changelog_position(application->workers[slot.worker].thread, task_index);
    return true;
}

weir_snapshot_host *weir_application_snapshot_host(weir_application *application)
{
    return weir_snapshot_host_new(&(weir_snapshot_host_options){
        .plan = application->plan,
        .take = take,
        .runs = runs,
        .user = application,
    });
}
