/* SPDX-License-Identifier: Apache-2.0
 *
 * sim_producer.c - producers of the simulated broker.
 *
 * A plain producer holds records back until a flush, or until chance sends some of them on: what is
 * on the log and what is acknowledged are two things. A transactional one writes at once, into the
 * open transaction, where read_uncommitted sees it.
 */
#include "tests/harness/sim_broker_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { LATE_COMMIT_MS_MAX = 1000, DRAIN_AT_SEND_PER_MILLION = 50000, RECORD_OVERHEAD_BYTES = 64 };

typedef struct waiting {
    int32_t topic;
    sim_partition log; /* Holds exactly one entry: the copy of the record. */
} waiting;

typedef struct acked {
    char *topic;
    int64_t *offsets; /* By partition: last acknowledged; -1: none. */
    int64_t *written; /* By partition: last written, not yet acknowledged. */
    int32_t partition_count;
} acked;

typedef struct sim_producer {
    weir_producer base;
    sim_process *process;
    sim_identity *identity; /* NULL: not transactional. */
    uint32_t epoch;
    sim_txn *txn; /* Between begin and the end. */
    acked *topics;
    size_t topic_count;
    size_t topic_capacity;
    waiting *queue;
    size_t queue_count;
    size_t queue_capacity;
    size_t queue_bytes;
    weir_map *removals; /* Written outside of a transaction, not acknowledged: sim_torn_key. */
    size_t buffer_bytes_max;
} sim_producer;

static sim_producer *self_of(weir_producer *producer)
{
    return (sim_producer *)producer;
}

static weir_status enter(sim_producer *self, bool *out_die, weir_error *err)
{
    WEIR_TRY(sim_enter(self->process, out_die, err));
    if (self->identity != NULL && self->identity->epoch != self->epoch) {
        return weir_error_set(err, WEIR_FENCED, "a newer producer has this transactional id");
    }
    return WEIR_OK;
}

static weir_status producer_topic(weir_producer *producer, const char *name, int32_t *out_topic,
                                  int32_t *out_partition_count, weir_error *err)
{
    sim_producer *self = self_of(producer);
    WEIR_TRY(sim_enter(self->process, NULL, err));
    const sim_topic *topic = sim_topic_find(self->process->cluster, name);
    if (topic == NULL) {
        return WEIR_NOT_FOUND;
    }
    *out_partition_count = topic->config.partition_count;
    for (size_t i = 0; i < self->topic_count; i++) {
        if (strcmp(self->topics[i].topic, name) == 0) {
            *out_topic = (int32_t)i;
            return WEIR_OK;
        }
    }
    self->topics =
        weir_grow(self->topics, self->topic_count, &self->topic_capacity, sizeof(*self->topics));
    size_t count = (size_t)topic->config.partition_count;
    acked *added = &self->topics[self->topic_count];
    *added = (acked){weir_strdup(name), weir_alloc_array(count, sizeof(int64_t)),
                     weir_alloc_array(count, sizeof(int64_t)), topic->config.partition_count};
    for (size_t p = 0; p < count; p++) {
        added->offsets[p] = -1;
        added->written[p] = -1;
    }
    *out_topic = (int32_t)self->topic_count++;
    return WEIR_OK;
}

/* Writes to the log; false: the topic is gone. */
static bool write_record(sim_producer *self, int32_t topic, const weir_record *record)
{
    acked *to = &self->topics[topic];
    sim_partition *partition = sim_partition_find(
        self->process->cluster, (weir_topic_partition){to->topic, record->partition});
    if (partition == NULL) {
        return false;
    }
    to->written[record->partition] = sim_partition_append(partition, record, self->txn);
    if (self->txn == NULL && record->value.data == NULL) {
        WEIR_AUTO(weir_buf) torn = sim_torn_key(to->topic, record->key);
        (void)weir_map_put(self->removals, weir_buf_bytes(&torn), self);
    }
    return true;
}

static void acknowledge_written(sim_producer *self)
{
    for (size_t t = 0; t < self->topic_count; t++) {
        for (int32_t p = 0; p < self->topics[t].partition_count; p++) {
            if (self->topics[t].written[p] >= 0) {
                self->topics[t].offsets[p] = self->topics[t].written[p];
                self->topics[t].written[p] = -1;
            }
        }
    }
    weir_map_free(self->removals);
    self->removals = weir_map_new();
}

/* They are on the log, and what was to follow may not come. */
static void leave_torn(sim_producer *self)
{
    sim_cluster *cluster = self->process->cluster;
    size_t position = 0;
    weir_bytes key = {0};
    void *unused = NULL;
    while (weir_map_next(self->removals, &position, &key, &unused)) {
        (void)weir_map_put(cluster->torn, key, cluster);
    }
}

static void forget_written(sim_producer *self)
{
    leave_torn(self);
    for (size_t t = 0; t < self->topic_count; t++) {
        for (int32_t p = 0; p < self->topics[t].partition_count; p++) {
            self->topics[t].written[p] = -1;
        }
    }
}

/* Takes the first count records off the queue, onto the log or to nowhere. */
static bool take_from_queue(sim_producer *self, size_t count, bool write)
{
    bool written = true;
    for (size_t i = 0; i < count; i++) {
        waiting *first = &self->queue[i];
        if (write) {
            written = write_record(self, first->topic, &first->log.entries[0].record) && written;
        }
        sim_partition_cut(&first->log, INT64_MAX);
        free(first->log.entries);
    }
    if (count > 0) {
        memmove(self->queue, self->queue + count,
                (self->queue_count - count) * sizeof(*self->queue));
        self->queue_count -= count;
    }
    if (self->queue_count == 0) {
        self->queue_bytes = 0;
    }
    return written;
}

static size_t some_of_queue(sim_producer *self)
{
    return (size_t)weir_random_below(&self->process->cluster->random, self->queue_count + 1);
}

static void enqueue(sim_producer *self, int32_t topic, const weir_record *record)
{
    self->queue =
        weir_grow(self->queue, self->queue_count, &self->queue_capacity, sizeof(*self->queue));
    waiting *added = &self->queue[self->queue_count++];
    *added = (waiting){.topic = topic};
    (void)sim_partition_append(&added->log, record, NULL);
    self->queue_bytes += record->key.size + record->value.size + RECORD_OVERHEAD_BYTES;
}

static weir_status producer_send(weir_producer *producer, int32_t topic, const weir_record *record,
                                 weir_error *err)
{
    sim_producer *self = self_of(producer);
    WEIR_TRY(enter(self, NULL, err));
    WEIR_ASSERT(topic >= 0 && (size_t)topic < self->topic_count);
    if (record->partition < 0 || record->partition >= self->topics[topic].partition_count) {
        return weir_error_set(err, WEIR_INVALID, "%s has no partition %" PRId32,
                              self->topics[topic].topic, record->partition);
    }
    if (self->txn != NULL) {
        if (!write_record(self, topic, record)) {
            self->txn->poisoned = true;
        }
        sim_cluster *cluster = self->process->cluster;
        producer->wants_commit =
            producer->wants_commit || sim_happens(cluster, cluster->faults.full_transaction);
        return WEIR_OK;
    }
    size_t bytes = record->key.size + record->value.size + RECORD_OVERHEAD_BYTES;
    if (self->queue_count > 0 && self->queue_bytes + bytes > self->buffer_bytes_max) {
        return WEIR_AGAIN;
    }
    enqueue(self, topic, record);
    if (self->process->cluster->faults.late_ack > 0 &&
        sim_happens(self->process->cluster, DRAIN_AT_SEND_PER_MILLION)) {
        (void)take_from_queue(self, some_of_queue(self), true);
    }
    return WEIR_OK;
}

static weir_status lose_some(sim_producer *self, weir_error *err)
{
    (void)take_from_queue(self, some_of_queue(self), true);
    (void)take_from_queue(self, self->queue_count, false);
    forget_written(self);
    if (self->txn != NULL) {
        self->txn->poisoned = true;
    }
    return weir_error_set(err, WEIR_IO, "simulated: records were not acknowledged");
}

static weir_status producer_flush(weir_producer *producer, int32_t timeout_ms, weir_error *err)
{
    (void)timeout_ms;
    sim_producer *self = self_of(producer);
    sim_cluster *cluster = self->process->cluster;
    bool die = false;
    WEIR_TRY(enter(self, &die, err));
    if (sim_happens(cluster, cluster->faults.late_ack)) {
        (void)take_from_queue(self, some_of_queue(self), true);
        return WEIR_AGAIN;
    }
    bool anything = self->queue_count > 0 || self->txn != NULL;
    if (anything && sim_happens(cluster, cluster->faults.lost_ack)) {
        return lose_some(self, err);
    }
    if (!take_from_queue(self, self->queue_count, true)) {
        return weir_error_set(err, WEIR_IO, "simulated: a topic is gone");
    }
    if (self->txn == NULL) {
        acknowledge_written(self);
    } else if (self->txn->poisoned) {
        return weir_error_set(err, WEIR_IO, "simulated: a record was refused");
    }
    return die ? sim_die(self->process, err) : WEIR_OK;
}

static weir_status producer_acked_offset(weir_producer *producer, int32_t topic, int32_t partition,
                                         int64_t *out_offset)
{
    const sim_producer *self = self_of(producer);
    WEIR_ASSERT((size_t)topic < self->topic_count);
    WEIR_ASSERT(partition < self->topics[topic].partition_count);
    if (self->topics[topic].offsets[partition] < 0) {
        return WEIR_NOT_FOUND;
    }
    *out_offset = self->topics[topic].offsets[partition];
    return WEIR_OK;
}

/* Transactions. */

/* What the id's last transaction left is decided before the next one begins. */
static void settle(sim_identity *identity)
{
    sim_txn *txn = identity->txn;
    identity->txn = NULL;
    if (txn == NULL) {
        return;
    }
    if (txn->state == SIM_TXN_OPEN) {
        sim_txn_abort(txn);
    } else if (txn->state == SIM_TXN_PREPARED) {
        sim_txn_write_markers(txn);
    }
}

static weir_status producer_begin(weir_producer *producer, weir_error *err)
{
    sim_producer *self = self_of(producer);
    WEIR_TRY(enter(self, NULL, err));
    settle(self->identity);
    self->txn = sim_txn_begin(self->process->cluster);
    self->identity->txn = self->txn;
    return WEIR_OK;
}

static void add_pending(sim_txn *txn, sim_group *group, weir_member *member,
                        const weir_group_offset *offset)
{
    txn->offsets =
        weir_grow(txn->offsets, txn->offset_count, &txn->offset_capacity, sizeof(*txn->offsets));
    sim_pending_offset *added = &txn->offsets[txn->offset_count++];
    *added = (sim_pending_offset){.group = group,
                                  .member = member,
                                  .key = sim_offset_key(offset->partition),
                                  .offset = offset->offset};
    weir_buf_set(&added->metadata, offset->metadata);
}

static weir_status producer_send_offsets(weir_producer *producer, weir_member *member,
                                         int32_t generation, const weir_group_offset *offsets,
                                         size_t count, weir_error *err)
{
    sim_producer *self = self_of(producer);
    sim_cluster *cluster = self->process->cluster;
    bool die = false;
    sim_group *group = NULL;
    WEIR_TRY(enter(self, &die, err));
    weir_status status = sim_member_check(member, &group, err);
    if (status == WEIR_AGAIN) {
        return weir_error_set(err, WEIR_IO,
                              "simulated: the generation of the group is a newer one");
    }
    WEIR_TRY(status);
    if (weir_member_generation(member) != generation) {
        return WEIR_AGAIN;
    }
    if (sim_happens(cluster, cluster->faults.offsets_fail)) {
        return weir_error_set(err, WEIR_IO, "simulated: offsets were not taken");
    }
    for (size_t i = 0; i < count; i++) {
        add_pending(self->txn, group, member, &offsets[i]);
    }
    return die ? sim_die(self->process, err) : WEIR_OK;
}

static void end_committed(sim_producer *self)
{
    sim_cluster *cluster = self->process->cluster;
    sim_txn_commit(cluster, self->txn, sim_happens(cluster, cluster->faults.late_marker));
    acknowledge_written(self);
    self->txn = NULL;
}

/* In Kafka only the transaction decides; the contract of brokers asks for the members too. */
static weir_status check_members(const sim_producer *self, weir_error *err)
{
    const sim_txn *txn = self->txn;
    for (size_t i = 0; i < txn->offset_count; i++) {
        if (!self->process->cluster->faults.kafka_transactions &&
            !sim_member_is_known(txn->offsets[i].member)) {
            return weir_error_set(err, WEIR_FENCED, "the group does not know the member any more");
        }
    }
    return WEIR_OK;
}

static weir_status producer_commit(weir_producer *producer, weir_error *err)
{
    sim_producer *self = self_of(producer);
    sim_cluster *cluster = self->process->cluster;
    bool die = false;
    WEIR_TRY(enter(self, &die, err));
    if (self->txn->poisoned) {
        return weir_error_set(err, WEIR_IO, "simulated: a record of the transaction was refused");
    }
    WEIR_TRY(check_members(self, err));
    if (sim_happens(cluster, cluster->faults.commit_fails)) {
        return weir_error_set(err, WEIR_IO, "simulated: the commit was lost");
    }
    if (sim_happens(cluster, cluster->faults.commit_late)) {
        self->identity->late_epoch = self->epoch;
        self->identity->late_due_ms =
            cluster->now_ms + (int64_t)weir_random_below(&cluster->random, LATE_COMMIT_MS_MAX);
        return weir_error_set(err, WEIR_IO, "simulated: the commit is still on its way");
    }
    bool unknown = sim_happens(cluster, cluster->faults.commit_unknown);
    end_committed(self);
    if (die) {
        return sim_die(self->process, err);
    }
    return unknown ? weir_error_set(err, WEIR_IO, "simulated: the answer to the commit was lost")
                   : WEIR_OK;
}

static weir_status producer_abort(weir_producer *producer, weir_error *err)
{
    sim_producer *self = self_of(producer);
    weir_status status = enter(self, NULL, err);
    forget_written(self);
    if (status == WEIR_OK && self->txn != NULL) {
        sim_txn_abort(self->txn); /* NULL: its commit happened, though the answer was lost. */
        self->identity->txn = NULL;
    }
    self->txn = NULL;
    return status;
}

static void producer_free(weir_producer *producer)
{
    sim_producer *self = self_of(producer);
    /* In Kafka the transaction of a dead process stays open until it times out. */
    bool left_open = self->process->dead && self->process->cluster->faults.kafka_transactions;
    if (!left_open && self->identity != NULL && self->identity->epoch == self->epoch) {
        settle(self->identity);
    }
    self->txn = NULL;
    if (self->queue_count > 0 && self->process->cluster->faults.late_ack > 0) {
        (void)take_from_queue(self, some_of_queue(self), true); /* Some were on their way. */
    }
    (void)take_from_queue(self, self->queue_count, false);
    leave_torn(self);
    weir_map_free(self->removals);
    for (size_t t = 0; t < self->topic_count; t++) {
        free(self->topics[t].topic);
        free(self->topics[t].offsets);
        free(self->topics[t].written);
    }
    free(self->topics);
    free(self->queue);
    free(self);
}

static const weir_producer_ops PRODUCER_OPS = {
    .topic = producer_topic,
    .send = producer_send,
    .flush = producer_flush,
    .acked_offset = producer_acked_offset,
    .begin = producer_begin,
    .send_offsets = producer_send_offsets,
    .commit = producer_commit,
    .abort = producer_abort,
    .free = producer_free,
};

static sim_identity *identity_named(sim_cluster *cluster, const char *id)
{
    sim_identity *identity = weir_map_get(cluster->identities, weir_bytes_of_text(id));
    if (identity == NULL) {
        identity = weir_alloc(sizeof(*identity));
        (void)weir_map_put(cluster->identities, weir_bytes_of_text(id), identity);
    }
    return identity;
}

weir_status sim_producer_new(weir_broker *broker, const weir_producer_options *options,
                             weir_producer **out_producer, weir_error *err)
{
    sim_process *process = sim_process_of(broker);
    WEIR_TRY(sim_enter(process, NULL, err));
    if (sim_happens(process->cluster, process->cluster->faults.producer_refused)) {
        return weir_error_set(err, WEIR_IO, "simulated: no coordinator of transactions answers");
    }
    sim_producer *self = weir_alloc(sizeof(*self));
    self->base.ops = &PRODUCER_OPS;
    self->process = process;
    self->removals = weir_map_new();
    self->buffer_bytes_max = options->buffer_bytes_max;
    if (options->transactional_id != NULL) {
        self->identity = identity_named(process->cluster, options->transactional_id);
        settle(self->identity);
        self->epoch = ++self->identity->epoch;
    }
    *out_producer = &self->base;
    return WEIR_OK;
}
