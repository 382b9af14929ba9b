/* SPDX-License-Identifier: Apache-2.0
 *
 * metrics.h - counters, gauges and histograms with labels, and their Prometheus text form.
 *
 * Code on a hot path asks for its handle once and then adds: one relaxed atomic addition each.
 *
 * Ownership  A handle belongs to its registry and is valid until weir_metrics_free. Names, help
 *            and labels are copied.
 * Limits     WEIR_METRICS_SERIES_MAX series; past it handles work and are not shown, and
 *            weir_metrics_series_dropped_total counts them.
 * Threads    Any.
 */
#ifndef WEIR_STREAMS_BASE_METRICS_H
#define WEIR_STREAMS_BASE_METRICS_H

#include "streams/base/bytes.h"

enum { WEIR_METRICS_SERIES_MAX = 20000, WEIR_HISTOGRAM_BOUNDS_MAX = 24 };

typedef struct weir_metrics weir_metrics;
typedef struct weir_counter weir_counter;
typedef struct weir_gauge weir_gauge;
typedef struct weir_histogram weir_histogram;

/* name is [a-z_]+; value is any text, NULL for none. */
typedef struct weir_label {
    const char *name;
    const char *value;
} weir_label;

/* What a series is. The name ends with its unit: _total, _bytes, _seconds. */
typedef struct weir_metric_id {
    const char *name; /* "weir_records_processed_total": [a-z0-9_]+. */
    const char *help; /* One sentence. */
    const weir_label *labels;
    size_t label_count;
} weir_metric_id;

/* Where a histogram cuts: value <= bound, ascending. What is observed and the bounds are divided
 * by divisor when shown, so that durations are observed in ns and shown in seconds. */
typedef struct weir_histogram_shape {
    uint64_t bounds[WEIR_HISTOGRAM_BOUNDS_MAX];
    size_t bound_count;
    uint64_t divisor;
} weir_histogram_shape;

extern const weir_histogram_shape weir_shape_duration_ns; /* 10 us to 60 s, shown in seconds. */
extern const weir_histogram_shape weir_shape_bytes;       /* 256 B to 64 MiB. */

weir_metrics *weir_metrics_new(void);

/* Frees the registry and every handle. NULL is fine. */
void weir_metrics_free(weir_metrics *metrics);
WEIR_DEFINE_AUTO_PTR(weir_metrics);

/* The series of id, made where it is new: the same id gives the same handle. A name has one type
 * and, for a histogram, one shape. */
weir_counter *weir_metrics_counter(weir_metrics *metrics, weir_metric_id id);
weir_gauge *weir_metrics_gauge(weir_metrics *metrics, weir_metric_id id);
weir_histogram *weir_metrics_histogram(weir_metrics *metrics, weir_metric_id id,
                                       const weir_histogram_shape *shape);

/* A counter only grows; a gauge is a level; a histogram counts values by size. */
void weir_counter_add(weir_counter *counter, uint64_t more);
uint64_t weir_counter_value(const weir_counter *counter);

void weir_gauge_set(weir_gauge *gauge, int64_t value);
void weir_gauge_add(weir_gauge *gauge, int64_t more); /* more may be negative. */
int64_t weir_gauge_value(const weir_gauge *gauge);

void weir_histogram_observe(weir_histogram *histogram, uint64_t value);
uint64_t weir_histogram_count(const weir_histogram *histogram);
uint64_t weir_histogram_sum(const weir_histogram *histogram); /* Not divided. */

/* The sum of the counters or gauges called name whose label has value; label NULL: of all. 0 where
 * there are none. For people's displays: it takes a lock and walks the series. */
int64_t weir_metrics_sum(weir_metrics *metrics, const char *name, const weir_label *label);

/* Appends every series in Prometheus' text format 0.0.4, names in order of first use. Series that
 * change meanwhile are shown before or after the change. */
void weir_metrics_expose(weir_metrics *metrics, weir_buf *to);

#endif
