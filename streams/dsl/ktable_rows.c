/* SPDX-License-Identifier: Apache-2.0
 *
 * ktable_rows.c - rows of tables: those that are kept, read and written; those that are not,
 * computed from what they come from.
 */
#include "streams/dsl/ktable_internal.h"
#include "streams/dsl/suppress_internal.h"
#include "streams/dsl/transform_values_internal.h"

#include <stdlib.h>

weir_record weir_source_of_flushed(const weir_flushed *flushed)
{
    return (weir_record){
        .key = flushed->key,
        .headers = flushed->headers,
        .header_count = flushed->header_count,
        .topic = flushed->topic,
        .partition = flushed->partition,
        .offset = flushed->offset,
    };
}

weir_status weir_change_of_flushed(const weir_flushed *flushed, weir_change *out_change,
                                   weir_record *out_source, weir_error *err)
{
    weir_timestamped row = {.timestamp_ms = flushed->timestamp_ms};
    weir_timestamped old = {0};
    if (flushed->value.data != NULL) {
        WEIR_TRY(weir_timestamped_decode(flushed->value, &row, err));
    }
    if (flushed->old_value.data != NULL) {
        WEIR_TRY(weir_timestamped_decode(flushed->old_value, &old, err));
    }
    *out_change = (weir_change){.new_value = row.value, .old_value = old.value};
    *out_source = weir_source_of_flushed(flushed);
    out_source->timestamp_ms = row.timestamp_ms;
    return WEIR_OK;
}

/* The cache has let go of a row: this is the change that it makes. */
static weir_status forward_flushed(weir_processor *processor, const weir_flushed *flushed,
                                   weir_error *err)
{
    weir_change change = {0};
    weir_record source = {0};
    WEIR_TRY(weir_change_of_flushed(flushed, &change, &source, err));
    return weir_forward_change(processor->context, &source, &change, source.timestamp_ms, err);
}

bool weir_ktable_on_flush(const weir_ktable *table, weir_processor *processor,
                          weir_flush_listener listener)
{
    const char *name = table->store->options.name;
    if (table->keeps_places) {
        weir_context_keep_places(processor->context, name);
    }
    return weir_context_on_flush(processor->context, name, listener, table->sends_old_values);
}

void weir_row_store_open(weir_row_store *rows, weir_processor *processor, const weir_ktable *table)
{
    const char *name = table->store->options.name;
    if (table->is_versioned) {
        rows->versions = weir_context_versioned_store(processor->context, name);
        return;
    }
    rows->kv = weir_context_store(processor->context, name);
    rows->is_cached = weir_ktable_on_flush(table, processor, forward_flushed);
}

void weir_row_store_cleanup(weir_row_store *rows)
{
    weir_buf_cleanup(&rows->stored);
    weir_buf_cleanup(&rows->built);
}

weir_status weir_row_store_get_as_of(weir_row_store *rows, weir_bytes key, int64_t time_ms,
                                     weir_timestamped *out_row, weir_error *err)
{
    *out_row = (weir_timestamped){.timestamp_ms = -1};
    weir_versioned_value version = {0};
    weir_status status =
        weir_versioned_store_get_as_of(rows->versions, key, time_ms, &version, err);
    if (status == WEIR_OK) {
        *out_row = (weir_timestamped){version.from_ms, version.value};
    }
    return status == WEIR_NOT_FOUND ? WEIR_OK : status;
}

weir_status weir_row_store_get(weir_row_store *rows, weir_bytes key, weir_timestamped *out_row,
                               weir_error *err)
{
    *out_row = (weir_timestamped){.timestamp_ms = -1};
    if (rows->versions != NULL) {
        return weir_row_store_get_as_of(rows, key, INT64_MAX, out_row, err);
    }
    weir_status status = weir_kv_get(rows->kv, key, &rows->stored, err);
    if (status != WEIR_OK) {
        return status == WEIR_NOT_FOUND ? WEIR_OK : status;
    }
    return weir_timestamped_decode(weir_buf_bytes(&rows->stored), out_row, err);
}

/* A version that is too late is no change. */
static weir_status change_version(weir_row_store *rows, weir_context *context,
                                  const weir_record *source, const weir_change *change,
                                  int64_t timestamp_ms, weir_error *err)
{
    int64_t to_ms = -1;
    weir_change told = *change;
    weir_status status = weir_versioned_store_put(rows->versions, source->key, change->new_value,
                                                  timestamp_ms, &to_ms, err);
    if (status == WEIR_NOT_FOUND) {
        return weir_context_drop(context);
    }
    WEIR_TRY(status);
    told.is_outdated = to_ms >= 0;
    return weir_forward_change(context, source, &told, timestamp_ms, err);
}

weir_status weir_row_store_change(weir_row_store *rows, weir_context *context,
                                  const weir_record *source, const weir_change *change,
                                  int64_t timestamp_ms, weir_error *err)
{
    if (rows->versions != NULL) {
        return change_version(rows, context, source, change, timestamp_ms, err);
    }
    if (change->new_value.data == NULL) {
        WEIR_TRY(weir_kv_remove(rows->kv, source->key, err));
    } else {
        const weir_timestamped row = {timestamp_ms, change->new_value};
        weir_timestamped_encode(row, &rows->built);
        WEIR_TRY(weir_kv_put(rows->kv, source->key, weir_buf_bytes(&rows->built), err));
    }
    return rows->is_cached ? WEIR_OK
                           : weir_forward_change(context, source, change, timestamp_ms, err);
}

weir_status weir_ktable_apply(const weir_ktable *table, weir_context *context, weir_bytes key,
                              weir_bytes value, weir_bytes *out_value, weir_error *err)
{
    *out_value = WEIR_BYTES_NULL;
    if (value.data == NULL) {
        return WEIR_OK;
    }
    const weir_record record = {.key = key, .value = value};
    if (table->kind == WEIR_TABLE_FILTER) {
        if (table->predicate(table->user, &record) != table->negated) {
            *out_value = value;
        }
        return WEIR_OK;
    }
    weir_call call = {table->user, weir_context_arena(context), err, false};
    return weir_call_check(&call, table->mapper(&call, &record, out_value));
}

static weir_status open_part(weir_context *context, const weir_ktable *table,
                             weir_view_reader **out_part, weir_error *err)
{
    *out_part = weir_alloc(sizeof(**out_part)); /* The whole frees it, opened or not. */
    return weir_view_reader_open(*out_part, context, table, err);
}

weir_status weir_view_reader_open(weir_view_reader *reader, weir_context *context,
                                  const weir_ktable *table, weir_error *err)
{
    reader->table = table;
    reader->context = context;
    if (table->is_versioned) {
        reader->rows.versions = weir_context_versioned_store(context, table->store->options.name);
        return WEIR_OK;
    }
    if (table->is_kept) {
        reader->rows.kv = weir_context_store(context, table->store->options.name);
        return WEIR_OK;
    }
    WEIR_TRY(open_part(context, table->left, &reader->left, err));
    if (table->right != NULL) {
        WEIR_TRY(open_part(context, table->right, &reader->right, err));
    }
    return table->kind == WEIR_TABLE_TRANSFORM
               ? weir_value_transformer_new(table, context, &reader->transformer, err)
               : WEIR_OK;
}

void weir_view_reader_cleanup(weir_view_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    weir_row_store_cleanup(&reader->rows);
    weir_view_reader_cleanup(reader->left);
    weir_view_reader_cleanup(reader->right);
    free(weir_take(&reader->left));
    free(weir_take(&reader->right));
    weir_value_transformer_free(weir_take(&reader->transformer));
}

bool weir_ktable_joins(const weir_ktable *table, weir_bytes left, weir_bytes right)
{
    switch (table->kind) {
    case WEIR_TABLE_INNER_JOIN:
        return left.data != NULL && right.data != NULL;
    case WEIR_TABLE_LEFT_JOIN:
        return left.data != NULL;
    case WEIR_TABLE_OUTER_JOIN:
        return left.data != NULL || right.data != NULL;
    case WEIR_TABLE_SOURCE:
    case WEIR_TABLE_AGGREGATE:
    case WEIR_TABLE_FILTER:
    case WEIR_TABLE_MAP:
    case WEIR_TABLE_TRANSFORM:
    case WEIR_TABLE_SUPPRESSED:
        break;
    }
    WEIR_ASSERT(false);
    return false;
}

static weir_status get_joined(weir_view_reader *reader, weir_bytes key, weir_timestamped *out_row,
                              weir_error *err)
{
    weir_timestamped left = {0};
    weir_timestamped right = {0};
    WEIR_TRY(weir_view_reader_get(reader->left, key, &left, err));
    WEIR_TRY(weir_view_reader_get(reader->right, key, &right, err));
    if (!weir_ktable_joins(reader->table, left.value, right.value)) {
        return WEIR_OK;
    }
    weir_call call = {reader->table->user, weir_context_arena(reader->context), err, false};
    WEIR_TRY(weir_call_check(
        &call, reader->table->joiner(&call, key, left.value, right.value, &out_row->value)));
    out_row->timestamp_ms =
        left.timestamp_ms > right.timestamp_ms ? left.timestamp_ms : right.timestamp_ms;
    return WEIR_OK;
}

/* A transformer may make a row where there is none. */
static weir_status get_transformed(weir_view_reader *reader, weir_bytes key,
                                   const weir_timestamped *parent, weir_timestamped *out_row,
                                   weir_error *err)
{
    const weir_record row = {
        .key = key, .value = parent->value, .timestamp_ms = parent->timestamp_ms};
    out_row->timestamp_ms = parent->timestamp_ms;
    return weir_value_transformer_apply(reader->transformer, reader->table, &row, &out_row->value,
                                        err);
}

static weir_status get_row(weir_view_reader *reader, weir_bytes key, int64_t time_ms,
                           weir_timestamped *out_row, weir_error *err);

/* Of a row whose value is null the time does not count. */
static weir_status find_row(weir_view_reader *reader, weir_bytes key, int64_t time_ms,
                            weir_timestamped *out_row, weir_error *err)
{
    if (reader->table->is_versioned) {
        return weir_row_store_get_as_of(&reader->rows, key, time_ms, out_row, err);
    }
    if (reader->table->is_kept) {
        return weir_row_store_get(&reader->rows, key, out_row, err);
    }
    if (reader->right != NULL) {
        return get_joined(reader, key, out_row, err);
    }
    bool is_held = false;
    if (reader->table->kind == WEIR_TABLE_SUPPRESSED) {
        WEIR_TRY(weir_suppress_prior(reader->table, reader->context, key, &is_held, out_row, err));
        return is_held ? WEIR_OK : weir_view_reader_get(reader->left, key, out_row, err);
    }
    weir_timestamped parent = {0};
    WEIR_TRY(get_row(reader->left, key, time_ms, &parent, err));
    if (reader->transformer != NULL) {
        return get_transformed(reader, key, &parent, out_row, err);
    }
    WEIR_TRY(
        weir_ktable_apply(reader->table, reader->context, key, parent.value, &out_row->value, err));
    out_row->timestamp_ms = parent.timestamp_ms;
    return WEIR_OK;
}

/* The row of key as it is, or as it was at time_ms in a versioned table. */
static weir_status get_row(weir_view_reader *reader, weir_bytes key, int64_t time_ms,
                           weir_timestamped *out_row, weir_error *err)
{
    *out_row = (weir_timestamped){.timestamp_ms = -1};
    WEIR_TRY(find_row(reader, key, time_ms, out_row, err));
    if (out_row->value.data == NULL) {
        out_row->timestamp_ms = -1; /* A join takes the time of the other side alone. */
    }
    return WEIR_OK;
}

weir_status weir_view_reader_get(weir_view_reader *reader, weir_bytes key,
                                 weir_timestamped *out_row, weir_error *err)
{
    return get_row(reader, key, INT64_MAX, out_row, err);
}

bool weir_ktable_has_versions(const weir_ktable *table)
{
    while (!table->is_kept && (table->kind == WEIR_TABLE_FILTER || table->kind == WEIR_TABLE_MAP ||
                               table->kind == WEIR_TABLE_TRANSFORM)) {
        table = table->left;
    }
    return table->is_versioned;
}

weir_status weir_view_reader_get_as_of(weir_view_reader *reader, weir_bytes key, int64_t time_ms,
                                       weir_timestamped *out_row, weir_error *err)
{
    WEIR_ASSERT(weir_ktable_has_versions(reader->table));
    return get_row(reader, key, time_ms, out_row, err);
}
