/* SPDX-License-Identifier: Apache-2.0
 *
 * partition_group.h - the inputs of one task: which record comes next, what time it is in the
 * stream, and whether to wait for an input that is empty.
 *
 * Inputs are numbered by the order in which they are added: source index, then partition. That
 * order decides between heads of the same event time, so that a run can be replayed.
 *
 * Ownership  The group owns its queues.
 * Threads    The worker that runs the task. Time is an argument.
 */
#ifndef WEIR_STREAMS_PARTITION_GROUP_H
#define WEIR_STREAMS_PARTITION_GROUP_H

#include "streams/record_queue.h"

typedef struct weir_partition_group weir_partition_group;

enum {
    WEIR_IDLE_DISABLED = -1, /* Of max_task_idle_ms: take whatever is there. */
    WEIR_LAG_UNKNOWN = -1,
};
#define WEIR_NO_INPUT SIZE_MAX

/* max_task_idle_ms: how long a task with some data waits for inputs that have none on the broker.
 */
weir_partition_group *weir_partition_group_new(int64_t max_task_idle_ms);
void weir_partition_group_free(weir_partition_group *group);
WEIR_DEFINE_AUTO_PTR(weir_partition_group);

/* Adds an input with an empty queue and an unknown lag; returns its number. */
size_t weir_partition_group_add(weir_partition_group *group, weir_timestamp_extractor timestamp);

/* The inputs, and the queue of one of them, borrowed from the group. */
size_t weir_partition_group_count(const weir_partition_group *group);
weir_record_queue *weir_partition_group_queue(weir_partition_group *group, size_t input);

/* How many records of an input are on the broker and not yet polled, as far as the consumer knows;
 * WEIR_LAG_UNKNOWN. Told after each poll. */
void weir_partition_group_set_lag(weir_partition_group *group, size_t input, int64_t lag);

/* True when the next record may be processed: every input has one; or those that have none are
 * known to have none on the broker for max_task_idle_ms (then *out_enforced is true; it may be
 * NULL). False when there is no record at all. */
bool weir_partition_group_ready(weir_partition_group *group, int64_t now_ms, bool *out_enforced);

/* The input whose head has the smallest event time; WEIR_NO_INPUT when all are empty. */
size_t weir_partition_group_choose(const weir_partition_group *group);

/* The input whose head may be processed now, by the two above; WEIR_NO_INPUT: none. */
size_t weir_partition_group_next(weir_partition_group *group, int64_t now_ms);

/* Removes the head of an input; its event time moves the stream time on. */
void weir_partition_group_pop(weir_partition_group *group, size_t input);

/* The largest event time of all records popped; -1: none yet. Restored like a partition time. */
int64_t weir_partition_group_stream_time_ms(const weir_partition_group *group);
void weir_partition_group_set_stream_time_ms(weir_partition_group *group, int64_t stream_time_ms);

/* Records in all queues. */
size_t weir_partition_group_record_count(const weir_partition_group *group);

#endif
