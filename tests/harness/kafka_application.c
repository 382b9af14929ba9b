/* SPDX-License-Identifier: Apache-2.0
 *
 * kafka_application.c - lives of a process, and the records around it.
 */
#include "tests/harness/kafka_application.h"

#include "connectors/broker_kafka.h"
#include "streams/base/clock.h"
#include "streams/base/hash.h"
#include "streams/base/serde.h"
#include "streams/consumer.h"
#include "streams/producer.h"
#include "streams/term.h"
#include "tests/harness/check.h"
#include "tests/harness/count_topology.h"
#include "tests/harness/kafka_cluster.h"

#include <stdlib.h>
#include <string.h>

enum {
    SETTINGS_MAX = 16,
    PATIENCE_S = 120,
    WAIT_MS = 10000,
    POLL_MS = 100,
};

static uint64_t patience_ends(void)
{
    return weir_clock_monotonic_ns() + PATIENCE_S * (uint64_t)1000 * WEIR_NS_PER_MS;
}

static void check_patience(uint64_t end_ns, const char *what)
{
    if (weir_clock_monotonic_ns() > end_ns) {
        check_fail(__FILE__, __LINE__, "after %d s it is still to come: %s", PATIENCE_S, what);
    }
}

/* Lives. */

void kafka_application_set(kafka_application *a, const weir_setting *settings, size_t count)
{
    const weir_setting own[] = {
        {"application.id", a->name},
        {"commit.interval.ms", "50"},
        {"poll.ms", "5"},
        {"session.timeout.ms", "6000"},
    };
    enum { OWN = WEIR_COUNT_OF(own) };
    weir_setting all[SETTINGS_MAX];
    CHECK_I64(OWN + count, <=, SETTINGS_MAX);
    memcpy(all, own, sizeof own);
    if (count > 0) {
        memcpy(all + OWN, settings, count * sizeof *settings);
    }
    weir_config_cleanup(&a->config);
    CHECK_OK(weir_config_init(&a->config, all, OWN + count, &a->err), &a->err);
}

void kafka_application_open(kafka_application *a)
{
    const weir_database_options database = {.directory = a->directory};
    CHECK_OK(weir_database_open(&database, &a->database, &a->err), &a->err);
    a->metrics = weir_metrics_new();
    const weir_application_options options = {
        .topology = a->topology,
        .config = &a->config,
        .broker = a->broker,
        .database = a->database,
        .metrics = a->metrics,
        .process_id = a->process_id,
    };
    a->err = (weir_error){0};
    CHECK_OK(weir_application_new(&options, &a->application, &a->err), &a->err);
}

static void end_life(kafka_application *a)
{
    weir_application_free(weir_take(&a->application));
    weir_database_free(weir_take(&a->database));
    weir_metrics_free(weir_take(&a->metrics));
}

static void make_topic(kafka_application *a, const char *suffix)
{
    WEIR_AUTO_FREE char *name = kafka_application_topic(a, suffix);
    const weir_topic_config topic = {.name = name, .partition_count = KAFKA_PARTITIONS};
    CHECK_OK(weir_broker_create_topic(a->broker, &topic, &a->err), &a->err);
}

static weir_topology *counting_topology(const char *name)
{
    WEIR_AUTO_FREE char *input = weir_format("%s-in", name);
    WEIR_AUTO_FREE char *output = weir_format("%s-out", name);
    return count_topology_new(
        &(count_topology_options){.engine = WEIR_ENGINE_ROCKSDB, .input = input, .output = output});
}

void kafka_application_start(kafka_application *a, const kafka_application_options *options)
{
    const weir_kafka_options kafka = {.bootstrap_servers = kafka_cluster_shared()};
    a->name = options->name;
    a->process_id = options->process_id;
    CHECK_OK(weir_broker_kafka_open(&kafka, &a->broker, &a->err), &a->err);
    make_topic(a, "in");
    make_topic(a, "out");
    a->topology =
        options->topology == NULL ? counting_topology(a->name) : options->topology(a->name);
    a->directory = check_directory();
    kafka_application_set(a, options->settings, options->setting_count);
    kafka_application_open(a);
}

void kafka_application_cleanup(kafka_application *a)
{
    end_life(a);
    weir_topology_free(a->topology);
    weir_config_cleanup(&a->config);
    free(a->directory);
    weir_broker_free(a->broker);
    *a = (kafka_application){0};
}

/* Steps. */

static weir_status step_alone(kafka_application *a)
{
    bool busy = false;
    return weir_application_step(a->application, weir_clock_now_ms() + a->ahead_ms, &busy, &a->err);
}

weir_status kafka_application_step(kafka_application *a)
{
    if (a->peer != NULL && a->peer->application != NULL) {
        CHECK_OK(step_alone(a->peer), &a->peer->err);
    }
    return step_alone(a);
}

void kafka_application_await(kafka_application *a, bool (*done)(kafka_application *a, void *user),
                             void *user, const char *what)
{
    uint64_t end_ns = patience_ends();
    while (!done(a, user)) {
        CHECK_OK(kafka_application_step(a), &a->err);
        check_patience(end_ns, what);
    }
}

static bool all_is_committed(kafka_application *a, void *user)
{
    (void)user;
    WEIR_AUTO_FREE char *input = kafka_application_topic(a, "in");
    WEIR_AUTO(weir_buf) metadata = {0};
    for (int32_t p = 0; p < KAFKA_PARTITIONS; p++) {
        const weir_topic_partition partition = {input, p};
        int64_t committed = 0;
        weir_status status =
            weir_broker_group_offset(a->broker, a->name, partition, &committed, &metadata, &a->err);
        if (status != WEIR_OK && status != WEIR_NOT_FOUND) {
            CHECK_STATUS(status, WEIR_AGAIN);
            return false;
        }
        if (committed < kafka_application_end(a, p)) {
            return false;
        }
    }
    return weir_application_state_now(a->application) == WEIR_APPLICATION_RUNNING;
}

void kafka_application_run(kafka_application *a)
{
    kafka_application_await(a, all_is_committed, NULL, "all of the input is committed");
}

weir_status kafka_application_fail(kafka_application *a)
{
    weir_status status = WEIR_OK;
    uint64_t end_ns = patience_ends();
    while (status == WEIR_OK) {
        status = kafka_application_step(a);
        check_patience(end_ns, "it stops");
    }
    while (weir_application_state_now(a->application) != WEIR_APPLICATION_ERROR) {
        (void)kafka_application_step(a);
        check_patience(end_ns, "state ERROR");
    }
    (void)weir_application_failure(a->application, &a->err);
    end_life(a);
    return status;
}

void kafka_application_close(kafka_application *a)
{
    weir_application_request_close(a->application);
    uint64_t end_ns = patience_ends();
    while (weir_application_state_now(a->application) != WEIR_APPLICATION_NOT_RUNNING) {
        CHECK_OK(kafka_application_step(a), &a->err);
        check_patience(end_ns, "it is closed");
    }
    end_life(a);
}

/* Records. */

char *kafka_application_topic(const kafka_application *a, const char *suffix)
{
    return weir_format("%s-%s", a->name, suffix);
}

int64_t kafka_application_send(kafka_application *a, const char *topic, const weir_record *record)
{
    int32_t number = 0;
    int32_t partitions = 0;
    int64_t offset = -1;
    WEIR_AUTO_PTR(weir_producer) producer = NULL;
    CHECK_OK(weir_producer_new(a->broker, &(weir_producer_options){0}, &producer, &a->err),
             &a->err);
    CHECK_OK(weir_producer_topic(producer, topic, &number, &partitions, &a->err), &a->err);
    CHECK_OK(weir_producer_send(producer, number, record, &a->err), &a->err);
    CHECK_OK(weir_producer_flush(producer, WAIT_MS, &a->err), &a->err);
    CHECK_OK(weir_producer_acked_offset(producer, number, record->partition, &offset), &a->err);
    return offset;
}

void kafka_application_feed(kafka_application *a, size_t first, size_t count)
{
    int32_t number = 0;
    int32_t partitions = 0;
    WEIR_AUTO_FREE char *input = kafka_application_topic(a, "in");
    WEIR_AUTO_PTR(weir_producer) producer = NULL;
    CHECK_OK(weir_producer_new(a->broker, &(weir_producer_options){0}, &producer, &a->err),
             &a->err);
    CHECK_OK(weir_producer_topic(producer, input, &number, &partitions, &a->err), &a->err);
    for (size_t i = 0; i < count; i++) {
        WEIR_AUTO_FREE char *key = weir_format("k%zu", first + i);
        weir_record record = {
            .timestamp_ms = 1000, .key = weir_bytes_of_text(key), .value = WEIR_BYTES("v")};
        record.partition = weir_partition_of(record.key, partitions);
        CHECK_OK(weir_producer_send(producer, number, &record, &a->err), &a->err);
    }
    CHECK_OK(weir_producer_flush(producer, WAIT_MS, &a->err), &a->err);
}

static int64_t end_of(kafka_application *a, const char *topic, int32_t partition)
{
    int64_t end = 0;
    CHECK_OK(weir_broker_offset(a->broker, (weir_topic_partition){topic, partition},
                                WEIR_OFFSET_LATEST, 0, &end, &a->err),
             &a->err);
    return end;
}

int64_t kafka_application_end(kafka_application *a, int32_t partition)
{
    WEIR_AUTO_FREE char *input = kafka_application_topic(a, "in");
    return end_of(a, input, partition);
}

/* Called with what is committed in a partition, batch by batch. */
typedef void (*take_batch)(const weir_batch *batch, void *user);

static void read_partition(kafka_application *a, weir_topic_partition partition, take_batch take,
                           void *user)
{
    int64_t end = end_of(a, partition.topic, partition.partition);
    int64_t begin = 0;
    CHECK_OK(weir_broker_offset(a->broker, partition, WEIR_OFFSET_EARLIEST, 0, &begin, &a->err),
             &a->err);
    WEIR_AUTO_PTR(weir_consumer) consumer = NULL;
    const weir_consumer_options options = {.isolation = WEIR_READ_COMMITTED};
    CHECK_OK(weir_consumer_new(a->broker, &options, &consumer, &a->err), &a->err);
    CHECK_OK(weir_consumer_assign(consumer, partition, begin, WEIR_RESET_NONE, NULL, &a->err),
             &a->err);
    uint64_t end_ns = patience_ends();
    while (weir_consumer_position(consumer, partition) < end) {
        weir_batch *batch = NULL;
        weir_status status = weir_consumer_poll(consumer, POLL_MS, &batch, &a->err);
        if (status == WEIR_OK) {
            take(batch, user);
            weir_batch_free(batch);
            continue;
        }
        CHECK_STATUS(status, WEIR_AGAIN);
        check_patience(end_ns, "the end of a topic");
    }
}

typedef struct last_of {
    const char *key;
    kafka_last last;
} last_of;

static void take_last(const weir_batch *batch, void *user)
{
    last_of *of = user;
    for (size_t i = 0; i < batch->count; i++) {
        const weir_record *record = &batch->records[i];
        if (weir_bytes_equal(record->key, weir_bytes_of_text(of->key)) &&
            record->value.size == sizeof(uint64_t)) {
            of->last.count = (int64_t)weir_get_u64_be(record->value.data);
            of->last.term = weir_term_of(record);
        }
    }
}

kafka_last kafka_application_last(kafka_application *a, const char *topic, const char *key)
{
    last_of of = {key, {.count = -1}};
    const weir_topic_partition partition = {
        topic, weir_partition_of(weir_bytes_of_text(key), KAFKA_PARTITIONS)};
    read_partition(a, partition, take_last, &of);
    return of.last;
}

static void take_count(const weir_batch *batch, void *user)
{
    *(int64_t *)user += (int64_t)batch->count;
}

int64_t kafka_application_records(kafka_application *a, const char *topic)
{
    int64_t count = 0;
    for (int32_t p = 0; p < KAFKA_PARTITIONS; p++) {
        read_partition(a, (weir_topic_partition){topic, p}, take_count, &count);
    }
    return count;
}

int64_t kafka_application_metric(const kafka_application *a, const char *name)
{
    return weir_metrics_sum(a->metrics, name, NULL);
}
