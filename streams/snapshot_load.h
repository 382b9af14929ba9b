/* SPDX-License-Identifier: Apache-2.0
 *
 * snapshot_load.h - the receiving side of snapshot.h, for one task.
 *
 * Threads    The worker's.
 */
#ifndef WEIR_STREAMS_SNAPSHOT_LOAD_H
#define WEIR_STREAMS_SNAPSHOT_LOAD_H

#include "streams/snapshot.h"
#include "streams/task.h"

typedef struct weir_snapshot_load weir_snapshot_load;

/* Begins a load into task, which is CREATED and stays so; owned_peer is connected. A snapshot that
 * brings the task on by less than gain_min changelog offsets is not wanted. */
weir_snapshot_load *weir_snapshot_load_new(weir_task *task, weir_snapshot_peer *owned_peer,
                                           int64_t gain_min);
/* Ends it, done or not; NULL is fine. */
void weir_snapshot_load_free(weir_snapshot_load *load);

/* Goes on: a page a call. WEIR_OK: the stores hold the snapshot, at its positions. WEIR_AGAIN: not
 * yet. All else: it is over (WEIR_NOT_FOUND: there is none that helps), and the stores are as they
 * were unless weir_task_load_is_cut. */
weir_status weir_snapshot_load_step(weir_snapshot_load *load, weir_error *err);

/* Rows so far; for poll(2), or -1. */
uint64_t weir_snapshot_load_rows(const weir_snapshot_load *load);
int weir_snapshot_load_fd(const weir_snapshot_load *load);

#endif
