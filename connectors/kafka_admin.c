/* SPDX-License-Identifier: Apache-2.0
 *
 * kafka_admin.c - the topics of a cluster: made, described, listed, deleted.
 *
 * A topic is two things to Kafka, its partitions (metadata, of any broker) and its configuration (a
 * request of its own); here they are one weir_topic_config. However many topics are asked for or
 * made, each is one request: a start with dozens of topics is a matter of milliseconds, not of
 * round trips. The cluster answers a creation or a
 * deletion before every broker knows of it, so both wait until a broker says what they made true.
 */
#include "connectors/kafka_admin.h"
#include "connectors/kafka_metadata.h"

#include "streams/base/clock.h"
#include "streams/topic_settings.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DESCRIBED_AT_ONCE_MAX = 200 };

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

/* The answer about a topic; one that the broker which was asked does not know is not found. */
static weir_status take_resource(weir_topic_query *query, const rd_kafka_ConfigResource_t *answer,
                                 weir_error *err)
{
    rd_kafka_resp_err_t code = rd_kafka_ConfigResource_error(answer);
    if (weir_kafka_status(code) == WEIR_NOT_FOUND) {
        query->status = WEIR_NOT_FOUND;
        return WEIR_OK;
    }
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return weir_kafka_refuse(err, code, rd_kafka_ConfigResource_error_string(answer),
                                 "configuration of topic %s", query->topic);
    }
    take_entries(&query->config, answer);
    return WEIR_OK;
}

static weir_status take_settings(weir_topic_query *queries, size_t count,
                                 const rd_kafka_ConfigResource_t **answers, size_t answer_count,
                                 weir_error *err)
{
    for (size_t i = 0; i < answer_count; i++) {
        const char *name = rd_kafka_ConfigResource_name(answers[i]);
        for (size_t j = 0; j < count; j++) {
            if (strcmp(queries[j].topic, name) == 0) {
                WEIR_TRY(take_resource(&queries[j], answers[i], err));
            }
        }
    }
    return WEIR_OK;
}

/* The same topic may be asked about twice, but not of the cluster. */
static bool is_asked_before(const weir_topic_query *queries, size_t at)
{
    for (size_t i = 0; i < at; i++) {
        if (strcmp(queries[i].topic, queries[at].topic) == 0) {
            return true;
        }
    }
    return false;
}

/* Asks for the configurations of those topics that are there. */
static weir_status describe_settings(weir_kafka *kafka, weir_topic_query *queries, size_t count,
                                     weir_error *err)
{
    WEIR_AUTO(weir_kafka_call) call = {0};
    WEIR_TRY(weir_kafka_call_begin(kafka->admin, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, &call, err));
    rd_kafka_ConfigResource_t *resources[DESCRIBED_AT_ONCE_MAX];
    WEIR_ASSERT(count <= WEIR_COUNT_OF(resources));
    size_t asked = 0;
    for (size_t i = 0; i < count; i++) {
        if (queries[i].status == WEIR_OK && !is_asked_before(queries, i)) {
            resources[asked++] =
                rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, queries[i].topic);
        }
    }
    if (asked == 0) {
        return WEIR_OK;
    }
    rd_kafka_DescribeConfigs(kafka->admin, resources, asked, call.options, call.queue);
    rd_kafka_ConfigResource_destroy_array(resources, asked);
    WEIR_TRY(weir_kafka_call_end(&call, err, "configuration of topic %s", queries[0].topic));
    size_t answer_count = 0;
    const rd_kafka_ConfigResource_t **answers = rd_kafka_DescribeConfigs_result_resources(
        rd_kafka_event_DescribeConfigs_result(call.event), &answer_count);
    return take_settings(queries, count, answers, answer_count, err);
}

static weir_status describe_all_settings(weir_kafka *kafka, weir_topic_query *queries, size_t count,
                                         weir_error *err)
{
    for (size_t i = 0; i < count; i += DESCRIBED_AT_ONCE_MAX) {
        size_t left = count - i;
        WEIR_TRY(describe_settings(
            kafka, queries + i, left < DESCRIBED_AT_ONCE_MAX ? left : DESCRIBED_AT_ONCE_MAX, err));
    }
    return WEIR_OK;
}

/* Partitions and replicas of the topics that a broker knows now. */
static weir_status describe_layouts(weir_kafka *kafka, weir_topic_query *queries, size_t count,
                                    weir_error *err)
{
    WEIR_AUTO_FREE weir_kafka_sight *sights = weir_alloc_array(count, sizeof(*sights));
    for (size_t i = 0; i < count; i++) {
        sights[i].topic = queries[i].topic;
    }
    rd_kafka_resp_err_t failed =
        weir_kafka_look(kafka->admin, sights, count, WEIR_KAFKA_CALL_TIMEOUT_MS);
    if (failed != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return weir_kafka_refuse(err, failed, NULL, "topic %s", queries[0].topic);
    }
    for (size_t i = 0; i < count; i++) {
        rd_kafka_resp_err_t code = sights[i].code;
        queries[i].status = weir_kafka_status(code);
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE) {
            queries[i].status = WEIR_OK;
            queries[i].config = (weir_topic_config){
                .name = weir_kafka_topic_name(kafka, queries[i].topic),
                .partition_count = sights[i].partition_count,
                .replication_factor = sights[i].replication_factor,
            };
            weir_kafka_saw_topic(kafka, queries[i].topic, true);
        } else if (queries[i].status != WEIR_NOT_FOUND) {
            return weir_kafka_refuse(err, code, NULL, "topic %s", queries[i].topic);
        }
    }
    return WEIR_OK;
}

/* True after a moment's wait where a topic that was not found may only be late. */
static bool wait_for_late(weir_kafka *kafka, const weir_topic_query *queries, size_t count,
                          uint64_t since_ns)
{
    for (size_t i = 0; i < count; i++) {
        if (queries[i].status == WEIR_NOT_FOUND &&
            weir_kafka_wait_for_late(kafka, queries[i].topic, since_ns)) {
            return true;
        }
    }
    return false;
}

weir_status weir_kafka_describe_topics(weir_broker *broker, weir_topic_query *queries, size_t count,
                                       weir_error *err)
{
    weir_kafka *kafka = weir_kafka_of(broker);
    uint64_t since_ns = weir_clock_monotonic_ns();
    do {
        WEIR_TRY(describe_layouts(kafka, queries, count, err));
        WEIR_TRY(describe_all_settings(kafka, queries, count, err)); /* Perhaps another broker. */
    } while (wait_for_late(kafka, queries, count, since_ns));
    return WEIR_OK;
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

/* What the cluster has answered to the creation of topics. Then waits until they are seen. */
static weir_status take_created(weir_kafka *kafka, const weir_topic_config *const *wanted,
                                size_t count, rd_kafka_event_t *event, bool *out_existed,
                                weir_error *err)
{
    size_t result_count = 0;
    const rd_kafka_topic_result_t **results = rd_kafka_CreateTopics_result_topics(
        rd_kafka_event_CreateTopics_result(event), &result_count);
    for (size_t i = 0; i < result_count; i++) {
        const char *name = rd_kafka_topic_result_name(results[i]);
        rd_kafka_resp_err_t code = rd_kafka_topic_result_error(results[i]);
        *out_existed = *out_existed || code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS;
        if (code != RD_KAFKA_RESP_ERR_NO_ERROR && code != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) {
            return weir_kafka_refuse(err, code, rd_kafka_topic_result_error_string(results[i]),
                                     "topic %s cannot be created", name);
        }
    }
    WEIR_AUTO_FREE weir_kafka_sight *sights = weir_alloc_array(count, sizeof(*sights));
    for (size_t i = 0; i < count; i++) {
        sights[i].topic = wanted[i]->name;
    }
    return weir_kafka_wait_for_topics(kafka, sights, count, true, err);
}

/* Creates what is missing, in one request. */
static weir_status create(weir_kafka *kafka, const weir_topic_config *const *wanted, size_t count,
                          bool *out_existed, weir_error *err)
{
    *out_existed = false;
    WEIR_AUTO(weir_kafka_call) call = {0};
    WEIR_TRY(weir_kafka_call_begin(kafka->admin, RD_KAFKA_ADMIN_OP_CREATETOPICS, &call, err));
    WEIR_AUTO_FREE rd_kafka_NewTopic_t **topics =
        weir_alloc_array(count, sizeof(rd_kafka_NewTopic_t *));
    size_t made = 0;
    while (made < count && (topics[made] = new_topic(wanted[made], err)) != NULL) {
        made++;
    }
    if (made == count) {
        rd_kafka_CreateTopics(kafka->admin, topics, count, call.options, call.queue);
    }
    rd_kafka_NewTopic_destroy_array(topics, made);
    if (made < count) {
        return WEIR_INVALID;
    }
    WEIR_TRY(weir_kafka_call_end(&call, err, "topic %s cannot be created", wanted[0]->name));
    return take_created(kafka, wanted, count, call.event, out_existed, err);
}

/* Compares those that exist with what is wanted of them; the others are listed. */
static weir_status compare_all(weir_kafka *kafka, const weir_topic_config *configs, size_t count,
                               const weir_topic_config **missing, size_t *out_missing_count,
                               weir_error *err)
{
    WEIR_AUTO_FREE weir_topic_query *queries = weir_alloc_array(count, sizeof(*queries));
    for (size_t i = 0; i < count; i++) {
        queries[i].topic = configs[i].name;
    }
    WEIR_TRY(weir_kafka_describe_topics(&kafka->base, queries, count, err));
    *out_missing_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (queries[i].status == WEIR_NOT_FOUND) {
            missing[(*out_missing_count)++] = &configs[i];
        } else {
            WEIR_TRY(compare(&configs[i], &queries[i].config, err));
        }
    }
    return WEIR_OK;
}

weir_status weir_kafka_create_topics(weir_broker *broker, const weir_topic_config *configs,
                                     size_t count, weir_error *err)
{
    weir_kafka *kafka = weir_kafka_of(broker);
    WEIR_AUTO_FREE const weir_topic_config **missing =
        weir_alloc_array(count, sizeof(weir_topic_config *));
    size_t missing_count = 0;
    WEIR_TRY(compare_all(kafka, configs, count, missing, &missing_count, err));
    if (missing_count == 0) {
        return WEIR_OK;
    }
    bool existed = false;
    WEIR_TRY(create(kafka, missing, missing_count, &existed, err));
    /* Somebody else was faster, and may want something else. */
    return existed ? compare_all(kafka, configs, count, missing, &missing_count, err) : WEIR_OK;
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
    const rd_kafka_topic_result_t **results =
        rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(call.event), &count);
    WEIR_ASSERT(count == 1);
    rd_kafka_resp_err_t code = rd_kafka_topic_result_error(results[0]);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return weir_kafka_refuse(err, code, rd_kafka_topic_result_error_string(results[0]),
                                 "topic %s cannot be deleted", topic);
    }
    weir_kafka_sight sight = {.topic = topic};
    return weir_kafka_wait_for_topics(kafka, &sight, 1, false, err);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const weir_topic_query *)a)->topic, ((const weir_topic_query *)b)->topic);
}

/* All topics but the cluster's own, which begin with "__", with partitions and replicas. */
static weir_status list(weir_kafka *kafka, weir_topic_query **out_topics, size_t *out_count,
                        weir_error *err)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t code =
        rd_kafka_metadata(kafka->admin, 1, NULL, &metadata, WEIR_KAFKA_CALL_TIMEOUT_MS);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return weir_kafka_refuse(err, code, NULL, "the topics of the cluster");
    }
    weir_topic_query *topics = weir_alloc_array((size_t)metadata->topic_cnt, sizeof *topics);
    size_t count = 0;
    for (int i = 0; i < metadata->topic_cnt; i++) {
        const rd_kafka_metadata_topic_t *topic = &metadata->topics[i];
        if (topic->err == RD_KAFKA_RESP_ERR_NO_ERROR && strncmp(topic->topic, "__", 2) != 0) {
            weir_topic_query *listed = &topics[count++];
            listed->topic = weir_kafka_topic_name(kafka, topic->topic);
            listed->config = (weir_topic_config){
                .name = listed->topic,
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
    WEIR_AUTO_FREE weir_topic_query *topics = NULL;
    size_t count = 0;
    WEIR_TRY(list(kafka, &topics, &count, err));
    WEIR_TRY(describe_all_settings(kafka, topics, count, err));
    for (size_t i = 0; i < count; i++) {
        if (topics[i].status == WEIR_OK) { /* Else it has just been deleted. */
            WEIR_TRY(visit(user, &topics[i].config, err));
        }
    }
    return WEIR_OK;
}
