/* SPDX-License-Identifier: Apache-2.0
 *
 * application.h - a topology at work in this process: one member of a consumer group, its workers,
 * its tasks.
 *
 *   CREATED ──▶ REBALANCING ◀──▶ RUNNING
 *                   │               │
 *                   ├───────────────┴──▶ PENDING_SHUTDOWN ──▶ NOT_RUNNING
 *                   └──▶ PENDING_ERROR ──▶ ERROR      (names as in Kafka Streams)
 *
 *   weir_application_new(&options, &app, &err)      plans, creates internal topics, joins
 *   weir_application_start(app, &err)               threads: a coordinator and the workers
 *   weir_application_close(app, &err)               commit, apply, flush, leave
 *   weir_application_free(app)                      without a close: what a crash leaves
 *
 * Without weir_application_start it has no threads and reads no clock: a test or a simulator calls
 * weir_application_step.
 *
 * Ownership  Broker, database, topology, config and metrics are borrowed and outlive it; several
 *            applications may share them.
 * Errors     base/status.h.
 * Threads    Any, unless a function says otherwise.
 */
#ifndef WEIR_STREAMS_APPLICATION_H
#define WEIR_STREAMS_APPLICATION_H

#include "streams/base/metrics.h"
#include "streams/broker.h"
#include "streams/config.h"
#include "streams/topology.h"
#include "streams/uncaught_exception.h"

typedef struct weir_application weir_application;

typedef enum weir_application_state {
    WEIR_APPLICATION_CREATED,
    WEIR_APPLICATION_REBALANCING, /* Tasks are being assigned, moved or restored. */
    WEIR_APPLICATION_RUNNING,
    WEIR_APPLICATION_PENDING_SHUTDOWN,
    WEIR_APPLICATION_NOT_RUNNING,
    WEIR_APPLICATION_PENDING_ERROR,
    WEIR_APPLICATION_ERROR,
} weir_application_state;

/* Called by the coordinator after each change; must not call back into the application. */
typedef void (*weir_application_listener)(void *user, weir_application_state from,
                                          weir_application_state to);

typedef struct weir_application_options {
    const weir_topology *topology; /* Built. */
    const weir_config *config;
    weir_broker *broker;
    weir_database *database; /* NULL: every store is kept in memory. */
    weir_metrics *metrics;   /* NULL: none. */
    /* Tells this process from others of the application, and is the same after a restart, so that
     * the transactions of its former life end at once. NULL: group.instance.id, else "0". */
    const char *process_id;
    const struct weir_snapshot_network *snapshots; /* NULL: none; it outlives the application. */
    /* How long a broker that does not answer is asked again when the application is made; 0: once.
     * Where it is set the clock is read and slept by. */
    int64_t start_timeout_ms;
    bool never_waits; /* Driven by weir_application_step: no call waits for acknowledgements. */
    weir_application_listener listener; /* NULL: none. */
    void *listener_user;
    weir_uncaught_exception_handler uncaught_exception_handler; /* NULL: SHUTDOWN_CLIENT. */
    void *uncaught_exception_user;
} weir_application_options;

/* Plans, creates the internal topics, opens the workers and joins the group. WEIR_INVALID: a topic
 * is missing or does not fit. WEIR_IO: the broker does not answer, and the time is up. */
weir_status weir_application_new(const weir_application_options *options,
                                 weir_application **out_application, weir_error *err);
/* Ends it where it stands, committing nothing: what a crash leaves. NULL is fine. */
void weir_application_free(weir_application *application);
WEIR_DEFINE_AUTO_PTR(weir_application);

/* Starts the threads: a coordinator and num.stream.threads workers. */
weir_status weir_application_start(weir_application *application, weir_error *err);

/* KafkaStreams.addStreamThread: one worker more, up to weir.stream.threads.max. It connects here;
 * when it has read the global tables, it gets its part of the tasks. *out_index: which one it is.
 * WEIR_INVALID: all are there, or the application does not run. WEIR_IO: the broker does not
 * answer; nothing is changed. Any thread but those of the application; not while it is closed. */
weir_status weir_application_add_stream_thread(weir_application *application, size_t *out_index,
                                               weir_error *err);

/* KafkaStreams.removeStreamThread: the last worker commits, its tasks go to the others, and it
 * ends. Waits for that, at most timeout_ms; WEIR_AGAIN: it goes on by itself. WEIR_INVALID: it is
 * the only one (Kafka Streams would end it, too), or the application does not run. Threads: as
 * above. */
weir_status weir_application_remove_stream_thread(weir_application *application, int64_t timeout_ms,
                                                  size_t *out_index, weir_error *err);

/* How many work now. Any thread. */
size_t weir_application_stream_thread_count(weir_application *application);

/* Asks for the end; the state says when it is reached. */
void weir_application_request_close(weir_application *application);

/* Asks for the end, waits for it and joins the threads. The status that stopped it, if one did. */
weir_status weir_application_close(weir_application *application, weir_error *err);

/* Pauses this process (KIP-834), also before the start: nothing is processed, punctuated, restored
 * or followed by standbys. It stays a member with its tasks, input is fetched until buffers are
 * full, what was deferred ends, commits and queries go on; so does the state, which is RUNNING
 * unless something is to be restored. A worker in the middle of a record ends its pass first, so
 * one quantum may still come. The others of the group know nothing of it, nor does a restart.
 * Global tables are filled on. Not from a processor or the listener. */
void weir_application_pause(weir_application *application);
void weir_application_resume(weir_application *application);
bool weir_application_is_paused(weir_application *application);

/* The state now, its name, and application.id. */
weir_application_state weir_application_state_now(weir_application *application);
const char *weir_application_state_name(weir_application_state state);
const char *weir_application_id(const weir_application *application);

/* What stopped the application in state PENDING_ERROR or ERROR; WEIR_OK: nothing did. */
weir_status weir_application_failure(weir_application *application, weir_error *err);

/* True when every input is read to its end, nothing is deferred and all is committed. To know it of
 * several applications that feed each other: all idle, twice, with the same sum of activities. */
bool weir_application_is_idle(weir_application *application);

/* Grows with every record processed or restored and with every commit that had something to commit;
 * a punctuation without effect does not count. */
uint64_t weir_application_activity(weir_application *application);

/* One turn of the coordinator and of each worker. *out_busy: another would find work at once. */
weir_status weir_application_step(weir_application *application, int64_t now_ms, bool *out_busy,
                                  weir_error *err);

/* The same in parts, for schedulers: the coordinator alone; worker index, below
 * weir.stream.threads.max (nothing where it rests). */
weir_status weir_application_step_coordinator(weir_application *application, int64_t now_ms,
                                              bool *out_busy, weir_error *err);
weir_status weir_application_step_worker(weir_application *application, size_t index,
                                         int64_t now_ms, bool *out_busy, weir_error *err);

#endif
