/* SPDX-License-Identifier: Apache-2.0
 *
 * sim_outside.h - what happens to the simulated cluster from outside of the application, with all
 * faults off: its topics, its input, and the broker's own housekeeping.
 *
 * Ownership  sim_outside_close frees all but the cluster.
 * Threads    One.
 */
#ifndef WEIR_TESTS_SIM_SIM_OUTSIDE_H
#define WEIR_TESTS_SIM_SIM_OUTSIDE_H

#include "streams/base/random.h"
#include "streams/producer.h"
#include "tests/harness/sim_broker.h"
#include "tests/sim/sim_checks.h"

typedef struct sim_outside {
    sim_cluster *cluster;
    weir_broker *broker;
    weir_producer *producer;
} sim_outside;

/* Connects, and creates the topics that the application does not create itself. */
sim_outside sim_outside_open(sim_cluster *cluster);
void sim_outside_close(sim_outside *outside);

/* A few records of chance keys; checks is told of each. faults are those of the run, on again
 * afterwards. Returns how many. */
uint64_t sim_outside_produce(const sim_outside *outside, const sim_faults *faults,
                             weir_random *random, int64_t now_ms, sim_checks *checks);

/* A record of a changelog is written once more, with the term of a former owner: a process that was
 * cut off had it in its producer, and nobody knows of it. False: there is none that it could be. */
bool sim_outside_write_late(const sim_outside *outside, const sim_faults *faults,
                            weir_random *random);

/* Retention and compaction. */
void sim_outside_keep_house(const sim_outside *outside, const sim_faults *faults, int64_t now_ms);

#endif
