/* SPDX-License-Identifier: Apache-2.0
 *
 * query_windows.h - reads the windows and sessions of a running application from any thread, by key
 * and by time; on terms and with errors as query.h has them.
 *
 *   const weir_query_windows query = {.store = "counts", .key = key, .from_ms = noon,
 *                                     .to_ms = noon + hour, .limit = 100};
 *   weir_query_windows_visit(application, &query, visit, user, &more, &err);
 *
 * What is past the retention of its store does not show, whether it was removed already or not.
 *
 * Ownership  What a visit is given is borrowed for the call.
 * Errors     query.h; WEIR_INVALID besides: a store of neither kind, or times that end before they
 *            begin. WEIR_BAD_RECORD: the serde refuses a value.
 * Threads    Any but the application's own.
 */
#ifndef WEIR_STREAMS_QUERY_WINDOWS_H
#define WEIR_STREAMS_QUERY_WINDOWS_H

#include "streams/query.h"

/* Which windows of a window store: those that start from from_ms to to_ms, both included. Which
 * sessions of a session store: those that had something in that time: that end at from_ms or later
 * and begin at to_ms or earlier. */
typedef struct weir_query_windows {
    const char *store;
    weir_bytes key;           /* Of this key; null: of all, or those between the next two. */
    weir_bytes partition_key; /* Of key, as of weir_query_get. */
    weir_bytes from_key;      /* Null: from the first. */
    weir_bytes to_key;        /* Not included; null: to the last. */
    int64_t from_ms;
    int64_t to_ms;      /* INT64_MAX: without end. */
    weir_bytes after;   /* The place of the last one of the page before; null: the first page. */
    size_t limit;       /* Of a page, 1 to WEIR_QUERY_ROWS_MAX. */
    bool backwards;     /* From the last to the first. */
    bool has_partition; /* Of one partition only; not with a key. */
    int32_t partition;
    const weir_serde *serde; /* Decodes the values; NULL: they have no objects. */
    const weir_query_terms *terms;
    weir_query_answer *answer;
} weir_query_windows;

/* A window or session. */
typedef struct weir_query_window {
    weir_bytes key;
    int64_t start_ms;
    int64_t end_ms;       /* Of a window start and size, -1: that is unknown; of a session the time
                           * of its last record. */
    weir_bytes value;     /* As operators see it, without a time. */
    int64_t timestamp_ms; /* Of the row; -1: the store keeps none. */
    void *object;         /* As the serde decoded the value. */
    weir_bytes place;     /* For weir_query_windows.after. */
} weir_query_window;

/* Gets one; a status other than WEIR_OK ends the query. */
typedef weir_status (*weir_query_visit_window)(void *user, const weir_query_window *window,
                                               weir_error *err);

/* Visits windows, of all partitions or one, by key and then by time: windows by their starts,
 * sessions by their ends. Keys are in the order of their bytes but where one begins with another:
 * those may take turns. *out_more says that another page follows the last one visited. A worker
 * looks at WEIR_QUERY_ROWS_MAX rows at a time, all of one moment; a narrow time over all keys looks
 * at every row. */
weir_status weir_query_windows_visit(weir_application *application, const weir_query_windows *query,
                                     weir_query_visit_window visit, void *user, bool *out_more,
                                     weir_error *err);

#endif
