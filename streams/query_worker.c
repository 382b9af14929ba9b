/* SPDX-License-Identifier: Apache-2.0
 *
 * query_worker.c - a worker answers a question between two records: whether its task may answer on
 * the terms that are asked for, then from the committed view of the store, or the other one.
 *
 * The store of a standby changes in steps, each of one moment of its changelog, and so does one
 * that is restored. How old that moment is says the restorer, what input it reflects
 * store_position.h.
 */
#include "streams/query_internal.h"

#include "statestore/staged.h"
#include "streams/store_position.h"
#include "streams/stream_thread_internal.h"

#include <inttypes.h>

/* How often it is looked up what a standby reflects: where a query waits for it, and where not. */
enum { LOOK_DEMANDED_MS = 100, LOOK_MS = 1000 };

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

static bool wants_position(const weir_question *asked)
{
    return asked->answer != NULL || asked->terms->at_least != NULL;
}

/* How old the rows of a task that does not run are, and what they reflect. */
static void look_at_store(weir_stream_thread *thread, weir_task *task, const weir_question *asked,
                          weir_query_answer *found)
{
    weir_store_lag lag = weir_restorer_store_lag(thread->restorer, task, asked->store);
    found->lag_records = lag.records;
    found->lag_ms = lag.ms;
    if (found->lag_records != WEIR_QUERY_LAG_UNKNOWN && wants_position(asked)) {
        weir_task_store_add_position(weir_task_store_named(task, asked->store), lag.reached,
                                     asked->terms->at_least != NULL ? LOOK_DEMANDED_MS : LOOK_MS,
                                     &found->position);
    }
}

static weir_status check_role(weir_stream_thread *thread, weir_task *task,
                              const weir_question *asked, weir_query_answer *found, weir_error *err)
{
    bool is_open = task != NULL && weir_task_phase_now(task) != WEIR_TASK_CREATED;
    found->role = is_open ? role_of(task) : WEIR_QUERY_RESTORING;
    if (found->role == WEIR_QUERY_ACTIVE) {
        if (wants_position(asked)) {
            weir_task_add_position(task, asked->terms->uncommitted, &found->position);
        }
        return WEIR_OK;
    }
    if (!is_open || !asked->terms->allows_standby) {
        return weir_error_set(err, WEIR_AGAIN, "store %s: its task is moving or being restored",
                              asked->store);
    }
    look_at_store(thread, task, asked, found);
    return check_lag(task, asked, found, err);
}

/* Whether found reflects one part of what is asked for. */
static weir_status check_part(const weir_task *task, weir_question *asked,
                              const weir_position_part *part, const weir_position *found,
                              weir_error *err)
{
    if (part->partition != weir_task_planned(task)->partition) {
        return WEIR_OK;
    }
    if (weir_task_input_of(task, part->topic) == NULL) {
        return weir_error_set(err, WEIR_INVALID,
                              "store %s is not made from %s[%" PRId32
                              "]: ask for positions in topics that its sub-topology reads",
                              asked->store, part->topic, part->partition);
    }
    int64_t offset = weir_position_offset(found, part->topic, part->partition);
    asked->lacks_input = offset < part->offset;
    return !asked->lacks_input
               ? WEIR_OK
               : weir_error_set(err, WEIR_AGAIN,
                                "store %s is at offset %" PRId64 " of %s[%" PRId32 "], %" PRId64
                                " is asked for",
                                asked->store, offset, part->topic, part->partition, part->offset);
}

static weir_status check_position(const weir_task *task, weir_question *asked,
                                  const weir_position *found, weir_error *err)
{
    const weir_position *at_least = asked->terms->at_least;
    for (size_t i = 0; at_least != NULL && i < at_least->count; i++) {
        WEIR_TRY(check_part(task, asked, &at_least->parts[i], found, err));
    }
    return WEIR_OK;
}

static int64_t larger_lag(int64_t a, int64_t b)
{
    if (a == WEIR_QUERY_LAG_UNKNOWN || b == WEIR_QUERY_LAG_UNKNOWN) {
        return WEIR_QUERY_LAG_UNKNOWN;
    }
    return a > b ? a : b;
}

void weir_query_answer_cleanup(weir_query_answer *answer)
{
    weir_position_cleanup(&answer->position);
    *answer = (weir_query_answer){0};
}

static void add_answer(weir_query_answer *to, const weir_query_answer *found)
{
    weir_position_merge(&to->position, &found->position);
    to->role = found->role > to->role ? found->role : to->role;
    to->lag_records = larger_lag(to->lag_records, found->lag_records);
    to->lag_ms = larger_lag(to->lag_ms, found->lag_ms);
}

static weir_status read_store(const weir_task_store *store, weir_question *asked, weir_error *err)
{
    WEIR_ASSERT(store != NULL);
    return asked->terms->uncommitted
               ? asked->read(asked, weir_staged_uncommitted_view(store->staged),
                             weir_task_store_observed_ms(store), err)
               : asked->read(asked, weir_staged_committed_view(store->staged), store->observed.ms,
                             err);
}

weir_status weir_query_answer_question(void *consumer, void *question, weir_error *err)
{
    weir_stream_thread *thread = consumer;
    weir_question *asked = question;
    weir_task *task = weir_stream_thread_task(thread, asked->task_index);
    WEIR_AUTO(weir_query_answer) found = {0};
    asked->lacks_input = false;
    WEIR_TRY(check_role(thread, task, asked, &found, err));
    WEIR_TRY(check_position(task, asked, &found.position, err));
    weir_status status = read_store(weir_task_store_named(task, asked->store), asked, err);
    if (asked->answer != NULL && (status == WEIR_OK || status == WEIR_NOT_FOUND)) {
        add_answer(asked->answer, &found);
    }
    return status;
}
