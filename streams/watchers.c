/* SPDX-License-Identifier: Apache-2.0
 *
 * watchers.c - the changes of a worker's stores on their way to a commit, one list a subscription.
 *
 * A change is noted before the store has it, since only then its old value is at hand; the write
 * may fail, and then its commit fails. What is gathered goes with the commit of its task, or with
 * its rollback. Where more is gathered than the subscription allows, a partition drops its own, and
 * its commit says that they were missed.
 */
#include "streams/watchers.h"

#include "statestore/session_store.h"

#include <stdlib.h>

/* Of one partition: heads and bytes of changes that are not committed. */
typedef struct gathered {
    weir_buf changes;
    bool is_over; /* It has dropped them. */
} gathered;

struct weir_watcher {
    weir_watcher *next;
    weir_subscription *subscription;
    gathered *partitions;
    size_t bytes; /* Of all of them. */
};

static void drop(weir_watcher *watcher, gathered *of)
{
    watcher->bytes -= of->changes.size;
    weir_buf_cleanup(&of->changes);
    of->is_over = false;
}

static void free_watcher(weir_watcher *watcher)
{
    for (size_t i = 0; i < weir_subscription_partitions(watcher->subscription); i++) {
        drop(watcher, &watcher->partitions[i]);
    }
    weir_subscription_release(watcher->subscription);
    free(watcher->partitions);
    free(watcher);
}

/* The task's store that is watched; NULL: it is another task's. */
static const weir_task_store *watched_store(const weir_watcher *watcher, const weir_task *task)
{
    size_t index = weir_subscription_store(watcher->subscription);
    for (size_t i = 0; i < task->store_count; i++) {
        if (task->stores[i].index == index) {
            return &task->stores[i];
        }
    }
    return NULL;
}

static void tell_started(const weir_watcher *watcher, const weir_task *task)
{
    const weir_task_store *store = watched_store(watcher, task);
    if (store != NULL && task->phase == WEIR_TASK_RUNNING) {
        weir_subscription_signal(watcher->subscription, task->planned->partition,
                                 store->changelog_offset, WEIR_CHANGE_STARTED);
    }
}

void weir_watchers_add(weir_task_environment *environment, weir_subscription *subscription,
                       weir_task *const *tasks, size_t task_count)
{
    weir_watcher *watcher = weir_alloc(sizeof(*watcher));
    watcher->subscription = subscription;
    watcher->partitions =
        weir_alloc_array(weir_subscription_partitions(subscription), sizeof(*watcher->partitions));
    watcher->next = environment->watchers;
    environment->watchers = watcher;
    for (size_t i = 0; i < task_count; i++) {
        tell_started(watcher, tasks[i]);
    }
}

void weir_watchers_remove(weir_task_environment *environment, const weir_subscription *subscription)
{
    for (weir_watcher **at = &environment->watchers; *at != NULL; at = &(*at)->next) {
        weir_watcher *watcher = *at;
        if (watcher->subscription == subscription) {
            *at = watcher->next;
            free_watcher(watcher);
            return;
        }
    }
}

void weir_watchers_free(weir_task_environment *environment)
{
    while (environment->watchers != NULL) {
        weir_watchers_remove(environment, environment->watchers->subscription);
    }
}

/* Takes the window off the key of a row that has one. */
static void find_window(const weir_task_store *store, weir_bytes *inout_key,
                        weir_change_head *out_head)
{
    weir_session session = {0};
    if (store->spec->options.kind == WEIR_STORE_WINDOW) {
        weir_window_key window = weir_window_key_of(*inout_key);
        *inout_key = window.key;
        out_head->window_start_ms = window.start_ms;
    } else if (store->spec->options.kind == WEIR_STORE_SESSION &&
               weir_session_of(*inout_key, &session)) {
        *inout_key = session.key;
        out_head->window_start_ms = session.start_ms;
        out_head->window_end_ms = session.end_ms;
    }
}

static void gather(weir_watcher *watcher, gathered *to, weir_change_head head,
                   const weir_bytes parts[3])
{
    size_t bytes = sizeof(head) + parts[0].size + parts[1].size + parts[2].size;
    if (to->is_over) {
        return;
    }
    if (watcher->bytes + bytes > weir_subscription_bytes_max(watcher->subscription)) {
        drop(watcher, to);
        to->is_over = true;
        return;
    }
    head.key_size = parts[0].size;
    head.value_size = parts[1].size;
    head.has_value = parts[1].data != NULL;
    head.old_size = parts[2].size;
    head.has_old = parts[2].data != NULL;
    weir_buf_append(&to->changes, &head, sizeof(head));
    for (size_t i = 0; i < 3; i++) {
        weir_buf_append(&to->changes, parts[i].data, parts[i].size);
    }
    watcher->bytes += bytes;
}

/* The value of a row before the write, as operators see it; null: there is none. */
static weir_status find_old(weir_task_store *store, weir_bytes key, const weir_bytes *old,
                            weir_buf *read, weir_bytes *out_value, weir_error *err)
{
    weir_record before = {0};
    if (store->spec->options.kind == WEIR_STORE_VERSIONED) {
        return WEIR_OK; /* Each version is a row of its own. */
    }
    if (old == NULL) {
        weir_status status = weir_kv_get(store->inner, key, read, err);
        if (status != WEIR_OK) {
            return status == WEIR_NOT_FOUND ? WEIR_OK : status;
        }
    }
    weir_bytes row = old == NULL ? weir_buf_bytes(read) : *old;
    WEIR_TRY(weir_task_store_record(store, key, row, &before, err));
    *out_value = before.value;
    return WEIR_OK;
}

weir_status weir_watchers_gather(weir_task_store *store, weir_bytes key, weir_bytes value,
                                 const weir_bytes *old, weir_error *err)
{
    weir_task *task = store->task;
    WEIR_AUTO(weir_buf) read = {0};
    weir_record row = {.timestamp_ms = task->current.timestamp_ms};
    WEIR_TRY(weir_task_store_record(store, key, value, &row, err));
    weir_change_head head = {row.timestamp_ms, .window_start_ms = -1, .window_end_ms = -1};
    find_window(store, &row.key, &head);
    weir_bytes old_value = WEIR_BYTES_NULL;
    bool found_old = false;
    for (weir_watcher *at = task->environment->watchers; at != NULL; at = at->next) {
        if (weir_subscription_store(at->subscription) != store->index ||
            !weir_subscription_wants(at->subscription, row.key)) {
            continue;
        }
        bool wants_old = weir_subscription_wants_old(at->subscription);
        if (wants_old && !found_old) {
            WEIR_TRY(find_old(store, key, old, &read, &old_value, err));
            found_old = true;
        }
        const weir_bytes parts[] = {row.key, row.value, wants_old ? old_value : WEIR_BYTES_NULL};
        gather(at, &at->partitions[task->planned->partition], head, parts);
    }
    return WEIR_OK;
}

bool weir_watchers_want_old(const weir_task_store *store)
{
    bool wants_old = false;
    weir_watcher *at = store->task->environment->watchers;
    for (; at != NULL && !wants_old; at = at->next) {
        wants_old = weir_subscription_store(at->subscription) == store->index &&
                    weir_subscription_wants_old(at->subscription);
    }
    return wants_old;
}

void weir_watchers_task_started(weir_task *task)
{
    for (weir_watcher *at = task->environment->watchers; at != NULL; at = at->next) {
        tell_started(at, task);
    }
}

void weir_watchers_task_ended(weir_task *task)
{
    weir_watcher *at = task->phase == WEIR_TASK_RUNNING ? task->environment->watchers : NULL;
    for (; at != NULL; at = at->next) {
        if (watched_store(at, task) != NULL) {
            drop(at, &at->partitions[task->planned->partition]);
            weir_subscription_signal(at->subscription, task->planned->partition, -1,
                                     WEIR_CHANGE_ENDED);
        }
    }
}

static void commit(weir_watcher *watcher, int32_t partition, int64_t position)
{
    gathered *of = &watcher->partitions[partition];
    if (of->is_over) {
        weir_subscription_signal(watcher->subscription, partition, position, WEIR_CHANGE_MISSED);
    } else if (of->changes.size > 0) {
        weir_subscription_deliver(watcher->subscription, partition, position,
                                  weir_buf_bytes(&of->changes));
    }
    watcher->bytes -= of->changes.size;
    weir_buf_clear(&of->changes);
    of->is_over = false;
}

void weir_watchers_task_committed(weir_task *task)
{
    for (weir_watcher *at = task->environment->watchers; at != NULL; at = at->next) {
        const weir_task_store *store = watched_store(at, task);
        if (store != NULL) {
            commit(at, task->planned->partition, store->changelog_offset);
        }
    }
}
