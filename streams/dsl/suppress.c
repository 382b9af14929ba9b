/* SPDX-License-Identifier: Apache-2.0
 *
 * suppress.c - tables whose changes are held back: which of them, until when, and what follows when
 * the buffer is full.
 *
 * Time is that of the records that this processor has seen. A change that goes carries the time,
 * the headers and the place of the record that made it, not of the one that let it go.
 */
#include "streams/dsl/suppress_internal.h"

#include "statestore/session_store.h"
#include "streams/dsl/null_handle_internal.h"
#include "streams/dsl/windowed_internal.h"

#include <inttypes.h>
#include <stdlib.h>

typedef struct suppress_processor {
    weir_processor base;
    const weir_suppress *spec;
    weir_suppress_buffer *buffer;
    int64_t *observed_ms; /* -1: no record yet. */
} suppress_processor;

/* Where readers of the table in the same task find the buffer. */
static weir_suppress_buffer **shared_buffer(weir_context *context, const weir_suppress *spec)
{
    return weir_context_shared(context, spec, sizeof(weir_suppress_buffer *));
}

static weir_status save(weir_processor *processor, weir_error *err)
{
    return weir_suppress_buffer_save(((suppress_processor *)(void *)processor)->buffer, err);
}

/* When a change may go: the time of its record, or the end of its window. */
static weir_status time_of(const suppress_processor *self, const weir_record *record,
                           int64_t *out_time_ms, weir_error *err)
{
    const weir_table_windows *windows = &self->spec->table->windows;
    weir_windowed windowed = {0};
    weir_session session = {0};
    if (!self->spec->until_close) {
        *out_time_ms = record->timestamp_ms;
        return WEIR_OK;
    }
    if (windows->are_sessions && weir_session_of(record->key, &session)) {
        *out_time_ms = session.end_ms;
        return WEIR_OK;
    }
    if (!windows->are_sessions && weir_windowed_of(record->key, windows->size_ms, &windowed)) {
        *out_time_ms = windowed.end_ms;
        return windows->own == NULL
                   ? WEIR_OK
                   : weir_own_windows_end(windows->own, weir_context_arena(self->base.context),
                                          windowed.start_ms, out_time_ms, err);
    }
    return weir_error_set(err, WEIR_CORRUPT, "the key of a window with %zu bytes",
                          record->key.size);
}

/* The first one, of key. */
static weir_status emit(suppress_processor *self, weir_bytes key, weir_error *err)
{
    weir_held_change held = {0};
    WEIR_TRY(weir_suppress_buffer_get(self->buffer, key, &held, err));
    if (held.change.new_value.data != NULL || !self->spec->until_close) {
        WEIR_TRY(weir_forward_change(self->base.context, &held.record, &held.change,
                                     held.record.timestamp_ms, err));
    }
    weir_suppress_buffer_remove_first(self->buffer);
    return WEIR_OK;
}

static bool is_over(const suppress_processor *self)
{
    return weir_suppress_buffer_count(self->buffer) > self->spec->records_max ||
           weir_suppress_buffer_bytes(self->buffer) > self->spec->bytes_max;
}

static weir_status emit_what_is_due(suppress_processor *self, weir_error *err)
{
    bool emits_early = self->spec->when_full == WEIR_BUFFER_EMITS_EARLY;
    weir_bytes key = {0};
    int64_t time_ms = 0;
    while (
        weir_suppress_buffer_first(self->buffer, &key, &time_ms) &&
        (time_ms <= *self->observed_ms - self->spec->wait_ms || (emits_early && is_over(self)))) {
        WEIR_TRY(emit(self, key, err));
    }
    return WEIR_OK;
}

static weir_status go_on(weir_processor *processor, int64_t stream_time_ms, weir_error *err)
{
    suppress_processor *self = (suppress_processor *)(void *)processor;
    return weir_observed_time_go_on(self->observed_ms, stream_time_ms) ? emit_what_is_due(self, err)
                                                                       : WEIR_OK;
}

static weir_status init(weir_processor *processor, weir_error *err)
{
    suppress_processor *self = (suppress_processor *)(void *)processor;
    weir_kv *store = weir_context_store(processor->context, self->spec->table->store->options.name);
    WEIR_TRY(weir_suppress_buffer_load(store, self->spec, &self->buffer, err));
    *shared_buffer(processor->context, self->spec) = self->buffer;
    weir_context_on_commit(processor->context, save);
    self->observed_ms = weir_context_observed_time(processor->context);
    weir_context_on_idle(processor->context, go_on);
    return WEIR_OK;
}

static weir_status hold_back(weir_processor *processor, const weir_record *record, weir_error *err)
{
    suppress_processor *self = (suppress_processor *)(void *)processor;
    int64_t time_ms = 0;
    WEIR_TRY(time_of(self, record, &time_ms, err));
    if (*self->observed_ms < record->timestamp_ms) {
        *self->observed_ms = record->timestamp_ms;
    }
    WEIR_TRY(weir_suppress_buffer_put(self->buffer, time_ms, record, record->object, err));
    WEIR_TRY(emit_what_is_due(self, err));
    if (self->spec->when_full == WEIR_BUFFER_STOPS && is_over(self)) {
        return weir_error_set(err, WEIR_FATAL,
                              "%s: %zu changes of %zu bytes are held back, more than the buffer "
                              "may have: make it larger, or let it spill",
                              self->spec->table->node->name,
                              weir_suppress_buffer_count(self->buffer),
                              weir_suppress_buffer_bytes(self->buffer));
    }
    return WEIR_OK;
}

static void free_processor(weir_processor *processor)
{
    weir_suppress_buffer_free(((suppress_processor *)(void *)processor)->buffer);
    free(processor);
}

static weir_processor *new_processor(void *user)
{
    static const weir_processor_ops ops = {init, hold_back, free_processor};
    suppress_processor *self = weir_alloc(sizeof(*self));
    self->base.ops = &ops;
    self->spec = user;
    return &self->base;
}

weir_status weir_suppress_prior(const weir_ktable *table, weir_context *context, weir_bytes key,
                                bool *out_held, weir_timestamped *out_row, weir_error *err)
{
    weir_held_change held = {0};
    *out_held = false;
    weir_status status =
        weir_suppress_buffer_get(*shared_buffer(context, table->suppress), key, &held, err);
    if (status == WEIR_NOT_FOUND) {
        return WEIR_OK;
    }
    WEIR_TRY(status);
    *out_held = true;
    *out_row = (weir_timestamped){.timestamp_ms = -1, .value = held.prior};
    return WEIR_OK;
}

/* Graph. */

/* The windows of the keys of table: the largest grace where two tables were joined. */
static weir_table_windows windows_of(const weir_ktable *table)
{
    if (table == NULL || table->windows.are_there) {
        return table == NULL ? (weir_table_windows){0} : table->windows;
    }
    weir_table_windows left = windows_of(table->left);
    weir_table_windows right = windows_of(table->right);
    return right.are_there && right.grace_ms > left.grace_ms ? right : left;
}

/* What its changes come from keeps in mind where they were read. */
static void ask_for_places(weir_ktable *table)
{
    for (; table != NULL && !table->keeps_places; table = table->left) {
        table->keeps_places = true;
        if (table->right != NULL) {
            ask_for_places(table->right);
        }
    }
}

static weir_graph_store *declare_store(weir_builder *builder, const weir_suppressed *options)
{
    weir_graph_store *store = weir_builder_alloc(builder, sizeof(*store));
    store->options = (weir_store_options){
        .name = options->name != NULL ? weir_builder_join_names(builder, options->name, "-store")
                                      : weir_builder_new_store_name(builder, "KTABLE-SUPPRESS-"),
        .logging_disabled = options->logging_disabled,
        .changelog = options->changelog,
        .value_version = 3,
    };
    return store;
}

static weir_ktable *suppress(weir_ktable *parent, weir_suppress with,
                             const weir_suppressed *options)
{
    weir_builder *builder = parent->builder;
    const char *name = weir_builder_given_or_new(builder, options->name, "", "KTABLE-SUPPRESS-");
    weir_ktable *table = weir_ktable_new(builder, WEIR_TABLE_SUPPRESSED, parent);
    weir_suppress *spec = weir_builder_alloc(builder, sizeof(*spec));
    *spec = with;
    spec->table = table;
    spec->records_max = options->records_max == 0 ? SIZE_MAX : options->records_max;
    spec->bytes_max = options->bytes_max == 0 ? SIZE_MAX : options->bytes_max;
    spec->when_full = options->when_full;
    table->suppress = spec;
    table->windows = windows_of(parent);
    table->store = declare_store(builder, options);
    table->sends_old_values = weir_ktable_send_old_values(parent, true);
    ask_for_places(parent);
    table->node = weir_graph_add(builder, parent->node, WEIR_GRAPH_PROCESSOR, name);
    table->node->processor = (weir_processor_options){new_processor, spec};
    table->node->stores = table->store;
    return table;
}

static const weir_suppressed no_options;

weir_ktable *weir_ktable_suppress_until_window_closes(weir_ktable *table,
                                                      const weir_suppressed *options)
{
    WEIR_REFUSE_NULL(table);
    options = options == NULL ? &no_options : options;
    const weir_table_windows windows = windows_of(table);
    if (!windows.are_there) {
        weir_builder_mistake(table->builder,
                             "suppress after %s: nothing before it has windows that close: use a "
                             "time limit",
                             table->node->name);
    }
    if (options->when_full == WEIR_BUFFER_EMITS_EARLY) {
        weir_builder_mistake(table->builder,
                             "suppress after %s: a buffer until windows close cannot emit early: "
                             "let it spill or stop",
                             table->node->name);
    }
    return suppress(table, (weir_suppress){.until_close = true, .wait_ms = windows.grace_ms},
                    options);
}

weir_ktable *weir_ktable_suppress_until_time_limit(weir_ktable *table, int64_t time_limit_ms,
                                                   const weir_suppressed *options)
{
    WEIR_REFUSE_NULL(table);
    if (time_limit_ms < 0) {
        weir_builder_mistake(table->builder,
                             "suppress after %s: a time limit of %" PRId64 " ms: give it 0 or more",
                             table->node->name, time_limit_ms);
    }
    return suppress(table, (weir_suppress){.wait_ms = time_limit_ms},
                    options == NULL ? &no_options : options);
}
