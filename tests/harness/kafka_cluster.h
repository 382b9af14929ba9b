/* SPDX-License-Identifier: Apache-2.0
 *
 * kafka_cluster.h - a real Kafka 4.1 for tests: one node or three on this machine, that can be
 * killed, paused and started again.
 *
 * Nodes are numbered from 1; each is broker and controller (KRaft), with ports and a directory of
 * its own that outlive restarts. The jars are those that `./dev kafka-libs` fetches;
 * WEIR_KAFKA_LIBS names another directory. Servers die with the thread that started them, however
 * it ends, so start them on the main thread.
 *
 * Ownership  Texts that are returned live as long as the cluster.
 * Errors     WEIR_INVALID where a node is not in the state that the call needs; WEIR_IO, with the
 *            ends of the server logs on stderr, where a server does not do what it should.
 * Threads    One at a time.
 */
#ifndef WEIR_TESTS_HARNESS_KAFKA_CLUSTER_H
#define WEIR_TESTS_HARNESS_KAFKA_CLUSTER_H

#include "streams/base/alloc.h"
#include "streams/base/status.h"

#include <stdbool.h>
#include <stdint.h>

enum { KAFKA_NODES_MAX = 3 };

typedef struct kafka_cluster kafka_cluster;

/* All-zero is one node, plaintext. */
typedef struct kafka_cluster_options {
    int32_t node_count;
    const char *properties; /* Further lines of server.properties, which win over ours. */

    /* Adds listeners for TLS (clients need a certificate) and for SASL_SSL. Users of SASL are weir
     * and guest, password weir-secret; guest is with PLAIN only and may do nothing. */
    bool secure;

    /* Not 0: the port that node i + 1 tells clients of the plaintext listener to connect to: that
     * of a proxy that leads to kafka_cluster_port. Brokers talk past it. */
    uint16_t advertised_ports[KAFKA_NODES_MAX];
} kafka_cluster_options;

/* Starts all nodes and waits until each knows of every other. */
weir_status kafka_cluster_start(const kafka_cluster_options *options, kafka_cluster **out_cluster,
                                weir_error *err);

/* Kills what runs and removes the directory; NULL is fine. */
void kafka_cluster_free(kafka_cluster *cluster);
WEIR_DEFINE_AUTO_PTR(kafka_cluster);

/* "127.0.0.1:<port>,…" of the plaintext listeners, past any proxy. */
const char *kafka_cluster_bootstrap(const kafka_cluster *cluster);

/* The same of the other listeners of a secure cluster. */
const char *kafka_cluster_ssl(const kafka_cluster *cluster);
const char *kafka_cluster_sasl_ssl(const kafka_cluster *cluster);

/* The directory of what tests/kafka/make_certificates.sh makes; NULL unless it is secure. */
const char *kafka_cluster_certificates(const kafka_cluster *cluster);

/* The port of a node's plaintext listener, and its process; pid 0: it does not run. */
uint16_t kafka_cluster_port(const kafka_cluster *cluster, int32_t node);
int32_t kafka_cluster_pid(const kafka_cluster *cluster, int32_t node);
int32_t kafka_cluster_node_count(const kafka_cluster *cluster);

/* Ends a running node at once (SIGKILL), or in order (SIGTERM), and waits for its end. */
weir_status kafka_cluster_kill_node(kafka_cluster *cluster, int32_t node, weir_error *err);
weir_status kafka_cluster_stop_node(kafka_cluster *cluster, int32_t node, weir_error *err);

/* Starts a node that does not run, on its old ports and disk, and waits until it answers. After a
 * kill that takes the 2 s (one node) or 4 s (three) for which the controller believes in the old
 * process. */
weir_status kafka_cluster_start_node(kafka_cluster *cluster, int32_t node, weir_error *err);

/* Halts a running node (SIGSTOP) and lets it run on (SIGCONT). */
weir_status kafka_cluster_pause_node(kafka_cluster *cluster, int32_t node, weir_error *err);
weir_status kafka_cluster_resume_node(kafka_cluster *cluster, int32_t node, weir_error *err);

/* Writes the last lines of each server's log to stderr. */
void kafka_cluster_print_logs(const kafka_cluster *cluster);

/* The bootstrap of a cluster of one node that starts with the first call and ends with the process;
 * WEIR_TEST_KAFKA names one that runs already. Ends the process where it does not start. */
const char *kafka_cluster_shared(void);

#endif
