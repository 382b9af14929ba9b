/* SPDX-License-Identifier: Apache-2.0
 *
 * kafka_admin.c - the topics of a cluster: made, described, listed, deleted.
 *
 * A topic is two things to Kafka, its partitions (metadata, of any broker) and its configuration (a
 * request of its own); here they are one weir_topic_config. The cluster answers a creation or a
 * deletion before every broker knows of it, so both wait until a broker says what they made true.
 */
#include "connectors/kafka_admin.h"

#include "streams/base/clock.h"
#include "streams/topic_settings.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DESCRIBED_AT_ONCE_MAX = 200, VISIBLE_SECONDS_MAX = 30, VISIBLE_POLL_MS = 20 };

static const char *policy_text(uint32_t policy)
{
    switch (policy) {
    case WEIR_CLEANUP_DELETE:
        return "delete";
    case WEIR_CLEANUP_COMPACT:
        return "compact";
    case WEIR_CLEANUP_DELETE | WEIR_CLEANUP_COMPACT:
        return "compact,delete";
    default:
        return "none";
    }
}

static uint32_t policy_of(const char *text)
{
    uint32_t policy = strstr(text, "delete") != NULL ? WEIR_CLEANUP_DELETE : 0;
    return policy | (strstr(text, "compact") != NULL ? WEIR_CLEANUP_COMPACT : 0);
}

/* Reads what the cluster says of a topic's configuration. */
static void take_entries(weir_topic_config *config, const rd_kafka_ConfigResource_t *resource)
{
    size_t count = 0;
    const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(resource, &count);
    for (size_t i = 0; i < count; i++) {
        const char *name = rd_kafka_ConfigEntry_name(entries[i]);
        const char *value = rd_kafka_ConfigEntry_value(entries[i]);
        if (value == NULL) {
            continue;
        }
        if (strcmp(name, "cleanup.policy") == 0) {
            config->cleanup_policy = policy_of(value);
        }
        size_t setting = weir_topic_setting_find(name);
        if (setting < WEIR_TOPIC_SETTINGS) {
            weir_topic_setting_set(config, setting, strtoll(value, NULL, 10));
        }
    }
}

/* Asks for the configurations of count topics whose names are set. */
static weir_status describe_settings(weir_kafka *kafka, weir_topic_config *topics, size_t count,
                                     weir_error *err)
{
    WEIR_AUTO(weir_kafka_call) call = {0};
    WEIR_TRY(weir_kafka_call_begin(kafka->admin, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, &call, err));
    rd_kafka_ConfigResource_t *resources[DESCRIBED_AT_ONCE_MAX];
    WEIR_ASSERT(count <= WEIR_COUNT_OF(resources));
    for (size_t i = 0; i < count; i++) {
        resources[i] = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topics[i].name);
    }
    rd_kafka_DescribeConfigs(kafka->admin, resources, count, call.options, call.queue);
    rd_kafka_ConfigResource_destroy_array(resources, count);
    WEIR_TRY(weir_kafka_call_end(&call, err, "configuration of topic %s", topics[0].name));
    size_t answer_count = 0;
    const rd_kafka_ConfigResource_t **answers = rd_kafka_DescribeConfigs_result_resources(
        rd_kafka_event_DescribeConfigs_result(call.event), &answer_count);
    for (size_t i = 0; i < answer_count; i++) {
        const char *name = rd_kafka_ConfigResource_name(answers[i]);
        rd_kafka_resp_err_t code = rd_kafka_ConfigResource_error(answers[i]);
        if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
            return weir_kafka_refuse(err, code, rd_kafka_ConfigResource_error_string(answers[i]),
                                     "configuration of topic %s", name);
        }
        for (size_t j = 0; j < count; j++) {
            if (strcmp(topics[j].name, name) == 0) {
                take_entries(&topics[j], answers[i]);
            }
        }
    }
    return WEIR_OK;
}

/* The partitions and replicas of a topic, as a broker sees them now; its error is the answer. */
static rd_kafka_resp_err_t look_at(weir_kafka *kafka, const char *topic,
                                   weir_topic_config *out_config, bool *out_has_leaders)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_topic_t *handle = rd_kafka_topic_new(kafka->admin, topic, NULL);
    rd_kafka_resp_err_t code =
        rd_kafka_metadata(kafka->admin, 0, handle, &metadata, WEIR_KAFKA_CALL_TIMEOUT_MS);
    rd_kafka_topic_destroy(handle);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return code;
    }
    const rd_kafka_metadata_topic_t *found = &metadata->topics[0];
    code = metadata->topic_cnt == 1 ? found->err : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    *out_has_leaders = true;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        out_config->partition_count = found->partition_cnt;
        for (int i = 0; i < found->partition_cnt; i++) {
            out_config->replication_factor = (int16_t)found->partitions[i].replica_cnt;
            *out_has_leaders &= found->partitions[i].leader >= 0;
        }
    }
    rd_kafka_metadata_destroy(metadata);
    return code;
}

static uint64_t seconds_since(uint64_t start_ns)
{
    return (weir_clock_monotonic_ns() - start_ns) / (WEIR_NS_PER_MS * (uint64_t)1000);
}

static weir_status describe(weir_kafka *kafka, weir_topic_config *config, weir_error *err)
{
    bool has_leaders = false;
    rd_kafka_resp_err_t code = look_at(kafka, config->name, config, &has_leaders);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR && code != RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE) {
        return weir_kafka_refuse(err, code, NULL, "topic %s", config->name);
    }
    weir_kafka_saw_topic(kafka, config->name, true);
    return describe_settings(kafka, config, 1, err); /* Another broker may answer that. */
}

weir_status weir_kafka_describe_topic(weir_broker *broker, const char *topic,
                                      weir_topic_config *out_config, weir_error *err)
{
    weir_kafka *kafka = weir_kafka_of(broker);
    weir_topic_config config = {.name = weir_kafka_topic_name(kafka, topic)};
    uint64_t start_ns = weir_clock_monotonic_ns();
    weir_status status = describe(kafka, &config, err);
    while (status == WEIR_NOT_FOUND && weir_kafka_may_be_late(kafka, topic) &&
           seconds_since(start_ns) <= VISIBLE_SECONDS_MAX) {
        (void)poll(NULL, 0, VISIBLE_POLL_MS);
        status = describe(kafka, &config, err);
    }
    WEIR_TRY(status);
    *out_config = config;
    return WEIR_OK;
}

/* Waits until a broker says that topic is there with its partitions, or is gone. */
static weir_status wait_until(weir_kafka *kafka, const char *topic, bool exists, weir_error *err)
{
    uint64_t start_ns = weir_clock_monotonic_ns();
    for (;;) {
        weir_topic_config config = {0};
        bool has_leaders = false;
        rd_kafka_resp_err_t code = look_at(kafka, topic, &config, &has_leaders);
        bool done = exists ? code == RD_KAFKA_RESP_ERR_NO_ERROR && has_leaders
                           : code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
        if (done) {
            weir_kafka_saw_topic(kafka, topic, exists);
            return WEIR_OK;
        }
        if (seconds_since(start_ns) > VISIBLE_SECONDS_MAX) {
            return weir_error_set(err, WEIR_IO,
                                  "topic %s: %s, but the brokers do not say so after %d s", topic,
                                  exists ? "created" : "deleted", VISIBLE_SECONDS_MAX);
        }
        (void)poll(NULL, 0, VISIBLE_POLL_MS);
    }
}

/* What exists must be as it is wanted; a zero wants nothing. */
static weir_status compare(const weir_topic_config *wanted, const weir_topic_config *found,
                           weir_error *err)
{
    if (wanted->partition_count != 0 && wanted->partition_count != found->partition_count) {
        return weir_error_set(err, WEIR_INVALID,
                              "topic %s has %" PRId32 " partitions, not %" PRId32, wanted->name,
                              found->partition_count, wanted->partition_count);
    }
    if (wanted->cleanup_policy != 0 && wanted->cleanup_policy != found->cleanup_policy) {
        return weir_error_set(err, WEIR_INVALID,
                              "topic %s has cleanup.policy=%s, not %s: change it with "
                              "kafka-configs --alter --topic %s --add-config cleanup.policy=[%s]",
                              wanted->name, policy_text(found->cleanup_policy),
                              policy_text(wanted->cleanup_policy), wanted->name,
                              policy_text(wanted->cleanup_policy));
    }
    return WEIR_OK;
}

static void set_config(rd_kafka_NewTopic_t *topic, const char *name, const char *value)
{
    rd_kafka_resp_err_t code = rd_kafka_NewTopic_set_config(topic, name, value);
    WEIR_ASSERT(code == RD_KAFKA_RESP_ERR_NO_ERROR);
}

static rd_kafka_NewTopic_t *new_topic(const weir_topic_config *config, weir_error *err)
{
    char words[WEIR_ERROR_MESSAGE_BYTES_MAX];
    rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(
        config->name, config->partition_count == 0 ? -1 : config->partition_count,
        config->replication_factor == 0 ? -1 : config->replication_factor, words, sizeof words);
    if (topic == NULL) {
        (void)weir_error_set(err, WEIR_INVALID, "topic %s: %s", config->name, words);
        return NULL;
    }
    if (config->cleanup_policy != 0) {
        set_config(topic, "cleanup.policy", policy_text(config->cleanup_policy));
    }
    for (size_t i = 0; i < WEIR_TOPIC_SETTINGS; i++) {
        char value[24];
        int64_t number = weir_topic_setting_get(config, i);
        (void)snprintf(value, sizeof value, "%" PRId64, number);
        if (number != 0) {
            set_config(topic, weir_topic_setting_name(i), value);
        }
    }
    return topic;
}

/* The error of the only topic of a call, with the cluster's words. */
static rd_kafka_resp_err_t topic_result(const rd_kafka_topic_result_t *const *results, size_t count,
                                        const char **out_words)
{
    WEIR_ASSERT(count == 1);
    *out_words = rd_kafka_topic_result_error_string(results[0]);
    return rd_kafka_topic_result_error(results[0]);
}

static weir_status create(weir_kafka *kafka, const weir_topic_config *config, bool *out_existed,
                          weir_error *err)
{
    WEIR_AUTO(weir_kafka_call) call = {0};
    WEIR_TRY(weir_kafka_call_begin(kafka->admin, RD_KAFKA_ADMIN_OP_CREATETOPICS, &call, err));
    rd_kafka_NewTopic_t *topic = new_topic(config, err);
    if (topic == NULL) {
        return WEIR_INVALID;
    }
    rd_kafka_CreateTopics(kafka->admin, &topic, 1, call.options, call.queue);
    rd_kafka_NewTopic_destroy(topic);
    WEIR_TRY(weir_kafka_call_end(&call, err, "topic %s cannot be created", config->name));
    size_t count = 0;
    const char *words = NULL;
    const rd_kafka_topic_result_t **results =
        rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(call.event), &count);
    rd_kafka_resp_err_t code = topic_result(results, count, &words);
    *out_existed = code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS;
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR && !*out_existed) {
        return weir_kafka_refuse(err, code, words, "topic %s cannot be created", config->name);
    }
    return wait_until(kafka, config->name, true, err);
}

weir_status weir_kafka_create_topic(weir_broker *broker, const weir_topic_config *config,
                                    weir_error *err)
{
    weir_topic_config found = {0};
    weir_status status = weir_kafka_describe_topic(broker, config->name, &found, err);
    if (status == WEIR_OK) {
        return compare(config, &found, err);
    }
    if (status != WEIR_NOT_FOUND) {
        return status;
    }
    bool existed = false;
    WEIR_TRY(create(weir_kafka_of(broker), config, &existed, err));
    if (existed) { /* Somebody else was faster. */
        WEIR_TRY(weir_kafka_describe_topic(broker, config->name, &found, err));
        return compare(config, &found, err);
    }
    return WEIR_OK;
}

weir_status weir_kafka_delete_topic(weir_broker *broker, const char *topic, weir_error *err)
{
    weir_kafka *kafka = weir_kafka_of(broker);
    WEIR_AUTO(weir_kafka_call) call = {0};
    WEIR_TRY(weir_kafka_call_begin(kafka->admin, RD_KAFKA_ADMIN_OP_DELETETOPICS, &call, err));
    rd_kafka_DeleteTopic_t *doomed = rd_kafka_DeleteTopic_new(topic);
    rd_kafka_DeleteTopics(kafka->admin, &doomed, 1, call.options, call.queue);
    rd_kafka_DeleteTopic_destroy(doomed);
    WEIR_TRY(weir_kafka_call_end(&call, err, "topic %s cannot be deleted", topic));
    size_t count = 0;
    const char *words = NULL;
    const rd_kafka_topic_result_t **results =
        rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(call.event), &count);
    rd_kafka_resp_err_t code = topic_result(results, count, &words);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return weir_kafka_refuse(err, code, words, "topic %s cannot be deleted", topic);
    }
    return wait_until(kafka, topic, false, err);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const weir_topic_config *)a)->name, ((const weir_topic_config *)b)->name);
}

/* All topics but the cluster's own, which begin with "__", with partitions and replicas. */
static weir_status list(weir_kafka *kafka, weir_topic_config **out_topics, size_t *out_count,
                        weir_error *err)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t code =
        rd_kafka_metadata(kafka->admin, 1, NULL, &metadata, WEIR_KAFKA_CALL_TIMEOUT_MS);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return weir_kafka_refuse(err, code, NULL, "the topics of the cluster");
    }
    weir_topic_config *topics = weir_alloc_array((size_t)metadata->topic_cnt, sizeof *topics);
    size_t count = 0;
    for (int i = 0; i < metadata->topic_cnt; i++) {
        const rd_kafka_metadata_topic_t *topic = &metadata->topics[i];
        if (topic->err == RD_KAFKA_RESP_ERR_NO_ERROR && strncmp(topic->topic, "__", 2) != 0) {
            topics[count++] = (weir_topic_config){
                .name = weir_kafka_topic_name(kafka, topic->topic),
                .partition_count = topic->partition_cnt,
                .replication_factor =
                    (int16_t)(topic->partition_cnt == 0 ? 0 : topic->partitions[0].replica_cnt),
            };
        }
    }
    rd_kafka_metadata_destroy(metadata);
    qsort(topics, count, sizeof *topics, compare_names);
    *out_topics = topics;
    *out_count = count;
    return WEIR_OK;
}

weir_status weir_kafka_list_topics(weir_broker *broker,
                                   weir_status (*visit)(void *user, const weir_topic_config *topic,
                                                        weir_error *err),
                                   void *user, weir_error *err)
{
    weir_kafka *kafka = weir_kafka_of(broker);
    WEIR_AUTO_FREE weir_topic_config *topics = NULL;
    size_t count = 0;
    WEIR_TRY(list(kafka, &topics, &count, err));
    for (size_t i = 0; i < count; i++) {
        if (i % DESCRIBED_AT_ONCE_MAX == 0) {
            size_t left = count - i;
            WEIR_TRY(describe_settings(kafka, topics + i,
                                       left < DESCRIBED_AT_ONCE_MAX ? left : DESCRIBED_AT_ONCE_MAX,
                                       err));
        }
        WEIR_TRY(visit(user, &topics[i], err));
    }
    return WEIR_OK;
}
