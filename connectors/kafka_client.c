/* SPDX-License-Identifier: Apache-2.0
 *
 * kafka_client.c - opens the Kafka broker; settings, handles and logs of librdkafka, and what its
 * errors ask for.
 *
 *   our defaults by role  <  what the user has set: security, then settings of librdkafka
 *
 * A broker keeps one handle for administration. Consumers, producers and members have handles (with
 * their threads and connections) of their own. This is the only place where an error of librdkafka
 * becomes a status; what is fatal, abortable or retriable for a transaction is in kafka_producer.c.
 */
#include "connectors/kafka_admin.h"
#include "connectors/kafka_metadata.h"
#include "connectors/kafka_watch.h"

#include "streams/base/logging.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ADMIN = 1, CONSUMER = 2, PRODUCER = 4, MEMBER = 8, ALL = 15, WORDS_BYTES_MAX = 512 };

/* Every default of librdkafka that does not suit, by role, and why. */
static const struct {
    uint32_t roles;
    const char *name;
    const char *value;
} defaults[] = {
    /* Small requests of many partitions wait for nobody. */
    {ALL, "socket.nagle.disable", "true"},
    /* A broker that is back is found within seconds, without a storm. */
    {ALL, "reconnect.backoff.max.ms", "5000"},
    /* Topics are made by whoever knows their layout: a typing error must not make one. */
    {ALL, "allow.auto.create.topics", "false"},
    /* Offsets are committed by us, with what they led to. */
    {CONSUMER | MEMBER, "enable.auto.commit", "false"},
    {CONSUMER | MEMBER, "enable.auto.offset.store", "false"},
    /* We decide what happens at an offset that is not there, a partition at a time. */
    {CONSUMER | MEMBER, "auto.offset.reset", "error"},
    /* The end is told of, which under read_committed nothing else tells. */
    {CONSUMER, "enable.partition.eof", "true"},
    /* Bounded by bytes alone. */
    {CONSUMER, "queued.min.messages", "1000000"},
    /* One request at a time asks for all partitions of a broker: while it waits at an idle one, a
     * busy one starves. Records are answered at once whatever this says. */
    {CONSUMER, "fetch.wait.max.ms", "100"},
    /* After a failed fetch, as Kafka's own clients; 500 ms is a gap that one sees. */
    {CONSUMER, "fetch.error.backoff.ms", "100"},
    /* Whole partitions move, and only those that must. */
    {MEMBER, "partition.assignment.strategy", "cooperative-sticky"},
    {MEMBER, "heartbeat.interval.ms", "500"},
    /* The coordinator polls all the time; it may be stopped by a flush of the state. */
    {MEMBER, "max.poll.interval.ms", "300000"},
    /* Nothing is written twice or out of order. */
    {PRODUCER, "enable.idempotence", "true"},
    {PRODUCER, "acks", "all"},
    /* A zombie's transaction holds up readers no longer than that; as Kafka Streams. */
    {PRODUCER, "transaction.timeout.ms", "10000"},
    /* A batch is sent when it is large, when a flush asks for it (the runtime does when it has
     * nothing else to do), or after this. */
    {PRODUCER, "linger.ms", "500"},
    /* A partition has one request under way at most, and while it has, and the next batch is ready,
     * librdkafka spins, unless the broker has as many as this: 1.6 CPU-s a million became 0.9 (a
     * short linger makes it worse). More gains little: batches grow meanwhile. */
    {PRODUCER, "max.in.flight.requests.per.connection", "3"},
    /* A request costs the same whatever it holds: of records of 400 bytes 64 KiB cost a fifth more.
     * Small ones are bounded by number (kafka_producer.c). */
    {PRODUCER, "batch.size", "262144"},
    /* Records of up to 16 MiB; the broker's own limit still holds. */
    {PRODUCER, "message.max.bytes", "33554432"},
};

static weir_log_level level_of(int severity)
{
    if (severity <= 3) { /* syslog(3): error and worse. */
        return WEIR_LOG_WARN;
    }
    return severity <= 5 ? WEIR_LOG_INFO : WEIR_LOG_DEBUG;
}

static void log_line(const rd_kafka_t *handle, int severity, const char *facility,
                     const char *message)
{
    WEIR_LOG(level_of(severity), NULL, "kafka client=%s %s: %s",
             handle == NULL ? "" : rd_kafka_name(handle), facility, message);
}

weir_status weir_kafka_conf_set(rd_kafka_conf_t *conf, const char *name, const char *value,
                                weir_error *err)
{
    char words[WORDS_BYTES_MAX];
    if (rd_kafka_conf_set(conf, name, value, words, sizeof words) != RD_KAFKA_CONF_OK) {
        return weir_error_set(err, WEIR_INVALID, "setting of librdkafka %s: %s", name, words);
    }
    return WEIR_OK;
}

weir_status weir_kafka_conf_set_number(rd_kafka_conf_t *conf, const char *name, int64_t value,
                                       weir_error *err)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%" PRId64, value);
    return weir_kafka_conf_set(conf, name, text, err);
}

static weir_status set_defaults(rd_kafka_conf_t *conf, weir_kafka_role role, weir_error *err)
{
    for (size_t i = 0; i < WEIR_COUNT_OF(defaults); i++) {
        if ((defaults[i].roles >> role & 1U) != 0) {
            WEIR_TRY(weir_kafka_conf_set(conf, defaults[i].name, defaults[i].value, err));
        }
    }
    return WEIR_OK;
}

/* "linger.ms" is for every role, "producer.linger.ms" for one. */
static const char *name_in_role(const char *name, weir_kafka_role role)
{
    static const char *const prefixes[] = {"admin.", "consumer.", "producer.", "member."};
    for (size_t i = 0; i < WEIR_COUNT_OF(prefixes); i++) {
        size_t length = strlen(prefixes[i]);
        if (strncmp(name, prefixes[i], length) == 0) {
            return i == role ? name + length : NULL;
        }
    }
    return name;
}

static weir_status set_all(rd_kafka_conf_t *conf, weir_kafka_role role,
                           const weir_kafka_setting *settings, size_t count, weir_error *err)
{
    for (size_t i = 0; i < count; i++) {
        const char *name = name_in_role(settings[i].name, role);
        if (name != NULL) {
            WEIR_TRY(weir_kafka_conf_set(conf, name, settings[i].value, err));
        }
    }
    return WEIR_OK;
}

weir_status weir_kafka_conf_new(const weir_kafka *kafka, weir_kafka_role role,
                                const char *client_id, rd_kafka_conf_t **out_conf, weir_error *err)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, log_line);
    weir_status status = set_defaults(conf, role, err);
    if (status == WEIR_OK) {
        status = weir_kafka_conf_set(conf, "bootstrap.servers", kafka->bootstrap_servers, err);
    }
    if (status == WEIR_OK) {
        status = weir_kafka_conf_set(conf, "client.id",
                                     client_id == NULL ? kafka->client_id : client_id, err);
    }
    if (status != WEIR_OK) {
        rd_kafka_conf_destroy(conf);
        return status;
    }
    *out_conf = conf;
    return WEIR_OK;
}

weir_status weir_kafka_handle_new(const weir_kafka *kafka, weir_kafka_role role,
                                  rd_kafka_conf_t *owned_conf, rd_kafka_t **out_handle,
                                  weir_error *err)
{
    char words[WORDS_BYTES_MAX];
    weir_status status = set_all(owned_conf, role, kafka->overrides, kafka->override_count, err);
    if (status != WEIR_OK) {
        rd_kafka_conf_destroy(owned_conf);
        return status;
    }
    weir_kafka_oauth_configure(kafka, owned_conf);
    bool reads = role == WEIR_KAFKA_CONSUMER || role == WEIR_KAFKA_MEMBER;
    rd_kafka_t *handle = rd_kafka_new(reads ? RD_KAFKA_CONSUMER : RD_KAFKA_PRODUCER, owned_conf,
                                      words, sizeof words);
    if (handle == NULL) {
        rd_kafka_conf_destroy(owned_conf);
        return weir_error_set(err, WEIR_INVALID, "librdkafka: %s", words);
    }
    status = weir_kafka_oauth_start(kafka, handle, err);
    if (status != WEIR_OK) {
        rd_kafka_destroy(handle);
        return status;
    }
    *out_handle = handle;
    return WEIR_OK;
}

weir_status weir_kafka_status(rd_kafka_resp_err_t code)
{
    /* NOLINTNEXTLINE(clang-diagnostic-switch-enum): the rest is WEIR_IO. */
    switch ((int)code) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
        return WEIR_OK;
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
        return WEIR_NOT_FOUND;
    case RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR__QUEUE_FULL:
        return WEIR_AGAIN;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE:
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
    case RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP:
        return WEIR_BAD_RECORD;
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
        return WEIR_CORRUPT;
    case RD_KAFKA_RESP_ERR__FENCED:
    case RD_KAFKA_RESP_ERR_PRODUCER_FENCED:
    case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH:
    case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
    case RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID:
    case RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION:
        return WEIR_FENCED;
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
    case RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS:
    case RD_KAFKA_RESP_ERR_INVALID_PARTITIONS:
    case RD_KAFKA_RESP_ERR_INVALID_CONFIG:
    case RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT:
    case RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL:
    case RD_KAFKA_RESP_ERR_NON_EMPTY_GROUP:
    case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION:
    case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
    case RD_KAFKA_RESP_ERR__INVALID_ARG:
        return WEIR_INVALID;
    default:
        return WEIR_IO;
    }
}

__attribute__((format(printf, 4, 0))) static weir_status
fill_error(weir_error *err, weir_status status, const char *words, const char *format,
           va_list arguments)
{
    char text[WEIR_ERROR_MESSAGE_BYTES_MAX];
    (void)vsnprintf(text, sizeof text, format, arguments);
    return weir_error_set(err, status, "%s: %s", text, words);
}

weir_status weir_kafka_fail(weir_error *err, rd_kafka_resp_err_t code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    weir_status status =
        fill_error(err, weir_kafka_status(code), rd_kafka_err2str(code), format, arguments);
    va_end(arguments);
    return status;
}

weir_status weir_kafka_fail_with(weir_error *err, rd_kafka_error_t *owned_error, const char *format,
                                 ...)
{
    WEIR_ASSERT(owned_error != NULL);
    va_list arguments;
    va_start(arguments, format);
    weir_status status = fill_error(err, weir_kafka_status(rd_kafka_error_code(owned_error)),
                                    rd_kafka_error_string(owned_error), format, arguments);
    va_end(arguments);
    rd_kafka_error_destroy(owned_error);
    return status;
}

static weir_status kafka_housekeep(weir_broker *broker, int64_t now_ms, bool *out_more,
                                   weir_error *err)
{
    (void)now_ms;
    (void)err;
    (void)rd_kafka_poll(weir_kafka_of(broker)->admin, 0);
    *out_more = false; /* Retention and compaction are the cluster's. */
    return WEIR_OK;
}

static void free_settings(weir_kafka_setting *settings, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(settings[i].name);
        free(settings[i].value);
    }
    free(settings);
}

static void kafka_free(weir_broker *broker)
{
    weir_kafka *kafka = weir_kafka_of(broker);
    if (kafka->admin != NULL) {
        rd_kafka_destroy(kafka->admin);
    }
    if (kafka->uncommitted != NULL) {
        rd_kafka_destroy(kafka->uncommitted);
    }
    weir_kafka_watcher_free(kafka->watcher);
    weir_kafka_group_client_free(kafka);
    weir_kafka_topics_free(kafka);
    free(kafka->bootstrap_servers);
    weir_kafka_oauth_cleanup(&kafka->oauth);
    free_settings(kafka->overrides, kafka->override_count);
    (void)pthread_mutex_destroy(&kafka->lock);
    free(kafka->client_id);
    free(kafka);
}

static weir_status kafka_check(weir_broker *broker, int32_t timeout_ms, weir_error *err)
{
    const weir_kafka *kafka = weir_kafka_of(broker);
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t code = rd_kafka_metadata(kafka->admin, 0, NULL, &metadata, timeout_ms);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return weir_error_set(
            err, WEIR_IO,
            "no Kafka broker answers: %s. Look at the brokers and at the network; "
            "nothing is lost, work goes on when one answers",
            rd_kafka_err2str(code));
    }
    rd_kafka_metadata_destroy(metadata);
    return WEIR_OK;
}

static const weir_broker_ops kafka_ops = {
    .create_topics = weir_kafka_create_topics,
    .describe_topics = weir_kafka_describe_topics,
    .list_topics = weir_kafka_list_topics,
    .delete_topic = weir_kafka_delete_topic,
    .offsets = weir_kafka_offsets,
    .delete_records = weir_kafka_delete_records,
    .group_offsets = weir_kafka_group_offsets,
    .alter_group_offset = weir_kafka_alter_group_offset,
    .group_member_count = weir_kafka_group_member_count,
    .check = kafka_check,
    .housekeep = kafka_housekeep,
    .free = kafka_free,
    .consumer_new = weir_kafka_consumer_new,
    .producer_new = weir_kafka_producer_new,
    .member_join = weir_kafka_member_join,
};

static const char *servers_of(const weir_kafka_options *options)
{
    const char *servers = options->bootstrap_servers;
    if (servers == NULL && options->settings != NULL) {
        servers = options->settings->bootstrap_servers;
    }
    return servers == NULL ? "" : servers;
}

static void add_override(weir_kafka *kafka, const char *name, const char *value)
{
    kafka->overrides[kafka->override_count++] =
        (weir_kafka_setting){weir_strdup(name), weir_strdup(value)};
}

static void fill_overrides(weir_kafka *kafka, const weir_kafka_options *options)
{
    const weir_kafka_settings *settings = options->settings;
    size_t client_count = settings == NULL ? 0 : settings->client_count;
    kafka->overrides =
        weir_alloc_array(client_count + options->librdkafka_count, sizeof *kafka->overrides);
    for (size_t i = 0; i < client_count; i++) {
        add_override(kafka, settings->client[i].name, settings->client[i].value);
    }
    for (size_t i = 0; i < options->librdkafka_count; i++) {
        add_override(kafka, options->librdkafka[i].name, options->librdkafka[i].value);
    }
}

static weir_kafka *new_kafka(const weir_kafka_options *options)
{
    weir_kafka *kafka = weir_alloc(sizeof *kafka);
    kafka->base = (weir_broker){.ops = &kafka_ops, .name = "kafka"};
    kafka->client_id = weir_strdup(options->client_id == NULL ? "weir" : options->client_id);
    kafka->topics = weir_map_new();
    kafka->watcher = weir_kafka_watcher_new();
    int failed = pthread_mutex_init(&kafka->lock, NULL);
    WEIR_ASSERT(failed == 0);
    kafka->bootstrap_servers = weir_strdup(servers_of(options));
    fill_overrides(kafka, options);
    if (options->settings != NULL) {
        kafka->oauth = weir_kafka_oauth_copy(&options->settings->oauth);
    }
    return kafka;
}

static weir_status open_admin(weir_kafka *kafka, weir_error *err)
{
    rd_kafka_conf_t *conf = NULL;
    WEIR_TRY(weir_kafka_conf_new(kafka, WEIR_KAFKA_ADMIN, NULL, &conf, err));
    weir_kafka_hear_errors(kafka, conf);
    return weir_kafka_handle_new(kafka, WEIR_KAFKA_ADMIN, conf, &kafka->admin, err);
}

/* The handle that sees the ends of open transactions. */
static weir_status open_uncommitted(weir_kafka *kafka, weir_error *err)
{
    rd_kafka_conf_t *conf = NULL;
    WEIR_TRY(weir_kafka_conf_new(kafka, WEIR_KAFKA_CONSUMER, NULL, &conf, err));
    weir_status status = weir_kafka_conf_set(conf, "isolation.level", "read_uncommitted", err);
    if (status != WEIR_OK) {
        rd_kafka_conf_destroy(conf);
        return status;
    }
    return weir_kafka_handle_new(kafka, WEIR_KAFKA_CONSUMER, conf, &kafka->uncommitted, err);
}

weir_status weir_broker_kafka_open(const weir_kafka_options *options, weir_broker **out_broker,
                                   weir_error *err)
{
    WEIR_ASSERT(options != NULL);
    WEIR_ASSERT(options->librdkafka_count == 0 || options->librdkafka != NULL);
    WEIR_ASSERT(out_broker != NULL);
    if (servers_of(options)[0] == '\0') {
        return weir_error_set(err, WEIR_INVALID,
                              "no servers of the Kafka cluster are named: set "
                              "KAFKA_BOOTSTRAP_SERVERS to host:port,…");
    }
    weir_kafka *kafka = new_kafka(options);
    weir_status status = open_admin(kafka, err);
    if (status == WEIR_OK) {
        status = open_uncommitted(kafka, err);
    }
    if (status != WEIR_OK) {
        kafka_free(&kafka->base);
        return status;
    }
    *out_broker = &kafka->base;
    return WEIR_OK;
}
