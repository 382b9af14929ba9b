/* SPDX-License-Identifier: Apache-2.0
 *
 * task_figures.c - relaxed atomics: nobody draws conclusions from two figures together, and nothing
 * else is published by them.
 */
#include "streams/task_figures.h"

#include "streams/base/alloc.h"
#include "streams/base/status.h"

#include <stdatomic.h>
#include <stdlib.h>

typedef struct task_figure {
    _Atomic int64_t lag;
    _Atomic int64_t position;
    _Atomic uint64_t processed;
} task_figure;

struct weir_task_figures {
    size_t task_count;
    _Atomic uint64_t busy_ns;
    atomic_bool is_ready;
    task_figure tasks[];
};

weir_task_figures *weir_task_figures_new(size_t task_count)
{
    weir_task_figures *figures = weir_alloc(sizeof(*figures) + task_count * sizeof(task_figure));
    figures->task_count = task_count;
    for (size_t i = 0; i < task_count; i++) {
        weir_task_figures_set_changelog(figures, i, WEIR_FIGURE_UNKNOWN, WEIR_FIGURE_UNKNOWN);
    }
    return figures;
}

void weir_task_figures_free(weir_task_figures *figures)
{
    free(figures);
}

void weir_task_figures_set_changelog(weir_task_figures *figures, size_t task_index, int64_t lag,
                                     int64_t position)
{
    WEIR_ASSERT(task_index < figures->task_count);
    WEIR_ASSERT(lag >= WEIR_FIGURE_UNKNOWN);
    atomic_store_explicit(&figures->tasks[task_index].lag, lag, memory_order_relaxed);
    atomic_store_explicit(&figures->tasks[task_index].position, position, memory_order_relaxed);
}

int64_t weir_task_figures_lag(const weir_task_figures *figures, size_t task_index)
{
    WEIR_ASSERT(task_index < figures->task_count);
    return atomic_load_explicit(&figures->tasks[task_index].lag, memory_order_relaxed);
}

int64_t weir_task_figures_position(const weir_task_figures *figures, size_t task_index)
{
    WEIR_ASSERT(task_index < figures->task_count);
    return atomic_load_explicit(&figures->tasks[task_index].position, memory_order_relaxed);
}

void weir_task_figures_add_processed(weir_task_figures *figures, size_t task_index, uint64_t more)
{
    WEIR_ASSERT(task_index < figures->task_count);
    atomic_fetch_add_explicit(&figures->tasks[task_index].processed, more, memory_order_relaxed);
}

uint64_t weir_task_figures_processed(const weir_task_figures *figures, size_t task_index)
{
    WEIR_ASSERT(task_index < figures->task_count);
    return atomic_load_explicit(&figures->tasks[task_index].processed, memory_order_relaxed);
}

void weir_task_figures_add_busy_ns(weir_task_figures *figures, uint64_t more)
{
    atomic_fetch_add_explicit(&figures->busy_ns, more, memory_order_relaxed);
}

uint64_t weir_task_figures_busy_ns(const weir_task_figures *figures)
{
    return atomic_load_explicit(&figures->busy_ns, memory_order_relaxed);
}

void weir_task_figures_set_ready(weir_task_figures *figures, bool is_ready)
{
    atomic_store_explicit(&figures->is_ready, is_ready, memory_order_relaxed);
}

bool weir_task_figures_is_ready(const weir_task_figures *figures)
{
    return atomic_load_explicit(&figures->is_ready, memory_order_relaxed);
}
