/* SPDX-License-Identifier: Apache-2.0
 *
 * embedded_segment.h - one file of a partition: a header, then frames in the order of offsets.
 *
 *   <base offset, 20 digits>.seg    header 32 bytes | frame | frame | …
 *
 * The last segment of a partition is written to; the others never change, they are removed or
 * replaced whole by compaction. A segment that compaction made says up to which offset it covers,
 * so that segments which it replaces and which a crash left behind are known at the next start.
 *
 * Ownership  A holder keeps a segment and its descriptor alive, even when it is removed.
 * Errors     WEIR_CORRUPT with file and position for damage; WEIR_IO.
 * Threads    Whoever calls holds the lock of the partition, except where a line says otherwise.
 */
#ifndef WEIR_CONNECTORS_EMBEDDED_SEGMENT_H
#define WEIR_CONNECTORS_EMBEDDED_SEGMENT_H

#include "connectors/embedded_frame.h"

enum { WEIR_SEGMENT_HEADER_BYTES = 32, WEIR_SEGMENT_MARK_BYTES = 16 << 10 };

/* A place of the sparse index, one about each WEIR_SEGMENT_MARK_BYTES. */
typedef struct weir_segment_mark {
    int64_t offset; /* First offset of the frame at position. */
    int64_t position;
    int64_t max_timestamp_ms; /* Of the frames up to the next mark. */
} weir_segment_mark;

typedef struct weir_segment {
    char *path;
    int fd; /* -1 while nobody holds it. */
    int32_t holders;
    bool removed; /* The last holder frees it. */
    bool indexed; /* marks, end_offset and max_timestamp_ms are known. */
    int64_t base_offset;
    int64_t covers_to; /* 0: not compacted. */
    int64_t end_offset;
    int64_t bytes; /* What readers may see of the file. */
    int64_t max_timestamp_ms;
    weir_segment_mark *marks;
    size_t mark_count;
    size_t mark_capacity;
} weir_segment;

/* A segment of a directory, without touching the disk; held by nobody. */
weir_segment *weir_segment_new(const char *directory, int64_t base_offset);

/* Makes the file at path (which may differ from segment->path for a replacement in the making) with
 * a header; *out_fd is open. */
weir_status weir_segment_create(weir_disk *disk, const weir_segment *segment, const char *path,
                                int64_t covers_to, int *out_fd, weir_error *err);

/* Reads header and size. */
weir_status weir_segment_open(weir_disk *disk, weir_segment *segment, weir_error *err);

/* Keeps the segment and its open descriptor until the release. */
weir_status weir_segment_hold(weir_disk *disk, weir_segment *segment, weir_error *err);
void weir_segment_release(weir_segment *segment);

/* Adds the next frame, which lies at segment->bytes, to what readers see. */
void weir_segment_add(weir_segment *segment, const weir_frame *frame);

/* Fills the index of a segment that is not written to any more, unless it is there. */
weir_status weir_segment_load_index(weir_disk *disk, weir_segment *segment, weir_error *err);

/* Walks the segment that was written to last and cuts what a crash left unfinished: a torn frame,
 * or frames of a transaction that is_committed denies. *out_cut_bytes is what went. */
weir_status weir_segment_recover(weir_disk *disk, weir_segment *segment,
                                 bool (*is_committed)(void *user, int64_t transaction), void *user,
                                 int64_t *out_cut_bytes, weir_error *err);

/* The position of a frame at or before offset; the segment is indexed. */
int64_t weir_segment_position_of(const weir_segment *segment, int64_t offset);

/* The position from which a frame with a record at or after timestamp_ms is found; -1: none. */
int64_t weir_segment_position_at(const weir_segment *segment, int64_t timestamp_ms);

#endif
