/* SPDX-License-Identifier: Apache-2.0
 *
 * rocksdb_store_internal.h - the database and a store in it, for the files that make them up.
 *
 * Threads    As in rocksdb_store.h.
 */
#ifndef WEIR_STATESTORE_ROCKSDB_STORE_INTERNAL_H
#define WEIR_STATESTORE_ROCKSDB_STORE_INTERNAL_H

#include "statestore/rocksdb_options_internal.h"
#include "statestore/rocksdb_store.h"
#include "statestore/rows.h"
#include "streams/base/map.h"

#include <pthread.h>
#include <stdatomic.h>

/* A family, and what its stores have in common. */
typedef struct weir_family {
    rocksdb_column_family_handle_t *handle;
    size_t open_stores;       /* Under families_lock, as all that follows. */
    weir_rocksdb_turns turns; /* All-zero: no file has come. */
    uint64_t rows;            /* In the last files, fewer the longer ago. */
    uint64_t reads;           /* Of the engine, meanwhile. */
} weir_family;

typedef struct weir_owed_file weir_owed_file; /* rocksdb_file.c */
typedef struct weir_file_thread weir_file_thread;

struct weir_database {
    char *directory;
    int lock_fd;
    rocksdb_t *db;              /* NULL: it was broken, and could not be opened again yet. */
    rocksdb_options_t *options; /* Of the database and of each family … */
    weir_rocksdb_config config; /* … unless a user has set others. */
    rocksdb_writeoptions_t *write_options;
    rocksdb_readoptions_t *read_options;
    rocksdb_column_family_handle_t *default_handle;
    rocksdb_cache_t *blocks;
    weir_rows *rows;    /* Of all stores; blocks may have what they do not take. */
    size_t cache_bytes; /* Of both. */
    size_t ingest_entries_min;
    size_t apply_file_bytes_min;
    rocksdb_options_t *file_options; /* Of files that an apply makes. */
    weir_file_thread *file_thread;
    weir_map *families; /* Name to weir_family. */
    pthread_mutex_t families_lock;
    size_t open_stores;          /* Under families_lock. */
    pthread_rwlock_t flush_lock; /* Shared by writes, exclusive to a flush that is asked for. */
    atomic_bool broken;
    atomic_uint full_with_space; /* Writes in a row that failed so. */
    atomic_bool may_be_stopped;  /* weir_rocksdb_stopped */
};

enum { WEIR_ROCKSDB_PARTITION_BYTES = 4 }; /* A key begins with its partition. */

/* Rows that are expected: what is known of the last few. */
enum { WEIR_ROWS_EXPECTED = 4 };

typedef struct rocksdb_store {
    weir_kv kv; /* Must be first. */
    weir_database *database;
    rocksdb_column_family_handle_t *family;
    weir_family *shared;  /* Of all stores of its family. */
    weir_buf key;         /* The partition, and behind it the key of the call. */
    uint32_t rows;        /* Its number among them. */
    bool has_rows;        /* Some may be there. */
    bool began_empty;     /* When its rows got their number: they know of each that came since. */
    uint64_t reads;       /* Of the engine, since its last file. */
    weir_owed_file *owed; /* A file that is written behind; NULL: none. */
    unsigned ticks;       /* Of rows that came, by which blocks make room. */
    uint64_t expected[WEIR_ROWS_EXPECTED];
    unsigned expected_count;        /* So far: the place of the next one. */
    struct rocksdb_iterator *spare; /* One that is closed; NULL: none is. */
} rocksdb_store;

extern const weir_kv_ops weir_rocksdb_store_ops;

/* Turns a message of a write, which is freed, into a status, and notes what it tells of the disk.
 * NULL: it went well. */
weir_status weir_rocksdb_check_write(weir_database *database, char *message, const char *what,
                                     weir_error *err);

/* A message, to be passed to weir_rocksdb_check_write, where an error may have stopped RocksDB
 * since it was opened; else NULL. It mends itself when there is space again, but 7.8 never forgets
 * that it was stopped (ErrorHandler::ClearBGError): a file that is ingested then gets the number 0,
 * and no flush is waited for. So neither is asked for until it is opened anew. */
char *weir_rocksdb_stopped(weir_database *database);

/* The key as RocksDB has it, borrowed until the next call. */
weir_bytes weir_rocksdb_full_key(rocksdb_store *store, weir_bytes key);

/* The engine's row has another value now, or none (null). */
void weir_rocksdb_note_row(rocksdb_store *store, weir_bytes key, weir_bytes value);

/* So many rows have come to what is outside of the engine: from time to time the block cache makes
 * room for them. */
void weir_rocksdb_rows_came(rocksdb_store *store, size_t came);
void weir_rocksdb_make_room(const weir_database *database); /* Now; any thread. */

/* The thread that writes files behind workers, none of which is left when it is freed; what is kept
 * for them takes so many bytes at most. The options outlive it. NULL to free is fine. */
weir_file_thread *weir_rocksdb_file_thread_new(const rocksdb_options_t *options, size_t bytes_max);
void weir_rocksdb_file_thread_free(weir_file_thread *thread);

/* The store is to be closed or emptied: what it owes is in the engine or dropped. */
void weir_rocksdb_store_forgive(rocksdb_store *store);

/* The engine has a row that its rows are not to have. */
void weir_rocksdb_pass_row(rocksdb_store *store, weir_bytes key);

/* Its rows outside of the engine are not those of the engine any more. */
void weir_rocksdb_forget_rows(rocksdb_store *store);

#endif
