/* SPDX-License-Identifier: Apache-2.0
 *
 * task_snapshot.h - the state of a task as of one moment, to be given away; and what says whether a
 * given one is of this task. Stores on disk that have a changelog; others are restored from theirs.
 *
 * Threads    The worker's. A snapshot that was taken may be read and cleaned up by another thread.
 */
#ifndef WEIR_STREAMS_TASK_SNAPSHOT_H
#define WEIR_STREAMS_TASK_SNAPSHOT_H

#include "statestore/task_state.h"
#include "streams/task.h"

typedef struct weir_task_snapshot {
    weir_buf head; /* Text: application, task, and a line a store with its position. */
    weir_kv_iterator **iterators; /* In the order of those lines. */
    size_t count;
} weir_task_snapshot;

/* Applies what is committed, and takes the rows and positions that belong together. WEIR_AGAIN: the
 * task restores. WEIR_NOT_FOUND: it has no such stores. out_snapshot is all-zero before. */
weir_status weir_task_snapshot_take(weir_task *task, weir_task_snapshot *out_snapshot,
                                    weir_error *err);
void weir_task_snapshot_cleanup(weir_task_snapshot *snapshot);

/* application.id, which a request for a snapshot names. */
const char *weir_task_application_id(const weir_task *task);
/* How many stores a snapshot of the task has. */
size_t weir_task_snapshot_store_count(const weir_task *task);

/* Where a store of a snapshot stands in its changelog. */
typedef struct weir_snapshot_place {
    int64_t position; /* -1: nowhere. */
    int64_t term;     /* The highest before it (term.h). */
} weir_snapshot_place;

/* Reads the places of a head; WEIR_CORRUPT: it is not of this task, or its stores are of other
 * kinds; or a changelog does not reach back to its place any more. There is room for all stores. */
weir_status weir_task_snapshot_check(const weir_task *task, weir_bytes head,
                                     weir_snapshot_place *out_places, weir_error *err);
/* How many changelog offsets are before these places and behind those of the stores here. */
int64_t weir_task_snapshot_gain(const weir_task *task, const weir_snapshot_place *places);

/* Empties the stores, and notes on disk that they are not whole. */
weir_status weir_task_load_begin(weir_task *task, weir_error *err);
/* Adds rows to a store; keys ascending. */
weir_status weir_task_load_rows(weir_task *task, size_t number, const weir_restore_entry *rows,
                                size_t count, weir_error *err);
/* All rows are there: the stores stand at these places. */
weir_status weir_task_load_end(weir_task *task, const weir_snapshot_place *places, weir_error *err);
/* True where a load has begun and not ended, in this life or a former one: wipe the task. */
bool weir_task_load_is_cut(weir_task *task);

#endif
