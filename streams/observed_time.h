/* SPDX-License-Identifier: Apache-2.0
 *
 * observed_time.h - the largest time of a record that each processor and each store of a task has
 * seen, which goes with the committed offsets (weir_context_observed_time in table_context.h).
 *
 * Threads    The worker's.
 */
#ifndef WEIR_STREAMS_OBSERVED_TIME_H
#define WEIR_STREAMS_OBSERVED_TIME_H

#include "streams/kept_times.h"
#include "streams/task.h"

enum { WEIR_OBSERVED_NAME_BYTES = 18 };

/* Of one processor or store. No name: it keeps none. */
typedef struct weir_observed_time {
    char name[WEIR_OBSERVED_NAME_BYTES];
    int64_t ms;
} weir_observed_time;

/* The stores of a task begin at times that were committed, if those are later than their own. */
void weir_task_take_store_times(weir_task *task);

/* From now on they go with each commit, as far as there is room beside those of processors. */
void weir_task_name_store_times(weir_task *task);

/* How many bytes of times the task may keep, for stores and for processors. */
size_t weir_task_kept_times_bytes(const weir_task *task);

/* Processors and stores have taken their times over. */
void weir_task_forget_observed_times(weir_task *task);

/* Adds all times that go with a commit. */
void weir_task_add_observed_times(const weir_task *task, weir_kept_times *to);

#endif
