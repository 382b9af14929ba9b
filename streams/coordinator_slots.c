/* SPDX-License-Identifier: Apache-2.0
 *
 * coordinator_slots.c - brings each task to the worker and into the state that its role asks for.
 *
 *            ┌──────────OPEN──────────▶ OPENING ──▶ RUNNING ─┐
 *   NONE ────┤                           ▲   ▲        │ │    │ CLOSE, DROP
 *            └─STANDBY─▶ STANDBY ──OPEN──┘   │     HOLD STANDBY ──▶ LEAVING ──▶ NONE
 *                          ▲                OPEN      │ │
 *                          └─────────────── HELD ◀────┘ └─▶ STANDBY
 *
 * Events of the group and decisions of placement only mark slots; each step sends the commands. One
 * that finds a mailbox full is sent with the next step. A slot is *active* from OPEN until its
 * worker has said that it has stopped: that is what others wait for.
 */
#include "streams/coordinator_internal.h"

static void forget_task(weir_slot *slot)
{
    slot->state = WEIR_SLOT_NONE;
    slot->active = false;
    slot->reopens = false;
    slot->gone = false;
    slot->replies_due = 0;
    slot->holds_due = 0;
    slot->lag = WEIR_TASK_LAG_UNKNOWN;
}

static void take_lost(weir_slot *slot)
{
    if (slot->replies_due == 0 && slot->holds_due == 0) {
        forget_task(slot);
    }
    slot->gone = slot->holds_due > 0;
}

static void take_held(weir_slot *slot)
{
    WEIR_ASSERT(slot->holds_due > 0);
    slot->holds_due--;
    if (slot->holds_due > 0) {
        return;
    }
    slot->active = false;
    if (slot->gone) {
        forget_task(slot);
    }
}

static void take_closed(weir_slot *slot)
{
    WEIR_ASSERT(slot->replies_due > 0);
    slot->replies_due--;
    if (slot->replies_due == 0) {
        forget_task(slot);
    }
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
        slot->active = slot->active && slot->state != WEIR_SLOT_STANDBY;
        break;
    case WEIR_REPORT_HELD:
        take_held(slot);
        break;
    case WEIR_REPORT_CLOSED:
        take_closed(slot);
        break;
    case WEIR_REPORT_LOST:
        take_lost(slot);
        break;
    }
    pthread_mutex_unlock(&application->lock);
    weir_mailbox_wake(application->mailbox);
}

weir_slot weir_application_slot(weir_application *application, size_t task_index)
{
    WEIR_ASSERT(task_index < application->plan->task_count);
    pthread_mutex_lock(&application->lock);
    weir_slot slot = application->slots[task_index];
    pthread_mutex_unlock(&application->lock);
    return slot;
}

void weir_application_move_task(weir_application *application, size_t task_index, size_t worker)
{
    WEIR_ASSERT(task_index < application->plan->task_count);
    WEIR_ASSERT(worker < application->worker_count);
    pthread_mutex_lock(&application->lock);
    weir_slot *slot = &application->slots[task_index];
    if (slot->role == WEIR_PLACE_RUN && slot->state == WEIR_SLOT_RUNNING &&
        slot->worker != worker) {
        slot->moves = true;
        slot->target = worker;
    }
    pthread_mutex_unlock(&application->lock);
}

void weir_slots_mark(weir_application *application, const weir_member_event *event)
{
    pthread_mutex_lock(&application->lock);
    for (size_t i = 0; i < event->count; i++) {
        WEIR_ASSERT((size_t)event->partitions[i] < application->plan->task_count);
        weir_slot *slot = &application->slots[event->partitions[i]];
        slot->owned = event->kind == WEIR_MEMBER_ASSIGNED;
        slot->revoked = event->kind == WEIR_MEMBER_REVOKED;
    }
    pthread_mutex_unlock(&application->lock);
}

void weir_slots_stop_foreign(weir_application *application, bool all_lost)
{
    pthread_mutex_lock(&application->lock);
    for (size_t i = 0; i < application->plan->task_count; i++) {
        weir_slot *slot = &application->slots[i];
        slot->owned = slot->owned && !all_lost;
        slot->revoked = slot->revoked && !all_lost;
        slot->must_stop = slot->must_stop || (slot->active && !slot->owned && !slot->revoked);
    }
    pthread_mutex_unlock(&application->lock);
}

void weir_slots_released(weir_application *application)
{
    pthread_mutex_lock(&application->lock);
    for (size_t i = 0; i < application->plan->task_count; i++) {
        application->slots[i].revoked = false;
    }
    pthread_mutex_unlock(&application->lock);
}

static void take_inputs(void *consumer, void *argument)
{
    weir_stream_thread_set_inputs(consumer, argument);
}

void weir_slots_follow_inputs(weir_application *application, const weir_plan *inputs)
{
    for (size_t i = 0; i < application->worker_count; i++) {
        const weir_message message = {take_inputs, NULL, (void *)inputs};
        /* One that has ended opens nothing anyway. */
        (void)weir_application_tell_worker(application, i, message);
    }
    pthread_mutex_lock(&application->lock);
    for (size_t i = 0; i < application->plan->task_count; i++) {
        weir_slot *slot = &application->slots[i];
        slot->reopens =
            slot->reopens || (slot->state != WEIR_SLOT_NONE &&
                              weir_plan_task_reads_more(application->inputs, inputs, i));
    }
    pthread_mutex_unlock(&application->lock);
    application->inputs = inputs;
}

static weir_worker_state state_of(const weir_application *application, size_t worker)
{
    return application->workers[worker].state;
}

/* The worker that a task is to be opened on; SIZE_MAX: none works. */
static size_t choose_worker(const weir_application *application, const weir_slot *slot)
{
    return slot->moves && state_of(application, slot->target) == WEIR_WORKER_WORKS
               ? slot->target
               : weir_workers_least_loaded(application);
}

static void note_command(weir_slot *slot, weir_task_command command)
{
    switch (command) {
    case WEIR_COMMAND_OPEN:
        slot->state = WEIR_SLOT_OPENING;
        slot->active = true;
        break;
    case WEIR_COMMAND_STANDBY:
        slot->state = WEIR_SLOT_STANDBY;
        break;
    case WEIR_COMMAND_HOLD:
        slot->state = WEIR_SLOT_HELD;
        slot->holds_due++;
        break;
    case WEIR_COMMAND_CLOSE:
    case WEIR_COMMAND_DROP:
        slot->state = WEIR_SLOT_LEAVING;
        slot->replies_due++;
        slot->drop_sent = command == WEIR_COMMAND_DROP;
        break;
    }
}

static void post_to_worker(weir_application *application, size_t index, weir_task_command command)
{
    weir_slot *slot = &application->slots[index];
    if (slot->state == WEIR_SLOT_NONE) {
        slot->worker = choose_worker(application, slot);
        slot->drop_sent = false;
        if (slot->worker == SIZE_MAX) {
            slot->worker = 0;
            return;
        }
    }
    weir_error err = {0};
    weir_status status =
        weir_stream_thread_post(application->workers[slot->worker].thread, command, index, &err);
    if (status == WEIR_OK) { /* Else the mailbox is full: with the next step. */
        note_command(slot, command);
    }
}

/* To the last commit, and not a step further. */
static void stop(weir_application *application, size_t index)
{
    weir_slot *slot = &application->slots[index];
    slot->moves = false;
    if (slot->state == WEIR_SLOT_LEAVING) {
        if (!slot->drop_sent) {
            post_to_worker(application, index, WEIR_COMMAND_DROP);
        }
    } else if (slot->state != WEIR_SLOT_HELD) {
        post_to_worker(application, index, WEIR_COMMAND_HOLD);
    }
}

static bool is_on_its_way(const weir_slot *slot)
{
    return slot->state == WEIR_SLOT_LEAVING || slot->holds_due > 0;
}

static bool works(const weir_slot *slot)
{
    return slot->state == WEIR_SLOT_OPENING || slot->state == WEIR_SLOT_RUNNING;
}

static void run(weir_application *application, size_t index)
{
    weir_slot *slot = &application->slots[index];
    if (slot->reopens && !slot->moves && slot->state == WEIR_SLOT_RUNNING) {
        slot->moves = true;
        slot->target = slot->worker;
    }
    if (slot->moves && slot->state == WEIR_SLOT_RUNNING) {
        post_to_worker(application, index, WEIR_COMMAND_CLOSE);
    } else if (!works(slot)) {
        post_to_worker(application, index, WEIR_COMMAND_OPEN);
    }
}

static void follow(weir_application *application, size_t index)
{
    weir_slot *slot = &application->slots[index];
    slot->moves = false;
    if (slot->state != WEIR_SLOT_STANDBY) {
        post_to_worker(application, index, WEIR_COMMAND_STANDBY);
    }
}

static void leave(weir_application *application, size_t index)
{
    application->slots[index].moves = false;
    if (application->slots[index].state != WEIR_SLOT_NONE) {
        post_to_worker(application, index, WEIR_COMMAND_CLOSE);
    }
}

/* Not to run it, and else to leave it alone. */
static void keep(weir_application *application, size_t index)
{
    const weir_slot *slot = &application->slots[index];
    if (works(slot) && slot->stateful) {
        follow(application, index);
    } else if (works(slot)) {
        leave(application, index);
    }
}

static void drive_slot(weir_application *application, size_t index, bool closing)
{
    weir_slot *slot = &application->slots[index];
    weir_worker_state worker = state_of(application, slot->worker);
    if (slot->state != WEIR_SLOT_NONE && worker == WEIR_WORKER_FAILED) {
        forget_task(slot);
    }
    slot->must_stop = slot->must_stop && slot->active;
    if (slot->must_stop) {
        stop(application, index);
        return;
    }
    if (is_on_its_way(slot)) {
        return;
    }
    bool has_to_leave = slot->state != WEIR_SLOT_NONE && worker == WEIR_WORKER_LEAVES;
    switch (closing || has_to_leave ? WEIR_PLACE_NONE : slot->role) {
    case WEIR_PLACE_NONE:
        leave(application, index);
        break;
    case WEIR_PLACE_KEEP:
        keep(application, index);
        break;
    case WEIR_PLACE_STANDBY:
        follow(application, index);
        break;
    case WEIR_PLACE_RUN:
        run(application, index);
        break;
    }
}

/* A task is where it shall be: it runs, here or where it was granted to, or is nothing to us. */
static bool is_settled(const weir_slot *slot)
{
    if (slot->role == WEIR_PLACE_RUN) {
        return slot->state == WEIR_SLOT_RUNNING || slot->moves;
    }
    return !slot->active && (!slot->owned || slot->granted);
}

weir_slot_counts weir_slots_drive(weir_application *application, bool closing)
{
    weir_slot_counts counts = {0};
    pthread_mutex_lock(&application->lock);
    for (size_t i = 0; i < application->plan->task_count; i++) {
        drive_slot(application, i, closing);
        const weir_slot *slot = &application->slots[i];
        counts.held += slot->state != WEIR_SLOT_NONE ? 1 : 0;
        counts.stopping += slot->must_stop ? 1 : 0;
        counts.revoked += slot->revoked && slot->active ? 1 : 0;
        counts.unsettled += is_settled(slot) ? 0 : 1;
    }
    pthread_mutex_unlock(&application->lock);
    return counts;
}
