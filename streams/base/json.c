/* SPDX-License-Identifier: Apache-2.0
 *
 * json.c - a writer that remembers two bits for each level of nesting.
 *
 * Each value asks begin_value() for the comma before it; each key does the same and promises the
 * value. Numbers get 15 digits, and 16 or 17 where fewer would not read back as
 * the same double.
 */
#include "streams/base/json.h"

#include "streams/base/status.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static_assert(WEIR_JSON_DEPTH_MAX <= 64, "a level is a bit");

weir_json weir_json_of(weir_buf *to)
{
    WEIR_ASSERT(to != NULL);
    return (weir_json){.to = to};
}

static uint64_t level_bit(const weir_json *json)
{
    WEIR_ASSERT(json->depth > 0);
    return UINT64_C(1) << (json->depth - 1);
}

static void append_comma(weir_json *json)
{
    if ((json->has_element & level_bit(json)) != 0) {
        weir_buf_append_byte(json->to, ',');
    }
    json->has_element |= level_bit(json);
}

static void begin_value(weir_json *json)
{
    if (json->after_key) {
        json->after_key = false;
        return;
    }
    if (json->depth > 0) {
        WEIR_ASSERT((json->is_object & level_bit(json)) == 0); /* In an object a key comes first. */
        append_comma(json);
    }
}

static void begin_level(weir_json *json, bool is_object)
{
    begin_value(json);
    WEIR_ASSERT(json->depth < WEIR_JSON_DEPTH_MAX);
    json->depth++;
    json->has_element &= ~level_bit(json);
    json->is_object &= ~level_bit(json);
    json->is_object |= is_object ? level_bit(json) : 0;
    weir_buf_append_byte(json->to, is_object ? '{' : '[');
}

static void end_level(weir_json *json, bool is_object)
{
    WEIR_ASSERT(!json->after_key);
    WEIR_ASSERT(((json->is_object & level_bit(json)) != 0) == is_object);
    json->depth--;
    weir_buf_append_byte(json->to, is_object ? '}' : ']');
}

void weir_json_begin_object(weir_json *json)
{
    begin_level(json, true);
}

void weir_json_end_object(weir_json *json)
{
    end_level(json, true);
}

void weir_json_begin_array(weir_json *json)
{
    begin_level(json, false);
}

void weir_json_end_array(weir_json *json)
{
    end_level(json, false);
}

/* The size of the UTF-8 character at text, or 0 where there is none: cut, overlong, a surrogate or
 * past U+10FFFF (Unicode, table 3-7). */
static size_t character_size(const uint8_t *text, size_t left)
{
    uint8_t first = text[0];
    if (first < 0x80) {
        return 1;
    }
    size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || size > left) {
        return 0;
    }
    uint8_t lowest = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    uint8_t highest = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (text[1] < lowest || text[1] > highest) {
        return 0;
    }
    for (size_t i = 2; i < size; i++) {
        if (text[i] < 0x80 || text[i] > 0xbf) {
            return 0;
        }
    }
    return size;
}

static bool is_plain(uint8_t byte)
{
    return byte >= ' ' && byte < 0x7f && byte != '"' && byte != '\\';
}

static void append_escaped(weir_buf *to, uint8_t byte)
{
    static const char from[] = "\"\\\n\r\t\b\f";
    static const char letter[] = "\"\\nrtbf";
    const char *at = byte == '\0' ? NULL : strchr(from, byte);
    if (at != NULL) {
        weir_buf_append_byte(to, '\\');
        weir_buf_append_byte(to, (uint8_t)letter[at - from]);
    } else {
        weir_buf_append_format(to, "\\u%04x", byte);
    }
}

static void append_string(weir_buf *to, weir_bytes text)
{
    const uint8_t *data = text.data;
    weir_buf_append_byte(to, '"');
    size_t at = 0;
    while (at < text.size) {
        size_t end = at;
        while (end < text.size && is_plain(data[end])) {
            end++;
        }
        weir_buf_append(to, data + at, end - at);
        at = end;
        if (at == text.size) {
            break;
        }
        size_t size = character_size(data + at, text.size - at);
        if (size == 0) {
            weir_buf_append_text(to, "\xef\xbf\xbd");
        } else if (size == 1) {
            append_escaped(to, data[at]);
        } else {
            weir_buf_append(to, data + at, size);
        }
        at += size == 0 ? 1 : size;
    }
    weir_buf_append_byte(to, '"');
}

void weir_json_key_bytes(weir_json *json, weir_bytes key)
{
    WEIR_ASSERT(!json->after_key);
    WEIR_ASSERT((json->is_object & level_bit(json)) != 0);
    append_comma(json);
    append_string(json->to, key);
    weir_buf_append_byte(json->to, ':');
    json->after_key = true;
}

void weir_json_key(weir_json *json, const char *key)
{
    weir_json_key_bytes(json, weir_bytes_of_text(key));
}

void weir_json_bytes(weir_json *json, weir_bytes text)
{
    if (text.data == NULL) {
        weir_json_null(json);
        return;
    }
    begin_value(json);
    append_string(json->to, text);
}

void weir_json_text(weir_json *json, const char *text)
{
    weir_json_bytes(json, weir_bytes_of_text(text));
}

void weir_json_i64(weir_json *json, int64_t value)
{
    begin_value(json);
    weir_buf_append_format(json->to, "%" PRId64, value);
}

void weir_json_u64(weir_json *json, uint64_t value)
{
    begin_value(json);
    weir_buf_append_format(json->to, "%" PRIu64, value);
}

void weir_json_f64(weir_json *json, double value)
{
    if (!isfinite(value)) {
        weir_json_null(json);
        return;
    }
    begin_value(json);
    char text[32];
    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value) {
            break;
        }
    }
    weir_buf_append_text(json->to, text);
}

void weir_json_bool(weir_json *json, bool value)
{
    begin_value(json);
    weir_buf_append_text(json->to, value ? "true" : "false");
}

void weir_json_null(weir_json *json)
{
    begin_value(json);
    weir_buf_append_text(json->to, "null");
}

void weir_json_raw(weir_json *json, weir_bytes value)
{
    WEIR_ASSERT(value.size > 0);
    begin_value(json);
    weir_buf_append(json->to, value.data, value.size);
}

void weir_json_member_bytes(weir_json *json, const char *key, weir_bytes text)
{
    weir_json_key(json, key);
    weir_json_bytes(json, text);
}

void weir_json_member_text(weir_json *json, const char *key, const char *text)
{
    weir_json_key(json, key);
    weir_json_text(json, text);
}

void weir_json_member_i64(weir_json *json, const char *key, int64_t value)
{
    weir_json_key(json, key);
    weir_json_i64(json, value);
}

void weir_json_member_f64(weir_json *json, const char *key, double value)
{
    weir_json_key(json, key);
    weir_json_f64(json, value);
}

void weir_json_member_bool(weir_json *json, const char *key, bool value)
{
    weir_json_key(json, key);
    weir_json_bool(json, value);
}
