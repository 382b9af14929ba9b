/* SPDX-License-Identifier: Apache-2.0
 *
 * rest_cursor.c - three bytes are four letters, without padding.
 */
#include "connectors/rest_cursor.h"

#include <string.h>

/* RFC 4648, section 5. */
static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void weir_rest_cursor_encode(weir_bytes key, weir_buf *to)
{
    const uint8_t *from = key.data;
    for (size_t at = 0; at < key.size; at += 3) {
        size_t count = key.size - at < 3 ? key.size - at : 3;
        uint32_t bits = (uint32_t)from[at] << 16;
        bits |= count > 1 ? (uint32_t)from[at + 1] << 8 : 0;
        bits |= count > 2 ? (uint32_t)from[at + 2] : 0;
        for (size_t i = 0; i <= count; i++) {
            weir_buf_append_byte(to, (uint8_t)digits[bits >> (18 - 6 * i) & 63]);
        }
    }
}

bool weir_rest_cursor_decode(weir_bytes cursor, weir_buf *out_key)
{
    const uint8_t *from = cursor.data;
    uint32_t bits = 0;
    uint32_t bit_count = 0;
    weir_buf_clear(out_key);
    if (cursor.size % 4 == 1) {
        return false;
    }
    for (size_t i = 0; i < cursor.size; i++) {
        const char *digit = from[i] == '\0' ? NULL : strchr(digits, from[i]);
        if (digit == NULL) {
            return false;
        }
        bits = bits << 6 | (uint32_t)(digit - digits);
        bit_count += 6;
        if (bit_count >= 8) {
            bit_count -= 8;
            weir_buf_append_byte(out_key, (uint8_t)(bits >> bit_count));
        }
    }
    return (bits & ((1U << bit_count) - 1)) == 0; /* What is left over is padding. */
}

weir_status weir_rest_cursor_read(const weir_rest_request *request, weir_buf *key,
                                  weir_bytes *out_key, weir_error *err)
{
    weir_bytes cursor = weir_rest_query(request, "cursor");
    if (cursor.data == NULL) {
        *out_key = WEIR_BYTES_NULL;
        return WEIR_OK;
    }
    if (!weir_rest_cursor_decode(cursor, key)) {
        return weir_error_set(err, WEIR_BAD_RECORD,
                              "cursor is none of ours: pass next_cursor of the page before, or "
                              "none for the first page");
    }
    *out_key = weir_buf_bytes(key);
    return WEIR_OK;
}
