/* SPDX-License-Identifier: Apache-2.0
 *
 * arena.c - a chain of blocks, the newest first; the first block of BLOCK_BYTES survives a reset.
 *
 *   arena -> [block: used ....... free] -> [block: full] -> NULL
 */
#include "streams/base/arena.h"

#include "streams/base/status.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_BYTES = 32 << 10, ALIGNMENT = alignof(max_align_t) };

typedef struct block {
    struct block *older;
    size_t capacity;
    size_t used;
    alignas(max_align_t) uint8_t data[];
} block;

struct weir_arena {
    block *newest;
    size_t bytes_max;
    size_t used_bytes;
};

weir_arena *weir_arena_new(size_t bytes_max)
{
    WEIR_ASSERT(bytes_max > 0);

    weir_arena *arena = weir_alloc(sizeof *arena);
    arena->bytes_max = bytes_max;
    return arena;
}

void weir_arena_free(weir_arena *arena)
{
    if (arena == NULL) {
        return;
    }
    while (arena->newest != NULL) {
        block *older = arena->newest->older;
        free(arena->newest);
        arena->newest = older;
    }
    free(arena);
}

static void add_block(weir_arena *arena, size_t bytes)
{
    size_t capacity = bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES;
    block *added = weir_realloc(NULL, sizeof *added + capacity);
    *added = (block){.older = arena->newest, .capacity = capacity};
    arena->newest = added;
}

void *weir_arena_alloc(weir_arena *arena, size_t bytes)
{
    WEIR_ASSERT(arena->used_bytes <= arena->bytes_max);
    if (bytes > arena->bytes_max) {
        return NULL;
    }
    size_t padded = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (padded > arena->bytes_max - arena->used_bytes) {
        return NULL;
    }
    if (arena->newest == NULL || arena->newest->capacity - arena->newest->used < padded) {
        add_block(arena, padded);
    }
    block *from = arena->newest;
    void *memory = from->data + from->used;
    from->used += padded;
    arena->used_bytes += padded;
    return memory;
}

weir_bytes weir_arena_copy(weir_arena *arena, weir_bytes bytes)
{
    uint8_t *copy = weir_arena_alloc(arena, bytes.size + 1);
    if (copy == NULL) {
        return WEIR_BYTES_NULL;
    }
    if (bytes.size > 0) {
        memcpy(copy, bytes.data, bytes.size);
    }
    copy[bytes.size] = 0;
    return weir_bytes_of(copy, bytes.size);
}

void weir_arena_reset(weir_arena *arena)
{
    if (arena->used_bytes == 0) { /* After most records. */
        return;
    }
    while (arena->newest != NULL &&
           (arena->newest->older != NULL || arena->newest->capacity > BLOCK_BYTES)) {
        block *older = arena->newest->older;
        free(arena->newest);
        arena->newest = older;
    }
    if (arena->newest != NULL) {
        arena->newest->used = 0;
    }
    arena->used_bytes = 0;
}

size_t weir_arena_used_bytes(const weir_arena *arena)
{
    return arena->used_bytes;
}
