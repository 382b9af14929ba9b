/* SPDX-License-Identifier: Apache-2.0
 *
 * schema_internal.h - an Avro schema as a tree, with what avro-c's has not: defaults.
 *
 * Ownership  A weir_schema owns all of its nodes; pointers into it live as long as it does.
 * Errors     WEIR_INVALID with a sentence that names the place in the schema.
 * Threads    Immutable once parsed.
 */
#ifndef WEIR_AVRO_SCHEMA_INTERNAL_H
#define WEIR_AVRO_SCHEMA_INTERNAL_H

#include "avro/registry.h"
#include "streams/base/bytes.h"
#include "streams/base/status.h"

/* Schemas come from files and, later, from other people's registries. */
enum {
    WEIR_SCHEMA_BYTES_MAX = 256 << 10,
    WEIR_SCHEMA_NODES_MAX = 4096,
    WEIR_SCHEMA_DEPTH_MAX = 32,
    WEIR_SCHEMA_WEIGHT_MAX = 10 * 1000, /* Values in one record, each use of a type counted. */
};

typedef enum weir_schema_kind {
    WEIR_SCHEMA_NULL,
    WEIR_SCHEMA_BOOLEAN,
    WEIR_SCHEMA_INT,
    WEIR_SCHEMA_LONG,
    WEIR_SCHEMA_FLOAT,
    WEIR_SCHEMA_DOUBLE,
    WEIR_SCHEMA_BYTES,
    WEIR_SCHEMA_STRING,
    WEIR_SCHEMA_RECORD,
    WEIR_SCHEMA_ENUM,
    WEIR_SCHEMA_FIXED,
    WEIR_SCHEMA_ARRAY,
    WEIR_SCHEMA_MAP,
    WEIR_SCHEMA_UNION,
} weir_schema_kind;

typedef struct weir_schema_node weir_schema_node;

typedef struct weir_schema_field {
    char *name;
    weir_schema_node *node;
    weir_buf default_datum; /* Encoded as node says. */
    bool has_default;
    bool has_doc;
} weir_schema_field;

struct weir_schema_node {
    weir_schema_kind kind;
    char *name;                /* Full name of a record, enum or fixed; NULL for others. */
    weir_schema_field *fields; /* Record. */
    size_t field_count;
    weir_schema_node **branches; /* Union. */
    size_t branch_count;
    char **symbols; /* Enum. */
    size_t symbol_count;
    weir_schema_node *items; /* Array, and the values of a map. */
    size_t fixed_bytes;      /* Fixed. */
    size_t bytes_min;        /* No encoded value is shorter. */
    size_t weight;
    bool complete; /* False while the fields of a record are being read. */
    bool has_doc;
};

struct weir_schema {
    weir_schema_node *root;
    weir_schema_node **nodes; /* All, for freeing. */
    size_t node_count;
    size_t node_capacity;
    weir_buf json;      /* As it was given. */
    weir_buf canonical; /* Avro's parsing canonical form. */
};

/* Parses the JSON of a schema. WEIR_INVALID says what is wrong with it. */
weir_status weir_schema_parse(weir_bytes json, weir_schema **out_schema, weir_error *err);
void weir_schema_free(weir_schema *schema);
WEIR_DEFINE_AUTO_PTR(weir_schema);

/* Fills schema->canonical from its tree; weir_schema_parse does. */
void weir_schema_canonicalise(weir_schema *schema);

/* "record", "long", … */
const char *weir_schema_kind_name(weir_schema_kind kind);

/* The field of a record, or NULL. */
const weir_schema_field *weir_schema_field_of(const weir_schema_node *record, const char *name);

/* OK where everything that writer wrote can be read by reader; WEIR_INVALID says at which field it
 * cannot, and why. */
weir_status weir_schema_can_read(const weir_schema *reader, const weir_schema *writer,
                                 weir_error *err);

#endif
