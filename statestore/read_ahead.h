/* SPDX-License-Identifier: Apache-2.0
 *
 * read_ahead.h - what the engine says of keys that will be read soon, all read in one go.
 *
 * Ownership  Keys and values are copied.
 * Threads    One at a time.
 */
#ifndef WEIR_STATESTORE_READ_AHEAD_H
#define WEIR_STATESTORE_READ_AHEAD_H

#include "statestore/kv_store.h"
#include "statestore/ordered_map.h"

typedef struct weir_read_ahead weir_read_ahead;

typedef struct weir_key_array {
    const weir_bytes *keys;
    size_t count;
} weir_key_array;

weir_read_ahead *weir_read_ahead_new(void);
void weir_read_ahead_free(weir_read_ahead *ahead);

/* Reads those keys of engine (a RocksDB store) that map does not have, in place of those read
 * before where there are too many. */
weir_status weir_read_ahead_fill(weir_read_ahead *ahead, weir_kv *engine,
                                 const weir_ordered_map *map, const weir_key_array *keys,
                                 weir_error *err);

/* True where key was read, its value in *out_value: null where there is none. Borrowed until the
 * next call. */
bool weir_read_ahead_find(const weir_read_ahead *ahead, weir_bytes key, weir_bytes *out_value);

/* Forgets all: the engine changes. */
void weir_read_ahead_clear(weir_read_ahead *ahead);

#endif
