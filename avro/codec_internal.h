/* SPDX-License-Identifier: Apache-2.0
 *
 * codec_internal.h - how the parts of the codec meet: plans, and the walk over a datum's bytes.
 *
 * A plan says for each field of a writer's schema, in the order of its bytes, where the value goes
 * in the reader's struct, or that it is skipped; and which defaults fill what the writer lacks.
 *
 * Threads    A plan is immutable; a weir_datum belongs to one call.
 */
#ifndef WEIR_AVRO_CODEC_INTERNAL_H
#define WEIR_AVRO_CODEC_INTERNAL_H

#include "avro/record.h"
#include "avro/schema_internal.h"
#include "streams/base/serde.h"

typedef struct weir_decode_plan weir_decode_plan;

typedef struct weir_decode_plan_step {
    const weir_field *field;        /* Where it goes; NULL: skip it. */
    const weir_schema_node *writer; /* What the bytes are. */
    weir_decode_plan *items;        /* Of WEIR_FIELD_RECORDS. Owned. */
    weir_bytes default_datum;       /* Of a default: what is read instead of the input. */
    bool exact;                     /* writer is just what the field's kind stands for. */
} weir_decode_plan_step;

struct weir_decode_plan {
    const weir_record_type *type;
    weir_decode_plan_step *steps; /* One a field of the writer. */
    size_t step_count;
    weir_decode_plan_step *defaults; /* One a field that the writer lacks. */
    size_t default_count;
};

/* Makes the plan to read what writer wrote into type, whose schema is reader. The two schemas are
 * known to be compatible, and reader to fit type. */
weir_decode_plan *weir_decode_plan_new(const weir_record_type *type, const weir_schema_node *reader,
                                       const weir_schema_node *writer);
void weir_decode_plan_free(weir_decode_plan *plan);

/* WEIR_INVALID with a sentence where the table of type is not that of schema. */
weir_status weir_record_type_check(const weir_record_type *type, const weir_schema_node *schema,
                                   weir_error *err);

/* The bytes of one datum while they are read. */
typedef struct weir_datum {
    weir_reader reader;
    weir_arena *arena; /* NULL where nothing is kept. */
    weir_error *err;
    size_t depth; /* Of skipped and printed values. */
} weir_datum;

/* Reads all of bytes as plan says. */
weir_status weir_decode_plan_read(const weir_decode_plan *plan, weir_bytes bytes, weir_arena *arena,
                                  void *out_record, weir_error *err);

/* Marks datum as one that ends too early; skips a value of a type; reads a string, borrowed from
 * it. */
weir_status weir_datum_truncated(weir_datum *datum);
weir_status weir_datum_skip(weir_datum *datum, const weir_schema_node *writer);
weir_bytes weir_datum_text(weir_datum *datum);

/* Reads the head of a block of an array or a map: how many items follow, 0 at the end. *total is
 * the count so far, which this adds to. BAD_RECORD where so many cannot be in what is left, or are
 * more than WEIR_AVRO_LIST_MAX. */
weir_status weir_datum_block(weir_datum *datum, size_t item_bytes_min, size_t *total,
                             size_t *out_count);

/* The branch of a union that comes next; node itself where it is no union. */
weir_status weir_datum_branch(weir_datum *datum, const weir_schema_node *node,
                              const weir_schema_node **out_node);

/* Appends record, without the header, as type says. */
weir_status weir_record_write(const weir_record_type *type, const void *record, weir_buf *out,
                              weir_error *err);

/* Appends the value of bytes as JSON. */
weir_status weir_datum_print(const weir_schema_node *node, weir_bytes bytes, weir_buf *out,
                             weir_error *err);

#endif
