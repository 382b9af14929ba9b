/* SPDX-License-Identifier: Apache-2.0
 *
 * bench_recovery - how long a process needs until it runs the tasks of another one, by where their
 * state comes from: the changelogs, a snapshot over HTTP and the changelogs' tail, its own disk and
 * the tail, a standby's stores and what they lack.
 *
 *   bench_recovery [--records N] [--keys N] [--tail N]
 *
 * Changelog records of 100 bytes on the embedded broker, 4 tasks, one worker.
 */
#include "connectors/broker_embedded.h"
#include "connectors/rest_snapshot.h"
#include "connectors/snapshot_http.h"
#include "streams/base/clock.h"
#include "streams/base/file.h"
#include "streams/base/hash.h"
#include "streams/base/logging.h"
#include "streams/base/random.h"
#include "streams/internal_topics.h"
#include "streams/producer.h"
#include "streams/stream_thread.h"
#include "tests/harness/count_topology.h"
#include "tests/perf/must.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PARTITIONS = 4, VALUE_BYTES = 84, NS_PER_MS = 1000 * 1000 };

typedef struct process {
    weir_database *database;
    weir_membership *membership;
    weir_stream_thread *thread;
    size_t running;
    size_t standing_by;
    const char *source; /* Of snapshots; NULL: none. */
} process;

typedef struct bench {
    int64_t records;
    int64_t keys;
    int64_t tail;
    weir_random random;
    weir_broker *broker;
    weir_topology *topology;
    weir_config config;
    weir_plan *plan;
    weir_producer *producer;
} bench;

static void take_report(void *user, size_t task_index, weir_task_report report)
{
    process *to = user;
    (void)task_index;
    to->running += report == WEIR_REPORT_RUNNING ? 1 : 0;
    to->standing_by += report == WEIR_REPORT_STANDBY ? 1 : 0;
}

static bool find_snapshot(void *user, size_t task_index, weir_buf *out_address)
{
    const process *of = user;
    (void)task_index;
    weir_buf_clear(out_address);
    weir_buf_append_text(out_address, of->source == NULL ? "" : of->source);
    return of->source != NULL;
}

static void open_process(bench *b, process *to, const char *directory)
{
    weir_error err = {0};
    const weir_database_options database = {.directory = directory};
    must(weir_database_open(&database, &to->database, &err), &err);
    to->membership = weir_membership_new();
    const weir_stream_thread_options options = {
        .plan = b->plan,
        .config = &b->config,
        .broker = b->broker,
        .database = to->database,
        .membership = to->membership,
        .process_id = directory,
        .report = take_report,
        .snapshots = &weir_snapshot_http,
        .find_snapshot = find_snapshot,
        .user = to,
    };
    to->thread = weir_stream_thread_new(&options);
    must(weir_stream_thread_open(to->thread, &err), &err);
}

static void close_process(process *of)
{
    weir_stream_thread_free(weir_take(&of->thread));
    weir_membership_free(weir_take(&of->membership));
    weir_database_free(weir_take(&of->database));
}

static void turn(process *of)
{
    weir_error err = {0};
    bool busy = false;
    must(weir_stream_thread_step(of->thread, weir_clock_now_ms(), &busy, &err), &err);
    if (!busy) {
        weir_stream_thread_wait(of->thread, weir_clock_now_ms());
    }
}

static void tell_all(process *of, weir_task_command command)
{
    weir_error err = {0};
    of->running = 0;
    of->standing_by = 0;
    for (size_t i = 0; i < PARTITIONS; i++) {
        must(weir_stream_thread_post(of->thread, command, i, &err), &err);
    }
}

/* Opens all tasks and says how long it took until they run. */
static void measure(const bench *b, process *of, const char *name)
{
    uint64_t started_ns = weir_clock_monotonic_ns();
    uint64_t started_cpu_ns = weir_clock_process_cpu_ns();
    tell_all(of, WEIR_COMMAND_OPEN);
    while (of->running < PARTITIONS) {
        turn(of);
    }
    printf("%-44s %8.0f ms %8.0f cpu-ms   (%" PRId64 " records, %" PRId64 " keys, tail %" PRId64
           ")\n",
           name, (double)(weir_clock_monotonic_ns() - started_ns) / NS_PER_MS,
           (double)(weir_clock_process_cpu_ns() - started_cpu_ns) / NS_PER_MS, b->records, b->keys,
           b->tail);
    fflush(stdout);
}

static void write_changelog(bench *b, int64_t records)
{
    weir_error err = {0};
    int32_t topic = 0;
    int32_t partitions = 0;
    must(weir_producer_topic(b->producer, "bench-counts-changelog", &topic, &partitions, &err),
         &err);
    char value[VALUE_BYTES];
    memset(value, 'v', sizeof(value));
    for (int64_t i = 0; i < records; i++) {
        char key[17];
        snprintf(key, sizeof(key), "key-%012" PRIu64,
                 weir_random_below(&b->random, (uint64_t)b->keys));
        weir_record record = {
            .timestamp_ms = 1700000000000 + i,
            .key = weir_bytes_of_text(key),
            .value = weir_bytes_of(value, sizeof(value)),
        };
        record.partition = weir_partition_of(record.key, partitions);
        weir_status status = weir_producer_send(b->producer, topic, &record, &err);
        if (status == WEIR_AGAIN) {
            must(weir_producer_flush(b->producer, 60000, &err), &err);
            status = weir_producer_send(b->producer, topic, &record, &err);
        }
        must(status, &err);
    }
    must(weir_producer_flush(b->producer, 60000, &err), &err);
}

static void open_bench(bench *b)
{
    weir_error err = {0};
    must(weir_directory_remove("bench_recovery.tmp", &err), &err);
    const weir_broker_embedded_options broker = {.directory = "bench_recovery.tmp/broker"};
    must(weir_broker_embedded_open(&broker, &b->broker, &err), &err);
    const weir_setting settings[] = {
        {"application.id", "bench"},
        {"weir.snapshot.lag.min", "1"},
    };
    must(weir_config_init(&b->config, settings, WEIR_COUNT_OF(settings), &err), &err);
    b->topology = count_topology_new(&(count_topology_options){0});
    const char *const topics[] = {"in", "out"};
    for (size_t i = 0; i < WEIR_COUNT_OF(topics); i++) {
        const weir_topic_config topic = {.name = topics[i], .partition_count = PARTITIONS};
        must(weir_broker_create_topic(b->broker, &topic, &err), &err);
    }
    must(weir_internal_topics_plan(b->broker, b->topology, &b->config, &b->plan, &err), &err);
    must(weir_internal_topics_create(b->broker, b->plan, &b->config, &err), &err);
    must(weir_producer_new(b->broker, &(weir_producer_options){0}, &b->producer, &err), &err);
    b->random = weir_random_of(1);
    write_changelog(b, b->records);
}

static void close_bench(bench *b)
{
    weir_error err = {0};
    weir_producer_free(b->producer);
    weir_plan_free(b->plan);
    weir_topology_free(b->topology);
    weir_config_cleanup(&b->config);
    weir_broker_free(b->broker);
    must(weir_directory_remove("bench_recovery.tmp", &err), &err);
}

/* Nobody makes passes of the process meanwhile, so its tasks may be used from here. */
static weir_status take(void *user, size_t task_index, weir_task_snapshot *out_snapshot,
                        weir_error *err)
{
    const process *of = user;
    return weir_task_snapshot_take(weir_stream_thread_task(of->thread, task_index), out_snapshot,
                                   err);
}

static void measure_snapshot(bench *b, process *owner)
{
    weir_error err = {0};
    weir_rest_snapshots *given = weir_rest_snapshots_new();
    const weir_snapshot_host_options options = {.plan = b->plan, .take = take, .user = owner};
    weir_rest_snapshots_add(given, "bench", weir_snapshot_host_new(&options));
    weir_rest *rest = NULL;
    must(weir_rest_new(&(weir_rest_options){0}, &rest, &err), &err);
    weir_rest_snapshots_serve(given, rest);
    must(weir_rest_start(rest, &err), &err);
    WEIR_AUTO_FREE char *address = weir_format("127.0.0.1:%u", weir_rest_port(rest));
    process other = {.source = address};
    open_process(b, &other, "bench_recovery.tmp/other");
    measure(b, &other, "a snapshot over HTTP, and the tail");
    weir_rest_free(rest);
    weir_rest_snapshots_free(given);
    close_process(&other);
    write_changelog(b, b->tail);
    other = (process){.source = NULL};
    open_process(b, &other, "bench_recovery.tmp/other");
    measure(b, &other, "its own disk, and the tail");
    close_process(&other);
}

static void measure_standby(bench *b)
{
    process standby = {.source = NULL};
    open_process(b, &standby, "bench_recovery.tmp/other");
    tell_all(&standby, WEIR_COMMAND_STANDBY);
    while (standby.standing_by < PARTITIONS || !weir_stream_thread_is_idle(standby.thread)) {
        turn(&standby);
    }
    write_changelog(b, b->tail);
    measure(b, &standby, "a standby, and what it lacks");
    close_process(&standby);
}

int main(int argc, char **argv)
{
    bench b = {.records = 4000000, .keys = 2000000, .tail = 20000};
    weir_log_set_level(WEIR_LOG_WARN);
    for (int i = 1; i + 1 < argc; i += 2) {
        int64_t number = strtoll(argv[i + 1], NULL, 10);
        if (strcmp(argv[i], "--records") == 0) {
            b.records = number;
        } else if (strcmp(argv[i], "--keys") == 0) {
            b.keys = number;
        } else if (strcmp(argv[i], "--tail") == 0) {
            b.tail = number;
        }
    }
    open_bench(&b);
    process owner = {.source = NULL};
    open_process(&b, &owner, "bench_recovery.tmp/owner");
    measure(&b, &owner, "all of the changelogs");
    write_changelog(&b, b.tail);
    measure_snapshot(&b, &owner);
    measure_standby(&b);
    close_process(&owner);
    close_bench(&b);
    return 0;
}
