/* SPDX-License-Identifier: Apache-2.0
 *
 * process_state.h - what one process of an application tells the others: the value of its record in
 * the topic <application.id>-weir-members, under its process id as key.
 *
 *   {"v":1, "incarnation":3, "sequence":17, "generation":5, "host":"10.0.0.7:8080", "rack":"a",
 *    "owned":"0-3,7", "claimed":"0-2", "running":"0,1", "granted":{"pod-2":"3,7"},
 *    "lags":{"3":0,"7":81200}}
 *
 * Tasks are named by their index in the plan; sets of them are written as ranges. A record is the
 * whole state of its process: only the last one counts, and one of no generation says that it has
 * left; "shutdown":"why" in it, that all others shall.
 *
 * Ownership  A state owns its strings and arrays.
 * Errors     WEIR_BAD_RECORD: the bytes are no such record, or of another version or plan.
 * Threads    One at a time.
 */
#ifndef WEIR_STREAMS_PROCESS_STATE_H
#define WEIR_STREAMS_PROCESS_STATE_H

#include "streams/base/bytes.h"
#include "streams/base/status.h"

enum { WEIR_PROCESS_STATE_BYTES_MAX = 1 << 20, WEIR_PROCESS_ID_BYTES_MAX = 255 };

#define WEIR_TASK_LAG_UNKNOWN INT64_MAX

/* How a process stands to one task. */
typedef struct weir_process_task {
    bool owned;       /* The group gave it the partition of the task topic. */
    bool claimed;     /* It runs the task or is about to: nobody else may. */
    bool running;     /* Its stores are restored: it answers queries. */
    char *granted_to; /* Owned, and another process shall run it; NULL: the owner itself. */
    int64_t lag;      /* Changelog records that its store lacks; WEIR_TASK_LAG_UNKNOWN: not open. */
} weir_process_task;

typedef struct weir_process_state {
    uint64_t incarnation; /* Grows with each start of the process. */
    uint64_t sequence;    /* Grows with each record of an incarnation. */
    int32_t generation;   /* Of the group, that the rest is said of; -1: not joined. */
    char *host;           /* "host:port" where it answers queries; NULL: nowhere. */
    char *rack;           /* NULL: not told. */
    char *shutdown;       /* It has left, and why every process shall; NULL: it asks for nothing. */
    weir_process_task *tasks;
    size_t task_count;
} weir_process_state;

/* A state without anything: generation -1, every lag unknown. */
void weir_process_state_init(weir_process_state *state, size_t task_count);
void weir_process_state_cleanup(weir_process_state *state);

/* Makes *to, which is initialised, a copy of from. */
void weir_process_state_copy(weir_process_state *to, const weir_process_state *from);

/* Replaces whom the task is granted to; NULL: nobody. */
void weir_process_task_grant(weir_process_task *task, const char *process_id);

/* Appends the record's value. */
void weir_process_state_encode(const weir_process_state *state, weir_buf *out_value);

/* Reads a value into *state, which is initialised for the number of tasks of the plan; on an error
 * *state holds nothing that counts. */
weir_status weir_process_state_decode(weir_process_state *state, weir_bytes value, weir_error *err);

/* The same but for lags, incarnation and sequence; and where lags differ, whether one of the two is
 * unknown: news that cannot wait. */
bool weir_process_state_says_the_same(const weir_process_state *a, const weir_process_state *b);
bool weir_process_state_has_same_lags(const weir_process_state *a, const weir_process_state *b);

#endif
