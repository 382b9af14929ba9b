/* SPDX-License-Identifier: Apache-2.0
 *
 * bare_client.c - arguments, clients, and reading a topic to its end.
 */
#include "tests/perf/bare_client.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ERROR_BYTES = 512, TIMEOUT_MS = 30000, WAIT_MS = 100, BATCH_MESSAGES = 4096 };

_Noreturn void bare_fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("bench: ", stderr);
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): it is, in the line above but one. */
    vfprintf(stderr, format, arguments);
    fputs("\n", stderr);
    va_end(arguments);
    exit(1);
}

const char *bare_argument(const bare_arguments *arguments, const char *name, const char *fallback)
{
    const char *found = fallback;
    for (int i = 0; i + 1 < arguments->count; i += 2) {
        if (strncmp(arguments->values[i], "--", 2) == 0 &&
            strcmp(arguments->values[i] + 2, name) == 0) {
            found = arguments->values[i + 1];
        }
    }
    if (found == NULL) {
        bare_fail("--%s is missing", name);
    }
    return found;
}

int64_t bare_number(const bare_arguments *arguments, const char *name, int64_t fallback)
{
    const char *text = bare_argument(arguments, name, "");
    if (*text == '\0') {
        return fallback;
    }
    char *end = NULL;
    int64_t number = strtoll(text, &end, 10);
    if (*end != '\0') {
        bare_fail("--%s %s is no number", name, text);
    }
    return number;
}

static void set(rd_kafka_conf_t *config, const char *name, const char *value)
{
    char error[ERROR_BYTES];
    if (rd_kafka_conf_set(config, name, value, error, sizeof(error)) != RD_KAFKA_CONF_OK) {
        bare_fail("%s = %s: %s", name, value, error);
    }
}

rd_kafka_t *bare_client_new(rd_kafka_type_t type, const bare_arguments *arguments,
                            const char *const *settings)
{
    rd_kafka_conf_t *config = rd_kafka_conf_new();
    set(config, "bootstrap.servers", bare_argument(arguments, "broker", NULL));
    for (; settings != NULL && settings[0] != NULL; settings += 2) {
        set(config, settings[0], settings[1]);
    }
    const char *prefix = type == RD_KAFKA_PRODUCER ? "--producer." : "--consumer.";
    for (int i = 0; i + 1 < arguments->count; i += 2) {
        if (strncmp(arguments->values[i], prefix, strlen(prefix)) == 0) {
            set(config, arguments->values[i] + strlen(prefix), arguments->values[i + 1]);
        }
    }
    char error[ERROR_BYTES];
    rd_kafka_t *client = rd_kafka_new(type, config, error, sizeof(error));
    if (client == NULL) {
        bare_fail("no client: %s", error);
    }
    return client;
}

int32_t bare_partition_count(rd_kafka_t *client, const char *topic)
{
    rd_kafka_topic_t *handle = rd_kafka_topic_new(client, topic, NULL);
    const rd_kafka_metadata_t *metadata = NULL;
    rd_kafka_resp_err_t failure = rd_kafka_metadata(client, 0, handle, &metadata, TIMEOUT_MS);
    if (failure != RD_KAFKA_RESP_ERR_NO_ERROR || metadata->topic_cnt != 1 ||
        metadata->topics[0].err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        bare_fail("topic %s: %s", topic, rd_kafka_err2str(failure));
    }
    int32_t count = metadata->topics[0].partition_cnt;
    rd_kafka_metadata_destroy(metadata);
    rd_kafka_topic_destroy(handle);
    return count;
}

rd_kafka_t *bare_reader_new(const bare_arguments *arguments, const char *topic, int64_t offset,
                            const char *const *settings)
{
    const char *all[32] = {
        "group.id",
        "weir-bench-reader",
        "enable.auto.commit",
        "false",
        "auto.offset.reset",
        "error",
        "enable.partition.eof",
        "true",
        "queued.min.messages",
        "200000",
    };
    size_t count = 10;
    for (; settings != NULL && *settings != NULL; settings++) {
        all[count++] = *settings;
    }
    rd_kafka_t *reader = bare_client_new(RD_KAFKA_CONSUMER, arguments, all);
    rd_kafka_poll_set_consumer(reader);
    int32_t partitions = bare_partition_count(reader, topic);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(partitions);
    for (int32_t i = 0; i < partitions; i++) {
        rd_kafka_topic_partition_list_add(list, topic, i)->offset = offset;
    }
    rd_kafka_resp_err_t failure = rd_kafka_assign(reader, list);
    if (failure != RD_KAFKA_RESP_ERR_NO_ERROR) {
        bare_fail("assign %s: %s", topic, rd_kafka_err2str(failure));
    }
    rd_kafka_topic_partition_list_destroy(list);
    return reader;
}

void bare_read_all(const bare_arguments *arguments, const char *topic,
                   void (*visit)(void *user, const rd_kafka_message_t *message), void *user)
{
    rd_kafka_t *reader = bare_reader_new(arguments, topic, RD_KAFKA_OFFSET_BEGINNING, NULL);
    int32_t left = bare_partition_count(reader, topic);
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(reader);
    rd_kafka_message_t *messages[BATCH_MESSAGES];
    for (int waited_ms = 0; left > 0;) {
        ssize_t count = rd_kafka_consume_batch_queue(queue, WAIT_MS, messages, BATCH_MESSAGES);
        waited_ms = count > 0 ? 0 : waited_ms + WAIT_MS;
        if (waited_ms > TIMEOUT_MS) {
            bare_fail("%s: nothing to read for %d ms", topic, TIMEOUT_MS);
        }
        for (ssize_t i = 0; i < count; i++) {
            if (messages[i]->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
                left--;
            } else if (messages[i]->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
                bare_fail("%s: %s", topic, rd_kafka_message_errstr(messages[i]));
            } else {
                visit(user, messages[i]);
            }
            rd_kafka_message_destroy(messages[i]);
        }
    }
    rd_kafka_queue_destroy(queue);
    rd_kafka_consumer_close(reader);
    rd_kafka_destroy(reader);
}
