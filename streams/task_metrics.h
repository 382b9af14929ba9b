/* SPDX-License-Identifier: Apache-2.0
 *
 * task_metrics.h - what a task counts; docs/METRICS.md lists the names. Without a registry every
 * call does nothing.
 *
 * Ownership  The registry owns the series.
 * Threads    The worker's.
 */
#ifndef WEIR_STREAMS_TASK_METRICS_H
#define WEIR_STREAMS_TASK_METRICS_H

#include "streams/base/metrics.h"
#include "streams/task.h"

typedef struct weir_task_metrics {
    weir_counter *dropped;
    weir_counter *fired;
    weir_counter *dead_letters;
    weir_gauge *lag;
    weir_gauge *async;
    weir_gauge *staged;
    weir_gauge *committed;
    weir_histogram *e2e;
} weir_task_metrics;

/* Of one store of the task; made with its first iterator. */
typedef struct weir_store_metrics {
    weir_gauge *open_iterators;
    weir_gauge *oldest_iterator;
} weir_store_metrics;

/* Makes the series of the task; those of a node. */
void weir_task_make_metrics(weir_task *task);
void weir_task_make_node_metrics(weir_context *context);

/* The iterators of store are measured from now on. */
struct weir_task_store;
void weir_task_store_measure_iterators(struct weir_task_store *store);

/* A record was skipped. */
void weir_task_count_refused(weir_task *task, bool is_dead_letter);

/* Timers fired, or rows have ended. */
void weir_task_count_fired(weir_task *task, size_t count);

/* Adds what was counted since the last commit to the counters. */
void weir_task_publish_metrics(weir_task *task);

/* Sets the levels: lag, deferred records, bytes, iterators. Asks the consumer for each input. */
void weir_task_publish_levels(weir_task *task);

/* Sets the levels to zero: the task is not here any more. */
void weir_task_clear_levels(weir_task *task);

#endif
