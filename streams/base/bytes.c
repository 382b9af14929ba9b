/* SPDX-License-Identifier: Apache-2.0
 *
 * bytes.c - comparison of borrowed bytes, growth of owned ones.
 */
#include "streams/base/bytes.h"

#include "streams/base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUF_FIRST_CAPACITY = 64, BUF_RESTING_BYTES_MAX = 4096 };

weir_bytes weir_bytes_of_text(const char *text)
{
    return text == NULL ? WEIR_BYTES_NULL : weir_bytes_of(text, strlen(text));
}

bool weir_bytes_equal(weir_bytes a, weir_bytes b)
{
    if (a.data == NULL || b.data == NULL) {
        return a.data == b.data;
    }
    return a.size == b.size && memcmp(a.data, b.data, a.size) == 0;
}

int weir_bytes_compare(weir_bytes a, weir_bytes b)
{
    size_t common = a.size < b.size ? a.size : b.size;
    int order = common == 0 ? 0 : memcmp(a.data, b.data, common);
    if (order != 0) {
        return order;
    }
    return (a.size > b.size) - (a.size < b.size);
}

bool weir_bytes_starts_with(weir_bytes bytes, weir_bytes prefix)
{
    return bytes.size >= prefix.size &&
           (prefix.size == 0 || memcmp(bytes.data, prefix.data, prefix.size) == 0);
}

void weir_buf_cleanup(weir_buf *buf)
{
    if (buf == NULL) {
        return;
    }
    free(buf->data);
    *buf = (weir_buf){0};
}

void weir_buf_rest(weir_buf *buf)
{
    if (buf->capacity > BUF_RESTING_BYTES_MAX) {
        weir_buf_cleanup(buf);
    }
    buf->size = 0;
}

uint8_t *weir_buf_reserve(weir_buf *buf, size_t extra)
{
    WEIR_ASSERT(buf->size <= buf->capacity);
    WEIR_ASSERT(extra <= SIZE_MAX / 2 - buf->size);

    size_t wanted = buf->size + extra;
    if (wanted > buf->capacity || buf->data == NULL) {
        size_t capacity = buf->capacity == 0 ? BUF_FIRST_CAPACITY : buf->capacity;
        while (capacity < wanted) {
            capacity *= 2;
        }
        buf->data = weir_realloc(buf->data, capacity);
        buf->capacity = capacity;
    }
    return buf->data + buf->size;
}

void weir_buf_append(weir_buf *buf, const void *data, size_t size)
{
    WEIR_ASSERT(size == 0 || data != NULL);
    if (size == 0) {
        return;
    }
    memcpy(weir_buf_reserve(buf, size), data, size);
    buf->size += size;
}

void weir_buf_append_byte(weir_buf *buf, uint8_t byte)
{
    *weir_buf_reserve(buf, 1) = byte;
    buf->size++;
}

void weir_buf_append_text(weir_buf *buf, const char *text)
{
    weir_buf_append(buf, text, strlen(text));
}

void weir_buf_append_format(weir_buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    WEIR_ASSERT(length >= 0);
    size_t room = (size_t)length + 1;
    (void)vsnprintf((char *)weir_buf_reserve(buf, room), room, format, again);
    va_end(again);
    buf->size += (size_t)length;
}

void weir_buf_set(weir_buf *buf, weir_bytes content)
{
    buf->size = 0;
    weir_buf_append(buf, content.data, content.size);
}

bool weir_buf_set_after_prefix(weir_buf *buf, weir_bytes prefix)
{
    weir_buf_set(buf, prefix);
    while (buf->size > 0 && buf->data[buf->size - 1] == UINT8_MAX) {
        buf->size--;
    }
    if (buf->size == 0) {
        return false;
    }
    buf->data[buf->size - 1]++;
    return true;
}

weir_bytes weir_buf_bytes(const weir_buf *buf)
{
    return buf->data == NULL ? WEIR_BYTES("") : weir_bytes_of(buf->data, buf->size);
}

const char *weir_buf_text(weir_buf *buf)
{
    *weir_buf_reserve(buf, 1) = '\0';
    return (const char *)buf->data;
}

char *weir_bytes_to_text(weir_bytes bytes)
{
    char *text = weir_alloc(bytes.size + 1);
    if (bytes.size > 0) {
        memcpy(text, bytes.data, bytes.size);
    }
    return text;
}
