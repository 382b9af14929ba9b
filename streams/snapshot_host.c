/* SPDX-License-Identifier: Apache-2.0
 *
 * snapshot_host.c - the worker is asked once, for iterators and positions of one moment; the pages
 * are made on the thread of whoever reads, which holds the lock: they take turns, and the disk is
 * read no faster for one than for four.
 */
#include "streams/snapshot_host.h"

#include "streams/snapshot_page.h"
#include "streams/topology_internal.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

typedef struct session {
    uint64_t id; /* 0: free. */
    uint32_t number;
    int64_t used_ms;
    uint64_t rows;
    size_t store; /* Which iterator is read. */
    weir_task_snapshot snapshot;
} session;

struct weir_snapshot_host {
    weir_snapshot_host_options options;
    pthread_mutex_t lock;
    session sessions[WEIR_SNAPSHOT_SESSIONS_MAX]; /* Under lock. */
    uint64_t last_id;                             /* Under lock. */
};

weir_snapshot_host *weir_snapshot_host_new(const weir_snapshot_host_options *options)
{
    weir_snapshot_host *host = weir_alloc(sizeof(*host));
    host->options = *options;
    pthread_mutex_init(&host->lock, NULL);
    return host;
}

static void end_session(session *ended)
{
    weir_task_snapshot_cleanup(&ended->snapshot);
    *ended = (session){0};
}

void weir_snapshot_host_free(weir_snapshot_host *host)
{
    if (host == NULL) {
        return;
    }
    for (size_t i = 0; i < WEIR_SNAPSHOT_SESSIONS_MAX; i++) {
        end_session(&host->sessions[i]);
    }
    pthread_mutex_destroy(&host->lock);
    free(host);
}

static weir_status take_snapshot(weir_snapshot_host *host, const char *task_id,
                                 weir_task_snapshot *out_snapshot, weir_error *err)
{
    const weir_plan *plan = host->options.plan;
    size_t index = 0;
    while (index < plan->task_count && strcmp(plan->tasks[index].id, task_id) != 0) {
        index++;
    }
    weir_status status = index == plan->task_count
                             ? WEIR_NOT_FOUND
                             : host->options.take(host->options.user, index, out_snapshot, err);
    return status == WEIR_NOT_FOUND
               ? weir_error_set(err, WEIR_NOT_FOUND, "no stores of task %.40s are here", task_id)
               : status;
}

static session *find_session(weir_snapshot_host *host, uint64_t id)
{
    for (size_t i = 0; i < WEIR_SNAPSHOT_SESSIONS_MAX; i++) {
        if (host->sessions[i].id == id) {
            return &host->sessions[i];
        }
    }
    return NULL;
}

static void end_idle(weir_snapshot_host *host, int64_t now_ms)
{
    for (size_t i = 0; i < WEIR_SNAPSHOT_SESSIONS_MAX; i++) {
        session *at = &host->sessions[i];
        if (at->id != 0 && now_ms - at->used_ms > WEIR_SNAPSHOT_IDLE_MS) {
            end_session(at);
        }
    }
}

weir_status weir_snapshot_host_begin(weir_snapshot_host *host, const char *task_id, int64_t now_ms,
                                     weir_buf *out_page, weir_error *err)
{
    WEIR_AUTO(weir_task_snapshot) taken = {0};
    WEIR_TRY(take_snapshot(host, task_id, &taken, err));
    pthread_mutex_lock(&host->lock);
    end_idle(host, now_ms);
    session *free_one = find_session(host, 0);
    if (free_one != NULL) {
        *free_one = (session){++host->last_id, 1, now_ms, 0, 0, taken};
        weir_snapshot_page_begin(out_page, WEIR_SNAPSHOT_HEAD, free_one->id, 0);
        weir_buf_append(out_page, taken.head.data, taken.head.size);
        weir_snapshot_page_end(out_page);
        taken = (weir_task_snapshot){0};
    }
    pthread_mutex_unlock(&host->lock);
    return free_one != NULL
               ? WEIR_OK
               : weir_error_set(err, WEIR_AGAIN, "%d snapshots are being read: ask again later",
                                WEIR_SNAPSHOT_SESSIONS_MAX);
}

/* Fills a page with rows of the store that is read; *out_ended: that was its last row. */
static weir_status add_rows(session *from, weir_buf *page, bool *out_ended, weir_error *err)
{
    weir_kv_iterator *rows = from->snapshot.iterators[from->store];
    weir_status status = WEIR_OK;
    while (page->size < WEIR_SNAPSHOT_PAGE_BYTES && status == WEIR_OK) {
        weir_bytes key = {0};
        weir_bytes value = {0};
        status = weir_kv_iterator_next(rows, &key, &value, err);
        if (status == WEIR_OK) {
            weir_snapshot_page_add(page, key, value);
            from->rows++;
        }
    }
    *out_ended = status == WEIR_NOT_FOUND;
    return status == WEIR_NOT_FOUND ? WEIR_OK : status;
}

/* Makes the next page, and ends the session with the last one. */
static weir_status make_page(session *from, weir_buf *page, weir_error *err)
{
    if (from->store == from->snapshot.count) {
        weir_snapshot_page_begin(page, WEIR_SNAPSHOT_END, from->id, from->number);
        weir_buf_append_i64_be(page, (int64_t)from->rows);
        weir_snapshot_page_end(page);
        end_session(from);
        return WEIR_OK;
    }
    bool ended = false;
    weir_snapshot_page_begin(page, WEIR_SNAPSHOT_ROWS, from->id, from->number);
    weir_buf_append_i32_be(page, (int32_t)from->store);
    WEIR_TRY(add_rows(from, page, &ended, err));
    weir_snapshot_page_end(page);
    from->number++;
    from->store += ended ? 1 : 0;
    return WEIR_OK;
}

weir_status weir_snapshot_host_page(weir_snapshot_host *host, uint64_t session_id, uint32_t number,
                                    int64_t now_ms, weir_buf *out_page, weir_error *err)
{
    pthread_mutex_lock(&host->lock);
    end_idle(host, now_ms);
    session *from = session_id == 0 ? NULL : find_session(host, session_id);
    weir_status status = WEIR_OK;
    if (from == NULL || from->number != number) {
        status = weir_error_set(err, WEIR_NOT_FOUND, "no such page of a snapshot");
    } else {
        from->used_ms = now_ms;
        status = make_page(from, out_page, err);
    }
    if (status != WEIR_OK && from != NULL) {
        end_session(from);
    }
    pthread_mutex_unlock(&host->lock);
    return status;
}

size_t weir_snapshot_host_task_count(const weir_snapshot_host *host)
{
    return host->options.plan->task_count;
}

const char *weir_snapshot_host_task_id(const weir_snapshot_host *host, size_t task_index)
{
    return host->options.plan->tasks[task_index].id;
}

bool weir_snapshot_host_runs(const weir_snapshot_host *host, size_t task_index,
                             int64_t *out_position)
{
    return host->options.runs != NULL &&
           host->options.runs(host->options.user, task_index, out_position);
}

size_t weir_snapshot_host_changelogs(const weir_snapshot_host *host, size_t task_index,
                                     weir_topic_partition *out_changelogs)
{
    const weir_plan *plan = host->options.plan;
    const weir_planned_task *task = &plan->tasks[task_index];
    size_t count = 0;
    for (size_t i = 0; i < plan->topology->store_count; i++) {
        bool is_its_own = plan->changelog_topics[i] != NULL &&
                          plan->topology->stores[i].subtopology == task->subtopology;
        if (is_its_own && count < WEIR_SNAPSHOT_CHANGELOGS_MAX) {
            out_changelogs[count++] =
                (weir_topic_partition){plan->changelog_topics[i], task->partition};
        }
    }
    return count;
}
