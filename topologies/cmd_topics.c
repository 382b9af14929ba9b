/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_topics.c - "weir topics": what topics a data directory has, and their records as lines of
 * JSON, from the first to the last that is committed. The directory's broker is opened for it, so
 * no other process may be at work there.
 */
#include "avro/codec.h"
#include "connectors/broker_embedded.h"
#include "streams/base/json.h"
#include "streams/consumer.h"
#include "topologies/cmd.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static const char usage[] =
    "usage: weir topics list [--data DIR]\n"
    "       weir topics read TOPIC… [--data DIR]\n"
    "list prints a topic a line: name, partitions, records. read prints a record a line, as JSON;\n"
    "a value that is no Avro is its text in value_text. DIR is \"data\" where it is not given, "
    "and\n"
    "no other process may be using it.\n";

/* A data directory, opened to be looked at. */
typedef struct reader {
    weir_broker *broker;
    weir_registry *registry;
    weir_codec *codec;
} reader;

static void reader_cleanup(reader *r)
{
    weir_codec_free(r->codec);
    weir_registry_free(r->registry);
    weir_broker_free(r->broker);
}

static weir_status open_reader(const char *directory, reader *out, weir_error *err)
{
    WEIR_AUTO_FREE char *broker = weir_format("%s/broker", directory);
    WEIR_AUTO_FREE char *schemas = weir_format("%s/schemas", directory);
    WEIR_TRY(weir_broker_embedded_open(&(weir_broker_embedded_options){.directory = broker},
                                       &out->broker, err));
    WEIR_TRY(weir_registry_open(schemas, &out->registry, err));
    return weir_codec_new(out->registry, &out->codec, err);
}

static void append_value(const reader *from, weir_bytes value, weir_buf *out)
{
    weir_buf_append_text(out, ",\"value\":");
    if (value.data == NULL) {
        weir_buf_append_text(out, "null");
    } else if (weir_codec_to_json(from->codec, value, out, NULL) != WEIR_OK) {
        weir_buf_append_text(out, "null,\"value_text\":");
        weir_json text = weir_json_of(out);
        weir_json_bytes(&text, value);
    }
}

static void print_record(const reader *from, const weir_record *record, weir_buf *line)
{
    weir_buf_clear(line);
    weir_json json = weir_json_of(line);
    weir_json_begin_object(&json);
    weir_json_member_text(&json, "topic", record->topic);
    weir_json_member_i64(&json, "partition", record->partition);
    weir_json_member_i64(&json, "offset", record->offset);
    weir_json_member_i64(&json, "timestamp_ms", record->timestamp_ms);
    weir_json_key(&json, "headers");
    weir_json_begin_object(&json);
    for (size_t i = 0; i < record->header_count; i++) {
        weir_json_key_bytes(&json, record->headers[i].key);
        weir_json_bytes(&json, record->headers[i].value);
    }
    weir_json_end_object(&json);
    weir_json_member_bytes(&json, "key", record->key);
    weir_json_end_object(&json);
    line->size--; /* The value is JSON already: it goes before the last brace. */
    append_value(from, record->value, line);
    weir_buf_append_text(line, "}\n");
    (void)fwrite(line->data, 1, line->size, stdout);
}

static weir_status read_partition(const reader *from, weir_topic_partition partition,
                                  weir_error *err)
{
    WEIR_AUTO_PTR(weir_consumer) consumer = NULL;
    WEIR_AUTO(weir_buf) line = {0};
    int64_t lag = 1;
    WEIR_TRY(weir_consumer_new(from->broker, &(weir_consumer_options){.client_id = "weir-topics"},
                               &consumer, err));
    WEIR_TRY(weir_consumer_assign(consumer, partition, 0, WEIR_RESET_EARLIEST, NULL, err));
    for (;;) {
        weir_batch *batch = NULL;
        weir_status status = weir_consumer_poll(consumer, 0, &batch, err);
        for (size_t i = 0; status == WEIR_OK && i < batch->count; i++) {
            print_record(from, &batch->records[i], &line);
        }
        weir_batch_free(batch);
        if (status != WEIR_OK && status != WEIR_AGAIN) {
            return status;
        }
        if (weir_consumer_lag(consumer, partition, &lag) == WEIR_OK && lag == 0) {
            return WEIR_OK;
        }
    }
}

static weir_status read_topic(const reader *from, const char *topic, weir_error *err)
{
    weir_topic_config config;
    weir_status status = weir_broker_describe_topic(from->broker, topic, &config, err);
    if (status == WEIR_NOT_FOUND) {
        return weir_error_set(err, WEIR_INVALID, "there is no topic %s (weir topics list)", topic);
    }
    WEIR_TRY(status);
    for (int32_t i = 0; i < config.partition_count; i++) {
        WEIR_TRY(read_partition(from, (weir_topic_partition){topic, i}, err));
    }
    return WEIR_OK;
}

static weir_status print_topic(void *user, const weir_topic_config *topic, weir_error *err)
{
    const reader *from = user;
    int64_t records = 0;
    for (int32_t i = 0; i < topic->partition_count; i++) {
        weir_topic_partition partition = {topic->name, i};
        int64_t first = 0;
        int64_t end = 0;
        WEIR_TRY(weir_broker_offset(from->broker, partition, WEIR_OFFSET_EARLIEST, 0, &first, err));
        WEIR_TRY(weir_broker_offset(from->broker, partition, WEIR_OFFSET_LATEST, 0, &end, err));
        records += end - first;
    }
    printf("%-72s %4" PRId32 " %10" PRId64 "\n", topic->name, topic->partition_count, records);
    return WEIR_OK;
}

static weir_status run(const char *directory, char **topics, int count, weir_error *err)
{
    WEIR_AUTO(reader) from = {0};
    WEIR_TRY(open_reader(directory, &from, err));
    if (count == 0) {
        return weir_broker_list_topics(from.broker, print_topic, &from, err);
    }
    for (int i = 0; i < count; i++) {
        WEIR_TRY(read_topic(&from, topics[i], err));
    }
    return WEIR_OK;
}

int weir_cmd_topics(int argc, char **argv)
{
    const char *directory = "data";
    weir_error err = {0};
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        fputs(usage, stdout);
        return WEIR_EXIT_OK;
    }
    if (argc >= 4 && strcmp(argv[argc - 2], "--data") == 0) {
        directory = argv[argc - 1];
        argc -= 2;
    }
    bool lists = argc == 2 && strcmp(argv[1], "list") == 0;
    bool reads = argc > 2 && strcmp(argv[1], "read") == 0;
    if (!lists && !reads) {
        return weir_cmd_refuse(argv[0], "list, or read and the names of topics, are needed");
    }
    (void)signal(SIGPIPE, SIG_DFL); /* `weir topics read … | head` ends quietly. */
    if (run(directory, argv + 2, argc - 2, &err) != WEIR_OK) {
        fprintf(stderr, "weir topics: %s\n", err.message);
        return WEIR_EXIT_FAILURE;
    }
    return WEIR_EXIT_OK;
}
