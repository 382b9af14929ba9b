/* SPDX-License-Identifier: Apache-2.0
 *
 * What becomes of an application when a worker cannot go on: the worker is replaced, the process
 * ends, or all processes do (streams/uncaught_exception.h). Two processes on one simulated cluster,
 * stepped; and one in threads.
 */
#include "connectors/broker_embedded.h"
#include "streams/application.h"
#include "streams/base/hash.h"
#include "streams/base/mailbox.h"
#include "streams/base/serde.h"
#include "streams/producer.h"
#include "streams/topology_stores.h"
#include "tests/harness/check.h"
#include "tests/harness/count_topology.h"
#include "tests/harness/sim_broker.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { START_MS = 1000000, STEPS_MAX = 4000, PARTITIONS = 4, WORKERS = 2 };

/* What processors, resources and the handler share; several workers may be at it. */
typedef struct test_plan {
    pthread_mutex_t lock;
    int throws_left;  /* So many records fail after their count was put. */
    int64_t passes;   /* Records until the first that does. */
    int refuses_left; /* So many times the resource does not open. */
    int opened;
    int closed;
    int made; /* Processors. */
    int asked;
    char last[WEIR_ERROR_MESSAGE_BYTES_MAX];
    weir_status last_status;
    weir_thread_exception_response response;
} test_plan;

typedef struct thrower {
    weir_processor base; /* Must be first. */
    test_plan *plan;
    weir_buf value;
} thrower;

static bool throws_now(test_plan *plan)
{
    pthread_mutex_lock(&plan->lock);
    bool throws = plan->throws_left > 0 && --plan->passes < 0;
    plan->throws_left -= throws ? 1 : 0;
    pthread_mutex_unlock(&plan->lock);
    return throws;
}

static weir_status count(weir_processor *processor, const weir_record *record, weir_error *err)
{
    thrower *self = (thrower *)(void *)processor;
    weir_kv *counts = weir_context_store(processor->context, "counts");
    weir_status status = weir_kv_get(counts, record->key, &self->value, err);
    CHECK(status == WEIR_OK || status == WEIR_NOT_FOUND);
    uint8_t bytes[sizeof(uint64_t)];
    weir_put_u64_be(bytes, 1 + (status == WEIR_OK ? weir_get_u64_be(self->value.data) : 0));
    WEIR_TRY(weir_kv_put(counts, record->key, weir_bytes_of(bytes, sizeof(bytes)), err));
    weir_record out = *record;
    out.value = weir_bytes_of(bytes, sizeof(bytes));
    WEIR_TRY(weir_context_forward(processor->context, &out, err));
    return throws_now(self->plan) ? weir_error_set(err, WEIR_FATAL, "thrown on purpose") : WEIR_OK;
}

static void free_thrower(weir_processor *processor)
{
    weir_buf_cleanup(&((thrower *)(void *)processor)->value);
    free(processor);
}

static weir_processor *new_thrower(void *user)
{
    static const weir_processor_ops ops = {NULL, count, free_thrower};
    thrower *self = weir_alloc(sizeof(*self));
    self->base.ops = &ops;
    self->plan = user;
    pthread_mutex_lock(&self->plan->lock);
    self->plan->made++;
    pthread_mutex_unlock(&self->plan->lock);
    return &self->base;
}

static weir_status open_client(void *user, void **out_resource, weir_error *err)
{
    test_plan *plan = user;
    *out_resource = plan;
    pthread_mutex_lock(&plan->lock);
    bool refuses = plan->opened >= WORKERS && plan->refuses_left > 0;
    plan->refuses_left -= refuses ? 1 : 0;
    plan->opened += refuses ? 0 : 1;
    pthread_mutex_unlock(&plan->lock);
    return refuses ? weir_error_set(err, WEIR_IO, "nobody answers") : WEIR_OK;
}

static void close_client(void *resource)
{
    test_plan *plan = resource;
    pthread_mutex_lock(&plan->lock);
    plan->closed++;
    pthread_mutex_unlock(&plan->lock);
}

static weir_status fill_badly(weir_processor *processor, const weir_record *record, weir_error *err)
{
    (void)processor;
    (void)record;
    return weir_error_set(err, WEIR_FATAL, "the table's filler throws");
}

static void free_filler(weir_processor *processor)
{
    free(processor);
}

static weir_processor *new_filler(void *user)
{
    (void)user;
    static const weir_processor_ops ops = {NULL, fill_badly, free_filler};
    weir_processor *filler = weir_alloc(sizeof(*filler));
    filler->ops = &ops;
    return filler;
}

static weir_topology *build(test_plan *plan, bool has_table)
{
    weir_topology *topology = weir_topology_new();
    weir_topology_add_source(topology, "source", &(weir_source_options){.topic = "in"});
    weir_topology_add_processor(topology, "count", &(weir_processor_options){new_thrower, plan},
                                "source", NULL);
    weir_topology_add_store(topology, &(weir_store_options){.name = "counts"}, "count", NULL);
    weir_topology_add_sink(topology, "sink", &(weir_sink_options){.topic = "out"}, "count", NULL);
    weir_topology_add_resource(
        topology, "client",
        &(weir_resource_options){.open = open_client, .close = close_client, .user = plan});
    if (has_table) {
        const weir_global_store_options table = {
            .store = "table",
            .topic = "table",
            .source = "table-source",
            .processor = "table-filler",
            .filler = {new_filler, NULL},
        };
        weir_topology_add_global_store(topology, &table);
    }
    weir_error err = {0};
    CHECK_OK(weir_topology_build(topology, &err), &err);
    return topology;
}

static weir_thread_exception_response handle(void *user, const weir_error *exception)
{
    test_plan *plan = user;
    pthread_mutex_lock(&plan->lock);
    plan->asked++;
    plan->last_status = exception->status;
    memcpy(plan->last, exception->message, sizeof(plan->last));
    weir_thread_exception_response response = plan->response;
    pthread_mutex_unlock(&plan->lock);
    return response;
}

typedef struct process {
    weir_broker *broker;
    weir_application *application;
} process;

typedef struct fixture {
    test_plan plan;
    sim_cluster *cluster;
    weir_broker *outside;
    weir_topology *topology;
    weir_config config;
    weir_metrics *metrics;
    process first;
    process second;
    int64_t now_ms;
    weir_error err;
} fixture;

static void configure(fixture *f, const char *guarantee, const char *workers)
{
    const weir_setting settings[] = {
        {"application.id", "counter"}, {"processing.guarantee", guarantee},
        {"commit.interval.ms", "100"}, {"num.stream.threads", workers},
        {"retry.backoff.ms", "20"},
    };
    CHECK_OK(weir_config_init(&f->config, settings, WEIR_COUNT_OF(settings), &f->err), &f->err);
    pthread_mutex_init(&f->plan.lock, NULL);
    f->metrics = weir_metrics_new();
}

static void make_table(fixture *f)
{
    const weir_topic_config table = {.name = "table", .partition_count = 1};
    CHECK_OK(weir_broker_create_topic(f->outside, &table, &f->err), &f->err);
}

static void start(fixture *f, const char *guarantee, bool has_table)
{
    configure(f, guarantee, "2");
    f->cluster = sim_cluster_new(1);
    f->now_ms = START_MS;
    sim_cluster_set_now(f->cluster, f->now_ms);
    f->outside = sim_broker_connect(f->cluster);
    count_topology_topics(f->outside, PARTITIONS);
    f->topology = build(&f->plan, has_table);
    if (has_table) {
        make_table(f);
    }
}

static void open_process(fixture *f, process *to, const char *process_id, bool has_handler)
{
    to->broker = sim_broker_connect(f->cluster);
    const weir_application_options options = {
        .topology = f->topology,
        .config = &f->config,
        .broker = to->broker,
        .process_id = process_id,
        .metrics = f->metrics,
        .never_waits = true,
        .uncaught_exception_handler = has_handler ? handle : NULL,
        .uncaught_exception_user = &f->plan,
    };
    CHECK_OK(weir_application_new(&options, &to->application, &f->err), &f->err);
}

static void close_process(process *of)
{
    weir_application_free(weir_take(&of->application));
    weir_broker_free(weir_take(&of->broker));
}

static void fixture_cleanup(fixture *f)
{
    close_process(&f->first);
    close_process(&f->second);
    weir_topology_free(f->topology);
    weir_config_cleanup(&f->config);
    weir_metrics_free(f->metrics);
    weir_broker_free(f->outside);
    sim_cluster_free(f->cluster);
    pthread_mutex_destroy(&f->plan.lock);
}

/* A turn of each process that is there; those that fail tell it by their state. */
static void turn(fixture *f)
{
    process *const all[] = {&f->first, &f->second};
    for (size_t i = 0; i < WEIR_COUNT_OF(all); i++) {
        bool busy = false;
        if (all[i]->application != NULL) {
            (void)weir_application_step(all[i]->application, f->now_ms, &busy, NULL);
        }
    }
    f->now_ms += 10;
    sim_cluster_set_now(f->cluster, f->now_ms);
}

static void run_until(fixture *f, process *at, weir_application_state state)
{
    for (int i = 0; i < STEPS_MAX && weir_application_state_now(at->application) != state; i++) {
        turn(f);
    }
    CHECK_STR(weir_application_state_name(weir_application_state_now(at->application)),
              weir_application_state_name(state));
}

static void run_until_idle(fixture *f, process *at)
{
    for (int i = 0; i < STEPS_MAX && !weir_application_is_idle(at->application); i++) {
        turn(f);
    }
    CHECK(weir_application_is_idle(at->application));
}

/* A worker that failed often is back a while later. */
static void run_until_all_work(fixture *f)
{
    for (int i = 0;
         i < STEPS_MAX && weir_application_stream_thread_count(f->first.application) < WORKERS;
         i++) {
        turn(f);
    }
    CHECK_I64(weir_application_stream_thread_count(f->first.application), ==, WORKERS);
}

static void worker_is_replaced(const char *guarantee)
{
    WEIR_AUTO(fixture) f = {.plan = {.throws_left = 3, .passes = 40, .refuses_left = 2}};
    f.plan.response = WEIR_REPLACE_THREAD;
    start(&f, guarantee, false);
    open_process(&f, &f.first, "a", true);
    int made = f.plan.made;
    count_topology_feed(f.outside, 0, 200);
    run_until_idle(&f, &f.first);
    CHECK_I64(f.plan.asked, ==, 3);
    CHECK_I64(f.plan.last_status, ==, WEIR_FATAL);
    CHECK(strstr(f.plan.last, "thrown on purpose") != NULL);
    CHECK(strstr(f.plan.last, "in[") != NULL); /* Which record it was. */
    CHECK(weir_application_state_now(f.first.application) == WEIR_APPLICATION_RUNNING);
    run_until_all_work(&f);
    CHECK(f.plan.made > made + PARTITIONS);
    CHECK_I64(f.plan.opened, ==, WORKERS + 3);
    CHECK_I64(f.plan.closed, ==, 3);
    CHECK_I64(weir_metrics_sum(f.metrics, "weir_stream_client_failed_stream_threads", NULL), ==, 3);
    for (int i = 0; i < 200; i += 13) {
        char key[8];
        (void)snprintf(key, sizeof(key), "k%d", i);
        CHECK_I64(count_topology_last(f.outside, "out", key), >=, 1);
        CHECK(strcmp(guarantee, "at_least_once") == 0 ||
              count_topology_last(f.outside, "counter-counts-changelog", key) == 1);
    }
    CHECK(strcmp(guarantee, "at_least_once") == 0 ||
          count_topology_records(f.outside, "out") == 200);
}

TEST(worker_that_fails_is_replaced_and_its_records_count_once)
{
    worker_is_replaced("exactly_once_v2");
}

TEST(worker_that_fails_is_replaced_and_loses_nothing_at_least_once)
{
    worker_is_replaced("at_least_once");
}

/* 20 ms, 40, 80 and so on to 1,280: three seconds are enough for some eight failures. */
TEST(worker_that_always_fails_is_replaced_less_and_less_often)
{
    WEIR_AUTO(fixture) f = {.plan = {.throws_left = 1000, .response = WEIR_REPLACE_THREAD}};
    start(&f, "exactly_once_v2", false);
    open_process(&f, &f.first, "a", true);
    count_topology_feed(f.outside, 0, 1);
    for (int64_t until_ms = f.now_ms + 3000; f.now_ms < until_ms;) {
        turn(&f);
    }
    CHECK_I64(f.plan.asked, >=, 2);
    CHECK_I64(f.plan.asked, <, 20);
}

TEST(process_ends_in_error_where_nobody_handles_a_failure)
{
    WEIR_AUTO(fixture) f = {.plan = {.throws_left = 1}};
    start(&f, "exactly_once_v2", false);
    open_process(&f, &f.first, "a", false);
    count_topology_feed(f.outside, 0, 20);
    run_until(&f, &f.first, WEIR_APPLICATION_ERROR);
    CHECK_STATUS(weir_application_failure(f.first.application, &f.err), WEIR_FATAL);
    CHECK(strstr(f.err.message, "thrown on purpose") != NULL);
    open_process(&f, &f.second, "b", false); /* Another process goes on from the last commit. */
    run_until_idle(&f, &f.second);
    CHECK_I64(count_topology_records(f.outside, "out"), ==, 20);
}

TEST(every_process_that_runs_ends_in_error_when_one_shuts_the_application_down)
{
    WEIR_AUTO(fixture) f = {.plan = {.response = WEIR_SHUTDOWN_APPLICATION}};
    start(&f, "exactly_once_v2", false);
    open_process(&f, &f.first, "a", true);
    open_process(&f, &f.second, "b", true);
    run_until_idle(&f, &f.first);
    run_until_idle(&f, &f.second);
    count_topology_feed(f.outside, 0, 50);
    run_until_idle(&f, &f.second);
    f.plan.throws_left = 1;
    count_topology_feed(f.outside, 0, 1);
    run_until(&f, &f.first, WEIR_APPLICATION_ERROR);
    run_until(&f, &f.second, WEIR_APPLICATION_ERROR);
    CHECK_I64(f.plan.asked, ==, 1);
    CHECK_STATUS(weir_application_failure(f.first.application, &f.err), WEIR_FATAL);
    weir_error other = {0};
    CHECK_STATUS(weir_application_failure(f.second.application, &other), WEIR_FATAL);
    const char *told = strstr(f.err.message, " shuts the application down: ") != NULL
                           ? f.err.message
                           : other.message;
    CHECK(strstr(told, " shuts the application down: ") != NULL);
    CHECK(strstr(told, "thrown on purpose") != NULL);
    close_process(&f.first);
    close_process(&f.second);
    open_process(&f, &f.first, "a", true); /* Who starts later is not meant. */
    run_until_idle(&f, &f.first);
    CHECK_I64(count_topology_records(f.outside, "out"), ==, 51);
}

TEST(worker_that_fails_at_a_global_table_is_not_replaced)
{
    WEIR_AUTO(fixture) f = {.plan = {.response = WEIR_REPLACE_THREAD}};
    start(&f, "exactly_once_v2", true);
    WEIR_AUTO_PTR(weir_producer) producer = NULL;
    CHECK_OK(weir_producer_new(f.outside, &(weir_producer_options){0}, &producer, &f.err), &f.err);
    int32_t number = 0;
    int32_t partition_count = 0;
    CHECK_OK(weir_producer_topic(producer, "table", &number, &partition_count, &f.err), &f.err);
    const weir_record row = {.key = WEIR_BYTES("k"), .value = WEIR_BYTES("v"), .timestamp_ms = 1};
    CHECK_OK(weir_producer_send(producer, number, &row, &f.err), &f.err);
    CHECK_OK(weir_producer_flush(producer, 0, &f.err), &f.err);
    open_process(&f, &f.first, "a", true);
    run_until(&f, &f.first, WEIR_APPLICATION_ERROR);
    CHECK_STATUS(weir_application_failure(f.first.application, &f.err), WEIR_FATAL);
    CHECK(strstr(f.err.message, "the table's filler throws") != NULL);
}

static void wait_until_counted(fixture *f, weir_application *application, weir_mailbox *nap)
{
    for (int i = 0; i < 60000; i++) {
        if (weir_application_is_idle(application) &&
            count_topology_records(f->outside, "out") >= 1000) {
            return;
        }
        (void)weir_mailbox_wait(nap, 1);
    }
    CHECK_NEVER("the application never becomes idle");
}

TEST(workers_in_threads_are_replaced_while_they_count)
{
    WEIR_AUTO(fixture) f = {.plan = {.throws_left = 5, .passes = 100}};
    f.plan.response = WEIR_REPLACE_THREAD;
    configure(&f, "exactly_once_v2", "2");
    WEIR_AUTO_PTR(weir_mailbox) nap = weir_mailbox_new(1);
    CHECK_OK(weir_broker_embedded_open(&(weir_broker_embedded_options){0}, &f.outside, &f.err),
             &f.err);
    count_topology_topics(f.outside, PARTITIONS);
    f.topology = build(&f.plan, false);
    const weir_application_options options = {
        .topology = f.topology,
        .config = &f.config,
        .broker = f.outside,
        .metrics = f.metrics,
        .uncaught_exception_handler = handle,
        .uncaught_exception_user = &f.plan,
    };
    CHECK_OK(weir_application_new(&options, &f.first.application, &f.err), &f.err);
    CHECK_OK(weir_application_start(f.first.application, &f.err), &f.err);
    count_topology_feed(f.outside, 0, 1000);
    wait_until_counted(&f, f.first.application, nap);
    CHECK_I64(f.plan.asked, ==, 5);
    CHECK_OK(weir_application_close(f.first.application, &f.err), &f.err);
    CHECK_I64(count_topology_records(f.outside, "out"), ==, 1000);
    CHECK_I64(f.plan.opened, ==, WORKERS + 5);
    weir_application_free(weir_take(&f.first.application));
    CHECK_I64(f.plan.closed, ==, WORKERS + 5);
}
