/* SPDX-License-Identifier: Apache-2.0
 *
 * record_queue.c - batches in a ring list; the head's event time is known before it is asked for,
 * because the partition group compares the heads of all inputs for each record.
 *
 *   consumer ─▶ [batch]─▶[batch]─▶[batch] ─▶ partition_group ─▶ processors
 *                 ▲ head_record
 *
 * Invariant: the record at the head has an event time >= 0, or the queue is empty.
 */
#include "streams/record_queue.h"

#include <stdlib.h>

typedef struct batch_link {
    weir_batch *batch;
    struct batch_link *next;
} batch_link;

struct weir_record_queue {
    weir_timestamp_extractor timestamp;
    batch_link *first;
    batch_link *last;
    batch_link *spare;  /* For the next batch; NULL: none. */
    size_t head_record; /* Within the first batch. */
    size_t count;
    int64_t head_timestamp_ms;
    int64_t partition_time_ms;
    uint64_t dropped_count;
};

weir_record_queue *weir_record_queue_new(weir_timestamp_extractor timestamp)
{
    weir_record_queue *queue = weir_alloc(sizeof(*queue));
    queue->timestamp = timestamp;
    queue->partition_time_ms = -1;
    return queue;
}

static void remove_first_batch(weir_record_queue *queue)
{
    batch_link *first = queue->first;
    queue->first = first->next;
    if (queue->first == NULL) {
        queue->last = NULL;
    }
    queue->head_record = 0;
    weir_batch_free(first->batch);
    first->next = queue->spare;
    queue->spare = first;
}

void weir_record_queue_clear(weir_record_queue *queue)
{
    while (queue->first != NULL) {
        remove_first_batch(queue);
    }
    queue->count = 0;
}

void weir_record_queue_free(weir_record_queue *queue)
{
    if (queue != NULL) {
        weir_record_queue_clear(queue);
        while (queue->spare != NULL) {
            batch_link *spare = queue->spare;
            queue->spare = spare->next;
            free(spare);
        }
        free(queue);
    }
}

static void step(weir_record_queue *queue)
{
    WEIR_ASSERT(queue->count > 0);

    queue->count--;
    queue->head_record++;
    if (queue->head_record == queue->first->batch->count) {
        remove_first_batch(queue);
    }
}

/* Makes the invariant true: steps over records without an event time. */
static void settle_head(weir_record_queue *queue)
{
    while (queue->first != NULL) {
        const weir_record *record = &queue->first->batch->records[queue->head_record];
        queue->head_timestamp_ms = queue->timestamp == NULL
                                       ? record->timestamp_ms
                                       : queue->timestamp(record, queue->partition_time_ms);
        if (queue->head_timestamp_ms >= 0) {
            return;
        }
        queue->dropped_count++;
        step(queue);
    }
}

void weir_record_queue_add(weir_record_queue *queue, weir_batch *owned_batch)
{
    WEIR_ASSERT(owned_batch != NULL);

    if (owned_batch->count == 0) {
        weir_batch_free(owned_batch);
        return;
    }
    batch_link *added = queue->spare;
    if (added == NULL) {
        added = weir_alloc(sizeof(*added));
    } else {
        queue->spare = added->next;
    }
    *added = (batch_link){.batch = owned_batch};
    bool was_empty = queue->first == NULL;
    if (was_empty) {
        queue->first = added;
    } else {
        queue->last->next = added;
    }
    queue->last = added;
    queue->count += owned_batch->count;
    if (was_empty) {
        settle_head(queue);
    }
}

const weir_record *weir_record_queue_peek(const weir_record_queue *queue, int64_t *out_timestamp_ms)
{
    if (queue->first == NULL) {
        return NULL;
    }
    if (out_timestamp_ms != NULL) {
        *out_timestamp_ms = queue->head_timestamp_ms;
    }
    return &queue->first->batch->records[queue->head_record];
}

const weir_record *weir_record_queue_ahead(const weir_record_queue *queue, size_t count)
{
    if (queue->first == NULL || count >= queue->first->batch->count - queue->head_record) {
        return NULL;
    }
    return &queue->first->batch->records[queue->head_record + count];
}

void weir_record_queue_pop(weir_record_queue *queue)
{
    WEIR_ASSERT(queue->first != NULL);

    if (queue->partition_time_ms < queue->head_timestamp_ms) {
        queue->partition_time_ms = queue->head_timestamp_ms;
    }
    step(queue);
    settle_head(queue);
}

size_t weir_record_queue_count(const weir_record_queue *queue)
{
    return queue->count;
}

int64_t weir_record_queue_partition_time_ms(const weir_record_queue *queue)
{
    return queue->partition_time_ms;
}

void weir_record_queue_set_partition_time_ms(weir_record_queue *queue, int64_t partition_time_ms)
{
    queue->partition_time_ms = partition_time_ms;
}

uint64_t weir_record_queue_dropped_count(const weir_record_queue *queue)
{
    return queue->dropped_count;
}
