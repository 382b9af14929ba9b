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

/* " <key>='<text>'", or null. */
void conformance_append_text(weir_buf *to, const char *key, weir_bytes text);

/* A record without its line feed. */
void conformance_append_line(weir_buf *to, const char *kind, weir_bytes topic,
                             const weir_record *record);

/* A store to print. */
typedef struct conformance_dump {
    const conformance_store *store;
    const weir_json_value *params; /* Of the spec. */
    weir_application *application;
} conformance_dump;

/* A line for each row, in the order of their text. Kafka Streams still shows windows that its store
 * has dropped, as long as they lie in its cache: the runner lets none expire. */
weir_status conformance_dump_store(const conformance_dump *dump, weir_buf *to, weir_error *err);

#endif
