/* SPDX-License-Identifier: Apache-2.0
 *
 * test_foreign_join.c - joins by a foreign key: their bytes, and sides with other partitions. What
 * becomes of each change tests/conformance holds to Kafka Streams.
 */
#include "streams/base/hash.h"
#include "streams/dsl/foreign_join_internal.h"
#include "streams/dsl/kstream.h"
#include "tests/harness/check.h"
#include "tests/harness/dsl_fixture.h"
#include "tests/harness/dsl_functions.h"

#include <string.h>

enum { ARENA_BYTES_MAX = 1 << 16, LEFT_PARTITIONS = 3, RIGHT_PARTITIONS = 2, NOW_MS = 1 };

/* What Kafka's class Murmur3 answers for bytes 200, 237, … */
TEST(murmur3_is_kafkas)
{
    static const struct {
        size_t size;
        const char *hash;
    } cases[] = {
        {0, "9d2764a018e329428c3cf3b035938518"},  {1, "bff2166f25d4e3caad76f90042c32eb7"},
        {8, "5376fe5d8752a4802bcfb922970c534c"},  {9, "b79cc91e67eb164f7285936d18b5c4c8"},
        {15, "8541440932df88a8133781906f758397"}, {16, "3b1ca826ba2a8ab100ff368af7e15570"},
        {17, "14606ec89b0c68c720e38f08a941bbdf"}, {33, "c811ac0257c06b43de4815d1c281354e"},
    };
    uint8_t bytes[64];
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)(i * 37 + 200);
    }
    for (size_t i = 0; i < WEIR_COUNT_OF(cases); i++) {
        uint8_t hash[WEIR_MURMUR3_BYTES];
        char hex[2 * WEIR_MURMUR3_BYTES + 1];
        weir_murmur3_128(weir_bytes_of(bytes, cases[i].size), hash);
        weir_hex(hash, sizeof(hash), hex);
        CHECK_STR(hex, cases[i].hash);
    }
}

TEST(subscription_is_read_as_it_was_written)
{
    WEIR_AUTO_PTR(weir_arena) arena = weir_arena_new(ARENA_BYTES_MAX);
    weir_error err = {0};
    static const uint8_t hash[WEIR_MURMUR3_BYTES] = "fifteen letters";
    for (int kind = WEIR_SUBSCRIPTION_END; kind <= WEIR_SUBSCRIPTION_WAIT; kind++) {
        const weir_subscription written = {
            .kind = (weir_subscription_kind)kind,
            .hash = kind % 2 == 0 ? WEIR_BYTES_NULL : weir_bytes_of(hash, sizeof(hash)),
            .key = WEIR_BYTES("key"),
            .partition = 7,
        };
        weir_subscription read = {0};
        CHECK_OK(weir_subscription_decode(weir_subscription_encode(&written, arena), &read, &err),
                 &err);
        CHECK_I64(read.kind, ==, kind);
        CHECK_BYTES(read.hash, written.hash);
        CHECK_BYTES(read.key, WEIR_BYTES("key"));
        CHECK_I64(read.partition, ==, 7);
    }
}

TEST(subscription_of_version_0_has_no_partition)
{
    weir_subscription read = {0};
    weir_error err = {0};
    CHECK_OK(weir_subscription_decode(WEIR_BYTES("\x80\x02key"), &read, &err), &err);
    CHECK_I64(read.partition, ==, -1);
    CHECK_BYTES(read.key, WEIR_BYTES("key"));
}

TEST(bytes_of_others_are_refused)
{
    static const weir_bytes subscriptions[] = {
        {"", 0},                           /* Nothing. */
        {"\x01\x01short", 7},              /* No room for the hash. */
        {"\x81\x02key", 5},                /* Nor for the partition. */
        {"\x82\x02key1234", 9},            /* A later version. */
        {"\x81\x04key1234", 9},            /* An unknown kind. */
        {"\x81\x02key\xff\xff\xff\xff", 9} /* A partition that is none. */
    };
    weir_subscription read = {0};
    weir_subscription_answer answer = {0};
    weir_bytes key = {0};
    weir_error err = {0};
    for (size_t i = 0; i < WEIR_COUNT_OF(subscriptions); i++) {
        CHECK_STATUS(weir_subscription_decode(subscriptions[i], &read, &err), WEIR_BAD_RECORD);
    }
    CHECK_STATUS(weir_subscription_answer_decode(WEIR_BYTES(""), &answer, &err), WEIR_BAD_RECORD);
    CHECK_STATUS(weir_subscription_answer_decode(WEIR_BYTES("\x01"), &answer, &err),
                 WEIR_BAD_RECORD);
    CHECK_STATUS(weir_combined_key_left(weir_bytes_of("\0\0\0\x09", 4), &key, &err), WEIR_CORRUPT);
}

TEST(answer_of_nothing_is_null)
{
    WEIR_AUTO_PTR(weir_arena) arena = weir_arena_new(ARENA_BYTES_MAX);
    weir_error err = {0};
    weir_subscription_answer read = {.value = WEIR_BYTES("old")};
    const weir_subscription_answer written = {.value = WEIR_BYTES_NULL};
    CHECK_OK(weir_subscription_answer_decode(weir_subscription_answer_encode(&written, arena),
                                             &read, &err),
             &err);
    CHECK(read.value.data == NULL);
    CHECK(read.hash.data == NULL);
}

/* Orders and customers: the value of an order is the key of its customer. */
static weir_status right_value(weir_call *call, weir_bytes key, weir_bytes left, weir_bytes right,
                               weir_bytes *out_value)
{
    (void)call;
    (void)key;
    (void)left;
    *out_value = right;
    return WEIR_OK;
}

static dsl_fixture begin(void)
{
    static const weir_topic_config topics[] = {
        {.name = "orders", .partition_count = LEFT_PARTITIONS},
        {.name = "customers", .partition_count = RIGHT_PARTITIONS},
    };
    weir_builder *builder = weir_builder_new();
    weir_ktable *orders = weir_builder_table(builder, "orders", NULL, NULL);
    weir_ktable *customers = weir_builder_table(builder, "customers", NULL, NULL);
    weir_ktable *joined =
        weir_ktable_join_foreign(orders, customers, dsl_value_as_key, right_value, NULL);
    weir_kstream_to(weir_ktable_to_stream(joined, NULL), "out", NULL);
    dsl_fixture f;
    dsl_fixture_start_with(&f, builder, &(dsl_fixture_options){.topics = topics, .topic_count = 2});
    return f;
}

static void pipe_in(dsl_fixture *f, const char *topic, const char *key, const char *value)
{
    dsl_send(f, topic, key, value, NOW_MS);
}

static void check_out(dsl_fixture *f, const char *key, const char *value)
{
    dsl_check_next(f, "out", key, value, NOW_MS);
}

static void check_no_out(dsl_fixture *f)
{
    dsl_check_end(f, "out");
}

TEST(sides_have_any_numbers_of_partitions)
{
    dsl_fixture f = begin();
    static const char *const orders[] = {"1", "2", "3", "4", "5", "6", "7"};
    static const char *const customers[] = {"a", "b", "c", "d", "e", "f", "g"};
    for (size_t i = 0; i < WEIR_COUNT_OF(orders); i++) {
        pipe_in(&f, "orders", orders[i], customers[i]);
        check_no_out(&f);
        pipe_in(&f, "customers", customers[i], "row");
        check_out(&f, orders[i], "row");
    }
    dsl_fixture_end(&f);
}

TEST(row_that_changes_changes_all_that_name_it)
{
    dsl_fixture f = begin();
    pipe_in(&f, "orders", "1", "a");
    pipe_in(&f, "orders", "2", "a");
    pipe_in(&f, "orders", "3", "aa"); /* No key of a begins as one of it does. */
    pipe_in(&f, "customers", "a", "row");
    weir_error err = {0};
    const weir_record *record = NULL;
    for (int i = 0; i < 2; i++) { /* In whatever order the partitions are read. */
        CHECK_OK(weir_test_driver_read(f.driver, "out", &record, &err), &err);
        CHECK_BYTES(record->value, WEIR_BYTES("row"));
        CHECK(!weir_bytes_equal(record->key, WEIR_BYTES("3")));
    }
    check_no_out(&f);
    dsl_fixture_end(&f);
}

TEST(subscription_outlives_a_crash)
{
    dsl_fixture f = begin();
    pipe_in(&f, "orders", "1", "a");
    dsl_fixture_restart(&f);
    pipe_in(&f, "customers", "a", "row");
    check_out(&f, "1", "row");
    dsl_fixture_end(&f);
}

TEST(order_that_goes_takes_its_row_along)
{
    dsl_fixture f = begin();
    pipe_in(&f, "customers", "a", "row");
    pipe_in(&f, "orders", "1", "a");
    check_out(&f, "1", "row");
    pipe_in(&f, "orders", "1", NULL);
    check_out(&f, "1", NULL);
    pipe_in(&f, "customers", "a", "new row");
    check_no_out(&f);
    dsl_fixture_end(&f);
}
