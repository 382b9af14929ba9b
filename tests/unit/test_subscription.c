/* SPDX-License-Identifier: Apache-2.0
 *
 * Subscriptions to the changes of a store: what is told, in which order, and only once it is
 * committed; to slow readers, while tasks move, and by workers that are threads.
 */
#include "connectors/broker_embedded.h"
#include "streams/application_internal.h"
#include "streams/base/serde.h"
#include "streams/dsl/dsl.h"
#include "streams/query.h"
#include "streams/subscription.h"
#include "tests/harness/check.h"
#include "tests/harness/count_application.h"
#include "tests/harness/count_topology.h"
#include "tests/harness/dsl_fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { KEYS = 60, ALWAYS = 1000 * 1000 };

static weir_subscription *subscribe(weir_application *application,
                                    const weir_subscription_options *options)
{
    weir_error err = {0};
    weir_subscription *subscription = NULL;
    CHECK_OK(weir_subscription_new(application, options, &subscription, &err), &err);
    return subscription;
}

static void check_says(weir_bytes got, const char *expected)
{
    weir_bytes bytes = expected == NULL ? WEIR_BYTES_NULL : weir_bytes_of_text(expected);
    CHECK(weir_bytes_equal(got, bytes));
}

static weir_store_change next(weir_subscription *subscription)
{
    weir_error err = {0};
    weir_store_change change = {0};
    CHECK_OK(weir_subscription_next(subscription, 0, &change, &err), &err);
    return change;
}

static void check_signal(weir_subscription *subscription, weir_store_change_kind kind)
{
    weir_store_change change = next(subscription);
    CHECK_I64(change.kind, ==, kind);
    check_says(change.key, NULL);
}

static weir_store_change check_row(weir_subscription *subscription, const char *key,
                                   const char *value, const char *old_value)
{
    weir_store_change change = next(subscription);
    CHECK_I64(change.kind, ==, WEIR_CHANGE_ROW);
    check_says(change.key, key);
    check_says(change.value, value);
    check_says(change.old_value, old_value);
    return change;
}

static void check_nothing(weir_subscription *subscription)
{
    weir_store_change change = {0};
    CHECK_I64(weir_subscription_next(subscription, 0, &change, NULL), ==, WEIR_AGAIN);
}

static weir_builder *table(void)
{
    weir_builder *builder = weir_builder_new();
    (void)weir_builder_table(builder, "in", NULL, &(weir_materialized){.store_name = "rows"});
    return builder;
}

static void told_of_each_change(const char *cache_bytes_max)
{
    dsl_fixture self;
    dsl_fixture_start(&self, table(), cache_bytes_max);
    dsl_send(&self, "in", "a", "before", 5);
    WEIR_AUTO_PTR(weir_subscription)
    subscription = subscribe(weir_test_driver_application(self.driver),
                             &(weir_subscription_options){.store = "rows", .old_values = true});
    check_signal(subscription, WEIR_CHANGE_STARTED);
    check_nothing(subscription);
    dsl_send(&self, "in", "a", "1", 10);
    weir_store_change first = check_row(subscription, "a", "1", "before");
    CHECK_I64(first.timestamp_ms, ==, 10);
    CHECK_I64(first.window_start_ms, ==, -1);
    CHECK_I64(first.partition, ==, 0);
    dsl_send(&self, "in", "b", "2", 20);
    dsl_send(&self, "in", "a", NULL, 30);
    weir_store_change second = check_row(subscription, "b", "2", NULL);
    CHECK_I64(second.position, >, first.position);
    weir_store_change third = check_row(subscription, "a", NULL, "1");
    CHECK_I64(third.position, >, second.position);
    check_nothing(subscription);
    weir_subscription_free(weir_take(&subscription));
    dsl_fixture_end(&self);
}

TEST(subscriber_is_told_of_each_change_in_order)
{
    told_of_each_change("0");
}

TEST(subscriber_is_told_of_what_a_cache_lets_go_of)
{
    told_of_each_change("100000");
}

TEST(key_or_prefix_picks_the_changes)
{
    dsl_fixture self;
    dsl_fixture_start(&self, table(), "0");
    weir_application *application = weir_test_driver_application(self.driver);
    weir_subscription_options options = {.store = "rows", .key = WEIR_BYTES("ab")};
    WEIR_AUTO_PTR(weir_subscription) of_key = subscribe(application, &options);
    options = (weir_subscription_options){.store = "rows", .prefix = WEIR_BYTES("a")};
    WEIR_AUTO_PTR(weir_subscription) of_prefix = subscribe(application, &options);
    check_signal(of_key, WEIR_CHANGE_STARTED);
    check_signal(of_prefix, WEIR_CHANGE_STARTED);
    dsl_send(&self, "in", "abc", "1", 1);
    dsl_send(&self, "in", "ab", "2", 2);
    dsl_send(&self, "in", "b", "3", 3);
    (void)check_row(of_key, "ab", "2", NULL);
    (void)check_row(of_prefix, "abc", "1", NULL);
    (void)check_row(of_prefix, "ab", "2", NULL);
    check_nothing(of_key);
    check_nothing(of_prefix);

    weir_error err = {0};
    weir_subscription *none = NULL;
    options.key = WEIR_BYTES("a");
    CHECK_I64(weir_subscription_new(application, &options, &none, &err), ==, WEIR_INVALID);
    options = (weir_subscription_options){.store = "nowhere"};
    CHECK_I64(weir_subscription_new(application, &options, &none, &err), ==, WEIR_INVALID);
    CHECK(strstr(err.message, "has no store 'nowhere'") != NULL);
    weir_subscription_free(weir_take(&of_key));
    weir_subscription_free(weir_take(&of_prefix));
    dsl_fixture_end(&self);
}

TEST(change_of_a_window_has_its_start)
{
    weir_builder *builder = weir_builder_new();
    weir_kgrouped_stream *grouped =
        weir_kstream_group_by_key(weir_builder_stream(builder, "in", NULL), NULL);
    weir_time_windowed_kstream *windowed =
        weir_kgrouped_stream_windowed_by(grouped, &(weir_time_windows){.size_ms = 10});
    (void)weir_time_windowed_count(windowed, &(weir_materialized){.store_name = "counts"}, NULL);
    dsl_fixture self;
    dsl_fixture_start(&self, builder, "0");
    WEIR_AUTO_PTR(weir_subscription)
    subscription =
        subscribe(weir_test_driver_application(self.driver),
                  &(weir_subscription_options){.store = "counts", .key = WEIR_BYTES("a")});
    check_signal(subscription, WEIR_CHANGE_STARTED);
    dsl_send(&self, "in", "a", "x", 25);
    weir_store_change change = next(subscription);
    check_says(change.key, "a");
    CHECK_I64(change.window_start_ms, ==, 20);
    CHECK_I64(change.timestamp_ms, ==, 25);
    CHECK_I64(change.value.size, ==, 8);
    weir_subscription_free(weir_take(&subscription));
    dsl_fixture_end(&self);
}

/* What a subscriber knows of the counts. */
typedef struct mirror {
    weir_subscription *subscription;
    int64_t counts[KEYS];
    int64_t rows;
    int64_t signals[4]; /* By kind. */
} mirror;

/* Takes what there is; a count that is not the one after the last was made up, or left out. */
static void follow(mirror *self, uint32_t timeout_ms)
{
    weir_store_change change = {0};
    while (weir_subscription_next(self->subscription, timeout_ms, &change, NULL) == WEIR_OK) {
        timeout_ms = 0;
        self->signals[change.kind]++;
        if (change.kind != WEIR_CHANGE_ROW) {
            continue;
        }
        char text[16] = {0};
        CHECK_I64(change.key.size, <, (int64_t)sizeof(text));
        memcpy(text, change.key.data, change.key.size);
        int64_t *count = &self->counts[strtol(text + 1, NULL, 10)];
        CHECK_I64((int64_t)weir_get_u64_be(change.value.data), ==, *count + 1);
        (*count)++;
        self->rows++;
    }
}

TEST(what_a_transaction_gives_up_is_never_told)
{
    WEIR_AUTO(count_application) a = {0};
    count_application_start(&a, false, NULL, 0);
    count_application_run(&a);
    mirror m = {.subscription =
                    subscribe(a.application, &(weir_subscription_options){.store = "counts"})};
    follow(&m, 0);
    CHECK_I64(m.signals[WEIR_CHANGE_STARTED], ==, COUNT_PARTITIONS);
    for (int64_t round = 1; round <= 3; round++) {
        int64_t ended = m.signals[WEIR_CHANGE_ENDED] + m.signals[WEIR_CHANGE_STARTED];
        sim_cluster_set_faults(a.cluster, &(sim_faults){.commit_fails = ALWAYS});
        count_topology_feed(a.broker, 0, KEYS);
        count_application_steps(&a, 60);
        follow(&m, 0);
        CHECK_I64(m.rows, ==, (round - 1) * KEYS);
        CHECK_I64(m.signals[WEIR_CHANGE_ENDED] + m.signals[WEIR_CHANGE_STARTED], >, ended);
        sim_cluster_set_faults(a.cluster, &(sim_faults){0});
        count_application_run(&a);
        follow(&m, 0);
        CHECK_I64(m.rows, ==, round * KEYS);
    }
    CHECK_I64(m.signals[WEIR_CHANGE_MISSED], ==, 0);
    weir_subscription_free(m.subscription);
}

TEST(slow_subscriber_is_told_that_it_missed_changes)
{
    WEIR_AUTO(count_application) a = {0};
    count_application_start(&a, false, NULL, 0);
    count_application_run(&a);
    const weir_subscription_options options = {.store = "counts", .bytes_max = 4096};
    mirror m = {.subscription = subscribe(a.application, &options)};
    follow(&m, 0);
    for (int round = 0; round < 5; round++) {
        count_topology_feed(a.broker, 0, KEYS);
        count_application_run(&a);
    }
    follow(&m, 0);
    CHECK_I64(m.rows, >, 0);
    CHECK_I64(m.rows, <, 5 * KEYS);
    CHECK_I64(m.signals[WEIR_CHANGE_MISSED], ==, COUNT_PARTITIONS);
    int64_t rows = m.rows;
    for (int64_t i = 0; i < KEYS; i++) {
        m.counts[i] = 5; /* As it would have read. */
    }
    count_topology_feed(a.broker, 0, KEYS / 2);
    count_application_run(&a);
    follow(&m, 0);
    CHECK_I64(m.rows, ==, rows + KEYS / 2);
    CHECK_I64(m.signals[WEIR_CHANGE_MISSED], ==, COUNT_PARTITIONS);
    weir_subscription_free(m.subscription);
}

TEST(commit_that_is_larger_than_all_that_may_wait_is_missed)
{
    WEIR_AUTO(count_application) a = {0};
    count_application_start(&a, false, NULL, 0);
    count_application_run(&a);
    const weir_subscription_options options = {.store = "counts", .bytes_max = 256};
    mirror m = {.subscription = subscribe(a.application, &options)};
    follow(&m, 0);
    count_topology_feed(a.broker, 0, KEYS);
    count_application_run(&a);
    follow(&m, 0);
    CHECK_I64(m.signals[WEIR_CHANGE_MISSED], >, 0);
    CHECK_I64(m.rows, <, KEYS);
    weir_subscription_free(m.subscription);
}

TEST(subscription_goes_on_while_tasks_move_between_workers)
{
    WEIR_AUTO(count_application) a = {0};
    const weir_setting two = {"num.stream.threads", "2"};
    count_application_start(&a, true, &two, 1);
    count_application_run(&a);
    mirror m = {.subscription =
                    subscribe(a.application, &(weir_subscription_options){.store = "counts"})};
    follow(&m, 0);
    for (int64_t round = 1; round <= 4; round++) {
        count_topology_feed(a.broker, 0, KEYS);
        count_application_steps(&a, 3);
        for (size_t i = 0; i < COUNT_PARTITIONS; i++) {
            size_t worker = weir_application_slot(a.application, i).worker;
            weir_application_move_task(a.application, i, 1 - worker);
        }
        for (int step = 0; step < 200; step++) {
            count_application_steps(&a, 1);
            follow(&m, 0);
        }
        count_application_run(&a);
        follow(&m, 0);
        CHECK_I64(m.rows, ==, round * KEYS);
        CHECK_I64(m.signals[WEIR_CHANGE_ENDED], ==, round * COUNT_PARTITIONS);
        CHECK_I64(m.signals[WEIR_CHANGE_STARTED], ==, (round + 1) * COUNT_PARTITIONS);
    }
    weir_subscription_free(m.subscription);
}

TEST(subscriptions_share_the_bytes_that_all_may_take)
{
    enum { FIT = 16 };
    WEIR_AUTO(count_application) a = {0};
    const weir_setting limit = {"weir.subscription.bytes.max", "1048576"};
    count_application_start(&a, false, &limit, 1);
    const weir_subscription_options options = {.store = "counts"};
    weir_subscription *fitting[FIT] = {NULL};
    for (size_t i = 0; i < FIT; i++) {
        fitting[i] = subscribe(a.application, &options);
    }
    weir_subscription *more = NULL;
    CHECK_I64(weir_subscription_new(a.application, &options, &more, &a.err), ==, WEIR_AGAIN);
    CHECK(strstr(a.err.message, "weir.subscription.bytes.max") != NULL);
    weir_subscription_free(fitting[0]);
    fitting[0] = subscribe(a.application, &options);
    for (size_t i = 0; i < FIT; i++) {
        weir_subscription_free(fitting[i]);
    }
}

/* Subscribes, asks and goes again and again, on a thread of its own. */
typedef struct visitor {
    weir_application *application;
    pthread_t thread;
    atomic_bool stops;
    atomic_int rounds;
} visitor;

static void *visit_often(void *argument)
{
    visitor *self = argument;
    WEIR_AUTO(weir_buf) value = {0};
    while (!atomic_load(&self->stops)) {
        weir_subscription *subscription =
            subscribe(self->application, &(weir_subscription_options){.store = "counts"});
        weir_store_change change = {0};
        (void)weir_subscription_next(subscription, 1, &change, NULL);
        (void)weir_query_get(self->application, "counts", WEIR_BYTES("k1"), WEIR_BYTES_NULL, &value,
                             NULL);
        weir_subscription_free(subscription);
        atomic_fetch_add(&self->rounds, 1);
    }
    return NULL;
}

static void wait_for_rounds(visitor *visitors, size_t count, int more)
{
    enum { WAITS_MAX = 60000 };
    WEIR_AUTO_PTR(weir_mailbox) nap = weir_mailbox_new(1);
    for (size_t i = 0; i < count; i++) {
        int wanted = atomic_load(&visitors[i].rounds) + more;
        for (int w = 0; w < WAITS_MAX && atomic_load(&visitors[i].rounds) < wanted; w++) {
            (void)weir_mailbox_wait(nap, 1);
        }
        CHECK_I64(atomic_load(&visitors[i].rounds), >=, wanted);
    }
}

TEST(subscribers_come_and_go_while_the_application_starts_and_ends)
{
    enum { VISITORS = 2, ROUNDS = 3 };
    weir_error err = {0};
    weir_broker *broker = NULL;
    CHECK_OK(weir_broker_embedded_open(&(weir_broker_embedded_options){0}, &broker, &err), &err);
    count_topology_topics(broker, 4);
    const weir_setting settings[] = {{"application.id", "counter"}, {"num.stream.threads", "2"}};
    weir_config config = {0};
    CHECK_OK(weir_config_init(&config, settings, WEIR_COUNT_OF(settings), &err), &err);
    weir_topology *topology = count_topology_new(&(count_topology_options){0});
    const weir_application_options options = {
        .topology = topology, .config = &config, .broker = broker};
    weir_application *application = NULL;
    CHECK_OK(weir_application_new(&options, &application, &err), &err);
    visitor visitors[VISITORS] = {{.application = application}, {.application = application}};
    for (size_t i = 0; i < VISITORS; i++) {
        CHECK(pthread_create(&visitors[i].thread, NULL, visit_often, &visitors[i]) == 0);
    }
    wait_for_rounds(visitors, VISITORS, ROUNDS);
    CHECK_OK(weir_application_start(application, &err), &err);
    count_topology_feed(broker, 0, KEYS);
    wait_for_rounds(visitors, VISITORS, ROUNDS);
    CHECK_OK(weir_application_close(application, &err), &err);
    wait_for_rounds(visitors, VISITORS, ROUNDS);
    for (size_t i = 0; i < VISITORS; i++) {
        atomic_store(&visitors[i].stops, true);
        pthread_join(visitors[i].thread, NULL);
    }
    weir_application_free(application);
    weir_topology_free(topology);
    weir_config_cleanup(&config);
    weir_broker_free(broker);
}

TEST(workers_that_are_threads_tell_all_and_the_end)
{
    enum { ROUNDS = 5, WAITS_MAX = 3000 };
    weir_error err = {0};
    weir_broker *broker = NULL;
    CHECK_OK(weir_broker_embedded_open(&(weir_broker_embedded_options){0}, &broker, &err), &err);
    count_topology_topics(broker, 4);
    const weir_setting settings[] = {
        {"application.id", "counter"},
        {"commit.interval.ms", "5"},
        {"num.stream.threads", "2"},
    };
    weir_config config = {0};
    CHECK_OK(weir_config_init(&config, settings, WEIR_COUNT_OF(settings), &err), &err);
    weir_topology *topology = count_topology_new(&(count_topology_options){0});
    const weir_application_options options = {
        .topology = topology, .config = &config, .broker = broker};
    weir_application *application = NULL;
    CHECK_OK(weir_application_new(&options, &application, &err), &err);
    const weir_subscription_options subscribed = {.store = "counts", .old_values = true};
    mirror m = {.subscription = subscribe(application, &subscribed)};
    CHECK_OK(weir_application_start(application, &err), &err);
    weir_subscription *other = subscribe(application, &subscribed);
    for (int round = 0; round < ROUNDS; round++) {
        count_topology_feed(broker, 0, KEYS);
        follow(&m, 1);
    }
    weir_subscription_free(other); /* While the workers write. */
    for (int i = 0; i < WAITS_MAX && m.rows < ROUNDS * KEYS; i++) {
        follow(&m, 10);
    }
    CHECK_I64(m.rows, ==, ROUNDS * KEYS);
    CHECK_I64(m.signals[WEIR_CHANGE_STARTED], >=, 4);
    CHECK_OK(weir_application_close(application, &err), &err);
    follow(&m, 0);
    CHECK_I64(m.signals[WEIR_CHANGE_ENDED], >=, 4);
    weir_store_change change = {0};
    CHECK_I64(weir_subscription_next(m.subscription, 1000, &change, &err), ==, WEIR_FENCED);
    weir_subscription_free(m.subscription);
    weir_application_free(application);
    weir_topology_free(topology);
    weir_config_cleanup(&config);
    weir_broker_free(broker);
}
