/* SPDX-License-Identifier: Apache-2.0
 *
 * trial.c - the test driver (streams/test_driver.h), with less to write at each call.
 */
#include "docs/examples/trial.h"

#include "connectors/broker_embedded.h"
#include "streams/base/serde.h"

#include <assert.h>
#include <string.h>

trial trial_of(weir_builder *owned_builder)
{
    weir_error err = {0};
    trial self = {.builder = owned_builder};
    const weir_topology *topology = NULL;
    CHECK_OK(weir_builder_build(self.builder, &topology, &err), &err);
    CHECK_OK(weir_broker_embedded_open(&(weir_broker_embedded_options){0}, &self.broker, &err),
             &err);
    const weir_setting settings[] = {{"statestore.cache.max.bytes", "0"}};
    const weir_test_driver_options options = {
        .topology = topology,
        .broker = self.broker,
        .settings = settings,
        .setting_count = WEIR_COUNT_OF(settings),
    };
    CHECK_OK(weir_test_driver_new(&options, &self.driver, &err), &err);
    return self;
}

void trial_cleanup(trial *self)
{
    weir_test_driver_free(self->driver);
    weir_broker_free(self->broker);
    weir_builder_free(self->builder);
    *self = (trial){0};
}

void trial_send(trial *self, const char *topic, const char *key, weir_bytes value,
                int64_t timestamp_ms)
{
    weir_error err = {0};
    const weir_record record = {.topic = topic,
                                .key = weir_bytes_of_text(key),
                                .value = value,
                                .timestamp_ms = timestamp_ms};
    CHECK_OK(weir_test_driver_pipe(self->driver, &record, &err), &err);
}

void trial_send_text(trial *self, const char *topic, const char *key, const char *text,
                     int64_t timestamp_ms)
{
    trial_send(self, topic, key, weir_bytes_of_text(text), timestamp_ms);
}

void trial_send_i64(trial *self, const char *topic, const char *key, int64_t number,
                    int64_t timestamp_ms)
{
    uint8_t bytes[8];
    weir_put_u64_be(bytes, (uint64_t)number);
    trial_send(self, topic, key, weir_bytes_of(bytes, sizeof(bytes)), timestamp_ms);
}

void trial_send_f64(trial *self, const char *topic, const char *key, double number,
                    int64_t timestamp_ms)
{
    int64_t bits = 0;
    static_assert(sizeof(bits) == sizeof(number), "a double has 8 bytes");
    memcpy(&bits, &number, sizeof(bits));
    trial_send_i64(self, topic, key, bits, timestamp_ms);
}

void trial_expect(trial *self, const char *topic, const char *key, weir_bytes value)
{
    weir_error err = {0};
    const weir_record *record = NULL;
    CHECK_OK(weir_test_driver_read(self->driver, topic, &record, &err), &err);
    CHECK_BYTES(record->key, weir_bytes_of_text(key));
    CHECK_BYTES(record->value, value);
}

void trial_expect_text(trial *self, const char *topic, const char *key, const char *text)
{
    trial_expect(self, topic, key, weir_bytes_of_text(text));
}

void trial_expect_i64(trial *self, const char *topic, const char *key, int64_t number)
{
    uint8_t bytes[8];
    weir_put_u64_be(bytes, (uint64_t)number);
    trial_expect(self, topic, key, weir_bytes_of(bytes, sizeof(bytes)));
}

void trial_expect_nothing(trial *self, const char *topic)
{
    const weir_record *record = NULL;
    CHECK_STATUS(weir_test_driver_read(self->driver, topic, &record, NULL), WEIR_NOT_FOUND);
}
