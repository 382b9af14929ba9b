/* SPDX-License-Identifier: Apache-2.0
 *
 * A disk whose writes fail for a while (tests/faults/fault_disk.h) never ends the process, never
 * leaves positions without their rows, and is used again without a restart once it works.
 */
#include "statestore/task_state.h"
#include "streams/base/random.h"
#include "streams/base/serde.h"
#include "tests/faults/fault_disk.h"
#include "tests/harness/check.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

enum { VALUE_BYTES = 1000, ROWS = 200, ROUNDS = 30, WAITS_MAX = 300, WAIT_MS = 100 };

typedef struct fixture {
    bool makes_files; /* Each apply makes one, behind its worker. */
    weir_database *database;
    weir_task_state *state;
    weir_kv *kv;
    weir_error err;
} fixture;

static weir_status open_state(fixture *f)
{
    WEIR_TRY(weir_task_state_new(f->database, "app", 0, &f->state, &f->err));
    return weir_task_state_add_store(f->state, "s", WEIR_ENGINE_ROCKSDB, &f->kv, &f->err);
}

static void start(fixture *f, const char *directory)
{
    const weir_database_options options = {.directory = directory,
                                           .ingest_entries_min = f->makes_files ? 1 : 0};
    CHECK_OK(weir_database_open(&options, &f->database, &f->err), &f->err);
    CHECK_OK(open_state(f), &f->err);
}

static void end(fixture *f)
{
    weir_task_state_free(f->state);
    weir_database_free(f->database);
}

/* As a worker does it, who looks after the file that is behind from time to time, and begins again
 * with what was committed meanwhile. */
static weir_status apply(fixture *f)
{
    weir_status status = WEIR_AGAIN;
    for (int i = 0; i < WAITS_MAX * WAIT_MS && status == WEIR_AGAIN; i++) {
        status = weir_task_state_apply_behind(f->state, &f->err);
        if (status == WEIR_OK && weir_task_state_committed_bytes(f->state) > 0) {
            status = WEIR_AGAIN;
        }
        (void)poll(NULL, 0, status == WEIR_AGAIN ? 1 : 0);
    }
    return status;
}

/* Writes number to every row, and as the position. */
static weir_status write_round(fixture *f, uint32_t number)
{
    uint8_t value[VALUE_BYTES] = {0};
    weir_put_u32_be(value, number);
    for (uint32_t key = 0; key < ROWS; key++) {
        WEIR_TRY(weir_kv_put(f->kv, weir_bytes_of(&key, sizeof key),
                             weir_bytes_of(value, sizeof value), &f->err));
    }
    weir_task_state_set_position(f->state, "s:t-0", number);
    weir_task_state_commit(f->state);
    WEIR_TRY(apply(f));
    return weir_database_flush(f->database, &f->err);
}

/* What is on disk is of one moment; rows of files may be newer than their position. Answers the
 * position; -1: nothing was ever applied. */
static int64_t check_consistent(fixture *f)
{
    int64_t position = 0;
    if (weir_task_state_position(f->state, "s:t-0", &position, &f->err) == WEIR_NOT_FOUND) {
        return -1;
    }
    WEIR_AUTO(weir_buf) value = {0};
    for (uint32_t key = 0; key < ROWS; key++) {
        CHECK_OK(weir_kv_get(f->kv, weir_bytes_of(&key, sizeof key), &value, &f->err), &f->err);
        int64_t number = (int64_t)weir_get_u32_be(value.data);
        CHECK(number == position || (f->makes_files && number > position));
    }
    return position;
}

/* What a worker does with a broken database: closes its states and makes them again. */
static weir_status reopen_state(fixture *f)
{
    weir_task_state_free(f->state);
    f->state = NULL;
    return open_state(f);
}

static void recover(fixture *f, uint32_t number)
{
    weir_status status = WEIR_IO;
    for (int i = 0; i < WAITS_MAX && status != WEIR_OK; i++) {
        if (weir_database_is_broken(f->database) || f->state == NULL) {
            CHECK_OK(reopen_state(f), &f->err);
            (void)check_consistent(f);
        }
        status = write_round(f, number);
        if (status != WEIR_OK) {
            (void)poll(NULL, 0, WAIT_MS); /* RocksDB looks for space on a thread of its own. */
        }
    }
    CHECK_OK(status, &f->err);
    CHECK_I64(check_consistent(f), ==, number);
}

static void fail_and_recover_with(fixture f, int error, const char *advice, bool breaks)
{
    WEIR_AUTO_FREE char *directory = check_directory();
    start(&f, directory);
    CHECK_OK(write_round(&f, 1), &f.err);
    fault_disk_set(error);
    CHECK_STATUS(write_round(&f, 2), WEIR_IO);
    CHECK(strstr(f.err.message, advice) != NULL);
    CHECK(weir_database_is_broken(f.database) == breaks);
    CHECK_STATUS(write_round(&f, 3), WEIR_IO);
    fault_disk_set(0);
    recover(&f, 4);
    end(&f);
    start(&f, directory);
    CHECK_I64(check_consistent(&f), ==, 4);
    end(&f);
}

static void fail_and_recover(int error, const char *advice, bool breaks)
{
    fail_and_recover_with((fixture){0}, error, advice, breaks);
    fail_and_recover_with((fixture){.makes_files = true}, error, advice, breaks);
}

TEST(a_full_disk_is_waited_for)
{
    fail_and_recover(ENOSPC, "free some space", false);
}

TEST(a_disk_that_was_read_only_is_opened_again)
{
    fail_and_recover(EROFS, "rights of the state directory", true);
}

TEST(a_disk_that_failed_is_opened_again)
{
    fail_and_recover(EIO, "check the disk", true);
}

TEST(a_broken_database_is_not_opened_while_the_disk_fails_or_a_store_is_open)
{
    WEIR_AUTO_FREE char *directory = check_directory();
    fixture f = {0};
    start(&f, directory);
    fault_disk_set(EIO);
    CHECK_STATUS(write_round(&f, 1), WEIR_IO);
    CHECK(weir_database_is_broken(f.database));
    weir_task_state *second = NULL;
    CHECK_STATUS(weir_task_state_new(f.database, "app", 1, &second, &f.err), WEIR_IO);
    CHECK(strstr(f.err.message, "when its 2 stores are closed") != NULL);
    CHECK_STATUS(reopen_state(&f), WEIR_IO);
    CHECK(strstr(f.err.message, "probe") != NULL);
    fault_disk_set(0);
    CHECK_OK(open_state(&f), &f.err);
    CHECK(!weir_database_is_broken(f.database));
    end(&f);
}

/* RocksDB asserts after a line of its LOG that was not written; it says much of a new store. */
TEST(a_store_that_is_made_while_the_disk_is_full_does_not_end_the_process)
{
    enum { STORES = 60 };
    WEIR_AUTO_FREE char *directory = check_directory();
    fixture f = {0};
    start(&f, directory);
    for (unsigned i = 0; i < STORES; i++) {
        WEIR_AUTO_FREE char *application = weir_format("app-%u", i);
        fault_disk_fail(ENOSPC, 1, 1); /* That of the manifest works. */
        weir_task_state *state = NULL;
        weir_kv *kv = NULL;
        if (weir_task_state_new(f.database, application, 0, &state, &f.err) == WEIR_OK) {
            (void)weir_task_state_add_store(state, "s", WEIR_ENGINE_ROCKSDB, &kv, &f.err);
        }
        weir_task_state_free(state);
    }
    fault_disk_set(0);
    recover(&f, 1);
    end(&f);
}

/* One of the errors at a random write, for some writes: no assertion of RocksDB, and consistent. */
static void fail_at_any_write(fixture f, weir_random *random)
{
    static const int errors[] = {ENOSPC, EROFS, EIO};
    WEIR_AUTO_FREE char *directory = check_directory();
    start(&f, directory);
    uint32_t number = 0;
    for (int round = 0; round < ROUNDS; round++) {
        int error = errors[weir_random_below(random, WEIR_COUNT_OF(errors))];
        fault_disk_fail(error, (unsigned)weir_random_below(random, 12),
                        (unsigned)weir_random_below(random, 4));
        (void)write_round(&f, ++number);
        if (weir_database_is_broken(f.database)) {
            fault_disk_set(0);
            recover(&f, ++number);
        }
    }
    fault_disk_set(0);
    recover(&f, ++number);
    end(&f);
}

TEST(errors_at_any_write_leave_the_state_of_one_moment)
{
    weir_random random = weir_random_of(check_seed(1));
    fail_at_any_write((fixture){0}, &random);
}

TEST(errors_at_any_write_of_a_file_leave_no_position_without_its_rows)
{
    weir_random random = weir_random_of(check_seed(2));
    fail_at_any_write((fixture){.makes_files = true}, &random);
}
