/* SPDX-License-Identifier: Apache-2.0
 *
 * producer.c - the front door of producer.h: limits of records, and the order of calls.
 *
 *            begin                 send*, send_offsets*, flush*
 *   closed --------> in transaction ----------------------------> in transaction
 *      ^                  |
 *      +------------------+  commit that answers OK, or any abort but WEIR_AGAIN
 *
 * A commit that fails leaves the transaction open: the caller aborts it.
 */
#include "streams/broker_ops.h"

#include <inttypes.h>

enum { BUFFER_BYTES_DEFAULT = 32 << 20 };

weir_status weir_producer_new(weir_broker *broker, const weir_producer_options *options,
                              weir_producer **out_producer, weir_error *err)
{
    WEIR_ASSERT(broker != NULL);
    WEIR_ASSERT(options != NULL);
    WEIR_ASSERT(out_producer != NULL);
    WEIR_ASSERT(options->transactional_id == NULL || options->transactional_id[0] != '\0');
    weir_producer_options filled = *options;
    if (filled.buffer_bytes_max == 0) {
        filled.buffer_bytes_max = BUFFER_BYTES_DEFAULT;
    }
    WEIR_TRY(broker->ops->producer_new(broker, &filled, out_producer, err));
    (*out_producer)->transactional = options->transactional_id != NULL;
    (*out_producer)->in_transaction = false;
    (*out_producer)->wants_commit = false;
    return WEIR_OK;
}

void weir_producer_free(weir_producer *producer)
{
    if (producer != NULL) {
        producer->ops->free(producer);
    }
}

weir_status weir_producer_topic(weir_producer *producer, const char *topic, int32_t *out_topic,
                                int32_t *out_partition_count, weir_error *err)
{
    WEIR_ASSERT(producer != NULL);
    WEIR_ASSERT(topic != NULL);
    WEIR_ASSERT(out_topic != NULL);
    WEIR_ASSERT(out_partition_count != NULL);
    return producer->ops->topic(producer, topic, out_topic, out_partition_count, err);
}

static weir_status check_headers(const weir_record *record, weir_error *err)
{
    if (record->header_count > WEIR_RECORD_HEADERS_MAX) {
        return weir_error_set(err, WEIR_BAD_RECORD, "%zu headers, at most %d", record->header_count,
                              WEIR_RECORD_HEADERS_MAX);
    }
    size_t bytes = 0;
    for (size_t i = 0; i < record->header_count; i++) {
        WEIR_ASSERT(record->headers[i].key.data != NULL);
        bytes += record->headers[i].key.size + record->headers[i].value.size;
    }
    if (bytes > WEIR_RECORD_HEADER_BYTES_MAX) {
        return weir_error_set(err, WEIR_BAD_RECORD, "headers of %zu bytes, at most %d", bytes,
                              WEIR_RECORD_HEADER_BYTES_MAX);
    }
    return WEIR_OK;
}

static weir_status check_record(const weir_record *record, weir_error *err)
{
    if (record->key.size > WEIR_RECORD_KEY_BYTES_MAX) {
        return weir_error_set(err, WEIR_BAD_RECORD, "key of %zu bytes, at most %d",
                              record->key.size, WEIR_RECORD_KEY_BYTES_MAX);
    }
    if (record->value.size > WEIR_RECORD_VALUE_BYTES_MAX) {
        return weir_error_set(err, WEIR_BAD_RECORD, "value of %zu bytes, at most %d",
                              record->value.size, WEIR_RECORD_VALUE_BYTES_MAX);
    }
    if (record->timestamp_ms < 0) {
        return weir_error_set(err, WEIR_BAD_RECORD, "timestamp %" PRId64 " is before 1970",
                              record->timestamp_ms);
    }
    return record->header_count == 0 ? WEIR_OK : check_headers(record, err);
}

weir_status weir_producer_send(weir_producer *producer, int32_t topic, const weir_record *record,
                               weir_error *err)
{
    WEIR_ASSERT(producer != NULL);
    WEIR_ASSERT(record != NULL);
    WEIR_ASSERT(topic >= 0);
    WEIR_ASSERT(producer->in_transaction == producer->transactional);
    WEIR_ASSERT(record->header_count == 0 || record->headers != NULL);
    WEIR_TRY(check_record(record, err));
    return producer->ops->send(producer, topic, record, err);
}

bool weir_producer_wants_commit(const weir_producer *producer)
{
    WEIR_ASSERT(producer != NULL);
    return producer->wants_commit;
}

weir_status weir_producer_flush(weir_producer *producer, int32_t timeout_ms, weir_error *err)
{
    WEIR_ASSERT(producer != NULL);
    WEIR_ASSERT(timeout_ms >= 0);
    return producer->ops->flush(producer, timeout_ms, err);
}

weir_status weir_producer_acked_offset(weir_producer *producer, int32_t topic, int32_t partition,
                                       int64_t *out_offset)
{
    WEIR_ASSERT(producer != NULL);
    WEIR_ASSERT(topic >= 0);
    WEIR_ASSERT(partition >= 0);
    WEIR_ASSERT(out_offset != NULL);
    return producer->ops->acked_offset(producer, topic, partition, out_offset);
}

weir_status weir_producer_begin(weir_producer *producer, weir_error *err)
{
    WEIR_ASSERT(producer != NULL);
    WEIR_ASSERT(producer->transactional);
    WEIR_ASSERT(!producer->in_transaction);
    WEIR_TRY(producer->ops->begin(producer, err));
    producer->in_transaction = true;
    return WEIR_OK;
}

weir_status weir_producer_send_offsets(weir_producer *producer, weir_member *member,
                                       int32_t generation, const weir_group_offset *offsets,
                                       size_t count, weir_error *err)
{
    WEIR_ASSERT(producer != NULL);
    WEIR_ASSERT(member != NULL);
    WEIR_ASSERT(producer->in_transaction);
    WEIR_ASSERT(count == 0 || offsets != NULL);
    WEIR_TRY(weir_group_offsets_check(offsets, count, err));
    return producer->ops->send_offsets(producer, member, generation, offsets, count, err);
}

weir_status weir_producer_commit(weir_producer *producer, weir_error *err)
{
    WEIR_ASSERT(producer != NULL);
    WEIR_ASSERT(producer->in_transaction);
    WEIR_TRY(producer->ops->commit(producer, err));
    producer->in_transaction = false;
    producer->wants_commit = false;
    return WEIR_OK;
}

weir_status weir_producer_abort(weir_producer *producer, weir_error *err)
{
    WEIR_ASSERT(producer != NULL);
    WEIR_ASSERT(producer->in_transaction);
    weir_status status = producer->ops->abort(producer, err);
    producer->in_transaction = status == WEIR_AGAIN;
    producer->wants_commit = producer->wants_commit && producer->in_transaction;
    return status;
}
