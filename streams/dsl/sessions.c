/* SPDX-License-Identifier: Apache-2.0
 *
 * sessions.c - session windows: a record meets the sessions within the gap around it, and all of
 * them become one.
 */
#include "streams/dsl/null_handle_internal.h"
#include "streams/dsl/sessions_internal.h"
#include "streams/dsl/window_close_internal.h"

#include "streams/base/serde.h"

#include <inttypes.h>
#include <stdlib.h>

struct weir_session_windowed_kstream {
    weir_kgrouped_stream *grouped;
    weir_session_windows windows;
    bool emits_on_close;
};

typedef struct session_processor {
    weir_processor base;
    const weir_aggregate_spec *spec;
    const weir_sessions_spec *sessions;
    weir_session_store *store;
    bool is_cached;
    weir_window_close close;
    int64_t *observed_ms; /* Stream time as this processor saw it; -1: none yet. */
    weir_buf key;         /* Of the change that is passed on. */
} session_processor;

/* A session that was met, and its aggregate; in the task's arena. */
typedef struct met_session {
    int64_t start_ms;
    int64_t end_ms;
    weir_bytes aggregate;
    struct met_session *next;
} met_session;

/* Passes on a change of a session, whose time is its end. */
static weir_status forward(session_processor *self, const weir_record *source, weir_bytes key,
                           int64_t end_ms, const weir_change *change, weir_error *err)
{
    weir_record windowed = *source;
    windowed.key = key;
    return weir_forward_change(self->base.context, &windowed, change, end_ms, err);
}

static weir_status forward_flushed(weir_processor *processor, const weir_flushed *flushed,
                                   weir_error *err)
{
    weir_session session = {0};
    if (!weir_session_of(flushed->key, &session)) {
        return weir_error_set(err, WEIR_CORRUPT, "a session key of %zu bytes", flushed->key.size);
    }
    const weir_change change = {.new_value = flushed->value, .old_value = flushed->old_value};
    const weir_record source = weir_source_of_flushed(flushed);
    return forward((session_processor *)(void *)processor, &source, flushed->key, session.end_ms,
                   &change, err);
}

/* A session that ended before it has closed. */
static int64_t close_time(const session_processor *self)
{
    const weir_session_windows *windows = &self->sessions->windows;
    return *self->observed_ms - windows->grace_ms - windows->inactivity_gap_ms;
}

/* Sets or removes the row of a session, and passes its change on unless the cache will. */
static weir_status put(session_processor *self, const weir_record *record, int64_t start_ms,
                       int64_t end_ms, const weir_change *change, weir_error *err)
{
    const weir_session session = {record->key, start_ms, end_ms};
    weir_status status = weir_session_store_put(self->store, &session, change->new_value, err);
    if (status != WEIR_OK && status != WEIR_NOT_FOUND) {
        return status;
    }
    if (self->is_cached || self->sessions->emits_on_close) {
        return WEIR_OK;
    }
    weir_buf_set(&self->key, record->key);
    weir_buf_append_i64_be(&self->key, end_ms);
    weir_buf_append_i64_be(&self->key, start_ms);
    weir_change told = *change;
    told.old_value = self->spec->table->sends_old_values ? told.old_value : WEIR_BYTES_NULL;
    return forward(self, record, weir_buf_bytes(&self->key), end_ms, &told, err);
}

/* The sessions that the record belongs to, copied: they are removed afterwards. */
static weir_status meet(session_processor *self, const weir_record *record, met_session **out_met,
                        weir_error *err)
{
    weir_arena *arena = weir_context_arena(self->base.context);
    int64_t gap_ms = self->sessions->windows.inactivity_gap_ms;
    met_session **end = out_met;
    WEIR_AUTO_PTR(weir_session_iterator) iterator = NULL;
    WEIR_TRY(weir_session_store_find(self->store, record->key, record->timestamp_ms - gap_ms,
                                     record->timestamp_ms + gap_ms, &iterator, err));
    weir_session session = {0};
    weir_bytes value = {0};
    weir_status status = WEIR_OK;
    while ((status = weir_session_iterator_next(iterator, &session, &value, err)) == WEIR_OK) {
        met_session *met = weir_arena_alloc(arena, sizeof(*met));
        weir_bytes copy = weir_arena_copy(arena, value);
        if (met == NULL || copy.data == NULL) {
            return weir_error_set(err, WEIR_BAD_RECORD,
                                  "the sessions that a record joins take more memory than it may: "
                                  "make aggregates smaller");
        }
        *met = (met_session){session.start_ms, session.end_ms, copy, NULL};
        *end = met;
        end = &met->next;
    }
    return status == WEIR_NOT_FOUND ? WEIR_OK : status;
}

static weir_status merge(const session_processor *self, weir_call *call, weir_bytes key,
                         weir_bytes two, weir_bytes *inout_aggregate)
{
    weir_bytes one = *inout_aggregate;
    if (self->sessions->merger != NULL) {
        return weir_call_check(call, self->sessions->merger(call, key, one, two, inout_aggregate));
    }
    *inout_aggregate = two;
    return one.data == NULL
               ? WEIR_OK
               : weir_call_check(call, self->spec->reducer(call, one, two, inout_aggregate));
}

/* The aggregate of all that was met, and of the record. */
static weir_status combine(const session_processor *self, const weir_record *record,
                           const met_session *met, weir_bytes *out_aggregate, weir_error *err)
{
    weir_call call = {self->spec->user, weir_context_arena(self->base.context), err, false};
    weir_bytes aggregate = WEIR_BYTES_NULL;
    if (self->spec->initializer != NULL) {
        WEIR_TRY(weir_call_check(&call, self->spec->initializer(&call, &aggregate)));
    }
    for (; met != NULL; met = met->next) {
        WEIR_TRY(merge(self, &call, record->key, met->aggregate, &aggregate));
    }
    return weir_aggregate_advance(self->spec, &call, record, &aggregate, out_aggregate);
}

/* The session of a record becomes one with those that it meets. */
static weir_status join_sessions(session_processor *self, const weir_record *record,
                                 weir_error *err)
{
    met_session *met = NULL;
    WEIR_TRY(meet(self, record, &met, err));
    int64_t start_ms = record->timestamp_ms;
    int64_t end_ms = record->timestamp_ms;
    for (const met_session *each = met; each != NULL; each = each->next) {
        start_ms = each->start_ms < start_ms ? each->start_ms : start_ms;
        end_ms = each->end_ms > end_ms ? each->end_ms : end_ms;
    }
    if (end_ms < close_time(self)) {
        return weir_late_drop(self->base.context, &self->spec->table->late, record, err);
    }
    bool is_moment = start_ms == end_ms; /* Then it is the very session that was met, if one was. */
    for (const met_session *each = met; !is_moment && each != NULL; each = each->next) {
        const weir_change removal = {.old_value = each->aggregate};
        WEIR_TRY(put(self, record, each->start_ms, each->end_ms, &removal, err));
    }
    weir_change change = {0};
    WEIR_TRY(combine(self, record, met, &change.new_value, err));
    return put(self, record, start_ms, end_ms, &change, err);
}

static weir_status tell_closed(weir_processor *processor, weir_bytes key, weir_bytes value,
                               weir_error *err)
{
    session_processor *self = (session_processor *)(void *)processor;
    weir_session session = {0};
    if (!weir_session_of(key, &session)) {
        return weir_error_set(err, WEIR_CORRUPT, "a session key of %zu bytes", key.size);
    }
    const weir_change change = {.new_value = value};
    return forward(self, self->close.record, key, session.end_ms, &change, err);
}

/* The end belongs to a session. Where stream time leaps ahead, sessions go with their segment in
 * Kafka Streams before they were looked for, and are not passed on. */
static weir_status release_closed(session_processor *self, const weir_record *record,
                                  weir_error *err)
{
    int64_t close_ms = close_time(self);
    int64_t from_ms = self->close.released_ms < 0 ? 0 : self->close.released_ms;
    if (!weir_window_close_is_due(&self->close, self->base.context, close_ms) ||
        close_ms <= from_ms) {
        return WEIR_OK;
    }
    int64_t kept_ms = weir_session_store_segment_from(self->store);
    const weir_release what = {
        .from_ms = from_ms < kept_ms ? kept_ms : from_ms,
        .to_ms = close_ms - 1,
        .tell = tell_closed,
        .processor = &self->base,
    };
    return weir_window_close_release(&self->close, record, &what, close_ms, err);
}

static weir_status go_on(weir_processor *processor, int64_t stream_time_ms, weir_error *err)
{
    session_processor *self = (session_processor *)(void *)processor;
    const weir_record none = {.timestamp_ms = stream_time_ms};
    return weir_observed_time_go_on(self->observed_ms, stream_time_ms)
               ? release_closed(self, &none, err)
               : WEIR_OK;
}

static weir_status init(weir_processor *processor, weir_error *err)
{
    (void)err;
    session_processor *self = (session_processor *)(void *)processor;
    const char *name = self->spec->table->store->options.name;
    self->store = weir_context_session_store(processor->context, name);
    self->observed_ms = weir_context_observed_time(processor->context);
    weir_context_on_idle(processor->context, go_on);
    if (self->sessions->emits_on_close) {
        weir_window_close_open(&self->close, processor->context, name);
        return WEIR_OK;
    }
    self->is_cached = weir_ktable_on_flush(self->spec->table, processor, forward_flushed);
    return WEIR_OK;
}

static weir_status add_to_session(weir_processor *processor, const weir_record *record,
                                  weir_error *err)
{
    session_processor *self = (session_processor *)(void *)processor;
    if (record->key.data == NULL) {
        return weir_context_drop(processor->context);
    }
    if (*self->observed_ms < record->timestamp_ms) {
        *self->observed_ms = record->timestamp_ms;
    }
    WEIR_TRY(join_sessions(self, record, err));
    return release_closed(self, record, err);
}

static void free_processor(weir_processor *processor)
{
    weir_buf_cleanup(&((session_processor *)(void *)processor)->key);
    free(processor);
}

weir_processor *weir_sessions_new(void *user)
{
    static const weir_processor_ops ops = {init, add_to_session, free_processor};
    session_processor *self = weir_alloc(sizeof(*self));
    self->base.ops = &ops;
    self->spec = user;
    self->sessions = self->spec->windows;
    return &self->base;
}

/* Graph. */

weir_table_windows weir_sessions_of_table(const weir_session_windows *windows)
{
    return (weir_table_windows){
        .are_there = true,
        .are_sessions = true,
        .grace_ms = windows->inactivity_gap_ms + windows->grace_ms,
    };
}

void weir_sessions_check(weir_builder *builder, const weir_session_windows *windows,
                         const char *after)
{
    if (windows->inactivity_gap_ms <= 0 || windows->grace_ms < 0) {
        weir_builder_mistake(builder,
                             "sessions after %s: an inactivity gap above 0 and a grace of 0 or "
                             "more are needed",
                             after);
    }
}

weir_session_windowed_kstream *
weir_kgrouped_stream_windowed_by_session(weir_kgrouped_stream *grouped,
                                         const weir_session_windows *windows)
{
    WEIR_REFUSE_NULL(grouped);
    weir_builder *builder = grouped->stream.builder;
    weir_session_windowed_kstream *windowed = weir_builder_alloc(builder, sizeof(*windowed));
    windowed->grouped = grouped;
    windowed->windows = windows == NULL ? (weir_session_windows){0} : *windows;
    weir_sessions_check(builder, &windowed->windows, grouped->stream.name);
    return windowed;
}

weir_session_windowed_kstream *
weir_session_windowed_emit_strategy(weir_session_windowed_kstream *windowed,
                                    weir_emit_strategy strategy)
{
    WEIR_REFUSE_NULL(windowed);
    windowed->emits_on_close = strategy == WEIR_EMIT_ON_WINDOW_CLOSE;
    return windowed;
}

weir_graph_store *weir_sessions_declare_store(weir_builder *builder,
                                              const weir_session_windows *windows,
                                              const weir_materialized *materialized,
                                              const char *prefix)
{
    static const weir_materialized none;
    materialized = materialized == NULL ? &none : materialized;
    int64_t kept_ms = windows->inactivity_gap_ms + windows->grace_ms;
    weir_graph_store *store = weir_row_store_declare(builder, materialized, prefix);
    store->options.kind = WEIR_STORE_SESSION;
    store->options.timestamped = false; /* Its end is the time of a session. */
    store->options.retention_ms =
        materialized->retention_ms == 0 ? kept_ms : materialized->retention_ms;
    if (store->options.retention_ms < kept_ms) {
        weir_builder_mistake(builder,
                             "store '%s': a retention of %" PRId64 " ms is shorter than the gap "
                             "of its sessions and their grace: give it at least %" PRId64,
                             store->options.name, store->options.retention_ms, kept_ms);
    }
    return store;
}

/* Where the table is made, and with what; its functions but the merger are in spec. */
typedef struct session_table {
    const weir_materialized *materialized;
    const weir_operator_options *options;
    const char *prefix;
    weir_merger merger;
} session_table;

static weir_ktable *add(const weir_session_windowed_kstream *windowed, const session_table *table,
                        weir_aggregate_spec spec)
{
    weir_builder *builder = windowed->grouped->stream.builder;
    weir_sessions_spec *sessions = weir_builder_alloc(builder, sizeof(*sessions));
    *sessions = (weir_sessions_spec){windowed->windows, table->merger, windowed->emits_on_close};
    const weir_aggregate_place place = {
        .prefix = table->prefix,
        .options = table->options,
        .store = weir_sessions_declare_store(builder, &windowed->windows, table->materialized,
                                             table->prefix),
        .supplier = weir_sessions_new,
    };
    spec.windows = sessions;
    if (windowed->emits_on_close) {
        place.store->options.ordered_by_time = true;
        place.store->options.caching_enabled = false; /* As in Kafka Streams. */
    }
    weir_ktable *made = weir_aggregate_add(windowed->grouped, &place, &spec);
    weir_builder_require(builder, table->merger != NULL || spec.reducer != NULL, made->node->name,
                         "a merger");
    made->windows = weir_sessions_of_table(&windowed->windows);
    return made;
}

static weir_status add_counts(weir_call *call, weir_bytes key, weir_bytes one, weir_bytes two,
                              weir_bytes *out_aggregate)
{
    (void)key;
    int64_t count = 0;
    (void)weir_bytes_i64(two, &count);
    return weir_count_add(call, one, count, out_aggregate);
}

weir_ktable *weir_session_windowed_count(weir_session_windowed_kstream *windowed,
                                         const weir_materialized *materialized,
                                         const weir_operator_options *options)
{
    WEIR_REFUSE_NULL(windowed);
    weir_count_use_up_name(windowed->grouped->stream.builder, materialized);
    const session_table table = {materialized, options, "KSTREAM-AGGREGATE-", add_counts};
    return add(windowed, &table,
               (weir_aggregate_spec){.initializer = weir_count_zero, .aggregator = weir_count_one});
}

weir_ktable *weir_session_windowed_reduce(weir_session_windowed_kstream *windowed,
                                          weir_reducer reducer,
                                          const weir_materialized *materialized,
                                          const weir_operator_options *options)
{
    WEIR_REFUSE_NULL(windowed);
    const session_table table = {materialized, options, "KSTREAM-REDUCE-", NULL};
    return add(windowed, &table, (weir_aggregate_spec){.reducer = reducer});
}

weir_ktable *weir_session_windowed_aggregate(weir_session_windowed_kstream *windowed,
                                             const weir_session_aggregate *functions,
                                             const weir_materialized *materialized,
                                             const weir_operator_options *options)
{
    WEIR_REFUSE_NULL(windowed);
    static const weir_session_aggregate none;
    functions = functions == NULL ? &none : functions;
    const session_table table = {materialized, options, "KSTREAM-AGGREGATE-", functions->merger};
    return add(windowed, &table,
               (weir_aggregate_spec){.initializer = functions->initializer,
                                     .aggregator = functions->aggregator});
}
