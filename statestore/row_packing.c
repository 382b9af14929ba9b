/* SPDX-License-Identifier: Apache-2.0
 *
 * row_packing.c - two digits a byte; and a mask of which bytes differ, then these.
 *
 *   value:  mask, a bit for each byte, in whole bytes | the bytes whose bit is set
 */
#include "statestore/row_packing.h"

#include <string.h>

enum { NOT_A_DIGIT = 0xff };

/* What a digit stands for, + 1, so that all others are 0. */
static const uint8_t digit_values[256] = {
    ['0'] = 1, ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
    ['8'] = 9, ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
};

static const char digits[] = "0123456789abcdef";

static uint8_t digit_at(weir_bytes key, size_t at)
{
    uint8_t value = digit_values[((const uint8_t *)key.data)[at]];
    return value == 0 ? NOT_A_DIGIT : (uint8_t)(value - 1);
}

size_t weir_row_pack_key(weir_bytes key, uint8_t *out)
{
    for (size_t i = 0; i < key.size; i += 2) {
        uint8_t first = digit_at(key, i);
        uint8_t second = i + 1 < key.size ? digit_at(key, i + 1) : 0;
        if (first == NOT_A_DIGIT || second == NOT_A_DIGIT) {
            return 0;
        }
        out[i / 2] = (uint8_t)(first << 4 | second);
    }
    return (key.size + 1) / 2;
}

void weir_row_unpack_key(const uint8_t *packed, size_t size, uint8_t *out)
{
    for (size_t i = 0; i < size; i++) {
        out[i] = (uint8_t)digits[i % 2 == 0 ? packed[i / 2] >> 4 : packed[i / 2] & 0xf];
    }
}

static size_t mask_size(size_t size)
{
    return (size + 7) / 8;
}

static uint32_t mask_of(const uint8_t *packed, size_t size)
{
    uint32_t mask = 0;
    for (size_t i = 0; i < mask_size(size); i++) {
        mask |= (uint32_t)packed[i] << (8 * i);
    }
    return mask;
}

size_t weir_row_pack_value(const weir_row_reference *reference, weir_bytes value, uint8_t *out)
{
    const uint8_t *bytes = value.data;
    size_t count = mask_size(value.size);
    uint32_t mask = 0;
    for (size_t i = 0; i < value.size; i++) {
        bool differs = bytes[i] != reference->bytes[i];
        out[count] = bytes[i]; /* It may be overwritten by the next one, or be the one too many. */
        mask |= (uint32_t)differs << i;
        count += differs ? 1 : 0;
    }
    for (size_t i = 0; i < mask_size(value.size); i++) {
        out[i] = (uint8_t)(mask >> (8 * i));
    }
    return count;
}

size_t weir_row_packed_value_size(const uint8_t *packed, size_t size)
{
    return mask_size(size) + (size_t)__builtin_popcount(mask_of(packed, size));
}

void weir_row_unpack_value(const weir_row_reference *reference, const uint8_t *packed, size_t size,
                           uint8_t *out)
{
    uint32_t mask = mask_of(packed, size);
    memcpy(out, reference->bytes, size);
    packed += mask_size(size);
    for (; mask != 0; mask &= mask - 1) {
        out[__builtin_ctz(mask)] = *packed++;
    }
}
