/* SPDX-License-Identifier: Apache-2.0
 *
 * kafka_producer.c - writes records through librdkafka's idempotent producer, in transactions or
 * not.
 *
 *   send ─copy─▶ librdkafka's queues ─▶ cluster ─▶ acknowledgement ─broker thread─▶ delivered
 *                                               └▶ refused: report ─served by send, flush─▶ failure
 *
 * An acknowledgement is noted on librdkafka's own thread, where the record is freed as well: a
 * report of each record to us would cost a third of what sending it does.
 *
 * What an error of a transaction asks for:
 *
 *   retriable            the same call again, until the time is up
 *   abortable            WEIR_IO, or WEIR_FENCED by its cause; the abort makes it whole
 *   fatal, fenced        WEIR_FENCED, now and ever after
 *   fatal, other         WEIR_IO; the abort makes a new handle (plain: the next call)
 *   time is up           WEIR_IO, and the outcome of a commit is unknown: the same
 *
 * A new handle with the same transactional id has the cluster end what the old one left open, so
 * whatever it was is decided when the abort answers, or else the next begin: nothing here waits for
 * a cluster that doesn't answer longer than WEIR_KAFKA_CALL_TIMEOUT_MS.
 */
#include "connectors/kafka_internal.h"
#include "connectors/kafka_metadata.h"
#include "connectors/kafka_watch.h"
#include "connectors/transaction_pace.h"

#include "streams/base/clock.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
    SENDS_PER_SERVE = 1000, /* Failures are asked for once in so many sends. */
    WAITS_A_MS = 8,         /* After so many waits in a flush each takes a millisecond more. */
    FULL_WAIT_MS = 2,       /* A full buffer is waited for so long at a time, */
    FULL_WAITS_MAX = 250,   /* so often, before the caller is asked to flush. */
    STALLED_WAITS = 10,     /* After so many in which nothing was acknowledged batches linger: */
    PUSHED_WAITS = 256,     /* then so many send what there is. */
    RECORD_BYTES_ASSUMED = 1024, /* Bounds the number of small records, each with 300 besides. */
    RECORDS_MIN = 1000,
    BATCHES_A_BUFFER = 8,       /* A full buffer of so many partitions has a full batch. */
    ADD_PARTITIONS_TO_TXN = 24, /* The protocol's number of the request. */
};

typedef struct kafka_producer kafka_producer;

typedef struct producer_topic {
    kafka_producer *producer;
    char *name;
    rd_kafka_topic_t *handle; /* NULL while the producer has no handle. */
    int32_t partition_count;
    /* By partition: the last offset acknowledged, as librdkafka's threads say; -1: none. */
    _Atomic int64_t *delivered;
    int64_t *acked; /* The last one that is for good; a plain producer has delivered alone. */
} producer_topic;

struct kafka_producer {
    weir_producer base;
    weir_kafka *kafka;
    rd_kafka_t *handle; /* NULL: a new one could not be made yet. */
    bool initialised;   /* The transactional id is ours. */
    char *client_id;
    char *transactional_id; /* NULL: plain. */
    size_t buffer_bytes_max;
    producer_topic **topics;
    size_t topic_count;
    size_t topic_capacity;
    uint32_t sends;         /* Since failures were asked for. */
    uint32_t stalled_waits; /* For room, one after the other, in which nothing was acknowledged. */
    uint32_t pushed_waits;  /* That are still to push. */
    weir_transaction_pace pace;
    uint64_t records;          /* Of the transaction. */
    _Atomic uint64_t asked_ns; /* When its partitions were asked for the last time; 0: not yet. */
    atomic_bool refused;       /* And were at first not taken. */
    uint64_t timeout_ms;       /* Of a transaction: then the cluster has ended it. */
    bool outcome_unknown;
    weir_error failure; /* The first refused record; status OK: none. */
    weir_error fenced;  /* Sticks. */
};

static kafka_producer *producer_of(weir_producer *producer)
{
    return (kafka_producer *)(void *)producer;
}

static void note_failure(kafka_producer *producer, const producer_topic *topic,
                         const rd_kafka_message_t *message)
{
    if (message->err == RD_KAFKA_RESP_ERR__PURGE_QUEUE ||
        message->err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT) {
        return; /* An abort did that. */
    }
    if (producer->failure.status == WEIR_OK) {
        weir_status status = weir_kafka_fail(&producer->failure, message->err,
                                             "a record for %s[%" PRId32 "] was refused",
                                             topic->name, message->partition);
        producer->failure.status = status == WEIR_NOT_FOUND ? WEIR_INVALID : status;
    }
}

/* Runs inside calls of this file: librdkafka hands over what it knows when it is served. */
static void take_failure_report(rd_kafka_t *handle, const rd_kafka_message_t *message, void *opaque)
{
    (void)handle;
    (void)opaque;
    producer_topic *topic = rd_kafka_topic_opaque(message->rkt);
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        note_failure(topic->producer, topic, message);
    }
}

/* Runs on librdkafka's threads, before the message counts as gone (rd_kafka_outq_len). */
static rd_kafka_resp_err_t take_acknowledgement(rd_kafka_t *handle, rd_kafka_message_t *message,
                                                void *opaque)
{
    (void)handle;
    (void)opaque;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR && message->offset >= 0) {
        producer_topic *topic = rd_kafka_topic_opaque(message->rkt);
        atomic_store_explicit(&topic->delivered[message->partition], message->offset,
                              memory_order_release);
    }
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* Runs on librdkafka's threads.
 * NOLINTNEXTLINE(readability-function-size): the parameters are librdkafka's. */
static rd_kafka_resp_err_t note_request(rd_kafka_t *handle, int socket, const char *broker_name,
                                        int32_t broker, int16_t request, int16_t version,
                                        int32_t number, size_t size, void *opaque)
{
    (void)handle;
    (void)socket;
    (void)broker_name;
    (void)broker;
    (void)version;
    (void)number;
    (void)size;
    kafka_producer *producer = opaque;
    if (request == ADD_PARTITIONS_TO_TXN) {
        uint64_t now_ns = weir_clock_monotonic_ns();
        uint64_t last_ns = atomic_exchange(&producer->asked_ns, now_ns);
        if (last_ns != 0 && weir_transaction_pace_is_refusal(last_ns, now_ns)) {
            atomic_store(&producer->refused, true);
        }
    }
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t handle_made(rd_kafka_t *handle, const rd_kafka_conf_t *conf,
                                       void *opaque, char *words, size_t words_size)
{
    (void)conf;
    (void)words;
    (void)words_size;
    if (((kafka_producer *)opaque)->transactional_id != NULL) {
        (void)rd_kafka_interceptor_add_on_request_sent(handle, "weir", note_request, opaque);
    }
    return rd_kafka_interceptor_add_on_acknowledgement(handle, "weir", take_acknowledgement,
                                                       opaque);
}

static void serve(kafka_producer *producer)
{
    producer->sends = 0;
    (void)rd_kafka_poll(producer->handle, 0);
}

/* Waits for room. A full batch goes out by itself, without a pause after the one before it. But
 * many partitions fill the buffer with batches of which none is full: those would linger, and a
 * flush sends them. It is no way to wait where it is not needed: while it goes on librdkafka's
 * thread polls without a pause for the partitions that have a request under way. */
static void make_room(kafka_producer *producer)
{
    producer->sends = 0;
    if (producer->pushed_waits > 0) {
        producer->pushed_waits--;
        (void)rd_kafka_flush(producer->handle, FULL_WAIT_MS);
        return;
    }
    int before = rd_kafka_outq_len(producer->handle);
    (void)rd_kafka_poll(producer->handle, FULL_WAIT_MS);
    bool is_stalled = rd_kafka_outq_len(producer->handle) >= before;
    producer->stalled_waits = is_stalled ? producer->stalled_waits + 1 : 0;
    if (producer->stalled_waits == STALLED_WAITS) {
        producer->stalled_waits = 0;
        producer->pushed_waits = PUSHED_WAITS;
    }
}

/* Handles. */

static rd_kafka_topic_t *open_topic(rd_kafka_t *handle, producer_topic *topic)
{
    rd_kafka_topic_conf_t *conf = rd_kafka_default_topic_conf_dup(handle);
    rd_kafka_topic_conf_set_opaque(conf, topic);
    rd_kafka_topic_t *opened = rd_kafka_topic_new(handle, topic->name, conf);
    WEIR_ASSERT(opened != NULL);
    return opened;
}

static void close_handle(kafka_producer *producer)
{
    if (producer->handle == NULL) {
        return;
    }
    (void)rd_kafka_purge(producer->handle, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT |
                                               RD_KAFKA_PURGE_F_NON_BLOCKING);
    for (size_t i = 0; i < producer->topic_count; i++) {
        rd_kafka_topic_destroy(weir_take(&producer->topics[i]->handle));
    }
    rd_kafka_destroy(weir_take(&producer->handle));
    producer->initialised = false;
}

static weir_status configure(kafka_producer *producer, rd_kafka_conf_t *conf, weir_error *err)
{
    rd_kafka_conf_set_dr_msg_cb(conf, take_failure_report);
    WEIR_TRY(weir_kafka_conf_set(conf, "delivery.report.only.error", "true", err));
    (void)rd_kafka_conf_interceptor_add_on_new(conf, "weir", handle_made, producer);
    size_t kbytes = producer->buffer_bytes_max / 1024;
    WEIR_TRY(weir_kafka_conf_set_number(conf, "queue.buffering.max.kbytes",
                                        (int64_t)(kbytes == 0 ? 1 : kbytes), err));
    size_t records = producer->buffer_bytes_max / RECORD_BYTES_ASSUMED;
    records = records < RECORDS_MIN ? RECORDS_MIN : records;
    WEIR_TRY(
        weir_kafka_conf_set_number(conf, "queue.buffering.max.messages", (int64_t)records, err));
    WEIR_TRY(weir_kafka_conf_set_number(conf, "batch.num.messages",
                                        (int64_t)(records / BATCHES_A_BUFFER), err));
    if (producer->transactional_id == NULL) {
        return weir_kafka_conf_set(conf, "delivery.timeout.ms", "120000", err);
    }
    weir_kafka_watch_sockets(conf);
    return weir_kafka_conf_set(conf, "transactional.id", producer->transactional_id, err);
}

static uint64_t transaction_timeout_ms(rd_kafka_t *handle)
{
    char text[24];
    size_t size = sizeof text;
    rd_kafka_conf_res_t found =
        rd_kafka_conf_get(rd_kafka_conf(handle), "transaction.timeout.ms", text, &size);
    WEIR_ASSERT(found == RD_KAFKA_CONF_OK);
    return strtoull(text, NULL, 10);
}

static weir_status open_handle(kafka_producer *producer, weir_error *err)
{
    rd_kafka_conf_t *conf = NULL;
    WEIR_TRY(
        weir_kafka_conf_new(producer->kafka, WEIR_KAFKA_PRODUCER, producer->client_id, &conf, err));
    weir_status status = configure(producer, conf, err);
    if (status != WEIR_OK) {
        rd_kafka_conf_destroy(conf);
        return status;
    }
    WEIR_TRY(
        weir_kafka_handle_new(producer->kafka, WEIR_KAFKA_PRODUCER, conf, &producer->handle, err));
    producer->timeout_ms = transaction_timeout_ms(producer->handle);
    for (size_t i = 0; i < producer->topic_count; i++) {
        producer->topics[i]->handle = open_topic(producer->handle, producer->topics[i]);
    }
    return WEIR_OK;
}

/* Errors of transactions. */

static uint64_t deadline_after(int32_t timeout_ms)
{
    return weir_clock_monotonic_ns() + (uint64_t)timeout_ms * WEIR_NS_PER_MS;
}

static int left_ms(uint64_t deadline_ns)
{
    uint64_t now_ns = weir_clock_monotonic_ns();
    return now_ns >= deadline_ns ? 0 : (int)((deadline_ns - now_ns) / WEIR_NS_PER_MS + 1);
}

/* True: the same call is to be made again; the error is then freed. */
static bool is_worth_a_retry(rd_kafka_error_t *error, uint64_t deadline_ns)
{
    if (!rd_kafka_error_is_retriable(error) || left_ms(deadline_ns) == 0) {
        return false;
    }
    rd_kafka_error_destroy(error);
    return true;
}

static weir_status fail_fatally(kafka_producer *producer, const char *what, weir_error *err)
{
    char words[WEIR_ERROR_MESSAGE_BYTES_MAX];
    rd_kafka_resp_err_t code = rd_kafka_fatal_error(producer->handle, words, sizeof words);
    weir_status status = weir_kafka_status(code);
    if (status != WEIR_FENCED) {
        producer->outcome_unknown = true;
        return weir_error_set(err, WEIR_IO, "producer %s, %s: %s", rd_kafka_name(producer->handle),
                              what, words);
    }
    (void)weir_error_set(&producer->fenced, WEIR_FENCED,
                         "producer %s was replaced by a newer one of its transactional id: %s",
                         rd_kafka_name(producer->handle), words);
    if (err != NULL) {
        *err = producer->fenced;
    }
    return WEIR_FENCED;
}

/* Frees the error. */
static weir_status fail(kafka_producer *producer, rd_kafka_error_t *owned_error, const char *what,
                        weir_error *err)
{
    if (rd_kafka_error_is_fatal(owned_error) ||
        rd_kafka_fatal_error(producer->handle, NULL, 0) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        rd_kafka_error_destroy(owned_error);
        return fail_fatally(producer, what, err);
    }
    bool aborts = rd_kafka_error_txn_requires_abort(owned_error) != 0;
    weir_status status = weir_kafka_fail_with(err, owned_error, "producer %s, %s",
                                              rd_kafka_name(producer->handle), what);
    producer->outcome_unknown = producer->outcome_unknown || !aborts;
    status = status == WEIR_FENCED || status == WEIR_INVALID ? status : WEIR_IO;
    if (err != NULL) {
        err->status = status;
    }
    return status;
}

static weir_status check_fenced(const kafka_producer *producer, weir_error *err)
{
    if (producer->fenced.status != WEIR_OK && err != NULL) {
        *err = producer->fenced;
    }
    return producer->fenced.status;
}

/* Makes the transactional id ours; the cluster ends what an older producer of it left open. */
static weir_status initialise(kafka_producer *producer, weir_error *err)
{
    if (producer->handle == NULL) {
        WEIR_TRY(open_handle(producer, err));
    }
    if (producer->transactional_id == NULL || producer->initialised) {
        return WEIR_OK;
    }
    uint64_t deadline_ns = deadline_after(WEIR_KAFKA_CALL_TIMEOUT_MS);
    rd_kafka_error_t *error = NULL;
    do {
        error = rd_kafka_init_transactions(producer->handle, left_ms(deadline_ns));
    } while (error != NULL && is_worth_a_retry(error, deadline_ns));
    if (error != NULL) {
        return fail(producer, error, "start of transactions", err);
    }
    producer->initialised = true;
    producer->outcome_unknown = false;
    return WEIR_OK;
}

/* Operations. */

static weir_status producer_topic_number(weir_producer *base, const char *name, int32_t *out_topic,
                                         int32_t *out_partition_count, weir_error *err)
{
    kafka_producer *producer = producer_of(base);
    for (size_t i = 0; i < producer->topic_count; i++) {
        if (strcmp(producer->topics[i]->name, name) == 0) {
            *out_topic = (int32_t)i;
            *out_partition_count = producer->topics[i]->partition_count;
            return WEIR_OK;
        }
    }
    int32_t count = 0;
    WEIR_TRY(weir_kafka_partition_count(producer->kafka, name, &count, err));
    WEIR_TRY(initialise(producer, err));
    producer_topic *topic = weir_alloc(sizeof *topic);
    *topic = (producer_topic){.producer = producer,
                              .name = weir_strdup(name),
                              .partition_count = count,
                              .delivered = weir_alloc_array((size_t)count, sizeof(int64_t)),
                              .acked = weir_alloc_array((size_t)count, sizeof(int64_t))};
    for (int32_t i = 0; i < count; i++) {
        atomic_init(&topic->delivered[i], -1);
        topic->acked[i] = -1;
    }
    topic->handle = open_topic(producer->handle, topic);
    producer->topics = weir_grow(producer->topics, producer->topic_count, &producer->topic_capacity,
                                 sizeof(producer_topic *));
    producer->topics[producer->topic_count] = topic;
    *out_topic = (int32_t)producer->topic_count++;
    *out_partition_count = count;
    return WEIR_OK;
}

/* A plain producer that has failed for good, and has said so, goes on with a new handle. In a
 * transaction that is what abort and begin do. */
static weir_status check_handle(kafka_producer *producer, weir_error *err)
{
    if (producer->transactional_id == NULL && producer->outcome_unknown) {
        close_handle(producer);
        producer->outcome_unknown = false;
    }
    if (producer->handle != NULL) {
        return WEIR_OK;
    }
    return producer->transactional_id == NULL
               ? open_handle(producer, err)
               : weir_error_set(err, WEIR_IO, "producer without a connection: abort and begin");
}

static rd_kafka_headers_t *new_headers(const weir_record *record)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(record->header_count);
    for (size_t i = 0; i < record->header_count; i++) {
        const weir_header *header = &record->headers[i];
        rd_kafka_resp_err_t code =
            rd_kafka_header_add(headers, header->key.data, (ssize_t)header->key.size,
                                header->value.data, (ssize_t)header->value.size);
        WEIR_ASSERT(code == RD_KAFKA_RESP_ERR_NO_ERROR);
    }
    return headers;
}

static rd_kafka_resp_err_t produce(kafka_producer *producer, const producer_topic *topic,
                                   const weir_record *record)
{
    rd_kafka_vu_t parts[7] = {
        {.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = topic->handle},
        {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = record->partition},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_TIMESTAMP,
         .u.i64 = record->timestamp_ms == 0 ? 1 : record->timestamp_ms}, /* 0 would mean now. */
        {.vtype = RD_KAFKA_VTYPE_VALUE,
         .u.mem = {.ptr = (void *)(uintptr_t)record->value.data, .size = record->value.size}},
        {.vtype = RD_KAFKA_VTYPE_KEY,
         .u.mem = {.ptr = (void *)(uintptr_t)record->key.data, .size = record->key.size}},
    };
    size_t count = 6;
    rd_kafka_headers_t *headers = NULL;
    if (record->header_count > 0) {
        headers = new_headers(record);
        parts[count++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers};
    }
    rd_kafka_error_t *error = rd_kafka_produceva(producer->handle, parts, count);
    if (error == NULL) {
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    }
    rd_kafka_resp_err_t code = rd_kafka_error_code(error);
    rd_kafka_error_destroy(error);
    if (headers != NULL) {
        rd_kafka_headers_destroy(headers);
    }
    return code;
}

static weir_status fail_send(kafka_producer *producer, const producer_topic *topic,
                             rd_kafka_resp_err_t code, weir_error *err)
{
    if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
        return WEIR_AGAIN;
    }
    if (rd_kafka_fatal_error(producer->handle, NULL, 0) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return fail_fatally(producer, "send", err);
    }
    weir_status status = weir_kafka_fail(err, code, "a record for %s", topic->name);
    return status == WEIR_NOT_FOUND ? WEIR_INVALID : status;
}

static weir_status producer_send(weir_producer *base, int32_t number, const weir_record *record,
                                 weir_error *err)
{
    kafka_producer *producer = producer_of(base);
    WEIR_ASSERT((size_t)number < producer->topic_count);
    const producer_topic *topic = producer->topics[number];
    if (record->partition < 0 || record->partition >= topic->partition_count) {
        return weir_error_set(err, WEIR_INVALID, "%s has %" PRId32 " partitions, no %" PRId32,
                              topic->name, topic->partition_count, record->partition);
    }
    WEIR_TRY(check_handle(producer, err));
    if (++producer->sends >= SENDS_PER_SERVE) {
        serve(producer);
    }
    producer->records++;
    rd_kafka_resp_err_t code = produce(producer, topic, record);
    for (int i = 0; code == RD_KAFKA_RESP_ERR__QUEUE_FULL && i < FULL_WAITS_MAX; i++) {
        make_room(producer);
        code = produce(producer, topic, record);
    }
    return code == RD_KAFKA_RESP_ERR_NO_ERROR ? WEIR_OK : fail_send(producer, topic, code, err);
}

static weir_status take_failure(kafka_producer *producer, weir_error *err)
{
    weir_status status = producer->failure.status;
    if (status != WEIR_OK && err != NULL) {
        *err = producer->failure;
    }
    producer->failure = (weir_error){0};
    return status;
}

/* rd_kafka_flush looks each ten milliseconds whether all is out, and nothing wakes it, for there is
 * no report of what went well. So it is asked for a short while at a time: a commit waits. */
static bool flush(kafka_producer *producer, int32_t timeout_ms)
{
    uint64_t deadline_ns = deadline_after(timeout_ms);
    for (int waits = 0; rd_kafka_outq_len(producer->handle) > 0; waits++) {
        int slice_ms = 1 + waits / WAITS_A_MS;
        int left = left_ms(deadline_ns);
        if (rd_kafka_flush(producer->handle, left < slice_ms ? left : slice_ms) ==
            RD_KAFKA_RESP_ERR_NO_ERROR) {
            return true;
        }
        if (left == 0) {
            return false;
        }
    }
    return true;
}

static weir_status producer_flush(weir_producer *base, int32_t timeout_ms, weir_error *err)
{
    kafka_producer *producer = producer_of(base);
    WEIR_TRY(check_handle(producer, err));
    if (!flush(producer, timeout_ms)) {
        return WEIR_AGAIN;
    }
    if (rd_kafka_fatal_error(producer->handle, NULL, 0) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return fail_fatally(producer, "flush", err);
    }
    return take_failure(producer, err);
}

static weir_status producer_acked_offset(weir_producer *base, int32_t number, int32_t partition,
                                         int64_t *out_offset)
{
    kafka_producer *producer = producer_of(base);
    WEIR_ASSERT((size_t)number < producer->topic_count);
    const producer_topic *topic = producer->topics[number];
    WEIR_ASSERT(partition < topic->partition_count);
    int64_t offset = producer->transactional_id == NULL
                         ? atomic_load_explicit(&topic->delivered[partition], memory_order_acquire)
                         : topic->acked[partition];
    if (offset < 0) {
        return WEIR_NOT_FOUND;
    }
    *out_offset = offset;
    return WEIR_OK;
}

/* Until the cluster is likely to take partitions again: else librdkafka asks 20 ms later. */
static void rest(kafka_producer *producer)
{
    uint64_t asked_for_ns = weir_clock_monotonic_ns();
    uint64_t begins_ns = weir_transaction_pace_begins_ns(&producer->pace);
    for (int left = left_ms(begins_ns); left > 0; left = left_ms(begins_ns)) {
        (void)rd_kafka_poll(producer->handle, left);
    }
    weir_transaction_pace_begun(&producer->pace, asked_for_ns);
    atomic_store(&producer->asked_ns, 0);
    atomic_store(&producer->refused, false);
    producer->records = 0;
}

static weir_status producer_begin(weir_producer *base, weir_error *err)
{
    kafka_producer *producer = producer_of(base);
    WEIR_TRY(check_fenced(producer, err));
    if (producer->outcome_unknown) {
        close_handle(producer);
    }
    WEIR_TRY(initialise(producer, err));
    rest(producer);
    rd_kafka_error_t *error = rd_kafka_begin_transaction(producer->handle);
    return error == NULL ? WEIR_OK : fail(producer, error, "begin", err);
}

static rd_kafka_topic_partition_list_t *list_offsets(const weir_group_offset *offsets, size_t count)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
    for (size_t i = 0; i < count; i++) {
        weir_kafka_list_add(list, &offsets[i]);
    }
    return list;
}

/* A generation that has ended in between costs this transaction and no more: the member is told of
 * the next one by a poll, and what it still owns goes on in it. It has not lost its tasks. */
static weir_status fail_offsets(kafka_producer *producer, rd_kafka_error_t *owned_error,
                                weir_error *err)
{
    bool stale = rd_kafka_error_code(owned_error) == RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION;
    weir_status status = fail(producer, owned_error, "offsets of a group", err);
    if (!stale || status != WEIR_FENCED || producer->fenced.status != WEIR_OK) {
        return status;
    }
    if (err != NULL) {
        err->status = WEIR_IO;
    }
    return WEIR_IO;
}

static weir_status producer_send_offsets(weir_producer *base, weir_member *member,
                                         int32_t generation, const weir_group_offset *offsets,
                                         size_t count, weir_error *err)
{
    kafka_producer *producer = producer_of(base);
    WEIR_TRY(check_fenced(producer, err));
    if (producer->handle == NULL || count == 0) {
        return count == 0 ? WEIR_OK
                          : weir_error_set(err, WEIR_IO, "producer without a connection: abort");
    }
    rd_kafka_consumer_group_metadata_t *metadata = NULL;
    WEIR_TRY(weir_kafka_member_metadata(member, generation, &metadata, err));
    rd_kafka_topic_partition_list_t *list = list_offsets(offsets, count);
    uint64_t deadline_ns = deadline_after(WEIR_KAFKA_CALL_TIMEOUT_MS);
    rd_kafka_error_t *error = NULL;
    weir_kafka_watch watch;
    weir_kafka_watch_begin(producer->kafka->watcher, &watch, producer->handle,
                           producer->timeout_ms);
    do {
        error = rd_kafka_send_offsets_to_transaction(producer->handle, list, metadata,
                                                     left_ms(deadline_ns));
    } while (error != NULL && is_worth_a_retry(error, deadline_ns));
    weir_kafka_watch_end(producer->kafka->watcher, &watch);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_consumer_group_metadata_destroy(metadata);
    return error == NULL ? WEIR_OK : fail_offsets(producer, error, err);
}

static void settle_offsets(kafka_producer *producer, bool committed)
{
    for (size_t i = 0; i < producer->topic_count; i++) {
        const producer_topic *topic = producer->topics[i];
        for (int32_t j = 0; j < topic->partition_count; j++) {
            if (committed) {
                topic->acked[j] = atomic_load(&topic->delivered[j]);
            } else {
                atomic_store(&topic->delivered[j], topic->acked[j]);
            }
        }
    }
    producer->failure = (weir_error){0};
}

static weir_status producer_commit(weir_producer *base, weir_error *err)
{
    kafka_producer *producer = producer_of(base);
    WEIR_TRY(check_fenced(producer, err));
    if (producer->handle == NULL) {
        return weir_error_set(err, WEIR_IO, "producer without a connection: abort");
    }
    uint64_t deadline_ns = deadline_after(WEIR_KAFKA_CALL_TIMEOUT_MS);
    rd_kafka_error_t *error = NULL;
    do {
        error = rd_kafka_commit_transaction(producer->handle, left_ms(deadline_ns));
    } while (error != NULL && is_worth_a_retry(error, deadline_ns));
    if (error != NULL) {
        return fail(producer, error, "commit", err);
    }
    settle_offsets(producer, true);
    weir_transaction_pace_committed(&producer->pace, producer->records,
                                    atomic_load(&producer->refused), weir_clock_monotonic_ns());
    return WEIR_OK;
}

/* A coordinator that has not begun the transaction, for it refused the partitions or still wrote
 * the markers of the last one, calls the abort an invalid state, and librdkafka that a fatal error.
 * Then the cluster has answered, and a new handle settles whatever it was. */
static weir_status abort_open(kafka_producer *producer, weir_error *err)
{
    uint64_t deadline_ns = deadline_after(WEIR_KAFKA_CALL_TIMEOUT_MS);
    rd_kafka_error_t *error = NULL;
    do {
        error = rd_kafka_abort_transaction(producer->handle, left_ms(deadline_ns));
    } while (error != NULL && is_worth_a_retry(error, deadline_ns));
    if (error == NULL) {
        return WEIR_OK;
    }
    producer->outcome_unknown = true;
    bool is_answered = rd_kafka_error_is_fatal(error) != 0;
    weir_status status = fail(producer, error, "abort", err);
    return is_answered && status != WEIR_FENCED ? WEIR_OK : status;
}

static weir_status producer_abort(weir_producer *base, weir_error *err)
{
    kafka_producer *producer = producer_of(base);
    weir_status status = check_fenced(producer, err);
    if (status == WEIR_OK && !producer->outcome_unknown && producer->handle != NULL) {
        status = abort_open(producer, err);
    }
    if (status == WEIR_OK && producer->outcome_unknown) {
        close_handle(producer);
        status = initialise(producer, err); /* What is left open is ended now, or by begin. */
    }
    settle_offsets(producer, false);
    return status;
}

static void producer_free(weir_producer *base)
{
    kafka_producer *producer = producer_of(base);
    if (producer->handle != NULL && producer->base.in_transaction &&
        producer->fenced.status == WEIR_OK && !producer->outcome_unknown) {
        (void)abort_open(producer, NULL); /* Else it ends by its timeout. */
    }
    close_handle(producer);
    for (size_t i = 0; i < producer->topic_count; i++) {
        producer_topic *topic = producer->topics[i];
        free(topic->name);
        free((void *)topic->delivered);
        free(topic->acked);
        free(topic);
    }
    free(producer->topics);
    free(producer->client_id);
    free(producer->transactional_id);
    free(producer);
}

static const weir_producer_ops producer_ops = {
    .topic = producer_topic_number,
    .send = producer_send,
    .flush = producer_flush,
    .acked_offset = producer_acked_offset,
    .begin = producer_begin,
    .send_offsets = producer_send_offsets,
    .commit = producer_commit,
    .abort = producer_abort,
    .free = producer_free,
};

weir_status weir_kafka_producer_new(weir_broker *broker, const weir_producer_options *options,
                                    weir_producer **out_producer, weir_error *err)
{
    kafka_producer *producer = weir_alloc(sizeof *producer);
    *producer = (kafka_producer){.base = {.ops = &producer_ops},
                                 .kafka = weir_kafka_of(broker),
                                 .client_id = weir_strdup(options->client_id),
                                 .transactional_id = weir_strdup(options->transactional_id),
                                 .buffer_bytes_max = options->buffer_bytes_max};
    weir_transaction_pace_init(&producer->pace);
    weir_status status = initialise(producer, err);
    if (status != WEIR_OK) {
        producer_free(&producer->base);
        return status;
    }
    *out_producer = &producer->base;
    return WEIR_OK;
}
