/* SPDX-License-Identifier: Apache-2.0
 *
 * bench_runtime - records a second through the counting topology (two processors, one RocksDB
 * store with its changelog) on the embedded broker, one worker, stepped on this thread; then the
 * restore of its state, and a restart.
 *
 *   bench_runtime [--records N] [--keys N] [--json FILE] [--only NAME]
 *
 * Rates are given by the clock and by CPU time of the process.
 */
#include "connectors/broker_embedded.h"
#include "streams/application.h"
#include "streams/base/clock.h"
#include "streams/base/file.h"
#include "streams/base/hash.h"
#include "streams/base/logging.h"
#include "streams/base/random.h"
#include "streams/producer.h"
#include "tests/harness/count_topology.h"
#include "tests/perf/must.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PARTITIONS = 4,
    VALUE_BYTES = 84,
    RESULTS_MAX = 16,
    NS_PER_SECOND = 1000000000,
};

typedef struct bench_result {
    const char *name;
    int64_t records;
    double seconds;
    double cpu_seconds;
} bench_result;

typedef struct bench {
    int64_t records;
    int64_t keys;
    const char *only;
    bench_result results[RESULTS_MAX];
    size_t result_count;
    uint64_t started_ns;
    uint64_t started_cpu_ns;
} bench;

typedef struct run {
    weir_broker *broker;
    weir_database *database;
    weir_topology *topology;
    weir_config config;
    weir_application *application;
} run;

static const char broker_directory[] = "bench_runtime.tmp/broker";
static const char state_directory[] = "bench_runtime.tmp/state";

static void start(bench *b)
{
    b->started_ns = weir_clock_monotonic_ns();
    b->started_cpu_ns = weir_clock_process_cpu_ns();
}

static void finish(bench *b, const char *name, int64_t records)
{
    double seconds = (double)(weir_clock_monotonic_ns() - b->started_ns) / (double)NS_PER_SECOND;
    double cpu = (double)(weir_clock_process_cpu_ns() - b->started_cpu_ns) / (double)NS_PER_SECOND;
    b->results[b->result_count++] = (bench_result){name, records, seconds, cpu};
    printf("%-34s %9" PRId64 " records  %6.3f s  %6.3f cpu-s  %9.0f/s  %9.0f/cpu-s\n", name,
           records, seconds, cpu, (double)records / seconds, (double)records / cpu);
    fflush(stdout);
}

static void remove_all(void)
{
    weir_error err = {0};
    must(weir_directory_remove("bench_runtime.tmp", &err), &err);
}

static void open_run(run *r)
{
    weir_error err = {0};
    const weir_broker_embedded_options broker = {.directory = broker_directory};
    must(weir_broker_embedded_open(&broker, &r->broker, &err), &err);
    const weir_database_options database = {.directory = state_directory};
    must(weir_database_open(&database, &r->database, &err), &err);
}

typedef struct update_case {
    const char *name;
    const char *guarantee;
    bool without_sink;
    const char *apply_records_max;
    const char *cache_bytes; /* NULL: the store has no cache. */
} update_case;

static void open_application(run *r, const update_case *c)
{
    weir_error err = {0};
    r->topology = count_topology_new(&(count_topology_options){
        .without_sink = c->without_sink, .caching_enabled = c->cache_bytes != NULL});
    const weir_setting settings[] = {
        {"application.id", "bench"},
        {"processing.guarantee", c->guarantee},
        {"commit.interval.ms", strcmp(c->guarantee, "at_least_once") == 0 ? "30000" : "100"},
        {"buffered.records.per.partition", "10000"},
        {"weir.apply.records.max", c->apply_records_max},
        {"statestore.cache.max.bytes", c->cache_bytes == NULL ? "0" : c->cache_bytes},
    };
    must(weir_config_init(&r->config, settings, WEIR_COUNT_OF(settings), &err), &err);
    const weir_application_options options = {
        .topology = r->topology,
        .config = &r->config,
        .broker = r->broker,
        .database = r->database,
    };
    must(weir_application_new(&options, &r->application, &err), &err);
}

static void close_run(run *r)
{
    weir_application_free(weir_take(&r->application));
    weir_topology_free(weir_take(&r->topology));
    weir_config_cleanup(&r->config);
    weir_database_free(weir_take(&r->database));
    weir_broker_free(weir_take(&r->broker));
}

static void send_all(weir_producer *producer, const char *topic_name, const bench *b)
{
    weir_error err = {0};
    int32_t topic = 0;
    int32_t partitions = 0;
    must(weir_producer_topic(producer, topic_name, &topic, &partitions, &err), &err);
    char value[VALUE_BYTES];
    memset(value, 'v', sizeof(value));
    weir_random random = weir_random_of(1);
    for (int64_t i = 0; i < b->records; i++) {
        char key[17];
        snprintf(key, sizeof(key), "key-%012" PRIu64,
                 weir_random_below(&random, (uint64_t)b->keys));
        weir_record record = {
            .timestamp_ms = 1700000000000 + i,
            .key = weir_bytes_of_text(key),
            .value = weir_bytes_of(value, sizeof(value)),
        };
        record.partition = weir_partition_of(record.key, partitions);
        weir_status status = weir_producer_send(producer, topic, &record, &err);
        if (status == WEIR_AGAIN) {
            must(weir_producer_flush(producer, 60000, &err), &err);
            status = weir_producer_send(producer, topic, &record, &err);
        }
        must(status, &err);
    }
    must(weir_producer_flush(producer, 60000, &err), &err);
}

static void feed(run *r, const char *topic, const bench *b)
{
    weir_error err = {0};
    weir_topic_config config = {.name = topic, .partition_count = PARTITIONS};
    must(weir_broker_create_topic(r->broker, &config, &err), &err);
    weir_producer *producer = NULL;
    must(weir_producer_new(r->broker, &(weir_producer_options){0}, &producer, &err), &err);
    send_all(producer, topic, b);
    weir_producer_free(producer);
}

static void step_until_idle(run *r)
{
    weir_error err = {0};
    bool busy = true;
    while (busy || !weir_application_is_idle(r->application)) {
        must(weir_application_step(r->application, weir_clock_now_ms(), &busy, &err), &err);
    }
}

static void step_until_processed(run *r, int64_t records)
{
    weir_error err = {0};
    bool busy = true;
    while ((int64_t)weir_application_activity(r->application) < records) {
        must(weir_application_step(r->application, weir_clock_now_ms(), &busy, &err), &err);
    }
}

static void step_until_running(run *r)
{
    weir_error err = {0};
    bool busy = false;
    while (weir_application_state_now(r->application) != WEIR_APPLICATION_RUNNING) {
        must(weir_application_step(r->application, weir_clock_now_ms(), &busy, &err), &err);
    }
}

static void close_cleanly(run *r)
{
    weir_error err = {0};
    bool busy = false;
    weir_application_request_close(r->application);
    while (weir_application_state_now(r->application) != WEIR_APPLICATION_NOT_RUNNING) {
        must(weir_application_step(r->application, weir_clock_now_ms(), &busy, &err), &err);
    }
}

static const update_case restarting = {"", "exactly_once_v2", false, "5000000", NULL};

static void bench_updates(bench *b, const update_case *c)
{
    if (b->only != NULL && strstr(c->name, b->only) == NULL) {
        return;
    }
    remove_all();
    run r = {0};
    open_run(&r);
    weir_error err = {0};
    weir_topic_config out = {.name = "out", .partition_count = PARTITIONS};
    must(weir_broker_create_topic(r.broker, &out, &err), &err);
    feed(&r, "in", b);
    open_application(&r, c);
    step_until_running(&r);
    start(b);
    if (strcmp(c->guarantee, "at_least_once") == 0) {
        step_until_processed(&r, b->records);
        close_cleanly(&r); /* The one commit, and all into the database. */
    } else {
        step_until_idle(&r);
    }
    finish(b, c->name, b->records);
    close_run(&r);
}

/* The state of the last case, whose process was dropped: its tail, then a clean restart. */
static void bench_restarts(bench *b)
{
    if (b->only != NULL) {
        return;
    }
    run r = {0};
    start(b);
    open_run(&r);
    open_application(&r, &restarting);
    step_until_running(&r);
    finish(b, "restart after a crash, to RUNNING", b->keys);
    step_until_idle(&r);
    close_cleanly(&r);
    close_run(&r);
    start(b);
    open_run(&r);
    open_application(&r, &restarting);
    step_until_running(&r);
    finish(b, "restart after a close, to RUNNING", b->keys);
    close_run(&r);
}

static void bench_restore(bench *b)
{
    if (b->only != NULL && strcmp(b->only, "restore") != 0) {
        return;
    }
    remove_all();
    run r = {0};
    open_run(&r);
    weir_error err = {0};
    weir_topic_config topic = {.name = "in", .partition_count = PARTITIONS};
    must(weir_broker_create_topic(r.broker, &topic, &err), &err);
    topic.name = "out";
    must(weir_broker_create_topic(r.broker, &topic, &err), &err);
    open_application(&r, &restarting);
    close_run(&r);
    open_run(&r);
    weir_producer *producer = NULL;
    must(weir_producer_new(r.broker, &(weir_producer_options){0}, &producer, &err), &err);
    send_all(producer, "bench-counts-changelog", b);
    weir_producer_free(producer);
    open_application(&r, &restarting);
    start(b);
    step_until_running(&r);
    finish(b, "restore, 100-byte records", b->records);
    close_run(&r);
}

static weir_status write_json(const bench *b, const char *path, weir_error *err)
{
    WEIR_AUTO(weir_buf) text = {0};
    weir_buf_append_text(&text, "[");
    for (size_t i = 0; i < b->result_count; i++) {
        const bench_result *result = &b->results[i];
        weir_buf_append_format(&text,
                               "%s\n  {\"name\": \"%s\", \"records\": %" PRId64
                               ", \"seconds\": %.4f, \"cpu_seconds\": %.4f}",
                               i == 0 ? "" : ",", result->name, result->records, result->seconds,
                               result->cpu_seconds);
    }
    weir_buf_append_text(&text, "\n]\n");
    return weir_file_replace(path, weir_buf_bytes(&text), false, err);
}

int main(int argc, char **argv)
{
    static const update_case cases[] = {
        {"at-least-once, store", "at_least_once", true, "5000000", NULL},
        {"at-least-once, store and sink", "at_least_once", false, "5000000", NULL},
        {"exactly-once 100 ms, store", "exactly_once_v2", true, "5000000", NULL},
        {"exactly-once 100 ms, store and sink", "exactly_once_v2", false, "5000000", NULL},
        {"at-least-once, cache of 10 MiB", "at_least_once", false, "5000000", "10485760"},
        {"at-least-once, cache of 64 MiB", "at_least_once", false, "5000000", "67108864"},
        {"exactly-once 100 ms, 10 MiB", "exactly_once_v2", false, "5000000", "10485760"},
        {"exactly-once 100 ms, short tail", "exactly_once_v2", false, "500000", NULL},
    };
    bench b = {.records = 2000000, .keys = 200000};
    const char *json = NULL;
    weir_log_set_level(WEIR_LOG_WARN);
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--records") == 0) {
            b.records = strtoll(argv[i + 1], NULL, 10);
        } else if (strcmp(argv[i], "--keys") == 0) {
            b.keys = strtoll(argv[i + 1], NULL, 10);
        } else if (strcmp(argv[i], "--only") == 0) {
            b.only = argv[i + 1];
        } else if (strcmp(argv[i], "--json") == 0) {
            json = argv[i + 1];
        }
    }
    for (size_t i = 0; i < WEIR_COUNT_OF(cases); i++) {
        bench_updates(&b, &cases[i]);
    }
    bench_restarts(&b);
    bench_restore(&b);
    remove_all();
    weir_error err = {0};
    if (json != NULL) {
        must(write_json(&b, json, &err), &err);
    }
    return 0;
}
