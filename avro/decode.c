/* SPDX-License-Identifier: Apache-2.0
 *
 * decode.c - from datum to struct, as a plan says; the bytes may be anything.
 *
 * A read past the end marks the reader as failed and answers zeros, so most reads need no check of
 * their own: counts of zero end every loop, and the end of the record finds out. Where a number
 * from the input decides over memory or time it is checked first, against what is left of the
 * input and against a named limit.
 */
#include "avro/codec_internal.h"

#include <assert.h>
#include <string.h>

static_assert(sizeof(double) == 8, "an Avro double");
static_assert(sizeof(float) == 4, "an Avro float");
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "doubles are copied as they are");

weir_status weir_datum_truncated(weir_datum *datum)
{
    return weir_error_set(datum->err, WEIR_BAD_RECORD, "truncated: the bytes end inside a value");
}

weir_bytes weir_datum_text(weir_datum *datum)
{
    int64_t size = weir_read_varint(&datum->reader);
    if (size < 0) {
        datum->reader.failed = true;
        return WEIR_BYTES_NULL;
    }
    return weir_read_bytes(&datum->reader, (size_t)size);
}

weir_status weir_datum_block(weir_datum *datum, size_t item_bytes_min, size_t *total,
                             size_t *out_count)
{
    WEIR_ASSERT(*total <= WEIR_AVRO_LIST_MAX);
    int64_t count = weir_read_varint(&datum->reader);
    if (count < 0) {
        int64_t block_bytes = weir_read_varint(&datum->reader); /* Lets others skip the block. */
        datum->reader.failed |= block_bytes < 0;
        count = count == INT64_MIN ? INT64_MAX : -count;
    }
    if (datum->reader.failed) {
        return weir_datum_truncated(datum);
    }
    if ((uint64_t)count > WEIR_AVRO_LIST_MAX - *total) {
        return weir_error_set(datum->err, WEIR_BAD_RECORD, "a list has more than %d elements",
                              WEIR_AVRO_LIST_MAX);
    }
    if ((size_t)count * item_bytes_min > datum->reader.left.size) {
        return weir_datum_truncated(datum);
    }
    *total += (size_t)count;
    *out_count = (size_t)count;
    return WEIR_OK;
}

weir_status weir_datum_branch(weir_datum *datum, const weir_schema_node *node,
                              const weir_schema_node **out_node)
{
    if (node->kind == WEIR_SCHEMA_UNION) {
        int64_t branch = weir_read_varint(&datum->reader);
        if (branch < 0 || (uint64_t)branch >= node->branch_count) {
            return weir_error_set(datum->err, WEIR_BAD_RECORD, "a union has no such branch");
        }
        node = node->branches[branch];
    }
    *out_node = node;
    return WEIR_OK;
}

static weir_status skip_list(weir_datum *datum, const weir_schema_node *writer)
{
    size_t total = 0;
    size_t count = 0;
    bool is_map = writer->kind == WEIR_SCHEMA_MAP;
    do {
        size_t bytes_min = writer->items->bytes_min + (is_map ? 1 : 0);
        WEIR_TRY(weir_datum_block(datum, bytes_min, &total, &count));
        for (size_t i = 0; i < count; i++) {
            if (is_map) {
                (void)weir_datum_text(datum); /* The name: a failed read is found at the end. */
            }
            WEIR_TRY(weir_datum_skip(datum, writer->items));
        }
    } while (count > 0);
    return WEIR_OK;
}

static weir_status skip_nested(weir_datum *datum, const weir_schema_node *writer)
{
    if (datum->depth >= WEIR_AVRO_DEPTH_MAX) {
        return weir_error_set(datum->err, WEIR_BAD_RECORD, "values are nested deeper than %d",
                              WEIR_AVRO_DEPTH_MAX);
    }
    datum->depth++;
    weir_status status = WEIR_OK;
    if (writer->kind == WEIR_SCHEMA_RECORD) {
        for (size_t i = 0; i < writer->field_count && status == WEIR_OK; i++) {
            status = weir_datum_skip(datum, writer->fields[i].node);
        }
    } else {
        status = skip_list(datum, writer);
    }
    datum->depth--;
    return status;
}

weir_status weir_datum_skip(weir_datum *datum, const weir_schema_node *writer)
{
    WEIR_TRY(weir_datum_branch(datum, writer, &writer));
    switch (writer->kind) {
    case WEIR_SCHEMA_NULL:
        return WEIR_OK;
    case WEIR_SCHEMA_INT:
    case WEIR_SCHEMA_LONG:
    case WEIR_SCHEMA_ENUM:
        (void)weir_read_varint(&datum->reader);
        return WEIR_OK;
    case WEIR_SCHEMA_BYTES:
    case WEIR_SCHEMA_STRING:
        (void)weir_datum_text(datum);
        return WEIR_OK;
    case WEIR_SCHEMA_BOOLEAN:
    case WEIR_SCHEMA_FLOAT:
    case WEIR_SCHEMA_DOUBLE:
    case WEIR_SCHEMA_FIXED:
        (void)weir_read_bytes(&datum->reader, writer->bytes_min);
        return WEIR_OK;
    case WEIR_SCHEMA_RECORD:
    case WEIR_SCHEMA_ARRAY:
    case WEIR_SCHEMA_MAP:
        return skip_nested(datum, writer);
    case WEIR_SCHEMA_UNION:
        break;
    }
    return weir_error_set(datum->err, WEIR_BAD_RECORD, "a union is in a union");
}

/* What a writer's other type becomes; only pairs that schema_compatible.c lets through. */
static double read_double(weir_datum *datum, const weir_schema_node *writer)
{
    if (writer->kind == WEIR_SCHEMA_INT || writer->kind == WEIR_SCHEMA_LONG) {
        return (double)weir_read_varint(&datum->reader);
    }
    weir_bytes bytes = weir_read_bytes(&datum->reader, writer->bytes_min);
    double value = 0;
    float narrow = 0;
    if (bytes.data == NULL) {
        return 0;
    }
    if (writer->kind == WEIR_SCHEMA_FLOAT) {
        memcpy(&narrow, bytes.data, sizeof narrow);
        return (double)narrow;
    }
    memcpy(&value, bytes.data, sizeof value);
    return value;
}

static weir_status read_int(weir_datum *datum, int32_t *out_value)
{
    int64_t value = weir_read_varint(&datum->reader);
    if (value < INT32_MIN || value > INT32_MAX) {
        return weir_error_set(datum->err, WEIR_BAD_RECORD, "an int does not fit 32 bits");
    }
    *out_value = (int32_t)value;
    return WEIR_OK;
}

static weir_status read_boolean(weir_datum *datum, bool *out_value)
{
    uint8_t byte = weir_read_byte(&datum->reader);
    if (byte > 1) {
        return weir_error_set(datum->err, WEIR_BAD_RECORD, "a boolean is neither 0 nor 1");
    }
    *out_value = byte == 1;
    return WEIR_OK;
}

static weir_status read_text(weir_datum *datum, const weir_schema_node *writer,
                             weir_bytes *out_value)
{
    WEIR_TRY(weir_datum_branch(datum, writer, &writer));
    *out_value = writer->kind == WEIR_SCHEMA_NULL ? WEIR_BYTES_NULL : weir_datum_text(datum);
    return WEIR_OK;
}

static weir_status read_record(weir_datum *datum, const weir_decode_plan *plan,
                               uint8_t *out_record);

static weir_status read_item(weir_datum *datum, const weir_decode_plan_step *step,
                             const weir_schema_node *writer, uint8_t *out_item)
{
    if (step->field->kind == WEIR_FIELD_RECORDS) {
        WEIR_ASSERT(step->items != NULL);
        WEIR_TRY(weir_datum_branch(datum, writer, &writer));
        return read_record(datum, step->items, out_item);
    }
    weir_bytes *text = (weir_bytes *)(void *)out_item;
    if (step->field->kind == WEIR_FIELD_MAP) {
        *text++ = weir_datum_text(datum);
    }
    return read_text(datum, writer, text);
}

static size_t item_bytes(const weir_field *field)
{
    switch ((int)field->kind) {
    case WEIR_FIELD_RECORDS:
        return field->items->bytes;
    case WEIR_FIELD_MAP:
        return sizeof(weir_pair);
    default:
        return sizeof(weir_bytes);
    }
}

/* Room in the arena for count items more, the old ones moved; capacity doubles, so that a writer
 * of many small blocks does not make us copy each item many times. */
static weir_status grow_list(weir_datum *datum, weir_list *list, size_t *capacity, size_t count,
                             size_t bytes)
{
    WEIR_ASSERT(list->count <= *capacity);
    if (list->count + count <= *capacity) {
        return WEIR_OK;
    }
    size_t wanted = list->count + count;
    wanted = wanted < 2 * *capacity ? 2 * *capacity : wanted;
    void *items = weir_arena_alloc(datum->arena, wanted * bytes);
    if (items == NULL) {
        return weir_error_set(datum->err, WEIR_BAD_RECORD,
                              "a list of %zu elements is more than the memory of one record",
                              wanted);
    }
    if (list->count > 0) {
        memcpy(items, list->items, list->count * bytes);
    }
    list->items = items;
    *capacity = wanted;
    return WEIR_OK;
}

static weir_status read_list(weir_datum *datum, const weir_decode_plan_step *step,
                             const weir_schema_node *writer, void *out_list)
{
    weir_list list = {0};
    size_t capacity = 0;
    size_t total = 0;
    size_t count = 0;
    size_t bytes = item_bytes(step->field);
    size_t bytes_min = writer->items->bytes_min + (writer->kind == WEIR_SCHEMA_MAP ? 1 : 0);
    do {
        WEIR_TRY(weir_datum_block(datum, bytes_min, &total, &count));
        WEIR_TRY(grow_list(datum, &list, &capacity, count, bytes));
        for (size_t i = 0; i < count; i++) {
            WEIR_ASSERT(list.count < capacity);
            uint8_t *item = (uint8_t *)(uintptr_t)list.items + list.count * bytes;
            WEIR_TRY(read_item(datum, step, writer->items, item));
            list.count++;
        }
    } while (count > 0);
    memcpy(out_list, &list, sizeof list);
    return WEIR_OK;
}

static weir_status read_field(weir_datum *datum, const weir_decode_plan_step *step, void *out_value)
{
    const weir_schema_node *writer = step->writer;
    bool optional = step->field->kind == WEIR_FIELD_OPTIONAL_STRING;
    if (!step->exact && !optional) {
        WEIR_TRY(weir_datum_branch(datum, writer, &writer));
    }
    switch (step->field->kind) {
    case WEIR_FIELD_STRING:
    case WEIR_FIELD_BYTES:
        *(weir_bytes *)out_value = weir_datum_text(datum);
        return WEIR_OK;
    case WEIR_FIELD_OPTIONAL_STRING:
        return read_text(datum, writer, out_value);
    case WEIR_FIELD_LONG:
        *(int64_t *)out_value = weir_read_varint(&datum->reader);
        return WEIR_OK;
    case WEIR_FIELD_INT:
        return read_int(datum, out_value);
    case WEIR_FIELD_DOUBLE:
        *(double *)out_value = read_double(datum, writer);
        return WEIR_OK;
    case WEIR_FIELD_BOOLEAN:
        return read_boolean(datum, out_value);
    case WEIR_FIELD_STRINGS:
    case WEIR_FIELD_MAP:
    case WEIR_FIELD_RECORDS:
        return read_list(datum, step, writer, out_value);
    }
    return WEIR_OK;
}

/* A default is read like input, from the bytes that the reader's schema keeps for it. */
static weir_status read_defaults(weir_datum *datum, const weir_decode_plan *plan,
                                 uint8_t *out_record)
{
    weir_reader input = datum->reader;
    for (size_t i = 0; i < plan->default_count; i++) {
        const weir_decode_plan_step *step = &plan->defaults[i];
        datum->reader = weir_reader_of(step->default_datum);
        WEIR_TRY(read_field(datum, step, out_record + step->field->offset));
        WEIR_ASSERT(!datum->reader.failed && datum->reader.left.size == 0);
    }
    datum->reader = input;
    return WEIR_OK;
}

static weir_status read_record(weir_datum *datum, const weir_decode_plan *plan, uint8_t *out_record)
{
    for (size_t i = 0; i < plan->step_count; i++) {
        const weir_decode_plan_step *step = &plan->steps[i];
        weir_status status = step->field != NULL
                                 ? read_field(datum, step, out_record + step->field->offset)
                                 : weir_datum_skip(datum, step->writer);
        if (status == WEIR_OK && datum->reader.failed) {
            status = weir_datum_truncated(datum);
        }
        if (status != WEIR_OK) {
            return weir_error_wrap(datum->err, status, "%s.%s", plan->type->name,
                                   step->field != NULL ? step->field->name : "(skipped)");
        }
    }
    return read_defaults(datum, plan, out_record);
}

weir_status weir_decode_plan_read(const weir_decode_plan *plan, weir_bytes bytes, weir_arena *arena,
                                  void *out_record, weir_error *err)
{
    WEIR_ASSERT(plan != NULL && arena != NULL && out_record != NULL);
    weir_datum datum = {.reader = weir_reader_of(bytes), .arena = arena, .err = err};
    WEIR_TRY(read_record(&datum, plan, out_record));
    if (datum.reader.left.size > 0) {
        return weir_error_set(err, WEIR_BAD_RECORD, "%s: %zu bytes after the record",
                              plan->type->name, datum.reader.left.size);
    }
    return WEIR_OK;
}
