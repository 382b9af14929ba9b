/* SPDX-License-Identifier: Apache-2.0
 *
 * base64.c - three bytes are four letters.
 */
#include "streams/base/base64.h"

#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void weir_base64_append(weir_buf *to, weir_bytes bytes)
{
    const uint8_t *from = bytes.data;
    for (size_t i = 0; i < bytes.size; i += 3) {
        size_t left = bytes.size - i;
        uint32_t three = (uint32_t)from[i] << 16 | (left > 1 ? (uint32_t)from[i + 1] << 8 : 0) |
                         (left > 2 ? from[i + 2] : 0U);
        weir_buf_append_byte(to, (uint8_t)alphabet[three >> 18]);
        weir_buf_append_byte(to, (uint8_t)alphabet[three >> 12 & 63]);
        weir_buf_append_byte(to, left > 1 ? (uint8_t)alphabet[three >> 6 & 63] : '=');
        weir_buf_append_byte(to, left > 2 ? (uint8_t)alphabet[three & 63] : '=');
    }
}

bool weir_base64_decode(weir_bytes text, weir_buf *to)
{
    const char *from = text.data;
    uint32_t bits = 0;
    unsigned count = 0;
    while (text.size > 0 && from[text.size - 1] == '=') {
        text.size--;
    }
    for (size_t i = 0; i < text.size; i++) {
        const char *at = memchr(alphabet, from[i], sizeof(alphabet) - 1);
        if (at == NULL) {
            return false;
        }
        bits = bits << 6 | (uint32_t)(at - alphabet);
        count += 6;
        if (count >= 8) {
            count -= 8;
            weir_buf_append_byte(to, (uint8_t)(bits >> count & 0xff));
        }
    }
    return true;
}
