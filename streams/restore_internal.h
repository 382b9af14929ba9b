/* SPDX-License-Identifier: Apache-2.0
 *
 * restore_internal.h - a restorer laid open for its two files: restore.c (reading and storing) and
 * restore_lag.c (where stores stand).
 *
 * Threads    The worker's.
 */
#ifndef WEIR_STREAMS_RESTORE_INTERNAL_H
#define WEIR_STREAMS_RESTORE_INTERNAL_H

#include "streams/restore.h"
#include "streams/task_internal.h"

/* A changelog under way. */
typedef struct weir_restoring {
    weir_task_store *store;
    weir_topic_partition partition;
    int64_t position;
    int64_t earliest;
    int64_t end;      /* Unless it follows. */
    int64_t limit;    /* What is read at or beyond it is not stored. */
    int64_t look_ms;  /* When the limit was found. */
    int64_t level_ms; /* When a follower's store was last seen to have all; -1: never. */
    bool follows;     /* A standby's. */
    bool at_limit;    /* It has read up to the limit, and waits for a later one. */
    bool paused;
    weir_batch **batches; /* Read and not yet stored. */
    size_t batch_count;
    size_t batch_capacity;
    size_t kept_records;
    size_t kept_bytes;
    int64_t kept_since_ms; /* When the first of them was read. */
} weir_restoring;

struct weir_restorer {
    weir_broker *broker;
    weir_consumer *consumer;
    weir_restoring **changelogs;
    size_t count;
    size_t capacity;
    size_t kept_records;         /* Of all changelogs. */
    size_t kept_records_max;     /* Sorting many at once makes a standby's inserts cheap. */
    weir_restore_entry *entries; /* What is stored now. */
    size_t entry_capacity;
    weir_buf values;   /* Those of them that are made here. */
    uint64_t outdated; /* Records skipped since this was last told. */
    uint64_t refused;  /* The same. */
    int64_t now_ms;    /* Of the last slice. */
};

/* Offsets from the position of a changelog to its end, or to its limit; past the marker of the last
 * transaction it is 0. WEIR_LAG_UNKNOWN. */
int64_t weir_restorer_behind(weir_restorer *restorer, const weir_restoring *log);

#endif
