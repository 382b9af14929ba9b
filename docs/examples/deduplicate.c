/* SPDX-License-Identifier: Apache-2.0
 *
 * deduplicate.c - events without those whose id came in the last ten minutes already. Ids are rows
 * with an end of their own: memory and changelog hold ten minutes of them, not all.
 *
 *   events         id -> anything
 *   unique-events  the first of each id
 */
#include "docs/examples/examples.h"

#include <stdlib.h>

enum { REMEMBERED_MS = 10 * 60 * 1000, SWEEP_MS = 1000, SWEPT_MAX = 1000 };

typedef struct deduplicator {
    weir_processor base;
    weir_ttl_store *seen;
    weir_buf stored;
} deduplicator;

/* Real removals, which the changelog gets too. */
static weir_status sweep(weir_processor *processor, int64_t now_ms, weir_error *err)
{
    size_t removed = 0;
    weir_ttl_store *seen = ((deduplicator *)(void *)processor)->seen;
    return weir_ttl_store_expire(seen, now_ms, SWEPT_MAX, &removed, err);
}

static weir_status start(weir_processor *processor, weir_error *err)
{
    (void)err;
    deduplicator *self = (deduplicator *)(void *)processor;
    self->seen = weir_context_ttl_store(processor->context, "seen");
    (void)weir_context_schedule(processor->context, SWEEP_MS, WEIR_STREAM_TIME, sweep);
    return WEIR_OK;
}

static weir_status pass_if_new(weir_processor *processor, const weir_record *event, weir_error *err)
{
    deduplicator *self = (deduplicator *)(void *)processor;
    if (event->key.data == NULL) {
        return weir_error_set(err, WEIR_BAD_RECORD, "an event without id");
    }
    int64_t now_ms = event->timestamp_ms;
    weir_status status = weir_ttl_store_get(self->seen, event->key, now_ms, &self->stored, err);
    if (status != WEIR_NOT_FOUND) {
        return status; /* It is there: nothing to do. */
    }
    WEIR_TRY(
        weir_ttl_store_put(self->seen, event->key, WEIR_BYTES(""), now_ms + REMEMBERED_MS, err));
    return weir_context_forward(processor->context, event, err);
}

static void end(weir_processor *processor)
{
    weir_buf_cleanup(&((deduplicator *)(void *)processor)->stored);
    free(processor);
}

static weir_processor *new_deduplicator(void *user)
{
    static const weir_processor_ops ops = {start, pass_if_new, end};
    (void)user;
    deduplicator *self = weir_alloc(sizeof(*self));
    self->base.ops = &ops;
    return &self->base;
}

weir_builder *deduplicate(void)
{
    weir_builder *builder = weir_builder_new();
    weir_builder_add_store(builder, &(weir_store_options){.name = "seen", .kind = WEIR_STORE_TTL});
    weir_kstream *events = weir_builder_stream(builder, "events", NULL);
    const weir_processor_options by_id = {.supplier = new_deduplicator};
    static const char *const stores[] = {"seen", NULL};
    weir_kstream *unique = weir_kstream_process_values(events, &by_id, NULL, stores);
    weir_kstream_to(unique, "unique-events", NULL);
    return builder;
}
