/* SPDX-License-Identifier: Apache-2.0
 *
 * application_workers.h - the workers of an application, some of which may be added and removed
 * while it runs (application.h, weir_application_add_stream_thread).
 *
 *   RESTS ──add──▶ STARTS ──▶ WORKS ──remove──▶ LEAVES ──▶ ENDS ──▶ ENDED ──▶ RESTS
 *                 └──replace───┴─ (any) ──▶ FAILED
 *
 * All that there may be exist from the start, so that whoever asks one need not know whether it
 * works; those that rest have no connection and no task.
 *
 * Threads    As each function says; the state of a worker is under the application's lock.
 */
#ifndef WEIR_STREAMS_APPLICATION_WORKERS_H
#define WEIR_STREAMS_APPLICATION_WORKERS_H

#include "streams/application.h"
#include "streams/stream_thread.h"

#include <pthread.h>

typedef enum weir_worker_state {
    WEIR_WORKER_RESTS,
    /* It connects, or reads the global tables, and gets no task yet; also one that takes the place
     * of a worker that has failed. */
    WEIR_WORKER_STARTS,
    WEIR_WORKER_WORKS,
    WEIR_WORKER_LEAVES, /* Its tasks go to others. */
    WEIR_WORKER_ENDS,   /* It has none, and was told to end. */
    WEIR_WORKER_ENDED,  /* It has no connection any more; its thread is to be joined. */
    WEIR_WORKER_FAILED, /* Its loop has ended, and the application stops. */
} weir_worker_state;

typedef struct weir_application_worker {
    weir_application *application;
    weir_stream_thread *thread;
    pthread_t pthread;
    weir_counter *cpu_ns;    /* What its thread has used; NULL: nobody counts. */
    bool started;            /* Under threads_lock: it has a thread. */
    weir_worker_state state; /* Under lock. */
    weir_mailbox *remover;   /* Under lock: woken when it rests; NULL: nobody waits. */
    bool stopping;           /* The worker's own: a message told it to end. */
} weir_application_worker;

/* Makes all that there may be, and has num.stream.threads of them connect. Frees them. */
weir_status weir_workers_open(weir_application *application, weir_error *err);
void weir_workers_free(weir_application *application);

/* Gives a thread to each that works; tells all that have one to end, and waits for that. */
weir_status weir_workers_start(weir_application *application, weir_error *err);
void weir_workers_join(weir_application *application);

/* The worker with the fewest tasks; SIZE_MAX: none works. Under lock. */
size_t weir_workers_least_loaded(const weir_application *application);

/* The coordinator's step: takes in those that have started, ends those that have left. */
void weir_workers_step(weir_application *application);
/* When all tasks run: some move to workers that were added. The coordinator's. */
void weir_workers_level(weir_application *application);

#endif
