/* SPDX-License-Identifier: Apache-2.0
 *
 * Frames of the embedded broker, without a file (connectors/embedded_frame.c).
 */
#include "connectors/embedded_frame.h"
#include "tests/harness/check.h"

/* A sealed frame with one record of two headers. */
static void write_frame(weir_frame_writer *writer)
{
    const weir_header headers[] = {{WEIR_BYTES("a"), WEIR_BYTES("1")},
                                   {WEIR_BYTES("b"), WEIR_BYTES_NULL}};
    weir_frame_writer_add(writer, &(weir_record){.key = WEIR_BYTES("k"),
                                                 .value = WEIR_BYTES("v"),
                                                 .timestamp_ms = 7,
                                                 .headers = headers,
                                                 .header_count = WEIR_COUNT_OF(headers)});
    weir_frame_writer_seal(writer, 100, 0);
}

TEST(record_comes_back_with_its_headers)
{
    weir_frame_writer writer = {0};
    write_frame(&writer);
    weir_frame frame;
    CHECK(weir_frame_parse(writer.frames.data, &frame));
    CHECK(weir_frame_is_sound(writer.frames.data, &frame));

    WEIR_AUTO_PTR(weir_arena) arena = weir_arena_new(1024);
    weir_frame_cursor cursor = weir_frame_records(writer.frames.data, &frame);
    weir_record record;
    CHECK(weir_frame_next(&cursor, &record, arena));
    CHECK_I64(record.offset, ==, 100);
    CHECK_I64(record.timestamp_ms, ==, 7);
    CHECK_I64(record.header_count, ==, 2);
    CHECK_BYTES(record.headers[0].value, WEIR_BYTES("1"));
    CHECK(record.headers[1].value.data == NULL);
    CHECK(!weir_frame_next(&cursor, &record, arena));
    CHECK(!cursor.failed);
    weir_frame_writer_cleanup(&writer);
}

TEST(record_whose_headers_do_not_fit_is_not_given_without_them)
{
    weir_frame_writer writer = {0};
    write_frame(&writer);
    weir_frame frame;
    CHECK(weir_frame_parse(writer.frames.data, &frame));

    WEIR_AUTO_PTR(weir_arena) small = weir_arena_new(16);
    weir_frame_cursor cursor = weir_frame_records(writer.frames.data, &frame);
    weir_record record;
    CHECK(!weir_frame_next(&cursor, &record, small));
    CHECK(cursor.failed);
    weir_frame_writer_cleanup(&writer);
}
