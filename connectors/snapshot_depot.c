/* SPDX-License-Identifier: Apache-2.0
 *
 * snapshot_depot.c - puts snapshots of the tasks that run here away, one at a time.
 *
 *   due: the interval has passed, and the changelogs have grown by weir.snapshot.lag.min
 *     │ births of the changelogs, a snapshot of the worker      (streams/snapshot_host.h)
 *     ▼
 *   a page an object, a page a step; then the head; then what is older than the kept ones goes
 *
 * Whatever fails, the pages that were put are removed, and the next interval tries again. Those of
 * a process that died have no head: nobody reads them, and they go when they are old.
 */
#include "connectors/snapshot_depot.h"
#include "connectors/snapshot_depot_internal.h"
#include "connectors/snapshot_http.h"

#include "streams/base/logging.h"
#include "streams/base/mailbox.h"
#include "streams/base/random.h"
#include "streams/snapshot_page.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { LOOK_MS = 1000 };

static const int64_t torn_ms = INT64_C(24) * 3600 * 1000; /* A put takes no longer than that. */
/* A task that stands still is put away again before what it has is too old to be read. */
static const int64_t renewal_ms = INT64_C(4) * 3600 * 1000;

/* What is counted, in the order of docs/METRICS.md. */
typedef enum put_count { PUT_DONE, PUT_GIVEN_UP, PUT_BYTES, PUT_COUNTS } put_count;

typedef struct put_task {
    int64_t tried_ms;
    int64_t put_ms;   /* 0: not yet. */
    int64_t position; /* That was put. */
} put_task;

typedef struct put_application {
    weir_snapshot_host *host;
    const weir_config *config;
    put_task *tasks;
    size_t task_count;
    size_t next; /* Whose turn it is. */
    weir_counter *counts[PUT_COUNTS];
} put_application;

/* The snapshot that is being put away. */
typedef struct put {
    put_application *of; /* NULL: none. */
    size_t task;
    int64_t position;
    char *folder;
    char *stem;
    weir_depot_head head;
    uint64_t session;
    uint32_t next; /* Page. */
    uint64_t bytes;
    weir_buf page;
} put;

struct weir_snapshot_depot {
    weir_snapshot_depot_options options;
    char *directory;
    weir_snapshot_network network;
    weir_object_store *store;
    weir_random random;
    put_application applications[WEIR_DEPOT_APPLICATIONS_MAX];
    size_t application_count;
    put now;
    weir_mailbox *mailbox; /* Ends the thread. */
    pthread_t thread;
    bool threaded;
    bool stopping; /* The thread's own: a message told it to end. */
};

const weir_snapshot_depot_options *weir_depot_options(const weir_snapshot_depot *depot)
{
    return &depot->options;
}

weir_status weir_snapshot_depot_open(const weir_snapshot_depot_options *options,
                                     weir_snapshot_depot **out_depot, weir_error *err)
{
    weir_object_store *store = NULL;
    WEIR_TRY(weir_object_store_file_open(options->directory, true, &store, err));
    weir_snapshot_depot *depot = weir_alloc(sizeof(*depot));
    depot->options = *options;
    depot->directory = weir_strdup(options->directory);
    depot->options.directory = depot->directory;
    depot->network = weir_snapshot_http; /* Which needs no user. */
    depot->network.user = depot;
    depot->network.connect_stored = weir_depot_connect;
    depot->store = store;
    depot->random = weir_random_of(weir_random_seed());
    depot->mailbox = weir_mailbox_new(1);
    *out_depot = depot;
    return WEIR_OK;
}

const weir_snapshot_network *weir_snapshot_depot_network(const weir_snapshot_depot *depot)
{
    return &depot->network;
}

static void make_counters(put_application *of, weir_metrics *metrics)
{
    static const struct {
        const char *name;
        const char *help;
    } counters[PUT_COUNTS] = {
        [PUT_DONE] = {"weir_snapshot_depot_put_total", "Snapshots put into the object store."},
        [PUT_GIVEN_UP] = {"weir_snapshot_depot_given_up_total", "Snapshots that were given up."},
        [PUT_BYTES] = {"weir_snapshot_depot_put_bytes_total", "Bytes of their pages."},
    };
    const weir_label label = {"application_id", of->config->application_id};
    for (size_t i = 0; i < PUT_COUNTS; i++) {
        of->counts[i] = weir_metrics_counter(
            metrics, (weir_metric_id){counters[i].name, counters[i].help, &label, 1});
    }
}

static void count_more(const put *now, put_count what, uint64_t more)
{
    if (now->of->counts[what] != NULL) {
        weir_counter_add(now->of->counts[what], more);
    }
}

void weir_snapshot_depot_add(weir_snapshot_depot *depot, weir_snapshot_host *owned_host,
                             const weir_config *config)
{
    WEIR_ASSERT(depot->application_count < WEIR_DEPOT_APPLICATIONS_MAX && !depot->threaded);
    put_application *added = &depot->applications[depot->application_count++];
    *added = (put_application){.host = owned_host, .config = config};
    added->task_count = weir_snapshot_host_task_count(owned_host);
    added->tasks = weir_alloc_array(added->task_count, sizeof(*added->tasks));
    for (size_t i = 0; i < added->task_count; i++) {
        added->tasks[i].tried_ms = depot->options.now_ms();
    }
    if (depot->options.metrics != NULL) {
        make_counters(added, depot->options.metrics);
    }
}

/* What is put. */

static void end_put(put *ended)
{
    weir_depot_head_cleanup(&ended->head);
    weir_buf_cleanup(&ended->page);
    free(ended->folder);
    free(ended->stem);
    *ended = (put){0};
}

static const char *application_id(const put *of)
{
    return of->of->config->application_id;
}

/* The keys of a task's folder. */
typedef struct put_keys {
    char **items;
    size_t count;
    size_t capacity;
    size_t head_count;
} put_keys;

static void put_keys_cleanup(put_keys *keys)
{
    for (size_t i = 0; i < keys->count; i++) {
        free(keys->items[i]);
    }
    free(keys->items);
}

static bool note_key(void *user, const char *key)
{
    put_keys *keys = user;
    keys->items = weir_grow(keys->items, keys->count, &keys->capacity, sizeof(*keys->items));
    keys->items[keys->count++] = weir_strdup(key);
    keys->head_count += weir_depot_is_head(key) ? 1 : 0;
    return true;
}

/* How many bytes of a key say which snapshot it belongs to. */
static size_t stem_bytes(const char *key)
{
    return (size_t)(strrchr(key, '.') - key);
}

static bool same_stem(const char *a, const char *b)
{
    size_t bytes = stem_bytes(a);
    return bytes == stem_bytes(b) && strncmp(a, b, bytes) == 0;
}

/* The head, which sorts last, goes first: nobody begins to read what is half gone. */
static weir_status remove_keys(weir_snapshot_depot *depot, const put_keys *keys, size_t first,
                               size_t end, weir_error *err)
{
    for (size_t i = end; i > first; i--) {
        WEIR_TRY(weir_object_remove(depot->store, keys->items[i - 1], err));
    }
    return WEIR_OK;
}

/* Removes the snapshots of the task that others have made needless, and those that never got a
 * head. */
static weir_status sweep(weir_snapshot_depot *depot, weir_error *err)
{
    const put *now = &depot->now;
    WEIR_AUTO(put_keys) keys = {0};
    WEIR_TRY(weir_object_list(depot->store, now->folder, note_key, &keys, err));
    size_t kept = (size_t)now->of->config->snapshot_put_kept;
    size_t heads_left = keys.head_count;
    for (size_t i = 0, end = 0; i < keys.count; i = end) {
        for (end = i + 1; end < keys.count && same_stem(keys.items[i], keys.items[end]); end++) {
        }
        bool has_head = weir_depot_is_head(keys.items[end - 1]);
        int64_t taken_ms = strtoll(keys.items[i] + strlen(now->folder), NULL, 10);
        bool is_torn = !has_head && taken_ms < depot->options.now_ms() - torn_ms;
        if (is_torn || heads_left >= kept + (has_head ? 1 : 0)) {
            WEIR_TRY(remove_keys(depot, &keys, i, end, err));
        }
        heads_left -= has_head ? 1 : 0;
    }
    return WEIR_OK;
}

static weir_status begin_put(weir_snapshot_depot *depot, weir_error *err)
{
    put *now = &depot->now;
    const char *task_id = weir_snapshot_host_task_id(now->of->host, now->task);
    now->folder = weir_depot_folder(application_id(now), task_id);
    weir_topic_partition changelogs[WEIR_DEPOT_CHANGELOGS_MAX];
    size_t count = weir_snapshot_host_changelogs(now->of->host, now->task, changelogs);
    for (size_t i = 0; i < count; i++) {
        now->head.changelogs[i] =
            (weir_depot_changelog){weir_strdup(changelogs[i].topic), changelogs[i].partition, 0};
        now->head.changelog_count = i + 1;
    }
    uint64_t random = weir_random_u64(&depot->random);
    WEIR_TRY(weir_depot_births_give(depot->options.broker, application_id(now), &now->head, random,
                                    err));
    now->head.taken_ms = depot->options.now_ms();
    WEIR_TRY(
        weir_snapshot_host_begin(now->of->host, task_id, now->head.taken_ms, &now->head.page, err));
    weir_snapshot_page page = {0};
    WEIR_TRY(weir_snapshot_page_read(weir_buf_bytes(&now->head.page), &page, err));
    now->session = page.session;
    now->next = 1;
    now->stem = weir_format("%s%013" PRId64 "-%08" PRIx32, now->folder, now->head.taken_ms,
                            (uint32_t)random);
    return WEIR_OK;
}

static weir_status put_head(weir_snapshot_depot *depot, weir_error *err)
{
    put *now = &depot->now;
    WEIR_AUTO_FREE char *key = weir_depot_head_key(now->stem);
    weir_depot_head_write(&now->head, &now->page);
    WEIR_TRY(weir_object_put(depot->store, key, weir_buf_bytes(&now->page), err));
    now->of->tasks[now->task].put_ms = now->head.taken_ms;
    now->of->tasks[now->task].position = now->position;
    count_more(now, PUT_DONE, 1);
    WEIR_LOG(WEIR_LOG_INFO, NULL, "put away %s bytes=%" PRIu64, key, now->bytes);
    free(weir_take(&now->stem)); /* It stays, whatever fails from here on. */
    return sweep(depot, err);
}

/* The next page; with the last one the head. *out_done: that was it. */
static weir_status put_page(weir_snapshot_depot *depot, bool *out_done, weir_error *err)
{
    put *now = &depot->now;
    weir_snapshot_page page = {0};
    WEIR_TRY(weir_snapshot_host_page(now->of->host, now->session, now->next,
                                     depot->options.now_ms(), &now->page, err));
    WEIR_TRY(weir_snapshot_page_read(weir_buf_bytes(&now->page), &page, err));
    uint64_t bytes_max = (uint64_t)now->of->config->snapshot_put_bytes_max;
    now->bytes += now->page.size;
    if (now->bytes > bytes_max) {
        return weir_error_set(
            err, WEIR_INVALID,
            "it has more than weir.snapshot.put.bytes.max=%" PRIu64 ": raise that", bytes_max);
    }
    WEIR_AUTO_FREE char *key = weir_depot_page_key(now->stem, now->next);
    WEIR_TRY(weir_object_put(depot->store, key, weir_buf_bytes(&now->page), err));
    count_more(now, PUT_BYTES, now->page.size);
    now->next++;
    *out_done = page.kind == WEIR_SNAPSHOT_END;
    return *out_done ? put_head(depot, err) : WEIR_OK;
}

/* Takes back what was put of a snapshot that is given up. */
static void remove_pages(weir_snapshot_depot *depot)
{
    const put *now = &depot->now;
    for (uint32_t i = now->next; now->stem != NULL && i > 0; i--) {
        WEIR_AUTO_FREE char *key = weir_depot_page_key(now->stem, i);
        (void)weir_object_remove(depot->store, key, NULL); /* Without a head nobody reads it. */
    }
}

/* What is due. */

static bool is_due(const put_application *of, size_t index, int64_t now_ms, int64_t *out_position)
{
    const put_task *task = &of->tasks[index];
    int64_t interval_ms = of->config->snapshot_put_interval_ms;
    if (interval_ms == 0 || now_ms - task->tried_ms < interval_ms ||
        !weir_snapshot_host_runs(of->host, index, out_position)) {
        return false;
    }
    bool is_old = task->put_ms != 0 && now_ms - task->put_ms >= renewal_ms;
    bool is_anew = *out_position < task->position; /* The changelog is another one. */
    int64_t grown = *out_position - (is_anew ? 0 : task->position);
    return is_old || grown >= of->config->snapshot_lag_min;
}

/* The first task that is due, behind the one that was put last. */
static bool find_due(weir_snapshot_depot *depot)
{
    int64_t now_ms = depot->options.now_ms();
    for (size_t a = 0; a < depot->application_count; a++) {
        put_application *of = &depot->applications[a];
        for (size_t n = 0; n < of->task_count; n++) {
            size_t index = (of->next + n) % of->task_count;
            int64_t position = -1;
            if (is_due(of, index, now_ms, &position)) {
                of->next = index + 1;
                of->tasks[index].tried_ms = now_ms;
                depot->now = (put){.of = of, .task = index, .position = position};
                return true;
            }
        }
    }
    return false;
}

weir_status weir_snapshot_depot_step(weir_snapshot_depot *depot, bool *out_busy, weir_error *err)
{
    put *now = &depot->now;
    bool is_new = now->of == NULL && find_due(depot);
    *out_busy = now->of != NULL;
    if (!*out_busy) {
        return WEIR_OK;
    }
    bool done = false;
    weir_status status = is_new ? begin_put(depot, err) : put_page(depot, &done, err);
    if (status == WEIR_NOT_FOUND && is_new) {
        status = WEIR_OK; /* It has no stores on disk, or has moved on. */
        done = true;
    }
    if (status != WEIR_OK) {
        (void)weir_error_wrap(err, status, "the snapshot of task %s is not put away",
                              weir_snapshot_host_task_id(now->of->host, now->task));
        count_more(now, PUT_GIVEN_UP, 1);
        remove_pages(depot);
    }
    if (status != WEIR_OK || done) {
        end_put(now);
    }
    return status;
}

/* The thread. */

static void *run_depot(void *argument)
{
    weir_snapshot_depot *depot = argument;
    while (!depot->stopping) {
        bool busy = false;
        weir_error err = {0};
        if (weir_snapshot_depot_step(depot, &busy, &err) != WEIR_OK) {
            WEIR_LOG(WEIR_LOG_WARN, NULL, "%s; again after weir.snapshot.put.interval.ms",
                     err.message);
        }
        if (!busy) {
            (void)weir_mailbox_wait(depot->mailbox, LOOK_MS);
        }
        (void)weir_mailbox_drain(depot->mailbox, depot);
    }
    return NULL;
}

weir_status weir_snapshot_depot_start(weir_snapshot_depot *depot, weir_error *err)
{
    WEIR_ASSERT(!depot->threaded);
    int code = pthread_create(&depot->thread, NULL, run_depot, depot);
    depot->threaded = code == 0;
    return code == 0
               ? WEIR_OK
               : weir_error_set(err, WEIR_FATAL, "a thread cannot be started: error %d", code);
}

static void stop_thread(void *consumer, void *argument)
{
    (void)argument;
    ((weir_snapshot_depot *)consumer)->stopping = true;
}

void weir_snapshot_depot_stop(weir_snapshot_depot *depot)
{
    if (depot->threaded) {
        const weir_message message = {.run = stop_thread};
        (void)weir_mailbox_post(depot->mailbox, message, NULL); /* It has room, and is open. */
        pthread_join(depot->thread, NULL);
        depot->threaded = false;
    }
    if (depot->now.of != NULL) {
        remove_pages(depot);
        end_put(&depot->now);
    }
    for (size_t i = 0; i < depot->application_count; i++) {
        weir_snapshot_host_free(depot->applications[i].host);
        free(depot->applications[i].tasks);
    }
    depot->application_count = 0;
}

void weir_snapshot_depot_free(weir_snapshot_depot *depot)
{
    if (depot == NULL) {
        return;
    }
    weir_snapshot_depot_stop(depot);
    weir_mailbox_free(depot->mailbox);
    weir_object_store_free(depot->store);
    free(depot->directory);
    free(depot);
}
