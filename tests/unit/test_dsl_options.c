/* SPDX-License-Identifier: Apache-2.0
 *
 * Options of operators that change where records go and where state lies: partitioners of several
 * partitions, of joins by a foreign key, stores in memory, windows without an end, settings of
 * changelogs.
 */
#include "streams/dsl/dsl.h"
#include "streams/topology_internal.h"
#include "tests/harness/check.h"
#include "tests/harness/dsl_fixture.h"
#include "tests/harness/dsl_functions.h"
#include "tests/harness/sim_broker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PARTITIONS = 3 };

/* The value is a list of digits. */
static bool is_in_value(void *user, const weir_record *record, int32_t partition,
                        int32_t partition_count)
{
    CHECK(user == NULL);
    CHECK_I64(partition_count, ==, PARTITIONS);
    return memchr(record->value.data, '0' + partition, record->value.size) != NULL;
}

static void check_partitions(dsl_fixture *self, const char *digits)
{
    weir_error err = {0};
    bool seen[PARTITIONS] = {false};
    const weir_record *record = NULL;
    while (weir_test_driver_read(self->driver, "out", &record, &err) == WEIR_OK) {
        CHECK(!seen[record->partition]);
        seen[record->partition] = true;
    }
    for (int p = 0; p < PARTITIONS; p++) {
        CHECK(seen[p] == (strchr(digits, '0' + p) != NULL));
    }
}

TEST(record_goes_to_several_partitions_or_to_none)
{
    weir_builder *builder = weir_builder_new();
    weir_kstream_to(weir_builder_stream(builder, "in", NULL), "out",
                    &(weir_produced){.multicast = is_in_value});
    const weir_topic_config topics[] = {{.name = "out", .partition_count = PARTITIONS}};
    const dsl_fixture_options options = {.topics = topics, .topic_count = 1};
    dsl_fixture self;
    dsl_fixture_start_with(&self, builder, &options);
    static const char *const values[] = {"02", "x", "1", "012"};
    for (size_t i = 0; i < WEIR_COUNT_OF(values); i++) {
        dsl_send(&self, "in", "k", values[i], 1);
        check_partitions(&self, values[i]);
    }
    dsl_fixture_end(&self);
}

/* Tables whose keys are numbers, each in the partition of its number; murmur2 would part them. */
static int32_t by_number(void *user, const weir_record *record, int32_t partition_count)
{
    CHECK(record->value.data == NULL);
    ++*(int *)user;
    WEIR_AUTO_FREE char *text = weir_bytes_to_text(record->key);
    return (int32_t)(strtol(text + 1, NULL, 10) % partition_count);
}

/* Rows are put where the partitioner says; the test driver itself partitions by murmur2. */
static int32_t by_number_of_row(void *user, const weir_record *record, int32_t partition_count)
{
    weir_record row = *record;
    row.value = WEIR_BYTES_NULL;
    return by_number(user, &row, partition_count);
}

TEST(foreign_join_finds_rows_that_are_partitioned_in_another_way)
{
    int calls = 0;
    weir_builder *builder = weir_builder_new();
    const weir_produced placed = {.partitioner = by_number_of_row, .partitioner_user = &calls};
    weir_kstream_to(weir_builder_stream(builder, "in-l", NULL), "left", &placed);
    weir_kstream_to(weir_builder_stream(builder, "in-r", NULL), "right", &placed);
    const weir_table_options options = {
        .partitioner = by_number, .other_partitioner = by_number, .partitioner_user = &calls};
    weir_ktable *joined = weir_ktable_join_foreign(weir_builder_table(builder, "left", NULL, NULL),
                                                   weir_builder_table(builder, "right", NULL, NULL),
                                                   dsl_value_as_key, dsl_pair_with_bar, &options);
    weir_kstream_to(weir_ktable_to_stream(joined, NULL), "out", NULL);
    const weir_topic_config topics[] = {{.name = "left", .partition_count = PARTITIONS},
                                        {.name = "right", .partition_count = PARTITIONS}};
    const dsl_fixture_options start = {.topics = topics, .topic_count = 2};
    dsl_fixture self;
    dsl_fixture_start_with(&self, builder, &start);
    for (int i = 0; i < 3 * PARTITIONS; i++) {
        char left[8];
        char right[8];
        char text[24];
        (void)snprintf(left, sizeof(left), "l%d", i % 10);
        (void)snprintf(right, sizeof(right), "r%d", (i + 1) % 10);
        (void)snprintf(text, sizeof(text), "%s|v", right);
        dsl_send(&self, "in-r", right, "v", 1);
        dsl_send(&self, "in-l", left, right, 1);
        dsl_check_next(&self, "out", left, text, 1);
    }
    CHECK_I64(calls, >=, 4 * 3 * PARTITIONS); /* Both rows, the question, the answer. */
    dsl_check_end(&self, "out");
    dsl_fixture_end(&self);
}

TEST(buffers_of_a_join_are_in_memory_where_that_is_asked_for)
{
    weir_error err = {0};
    WEIR_AUTO_PTR(weir_builder) builder = weir_builder_new();
    const weir_join_windows windows = {.before_ms = 1};
    weir_kstream_to(weir_kstream_left_join(weir_builder_stream(builder, "a", NULL),
                                           weir_builder_stream(builder, "b", NULL),
                                           dsl_pair_with_bar, &windows,
                                           &(weir_stream_joined){.engine = WEIR_ENGINE_MEMORY}),
                    "out", NULL);
    const weir_topology *topology = NULL;
    CHECK_OK(weir_builder_build(builder, &topology, &err), &err);
    CHECK_I64(topology->store_count, ==, 3);
    for (size_t i = 0; i < topology->store_count; i++) {
        CHECK(topology->stores[i].options.engine == WEIR_ENGINE_MEMORY);
    }
}

/* Kafka Streams' UnlimitedWindows: one window that begins at 0 and never closes. */
TEST(window_of_the_longest_size_takes_every_record)
{
    weir_builder *builder = weir_builder_new();
    const weir_time_windows windows = {.size_ms = INT64_MAX};
    weir_ktable *last = weir_time_windowed_reduce(
        weir_kgrouped_stream_windowed_by(
            weir_kstream_group_by_key(weir_builder_stream(builder, "in", NULL), NULL), &windows),
        dsl_last_value, NULL, NULL);
    weir_kstream_to(weir_ktable_to_stream(last, NULL), "out", NULL);
    dsl_fixture self;
    dsl_fixture_start(&self, builder, "0");
    static const int64_t times[] = {INT64_C(1700000000000), 0, 5};
    for (size_t i = 0; i < WEIR_COUNT_OF(times); i++) {
        weir_error err = {0};
        dsl_send(&self, "in", "k", "v", times[i]);
        const weir_record *record = NULL;
        CHECK_OK(weir_test_driver_read(self.driver, "out", &record, &err), &err);
        weir_windowed windowed = {0};
        CHECK(weir_windowed_of(record->key, windows.size_ms, &windowed));
        CHECK_I64(windowed.start_ms, ==, 0);
        CHECK_I64(record->timestamp_ms, ==, times[0]);
    }
    dsl_fixture_restart(&self);
    dsl_skip(&self, "out", WEIR_COUNT_OF(times));
    dsl_send(&self, "in", "k", "w", 1);
    dsl_skip(&self, "out", 1);
    dsl_check_end(&self, "out");
    dsl_fixture_end(&self);
}

static void check_tombstones_kept(weir_broker *broker, const char *topic, int64_t wanted_ms)
{
    weir_error err = {0};
    weir_topic_config found = {0};
    CHECK_OK(weir_broker_describe_topic(broker, topic, &found, &err), &err);
    CHECK_I64(found.delete_retention_ms, ==, wanted_ms);
}

TEST(changelogs_have_settings_of_their_own_before_those_of_all)
{
    weir_error err = {0};
    WEIR_AUTO_PTR(weir_builder) builder = weir_builder_new();
    const weir_topic_config five = {.delete_retention_ms = 5};
    const weir_join_windows windows = {.before_ms = 1};
    (void)weir_kstream_outer_join(weir_builder_stream(builder, "left", NULL),
                                  weir_builder_stream(builder, "right", NULL), dsl_pair, &windows,
                                  &(weir_stream_joined){.store_name = "pair", .changelog = five});
    weir_ktable *kept = weir_builder_table(
        builder, "table", NULL, &(weir_materialized){.store_name = "kept", .changelog = five});
    (void)weir_ktable_suppress_until_time_limit(
        kept, 1, &(weir_suppressed){.name = "held", .changelog = five});
    (void)weir_builder_table(builder, "other", NULL, WEIR_STORED_AS("plain"));
    const weir_topology *topology = NULL;
    CHECK_OK(weir_builder_build(builder, &topology, &err), &err);
    WEIR_AUTO_PTR(weir_broker) broker = sim_broker_new(1);
    const weir_setting settings[] = {{"topic.delete.retention.ms", "7"}};
    const weir_test_driver_options options = {
        .topology = topology, .broker = broker, .settings = settings, .setting_count = 1};
    WEIR_AUTO_PTR(weir_test_driver) driver = NULL;
    CHECK_OK(weir_test_driver_new(&options, &driver, &err), &err);
    CHECK_I64(topology->store_count, ==, 6); /* Three of the join. */
    for (size_t i = 0; i < topology->store_count; i++) {
        const char *name = topology->stores[i].options.name;
        WEIR_AUTO_FREE char *topic = weir_format("test-%s-changelog", name);
        bool is_plain = strcmp(name, "plain") == 0;
        check_tombstones_kept(broker, topic, is_plain ? 7 : 5);
    }
}

TEST(settings_of_a_changelog_that_nobody_makes_are_a_mistake)
{
    weir_builder *builder = weir_builder_new();
    weir_materialized kept = {.store_name = "kept", .logging_disabled = true};
    kept.changelog.delete_retention_ms = 5;
    (void)weir_builder_table(builder, "table", NULL, &kept);
    dsl_check_mistake(builder, "store 'kept': settings are for a changelog that is created for it");
    builder = weir_builder_new();
    kept = (weir_materialized){.store_name = "kept", .changelog = {.partition_count = 3}};
    (void)weir_builder_table(builder, "table", NULL, &kept);
    dsl_check_mistake(builder, "store 'kept': name, partitions, replicas");
}
