/* SPDX-License-Identifier: Apache-2.0
 *
 * timed.c - records that go on later, and records that end: timers of streams/timers.h, set by one
 * record and fired as another.
 *
 *   delay      key: a number that grows, so that what is due at one time stays in order
 *              payload: the record (held_change_internal.h), its key in the place of what was told
 *   end after  key: that of the record
 */
#include "streams/dsl/timed_internal.h"

#include "streams/base/serde.h"
#include "streams/dsl/held_change_internal.h"
#include "streams/dsl/null_handle_internal.h"
#include "streams/table_context.h"
#include "streams/timers.h"

#include <inttypes.h>
#include <stdlib.h>

weir_kstream *weir_timed_add(weir_kstream *stream, const weir_timed_operator *timed,
                             const weir_operator_options *options, const char **out_store,
                             void *user)
{
    weir_builder *builder = stream->builder;
    const char *given = options == NULL ? NULL : options->name;
    if (timed->by_key) {
        stream = weir_kstream_repartition_for_join(stream, given, "");
    }
    const char *name = weir_builder_name_or_new(builder, given, timed->prefix);
    weir_graph_store *store = weir_builder_alloc(builder, sizeof(*store));
    *out_store =
        weir_builder_join_names(builder, timed->store_name != NULL ? timed->store_name : name,
                                timed->store_name != NULL ? "" : "-store");
    store->options = (weir_store_options){.name = *out_store, .kind = timed->store_kind};
    weir_graph_node *node = weir_graph_add(builder, stream->node, WEIR_GRAPH_PROCESSOR, name);
    node->stores = store;
    node->processor = (weir_processor_options){timed->supplier, user};
    return weir_kstream_of(builder, node, stream->repartition_required);
}

static weir_punctuation_type clock_of(bool by_wall_clock)
{
    return by_wall_clock ? WEIR_WALL_CLOCK_TIME : WEIR_STREAM_TIME;
}

static int64_t time_of(const weir_context *context, bool by_wall_clock)
{
    return by_wall_clock ? weir_context_now_ms(context) : weir_context_stream_time_ms(context);
}

/* ms after the record, by that clock; INT64_MAX: never. */
static int64_t after(const weir_context *context, bool by_wall_clock, const weir_record *record,
                     int64_t ms)
{
    int64_t from_ms = by_wall_clock ? weir_context_now_ms(context) : record->timestamp_ms;
    return ms > INT64_MAX - from_ms ? INT64_MAX : from_ms + ms;
}

/* Delays. */

typedef struct delay_spec {
    weir_delay delay;
    const char *store;
    void *user;
} delay_spec;

typedef struct delay_processor {
    weir_processor base;
    const delay_spec *spec;
    weir_timers *timers;
    uint64_t number; /* Of the last record that waits. */
    weir_buf payload;
    weir_held_reader reader;
} delay_processor;

static weir_status release(weir_processor *processor, const weir_timer *timer, weir_error *err)
{
    delay_processor *self = (delay_processor *)(void *)processor;
    weir_held_change held = {0};
    int64_t unused = 0;
    WEIR_TRY(weir_held_change_decode(&self->reader, timer->payload, &held, &unused, err));
    held.record.key = held.prior;
    held.record.value = held.change.new_value;
    return weir_context_forward(processor->context, &held.record, err);
}

static weir_status init_delay(weir_processor *processor, weir_error *err)
{
    delay_processor *self = (delay_processor *)(void *)processor;
    self->timers = weir_context_timers(processor->context, self->spec->store,
                                       clock_of(self->spec->delay.by_wall_clock), release);
    weir_status status = weir_timers_last_key(self->timers, &self->payload, err);
    if (status == WEIR_OK && self->payload.size == sizeof(uint64_t)) {
        self->number = weir_get_u64_be(self->payload.data);
    }
    return status == WEIR_NOT_FOUND ? WEIR_OK : status;
}

static int64_t due_of(const delay_processor *self, const weir_record *record)
{
    const delay_spec *spec = self->spec;
    if (spec->delay.due_time != NULL) {
        return spec->delay.due_time(spec->user, record);
    }
    return after(self->base.context, spec->delay.by_wall_clock, record, spec->delay.delay_ms);
}

static weir_status hold_back(weir_processor *processor, const weir_record *record, weir_error *err)
{
    delay_processor *self = (delay_processor *)(void *)processor;
    int64_t due_ms = due_of(self, record);
    if (due_ms <= time_of(processor->context, self->spec->delay.by_wall_clock)) {
        return weir_context_forward(processor->context, record, err);
    }
    const weir_held_change held = {
        .record = *record, .change.new_value = record->value, .prior = record->key};
    weir_held_change_encode(&held, 0, &self->payload);
    uint8_t number[sizeof(uint64_t)];
    weir_put_u64_be(number, ++self->number);
    const weir_timer timer = {
        .key = weir_bytes_of(number, sizeof(number)),
        .due_ms = due_ms,
        .payload = weir_buf_bytes(&self->payload),
    };
    return weir_timers_set(self->timers, &timer, err);
}

static void free_delay(weir_processor *processor)
{
    delay_processor *self = (delay_processor *)(void *)processor;
    weir_buf_cleanup(&self->payload);
    weir_held_reader_cleanup(&self->reader);
    free(self);
}

static weir_processor *new_delay(void *user)
{
    static const weir_processor_ops ops = {init_delay, hold_back, free_delay};
    delay_processor *self = weir_alloc(sizeof(*self));
    self->base.ops = &ops;
    self->spec = user;
    return &self->base;
}

weir_kstream *weir_kstream_delay(weir_kstream *stream, const weir_delay *delay,
                                 const weir_operator_options *options)
{
    WEIR_REFUSE_NULL(stream);
    delay_spec *spec = weir_builder_alloc(stream->builder, sizeof(*spec));
    spec->delay = delay == NULL ? (weir_delay){.delay_ms = -1} : *delay;
    spec->user = options == NULL ? NULL : options->user;
    if (spec->delay.due_time == NULL && spec->delay.delay_ms < 0) {
        weir_builder_mistake(stream->builder,
                             "delay after %s: a delay_ms of 0 or more or a due_time is needed",
                             stream->name);
    }
    const weir_timed_operator timed = {
        .prefix = "KSTREAM-DELAY-",
        .store_kind = WEIR_STORE_TIMERS,
        .store_name = spec->delay.store_name,
        .supplier = new_delay,
    };
    return weir_timed_add(stream, &timed, options, &spec->store, spec);
}

/* Records that end. */

typedef struct ttl_spec {
    weir_time_to_live time_to_live;
    const char *store;
    void *user;
} ttl_spec;

typedef struct ttl_processor {
    weir_processor base;
    const ttl_spec *spec;
    weir_timers *timers;
} ttl_processor;

static weir_status forward_tombstone(weir_processor *processor, const weir_timer *timer,
                                     weir_error *err)
{
    const weir_record ended = {.key = timer->key, .timestamp_ms = timer->due_ms};
    return weir_context_forward(processor->context, &ended, err);
}

static weir_status init_ttl(weir_processor *processor, weir_error *err)
{
    (void)err;
    ttl_processor *self = (ttl_processor *)(void *)processor;
    self->timers =
        weir_context_timers(processor->context, self->spec->store,
                            clock_of(self->spec->time_to_live.by_wall_clock), forward_tombstone);
    return WEIR_OK;
}

/* The record ends at that time; INT64_MAX: it does not. */
static int64_t end_of(const ttl_processor *self, const weir_record *record)
{
    const ttl_spec *spec = self->spec;
    int64_t ttl_ms = spec->time_to_live.ttl == NULL ? spec->time_to_live.ttl_ms
                                                    : spec->time_to_live.ttl(spec->user, record);
    if (record->value.data == NULL || ttl_ms <= 0) {
        return INT64_MAX;
    }
    return after(self->base.context, spec->time_to_live.by_wall_clock, record, ttl_ms);
}

static weir_status pass_and_watch(weir_processor *processor, const weir_record *record,
                                  weir_error *err)
{
    ttl_processor *self = (ttl_processor *)(void *)processor;
    if (record->key.data == NULL) {
        return weir_context_drop(processor->context);
    }
    int64_t end_ms = end_of(self, record);
    if (end_ms == INT64_MAX) {
        WEIR_TRY(weir_timers_cancel(self->timers, record->key, WEIR_BYTES_NULL, err));
    } else {
        const weir_timer timer = {.key = record->key, .due_ms = end_ms};
        WEIR_TRY(weir_timers_set(self->timers, &timer, err));
    }
    return weir_context_forward(processor->context, record, err);
}

static void free_ttl(weir_processor *processor)
{
    free(processor);
}

static weir_processor *new_ttl(void *user)
{
    static const weir_processor_ops ops = {init_ttl, pass_and_watch, free_ttl};
    ttl_processor *self = weir_alloc(sizeof(*self));
    self->base.ops = &ops;
    self->spec = user;
    return &self->base;
}

weir_kstream *weir_kstream_end_after(weir_kstream *stream, const weir_time_to_live *time_to_live,
                                     const weir_operator_options *options)
{
    WEIR_REFUSE_NULL(stream);
    ttl_spec *spec = weir_builder_alloc(stream->builder, sizeof(*spec));
    spec->time_to_live = time_to_live == NULL ? (weir_time_to_live){0} : *time_to_live;
    spec->user = options == NULL ? NULL : options->user;
    if (spec->time_to_live.ttl == NULL && spec->time_to_live.ttl_ms <= 0) {
        weir_builder_mistake(stream->builder,
                             "end after %s: a ttl_ms above 0 or a ttl for each record is needed",
                             stream->name);
    }
    const weir_timed_operator timed = {
        .prefix = "KSTREAM-END-",
        .store_kind = WEIR_STORE_TIMERS,
        .store_name = spec->time_to_live.store_name,
        .supplier = new_ttl,
        .by_key = true,
    };
    return weir_timed_add(stream, &timed, options, &spec->store, spec);
}
