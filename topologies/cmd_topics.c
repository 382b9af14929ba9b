/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_topics.c - "weir topics": what topics a broker has, their records as lines of JSON, from the
 * first to the last that is committed, and the map of topics: made, and compared with what is
 * there. The broker of a data directory is opened for it, so no other process may be at work there.
 */
#include "avro/codec.h"
#include "streams/base/json.h"
#include "streams/consumer.h"
#include "topologies/cmd.h"
#include "topologies/open_broker.h"
#include "topologies/topic_map.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static const char usage[] =
    "usage: weir topics list [FLAG…]\n"
    "       weir topics read TOPIC… [FLAG…]\n"
    "       weir topics plan --profile local|A|B [FLAG…]\n"
    "       weir topics create --profile local|A|B [--dry-run] [FLAG…]\n"
    "\n"
    "list prints a topic a line: name, partitions, records. read prints a record a line, as JSON;\n"
    "a value that is no Avro is its text in value_text. plan prints how the topics differ from "
    "the\n"
    "map of the profile, changes nothing, and exits with 2 where they do. create makes those that\n"
    "are missing; with --dry-run it only says which.\n"
    "\n"
    "  --data DIR           the data directory whose broker is meant [data]; no other process\n"
    "                       may be using it\n"
    "  --set NAME=VALUE     a setting of the connection to Kafka, or in the environment:\n"
    "  --properties FILE    KAFKA_BOOTSTRAP_SERVERS=host:port,… (weir run --help lists them)\n";

enum { EXIT_DIFFERENT = 2, POLL_TIMEOUT_MS = 100 };

/* What the command line says. */
typedef struct request {
    const char *action;
    const char *directory;
    const weir_topic_profile *profile; /* NULL: not said. */
    bool is_dry;
    char **topics;
    int topic_count;
    weir_properties *properties;
    weir_kafka_settings kafka;
} request;

static void request_cleanup(request *r)
{
    weir_properties_free(r->properties);
    weir_kafka_settings_cleanup(&r->kafka);
}

/* A broker, opened to be looked at. */
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

static weir_status open_reader(const request *r, reader *out, weir_error *err)
{
    WEIR_AUTO_FREE char *schemas = weir_format("%s/schemas", r->directory);
    WEIR_TRY(weir_open_broker(r->directory, &r->kafka, &out->broker, err));
    WEIR_TRY(weir_registry_open(weir_names_kafka(&r->kafka) ? NULL : schemas, &out->registry, err));
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
        weir_status status = weir_consumer_poll(consumer, POLL_TIMEOUT_MS, &batch, err);
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

static weir_status list_or_read(const request *r, weir_error *err)
{
    WEIR_AUTO(reader) from = {0};
    WEIR_TRY(open_reader(r, &from, err));
    if (strcmp(r->action, "list") == 0) {
        return weir_broker_list_topics(from.broker, print_topic, &from, err);
    }
    for (int i = 0; i < r->topic_count; i++) {
        WEIR_TRY(read_topic(&from, r->topics[i], err));
    }
    return WEIR_OK;
}

static void print_difference(void *user, const weir_topic_difference *difference)
{
    ++*(int *)user;
    switch (difference->kind) {
    case WEIR_TOPIC_MISSING:
        printf("%-32s missing\n", difference->topic);
        return;
    case WEIR_TOPIC_EXTRA:
        printf("%-32s is not in the map\n", difference->topic);
        return;
    case WEIR_TOPIC_OTHER:
        printf("%-32s %s is %s, wanted %s\n", difference->topic, difference->setting,
               difference->found, difference->wanted);
        return;
    }
}

static weir_status plan(const request *r, int *out_count, weir_error *err)
{
    WEIR_AUTO_PTR(weir_broker) broker = NULL;
    WEIR_TRY(weir_open_broker(r->directory, &r->kafka, &broker, err));
    WEIR_TRY(weir_topic_map_compare(broker, r->profile, print_difference, out_count, err));
    if (*out_count == 0) {
        printf("the topics are those of profile %s\n", r->profile->name);
    }
    return WEIR_OK;
}

static void print_missing(void *user, const weir_topic_difference *difference)
{
    (void)user;
    if (difference->kind == WEIR_TOPIC_MISSING) {
        printf("%s\n", difference->topic);
    }
}

/* Prints what is missing, and makes it unless this is a dry run. */
static weir_status create(const request *r, weir_error *err)
{
    WEIR_AUTO_PTR(weir_broker) broker = NULL;
    WEIR_TRY(weir_open_broker(r->directory, &r->kafka, &broker, err));
    WEIR_TRY(weir_topic_map_compare(broker, r->profile, print_missing, NULL, err));
    return r->is_dry ? WEIR_OK : weir_topic_map_create(broker, r->profile, err);
}

/* Takes the flag argv[*index], and its value, which *index then points to. */
static weir_status take_flag(request *r, char **argv, int argc, int *index, weir_error *err)
{
    const char *flag = argv[*index];
    if (strcmp(flag, "--dry-run") == 0) {
        r->is_dry = true;
        return WEIR_OK;
    }
    const char *value = *index + 1 < argc ? argv[++*index] : NULL;
    if (value == NULL) {
        return weir_error_set(err, WEIR_INVALID, "there is no flag %s, or it wants a value", flag);
    }
    if (strcmp(flag, "--data") == 0) {
        r->directory = value;
    } else if (strcmp(flag, "--set") == 0) {
        return weir_properties_assign(r->properties, value, flag, err);
    } else if (strcmp(flag, "--properties") == 0) {
        weir_status status = weir_properties_load(r->properties, value, err);
        return status == WEIR_NOT_FOUND ? WEIR_INVALID : status;
    } else if (strcmp(flag, "--profile") == 0) {
        r->profile = weir_topic_profile_of(value);
        return r->profile != NULL
                   ? WEIR_OK
                   : weir_error_set(err, WEIR_INVALID, "--profile is local, A or B, not %s", value);
    } else {
        return weir_error_set(err, WEIR_INVALID, "there is no flag %s", flag);
    }
    return WEIR_OK;
}

/* The settings of the connection: a file may have those of others too, --set may not. */
static weir_status take_kafka(request *r, weir_cmd_environment environment, weir_error *err)
{
    size_t position = 0;
    const char *name;
    const char *value;
    while (weir_properties_next(r->properties, &position, &name, &value)) {
        const char *origin = weir_properties_origin(r->properties, name);
        if (strcmp(origin, "--set") == 0 && !weir_kafka_settings_knows(name)) {
            return weir_error_set(err, WEIR_INVALID, "--set: %s is no setting of the connection",
                                  name);
        }
    }
    WEIR_TRY(weir_kafka_settings_read_environment(environment, r->properties, err));
    return weir_kafka_settings_init(&r->kafka, r->properties, err);
}

static weir_status check(const request *r, weir_error *err)
{
    bool reads = strcmp(r->action, "read") == 0;
    bool maps = strcmp(r->action, "plan") == 0 || strcmp(r->action, "create") == 0;
    if (!reads && !maps && strcmp(r->action, "list") != 0) {
        return weir_error_set(err, WEIR_INVALID, "list, read, plan or create?");
    }
    if (reads != (r->topic_count > 0)) {
        return weir_error_set(err, WEIR_INVALID,
                              reads ? "which topics are to be read?"
                                    : "only read takes the names of topics");
    }
    if (maps != (r->profile != NULL)) {
        return weir_error_set(err, WEIR_INVALID,
                              maps ? "which --profile: local, A or B?"
                                   : "--profile is for plan and create");
    }
    if (r->is_dry && strcmp(r->action, "create") != 0) {
        return weir_error_set(err, WEIR_INVALID, "--dry-run is for create");
    }
    return WEIR_OK;
}

static weir_status parse(request *r, int argc, char **argv, weir_cmd_environment environment,
                         weir_error *err)
{
    r->topics = argv + 2; /* The names move to the front, over flags that are read. */
    for (int i = 2; i < argc; i++) {
        if (argv[i][0] == '-') {
            WEIR_TRY(take_flag(r, argv, argc, &i, err));
        } else {
            r->topics[r->topic_count++] = argv[i];
        }
    }
    WEIR_TRY(check(r, err));
    return take_kafka(r, environment, err);
}

int weir_cmd_topics(int argc, char **argv, weir_cmd_environment environment)
{
    weir_error err = {0};
    int difference_count = 0;
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        fputs(usage, stdout);
        return WEIR_EXIT_OK;
    }
    WEIR_AUTO(request) r = {.directory = "data", .properties = weir_properties_new()};
    r.action = argc > 1 ? argv[1] : "";
    if (parse(&r, argc, argv, environment, &err) != WEIR_OK) {
        return weir_cmd_refuse(argv[0], "%s", err.message);
    }
    (void)signal(SIGPIPE, SIG_DFL); /* `weir topics read … | head` ends quietly. */
    weir_status status = strcmp(r.action, "plan") == 0     ? plan(&r, &difference_count, &err)
                         : strcmp(r.action, "create") == 0 ? create(&r, &err)
                                                           : list_or_read(&r, &err);
    if (status != WEIR_OK) {
        fprintf(stderr, "weir topics: %s\n", err.message);
        return WEIR_EXIT_FAILURE;
    }
    return difference_count > 0 ? EXIT_DIFFERENT : WEIR_EXIT_OK;
}
