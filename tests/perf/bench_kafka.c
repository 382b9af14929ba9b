/* SPDX-License-Identifier: Apache-2.0
 *
 * bench_kafka.c - weir's side of the benchmark beside Kafka Streams: one of the works of
 * peer/works.h until so many records are processed, or until standard input ends.
 *
 *   bench_kafka --broker B --app ID --work W --input T --output T [--table T] --state DIR
 *               [--records N] [--until-eof 1] [--fill N] [--set.NAME VALUE]... [--rd.NAME VALUE]...
 *
 * --set is a setting of weir's, --rd one of librdkafka's. B is "host:port" of Kafka, or
 * "embedded:DIRECTORY", whose topics it makes, with --fill records in the input. --records counts
 * what is read of the table, too; 0: only start and restore. The lines that it prints are those of
 * peer/Peer.java.
 */
#include "connectors/broker_embedded.h"
#include "connectors/broker_kafka.h"
#include "streams/application.h"
#include "streams/base/clock.h"
#include "streams/base/hash.h"
#include "streams/base/logging.h"
#include "streams/producer.h"
#include "tests/perf/must.h"
#include "tests/perf/peer/load.h"
#include "tests/perf/peer/works.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { SETTINGS_MAX = 32, WATCH_MS = 10, FLUSH_MS = 60000, NS_PER_SECOND = 1000000000 };

/* What the process has used up to a moment. */
typedef struct usage {
    uint64_t clock_ns;
    uint64_t cpu_ns;
} usage;

typedef struct peer {
    int argument_count;
    char **arguments;
    weir_broker *broker;
    weir_database *database;
    weir_topology *topology;
    weir_metrics *metrics;
    weir_config config;
    weir_application *application;
    usage started;
    usage restoring; /* When the first task was opened. */
    usage running;
    usage processed;
} peer;

static const char *argument(const peer *p, const char *name, const char *fallback)
{
    const char *found = fallback;
    for (int i = 0; i + 1 < p->argument_count; i += 2) {
        found = strcmp(p->arguments[i], name) == 0 ? p->arguments[i + 1] : found;
    }
    if (found == NULL) {
        fprintf(stderr, "bench_kafka: %s is missing\n", name);
        exit(1);
    }
    return found;
}

static int64_t number(const peer *p, const char *name, int64_t fallback)
{
    const char *text = argument(p, name, "");
    return *text == '\0' ? fallback : strtoll(text, NULL, 10);
}

static usage usage_now(void)
{
    return (usage){weir_clock_monotonic_ns(), weir_clock_process_cpu_ns()};
}

static double seconds(uint64_t ns)
{
    return (double)ns / (double)NS_PER_SECOND;
}

static void print_event(const char *name)
{
    printf("{\"event\": \"%s\", \"at_ms\": %" PRId64 "}\n", name, weir_clock_now_ms());
    fflush(stdout);
}

static void print_first(void *user)
{
    (void)user;
    print_event("first");
}

static int64_t metric(const peer *p, const char *name)
{
    return weir_metrics_sum(p->metrics, name, NULL);
}

static int64_t records_processed(const peer *p)
{
    return metric(p, "weir_stream_thread_process_records_total");
}

/* What is given as <prefix>NAME VALUE; settings has room for SETTINGS_MAX. */
static size_t settings_of(const peer *p, const char *prefix, weir_setting *settings)
{
    size_t count = 0;
    for (int i = 0; i + 1 < p->argument_count && count < SETTINGS_MAX; i += 2) {
        if (strncmp(p->arguments[i], prefix, strlen(prefix)) == 0) {
            settings[count++] =
                (weir_setting){p->arguments[i] + strlen(prefix), p->arguments[i + 1]};
        }
    }
    return count;
}

static void create_topic(peer *p, const char *name)
{
    weir_error err = {0};
    const weir_topic_config config = {
        .name = name,
        .partition_count = (int32_t)number(p, "--partitions", 4),
    };
    must(weir_broker_create_topic(p->broker, &config, &err), &err);
}

static void fill(peer *p, const char *name, int64_t records)
{
    weir_error err = {0};
    WEIR_AUTO_PTR(weir_producer) producer = NULL;
    must(weir_producer_new(p->broker, &(weir_producer_options){0}, &producer, &err), &err);
    int32_t topic = 0;
    int32_t partitions = 0;
    must(weir_producer_topic(producer, name, &topic, &partitions, &err), &err);
    load l = {.records = records, .keys = number(p, "--keys", 200000), .value_bytes = 100};
    l.span_ms = 240000;
    l.from_ms = weir_clock_now_ms() - l.span_ms;
    while (load_next(&l)) {
        weir_record record = {
            .timestamp_ms = l.timestamp_ms,
            .key = weir_bytes_of(l.key, LOAD_KEY_BYTES),
            .value = weir_bytes_of(l.value, l.value_bytes),
        };
        record.partition = weir_partition_of(record.key, partitions);
        weir_status status = weir_producer_send(producer, topic, &record, &err);
        if (status == WEIR_AGAIN) {
            must(weir_producer_flush(producer, FLUSH_MS, &err), &err);
            status = weir_producer_send(producer, topic, &record, &err);
        }
        must(status, &err);
    }
    must(weir_producer_flush(producer, FLUSH_MS, &err), &err);
}

/* Kafka's topics are made by bench_load. */
static void fill_embedded(peer *p)
{
    const char *table = argument(p, "--table", "");
    create_topic(p, argument(p, "--input", NULL));
    create_topic(p, argument(p, "--output", NULL));
    if (*table != '\0') {
        create_topic(p, table);
        fill(p, table, number(p, "--fill", 0) / 10);
    }
    fill(p, argument(p, "--input", NULL), number(p, "--fill", 0));
}

static void open_broker(peer *p)
{
    static const char embedded[] = "embedded:";
    weir_error err = {0};
    const char *name = argument(p, "--broker", NULL);
    if (strncmp(name, embedded, sizeof(embedded) - 1) != 0) {
        weir_setting settings[SETTINGS_MAX];
        const weir_kafka_options kafka = {
            .bootstrap_servers = name,
            .librdkafka = settings,
            .librdkafka_count = settings_of(p, "--rd.", settings),
        };
        must(weir_broker_kafka_open(&kafka, &p->broker, &err), &err);
        return;
    }
    const weir_broker_embedded_options options = {.directory = name + sizeof(embedded) - 1};
    must(weir_broker_embedded_open(&options, &p->broker, &err), &err);
    fill_embedded(p);
}

static void make_config(peer *p)
{
    weir_setting settings[SETTINGS_MAX + 1];
    size_t count = settings_of(p, "--set.", settings);
    settings[count++] = (weir_setting){"application.id", argument(p, "--app", NULL)};
    weir_error err = {0};
    must(weir_config_init(&p->config, settings, count, &err), &err);
}

static void make_topology(peer *p)
{
    const work_topics topics = {
        .input = argument(p, "--input", NULL),
        .table = argument(p, "--table", ""),
        .output = argument(p, "--output", NULL),
        .cached = p->config.cache_bytes_max > 0,
    };
    p->topology = work_topology_new(argument(p, "--work", NULL), &topics, print_first, NULL);
    if (p->topology == NULL) {
        fprintf(stderr, "bench_kafka: there is no work %s\n", argument(p, "--work", NULL));
        exit(1);
    }
}

static void start(peer *p)
{
    weir_error err = {0};
    const weir_database_options database = {.directory = argument(p, "--state", NULL)};
    must(weir_database_open(&database, &p->database, &err), &err);
    open_broker(p);
    make_config(p);
    make_topology(p);
    p->metrics = weir_metrics_new();
    const weir_application_options options = {
        .topology = p->topology,
        .config = &p->config,
        .broker = p->broker,
        .database = p->database,
        .metrics = p->metrics,
    };
    must(weir_application_new(&options, &p->application, &err), &err);
    must(weir_application_start(p->application, &err), &err);
}

/* Waits a little, or (where input is asked for) until standard input says something. True at its
 * end. */
static bool pause_a_little(bool ask_input)
{
    struct pollfd input = {.fd = ask_input ? STDIN_FILENO : -1, .events = POLLIN};
    char bytes[64];
    return poll(&input, 1, WATCH_MS) > 0 && read(STDIN_FILENO, bytes, sizeof(bytes)) <= 0;
}

static void check_alive(const peer *p)
{
    weir_error err = {0};
    must(weir_application_failure(p->application, &err), &err);
}

static void wait_until_running(peer *p)
{
    while (weir_application_state_now(p->application) != WEIR_APPLICATION_RUNNING) {
        check_alive(p);
        (void)pause_a_little(false);
        if (p->restoring.clock_ns == 0 && metric(p, "weir_stream_thread_tasks") > 0) {
            p->restoring = usage_now();
        }
    }
    p->running = usage_now();
    p->restoring = p->restoring.clock_ns == 0 ? p->running : p->restoring;
    print_event("running");
}

static void wait_until_done(peer *p)
{
    bool until_eof = *argument(p, "--until-eof", "") != '\0';
    int64_t records = number(p, "--records", 0);
    bool ended = false;
    while (until_eof ? !ended : records_processed(p) < records) {
        check_alive(p);
        ended = pause_a_little(until_eof);
        weir_error err = {0};
        must(weir_broker_housekeep(p->broker, weir_clock_now_ms(), NULL, &err), &err);
    }
    p->processed = usage_now();
}

static void report(const peer *p)
{
    usage end = usage_now();
    struct rusage resources;
    (void)getrusage(RUSAGE_SELF, &resources);
    printf("{\"event\": \"result\", \"side\": \"weir\", \"records\": %" PRId64
           ", \"start_s\": %.3f, \"process_s\": %.3f, \"close_s\": %.3f, \"cpu_s\": %.3f, "
           "\"cpu_total_s\": %.3f, \"peak_rss_mb\": %.1f, \"restored\": %" PRId64
           ", \"restore_s\": %.3f, \"restore_cpu_s\": %.3f}\n",
           records_processed(p), seconds(p->running.clock_ns - p->started.clock_ns),
           seconds(p->processed.clock_ns - p->running.clock_ns),
           seconds(end.clock_ns - p->processed.clock_ns), seconds(end.cpu_ns - p->running.cpu_ns),
           seconds(end.cpu_ns), (double)resources.ru_maxrss / 1024,
           metric(p, "weir_stream_thread_restore_records_total"),
           seconds(p->running.clock_ns - p->restoring.clock_ns),
           seconds(p->running.cpu_ns - p->restoring.cpu_ns));
}

static void peer_cleanup(peer *p)
{
    weir_application_free(p->application);
    weir_topology_free(p->topology);
    weir_config_cleanup(&p->config);
    weir_database_free(p->database);
    weir_broker_free(p->broker);
    weir_metrics_free(p->metrics);
}

int main(int argc, char **argv)
{
    WEIR_AUTO(peer) p = {.argument_count = argc - 1, .arguments = argv + 1};
    weir_error err = {0};
    p.started = usage_now();
    weir_log_set_level(WEIR_LOG_WARN);
    print_event("started");
    start(&p);
    wait_until_running(&p);
    wait_until_done(&p);
    must(weir_application_close(p.application, &err), &err);
    report(&p);
    return 0;
}
