/* SPDX-License-Identifier: Apache-2.0
 *
 * bench_state.c - what a record costs whose state does not fit into memory: a bulk restore of so
 * many keys, then updates of random ones, in one memory budget.
 *
 *   bench_state --keys N --updates N --memory MIB --value BYTES --skewed yes --directory DIR
 *               --json FILE   (each may be left out)
 *
 * First so many keys are read as are updated later: row caches fill. An update reads and writes a
 * key; each 10,000 are a commit; what is committed is applied when its share of the budget is full.
 * Keys are uniformly random, the worst case, or skewed. After each part the benchmark waits until
 * the database has nothing to do any more, so that compactions count where they came from. CPU
 * time is that of the whole process, RocksDB's threads included; memory is the largest that the
 * kernel has counted as resident. One size a process, so that the peak is its own.
 */
#include "statestore/staged.h"
#include "statestore/task_state.h"
#include "streams/base/clock.h"
#include "streams/base/file.h"
#include "streams/base/json.h"
#include "streams/base/random.h"
#include "tests/perf/mixed_key.h"
#include "tests/perf/must.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum {
    VALUE_BYTES_MAX = 100,
    COMMIT_RECORDS = 10000,
    RESTORE_RECORDS = 250000,
    RESULTS_MAX = 8,
};

typedef struct result {
    const char *name;
    uint64_t operations;
    double cpu_us; /* An operation, of all threads. */
    double own_us; /* CPU time of the thread that reads and writes. */
    double wall_us;
    double peak_mib;
} result;

typedef struct bench {
    const char *directory;
    uint64_t keys;
    uint64_t updates;
    size_t memory_bytes;
    size_t value_bytes;
    bool skewed; /* Else each key is as likely as any other. */
    weir_database *database;
    weir_task_state *state;
    weir_kv *kv;
    weir_random random;
    result results[RESULTS_MAX];
    size_t result_count;
    uint64_t began_wall_ns;
    uint64_t began_cpu_ns;
    uint64_t began_own_ns;
} bench;

/* Waits until the database has nothing more to do: its threads are idle. */
static void settle(void)
{
    enum { LOOK_MS = 50, IDLE_LOOKS = 6, BUSY_NS = 2000000 };
    uint64_t before = weir_clock_process_cpu_ns();
    for (int idle = 0; idle < IDLE_LOOKS;) {
        (void)poll(NULL, 0, LOOK_MS);
        uint64_t now = weir_clock_process_cpu_ns();
        idle = now - before < BUSY_NS ? idle + 1 : 0;
        before = now;
    }
}

static void begin(bench *b)
{
    b->began_own_ns = weir_clock_thread_cpu_ns();
    b->began_wall_ns = weir_clock_monotonic_ns();
    b->began_cpu_ns = weir_clock_process_cpu_ns();
}

static void end(bench *b, const char *name, uint64_t operations)
{
    struct rusage usage;
    uint64_t wall_ns = weir_clock_monotonic_ns() - b->began_wall_ns;
    settle();
    getrusage(RUSAGE_SELF, &usage);
    result *r = &b->results[b->result_count++];
    double n = (double)operations * 1000;
    *r = (result){name,
                  operations,
                  (double)(weir_clock_process_cpu_ns() - b->began_cpu_ns) / n,
                  (double)(weir_clock_thread_cpu_ns() - b->began_own_ns) / n,
                  (double)wall_ns / n,
                  (double)usage.ru_maxrss / 1024};
    printf("%-24s %10" PRIu64 " keys %10" PRIu64
           " records %7.2f CPU us %7.2f own %7.2f us %8.0f MiB peak\n",
           name, b->keys, operations, r->cpu_us, r->own_us, r->wall_us, r->peak_mib);
    fflush(stdout);
}

/* The shares of streams/memory_shares.h. */
static void open_state(bench *b)
{
    weir_error err = {0};
    const weir_database_options options = {.directory = b->directory,
                                           .memory_bytes_max = b->memory_bytes / 10 * 6};
    must(weir_database_open(&options, &b->database, &err), &err);
    must(weir_task_state_new(b->database, "bench", 0, &b->state, &err), &err);
    must(weir_task_state_add_store(b->state, "rows", WEIR_ENGINE_ROCKSDB, &b->kv, &err), &err);
}

static void close_state(bench *b)
{
    weir_task_state_free(weir_take(&b->state));
    weir_database_free(weir_take(&b->database));
}

/* Half of it can be compressed away. */
static void set_value(uint64_t number, char *value, size_t bytes)
{
    weir_random random = weir_random_of(number);
    memset(value, 'v', bytes);
    for (size_t i = 0; i < bytes / 2; i += sizeof(uint64_t)) {
        uint64_t bits = weir_random_u64(&random);
        memcpy(value + i, &bits, sizeof(bits));
    }
}

typedef struct filling {
    weir_restore_entry entries[RESTORE_RECORDS];
    char keys[RESTORE_RECORDS][MIXED_KEY_BYTES];
    char values[RESTORE_RECORDS][VALUE_BYTES_MAX];
} filling;

static void fill(bench *b)
{
    weir_error err = {0};
    filling *f = weir_alloc(sizeof(*f));
    begin(b);
    for (uint64_t first = 0; first < b->keys; first += RESTORE_RECORDS) {
        uint64_t left = b->keys - first;
        size_t count = left < RESTORE_RECORDS ? (size_t)left : RESTORE_RECORDS;
        for (size_t i = 0; i < count; i++) {
            mixed_key(first + i, f->keys[i]);
            set_value(first + i, f->values[i], b->value_bytes);
            f->entries[i] = (weir_restore_entry){weir_bytes_of(f->keys[i], MIXED_KEY_BYTES),
                                                 weir_bytes_of(f->values[i], b->value_bytes)};
        }
        const weir_restore_batch batch = {
            .store = "rows",
            .entries = f->entries,
            .count = count,
            .label = "rows:log-0",
            .offset = (int64_t)(first + count),
        };
        must(weir_task_state_restore(b->state, &batch, &err), &err);
    }
    must(weir_database_flush(b->database, &err), &err);
    end(b, "restore", b->keys);
    free(f);
}

/* Any key; or nine times of ten one of the hot tenth. */
static uint64_t choose(bench *b)
{
    enum { HOT_PART = 10 };
    bool is_hot = b->skewed && weir_random_below(&b->random, HOT_PART) > 0;
    return weir_random_below(&b->random, is_hot ? b->keys / HOT_PART : b->keys);
}

static void update(bench *b, const char key[MIXED_KEY_BYTES], weir_buf *value)
{
    weir_error err = {0};
    weir_bytes bytes = weir_bytes_of(key, MIXED_KEY_BYTES);
    must(weir_kv_get(b->kv, bytes, value, &err), &err);
    value->data[0]++;
    must(weir_kv_put(b->kv, bytes, weir_buf_bytes(value), &err), &err);
}

static void commit(bench *b)
{
    weir_error err = {0};
    weir_task_state_commit(b->state);
    if (weir_task_state_committed_bytes(b->state) > b->memory_bytes / 10) {
        must(weir_task_state_apply(b->state, &err), &err);
    }
}

static void update_all(bench *b, const char *name)
{
    weir_error err = {0};
    WEIR_AUTO(weir_buf) value = {0};
    char key[MIXED_KEY_BYTES];
    begin(b);
    for (uint64_t i = 1; i <= b->updates; i++) {
        mixed_key(choose(b), key);
        update(b, key, &value);
        if (i % COMMIT_RECORDS == 0) {
            commit(b);
        }
    }
    must(weir_task_state_apply(b->state, &err), &err);
    end(b, name, b->updates);
}

static void read_all(bench *b, const char *name)
{
    WEIR_AUTO(weir_buf) value = {0};
    weir_error err = {0};
    char key[MIXED_KEY_BYTES];
    begin(b);
    for (uint64_t i = 0; i < b->updates; i++) {
        mixed_key(choose(b), key);
        must(weir_kv_get(b->kv, weir_bytes_of(key, MIXED_KEY_BYTES), &value, &err), &err);
    }
    end(b, name, b->updates);
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
        weir_json_member_i64(&out, "keys", (int64_t)b->keys);
        weir_json_member_i64(&out, "records", (int64_t)r->operations);
        weir_json_key(&out, "cpu_us_per_record");
        weir_json_f64(&out, r->cpu_us);
        weir_json_key(&out, "us_per_record");
        weir_json_f64(&out, r->wall_us);
        weir_json_key(&out, "peak_mib");
        weir_json_f64(&out, r->peak_mib);
        weir_json_end_object(&out);
    }
    weir_json_end_array(&out);
    weir_buf_append_byte(&text, '\n');
    must(weir_file_replace(path, weir_buf_bytes(&text), false, &err), &err);
}

int main(int argc, char **argv)
{
    const char *json = NULL;
    bench b = {.directory = "bench_state.tmp",
               .keys = 200000,
               .updates = 2000000,
               .memory_bytes = (size_t)1 << 30,
               .value_bytes = VALUE_BYTES_MAX,
               .random = weir_random_of(1)};
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--json") == 0) {
            json = argv[i + 1];
        } else if (strcmp(argv[i], "--keys") == 0) {
            b.keys = strtoull(argv[i + 1], NULL, 10);
        } else if (strcmp(argv[i], "--updates") == 0) {
            b.updates = strtoull(argv[i + 1], NULL, 10);
        } else if (strcmp(argv[i], "--skewed") == 0) {
            b.skewed = strcmp(argv[i + 1], "yes") == 0;
        } else if (strcmp(argv[i], "--value") == 0) {
            b.value_bytes = strtoull(argv[i + 1], NULL, 10);
        } else if (strcmp(argv[i], "--memory") == 0) {
            b.memory_bytes = (size_t)strtoull(argv[i + 1], NULL, 10) << 20;
        } else if (strcmp(argv[i], "--directory") == 0) {
            b.directory = argv[i + 1];
        }
    }
    weir_error err = {0};
    must(weir_directory_remove(b.directory, &err), &err);
    open_state(&b);
    fill(&b);
    read_all(&b, "read");
    update_all(&b, "update");
    close_state(&b);
    must(weir_directory_remove(b.directory, &err), &err);
    if (json != NULL) {
        write_json(&b, json);
    }
    return 0;
}
