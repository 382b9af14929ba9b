/* SPDX-License-Identifier: Apache-2.0
 *
 * task_offsets.h - asks the broker where tasks begin: for all of them at once, since an answer
 * takes a round trip, however many are asked for.
 *
 * Inputs first: what a changelog has is then at least as far as what the group has committed, and a
 * restore up to its end brings all of it.
 *
 * Ownership  Answers are kept in the tasks, for weir_task_begin and the restorer.
 * Errors     As the broker's; then no task has answers.
 * Threads    The worker's.
 */
#ifndef WEIR_STREAMS_TASK_OFFSETS_H
#define WEIR_STREAMS_TASK_OFFSETS_H

#include "streams/task.h"

/* What the group has committed of the tasks' inputs, and where those begin of which it has nothing.
 * Tasks of one environment. */
weir_status weir_tasks_ask_inputs(weir_task *const *tasks, size_t count, weir_error *err);

/* The first half of that alone; count is not 0. */
weir_status weir_tasks_ask_committed(weir_task *const *tasks, size_t count, weir_error *err);

/* Where an input begins that nothing is committed of; never UNSET. */
weir_auto_offset_reset weir_task_input_reset(const weir_task_input *input);

/* Where the tasks' changelogs begin and end. Those of source topics too. */
weir_status weir_tasks_ask_changelogs(weir_task *const *tasks, size_t count, weir_error *err);

#endif
