/* SPDX-License-Identifier: Apache-2.0
 *
 * charset.c - finds the encoding of a page and decodes it.
 *
 * UTF-8 and windows-1252, together nearly every page, are decoded here: the one by copying what is
 * well-formed, the other by a table of the 32 bytes that differ from Latin-1 (in the standard no
 * byte of it is an error). The rest goes through the C library's iconv, a buffer at a time; a byte
 * that iconv refuses becomes U+FFFD and is stepped over, so that decoding always ends.
 */
#include "topologies/charset.h"

#include "streams/base/status.h"
#include "topologies/charset_labels.h"
#include "topologies/utf8.h"

#include <errno.h>
#include <iconv.h>
#include <string.h>
#include <uchardet/uchardet.h>

enum {
    LABEL_BYTES_MAX = 64,
    STEP_BYTES = 4096, /* Input of one call of iconv; its output is at most four times that. */
    EXPANSION_MAX = 4,
    ASCII_LIMIT = 0x80,
};

static const char replacement_text[] = "\xef\xbf\xbd";

typedef struct cursor {
    const uint8_t *at;
    const uint8_t *end;
} cursor;

typedef struct attribute {
    weir_bytes name;
    weir_bytes value;
} attribute;

static bool is_space(uint8_t byte)
{
    return byte == ' ' || byte == '\n' || byte == '\t' || byte == '\r' || byte == '\f';
}

static bool is_letter(uint8_t byte)
{
    return (byte | 0x20) >= 'a' && (byte | 0x20) <= 'z';
}

static char to_lower(uint8_t byte)
{
    return (char)(byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte);
}

static bool equals_word(weir_bytes bytes, const char *lower_word)
{
    size_t length = strlen(lower_word);
    const uint8_t *data = bytes.data;
    if (bytes.size != length) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        if (to_lower(data[i]) != lower_word[i]) {
            return false;
        }
    }
    return true;
}

const char *weir_charset_name_of_label(weir_bytes label)
{
    WEIR_ASSERT(label.size == 0 || label.data != NULL);
    const uint8_t *at = label.data;
    const uint8_t *end = at + label.size;
    while (at < end && is_space(*at)) {
        at++;
    }
    while (end > at && is_space(end[-1])) {
        end--;
    }
    char word[LABEL_BYTES_MAX + 3] = " ";
    size_t length = (size_t)(end - at);
    if (length == 0 || length > LABEL_BYTES_MAX) {
        return NULL;
    }
    for (size_t i = 0; i < length; i++) {
        if (at[i] <= ' ' || at[i] >= ASCII_LIMIT) {
            return NULL;
        }
        word[1 + i] = to_lower(at[i]);
    }
    word[1 + length] = ' ';
    for (unsigned i = 0; i < weir_charset_entry_count; i++) {
        if (strstr(weir_charset_entries[i].labels, word) != NULL) {
            return weir_charset_entries[i].name;
        }
    }
    return NULL;
}

/* The value after "charset=" in a Content-Type or in the content of a <meta>. */
static const char *name_in_content(weir_bytes content)
{
    static const char key[] = "charset";
    cursor c = {content.data, (const uint8_t *)content.data + content.size};
    for (; (size_t)(c.end - c.at) > sizeof key - 1; c.at++) {
        if (!equals_word(weir_bytes_of(c.at, sizeof key - 1), key)) {
            continue;
        }
        const uint8_t *at = c.at + sizeof key - 1;
        while (at < c.end && is_space(*at)) {
            at++;
        }
        if (at == c.end || *at != '=') {
            continue;
        }
        do {
            at++;
        } while (at < c.end && is_space(*at));
        bool is_quoted = at < c.end && (*at == '"' || *at == '\'');
        const uint8_t *from = is_quoted ? at + 1 : at;
        const uint8_t *to = from;
        while (to < c.end && (is_quoted ? *to != *at : !is_space(*to) && *to != ';')) {
            to++;
        }
        return weir_charset_name_of_label(weir_bytes_of(from, (size_t)(to - from)));
    }
    return NULL;
}

/* The standard's "get an attribute"; false at the end of the tag or of the bytes. */
static bool next_attribute(cursor *c, attribute *out)
{
    while (c->at < c->end && (is_space(*c->at) || *c->at == '/')) {
        c->at++;
    }
    if (c->at == c->end || *c->at == '>') {
        return false;
    }
    const uint8_t *from = c->at++;
    while (c->at < c->end && *c->at != '=' && *c->at != '/' && *c->at != '>' && !is_space(*c->at)) {
        c->at++;
    }
    *out = (attribute){weir_bytes_of(from, (size_t)(c->at - from)), weir_bytes_of("", 0)};
    while (c->at < c->end && is_space(*c->at)) {
        c->at++;
    }
    if (c->at == c->end || *c->at != '=') {
        return true;
    }
    do {
        c->at++;
    } while (c->at < c->end && is_space(*c->at));
    bool is_quoted = c->at < c->end && (*c->at == '"' || *c->at == '\'');
    uint8_t quote = is_quoted ? *c->at++ : 0;
    from = c->at;
    while (c->at < c->end && (is_quoted ? *c->at != quote : !is_space(*c->at) && *c->at != '>')) {
        c->at++;
    }
    out->value = weir_bytes_of(from, (size_t)(c->at - from));
    c->at += is_quoted && c->at < c->end ? 1 : 0;
    return true;
}

/* c->at is after "<meta"; NULL where this one names no encoding. */
static const char *name_in_meta(cursor *c)
{
    bool has_pragma = false;
    const char *by_charset = NULL;
    const char *by_content = NULL;
    attribute a;
    while (next_attribute(c, &a)) {
        if (equals_word(a.name, "charset")) {
            by_charset = weir_charset_name_of_label(a.value);
        } else if (equals_word(a.name, "content")) {
            by_content = name_in_content(a.value);
        } else if (equals_word(a.name, "http-equiv")) {
            has_pragma = equals_word(a.value, "content-type");
        }
    }
    const char *name = by_charset != NULL ? by_charset : has_pragma ? by_content : NULL;
    /* The prescan could not have read the tag in UTF-16: it is something else. */
    return name != NULL && strncmp(name, "UTF-16", 6) == 0 ? "UTF-8" : name;
}

static void skip_to(cursor *c, const char *text)
{
    const uint8_t *found = memmem(c->at, (size_t)(c->end - c->at), text, strlen(text));
    c->at = found == NULL ? c->end : found + strlen(text);
}

static bool starts_with_word(const cursor *c, const char *lower_word)
{
    size_t length = strlen(lower_word);
    return (size_t)(c->end - c->at) >= length &&
           equals_word(weir_bytes_of(c->at, length), lower_word);
}

/* The standard's prescan of a byte stream. */
static const char *name_in_head(weir_bytes body)
{
    size_t size = body.size < WEIR_CHARSET_PRESCAN_BYTES ? body.size : WEIR_CHARSET_PRESCAN_BYTES;
    cursor c = {body.data, (const uint8_t *)body.data + size};
    while (c.at < c.end) {
        skip_to(&c, "<");
        bool is_end_tag = c.at < c.end && *c.at == '/';
        const uint8_t *name = c.at + (is_end_tag ? 1 : 0);
        if (starts_with_word(&c, "!--")) {
            c.at += 1;
            skip_to(&c, "-->");
        } else if (starts_with_word(&c, "meta") && c.end - c.at > 4 &&
                   (is_space(c.at[4]) || c.at[4] == '/')) {
            c.at += 4;
            const char *found = name_in_meta(&c);
            if (found != NULL) {
                return found;
            }
        } else if (name < c.end && is_letter(*name)) {
            while (c.at < c.end && !is_space(*c.at) && *c.at != '>') {
                c.at++;
            }
            attribute ignored;
            while (next_attribute(&c, &ignored)) {
            }
        } else if (c.at < c.end && (*c.at == '!' || *c.at == '/' || *c.at == '?')) {
            skip_to(&c, ">");
        }
    }
    return NULL;
}

static const char *name_by_bom(weir_bytes body)
{
    if (weir_bytes_starts_with(body, WEIR_BYTES("\xef\xbb\xbf"))) {
        return "UTF-8";
    }
    if (weir_bytes_starts_with(body, WEIR_BYTES("\xfe\xff"))) {
        return "UTF-16BE";
    }
    return weir_bytes_starts_with(body, WEIR_BYTES("\xff\xfe")) ? "UTF-16LE" : NULL;
}

static size_t ascii_prefix(weir_bytes bytes)
{
    const uint8_t *data = bytes.data;
    size_t at = 0;
    uint64_t word = 0;
    while (bytes.size - at >= sizeof word) {
        memcpy(&word, data + at, sizeof word);
        if ((word & UINT64_C(0x8080808080808080)) != 0) {
            break;
        }
        at += sizeof word;
    }
    while (at < bytes.size && data[at] < ASCII_LIMIT) {
        at++;
    }
    return at;
}

/* What is well-formed at the start of bytes, ASCII eight bytes at a time. */
static size_t well_formed_prefix(weir_bytes bytes)
{
    const uint8_t *data = bytes.data;
    size_t at = 0;
    while (at < bytes.size) {
        at += ascii_prefix(weir_bytes_of(data + at, bytes.size - at));
        uint32_t code_point = 0;
        size_t size = at == bytes.size ? 0
                                       : weir_utf8_decode(weir_bytes_of(data + at, bytes.size - at),
                                                          &code_point);
        if (size == 0) {
            break;
        }
        at += size;
    }
    return at;
}

/* Cuts off what may be the first part of a character, for a look at the start of a page. */
static weir_bytes without_last_part(weir_bytes bytes)
{
    const uint8_t *data = bytes.data;
    size_t size = bytes.size;
    while (size > 0 && bytes.size - size < 3 && data[size - 1] >= ASCII_LIMIT) {
        size--;
    }
    return weir_bytes_of(bytes.data, size);
}

static const char *name_by_guess(weir_bytes body)
{
    uchardet_t detector = uchardet_new();
    const char *name = NULL;
    if (uchardet_handle_data(detector, body.data, body.size) == 0) {
        uchardet_data_end(detector);
        name = weir_charset_name_of_label(weir_bytes_of_text(uchardet_get_charset(detector)));
    }
    uchardet_delete(detector);
    return name;
}

weir_charset weir_charset_find(weir_bytes body, weir_bytes content_type)
{
    body = body.data == NULL ? WEIR_BYTES("") : body;
    const char *name = name_by_bom(body);
    if (name != NULL) {
        return (weir_charset){name, WEIR_CHARSET_FROM_BOM};
    }
    weir_bytes start = body;
    if (start.size > WEIR_CHARSET_DETECT_BYTES_MAX) {
        start = without_last_part(weir_bytes_of(body.data, WEIR_CHARSET_DETECT_BYTES_MAX));
    }
    weir_charset_source source = WEIR_CHARSET_FROM_HTTP;
    name = content_type.data == NULL ? NULL : name_in_content(content_type);
    if (name == NULL) {
        source = WEIR_CHARSET_FROM_META;
        name = name_in_head(body);
    }
    if (name != NULL && strcmp(name, "windows-1252") != 0) {
        return (weir_charset){name, source};
    }
    bool is_ascii = ascii_prefix(start) == start.size;
    if (!is_ascii && well_formed_prefix(start) == start.size) {
        return (weir_charset){"UTF-8", WEIR_CHARSET_FROM_BYTES};
    }
    if (name != NULL) {
        return (weir_charset){name, source};
    }
    name = is_ascii ? NULL : name_by_guess(start);
    return name == NULL ? (weir_charset){"windows-1252", WEIR_CHARSET_BY_DEFAULT}
                        : (weir_charset){name, WEIR_CHARSET_FROM_BYTES};
}

static void append_code_point(weir_buf *out, uint32_t c)
{
    WEIR_ASSERT(c >= ASCII_LIMIT && c < 0x10000);
    if (c < 0x800) {
        weir_buf_append_byte(out, (uint8_t)(0xc0 | c >> 6));
    } else {
        weir_buf_append_byte(out, (uint8_t)(0xe0 | c >> 12));
        weir_buf_append_byte(out, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
    }
    weir_buf_append_byte(out, (uint8_t)(0x80 | (c & 0x3f)));
}

static void decode_windows_1252(weir_bytes body, weir_buf *out)
{
    static const uint16_t at_0x80[32] = {
        0x20ac, 0x81,   0x201a, 0x192,  0x201e, 0x2026, 0x2020, 0x2021, 0x2c6,  0x2030, 0x160,
        0x2039, 0x152,  0x8d,   0x17d,  0x8f,   0x90,   0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
        0x2013, 0x2014, 0x2dc,  0x2122, 0x161,  0x203a, 0x153,  0x9d,   0x17e,  0x178};
    const uint8_t *data = body.data;
    for (size_t at = 0; at < body.size; at++) {
        size_t ascii = ascii_prefix(weir_bytes_of(data + at, body.size - at));
        weir_buf_append(out, data + at, ascii);
        at += ascii;
        if (at < body.size) {
            append_code_point(out, data[at] < 0xa0 ? at_0x80[data[at] - 0x80] : data[at]);
        }
    }
}

static void decode_utf8(weir_bytes body, weir_buf *out)
{
    size_t good = well_formed_prefix(body);
    weir_buf_append(out, body.data, good);
    weir_bytes rest = {(const uint8_t *)body.data + good, body.size - good};
    weir_utf8_append_well_formed(rest, out);
}

/* Decodes until the input ends or out holds more than bytes_max. unit is what is stepped over where
 * iconv refuses: 2 bytes of UTF-16, else 1. */
static void decode_by_iconv(iconv_t converter, size_t unit, weir_bytes body, size_t bytes_max,
                            weir_buf *out)
{
    char *from = (char *)(uintptr_t)body.data; /* iconv takes it without const and leaves it. */
    size_t left = body.size;
    while (left > 0 && out->size <= bytes_max) {
        size_t step = left < STEP_BYTES ? left : STEP_BYTES;
        size_t step_left = step;
        size_t room = (size_t)EXPANSION_MAX * STEP_BYTES;
        char *to = (char *)weir_buf_reserve(out, room);
        char *start = to;
        size_t result = iconv(converter, &from, &step_left, &to, &room);
        out->size += (size_t)(to - start);
        bool is_refused = result == (size_t)-1 && errno != E2BIG;
        left -= step - step_left;
        if (is_refused && (errno == EILSEQ || step_left == left || step_left == step)) {
            weir_buf_append_text(out, replacement_text);
            size_t skipped = left < unit ? left : unit;
            from += skipped;
            left -= skipped;
        }
    }
}

/* Some encodings (windows-1255, -1258) hold the last letter back for a mark that may follow it. */
static void flush_iconv(iconv_t converter, weir_buf *out)
{
    size_t room = STEP_BYTES;
    char *to = (char *)weir_buf_reserve(out, room);
    char *start = to;
    (void)iconv(converter, NULL, NULL, &to, &room);
    out->size += (size_t)(to - start);
}

static const char *iconv_name_of(const char *name)
{
    for (unsigned i = 0; i < weir_charset_entry_count; i++) {
        if (strcmp(weir_charset_entries[i].name, name) == 0) {
            return weir_charset_entries[i].iconv_name;
        }
    }
    return NULL;
}

/* Ends out within bytes_max, between two characters. */
static bool cut(weir_buf *out, size_t bytes_max)
{
    if (out->size <= bytes_max) {
        return true;
    }
    out->size = bytes_max;
    while (out->size > 0 && (out->data[out->size] & 0xc0) == 0x80) {
        out->size--;
    }
    return false;
}

bool weir_charset_decode(const char *name, weir_bytes body, size_t bytes_max, weir_buf *out_utf8)
{
    WEIR_ASSERT(name != NULL);
    WEIR_ASSERT(bytes_max > 0);

    weir_buf_clear(out_utf8);
    const char *bom = name_by_bom(body);
    if (bom != NULL && strcmp(bom, name) == 0) {
        size_t bom_bytes = bom[4] == '8' ? 3 : 2;
        body = weir_bytes_of((const uint8_t *)body.data + bom_bytes, body.size - bom_bytes);
    }
    if (body.size == 0) {
        return true;
    }
    bool fits = body.size <= bytes_max; /* No encoding makes characters of less than nothing. */
    body.size = fits ? body.size : bytes_max;
    const char *iconv_name = iconv_name_of(name);
    iconv_t converter = iconv_name == NULL ? (iconv_t)-1 : iconv_open("UTF-8", iconv_name);
    if (converter != (iconv_t)-1) {
        size_t unit = strncmp(name, "UTF-16", 6) == 0 ? 2 : 1;
        decode_by_iconv(converter, unit, body, bytes_max, out_utf8);
        flush_iconv(converter, out_utf8);
        (void)iconv_close(converter);
    } else if (strcmp(name, "UTF-8") == 0) {
        decode_utf8(body, out_utf8);
    } else if (strcmp(name, "replacement") == 0) {
        weir_buf_append_text(out_utf8, replacement_text);
    } else {
        decode_windows_1252(body, out_utf8);
    }
    return cut(out_utf8, bytes_max) && fits;
}
