/* SPDX-License-Identifier: Apache-2.0
 *
 * json_read.h - reads JSON from outside: request bodies, lines of input, manifests.
 *
 * Ownership  weir_json_parse gives a root to free; everything reached from it is borrowed from it.
 * Limits     Text of at most the bytes_max that the caller names, nested at most 2,048 deep.
 * Errors     WEIR_BAD_RECORD with line and column: what came in is not JSON, or not what was asked
 *            for. The getters name the member.
 * Threads    One at a time.
 */
#ifndef WEIR_STREAMS_BASE_JSON_READ_H
#define WEIR_STREAMS_BASE_JSON_READ_H

#include "streams/base/bytes.h"
#include "streams/base/status.h"

typedef struct weir_json_value weir_json_value;

/* Parses text, one JSON value and nothing behind it. A duplicate key is an error. */
weir_status weir_json_parse(weir_bytes text, size_t bytes_max, weir_json_value **out_root,
                            weir_error *err);

void weir_json_value_free(weir_json_value *root); /* NULL is fine. */
WEIR_DEFINE_AUTO_PTR(weir_json_value);

/* The type of value; false for NULL. */
bool weir_json_is_object(const weir_json_value *value);
bool weir_json_is_array(const weir_json_value *value);

/* The member of an object; NULL where there is none, where it is null, or where object is not an
 * object. */
const weir_json_value *weir_json_get(const weir_json_value *object, const char *key);

/* The elements of an array; 0 for anything else. */
size_t weir_json_count(const weir_json_value *array);
const weir_json_value *weir_json_at(const weir_json_value *array, size_t index);

/* Walks the members of an object in the order of the text: *position starts at NULL, false at the
 * end. */
bool weir_json_next(const weir_json_value *object, void **position, const char **out_key,
                    const weir_json_value **out_value);

/* The content of a string value; the null bytes for anything else (and for NULL). */
weir_bytes weir_json_value_text(const weir_json_value *value);

/* A member of the given type: WEIR_NOT_FOUND where it is missing or null, WEIR_BAD_RECORD where it
 * is of another type. An integer may not have a fraction; a number may be an integer. */
weir_status weir_json_get_text(const weir_json_value *object, const char *key, weir_bytes *out_text,
                               weir_error *err);
weir_status weir_json_get_i64(const weir_json_value *object, const char *key, int64_t *out_value,
                              weir_error *err);
weir_status weir_json_get_f64(const weir_json_value *object, const char *key, double *out_value,
                              weir_error *err);
weir_status weir_json_get_bool(const weir_json_value *object, const char *key, bool *out_value,
                               weir_error *err);

#endif
