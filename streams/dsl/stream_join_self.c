/* SPDX-License-Identifier: Apache-2.0
 *
 * stream_join_self.c - a stream joined with itself, with one buffer for both sides.
 *
 *   stream ─▶ windowed [store] ─▶ join with the store, as the left side, then as the right one ─▶
 *
 * What it forwards is what a join with two buffers would, in the same order: so a record meets
 * itself before the first partner that is later than it.
 */
#include "streams/dsl/stream_join_internal.h"
#include "streams/table_context.h"

#include <stdlib.h>

typedef struct self_processor {
    weir_processor base;
    const weir_stream_join *join;
    weir_window_store *store;
    int64_t *stream_time_ms;
} self_processor;

static weir_status init(weir_processor *processor, weir_error *err)
{
    (void)err;
    self_processor *self = (self_processor *)(void *)processor;
    self->store = weir_context_window_store(processor->context, self->join->left_store);
    self->stream_time_ms = weir_context_observed_time(processor->context);
    weir_join_times_of(processor->context, self->join)->stream_time_ms = self->stream_time_ms;
    return WEIR_OK;
}

/* Forwards the pair of two values, at the time of the later one. */
static weir_status forward_pair(self_processor *self, const weir_record *record, weir_bytes left,
                                weir_bytes right, int64_t other_ms, weir_error *err)
{
    weir_call call = {self->join->user, weir_context_arena(self->base.context), err, false};
    weir_record out = *record;
    out.object = NULL;
    out.timestamp_ms = other_ms > record->timestamp_ms ? other_ms : record->timestamp_ms;
    WEIR_TRY(
        weir_call_check(&call, self->join->joiner(&call, record->key, left, right, &out.value)));
    return weir_context_forward(self->base.context, &out, err);
}

static weir_status forward_self(self_processor *self, const weir_record *record, bool *due,
                                weir_error *err)
{
    if (!*due) {
        return WEIR_OK;
    }
    *due = false;
    return forward_pair(self, record, record->value, record->value, record->timestamp_ms, err);
}

static weir_status fetch(self_processor *self, const weir_record *record, bool as_left,
                         weir_window_iterator **out_iterator, weir_error *err)
{
    const weir_join_windows *windows = &self->join->windows;
    int64_t from_ms = record->timestamp_ms - (as_left ? windows->before_ms : windows->after_ms);
    int64_t to_ms = record->timestamp_ms + (as_left ? windows->after_ms : windows->before_ms);
    const weir_window_range range = {
        .key = record->key,
        .from_ms = from_ms < 0 ? 0 : from_ms,
        .to_ms = to_ms < 0 ? 0 : to_ms,
    };
    return weir_window_store_fetch(self->store, &range, out_iterator, err);
}

static weir_status join_as_left(self_processor *self, const weir_record *record, weir_error *err)
{
    WEIR_AUTO_PTR(weir_window_iterator) iterator = NULL;
    WEIR_TRY(fetch(self, record, true, &iterator, err));
    weir_window_entry entry = {0};
    weir_status status = WEIR_OK;
    while ((status = weir_window_iterator_next(iterator, &entry, err)) == WEIR_OK) {
        WEIR_TRY(forward_pair(self, record, record->value, entry.value, entry.start_ms, err));
    }
    return status == WEIR_NOT_FOUND ? WEIR_OK : status;
}

static weir_status join_as_right(self_processor *self, const weir_record *record, bool *self_due,
                                 weir_error *err)
{
    WEIR_AUTO_PTR(weir_window_iterator) iterator = NULL;
    WEIR_TRY(fetch(self, record, false, &iterator, err));
    weir_window_entry entry = {0};
    weir_status status = WEIR_OK;
    while ((status = weir_window_iterator_next(iterator, &entry, err)) == WEIR_OK) {
        if (entry.start_ms > record->timestamp_ms) {
            WEIR_TRY(forward_self(self, record, self_due, err));
        }
        WEIR_TRY(forward_pair(self, record, entry.value, record->value, entry.start_ms, err));
    }
    return status == WEIR_NOT_FOUND ? WEIR_OK : status;
}

static weir_status join_record(weir_processor *processor, const weir_record *record,
                               weir_error *err)
{
    self_processor *self = (self_processor *)(void *)processor;
    if (record->key.data == NULL || record->value.data == NULL) {
        return weir_context_drop(processor->context);
    }
    if (*self->stream_time_ms < record->timestamp_ms) {
        *self->stream_time_ms = record->timestamp_ms;
    }
    const weir_join_windows *windows = &self->join->windows;
    int64_t retention_ms = windows->before_ms + windows->after_ms + windows->grace_ms;
    bool self_due = record->timestamp_ms > *self->stream_time_ms - retention_ms + 1;
    WEIR_TRY(join_as_left(self, record, err));
    WEIR_TRY(join_as_right(self, record, &self_due, err));
    return forward_self(self, record, &self_due, err);
}

static void free_join(weir_processor *processor)
{
    free(processor);
}

weir_processor *weir_self_join_new(void *user)
{
    static const weir_processor_ops ops = {init, join_record, free_join};
    self_processor *self = weir_alloc(sizeof(*self));
    self->base.ops = &ops;
    self->join = user;
    return &self->base;
}
