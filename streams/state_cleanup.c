/* SPDX-License-Identifier: Apache-2.0
 *
 * state_cleanup.c - a slot that is NONE has no worker, and gets one from this very thread alone: so
 * nobody opens the state while it is removed here. Snapshots that others read go on, for they have
 * the database as it was.
 *
 * A task without positions has nothing on disk, and its stores are not opened: that would make
 * families of the database for nothing.
 */
#include "streams/state_cleanup.h"

#include "streams/application_internal.h"
#include "streams/base/logging.h"
#include "streams/topology_internal.h"

#include <inttypes.h>
#include <stdlib.h>

enum { LOOK_INTERVAL_MS = 1000, IN_USE = -1 };

struct weir_state_cleanup {
    int64_t last_look_ms;
    size_t task_count;
    int64_t *unused_since_ms; /* By task; IN_USE: a worker has it. */
    bool *is_clean;           /* By task: since it was let go of. */
};

weir_state_cleanup *weir_state_cleanup_new(size_t task_count)
{
    weir_state_cleanup *cleanup = weir_alloc(sizeof(*cleanup));
    cleanup->task_count = task_count;
    cleanup->unused_since_ms = weir_alloc_array(task_count, sizeof(*cleanup->unused_since_ms));
    cleanup->is_clean = weir_alloc_array(task_count, sizeof(*cleanup->is_clean));
    for (size_t i = 0; i < task_count; i++) {
        cleanup->unused_since_ms[i] = IN_USE;
    }
    return cleanup;
}

void weir_state_cleanup_free(weir_state_cleanup *cleanup)
{
    if (cleanup != NULL) {
        free(cleanup->unused_since_ms);
        free(cleanup->is_clean);
        free(cleanup);
    }
}

static bool is_on_disk(const weir_topology_store *store)
{
    return store->options.engine == WEIR_ENGINE_ROCKSDB;
}

/* Stores without a changelog have no position: they may have something. */
static bool may_have_state(const weir_plan *plan, const weir_planned_task *task,
                           weir_task_state *state)
{
    const weir_indices *stores = &plan->topology->subtopologies[task->subtopology].stores;
    for (size_t i = 0; i < stores->count; i++) {
        const weir_topology_store *store = &plan->topology->stores[stores->items[i]];
        if (!is_on_disk(store)) {
            continue;
        }
        WEIR_AUTO_FREE char *label =
            weir_plan_position_label(plan, stores->items[i], task->partition);
        int64_t position = 0;
        if (label == NULL || weir_task_state_position(state, label, &position, NULL) == WEIR_OK) {
            return true;
        }
    }
    return false;
}

static weir_status remove_state(const weir_application *application, const weir_planned_task *task,
                                bool *out_removed, weir_error *err)
{
    const weir_plan *plan = application->plan;
    const weir_indices *stores = &plan->topology->subtopologies[task->subtopology].stores;
    WEIR_AUTO_PTR(weir_task_state) state = NULL;
    WEIR_TRY(weir_task_state_new(application->options.database, plan->application_id,
                                 task->partition, &state, err));
    *out_removed = may_have_state(plan, task, state);
    for (size_t i = 0; *out_removed && i < stores->count; i++) {
        const weir_topology_store *store = &plan->topology->stores[stores->items[i]];
        weir_kv *unused = NULL;
        if (is_on_disk(store)) {
            WEIR_TRY(weir_task_state_add_store(state, store->options.name, WEIR_ENGINE_ROCKSDB,
                                               &unused, err));
        }
    }
    return *out_removed ? weir_task_state_wipe(state, err) : WEIR_OK;
}

static void clean(weir_state_cleanup *cleanup, const weir_application *application, size_t index,
                  int64_t now_ms)
{
    const weir_planned_task *task = &application->plan->tasks[index];
    const weir_log_place place = {.task = task->id};
    bool removed = false;
    weir_error err = {0};
    weir_status status = remove_state(application, task, &removed, &err);
    cleanup->is_clean[index] = status == WEIR_OK;
    cleanup->unused_since_ms[index] = now_ms;
    if (status != WEIR_OK) {
        WEIR_LOG(WEIR_LOG_WARN, &place, "state that nobody uses was not removed: %s", err.message);
    } else if (removed) {
        WEIR_LOG(WEIR_LOG_INFO, &place, "its state is removed: it has long been elsewhere");
    }
}

/* Notes which tasks are in use; the first of those that are due, or task_count. */
static size_t find_due(weir_state_cleanup *cleanup, weir_application *application, int64_t now_ms)
{
    const int64_t delay_ms = application->options.config->state_cleanup_delay_ms;
    size_t due = cleanup->task_count;
    pthread_mutex_lock(&application->lock);
    for (size_t i = cleanup->task_count; i-- > 0;) {
        int64_t *since_ms = &cleanup->unused_since_ms[i];
        if (application->slots[i].state != WEIR_SLOT_NONE) {
            *since_ms = IN_USE;
            cleanup->is_clean[i] = false;
            continue;
        }
        *since_ms = *since_ms == IN_USE ? now_ms : *since_ms;
        due = !cleanup->is_clean[i] && now_ms - *since_ms >= delay_ms ? i : due;
    }
    pthread_mutex_unlock(&application->lock);
    return due;
}

void weir_state_cleanup_look(weir_state_cleanup *cleanup, weir_application *application,
                             int64_t now_ms)
{
    if (application->options.database == NULL ||
        now_ms - cleanup->last_look_ms < LOOK_INTERVAL_MS) {
        return;
    }
    size_t due = find_due(cleanup, application, now_ms);
    if (due < cleanup->task_count) {
        clean(cleanup, application, due, now_ms); /* The next one with the next step. */
    } else {
        cleanup->last_look_ms = now_ms;
    }
}
