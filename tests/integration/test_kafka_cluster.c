/* SPDX-License-Identifier: Apache-2.0
 *
 * test_kafka_cluster.c - the harness itself: nodes start, die, and come back where they were.
 */
#include "tests/harness/check.h"
#include "tests/harness/kafka_cluster.h"

#include <arpa/inet.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static weir_error err;

static kafka_cluster *start(int32_t node_count, const char *properties)
{
    kafka_cluster *cluster = NULL;
    kafka_cluster_options options = {.node_count = node_count, .properties = properties};
    CHECK_OK(kafka_cluster_start(&options, &cluster, &err), &err);
    return cluster;
}

static bool listens(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int connection = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(connection >= 0);
    bool connected = connect(connection, (struct sockaddr *)&address, sizeof address) == 0;
    close(connection);
    return connected;
}

TEST(node_that_was_killed_starts_again_on_its_port_with_another_process)
{
    WEIR_AUTO_PTR(kafka_cluster) cluster = start(1, NULL);
    uint16_t port = kafka_cluster_port(cluster, 1);
    int32_t pid = kafka_cluster_pid(cluster, 1);
    CHECK(listens(port));
    CHECK(strchr(kafka_cluster_bootstrap(cluster), ',') == NULL);
    CHECK_OK(kafka_cluster_kill_node(cluster, 1, &err), &err);
    CHECK(!listens(port));
    CHECK_I64(kill(pid, 0), ==, -1);
    CHECK_I64(kafka_cluster_pid(cluster, 1), ==, 0);
    CHECK_STATUS(kafka_cluster_pause_node(cluster, 1, &err), WEIR_INVALID);
    CHECK_STR(err.message, "node 1 does not run");
    CHECK_OK(kafka_cluster_start_node(cluster, 1, &err), &err);
    CHECK(listens(port));
    CHECK_I64(kafka_cluster_pid(cluster, 1), !=, pid);
}

TEST(three_nodes_know_each_other_and_one_leaves_in_order_and_comes_back)
{
    WEIR_AUTO_PTR(kafka_cluster) cluster = start(3, NULL);
    CHECK_OK(kafka_cluster_stop_node(cluster, 2, &err), &err);
    CHECK(!listens(kafka_cluster_port(cluster, 2)));
    CHECK(listens(kafka_cluster_port(cluster, 1)));
    CHECK(listens(kafka_cluster_port(cluster, 3)));
    CHECK_STATUS(kafka_cluster_stop_node(cluster, 4, &err), WEIR_INVALID);
    CHECK_OK(kafka_cluster_start_node(cluster, 2, &err), &err);
    CHECK_STATUS(kafka_cluster_start_node(cluster, 2, &err), WEIR_INVALID);
    CHECK(listens(kafka_cluster_port(cluster, 2)));
}

TEST(paused_node_goes_on)
{
    WEIR_AUTO_PTR(kafka_cluster) cluster = start(1, NULL);
    CHECK_OK(kafka_cluster_pause_node(cluster, 1, &err), &err);
    CHECK_OK(kafka_cluster_resume_node(cluster, 1, &err), &err);
    CHECK_OK(kafka_cluster_stop_node(cluster, 1, &err), &err); /* It hears the signal. */
}

TEST(server_that_does_not_start_is_an_error)
{
    kafka_cluster *cluster = NULL;
    kafka_cluster_options options = {.properties = "log.retention.hours=never\n"};
    CHECK_STATUS(kafka_cluster_start(&options, &cluster, &err), WEIR_IO);
    CHECK_STR(err.message, "Kafka server 1 ended at its start");
}
