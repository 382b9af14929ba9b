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
#include "streams/timers.h"

/* The time at which a key of a store ends; -1 for a key that is none of its. */
typedef int64_t (*weir_key_time)(weir_bytes key);

/* How the keys of such a store tell when they expire; NULL: they do not. */
weir_key_time weir_store_key_time(weir_store_kind kind);

/* Opens them on restored stores; each begins at the time that it had seen. */
void weir_task_open_kinds(weir_task *task);

/* Closes them, after the processors that use them. Twice is fine. */
void weir_task_close_kinds(weir_task *task);

/* Removes a slice of the expired windows of a running task; its changelogs forget by themselves. */
weir_status weir_task_expire_windows(weir_task *task, weir_error *err);

/* timers.c: what a store of that kind means. */
weir_timers *weir_timers_new(weir_kv *owned_kv);
void weir_timers_free(weir_timers *timers);

/* timers.c: fires timers and ends rows that are due, of each store some; counts them in *count. */
weir_status weir_task_fire_due(weir_task *task, size_t *count, weir_error *err);

/* timers.c: when the next of the wall clock is due; INT64_MAX: there is none. */
int64_t weir_task_alarm_ms(const weir_task *task);

/* The store of a processor, of this kind; anything else is a failed assertion. */
struct weir_task_store *weir_context_store_of(weir_context *context, const char *name,
                                              weir_store_kind kind);

/* Whether the task has windows, sessions or versions, which expire. */
bool weir_task_has_windows(const weir_task *task);

/* Asks the group, in one question for all standbys that have not asked for a while, for the times
 * that are committed: any owner to come begins there. Tasks of one environment, with windows. */
void weir_tasks_look_at_kept_times(weir_task *const *tasks, size_t count);

/* The same as weir_task_expire_windows for a standby, by the times
 * that its stores have seen. */
weir_status weir_task_expire_standby(weir_task *task, size_t *out_removed, weir_error *err);

#endif
