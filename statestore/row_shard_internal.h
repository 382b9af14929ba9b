/* SPDX-License-Identifier: Apache-2.0
 *
 * row_shard_internal.h - the rows of one part of the row cache: what has some bits of the hash.
 *
 * Errors     None.
 * Threads    One at a time: a shard has no lock of its own.
 */
#ifndef WEIR_STATESTORE_ROW_SHARD_INTERNAL_H
#define WEIR_STATESTORE_ROW_SHARD_INTERNAL_H

#include "statestore/row_cache.h"
#include "statestore/row_filter.h"
#include "statestore/row_head.h"
#include "statestore/row_packing.h"

/* A key as a row would have it. What most of them need is a line of the processor's cache. */
typedef struct weir_row_name {
    uint64_t hash;
    const uint8_t *key; /* The caller's, or packed. */
    size_t bytes;
    uint32_t store;
    uint8_t packed_as; /* WEIR_ROW_KEY_PACKED or none. */
    uint8_t key_size;
    uint8_t packed[WEIR_PACKED_KEY_BYTES_MAX];
} weir_row_name;

/* Places and sizes are in units. Head and tail only grow, until the shard is cleared: a place is
 * the rest of their division by the capacity. A slot holds its place + 1; 0 is an empty one. */
typedef struct weir_row_shard {
    const weir_row_cache_options *options;
    uint32_t *slots; /* NULL: there is no memory. */
    size_t buckets;  /* Twice as many once a row finds its bucket full, up to buckets_max. */
    size_t buckets_min;
    size_t buckets_max;
    uint8_t *ring;
    size_t capacity;
    size_t capacity_max; /* While the level below has no rows; then less, as it has more. */
    size_t capacity_min;
    uint64_t head;
    uint64_t tail;
    size_t touched;       /* So much of the ring takes memory. */
    size_t merged;        /* Bytes of it that lie in huge pages, where there are any. */
    size_t tables_bytes;  /* Of all, where this one is the first; 0: merged, or it is not. */
    weir_row_forms forms; /* Of the rows in the ring. */
    weir_row_filter let_go;
    uint32_t known_from; /* Of stores with a lower number rows may have come and gone unnoticed. */
    weir_row_reference reference;
    bool has_reference;
} weir_row_shard;

/* The key is borrowed as long as the name is used; it has WEIR_ROW_KEY_BYTES_MAX at most. */
void weir_row_name_of(weir_row_name *n, uint32_t store, weir_bytes key);

/* An all-zero shard, whose table and ring the caller then places. The options outlive it. */
void weir_row_shard_init(weir_row_shard *s, const weir_row_cache_options *options, size_t bytes,
                         size_t bytes_below);
void weir_row_shard_cleanup(weir_row_shard *s);

/* So much memory its table and its ring take at most. */
size_t weir_row_shard_table_bytes(const weir_row_shard *s);
size_t weir_row_shard_ring_bytes(const weir_row_shard *s);

/* So much it takes now. */
size_t weir_row_shard_bytes(const weir_row_shard *s);

/* Forgets all rows; what stores with a lower number than known_from had is not known. */
void weir_row_shard_clear(weir_row_shard *s, uint32_t known_from);

/* As the cache's own (row_cache.h). */
weir_row_found weir_row_shard_get(weir_row_shard *s, const weir_row_name *n, weir_buf *out_value);

/* Fetches the bucket of a row into the processor's cache; and then the row. */
void weir_row_shard_expect(const weir_row_shard *s, uint64_t hash);
void weir_row_shard_expect_row(const weir_row_shard *s, uint64_t hash);

/* The row has this value from now on, or none (null). False: it is not kept. */
bool weir_row_shard_write(weir_row_shard *s, const weir_row_name *n, const weir_row_read *written);

#endif
