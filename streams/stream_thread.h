/* SPDX-License-Identifier: Apache-2.0
 *
 * stream_thread.h - a worker: owns tasks, one consumer, one producer, its resources, and turns the
 * crank over them. It is a thread only if somebody runs it in one (application.c).
 *
 * Errors     weir_stream_thread_step answers only what stops the application (WEIR_INVALID,
 *            WEIR_FATAL); everything else it reacts to itself: a rollback, a wipe, a lost task.
 * Threads    One, except weir_stream_thread_post, weir_stream_thread_mailbox, what the mailbox
 *            offers to others, and weir_stream_thread_figures.
 */
#ifndef WEIR_STREAMS_STREAM_THREAD_H
#define WEIR_STREAMS_STREAM_THREAD_H

#include "streams/base/mailbox.h"
#include "streams/snapshot.h"
#include "streams/task.h"
#include "streams/task_figures.h"

typedef struct weir_stream_thread weir_stream_thread;
typedef struct weir_subscription weir_subscription; /* subscription.h */

/* What a worker tells of a task. RUNNING answers an OPEN and STANDBY a STANDBY, unless another
 * command comes first; both may come again, after a failure. */
typedef enum weir_task_report {
    WEIR_REPORT_RUNNING, /* Restored, and processing. */
    WEIR_REPORT_STANDBY, /* It has stopped and what it did is committed; it follows now or soon. */
    WEIR_REPORT_HELD,    /* It holds still: one for each HOLD, also where there is no such task. */
    WEIR_REPORT_CLOSED,  /* Closed or dropped, as was asked: one for each such command. */
    WEIR_REPORT_LOST,    /* Dropped by the worker itself: somebody else may write for it. */
} weir_task_report;

/* What a worker is told to do with a task. A later command to a task takes the place of one that is
 * still to be carried out, except that a CLOSE stays. */
typedef enum weir_task_command {
    /* Restore what is left, and process. A standby is promoted, a task on hold goes on from its
     * last commit; a running one just runs. */
    WEIR_COMMAND_OPEN,
    /* Keep the stores up with their changelogs, and do nothing else. A running task is committed
     * first and lets go of its inputs. */
    WEIR_COMMAND_STANDBY,
    /* Stop at once and go back to the last commit; the stores stay open, nothing is followed. */
    WEIR_COMMAND_HOLD,
    WEIR_COMMAND_CLOSE, /* Commit first, where it runs. */
    WEIR_COMMAND_DROP,  /* Commit nothing. */
} weir_task_command;

typedef struct weir_stream_thread_options {
    const weir_plan *plan;
    const weir_config *config;
    weir_broker *broker;
    weir_database *database;
    weir_metrics *metrics;
    weir_membership *membership;
    const char *process_id; /* With index it makes the transactional id. */
    int32_t index;
    bool never_waits; /* Driven by a test: no call may wait for anything. */
    void (*report)(void *user, size_t task_index, weir_task_report report);
    /* So many more changelog records are in the database and not on its disk; NULL: none asks. */
    void (*applied)(void *user, uint64_t records);
    const weir_snapshot_network *snapshots; /* NULL: state comes from changelogs alone. */
    weir_snapshot_find find_snapshot;
    void *user;
} weir_stream_thread_options;

/* One that rests: it has no connection, and may not be stepped. */
weir_stream_thread *weir_stream_thread_new(const weir_stream_thread_options *options);

/* Opens its connections and resources, for the thread that steps it from then on; after a failure
 * it is to rest again. WEIR_IO: the broker does not answer. */
weir_status weir_stream_thread_open(weir_stream_thread *thread, weir_error *err);

/* Closes them; it has no task. */
void weir_stream_thread_rest(weir_stream_thread *thread);

/* After a step that failed: it drops its tasks, which are LOST, closes its connections and
 * resources, and opens them anew with a later step, as a worker that takes its place. Not to be
 * done with one that failed while it filled a global table, which would fail there again. */
void weir_stream_thread_replace(weir_stream_thread *thread);
bool weir_stream_thread_is_replaceable(const weir_stream_thread *thread);

/* Drops every task without a commit: what a crash would leave. NULL is fine. */
void weir_stream_thread_free(weir_stream_thread *thread);
WEIR_DEFINE_AUTO_PTR(weir_stream_thread);

/* One pass: messages, input, a slice of restore, records, punctuations, commit, apply. *out_busy
 * says that another pass at once would find work. */
weir_status weir_stream_thread_step(weir_stream_thread *thread, int64_t now_ms, bool *out_busy,
                                    weir_error *err);

/* Waits for input, a message or a resource, or until something is due, at most poll.ms. */
void weir_stream_thread_wait(weir_stream_thread *thread, int64_t now_ms);

/* Sends a command; any thread. WEIR_AGAIN: the mailbox is full, send it later. */
weir_status weir_stream_thread_post(weir_stream_thread *thread, weir_task_command command,
                                    size_t task_index, weir_error *err);

/* Measures durations with this clock from now on, before the first step. */
void weir_stream_thread_measure(weir_stream_thread *thread, uint64_t (*monotonic_ns)(void));

/* Paused, it processes, punctuates, restores and follows nothing, until it is not. What it has read
 * waits, what was deferred ends, and commits go on. The worker's own thread, as a message. */
void weir_stream_thread_set_paused(weir_stream_thread *thread, bool is_paused);

/* Tasks that are opened from now on read what inputs says, a plan that differs in nothing else. The
 * worker's own thread, as a message. */
void weir_stream_thread_set_inputs(weir_stream_thread *thread, const weir_plan *inputs);

/* Messages are run with the weir_stream_thread as consumer. */
weir_mailbox *weir_stream_thread_mailbox(weir_stream_thread *thread);

/* Gathers changes for a subscription, which it holds already, until it is told to stop. */
void weir_stream_thread_watch(weir_stream_thread *thread, weir_subscription *subscription);
void weir_stream_thread_unwatch(weir_stream_thread *thread, const weir_subscription *subscription);

/* True when it has nothing to do, all its tasks are idle and all is committed. */
bool weir_stream_thread_is_idle(weir_stream_thread *thread);

/* The task with this index in the plan, or NULL. */
weir_task *weir_stream_thread_task(weir_stream_thread *thread, size_t task_index);
size_t weir_stream_thread_task_count(const weir_stream_thread *thread);

/* Records processed and restored, punctuations and commits made; only grows. */
uint64_t weir_stream_thread_activity(const weir_stream_thread *thread);

/* What the worker has published of its tasks and its time, at most some 100 ms ago. Any thread. */
const weir_task_figures *weir_stream_thread_figures(const weir_stream_thread *thread);

/* Of it, for any thread: how many offsets a restoring or standby task is behind its changelogs (0:
 * it runs, or has none; -1: not known), and the sum of its positions in them (-1: not known). */
int64_t weir_stream_thread_changelog_lag(const weir_stream_thread *thread, size_t task_index);
int64_t weir_stream_thread_changelog_position(const weir_stream_thread *thread, size_t task_index);

#endif
