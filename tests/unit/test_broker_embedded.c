/* SPDX-License-Identifier: Apache-2.0
 *
 * The embedded broker keeps the contract of brokers, and loses nothing of what it acknowledged
 * wherever it is killed.
 */
#include "connectors/broker_embedded_internal.h"
#include "tests/harness/broker_contract.h"
#include "tests/harness/check.h"

#include <stdlib.h>
#include <unistd.h>

static char *directory;

static weir_broker *open_broker(void *user)
{
    (void)user;
    weir_error err = {0};
    weir_broker *broker = NULL;
    weir_broker_embedded_options options = {.directory = directory};
    CHECK_OK(weir_broker_embedded_open(&options, &broker, &err), &err);
    return broker;
}

static weir_broker *open_fresh(void *user)
{
    directory = check_directory();
    return open_broker(user);
}

/* Closing writes nothing, so it is as good as a crash. */
static weir_broker *reopen(void *user, weir_broker *owned_broker)
{
    weir_broker_free(owned_broker);
    return open_broker(user);
}

static void close_broker(void *user, weir_broker *owned_broker)
{
    (void)user;
    weir_broker_free(owned_broker);
    free(directory);
    directory = NULL;
}

static const broker_factory factory = {.open = open_fresh, .reopen = reopen, .close = close_broker};

#define RUN(name)                                                                                  \
    TEST(name)                                                                                     \
    {                                                                                              \
        broker_contract_run(&factory, broker_contract_##name);                                     \
    }
BROKER_CONTRACT(RUN)
BROKER_CONTRACT_CRASH(RUN)

TEST(broker_without_a_directory_leaves_nothing_behind)
{
    weir_error err = {0};
    weir_broker *broker = NULL;
    CHECK_OK(weir_broker_embedded_open(&(weir_broker_embedded_options){0}, &broker, &err), &err);
    WEIR_AUTO_FREE char *own = weir_strdup(weir_embedded_of(broker)->directory);
    const weir_topic_config topic = {.name = "kept", .partition_count = 1};
    CHECK_OK(weir_broker_create_topic(broker, &topic, &err), &err);
    CHECK(access(own, F_OK) == 0);
    weir_broker_free(broker);
    CHECK(access(own, F_OK) != 0);
}
