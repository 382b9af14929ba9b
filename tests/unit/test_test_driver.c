/* SPDX-License-Identifier: Apache-2.0
 *
 * A user's unit test of a topology (streams/test_driver.c): a record in, records out, rows in
 * stores, punctuations when the test moves the clock.
 */
#include "streams/base/serde.h"
#include "streams/query.h"
#include "streams/test_driver.h"
#include "tests/harness/check.h"
#include "tests/harness/count_topology.h"
#include "tests/harness/sim_broker.h"

#include <stdlib.h>

static void pipe_key(weir_test_driver *driver, const char *key)
{
    weir_error err = {0};
    const weir_record record = {
        .topic = "in",
        .timestamp_ms = 5,
        .key = weir_bytes_of_text(key),
        .value = WEIR_BYTES("v"),
    };
    CHECK_OK(weir_test_driver_pipe(driver, &record, &err), &err);
}

static void check_next(weir_test_driver *driver, const char *key, uint64_t count)
{
    weir_error err = {0};
    const weir_record *record = NULL;
    CHECK_OK(weir_test_driver_read(driver, "out", &record, &err), &err);
    CHECK_BYTES(record->key, weir_bytes_of_text(key));
    CHECK_I64(weir_get_u64_be(record->value.data), ==, count);
    CHECK_I64(record->timestamp_ms, ==, 5);
}

TEST(record_in_leads_to_record_out_and_row)
{
    WEIR_AUTO_PTR(weir_topology) topology = count_topology_new(&(count_topology_options){0});
    WEIR_AUTO_PTR(weir_broker) broker = sim_broker_new(1);
    weir_error err = {0};
    const weir_test_driver_options options = {.topology = topology, .broker = broker};
    for (uint64_t life = 0; life < 2; life++) { /* The second goes on from the changelog. */
        weir_test_driver *driver = NULL;
        CHECK_OK(weir_test_driver_new(&options, &driver, &err), &err);
        pipe_key(driver, "a");
        pipe_key(driver, "a");
        const weir_record *record = NULL;
        for (uint64_t i = 1; i <= life * 2 + 2; i++) {
            check_next(driver, "a", i);
        }
        CHECK_STATUS(weir_test_driver_read(driver, "out", &record, &err), WEIR_NOT_FOUND);
        WEIR_AUTO(weir_buf) value = {0};
        CHECK_OK(weir_query_get(weir_test_driver_application(driver), "counts", WEIR_BYTES("a"),
                                WEIR_BYTES_NULL, &value, &err),
                 &err);
        CHECK_I64(weir_get_u64_be(value.data), ==, life * 2 + 2);
        weir_test_driver_free(driver);
        sim_broker_forget_members(broker);
    }
}

typedef struct ticking {
    weir_processor base;
    int *ticks;
} ticking;

static weir_status tick(weir_processor *processor, int64_t timestamp_ms, weir_error *err)
{
    (void)timestamp_ms;
    (void)err;
    ++*((ticking *)(void *)processor)->ticks;
    return WEIR_OK;
}

static weir_status init_ticking(weir_processor *processor, weir_error *err)
{
    (void)err;
    (void)weir_context_schedule(processor->context, 10, WEIR_WALL_CLOCK_TIME, tick);
    return WEIR_OK;
}

static weir_status ignore(weir_processor *processor, const weir_record *record, weir_error *err)
{
    (void)processor;
    (void)record;
    (void)err;
    return WEIR_OK;
}

static void free_ticking(weir_processor *processor)
{
    free(processor);
}

static weir_processor *new_ticking(void *user)
{
    static const weir_processor_ops ops = {init_ticking, ignore, free_ticking};
    ticking *self = weir_alloc(sizeof(*self));
    self->base.ops = &ops;
    self->ticks = user;
    return &self->base;
}

TEST(wall_clock_punctuations_come_when_the_test_moves_the_clock)
{
    int ticks = 0;
    WEIR_AUTO_PTR(weir_topology) topology = weir_topology_new();
    weir_topology_add_source(topology, "source", &(weir_source_options){.topic = "in"});
    weir_topology_add_processor(topology, "tick", &(weir_processor_options){new_ticking, &ticks},
                                "source", NULL);
    weir_error err = {0};
    CHECK_OK(weir_topology_build(topology, &err), &err);
    WEIR_AUTO_PTR(weir_broker) broker = sim_broker_new(1);
    const weir_test_driver_options options = {.topology = topology, .broker = broker};
    WEIR_AUTO_PTR(weir_test_driver) driver = NULL;
    CHECK_OK(weir_test_driver_new(&options, &driver, &err), &err);
    static const struct {
        int64_t ms;
        int ticks;
    } moves[] = {{3, 0}, {3, 0}, {4, 1}, {100, 2}}; /* Missed ticks are skipped. */
    for (size_t i = 0; i < WEIR_COUNT_OF(moves); i++) {
        CHECK_OK(weir_test_driver_advance(driver, moves[i].ms, &err), &err);
        CHECK_I64(ticks, ==, moves[i].ticks);
    }
}
