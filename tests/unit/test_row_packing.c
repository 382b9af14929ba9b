/* SPDX-License-Identifier: Apache-2.0
 *
 * What is packed (statestore/row_packing.c) comes back as it was, and takes as little as it says.
 */
#include "statestore/row_packing.h"
#include "streams/base/random.h"
#include "tests/harness/check.h"

#include <string.h>

enum { ROUNDS = 20000, KEY_BYTES_MAX = 255 };

static void check_key(weir_bytes key)
{
    uint8_t packed[WEIR_PACKED_KEY_BYTES_MAX];
    uint8_t back[KEY_BYTES_MAX];
    CHECK_I64((int64_t)weir_row_pack_key(key, packed), ==, (int64_t)(key.size + 1) / 2);
    weir_row_unpack_key(packed, key.size, back);
    CHECK(weir_bytes_equal(weir_bytes_of(back, key.size), key));
}

TEST(keys_of_digits_take_half)
{
    static const char digits[] = "0123456789abcdef";
    weir_random random = weir_random_of(check_seed(1));
    char key[KEY_BYTES_MAX];
    for (int round = 0; round < ROUNDS; round++) {
        size_t size = 1 + (size_t)weir_random_below(&random, sizeof(key));
        for (size_t i = 0; i < size; i++) {
            key[i] = digits[weir_random_below(&random, sizeof(digits) - 1)];
        }
        check_key(weir_bytes_of(key, size));
    }
}

TEST(keys_of_other_bytes_stay)
{
    uint8_t packed[WEIR_PACKED_KEY_BYTES_MAX];
    CHECK_I64((int64_t)weir_row_pack_key(WEIR_BYTES("12g4"), packed), ==, 0);
    CHECK_I64((int64_t)weir_row_pack_key(WEIR_BYTES("123A"), packed), ==, 0);
    CHECK_I64((int64_t)weir_row_pack_key(WEIR_BYTES("-123"), packed), ==, 0);
    CHECK_I64((int64_t)weir_row_pack_key(WEIR_BYTES("1\0"), packed), ==, 0);
    CHECK_I64((int64_t)weir_row_pack_key(WEIR_BYTES(""), packed), ==, 0);
}

TEST(values_leave_out_what_the_reference_has)
{
    weir_random random = weir_random_of(check_seed(1));
    for (int round = 0; round < ROUNDS; round++) {
        weir_row_reference reference;
        uint8_t value[WEIR_PACKED_VALUE_MAX];
        uint8_t packed[WEIR_PACKED_VALUE_BYTES_MAX];
        uint8_t back[WEIR_PACKED_VALUE_MAX];
        size_t size = 1 + (size_t)weir_random_below(&random, sizeof(value));
        size_t wanted = (size + 7) / 8;
        for (size_t i = 0; i < sizeof(value); i++) {
            reference.bytes[i] = (uint8_t)weir_random_below(&random, 3);
            value[i] = (uint8_t)weir_random_below(&random, 3);
            wanted += i < size && value[i] != reference.bytes[i] ? 1 : 0;
        }
        CHECK_I64((int64_t)weir_row_pack_value(&reference, weir_bytes_of(value, size), packed), ==,
                  (int64_t)wanted);
        CHECK_I64((int64_t)weir_row_packed_value_size(packed, size), ==, (int64_t)wanted);
        weir_row_unpack_value(&reference, packed, size, back);
        CHECK(memcmp(back, value, size) == 0);
    }
}
