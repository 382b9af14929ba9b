/* SPDX-License-Identifier: Apache-2.0
 *
 * timers.c - timers on an index of due times (statestore/due_index.h), and what fires them, and the
 * rows of TTL stores that end, once a pass of the worker.
 *
 *   id   u16 size of key | key | name
 *
 * What fires is out of the store before its listener runs, so that the listener can set it anew.
 */
#include "streams/timers.h"

#include "statestore/due_index.h"
#include "streams/base/serde.h"
#include "streams/store_kinds.h"
#include "streams/task_internal.h"

#include <inttypes.h>
#include <stdlib.h>

enum { FIRED_MAX = 256 }; /* Of a store, a pass: records and commits go on in between. */

struct weir_timers {
    weir_due_index *index;
    const char *name; /* Of the store. */
    weir_buf id;
};

weir_timers *weir_timers_new(weir_kv *owned_kv)
{
    weir_timers *timers = weir_alloc(sizeof(*timers));
    timers->index = weir_due_index_new(owned_kv);
    timers->name = owned_kv->name;
    return timers;
}

void weir_timers_free(weir_timers *timers)
{
    if (timers != NULL) {
        weir_due_index_free(timers->index);
        weir_buf_cleanup(&timers->id);
        free(timers);
    }
}

static weir_bytes id_of(weir_timers *timers, weir_bytes key, weir_bytes name)
{
    uint8_t size[sizeof(uint16_t)];
    weir_put_u16_be(size, (uint16_t)key.size);
    weir_buf_set(&timers->id, weir_bytes_of(size, sizeof(size)));
    weir_buf_append(&timers->id, key.data, key.size);
    weir_buf_append(&timers->id, name.data, name.size);
    return weir_buf_bytes(&timers->id);
}

/* The key that an id begins with. */
static weir_status key_of(weir_bytes id, weir_bytes *out_key, weir_error *err)
{
    size_t key_bytes = id.size < sizeof(uint16_t) ? 0 : weir_get_u16_be(id.data);
    if (id.size < sizeof(uint16_t) + key_bytes) {
        return weir_error_set(err, WEIR_CORRUPT, "a timer's id of %zu bytes", id.size);
    }
    *out_key = weir_bytes_of((const uint8_t *)id.data + sizeof(uint16_t), key_bytes);
    return WEIR_OK;
}

static weir_status check_id(const weir_timers *timers, weir_bytes key, weir_bytes name,
                            weir_error *err)
{
    if (key.size <= WEIR_TIMER_ID_BYTES_MAX && name.size <= WEIR_TIMER_ID_BYTES_MAX - key.size) {
        return WEIR_OK;
    }
    return weir_error_set(err, WEIR_BAD_RECORD,
                          "timers %s: a key of %zu bytes and a name of %zu, together at most %d",
                          timers->name, key.size, name.size, WEIR_TIMER_ID_BYTES_MAX);
}

weir_status weir_timers_set(weir_timers *timers, const weir_timer *timer, weir_error *err)
{
    WEIR_TRY(check_id(timers, timer->key, timer->name, err));
    if (timer->due_ms < 0) {
        return weir_error_set(err, WEIR_BAD_RECORD, "timers %s: due at %" PRId64 " ms",
                              timers->name, timer->due_ms);
    }
    const weir_due due = {id_of(timers, timer->key, timer->name), timer->due_ms, timer->payload};
    return weir_due_index_set(timers->index, &due, err);
}

weir_status weir_timers_cancel(weir_timers *timers, weir_bytes key, weir_bytes name,
                               weir_error *err)
{
    WEIR_TRY(check_id(timers, key, name, err));
    return weir_due_index_remove(timers->index, id_of(timers, key, name), err);
}

weir_status weir_timers_get(weir_timers *timers, weir_bytes key, weir_bytes name,
                            int64_t *out_due_ms, weir_buf *out_payload, weir_error *err)
{
    WEIR_TRY(check_id(timers, key, name, err));
    return weir_due_index_get(timers->index, id_of(timers, key, name), out_due_ms, out_payload,
                              err);
}

weir_status weir_timers_last_key(weir_timers *timers, weir_buf *out_key, weir_error *err)
{
    weir_bytes key = {0};
    WEIR_TRY(weir_due_index_last(timers->index, &timers->id, err));
    WEIR_TRY(key_of(weir_buf_bytes(&timers->id), &key, err));
    weir_buf_set(out_key, key);
    return WEIR_OK;
}

/* Firing. */

static weir_status tell_alarm(const weir_task_store *store, const weir_due *due, weir_error *err)
{
    const weir_task_alarm *alarm = &store->alarm;
    if (store->spec->options.kind == WEIR_STORE_TTL) {
        return alarm->on_expiry == NULL
                   ? WEIR_OK
                   : alarm->on_expiry(alarm->processor, due->id, due->payload, due->due_ms, err);
    }
    weir_timer timer = {.due_ms = due->due_ms, .payload = due->payload};
    WEIR_TRY(key_of(due->id, &timer.key, err));
    size_t name_at = sizeof(uint16_t) + timer.key.size;
    timer.name = weir_bytes_of((const uint8_t *)due->id.data + name_at, due->id.size - name_at);
    return alarm->on_timer(alarm->processor, &timer, err);
}

static weir_status call_listener(weir_task_store *store, const weir_due *due, weir_error *err)
{
    weir_context *context = store->alarm.processor->context;
    weir_processor *acting = weir_context_act(context, store->alarm.processor);
    weir_status status = tell_alarm(store, due, err);
    (void)weir_context_act(context, acting);
    return status;
}

/* Each is on its own, as a record is: with an empty arena, refused or tried again by itself. */
static weir_status fire(void *user, const weir_due *due, weir_error *err)
{
    weir_task_store *store = user;
    weir_task *task = store->task;
    const weir_task_current current = task->current;
    weir_refused refused = {.stage = WEIR_STAGE_PROCESSING, .effects = task->effects, .attempt = 1};
    weir_status status = WEIR_OK;
    do {
        task->current = current;
        weir_arena_reset(task->arena);
        status = call_listener(store, due, err);
        if (status != WEIR_OK) {
            status = weir_task_handle_failure(task, &refused, status, err);
        }
        refused.attempt++;
    } while (status == WEIR_OK && refused.again);
    task->current = current;
    weir_arena_reset(task->arena);
    return status;
}

static bool has_alarm(const weir_task_store *store)
{
    return store->alarm.processor != NULL;
}

static int64_t not_before_ms(const weir_task_store *store)
{
    return store->spec->options.kind == WEIR_STORE_TTL
               ? weir_ttl_store_not_before_ms(store->meaning)
               : weir_due_index_not_before_ms(((const weir_timers *)store->meaning)->index);
}

static int64_t clock_ms(const weir_task *task, weir_punctuation_type clock)
{
    return clock == WEIR_STREAM_TIME ? task->stream_time_ms : task->environment->now_ms;
}

static weir_status fire_due(weir_task_store *store, size_t *count, weir_error *err)
{
    weir_task *task = store->task;
    const weir_due_request request = {
        .now_ms = clock_ms(task, store->alarm.clock),
        .slice_max = FIRED_MAX,
        .tell = fire,
        .user = store,
    };
    size_t fired = 0;
    task->current = (weir_task_current){
        .timestamp_ms = request.now_ms,
        .node = store->alarm.processor->context,
    };
    weir_status status =
        store->spec->options.kind == WEIR_STORE_TTL
            ? weir_ttl_store_take(store->meaning, &request, &fired, err)
            : weir_due_index_take(((weir_timers *)store->meaning)->index, &request, &fired, err);
    task->current = (weir_task_current){0};
    weir_task_count_fired(task, fired);
    *count += fired;
    return status == WEIR_OK ? WEIR_OK
                             : weir_error_wrap(err, status, "task %s: what is due in %s",
                                               task->planned->id, store->kv.name);
}

weir_status weir_task_fire_due(weir_task *task, size_t *count, weir_error *err)
{
    for (size_t i = 0; i < task->store_count; i++) {
        weir_task_store *store = &task->stores[i];
        if (has_alarm(store) && not_before_ms(store) <= clock_ms(task, store->alarm.clock) &&
            weir_collector_has_room(task->environment->collector)) {
            WEIR_TRY(fire_due(store, count, err));
        }
    }
    return WEIR_OK;
}

int64_t weir_task_alarm_ms(const weir_task *task)
{
    int64_t first_ms = INT64_MAX;
    if (!weir_collector_has_room(task->environment->collector)) {
        return first_ms; /* What is due waits for room. */
    }
    for (size_t i = 0; i < task->store_count; i++) {
        const weir_task_store *store = &task->stores[i];
        if (has_alarm(store) && store->alarm.clock == WEIR_WALL_CLOCK_TIME &&
            not_before_ms(store) < first_ms) {
            first_ms = not_before_ms(store);
        }
    }
    return first_ms;
}

weir_timers *weir_context_timers(weir_context *context, const char *store,
                                 weir_punctuation_type clock, weir_timer_listener listener)
{
    weir_task_store *found = weir_context_store_of(context, store, WEIR_STORE_TIMERS);
    if (listener != NULL) {
        WEIR_ASSERT(found->alarm.processor == NULL);
        found->alarm =
            (weir_task_alarm){.processor = context->acting, .clock = clock, .on_timer = listener};
    }
    return found->meaning;
}

void weir_context_on_expiry(weir_context *context, const char *store, weir_punctuation_type clock,
                            weir_expiry_listener listener)
{
    weir_task_store *found = weir_context_store_of(context, store, WEIR_STORE_TTL);
    WEIR_ASSERT(found->alarm.processor == NULL);
    found->alarm =
        (weir_task_alarm){.processor = context->acting, .clock = clock, .on_expiry = listener};
}
