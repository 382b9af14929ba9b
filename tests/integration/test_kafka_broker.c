/* SPDX-License-Identifier: Apache-2.0
 *
 * The Kafka broker keeps the contract of brokers, on a real cluster.
 */
#include "connectors/broker_kafka.h"
#include "tests/harness/broker_contract.h"
#include "tests/harness/check.h"
#include "tests/harness/kafka_cluster.h"

#include <stdlib.h>
#include <unistd.h>

/* Members learn of a rebalance, and are missed when they are silent, sooner than by default; a
 * transaction outlives the silence. */
static const weir_setting settings[] = {
    {"member.heartbeat.interval.ms", "300"},
    {"member.max.poll.interval.ms", "10000"},
    {"producer.transaction.timeout.ms", "60000"},
};

static weir_broker *open_broker(void *user)
{
    (void)user;
    weir_error err = {0};
    weir_broker *broker = NULL;
    weir_kafka_options options = {.bootstrap_servers = kafka_cluster_shared(),
                                  .librdkafka = settings,
                                  .librdkafka_count = WEIR_COUNT_OF(settings)};
    CHECK_OK(weir_broker_kafka_open(&options, &broker, &err), &err);
    return broker;
}

static weir_broker *reopen(void *user, weir_broker *owned_broker)
{
    weir_broker_free(owned_broker);
    return open_broker(user);
}

static void close_broker(void *user, weir_broker *owned_broker)
{
    (void)user;
    weir_broker_free(owned_broker);
}

/* Each test has names of its own: the cluster outlives them. */
static void run(const char *name, void (*test)(broker_contract *contract))
{
    WEIR_AUTO_FREE char *prefix = weir_format("%d-%.40s-", (int)getpid(), name);
    const broker_factory factory = {.open = open_broker,
                                    .reopen = reopen,
                                    .close = close_broker,
                                    .topic_prefix = prefix,
                                    .patience_ms = 700,
                                    .is_remote = true};
    broker_contract_run(&factory, test);
}

#define RUN(name)                                                                                  \
    TEST(name)                                                                                     \
    {                                                                                              \
        run(#name, broker_contract_##name);                                                        \
    }
BROKER_CONTRACT(RUN)
BROKER_CONTRACT_CRASH(RUN)
