/* SPDX-License-Identifier: Apache-2.0
 *
 * offset_window.h - which offsets of one input partition are done, when they end out of order, and
 * the text that a commit keeps of it.
 *
 *        done      base                  next
 *   ───────────────┤ 0 1 1 0 1 0 1 1 1 0 ├──── not read yet (or done before a restart: bit set)
 *                    └ lowest unfinished offset: what is committed
 *
 * The window above base is a bitmap of at most WEIR_OFFSET_WINDOW_MAX bits, so that it always fits
 * into a commit's metadata; an offset further up has to wait.
 *
 * The text is base64 of: byte 2 | int64 partition time | the times that the task keeps
 * (kept_times.h), which is Kafka Streams' version 2 of its TopicPartitionMetadata; and, where the
 * window isn't empty, what Kafka Streams does not look at: byte 0x57 | int32 bytes | bitmap, bit 0
 * of byte 0 being base.
 *
 * Threads    One at a time.
 */
#ifndef WEIR_STREAMS_OFFSET_WINDOW_H
#define WEIR_STREAMS_OFFSET_WINDOW_H

#include "streams/base/bytes.h"
#include "streams/base/status.h"
#include "streams/kept_times.h"

/* 3,072 bytes are 4,096 of base64; 18 of them are the head. */
enum { WEIR_OFFSET_WINDOW_MAX = (3072 - 18) / 8 * 8 * 8 };

typedef struct weir_offset_window {
    int64_t base;       /* Every lower offset is done. */
    int64_t next;       /* The next offset to read: base <= next. */
    int64_t unfinished; /* Offsets in [base, next) that are not done. */
    int64_t top;        /* No bit is set at or above; base <= top. */
    int64_t reserved;   /* Bits for which there is no room, for the task keeps times. */
    uint64_t *bits;     /* A ring, bit of offset o at o % WEIR_OFFSET_WINDOW_MAX; NULL: all 0. */
} weir_offset_window;

/* All below offset is done. */
void weir_offset_window_init(weir_offset_window *window, int64_t offset);
void weir_offset_window_cleanup(weir_offset_window *window);

/* Whether offset (>= next) may be taken now; false: wait until something below has ended. */
bool weir_offset_window_has_room(const weir_offset_window *window, int64_t offset);

/* Whether offset (>= next) was done before a restart and is to be skipped. */
bool weir_offset_window_is_done(const weir_offset_window *window, int64_t offset);

/* Takes offset (>= next, with room): offsets between next and it do not exist and count as done.
 * It is done at once, or unfinished until weir_offset_window_finish. */
void weir_offset_window_take(weir_offset_window *window, int64_t offset, bool done);

/* An unfinished offset is done. */
void weir_offset_window_finish(weir_offset_window *window, int64_t offset);

/* Leaves room for so many bytes of kept times, at most WEIR_KEPT_TIMES_BYTES_MAX. */
void weir_offset_window_reserve(weir_offset_window *window, size_t kept_times_bytes);

/* Replaces *out_text by the metadata of a commit of window->base; times NULL: none are kept. */
void weir_offset_window_encode(const weir_offset_window *window, int64_t partition_time_ms,
                               const weir_kept_times *times, weir_buf *out_text);

/* Starts at a committed offset with its metadata: empty, Kafka Streams' (version 1 or 2) or ours.
 * *out_partition_time_ms is -1 where the text does not tell; inout_times gets what is later than it
 * has (NULL: of no use). WEIR_INVALID: it is none of these. */
weir_status weir_offset_window_decode(weir_offset_window *window, int64_t offset, weir_bytes text,
                                      int64_t *out_partition_time_ms, weir_kept_times *inout_times,
                                      weir_error *err);

#endif
