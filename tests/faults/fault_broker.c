/* SPDX-License-Identifier: Apache-2.0
 *
 * fault_broker.c - opens the broker of the fault tests.
 */
#include "tests/faults/fault_broker.h"

#include "connectors/broker_embedded.h"
#include "connectors/broker_kafka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char embedded_prefix[] = "embedded:";

static weir_status open_broker(const char *where, const weir_setting *settings, size_t count,
                               weir_broker **out_broker, weir_error *err)
{
    if (strncmp(where, embedded_prefix, sizeof embedded_prefix - 1) == 0) {
        const weir_broker_embedded_options options = {
            .directory = where + sizeof embedded_prefix - 1,
        };
        return weir_broker_embedded_open(&options, out_broker, err);
    }
    const weir_kafka_options options = {
        .bootstrap_servers = where, .librdkafka = settings, .librdkafka_count = count};
    return weir_broker_kafka_open(&options, out_broker, err);
}

weir_status fault_broker_open(const char *where, weir_broker **out_broker, weir_error *err)
{
    return open_broker(where, NULL, 0, out_broker, err);
}

weir_status fault_broker_open_patient(const char *where, weir_broker **out_broker, weir_error *err)
{
    static const weir_setting settings[] = {{"producer.delivery.timeout.ms", "600000"}};
    return open_broker(where, settings, WEIR_COUNT_OF(settings), out_broker, err);
}

void fault_must(weir_status status, const weir_error *err)
{
    if (status != WEIR_OK) {
        fprintf(stderr, "fault: %s %s\n", weir_status_name(status), err->message);
        exit(1);
    }
}
