/* SPDX-License-Identifier: Apache-2.0
 *
 * test_global_stores.c - tables of which every worker has all rows: complete before the first
 * record, whatever partitions they lie in, and followed from then on.
 */
#include "streams/base/hash.h"
#include "streams/dsl/global_table.h"
#include "streams/dsl/kstream.h"
#include "streams/dsl/ktable.h"
#include "streams/producer.h"
#include "streams/test_driver.h"
#include "tests/harness/check.h"
#include "tests/harness/dsl_functions.h"
#include "tests/harness/sim_broker.h"

#include <stdio.h>

enum { MORE_ROWS_THAN_A_POLL_TAKES = 9000 };

/* A stream "in", whose values name the rows of "table", on a simulated broker. */
typedef struct fixture {
    weir_builder *builder;
    const weir_topology *topology;
    weir_broker *broker;
    weir_producer *producer;
    weir_test_driver *driver;
    const char *workers;
    weir_error err;
} fixture;

static weir_status right_value(weir_call *call, weir_bytes key, weir_bytes left, weir_bytes right,
                               weir_bytes *out_value)
{
    (void)call;
    (void)key;
    (void)left;
    *out_value = right.data == NULL ? WEIR_BYTES("nothing") : right;
    return WEIR_OK;
}

static void make_topic(fixture *f, const char *name, int32_t partition_count)
{
    const weir_topic_config topic = {.name = name, .partition_count = partition_count};
    CHECK_OK(weir_broker_create_topic(f->broker, &topic, &f->err), &f->err);
}

static fixture begin(void)
{
    fixture f = {.builder = weir_builder_new(), .broker = sim_broker_new(1), .workers = "1"};
    weir_global_table *table = weir_builder_global_table(f.builder, "table", NULL, NULL);
    weir_kstream *in = weir_builder_stream(f.builder, "in", NULL);
    weir_kstream_to(weir_kstream_left_join_global(in, table, dsl_value_as_key, right_value, NULL),
                    "out", NULL);
    CHECK_OK(weir_builder_build(f.builder, &f.topology, &f.err), &f.err);
    make_topic(&f, "in", 2);
    make_topic(&f, "table", 5);
    CHECK_OK(weir_producer_new(f.broker, &(weir_producer_options){0}, &f.producer, &f.err), &f.err);
    return f;
}

static void fixture_cleanup(fixture *f)
{
    weir_test_driver_free(f->driver);
    weir_producer_free(f->producer);
    weir_broker_free(f->broker);
    weir_builder_free(f->builder);
}

static void start(fixture *f)
{
    const weir_setting settings[] = {{"num.stream.threads", f->workers}};
    const weir_test_driver_options options = {
        .topology = f->topology,
        .broker = f->broker,
        .settings = settings,
        .setting_count = WEIR_COUNT_OF(settings),
    };
    CHECK_OK(weir_test_driver_new(&options, &f->driver, &f->err), &f->err);
}

static weir_bytes text(const char *characters)
{
    return characters == NULL ? WEIR_BYTES_NULL : weir_bytes_of_text(characters);
}

static void send(fixture *f, const char *topic, const char *key, const char *value)
{
    int32_t number = 0;
    int32_t partition_count = 0;
    CHECK_OK(weir_producer_topic(f->producer, topic, &number, &partition_count, &f->err), &f->err);
    const weir_record record = {.key = text(key),
                                .value = text(value),
                                .partition = weir_partition_of(text(key), partition_count),
                                .timestamp_ms = 1};
    CHECK_OK(weir_producer_send(f->producer, number, &record, &f->err), &f->err);
    CHECK_OK(weir_producer_flush(f->producer, 0, &f->err), &f->err);
}

static void pipe_in(fixture *f, const char *topic, const char *key, const char *value)
{
    const weir_record record = {
        .topic = topic, .key = text(key), .value = text(value), .timestamp_ms = 1};
    CHECK_OK(weir_test_driver_pipe(f->driver, &record, &f->err), &f->err);
}

static void check_out(fixture *f, const char *key, const char *value)
{
    const weir_record *record = NULL;
    CHECK_OK(weir_test_driver_read(f->driver, "out", &record, &f->err), &f->err);
    CHECK_BYTES(record->key, text(key));
    CHECK_BYTES(record->value, text(value));
}

static void check_no_out(fixture *f)
{
    const weir_record *record = NULL;
    CHECK_STATUS(weir_test_driver_read(f->driver, "out", &record, &f->err), WEIR_NOT_FOUND);
}

TEST(row_is_found_whatever_its_partition_is)
{
    WEIR_AUTO(fixture) f = begin();
    start(&f);
    static const char *const keys[] = {"a", "b", "c", "d", "e", "f"};
    for (size_t i = 0; i < WEIR_COUNT_OF(keys); i++) {
        pipe_in(&f, "table", keys[i], "row");
        pipe_in(&f, "in", "k", keys[i]);
        check_out(&f, "k", "row");
    }
}

TEST(row_changes_and_goes)
{
    WEIR_AUTO(fixture) f = begin();
    start(&f);
    pipe_in(&f, "table", "a", "1");
    pipe_in(&f, "table", "a", "2");
    pipe_in(&f, "in", "k", "a");
    check_out(&f, "k", "2");
    pipe_in(&f, "table", "a", NULL);
    pipe_in(&f, "in", "k", "a");
    check_out(&f, "k", "nothing");
}

TEST(change_of_the_table_alone_leads_to_nothing)
{
    WEIR_AUTO(fixture) f = begin();
    start(&f);
    pipe_in(&f, "in", "k", "a");
    check_out(&f, "k", "nothing");
    pipe_in(&f, "table", "a", "1");
    check_no_out(&f);
}

TEST(first_record_meets_a_complete_table)
{
    WEIR_AUTO(fixture) f = begin();
    send(&f, "in", "k", "last");
    char key[16];
    for (int i = 0; i < MORE_ROWS_THAN_A_POLL_TAKES; i++) {
        (void)snprintf(key, sizeof(key), "%d", i);
        send(&f, "table", key, "row");
    }
    send(&f, "table", "last", "the last row");
    start(&f);
    check_out(&f, "k", "the last row");
}

TEST(restart_reads_the_table_again)
{
    WEIR_AUTO(fixture) f = begin();
    start(&f);
    pipe_in(&f, "table", "a", "1");
    weir_test_driver_free(weir_take(&f.driver));
    send(&f, "table", "b", "2");
    start(&f);
    pipe_in(&f, "in", "k", "a");
    check_out(&f, "k", "1");
    pipe_in(&f, "in", "k", "b");
    check_out(&f, "k", "2");
}

TEST(each_worker_has_all_rows)
{
    WEIR_AUTO(fixture) f = begin();
    f.workers = "2";
    start(&f);
    pipe_in(&f, "table", "a", "1");
    static const char *const keys[] = {"k0", "k1", "k2", "k3", "k4", "k5"};
    int32_t second_partition = 0;
    for (size_t i = 0; i < WEIR_COUNT_OF(keys); i++) {
        second_partition += weir_partition_of(text(keys[i]), 2);
        pipe_in(&f, "in", keys[i], "a");
        check_out(&f, keys[i], "1");
    }
    CHECK(second_partition > 0 && second_partition < (int32_t)WEIR_COUNT_OF(keys));
}

static void check_mistake(weir_builder *builder, const char *said)
{
    const weir_topology *topology = NULL;
    weir_error err = {0};
    CHECK_STATUS(weir_builder_build(builder, &topology, &err), WEIR_INVALID);
    CHECK_STR(err.message, said);
}

TEST(topic_of_a_global_table_is_no_stream_too)
{
    WEIR_AUTO_PTR(weir_builder) builder = weir_builder_new();
    (void)weir_builder_global_table(builder, "t", NULL, NULL);
    weir_kstream_to(weir_builder_stream(builder, "t", NULL), "out", NULL);
    check_mistake(builder, "source 'KSTREAM-SOURCE-0000000003': topic 't' is read by source "
                           "'KSTREAM-SOURCE-0000000001' already: share that");
}

TEST(global_store_has_a_name_of_its_own)
{
    WEIR_AUTO_PTR(weir_builder) builder = weir_builder_new();
    const weir_materialized same = {.store_name = "same"};
    (void)weir_builder_global_table(builder, "t", NULL, &same);
    (void)weir_builder_table(builder, "u", NULL, &same);
    check_mistake(builder, "store 'same' is there already: name all its processors at once");
}

TEST(global_table_takes_rows_from_the_first_on)
{
    WEIR_AUTO_PTR(weir_builder) builder = weir_builder_new();
    (void)weir_builder_global_table(
        builder, "t", &(weir_consumed){.reset.kind = WEIR_AUTO_OFFSET_RESET_LATEST}, NULL);
    check_mistake(builder, "global table of t: its rows are kept as they are, from the first on; "
                           "leave out serde, timestamp and reset");
}
