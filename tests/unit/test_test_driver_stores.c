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

static void put(dsl_fixture *self, const char *store, const char *value, int64_t time_ms)
{
    weir_error err = {0};
    weir_bytes bytes = value == NULL ? WEIR_BYTES_NULL : weir_bytes_of_text(value);
    CHECK_OK(weir_test_driver_put(self->driver, store, WEIR_BYTES("k"), bytes, time_ms, &err),
             &err);
}

static void check_row(dsl_fixture *self, const char *store, const char *wanted)
{
    weir_error err = {0};
    WEIR_AUTO(weir_buf) value = {0};
    CHECK_OK(weir_test_driver_get(self->driver, store, WEIR_BYTES("k"), &value, &err), &err);
    CHECK_STR(weir_buf_text(&value), wanted);
}

static void start_table(dsl_fixture *self, const char *cache_bytes_max)
{
    weir_builder *builder = weir_builder_new();
    weir_ktable *table = weir_builder_table(builder, "rows", NULL, WEIR_STORED_AS("table"));
    weir_kstream_to(weir_ktable_to_stream(table, NULL), "out", NULL);
    dsl_fixture_start(self, builder, cache_bytes_max);
}

TEST(row_that_a_test_puts_is_in_the_changelog)
{
    dsl_fixture self;
    start_table(&self, "0");
    put(&self, "table", "v", 17);
    check_row(&self, "table", "v");
    dsl_check_next(&self, "test-table-changelog", "k", "v", 17);
    dsl_check_end(&self, "out"); /* Nobody processed it. */
    dsl_fixture_restart(&self);
    check_row(&self, "table", "v");
    put(&self, "table", NULL, 18);
    WEIR_AUTO(weir_buf) value = {0};
    CHECK_STATUS(weir_test_driver_get(self.driver, "table", WEIR_BYTES("k"), &value, NULL),
                 WEIR_NOT_FOUND);
    dsl_skip(&self, "test-table-changelog", 1);
    dsl_check_next(&self, "test-table-changelog", "k", NULL, 18);
    dsl_fixture_end(&self);
}

TEST(row_that_a_test_puts_goes_through_the_cache)
{
    dsl_fixture self;
    start_table(&self, "100000");
    put(&self, "table", "v", 17);
    dsl_check_next(&self, "out", "k", "v", 17); /* The cache tells what it lets go of. */
    dsl_check_end(&self, "out");
    dsl_fixture_end(&self);
}

TEST(windows_sessions_and_versions_are_put_by_their_times)
{
    dsl_fixture self;
    start(&self);
    weir_error err = {0};
    const weir_bytes nine = weir_bytes_of("\0\0\0\0\0\0\0\x09", 8);
    const weir_session session = {WEIR_BYTES("k"), 3, 8};
    CHECK_OK(weir_test_driver_put_window(self.driver, "windows", WEIR_BYTES("k"), 10, nine, &err),
             &err);
    CHECK_OK(weir_test_driver_put_session(self.driver, "sessions", &session, nine, &err), &err);
    put(&self, "versions", "old", 1000);
    put(&self, "versions", "new", 2000);
    dsl_send(&self, "in", "k", "v", 11); /* Goes on from both. */
    WEIR_AUTO(weir_buf) value = {0};
    CHECK_OK(weir_test_driver_get_window(self.driver, "windows", WEIR_BYTES("k"), 10, &value, &err),
             &err);
    check_count(&value, 10);
    const weir_session longer = {WEIR_BYTES("k"), 3, 11};
    CHECK_OK(weir_test_driver_get_session(self.driver, "sessions", &longer, &value, &err), &err);
    check_count(&value, 10);
    CHECK_OK(
        weir_test_driver_get_version(self.driver, "versions", WEIR_BYTES("k"), 1999, &value, &err),
        &err);
    CHECK_STR(weir_buf_text(&value), "old");
    dsl_fixture_end(&self);
}

static weir_status double_row(void *user, weir_context *context, weir_error *err)
{
    (void)user;
    WEIR_AUTO(weir_buf) row = {0};
    weir_kv *rows = weir_context_store(context, "table");
    WEIR_TRY(weir_kv_get(rows, WEIR_BYTES("k"), &row, err));
    return weir_kv_put(rows, WEIR_BYTES("again"), weir_buf_bytes(&row), err);
}

TEST(edit_reads_and_writes_as_a_processor_does)
{
    dsl_fixture self;
    start_table(&self, "0");
    weir_error err = {0};
    put(&self, "table", "v", 17);
    const weir_test_store store = {.name = "table", .timestamp_ms = 20};
    CHECK_OK(weir_test_driver_edit(self.driver, &store, double_row, NULL, &err), &err);
    WEIR_AUTO(weir_buf) value = {0};
    CHECK_OK(weir_test_driver_get(self.driver, "table", WEIR_BYTES("again"), &value, &err), &err);
    CHECK_STR(weir_buf_text(&value), "v");
    dsl_fixture_end(&self);
}

TEST(write_to_a_store_that_is_not_there_is_told)
{
    dsl_fixture self;
    start_table(&self, "0");
    weir_error err = {0};
    const weir_bytes k = WEIR_BYTES("k");
    CHECK_STATUS(weir_test_driver_put(self.driver, "none", k, k, 1, &err), WEIR_INVALID);
    CHECK_STR(err.message, "there is no store 'none'");
    CHECK_STATUS(weir_test_driver_put_window(self.driver, "table", k, 1, k, &err), WEIR_INVALID);
    CHECK_STR(err.message, "store 'table' is of another kind");
    const weir_test_store store = {.name = "table", .partition = 1};
    CHECK_STATUS(weir_test_driver_edit(self.driver, &store, double_row, NULL, &err), WEIR_INVALID);
    CHECK_STR(err.message, "store 'table' has no partition 1");
    dsl_fixture_end(&self);
}
