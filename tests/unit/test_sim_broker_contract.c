/* SPDX-License-Identifier: Apache-2.0
 *
 * The simulated broker, without faults, passes the contract suite of all brokers, but for what
 * needs a second thread: it has none (tests/harness/sim_broker.h).
 */
#include "tests/harness/broker_contract.h"
#include "tests/harness/check.h"
#include "tests/harness/sim_broker.h"

#include <string.h>

static weir_broker *open_simulated(void *user)
{
    (void)user;
    return sim_broker_new(1);
}

static void close_simulated(void *user, weir_broker *owned_broker)
{
    (void)user;
    weir_broker_free(owned_broker);
}

static const broker_factory factory = {.open = open_simulated, .close = close_simulated};

static bool needs_threads(const char *name)
{
    return strcmp(name, "two_threads_write_and_read") == 0 ||
           strcmp(name, "append_ends_a_waiting_poll") == 0 ||
           strcmp(name, "wake_ends_a_waiting_poll") == 0;
}

#define RUN(name)                                                                                  \
    TEST(name)                                                                                     \
    {                                                                                              \
        if (!needs_threads(#name)) {                                                               \
            broker_contract_run(&factory, broker_contract_##name);                                 \
        }                                                                                          \
    }
BROKER_CONTRACT(RUN)
