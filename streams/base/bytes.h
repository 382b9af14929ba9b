/* SPDX-License-Identifier: Apache-2.0
 *
 * bytes.h - borrowed bytes (weir_bytes) and owned bytes (weir_buf).
 *
 * A weir_bytes is valid for the call it is passed to unless a header says longer. data == NULL is
 * the null of Kafka (no key, a tombstone) and differs from the empty string, which has a pointer.
 *
 * Threads    Any, one at a time.
 */
#ifndef WEIR_STREAMS_BASE_BYTES_H
#define WEIR_STREAMS_BASE_BYTES_H

#include "streams/base/alloc.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct weir_bytes {
    const void *data;
    size_t size;
} weir_bytes;

#define WEIR_BYTES_NULL ((weir_bytes){NULL, 0})

/* The bytes of a string literal. */
#define WEIR_BYTES(literal) ((weir_bytes){"" literal, sizeof(literal) - 1})

/* size bytes at data, borrowed. */
static inline weir_bytes weir_bytes_of(const void *data, size_t size)
{
    return (weir_bytes){data, size};
}

/* The bytes of a NUL-terminated string; NULL gives the null bytes. */
weir_bytes weir_bytes_of_text(const char *text);

bool weir_bytes_equal(weir_bytes a, weir_bytes b);  /* Two nulls are equal; null is not empty. */
int weir_bytes_compare(weir_bytes a, weir_bytes b); /* memcmp order, shorter first on a tie. */
bool weir_bytes_starts_with(weir_bytes bytes, weir_bytes prefix);

/* Bytes that grow; all-zero is an empty buffer. */
typedef struct weir_buf {
    uint8_t *data;
    size_t size;
    size_t capacity;
} weir_buf;

void weir_buf_cleanup(weir_buf *buf); /* Frees and zeroes; may be called twice. */

/* Makes room for extra bytes after the content and returns where they start; size is unchanged. */
uint8_t *weir_buf_reserve(weir_buf *buf, size_t extra);

/* Append at the end; the memory doubles as it grows. */
void weir_buf_append(weir_buf *buf, const void *data, size_t size);
void weir_buf_append_byte(weir_buf *buf, uint8_t byte);
void weir_buf_append_text(weir_buf *buf, const char *text);
void weir_buf_append_format(weir_buf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Replaces the content; the memory is kept for reuse. */
void weir_buf_set(weir_buf *buf, weir_bytes content);

/* Makes *buf the smallest bytes that are larger than all that begin with prefix, for the end of a
 * range. False, and empty, where there are none (prefix is empty or all 0xff). */
bool weir_buf_set_after_prefix(weir_buf *buf, weir_bytes prefix);

/* Forgets the content; the memory is kept for reuse. */
static inline void weir_buf_clear(weir_buf *buf)
{
    buf->size = 0;
}

/* Forgets the content of a buffer that waits for its next use, and its memory if that is large. */
void weir_buf_rest(weir_buf *buf);

/* The content, borrowed until the buffer changes; never null, so an empty buffer is empty bytes. */
weir_bytes weir_buf_bytes(const weir_buf *buf);

/* The content as a C string, borrowed until the buffer changes; a NUL follows it. */
const char *weir_buf_text(weir_buf *buf);

/* A malloc'd, NUL-terminated copy of bytes. */
char *weir_bytes_to_text(weir_bytes bytes);

#endif
