/* SPDX-License-Identifier: Apache-2.0
 *
 * test_dsl_cogroup.c - tables that several streams make together.
 */
#include "streams/dsl/cogrouped.h"
#include "streams/dsl/kstream.h"
#include "streams/dsl/ktable.h"
#include "tests/harness/check.h"
#include "tests/harness/dsl_fixture.h"
#include "tests/harness/dsl_functions.h"

static const weir_materialized st = {.store_name = "st"};

static weir_status append_a(weir_call *call, weir_bytes key, weir_bytes value, weir_bytes aggregate,
                            weir_bytes *out_aggregate)
{
    (void)key;
    const weir_bytes letter = weir_call_concat(call, aggregate, WEIR_BYTES("a"));
    *out_aggregate = weir_call_concat(call, letter, value);
    return WEIR_OK;
}

static weir_status append_b(weir_call *call, weir_bytes key, weir_bytes value, weir_bytes aggregate,
                            weir_bytes *out_aggregate)
{
    (void)key;
    const weir_bytes letter = weir_call_concat(call, aggregate, WEIR_BYTES("b"));
    *out_aggregate = weir_call_concat(call, letter, value);
    return WEIR_OK;
}

static weir_kgrouped_stream *grouped(weir_builder *builder, const char *topic)
{
    return weir_kstream_group_by_key(weir_builder_stream(builder, topic, NULL), NULL);
}

static weir_cogrouped_kstream *cogrouped(weir_builder *builder)
{
    weir_kgrouped_stream *a = grouped(builder, "a");
    return weir_cogrouped_kstream_cogroup(weir_kgrouped_stream_cogroup(a, append_a),
                                          grouped(builder, "b"), append_b);
}

static void changes_to(weir_ktable *table, const char *topic)
{
    weir_kstream_to(weir_ktable_to_stream(table, NULL), topic, NULL);
}

static void windows_to(weir_ktable *table, const char *topic)
{
    weir_kstream *changes = weir_ktable_to_stream(table, NULL);
    weir_kstream_to(weir_kstream_select_key(changes, dsl_first_letter, NULL), topic, NULL);
}

TEST(streams_make_one_row_and_a_restored_one_goes_on)
{
    weir_builder *builder = weir_builder_new();
    changes_to(weir_cogrouped_kstream_aggregate(cogrouped(builder), dsl_empty_text, &st, NULL),
               "out");
    dsl_fixture self;
    dsl_fixture_start(&self, builder, "0");
    dsl_send(&self, "a", "k", "1", 1000);
    dsl_send(&self, "b", "k", "2", 900);
    dsl_send(&self, "b", NULL, "3", 1000);
    dsl_send(&self, "a", "k", NULL, 1000);
    dsl_fixture_restart(&self);
    dsl_send(&self, "a", "k", "4", 1100);
    dsl_check_next(&self, "out", "k", "a1", 1000);
    dsl_check_next(&self, "out", "k", "a1b2", 1000);
    dsl_check_next(&self, "out", "k", "a1b2a4", 1100);
    dsl_check_end(&self, "out");
    dsl_fixture_end(&self);
}

TEST(stream_that_is_added_again_has_its_last_aggregator)
{
    weir_builder *builder = weir_builder_new();
    weir_kgrouped_stream *a = grouped(builder, "a");
    weir_cogrouped_kstream *both = weir_kgrouped_stream_cogroup(a, append_a);
    (void)weir_cogrouped_kstream_cogroup(both, a, append_b);
    changes_to(weir_cogrouped_kstream_aggregate(both, NULL, &st, NULL), "out");
    dsl_fixture self;
    dsl_fixture_start(&self, builder, "0");
    dsl_send(&self, "a", "k", "1", 1000);
    dsl_check_next(&self, "out", "k", "b1", 1000);
    dsl_check_end(&self, "out");
    dsl_fixture_end(&self);
}

/* The row of its first record has expired by the time of the other one. */
TEST(stream_that_is_behind_goes_on_with_its_windows)
{
    weir_builder *builder = weir_builder_new();
    const weir_time_windows windows = {.size_ms = 1000};
    windows_to(weir_time_windowed_cogrouped_aggregate(
                   weir_cogrouped_kstream_windowed_by(cogrouped(builder), &windows), dsl_empty_text,
                   &st, NULL),
               "out");
    dsl_fixture self;
    dsl_fixture_start(&self, builder, "0");
    dsl_send(&self, "b", "k", "1", 100);
    dsl_send(&self, "a", "k", "2", 100000);
    dsl_send(&self, "b", "k", "3", 200);
    dsl_send(&self, "a", "k", "4", 300); /* Too late for its own stream. */
    dsl_check_next(&self, "out", "k", "b1", 100);
    dsl_check_next(&self, "out", "k", "a2", 100000);
    dsl_check_next(&self, "out", "k", "b3", 200);
    dsl_check_end(&self, "out");
    dsl_fixture_end(&self);
}

TEST(sliding_windows_hold_records_of_both_streams)
{
    weir_builder *builder = weir_builder_new();
    const weir_sliding_windows windows = {.time_difference_ms = 100};
    windows_to(weir_time_windowed_cogrouped_aggregate(
                   weir_cogrouped_kstream_windowed_by_sliding(cogrouped(builder), &windows),
                   dsl_empty_text, &st, NULL),
               "out");
    dsl_fixture self;
    dsl_fixture_start(&self, builder, "0");
    dsl_send(&self, "a", "k", "1", 1000);
    dsl_send(&self, "b", "k", "2", 1050);
    dsl_check_next(&self, "out", "k", "a1", 1000);
    dsl_check_next(&self, "out", "k", "b2", 1050);
    dsl_check_next(&self, "out", "k", "a1b2", 1050);
    dsl_check_end(&self, "out");
    dsl_fixture_end(&self);
}

TEST(sessions_of_both_streams_become_one)
{
    weir_builder *builder = weir_builder_new();
    const weir_session_windows windows = {.inactivity_gap_ms = 100};
    windows_to(weir_session_windowed_cogrouped_aggregate(
                   weir_cogrouped_kstream_windowed_by_session(cogrouped(builder), &windows),
                   dsl_empty_text, dsl_pair, &st, NULL),
               "out");
    dsl_fixture self;
    dsl_fixture_start(&self, builder, "0");
    dsl_send(&self, "a", "k", "1", 1000);
    dsl_send(&self, "b", "k", "2", 1050);
    dsl_check_next(&self, "out", "k", "a1", 1000);
    dsl_check_next(&self, "out", "k", NULL, 1000);
    dsl_check_next(&self, "out", "k", "a1b2", 1050);
    dsl_check_end(&self, "out");
    dsl_fixture_end(&self);
}

TEST(impossible_windows_of_cogrouped_streams_are_mistakes)
{
    weir_builder *builder = weir_builder_new();
    (void)weir_cogrouped_kstream_windowed_by(cogrouped(builder), &(weir_time_windows){0});
    dsl_check_mistake(builder, "windows after KSTREAM-SOURCE-0000000000");
    builder = weir_builder_new();
    (void)weir_cogrouped_kstream_windowed_by_session(cogrouped(builder),
                                                     &(weir_session_windows){0});
    dsl_check_mistake(builder, "sessions after KSTREAM-SOURCE-0000000000");
    builder = weir_builder_new();
    weir_time_windowed_cogrouped_kstream *windowed = weir_cogrouped_kstream_windowed_by(
        cogrouped(builder), &(weir_time_windows){.size_ms = 1000});
    (void)weir_time_windowed_cogrouped_aggregate(
        windowed, dsl_empty_text, &(weir_materialized){.store_name = "st", .retention_ms = 10},
        NULL);
    dsl_check_mistake(builder, "store 'st': a retention of 10 ms");
}

TEST(streams_without_a_topic_name_cannot_share_one)
{
    weir_builder *builder = weir_builder_new();
    weir_kgrouped_stream *a =
        weir_kstream_group_by(weir_builder_stream(builder, "a", NULL), dsl_value_as_key, NULL);
    weir_kgrouped_stream *b =
        weir_kstream_group_by(weir_builder_stream(builder, "b", NULL), dsl_value_as_key, NULL);
    weir_cogrouped_kstream *both =
        weir_cogrouped_kstream_cogroup(weir_kgrouped_stream_cogroup(a, append_a), b, append_b);
    (void)weir_cogrouped_kstream_aggregate(both, dsl_empty_text, &st, NULL);
    dsl_check_mistake(builder, "repartition 'st' is there already");
}

/* The text is what Kafka Streams 4.1 prints for the same program. */
TEST(cogroup_is_described_as_kafka_streams_describes_it)
{
    weir_builder *builder = weir_builder_new();
    weir_kgrouped_stream *a =
        weir_kstream_group_by(weir_builder_stream(builder, "a", NULL), dsl_value_as_key, NULL);
    weir_cogrouped_kstream *both = weir_cogrouped_kstream_cogroup(
        weir_kgrouped_stream_cogroup(a, append_a), grouped(builder, "b"), append_b);
    changes_to(weir_cogrouped_kstream_aggregate(both, dsl_empty_text, NULL, NULL), "out");
    changes_to(weir_cogrouped_kstream_aggregate(both, dsl_empty_text, &st,
                                                &(weir_operator_options){.name = "named"}),
               "out2");
    dsl_check_described(
        builder, "Topologies:\n"
                 "   Sub-topology: 0\n"
                 "    Source: KSTREAM-SOURCE-0000000000 (topics: [a])\n"
                 "      --> KSTREAM-KEY-SELECT-0000000001\n"
                 "    Processor: KSTREAM-KEY-SELECT-0000000001 (stores: [])\n"
                 "      --> COGROUPKSTREAM-AGGREGATE-STATE-STORE-0000000003-repartition-filter\n"
                 "      <-- KSTREAM-SOURCE-0000000000\n"
                 "    Processor: COGROUPKSTREAM-AGGREGATE-STATE-STORE-0000000003-repartition-fil"
                 "ter (stores: [])\n"
                 "      --> COGROUPKSTREAM-AGGREGATE-STATE-STORE-0000000003-repartition-sink\n"
                 "      <-- KSTREAM-KEY-SELECT-0000000001\n"
                 "    Sink: COGROUPKSTREAM-AGGREGATE-STATE-STORE-0000000003-repartition-sink (to"
                 "pic: COGROUPKSTREAM-AGGREGATE-STATE-STORE-0000000003-repartition)\n"
                 "      <-- COGROUPKSTREAM-AGGREGATE-STATE-STORE-0000000003-repartition-filter\n"
                 "\n"
                 "  Sub-topology: 1\n"
                 "    Source: COGROUPKSTREAM-AGGREGATE-STATE-STORE-0000000003-repartition-source"
                 " (topics: [COGROUPKSTREAM-AGGREGATE-STATE-STORE-0000000003-repartition])\n"
                 "      --> COGROUPKSTREAM-AGGREGATE-0000000007, named-cogroup-agg-0\n"
                 "    Source: KSTREAM-SOURCE-0000000002 (topics: [b])\n"
                 "      --> COGROUPKSTREAM-AGGREGATE-0000000008, named-cogroup-agg-1\n"
                 "    Processor: COGROUPKSTREAM-AGGREGATE-0000000007 (stores: [COGROUPKSTREAM-AG"
                 "GREGATE-STATE-STORE-0000000003])\n"
                 "      --> COGROUPKSTREAM-MERGE-0000000009\n"
                 "      <-- COGROUPKSTREAM-AGGREGATE-STATE-STORE-0000000003-repartition-source\n"
                 "    Processor: COGROUPKSTREAM-AGGREGATE-0000000008 (stores: [COGROUPKSTREAM-AG"
                 "GREGATE-STATE-STORE-0000000003])\n"
                 "      --> COGROUPKSTREAM-MERGE-0000000009\n"
                 "      <-- KSTREAM-SOURCE-0000000002\n"
                 "    Processor: named-cogroup-agg-0 (stores: [st])\n"
                 "      --> named-cogroup-merge\n"
                 "      <-- COGROUPKSTREAM-AGGREGATE-STATE-STORE-0000000003-repartition-source\n"
                 "    Processor: named-cogroup-agg-1 (stores: [st])\n"
                 "      --> named-cogroup-merge\n"
                 "      <-- KSTREAM-SOURCE-0000000002\n"
                 "    Processor: COGROUPKSTREAM-MERGE-0000000009 (stores: [])\n"
                 "      --> KTABLE-TOSTREAM-0000000010\n"
                 "      <-- COGROUPKSTREAM-AGGREGATE-0000000007, COGROUPKSTREAM-AGGREGATE-000000"
                 "0008\n"
                 "    Processor: named-cogroup-merge (stores: [])\n"
                 "      --> KTABLE-TOSTREAM-0000000018\n"
                 "      <-- named-cogroup-agg-0, named-cogroup-agg-1\n"
                 "    Processor: KTABLE-TOSTREAM-0000000010 (stores: [])\n"
                 "      --> KSTREAM-SINK-0000000011\n"
                 "      <-- COGROUPKSTREAM-MERGE-0000000009\n"
                 "    Processor: KTABLE-TOSTREAM-0000000018 (stores: [])\n"
                 "      --> KSTREAM-SINK-0000000019\n"
                 "      <-- named-cogroup-merge\n"
                 "    Sink: KSTREAM-SINK-0000000011 (topic: out)\n"
                 "      <-- KTABLE-TOSTREAM-0000000010\n"
                 "    Sink: KSTREAM-SINK-0000000019 (topic: out2)\n"
                 "      <-- KTABLE-TOSTREAM-0000000018\n"
                 "\n");
}
