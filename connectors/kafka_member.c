/* SPDX-License-Identifier: Apache-2.0
 *
 * kafka_member.c - membership of a consumer group that shares out one topic, which is never read.
 *
 *   cluster ─▶ rebalance events of librdkafka ─poll─▶ ASSIGNED | REVOKED | LOST
 *                                         release ─▶ unassign, which makes the member join again
 *
 * librdkafka goes on by itself: it may be in a newer generation than the application knows of. So
 * who we are in a commit is what we were at the last event that was told, and where librdkafka is
 * further, the commit waits (WEIR_AGAIN): it would be refused, and before librdkafka 2.10 a refused
 * commit costs the whole assignment (issue 4059). A commit is on the connection behind the request
 * to join, which answers only with the new generation; so it waits from that request on, which an
 * interceptor sees.
 *
 * A static member (instance_id) does not leave when it is freed: it is expected back within its
 * session. librdkafka has no other way.
 */
#include "connectors/kafka_internal.h"
#include "connectors/kafka_metadata.h"

#include "streams/base/clock.h"
#include "streams/base/logging.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    JOIN_GROUP_KEY = 11,
    SESSION_TIMEOUT_DEFAULT_MS = 45000,
    COMMIT_TIMEOUT_MS = 15000,
    FIRST_ASSIGNMENT_WAIT_MS = 10000,
    CLOSE_WAIT_MS = 30000,
    LAST_LOOK_TIMEOUT_MS = 1000,
    EVENT_WAIT_MS = 100
};

/* How rd_kafka_consumer_group_metadata_write begins; the generation follows. */
static const char METADATA_MAGIC[] = "CGMDv2:";

typedef struct kafka_member {
    weir_member base;
    rd_kafka_t *handle;
    rd_kafka_queue_t *queue;
    char *group_id;
    const char *topic;
    int32_t partition_count;
    bool *owned; /* By partition, as was told. */
    int32_t *told;
    rd_kafka_topic_partition_list_t *revoking; /* Told, and not let go of yet. */
    bool release_due;                          /* The next poll lets go of them: they are lost. */
    bool loss_told;                            /* What is revoked next was lost, and is known. */
    bool was_assigned;                         /* At least once, be it nothing. */
    weir_error fenced;                         /* For good: another has our instance_id. */
    pthread_mutex_t lock;                      /* Of what follows. */
    bool rebalancing;   /* librdkafka has asked to join, and nothing was told since. */
    int32_t generation; /* Of the last event; -1: in none. */
    weir_buf metadata;  /* Who we are in it. */
} kafka_member;

static kafka_member *member_of(weir_member *member)
{
    return (kafka_member *)(void *)member;
}

/* Runs on a thread of librdkafka.
 * NOLINTNEXTLINE(readability-function-size): the parameters are librdkafka's. */
static rd_kafka_resp_err_t note_request(rd_kafka_t *handle, int socket_fd, const char *broker_name,
                                        int32_t broker_id, int16_t api_key, int16_t api_version,
                                        int32_t correlation_id, size_t size, void *opaque)
{
    (void)handle;
    (void)socket_fd;
    (void)broker_name;
    (void)broker_id;
    (void)api_version;
    (void)correlation_id;
    (void)size;
    if (api_key == JOIN_GROUP_KEY) {
        kafka_member *member = opaque;
        pthread_mutex_lock(&member->lock);
        member->rebalancing = true;
        pthread_mutex_unlock(&member->lock);
    }
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t watch_requests(rd_kafka_t *handle, const rd_kafka_conf_t *conf,
                                          void *opaque, char *errstr, size_t errstr_size)
{
    (void)conf;
    (void)errstr;
    (void)errstr_size;
    return rd_kafka_interceptor_add_on_request_sent(handle, "weir", note_request, opaque);
}

/* What librdkafka is at now (the join has made sure that we can read it), which may be ahead of
 * what was told. -1: in no generation. */
static int32_t generation_now(const kafka_member *member, weir_buf *metadata)
{
    weir_buf_clear(metadata);
    rd_kafka_consumer_group_metadata_t *now = rd_kafka_consumer_group_metadata(member->handle);
    if (now == NULL) {
        return -1;
    }
    void *bytes = NULL;
    size_t size = 0;
    rd_kafka_error_t *error = rd_kafka_consumer_group_metadata_write(now, &bytes, &size);
    WEIR_ASSERT(error == NULL);
    rd_kafka_consumer_group_metadata_destroy(now);
    size_t at = sizeof METADATA_MAGIC - 1;
    int32_t generation = -1;
    WEIR_ASSERT(size >= at + sizeof generation && memcmp(bytes, METADATA_MAGIC, at) == 0);
    memcpy(&generation, (const char *)bytes + at, sizeof generation);
    weir_buf_set(metadata, weir_bytes_of(bytes, size));
    rd_kafka_mem_free(member->handle, bytes);
    return generation;
}

/* Whether generation_now can read what this librdkafka writes: the text has no contract. */
static weir_status check_format(const weir_member_options *options, weir_error *err)
{
    static const int32_t known = 0x01020304;
    rd_kafka_consumer_group_metadata_t *metadata =
        rd_kafka_consumer_group_metadata_new_with_genid(options->group_id, known, "member", NULL);
    void *bytes = NULL;
    size_t size = 0;
    rd_kafka_error_t *error = rd_kafka_consumer_group_metadata_write(metadata, &bytes, &size);
    rd_kafka_consumer_group_metadata_destroy(metadata);
    if (error != NULL) {
        return weir_kafka_fail_with(err, error, "group %s", options->group_id);
    }
    size_t at = sizeof METADATA_MAGIC - 1;
    bool fits = size >= at + sizeof known && memcmp(bytes, METADATA_MAGIC, at) == 0 &&
                memcmp((const char *)bytes + at, &known, sizeof known) == 0;
    rd_kafka_mem_free(NULL, bytes);
    return fits
               ? WEIR_OK
               : weir_error_set(err, WEIR_INVALID,
                                "librdkafka %s writes a group's generation in a way that weir does "
                                "not know: build with one of 2.0.2 to 2.11",
                                rd_kafka_version_str());
}

/* From here on we are what librdkafka is now. True: that is a new generation. */
static bool catch_up(kafka_member *member)
{
    WEIR_AUTO(weir_buf) metadata = {0};
    int32_t generation = generation_now(member, &metadata);
    pthread_mutex_lock(&member->lock);
    bool is_new = generation != member->generation;
    member->rebalancing = false;
    member->generation = generation;
    weir_buf_set(&member->metadata, weir_buf_bytes(&metadata));
    pthread_mutex_unlock(&member->lock);
    return is_new;
}

static void forget_generation(kafka_member *member)
{
    pthread_mutex_lock(&member->lock);
    member->generation = -1;
    pthread_mutex_unlock(&member->lock);
}

/* Events. */

static void tell(kafka_member *member, weir_member_event_kind kind, size_t count,
                 weir_member_event *out_event)
{
    *out_event = (weir_member_event){.kind = kind, .partitions = member->told, .count = count};
}

/* Marks the partitions of list as owned or not; those that change are in member->told. */
static size_t mark(kafka_member *member, const rd_kafka_topic_partition_list_t *list, bool owned)
{
    size_t count = 0;
    for (int32_t p = 0; p < member->partition_count; p++) {
        if (member->owned[p] != owned &&
            rd_kafka_topic_partition_list_find((rd_kafka_topic_partition_list_t *)(uintptr_t)list,
                                               member->topic, p) != NULL) {
            member->owned[p] = owned;
            member->told[count++] = p;
        }
    }
    return count;
}

static size_t mark_all_lost(kafka_member *member)
{
    size_t count = 0;
    for (int32_t p = 0; p < member->partition_count; p++) {
        if (member->owned[p]) {
            member->owned[p] = false;
            member->told[count++] = p;
        }
    }
    return count;
}

static weir_status unassign(kafka_member *member, const rd_kafka_topic_partition_list_t *list,
                            weir_error *err)
{
    rd_kafka_error_t *error = rd_kafka_incremental_unassign(member->handle, list);
    return error == NULL ? WEIR_OK
                         : weir_kafka_fail_with(err, error, "group %s: release", member->group_id);
}

static weir_status let_go(kafka_member *member, weir_error *err)
{
    weir_status status = WEIR_OK;
    if (member->revoking != NULL) {
        status = unassign(member, member->revoking, err);
        rd_kafka_topic_partition_list_destroy(weir_take(&member->revoking));
    }
    member->release_due = false;
    return status;
}

/* The topic is never read: fetching is off before it began. */
static weir_status take_assigned(kafka_member *member, const rd_kafka_topic_partition_list_t *list,
                                 weir_member_event *out_event, weir_error *err)
{
    rd_kafka_topic_partition_list_t *copy = rd_kafka_topic_partition_list_copy(list);
    for (int i = 0; i < copy->cnt; i++) {
        copy->elems[i].offset = 0;
    }
    rd_kafka_error_t *error = rd_kafka_incremental_assign(member->handle, copy);
    (void)rd_kafka_pause_partitions(member->handle, copy);
    rd_kafka_topic_partition_list_destroy(copy);
    if (error != NULL) {
        return weir_kafka_fail_with(err, error, "group %s: assignment", member->group_id);
    }
    member->loss_told = false;
    member->was_assigned = true;
    bool is_new = catch_up(member);
    size_t count = mark(member, list, true);
    if (count == 0 && !is_new) {
        return WEIR_AGAIN;
    }
    tell(member, WEIR_MEMBER_ASSIGNED, count, out_event);
    return WEIR_OK;
}

static weir_status tell_loss(kafka_member *member, weir_member_event *out_event, weir_error *err)
{
    forget_generation(member);
    size_t count = mark_all_lost(member);
    if (count == 0) {
        return member->release_due ? let_go(member, err) : WEIR_AGAIN;
    }
    tell(member, WEIR_MEMBER_LOST, count, out_event);
    return WEIR_OK;
}

static weir_status take_revoked(kafka_member *member, const rd_kafka_topic_partition_list_t *list,
                                weir_member_event *out_event, weir_error *err)
{
    WEIR_ASSERT(member->revoking == NULL);
    member->revoking = rd_kafka_topic_partition_list_copy(list);
    if (rd_kafka_assignment_lost(member->handle) != 0 || member->loss_told) {
        member->release_due = true;
        weir_status status = tell_loss(member, out_event, err);
        return member->release_due ? status : WEIR_AGAIN;
    }
    (void)catch_up(member);
    size_t count = mark(member, list, false);
    if (count == 0) {
        WEIR_TRY(let_go(member, err));
        return WEIR_AGAIN;
    }
    tell(member, WEIR_MEMBER_REVOKED, count, out_event);
    return WEIR_OK;
}

static weir_status take_rebalance(kafka_member *member, rd_kafka_event_t *event,
                                  weir_member_event *out_event, weir_error *err)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_event_topic_partition_list(event);
    if (rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        return take_assigned(member, list, out_event, err);
    }
    return take_revoked(member, list, out_event, err);
}

/* Most errors pass; librdkafka has logged them and tries again. */
static weir_status take_error(kafka_member *member, rd_kafka_event_t *event, weir_error *err)
{
    rd_kafka_resp_err_t code = rd_kafka_event_error(event);
    char words[WEIR_ERROR_MESSAGE_BYTES_MAX];
    if (rd_kafka_fatal_error(member->handle, words, sizeof words) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        (void)weir_error_set(&member->fenced, WEIR_FENCED, "group %s: %s", member->group_id, words);
        return WEIR_AGAIN;
    }
    weir_status asked = weir_kafka_status(code);
    if (asked == WEIR_NOT_FOUND) {
        return weir_error_set(err, WEIR_INVALID, "group %s: topic %s is gone: %s", member->group_id,
                              member->topic, rd_kafka_event_error_string(event));
    }
    if (code == RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL) {
        return weir_error_set(err, WEIR_INVALID,
                              "group %s has members of another kind, as those of Kafka Streams: "
                              "stop them, and wait until session.timeout.ms has passed or remove "
                              "them from the group",
                              member->group_id);
    }
    if (asked == WEIR_INVALID) {
        return weir_error_set(err, WEIR_INVALID, "group %s: %s", member->group_id,
                              rd_kafka_event_error_string(event));
    }
    return WEIR_AGAIN;
}

static weir_status next_event(kafka_member *member, int timeout_ms, weir_member_event *out_event,
                              weir_error *err)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(member->queue, timeout_ms);
    if (event == NULL) {
        return WEIR_AGAIN;
    }
    weir_status status = WEIR_AGAIN;
    switch (rd_kafka_event_type(event)) {
    case RD_KAFKA_EVENT_REBALANCE:
        status = take_rebalance(member, event, out_event, err);
        break;
    case RD_KAFKA_EVENT_ERROR:
        status = take_error(member, event, err);
        break;
    default:
        break;
    }
    rd_kafka_event_destroy(event);
    return status;
}

static weir_status check_loss(kafka_member *member, weir_member_event *out_event, weir_error *err)
{
    if (member->fenced.status != WEIR_OK) {
        weir_status status = tell_loss(member, out_event, err);
        if (status == WEIR_AGAIN && err != NULL) {
            *err = member->fenced;
        }
        return status == WEIR_AGAIN ? WEIR_FENCED : status;
    }
    if (member->revoking != NULL && !member->loss_told &&
        rd_kafka_assignment_lost(member->handle) != 0) {
        member->loss_told = true;
        member->release_due = true;
        for (int i = 0; i < member->revoking->cnt; i++) { /* They were not let go of. */
            member->owned[member->revoking->elems[i].partition] = true;
        }
        return tell_loss(member, out_event, err);
    }
    return WEIR_AGAIN;
}

static weir_status member_poll(weir_member *base, int64_t now_ms, int32_t timeout_ms,
                               weir_member_event *out_event, weir_error *err)
{
    (void)now_ms; /* The cluster has a clock of its own. */
    kafka_member *member = member_of(base);
    uint64_t deadline_ns = weir_clock_monotonic_ns() + (uint64_t)timeout_ms * WEIR_NS_PER_MS;
    if (member->release_due) {
        WEIR_TRY(let_go(member, err));
    }
    for (;;) {
        weir_status status = check_loss(member, out_event, err);
        uint64_t now_ns = weir_clock_monotonic_ns();
        if (status != WEIR_AGAIN) {
            return status;
        }
        int left = now_ns >= deadline_ns ? 0 : (int)((deadline_ns - now_ns) / WEIR_NS_PER_MS + 1);
        status = next_event(member, left, out_event, err);
        if (status != WEIR_AGAIN || (left == 0 && member->fenced.status == WEIR_OK)) {
            return status;
        }
    }
}

static weir_status member_release(weir_member *base, weir_error *err)
{
    return let_go(member_of(base), err);
}

/* Commits. */

void weir_kafka_list_add(rd_kafka_topic_partition_list_t *list, const weir_group_offset *offset)
{
    rd_kafka_topic_partition_t *added = rd_kafka_topic_partition_list_add(
        list, offset->partition.topic, offset->partition.partition);
    added->offset = offset->offset;
    if (offset->metadata.size > 0) {
        added->metadata = weir_alloc(offset->metadata.size);
        memcpy(added->metadata, offset->metadata.data, offset->metadata.size);
        added->metadata_size = offset->metadata.size;
    }
}

static weir_status not_a_member(const kafka_member *member, weir_error *err)
{
    return weir_error_set(err, WEIR_FENCED, "group %s: this member is in no generation of it now",
                          member->group_id);
}

weir_status weir_kafka_member_metadata(weir_member *base, int32_t generation,
                                       rd_kafka_consumer_group_metadata_t **out_metadata,
                                       weir_error *err)
{
    kafka_member *member = member_of(base);
    WEIR_AUTO(weir_buf) metadata = {0};
    pthread_mutex_lock(&member->lock);
    bool waits = member->rebalancing || member->generation != generation;
    bool is_in_none = member->generation < 0;
    weir_buf_set(&metadata, weir_buf_bytes(&member->metadata));
    pthread_mutex_unlock(&member->lock);
    if (is_in_none) {
        return not_a_member(member, err);
    }
    if (waits) {
        return WEIR_AGAIN;
    }
    rd_kafka_error_t *error =
        rd_kafka_consumer_group_metadata_read(out_metadata, metadata.data, metadata.size);
    return error == NULL ? WEIR_OK : weir_kafka_fail_with(err, error, "group %s", member->group_id);
}

/* WEIR_AGAIN while librdkafka, or what was told, is further than the generation. */
static weir_status check_current(kafka_member *member, int32_t generation, weir_error *err)
{
    WEIR_AUTO(weir_buf) metadata = {0};
    int32_t now = generation_now(member, &metadata);
    pthread_mutex_lock(&member->lock);
    int32_t told = member->generation;
    bool waits = member->rebalancing;
    pthread_mutex_unlock(&member->lock);
    if (now < 0 || told < 0) {
        return waits && told >= 0 ? WEIR_AGAIN : not_a_member(member, err);
    }
    return waits || now != generation || told != generation ? WEIR_AGAIN : WEIR_OK;
}

static weir_status commit_result(const kafka_member *member, rd_kafka_event_t *event,
                                 weir_error *err)
{
    if (event == NULL) {
        return weir_error_set(err, WEIR_IO, "group %s: no answer to a commit within %d s",
                              member->group_id, COMMIT_TIMEOUT_MS / 1000);
    }
    rd_kafka_resp_err_t code = rd_kafka_event_error(event);
    const rd_kafka_topic_partition_list_t *list = rd_kafka_event_topic_partition_list(event);
    for (int i = 0; code == RD_KAFKA_RESP_ERR_NO_ERROR && list != NULL && i < list->cnt; i++) {
        code = list->elems[i].err;
    }
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        return WEIR_OK;
    }
    weir_status status = weir_kafka_fail(err, code, "group %s: commit", member->group_id);
    return status == WEIR_NOT_FOUND ? WEIR_INVALID : status;
}

static weir_status member_commit(weir_member *base, int32_t generation,
                                 const weir_group_offset *offsets, size_t count, weir_error *err)
{
    kafka_member *member = member_of(base);
    if (count == 0) {
        return WEIR_OK;
    }
    WEIR_TRY(check_current(member, generation, err));
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
    for (size_t i = 0; i < count; i++) {
        weir_kafka_list_add(list, &offsets[i]);
    }
    rd_kafka_queue_t *answers = rd_kafka_queue_new(member->handle);
    rd_kafka_resp_err_t code = rd_kafka_commit_queue(member->handle, list, answers, NULL, NULL);
    weir_status status = WEIR_OK;
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        status = weir_kafka_fail(err, code, "group %s: commit", member->group_id);
    } else {
        rd_kafka_event_t *event = rd_kafka_queue_poll(answers, COMMIT_TIMEOUT_MS);
        status = commit_result(member, event, err);
        rd_kafka_event_destroy(event);
    }
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_queue_destroy(answers);
    return status;
}

static int32_t member_generation(const weir_member *base)
{
    kafka_member *member = member_of((weir_member *)(uintptr_t)base);
    pthread_mutex_lock(&member->lock);
    int32_t generation = member->generation;
    pthread_mutex_unlock(&member->lock);
    return generation;
}

static bool owns_some(const kafka_member *member)
{
    for (int32_t p = 0; p < member->partition_count; p++) {
        if (member->owned[p]) {
            return true;
        }
    }
    return member->revoking != NULL;
}

/* librdkafka aborts the process if a member is destroyed between the answer to its first request
 * to join and its first assignment (rd_kafka_sticky_assignor_state_destroy): wait for that. */
static void wait_for_first_assignment(kafka_member *member)
{
    uint64_t deadline_ns =
        weir_clock_monotonic_ns() + (uint64_t)FIRST_ASSIGNMENT_WAIT_MS * WEIR_NS_PER_MS;
    weir_member_event event = {0};
    while (!member->was_assigned && member->fenced.status == WEIR_OK &&
           weir_clock_monotonic_ns() < deadline_ns) {
        (void)next_event(member, EVENT_WAIT_MS, &event, NULL);
    }
}

/* librdkafka keeps partitions of a deleted topic that it has noted errors for, and its handle waits
 * for them for ever (2.0.2). */
static bool topic_is_gone(const kafka_member *member)
{
    weir_kafka_sight sight = {.topic = member->topic};
    return weir_kafka_look(member->handle, &sight, 1, LAST_LOOK_TIMEOUT_MS) ==
               RD_KAFKA_RESP_ERR_NO_ERROR &&
           sight.partition_count == 0;
}

/* rd_kafka_consumer_close has no limit of time, and once never ended: a process that had been
 * frozen past its session came back and was closed while it joined anew. */
static bool close_in_time(kafka_member *member)
{
    uint64_t deadline_ns = weir_clock_monotonic_ns() + (uint64_t)CLOSE_WAIT_MS * WEIR_NS_PER_MS;
    rd_kafka_queue_t *queue = rd_kafka_queue_new(member->handle);
    rd_kafka_error_t *error = rd_kafka_consumer_close_queue(member->handle, queue);
    bool is_closing = error == NULL;
    rd_kafka_error_destroy(error);
    while (is_closing && rd_kafka_consumer_closed(member->handle) == 0 &&
           weir_clock_monotonic_ns() < deadline_ns) {
        rd_kafka_event_t *event = rd_kafka_queue_poll(queue, EVENT_WAIT_MS);
        if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_REBALANCE) {
            (void)rd_kafka_assign(member->handle, NULL); /* Whatever it says: nothing is kept. */
        }
        rd_kafka_event_destroy(event);
    }
    rd_kafka_queue_destroy(queue);
    bool is_closed = rd_kafka_consumer_closed(member->handle) != 0;
    if (!is_closed) {
        WEIR_LOG(WEIR_LOG_WARN, NULL,
                 "group=%s does not let this member go: it waits for session.timeout.ms",
                 member->group_id);
    }
    return is_closed;
}

/* A close alone forgets to say goodbye where nothing is assigned (librdkafka 2.0.2). */
static void leave(kafka_member *member)
{
    wait_for_first_assignment(member);
    (void)let_go(member, NULL); /* What was revoked and not released. */
    rd_kafka_queue_destroy(weir_take(&member->queue));
    if (!owns_some(member)) {
        (void)rd_kafka_unsubscribe(member->handle);
    }
    bool is_closed = close_in_time(member);
    if (is_closed && member->was_assigned && !topic_is_gone(member)) {
        rd_kafka_destroy(member->handle);
    } /* Else its memory is the price: no cluster has answered it, or it would wait for ever. */
}

static void member_free(weir_member *base)
{
    kafka_member *member = member_of(base);
    if (member->handle != NULL && member->queue != NULL) {
        leave(member);
    }
    if (member->revoking != NULL) {
        rd_kafka_topic_partition_list_destroy(member->revoking);
    }
    (void)pthread_mutex_destroy(&member->lock);
    weir_buf_cleanup(&member->metadata);
    free(member->group_id);
    free(member->owned);
    free(member->told);
    free(member);
}

static const weir_member_ops member_ops = {
    .poll = member_poll,
    .release = member_release,
    .commit = member_commit,
    .generation = member_generation,
    .free = member_free,
};

static weir_status configure(kafka_member *member, rd_kafka_conf_t *conf,
                             const weir_member_options *options, weir_error *err)
{
    int32_t session_ms = options->session_timeout_ms;
    WEIR_TRY(weir_kafka_conf_set(conf, "group.id", options->group_id, err));
    WEIR_TRY(weir_kafka_conf_set_number(conf, "session.timeout.ms",
                                        session_ms == 0 ? SESSION_TIMEOUT_DEFAULT_MS : session_ms,
                                        err));
    if (options->instance_id != NULL) {
        WEIR_TRY(weir_kafka_conf_set(conf, "group.instance.id", options->instance_id, err));
    }
    rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_REBALANCE | RD_KAFKA_EVENT_OFFSET_COMMIT |
                                       RD_KAFKA_EVENT_ERROR);
    (void)rd_kafka_conf_interceptor_add_on_new(conf, "weir", watch_requests, member);
    return WEIR_OK;
}

static weir_status open_handle(kafka_member *member, weir_kafka *kafka,
                               const weir_member_options *options, weir_error *err)
{
    rd_kafka_conf_t *conf = NULL;
    WEIR_TRY(weir_kafka_conf_new(kafka, WEIR_KAFKA_MEMBER, options->client_id, &conf, err));
    weir_status status = configure(member, conf, options, err);
    if (status != WEIR_OK) {
        rd_kafka_conf_destroy(conf);
        return status;
    }
    WEIR_TRY(weir_kafka_handle_new(kafka, WEIR_KAFKA_MEMBER, conf, &member->handle, err));
    (void)rd_kafka_poll_set_consumer(member->handle);
    member->queue = rd_kafka_queue_get_consumer(member->handle);
    return WEIR_OK;
}

static weir_status subscribe(kafka_member *member, weir_error *err)
{
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
    (void)rd_kafka_topic_partition_list_add(topics, member->topic, RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t code = rd_kafka_subscribe(member->handle, topics);
    rd_kafka_topic_partition_list_destroy(topics);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR
               ? WEIR_OK
               : weir_kafka_fail(err, code, "group %s: join", member->group_id);
}

weir_status weir_kafka_member_join(weir_broker *broker, const weir_member_options *options,
                                   weir_member **out_member, weir_error *err)
{
    weir_kafka *kafka = weir_kafka_of(broker);
    int32_t count = 0;
    weir_status status = weir_kafka_partition_count(kafka, options->topic, &count, err);
    if (status == WEIR_NOT_FOUND) {
        return weir_error_set(err, WEIR_INVALID, "group %s: there is no topic %s: create it first",
                              options->group_id, options->topic);
    }
    WEIR_TRY(status);
    WEIR_TRY(weir_kafka_check_group(kafka, options->group_id, options->topic, err));
    WEIR_TRY(check_format(options, err));
    kafka_member *member = weir_alloc(sizeof *member);
    *member = (kafka_member){.base = {.ops = &member_ops},
                             .group_id = weir_strdup(options->group_id),
                             .topic = weir_kafka_topic_name(kafka, options->topic),
                             .partition_count = count,
                             .owned = weir_alloc_array((size_t)count, sizeof(bool)),
                             .told = weir_alloc_array((size_t)count, sizeof(int32_t)),
                             .rebalancing = true,
                             .generation = -1};
    int failed = pthread_mutex_init(&member->lock, NULL);
    WEIR_ASSERT(failed == 0);
    status = open_handle(member, kafka, options, err);
    if (status == WEIR_OK) {
        status = subscribe(member, err);
    }
    if (status != WEIR_OK) {
        member_free(&member->base);
        return status;
    }
    *out_member = &member->base;
    return WEIR_OK;
}
