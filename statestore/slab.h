/* SPDX-License-Identifier: Apache-2.0
 *
 * slab.h - memory of many small pieces that often go all at once: what an ordered map holds.
 *
 * Ownership  A piece belongs to the slab; it ends with weir_slab_release, _reset or _cleanup.
 * Threads    One at a time.
 */
#ifndef WEIR_STATESTORE_SLAB_H
#define WEIR_STATESTORE_SLAB_H

#include "streams/base/bytes.h"

/* Pieces up to this size are cut from chunks; larger ones come from malloc, one by one. */
enum { WEIR_SLAB_PIECE_BYTES_MAX = 1024, WEIR_SLAB_STEP_BYTES = 16 };

typedef struct weir_slab_chunk weir_slab_chunk;

/* All-zero is an empty slab. */
typedef struct weir_slab {
    weir_slab_chunk *chunks; /* The first is the one that pieces are cut from. */
    weir_slab_chunk *large;  /* Pieces above the limit. */
    uint8_t *next;           /* Where the free part of the first chunk begins … */
    size_t left;             /* … and its size. */
    size_t held_bytes;       /* Chunks and large pieces together. */
    void *free[WEIR_SLAB_PIECE_BYTES_MAX / WEIR_SLAB_STEP_BYTES + 1];
} weir_slab;

/* Uninitialised memory, aligned to 16 bytes. */
void *weir_slab_alloc(weir_slab *slab, size_t bytes);

/* Gives a piece of that size back; NULL is fine. */
void weir_slab_release(weir_slab *slab, void *piece, size_t bytes);

/* The bytes that a piece of this size really has. */
size_t weir_slab_capacity(size_t bytes);

/* Forgets all pieces; the first chunk is kept for the next ones. */
void weir_slab_reset(weir_slab *slab);

void weir_slab_cleanup(weir_slab *slab);

#endif
