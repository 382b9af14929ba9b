/* SPDX-License-Identifier: Apache-2.0
 *
 * map.h - a hash map from bytes to pointers, for small tables of the runtime (topics, groups,
 * hosts). Records and state do not live in it: statestore/ has structures for those.
 *
 * Ownership  Keys are copied; values are the caller's.
 * Order      weir_map_next walks in insertion order (a removal moves the last entry into the gap),
 *            so that a run from a seed can be replayed.
 * Threads    One at a time.
 */
#ifndef WEIR_STREAMS_BASE_MAP_H
#define WEIR_STREAMS_BASE_MAP_H

#include "streams/base/bytes.h"

typedef struct weir_map weir_map;

weir_map *weir_map_new(void);
void weir_map_free(weir_map *map); /* Not the values. */
WEIR_DEFINE_AUTO_PTR(weir_map);

/* The value of key, or NULL. */
void *weir_map_get(const weir_map *map, weir_bytes key);

/* Sets the value (not NULL) of key and returns the one that it replaces, or NULL. */
void *weir_map_put(weir_map *map, weir_bytes key, void *value);

/* Removes key and returns the value that it had, or NULL. */
void *weir_map_remove(weir_map *map, weir_bytes key);

size_t weir_map_count(const weir_map *map);

/* Walks the entries: *position starts at 0. False at the end. out_key may be NULL; the key is
 * borrowed until it is removed. Nothing may be added or removed during the walk. */
bool weir_map_next(const weir_map *map, size_t *position, weir_bytes *out_key, void **out_value);

#endif
