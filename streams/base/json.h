/* SPDX-License-Identifier: Apache-2.0
 *
 * json.h - writes JSON into a weir_buf as it goes: no tree, no allocation besides the buffer.
 *
 *   weir_json json = weir_json_of(&buf);
 *   weir_json_begin_object(&json);
 *   weir_json_member_text(&json, "url", url);
 *   weir_json_key(&json, "links");
 *   weir_json_begin_array(&json);
 *   …
 *   weir_json_end_array(&json);
 *   weir_json_end_object(&json);
 *
 * Text may be any bytes: what is not UTF-8 becomes U+FFFD, so the output is always valid JSON.
 * Calls that do not fit together (a value without its key, an end without its begin) are the
 * programmer's mistake and fail an assertion.
 *
 * Ownership  The buffer stays the caller's; the writer borrows it and needs no clean-up.
 * Threads    One at a time.
 */
#ifndef WEIR_STREAMS_BASE_JSON_H
#define WEIR_STREAMS_BASE_JSON_H

#include "streams/base/bytes.h"

enum { WEIR_JSON_DEPTH_MAX = 64 };

typedef struct weir_json {
    weir_buf *to;
    uint32_t depth;
    uint64_t is_object;   /* Bit d: what was begun at depth d is an object. */
    uint64_t has_element; /* Bit d: it has an element already, so a comma comes next. */
    bool after_key;
} weir_json;

/* A writer that appends to *to. It may write several values, one after the other, as in lines of
 * JSON; the caller puts the line feeds. */
weir_json weir_json_of(weir_buf *to);

/* Open and close a level; what is written in between is inside it. */
void weir_json_begin_object(weir_json *json);
void weir_json_end_object(weir_json *json);
void weir_json_begin_array(weir_json *json);
void weir_json_end_array(weir_json *json);

/* The key of the value that comes next. */
void weir_json_key(weir_json *json, const char *key);

/* The same for a key that comes from outside, as in a map of HTTP headers. */
void weir_json_key_bytes(weir_json *json, weir_bytes key);

void weir_json_bytes(weir_json *json, weir_bytes text); /* The null bytes give null. */
void weir_json_text(weir_json *json, const char *text); /* NULL gives null. */
void weir_json_i64(weir_json *json, int64_t value);
void weir_json_u64(weir_json *json, uint64_t value);
void weir_json_f64(weir_json *json, double value); /* NaN and infinities give null. */
void weir_json_bool(weir_json *json, bool value);
void weir_json_null(weir_json *json);
void weir_json_raw(weir_json *json, weir_bytes value); /* One value that is JSON already. */

/* A key and its value. */
void weir_json_member_bytes(weir_json *json, const char *key, weir_bytes text);
void weir_json_member_text(weir_json *json, const char *key, const char *text);
void weir_json_member_i64(weir_json *json, const char *key, int64_t value);
void weir_json_member_f64(weir_json *json, const char *key, double value);
void weir_json_member_bool(weir_json *json, const char *key, bool value);

#endif
