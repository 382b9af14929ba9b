/* SPDX-License-Identifier: Apache-2.0
 *
 * fault_records - makes the input of the fault tests and judges their output.
 *
 *   fault_records BROKER topics PARTITIONS REPLICATION
 *   fault_records BROKER feed KEYS VALUE_BYTES SEED
 *       for each line "N" of stdin N more records; "sent TOTAL" once they are acknowledged
 *   fault_records BROKER lag APPLICATION
 *       "lag N": records of the input that the application has not committed; -1: it commits now
 *   fault_records BROKER check exact|least APPLICATION KEYS FILE
 *       Counts the records of each key in the input, as it stands in the topic, and holds the
 *       committed output and the changelog against it; FILE gets a line "key count" each.
 *
 * exact: the output has for each key 1, 2, … n, each once and in order, n the number of its
 * inputs, and the changelog ends with n. least: both end with n or more.
 */
#include "streams/base/hash.h"
#include "streams/base/random.h"
#include "streams/base/serde.h"
#include "streams/consumer.h"
#include "streams/producer.h"
#include "tests/faults/fault_broker.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    KEY_BYTES = 16,
    PARTITIONS_MAX = 64,
    BATCH_RECORDS = 10000,
    FETCH_BYTES = 4 << 20,
    POLL_MS = 1000,
    SILENT_POLLS_MAX = 60, /* So long nothing may come before the end is reached. */
    FLUSH_MS = 1000,
    FLUSHES_MAX = 600,
    COMPLAINTS_MAX = 10,
};

static const char input_topic[] = "in";
static const char output_topic[] = "out";

static _Noreturn void give_up(const char *what)
{
    fprintf(stderr, "fault_records: %s\n", what);
    exit(1);
}

static size_t number_of(const char *text)
{
    char *end = NULL;
    unsigned long number = strtoul(text, &end, 10);
    if (end == text || *end != '\0') {
        give_up("a number is expected");
    }
    return number;
}

static void make_topic(weir_broker *broker, const char *name, size_t partitions, size_t replication)
{
    weir_error err = {0};
    const weir_topic_config topic = {
        .name = name,
        .partition_count = (int32_t)partitions,
        .replication_factor = (int16_t)replication,
        .retention_ms = -1, /* Records are of 1970. */
        .min_insync_replicas = (int16_t)(replication > 1 ? 2 : 1),
    };
    fault_must(weir_broker_create_topic(broker, &topic, &err), &err);
}

/* The input. */

typedef struct feed {
    weir_producer *producer;
    int32_t topic;
    int32_t partitions;
    size_t keys;
    weir_random random;
    weir_buf value;
} feed;

static void flush(feed *f)
{
    weir_error err = {0};
    weir_status status = WEIR_AGAIN;
    for (int i = 0; i < FLUSHES_MAX && status == WEIR_AGAIN; i++) {
        status = weir_producer_flush(f->producer, FLUSH_MS, &err);
    }
    if (status == WEIR_AGAIN) {
        give_up("the broker does not acknowledge the input");
    }
    fault_must(status, &err);
}

static void feed_one(feed *f)
{
    weir_error err = {0};
    char key[KEY_BYTES];
    int size = snprintf(key, sizeof key, "k%06u", (unsigned)weir_random_below(&f->random, f->keys));
    weir_record record = {
        .timestamp_ms = 1000,
        .key = weir_bytes_of(key, (size_t)size),
        .value = weir_buf_bytes(&f->value),
    };
    record.partition = weir_partition_of(record.key, f->partitions);
    weir_status status = weir_producer_send(f->producer, f->topic, &record, &err);
    if (status == WEIR_AGAIN) {
        flush(f);
        status = weir_producer_send(f->producer, f->topic, &record, &err);
    }
    fault_must(status, &err);
}

static void run_feed(weir_broker *broker, size_t keys, size_t value_bytes, size_t seed)
{
    weir_error err = {0};
    feed f = {.keys = keys, .random = weir_random_of(seed)};
    memset(weir_buf_reserve(&f.value, value_bytes), 'v', value_bytes);
    f.value.size = value_bytes;
    const weir_producer_options options = {.client_id = "feed"};
    fault_must(weir_producer_new(broker, &options, &f.producer, &err), &err);
    fault_must(weir_producer_topic(f.producer, input_topic, &f.topic, &f.partitions, &err), &err);
    size_t sent = 0;
    char line[KEY_BYTES];
    while (fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        size_t count = number_of(line);
        for (size_t i = 0; i < count; i++) {
            feed_one(&f);
        }
        flush(&f);
        sent += count;
        printf("sent %zu\n", sent);
    }
    weir_producer_free(f.producer);
    weir_buf_cleanup(&f.value);
}

/* What is left to do. */

static int32_t partitions_of(weir_broker *broker, const char *topic)
{
    weir_error err = {0};
    weir_topic_config config = {0};
    fault_must(weir_broker_describe_topic(broker, topic, &config, &err), &err);
    if (config.partition_count > PARTITIONS_MAX) {
        give_up("too many partitions");
    }
    return config.partition_count;
}

static int64_t offset_of(weir_broker *broker, weir_topic_partition partition, weir_offset_spec spec)
{
    weir_error err = {0};
    int64_t offset = 0;
    fault_must(weir_broker_offset(broker, partition, spec, 0, &offset, &err), &err);
    return offset;
}

static void show_lag(weir_broker *broker, const char *application)
{
    weir_error err = {0};
    WEIR_AUTO(weir_buf) metadata = {0};
    int64_t lag = 0;
    int32_t partitions = partitions_of(broker, input_topic);
    for (int32_t p = 0; p < partitions; p++) {
        const weir_topic_partition partition = {input_topic, p};
        int64_t committed = 0;
        weir_status status =
            weir_broker_group_offset(broker, application, partition, &committed, &metadata, &err);
        if (status == WEIR_AGAIN) { /* A transaction is under way. */
            printf("lag -1\n");
            return;
        }
        if (status != WEIR_NOT_FOUND) {
            fault_must(status, &err);
        }
        lag += offset_of(broker, partition, WEIR_OFFSET_LATEST) - committed;
    }
    printf("lag %" PRId64 "\n", lag);
}

/* The judgement. */

typedef struct tally {
    size_t keys;
    bool exact;
    uint64_t *inputs;  /* Records of a key in the input. */
    uint64_t *outputs; /* The last, or largest, count of it in the output. */
    uint64_t *logged;  /* The same in the changelog. */
    uint64_t records;
    uint64_t repeated; /* Outputs that are not one more than the one before. */
    int complaints;
} tally;

typedef void (*see_record)(tally *t, const weir_record *record);

static size_t key_of(const tally *t, const weir_record *record)
{
    char text[KEY_BYTES] = {0};
    if (record->key.size < 2 || record->key.size >= sizeof text) {
        give_up("a key that was never sent");
    }
    memcpy(text, record->key.data, record->key.size);
    size_t key = number_of(text + 1);
    if (key >= t->keys) {
        give_up("a key that was never sent");
    }
    return key;
}

static void complain(tally *t, const weir_record *record, uint64_t expected, uint64_t got)
{
    if (t->complaints++ < COMPLAINTS_MAX) {
        printf("wrong: %s[%" PRId32 "]@%" PRId64 " key %.*s: expected %" PRIu64 ", is %" PRIu64
               "\n",
               record->topic, record->partition, record->offset, (int)record->key.size,
               (const char *)record->key.data, expected, got);
    }
}

static uint64_t count_of(const weir_record *record)
{
    if (record->value.size != sizeof(uint64_t)) {
        give_up("a value that is no count");
    }
    return weir_get_u64_be(record->value.data);
}

static void see_input(tally *t, const weir_record *record)
{
    t->inputs[key_of(t, record)]++;
}

static void see_output(tally *t, const weir_record *record)
{
    uint64_t *last = &t->outputs[key_of(t, record)];
    uint64_t count = count_of(record);
    if (count != *last + 1) {
        t->repeated++;
        if (t->exact) {
            complain(t, record, *last + 1, count);
        }
    }
    *last = t->exact || count > *last ? count : *last;
}

static void see_changelog(tally *t, const weir_record *record)
{
    t->logged[key_of(t, record)] = count_of(record);
}

/* A topic that is read up to where it ended at the start. */
typedef struct reading {
    weir_consumer *consumer;
    const char *topic;
    int32_t partitions;
    int64_t ends[PARTITIONS_MAX];
} reading;

static bool at_end(const reading *r)
{
    for (int32_t p = 0; p < r->partitions; p++) {
        const weir_topic_partition partition = {r->topic, p};
        if (weir_consumer_position(r->consumer, partition) < r->ends[p]) {
            return false;
        }
    }
    return true;
}

static void read_to_ends(tally *t, const reading *r, see_record see)
{
    weir_error err = {0};
    int silent = 0;
    while (!at_end(r)) {
        weir_batch *batch = NULL;
        weir_status status = weir_consumer_poll(r->consumer, POLL_MS, &batch, &err);
        if (status == WEIR_AGAIN && ++silent < SILENT_POLLS_MAX) {
            continue;
        }
        if (status == WEIR_AGAIN) {
            give_up("nothing more comes, and the end is not reached: a transaction hangs?");
        }
        fault_must(status, &err);
        silent = 0;
        for (size_t i = 0; i < batch->count; i++) {
            see(t, &batch->records[i]);
            t->records++;
        }
        weir_batch_free(batch);
    }
}

static void read_topic(weir_broker *broker, tally *t, const char *topic, see_record see)
{
    weir_error err = {0};
    const weir_consumer_options options = {
        .client_id = "check",
        .isolation = WEIR_READ_COMMITTED,
        .batch_records_max = BATCH_RECORDS,
        .fetch_bytes_max = FETCH_BYTES,
    };
    reading r = {.topic = topic, .partitions = partitions_of(broker, topic)};
    int64_t offsets = 0;
    fault_must(weir_consumer_new(broker, &options, &r.consumer, &err), &err);
    for (int32_t p = 0; p < r.partitions; p++) {
        const weir_topic_partition partition = {topic, p};
        int64_t begin = offset_of(broker, partition, WEIR_OFFSET_EARLIEST);
        r.ends[p] = offset_of(broker, partition, WEIR_OFFSET_LATEST);
        offsets += r.ends[p] - begin;
        fault_must(weir_consumer_assign(r.consumer, partition, begin, WEIR_RESET_NONE, NULL, &err),
                   &err);
    }
    t->records = 0;
    read_to_ends(t, &r, see);
    weir_consumer_free(r.consumer);
    printf("%s: %" PRIu64 " records at %" PRId64 " offsets\n", topic, t->records, offsets);
}

static bool holds(const tally *t, uint64_t inputs, uint64_t count)
{
    return t->exact ? count == inputs : count >= inputs;
}

static size_t compare(const tally *t, const char *name, const uint64_t *counts)
{
    size_t wrong = 0;
    for (size_t key = 0; key < t->keys; key++) {
        if (!holds(t, t->inputs[key], counts[key]) && wrong++ < COMPLAINTS_MAX) {
            printf("wrong: %s of k%06zu ends with %" PRIu64 ", its inputs are %" PRIu64 "\n", name,
                   key, counts[key], t->inputs[key]);
        }
    }
    return wrong;
}

static void write_expected(const tally *t, const char *path)
{
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        give_up("the file of expected counts cannot be written");
    }
    for (size_t key = 0; key < t->keys; key++) {
        if (t->inputs[key] > 0) {
            fprintf(file, "k%06zu %" PRIu64 "\n", key, t->inputs[key]);
        }
    }
    (void)fclose(file);
}

static int check(weir_broker *broker, char **arguments)
{
    tally t = {.exact = strcmp(arguments[0], "exact") == 0, .keys = number_of(arguments[2])};
    t.inputs = weir_alloc_array(t.keys, sizeof *t.inputs);
    t.outputs = weir_alloc_array(t.keys, sizeof *t.outputs);
    t.logged = weir_alloc_array(t.keys, sizeof *t.logged);
    WEIR_AUTO_FREE char *changelog = weir_format("%s-counts-changelog", arguments[1]);
    read_topic(broker, &t, input_topic, see_input);
    read_topic(broker, &t, output_topic, see_output);
    printf("outputs out of turn: %" PRIu64 "\n", t.repeated);
    read_topic(broker, &t, changelog, see_changelog);
    size_t wrong = compare(&t, "the output", t.outputs) + compare(&t, "the changelog", t.logged);
    write_expected(&t, arguments[3]);
    bool right = wrong == 0 && t.complaints == 0;
    printf("%s\n", right ? "right" : "WRONG");
    free(t.inputs);
    free(t.outputs);
    free(t.logged);
    return right ? 0 : 1;
}

int main(int argc, char **argv)
{
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc < 3) {
        give_up("BROKER topics|feed|lag|check …");
    }
    weir_error err = {0};
    WEIR_AUTO_PTR(weir_broker) broker = NULL;
    fault_must(fault_broker_open_patient(argv[1], &broker, &err), &err);
    const char *command = argv[2];
    char **arguments = argv + 3;
    if (strcmp(command, "topics") == 0 && argc == 5) {
        make_topic(broker, input_topic, number_of(arguments[0]), number_of(arguments[1]));
        make_topic(broker, output_topic, number_of(arguments[0]), number_of(arguments[1]));
    } else if (strcmp(command, "feed") == 0 && argc == 6) {
        run_feed(broker, number_of(arguments[0]), number_of(arguments[1]), number_of(arguments[2]));
    } else if (strcmp(command, "lag") == 0 && argc == 4) {
        show_lag(broker, arguments[0]);
    } else if (strcmp(command, "check") == 0 && argc == 7) {
        return check(broker, arguments);
    } else {
        give_up("topics PARTITIONS REPLICATION | feed KEYS BYTES SEED | lag APP | check …");
    }
    return 0;
}
