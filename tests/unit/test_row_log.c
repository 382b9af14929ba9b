/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows of the engine in a file (statestore/row_log.c): beside a plain array of what they are, while
 * the file is overwritten again and again; and files that fail.
 */
#include "statestore/row_log.h"
#include "streams/base/random.h"
#include "tests/harness/check.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    MEMORY_BYTES = 4 << 20,
    FILE_BYTES = 3 << 20, /* Three chunks a shard. */
    KEYS = 30000,
    STEPS = 300000,
    VALUE_BYTES_MAX = 90,
    STORES = 2,
    READERS = 3,
};

typedef struct truth {
    uint8_t size; /* 0: there is no row. */
    uint8_t fill;
} truth;

typedef struct fixture {
    weir_row_log *log;
    char *directory;
    truth rows[STORES][KEYS];
    weir_random random;
    weir_buf value;
    uint64_t hits;
    uint64_t misses;
} fixture;

static weir_row_log *log_of(const char *directory, uint64_t file_bytes_max)
{
    return weir_row_log_new(&(weir_row_log_options){directory, MEMORY_BYTES, file_bytes_max});
}

static weir_bytes key_of(uint32_t number, char text[16])
{
    (void)snprintf(text, 16, "key-%u", number);
    return weir_bytes_of_text(text);
}

static weir_bytes value_of(truth row, char bytes[VALUE_BYTES_MAX])
{
    memset(bytes, row.fill, row.size);
    return row.size == 0 ? WEIR_BYTES_NULL : weir_bytes_of(bytes, row.size);
}

static void read_one(fixture *f, uint32_t store, uint32_t number)
{
    char text[16];
    char bytes[VALUE_BYTES_MAX];
    weir_bytes wanted = value_of(f->rows[store][number], bytes);
    if (weir_row_log_get(f->log, store, key_of(number, text), &f->value)) {
        CHECK(weir_bytes_equal(weir_buf_bytes(&f->value), wanted));
        f->hits++;
    } else if (wanted.data != NULL) {
        weir_row_log_put(f->log, store, key_of(number, text), wanted);
        f->misses++;
    }
}

static void write_one(fixture *f, uint32_t store, uint32_t number)
{
    char text[16];
    char bytes[VALUE_BYTES_MAX];
    truth *row = &f->rows[store][number];
    row->size = (uint8_t)weir_random_below(&f->random, VALUE_BYTES_MAX + 1);
    row->fill = (uint8_t)weir_random_below(&f->random, 256);
    weir_row_log_put(f->log, store, key_of(number, text), value_of(*row, bytes));
}

/* So many keys, of which reads and writes choose at random. */
static void run_model(fixture *f, uint32_t keys)
{
    f->random = weir_random_of(check_seed(1));
    f->directory = check_directory();
    f->log = log_of(f->directory, FILE_BYTES);
    for (size_t i = 0; i < STEPS; i++) {
        uint32_t store = (uint32_t)weir_random_below(&f->random, STORES);
        uint32_t number = (uint32_t)weir_random_below(&f->random, keys);
        if (weir_random_below(&f->random, 10) < 3) {
            write_one(f, store, number);
        } else {
            read_one(f, store, number);
        }
    }
    CHECK(weir_row_log_file_bytes(f->log) <= FILE_BYTES);
    CHECK(weir_row_log_bytes(f->log) <= MEMORY_BYTES);
    CHECK_I64(weir_row_log_failure(f->log), ==, 0);
}

static void fixture_cleanup(fixture *f)
{
    weir_row_log_free(f->log);
    weir_buf_cleanup(&f->value);
    free(f->directory);
}

TEST(reads_say_what_was_written_last_while_the_file_is_overwritten)
{
    static fixture f;
    run_model(&f, KEYS); /* Some 3.5 MB, for which the file is too small. */
    CHECK_I64((int64_t)weir_row_log_file_bytes(f.log), ==, FILE_BYTES);
    CHECK(f.hits > STEPS / 10);
    CHECK(f.misses > STEPS / 100);
    fixture_cleanup(&f);
}

TEST(rows_that_are_not_touched_survive_in_a_file_of_twice_their_size)
{
    static fixture f;
    run_model(&f, KEYS / 4);
    CHECK_I64((int64_t)weir_row_log_file_bytes(f.log), ==, FILE_BYTES);
    uint64_t before = f.misses;
    f.hits = 0;
    for (uint32_t number = 0; number < KEYS / 4; number++) {
        read_one(&f, 0, number);
    }
    CHECK(f.hits > KEYS / 5);
    CHECK(f.misses - before < KEYS / 100);
    fixture_cleanup(&f);
}

TEST(tables_that_grow_lose_no_row)
{
    WEIR_AUTO_FREE char *directory = check_directory();
    weir_row_log *log = log_of(directory, (uint64_t)64 << 20);
    WEIR_AUTO(weir_buf) value = {0};
    char text[16];
    uint32_t kept = 0;
    for (uint32_t i = 0; i < 4 * KEYS; i++) {
        weir_row_log_put(log, 1, key_of(i, text), key_of(i, text));
    }
    for (uint32_t i = 0; i < 4 * KEYS; i++) {
        kept += weir_row_log_get(log, 1, key_of(i, text), &value) ? 1 : 0;
    }
    CHECK_I64(kept, >=, 4 * KEYS - KEYS / 1000); /* Some few find their buckets full. */
    weir_row_log_free(log);
}

TEST(long_rows_come_back_whole_and_longer_ones_are_not_kept)
{
    WEIR_AUTO_FREE char *directory = check_directory();
    static char bytes[WEIR_ROW_LOG_VALUE_BYTES_MAX + 1];
    weir_row_log *log = log_of(directory, FILE_BYTES);
    WEIR_AUTO(weir_buf) value = {0};
    char text[16];
    weir_bytes longest = weir_bytes_of(bytes, WEIR_ROW_LOG_VALUE_BYTES_MAX);
    for (uint32_t i = 0; i < 300; i++) { /* So that most of them are in the file. */
        memset(bytes, (int)i, sizeof(bytes));
        weir_row_log_put(log, 1, key_of(i, text), longest);
    }
    int kept = 0;
    for (uint32_t i = 0; i < 300; i++) {
        memset(bytes, (int)i, sizeof(bytes));
        if (weir_row_log_get(log, 1, key_of(i, text), &value)) {
            CHECK(weir_bytes_equal(weir_buf_bytes(&value), longest));
            kept++;
        }
    }
    CHECK_I64(kept, >, 250);
    weir_row_log_put(log, 1, key_of(7, text), weir_bytes_of(bytes, sizeof(bytes)));
    CHECK(!weir_row_log_get(log, 1, key_of(7, text), &value));
    weir_bytes long_key = weir_bytes_of(bytes, WEIR_ROW_LOG_KEY_BYTES_MAX + 1);
    weir_row_log_put(log, 1, long_key, WEIR_BYTES("v"));
    CHECK(!weir_row_log_get(log, 1, long_key, &value));
    weir_row_log_free(log);
}

TEST(rows_of_another_store_or_of_before_a_clear_are_not_there)
{
    WEIR_AUTO_FREE char *directory = check_directory();
    weir_row_log *log = log_of(directory, FILE_BYTES);
    WEIR_AUTO(weir_buf) value = {0};
    weir_row_log_put(log, 1, WEIR_BYTES("a"), WEIR_BYTES(""));
    CHECK(weir_row_log_get(log, 1, WEIR_BYTES("a"), &value));
    CHECK_I64((int64_t)value.size, ==, 0);
    CHECK(!weir_row_log_get(log, 2, WEIR_BYTES("a"), &value));
    weir_row_log_put(log, 1, WEIR_BYTES("a"), WEIR_BYTES_NULL);
    CHECK(!weir_row_log_get(log, 1, WEIR_BYTES("a"), &value));
    weir_row_log_put(log, 1, WEIR_BYTES("a"), WEIR_BYTES("again"));
    weir_row_log_clear(log);
    CHECK(!weir_row_log_get(log, 1, WEIR_BYTES("a"), &value));
    CHECK_I64((int64_t)weir_row_log_bytes(log), ==, 0);
    weir_row_log_put(log, 1, WEIR_BYTES("a"), WEIR_BYTES("new"));
    CHECK(weir_row_log_get(log, 1, WEIR_BYTES("a"), &value));
    weir_row_log_free(log);
}

/* Puts rows until some must have been written to the file, or the log has given up. */
static void put_many(weir_row_log *log)
{
    char text[16];
    static const char bytes[1000] = "x";
    for (uint32_t i = 0; i < 4000; i++) {
        weir_row_log_put(log, 1, key_of(i, text), weir_bytes_of(bytes, sizeof(bytes)));
    }
}

static void check_empty(weir_row_log *log)
{
    WEIR_AUTO(weir_buf) value = {0};
    char text[16];
    put_many(log);
    for (uint32_t i = 0; i < 4000; i++) {
        CHECK(!weir_row_log_get(log, 1, key_of(i, text), &value));
    }
    CHECK_I64((int64_t)weir_row_log_bytes(log), ==, 0);
}

TEST(without_a_directory_memory_or_file_nothing_is_kept)
{
    WEIR_AUTO(weir_buf) value = {0};
    weir_row_log *log = log_of("/nowhere/at/all", FILE_BYTES);
    check_empty(log);
    CHECK_I64(weir_row_log_failure(log), ==, ENOENT);
    weir_row_log_free(log);

    WEIR_AUTO_FREE char *directory = check_directory();
    log = log_of(directory, 100);
    check_empty(log);
    CHECK_I64(weir_row_log_failure(log), ==, 0);
    weir_row_log_free(log);
    log = weir_row_log_new(&(weir_row_log_options){directory, 100, FILE_BYTES});
    check_empty(log);
    weir_row_log_free(log);
}

TEST(file_that_cannot_be_written_ends_the_log_and_nothing_else)
{
    WEIR_AUTO_FREE char *directory = check_directory();
    struct rlimit limit;
    CHECK(getrlimit(RLIMIT_FSIZE, &limit) == 0);
    struct rlimit small = limit;
    small.rlim_cur = 1 << 20;
    CHECK(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    weir_row_log *log = log_of(directory, (uint64_t)64 << 20);
    CHECK(setrlimit(RLIMIT_FSIZE, &small) == 0);
    put_many(log);
    CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    CHECK_I64(weir_row_log_failure(log), ==, EFBIG);
    check_empty(log);
    weir_row_log_free(log);
}

/* The file has no name; a descriptor of this process leads to it. */
static int file_of_log(void)
{
    DIR *descriptors = opendir("/proc/self/fd");
    CHECK(descriptors != NULL);
    int found = -1;
    const struct dirent *entry = NULL;
    while ((entry = readdir(descriptors)) != NULL) {
        char target[1024] = "";
        if (readlinkat(dirfd(descriptors), entry->d_name, target, sizeof(target) - 1) > 0 &&
            strstr(target, "rows.tmp") != NULL) {
            found = (int)strtol(entry->d_name, NULL, 10);
        }
    }
    (void)closedir(descriptors);
    CHECK(found >= 0);
    return found;
}

TEST(damaged_row_is_never_given_out)
{
    WEIR_AUTO_FREE char *directory = check_directory();
    WEIR_AUTO(weir_buf) value = {0};
    char text[16];
    weir_row_log *log = log_of(directory, (uint64_t)64 << 20);
    put_many(log);
    static char garbage[1 << 20];
    memset(garbage, 1, sizeof(garbage));
    for (int i = 0; i < 4; i++) {
        CHECK(pwrite(file_of_log(), garbage, sizeof(garbage), (off_t)i << 20) == 1 << 20);
    }
    for (uint32_t i = 0; i < 4000; i++) {
        if (weir_row_log_get(log, 1, key_of(i, text), &value)) {
            CHECK_I64(value.data[0], ==, 'x'); /* One that was in memory still. */
        }
    }
    CHECK_I64(weir_row_log_failure(log), ==, EBADMSG);
    check_empty(log);
    weir_row_log_free(log);
}

typedef struct reader {
    weir_row_log *log;
    uint32_t store;
    uint64_t hits;
} reader;

static void *read_and_write(void *user)
{
    reader *r = user;
    WEIR_AUTO(weir_buf) value = {0};
    char text[16];
    for (uint32_t i = 0; i < 30000; i++) {
        uint32_t number = i % 2000;
        weir_bytes key = key_of(number, text);
        if (weir_row_log_get(r->log, r->store, key, &value)) {
            CHECK_I64(value.data[0], ==, (uint8_t)(r->store * 16 + number % 16));
            r->hits++;
        }
        char bytes[200];
        memset(bytes, (int)(r->store * 16 + number % 16), sizeof(bytes));
        weir_row_log_put(r->log, r->store, key, weir_bytes_of(bytes, sizeof(bytes)));
    }
    return NULL;
}

TEST(threads_share_a_log)
{
    WEIR_AUTO_FREE char *directory = check_directory();
    weir_row_log *log = log_of(directory, FILE_BYTES);
    pthread_t threads[READERS];
    reader readers[READERS];
    for (uint32_t i = 0; i < READERS; i++) {
        readers[i] = (reader){log, i, 0};
        CHECK(pthread_create(&threads[i], NULL, read_and_write, &readers[i]) == 0);
    }
    for (int i = 0; i < READERS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
        CHECK(readers[i].hits > 0);
    }
    weir_row_log_free(log);
}
