/* SPDX-License-Identifier: Apache-2.0
 *
 * sim_broker.h - a broker in memory that goes wrong on purpose, always in the same way for a seed.
 *
 * One sim_cluster is what all processes of a run share. Each simulated process connects and gets a
 * weir_broker of its own, through which it can be killed, cut off or made a zombie. Without faults
 * it is a broker like the others and passes the same contract suite. Where the embedded broker is
 * simpler than Kafka, this one is like Kafka: records of an open transaction have offsets and are
 * seen by read_uncommitted; markers of transactions take offsets; read_committed ends at the last
 * stable offset; a producer that dies leaves its transaction open until it times out.
 *
 * Ownership  A process is freed by weir_broker_free, after its handles; the cluster after all.
 * Threads    One: nothing here locks.
 */
#ifndef WEIR_TESTS_HARNESS_SIM_BROKER_H
#define WEIR_TESTS_HARNESS_SIM_BROKER_H

#include "streams/broker.h"

typedef struct sim_cluster sim_cluster;

enum { SIM_TRANSACTION_TIMEOUT_MS = 10000, SIM_MARKER_DELAY_MS_MAX = 2000 };

/* How often, in a million calls, each thing happens; all-zero: never. */
typedef struct sim_faults {
    uint32_t late_ack;          /* A flush answers WEIR_AGAIN though records may be written. */
    uint32_t lost_ack;          /* A flush fails; the first few records are written. */
    uint32_t commit_fails;      /* A transaction's commit fails and nothing of it happened. */
    uint32_t commit_unknown;    /* It fails, but it happened. */
    uint32_t commit_late;       /* It fails, and reaches the cluster later: what this producer
                                  * has open then is committed, unless a newer one fences it. */
    uint32_t late_marker;       /* It succeeds, and readers see the records only later. */
    uint32_t offsets_fail;      /* send_offsets, or a member's commit, fails without effect. */
    uint32_t offsets_unknown;   /* A member's commit fails, but it happened. */
    uint32_t producer_refused;  /* A new producer cannot be made. */
    uint32_t poll_refused;      /* A consumer's poll fails. */
    uint32_t short_poll;        /* It hands out one record only. */
    uint32_t rebalance_refused; /* A commit meets a rebalance: WEIR_AGAIN. */
    uint32_t admin_fails;       /* Topics and offsets cannot be asked for. */
    uint32_t full_transaction;  /* A transaction wants its commit after a record. */

    /* Transactions as Kafka has them, where the contract of brokers is stricter: they time out,
     * which fences their producer; offsets that were sent are committed even if their member has
     * lost its membership since, and cannot be asked for (WEIR_AGAIN) before that is decided. */
    bool kafka_transactions;
} sim_faults;

sim_cluster *sim_cluster_new(uint64_t seed);
void sim_cluster_free(sim_cluster *cluster);
WEIR_DEFINE_AUTO_PTR(sim_cluster);

void sim_cluster_set_faults(sim_cluster *cluster, const sim_faults *faults);

/* Moves the cluster's clock, forwards only: sessions and transactions time out, late markers are
 * written. Polls of members and housekeeping move it too. */
void sim_cluster_set_now(sim_cluster *cluster, int64_t now_ms);

/* A process. The second form makes a cluster of its own, which is freed with the process. */
weir_broker *sim_broker_connect(sim_cluster *cluster);
weir_broker *sim_broker_new(uint64_t seed);

/* The process stops here: from now on its calls fail without effect, and what it freed would have
 * closed in good order (transactions, membership) stays as it is until it times out. */
void sim_broker_kill(weir_broker *process);
/* Kills the process in its n-th call from now, before or after the effect of the call; 0: it lives
 * on, whatever was said before. */
void sim_broker_kill_in(weir_broker *process, uint32_t calls);
bool sim_broker_is_dead(const weir_broker *process);

/* The group forgets the members of the process, which learn it at their next poll: zombies. */
void sim_broker_forget_members(weir_broker *process);

/* Moves one partition of the group to another member, if there are two. */
void sim_cluster_rebalance(sim_cluster *cluster, const char *group);

/* The offset that is committed for a partition, as fault-free tools see it; -1: none. *out_metadata
 * may be NULL. */
int64_t sim_cluster_committed(sim_cluster *cluster, const char *group, const char *topic,
                              int32_t partition, weir_buf *out_metadata);

/* Calls visit for each record of a partition whose fate is decided for good: written plainly, or in
 * a transaction that committed, its markers written or not. From *from on, which becomes the first
 * offset without such a fate (what comes after it is told again); NULL: all of them. */
void sim_cluster_visit(sim_cluster *cluster, weir_topic_partition partition, int64_t *from,
                       void (*visit)(void *user, const weir_record *record), void *user);

/* Whether a removal of key from topic was written outside of a transaction and never acknowledged:
 * what was to be written with it may be lost. */
bool sim_cluster_is_torn(const sim_cluster *cluster, const char *topic, weir_bytes key);

#endif
