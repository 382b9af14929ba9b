/* SPDX-License-Identifier: Apache-2.0
 *
 * kafka_groups.c - offsets: where partitions begin and end, and what groups have committed.
 *
 * The handle for administration reads committed records only, so that an end is the last stable
 * offset: the place of the next record that a transaction has not held back. The end behind open
 * transactions, which a restore asks for, is what a handle of its own sees. What a group has
 * committed is read "stable" too: while a transaction that carries an offset is open, the answer is
 * WEIR_AGAIN, for the older offset would make records count twice.
 *
 * These reads have a handle for each group, a consumer that never joins it: on the handle for
 * administration, which has no group, librdkafka (2.0.2 at least) dies of a null pointer where the
 * coordinator has just moved, or a fresh cluster has none yet.
 */
#include "connectors/kafka_admin.h"

#include "streams/base/clock.h"

#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

enum { LEADER_POLL_MS = 50, COORDINATOR_POLL_MS = 50, STALE_TRIES = 20 };

static rd_kafka_topic_partition_list_t *list_of(weir_topic_partition partition, int64_t offset)
{
    rd_kafka_topic_partition_list_t *partitions = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(partitions, partition.topic, partition.partition)->offset =
        offset;
    return partitions;
}

static void list_free(rd_kafka_topic_partition_list_t **partitions)
{
    rd_kafka_topic_partition_list_destroy(*partitions);
}

#define AUTO_LIST __attribute__((cleanup(list_free))) rd_kafka_topic_partition_list_t *

static rd_kafka_t *handle_of(const weir_kafka *kafka, weir_offset_spec spec)
{
    return spec == WEIR_OFFSET_WRITTEN ? kafka->uncommitted : kafka->admin;
}

/* NOT_FOUND where the topic has no such partition: librdkafka would wait for it. By the handle that
 * is asked next: librdkafka asks the leader that it knows of, and where that has changed it looks
 * for the new one only of topics that it reads or writes, which these handles don't. */
static weir_status check_partition(weir_kafka *kafka, rd_kafka_t *handle,
                                   weir_topic_partition partition, weir_error *err)
{
    int32_t count = 0;
    WEIR_TRY(weir_kafka_look_up(kafka, handle, partition.topic, &count, err));
    return partition.partition < count ? WEIR_OK : WEIR_NOT_FOUND;
}

static weir_status refuse_partition(weir_error *err, rd_kafka_resp_err_t code,
                                    weir_topic_partition partition)
{
    return weir_kafka_refuse(err, code, NULL, "%s[%" PRId32 "]", partition.topic,
                             partition.partition);
}

/* The first record at or after a time; -1: none. */
static rd_kafka_resp_err_t find_time(weir_kafka *kafka, weir_topic_partition partition,
                                     int64_t timestamp_ms, int64_t *out_offset)
{
    AUTO_LIST times = list_of(partition, timestamp_ms);
    rd_kafka_resp_err_t code =
        rd_kafka_offsets_for_times(kafka->admin, times, WEIR_KAFKA_CALL_TIMEOUT_MS);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        code = times->elems[0].err;
    }
    *out_offset = code == RD_KAFKA_RESP_ERR_NO_ERROR ? times->elems[0].offset : -1;
    return code;
}

/* An end of the partition; as the isolation of the handle that is asked sees it. */
static rd_kafka_resp_err_t find_end(weir_kafka *kafka, weir_topic_partition partition,
                                    weir_offset_spec spec, int64_t *out_offset)
{
    int64_t earliest = -1;
    int64_t latest = -1;
    rd_kafka_resp_err_t code = rd_kafka_query_watermark_offsets(
        handle_of(kafka, spec), partition.topic, partition.partition, &earliest, &latest,
        WEIR_KAFKA_CALL_TIMEOUT_MS);
    *out_offset = spec == WEIR_OFFSET_EARLIEST ? earliest : latest;
    return code;
}

static rd_kafka_resp_err_t find_offset(weir_kafka *kafka, weir_topic_partition partition,
                                       weir_offset_spec spec, int64_t timestamp_ms,
                                       int64_t *out_offset)
{
    if (spec == WEIR_OFFSET_AT_TIMESTAMP) {
        rd_kafka_resp_err_t code = find_time(kafka, partition, timestamp_ms, out_offset);
        if (code != RD_KAFKA_RESP_ERR_NO_ERROR || *out_offset >= 0) {
            return code;
        }
    }
    return find_end(kafka, partition, spec, out_offset);
}

/* Whether the broker that was asked does not lead the partition, which exists: every broker says of
 * a new partition who leads it before that one does, and a leader moves with a broker's end. */
static bool is_leaderless(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION ||
           code == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE ||
           code == RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE ||
           code == RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH ||
           code == RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH ||
           weir_kafka_status(code) == WEIR_NOT_FOUND;
}

weir_status weir_kafka_offset(weir_broker *broker, weir_topic_partition partition,
                              weir_offset_spec spec, int64_t timestamp_ms, int64_t *out_offset,
                              weir_error *err)
{
    weir_kafka *kafka = weir_kafka_of(broker);
    uint64_t start_ns = weir_clock_monotonic_ns();
    for (;;) {
        int64_t found = -1;
        WEIR_TRY(check_partition(kafka, handle_of(kafka, spec), partition, err));
        rd_kafka_resp_err_t code = find_offset(kafka, partition, spec, timestamp_ms, &found);
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
            *out_offset = found;
            return WEIR_OK;
        }
        uint64_t passed_ms = (weir_clock_monotonic_ns() - start_ns) / WEIR_NS_PER_MS;
        if (!is_leaderless(code) || passed_ms > WEIR_KAFKA_CALL_TIMEOUT_MS) {
            return refuse_partition(err, code, partition);
        }
        (void)poll(NULL, 0, LEADER_POLL_MS);
    }
}

weir_status weir_kafka_delete_records(weir_broker *broker, weir_topic_partition partition,
                                      int64_t before_offset, weir_error *err)
{
    weir_kafka *kafka = weir_kafka_of(broker);
    WEIR_TRY(check_partition(kafka, kafka->admin, partition, err));
    WEIR_AUTO(weir_kafka_call) call = {0};
    WEIR_TRY(weir_kafka_call_begin(kafka->admin, RD_KAFKA_ADMIN_OP_DELETERECORDS, &call, err));
    AUTO_LIST before = list_of(partition, before_offset);
    rd_kafka_DeleteRecords_t *doomed = rd_kafka_DeleteRecords_new(before);
    rd_kafka_DeleteRecords(kafka->admin, &doomed, 1, call.options, call.queue);
    rd_kafka_DeleteRecords_destroy(doomed);
    WEIR_TRY(weir_kafka_call_end(&call, err, "%s[%" PRId32 "]: records before %" PRId64,
                                 partition.topic, partition.partition, before_offset));
    const rd_kafka_topic_partition_list_t *results =
        rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(call.event));
    WEIR_ASSERT(results->cnt == 1);
    rd_kafka_resp_err_t code = results->elems[0].err;
    if (code == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE) {
        return weir_error_set(err, WEIR_INVALID,
                              "%s[%" PRId32 "] ends before offset %" PRId64
                              ", before which records were to be deleted",
                              partition.topic, partition.partition, before_offset);
    }
    return code == RD_KAFKA_RESP_ERR_NO_ERROR ? WEIR_OK : refuse_partition(err, code, partition);
}

/* The handle by which a group is asked about. librdkafka (2.0.2 at least) goes on asking the broker
 * that was its coordinator once, for as long as it is asked often: after a coordinator has moved
 * only another handle finds it. */
typedef struct group_client {
    rd_kafka_t *handle;
    size_t users;  /* Under the broker's lock, as the next. */
    bool is_stale; /* The last user destroys it. */
} group_client;

static weir_status client_new(const weir_kafka *kafka, const char *group, group_client **out_client,
                              weir_error *err)
{
    rd_kafka_conf_t *conf = NULL;
    WEIR_TRY(weir_kafka_conf_new(kafka, WEIR_KAFKA_CONSUMER, NULL, &conf, err));
    weir_status status = weir_kafka_conf_set(conf, "group.id", group, err);
    if (status != WEIR_OK) {
        rd_kafka_conf_destroy(conf);
        return status;
    }
    rd_kafka_t *handle = NULL;
    WEIR_TRY(weir_kafka_handle_new(kafka, WEIR_KAFKA_CONSUMER, conf, &handle, err));
    *out_client = weir_alloc(sizeof **out_client);
    (*out_client)->handle = handle;
    return WEIR_OK;
}

static void client_free(group_client *client)
{
    rd_kafka_destroy(client->handle);
    free(client);
}

static weir_status client_take(weir_kafka *kafka, const char *group, group_client **out_client,
                               weir_error *err)
{
    weir_status status = WEIR_OK;
    pthread_mutex_lock(&kafka->lock);
    group_client *client = weir_map_get(kafka->group_clients, weir_bytes_of_text(group));
    if (client == NULL) {
        status = client_new(kafka, group, &client, err);
        if (status == WEIR_OK) {
            (void)weir_map_put(kafka->group_clients, weir_bytes_of_text(group), client);
        }
    }
    if (status == WEIR_OK) {
        client->users++;
        *out_client = client;
    }
    pthread_mutex_unlock(&kafka->lock);
    return status;
}

/* Gives it back; whoever asks next has another one where this one is not to be trusted. */
static void client_give_back(weir_kafka *kafka, const char *group, group_client *client,
                             bool is_stale)
{
    pthread_mutex_lock(&kafka->lock);
    if (is_stale && !client->is_stale) {
        client->is_stale = true;
        (void)weir_map_remove(kafka->group_clients, weir_bytes_of_text(group));
    }
    client->users--;
    bool is_last = client->is_stale && client->users == 0;
    pthread_mutex_unlock(&kafka->lock);
    if (is_last) {
        client_free(client);
    }
}

void weir_kafka_group_clients_free(weir_kafka *kafka)
{
    size_t position = 0;
    void *client = NULL;
    while (weir_map_next(kafka->group_clients, &position, NULL, &client)) {
        client_free(client);
    }
    weir_map_free(kafka->group_clients);
}

/* A question about a group, asked until its coordinator answers. */
typedef struct group_question {
    const char *group;
    weir_status (*ask)(rd_kafka_t *handle, struct group_question *question, weir_error *err);
    weir_topic_partition partition;
    const weir_group_offset *set; /* To alter. */
    int64_t offset;               /* -1: none. */
    weir_buf *metadata;
    int32_t count;
    bool is_unstable; /* A transaction is under way. */
} group_question;

/* Waits a moment for what passes by itself; WEIR_IO once that has taken too long. */
static weir_status wait_for_coordinator(uint64_t start_ns, const char *group, weir_error *err)
{
    if ((weir_clock_monotonic_ns() - start_ns) / WEIR_NS_PER_MS > WEIR_KAFKA_CALL_TIMEOUT_MS) {
        return weir_error_set(err, WEIR_IO, "group %s: its coordinator is not ready after %d s",
                              group, WEIR_KAFKA_CALL_TIMEOUT_MS / 1000);
    }
    (void)poll(NULL, 0, COORDINATOR_POLL_MS);
    return WEIR_OK;
}

static weir_status ask_until_answered(weir_broker *broker, group_question *question,
                                      weir_error *err)
{
    weir_kafka *kafka = weir_kafka_of(broker);
    uint64_t start_ns = weir_clock_monotonic_ns();
    for (unsigned tries = 1;; tries++) {
        group_client *client = NULL;
        WEIR_TRY(client_take(kafka, question->group, &client, err));
        weir_status status = question->ask(client->handle, question, err);
        bool is_stale = status == WEIR_IO || (status == WEIR_AGAIN && tries % STALE_TRIES == 0);
        client_give_back(kafka, question->group, client, is_stale);
        if (status != WEIR_AGAIN) {
            return status;
        }
        WEIR_TRY(wait_for_coordinator(start_ns, question->group, err));
    }
}

static rd_kafka_resp_err_t code_of(const rd_kafka_error_t *failure)
{
    return failure == NULL ? RD_KAFKA_RESP_ERR_NO_ERROR : rd_kafka_error_code(failure);
}

/* The only partition of the only group of an answer, whose error may be that it is unstable; AGAIN
 * where the coordinator is not ready. */
static weir_status take_partition(const rd_kafka_group_result_t *const *groups, size_t count,
                                  const rd_kafka_topic_partition_t **out_partition, weir_error *err)
{
    WEIR_ASSERT(count == 1);
    const char *group = rd_kafka_group_result_name(groups[0]);
    const rd_kafka_error_t *failure = rd_kafka_group_result_error(groups[0]);
    const rd_kafka_topic_partition_list_t *partitions = rd_kafka_group_result_partitions(groups[0]);
    rd_kafka_resp_err_t code = code_of(failure);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        WEIR_ASSERT(partitions != NULL && partitions->cnt == 1);
        code = partitions->elems[0].err;
        *out_partition = &partitions->elems[0];
    }
    if (weir_kafka_is_coordinator_error(code)) {
        return WEIR_AGAIN;
    }
    return code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT
               ? WEIR_OK
               : weir_kafka_refuse(err, code, NULL, "offsets of group %s", group);
}

static weir_status take_committed(const weir_kafka_call *call, group_question *question,
                                  weir_error *err)
{
    size_t count = 0;
    const rd_kafka_topic_partition_t *found = NULL;
    const rd_kafka_group_result_t **groups = rd_kafka_ListConsumerGroupOffsets_result_groups(
        rd_kafka_event_ListConsumerGroupOffsets_result(call->event), &count);
    WEIR_TRY(take_partition(groups, count, &found, err));
    WEIR_ASSERT(found != NULL);
    question->is_unstable = found->err == RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT;
    question->offset = found->offset < 0 ? -1 : found->offset;
    if (!question->is_unstable && found->offset >= 0) {
        weir_buf_set(
            question->metadata,
            weir_bytes_of(found->metadata == NULL ? "" : found->metadata, found->metadata_size));
    }
    return WEIR_OK;
}

/* What the group has committed. */
static weir_status ask_committed(rd_kafka_t *handle, group_question *question, weir_error *err)
{
    WEIR_AUTO(weir_kafka_call) call = {0};
    WEIR_TRY(weir_kafka_call_begin(handle, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS, &call, err));
    rd_kafka_error_t *failed = rd_kafka_AdminOptions_set_require_stable_offsets(call.options, 1);
    if (failed != NULL) {
        return weir_kafka_fail_with(err, failed, "group %s", question->group);
    }
    AUTO_LIST partitions = list_of(question->partition, RD_KAFKA_OFFSET_INVALID);
    rd_kafka_ListConsumerGroupOffsets_t *wanted =
        rd_kafka_ListConsumerGroupOffsets_new(question->group, partitions);
    rd_kafka_ListConsumerGroupOffsets(handle, &wanted, 1, call.options, call.queue);
    rd_kafka_ListConsumerGroupOffsets_destroy(wanted);
    WEIR_TRY(weir_kafka_call_end(&call, err, "group %s", question->group));
    return take_committed(&call, question, err);
}

weir_status weir_kafka_group_offset(weir_broker *broker, const char *group,
                                    weir_topic_partition partition, int64_t *out_offset,
                                    weir_buf *out_metadata, weir_error *err)
{
    group_question question = {
        .group = group, .ask = ask_committed, .partition = partition, .metadata = out_metadata};
    WEIR_TRY(ask_until_answered(broker, &question, err));
    if (question.is_unstable) {
        return WEIR_AGAIN;
    }
    if (question.offset < 0) {
        return WEIR_NOT_FOUND;
    }
    *out_offset = question.offset;
    return WEIR_OK;
}

static weir_status ask_alter(rd_kafka_t *handle, group_question *question, weir_error *err)
{
    const weir_group_offset *offset = question->set;
    WEIR_AUTO(weir_kafka_call) call = {0};
    WEIR_TRY(
        weir_kafka_call_begin(handle, RD_KAFKA_ADMIN_OP_ALTERCONSUMERGROUPOFFSETS, &call, err));
    AUTO_LIST partitions = list_of(offset->partition, offset->offset);
    partitions->elems[0].metadata = weir_bytes_to_text(offset->metadata); /* The list frees it. */
    partitions->elems[0].metadata_size = offset->metadata.size;
    rd_kafka_AlterConsumerGroupOffsets_t *wanted =
        rd_kafka_AlterConsumerGroupOffsets_new(question->group, partitions);
    rd_kafka_AlterConsumerGroupOffsets(handle, &wanted, 1, call.options, call.queue);
    rd_kafka_AlterConsumerGroupOffsets_destroy(wanted);
    WEIR_TRY(weir_kafka_call_end(&call, err, "offsets of group %s", question->group));
    size_t count = 0;
    const rd_kafka_topic_partition_t *altered = NULL;
    const rd_kafka_group_result_t **groups = rd_kafka_AlterConsumerGroupOffsets_result_groups(
        rd_kafka_event_AlterConsumerGroupOffsets_result(call.event), &count);
    weir_status status = take_partition(groups, count, &altered, err);
    return status == WEIR_FENCED ? WEIR_INVALID : status; /* The group has members, not we. */
}

weir_status weir_kafka_alter_group_offset(weir_broker *broker, const char *group,
                                          const weir_group_offset *offset, weir_error *err)
{
    group_question question = {.group = group, .ask = ask_alter, .set = offset};
    return ask_until_answered(broker, &question, err);
}

/* *out_found is borrowed from *call, and NULL where there is no such group. */
static weir_status describe(rd_kafka_t *handle, const char *group, weir_kafka_call *call,
                            const rd_kafka_ConsumerGroupDescription_t **out_found, weir_error *err)
{
    WEIR_TRY(weir_kafka_call_begin(handle, RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS, call, err));
    rd_kafka_DescribeConsumerGroups(handle, &group, 1, call->options, call->queue);
    WEIR_TRY(weir_kafka_call_end(call, err, "group %s", group));
    size_t count = 0;
    const rd_kafka_ConsumerGroupDescription_t **groups =
        rd_kafka_DescribeConsumerGroups_result_groups(
            rd_kafka_event_DescribeConsumerGroups_result(call->event), &count);
    WEIR_ASSERT(count == 1);
    rd_kafka_resp_err_t code = code_of(rd_kafka_ConsumerGroupDescription_error(groups[0]));
    if (weir_kafka_is_coordinator_error(code)) {
        return WEIR_AGAIN;
    }
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR && code != RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND) {
        return weir_kafka_refuse(err, code, NULL, "group %s", group);
    }
    *out_found = code == RD_KAFKA_RESP_ERR_NO_ERROR ? groups[0] : NULL;
    return WEIR_OK;
}

static weir_status ask_members(rd_kafka_t *handle, group_question *question, weir_error *err)
{
    WEIR_AUTO(weir_kafka_call) call = {0};
    const rd_kafka_ConsumerGroupDescription_t *found = NULL;
    WEIR_TRY(describe(handle, question->group, &call, &found, err));
    question->count =
        found == NULL ? 0 : (int32_t)rd_kafka_ConsumerGroupDescription_member_count(found);
    return WEIR_OK;
}

static weir_status check_assignment(const rd_kafka_MemberDescription_t *member, const char *group,
                                    const char *topic, weir_error *err)
{
    const rd_kafka_topic_partition_list_t *has =
        rd_kafka_MemberAssignment_partitions(rd_kafka_MemberDescription_assignment(member));
    for (int i = 0; has != NULL && i < has->cnt; i++) {
        if (strcmp(has->elems[i].topic, topic) != 0) {
            return weir_error_set(err, WEIR_INVALID,
                                  "group %s shares out %s, not %s: give this application another "
                                  "application.id, or stop the other one",
                                  group, has->elems[i].topic, topic);
        }
    }
    return WEIR_OK;
}

static weir_status ask_topic(rd_kafka_t *handle, group_question *question, weir_error *err)
{
    WEIR_AUTO(weir_kafka_call) call = {0};
    const rd_kafka_ConsumerGroupDescription_t *found = NULL;
    WEIR_TRY(describe(handle, question->group, &call, &found, err));
    size_t count = found == NULL ? 0 : rd_kafka_ConsumerGroupDescription_member_count(found);
    for (size_t i = 0; i < count; i++) {
        WEIR_TRY(check_assignment(rd_kafka_ConsumerGroupDescription_member(found, i),
                                  question->group, question->partition.topic, err));
    }
    return WEIR_OK;
}

weir_status weir_kafka_check_group(weir_kafka *kafka, const char *group, const char *topic,
                                   weir_error *err)
{
    group_question question = {.group = group, .ask = ask_topic, .partition = {.topic = topic}};
    return ask_until_answered(&kafka->base, &question, err);
}

weir_status weir_kafka_group_member_count(weir_broker *broker, const char *group,
                                          int32_t *out_count, weir_error *err)
{
    group_question question = {.group = group, .ask = ask_members};
    WEIR_TRY(ask_until_answered(broker, &question, err));
    *out_count = question.count;
    return WEIR_OK;
}
