/* SPDX-License-Identifier: Apache-2.0
 *
 * task_state.h - all state of one task: its stores, and how far each changelog and input went into
 * them. What is written is staged, then committed, then applied; each step is all or nothing.
 *
 *   put ─▶ staged ─┬─ commit() ─▶ committed (memory) ─ apply() ─▶ RocksDB: data and positions
 *                  └─ abort() ──▶ gone                             in one batch
 *
 * A read looks at staged, then committed, then RocksDB. A crash leaves RocksDB older but
 * consistent: its positions say from where the changelog restores the tail. In-memory stores have
 * no applied part, so their position is always "nothing": they restore from the beginning.
 *
 * Ownership  A store handed out lives as long as the task state.
 * Threads    One thread per task state. The database is shared by all of a process.
 */
#ifndef WEIR_STATESTORE_TASK_STATE_H
#define WEIR_STATESTORE_TASK_STATE_H

#include "statestore/cache_budget.h"
#include "statestore/kv_store.h"

/* The RocksDB of a process: one directory lock, one memory budget. */
typedef struct weir_database weir_database;

typedef struct weir_database_options {
    const char *directory;
    size_t memory_bytes_max; /* Rows, blocks and memtables together; 0: 64 MiB. */
    /* Of a file without a name, for rows that memory does not hold: it makes point reads of large
     * state cheap. 0: eight times memory_bytes_max; below two MiB there is none. */
    uint64_t row_file_bytes_max;
    /* From so many keys on a restore batch is a file of its own (1.0 µs of CPU a record, not 2.4),
     * and an apply of as many, of 100 bytes. 0: 5000; of an apply an eighth of the memtables. */
    size_t ingest_entries_min;
    const struct weir_rocksdb_config *rocksdb; /* Copied; rocksdb_config.h. NULL: none. */
} weir_database_options;

weir_status weir_database_open(const weir_database_options *options, weir_database **out_database,
                               weir_error *err);
/* Flushes what was applied and closes; no task state is open any more. NULL is fine. */
void weir_database_free(weir_database *database);
WEIR_DEFINE_AUTO_PTR(weir_database);

/* Puts what was applied on disk. A clean close of a task does it so that nothing is restored. */
weir_status weir_database_flush(weir_database *database, weir_error *err);

/* What the database takes, by its own count. */
typedef struct weir_database_memory {
    size_t row_bytes;          /* Rows that were read, and where they lie in the file of rows. */
    size_t block_bytes;        /* Blocks, filters and indexes. */
    size_t write_buffer_bytes; /* What was applied and is not on disk. */
    size_t table_bytes;        /* Of the files that are open, beside their blocks. */
    uint64_t row_file_bytes;   /* On disk: the file of rows. */
    int row_file_failure;      /* The errno for which it is used no more; 0: nothing is wrong. */
} weir_database_memory;

weir_database_memory weir_database_memory_now(weir_database *database); /* Any thread. */

/* A write has failed, and so will others: close every task state. The next one opens the database
 * again, as its disk has it, or answers WEIR_IO while that takes no writes (a full one). */
bool weir_database_is_broken(const weir_database *database);

typedef enum weir_store_engine { WEIR_ENGINE_ROCKSDB, WEIR_ENGINE_MEMORY } weir_store_engine;

typedef struct weir_task_state weir_task_state;
typedef struct weir_staged weir_staged; /* staged.h */

/* The state of one partition of an application's stores; a family of the database is called
 * "<application_id>/<store>" and its keys begin with the partition. database may be NULL when every
 * store is in memory. The strings are copied. */
weir_status weir_task_state_new(weir_database *database, const char *application_id,
                                int32_t partition, weir_task_state **out_state, weir_error *err);
/* Drops what was not applied, and frees. */
void weir_task_state_free(weir_task_state *state);
WEIR_DEFINE_AUTO_PTR(weir_task_state);

/* Opens a store, of a name of its own, and hands out its staged view. */
weir_status weir_task_state_add_store(weir_task_state *state, const char *name,
                                      weir_store_engine engine, weir_kv **out_kv, weir_error *err);

/* Gives a store that is empty still a record cache: what its weir_staged then holds back (staged.h)
 * counts in budget, which outlives the state. */
weir_staged *weir_task_state_use_cache(weir_task_state *state, const char *name,
                                       weir_cache_budget *budget);

/* The weir_staged of a store, which has more calls (staged.h). */
weir_staged *weir_task_state_staged(weir_task_state *state, const char *name);

/* What is committed in a store, to read: staged writes do not show. NULL for an unknown name. */
weir_kv *weir_task_state_committed_view(weir_task_state *state, const char *name);

/* The position (next offset) that belongs to what has been applied; WEIR_NOT_FOUND: none. label
 * names a changelog or an input: "<store>:<topic>-<partition>". */
weir_status weir_task_state_position(weir_task_state *state, const char *label, int64_t *out_offset,
                                     weir_error *err);

/* Stages a position; it goes where the staged writes go. */
void weir_task_state_set_position(weir_task_state *state, const char *label, int64_t offset);

/* commit: what is staged counts from now on. abort: it never was. apply: what is committed goes
 * to the database, atomically with its positions. */
void weir_task_state_commit(weir_task_state *state);
void weir_task_state_abort(weir_task_state *state);
weir_status weir_task_state_apply(weir_task_state *state, weir_error *err);
/* The same, but a thread of the database writes what is much: WEIR_AGAIN until it is there, to be
 * called again. Reads see no difference; what is committed from now on is for the next one. */
weir_status weir_task_state_apply_behind(weir_task_state *state, weir_error *err);
bool weir_task_state_is_behind(const weir_task_state *state); /* One is under way. */

/* Memory held by writes that are staged, or committed and not applied. */
size_t weir_task_state_staged_bytes(const weir_task_state *state);
size_t weir_task_state_committed_bytes(const weir_task_state *state);

/* A number that is kept with the positions, 0 or more. */
typedef struct weir_restore_mark {
    const char *label;
    int64_t mark;
} weir_restore_mark;

enum { WEIR_RESTORE_MARKS_MAX = 3 };
typedef struct weir_restore_entry {
    weir_bytes key;
    weir_bytes value; /* Null: the key is removed. */
} weir_restore_entry;

/* One bulk step of a restore, while nothing is staged. */
typedef struct weir_restore_batch {
    const char *store;
    const weir_restore_entry *entries; /* In changelog order. */
    size_t count;
    const char *label; /* Its position becomes offset with the entries, atomically. */
    int64_t offset;
    weir_restore_mark marks[WEIR_RESTORE_MARKS_MAX]; /* Go with the position, as it goes. */
    size_t mark_count;
    bool may_wait; /* They wait, committed, for an apply. Else nothing is committed now. */
} weir_restore_batch;

/* Takes a batch: straight to the database, past what is staged, or as committed entries. */
weir_status weir_task_state_restore(weir_task_state *state, const weir_restore_batch *batch,
                                    weir_error *err);

/* What has been applied of a store on disk, as of now, in the order of keys. The iterator may
 * outlive the state (not the database), on another thread. WEIR_NOT_FOUND: a store in memory. */
weir_status weir_task_state_snapshot(weir_task_state *state, const char *store,
                                     weir_kv_iterator **out_iterator, weir_error *err);

/* Removes all of this task's data and positions (the task left for good, or is corrupt), staged and
 * committed writes too. The stores are empty afterwards and can be used. */
weir_status weir_task_state_wipe(weir_task_state *state, weir_error *err);

#endif
