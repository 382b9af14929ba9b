/* SPDX-License-Identifier: Apache-2.0
 *
 * sim_chances.h - how often what fails, in a run: half of all faults never happen, the others with
 * a chance of their own.
 *
 * Threads    One.
 */
#ifndef WEIR_TESTS_SIM_SIM_CHANCES_H
#define WEIR_TESTS_SIM_SIM_CHANCES_H

#include "streams/base/random.h"
#include "tests/harness/sim_broker.h"
#include "tests/sim/sim_disk.h"

/* Of one fault, a million tries; 0 in half of all cases, else per_million_max at most. */
uint32_t sim_chance(weir_random *random, uint32_t per_million_max);

/* Of the cluster; of a disk, which may break for good or not. */
sim_faults sim_chances_of_faults(weir_random *random);
sim_disk_faults sim_chances_of_disk_faults(weir_random *random, bool may_break);

#endif
