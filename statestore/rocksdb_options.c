/* SPDX-License-Identifier: Apache-2.0
 *
 * rocksdb_options.c - how RocksDB is set up: for point reads, in a budget that holds at every size.
 */
#include "statestore/rocksdb_options_internal.h"

#include "streams/base/alloc.h"

#include <inttypes.h>
#include <stdio.h>

/* Few shards, so that none of them is full while others are empty. */
static rocksdb_cache_t *cache_new(size_t bytes)
{
    enum { SHARD_BITS = 2 };
    rocksdb_lru_cache_options_t *options = rocksdb_lru_cache_options_create();
    rocksdb_lru_cache_options_set_capacity(options, bytes);
    rocksdb_lru_cache_options_set_num_shard_bits(options, SHARD_BITS);
    rocksdb_cache_t *cache = rocksdb_cache_create_lru_opts(options);
    rocksdb_lru_cache_options_destroy(options);
    return cache;
}

/* Indexes and filters lie in the block cache too, or the budget would not hold as state grows; in
 * small parts, for the index of a whole file pushes out all else that its shard has, and at twice
 * the state each read would load half a megabyte of it anew: 93 us against 15. */
static void set_table_options(rocksdb_options_t *options, rocksdb_cache_t *cache)
{
    enum { BLOCK_BYTES = 4 << 10, INDEX_BYTES = 16 << 10, BLOOM_BITS = 10, FORMAT_VERSION = 5 };
    rocksdb_block_based_table_options_t *table = rocksdb_block_based_options_create();
    rocksdb_block_based_options_set_block_cache(table, cache);
    rocksdb_block_based_options_set_block_size(table, BLOCK_BYTES);
    rocksdb_block_based_options_set_format_version(table, FORMAT_VERSION);
    rocksdb_block_based_options_set_data_block_index_type(
        table, rocksdb_block_based_table_data_block_index_type_binary_search_and_hash);
    rocksdb_block_based_options_set_filter_policy(
        table, rocksdb_filterpolicy_create_bloom_full(BLOOM_BITS));
    rocksdb_block_based_options_set_index_type(
        table, rocksdb_block_based_table_index_type_two_level_index_search);
    rocksdb_block_based_options_set_partition_filters(table, true);
    rocksdb_block_based_options_set_metadata_block_size(table, INDEX_BYTES);
    rocksdb_block_based_options_set_cache_index_and_filter_blocks(table, true);
    rocksdb_block_based_options_set_cache_index_and_filter_blocks_with_high_priority(table, true);
    rocksdb_block_based_options_set_pin_top_level_index_and_filter(table, true);
    rocksdb_options_set_block_based_table_factory(options, table);
    rocksdb_block_based_options_destroy(table);
}

static void set_compression(rocksdb_options_t *options)
{
    /* What is written often stays uncompressed; the bulk below is compressed fast. */
    const int levels[] = {rocksdb_no_compression,  rocksdb_no_compression,  rocksdb_lz4_compression,
                          rocksdb_lz4_compression, rocksdb_lz4_compression, rocksdb_lz4_compression,
                          rocksdb_lz4_compression};
    rocksdb_options_set_compression_per_level(options, levels, WEIR_COUNT_OF(levels));
}

/* Applied writes are sorted and large, so memtables beyond some size buy little. Of the rest rows
 * may have three quarters: they serve point reads better; blocks serve ranges. */
weir_rocksdb_memory weir_rocksdb_memory_of(size_t memory_bytes_max)
{
    enum { MEMTABLE_BYTES_MAX = 128 << 20 };
    weir_rocksdb_memory memory = {.memtable_bytes = memory_bytes_max / 4};
    if (memory.memtable_bytes > MEMTABLE_BYTES_MAX) {
        memory.memtable_bytes = MEMTABLE_BYTES_MAX;
    }
    memory.cache_bytes = memory_bytes_max - memory.memtable_bytes;
    memory.row_bytes_max = memory.cache_bytes / 8 * 7;
    return memory;
}

rocksdb_options_t *weir_rocksdb_options_new(const weir_rocksdb_memory *memory,
                                            rocksdb_cache_t **out_blocks)
{
    /* RocksDB writes nothing to a LOG of its own: after a line that a full disk did not take, the
     * next one fails an assertion of Debian's build, and the process is gone. */
    enum { OPEN_FILES_ALL = -1, LOG_FILES_MAX = 2, NOT_EVEN_HEADERS = 6 };
    rocksdb_options_t *options = rocksdb_options_create();
    rocksdb_options_set_create_if_missing(options, true);
    rocksdb_options_set_create_missing_column_families(options, true);
    rocksdb_options_set_atomic_flush(options, true);
    rocksdb_options_set_db_write_buffer_size(options, memory->memtable_bytes);
    rocksdb_options_set_write_buffer_size(options, memory->memtable_bytes / 2);
    rocksdb_options_set_arena_block_size(options, 64 << 10);
    rocksdb_options_set_max_open_files(options, OPEN_FILES_ALL); /* No lookup of a file a read. */
    rocksdb_options_set_max_background_jobs(options, 2);
    rocksdb_options_set_level_compaction_dynamic_level_bytes(options, true);
    rocksdb_options_set_stats_dump_period_sec(options, 0);
    rocksdb_options_set_keep_log_file_num(options, LOG_FILES_MAX);
    rocksdb_options_set_info_log_level(options, NOT_EVEN_HEADERS);
    rocksdb_options_set_skip_stats_update_on_db_open(options, true);
    set_compression(options);
    *out_blocks = cache_new(memory->cache_bytes);
    set_table_options(options, *out_blocks);
    return options;
}

rocksdb_options_t *weir_rocksdb_file_options_new(rocksdb_options_t *options)
{
    rocksdb_options_t *copy = rocksdb_options_create_copy(options);
    rocksdb_options_set_compression_per_level(copy, NULL, 0); /* A file has the last level's. */
    rocksdb_options_set_compression(copy, rocksdb_no_compression);
    return copy;
}

/* RocksDB begins a compaction of level 0, too, where it has more bytes than the next level that is
 * used; but not below a tenth of a first level's size. The last level is the first one up to that
 * size: then a row passes none in between. */
char *weir_rocksdb_set_turns(rocksdb_t *db, rocksdb_column_family_handle_t *family,
                             const weir_rocksdb_turns *turns)
{
    enum { TRIGGER = 4, SLOWDOWN = 20, STOP = 36, NUMBER_BYTES = 24 }; /* RocksDB's own. */
    static const uint64_t level_bytes_min = UINT64_C(256) << 20;       /* This, too. */
    static const uint64_t levels = 10;
    size_t rounds = turns->turns * turns->stores;
    uint64_t level_bytes = levels * turns->level_bytes;
    const struct {
        const char *name;
        uint64_t value;
    } limits[] = {
        {"level0_file_num_compaction_trigger", rounds},
        {"level0_slowdown_writes_trigger", rounds * SLOWDOWN / TRIGGER},
        {"level0_stop_writes_trigger", rounds * STOP / TRIGGER},
        {"max_bytes_for_level_base", level_bytes < level_bytes_min ? level_bytes_min : level_bytes},
    };
    char numbers[WEIR_COUNT_OF(limits)][NUMBER_BYTES];
    const char *names[WEIR_COUNT_OF(limits)];
    const char *values[WEIR_COUNT_OF(limits)];
    for (size_t i = 0; i < WEIR_COUNT_OF(limits); i++) {
        (void)snprintf(numbers[i], NUMBER_BYTES, "%" PRIu64, limits[i].value);
        names[i] = limits[i].name;
        values[i] = numbers[i];
    }
    char *message = NULL;
    rocksdb_set_options_cf(db, family, WEIR_COUNT_OF(limits), names, values, &message);
    return message;
}
