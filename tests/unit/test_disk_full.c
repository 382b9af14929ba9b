/* SPDX-License-Identifier: Apache-2.0
 *
 * A full disk is WEIR_IO with what to do, in the middle of an apply's file too, and the database
 * works again once it is opened with space. Needs a small file system of its own, hence root;
 * skipped with the reason elsewhere.
 */
#include "statestore/task_state.h"
#include "streams/base/file.h"
#include "tests/harness/check.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

enum { VALUE_BYTES = 1 << 20, WRITES_MAX = 64 };

static bool mount_small(const char *directory)
{
    if (mount("tmpfs", directory, "tmpfs", 0, "size=24m") == 0) {
        return true;
    }
    printf("  skipped: mounting a file system of 24 MB needs root\n");
    return false;
}

static void open_state(const char *directory, weir_database **database, weir_task_state **state,
                       weir_kv **kv)
{
    weir_error err = {0};
    weir_database_options options = {.directory = directory};
    CHECK_OK(weir_database_open(&options, database, &err), &err);
    CHECK_OK(weir_task_state_new(*database, "app", 0, state, &err), &err);
    CHECK_OK(weir_task_state_add_store(*state, "s", WEIR_ENGINE_ROCKSDB, kv, &err), &err);
}

/* Puts, applies and flushes one value that does not compress. */
static weir_status write_one(weir_database *database, weir_task_state *state, weir_kv *kv,
                             uint32_t number, weir_error *err)
{
    WEIR_AUTO(weir_buf) value = {0};
    uint8_t *bytes = weir_buf_reserve(&value, VALUE_BYTES);
    uint32_t noise = number + 1;
    for (size_t i = 0; i < VALUE_BYTES; i++) {
        noise = noise * 1664525 + 1013904223;
        bytes[i] = (uint8_t)(noise >> 24);
    }
    value.size = VALUE_BYTES;
    WEIR_TRY(weir_kv_put(kv, weir_bytes_of(&number, sizeof number), weir_buf_bytes(&value), err));
    weir_task_state_set_position(state, "s:t-0", number);
    weir_task_state_commit(state);
    WEIR_TRY(weir_task_state_apply(state, err));
    return weir_database_flush(database, err);
}

static void fill_disk(const char *directory)
{
    weir_error err = {0};
    weir_database *database = NULL;
    weir_task_state *state = NULL;
    weir_kv *kv = NULL;
    open_state(directory, &database, &state, &kv);
    weir_status status = WEIR_OK;
    uint32_t number = 0;
    while (status == WEIR_OK && number < WRITES_MAX) {
        status = write_one(database, state, kv, number++, &err);
    }
    CHECK_STATUS(status, WEIR_IO);
    CHECK(strstr(err.message, "free some space") != NULL);
    weir_task_state_free(state);
    weir_database_free(database);
}

static void check_after(const char *directory)
{
    weir_error err = {0};
    weir_database *database = NULL;
    weir_task_state *state = NULL;
    weir_kv *kv = NULL;
    open_state(directory, &database, &state, &kv);
    int64_t offset;
    CHECK_OK(weir_task_state_position(state, "s:t-0", &offset, &err), &err);
    WEIR_AUTO(weir_buf) value = {0};
    for (uint32_t i = 0; i <= (uint32_t)offset; i++) { /* All that the position speaks of. */
        CHECK_OK(weir_kv_get(kv, weir_bytes_of(&i, sizeof i), &value, &err), &err);
    }
    CHECK_OK(write_one(database, state, kv, (uint32_t)offset + 1, &err), &err);
    weir_task_state_free(state);
    weir_database_free(database);
}

TEST(full_disk_says_what_to_do_and_the_database_works_again_with_space)
{
    WEIR_AUTO_FREE char *directory = check_directory();
    if (!mount_small(directory)) {
        return;
    }
    WEIR_AUTO_FREE char *state = weir_format("%s/state", directory);
    fill_disk(state);
    CHECK(mount("tmpfs", directory, "tmpfs", MS_REMOUNT, "size=96m") == 0);
    check_after(state);
    CHECK(umount(directory) == 0);
}

/* Many rows of noise, which are a file of more than the disk takes. */
static void put_much(weir_kv *kv, uint8_t noise)
{
    enum { ROWS = 10000, ROW_BYTES = 3000 };
    weir_error err = {0};
    uint8_t row[ROW_BYTES];
    memset(row, noise, sizeof row);
    for (uint32_t i = 0; i < ROWS; i++) {
        CHECK_OK(weir_kv_put(kv, weir_bytes_of(&i, sizeof i), weir_bytes_of(row, sizeof row), &err),
                 &err);
    }
}

/* By its first and its last row. */
static void check_much(weir_kv *kv, uint8_t noise)
{
    weir_error err = {0};
    WEIR_AUTO(weir_buf) value = {0};
    for (uint32_t i = 0; i < 10000; i += 9999) {
        CHECK_OK(weir_kv_get(kv, weir_bytes_of(&i, sizeof i), &value, &err), &err);
        CHECK(((const uint8_t *)value.data)[0] == noise);
    }
}

static weir_status apply_all(weir_task_state *state, bool behind, weir_error *err)
{
    weir_status status = behind ? weir_task_state_apply_behind(state, err) : WEIR_AGAIN;
    while (behind && status == WEIR_AGAIN) {
        (void)poll(NULL, 0, 1);
        status = weir_task_state_apply_behind(state, err);
    }
    return behind ? status : weir_task_state_apply(state, err);
}

static void fill_disk_with_a_file(const char *root, bool behind)
{
    weir_error err = {0};
    WEIR_AUTO_FREE char *directory = weir_format("%s/state", root);
    weir_database *database = NULL;
    weir_task_state *state = NULL;
    weir_kv *kv = NULL;
    open_state(directory, &database, &state, &kv);
    put_much(kv, 'a');
    weir_task_state_set_position(state, "s:t-0", 1);
    weir_task_state_commit(state);
    CHECK_STATUS(apply_all(state, behind, &err), WEIR_IO);
    CHECK(strstr(err.message, "free some space") != NULL);
    check_much(kv, 'a');
    CHECK_STATUS(apply_all(state, behind, &err), WEIR_IO);
    CHECK(!weir_database_is_broken(database));
    int64_t offset = 0;
    CHECK_STATUS(weir_task_state_position(state, "s:t-0", &offset, &err), WEIR_NOT_FOUND);
    CHECK(mount("tmpfs", root, "tmpfs", MS_REMOUNT, "size=96m") == 0);
    CHECK_OK(apply_all(state, behind, &err), &err);
    CHECK_OK(weir_database_flush(database, &err), &err);
    weir_task_state_free(state);
    weir_database_free(database);
    open_state(directory, &database, &state, &kv);
    CHECK_OK(weir_task_state_position(state, "s:t-0", &offset, &err), &err);
    check_much(kv, 'a');
    weir_task_state_free(state);
    weir_database_free(database);
}

TEST(a_disk_that_is_full_while_an_apply_writes_a_file_is_waited_for)
{
    for (int behind = 0; behind < 2; behind++) {
        WEIR_AUTO_FREE char *directory = check_directory();
        if (!mount_small(directory)) {
            return;
        }
        fill_disk_with_a_file(directory, behind == 1);
        CHECK(umount(directory) == 0);
    }
}
