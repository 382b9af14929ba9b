/* SPDX-License-Identifier: Apache-2.0
 *
 * base64.c - three bytes are four letters.
 */
#include "streams/base/base64.h"

#include <string.h>

enum { LETTERS = 64 };

static const char usual[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char of_urls[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void append(weir_buf *to, weir_bytes bytes, const char *letters, bool pads)
{
    const uint8_t *from = bytes.data;
    for (size_t i = 0; i < bytes.size; i += 3) {
        size_t left = bytes.size - i;
        uint32_t three = (uint32_t)from[i] << 16 | (left > 1 ? (uint32_t)from[i + 1] << 8 : 0) |
                         (left > 2 ? from[i + 2] : 0U);
        for (unsigned letter = 0; letter < 4; letter++) {
            if (letter <= left) {
                weir_buf_append_byte(to, (uint8_t)letters[three >> (18 - 6 * letter) & 63]);
            } else if (pads) {
                weir_buf_append_byte(to, '=');
            }
        }
    }
}

/* False where a letter is none of letters; *out_rest are the bits that make no byte. */
static bool decode(weir_bytes text, const char *letters, weir_buf *to, uint32_t *out_rest)
{
    const char *from = text.data;
    uint32_t bits = 0;
    unsigned count = 0;
    for (size_t i = 0; i < text.size; i++) {
        const char *at = memchr(letters, from[i], LETTERS);
        if (at == NULL) {
            return false;
        }
        bits = bits << 6 | (uint32_t)(at - letters);
        count += 6;
        if (count >= 8) {
            count -= 8;
            weir_buf_append_byte(to, (uint8_t)(bits >> count & 0xff));
        }
    }
    *out_rest = bits & ((1U << count) - 1);
    return true;
}

void weir_base64_append(weir_buf *to, weir_bytes bytes)
{
    append(to, bytes, usual, true);
}

bool weir_base64_decode(weir_bytes text, weir_buf *to)
{
    const char *from = text.data;
    while (text.size > 0 && from[text.size - 1] == '=') {
        text.size--;
    }
    uint32_t rest = 0;
    return decode(text, usual, to, &rest);
}

void weir_base64url_append(weir_buf *to, weir_bytes bytes)
{
    append(to, bytes, of_urls, false);
}

bool weir_base64url_decode(weir_bytes text, weir_buf *to)
{
    uint32_t rest = 0;
    return text.size % 4 != 1 && decode(text, of_urls, to, &rest) && rest == 0;
}
