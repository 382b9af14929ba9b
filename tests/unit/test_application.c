/* SPDX-License-Identifier: Apache-2.0
 *
 * A whole application: records counted once, through crashes and restarts, under both guarantees
 * (streams/application.c and all below it). The broker is simulated and the application stepped.
 */
#include "streams/application.h"
#include "tests/harness/check.h"
#include "tests/harness/count_topology.h"
#include "tests/harness/sim_broker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct fixture {
    weir_broker *broker;
    weir_topology *topology;
    weir_config config;
    char *directory;
    weir_database *database;
    weir_application *application;
    int64_t now_ms;
    weir_error err;
} fixture;

static void open_application(fixture *f)
{
    const weir_database_options options = {.directory = f->directory};
    CHECK_OK(weir_database_open(&options, &f->database, &f->err), &f->err);
    const weir_application_options application = {
        .topology = f->topology,
        .config = &f->config,
        .broker = f->broker,
        .database = f->database,
        .never_waits = true,
    };
    CHECK_OK(weir_application_new(&application, &f->application, &f->err), &f->err);
}

/* What kill -9 leaves: nothing is closed in good order. */
static void crash(fixture *f)
{
    weir_application_free(weir_take(&f->application));
    weir_database_free(weir_take(&f->database));
}

static void start(fixture *f, const char *guarantee, weir_store_engine engine)
{
    f->broker = sim_broker_new(1);
    f->directory = check_directory();
    f->now_ms = 1000000;
    count_topology_topics(f->broker, 3);
    f->topology = count_topology_new(&(count_topology_options){.engine = engine});
    const weir_setting settings[] = {
        {"application.id", "counter"},
        {"processing.guarantee", guarantee},
        {"commit.interval.ms", "100"},
        {"session.timeout.ms", "1000"},
        {"processing.exception.handler", "continue"},
    };
    CHECK_OK(weir_config_init(&f->config, settings, WEIR_COUNT_OF(settings), &f->err), &f->err);
    open_application(f);
}

static void fixture_cleanup(fixture *f)
{
    crash(f);
    weir_topology_free(f->topology);
    weir_config_cleanup(&f->config);
    weir_broker_free(f->broker);
    free(f->directory);
}

static void step(fixture *f)
{
    bool busy = false;
    CHECK_OK(weir_application_step(f->application, f->now_ms, &busy, &f->err), &f->err);
    f->now_ms += 10;
}

static void run_until_idle(fixture *f)
{
    for (int i = 0; i < 10000; i++) {
        step(f);
        if (weir_application_is_idle(f->application)) {
            return;
        }
    }
    CHECK_NEVER("the application never becomes idle");
}

static void each_record_is_counted_once(const char *guarantee, weir_store_engine engine)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, guarantee, engine);
    count_topology_feed(f.broker, 0, 100);
    run_until_idle(&f);
    CHECK_I64(count_topology_records(f.broker, "out"), ==, 100);
    count_topology_feed(f.broker, 0, 50);
    run_until_idle(&f);
    CHECK_I64(count_topology_records(f.broker, "out"), ==, 150);
    CHECK_I64(count_topology_last(f.broker, "out", "k7"), ==, 2);
    CHECK_I64(count_topology_last(f.broker, "out", "k70"), ==, 1);
    CHECK_I64(count_topology_last(f.broker, "counter-counts-changelog", "k7"), ==, 2);
}

TEST(each_record_is_counted_once_exactly_once)
{
    each_record_is_counted_once("exactly_once_v2", WEIR_ENGINE_ROCKSDB);
}

TEST(each_record_is_counted_once_at_least_once)
{
    each_record_is_counted_once("at_least_once", WEIR_ENGINE_MEMORY);
}

static void a_crash_between_commits_doubles_nothing(weir_store_engine engine)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, "exactly_once_v2", engine);
    for (int round = 1; round <= 5; round++) {
        count_topology_feed(f.broker, 0, 60);
        for (int i = 0; i < 3 + round; i++) {
            step(&f);
        }
        crash(&f);
        f.now_ms += 20000;
        open_application(&f);
        run_until_idle(&f);
        CHECK_I64(count_topology_records(f.broker, "out"), ==, 60 * round);
        CHECK_I64(count_topology_last(f.broker, "out", "k33"), ==, round);
        CHECK_I64(count_topology_last(f.broker, "counter-counts-changelog", "k33"), ==, round);
    }
}

TEST(crash_between_commits_doubles_nothing_on_rocksdb)
{
    a_crash_between_commits_doubles_nothing(WEIR_ENGINE_ROCKSDB);
}

TEST(crash_between_commits_doubles_nothing_in_memory)
{
    a_crash_between_commits_doubles_nothing(WEIR_ENGINE_MEMORY);
}

static void step_often(fixture *f)
{
    for (int i = 0; i < 300; i++) {
        step(f);
    }
}

/* As KIP-834 has it: also before the start, and again in the middle. */
TEST(paused_application_stays_a_member_and_processes_nothing)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, "exactly_once_v2", WEIR_ENGINE_ROCKSDB);
    weir_application_pause(f.application);
    CHECK(weir_application_is_paused(f.application));
    count_topology_feed(f.broker, 0, 100);
    step_often(&f);
    CHECK_I64(weir_application_state_now(f.application), ==, WEIR_APPLICATION_RUNNING);
    CHECK_I64(count_topology_records(f.broker, "out"), ==, 0);
    weir_application_resume(f.application);
    CHECK(!weir_application_is_paused(f.application));
    run_until_idle(&f);
    CHECK_I64(count_topology_records(f.broker, "out"), ==, 100);
    weir_application_pause(f.application);
    weir_application_pause(f.application);
    count_topology_feed(f.broker, 0, 100);
    step_often(&f);
    CHECK_I64(count_topology_records(f.broker, "out"), ==, 100);
    weir_application_resume(f.application);
    run_until_idle(&f);
    CHECK_I64(count_topology_records(f.broker, "out"), ==, 200);
    CHECK_I64(count_topology_last(f.broker, "out", "k7"), ==, 2);
}

/* Else it would be processed again after the crash. */
TEST(what_was_processed_before_a_pause_is_committed_in_it)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, "at_least_once", WEIR_ENGINE_ROCKSDB);
    run_until_idle(&f);
    count_topology_feed(f.broker, 0, 100);
    uint64_t before = weir_application_activity(f.application);
    while (weir_application_activity(f.application) == before) {
        step(&f);
    }
    weir_application_pause(f.application);
    step_often(&f);
    CHECK_I64(count_topology_records(f.broker, "out"), >, 0);
    crash(&f);
    open_application(&f);
    run_until_idle(&f);
    CHECK_I64(count_topology_records(f.broker, "out"), ==, 100);
}

/* Kafka Streams pauses its state updater too. */
TEST(paused_application_restores_when_it_is_resumed)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, "exactly_once_v2", WEIR_ENGINE_MEMORY);
    count_topology_feed(f.broker, 0, 100);
    run_until_idle(&f);
    crash(&f);
    open_application(&f);
    weir_application_pause(f.application);
    step_often(&f);
    CHECK_I64(weir_application_state_now(f.application), ==, WEIR_APPLICATION_REBALANCING);
    weir_application_resume(f.application);
    count_topology_feed(f.broker, 0, 100);
    run_until_idle(&f);
    CHECK_I64(count_topology_last(f.broker, "out", "k7"), ==, 2);
}

TEST(close_commits_what_was_processed)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, "exactly_once_v2", WEIR_ENGINE_ROCKSDB);
    count_topology_feed(f.broker, 0, 10);
    for (int i = 0; i < 6; i++) {
        step(&f);
    }
    weir_application_request_close(f.application);
    while (weir_application_state_now(f.application) != WEIR_APPLICATION_NOT_RUNNING) {
        step(&f);
    }
    CHECK_I64(count_topology_records(f.broker, "out"), ==, 10);
}

TEST(refused_record_is_skipped_whole)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, "exactly_once_v2", WEIR_ENGINE_ROCKSDB);
    count_topology_feed_one(f.broker, "a", "v");
    count_topology_feed_one(f.broker, "a", "bad");
    count_topology_feed_one(f.broker, "a", "late");
    count_topology_feed_one(f.broker, "a", "v");
    run_until_idle(&f);
    CHECK_I64(count_topology_last(f.broker, "counter-counts-changelog", "a"), ==, 2);
    CHECK_I64(count_topology_records(f.broker, "out"), ==, 2);
}

typedef struct letter_seen {
    size_t count;
    char text[1024];
} letter_seen;

static void see_letter(void *user, const weir_record *record)
{
    letter_seen *seen = user;
    seen->count++;
    CHECK_BYTES(record->key, WEIR_BYTES("a"));
    CHECK_BYTES(record->value, WEIR_BYTES("late"));
    for (size_t i = 0; i < record->header_count; i++) {
        size_t used = strlen(seen->text);
        snprintf(seen->text + used, sizeof(seen->text) - used, "%.*s=%.*s\n",
                 (int)record->headers[i].key.size, (const char *)record->headers[i].key.data,
                 (int)record->headers[i].value.size, (const char *)record->headers[i].value.data);
    }
}

TEST(dead_letter_is_the_raw_record_and_says_who_refused_it_and_why)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, "exactly_once_v2", WEIR_ENGINE_ROCKSDB);
    const weir_topic_config dead = {.name = "dead", .partition_count = 1};
    CHECK_OK(weir_broker_create_topic(f.broker, &dead, &f.err), &f.err);
    f.config.processing_handler = WEIR_REACT_DEAD_LETTER;
    f.config.dead_letter_topic = weir_strdup("dead");
    count_topology_feed_one(f.broker, "a", "late");
    run_until_idle(&f);
    letter_seen seen = {0};
    count_topology_visit(f.broker, "dead", see_letter, &seen);
    CHECK_I64(seen.count, ==, 1);
    CHECK_STR(seen.text, "__streams.errors.exception=BAD_RECORD\n"
                         "__streams.errors.stacktrace=\n"
                         "__streams.errors.message=refused after its first effect\n"
                         "__streams.errors.topic=in\n"
                         "__streams.errors.partition=1\n"
                         "__streams.errors.offset=0\n"
                         "__streams.errors.task.id=0_1\n"
                         "__streams.errors.processor.node.id=count\n"
                         "__streams.errors.stage=processing\n"
                         "__streams.errors.attempt=1\n");
    CHECK_I64(count_topology_last(f.broker, "counter-counts-changelog", "a"), ==, -1);
}

TEST(handler_that_fails_stops_the_application_with_the_message)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, "exactly_once_v2", WEIR_ENGINE_ROCKSDB);
    f.config.processing_handler = WEIR_REACT_FAIL;
    count_topology_feed_one(f.broker, "a", "bad");
    bool busy = false;
    for (int i = 0; i < 100; i++) {
        (void)weir_application_step(f.application, f.now_ms, &busy, &f.err);
        f.now_ms += 10;
    }
    CHECK(weir_application_state_now(f.application) == WEIR_APPLICATION_ERROR);
    CHECK_STATUS(weir_application_failure(f.application, &f.err), WEIR_INVALID);
    CHECK_STR(f.err.message, "task 0_1: in[1]@0: this is a bad record, refused in processing by "
                             "pass at attempt 1");
}

/* How many of so many starts succeed on a broker that does not answer now and then. */
static int starts(int64_t start_timeout_ms)
{
    enum { STARTS = 5 };
    WEIR_AUTO_PTR(sim_cluster) cluster = sim_cluster_new(1);
    fixture f = {.broker = sim_broker_connect(cluster),
                 .topology = count_topology_new(&(count_topology_options){0})};
    count_topology_topics(f.broker, 3);
    const weir_setting setting = {"application.id", "counter"};
    CHECK_OK(weir_config_init(&f.config, &setting, 1, &f.err), &f.err);
    const weir_application_options options = {.topology = f.topology,
                                              .config = &f.config,
                                              .broker = f.broker,
                                              .start_timeout_ms = start_timeout_ms,
                                              .never_waits = true};
    sim_cluster_set_faults(cluster, &(sim_faults){.admin_fails = 100000});
    int count = 0;
    for (int i = 0; i < STARTS; i++) {
        weir_status status = weir_application_new(&options, &f.application, &f.err);
        CHECK(status == WEIR_OK || status == WEIR_IO);
        count += status == WEIR_OK ? 1 : 0;
        weir_application_free(weir_take(&f.application));
    }
    fixture_cleanup(&f);
    return count * 100 / STARTS;
}

TEST(a_start_is_tried_again_while_the_broker_does_not_answer)
{
    CHECK_I64(starts(0), <, 100);
    CHECK_I64(starts(600000), ==, 100);
}
