/* SPDX-License-Identifier: Apache-2.0
 *
 * bench_operators - what a record costs in each operator: CPU time of the thread and allocations,
 * from the poll of a batch that lies ready to the function that ends the topology.
 *
 *   bench_operators [--records N] [--rounds N] [--only NAME,…] [--json FILE]
 *
 * The runtime is stepped as the test driver steps it, on a broker that costs nothing
 * (feed_broker.h). Works take turns, and the median of their rounds is told. In each, three tenths
 * of the records come first: stores are warm, buffers have their size. A commit comes each 100,000
 * records. Allocations are calls of malloc, calloc and realloc in weir's own code: the linker leads
 * them here (RocksDB's own are not counted).
 */
#include "statestore/task_state.h"
#include "streams/application.h"
#include "streams/base/clock.h"
#include "streams/base/file.h"
#include "streams/base/json.h"
#include "streams/base/logging.h"
#include "streams/base/random.h"
#include "tests/perf/feed_broker.h"
#include "tests/perf/must.h"
#include "tests/perf/operator_works.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    RECORDS_DEFAULT = 400000,
    KEY_BYTES = 32, /* Room for any number. */
    WARM_PER_THOUSAND = 300,
    ALL_PER_THOUSAND = 1000,
    RECORDS_A_MS = 1000, /* By the clock that the runtime is told. */
    QUIET_STEPS = 8,
    RESULTS_MAX = 64,
    ROUNDS_DEFAULT = 3,
    ROUNDS_MAX = 15,
    START_MS = 1000000,
};

static uint64_t allocations;

/* As --wrap names them. */
void *real_malloc(size_t bytes) __asm__("__real_malloc");
void *real_calloc(size_t count, size_t bytes) __asm__("__real_calloc");
void *real_realloc(void *memory, size_t bytes) __asm__("__real_realloc");
void *counted_malloc(size_t bytes) __asm__("__wrap_malloc");
void *counted_calloc(size_t count, size_t bytes) __asm__("__wrap_calloc");
void *counted_realloc(void *memory, size_t bytes) __asm__("__wrap_realloc");

void *counted_malloc(size_t bytes)
{
    allocations++;
    return real_malloc(bytes);
}

void *counted_calloc(size_t count, size_t bytes)
{
    allocations++;
    return real_calloc(count, bytes);
}

void *counted_realloc(void *memory, size_t bytes)
{
    allocations++;
    return real_realloc(memory, bytes);
}

typedef struct result {
    const operator_work *work;
    double ns; /* The median of its rounds. */
    double allocations;
    double ends; /* What came out, a record. */
    double round_ns[ROUNDS_MAX];
    size_t round_count;
} result;

typedef struct bench {
    size_t records;
    size_t rounds;
    const char *only;
    result results[RESULTS_MAX];
    size_t result_count;
} bench;

/* The records of a topic. */
typedef struct feed {
    weir_record *records;
    char (*keys)[KEY_BYTES];
} feed;

typedef struct run {
    weir_builder *builder;
    const weir_topology *topology;
    weir_broker *broker;
    weir_database *database;
    weir_config config;
    weir_application *application;
    feed feeds[2];
} run;

static const char state_directory[] = "bench_operators.tmp";

/* A record a millisecond, its key one of so many. */
static void make_feed(run *r, size_t index, const operator_work *work, size_t count)
{
    static const char *const topics[] = {"a", "b"};
    feed *f = &r->feeds[index];
    f->records = weir_alloc_array(count, sizeof(*f->records));
    f->keys = weir_alloc_array(work->key_count, KEY_BYTES);
    for (uint64_t k = 0; k < work->key_count; k++) {
        (void)snprintf(f->keys[k], KEY_BYTES, "key-%07" PRIu64, k);
    }
    weir_random random = weir_random_of(1 + index);
    for (size_t i = 0; i < count; i++) {
        const char *key = f->keys[weir_random_below(&random, work->key_count)];
        f->records[i] = (weir_record){
            .timestamp_ms = START_MS + (int64_t)i,
            .key = weir_bytes_of_text(key),
            .value = WEIR_BYTES("a value!"),
        };
    }
    weir_error err = {0};
    const weir_topic_config topic = {.name = topics[index], .partition_count = 1};
    must(weir_broker_create_topic(r->broker, &topic, &err), &err);
    feed_broker_add(r->broker, topics[index], f->records, count);
}

static void open_run(run *r, const bench *b, const operator_work *work, uint64_t *ends)
{
    weir_error err = {0};
    *r = (run){.builder = weir_builder_new(), .broker = feed_broker_new()};
    work->make(r->builder, ends);
    must(weir_builder_build(r->builder, &r->topology, &err), &err);
    for (size_t i = 0; i < (work->reads_two ? 2 : 1); i++) {
        make_feed(r, i, work, b->records / (work->reads_two ? 2 : 1));
    }
    if (work->state == OPERATOR_DISK_CACHED || work->state == OPERATOR_DISK_UNCACHED) {
        must(weir_directory_remove(state_directory, &err), &err);
        const weir_database_options database = {.directory = state_directory};
        must(weir_database_open(&database, &r->database, &err), &err);
    }
    const weir_setting settings[] = {
        {"application.id", "bench"},
        {"processing.guarantee", "at_least_once"},
        {"commit.interval.ms", "100"},
        {"statestore.cache.max.bytes", work->state == OPERATOR_DISK_CACHED ? "10485760" : "0"},
    };
    must(weir_config_init(&r->config, settings, WEIR_COUNT_OF(settings), &err), &err);
    const weir_application_options options = {
        .topology = r->topology,
        .config = &r->config,
        .broker = r->broker,
        .database = r->database,
        .never_waits = true,
    };
    must(weir_application_new(&options, &r->application, &err), &err);
}

static void close_run(run *r)
{
    weir_application_free(r->application);
    weir_config_cleanup(&r->config);
    weir_database_free(r->database);
    weir_broker_free(r->broker);
    weir_builder_free(r->builder);
    for (size_t i = 0; i < WEIR_COUNT_OF(r->feeds); i++) {
        free(r->feeds[i].records);
        free(r->feeds[i].keys);
    }
    (void)weir_directory_remove(state_directory, NULL);
}

/* Until all that is there has been read and nothing is left to do but commit. */
static void work_off(run *r)
{
    weir_error err = {0};
    size_t quiet = 0;
    while (quiet < QUIET_STEPS) {
        int64_t now_ms = START_MS + (int64_t)(feed_broker_read(r->broker) / RECORDS_A_MS);
        bool busy = false;
        must(weir_application_step(r->application, now_ms, &busy, &err), &err);
        quiet = busy || !feed_broker_is_read(r->broker) ? 0 : quiet + 1;
    }
}

static void measure(const bench *b, result *got)
{
    const operator_work *work = got->work;
    uint64_t ends = 0;
    run r;
    open_run(&r, b, work, &ends);
    feed_broker_release(r.broker, WARM_PER_THOUSAND);
    work_off(&r);
    uint64_t read_before = feed_broker_read(r.broker);
    uint64_t ends_before = ends;
    feed_broker_release(r.broker, ALL_PER_THOUSAND);
    uint64_t allocations_before = allocations;
    uint64_t cpu_before = weir_clock_thread_cpu_ns();
    work_off(&r);
    uint64_t cpu_ns = weir_clock_thread_cpu_ns() - cpu_before;
    double records = (double)(feed_broker_read(r.broker) - read_before);
    got->round_ns[got->round_count++] = (double)cpu_ns / records;
    got->allocations = (double)(allocations - allocations_before) / records;
    got->ends = (double)(ends - ends_before) / records;
    close_run(&r);
}

static int compare_numbers(const void *a, const void *b)
{
    double first = *(const double *)a;
    double second = *(const double *)b;
    return first < second ? -1 : first > second;
}

static void tell(result *got)
{
    qsort(got->round_ns, got->round_count, sizeof(got->round_ns[0]), compare_numbers);
    got->ns = got->round_ns[got->round_count / 2];
    printf("%-20s %9.1f ns (%.1f to %.1f)  %8.4f allocations  %7.2f out  a record\n",
           got->work->name, got->ns, got->round_ns[0], got->round_ns[got->round_count - 1],
           got->allocations, got->ends);
}

/* Whether a list with commas has it. */
static bool has_name(const char *list, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = list; at != NULL; at = strchr(at, ',')) {
        at += *at == ',' ? 1 : 0;
        if (strncmp(at, name, length) == 0 && (at[length] == ',' || at[length] == '\0')) {
            return true;
        }
    }
    return false;
}

static void run_works(bench *b)
{
    for (const operator_work *work = operator_works; work->name != NULL; work++) {
        if (b->only == NULL || has_name(b->only, work->name)) {
            b->results[b->result_count++] = (result){.work = work};
        }
    }
    for (size_t round = 0; round < b->rounds; round++) {
        for (size_t i = 0; i < b->result_count; i++) {
            measure(b, &b->results[i]);
        }
    }
    for (size_t i = 0; i < b->result_count; i++) {
        tell(&b->results[i]);
    }
}

static void write_json(const bench *b, const char *path)
{
    WEIR_AUTO(weir_buf) text = {0};
    weir_json json = weir_json_of(&text);
    weir_json_begin_array(&json);
    for (size_t i = 0; i < b->result_count; i++) {
        const result *got = &b->results[i];
        weir_json_begin_object(&json);
        weir_json_key(&json, "name");
        weir_json_text(&json, got->work->name);
        weir_json_key(&json, "ns");
        weir_json_f64(&json, got->ns);
        weir_json_key(&json, "ns_least");
        weir_json_f64(&json, got->round_ns[0]);
        weir_json_key(&json, "allocations");
        weir_json_f64(&json, got->allocations);
        weir_json_key(&json, "out");
        weir_json_f64(&json, got->ends);
        weir_json_key(&json, "ns_max");
        weir_json_f64(&json, got->work->ns_max);
        weir_json_key(&json, "allocates_none");
        weir_json_bool(&json, got->work->allocates_none);
        weir_json_end_object(&json);
    }
    weir_json_end_array(&json);
    weir_buf_append_byte(&text, '\n');
    weir_error err = {0};
    must(weir_file_replace(path, weir_buf_bytes(&text), false, &err), &err);
}

int main(int argc, char **argv)
{
    bench b = {.records = RECORDS_DEFAULT, .rounds = ROUNDS_DEFAULT};
    const char *json = NULL;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--records") == 0) {
            b.records = strtoull(argv[i + 1], NULL, 10);
        } else if (strcmp(argv[i], "--rounds") == 0) {
            size_t rounds = strtoull(argv[i + 1], NULL, 10);
            b.rounds = rounds < 1 ? 1 : rounds > ROUNDS_MAX ? ROUNDS_MAX : rounds;
        } else if (strcmp(argv[i], "--only") == 0) {
            b.only = argv[i + 1];
        } else if (strcmp(argv[i], "--json") == 0) {
            json = argv[i + 1];
        }
    }
    weir_log_set_level(WEIR_LOG_ERROR);
    run_works(&b);
    if (json != NULL) {
        write_json(&b, json);
    }
    return 0;
}
