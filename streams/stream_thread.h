/* SPDX-License-Identifier: Apache-2.0
 *
 * stream_thread.h - a worker: owns tasks, one consumer, one producer, its resources, and turns the
 * crank over them. It is a thread only if somebody runs it in one (application.c).
 *
 * Errors     weir_stream_thread_step answers only what stops the application (WEIR_INVALID,
 *            WEIR_FATAL); everything else it reacts to itself: a rollback, a wipe, a lost task.
 * Threads    One, except weir_stream_thread_post, weir_stream_thread_mailbox and what the mailbox
 *            offers to others.
 */
#ifndef WEIR_STREAMS_STREAM_THREAD_H
#define WEIR_STREAMS_STREAM_THREAD_H

#include "streams/base/mailbox.h"
#include "streams/task.h"

typedef struct weir_stream_thread weir_stream_thread;

/* What a worker tells of a task. */
typedef enum weir_task_report {
    WEIR_REPORT_RUNNING, /* Restored, and processing. */
    WEIR_REPORT_CLOSED,  /* Closed or dropped, as was asked: one for each such command. */
    WEIR_REPORT_LOST,    /* Dropped by the worker itself: somebody else may write for it. */
} weir_task_report;

/* What a worker is told to do with a task. */
typedef enum weir_task_command {
    WEIR_COMMAND_OPEN,
    WEIR_COMMAND_CLOSE, /* Commit first. */
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
    void *user;
} weir_stream_thread_options;

weir_status weir_stream_thread_new(const weir_stream_thread_options *options,
                                   weir_stream_thread **out_thread, weir_error *err);
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

/* Messages are run with the weir_stream_thread as consumer. */
weir_mailbox *weir_stream_thread_mailbox(weir_stream_thread *thread);

/* True when it has nothing to do, all its tasks are idle and all is committed. */
bool weir_stream_thread_is_idle(weir_stream_thread *thread);

/* The task with this index in the plan, or NULL. */
weir_task *weir_stream_thread_task(weir_stream_thread *thread, size_t task_index);
size_t weir_stream_thread_task_count(const weir_stream_thread *thread);

/* Records processed and restored, punctuations and commits made; only grows. */
uint64_t weir_stream_thread_activity(const weir_stream_thread *thread);

#endif
