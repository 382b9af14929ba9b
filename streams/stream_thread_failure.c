/* SPDX-License-Identifier: Apache-2.0
 *
 * stream_thread_failure.c - what a worker does when a pass fails, by status:
 *
 *   IO       abort the transaction, roll every task back to the last commit, pause, go on
 *   CORRUPT  the same, and wipe the one task that said so: it restores from its changelogs; after
 *            WIPES_MAX times without a commit in between it is INVALID
 *   FENCED   the same, and let go of every task: somebody else may own them
 *   any of them, and the database takes no more writes: let go of every task, so that it is opened
 *            again with the first of them that is
 *   INVALID, FATAL and the rest   stop the application with the message, or replace the worker
 *
 * All tasks of a worker share a transaction, so all of them go back together. Nothing is lost and
 * nothing wiped by going back: the database was never touched.
 */
#include "streams/stream_thread_internal.h"

#include "streams/base/logging.h"
#include "streams/task_store_internal.h"

enum { BACK_OFF_DOUBLINGS_MAX = 6, WIPES_MAX = 3 };

static void back_off(weir_stream_thread *thread)
{
    uint32_t doublings =
        thread->failures < BACK_OFF_DOUBLINGS_MAX ? thread->failures : BACK_OFF_DOUBLINGS_MAX;
    thread->failures++;
    thread->back_off_until_ms =
        thread->environment.now_ms + (thread->options.config->retry_backoff_ms << doublings);
}

static void abandon_transaction(weir_stream_thread *thread)
{
    weir_error err = {0};
    if (weir_collector_abort(thread->collector, &err) != WEIR_OK ||
        thread->transactional_id == NULL) {
        thread->needs_reset = true; /* Unacknowledged records may come or not: settle it. */
    }
    thread->commit_pending = false;
}

static void roll_back(weir_stream_thread *thread, weir_task *task)
{
    weir_restorer_remove(thread->restorer, task);
    weir_task_rollback(task);
}

/* A standby has nothing in the transaction: it goes on, unless what was read for it is lost. */
static void roll_back_all(weir_stream_thread *thread)
{
    for (size_t i = 0; i < thread->owned_count; i++) {
        weir_task *task = thread->owned[i];
        if (weir_task_phase_now(task) != WEIR_TASK_STANDBY || thread->restorer_failed ||
            task == thread->culprit) {
            roll_back(thread, task);
        }
    }
    thread->restorer_failed = false;
    weir_thread_metrics_add(&thread->metrics, WEIR_COUNT_ROLLBACKS, 1);
}

void weir_stream_thread_take_back(weir_stream_thread *thread, weir_task *task)
{
    if (!weir_task_commit_needed(task)) {
        roll_back(thread, task);
        return;
    }
    abandon_transaction(thread);
    roll_back_all(thread);
    thread->culprit = NULL;
}

static void drop_all(weir_stream_thread *thread)
{
    while (thread->owned_count > 0) {
        weir_stream_thread_drop(thread, thread->owned[thread->owned_count - 1], WEIR_REPORT_LOST);
    }
    thread->needs_reset = true;
    weir_thread_metrics_add(&thread->metrics, WEIR_COUNT_ROLLBACKS, 1);
}

bool weir_stream_thread_database_is_broken(const weir_stream_thread *thread)
{
    return thread->options.database != NULL && weir_database_is_broken(thread->options.database);
}

static weir_status wipe(weir_task *task, weir_error *err)
{
    const weir_log_place place = {.task = weir_task_id(task)};
    WEIR_LOG(WEIR_LOG_WARN, &place, "the state is wiped, it restores from its changelogs");
    return weir_task_wipe(task, err);
}

/* What comes back with each restore lies in a changelog: a value that its processor cannot read. */
static weir_status react_to_corrupt(weir_stream_thread *thread, weir_error *err)
{
    roll_back_all(thread);
    if (thread->culprit != NULL && weir_task_wipes(thread->culprit) >= WIPES_MAX) {
        return weir_error_wrap(err, WEIR_INVALID,
                               "task %s is corrupt after %d restores: see who else writes its "
                               "changelogs, or reset the application",
                               weir_task_id(thread->culprit), WIPES_MAX);
    }
    weir_status status = thread->culprit == NULL ? WEIR_OK : wipe(thread->culprit, err);
    if (status == WEIR_IO) { /* The wipe failed: it is corrupt still, and comes here again. */
        WEIR_LOG(WEIR_LOG_WARN, NULL, "%s", err->message);
        return WEIR_OK;
    }
    return status;
}

bool weir_stream_thread_is_replaceable(const weir_stream_thread *thread)
{
    return !thread->fills_globals;
}

/* Without anything, until it is opened anew after a while: a longer one with each failure. */
static void close_and_back_off(weir_stream_thread *thread)
{
    weir_stream_thread_close(thread);
    back_off(thread);
}

/* The old producer ends before a new one begins, and so does its transaction. */
void weir_stream_thread_replace(weir_stream_thread *thread)
{
    drop_all(thread);
    thread->culprit = NULL;
    thread->command_failure = (weir_error){0};
    close_and_back_off(thread);
    thread->needs_reset = false;
    weir_stream_thread_report_held(thread);
}

weir_status weir_stream_thread_begin_anew(weir_stream_thread *thread, weir_error *err)
{
    weir_status status = weir_stream_thread_open(thread, err);
    if (status == WEIR_OK) {
        return WEIR_OK;
    }
    close_and_back_off(thread);
    if (status != WEIR_IO) {
        return status;
    }
    WEIR_LOG(WEIR_LOG_WARN, NULL, "application=%s worker=%d is not replaced yet: %s",
             thread->options.plan->application_id, (int)thread->options.index, err->message);
    return WEIR_AGAIN;
}

weir_status weir_stream_thread_react(weir_stream_thread *thread, weir_status status,
                                     weir_error *err)
{
    WEIR_ASSERT(status != WEIR_OK && status != WEIR_AGAIN);
    if (status != WEIR_IO && status != WEIR_CORRUPT && status != WEIR_FENCED) {
        abandon_transaction(thread);
        roll_back_all(thread);
        return status;
    }
    WEIR_LOG(WEIR_LOG_WARN, NULL, "application=%s worker=%d status=%s %s",
             thread->options.plan->application_id, (int)thread->options.index,
             weir_status_name(status), err->message);
    abandon_transaction(thread);
    weir_status reacted = WEIR_OK;
    if (status == WEIR_FENCED || weir_stream_thread_database_is_broken(thread)) {
        drop_all(thread);
    } else if (status == WEIR_CORRUPT) {
        reacted = react_to_corrupt(thread, err);
    } else {
        roll_back_all(thread);
    }
    thread->culprit = NULL;
    back_off(thread);
    return reacted;
}
