/* SPDX-License-Identifier: Apache-2.0
 *
 * store_index.c - the order by time of a window or session store, beside that by key: a second
 * store, of which there is no changelog.
 *
 *   row    key | start | sequence        key | end | start
 *   index  start | key                   end | start | key        value: empty
 *
 * That is the order in which Kafka Streams' time-ordered stores pass closed windows on. An entry is
 * there from the first put of its row until the row was passed on, so the index is as large as what
 * is still open; a restore writes the entries of all rows, and the next release removes those of
 * rows that were passed on before.
 *
 * An entry without a row does no harm, a row without an entry would never be passed on: a restore
 * writes entries first, and a database that has rows from a time without an index is not used.
 */
#include "streams/store_index.h"

#include "streams/base/serde.h"
#include "streams/task_internal.h"

#include <stdlib.h>

enum { TIME_BYTES = 8 };

weir_status weir_task_store_open_index(weir_task_store *store, weir_store_engine engine,
                                       weir_error *err)
{
    if (!store->spec->options.ordered_by_time) {
        return WEIR_OK;
    }
    WEIR_AUTO_FREE char *name = weir_format("%s-by-time", store->kv.name);
    WEIR_TRY(weir_task_state_add_store(store->task->state, name, engine, &store->by_time, err));
    store->index_name = weir_take(&name);
    return WEIR_OK;
}

void weir_task_store_close_index(weir_task_store *store)
{
    free(weir_take(&store->index_name));
    weir_buf_cleanup(&store->index_key);
    weir_buf_cleanup(&store->released_key);
    weir_buf_cleanup(&store->released_value);
}

/* How much of the end of a key goes before it. */
static size_t time_bytes(const weir_task_store *store)
{
    return store->spec->options.kind == WEIR_STORE_SESSION ? 2 * TIME_BYTES : TIME_BYTES;
}

static size_t suffix_bytes(const weir_task_store *store)
{
    return store->spec->options.kind == WEIR_STORE_SESSION ? 2 * TIME_BYTES
                                                           : WEIR_WINDOW_SUFFIX_BYTES;
}

/* Appends the key of the entry of a row. */
static void append_index_key(const weir_task_store *store, weir_bytes row_key, weir_buf *to)
{
    WEIR_ASSERT(row_key.size >= suffix_bytes(store));
    size_t key_bytes = row_key.size - suffix_bytes(store);
    const uint8_t *data = row_key.data;
    weir_buf_append(to, data + key_bytes, time_bytes(store));
    weir_buf_append(to, data, key_bytes);
}

/* Valid until the next one. */
static weir_bytes entry_of(weir_task_store *store, weir_bytes row_key)
{
    weir_buf_clear(&store->index_key);
    append_index_key(store, row_key, &store->index_key);
    return weir_buf_bytes(&store->index_key);
}

/* The key of the row of an entry. */
static void set_row_key(const weir_task_store *store, weir_bytes index_key, weir_buf *to)
{
    size_t front = time_bytes(store);
    const uint8_t *data = index_key.data;
    weir_buf_set(to, weir_bytes_of(data + front, index_key.size - front));
    weir_buf_append(to, data, front);
    if (suffix_bytes(store) > front) {
        weir_buf_append_i32_be(to, 0);
    }
}

weir_status weir_task_store_index(weir_task_store *store, weir_bytes key, bool is_there,
                                  weir_error *err)
{
    if (store->by_time == NULL) {
        return WEIR_OK;
    }
    weir_bytes entry = entry_of(store, key);
    return is_there ? weir_kv_put(store->by_time, entry, WEIR_BYTES(""), err)
                    : weir_kv_remove(store->by_time, entry, err);
}

bool weir_task_store_is_released(weir_task_store *store, weir_bytes key)
{
    if (store->by_time == NULL) {
        return true;
    }
    weir_bytes entry = entry_of(store, key);
    return weir_kv_get(store->by_time, entry, &store->released_value, NULL) == WEIR_NOT_FOUND;
}

int64_t weir_task_store_released_ms(const weir_task_store *store, int64_t observed_ms)
{
    if (store->by_time == NULL) {
        return observed_ms;
    }
    int64_t released_ms = -1;
    (void)weir_kept_times_get(&store->task->kept_times, store->kv.name, &released_ms);
    return released_ms < observed_ms ? released_ms : observed_ms;
}

static char *mark_of(const weir_task_store *store)
{
    return weir_format("%s#by-time", store->label);
}

void weir_task_store_mark_index(weir_task_store *store)
{
    if (store->by_time != NULL && store->label != NULL) {
        WEIR_AUTO_FREE char *mark = mark_of(store);
        weir_task_state_set_position(store->task->state, mark, 1);
    }
}

bool weir_task_store_lacks_index(const weir_task_store *store)
{
    if (store->by_time == NULL) {
        return false;
    }
    WEIR_AUTO_FREE char *mark = mark_of(store);
    int64_t unused = 0;
    return weir_task_state_position(store->task->state, mark, &unused, NULL) == WEIR_NOT_FOUND;
}

weir_status weir_task_store_restore_index(weir_task_store *store, const weir_restore_entry *rows,
                                          size_t count, bool may_wait, weir_error *err)
{
    if (store->by_time == NULL) {
        return WEIR_OK;
    }
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        bytes += rows[i].key.size;
    }
    WEIR_AUTO(weir_buf) keys = {0};
    WEIR_AUTO_FREE weir_restore_entry *entries = weir_alloc_array(count + 1, sizeof(*entries));
    weir_buf_reserve(&keys, bytes); /* Entries point into it. */
    for (size_t i = 0; i < count; i++) {
        size_t at = keys.size;
        append_index_key(store, rows[i].key, &keys);
        entries[i].key = weir_bytes_of((const uint8_t *)keys.data + at, keys.size - at);
        entries[i].value = rows[i].value.data == NULL ? WEIR_BYTES_NULL : WEIR_BYTES("");
    }
    WEIR_AUTO_FREE char *mark = mark_of(store);
    const weir_restore_batch batch = {
        .store = store->index_name,
        .entries = entries,
        .count = count,
        .label = mark,
        .offset = 1,
        .may_wait = may_wait,
    };
    return weir_task_state_restore(store->task->state, &batch, err);
}

/* Tells of the row of an entry, if it is there, and the entry goes. What is told allocates in an
 * arena of its own: there may be many. */
static weir_status release(weir_task_store *store, const weir_release *what, int64_t time_ms,
                           weir_error *err)
{
    weir_task *task = store->task;
    set_row_key(store, weir_buf_bytes(&store->index_key), &store->released_key);
    weir_bytes key = weir_buf_bytes(&store->released_key);
    weir_status status = time_ms < what->from_ms
                             ? WEIR_NOT_FOUND
                             : weir_kv_get(store->inner, key, &store->released_value, err);
    if (status == WEIR_OK) {
        weir_arena *outer = weir_task_enter_flush_arena(task);
        status = what->tell(what->processor, key, weir_buf_bytes(&store->released_value), err);
        weir_task_leave_flush_arena(task, outer);
    }
    if (status != WEIR_OK && status != WEIR_NOT_FOUND) {
        return status;
    }
    task->effects++;
    return weir_task_store_index(store, key, false, err);
}

weir_status weir_context_release_rows(weir_context *context, const char *name,
                                      const weir_release *what, weir_error *err)
{
    weir_task_store *store = weir_task_store_named(context->task, name);
    WEIR_ASSERT(store != NULL && store->by_time != NULL);
    uint8_t end[TIME_BYTES];
    weir_put_u64_be(end, (uint64_t)what->to_ms + 1);
    WEIR_AUTO_PTR(weir_kv_iterator) iterator = NULL;
    WEIR_TRY(weir_kv_range(store->by_time, WEIR_BYTES_NULL, weir_bytes_of(end, sizeof(end)), false,
                           &iterator, err));
    weir_bytes key = {0};
    weir_bytes unused = {0};
    weir_status status = WEIR_OK;
    while ((status = weir_kv_iterator_next(iterator, &key, &unused, err)) == WEIR_OK) {
        if (key.size < time_bytes(store)) {
            return weir_error_set(err, WEIR_CORRUPT, "%s: an entry of %zu bytes", store->index_name,
                                  key.size);
        }
        weir_buf_set(&store->index_key, key); /* The store is written while it is walked over. */
        WEIR_TRY(release(store, what, (int64_t)weir_get_u64_be(key.data), err));
    }
    return status == WEIR_NOT_FOUND ? WEIR_OK : status;
}

bool weir_context_kept_time(const weir_context *context, const char *name, int64_t *out_ms)
{
    return weir_kept_times_get(&context->task->kept_times, name, out_ms);
}

void weir_context_keep_time(weir_context *context, const char *name, int64_t ms)
{
    weir_kept_times_set(&context->task->kept_times, name, ms);
}
