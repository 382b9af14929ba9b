/* SPDX-License-Identifier: Apache-2.0
 *
 * window_close.c - windows close when a record moves stream time past their end and grace, so it is
 * a record that passes them on, with its headers. Where records stop, what has closed since the
 * last look waits for the next record, as in Kafka Streams.
 *
 * released_ms is kept with the committed offsets (Kafka Streams' ProcessorMetadata): an owner to
 * come, of whichever library, passes on what follows and nothing twice.
 */
#include "streams/dsl/window_close_internal.h"

void weir_window_close_open(weir_window_close *self, const weir_context *context, const char *store)
{
    self->store = store;
    self->released_ms = -1;
    (void)weir_context_kept_time(context, store, &self->released_ms);
}

bool weir_window_close_is_due(weir_window_close *self, const weir_context *context,
                              int64_t close_ms)
{
    int64_t now_ms = weir_context_now_ms(context);
    if (self->store == NULL || now_ms < self->next_look_ms) {
        return false;
    }
    self->next_look_ms = now_ms + weir_context_emit_interval_ms(context);
    return self->released_ms < close_ms;
}

weir_status weir_window_close_release(weir_window_close *self, const weir_record *record,
                                      const weir_release *what, int64_t close_ms, weir_error *err)
{
    weir_context *context = what->processor->context;
    self->record = record;
    weir_status status = weir_context_release_rows(context, self->store, what, err);
    self->record = NULL;
    WEIR_TRY(status);
    self->released_ms = close_ms;
    weir_context_keep_time(context, self->store, close_ms);
    return WEIR_OK;
}
