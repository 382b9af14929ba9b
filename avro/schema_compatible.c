/* SPDX-License-Identifier: Apache-2.0
 *
 * schema_compatible.c - may a reader read what a writer wrote? Avro's rules of schema resolution.
 *
 *   same kind            yes; records, enums and fixed by the last part of their name too
 *   int -> long -> float -> double, bytes <-> string       yes, a value is promoted
 *   record               each field of the reader is one of the writer's, or has a default
 *   enum                 each symbol of the writer is one of the reader's
 *   writer is a union    each of its branches can be read
 *   reader is a union    one of its branches reads it
 *
 * Stricter than the specification in two points that decode.c relies on: every branch of a writer's
 * union must fit (not only those that turn up), and an unknown symbol has no default.
 */
#include "avro/schema_internal.h"

#include <stdlib.h>
#include <string.h>

/* Pairs of records that are being compared, or were: a recursive type meets itself again. */
typedef struct compared_pairs {
    const weir_schema_node *(*pairs)[2];
    size_t count;
    size_t capacity;
    weir_error *err;
} compared_pairs;

static weir_status can_read(compared_pairs *seen, const weir_schema_node *reader,
                            const weir_schema_node *writer);

static const char *last_part(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot != NULL ? dot + 1 : name;
}

static weir_status refuse(compared_pairs *seen, const weir_schema_node *reader,
                          const weir_schema_node *writer)
{
    return weir_error_set(seen->err, WEIR_INVALID, "a %s%s%.60s cannot be read as %s%s%.60s",
                          weir_schema_kind_name(writer->kind), writer->name != NULL ? " " : "",
                          writer->name != NULL ? writer->name : "",
                          weir_schema_kind_name(reader->kind), reader->name != NULL ? " " : "",
                          reader->name != NULL ? reader->name : "");
}

static bool seen_before(compared_pairs *seen, const weir_schema_node *reader,
                        const weir_schema_node *writer)
{
    for (size_t i = 0; i < seen->count; i++) {
        if (seen->pairs[i][0] == reader && seen->pairs[i][1] == writer) {
            return true;
        }
    }
    seen->pairs = weir_grow(seen->pairs, seen->count, &seen->capacity, sizeof *seen->pairs);
    seen->pairs[seen->count][0] = reader;
    seen->pairs[seen->count][1] = writer;
    seen->count++;
    return false;
}

static weir_status can_read_record(compared_pairs *seen, const weir_schema_node *reader,
                                   const weir_schema_node *writer)
{
    if (seen_before(seen, reader, writer)) {
        return WEIR_OK;
    }
    for (size_t i = 0; i < reader->field_count; i++) {
        const weir_schema_field *field = &reader->fields[i];
        const weir_schema_field *written = weir_schema_field_of(writer, field->name);
        if (written == NULL && !field->has_default) {
            return weir_error_set(seen->err, WEIR_INVALID,
                                  "field %.60s is new and has no default: give it one",
                                  field->name);
        }
        if (written == NULL) {
            continue;
        }
        weir_status status = can_read(seen, field->node, written->node);
        if (status != WEIR_OK) {
            return weir_error_wrap(seen->err, status, "field %.60s", field->name);
        }
    }
    return WEIR_OK;
}

static weir_status can_read_enum(compared_pairs *seen, const weir_schema_node *reader,
                                 const weir_schema_node *writer)
{
    for (size_t i = 0; i < writer->symbol_count; i++) {
        size_t at = 0;
        while (at < reader->symbol_count && strcmp(reader->symbols[at], writer->symbols[i]) != 0) {
            at++;
        }
        if (at == reader->symbol_count) {
            return weir_error_set(seen->err, WEIR_INVALID, "symbol %.60s of enum %.60s is gone",
                                  writer->symbols[i], writer->name);
        }
    }
    return WEIR_OK;
}

static bool promotes(weir_schema_kind reader, weir_schema_kind writer)
{
    bool writer_is_number = writer >= WEIR_SCHEMA_INT && writer <= WEIR_SCHEMA_DOUBLE;
    if (writer_is_number) {
        return reader > writer && reader <= WEIR_SCHEMA_DOUBLE;
    }
    return (writer == WEIR_SCHEMA_BYTES && reader == WEIR_SCHEMA_STRING) ||
           (writer == WEIR_SCHEMA_STRING && reader == WEIR_SCHEMA_BYTES);
}

static weir_status can_read_branch(compared_pairs *seen, const weir_schema_node *reader,
                                   const weir_schema_node *writer)
{
    weir_error *err = seen->err;
    seen->err = NULL; /* That one branch does not fit is no news. */
    weir_status status = WEIR_INVALID;
    for (size_t i = 0; i < reader->branch_count && status != WEIR_OK; i++) {
        size_t count = seen->count;
        status = can_read(seen, reader->branches[i], writer);
        if (status != WEIR_OK) {
            seen->count = count; /* Pairs that were only supposed to fit. */
        }
    }
    seen->err = err;
    return status == WEIR_OK ? WEIR_OK : refuse(seen, reader, writer);
}

static weir_status can_read(compared_pairs *seen, const weir_schema_node *reader,
                            const weir_schema_node *writer)
{
    if (writer->kind == WEIR_SCHEMA_UNION) {
        for (size_t i = 0; i < writer->branch_count; i++) {
            WEIR_TRY(can_read(seen, reader, writer->branches[i]));
        }
        return WEIR_OK;
    }
    if (reader->kind == WEIR_SCHEMA_UNION) {
        return can_read_branch(seen, reader, writer);
    }
    if (reader->kind != writer->kind) {
        return promotes(reader->kind, writer->kind) ? WEIR_OK : refuse(seen, reader, writer);
    }
    if (reader->name != NULL && strcmp(last_part(reader->name), last_part(writer->name)) != 0) {
        return refuse(seen, reader, writer);
    }
    if (reader->kind == WEIR_SCHEMA_RECORD) {
        return can_read_record(seen, reader, writer);
    }
    if (reader->kind == WEIR_SCHEMA_ENUM) {
        return can_read_enum(seen, reader, writer);
    }
    if (reader->kind == WEIR_SCHEMA_FIXED && reader->fixed_bytes != writer->fixed_bytes) {
        return refuse(seen, reader, writer);
    }
    return reader->items != NULL ? can_read(seen, reader->items, writer->items) : WEIR_OK;
}

weir_status weir_schema_can_read(const weir_schema *reader, const weir_schema *writer,
                                 weir_error *err)
{
    WEIR_ASSERT(reader->root != NULL && writer->root != NULL);
    compared_pairs seen = {.err = err};
    weir_status status = can_read(&seen, reader->root, writer->root);
    free(seen.pairs);
    return status;
}
