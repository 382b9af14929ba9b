/* SPDX-License-Identifier: Apache-2.0
 *
 * windowed.c - aggregates in windows of time: which windows a record belongs to, and what becomes
 * of their rows.
 */
#include "streams/dsl/windowed_internal.h"

#include "streams/base/serde.h"
#include "streams/dsl/null_handle_internal.h"

#include <inttypes.h>
#include <stdlib.h>

bool weir_windowed_of(weir_bytes bytes, int64_t size_ms, weir_windowed *out_windowed)
{
    if (bytes.data == NULL || bytes.size < sizeof(int64_t)) {
        return false;
    }
    size_t key_bytes = bytes.size - sizeof(int64_t);
    int64_t start_ms = (int64_t)weir_get_u64_be((const uint8_t *)bytes.data + key_bytes);
    *out_windowed = (weir_windowed){
        .key = weir_bytes_of(bytes.data, key_bytes),
        .start_ms = start_ms,
        .end_ms = start_ms + size_ms,
    };
    return true;
}

/* Passes on a change of the row of a key in a window. */
static weir_status forward(weir_windowed_processor *self, const weir_record *source,
                           int64_t start_ms, const weir_change *change, int64_t timestamp_ms,
                           weir_error *err)
{
    weir_buf_set(&self->key, source->key);
    weir_buf_append_i64_be(&self->key, start_ms);
    weir_record windowed = *source;
    windowed.key = weir_buf_bytes(&self->key);
    return weir_forward_change(self->base.context, &windowed, change, timestamp_ms, err);
}

static weir_status forward_flushed(weir_processor *processor, const weir_flushed *flushed,
                                   weir_error *err)
{
    weir_change change = {0};
    weir_record source = {0};
    WEIR_TRY(weir_change_of_flushed(flushed, &change, &source, err));
    return forward((weir_windowed_processor *)(void *)processor, &source, flushed->window_start_ms,
                   &change, source.timestamp_ms, err);
}

/* Sets the row of a window, and passes its change on unless the cache will. */
weir_status weir_windowed_put(weir_windowed_processor *self, const weir_record *record,
                              int64_t start_ms, weir_timestamped row, weir_bytes old_value,
                              weir_error *err)
{
    weir_bytes stored = WEIR_BYTES_NULL;
    if (row.value.data != NULL) {
        weir_timestamped_encode(row, &self->built);
        stored = weir_buf_bytes(&self->built);
    }
    weir_status status = weir_window_store_put(self->store, record->key, start_ms, stored, err);
    if (status != WEIR_OK && status != WEIR_NOT_FOUND) {
        return status;
    }
    if (self->is_cached || self->windows->emits_on_close) {
        return WEIR_OK;
    }
    weir_change change = {.new_value = row.value};
    change.old_value = self->spec->table->sends_old_values ? old_value : WEIR_BYTES_NULL;
    return forward(self, record, start_ms, &change, row.timestamp_ms, err);
}

/* The row of a window becomes what record makes of it; old has a null value where there is none. */
weir_status weir_windowed_update(weir_windowed_processor *self, const weir_record *record,
                                 int64_t start_ms, weir_timestamped old, weir_error *err)
{
    self->is_taken = true;
    weir_call call = {self->spec->user, weir_context_arena(self->base.context), err, false};
    weir_timestamped row = {.timestamp_ms = record->timestamp_ms};
    if (old.value.data != NULL && old.timestamp_ms > row.timestamp_ms) {
        row.timestamp_ms = old.timestamp_ms;
    }
    WEIR_TRY(weir_aggregate_advance(self->spec, &call, record, &old.value, &row.value));
    return weir_windowed_put(self, record, start_ms, row, old.value, err);
}

weir_status weir_windowed_tell_late(const weir_windowed_processor *self, const weir_record *record,
                                    weir_error *err)
{
    return self->is_taken
               ? WEIR_OK
               : weir_late_forward(self->base.context, &self->spec->table->late, record, err);
}

static weir_status tell_closed(weir_processor *processor, weir_bytes key, weir_bytes value,
                               weir_error *err)
{
    weir_windowed_processor *self = (weir_windowed_processor *)(void *)processor;
    weir_window_key window = weir_window_key_of(key);
    weir_timestamped row = {0};
    WEIR_TRY(weir_timestamped_decode(value, &row, err));
    weir_record source = *self->close.record;
    source.key = window.key;
    const weir_change change = {.new_value = row.value};
    return forward(self, &source, window.start_ms, &change, row.timestamp_ms, err);
}

weir_status weir_windowed_release(weir_windowed_processor *self, const weir_record *record,
                                  const weir_closed_windows *closed, weir_error *err)
{
    const weir_release what = {closed->from_ms, closed->to_ms, tell_closed, &self->base};
    return weir_window_close_release(&self->close, record, &what, closed->close_ms, err);
}

/* Tumbling and hopping windows. */

weir_status weir_windowed_add(weir_windowed_processor *self, const weir_record *record,
                              int64_t start_ms, weir_error *err)
{
    weir_timestamped old = {0};
    weir_status status =
        weir_window_store_get(self->store, record->key, start_ms, &self->stored, err);
    if (status == WEIR_OK) {
        WEIR_TRY(weir_timestamped_decode(weir_buf_bytes(&self->stored), &old, err));
    } else if (status != WEIR_NOT_FOUND) {
        return status;
    }
    return weir_windowed_update(self, record, start_ms, old, err);
}

/* The start of the first window that time_ms belongs to. */
static int64_t first_start(const weir_windows_spec *windows, int64_t time_ms)
{
    int64_t first_ms = time_ms - windows->size_ms + windows->advance_ms;
    return (first_ms < 0 ? 0 : first_ms) / windows->advance_ms * windows->advance_ms;
}

/* Whether a window begins after one time and not after another. */
static bool begins_between(const weir_windows_spec *windows, int64_t after_ms, int64_t until_ms)
{
    return first_start(windows, after_ms) != first_start(windows, until_ms) ||
           after_ms / windows->advance_ms != until_ms / windows->advance_ms;
}

/* The end does not belong to a window. */
static weir_status release_closed(weir_windowed_processor *self, const weir_record *record,
                                  weir_error *err)
{
    const weir_windows_spec *windows = self->windows;
    int64_t close_ms = *self->observed_ms - windows->grace_ms;
    int64_t released_ms = self->close.released_ms;
    if (!weir_window_close_is_due(&self->close, self->base.context, close_ms) ||
        close_ms < windows->size_ms) {
        return WEIR_OK;
    }
    const weir_closed_windows closed = {
        .from_ms = released_ms < 0                  ? 0
                   : released_ms < windows->size_ms ? 1
                                                    : released_ms - windows->size_ms + 1,
        .to_ms = close_ms - windows->size_ms,
        .close_ms = close_ms,
    };
    if (released_ms >= 0 && !begins_between(windows, closed.from_ms - 1, closed.to_ms)) {
        return WEIR_OK;
    }
    return weir_windowed_release(self, record, &closed, err);
}

static weir_status go_on(weir_processor *processor, int64_t stream_time_ms, weir_error *err)
{
    weir_windowed_processor *self = (weir_windowed_processor *)(void *)processor;
    const weir_record none = {.timestamp_ms = stream_time_ms};
    if (!weir_observed_time_go_on(self->observed_ms, stream_time_ms)) {
        return WEIR_OK;
    }
    return self->windows->advance_ms == 0 ? weir_sliding_release_closed(self, &none, err)
                                          : release_closed(self, &none, err);
}

static weir_status init(weir_processor *processor, weir_error *err)
{
    (void)err;
    weir_windowed_processor *self = (weir_windowed_processor *)(void *)processor;
    const char *name = self->spec->table->store->options.name;
    self->store = weir_context_window_store(processor->context, name);
    self->observed_ms = weir_context_observed_time(processor->context);
    weir_context_on_idle(processor->context, go_on);
    if (self->windows->emits_on_close) {
        weir_window_close_open(&self->close, processor->context, name);
        return WEIR_OK;
    }
    self->is_cached = weir_ktable_on_flush(self->spec->table, processor, forward_flushed);
    return WEIR_OK;
}

static weir_status add_to_windows(weir_processor *processor, const weir_record *record,
                                  weir_error *err)
{
    weir_windowed_processor *self = (weir_windowed_processor *)(void *)processor;
    const weir_windows_spec *windows = self->windows;
    if (record->key.data == NULL) {
        return weir_context_drop(processor->context);
    }
    if (*self->observed_ms < record->timestamp_ms) {
        *self->observed_ms = record->timestamp_ms;
    }
    self->is_taken = false;
    int64_t start_ms = first_start(windows, record->timestamp_ms);
    for (; start_ms <= record->timestamp_ms; start_ms += windows->advance_ms) {
        if (start_ms + windows->size_ms > *self->observed_ms - windows->grace_ms) {
            WEIR_TRY(weir_windowed_add(self, record, start_ms, err));
        } else {
            (void)weir_context_drop(processor->context);
        }
    }
    WEIR_TRY(weir_windowed_tell_late(self, record, err));
    return release_closed(self, record, err);
}

static void free_processor(weir_processor *processor)
{
    weir_windowed_processor *self = (weir_windowed_processor *)(void *)processor;
    weir_buf_cleanup(&self->stored);
    weir_buf_cleanup(&self->built);
    weir_buf_cleanup(&self->key);
    free(self);
}

static weir_processor *new_windowed(void *user, const weir_processor_ops *ops)
{
    weir_windowed_processor *self = weir_alloc(sizeof(*self));
    self->base.ops = ops;
    self->spec = user;
    self->windows = self->spec->windows;
    return &self->base;
}

static weir_processor *new_time_windowed(void *user)
{
    static const weir_processor_ops ops = {init, add_to_windows, free_processor};
    return new_windowed(user, &ops);
}

static weir_processor *new_sliding(void *user)
{
    static const weir_processor_ops ops = {init, weir_sliding_process, free_processor};
    return new_windowed(user, &ops);
}

static weir_processor *new_own(void *user)
{
    static const weir_processor_ops ops = {init, weir_own_windows_process, free_processor};
    return new_windowed(user, &ops);
}

/* Graph. */

weir_table_windows weir_windows_of_table(const weir_windows_spec *windows)
{
    return (weir_table_windows){
        .are_there = true,
        .size_ms = windows->size_ms,
        .grace_ms = windows->grace_ms,
        .own = windows->windows_for == NULL ? NULL : windows,
    };
}

weir_processor_supplier weir_windows_supplier(const weir_windows_spec *windows)
{
    if (windows->windows_for != NULL) {
        return new_own;
    }
    return windows->advance_ms == 0 ? new_sliding : new_time_windowed;
}

weir_windows_spec weir_windows_of_time(const weir_time_windows *windows)
{
    static const weir_time_windows none;
    windows = windows == NULL ? &none : windows;
    int64_t advance_ms = windows->advance_ms == 0 ? windows->size_ms : windows->advance_ms;
    return (weir_windows_spec){
        .size_ms = windows->size_ms, .advance_ms = advance_ms, .grace_ms = windows->grace_ms};
}

weir_windows_spec weir_windows_of_sliding(const weir_sliding_windows *windows)
{
    return windows == NULL ? (weir_windows_spec){0}
                           : (weir_windows_spec){.size_ms = windows->time_difference_ms,
                                                 .grace_ms = windows->grace_ms};
}

void weir_windows_check(weir_builder *builder, const weir_windows_spec *windows, const char *after)
{
    if (windows->size_ms <= 0 || windows->grace_ms < 0 || windows->advance_ms < 0 ||
        windows->advance_ms > windows->size_ms) {
        weir_builder_mistake(builder,
                             "windows after %s: a size above 0, an advance of at most the size and "
                             "a grace of 0 or more are needed",
                             after);
    }
}

static weir_time_windowed_kstream *windowed_by(weir_kgrouped_stream *grouped,
                                               weir_windows_spec windows)
{
    weir_builder *builder = grouped->stream.builder;
    weir_time_windowed_kstream *windowed = weir_builder_alloc(builder, sizeof(*windowed));
    windowed->grouped = grouped;
    windowed->windows = windows;
    weir_windows_check(builder, &windows, grouped->stream.name);
    return windowed;
}

weir_time_windowed_kstream *weir_kgrouped_stream_windowed_by(weir_kgrouped_stream *grouped,
                                                             const weir_time_windows *windows)
{
    WEIR_REFUSE_NULL(grouped);
    return windowed_by(grouped, weir_windows_of_time(windows));
}

weir_time_windowed_kstream *
weir_kgrouped_stream_windowed_by_sliding(weir_kgrouped_stream *grouped,
                                         const weir_sliding_windows *windows)
{
    WEIR_REFUSE_NULL(grouped);
    return windowed_by(grouped, weir_windows_of_sliding(windows));
}

weir_time_windowed_kstream *weir_kgrouped_stream_windowed_by_own(weir_kgrouped_stream *grouped,
                                                                 const weir_windows *windows)
{
    WEIR_REFUSE_NULL(grouped);
    return windowed_by(grouped,
                       weir_windows_of_own(grouped->stream.builder, windows, grouped->stream.name));
}

weir_time_windowed_kstream *weir_time_windowed_emit_strategy(weir_time_windowed_kstream *windowed,
                                                             weir_emit_strategy strategy)
{
    WEIR_REFUSE_NULL(windowed);
    windowed->windows.emits_on_close = strategy == WEIR_EMIT_ON_WINDOW_CLOSE;
    if (windowed->windows.emits_on_close && windowed->windows.windows_for != NULL) {
        weir_builder_mistake(windowed->grouped->stream.builder,
                             "windows after %s: those of one's own are not passed on when they "
                             "close: suppress them",
                             windowed->grouped->stream.name);
    }
    return windowed;
}

/* The store keeps a window as long as records may still come for it; a sliding one twice as long,
 * since the windows before it are looked at. */
weir_graph_store *weir_windows_declare_store(weir_builder *builder,
                                             const weir_windows_spec *windows,
                                             const weir_materialized *materialized,
                                             const char *prefix)
{
    static const weir_materialized none;
    materialized = materialized == NULL ? &none : materialized;
    int64_t kept_ms = (windows->advance_ms == 0 ? 2 : 1) * windows->size_ms + windows->grace_ms;
    weir_graph_store *store = weir_row_store_declare(builder, materialized, prefix);
    store->options.kind = WEIR_STORE_WINDOW;
    store->options.window_size_ms = windows->size_ms;
    store->options.ordered_by_time = windows->emits_on_close;
    if (windows->emits_on_close && windows->advance_ms == 0) {
        store->options.caching_enabled = false; /* As in Kafka Streams. */
    }
    store->options.retention_ms =
        materialized->retention_ms == 0 ? kept_ms : materialized->retention_ms;
    if (store->options.retention_ms < kept_ms) {
        weir_builder_mistake(builder,
                             "store '%s': a retention of %" PRId64 " ms is shorter than its "
                             "windows and their grace: give it at least %" PRId64,
                             store->options.name, store->options.retention_ms, kept_ms);
    }
    return store;
}

static weir_ktable *add(const weir_time_windowed_kstream *windowed,
                        const weir_materialized *materialized, const weir_operator_options *options,
                        const char *prefix, weir_aggregate_spec spec)
{
    const weir_aggregate_place place = {
        .prefix = prefix,
        .options = options,
        .store = weir_windows_declare_store(windowed->grouped->stream.builder, &windowed->windows,
                                            materialized, prefix),
        .supplier = weir_windows_supplier(&windowed->windows),
    };
    spec.windows = &windowed->windows;
    weir_ktable *table = weir_aggregate_add(windowed->grouped, &place, &spec);
    table->windows = weir_windows_of_table(&windowed->windows);
    return table;
}

weir_ktable *weir_time_windowed_count(weir_time_windowed_kstream *windowed,
                                      const weir_materialized *materialized,
                                      const weir_operator_options *options)
{
    WEIR_REFUSE_NULL(windowed);
    if (windowed->windows.advance_ms != 0) {
        weir_count_use_up_name(windowed->grouped->stream.builder, materialized);
    }
    return add(windowed, materialized, options, "KSTREAM-AGGREGATE-",
               (weir_aggregate_spec){.initializer = weir_count_zero, .aggregator = weir_count_one});
}

weir_ktable *weir_time_windowed_reduce(weir_time_windowed_kstream *windowed, weir_reducer reducer,
                                       const weir_materialized *materialized,
                                       const weir_operator_options *options)
{
    WEIR_REFUSE_NULL(windowed);
    return add(windowed, materialized, options, "KSTREAM-REDUCE-",
               (weir_aggregate_spec){.reducer = reducer});
}

weir_ktable *weir_time_windowed_aggregate(weir_time_windowed_kstream *windowed,
                                          weir_initializer initializer, weir_aggregator aggregator,
                                          const weir_materialized *materialized,
                                          const weir_operator_options *options)
{
    WEIR_REFUSE_NULL(windowed);
    return add(windowed, materialized, options, "KSTREAM-AGGREGATE-",
               (weir_aggregate_spec){.initializer = initializer, .aggregator = aggregator});
}
