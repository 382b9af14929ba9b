/* SPDX-License-Identifier: Apache-2.0
 *
 * bench_load.c - makes, fills and checks the topics of the benchmark on Kafka.
 *
 *   bench_load create --broker B --partitions N [--compact 1] TOPIC…
 *   bench_load delete --broker B TOPIC…
 *   bench_load forget --broker B --app ID      its internal topics
 *   bench_load fill   --broker B --topic T --records N --keys N [--bytes N] [--seed N]
 *                   [--span-ms N] [--ago-ms N]
 *   bench_load digest --broker B --as WHAT --topic T [--table T]
 *
 * fill: keys of 16 bytes, drawn evenly, put where Kafka's default partitioner puts them; event time
 * begins ago-ms ago and goes on for span-ms (both 240,000). digest prints what a topic says as one
 * number, in which the order of keys does not count, for two outputs to be compared; WHAT is
 *
 *   records        every record: partition, key, value
 *   last           the last value of each key
 *   count, window, join   from an input: what `last` (or, of join, `records`) of the output must be
 */
#include "streams/base/clock.h"
#include "streams/base/hash.h"
#include "streams/base/map.h"
#include "streams/base/serde.h"
#include "tests/perf/bare_client.h"
#include "tests/perf/peer/load.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TIMEOUT_MS = 60000,
    WINDOW_MS = 60000,
    TOPICS_MAX = 16,
    POLL_EVERY = 1024,
};

/* Topics. */

typedef struct topic_names {
    const char *names[TOPICS_MAX];
    size_t count;
} topic_names;

/* What stands after the options. */
static topic_names names_of(bare_arguments *arguments)
{
    topic_names found = {.count = 0};
    int options = 0;
    while (options + 1 < arguments->count && strncmp(arguments->values[options], "--", 2) == 0) {
        options += 2;
    }
    for (int i = options; i < arguments->count && found.count < TOPICS_MAX; i++) {
        found.names[found.count++] = arguments->values[i];
    }
    arguments->count = options;
    return found;
}

static void check_topic_results(rd_kafka_event_t *event)
{
    size_t count = 0;
    const rd_kafka_topic_result_t **results = NULL;
    if (event != NULL && rd_kafka_event_type(event) == RD_KAFKA_EVENT_CREATETOPICS_RESULT) {
        results =
            rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
    } else if (event != NULL && rd_kafka_event_type(event) == RD_KAFKA_EVENT_DELETETOPICS_RESULT) {
        results =
            rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event), &count);
    }
    if (results == NULL) {
        bare_fail("no answer about topics");
    }
    for (size_t i = 0; i < count; i++) {
        rd_kafka_resp_err_t failure = rd_kafka_topic_result_error(results[i]);
        if (failure != RD_KAFKA_RESP_ERR_NO_ERROR &&
            failure != RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
            bare_fail("%s: %s", rd_kafka_topic_result_name(results[i]), rd_kafka_err2str(failure));
        }
    }
    rd_kafka_event_destroy(event);
}

static void run_create(bare_arguments *arguments)
{
    topic_names topics = names_of(arguments);
    rd_kafka_t *client = bare_client_new(RD_KAFKA_PRODUCER, arguments, NULL);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    int partitions = (int)bare_number(arguments, "partitions", 4);
    bool compact = bare_number(arguments, "compact", 0) != 0;
    rd_kafka_NewTopic_t *created[TOPICS_MAX];
    for (size_t i = 0; i < topics.count; i++) {
        created[i] = rd_kafka_NewTopic_new(topics.names[i], partitions, 1, NULL, 0);
        (void)rd_kafka_NewTopic_set_config(created[i], "cleanup.policy",
                                           compact ? "compact" : "delete");
    }
    rd_kafka_CreateTopics(client, created, topics.count, NULL, queue);
    check_topic_results(rd_kafka_queue_poll(queue, TIMEOUT_MS));
    rd_kafka_NewTopic_destroy_array(created, topics.count);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(client);
}

static void delete_topics(rd_kafka_t *client, const topic_names *topics)
{
    if (topics->count == 0) {
        return;
    }
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    rd_kafka_DeleteTopic_t *deleted[TOPICS_MAX];
    for (size_t i = 0; i < topics->count; i++) {
        deleted[i] = rd_kafka_DeleteTopic_new(topics->names[i]);
    }
    rd_kafka_DeleteTopics(client, deleted, topics->count, NULL, queue);
    check_topic_results(rd_kafka_queue_poll(queue, TIMEOUT_MS));
    rd_kafka_DeleteTopic_destroy_array(deleted, topics->count);
    rd_kafka_queue_destroy(queue);
}

static void run_delete(bare_arguments *arguments)
{
    topic_names topics = names_of(arguments);
    rd_kafka_t *client = bare_client_new(RD_KAFKA_PRODUCER, arguments, NULL);
    delete_topics(client, &topics);
    rd_kafka_destroy(client);
}

static void run_forget(bare_arguments *arguments)
{
    rd_kafka_t *client = bare_client_new(RD_KAFKA_PRODUCER, arguments, NULL);
    WEIR_AUTO_FREE char *prefix = weir_format("%s-", bare_argument(arguments, "app", NULL));
    const rd_kafka_metadata_t *metadata = NULL;
    rd_kafka_resp_err_t failure = rd_kafka_metadata(client, 1, NULL, &metadata, TIMEOUT_MS);
    if (failure != RD_KAFKA_RESP_ERR_NO_ERROR) {
        bare_fail("topics: %s", rd_kafka_err2str(failure));
    }
    topic_names topics = {.count = 0};
    for (int i = 0; i < metadata->topic_cnt && topics.count < TOPICS_MAX; i++) {
        if (strncmp(metadata->topics[i].topic, prefix, strlen(prefix)) == 0) {
            topics.names[topics.count++] = metadata->topics[i].topic;
        }
    }
    delete_topics(client, &topics);
    rd_kafka_metadata_destroy(metadata);
    rd_kafka_destroy(client);
}

/* Records. */

static void send_record(rd_kafka_t *producer, const char *topic, int32_t partitions, load *l)
{
    int32_t partition = weir_partition_of(weir_bytes_of(l->key, LOAD_KEY_BYTES), partitions);
    rd_kafka_resp_err_t failure = RD_KAFKA_RESP_ERR__QUEUE_FULL;
    while (failure == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
        failure = rd_kafka_producev(
            producer, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(partition),
            RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(l->key, LOAD_KEY_BYTES),
            RD_KAFKA_V_VALUE(l->value, l->value_bytes), RD_KAFKA_V_TIMESTAMP(l->timestamp_ms),
            RD_KAFKA_V_END);
        if (failure == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
            rd_kafka_poll(producer, 50);
        }
    }
    if (failure != RD_KAFKA_RESP_ERR_NO_ERROR) {
        bare_fail("%s: %s", topic, rd_kafka_err2str(failure));
    }
}

static void run_fill(bare_arguments *arguments)
{
    static const char *const settings[] = {
        "linger.ms",
        "20",
        "queue.buffering.max.messages",
        "500000",
        "compression.codec",
        "lz4",
        "enable.idempotence",
        "true",
        NULL,
    };
    load l = {
        .records = bare_number(arguments, "records", 1000),
        .keys = bare_number(arguments, "keys", 100),
        .value_bytes = (size_t)bare_number(arguments, "bytes", 100),
        .span_ms = bare_number(arguments, "span-ms", 240000),
        .seed = (uint64_t)bare_number(arguments, "seed", 0),
    };
    l.from_ms = weir_clock_now_ms() - bare_number(arguments, "ago-ms", l.span_ms);
    const char *topic = bare_argument(arguments, "topic", NULL);
    rd_kafka_t *producer = bare_client_new(RD_KAFKA_PRODUCER, arguments, settings);
    int32_t partitions = bare_partition_count(producer, topic);
    while (load_next(&l)) {
        send_record(producer, topic, partitions, &l);
        if (l.number % POLL_EVERY == 0) {
            rd_kafka_poll(producer, 0);
        }
    }
    if (rd_kafka_flush(producer, TIMEOUT_MS) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        bare_fail("%s: not all was written in %d ms", topic, TIMEOUT_MS);
    }
    rd_kafka_destroy(producer);
}

/* Digests. */

typedef struct entry {
    int32_t partition;
    uint64_t value_hash; /* Of the last value. */
    uint64_t count;
} entry;

typedef struct digest {
    weir_map *entries; /* Key to entry. */
    uint64_t records;
    uint64_t sum;
} digest;

/* Sums do not depend on the order. */
static uint64_t hash_of(int32_t partition, weir_bytes key, uint64_t value_hash)
{
    return weir_hash64(key, value_hash * 31 + (uint64_t)partition);
}

static weir_bytes key_of(const rd_kafka_message_t *message)
{
    return weir_bytes_of(message->key, message->key_len);
}

static weir_bytes value_of(const rd_kafka_message_t *message)
{
    return weir_bytes_of(message->payload, message->len);
}

static entry *entry_of(digest *d, weir_bytes key, int32_t partition)
{
    entry *found = weir_map_get(d->entries, key);
    if (found == NULL) {
        found = weir_alloc(sizeof(*found));
        found->partition = partition;
        weir_map_put(d->entries, key, found);
    }
    if (found->partition != partition) {
        bare_fail("a key is in partitions %" PRId32 " and %" PRId32, found->partition, partition);
    }
    return found;
}

static void visit_record(void *user, const rd_kafka_message_t *message)
{
    digest *d = user;
    d->records++;
    d->sum += hash_of(message->partition, key_of(message), weir_hash64(value_of(message), 1));
}

static void visit_last(void *user, const rd_kafka_message_t *message)
{
    digest *d = user;
    d->records++;
    entry_of(d, key_of(message), message->partition)->value_hash =
        weir_hash64(value_of(message), 1);
}

static void count_one(digest *d, weir_bytes key, int32_t partition)
{
    entry *counted = entry_of(d, key, partition);
    uint8_t value[sizeof(uint64_t)];
    weir_put_u64_be(value, ++counted->count);
    counted->value_hash = weir_hash64(weir_bytes_of(value, sizeof(value)), 1);
    d->records++;
}

static void visit_count(void *user, const rd_kafka_message_t *message)
{
    count_one(user, key_of(message), message->partition);
}

static void visit_window(void *user, const rd_kafka_message_t *message)
{
    rd_kafka_timestamp_type_t type;
    int64_t timestamp_ms = rd_kafka_message_timestamp(message, &type);
    WEIR_AUTO(weir_buf) key = {0};
    weir_buf_set(&key, key_of(message));
    weir_buf_append_i64_be(&key, timestamp_ms - timestamp_ms % WINDOW_MS);
    count_one(user, weir_buf_bytes(&key), message->partition);
}

static void visit_table(void *user, const rd_kafka_message_t *message)
{
    (void)entry_of(user, key_of(message), message->partition);
}

static void visit_join(void *user, const rd_kafka_message_t *message)
{
    digest *d = user;
    if (weir_map_get(d->entries, key_of(message)) != NULL) {
        visit_record(d, message);
    }
}

/* Adds the last values up. */
static void sum_entries(digest *d)
{
    size_t position = 0;
    weir_bytes key;
    void *found = NULL;
    while (weir_map_next(d->entries, &position, &key, &found)) {
        const entry *last = found;
        d->sum += hash_of(last->partition, key, last->value_hash);
    }
}

static void run_digest(bare_arguments *arguments)
{
    const char *as = bare_argument(arguments, "as", "records");
    const char *topic = bare_argument(arguments, "topic", NULL);
    digest d = {.entries = weir_map_new()};
    if (strcmp(as, "records") == 0) {
        bare_read_all(arguments, topic, visit_record, &d);
    } else if (strcmp(as, "join") == 0) {
        bare_read_all(arguments, bare_argument(arguments, "table", NULL), visit_table, &d);
        bare_read_all(arguments, topic, visit_join, &d);
    } else {
        bare_read_all(arguments, topic,
                      strcmp(as, "last") == 0    ? visit_last
                      : strcmp(as, "count") == 0 ? visit_count
                                                 : visit_window,
                      &d);
        sum_entries(&d);
    }
    printf("{\"records\": %" PRIu64 ", \"keys\": %zu, \"digest\": \"%016" PRIx64 "\"}\n", d.records,
           weir_map_count(d.entries), d.sum);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(bare_arguments *arguments);
    } commands[] = {
        {"create", run_create}, {"delete", run_delete}, {"forget", run_forget},
        {"fill", run_fill},     {"digest", run_digest},
    };
    bare_arguments arguments = {argc - 2, argv + 2};
    for (size_t i = 0; argc >= 2 && i < WEIR_COUNT_OF(commands); i++) {
        if (strcmp(argv[1], commands[i].name) == 0) {
            commands[i].run(&arguments);
            return 0;
        }
    }
    bare_fail("usage: bench_load create|delete|forget|fill|digest …: see the head of bench_load.c");
}
