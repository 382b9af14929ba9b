/* SPDX-License-Identifier: Apache-2.0
 *
 * What kill -9 costs: applied state reaches the disk at an interval, or after so many changelog
 * records, and a restart restores what came since (streams/coordinator.c, stream_thread_work.c).
 */
#include "streams/test_driver.h"
#include "tests/harness/check.h"
#include "tests/harness/copy_directory.h"
#include "tests/harness/count_topology.h"
#include "tests/harness/sim_broker.h"

#include <stdio.h>
#include <stdlib.h>

enum { START_MS = 1000000, RECORDS = 20 };

typedef struct life {
    weir_topology *topology;
    weir_broker *broker;
    weir_metrics *metrics;
    char *directory;
    weir_database *database;
    weir_test_driver *driver;
    int64_t now_ms;
    const char *records_max;
    weir_error err;
} life;

static void open_life(life *l)
{
    const weir_setting settings[] = {
        {"weir.apply.interval.ms", "1000"},
        {"weir.flush.interval.ms", "10000"},
        {"weir.apply.records.max", l->records_max},
    };
    const weir_database_options database = {.directory = l->directory};
    CHECK_OK(weir_database_open(&database, &l->database, &l->err), &l->err);
    l->metrics = weir_metrics_new();
    const weir_test_driver_options options = {
        .topology = l->topology,
        .broker = l->broker,
        .database = l->database,
        .metrics = l->metrics,
        .settings = settings,
        .setting_count = WEIR_COUNT_OF(settings),
        .now_ms = l->now_ms,
    };
    CHECK_OK(weir_test_driver_new(&options, &l->driver, &l->err), &l->err);
}

static void begin(life *l, const char *records_max)
{
    l->topology = count_topology_new(&(count_topology_options){0});
    l->broker = sim_broker_new(1);
    l->directory = check_directory();
    l->now_ms = START_MS;
    l->records_max = records_max;
    open_life(l);
}

static void close_life(life *l)
{
    weir_test_driver_free(weir_take(&l->driver));
    weir_database_free(weir_take(&l->database));
    weir_metrics_free(weir_take(&l->metrics));
}

static void life_cleanup(life *l)
{
    close_life(l);
    weir_topology_free(l->topology);
    weir_broker_free(l->broker);
    free(l->directory);
}

static void count_records(life *l)
{
    for (int i = 0; i < RECORDS; i++) {
        char key[16];
        snprintf(key, sizeof(key), "k%d", i);
        const weir_record record = {.topic = "in", .key = weir_bytes_of_text(key)};
        CHECK_OK(weir_test_driver_pipe(l->driver, &record, &l->err), &l->err);
    }
}

static void advance(life *l, int64_t ms)
{
    l->now_ms += ms;
    CHECK_OK(weir_test_driver_advance(l->driver, ms, &l->err), &l->err);
}

/* Goes on with what the disk has now; the changelog records that had to be restored. */
static int64_t crash(life *l)
{
    char *left = check_directory();
    check_copy_directory(l->directory, left);
    close_life(l);
    free(l->directory);
    l->directory = left;
    sim_broker_forget_members(l->broker);
    open_life(l);
    return weir_metrics_sum(l->metrics, "weir_stream_thread_restore_records_total", NULL);
}

TEST(what_was_flushed_is_not_restored_and_what_was_only_applied_is)
{
    WEIR_AUTO(life) l = {0};
    begin(&l, "1000000");
    count_records(&l);
    advance(&l, 11000); /* Applied and flushed. */
    count_records(&l);
    advance(&l, 1000); /* Applied. */
    CHECK_I64(crash(&l), ==, RECORDS);
    CHECK_I64(count_topology_last(l.broker, "test-counts-changelog", "k7"), ==, 2);
}

TEST(flush_comes_when_its_interval_is_over)
{
    WEIR_AUTO(life) l = {0};
    begin(&l, "1000000");
    count_records(&l);
    advance(&l, 11000);
    count_records(&l);
    advance(&l, 1000);
    advance(&l, 9000);
    CHECK_I64(crash(&l), ==, 0);
}

TEST(many_changelog_records_are_applied_and_flushed_before_the_intervals)
{
    WEIR_AUTO(life) l = {0};
    begin(&l, "10");
    count_records(&l);
    advance(&l, 1000);
    count_records(&l); /* The clock stands: no interval ends. */
    CHECK_I64(crash(&l), <=, 10);
}
