/* SPDX-License-Identifier: Apache-2.0
 *
 * What code counts is what /metrics shows, in Prometheus' own grammar (streams/base/metrics.c).
 */
#include "streams/base/metrics.h"
#include "tests/harness/check.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

static const weir_metric_id records = {.name = "weir_records_total", .help = "Records read."};

TEST(same_name_and_labels_give_the_same_handle)
{
    WEIR_AUTO_PTR(weir_metrics) metrics = weir_metrics_new();
    weir_label task = {"task", "0_1"};
    weir_metric_id labelled = records;
    labelled.labels = &task;
    labelled.label_count = 1;

    CHECK(weir_metrics_counter(metrics, records) == weir_metrics_counter(metrics, records));
    CHECK(weir_metrics_counter(metrics, labelled) == weir_metrics_counter(metrics, labelled));
    CHECK(weir_metrics_counter(metrics, labelled) != weir_metrics_counter(metrics, records));
    task.value = "0_2";
    CHECK_I64(weir_counter_value(weir_metrics_counter(metrics, labelled)), ==, 0);
}

TEST(label_without_a_value_is_left_out)
{
    WEIR_AUTO_PTR(weir_metrics) metrics = weir_metrics_new();
    weir_label task = {"task", NULL};
    weir_metric_id labelled = records;
    labelled.labels = &task;
    labelled.label_count = 1;
    CHECK(weir_metrics_counter(metrics, labelled) == weir_metrics_counter(metrics, records));
}

static const char *exposed(weir_metrics *metrics, weir_buf *to)
{
    weir_buf_clear(to);
    weir_metrics_expose(metrics, to);
    const char *dropped_end = strstr(weir_buf_text(to), "dropped_total 0\n");
    CHECK(dropped_end != NULL);
    return dropped_end + strlen("dropped_total 0\n");
}

TEST(text_names_type_and_help_and_escapes_labels)
{
    WEIR_AUTO_PTR(weir_metrics) metrics = weir_metrics_new();
    WEIR_AUTO(weir_buf) text = {0};
    weir_label labels[] = {{"topic", "a\"b\\c\nd"}, {"task", "0_0"}};
    weir_metric_id lag = {"weir_lag", "Records\nnot \"yet\" read.", labels, 2};
    weir_counter_add(weir_metrics_counter(metrics, records), 3);
    weir_counter_add(weir_metrics_counter(metrics, records), 4);
    weir_gauge *gauge = weir_metrics_gauge(metrics, lag);
    weir_gauge_set(gauge, 5);
    weir_gauge_add(gauge, -7);
    CHECK_I64(weir_gauge_value(gauge), ==, -2);

    CHECK_STR(exposed(metrics, &text), "# HELP weir_records_total Records read.\n"
                                       "# TYPE weir_records_total counter\n"
                                       "weir_records_total 7\n"
                                       "# HELP weir_lag Records\\nnot \"yet\" read.\n"
                                       "# TYPE weir_lag gauge\n"
                                       "weir_lag{topic=\"a\\\"b\\\\c\\nd\",task=\"0_0\"} -2\n");
}

TEST(histogram_buckets_are_cumulative_and_in_the_shown_unit)
{
    WEIR_AUTO_PTR(weir_metrics) metrics = weir_metrics_new();
    WEIR_AUTO(weir_buf) text = {0};
    const weir_histogram_shape shape = {.bounds = {1000, 2000}, .bound_count = 2, .divisor = 1000};
    weir_label label = {"op", "get"};
    weir_metric_id id = {"weir_op_seconds", "Time.", &label, 1};
    weir_histogram *histogram = weir_metrics_histogram(metrics, id, &shape);
    weir_histogram_observe(histogram, 1000);
    weir_histogram_observe(histogram, 1001);
    weir_histogram_observe(histogram, 9499);
    CHECK_I64(weir_histogram_count(histogram), ==, 3);
    CHECK_I64(weir_histogram_sum(histogram), ==, 11500);

    CHECK_STR(exposed(metrics, &text), "# HELP weir_op_seconds Time.\n"
                                       "# TYPE weir_op_seconds histogram\n"
                                       "weir_op_seconds_bucket{op=\"get\",le=\"1\"} 1\n"
                                       "weir_op_seconds_bucket{op=\"get\",le=\"2\"} 2\n"
                                       "weir_op_seconds_bucket{op=\"get\",le=\"+Inf\"} 3\n"
                                       "weir_op_seconds_sum{op=\"get\"} 11.5\n"
                                       "weir_op_seconds_count{op=\"get\"} 3\n");
}

TEST(common_shapes_have_ascending_bounds)
{
    const weir_histogram_shape *shapes[] = {&weir_shape_duration_ns, &weir_shape_bytes};
    for (size_t i = 0; i < WEIR_COUNT_OF(shapes); i++) {
        for (size_t bound = 1; bound < shapes[i]->bound_count; bound++) {
            CHECK(shapes[i]->bounds[bound - 1] < shapes[i]->bounds[bound]);
        }
    }
}

TEST(series_past_the_limit_count_on_unseen)
{
    WEIR_AUTO_PTR(weir_metrics) metrics = weir_metrics_new();
    WEIR_AUTO(weir_buf) text = {0};
    char value[32];
    weir_label label = {"host", value};
    weir_metric_id id = {"weir_hosts", "One a host.", &label, 1};
    for (int i = 0; i < WEIR_METRICS_SERIES_MAX + 5; i++) {
        (void)snprintf(value, sizeof value, "h%d", i);
        weir_gauge_set(weir_metrics_gauge(metrics, id), i);
    }
    weir_metrics_expose(metrics, &text);
    /* The drop counter is a series too, so six did not fit. */
    CHECK(strstr(weir_buf_text(&text), "weir_metrics_series_dropped_total 6\n") != NULL);
    CHECK(strstr(weir_buf_text(&text), "host=\"h20004\"") == NULL);
}

enum { THREADS = 4, ADDITIONS = 20000 };

static void *count_much(void *argument)
{
    weir_metrics *metrics = argument;
    weir_metric_id time = {.name = "weir_op_seconds", .help = "Time."};
    weir_counter *counter = weir_metrics_counter(metrics, records);
    weir_histogram *histogram = weir_metrics_histogram(metrics, time, &weir_shape_duration_ns);
    WEIR_AUTO(weir_buf) text = {0};
    for (int i = 0; i < ADDITIONS; i++) {
        weir_counter_add(counter, 1);
        weir_histogram_observe(histogram, (uint64_t)i * 1000);
    }
    weir_metrics_expose(metrics, &text);
    return NULL;
}

TEST(nothing_is_lost_when_threads_count_together)
{
    WEIR_AUTO_PTR(weir_metrics) metrics = weir_metrics_new();
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        CHECK_I64(pthread_create(&threads[i], NULL, count_much, metrics), ==, 0);
    }
    for (int i = 0; i < THREADS; i++) {
        CHECK_I64(pthread_join(threads[i], NULL), ==, 0);
    }
    weir_metric_id time = {.name = "weir_op_seconds", .help = "Time."};
    CHECK_I64(weir_counter_value(weir_metrics_counter(metrics, records)), ==, THREADS * ADDITIONS);
    CHECK_I64(weir_histogram_count(weir_metrics_histogram(metrics, time, &weir_shape_duration_ns)),
              ==, THREADS * ADDITIONS);
}

TEST(sum_by_label_leaves_out_labels_whose_name_only_ends_alike)
{
    WEIR_AUTO_PTR(weir_metrics) metrics = weir_metrics_new();
    weir_metric_id id = records;
    weir_label own[] = {{"app", "a"}, {"topic", "t"}};
    weir_label other[] = {{"source_topic", "t"}};
    id.labels = own;
    id.label_count = WEIR_COUNT_OF(own);
    weir_counter_add(weir_metrics_counter(metrics, id), 3);
    id.labels = other;
    id.label_count = WEIR_COUNT_OF(other);
    weir_counter_add(weir_metrics_counter(metrics, id), 5);

    CHECK_I64(weir_metrics_sum(metrics, records.name, &(weir_label){"topic", "t"}), ==, 3);
    CHECK_I64(weir_metrics_sum(metrics, records.name, &(weir_label){"app", "a"}), ==, 3);
    CHECK_I64(weir_metrics_sum(metrics, records.name, NULL), ==, 8);
}
