/* SPDX-License-Identifier: Apache-2.0
 *
 * sim_log.c - partitions of the simulated broker and the transactions that write into them.
 *
 *   offset   0   1   2   3   4   5   6
 *            a   b   x   c   x   C   y        x, y: of transactions; C: the marker of x's commit
 *                                    ▲ last stable offset: y's transaction is open
 *
 * A record keeps a pointer to its transaction, so whether it may be read is a look at a state.
 */
#include "tests/harness/sim_broker_internal.h"

#include <stdlib.h>
#include <string.h>

sim_topic *sim_topic_find(sim_cluster *cluster, const char *name)
{
    for (size_t i = 0; i < cluster->topic_count; i++) {
        if (!cluster->topics[i]->deleted && strcmp(cluster->topics[i]->config.name, name) == 0) {
            return cluster->topics[i];
        }
    }
    return NULL;
}

sim_partition *sim_partition_find(sim_cluster *cluster, weir_topic_partition partition)
{
    sim_topic *topic = sim_topic_find(cluster, partition.topic);
    if (topic == NULL || partition.partition < 0 ||
        partition.partition >= topic->config.partition_count) {
        return NULL;
    }
    return &topic->partitions[partition.partition];
}

static uint8_t *put_bytes(uint8_t *at, weir_bytes from, weir_bytes *out)
{
    *out = from.data == NULL ? WEIR_BYTES_NULL : weir_bytes_of(at, from.size);
    if (from.data != NULL && from.size > 0) {
        memcpy(at, from.data, from.size);
    }
    return at + from.size;
}

/* One block of memory with headers, key and value; at least a byte, so that empty is not null. */
static void *copy_record(const weir_record *from, weir_record *out)
{
    size_t bytes = from->header_count * sizeof(weir_header) + from->key.size + from->value.size + 1;
    for (size_t i = 0; i < from->header_count; i++) {
        bytes += from->headers[i].key.size + from->headers[i].value.size;
    }
    weir_header *headers = weir_alloc(bytes);
    uint8_t *at = (uint8_t *)(headers + from->header_count);
    *out = *from;
    out->headers = from->header_count == 0 ? NULL : headers;
    for (size_t i = 0; i < from->header_count; i++) {
        at = put_bytes(at, from->headers[i].key, &headers[i].key);
        at = put_bytes(at, from->headers[i].value, &headers[i].value);
    }
    at = put_bytes(at, from->key, &out->key);
    (void)put_bytes(at, from->value, &out->value);
    return headers;
}

static sim_entry *append_entry(sim_partition *partition, sim_txn *txn)
{
    partition->entries = weir_grow(partition->entries, partition->count, &partition->capacity,
                                   sizeof(*partition->entries));
    sim_entry *entry = &partition->entries[partition->count++];
    *entry = (sim_entry){.offset = partition->end_offset++, .txn = txn};
    return entry;
}

int64_t sim_partition_append(sim_partition *partition, const weir_record *record, sim_txn *txn)
{
    sim_entry *entry = append_entry(partition, txn);
    entry->memory = copy_record(record, &entry->record);
    if (txn != NULL) {
        sim_txn_touch(txn, partition);
    }
    return entry->offset;
}

static bool is_undecided(const sim_txn *txn)
{
    return txn != NULL && (txn->state == SIM_TXN_OPEN || txn->state == SIM_TXN_PREPARED);
}

int64_t sim_partition_stable_offset(const sim_partition *partition)
{
    for (size_t i = 0; i < partition->count; i++) {
        if (is_undecided(partition->entries[i].txn)) {
            return partition->entries[i].offset;
        }
    }
    return partition->end_offset;
}

size_t sim_partition_seek(const sim_partition *partition, int64_t offset)
{
    size_t low = 0;
    size_t high = partition->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (partition->entries[middle].offset < offset) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

void sim_partition_cut(sim_partition *partition, int64_t before_offset)
{
    size_t kept_from = sim_partition_seek(partition, before_offset);
    for (size_t i = 0; i < kept_from; i++) {
        free(partition->entries[i].memory);
    }
    if (kept_from > 0) {
        memmove(partition->entries, partition->entries + kept_from,
                (partition->count - kept_from) * sizeof(*partition->entries));
        partition->count -= kept_from;
    }
    if (partition->start_offset < before_offset) {
        partition->start_offset = before_offset;
    }
}

/* Whether a later record of the same key, that readers see, replaces this one. */
static bool is_superseded(const sim_partition *partition, size_t index, int64_t stable_offset)
{
    const sim_entry *entry = &partition->entries[index];
    for (size_t i = index + 1; i < partition->count; i++) {
        const sim_entry *later = &partition->entries[i];
        if (later->offset >= stable_offset) {
            return false;
        }
        if (later->memory != NULL &&
            (later->txn == NULL || later->txn->state == SIM_TXN_COMMITTED) &&
            weir_bytes_equal(later->record.key, entry->record.key)) {
            return true;
        }
    }
    return false;
}

static bool may_drop(const sim_topic *topic, const sim_partition *partition, size_t index,
                     int64_t now_ms)
{
    const sim_entry *entry = &partition->entries[index];
    int64_t stable_offset = sim_partition_stable_offset(partition);
    if (entry->offset >= stable_offset || entry->memory == NULL) {
        return false;
    }
    if (entry->txn != NULL && entry->txn->state == SIM_TXN_ABORTED) {
        return true;
    }
    int64_t age_ms = now_ms - entry->record.timestamp_ms;
    if (age_ms < topic->config.min_compaction_lag_ms) {
        return false;
    }
    bool old_tombstone = entry->record.value.data == NULL &&
                         age_ms > topic->config.delete_retention_ms &&
                         topic->config.delete_retention_ms > 0;
    return old_tombstone || is_superseded(partition, index, stable_offset);
}

static void compact(const sim_topic *topic, sim_partition *partition, int64_t now_ms)
{
    bool *drop = weir_alloc_array(partition->count, sizeof(*drop));
    for (size_t i = 0; i < partition->count; i++) {
        drop[i] = may_drop(topic, partition, i, now_ms);
    }
    size_t kept = 0;
    for (size_t i = 0; i < partition->count; i++) {
        if (drop[i]) {
            free(partition->entries[i].memory);
        } else {
            partition->entries[kept++] = partition->entries[i];
        }
    }
    partition->count = kept;
    free(drop);
}

static size_t entry_bytes(const sim_entry *entry)
{
    return entry->record.key.size + entry->record.value.size + 64;
}

static void retain(const sim_topic *topic, sim_partition *partition, int64_t now_ms)
{
    size_t bytes = 0;
    for (size_t i = 0; i < partition->count; i++) {
        bytes += entry_bytes(&partition->entries[i]);
    }
    int64_t cut = partition->start_offset;
    int64_t stable_offset = sim_partition_stable_offset(partition);
    for (size_t i = 0; i < partition->count && partition->entries[i].offset < stable_offset; i++) {
        const sim_entry *entry = &partition->entries[i];
        bool too_old = topic->config.retention_ms > 0 && entry->memory != NULL &&
                       entry->record.timestamp_ms < now_ms - topic->config.retention_ms;
        bool too_many =
            topic->config.retention_bytes > 0 && bytes > (size_t)topic->config.retention_bytes;
        if (!too_old && !too_many && entry->memory != NULL) {
            break;
        }
        bytes -= entry_bytes(entry);
        cut = entry->offset + 1;
    }
    sim_partition_cut(partition, cut);
}

void sim_topic_keep(sim_topic *topic, int64_t now_ms)
{
    for (int32_t p = 0; p < topic->config.partition_count; p++) {
        if ((topic->config.cleanup_policy & WEIR_CLEANUP_COMPACT) != 0) {
            compact(topic, &topic->partitions[p], now_ms);
        }
        if ((topic->config.cleanup_policy & WEIR_CLEANUP_DELETE) != 0) {
            retain(topic, &topic->partitions[p], now_ms);
        }
    }
}

void sim_topic_free(sim_topic *topic)
{
    for (int32_t p = 0; p < topic->config.partition_count; p++) {
        sim_partition_cut(&topic->partitions[p], INT64_MAX);
        free(topic->partitions[p].entries);
    }
    free(topic->partitions);
    free((char *)topic->config.name);
    free(topic);
}

/* Transactions. */

sim_txn *sim_txn_begin(sim_cluster *cluster)
{
    sim_txn *txn = weir_alloc(sizeof(*txn));
    txn->deadline_ms = cluster->now_ms + SIM_TRANSACTION_TIMEOUT_MS;
    cluster->txns =
        weir_grow(cluster->txns, cluster->txn_count, &cluster->txn_capacity, sizeof(sim_txn *));
    cluster->txns[cluster->txn_count++] = txn;
    return txn;
}

void sim_txn_touch(sim_txn *txn, sim_partition *partition)
{
    for (size_t i = 0; i < txn->partition_count; i++) {
        if (txn->partitions[i] == partition) {
            return;
        }
    }
    txn->partitions = weir_grow(txn->partitions, txn->partition_count, &txn->partition_capacity,
                                sizeof(sim_partition *));
    txn->partitions[txn->partition_count++] = partition;
}

/* A marker is an entry without record and transaction: it is never handed out, always stable. */
static void append_markers(sim_txn *txn)
{
    for (size_t i = 0; i < txn->partition_count; i++) {
        (void)append_entry(txn->partitions[i], NULL);
    }
}

void sim_txn_write_markers(sim_txn *txn)
{
    WEIR_ASSERT(txn->state == SIM_TXN_PREPARED);

    txn->state = SIM_TXN_COMMITTED;
    append_markers(txn);
}

void sim_txn_commit(sim_cluster *cluster, sim_txn *txn, bool late_markers)
{
    WEIR_ASSERT(txn->state == SIM_TXN_OPEN);
    WEIR_ASSERT(!txn->poisoned);

    for (size_t i = 0; i < txn->offset_count; i++) {
        const sim_pending_offset *pending = &txn->offsets[i];
        sim_group_set_offset(pending->group, pending->key, pending->offset,
                             weir_buf_bytes(&pending->metadata));
    }
    txn->state = SIM_TXN_PREPARED;
    txn->markers_due_ms = cluster->now_ms;
    if (late_markers) {
        txn->markers_due_ms +=
            1 + (int64_t)weir_random_below(&cluster->random, SIM_MARKER_DELAY_MS_MAX);
    } else {
        sim_txn_write_markers(txn);
    }
}

void sim_txn_abort(sim_txn *txn)
{
    WEIR_ASSERT(txn->state == SIM_TXN_OPEN);

    txn->state = SIM_TXN_ABORTED;
    append_markers(txn);
}

void sim_txn_free(sim_txn *txn)
{
    for (size_t i = 0; i < txn->offset_count; i++) {
        free(txn->offsets[i].key);
        weir_buf_cleanup(&txn->offsets[i].metadata);
    }
    free(txn->offsets);
    free(txn->partitions);
    free(txn);
}
