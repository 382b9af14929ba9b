/* SPDX-License-Identifier: Apache-2.0
 *
 * Tables whose values a transformer makes: what tests/conformance does not see of them.
 */
#include "streams/dsl/joins.h"
#include "streams/dsl/kstream.h"
#include "streams/dsl/transform_values.h"
#include "tests/harness/check.h"
#include "tests/harness/dsl_fixture.h"
#include "tests/harness/dsl_functions.h"
#include "tests/harness/sim_broker.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Looks its value up in a store, which it never writes, and says the time of its row. */
typedef struct naming {
    weir_value_transformer base;
    weir_kv *names;
} naming;

static weir_status init_naming(weir_value_transformer *transformer, weir_error *err)
{
    (void)err;
    ((naming *)(void *)transformer)->names = weir_context_store(transformer->context, "names");
    return WEIR_OK;
}

static weir_status name(weir_value_transformer *transformer, weir_call *call,
                        const weir_record *row, weir_bytes *out_value)
{
    WEIR_AUTO(weir_buf) found = {0};
    weir_kv *names = ((naming *)(void *)transformer)->names;
    weir_status status = weir_kv_get(names, row->key, &found, call->err);
    if (status != WEIR_NOT_FOUND) {
        return status;
    }
    *out_value = row->value.data == NULL
                     ? WEIR_BYTES_NULL
                     : weir_call_text(call, "%.*s@%" PRId64, (int)row->value.size,
                                      (const char *)row->value.data, row->timestamp_ms);
    return WEIR_OK;
}

static void free_naming(weir_value_transformer *transformer)
{
    free(transformer);
}

static weir_value_transformer *new_naming(void *user)
{
    (void)user;
    static const weir_value_transformer_ops ops = {init_naming, name, free_naming};
    naming *self = weir_alloc(sizeof(*self));
    self->base.ops = &ops;
    return &self->base;
}

static weir_ktable *named(weir_builder *builder, const weir_table_options *options)
{
    static const char *const stores[] = {"names", NULL};
    weir_builder_add_store(builder, &(weir_store_options){.name = "names"});
    return weir_ktable_transform_values(weir_builder_table(builder, "table", NULL, NULL),
                                        new_naming, options, stores);
}

TEST(row_that_a_join_looks_up_is_transformed_with_stores_and_its_own_time)
{
    weir_builder *builder = weir_builder_new();
    weir_kstream *joined = weir_kstream_left_join_table(
        weir_builder_stream(builder, "in", NULL), named(builder, NULL), dsl_pair_with_bar, NULL);
    weir_kstream_to(joined, "out", NULL);
    dsl_fixture self;
    dsl_fixture_start(&self, builder, "0");
    dsl_send(&self, "table", "k", "v", 1000);
    dsl_send(&self, "in", "k", "x", 5000);
    dsl_check_next(&self, "out", "k", "x|v@1000", 5000);
    dsl_send(&self, "in", "other", "y", 6000);
    dsl_check_next(&self, "out", "other", "y|null", 6000);
    dsl_fixture_restart(&self);
    dsl_send(&self, "in", "k", "z", 7000);
    dsl_skip(&self, "out", 2);
    dsl_check_next(&self, "out", "k", "z|v@1000", 7000);
    dsl_check_end(&self, "out");
    dsl_fixture_end(&self);
}

static weir_status forget(weir_value_transformer *transformer, weir_call *call,
                          const weir_record *row, weir_bytes *out_value)
{
    (void)transformer;
    (void)call;
    (void)row;
    *out_value = WEIR_BYTES_NULL;
    return WEIR_OK;
}

static weir_value_transformer *new_forgetting(void *user)
{
    (void)user;
    static const weir_value_transformer_ops ops = {NULL, forget, free_naming};
    naming *self = weir_alloc(sizeof(*self));
    self->base.ops = &ops;
    return &self->base;
}

TEST(row_of_which_nothing_is_made_has_no_time)
{
    weir_builder *builder = weir_builder_new();
    weir_ktable *right = weir_ktable_transform_values(
        weir_builder_table(builder, "right", NULL, NULL), new_forgetting, NULL, NULL);
    weir_ktable *joined = weir_ktable_left_join(weir_builder_table(builder, "left", NULL, NULL),
                                                right, dsl_pair_with_bar, NULL);
    weir_kstream_to(weir_ktable_to_stream(joined, NULL), "out", NULL);
    dsl_fixture self;
    dsl_fixture_start(&self, builder, "0");
    dsl_send(&self, "right", "k", "v", 9000);
    dsl_send(&self, "left", "k", "x", 5000);
    dsl_check_next(&self, "out", "k", "x|null", 5000);
    dsl_check_end(&self, "out");
    dsl_fixture_end(&self);
}

TEST(transformed_table_has_the_names_and_stores_of_kafka_streams)
{
    weir_builder *builder = weir_builder_new();
    weir_ktable *table =
        named(builder, &(weir_table_options){.materialized = {.store_name = "kept"}});
    weir_kstream_to(weir_ktable_to_stream(table, NULL), "out", NULL);
    dsl_check_described(builder,
                        "Topologies:\n"
                        "   Sub-topology: 0\n"
                        "    Source: KSTREAM-SOURCE-0000000001 (topics: [table])\n"
                        "      --> KTABLE-SOURCE-0000000002\n"
                        "    Processor: KTABLE-SOURCE-0000000002 (stores: [])\n"
                        "      --> KTABLE-TRANSFORMVALUES-0000000003\n"
                        "      <-- KSTREAM-SOURCE-0000000001\n"
                        "    Processor: KTABLE-TRANSFORMVALUES-0000000003 (stores: [names, kept])\n"
                        "      --> KTABLE-TOSTREAM-0000000004\n"
                        "      <-- KTABLE-SOURCE-0000000002\n"
                        "    Processor: KTABLE-TOSTREAM-0000000004 (stores: [])\n"
                        "      --> KSTREAM-SINK-0000000005\n"
                        "      <-- KTABLE-TRANSFORMVALUES-0000000003\n"
                        "    Sink: KSTREAM-SINK-0000000005 (topic: out)\n"
                        "      <-- KTABLE-TOSTREAM-0000000004\n\n");
}

static weir_status refuse(weir_value_transformer *transformer, weir_error *err)
{
    (void)transformer;
    return weir_error_set(err, WEIR_INVALID, "no names today");
}

static weir_value_transformer *new_refusing(void *user)
{
    (void)user;
    static const weir_value_transformer_ops ops = {refuse, name, free_naming};
    naming *self = weir_alloc(sizeof(*self));
    self->base.ops = &ops;
    return &self->base;
}

static void check_refused(weir_builder *owned_builder)
{
    WEIR_AUTO_PTR(weir_builder) builder = owned_builder;
    const weir_topology *topology = NULL;
    weir_error err = {0};
    CHECK_OK(weir_builder_build(builder, &topology, &err), &err);
    WEIR_AUTO_PTR(weir_broker) broker = sim_broker_new(1);
    weir_test_driver *driver = NULL;
    CHECK(weir_test_driver_new(&(weir_test_driver_options){.topology = topology, .broker = broker},
                               &driver, &err) == WEIR_INVALID);
    CHECK(strstr(err.message, "no names today") != NULL);
}

TEST(transformer_that_cannot_begin_stops_the_application)
{
    weir_builder *builder = weir_builder_new();
    weir_ktable *table = weir_ktable_transform_values(
        weir_builder_table(builder, "table", NULL, NULL), new_refusing, NULL, NULL);
    weir_kstream_to(weir_ktable_to_stream(table, NULL), "out", NULL);
    check_refused(builder);
}

/* What a child gets then is no change of a table. */
static weir_status forward(weir_value_transformer *transformer, weir_call *call,
                           const weir_record *row, weir_bytes *out_value)
{
    (void)out_value;
    return weir_context_forward(transformer->context, row, call->err);
}

static weir_value_transformer *new_forwarding(void *user)
{
    (void)user;
    static const weir_value_transformer_ops ops = {NULL, forward, free_naming};
    naming *self = weir_alloc(sizeof(*self));
    self->base.ops = &ops;
    return &self->base;
}

/* Kafka Streams: ProcessorContext#forward() not supported. */
static void check_forward_is_refused(weir_builder *owned_builder, const char *text)
{
    weir_error err = {0};
    dsl_fixture self;
    dsl_fixture_start(&self, owned_builder, "0");
    const weir_record record = {.topic = "in", .key = WEIR_BYTES("k"), .value = WEIR_BYTES("v")};
    CHECK_STATUS(weir_test_driver_pipe(self.driver, &record, &err), WEIR_INVALID);
    if (strstr(err.message, text) == NULL) {
        CHECK_STR(err.message, text); /* Fails, and shows both. */
    }
    dsl_fixture_end(&self);
}

TEST(transformer_that_forwards_stops_the_application)
{
    weir_builder *builder = weir_builder_new();
    weir_ktable *table = weir_ktable_transform_values(weir_builder_table(builder, "in", NULL, NULL),
                                                      new_forwarding, NULL, NULL);
    weir_kstream_to(weir_ktable_to_stream(table, NULL), "out", NULL);
    check_forward_is_refused(builder, "KTABLE-TRANSFORMVALUES-0000000003: a transformer of values "
                                      "must not forward: it answers the new value");
}

TEST(transformer_that_forwards_where_its_row_is_looked_up_stops_it_too)
{
    weir_builder *builder = weir_builder_new();
    weir_ktable *table = weir_ktable_transform_values(
        weir_builder_table(builder, "table", NULL, NULL), new_forwarding, NULL, NULL);
    weir_kstream *joined = weir_kstream_left_join_table(weir_builder_stream(builder, "in", NULL),
                                                        table, dsl_pair_with_bar, NULL);
    weir_kstream_to(joined, "out", NULL);
    check_forward_is_refused(builder, "a transformer of values must not forward");
}

static weir_status change_key(weir_processor *processor, const weir_record *record, weir_error *err)
{
    weir_record changed = *record;
    WEIR_TRY(weir_context_forward(processor->context, &changed, err)); /* As it may. */
    changed.key = WEIR_BYTES("other");
    return weir_context_forward(processor->context, &changed, err);
}

static void free_changing(weir_processor *processor)
{
    free(processor);
}

static weir_processor *new_changing(void *user)
{
    (void)user;
    static const weir_processor_ops ops = {.process = change_key, .free = free_changing};
    weir_processor *self = weir_alloc(sizeof(*self));
    self->ops = &ops;
    return self;
}

TEST(process_values_that_changes_a_key_stops_the_application)
{
    weir_builder *builder = weir_builder_new();
    const weir_processor_options changing = {.supplier = new_changing};
    weir_kstream *stream = weir_kstream_process_values(weir_builder_stream(builder, "in", NULL),
                                                       &changing, NULL, NULL);
    weir_kstream_to(stream, "out", NULL);
    check_forward_is_refused(builder, "KSTREAM-PROCESSVALUES-0000000001: process_values must not "
                                      "change keys: let it be process");
}

/* A row that is computed from many tables: whoever looks it up reads all their stores. */
TEST(rows_of_any_number_of_tables_are_looked_up)
{
    enum { TABLES = 70 };
    weir_builder *builder = weir_builder_new();
    weir_ktable *sum = weir_builder_table(builder, "t0", NULL, NULL);
    for (int i = 1; i < TABLES; i++) {
        WEIR_AUTO_FREE char *topic = weir_format("t%d", i);
        weir_ktable *table = weir_builder_table(builder, topic, NULL, NULL);
        sum = weir_ktable_left_join(sum, table, dsl_pair_with_bar, NULL);
    }
    weir_kstream *joined = weir_kstream_left_join_table(weir_builder_stream(builder, "in", NULL),
                                                        sum, dsl_pair_with_bar, NULL);
    weir_kstream_to(joined, "out", NULL);
    weir_error err = {0};
    const weir_topology *topology = NULL;
    CHECK_OK(weir_builder_build(builder, &topology, &err), &err);
    weir_builder_free(builder);
}

TEST(missing_supplier_is_a_mistake)
{
    weir_builder *builder = weir_builder_new();
    (void)weir_ktable_transform_values(weir_builder_table(builder, "t", NULL, NULL), NULL, NULL,
                                       NULL);
    dsl_check_mistake(builder, "a supplier");
}
