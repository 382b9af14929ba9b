/* SPDX-License-Identifier: Apache-2.0
 *
 * rows.c - the row cache, and below it the row log once the cache is full.
 *
 *   read:   cache ─▶ log (one pread; the row goes up) ─▶ engine (the row goes into both)
 *   write:  the cache's row changes where there is one; the log takes each, for what is written
 *           is likely to be read again
 *
 * State that fits into memory makes no file. What is restored at once goes past both: each
 * row would cost as much again, and is read once from the engine when it is wanted.
 */
#include "statestore/rows.h"

#include "statestore/row_cache.h"
#include "statestore/row_log.h"
#include "streams/base/alloc.h"

#include <stdatomic.h>
#include <stdlib.h>

struct weir_rows {
    weir_row_cache *cache;
    weir_row_log *log; /* NULL: there is to be no file. */
    size_t cache_bytes_max;
    atomic_bool use_file;
};

/* A place of a row in the file takes some seven bytes, so three eighths of the memory point to as
 * many rows as would fill several times all of it. */
weir_rows *weir_rows_new(const weir_rows_options *options)
{
    weir_rows *rows = weir_alloc(sizeof *rows);
    size_t log_bytes = options->file_bytes_max == 0 ? 0 : options->memory_bytes_max / 16 * 7;
    rows->cache_bytes_max = options->memory_bytes_max - log_bytes;
    rows->cache = weir_row_cache_new(rows->cache_bytes_max);
    if (log_bytes > 0) {
        rows->log = weir_row_log_new(
            &(weir_row_log_options){options->directory, log_bytes, options->file_bytes_max});
    }
    return rows;
}

void weir_rows_free(weir_rows *rows)
{
    if (rows != NULL) {
        weir_row_cache_free(rows->cache);
        weir_row_log_free(rows->log);
        free(rows);
    }
}

uint32_t weir_rows_add_store(weir_rows *rows)
{
    return weir_row_cache_add_store(rows->cache);
}

bool weir_rows_use_file(const weir_rows *rows)
{
    return atomic_load_explicit(&rows->use_file, memory_order_relaxed);
}

bool weir_rows_get(weir_rows *rows, uint32_t store, weir_bytes key, weir_buf *out_value)
{
    if (weir_row_cache_get(rows->cache, store, key, out_value)) {
        return true;
    }
    if (weir_rows_use_file(rows) && weir_row_log_get(rows->log, store, key, out_value)) {
        weir_row_cache_put(rows->cache, store, key, weir_buf_bytes(out_value));
        return true;
    }
    return false;
}

/* Well before memory is full, for what is in the engine alone by then is to be read from it, each
 * row once; but for small state there is no file. Some shards of the cache are full earlier than
 * others. */
void weir_rows_note_size(weir_rows *rows, uint64_t bytes)
{
    enum { SMALL_BYTES = 16 << 20 };
    size_t full = rows->cache_bytes_max / 10 * 9;
    size_t large = rows->cache_bytes_max / 8;
    large = large < SMALL_BYTES ? SMALL_BYTES : large;
    if (rows->log != NULL && (bytes > large || weir_row_cache_bytes(rows->cache) >= full)) {
        atomic_store(&rows->use_file, true);
    }
}

void weir_rows_put(weir_rows *rows, uint32_t store, weir_bytes key, weir_bytes value)
{
    weir_row_cache_put(rows->cache, store, key, value);
    if (weir_rows_use_file(rows)) {
        weir_row_log_put(rows->log, store, key, value);
    }
}

void weir_rows_wrote(weir_rows *rows, uint32_t store, weir_bytes key, weir_bytes value)
{
    weir_row_cache_wrote(rows->cache, store, key, value);
    if (weir_rows_use_file(rows)) {
        weir_row_log_put(rows->log, store, key, value);
    }
}

void weir_rows_clear(weir_rows *rows)
{
    weir_row_cache_clear(rows->cache);
    if (rows->log != NULL) {
        weir_row_log_clear(rows->log);
    }
}

size_t weir_rows_bytes(weir_rows *rows)
{
    return weir_row_cache_bytes(rows->cache) +
           (rows->log == NULL ? 0 : weir_row_log_bytes(rows->log));
}

uint64_t weir_rows_file_bytes(weir_rows *rows)
{
    return rows->log == NULL ? 0 : weir_row_log_file_bytes(rows->log);
}

int weir_rows_failure(const weir_rows *rows)
{
    return rows->log == NULL ? 0 : weir_row_log_failure(rows->log);
}
