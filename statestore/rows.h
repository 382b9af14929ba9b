/* SPDX-License-Identifier: Apache-2.0
 *
 * rows.h - the rows of a database that need not be looked for in the engine: in memory
 * (row_cache.h), and in a file where memory does not hold them all (row_log.h).
 *
 * It holds what the engine holds, or less; what the caller writes to the engine it tells the rows.
 *
 * Ownership  Keys and values are copied.
 * Threads    Any; a row, like the store that it is of, is used by one thread at a time.
 */
#ifndef WEIR_STATESTORE_ROWS_H
#define WEIR_STATESTORE_ROWS_H

#include "statestore/row_cache.h"
#include "streams/base/bytes.h"

typedef struct weir_rows weir_rows;

typedef struct weir_rows_options {
    const char *directory; /* Of the file; borrowed for the life of the rows. */
    size_t memory_bytes_max;
    uint64_t file_bytes_max; /* Below two MiB: no file. */
} weir_rows_options;

/* Takes memory as rows come, and makes the file when they do not fit into it any more. */
weir_rows *weir_rows_new(const weir_rows_options *options);
void weir_rows_free(weir_rows *rows);

/* A number for a store: it has no rows yet. To forget the rows of a store it takes another one. */
uint32_t weir_rows_add_store(weir_rows *rows);

/* Where the row is there its value replaces the content of *out_value. */
weir_row_found weir_rows_get(weir_rows *rows, uint32_t store, weir_bytes key, weir_buf *out_value);

/* Keeps a row that was read from the engine. */
void weir_rows_put(weir_rows *rows, uint32_t store, weir_bytes key, weir_bytes value);

/* The engine's row has another value now, or none (null). */
void weir_rows_wrote(weir_rows *rows, uint32_t store, weir_bytes key, weir_bytes value);

/* The same of up to WEIR_ROWS_AT_ONCE rows (row_cache.h): it waits less for memory. */
void weir_rows_wrote_all(weir_rows *rows, uint32_t store, const weir_row_read *written,
                         size_t count);

/* The engine has the row now, and nobody may ask for it: it is not kept. */
void weir_rows_passed(weir_rows *rows, uint32_t store, weir_bytes key);

/* For a row that will be read or written soon: fetches where it lies into the processor's cache,
 * and answers a number by which the row itself is fetched some time later. */
uint64_t weir_rows_expect(weir_rows *rows, uint32_t store, weir_bytes key);
void weir_rows_expect_row(weir_rows *rows, uint64_t expected);

/* Forgets all rows, of all stores. */
void weir_rows_clear(weir_rows *rows);

/* Memory that rows have taken so far. */
size_t weir_rows_bytes(weir_rows *rows);

/* Bytes of the file. */
uint64_t weir_rows_file_bytes(weir_rows *rows);

/* Why there is no file any more, an errno (row_log.h); 0: nothing is wrong. */
int weir_rows_failure(const weir_rows *rows);

#endif
