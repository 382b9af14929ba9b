/* SPDX-License-Identifier: Apache-2.0
 *
 * partition_group.c - a task's inputs merged by event time.
 *
 * A task has few inputs (one a source), so the smallest head is found by looking at all of them.
 *
 * Idling. A task that joins two topics should not run ahead on one while data of the other is on
 * the broker and only not yet fetched. So an empty input holds the task up while its lag is unknown
 * or positive, and for max_task_idle_ms after it was first seen empty with a lag of 0. The clock of
 * each input runs by itself: two idle inputs cost one wait, where Kafka Streams, which stops at the
 * first one, waits for them one after the other.
 */
#include "streams/partition_group.h"

#include <stdlib.h>

typedef struct group_input {
    weir_record_queue *queue;
    int64_t lag;
    int64_t idle_until_ms; /* When the wait for it ends; -1: it has not begun. */
} group_input;

struct weir_partition_group {
    group_input *inputs;
    size_t count;
    size_t capacity;
    int64_t max_task_idle_ms;
    int64_t stream_time_ms;
};

weir_partition_group *weir_partition_group_new(int64_t max_task_idle_ms)
{
    WEIR_ASSERT(max_task_idle_ms >= WEIR_IDLE_DISABLED);

    weir_partition_group *group = weir_alloc(sizeof(*group));
    group->max_task_idle_ms = max_task_idle_ms;
    group->stream_time_ms = -1;
    return group;
}

void weir_partition_group_free(weir_partition_group *group)
{
    if (group == NULL) {
        return;
    }
    for (size_t i = 0; i < group->count; i++) {
        weir_record_queue_free(group->inputs[i].queue);
    }
    free(group->inputs);
    free(group);
}

size_t weir_partition_group_add(weir_partition_group *group, weir_timestamp_extractor timestamp)
{
    group->inputs =
        weir_grow(group->inputs, group->count, &group->capacity, sizeof(*group->inputs));
    group->inputs[group->count] = (group_input){
        .queue = weir_record_queue_new(timestamp), .lag = WEIR_LAG_UNKNOWN, .idle_until_ms = -1};
    return group->count++;
}

size_t weir_partition_group_count(const weir_partition_group *group)
{
    return group->count;
}

weir_record_queue *weir_partition_group_queue(weir_partition_group *group, size_t input)
{
    WEIR_ASSERT(input < group->count);

    return group->inputs[input].queue;
}

void weir_partition_group_set_lag(weir_partition_group *group, size_t input, int64_t lag)
{
    WEIR_ASSERT(input < group->count);
    WEIR_ASSERT(lag >= WEIR_LAG_UNKNOWN);

    group->inputs[input].lag = lag;
}

static bool has_record(const group_input *input)
{
    return weir_record_queue_peek(input->queue, NULL) != NULL;
}

/* Whether the task need not wait for an input that is empty. */
static bool may_go_on_without(weir_partition_group *group, group_input *input, int64_t now_ms)
{
    if (input->lag != 0) {
        return false;
    }
    if (input->idle_until_ms < 0) {
        input->idle_until_ms = now_ms + group->max_task_idle_ms;
    }
    return now_ms >= input->idle_until_ms;
}

bool weir_partition_group_ready(weir_partition_group *group, int64_t now_ms, bool *out_enforced)
{
    bool any_record = false;
    bool any_missing = false;
    bool must_wait = false;
    for (size_t i = 0; i < group->count; i++) {
        group_input *input = &group->inputs[i];
        if (has_record(input)) {
            any_record = true;
            input->idle_until_ms = -1;
            continue;
        }
        any_missing = true;
        if (group->max_task_idle_ms != WEIR_IDLE_DISABLED &&
            !may_go_on_without(group, input, now_ms)) {
            must_wait = true;
        }
    }
    if (out_enforced != NULL) {
        *out_enforced = any_record && any_missing && !must_wait;
    }
    return any_record && !must_wait;
}

size_t weir_partition_group_choose(const weir_partition_group *group)
{
    size_t chosen = WEIR_NO_INPUT;
    int64_t smallest_ms = 0;
    for (size_t i = 0; i < group->count; i++) {
        int64_t timestamp_ms = 0;
        if (weir_record_queue_peek(group->inputs[i].queue, &timestamp_ms) == NULL) {
            continue;
        }
        if (chosen == WEIR_NO_INPUT || timestamp_ms < smallest_ms) {
            chosen = i;
            smallest_ms = timestamp_ms;
        }
    }
    return chosen;
}

size_t weir_partition_group_next(weir_partition_group *group, int64_t now_ms)
{
    if (group->count == 1) { /* There is none to wait for, and none to choose from. */
        return has_record(&group->inputs[0]) ? 0 : WEIR_NO_INPUT;
    }
    return weir_partition_group_ready(group, now_ms, NULL) ? weir_partition_group_choose(group)
                                                           : WEIR_NO_INPUT;
}

void weir_partition_group_pop(weir_partition_group *group, size_t input)
{
    WEIR_ASSERT(input < group->count);

    int64_t timestamp_ms = 0;
    const weir_record *head = weir_record_queue_peek(group->inputs[input].queue, &timestamp_ms);
    WEIR_ASSERT(head != NULL);
    if (group->stream_time_ms < timestamp_ms) {
        group->stream_time_ms = timestamp_ms; /* A late record never turns it back. */
    }
    weir_record_queue_pop(group->inputs[input].queue);
}

int64_t weir_partition_group_stream_time_ms(const weir_partition_group *group)
{
    return group->stream_time_ms;
}

void weir_partition_group_set_stream_time_ms(weir_partition_group *group, int64_t stream_time_ms)
{
    group->stream_time_ms = stream_time_ms;
}

size_t weir_partition_group_record_count(const weir_partition_group *group)
{
    size_t count = 0;
    for (size_t i = 0; i < group->count; i++) {
        count += weir_record_queue_count(group->inputs[i].queue);
    }
    return count;
}
