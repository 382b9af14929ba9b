/* SPDX-License-Identifier: Apache-2.0
 *
 * rocksdb_store.h - the engine on disk: one partition of one column family of the process's
 * RocksDB, and the atomic batch that writes to several of them.
 *
 * The database itself is opened and closed through task_state.h.
 *
 * Ownership  The caller frees stores (weir_kv_free) and batches before the database.
 * Errors     WEIR_CORRUPT where RocksDB finds damage, WEIR_IO for all else that fails on disk.
 * Threads    A store or batch: one at a time. Different ones of one database: any.
 */
#ifndef WEIR_STATESTORE_ROCKSDB_STORE_H
#define WEIR_STATESTORE_ROCKSDB_STORE_H

#include "statestore/task_state.h"

/* Opens partition of the family called name, which is made where it does not exist. name is
 * borrowed for the life of the store. Its writes are not durable before the next flush. */
weir_status weir_rocksdb_store_new(weir_database *database, const char *family, const char *name,
                                   int32_t partition, weir_kv **out_kv, weir_error *err);

/* Removes every key of the store: one range deletion, whose space the next compactions give back.
 */
weir_status weir_rocksdb_store_clear(weir_kv *kv, weir_error *err);

/* Removes every key that begins with prefix (not empty), the same way. */
weir_status weir_rocksdb_store_remove_prefix(weir_kv *kv, weir_bytes prefix, weir_error *err);

/* Adds many entries at once, as a file of their own: keys ascending, none twice; null values
 * remove. All or nothing. Unlike a batch it is on disk when it returns. */
weir_status weir_rocksdb_store_ingest(weir_kv *kv, const weir_restore_entry *const *sorted,
                                      size_t count, weir_error *err);

/* The same of what an apply writes: the store may be read at once, and files of all stores of a
 * family come by turns, so that it is compacted when four turns of them are there: sixteen, where
 * the engine is hardly read. */
weir_status weir_rocksdb_store_ingest_applied(weir_kv *kv, const weir_restore_entry *const *sorted,
                                              size_t count, weir_error *err);

/* Rows that are kept as they are until the store is settled, closed or cleared. */
typedef void (*weir_row_taker)(void *user, weir_bytes key, weir_bytes value);
typedef struct weir_kept_rows {
    /* Hands them to take: keys ascending, none twice; null values remove. It is called on any
     * thread, by one at a time, and again after a failure. */
    void (*each)(const void *keeper, weir_row_taker take, void *user);
    const void *keeper;
    size_t count; /* At most. */
    size_t bytes; /* What they take in memory. */
} weir_kept_rows;

/* The same, on a thread of the database where there is room for what is kept meanwhile. The engine
 * has the rows when the store is settled: nobody asks it for them before. */
weir_status weir_rocksdb_store_ingest_behind(weir_kv *kv, const weir_kept_rows *rows,
                                             weir_error *err);

/* WEIR_OK: every file of the store is on disk. WEIR_AGAIN: one is under way still, never where it
 * may wait. A file that could not be written is kept, and the next call tries again. */
weir_status weir_rocksdb_store_settle(weir_kv *kv, bool may_wait, weir_error *err);

/* All entries as of now, in the order of keys. Unlike other iterators it may outlive the store (not
 * the database) and be used by another thread. */
weir_status weir_rocksdb_store_snapshot(weir_kv *kv, weir_kv_iterator **out_iterator,
                                        weir_error *err);

/* From how many entries on an ingest is worth its file: an option of the database. */
size_t weir_rocksdb_ingest_entries_min(const weir_database *database);

/* From how many bytes in memory on what an apply writes to a store is worth its file: smaller ones
 * would be compacted too often. */
size_t weir_rocksdb_apply_file_bytes_min(const weir_database *database);

/* Writes to several stores of one database that happen all or not at all. */
typedef struct weir_write_batch weir_write_batch;

/* An empty batch; database outlives it. */
weir_write_batch *weir_write_batch_new(weir_database *database);
void weir_write_batch_free(weir_write_batch *batch);
WEIR_DEFINE_AUTO_PTR(weir_write_batch);

/* Adds a put, or a removal where value is null. kv is a store of the batch's database. Keys in
 * ascending order per store are written fastest. */
void weir_write_batch_put(weir_write_batch *batch, weir_kv *kv, weir_bytes key, weir_bytes value);

/* Writes what was added and empties the batch. On failure nothing was written. */
weir_status weir_write_batch_write(weir_write_batch *batch, weir_error *err);

#endif
