/* SPDX-License-Identifier: Apache-2.0
 *
 * sim_app.h - the application that the simulation runs: two stateful sub-topologies with a
 * repartition topic between them.
 *
 *   in ─▶ count (counts by key) ─▶ by-group ┊ by-group ─▶ total (totals by group) ─▶ out
 *                                                          └ held, in memory, until a tick
 *
 * The value of each input record is its number, which every effect carries on: so the checkers
 * (sim_checks.h) can tell what was lost or done twice.
 *
 * Threads    One.
 */
#ifndef WEIR_TESTS_SIM_SIM_APP_H
#define WEIR_TESTS_SIM_SIM_APP_H

#include "streams/base/random.h"
#include "streams/topology.h"

enum {
    SIM_APP_PARTITIONS = 3,
    SIM_APP_GROUP_PARTITIONS = 2,
    SIM_APP_KEYS = 7,
    SIM_APP_GROUPS = 3,
    SIM_APP_RECORDS_MAX = 400,
};

#define SIM_APP_ID "app"
#define SIM_APP_IN "in"
#define SIM_APP_BY_GROUP "app-by-group-repartition"
#define SIM_APP_OUT "out"

/* What the processors of one process share; all-zero and a seed is a start. */
typedef struct sim_app_state {
    weir_random random;
    int64_t now_ms;                     /* Set before each pass, as is the next. */
    uint32_t throws;                    /* Chance in a million that a processor fails for good. */
    bool counted[SIM_APP_RECORDS_MAX];  /* By number: this process has processed it in count… */
    bool totalled[SIM_APP_RECORDS_MAX]; /* … and in total, or held it. */
} sim_app_state;

typedef struct sim_app_options {
    bool async; /* count ends each record some time later, in any order. */
    bool holds; /* total keeps records in a store in memory until a punctuation lets them go. */
} sim_app_options;

/* The group of a key, 0 … SIM_APP_GROUPS - 1. */
int32_t sim_app_group_of(int32_t key);

/* Inputs, by number. */
typedef struct sim_app_set {
    uint8_t bytes[SIM_APP_RECORDS_MAX / 8];
} sim_app_set;

/* A row of "counts" or "totals": how many inputs it counts, and which. */
int64_t sim_app_parse_row(weir_bytes row, sim_app_set *out_set);
bool sim_app_has(const sim_app_set *set, int64_t number);

/* The built topology; state is its processors', and outlives it. */
weir_topology *sim_app_topology(sim_app_state *state, const sim_app_options *options);

#endif
