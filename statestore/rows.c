/* SPDX-License-Identifier: Apache-2.0
 *
 * rows.c - the row cache, and below it the row log for what the cache has to let go.
 *
 *   read:   cache ─▶ log (one pread; the row goes up, and stays in the log) ─▶ engine (it goes up)
 *   write:  the cache has the row from then on
 *   cache is full:  a row that was not read for long goes; the log takes it where it does not have
 *                   it, or has an older one
 *
 * State that fits into memory makes no file and writes none. What the log has of a row counts only
 * where the cache has none: so each row that leaves the cache is put into the log, or forgotten
 * there.
 */
#include "statestore/rows.h"

#include "statestore/row_log.h"
#include "streams/base/alloc.h"

#include <stdlib.h>

struct weir_rows {
    weir_row_cache *cache;
    weir_row_log *log; /* NULL: there is to be no file. */
};

static void spill(void *user, uint32_t store, weir_bytes key, weir_bytes value)
{
    weir_rows *rows = user;
    weir_row_log_put(rows->log, store, key, value);
}

static size_t bytes_taken(void *user)
{
    const weir_rows *rows = user;
    return weir_row_log_bytes(rows->log);
}

/* A packed row takes some 21 bytes, its place in the file seven: a fifth of the memory points to
 * more than half as many rows as the rest holds. */
weir_rows *weir_rows_new(const weir_rows_options *options)
{
    weir_rows *rows = weir_alloc(sizeof *rows);
    size_t log_bytes =
        options->file_bytes_max < WEIR_ROW_LOG_FILE_BYTES_MIN ? 0 : options->memory_bytes_max / 5;
    if (log_bytes > 0) {
        rows->log = weir_row_log_new(
            &(weir_row_log_options){options->directory, log_bytes, options->file_bytes_max});
    }
    rows->cache = weir_row_cache_new(&(weir_row_cache_options){
        options->memory_bytes_max, log_bytes, rows->log == NULL ? NULL : spill, bytes_taken, rows});
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

weir_row_found weir_rows_get(weir_rows *rows, uint32_t store, weir_bytes key, weir_buf *out_value)
{
    weir_row_found found = weir_row_cache_get(rows->cache, store, key, out_value);
    if (found == WEIR_ROW_NOT_HERE && rows->log != NULL &&
        weir_row_log_get(rows->log, store, key, out_value)) {
        weir_row_cache_put(rows->cache, store,
                           &(weir_row_read){key, weir_buf_bytes(out_value), true});
        return WEIR_ROW_IS_HERE;
    }
    return found;
}

void weir_rows_put(weir_rows *rows, uint32_t store, weir_bytes key, weir_bytes value)
{
    weir_row_cache_put(rows->cache, store, &(weir_row_read){key, value, false});
}

void weir_rows_wrote(weir_rows *rows, uint32_t store, weir_bytes key, weir_bytes value)
{
    if (!weir_row_cache_wrote(rows->cache, store, key, value) && rows->log != NULL) {
        weir_row_log_put(rows->log, store, key, value);
    }
}

void weir_rows_wrote_all(weir_rows *rows, uint32_t store, const weir_row_read *written,
                         size_t count)
{
    bool kept[WEIR_ROWS_AT_ONCE];
    weir_row_cache_wrote_all(rows->cache, store, written, count, kept);
    for (size_t i = 0; rows->log != NULL && i < count; i++) {
        if (!kept[i]) {
            weir_row_log_put(rows->log, store, written[i].key, written[i].value);
        }
    }
}

void weir_rows_passed(weir_rows *rows, uint32_t store, weir_bytes key)
{
    weir_row_cache_passed(rows->cache, store, key);
}

uint64_t weir_rows_expect(weir_rows *rows, uint32_t store, weir_bytes key)
{
    return weir_row_cache_expect(rows->cache, store, key);
}

void weir_rows_expect_row(weir_rows *rows, uint64_t expected)
{
    weir_row_cache_expect_row(rows->cache, expected);
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
