/* SPDX-License-Identifier: Apache-2.0
 *
 * row_log.h - rows of the engine in a file of their own, and in memory where each lies: a read is
 * one pread where the engine probes each of its sorted runs. The level between the row cache and
 * the engine, for state that is larger than memory.
 *
 * It holds what the engine holds, or less; what the caller writes to the engine it tells the log.
 * Nothing in it outlives the process: the file has no name.
 *
 * Ownership  Keys and values are copied.
 * Errors     None: where the file fails, or is damaged, the log is empty from then on and stays so;
 *            a line of the program's log says it once.
 * Threads    Any; a row, like the store that it is of, is used by one thread at a time.
 */
#ifndef WEIR_STATESTORE_ROW_LOG_H
#define WEIR_STATESTORE_ROW_LOG_H

#include "streams/base/bytes.h"

typedef struct weir_row_log weir_row_log;

/* Longer ones are not kept. */
enum { WEIR_ROW_LOG_KEY_BYTES_MAX = 255, WEIR_ROW_LOG_VALUE_BYTES_MAX = 4096 };

/* A smaller file is none. */
enum { WEIR_ROW_LOG_FILE_BYTES_MIN = 2 << 20 };

typedef struct weir_row_log_options {
    const char *directory;   /* Of the file; borrowed for the life of the log. */
    size_t memory_bytes_max; /* Too little for a row is none. */
    uint64_t file_bytes_max; /* It also stays out of the last tenth of the disk. */
} weir_row_log_options;

/* Makes no file and takes little memory before the first row. */
weir_row_log *weir_row_log_new(const weir_row_log_options *options);
void weir_row_log_free(weir_row_log *log);

/* True where the row is there; its value replaces the content of *out_value. store is a number that
 * the caller gives; to forget the rows of a store it takes another one. */
bool weir_row_log_get(weir_row_log *log, uint32_t store, weir_bytes key, weir_buf *out_value);

/* The row has this value from now on, or none (null). */
void weir_row_log_put(weir_row_log *log, uint32_t store, weir_bytes key, weir_bytes value);

/* Forgets all rows, of all stores. */
void weir_row_log_clear(weir_row_log *log);

/* Memory that it takes now. */
size_t weir_row_log_bytes(const weir_row_log *log);

/* Bytes of the file. */
uint64_t weir_row_log_file_bytes(weir_row_log *log);

/* Why it has switched itself off: an errno, EBADMSG for damage; 0: it has not. */
int weir_row_log_failure(const weir_row_log *log);

#endif
