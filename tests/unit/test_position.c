/* SPDX-License-Identifier: Apache-2.0
 *
 * Positions: the larger offset stays, and text goes there and back (streams/position.c).
 */
#include "streams/position.h"
#include "tests/harness/check.h"

#include <string.h>

static void check_position_text(const weir_position *position, const char *wanted)
{
    WEIR_AUTO(weir_buf) text = {0};
    weir_position_append_json(position, &text);
    CHECK_STR(weir_buf_text(&text), wanted);
}

TEST(of_a_partition_the_larger_offset_stays)
{
    WEIR_AUTO(weir_position) position = {0};
    CHECK_I64(weir_position_offset(&position, "b", 2), ==, -1);
    weir_position_add(&position, "b", 2, 7);
    weir_position_add(&position, "b", 2, 5);
    weir_position_add(&position, "b", 10, 0);
    weir_position_add(&position, "a", 3, 1);
    CHECK_I64(weir_position_offset(&position, "b", 2), ==, 7);
    CHECK_I64(weir_position_offset(&position, "b", 3), ==, -1);
    check_position_text(&position, "{\"a\":{\"3\":1},\"b\":{\"2\":7,\"10\":0}}");
}

TEST(a_merge_has_the_larger_offset_of_each_partition)
{
    WEIR_AUTO(weir_position) one = {0};
    WEIR_AUTO(weir_position) other = {0};
    weir_position_add(&one, "t", 0, 5);
    weir_position_add(&one, "t", 1, 5);
    weir_position_add(&other, "t", 1, 9);
    weir_position_add(&other, "t", 0, 4);
    weir_position_add(&other, "u", 0, 1);
    weir_position_merge(&one, &other);
    check_position_text(&one, "{\"t\":{\"0\":5,\"1\":9},\"u\":{\"0\":1}}");
    check_position_text(&other, "{\"t\":{\"0\":4,\"1\":9},\"u\":{\"0\":1}}");
}

TEST(a_text_is_read_back)
{
    const char *texts[] = {"{}", "{\"a\\\"b\":{\"0\":0}}",
                           "{\"t\":{\"0\":9223372036854775807,\"2147483647\":1},\"u\":{\"7\":3}}"};
    for (size_t i = 0; i < WEIR_COUNT_OF(texts); i++) {
        WEIR_AUTO(weir_position) position = {0};
        weir_error err = {0};
        CHECK_OK(weir_position_parse(&position, weir_bytes_of_text(texts[i]), &err), &err);
        check_position_text(&position, texts[i]);
    }
}

TEST(what_is_no_position_is_refused_with_a_sentence)
{
    const char *texts[] = {
        "",
        "[]",
        "7",
        "{\"t\":7}",
        "{\"t\":{\"0\":-1}}",
        "{\"t\":{\"0\":1.5}}",
        "{\"t\":{\"0\":\"1\"}}",
        "{\"t\":{\"x\":1}}",
        "{\"t\":{\"-1\":1}}",
        "{\"t\":{\"2147483648\":1}}",
        "{\"t\":{\"0\":null}}",
        "{\"t\":{\"0\":1}} {}",
    };
    for (size_t i = 0; i < WEIR_COUNT_OF(texts); i++) {
        WEIR_AUTO(weir_position) position = {0};
        weir_error err = {0};
        CHECK_STATUS(weir_position_parse(&position, weir_bytes_of_text(texts[i]), &err),
                     WEIR_BAD_RECORD);
        CHECK(strlen(err.message) > 10);
    }
}
