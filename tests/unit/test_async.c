/* SPDX-License-Identifier: Apache-2.0
 *
 * Deferred records (streams/async.c): they end in any order, a crash brings back exactly those that
 * had not ended, and what ended is never done twice. The operator under test hands its weir_async
 * to the test, which ends them when it likes.
 */
#include "streams/application.h"
#include "tests/harness/check.h"
#include "tests/harness/count_topology.h"
#include "tests/harness/sim_broker.h"

#include <stdlib.h>

enum { HELD_MAX = 64 };

typedef struct held {
    weir_async *items[HELD_MAX];
    size_t count;
} held;

typedef struct deferring {
    weir_processor base;
    held *to;
} deferring;

static weir_status defer(weir_processor *processor, const weir_record *record, weir_error *err)
{
    (void)record;
    (void)err;
    held *to = ((deferring *)(void *)processor)->to;
    CHECK_I64(to->count, <, HELD_MAX);
    to->items[to->count++] = weir_context_defer(processor->context);
    return WEIR_OK;
}

static void free_deferring(weir_processor *processor)
{
    free(processor);
}

static weir_processor *new_deferring(void *user)
{
    static const weir_processor_ops ops = {.process = defer, .free = free_deferring};
    deferring *self = weir_alloc(sizeof(*self));
    self->base.ops = &ops;
    self->to = user;
    return &self->base;
}

typedef struct fixture {
    weir_broker *broker;
    weir_topology *topology;
    weir_config config;
    weir_application *application;
    held held;
    int64_t now_ms;
    weir_error err;
} fixture;

static void open_application(fixture *f)
{
    const weir_application_options options = {
        .topology = f->topology,
        .config = &f->config,
        .broker = f->broker,
        .never_waits = true,
    };
    CHECK_OK(weir_application_new(&options, &f->application, &f->err), &f->err);
}

/* Ends everything that is held, to nothing: its task is gone. */
static void end_orphans(fixture *f)
{
    for (size_t i = 0; i < f->held.count; i++) {
        weir_async_end(f->held.items[i], NULL, NULL);
    }
    f->held.count = 0;
}

static void crash(fixture *f)
{
    weir_application_free(weir_take(&f->application));
    end_orphans(f);
}

static void start(fixture *f, const char *async_max)
{
    f->broker = sim_broker_new(1);
    f->now_ms = 1000000;
    count_topology_topics(f->broker, 1);
    f->topology = weir_topology_new();
    weir_topology_add_source(f->topology, "source", &(weir_source_options){.topic = "in"});
    weir_topology_add_processor(f->topology, "defer",
                                &(weir_processor_options){new_deferring, &f->held}, "source", NULL);
    weir_topology_add_sink(f->topology, "sink", &(weir_sink_options){.topic = "out"}, "defer",
                           NULL);
    CHECK_OK(weir_topology_build(f->topology, &f->err), &f->err);
    const weir_setting settings[] = {
        {"application.id", "deferring"},
        {"commit.interval.ms", "100"},
        {"session.timeout.ms", "1000"},
        {"max.async.records", async_max},
        {"processing.exception.handler", "dead-letter"},
        {"errors.dead.letter.queue.topic.name", "dead"},
    };
    weir_topic_config dead = {.name = "dead", .partition_count = 1};
    CHECK_OK(weir_broker_create_topic(f->broker, &dead, &f->err), &f->err);
    CHECK_OK(weir_config_init(&f->config, settings, WEIR_COUNT_OF(settings), &f->err), &f->err);
    open_application(f);
}

static void fixture_cleanup(fixture *f)
{
    crash(f);
    weir_topology_free(f->topology);
    weir_config_cleanup(&f->config);
    weir_broker_free(f->broker);
}

static void run_for(fixture *f, int64_t ms)
{
    for (int64_t until_ms = f->now_ms + ms; f->now_ms < until_ms; f->now_ms += 10) {
        bool busy = false;
        CHECK_OK(weir_application_step(f->application, f->now_ms, &busy, &f->err), &f->err);
    }
}

static weir_status forward(weir_processor *processor, const weir_record *record, void *result,
                           weir_error *err)
{
    (void)result;
    CHECK(weir_context_record(processor->context)->offset == record->offset);
    return weir_context_forward(processor->context, record, err);
}

static weir_status refuse(weir_processor *processor, const weir_record *record, void *result,
                          weir_error *err)
{
    (void)processor;
    (void)record;
    return weir_error_set(err, WEIR_BAD_RECORD, "the answer was %s", (const char *)result);
}

/* Ends the held record with this key. */
static void end_key(fixture *f, const char *key, weir_async_complete complete)
{
    for (size_t i = 0; i < f->held.count; i++) {
        weir_bytes held_key = weir_async_record(f->held.items[i])->key;
        if (weir_bytes_equal(held_key, weir_bytes_of_text(key))) {
            weir_async *async = f->held.items[i];
            f->held.items[i] = f->held.items[--f->held.count];
            weir_async_end(async, complete, "nonsense");
            return;
        }
    }
    check_fail(__FILE__, __LINE__, "%s is not held", key);
}

TEST(crash_brings_back_exactly_the_unfinished_records)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, "1000");
    count_topology_feed(f.broker, 0, 10);
    run_for(&f, 300);
    CHECK_I64(f.held.count, ==, 10);
    end_key(&f, "k7", forward);
    end_key(&f, "k3", forward);
    end_key(&f, "k0", forward);
    run_for(&f, 300);
    CHECK_I64(count_topology_records(f.broker, "out"), ==, 3);
    end_key(&f, "k5", forward); /* Not committed when the crash comes. */
    crash(&f);
    f.now_ms += 20000;
    open_application(&f);
    run_for(&f, 500);
    CHECK_I64(f.held.count, ==, 7);
    CHECK_I64(count_topology_records(f.broker, "out"), ==, 3);
    while (f.held.count > 0) {
        weir_async_end(f.held.items[--f.held.count], forward, NULL);
    }
    run_for(&f, 300);
    CHECK(weir_application_is_idle(f.application));
    CHECK_I64(count_topology_records(f.broker, "out"), ==, 10);
}

TEST(application_with_deferred_records_is_not_idle)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, "1000");
    count_topology_feed(f.broker, 0, 1);
    run_for(&f, 500);
    CHECK(!weir_application_is_idle(f.application));
    end_key(&f, "k0", NULL);
    run_for(&f, 500);
    CHECK(weir_application_is_idle(f.application));
}

TEST(intake_waits_at_the_limit_of_deferred_records)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, "4");
    count_topology_feed(f.broker, 0, 10);
    run_for(&f, 500);
    CHECK_I64(f.held.count, ==, 4);
    end_key(&f, "k2", NULL);
    run_for(&f, 100);
    CHECK_I64(f.held.count, ==, 4);
}

TEST(refused_completion_goes_to_the_dead_letters)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, "1000");
    count_topology_feed(f.broker, 0, 2);
    run_for(&f, 300);
    end_key(&f, "k1", refuse);
    end_key(&f, "k0", forward);
    run_for(&f, 300);
    CHECK_I64(count_topology_records(f.broker, "dead"), ==, 1);
    CHECK_I64(count_topology_records(f.broker, "out"), ==, 1);
    int64_t committed = 0;
    WEIR_AUTO(weir_buf) metadata = {0};
    CHECK_OK(weir_broker_group_offset(f.broker, "deferring", (weir_topic_partition){"in", 0},
                                      &committed, &metadata, &f.err),
             &f.err);
    CHECK_I64(committed, ==, 2);
}
