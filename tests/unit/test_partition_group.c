/* SPDX-License-Identifier: Apache-2.0
 *
 * Records of a task come in the order of event time over all of its inputs, and a task waits for
 * an empty input only as long as it was told to (streams/partition_group.c, record_queue.c).
 */
#include "streams/partition_group.h"
#include "tests/harness/check.h"

#include <stdlib.h>

enum { BATCH_RECORDS_MAX = 8 };

typedef struct test_batch {
    weir_batch base;
    weir_record records[BATCH_RECORDS_MAX];
} test_batch;

static int freed_count;

static void free_batch(weir_batch *batch)
{
    freed_count++;
    free(batch);
}

/* A batch of records with these timestamps, the list ended by INT64_MIN; offsets from first on. */
static weir_batch *batch_of(int64_t first_offset, const int64_t *timestamps)
{
    test_batch *batch = weir_alloc(sizeof(*batch));
    batch->base = (weir_batch){.records = batch->records, .free = free_batch};
    for (size_t i = 0; timestamps[i] != INT64_MIN; i++) {
        batch->records[i] =
            (weir_record){.offset = first_offset + (int64_t)i, .timestamp_ms = timestamps[i]};
        batch->base.count++;
    }
    return &batch->base;
}

#define BATCH(offset, ...) batch_of(offset, (const int64_t[]){__VA_ARGS__, INT64_MIN})

static int64_t own_or_partition_time(const weir_record *record, int64_t partition_time_ms)
{
    return record->timestamp_ms >= 0 ? record->timestamp_ms : partition_time_ms;
}

TEST(a_look_ahead_ends_with_the_batch_of_the_head)
{
    WEIR_AUTO_PTR(weir_record_queue) queue = weir_record_queue_new(NULL);
    CHECK(weir_record_queue_ahead(queue, 0) == NULL);
    weir_record_queue_add(queue, BATCH(0, 5, 6, 7));
    weir_record_queue_add(queue, BATCH(3, 8));
    CHECK_I64(weir_record_queue_ahead(queue, 2)->offset, ==, 2);
    CHECK(weir_record_queue_ahead(queue, 3) == NULL);
    weir_record_queue_pop(queue);
    CHECK_I64(weir_record_queue_ahead(queue, 1)->offset, ==, 2);
    CHECK(weir_record_queue_ahead(queue, 2) == NULL);
}

TEST(a_batch_is_freed_when_its_last_record_is_popped)
{
    freed_count = 0;
    WEIR_AUTO_PTR(weir_record_queue) queue = weir_record_queue_new(NULL);
    weir_record_queue_add(queue, BATCH(0, 5, 6));
    weir_record_queue_add(queue, BATCH(2, 7));
    CHECK_I64(weir_record_queue_count(queue), ==, 3);
    for (int64_t offset = 0; offset < 3; offset++) {
        CHECK_I64(weir_record_queue_peek(queue, NULL)->offset, ==, offset);
        CHECK_I64(freed_count, ==, offset == 2 ? 1 : 0);
        weir_record_queue_pop(queue);
    }
    CHECK_I64(freed_count, ==, 2);
    CHECK(weir_record_queue_peek(queue, NULL) == NULL);
    weir_record_queue_add(queue, BATCH(3, 1));
    CHECK_I64(weir_record_queue_peek(queue, NULL)->offset, ==, 3);
    weir_record_queue_clear(queue);
    CHECK_I64(freed_count, ==, 3);
    CHECK_I64(weir_record_queue_count(queue), ==, 0);
}

TEST(records_without_event_time_are_dropped_and_counted)
{
    freed_count = 0;
    WEIR_AUTO_PTR(weir_record_queue) queue = weir_record_queue_new(NULL);
    weir_record_queue_add(queue, BATCH(0, -1, -1));
    CHECK_I64(freed_count, ==, 1);
    weir_record_queue_add(queue, BATCH(2, -1, 4, -1));
    int64_t timestamp_ms = 0;
    CHECK_I64(weir_record_queue_peek(queue, &timestamp_ms)->offset, ==, 3);
    CHECK_I64(timestamp_ms, ==, 4);
    weir_record_queue_pop(queue);
    CHECK(weir_record_queue_peek(queue, NULL) == NULL);
    CHECK_I64(weir_record_queue_dropped_count(queue), ==, 4);
}

TEST(an_extractor_sees_the_partition_time_which_never_goes_back)
{
    WEIR_AUTO_PTR(weir_record_queue) queue = weir_record_queue_new(own_or_partition_time);
    weir_record_queue_add(queue, BATCH(0, 9, 3, -1));
    weir_record_queue_pop(queue);
    weir_record_queue_pop(queue);
    int64_t timestamp_ms = 0;
    CHECK(weir_record_queue_peek(queue, &timestamp_ms) != NULL);
    CHECK_I64(timestamp_ms, ==, 9);
    CHECK_I64(weir_record_queue_partition_time_ms(queue), ==, 9);
}

/* The inputs, in the order in which their records are taken. */
static void check_order(weir_partition_group *group, const size_t *wanted, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t input = weir_partition_group_choose(group);
        CHECK_I64(input, ==, wanted[i]);
        weir_partition_group_pop(group, input);
    }
    CHECK(weir_partition_group_choose(group) == WEIR_NO_INPUT);
}

TEST(the_smallest_head_comes_next_and_ties_go_to_the_first_input)
{
    WEIR_AUTO_PTR(weir_partition_group) group = weir_partition_group_new(0);
    weir_partition_group_add(group, NULL);
    weir_partition_group_add(group, NULL);
    weir_record_queue_add(weir_partition_group_queue(group, 0), BATCH(0, 10, 30, 5));
    weir_record_queue_add(weir_partition_group_queue(group, 1), BATCH(0, 10, 20, 30));
    CHECK_I64(weir_partition_group_record_count(group), ==, 6);
    const size_t wanted[] = {0, 1, 1, 0, 0, 1};
    check_order(group, wanted, WEIR_COUNT_OF(wanted));
    CHECK_I64(weir_partition_group_stream_time_ms(group), ==, 30);
}

TEST(a_late_record_does_not_turn_stream_time_back)
{
    WEIR_AUTO_PTR(weir_partition_group) group = weir_partition_group_new(0);
    weir_partition_group_add(group, NULL);
    CHECK_I64(weir_partition_group_stream_time_ms(group), ==, -1);
    weir_record_queue_add(weir_partition_group_queue(group, 0), BATCH(0, 50, 20));
    weir_partition_group_pop(group, 0);
    weir_partition_group_pop(group, 0);
    CHECK_I64(weir_partition_group_stream_time_ms(group), ==, 50);
}

TEST(an_empty_input_holds_the_task_up_until_its_lag_is_zero_for_long_enough)
{
    WEIR_AUTO_PTR(weir_partition_group) group = weir_partition_group_new(100);
    weir_partition_group_add(group, NULL);
    weir_partition_group_add(group, NULL);
    weir_record_queue_add(weir_partition_group_queue(group, 0), BATCH(0, 1));
    bool enforced = false;
    CHECK(!weir_partition_group_ready(group, 1000, &enforced)); /* Lag unknown. */
    weir_partition_group_set_lag(group, 1, 3);
    CHECK(!weir_partition_group_ready(group, 1000, &enforced)); /* Data is on its way. */
    weir_partition_group_set_lag(group, 1, 0);
    CHECK(!weir_partition_group_ready(group, 1000, &enforced));
    CHECK(!weir_partition_group_ready(group, 1099, &enforced));
    CHECK(!enforced);
    CHECK(weir_partition_group_ready(group, 1100, &enforced));
    CHECK(enforced);

    weir_record_queue_add(weir_partition_group_queue(group, 1), BATCH(0, 1));
    CHECK(weir_partition_group_ready(group, 1101, &enforced));
    CHECK(!enforced);
    weir_partition_group_pop(group, 1);
    CHECK(!weir_partition_group_ready(group, 1102, &enforced)); /* The wait begins anew. */
}

TEST(with_idling_disabled_whatever_is_there_is_taken)
{
    WEIR_AUTO_PTR(weir_partition_group) group = weir_partition_group_new(WEIR_IDLE_DISABLED);
    weir_partition_group_add(group, NULL);
    weir_partition_group_add(group, NULL);
    CHECK(!weir_partition_group_ready(group, 0, NULL));
    weir_record_queue_add(weir_partition_group_queue(group, 1), BATCH(0, 1));
    CHECK(weir_partition_group_ready(group, 0, NULL));
}

TEST(the_next_input_is_the_one_that_may_be_taken_now)
{
    WEIR_AUTO_PTR(weir_partition_group) group = weir_partition_group_new(100);
    weir_partition_group_add(group, NULL);
    CHECK(weir_partition_group_next(group, 1000) == WEIR_NO_INPUT);
    weir_record_queue_add(weir_partition_group_queue(group, 0), BATCH(0, 7));
    CHECK_I64(weir_partition_group_next(group, 1000), ==, 0); /* It has none to wait for. */

    weir_partition_group_add(group, NULL);
    weir_partition_group_set_lag(group, 1, 0);
    CHECK(weir_partition_group_next(group, 1000) == WEIR_NO_INPUT);
    CHECK_I64(weir_partition_group_next(group, 1100), ==, 0);
    weir_record_queue_add(weir_partition_group_queue(group, 1), BATCH(0, 3));
    CHECK_I64(weir_partition_group_next(group, 1100), ==, 1); /* The smallest event time. */
}
