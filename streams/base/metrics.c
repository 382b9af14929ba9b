/* SPDX-License-Identifier: Apache-2.0
 *
 * metrics.c - families (one name, one type) of series (one set of labels), and their atomics.
 *
 *   weir_tasks{app="a"} 3                family weir_tasks -> series app="a" -> value
 *   weir_tasks{app="b"} 5                                  -> series app="b" -> value
 *
 * The lock guards the tables of families and series, which only grow; a handle never moves. Values
 * are relaxed atomics, for each stands alone and nobody draws conclusions from their order. The
 * label text of a series is rendered once and is also its key.
 */
#include "streams/base/metrics.h"

#include "streams/base/map.h"
#include "streams/base/status.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

typedef enum family_type { TYPE_COUNTER, TYPE_GAUGE, TYPE_HISTOGRAM } family_type;

struct weir_counter {
    atomic_uint_fast64_t value;
};

struct weir_gauge {
    atomic_int_fast64_t value;
};

struct weir_histogram {
    const weir_histogram_shape *shape;
    atomic_uint_fast64_t sum;
    atomic_uint_fast64_t buckets[WEIR_HISTOGRAM_BOUNDS_MAX + 1]; /* Not cumulative; last: above. */
};

typedef struct series {
    char *labels; /* a="1",b="2" with values escaped; empty where there are none. */
    union {
        weir_counter counter;
        weir_gauge gauge;
        weir_histogram histogram;
    } as;
} series;

typedef struct family {
    char *name;
    char *help;
    family_type type;
    weir_histogram_shape shape;
    weir_map *by_labels; /* label text -> series */
    series *hidden;      /* Takes what comes past the limit. */
} family;

struct weir_metrics {
    pthread_mutex_t lock;
    weir_map *families; /* name -> family */
    size_t series_count;
    weir_counter *dropped;
};

const weir_histogram_shape weir_shape_duration_ns = {
    .bounds = {10000,       25000,       50000,      100000,     250000,     500000,
               1000000,     2500000,     5000000,    10000000,   25000000,   50000000,
               100000000,   250000000,   500000000,  1000000000, 2500000000, 5000000000,
               10000000000, 30000000000, 60000000000},
    .bound_count = 21,
    .divisor = 1000000000,
};

const weir_histogram_shape weir_shape_bytes = {
    .bounds = {256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864},
    .bound_count = 10,
    .divisor = 1,
};

static void take_lock(weir_metrics *metrics)
{
    int failed = pthread_mutex_lock(&metrics->lock);
    WEIR_ASSERT(failed == 0);
}

static void give_lock(weir_metrics *metrics)
{
    int failed = pthread_mutex_unlock(&metrics->lock);
    WEIR_ASSERT(failed == 0);
}

weir_metrics *weir_metrics_new(void)
{
    weir_metrics *metrics = weir_alloc(sizeof *metrics);
    int failed = pthread_mutex_init(&metrics->lock, NULL);
    WEIR_ASSERT(failed == 0);
    metrics->families = weir_map_new();
    metrics->dropped = weir_metrics_counter(
        metrics, (weir_metric_id){.name = "weir_metrics_series_dropped_total",
                                  .help = "Series that are not shown, for there are too many."});
    return metrics;
}

static void series_free(series *one)
{
    free(one->labels);
    free(one);
}

static void family_free(family *kin)
{
    size_t position = 0;
    void *at;
    while (weir_map_next(kin->by_labels, &position, NULL, &at)) {
        series_free(at);
    }
    weir_map_free(kin->by_labels);
    if (kin->hidden != NULL) {
        series_free(kin->hidden);
    }
    free(kin->name);
    free(kin->help);
    free(kin);
}

void weir_metrics_free(weir_metrics *metrics)
{
    if (metrics == NULL) {
        return;
    }
    size_t position = 0;
    void *at;
    while (weir_map_next(metrics->families, &position, NULL, &at)) {
        family_free(at);
    }
    weir_map_free(metrics->families);
    pthread_mutex_destroy(&metrics->lock);
    free(metrics);
}

static bool is_name(const char *text)
{
    return text != NULL && text[0] != '\0' &&
           text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_")] == '\0';
}

/* In a HELP line and in a label value: backslash and line feed; in a value the quote too. */
static void append_escaped(weir_buf *to, const char *text, bool in_quotes)
{
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '\n') {
            weir_buf_append_text(to, "\\n");
            continue;
        }
        if (*at == '\\' || (in_quotes && *at == '"')) {
            weir_buf_append_byte(to, '\\');
        }
        weir_buf_append_byte(to, (uint8_t)*at);
    }
}

static void append_labels(weir_buf *to, weir_metric_id id)
{
    for (size_t i = 0; i < id.label_count; i++) {
        WEIR_ASSERT(is_name(id.labels[i].name));
        if (id.labels[i].value == NULL) {
            continue;
        }
        weir_buf_append_format(to, "%s%s=\"", to->size == 0 ? "" : ",", id.labels[i].name);
        append_escaped(to, id.labels[i].value, true);
        weir_buf_append_byte(to, '"');
    }
}

/* Under the lock. */
static family *find_family(weir_metrics *metrics, weir_metric_id id, family_type type)
{
    WEIR_ASSERT(is_name(id.name));
    WEIR_ASSERT(id.help != NULL);

    family *kin = weir_map_get(metrics->families, weir_bytes_of_text(id.name));
    if (kin == NULL) {
        kin = weir_alloc(sizeof *kin);
        *kin = (family){.name = weir_strdup(id.name), .help = weir_strdup(id.help), .type = type};
        kin->by_labels = weir_map_new();
        weir_map_put(metrics->families, weir_bytes_of_text(id.name), kin);
    }
    WEIR_ASSERT(kin->type == type);
    return kin;
}

/* Under the lock: one series for all that come past the limit. */
static series *hidden_series(weir_metrics *metrics, family *kin)
{
    weir_counter_add(metrics->dropped, 1);
    if (kin->hidden == NULL) {
        kin->hidden = weir_alloc(sizeof *kin->hidden);
    }
    return kin->hidden;
}

/* Under the lock. */
static series *find_series(weir_metrics *metrics, family *kin, weir_metric_id id)
{
    WEIR_AUTO(weir_buf) labels = {0};
    append_labels(&labels, id);
    series *one = weir_map_get(kin->by_labels, weir_buf_bytes(&labels));
    if (one != NULL) {
        return one;
    }
    if (metrics->series_count == WEIR_METRICS_SERIES_MAX) {
        return hidden_series(metrics, kin);
    }
    metrics->series_count++;
    one = weir_alloc(sizeof *one);
    one->labels = weir_strdup(weir_buf_text(&labels));
    weir_map_put(kin->by_labels, weir_buf_bytes(&labels), one);
    return one;
}

weir_counter *weir_metrics_counter(weir_metrics *metrics, weir_metric_id id)
{
    take_lock(metrics);
    series *one = find_series(metrics, find_family(metrics, id, TYPE_COUNTER), id);
    give_lock(metrics);
    return &one->as.counter;
}

weir_gauge *weir_metrics_gauge(weir_metrics *metrics, weir_metric_id id)
{
    take_lock(metrics);
    series *one = find_series(metrics, find_family(metrics, id, TYPE_GAUGE), id);
    give_lock(metrics);
    return &one->as.gauge;
}

weir_histogram *weir_metrics_histogram(weir_metrics *metrics, weir_metric_id id,
                                       const weir_histogram_shape *shape)
{
    WEIR_ASSERT(shape->bound_count > 0 && shape->bound_count <= WEIR_HISTOGRAM_BOUNDS_MAX);
    WEIR_ASSERT(shape->divisor > 0);

    take_lock(metrics);
    family *kin = find_family(metrics, id, TYPE_HISTOGRAM);
    if (kin->shape.bound_count == 0) {
        kin->shape = *shape;
    }
    WEIR_ASSERT(memcmp(&kin->shape, shape, sizeof *shape) == 0);
    series *one = find_series(metrics, kin, id);
    if (one->as.histogram.shape == NULL) { /* Else other threads may be reading it. */
        one->as.histogram.shape = &kin->shape;
    }
    give_lock(metrics);
    return &one->as.histogram;
}

void weir_counter_add(weir_counter *counter, uint64_t more)
{
    atomic_fetch_add_explicit(&counter->value, more, memory_order_relaxed);
}

uint64_t weir_counter_value(const weir_counter *counter)
{
    return atomic_load_explicit(&counter->value, memory_order_relaxed);
}

void weir_gauge_set(weir_gauge *gauge, int64_t value)
{
    atomic_store_explicit(&gauge->value, value, memory_order_relaxed);
}

void weir_gauge_add(weir_gauge *gauge, int64_t more)
{
    atomic_fetch_add_explicit(&gauge->value, more, memory_order_relaxed);
}

int64_t weir_gauge_value(const weir_gauge *gauge)
{
    return atomic_load_explicit(&gauge->value, memory_order_relaxed);
}

void weir_histogram_observe(weir_histogram *histogram, uint64_t value)
{
    const weir_histogram_shape *shape = histogram->shape;
    size_t bucket = 0;
    while (bucket < shape->bound_count && value > shape->bounds[bucket]) {
        bucket++;
    }
    atomic_fetch_add_explicit(&histogram->buckets[bucket], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&histogram->sum, value, memory_order_relaxed);
}

static uint64_t bucket_count(const weir_histogram *histogram, size_t bucket)
{
    return atomic_load_explicit(&histogram->buckets[bucket], memory_order_relaxed);
}

uint64_t weir_histogram_count(const weir_histogram *histogram)
{
    uint64_t count = 0;
    for (size_t i = 0; i <= histogram->shape->bound_count; i++) {
        count += bucket_count(histogram, i);
    }
    return count;
}

uint64_t weir_histogram_sum(const weir_histogram *histogram)
{
    return atomic_load_explicit(&histogram->sum, memory_order_relaxed);
}

static double divided(const weir_histogram *histogram, uint64_t value)
{
    return (double)value / (double)histogram->shape->divisor;
}

/* The count is the last cumulative bucket, so that both agree whatever is observed meanwhile. */
static void expose_histogram(const family *kin, const series *one, weir_buf *to)
{
    const weir_histogram *histogram = &one->as.histogram;
    const char *comma = one->labels[0] == '\0' ? "" : ",";
    uint64_t below = 0;
    for (size_t i = 0; i < histogram->shape->bound_count; i++) {
        below += bucket_count(histogram, i);
        weir_buf_append_format(to, "%s_bucket{%s%sle=\"%g\"} %" PRIu64 "\n", kin->name, one->labels,
                               comma, divided(histogram, histogram->shape->bounds[i]), below);
    }
    below += bucket_count(histogram, histogram->shape->bound_count);
    weir_buf_append_format(to, "%s_bucket{%s%sle=\"+Inf\"} %" PRIu64 "\n", kin->name, one->labels,
                           comma, below);
    const char *open = one->labels[0] == '\0' ? "" : "{";
    const char *close = one->labels[0] == '\0' ? "" : "}";
    weir_buf_append_format(to, "%s_sum%s%s%s %.17g\n", kin->name, open, one->labels, close,
                           divided(histogram, weir_histogram_sum(histogram)));
    weir_buf_append_format(to, "%s_count%s%s%s %" PRIu64 "\n", kin->name, open, one->labels, close,
                           below);
}

static void expose_series(const family *kin, const series *one, weir_buf *to)
{
    if (kin->type == TYPE_HISTOGRAM) {
        expose_histogram(kin, one, to);
        return;
    }
    weir_buf_append_text(to, kin->name);
    if (one->labels[0] != '\0') {
        weir_buf_append_format(to, "{%s}", one->labels);
    }
    if (kin->type == TYPE_COUNTER) {
        weir_buf_append_format(to, " %" PRIu64 "\n", weir_counter_value(&one->as.counter));
    } else {
        weir_buf_append_format(to, " %" PRId64 "\n", weir_gauge_value(&one->as.gauge));
    }
}

void weir_metrics_expose(weir_metrics *metrics, weir_buf *to)
{
    static const char *const type_names[] = {"counter", "gauge", "histogram"};
    take_lock(metrics);
    size_t family_position = 0;
    void *at_family;
    while (weir_map_next(metrics->families, &family_position, NULL, &at_family)) {
        const family *kin = at_family;
        weir_buf_append_format(to, "# HELP %s ", kin->name);
        append_escaped(to, kin->help, false);
        weir_buf_append_format(to, "\n# TYPE %s %s\n", kin->name, type_names[kin->type]);
        size_t position = 0;
        void *at;
        while (weir_map_next(kin->by_labels, &position, NULL, &at)) {
            expose_series(kin, at, to);
        }
    }
    give_lock(metrics);
}

/* Whether wanted (name="value", or nothing) is one of labels. A quote inside a value is escaped, so
 * what follows a comma or the start is the name of a label. */
static bool has_label(const char *labels, const char *wanted)
{
    const char *at = strstr(labels, wanted);
    while (at != NULL && at != labels && at[-1] != ',') {
        at = strstr(at + 1, wanted);
    }
    return at != NULL;
}

int64_t weir_metrics_sum(weir_metrics *metrics, const char *name, const weir_label *label)
{
    WEIR_AUTO(weir_buf) wanted = {0};
    if (label != NULL) {
        weir_buf_append_format(&wanted, "%s=\"", label->name);
        append_escaped(&wanted, label->value, true);
        weir_buf_append_byte(&wanted, '"');
    }
    take_lock(metrics);
    int64_t sum = 0;
    const family *kin = weir_map_get(metrics->families, weir_bytes_of_text(name));
    size_t position = 0;
    void *at;
    while (kin != NULL && kin->type != TYPE_HISTOGRAM &&
           weir_map_next(kin->by_labels, &position, NULL, &at)) {
        const series *one = at;
        if (has_label(one->labels, weir_buf_text(&wanted))) {
            sum += kin->type == TYPE_COUNTER ? (int64_t)weir_counter_value(&one->as.counter)
                                             : weir_gauge_value(&one->as.gauge);
        }
    }
    give_lock(metrics);
    return sum;
}
