/* SPDX-License-Identifier: Apache-2.0
 *
 * An application as users run it: threads, the embedded broker in a directory, RocksDB; dropped
 * without a close, reopened, asked for its rows (streams/application.c, query.c).
 */
#include "connectors/broker_embedded.h"
#include "streams/application.h"
#include "streams/base/hash.h"
#include "streams/base/mailbox.h"
#include "streams/base/serde.h"
#include "streams/query.h"
#include "tests/harness/check.h"
#include "tests/harness/count_topology.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct fixture {
    weir_broker *broker;
    weir_topology *topology;
    weir_config config;
    char *broker_directory;
    char *state_directory;
    weir_database *database;
    weir_application *application;
    weir_mailbox *nap;
    weir_metrics *metrics;
    weir_error err;
} fixture;

static void open_all(fixture *f)
{
    const weir_broker_embedded_options broker = {.directory = f->broker_directory};
    CHECK_OK(weir_broker_embedded_open(&broker, &f->broker, &f->err), &f->err);
    count_topology_topics(f->broker, 4);
    const weir_database_options database = {.directory = f->state_directory};
    CHECK_OK(weir_database_open(&database, &f->database, &f->err), &f->err);
    const weir_application_options application = {
        .topology = f->topology,
        .config = &f->config,
        .broker = f->broker,
        .database = f->database,
        .metrics = f->metrics,
    };
    CHECK_OK(weir_application_new(&application, &f->application, &f->err), &f->err);
    CHECK_OK(weir_application_start(f->application, &f->err), &f->err);
}

static void drop_all(fixture *f)
{
    weir_application_free(weir_take(&f->application));
    weir_database_free(weir_take(&f->database));
    weir_broker_free(weir_take(&f->broker));
}

static void start_reading(fixture *f, const char *guarantee, const char *pattern)
{
    f->broker_directory = check_directory();
    f->state_directory = check_directory();
    f->nap = weir_mailbox_new(1);
    f->metrics = weir_metrics_new();
    f->topology = count_topology_new(&(count_topology_options){.pattern = pattern});
    const weir_setting settings[] = {
        {"application.id", "counter"},    {"processing.guarantee", guarantee},
        {"commit.interval.ms", "20"},     {"num.stream.threads", "2"},
        {"weir.stream.threads.max", "3"}, {"weir.topics.check.interval.ms", "100"},
    };
    CHECK_OK(weir_config_init(&f->config, settings, WEIR_COUNT_OF(settings), &f->err), &f->err);
    open_all(f);
}

static void start(fixture *f, const char *guarantee)
{
    start_reading(f, guarantee, NULL);
}

static void fixture_cleanup(fixture *f)
{
    drop_all(f);
    weir_topology_free(f->topology);
    weir_config_cleanup(&f->config);
    weir_mailbox_free(f->nap);
    weir_metrics_free(f->metrics);
    free(f->broker_directory);
    free(f->state_directory);
}

static void wait_until_idle(fixture *f)
{
    int idle = 0;
    for (int i = 0; i < 30000 && idle < 2; i++) {
        idle = weir_application_is_idle(f->application) ? idle + 1 : 0;
        (void)weir_mailbox_wait(f->nap, 1);
    }
    CHECK_I64(idle, ==, 2);
}

static int64_t count_of(fixture *f, const char *key)
{
    WEIR_AUTO(weir_buf) value = {0};
    CHECK_OK(weir_query_get(f->application, "counts", weir_bytes_of_text(key), WEIR_BYTES_NULL,
                            &value, &f->err),
             &f->err);
    return (int64_t)weir_get_u64_be(value.data);
}

TEST(counts_are_exact_after_the_process_was_dropped)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, "exactly_once_v2");
    for (int round = 1; round <= 3; round++) {
        count_topology_feed(f.broker, 0, 1000);
        for (int i = 0; i < round * 7; i++) {
            (void)weir_mailbox_wait(f.nap, 1); /* Somewhere in the middle. */
        }
        drop_all(&f);
        open_all(&f);
        wait_until_idle(&f);
        CHECK_I64(count_topology_records(f.broker, "out"), ==, 1000 * round);
        CHECK_I64(count_of(&f, "k0"), ==, round);
        CHECK_I64(count_of(&f, "k999"), ==, round);
    }
}

static void wait_for_records(fixture *f, size_t count)
{
    size_t found = 0;
    for (int i = 0; i < 3000 && found < count; i++) {
        (void)weir_mailbox_wait(f->nap, 10);
        found = count_topology_records(f->broker, "out");
    }
    CHECK_I64(found, ==, count);
}

TEST(topics_that_a_pattern_matches_later_are_counted_while_threads_work)
{
    enum { TOPICS = 3, RECORDS = 200 };
    WEIR_AUTO(fixture) f = {0};
    start_reading(&f, "exactly_once_v2", "in.*");
    for (int i = 1; i <= TOPICS; i++) {
        WEIR_AUTO_FREE char *name = weir_format("in-%d", i);
        const weir_topic_config topic = {.name = name, .partition_count = 4};
        CHECK_OK(weir_broker_create_topic(f.broker, &topic, &f.err), &f.err);
        count_topology_feed_topic(f.broker, name, 0, RECORDS);
        count_topology_feed(f.broker, 0, RECORDS);
        wait_for_records(&f, (size_t)i * 2 * RECORDS);
    }
    wait_until_idle(&f);
    CHECK_I64(count_of(&f, "k0"), ==, 2 * TOPICS);
    CHECK_I64(count_of(&f, "k199"), ==, 2 * TOPICS);
    CHECK_I64(count_topology_records(f.broker, "out"), ==, TOPICS * 2 * RECORDS);
}

TEST(nothing_is_lost_at_least_once)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, "at_least_once");
    count_topology_feed(f.broker, 0, 1000);
    (void)weir_mailbox_wait(f.nap, 10);
    drop_all(&f);
    open_all(&f);
    wait_until_idle(&f);
    CHECK_I64(count_of(&f, "k500"), >=, 1);
    CHECK_I64(count_topology_records(f.broker, "out"), >=, 1000);
}

TEST(application_is_paused_and_resumed_from_other_threads_while_it_works)
{
    enum { FEEDS = 40, RECORDS = 50 };
    WEIR_AUTO(fixture) f = {0};
    start(&f, "exactly_once_v2");
    for (int i = 0; i < FEEDS; i++) {
        count_topology_feed(f.broker, 0, RECORDS);
        if (i % 2 == 0) {
            weir_application_pause(f.application);
        } else {
            weir_application_resume(f.application);
        }
        CHECK(weir_application_is_paused(f.application) == (i % 2 == 0));
        (void)weir_mailbox_wait(f.nap, 1);
    }
    wait_until_idle(&f);
    CHECK_I64(count_topology_records(f.broker, "out"), ==, FEEDS * RECORDS);
    CHECK_I64(count_of(&f, "k49"), ==, FEEDS);
}

TEST(application_that_is_paused_closes_and_commits)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, "exactly_once_v2");
    count_topology_feed(f.broker, 0, 1000);
    wait_until_idle(&f);
    weir_application_pause(f.application);
    count_topology_feed(f.broker, 0, 1000);
    CHECK_OK(weir_application_close(f.application, &f.err), &f.err);
    CHECK_I64(weir_application_state_now(f.application), ==, WEIR_APPLICATION_NOT_RUNNING);
    weir_application_resume(f.application); /* Nobody is there any more. */
    drop_all(&f);
    open_all(&f);
    wait_until_idle(&f);
    CHECK_I64(count_topology_records(f.broker, "out"), ==, 2000);
}

TEST(cpu_time_of_each_worker_is_counted)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, "exactly_once_v2");
    count_topology_feed(f.broker, 0, 100);
    wait_until_idle(&f);
    const char *const threads[] = {"0", "1"};
    for (size_t i = 0; i < WEIR_COUNT_OF(threads); i++) {
        const weir_label of = {"thread_id", threads[i]};
        CHECK_I64(weir_metrics_sum(f.metrics, "weir_stream_thread_cpu_ns_total", &of), >, 0);
    }
}

typedef struct rows_seen {
    size_t count;
    char last[32];
} rows_seen;

static weir_status see_row(void *user, weir_bytes key, weir_bytes value, weir_error *err)
{
    (void)err;
    rows_seen *seen = user;
    char *text = weir_bytes_to_text(key);
    CHECK(weir_bytes_compare(weir_bytes_of_text(seen->last), key) < 0);
    CHECK_I64(weir_get_u64_be(value.data), ==, 1);
    CHECK(key.size < sizeof(seen->last));
    snprintf(seen->last, sizeof(seen->last), "%s", text);
    free(text);
    seen->count++;
    return WEIR_OK;
}

TEST(pages_of_rows_are_in_the_order_of_keys_over_all_partitions)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, "exactly_once_v2");
    count_topology_feed(f.broker, 0, 200);
    wait_until_idle(&f);
    rows_seen seen = {0};
    bool more = true;
    while (more) {
        char after[sizeof(seen.last)];
        snprintf(after, sizeof(after), "%s", seen.last);
        const weir_query_scan scan = {
            .store = "counts",
            .prefix = WEIR_BYTES("k1"),
            .after = seen.count == 0 ? WEIR_BYTES_NULL : weir_bytes_of_text(after),
            .limit = 7,
        };
        CHECK_OK(weir_query_rows(f.application, &scan, see_row, &seen, &more, &f.err), &f.err);
    }
    CHECK_I64(seen.count, ==, 1 + 10 + 100); /* k1, k10 to k19, k100 to k199. */
}

static weir_status see_store(void *user, const weir_query_store *store, weir_error *err)
{
    (void)err;
    CHECK_STR(store->name, "counts");
    CHECK_STR(store->changelog, "counter-counts-changelog");
    CHECK_I64(store->partitions_here, ==, 4);
    ++*(int *)user;
    return WEIR_OK;
}

TEST(stores_are_listed_and_an_unknown_one_is_named)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, "exactly_once_v2");
    count_topology_feed(f.broker, 0, 10);
    wait_until_idle(&f);
    int stores = 0;
    CHECK_OK(weir_query_stores(f.application, see_store, &stores, &f.err), &f.err);
    CHECK_I64(stores, ==, 1);
    WEIR_AUTO(weir_buf) value = {0};
    CHECK_STATUS(
        weir_query_get(f.application, "count", WEIR_BYTES("k"), WEIR_BYTES_NULL, &value, &f.err),
        WEIR_INVALID);
    CHECK_STR(f.err.message, "counter has no store 'count'");
    CHECK_STATUS(weir_query_get(f.application, "counts", WEIR_BYTES("none"), WEIR_BYTES_NULL,
                                &value, &f.err),
                 WEIR_NOT_FOUND);
}

TEST(close_leaves_nothing_to_restore)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, "exactly_once_v2");
    count_topology_feed(f.broker, 0, 100);
    wait_until_idle(&f);
    CHECK_OK(weir_application_close(f.application, &f.err), &f.err);
    CHECK(weir_application_state_now(f.application) == WEIR_APPLICATION_NOT_RUNNING);
    drop_all(&f);
    open_all(&f);
    wait_until_idle(&f);
    CHECK_I64(weir_application_activity(f.application), ==, 0);
    CHECK_I64(count_of(&f, "k42"), ==, 1);
}

/* The commit comes while the caller waits. */
TEST(who_waits_reads_what_it_has_just_written)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, "exactly_once_v2");
    const weir_topic_partition input = {"in", weir_partition_of(WEIR_BYTES("k"), 4)};
    for (int64_t written = 1; written <= 5; written++) {
        count_topology_feed_one(f.broker, "k", "v");
        int64_t end = 0;
        CHECK_OK(weir_broker_offset(f.broker, input, WEIR_OFFSET_LATEST, 0, &end, &f.err), &f.err);
        WEIR_AUTO(weir_position) at_least = {0};
        weir_position_add(&at_least, input.topic, input.partition, end - 1);
        const weir_query_terms terms = {.at_least = &at_least, .wait_ms_max = 60000};
        const weir_query_key query = {.store = "counts", .key = WEIR_BYTES("k"), .terms = &terms};
        WEIR_AUTO(weir_buf) value = {0};
        weir_status status = WEIR_AGAIN;
        for (int i = 0; i < 30000 && status == WEIR_AGAIN; i++) { /* Until the tasks run. */
            status = weir_query_row(f.application, &query, &value, &f.err);
            (void)weir_mailbox_wait(f.nap, 1);
        }
        CHECK_OK(status, &f.err);
        CHECK_I64(weir_get_u64_be(value.data), ==, written);
    }
}

/* A new one gets its tasks when it is ready. */
static void wait_for_workers(fixture *f, size_t count)
{
    for (int i = 0; i < 30000 && weir_application_stream_thread_count(f->application) != count;
         i++) {
        (void)weir_mailbox_wait(f->nap, 1);
    }
    CHECK_I64(weir_application_stream_thread_count(f->application), ==, count);
}

static void add(fixture *f, size_t wanted, size_t count)
{
    size_t worker = SIZE_MAX;
    CHECK_OK(weir_application_add_stream_thread(f->application, &worker, &f->err), &f->err);
    CHECK_I64(worker, ==, wanted);
    wait_for_workers(f, count);
}

static void remove_last(fixture *f, size_t wanted, size_t count)
{
    size_t worker = SIZE_MAX;
    CHECK_OK(weir_application_remove_stream_thread(f->application, 60000, &worker, &f->err),
             &f->err);
    CHECK_I64(worker, ==, wanted);
    CHECK_I64(weir_application_stream_thread_count(f->application), ==, count);
}

TEST(workers_come_and_go_while_records_are_counted)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, "exactly_once_v2");
    count_topology_feed(f.broker, 0, 1000);
    wait_until_idle(&f);
    count_topology_feed(f.broker, 0, 1000);
    add(&f, 2, 3);
    count_topology_feed(f.broker, 0, 1000);
    remove_last(&f, 2, 2);
    remove_last(&f, 1, 1);
    count_topology_feed(f.broker, 0, 1000);
    add(&f, 1, 2);
    wait_until_idle(&f);
    CHECK_I64(count_topology_records(f.broker, "out"), ==, 4000);
    CHECK_I64(count_of(&f, "k0"), ==, 4);
    CHECK_I64(count_of(&f, "k999"), ==, 4);
}

TEST(worker_that_is_added_to_a_paused_application_is_paused)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, "exactly_once_v2");
    wait_until_idle(&f);
    weir_application_pause(f.application);
    count_topology_feed(f.broker, 0, 1000);
    add(&f, 2, 3);
    for (int i = 0; i < 50; i++) {
        (void)weir_mailbox_wait(f.nap, 1);
    }
    CHECK_I64(count_topology_records(f.broker, "out"), ==, 0);
    weir_application_resume(f.application);
    wait_until_idle(&f);
    CHECK_I64(count_topology_records(f.broker, "out"), ==, 1000);
}

static uint64_t cpu_ns_of(const fixture *f, const char *worker)
{
    const weir_label of = {"thread_id", worker};
    return (uint64_t)weir_metrics_sum(f->metrics, "weir_stream_thread_cpu_ns_total", &of);
}

TEST(worker_that_was_added_gets_tasks_at_once_and_one_that_was_removed_runs_no_more)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, "exactly_once_v2");
    count_topology_feed(f.broker, 0, 100);
    wait_until_idle(&f);
    const weir_label of = {"thread_id", "2"};
    CHECK_I64(weir_metrics_sum(f.metrics, "weir_stream_thread_tasks", &of), ==, 0);
    add(&f, 2, 3);
    for (int i = 0; i < 30000 && weir_metrics_sum(f.metrics, "weir_stream_thread_tasks", &of) == 0;
         i++) {
        (void)weir_mailbox_wait(f.nap, 1);
    }
    CHECK_I64(weir_metrics_sum(f.metrics, "weir_stream_thread_tasks", &of), ==, 1); /* 2, 1, 1. */
    remove_last(&f, 2, 2);
    CHECK_I64(weir_metrics_sum(f.metrics, "weir_stream_thread_tasks", &of), ==, 0);
    uint64_t cpu_ns = cpu_ns_of(&f, "2");
    count_topology_feed(f.broker, 0, 100);
    wait_until_idle(&f);
    CHECK(cpu_ns_of(&f, "2") == cpu_ns);
}

TEST(too_many_workers_and_too_few_are_refused)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, "at_least_once");
    count_topology_feed(f.broker, 0, 10);
    wait_until_idle(&f);
    size_t worker = 0;
    add(&f, 2, 3);
    CHECK_STATUS(weir_application_add_stream_thread(f.application, &worker, &f.err), WEIR_INVALID);
    CHECK_STR(f.err.message,
              "all 3 workers that weir.stream.threads.max allows are there: raise it");
    remove_last(&f, 2, 2);
    remove_last(&f, 1, 1);
    CHECK_STATUS(weir_application_remove_stream_thread(f.application, 60000, &worker, &f.err),
                 WEIR_INVALID);
    CHECK_STR(f.err.message, "the last worker stays: close the application, or add one first");
    CHECK_OK(weir_application_close(f.application, &f.err), &f.err);
    CHECK_STATUS(weir_application_add_stream_thread(f.application, &worker, &f.err), WEIR_INVALID);
    CHECK_STR(f.err.message, "application counter is NOT_RUNNING: workers come and go while it is "
                             "RUNNING or REBALANCING");
}

TEST(removal_that_is_not_waited_for_goes_on_by_itself_and_a_close_may_come_between)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, "exactly_once_v2");
    count_topology_feed(f.broker, 0, 1000);
    wait_until_idle(&f);
    size_t worker = 0;
    CHECK_STATUS(weir_application_remove_stream_thread(f.application, 0, &worker, &f.err),
                 WEIR_AGAIN);
    wait_for_workers(&f, 1);
    add(&f, 2, 2); /* While worker 1 ends. */
    (void)weir_application_remove_stream_thread(f.application, 0, &worker, &f.err);
    CHECK_OK(weir_application_close(f.application, &f.err), &f.err);
    drop_all(&f);
    open_all(&f);
    wait_until_idle(&f);
    CHECK_I64(count_topology_records(f.broker, "out"), ==, 1000);
}
