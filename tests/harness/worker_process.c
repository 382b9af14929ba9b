/* SPDX-License-Identifier: Apache-2.0
 *
 * worker_process.c - what an application does around its workers, as far as a worker can tell. The
 * group's partitions mean nothing here: they are let go of at once, and the test says who runs
 * what.
 */
#include "tests/harness/worker_process.h"

#include "streams/internal_topics.h"
#include "tests/harness/check.h"

static void take_report(void *user, size_t task_index, weir_task_report report)
{
    worker_process *process = user;
    CHECK(task_index < WORKER_TASKS_MAX);
    process->reports[task_index][report]++;
    process->last_report[task_index] = (int)report;
}

static bool find_snapshot(void *user, size_t task_index, weir_buf *out_address)
{
    const worker_process *process = user;
    (void)task_index;
    weir_buf_clear(out_address);
    weir_buf_append_text(out_address, process->options.source);
    return true;
}

static weir_status join(worker_process *process)
{
    const weir_member_options options = {
        .group_id = process->plan->application_id,
        .client_id = process->options.process_id,
        .topic = process->plan->task_topic,
        .session_timeout_ms = (int32_t)process->options.config->session_timeout_ms,
    };
    return weir_membership_join(process->membership, process->broker, &options, &process->err);
}

static weir_status open_database(worker_process *process)
{
    const weir_database_options options = {
        .directory = process->options.directory,
        .ingest_entries_min = process->options.ingest_entries_min,
    };
    return options.directory == NULL
               ? WEIR_OK
               : weir_database_open(&options, &process->database, &process->err);
}

weir_status worker_process_open(worker_process *process, const worker_process_options *options)
{
    *process = (worker_process){.options = *options};
    for (size_t i = 0; i < WORKER_TASKS_MAX; i++) {
        process->last_report[i] = -1;
    }
    process->broker = sim_broker_connect(options->cluster);
    process->metrics = weir_metrics_new();
    process->membership = weir_membership_new();
    WEIR_TRY(weir_internal_topics_plan(process->broker, options->topology, options->config,
                                       &process->plan, &process->err));
    WEIR_TRY(weir_internal_topics_create(process->broker, process->plan, options->config,
                                         &process->err));
    WEIR_TRY(open_database(process));
    const weir_stream_thread_options thread = {
        .plan = process->plan,
        .config = options->config,
        .broker = process->broker,
        .database = process->database,
        .metrics = process->metrics,
        .membership = process->membership,
        .process_id = options->process_id,
        .never_waits = true,
        .report = take_report,
        .snapshots = options->snapshots,
        .find_snapshot = find_snapshot,
        .user = process,
    };
    process->thread = weir_stream_thread_new(&thread);
    WEIR_TRY(weir_stream_thread_open(process->thread, &process->err));
    return join(process);
}

void worker_process_cleanup(worker_process *process)
{
    weir_stream_thread_free(weir_take(&process->thread));
    weir_membership_free(weir_take(&process->membership));
    weir_database_free(weir_take(&process->database));
    weir_plan_free(weir_take(&process->plan));
    weir_metrics_free(weir_take(&process->metrics));
    weir_broker_free(weir_take(&process->broker));
}

static weir_status poll_group(worker_process *process, int64_t now_ms)
{
    weir_member_event event = {0};
    weir_status status = weir_membership_poll(process->membership, now_ms, &event, &process->err);
    if (status == WEIR_FENCED) {
        status = join(process);
    } else if (status == WEIR_OK && event.kind == WEIR_MEMBER_REVOKED) {
        status = weir_membership_release(process->membership, &process->err);
    }
    /* Where the broker cannot be reached the session decides, as in an application. */
    return status == WEIR_AGAIN || status == WEIR_IO ? WEIR_OK : status;
}

weir_status worker_process_step(worker_process *process, int64_t now_ms)
{
    WEIR_TRY(poll_group(process, now_ms));
    bool busy = false;
    return weir_stream_thread_step(process->thread, now_ms, &busy, &process->err);
}

void worker_process_tell(worker_process *process, weir_task_command command, size_t task_index)
{
    CHECK_OK(weir_stream_thread_post(process->thread, command, task_index, &process->err),
             &process->err);
}

void worker_process_tell_all(worker_process *process, weir_task_command command)
{
    for (size_t i = 0; i < process->plan->task_count; i++) {
        worker_process_tell(process, command, i);
    }
}

bool worker_process_has_reported(const worker_process *process, weir_task_report report)
{
    for (size_t i = 0; i < process->plan->task_count; i++) {
        if (process->last_report[i] != (int)report) {
            return false;
        }
    }
    return true;
}

int64_t worker_process_metric(const worker_process *process, const char *name)
{
    return weir_metrics_sum(process->metrics, name, NULL);
}
