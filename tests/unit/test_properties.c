/* SPDX-License-Identifier: Apache-2.0
 *
 * A file that Kafka's tools read means the same here, and what is wrong in it is named with its
 * line (streams/base/properties.c).
 */
#include "streams/base/file.h"
#include "streams/base/properties.h"
#include "tests/harness/check.h"

#include <stdlib.h>
#include <string.h>

static weir_status parse(weir_properties *properties, const char *text, weir_error *err)
{
    return weir_properties_parse(properties, weir_bytes_of_text(text), "t", err);
}

/* The value of k in text. */
static void check_value(const char *text, const char *key, const char *wanted)
{
    WEIR_AUTO_PTR(weir_properties) properties = weir_properties_new();
    weir_error err = {0};
    CHECK_OK(parse(properties, text, &err), &err);
    CHECK_STR(weir_properties_get(properties, key), wanted);
}

static void check_refused(const char *text, const char *message)
{
    WEIR_AUTO_PTR(weir_properties) properties = weir_properties_new();
    weir_error err = {0};
    CHECK_STATUS(parse(properties, text, &err), WEIR_INVALID);
    CHECK_STR(err.message, message);
}

TEST(separators_are_those_of_java)
{
    check_value("k=v", "k", "v");
    check_value("  k : v \n", "k", "v ");
    check_value("k v=w", "k", "v=w");
    check_value("k\t=\tv\r\nl=w\rm=x", "m", "x");
    check_value("k==v", "k", "=v");
    check_value("k=", "k", "");
    check_value("k\\=l\\ m=v", "k=l m", "v");
}

TEST(comments_and_empty_lines_say_nothing)
{
    WEIR_AUTO_PTR(weir_properties) properties = weir_properties_new();
    weir_error err = {0};
    CHECK_OK(parse(properties, "# a=1\n\n  ! b=2\n\t\n", &err), &err);
    CHECK_I64(weir_properties_count(properties), ==, 0);
    CHECK(weir_properties_get(properties, "a") == NULL);
}

TEST(line_that_ends_in_a_backslash_goes_on)
{
    check_value("k=a,\\\n   b,\\\r\n   c\nl=d", "k", "a,b,c");
    check_value("k=a\\\\\nl=d", "k", "a\\");
    check_value("k=a\\", "k", "a");
    check_value("k=a\\\n# no comment here\n", "k", "a# no comment here");
}

TEST(escapes_stand_for_what_they_do_in_java)
{
    check_value("k=\\t\\n\\r\\f\\\\\\:\\q", "k", "\t\n\r\f\\:q");
    check_value("k=\\u0041\\u00fc\\u20AC", "k", "A\xc3\xbc\xe2\x82\xac");
}

TEST(what_is_wrong_is_named_with_its_line)
{
    check_refused("a=1\n\nnonsense\n", "t:3: no '=' behind the key: write key= for an empty value");
    check_refused("a=1\\\n2\nk=\\u12g4", "t:3: \\u wants four hex digits");
    check_refused("k=\\u12", "t:1: \\u wants four hex digits");
    check_refused("k=\\ud800", "t:1: \\u0000 and surrogates are no characters: write UTF-8");
    check_refused("=v", "t:1: the key is empty");
}

TEST(nul_bytes_are_refused)
{
    WEIR_AUTO_PTR(weir_properties) properties = weir_properties_new();
    weir_error err = {0};
    CHECK_STATUS(weir_properties_parse(properties, WEIR_BYTES("k=a\0b"), "t", &err), WEIR_INVALID);
    CHECK_STR(err.message, "t:1: a NUL byte: this is no text file");
}

TEST(last_setting_wins_and_knows_where_it_was_made)
{
    WEIR_AUTO_PTR(weir_properties) properties = weir_properties_new();
    weir_error err = {0};
    CHECK_OK(parse(properties, "k=1\nl=2\nk=3\n", &err), &err);
    CHECK_STR(weir_properties_get(properties, "k"), "3");
    CHECK_STR(weir_properties_origin(properties, "k"), "t:3");
    CHECK_OK(weir_properties_assign(properties, "k=a=b", "--set", &err), &err);
    CHECK_STR(weir_properties_get(properties, "k"), "a=b");
    CHECK_STR(weir_properties_origin(properties, "k"), "--set");
    CHECK(weir_properties_origin(properties, "nothing") == NULL);
    CHECK_STATUS(weir_properties_assign(properties, "k", "--set", &err), WEIR_INVALID);
    CHECK_STR(err.message, "--set: \"k\" is not key=value");

    size_t position = 0;
    const char *key;
    const char *value;
    CHECK(weir_properties_next(properties, &position, &key, &value));
    CHECK_STR(key, "k");
    CHECK(weir_properties_next(properties, &position, &key, &value));
    CHECK_STR(key, "l");
    CHECK_STR(value, "2");
    CHECK(!weir_properties_next(properties, &position, &key, &value));
}

TEST(sizes_are_bounded)
{
    WEIR_AUTO_PTR(weir_properties) properties = weir_properties_new();
    weir_error err = {0};
    char *longer = weir_alloc(WEIR_PROPERTIES_VALUE_BYTES_MAX + 2);
    memset(longer, 'x', WEIR_PROPERTIES_VALUE_BYTES_MAX + 1);
    CHECK_STATUS(weir_properties_set(properties, "k", longer, "here", &err), WEIR_INVALID);
    CHECK_STR(err.message, "here: the value is longer than 65536 bytes");
    longer[WEIR_PROPERTIES_VALUE_BYTES_MAX] = '\0';
    CHECK_OK(weir_properties_set(properties, "k", longer, "here", &err), &err);
    longer[WEIR_PROPERTIES_KEY_BYTES_MAX + 1] = '\0';
    CHECK_STATUS(weir_properties_set(properties, longer, "v", "here", &err), WEIR_INVALID);
    free(longer);

    for (int i = 1; i < WEIR_PROPERTIES_COUNT_MAX; i++) {
        WEIR_AUTO_FREE char *key = weir_format("k%d", i);
        CHECK_OK(weir_properties_set(properties, key, "v", "here", &err), &err);
    }
    CHECK_STATUS(weir_properties_set(properties, "one more", "v", "here", &err), WEIR_INVALID);
    CHECK_OK(weir_properties_set(properties, "k1", "w", "here", &err), &err);
}

TEST(file_is_read_and_named_in_errors)
{
    WEIR_AUTO_PTR(weir_properties) properties = weir_properties_new();
    weir_error err = {0};
    WEIR_AUTO_FREE char *directory = check_directory();
    WEIR_AUTO_FREE char *path = weir_format("%s/weir.properties", directory);
    CHECK_STATUS(weir_properties_load(properties, path, &err), WEIR_NOT_FOUND);
    CHECK(strstr(err.message, "weir.properties: there is no such file") != NULL);
    CHECK_OK(weir_file_replace(path, WEIR_BYTES("k=v\n"), false, &err), &err);
    CHECK_OK(weir_properties_load(properties, path, &err), &err);
    CHECK_STR(weir_properties_get(properties, "k"), "v");
}
