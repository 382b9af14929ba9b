/* SPDX-License-Identifier: Apache-2.0
 *
 * sim_broker_internal.h - what the files of the simulated broker share: sim_log.c, sim_broker.c
 * (processes and topics), sim_group.c, sim_producer.c and sim_consumer.c.
 */
#ifndef WEIR_TESTS_HARNESS_SIM_BROKER_INTERNAL_H
#define WEIR_TESTS_HARNESS_SIM_BROKER_INTERNAL_H

#include "streams/base/map.h"
#include "streams/base/random.h"
#include "streams/broker_ops.h"
#include "tests/harness/sim_broker.h"

typedef enum sim_txn_state {
    SIM_TXN_OPEN,
    SIM_TXN_PREPARED, /* Committed; its markers are not written yet. */
    SIM_TXN_COMMITTED,
    SIM_TXN_ABORTED,
} sim_txn_state;

typedef struct sim_partition sim_partition;
typedef struct sim_group sim_group;

typedef struct sim_pending_offset {
    sim_group *group;
    weir_member *member;
    char *key; /* "<topic>-<partition>" */
    int64_t offset;
    weir_buf metadata;
} sim_pending_offset;

typedef struct sim_txn {
    sim_txn_state state;
    bool poisoned; /* A record was refused: it can only be aborted. */
    int64_t deadline_ms;
    int64_t markers_due_ms;
    sim_partition **partitions;
    size_t partition_count, partition_capacity;
    sim_pending_offset *offsets;
    size_t offset_count, offset_capacity;
} sim_txn;

typedef struct sim_entry {
    int64_t offset;
    sim_txn *txn;       /* NULL: written outside of a transaction. */
    weir_record record; /* Its pointers are into memory. */
    void *memory;       /* NULL: a marker. */
} sim_entry;

struct sim_partition {
    sim_entry *entries; /* By offset; compaction leaves holes between offsets. */
    size_t count;
    size_t capacity;
    int64_t start_offset, end_offset;
};

typedef struct sim_topic {
    weir_topic_config config; /* config.name is owned. */
    sim_partition *partitions;
    bool deleted;
} sim_topic;

typedef struct sim_offset {
    int64_t offset;
    weir_buf metadata;
} sim_offset;

/* A transactional id and the epoch of its newest producer. */
typedef struct sim_identity {
    uint32_t epoch;
    sim_txn *txn;        /* Open or prepared, or NULL. */
    uint32_t late_epoch; /* Whose commit is on its way; 0: nobody's. */
    int64_t late_due_ms;
} sim_identity;

struct sim_cluster {
    weir_random random;
    sim_faults faults;
    int64_t now_ms;
    sim_topic **topics; /* In the order of creation, deleted ones too: names stay borrowed. */
    size_t topic_count, topic_capacity;
    weir_map *groups;     /* id -> sim_group */
    weir_map *torn;       /* "<topic>/<key>" of removals that were never acknowledged. */
    weir_map *identities; /* transactional id -> sim_identity */
    sim_txn **txns;
    size_t txn_count, txn_capacity;
};

typedef struct sim_process {
    weir_broker base;
    sim_cluster *cluster;
    bool owns_cluster;
    bool dead;
    uint32_t calls_until_death; /* 0: it lives. */
} sim_process;

/* sim_broker.c: "<topic>/<key>", the caller's. */
weir_buf sim_torn_key(const char *topic, weir_bytes key);

/* sim_log.c; both NULL where there is none. */
sim_topic *sim_topic_find(sim_cluster *cluster, const char *name);
sim_partition *sim_partition_find(sim_cluster *cluster, weir_topic_partition partition);
/* Appends a copy; its offset. */
int64_t sim_partition_append(sim_partition *partition, const weir_record *record, sim_txn *txn);
/* Where read_committed ends. */
int64_t sim_partition_stable_offset(const sim_partition *partition);
/* The first entry at or after offset, or partition->count. */
size_t sim_partition_seek(const sim_partition *partition, int64_t offset);
void sim_partition_cut(sim_partition *partition, int64_t before_offset);
void sim_topic_keep(sim_topic *topic, int64_t now_ms); /* Retention and compaction. */
void sim_topic_free(sim_topic *topic);

sim_txn *sim_txn_begin(sim_cluster *cluster);
void sim_txn_touch(sim_txn *txn, sim_partition *partition);
void sim_txn_commit(sim_cluster *cluster, sim_txn *txn, bool late_markers);
void sim_txn_abort(sim_txn *txn);
void sim_txn_write_markers(sim_txn *txn); /* Of a prepared one. */
void sim_txn_free(sim_txn *txn);

/* sim_broker.c. */
sim_process *sim_process_of(weir_broker *broker);
bool sim_happens(sim_cluster *cluster, uint32_t per_million);
/* Every call of a process begins with this. WEIR_IO: it is dead, the call has no effect. With
 * *out_die (may be NULL: then it dies before) it dies after the effect: then call sim_die. */
weir_status sim_enter(sim_process *process, bool *out_die, weir_error *err);
weir_status sim_die(sim_process *process, weir_error *err);

/* sim_group.c. */
sim_group *sim_group_named(sim_cluster *cluster, const char *id); /* Made when it is not there. */
void sim_group_free(sim_group *group);
void sim_group_expire(sim_group *group, int64_t now_ms);
void sim_group_forget(sim_group *group, const sim_process *process);
void sim_group_shuffle(sim_group *group, weir_random *random);
int32_t sim_group_member_count(const sim_group *group);
void sim_group_set_offset(sim_group *group, const char *key, int64_t offset, weir_bytes metadata);
void sim_cluster_forget_offsets(sim_cluster *cluster, weir_topic_partition partition);
const sim_offset *sim_group_offset(const sim_group *group, const char *key);
char *sim_offset_key(weir_topic_partition partition);
weir_status sim_member_join(weir_broker *broker, const weir_member_options *options,
                            weir_member **out_member, weir_error *err);
bool sim_member_is_known(const weir_member *member);
/* Whether the group would take offsets from this member now, and the group. */
weir_status sim_member_check(weir_member *member, sim_group **out_group, weir_error *err);

weir_status sim_producer_new(weir_broker *broker, const weir_producer_options *options,
                             weir_producer **out_producer, weir_error *err);
weir_status sim_consumer_new(weir_broker *broker, const weir_consumer_options *options,
                             weir_consumer **out_consumer, weir_error *err);

#endif
