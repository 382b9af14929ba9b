/* SPDX-License-Identifier: Apache-2.0
 *
 * Snapshots in an object store (connectors/snapshot_depot*.c): a process counts and puts its state
 * away, dies, and another one with an empty disk takes over; on the embedded broker. Unless
 * something is wrong with what was put away, it restores the tail only.
 */
#include "connectors/broker_embedded.h"
#include "connectors/object_store.h"
#include "connectors/snapshot_depot.h"
#include "streams/application.h"
#include "streams/base/file.h"
#include "streams/base/metrics.h"
#include "tests/harness/check.h"
#include "tests/harness/count_topology.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

enum { TASKS = 2, RECORDS = 400, TAIL = 60, STEP_MS = 10, STEPS_MAX = 5000, INTERVAL_MS = 1000 };
enum { HOUR_MS = 3600 * 1000 };

static int64_t now_ms; /* Of the process that is tested. */

static int64_t clock_now_ms(void)
{
    return now_ms;
}

/* A broker that stays, a shared object store, and one process after the other. */
typedef struct world {
    char *objects;
    weir_broker *broker;
    weir_topology *topology;
    weir_config config;
    weir_metrics *metrics;
    char *disk;
    weir_database *database;
    weir_snapshot_depot *depot;
    weir_application *application;
    weir_error err;
} world;

static void end_process(world *w)
{
    if (w->depot != NULL) {
        weir_snapshot_depot_stop(w->depot);
    }
    weir_application_free(weir_take(&w->application));
    weir_snapshot_depot_free(weir_take(&w->depot));
    weir_database_free(weir_take(&w->database));
    weir_metrics_free(weir_take(&w->metrics));
    free(weir_take(&w->disk));
}

static void world_cleanup(world *w)
{
    end_process(w);
    weir_topology_free(w->topology);
    weir_config_cleanup(&w->config);
    weir_broker_free(w->broker);
    free(w->objects);
}

/* On an empty disk. */
static void start_process(world *w)
{
    w->metrics = weir_metrics_new();
    w->disk = check_directory();
    CHECK_OK(
        weir_database_open(&(weir_database_options){.directory = w->disk}, &w->database, &w->err),
        &w->err);
    const weir_snapshot_depot_options depot = {w->objects, w->broker, clock_now_ms, w->metrics};
    CHECK_OK(weir_snapshot_depot_open(&depot, &w->depot, &w->err), &w->err);
    const weir_application_options options = {
        .topology = w->topology,
        .config = &w->config,
        .broker = w->broker,
        .database = w->database,
        .metrics = w->metrics,
        .snapshots = weir_snapshot_depot_network(w->depot),
        .never_waits = true,
    };
    CHECK_OK(weir_application_new(&options, &w->application, &w->err), &w->err);
    weir_snapshot_depot_add(w->depot, weir_application_snapshot_host(w->application), &w->config);
}

static void open_world(world *w)
{
    const weir_setting settings[] = {
        {"application.id", "counter"},   {"commit.interval.ms", "100"},
        {"weir.snapshot.lag.min", "50"}, {"weir.snapshot.put.interval.ms", "1000"},
        {"weir.snapshot.put.kept", "2"},
    };
    CHECK_OK(weir_config_init(&w->config, settings, WEIR_COUNT_OF(settings), &w->err), &w->err);
    now_ms = 1000000;
    WEIR_AUTO_FREE char *log = check_directory();
    w->objects = check_directory();
    const weir_broker_embedded_options broker = {.directory = log};
    CHECK_OK(weir_broker_embedded_open(&broker, &w->broker, &w->err), &w->err);
    count_topology_topics(w->broker, TASKS);
    w->topology = count_topology_new(&(count_topology_options){0});
    start_process(w);
}

/* Until nothing is left to do. */
static void run(world *w)
{
    for (int i = 0; i < STEPS_MAX; i++) {
        bool busy = false;
        CHECK_OK(weir_application_step(w->application, now_ms, &busy, &w->err), &w->err);
        now_ms += STEP_MS;
        if (weir_application_is_idle(w->application)) {
            return;
        }
    }
    check_fail(__FILE__, __LINE__, "the application never becomes idle");
}

static void feed(world *w, size_t count)
{
    count_topology_feed(w->broker, 0, count);
    run(w);
}

/* After the interval; the status of the step that fails, if one does. */
static weir_status put_away(world *w)
{
    now_ms += INTERVAL_MS;
    run(w); /* It publishes where its tasks stand. */
    weir_status status = WEIR_OK;
    bool busy = true;
    while (busy && status == WEIR_OK) {
        status = weir_snapshot_depot_step(w->depot, &busy, &w->err);
    }
    return status;
}

static int64_t metric(const world *w, const char *name)
{
    return weir_metrics_sum(w->metrics, name, NULL);
}

static int64_t restored(const world *w)
{
    return metric(w, "weir_stream_thread_restore_records_total");
}

typedef struct keys {
    char *items[64];
    size_t count;
} keys;

static void keys_cleanup(keys *k)
{
    for (size_t i = 0; i < k->count; i++) {
        free(k->items[i]);
    }
}

static bool note(void *user, const char *key)
{
    keys *k = user;
    CHECK(k->count < WEIR_COUNT_OF(k->items));
    k->items[k->count++] = weir_strdup(key);
    return true;
}

static keys list(const world *w, const char *task)
{
    keys found = {0};
    weir_error err = {0};
    WEIR_AUTO_PTR(weir_object_store) store = NULL;
    WEIR_AUTO_FREE char *prefix = weir_format("snapshots/counter/%s/", task);
    CHECK_OK(weir_object_store_file_open(w->objects, false, &store, &err), &err);
    CHECK_OK(weir_object_list(store, prefix, note, &found, &err), &err);
    return found;
}

static size_t heads_of(const char *task, const world *w)
{
    WEIR_AUTO(keys) found = list(w, task);
    size_t heads = 0;
    for (size_t i = 0; i < found.count; i++) {
        heads += strstr(found.items[i], ".head") != NULL ? 1 : 0;
    }
    return heads;
}

/* A process has counted, put a snapshot away and gone on by a tail; then it ended. */
static void leave_a_snapshot(world *w)
{
    open_world(w);
    feed(w, RECORDS);
    CHECK_OK(put_away(w), &w->err);
    feed(w, TAIL);
    end_process(w);
}

/* What the next process restores after a count, a snapshot and a tail behind it, where meddle has
 * done something to the snapshot in between. */
static void check_takeover(void (*meddle)(world *w), int64_t expected)
{
    WEIR_AUTO(world) w = {0};
    leave_a_snapshot(&w);
    if (meddle != NULL) {
        meddle(&w);
    }
    start_process(&w);
    run(&w);
    CHECK_I64(restored(&w), ==, expected);
    feed(&w, RECORDS);
    CHECK_I64(count_topology_last(w.broker, "out", "k0"), ==, 3);
    CHECK_I64(count_topology_last(w.broker, "out", "k399"), ==, 2);
}

TEST(process_on_an_empty_disk_restores_the_tail_only)
{
    check_takeover(NULL, TAIL);
}

/* Of each task; the heads where heads is set, else the first page behind them. */
static void damage(const world *w, bool heads)
{
    for (int t = 0; t < TASKS; t++) {
        WEIR_AUTO_FREE char *task = weir_format("0_%d", t);
        WEIR_AUTO(keys) found = list(w, task);
        CHECK(found.count >= 3); /* Rows, end, head. */
        const char *key = found.items[heads ? found.count - 1 : 0];
        WEIR_AUTO_FREE char *path = weir_format("%s/%s", w->objects, key);
        weir_error err = {0};
        WEIR_AUTO(weir_buf) bytes = {0};
        CHECK_OK(weir_file_read(path, 1 << 20, &bytes, &err), &err);
        bytes.data[bytes.size / 2] ^= 4;
        CHECK_OK(weir_file_replace(path, weir_buf_bytes(&bytes), false, &err), &err);
    }
}

static void damage_heads(world *w)
{
    damage(w, true);
}

static void damage_pages(world *w)
{
    damage(w, false);
}

TEST(damaged_object_leaves_it_to_the_changelogs)
{
    check_takeover(damage_heads, RECORDS + TAIL);
    check_takeover(damage_pages, RECORDS + TAIL);
}

static void remove_heads(world *w)
{
    for (int t = 0; t < TASKS; t++) {
        WEIR_AUTO_FREE char *task = weir_format("0_%d", t);
        WEIR_AUTO(keys) found = list(w, task);
        WEIR_AUTO_PTR(weir_object_store) store = NULL;
        CHECK_OK(weir_object_store_file_open(w->objects, false, &store, &w->err), &w->err);
        CHECK_OK(weir_object_remove(store, found.items[found.count - 1], &w->err), &w->err);
    }
}

TEST(upload_that_was_torn_is_not_seen)
{
    check_takeover(remove_heads, RECORDS + TAIL);
}

static void let_it_age(world *w)
{
    (void)w;
    now_ms += 13 * (int64_t)HOUR_MS; /* delete.retention.ms is a day. */
}

TEST(snapshot_so_old_that_removals_may_be_compacted_is_refused)
{
    check_takeover(let_it_age, RECORDS + TAIL);
}

static void cut_changelogs(world *w)
{
    for (int32_t p = 0; p < TASKS; p++) {
        weir_topic_partition changelog = {"counter-counts-changelog", p};
        int64_t end = 0;
        CHECK_OK(weir_broker_offset(w->broker, changelog, WEIR_OFFSET_LATEST, 0, &end, &w->err),
                 &w->err);
        CHECK_OK(weir_broker_delete_records(w->broker, changelog, end, &w->err), &w->err);
    }
}

TEST(snapshot_before_the_first_offset_of_its_changelog_is_refused)
{
    WEIR_AUTO(world) w = {0};
    leave_a_snapshot(&w);
    cut_changelogs(&w);
    start_process(&w);
    feed(&w, 1);
    CHECK_I64(restored(&w), ==, 0);
    CHECK_I64(count_topology_last(w.broker, "out", "k0"), ==, 1); /* Not from the snapshot. */
}

TEST(snapshot_of_a_changelog_that_was_made_anew_is_refused)
{
    WEIR_AUTO(world) w = {0};
    open_world(&w);
    feed(&w, RECORDS);
    CHECK_OK(put_away(&w), &w.err);
    end_process(&w);
    CHECK_OK(weir_broker_delete_topic(w.broker, "counter-counts-changelog", &w.err), &w.err);
    weir_config_cleanup(&w.config);
    const weir_setting settings[] = {
        {"application.id", "counter"},
        {"commit.interval.ms", "100"},
        {"weir.snapshot.lag.min", "50"},
        {"weir.missing.topics", "create"},
        {"weir.snapshot.put.interval.ms", "1000"},
    };
    CHECK_OK(weir_config_init(&w.config, settings, WEIR_COUNT_OF(settings), &w.err), &w.err);
    start_process(&w);
    feed(&w, RECORDS); /* Offsets as before, and other counts. */
    feed(&w, RECORDS);
    end_process(&w);
    start_process(&w);
    run(&w);
    CHECK_I64(restored(&w), ==, 2 * RECORDS);
    feed(&w, 1);
    CHECK_I64(count_topology_last(w.broker, "out", "k0"), ==, 3);
}

TEST(as_many_are_kept_as_the_setting_says_and_none_without_need)
{
    WEIR_AUTO(world) w = {0};
    open_world(&w);
    size_t each = 0;
    for (int i = 0; i < 4; i++) {
        feed(&w, RECORDS);
        CHECK_OK(put_away(&w), &w.err);
        CHECK_OK(put_away(&w), &w.err); /* Nothing has grown: nothing is put. */
        WEIR_AUTO(keys) found = list(&w, "0_1");
        each = i == 0 ? found.count : each;
        CHECK_I64(found.count, ==, i == 0 ? each : 2 * each);
    }
    now_ms += 5 * (int64_t)HOUR_MS; /* It would be too old some day. */
    WEIR_AUTO(keys) before = list(&w, "0_1");
    CHECK_OK(put_away(&w), &w.err);
    WEIR_AUTO(keys) after = list(&w, "0_1");
    CHECK_I64(after.count, ==, 2 * each);
    CHECK(strcmp(after.items[after.count - 1], before.items[before.count - 1]) > 0);
    CHECK_I64(weir_metrics_sum(w.metrics, "weir_snapshot_depot_put_total", NULL), ==, 5 * TASKS);
    CHECK_I64(weir_metrics_sum(w.metrics, "weir_snapshot_depot_put_bytes_total", NULL), >, 0);
    CHECK_I64(weir_metrics_sum(w.metrics, "weir_snapshot_depot_given_up_total", NULL), ==, 0);
}

TEST(snapshot_that_grows_past_its_limit_leaves_nothing_behind)
{
    WEIR_AUTO(world) w = {0};
    open_world(&w);
    w.config.snapshot_put_bytes_max = 100;
    feed(&w, RECORDS);
    CHECK_STATUS(put_away(&w), WEIR_INVALID);
    CHECK(strstr(w.err.message, "weir.snapshot.put.bytes.max") != NULL);
    WEIR_AUTO(keys) found = list(&w, "0_0");
    CHECK_I64(found.count, ==, 0);
    CHECK_I64(weir_metrics_sum(w.metrics, "weir_snapshot_depot_given_up_total", NULL), ==, 1);
}

TEST(thread_puts_away_what_is_due)
{
    WEIR_AUTO(world) w = {0};
    open_world(&w);
    feed(&w, RECORDS);
    now_ms += INTERVAL_MS;
    run(&w);
    CHECK_OK(weir_snapshot_depot_start(w.depot, &w.err), &w.err);
    size_t heads = 0;
    while (heads < TASKS) { /* ctest ends a test that waits for ever. */
        heads = heads_of("0_0", &w) + heads_of("0_1", &w);
        (void)poll(NULL, 0, 1);
    }
    weir_snapshot_depot_stop(w.depot);
}
