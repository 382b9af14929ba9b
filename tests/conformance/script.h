/* SPDX-License-Identifier: Apache-2.0
 *
 * script.h - a file of the oracle read whole: its inputs in order, and of all that they led to the
 * sums: every record of each topic, and the rows at the end.
 *
 * Ownership  conformance_script_cleanup frees all; inputs borrow from it.
 * Errors     base/status.h.
 * Threads    One.
 */
#ifndef WEIR_TESTS_CONFORMANCE_SCRIPT_H
#define WEIR_TESTS_CONFORMANCE_SCRIPT_H

#include "tests/conformance/dump.h"
#include "tests/conformance/lines.h"

enum { CONFORMANCE_LINE_BYTES_MAX = 1 << 20, CONFORMANCE_FILE_BYTES_MAX = 64 << 20 };

/* One step: a record, or where topic is NULL the wall clock moves. */
typedef struct conformance_input {
    const char *topic;
    weir_record record; /* Its headers are those below. */
    weir_header headers[CONFORMANCE_HEADERS_MAX];
    int64_t wall_ms;
} conformance_input;

/* Lines about one topic, in order. */
typedef struct conformance_topic {
    char *name;
    bool is_internal;
    conformance_lines lines;
} conformance_topic;

typedef struct conformance_script {
    const conformance_spec *spec;
    const weir_json_value *head;   /* The first line. */
    const weir_json_value *params; /* Of the spec. */
    conformance_input *inputs;
    size_t input_count;
    size_t input_capacity;
    conformance_topic *topics;
    size_t topic_count;
    size_t topic_capacity;
    weir_buf rows; /* Of the stores, a line each, as conformance_dump_store has them. */
    bool has_rows;
    weir_buf text;
    weir_json_value **objects;
    size_t object_count;
    size_t object_capacity;
} conformance_script;

/* Reads the file at path; WEIR_INVALID where it is of no known spec. */
weir_status conformance_script_read(conformance_script *script, const char *path, weir_error *err);
void conformance_script_cleanup(conformance_script *script);

/* The lines about a topic, or NULL where the file has none. */
const conformance_topic *conformance_script_topic(const conformance_script *script,
                                                  const char *name);

/* Whether Kafka Streams ran it without a record cache. */
bool conformance_script_is_uncached(const conformance_script *script);

#endif
