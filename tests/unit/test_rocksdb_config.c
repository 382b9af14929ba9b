/* SPDX-License-Identifier: Apache-2.0
 *
 * Options of RocksDB that a user sets for a store (statestore/rocksdb_config.h), as RocksDB itself
 * writes them down, and those that are refused.
 */
#include "statestore/rocksdb_config.h"
#include "statestore/rocksdb_store.h"
#include "tests/harness/check.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* The text for the store "app/big"; others have none. */
static const char *options_of(void *user, const char *application_id, const char *store)
{
    CHECK_STR(application_id, "app");
    return strcmp(store, "big") == 0 ? user : NULL;
}

static weir_status open_database(const char *directory, const char *text,
                                 weir_database **out_database, weir_error *err)
{
    const weir_rocksdb_config config = {options_of, (void *)(uintptr_t)text};
    const weir_database_options options = {
        .directory = directory, .memory_bytes_max = 8 << 20, .rocksdb = &config};
    return weir_database_open(&options, out_database, err);
}

static weir_status open_store(weir_database *database, const char *family, weir_kv **out_kv,
                              weir_error *err)
{
    return weir_rocksdb_store_new(database, family, "store", 0, out_kv, err);
}

enum { ROWS = 20000 };

/* Rows that compress well, in an order of their own. */
static void put_rows(weir_database *database, const char *family)
{
    weir_error err = {0};
    WEIR_AUTO_PTR(weir_kv) kv = NULL;
    CHECK_OK(open_store(database, family, &kv, &err), &err);
    for (int i = 0; i < ROWS; i++) {
        WEIR_AUTO_FREE char *key = weir_format("key-%08d", i * 7919 % ROWS);
        WEIR_AUTO_FREE char *value = weir_format("%s%s%s%s%s%s", key, key, key, key, key, key);
        CHECK_OK(weir_kv_put(kv, weir_bytes_of_text(key), weir_bytes_of_text(value), &err), &err);
    }
    CHECK_OK(weir_database_flush(database, &err), &err);
}

static void check_rows(weir_database *database, const char *family)
{
    weir_error err = {0};
    WEIR_AUTO_PTR(weir_kv) kv = NULL;
    WEIR_AUTO_PTR(weir_kv_iterator) iterator = NULL;
    CHECK_OK(open_store(database, family, &kv, &err), &err);
    CHECK_OK(weir_kv_range(kv, WEIR_BYTES_NULL, WEIR_BYTES_NULL, false, &iterator, &err), &err);
    weir_bytes key = {0};
    weir_bytes value = {0};
    int count = 0;
    while (weir_kv_iterator_next(iterator, &key, &value, &err) == WEIR_OK) {
        CHECK_I64(value.size, ==, 6 * key.size);
        count++;
    }
    CHECK_I64(count, ==, ROWS);
}

/* What the database's files of rows have. */
static int64_t table_bytes(const char *directory)
{
    DIR *listing = opendir(directory);
    CHECK(listing != NULL);
    int64_t bytes = 0;
    const struct dirent *entry;
    while ((entry = readdir(listing)) != NULL) {
        const char *dot = strrchr(entry->d_name, '.');
        struct stat found;
        WEIR_AUTO_FREE char *path = weir_format("%s/%s", directory, entry->d_name);
        if (dot != NULL && strcmp(dot, ".sst") == 0 && stat(path, &found) == 0) {
            bytes += found.st_size;
        }
    }
    (void)closedir(listing);
    return bytes;
}

/* Ours leaves the files that a flush writes uncompressed. */
static const char text[] = "compression_per_level=kZSTD:kZSTD; target_file_size_base=8388608;\n"
                           "block_based_table_factory={block_size=16384; filter_policy="
                           "bloomfilter:20:false}";

/* How much larger the files become with the rows of a family. */
static int64_t grown_by(const char *directory, const char *options, const char *family)
{
    weir_error err = {0};
    WEIR_AUTO_PTR(weir_database) database = NULL;
    CHECK_OK(open_database(directory, options, &database, &err), &err);
    int64_t before = table_bytes(directory);
    put_rows(database, family);
    check_rows(database, family);
    return table_bytes(directory) - before;
}

TEST(store_has_its_options_when_it_is_made_and_when_it_is_opened_again)
{
    weir_error err = {0};
    WEIR_AUTO_FREE char *plain = check_directory();
    WEIR_AUTO_FREE char *directory = check_directory();
    int64_t plain_bytes = grown_by(plain, "", "app/big");
    CHECK_I64(plain_bytes, >, ROWS * 50);
    CHECK_I64(grown_by(directory, text, "app/small"), >, plain_bytes / 10 * 9);
    CHECK_I64(grown_by(directory, text, "app/big"), <, plain_bytes / 2);
    CHECK_I64(grown_by(directory, text, "app/big"), <, plain_bytes / 2); /* It is there now. */
    WEIR_AUTO_PTR(weir_database) database = NULL;
    CHECK_OK(open_database(directory, "", &database, &err), &err);
    check_rows(database, "app/big"); /* What was written in another way is read all the same. */
    check_rows(database, "app/small");
}

/* Blocks of a store with a table format of its own are in the one budget. */
TEST(blocks_of_all_stores_share_one_cache)
{
    weir_error err = {0};
    WEIR_AUTO_FREE char *directory = check_directory();
    WEIR_AUTO_PTR(weir_database) database = NULL;
    CHECK_OK(open_database(directory, text, &database, &err), &err);
    put_rows(database, "app/big");
    size_t before = weir_database_memory_now(database).block_bytes;
    check_rows(database, "app/big");
    CHECK_I64(weir_database_memory_now(database).block_bytes, >, before + ROWS);
}

static void check_refused(const char *refused, const char *part)
{
    weir_error err = {0};
    WEIR_AUTO_FREE char *directory = check_directory();
    WEIR_AUTO_PTR(weir_database) database = NULL;
    WEIR_AUTO_PTR(weir_kv) kv = NULL;
    CHECK_OK(open_database(directory, refused, &database, &err), &err);
    CHECK_STATUS(open_store(database, "app/big", &kv, &err), WEIR_INVALID);
    if (strstr(err.message, part) == NULL) {
        CHECK_STR(err.message, part); /* Fails, and shows both. */
    }
    CHECK_OK(open_store(database, "app/small", &kv, &err), &err);
}

TEST(options_that_others_hang_on_are_refused)
{
    check_refused("compression=kZSTD;write_buffer_size=1",
                  "options of RocksDB for app/big: \"write_buffer_size\" cannot be set");
    check_refused("comparator=rocksdb.ReverseBytewiseComparator", "\"comparator\"");
    check_refused("atomic_flush=false", "\"atomic_flush\"");
    check_refused("compaction_style=kCompactionStyleFIFO", "\"compaction_style\"");
    check_refused("level0_file_num_compaction_trigger=1", "\"level0_file_num_compaction_trigger\"");
    check_refused("block_based_table_factory={block_cache=1M}", "\"block_cache\"");
    check_refused("block_based_table_factory={block_size=1;{no_block_cache=true}}",
                  "\"{no_block_cache\"");
    check_refused("block_based_table_factory=PlainTable", "\"block_based_table_factory\"");
    check_refused("compression", "\"compression\"");
    check_refused("compression={;};write_buffer_size=1", "\"write_buffer_size\"");
    check_refused("compression=}};write_buffer_size=1", "\"write_buffer_size\"");
}

TEST(value_that_rocksdb_does_not_know_is_its_own_message)
{
    check_refused("compression=kBest", "options of RocksDB for app/big: Invalid argument");
    check_refused("target_file_size_base=many", "options of RocksDB for app/big: Invalid argument");
}

TEST(database_that_has_the_store_is_not_opened_with_options_that_are_refused)
{
    weir_error err = {0};
    WEIR_AUTO_FREE char *directory = check_directory();
    weir_database *database = NULL;
    CHECK_OK(open_database(directory, text, &database, &err), &err);
    put_rows(database, "app/big");
    weir_database_free(database);
    CHECK_STATUS(open_database(directory, "write_buffer_size=1", &database, &err), WEIR_INVALID);
    CHECK_OK(open_database(directory, text, &database, &err), &err);
    weir_database_free(database);
}
