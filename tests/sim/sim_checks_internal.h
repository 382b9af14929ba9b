/* SPDX-License-Identifier: Apache-2.0
 *
 * sim_checks_internal.h - what the two files of the checks share: sim_checks.c (records and
 * offsets) and sim_store_checks.c (stores, changelogs, disks).
 *
 * Threads    One.
 */
#ifndef WEIR_TESTS_SIM_SIM_CHECKS_INTERNAL_H
#define WEIR_TESTS_SIM_SIM_CHECKS_INTERNAL_H

#include "tests/sim/sim_checks.h"

typedef struct sim_place {
    const char *file;
    int line;
    const char *condition;
} sim_place;

/* A condition of the run with this seed; the rest is the message. */
#define HOLDS(checks, condition, ...)                                                              \
    ((condition)                                                                                   \
         ? (void)0                                                                                 \
         : sim_checks_fail((checks), (sim_place){__FILE__, __LINE__, #condition}, __VA_ARGS__))

/* sim_checks.c: ends the process with the seed and the message. */
_Noreturn void sim_checks_fail(const sim_checks *checks, sim_place place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* True for an offset that comes up for the first time. */
bool sim_checks_see(sim_seen *seen, int64_t offset);

/* sim_store_checks.c: notes which offsets of the changelogs are records. */
void sim_checks_see_changelogs(sim_checks *checks);
/* Every task runs exactly once among the instances, its stores as the changelogs say. */
void sim_checks_tasks(sim_checks *checks, sim_instance *instances, size_t count);

#endif
