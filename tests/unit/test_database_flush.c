/* SPDX-License-Identifier: Apache-2.0
 *
 * A flush that is asked for while others write: the files hold every family as of one write, so a
 * position is never on disk without the rows that it stands for. It leaves nothing to compact.
 */
#include "statestore/rocksdb_store.h"
#include "tests/harness/check.h"
#include "tests/harness/copy_directory.h"

#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FAMILIES = 8, ROUNDS = 3, FLUSHERS = 3 };

typedef struct flusher {
    weir_database *database;
    atomic_bool done;
} flusher;

static void *flush(void *argument)
{
    flusher *self = argument;
    weir_error err = {0};
    CHECK_OK(weir_database_flush(self->database, &err), &err);
    atomic_store(&self->done, true);
    return NULL;
}

static void open_stores(const char *directory, weir_database **out_database, weir_kv **stores,
                        weir_kv **positions)
{
    weir_error err = {0};
    CHECK_OK(
        weir_database_open(&(weir_database_options){.directory = directory}, out_database, &err),
        &err);
    CHECK_OK(weir_rocksdb_store_new(*out_database, "positions", "positions", 0, positions, &err),
             &err);
    for (int i = 0; i < FAMILIES; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "store-%d", i);
        CHECK_OK(weir_rocksdb_store_new(*out_database, name, "store", 0, &stores[i], &err), &err);
    }
}

static void close_stores(weir_database *database, weir_kv **stores, weir_kv *positions)
{
    for (int i = 0; i < FAMILIES; i++) {
        weir_kv_free(stores[i]);
    }
    weir_kv_free(positions);
    weir_database_free(database);
}

/* Row number goes to a family that mostly has nothing unflushed, together with its position. */
static void write_row(weir_database *database, weir_kv **stores, weir_kv *positions, int number)
{
    WEIR_AUTO_PTR(weir_write_batch) batch = weir_write_batch_new(database);
    weir_error err = {0};
    weir_bytes key = weir_bytes_of(&number, sizeof number);
    weir_write_batch_put(batch, stores[number % FAMILIES], key, WEIR_BYTES("row"));
    weir_write_batch_put(batch, positions, WEIR_BYTES("position"), key);
    CHECK_OK(weir_write_batch_write(batch, &err), &err);
}

/* Opens what a crash would leave of directory now; the rows up to its position have to be there. */
static void check_left(const char *directory)
{
    char *copy = check_directory();
    check_copy_directory(directory, copy);
    weir_database *database = NULL;
    weir_kv *stores[FAMILIES];
    weir_kv *positions = NULL;
    open_stores(copy, &database, stores, &positions);
    WEIR_AUTO(weir_buf) value = {0};
    weir_error err = {0};
    int number = -1;
    if (weir_kv_get(positions, WEIR_BYTES("position"), &value, NULL) == WEIR_OK) {
        memcpy(&number, value.data, sizeof number);
    }
    for (int row = number; row >= 0 && row > number - FAMILIES; row--) {
        weir_bytes key = weir_bytes_of(&row, sizeof row);
        CHECK_OK(weir_kv_get(stores[row % FAMILIES], key, &value, &err), &err);
    }
    close_stores(database, stores, positions);
    free(copy);
}

TEST(a_flush_amid_writes_never_leaves_a_position_without_its_row)
{
    char *directory = check_directory();
    weir_database *database = NULL;
    weir_kv *stores[FAMILIES];
    weir_kv *positions = NULL;
    open_stores(directory, &database, stores, &positions);
    int number = 0;
    for (int round = 0; round < ROUNDS; round++) {
        /* The second one has to wait for the first, with its choice of families made. */
        flusher others[FLUSHERS];
        pthread_t threads[FLUSHERS];
        for (int i = 0; i < FLUSHERS; i++) {
            others[i] = (flusher){.database = database};
            write_row(database, stores, positions, number++);
            CHECK(pthread_create(&threads[i], NULL, flush, &others[i]) == 0);
        }
        while (!atomic_load(&others[FLUSHERS - 1].done)) {
            write_row(database, stores, positions, number++);
            (void)sched_yield();
        }
        for (int i = 0; i < FLUSHERS; i++) {
            pthread_join(threads[i], NULL);
        }
        check_left(directory);
    }
    close_stores(database, stores, positions);
    free(directory);
}

static size_t count_files(const char *directory)
{
    size_t count = 0;
    DIR *entries = opendir(directory);
    CHECK(entries != NULL);
    for (struct dirent *entry = readdir(entries); entry != NULL; entry = readdir(entries)) {
        count += strstr(entry->d_name, ".sst") != NULL ? 1 : 0;
    }
    closedir(entries);
    return count;
}

TEST(a_flush_of_nothing_leaves_no_file_that_would_be_compacted)
{
    char *directory = check_directory();
    weir_database *database = NULL;
    weir_error err = {0};
    CHECK_OK(weir_database_open(&(weir_database_options){.directory = directory}, &database, &err),
             &err);
    for (int round = 0; round < ROUNDS; round++) {
        CHECK_OK(weir_database_flush(database, &err), &err);
        CHECK(count_files(directory) == 0);
    }
    weir_database_free(database);
    CHECK(count_files(directory) == 0);
    free(directory);
}
