/* SPDX-License-Identifier: Apache-2.0
 *
 * sim_disk.h - a disk that survives the crash of a simulated process, and forgets what was not
 * flushed.
 *
 * sim_disk.c stands in for statestore/rocksdb_store.c at link time: task_state.c and all above run
 * unchanged on a database with RocksDB's promises (batches and flushes are atomic over all
 * families, what was not flushed is lost in a crash), at the speed of an array in memory.
 *
 * Ownership  weir_database_open finds a disk by its directory; the disk outlives its databases.
 * Threads    One.
 */
#ifndef WEIR_TESTS_SIM_SIM_DISK_H
#define WEIR_TESTS_SIM_SIM_DISK_H

#include "streams/base/random.h"

#include <stddef.h>

typedef struct sim_disk sim_disk;

/* How often, in a million calls. */
typedef struct sim_disk_faults {
    uint32_t write_fails;   /* A batch is not written: WEIR_IO. */
    uint32_t breaks;        /* A batch is not written, nor any other until it is opened again. */
    uint32_t flush_fails;   /* WEIR_IO, and nothing is flushed. */
    uint32_t flushes_early; /* RocksDB flushes by itself after a batch, as a full memtable does. */
    uint32_t read_corrupt;  /* A read answers WEIR_CORRUPT. */
} sim_disk_faults;

/* An empty disk called directory, with chances of its own from seed. */
sim_disk *sim_disk_new(const char *directory, uint64_t seed);
void sim_disk_free(sim_disk *disk);

void sim_disk_set_faults(sim_disk *disk, const sim_disk_faults *faults);

/* The process dies: what the open database had not flushed is gone, and closing it flushes nothing
 * any more. */
void sim_disk_crash(sim_disk *disk);

/* How many files were ingested. */
size_t sim_disk_ingest_count(const sim_disk *disk);

/* How many entries were lost in crashes: a run that loses none tests nothing. */
size_t sim_disk_lost_count(const sim_disk *disk);

#endif
