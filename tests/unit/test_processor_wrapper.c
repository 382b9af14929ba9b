/* SPDX-License-Identifier: Apache-2.0
 *
 * Processors around processors (streams/processor_wrapper.c): they see each record before the inner
 * one does, have stores of their own, and leave to the inner one what it asked for. That the DSL's
 * are wrapped as Kafka Streams wraps them is compared by tests/conformance.
 */
#include "streams/processor_wrapper.h"

#include "streams/base/serde.h"
#include "streams/test_driver.h"
#include "tests/harness/check.h"
#include "tests/harness/sim_broker.h"

#include <stdlib.h>
#include <string.h>

/* Forwards what it gets; tells of its ticks at "ticks" of the record that came last. */
typedef struct telling {
    weir_processor base;
    int ticks;
} telling;

static weir_status tick(weir_processor *processor, int64_t timestamp_ms, weir_error *err)
{
    telling *self = (telling *)(void *)processor;
    self->ticks++;
    const weir_record record = {
        .timestamp_ms = timestamp_ms,
        .key = WEIR_BYTES("tick"),
        .value = weir_bytes_of(self->ticks == 1 ? "1" : "2", 1),
    };
    return weir_context_forward(processor->context, &record, err);
}

static weir_status init_telling(weir_processor *processor, weir_error *err)
{
    (void)err;
    (void)weir_context_schedule(processor->context, 10, WEIR_WALL_CLOCK_TIME, tick);
    return WEIR_OK;
}

static weir_status forward(weir_processor *processor, const weir_record *record, weir_error *err)
{
    return weir_context_forward(processor->context, record, err);
}

static void free_processor(weir_processor *processor)
{
    free(processor);
}

static weir_processor *new_telling(void *user)
{
    (void)user;
    static const weir_processor_ops ops = {init_telling, forward, free_processor};
    telling *self = weir_alloc(sizeof(*self));
    self->base.ops = &ops;
    return &self->base;
}

/* What is around each processor: it counts records in a store, and the ticks of its own. */
typedef struct around {
    const char *name;
    weir_processor_options inner;
    int *ticks;
} around;

typedef struct counting {
    weir_processor base;
    const around *spec;
    weir_processor *inner;
    weir_kv *counts;
} counting;

static counting *counting_of(weir_processor *processor)
{
    return (counting *)(void *)processor;
}

static weir_status tick_around(weir_processor *processor, int64_t timestamp_ms, weir_error *err)
{
    (void)timestamp_ms;
    (void)err;
    ++*counting_of(processor)->spec->ticks;
    return WEIR_OK;
}

static weir_status init_counting(weir_processor *processor, weir_error *err)
{
    counting *self = counting_of(processor);
    self->counts = weir_context_store(processor->context, "seen");
    (void)weir_context_schedule(processor->context, 20, WEIR_WALL_CLOCK_TIME, tick_around);
    return weir_processor_init(self->inner, processor->context, err);
}

static weir_status count(weir_processor *processor, const weir_record *record, weir_error *err)
{
    counting *self = counting_of(processor);
    const weir_bytes name = weir_bytes_of_text(self->spec->name);
    WEIR_AUTO(weir_buf) stored = {0};
    weir_status status = weir_kv_get(self->counts, name, &stored, err);
    if (status != WEIR_OK && status != WEIR_NOT_FOUND) {
        return status;
    }
    uint8_t next[sizeof(uint64_t)];
    weir_put_u64_be(next, status == WEIR_OK ? weir_get_u64_be(stored.data) + 1 : 1);
    WEIR_TRY(weir_kv_put(self->counts, name, weir_bytes_of(next, sizeof(next)), err));
    return weir_processor_process(self->inner, record, err);
}

static void free_counting(weir_processor *processor)
{
    weir_processor_free(counting_of(processor)->inner);
    free(processor);
}

static weir_processor *new_counting(void *user)
{
    static const weir_processor_ops ops = {init_counting, count, free_counting};
    const around *spec = user;
    counting *self = weir_alloc(sizeof(*self));
    self->base.ops = &ops;
    self->spec = spec;
    self->inner = spec->inner.supplier(spec->inner.user);
    return &self->base;
}

static void wrap(void *user, weir_wrapping *wrapping)
{
    static const weir_store_options seen = {.name = "seen", .engine = WEIR_ENGINE_MEMORY};
    static const weir_store_options *const stores[] = {&seen, NULL};
    around *spec = weir_arena_alloc(wrapping->arena, sizeof(*spec));
    *spec = (around){.name = wrapping->name, .inner = wrapping->processor, .ticks = user};
    wrapping->processor = (weir_processor_options){new_counting, spec};
    wrapping->stores = stores;
}

/* in ─▶ first ─▶ second ─▶ out, of which both are wrapped. */
static weir_topology *wrapped_topology(int *ticks)
{
    weir_topology *topology = weir_topology_new();
    weir_topology_set_wrapper(topology,
                              &(weir_processor_wrapper){.wrap_processor = wrap, .user = ticks});
    weir_topology_add_source(topology, "source", &(weir_source_options){.topic = "in"});
    weir_topology_add_processor(topology, "first", &(weir_processor_options){new_telling, NULL},
                                "source", NULL);
    weir_topology_add_processor(topology, "second", &(weir_processor_options){new_telling, NULL},
                                "first", NULL);
    weir_topology_add_sink(topology, "sink", &(weir_sink_options){.topic = "out"}, "second", NULL);
    weir_error err = {0};
    CHECK_OK(weir_topology_build(topology, &err), &err);
    return topology;
}

static void check_seen(weir_test_driver *driver, const char *name, uint64_t count)
{
    weir_error err = {0};
    WEIR_AUTO(weir_buf) value = {0};
    CHECK_OK(weir_test_driver_get(driver, "seen", weir_bytes_of_text(name), &value, &err), &err);
    CHECK_I64(weir_get_u64_be(value.data), ==, count);
}

static size_t left_in_out(weir_test_driver *driver)
{
    weir_error err = {0};
    size_t left = 0;
    CHECK_OK(weir_test_driver_left(driver, "out", &left, &err), &err);
    return left;
}

TEST(each_processor_is_wrapped_and_what_each_one_scheduled_comes_back_to_it)
{
    int ticks = 0;
    WEIR_AUTO_PTR(weir_topology) topology = wrapped_topology(&ticks);
    WEIR_AUTO_PTR(weir_broker) broker = sim_broker_new(1);
    weir_error err = {0};
    const weir_test_driver_options options = {.topology = topology, .broker = broker};
    WEIR_AUTO_PTR(weir_test_driver) driver = NULL;
    CHECK_OK(weir_test_driver_new(&options, &driver, &err), &err);
    weir_test_input input = {.topic = "in"};
    for (int i = 0; i < 3; i++) {
        CHECK_OK(weir_test_input_pipe(&input, driver, WEIR_BYTES("k"), WEIR_BYTES("v"), &err),
                 &err);
    }
    check_seen(driver, "first", 3);
    check_seen(driver, "second", 3);
    CHECK_I64(left_in_out(driver), ==, 3);

    CHECK_OK(weir_test_driver_advance(driver, 10, &err), &err); /* Both of those within. */
    CHECK_I64(left_in_out(driver), ==, 5);
    CHECK_I64(ticks, ==, 0);
    check_seen(driver, "first", 3);
    check_seen(driver, "second", 4); /* The tick of the first has come through it. */

    CHECK_OK(weir_test_driver_advance(driver, 10, &err), &err); /* And both of those around. */
    CHECK_I64(left_in_out(driver), ==, 7);
    CHECK_I64(ticks, ==, 2);
}

TEST(wrapper_that_comes_after_a_processor_is_a_mistake)
{
    WEIR_AUTO_PTR(weir_topology) topology = weir_topology_new();
    weir_topology_add_source(topology, "source", &(weir_source_options){.topic = "in"});
    weir_topology_add_processor(topology, "first", &(weir_processor_options){new_telling, NULL},
                                "source", NULL);
    weir_topology_set_wrapper(topology, &(weir_processor_wrapper){.wrap_processor = wrap});
    weir_error err = {0};
    CHECK_STATUS(weir_topology_build(topology, &err), WEIR_INVALID);
    CHECK_STR(err.message, "processor 'first' was added before the wrapper: set that first");
}

static void take_away(void *user, weir_wrapping *wrapping)
{
    (void)user;
    wrapping->processor = (weir_processor_options){0};
}

TEST(wrapper_that_leaves_no_supplier_is_a_mistake)
{
    WEIR_AUTO_PTR(weir_topology) topology = weir_topology_new();
    weir_topology_set_wrapper(topology, &(weir_processor_wrapper){.wrap_processor = take_away});
    weir_topology_add_source(topology, "source", &(weir_source_options){.topic = "in"});
    weir_topology_add_processor(topology, "first", &(weir_processor_options){new_telling, NULL},
                                "source", NULL);
    weir_error err = {0};
    CHECK_STATUS(weir_topology_build(topology, &err), WEIR_INVALID);
    CHECK_STR(err.message, "processor 'first': the wrapper gave it no supplier");
}
