/* SPDX-License-Identifier: Apache-2.0
 *
 * Iterators of stores are counted and timed (statestore/open_iterators.c, streams/task_metrics.c):
 * a processor opens some of every kind of store with one record and closes them with another.
 */
#include "connectors/broker_embedded.h"
#include "streams/application_internal.h"
#include "streams/query.h"
#include "tests/harness/check.h"
#include "tests/harness/driver_fixture.h"

#include <stdlib.h>
#include <string.h>

enum { HISTORY_MS = 1000 * 1000 };

static const weir_store_options stores[] = {
    {.name = "memory", .engine = WEIR_ENGINE_MEMORY},
    {.name = "disk"},
    {.name = "cached", .caching_enabled = true},
    {.name = "windows", .kind = WEIR_STORE_WINDOW, .retention_ms = HISTORY_MS},
    {.name = "sessions", .kind = WEIR_STORE_SESSION, .retention_ms = HISTORY_MS},
    {.name = "versions", .kind = WEIR_STORE_VERSIONED, .retention_ms = HISTORY_MS},
};

typedef struct opener {
    weir_processor base;
    weir_kv_iterator *plain[3];
    weir_window_iterator *windows;
    weir_session_iterator *sessions;
} opener;

static weir_status open_all(opener *self, weir_error *err)
{
    weir_context *context = self->base.context;
    for (size_t i = 0; i < WEIR_COUNT_OF(self->plain); i++) {
        WEIR_TRY(weir_kv_range(weir_context_store(context, stores[i].name), WEIR_BYTES_NULL,
                               WEIR_BYTES_NULL, false, &self->plain[i], err));
    }
    const weir_window_range range = {.to_ms = HISTORY_MS};
    WEIR_TRY(weir_window_store_fetch(weir_context_window_store(context, "windows"), &range,
                                     &self->windows, err));
    return weir_session_store_find(weir_context_session_store(context, "sessions"), WEIR_BYTES_NULL,
                                   0, HISTORY_MS, &self->sessions, err);
}

static void close_all(opener *self)
{
    for (size_t i = 0; i < WEIR_COUNT_OF(self->plain); i++) {
        weir_kv_iterator_free(weir_take(&self->plain[i]));
    }
    weir_window_iterator_free(weir_take(&self->windows));
    weir_session_iterator_free(weir_take(&self->sessions));
}

static weir_status read_version(opener *self, weir_error *err)
{
    weir_versioned_value version = {0};
    return weir_versioned_store_get_as_of(
        weir_context_versioned_store(self->base.context, "versions"), WEIR_BYTES("k"), 10, &version,
        err);
}

static weir_status process(weir_processor *processor, const weir_record *record, weir_error *err)
{
    opener *self = (opener *)(void *)processor;
    if (weir_bytes_equal(record->value, WEIR_BYTES("open"))) {
        return open_all(self, err);
    }
    if (weir_bytes_equal(record->value, WEIR_BYTES("close"))) {
        close_all(self);
        return WEIR_OK;
    }
    weir_status status = read_version(self, err);
    return status == WEIR_NOT_FOUND ? WEIR_OK : status;
}

static void free_opener(weir_processor *processor)
{
    free(processor);
}

static weir_processor *new_opener(void *user)
{
    (void)user;
    static const weir_processor_ops ops = {.process = process, .free = free_opener};
    opener *self = weir_alloc(sizeof(*self));
    self->base.ops = &ops;
    return &self->base;
}

static uint64_t ticking_ns(void)
{
    static uint64_t now_ns = 0;
    return now_ns += 1000;
}

static void make_topology(driver_fixture *f)
{
    f->topology = weir_topology_new();
    weir_topology_add_source(f->topology, "source", &(weir_source_options){.topic = "in"});
    weir_topology_add_processor(f->topology, "opener", &(weir_processor_options){new_opener, NULL},
                                "source", NULL);
    for (size_t i = 0; i < WEIR_COUNT_OF(stores); i++) {
        weir_topology_add_store(f->topology, &stores[i], "opener", NULL);
    }
    CHECK_OK(weir_topology_build(f->topology, &f->err), &f->err);
}

static void start(driver_fixture *f)
{
    make_topology(f);
    CHECK_OK(weir_broker_embedded_open(&(weir_broker_embedded_options){0}, &f->broker, &f->err),
             &f->err);
    static const weir_setting settings[] = {{"commit.interval.ms", "3600000"}};
    driver_fixture_start(f, settings, WEIR_COUNT_OF(settings));
    const weir_application *application = weir_test_driver_application(f->driver);
    weir_stream_thread_measure(application->workers[0].thread, ticking_ns);
}

/* Gauges are set every 100 ms. */
static void pipe_value(driver_fixture *f, const char *value)
{
    driver_fixture_pipe(f, value);
    CHECK_OK(weir_test_driver_advance(f->driver, 200, &f->err), &f->err);
}

static int64_t level(driver_fixture *f, const char *name, const char *store)
{
    const weir_label label = {"state_id", store};
    return weir_metrics_sum(f->metrics, name, &label);
}

static void check_open(driver_fixture *f, int64_t count, int64_t since_ms)
{
    for (size_t i = 0; i < WEIR_COUNT_OF(stores) - 1; i++) {
        const char *store = stores[i].name;
        CHECK_I64(level(f, "weir_stream_state_num_open_iterators", store), ==, count);
        CHECK_I64(level(f, "weir_stream_state_oldest_iterator_open_since_ms", store), ==, since_ms);
    }
    CHECK_I64(level(f, "weir_stream_state_num_open_iterators", "versions"), ==, 0);
}

TEST(iterator_that_is_left_open_shows_until_it_is_closed)
{
    WEIR_AUTO(driver_fixture) f = {0};
    start(&f);
    pipe_value(&f, "read");
    check_open(&f, 0, 0);
    pipe_value(&f, "open");
    check_open(&f, 1, 1200);
    CHECK_OK(weir_test_driver_advance(f.driver, 5000, &f.err), &f.err);
    check_open(&f, 1, 1200);
    pipe_value(&f, "close");
    check_open(&f, 0, 0);
}

static uint64_t timed(driver_fixture *f, const char *store, const char *reader)
{
    const weir_label labels[] = {
        {"application_id", "test"}, {"state_id", store}, {"reader", reader}};
    const weir_metric_id id = {"weir_stream_state_iterator_duration_seconds", "", labels, 3};
    return weir_histogram_count(weir_metrics_histogram(f->metrics, id, &weir_shape_duration_ns));
}

TEST(first_iterator_of_a_store_and_one_in_sixty_four_are_timed)
{
    WEIR_AUTO(driver_fixture) f = {0};
    start(&f);
    for (int i = 0; i < WEIR_ITERATORS_TIMED_ONE_IN; i++) {
        pipe_value(&f, "read");
    }
    CHECK_I64(timed(&f, "versions", "processor"), ==, 1);
    pipe_value(&f, "read");
    CHECK_I64(timed(&f, "versions", "processor"), ==, 2);
    CHECK_I64(timed(&f, "versions", "query"), ==, 0);
    pipe_value(&f, "open");
    CHECK_I64(timed(&f, "windows", "processor"), ==, 0);
    pipe_value(&f, "close");
    CHECK_I64(timed(&f, "windows", "processor"), ==, 1);
}

static weir_status ignore_row(void *user, weir_bytes key, weir_bytes value, weir_error *err)
{
    (void)user, (void)key, (void)value, (void)err;
    return WEIR_OK;
}

TEST(every_iterator_of_a_query_is_timed)
{
    WEIR_AUTO(driver_fixture) f = {0};
    start(&f);
    bool more = false;
    for (uint64_t i = 0; i < 3; i++) {
        for (size_t s = 0; s < WEIR_COUNT_OF(stores); s++) {
            CHECK_I64(timed(&f, stores[s].name, "query"), ==, i);
            const weir_query_scan scan = {.store = stores[s].name, .limit = 1};
            CHECK_OK(weir_query_rows(weir_test_driver_application(f.driver), &scan, ignore_row,
                                     NULL, &more, &f.err),
                     &f.err);
        }
    }
    CHECK_I64(timed(&f, "disk", "processor"), ==, 0);
}
