/* SPDX-License-Identifier: Apache-2.0
 *
 * The heads of rows (statestore/row_head.c).
 */
#include "statestore/row_head.h"
#include "streams/base/random.h"
#include "tests/harness/check.h"

#include <string.h>

static size_t write_and_check(weir_row_forms *forms, const weir_row_form *form, uint8_t marks)
{
    uint8_t bytes[WEIR_ROW_HEAD_BYTES_MAX];
    weir_row_form read;
    size_t size = weir_row_head_write(forms, form, marks, bytes);
    CHECK(bytes[0] != WEIR_ROW_FILLER);
    CHECK_I64(bytes[0] & WEIR_ROW_MARKS, ==, marks);
    CHECK_I64((int64_t)weir_row_head_read(forms, bytes, &read), ==, (int64_t)size);
    CHECK(memcmp(&read, form, sizeof(read)) == 0);
    return size;
}

TEST(head_of_a_form_that_has_come_before_is_one_byte)
{
    weir_row_forms forms = {0};
    const weir_row_form form = {WEIR_ROW_KEY_PACKED, 16, 16, 3};
    CHECK_I64((int64_t)write_and_check(&forms, &form, 0), ==, 1);
    CHECK_I64((int64_t)write_and_check(&forms, &form, WEIR_ROW_READ | WEIR_ROW_BELOW), ==, 1);
    const weir_row_form nothing = {0};
    CHECK_I64((int64_t)write_and_check(&forms, &nothing, WEIR_ROW_BELOW), ==, 1);
}

TEST(head_of_any_form_is_read_as_it_was_written)
{
    weir_row_forms forms = {0};
    weir_random random = weir_random_of(check_seed(1));
    size_t sizes[WEIR_ROW_HEAD_BYTES_MAX + 1] = {0};
    for (size_t i = 0; i < 100000; i++) {
        weir_row_form form = {
            (uint8_t)weir_random_below(&random, 4),
            (uint8_t)weir_random_below(&random, 256),
            (uint16_t)(weir_random_u64(&random) & (weir_random_below(&random, 2) == 0 ? 31 : 8191)),
            (uint32_t)(weir_random_u64(&random) >> (32 + weir_random_below(&random, 32))),
        };
        uint8_t marks = weir_random_below(&random, 2) == 0 ? WEIR_ROW_READ : WEIR_ROW_BELOW;
        sizes[write_and_check(&forms, &form, marks)]++;
    }
    CHECK(sizes[1] > 0);
    CHECK(sizes[4] > 0);
    CHECK(sizes[WEIR_ROW_HEAD_BYTES_MAX] > 0);
}
