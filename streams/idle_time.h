/* SPDX-License-Identifier: Apache-2.0
 *
 * idle_time.h - stream time that goes on with the clock where a task has had no records for a while
 * (weir.stream.idle.ms), so that windows close without one.
 *
 * Threads    The worker's. Time is an argument.
 */
#ifndef WEIR_STREAMS_IDLE_TIME_H
#define WEIR_STREAMS_IDLE_TIME_H

#include "streams/task.h"

/* Since when a task has had no records. */
typedef struct weir_idle_time {
    int64_t since_ms;     /* Wall clock of the last record, or of the start. */
    int64_t from_ms;      /* Stream time then. */
    int64_t next_look_ms; /* Wall clock. */
} weir_idle_time;

/* The task begins: goes on from the time that was committed, if it is later than that of its
 * records. */
void weir_task_take_idle_time(weir_task *task);

/* The task has taken a record, or begins to run: it is idle from now on. */
void weir_task_restart_idle_time(weir_task *task);

/* Whether stream time has gone on now; processors are to be told. */
bool weir_task_advance_idle_time(weir_task *task);

/* When to look again, on the wall clock; INT64_MAX: never. */
int64_t weir_task_idle_due_ms(const weir_task *task);

/* Bytes that it takes of what is kept with the offsets. */
size_t weir_task_idle_time_bytes(const weir_task *task);

#endif
