/* SPDX-License-Identifier: Apache-2.0
 *
 * properties.c - text to logical lines, a logical line to key and value, all of it bounded.
 *
 *   natural lines  --join those that end in an odd number of \-->  logical line
 *   logical line   --first unescaped '=', ':' or blank-->  key | value  --unescape-->  set
 *
 * This is the format of java.util.Properties (read as UTF-8), save that a separator must be there.
 * NUL is refused everywhere, so that values can be C strings without being cut.
 */
#include "streams/base/properties.h"

#include "streams/base/file.h"
#include "streams/base/map.h"

#include <stdlib.h>
#include <string.h>

typedef struct property {
    char *key;
    char *value;
    char *origin;
} property;

struct weir_properties {
    weir_map *by_key;
};

/* One logical line that is being taken apart. */
typedef struct line {
    const char *source;
    size_t number; /* Of its first natural line, from 1. */
    weir_bytes text;
} line;

weir_properties *weir_properties_new(void)
{
    weir_properties *properties = weir_alloc(sizeof *properties);
    properties->by_key = weir_map_new();
    return properties;
}

static void property_free(property *one)
{
    free(one->key);
    free(one->value);
    free(one->origin);
    free(one);
}

void weir_properties_free(weir_properties *properties)
{
    if (properties == NULL) {
        return;
    }
    size_t position = 0;
    void *at;
    while (weir_map_next(properties->by_key, &position, NULL, &at)) {
        property_free(at);
    }
    weir_map_free(properties->by_key);
    free(properties);
}

/* What is wrong with key and value; NULL where nothing is. */
static const char *fault_of(const weir_properties *properties, const char *key, const char *value)
{
    if (key[0] == '\0') {
        return "the key is empty";
    }
    if (strlen(key) > WEIR_PROPERTIES_KEY_BYTES_MAX) {
        return "the key is longer than 256 bytes";
    }
    if (strlen(value) > WEIR_PROPERTIES_VALUE_BYTES_MAX) {
        return "the value is longer than 65536 bytes";
    }
    bool is_new = weir_properties_get(properties, key) == NULL;
    if (is_new && weir_properties_count(properties) == WEIR_PROPERTIES_COUNT_MAX) {
        return "there are more than 4096 settings";
    }
    return NULL;
}

weir_status weir_properties_set(weir_properties *properties, const char *key, const char *value,
                                const char *origin, weir_error *err)
{
    WEIR_ASSERT(key != NULL && value != NULL && origin != NULL);

    const char *fault = fault_of(properties, key, value);
    if (fault != NULL) {
        return weir_error_set(err, WEIR_INVALID, "%s: %s", origin, fault);
    }
    property *one = weir_map_get(properties->by_key, weir_bytes_of_text(key));
    if (one == NULL) {
        one = weir_alloc(sizeof *one);
        one->key = weir_strdup(key);
        weir_map_put(properties->by_key, weir_bytes_of_text(key), one);
    }
    char *old_value = one->value;
    char *old_origin = one->origin;
    one->value = weir_strdup(value); /* value may be the old one. */
    one->origin = weir_strdup(origin);
    free(old_value);
    free(old_origin);
    return WEIR_OK;
}

weir_status weir_properties_assign(weir_properties *properties, const char *assignment,
                                   const char *origin, weir_error *err)
{
    const char *equals = strchr(assignment, '=');
    if (equals == NULL) {
        return weir_error_set(err, WEIR_INVALID, "%s: \"%s\" is not key=value", origin, assignment);
    }
    WEIR_AUTO_FREE char *key =
        weir_bytes_to_text(weir_bytes_of(assignment, (size_t)(equals - assignment)));
    return weir_properties_set(properties, key, equals + 1, origin, err);
}

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\f';
}

static bool is_line_end(char byte)
{
    return byte == '\n' || byte == '\r';
}

static void skip(weir_bytes *bytes, size_t count)
{
    WEIR_ASSERT(count <= bytes->size);
    bytes->data = (const char *)bytes->data + count;
    bytes->size -= count;
}

static char first_of(weir_bytes bytes)
{
    return bytes.size == 0 ? '\0' : *(const char *)bytes.data;
}

static void skip_blanks(weir_bytes *bytes)
{
    while (bytes->size > 0 && is_blank(first_of(*bytes))) {
        skip(bytes, 1);
    }
}

/* Takes the next natural line, without its end, off the front of *left. */
static weir_bytes take_natural_line(weir_bytes *left)
{
    const char *data = left->data;
    size_t size = 0;
    while (size < left->size && !is_line_end(data[size])) {
        size++;
    }
    weir_bytes natural = weir_bytes_of(data, size);
    skip(left, size);
    if (left->size >= 2 && memcmp(left->data, "\r\n", 2) == 0) {
        skip(left, 1);
    }
    if (left->size > 0) {
        skip(left, 1);
    }
    return natural;
}

static bool goes_on(weir_bytes natural)
{
    const char *data = natural.data;
    size_t backslashes = 0;
    while (backslashes < natural.size && data[natural.size - 1 - backslashes] == '\\') {
        backslashes++;
    }
    return backslashes % 2 == 1;
}

/* Takes a logical line off the front of *left into *to; false where it says nothing. */
static bool take_logical_line(weir_bytes *left, size_t *line_number, weir_buf *to)
{
    weir_bytes natural = take_natural_line(left);
    (*line_number)++;
    skip_blanks(&natural);
    if (natural.size == 0 || first_of(natural) == '#' || first_of(natural) == '!') {
        return false;
    }
    weir_buf_clear(to);
    while (goes_on(natural)) {
        weir_buf_append(to, natural.data, natural.size - 1);
        if (left->size == 0) {
            return true;
        }
        natural = take_natural_line(left);
        (*line_number)++;
        skip_blanks(&natural);
    }
    weir_buf_append(to, natural.data, natural.size);
    return true;
}

static weir_status refuse(const line *at, const char *why, weir_error *err)
{
    return weir_error_set(err, WEIR_INVALID, "%s:%zu: %s", at->source, at->number, why);
}

static void append_utf8(weir_buf *to, uint32_t code)
{
    if (code < 0x80) {
        weir_buf_append_byte(to, (uint8_t)code);
        return;
    }
    if (code < 0x800) {
        weir_buf_append_byte(to, (uint8_t)(0xc0 | code >> 6));
    } else {
        weir_buf_append_byte(to, (uint8_t)(0xe0 | code >> 12));
        weir_buf_append_byte(to, (uint8_t)(0x80 | (code >> 6 & 0x3f)));
    }
    weir_buf_append_byte(to, (uint8_t)(0x80 | (code & 0x3f)));
}

/* The value of four hex digits at the front of text, or UINT32_MAX. */
static uint32_t hex4_of(weir_bytes text)
{
    uint32_t code = 0;
    if (text.size < 4) {
        return UINT32_MAX;
    }
    for (size_t i = 0; i < 4; i++) {
        static const char digits[] = "0123456789abcdef0123456789ABCDEF";
        char byte = ((const char *)text.data)[i];
        const char *digit = byte == '\0' ? NULL : strchr(digits, byte);
        if (digit == NULL) {
            return UINT32_MAX;
        }
        code = code << 4 | (uint32_t)((digit - digits) & 0xf);
    }
    return code;
}

/* Takes a \uXXXX, of which left starts at the X, off the line. */
static weir_status take_unicode(line *at, weir_buf *to, weir_error *err)
{
    uint32_t code = hex4_of(at->text);
    if (code == UINT32_MAX) {
        return refuse(at, "\\u wants four hex digits", err);
    }
    if (code == 0 || (code >= 0xd800 && code <= 0xdfff)) {
        return refuse(at, "\\u0000 and surrogates are no characters: write UTF-8", err);
    }
    append_utf8(to, code);
    skip(&at->text, 4);
    return WEIR_OK;
}

/* Takes the character after a backslash off the line and appends what it stands for. */
static weir_status take_escape(line *at, weir_buf *to, weir_error *err)
{
    static const char letters[] = "tnrf";
    static const char meanings[] = "\t\n\r\f";
    skip(&at->text, 1);
    if (at->text.size == 0) {
        return WEIR_OK; /* The file ends with a backslash: Java drops it, so do we. */
    }
    char letter = first_of(at->text);
    skip(&at->text, 1);
    if (letter == 'u') {
        return take_unicode(at, to, err);
    }
    const char *known = letter == '\0' ? NULL : strchr(letters, letter);
    weir_buf_append_byte(to, (uint8_t)(known == NULL ? letter : meanings[known - letters]));
    return WEIR_OK;
}

/* Unescapes the line up to its end or, for a key, to the first separator. */
static weir_status take_part(line *at, bool is_key, weir_buf *to, weir_error *err)
{
    while (at->text.size > 0) {
        char byte = first_of(at->text);
        if (byte == '\\') {
            WEIR_TRY(take_escape(at, to, err));
            continue;
        }
        if (is_key && (byte == '=' || byte == ':' || is_blank(byte))) {
            return WEIR_OK;
        }
        weir_buf_append_byte(to, (uint8_t)byte);
        skip(&at->text, 1);
    }
    return WEIR_OK;
}

static weir_status set_from_line(weir_properties *properties, line *at, weir_error *err)
{
    if (memchr(at->text.data, '\0', at->text.size) != NULL) {
        return refuse(at, "a NUL byte: this is no text file", err);
    }
    WEIR_AUTO(weir_buf) key = {0};
    WEIR_AUTO(weir_buf) value = {0};
    WEIR_TRY(take_part(at, true, &key, err));
    if (at->text.size == 0) {
        return refuse(at, "no '=' behind the key: write key= for an empty value", err);
    }
    skip_blanks(&at->text);
    if (first_of(at->text) == '=' || first_of(at->text) == ':') {
        skip(&at->text, 1);
        skip_blanks(&at->text);
    }
    WEIR_TRY(take_part(at, false, &value, err));
    WEIR_AUTO_FREE char *origin = weir_format("%s:%zu", at->source, at->number);
    return weir_properties_set(properties, weir_buf_text(&key), weir_buf_text(&value), origin, err);
}

weir_status weir_properties_parse(weir_properties *properties, weir_bytes text, const char *source,
                                  weir_error *err)
{
    if (text.size > WEIR_PROPERTIES_FILE_BYTES_MAX) {
        return weir_error_set(err, WEIR_INVALID, "%s: %zu bytes, at most %d", source, text.size,
                              WEIR_PROPERTIES_FILE_BYTES_MAX);
    }
    WEIR_AUTO(weir_buf) logical = {0};
    size_t line_number = 0;
    while (text.size > 0) {
        size_t first_number = line_number + 1;
        if (!take_logical_line(&text, &line_number, &logical)) {
            continue;
        }
        line at = {source, first_number, weir_buf_bytes(&logical)};
        WEIR_TRY(set_from_line(properties, &at, err));
    }
    return WEIR_OK;
}

weir_status weir_properties_load(weir_properties *properties, const char *path, weir_error *err)
{
    WEIR_AUTO(weir_buf) text = {0};
    weir_status status = weir_file_read(path, WEIR_PROPERTIES_FILE_BYTES_MAX, &text, err);
    if (status == WEIR_NOT_FOUND) {
        return weir_error_set(err, status, "%s: there is no such file", path);
    }
    WEIR_TRY(status);
    return weir_properties_parse(properties, weir_buf_bytes(&text), path, err);
}

static const property *find(const weir_properties *properties, const char *key)
{
    return weir_map_get(properties->by_key, weir_bytes_of_text(key));
}

const char *weir_properties_get(const weir_properties *properties, const char *key)
{
    const property *one = find(properties, key);
    return one == NULL ? NULL : one->value;
}

const char *weir_properties_origin(const weir_properties *properties, const char *key)
{
    const property *one = find(properties, key);
    return one == NULL ? NULL : one->origin;
}

size_t weir_properties_count(const weir_properties *properties)
{
    return weir_map_count(properties->by_key);
}

bool weir_properties_next(const weir_properties *properties, size_t *position, const char **out_key,
                          const char **out_value)
{
    void *at;
    if (!weir_map_next(properties->by_key, position, NULL, &at)) {
        return false;
    }
    *out_key = ((const property *)at)->key;
    *out_value = ((const property *)at)->value;
    return true;
}
