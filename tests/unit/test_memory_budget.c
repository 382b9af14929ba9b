/* SPDX-License-Identifier: Apache-2.0
 *
 * The state of a budget stays in it at every size: a restore, reads and updates of more and more
 * rows, of which the last are several times what the budget holds.
 */
#include "statestore/task_state.h"
#include "streams/base/random.h"
#include "streams/memory_shares.h"
#include "tests/harness/check.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED true /* Shadow memory is no part of a budget: smaller sizes, no limit. */
#else
#define IS_SANITIZED false
#endif

enum {
    BUDGET_MIB = 48,
    OVER_MIB = 100, /* What the program itself may take beyond the budget. */
    VALUE_BYTES = 200,
    BATCH = 20000,
    SIZES = 3,
    UPDATES = 60000,
    COMMIT_RECORDS = 5000,
};

typedef struct fixture {
    weir_config config;
    weir_database *database;
    weir_task_state *state;
    weir_kv *kv;
    weir_random random;
    weir_error err;
    char keys[BATCH][16];
    char value[VALUE_BYTES];
    weir_restore_entry entries[BATCH];
} fixture;

static void open_state(fixture *f)
{
    const weir_setting settings[] = {{"application.id", "app"},
                                     {"weir.memory.max.bytes", "50331648"}};
    CHECK_OK(weir_config_init(&f->config, settings, WEIR_COUNT_OF(settings), &f->err), &f->err);
    WEIR_AUTO_FREE char *directory = check_directory();
    const weir_database_options options = {
        .directory = directory, .memory_bytes_max = (size_t)f->config.database_bytes_max};
    CHECK_OK(weir_database_open(&options, &f->database, &f->err), &f->err);
    CHECK_OK(weir_task_state_new(f->database, "app", 0, &f->state, &f->err), &f->err);
    CHECK_OK(weir_task_state_add_store(f->state, "rows", WEIR_ENGINE_ROCKSDB, &f->kv, &f->err),
             &f->err);
}

static weir_bytes set_key(char text[16], uint64_t number)
{
    /* In no order, and none twice. */
    (void)snprintf(text, 16, "%015llx",
                   (unsigned long long)(number * UINT64_C(0x9e3779b97f4a7c15) >> 4));
    return weir_bytes_of(text, 15);
}

static void restore(fixture *f, uint64_t from, uint64_t to)
{
    for (size_t i = 0; i < VALUE_BYTES; i++) {
        f->value[i] = (char)weir_random_u64(&f->random);
    }
    for (; from < to; from += BATCH) {
        for (size_t i = 0; i < BATCH; i++) {
            f->entries[i] = (weir_restore_entry){set_key(f->keys[i], from + i),
                                                 weir_bytes_of(f->value, VALUE_BYTES)};
        }
        const weir_restore_batch batch = {
            .store = "rows",
            .entries = f->entries,
            .count = BATCH,
            .label = "rows:log-0",
            .offset = (int64_t)(from + BATCH),
        };
        CHECK_OK(weir_task_state_restore(f->state, &batch, &f->err), &f->err);
    }
}

static void update(fixture *f, uint64_t keys)
{
    WEIR_AUTO(weir_buf) value = {0};
    for (int i = 1; i <= UPDATES; i++) {
        weir_bytes key = set_key(f->keys[0], weir_random_below(&f->random, keys));
        CHECK_OK(weir_kv_get(f->kv, key, &value, &f->err), &f->err);
        value.data[0]++;
        CHECK_OK(weir_kv_put(f->kv, key, weir_buf_bytes(&value), &f->err), &f->err);
        if (i % COMMIT_RECORDS == 0) {
            weir_task_state_commit(f->state);
        }
        if (weir_task_state_committed_bytes(f->state) > (size_t)f->config.apply_bytes_max) {
            CHECK_OK(weir_task_state_apply(f->state, &f->err), &f->err);
        }
    }
}

static void check_memory(const fixture *f)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("  largest resident memory: %ld MiB\n", usage.ru_maxrss / 1024);
    CHECK(IS_SANITIZED || usage.ru_maxrss / 1024 <= BUDGET_MIB + OVER_MIB);
    weir_database_memory memory = weir_database_memory_now(f->database);
    CHECK(memory.row_bytes > 0);
    size_t bytes = memory.row_bytes + memory.block_bytes + memory.write_buffer_bytes;
    CHECK(bytes <= (size_t)f->config.database_bytes_max * 5 / 4);
}

TEST(memory_stays_inside_the_budget_as_state_grows)
{
    static fixture f;
    f.random = weir_random_of(check_seed(1));
    open_state(&f);
    const uint64_t sizes[SIZES] = {20000, 200000, 800000}; /* Of some 220 bytes each. */
    uint64_t restored = 0;
    for (size_t i = 0; i < (IS_SANITIZED ? SIZES - 1 : SIZES); i++) {
        restore(&f, restored, sizes[i]);
        restored = sizes[i];
        update(&f, restored);
        CHECK_OK(weir_task_state_apply(f.state, &f.err), &f.err);
        check_memory(&f);
    }
    weir_task_state_free(f.state);
    weir_database_free(f.database);
    weir_config_cleanup(&f.config);
}
