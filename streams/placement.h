/* SPDX-License-Identifier: Apache-2.0
 *
 * placement.h - who runs which task, above the group: the decision of one process, as a function of
 * what it has read of all of them. No I/O, no time. docs/decisions/0041 tells the whole protocol.
 *
 * The group gives each task one *owner* a generation. The owner runs the task, or *grants* it to
 * the process whose store is warmest until its own has caught up. Who wants to run a task *claims*
 * it in its record, and begins when it has read that back and no other live process claims it.
 *
 * Threads    One at a time.
 */
#ifndef WEIR_STREAMS_PLACEMENT_H
#define WEIR_STREAMS_PLACEMENT_H

#include "streams/members.h"

/* What this process is to do with a task. */
typedef enum weir_placement_role {
    WEIR_PLACE_NONE,    /* Not to have it. */
    WEIR_PLACE_KEEP,    /* Not to run it, else to leave it as it is. */
    WEIR_PLACE_STANDBY, /* To keep its stores up with their changelogs. */
    WEIR_PLACE_RUN,
} weir_placement_role;

/* What this process knows of a task of its own. */
typedef struct weir_placement_fact {
    bool stateful; /* It has stores with changelogs. */
    bool fresh;    /* Owned, and no grant of ours for it is out in this generation. */
    bool open;     /* A worker has its stores. */
    bool active;   /* A worker runs it, or is not known to have stopped. */
} weir_placement_fact;

typedef struct weir_placement_settings {
    int64_t acceptable_recovery_lag; /* A store with at most this is warm. */
    size_t max_warmup_replicas; /* Granted tasks that an owner warms up at a time; at least 1. */
    size_t num_standby_replicas;
} weir_placement_settings;

typedef struct weir_placement {
    const weir_members *members;
    const char *process_id;
    const weir_placement_settings *settings;
    const weir_placement_fact *facts; /* By task, as below. */
    bool heard_all;                   /* Every member of the generation has told its state. */
    bool time_up;                     /* Or it is not waited for any longer. */
    weir_process_state *own; /* generation, owned and lag are told; claimed and granted_to are what
                              * was decided before, and are decided anew. */
    weir_placement_role *out_roles;
} weir_placement;

/* Decides for every task. The record that says own must be sent before what it says is acted upon,
 * but for a role: NONE, KEEP, STANDBY and RUN may be followed at once. */
void weir_placement_decide(const weir_placement *placement);

/* A task, who runs it, and how many standbys it shall have. */
typedef struct weir_standby_question {
    int32_t generation;
    size_t task_index;
    const char *runner;
    size_t standby_count;
} weir_standby_question;

/* Whether process_id is one of the standbys of a task: the first ones by rendezvous hashing among
 * the live processes but the runner, those in racks that have no copy yet before others. */
bool weir_placement_is_standby(const weir_members *members, const char *process_id,
                               const weir_standby_question *question);

#endif
