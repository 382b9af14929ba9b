/* SPDX-License-Identifier: Apache-2.0
 *
 * dsl_fixture.c - the test driver on a simulated broker.
 */
#include "tests/harness/dsl_fixture.h"

#include "tests/harness/check.h"
#include "tests/harness/sim_broker.h"

#include <string.h>

static void start_driver(dsl_fixture *self)
{
    weir_error err = {0};
    const weir_setting settings[] = {
        {"processing.exception.handler", "continue"},
        {"statestore.cache.max.bytes",
         self->options.cache_bytes_max == NULL ? "0" : self->options.cache_bytes_max},
        {"weir.emit.interval.ms",
         self->options.emit_interval_ms == NULL ? "0" : self->options.emit_interval_ms},
        {"weir.stream.idle.ms",
         self->options.stream_idle_ms == NULL ? "0" : self->options.stream_idle_ms},
    };
    const weir_test_driver_options options = {
        .topology = self->topology,
        .broker = self->broker,
        .database = self->options.database,
        .metrics = self->options.metrics,
        .settings = settings,
        .setting_count = sizeof(settings) / sizeof(settings[0]),
    };
    CHECK_OK(weir_test_driver_new(&options, &self->driver, &err), &err);
}

void dsl_fixture_start(dsl_fixture *self, weir_builder *owned_builder, const char *cache_bytes_max)
{
    const dsl_fixture_options options = {.cache_bytes_max = cache_bytes_max};
    dsl_fixture_start_with(self, owned_builder, &options);
}

void dsl_fixture_start_with(dsl_fixture *self, weir_builder *owned_builder,
                            const dsl_fixture_options *options)
{
    weir_error err = {0};
    *self = (dsl_fixture){.builder = owned_builder, .options = *options};
    CHECK_OK(weir_builder_build(owned_builder, &self->topology, &err), &err);
    self->broker = sim_broker_new(1);
    for (size_t i = 0; i < options->topic_count; i++) {
        CHECK_OK(weir_broker_create_topic(self->broker, &options->topics[i], &err), &err);
    }
    start_driver(self);
}

void dsl_fixture_restart(dsl_fixture *self)
{
    weir_test_driver_free(self->driver);
    start_driver(self);
}

void dsl_fixture_end(dsl_fixture *self)
{
    weir_test_driver_free(self->driver);
    weir_broker_free(self->broker);
    weir_builder_free(self->builder);
}

void dsl_send(dsl_fixture *self, const char *topic, const char *key, const char *value,
              int64_t timestamp_ms)
{
    weir_error err = {0};
    const weir_record record = {.topic = topic,
                                .key = weir_bytes_of_text(key),
                                .value = weir_bytes_of_text(value),
                                .timestamp_ms = timestamp_ms};
    CHECK_OK(weir_test_driver_pipe(self->driver, &record, &err), &err);
}

void dsl_check_next(dsl_fixture *self, const char *topic, const char *key, const char *value,
                    int64_t timestamp_ms)
{
    weir_error err = {0};
    const weir_record *record = NULL;
    CHECK_OK(weir_test_driver_read(self->driver, topic, &record, &err), &err);
    CHECK_BYTES(record->key, weir_bytes_of_text(key));
    CHECK_BYTES(record->value, weir_bytes_of_text(value));
    CHECK_I64(record->timestamp_ms, ==, timestamp_ms);
}

void dsl_check_end(dsl_fixture *self, const char *topic)
{
    const weir_record *record = NULL;
    CHECK_STATUS(weir_test_driver_read(self->driver, topic, &record, NULL), WEIR_NOT_FOUND);
}

void dsl_skip(dsl_fixture *self, const char *topic, size_t count)
{
    weir_error err = {0};
    const weir_record *record = NULL;
    for (size_t i = 0; i < count; i++) {
        CHECK_OK(weir_test_driver_read(self->driver, topic, &record, &err), &err);
    }
}

void dsl_check_mistake(weir_builder *owned_builder, const char *text)
{
    WEIR_AUTO_PTR(weir_builder) builder = owned_builder;
    const weir_topology *topology = NULL;
    weir_error err = {0};
    CHECK_STATUS(weir_builder_build(builder, &topology, &err), WEIR_INVALID);
    if (strstr(err.message, text) == NULL) {
        CHECK_STR(err.message, text);
    }
}

void dsl_check_described(weir_builder *owned_builder, const char *text)
{
    WEIR_AUTO_PTR(weir_builder) builder = owned_builder;
    WEIR_AUTO(weir_buf) described = {0};
    const weir_topology *topology = NULL;
    weir_error err = {0};
    CHECK_OK(weir_builder_build(builder, &topology, &err), &err);
    weir_topology_describe(topology, &described);
    CHECK_STR(weir_buf_text(&described), text);
}
