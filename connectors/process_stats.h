/* SPDX-License-Identifier: Apache-2.0
 *
 * process_stats.h - what the kernel says of this process, for /metrics.
 *
 * Errors     WEIR_IO where /proc is not to be read.
 * Threads    Any.
 */
#ifndef WEIR_CONNECTORS_PROCESS_STATS_H
#define WEIR_CONNECTORS_PROCESS_STATS_H

#include "streams/base/bytes.h"
#include "streams/base/status.h"

/* Durations are seconds, as Prometheus wants them. */
typedef struct weir_process_stats {
    double cpu_seconds;        /* User and system. */
    double start_time_seconds; /* Since 1970. */
    uint64_t resident_bytes;
    uint64_t virtual_bytes;
    uint64_t thread_count;
    uint64_t open_fds;
    uint64_t max_fds;
} weir_process_stats;

/* Reads them now. */
weir_status weir_process_stats_read(weir_process_stats *out_stats, weir_error *err);

/* Appends them in Prometheus' text format, under the names that every client library uses. */
void weir_process_stats_expose(const weir_process_stats *stats, weir_buf *to);

#endif
