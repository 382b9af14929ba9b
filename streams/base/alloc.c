/* SPDX-License-Identifier: Apache-2.0
 *
 * alloc.c - allocation that aborts rather than fails (alloc.h says why).
 */
#include "streams/base/alloc.h"

#include "streams/base/status.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GROW_FIRST_CAPACITY = 8, ZERO_BY_HAND_BYTES_MAX = 1 << 20 };

/* Read by jemalloc, where the program is linked with it: what lies free goes back to the kernel
 * after 2.5 s, not after ten. Weak, so a program that has its own keeps it. */
extern const char *malloc_conf;
__attribute__((weak)) const char *malloc_conf = "dirty_decay_ms:2500";

/* jemalloc's, in programs that are linked with it. */
extern int mallctl(const char *name, void *old, size_t *old_bytes, void *new, size_t new_bytes)
    __attribute__((weak));

static void *abort_if_null(void *memory, size_t bytes)
{
    if (memory == NULL) {
        fprintf(stderr, "weir: out of memory: %zu bytes were asked for\n", bytes);
        abort();
    }
    return memory;
}

void *weir_alloc(size_t bytes)
{
    return weir_alloc_array(1, bytes == 0 ? 1 : bytes);
}

/* jemalloc's calloc gives large blocks that it has in hand back to the kernel, to get them again
 * as zeros, a page fault at a time. What is worked on in a moment is cheaper to overwrite; what may
 * stay untouched, as large tables do in part, is left to calloc. */
void *weir_alloc_array(size_t count, size_t bytes)
{
    size_t all_bytes = 0;
    bool overflows = __builtin_mul_overflow(count == 0 ? 1 : count, bytes, &all_bytes);
    if (overflows || all_bytes > ZERO_BY_HAND_BYTES_MAX) {
        return abort_if_null(calloc(count, bytes), bytes);
    }
    /* Not malloc: gcc makes calloc of malloc and memset. */
    return memset(weir_realloc(NULL, all_bytes), 0, all_bytes);
}

void *weir_realloc(void *memory, size_t bytes)
{
    return abort_if_null(realloc(memory, bytes == 0 ? 1 : bytes), bytes);
}

void *weir_grow(void *array, size_t count, size_t *capacity, size_t element_bytes)
{
    WEIR_ASSERT(count <= *capacity);
    WEIR_ASSERT(element_bytes > 0);

    if (count < *capacity) {
        return array;
    }
    size_t wanted = *capacity == 0 ? GROW_FIRST_CAPACITY : *capacity * 2;
    WEIR_ASSERT(wanted <= SIZE_MAX / element_bytes);
    *capacity = wanted;
    return weir_realloc(array, wanted * element_bytes);
}

void weir_alloc_give_back(void)
{
    if (mallctl != NULL) {
        (void)mallctl("arena.4096.purge", NULL, NULL, NULL, 0); /* 4096: of all arenas. */
    }
}

char *weir_strdup(const char *text)
{
    return text == NULL ? NULL : abort_if_null(strdup(text), strlen(text) + 1);
}

char *weir_format(const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, format);
    int length = vasprintf(&text, format, args);
    va_end(args);
    return length < 0 ? abort_if_null(NULL, 0) : text;
}

void weir_free_at_scope_end(void *pointer_to_pointer)
{
    void *memory;
    memcpy(&memory, pointer_to_pointer, sizeof memory);
    free(memory);
}
