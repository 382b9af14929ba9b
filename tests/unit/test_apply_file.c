/* SPDX-License-Identifier: Apache-2.0
 *
 * What an apply writes to a store goes to the database as a file where it is much: it is read and
 * overwritten like all else, and a crash before its position is on disk leaves rows that a restore
 * from that position gives once more. So is what is written behind the worker.
 */
#include "statestore/rocksdb_store_internal.h"
#include "tests/harness/check.h"
#include "tests/harness/copy_directory.h"

#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 40000, KEY_BYTES = 17, VALUE_BYTES = 128 };

typedef struct fixture {
    weir_database *database;
    weir_task_state *state;
    weir_kv *kv;
    weir_error err;
} fixture;

static fixture start_with(weir_database_options options)
{
    fixture f = {0};
    CHECK_OK(weir_database_open(&options, &f.database, &f.err), &f.err);
    CHECK_OK(weir_task_state_new(f.database, "app", 0, &f.state, &f.err), &f.err);
    CHECK_OK(weir_task_state_add_store(f.state, "s", WEIR_ENGINE_ROCKSDB, &f.kv, &f.err), &f.err);
    return f;
}

static fixture start(const char *directory)
{
    return start_with((weir_database_options){.directory = directory});
}

static void fixture_cleanup(fixture *f)
{
    weir_task_state_free(f->state);
    weir_database_free(f->database);
}

/* As a new start of the process finds the directory. */
static void restart(fixture *f, const char *directory)
{
    fixture_cleanup(f);
    *f = start(directory);
}

static weir_bytes key_of(uint32_t number, char *text)
{
    (void)snprintf(text, KEY_BYTES, "%016x", (unsigned)(number * 2654435761U));
    return weir_bytes_of(text, KEY_BYTES - 1);
}

static void put_rows(fixture *f, uint32_t count, char value)
{
    char key[KEY_BYTES];
    char bytes[VALUE_BYTES];
    memset(bytes, value, sizeof bytes);
    for (uint32_t i = 0; i < count; i++) {
        weir_bytes row = weir_bytes_of(bytes, sizeof bytes);
        CHECK_OK(weir_kv_put(f->kv, key_of(i, key), row, &f->err), &f->err);
    }
}

static void apply(fixture *f, int64_t position)
{
    weir_task_state_set_position(f->state, "s:t-0", position);
    weir_task_state_commit(f->state);
    CHECK_OK(weir_task_state_apply(f->state, &f->err), &f->err);
}

/* The rows of the numbers have a value that begins so; 0: none. */
static void check_rows(fixture *f, uint32_t from, uint32_t to, char value)
{
    char key[KEY_BYTES];
    WEIR_AUTO(weir_buf) found = {0};
    for (uint32_t i = from; i < to; i++) {
        weir_status status = weir_kv_get(f->kv, key_of(i, key), &found, &f->err);
        CHECK_STATUS(status, value == 0 ? WEIR_NOT_FOUND : WEIR_OK);
        CHECK(value == 0 || ((const char *)found.data)[0] == value);
    }
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

static int64_t position_of(fixture *f)
{
    int64_t position = -1;
    (void)weir_task_state_position(f->state, "s:t-0", &position, &f->err);
    return position;
}

TEST(much_is_applied_as_a_file_and_little_is_not)
{
    char *directory = check_directory();
    WEIR_AUTO(fixture) f = start(directory);
    put_rows(&f, ROWS / 10, 'a');
    apply(&f, 1);
    CHECK(count_files(directory) == 0);
    put_rows(&f, ROWS, 'b');
    apply(&f, 2);
    CHECK(count_files(directory) > 0);
    check_rows(&f, 0, ROWS, 'b');
    free(directory);
}

TEST(later_writes_and_removals_replace_the_rows_of_a_file)
{
    char *directory = check_directory();
    fixture f = start(directory);
    put_rows(&f, ROWS, 'a');
    apply(&f, 1);
    put_rows(&f, 10, 'b');
    char key[KEY_BYTES];
    for (uint32_t i = 10; i < 20; i++) {
        CHECK_OK(weir_kv_remove(f.kv, key_of(i, key), &f.err), &f.err);
    }
    apply(&f, 2);
    for (int round = 0; round < 2; round++) {
        check_rows(&f, 0, 10, 'b');
        check_rows(&f, 10, 20, 0);
        check_rows(&f, 20, ROWS, 'a');
        restart(&f, directory);
    }
    put_rows(&f, ROWS, 'c');
    apply(&f, 3);
    check_rows(&f, 0, ROWS, 'c');
    CHECK(position_of(&f) == 3);
    fixture_cleanup(&f);
    free(directory);
}

TEST(a_crash_before_the_position_is_on_disk_leaves_rows_that_are_restored_again)
{
    char *directory = check_directory();
    char *copy = check_directory();
    WEIR_AUTO(fixture) f = start(directory);
    put_rows(&f, 10, 'a');
    apply(&f, 1);
    CHECK_OK(weir_database_flush(f.database, &f.err), &f.err);
    put_rows(&f, ROWS, 'b');
    apply(&f, 2);
    check_copy_directory(directory, copy);

    WEIR_AUTO(fixture) left = start(copy);
    CHECK(position_of(&left) == 1);
    check_rows(&left, 0, ROWS, 'b');
    put_rows(&left, ROWS, 'b');
    apply(&left, 2);
    check_rows(&left, 0, ROWS, 'b');
    CHECK(position_of(&left) == 2);
    free(directory);
    free(copy);
}

/* Files that are written behind the worker. */

static void begin_apply(fixture *f, int64_t position)
{
    weir_task_state_set_position(f->state, "s:t-0", position);
    weir_task_state_commit(f->state);
    weir_status status = weir_task_state_apply_behind(f->state, &f->err);
    CHECK(status == WEIR_OK || status == WEIR_AGAIN);
    CHECK(weir_task_state_committed_bytes(f->state) == 0);
}

static void end_apply(fixture *f)
{
    enum { LOOKS_MAX = 60000, LOOK_MS = 1 };
    weir_status status = WEIR_AGAIN;
    for (int i = 0; i < LOOKS_MAX && status == WEIR_AGAIN && weir_task_state_is_behind(f->state);
         i++) {
        status = weir_task_state_apply_behind(f->state, &f->err);
        (void)poll(NULL, 0, status == WEIR_AGAIN ? LOOK_MS : 0);
    }
    CHECK(!weir_task_state_is_behind(f->state));
}

static size_t count_rows(fixture *f)
{
    WEIR_AUTO_PTR(weir_kv_iterator) it = NULL;
    CHECK_OK(weir_kv_range(f->kv, WEIR_BYTES_NULL, WEIR_BYTES_NULL, false, &it, &f->err), &f->err);
    size_t count = 0;
    weir_bytes key;
    weir_bytes value;
    while (weir_kv_iterator_next(it, &key, &value, &f->err) == WEIR_OK) {
        count++;
    }
    return count;
}

TEST(a_file_that_is_behind_is_read_and_overwritten_and_its_position_comes_with_it)
{
    char *directory = check_directory();
    fixture f = start(directory);
    put_rows(&f, ROWS, 'a');
    begin_apply(&f, 1);
    check_rows(&f, 0, ROWS, 'a');
    put_rows(&f, 10, 'b');
    char key[KEY_BYTES];
    for (uint32_t i = 10; i < 20; i++) {
        CHECK_OK(weir_kv_remove(f.kv, key_of(i, key), &f.err), &f.err);
    }
    weir_task_state_set_position(f.state, "s:t-0", 2);
    weir_task_state_commit(f.state);
    check_rows(&f, 0, 10, 'b');
    check_rows(&f, 10, 20, 0);
    CHECK(count_rows(&f) == ROWS - 10);
    end_apply(&f);
    CHECK(position_of(&f) == 1);
    apply(&f, 3);
    for (int round = 0; round < 2; round++) {
        CHECK(position_of(&f) == 3);
        check_rows(&f, 0, 10, 'b');
        check_rows(&f, 10, 20, 0);
        check_rows(&f, 20, ROWS, 'a');
        restart(&f, directory);
    }
    fixture_cleanup(&f);
    free(directory);
}

TEST(an_apply_waits_for_the_one_that_is_behind)
{
    char *directory = check_directory();
    fixture f = start(directory);
    put_rows(&f, ROWS, 'a');
    begin_apply(&f, 1);
    put_rows(&f, ROWS, 'b');
    apply(&f, 2);
    CHECK(!weir_task_state_is_behind(f.state));
    restart(&f, directory);
    CHECK(position_of(&f) == 2);
    check_rows(&f, 0, ROWS, 'b');
    fixture_cleanup(&f);
    free(directory);
}

TEST(a_state_that_is_wiped_while_a_file_is_behind_stays_empty)
{
    char *directory = check_directory();
    fixture f = start(directory);
    put_rows(&f, ROWS, 'a');
    begin_apply(&f, 1);
    CHECK_OK(weir_task_state_wipe(f.state, &f.err), &f.err);
    CHECK(!weir_task_state_is_behind(f.state));
    for (int round = 0; round < 2; round++) {
        CHECK(count_rows(&f) == 0);
        CHECK(position_of(&f) == -1);
        restart(&f, directory);
    }
    fixture_cleanup(&f);
    free(directory);
}

TEST(a_state_that_is_closed_while_a_file_is_behind_has_its_old_position)
{
    char *directory = check_directory();
    fixture f = start(directory);
    put_rows(&f, 10, 'a');
    apply(&f, 1);
    put_rows(&f, ROWS, 'b');
    begin_apply(&f, 2);
    bool is_behind = weir_task_state_is_behind(f.state);
    restart(&f, directory);
    CHECK(position_of(&f) == (is_behind ? 1 : 2));
    put_rows(&f, ROWS, 'b');
    apply(&f, 2);
    check_rows(&f, 0, ROWS, 'b');
    fixture_cleanup(&f);
    free(directory);
}

/* Of its database: what a compaction has replaced stays on the disk until the next one, where an
 * ingest looked at it meanwhile. */
static size_t count_live_files(weir_database *database)
{
    const rocksdb_livefiles_t *files = rocksdb_livefiles(database->db);
    size_t count = (size_t)rocksdb_livefiles_count(files);
    rocksdb_livefiles_destroy(files);
    return count;
}

/* How many files of ten rows are left of six, with so many walks before each. */
static size_t files_left(int walks, size_t at_most)
{
    enum { FILES = 6, FILE_ROWS = 10, LOOKS_MAX = 6000, LOOK_MS = 10 };
    WEIR_AUTO_FREE char *directory = check_directory();
    WEIR_AUTO(fixture)
    f = start_with((weir_database_options){.directory = directory, .ingest_entries_min = 1});
    for (int i = 0; i < FILES; i++) {
        put_rows(&f, FILE_ROWS, (char)('a' + i));
        for (int walk = 0; walk < walks; walk++) {
            (void)count_rows(&f);
        }
        apply(&f, i);
    }
    size_t left = count_live_files(f.database);
    for (int i = 0; i < LOOKS_MAX && left > at_most; i++) {
        (void)poll(NULL, 0, LOOK_MS);
        left = count_live_files(f.database);
    }
    check_rows(&f, 0, FILE_ROWS, 'a' + FILES - 1);
    return left;
}

TEST(files_of_a_store_whose_engine_is_read_are_compacted_sooner)
{
    CHECK(files_left(0, SIZE_MAX) == 6);
    CHECK(files_left(10, 5) < 6);
}
