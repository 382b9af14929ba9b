/* SPDX-License-Identifier: Apache-2.0
 *
 * sim_outside.c - input and housekeeping. What the checks expect is what is on the log, so nothing
 * fails here.
 */
#include "tests/sim/sim_outside.h"

#include "streams/base/hash.h"
#include "streams/base/serde.h"
#include "streams/term.h"
#include "tests/harness/check.h"

#include <inttypes.h>
#include <stdio.h>

enum { RECORDS_AT_ONCE_MAX = 8 };

static void create_topic(const sim_outside *outside, const char *name, int32_t partition_count)
{
    weir_error err = {0};
    const weir_topic_config config = {
        .name = name, .partition_count = partition_count, .retention_ms = -1};
    CHECK_OK(weir_broker_create_topic(outside->broker, &config, &err), &err);
}

sim_outside sim_outside_open(sim_cluster *cluster)
{
    sim_outside outside = {.cluster = cluster, .broker = sim_broker_connect(cluster)};
    weir_error err = {0};
    create_topic(&outside, SIM_APP_IN, SIM_APP_PARTITIONS);
    create_topic(&outside, SIM_APP_OUT, 1);
    CHECK_OK(
        weir_producer_new(outside.broker, &(weir_producer_options){0}, &outside.producer, &err),
        &err);
    return outside;
}

void sim_outside_close(sim_outside *outside)
{
    weir_producer_free(outside->producer);
    weir_broker_free(outside->broker);
}

static void suspend(const sim_outside *outside, const sim_faults *faults)
{
    const sim_faults none = {.kafka_transactions = faults->kafka_transactions};
    sim_cluster_set_faults(outside->cluster, &none);
}

/* The number of the record is its value. */
static void send(const sim_outside *outside, int32_t topic, int32_t key_number, int64_t now_ms,
                 sim_checks *checks)
{
    char key[16];
    char value[24];
    (void)snprintf(key, sizeof(key), "k%" PRId32, key_number);
    (void)snprintf(value, sizeof(value), "%" PRId64, checks->input_count);
    const weir_record record = {
        .partition = weir_partition_of(weir_bytes_of_text(key), SIM_APP_PARTITIONS),
        .timestamp_ms = now_ms,
        .key = weir_bytes_of_text(key),
        .value = weir_bytes_of_text(value),
    };
    weir_error err = {0};
    int64_t offset = 0;
    CHECK_OK(weir_producer_send(outside->producer, topic, &record, &err), &err);
    CHECK_OK(weir_producer_flush(outside->producer, 0, &err), &err);
    CHECK_STATUS(weir_producer_acked_offset(outside->producer, topic, record.partition, &offset),
                 WEIR_OK);
    sim_checks_add_input(checks, (sim_input){key_number, record.partition, offset});
}

uint64_t sim_outside_produce(const sim_outside *outside, const sim_faults *faults,
                             weir_random *random, int64_t now_ms, sim_checks *checks)
{
    uint64_t count = 1 + weir_random_below(random, RECORDS_AT_ONCE_MAX);
    uint64_t sent = 0;
    weir_error err = {0};
    int32_t topic = 0;
    int32_t partition_count = 0;
    suspend(outside, faults);
    CHECK_OK(weir_producer_topic(outside->producer, SIM_APP_IN, &topic, &partition_count, &err),
             &err);
    for (; sent < count && checks->input_count < SIM_APP_RECORDS_MAX; sent++) {
        int32_t key_number = (int32_t)weir_random_below(random, SIM_APP_KEYS);
        send(outside, topic, key_number, now_ms, checks);
    }
    sim_cluster_set_faults(outside->cluster, faults);
    return sent;
}

/* A record of a partition, each as likely as any other, and the highest term. */
typedef struct late_record {
    weir_random *random;
    uint64_t seen;
    weir_buf key;
    weir_buf value;
    bool is_removal;
    int64_t term;
    int64_t highest;
} late_record;

static void choose(void *user, const weir_record *record)
{
    late_record *late = user;
    int64_t term = weir_term_of(record);
    late->highest = term > late->highest ? term : late->highest;
    if (weir_random_below(late->random, ++late->seen) == 0) {
        weir_buf_set(&late->key, record->key);
        weir_buf_set(&late->value, record->value);
        late->is_removal = record->value.data == NULL;
        late->term = term;
    }
}

static void write_late(const sim_outside *outside, const char *topic, int32_t partition,
                       const late_record *late)
{
    uint8_t term[WEIR_TERM_BYTES];
    weir_put_u64_be(term, (uint64_t)late->term);
    const weir_header header = {WEIR_BYTES(WEIR_TERM_HEADER), weir_bytes_of(term, sizeof(term))};
    const weir_record record = {
        .partition = partition,
        .timestamp_ms = 1,
        .key = weir_buf_bytes(&late->key),
        .value = late->is_removal ? WEIR_BYTES_NULL : weir_buf_bytes(&late->value),
        .headers = &header,
        .header_count = 1,
    };
    weir_error err = {0};
    int32_t number = 0;
    int32_t partition_count = 0;
    CHECK_OK(weir_producer_topic(outside->producer, topic, &number, &partition_count, &err), &err);
    CHECK_OK(weir_producer_send(outside->producer, number, &record, &err), &err);
    CHECK_OK(weir_producer_flush(outside->producer, 0, &err), &err);
}

bool sim_outside_write_late(const sim_outside *outside, const sim_faults *faults,
                            weir_random *random)
{
    static const struct {
        const char *topic;
        uint64_t partitions;
    } changelogs[] = {{SIM_APP_ID "-counts-changelog", SIM_APP_PARTITIONS},
                      {SIM_APP_ID "-totals-changelog", SIM_APP_GROUP_PARTITIONS}};
    size_t at = weir_random_below(random, WEIR_COUNT_OF(changelogs));
    int32_t partition = (int32_t)weir_random_below(random, changelogs[at].partitions);
    late_record late = {.random = random};
    sim_cluster_visit(outside->cluster, (weir_topic_partition){changelogs[at].topic, partition},
                      NULL, choose, &late);
    /* Of its writer, or else of an owner that had not written before the last one did. */
    late.term = late.term < late.highest ? late.term : late.highest - 1;
    bool is_one = late.term > 0;
    if (is_one) {
        suspend(outside, faults);
        write_late(outside, changelogs[at].topic, partition, &late);
        sim_cluster_set_faults(outside->cluster, faults);
    }
    weir_buf_cleanup(&late.key);
    weir_buf_cleanup(&late.value);
    return is_one;
}

void sim_outside_keep_house(const sim_outside *outside, const sim_faults *faults, int64_t now_ms)
{
    weir_error err = {0};
    suspend(outside, faults);
    CHECK_OK(weir_broker_housekeep(outside->broker, now_ms, NULL, &err), &err);
    sim_cluster_set_faults(outside->cluster, faults);
}
