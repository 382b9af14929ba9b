/* SPDX-License-Identifier: Apache-2.0
 *
 * query.h - reads the state of a running application from any thread: a row, a range, a
 * prefix, the versions of a key, and what stores there are.
 *
 * A question goes by mailbox to the worker that has the task and is answered between two records,
 * so rows of one partition are of one moment. Staged writes do not show unless the terms say so.
 *
 * Each kind of query has terms (NULL: the defaults) and may get an answer (NULL: of no interest).
 *
 * Ownership  An answer is the caller's to clean up.
 * Errors     WEIR_INVALID: there is no such store. WEIR_AGAIN: the task that has the answer is
 *            restoring, moving, or not in this process, or what is here of it is older than the
 *            terms allow; the message says which, and who runs the task. Also where rows do not
 *            reflect the input that the terms ask for: then it says what is missing.
 * Threads    Any but the application's own.
 */
#ifndef WEIR_STREAMS_QUERY_H
#define WEIR_STREAMS_QUERY_H

#include "statestore/versioned_store.h"
#include "streams/application.h"
#include "streams/query_terms.h"

enum {
    WEIR_QUERY_ROWS_MAX = 10000,
    WEIR_QUERY_BYTES_MAX = 16 << 20, /* Of rows that one partition answers at a time. */
};

/* The value of key, copied; WEIR_NOT_FOUND: no such row. partition_key is what the records that
 * made the row were partitioned by; null: the key itself. */
weir_status weir_query_get(weir_application *application, const char *store, weir_bytes key,
                           weir_bytes partition_key, weir_buf *out_value, weir_error *err);

/* One row. */
typedef struct weir_query_key {
    const char *store;
    weir_bytes key;
    weir_bytes partition_key; /* As of weir_query_get. */
    const weir_query_terms *terms;
    weir_query_answer *answer;
} weir_query_key;

/* weir_query_get, with terms. */
weir_status weir_query_row(weir_application *application, const weir_query_key *key,
                           weir_buf *out_value, weir_error *err);

/* Which versions of a key of a versioned store: those that were valid at some time from from_ms to
 * to_ms. Both the same: the version as of that time (Kafka Streams' VersionedKeyQuery, else its
 * MultiVersionedKeyQuery). What is older than the history does not show, but the latest does. */
typedef struct weir_query_span {
    const char *store;
    weir_bytes key;
    weir_bytes partition_key; /* As of weir_query_get. */
    int64_t from_ms;
    int64_t to_ms;
    bool ascending; /* The earliest first, else the latest. */
    const weir_query_terms *terms;
    weir_query_answer *answer;
} weir_query_span;

/* Gets a version, its value borrowed for the call. A status other than WEIR_OK ends the visit. */
typedef weir_status (*weir_query_visit_version)(void *user, const weir_versioned_value *version,
                                                weir_error *err);

/* Visits the versions of a key, removals left out. WEIR_INVALID: the store keeps no versions, or
 * they are more than WEIR_QUERY_ROWS_MAX, or than WEIR_QUERY_BYTES_MAX: ask for a shorter time. */
weir_status weir_query_versions(weir_application *application, const weir_query_span *span,
                                weir_query_visit_version visit, void *user, weir_error *err);

typedef struct weir_query_scan {
    const char *store;
    weir_bytes prefix;  /* Rows whose keys begin with it; null or empty: all. */
    weir_bytes from;    /* Null: from the first. */
    weir_bytes to;      /* Not included; null: to the last. */
    weir_bytes after;   /* The last key of the page before; null: the first page. */
    size_t limit;       /* Rows of a page, 1 to WEIR_QUERY_ROWS_MAX. */
    bool backwards;     /* From the last key to the first. */
    bool has_partition; /* Of one partition only. */
    int32_t partition;
    const weir_query_terms *terms;
    weir_query_answer *answer;
} weir_query_scan;

/* Gets a row; bytes are borrowed for the call. A status other than WEIR_OK ends the scan. */
typedef weir_status (*weir_query_visit)(void *user, weir_bytes key, weir_bytes value,
                                        weir_error *err);

/* Visits the rows of a store, of all partitions or one, in the order of keys. *out_more says that
 * another page follows the last row visited. */
weir_status weir_query_rows(weir_application *application, const weir_query_scan *scan,
                            weir_query_visit visit, void *user, bool *out_more, weir_error *err);

/* One store of the application. */
typedef struct weir_query_store {
    const char *name;
    const char *changelog; /* NULL: it has none. */
    int32_t subtopology;
    int32_t partition_count;
    int32_t partitions_here; /* Of which this process runs the tasks of so many now. */
    uint64_t row_count;      /* In those, approximately. */
} weir_query_store;

/* Calls visit for each store in the order of the topology. */
weir_status weir_query_stores(weir_application *application,
                              weir_status (*visit)(void *user, const weir_query_store *store,
                                                   weir_error *err),
                              void *user, weir_error *err);

#endif
