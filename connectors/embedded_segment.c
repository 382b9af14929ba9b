/* SPDX-License-Identifier: Apache-2.0
 *
 * embedded_segment.c - files of frames and their sparse index.
 *
 * The index of the segment that is written to grows with each frame. That of a closed segment is
 * made at first use, by a walk that reads headers only.
 */
#include "connectors/embedded_segment.h"

#include "streams/base/hash.h"
#include "streams/base/serde.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    MAGIC = 0x57534547, /* "WSEG" */
    VERSION = 1,
    AT_VERSION = 4,
    AT_BASE_OFFSET = 8,
    AT_COVERS_TO = 16,
    AT_CHECKSUM = 24,
};

weir_segment *weir_segment_new(const char *directory, int64_t base_offset)
{
    WEIR_ASSERT(base_offset >= 0);
    weir_segment *segment = weir_alloc(sizeof *segment);
    segment->path = weir_format("%s/%020" PRId64 ".seg", directory, base_offset);
    segment->fd = -1;
    segment->base_offset = base_offset;
    segment->end_offset = base_offset;
    segment->bytes = WEIR_SEGMENT_HEADER_BYTES;
    segment->max_timestamp_ms = -1;
    return segment;
}

static void fill_header(uint8_t *header, int64_t base_offset, int64_t covers_to)
{
    weir_put_u32_be(header, MAGIC);
    weir_put_u32_be(header + AT_VERSION, VERSION);
    weir_put_u64_be(header + AT_BASE_OFFSET, (uint64_t)base_offset);
    weir_put_u64_be(header + AT_COVERS_TO, (uint64_t)covers_to);
    weir_put_u64_be(header + AT_CHECKSUM, weir_hash64(weir_bytes_of(header, AT_CHECKSUM), 0));
}

weir_status weir_segment_create(weir_disk *disk, const weir_segment *segment, const char *path,
                                int64_t covers_to, int *out_fd, weir_error *err)
{
    uint8_t header[WEIR_SEGMENT_HEADER_BYTES];
    fill_header(header, segment->base_offset, covers_to);
    int fd = -1;
    WEIR_TRY(weir_disk_open(disk, path, true, &fd, err));
    weir_status status = weir_disk_truncate(disk, fd, path, 0, err);
    if (status == WEIR_OK) {
        status = weir_disk_write(disk, fd, path, 0, weir_bytes_of(header, sizeof header), err);
    }
    if (status != WEIR_OK) {
        (void)close(fd); /* The file is unfinished anyway. */
        return status;
    }
    *out_fd = fd;
    return WEIR_OK;
}

static weir_status damaged(const weir_segment *segment, int64_t position, weir_error *err)
{
    return weir_error_set(err, WEIR_CORRUPT, "%s is damaged at byte %" PRId64, segment->path,
                          position);
}

static weir_status read_header(weir_segment *segment, weir_error *err)
{
    uint8_t header[WEIR_SEGMENT_HEADER_BYTES];
    uint8_t expected[WEIR_SEGMENT_HEADER_BYTES];
    WEIR_TRY(weir_disk_read(segment->fd, segment->path, 0, header, sizeof header, err));
    int64_t covers_to = (int64_t)weir_get_u64_be(header + AT_COVERS_TO);
    fill_header(expected, segment->base_offset, covers_to);
    if (!weir_bytes_equal(weir_bytes_of(header, sizeof header),
                          weir_bytes_of(expected, sizeof expected)) ||
        covers_to < 0) {
        return damaged(segment, 0, err);
    }
    segment->covers_to = covers_to;
    return WEIR_OK;
}

weir_status weir_segment_open(weir_disk *disk, weir_segment *segment, weir_error *err)
{
    WEIR_TRY(weir_segment_hold(disk, segment, err));
    weir_status status = weir_disk_size(segment->fd, segment->path, &segment->bytes, err);
    if (status == WEIR_OK && segment->bytes >= WEIR_SEGMENT_HEADER_BYTES) {
        status = read_header(segment, err);
    }
    weir_segment_release(segment);
    return status;
}

weir_status weir_segment_hold(weir_disk *disk, weir_segment *segment, weir_error *err)
{
    if (segment->fd < 0) {
        weir_status status = weir_disk_open(disk, segment->path, false, &segment->fd, err);
        if (status == WEIR_NOT_FOUND) {
            return weir_error_set(err, WEIR_CORRUPT, "%s has disappeared", segment->path);
        }
        WEIR_TRY(status);
    }
    segment->holders++;
    return WEIR_OK;
}

void weir_segment_release(weir_segment *segment)
{
    WEIR_ASSERT(segment->holders > 0);
    if (--segment->holders > 0) {
        return;
    }
    if (segment->fd >= 0) {
        (void)close(segment->fd); /* What had to reach the disk was synced before. */
        segment->fd = -1;
    }
    if (segment->removed) {
        free(segment->marks);
        free(segment->path);
        free(segment);
    }
}

void weir_segment_add(weir_segment *segment, const weir_frame *frame)
{
    WEIR_ASSERT(frame->base_offset >= segment->end_offset);
    weir_segment_mark *last =
        segment->mark_count == 0 ? NULL : &segment->marks[segment->mark_count - 1];
    if (last == NULL || segment->bytes - last->position >= WEIR_SEGMENT_MARK_BYTES) {
        segment->marks = weir_grow(segment->marks, segment->mark_count, &segment->mark_capacity,
                                   sizeof *segment->marks);
        last = &segment->marks[segment->mark_count++];
        *last = (weir_segment_mark){frame->base_offset, segment->bytes, -1};
    }
    if (last->max_timestamp_ms < frame->max_timestamp_ms) {
        last->max_timestamp_ms = frame->max_timestamp_ms;
    }
    if (segment->max_timestamp_ms < frame->max_timestamp_ms) {
        segment->max_timestamp_ms = frame->max_timestamp_ms;
    }
    segment->bytes += (int64_t)frame->bytes;
    segment->end_offset = frame->base_offset + frame->offset_span;
}

/* Forgets what is known of the frames, for a walk from the start. */
static void forget_frames(weir_segment *segment)
{
    segment->bytes = WEIR_SEGMENT_HEADER_BYTES;
    segment->end_offset = segment->base_offset;
    segment->max_timestamp_ms = -1;
    segment->mark_count = 0;
}

static weir_status walk_headers(weir_segment *segment, int64_t end, weir_error *err)
{
    while (segment->bytes < end) {
        uint8_t header[WEIR_FRAME_HEADER_BYTES];
        weir_frame frame;
        WEIR_TRY(
            weir_disk_read(segment->fd, segment->path, segment->bytes, header, sizeof header, err));
        if (!weir_frame_parse(header, &frame) || frame.base_offset < segment->end_offset ||
            (int64_t)frame.bytes > end - segment->bytes) {
            return damaged(segment, segment->bytes, err);
        }
        weir_segment_add(segment, &frame);
    }
    return WEIR_OK;
}

weir_status weir_segment_load_index(weir_disk *disk, weir_segment *segment, weir_error *err)
{
    if (segment->indexed) {
        return WEIR_OK;
    }
    int64_t end = segment->bytes;
    int64_t end_offset = segment->end_offset; /* Beyond the last record, where it was compacted. */
    WEIR_TRY(weir_segment_hold(disk, segment, err));
    forget_frames(segment);
    weir_status status = walk_headers(segment, end, err);
    segment->bytes = end;
    segment->end_offset = end_offset;
    segment->indexed = status == WEIR_OK;
    weir_segment_release(segment);
    return status;
}

/* Adds the frames of the file up to the first that is not whole and committed. */
static weir_status walk_frames(weir_frame_source *source, weir_segment *segment,
                               bool (*is_committed)(void *user, int64_t transaction), void *user,
                               weir_error *err)
{
    for (;;) {
        weir_frame frame;
        const uint8_t *bytes = NULL;
        weir_status status = weir_frame_source_next(source, &frame, &bytes, err);
        if (status == WEIR_CORRUPT) {
            bool damaged_inside = false;
            WEIR_TRY(weir_frame_source_find_later(source, &damaged_inside, err));
            return damaged_inside ? damaged(segment, source->position, err) : WEIR_OK;
        }
        if (status != WEIR_OK) {
            return status == WEIR_NOT_FOUND ? WEIR_OK : status;
        }
        if (frame.base_offset < segment->end_offset) {
            return damaged(segment, segment->bytes, err);
        }
        if (frame.transaction != 0 && !is_committed(user, frame.transaction)) {
            return WEIR_OK;
        }
        weir_segment_add(segment, &frame);
    }
}

weir_status weir_segment_recover(weir_disk *disk, weir_segment *segment,
                                 bool (*is_committed)(void *user, int64_t transaction), void *user,
                                 int64_t *out_cut_bytes, weir_error *err)
{
    WEIR_ASSERT(segment->fd >= 0);
    WEIR_ASSERT(is_committed != NULL);
    int64_t file_bytes = segment->bytes;
    forget_frames(segment);
    *out_cut_bytes = 0;
    if (file_bytes < WEIR_SEGMENT_HEADER_BYTES) { /* The crash came while it was made. */
        uint8_t header[WEIR_SEGMENT_HEADER_BYTES];
        fill_header(header, segment->base_offset, 0);
        segment->indexed = true;
        return weir_disk_write(disk, segment->fd, segment->path, 0,
                               weir_bytes_of(header, sizeof header), err);
    }
    weir_frame_source source = {
        .fd = segment->fd, .path = segment->path, .position = segment->bytes, .end = file_bytes};
    weir_status status = walk_frames(&source, segment, is_committed, user, err);
    weir_frame_source_cleanup(&source);
    WEIR_TRY(status);
    segment->indexed = true;
    *out_cut_bytes = file_bytes - segment->bytes;
    return *out_cut_bytes == 0
               ? WEIR_OK
               : weir_disk_truncate(disk, segment->fd, segment->path, segment->bytes, err);
}

int64_t weir_segment_position_of(const weir_segment *segment, int64_t offset)
{
    WEIR_ASSERT(segment->indexed);
    size_t low = 0; /* All marks before low are at or before offset. */
    size_t high = segment->mark_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (segment->marks[middle].offset <= offset) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low == 0 ? WEIR_SEGMENT_HEADER_BYTES : segment->marks[low - 1].position;
}

int64_t weir_segment_position_at(const weir_segment *segment, int64_t timestamp_ms)
{
    WEIR_ASSERT(segment->indexed);
    for (size_t i = 0; i < segment->mark_count; i++) {
        if (segment->marks[i].max_timestamp_ms >= timestamp_ms) {
            return segment->marks[i].position;
        }
    }
    return -1;
}
