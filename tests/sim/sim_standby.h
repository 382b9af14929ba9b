/* SPDX-License-Identifier: Apache-2.0
 *
 * sim_standby.h - one run from a seed of workers that trade their tasks: opened, held, made
 * standbys and promoted at random moments, never two active at a time, while processes crash, disks
 * are torn and the broker fails. The application and the checks are those of the other simulation.
 */
#ifndef WEIR_TESTS_SIM_SIM_STANDBY_H
#define WEIR_TESTS_SIM_SIM_STANDBY_H

#include <stdbool.h>
#include <stdint.h>

typedef struct sim_standby_options {
    bool exactly_once;
    bool async;
} sim_standby_options;

/* What happened, so that a test can tell that something did. */
typedef struct sim_standby_counts {
    uint64_t inputs;
    uint64_t crashes;
    uint64_t promotions; /* Of standbys. */
    uint64_t demotions;  /* To standbys. */
    uint64_t holds;
    uint64_t resumed; /* Opened again after a hold. */
    uint64_t followed;
    uint64_t restored;
    uint64_t entries_lost;
} sim_standby_counts;

/* Runs the seed to rest and checks it; counts are added up. Fails the test with the seed. */
void sim_standby_run(uint64_t seed, const sim_standby_options *options, sim_standby_counts *counts);

#endif
