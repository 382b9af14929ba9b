/* SPDX-License-Identifier: Apache-2.0
 *
 * arena.h - what processing one record allocates: handed out by a pointer, released all at once.
 *
 * Ownership  Memory belongs to the arena and is valid until weir_arena_reset or weir_arena_free.
 * Limits     An arena holds at most bytes_max; past it weir_arena_alloc answers NULL, which a
 *            caller maps to WEIR_BAD_RECORD, for it is the input that was too large.
 * Threads    One at a time.
 */
#ifndef WEIR_STREAMS_BASE_ARENA_H
#define WEIR_STREAMS_BASE_ARENA_H

#include "streams/base/bytes.h"

typedef struct weir_arena weir_arena;

/* An empty arena; it takes no memory before its first allocation. */
weir_arena *weir_arena_new(size_t bytes_max);
void weir_arena_free(weir_arena *arena);
WEIR_DEFINE_AUTO_PTR(weir_arena);

/* Uninitialised memory, aligned for any type; NULL past bytes_max. */
void *weir_arena_alloc(weir_arena *arena, size_t bytes);

/* A copy of bytes in the arena, NUL after it; the null bytes past bytes_max. */
weir_bytes weir_arena_copy(weir_arena *arena, weir_bytes bytes);

/* Forgets all that was handed out; one block is kept, so a steady state allocates nothing. */
void weir_arena_reset(weir_arena *arena);

/* Bytes handed out since the last reset, padding included. */
size_t weir_arena_used_bytes(const weir_arena *arena);

#endif
