/* SPDX-License-Identifier: Apache-2.0
 *
 * slab.c - pieces cut from chunks, a free list for each size in steps of 16 bytes.
 *
 * A staged write lives for one commit, a committed one until it is applied: millions of pieces of
 * a few sizes, nearly always released together. A reset then costs the chunks, not the pieces.
 * Chunks grow from 4 KiB to 256 KiB, so that the many small stores of a process stay small.
 */
#include "statestore/slab.h"

#include "streams/base/status.h"

#include <assert.h>
#include <stdlib.h>

enum { CHUNK_BYTES_MIN = 4 << 10, CHUNK_BYTES_MAX = 256 << 10 };

struct weir_slab_chunk {
    weir_slab_chunk *next;
    weir_slab_chunk *previous; /* Of large pieces only. */
    size_t bytes;              /* With this head. */
    size_t unused;             /* Keeps what follows aligned to 16. */
};

static_assert(sizeof(weir_slab_chunk) % WEIR_SLAB_STEP_BYTES == 0, "pieces are aligned");

size_t weir_slab_capacity(size_t bytes)
{
    size_t step = WEIR_SLAB_STEP_BYTES;
    return bytes == 0 ? step : (bytes + step - 1) / step * step;
}

static weir_slab_chunk *chunk_new(weir_slab *slab, size_t bytes)
{
    weir_slab_chunk *chunk = weir_realloc(NULL, bytes);
    *chunk = (weir_slab_chunk){.bytes = bytes};
    slab->held_bytes += bytes;
    return chunk;
}

static void *alloc_large(weir_slab *slab, size_t capacity)
{
    weir_slab_chunk *chunk = chunk_new(slab, sizeof(weir_slab_chunk) + capacity);
    chunk->next = slab->large;
    if (chunk->next != NULL) {
        chunk->next->previous = chunk;
    }
    slab->large = chunk;
    return chunk + 1;
}

static void release_large(weir_slab *slab, void *piece)
{
    weir_slab_chunk *chunk = (weir_slab_chunk *)piece - 1;
    if (chunk->next != NULL) {
        chunk->next->previous = chunk->previous;
    }
    if (chunk->previous != NULL) {
        chunk->previous->next = chunk->next;
    } else {
        WEIR_ASSERT(slab->large == chunk);
        slab->large = chunk->next;
    }
    slab->held_bytes -= chunk->bytes;
    free(chunk);
}

static void add_chunk(weir_slab *slab)
{
    size_t bytes = slab->chunks == NULL ? CHUNK_BYTES_MIN : slab->chunks->bytes * 2;
    weir_slab_chunk *chunk = chunk_new(slab, bytes < CHUNK_BYTES_MAX ? bytes : CHUNK_BYTES_MAX);
    chunk->next = slab->chunks;
    slab->chunks = chunk;
    slab->next = (uint8_t *)(chunk + 1);
    slab->left = chunk->bytes - sizeof *chunk;
}

void *weir_slab_alloc(weir_slab *slab, size_t bytes)
{
    size_t capacity = weir_slab_capacity(bytes);
    if (capacity > WEIR_SLAB_PIECE_BYTES_MAX) {
        return alloc_large(slab, capacity);
    }
    void **free_list = &slab->free[capacity / WEIR_SLAB_STEP_BYTES];
    if (*free_list != NULL) {
        void **piece = *free_list;
        *free_list = *piece;
        return piece;
    }
    if (slab->left < capacity) {
        add_chunk(slab);
    }
    WEIR_ASSERT(slab->left >= capacity);
    void *piece = slab->next;
    slab->next += capacity;
    slab->left -= capacity;
    return piece;
}

void weir_slab_release(weir_slab *slab, void *piece, size_t bytes)
{
    if (piece == NULL) {
        return;
    }
    size_t capacity = weir_slab_capacity(bytes);
    if (capacity > WEIR_SLAB_PIECE_BYTES_MAX) {
        release_large(slab, piece);
        return;
    }
    void **free_list = &slab->free[capacity / WEIR_SLAB_STEP_BYTES];
    *(void **)piece = *free_list;
    *free_list = piece;
}

static void free_chain(weir_slab *slab, weir_slab_chunk *chunk)
{
    while (chunk != NULL) {
        weir_slab_chunk *next = chunk->next;
        WEIR_ASSERT(slab->held_bytes >= chunk->bytes);
        slab->held_bytes -= chunk->bytes;
        free(chunk);
        chunk = next;
    }
}

void weir_slab_reset(weir_slab *slab)
{
    weir_slab_chunk *kept = slab->chunks;
    free_chain(slab, slab->large);
    if (kept == NULL) {
        *slab = (weir_slab){0};
        return;
    }
    free_chain(slab, kept->next);
    kept->next = NULL;
    *slab = (weir_slab){.chunks = kept,
                        .next = (uint8_t *)(kept + 1),
                        .left = kept->bytes - sizeof *kept,
                        .held_bytes = kept->bytes};
}

void weir_slab_cleanup(weir_slab *slab)
{
    free_chain(slab, slab->large);
    free_chain(slab, slab->chunks);
    *slab = (weir_slab){0};
}
