/* SPDX-License-Identifier: Apache-2.0
 *
 * transaction_pace.h - how long the next transaction of a Kafka producer waits after a short one.
 *
 *   commit answered ──markers are written by the cluster──▶ the next transaction is taken
 *          └─ rest ─▶ begin ─▶ its partitions are asked for ─┬▶ taken
 *                                                            └▶ refused: again after 20 ms
 *
 * Plain data; time is an argument (any clock in ns that does not go back).
 *
 * Threads    One at a time.
 */
#ifndef WEIR_CONNECTORS_TRANSACTION_PACE_H
#define WEIR_CONNECTORS_TRANSACTION_PACE_H

#include <stdbool.h>
#include <stdint.h>

typedef struct weir_transaction_pace {
    uint64_t rest_ns; /* As learned. */
    uint64_t until_ns;
    bool rests; /* The transaction under way had to. */
} weir_transaction_pace;

/* Makes one that has seen no transaction. */
void weir_transaction_pace_init(weir_transaction_pace *pace);

/* When the next transaction should begin, at the soonest; 0: at once. */
uint64_t weir_transaction_pace_begins_ns(const weir_transaction_pace *pace);

/* A transaction begins, which was asked for at that time. */
void weir_transaction_pace_begun(weir_transaction_pace *pace, uint64_t asked_for_ns);

/* Whether a transaction whose partitions were asked for at these times, one right after the other,
 * was refused at the first one. */
bool weir_transaction_pace_is_refusal(uint64_t asked_ns, uint64_t again_ns);

/* The transaction was committed, with so many records. */
void weir_transaction_pace_committed(weir_transaction_pace *pace, uint64_t records, bool refused,
                                     uint64_t now_ns);

#endif
