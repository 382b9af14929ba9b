/* SPDX-License-Identifier: Apache-2.0
 *
 * function.c - typed values in Kafka's bytes. Its serdes are fixed-size and big-endian, so a number
 * costs a swap, and eight bytes of the arena.
 *
 * The arena of a task is bounded (arena.h): a function that fills it gets null bytes, which the
 * operators tell from an answer by call->overfull.
 */
#include "streams/dsl/function.h"

#include "streams/base/serde.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool weir_bytes_i32(weir_bytes bytes, int32_t *out_number)
{
    if (bytes.data == NULL || bytes.size != sizeof(*out_number)) {
        return false;
    }
    *out_number = (int32_t)weir_get_u32_be(bytes.data);
    return true;
}

bool weir_bytes_i64(weir_bytes bytes, int64_t *out_number)
{
    if (bytes.data == NULL || bytes.size != sizeof(*out_number)) {
        return false;
    }
    *out_number = (int64_t)weir_get_u64_be(bytes.data);
    return true;
}

bool weir_bytes_f64(weir_bytes bytes, double *out_number)
{
    int64_t bits = 0;
    if (!weir_bytes_i64(bytes, &bits)) {
        return false;
    }
    memcpy(out_number, &bits, sizeof(*out_number));
    return true;
}

static void *room(weir_call *call, size_t bytes)
{
    void *memory = weir_arena_alloc(call->arena, bytes);
    call->overfull = call->overfull || memory == NULL;
    return memory;
}

weir_bytes weir_call_i32(weir_call *call, int32_t number)
{
    void *memory = room(call, sizeof(number));
    if (memory == NULL) {
        return WEIR_BYTES_NULL;
    }
    weir_put_u32_be(memory, (uint32_t)number);
    return weir_bytes_of(memory, sizeof(number));
}

weir_bytes weir_call_i64(weir_call *call, int64_t number)
{
    void *memory = room(call, sizeof(number));
    if (memory == NULL) {
        return WEIR_BYTES_NULL;
    }
    weir_put_u64_be(memory, (uint64_t)number);
    return weir_bytes_of(memory, sizeof(number));
}

weir_bytes weir_call_f64(weir_call *call, double number)
{
    int64_t bits = 0;
    memcpy(&bits, &number, sizeof(bits));
    return weir_call_i64(call, bits);
}

weir_bytes weir_call_text(weir_call *call, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    WEIR_ASSERT(length >= 0);
    char *memory = room(call, (size_t)length + 1);
    if (memory != NULL) {
        (void)vsnprintf(memory, (size_t)length + 1, format, again);
    }
    va_end(again);
    return memory == NULL ? WEIR_BYTES_NULL : weir_bytes_of(memory, (size_t)length);
}

weir_bytes weir_call_concat(weir_call *call, weir_bytes a, weir_bytes b)
{
    uint8_t *memory = room(call, a.size + b.size + 1);
    if (memory == NULL) {
        return WEIR_BYTES_NULL;
    }
    if (a.size > 0) {
        memcpy(memory, a.data, a.size);
    }
    if (b.size > 0) {
        memcpy(memory + a.size, b.data, b.size);
    }
    return weir_bytes_of(memory, a.size + b.size);
}

weir_status weir_call_check(const weir_call *call, weir_status status)
{
    if (status == WEIR_OK && call->overfull) {
        return weir_error_set(call->err, WEIR_BAD_RECORD,
                              "a function asked for more memory than one record may take: answer "
                              "less, or split the record");
    }
    return status;
}
