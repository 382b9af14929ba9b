/* SPDX-License-Identifier: Apache-2.0
 *
 * coordinator.c - the state of the application, and the step that keeps four things in step: what
 * the group gave to this process, what all processes have agreed upon above it, which worker has
 * which task, and what the application is said to be.
 */
#include "streams/coordinator_internal.h"

#include "streams/base/logging.h"

#include <inttypes.h>

static const uint32_t allowed_from[] = {
    [WEIR_APPLICATION_CREATED] = 0,
    [WEIR_APPLICATION_REBALANCING] =
        1U << WEIR_APPLICATION_CREATED | 1U << WEIR_APPLICATION_RUNNING,
    [WEIR_APPLICATION_RUNNING] = 1U << WEIR_APPLICATION_REBALANCING,
    [WEIR_APPLICATION_PENDING_SHUTDOWN] = 1U << WEIR_APPLICATION_CREATED |
                                          1U << WEIR_APPLICATION_REBALANCING |
                                          1U << WEIR_APPLICATION_RUNNING,
    [WEIR_APPLICATION_NOT_RUNNING] = 1U << WEIR_APPLICATION_PENDING_SHUTDOWN,
    [WEIR_APPLICATION_PENDING_ERROR] =
        1U << WEIR_APPLICATION_CREATED | 1U << WEIR_APPLICATION_REBALANCING |
        1U << WEIR_APPLICATION_RUNNING | 1U << WEIR_APPLICATION_PENDING_SHUTDOWN,
    [WEIR_APPLICATION_ERROR] = 1U << WEIR_APPLICATION_PENDING_ERROR,
};

static bool may_become(weir_application_state from, weir_application_state to)
{
    return (allowed_from[to] >> from & 1U) != 0;
}

static void set_state(weir_application *application, weir_application_state to)
{
    pthread_mutex_lock(&application->lock);
    weir_application_state from = application->state;
    WEIR_ASSERT(from == to || may_become(from, to));
    application->state = to;
    pthread_mutex_unlock(&application->lock);
    if (from == to) {
        return;
    }
    if (application->state_level != NULL) {
        weir_gauge_set(application->state_level, to);
    }
    WEIR_LOG(WEIR_LOG_INFO, NULL, "application=%s state=%s", application->plan->application_id,
             weir_application_state_name(to));
    if (application->options.listener != NULL) {
        application->options.listener(application->options.listener_user, from, to);
    }
}

/* Whoever meets a deleted topic first, a producer or the group: what is lost and what to do is told
 * by the check of the topics. */
static void name_deleted_topic(const weir_application *application, weir_error *err)
{
    weir_error found = {0};
    if (weir_topics_watch_look(application->topics_watch, &found) == WEIR_INVALID) {
        *err = found;
    }
}

void weir_application_note_failure(weir_application *application, weir_status status,
                                   const weir_error *err)
{
    weir_error failure = *err;
    if (status == WEIR_INVALID) {
        name_deleted_topic(application, &failure);
    }
    failure.status = status;
    pthread_mutex_lock(&application->lock);
    if (application->failure.status == WEIR_OK) {
        application->failure = failure;
    }
    pthread_mutex_unlock(&application->lock);
}

void weir_application_take_applied(void *user, uint64_t records)
{
    weir_application *application = user;
    pthread_mutex_lock(&application->lock);
    application->unflushed_records += records;
    bool many = application->unflushed_records >
                (uint64_t)application->options.config->apply_records_max / 2;
    pthread_mutex_unlock(&application->lock);
    if (many) {
        weir_mailbox_wake(application->mailbox);
    }
}

/* What patterns stand for is looked up apart: here tasks follow. */
static void follow_inputs(weir_application *application)
{
    const weir_plan *inputs = weir_topics_watch_plan(application->topics_watch);
    if (inputs != application->inputs) {
        weir_slots_follow_inputs(application, inputs);
    }
}

/* The way out: when no worker has a task, say so and leave the group. */
static void step_closing(weir_application *application, int64_t now_ms)
{
    bool error = weir_application_state_now(application) == WEIR_APPLICATION_PENDING_ERROR;
    bool busy = false;
    weir_error err = {0};
    /* A member that doesn't poll may not commit. Whatever the poll says, we leave. */
    (void)weir_group_poll(application, now_ms, &busy, &err);
    weir_slot_counts counts = weir_slots_drive(application, true);
    if (counts.stopping == 0 && application->joined) {
        application->dropping = false;
        weir_membership_acknowledge(application->membership,
                                    weir_placer_generation(application->placer));
    }
    if (counts.held > 0 || !weir_placing_farewell(application, now_ms)) {
        return;
    }
    if (application->options.database != NULL &&
        weir_database_flush(application->options.database, &err) != WEIR_OK) {
        WEIR_LOG(WEIR_LOG_WARN, NULL, "application=%s flush of the state: %s",
                 application->plan->application_id, err.message);
    }
    weir_group_leave(application);
    set_state(application, error ? WEIR_APPLICATION_ERROR : WEIR_APPLICATION_NOT_RUNNING);
}

static uint64_t take_unflushed(weir_application *application, int64_t now_ms)
{
    const weir_config *config = application->options.config;
    pthread_mutex_lock(&application->lock);
    uint64_t records = application->unflushed_records;
    bool due = records > (uint64_t)config->apply_records_max / 2 ||
               now_ms - application->last_flush_ms >= config->flush_interval_ms;
    application->unflushed_records = due ? 0 : records;
    pthread_mutex_unlock(&application->lock);
    return due ? records : 0;
}

/* Puts on disk what workers have applied, so that a crash costs the changelog of a minute and not
 * that of a day. Workers go on meanwhile. */
static void flush_if_due(weir_application *application, int64_t now_ms)
{
    if (application->options.database == NULL || take_unflushed(application, now_ms) == 0) {
        return;
    }
    application->last_flush_ms = now_ms;
    weir_error err = {0};
    if (weir_database_flush(application->options.database, &err) != WEIR_OK) {
        WEIR_LOG(WEIR_LOG_WARN, NULL, "application=%s flush of the state: %s",
                 application->plan->application_id, err.message);
    }
}

static weir_status step_open(weir_application *application, int64_t now_ms, bool *busy,
                             weir_error *err)
{
    WEIR_TRY(weir_group_poll(application, now_ms, busy, err));
    weir_placing_step(application, now_ms, busy);
    weir_trader_look(application->trader, application, now_ms);
    weir_slot_counts counts = weir_slots_drive(application, false);
    weir_workers_step(application);
    WEIR_TRY(weir_group_follow(application, &counts, busy, err));
    bool running = application->assigned_once && application->joined && !application->releasing &&
                   counts.unsettled == 0;
    set_state(application, running ? WEIR_APPLICATION_RUNNING : WEIR_APPLICATION_REBALANCING);
    if (running) { /* Who waits for the group may get back what it had. */
        weir_workers_level(application);
        weir_state_cleanup_look(application->cleanup, application, now_ms);
    }
    return WEIR_OK;
}

static void follow_requests(weir_application *application)
{
    pthread_mutex_lock(&application->lock);
    weir_application_state state = application->state;
    bool failed = application->failure.status != WEIR_OK;
    bool close = application->close_requested;
    pthread_mutex_unlock(&application->lock);
    if (failed && may_become(state, WEIR_APPLICATION_PENDING_ERROR)) {
        WEIR_LOG(WEIR_LOG_ERROR, NULL, "application=%s stops: %s",
                 application->plan->application_id, application->failure.message);
        set_state(application, WEIR_APPLICATION_PENDING_ERROR);
    } else if (close && may_become(state, WEIR_APPLICATION_PENDING_SHUTDOWN)) {
        set_state(application, WEIR_APPLICATION_PENDING_SHUTDOWN);
    }
}

weir_status weir_application_step_coordinator(weir_application *application, int64_t now_ms,
                                              bool *out_busy, weir_error *err)
{
    *out_busy = false;
    (void)weir_mailbox_drain(application->mailbox, application);
    follow_requests(application);
    switch (weir_application_state_now(application)) {
    case WEIR_APPLICATION_NOT_RUNNING:
    case WEIR_APPLICATION_ERROR:
        return WEIR_OK;
    case WEIR_APPLICATION_PENDING_SHUTDOWN:
    case WEIR_APPLICATION_PENDING_ERROR:
        step_closing(application, now_ms);
        return WEIR_OK;
    case WEIR_APPLICATION_CREATED:
        set_state(application, WEIR_APPLICATION_REBALANCING);
        break;
    case WEIR_APPLICATION_REBALANCING:
    case WEIR_APPLICATION_RUNNING:
        break;
    }
    flush_if_due(application, now_ms);
    weir_memory_metrics_step(&application->memory, application->options.database, now_ms);
    weir_error own = {0};
    weir_status status = weir_topics_watch_step(application->topics_watch, now_ms, &own);
    if (status == WEIR_OK) {
        follow_inputs(application);
        status = step_open(application, now_ms, out_busy, &own);
    }
    if (status == WEIR_IO) {
        WEIR_LOG(WEIR_LOG_WARN, NULL, "application=%s group: %s", application->plan->application_id,
                 own.message);
        return WEIR_OK;
    }
    if (status != WEIR_OK) {
        weir_application_note_failure(application, status, &own);
        if (err != NULL) {
            *err = own;
        }
    }
    return status;
}
