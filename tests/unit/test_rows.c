/* SPDX-License-Identifier: Apache-2.0
 *
 * A store whose rows do not fit into memory (statestore/rows.c) answers what a plain array says,
 * whatever happens to it: batches that are written or are not, prefixes that are removed, files
 * that are ingested, a database that is opened again, a file of rows that fails.
 */
#include "statestore/rocksdb_store.h"
#include "streams/base/logging.h"
#include "streams/base/random.h"
#include "tests/faults/fault_disk.h"
#include "tests/harness/check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MEMORY_BYTES = 10 << 20, /* Some 5 MB of rows in memory. */
    FILE_BYTES = 4 << 20,    /* Too little for all rows: it is overwritten. */
    KEYS = 40000,
    VALUE_BYTES_MAX = 200,
    STEPS = 50000,
    BATCH_ROWS = 500,
    STORES = 2,
};

typedef struct truth {
    uint8_t size; /* 0: there is no row. */
    uint8_t fill;
} truth;

typedef struct fixture {
    char *directory;
    uint64_t file_bytes_max;
    weir_database *database;
    weir_kv *stores[STORES];
    truth rows[STORES][KEYS];
    weir_random random;
    weir_buf value;
    weir_error err;
} fixture;

/* Keys of one prefix are a hundredth of all. */
static weir_bytes key_of(uint32_t number, char text[16])
{
    (void)snprintf(text, 16, "%02u-%u", number % 100, number);
    return weir_bytes_of_text(text);
}

static weir_bytes value_of(truth row, char bytes[VALUE_BYTES_MAX])
{
    memset(bytes, row.fill, row.size);
    return row.size == 0 ? WEIR_BYTES_NULL : weir_bytes_of(bytes, row.size);
}

static truth some_row(fixture *f)
{
    return (truth){(uint8_t)weir_random_below(&f->random, VALUE_BYTES_MAX + 1),
                   (uint8_t)weir_random_below(&f->random, 256)};
}

static void open_stores(fixture *f)
{
    const weir_database_options options = {.directory = f->directory,
                                           .memory_bytes_max = MEMORY_BYTES,
                                           .row_file_bytes_max = f->file_bytes_max};
    CHECK_OK(weir_database_open(&options, &f->database, &f->err), &f->err);
    for (int i = 0; i < STORES; i++) {
        CHECK_OK(weir_rocksdb_store_new(f->database, "app/rows", "rows", i, &f->stores[i], &f->err),
                 &f->err);
    }
}

static void close_stores(fixture *f)
{
    for (int i = 0; i < STORES; i++) {
        weir_kv_free(f->stores[i]);
    }
    weir_database_free(f->database);
}

static void check_row(fixture *f, size_t store, uint32_t number)
{
    char text[16];
    char bytes[VALUE_BYTES_MAX];
    weir_bytes wanted = value_of(f->rows[store][number], bytes);
    weir_status status = weir_kv_get(f->stores[store], key_of(number, text), &f->value, &f->err);
    CHECK_STATUS(status, wanted.data == NULL ? WEIR_NOT_FOUND : WEIR_OK);
    CHECK(wanted.data == NULL || weir_bytes_equal(weir_buf_bytes(&f->value), wanted));
}

static void check_some(fixture *f, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        check_row(f, (size_t)weir_random_below(&f->random, STORES),
                  (uint32_t)weir_random_below(&f->random, KEYS));
    }
}

/* A batch of random rows; one that is not written changes nothing. */
static void write_batch(fixture *f, bool is_written)
{
    weir_write_batch *batch = weir_write_batch_new(f->database);
    size_t store = (size_t)weir_random_below(&f->random, STORES);
    char text[16];
    char bytes[VALUE_BYTES_MAX];
    for (size_t i = 0; i < BATCH_ROWS; i++) {
        uint32_t number = (uint32_t)weir_random_below(&f->random, KEYS);
        truth row = some_row(f);
        weir_write_batch_put(batch, f->stores[store], key_of(number, text), value_of(row, bytes));
        f->rows[store][number] = is_written ? row : f->rows[store][number];
    }
    if (is_written) {
        CHECK_OK(weir_write_batch_write(batch, &f->err), &f->err);
    }
    weir_write_batch_free(batch);
}

static void write_one(fixture *f)
{
    size_t store = (size_t)weir_random_below(&f->random, STORES);
    uint32_t number = (uint32_t)weir_random_below(&f->random, KEYS);
    truth row = some_row(f);
    char text[16];
    char bytes[VALUE_BYTES_MAX];
    weir_bytes value = value_of(row, bytes);
    weir_bytes key = key_of(number, text);
    CHECK_OK(value.data == NULL ? weir_kv_remove(f->stores[store], key, &f->err)
                                : weir_kv_put(f->stores[store], key, value, &f->err),
             &f->err);
    f->rows[store][number] = row;
}

static void remove_prefix(fixture *f)
{
    size_t store = (size_t)weir_random_below(&f->random, STORES);
    uint32_t prefix = (uint32_t)weir_random_below(&f->random, 100);
    char text[16];
    (void)snprintf(text, sizeof(text), "%02u-", prefix);
    CHECK_OK(weir_rocksdb_store_remove_prefix(f->stores[store], weir_bytes_of_text(text), &f->err),
             &f->err);
    for (uint32_t number = prefix; number < KEYS; number += 100) {
        f->rows[store][number].size = 0;
    }
}

/* Keys of one prefix, in their order as text: all of five digits. */
static void ingest(fixture *f)
{
    enum { FIRST = 10000, COUNT = 200 };
    static char keys[COUNT][16];
    static char values[COUNT][VALUE_BYTES_MAX];
    static weir_restore_entry entries[COUNT];
    static const weir_restore_entry *sorted[COUNT];
    size_t store = (size_t)weir_random_below(&f->random, STORES);
    uint32_t prefix = (uint32_t)weir_random_below(&f->random, 100);
    for (uint32_t i = 0; i < COUNT; i++) {
        uint32_t number = FIRST + i * 100 + prefix;
        truth row = some_row(f);
        entries[i] = (weir_restore_entry){key_of(number, keys[i]), value_of(row, values[i])};
        sorted[i] = &entries[i];
        f->rows[store][number] = row;
    }
    CHECK_OK(weir_rocksdb_store_ingest(f->stores[store], sorted, COUNT, &f->err), &f->err);
}

static void step(fixture *f)
{
    uint64_t what = weir_random_below(&f->random, 10000);
    if (what < 20) {
        write_batch(f, what > 0);
    } else if (what < 22) {
        remove_prefix(f);
    } else if (what < 24) {
        ingest(f);
    } else if (what < 25) {
        close_stores(f);
        open_stores(f);
    } else if (what < 500) {
        write_one(f);
    } else {
        check_some(f, 1);
    }
}

static void begin(fixture *f, uint64_t file_bytes_max)
{
    f->random = weir_random_of(check_seed(1));
    f->directory = check_directory();
    f->file_bytes_max = file_bytes_max;
    open_stores(f);
    for (int i = 0; i < 2 * STORES * KEYS / BATCH_ROWS; i++) {
        write_batch(f, true);
    }
}

static void end(fixture *f)
{
    close_stores(f);
    weir_buf_cleanup(&f->value);
    free(f->directory);
}

/* Reads until the file of rows is used. */
static void use_file(fixture *f)
{
    for (int i = 0; i < 100 && weir_database_memory_now(f->database).row_file_bytes == 0; i++) {
        check_some(f, KEYS / 10);
    }
    CHECK(weir_database_memory_now(f->database).row_file_bytes > 0);
}

TEST(reads_say_what_was_written_last_whatever_happens_to_the_store)
{
    static fixture f;
    begin(&f, FILE_BYTES);
    use_file(&f);
    for (size_t i = 0; i < STEPS; i++) {
        step(&f);
    }
    use_file(&f);
    for (uint32_t number = 0; number < KEYS; number++) {
        check_row(&f, 0, number);
        check_row(&f, 1, number);
    }
    weir_database_memory memory = weir_database_memory_now(f.database);
    CHECK(memory.row_file_bytes <= FILE_BYTES);
    CHECK(memory.row_bytes + memory.block_bytes < MEMORY_BYTES);
    CHECK_I64(memory.row_file_failure, ==, 0);
    end(&f);
}

static void count_failures(void *context, weir_bytes line)
{
    const char *text = line.data;
    bool is_it = memmem(text, line.size, "the file of rows failed", 23) != NULL;
    *(int *)context += is_it ? 1 : 0;
}

TEST(file_of_rows_that_fails_is_used_no_more_and_nothing_else_is_wrong)
{
    static fixture f;
    int failures = 0;
    weir_log_redirect(count_failures, &failures);
    begin(&f, (uint64_t)64 << 20);
    use_file(&f);
    fault_disk_set(ENOSPC); /* Of RocksDB's own files, too, if it compacts just now. */
    check_some(&f, STEPS);
    fault_disk_set(0);
    CHECK_I64(weir_database_memory_now(f.database).row_file_failure, ==, ENOSPC);
    check_some(&f, STEPS);
    CHECK_I64((int64_t)weir_database_memory_now(f.database).row_file_bytes, ==, 0);
    weir_log_redirect(NULL, NULL);
    CHECK_I64(failures, ==, 1);
    end(&f);
}

TEST(with_a_file_that_is_too_small_there_is_none)
{
    static fixture f;
    begin(&f, 1);
    check_some(&f, STEPS);
    CHECK_I64((int64_t)weir_database_memory_now(f.database).row_file_bytes, ==, 0);
    CHECK_I64(weir_database_memory_now(f.database).row_file_failure, ==, 0);
    end(&f);
}

TEST(rows_that_fit_into_memory_make_no_file)
{
    static fixture f;
    f.random = weir_random_of(check_seed(1));
    f.directory = check_directory();
    open_stores(&f);
    for (int i = 0; i < 10; i++) {
        write_batch(&f, true);
    }
    check_some(&f, STEPS);
    CHECK_I64((int64_t)weir_database_memory_now(f.database).row_file_bytes, ==, 0);
    end(&f);
}
