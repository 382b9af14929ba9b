/* SPDX-License-Identifier: Apache-2.0
 *
 * kafka_node.h - the process of one Kafka server: started, awaited, signalled.
 *
 * Ownership  The texts of a kafka_node are its cluster's.
 * Threads    One at a time; a server dies with the thread that started it.
 */
#ifndef WEIR_TESTS_HARNESS_KAFKA_NODE_H
#define WEIR_TESTS_HARNESS_KAFKA_NODE_H

#include "streams/base/bytes.h"
#include "streams/base/status.h"

#include <sys/types.h>

typedef struct kafka_node {
    int32_t id;
    const char *directory;  /* server.properties, log4j2.properties, data/, server-<n>.log */
    uint16_t internal_port; /* Plaintext: what brokers and the harness use. */
    pid_t pid;              /* 0: it does not run. */
    int start_count;
} kafka_node;

/* The directory of the jars: WEIR_KAFKA_LIBS, else that of the build. WEIR_INVALID with what to do
 * where Kafka is not there. */
weir_status kafka_node_libs(const char **out_directory, weir_error *err);

/* Starts the process, which writes to a log of its own. It does not answer yet. It is made to be
 * small and soon there, unless WEIR_KAFKA_JVM names a file of other options for java. */
weir_status kafka_node_spawn(kafka_node *node, weir_error *err);

/* Waits until the server says that it knows at least broker_count brokers, itself among them.
 * WEIR_IO where it ends instead or takes longer than it may. */
weir_status kafka_node_await(kafka_node *node, int32_t broker_count, weir_error *err);

/* Sends the signal and waits for the end, which a stop in order may take a minute for: then it is
 * killed, and the answer is WEIR_IO. */
weir_status kafka_node_end(kafka_node *node, int signal_number, weir_error *err);

/* The last lines of the latest log, on stderr. */
void kafka_node_print_log(const kafka_node *node);

#endif
