/* SPDX-License-Identifier: Apache-2.0
 *
 * print.c - a datum as JSON for people and REST, by the writer's schema alone.
 *
 * Plain JSON, not Avro's JSON encoding: a union is the value of its branch. Bytes and fixed are
 * lower-case hex; a double that JSON cannot say (NaN, infinite) is null.
 */
#include "avro/codec_internal.h"

#include "streams/base/hash.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The size of the UTF-8 sequence at the start of text: 0 where it is none (overlong forms,
 * surrogates and code points past U+10FFFF among them). */
static size_t sequence_bytes(const uint8_t *text, size_t size)
{
    static const struct {
        uint8_t first_min, first_max, second_min, second_max, bytes;
    } forms[] = {
        {0x00, 0x7f, 0x00, 0x00, 1}, {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    size_t i = 0;
    while (i < WEIR_COUNT_OF(forms) &&
           (text[0] < forms[i].first_min || text[0] > forms[i].first_max)) {
        i++;
    }
    if (i == WEIR_COUNT_OF(forms) || forms[i].bytes > size) {
        return 0;
    }
    if (forms[i].bytes > 1 && (text[1] < forms[i].second_min || text[1] > forms[i].second_max)) {
        return 0;
    }
    for (size_t at = 2; at < forms[i].bytes; at++) {
        if ((text[at] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return forms[i].bytes;
}

static void print_text(weir_bytes bytes, weir_buf *out)
{
    const uint8_t *text = bytes.data;
    weir_buf_append_byte(out, '"');
    for (size_t at = 0; at < bytes.size;) {
        size_t size = sequence_bytes(text + at, bytes.size - at);
        if (size == 0) {
            weir_buf_append_text(out, "\xef\xbf\xbd");
            size = 1;
        } else if (text[at] == '"' || text[at] == '\\') {
            weir_buf_append_format(out, "\\%c", text[at]);
        } else if (text[at] < 0x20) {
            weir_buf_append_format(out, "\\u%04x", text[at]);
        } else {
            weir_buf_append(out, text + at, size);
        }
        at += size;
    }
    weir_buf_append_byte(out, '"');
}

static void print_hex(weir_bytes bytes, weir_buf *out)
{
    weir_buf_append_byte(out, '"');
    char *to = (char *)weir_buf_reserve(out, 2 * bytes.size + 1);
    weir_hex(bytes.data, bytes.size, to);
    out->size += 2 * bytes.size;
    weir_buf_append_byte(out, '"');
}

/* The shortest decimal that reads back as the same double. */
static void print_double(double value, weir_buf *out)
{
    if (!isfinite(value)) {
        weir_buf_append_text(out, "null");
        return;
    }
    char text[40];
    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value) {
            break;
        }
    }
    weir_buf_append_text(out, text);
}

static weir_status print_value(weir_datum *datum, const weir_schema_node *node, weir_buf *out);

static weir_status print_list(weir_datum *datum, const weir_schema_node *node, weir_buf *out)
{
    bool is_map = node->kind == WEIR_SCHEMA_MAP;
    size_t total = 0;
    size_t count = 0;
    bool first = true;
    weir_buf_append_byte(out, is_map ? '{' : '[');
    do {
        size_t bytes_min = node->items->bytes_min + (is_map ? 1 : 0);
        WEIR_TRY(weir_datum_block(datum, bytes_min, &total, &count));
        for (size_t i = 0; i < count; i++) {
            weir_buf_append_text(out, first ? "" : ",");
            first = false;
            if (is_map) {
                print_text(weir_datum_text(datum), out);
                weir_buf_append_byte(out, ':');
            }
            WEIR_TRY(print_value(datum, node->items, out));
        }
    } while (count > 0);
    weir_buf_append_byte(out, is_map ? '}' : ']');
    return WEIR_OK;
}

static weir_status print_record(weir_datum *datum, const weir_schema_node *node, weir_buf *out)
{
    weir_buf_append_byte(out, '{');
    for (size_t i = 0; i < node->field_count; i++) {
        weir_buf_append_text(out, i > 0 ? "," : "");
        print_text(weir_bytes_of_text(node->fields[i].name), out);
        weir_buf_append_byte(out, ':');
        WEIR_TRY(print_value(datum, node->fields[i].node, out));
    }
    weir_buf_append_byte(out, '}');
    return WEIR_OK;
}

static weir_status print_nested(weir_datum *datum, const weir_schema_node *node, weir_buf *out)
{
    if (datum->depth >= WEIR_AVRO_DEPTH_MAX) {
        return weir_error_set(datum->err, WEIR_BAD_RECORD, "values are nested deeper than %d",
                              WEIR_AVRO_DEPTH_MAX);
    }
    datum->depth++;
    weir_status status = node->kind == WEIR_SCHEMA_RECORD ? print_record(datum, node, out)
                                                          : print_list(datum, node, out);
    datum->depth--;
    return status;
}

static void print_real(weir_datum *datum, const weir_schema_node *node, weir_buf *out)
{
    weir_bytes bytes = weir_read_bytes(&datum->reader, node->bytes_min);
    double value = 0;
    float narrow = 0;
    if (bytes.data != NULL && node->kind == WEIR_SCHEMA_FLOAT) {
        memcpy(&narrow, bytes.data, sizeof narrow);
        value = (double)narrow;
    } else if (bytes.data != NULL) {
        memcpy(&value, bytes.data, sizeof value);
    }
    print_double(value, out);
}

static weir_status print_enum(weir_datum *datum, const weir_schema_node *node, weir_buf *out)
{
    int64_t symbol = weir_read_varint(&datum->reader);
    if (symbol < 0 || (uint64_t)symbol >= node->symbol_count) {
        return weir_error_set(datum->err, WEIR_BAD_RECORD, "enum %.60s has no such symbol",
                              node->name);
    }
    print_text(weir_bytes_of_text(node->symbols[symbol]), out);
    return WEIR_OK;
}

static weir_status print_value(weir_datum *datum, const weir_schema_node *node, weir_buf *out)
{
    if (datum->reader.failed) {
        return weir_datum_truncated(datum);
    }
    WEIR_TRY(weir_datum_branch(datum, node, &node));
    switch (node->kind) {
    case WEIR_SCHEMA_NULL:
    case WEIR_SCHEMA_UNION:
        weir_buf_append_text(out, "null");
        return WEIR_OK;
    case WEIR_SCHEMA_BOOLEAN:
        weir_buf_append_text(out, weir_read_byte(&datum->reader) != 0 ? "true" : "false");
        return WEIR_OK;
    case WEIR_SCHEMA_INT:
    case WEIR_SCHEMA_LONG:
        weir_buf_append_format(out, "%" PRId64, weir_read_varint(&datum->reader));
        return WEIR_OK;
    case WEIR_SCHEMA_FLOAT:
    case WEIR_SCHEMA_DOUBLE:
        print_real(datum, node, out);
        return WEIR_OK;
    case WEIR_SCHEMA_BYTES:
        print_hex(weir_datum_text(datum), out);
        return WEIR_OK;
    case WEIR_SCHEMA_FIXED:
        print_hex(weir_read_bytes(&datum->reader, node->fixed_bytes), out);
        return WEIR_OK;
    case WEIR_SCHEMA_STRING:
        print_text(weir_datum_text(datum), out);
        return WEIR_OK;
    case WEIR_SCHEMA_ENUM:
        return print_enum(datum, node, out);
    case WEIR_SCHEMA_RECORD:
    case WEIR_SCHEMA_ARRAY:
    case WEIR_SCHEMA_MAP:
        return print_nested(datum, node, out);
    }
    return WEIR_OK;
}

weir_status weir_datum_print(const weir_schema_node *node, weir_bytes bytes, weir_buf *out,
                             weir_error *err)
{
    WEIR_ASSERT(node != NULL && out != NULL);
    size_t size = out->size;
    weir_datum datum = {.reader = weir_reader_of(bytes), .err = err};
    weir_status status = print_value(&datum, node, out);
    if (status == WEIR_OK && datum.reader.failed) {
        status = weir_datum_truncated(&datum);
    }
    if (status == WEIR_OK && datum.reader.left.size > 0) {
        status = weir_error_set(err, WEIR_BAD_RECORD, "%zu bytes after the record",
                                datum.reader.left.size);
    }
    if (status != WEIR_OK) {
        out->size = size;
    }
    return status;
}
