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
#include "streams/store_index.h"
#include "streams/store_kinds.h"
#include "streams/store_position.h"
#include "streams/task_internal.h"
#include "streams/watchers.h"

#include "statestore/staged.h"
#include "streams/base/serde.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static weir_task_store *store_of(weir_kv *kv)
{
    return (weir_task_store *)(void *)kv;
}

weir_status weir_task_store_record(const weir_task_store *store, weir_bytes key, weir_bytes value,
                                   weir_record *out_record, weir_error *err)
{
    out_record->key = key;
    out_record->value = value;
    weir_versioned_value version = {0};
    if (store->spec->options.kind == WEIR_STORE_VERSIONED &&
        weir_versioned_of_row(key, value, &out_record->key, &version)) {
        out_record->timestamp_ms = version.from_ms;
        out_record->value = version.value;
    }
    if (store->spec->options.timestamped && value.data != NULL) {
        weir_timestamped entry = {0};
        WEIR_TRY(weir_timestamped_decode(value, &entry, err));
        out_record->timestamp_ms = entry.timestamp_ms;
        out_record->value = entry.value;
    }
    return WEIR_OK;
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
    };
    weir_header headers[2];
    if (store->term > 0) {
        headers[record.header_count++] = store->term_header;
    }
    if (store->spec->options.value_version > 0 && value.data != NULL) {
        headers[record.header_count++] =
            (weir_header){WEIR_BYTES("v"), weir_bytes_of(&store->spec->options.value_version, 1)};
    }
    record.headers = record.header_count == 0 ? NULL : headers;
    WEIR_TRY(weir_task_store_record(store, key, value, &record, err));
    WEIR_TRY(weir_collector_send(task->environment->collector, store->topic, &record, err));
    store->logged++;
    return WEIR_OK;
}

static weir_status store_get(weir_kv *kv, weir_bytes key, weir_buf *out_value, weir_error *err)
{
    weir_task_store *store = store_of(kv);
    weir_kv *inner = store->inner;
    weir_task_store_note_key(store, key);
    /* The front door has checked already. */
    weir_status status = inner->ops->get(inner, key, out_value, err);
    return status == WEIR_OK && store->cached != NULL
               ? weir_task_store_make_room(store, key, out_value->size, err)
               : status;
}

/* One entry more than the store is to have: that which was not used for longest goes. Kafka Streams
 * logs it, before the one that takes its place, where rows have no times; where they have, its
 * store below is hidden behind one that adds them. */
static weir_status remove_surplus(weir_task_store *store, weir_error *err)
{
    weir_bytes key = {0};
    if (!weir_staged_has_surplus(store->staged, &key)) {
        return WEIR_OK;
    }
    WEIR_TRY(weir_watchers_note(store, key, WEIR_BYTES_NULL, NULL, err));
    WEIR_TRY(store->inner->ops->remove(store->inner, key, err));
    return store->spec->options.timestamped ? WEIR_OK
                                            : weir_task_store_log(store, key, WEIR_BYTES_NULL, err);
}

static weir_status store_put(weir_kv *kv, weir_bytes key, weir_bytes value, weir_error *err)
{
    weir_task_store *store = store_of(kv);
    WEIR_TRY(weir_task_store_index(store, key, true, err));
    if (store->cached != NULL) {
        return weir_task_store_hold(store, key, value, err);
    }
    WEIR_TRY(weir_watchers_note(store, key, value, NULL, err));
    WEIR_TRY(store->inner->ops->put(store->inner, key, value, err));
    WEIR_TRY(remove_surplus(store, err));
    return weir_task_store_log(store, key, value, err);
}

/* The changelog forgets by itself, with time. */
static weir_status expire_row(weir_task_store *store, weir_bytes key, weir_error *err)
{
    bool is_held = store->cached != NULL && weir_staged_holds(store->cached, key);
    if (is_held || !weir_task_store_is_released(store, key)) {
        return WEIR_OK; /* It goes with a later pass, when its last value has been told. */
    }
    return store->inner->ops->remove(store->inner, key, err);
}

static weir_status store_remove(weir_kv *kv, weir_bytes key, weir_error *err)
{
    weir_task_store *store = store_of(kv);
    if (store->is_expiring) {
        return expire_row(store, key, err);
    }
    WEIR_TRY(weir_task_store_index(store, key, false, err));
    if (store->cached != NULL) {
        return weir_task_store_hold(store, key, WEIR_BYTES_NULL, err);
    }
    WEIR_TRY(weir_watchers_note(store, key, WEIR_BYTES_NULL, NULL, err));
    WEIR_TRY(store->inner->ops->remove(store->inner, key, err));
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

static weir_status store_scan_slice(weir_kv *kv, weir_kv_scan *scan, size_t slice_max,
                                    weir_error *err)
{
    return weir_kv_scan_slice(store_of(kv)->inner, scan, slice_max, err);
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
    .scan_slice = store_scan_slice,
};

/* Where no bytes are to be held there is no cache, as in Kafka Streams: a cache does not log the
 * removal of what was not there, a store does. */
static void open_cache(weir_task_store *store)
{
    if (store->spec->options.caching_enabled && store->task->environment->cache.bytes_max > 0) {
        store->cached = weir_task_state_use_cache(store->task->state, store->kv.name,
                                                  &store->task->environment->cache);
    }
}

int64_t weir_task_store_kept(const weir_task_store *store, const char *label, int64_t otherwise)
{
    int64_t number = otherwise;
    weir_status status = weir_task_state_position(store->task->state, label, &number, NULL);
    return status == WEIR_OK ? number : otherwise;
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
        .outdated_from = -1,
        .observed = {.ms = -1},
    };
    weir_store_engine engine =
        environment->database == NULL ? WEIR_ENGINE_MEMORY : spec->options.engine;
    WEIR_TRY(
        weir_task_state_add_store(task->state, spec->options.name, engine, &store->inner, err));
    store->staged = weir_task_state_staged(task->state, spec->options.name);
    weir_staged_use_times(store->staged, weir_store_key_time(spec->options.kind));
    store->is_on_disk = engine == WEIR_ENGINE_ROCKSDB;
    if (spec->options.entries_max > 0) {
        weir_staged_bound(store->staged, (size_t)spec->options.entries_max);
    }
    weir_task_store_measure_iterators(store);
    open_cache(store);
    WEIR_TRY(weir_task_store_open_index(store, engine, err));
    if (store->changelog == NULL) {
        return WEIR_OK;
    }
    store->label = weir_plan_position_label(environment->plan, index, task->planned->partition);
    int32_t partition_count = 0;
    store->term_label = weir_format("%s#term", store->label);
    store->term_header = (weir_header){WEIR_BYTES(WEIR_TERM_HEADER),
                                       weir_bytes_of(store->term_bytes, WEIR_TERM_BYTES)};
    store->outdated = weir_map_new();
    store->time_label = weir_format("%s#time", store->label);
    store->level_label = weir_format("%s#level", store->label);
    store->term_seen = weir_task_store_kept(store, store->term_label, 0);
    store->observed.ms = weir_task_store_kept(store, store->time_label, -1);
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
        weir_expiry_cleanup(&task->stores[i].expiry);
        weir_map_free(task->stores[i].outdated);
        weir_task_store_close_index(&task->stores[i]);
        weir_store_look_free(task->stores[i].look);
        free(task->stores[i].term_label);
        free(task->stores[i].time_label);
        free(task->stores[i].level_label);
        free(task->stores[i].label);
    }
    free(task->stores);
    task->stores = NULL;
    task->store_count = 0;
    weir_task_state_free(weir_take(&task->state));
}

/* A record in time: it hides what came too late. */
static void take_over(weir_task_store *store, weir_bytes key)
{
    if (store->outdated_from >= 0) {
        (void)weir_map_remove(store->outdated, key);
        store->outdated_from = weir_map_count(store->outdated) == 0 ? -1 : store->outdated_from;
    }
}

bool weir_task_store_takes(weir_task_store *store, const weir_record *record, int64_t *term_seen)
{
    enum { OUTDATED_KEYS_MAX = 100000 };
    int64_t term = record->header_count == 0 ? 0 : weir_term_of(record);
    if (term == 0 || term >= *term_seen) {
        *term_seen = term == 0 ? *term_seen : term;
        take_over(store, record->key);
        return true;
    }
    store->outdated_from = store->outdated_from < 0 ? record->offset : store->outdated_from;
    if (weir_map_count(store->outdated) < OUTDATED_KEYS_MAX) {
        (void)weir_map_put(store->outdated, record->key, store);
    }
    return false;
}

void weir_task_forget_outdated(weir_task_store *store)
{
    store->outdated_from = -1;
    if (store->outdated != NULL && weir_map_count(store->outdated) > 0) {
        weir_map_free(store->outdated);
        store->outdated = weir_map_new();
    }
}

static weir_status log_outdated(weir_task_store *store, weir_error *err)
{
    WEIR_AUTO(weir_buf) value = {0};
    size_t index = 0;
    weir_bytes key;
    void *unused;
    while (weir_map_next(store->outdated, &index, &key, &unused)) {
        weir_status status = weir_kv_get(store->inner, key, &value, err);
        if (status != WEIR_OK && status != WEIR_NOT_FOUND) {
            return status;
        }
        WEIR_TRY(weir_task_store_log(
            store, key, status == WEIR_OK ? weir_buf_bytes(&value) : WEIR_BYTES_NULL, err));
    }
    return WEIR_OK;
}

static bool has_terms(const weir_task *task, const weir_task_store *store)
{
    return store->changelog != NULL && store->spec->options.kind != WEIR_STORE_VERSIONED &&
           task->environment->config->processing_guarantee == WEIR_AT_LEAST_ONCE;
}

bool weir_task_doubts_generation(const weir_task *task)
{
    for (size_t i = 0; i < task->store_count; i++) {
        const weir_task_store *store = &task->stores[i];
        if (has_terms(task, store) && weir_term_is_before(task->generation, store->term_seen)) {
            return true;
        }
    }
    return false;
}

weir_status weir_task_begin_terms(weir_task *task, weir_error *err)
{
    const weir_task_current outer = task->current;
    if (task->current.timestamp_ms < 0) {
        task->current.timestamp_ms = task->environment->now_ms; /* No stream time yet. */
    }
    for (size_t i = 0; i < task->store_count; i++) {
        weir_task_store *store = &task->stores[i];
        if (store->changelog == NULL) {
            continue;
        }
        store->looked_ms = task->environment->now_ms;
        store->term =
            has_terms(task, store) ? weir_term_next(store->term_seen, task->generation) : 0;
        weir_put_u64_be(store->term_bytes, (uint64_t)store->term);
        WEIR_TRY(log_outdated(store, err));
    }
    task->current = outer;
    return WEIR_OK;
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
