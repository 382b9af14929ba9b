/* SPDX-License-Identifier: Apache-2.0
 *
 * rocksdb_options_internal.h - the options of the database and of each of its families.
 *
 * Threads    Any.
 */
#ifndef WEIR_STATESTORE_ROCKSDB_OPTIONS_INTERNAL_H
#define WEIR_STATESTORE_ROCKSDB_OPTIONS_INTERNAL_H

#include "statestore/rocksdb_config.h"

#include <rocksdb/c.h>

#include <stddef.h>
#include <stdint.h>

/* How the memory of the database is used. Rows and blocks share cache_bytes: what rows do not take
 * yet is for blocks. */
typedef struct weir_rocksdb_memory {
    size_t memtable_bytes;
    size_t cache_bytes;
    size_t row_bytes_max; /* Of cache_bytes. */
} weir_rocksdb_memory;

/* How so much is divided. */
weir_rocksdb_memory weir_rocksdb_memory_of(size_t memory_bytes_max);

/* Options whose block cache and memtables take so much memory. The caller destroys both. */
rocksdb_options_t *weir_rocksdb_options_new(const weir_rocksdb_memory *memory,
                                            rocksdb_cache_t **out_blocks);

/* rocksdb_config.c: options of each of these families made of base where config has some for it,
 * else NULL. The caller frees them. */
weir_status weir_rocksdb_family_options(const weir_rocksdb_config *config,
                                        const rocksdb_options_t *base, const char *const *families,
                                        size_t count, rocksdb_options_t **out_own, weir_error *err);
void weir_rocksdb_family_options_free(rocksdb_options_t *const *own, size_t count);

/* Options for a file that is compacted soon; of the database, whose options they are made of. */
rocksdb_options_t *weir_rocksdb_file_options_new(rocksdb_options_t *options);

/* When a compaction begins: level 0 has so many turns of files, one of each of so many stores,
 * which have no keys in common. */
typedef struct weir_rocksdb_turns {
    size_t turns;
    size_t stores;
    uint64_t level_bytes; /* It begins sooner where level 0 has so much; 0: RocksDB's own number. */
} weir_rocksdb_turns;

/* Later writes are slowed down, and then stopped, in RocksDB's own proportion. The message of a
 * failure, or NULL. */
char *weir_rocksdb_set_turns(rocksdb_t *db, rocksdb_column_family_handle_t *family,
                             const weir_rocksdb_turns *turns);

#endif
