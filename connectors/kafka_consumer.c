/* SPDX-License-Identifier: Apache-2.0
 *
 * kafka_consumer.c - reads assigned partitions, each from a queue of its own.
 *
 *   broker thread ─▶ queue of a partition ─first in an empty queue─▶ ready list, event_fd
 *   poll: first of the ready list ─▶ up to batch_records_max messages ─▶ batch of borrowed records
 *
 * This is librdkafka's consumer without a group: partitions start and stop one by one and disturb
 * nobody, and no coordinator is asked. As each has its own queue, a paused partition is one that we
 * don't take from: nothing that was fetched is thrown away, and its queue fills up to its limit.
 *
 * A slot is on the ready list when its queue may have something: librdkafka calls back when an
 * empty queue gets its first message, and a poll that has not emptied a queue puts it back. So a
 * poll costs the same with one partition and with a thousand, and partitions take turns.
 *
 * Messages of a stopped partition never arrive: librdkafka drops what has an older version.
 *
 * Before 2.2 librdkafka has a weakness that costs most of the throughput of a consumer slower than
 * its cluster: a thread that has found all queues full looks again after a second. So when a queue
 * that was full is mostly empty, we send its leader a small request (ListOffsets) whose answer
 * nobody waits for, which wakes that thread. Later versions have fetch.queue.backoff.ms.
 */
#include "connectors/kafka_internal.h"
#include "connectors/kafka_layout.h"
#include "connectors/kafka_metadata.h"

#include "streams/base/arena.h"
#include "streams/base/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    QUEUES_PER_CONSUMER = 4, /* fetch_bytes_max is meant for so many partitions. */
    QUEUE_KBYTES_MIN = 64,
    QUEUED_BYTES_MIN = 64,  /* A message counts for as much; besides, it costs some 400. */
    FETCH_KBYTES_MAX = 256, /* Of a partition in an answer: ten times as much, unpacked. */
    HEADER_ARENA_BYTES_MAX = 1 << 30,
};

/* What event_fd counts: arrivals, and in the upper half, wakes. */
static const uint64_t SIGNAL_ARRIVAL = 1;
static const uint64_t SIGNAL_WAKE = UINT64_C(1) << 32;

typedef struct kafka_consumer kafka_consumer;

/* What is known of the offsets that a partition has, after one that it has not was asked for. */
typedef enum kafka_range {
    RANGE_UNASKED,
    RANGE_ASKED, /* It is read from its start, and nothing of that is handed out. */
    RANGE_KNOWN,
} kafka_range;

typedef struct kafka_slot {
    kafka_consumer *consumer;
    const char *topic; /* Lives as long as the broker. */
    int32_t partition;
    rd_kafka_topic_t *handle;
    rd_kafka_queue_t *queue;
    void *tag;
    weir_offset_reset reset;
    bool paused;
    int64_t position;
    int64_t end_offset;         /* Where the end was last seen; -1: not yet. */
    rd_kafka_resp_err_t failed; /* What stopped the reading, still to be told. */
    kafka_range range;
    int64_t range_first; /* Where that is known, as the next. */
    int64_t range_end;
    bool was_reset;      /* position is not known until something comes. */
    size_t record_bytes; /* Of the last batch, the mean. */
    bool was_full;       /* So librdkafka may have stopped fetching. */
    bool is_ready;       /* Of the ready list; guarded by the consumer's lock, as next. */
    bool is_listed;
    struct kafka_slot *next_ready;
} kafka_slot;

typedef struct kafka_batch {
    weir_batch base;
    struct kafka_batch *next_free;
    kafka_consumer *consumer;
    rd_kafka_message_t **messages; /* batch_records_max of them, as records. */
    size_t message_count;
    weir_record *records;
    weir_arena *headers; /* NULL until a record has some. */
} kafka_batch;

struct kafka_consumer {
    weir_consumer base;
    weir_kafka *kafka;
    rd_kafka_t *handle;
    size_t batch_records_max;
    size_t queue_bytes_max;    /* Of a partition. */
    size_t queue_messages_max; /* The same. */
    bool must_wake_fetcher;
    weir_map *slots;            /* topic and partition -> kafka_slot */
    weir_map *partition_counts; /* topic -> count, as a pointer's value */
    kafka_batch *free_batches;
    int event_fd;
    pthread_mutex_t lock;
    kafka_slot *first_ready;
    kafka_slot *last_ready;
};

static kafka_consumer *consumer_of(weir_consumer *consumer)
{
    return (kafka_consumer *)(void *)consumer;
}

static weir_bytes key_of(weir_buf *key, weir_topic_partition partition)
{
    weir_buf_clear(key);
    weir_buf_append(key, &partition.partition, sizeof partition.partition);
    weir_buf_append_text(key, partition.topic);
    return weir_buf_bytes(key);
}

static kafka_slot *find_slot(const kafka_consumer *consumer, weir_topic_partition partition)
{
    WEIR_AUTO(weir_buf) key = {0};
    return weir_map_get(consumer->slots, key_of(&key, partition));
}

static void signal_fd(const kafka_consumer *consumer, uint64_t what)
{
    (void)!write(consumer->event_fd, &what, sizeof what); /* Full means signalled already. */
}

/* The ready list. */

static void list_slot(kafka_slot *slot)
{
    kafka_consumer *consumer = slot->consumer;
    WEIR_ASSERT(slot->is_ready && !slot->is_listed);
    slot->next_ready = NULL;
    slot->is_listed = true;
    if (consumer->first_ready == NULL) {
        consumer->first_ready = slot;
    } else {
        consumer->last_ready->next_ready = slot;
    }
    consumer->last_ready = slot;
}

static void mark_ready(kafka_slot *slot)
{
    pthread_mutex_lock(&slot->consumer->lock);
    slot->is_ready = true;
    if (!slot->is_listed && !slot->paused) {
        list_slot(slot);
    }
    pthread_mutex_unlock(&slot->consumer->lock);
}

/* Runs on librdkafka's threads, with the lock of the queue held. */
static void queue_has_something(rd_kafka_t *handle, void *opaque)
{
    (void)handle;
    kafka_slot *slot = opaque;
    mark_ready(slot);
    signal_fd(slot->consumer, SIGNAL_ARRIVAL);
}

/* The next slot to take from, which is then no longer ready; NULL: none. */
static kafka_slot *take_ready(kafka_consumer *consumer)
{
    pthread_mutex_lock(&consumer->lock);
    kafka_slot *slot = consumer->first_ready;
    if (slot != NULL) {
        consumer->first_ready = slot->next_ready;
        slot->is_listed = false;
        slot->is_ready = false;
    }
    pthread_mutex_unlock(&consumer->lock);
    return slot;
}

static void unlist(kafka_slot *slot)
{
    kafka_consumer *consumer = slot->consumer;
    pthread_mutex_lock(&consumer->lock);
    kafka_slot *kept = consumer->first_ready;
    consumer->first_ready = NULL;
    consumer->last_ready = NULL;
    while (kept != NULL) {
        kafka_slot *next = kept->next_ready;
        kept->is_listed = false;
        if (kept != slot) {
            list_slot(kept);
        }
        kept = next;
    }
    pthread_mutex_unlock(&consumer->lock);
}

static void consumer_set_paused(weir_consumer *base, weir_topic_partition partition, bool paused)
{
    kafka_consumer *consumer = consumer_of(base);
    kafka_slot *slot = find_slot(consumer, partition);
    if (slot == NULL || slot->paused == paused) {
        return;
    }
    if (paused) {
        unlist(slot);
    }
    pthread_mutex_lock(&consumer->lock);
    slot->paused = paused;
    bool again = !paused && slot->is_ready && !slot->is_listed;
    if (again) {
        list_slot(slot);
    }
    pthread_mutex_unlock(&consumer->lock);
    if (again) {
        signal_fd(consumer, SIGNAL_ARRIVAL);
    }
}

/* Assignments. */

static weir_status start_fetching(kafka_slot *slot, int64_t offset, weir_error *err)
{
    if (rd_kafka_consume_start(slot->handle, slot->partition, offset) != 0) {
        return weir_kafka_fail(err, rd_kafka_last_error(), "%s[%" PRId32 "]: start at %" PRId64,
                               slot->topic, slot->partition, offset);
    }
    slot->end_offset = -1;
    slot->failed = RD_KAFKA_RESP_ERR_NO_ERROR;
    /* The queue may still have what was fetched before a stop: librdkafka drops that when it is
     * taken, and calls back for a queue that was empty only. */
    mark_ready(slot);
    signal_fd(slot->consumer, SIGNAL_ARRIVAL);
    return WEIR_OK;
}

static void stop_fetching(kafka_slot *slot)
{
    (void)rd_kafka_consume_stop(slot->handle,
                                slot->partition); /* It fetches no more, or did not. */
}

static weir_status check_partition(kafka_consumer *consumer, weir_topic_partition partition,
                                   weir_error *err)
{
    weir_bytes topic = weir_bytes_of_text(partition.topic);
    int32_t count = (int32_t)(intptr_t)weir_map_get(consumer->partition_counts, topic);
    if (partition.partition >= count) {
        WEIR_TRY(weir_kafka_partition_count(consumer->kafka, partition.topic, &count, err));
        (void)weir_map_put(consumer->partition_counts, topic, (void *)(intptr_t)count);
    }
    return partition.partition < count ? WEIR_OK : WEIR_NOT_FOUND;
}

static kafka_slot *new_slot(kafka_consumer *consumer, weir_topic_partition partition)
{
    kafka_slot *slot = weir_alloc(sizeof *slot);
    *slot = (kafka_slot){
        .consumer = consumer,
        .topic = weir_kafka_topic_name(consumer->kafka, partition.topic),
        .partition = partition.partition,
        .handle = rd_kafka_topic_new(consumer->handle, partition.topic, NULL),
        .queue =
            rd_kafka_queue_get_partition(consumer->handle, partition.topic, partition.partition),
    };
    WEIR_ASSERT(slot->handle != NULL && slot->queue != NULL);
    rd_kafka_queue_cb_event_enable(slot->queue, queue_has_something, slot);
    WEIR_AUTO(weir_buf) key = {0};
    (void)weir_map_put(consumer->slots, key_of(&key, partition), slot);
    return slot;
}

/* What lies in the queue holds its partition, and that the queue. Where the topic was deleted
 * librdkafka knows the partition no more, so nobody else empties it: the handle of the consumer
 * would wait for it for ever. */
static void empty_queue(kafka_slot *slot)
{
    enum { MESSAGES_AT_ONCE = 64 };
    rd_kafka_message_t *messages[MESSAGES_AT_ONCE];
    ssize_t count = 0;
    do {
        count = rd_kafka_consume_batch_queue(slot->queue, 0, messages, MESSAGES_AT_ONCE);
        for (ssize_t i = 0; i < count; i++) {
            rd_kafka_message_destroy(messages[i]);
        }
    } while (count > 0);
}

static void free_slot(kafka_slot *slot)
{
    stop_fetching(slot);
    rd_kafka_queue_cb_event_enable(slot->queue, NULL, NULL); /* It is not called from here on. */
    empty_queue(slot);
    unlist(slot);
    rd_kafka_queue_destroy(slot->queue);
    rd_kafka_topic_destroy(slot->handle);
    free(slot);
}

static weir_status consumer_assign(weir_consumer *base, weir_topic_partition partition,
                                   int64_t offset, weir_offset_reset reset, void *tag,
                                   weir_error *err)
{
    kafka_consumer *consumer = consumer_of(base);
    kafka_slot *slot = find_slot(consumer, partition);
    if (slot == NULL) {
        WEIR_TRY(check_partition(consumer, partition, err));
        slot = new_slot(consumer, partition);
    } else {
        stop_fetching(slot);
    }
    slot->reset = reset;
    slot->tag = tag;
    slot->position = offset;
    slot->range = RANGE_UNASKED;
    slot->was_reset = false;
    consumer_set_paused(base, partition, false);
    return start_fetching(slot, offset, err);
}

static void consumer_unassign(weir_consumer *base, weir_topic_partition partition)
{
    kafka_consumer *consumer = consumer_of(base);
    WEIR_AUTO(weir_buf) key = {0};
    kafka_slot *slot = weir_map_remove(consumer->slots, key_of(&key, partition));
    if (slot != NULL) {
        free_slot(slot);
    }
}

/* Batches. */

static void batch_free(weir_batch *base)
{
    kafka_batch *batch = (kafka_batch *)(void *)base;
    for (size_t i = 0; i < batch->message_count; i++) {
        rd_kafka_message_destroy(batch->messages[i]);
    }
    batch->message_count = 0;
    if (batch->headers != NULL) {
        weir_arena_reset(batch->headers);
    }
    batch->next_free = batch->consumer->free_batches;
    batch->consumer->free_batches = batch;
}

static kafka_batch *new_batch(kafka_consumer *consumer)
{
    kafka_batch *batch = consumer->free_batches;
    if (batch != NULL) {
        consumer->free_batches = batch->next_free;
        return batch;
    }
    size_t count = consumer->batch_records_max;
    batch = weir_alloc(sizeof *batch);
    batch->base.free = batch_free;
    batch->consumer = consumer;
    batch->messages = weir_alloc_array(count, sizeof *batch->messages);
    batch->records = weir_alloc_array(count, sizeof *batch->records);
    batch->base.records = batch->records;
    return batch;
}

static void destroy_batch(kafka_batch *batch)
{
    weir_arena_free(batch->headers);
    free(batch->messages);
    free(batch->records);
    free(batch);
}

static void fill_headers(kafka_batch *batch, const rd_kafka_headers_t *headers, weir_record *record)
{
    if (batch->headers == NULL) {
        batch->headers = weir_arena_new(HEADER_ARENA_BYTES_MAX);
    }
    size_t count = rd_kafka_header_cnt(headers);
    weir_header *filled = weir_arena_alloc(batch->headers, count * sizeof *filled);
    for (size_t i = 0; i < count; i++) {
        const char *name = NULL;
        const void *value = NULL;
        size_t size = 0;
        (void)rd_kafka_header_get_all(headers, i, &name, &value, &size); /* i is in range. */
        filled[i].key = weir_bytes_of_text(name);
        filled[i].value = weir_bytes_of(value, size);
    }
    record->headers = filled;
    record->header_count = count;
}

static void add_record(kafka_batch *batch, const kafka_slot *slot, rd_kafka_message_t *message)
{
    weir_record *record = &batch->records[batch->message_count];
    rd_kafka_timestamp_type_t type;
    int64_t timestamp_ms = rd_kafka_message_timestamp(message, &type);
    *record = (weir_record){
        .topic = slot->topic,
        .partition = slot->partition,
        .offset = message->offset,
        .timestamp_ms = timestamp_ms < 0 ? 0 : timestamp_ms,
        .key = {message->key, message->key == NULL ? 0 : message->key_len},
        .value = {message->payload, message->payload == NULL ? 0 : message->len},
    };
    rd_kafka_headers_t *headers = NULL;
    if (!weir_kafka_layout_has_no_headers(record->key, record->value) &&
        rd_kafka_message_headers(message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        fill_headers(batch, headers, record);
    }
    batch->messages[batch->message_count++] = message;
}

static bool is_failure(const rd_kafka_message_t *message)
{
    return message->err != RD_KAFKA_RESP_ERR_NO_ERROR &&
           message->err != RD_KAFKA_RESP_ERR__PARTITION_EOF;
}

static void take_end(kafka_slot *slot, int64_t offset)
{
    slot->end_offset = offset;
    slot->position = slot->was_reset || offset > slot->position ? offset : slot->position;
    slot->was_reset = false;
}

/* The first answer to a reading from the start says what the partition has. */
static void take_range(kafka_slot *slot, const rd_kafka_message_t *message)
{
    rd_kafka_resp_err_t code = rd_kafka_get_watermark_offsets(
        slot->consumer->handle, slot->topic, slot->partition, &slot->range_first, &slot->range_end);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR || slot->range_first < 0 || slot->range_end < 0) {
        slot->range_first = message->offset;
        slot->range_end = message->offset;
    }
    slot->range = RANGE_KNOWN;
    slot->failed = RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE;
    stop_fetching(slot);
}

/* Sorts what came from the queue: records stay in the batch, the rest is noted in the slot. */
static void take_messages(kafka_batch *batch, kafka_slot *slot, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        rd_kafka_message_t *message = batch->messages[i];
        if (is_failure(message)) {
            slot->failed = message->err;
        } else if (slot->range == RANGE_ASKED) {
            take_range(slot, message);
        } else if (slot->range == RANGE_KNOWN) {
            /* It is what came with the answer. */
        } else if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            slot->position = message->offset + 1;
            slot->was_reset = false;
            add_record(batch, slot, message);
            continue;
        } else {
            take_end(slot, message->offset);
        }
        rd_kafka_message_destroy(message);
    }
}

/* Offsets that are not there. */

static weir_status tell_range(const kafka_slot *slot, weir_error *err)
{
    return weir_error_set(
        err, WEIR_CORRUPT,
        "%s[%" PRId32 "]: offset %" PRId64 " is not in the log, which has %" PRId64 " to %" PRId64
        ": what was between is gone (retention, deleted records, a "
        "topic made anew); restore from the start, or reset the group's offsets",
        slot->topic, slot->partition, slot->position, slot->range_first, slot->range_end);
}

/* To ask the cluster for the offsets that there are would wait for its answer here. So librdkafka
 * is told to begin at the start or the end, and what comes says where that is. Of a partition that
 * is not to be reset only that is looked at, for the message. */
static weir_status reset_offset(kafka_slot *slot, weir_error *err)
{
    if (slot->range == RANGE_KNOWN) {
        return tell_range(slot, err);
    }
    stop_fetching(slot);
    bool asks = slot->reset == WEIR_RESET_NONE;
    slot->range = asks ? RANGE_ASKED : RANGE_UNASKED;
    slot->was_reset = !asks;
    WEIR_TRY(start_fetching(
        slot, slot->reset == WEIR_RESET_LATEST ? RD_KAFKA_OFFSET_END : RD_KAFKA_OFFSET_BEGINNING,
        err));
    return WEIR_AGAIN;
}

/* What stopped a partition; WEIR_AGAIN: it goes on. */
static weir_status handle_failure(kafka_slot *slot, weir_error *err)
{
    weir_status asked = weir_kafka_status(slot->failed);
    if (asked == WEIR_CORRUPT) {
        return reset_offset(slot, err);
    }
    if (asked == WEIR_NOT_FOUND) {
        return weir_error_set(err, WEIR_INVALID,
                              "%s[%" PRId32 "] is gone: the topic was deleted, or made anew with "
                              "fewer partitions. Make it again, or stop reading it",
                              slot->topic, slot->partition);
    }
    rd_kafka_resp_err_t code = slot->failed;
    slot->failed = RD_KAFKA_RESP_ERR_NO_ERROR; /* It goes on by itself, once told. */
    return weir_kafka_fail(err, code, "%s[%" PRId32 "] at %" PRId64, slot->topic, slot->partition,
                           slot->position);
}

/* Whether the queue has at least a part of what it may have, by the number of its messages. */
static bool has_part(const kafka_slot *slot, size_t part)
{
    const kafka_consumer *consumer = slot->consumer;
    size_t messages = rd_kafka_queue_length(slot->queue);
    return messages >= consumer->queue_messages_max / part ||
           messages * slot->record_bytes >= consumer->queue_bytes_max / part;
}

/* How full the queue was; the first messages may have filled it. */
static void note_fill(kafka_slot *slot)
{
    slot->was_full = slot->was_full || slot->record_bytes == 0 || has_part(slot, 2);
}

static void wake_fetcher(kafka_slot *slot)
{
    if (!slot->was_full || has_part(slot, 4)) {
        return;
    }
    slot->was_full = false;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, slot->topic, slot->partition)->offset =
        RD_KAFKA_OFFSET_END;
    (void)rd_kafka_offsets_for_times(slot->consumer->handle, list, 0); /* Times out at once. */
    rd_kafka_topic_partition_list_destroy(list);
}

static void note_record_bytes(kafka_slot *slot, const kafka_batch *batch)
{
    size_t bytes = 0;
    for (size_t i = 0; i < batch->message_count; i++) {
        bytes += batch->messages[i]->len + batch->messages[i]->key_len;
    }
    slot->record_bytes = batch->message_count == 0 ? 0 : bytes / batch->message_count;
}

static weir_status take_from(kafka_slot *slot, weir_batch **out_batch, weir_error *err)
{
    kafka_consumer *consumer = slot->consumer;
    if (slot->failed != RD_KAFKA_RESP_ERR_NO_ERROR) {
        weir_status status = handle_failure(slot, err);
        mark_ready(slot); /* A failure that stays is told by each poll. */
        return status;
    }
    kafka_batch *batch = new_batch(consumer);
    if (consumer->must_wake_fetcher) {
        note_fill(slot);
    }
    ssize_t count =
        rd_kafka_consume_batch_queue(slot->queue, 0, batch->messages, consumer->batch_records_max);
    take_messages(batch, slot, count < 0 ? 0 : (size_t)count);
    if (count == (ssize_t)consumer->batch_records_max ||
        slot->failed != RD_KAFKA_RESP_ERR_NO_ERROR) {
        mark_ready(slot);
    }
    if (batch->message_count == 0) {
        batch_free(&batch->base);
        return WEIR_AGAIN;
    }
    if (consumer->must_wake_fetcher) {
        note_record_bytes(slot, batch);
        wake_fetcher(slot);
    }
    batch->base.tag = slot->tag;
    batch->base.count = batch->message_count;
    *out_batch = &batch->base;
    return WEIR_OK;
}

static weir_status take_batch(kafka_consumer *consumer, weir_batch **out_batch, weir_error *err)
{
    for (;;) {
        kafka_slot *slot = take_ready(consumer);
        if (slot == NULL) {
            return WEIR_AGAIN;
        }
        weir_status status = take_from(slot, out_batch, err);
        if (status != WEIR_AGAIN) {
            return status;
        }
    }
}

/* Takes back what was signalled; true: a wake was. */
static bool take_signals(const kafka_consumer *consumer)
{
    uint64_t signals = 0;
    (void)!read(consumer->event_fd, &signals, sizeof signals); /* Empty is fine. */
    return signals >= SIGNAL_WAKE;
}

static weir_status consumer_poll(weir_consumer *base, int32_t timeout_ms, weir_batch **out_batch,
                                 weir_error *err)
{
    kafka_consumer *consumer = consumer_of(base);
    uint64_t deadline_ns = weir_clock_monotonic_ns() + (uint64_t)timeout_ms * WEIR_NS_PER_MS;
    for (;;) {
        bool woken = take_signals(consumer);
        weir_status status = take_batch(consumer, out_batch, err);
        if (status != WEIR_AGAIN || woken || timeout_ms == 0) {
            return status;
        }
        uint64_t now_ns = weir_clock_monotonic_ns();
        if (now_ns >= deadline_ns) {
            return WEIR_AGAIN;
        }
        struct pollfd fd = {.fd = consumer->event_fd, .events = POLLIN};
        (void)poll(&fd, 1, (int)((deadline_ns - now_ns) / WEIR_NS_PER_MS + 1)); /* EINTR: again. */
    }
}

static int64_t consumer_position(weir_consumer *base, weir_topic_partition partition)
{
    const kafka_slot *slot = find_slot(consumer_of(base), partition);
    WEIR_ASSERT(slot != NULL);
    return slot->position;
}

static weir_status consumer_lag(weir_consumer *base, weir_topic_partition partition,
                                int64_t *out_lag)
{
    kafka_consumer *consumer = consumer_of(base);
    const kafka_slot *slot = find_slot(consumer, partition);
    WEIR_ASSERT(slot != NULL);
    if (slot->was_reset) {
        return WEIR_AGAIN;
    }
    int64_t first = -1;
    int64_t end = slot->end_offset;
    if (end != slot->position) {
        rd_kafka_resp_err_t code = rd_kafka_get_watermark_offsets(consumer->handle, slot->topic,
                                                                  slot->partition, &first, &end);
        if (code != RD_KAFKA_RESP_ERR_NO_ERROR || end < 0) {
            return WEIR_AGAIN;
        }
    }
    *out_lag = end > slot->position ? end - slot->position : 0;
    return WEIR_OK;
}

static int consumer_fd(weir_consumer *base)
{
    return consumer_of(base)->event_fd;
}

static void consumer_wake(weir_consumer *base)
{
    signal_fd(consumer_of(base), SIGNAL_WAKE);
}

static void consumer_free(weir_consumer *base)
{
    kafka_consumer *consumer = consumer_of(base);
    size_t position = 0;
    void *slot = NULL;
    while (weir_map_next(consumer->slots, &position, NULL, &slot)) {
        free_slot(slot);
    }
    weir_map_free(consumer->slots);
    weir_map_free(consumer->partition_counts);
    while (consumer->free_batches != NULL) {
        kafka_batch *batch = consumer->free_batches;
        consumer->free_batches = batch->next_free;
        destroy_batch(batch);
    }
    if (consumer->handle != NULL) {
        rd_kafka_destroy(consumer->handle);
    }
    (void)close(consumer->event_fd); /* It holds no data. */
    (void)pthread_mutex_destroy(&consumer->lock);
    free(consumer);
}

static const weir_consumer_ops consumer_ops = {
    .assign = consumer_assign,
    .unassign = consumer_unassign,
    .set_paused = consumer_set_paused,
    .poll = consumer_poll,
    .position = consumer_position,
    .lag = consumer_lag,
    .fd = consumer_fd,
    .wake = consumer_wake,
    .free = consumer_free,
};

static weir_status configure(kafka_consumer *consumer, rd_kafka_conf_t *conf,
                             const weir_consumer_options *options, weir_error *err)
{
    size_t queue_kbytes = options->fetch_bytes_max / QUEUES_PER_CONSUMER / 1024;
    queue_kbytes = queue_kbytes < QUEUE_KBYTES_MIN ? QUEUE_KBYTES_MIN : queue_kbytes;
    size_t fetch_kbytes = queue_kbytes < FETCH_KBYTES_MAX ? queue_kbytes : FETCH_KBYTES_MAX;
    consumer->queue_bytes_max = queue_kbytes * 1024;
    consumer->queue_messages_max = consumer->queue_bytes_max / QUEUED_BYTES_MIN;
    consumer->must_wake_fetcher =
        rd_kafka_conf_set(conf, "fetch.queue.backoff.ms", "5", NULL, 0) != RD_KAFKA_CONF_OK;
    WEIR_TRY(
        weir_kafka_conf_set_number(conf, "queued.max.messages.kbytes", (int64_t)queue_kbytes, err));
    WEIR_TRY(weir_kafka_conf_set_number(conf, "queued.min.messages",
                                        (int64_t)consumer->queue_messages_max, err));
    WEIR_TRY(weir_kafka_conf_set_number(conf, "fetch.message.max.bytes",
                                        (int64_t)fetch_kbytes * 1024, err));
    bool committed = options->isolation == WEIR_READ_COMMITTED;
    return weir_kafka_conf_set(conf, "isolation.level",
                               committed ? "read_committed" : "read_uncommitted", err);
}

static weir_status open_handle(kafka_consumer *consumer, const weir_consumer_options *options,
                               weir_error *err)
{
    rd_kafka_conf_t *conf = NULL;
    WEIR_TRY(
        weir_kafka_conf_new(consumer->kafka, WEIR_KAFKA_CONSUMER, options->client_id, &conf, err));
    weir_status status = configure(consumer, conf, options, err);
    if (status != WEIR_OK) {
        rd_kafka_conf_destroy(conf);
        return status;
    }
    return weir_kafka_handle_new(consumer->kafka, WEIR_KAFKA_CONSUMER, conf, &consumer->handle,
                                 err);
}

weir_status weir_kafka_consumer_new(weir_broker *broker, const weir_consumer_options *options,
                                    weir_consumer **out_consumer, weir_error *err)
{
    int event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (event_fd < 0) {
        return weir_error_set(err, WEIR_IO, "eventfd: %s", strerror(errno));
    }
    kafka_consumer *consumer = weir_alloc(sizeof *consumer);
    *consumer = (kafka_consumer){.base = {.ops = &consumer_ops},
                                 .kafka = weir_kafka_of(broker),
                                 .batch_records_max = options->batch_records_max,
                                 .slots = weir_map_new(),
                                 .partition_counts = weir_map_new(),
                                 .event_fd = event_fd};
    int failed = pthread_mutex_init(&consumer->lock, NULL);
    WEIR_ASSERT(failed == 0);
    weir_status status = open_handle(consumer, options, err);
    if (status != WEIR_OK) {
        consumer_free(&consumer->base);
        return status;
    }
    *out_consumer = &consumer->base;
    return WEIR_OK;
}
