/* SPDX-License-Identifier: Apache-2.0
 *
 * query_terms.h - on what terms a query is to be answered, and how it was: by the task that runs or
 * by a standby, how old the rows are, and which input they reflect.
 *
 * Threads    Any, one at a time.
 */
#ifndef WEIR_STREAMS_QUERY_TERMS_H
#define WEIR_STREAMS_QUERY_TERMS_H

#include "streams/position.h"

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
    /* What the rows are to reflect; NULL: anything. It is of source and repartition topics that the
     * store's sub-topology reads; parts of partitions that the query does not ask count as met. */
    const weir_position *at_least;
    /* How long to wait for that; 0: not at all. Until rows are committed it may take as long as the
     * commit interval. An application without threads never waits. */
    int64_t wait_ms_max;
    /* Of a task that runs what it has written and not committed shows too, and may be undone. */
    bool uncommitted;
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
    /* What the rows reflect, of each partition at least so much; of a standby as was last found. */
    weir_position position;
} weir_query_answer;

/* Frees and zeroes. */
void weir_query_answer_cleanup(weir_query_answer *answer);

/* "active", "standby", "restoring". */
const char *weir_query_role_name(weir_query_role role);

#endif
