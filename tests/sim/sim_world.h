/* SPDX-License-Identifier: Apache-2.0
 *
 * sim_world.h - one run from a seed: instances, a cluster that fails, a clock that jumps, and a
 * generator that decides what happens next.
 */
#ifndef WEIR_TESTS_SIM_SIM_WORLD_H
#define WEIR_TESTS_SIM_SIM_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sim_world_options {
    bool exactly_once;
    bool async;
} sim_world_options;

/* What happened, so that a test can tell that the faults bite. */
typedef struct sim_world_counts {
    uint64_t crashes;
    uint64_t closes; /* Clean ones, in the storm. */
    uint64_t zombies;
    uint64_t rebalances;
    uint64_t trades;
    uint64_t resizes;
    uint64_t replaced; /* Workers whose processors failed. */
    uint64_t inputs;
    uint64_t steps;
    uint64_t entries_lost; /* Of databases, in crashes. */
    uint64_t ingests;
    uint64_t leased_turns; /* Of processes that ran a task for another one. */
    uint64_t standby_turns;
    uint64_t late_records; /* Of former owners, written into a cluster at rest. */
} sim_world_counts;

/* Runs the seed to rest and checks it; counts are added up. Fails the test with the seed. */
void sim_world_run(uint64_t seed, const sim_world_options *options, sim_world_counts *counts);

#endif
