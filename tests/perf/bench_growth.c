/* SPDX-License-Identifier: Apache-2.0
 *
 * bench_growth.c - what the size of its state costs a whole job: records through the counting
 * topology (tests/harness/count_topology.h) on the embedded broker, at least once, one worker,
 * stepped on this thread, in one budget of memory.
 *
 *   bench_growth --keys N --records N --warm N --memory MIB --directory DIR --json FILE
 *                (each may be left out)
 *
 * First each key comes once, then --warm records of random keys, then the --records that count: a
 * job that runs for long has met its keys before. Input is written by slices, which no figure
 * includes. One size a process, so that the peak of memory is its own.
 */
#include "connectors/broker_embedded.h"
#include "streams/application.h"
#include "streams/base/clock.h"
#include "streams/base/file.h"
#include "streams/base/hash.h"
#include "streams/base/json.h"
#include "streams/base/logging.h"
#include "streams/base/random.h"
#include "streams/producer.h"
#include "tests/harness/count_topology.h"
#include "tests/perf/mixed_key.h"
#include "tests/perf/must.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { PARTITIONS = 4, SLICE_RECORDS = 500000, FLUSH_MS = 60000, PHASES = 3 };

typedef struct phase {
    const char *name;
    uint64_t records;
    double seconds;
    double cpu_seconds; /* Of all threads, RocksDB's too. */
    double own_seconds; /* CPU time of the thread that processes. */
} phase;

typedef struct bench {
    const char *directory;
    uint64_t keys;
    uint64_t memory_mib;
    weir_random random;
    weir_broker *broker;
    weir_producer *producer;
    weir_database *database;
    weir_topology *topology;
    weir_config config;
    weir_application *application;
    uint64_t fed;
    phase phases[PHASES];
} bench;

static void open_broker(bench *b)
{
    weir_error err = {0};
    WEIR_AUTO_FREE char *directory = weir_format("%s/broker", b->directory);
    must(weir_broker_embedded_open(&(weir_broker_embedded_options){.directory = directory},
                                   &b->broker, &err),
         &err);
    weir_topic_config topic = {.name = "in", .partition_count = PARTITIONS};
    must(weir_broker_create_topic(b->broker, &topic, &err), &err);
    topic.name = "out";
    must(weir_broker_create_topic(b->broker, &topic, &err), &err);
    must(weir_producer_new(b->broker, &(weir_producer_options){0}, &b->producer, &err), &err);
}

static void open_application(bench *b)
{
    weir_error err = {0};
    WEIR_AUTO_FREE char *directory = weir_format("%s/state", b->directory);
    WEIR_AUTO_FREE char *budget = weir_format("%" PRIu64, b->memory_mib << 20);
    const weir_setting settings[] = {{"application.id", "growth"},
                                     {"weir.memory.max.bytes", budget},
                                     {"statestore.cache.max.bytes", "0"}};
    must(weir_config_init(&b->config, settings, WEIR_COUNT_OF(settings), &err), &err);
    const weir_database_options database = {
        .directory = directory,
        .memory_bytes_max = (size_t)b->config.database_bytes_max,
        .row_file_bytes_max = (uint64_t)b->config.row_file_bytes_max};
    must(weir_database_open(&database, &b->database, &err), &err);
    b->topology = count_topology_new(&(count_topology_options){.without_sink = false});
    const weir_application_options options = {
        .topology = b->topology,
        .config = &b->config,
        .broker = b->broker,
        .database = b->database,
    };
    must(weir_application_new(&options, &b->application, &err), &err);
}

static void feed(bench *b, uint64_t count, bool each_once)
{
    weir_error err = {0};
    int32_t topic = 0;
    int32_t partitions = 0;
    must(weir_producer_topic(b->producer, "in", &topic, &partitions, &err), &err);
    for (uint64_t i = 0; i < count; i++) {
        char key[MIXED_KEY_BYTES];
        mixed_key(each_once ? b->fed : weir_random_below(&b->random, b->keys), key);
        weir_record record = {.timestamp_ms = 1700000000000 + (int64_t)b->fed,
                              .key = weir_bytes_of(key, MIXED_KEY_BYTES),
                              .value = WEIR_BYTES("value")};
        record.partition = weir_partition_of(record.key, partitions);
        weir_status status = weir_producer_send(b->producer, topic, &record, &err);
        if (status == WEIR_AGAIN) {
            must(weir_producer_flush(b->producer, FLUSH_MS, &err), &err);
            status = weir_producer_send(b->producer, topic, &record, &err);
        }
        must(status, &err);
        b->fed++;
    }
    must(weir_producer_flush(b->producer, FLUSH_MS, &err), &err);
}

static void step_until_processed(bench *b)
{
    weir_error err = {0};
    bool busy = true;
    while (weir_application_activity(b->application) < b->fed) {
        must(weir_application_step(b->application, weir_clock_now_ms(), &busy, &err), &err);
    }
}

static void run_phase(bench *b, phase *p, bool each_once)
{
    for (uint64_t done = 0; done < p->records; done += SLICE_RECORDS) {
        uint64_t left = p->records - done;
        feed(b, left < SLICE_RECORDS ? left : SLICE_RECORDS, each_once);
        uint64_t began_ns = weir_clock_monotonic_ns();
        uint64_t began_cpu_ns = weir_clock_process_cpu_ns();
        uint64_t began_own_ns = weir_clock_thread_cpu_ns();
        step_until_processed(b);
        p->seconds += (double)(weir_clock_monotonic_ns() - began_ns) / 1e9;
        p->cpu_seconds += (double)(weir_clock_process_cpu_ns() - began_cpu_ns) / 1e9;
        p->own_seconds += (double)(weir_clock_thread_cpu_ns() - began_own_ns) / 1e9;
    }
    printf("%-8s %10" PRIu64 " keys %10" PRIu64
           " records %9.0f/s  %6.2f CPU us  %6.2f of the worker\n",
           p->name, b->keys, p->records, (double)p->records / p->seconds,
           p->cpu_seconds * 1e6 / (double)p->records, p->own_seconds * 1e6 / (double)p->records);
    fflush(stdout);
}

static void close_all(bench *b)
{
    weir_error err = {0};
    bool busy = false;
    weir_application_request_close(b->application);
    while (weir_application_state_now(b->application) != WEIR_APPLICATION_NOT_RUNNING) {
        must(weir_application_step(b->application, weir_clock_now_ms(), &busy, &err), &err);
    }
    weir_producer_free(b->producer);
    weir_application_free(b->application);
    weir_topology_free(b->topology);
    weir_config_cleanup(&b->config);
    weir_database_free(b->database);
    weir_broker_free(b->broker);
}

static void write_json(const bench *b, const char *path, double peak_mib)
{
    WEIR_AUTO(weir_buf) text = {0};
    weir_error err = {0};
    weir_json out = weir_json_of(&text);
    weir_json_begin_array(&out);
    for (size_t i = 0; i < PHASES; i++) {
        const phase *p = &b->phases[i];
        double records = p->records == 0 ? 1 : (double)p->records;
        weir_json_begin_object(&out);
        weir_json_member_text(&out, "name", p->name);
        weir_json_member_i64(&out, "keys", (int64_t)b->keys);
        weir_json_member_i64(&out, "records", (int64_t)p->records);
        weir_json_key(&out, "us_per_record");
        weir_json_f64(&out, p->seconds * 1e6 / records);
        weir_json_key(&out, "cpu_us_per_record");
        weir_json_f64(&out, p->cpu_seconds * 1e6 / records);
        weir_json_key(&out, "own_us_per_record");
        weir_json_f64(&out, p->own_seconds * 1e6 / records);
        weir_json_key(&out, "peak_mib");
        weir_json_f64(&out, peak_mib);
        weir_json_end_object(&out);
    }
    weir_json_end_array(&out);
    weir_buf_append_byte(&text, '\n');
    must(weir_file_replace(path, weir_buf_bytes(&text), false, &err), &err);
}

int main(int argc, char **argv)
{
    const char *json = NULL;
    bench b = {.directory = "bench_growth.tmp",
               .keys = 200000,
               .memory_mib = 1024,
               .random = weir_random_of(1),
               .phases = {{.name = "new keys"}, {.name = "warm"}, {.name = "updates"}}};
    b.phases[1].records = b.phases[2].records = 2000000;
    for (int i = 1; i + 1 < argc; i += 2) {
        uint64_t number = strtoull(argv[i + 1], NULL, 10);
        if (strcmp(argv[i], "--json") == 0) {
            json = argv[i + 1];
        } else if (strcmp(argv[i], "--keys") == 0) {
            b.keys = number;
        } else if (strcmp(argv[i], "--records") == 0) {
            b.phases[2].records = number;
        } else if (strcmp(argv[i], "--warm") == 0) {
            b.phases[1].records = number;
        } else if (strcmp(argv[i], "--memory") == 0) {
            b.memory_mib = number;
        } else if (strcmp(argv[i], "--directory") == 0) {
            b.directory = argv[i + 1];
        }
    }
    weir_error err = {0};
    weir_log_set_level(WEIR_LOG_WARN);
    must(weir_directory_remove(b.directory, &err), &err);
    open_broker(&b);
    open_application(&b);
    b.phases[0].records = b.keys;
    for (size_t i = 0; i < PHASES; i++) {
        run_phase(&b, &b.phases[i], i == 0);
    }
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    double peak_mib = (double)usage.ru_maxrss / 1024;
    printf("%-8s %10.0f MiB peak\n", "memory", peak_mib);
    close_all(&b);
    must(weir_directory_remove(b.directory, &err), &err);
    if (json != NULL) {
        write_json(&b, json, peak_mib);
    }
    return 0;
}
