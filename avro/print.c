/* SPDX-License-Identifier: Apache-2.0
 *
 * print.c - a datum as JSON for people and REST, by the writer's schema alone.
 *
 * Plain JSON, not Avro's JSON encoding: a union is the value of its branch. Bytes and fixed are
 * lower-case hex; a double that JSON cannot say (NaN, infinite) is null.
 */
#include "avro/codec_internal.h"

#include "streams/base/hash.h"
#include "streams/base/json.h"

#include <string.h>

static void print_hex(weir_bytes bytes, weir_json *json)
{
    WEIR_AUTO(weir_buf) hex = {0};
    char *to = (char *)weir_buf_reserve(&hex, 2 * bytes.size + 1);
    weir_hex(bytes.data, bytes.size, to);
    weir_json_bytes(json, weir_bytes_of(to, 2 * bytes.size));
}

static weir_status print_value(weir_datum *datum, const weir_schema_node *node, weir_json *json);

static weir_status print_item(weir_datum *datum, const weir_schema_node *list, weir_json *json)
{
    if (list->kind == WEIR_SCHEMA_MAP) {
        weir_bytes name = weir_datum_text(datum);
        if (name.data == NULL) {
            return weir_datum_truncated(datum);
        }
        weir_json_key_bytes(json, name);
    }
    return print_value(datum, list->items, json);
}

static weir_status print_list(weir_datum *datum, const weir_schema_node *node, weir_json *json)
{
    bool is_map = node->kind == WEIR_SCHEMA_MAP;
    size_t bytes_min = node->items->bytes_min + (is_map ? 1 : 0);
    size_t total = 0;
    size_t count = 0;
    is_map ? weir_json_begin_object(json) : weir_json_begin_array(json);
    do {
        WEIR_TRY(weir_datum_block(datum, bytes_min, &total, &count));
        for (size_t i = 0; i < count; i++) {
            WEIR_TRY(print_item(datum, node, json));
        }
    } while (count > 0);
    is_map ? weir_json_end_object(json) : weir_json_end_array(json);
    return WEIR_OK;
}

static weir_status print_record(weir_datum *datum, const weir_schema_node *node, weir_json *json)
{
    weir_json_begin_object(json);
    for (size_t i = 0; i < node->field_count; i++) {
        weir_json_key(json, node->fields[i].name);
        WEIR_TRY(print_value(datum, node->fields[i].node, json));
    }
    weir_json_end_object(json);
    return WEIR_OK;
}

static weir_status print_nested(weir_datum *datum, const weir_schema_node *node, weir_json *json)
{
    if (datum->depth >= WEIR_AVRO_DEPTH_MAX) {
        return weir_error_set(datum->err, WEIR_BAD_RECORD, "values are nested deeper than %d",
                              WEIR_AVRO_DEPTH_MAX);
    }
    datum->depth++;
    weir_status status = node->kind == WEIR_SCHEMA_RECORD ? print_record(datum, node, json)
                                                          : print_list(datum, node, json);
    datum->depth--;
    return status;
}

static void print_real(weir_datum *datum, const weir_schema_node *node, weir_json *json)
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
    weir_json_f64(json, value);
}

static weir_status print_enum(weir_datum *datum, const weir_schema_node *node, weir_json *json)
{
    int64_t symbol = weir_read_varint(&datum->reader);
    if (symbol < 0 || (uint64_t)symbol >= node->symbol_count) {
        return weir_error_set(datum->err, WEIR_BAD_RECORD, "enum %.60s has no such symbol",
                              node->name);
    }
    weir_json_text(json, node->symbols[symbol]);
    return WEIR_OK;
}

static weir_status print_value(weir_datum *datum, const weir_schema_node *node, weir_json *json)
{
    if (datum->reader.failed) {
        return weir_datum_truncated(datum);
    }
    WEIR_TRY(weir_datum_branch(datum, node, &node));
    switch (node->kind) {
    case WEIR_SCHEMA_NULL:
    case WEIR_SCHEMA_UNION:
        weir_json_null(json);
        return WEIR_OK;
    case WEIR_SCHEMA_BOOLEAN:
        weir_json_bool(json, weir_read_byte(&datum->reader) != 0);
        return WEIR_OK;
    case WEIR_SCHEMA_INT:
    case WEIR_SCHEMA_LONG:
        weir_json_i64(json, weir_read_varint(&datum->reader));
        return WEIR_OK;
    case WEIR_SCHEMA_FLOAT:
    case WEIR_SCHEMA_DOUBLE:
        print_real(datum, node, json);
        return WEIR_OK;
    case WEIR_SCHEMA_BYTES:
        print_hex(weir_datum_text(datum), json);
        return WEIR_OK;
    case WEIR_SCHEMA_FIXED:
        print_hex(weir_read_bytes(&datum->reader, node->fixed_bytes), json);
        return WEIR_OK;
    case WEIR_SCHEMA_STRING:
        weir_json_bytes(json, weir_datum_text(datum));
        return WEIR_OK;
    case WEIR_SCHEMA_ENUM:
        return print_enum(datum, node, json);
    case WEIR_SCHEMA_RECORD:
    case WEIR_SCHEMA_ARRAY:
    case WEIR_SCHEMA_MAP:
        return print_nested(datum, node, json);
    }
    return WEIR_OK;
}

weir_status weir_datum_print(const weir_schema_node *node, weir_bytes bytes, weir_buf *out,
                             weir_error *err)
{
    WEIR_ASSERT(node != NULL && out != NULL);
    size_t size = out->size;
    weir_datum datum = {.reader = weir_reader_of(bytes), .err = err};
    weir_json json = weir_json_of(out);
    weir_status status = print_value(&datum, node, &json);
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
