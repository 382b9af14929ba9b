/* SPDX-License-Identifier: Apache-2.0
 *
 * What the writer writes, the reader reads, whatever the bytes (streams/base/json.c, json_read.c).
 */
#include "streams/base/json.h"
#include "streams/base/json_read.h"
#include "streams/base/random.h"
#include "tests/harness/check.h"

#include <math.h>
#include <string.h>

enum { PARSE_BYTES_MAX = 1 << 20 };

TEST(commas_stand_between_elements_and_nowhere_else)
{
    WEIR_AUTO(weir_buf) buf = {0};
    weir_json json = weir_json_of(&buf);
    weir_json_begin_object(&json);
    weir_json_member_text(&json, "a", "x");
    weir_json_key(&json, "b");
    weir_json_begin_array(&json);
    weir_json_i64(&json, INT64_MIN);
    weir_json_u64(&json, UINT64_MAX);
    weir_json_begin_array(&json);
    weir_json_end_array(&json);
    weir_json_begin_object(&json);
    weir_json_end_object(&json);
    weir_json_end_array(&json);
    weir_json_member_bool(&json, "c", true);
    weir_json_member_bool(&json, "d", false);
    weir_json_member_bytes(&json, "e", WEIR_BYTES_NULL);
    weir_json_member_i64(&json, "f", -1);
    weir_json_end_object(&json);
    CHECK_STR(weir_buf_text(&buf), "{\"a\":\"x\",\"b\":[-9223372036854775808,18446744073709551615,"
                                   "[],{}],\"c\":true,\"d\":false,\"e\":null,\"f\":-1}");
}

TEST(raw_value_stands_where_any_other_does)
{
    WEIR_AUTO(weir_buf) buf = {0};
    weir_json json = weir_json_of(&buf);
    weir_json_begin_array(&json);
    weir_json_raw(&json, WEIR_BYTES("{\"a\":1}"));
    weir_json_raw(&json, WEIR_BYTES("[]"));
    weir_json_begin_object(&json);
    weir_json_key(&json, "b");
    weir_json_raw(&json, WEIR_BYTES("2"));
    weir_json_member_i64(&json, "c", 3);
    weir_json_end_object(&json);
    weir_json_end_array(&json);
    CHECK_STR(weir_buf_text(&buf), "[{\"a\":1},[],{\"b\":2,\"c\":3}]");
}

TEST(writer_writes_values_one_after_the_other)
{
    WEIR_AUTO(weir_buf) buf = {0};
    weir_json json = weir_json_of(&buf);
    weir_json_null(&json);
    weir_buf_append_byte(&buf, '\n');
    weir_json_text(&json, NULL);
    CHECK_STR(weir_buf_text(&buf), "null\nnull");
}

static void check_string(weir_bytes text, const char *wanted)
{
    WEIR_AUTO(weir_buf) buf = {0};
    weir_json json = weir_json_of(&buf);
    weir_json_bytes(&json, text);
    CHECK_STR(weir_buf_text(&buf), wanted);
}

TEST(control_bytes_and_quotes_are_escaped)
{
    check_string(WEIR_BYTES("a\"b\\c\n\r\t\b\f\x01\x1f\x7f/"),
                 "\"a\\\"b\\\\c\\n\\r\\t\\b\\f\\u0001\\u001f\\u007f/\"");
    check_string(WEIR_BYTES("\0"), "\"\\u0000\"");
    check_string(WEIR_BYTES(""), "\"\"");
}

TEST(bytes_that_are_not_utf8_become_the_replacement_character)
{
    check_string(WEIR_BYTES("gr\xc3\xbc\xc3\x9f \xf0\x9f\x8c\x8a"),
                 "\"gr\xc3\xbc\xc3\x9f \xf0\x9f\x8c\x8a\"");
    check_string(WEIR_BYTES("\xc3"), "\"\xef\xbf\xbd\"");                 /* cut */
    check_string(WEIR_BYTES("\xff!"), "\"\xef\xbf\xbd!\"");               /* never */
    check_string(WEIR_BYTES("\xc0\xaf"), "\"\xef\xbf\xbd\xef\xbf\xbd\""); /* overlong */
    check_string(WEIR_BYTES("\xe0\x80\xaf"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
    check_string(WEIR_BYTES("\xed\xa0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""); /* half */
    check_string(WEIR_BYTES("\xf4\x90\x80\x80"),
                 "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
}

TEST(any_bytes_give_json_that_can_be_read)
{
    weir_random random = weir_random_of(check_seed(20261121));
    for (int round = 0; round < 2000; round++) {
        uint8_t bytes[24];
        uint8_t key_bytes[24]; /* The reader takes no NUL in a key. */
        size_t size = weir_random_below(&random, sizeof bytes);
        for (size_t i = 0; i < size; i++) {
            bytes[i] = (uint8_t)weir_random_u64(&random);
            key_bytes[i] = bytes[i] == 0 ? 0xff : bytes[i];
        }
        WEIR_AUTO(weir_buf) buf = {0};
        weir_json json = weir_json_of(&buf);
        weir_json_begin_object(&json);
        weir_json_key_bytes(&json, weir_bytes_of(key_bytes, size));
        weir_json_bytes(&json, weir_bytes_of(bytes, size));
        weir_json_end_object(&json);

        weir_error err = {0};
        WEIR_AUTO_PTR(weir_json_value) root = NULL;
        CHECK_OK(weir_json_parse(weir_buf_bytes(&buf), PARSE_BYTES_MAX, &root, &err), &err);
        void *position = NULL;
        const char *key;
        const weir_json_value *value;
        CHECK(weir_json_next(root, &position, &key, &value));
        CHECK(weir_json_value_text(value).data != NULL);
        CHECK(!weir_json_next(root, &position, &key, &value));
    }
}

static void check_json_number(double value, const char *wanted)
{
    WEIR_AUTO(weir_buf) buf = {0};
    weir_json json = weir_json_of(&buf);
    weir_json_f64(&json, value);
    CHECK_STR(weir_buf_text(&buf), wanted);
}

TEST(numbers_have_the_digits_that_read_back_the_same)
{
    check_json_number(0.1, "0.1");
    check_json_number(1.0 / 3, "0.3333333333333333");
    check_json_number(12345678.0, "12345678");
    check_json_number(1e300, "1e+300");
    check_json_number(5e-324, "4.94065645841247e-324");
    check_json_number(INFINITY, "null");
    check_json_number(-NAN, "null");
}

TEST(members_are_read_by_type)
{
    weir_error err = {0};
    WEIR_AUTO_PTR(weir_json_value) root = NULL;
    CHECK_OK(weir_json_parse(WEIR_BYTES("{\"t\":\"x\",\"i\":7,\"f\":1.5,\"b\":true,\"n\":null,"
                                        "\"a\":[1,\"two\"]}"),
                             PARSE_BYTES_MAX, &root, &err),
             &err);
    weir_bytes text;
    int64_t integer;
    double number;
    bool flag;
    CHECK(weir_json_is_object(root) && !weir_json_is_array(root));
    CHECK_OK(weir_json_get_text(root, "t", &text, &err), &err);
    CHECK_BYTES(text, WEIR_BYTES("x"));
    CHECK_OK(weir_json_get_i64(root, "i", &integer, &err), &err);
    CHECK_I64(integer, ==, 7);
    CHECK_OK(weir_json_get_f64(root, "i", &number, &err), &err);
    CHECK(number == 7);
    CHECK_OK(weir_json_get_f64(root, "f", &number, &err), &err);
    CHECK(number == 1.5);
    CHECK_OK(weir_json_get_bool(root, "b", &flag, &err), &err);
    CHECK(flag);
    CHECK_I64(weir_json_count(weir_json_get(root, "a")), ==, 2);
    CHECK_BYTES(weir_json_value_text(weir_json_at(weir_json_get(root, "a"), 1)), WEIR_BYTES("two"));

    CHECK_STATUS(weir_json_get_text(root, "n", &text, &err), WEIR_NOT_FOUND);
    CHECK_STATUS(weir_json_get_text(root, "nothing", &text, &err), WEIR_NOT_FOUND);
    CHECK_STATUS(weir_json_get_i64(root, "f", &integer, &err), WEIR_BAD_RECORD);
    CHECK_STR(err.message, "\"f\" is not an integer");
    CHECK_STATUS(weir_json_get_text(root, "b", &text, &err), WEIR_BAD_RECORD);
    CHECK_STATUS(weir_json_get_bool(root, "t", &flag, &err), WEIR_BAD_RECORD);
    CHECK_STATUS(weir_json_get_f64(root, "t", &number, &err), WEIR_BAD_RECORD);
}

TEST(what_is_not_json_is_refused_with_its_place)
{
    weir_error err = {0};
    weir_json_value *root = NULL;
    CHECK_STATUS(weir_json_parse(WEIR_BYTES("{\"a\":1,\n ]"), PARSE_BYTES_MAX, &root, &err),
                 WEIR_BAD_RECORD);
    CHECK(strstr(err.message, "line 2") != NULL);
    CHECK_STATUS(weir_json_parse(WEIR_BYTES(""), PARSE_BYTES_MAX, &root, &err), WEIR_BAD_RECORD);
    CHECK_STATUS(weir_json_parse(WEIR_BYTES("1 2"), PARSE_BYTES_MAX, &root, &err), WEIR_BAD_RECORD);
    CHECK_STATUS(weir_json_parse(WEIR_BYTES("{\"a\":1,\"a\":2}"), PARSE_BYTES_MAX, &root, &err),
                 WEIR_BAD_RECORD);
    CHECK_STATUS(weir_json_parse(WEIR_BYTES("[1,2]"), 4, &root, &err), WEIR_BAD_RECORD);
    CHECK_STR(err.message, "JSON of 5 bytes, at most 4");
    CHECK(root == NULL);
}

TEST(deep_nesting_is_refused_and_not_followed)
{
    weir_error err = {0};
    weir_json_value *root = NULL;
    WEIR_AUTO(weir_buf) deep = {0};
    for (int i = 0; i < 100000; i++) {
        weir_buf_append_byte(&deep, '[');
    }
    CHECK_STATUS(weir_json_parse(weir_buf_bytes(&deep), PARSE_BYTES_MAX, &root, &err),
                 WEIR_BAD_RECORD);
}
