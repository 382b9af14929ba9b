/* SPDX-License-Identifier: Apache-2.0
 *
 * What the runtime counts (streams/thread_metrics.c, task_metrics.c), and that docs/METRICS.md
 * lists just that.
 */
#include "streams/application.h"
#include "streams/base/file.h"
#include "streams/query.h"
#include "streams/thread_metrics.h"
#include "tests/harness/check.h"
#include "tests/harness/count_topology.h"
#include "tests/harness/driver_fixture.h"
#include "tests/harness/sim_broker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void start(driver_fixture *f)
{
    f->broker = sim_broker_new(1);
    f->topology = count_topology_new(&(count_topology_options){0});
    static const weir_setting settings[] = {
        {"processing.exception.handler", "dead-letter"},
        {"errors.dead.letter.queue.topic.name", "dead"},
    };
    driver_fixture_start(f, settings, WEIR_COUNT_OF(settings));
}

static int64_t sum(driver_fixture *f, const char *name)
{
    const weir_label label = {"application_id", "test"};
    return weir_metrics_sum(f->metrics, name, &label);
}

TEST(records_commits_and_refusals_are_counted)
{
    WEIR_AUTO(driver_fixture) f = {0};
    start(&f);
    driver_fixture_pipe(&f, "v");
    driver_fixture_pipe(&f, "bad");
    driver_fixture_pipe(&f, "v");
    CHECK_I64(sum(&f, "weir_stream_thread_process_records_total"), ==, 3);
    CHECK_I64(sum(&f, "weir_stream_thread_poll_records_total"), ==, 3);
    CHECK_I64(sum(&f, "weir_stream_thread_commit_total"), ==, 3);
    CHECK_I64(sum(&f, "weir_stream_task_dropped_records_total"), ==, 1);
    CHECK_I64(sum(&f, "weir_stream_task_dead_letter_records_total"), ==, 1);
    CHECK_I64(sum(&f, "weir_stream_thread_tasks"), ==, 1);
    CHECK_I64(sum(&f, "weir_stream_client_state"), ==, WEIR_APPLICATION_RUNNING);
    const weir_label node = {"processor_node_id", "count"};
    CHECK_I64(weir_metrics_sum(f.metrics, "weir_stream_processor_node_process_total", &node), ==,
              2);
}

TEST(levels_of_a_task_are_told_while_it_runs_and_cleared_when_it_leaves)
{
    WEIR_AUTO(driver_fixture) f = {0};
    start(&f);
    driver_fixture_pipe(&f, "v");
    CHECK_OK(weir_test_driver_advance(f.driver, 200, &f.err), &f.err);
    CHECK_I64(sum(&f, "weir_stream_task_committed_bytes"), >, 0);
    CHECK_I64(sum(&f, "weir_stream_task_records_lag"), ==, 0);
    weir_test_driver_free(weir_take(&f.driver));
    CHECK_I64(sum(&f, "weir_stream_task_committed_bytes"), ==, 0);
    CHECK_I64(sum(&f, "weir_stream_thread_task_created_total"), ==, 1);
}

static uint64_t ticking_ns(void)
{
    static uint64_t now_ns = 0;
    return now_ns += 1000;
}

TEST(durations_are_measured_only_with_a_clock)
{
    WEIR_AUTO_PTR(weir_metrics) registry = weir_metrics_new();
    weir_thread_metrics metrics = {0};
    weir_thread_metrics_init(&metrics, registry, "a", 3);
    weir_thread_metrics_took(&metrics, WEIR_DURATION_COMMIT, weir_thread_metrics_now_ns(&metrics));
    CHECK_I64(weir_histogram_count(metrics.durations[WEIR_DURATION_COMMIT]), ==, 0);
    metrics.monotonic_ns = ticking_ns;
    weir_thread_metrics_took(&metrics, WEIR_DURATION_COMMIT, weir_thread_metrics_now_ns(&metrics));
    CHECK_I64(weir_histogram_count(metrics.durations[WEIR_DURATION_COMMIT]), ==, 1);
    CHECK_I64(weir_histogram_sum(metrics.durations[WEIR_DURATION_COMMIT]), ==, 1000);
}

static void read_manual(weir_buf *text)
{
    weir_error err = {0};
    CHECK_OK(weir_file_read(WEIR_SOURCE_DIR "/docs/METRICS.md", 1 << 20, text, &err), &err);
}

static weir_status ignore_store(void *user, const weir_query_store *store, weir_error *err)
{
    (void)user, (void)store, (void)err;
    return WEIR_OK;
}

/* The series of iterators are made with the first one. */
static void open_an_iterator(driver_fixture *f)
{
    CHECK_OK(
        weir_query_stores(weir_test_driver_application(f->driver), ignore_store, NULL, &f->err),
        &f->err);
    CHECK_OK(weir_test_driver_advance(f->driver, 200, &f->err), &f->err);
}

TEST(manual_lists_every_series_that_is_exposed)
{
    WEIR_AUTO(driver_fixture) f = {0};
    start(&f);
    open_an_iterator(&f);
    WEIR_AUTO(weir_buf) exposed = {0};
    weir_metrics_expose(f.metrics, &exposed);
    WEIR_AUTO(weir_buf) manual = {0};
    read_manual(&manual);
    size_t listed = 0;
    const char *at = strstr(weir_buf_text(&exposed), "# TYPE ");
    for (; at != NULL; at = strstr(at + 1, "# TYPE ")) {
        char row[128];
        int size = (int)strcspn(at + strlen("# TYPE "), " ");
        snprintf(row, sizeof(row), "| `%.*s` |", size, at + strlen("# TYPE "));
        if (strstr(weir_buf_text(&manual), row) == NULL) {
            check_fail(__FILE__, __LINE__, "docs/METRICS.md has no row %s", row);
        }
        listed++;
    }
    static const char depot[] = "\n| `weir_snapshot_depot_";
    size_t rows = 0;
    at = strstr(weir_buf_text(&manual), "\n| `weir_");
    for (; at != NULL; at = strstr(at + 1, "\n| `weir_")) {
        rows += strncmp(at, depot, strlen(depot)) == 0 ? 0 : 1; /* test_snapshot_depot.c */
    }
    CHECK_I64(rows, ==, listed);
}
