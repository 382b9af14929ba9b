/* SPDX-License-Identifier: Apache-2.0
 *
 * trader.c - what trade.c needs to know, from the workers' figures, and the move that it chooses:
 * CLOSE on the one worker, OPEN on the other, over the same database. The group is not told.
 */
#include "streams/application_internal.h"
#include "streams/base/logging.h"
#include "streams/topology_internal.h"
#include "streams/trade.h"

#include <stdlib.h>

enum { LOOKS_TO_STAY = 3, NS_PER_MS = 1000 * 1000 };

struct weir_trader {
    size_t worker_count;
    size_t task_count;
    weir_trade_worker *workers;
    weir_trade_task *tasks;
    uint64_t *busy_ns;   /* By worker: what it had told at the last look. */
    uint64_t *processed; /* By task, of the worker that has it now. */
    uint32_t *stays;     /* By task: looks for which it still stays where it is. */
    int64_t last_look_ms;
};

weir_trader *weir_trader_new(const weir_application *application)
{
    weir_trader *trader = weir_alloc(sizeof(*trader));
    trader->worker_count = application->worker_count;
    trader->task_count = application->plan->task_count;
    trader->workers = weir_alloc_array(trader->worker_count, sizeof(*trader->workers));
    trader->busy_ns = weir_alloc_array(trader->worker_count, sizeof(*trader->busy_ns));
    trader->tasks = weir_alloc_array(trader->task_count, sizeof(*trader->tasks));
    trader->processed = weir_alloc_array(trader->task_count, sizeof(*trader->processed));
    trader->stays = weir_alloc_array(trader->task_count, sizeof(*trader->stays));
    return trader;
}

void weir_trader_free(weir_trader *trader)
{
    if (trader != NULL) {
        free(trader->workers);
        free(trader->busy_ns);
        free(trader->tasks);
        free(trader->processed);
        free(trader->stays);
        free(trader);
    }
}

/* A store in memory would have to be restored. */
static bool is_portable(const weir_application *application, size_t task_index)
{
    const weir_topology *topology = application->plan->topology;
    const weir_indices *stores =
        &topology->subtopologies[application->plan->tasks[task_index].subtopology].stores;
    for (size_t i = 0; i < stores->count; i++) {
        if (application->options.database == NULL ||
            topology->stores[stores->items[i]].options.engine != WEIR_ENGINE_ROCKSDB) {
            return false;
        }
    }
    return true;
}

static void look_at_worker(weir_trader *trader, weir_application *application, size_t index)
{
    const weir_stream_thread *thread = application->workers[index].thread;
    uint64_t busy_ns = weir_task_figures_busy_ns(weir_stream_thread_figures(thread));
    trader->workers[index].busy_ns = busy_ns - trader->busy_ns[index];
    trader->busy_ns[index] = busy_ns;
    pthread_mutex_lock(&application->lock);
    trader->workers[index].takes_part = application->workers[index].state == WEIR_WORKER_WORKS;
    pthread_mutex_unlock(&application->lock);
}

/* A task that is on its way, or restores, says that the last look tells nothing of its worker. */
static void look_at_task(weir_trader *trader, weir_application *application, size_t index)
{
    weir_slot slot = weir_application_slot(application, index);
    weir_trade_task *task = &trader->tasks[index];
    if (slot.worker != task->worker) {
        trader->stays[index] = LOOKS_TO_STAY;
        trader->processed[index] = UINT64_MAX; /* Of the other worker. */
    }
    const weir_stream_thread *thread = application->workers[slot.worker].thread;
    uint64_t processed = weir_task_figures_processed(weir_stream_thread_figures(thread), index);
    bool is_comparable = trader->processed[index] <= processed;
    bool runs = slot.state == WEIR_SLOT_RUNNING && !slot.moves;
    *task = (weir_trade_task){
        .worker = slot.worker,
        .records = is_comparable && runs ? processed - trader->processed[index] : 0,
        .may_move = runs && trader->stays[index] == 0 && is_portable(application, index),
    };
    trader->processed[index] = processed;
    trader->stays[index] -= trader->stays[index] > 0 ? 1 : 0;
    if (slot.active && !runs) {
        trader->workers[slot.worker].takes_part = false;
    }
}

void weir_trader_look(weir_trader *trader, weir_application *application, int64_t now_ms)
{
    int64_t interval_ms = application->options.config->trade_interval_ms;
    int64_t elapsed_ms = now_ms - trader->last_look_ms;
    if (trader->worker_count < 2 || interval_ms == 0 || elapsed_ms < interval_ms) {
        return;
    }
    trader->last_look_ms = now_ms;
    for (size_t i = 0; i < trader->worker_count; i++) {
        look_at_worker(trader, application, i);
    }
    for (size_t i = 0; i < trader->task_count; i++) {
        look_at_task(trader, application, i);
    }
    const weir_trade trade = {
        .workers = trader->workers,
        .worker_count = trader->worker_count,
        .tasks = trader->tasks,
        .task_count = trader->task_count,
        .elapsed_ns = (uint64_t)elapsed_ms * NS_PER_MS,
    };
    size_t task = 0;
    size_t to = 0;
    if (weir_trade_choose(&trade, &task, &to)) {
        WEIR_LOG(WEIR_LOG_INFO, NULL, "application=%s task=%s from_worker=%zu to_worker=%zu",
                 application->plan->application_id, application->plan->tasks[task].id,
                 trader->tasks[task].worker, to);
        weir_application_move_task(application, task, to);
    }
}
