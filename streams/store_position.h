/* SPDX-License-Identifier: Apache-2.0
 *
 * store_position.h - which input the rows of a store reflect, for queries.
 *
 * A task that runs knows it. A changelog does not tell: of a store that follows or restores it is
 * known by a look at the group's committed offsets, and then at the end of the changelog, which
 * therefore has all that those offsets led to. When the store has come to that end, its rows
 * reflect them.
 *
 * Errors     A look that fails tells nothing new.
 * Threads    The worker's.
 */
#ifndef WEIR_STREAMS_STORE_POSITION_H
#define WEIR_STREAMS_STORE_POSITION_H

#include "streams/position.h"
#include "streams/task_store_internal.h"

typedef struct weir_store_look weir_store_look;

void weir_store_look_free(weir_store_look *look); /* NULL is fine. */

/* All that the inputs of a running task have done is committed. */
void weir_task_note_committed(weir_task *task);

/* Adds up to where the rows of a running task's stores reflect its inputs: the committed ones, or
 * all. */
void weir_task_add_position(const weir_task *task, bool uncommitted, weir_position *to);

/* The same of one store of a task that follows or restores, which has its changelog up to reached.
 * It looks where the last look is older than look_interval_ms, and nothing is left of it to wait
 * for. */
void weir_task_store_add_position(weir_task_store *store, int64_t reached, int64_t look_interval_ms,
                                  weir_position *to);

#endif
