/* SPDX-License-Identifier: Apache-2.0
 *
 * thread_metrics.c - the tables of names; their order is that of the enums.
 */
#include "streams/thread_metrics.h"

#include "streams/base/status.h"

#include <inttypes.h>
#include <stdio.h>

typedef struct series_name {
    const char *name;
    const char *help;
} series_name;

static const series_name count_names[WEIR_THREAD_COUNTS] = {
    [WEIR_COUNT_PROCESS_RECORDS] = {"weir_stream_thread_process_records_total",
                                    "Records processed."},
    [WEIR_COUNT_POLL_RECORDS] = {"weir_stream_thread_poll_records_total",
                                 "Records read from source topics."},
    [WEIR_COUNT_RESTORE_RECORDS] = {"weir_stream_thread_restore_records_total",
                                    "Changelog records restored."},
    [WEIR_COUNT_RESTORE_OUTDATED] = {"weir_stream_thread_restore_outdated_records_total",
                                     "Changelog records of former owners, written too late."},
    [WEIR_COUNT_RESTORE_REFUSED] = {"weir_stream_thread_restore_refused_records_total",
                                    "Changelog records left out: not of their store's format."},
    [WEIR_COUNT_STANDBY_RECORDS] = {"weir_stream_thread_standby_update_records_total",
                                    "Changelog records that standbys took in."},
    [WEIR_COUNT_COMMITS] = {"weir_stream_thread_commit_total", "Commits that had something."},
    [WEIR_COUNT_PUNCTUATIONS] = {"weir_stream_thread_punctuate_total", "Punctuations run."},
    [WEIR_COUNT_ROLLBACKS] = {"weir_stream_thread_rollback_total",
                              "Returns to the last commit after a failure."},
    [WEIR_COUNT_TASKS_CREATED] = {"weir_stream_thread_task_created_total", "Tasks opened."},
    [WEIR_COUNT_TASKS_CLOSED] = {"weir_stream_thread_task_closed_total",
                                 "Tasks closed, dropped or lost."},
};

static const series_name level_names[WEIR_THREAD_LEVELS] = {
    [WEIR_LEVEL_TASKS] = {"weir_stream_thread_tasks", "Tasks that the worker owns."},
    [WEIR_LEVEL_RESTORE_REMAINING] = {"weir_stream_thread_restore_remaining_records",
                                      "Changelog offsets still to restore."},
    [WEIR_LEVEL_RESTORING_TASKS] = {"weir_stream_thread_active_restoring_tasks",
                                    "Tasks that restore before they run."},
    [WEIR_LEVEL_STANDBY_TASKS] = {"weir_stream_thread_standby_updating_tasks",
                                  "Standbys that follow their changelogs."},
    [WEIR_LEVEL_STANDBY_LAG] = {"weir_stream_thread_standby_lag_records",
                                "Changelog offsets that the standbys are behind."},
};

static const series_name duration_names[WEIR_THREAD_DURATIONS] = {
    [WEIR_DURATION_POLL] = {"weir_stream_thread_poll_latency_seconds",
                            "Time to take in what the consumer had, where it had something."},
    [WEIR_DURATION_PROCESS] = {"weir_stream_thread_process_latency_seconds",
                               "Time of a pass spent on records, where there were some."},
    [WEIR_DURATION_PUNCTUATE] = {"weir_stream_thread_punctuate_latency_seconds",
                                 "Time of a pass spent on punctuations, where some were due."},
    [WEIR_DURATION_COMMIT] = {"weir_stream_thread_commit_latency_seconds",
                              "Time of a commit: flush, broker, state."},
    [WEIR_DURATION_RESTORE] = {"weir_stream_thread_restore_latency_seconds",
                               "Time of a slice of restore that had records."},
    [WEIR_DURATION_APPLY] = {"weir_stream_thread_apply_latency_seconds",
                             "Time to put committed state into the database."},
};

void weir_thread_metrics_init(weir_thread_metrics *metrics, weir_metrics *registry,
                              const char *application_id, int32_t index)
{
    *metrics = (weir_thread_metrics){0};
    if (registry == NULL) {
        return;
    }
    char thread_id[16];
    (void)snprintf(thread_id, sizeof(thread_id), "%" PRId32, index);
    const weir_label labels[] = {{"application_id", application_id}, {"thread_id", thread_id}};
    weir_metric_id id = {.labels = labels, .label_count = WEIR_COUNT_OF(labels)};
    for (size_t i = 0; i < WEIR_THREAD_COUNTS; i++) {
        id.name = count_names[i].name;
        id.help = count_names[i].help;
        metrics->counts[i] = weir_metrics_counter(registry, id);
    }
    for (size_t i = 0; i < WEIR_THREAD_LEVELS; i++) {
        id.name = level_names[i].name;
        id.help = level_names[i].help;
        metrics->levels[i] = weir_metrics_gauge(registry, id);
    }
    for (size_t i = 0; i < WEIR_THREAD_DURATIONS; i++) {
        id.name = duration_names[i].name;
        id.help = duration_names[i].help;
        metrics->durations[i] = weir_metrics_histogram(registry, id, &weir_shape_duration_ns);
    }
}

void weir_thread_metrics_add(weir_thread_metrics *metrics, weir_thread_count which, uint64_t more)
{
    WEIR_ASSERT(which < WEIR_THREAD_COUNTS);
    if (metrics->counts[which] != NULL && more > 0) {
        weir_counter_add(metrics->counts[which], more);
    }
}

void weir_thread_metrics_set(weir_thread_metrics *metrics, weir_thread_level which, int64_t value)
{
    WEIR_ASSERT(which < WEIR_THREAD_LEVELS);
    if (metrics->levels[which] != NULL) {
        weir_gauge_set(metrics->levels[which], value);
    }
}

uint64_t weir_thread_metrics_now_ns(const weir_thread_metrics *metrics)
{
    return metrics->monotonic_ns == NULL ? 0 : metrics->monotonic_ns();
}

void weir_thread_metrics_took(weir_thread_metrics *metrics, weir_thread_duration which,
                              uint64_t started_ns)
{
    WEIR_ASSERT(which < WEIR_THREAD_DURATIONS);
    if (metrics->durations[which] != NULL && metrics->monotonic_ns != NULL) {
        weir_histogram_observe(metrics->durations[which], metrics->monotonic_ns() - started_ns);
    }
}
