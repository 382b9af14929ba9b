/* SPDX-License-Identifier: Apache-2.0
 *
 * fault_broker.c - command line and standard input of the fault tests' programs.
 */
#include "tests/faults/fault_broker.h"

#include "connectors/broker_embedded.h"
#include "connectors/broker_kafka.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SETTINGS_MAX = 64 };

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

weir_status fault_config_init(weir_config *out_config, char **words, int count, weir_error *err)
{
    weir_setting settings[SETTINGS_MAX] = {{0}};
    WEIR_ASSERT(count <= SETTINGS_MAX);
    for (int i = 0; i < count; i++) {
        char *equals = strchr(words[i], '=');
        WEIR_ASSERT(equals != NULL);
        *equals = '\0';
        settings[i] = (weir_setting){words[i], equals + 1};
    }
    return weir_config_init(out_config, settings, (size_t)count, err);
}

/* Byte by byte: what stdio keeps back, poll does not see. */
static bool read_line(char *line, size_t size_max)
{
    size_t size = 0;
    while (size + 1 < size_max && read(STDIN_FILENO, &line[size], 1) == 1) {
        if (line[size] == '\n') {
            line[size] = '\0';
            return true;
        }
        size++;
    }
    return false;
}

fault_command fault_command_wait(int timeout_ms, char *out_line, size_t size)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    if (poll(&input, 1, timeout_ms) <= 0) {
        return FAULT_COMMAND_NONE;
    }
    return read_line(out_line, size) ? FAULT_COMMAND_LINE : FAULT_COMMAND_END;
}

void fault_must(weir_status status, const weir_error *err)
{
    if (status != WEIR_OK) {
        fprintf(stderr, "fault: %s %s\n", weir_status_name(status), err->message);
        exit(1);
    }
}
