/* SPDX-License-Identifier: Apache-2.0
 *
 * What a user's unit test sees of windows, sessions and versions (streams/test_driver.h), feeding
 * keys and values alone and counting what it has not read.
 */
#include "streams/dsl/dsl.h"
#include "tests/harness/check.h"
#include "tests/harness/dsl_fixture.h"

enum { HOUR_MS = 3600000 };

static weir_kgrouped_stream *grouped(weir_builder *builder)
{
    return weir_kstream_group_by_key(weir_builder_stream(builder, "in", NULL), NULL);
}

static void start(dsl_fixture *self)
{
    weir_builder *builder = weir_builder_new();
    const weir_time_windows windows = {.size_ms = 10, .grace_ms = 100};
    const weir_session_windows sessions = {.inactivity_gap_ms = 5};
    weir_kgrouped_stream *stream = grouped(builder);
    weir_ktable *counts = weir_time_windowed_count(
        weir_kgrouped_stream_windowed_by(stream, &windows), WEIR_STORED_AS("windows"), NULL);
    weir_kstream_to(weir_ktable_to_stream(counts, NULL), "out", NULL);
    (void)weir_session_windowed_count(weir_kgrouped_stream_windowed_by_session(stream, &sessions),
                                      WEIR_STORED_AS("sessions"), NULL);
    (void)weir_builder_table(builder, "rows", NULL,
                             &(weir_materialized){.store_name = "versions", .history_ms = HOUR_MS});
    dsl_fixture_start(self, builder, "0");
}

static void check_count(const weir_buf *value, int64_t count)
{
    int64_t got = 0;
    CHECK(weir_bytes_i64(weir_buf_bytes(value), &got));
    CHECK_I64(got, ==, count);
}

TEST(input_topic_goes_on_in_time_and_what_was_not_read_is_counted)
{
    dsl_fixture self;
    start(&self);
    weir_error err = {0};
    weir_test_input input = {.topic = "in", .timestamp_ms = 7, .advance_ms = 2};
    for (int i = 0; i < 3; i++) { /* At 7, 9 and 11: two windows. */
        CHECK_OK(weir_test_input_pipe(&input, self.driver, WEIR_BYTES("k"), WEIR_BYTES("v"), &err),
                 &err);
    }
    CHECK_I64(input.timestamp_ms, ==, 13);
    size_t left = 0;
    CHECK_OK(weir_test_driver_left(self.driver, "out", &left, &err), &err);
    CHECK_I64(left, ==, 3);
    dsl_skip(&self, "out", 1);
    CHECK_OK(weir_test_driver_left(self.driver, "out", &left, &err), &err);
    CHECK_I64(left, ==, 2);
    dsl_skip(&self, "out", 2);
    CHECK_OK(weir_test_driver_left(self.driver, "out", &left, &err), &err);
    CHECK_I64(left, ==, 0);
    dsl_fixture_end(&self);
}

TEST(window_and_session_are_read_by_their_times)
{
    dsl_fixture self;
    start(&self);
    weir_error err = {0};
    const weir_record records[] = {
        {.topic = "in", .key = WEIR_BYTES("k"), .value = WEIR_BYTES("v"), .timestamp_ms = 7},
        {.topic = "in", .key = WEIR_BYTES("k"), .value = WEIR_BYTES("v"), .timestamp_ms = 9},
        {.topic = "in", .key = WEIR_BYTES("k"), .value = WEIR_BYTES("v"), .timestamp_ms = 11},
    };
    CHECK_OK(weir_test_driver_pipe_all(self.driver, records, WEIR_COUNT_OF(records), &err), &err);
    WEIR_AUTO(weir_buf) value = {0};
    const weir_bytes key = WEIR_BYTES("k");
    CHECK_OK(weir_test_driver_get_window(self.driver, "windows", key, 0, &value, &err), &err);
    check_count(&value, 2);
    CHECK_OK(weir_test_driver_get_window(self.driver, "windows", key, 10, &value, &err), &err);
    check_count(&value, 1);
    CHECK_STATUS(weir_test_driver_get_window(self.driver, "windows", key, 20, &value, &err),
                 WEIR_NOT_FOUND);
    const weir_session all = {key, 7, 11};
    const weir_session part = {key, 7, 9};
    CHECK_OK(weir_test_driver_get_session(self.driver, "sessions", &all, &value, &err), &err);
    check_count(&value, 3);
    CHECK_STATUS(weir_test_driver_get_session(self.driver, "sessions", &part, &value, &err),
                 WEIR_NOT_FOUND);
    CHECK_STATUS(weir_test_driver_get_window(self.driver, "sessions", key, 0, &value, &err),
                 WEIR_INVALID);
    CHECK_STATUS(weir_test_driver_get_session(self.driver, "windows", &all, &value, &err),
                 WEIR_INVALID);
    CHECK_STATUS(weir_test_driver_get_window(self.driver, "nowhere", key, 0, &value, &err),
                 WEIR_INVALID);
    dsl_fixture_end(&self);
}

TEST(version_is_read_as_of_a_time)
{
    dsl_fixture self;
    start(&self);
    weir_error err = {0};
    dsl_send(&self, "rows", "k", "old", 100);
    dsl_send(&self, "rows", "k", "new", 200);
    WEIR_AUTO(weir_buf) value = {0};
    const weir_bytes key = WEIR_BYTES("k");
    CHECK_OK(weir_test_driver_get_version(self.driver, "versions", key, 199, &value, &err), &err);
    CHECK_BYTES(weir_buf_bytes(&value), WEIR_BYTES("old"));
    CHECK_OK(weir_test_driver_get_version(self.driver, "versions", key, 200, &value, &err), &err);
    CHECK_BYTES(weir_buf_bytes(&value), WEIR_BYTES("new"));
    CHECK_STATUS(weir_test_driver_get_version(self.driver, "versions", key, 99, &value, &err),
                 WEIR_NOT_FOUND);
    CHECK_STATUS(weir_test_driver_get_version(self.driver, "windows", key, 99, &value, &err),
                 WEIR_INVALID);
    dsl_fixture_end(&self);
}
