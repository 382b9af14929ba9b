/* SPDX-License-Identifier: Apache-2.0
 *
 * What a commit says of an input whose records end out of order (streams/offset_window.c), against
 * a plain array of what is done.
 */
#include "streams/base/random.h"
#include "streams/offset_window.h"
#include "tests/harness/check.h"

#include <string.h>

enum { OFFSETS = 3000 };

static void decode(weir_offset_window *window, int64_t offset, const char *text, int64_t *out_time)
{
    weir_error err = {0};
    CHECK_OK(
        weir_offset_window_decode(window, offset, weir_bytes_of_text(text), out_time, NULL, &err),
        &err);
}

TEST(records_that_end_in_order_leave_no_bitmap)
{
    weir_offset_window window;
    weir_offset_window_init(&window, 5);
    weir_offset_window_take(&window, 5, true);
    weir_offset_window_take(&window, 9, true); /* 6 to 8 do not exist. */
    CHECK_I64(window.base, ==, 10);
    WEIR_AUTO(weir_buf) text = {0};
    weir_offset_window_encode(&window, 0x0102030405060708, NULL, &text);
    CHECK_STR(weir_buf_text(&text), "AgECAwQFBgcIAAAAAA=="); /* Java's, with no entries. */
    weir_offset_window_cleanup(&window);
}

TEST(lowest_unfinished_offset_is_committed)
{
    weir_offset_window window;
    weir_offset_window_init(&window, 0);
    weir_offset_window_take(&window, 0, true);
    weir_offset_window_take(&window, 1, false);
    weir_offset_window_take(&window, 2, false);
    weir_offset_window_take(&window, 3, true);
    CHECK_I64(window.base, ==, 1);
    weir_offset_window_finish(&window, 2);
    CHECK_I64(window.base, ==, 1);
    weir_offset_window_finish(&window, 1);
    CHECK_I64(window.base, ==, 4);
    weir_offset_window_cleanup(&window);
}

TEST(text_of_kafka_streams_is_understood)
{
    weir_offset_window window;
    int64_t time_ms = 0;
    decode(&window, 7, "", &time_ms);
    CHECK_I64(time_ms, ==, -1);
    weir_offset_window_cleanup(&window);
    decode(&window, 7, "AQAAAAAAAAPo", &time_ms); /* Version 1: the time alone. */
    CHECK_I64(time_ms, ==, 1000);
    CHECK_I64(window.next, ==, 7);
    weir_offset_window_cleanup(&window);
    /* Version 2 with one entry: "k" = 3. */
    decode(&window, 7, "AgAAAAAAAAPoAAAAAQAAAAFrAAAAAAAAAAM=", &time_ms);
    CHECK_I64(time_ms, ==, 1000);
    weir_offset_window_cleanup(&window);
}

TEST(times_that_a_task_keeps_are_those_of_kafka_streams)
{
    static const char javas[] = "AgAAAAAAAAPoAAAAAQAAAAFrAAAAAAAAAAM="; /* "k" = 3. */
    weir_offset_window window;
    weir_kept_times times = {0};
    weir_error err = {0};
    int64_t time_ms = 0;
    int64_t kept_ms = 0;
    CHECK_OK(
        weir_offset_window_decode(&window, 7, weir_bytes_of_text(javas), &time_ms, &times, &err),
        &err);
    CHECK(weir_kept_times_get(&times, "k", &kept_ms));
    CHECK_I64(kept_ms, ==, 3);
    CHECK(!weir_kept_times_get(&times, "l", &kept_ms));
    WEIR_AUTO(weir_buf) text = {0};
    weir_offset_window_encode(&window, 1000, &times, &text);
    CHECK_STR(weir_buf_text(&text), javas);
    weir_kept_times_set(&times, "k", 2); /* Of several inputs the latest counts. */
    weir_offset_window_cleanup(&window);
    CHECK_OK(
        weir_offset_window_decode(&window, 7, weir_bytes_of_text(javas), &time_ms, &times, &err),
        &err);
    CHECK(weir_kept_times_get(&times, "k", &kept_ms));
    CHECK_I64(kept_ms, ==, 3);
    weir_kept_times_cleanup(&times);
    weir_offset_window_cleanup(&window);
}

TEST(text_of_nobody_is_refused)
{
    static const char *const texts[] = {"?", "AwAAAAAAAAPo", "Ag==", "AgAAAAAAAAPoAAAAAFcAAP//"};
    for (size_t i = 0; i < WEIR_COUNT_OF(texts); i++) {
        weir_offset_window window = {0};
        weir_error err = {0};
        int64_t time_ms = 0;
        CHECK_STATUS(weir_offset_window_decode(&window, 7, weir_bytes_of_text(texts[i]), &time_ms,
                                               NULL, &err),
                     WEIR_INVALID);
    }
}

TEST(full_window_fits_into_a_commit_and_lets_nothing_in)
{
    weir_offset_window window;
    weir_offset_window_init(&window, 100);
    weir_offset_window_take(&window, 100, false);
    int64_t offset = 101;
    for (; weir_offset_window_has_room(&window, offset); offset++) {
        weir_offset_window_take(&window, offset, offset % 2 == 0);
    }
    CHECK_I64(offset, ==, 100 + WEIR_OFFSET_WINDOW_MAX);
    WEIR_AUTO(weir_buf) text = {0};
    weir_offset_window_encode(&window, 0, NULL, &text);
    CHECK_I64(text.size, <=, 4096);
    weir_offset_window_finish(&window, 100);
    CHECK(weir_offset_window_has_room(&window, offset));
    weir_offset_window_cleanup(&window);
}

TEST(full_window_and_kept_times_fit_into_a_commit)
{
    weir_offset_window window;
    weir_kept_times times = {0};
    char name[] = "a-store-with-a-name-of-52-bytes-made-for-this-test-0";
    size_t bytes = 0;
    for (; bytes + weir_kept_times_bytes_of(name) <= WEIR_KEPT_TIMES_BYTES_MAX; name[51]++) {
        weir_kept_times_set(&times, name, 1);
        bytes += weir_kept_times_bytes_of(name);
    }
    weir_offset_window_init(&window, 100);
    weir_offset_window_reserve(&window, bytes);
    weir_offset_window_take(&window, 100, false);
    int64_t offset = 101;
    for (; weir_offset_window_has_room(&window, offset); offset++) {
        weir_offset_window_take(&window, offset, offset % 2 == 0);
    }
    CHECK_I64(offset, >, 1000);
    WEIR_AUTO(weir_buf) text = {0};
    weir_offset_window_encode(&window, 0, &times, &text);
    CHECK_I64(text.size, <=, 4096);
    CHECK_I64(text.size, >, 4000);
    weir_kept_times_cleanup(&times);
    weir_offset_window_cleanup(&window);
}

/* Restarts window from its text, as a crash right after a commit does. */
static void restart(weir_offset_window *window)
{
    WEIR_AUTO(weir_buf) text = {0};
    weir_offset_window_encode(window, 1, NULL, &text);
    int64_t base = window->base;
    weir_offset_window_cleanup(window);
    int64_t time_ms = 0;
    decode(window, base, weir_buf_text(&text), &time_ms);
    CHECK_I64(time_ms, ==, 1);
}

typedef struct model {
    uint8_t done[OFFSETS];
    uint8_t open[OFFSETS]; /* Taken and unfinished. */
    int64_t next;
} model;

static void step(model *m, weir_offset_window *window, weir_random *random)
{
    uint64_t what = weir_random_below(random, 100);
    if (what < 2) {
        restart(window);
        memset(m->open, 0, sizeof(m->open));
        m->next = window->base;
        return;
    }
    if (what < 50) {
        bool skip = weir_offset_window_is_done(window, m->next);
        CHECK_I64(skip, ==, m->done[m->next]);
        bool done = skip || weir_random_chance(random, 500000);
        weir_offset_window_take(window, m->next, done);
        m->done[m->next] = done;
        m->open[m->next] = !done;
        m->next++;
        return;
    }
    int64_t at = window->base + (int64_t)weir_random_below(random, 20);
    if (at < m->next && m->open[at]) {
        weir_offset_window_finish(window, at);
        m->open[at] = 0;
        m->done[at] = 1;
    }
}

TEST(exactly_the_unfinished_records_come_again_after_restarts)
{
    weir_random random = weir_random_of(check_seed(7));
    model m = {0};
    weir_offset_window window;
    weir_offset_window_init(&window, 0);
    while (m.next < OFFSETS) {
        step(&m, &window, &random);
        int64_t lowest = 0;
        while (lowest < m.next && m.done[lowest]) {
            lowest++;
        }
        if (window.unfinished > 0) {
            CHECK_I64(window.base, ==, lowest);
        }
        CHECK_I64(window.base, <=, m.next);
    }
    weir_offset_window_cleanup(&window);
}
