/* SPDX-License-Identifier: Apache-2.0
 *
 * held_change.c - the value of a change or a record that waits in a store, as Kafka Streams writes
 * it (BufferValue), all numbers big-endian:
 *
 *   int64 timestamp | int64 offset | text topic | int32 partition | int32 n | n x (text | bytes)
 *   bytes prior | bytes old | bytes new | int64 time          (text and bytes: int32 length first)
 *
 * where a length of -1 is a null, and -2 for old says that it is the same as prior.
 */
#include "streams/dsl/held_change_internal.h"

#include "streams/base/serde.h"

#include <stdlib.h>

enum { LENGTH_NULL = -1, LENGTH_SAME = -2 };

void weir_held_reader_cleanup(weir_held_reader *held)
{
    weir_buf_cleanup(&held->topic);
    free(held->headers);
}

static void append_bytes(weir_buf *to, weir_bytes bytes)
{
    weir_buf_append_i32_be(to, bytes.data == NULL ? LENGTH_NULL : (int32_t)bytes.size);
    weir_buf_append(to, bytes.data, bytes.size);
}

void weir_held_change_encode(const weir_held_change *held, int64_t time_ms, weir_buf *to)
{
    const weir_record *record = &held->record;
    weir_buf_clear(to);
    weir_buf_append_i64_be(to, record->timestamp_ms);
    weir_buf_append_i64_be(to, record->offset);
    append_bytes(to, record->topic == NULL ? WEIR_BYTES("") : weir_bytes_of_text(record->topic));
    weir_buf_append_i32_be(to, record->partition);
    weir_buf_append_i32_be(to, (int32_t)record->header_count);
    for (size_t i = 0; i < record->header_count; i++) {
        append_bytes(to, record->headers[i].key);
        append_bytes(to, record->headers[i].value);
    }
    append_bytes(to, held->prior);
    if (held->change.old_value.data != NULL &&
        weir_bytes_equal(held->prior, held->change.old_value)) {
        weir_buf_append_i32_be(to, LENGTH_SAME);
    } else {
        append_bytes(to, held->change.old_value);
    }
    append_bytes(to, held->change.new_value);
    weir_buf_append_i64_be(to, time_ms);
}

static weir_bytes read_bytes(weir_reader *reader, int32_t length)
{
    if (length < LENGTH_NULL) {
        reader->failed = true;
    }
    return length < 0 ? WEIR_BYTES_NULL : weir_read_bytes(reader, (size_t)length);
}

static void read_headers(weir_held_reader *held, weir_reader *reader, weir_record *record)
{
    int32_t count = weir_read_i32_be(reader);
    for (int32_t i = 0; i < count && !reader->failed; i++) {
        held->headers = weir_grow(held->headers, record->header_count, &held->header_capacity,
                                  sizeof(*held->headers));
        weir_header *header = &held->headers[record->header_count++];
        header->key = read_bytes(reader, weir_read_i32_be(reader));
        header->value = read_bytes(reader, weir_read_i32_be(reader));
    }
    record->headers = held->headers;
}

weir_status weir_held_change_decode(weir_held_reader *held, weir_bytes value,
                                    weir_held_change *out_held, int64_t *out_time_ms,
                                    weir_error *err)
{
    weir_reader reader = weir_reader_of(value);
    weir_record *record = &out_held->record;
    *out_held = (weir_held_change){0};
    record->timestamp_ms = weir_read_i64_be(&reader);
    record->offset = weir_read_i64_be(&reader);
    weir_buf_set(&held->topic, read_bytes(&reader, weir_read_i32_be(&reader)));
    record->topic = weir_buf_text(&held->topic);
    record->partition = weir_read_i32_be(&reader);
    read_headers(held, &reader, record);
    out_held->prior = read_bytes(&reader, weir_read_i32_be(&reader));
    int32_t old_bytes = weir_read_i32_be(&reader);
    out_held->change.old_value =
        old_bytes == LENGTH_SAME ? out_held->prior : read_bytes(&reader, old_bytes);
    out_held->change.new_value = read_bytes(&reader, weir_read_i32_be(&reader));
    *out_time_ms = weir_read_i64_be(&reader);
    if (reader.failed || reader.left.size > 0) {
        return weir_error_set(
            err, WEIR_CORRUPT,
            "this is no change that was held back, or one of Kafka Streams before "
            "2.4");
    }
    return WEIR_OK;
}
