/* SPDX-License-Identifier: Apache-2.0
 *
 * sim_consumer.c - consumers of the simulated broker: nothing is read ahead, each poll copies from
 * the log what its isolation level sees.
 *
 * Batches are copies so that the log may cut and compact what it likes, and so that a sanitizer
 * sees whoever uses a record after its batch.
 */
#include "tests/harness/sim_broker_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

typedef struct assignment {
    char *topic;
    int32_t partition;
    int64_t position;
    weir_offset_reset reset;
    void *tag;
    bool paused;
    bool end_known; /* Since the first poll of it. */
} assignment;

typedef struct sim_consumer {
    weir_consumer base;
    sim_process *process;
    weir_isolation isolation;
    size_t batch_records_max;
    assignment *assignments;
    size_t count;
    size_t capacity;
    size_t turn;
} sim_consumer;

typedef struct sim_batch {
    weir_batch base;
    sim_partition copies; /* Its entries hold the memory of the records. */
    weir_record *records;
    char *topic;
} sim_batch;

static sim_consumer *self_of(weir_consumer *consumer)
{
    return (sim_consumer *)consumer;
}

static assignment *find(sim_consumer *self, weir_topic_partition partition)
{
    for (size_t i = 0; i < self->count; i++) {
        if (self->assignments[i].partition == partition.partition &&
            strcmp(self->assignments[i].topic, partition.topic) == 0) {
            return &self->assignments[i];
        }
    }
    return NULL;
}

static sim_partition *log_of(const sim_consumer *self, const assignment *of)
{
    return sim_partition_find(self->process->cluster,
                              (weir_topic_partition){of->topic, of->partition});
}

/* Where this consumer's reading ends for now. */
static int64_t visible_end(const sim_consumer *self, const sim_partition *partition)
{
    return self->isolation == WEIR_READ_COMMITTED ? sim_partition_stable_offset(partition)
                                                  : partition->end_offset;
}

static bool is_visible(const sim_consumer *self, const sim_entry *entry)
{
    if (entry->memory == NULL) {
        return false;
    }
    return self->isolation == WEIR_READ_UNCOMMITTED || entry->txn == NULL ||
           entry->txn->state == SIM_TXN_COMMITTED;
}

static weir_status consumer_assign(weir_consumer *consumer, weir_topic_partition partition,
                                   int64_t offset, weir_offset_reset reset, void *tag,
                                   weir_error *err)
{
    sim_consumer *self = self_of(consumer);
    WEIR_TRY(sim_enter(self->process, NULL, err));
    if (sim_partition_find(self->process->cluster, partition) == NULL) {
        return WEIR_NOT_FOUND;
    }
    assignment *found = find(self, partition);
    if (found == NULL) {
        self->assignments =
            weir_grow(self->assignments, self->count, &self->capacity, sizeof(*self->assignments));
        found = &self->assignments[self->count++];
        *found =
            (assignment){.topic = weir_strdup(partition.topic), .partition = partition.partition};
    }
    found->position = offset;
    found->reset = reset;
    found->tag = tag;
    found->end_known = false;
    return WEIR_OK;
}

static void consumer_unassign(weir_consumer *consumer, weir_topic_partition partition)
{
    sim_consumer *self = self_of(consumer);
    assignment *found = find(self, partition);
    if (found == NULL) {
        return;
    }
    free(found->topic);
    size_t index = (size_t)(found - self->assignments);
    memmove(found, found + 1, (self->count - index - 1) * sizeof(*found));
    self->count--;
}

static void consumer_set_paused(weir_consumer *consumer, weir_topic_partition partition,
                                bool paused)
{
    assignment *found = find(self_of(consumer), partition);
    if (found != NULL) {
        found->paused = paused;
    }
}

static void free_batch(weir_batch *base)
{
    sim_batch *batch = (sim_batch *)base;
    sim_partition_cut(&batch->copies, INT64_MAX);
    free(batch->copies.entries);
    free(batch->records);
    free(batch->topic);
    free(batch);
}

/* Moves the position over what the consumer does not see, and copies what it sees. */
static weir_batch *read_some(sim_consumer *self, assignment *from, const sim_partition *partition,
                             size_t records_max)
{
    int64_t end = visible_end(self, partition);
    size_t count = 0;
    size_t index = sim_partition_seek(partition, from->position);
    size_t left = partition->count - index;
    sim_batch *batch = weir_alloc(sizeof(*batch));
    batch->records = weir_alloc_array(left < records_max ? left : records_max, /* May be none. */
                                      sizeof(*batch->records));
    batch->topic = weir_strdup(from->topic);
    for (; index < partition->count && partition->entries[index].offset < end; index++) {
        const sim_entry *entry = &partition->entries[index];
        if (is_visible(self, entry)) {
            if (count == records_max) {
                break;
            }
            (void)sim_partition_append(&batch->copies, &entry->record, NULL);
            batch->records[count] = batch->copies.entries[count].record;
            batch->records[count].topic = batch->topic;
            batch->records[count].partition = from->partition;
            batch->records[count].offset = entry->offset;
            batch->records[count].object = NULL;
            count++;
        }
        from->position = entry->offset + 1;
    }
    bool all = index == partition->count || partition->entries[index].offset >= end;
    if (all && from->position < end) {
        from->position = end; /* Compacted offsets at the end. */
    }
    batch->base = (weir_batch){from->tag, batch->records, count, free_batch};
    if (count == 0) {
        free_batch(&batch->base);
        return NULL;
    }
    return &batch->base;
}

static weir_status check_range(assignment *from, const sim_partition *partition, weir_error *err)
{
    if (from->position >= partition->start_offset && from->position <= partition->end_offset) {
        return WEIR_OK;
    }
    switch (from->reset) {
    case WEIR_RESET_NONE:
        return weir_error_set(err, WEIR_CORRUPT,
                              "%s[%" PRId32 "]: offset %" PRId64 " is outside of %" PRId64
                              " to %" PRId64,
                              from->topic, from->partition, from->position, partition->start_offset,
                              partition->end_offset);
    case WEIR_RESET_EARLIEST:
        from->position = partition->start_offset;
        break;
    case WEIR_RESET_LATEST:
        from->position = partition->end_offset;
        break;
    }
    return WEIR_OK;
}

static weir_status consumer_poll(weir_consumer *consumer, int32_t timeout_ms,
                                 weir_batch **out_batch, weir_error *err)
{
    (void)timeout_ms;
    sim_consumer *self = self_of(consumer);
    sim_cluster *cluster = self->process->cluster;
    WEIR_TRY(sim_enter(self->process, NULL, err));
    if (sim_happens(cluster, cluster->faults.poll_refused)) {
        return weir_error_set(err, WEIR_IO, "simulated: the broker did not answer a fetch");
    }
    size_t records_max =
        sim_happens(cluster, cluster->faults.short_poll) ? 1 : self->batch_records_max;
    for (size_t tried = 0; tried < self->count; tried++) {
        self->turn = (self->turn + 1) % self->count;
        assignment *from = &self->assignments[self->turn];
        const sim_partition *partition = log_of(self, from);
        if (from->paused || partition == NULL) {
            continue;
        }
        WEIR_TRY(check_range(from, partition, err));
        from->end_known = true;
        weir_batch *batch = read_some(self, from, partition, records_max);
        if (batch != NULL) {
            *out_batch = batch;
            return WEIR_OK;
        }
    }
    return WEIR_AGAIN;
}

static int64_t consumer_position(weir_consumer *consumer, weir_topic_partition partition)
{
    const assignment *found = find(self_of(consumer), partition);
    WEIR_ASSERT(found != NULL);
    return found->position;
}

static weir_status consumer_lag(weir_consumer *consumer, weir_topic_partition partition,
                                int64_t *out_lag)
{
    const sim_consumer *self = self_of(consumer);
    const assignment *found = find(self_of(consumer), partition);
    if (found == NULL || !found->end_known || self->process->dead) {
        return WEIR_AGAIN;
    }
    const sim_partition *log = log_of(self, found);
    if (log == NULL) {
        return WEIR_AGAIN;
    }
    int64_t lag = visible_end(self, log) - found->position;
    *out_lag = lag > 0 ? lag : 0;
    return WEIR_OK;
}

static int consumer_fd(weir_consumer *consumer)
{
    (void)consumer;
    return -1;
}

static void consumer_wake(weir_consumer *consumer)
{
    (void)consumer; /* No poll ever waits. */
}

static void consumer_free(weir_consumer *consumer)
{
    sim_consumer *self = self_of(consumer);
    for (size_t i = 0; i < self->count; i++) {
        free(self->assignments[i].topic);
    }
    free(self->assignments);
    free(self);
}

static const weir_consumer_ops CONSUMER_OPS = {
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

weir_status sim_consumer_new(weir_broker *broker, const weir_consumer_options *options,
                             weir_consumer **out_consumer, weir_error *err)
{
    sim_process *process = sim_process_of(broker);
    WEIR_TRY(sim_enter(process, NULL, err));
    sim_consumer *self = weir_alloc(sizeof(*self));
    self->base.ops = &CONSUMER_OPS;
    self->process = process;
    self->isolation = options->isolation;
    self->batch_records_max = options->batch_records_max == 0 ? 1000 : options->batch_records_max;
    *out_consumer = &self->base;
    return WEIR_OK;
}
