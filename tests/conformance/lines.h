/* SPDX-License-Identifier: Apache-2.0
 *
 * lines.h - the records of a topic as text, to be compared in order, or by the last of each key.
 *
 * Ownership  conformance_lines_cleanup frees all; what is added is copied.
 * Threads    One.
 */
#ifndef WEIR_TESTS_CONFORMANCE_LINES_H
#define WEIR_TESTS_CONFORMANCE_LINES_H

#include "streams/base/bytes.h"

typedef struct conformance_line {
    char *key;  /* "" for a null one. */
    char *text; /* Without a line feed. */
    bool is_tombstone;
} conformance_line;

typedef struct conformance_lines {
    conformance_line *items;
    size_t count;
    size_t capacity;
} conformance_lines;

/* Adds a record: its key, and all that is printed of it. */
void conformance_lines_add(conformance_lines *lines, weir_bytes key, bool is_tombstone,
                           const char *text);
void conformance_lines_cleanup(conformance_lines *lines);

/* Take the times of records out: of lines, of a text of such lines. */
void conformance_lines_forget_times(conformance_lines *lines);
void conformance_text_forget_times(weir_buf *text);

/* Both hold the same records in the same order; else *out_difference tells the first difference. */
bool conformance_lines_same(const conformance_lines *expected, const conformance_lines *actual,
                            weir_buf *out_difference);

/* The last record of each key is the same; none and a tombstone are, too. */
bool conformance_lines_end_same(const conformance_lines *expected, const conformance_lines *actual,
                                weir_buf *out_difference);

#endif
