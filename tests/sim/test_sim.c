/* SPDX-License-Identifier: Apache-2.0
 *
 * Whole runs of the real runtime from seeds: several processes of a stateful application under
 * crashes, rebalances, zombies, aborted transactions and lost writes (tests/sim/sim_world.h).
 *
 * Each ctest entry runs a slice, from WEIR_SIM_FIRST on. WEIR_SIM_SEEDS is how many seeds a slice
 * has (fewer for sanitizers). WEIR_TEST_SEED runs that seed alone, with the runtime's log.
 */
#include "streams/base/logging.h"
#include "tests/harness/check.h"
#include "tests/sim/sim_standby.h"
#include "tests/sim/sim_world.h"

#include <stdio.h>

enum { SEEDS_DEFAULT = 250 };

static void run_seeds(const sim_world_options *options)
{
    sim_world_counts counts = {0};
    uint64_t first = check_number("WEIR_SIM_FIRST", 1);
    uint64_t count = check_number("WEIR_SIM_SEEDS", SEEDS_DEFAULT);
    uint64_t alone = check_number("WEIR_TEST_SEED", 0);
    if (alone != 0) {
        first = alone;
        count = 1;
    } else {
        weir_log_set_level(WEIR_LOG_OFF);
    }
    for (uint64_t seed = first; seed < first + count; seed++) {
        sim_world_run(seed, options, &counts);
    }
    printf("  seeds %" PRIu64 " to %" PRIu64 ": %" PRIu64 " steps, %" PRIu64 " inputs, %" PRIu64
           " crashes, %" PRIu64 " closes, %" PRIu64 " zombies, %" PRIu64 " rebalances, %" PRIu64
           " trades, %" PRIu64 " workers added or removed, %" PRIu64 " replaced, %" PRIu64
           " database entries lost, %" PRIu64 " ingests, %" PRIu64 " turns with leases, %" PRIu64
           " with standbys, %" PRIu64 " late records\n",
           first, first + count - 1, counts.steps, counts.inputs, counts.crashes, counts.closes,
           counts.zombies, counts.rebalances, counts.trades, counts.resizes, counts.replaced,
           counts.entries_lost, counts.ingests, counts.leased_turns, counts.standby_turns,
           counts.late_records);
}

TEST(exactly_once_loses_and_doubles_nothing)
{
    run_seeds(&(sim_world_options){.exactly_once = true});
}

TEST(exactly_once_holds_for_asynchronous_operators)
{
    run_seeds(&(sim_world_options){.exactly_once = true, .async = true});
}

TEST(at_least_once_loses_nothing)
{
    run_seeds(&(sim_world_options){.exactly_once = false});
}

TEST(at_least_once_loses_nothing_of_asynchronous_operators)
{
    run_seeds(&(sim_world_options){.exactly_once = false, .async = true});
}

static void run_standbys(const sim_standby_options *options)
{
    sim_standby_counts counts = {0};
    uint64_t first = check_number("WEIR_SIM_FIRST", 1);
    uint64_t count = (check_number("WEIR_SIM_SEEDS", SEEDS_DEFAULT) + 1) / 2;
    uint64_t alone = check_number("WEIR_TEST_SEED", 0);
    if (alone != 0) {
        first = alone;
        count = 1;
    } else {
        weir_log_set_level(WEIR_LOG_OFF);
    }
    for (uint64_t seed = first; seed < first + count; seed++) {
        sim_standby_run(seed, options, &counts);
    }
    printf("  seeds %" PRIu64 " to %" PRIu64 ": %" PRIu64 " inputs, %" PRIu64 " crashes, %" PRIu64
           " promotions, %" PRIu64 " demotions, %" PRIu64 " holds, %" PRIu64 " resumed, %" PRIu64
           " records followed, %" PRIu64 " restored, %" PRIu64 " database entries lost\n",
           first, first + count - 1, counts.inputs, counts.crashes, counts.promotions,
           counts.demotions, counts.holds, counts.resumed, counts.followed, counts.restored,
           counts.entries_lost);
}

TEST(standbys_and_their_owners_lose_and_double_nothing)
{
    run_standbys(&(sim_standby_options){.exactly_once = true});
}

TEST(standbys_of_asynchronous_operators_lose_and_double_nothing)
{
    run_standbys(&(sim_standby_options){.exactly_once = true, .async = true});
}

TEST(standbys_lose_nothing_at_least_once)
{
    run_standbys(&(sim_standby_options){.exactly_once = false});
}
