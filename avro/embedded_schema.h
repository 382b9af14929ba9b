/* SPDX-License-Identifier: Apache-2.0
 *
 * embedded_schema.h - the .avsc files as parts of the library, made by CMake from avro/schemas.
 *
 * Threads    Constant.
 */
#ifndef WEIR_AVRO_EMBEDDED_SCHEMA_H
#define WEIR_AVRO_EMBEDDED_SCHEMA_H

#include "streams/base/bytes.h"

typedef struct weir_embedded_schema {
    const char *topic; /* The file's name without .avsc. */
    weir_bytes json;
} weir_embedded_schema;

/* Sorted by topic. */
extern const weir_embedded_schema weir_embedded_schemas[];
extern const size_t weir_embedded_schema_count;

#endif
