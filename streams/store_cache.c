/* SPDX-License-Identifier: Apache-2.0
 *
 * store_cache.c - stores that hold writes back (Kafka Streams' record cache).
 *
 *   put ──▶ staged, held back ── commit, or the budget is full ──▶ changelog ──▶ listener ──▶ …
 *
 * What a held write counts for is what Kafka Streams says of its Java objects, so that the same
 * input leads to the same outputs at the same statestore.cache.max.bytes. What is read and not
 * written takes no room here (it is in the staged maps or in RocksDB anyway): where several stores
 * share a budget each has more of it. docs/decisions/ has the reasons.
 *
 * A listener runs at a commit, or in the middle of a record that found the cache full. It sees the
 * timestamp and the headers of the write, not those of that record, and has an arena of its own.
 */
#include "streams/record_copy.h"
#include "streams/task_internal.h"
#include "streams/watchers.h"

#include "statestore/staged.h"

#include <stdlib.h>

enum {
    CACHE_NODE_BYTES = 24,   /* Three references. */
    CACHE_ENTRY_BYTES = 1,   /* Whether it is dirty. */
    CACHE_ORIGIN_BYTES = 20, /* Timestamp, offset, partition. */
    CACHE_SEGMENT_BYTES = 8, /* In front of a key with a window. */
};

static size_t header_bytes(const weir_record *record)
{
    size_t bytes = 0;
    for (size_t i = 0; record != NULL && i < record->header_count; i++) {
        bytes += record->headers[i].key.size + record->headers[i].value.size;
    }
    return bytes;
}

/* What a value counts for that was only read. */
static size_t clean_bytes(const weir_task_store *store, weir_bytes key, size_t value_bytes)
{
    bool has_window = store->spec->options.kind == WEIR_STORE_WINDOW ||
                      store->spec->options.kind == WEIR_STORE_SESSION;
    return key.size + (has_window ? CACHE_SEGMENT_BYTES : 0) + value_bytes + CACHE_NODE_BYTES +
           CACHE_ENTRY_BYTES + CACHE_ORIGIN_BYTES;
}

/* The record that the current node has, for its headers; NULL in a punctuation. */
static const weir_record *node_record(const weir_task *task)
{
    return task->current.node == NULL ? NULL : task->current.node->record;
}

static weir_held_origin origin_of(const weir_task_store *store, weir_bytes key, weir_bytes value)
{
    const weir_task *task = store->task;
    const weir_record *record = node_record(task);
    const weir_task_input *input = task->current.input;
    weir_held_origin origin = {
        .timestamp_ms = task->current.timestamp_ms,
        .bytes = clean_bytes(store, key, value.size) + header_bytes(record) +
                 (input == NULL ? 0 : input->topic_bytes),
    };
    if (record != NULL && (record->header_count > 0 || store->keeps_places)) {
        weir_record kept = {.headers = record->headers, .header_count = record->header_count};
        if (store->keeps_places) {
            kept.topic = record->topic;
            kept.partition = record->partition;
            kept.offset = record->offset;
        }
        origin.owned_source = weir_record_copy(&kept, NULL);
    }
    return origin;
}

/* Letting go. */

static weir_status call_listener(weir_task_store *store, const weir_held_write *write,
                                 weir_error *err)
{
    const weir_record *source = write->source; /* Headers, and the place where asked for. */
    weir_flushed flushed = {
        .key = write->key,
        .window_start_ms = -1,
        .value = write->value,
        .old_value = store->sends_old_values ? write->old : WEIR_BYTES_NULL,
        .timestamp_ms = write->timestamp_ms,
        .headers = source == NULL ? NULL : source->headers,
        .header_count = source == NULL ? 0 : source->header_count,
    };
    if (store->keeps_places && source != NULL) {
        flushed.topic = source->topic;
        flushed.partition = source->partition;
        flushed.offset = source->offset;
    }
    if (store->spec->options.kind == WEIR_STORE_WINDOW) {
        weir_window_key window = weir_window_key_of(write->key);
        flushed.key = window.key;
        flushed.window_start_ms = window.start_ms;
    }
    weir_context *context = store->listening->context;
    weir_processor *acting = weir_context_act(context, store->listening);
    weir_status status = store->listener(store->listening, &flushed, err);
    (void)weir_context_act(context, acting);
    return status;
}

/* A refusal concerns the forwarding of one entry, in no record: it is a punctuation's. */
static weir_status tell_listener(weir_task_store *store, const weir_held_write *write,
                                 weir_error *err)
{
    weir_task *task = store->task;
    weir_refused refused = {.stage = WEIR_STAGE_PROCESSING};
    do {
        task->current.node = store->listening->context;
        refused.effects = task->effects;
        refused.attempt++;
        refused.again = false;
        weir_status status = call_listener(store, write, err);
        if (status != WEIR_OK) {
            WEIR_TRY(weir_task_handle_failure(task, &refused, status, err));
        }
    } while (refused.again);
    return WEIR_OK;
}

/* Not the removal of a session that the changelog forgets by itself: that is told to nobody. */
static bool is_told(weir_task_store *store, const weir_held_write *write)
{
    return store->spec->options.kind != WEIR_STORE_SESSION ||
           weir_session_store_let_go(store->meaning, write->key, write->value.data == NULL);
}

weir_arena *weir_task_enter_flush_arena(weir_task *task)
{
    weir_arena *outer = task->arena;
    task->arena = task->flush_arena;
    return outer;
}

void weir_task_leave_flush_arena(weir_task *task, weir_arena *outer)
{
    if (outer != task->flush_arena) {
        weir_arena_reset(task->flush_arena);
    }
    task->arena = outer;
}

static weir_status tell(void *user, const weir_held_write *write, weir_error *err)
{
    weir_task_store *store = user;
    if (!is_told(store, write)) {
        return WEIR_OK;
    }
    weir_task *task = store->task;
    const weir_task_current outer = task->current;
    task->current = (weir_task_current){.timestamp_ms = write->timestamp_ms, .node = outer.node};
    weir_status status = weir_watchers_note(store, write->key, write->value, &write->old, err);
    if (status == WEIR_OK) {
        status = weir_task_store_log(store, write->key, write->value, err);
    }
    if (status == WEIR_OK && store->listener != NULL) {
        weir_context *context = store->listening->context;
        const weir_record *outer_record = context->record;
        weir_arena *outer_arena = weir_task_enter_flush_arena(task);
        context->record = NULL;
        status = tell_listener(store, write, err);
        weir_task_leave_flush_arena(task, outer_arena);
        context->record = outer_record;
    }
    task->current = outer;
    return status;
}

static bool is_full(void *user)
{
    const weir_task_store *store = user;
    return weir_collector_is_blocked(store->task->environment->collector);
}

static weir_held_sink sink_of(weir_task_store *store)
{
    return (weir_held_sink){
        .write = tell,
        .is_full = is_full,
        .user = store,
        .wants_old =
            (store->listener != NULL && store->sends_old_values) || weir_watchers_want_old(store),
        .skips_absent = store->listener != NULL,
    };
}

static weir_status wrap(const weir_task_store *store, weir_status status, weir_error *err)
{
    return status == WEIR_OK || status == WEIR_AGAIN
               ? status
               : weir_error_wrap(err, status, "flush of store %s", store->kv.name);
}

/* What the producer has no room for now goes before the next record. */
static weir_status evict(weir_task_store *store, weir_error *err)
{
    const weir_held_sink sink = sink_of(store);
    weir_status status = weir_staged_evict(store->cached, &sink, err);
    store->is_evicting = store->is_evicting || status == WEIR_AGAIN;
    return status == WEIR_AGAIN ? WEIR_OK : wrap(store, status, err);
}

weir_status weir_task_store_hold(weir_task_store *store, weir_bytes key, weir_bytes value,
                                 weir_error *err)
{
    const weir_held_origin origin = origin_of(store, key, value);
    weir_staged_hold(store->cached, key, value, &origin);
    store->task->effects++;
    store->task->commit_needed = true;
    const weir_cache_budget *budget = &store->task->environment->cache;
    return budget->held_bytes > budget->bytes_max ? evict(store, err) : WEIR_OK;
}

weir_status weir_task_store_make_room(weir_task_store *store, weir_bytes key, size_t value_bytes,
                                      weir_error *err)
{
    const weir_cache_budget *budget = &store->task->environment->cache;
    if (store->spec->options.kind == WEIR_STORE_WINDOW || /* Its reads are not kept. */
        weir_staged_cache(store->cached)->held == 0 ||
        budget->held_bytes + clean_bytes(store, key, value_bytes) <= budget->bytes_max ||
        weir_staged_holds(store->cached, key)) {
        return WEIR_OK;
    }
    return evict(store, err);
}

weir_status weir_task_go_on_evicting(weir_task *task, weir_error *err)
{
    for (size_t i = 0; i < task->store_count; i++) {
        weir_task_store *store = &task->stores[i];
        if (!store->is_evicting) {
            continue;
        }
        const weir_held_sink sink = sink_of(store);
        WEIR_TRY(wrap(store, weir_staged_flush(store->cached, &sink, err), err));
        store->is_evicting = false;
    }
    return WEIR_OK;
}

static bool holds_any(const weir_task *task)
{
    for (size_t i = 0; i < task->store_count; i++) {
        const weir_task_store *store = &task->stores[i];
        if (store->cached != NULL && weir_staged_cache(store->cached)->held > 0) {
            return true;
        }
    }
    return false;
}

static weir_status run_commit_listener(weir_task *task, weir_context *context, weir_error *err)
{
    const weir_task_current outer = task->current;
    weir_status status = WEIR_OK;
    while (status == WEIR_OK) {
        if (weir_collector_is_blocked(task->environment->collector)) {
            return WEIR_AGAIN;
        }
        task->current =
            (weir_task_current){.timestamp_ms = task->environment->now_ms, .node = context};
        weir_processor *acting = weir_context_act(context, context->on_commit_of);
        status = context->on_commit(context->on_commit_of, err);
        (void)weir_context_act(context, acting);
        task->current = outer;
    }
    return status == WEIR_NOT_FOUND ? WEIR_OK
                                    : weir_error_wrap(err, status, "task %s: commit of %s",
                                                      task->planned->id, context->node->name);
}

static weir_status run_commit_listeners(weir_task *task, weir_error *err)
{
    for (size_t i = 0; i < task->context_count; i++) {
        if (task->contexts[i].on_commit != NULL) {
            WEIR_TRY(run_commit_listener(task, &task->contexts[i], err));
        }
    }
    return WEIR_OK;
}

weir_status weir_task_flush_caches(weir_task *task, weir_error *err)
{
    while (holds_any(task)) { /* A listener's forward may reach a store that was flushed before. */
        for (size_t i = 0; i < task->store_count; i++) {
            weir_task_store *store = &task->stores[i];
            if (store->cached == NULL) {
                continue;
            }
            const weir_held_sink sink = sink_of(store);
            weir_status status = wrap(store, weir_staged_flush(store->cached, &sink, err), err);
            if (status != WEIR_OK) {
                return status == WEIR_AGAIN
                           ? WEIR_AGAIN
                           : weir_error_wrap(err, status, "task %s", task->planned->id);
            }
            store->is_evicting = false;
        }
    }
    return run_commit_listeners(task, err);
}
