/* SPDX-License-Identifier: Apache-2.0
 *
 * idle_time.c - when a task is idle, and what time it is then.
 *
 *   stream time ──●──●─●┐                      ┌── a record: late, if its window has closed
 *                       └ weir.stream.idle.ms ─┴▶ + the wall clock since the last record
 *
 * Idle is a task that has taken no record for so long, has none waiting, and knows that its topics
 * have none: a broker that does not answer makes no task idle. The time goes with the offsets of
 * the next commit, as do those of processors (observed_time.c). It asks for none by itself: what
 * was told because of it is committed with it, and if nothing was, nothing depends on it.
 */
#include "streams/idle_time.h"

#include "streams/task_internal.h"

static const char idle_name[] = "#idle";

enum { LOOK_INTERVAL_MS = 100, MARK = '#' }; /* A lag asks the consumer: not in every pass. */

static int64_t limit_ms(const weir_task *task)
{
    return task->environment->config->stream_idle_ms;
}

void weir_task_take_idle_time(weir_task *task)
{
    int64_t time_ms = -1;
    bool was_kept = weir_kept_times_get(&task->kept_times, idle_name, &time_ms);
    weir_kept_times_forget(&task->kept_times, MARK);
    if (was_kept && limit_ms(task) > 0) {
        weir_kept_times_set(&task->kept_times, idle_name, time_ms);
    }
    task->stream_time_ms = time_ms > task->stream_time_ms ? time_ms : task->stream_time_ms;
}

void weir_task_restart_idle_time(weir_task *task)
{
    task->idle.since_ms = task->environment->now_ms;
    task->idle.from_ms = task->stream_time_ms;
}

static bool is_drained(const weir_task *task)
{
    if (task->async_count > 0 || weir_partition_group_record_count(task->group) > 0) {
        return false;
    }
    for (size_t i = 0; i < task->input_count; i++) {
        int64_t lag = 0;
        weir_status status =
            weir_consumer_lag(task->environment->consumer, task->inputs[i].partition, &lag);
        if (status != WEIR_OK || lag != 0) {
            return false;
        }
    }
    return true;
}

bool weir_task_advance_idle_time(weir_task *task)
{
    int64_t now_ms = task->environment->now_ms;
    if (limit_ms(task) == 0 || task->stream_time_ms < 0 || now_ms < weir_task_idle_due_ms(task)) {
        return false;
    }
    task->idle.next_look_ms = now_ms + LOOK_INTERVAL_MS;
    if (!is_drained(task)) {
        weir_task_restart_idle_time(task);
        return false;
    }
    int64_t time_ms = task->idle.from_ms + (now_ms - task->idle.since_ms);
    if (time_ms <= task->stream_time_ms) {
        return false;
    }
    task->stream_time_ms = time_ms;
    weir_kept_times_set(&task->kept_times, idle_name, time_ms);
    return true;
}

int64_t weir_task_idle_due_ms(const weir_task *task)
{
    if (limit_ms(task) == 0 || task->phase != WEIR_TASK_RUNNING) {
        return INT64_MAX;
    }
    int64_t idle_ms = task->idle.since_ms + limit_ms(task);
    return idle_ms > task->idle.next_look_ms ? idle_ms : task->idle.next_look_ms;
}

size_t weir_task_idle_time_bytes(const weir_task *task)
{
    return limit_ms(task) == 0 ? 0 : weir_kept_times_bytes_of(idle_name);
}
