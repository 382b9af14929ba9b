/* SPDX-License-Identifier: Apache-2.0
 *
 * application_internal.h - an application laid open for its files: application.c (life and
 * threads), coordinator.c and its parts (coordinator_internal.h), query.c.
 *
 * Threads    lock guards what is marked; the rest is immutable after weir_application_new or the
 *            coordinator's own.
 */
#ifndef WEIR_STREAMS_APPLICATION_INTERNAL_H
#define WEIR_STREAMS_APPLICATION_INTERNAL_H

#include "streams/application_workers.h"
#include "streams/memory_metrics.h"
#include "streams/placement_log.h"
#include "streams/state_cleanup.h"
#include "streams/topics_watch.h"

#include <pthread.h>

enum { WEIR_SOURCE_BYTES_MAX = 128 };

typedef enum weir_slot_state {
    WEIR_SLOT_NONE,    /* No worker has the task. */
    WEIR_SLOT_STANDBY, /* A worker follows its changelogs, or will once it has stopped. */
    WEIR_SLOT_HELD,    /* A worker holds it still, or will. */
    WEIR_SLOT_OPENING, /* A worker restores it. */
    WEIR_SLOT_RUNNING,
    WEIR_SLOT_LEAVING, /* A worker was told to close or drop it. */
} weir_slot_state;

/* One task of the plan, as this process sees it. */
typedef struct weir_slot {
    bool owned;     /* The group gave it to us. */
    bool revoked;   /* The group wants it back, and waits for us. */
    bool granted;   /* It is ours, and another process runs it. */
    bool must_stop; /* Its generation has ended: it may commit no more. */
    bool active;    /* Its worker runs it, or is not known to have stopped. */
    bool stateful;
    weir_placement_role role;
    weir_slot_state state;
    size_t worker;        /* Unless NONE. */
    uint32_t replies_due; /* To CLOSE and DROP. */
    uint32_t holds_due;   /* Replies to HOLD. */
    bool drop_sent;
    bool gone;     /* Its worker has dropped it, and will still answer a HOLD. */
    int64_t lag;   /* What its stores lack, as last known; WEIR_TASK_LAG_UNKNOWN. */
    bool moves;    /* To another worker: closed here, opened there. */
    bool reopens;  /* It shall read more topics: the same, on its worker. */
    size_t target; /* Which one that is. */
    char source[WEIR_SOURCE_BYTES_MAX]; /* "host:port" of who has most of its stores; or "". */
} weir_slot;

/* Of all slots, after a step. */
typedef struct weir_slot_counts {
    size_t held;      /* Some worker has it. */
    size_t stopping;  /* It has to stop before the generation is acknowledged. */
    size_t revoked;   /* It is to be released, and has not stopped. */
    size_t unsettled; /* It is not yet what it shall be. */
} weir_slot_counts;

typedef struct weir_trader weir_trader;

struct weir_application {
    weir_application_options options;
    weir_plan *plan;
    char *process_id;
    weir_membership *membership;
    weir_application_worker *workers;
    size_t worker_count;   /* Those that rest as well. */
    weir_mailbox *mailbox; /* To wake the coordinator. */
    pthread_t coordinator;
    bool threaded;                /* Under threads_lock: the coordinator has a thread. */
    pthread_mutex_t threads_lock; /* Taken before others; see weir_application_ask_worker. */
    pthread_mutex_t lock;
    weir_slot *slots;             /* Under lock, by index of the plan's tasks. */
    bool levels;                  /* Under lock: a worker was added and has no task yet. */
    weir_application_state state; /* Under lock. */
    bool close_requested;         /* Under lock. */
    bool paused;                  /* Under lock. */
    bool abandoned;               /* Under lock: free without close, the coordinator ends. */
    size_t subscribed_bytes;      /* Under lock: what subscriptions may take. */
    uint64_t unflushed_records;   /* Under lock: in the database and not on its disk. */
    weir_error failure;           /* Under lock; status WEIR_OK: none. */
    bool stops_all;               /* Under lock: it stops every other process, too. */

    weir_gauge *state_level; /* The four are NULL without a registry. */
    weir_gauge *paused_level;
    weir_gauge *alive_level;
    weir_gauge *failed_level;
    weir_memory_metrics memory;

    weir_trader *trader;
    weir_state_cleanup *cleanup;
    weir_placer *placer;
    weir_placement_log *placement_log;
    weir_topics_watch *topics_watch;
    const weir_plan *inputs; /* Which topics tasks read now: the watch's plan. */
    int64_t count_members_at_ms;
    int64_t farewell_ms; /* When it was said; 0: not yet. */
    int64_t last_flush_ms;
    bool joined;
    bool assigned_once;
    bool dropping;  /* Lost tasks are being stopped; the group is not polled meanwhile. */
    bool releasing; /* Revoked tasks are being stopped; the group waits for us. */
};

/* application.c: WEIR_FATAL: the system has no thread left. */
weir_status weir_application_start_thread(pthread_t *thread, void *(*run)(void *), void *argument,
                                          weir_error *err);
/* coordinator.c: what stops the application, unless something does already; any thread. */
void weir_application_note_failure(weir_application *application, weir_status status,
                                   const weir_error *err);
/* coordinator_group.c: joins the group, again where it was thrown out. */
weir_status weir_application_join(weir_application *application, weir_error *err);
/* What a worker tells of a task; user is the application. */
void weir_application_take_report(void *user, size_t task_index, weir_task_report report);
/* Which other process has a snapshot of a task; user is the application. Any thread. */
bool weir_application_find_snapshot(void *user, size_t task_index, weir_buf *out_address);
/* More changelog records are in the database; user is the application. */
void weir_application_take_applied(void *user, uint64_t records);
/* A copy of how a task stands; any thread. */
weir_slot weir_application_slot(weir_application *application, size_t task_index);
/* Moves a running task to another worker, with a commit; nothing where it doesn't run. */
void weir_application_move_task(weir_application *application, size_t task_index, size_t worker);

/* trader.c: looks now and then whether a task should go to another worker, and moves it. */
weir_trader *weir_trader_new(const weir_application *application);
void weir_trader_free(weir_trader *trader); /* NULL is fine. */
void weir_trader_look(weir_trader *trader, weir_application *application, int64_t now_ms);
/* Whether workers have threads now: it was started, and is not closed yet. */
bool weir_application_has_threads(weir_application *application);
/* Has question answered by a worker, with its weir_stream_thread: by mailbox, or here where it has
 * no thread, before the start and after the close. Any thread. WEIR_FENCED: it has ended. */
weir_status weir_application_ask_worker(weir_application *application, size_t worker,
                                        weir_mailbox_question question, void *argument,
                                        uint32_t timeout_ms, weir_error *err);
/* The same of the coordinator, with its weir_application. */
weir_status weir_application_ask_coordinator(weir_application *application,
                                             weir_mailbox_question question, void *argument,
                                             uint32_t timeout_ms, weir_error *err);
/* The same without waiting: a worker runs message. WEIR_FENCED: it has ended and will not. */
weir_status weir_application_tell_worker(weir_application *application, size_t worker,
                                         weir_message message);

#endif
