/* SPDX-License-Identifier: Apache-2.0
 *
 * coordinator.c - keeps three things in step: what the group gave to this process, which worker has
 * which task, and the state of the application.
 *
 *   slot:  NONE ──OPEN──▶ OPENING ──▶ RUNNING ──CLOSE, DROP──▶ LEAVING ──▶ NONE
 *                            └────────────┴── the worker lost it ──────────▶ NONE
 *
 * Events of the group only mark slots as owned or not; each step then sends the commands that bring
 * the slots there. A command that finds a mailbox full is sent with the next step.
 *
 * The group is polled by this file alone, so a slow record never costs the membership.
 */
#include "streams/application_internal.h"

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

static void note_failure(weir_application *application, weir_status status, const weir_error *err)
{
    pthread_mutex_lock(&application->lock);
    if (application->failure.status == WEIR_OK) {
        application->failure = *err;
        application->failure.status = status;
    }
    pthread_mutex_unlock(&application->lock);
}

void weir_application_worker_failed(weir_application_worker *worker, weir_status status,
                                    const weir_error *err)
{
    pthread_mutex_lock(&worker->application->lock);
    worker->failed = true;
    pthread_mutex_unlock(&worker->application->lock);
    if (worker->application->alive_level != NULL) {
        weir_gauge_add(worker->application->alive_level, -1);
        weir_gauge_add(worker->application->failed_level, 1);
    }
    note_failure(worker->application, status, err);
    weir_mailbox_wake(worker->application->mailbox);
}

weir_slot weir_application_slot(weir_application *application, size_t task_index)
{
    WEIR_ASSERT(task_index < application->plan->task_count);
    pthread_mutex_lock(&application->lock);
    weir_slot slot = application->slots[task_index];
    pthread_mutex_unlock(&application->lock);
    return slot;
}

void weir_application_take_report(void *user, size_t task_index, weir_task_report report)
{
    weir_application *application = user;
    pthread_mutex_lock(&application->lock);
    weir_slot *slot = &application->slots[task_index];
    switch (report) {
    case WEIR_REPORT_RUNNING:
        if (slot->state == WEIR_SLOT_OPENING) {
            slot->state = WEIR_SLOT_RUNNING;
            slot->moves = false;
        }
        break;
    case WEIR_REPORT_STANDBY:
    case WEIR_REPORT_HELD:
        break;
    case WEIR_REPORT_CLOSED:
        WEIR_ASSERT(slot->replies_due > 0);
        slot->replies_due--;
        if (slot->replies_due == 0) {
            slot->state = WEIR_SLOT_NONE;
        }
        break;
    case WEIR_REPORT_LOST:
        if (slot->replies_due == 0) {
            slot->state = WEIR_SLOT_NONE;
        }
        break;
    }
    pthread_mutex_unlock(&application->lock);
    weir_mailbox_wake(application->mailbox);
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

weir_status weir_application_join(weir_application *application, weir_error *err)
{
    const weir_config *config = application->options.config;
    const weir_member_options options = {
        .group_id = config->application_id,
        .instance_id = config->group_instance_id,
        .client_id = config->client_id == NULL ? config->application_id : config->client_id,
        .topic = application->plan->task_topic,
        .session_timeout_ms = (int32_t)config->session_timeout_ms,
    };
    WEIR_TRY(
        weir_membership_join(application->membership, application->options.broker, &options, err));
    application->joined = true;
    return WEIR_OK;
}

static void mark(weir_application *application, const weir_member_event *event)
{
    pthread_mutex_lock(&application->lock);
    for (size_t i = 0; i < event->count; i++) {
        WEIR_ASSERT((size_t)event->partitions[i] < application->plan->task_count);
        weir_slot *slot = &application->slots[event->partitions[i]];
        slot->owned = event->kind == WEIR_MEMBER_ASSIGNED;
        slot->lost = event->kind == WEIR_MEMBER_LOST;
    }
    pthread_mutex_unlock(&application->lock);
    application->releasing = application->releasing || event->kind == WEIR_MEMBER_REVOKED;
    application->dropping = application->dropping || event->kind == WEIR_MEMBER_LOST;
    application->assigned_once = application->assigned_once || event->kind == WEIR_MEMBER_ASSIGNED;
}

static void disown_all(weir_application *application, bool lost)
{
    pthread_mutex_lock(&application->lock);
    for (size_t i = 0; i < application->plan->task_count; i++) {
        application->slots[i].owned = false;
        application->slots[i].lost = application->slots[i].lost || lost;
    }
    pthread_mutex_unlock(&application->lock);
}

/* After a loss it waits until the workers have dropped what was lost: the next poll joins anew, and
 * may bring back a task that somebody else has worked on in between. */
static weir_status poll_group(weir_application *application, int64_t now_ms, bool *busy,
                              weir_error *err)
{
    size_t events_max = application->plan->task_count + 1;
    for (size_t i = 0; application->joined && !application->dropping && i < events_max; i++) {
        weir_member_event event = {0};
        weir_status status = weir_membership_poll(application->membership, now_ms, &event, err);
        if (status == WEIR_AGAIN || status == WEIR_IO) {
            return WEIR_OK; /* The broker cannot be reached now: the session decides. */
        }
        if (status == WEIR_FENCED) {
            application->joined = false;
            application->releasing = false;
            weir_membership_leave(application->membership);
            disown_all(application, true);
            *busy = true;
            return WEIR_OK;
        }
        WEIR_TRY(status);
        mark(application, &event);
        *busy = true;
    }
    return WEIR_OK;
}

/* The worker with the fewest tasks; SIZE_MAX: all have failed. */
static size_t least_loaded(const weir_application *application)
{
    size_t best = SIZE_MAX;
    size_t best_load = SIZE_MAX;
    for (size_t w = 0; w < application->worker_count; w++) {
        size_t load = 0;
        for (size_t i = 0; i < application->plan->task_count; i++) {
            const weir_slot *slot = &application->slots[i];
            load += slot->state != WEIR_SLOT_NONE && slot->worker == w ? 1 : 0;
        }
        if (!application->workers[w].failed && load < best_load) {
            best = w;
            best_load = load;
        }
    }
    return best;
}

static void post_to_worker(weir_application *application, size_t index, weir_task_command command)
{
    weir_slot *slot = &application->slots[index];
    weir_error err = {0};
    weir_status status =
        weir_stream_thread_post(application->workers[slot->worker].thread, command, index, &err);
    if (status != WEIR_OK) {
        return; /* Full: with the next step. */
    }
    if (command == WEIR_COMMAND_OPEN) {
        slot->state = WEIR_SLOT_OPENING;
    } else {
        slot->state = WEIR_SLOT_LEAVING;
        slot->replies_due++;
        slot->drop_sent = command == WEIR_COMMAND_DROP;
    }
}

void weir_application_move_task(weir_application *application, size_t task_index, size_t worker)
{
    WEIR_ASSERT(task_index < application->plan->task_count);
    WEIR_ASSERT(worker < application->worker_count);
    pthread_mutex_lock(&application->lock);
    weir_slot *slot = &application->slots[task_index];
    if (slot->owned && slot->state == WEIR_SLOT_RUNNING && slot->worker != worker) {
        slot->moves = true;
        slot->target = worker;
    }
    pthread_mutex_unlock(&application->lock);
}

/* The worker that a task is to be opened on; SIZE_MAX: all have failed. */
static size_t choose_worker(const weir_application *application, const weir_slot *slot)
{
    return slot->moves && !application->workers[slot->target].failed ? slot->target
                                                                     : least_loaded(application);
}

static void drive_slot(weir_application *application, size_t index)
{
    weir_slot *slot = &application->slots[index];
    if (slot->state != WEIR_SLOT_NONE && application->workers[slot->worker].failed) {
        slot->state = WEIR_SLOT_NONE;
        slot->replies_due = 0;
    }
    if (slot->owned) {
        if (slot->state == WEIR_SLOT_NONE) {
            size_t worker = choose_worker(application, slot);
            if (worker == SIZE_MAX) {
                return;
            }
            slot->worker = worker;
            slot->drop_sent = false;
            post_to_worker(application, index, WEIR_COMMAND_OPEN);
        } else if (slot->moves && slot->state == WEIR_SLOT_RUNNING) {
            post_to_worker(application, index, WEIR_COMMAND_CLOSE);
        }
        return;
    }
    slot->moves = false;
    bool held = slot->state == WEIR_SLOT_OPENING || slot->state == WEIR_SLOT_RUNNING;
    if (held) {
        post_to_worker(application, index, slot->lost ? WEIR_COMMAND_DROP : WEIR_COMMAND_CLOSE);
    } else if (slot->state == WEIR_SLOT_LEAVING && slot->lost && !slot->drop_sent) {
        post_to_worker(application, index, WEIR_COMMAND_DROP);
    }
}

typedef struct slot_counts {
    size_t owned;
    size_t held; /* Some worker has it. */
    size_t running;
    size_t held_not_owned;
    size_t lost; /* Held, not owned, and not to be committed. */
} slot_counts;

static slot_counts drive_slots(weir_application *application)
{
    slot_counts counts = {0};
    pthread_mutex_lock(&application->lock);
    for (size_t i = 0; i < application->plan->task_count; i++) {
        drive_slot(application, i);
        const weir_slot *slot = &application->slots[i];
        bool held = slot->state != WEIR_SLOT_NONE;
        counts.owned += slot->owned ? 1 : 0;
        counts.held += held ? 1 : 0;
        counts.running += slot->state == WEIR_SLOT_RUNNING || (held && slot->moves) ? 1 : 0;
        counts.held_not_owned += held && !slot->owned ? 1 : 0;
        counts.lost += held && !slot->owned && slot->lost ? 1 : 0;
    }
    pthread_mutex_unlock(&application->lock);
    return counts;
}

static void leave_group(weir_application *application)
{
    if (application->joined) {
        weir_membership_leave(application->membership);
        application->joined = false;
    }
}

/* The way out: no task is owned any more; when no worker has one, leave the group. */
static void step_closing(weir_application *application, int64_t now_ms)
{
    bool error = weir_application_state_now(application) == WEIR_APPLICATION_PENDING_ERROR;
    bool busy = false;
    weir_error err = {0};
    /* A member that doesn't poll may not commit. Whatever the poll says, we leave. */
    (void)poll_group(application, now_ms, &busy, &err);
    disown_all(application, false);
    if (drive_slots(application).held > 0) {
        return;
    }
    if (application->options.database != NULL &&
        weir_database_flush(application->options.database, &err) != WEIR_OK) {
        WEIR_LOG(WEIR_LOG_WARN, NULL, "application=%s flush of the state: %s",
                 application->plan->application_id, err.message);
    }
    leave_group(application);
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
    WEIR_TRY(poll_group(application, now_ms, busy, err));
    weir_trader_look(application->trader, application, now_ms);
    slot_counts counts = drive_slots(application);
    if (application->dropping && counts.lost == 0) {
        application->dropping = false;
        *busy = true;
    }
    if (!application->joined && counts.held == 0) {
        WEIR_TRY(weir_application_join(application, err)); /* After we were thrown out. */
        *busy = true;
    }
    if (application->releasing && counts.held_not_owned == 0) {
        weir_status status = weir_membership_release(application->membership, err);
        if (status == WEIR_OK || status == WEIR_FENCED) { /* The poll tells of FENCED. */
            application->releasing = false;
        } else if (status != WEIR_AGAIN && status != WEIR_IO) {
            return status;
        }
        *busy = true;
    }
    bool running =
        application->assigned_once && counts.running == counts.owned && counts.held == counts.owned;
    set_state(application, running ? WEIR_APPLICATION_RUNNING : WEIR_APPLICATION_REBALANCING);
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
    weir_error own = {0};
    weir_status status = step_open(application, now_ms, out_busy, &own);
    if (status == WEIR_IO) {
        WEIR_LOG(WEIR_LOG_WARN, NULL, "application=%s group: %s", application->plan->application_id,
                 own.message);
        return WEIR_OK;
    }
    if (status != WEIR_OK) {
        note_failure(application, status, &own);
        if (err != NULL) {
            *err = own;
        }
    }
    return status;
}
