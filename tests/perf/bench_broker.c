/* SPDX-License-Identifier: Apache-2.0
 *
 * bench_broker - records a second through the embedded broker: appended plainly and in
 * transactions, and read, on one thread; and how fast a full directory opens.
 *
 *   bench_broker [--records N] [--json FILE]
 *
 * Records have a 16-byte key and an 84-byte value. Rates are given by the clock and by CPU time of
 * the process, for the page cache writes to the disk when it likes.
 */
#include "connectors/broker_embedded.h"
#include "streams/base/clock.h"
#include "streams/base/file.h"
#include "streams/base/json.h"
#include "streams/consumer.h"
#include "streams/producer.h"
#include "tests/perf/must.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    RECORDS_DEFAULT = 3000000,
    PARTITIONS = 4,
    KEY_BYTES = 16,
    VALUE_BYTES = 84,
    COMMIT_EVERY = 10000,
    RESULTS_MAX = 8,
    NS_PER_SECOND = 1000000000,
};

typedef struct bench_result {
    const char *name;
    int64_t records;
    double seconds;
    double cpu_seconds;
} bench_result;

typedef struct broker_bench {
    weir_broker *broker;
    int64_t records;
    bench_result results[RESULTS_MAX];
    size_t result_count;
    uint64_t started_ns;
    uint64_t started_cpu_ns;
} broker_bench;

static void start(broker_bench *bench)
{
    bench->started_ns = weir_clock_monotonic_ns();
    bench->started_cpu_ns = weir_clock_process_cpu_ns();
}

static void finish(broker_bench *bench, const char *name, int64_t records)
{
    double seconds =
        (double)(weir_clock_monotonic_ns() - bench->started_ns) / (double)NS_PER_SECOND;
    double cpu_seconds =
        (double)(weir_clock_process_cpu_ns() - bench->started_cpu_ns) / (double)NS_PER_SECOND;
    bench->results[bench->result_count++] = (bench_result){name, records, seconds, cpu_seconds};
    printf("%-28s %10" PRId64 " records  %6.2f s  %6.2f cpu-s  %9.0f/s  %9.0f/cpu-s\n", name,
           records, seconds, cpu_seconds, (double)records / seconds, (double)records / cpu_seconds);
    fflush(stdout);
}

static void append(broker_bench *bench, const char *topic, const char *transactional_id)
{
    weir_error err = {0};
    WEIR_AUTO_PTR(weir_producer) producer = NULL;
    weir_producer_options options = {.transactional_id = transactional_id};
    weir_topic_config config = {.name = topic, .partition_count = PARTITIONS};
    int32_t number = 0;
    int32_t partition_count = 0;
    must(weir_broker_create_topic(bench->broker, &config, &err), &err);
    must(weir_producer_new(bench->broker, &options, &producer, &err), &err);
    must(weir_producer_topic(producer, topic, &number, &partition_count, &err), &err);
    uint8_t bytes[KEY_BYTES + VALUE_BYTES] = {0};
    weir_record record = {.key = weir_bytes_of(bytes, KEY_BYTES),
                          .value = weir_bytes_of(bytes + KEY_BYTES, VALUE_BYTES)};
    start(bench);
    for (int64_t i = 0; i < bench->records; i++) {
        if (transactional_id != NULL && i % COMMIT_EVERY == 0) {
            must(weir_producer_begin(producer, &err), &err);
        }
        memcpy(bytes, &i, sizeof i);
        record.partition = (int32_t)(i % PARTITIONS);
        record.timestamp_ms = i;
        must(weir_producer_send(producer, number, &record, &err), &err);
        if (transactional_id != NULL && (i + 1) % COMMIT_EVERY == 0) {
            must(weir_producer_commit(producer, &err), &err);
        }
    }
    must(weir_producer_flush(producer, 0, &err), &err);
    finish(bench, transactional_id == NULL ? "append, plain" : "append, transactions",
           bench->records);
}

static void read_all(broker_bench *bench, const char *topic, const char *name)
{
    weir_error err = {0};
    WEIR_AUTO_PTR(weir_consumer) consumer = NULL;
    weir_consumer_options options = {0};
    must(weir_consumer_new(bench->broker, &options, &consumer, &err), &err);
    for (int32_t i = 0; i < PARTITIONS; i++) {
        must(weir_consumer_assign(consumer, (weir_topic_partition){topic, i}, 0, WEIR_RESET_NONE,
                                  NULL, &err),
             &err);
    }
    int64_t sum = 0; /* Each record is looked at, as a reader would. */
    int64_t records = 0;
    start(bench);
    while (records < bench->records) {
        weir_batch *batch = NULL;
        must(weir_consumer_poll(consumer, 0, &batch, &err), &err);
        for (size_t i = 0; i < batch->count; i++) {
            const uint8_t *value = batch->records[i].value.data;
            sum += batch->records[i].timestamp_ms + value[VALUE_BYTES - 1];
        }
        records += (int64_t)batch->count;
        weir_batch_free(batch);
    }
    finish(bench, name, records);
    if (sum != bench->records * (bench->records - 1) / 2) {
        fprintf(stderr, "bench_broker: read other records than were written\n");
        exit(1);
    }
}

static void write_json(const broker_bench *bench, const char *path)
{
    WEIR_AUTO(weir_buf) text = {0};
    weir_error err = {0};
    weir_json json = weir_json_of(&text);
    weir_json_begin_array(&json);
    for (size_t i = 0; i < bench->result_count; i++) {
        const bench_result *result = &bench->results[i];
        weir_json_begin_object(&json);
        weir_json_member_text(&json, "bench", "broker");
        weir_json_member_text(&json, "name", result->name);
        weir_json_member_i64(&json, "records", result->records);
        weir_json_member_f64(&json, "seconds", result->seconds);
        weir_json_member_f64(&json, "cpu_seconds", result->cpu_seconds);
        weir_json_member_f64(&json, "records_per_second",
                             (double)result->records / result->seconds);
        weir_json_member_f64(&json, "records_per_cpu_second",
                             (double)result->records / result->cpu_seconds);
        weir_json_end_object(&json);
    }
    weir_json_end_array(&json);
    weir_buf_append_byte(&text, '\n');
    must(weir_file_replace(path, weir_buf_bytes(&text), false, &err), &err);
}

static void run(broker_bench *bench, const char *directory)
{
    weir_error err = {0};
    weir_broker_embedded_options options = {.directory = directory};
    must(weir_broker_embedded_open(&options, &bench->broker, &err), &err);
    append(bench, "plain", NULL);
    append(bench, "transactional", "bench");
    read_all(bench, "plain", "read");
    read_all(bench, "transactional", "read, transactions");
    weir_broker_free(bench->broker);
    start(bench);
    must(weir_broker_embedded_open(&options, &bench->broker, &err), &err);
    finish(bench, "open", 2 * bench->records);
    weir_broker_free(bench->broker);
}

int main(int argc, char **argv)
{
    broker_bench bench = {.records = RECORDS_DEFAULT};
    const char *json_path = NULL;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--records") == 0) {
            bench.records = strtoll(argv[i + 1], NULL, 10);
        } else if (strcmp(argv[i], "--json") == 0) {
            json_path = argv[i + 1];
        }
    }
    if (argc % 2 == 0 || bench.records < COMMIT_EVERY) {
        fprintf(stderr, "usage: bench_broker [--records N] [--json FILE]\n");
        return 2;
    }
    bench.records -= bench.records % COMMIT_EVERY;
    char directory[] = "bench-broker-XXXXXX";
    weir_error err = {0};
    if (mkdtemp(directory) == NULL) {
        perror("mkdtemp");
        return 1;
    }
    run(&bench, directory);
    must(weir_directory_remove(directory, &err), &err);
    if (json_path != NULL) {
        write_json(&bench, json_path);
    }
    return 0;
}
