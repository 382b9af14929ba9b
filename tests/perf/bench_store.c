/* SPDX-License-Identifier: Apache-2.0
 *
 * bench_store.c - what a read, a write, a commit, an apply, a restore and a restart cost.
 *
 *   bench_store [--json FILE] [--keys N] [--directory DIR]
 *
 * CPU time is that of the whole process, RocksDB's threads included. Keys are 32 hex digits, values
 * 100 bytes.
 */
#include "statestore/staged.h"
#include "statestore/task_state.h"
#include "streams/base/clock.h"
#include "streams/base/file.h"
#include "streams/base/hash.h"
#include "streams/base/json.h"
#include "streams/base/random.h"
#include "tests/perf/must.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    KEY_BYTES = 32,
    VALUE_BYTES = 100,
    RESULTS_MAX = 64,
    BATCH = 10000,
    RESTORE_RECORDS = 2000000,
    DATABASE_MIB = 64,
};

typedef struct result {
    const char *name;
    uint64_t operations;
    uint64_t wall_ns;
    uint64_t cpu_ns;
} result;

typedef struct bench {
    char *directory;
    size_t key_count;
    char (*keys)[KEY_BYTES + 1];
    weir_database *database;
    weir_task_state *state;
    weir_kv *kv;
    weir_random random;
    result results[RESULTS_MAX];
    size_t result_count;
    uint64_t began_wall_ns;
    uint64_t began_cpu_ns;
} bench;

static void begin(bench *b)
{
    b->began_wall_ns = weir_clock_monotonic_ns();
    b->began_cpu_ns = weir_clock_process_cpu_ns();
}

static void end(bench *b, const char *name, uint64_t operations)
{
    result *r = &b->results[b->result_count++];
    *r = (result){name, operations, weir_clock_monotonic_ns() - b->began_wall_ns,
                  weir_clock_process_cpu_ns() - b->began_cpu_ns};
    printf("%-44s %10" PRIu64 " %10.0f %12.0f\n", name, operations,
           (double)r->cpu_ns / (double)operations, (double)operations * 1e9 / (double)r->wall_ns);
}

static void open_state(bench *b)
{
    weir_error err = {0};
    weir_database_options options = {.directory = b->directory,
                                     .memory_bytes_max = (size_t)DATABASE_MIB << 20};
    must(weir_database_open(&options, &b->database, &err), &err);
    must(weir_task_state_new(b->database, "bench", 0, &b->state, &err), &err);
    must(weir_task_state_add_store(b->state, "counts", WEIR_ENGINE_ROCKSDB, &b->kv, &err), &err);
}

static void close_state(bench *b)
{
    weir_task_state_free(weir_take(&b->state));
    weir_database_free(weir_take(&b->database));
}

static void make_keys(bench *b)
{
    b->keys = weir_alloc_array(b->key_count, sizeof *b->keys);
    for (size_t i = 0; i < b->key_count; i++) {
        uint8_t digest[WEIR_SHA256_BYTES];
        weir_sha256(weir_bytes_of(&i, sizeof i), digest);
        weir_hex(digest, KEY_BYTES / 2, b->keys[i]);
    }
}

static weir_bytes key_at(const bench *b, size_t index)
{
    return weir_bytes_of(b->keys[index], KEY_BYTES);
}

static weir_bytes random_key(bench *b)
{
    return key_at(b, (size_t)weir_random_below(&b->random, b->key_count));
}

static void put_all(bench *b)
{
    weir_error err = {0};
    char value[VALUE_BYTES] = {0};
    for (size_t i = 0; i < b->key_count; i++) {
        memcpy(value, &i, sizeof i);
        must(weir_kv_put(b->kv, key_at(b, i), weir_bytes_of(value, sizeof value), &err), &err);
    }
}

static void get_random(bench *b, size_t count)
{
    weir_error err = {0};
    WEIR_AUTO(weir_buf) value = {0};
    for (size_t i = 0; i < count; i++) {
        must(weir_kv_get(b->kv, random_key(b), &value, &err), &err);
    }
}

static void range_random(bench *b, size_t count, bool backwards)
{
    enum { ROWS = 10 };
    weir_error err = {0};
    weir_bytes key;
    weir_bytes value;
    for (size_t i = 0; i < count; i++) {
        WEIR_AUTO_PTR(weir_kv_iterator) it = NULL;
        weir_bytes bound = random_key(b);
        must(weir_kv_range(b->kv, backwards ? WEIR_BYTES_NULL : bound,
                           backwards ? bound : WEIR_BYTES_NULL, backwards, &it, &err),
             &err);
        for (int row = 0; row < ROWS; row++) {
            if (weir_kv_iterator_next(it, &key, &value, &err) != WEIR_OK) {
                break;
            }
        }
    }
}

static void bench_versions(bench *b)
{
    weir_error err = {0};
    size_t n = b->key_count;
    begin(b);
    put_all(b);
    end(b, "put, new key, staged", n);
    begin(b);
    put_all(b);
    end(b, "put, overwrite, staged", n);
    begin(b);
    get_random(b, n * 2);
    end(b, "get, staged", n * 2);
    begin(b);
    weir_task_state_commit(b->state);
    end(b, "commit, per key", n);
    begin(b);
    get_random(b, n * 2);
    end(b, "get, committed", n * 2);
    begin(b);
    range_random(b, n / 10, false);
    end(b, "range of 10, committed, RocksDB empty", n / 10);
    begin(b);
    must(weir_task_state_apply(b->state, &err), &err);
    end(b, "apply, per key", n);
    begin(b);
    get_random(b, n);
    end(b, "get, applied (memtable)", n);
    begin(b);
    must(weir_database_flush(b->database, &err), &err);
    end(b, "flush, per key", n);
    begin(b);
    get_random(b, n);
    end(b, "get, applied (block cache)", n);
    begin(b);
    range_random(b, n / 10, false);
    end(b, "range of 10, applied", n / 10);
    begin(b);
    range_random(b, n / 10, true);
    end(b, "range of 10 backwards, applied", n / 10);
}

/* A counter per key: read, write; a commit every 10,000, an apply when 32 MiB have been committed.
 */
static void bench_updates(bench *b)
{
    enum { UPDATES = 2000000, COMMITTED_BYTES_MAX = 64 << 20 };
    weir_error err = {0};
    WEIR_AUTO(weir_buf) value = {0};
    begin(b);
    for (int i = 0; i < UPDATES; i++) {
        weir_bytes key = random_key(b);
        must(weir_kv_get(b->kv, key, &value, &err), &err);
        value.data[0]++;
        must(weir_kv_put(b->kv, key, weir_buf_bytes(&value), &err), &err);
        if (i % BATCH == BATCH - 1) {
            weir_task_state_commit(b->state);
        }
        if (weir_task_state_committed_bytes(b->state) > COMMITTED_BYTES_MAX) {
            must(weir_task_state_apply(b->state, &err), &err);
        }
    }
    end(b, "update (get, put, commit each 10,000, apply)", UPDATES);
    must(weir_task_state_apply(b->state, &err), &err);
}

static void bench_memory_engine(bench *b)
{
    weir_error err = {0};
    WEIR_AUTO_PTR(weir_task_state) state = NULL;
    weir_kv *disk = b->kv;
    must(weir_task_state_new(NULL, "bench", 0, &state, &err), &err);
    must(weir_task_state_add_store(state, "memory", WEIR_ENGINE_MEMORY, &b->kv, &err), &err);
    put_all(b);
    weir_task_state_commit(state);
    begin(b);
    put_all(b);
    weir_task_state_commit(state);
    end(b, "memory engine: overwrite and commit", b->key_count);
    begin(b);
    get_random(b, b->key_count * 2);
    end(b, "memory engine: get", b->key_count * 2);
    begin(b);
    range_random(b, b->key_count / 10, false);
    end(b, "memory engine: range of 10", b->key_count / 10);
    b->kv = disk;
}

static weir_status take_held(void *user, const weir_held_write *write, weir_error *err)
{
    (void)err;
    *(uint64_t *)user += write->key.size;
    return WEIR_OK;
}

static bool never_full(void *user)
{
    (void)user;
    return false;
}

/* A counter per key whose writes are held back, as Kafka Streams counts them; into nothing. */
static void bench_cache(bench *b, const char *name, size_t budget_bytes)
{
    enum { UPDATES = 2000000, COUNTED_BYTES = 53 + KEY_BYTES, COUNT_BYTES = 16 };
    weir_error err = {0};
    weir_cache_budget budget = {.bytes_max = budget_bytes};
    WEIR_AUTO_PTR(weir_task_state) state = NULL;
    weir_kv *kv = NULL;
    must(weir_task_state_new(NULL, "bench", 0, &state, &err), &err);
    must(weir_task_state_add_store(state, "cached", WEIR_ENGINE_MEMORY, &kv, &err), &err);
    weir_staged *staged = weir_task_state_use_cache(state, "cached", &budget);
    uint64_t told = 0;
    const weir_held_sink sink = {take_held, never_full, &told, false, true};
    WEIR_AUTO(weir_buf) value = {0};
    begin(b);
    for (int i = 0; i < UPDATES; i++) {
        weir_bytes key = random_key(b);
        if (weir_kv_get(kv, key, &value, &err) != WEIR_OK) {
            weir_buf_set(&value, weir_bytes_of("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", COUNT_BYTES));
        }
        value.data[0]++;
        const weir_held_origin origin = {i, COUNTED_BYTES + COUNT_BYTES, NULL};
        weir_staged_hold(staged, key, weir_buf_bytes(&value), &origin);
        if (budget.held_bytes > budget.bytes_max) {
            must(weir_staged_evict(staged, &sink, &err), &err);
        }
    }
    must(weir_staged_flush(staged, &sink, &err), &err);
    weir_task_state_commit(state);
    end(b, name, UPDATES);
    printf("%44s %10" PRIu64 " told\n", "", told / KEY_BYTES);
}

static void bench_restart(bench *b)
{
    begin(b);
    close_state(b);
    end(b, "clean close", 1);
    begin(b);
    open_state(b);
    end(b, "restart to ready", 1);
}

/* Restores count records; key i of keys comes round again and again. */
static void bench_restore(bench *b, const char *name, size_t count, size_t keys, size_t batch)
{
    weir_error err = {0};
    must(weir_task_state_wipe(b->state, &err), &err);
    weir_restore_entry *entries = weir_alloc_array(batch, sizeof *entries);
    char(*numbers)[KEY_BYTES] = weir_alloc_array(batch, sizeof *numbers);
    char value[VALUE_BYTES - KEY_BYTES] = {0};
    begin(b);
    for (size_t i = 0; i < count; i += batch) {
        for (size_t j = 0; j < batch; j++) {
            memcpy(numbers[j], b->keys[(i + j) % keys % b->key_count], KEY_BYTES);
            uint64_t round = (i + j) % keys / b->key_count;
            memcpy(numbers[j], &round, 2);
            entries[j] = (weir_restore_entry){weir_bytes_of(numbers[j], KEY_BYTES),
                                              weir_bytes_of(value, sizeof value)};
        }
        const weir_restore_batch step = {
            .store = "counts",
            .entries = entries,
            .count = batch,
            .label = "counts:log-0",
            .offset = (int64_t)i,
        };
        must(weir_task_state_restore(b->state, &step, &err), &err);
    }
    must(weir_task_state_apply(b->state, &err), &err);
    end(b, name, count);
    free(entries);
    free(numbers);
}

static void write_json(const bench *b, const char *path)
{
    WEIR_AUTO(weir_buf) text = {0};
    weir_error err = {0};
    weir_json out = weir_json_of(&text);
    weir_json_begin_array(&out);
    for (size_t i = 0; i < b->result_count; i++) {
        const result *r = &b->results[i];
        weir_json_begin_object(&out);
        weir_json_member_text(&out, "name", r->name);
        weir_json_member_i64(&out, "operations", (int64_t)r->operations);
        weir_json_key(&out, "cpu_ns_per_operation");
        weir_json_f64(&out, (double)r->cpu_ns / (double)r->operations);
        weir_json_key(&out, "operations_per_s");
        weir_json_f64(&out, (double)r->operations * 1e9 / (double)r->wall_ns);
        weir_json_end_object(&out);
    }
    weir_json_end_array(&out);
    weir_buf_append_byte(&text, '\n');
    must(weir_file_replace(path, weir_buf_bytes(&text), false, &err), &err);
}

int main(int argc, char **argv)
{
    const char *json = NULL;
    bench b = {.key_count = 200000, .random = weir_random_of(1)};
    const char *directory = "bench_store.tmp";
    size_t restore = RESTORE_RECORDS;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--json") == 0) {
            json = argv[i + 1];
        } else if (strcmp(argv[i], "--keys") == 0) {
            b.key_count = strtoull(argv[i + 1], NULL, 10);
        } else if (strcmp(argv[i], "--restore") == 0) {
            restore = strtoull(argv[i + 1], NULL, 10);
        } else if (strcmp(argv[i], "--directory") == 0) {
            directory = argv[i + 1];
        }
    }
    weir_error err = {0};
    b.directory = weir_strdup(directory);
    must(weir_directory_remove(directory, &err), &err);
    make_keys(&b);
    open_state(&b);
    printf("%-44s %10s %10s %12s\n", "", "operations", "cpu ns/op", "operations/s");
    bench_versions(&b);
    bench_updates(&b);
    bench_memory_engine(&b);
    bench_cache(&b, "update held back, cache of 10 MiB", 10 << 20);
    bench_cache(&b, "update held back, cache of 64 MiB", 64 << 20);
    bench_restart(&b);
    bench_restore(&b, "restore, few keys, batches of 10,000", restore, b.key_count, BATCH);
    bench_restore(&b, "restore, new keys, batches of 10,000", restore, restore, BATCH);
    bench_restore(&b, "restore, new keys, batches of 100,000", restore, restore, BATCH * 10);
    bench_restore(&b, "restore, new keys, batches of 1,000", restore, restore, BATCH / 10);
    bench_restart(&b);
    close_state(&b);
    must(weir_directory_remove(directory, &err), &err);
    if (json != NULL) {
        write_json(&b, json);
    }
    free(b.keys);
    free(b.directory);
    return 0;
}
