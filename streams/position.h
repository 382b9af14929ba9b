/* SPDX-License-Identifier: Apache-2.0
 *
 * position.h - up to where rows reflect the input that they are made from: of each partition of a
 * source topic the offset of the last record (Kafka Streams' Position).
 *
 * Who writes a record and then wants to see its effect asks for the offset that it got. The text is
 * JSON: {"clicks":{"0":17,"1":4},"users":{"0":9}}.
 *
 * Ownership  A position owns its topics' names.
 * Limits     WEIR_POSITION_TEXT_BYTES_MAX of a text.
 * Errors     WEIR_BAD_RECORD: the text is none.
 * Threads    One at a time.
 */
#ifndef WEIR_STREAMS_POSITION_H
#define WEIR_STREAMS_POSITION_H

#include "streams/base/bytes.h"
#include "streams/base/status.h"

enum { WEIR_POSITION_TEXT_BYTES_MAX = 64 << 10 };

typedef struct weir_position_part {
    char *topic;
    int32_t partition;
    int64_t offset; /* Of the last record. */
} weir_position_part;

/* All-zero: nothing is known, or asked for. Ordered by topic and partition. */
typedef struct weir_position {
    weir_position_part *parts;
    size_t count;
    size_t capacity;
} weir_position;

/* Frees and zeroes. */
void weir_position_cleanup(weir_position *position);

/* Notes an offset of 0 or more; of a partition that is there the larger one stays. */
void weir_position_add(weir_position *position, const char *topic, int32_t partition,
                       int64_t offset);

/* The offset of a partition; -1: it is not there. */
int64_t weir_position_offset(const weir_position *position, const char *topic, int32_t partition);

/* Adds all of from (Kafka Streams' Position.merge). */
void weir_position_merge(weir_position *to, const weir_position *from);

/* Appends the text. */
void weir_position_append_json(const weir_position *position, weir_buf *to);

/* Adds what a text says; on an error some of it. */
weir_status weir_position_parse(weir_position *position, weir_bytes text, weir_error *err);

#endif
