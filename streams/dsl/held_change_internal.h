/* SPDX-License-Identifier: Apache-2.0
 *
 * held_change_internal.h - a change or a record that waits in a store, and its bytes.
 *
 * Ownership  What is decoded is borrowed from the value and the reader, until the next decode.
 * Threads    The worker that owns the task.
 */
#ifndef WEIR_STREAMS_DSL_HELD_CHANGE_INTERNAL_H
#define WEIR_STREAMS_DSL_HELD_CHANGE_INTERNAL_H

#include "streams/dsl/ktable_internal.h"

/* A change that is held back; the bytes are the buffer's, until it changes. */
typedef struct weir_held_change {
    weir_record record; /* Key, time, headers and place of the record that made it. */
    weir_change change;
    weir_bytes prior; /* What was told downstream last. */
} weir_held_change;

/* What decoding needs besides the value. All-zero at first. */
typedef struct weir_held_reader {
    weir_buf topic;
    weir_header *headers;
    size_t header_capacity;
} weir_held_reader;
void weir_held_reader_cleanup(weir_held_reader *held);

/* Replaces *to by the value of held, which waits since time_ms. */
void weir_held_change_encode(const weir_held_change *held, int64_t time_ms, weir_buf *to);

/* Takes a value apart; the key is not in it. WEIR_CORRUPT: it is none. */
weir_status weir_held_change_decode(weir_held_reader *held, weir_bytes value,
                                    weir_held_change *out_held, int64_t *out_time_ms,
                                    weir_error *err);

#endif
