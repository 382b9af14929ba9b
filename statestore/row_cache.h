/* SPDX-License-Identifier: Apache-2.0
 *
 * row_cache.h - rows of the engine in memory, for point reads of state that is larger than the
 * engine's own cache: a row takes its bytes, packed (row_packing.h), and some ten more, where a
 * block would bring its cold neighbours.
 *
 * It holds what the engine holds, or less; what the caller writes to the engine it tells the cache.
 * A row that has to go may be kept by a level below: it is told, unless it has the row already.
 *
 * Ownership  Keys and values are copied.
 * Threads    Any; a row, like the store that it is of, is used by one thread at a time.
 */
#ifndef WEIR_STATESTORE_ROW_CACHE_H
#define WEIR_STATESTORE_ROW_CACHE_H

#include "streams/base/bytes.h"

typedef struct weir_row_cache weir_row_cache;

typedef struct weir_row_read {
    weir_bytes key;
    weir_bytes value;
    bool is_below; /* The level below has it, too. */
} weir_row_read;

/* Longer ones are not kept. */
enum { WEIR_ROW_KEY_BYTES_MAX = 255, WEIR_ROW_VALUE_BYTES_MAX = 4096 };

/* Takes a row that has to go, while the part of the cache that it was in is locked. */
typedef void (*weir_row_spill)(void *user, uint32_t store, weir_bytes key, weir_bytes value);

typedef struct weir_row_cache_options {
    size_t bytes_max;                  /* Too little for a row is none. */
    size_t bytes_below;                /* Of these, for the level below as it takes them. */
    weir_row_spill spill;              /* NULL: there is no level below. */
    size_t (*bytes_taken)(void *user); /* What the level below has. Any thread. */
    void *user;
} weir_row_cache_options;

/* NEVER_CAME: of the rows that were written, read or passed since the store got its number (and the
 * cache was cleared last), none that is not removed again has the key. */
typedef enum weir_row_found {
    WEIR_ROW_NOT_HERE,
    WEIR_ROW_IS_HERE,
    WEIR_ROW_NEVER_CAME
} weir_row_found;

/* Takes memory as rows come. */
weir_row_cache *weir_row_cache_new(const weir_row_cache_options *options);
void weir_row_cache_free(weir_row_cache *cache);

/* A number for a store whose rows begin to be kept: none of them is there. To forget the rows of a
 * store it takes another number. */
uint32_t weir_row_cache_add_store(weir_row_cache *cache);

/* Where the row is kept its value replaces the content of *out_value. */
weir_row_found weir_row_cache_get(weir_row_cache *cache, uint32_t store, weir_bytes key,
                                  weir_buf *out_value);

/* Fetches where a row lies into the processor's cache, and answers a number by which the row itself
 * is fetched some time later: a read or a write of it waits for neither then. */
uint64_t weir_row_cache_expect(weir_row_cache *cache, uint32_t store, weir_bytes key);
void weir_row_cache_expect_row(weir_row_cache *cache, uint64_t expected);

/* Keeps a row that was read, in place of some that were not read for long. */
void weir_row_cache_put(weir_row_cache *cache, uint32_t store, const weir_row_read *row);

/* The row has another value now, or none (null). False: it is not kept, and what the level below
 * has of it is no more true. */
bool weir_row_cache_wrote(weir_row_cache *cache, uint32_t store, weir_bytes key, weir_bytes value);

/* The same of up to WEIR_ROWS_AT_ONCE rows, whose is_below is false. */
enum { WEIR_ROWS_AT_ONCE = 128 };
void weir_row_cache_wrote_all(weir_row_cache *cache, uint32_t store, const weir_row_read *rows,
                              size_t count, bool *out_kept);

/* The engine has the row now, and the cache is not to have it. */
void weir_row_cache_passed(weir_row_cache *cache, uint32_t store, weir_bytes key);

/* Forgets all rows, of all stores. */
void weir_row_cache_clear(weir_row_cache *cache);

/* Memory that rows have taken so far. */
size_t weir_row_cache_bytes(weir_row_cache *cache);

#endif
