/* SPDX-License-Identifier: Apache-2.0
 *
 * The promises of task_state.h: staged, committed, applied; positions travel with data; a crash
 * leaves an older but consistent database; a clean close leaves nothing to restore.
 */
#include "statestore/task_state.h"
#include "tests/harness/check.h"
#include "tests/harness/copy_directory.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct fixture {
    char *directory;
    weir_database *database;
    weir_task_state *state;
    weir_kv *disk;
    weir_kv *memory;
    weir_error err;
} fixture;

static void open_state(fixture *f, const char *directory)
{
    weir_database_options options = {.directory = directory};
    CHECK_OK(weir_database_open(&options, &f->database, &f->err), &f->err);
    CHECK_OK(weir_task_state_new(f->database, "app", 3, &f->state, &f->err), &f->err);
    CHECK_OK(weir_task_state_add_store(f->state, "disk", WEIR_ENGINE_ROCKSDB, &f->disk, &f->err),
             &f->err);
    CHECK_OK(weir_task_state_add_store(f->state, "memory", WEIR_ENGINE_MEMORY, &f->memory, &f->err),
             &f->err);
}

static fixture fixture_start(void)
{
    fixture f = {.directory = check_directory()};
    open_state(&f, f.directory);
    return f;
}

static void close_state(fixture *f)
{
    weir_task_state_free(weir_take(&f->state));
    weir_database_free(weir_take(&f->database));
}

static void fixture_cleanup(fixture *f)
{
    close_state(f);
    free(f->directory);
}

static void put(fixture *f, weir_kv *kv, const char *key, const char *value)
{
    CHECK_OK(weir_kv_put(kv, weir_bytes_of_text(key), weir_bytes_of_text(value), &f->err), &f->err);
}

static void check_value(weir_kv *kv, const char *key, const char *wanted)
{
    WEIR_AUTO(weir_buf) value = {0};
    weir_error err = {0};
    weir_status status = weir_kv_get(kv, weir_bytes_of_text(key), &value, &err);
    if (wanted == NULL) {
        CHECK_STATUS(status, WEIR_NOT_FOUND);
        return;
    }
    CHECK_OK(status, &err);
    CHECK_BYTES(weir_buf_bytes(&value), weir_bytes_of_text(wanted));
}

static void check_position(fixture *f, const char *label, int64_t wanted)
{
    int64_t offset = -1;
    CHECK_OK(weir_task_state_position(f->state, label, &offset, &f->err), &f->err);
    CHECK_I64(offset, ==, wanted);
}

/* The process dies: its files stay as they are, and a new one opens them. */
static void crash(fixture *f)
{
    char *copy = check_directory();
    check_copy_directory(f->directory, copy);
    fixture_cleanup(f);
    *f = (fixture){.directory = copy};
    open_state(f, copy);
}

TEST(staged_writes_show_in_the_view_and_not_in_the_committed_view)
{
    WEIR_AUTO(fixture) f = fixture_start();
    put(&f, f.disk, "a", "1");
    check_value(f.disk, "a", "1");
    check_value(weir_task_state_committed_view(f.state, "disk"), "a", NULL);
    CHECK_I64(weir_task_state_staged_bytes(f.state), >, 0);
    weir_task_state_commit(f.state);
    check_value(weir_task_state_committed_view(f.state, "disk"), "a", "1");
    CHECK_I64(weir_task_state_staged_bytes(f.state), ==, 0);
    CHECK_I64(weir_task_state_committed_bytes(f.state), >, 0);
    CHECK(weir_task_state_committed_view(f.state, "unknown") == NULL);
}

TEST(abort_drops_what_is_staged_and_keeps_what_is_committed)
{
    WEIR_AUTO(fixture) f = fixture_start();
    put(&f, f.disk, "a", "1");
    put(&f, f.memory, "a", "1");
    weir_task_state_commit(f.state);
    put(&f, f.disk, "a", "2");
    put(&f, f.disk, "b", "2");
    put(&f, f.memory, "b", "2");
    CHECK_OK(weir_kv_remove(f.memory, WEIR_BYTES("a"), &f.err), &f.err);
    check_value(f.memory, "a", NULL);
    weir_task_state_abort(f.state);
    check_value(f.disk, "a", "1");
    check_value(f.disk, "b", NULL);
    check_value(f.memory, "a", "1");
    check_value(f.memory, "b", NULL);
    CHECK_I64(weir_task_state_staged_bytes(f.state), ==, 0);
}

TEST(apply_leaves_staged_writes_staged)
{
    WEIR_AUTO(fixture) f = fixture_start();
    put(&f, f.disk, "a", "1");
    put(&f, f.disk, "b", "1");
    weir_task_state_commit(f.state);
    put(&f, f.disk, "a", "2");
    CHECK_OK(weir_task_state_apply(f.state, &f.err), &f.err);
    CHECK_I64(weir_task_state_committed_bytes(f.state), ==, 0);
    check_value(f.disk, "a", "2");
    check_value(f.disk, "b", "1");
    weir_task_state_abort(f.state);
    check_value(f.disk, "a", "1");
}

TEST(positions_become_visible_when_they_are_applied_and_go_with_an_abort)
{
    WEIR_AUTO(fixture) f = fixture_start();
    int64_t offset;
    weir_task_state_set_position(f.state, "disk:t-3", 10);
    CHECK_STATUS(weir_task_state_position(f.state, "disk:t-3", &offset, &f.err), WEIR_NOT_FOUND);
    weir_task_state_abort(f.state);
    weir_task_state_commit(f.state);
    CHECK_OK(weir_task_state_apply(f.state, &f.err), &f.err);
    CHECK_STATUS(weir_task_state_position(f.state, "disk:t-3", &offset, &f.err), WEIR_NOT_FOUND);
    weir_task_state_set_position(f.state, "disk:t-3", 11);
    weir_task_state_commit(f.state);
    CHECK_STATUS(weir_task_state_position(f.state, "disk:t-3", &offset, &f.err), WEIR_NOT_FOUND);
    CHECK_OK(weir_task_state_apply(f.state, &f.err), &f.err);
    check_position(&f, "disk:t-3", 11);
}

TEST(clean_close_keeps_what_was_applied_and_drops_what_was_not)
{
    WEIR_AUTO(fixture) f = fixture_start();
    put(&f, f.disk, "a", "1");
    weir_task_state_set_position(f.state, "disk:t-3", 7);
    weir_task_state_commit(f.state);
    CHECK_OK(weir_task_state_apply(f.state, &f.err), &f.err);
    put(&f, f.disk, "a", "2");
    weir_task_state_set_position(f.state, "disk:t-3", 8);
    weir_task_state_commit(f.state);
    close_state(&f);
    open_state(&f, f.directory);
    check_value(f.disk, "a", "1");
    check_position(&f, "disk:t-3", 7);
}

TEST(store_in_memory_starts_empty_and_without_a_position)
{
    WEIR_AUTO(fixture) f = fixture_start();
    int64_t offset;
    put(&f, f.memory, "a", "1");
    weir_task_state_set_position(f.state, "memory:t-3", 7);
    weir_task_state_set_position(f.state, "input:memory-3", 9);
    weir_task_state_commit(f.state);
    CHECK_OK(weir_task_state_apply(f.state, &f.err), &f.err);
    check_value(f.memory, "a", "1");
    close_state(&f);
    open_state(&f, f.directory);
    check_value(f.memory, "a", NULL);
    CHECK_STATUS(weir_task_state_position(f.state, "memory:t-3", &offset, &f.err), WEIR_NOT_FOUND);
    check_position(&f, "input:memory-3", 9);
}

TEST(crash_leaves_data_and_positions_of_one_moment)
{
    WEIR_AUTO(fixture) f = fixture_start();
    put(&f, f.disk, "a", "1");
    weir_task_state_set_position(f.state, "disk:t-3", 1);
    weir_task_state_commit(f.state);
    CHECK_OK(weir_task_state_apply(f.state, &f.err), &f.err);
    CHECK_OK(weir_database_flush(f.database, &f.err), &f.err);
    put(&f, f.disk, "a", "2");
    weir_task_state_set_position(f.state, "disk:t-3", 2);
    weir_task_state_commit(f.state);
    CHECK_OK(weir_task_state_apply(f.state, &f.err), &f.err);
    crash(&f);
    check_value(f.disk, "a", "1");
    check_position(&f, "disk:t-3", 1);
}

TEST(tasks_of_one_store_do_not_see_each_other)
{
    WEIR_AUTO(fixture) f = fixture_start();
    WEIR_AUTO_PTR(weir_task_state) other = NULL;
    weir_kv *kv;
    CHECK_OK(weir_task_state_new(f.database, "app", 4, &other, &f.err), &f.err);
    CHECK_OK(weir_task_state_add_store(other, "disk", WEIR_ENGINE_ROCKSDB, &kv, &f.err), &f.err);
    put(&f, f.disk, "a", "three");
    put(&f, kv, "a", "four");
    weir_task_state_commit(f.state);
    weir_task_state_commit(other);
    CHECK_OK(weir_task_state_apply(f.state, &f.err), &f.err);
    CHECK_OK(weir_task_state_apply(other, &f.err), &f.err);
    CHECK_OK(weir_task_state_wipe(other, &f.err), &f.err);
    check_value(f.disk, "a", "three");
    check_value(kv, "a", NULL);
}

TEST(wipe_removes_data_positions_and_what_was_staged)
{
    WEIR_AUTO(fixture) f = fixture_start();
    int64_t offset;
    put(&f, f.disk, "a", "1");
    put(&f, f.memory, "a", "1");
    weir_task_state_set_position(f.state, "disk:t-3", 7);
    weir_task_state_commit(f.state);
    CHECK_OK(weir_task_state_apply(f.state, &f.err), &f.err);
    put(&f, f.disk, "b", "1");
    CHECK_OK(weir_task_state_wipe(f.state, &f.err), &f.err);
    check_value(f.disk, "a", NULL);
    check_value(f.disk, "b", NULL);
    check_value(f.memory, "a", NULL);
    CHECK_STATUS(weir_task_state_position(f.state, "disk:t-3", &offset, &f.err), WEIR_NOT_FOUND);
    CHECK_I64(weir_task_state_staged_bytes(f.state), ==, 0);
    put(&f, f.disk, "c", "1");
    weir_task_state_commit(f.state);
    CHECK_OK(weir_task_state_apply(f.state, &f.err), &f.err);
    close_state(&f);
    open_state(&f, f.directory);
    check_value(f.disk, "a", NULL);
    check_value(f.disk, "c", "1");
    CHECK_STATUS(weir_task_state_position(f.state, "disk:t-3", &offset, &f.err), WEIR_NOT_FOUND);
}

TEST(restore_takes_the_last_entry_of_a_key_and_its_position)
{
    WEIR_AUTO(fixture) f = fixture_start();
    const weir_restore_entry entries[] = {
        {WEIR_BYTES("b"), WEIR_BYTES("1")},
        {WEIR_BYTES("a"), WEIR_BYTES("1")},
        {WEIR_BYTES("b"), WEIR_BYTES("2")},
        {WEIR_BYTES("a"), WEIR_BYTES_NULL},
    };
    weir_restore_batch batch = {
        .store = "disk",
        .entries = entries,
        .count = WEIR_COUNT_OF(entries),
        .label = "disk:t-3",
        .offset = 44,
        .marks = {{"disk:t-3#one", 5}, {"disk:t-3#two", 6}},
        .mark_count = 2,
    };
    CHECK_OK(weir_task_state_restore(f.state, &batch, &f.err), &f.err);
    batch.store = "memory";
    batch.label = "memory:t-3";
    CHECK_OK(weir_task_state_restore(f.state, &batch, &f.err), &f.err);
    check_value(f.disk, "a", NULL);
    check_value(f.disk, "b", "2");
    check_value(f.memory, "a", NULL);
    check_value(f.memory, "b", "2");
    check_position(&f, "disk:t-3", 44);
    close_state(&f);
    open_state(&f, f.directory);
    check_value(f.disk, "b", "2");
    check_position(&f, "disk:t-3", 44);
    check_position(&f, "disk:t-3#one", 5);
    check_position(&f, "disk:t-3#two", 6);
}

/* Restores numbers 0 … count - 1, each twice, and removes every third. */
static void restore_numbers(fixture *f, size_t count, int64_t offset, bool may_wait)
{
    weir_restore_entry *entries = weir_alloc_array(2 * count, sizeof *entries);
    char(*keys)[32] = weir_alloc_array(count, sizeof *keys);
    for (size_t i = 0; i < count; i++) {
        size_t shuffled = i * 7919 % count;
        (void)snprintf(keys[i], sizeof keys[i], "key-%06zu", shuffled);
        weir_bytes key = weir_bytes_of_text(keys[i]);
        entries[i] = (weir_restore_entry){key, WEIR_BYTES("first")};
        entries[count + i] =
            (weir_restore_entry){key, shuffled % 3 == 0 ? WEIR_BYTES_NULL : WEIR_BYTES("last")};
    }
    weir_restore_batch batch = {
        .store = "disk",
        .entries = entries,
        .count = 2 * count,
        .label = "disk:t-3",
        .offset = offset,
        .may_wait = may_wait,
    };
    CHECK_OK(weir_task_state_restore(f->state, &batch, &f->err), &f->err);
    free(entries);
    free(keys);
}

static size_t count_rows(fixture *f)
{
    WEIR_AUTO_PTR(weir_kv_iterator) it = NULL;
    weir_bytes key;
    weir_bytes value;
    size_t rows = 0;
    CHECK_OK(weir_kv_range(f->disk, WEIR_BYTES_NULL, WEIR_BYTES_NULL, false, &it, &f->err),
             &f->err);
    while (weir_kv_iterator_next(it, &key, &value, &f->err) == WEIR_OK) {
        CHECK_BYTES(value, WEIR_BYTES("last"));
        rows++;
    }
    return rows;
}

TEST(bulk_restore_gives_the_same_rows_however_large_its_batches)
{
    enum { SMALL = 100, LARGE = 9000 };
    WEIR_AUTO(fixture) f = fixture_start();
    put(&f, f.disk, "key-000000", "old"); /* Removed by the restore, though it came by memtable. */
    weir_task_state_commit(f.state);
    CHECK_OK(weir_task_state_apply(f.state, &f.err), &f.err);
    restore_numbers(&f, SMALL, 1, false);
    CHECK_I64(count_rows(&f), ==, SMALL - (SMALL + 2) / 3);
    restore_numbers(&f, LARGE, 2, false);
    CHECK_I64(count_rows(&f), ==, LARGE - LARGE / 3);
    check_position(&f, "disk:t-3", 2);
    restore_numbers(&f, LARGE, 3, false);
    crash(&f);
    CHECK_I64(count_rows(&f), ==, LARGE - LARGE / 3);
}

TEST(restored_rows_that_wait_are_there_at_once_and_on_disk_with_the_apply)
{
    enum { LARGE = 9000, ROWS = LARGE - LARGE / 3 };
    int64_t offset = 0;
    WEIR_AUTO(fixture) f = fixture_start();
    restore_numbers(&f, LARGE, 7, true);
    CHECK_I64(count_rows(&f), ==, ROWS);
    close_state(&f); /* Without an apply: nothing of it is on disk, the position neither. */
    open_state(&f, f.directory);
    CHECK_I64(count_rows(&f), ==, 0);
    CHECK_STATUS(weir_task_state_position(f.state, "disk:t-3", &offset, &f.err), WEIR_NOT_FOUND);

    restore_numbers(&f, LARGE, 7, true);
    restore_numbers(&f, LARGE, 8, true); /* The same keys take no more room. */
    CHECK_OK(weir_task_state_apply(f.state, &f.err), &f.err);
    CHECK_I64(weir_task_state_committed_bytes(f.state), ==, 0);
    close_state(&f);
    open_state(&f, f.directory);
    CHECK_I64(count_rows(&f), ==, ROWS);
    check_position(&f, "disk:t-3", 8);
}

/* Turns over bytes in the middle of each table file. */
static void damage_tables(const char *directory)
{
    DIR *files = opendir(directory);
    CHECK(files != NULL);
    for (struct dirent *e = readdir(files); e != NULL; e = readdir(files)) {
        if (strstr(e->d_name, ".sst") == NULL) {
            continue;
        }
        WEIR_AUTO_FREE char *path = weir_format("%s/%s", directory, e->d_name);
        FILE *file = fopen(path, "r+b");
        CHECK(file != NULL);
        CHECK(fseek(file, 20, SEEK_SET) == 0);
        CHECK(fwrite("damaged damaged", 1, 15, file) == 15);
        CHECK(fclose(file) == 0);
    }
    closedir(files);
}

TEST(damaged_table_is_corrupt_and_names_the_cure)
{
    WEIR_AUTO(fixture) f = fixture_start();
    restore_numbers(&f, 6000, 1, false);
    close_state(&f);
    damage_tables(f.directory);
    weir_database_options options = {.directory = f.directory};
    weir_status status = weir_database_open(&options, &f.database, &f.err);
    if (status == WEIR_OK) { /* The family of positions is small: its damage is found first. */
        status = weir_task_state_new(f.database, "app", 3, &f.state, &f.err);
    }
    CHECK_STATUS(status, WEIR_CORRUPT);
    CHECK(strstr(f.err.message, "restore it from its changelog") != NULL);
}

TEST(second_opener_of_a_database_is_told_who_is_in_the_way)
{
    WEIR_AUTO(fixture) f = fixture_start();
    weir_database *second = NULL;
    weir_database_options options = {.directory = f.directory};
    CHECK_STATUS(weir_database_open(&options, &second, &f.err), WEIR_INVALID);
    CHECK(strstr(f.err.message, f.directory) != NULL);
}

TEST(rocksdb_store_without_a_database_is_a_configuration_error)
{
    WEIR_AUTO_PTR(weir_task_state) state = NULL;
    weir_error err = {0};
    weir_kv *kv;
    CHECK_OK(weir_task_state_new(NULL, "app", 0, &state, &err), &err);
    CHECK_STATUS(weir_task_state_add_store(state, "s", WEIR_ENGINE_ROCKSDB, &kv, &err),
                 WEIR_INVALID);
    CHECK_OK(weir_task_state_add_store(state, "m", WEIR_ENGINE_MEMORY, &kv, &err), &err);
    CHECK_OK(weir_task_state_apply(state, &err), &err);
}

TEST(count_is_of_its_own_partition_and_survives_a_restart)
{
    WEIR_AUTO(fixture) f = fixture_start();
    weir_task_state *other = NULL;
    weir_kv *others = NULL;
    CHECK_OK(weir_task_state_new(f.database, "app", 4, &other, &f.err), &f.err);
    CHECK_OK(weir_task_state_add_store(other, "disk", WEIR_ENGINE_ROCKSDB, &others, &f.err),
             &f.err);
    put(&f, others, "x", "of another partition");
    weir_task_state_commit(other);
    CHECK_OK(weir_task_state_apply(other, &f.err), &f.err);
    weir_task_state_free(other);

    put(&f, f.disk, "a", "1");
    put(&f, f.disk, "b", "2");
    weir_task_state_commit(f.state);
    CHECK_OK(weir_task_state_apply(f.state, &f.err), &f.err);
    put(&f, f.disk, "c", "staged counts too");
    CHECK_I64(weir_kv_approximate_count(f.disk), ==, 3);
    close_state(&f);
    open_state(&f, f.directory);
    CHECK_I64(weir_kv_approximate_count(f.disk), ==, 2);
}

TEST(count_past_the_exact_limit_is_an_estimate_of_the_right_size)
{
    WEIR_AUTO(fixture) f = fixture_start();
    for (int i = 0; i < 2 * WEIR_KV_COUNT_EXACT_MAX; i++) {
        WEIR_AUTO_FREE char *key = weir_format("%08d", i);
        put(&f, f.disk, key, "value");
    }
    weir_task_state_commit(f.state);
    CHECK_OK(weir_task_state_apply(f.state, &f.err), &f.err);
    CHECK_I64(weir_kv_approximate_count(f.disk), >, WEIR_KV_COUNT_EXACT_MAX);
    CHECK_I64(weir_kv_approximate_count(f.disk), <=, 3 * WEIR_KV_COUNT_EXACT_MAX);
}

TEST(wipe_leaves_the_positions_of_other_sub_topologies_of_the_partition)
{
    WEIR_AUTO(fixture) f = fixture_start();
    weir_task_state *other = NULL;
    weir_kv *others = NULL;
    CHECK_OK(weir_task_state_new(f.database, "app", 3, &other, &f.err), &f.err);
    CHECK_OK(weir_task_state_add_store(other, "disk2", WEIR_ENGINE_ROCKSDB, &others, &f.err),
             &f.err);
    put(&f, others, "a", "1");
    weir_task_state_set_position(other, "disk2:t-3", 5);
    weir_task_state_commit(other);
    CHECK_OK(weir_task_state_apply(other, &f.err), &f.err);
    weir_task_state_free(other);
    CHECK_OK(weir_task_state_wipe(f.state, &f.err), &f.err);
    close_state(&f);
    open_state(&f, f.directory);
    check_position(&f, "disk2:t-3", 5);
}
