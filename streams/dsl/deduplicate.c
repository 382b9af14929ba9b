/* SPDX-License-Identifier: Apache-2.0
 *
 * deduplicate.c - ids that were passed on lie in a TTL store until stream time is past them by the
 * interval. Whether one is remembered is asked by stream time, so that it does not matter when the
 * runtime sweeps.
 */
#include "streams/dsl/timed_internal.h"

#include "streams/dsl/null_handle_internal.h"
#include "streams/table_context.h"
#include "streams/timers.h"

#include <stdlib.h>

typedef struct deduplicate_spec {
    weir_deduplication deduplication;
    const char *store;
    void *user;
} deduplicate_spec;

typedef struct deduplicate_processor {
    weir_processor base;
    const deduplicate_spec *spec;
    weir_ttl_store *seen;
    weir_buf stored;
} deduplicate_processor;

static weir_status init(weir_processor *processor, weir_error *err)
{
    (void)err;
    deduplicate_processor *self = (deduplicate_processor *)(void *)processor;
    self->seen = weir_context_ttl_store(processor->context, self->spec->store);
    weir_context_on_expiry(processor->context, self->spec->store, WEIR_STREAM_TIME, NULL);
    return WEIR_OK;
}

static weir_status id_of(const deduplicate_processor *self, const weir_record *record,
                         weir_bytes *out_id, weir_error *err)
{
    const deduplicate_spec *spec = self->spec;
    *out_id = record->key;
    if (spec->deduplication.id == NULL) {
        return WEIR_OK;
    }
    weir_call call = {spec->user, weir_context_arena(self->base.context), err, false};
    return weir_call_check(&call, spec->deduplication.id(&call, record, out_id));
}

static weir_status pass_first(weir_processor *processor, const weir_record *record, weir_error *err)
{
    deduplicate_processor *self = (deduplicate_processor *)(void *)processor;
    weir_bytes id = {0};
    WEIR_TRY(id_of(self, record, &id, err));
    int64_t now_ms = weir_context_stream_time_ms(processor->context);
    int64_t interval_ms = self->spec->deduplication.interval_ms;
    if (id.data == NULL || record->timestamp_ms <= now_ms - interval_ms) {
        return weir_context_drop(processor->context);
    }
    weir_status status = weir_ttl_store_get(self->seen, id, now_ms, &self->stored, err);
    if (status != WEIR_NOT_FOUND) {
        return status; /* A duplicate, or a failure. */
    }
    WEIR_TRY(weir_ttl_store_put(self->seen, id, WEIR_BYTES(""), record->timestamp_ms + interval_ms,
                                err));
    return weir_context_forward(processor->context, record, err);
}

static void free_processor(weir_processor *processor)
{
    weir_buf_cleanup(&((deduplicate_processor *)(void *)processor)->stored);
    free(processor);
}

static weir_processor *new_deduplicate(void *user)
{
    static const weir_processor_ops ops = {init, pass_first, free_processor};
    deduplicate_processor *self = weir_alloc(sizeof(*self));
    self->base.ops = &ops;
    self->spec = user;
    return &self->base;
}

weir_kstream *weir_kstream_deduplicate(weir_kstream *stream,
                                       const weir_deduplication *deduplication,
                                       const weir_operator_options *options)
{
    WEIR_REFUSE_NULL(stream);
    deduplicate_spec *spec = weir_builder_alloc(stream->builder, sizeof(*spec));
    spec->deduplication = deduplication == NULL ? (weir_deduplication){0} : *deduplication;
    spec->user = options == NULL ? NULL : options->user;
    if (spec->deduplication.interval_ms <= 0) {
        weir_builder_mistake(stream->builder,
                             "deduplication after %s: an interval_ms above 0 is needed",
                             stream->name);
    }
    const weir_timed_operator timed = {
        .prefix = "KSTREAM-DEDUPLICATE-",
        .store_kind = WEIR_STORE_TTL,
        .store_name = spec->deduplication.store_name,
        .supplier = new_deduplicate,
        .by_key = true,
    };
    return weir_timed_add(stream, &timed, options, &spec->store, spec);
}
