/* SPDX-License-Identifier: Apache-2.0
 *
 * query_worker.c - a worker answers a question between two records: whether its task may answer on
 * the terms that are asked for, then from the committed view of the store.
 *
 * The store of a standby changes in steps, each of one moment of its changelog, and so does one
 * that is restored. How old that moment is says the restorer.
 */
#include "streams/query_internal.h"

#include "streams/stream_thread_internal.h"
#include "streams/task_store_internal.h"

#include <inttypes.h>

static weir_query_role role_of(const weir_task *task)
{
    switch (weir_task_phase_now(task)) {
    case WEIR_TASK_STANDBY:
        return WEIR_QUERY_STANDBY;
    case WEIR_TASK_RESTORING:
        return WEIR_QUERY_RESTORING;
    case WEIR_TASK_CREATED:
    case WEIR_TASK_RUNNING:
        break;
    }
    return WEIR_QUERY_ACTIVE;
}

const char *weir_query_role_name(weir_query_role role)
{
    switch (role) {
    case WEIR_QUERY_ACTIVE:
        break;
    case WEIR_QUERY_STANDBY:
        return "standby";
    case WEIR_QUERY_RESTORING:
        return "restoring";
    }
    return "active";
}

static bool is_within(int64_t lag, int64_t bound)
{
    if (bound == 0) {
        return true;
    }
    return lag >= 0 && lag <= (bound == WEIR_QUERY_LAG_NONE ? 0 : bound);
}

static weir_status check_lag(const weir_task *task, const weir_question *asked,
                             const weir_query_answer *found, weir_error *err)
{
    const char *role = weir_query_role_name(found->role);
    if (found->lag_records == WEIR_QUERY_LAG_UNKNOWN) {
        return weir_error_set(err, WEIR_AGAIN, "store %s: how far the %s of task %s is, is unknown",
                              asked->store, role, weir_task_id(task));
    }
    if (!is_within(found->lag_records, asked->terms->lag_records_max)) {
        return weir_error_set(err, WEIR_AGAIN,
                              "store %s: the %s of task %s lacks %" PRId64 " records", asked->store,
                              role, weir_task_id(task), found->lag_records);
    }
    if (is_within(found->lag_ms, asked->terms->lag_ms_max)) {
        return WEIR_OK;
    }
    return found->lag_ms == WEIR_QUERY_LAG_UNKNOWN
               ? weir_error_set(err, WEIR_AGAIN,
                                "store %s: the %s of task %s has not reached the end yet",
                                asked->store, role, weir_task_id(task))
               : weir_error_set(err, WEIR_AGAIN,
                                "store %s: the %s of task %s is behind by %" PRId64 " ms",
                                asked->store, role, weir_task_id(task), found->lag_ms);
}

/* Whether the task may answer on the terms of the question. */
static weir_status check_terms(weir_stream_thread *thread, weir_task *task,
                               const weir_question *asked, weir_query_answer *found,
                               weir_error *err)
{
    bool is_open = task != NULL && weir_task_phase_now(task) != WEIR_TASK_CREATED;
    *found = (weir_query_answer){.role = is_open ? role_of(task) : WEIR_QUERY_RESTORING};
    if (found->role == WEIR_QUERY_ACTIVE) {
        return WEIR_OK;
    }
    if (!is_open || !asked->terms->allows_standby) {
        return weir_error_set(err, WEIR_AGAIN, "store %s: its task is moving or being restored",
                              asked->store);
    }
    weir_store_lag lag = weir_restorer_store_lag(thread->restorer, task, asked->store);
    found->lag_records = lag.records;
    found->lag_ms = lag.ms;
    return check_lag(task, asked, found, err);
}

static int64_t larger_lag(int64_t a, int64_t b)
{
    if (a == WEIR_QUERY_LAG_UNKNOWN || b == WEIR_QUERY_LAG_UNKNOWN) {
        return WEIR_QUERY_LAG_UNKNOWN;
    }
    return a > b ? a : b;
}

static void add_answer(weir_query_answer *to, const weir_query_answer *found)
{
    to->role = found->role > to->role ? found->role : to->role;
    to->lag_records = larger_lag(to->lag_records, found->lag_records);
    to->lag_ms = larger_lag(to->lag_ms, found->lag_ms);
}

weir_status weir_query_answer_question(void *consumer, void *question, weir_error *err)
{
    weir_stream_thread *thread = consumer;
    weir_question *asked = question;
    weir_task *task = weir_stream_thread_task(thread, asked->task_index);
    weir_query_answer found;
    WEIR_TRY(check_terms(thread, task, asked, &found, err));
    weir_kv *view = weir_task_committed_view(task, asked->store);
    WEIR_ASSERT(view != NULL);
    weir_status status =
        asked->read(asked, view, weir_task_committed_time_ms(task, asked->store), err);
    if (asked->answer != NULL && (status == WEIR_OK || status == WEIR_NOT_FOUND)) {
        add_answer(asked->answer, &found);
    }
    return status;
}
