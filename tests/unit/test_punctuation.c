/* SPDX-License-Identifier: Apache-2.0
 *
 * When schedules fire (streams/punctuation.c), with the vector that Kafka Streams 4.1.0 gives.
 */
#include "streams/punctuation.h"
#include "tests/harness/check.h"

static weir_status nothing(weir_processor *processor, int64_t timestamp_ms, weir_error *err)
{
    (void)processor;
    (void)timestamp_ms;
    (void)err;
    return WEIR_OK;
}

static weir_punctuator *add(weir_punctuations *list, weir_punctuation_type type, int64_t interval)
{
    weir_punctuator punctuator = {.punctuate = nothing, .type = type, .interval_ms = interval};
    return weir_punctuations_add(list, &punctuator, 0);
}

/* Ticks of type at one moment. */
static int ticks(weir_punctuations *list, weir_punctuation_type type, int64_t now_ms)
{
    int count = 0;
    while (weir_punctuations_next(list, type, now_ms) != NULL) {
        count++;
    }
    return count;
}

TEST(stream_time_fires_with_the_first_record_and_then_on_the_grid)
{
    WEIR_AUTO_PTR(weir_punctuations) list = weir_punctuations_new();
    add(list, WEIR_STREAM_TIME, 10);
    const int64_t times[] = {0, 5, 9, 10, 11, 100};
    const int wanted[] = {1, 0, 0, 1, 0, 1};
    for (size_t i = 0; i < WEIR_COUNT_OF(times); i++) {
        CHECK_I64(ticks(list, WEIR_STREAM_TIME, times[i]), ==, wanted[i]);
    }
    CHECK_I64(weir_punctuations_due_ms(list, WEIR_STREAM_TIME), ==, 110);
}

TEST(wall_clock_time_fires_after_an_interval_and_skips_missed_ticks)
{
    WEIR_AUTO_PTR(weir_punctuations) list = weir_punctuations_new();
    add(list, WEIR_WALL_CLOCK_TIME, 10);
    const int64_t times[] = {3, 6, 10, 110};
    const int wanted[] = {0, 0, 1, 1};
    for (size_t i = 0; i < WEIR_COUNT_OF(times); i++) {
        CHECK_I64(ticks(list, WEIR_WALL_CLOCK_TIME, times[i]), ==, wanted[i]);
    }
    CHECK_I64(ticks(list, WEIR_STREAM_TIME, 1000), ==, 0);
    CHECK_I64(weir_punctuations_due_ms(list, WEIR_STREAM_TIME), ==, INT64_MAX);
}

TEST(a_late_tick_does_not_shift_the_grid)
{
    WEIR_AUTO_PTR(weir_punctuations) list = weir_punctuations_new();
    add(list, WEIR_WALL_CLOCK_TIME, 10);
    CHECK_I64(ticks(list, WEIR_WALL_CLOCK_TIME, 17), ==, 1);
    CHECK_I64(weir_punctuations_due_ms(list, WEIR_WALL_CLOCK_TIME), ==, 20);
}

TEST(the_earliest_comes_first_and_ties_go_by_order_of_addition)
{
    WEIR_AUTO_PTR(weir_punctuations) list = weir_punctuations_new();
    weir_punctuator *slow = add(list, WEIR_WALL_CLOCK_TIME, 20);
    weir_punctuator *fast = add(list, WEIR_WALL_CLOCK_TIME, 5);
    weir_punctuator *last = add(list, WEIR_WALL_CLOCK_TIME, 20);
    CHECK(weir_punctuations_next(list, WEIR_WALL_CLOCK_TIME, 30) == fast);
    CHECK(weir_punctuations_next(list, WEIR_WALL_CLOCK_TIME, 30) == slow);
    CHECK(weir_punctuations_next(list, WEIR_WALL_CLOCK_TIME, 30) == last);
    CHECK(weir_punctuations_next(list, WEIR_WALL_CLOCK_TIME, 30) == NULL);
}

TEST(a_cancelled_schedule_is_never_due_again)
{
    WEIR_AUTO_PTR(weir_punctuations) list = weir_punctuations_new();
    weir_punctuator *one = add(list, WEIR_STREAM_TIME, 10);
    add(list, WEIR_STREAM_TIME, 10);
    weir_punctuator_cancel(one);
    CHECK_I64(ticks(list, WEIR_STREAM_TIME, 50), ==, 1);
}
