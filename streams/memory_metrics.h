/* SPDX-License-Identifier: Apache-2.0
 *
 * memory_metrics.h - what the parts of the memory budget may take, and what the database does.
 *
 * Ownership  The registry owns the series.
 * Threads    The coordinator's.
 */
#ifndef WEIR_STREAMS_MEMORY_METRICS_H
#define WEIR_STREAMS_MEMORY_METRICS_H

#include "statestore/task_state.h"
#include "streams/base/metrics.h"
#include "streams/config.h"

typedef struct weir_memory_metrics {
    weir_gauge *rows; /* NULL: there is no registry, or no database. */
    weir_gauge *blocks;
    weir_gauge *write_buffers;
    weir_gauge *tables;
    weir_gauge *row_file;
    weir_gauge *row_file_failure;
    int64_t shown_ms;
} weir_memory_metrics;

/* Shows the limits of config, once. registry or database NULL: what they are for is not shown. */
void weir_memory_metrics_init(weir_memory_metrics *metrics, weir_metrics *registry,
                              const weir_config *config, const weir_database *database);

/* Shows what the database takes, at most once a second. */
void weir_memory_metrics_step(weir_memory_metrics *metrics, weir_database *database,
                              int64_t now_ms);

#endif
