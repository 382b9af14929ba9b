/* SPDX-License-Identifier: Apache-2.0
 *
 * thread_metrics.h - what a worker counts and measures; docs/METRICS.md lists the names.
 *
 * Counts are added and levels set once a pass or more rarely, never for each record. Durations are
 * measured only where a clock is given: an application that is stepped has none.
 *
 * Ownership  The registry owns the series; without a registry every call does nothing.
 * Threads    The worker's.
 */
#ifndef WEIR_STREAMS_THREAD_METRICS_H
#define WEIR_STREAMS_THREAD_METRICS_H

#include "streams/base/metrics.h"

typedef enum weir_thread_count {
    WEIR_COUNT_PROCESS_RECORDS,
    WEIR_COUNT_POLL_RECORDS,
    WEIR_COUNT_RESTORE_RECORDS,
    WEIR_COUNT_RESTORE_OUTDATED,
    WEIR_COUNT_RESTORE_REFUSED,
    WEIR_COUNT_STANDBY_RECORDS,
    WEIR_COUNT_COMMITS,
    WEIR_COUNT_PUNCTUATIONS,
    WEIR_COUNT_ROLLBACKS,
    WEIR_COUNT_TASKS_CREATED,
    WEIR_COUNT_TASKS_CLOSED,
    WEIR_THREAD_COUNTS,
} weir_thread_count;

typedef enum weir_thread_level {
    WEIR_LEVEL_TASKS,
    WEIR_LEVEL_RESTORE_REMAINING,
    WEIR_LEVEL_RESTORING_TASKS,
    WEIR_LEVEL_STANDBY_TASKS,
    WEIR_LEVEL_STANDBY_LAG,
    WEIR_THREAD_LEVELS,
} weir_thread_level;

typedef enum weir_thread_duration {
    WEIR_DURATION_POLL,
    WEIR_DURATION_PROCESS,
    WEIR_DURATION_PUNCTUATE,
    WEIR_DURATION_COMMIT,
    WEIR_DURATION_RESTORE,
    WEIR_DURATION_APPLY,
    WEIR_THREAD_DURATIONS,
} weir_thread_duration;

typedef struct weir_thread_metrics {
    weir_counter *counts[WEIR_THREAD_COUNTS];
    weir_gauge *levels[WEIR_THREAD_LEVELS];
    weir_histogram *durations[WEIR_THREAD_DURATIONS];
    uint64_t (*monotonic_ns)(void); /* NULL: durations are not measured. */
} weir_thread_metrics;

/* The series of worker index of an application; registry NULL: none. */
void weir_thread_metrics_init(weir_thread_metrics *metrics, weir_metrics *registry,
                              const char *application_id, int32_t index);

/* Both once a pass or more rarely. */
void weir_thread_metrics_add(weir_thread_metrics *metrics, weir_thread_count which, uint64_t more);
void weir_thread_metrics_set(weir_thread_metrics *metrics, weir_thread_level which, int64_t value);

/* The start of something, for weir_thread_metrics_took; 0 where nothing is measured. */
uint64_t weir_thread_metrics_now_ns(const weir_thread_metrics *metrics);
void weir_thread_metrics_took(weir_thread_metrics *metrics, weir_thread_duration which,
                              uint64_t started_ns);

#endif
