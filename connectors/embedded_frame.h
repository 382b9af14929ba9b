/* SPDX-License-Identifier: Apache-2.0
 *
 * embedded_frame.h - a frame: a batch of records as the files of the embedded broker hold it.
 *
 *   0 magic      u32 big-endian, as all of the header
 *   4 body_bytes u32
 *   8 checksum   u64  XXH3 of all that follows, to the end of the body
 *  16 base_offset          i64   48 transaction       i64, 0: none
 *  24 record_count         u32   56 delete_horizon_ms i64, 0: no tombstone waits for its end
 *  28 offset_span          u32   64 records
 *  32 base_timestamp_ms    i64
 *  40 max_timestamp_ms     i64
 *
 * A record: offset - base_offset, timestamp - base_timestamp (zig-zag), key, value, header count,
 * headers (key, value); integers are LEB128; bytes have their length + 1 before them, 0 being null.
 * offset_span counts the offsets that the frame stands for, which after a compaction are more than
 * its records.
 *
 * Ownership  Decoded records borrow the frame; their headers lie in the arena.
 * Threads    Any, one at a time.
 */
#ifndef WEIR_CONNECTORS_EMBEDDED_FRAME_H
#define WEIR_CONNECTORS_EMBEDDED_FRAME_H

#include "connectors/embedded_disk.h"
#include "streams/base/arena.h"
#include "streams/record.h"

enum {
    WEIR_FRAME_HEADER_BYTES = 64,
    WEIR_FRAME_BYTES_TARGET = 64 << 10, /* A frame takes no further record past it. */
    WEIR_FRAME_BYTES_MAX = 64 << 20,    /* More in a header is damage. */
};

typedef struct weir_frame {
    int64_t base_offset;
    int64_t base_timestamp_ms;
    int64_t max_timestamp_ms;
    int64_t transaction;
    int64_t delete_horizon_ms;
    uint32_t record_count;
    uint32_t offset_span;
    size_t bytes; /* Header and body. */
} weir_frame;

/* Reads a header. False where it cannot be one. */
bool weir_frame_parse(const uint8_t header[WEIR_FRAME_HEADER_BYTES], weir_frame *out_frame);

/* True if the checksum of the whole frame holds. */
bool weir_frame_is_sound(const uint8_t *bytes, const weir_frame *frame);

/* Frames in the making. All-zero is valid: records go to frames of WEIR_FRAME_BYTES_TARGET. */
typedef struct weir_frame_writer {
    weir_buf frames;
    size_t frame_start; /* Of the open frame, while open_frame.record_count > 0. */
    weir_frame open_frame;
    size_t frame_bytes_target; /* 0: WEIR_FRAME_BYTES_TARGET. */
    int64_t delete_horizon_ms; /* Of frames that are closed. */
    int64_t next_offset;       /* Relative to the offset that seal gives; tells the count too. */
} weir_frame_writer;

void weir_frame_writer_cleanup(weir_frame_writer *writer);

/* Adds record at writer->next_offset. */
void weir_frame_writer_add(weir_frame_writer *writer, const weir_record *record);

/* Closes the open frame, whose offsets go up to writer->next_offset. Nothing happens where none is
 * open. */
void weir_frame_writer_close(weir_frame_writer *writer);

/* Moves all frames up by first_offset, marks them with transaction and computes their checksums:
 * writer->frames is then what goes to a file. */
void weir_frame_writer_seal(weir_frame_writer *writer, int64_t first_offset, int64_t transaction);

/* Forgets the frames; keeps a little memory for the next ones. */
void weir_frame_writer_reset(weir_frame_writer *writer);

/* Walks the records of a frame. Start with weir_frame_records; failed tells damage at the end. */
typedef struct weir_frame_cursor {
    const uint8_t *at;
    const uint8_t *end;
    int64_t base_offset;
    int64_t base_timestamp_ms;
    uint32_t offset_span;
    uint32_t records_left;
    bool failed;
} weir_frame_cursor;

/* A walk over the records of a frame that was checked; bytes are borrowed. */
weir_frame_cursor weir_frame_records(const uint8_t *bytes, const weir_frame *frame);

/* The next record, without topic and partition; false at the end or at damage. Header arrays come
 * from arena; NULL skips the headers. */
bool weir_frame_next(weir_frame_cursor *cursor, weir_record *out_record, weir_arena *arena);

/* Reads a file frame after frame, in large pieces. */
typedef struct weir_frame_source {
    int fd;
    const char *path;
    int64_t position; /* Of the next frame; where a call fails, of the frame that failed. */
    int64_t end;
    weir_buf piece;
    int64_t piece_position;
} weir_frame_source;

void weir_frame_source_cleanup(weir_frame_source *source);

/* The next frame, its checksum verified; *out_bytes is borrowed until the next call. WEIR_NOT_FOUND
 * at the end of the file, WEIR_CORRUPT (file and position) where no sound frame begins. */
weir_status weir_frame_source_next(weir_frame_source *source, weir_frame *out_frame,
                                   const uint8_t **out_bytes, weir_error *err);

/* Whether a sound frame begins anywhere after the position that failed: then the file is damaged
 * in the middle, else it just ends in an unfinished write. */
weir_status weir_frame_source_find_later(weir_frame_source *source, bool *out_found,
                                         weir_error *err);

#endif
