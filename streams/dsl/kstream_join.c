/* SPDX-License-Identifier: Apache-2.0
 *
 * kstream_join.c - a stream joined with a table: each record looks its key up, as it is now, or in
 * a versioned table as it was at the time of the record.
 *
 * With a grace records wait in a store until stream time is past them by it, so that what the table
 * says of their time has come. The store is Kafka Streams': byte 0 | int64 time | key | int32
 * sequence, with the values of held_change.h; records leave it by time and key.
 */
#include "streams/dsl/held_change_internal.h"
#include "streams/dsl/joins.h"
#include "streams/dsl/kstream_internal.h"
#include "streams/dsl/ktable_internal.h"
#include "streams/dsl/null_handle_internal.h"

#include "streams/base/serde.h"

#include <stdlib.h>

typedef struct table_join {
    const weir_ktable *table;
    weir_value_joiner joiner;
    void *user;
    bool is_left_join;
    const char *waiting_store; /* NULL: without a grace. */
    int64_t grace_ms;
    int64_t tolerance_ms; /* Older rows are none; 0: no row is too old. */
} table_join;

typedef struct join_processor {
    weir_processor base;
    const table_join *spec;
    weir_view_reader table;
    weir_kv *waiting;
    int64_t observed_ms; /* The largest time of a record that waited. */
    uint32_t sequence;
    weir_held_reader reader;
    weir_buf key; /* Of what waits. */
    weir_buf value;
} join_processor;

enum {
    NO_GRACE = -1,
    RELEASED_BYTES_MAX = 1 << 20, /* Of what joiners allocate for one record. */
    WAITING_HEAD_BYTES = 9,       /* Byte 0 and the time. */
    WAITING_OVERHEAD_BYTES = WAITING_HEAD_BYTES + 4,
};

/* What the key of a record that waits is made of. */
typedef struct waiting_key {
    int64_t time_ms;
    weir_bytes key; /* Of the record; points into what was read. */
    uint32_t sequence;
} waiting_key;

static weir_status read_waiting_key(const join_processor *self, weir_bytes bytes,
                                    waiting_key *out_key, weir_error *err)
{
    if (bytes.size < WAITING_OVERHEAD_BYTES) {
        return weir_error_set(err, WEIR_CORRUPT, "%s: a key of %zu bytes",
                              self->spec->waiting_store, bytes.size);
    }
    const uint8_t *data = bytes.data;
    out_key->time_ms = (int64_t)weir_get_u64_be(data + 1);
    out_key->key = weir_bytes_of(data + WAITING_HEAD_BYTES, bytes.size - WAITING_OVERHEAD_BYTES);
    out_key->sequence = weir_get_u32_be(data + bytes.size - sizeof(out_key->sequence));
    return WEIR_OK;
}

/* Goes on behind what waits already. */
static weir_status open_waiting(join_processor *self, weir_error *err)
{
    self->waiting = weir_context_store(self->base.context, self->spec->waiting_store);
    WEIR_AUTO_PTR(weir_kv_iterator) waiting = NULL;
    WEIR_TRY(weir_kv_range(self->waiting, WEIR_BYTES_NULL, WEIR_BYTES_NULL, false, &waiting, err));
    weir_bytes key = {0};
    weir_bytes value = {0};
    weir_status status = WEIR_OK;
    while ((status = weir_kv_iterator_next(waiting, &key, &value, err)) == WEIR_OK) {
        waiting_key read = {0};
        WEIR_TRY(read_waiting_key(self, key, &read, err));
        self->sequence = self->sequence < read.sequence ? read.sequence : self->sequence;
        self->observed_ms = read.time_ms;
    }
    return status == WEIR_NOT_FOUND ? WEIR_OK : status;
}

static weir_status look_up(join_processor *self, const weir_record *record,
                           weir_timestamped *out_row, weir_error *err)
{
    if (record->key.data == NULL) {
        return WEIR_OK;
    }
    return weir_ktable_has_versions(self->spec->table)
               ? weir_view_reader_get_as_of(&self->table, record->key, record->timestamp_ms,
                                            out_row, err)
               : weir_view_reader_get(&self->table, record->key, out_row, err);
}

static weir_status join_row(join_processor *self, const weir_record *record, weir_error *err)
{
    const table_join *spec = self->spec;
    weir_timestamped row = {0};
    WEIR_TRY(look_up(self, record, &row, err));
    if (spec->tolerance_ms > 0 && row.timestamp_ms < record->timestamp_ms - spec->tolerance_ms) {
        row.value = WEIR_BYTES_NULL;
    }
    if (row.value.data == NULL && !spec->is_left_join) {
        return WEIR_OK;
    }
    weir_call call = {spec->user, weir_context_arena(self->base.context), err, false};
    weir_record out = *record;
    out.object = NULL;
    WEIR_TRY(weir_call_check(
        &call, spec->joiner(&call, record->key, record->value, row.value, &out.value)));
    return weir_context_forward(self->base.context, &out, err);
}

static weir_status put_waiting(join_processor *self, const weir_record *record, weir_error *err)
{
    if (self->observed_ms < record->timestamp_ms) {
        self->observed_ms = record->timestamp_ms;
    }
    self->sequence = (self->sequence + 1) & INT32_MAX;
    weir_buf_clear(&self->key);
    weir_buf_append_byte(&self->key, 0);
    weir_buf_append_i64_be(&self->key, record->timestamp_ms);
    weir_buf_append(&self->key, record->key.data, record->key.size);
    weir_buf_append_i32_be(&self->key, (int32_t)self->sequence);
    const weir_held_change held = {.record = *record, .change.new_value = record->value};
    weir_held_change_encode(&held, 0, &self->value);
    return weir_kv_put(self->waiting, weir_buf_bytes(&self->key), weir_buf_bytes(&self->value),
                       err);
}

/* Joins what has waited long enough, which is copied: the store is written meanwhile. */
static weir_status release_one(join_processor *self, weir_bytes key, weir_bytes value,
                               weir_error *err)
{
    weir_buf_set(&self->key, key);
    weir_buf_set(&self->value, value);
    waiting_key read = {0};
    WEIR_TRY(read_waiting_key(self, weir_buf_bytes(&self->key), &read, err));
    weir_held_change held = {0};
    int64_t unused = 0;
    WEIR_TRY(
        weir_held_change_decode(&self->reader, weir_buf_bytes(&self->value), &held, &unused, err));
    held.record.key = read.key;
    held.record.value = held.change.new_value;
    WEIR_TRY(join_row(self, &held.record, err));
    return weir_kv_remove(self->waiting, weir_buf_bytes(&self->key), err);
}

static weir_status release_due(join_processor *self, weir_error *err)
{
    int64_t due_ms = self->observed_ms - self->spec->grace_ms;
    if (due_ms < 0) {
        return WEIR_OK;
    }
    uint8_t end[WAITING_HEAD_BYTES] = {0};
    weir_put_u64_be(end + 1, (uint64_t)due_ms + 1);
    WEIR_AUTO_PTR(weir_kv_iterator) waiting = NULL;
    WEIR_TRY(weir_kv_range(self->waiting, WEIR_BYTES_NULL, weir_bytes_of(end, sizeof(end)), false,
                           &waiting, err));
    weir_bytes key = {0};
    weir_bytes value = {0};
    weir_status status = WEIR_OK;
    while ((status = weir_kv_iterator_next(waiting, &key, &value, err)) == WEIR_OK) {
        if (weir_arena_used_bytes(weir_context_arena(self->base.context)) > RELEASED_BYTES_MAX) {
            return WEIR_OK; /* The rest goes with the next record. */
        }
        WEIR_TRY(release_one(self, key, value, err));
    }
    return status == WEIR_NOT_FOUND ? WEIR_OK : status;
}

static weir_status go_on(weir_processor *processor, int64_t stream_time_ms, weir_error *err)
{
    join_processor *self = (join_processor *)(void *)processor;
    return weir_observed_time_go_on(&self->observed_ms, stream_time_ms) ? release_due(self, err)
                                                                        : WEIR_OK;
}

static weir_status init_join(weir_processor *processor, weir_error *err)
{
    join_processor *self = (join_processor *)(void *)processor;
    WEIR_TRY(weir_view_reader_open(&self->table, processor->context, self->spec->table, err));
    self->observed_ms = -1;
    if (self->spec->waiting_store == NULL) {
        return WEIR_OK;
    }
    weir_context_on_idle(processor->context, go_on);
    return open_waiting(self, err);
}

static weir_status join_record(weir_processor *processor, const weir_record *record,
                               weir_error *err)
{
    join_processor *self = (join_processor *)(void *)processor;
    const table_join *spec = self->spec;
    if (record->value.data == NULL || (record->key.data == NULL && !spec->is_left_join)) {
        return weir_context_drop(processor->context);
    }
    if (self->waiting == NULL || record->key.data == NULL ||
        record->timestamp_ms < self->observed_ms - spec->grace_ms) {
        return join_row(self, record, err);
    }
    WEIR_TRY(put_waiting(self, record, err));
    return release_due(self, err);
}

static void free_join(weir_processor *processor)
{
    join_processor *self = (join_processor *)(void *)processor;
    weir_view_reader_cleanup(&self->table);
    weir_held_reader_cleanup(&self->reader);
    weir_buf_cleanup(&self->key);
    weir_buf_cleanup(&self->value);
    free(self);
}

static weir_processor *new_join(void *user)
{
    static const weir_processor_ops ops = {init_join, join_record, free_join};
    join_processor *self = weir_alloc(sizeof(*self));
    self->base.ops = &ops;
    self->spec = user;
    return &self->base;
}

static weir_graph_store *waiting_store_of(weir_builder *builder, const table_join *spec)
{
    weir_graph_store *store = weir_builder_alloc(builder, sizeof(*store));
    store->options.name = spec->waiting_store;
    return store;
}

static weir_kstream *join(weir_kstream *stream, table_join spec, const char *prefix,
                          const weir_operator_options *options)
{
    static const weir_operator_options no_options;
    options = options == NULL ? &no_options : options;
    weir_builder *builder = stream->builder;
    table_join *kept = weir_builder_alloc(builder, sizeof(*kept));
    *kept = spec;
    kept->user = options->user;
    stream = weir_kstream_repartition_for_join(stream, options->name, "");
    const char *name = weir_builder_name_or_new(builder, options->name, prefix);
    weir_builder_require(builder, spec.joiner != NULL, name, "a joiner");
    if (spec.grace_ms >= 0) {
        kept->waiting_store = weir_builder_join_names(builder, name, "-Buffer");
    }
    weir_graph_node *node = weir_graph_add(builder, stream->node, WEIR_GRAPH_PROCESSOR, name);
    node->stores = kept->waiting_store == NULL ? NULL : waiting_store_of(builder, kept);
    node->processor = (weir_processor_options){new_join, kept};
    node->reads = spec.table;
    node->takes_null_keys = spec.is_left_join;
    return weir_kstream_of(builder, node, false);
}

weir_kstream *weir_kstream_join_table(weir_kstream *stream, weir_ktable *table,
                                      weir_value_joiner joiner,
                                      const weir_operator_options *options)
{
    WEIR_REFUSE_NULL(stream, table);
    weir_ktable_require_rows(table);
    return join(stream, (table_join){.table = table, .joiner = joiner, .grace_ms = NO_GRACE},
                "KSTREAM-JOIN-", options);
}

weir_kstream *weir_kstream_left_join_table(weir_kstream *stream, weir_ktable *table,
                                           weir_value_joiner joiner,
                                           const weir_operator_options *options)
{
    WEIR_REFUSE_NULL(stream, table);
    weir_ktable_require_rows(table);
    return join(
        stream,
        (table_join){.table = table, .joiner = joiner, .is_left_join = true, .grace_ms = NO_GRACE},
        "KSTREAM-LEFTJOIN-", options);
}

static weir_kstream *join_versioned(weir_kstream *stream, table_join spec, const char *prefix,
                                    const weir_operator_options *options)
{
    if (!weir_ktable_has_versions(spec.table) || spec.grace_ms < 0) {
        weir_builder_mistake(stream->builder,
                             "join after %s: a grace of 0 or more and a table with a history are "
                             "needed to wait for it",
                             stream->name);
    }
    return join(stream, spec, prefix, options);
}

weir_kstream *weir_kstream_join_versioned(weir_kstream *stream, weir_ktable *table,
                                          weir_value_joiner joiner, int64_t grace_ms,
                                          const weir_operator_options *options)
{
    WEIR_REFUSE_NULL(stream, table);
    return join_versioned(stream,
                          (table_join){.table = table, .joiner = joiner, .grace_ms = grace_ms},
                          "KSTREAM-JOIN-", options);
}

weir_kstream *weir_kstream_left_join_versioned(weir_kstream *stream, weir_ktable *table,
                                               weir_value_joiner joiner, int64_t grace_ms,
                                               const weir_operator_options *options)
{
    WEIR_REFUSE_NULL(stream, table);
    return join_versioned(
        stream,
        (table_join){.table = table, .joiner = joiner, .is_left_join = true, .grace_ms = grace_ms},
        "KSTREAM-LEFTJOIN-", options);
}

weir_kstream *weir_kstream_join_as_of(weir_kstream *left, weir_kstream *right,
                                      weir_value_joiner joiner, const weir_as_of *as_of,
                                      const weir_operator_options *options)
{
    WEIR_REFUSE_NULL(left, right);
    static const weir_as_of none;
    as_of = as_of == NULL ? &none : as_of;
    if (as_of->history_ms <= 0 || as_of->grace_ms < 0 || as_of->grace_ms > as_of->history_ms ||
        as_of->tolerance_ms < 0) {
        weir_builder_mistake(left->builder,
                             "as-of join after %s: a history_ms above 0 that is as long as its "
                             "grace_ms, and no tolerance_ms below 0 are needed",
                             left->name);
    }
    const weir_materialized kept = {
        .store_name = as_of->store_name != NULL
                          ? as_of->store_name
                          : weir_builder_new_store_name(left->builder, "KSTREAM-ASOFJOIN-"),
        .history_ms = as_of->history_ms,
    };
    weir_ktable *said = weir_kstream_to_table(right, &kept, NULL);
    weir_ktable_require_rows(said);
    const table_join spec = {
        .table = said,
        .joiner = joiner,
        .is_left_join = as_of->keeps_unmatched,
        .grace_ms = as_of->grace_ms == 0 ? NO_GRACE : as_of->grace_ms,
        .tolerance_ms = as_of->tolerance_ms,
    };
    return join(left, spec, "KSTREAM-ASOFJOIN-", options);
}
