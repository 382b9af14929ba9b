/* SPDX-License-Identifier: Apache-2.0
 *
 * placement_log.c - one consumer and one producer of the members topic. Records are small and rare:
 * one a process at each change.
 */
#include "streams/placement_log.h"

#include "streams/base/logging.h"
#include "streams/consumer.h"
#include "streams/producer.h"

#include <stdlib.h>

enum { BATCHES_A_READ = 16, BUFFER_BYTES_MAX = 4 << 20, FETCH_BYTES_MAX = 1 << 20 };

struct weir_placement_log {
    weir_broker *broker;
    char *topic;
    weir_consumer *consumer;
    weir_producer *producer;
    int32_t topic_number;
    int64_t start_offset; /* Where the topic ended when we began to read. */
    bool started;
    bool pending; /* Something was sent and is not acknowledged. */
    bool failed;  /* It was not even sent. */
};

static weir_status open_handles(weir_placement_log *log, const char *client_id, weir_error *err)
{
    const weir_topic_partition partition = {log->topic, 0};
    const weir_consumer_options consumer = {
        .client_id = client_id,
        .isolation = WEIR_READ_COMMITTED,
        .fetch_bytes_max = FETCH_BYTES_MAX,
    };
    const weir_producer_options producer = {
        .client_id = client_id,
        .buffer_bytes_max = BUFFER_BYTES_MAX,
    };
    int64_t first = 0;
    int32_t partition_count = 0;
    WEIR_TRY(
        weir_broker_offset(log->broker, partition, WEIR_OFFSET_LATEST, 0, &log->start_offset, err));
    WEIR_TRY(weir_broker_offset(log->broker, partition, WEIR_OFFSET_EARLIEST, 0, &first, err));
    WEIR_TRY(weir_consumer_new(log->broker, &consumer, &log->consumer, err));
    WEIR_TRY(weir_consumer_assign(log->consumer, partition, first, WEIR_RESET_EARLIEST, NULL, err));
    WEIR_TRY(weir_producer_new(log->broker, &producer, &log->producer, err));
    return weir_producer_topic(log->producer, log->topic, &log->topic_number, &partition_count,
                               err);
}

weir_status weir_placement_log_open(weir_broker *broker, const char *topic, const char *client_id,
                                    weir_placement_log **out_log, weir_error *err)
{
    WEIR_AUTO_PTR(weir_placement_log) log = weir_alloc(sizeof(*log));
    log->broker = broker;
    log->topic = weir_strdup(topic);
    WEIR_TRY(open_handles(log, client_id, err));
    *out_log = weir_take(&log);
    return WEIR_OK;
}

void weir_placement_log_free(weir_placement_log *log)
{
    if (log == NULL) {
        return;
    }
    weir_consumer_free(log->consumer);
    weir_producer_free(log->producer);
    free(log->topic);
    free(log);
}

static void note(const weir_placement_log *log, weir_log_level level, const weir_error *err)
{
    const weir_log_place place = {.topic = log->topic, .offset = -1};
    WEIR_LOG(level, &place, "%s", err->message);
}

static void take_batch(const weir_placement_log *log, weir_placer *placer, const weir_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        const weir_record *record = &batch->records[i];
        weir_error err = {0};
        weir_status status =
            weir_placer_take(placer, record->key, record->value, record->offset, &err);
        if (status == WEIR_BAD_RECORD) {
            note(log, WEIR_LOG_WARN, &err);
        }
    }
}

bool weir_placement_log_read(weir_placement_log *log, weir_placer *placer)
{
    bool busy = false;
    for (size_t i = 0; i < BATCHES_A_READ; i++) {
        weir_batch *batch = NULL;
        weir_error err = {0};
        weir_status status = weir_consumer_poll(log->consumer, 0, &batch, &err);
        if (status != WEIR_OK) {
            if (status != WEIR_AGAIN) {
                note(log, WEIR_LOG_DEBUG, &err);
            }
            break;
        }
        take_batch(log, placer, batch);
        weir_batch_free(batch);
        busy = true;
    }
    const weir_topic_partition partition = {log->topic, 0};
    if (!log->started && weir_consumer_position(log->consumer, partition) >= log->start_offset) {
        log->started = true;
        weir_placer_start(placer, log->start_offset);
        busy = true;
    }
    return busy;
}

void weir_placement_log_send(weir_placement_log *log, const char *process_id, weir_bytes value,
                             int64_t now_ms)
{
    const weir_record record = {
        .timestamp_ms = now_ms,
        .key = weir_bytes_of_text(process_id),
        .value = value,
    };
    weir_error err = {0};
    weir_status status = weir_producer_send(log->producer, log->topic_number, &record, &err);
    log->pending = true;
    log->failed = status != WEIR_OK;
    if (status != WEIR_OK && status != WEIR_AGAIN) {
        note(log, WEIR_LOG_DEBUG, &err); /* The next step says it again. */
    }
}

weir_status weir_placement_log_settle(weir_placement_log *log, int32_t timeout_ms)
{
    if (!log->pending) {
        return WEIR_OK;
    }
    weir_error err = {0};
    weir_status status = weir_producer_flush(log->producer, timeout_ms, &err);
    if (status == WEIR_AGAIN) {
        return WEIR_AGAIN;
    }
    log->pending = false;
    if (status == WEIR_OK && !log->failed) {
        return WEIR_OK;
    }
    if (status != WEIR_OK) {
        note(log, WEIR_LOG_DEBUG, &err);
    }
    return WEIR_IO;
}
