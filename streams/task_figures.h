/* SPDX-License-Identifier: Apache-2.0
 *
 * task_figures.h - what a worker tells of its load and of its tasks' changelogs, for the
 * coordinator to read without asking: a question would wait for a slow record.
 *
 * Each figure is right by itself; two of them may be of different moments.
 *
 * Threads    The worker sets; any thread gets.
 */
#ifndef WEIR_STREAMS_TASK_FIGURES_H
#define WEIR_STREAMS_TASK_FIGURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WEIR_FIGURE_UNKNOWN = -1 };

typedef struct weir_task_figures weir_task_figures;

/* Every changelog figure unknown, the rest zero. */
weir_task_figures *weir_task_figures_new(size_t task_count);
void weir_task_figures_free(weir_task_figures *figures); /* NULL is fine. */

/* Where a task stands in its changelogs: offsets behind their ends; the sum of its positions. */
void weir_task_figures_set_changelog(weir_task_figures *figures, size_t task_index, int64_t lag,
                                     int64_t position);
int64_t weir_task_figures_lag(const weir_task_figures *figures, size_t task_index);
int64_t weir_task_figures_position(const weir_task_figures *figures, size_t task_index);

/* Records that this worker has processed for a task; only grows, whoever has the task meanwhile. */
void weir_task_figures_add_processed(weir_task_figures *figures, size_t task_index, uint64_t more);
uint64_t weir_task_figures_processed(const weir_task_figures *figures, size_t task_index);

/* Whether a task that the worker gets would begin at once: the global tables are read. */
void weir_task_figures_set_ready(weir_task_figures *figures, bool is_ready);
bool weir_task_figures_is_ready(const weir_task_figures *figures);

/* Time that the worker spent in passes that found work, in ns; only grows. */
void weir_task_figures_add_busy_ns(weir_task_figures *figures, uint64_t more);
uint64_t weir_task_figures_busy_ns(const weir_task_figures *figures);

#endif
