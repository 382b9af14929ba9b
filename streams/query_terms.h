/* SPDX-License-Identifier: Apache-2.0
 *
 * query_terms.h - on what terms a query is to be answered, and how it was: by the task that runs or
 * by a standby, and how old the rows are.
 *
 * Threads    Any, one at a time.
 */
#ifndef WEIR_STREAMS_QUERY_TERMS_H
#define WEIR_STREAMS_QUERY_TERMS_H

#include "streams/base/status.h"

enum {
    WEIR_QUERY_LAG_NONE = -1,    /* As a bound: it has all that is known to be there. */
    WEIR_QUERY_LAG_UNKNOWN = -1, /* As an answer. */
};

/* All-zero: the task that runs answers, nobody else. */
typedef struct weir_query_terms {
    /* A standby of this process may answer, or a task that restores, if its rows are no older than
     * the bounds say (Kafka Streams' enableStaleStores). 0: any, WEIR_QUERY_LAG_NONE: none. */
    bool allows_standby;
    int64_t lag_records_max; /* Records of the changelog that the store lacks. */
    int64_t lag_ms_max;      /* It has all that was in the changelog so long ago. */
} weir_query_terms;

/* In the order of trust: of several partitions an answer names the last one. */
typedef enum weir_query_role {
    WEIR_QUERY_ACTIVE,
    WEIR_QUERY_STANDBY,
    WEIR_QUERY_RESTORING, /* It will run the task, and brings its stores up to date. */
} weir_query_role;

/* How a query was answered; all-zero to begin with. Several partitions, and several queries with
 * one answer, add up: the lags are the largest ones. */
typedef struct weir_query_answer {
    weir_query_role role;
    int64_t lag_records; /* Of who does not run the task; WEIR_QUERY_LAG_UNKNOWN. */
    int64_t lag_ms;      /* The same. */
} weir_query_answer;

/* "active", "standby", "restoring". */
const char *weir_query_role_name(weir_query_role role);

#endif
