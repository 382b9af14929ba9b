/* SPDX-License-Identifier: Apache-2.0
 *
 * restore.c - one consumer reads all changelogs that a worker's tasks need. The rows of a task that
 * is to run are committed in its stores with the position after them, batch by batch while they are
 * in the processor's cache, and wait there for an apply: one write for the many of a key that is
 * updated often, and a sorted file where they are many.
 *
 * What a standby reads is kept until a good deal has come together, and goes into its store on disk
 * as one atomic step with its position, for a standby should be there after a crash.
 *
 * A changelog is done when the consumer's position reaches the end that was asked for at the start.
 * The position passes markers of transactions and compacted offsets, so the end is reached even
 * where its last offsets are no records.
 *
 * A standby's changelog is never done. When its task is to run, the changelog gets an end and goes
 * on from where it is: what was read is not read again.
 */
#include "streams/restore_internal.h"

#include "streams/base/logging.h"
#include "streams/base/serde.h"
#include "streams/changelog_record.h"
#include "streams/store_age.h"
#include "streams/store_index.h"
#include "streams/task_internal.h"
#include "streams/task_offsets.h"

#include <inttypes.h>
#include <stdlib.h>

typedef struct weir_restoring changelog;

enum {
    RESTORE_BATCH_RECORDS_MAX = 1000, /* They stay in the processor's cache until all are stored. */
    RESTORE_FETCH_BYTES_MAX = 4 << 20,
    KEPT_BYTES_MAX = 32 << 20, /* Of one changelog. */
    FOLLOW_STORE_MS = 1000,
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

/* A source topic that is a changelog as well counts up to what is committed of it, for the rest is
 * still to be processed. A task that restores has asked the group already; for standbys that is
 * done again and again, beginning with the next slice. */
static void find_limit(changelog *log)
{
    if (!log->store->spec->options.changelog_is_source) {
        log->limit = INT64_MAX;
    } else if (!log->follows) {
        const weir_task_input *input = weir_task_input_of(log->store->task, log->partition.topic);
        WEIR_ASSERT(input != NULL);
        log->limit = input->window.base;
    }
}

/* As the cluster has told of late. */
static void find_ends(changelog *log)
{
    log->earliest = log->store->changelog_first;
    log->end = log->store->changelog_end;
}

static void end_at_limit(changelog *log)
{
    int64_t limit = log->limit < log->earliest ? log->earliest : log->limit;
    log->end = limit < log->end ? limit : log->end;
}

static weir_status check_disk(const changelog *log, weir_error *err)
{
    if (weir_task_store_lacks_index(log->store)) {
        return weir_error_set(err, WEIR_CORRUPT,
                              "store %s was written when it had no order by time",
                              log->store->kv.name);
    }
    return weir_task_store_check_age(log->store, log->end - log->position, err);
}

/* Where the store stands: in this process, else in the database, else at the beginning. */
static weir_status find_position(changelog *log, weir_error *err)
{
    weir_task_store *store = log->store;
    find_ends(log);
    find_limit(log);
    if (!log->follows) {
        end_at_limit(log);
    }
    log->position = store->changelog_offset;
    if (log->position < 0) {
        weir_status status =
            weir_task_state_position(store->task->state, store->label, &log->position, err);
        if (status == WEIR_NOT_FOUND) {
            log->position = log->earliest;
        } else {
            WEIR_TRY(status);
            WEIR_TRY(check_disk(log, err));
        }
    }
    if (log->position < log->earliest || log->position > log->end) {
        return weir_error_set(err, WEIR_CORRUPT,
                              "store %s stands at %" PRId64 " of %s[%" PRId32
                              "], which has %" PRId64 " to %" PRId64,
                              store->kv.name, log->position, log->partition.topic,
                              log->partition.partition, log->earliest, log->end);
    }
    if (log->limit < log->position) {
        log->limit = log->position;
    }
    return WEIR_OK;
}

/* Whoever restores goes first: standbys wait meanwhile. */
static void pause_followers(weir_restorer *restorer)
{
    bool waits = false;
    for (size_t i = 0; i < restorer->count && !waits; i++) {
        waits = !restorer->changelogs[i]->follows;
    }
    for (size_t i = 0; i < restorer->count; i++) {
        changelog *log = restorer->changelogs[i];
        bool pause = log->follows && (waits || log->at_limit);
        if (pause && !log->paused) {
            weir_consumer_pause(restorer->consumer, log->partition);
        } else if (!pause && log->paused) {
            weir_consumer_resume(restorer->consumer, log->partition);
        }
        log->paused = pause;
    }
}

/* A changelog that has been followed is read to its end of now. */
static void set_end(changelog *log)
{
    log->follows = false;
    log->at_limit = false;
    find_ends(log);
    find_limit(log);
    end_at_limit(log);
}

static weir_status add_changelog(weir_restorer *restorer, weir_task_store *store, bool follows,
                                 weir_error *err)
{
    changelog *known = store->restoring;
    if (known != NULL && follows) {
        known->follows = true;
        return WEIR_OK;
    }
    if (known != NULL) {
        set_end(known);
        return WEIR_OK;
    }
    changelog found = {
        .store = store,
        .partition = {store->changelog, store->task->planned->partition},
        .follows = follows,
        .level_ms = -1,
    };
    WEIR_TRY(find_position(&found, err));
    if (found.position == found.end && !follows) {
        store->changelog_offset = found.end;
        return WEIR_OK;
    }
    changelog *log = weir_alloc(sizeof(*log));
    *log = found;
    store->restoring = log;
    restorer->changelogs = weir_grow(restorer->changelogs, restorer->count, &restorer->capacity,
                                     sizeof(*restorer->changelogs));
    restorer->changelogs[restorer->count++] = log;
    return weir_consumer_assign(restorer->consumer, log->partition, log->position, WEIR_RESET_NONE,
                                log, err);
}

static weir_status add_task(weir_restorer *restorer, weir_task *task, bool follows, weir_error *err)
{
    for (size_t i = 0; i < task->store_count; i++) {
        if (task->stores[i].changelog == NULL) {
            continue;
        }
        weir_status status = add_changelog(restorer, &task->stores[i], follows, err);
        if (status != WEIR_OK) {
            weir_restorer_remove(restorer, task);
            return weir_error_wrap(err, status, "task %s: restore", task->planned->id);
        }
    }
    pause_followers(restorer);
    return WEIR_OK;
}

weir_status weir_restorer_add(weir_restorer *restorer, weir_task *task, weir_error *err)
{
    WEIR_ASSERT(task->phase == WEIR_TASK_RESTORING);
    return add_task(restorer, task, false, err);
}

weir_status weir_restorer_follow(weir_restorer *restorer, weir_task *task, weir_error *err)
{
    WEIR_ASSERT(task->phase == WEIR_TASK_STANDBY);
    return add_task(restorer, task, true, err);
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
    log->store->restoring = NULL;
    free(log);
}

void weir_restorer_remove(weir_restorer *restorer, const weir_task *task)
{
    for (size_t i = restorer->count; i > 0; i--) {
        if (restorer->changelogs[i - 1]->store->task == task) {
            remove_at(restorer, i - 1);
        }
    }
    pause_followers(restorer);
}

bool weir_restorer_is_done(const weir_task *task)
{
    for (size_t i = 0; i < task->store_count; i++) {
        if (task->stores[i].restoring != NULL) {
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

/* A record of a versioned store is the row of a version. */
static weir_restore_entry stored_version(const weir_record *record, weir_buf *rows)
{
    size_t at = rows->size;
    weir_versioned_append_row_key(record->key, record->timestamp_ms, rows);
    size_t key_bytes = rows->size - at;
    weir_versioned_append_row_value(record->value, rows);
    const uint8_t *data = rows->data;
    return (weir_restore_entry){
        weir_bytes_of(data + at, key_bytes),
        weir_bytes_of(data + at + key_bytes, rows->size - at - key_bytes),
    };
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

typedef struct kept_entries {
    weir_restore_entry *items;
    size_t count;
    int64_t term_seen;
    int64_t observed_ms;
} kept_entries;

/* What to do with a record that is not of its store's format: none of its batch has been stored. */
static weir_status refuse_record(weir_restorer *restorer, const changelog *log,
                                 const weir_record *record, const weir_error *cause,
                                 weir_error *err)
{
    const weir_task *task = log->store->task;
    if (task->environment->config->changelog_handler == WEIR_REACT_CONTINUE) {
        const weir_log_place place = {.task = task->planned->id,
                                      .topic = log->partition.topic,
                                      .partition = log->partition.partition,
                                      .offset = record->offset};
        WEIR_LOG(WEIR_LOG_WARN, &place, "left out of store %s: %s", log->store->kv.name,
                 cause->message);
        restorer->refused++;
        return WEIR_OK;
    }
    return weir_error_set(err, WEIR_INVALID,
                          "task %s: %s[%" PRId32 "]@%" PRId64 " is no record of store %s: %s. See "
                          "who wrote it; weir.changelog.exception.handler=continue leaves it out",
                          task->planned->id, log->partition.topic, log->partition.partition,
                          record->offset, log->store->kv.name, cause->message);
}

/* Adds the records of a batch that go into the store. */
static weir_status collect_entries(weir_restorer *restorer, const changelog *log,
                                   const weir_batch *batch, kept_entries *to, weir_error *err)
{
    const weir_store_options *options = &log->store->spec->options;
    for (size_t i = 0; i < batch->count && batch->records[i].offset < log->limit; i++) {
        const weir_record *record = &batch->records[i];
        if (record->key.data == NULL && options->changelog_is_source) {
            continue; /* Others' writes into a table's topic. */
        }
        weir_error cause = {0};
        if (weir_changelog_record_check(options->kind, record, &cause) != WEIR_OK) {
            WEIR_TRY(refuse_record(restorer, log, record, &cause, err));
            continue;
        }
        if (!weir_task_store_takes(log->store, record, &to->term_seen)) {
            restorer->outdated++;
            continue;
        }
        if (!weir_task_store_sees(log->store, record, &to->observed_ms)) {
            continue;
        }
        if (options->kind == WEIR_STORE_VERSIONED) {
            to->items[to->count++] = stored_version(record, &restorer->values);
            continue;
        }
        weir_bytes value = stored_value(record, options->timestamped, &restorer->values);
        to->items[to->count++] = (weir_restore_entry){record->key, value};
    }
    return WEIR_OK;
}

/* Keeps a batch until it is stored; a standby's, until enough has come together. */
static void keep_batch(weir_restorer *restorer, changelog *log, weir_batch *owned_batch,
                       int64_t now_ms)
{
    WEIR_ASSERT(owned_batch->count > 0);
    if (log->batch_count == 0) {
        log->kept_since_ms = now_ms;
    }
    log->batches =
        weir_grow(log->batches, log->batch_count, &log->batch_capacity, sizeof(*log->batches));
    log->batches[log->batch_count++] = owned_batch;
    log->kept_records += owned_batch->count;
    restorer->kept_records += owned_batch->count;
    for (size_t i = 0; i < owned_batch->count; i++) {
        log->kept_bytes += owned_batch->records[i].key.size + owned_batch->records[i].value.size;
    }
}

/* What is kept with the position. */
static void set_marks(weir_restore_batch *restore, const weir_task_store *store,
                      const kept_entries *entries, bool is_level)
{
    restore->marks[restore->mark_count++] =
        (weir_restore_mark){store->term_label, entries->term_seen};
    if (entries->observed_ms >= 0) {
        restore->marks[restore->mark_count++] =
            (weir_restore_mark){store->time_label, entries->observed_ms};
    }
    if (is_level) {
        restore->marks[restore->mark_count++] =
            (weir_restore_mark){store->level_label, store->task->environment->now_ms};
    }
}

/* Puts what is kept of a changelog into its store, in one step. */
static weir_status store_kept(weir_restorer *restorer, changelog *log, weir_error *err)
{
    if (log->batch_count == 0) {
        return WEIR_OK;
    }
    weir_task_store *store = log->store;
    bool may_wait = !log->follows;
    if (!may_wait && weir_task_state_committed_bytes(store->task->state) > 0) {
        WEIR_TRY(weir_task_state_apply(store->task->state, err)); /* It was to run before. */
    }
    kept_entries entries = {.items = entries_for(restorer, log->kept_records),
                            .term_seen = store->term_seen,
                            .observed_ms = store->observed.ms};
    weir_buf_clear(&restorer->values);
    if (store->spec->options.timestamped || store->spec->options.kind == WEIR_STORE_VERSIONED) {
        weir_buf_reserve(&restorer->values,
                         log->kept_bytes + log->kept_records * (WEIR_VERSION_OVERHEAD_BYTES + 1));
    }
    for (size_t i = 0; i < log->batch_count; i++) {
        WEIR_TRY(collect_entries(restorer, log, log->batches[i], &entries, err));
    }
    const weir_batch *last = log->batches[log->batch_count - 1];
    int64_t offset = last->records[last->count - 1].offset + 1;
    offset = offset < log->limit ? offset : log->limit;
    weir_restore_batch restore = {
        .store = store->spec->options.name,
        .entries = entries.items,
        .count = entries.count,
        .label = store->label,
        .offset = store->outdated_from >= 0 ? store->outdated_from : offset,
        .may_wait = may_wait,
    };
    log->position = weir_consumer_position(restorer->consumer, log->partition);
    set_marks(&restore, store, &entries, weir_restorer_behind(restorer, log) == 0);
    weir_status status =
        weir_task_store_restore_index(store, entries.items, entries.count, may_wait, err);
    status =
        status == WEIR_OK ? weir_task_state_restore(store->task->state, &restore, err) : status;
    forget_kept(restorer, log);
    if (status != WEIR_OK) {
        return weir_error_wrap(err, status, "task %s: restore of %s", store->task->planned->id,
                               store->kv.name);
    }
    store->changelog_offset = offset;
    store->term_seen = entries.term_seen;
    store->observed.ms = entries.observed_ms;
    return WEIR_OK;
}

weir_status weir_restorer_store(weir_restorer *restorer, const weir_task *task, weir_error *err)
{
    for (size_t i = 0; i < task->store_count; i++) {
        if (task->stores[i].restoring != NULL) {
            WEIR_TRY(store_kept(restorer, task->stores[i].restoring, err));
        }
    }
    return WEIR_OK;
}

/* A source topic is not read further than it is committed: what was read too far is read again. */
static weir_status stop_at_limit(weir_restorer *restorer, changelog *log, weir_error *err)
{
    WEIR_TRY(store_kept(restorer, log, err));
    WEIR_TRY(weir_consumer_assign(restorer->consumer, log->partition, log->limit, WEIR_RESET_NONE,
                                  log, err));
    log->paused = false;
    log->at_limit = true;
    pause_followers(restorer);
    return WEIR_OK;
}

static bool has_to_look(const changelog *log, int64_t now_ms)
{
    return log->follows && log->limit != INT64_MAX && now_ms - log->look_ms >= FOLLOW_STORE_MS;
}

static void take_limit(changelog *log, const weir_committed_query *answer, int64_t now_ms)
{
    log->look_ms = now_ms;
    if (answer->status == WEIR_OK && log->limit < answer->offset) {
        log->limit = answer->offset;
        log->at_limit = false;
    }
}

/* Looks now and then whether more of the source topics that standbys follow is committed. */
static weir_status look_for_limits(weir_restorer *restorer, int64_t now_ms, weir_error *err)
{
    size_t first = 0;
    while (first < restorer->count && !has_to_look(restorer->changelogs[first], now_ms)) {
        first++;
    }
    if (first == restorer->count) {
        return WEIR_OK;
    }
    WEIR_AUTO_FREE weir_committed_query *queries =
        weir_alloc_array(restorer->count, sizeof(*queries));
    WEIR_AUTO_FREE changelog **asked = weir_alloc_array(restorer->count, sizeof(changelog *));
    size_t count = 0;
    for (size_t i = first; i < restorer->count; i++) {
        if (has_to_look(restorer->changelogs[i], now_ms)) {
            asked[count] = restorer->changelogs[i];
            queries[count].partition = asked[count]->partition;
            count++;
        }
    }
    const weir_plan *plan = asked[0]->store->task->environment->plan;
    weir_status status =
        weir_broker_group_offsets(restorer->broker, plan->application_id, queries, count, err);
    for (size_t i = 0; i < count; i++) {
        if (status == WEIR_OK) {
            take_limit(asked[i], &queries[i], now_ms);
        }
        weir_buf_cleanup(&queries[i].metadata);
    }
    pause_followers(restorer);
    return status;
}

/* Whether it is time to store what was read of a standby's changelog: late enough that a key which
 * is written often is stored once, soon enough for those who read it. */
static bool is_stale(const changelog *log, int64_t now_ms)
{
    return log->follows && log->batch_count > 0 &&
           (!log->store->is_on_disk || now_ms - log->kept_since_ms >= FOLLOW_STORE_MS);
}

static weir_status finish_done(weir_restorer *restorer, int64_t now_ms,
                               weir_restore_progress *progress, weir_error *err)
{
    bool removed = false;
    WEIR_TRY(look_for_limits(restorer, now_ms, err));
    for (size_t i = restorer->count; i > 0; i--) {
        changelog *log = restorer->changelogs[i - 1];
        progress->culprit = log->store->task;
        if (is_stale(log, now_ms)) {
            WEIR_TRY(store_kept(restorer, log, err));
        }
        if (log->follows) {
            continue;
        }
        log->position = weir_consumer_position(restorer->consumer, log->partition);
        if (log->position >= log->end) {
            WEIR_TRY(store_kept(restorer, log, err));
            log->store->changelog_offset = log->position < log->limit ? log->position : log->limit;
            remove_at(restorer, i - 1);
            removed = true;
        }
    }
    progress->culprit = NULL;
    if (removed) {
        pause_followers(restorer);
    }
    return WEIR_OK;
}

/* The changelog of which most has been read and not yet stored. */
static changelog *fullest(const weir_restorer *restorer)
{
    changelog *most = restorer->changelogs[0];
    for (size_t i = 1; i < restorer->count; i++) {
        if (restorer->changelogs[i]->kept_records > most->kept_records) {
            most = restorer->changelogs[i];
        }
    }
    return most;
}

static weir_status take_batch(weir_restorer *restorer, weir_batch *owned_batch,
                              const weir_restore_slice *slice, weir_restore_progress *progress,
                              weir_error *err)
{
    size_t kept_max = restorer->kept_records_max;
    kept_max = slice->kept_max > 0 && slice->kept_max < kept_max ? slice->kept_max : kept_max;
    changelog *log = owned_batch->tag;
    *(log->follows ? &progress->followed : &progress->restored) += owned_batch->count;
    keep_batch(restorer, log, owned_batch, slice->now_ms);
    progress->culprit = log->store->task;
    if (log->follows && owned_batch->records[owned_batch->count - 1].offset >= log->limit) {
        WEIR_TRY(stop_at_limit(restorer, log, err));
    }
    progress->culprit = NULL;
    bool is_full = !log->follows || log->kept_bytes > KEPT_BYTES_MAX;
    if (!is_full && restorer->kept_records <= kept_max) {
        return WEIR_OK;
    }
    changelog *full = is_full ? log : fullest(restorer);
    progress->culprit = full->store->task;
    WEIR_TRY(store_kept(restorer, full, err));
    progress->culprit = NULL;
    return WEIR_OK;
}

/* A poll said that a position is not in its changelog: whose? */
static weir_status find_culprit(weir_restorer *restorer, weir_restore_progress *progress,
                                weir_error *err)
{
    size_t count = restorer->count;
    WEIR_AUTO_FREE weir_task **tasks = weir_alloc_array(count, sizeof(weir_task *));
    for (size_t i = 0; i < count; i++) {
        tasks[i] = restorer->changelogs[i]->store->task;
    }
    WEIR_TRY(weir_tasks_ask_changelogs(tasks, count, err));
    for (size_t i = 0; i < count; i++) {
        changelog now = *restorer->changelogs[i];
        find_ends(&now);
        int64_t position = weir_consumer_position(restorer->consumer, now.partition);
        if (position < now.earliest || position > now.end) {
            progress->culprit = now.store->task;
            return WEIR_CORRUPT;
        }
    }
    return weir_error_wrap(err, WEIR_IO, "restore: it was not found which changelog");
}

weir_status weir_restorer_run(weir_restorer *restorer, const weir_restore_slice *slice,
                              weir_restore_progress *out_progress, weir_error *err)
{
    *out_progress = (weir_restore_progress){0};
    restorer->now_ms = slice->now_ms;
    /* A standby that was promoted may have read all already. */
    WEIR_TRY(finish_done(restorer, slice->now_ms, out_progress, err));
    for (size_t i = 0; i < slice->batches_max && restorer->count > 0; i++) {
        weir_batch *batch = NULL;
        weir_status status = weir_consumer_poll(restorer->consumer, 0, &batch, err);
        if (status == WEIR_AGAIN) {
            break;
        }
        WEIR_TRY(status == WEIR_CORRUPT ? find_culprit(restorer, out_progress, err) : status);
        WEIR_TRY(take_batch(restorer, batch, slice, out_progress, err));
    }
    weir_status done = finish_done(restorer, slice->now_ms, out_progress, err);
    out_progress->outdated = restorer->outdated;
    out_progress->refused = restorer->refused;
    restorer->outdated = 0;
    restorer->refused = 0;
    return done;
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
        remaining += !log->follows && log->end > log->position ? log->end - log->position : 0;
    }
    return remaining;
}

int weir_restorer_fd(const weir_restorer *restorer)
{
    return weir_consumer_fd(restorer->consumer);
}
