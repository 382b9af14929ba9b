/* SPDX-License-Identifier: Apache-2.0
 *
 * test_dsl.c - the operators of the DSL: names and order as Kafka Streams gives them, and what
 * records become.
 */
#include "streams/dsl/grouped.h"
#include "streams/dsl/kstream.h"
#include "streams/dsl/ktable.h"
#include "streams/test_driver.h"
#include "tests/harness/check.h"
#include "tests/harness/dsl_functions.h"
#include "tests/harness/sim_broker.h"

#include <string.h>

enum { MORE_THAN_A_RECORD_MAY_TAKE = 1 << 30 };

static weir_status split_words(weir_call *call, const weir_record *record, weir_emitter *emitter)
{
    (void)call;
    const char *at = record->value.data;
    const char *end = at + record->value.size;
    while (at < end) {
        const char *space = memchr(at, ' ', (size_t)(end - at));
        const char *stop = space == NULL ? end : space;
        WEIR_TRY(weir_emit(emitter, record->key, weir_bytes_of(at, (size_t)(stop - at))));
        at = stop + 1;
    }
    return WEIR_OK;
}

static weir_builder *word_count(void)
{
    weir_builder *builder = weir_builder_new();
    weir_kstream *lines = weir_builder_stream(builder, "lines", NULL);
    weir_kstream *words = weir_kstream_flat_map_values(lines, split_words, NULL);
    weir_kgrouped_stream *grouped = weir_kstream_group_by(words, dsl_value_as_key, NULL);
    weir_ktable *counts =
        weir_kgrouped_stream_count(grouped, &(weir_materialized){.store_name = "counts"}, NULL);
    weir_kstream_to(weir_ktable_to_stream(counts, NULL), "word-counts", NULL);
    return builder;
}

static const weir_topology *build(weir_builder *builder)
{
    const weir_topology *topology = NULL;
    weir_error err = {0};
    CHECK_STATUS(weir_builder_build(builder, &topology, &err), WEIR_OK);
    return topology;
}

/* The text is what Kafka Streams 4.1 prints for the same program. */
TEST(word_count_is_described_as_kafka_streams_describes_it)
{
    WEIR_AUTO_PTR(weir_builder) builder = word_count();
    WEIR_AUTO(weir_buf) text = {0};
    weir_topology_describe(build(builder), &text);
    CHECK_STR(weir_buf_text(&text),
              "Topologies:\n"
              "   Sub-topology: 0\n"
              "    Source: KSTREAM-SOURCE-0000000000 (topics: [lines])\n"
              "      --> KSTREAM-FLATMAPVALUES-0000000001\n"
              "    Processor: KSTREAM-FLATMAPVALUES-0000000001 (stores: [])\n"
              "      --> KSTREAM-KEY-SELECT-0000000002\n"
              "      <-- KSTREAM-SOURCE-0000000000\n"
              "    Processor: KSTREAM-KEY-SELECT-0000000002 (stores: [])\n"
              "      --> counts-repartition-filter\n"
              "      <-- KSTREAM-FLATMAPVALUES-0000000001\n"
              "    Processor: counts-repartition-filter (stores: [])\n"
              "      --> counts-repartition-sink\n"
              "      <-- KSTREAM-KEY-SELECT-0000000002\n"
              "    Sink: counts-repartition-sink (topic: counts-repartition)\n"
              "      <-- counts-repartition-filter\n"
              "\n"
              "  Sub-topology: 1\n"
              "    Source: counts-repartition-source (topics: [counts-repartition])\n"
              "      --> KSTREAM-AGGREGATE-0000000003\n"
              "    Processor: KSTREAM-AGGREGATE-0000000003 (stores: [counts])\n"
              "      --> KTABLE-TOSTREAM-0000000007\n"
              "      <-- counts-repartition-source\n"
              "    Processor: KTABLE-TOSTREAM-0000000007 (stores: [])\n"
              "      --> KSTREAM-SINK-0000000008\n"
              "      <-- KSTREAM-AGGREGATE-0000000003\n"
              "    Sink: KSTREAM-SINK-0000000008 (topic: word-counts)\n"
              "      <-- KTABLE-TOSTREAM-0000000007\n"
              "\n");
}

/* A topology at work, on a simulated broker. */
typedef struct fixture {
    weir_builder *builder;
    weir_broker *broker;
    weir_test_driver *driver;
    weir_error err;
} fixture;

static void fixture_start(fixture *self, weir_builder *owned_builder)
{
    *self = (fixture){.builder = owned_builder, .broker = sim_broker_new(1)};
    const weir_setting settings[] = {
        {"deserialization.exception.handler", "continue"},
        {"processing.exception.handler", "continue"},
        {"statestore.cache.max.bytes", "0"}, /* Each update is seen. */
    };
    const weir_test_driver_options options = {
        .topology = build(owned_builder),
        .broker = self->broker,
        .settings = settings,
        .setting_count = sizeof(settings) / sizeof(settings[0]),
    };
    CHECK_OK(weir_test_driver_new(&options, &self->driver, &self->err), &self->err);
}

static void fixture_end(fixture *self)
{
    weir_test_driver_free(self->driver);
    weir_broker_free(self->broker);
    weir_builder_free(self->builder);
}

static void send(fixture *self, const char *topic, const char *key, const char *value)
{
    const weir_record record = {.topic = topic,
                                .key = weir_bytes_of_text(key),
                                .value = weir_bytes_of_text(value),
                                .timestamp_ms = 1000};
    CHECK_OK(weir_test_driver_pipe(self->driver, &record, &self->err), &self->err);
}

static void check_next(fixture *self, const char *topic, const char *key, weir_bytes value)
{
    const weir_record *record = NULL;
    CHECK_OK(weir_test_driver_read(self->driver, topic, &record, &self->err), &self->err);
    CHECK_BYTES(record->key, weir_bytes_of_text(key));
    CHECK_BYTES(record->value, value);
}

static void check_end(fixture *self, const char *topic)
{
    const weir_record *record = NULL;
    CHECK_STATUS(weir_test_driver_read(self->driver, topic, &record, &self->err), WEIR_NOT_FOUND);
}

TEST(words_are_counted)
{
    fixture self;
    fixture_start(&self, word_count());
    send(&self, "lines", "1", "to be or not to be");
    send(&self, "lines", "2", "be");
    static const char *const words[] = {"to", "be", "or", "not", "to", "be", "be"};
    static const uint8_t counts[] = {1, 1, 1, 1, 2, 2, 3};
    for (size_t i = 0; i < sizeof(counts); i++) {
        const uint8_t count[8] = {0, 0, 0, 0, 0, 0, 0, counts[i]};
        check_next(&self, "word-counts", words[i], weir_bytes_of(count, sizeof(count)));
    }
    check_end(&self, "word-counts");
    fixture_end(&self);
}

static bool equals_user(void *user, const weir_record *record)
{
    return weir_bytes_equal(record->value, weir_bytes_of_text(user));
}

TEST(split_sends_each_record_to_the_first_branch_that_wants_it)
{
    weir_builder *builder = weir_builder_new();
    weir_branched_kstream *split =
        weir_kstream_split(weir_builder_stream(builder, "in", NULL), NULL);
    for (int i = 0; i < 2; i++) {
        weir_kstream *same =
            weir_branched_kstream_branch(split, equals_user, &(weir_operator_options){.user = "x"});
        weir_kstream_to(same, i == 0 ? "first" : "second", NULL);
    }
    weir_kstream_to(weir_branched_kstream_default(split, NULL), "rest", NULL);
    fixture self;
    fixture_start(&self, builder);
    send(&self, "in", "k", "x");
    send(&self, "in", "k", "y");
    check_next(&self, "first", "k", WEIR_BYTES("x"));
    check_end(&self, "first");
    check_end(&self, "second");
    check_next(&self, "rest", "k", WEIR_BYTES("y"));
    check_end(&self, "rest");
    fixture_end(&self);
}

TEST(split_without_a_default_drops_the_rest)
{
    weir_builder *builder = weir_builder_new();
    weir_branched_kstream *split =
        weir_kstream_split(weir_builder_stream(builder, "in", NULL), NULL);
    weir_kstream_to(
        weir_branched_kstream_branch(split, equals_user, &(weir_operator_options){.user = "x"}),
        "out", NULL);
    fixture self;
    fixture_start(&self, builder);
    send(&self, "in", "k", "y");
    send(&self, "in", "k", "x");
    check_next(&self, "out", "k", WEIR_BYTES("x"));
    check_end(&self, "out");
    fixture_end(&self);
}

TEST(two_streams_of_one_topic_share_its_source)
{
    weir_builder *builder = weir_builder_new();
    weir_kstream_to(weir_builder_stream(builder, "in", NULL), "one", NULL);
    weir_kstream_to(weir_builder_stream(builder, "in", NULL), "two", NULL);
    fixture self;
    fixture_start(&self, builder);
    send(&self, "in", "k", "v");
    check_next(&self, "one", "k", WEIR_BYTES("v"));
    check_next(&self, "two", "k", WEIR_BYTES("v"));
    fixture_end(&self);
}

static weir_status ask_for_too_much(weir_call *call, const weir_record *record,
                                    weir_bytes *out_value)
{
    *out_value = record->value;
    if (weir_bytes_equal(record->value, WEIR_BYTES("huge"))) {
        WEIR_AUTO_FREE char *text = weir_alloc(MORE_THAN_A_RECORD_MAY_TAKE);
        *out_value = weir_call_concat(call, weir_bytes_of(text, MORE_THAN_A_RECORD_MAY_TAKE),
                                      WEIR_BYTES("!"));
    }
    return WEIR_OK;
}

TEST(function_that_asks_for_too_much_loses_its_record_only)
{
    weir_builder *builder = weir_builder_new();
    weir_kstream *stream = weir_builder_stream(builder, "in", NULL);
    weir_kstream_to(weir_kstream_map_values(stream, ask_for_too_much, NULL), "out", NULL);
    fixture self;
    fixture_start(&self, builder);
    send(&self, "in", "k", "huge");
    send(&self, "in", "k", "small");
    check_next(&self, "out", "k", WEIR_BYTES("small"));
    check_end(&self, "out");
    fixture_end(&self);
}

static weir_status emit_other_key(weir_call *call, const weir_record *record, weir_emitter *emitter)
{
    (void)call;
    return weir_emit(emitter, WEIR_BYTES("other"), record->value);
}

TEST(flat_map_values_keeps_the_key_and_flat_map_does_not)
{
    weir_builder *builder = weir_builder_new();
    weir_kstream *stream = weir_builder_stream(builder, "in", NULL);
    weir_kstream_to(weir_kstream_flat_map_values(stream, emit_other_key, NULL), "kept", NULL);
    weir_kstream_to(weir_kstream_flat_map(stream, emit_other_key, NULL), "changed", NULL);
    fixture self;
    fixture_start(&self, builder);
    send(&self, "in", "k", "v");
    check_next(&self, "kept", "k", WEIR_BYTES("v"));
    check_next(&self, "changed", "other", WEIR_BYTES("v"));
    fixture_end(&self);
}

TEST(mistake_is_told_by_build)
{
    WEIR_AUTO_PTR(weir_builder) builder = weir_builder_new();
    weir_kstream_to(weir_builder_stream(builder, "no such/topic", NULL), "out", NULL);
    const weir_topology *topology = NULL;
    weir_error err = {0};
    CHECK_STATUS(weir_builder_build(builder, &topology, &err), WEIR_INVALID);
    CHECK(strstr(err.message, "no such/topic") != NULL);
}

TEST(typed_values_are_kafkas_bytes)
{
    WEIR_AUTO_PTR(weir_arena) arena = weir_arena_new(1000);
    weir_call call = {.arena = arena};
    CHECK_BYTES(weir_call_i32(&call, -2), weir_bytes_of("\xff\xff\xff\xfe", 4));
    CHECK_BYTES(weir_call_i64(&call, 258), weir_bytes_of("\0\0\0\0\0\0\1\2", 8));
    CHECK_BYTES(weir_call_f64(&call, 1.0), weir_bytes_of("\x3f\xf0\0\0\0\0\0\0", 8));
    int32_t small = 0;
    int64_t large = 0;
    double real = 0;
    CHECK(weir_bytes_i32(weir_call_i32(&call, -2), &small) && small == -2);
    CHECK(weir_bytes_i64(weir_call_i64(&call, INT64_MIN), &large) && large == INT64_MIN);
    CHECK(weir_bytes_f64(weir_call_f64(&call, -0.5), &real) && real == -0.5);
    CHECK(!weir_bytes_i64(WEIR_BYTES("1234567"), &large));
    CHECK(!weir_bytes_i32(WEIR_BYTES_NULL, &small));
    CHECK_BYTES(weir_call_text(&call, "%d%s", 7, "x"), WEIR_BYTES("7x"));
}
