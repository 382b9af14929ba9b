/* SPDX-License-Identifier: Apache-2.0
 *
 * encode.c - from struct to datum, as the record's table says.
 *
 * The writer's schema is always the library's own, whose fields are in the order of the table
 * (codec.c has compared them), so there is nothing to look up.
 */
#include "avro/codec_internal.h"

#include <string.h>

static void write_bytes(weir_bytes bytes, weir_buf *out)
{
    weir_buf_append_varint(out, (int64_t)bytes.size);
    weir_buf_append(out, bytes.data, bytes.size);
}

static weir_status check_list(weir_list list, const weir_field *field, weir_error *err)
{
    WEIR_ASSERT(list.count == 0 || list.items != NULL);
    if (list.count > WEIR_AVRO_LIST_MAX) {
        return weir_error_set(err, WEIR_BAD_RECORD, "field %s has %zu elements, at most %d",
                              field->name, list.count, WEIR_AVRO_LIST_MAX);
    }
    return WEIR_OK;
}

/* One block of all elements, then the empty block that ends an array or a map. */
static weir_status write_list(const weir_field *field, const void *value, weir_buf *out,
                              weir_error *err)
{
    weir_list list;
    memcpy(&list, value, sizeof list);
    WEIR_TRY(check_list(list, field, err));
    if (list.count > 0) {
        weir_buf_append_varint(out, (int64_t)list.count);
    }
    for (size_t i = 0; i < list.count; i++) {
        if (field->kind == WEIR_FIELD_STRINGS) {
            write_bytes(((const weir_bytes *)list.items)[i], out);
        } else if (field->kind == WEIR_FIELD_MAP) {
            write_bytes(((const weir_pair *)list.items)[i].name, out);
            write_bytes(((const weir_pair *)list.items)[i].value, out);
        } else {
            WEIR_ASSERT(field->items != NULL);
            const uint8_t *item = (const uint8_t *)list.items + i * field->items->bytes;
            WEIR_TRY(weir_record_write(field->items, item, out, err));
        }
    }
    weir_buf_append_byte(out, 0);
    return WEIR_OK;
}

static weir_status write_text(const weir_field *field, const void *value, weir_buf *out,
                              weir_error *err)
{
    weir_bytes bytes;
    memcpy(&bytes, value, sizeof bytes);
    WEIR_ASSERT(bytes.size == 0 || bytes.data != NULL);
    if (bytes.size > WEIR_AVRO_RECORD_BYTES_MAX) {
        return weir_error_set(err, WEIR_BAD_RECORD, "field %s has %zu bytes, at most %d",
                              field->name, bytes.size, WEIR_AVRO_RECORD_BYTES_MAX);
    }
    if (field->kind == WEIR_FIELD_OPTIONAL_STRING) {
        weir_buf_append_varint(out, bytes.data != NULL ? 1 : 0);
    }
    if (field->kind != WEIR_FIELD_OPTIONAL_STRING || bytes.data != NULL) {
        write_bytes(bytes, out);
    }
    return WEIR_OK;
}

static void write_number(const weir_field *field, const void *value, weir_buf *out)
{
    int64_t number = 0;
    int32_t narrow = 0;
    if (field->kind == WEIR_FIELD_LONG) {
        memcpy(&number, value, sizeof number);
    } else {
        memcpy(&narrow, value, sizeof narrow);
        number = narrow;
    }
    weir_buf_append_varint(out, number);
}

static weir_status write_field(const weir_field *field, const void *value, weir_buf *out,
                               weir_error *err)
{
    switch (field->kind) {
    case WEIR_FIELD_STRING:
    case WEIR_FIELD_BYTES:
    case WEIR_FIELD_OPTIONAL_STRING:
        return write_text(field, value, out, err);
    case WEIR_FIELD_LONG:
    case WEIR_FIELD_INT:
        write_number(field, value, out);
        return WEIR_OK;
    case WEIR_FIELD_DOUBLE: /* Little-endian, as every machine that weir runs on. */
        weir_buf_append(out, value, sizeof(double));
        return WEIR_OK;
    case WEIR_FIELD_BOOLEAN:
        weir_buf_append_byte(out, *(const bool *)value ? 1 : 0);
        return WEIR_OK;
    case WEIR_FIELD_STRINGS:
    case WEIR_FIELD_MAP:
    case WEIR_FIELD_RECORDS:
        return write_list(field, value, out, err);
    }
    return WEIR_OK;
}

weir_status weir_record_write(const weir_record_type *type, const void *record, weir_buf *out,
                              weir_error *err)
{
    WEIR_ASSERT(type != NULL && record != NULL && out != NULL);
    for (size_t i = 0; i < type->field_count; i++) {
        const weir_field *field = &type->fields[i];
        WEIR_TRY(write_field(field, (const uint8_t *)record + field->offset, out, err));
    }
    return WEIR_OK;
}
