/* SPDX-License-Identifier: Apache-2.0
 *
 * stream_join_process.c - the processors of a join of two streams, in each task.
 *
 * A record is joined before it is put into its own buffer. One of an outer side that meets none
 * waits in the outer store, whose order is that of time:
 *
 *   key    int64 timestamp | byte 1 (left) or 0 | key
 *   value  byte 1 | int32 n | n x (int32 length | byte 1 (left) or 0 | value)
 *
 * It leaves when it is met, or when no partner can come any more; both sides share how far that is
 * (weir_context_shared). Kafka Streams looks for the latter at most once a second of wall time,
 * since its walk is over the whole store; so do we, for the same outputs (weir.emit.interval.ms).
 */
#include "streams/dsl/stream_join_internal.h"
#include "streams/table_context.h"

#include "streams/base/serde.h"

#include <stdlib.h>
#include <string.h>

enum {
    RELEASED_BYTES_MAX = 1 << 20, /* What functions may take for one look at those that wait. */
    TIME_BYTES = 8,
    PREFIX_BYTES = TIME_BYTES + 1, /* Before the key in the outer store. */
    LIST_HEAD_BYTES = 5,
    VARIABLE_SIZE = 1, /* The strategy of Kafka's ListSerializer. */
};

/* Buffers. */

typedef struct window_processor {
    weir_processor base;
    const weir_join_buffer *buffer;
    const weir_join_times *times;
    weir_window_store *store;
} window_processor;

weir_join_times *weir_join_times_of(weir_context *context, const weir_stream_join *join)
{
    return weir_context_shared(context, join, sizeof(weir_join_times));
}

static weir_status init_window(weir_processor *processor, weir_error *err)
{
    (void)err;
    window_processor *self = (window_processor *)(void *)processor;
    self->store = weir_context_window_store(processor->context, self->buffer->store);
    self->times = weir_join_times_of(processor->context, self->buffer->join);
    return WEIR_OK;
}

static weir_status join_then_buffer(weir_processor *processor, const weir_record *record,
                                    weir_error *err)
{
    window_processor *self = (window_processor *)(void *)processor;
    WEIR_TRY(weir_context_forward(processor->context, record, err));
    if (record->key.data == NULL) {
        return WEIR_OK;
    }
    const weir_join_buffer *buffer = self->buffer;
    WEIR_TRY(
        weir_window_store_put(self->store, record->key, record->timestamp_ms, record->value, err));
    bool is_late = record->value.data != NULL &&
                   record->timestamp_ms + buffer->after_ms + buffer->join->windows.grace_ms <
                       *self->times->stream_time_ms;
    return is_late ? weir_late_drop(processor->context, &buffer->join->late, record, err) : WEIR_OK;
}

static void free_window(weir_processor *processor)
{
    free(processor);
}

weir_processor *weir_join_window_new(void *user)
{
    static const weir_processor_ops ops = {init_window, join_then_buffer, free_window};
    window_processor *self = weir_alloc(sizeof(*self));
    self->base.ops = &ops;
    self->buffer = user;
    return &self->base;
}

/* Joins. */

typedef struct side_processor {
    weir_processor base;
    const weir_join_side *side;
    weir_window_store *other;
    weir_kv *outer; /* NULL in an inner join. */
    weir_join_times *times;
    weir_buf key;
    weir_buf value;
} side_processor;

/* Where the commit did not say: in a state of Kafka Streams, which forgets it. */
static weir_status find_oldest(side_processor *self, weir_error *err)
{
    *self->times->oldest_ms = INT64_MAX;
    WEIR_AUTO_PTR(weir_kv_iterator) iterator = NULL;
    WEIR_TRY(weir_kv_range(self->outer, WEIR_BYTES_NULL, WEIR_BYTES_NULL, false, &iterator, err));
    weir_bytes key = {0};
    weir_bytes value = {0};
    weir_status status = weir_kv_iterator_next(iterator, &key, &value, err);
    if (status == WEIR_OK && key.size >= PREFIX_BYTES) {
        *self->times->oldest_ms = (int64_t)weir_get_u64_be(key.data);
    }
    return status == WEIR_NOT_FOUND ? WEIR_OK : status;
}

/* Forwards a pair; other is null where there is none. */
static weir_status forward_pair(side_processor *self, const weir_record *record, bool is_left,
                                weir_bytes other, weir_error *err)
{
    const weir_stream_join *join = self->side->join;
    weir_call call = {join->user, weir_context_arena(self->base.context), err, false};
    weir_bytes left = is_left ? record->value : other;
    weir_bytes right = is_left ? other : record->value;
    weir_record out = *record;
    out.object = NULL;
    WEIR_TRY(weir_call_check(&call, join->joiner(&call, record->key, left, right, &out.value)));
    return weir_context_forward(self->base.context, &out, err);
}

/* The key in the outer store, in self->key. */
static weir_bytes outer_key(side_processor *self, bool is_left, weir_bytes key,
                            int64_t timestamp_ms)
{
    weir_buf_clear(&self->key);
    weir_buf_append_i64_be(&self->key, timestamp_ms);
    weir_buf_append_byte(&self->key, is_left ? 1 : 0);
    weir_buf_append(&self->key, key.data, key.size);
    return weir_buf_bytes(&self->key);
}

/* A partner was met: it waits no longer. */
static weir_status release_partner(side_processor *self, weir_bytes key, int64_t timestamp_ms,
                                   weir_error *err)
{
    if (self->outer == NULL) {
        return WEIR_OK;
    }
    weir_bytes waiting = outer_key(self, !self->side->is_left, key, timestamp_ms);
    weir_status status = weir_kv_get(self->outer, waiting, &self->value, err);
    if (status != WEIR_OK) {
        return status == WEIR_NOT_FOUND ? WEIR_OK : status;
    }
    return weir_kv_remove(self->outer, waiting, err);
}

/* Adds the record to the list of those that wait under its key and time. */
static weir_status wait_for_partner(side_processor *self, const weir_record *record,
                                    weir_error *err)
{
    weir_bytes key = outer_key(self, self->side->is_left, record->key, record->timestamp_ms);
    weir_status status = weir_kv_get(self->outer, key, &self->value, err);
    if (status == WEIR_NOT_FOUND) {
        weir_buf_clear(&self->value);
        weir_buf_append_byte(&self->value, VARIABLE_SIZE);
        weir_buf_append_i32_be(&self->value, 0);
    } else if (status != WEIR_OK) {
        return status;
    }
    if (self->value.size < LIST_HEAD_BYTES) {
        return weir_error_set(err, WEIR_CORRUPT, "%s: this is no list of records",
                              self->side->join->outer_store);
    }
    uint32_t count = weir_get_u32_be(self->value.data + 1);
    weir_put_u32_be(self->value.data + 1, count + 1);
    weir_buf_append_i32_be(&self->value, (int32_t)record->value.size + 1);
    weir_buf_append_byte(&self->value, self->side->is_left ? 1 : 0);
    weir_buf_append(&self->value, record->value.data, record->value.size);
    if (record->timestamp_ms < *self->times->oldest_ms) {
        *self->times->oldest_ms = record->timestamp_ms;
    }
    return weir_kv_put(self->outer, key, weir_buf_bytes(&self->value), err);
}

static weir_status join_with_partners(side_processor *self, const weir_record *record,
                                      bool *out_met, weir_error *err)
{
    const weir_join_side *side = self->side;
    int64_t from_ms = record->timestamp_ms - side->before_ms;
    int64_t to_ms = record->timestamp_ms + side->after_ms;
    const weir_window_range range = {
        .key = record->key,
        .from_ms = from_ms < 0 ? 0 : from_ms,
        .to_ms = to_ms < 0 ? 0 : to_ms,
    };
    WEIR_AUTO_PTR(weir_window_iterator) iterator = NULL;
    WEIR_TRY(weir_window_store_fetch(self->other, &range, &iterator, err));
    weir_window_entry entry = {0};
    weir_status status = WEIR_OK;
    while ((status = weir_window_iterator_next(iterator, &entry, err)) == WEIR_OK) {
        *out_met = true;
        WEIR_TRY(release_partner(self, record->key, entry.start_ms, err));
        weir_record later = *record;
        if (entry.start_ms > later.timestamp_ms) {
            later.timestamp_ms = entry.start_ms;
        }
        WEIR_TRY(forward_pair(self, &later, side->is_left, entry.value, err));
    }
    return status == WEIR_NOT_FOUND ? WEIR_OK : status;
}

/* Those that met none. */

/* Forwards each value of a list that waited, with its own key and time. */
static weir_status forward_waiting(side_processor *self, const weir_record *record, weir_bytes key,
                                   weir_bytes list, weir_error *err)
{
    weir_record waited = *record;
    bool is_left = ((const uint8_t *)key.data)[TIME_BYTES] == 1;
    waited.timestamp_ms = (int64_t)weir_get_u64_be(key.data);
    waited.key = weir_bytes_of((const uint8_t *)key.data + PREFIX_BYTES, key.size - PREFIX_BYTES);
    const uint8_t *at = (const uint8_t *)list.data + LIST_HEAD_BYTES;
    const uint8_t *end = (const uint8_t *)list.data + list.size;
    while (end - at > (ptrdiff_t)sizeof(uint32_t)) {
        uint32_t bytes = weir_get_u32_be(at);
        at += sizeof(uint32_t);
        if (bytes == 0 || bytes > (size_t)(end - at)) {
            break;
        }
        waited.value = weir_bytes_of(at + 1, bytes - 1);
        WEIR_TRY(forward_pair(self, &waited, is_left, WEIR_BYTES_NULL, err));
        at += bytes;
    }
    return WEIR_OK;
}

/* Whether a partner may still come for what waits at oldest_ms on a side. */
static bool is_open(const side_processor *self, bool is_left)
{
    const weir_join_windows *windows = &self->side->join->windows;
    int64_t ahead_ms = is_left ? windows->after_ms : windows->before_ms;
    return *self->times->oldest_ms + ahead_ms + windows->grace_ms >= *self->times->stream_time_ms;
}

/* Forwards an entry and removes it. The store is written while it is walked over, so both parts are
 * copied first. */
static weir_status release_entry(side_processor *self, const weir_record *record, weir_bytes key,
                                 weir_bytes list, weir_error *err)
{
    weir_buf_set(&self->key, key);
    weir_buf_set(&self->value, list);
    WEIR_TRY(forward_waiting(self, record, weir_buf_bytes(&self->key), weir_buf_bytes(&self->value),
                             err));
    return weir_kv_remove(self->outer, weir_buf_bytes(&self->key), err);
}

/* Walks over what waits, until both sides are open; or until that took so much memory that the rest
 * is left to the next record. */
static weir_status walk_waiting(side_processor *self, const weir_record *record,
                                weir_kv_iterator *iterator, weir_error *err)
{
    const weir_arena *arena = weir_context_arena(self->base.context);
    bool left_open = false;
    bool right_open = false;
    weir_bytes key = {0};
    weir_bytes value = {0};
    for (;;) {
        WEIR_TRY(weir_kv_iterator_next(iterator, &key, &value, err));
        if (key.size < PREFIX_BYTES || value.size < LIST_HEAD_BYTES) {
            return weir_error_set(err, WEIR_CORRUPT, "%s: this is no list of records",
                                  self->side->join->outer_store);
        }
        bool is_left = ((const uint8_t *)key.data)[TIME_BYTES] == 1;
        *self->times->oldest_ms = (int64_t)weir_get_u64_be(key.data);
        if (left_open && right_open) {
            return WEIR_OK;
        }
        if (is_open(self, is_left)) {
            left_open = left_open || is_left;
            right_open = right_open || !is_left;
            continue;
        }
        if (weir_arena_used_bytes(arena) > RELEASED_BYTES_MAX) {
            self->times->next_look_ms = 0;
            return WEIR_OK;
        }
        WEIR_TRY(release_entry(self, record, key, value, err));
    }
}

static weir_status release_closed(side_processor *self, const weir_record *record, weir_error *err)
{
    *self->times->oldest_ms = INT64_MAX;
    WEIR_AUTO_PTR(weir_kv_iterator) iterator = NULL;
    WEIR_TRY(weir_kv_range(self->outer, WEIR_BYTES_NULL, WEIR_BYTES_NULL, false, &iterator, err));
    weir_status status = walk_waiting(self, record, iterator, err);
    return status == WEIR_NOT_FOUND ? WEIR_OK : status;
}

/* A partner may come until ahead_ms after what waits. */
static weir_status release_those_that_met_none(side_processor *self, const weir_record *record,
                                               int64_t ahead_ms, weir_error *err)
{
    weir_join_times *times = self->times;
    int64_t now_ms = weir_context_now_ms(self->base.context);
    if (self->outer == NULL || record->timestamp_ms != *times->stream_time_ms ||
        *times->oldest_ms == INT64_MAX ||
        *times->oldest_ms + ahead_ms + self->side->join->windows.grace_ms >=
            *times->stream_time_ms ||
        now_ms < times->next_look_ms) {
        return WEIR_OK;
    }
    times->next_look_ms = now_ms + weir_context_emit_interval_ms(self->base.context);
    return release_closed(self, record, err);
}

/* The second side does it for both. */
static weir_status go_on(weir_processor *processor, int64_t stream_time_ms, weir_error *err)
{
    side_processor *self = (side_processor *)(void *)processor;
    const weir_join_windows *windows = &self->side->join->windows;
    int64_t ahead_ms =
        windows->after_ms < windows->before_ms ? windows->after_ms : windows->before_ms;
    const weir_record none = {.timestamp_ms = stream_time_ms};
    return weir_observed_time_go_on(self->times->stream_time_ms, stream_time_ms)
               ? release_those_that_met_none(self, &none, ahead_ms, err)
               : WEIR_OK;
}

static weir_status init_side(weir_processor *processor, weir_error *err)
{
    side_processor *self = (side_processor *)(void *)processor;
    weir_context *context = processor->context;
    self->other = weir_context_window_store(context, self->side->other_store);
    self->times = weir_join_times_of(context, self->side->join);
    bool is_first = !self->times->begun;
    if (is_first) {
        *self->times = (weir_join_times){
            .begun = true,
            .stream_time_ms = weir_context_observed_time(context),
        };
    }
    if (self->side->join->outer_store == NULL) {
        return WEIR_OK;
    }
    self->outer = weir_context_store(context, self->side->join->outer_store);
    if (is_first) {
        return WEIR_OK;
    }
    self->times->oldest_ms = weir_context_observed_time(context);
    weir_context_on_idle(context, go_on);
    return *self->times->oldest_ms < 0 ? find_oldest(self, err) : WEIR_OK;
}

static weir_status join_record(weir_processor *processor, const weir_record *record,
                               weir_error *err)
{
    side_processor *self = (side_processor *)(void *)processor;
    const weir_join_side *side = self->side;
    if (*self->times->stream_time_ms < record->timestamp_ms) {
        *self->times->stream_time_ms = record->timestamp_ms;
    }
    if (record->value.data == NULL || (record->key.data == NULL && !side->is_outer)) {
        return weir_context_drop(processor->context);
    }
    if (record->key.data == NULL) {
        return forward_pair(self, record, side->is_left, WEIR_BYTES_NULL, err);
    }
    WEIR_TRY(release_those_that_met_none(self, record, side->after_ms, err));
    bool met = false;
    WEIR_TRY(join_with_partners(self, record, &met, err));
    if (met || !side->is_outer) {
        return WEIR_OK;
    }
    int64_t to_ms = record->timestamp_ms + side->after_ms;
    return (to_ms < 0 ? 0 : to_ms) < *self->times->stream_time_ms
               ? forward_pair(self, record, side->is_left, WEIR_BYTES_NULL, err)
               : wait_for_partner(self, record, err);
}

static void free_side(weir_processor *processor)
{
    side_processor *self = (side_processor *)(void *)processor;
    weir_buf_cleanup(&self->key);
    weir_buf_cleanup(&self->value);
    free(self);
}

weir_processor *weir_join_side_new(void *user)
{
    static const weir_processor_ops ops = {init_side, join_record, free_side};
    side_processor *self = weir_alloc(sizeof(*self));
    self->base.ops = &ops;
    self->side = user;
    return &self->base;
}
