/* SPDX-License-Identifier: Apache-2.0
 *
 * specs_processor.c - a processor of one's own, with a store and two punctuations.
 */
#include "streams/dsl/kstream.h"
#include "tests/conformance/specs_internal.h"

#include <stdlib.h>

enum { LONG_BYTES = 8 };

/* How often it tells of its rows. */
typedef struct intervals {
    int64_t stream_ms;
    int64_t wall_ms;
} intervals;

typedef struct telling_processor {
    weir_processor base;
    weir_kv *store;
    weir_buf value;
} telling_processor;

static intervals every;

/* Forwards the rows of iterator, each with a letter in front. */
static weir_status tell(weir_processor *processor, weir_bytes letter, weir_kv_iterator *iterator,
                        int64_t timestamp_ms, weir_error *err)
{
    weir_call call = {.arena = weir_context_arena(processor->context), .err = err};
    weir_record record = {.timestamp_ms = timestamp_ms};
    weir_status status = WEIR_OK;
    weir_bytes value = {0};
    while ((status = weir_kv_iterator_next(iterator, &record.key, &value, err)) == WEIR_OK) {
        record.value = weir_call_concat(&call, letter, value);
        WEIR_TRY(weir_context_forward(processor->context, &record, err));
    }
    return status == WEIR_NOT_FOUND ? WEIR_OK : status;
}

static weir_status tell_all(weir_processor *processor, int64_t timestamp_ms, weir_error *err)
{
    telling_processor *self = (telling_processor *)(void *)processor;
    WEIR_AUTO_PTR(weir_kv_iterator) iterator = NULL;
    WEIR_TRY(weir_kv_range(self->store, WEIR_BYTES_NULL, WEIR_BYTES_NULL, false, &iterator, err));
    return tell(processor, WEIR_BYTES("s:"), iterator, timestamp_ms, err);
}

static weir_status tell_some(weir_processor *processor, int64_t timestamp_ms, weir_error *err)
{
    telling_processor *self = (telling_processor *)(void *)processor;
    WEIR_AUTO_PTR(weir_kv_iterator) iterator = NULL;
    WEIR_TRY(weir_kv_range(self->store, WEIR_BYTES("k1"), WEIR_BYTES("k3"), false, &iterator, err));
    return tell(processor, WEIR_BYTES("w:"), iterator, timestamp_ms, err);
}

static weir_status init(weir_processor *processor, weir_error *err)
{
    (void)err;
    ((telling_processor *)(void *)processor)->store = weir_context_store(processor->context, "st");
    (void)weir_context_schedule(processor->context, every.stream_ms, WEIR_STREAM_TIME, tell_all);
    (void)weir_context_schedule(processor->context, every.wall_ms, WEIR_WALL_CLOCK_TIME, tell_some);
    return WEIR_OK;
}

/* The row grows with each value, and goes when it was long already. */
static weir_status process(weir_processor *processor, const weir_record *record, weir_error *err)
{
    telling_processor *self = (telling_processor *)(void *)processor;
    weir_status status = weir_kv_get(self->store, record->key, &self->value, err);
    if (status == WEIR_NOT_FOUND) {
        return weir_kv_put(self->store, record->key, record->value, err);
    }
    WEIR_TRY(status);
    if (self->value.size > LONG_BYTES) {
        return weir_kv_remove(self->store, record->key, err);
    }
    weir_buf_append(&self->value, record->value.data, record->value.size);
    return weir_kv_put(self->store, record->key, weir_buf_bytes(&self->value), err);
}

static void free_processor(weir_processor *processor)
{
    weir_buf_cleanup(&((telling_processor *)(void *)processor)->value);
    free(processor);
}

static weir_processor *new_processor(void *user)
{
    (void)user;
    static const weir_processor_ops ops = {init, process, free_processor};
    telling_processor *self = weir_alloc(sizeof(*self));
    self->base.ops = &ops;
    return &self->base;
}

static void make_punctuate(weir_builder *builder, const weir_json_value *params)
{
    static const char *const stores[] = {"st", NULL};
    every.stream_ms = conformance_parameter(params, "stream_every");
    every.wall_ms = conformance_parameter(params, "wall_every");
    weir_builder_add_store(builder, &(weir_store_options){.name = "st"});
    weir_kstream *stream = weir_builder_stream(builder, "a", &(weir_consumed){.name = "src"});
    stream = weir_kstream_process(stream, &(weir_processor_options){.supplier = new_processor},
                                  &(weir_operator_options){.name = "proc"}, stores);
    weir_kstream_to(stream, "out", &(weir_produced){.name = "snk"});
}

const conformance_spec conformance_specs_processor[] = {
    {"punctuate", make_punctuate, {"a"}, {"out"}, {{.name = "st", .is_plain = true}}},
    {.name = NULL},
};
