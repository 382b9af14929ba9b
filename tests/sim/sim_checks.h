/* SPDX-License-Identifier: Apache-2.0
 *
 * sim_checks.h - what must hold of a simulated run, apart from what makes it.
 *
 * After each step:
 *   - what a committed offset says is done has led to output that is decided (never ahead of acks);
 *   - under exactly-once, output that is decided belongs to input that is committed as done, and
 *     there is one output of each input.
 * At rest:
 *   - no record is lost: each input led to output at both ends;
 *   - under exactly-once no effect is doubled: totals are 1, 2, 3, … without gap or repetition;
 *   - the changelogs, replayed, are exactly the stores.
 * Of a disk that nobody has open: each position is the one after a record of the changelog, and the
 * rows are what the changelog says up to there.
 * After a clean close: all that the process had processed is committed.
 *
 * Errors     A check that fails ends the process with the seed in its message.
 */
#ifndef WEIR_TESTS_SIM_SIM_CHECKS_H
#define WEIR_TESTS_SIM_SIM_CHECKS_H

#include "streams/task.h"
#include "tests/sim/sim_history.h"
#include "tests/sim/sim_instance.h"

/* One record of the input: where it is, and whose effect it has. */
typedef struct sim_input {
    int32_t key;
    int32_t partition;
    int64_t offset;
} sim_input;

/* Which offsets of a partition of records the checks have seen, so that compaction and purges do
 * not matter. */
typedef struct sim_seen {
    bool offsets[64 * SIM_APP_RECORDS_MAX];
    int64_t next; /* All below it are decided, and seen where they exist. */
} sim_seen;

enum { SIM_STORES = 3 };

typedef struct sim_checks {
    uint64_t seed;
    bool exactly_once;
    bool holds; /* What total was committed for may come out later. */
    sim_cluster *cluster;
    sim_input inputs[SIM_APP_RECORDS_MAX]; /* By number. */
    int64_t input_count;

    /* By number of the input: how many records there were, and where the first one is. */
    int32_t forwarded[SIM_APP_RECORDS_MAX];
    sim_input forwarded_at[SIM_APP_RECORDS_MAX];
    int32_t totalled[SIM_APP_RECORDS_MAX];
    /* By group, by total: how often it was told. */
    int32_t totals[SIM_APP_GROUPS][SIM_APP_RECORDS_MAX + 1];
    sim_seen seen_by_group[SIM_APP_GROUP_PARTITIONS];
    sim_seen seen_out;
    sim_history changelogs[SIM_STORES][SIM_APP_PARTITIONS];
} sim_checks;

sim_checks *sim_checks_new(uint64_t seed, sim_cluster *cluster, const sim_variant *variant);
void sim_checks_free(sim_checks *checks);

/* Tells of the next input record. */
void sim_checks_add_input(sim_checks *checks, sim_input input);

void sim_checks_after_step(sim_checks *checks);

/* Whether a late record of a former owner is the last of its key in a changelog. */
bool sim_checks_are_hiding(const sim_checks *checks);

/* Of a running instance: no two workers have a task. */
void sim_checks_workers(sim_checks *checks, const sim_instance *instance);
/* No two processes run a task in one generation: the broker would take the commits of both. */
void sim_checks_leases(sim_checks *checks, const sim_instance *instances, size_t count);

void sim_checks_at_rest(sim_checks *checks, sim_instance *instances, size_t count);

/* The part of it that is about records and offsets. */
void sim_checks_records_at_rest(sim_checks *checks);
/* The committed content of a task is what its changelogs say; at rest it counts all the input. */
void sim_checks_task(const sim_checks *checks, weir_task *task, bool at_rest);

/* What a process left on its disk, in whatever way it ended; it does not run. is_current: it ended
 * in good order with every task, so nothing is left to restore. */
void sim_checks_disk(sim_checks *checks, const sim_instance *instance, bool is_current);

/* app is what a process had processed that has just closed, without a fault since it began. */
void sim_checks_closed(sim_checks *checks, const sim_app_state *app);

#endif
