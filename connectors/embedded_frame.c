/* SPDX-License-Identifier: Apache-2.0
 *
 * embedded_frame.c - encodes and decodes frames (the picture is in the header).
 *
 * A producer encodes each record once, straight into the bytes that go to the file. The offset is
 * known only when they do, so frames are built with offsets from 0 and sealed afterwards: that
 * touches headers alone, besides the checksum.
 */
#include "connectors/embedded_frame.h"

#include "streams/base/hash.h"
#include "streams/base/serde.h"

#include <assert.h>
#include <string.h>

enum {
    MAGIC = 0x57454952, /* "WEIR" */
    AT_BODY_BYTES = 4,
    AT_CHECKSUM = 8,
    AT_BASE_OFFSET = 16,
    AT_RECORD_COUNT = 24,
    AT_OFFSET_SPAN = 28,
    AT_BASE_TIMESTAMP = 32,
    AT_MAX_TIMESTAMP = 40,
    AT_TRANSACTION = 48,
    AT_DELETE_HORIZON = 56,
    VARINT_BYTES_MAX = 10,
    VARINTS_OF_RECORD = 5,
    VARINT_BITS = 7,
    VARINT_MORE = 0x80,
    VARINT_MASK = 0x7f,
    VARINT_SHIFT_MAX = 63,
    PIECE_BYTES = 1 << 20,
    KEPT_BYTES_MAX = 256 << 10,
};

static_assert((int)AT_DELETE_HORIZON + 8 == (int)WEIR_FRAME_HEADER_BYTES, "the header is full");

bool weir_frame_parse(const uint8_t header[WEIR_FRAME_HEADER_BYTES], weir_frame *out_frame)
{
    if (weir_get_u32_be(header) != MAGIC) {
        return false;
    }
    *out_frame = (weir_frame){
        .base_offset = (int64_t)weir_get_u64_be(header + AT_BASE_OFFSET),
        .base_timestamp_ms = (int64_t)weir_get_u64_be(header + AT_BASE_TIMESTAMP),
        .max_timestamp_ms = (int64_t)weir_get_u64_be(header + AT_MAX_TIMESTAMP),
        .transaction = (int64_t)weir_get_u64_be(header + AT_TRANSACTION),
        .delete_horizon_ms = (int64_t)weir_get_u64_be(header + AT_DELETE_HORIZON),
        .record_count = weir_get_u32_be(header + AT_RECORD_COUNT),
        .offset_span = weir_get_u32_be(header + AT_OFFSET_SPAN),
        .bytes = (size_t)weir_get_u32_be(header + AT_BODY_BYTES) + WEIR_FRAME_HEADER_BYTES,
    };
    return out_frame->bytes <= WEIR_FRAME_BYTES_MAX && out_frame->base_offset >= 0 &&
           out_frame->record_count > 0 && out_frame->offset_span >= out_frame->record_count &&
           out_frame->base_offset <= INT64_MAX - out_frame->offset_span;
}

static uint64_t checksum_of(const uint8_t *bytes, size_t size)
{
    return weir_hash64(weir_bytes_of(bytes + AT_BASE_OFFSET, size - AT_BASE_OFFSET), 0);
}

bool weir_frame_is_sound(const uint8_t *bytes, const weir_frame *frame)
{
    WEIR_ASSERT(frame->bytes >= WEIR_FRAME_HEADER_BYTES);
    return weir_get_u64_be(bytes + AT_CHECKSUM) == checksum_of(bytes, frame->bytes);
}

void weir_frame_writer_cleanup(weir_frame_writer *writer)
{
    weir_buf_cleanup(&writer->frames);
    *writer = (weir_frame_writer){.frame_bytes_target = writer->frame_bytes_target};
}

static uint8_t *put_varint(uint8_t *to, uint64_t value)
{
    while (value > VARINT_MASK) {
        *to++ = (uint8_t)(value | VARINT_MORE);
        value >>= VARINT_BITS;
    }
    *to++ = (uint8_t)value;
    return to;
}

static uint8_t *put_bytes(uint8_t *to, weir_bytes bytes)
{
    to = put_varint(to, bytes.data == NULL ? 0 : bytes.size + 1);
    if (bytes.data != NULL && bytes.size > 0) {
        memcpy(to, bytes.data, bytes.size);
    }
    return to + bytes.size;
}

static uint64_t zigzag_of(int64_t value)
{
    return ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0);
}

static size_t encoded_bytes_max(const weir_record *record)
{
    size_t bytes = (size_t)VARINTS_OF_RECORD * VARINT_BYTES_MAX;
    bytes += record->key.size + record->value.size;
    for (size_t i = 0; i < record->header_count; i++) {
        const weir_header *header = &record->headers[i];
        bytes += header->key.size + header->value.size + (size_t)2 * VARINT_BYTES_MAX;
    }
    return bytes;
}

static void open_frame(weir_frame_writer *writer, const weir_record *record)
{
    writer->frame_start = writer->frames.size;
    writer->open_frame = (weir_frame){.base_offset = writer->next_offset,
                                      .base_timestamp_ms = record->timestamp_ms,
                                      .max_timestamp_ms = record->timestamp_ms};
    memset(weir_buf_reserve(&writer->frames, WEIR_FRAME_HEADER_BYTES), 0, WEIR_FRAME_HEADER_BYTES);
    writer->frames.size += WEIR_FRAME_HEADER_BYTES;
}

void weir_frame_writer_add(weir_frame_writer *writer, const weir_record *record)
{
    weir_frame *frame = &writer->open_frame;
    if (frame->record_count == 0) {
        open_frame(writer, record);
    }
    WEIR_ASSERT(writer->next_offset >= frame->base_offset);
    uint8_t *start = weir_buf_reserve(&writer->frames, encoded_bytes_max(record));
    uint8_t *to = put_varint(start, (uint64_t)(writer->next_offset - frame->base_offset));
    to = put_varint(to, zigzag_of(record->timestamp_ms - frame->base_timestamp_ms));
    to = put_bytes(to, record->key);
    to = put_bytes(to, record->value);
    to = put_varint(to, record->header_count);
    for (size_t i = 0; i < record->header_count; i++) {
        to = put_bytes(to, record->headers[i].key);
        to = put_bytes(to, record->headers[i].value);
    }
    writer->frames.size += (size_t)(to - start);
    writer->next_offset++;
    frame->record_count++;
    if (frame->max_timestamp_ms < record->timestamp_ms) {
        frame->max_timestamp_ms = record->timestamp_ms;
    }
    size_t target =
        writer->frame_bytes_target == 0 ? WEIR_FRAME_BYTES_TARGET : writer->frame_bytes_target;
    if (writer->frames.size - writer->frame_start >= target) {
        weir_frame_writer_close(writer);
    }
}

void weir_frame_writer_close(weir_frame_writer *writer)
{
    weir_frame *frame = &writer->open_frame;
    if (frame->record_count == 0) {
        return;
    }
    uint8_t *header = writer->frames.data + writer->frame_start;
    size_t bytes = writer->frames.size - writer->frame_start;
    WEIR_ASSERT(bytes <= WEIR_FRAME_BYTES_MAX);
    WEIR_ASSERT(writer->next_offset - frame->base_offset <= UINT32_MAX);
    weir_put_u32_be(header, MAGIC);
    weir_put_u32_be(header + AT_BODY_BYTES, (uint32_t)(bytes - WEIR_FRAME_HEADER_BYTES));
    weir_put_u64_be(header + AT_BASE_OFFSET, (uint64_t)frame->base_offset);
    weir_put_u32_be(header + AT_RECORD_COUNT, frame->record_count);
    weir_put_u32_be(header + AT_OFFSET_SPAN, (uint32_t)(writer->next_offset - frame->base_offset));
    weir_put_u64_be(header + AT_BASE_TIMESTAMP, (uint64_t)frame->base_timestamp_ms);
    weir_put_u64_be(header + AT_MAX_TIMESTAMP, (uint64_t)frame->max_timestamp_ms);
    weir_put_u64_be(header + AT_DELETE_HORIZON, (uint64_t)writer->delete_horizon_ms);
    frame->record_count = 0;
}

void weir_frame_writer_seal(weir_frame_writer *writer, int64_t first_offset, int64_t transaction)
{
    WEIR_ASSERT(first_offset >= 0);
    weir_frame_writer_close(writer);
    for (size_t at = 0; at < writer->frames.size;) {
        uint8_t *bytes = writer->frames.data + at;
        weir_frame frame;
        bool is_frame = weir_frame_parse(bytes, &frame);
        WEIR_ASSERT(is_frame);
        weir_put_u64_be(bytes + AT_BASE_OFFSET, (uint64_t)(frame.base_offset + first_offset));
        weir_put_u64_be(bytes + AT_TRANSACTION, (uint64_t)transaction);
        weir_put_u64_be(bytes + AT_CHECKSUM, checksum_of(bytes, frame.bytes));
        at += frame.bytes;
    }
}

void weir_frame_writer_reset(weir_frame_writer *writer)
{
    if (writer->frames.capacity > KEPT_BYTES_MAX) {
        weir_buf_cleanup(&writer->frames);
    }
    weir_buf_clear(&writer->frames);
    writer->open_frame.record_count = 0;
    writer->next_offset = 0;
}

weir_frame_cursor weir_frame_records(const uint8_t *bytes, const weir_frame *frame)
{
    return (weir_frame_cursor){.at = bytes + WEIR_FRAME_HEADER_BYTES,
                               .end = bytes + frame->bytes,
                               .base_offset = frame->base_offset,
                               .base_timestamp_ms = frame->base_timestamp_ms,
                               .offset_span = frame->offset_span,
                               .records_left = frame->record_count};
}

static uint64_t get_varint(weir_frame_cursor *cursor)
{
    uint64_t value = 0;
    for (int shift = 0; shift <= VARINT_SHIFT_MAX && cursor->at < cursor->end;
         shift += VARINT_BITS) {
        uint8_t byte = *cursor->at++;
        value |= (uint64_t)(byte & VARINT_MASK) << shift;
        if ((byte & VARINT_MORE) == 0) {
            return value;
        }
    }
    cursor->failed = true;
    return 0;
}

static weir_bytes get_bytes(weir_frame_cursor *cursor)
{
    uint64_t size = get_varint(cursor);
    if (size == 0 || cursor->failed) {
        return WEIR_BYTES_NULL;
    }
    size--;
    if (size > (size_t)(cursor->end - cursor->at)) {
        cursor->failed = true;
        return WEIR_BYTES_NULL;
    }
    weir_bytes bytes = weir_bytes_of(cursor->at, size);
    cursor->at += size;
    return bytes;
}

static void get_headers(weir_frame_cursor *cursor, weir_record *record, weir_arena *arena)
{
    uint64_t count = get_varint(cursor);
    if (count == 0) {
        return;
    }
    if (count > WEIR_RECORD_HEADERS_MAX) {
        cursor->failed = true;
        return;
    }
    weir_header *headers =
        arena == NULL ? NULL : weir_arena_alloc(arena, (size_t)count * sizeof *headers);
    if (arena != NULL && headers == NULL) {
        cursor->failed = true; /* Rather than a record without the headers that it has. */
        return;
    }
    for (uint64_t i = 0; i < count; i++) {
        weir_bytes key = get_bytes(cursor);
        weir_bytes value = get_bytes(cursor);
        if (headers != NULL) {
            headers[i] = (weir_header){.key = key, .value = value};
        }
    }
    record->headers = headers;
    record->header_count = headers == NULL ? 0 : (size_t)count;
}

bool weir_frame_next(weir_frame_cursor *cursor, weir_record *out_record, weir_arena *arena)
{
    if (cursor->records_left == 0 || cursor->failed) {
        cursor->failed = cursor->failed || cursor->at != cursor->end;
        return false;
    }
    weir_record record = {0};
    uint64_t delta = get_varint(cursor);
    uint64_t zigzag = get_varint(cursor);
    record.key = get_bytes(cursor);
    record.value = get_bytes(cursor);
    get_headers(cursor, &record, arena);
    int64_t timestamp_delta = (int64_t)((zigzag >> 1) ^ ((zigzag & 1) == 1 ? UINT64_MAX : 0));
    if (delta >= cursor->offset_span ||
        __builtin_add_overflow(cursor->base_timestamp_ms, timestamp_delta, &record.timestamp_ms)) {
        cursor->failed = true;
    }
    if (cursor->failed) {
        return false;
    }
    record.offset = cursor->base_offset + (int64_t)delta;
    cursor->records_left--;
    *out_record = record;
    return true;
}

void weir_frame_source_cleanup(weir_frame_source *source)
{
    weir_buf_cleanup(&source->piece);
}

/* Makes size bytes at source->position available and returns them; NULL in *out_bytes where the
 * file ends before. */
static weir_status look_at(weir_frame_source *source, size_t size, const uint8_t **out_bytes,
                           weir_error *err)
{
    *out_bytes = NULL;
    if ((int64_t)size > source->end - source->position) {
        return WEIR_OK;
    }
    int64_t piece_end = source->piece_position + (int64_t)source->piece.size;
    if (source->position < source->piece_position || source->position + (int64_t)size > piece_end) {
        size_t wanted = size > PIECE_BYTES ? size : PIECE_BYTES;
        if ((int64_t)wanted > source->end - source->position) {
            wanted = (size_t)(source->end - source->position);
        }
        weir_buf_clear(&source->piece);
        uint8_t *to = weir_buf_reserve(&source->piece, wanted);
        WEIR_TRY(weir_disk_read(source->fd, source->path, source->position, to, wanted, err));
        source->piece.size = wanted;
        source->piece_position = source->position;
    }
    *out_bytes = source->piece.data + (source->position - source->piece_position);
    return WEIR_OK;
}

/* *out_bytes is NULL where no sound frame begins at the position. */
static weir_status look_at_frame(weir_frame_source *source, weir_frame *out_frame,
                                 const uint8_t **out_bytes, weir_error *err)
{
    const uint8_t *bytes = NULL;
    *out_bytes = NULL;
    WEIR_TRY(look_at(source, WEIR_FRAME_HEADER_BYTES, &bytes, err));
    if (bytes == NULL || !weir_frame_parse(bytes, out_frame)) {
        return WEIR_OK;
    }
    WEIR_TRY(look_at(source, out_frame->bytes, &bytes, err));
    if (bytes != NULL && weir_frame_is_sound(bytes, out_frame)) {
        *out_bytes = bytes;
    }
    return WEIR_OK;
}

weir_status weir_frame_source_next(weir_frame_source *source, weir_frame *out_frame,
                                   const uint8_t **out_bytes, weir_error *err)
{
    if (source->position >= source->end) {
        return WEIR_NOT_FOUND;
    }
    const uint8_t *bytes = NULL;
    weir_frame frame;
    WEIR_TRY(look_at_frame(source, &frame, &bytes, err));
    if (bytes == NULL) {
        return weir_error_set(err, WEIR_CORRUPT, "%s: no sound frame at byte %lld", source->path,
                              (long long)source->position);
    }
    source->position += (int64_t)frame.bytes;
    *out_frame = frame;
    *out_bytes = bytes;
    return WEIR_OK;
}

weir_status weir_frame_source_find_later(weir_frame_source *source, bool *out_found,
                                         weir_error *err)
{
    weir_frame_source later = {.fd = source->fd, .path = source->path, .end = source->end};
    *out_found = false;
    weir_status status = WEIR_OK;
    for (later.position = source->position + 1;
         later.position < later.end && status == WEIR_OK && !*out_found; later.position++) {
        weir_frame frame;
        const uint8_t *bytes = NULL;
        status = look_at_frame(&later, &frame, &bytes, err);
        *out_found = bytes != NULL;
    }
    weir_frame_source_cleanup(&later);
    return status;
}
