/* SPDX-License-Identifier: Apache-2.0
 *
 * Sources of several topics, by a list or by a pattern (streams/topology_source.c,
 * topic_pattern.c, topology_plan.c), in a running application on an embedded broker.
 */
#include "connectors/broker_embedded.h"
#include "streams/dsl/dsl.h"
#include "streams/dsl/grouped.h"
#include "streams/topic_pattern.h"
#include "streams/topology_plan.h"
#include "tests/harness/check.h"
#include "tests/harness/dsl_fixture.h"
#include "tests/harness/dsl_functions.h"

#include <stdlib.h>
#include <string.h>

enum { LOOK_MS = 1000 };

static const char *const a_and_b[] = {"a", "b", NULL};

static weir_kstream *stream_of_both(weir_builder *builder)
{
    return weir_builder_stream_of_topics(builder, a_and_b, NULL);
}

/* Running applications. */

typedef struct fixture {
    char *directory;
    weir_broker *broker;
    weir_builder *builder;
    weir_test_driver *driver;
    weir_error err;
} fixture;

static void begin(fixture *f)
{
    f->directory = check_directory();
    const weir_broker_embedded_options options = {.directory = f->directory};
    CHECK_OK(weir_broker_embedded_open(&options, &f->broker, &f->err), &f->err);
}

static void make_topic(fixture *f, const char *name, int32_t partition_count)
{
    const weir_topic_config topic = {.name = name, .partition_count = partition_count};
    CHECK_OK(weir_broker_create_topic(f->broker, &topic, &f->err), &f->err);
}

static weir_status start(fixture *f, weir_builder *owned_builder)
{
    const weir_topology *topology = NULL;
    weir_test_driver_free(weir_take(&f->driver));
    weir_builder_free(f->builder);
    f->builder = owned_builder;
    CHECK_OK(weir_builder_build(f->builder, &topology, &f->err), &f->err);
    const weir_setting settings[] = {{"statestore.cache.max.bytes", "0"},
                                     {"weir.topics.check.interval.ms", "1000"}};
    const weir_test_driver_options options = {.topology = topology,
                                              .broker = f->broker,
                                              .settings = settings,
                                              .setting_count = WEIR_COUNT_OF(settings)};
    return weir_test_driver_new(&options, &f->driver, &f->err);
}

static void fixture_cleanup(fixture *f)
{
    weir_test_driver_free(f->driver);
    weir_builder_free(f->builder);
    weir_broker_free(f->broker);
    free(f->directory);
}

static void send(fixture *f, const char *topic, const char *key, const char *value)
{
    const weir_record record = {
        .topic = topic, .key = weir_bytes_of_text(key), .value = weir_bytes_of_text(value)};
    CHECK_OK(weir_test_driver_pipe(f->driver, &record, &f->err), &f->err);
}

static void check_next(fixture *f, const char *key, const char *value)
{
    const weir_record *record = NULL;
    CHECK_OK(weir_test_driver_read(f->driver, "out", &record, &f->err), &f->err);
    CHECK_BYTES(record->key, weir_bytes_of_text(key));
    CHECK_BYTES(record->value, weir_bytes_of_text(value));
}

static void check_end(fixture *f)
{
    const weir_record *record = NULL;
    CHECK_STATUS(weir_test_driver_read(f->driver, "out", &record, NULL), WEIR_NOT_FOUND);
}

static void count(weir_kstream *stream)
{
    weir_kgrouped_stream *grouped = weir_kstream_group_by_key(stream, NULL);
    weir_ktable *counts = weir_kgrouped_stream_count(grouped, WEIR_STORED_AS("st"), NULL);
    weir_kstream *text =
        weir_kstream_map_values(weir_ktable_to_stream(counts, NULL), dsl_count_as_text, NULL);
    weir_kstream_to(text, "out", NULL);
}

static weir_builder *counting(void)
{
    weir_builder *builder = weir_builder_new();
    count(stream_of_both(builder));
    return builder;
}

TEST(records_of_all_topics_of_a_list_meet_in_one_store_which_a_restart_keeps)
{
    WEIR_AUTO(fixture) f = {0};
    begin(&f);
    CHECK_OK(start(&f, counting()), &f.err);
    send(&f, "a", "k", "x");
    send(&f, "b", "k", "y");
    check_next(&f, "k", "1");
    check_next(&f, "k", "2");
    CHECK_OK(start(&f, counting()), &f.err);
    send(&f, "a", "k", "z");
    check_next(&f, "k", "1"); /* The new driver reads from the beginning. */
    check_next(&f, "k", "2");
    check_next(&f, "k", "3");
    check_end(&f);
}

static weir_builder *copying(void)
{
    weir_builder *builder = weir_builder_new();
    weir_kstream_to(stream_of_both(builder), "out", NULL);
    return builder;
}

TEST(without_a_store_topics_may_have_other_partition_counts)
{
    enum { KEYS = 20 };
    WEIR_AUTO(fixture) f = {0};
    begin(&f);
    make_topic(&f, "a", 5);
    make_topic(&f, "b", 2);
    CHECK_OK(start(&f, copying()), &f.err);
    for (int i = 0; i < KEYS; i++) {
        WEIR_AUTO_FREE char *key = weir_format("k%d", i);
        send(&f, "a", key, "left");
        send(&f, "b", key, "right");
        check_next(&f, key, "left");
        check_next(&f, key, "right");
    }
    check_end(&f);
}

TEST(with_a_store_they_may_not)
{
    WEIR_AUTO(fixture) f = {0};
    begin(&f);
    make_topic(&f, "a", 3);
    make_topic(&f, "b", 2);
    CHECK_STATUS(start(&f, counting()), WEIR_INVALID);
    CHECK(strstr(f.err.message, "'a' has 3 partitions and 'b' has 2") != NULL);
}

static weir_builder *copying_like(const char *pattern)
{
    weir_builder *builder = weir_builder_new();
    weir_kstream_to(weir_builder_stream_of_pattern(builder, pattern, NULL), "out", NULL);
    return builder;
}

TEST(a_pattern_stands_for_the_topics_that_are_there_at_the_start)
{
    WEIR_AUTO(fixture) f = {0};
    begin(&f);
    make_topic(&f, "in-1", 2);
    make_topic(&f, "main-2", 2);
    make_topic(&f, "__in-3", 1);
    CHECK_OK(start(&f, copying_like(".*in-[0-9]+")), &f.err);
    send(&f, "in-1", "k", "one");
    send(&f, "main-2", "k", "two");
    send(&f, "__in-3", "k", "hidden");
    check_next(&f, "k", "one");
    check_next(&f, "k", "two");
    make_topic(&f, "in-4", 1);
    send(&f, "in-4", "k", "late");
    check_end(&f);

    CHECK_OK(start(&f, copying_like(".*in-[0-9]+")), &f.err);
    CHECK_OK(weir_test_driver_advance(f.driver, 0, &f.err), &f.err);
    check_next(&f, "k", "one");
    check_next(&f, "k", "two");
    check_next(&f, "k", "late");
    check_end(&f);
}

static weir_builder *counting_like(const char *pattern)
{
    weir_builder *builder = weir_builder_new();
    count(weir_builder_stream_of_pattern(builder, pattern, NULL));
    return builder;
}

/* Topics are looked at; of the first look it is only noted when it would have been. */
static void look(fixture *f)
{
    CHECK_OK(weir_test_driver_advance(f->driver, LOOK_MS, &f->err), &f->err);
    CHECK_OK(weir_test_driver_advance(f->driver, LOOK_MS, &f->err), &f->err);
}

TEST(a_topic_that_a_pattern_matches_later_is_read_without_a_restart)
{
    WEIR_AUTO(fixture) f = {0};
    begin(&f);
    make_topic(&f, "in-1", 2);
    CHECK_OK(start(&f, counting_like("in-[0-9]+")), &f.err);
    send(&f, "in-1", "k", "x");
    check_next(&f, "k", "1");
    make_topic(&f, "in-2", 2);
    send(&f, "in-2", "k", "y");
    check_end(&f);
    look(&f);
    check_next(&f, "k", "2"); /* From its beginning, and the state of before. */
    send(&f, "in-1", "k", "z");
    send(&f, "in-2", "k", "z");
    check_next(&f, "k", "3");
    check_next(&f, "k", "4");
    check_end(&f);

    CHECK_OK(start(&f, counting_like("in-[0-9]+")), &f.err);
    send(&f, "in-2", "k", "z");
    for (int i = 1; i <= 5; i++) { /* The new driver reads from the beginning: nothing is twice. */
        WEIR_AUTO_FREE char *value = weir_format("%d", i);
        check_next(&f, "k", value);
    }
    check_end(&f);
}

TEST(a_topic_that_does_not_fit_in_with_the_others_is_left_alone)
{
    WEIR_AUTO(fixture) f = {0};
    begin(&f);
    make_topic(&f, "in-1", 2);
    CHECK_OK(start(&f, counting_like("in-[0-9]+")), &f.err);
    make_topic(&f, "in-2", 3);
    send(&f, "in-2", "k", "y");
    look(&f);
    send(&f, "in-1", "k", "x");
    check_next(&f, "k", "1");
    check_end(&f);
}

TEST(a_pattern_does_not_stand_for_the_topics_of_the_application_itself)
{
    WEIR_AUTO(fixture) f = {0};
    begin(&f);
    make_topic(&f, "test-st-changelog", 1); /* "test" is the driver's application. */
    make_topic(&f, "tests", 1);
    CHECK_OK(start(&f, copying_like("test.*")), &f.err);
    send(&f, "test-st-changelog", "k", "hidden");
    send(&f, "tests", "k", "seen");
    check_next(&f, "k", "seen");
    check_end(&f);
}

TEST(a_start_tells_of_a_pattern_without_topics_and_of_two_for_one_topic)
{
    WEIR_AUTO(fixture) f = {0};
    begin(&f);
    CHECK_STATUS(start(&f, copying_like("in-[0-9]+")), WEIR_INVALID);
    CHECK(strstr(f.err.message, "no topic is called like 'in-[0-9]+'") != NULL);

    make_topic(&f, "in-1", 1);
    weir_builder *builder = copying_like("in-[0-9]+");
    const weir_consumed other = {.name = "other"};
    weir_kstream_to(weir_builder_stream_of_pattern(builder, "in-1|in-2", &other), "out", NULL);
    CHECK_STATUS(start(&f, builder), WEIR_INVALID);
    CHECK(strstr(f.err.message, "topic 'in-1' is read by source 'KSTREAM-SOURCE-0000000000' and "
                                "by source 'other'") != NULL);
}

/* Mistakes. */

static void check_source(const weir_source_options *options, const char *text)
{
    weir_error err = {0};
    WEIR_AUTO_PTR(weir_topology) topology = weir_topology_new();
    weir_topology_add_source(topology, "first", &(weir_source_options){.topic = "taken"});
    weir_topology_add_source(topology, "second", options);
    CHECK_STATUS(weir_topology_build(topology, &err), WEIR_INVALID);
    CHECK_STR(err.message, text);
}

TEST(mistakes_of_a_list_name_source_and_topic)
{
    check_source(&(weir_source_options){.topics = (const char *const[]){NULL}},
                 "source 'second' has no topics: name one");
    check_source(&(weir_source_options){.topics = (const char *const[]){"a", "b", "a", NULL}},
                 "source 'second': topic 'a' is named twice");
    check_source(&(weir_source_options){.topics = (const char *const[]){"a", "taken", NULL}},
                 "source 'second': topic 'taken' is read by source 'first' already: share that");
    check_source(&(weir_source_options){.topics = (const char *const[]){"a", "", NULL}},
                 "second: topic '' is no legal name: use 1 to 249 letters, digits, '.', '_' and "
                 "'-'");
    check_source(&(weir_source_options){.topic = "a", .pattern = "b"},
                 "source 'second': give it a topic, topics or a pattern");
}

TEST(mistakes_of_a_pattern_name_source_and_topic)
{
    check_source(&(weir_source_options){.pattern = "t.*n"},
                 "source 'second': its pattern matches topic 'taken' of source 'first'");
    check_source(&(weir_source_options){.pattern = ""},
                 "source 'second': a pattern of topics has 1 to 1000 bytes");
    weir_error err = {0};
    WEIR_AUTO_PTR(weir_topology) topology = weir_topology_new();
    weir_topology_add_source(topology, "like", &(weir_source_options){.pattern = "in.*"});
    weir_topology_add_source(topology, "named", &(weir_source_options){.topic = "inner"});
    CHECK_STATUS(weir_topology_build(topology, &err), WEIR_INVALID);
    CHECK_STR(err.message,
              "source 'named': topic 'inner' is matched by the pattern of source 'like' already");
}

TEST(an_internal_topic_has_a_source_of_its_own)
{
    weir_error err = {0};
    WEIR_AUTO_PTR(weir_topology) topology = weir_topology_new();
    const char *const topics[] = {"a", weir_topology_repartition(topology, "r", 0), NULL};
    weir_topology_add_source(topology, "in", &(weir_source_options){.topics = topics});
    weir_topology_add_sink(topology, "out", &(weir_sink_options){.topic = topics[1]}, "in", NULL);
    CHECK_STATUS(weir_topology_build(topology, &err), WEIR_INVALID);
    CHECK_STR(err.message, "source 'in': read the internal topic in one of its own");
}

TEST(streams_of_some_of_the_same_topics_are_a_mistake)
{
    weir_builder *builder = counting();
    weir_kstream_to(weir_builder_stream(builder, "b", NULL), "out", NULL);
    dsl_check_mistake(builder, "topic 'b' is read by source 'KSTREAM-SOURCE-0000000000' already");
}

TEST(streams_of_one_pattern_share_their_source)
{
    weir_builder *builder = weir_builder_new();
    weir_kstream_to(weir_builder_stream_of_pattern(builder, "in.*", NULL), "one", NULL);
    weir_kstream_to(weir_builder_stream_of_pattern(builder, "in.*", NULL), "two", NULL);
    dsl_check_described(builder, "Topologies:\n"
                                 "   Sub-topology: 0\n"
                                 "    Source: KSTREAM-SOURCE-0000000000 (topics: in.*)\n"
                                 "      --> KSTREAM-SINK-0000000001, KSTREAM-SINK-0000000003\n"
                                 "    Sink: KSTREAM-SINK-0000000001 (topic: one)\n"
                                 "      <-- KSTREAM-SOURCE-0000000000\n"
                                 "    Sink: KSTREAM-SINK-0000000003 (topic: two)\n"
                                 "      <-- KSTREAM-SOURCE-0000000000\n\n");
}

/* Patterns. */

static bool matches(const char *text, const char *topic)
{
    weir_error err = {0};
    weir_topic_pattern *pattern = NULL;
    CHECK_OK(weir_topic_pattern_new(text, &pattern, &err), &err);
    CHECK_STR(weir_topic_pattern_text(pattern), text);
    bool answer = weir_topic_pattern_matches(pattern, topic);
    weir_topic_pattern_free(pattern);
    return answer;
}

TEST(a_pattern_is_of_the_whole_name)
{
    CHECK(matches("in-[a-z]+", "in-one"));
    CHECK(!matches("in-[a-z]+", "in-one2"));
    CHECK(!matches("in-[a-z]+", "main-one"));
    CHECK(matches("a|ab", "ab"));
    CHECK(matches("in\\.(one|two)", "in.two"));
    CHECK(!matches("in\\.(one|two)", "in-two"));
}

TEST(a_broken_pattern_is_told)
{
    weir_error err = {0};
    weir_topic_pattern *pattern = NULL;
    CHECK_STATUS(weir_topic_pattern_new("in-(", &pattern, &err), WEIR_INVALID);
    CHECK(strstr(err.message, "'in-(' is no POSIX extended regular expression") != NULL);
    CHECK(pattern == NULL);
}
