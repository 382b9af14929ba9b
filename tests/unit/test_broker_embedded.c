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

TEST(transaction_over_the_buffer_wants_its_commit)
{
    enum { BUFFER_BYTES = 1000, VALUE_BYTES = 100, FEW = 5, MANY = 10 };
    weir_error err = {0};
    WEIR_AUTO_PTR(weir_broker) broker = NULL;
    CHECK_OK(weir_broker_embedded_open(&(weir_broker_embedded_options){0}, &broker, &err), &err);
    const weir_topic_config topic = {.name = "pages", .partition_count = 1};
    CHECK_OK(weir_broker_create_topic(broker, &topic, &err), &err);
    const weir_producer_options options = {.transactional_id = "writer",
                                           .buffer_bytes_max = BUFFER_BYTES};
    WEIR_AUTO_PTR(weir_producer) producer = NULL;
    CHECK_OK(weir_producer_new(broker, &options, &producer, &err), &err);
    int32_t number = 0;
    int32_t partition_count = 0;
    CHECK_OK(weir_producer_topic(producer, "pages", &number, &partition_count, &err), &err);
    static char value[VALUE_BYTES];
    const weir_record record = {.value = weir_bytes_of(value, sizeof value)};
    CHECK_OK(weir_producer_begin(producer, &err), &err);
    for (int i = 1; i <= MANY; i++) {
        CHECK_OK(weir_producer_send(producer, number, &record, &err), &err);
        CHECK(i > FEW || !weir_producer_wants_commit(producer));
    }
    CHECK(weir_producer_wants_commit(producer));
    CHECK_OK(weir_producer_abort(producer, &err), &err);
    CHECK(!weir_producer_wants_commit(producer));
}

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
