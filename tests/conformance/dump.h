/* SPDX-License-Identifier: Apache-2.0
 *
 * dump.h - records and rows as lines of text, one form for what the oracle says and what weir does.
 *
 * Ownership  Buffers are the caller's; lines are appended.
 * Threads    One.
 */
#ifndef WEIR_TESTS_CONFORMANCE_DUMP_H
#define WEIR_TESTS_CONFORMANCE_DUMP_H

#include "streams/application.h"
#include "tests/conformance/specs.h"

enum { CONFORMANCE_HEADERS_MAX = 2 };

/* " <key>='<text>'", or null. */
void conformance_append_text(weir_buf *to, const char *key, weir_bytes text);

/* A record without its line feed. */
void conformance_append_line(weir_buf *to, const char *kind, weir_bytes topic,
                             const weir_record *record);

/* A record as a line of the oracle tells it; its texts borrow from object. Its headers are left
 * out; the second says how many of them, at most CONFORMANCE_HEADERS_MAX, it put into headers. */
weir_record conformance_record_of(const weir_json_value *object);
size_t conformance_headers_of(const weir_json_value *object, weir_header *headers);

/* Of a record of an output, as the oracle prints them. */
void conformance_append_headers(weir_buf *to, const weir_record *record);

/* What the oracle printed as kind ("out", "internal" or "store"), in our form. */
void conformance_append_expected(weir_buf *to, const char *kind, const weir_json_value *object);

/* A record of a topic of the application's own, whose bytes are printed in hex. */
void conformance_append_internal(weir_buf *to, const char *topic, const weir_record *record);

/* Adds to count settings those that the oracle ran with, as the first line of a file says, up to
 * count_max; returns how many there are. */
size_t conformance_add_settings(const weir_json_value *head, weir_setting *settings, size_t count,
                                size_t count_max);

/* The bytes in hex, in *to; null for null. */
weir_bytes conformance_hex_of(weir_bytes bytes, weir_buf *to);

/* A store to print. */
typedef struct conformance_dump {
    const conformance_store *store;
    const weir_json_value *params; /* Of the spec. */
    weir_application *application;
} conformance_dump;

/* A line for each row, in the order of their text. Kafka Streams still shows windows that its store
 * has dropped, as long as they lie in its cache: the runner lets none expire. */
weir_status conformance_dump_store(const conformance_dump *dump, weir_buf *to, weir_error *err);

/* Appends what a versioned store has of key as of a time; nothing if it is of another kind. */
weir_status conformance_dump_version(const conformance_dump *dump, weir_bytes key, int64_t as_of_ms,
                                     weir_buf *to, weir_error *err);

#endif
