/* SPDX-License-Identifier: Apache-2.0
 *
 * ktable_rows_internal.h - how changes of tables travel, how rows are kept, and how the row of a
 * key is found.
 *
 * Between the processors of tables a record carries a weir_change as its object; its value is the
 * new value.
 *
 * Ownership  A weir_row_store and a weir_view_reader are part of a processor.
 * Threads    The worker that owns the task.
 */
#ifndef WEIR_STREAMS_DSL_KTABLE_ROWS_INTERNAL_H
#define WEIR_STREAMS_DSL_KTABLE_ROWS_INTERNAL_H

#include "streams/dsl/builder.h"
#include "streams/table_context.h"

typedef struct weir_change {
    weir_bytes new_value; /* Null: the row went. */
    weir_bytes old_value; /* Null: there was none, or nobody downstream asks for it. */
    bool is_outdated;     /* Of a versioned table: there is a later row. */
} weir_change;

/* The rows of a table in a timestamped store. All-zero before it is opened. */
typedef struct weir_row_store {
    weir_kv *kv;
    weir_versioned_store *versions; /* Instead, of a versioned table. */
    bool is_cached;                 /* Changes are passed on when the cache lets go of them. */
    weir_buf stored;                /* What was read last. */
    weir_buf built;                 /* What was written last. */
} weir_row_store;

/* The rows of a table that is kept, for the processor that makes them, in its init. */
void weir_row_store_open(weir_row_store *rows, weir_processor *processor, const weir_ktable *table);
void weir_row_store_cleanup(weir_row_store *rows);

/* The row of key, borrowed until the next get; its value is null where there is none, and its time
 * is -1. */
weir_status weir_row_store_get(weir_row_store *rows, weir_bytes key, weir_timestamped *out_row,
                               weir_error *err);
/* The same as it was at a time, of a versioned table. */
weir_status weir_row_store_get_as_of(weir_row_store *rows, weir_bytes key, int64_t time_ms,
                                     weir_timestamped *out_row, weir_error *err);
/* Sets the row of the key of source to change's new value, or removes it, and passes the change on:
 * now, or when the cache lets go of it. */
weir_status weir_row_store_change(weir_row_store *rows, weir_context *context,
                                  const weir_record *source, const weir_change *change,
                                  int64_t timestamp_ms, weir_error *err);

/* Reads rows of a table, kept or computed, for a processor that runs. */
typedef struct weir_view_reader {
    const weir_ktable *table;
    weir_context *context;
    weir_row_store rows; /* If the table is kept. */
    struct weir_view_reader *left;
    struct weir_view_reader *right;
    struct weir_value_transformer *transformer; /* The reader's own, of a table that has them. */
} weir_view_reader;

/* Opens the stores of a table that the processor reads; frees what that needed. */
weir_status weir_view_reader_open(weir_view_reader *reader, weir_context *context,
                                  const weir_ktable *table, weir_error *err);
void weir_view_reader_cleanup(weir_view_reader *reader);

/* The row of key, as it is now; its value is null where there is none, and its time is -1. */
weir_status weir_view_reader_get(weir_view_reader *reader, weir_bytes key,
                                 weir_timestamped *out_row, weir_error *err);

/* Whether the rows of a table can be asked for as they were; the row at a time. */
bool weir_ktable_has_versions(const weir_ktable *table);
weir_status weir_view_reader_get_as_of(weir_view_reader *reader, weir_bytes key, int64_t time_ms,
                                       weir_timestamped *out_row, weir_error *err);

/* Passes a change on as a record like source, with the time of the change. */
weir_status weir_forward_change(weir_context *context, const weir_record *source,
                                const weir_change *change, int64_t timestamp_ms, weir_error *err);

/* The cache of the table's store tells listener what it lets go of, as weir_context_on_flush, with
 * old values and places where what follows from the table asks for them. In a processor's init. */
bool weir_ktable_on_flush(const weir_ktable *table, weir_processor *processor,
                          weir_flush_listener listener);

/* The record that the cache's row is of: key, headers and place, neither value nor time. */
weir_record weir_source_of_flushed(const weir_flushed *flushed);

/* What the cache of a timestamped store has let go of: the change, and the record that it is of,
 * with the time of the row. */
weir_status weir_change_of_flushed(const weir_flushed *flushed, weir_change *out_change,
                                   weir_record *out_source, weir_error *err);

#endif
