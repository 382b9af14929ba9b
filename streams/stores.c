/* SPDX-License-Identifier: Apache-2.0
 *
 * stores.c - opens the stores of a task and puts a changelog in front of each.
 *
 *   processor ──put──▶ here ──▶ staged view (task_state.h)
 *                        └────▶ collector ──▶ changelog, partition of the task
 *
 * A store with a cache goes through store_cache.c, which logs later.
 *
 * The store is written first, since it checks the limits of keys and values; both are undone by the
 * abort of the commit that they belong to.
 */
#include "streams/task_internal.h"

#include "statestore/staged.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static weir_task_store *store_of(weir_kv *kv)
{
    return (weir_task_store *)(void *)kv;
}

weir_status weir_task_store_log(weir_task_store *store, weir_bytes key, weir_bytes value,
                                weir_error *err)
{
    weir_task *task = store->task;
    task->effects++;
    task->commit_needed = true;
    if (store->changelog == NULL) {
        return WEIR_OK;
    }
    store->dirty = true;
    task->logged += store->is_on_disk ? 1 : 0;
    if (store->spec->options.changelog_is_source) {
        return WEIR_OK; /* It was read from there. */
    }
    weir_record record = {
        .partition = task->planned->partition,
        .timestamp_ms = task->current.timestamp_ms,
        .key = key,
        .value = value,
    };
    if (store->spec->options.timestamped && value.data != NULL) {
        weir_timestamped entry = {0};
        WEIR_TRY(weir_timestamped_decode(value, &entry, err));
        record.timestamp_ms = entry.timestamp_ms;
        record.value = entry.value;
    }
    return weir_collector_send(task->environment->collector, store->topic, &record, err);
}

static weir_status store_get(weir_kv *kv, weir_bytes key, weir_buf *out_value, weir_error *err)
{
    weir_task_store *store = store_of(kv);
    weir_kv *inner = store->inner;
    /* The front door has checked already. */
    weir_status status = inner->ops->get(inner, key, out_value, err);
    return status == WEIR_OK && store->cached != NULL
               ? weir_task_store_make_room(store, key, out_value->size, err)
               : status;
}

static weir_status store_put(weir_kv *kv, weir_bytes key, weir_bytes value, weir_error *err)
{
    weir_task_store *store = store_of(kv);
    if (store->cached != NULL) {
        return weir_task_store_hold(store, key, value, err);
    }
    WEIR_TRY(store->inner->ops->put(store->inner, key, value, err));
    return weir_task_store_log(store, key, value, err);
}

static weir_status store_remove(weir_kv *kv, weir_bytes key, weir_error *err)
{
    weir_task_store *store = store_of(kv);
    if (store->cached != NULL && !store->is_expiring) {
        return weir_task_store_hold(store, key, WEIR_BYTES_NULL, err);
    }
    if (store->cached != NULL && weir_staged_holds(store->cached, key)) {
        return WEIR_OK; /* It goes with a later pass, when its last value has been told. */
    }
    WEIR_TRY(store->inner->ops->remove(store->inner, key, err));
    if (store->is_expiring) {
        return WEIR_OK; /* The changelog forgets by itself, with time. */
    }
    return weir_task_store_log(store, key, WEIR_BYTES_NULL, err);
}

static weir_status store_range(weir_kv *kv, weir_bytes from, weir_bytes to, bool backwards,
                               weir_kv_iterator **out_iterator, weir_error *err)
{
    return weir_kv_range(store_of(kv)->inner, from, to, backwards, out_iterator, err);
}

static uint64_t store_approximate_count(weir_kv *kv)
{
    return weir_kv_approximate_count(store_of(kv)->inner);
}

static void store_free(weir_kv *kv)
{
    (void)kv; /* The task frees it. */
}

static const weir_kv_ops store_ops = {
    .get = store_get,
    .put = store_put,
    .remove = store_remove,
    .range = store_range,
    .approximate_count = store_approximate_count,
    .free = store_free,
};

/* A cache of no bytes is one still: it lets go of each write at once. */
static void open_cache(weir_task_store *store)
{
    if (store->spec->options.caching_enabled) {
        store->cached = weir_task_state_use_cache(store->task->state, store->kv.name,
                                                  &store->task->environment->cache);
    }
}

static weir_status open_store(weir_task *task, weir_task_store *store, size_t index,
                              weir_error *err)
{
    const weir_task_environment *environment = task->environment;
    const weir_topology_store *spec = &environment->plan->topology->stores[index];
    *store = (weir_task_store){
        .kv = {.ops = &store_ops, .name = spec->options.name},
        .task = task,
        .spec = spec,
        .index = index,
        .changelog = environment->plan->changelog_topics[index],
        .changelog_offset = -1,
    };
    weir_store_engine engine =
        environment->database == NULL ? WEIR_ENGINE_MEMORY : spec->options.engine;
    WEIR_TRY(
        weir_task_state_add_store(task->state, spec->options.name, engine, &store->inner, err));
    store->is_on_disk = engine == WEIR_ENGINE_ROCKSDB;
    open_cache(store);
    if (store->changelog == NULL) {
        return WEIR_OK;
    }
    store->label = weir_format("%s:%s-%" PRId32, spec->options.name, store->changelog,
                               task->planned->partition);
    int32_t partition_count = 0;
    WEIR_TRY(weir_collector_topic(environment->collector, store->changelog, &store->topic,
                                  &partition_count, err));
    if (task->planned->partition >= partition_count) {
        return weir_error_set(err, WEIR_INVALID,
                              "changelog %s has %" PRId32
                              " partitions, the task needs number %" PRId32
                              ": give it as many as its store has tasks",
                              store->changelog, partition_count, task->planned->partition);
    }
    return WEIR_OK;
}

weir_status weir_task_open_stores(weir_task *task, weir_error *err)
{
    const weir_indices *indices = &task->subtopology->stores;
    WEIR_TRY(weir_task_state_new(task->environment->database,
                                 task->environment->plan->application_id, task->planned->partition,
                                 &task->state, err));
    task->stores = weir_alloc_array(indices->count, sizeof(*task->stores));
    for (size_t i = 0; i < indices->count; i++) {
        task->store_count = i + 1;
        WEIR_TRY(open_store(task, &task->stores[i], indices->items[i], err));
    }
    return WEIR_OK;
}

void weir_task_close_stores(weir_task *task)
{
    for (size_t i = 0; i < task->store_count; i++) {
        free(task->stores[i].label);
    }
    free(task->stores);
    task->stores = NULL;
    task->store_count = 0;
    weir_task_state_free(weir_take(&task->state));
}

weir_task_store *weir_task_store_named(weir_task *task, const char *name)
{
    for (size_t i = 0; i < task->store_count; i++) {
        if (strcmp(task->stores[i].spec->options.name, name) == 0) {
            return &task->stores[i];
        }
    }
    return NULL;
}
