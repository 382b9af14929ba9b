/* SPDX-License-Identifier: Apache-2.0
 *
 * store_kinds.c - a rollback or a restore changes the entries below, so what a window store has
 * besides (where its removal stands) ends there; it begins anew with the task. Its time goes on:
 * the largest that it was given itself, as Kafka Streams' stores have it, for a store behind a
 * filter has seen less than the task (observed_time.c).
 */
#include "streams/store_kinds.h"

#include "streams/global_stores.h"
#include "streams/store_index.h"
#include "streams/task_internal.h"
#include "streams/task_offsets.h"

#include <string.h>

enum { TIMES_LOOK_MS = 60000 };

static void *open_ttl(weir_task *task, weir_task_store *rows)
{
    WEIR_AUTO_FREE char *name =
        weir_format("%s%s", rows->spec->options.name, WEIR_TTL_INDEX_SUFFIX);
    weir_task_store *index = weir_task_store_named(task, name);
    WEIR_ASSERT(index != NULL);
    return weir_ttl_store_new(&rows->kv, &index->kv);
}

static void *open_session(weir_task_store *store)
{
    weir_session_store *sessions =
        weir_session_store_new(&store->kv, store->spec->options.retention_ms, store->observed.ms);
    if (store->cached == NULL) {
        weir_session_store_hide_past_retention(sessions);
    }
    return sessions;
}

/* Where a store with duplicates goes on to count its puts: each is a record of the changelog, so no
 * number of one that is there is above the offset. (Kafka Streams counts from 0 again, and a record
 * replaces one of its key and time from before the restart.) */
static int32_t sequence_of(const weir_task_store *store)
{
    int64_t logged = store->changelog_offset < 0 ? 0 : store->changelog_offset;
    int64_t from = logged > store->sequence ? logged : store->sequence;
    return (int32_t)(from & WEIR_WINDOW_SEQUENCE_MAX);
}

static void *open_window(weir_task_store *store)
{
    const weir_window_store_options options = {
        .retention_ms = store->spec->options.retention_ms,
        .retain_duplicates = store->spec->options.retain_duplicates,
        .takes_expired = store->spec->options.takes_expired,
        .shows_expired = store->spec->options.takes_expired && store->cached != NULL,
        .sequence = sequence_of(store),
    };
    weir_window_store *window = weir_window_store_new(&store->kv, &options);
    weir_window_store_observe(window, store->observed.ms);
    return window;
}

void weir_task_open_kinds(weir_task *task)
{
    for (size_t i = 0; i < task->store_count; i++) {
        weir_task_store *store = &task->stores[i];
        WEIR_ASSERT(store->meaning == NULL);
        switch (store->spec->options.kind) {
        case WEIR_STORE_KEY_VALUE:
            break;
        case WEIR_STORE_WINDOW:
            store->meaning = open_window(store);
            break;
        case WEIR_STORE_SESSION:
            store->meaning = open_session(store);
            break;
        case WEIR_STORE_TTL:
            store->meaning = open_ttl(task, store);
            break;
        case WEIR_STORE_BITMAP:
            store->meaning = weir_bitmap_store_new(&store->kv);
            break;
        case WEIR_STORE_TIMERS:
            store->meaning = weir_timers_new(&store->kv);
            break;
        case WEIR_STORE_VERSIONED:
            store->meaning = weir_versioned_store_new(&store->kv, store->spec->options.retention_ms,
                                                      store->observed.ms);
            break;
        }
    }
}

void weir_task_close_kinds(weir_task *task)
{
    for (size_t i = 0; i < task->store_count; i++) {
        weir_task_store *store = &task->stores[i];
        store->listener = NULL;
        store->listening = NULL;
        store->is_evicting = false;
        store->keeps_places = false;
        store->observed.name[0] = '\0';
        store->alarm = (weir_task_alarm){0};
        void *meaning = weir_take(&store->meaning); /* The stores below are freed by the task. */
        switch (store->spec->options.kind) {
        case WEIR_STORE_KEY_VALUE:
            break;
        case WEIR_STORE_WINDOW:
            store->sequence = meaning == NULL ? 0 : weir_window_store_sequence(meaning);
            weir_window_store_free(meaning);
            break;
        case WEIR_STORE_SESSION:
            weir_session_store_free(meaning);
            break;
        case WEIR_STORE_TTL:
            weir_ttl_store_free(meaning);
            break;
        case WEIR_STORE_BITMAP:
            weir_bitmap_store_free(meaning);
            break;
        case WEIR_STORE_TIMERS:
            weir_timers_free(meaning);
            break;
        case WEIR_STORE_VERSIONED:
            weir_versioned_store_free(meaning);
            break;
        }
    }
}

static int64_t version_time(weir_bytes row_key)
{
    weir_bytes key = {0};
    weir_versioned_value version = {0};
    bool is_row = weir_versioned_of_row(row_key, WEIR_BYTES_NULL, &key, &version);
    return is_row ? version.from_ms : -1;
}

weir_key_time weir_store_key_time(weir_store_kind kind)
{
    switch (kind) {
    case WEIR_STORE_WINDOW:
        return weir_window_key_time;
    case WEIR_STORE_SESSION:
        return weir_session_key_time;
    case WEIR_STORE_VERSIONED:
        return version_time;
    case WEIR_STORE_KEY_VALUE:
    case WEIR_STORE_TTL:
    case WEIR_STORE_TIMERS:
    case WEIR_STORE_BITMAP:
        break;
    }
    return NULL;
}

static weir_key_time key_time_of(const weir_task_store *store)
{
    return weir_store_key_time(store->spec->options.kind);
}

bool weir_task_store_expires(const weir_task_store *store)
{
    return key_time_of(store) != NULL;
}

int64_t weir_task_store_row_time(const weir_task_store *store, weir_bytes row_key)
{
    weir_key_time time_of = key_time_of(store);
    return time_of == NULL ? -1 : time_of(row_key);
}

int64_t weir_task_store_observed_ms(const weir_task_store *store)
{
    if (store->meaning == NULL) {
        return store->observed.ms;
    }
    switch (store->spec->options.kind) {
    case WEIR_STORE_WINDOW:
        return weir_window_store_stream_time_ms(store->meaning);
    case WEIR_STORE_SESSION:
        return weir_session_store_stream_time_ms(store->meaning);
    case WEIR_STORE_VERSIONED:
        return weir_versioned_store_stream_time_ms(store->meaning);
    case WEIR_STORE_KEY_VALUE:
    case WEIR_STORE_TTL:
    case WEIR_STORE_TIMERS:
    case WEIR_STORE_BITMAP:
        break;
    }
    return -1;
}

static weir_status expire(weir_task_store *store, size_t slice_max, weir_error *err)
{
    size_t removed = 0;
    switch (store->spec->options.kind) {
    case WEIR_STORE_WINDOW:
        return weir_window_store_expire(store->meaning, slice_max, &removed, err);
    case WEIR_STORE_SESSION:
        return weir_session_store_expire(store->meaning, slice_max, &removed, err);
    case WEIR_STORE_VERSIONED:
        return weir_versioned_store_expire(store->meaning, slice_max, &removed, err);
    case WEIR_STORE_KEY_VALUE:
    case WEIR_STORE_TTL:
    case WEIR_STORE_TIMERS:
    case WEIR_STORE_BITMAP:
        break;
    }
    return WEIR_OK;
}

weir_status weir_task_expire_windows(weir_task *task, weir_error *err)
{
    size_t slice_max = (size_t)task->environment->config->expire_entries_max;
    for (size_t i = 0; i < task->store_count; i++) {
        weir_task_store *store = &task->stores[i];
        task->current = (weir_task_current){.timestamp_ms = task->stream_time_ms};
        store->is_expiring = true;
        weir_status status = expire(store, slice_max, err);
        store->is_expiring = false;
        task->current = (weir_task_current){0};
        if (status != WEIR_OK) {
            return weir_error_wrap(err, status, "task %s: store %s", task->planned->id,
                                   store->kv.name);
        }
    }
    return WEIR_OK;
}

/* A version is left out only where it was too late when it was put, as one in a source topic may
 * be: the latest of its key is shown for good. */
bool weir_task_store_sees(const weir_task_store *store, const weir_record *record,
                          int64_t *inout_observed_ms)
{
    bool is_version = store->spec->options.kind == WEIR_STORE_VERSIONED;
    int64_t time_ms =
        is_version ? record->timestamp_ms : weir_task_store_row_time(store, record->key);
    if (time_ms < 0) {
        return true;
    }
    int64_t observed_ms = *inout_observed_ms < time_ms ? time_ms : *inout_observed_ms;
    *inout_observed_ms = observed_ms;
    int64_t retention_ms = store->spec->options.retention_ms;
    return is_version ? time_ms >= observed_ms - retention_ms
                      : time_ms > weir_task_store_released_ms(store, observed_ms) - retention_ms;
}

bool weir_task_has_windows(const weir_task *task)
{
    bool has = false;
    for (size_t i = 0; i < task->store_count; i++) {
        has = has || weir_task_store_expires(&task->stores[i]);
    }
    return has;
}

/* What the group has committed of an input, as it was last asked. */
static void read_kept_times(weir_task *task, const weir_task_input *input)
{
    weir_offset_window window = {0};
    int64_t unused = 0;
    if (input->committed.status == WEIR_OK &&
        weir_offset_window_decode(&window, input->committed.offset,
                                  weir_buf_bytes(&input->committed.metadata), &unused,
                                  &task->kept_times, NULL) == WEIR_OK) {
        weir_offset_window_cleanup(&window);
    }
}

static bool must_look(const weir_task *task)
{
    return task->phase == WEIR_TASK_STANDBY &&
           task->environment->now_ms - task->times_look_ms >= TIMES_LOOK_MS;
}

void weir_tasks_look_at_kept_times(weir_task *const *tasks, size_t count)
{
    size_t first = 0;
    while (first < count && !must_look(tasks[first])) {
        first++;
    }
    if (first == count) {
        return;
    }
    WEIR_AUTO_FREE weir_task **asked = weir_alloc_array(count - first, sizeof(weir_task *));
    size_t asked_count = 0;
    for (size_t i = first; i < count; i++) {
        if (must_look(tasks[i])) {
            tasks[i]->times_look_ms = tasks[i]->environment->now_ms;
            asked[asked_count++] = tasks[i];
        }
    }
    if (weir_tasks_ask_committed(asked, asked_count, NULL) != WEIR_OK) {
        return; /* The group cannot be asked now: the times are as before. */
    }
    for (size_t i = 0; i < asked_count; i++) {
        for (size_t j = 0; j < asked[i]->input_count; j++) {
            read_kept_times(asked[i], &asked[i]->inputs[j]);
        }
        weir_task_take_store_times(asked[i]);
    }
}

static weir_status expire_slice(weir_task *task, weir_task_store *store, size_t *removed,
                                weir_error *err)
{
    size_t slice_max = (size_t)task->environment->config->expire_entries_max;
    size_t count = 0;
    if (store->expiry.retention_ms == 0) {
        store->expiry = weir_expiry_of(store->spec->options.retention_ms);
    }
    weir_expiry_observe(&store->expiry, weir_task_store_released_ms(store, store->observed.ms));
    WEIR_TRY(store->spec->options.kind == WEIR_STORE_VERSIONED
                 ? weir_versioned_rows_expire(&store->expiry, store->inner, slice_max, &count, err)
                 : weir_expiry_run(&store->expiry, store->inner, key_time_of(store), slice_max,
                                   &count, err));
    *removed += count;
    return WEIR_OK;
}

weir_status weir_task_expire_standby(weir_task *task, size_t *out_removed, weir_error *err)
{
    WEIR_ASSERT(task->phase == WEIR_TASK_STANDBY);
    *out_removed = 0;
    for (size_t i = 0; i < task->store_count; i++) {
        if (weir_task_store_expires(&task->stores[i])) {
            WEIR_TRY(expire_slice(task, &task->stores[i], out_removed, err));
        }
    }
    if (*out_removed == 0) {
        return WEIR_OK;
    }
    weir_task_state_commit(task->state); /* There is nothing else: it writes what it follows. */
    return weir_task_state_apply(task->state, err);
}

static weir_task_store *connected_store(weir_context *context, const char *name)
{
    weir_task_store *store = weir_task_store_named(context->task, name);
    WEIR_ASSERT(store != NULL);
    WEIR_ASSERT(weir_indices_has(&context->node->stores, store->index));
    return store;
}

weir_task_store *weir_context_store_of(weir_context *context, const char *name,
                                       weir_store_kind kind)
{
    weir_task_store *store = connected_store(context, name);
    WEIR_ASSERT(store->spec->options.kind == kind);
    return store;
}

bool weir_context_on_flush(weir_context *context, const char *store, weir_flush_listener listener,
                           bool send_old_values)
{
    WEIR_ASSERT(listener != NULL);

    weir_task_store *cached = connected_store(context, store);
    if (cached->cached == NULL) {
        return false;
    }
    cached->listener = listener;
    cached->listening = context->acting;
    cached->sends_old_values = send_old_values;
    return true;
}

void weir_context_keep_places(weir_context *context, const char *store)
{
    connected_store(context, store)->keeps_places = true;
}

weir_kv *weir_context_store(weir_context *context, const char *name)
{
    weir_kv *filled = context->task->filled;
    if (filled != NULL) {
        WEIR_ASSERT(strcmp(filled->name, name) == 0);
        return filled;
    }
    return &weir_context_store_of(context, name, WEIR_STORE_KEY_VALUE)->kv;
}

weir_kv *weir_context_global_store(weir_context *context, const char *name)
{
    weir_global_stores *globals = context->task->environment->globals;
    return globals == NULL ? NULL : weir_global_stores_named(globals, name);
}

weir_window_store *weir_context_window_store(weir_context *context, const char *name)
{
    return weir_context_store_of(context, name, WEIR_STORE_WINDOW)->meaning;
}

weir_session_store *weir_context_session_store(weir_context *context, const char *name)
{
    return weir_context_store_of(context, name, WEIR_STORE_SESSION)->meaning;
}

weir_ttl_store *weir_context_ttl_store(weir_context *context, const char *name)
{
    return weir_context_store_of(context, name, WEIR_STORE_TTL)->meaning;
}

weir_versioned_store *weir_context_versioned_store(weir_context *context, const char *name)
{
    return weir_context_store_of(context, name, WEIR_STORE_VERSIONED)->meaning;
}

weir_bitmap_store *weir_context_bitmap_store(weir_context *context, const char *name)
{
    return weir_context_store_of(context, name, WEIR_STORE_BITMAP)->meaning;
}
