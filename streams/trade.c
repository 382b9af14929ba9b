/* SPDX-License-Identifier: Apache-2.0
 *
 * trade.c - hysteresis in two places: a worker that is idle for a good part of the time loses
 * nothing, since its records don't wait; and a move must take off a good part of the difference, so
 * that the opposite move never looks good right afterwards. (A task on the worker it came to brings
 * its whole load along: moving it back would restore the old difference.) Who calls adds a third:
 * a task that has moved stays for some looks.
 */
#include "streams/trade.h"

#include "streams/base/status.h"

/* In thousandths of the elapsed time. */
enum { FULL = 1000, BUSY_MIN = 600, GAIN_MIN = 100 };

static uint64_t load_of(const weir_trade *trade, size_t worker)
{
    uint64_t load = trade->workers[worker].busy_ns / (trade->elapsed_ns / FULL + 1);
    return load > FULL ? FULL : load;
}

static bool find_ends(const weir_trade *trade, size_t *out_busiest, size_t *out_idlest)
{
    *out_busiest = SIZE_MAX;
    *out_idlest = SIZE_MAX;
    for (size_t w = 0; w < trade->worker_count; w++) {
        if (!trade->workers[w].takes_part) {
            continue;
        }
        if (*out_busiest == SIZE_MAX || load_of(trade, w) > load_of(trade, *out_busiest)) {
            *out_busiest = w;
        }
        if (*out_idlest == SIZE_MAX || load_of(trade, w) < load_of(trade, *out_idlest)) {
            *out_idlest = w;
        }
    }
    return *out_busiest != SIZE_MAX && *out_busiest != *out_idlest;
}

static uint64_t records_of(const weir_trade *trade, size_t worker)
{
    uint64_t records = 0;
    for (size_t i = 0; i < trade->task_count; i++) {
        records += trade->tasks[i].worker == worker ? trade->tasks[i].records : 0;
    }
    return records;
}

bool weir_trade_choose(const weir_trade *trade, size_t *out_task, size_t *out_to_worker)
{
    WEIR_ASSERT(trade->elapsed_ns > 0);

    size_t from = 0;
    size_t to = 0;
    if (!find_ends(trade, &from, &to) || load_of(trade, from) < BUSY_MIN) {
        return false;
    }
    uint64_t records = records_of(trade, from);
    uint64_t before = load_of(trade, from);
    uint64_t best = before;
    for (size_t i = 0; records > 0 && i < trade->task_count; i++) {
        const weir_trade_task *task = &trade->tasks[i];
        WEIR_ASSERT(task->worker < trade->worker_count);
        if (task->worker != from || !task->may_move || task->records == 0) {
            continue;
        }
        uint64_t share = (uint64_t)((double)before * (double)task->records / (double)records);
        uint64_t left = before - share;
        uint64_t there = load_of(trade, to) + share;
        uint64_t larger = left > there ? left : there;
        if (larger < best) {
            best = larger;
            *out_task = i;
        }
    }
    *out_to_worker = to;
    return before - best >= GAIN_MIN;
}
