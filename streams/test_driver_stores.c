/* SPDX-License-Identifier: Apache-2.0
 *
 * test_driver_stores.c - what a test reads of stores, and what it writes to them.
 *
 * Reads see what is committed, as queries do. A write runs in the task as a processor's would, so
 * it goes through the cache, to the changelog and into the next commit, which follows at once.
 */
#include "streams/test_driver_internal.h"

#include "streams/application_internal.h"
#include "streams/base/hash.h"
#include "streams/query_windows.h"
#include "streams/task_internal.h"

#include <inttypes.h>

weir_status weir_test_driver_get(weir_test_driver *driver, const char *store, weir_bytes key,
                                 weir_buf *out_value, weir_error *err)
{
    WEIR_AUTO(weir_buf) stored = {0};
    WEIR_TRY(weir_query_get(driver->application, store, key, WEIR_BYTES_NULL, &stored, err));
    weir_timestamped row = {.value = weir_buf_bytes(&stored)};
    if (weir_topology_store_named(driver->options.topology, store)->options.timestamped) {
        WEIR_TRY(weir_timestamped_decode(weir_buf_bytes(&stored), &row, err));
    }
    weir_buf_set(out_value, row.value);
    return WEIR_OK;
}

/* The one window or session that is looked for. */
typedef struct looking {
    int64_t start_ms;
    int64_t end_ms; /* Of a session; -1: it is a window. */
    weir_buf *out_value;
    bool found;
} looking;

static weir_status look(void *user, const weir_query_window *window, weir_error *err)
{
    looking *self = user;
    (void)err;
    if (window->start_ms == self->start_ms &&
        (self->end_ms < 0 || window->end_ms == self->end_ms)) {
        weir_buf_set(self->out_value, window->value);
        self->found = true;
    }
    return WEIR_OK;
}

static weir_status check_kind(const weir_test_driver *driver, const char *store,
                              weir_store_kind kind, weir_error *err)
{
    const weir_topology_store *found = weir_topology_store_named(driver->options.topology, store);
    if (found == NULL) {
        return weir_error_set(err, WEIR_INVALID, "there is no store '%s'", store);
    }
    return found->options.kind == kind
               ? WEIR_OK
               : weir_error_set(err, WEIR_INVALID, "store '%s' is of another kind", store);
}

static weir_status find(weir_test_driver *driver, const weir_query_windows *query, looking *looks,
                        weir_error *err)
{
    bool more = false;
    WEIR_TRY(weir_query_windows_visit(driver->application, query, look, looks, &more, err));
    return looks->found ? WEIR_OK : WEIR_NOT_FOUND;
}

weir_status weir_test_driver_get_window(weir_test_driver *driver, const char *store, weir_bytes key,
                                        int64_t start_ms, weir_buf *out_value, weir_error *err)
{
    WEIR_TRY(check_kind(driver, store, WEIR_STORE_WINDOW, err));
    looking looks = {.start_ms = start_ms, .end_ms = -1, .out_value = out_value};
    const weir_query_windows query = {
        .store = store, .key = key, .from_ms = start_ms, .to_ms = start_ms, .limit = 1};
    return find(driver, &query, &looks, err);
}

weir_status weir_test_driver_get_session(weir_test_driver *driver, const char *store,
                                         const weir_session *session, weir_buf *out_value,
                                         weir_error *err)
{
    WEIR_TRY(check_kind(driver, store, WEIR_STORE_SESSION, err));
    looking looks = {session->start_ms, session->end_ms, out_value, false};
    const weir_query_windows query = {
        .store = store,
        .key = session->key,
        .from_ms = session->start_ms,
        .to_ms = session->end_ms,
        .limit = WEIR_QUERY_ROWS_MAX,
    };
    return find(driver, &query, &looks, err);
}

static weir_status copy_version(void *user, const weir_versioned_value *version, weir_error *err)
{
    looking *self = user;
    (void)err;
    weir_buf_set(self->out_value, version->value);
    self->found = true;
    return WEIR_OK;
}

weir_status weir_test_driver_get_version(weir_test_driver *driver, const char *store,
                                         weir_bytes key, int64_t as_of_ms, weir_buf *out_value,
                                         weir_error *err)
{
    looking looks = {.out_value = out_value};
    const weir_query_span span = {
        .store = store, .key = key, .from_ms = as_of_ms, .to_ms = as_of_ms};
    WEIR_TRY(weir_query_versions(driver->application, &span, copy_version, &looks, err));
    return looks.found ? WEIR_OK : WEIR_NOT_FOUND;
}

/* An edit on its way to the worker. */
typedef struct editing {
    const weir_test_store *store;
    size_t index; /* The store's, in the topology. */
    size_t task;  /* In the plan. */
    weir_test_edit edit;
    void *user;
} editing;

/* As if a record of that time were processed. */
static weir_status edit_in_task(const editing *wanted, weir_task *task, weir_error *err)
{
    const weir_topology *topology = task->environment->plan->topology;
    const weir_indices *processors = &topology->stores[wanted->index].processors;
    weir_context *context = weir_task_context(task, processors->items[0]);
    WEIR_ASSERT(context != NULL);
    task->current =
        (weir_task_current){.timestamp_ms = wanted->store->timestamp_ms, .node = context};
    weir_status status = wanted->edit(wanted->user, context, err);
    task->current = (weir_task_current){0};
    weir_arena_reset(task->arena);
    return status;
}

static weir_status edit_in_worker(void *consumer, void *question, weir_error *err)
{
    const editing *wanted = question;
    weir_task *task = weir_stream_thread_task(consumer, wanted->task);
    if (task == NULL || weir_task_phase_now(task) != WEIR_TASK_RUNNING) {
        return weir_error_set(err, WEIR_AGAIN, "store '%s': its task does not run",
                              wanted->store->name);
    }
    return edit_in_task(wanted, task, err);
}

static weir_status find_task(const weir_plan *plan, editing *wanted, weir_error *err)
{
    const weir_topology_store *store =
        weir_topology_store_named(plan->topology, wanted->store->name);
    if (store == NULL) {
        return weir_error_set(err, WEIR_INVALID, "there is no store '%s'", wanted->store->name);
    }
    wanted->index = (size_t)(store - plan->topology->stores);
    for (size_t i = 0; i < plan->task_count; i++) {
        if (plan->tasks[i].subtopology == store->subtopology &&
            plan->tasks[i].partition == wanted->store->partition) {
            wanted->task = i;
            return WEIR_OK;
        }
    }
    return weir_error_set(err, WEIR_INVALID, "store '%s' has no partition %" PRId32,
                          wanted->store->name, wanted->store->partition);
}

weir_status weir_test_driver_edit(weir_test_driver *driver, const weir_test_store *store,
                                  weir_test_edit edit, void *user, weir_error *err)
{
    WEIR_ASSERT(edit != NULL);
    editing wanted = {.store = store, .edit = edit, .user = user};
    WEIR_TRY(find_task(driver->application->plan, &wanted, err));
    const weir_slot slot = weir_application_slot(driver->application, wanted.task);
    if (slot.state != WEIR_SLOT_RUNNING) {
        return weir_error_set(err, WEIR_AGAIN, "store '%s': its task does not run", store->name);
    }
    WEIR_TRY(weir_application_ask_worker(driver->application, slot.worker, edit_in_worker, &wanted,
                                         0, err));
    return weir_test_driver_run(driver, err);
}

/* One put, of a store of any kind. */
typedef struct putting {
    const weir_topology_store *spec;
    weir_bytes key;
    weir_bytes value; /* Null: the row goes. */
    int64_t from_ms;
    int64_t to_ms;
} putting;

static weir_status put_row(const putting *put, weir_context *context, weir_error *err)
{
    weir_kv *kv = weir_context_store(context, put->spec->options.name);
    if (put->value.data == NULL) {
        return weir_kv_remove(kv, put->key, err);
    }
    if (!put->spec->options.timestamped) {
        return weir_kv_put(kv, put->key, put->value, err);
    }
    WEIR_AUTO(weir_buf) row = {0};
    weir_timestamped_encode((weir_timestamped){put->from_ms, put->value}, &row);
    return weir_kv_put(kv, put->key, weir_buf_bytes(&row), err);
}

static weir_status put_version(const putting *put, weir_context *context, weir_error *err)
{
    int64_t to_ms = 0;
    return weir_versioned_store_put(weir_context_versioned_store(context, put->spec->options.name),
                                    put->key, put->value, put->from_ms, &to_ms, err);
}

static weir_status put_window(const putting *put, weir_context *context, weir_error *err)
{
    weir_window_store *windows = weir_context_window_store(context, put->spec->options.name);
    WEIR_AUTO(weir_buf) row = {0};
    weir_bytes value = put->value;
    if (put->spec->options.timestamped && value.data != NULL) {
        weir_timestamped_encode((weir_timestamped){put->from_ms, value}, &row);
        value = weir_buf_bytes(&row);
    }
    return weir_window_store_put(windows, put->key, put->from_ms, value, err);
}

static weir_status put_session(const putting *put, weir_context *context, weir_error *err)
{
    const weir_session session = {.key = put->key, .start_ms = put->from_ms, .end_ms = put->to_ms};
    return weir_session_store_put(weir_context_session_store(context, put->spec->options.name),
                                  &session, put->value, err);
}

static weir_status put_any(void *user, weir_context *context, weir_error *err)
{
    const putting *put = user;
    switch (put->spec->options.kind) {
    case WEIR_STORE_KEY_VALUE:
        return put_row(put, context, err);
    case WEIR_STORE_VERSIONED:
        return put_version(put, context, err);
    case WEIR_STORE_WINDOW:
        return put_window(put, context, err);
    case WEIR_STORE_SESSION:
        return put_session(put, context, err);
    case WEIR_STORE_TTL:
    case WEIR_STORE_TIMERS:
    case WEIR_STORE_BITMAP:
        break;
    }
    return weir_error_set(err, WEIR_INVALID,
                          "store '%s' is of another kind: use weir_test_driver_edit",
                          put->spec->options.name);
}

/* Into a store of that kind, in the task that the key belongs to. */
static weir_status put_into(weir_test_driver *driver, const char *store, weir_store_kind kind,
                            putting *put, weir_error *err)
{
    WEIR_TRY(check_kind(driver, store, kind, err));
    put->spec = weir_topology_store_named(driver->options.topology, store);
    WEIR_ASSERT(put->spec != NULL);
    const weir_plan *plan = driver->application->plan;
    int32_t partition_count = plan->subtopology_task_counts[put->spec->subtopology];
    const weir_test_store place = {
        .name = store,
        .partition = weir_partition_of(put->key, partition_count),
        .timestamp_ms = put->to_ms,
    };
    return weir_test_driver_edit(driver, &place, put_any, put, err);
}

weir_status weir_test_driver_put(weir_test_driver *driver, const char *store, weir_bytes key,
                                 weir_bytes value, int64_t timestamp_ms, weir_error *err)
{
    const weir_topology_store *spec = weir_topology_store_named(driver->options.topology, store);
    bool is_versioned = spec != NULL && spec->options.kind == WEIR_STORE_VERSIONED;
    putting put = {.key = key, .value = value, .from_ms = timestamp_ms, .to_ms = timestamp_ms};
    return put_into(driver, store, is_versioned ? WEIR_STORE_VERSIONED : WEIR_STORE_KEY_VALUE, &put,
                    err);
}

weir_status weir_test_driver_put_window(weir_test_driver *driver, const char *store, weir_bytes key,
                                        int64_t start_ms, weir_bytes value, weir_error *err)
{
    putting put = {.key = key, .value = value, .from_ms = start_ms, .to_ms = start_ms};
    return put_into(driver, store, WEIR_STORE_WINDOW, &put, err);
}

weir_status weir_test_driver_put_session(weir_test_driver *driver, const char *store,
                                         const weir_session *session, weir_bytes value,
                                         weir_error *err)
{
    putting put = {
        .key = session->key,
        .value = value,
        .from_ms = session->start_ms,
        .to_ms = session->end_ms,
    };
    return put_into(driver, store, WEIR_STORE_SESSION, &put, err);
}
