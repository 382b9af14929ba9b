/* SPDX-License-Identifier: Apache-2.0
 *
 * restore.c - one consumer reads all changelogs that a worker's tasks need; what is read is kept
 * until a good deal has come together, and goes into its store as one atomic step with the position
 * after it: sorted, and with one write for the many of a key that is updated often.
 *
 * A changelog is done when the consumer's position reaches the end that was asked for at the start.
 * The position passes markers of transactions and compacted offsets, so the end is reached even
 * where its last offsets are no records.
 */
#include "streams/restore.h"

#include "streams/base/serde.h"
#include "streams/task_internal.h"

#include <inttypes.h>
#include <stdlib.h>

typedef struct changelog {
    weir_task_store *store;
    weir_topic_partition partition;
    int64_t position;
    int64_t end;
    int64_t limit;        /* What is read at or beyond it is not stored. */
    weir_batch **batches; /* Read and not yet stored. */
    size_t batch_count;
    size_t batch_capacity;
    size_t kept_records;
    size_t kept_bytes;
} changelog;

struct weir_restorer {
    weir_broker *broker;
    weir_consumer *consumer;
    changelog **changelogs;
    size_t count;
    size_t capacity;
    size_t kept_records;         /* Of all changelogs. */
    size_t kept_records_max;     /* Sorting many at once is what makes inserts cheap. */
    weir_restore_entry *entries; /* What is stored now. */
    size_t entry_capacity;
    weir_buf values; /* Those of them that are made here. */
};

enum {
    RESTORE_BATCH_RECORDS_MAX = 10000,
    RESTORE_FETCH_BYTES_MAX = 4 << 20,
    KEPT_BYTES_MAX = 32 << 20, /* Of one changelog. */
};

weir_status weir_restorer_new(weir_broker *broker, const char *client_id, size_t kept_records_max,
                              weir_restorer **out_restorer, weir_error *err)
{
    WEIR_AUTO_PTR(weir_restorer) restorer = weir_alloc(sizeof(*restorer));
    restorer->broker = broker;
    restorer->kept_records_max = kept_records_max;
    weir_consumer_options options = {
        .client_id = client_id,
        .isolation = WEIR_READ_COMMITTED,
        .batch_records_max = RESTORE_BATCH_RECORDS_MAX,
        .fetch_bytes_max = RESTORE_FETCH_BYTES_MAX,
    };
    WEIR_TRY(weir_consumer_new(broker, &options, &restorer->consumer, err));
    *out_restorer = weir_take(&restorer);
    return WEIR_OK;
}

void weir_restorer_free(weir_restorer *restorer)
{
    if (restorer == NULL) {
        return;
    }
    WEIR_ASSERT(restorer->count == 0);
    weir_consumer_free(restorer->consumer);
    free(restorer->changelogs);
    free(restorer->entries);
    weir_buf_cleanup(&restorer->values);
    free(restorer);
}

/* Where the restore ends: a source topic that is a changelog as well counts up to what is committed
 * of it, for the rest is still to be processed. */
static weir_status find_end(weir_restorer *restorer, changelog *log, int64_t earliest,
                            weir_error *err)
{
    log->limit = INT64_MAX;
    WEIR_TRY(weir_broker_offset(restorer->broker, log->partition, WEIR_OFFSET_LATEST, 0, &log->end,
                                err));
    if (log->store->spec->options.changelog_is_source) {
        const weir_task_input *input = weir_task_input_of(log->store->task, log->partition.topic);
        WEIR_ASSERT(input != NULL);
        int64_t committed = input->window.base < earliest ? earliest : input->window.base;
        log->end = committed < log->end ? committed : log->end;
        log->limit = log->end;
    }
    return WEIR_OK;
}

/* Where the store stands: in this process, else in the database, else at the beginning. */
static weir_status find_position(weir_restorer *restorer, changelog *log, weir_error *err)
{
    weir_task_store *store = log->store;
    int64_t earliest = 0;
    WEIR_TRY(weir_broker_offset(restorer->broker, log->partition, WEIR_OFFSET_EARLIEST, 0,
                                &earliest, err));
    WEIR_TRY(find_end(restorer, log, earliest, err));
    log->position = store->changelog_offset;
    if (log->position < 0) {
        weir_status status =
            weir_task_state_position(store->task->state, store->label, &log->position, err);
        if (status == WEIR_NOT_FOUND) {
            log->position = earliest;
        } else if (status != WEIR_OK) {
            return status;
        }
    }
    if (log->position < earliest || log->position > log->end) {
        return weir_error_set(err, WEIR_CORRUPT,
                              "store %s stands at %" PRId64 " of %s[%" PRId32
                              "], which has %" PRId64 " to %" PRId64,
                              store->kv.name, log->position, log->partition.topic,
                              log->partition.partition, earliest, log->end);
    }
    return WEIR_OK;
}

static weir_status add_changelog(weir_restorer *restorer, weir_task_store *store, weir_error *err)
{
    changelog found = {
        .store = store,
        .partition = {store->changelog, store->task->planned->partition},
    };
    WEIR_TRY(find_position(restorer, &found, err));
    if (found.position == found.end) {
        store->changelog_offset = found.end;
        return WEIR_OK;
    }
    changelog *log = weir_alloc(sizeof(*log));
    *log = found;
    restorer->changelogs = weir_grow(restorer->changelogs, restorer->count, &restorer->capacity,
                                     sizeof(*restorer->changelogs));
    restorer->changelogs[restorer->count++] = log;
    return weir_consumer_assign(restorer->consumer, log->partition, log->position, WEIR_RESET_NONE,
                                log, err);
}

weir_status weir_restorer_add(weir_restorer *restorer, weir_task *task, weir_error *err)
{
    WEIR_ASSERT(task->phase == WEIR_TASK_RESTORING);
    for (size_t i = 0; i < task->store_count; i++) {
        if (task->stores[i].changelog == NULL) {
            continue;
        }
        weir_status status = add_changelog(restorer, &task->stores[i], err);
        if (status != WEIR_OK) {
            weir_restorer_remove(restorer, task);
            return weir_error_wrap(err, status, "task %s: restore", task->planned->id);
        }
    }
    return WEIR_OK;
}

static void forget_kept(weir_restorer *restorer, changelog *log)
{
    for (size_t i = 0; i < log->batch_count; i++) {
        weir_batch_free(log->batches[i]);
    }
    restorer->kept_records -= log->kept_records;
    log->batch_count = 0;
    log->kept_records = 0;
    log->kept_bytes = 0;
}

static void remove_at(weir_restorer *restorer, size_t at)
{
    changelog *log = restorer->changelogs[at];
    forget_kept(restorer, log);
    free(log->batches);
    weir_consumer_unassign(restorer->consumer, log->partition);
    restorer->changelogs[at] = restorer->changelogs[--restorer->count];
    free(log);
}

void weir_restorer_remove(weir_restorer *restorer, const weir_task *task)
{
    for (size_t i = restorer->count; i > 0; i--) {
        if (restorer->changelogs[i - 1]->store->task == task) {
            remove_at(restorer, i - 1);
        }
    }
}

bool weir_restorer_is_done(const weir_restorer *restorer, const weir_task *task)
{
    for (size_t i = 0; i < restorer->count; i++) {
        if (restorer->changelogs[i]->store->task == task) {
            return false;
        }
    }
    return true;
}

static weir_restore_entry *entries_for(weir_restorer *restorer, size_t count)
{
    if (restorer->entry_capacity < count) {
        restorer->entries = weir_realloc(restorer->entries, count * sizeof(*restorer->entries));
        restorer->entry_capacity = count;
    }
    return restorer->entries;
}

/* The value of a record as its store keeps it; there is room for it in values. */
static weir_bytes stored_value(const weir_record *record, bool timestamped, weir_buf *values)
{
    if (!timestamped || record->value.data == NULL) {
        return record->value;
    }
    size_t at = values->size;
    weir_buf_append_i64_be(values, record->timestamp_ms);
    weir_buf_append(values, record->value.data, record->value.size);
    return weir_bytes_of((const uint8_t *)values->data + at, values->size - at);
}

static size_t collect_entries(const changelog *log, const weir_batch *batch, weir_buf *values,
                              weir_restore_entry *to)
{
    size_t count = 0;
    for (size_t i = 0; i < batch->count && batch->records[i].offset < log->limit; i++) {
        const weir_record *record = &batch->records[i];
        if (record->key.data != NULL) { /* Others' writes into a table's topic. */
            bool timestamped = log->store->spec->options.timestamped;
            weir_bytes value = stored_value(record, timestamped, values);
            to[count++] = (weir_restore_entry){record->key, value};
        }
    }
    return count;
}

/* Keeps a batch until enough has come together. */
static void keep_batch(weir_restorer *restorer, changelog *log, weir_batch *owned_batch)
{
    WEIR_ASSERT(owned_batch->count > 0);
    log->batches =
        weir_grow(log->batches, log->batch_count, &log->batch_capacity, sizeof(*log->batches));
    log->batches[log->batch_count++] = owned_batch;
    log->kept_records += owned_batch->count;
    restorer->kept_records += owned_batch->count;
    for (size_t i = 0; i < owned_batch->count; i++) {
        log->kept_bytes += owned_batch->records[i].key.size + owned_batch->records[i].value.size;
    }
}

/* Puts what is kept of a changelog into its store, in one step. */
static weir_status store_kept(weir_restorer *restorer, changelog *log, weir_error *err)
{
    if (log->batch_count == 0) {
        return WEIR_OK;
    }
    weir_task_store *store = log->store;
    if (weir_task_state_committed_bytes(store->task->state) > 0) {
        WEIR_TRY(weir_task_state_apply(store->task->state, err)); /* After a rollback. */
    }
    weir_restore_entry *entries = entries_for(restorer, log->kept_records);
    size_t count = 0;
    weir_buf_clear(&restorer->values);
    if (store->spec->options.timestamped) {
        weir_buf_reserve(&restorer->values,
                         log->kept_bytes + log->kept_records * WEIR_TIMESTAMP_BYTES);
    }
    for (size_t i = 0; i < log->batch_count; i++) {
        count += collect_entries(log, log->batches[i], &restorer->values, entries + count);
    }
    const weir_batch *last = log->batches[log->batch_count - 1];
    int64_t offset = last->records[last->count - 1].offset + 1;
    const weir_restore_batch restore = {
        .store = store->spec->options.name,
        .entries = entries,
        .count = count,
        .label = store->label,
        .offset = offset < log->limit ? offset : log->limit,
    };
    weir_status status = weir_task_state_restore(store->task->state, &restore, err);
    forget_kept(restorer, log);
    return status == WEIR_OK ? WEIR_OK
                             : weir_error_wrap(err, status, "task %s: restore of %s",
                                               store->task->planned->id, store->kv.name);
}

static weir_status finish_done(weir_restorer *restorer, weir_task **out_culprit, weir_error *err)
{
    for (size_t i = restorer->count; i > 0; i--) {
        changelog *log = restorer->changelogs[i - 1];
        log->position = weir_consumer_position(restorer->consumer, log->partition);
        if (log->position < log->end) {
            continue;
        }
        *out_culprit = log->store->task;
        WEIR_TRY(store_kept(restorer, log, err));
        log->store->changelog_offset = log->position < log->limit ? log->position : log->limit;
        remove_at(restorer, i - 1);
    }
    *out_culprit = NULL;
    return WEIR_OK;
}

weir_status weir_restorer_run(weir_restorer *restorer, size_t batches_max, uint64_t *out_count,
                              weir_task **out_culprit, weir_error *err)
{
    *out_count = 0;
    *out_culprit = NULL;
    for (size_t i = 0; i < batches_max && restorer->count > 0; i++) {
        weir_batch *batch = NULL;
        weir_status status = weir_consumer_poll(restorer->consumer, 0, &batch, err);
        if (status == WEIR_AGAIN) {
            break;
        }
        WEIR_TRY(status);
        changelog *log = batch->tag;
        *out_count += batch->count;
        keep_batch(restorer, log, batch);
        if (restorer->kept_records > restorer->kept_records_max ||
            log->kept_bytes > KEPT_BYTES_MAX) {
            *out_culprit = log->store->task;
            WEIR_TRY(store_kept(restorer, log, err));
            *out_culprit = NULL;
        }
    }
    return finish_done(restorer, out_culprit, err);
}

size_t weir_restorer_count(const weir_restorer *restorer)
{
    return restorer->count;
}

int64_t weir_restorer_remaining(const weir_restorer *restorer)
{
    int64_t remaining = 0;
    for (size_t i = 0; i < restorer->count; i++) {
        const changelog *log = restorer->changelogs[i];
        remaining += log->end > log->position ? log->end - log->position : 0;
    }
    return remaining;
}

int weir_restorer_fd(const weir_restorer *restorer)
{
    return weir_consumer_fd(restorer->consumer);
}
