/* SPDX-License-Identifier: Apache-2.0
 *
 * The settings of the Kafka broker (connectors/kafka_client.c), without a cluster.
 */
#include "connectors/broker_kafka.h"
#include "tests/harness/check.h"

#include <string.h>

static weir_status open_with(const char *name, const char *value, weir_error *err)
{
    const weir_setting setting = {name, value};
    const weir_kafka_options options = {
        .bootstrap_servers = "127.0.0.1:1", .librdkafka = &setting, .librdkafka_count = 1};
    weir_broker *broker = NULL;
    weir_status status = weir_broker_kafka_open(&options, &broker, err);
    weir_broker_free(broker);
    return status;
}

TEST(settings_of_librdkafka_are_taken_as_they_are_and_errors_name_them)
{
    weir_error err = {0};
    CHECK_OK(open_with("socket.timeout.ms", "12345", &err), &err);
    CHECK_STATUS(open_with("socket.timeout.ms", "soon", &err), WEIR_INVALID);
    CHECK(strstr(err.message, "socket.timeout.ms") != NULL);
    CHECK_STATUS(open_with("no.such.setting", "1", &err), WEIR_INVALID);
    CHECK(strstr(err.message, "no.such.setting") != NULL);
}

TEST(a_cluster_without_servers_is_refused)
{
    weir_error err = {0};
    weir_broker *broker = NULL;
    CHECK_STATUS(weir_broker_kafka_open(&(weir_kafka_options){0}, &broker, &err), WEIR_INVALID);
    CHECK(strstr(err.message, "KAFKA_BOOTSTRAP_SERVERS") != NULL);
}
