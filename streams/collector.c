/* SPDX-License-Identifier: Apache-2.0
 *
 * collector.c - the only user of the producer.
 *
 *   send ──▶ producer has room ──▶ producer
 *     └────▶ no room, or others wait already ──▶ waiting (FIFO) ──unblock──▶ producer
 *
 * Order within a partition is kept because everything goes through the one FIFO once a record had
 * to wait. Topics are numbered here, not by the producer, so that tasks survive a new producer.
 */
#include "streams/collector.h"

#include "streams/base/map.h"
#include "streams/record_copy.h"

#include <stdlib.h>
#include <string.h>

typedef struct collector_topic {
    char *name;
    int32_t handle; /* The producer's number. */
    int32_t partition_count;
} collector_topic;

typedef struct waiting_record {
    struct waiting_record *next;
    int32_t topic;
    weir_record *record;
    size_t bytes;
} waiting_record;

struct weir_collector {
    weir_collector_options options;
    weir_producer *producer; /* NULL after a reset that failed. */
    collector_topic *topics;
    size_t topic_count;
    size_t topic_capacity;
    weir_map *numbers; /* By name: the number after that of the topic. */
    waiting_record *first;
    waiting_record **last;
    size_t waiting_bytes;
    bool dirty;
    bool is_held_back; /* Something was sent since the last push or flush. */
    bool in_transaction;
    bool is_pushed; /* What the transaction began with. */
};

static weir_status open_producer(weir_collector *collector, weir_error *err)
{
    weir_producer_options options = {
        .client_id = collector->options.client_id,
        .transactional_id = collector->options.transactional_id,
        .buffer_bytes_max = collector->options.buffer_bytes_max,
    };
    return weir_producer_new(collector->options.broker, &options, &collector->producer, err);
}

weir_status weir_collector_new(const weir_collector_options *options,
                               weir_collector **out_collector, weir_error *err)
{
    WEIR_ASSERT(options->broker != NULL);
    WEIR_AUTO_PTR(weir_collector) collector = weir_alloc(sizeof(*collector));
    collector->options = *options;
    collector->last = &collector->first;
    collector->numbers = weir_map_new();
    WEIR_TRY(open_producer(collector, err));
    *out_collector = weir_take(&collector);
    return WEIR_OK;
}

static void forget_waiting(weir_collector *collector)
{
    while (collector->first != NULL) {
        waiting_record *waiting = collector->first;
        collector->first = waiting->next;
        free(waiting->record);
        free(waiting);
    }
    collector->last = &collector->first;
    collector->waiting_bytes = 0;
}

void weir_collector_free(weir_collector *collector)
{
    if (collector == NULL) {
        return;
    }
    forget_waiting(collector);
    weir_producer_free(collector->producer);
    for (size_t i = 0; i < collector->topic_count; i++) {
        free(collector->topics[i].name);
    }
    free(collector->topics);
    weir_map_free(collector->numbers);
    free(collector);
}

static weir_status resolve(weir_collector *collector, collector_topic *topic, weir_error *err)
{
    if (collector->producer == NULL) {
        return weir_error_set(err, WEIR_IO, "topic '%s': the last reset made no new producer",
                              topic->name);
    }
    weir_status status = weir_producer_topic(collector->producer, topic->name, &topic->handle,
                                             &topic->partition_count, err);
    if (status == WEIR_NOT_FOUND) {
        return weir_error_set(err, WEIR_INVALID, "topic '%s' does not exist: create it",
                              topic->name);
    }
    return status;
}

weir_status weir_collector_topic(weir_collector *collector, const char *topic, int32_t *out_topic,
                                 int32_t *out_partition_count, weir_error *err)
{
    WEIR_ASSERT(topic != NULL);
    const weir_bytes name = weir_bytes_of_text(topic);
    const uintptr_t number = (uintptr_t)weir_map_get(collector->numbers, name);
    const size_t at = number == 0 ? collector->topic_count : number - 1;
    if (number == 0) {
        collector_topic new_topic = {.name = weir_strdup(topic)};
        weir_status status = resolve(collector, &new_topic, err);
        if (status != WEIR_OK) {
            free(new_topic.name);
            return status;
        }
        collector->topics = weir_grow(collector->topics, at, &collector->topic_capacity,
                                      sizeof(*collector->topics));
        collector->topics[collector->topic_count++] = new_topic;
        (void)weir_map_put(collector->numbers, name, (void *)(uintptr_t)(at + 1));
    }
    *out_topic = (int32_t)at;
    *out_partition_count = collector->topics[at].partition_count;
    return WEIR_OK;
}

static weir_status let_wait(weir_collector *collector, int32_t topic, const weir_record *record,
                            weir_error *err)
{
    if (collector->waiting_bytes > WEIR_COLLECTOR_WAITING_BYTES_MAX) {
        return weir_error_set(err, WEIR_IO, "%zu bytes wait for the producer, at most %d",
                              collector->waiting_bytes, WEIR_COLLECTOR_WAITING_BYTES_MAX);
    }
    waiting_record *waiting = weir_alloc(sizeof(*waiting));
    waiting->topic = topic;
    waiting->record = weir_record_copy(record, &waiting->bytes);
    *collector->last = waiting;
    collector->last = &waiting->next;
    collector->waiting_bytes += waiting->bytes;
    return WEIR_OK;
}

static weir_status ensure_transaction(weir_collector *collector, weir_error *err)
{
    if (collector->options.transactional_id == NULL || collector->in_transaction) {
        return WEIR_OK;
    }
    WEIR_TRY(weir_producer_begin(collector->producer, err));
    collector->in_transaction = true;
    collector->is_pushed = false;
    return WEIR_OK;
}

weir_status weir_collector_send(weir_collector *collector, int32_t topic, const weir_record *record,
                                weir_error *err)
{
    WEIR_ASSERT(topic >= 0 && (size_t)topic < collector->topic_count);
    WEIR_ASSERT(collector->producer != NULL);
    if (collector->first != NULL) {
        return let_wait(collector, topic, record, err);
    }
    WEIR_TRY(ensure_transaction(collector, err));
    weir_status status =
        weir_producer_send(collector->producer, collector->topics[topic].handle, record, err);
    if (status == WEIR_OK) {
        collector->dirty = true;
        collector->is_held_back = true;
    }
    return status == WEIR_AGAIN ? let_wait(collector, topic, record, err) : status;
}

bool weir_collector_is_blocked(const weir_collector *collector)
{
    return collector->first != NULL;
}

static weir_status send_first(weir_collector *collector, int32_t timeout_ms, weir_error *err)
{
    const waiting_record *waiting = collector->first;
    int32_t handle = collector->topics[waiting->topic].handle;
    weir_status status = weir_producer_send(collector->producer, handle, waiting->record, err);
    if (status != WEIR_AGAIN) {
        return status;
    }
    weir_status flushed = weir_producer_flush(collector->producer, timeout_ms, err);
    if (flushed != WEIR_OK && flushed != WEIR_AGAIN) {
        return flushed;
    }
    return weir_producer_send(collector->producer, handle, waiting->record, err);
}

bool weir_collector_wants_commit(const weir_collector *collector)
{
    return collector->producer != NULL && weir_producer_wants_commit(collector->producer);
}

bool weir_collector_has_room(const weir_collector *collector)
{
    return collector->first == NULL && !weir_collector_wants_commit(collector);
}

weir_status weir_collector_unblock(weir_collector *collector, int32_t timeout_ms, weir_error *err)
{
    if (collector->first == NULL) {
        return WEIR_OK;
    }
    WEIR_TRY(ensure_transaction(collector, err));
    while (collector->first != NULL) {
        weir_status status = send_first(collector, timeout_ms, err);
        if (status == WEIR_BAD_RECORD) {
            /* It is too late for the production handler: its record counts as processed. */
            return weir_error_wrap(err, WEIR_IO, "a record that waited was refused");
        }
        WEIR_TRY(status);
        collector->dirty = true;
        collector->is_held_back = true;
        waiting_record *sent = collector->first;
        collector->first = sent->next;
        collector->waiting_bytes -= sent->bytes;
        if (collector->first == NULL) {
            collector->last = &collector->first;
        }
        free(sent->record);
        free(sent);
    }
    return WEIR_OK;
}

weir_status weir_collector_flush(weir_collector *collector, int32_t timeout_ms, weir_error *err)
{
    WEIR_TRY(weir_collector_unblock(collector, timeout_ms, err));
    collector->is_held_back = false;
    return collector->dirty ? weir_producer_flush(collector->producer, timeout_ms, err) : WEIR_OK;
}

bool weir_collector_holds_back(const weir_collector *collector)
{
    return collector->is_held_back && !(collector->in_transaction && collector->is_pushed);
}

weir_status weir_collector_push(weir_collector *collector, int32_t timeout_ms, weir_error *err)
{
    if (!weir_collector_holds_back(collector) || collector->first != NULL) {
        return WEIR_OK;
    }
    weir_status status = weir_producer_flush(collector->producer, timeout_ms, err);
    collector->is_held_back = status == WEIR_AGAIN && collector->in_transaction;
    collector->is_pushed = !collector->is_held_back;
    return status == WEIR_AGAIN ? WEIR_OK : status;
}

static weir_status commit_transaction(weir_collector *collector, weir_membership *membership,
                                      const weir_offsets *offsets, bool *out_unknown,
                                      weir_error *err)
{
    WEIR_TRY(ensure_transaction(collector, err));
    if (offsets->count > 0) {
        WEIR_TRY(weir_membership_send_offsets(membership, collector->producer, offsets, err));
    }
    weir_status status = weir_producer_commit(collector->producer, err);
    *out_unknown = status == WEIR_IO;
    if (status == WEIR_OK) {
        collector->in_transaction = false;
    }
    return status;
}

weir_status weir_collector_commit(weir_collector *collector, weir_membership *membership,
                                  const weir_offsets *offsets, bool *out_unknown, weir_error *err)
{
    WEIR_ASSERT(collector->first == NULL);
    *out_unknown = false;
    weir_status status = WEIR_OK;
    if (collector->options.transactional_id != NULL) {
        status = commit_transaction(collector, membership, offsets, out_unknown, err);
    } else if (offsets->count > 0) {
        status = weir_membership_commit(membership, offsets, err);
        *out_unknown = status == WEIR_IO;
    }
    if (status == WEIR_OK) {
        collector->dirty = false;
    }
    return status;
}

weir_status weir_collector_abort(weir_collector *collector, weir_error *err)
{
    forget_waiting(collector);
    collector->dirty = false;
    if (!collector->in_transaction) {
        return WEIR_OK;
    }
    collector->in_transaction = false;
    return weir_producer_abort(collector->producer, err);
}

weir_status weir_collector_reset(weir_collector *collector, weir_error *err)
{
    forget_waiting(collector);
    collector->dirty = false;
    collector->in_transaction = false;
    weir_producer_free(weir_take(&collector->producer));
    WEIR_TRY(open_producer(collector, err));
    for (size_t i = 0; i < collector->topic_count; i++) {
        WEIR_TRY(resolve(collector, &collector->topics[i], err));
    }
    return WEIR_OK;
}

bool weir_collector_is_dirty(const weir_collector *collector)
{
    return collector->dirty || collector->first != NULL;
}

weir_status weir_collector_position(weir_collector *collector, int32_t topic, int32_t partition,
                                    int64_t *out_offset)
{
    WEIR_ASSERT(topic >= 0 && (size_t)topic < collector->topic_count);
    int64_t acked = 0;
    WEIR_TRY(weir_producer_acked_offset(collector->producer, collector->topics[topic].handle,
                                        partition, &acked));
    *out_offset = acked + 1;
    return WEIR_OK;
}
