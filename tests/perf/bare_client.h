/* SPDX-License-Identifier: Apache-2.0
 *
 * bare_client.h - librdkafka without weir, for the programs that fill, measure and check the
 * topics of the benchmark: what they say must not depend on what is measured.
 *
 * Errors     A program that cannot go on says why and ends.
 * Threads    One.
 */
#ifndef WEIR_TESTS_PERF_BARE_CLIENT_H
#define WEIR_TESTS_PERF_BARE_CLIENT_H

#include "streams/base/bytes.h"

#include <librdkafka/rdkafka.h>

/* Arguments "--name value" in any order, after the command. */
typedef struct bare_arguments {
    int count;
    char **values;
} bare_arguments;

/* The value of --name; fallback NULL: the program ends where it is missing. */
const char *bare_argument(const bare_arguments *arguments, const char *name, const char *fallback);
int64_t bare_number(const bare_arguments *arguments, const char *name, int64_t fallback);

/* Prints "<program>: <text>" and ends with 1. */
_Noreturn void bare_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A client of --broker with these settings, name and value in turn, a NULL after the last; then
 * those given as --consumer.NAME and --producer.NAME. */
rd_kafka_t *bare_client_new(rd_kafka_type_t type, const bare_arguments *arguments,
                            const char *const *settings);

/* How many partitions topic has. */
int32_t bare_partition_count(rd_kafka_t *client, const char *topic);

/* A consumer of all partitions of topic from offset (RD_KAFKA_OFFSET_BEGINNING, …) on, which reads
 * committed records, ahead as far as it can, and tells of the end of a partition. */
rd_kafka_t *bare_reader_new(const bare_arguments *arguments, const char *topic, int64_t offset,
                            const char *const *settings);

/* Calls visit for each record of topic up to the ends of its partitions. */
void bare_read_all(const bare_arguments *arguments, const char *topic,
                   void (*visit)(void *user, const rd_kafka_message_t *message), void *user);

#endif
