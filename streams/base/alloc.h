/* SPDX-License-Identifier: Apache-2.0
 *
 * alloc.h - memory for small control objects, and cleanup at the end of a scope.
 *
 * Allocation never fails here: out of memory aborts with a message, because librdkafka and RocksDB
 * below us do the same and surviving it would be theatre. Whatever is sized by input is checked
 * against a named limit before it reaches this header.
 *
 * Threads    Any.
 */
#ifndef WEIR_STREAMS_BASE_ALLOC_H
#define WEIR_STREAMS_BASE_ALLOC_H

#include <stddef.h>

/* Zeroed memory of bytes bytes (at least one); free() releases it. */
void *weir_alloc(size_t bytes);

/* Zeroed memory of count elements; an overflow of count * bytes aborts. */
void *weir_alloc_array(size_t count, size_t bytes);

/* Resizes memory from weir_alloc; what is new is not zeroed. memory may be NULL. */
void *weir_realloc(void *memory, size_t bytes);

/* Makes room for one element more in a growing array: doubles *capacity and reallocates when count
 * has reached it. Returns the array, moved or not. */
void *weir_grow(void *array, size_t count, size_t *capacity, size_t element_bytes);

/* Gives memory that was freed back to the kernel, which the allocator would keep for a while: for
 * moments after which other memory is needed. Without jemalloc nothing happens. */
void weir_alloc_give_back(void);

/* A copy of text, which may be NULL (then so is the copy). */
char *weir_strdup(const char *text);

/* printf into a new string. */
char *weir_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A value cleaned up by <type>_cleanup(&value) when its scope ends. */
#define WEIR_AUTO(type) __attribute__((cleanup(type##_cleanup), unused)) type

/* A pointer freed by <type>_free(pointer) when its scope ends; the header of type says
 * WEIR_DEFINE_AUTO_PTR(type). */
#define WEIR_AUTO_PTR(type) __attribute__((cleanup(type##_free_at_scope_end), unused)) type *

#define WEIR_DEFINE_AUTO_PTR(type)                                                                 \
    static inline void type##_free_at_scope_end(type **pointer)                                    \
    {                                                                                              \
        type##_free(*pointer);                                                                     \
    }                                                                                              \
    typedef int type##_auto_ptr_defined

/* Memory of malloc, freed when its scope ends. */
#define WEIR_AUTO_FREE __attribute__((cleanup(weir_free_at_scope_end), unused))
void weir_free_at_scope_end(void *pointer_to_pointer);

/* Ownership leaves an automatic pointer: its value, and NULL stays behind. */
#define weir_take(pointer_to)                                                                      \
    (__extension__({                                                                               \
        __typeof__(*(pointer_to)) weir_taken_ = *(pointer_to);                                     \
        *(pointer_to) = NULL;                                                                      \
        weir_taken_;                                                                               \
    }))

#define WEIR_COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#endif
