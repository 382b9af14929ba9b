/* SPDX-License-Identifier: Apache-2.0
 *
 * utf8.c - what is well-formed, by the table of lead bytes and the bounds of the second byte
 * (Unicode 15, table 3-7). The bounds exclude overlong forms and surrogates.
 */
#include "topologies/utf8.h"

#include "streams/base/status.h"

enum { REPLACEMENT_CHARACTER = 0xfffd };

/* What a lead byte asks for: sequence length and the range of the second byte. */
typedef struct lead {
    size_t length;
    uint8_t second_min;
    uint8_t second_max;
    uint8_t payload_mask;
} lead;

static lead lead_of(uint8_t byte)
{
    if (byte < 0x80) {
        return (lead){1, 0, 0, 0x7f};
    }
    if (byte >= 0xc2 && byte <= 0xdf) {
        return (lead){2, 0x80, 0xbf, 0x1f};
    }
    if (byte >= 0xe0 && byte <= 0xef) {
        return (lead){3, byte == 0xe0 ? 0xa0 : 0x80, byte == 0xed ? 0x9f : 0xbf, 0x0f};
    }
    if (byte >= 0xf0 && byte <= 0xf4) {
        return (lead){4, byte == 0xf0 ? 0x90 : 0x80, byte == 0xf4 ? 0x8f : 0xbf, 0x07};
    }
    return (lead){0};
}

/* Bytes of the sequence at the start of bytes that fit, from 0 to its whole length. */
static size_t prefix_length(weir_bytes bytes, lead want)
{
    const uint8_t *data = bytes.data;
    size_t length = want.length > 0 ? 1 : 0;
    while (length < want.length && length < bytes.size) {
        uint8_t min = length == 1 ? want.second_min : 0x80;
        uint8_t max = length == 1 ? want.second_max : 0xbf;
        if (data[length] < min || data[length] > max) {
            return length;
        }
        length++;
    }
    return length;
}

size_t weir_utf8_decode(weir_bytes bytes, uint32_t *out_code_point)
{
    WEIR_ASSERT(out_code_point != NULL);
    *out_code_point = REPLACEMENT_CHARACTER;
    if (bytes.size == 0) {
        return 0;
    }
    const uint8_t *data = bytes.data;
    lead want = lead_of(data[0]);
    if (want.length == 0 || prefix_length(bytes, want) != want.length) {
        return 0;
    }
    uint32_t code_point = data[0] & want.payload_mask;
    for (size_t i = 1; i < want.length; i++) {
        code_point = code_point << 6 | (data[i] & 0x3f);
    }
    *out_code_point = code_point;
    return want.length;
}

bool weir_utf8_is_well_formed(weir_bytes bytes)
{
    const uint8_t *data = bytes.data;
    size_t i = 0;
    while (i < bytes.size) {
        lead want = lead_of(data[i]);
        weir_bytes rest = {data + i, bytes.size - i};
        if (want.length == 0 || prefix_length(rest, want) != want.length) {
            return false;
        }
        i += want.length;
    }
    return true;
}

void weir_utf8_append_well_formed(weir_bytes bytes, weir_buf *out)
{
    WEIR_ASSERT(out != NULL);
    const uint8_t *data = bytes.data;
    size_t i = 0;
    while (i < bytes.size) {
        lead want = lead_of(data[i]);
        size_t length = prefix_length((weir_bytes){data + i, bytes.size - i}, want);
        if (want.length != 0 && length == want.length) {
            weir_buf_append(out, data + i, length);
        } else {
            weir_buf_append_text(out, "\xef\xbf\xbd");
        }
        i += length > 0 ? length : 1;
    }
}
