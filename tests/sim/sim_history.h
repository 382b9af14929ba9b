/* SPDX-License-Identifier: Apache-2.0
 *
 * sim_history.h - every record that a partition of a changelog ever had, compacted since or not,
 * and which of them came too late (streams/term.h).
 *
 * Ownership  sim_history_cleanup frees it; all-zero is empty.
 * Threads    One.
 */
#ifndef WEIR_TESTS_SIM_SIM_HISTORY_H
#define WEIR_TESTS_SIM_SIM_HISTORY_H

#include "streams/record.h"

/* By offset; keys and values are known by their hashes. */
typedef struct sim_logged {
    bool is_record;
    bool is_late; /* Its term is lower than one before it. */
    uint64_t key;
    uint64_t value; /* 0: a removal. */
    int64_t term;
} sim_logged;

typedef struct sim_history {
    sim_logged *records;
    size_t count; /* The last record's offset + 1. */
    size_t capacity;
    int64_t term; /* The highest. */
    int64_t next; /* Where sim_cluster_visit goes on. */
} sim_history;

void sim_history_cleanup(sim_history *history);

/* Tells of a record, again or for the first time; with terms in the order of offsets. */
void sim_history_note(sim_history *history, const weir_record *record);

bool sim_history_has(const sim_history *history, int64_t offset);

/* Whether some key's last record came too late, so that a compaction would keep it alone. */
bool sim_history_is_hiding(const sim_history *history);

/* In which term key was last removed, in time; 0: never. */
int64_t sim_history_removed_in(const sim_history *history, weir_bytes key);

/* Whether a record of a term came too late. */
bool sim_history_is_late_in(const sim_history *history, int64_t term);

/* Whether a record at from or after, before to, and in time, set key to value, or removed it where
 * value is WEIR_BYTES_NULL. */
bool sim_history_set(const sim_history *history, weir_bytes key, weir_bytes value, int64_t from,
                     int64_t to);

#endif
