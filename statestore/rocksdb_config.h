/* SPDX-License-Identifier: Apache-2.0
 *
 * rocksdb_config.h - options of RocksDB for a store (Kafka Streams' RocksDBConfigSetter), in
 * RocksDB's own text:
 *
 *   static const char *options_of(void *user, const char *application_id, const char *store)
 *   {
 *       return strcmp(store, "pages") == 0 ? "bottommost_compression=kZSTD" : NULL;
 *   }
 *   const weir_rocksdb_config config = {options_of, NULL};
 *   … weir_database_open(&(weir_database_options){.directory = d, .rocksdb = &config}, …)
 *
 * A family of the database is one store of one application, of all its tasks in this process. What
 * may be set is how its files are laid out and compacted:
 *
 *   compression, bottommost_compression, compression_per_level, compression_opts,
 *   bottommost_compression_opts, compaction_pri, target_file_size_base,
 *   target_file_size_multiplier, max_bytes_for_level_multiplier, max_compaction_bytes,
 *   periodic_compaction_seconds, optimize_filters_for_hits,
 *   block_based_table_factory={block_size, block_size_deviation, block_restart_interval,
 *   metadata_block_size, filter_policy, whole_key_filtering, checksum}
 *
 * All else is refused, for all stores hang on it: block cache and memtables are the database's one
 * budget, the order of keys and the atomic flush are what state is recovered by, and level 0 and
 * the size of the first level (docs/decisions/0119) are the apply's.
 *
 * Ours leaves levels 0 and 1 uncompressed by compression_per_level, which goes before compression.
 *
 * Errors     WEIR_INVALID where the database or the store is opened: which option of which store.
 * Threads    Whichever opens the store, one at a time.
 */
#ifndef WEIR_STATESTORE_ROCKSDB_CONFIG_H
#define WEIR_STATESTORE_ROCKSDB_CONFIG_H

#include "statestore/task_state.h"

typedef struct weir_rocksdb_config {
    /* The options of a store; NULL or "": as they are. Also asked of families that no topology uses
     * any more, and of stores of weir's own ("<store>-due", "<store>-by-time"). By one thread at a
     * time, whichever opens the store; the text is borrowed until the next call. */
    const char *(*options_of)(void *user, const char *application_id, const char *store);
    void *user;
} weir_rocksdb_config;

#endif
