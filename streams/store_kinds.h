/* SPDX-License-Identifier: Apache-2.0
 *
 * store_kinds.h - window, TTL and bitmap stores of a task, while it runs: each is a meaning
 * on top of the task's stores (stores.c), which log and restore plain entries.
 *
 * Threads    The worker's.
 */
#ifndef WEIR_STREAMS_STORE_KINDS_H
#define WEIR_STREAMS_STORE_KINDS_H

#include "streams/task.h"

/* Opens them on restored stores; window stores begin at the task's stream time. */
void weir_task_open_kinds(weir_task *task);

/* Closes them, after the processors that use them. Twice is fine. */
void weir_task_close_kinds(weir_task *task);

/* Removes a slice of the expired windows of a running task; its changelogs forget by themselves. */
weir_status weir_task_expire_windows(weir_task *task, weir_error *err);

/* The same of a standby, by the stream time that the group has committed: any owner to come begins
 * there, and shows nothing older. The group is asked now and then. */
weir_status weir_task_expire_standby(weir_task *task, size_t *out_removed, weir_error *err);

#endif
