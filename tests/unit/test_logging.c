/* SPDX-License-Identifier: Apache-2.0
 *
 * A log line is one line that a program can take apart, and a loop that fails a million times
 * doesn't fill the disk (streams/base/logging.c).
 */
#include "streams/base/logging_internal.h"
#include "tests/harness/check.h"

#include <pthread.h>
#include <string.h>

static const char *formatted(weir_buf *to, const weir_log_entry *entry)
{
    weir_buf_clear(to);
    weir_log_format(to, entry);
    return weir_buf_text(to);
}

TEST(fixed_keys_come_first_and_in_order)
{
    WEIR_AUTO(weir_buf) line = {0};
    weir_log_place place = {"0_1", "urls", 3, 42};
    weir_log_entry entry = {1795230840123, WEIR_LOG_WARN, &place, 7, "poll failed"};
    CHECK_STR(formatted(&line, &entry),
              "ts=2026-11-21T03:14:00.123Z level=warn task=0_1 topic=urls partition=3 offset=42 "
              "suppressed=7 msg=\"poll failed\"\n");
}

TEST(what_is_not_known_is_left_out)
{
    WEIR_AUTO(weir_buf) line = {0};
    weir_log_place place = {NULL, "urls", 0, -1};
    weir_log_entry entry = {0, WEIR_LOG_INFO, &place, 0, "ready"};
    CHECK_STR(formatted(&line, &entry),
              "ts=1970-01-01T00:00:00.000Z level=info topic=urls partition=0 msg=\"ready\"\n");
    entry.place = NULL;
    CHECK_STR(formatted(&line, &entry), "ts=1970-01-01T00:00:00.000Z level=info msg=\"ready\"\n");
}

TEST(bytes_from_the_web_cannot_break_out_of_their_value)
{
    WEIR_AUTO(weir_buf) line = {0};
    weir_log_place place = {"a task", NULL, 0, 0};
    weir_log_entry entry = {0, WEIR_LOG_ERROR, &place, 0, "a\"b\\c\nlevel=info \033[2J"};
    CHECK_STR(formatted(&line, &entry), "ts=1970-01-01T00:00:00.000Z level=error task=\"a task\" "
                                        "msg=\"a\\\"b\\\\c\\nlevel=info \\x1b[2J\"\n");
}

TEST(site_is_silent_after_its_burst_and_says_how_much_it_left_out)
{
    weir_log_site site = {0};
    uint64_t suppressed = 0;
    int64_t start_ms = 1000000;
    for (int i = 0; i < WEIR_LOG_BURST; i++) {
        CHECK(weir_log_site_admit(&site, start_ms, &suppressed));
    }
    CHECK(!weir_log_site_admit(&site, start_ms + 1, &suppressed));
    CHECK(!weir_log_site_admit(&site, start_ms + WEIR_LOG_WINDOW_MS - 1, &suppressed));
    CHECK(weir_log_site_admit(&site, start_ms + WEIR_LOG_WINDOW_MS, &suppressed));
    CHECK_I64(suppressed, ==, 2);
    CHECK(weir_log_site_admit(&site, start_ms + WEIR_LOG_WINDOW_MS, &suppressed));
    CHECK_I64(suppressed, ==, 0);
}

TEST(site_does_not_stay_silent_when_the_clock_is_turned_back)
{
    weir_log_site site = {0};
    uint64_t suppressed = 0;
    for (int i = 0; i <= WEIR_LOG_BURST; i++) {
        (void)weir_log_site_admit(&site, 1000000, &suppressed);
    }
    CHECK(weir_log_site_admit(&site, 500000, &suppressed));
}

TEST(levels_are_known_by_name)
{
    weir_log_level level = WEIR_LOG_OFF;
    CHECK(weir_log_level_parse("DEBUG", &level));
    CHECK_I64(level, ==, WEIR_LOG_DEBUG);
    CHECK(weir_log_level_parse("Warning", &level));
    CHECK_I64(level, ==, WEIR_LOG_WARN);
    CHECK(!weir_log_level_parse("loud", &level));
    CHECK_I64(level, ==, WEIR_LOG_WARN);
}

static void collect(void *context, weir_bytes line)
{
    weir_buf_append(context, line.data, line.size);
}

TEST(lines_below_the_level_are_not_written)
{
    WEIR_AUTO(weir_buf) lines = {0};
    weir_log_redirect(collect, &lines);
    weir_log_set_level(WEIR_LOG_WARN);
    WEIR_LOG(WEIR_LOG_INFO, NULL, "quiet");
    WEIR_LOG(WEIR_LOG_WARN, NULL, "loud %d", 1);
    weir_log_set_level(WEIR_LOG_OFF);
    WEIR_LOG(WEIR_LOG_ERROR, NULL, "quiet");
    weir_log_set_level(WEIR_LOG_INFO);
    weir_log_redirect(NULL, NULL);
    CHECK(strstr(weir_buf_text(&lines), "level=warn msg=\"loud 1\"\n") != NULL);
    CHECK(strstr(weir_buf_text(&lines), "quiet") == NULL);
}

static void *log_often(void *argument)
{
    (void)argument;
    for (int i = 0; i < 1000; i++) {
        WEIR_LOG(WEIR_LOG_INFO, NULL, "again");
    }
    return NULL;
}

TEST(threads_share_the_limit_of_a_site)
{
    WEIR_AUTO(weir_buf) lines = {0};
    weir_log_redirect(collect, &lines);
    pthread_t threads[4];
    for (size_t i = 0; i < WEIR_COUNT_OF(threads); i++) {
        CHECK_I64(pthread_create(&threads[i], NULL, log_often, NULL), ==, 0);
    }
    for (size_t i = 0; i < WEIR_COUNT_OF(threads); i++) {
        CHECK_I64(pthread_join(threads[i], NULL), ==, 0);
    }
    weir_log_redirect(NULL, NULL);
    CHECK(lines.size > 0);
    CHECK_I64(lines.size, <=, 4000 * 20); /* Far below 4,000 lines, whatever the machine's pace. */
}
