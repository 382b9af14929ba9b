/* SPDX-License-Identifier: Apache-2.0
 *
 * test_dsl_sinks.c - sinks whose topic a function names for each record.
 */
#include "streams/dsl/kstream.h"
#include "streams/test_driver.h"
#include "streams/topology_description.h"
#include "tests/harness/check.h"
#include "tests/harness/sim_broker.h"

#include <string.h>

/* The value is the name; "none" says that there is none. */
static const char *topic_in_value(void *user, const weir_record *record, weir_arena *arena)
{
    ++*(size_t *)user;
    if (weir_bytes_equal(record->value, WEIR_BYTES("none"))) {
        return NULL;
    }
    char *name = weir_arena_alloc(arena, record->value.size + 1);
    CHECK(name != NULL);
    memcpy(name, record->value.data, record->value.size);
    name[record->value.size] = '\0';
    return name;
}

typedef struct sinks {
    weir_builder *builder;
    const weir_topology *topology;
    weir_broker *broker;
    weir_test_driver *driver;
    size_t calls;
} sinks;

static void start(sinks *self, const char *production_handler)
{
    static const char *const topics[] = {"x", "y", NULL};
    weir_error err = {0};
    self->builder = weir_builder_new();
    weir_kstream_to_topic_of(weir_builder_stream(self->builder, "in", NULL), topic_in_value,
                             &(weir_produced){.topic_user = &self->calls});
    CHECK_OK(weir_builder_build(self->builder, &self->topology, &err), &err);
    self->broker = sim_broker_new(1);
    const weir_setting settings[] = {{"production.exception.handler", production_handler}};
    const weir_test_driver_options options = {
        .topology = self->topology,
        .broker = self->broker,
        .settings = settings,
        .setting_count = 1,
        .more_topics = topics,
    };
    CHECK_OK(weir_test_driver_new(&options, &self->driver, &err), &err);
}

static void stop(sinks *self)
{
    weir_test_driver_free(self->driver);
    weir_broker_free(self->broker);
    weir_builder_free(self->builder);
}

static weir_status pipe_to(sinks *self, const char *topic, weir_error *err)
{
    const weir_record record = {
        .topic = "in", .key = WEIR_BYTES("k"), .value = weir_bytes_of_text(topic)};
    return weir_test_driver_pipe(self->driver, &record, err);
}

static size_t count_in(sinks *self, const char *topic)
{
    weir_error err = {0};
    const weir_record *record = NULL;
    size_t count = 0;
    while (weir_test_driver_read(self->driver, topic, &record, &err) == WEIR_OK) {
        CHECK_BYTES(record->value, weir_bytes_of_text(topic));
        count++;
    }
    return count;
}

TEST(each_record_goes_to_the_topic_that_is_named_for_it)
{
    sinks self = {0};
    weir_error err = {0};
    start(&self, "fail");
    static const char *const values[] = {"x", "y", "x"};
    for (size_t i = 0; i < 3; i++) {
        CHECK_OK(pipe_to(&self, values[i], &err), &err);
    }
    CHECK_I64(self.calls, ==, 3);
    CHECK_I64(count_in(&self, "x"), ==, 2);
    CHECK_I64(count_in(&self, "y"), ==, 1);
    stop(&self);
}

TEST(record_for_which_no_topic_is_named_is_refused)
{
    sinks self = {0};
    weir_error err = {0};
    start(&self, "continue");
    CHECK_OK(pipe_to(&self, "none", &err), &err);
    CHECK_OK(pipe_to(&self, "x", &err), &err);
    CHECK_I64(count_in(&self, "x"), ==, 1);
    stop(&self);
    start(&self, "fail");
    CHECK(pipe_to(&self, "none", &err) != WEIR_OK);
    CHECK(strstr(err.message, "KSTREAM-SINK-0000000001 names no topic") != NULL);
    stop(&self);
}

TEST(topic_that_does_not_exist_is_told_with_its_sink)
{
    sinks self = {0};
    weir_error err = {0};
    start(&self, "continue");
    CHECK(pipe_to(&self, "nowhere", &err) != WEIR_OK);
    CHECK(strstr(err.message, "KSTREAM-SINK-0000000001") != NULL);
    CHECK(strstr(err.message, "topic 'nowhere' does not exist: create it") != NULL);
    stop(&self);
}

TEST(descriptions_tell_of_a_function_instead_of_a_topic)
{
    sinks self = {0};
    start(&self, "fail");
    WEIR_AUTO(weir_buf) text = {0};
    weir_topology_describe(self.topology, &text);
    CHECK(strstr(weir_buf_text(&text),
                 "    Sink: KSTREAM-SINK-0000000001 (extractor class: a function)\n") != NULL);
    WEIR_AUTO(weir_buf) json = {0};
    weir_topology_describe_json(self.topology, NULL, &json);
    CHECK(strstr(weir_buf_text(&json), "\"kind\":\"sink\",\"is_dynamic\":true") != NULL);
    WEIR_AUTO(weir_buf) svg = {0};
    weir_topology_describe_svg(self.topology, &svg);
    CHECK(strstr(weir_buf_text(&svg), "KSTREAM-SINK-0000000001") != NULL);
    stop(&self);
}

TEST(sink_without_a_function_or_with_a_topic_as_well_is_a_mistake)
{
    weir_error err = {0};
    const weir_topology *topology = NULL;
    WEIR_AUTO_PTR(weir_builder) builder = weir_builder_new();
    weir_kstream_to_topic_of(weir_builder_stream(builder, "in", NULL), NULL, NULL);
    CHECK_STATUS(weir_builder_build(builder, &topology, &err), WEIR_INVALID);
    CHECK(strstr(err.message, "KSTREAM-SINK-0000000001") != NULL);

    WEIR_AUTO_PTR(weir_topology) both = weir_topology_new();
    weir_topology_add_source(both, "in", &(weir_source_options){.topic = "in"});
    weir_topology_add_sink(
        both, "sink", &(weir_sink_options){.topic = "x", .topic_of = topic_in_value}, "in", NULL);
    CHECK_STATUS(weir_topology_build(both, &err), WEIR_INVALID);
    CHECK(strstr(err.message, "sink 'sink'") != NULL);
}
