/* SPDX-License-Identifier: Apache-2.0
 *
 * memory_metrics.c - the gauges of memory. Those of uncommitted and of committed writes are shown a
 * task (task_metrics.c).
 */
#include "streams/memory_metrics.h"

#include "streams/memory_shares.h"

enum { SHOW_INTERVAL_MS = 1000 };

static void show_limits(weir_metrics *registry, const weir_config *config)
{
    const char *setting = NULL;
    int64_t bytes = 0;
    for (size_t i = 0; (setting = weir_memory_share(config, i, &bytes)) != NULL; i++) {
        const weir_label labels[] = {{"application_id", config->application_id},
                                     {"setting", setting}};
        weir_gauge_set(
            weir_metrics_gauge(registry, (weir_metric_id){"weir_memory_limit_bytes",
                                                          "What a part may take, of all workers.",
                                                          labels, WEIR_COUNT_OF(labels)}),
            bytes);
    }
}

static weir_gauge *database_gauge(weir_metrics *registry, const char *part)
{
    const weir_label label = {"part", part};
    return weir_metrics_gauge(registry,
                              (weir_metric_id){"weir_database_memory_bytes",
                                               "What the state database takes now.", &label, 1});
}

void weir_memory_metrics_init(weir_memory_metrics *metrics, weir_metrics *registry,
                              const weir_config *config, const weir_database *database)
{
    *metrics = (weir_memory_metrics){0};
    if (registry == NULL) {
        return;
    }
    show_limits(registry, config);
    if (database != NULL) {
        metrics->rows = database_gauge(registry, "rows");
        metrics->blocks = database_gauge(registry, "blocks");
        metrics->write_buffers = database_gauge(registry, "write_buffers");
        metrics->tables = database_gauge(registry, "tables");
        metrics->row_file = weir_metrics_gauge(
            registry, (weir_metric_id){"weir_row_file_bytes",
                                       "The file for rows that memory does not hold.", NULL, 0});
        metrics->row_file_failure = weir_metrics_gauge(
            registry,
            (weir_metric_id){"weir_row_file_failure",
                             "The errno for which that file is used no more, or 0.", NULL, 0});
    }
}

void weir_memory_metrics_step(weir_memory_metrics *metrics, weir_database *database, int64_t now_ms)
{
    if (metrics->rows == NULL || now_ms - metrics->shown_ms < SHOW_INTERVAL_MS) {
        return;
    }
    metrics->shown_ms = now_ms;
    const weir_database_memory memory = weir_database_memory_now(database);
    weir_gauge_set(metrics->rows, (int64_t)memory.row_bytes);
    weir_gauge_set(metrics->blocks, (int64_t)memory.block_bytes);
    weir_gauge_set(metrics->write_buffers, (int64_t)memory.write_buffer_bytes);
    weir_gauge_set(metrics->tables, (int64_t)memory.table_bytes);
    weir_gauge_set(metrics->row_file, (int64_t)memory.row_file_bytes);
    weir_gauge_set(metrics->row_file_failure, memory.row_file_failure);
}
