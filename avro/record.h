/* SPDX-License-Identifier: Apache-2.0
 *
 * record.h - how a C struct stands for an Avro record: field types, and the table that says where
 * each field lies.
 *
 * To add a record: its schema avro/schemas/<topic>.avsc, its struct with WEIR_RECORD() in a
 * records_*.h, and its table in record_types.c. Fields have the schema's names and order.
 *
 *   Avro                       C               all-zero means
 *   string, bytes              weir_bytes      null, written as the empty string
 *   ["null", "string"]         weir_bytes      null
 *   int, long                  int32_t int64_t 0
 *   double, boolean            double bool     0, false
 *   array of string            weir_texts      no element
 *   array of record            {items, count}  no element
 *   map of string              weir_pairs      no entry
 *
 * Ownership  A record owns nothing: bytes and lists are borrowed from wherever its maker says.
 * Threads    Plain data.
 */
#ifndef WEIR_AVRO_RECORD_H
#define WEIR_AVRO_RECORD_H

#include "avro/codec.h"

/* The elements of an array of string. */
typedef struct weir_texts {
    const weir_bytes *items;
    size_t count;
} weir_texts;

/* An entry of a map of string. */
typedef struct weir_pair {
    weir_bytes name;
    weir_bytes value;
} weir_pair;

typedef struct weir_pairs {
    const weir_pair *items; /* In the order in which they were written; a name comes once. */
    size_t count;
} weir_pairs;

/* What every list above looks like, to code that walks any of them. */
typedef struct weir_list {
    const void *items;
    size_t count;
} weir_list;

typedef enum weir_field_kind {
    WEIR_FIELD_STRING,
    WEIR_FIELD_OPTIONAL_STRING,
    WEIR_FIELD_BYTES,
    WEIR_FIELD_LONG,
    WEIR_FIELD_INT,
    WEIR_FIELD_DOUBLE,
    WEIR_FIELD_BOOLEAN,
    WEIR_FIELD_STRINGS,
    WEIR_FIELD_MAP,
    WEIR_FIELD_RECORDS,
} weir_field_kind;

typedef struct weir_field {
    const char *name;
    weir_field_kind kind;
    size_t offset;                 /* In the struct. */
    const weir_record_type *items; /* Of WEIR_FIELD_RECORDS; NULL for others. */
} weir_field;

struct weir_record_type {
    const char *name;  /* Of the Avro record. */
    const char *topic; /* Its subject is <topic>-value; NULL for a record inside another. */
    size_t bytes;      /* sizeof the struct. */
    const weir_field *fields;
    size_t field_count;
};

/* Every record that has a topic. */
extern const weir_record_type *const weir_record_types[];
extern const size_t weir_record_type_count;

/* Declares <record>_type and the typed front doors of weir_codec_encode and weir_codec_decode. */
#define WEIR_RECORD(record)                                                                        \
    extern const weir_record_type record##_type;                                                   \
    static inline weir_status record##_encode(const weir_codec *codec, const record *value,        \
                                              weir_buf *out, weir_error *err)                      \
    {                                                                                              \
        return weir_codec_encode(codec, &record##_type, value, out, err);                          \
    }                                                                                              \
    static inline weir_status record##_decode(const weir_codec *codec, weir_bytes bytes,           \
                                              weir_arena *arena, record *out_value,                \
                                              weir_error *err)                                     \
    {                                                                                              \
        return weir_codec_decode(codec, &record##_type, bytes, arena, out_value, err);             \
    }                                                                                              \
    typedef int record##_is_a_record

#endif
