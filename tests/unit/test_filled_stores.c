/* SPDX-License-Identifier: Apache-2.0
 *
 * Stores that a topic fills through a processor of one's own (streams/topology_stores.h): after a
 * restart, and where a record is refused. What Kafka Streams does tests/conformance says.
 */
#include "streams/topology_stores.h"

#include "streams/test_driver.h"
#include "tests/harness/check.h"
#include "tests/harness/sim_broker.h"

#include <stdlib.h>
#include <string.h>

typedef struct row_processor {
    weir_processor base;
    weir_kv *rows;
} row_processor;

static weir_status init_filler(weir_processor *processor, weir_error *err)
{
    (void)err;
    ((row_processor *)(void *)processor)->rows = weir_context_store(processor->context, "rows");
    return WEIR_OK;
}

static weir_status init_look(weir_processor *processor, weir_error *err)
{
    row_processor *self = (row_processor *)(void *)processor;
    self->rows = weir_context_global_store(processor->context, "rows");
    return self->rows == NULL ? init_filler(processor, err) : WEIR_OK;
}

static weir_status fill(weir_processor *processor, const weir_record *record, weir_error *err)
{
    if (weir_bytes_equal(record->value, WEIR_BYTES("bad"))) {
        return weir_error_set(err, WEIR_BAD_RECORD, "a bad one");
    }
    return weir_kv_put(((row_processor *)(void *)processor)->rows, record->key, record->value, err);
}

static weir_status look(weir_processor *processor, const weir_record *record, weir_error *err)
{
    WEIR_AUTO(weir_buf) row = {0};
    weir_kv *rows = ((row_processor *)(void *)processor)->rows;
    weir_status status = weir_kv_get(rows, record->key, &row, err);
    if (status != WEIR_OK && status != WEIR_NOT_FOUND) {
        return status;
    }
    weir_record out = *record;
    out.value = status == WEIR_OK ? weir_buf_bytes(&row) : WEIR_BYTES("none");
    return weir_context_forward(processor->context, &out, err);
}

static void free_rows(weir_processor *processor)
{
    free(processor);
}

static weir_processor *new_rows(const weir_processor_ops *ops)
{
    row_processor *self = weir_alloc(sizeof(*self));
    self->base.ops = ops;
    return &self->base;
}

static weir_processor *new_filler(void *user)
{
    (void)user;
    static const weir_processor_ops ops = {init_filler, fill, free_rows};
    return new_rows(&ops);
}

static weir_processor *new_look(void *user)
{
    (void)user;
    static const weir_processor_ops ops = {init_look, look, free_rows};
    return new_rows(&ops);
}

typedef struct fixture {
    weir_topology *topology;
    weir_broker *broker;
    weir_test_driver *driver;
    const char *handler; /* Of both kinds of refusals. */
    weir_error err;
} fixture;

/* serde may be NULL. */
static void add_global(weir_topology *topology, const weir_serde *serde)
{
    const weir_global_store_options options = {
        .store = "rows",
        .topic = "filling",
        .source = "source",
        .processor = "filler",
        .filler = {.supplier = new_filler},
        .serde = serde == NULL ? (weir_serde){0} : *serde,
    };
    weir_topology_add_global_store(topology, &options);
}

static void begin(fixture *f, bool is_global, const weir_serde *serde)
{
    f->topology = weir_topology_new();
    f->broker = sim_broker_new(1);
    f->handler = "fail";
    weir_topology_add_source(f->topology, "in", &(weir_source_options){.topic = "in"});
    weir_topology_add_processor(f->topology, "look",
                                &(weir_processor_options){.supplier = new_look}, "in", NULL);
    weir_topology_add_sink(f->topology, "out", &(weir_sink_options){.topic = "out"}, "look", NULL);
    if (is_global) {
        add_global(f->topology, serde);
    } else {
        const weir_read_only_store_options options = {
            .store = {.name = "rows"},
            .topic = "filling",
            .source = "source",
            .processor = "filler",
            .filler = {.supplier = new_filler},
        };
        weir_topology_add_read_only_store(f->topology, &options);
        weir_topology_connect_store(f->topology, "look", "rows");
    }
    CHECK_OK(weir_topology_build(f->topology, &f->err), &f->err);
}

static weir_status start(fixture *f)
{
    const weir_setting settings[] = {
        {"deserialization.exception.handler", f->handler},
        {"processing.exception.handler", f->handler},
        {"auto.offset.reset", "latest"},
    };
    const weir_test_driver_options options = {
        .topology = f->topology,
        .broker = f->broker,
        .settings = settings,
        .setting_count = WEIR_COUNT_OF(settings),
    };
    return weir_test_driver_new(&options, &f->driver, &f->err);
}

static void end(fixture *f)
{
    weir_test_driver_free(f->driver);
    weir_broker_free(f->broker);
    weir_topology_free(f->topology);
}

static weir_status pipe_value(fixture *f, const char *topic, const char *value)
{
    const weir_record record = {.topic = topic,
                                .timestamp_ms = 1,
                                .key = WEIR_BYTES("k"),
                                .value = weir_bytes_of_text(value)};
    return weir_test_driver_pipe(f->driver, &record, &f->err);
}

static void check_row(fixture *f, const char *wanted)
{
    const weir_record *record = NULL;
    CHECK_OK(pipe_value(f, "in", "?"), &f->err);
    weir_status status = WEIR_OK;
    weir_bytes last = {0};
    while ((status = weir_test_driver_read(f->driver, "out", &record, &f->err)) == WEIR_OK) {
        last = record->value;
        CHECK(last.data != NULL);
        if (weir_bytes_equal(last, weir_bytes_of_text(wanted))) {
            return;
        }
    }
    CHECK_NEVER("no such row was told of");
}

static void check_restart(bool is_global)
{
    fixture f = {0};
    begin(&f, is_global, NULL);
    CHECK_OK(start(&f), &f.err);
    check_row(&f, "none");
    CHECK_OK(pipe_value(&f, "filling", "first"), &f.err);
    CHECK_OK(pipe_value(&f, "filling", "second"), &f.err);
    check_row(&f, "second");
    weir_test_driver_free(weir_take(&f.driver));
    CHECK_OK(start(&f), &f.err);
    check_row(&f, "second");
    weir_topic_config changelog = {0};
    CHECK_STATUS(weir_broker_describe_topic(f.broker, "test-rows-changelog", &changelog, &f.err),
                 WEIR_NOT_FOUND);
    end(&f);
}

TEST(global_store_is_filled_anew_by_its_processor_after_a_restart)
{
    check_restart(true);
}

TEST(read_only_store_is_restored_from_its_topic_and_has_no_changelog)
{
    check_restart(false);
}

TEST(refusal_of_what_fills_a_global_store_stops_it_or_is_skipped)
{
    fixture f = {0};
    begin(&f, true, NULL);
    CHECK_OK(start(&f), &f.err);
    CHECK_STATUS(pipe_value(&f, "filling", "bad"), WEIR_INVALID);
    CHECK(strstr(f.err.message, "filler refused filling[0]@0: a bad one") != NULL);
    weir_test_driver_free(weir_take(&f.driver));
    f.handler = "continue";
    CHECK_OK(start(&f), &f.err);
    CHECK_OK(pipe_value(&f, "filling", "good"), &f.err);
    check_row(&f, "good");
    end(&f);
}

static weir_status refuse(void *user, const weir_record *record, weir_arena *arena,
                          void **out_object, weir_error *err)
{
    (void)user;
    (void)arena;
    *out_object = NULL;
    return weir_bytes_equal(record->value, WEIR_BYTES("x"))
               ? weir_error_set(err, WEIR_BAD_RECORD, "no text")
               : WEIR_OK;
}

TEST(what_the_serde_of_a_global_store_refuses_does_not_reach_the_processor)
{
    fixture f = {0};
    begin(&f, true, &(weir_serde){.decode = refuse});
    f.handler = "continue";
    CHECK_OK(start(&f), &f.err);
    CHECK_OK(pipe_value(&f, "filling", "y"), &f.err);
    CHECK_OK(pipe_value(&f, "filling", "x"), &f.err);
    check_row(&f, "y");
    end(&f);
}

/* A registry that is out of reach for the first time. */
static weir_status reach_later(void *user, const weir_record *record, weir_arena *arena,
                               void **out_object, weir_error *err)
{
    (void)record;
    (void)arena;
    *out_object = NULL;
    int *calls = user;
    return (*calls)++ == 0 ? weir_error_set(err, WEIR_IO, "out of reach") : WEIR_OK;
}

TEST(record_whose_serde_cannot_be_asked_yet_waits)
{
    fixture f = {0};
    int calls = 0;
    begin(&f, true, &(weir_serde){.decode = reach_later, .user = &calls});
    CHECK_OK(start(&f), &f.err);
    CHECK_OK(pipe_value(&f, "filling", "late"), &f.err);
    CHECK_OK(weir_test_driver_advance(f.driver, 1000, &f.err), &f.err);
    check_row(&f, "late");
    CHECK(calls == 2);
    end(&f);
}

static void check_mistake(weir_topology *owned_topology, const char *text)
{
    WEIR_AUTO_PTR(weir_topology) topology = owned_topology;
    weir_error err = {0};
    CHECK_STATUS(weir_topology_build(topology, &err), WEIR_INVALID);
    CHECK(strstr(err.message, text) != NULL);
}

TEST(what_fills_a_global_store_forwards_to_nobody)
{
    weir_topology *topology = weir_topology_new();
    add_global(topology, NULL);
    weir_topology_add_sink(topology, "out", &(weir_sink_options){.topic = "out"}, "filler", NULL);
    check_mistake(topology, "global store 'rows': only 'filler' can have 'source' as its parent");
}

TEST(read_only_store_needs_a_processor)
{
    weir_topology *topology = weir_topology_new();
    weir_topology_add_read_only_store(
        topology, &(weir_read_only_store_options){
                      .store = {.name = "rows"}, .topic = "t", .source = "s", .processor = "p"});
    check_mistake(topology, "read-only store 'rows': give it a filler");
}
