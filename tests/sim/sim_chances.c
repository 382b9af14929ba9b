/* SPDX-License-Identifier: Apache-2.0
 *
 * sim_chances.c - see sim_chances.h.
 */
#include "tests/sim/sim_chances.h"

uint32_t sim_chance(weir_random *random, uint32_t per_million_max)
{
    return weir_random_below(random, 2) == 0
               ? 0
               : (uint32_t)weir_random_below(random, per_million_max) + 1;
}

sim_faults sim_chances_of_faults(weir_random *random)
{
    return (sim_faults){
        .late_ack = sim_chance(random, 200000),
        .lost_ack = sim_chance(random, 30000),
        .commit_fails = sim_chance(random, 100000),
        .commit_late = sim_chance(random, 100000),
        .commit_unknown = sim_chance(random, 100000),
        .late_marker = sim_chance(random, 300000),
        .offsets_fail = sim_chance(random, 60000),
        .offsets_unknown = sim_chance(random, 60000),
        .producer_refused = sim_chance(random, 300000),
        .poll_refused = sim_chance(random, 20000),
        .short_poll = sim_chance(random, 300000),
        .rebalance_refused = sim_chance(random, 100000),
        .admin_fails = sim_chance(random, 30000),
        .full_transaction = sim_chance(random, 30000),
        .kafka_transactions = weir_random_below(random, 4) > 0,
    };
}

sim_disk_faults sim_chances_of_disk_faults(weir_random *random, bool may_break)
{
    return (sim_disk_faults){
        .write_fails = sim_chance(random, 50000),
        .breaks = may_break ? sim_chance(random, 20000) : 0,
        .flush_fails = sim_chance(random, 50000),
        .flushes_early = sim_chance(random, 500000),
        .read_corrupt = sim_chance(random, 1000),
    };
}
