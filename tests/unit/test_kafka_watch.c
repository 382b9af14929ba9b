/* SPDX-License-Identifier: Apache-2.0
 *
 * A transaction's offsets while nobody is the coordinator of the group (connectors/kafka_watch.c).
 * The cluster is librdkafka's own, in this process, which can be told what to answer.
 */
#include "connectors/kafka_watch.h"
#include "tests/harness/check.h"

#include <librdkafka/rdkafka_mock.h>

enum {
    TXN_OFFSET_COMMIT = 28, /* The protocol's numbers of requests. */
    FIND_COORDINATOR = 10,
    CALL_TIMEOUT_MS = 60000,
    LIMIT_MS = 1000,
};

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char words[256];
    CHECK(rd_kafka_conf_set(conf, name, value, words, sizeof words) == RD_KAFKA_CONF_OK);
}

static rd_kafka_t *open_producer(const rd_kafka_mock_cluster_t *cluster)
{
    char words[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "bootstrap.servers", rd_kafka_mock_cluster_bootstraps(cluster));
    set(conf, "transactional.id", "writer");
    weir_kafka_watch_sockets(conf);
    rd_kafka_t *producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, words, sizeof words);
    CHECK(producer != NULL);
    CHECK(rd_kafka_init_transactions(producer, CALL_TIMEOUT_MS) == NULL);
    CHECK(rd_kafka_begin_transaction(producer) == NULL);
    return producer;
}

static void send_offsets(rd_kafka_t *producer)
{
    rd_kafka_topic_partition_list_t *offsets = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(offsets, "pages", 0)->offset = 1;
    rd_kafka_consumer_group_metadata_t *group = rd_kafka_consumer_group_metadata_new("readers");
    rd_kafka_error_t *error =
        rd_kafka_send_offsets_to_transaction(producer, offsets, group, CALL_TIMEOUT_MS);
    rd_kafka_error_destroy(error); /* What matters is that it returns. */
    rd_kafka_consumer_group_metadata_destroy(group);
    rd_kafka_topic_partition_list_destroy(offsets);
}

TEST(offsets_do_not_wait_for_ever_where_nobody_is_the_coordinator)
{
    static const rd_kafka_resp_err_t nobody = RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE;
    char words[256];
    rd_kafka_t *host = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), words, sizeof words);
    CHECK(host != NULL);
    rd_kafka_mock_cluster_t *cluster = rd_kafka_mock_cluster_new(host, 1);
    rd_kafka_t *producer = open_producer(cluster);
    rd_kafka_mock_push_request_errors(cluster, TXN_OFFSET_COMMIT, 1,
                                      RD_KAFKA_RESP_ERR_NOT_COORDINATOR);
    rd_kafka_mock_push_request_errors(cluster, FIND_COORDINATOR, 3, nobody, nobody, nobody);
    weir_kafka_watcher *watcher = weir_kafka_watcher_new();
    weir_kafka_watch watch;
    weir_kafka_watch_begin(watcher, &watch, producer, LIMIT_MS);
    send_offsets(producer);
    weir_kafka_watch_end(watcher, &watch);
    weir_kafka_watcher_free(watcher);
    rd_kafka_destroy(producer);
    rd_kafka_mock_cluster_destroy(cluster);
    rd_kafka_destroy(host);
}
