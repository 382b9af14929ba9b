/* SPDX-License-Identifier: Apache-2.0
 *
 * The collector while no producer can be made (streams/collector.c).
 */
#include "streams/collector.h"
#include "tests/harness/check.h"
#include "tests/harness/sim_broker.h"

enum { ALWAYS = 1000000 };

TEST(a_topic_is_asked_for_again_after_a_reset_that_failed)
{
    weir_error err = {0};
    sim_cluster *cluster = sim_cluster_new(1);
    weir_broker *broker = sim_broker_connect(cluster);
    const weir_topic_config topic = {.name = "out", .partition_count = 2};
    CHECK_OK(weir_broker_create_topic(broker, &topic, &err), &err);
    const weir_collector_options options = {.broker = broker, .transactional_id = "t"};
    weir_collector *collector = NULL;
    CHECK_OK(weir_collector_new(&options, &collector, &err), &err);

    sim_cluster_set_faults(cluster, &(sim_faults){.producer_refused = ALWAYS});
    CHECK_STATUS(weir_collector_reset(collector, &err), WEIR_IO);
    int32_t number = 0;
    int32_t partition_count = 0;
    CHECK_STATUS(weir_collector_topic(collector, "out", &number, &partition_count, &err), WEIR_IO);

    sim_cluster_set_faults(cluster, &(sim_faults){0});
    CHECK_OK(weir_collector_reset(collector, &err), &err);
    CHECK_OK(weir_collector_topic(collector, "out", &number, &partition_count, &err), &err);
    CHECK_I64(partition_count, ==, 2);

    weir_collector_free(collector);
    weir_broker_free(broker);
    sim_cluster_free(cluster);
}
