/* SPDX-License-Identifier: Apache-2.0
 *
 * snapshot.h - how the state of a task gets from one process to another, so that recovery takes as
 * long as the tail of the changelogs and not as long as the state.
 *
 *   receiver: a worker about to restore        sender: any process that has the task's stores
 *   ask(".../app/task")              ────────▶ apply, iterators of one moment, positions
 *          ◀──── HEAD: stores, positions
 *   ask(".../app/task/session/1")    ────────▶
 *          ◀──── ROWS, …                       one page at a time: both sides hold one
 *          ◀──── END
 *   positions are set; the tail is restored from the changelogs
 *
 * Where no process has the stores, the same questions are answered by what was put away of them
 * while one had (connectors/snapshot_depot.h).
 *
 * Whatever goes wrong, the receiver wipes what it got and restores from the changelogs alone.
 *
 * Threads    A peer belongs to one thread. The functions of a network are called by any worker.
 */
#ifndef WEIR_STREAMS_SNAPSHOT_H
#define WEIR_STREAMS_SNAPSHOT_H

#include "streams/base/bytes.h"
#include "streams/base/status.h"

enum { WEIR_SNAPSHOT_TARGET_BYTES_MAX = 1024 };

/* A conversation with another process. */
typedef struct weir_snapshot_peer weir_snapshot_peer;

typedef struct weir_snapshot_peer_ops {
    /* Asks for a target, a path. The answer to the one before has come. */
    weir_status (*ask)(weir_snapshot_peer *peer, const char *target, weir_error *err);
    /* The answer. WEIR_AGAIN: not yet. WEIR_NOT_FOUND: the other has no such thing. WEIR_IO: it
     * does not answer any more, in time or at all. */
    weir_status (*answer)(weir_snapshot_peer *peer, weir_buf *out_body, weir_error *err);
    int (*fd)(const weir_snapshot_peer *peer); /* For poll(2), or -1. */
    void (*free)(weir_snapshot_peer *peer);
} weir_snapshot_peer_ops;

/* The first member of an implementation's own struct. */
struct weir_snapshot_peer {
    const weir_snapshot_peer_ops *ops;
};

/* What connects to other processes, and to what was put away; outlives the application. */
typedef struct weir_snapshot_network {
    weir_status (*connect)(void *user, const char *address, weir_snapshot_peer **out_peer,
                           weir_error *err);
    void *user;
    /* NULL: nothing is put away. */
    weir_status (*connect_stored)(void *user, weir_snapshot_peer **out_peer, weir_error *err);
} weir_snapshot_network;

/* Where a snapshot of a task is to be had: "host:port" replaces *out_address. False: nowhere. */
typedef bool (*weir_snapshot_find)(void *user, size_t task_index, weir_buf *out_address);

#endif
