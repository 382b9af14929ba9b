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
 * All questions about groups share a handle, a consumer that never joins the group that it is
 * configured with: on the handle for administration, which has none, librdkafka (2.0.2 at least)
 * dies of a null pointer where the coordinator has just moved, or a fresh cluster has none yet.
 *
 * Queries go out together: one request to each leader for the partitions of a spec, and one for all
 * that is asked of a group.
 */
#include "connectors/kafka_admin.h"
#include "connectors/kafka_metadata.h"

#include "streams/base/clock.h"

#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

enum { COORDINATOR_POLL_MS = 50, LEADER_POLL_MS = 50, STALE_TRIES = 20 };

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

/* The first offset is the same for all; as it is asked for with the end behind transactions, one
 * look at the topic will do. */
static rd_kafka_t *handle_of(const weir_kafka *kafka, weir_offset_spec spec)
{
    bool sees_all = spec == WEIR_OFFSET_WRITTEN || spec == WEIR_OFFSET_EARLIEST;
    return sees_all ? kafka->uncommitted : kafka->admin;
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

/* Offsets. */

static int compare_queries(const void *a, const void *b)
{
    const weir_offset_query *one = *(const weir_offset_query *const *)a;
    const weir_offset_query *other = *(const weir_offset_query *const *)b;
    int order = (one->spec > other->spec) - (one->spec < other->spec);
    order = order != 0 ? order : strcmp(one->partition.topic, other->partition.topic);
    return order != 0 ? order
                      : (one->partition.partition > other->partition.partition) -
                            (one->partition.partition < other->partition.partition);
}

/* How many partitions the topic of a query has; 0: there is none. known has topics that were looked
 * up in this question: name -> count + 1. */
static weir_status count_partitions(weir_kafka *kafka, weir_map *known,
                                    const weir_offset_query *query, int32_t *out_count,
                                    weir_error *err)
{
    weir_bytes topic = weir_bytes_of_text(query->partition.topic);
    *out_count = (int32_t)(intptr_t)weir_map_get(known, topic) - 1;
    if (*out_count >= 0) {
        return WEIR_OK;
    }
    *out_count = 0;
    weir_status status = weir_kafka_look_up(kafka, handle_of(kafka, query->spec),
                                            query->partition.topic, out_count, err);
    WEIR_TRY(status == WEIR_NOT_FOUND ? WEIR_OK : status);
    (void)weir_map_put(known, topic, (void *)(intptr_t)(*out_count + 1));
    return WEIR_OK;
}

/* Those of queries whose partitions there are, in order; the others have their answer. */
static weir_status sort_queries(weir_kafka *kafka, weir_offset_query *queries, size_t count,
                                weir_offset_query **sorted, size_t *out_count, weir_error *err)
{
    WEIR_AUTO_PTR(weir_map) known_by_admin = weir_map_new();
    WEIR_AUTO_PTR(weir_map) known_by_other = weir_map_new();
    *out_count = 0;
    for (size_t i = 0; i < count; i++) {
        bool by_admin = handle_of(kafka, queries[i].spec) == kafka->admin;
        int32_t partitions = 0;
        WEIR_TRY(count_partitions(kafka, by_admin ? known_by_admin : known_by_other, &queries[i],
                                  &partitions, err));
        bool exists = queries[i].partition.partition < partitions;
        queries[i].status = exists ? WEIR_OK : WEIR_NOT_FOUND;
        if (exists) {
            sorted[(*out_count)++] = &queries[i];
        }
    }
    qsort(sorted, *out_count, sizeof(*sorted), compare_queries);
    return WEIR_OK;
}

/* What a list for rd_kafka_offsets_for_times has in the place of a time. */
static int64_t time_of(const weir_offset_query *query)
{
    switch (query->spec) {
    case WEIR_OFFSET_EARLIEST:
        return RD_KAFKA_OFFSET_BEGINNING;
    case WEIR_OFFSET_LATEST:
    case WEIR_OFFSET_WRITTEN:
        return RD_KAFKA_OFFSET_END;
    case WEIR_OFFSET_AT_TIMESTAMP:
        break;
    }
    return query->timestamp_ms;
}

/* Whether the broker that was asked does not lead the partition, which exists: every broker says of
 * a new partition who leads it before that one does, and a leader moves with a broker's end, which
 * also ends the connection. */
static bool is_leaderless(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION ||
           code == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE ||
           code == RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE ||
           code == RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH ||
           code == RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH || code == RD_KAFKA_RESP_ERR__TRANSPORT ||
           weir_kafka_status(code) == WEIR_NOT_FOUND;
}

static bool asks_the_same(const weir_offset_query *one, const weir_offset_query *other)
{
    return compare_queries(&one, &other) == 0;
}

/* Answers queries of one spec, in order; the same may be asked twice, but not of the cluster.
 * WEIR_AGAIN: some partition has no leader now. */
static weir_status ask_run(weir_kafka *kafka, weir_offset_query **run, size_t count,
                           weir_error *err)
{
    AUTO_LIST times = rd_kafka_topic_partition_list_new((int)count);
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || !asks_the_same(run[i - 1], run[i])) {
            rd_kafka_topic_partition_list_add(times, run[i]->partition.topic,
                                              run[i]->partition.partition)
                ->offset = time_of(run[i]);
        }
    }
    rd_kafka_resp_err_t code = rd_kafka_offsets_for_times(handle_of(kafka, run[0]->spec), times,
                                                          WEIR_KAFKA_CALL_TIMEOUT_MS);
    int at = -1;
    for (size_t i = 0; i < count && code == RD_KAFKA_RESP_ERR_NO_ERROR; i++) {
        at += i == 0 || !asks_the_same(run[i - 1], run[i]) ? 1 : 0;
        code = times->elems[at].err;
        run[i]->offset = times->elems[at].offset;
    }
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        return WEIR_OK;
    }
    weir_status status = refuse_partition(err, code, run[0]->partition);
    return is_leaderless(code) ? WEIR_AGAIN : status;
}

/* Where there is no record at or after the time, the end. */
static weir_status ask_time(weir_kafka *kafka, weir_offset_query *query, weir_error *err)
{
    WEIR_TRY(ask_run(kafka, &query, 1, err));
    if (query->offset >= 0) {
        return WEIR_OK;
    }
    weir_offset_query latest = {.partition = query->partition, .spec = WEIR_OFFSET_LATEST};
    weir_offset_query *run = &latest;
    WEIR_TRY(ask_run(kafka, &run, 1, err));
    query->offset = latest.offset;
    return WEIR_OK;
}

static weir_status try_offsets(weir_kafka *kafka, weir_offset_query *queries, size_t count,
                               weir_error *err)
{
    WEIR_AUTO_FREE weir_offset_query **sorted = weir_alloc_array(count, sizeof(*sorted));
    size_t found = 0;
    WEIR_TRY(sort_queries(kafka, queries, count, sorted, &found, err));
    size_t next = 0;
    for (size_t i = 0; i < found; i = next) {
        weir_offset_spec spec = sorted[i]->spec;
        for (next = i + 1; next < found && sorted[next]->spec == spec; next++) {
            if (spec == WEIR_OFFSET_AT_TIMESTAMP) {
                break;
            }
        }
        WEIR_TRY(spec == WEIR_OFFSET_AT_TIMESTAMP ? ask_time(kafka, sorted[i], err)
                                                  : ask_run(kafka, sorted + i, next - i, err));
    }
    return WEIR_OK;
}

weir_status weir_kafka_offsets(weir_broker *broker, weir_offset_query *queries, size_t count,
                               weir_error *err)
{
    uint64_t start_ns = weir_clock_monotonic_ns();
    for (;;) {
        weir_status status = try_offsets(weir_kafka_of(broker), queries, count, err);
        if (status != WEIR_AGAIN) {
            return status;
        }
        if ((weir_clock_monotonic_ns() - start_ns) / WEIR_NS_PER_MS > WEIR_KAFKA_CALL_TIMEOUT_MS) {
            return weir_error_wrap(err, WEIR_IO, "no leader answers");
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

/* The handle by which groups are asked about. librdkafka (2.0.2 at least) goes on asking the broker
 * that was a coordinator once, for as long as it is asked often: after a coordinator has moved only
 * another handle finds it. */
struct weir_kafka_group_client {
    rd_kafka_t *handle;
    size_t users;  /* Under the broker's lock, as the next. */
    bool is_stale; /* The last user destroys it. */
};

typedef struct weir_kafka_group_client group_client;

/* group: one that the user may ask about. */
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
    if (kafka->group_client == NULL) {
        status = client_new(kafka, group, &kafka->group_client, err);
    }
    if (status == WEIR_OK) {
        WEIR_ASSERT(kafka->group_client != NULL);
        kafka->group_client->users++;
        *out_client = kafka->group_client;
    }
    pthread_mutex_unlock(&kafka->lock);
    return status;
}

/* Gives it back; whoever asks next has another one where this one is not to be trusted. */
static void client_give_back(weir_kafka *kafka, group_client *client, bool is_stale)
{
    pthread_mutex_lock(&kafka->lock);
    client->is_stale = client->is_stale || is_stale;
    if (client->is_stale && kafka->group_client == client) {
        kafka->group_client = NULL;
    }
    client->users--;
    bool is_last = client->is_stale && client->users == 0;
    pthread_mutex_unlock(&kafka->lock);
    if (is_last) {
        client_free(client);
    }
}

void weir_kafka_group_client_free(weir_kafka *kafka)
{
    if (kafka->group_client != NULL) {
        client_free(weir_take(&kafka->group_client));
    }
}

/* A question about a group, asked until its coordinator answers. */
typedef struct group_question {
    const char *group;
    weir_status (*ask)(rd_kafka_t *handle, struct group_question *question, weir_error *err);
    const char *topic;             /* That it is to share out. */
    weir_committed_query *queries; /* query_count of them. */
    size_t query_count;
    const weir_group_offset *set; /* To alter. */
    int32_t member_count;
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
        client_give_back(kafka, client, is_stale);
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

/* The partitions of the only group of an answer; AGAIN where the coordinator is not ready. */
static weir_status take_partitions(const rd_kafka_group_result_t *const *groups, size_t count,
                                   const rd_kafka_topic_partition_list_t **out_partitions,
                                   weir_error *err)
{
    WEIR_ASSERT(count == 1);
    const char *group = rd_kafka_group_result_name(groups[0]);
    rd_kafka_resp_err_t code = code_of(rd_kafka_group_result_error(groups[0]));
    if (weir_kafka_is_coordinator_error(code)) {
        return WEIR_AGAIN;
    }
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return weir_kafka_refuse(err, code, NULL, "offsets of group %s", group);
    }
    *out_partitions = rd_kafka_group_result_partitions(groups[0]);
    WEIR_ASSERT(*out_partitions != NULL);
    return WEIR_OK;
}

/* The error of a partition, but that it is unstable, which is an answer. */
static weir_status check_answer(rd_kafka_resp_err_t code, const char *group, weir_error *err)
{
    if (weir_kafka_is_coordinator_error(code)) {
        return WEIR_AGAIN;
    }
    return code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT
               ? WEIR_OK
               : weir_kafka_refuse(err, code, NULL, "offsets of group %s", group);
}

static weir_status take_committed(weir_committed_query *query,
                                  const rd_kafka_topic_partition_t *found, const char *group,
                                  weir_error *err)
{
    if (found == NULL) {
        query->status = WEIR_NOT_FOUND;
        return WEIR_OK;
    }
    WEIR_TRY(check_answer(found->err, group, err));
    if (found->err == RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT) {
        query->status = WEIR_AGAIN;
    } else if (found->offset < 0) {
        query->status = WEIR_NOT_FOUND;
    } else {
        query->status = WEIR_OK;
        query->offset = found->offset;
        weir_buf_set(&query->metadata, weir_bytes_of(found->metadata == NULL ? "" : found->metadata,
                                                     found->metadata_size));
    }
    return WEIR_OK;
}

/* The partitions that are asked for, each once. */
static rd_kafka_topic_partition_list_t *partitions_of(const group_question *question)
{
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new((int)question->query_count);
    for (size_t i = 0; i < question->query_count; i++) {
        weir_topic_partition partition = question->queries[i].partition;
        if (rd_kafka_topic_partition_list_find(list, partition.topic, partition.partition) ==
            NULL) {
            rd_kafka_topic_partition_list_add(list, partition.topic, partition.partition)->offset =
                RD_KAFKA_OFFSET_INVALID;
        }
    }
    return list;
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
    AUTO_LIST partitions = partitions_of(question);
    rd_kafka_ListConsumerGroupOffsets_t *wanted =
        rd_kafka_ListConsumerGroupOffsets_new(question->group, partitions);
    rd_kafka_ListConsumerGroupOffsets(handle, &wanted, 1, call.options, call.queue);
    rd_kafka_ListConsumerGroupOffsets_destroy(wanted);
    WEIR_TRY(weir_kafka_call_end(&call, err, "group %s", question->group));
    size_t count = 0;
    const rd_kafka_topic_partition_list_t *found = NULL;
    const rd_kafka_group_result_t **groups = rd_kafka_ListConsumerGroupOffsets_result_groups(
        rd_kafka_event_ListConsumerGroupOffsets_result(call.event), &count);
    WEIR_TRY(take_partitions(groups, count, &found, err));
    for (size_t i = 0; i < question->query_count; i++) {
        weir_committed_query *query = &question->queries[i];
        WEIR_TRY(take_committed(
            query,
            rd_kafka_topic_partition_list_find((rd_kafka_topic_partition_list_t *)(uintptr_t)found,
                                               query->partition.topic, query->partition.partition),
            question->group, err));
    }
    return WEIR_OK;
}

weir_status weir_kafka_group_offsets(weir_broker *broker, const char *group,
                                     weir_committed_query *queries, size_t count, weir_error *err)
{
    group_question question = {
        .group = group, .ask = ask_committed, .queries = queries, .query_count = count};
    return ask_until_answered(broker, &question, err);
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
    const rd_kafka_topic_partition_list_t *altered = NULL;
    const rd_kafka_group_result_t **groups = rd_kafka_AlterConsumerGroupOffsets_result_groups(
        rd_kafka_event_AlterConsumerGroupOffsets_result(call.event), &count);
    weir_status status = take_partitions(groups, count, &altered, err);
    if (status == WEIR_OK) {
        WEIR_ASSERT(altered != NULL && altered->cnt == 1);
        status = check_answer(altered->elems[0].err, question->group, err);
    }
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
    question->member_count =
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
                                  question->group, question->topic, err));
    }
    return WEIR_OK;
}

weir_status weir_kafka_check_group(weir_kafka *kafka, const char *group, const char *topic,
                                   weir_error *err)
{
    group_question question = {.group = group, .ask = ask_topic, .topic = topic};
    return ask_until_answered(&kafka->base, &question, err);
}

weir_status weir_kafka_group_member_count(weir_broker *broker, const char *group,
                                          int32_t *out_count, weir_error *err)
{
    group_question question = {.group = group, .ask = ask_members};
    WEIR_TRY(ask_until_answered(broker, &question, err));
    *out_count = question.member_count;
    return WEIR_OK;
}
