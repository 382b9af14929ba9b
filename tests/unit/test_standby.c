/* SPDX-License-Identifier: Apache-2.0
 *
 * Standbys, promotions, demotions and holds of a worker (streams/stream_thread.c, restore.c): two
 * workers on one simulated cluster, each a process; the test says who has which task.
 */
#include "tests/harness/check.h"
#include "tests/harness/count_topology.h"
#include "tests/harness/worker_process.h"

#include "streams/processor.h"

#include <stdlib.h>

enum { TASKS = 3, RECORDS = 60, STEP_MS = 10, STEPS_MAX = 3000, START_MS = 1000000 };

typedef struct pair {
    sim_cluster *cluster;
    weir_broker *outside;
    weir_topology *topology;
    weir_config config;
    worker_process a;
    worker_process b;
    char *directories[2];
    int64_t now_ms;
    weir_error err;
} pair;

static void open_process(pair *p, worker_process *process, const char *id, char *directory)
{
    const worker_process_options options = {
        .cluster = p->cluster,
        .topology = p->topology,
        .config = &p->config,
        .process_id = id,
        .directory = directory,
    };
    CHECK_OK(worker_process_open(process, &options), &process->err);
}

/* Opens all but the topology, which p has, or the counting one where it has none. */
static void start(pair *p, bool on_disk, const char *guarantee, const char *commit_interval_ms)
{
    const weir_setting settings[] = {
        {"application.id", "counter"},
        {"processing.guarantee", guarantee},
        {"commit.interval.ms", commit_interval_ms},
        {"session.timeout.ms", "1800000"},
    };
    CHECK_OK(weir_config_init(&p->config, settings, WEIR_COUNT_OF(settings), &p->err), &p->err);
    p->now_ms = START_MS;
    p->cluster = sim_cluster_new(1);
    p->outside = sim_broker_connect(p->cluster);
    if (p->topology == NULL) {
        p->topology = count_topology_new(&(count_topology_options){0});
    }
    count_topology_topics(p->outside, TASKS);
    p->directories[0] = on_disk ? check_directory() : NULL;
    p->directories[1] = on_disk ? check_directory() : NULL;
    open_process(p, &p->a, "a", p->directories[0]);
    open_process(p, &p->b, "b", p->directories[1]);
}

static void pair_cleanup(pair *p)
{
    worker_process_cleanup(&p->a);
    worker_process_cleanup(&p->b);
    weir_topology_free(p->topology);
    weir_config_cleanup(&p->config);
    weir_broker_free(p->outside);
    sim_cluster_free(p->cluster);
    free(p->directories[0]);
    free(p->directories[1]);
}

static void steps(pair *p, int count)
{
    for (int i = 0; i < count; i++) {
        CHECK_OK(worker_process_step(&p->a, p->now_ms), &p->a.err);
        CHECK_OK(worker_process_step(&p->b, p->now_ms), &p->b.err);
        p->now_ms += STEP_MS;
    }
}

static void run(pair *p)
{
    for (int i = 0; i < STEPS_MAX; i++) {
        steps(p, 1);
        if (weir_stream_thread_is_idle(p->a.thread) && weir_stream_thread_is_idle(p->b.thread)) {
            return;
        }
    }
    check_fail(__FILE__, __LINE__, "the workers never become idle");
}

static void run_until(pair *p, const worker_process *process, weir_task_report report)
{
    for (int i = 0; i < STEPS_MAX; i++) {
        steps(p, 1);
        if (worker_process_has_reported(process, report)) {
            return;
        }
    }
    check_fail(__FILE__, __LINE__, "the workers never report %d", (int)report);
}

static void feed(pair *p)
{
    count_topology_feed(p->outside, 0, RECORDS);
}

/* Feeds, and stops in the middle: an idle worker would commit in a moment. */
static void begin_to_process(pair *p)
{
    const sim_faults slow = {.short_poll = 1000000}; /* A record a poll. */
    sim_cluster_set_faults(p->cluster, &slow);
    feed(p);
    steps(p, 2);
    sim_cluster_set_faults(p->cluster, &(sim_faults){0});
}

static int64_t restored(const worker_process *process)
{
    return worker_process_metric(process, "weir_stream_thread_restore_records_total");
}

static int64_t followed(const worker_process *process)
{
    return worker_process_metric(process, "weir_stream_thread_standby_update_records_total");
}

static int64_t committed(pair *p)
{
    int64_t sum = 0;
    for (int32_t i = 0; i < TASKS; i++) {
        int64_t offset = sim_cluster_committed(p->cluster, "counter", "in", i, NULL);
        sum += offset > 0 ? offset : 0;
    }
    return sum;
}

/* Each key was counted so many times, and each count told once. */
static void check_counts(pair *p, int64_t expected)
{
    for (int i = 0; i < RECORDS; i++) {
        WEIR_AUTO_FREE char *key = weir_format("k%d", i);
        CHECK_I64(count_topology_last(p->outside, "out", key), ==, expected);
    }
    CHECK_I64(count_topology_records(p->outside, "out"), ==, expected * RECORDS);
}

/* a runs, b follows, then b takes over. */
static void check_takeover(bool on_disk)
{
    WEIR_AUTO(pair) p = {0};
    start(&p, on_disk, "exactly_once_v2", "100");
    worker_process_tell_all(&p.a, WEIR_COMMAND_OPEN);
    feed(&p);
    run(&p);
    worker_process_tell_all(&p.b, WEIR_COMMAND_STANDBY);
    run_until(&p, &p.b, WEIR_REPORT_STANDBY);
    feed(&p);
    run(&p);
    CHECK_I64(followed(&p.b), ==, (int64_t)2 * RECORDS);
    worker_process_tell_all(&p.a, WEIR_COMMAND_CLOSE);
    run_until(&p, &p.a, WEIR_REPORT_CLOSED);
    worker_process_tell_all(&p.b, WEIR_COMMAND_OPEN);
    feed(&p);
    run_until(&p, &p.b, WEIR_REPORT_RUNNING);
    run(&p);
    check_counts(&p, 3);
    CHECK_I64(restored(&p.b), ==, 0);
    CHECK_I64(followed(&p.b), ==, (int64_t)2 * RECORDS);
}

TEST(standby_follows_and_takes_over_without_a_restore)
{
    check_takeover(true);
}

TEST(standby_in_memory_does_too)
{
    check_takeover(false);
}

TEST(standby_is_promoted_before_it_has_read_all_and_restores_the_tail_alone)
{
    WEIR_AUTO(pair) p = {0};
    start(&p, true, "exactly_once_v2", "100");
    worker_process_tell_all(&p.a, WEIR_COMMAND_OPEN);
    worker_process_tell_all(&p.b, WEIR_COMMAND_STANDBY);
    feed(&p);
    run(&p);
    CHECK_I64(followed(&p.b), ==, RECORDS);
    feed(&p);
    while (committed(&p) < (int64_t)2 * RECORDS) { /* b sleeps. */
        CHECK_OK(worker_process_step(&p.a, p.now_ms), &p.a.err);
        p.now_ms += STEP_MS;
    }
    worker_process_tell_all(&p.a, WEIR_COMMAND_DROP);
    CHECK_OK(worker_process_step(&p.a, p.now_ms), &p.a.err);
    const sim_faults slow = {.short_poll = 1000000}; /* A record a poll. */
    sim_cluster_set_faults(p.cluster, &slow);
    worker_process_tell_all(&p.b, WEIR_COMMAND_OPEN);
    feed(&p);
    run_until(&p, &p.b, WEIR_REPORT_RUNNING);
    run(&p);
    check_counts(&p, 3);
    CHECK_I64(restored(&p.b) + followed(&p.b), ==, (int64_t)2 * RECORDS);
    CHECK_I64(restored(&p.b), >, 0);
}

TEST(running_task_commits_before_it_stands_by)
{
    WEIR_AUTO(pair) p = {0};
    start(&p, true, "exactly_once_v2", "60000");
    worker_process_tell_all(&p.a, WEIR_COMMAND_OPEN);
    run_until(&p, &p.a, WEIR_REPORT_RUNNING);
    begin_to_process(&p);
    int64_t before = committed(&p);
    worker_process_tell_all(&p.a, WEIR_COMMAND_STANDBY);
    run_until(&p, &p.a, WEIR_REPORT_STANDBY);
    int64_t after = committed(&p);
    CHECK_I64(after, >, before);
    feed(&p);
    run(&p);
    CHECK_I64(committed(&p), ==, after); /* Nobody processes. */
    worker_process_tell_all(&p.b, WEIR_COMMAND_OPEN);
    run_until(&p, &p.b, WEIR_REPORT_RUNNING);
    worker_process_tell_all(&p.b, WEIR_COMMAND_CLOSE);
    run_until(&p, &p.b, WEIR_REPORT_CLOSED);
    run(&p);
    worker_process_tell_all(&p.a, WEIR_COMMAND_OPEN);
    run_until(&p, &p.a, WEIR_REPORT_RUNNING);
    worker_process_tell_all(&p.a, WEIR_COMMAND_CLOSE);
    run_until(&p, &p.a, WEIR_REPORT_CLOSED);
    check_counts(&p, 2);
    CHECK_I64(restored(&p.a), ==, 0);
}

static void check_hold(const char *guarantee)
{
    WEIR_AUTO(pair) p = {0};
    start(&p, true, guarantee, "60000");
    worker_process_tell_all(&p.a, WEIR_COMMAND_OPEN);
    run_until(&p, &p.a, WEIR_REPORT_RUNNING);
    begin_to_process(&p);
    int64_t before = committed(&p);
    CHECK_I64(before, <, RECORDS);
    worker_process_tell_all(&p.a, WEIR_COMMAND_HOLD);
    steps(&p, 1);
    for (size_t i = 0; i < TASKS; i++) {
        CHECK_I64(p.a.last_report[i], ==, WEIR_REPORT_HELD);
        CHECK_I64(p.a.reports[i][WEIR_REPORT_HELD], ==, 1);
    }
    p.now_ms += 120 * 1000; /* A commit would be due. */
    steps(&p, 20);
    CHECK_I64(committed(&p), ==, before);
    worker_process_tell_all(&p.a, WEIR_COMMAND_OPEN);
    run_until(&p, &p.a, WEIR_REPORT_RUNNING);
    steps(&p, 20);
    p.now_ms += 61 * 1000;
    run(&p);
    CHECK_I64(committed(&p), ==, RECORDS);
}

TEST(task_on_hold_goes_back_to_its_last_commit_and_on_from_there)
{
    check_hold("exactly_once_v2");
}

TEST(task_on_hold_goes_back_at_least_once_too)
{
    check_hold("at_least_once");
}

TEST(hold_counts_nothing_twice_and_no_other_task_is_lost)
{
    WEIR_AUTO(pair) p = {0};
    start(&p, true, "exactly_once_v2", "60000");
    worker_process_tell_all(&p.a, WEIR_COMMAND_OPEN);
    run_until(&p, &p.a, WEIR_REPORT_RUNNING);
    feed(&p);
    steps(&p, 20);
    worker_process_tell(&p.a, WEIR_COMMAND_HOLD, 1);
    steps(&p, 5);
    CHECK_I64(p.a.last_report[0], ==, WEIR_REPORT_RUNNING);
    CHECK_I64(p.a.last_report[1], ==, WEIR_REPORT_HELD);
    worker_process_tell(&p.a, WEIR_COMMAND_STANDBY, 1);
    steps(&p, 5);
    CHECK_I64(p.a.last_report[1], ==, WEIR_REPORT_STANDBY);
    worker_process_tell(&p.b, WEIR_COMMAND_OPEN, 1);
    steps(&p, 20);
    p.now_ms += 61 * 1000;
    run(&p);
    check_counts(&p, 1);
}

TEST(lag_of_a_standby_is_published)
{
    WEIR_AUTO(pair) p = {0};
    start(&p, true, "exactly_once_v2", "100");
    CHECK_I64(weir_stream_thread_changelog_lag(p.b.thread, 0), ==, -1);
    CHECK_I64(weir_stream_thread_changelog_position(p.b.thread, 0), ==, -1);
    worker_process_tell_all(&p.a, WEIR_COMMAND_OPEN);
    worker_process_tell_all(&p.b, WEIR_COMMAND_STANDBY);
    feed(&p);
    run(&p);
    steps(&p, 20);
    for (size_t i = 0; i < TASKS; i++) {
        CHECK_I64(weir_stream_thread_changelog_lag(p.a.thread, i), ==, 0);
        CHECK_I64(weir_stream_thread_changelog_lag(p.b.thread, i), ==, 0);
        /* Of the owner it is what it has written, of the standby what it has read: the marker of
         * the transaction lies between. */
        CHECK_I64(weir_stream_thread_changelog_position(p.a.thread, i), >, 0);
        CHECK_I64(weir_stream_thread_changelog_position(p.b.thread, i), >=,
                  weir_stream_thread_changelog_position(p.a.thread, i));
    }
    worker_process_tell_all(&p.b, WEIR_COMMAND_DROP);
    steps(&p, 1);
    CHECK_I64(weir_stream_thread_changelog_lag(p.b.thread, 0), ==, -1);
    CHECK_I64(weir_task_figures_processed(weir_stream_thread_figures(p.a.thread), 0) +
                  weir_task_figures_processed(weir_stream_thread_figures(p.a.thread), 1) +
                  weir_task_figures_processed(weir_stream_thread_figures(p.a.thread), 2),
              ==, RECORDS);
}

TEST(standby_whose_changelog_was_cut_is_wiped_and_follows_again)
{
    WEIR_AUTO(pair) p = {0};
    start(&p, true, "exactly_once_v2", "100");
    worker_process_tell_all(&p.a, WEIR_COMMAND_OPEN);
    feed(&p);
    run(&p);
    worker_process_tell_all(&p.b, WEIR_COMMAND_STANDBY);
    steps(&p, 1);
    worker_process_tell_all(&p.b, WEIR_COMMAND_HOLD);
    steps(&p, 1);
    feed(&p);
    run(&p);
    for (int32_t i = 0; i < TASKS; i++) {
        const weir_topic_partition changelog = {"counter-counts-changelog", i};
        int64_t end = 0;
        CHECK_OK(weir_broker_offset(p.outside, changelog, WEIR_OFFSET_LATEST, 0, &end, &p.err),
                 &p.err);
        CHECK_OK(weir_broker_delete_records(p.outside, changelog, end, &p.err), &p.err);
    }
    worker_process_tell_all(&p.b, WEIR_COMMAND_STANDBY);
    run_until(&p, &p.b, WEIR_REPORT_STANDBY);
    feed(&p);
    run(&p);
    check_counts(&p, 3); /* The owner did not notice. */
    CHECK_I64(followed(&p.b), ==, RECORDS);
}

TEST(task_that_restores_goes_before_those_that_stand_by)
{
    WEIR_AUTO(pair) p = {0};
    start(&p, true, "exactly_once_v2", "100");
    worker_process_tell_all(&p.a, WEIR_COMMAND_OPEN);
    worker_process_tell(&p.b, WEIR_COMMAND_STANDBY, 1);
    run(&p);
    const sim_faults slow = {.short_poll = 1000000};
    feed(&p);
    run(&p);
    int64_t before = followed(&p.b);
    worker_process_tell(&p.a, WEIR_COMMAND_CLOSE, 0);
    feed(&p);
    for (int i = 0; i < 100; i++) { /* b sleeps. */
        CHECK_OK(worker_process_step(&p.a, p.now_ms), &p.a.err);
        p.now_ms += STEP_MS;
    }
    sim_cluster_set_faults(p.cluster, &slow); /* A record a poll. */
    worker_process_tell(&p.b, WEIR_COMMAND_OPEN, 0);
    CHECK_OK(worker_process_step(&p.b, p.now_ms), &p.b.err);
    while (p.b.last_report[0] != (int)WEIR_REPORT_RUNNING) {
        int64_t now = followed(&p.b);
        CHECK_OK(worker_process_step(&p.b, p.now_ms), &p.b.err);
        if (p.b.last_report[0] != (int)WEIR_REPORT_RUNNING) {
            CHECK_I64(followed(&p.b), ==, now);
        }
    }
    CHECK_I64(restored(&p.b), >, 0);
    run(&p);
    CHECK_I64(followed(&p.b), >, before);
    check_counts(&p, 2);
}

/* A table whose source topic is its changelog: it keeps the last value of each key. */
static weir_status keep(weir_processor *processor, const weir_record *record, weir_error *err)
{
    weir_kv *rows = weir_context_store(processor->context, "rows");
    return weir_kv_put(rows, record->key, record->value, err);
}

static void free_keeper(weir_processor *processor)
{
    free(processor);
}

static weir_processor *new_keeper(void *user)
{
    (void)user;
    static const weir_processor_ops ops = {NULL, keep, free_keeper};
    weir_processor *processor = weir_alloc(sizeof(*processor));
    processor->ops = &ops;
    return processor;
}

static weir_topology *table_topology(void)
{
    weir_topology *topology = weir_topology_new();
    weir_topology_add_source(topology, "source", &(weir_source_options){.topic = "in"});
    weir_topology_add_processor(topology, "keep", &(weir_processor_options){.supplier = new_keeper},
                                "source", NULL);
    weir_topology_add_store(
        topology,
        &(weir_store_options){.name = "rows", .changelog_topic = "in", .changelog_is_source = true},
        "keep", NULL);
    weir_error err = {0};
    CHECK_OK(weir_topology_build(topology, &err), &err);
    return topology;
}

/* Rows of a process, of all tasks. */
static int64_t row_count(const worker_process *process)
{
    int64_t count = 0;
    for (size_t t = 0; t < TASKS; t++) {
        weir_task *task = weir_stream_thread_task(process->thread, t);
        weir_kv *view = weir_task_committed_view(task, "rows");
        WEIR_AUTO_PTR(weir_kv_iterator) it = NULL;
        weir_error err = {0};
        CHECK_OK(weir_kv_range(view, WEIR_BYTES_NULL, WEIR_BYTES_NULL, false, &it, &err), &err);
        weir_bytes key = {0};
        weir_bytes value = {0};
        while (weir_kv_iterator_next(it, &key, &value, &err) == WEIR_OK) {
            count++;
        }
    }
    return count;
}

TEST(standby_of_a_source_topic_follows_what_is_committed_of_it)
{
    WEIR_AUTO(pair) p = {.topology = table_topology()};
    start(&p, true, "exactly_once_v2", "100");
    worker_process_tell_all(&p.b, WEIR_COMMAND_STANDBY);
    feed(&p);
    steps(&p, 300);
    CHECK_I64(row_count(&p.b), ==, 0); /* Nobody has processed it yet. */
    worker_process_tell_all(&p.a, WEIR_COMMAND_OPEN);
    run(&p);
    steps(&p, 300);
    CHECK_I64(row_count(&p.b), ==, RECORDS);
    worker_process_tell_all(&p.a, WEIR_COMMAND_HOLD);
    steps(&p, 1);
    count_topology_feed(p.outside, RECORDS, RECORDS);
    steps(&p, 300);
    CHECK_I64(row_count(&p.b), ==, RECORDS);
    worker_process_tell_all(&p.a, WEIR_COMMAND_DROP);
    steps(&p, 1);
    worker_process_tell_all(&p.b, WEIR_COMMAND_OPEN);
    run_until(&p, &p.b, WEIR_REPORT_RUNNING);
    CHECK_I64(restored(&p.b), ==, 0);
    run(&p);
    CHECK_I64(row_count(&p.b), ==, (int64_t)2 * RECORDS);
    CHECK_I64(committed(&p), ==, (int64_t)2 * RECORDS);
}
