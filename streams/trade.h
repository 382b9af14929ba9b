/* SPDX-License-Identifier: Apache-2.0
 *
 * trade.h - which task should go from one worker of a process to another, to even out their work.
 *
 * Workers share nothing, so a busy one cannot be helped but by taking a task from it. A move costs
 * a commit and the reading ahead of the task's inputs; the rows stay where they are.
 *
 * Threads    Any: it is a function of its arguments.
 */
#ifndef WEIR_STREAMS_TRADE_H
#define WEIR_STREAMS_TRADE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a worker did since the last look. */
typedef struct weir_trade_worker {
    uint64_t busy_ns;
    bool takes_part; /* It runs, and none of its tasks is on its way. */
} weir_trade_worker;

/* What a task did since then. */
typedef struct weir_trade_task {
    size_t worker;    /* Whose it is. */
    uint64_t records; /* Processed. */
    bool may_move;    /* It runs, its stores are on disk, and it has not moved lately. */
} weir_trade_task;

typedef struct weir_trade {
    const weir_trade_worker *workers;
    size_t worker_count;
    const weir_trade_task *tasks;
    size_t task_count;
    uint64_t elapsed_ns; /* Since the last look. */
} weir_trade;

/* The work of a worker is shared out to its tasks by their records. The task is chosen whose move
 * from the busiest worker to the idlest leaves the larger of the two loads smallest; no move where
 * the busiest has time to spare, or where that gains too little. False: no move. */
bool weir_trade_choose(const weir_trade *trade, size_t *out_task, size_t *out_to_worker);

#endif
