/* SPDX-License-Identifier: Apache-2.0
 *
 * snapshot_host.h - the giving side of snapshot.h: the snapshots of an application's tasks that
 * others are reading.
 *
 * Limits     WEIR_SNAPSHOT_SESSIONS_MAX at a time; one that nobody reads for a minute ends.
 * Threads    Any.
 */
#ifndef WEIR_STREAMS_SNAPSHOT_HOST_H
#define WEIR_STREAMS_SNAPSHOT_HOST_H

#include "streams/application.h"
#include "streams/task_snapshot.h"

enum {
    WEIR_SNAPSHOT_SESSIONS_MAX = 4,
    WEIR_SNAPSHOT_IDLE_MS = 60 * 1000,
    WEIR_SNAPSHOT_CHANGELOGS_MAX = 64,
};

typedef struct weir_snapshot_host weir_snapshot_host;

typedef struct weir_snapshot_host_options {
    const weir_plan *plan;
    /* Takes a snapshot of a task where it is; WEIR_NOT_FOUND: nowhere here. Any thread. */
    weir_status (*take)(void *user, size_t task_index, weir_task_snapshot *out_snapshot,
                        weir_error *err);
    /* Whether a task is run here now, and then the sum of its positions in its changelogs (-1: not
     * known). Any thread. NULL: none is. */
    bool (*runs)(void *user, size_t task_index, int64_t *out_position);
    void *user;
} weir_snapshot_host_options;

/* What the options point to outlives it, and so does the database. */
weir_snapshot_host *weir_snapshot_host_new(const weir_snapshot_host_options *options);
/* Of the tasks that an application's workers have. */
weir_snapshot_host *weir_application_snapshot_host(weir_application *application);
void weir_snapshot_host_free(weir_snapshot_host *host); /* NULL is fine. */
WEIR_DEFINE_AUTO_PTR(weir_snapshot_host);

/* Takes a snapshot; *out_page is its first page. WEIR_NOT_FOUND: this process has no stores of the
 * task. WEIR_AGAIN: it is being restored, or as many as allowed are being read. */
weir_status weir_snapshot_host_begin(weir_snapshot_host *host, const char *task_id, int64_t now_ms,
                                     weir_buf *out_page, weir_error *err);

/* The next page of a snapshot. WEIR_NOT_FOUND: it has ended, or number is not the next one. */
weir_status weir_snapshot_host_page(weir_snapshot_host *host, uint64_t session, uint32_t number,
                                    int64_t now_ms, weir_buf *out_page, weir_error *err);

/* The tasks of the plan, for who looks after all of them. */
size_t weir_snapshot_host_task_count(const weir_snapshot_host *host);
const char *weir_snapshot_host_task_id(const weir_snapshot_host *host, size_t task_index);
/* As the option has it. */
bool weir_snapshot_host_runs(const weir_snapshot_host *host, size_t task_index,
                             int64_t *out_position);
/* The changelogs of a task's stores, WEIR_SNAPSHOT_CHANGELOGS_MAX at most, and how many. */
size_t weir_snapshot_host_changelogs(const weir_snapshot_host *host, size_t task_index,
                                     weir_topic_partition *out_changelogs);

#endif
