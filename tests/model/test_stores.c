/* SPDX-License-Identifier: Apache-2.0
 *
 * Each engine, and each wrapper around one, does what a sorted array does: the same random
 * operations, ranges in both directions, writes under a walk, commit, abort, apply, crash.
 */
#include "statestore/changelog_store.h"
#include "statestore/mem_store.h"
#include "statestore/rocksdb_store.h"
#include "statestore/task_state.h"
#include "tests/harness/check.h"
#include "tests/harness/copy_directory.h"
#include "tests/harness/kv_model.h"

#include <stdlib.h>

/* Random writes, and checks between them. */
static void exercise(kv_model *model, weir_kv *kv, weir_random *random, int rounds)
{
    for (int round = 0; round < rounds; round++) {
        for (uint64_t writes = weir_random_below(random, 60); writes > 0; writes--) {
            kv_model_write(model, kv, random);
        }
        kv_model_check_some(model, kv, random);
        if (weir_random_below(random, 10) == 0) {
            kv_model_check_walk_while_writing(model, kv, random);
        }
    }
    kv_model_check_all(model, kv);
}

/* Removes every row, in a random order, so that the tree shrinks to nothing. */
static void empty(kv_model *model, weir_kv *kv, weir_random *random)
{
    weir_error err = {0};
    while (model->count > 0) {
        WEIR_AUTO(weir_buf) key = {0};
        size_t index = (size_t)weir_random_below(random, model->count);
        weir_buf_set(&key, weir_buf_bytes(&model->rows[index].key));
        CHECK_OK(weir_kv_remove(kv, weir_buf_bytes(&key), &err), &err);
        kv_model_remove(model, weir_buf_bytes(&key));
        if (model->count % 64 == 0) {
            kv_model_check_all(model, kv);
        }
    }
}

TEST(store_in_memory_is_a_sorted_array)
{
    weir_random random = weir_random_of(check_seed(1));
    WEIR_AUTO_PTR(weir_kv) kv = weir_mem_store_new("mem");
    WEIR_AUTO(kv_model) model = {0};
    for (int i = 0; i < 5; i++) {
        exercise(&model, kv, &random, 300);
        CHECK_I64(weir_kv_approximate_count(kv), ==, model.count);
        empty(&model, kv, &random);
        CHECK_I64(weir_kv_approximate_count(kv), ==, 0);
    }
}

TEST(keys_that_come_in_ascending_or_descending_order_stay_in_order)
{
    weir_error err = {0};
    for (int direction = 0; direction < 2; direction++) {
        WEIR_AUTO_PTR(weir_kv) kv = weir_mem_store_new("mem");
        WEIR_AUTO(kv_model) model = {0};
        for (int i = 0; i < 5000; i++) {
            WEIR_AUTO_FREE char *key = weir_format("key-%05d", direction == 0 ? i : 5000 - i);
            CHECK_OK(weir_kv_put(kv, weir_bytes_of_text(key), WEIR_BYTES("v"), &err), &err);
            kv_model_put(&model, weir_bytes_of_text(key), WEIR_BYTES("v"));
        }
        kv_model_check_all(&model, kv);
    }
}

/* Little memory makes RocksDB flush and compact while the test runs. */
static weir_database *open_database_with(weir_database_options options)
{
    weir_error err = {0};
    weir_database *database = NULL;
    CHECK_OK(weir_database_open(&options, &database, &err), &err);
    return database;
}

static weir_database *open_database(const char *directory, size_t memory_bytes_max)
{
    return open_database_with(
        (weir_database_options){.directory = directory, .memory_bytes_max = memory_bytes_max});
}

static weir_kv *open_rocksdb_store(weir_database *database, int32_t partition)
{
    weir_error err = {0};
    weir_kv *kv = NULL;
    CHECK_OK(weir_rocksdb_store_new(database, "app/store", "store", partition, &kv, &err), &err);
    return kv;
}

TEST(rocksdb_store_is_a_sorted_array_between_its_neighbours)
{
    weir_random random = weir_random_of(check_seed(2));
    WEIR_AUTO_FREE char *directory = check_directory();
    WEIR_AUTO_PTR(weir_database) database = open_database(directory, 1 << 20);
    WEIR_AUTO_PTR(weir_kv) left = open_rocksdb_store(database, 0xff);
    WEIR_AUTO_PTR(weir_kv) kv = open_rocksdb_store(database, 0x100);
    WEIR_AUTO_PTR(weir_kv) right = open_rocksdb_store(database, 0x101);
    WEIR_AUTO(kv_model) left_model = {0};
    WEIR_AUTO(kv_model) model = {0};
    WEIR_AUTO(kv_model) right_model = {0};
    exercise(&left_model, left, &random, 50);
    exercise(&right_model, right, &random, 50);
    for (int i = 0; i < 3; i++) {
        weir_error err = {0};
        exercise(&model, kv, &random, 200);
        CHECK_OK(weir_database_flush(database, &err), &err);
        kv_model_check_all(&model, kv);
        CHECK_OK(weir_rocksdb_store_clear(kv, &err), &err);
        kv_model_cleanup(&model);
        kv_model_check_all(&model, kv);
    }
    kv_model_check_all(&left_model, left);
    kv_model_check_all(&right_model, right);
}

/* Staged, committed, applied, crashed. */

typedef struct task {
    char *directory;
    size_t ingest_entries_min; /* Of the database. */
    weir_database *database;
    weir_task_state *state;
    weir_kv *disk;
    weir_kv *memory;
    kv_model disk_view, disk_committed, disk_flushed; /* Flushed: what a crash leaves. */
    kv_model disk_applied;
    kv_model memory_view, memory_committed;
} task;

static void task_open(task *t, const char *directory)
{
    weir_error err = {0};
    t->directory = weir_strdup(directory);
    t->database = open_database_with(
        (weir_database_options){.directory = directory,
                                .memory_bytes_max = 64 << 20, /* It flushes when it is told to. */
                                .ingest_entries_min = t->ingest_entries_min});
    CHECK_OK(weir_task_state_new(t->database, "app", 0, &t->state, &err), &err);
    CHECK_OK(weir_task_state_add_store(t->state, "disk", WEIR_ENGINE_ROCKSDB, &t->disk, &err),
             &err);
    CHECK_OK(weir_task_state_add_store(t->state, "memory", WEIR_ENGINE_MEMORY, &t->memory, &err),
             &err);
}

static void task_close(task *t)
{
    weir_task_state_free(weir_take(&t->state));
    weir_database_free(weir_take(&t->database));
    free(weir_take(&t->directory));
}

static void task_cleanup(task *t)
{
    task_close(t);
    kv_model_cleanup(&t->disk_view);
    kv_model_cleanup(&t->disk_committed);
    kv_model_cleanup(&t->disk_applied);
    kv_model_cleanup(&t->disk_flushed);
    kv_model_cleanup(&t->memory_view);
    kv_model_cleanup(&t->memory_committed);
}

static void task_commit(task *t)
{
    weir_task_state_commit(t->state);
    kv_model_copy(&t->disk_committed, &t->disk_view);
    kv_model_copy(&t->memory_committed, &t->memory_view);
    CHECK_I64(weir_task_state_staged_bytes(t->state), ==, 0);
}

static void task_abort(task *t)
{
    weir_task_state_abort(t->state);
    kv_model_copy(&t->disk_view, &t->disk_committed);
    kv_model_copy(&t->memory_view, &t->memory_committed);
    CHECK_I64(weir_task_state_staged_bytes(t->state), ==, 0);
}

static void task_apply(task *t)
{
    weir_error err = {0};
    CHECK_OK(weir_task_state_apply(t->state, &err), &err);
    kv_model_copy(&t->disk_applied, &t->disk_committed);
    CHECK_I64(weir_task_state_committed_bytes(t->state), ==, 0);
}

static void task_flush(task *t)
{
    weir_error err = {0};
    CHECK_OK(weir_database_flush(t->database, &err), &err);
    kv_model_copy(&t->disk_flushed, &t->disk_applied);
}

/* The process dies: the files stay as they are, and memory is gone. */
static void task_crash(task *t)
{
    char *copy = check_directory();
    check_copy_directory(t->directory, copy);
    task_close(t);
    task_open(t, copy);
    free(copy);
    kv_model_copy(&t->disk_view, &t->disk_flushed);
    kv_model_copy(&t->disk_committed, &t->disk_flushed);
    kv_model_copy(&t->disk_applied, &t->disk_flushed);
    kv_model_cleanup(&t->memory_view);
    kv_model_cleanup(&t->memory_committed);
}

static void task_check(task *t, weir_random *random)
{
    weir_kv *disk_committed = weir_task_state_committed_view(t->state, "disk");
    weir_kv *memory_committed = weir_task_state_committed_view(t->state, "memory");
    kv_model_check_some(&t->disk_view, t->disk, random);
    kv_model_check_some(&t->memory_view, t->memory, random);
    kv_model_check_some(&t->disk_committed, disk_committed, random);
    kv_model_check_some(&t->memory_committed, memory_committed, random);
    if (weir_random_below(random, 20) == 0) {
        kv_model_check_all(&t->disk_view, t->disk);
        kv_model_check_all(&t->memory_view, t->memory);
        kv_model_check_all(&t->disk_committed, disk_committed);
        kv_model_check_all(&t->memory_committed, memory_committed);
    }
}

/* As workers do it: what is committed before it ends is for the next one. */
static void task_apply_behind(task *t)
{
    weir_error err = {0};
    weir_status status = weir_task_state_apply_behind(t->state, &err);
    CHECK(status == WEIR_OK || status == WEIR_AGAIN);
    CHECK(weir_task_state_is_behind(t->state) == (status == WEIR_AGAIN));
}

static void task_reopen(task *t)
{
    WEIR_AUTO_FREE char *directory = weir_strdup(t->directory);
    task_commit(t);
    task_apply(t);
    task_close(t);
    task_open(t, directory);
    kv_model_cleanup(&t->memory_view);
    kv_model_cleanup(&t->memory_committed);
}

TEST(task_state_holds_its_versions_apart_where_each_apply_is_a_file_behind)
{
    enum { ROUNDS = 1500 };
    weir_random random = weir_random_of(check_seed(5));
    WEIR_AUTO(task) t = {.ingest_entries_min = 1};
    WEIR_AUTO_FREE char *directory = check_directory();
    task_open(&t, directory);
    for (int round = 0; round < ROUNDS; round++) {
        for (uint64_t writes = weir_random_below(&random, 20); writes > 0; writes--) {
            kv_model_write(&t.disk_view, t.disk, &random);
            kv_model_write(&t.memory_view, t.memory, &random);
        }
        switch (weir_random_below(&random, 5)) {
        case 0:
            task_commit(&t);
            break;
        case 1:
            task_abort(&t);
            break;
        default:
            task_apply_behind(&t);
            break;
        }
        if (weir_random_below(&random, 100) == 0) {
            task_reopen(&t);
        }
        if (weir_random_below(&random, 2) == 0) {
            task_check(&t, &random);
        }
    }
}

TEST(task_state_holds_its_versions_apart_through_commits_aborts_and_crashes)
{
    enum { ROUNDS = 700, CRASHES_MAX = 8 };
    weir_random random = weir_random_of(check_seed(3));
    WEIR_AUTO(task) t = {0};
    WEIR_AUTO_FREE char *directory = check_directory();
    task_open(&t, directory);
    for (int round = 0, crashes = 0; round < ROUNDS; round++) {
        for (uint64_t writes = weir_random_below(&random, 40); writes > 0; writes--) {
            kv_model_write(&t.disk_view, t.disk, &random);
            kv_model_write(&t.memory_view, t.memory, &random);
        }
        switch (weir_random_below(&random, 8)) {
        case 0:
        case 1:
            task_commit(&t);
            break;
        case 2:
            task_abort(&t);
            break;
        case 3:
            task_apply(&t);
            break;
        case 4:
            kv_model_check_walk_while_writing(&t.disk_view, t.disk, &random);
            kv_model_check_walk_while_writing(&t.memory_view, t.memory, &random);
            break;
        default:
            break;
        }
        if (weir_random_below(&random, 60) == 0) {
            task_flush(&t);
        }
        if (weir_random_below(&random, 80) == 0 && crashes < CRASHES_MAX) {
            task_crash(&t);
            crashes++;
        }
        task_check(&t, &random);
    }
}

/* The changelog. */

typedef struct changelog_sink {
    weir_kv *replica; /* What a replay of the changelog would give. */
    uint64_t until_refusal;
} changelog_sink;

static weir_status sink_write(void *user, weir_bytes key, weir_bytes value, weir_error *err)
{
    changelog_sink *sink = user;
    if (sink->until_refusal > 0 && --sink->until_refusal == 0) {
        return weir_error_set(err, WEIR_BAD_RECORD, "refused");
    }
    return value.data == NULL ? weir_kv_remove(sink->replica, key, err)
                              : weir_kv_put(sink->replica, key, value, err);
}

TEST(changelog_replays_to_the_store)
{
    weir_random random = weir_random_of(check_seed(4));
    WEIR_AUTO_PTR(weir_kv) replica = weir_mem_store_new("replica");
    changelog_sink sink = {.replica = replica};
    WEIR_AUTO_PTR(weir_kv)
    kv = weir_changelog_store_new(weir_mem_store_new("mem"), (weir_changelog){sink_write, &sink});
    WEIR_AUTO(kv_model) model = {0};
    exercise(&model, kv, &random, 300);
    kv_model_check_all(&model, replica);
    CHECK_I64(weir_kv_approximate_count(kv), ==, model.count);
}

TEST(write_that_the_changelog_refuses_leaves_the_store_unchanged)
{
    weir_error err = {0};
    WEIR_AUTO(weir_buf) value = {0};
    WEIR_AUTO_PTR(weir_kv) replica = weir_mem_store_new("replica");
    changelog_sink sink = {.replica = replica};
    WEIR_AUTO_PTR(weir_kv)
    kv = weir_changelog_store_new(weir_mem_store_new("mem"), (weir_changelog){sink_write, &sink});
    CHECK_OK(weir_kv_put(kv, WEIR_BYTES("a"), WEIR_BYTES("1"), &err), &err);
    sink.until_refusal = 1;
    CHECK_STATUS(weir_kv_put(kv, WEIR_BYTES("a"), WEIR_BYTES("2"), &err), WEIR_BAD_RECORD);
    sink.until_refusal = 1;
    CHECK_STATUS(weir_kv_remove(kv, WEIR_BYTES("a"), &err), WEIR_BAD_RECORD);
    CHECK_OK(weir_kv_get(kv, WEIR_BYTES("a"), &value, &err), &err);
    CHECK_BYTES(weir_buf_bytes(&value), WEIR_BYTES("1"));
}
