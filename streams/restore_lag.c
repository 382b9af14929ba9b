/* SPDX-License-Identifier: Apache-2.0
 *
 * restore_lag.c - how far stores are behind their changelogs.
 */
#include "streams/restore_internal.h"

typedef struct weir_restoring changelog;

int64_t weir_restorer_behind(weir_restorer *restorer, const changelog *log)
{
    if (!log->follows) {
        return log->end > log->position ? log->end - log->position : 0;
    }
    if (log->limit != INT64_MAX) {
        return log->limit > log->position ? log->limit - log->position : 0;
    }
    int64_t lag = 0;
    weir_status status = weir_consumer_lag(restorer->consumer, log->partition, &lag);
    return status == WEIR_OK ? lag : WEIR_LAG_UNKNOWN;
}

bool weir_restorer_is_level(weir_restorer *restorer, const weir_task *task)
{
    for (size_t i = 0; i < task->store_count; i++) {
        const changelog *log = task->stores[i].restoring;
        if (log != NULL && (log->batch_count > 0 || weir_restorer_behind(restorer, log) != 0)) {
            return false;
        }
    }
    return task->phase == WEIR_TASK_STANDBY;
}

/* A store's position when nothing reads its changelog; -1: not known. */
static int64_t position_at_rest(const weir_task_store *store)
{
    int64_t position = store->changelog_offset;
    if (position < 0 &&
        weir_task_state_position(store->task->state, store->label, &position, NULL) != WEIR_OK) {
        return -1;
    }
    return position;
}

/* Looks where a changelog stands now, and whether its store has all of it. */
static void look_at(weir_restorer *restorer, changelog *log)
{
    log->position = weir_consumer_position(restorer->consumer, log->partition);
    if (log->follows && log->batch_count == 0 && weir_restorer_behind(restorer, log) == 0) {
        log->level_ms = log->limit == INT64_MAX ? restorer->now_ms : log->look_ms;
    }
}

/* The store lacks what was read and is not stored, too. */
weir_store_lag weir_restorer_store_lag(weir_restorer *restorer, weir_task *task, const char *name)
{
    const weir_task_store *store = weir_task_store_named(task, name);
    changelog *log = store->restoring;
    int64_t stored = position_at_rest(store);
    if (log == NULL) {
        bool is_done = task->phase == WEIR_TASK_RESTORING && store->changelog != NULL;
        return (weir_store_lag){is_done ? 0 : WEIR_LAG_UNKNOWN, WEIR_LAG_UNKNOWN, stored};
    }
    look_at(restorer, log);
    stored = stored < 0 ? log->earliest : stored;
    int64_t reached = log->batch_count == 0 ? log->position : stored; /* Past markers. */
    int64_t unread = weir_restorer_behind(restorer, log);
    return (weir_store_lag){
        .records = unread < 0 ? WEIR_LAG_UNKNOWN : unread + log->position - reached,
        .ms = log->level_ms < 0 ? WEIR_LAG_UNKNOWN : restorer->now_ms - log->level_ms,
        .reached = reached,
    };
}

weir_restore_lag weir_restorer_lag(weir_restorer *restorer, const weir_task *task)
{
    weir_restore_lag sum = {0};
    for (size_t i = 0; i < task->store_count; i++) {
        const weir_task_store *store = &task->stores[i];
        if (store->changelog == NULL) {
            continue;
        }
        changelog *log = store->restoring;
        if (log != NULL) {
            look_at(restorer, log);
        }
        int64_t lag = log == NULL ? 0 : weir_restorer_behind(restorer, log);
        int64_t position = log == NULL ? position_at_rest(store) : log->position;
        sum.behind = lag < 0 || sum.behind < 0 ? WEIR_LAG_UNKNOWN : sum.behind + lag;
        sum.position = position < 0 || sum.position < 0 ? -1 : sum.position + position;
    }
    return sum;
}

int64_t weir_restorer_missing(const weir_task *task)
{
    int64_t missing = 0;
    for (size_t i = 0; i < task->store_count; i++) {
        const weir_task_store *store = &task->stores[i];
        if (store->changelog == NULL || !store->is_on_disk) {
            continue;
        }
        int64_t position = position_at_rest(store);
        position = position < store->changelog_first ? store->changelog_first : position;
        missing += store->changelog_end > position ? store->changelog_end - position : 0;
    }
    return missing;
}
