/* SPDX-License-Identifier: Apache-2.0
 *
 * A task and a record that fails: it stays at the head until it is handled, is tried as often as
 * the setting says, and what others write meanwhile is thrown away (streams/task.c, task_errors.c).
 * The processor under test answers what the test has scripted.
 */
#include "streams/collector.h"
#include "streams/test_driver.h"
#include "tests/harness/check.h"
#include "tests/harness/count_application.h"
#include "tests/harness/count_topology.h"
#include "tests/harness/sim_broker.h"

#include <stdlib.h>
#include <string.h>

typedef struct script {
    weir_status answer; /* To the record with key "x". */
    int times;          /* So often, then WEIR_OK. */
    int calls;          /* With key "x". */
    bool too_large;     /* What it forwards for "x" is more than a broker takes. */
} script;

typedef struct scripted {
    weir_processor base;
    script *script;
} scripted;

static weir_status forward_too_large(weir_processor *processor, const weir_record *record,
                                     weir_error *err)
{
    WEIR_AUTO_FREE char *value = weir_alloc(WEIR_RECORD_VALUE_BYTES_MAX + 1);
    weir_record out = *record;
    out.value = weir_bytes_of(value, WEIR_RECORD_VALUE_BYTES_MAX + 1);
    return weir_context_forward(processor->context, &out, err);
}

static weir_status follow_script(weir_processor *processor, const weir_record *record,
                                 weir_error *err)
{
    script *s = ((scripted *)(void *)processor)->script;
    if (!weir_bytes_equal(record->key, WEIR_BYTES("x"))) {
        return weir_context_forward(processor->context, record, err);
    }
    s->calls++;
    if (s->times > 0) {
        s->times--;
        return weir_error_set(err, s->answer, "as scripted");
    }
    return s->too_large ? forward_too_large(processor, record, err)
                        : weir_context_forward(processor->context, record, err);
}

static void free_scripted(weir_processor *processor)
{
    free(processor);
}

static weir_processor *new_scripted(void *user)
{
    static const weir_processor_ops ops = {.process = follow_script, .free = free_scripted};
    scripted *self = weir_alloc(sizeof(*self));
    self->base.ops = &ops;
    self->script = user;
    return &self->base;
}

typedef struct fixture {
    script script;
    weir_topology *topology;
    weir_broker *broker;
    weir_test_driver *driver;
    weir_error err;
} fixture;

static void start(fixture *f, const char *setting, const char *value)
{
    f->topology = weir_topology_new();
    weir_topology_add_source(f->topology, "source", &(weir_source_options){.topic = "in"});
    weir_topology_add_processor(f->topology, "scripted",
                                &(weir_processor_options){new_scripted, &f->script}, "source",
                                NULL);
    weir_topology_add_sink(f->topology, "sink", &(weir_sink_options){.topic = "out"}, "scripted",
                           NULL);
    CHECK_OK(weir_topology_build(f->topology, &f->err), &f->err);
    f->broker = sim_broker_new(1);
    const weir_setting settings[] = {
        {"errors.dead.letter.queue.topic.name", "dead"},
        {setting, value},
    };
    const weir_test_driver_options options = {
        .topology = f->topology,
        .broker = f->broker,
        .settings = settings,
        .setting_count = WEIR_COUNT_OF(settings),
        .now_ms = 1000000,
    };
    CHECK_OK(weir_test_driver_new(&options, &f->driver, &f->err), &f->err);
}

static void fixture_cleanup(fixture *f)
{
    weir_test_driver_free(f->driver);
    weir_topology_free(f->topology);
    weir_broker_free(f->broker);
}

static weir_status pipe_key(fixture *f, const char *key)
{
    const weir_record record = {.topic = "in", .key = weir_bytes_of_text(key)};
    return weir_test_driver_pipe(f->driver, &record, &f->err);
}

static void append_key(void *user, const weir_record *record)
{
    weir_buf_append(user, record->key.data, record->key.size);
}

static void check_keys(fixture *f, const char *topic, const char *keys)
{
    WEIR_AUTO(weir_buf) seen = {0};
    count_topology_visit(f->broker, topic, append_key, &seen);
    CHECK_STR(weir_buf_text(&seen), keys);
}

TEST(record_that_fails_stays_at_the_head_until_it_is_handled)
{
    WEIR_AUTO(fixture) f = {.script = {.answer = WEIR_IO, .times = 2}};
    start(&f, "processing.exception.handler", "continue");
    CHECK_OK(pipe_key(&f, "a"), &f.err);
    CHECK_OK(pipe_key(&f, "x"), &f.err); /* The worker backs off. */
    CHECK_OK(pipe_key(&f, "b"), &f.err);
    check_keys(&f, "out", "a");
    CHECK_OK(weir_test_driver_advance(f.driver, 100, &f.err), &f.err);
    check_keys(&f, "out", "a");
    CHECK_OK(weir_test_driver_advance(f.driver, 200, &f.err), &f.err);
    check_keys(&f, "out", "axb");
    CHECK_I64(f.script.calls, ==, 3);
    check_keys(&f, "dead", "");
}

TEST(refused_record_is_tried_as_often_as_the_setting_says)
{
    WEIR_AUTO(fixture) f = {.script = {.answer = WEIR_BAD_RECORD, .times = 100}};
    start(&f, "processing.exception.handler", "retry");
    CHECK_OK(pipe_key(&f, "x"), &f.err);
    CHECK_OK(pipe_key(&f, "b"), &f.err);
    CHECK_I64(f.script.calls, ==, 3); /* weir.retry.attempts */
    check_keys(&f, "dead", "x");
    check_keys(&f, "out", "b");
}

TEST(refused_record_that_succeeds_later_leaves_no_letter)
{
    WEIR_AUTO(fixture) f = {.script = {.answer = WEIR_BAD_RECORD, .times = 2}};
    start(&f, "processing.exception.handler", "retry");
    CHECK_OK(pipe_key(&f, "x"), &f.err);
    CHECK_I64(f.script.calls, ==, 3);
    check_keys(&f, "dead", "");
    check_keys(&f, "out", "x");
}

TEST(output_that_the_broker_refuses_goes_to_the_production_handler)
{
    WEIR_AUTO(fixture) f = {.script = {.too_large = true}};
    start(&f, "production.exception.handler", "dead-letter");
    CHECK_OK(pipe_key(&f, "x"), &f.err);
    CHECK_OK(pipe_key(&f, "b"), &f.err);
    check_keys(&f, "dead", "x");
    check_keys(&f, "out", "b");
}

TEST(output_that_the_broker_refuses_stops_the_application_by_default)
{
    WEIR_AUTO(fixture) f = {.script = {.too_large = true}};
    start(&f, "processing.exception.handler", "continue");
    CHECK_STATUS(pipe_key(&f, "x"), WEIR_INVALID);
    check_keys(&f, "out", "");
}

TEST(fenced_producer_drops_its_tasks_and_nothing_of_it_is_seen)
{
    WEIR_AUTO(count_application) a = {0};
    count_application_start(&a, false, NULL, 0);
    count_application_run(&a);
    count_topology_feed(a.broker, 0, 30);
    count_application_steps(&a, 1); /* Processed, not committed. */
    const weir_collector_options other = {
        .broker = a.broker, .client_id = "other", .transactional_id = "counter-0-0"};
    WEIR_AUTO_PTR(weir_collector) second = NULL;
    CHECK_OK(weir_collector_new(&other, &second, &a.err), &a.err);
    count_application_steps(&a, 20);
    CHECK_I64(count_application_metric(&a, "weir_stream_thread_task_closed_total"), >=,
              COUNT_PARTITIONS);
    count_application_run(&a); /* It was nobody else: the group still says that they are ours. */
    CHECK_I64(count_topology_records(a.broker, "out"), ==, 30);
    CHECK_I64(count_topology_last(a.broker, "counter-counts-changelog", "k7"), ==, 1);
}
