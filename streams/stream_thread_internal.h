/* SPDX-License-Identifier: Apache-2.0
 *
 * stream_thread_internal.h - a worker laid open for its three files: stream_thread.c (life, the
 * pass), stream_thread_work.c (input, records, commit), stream_thread_failure.c (reactions).
 *
 * Threads    The worker's.
 */
#ifndef WEIR_STREAMS_STREAM_THREAD_INTERNAL_H
#define WEIR_STREAMS_STREAM_THREAD_INTERNAL_H

#include "streams/commit.h"
#include "streams/global_stores.h"
#include "streams/restore.h"
#include "streams/snapshot_load.h"
#include "streams/stream_thread.h"
#include "streams/thread_metrics.h"
#include "streams/topology_internal.h"

/* What a worker has a task for. */
typedef enum weir_task_role {
    WEIR_TASK_TO_RUN,
    WEIR_TASK_TO_FOLLOW,
    WEIR_TASK_TO_HOLD,
} weir_task_role;

/* Where a task gets a snapshot from, in the order in which they are tried. */
typedef enum weir_load_source {
    WEIR_LOAD_FROM_PROCESS,
    WEIR_LOAD_FROM_STORED,
    WEIR_LOAD_FROM_NOBODY, /* All were tried. */
} weir_load_source;

struct weir_stream_thread {
    weir_stream_thread_options options;
    weir_task_environment environment;
    char *client_id;
    char *transactional_id; /* NULL: at least once. */
    weir_collector *collector;
    weir_consumer *consumer;
    weir_global_stores *globals;
    weir_restorer *restorer;
    weir_mailbox *mailbox;
    void **resources; /* By index of the topology's resources. */
    size_t resources_open;
    weir_task **tasks; /* By index in the plan; NULL: not ours. */
    bool *closing;     /* The same index: committed next, then closed. */
    bool *to_open;     /* The same: opened with the next pass that can. */
    size_t to_open_count;
    weir_task_role *roles;
    weir_task_figures *figures;
    weir_snapshot_load **loads;  /* By index; NULL: none is under way. */
    weir_load_source *load_from; /* By index: where the next attempt goes. */
    weir_task **owned;           /* The tasks that are not NULL, in order of the plan. */
    size_t owned_count;
    weir_task **windowed; /* Those of them that have windows. */
    size_t windowed_count;
    weir_task *culprit;         /* Whose call is under way, for WEIR_CORRUPT; NULL: nobody's. */
    weir_error command_failure; /* Of a command, or a push; status WEIR_OK: none. */
    bool needs_reset;           /* The producer's state is not known. */
    uint32_t *holds_due;        /* By index: HELD is to be reported when that is settled. */
    bool apply_failed;    /* Nothing is processed until what is committed is in the database. */
    bool restorer_failed; /* What it had read for standbys may be lost. */
    bool commit_pending;  /* A commit answered WEIR_AGAIN. */
    bool was_busy;        /* In the last pass. */
    bool is_paused;
    bool fills_globals;      /* The pass is, or was when it failed, at the global stores. */
    uint32_t failures;       /* In a row. */
    size_t quantum;          /* Records a pass. */
    size_t next_to_bring_up; /* Of owned: whose turn it is to ask the broker. */
    weir_task **asking;      /* Those for which it is asked in this pass, for a while. */
    bool *is_asked;          /* By index in the plan: it has answered for the task in this pass. */
    int64_t last_pass_ms;
    int64_t back_off_until_ms;
    int64_t last_commit_ms;
    int64_t commit_took_ms; /* The last one. */
    bool times_commit;      /* It has ended, and the clock has not been read since. */
    bool tried_commit;      /* In this pass… */
    bool was_commit;        /* … and in the last one. */
    int64_t last_apply_ms;
    size_t to_apply;          /* Tasks that the apply under way has still to come to. */
    uint64_t applied_records; /* By it. */
    int64_t last_look_ms;
    int64_t last_purge_ms;
    int64_t last_push_ms;
    int64_t last_levels_ms;
    uint64_t activity;
    weir_thread_metrics metrics;
};

/* stream_thread_work.c: how long after the last commit an idle worker commits. */
int64_t weir_stream_thread_idle_commit_ms(const weir_stream_thread *thread);

/* stream_thread.c: forgets a task and frees it; reports it. */
void weir_stream_thread_drop(weir_stream_thread *thread, weir_task *task, weir_task_report report);
/* Tells the coordinator of a task. */
void weir_stream_thread_report(weir_stream_thread *thread, const weir_task *task,
                               weir_task_report report);
/* Sends the HELD reports that are due. */
void weir_stream_thread_report_held(weir_stream_thread *thread);
/* Publishes where a task stands. */
void weir_stream_thread_publish(weir_stream_thread *thread, const weir_task *task);
/* A task's place in the plan. */
size_t weir_stream_thread_index(const weir_stream_thread *thread, const weir_task *task);

/* stream_thread_work.c: each does its part of a pass, sets *busy where it did something, and leaves
 * the culprit set where it fails. */
weir_status weir_stream_thread_settle(weir_stream_thread *thread, bool *busy, weir_error *err);
weir_status weir_stream_thread_bring_up(weir_stream_thread *thread, bool *busy, weir_error *err);
weir_status weir_stream_thread_take_input(weir_stream_thread *thread, bool *busy, weir_error *err);
weir_status weir_stream_thread_poll_resources(weir_stream_thread *thread, weir_error *err);
weir_status weir_stream_thread_process(weir_stream_thread *thread, bool *busy, weir_error *err);
weir_status weir_stream_thread_punctuate(weir_stream_thread *thread, bool *busy, weir_error *err);
weir_status weir_stream_thread_commit(weir_stream_thread *thread, bool *busy, weir_error *err);
weir_status weir_stream_thread_apply(weir_stream_thread *thread, weir_error *err);
/* Looks whether others have written to changelogs of tasks that do not; a failure can wait. */
void weir_stream_thread_look(weir_stream_thread *thread, bool *busy);

/* Applies all tasks after an apply that failed. */
weir_status weir_stream_thread_apply_again(weir_stream_thread *thread, weir_error *err);

/* stream_thread_load.c: loads a snapshot into a task that is CREATED, if one is to be had;
 * *out_loading: it goes on with the next pass. The second ends a load, which leaves the task to be
 * wiped. */
weir_status weir_stream_thread_load(weir_stream_thread *thread, weir_task *task, bool *out_loading,
                                    bool *busy, weir_error *err);
void weir_stream_thread_end_load(weir_stream_thread *thread, const weir_task *task);

/* stream_thread_failure.c: whether all tasks have to let go of the database. */
bool weir_stream_thread_database_is_broken(const weir_stream_thread *thread);
/* Reacts to a pass that failed; WEIR_OK unless the application has to
 * stop. */
weir_status weir_stream_thread_react(weir_stream_thread *thread, weir_status status,
                                     weir_error *err);
/* Closes what weir_stream_thread_open opens, for a while or for good; it has no task. */
void weir_stream_thread_close(weir_stream_thread *thread);
/* Opens what a replaced worker lacks. WEIR_AGAIN: it is tried again with a later step. */
weir_status weir_stream_thread_begin_anew(weir_stream_thread *thread, weir_error *err);
/* Takes a task back to its last commit, at once: with all others of the worker if it has written
 * something since. */
void weir_stream_thread_take_back(weir_stream_thread *thread, weir_task *task);

#endif
