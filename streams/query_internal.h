/* SPDX-License-Identifier: Apache-2.0
 *
 * query_internal.h - a question to a task, between who asks (query.c, query_ask.c) and the worker
 * that has the task (query_worker.c).
 *
 * Ownership  The question lies on the caller's stack; all that it points to outlives the call.
 * Threads    The caller's, and the worker's while it answers.
 */
#ifndef WEIR_STREAMS_QUERY_INTERNAL_H
#define WEIR_STREAMS_QUERY_INTERNAL_H

#include "statestore/kv_store.h"
#include "streams/application.h"
#include "streams/query.h"
#include "streams/query_terms.h"
#include "streams/topology_internal.h"
#include "streams/topology_plan.h"

/* What is common to all questions: the first member of each. */
typedef struct weir_question {
    size_t task_index;
    const char *store;
    const weir_query_terms *terms;
    weir_query_answer *answer; /* NULL: of no interest. */
    uint64_t until_ns;         /* Until when to wait, on the monotonic clock; 0: not at all. */
    bool lacks_input;          /* Out: it was refused for that alone, and may be asked again. */
    /* Reads the store, on the worker's thread. observed_ms is the largest time that the store has
     * seen; -1: none. */
    weir_status (*read)(struct weir_question *question, weir_kv *view, int64_t observed_ms,
                        weir_error *err);
} weir_question;

/* query_ask.c: the store of that name; WEIR_INVALID: there is none. */
weir_status weir_query_find_store(const weir_plan *plan, const char *name,
                                  const weir_topology_store **out_store, weir_error *err);

/* query_ask.c: the index of the task of a sub-topology and partition: tasks stand in that order. */
size_t weir_query_task_index(const weir_plan *plan, int32_t subtopology, int32_t partition);

/* query_ask.c: points question to the task that has key, if it can be one. partition_key is as
 * weir_query_get has it. */
weir_status weir_query_find_task(const weir_plan *plan, const weir_topology_store *store,
                                 weir_bytes key, weir_bytes partition_key, weir_question *question,
                                 weir_error *err);

/* query_ask.c: until when questions on these terms wait from now on. */
uint64_t weir_query_until_ns(weir_application *application, const weir_query_terms *terms);

/* query_ask.c: has the question answered by the worker that has the task. WEIR_AGAIN: nobody here
 * can answer it on these terms now; the message says why, and who runs the task. */
weir_status weir_query_ask(weir_application *application, weir_question *question, weir_error *err);

/* Which rows of a store are asked for. */
typedef struct weir_query_range {
    const char *store;
    weir_bytes from;
    weir_bytes to; /* Not included; empty: none. */
    size_t limit;
    bool backwards;
    bool has_partition;
    int32_t partition;
    const weir_query_terms *terms;
    weir_query_answer *answer;
    /* Picks rows on the worker's thread; NULL: all. observed_ms is as of weir_question. */
    bool (*wants)(const void *user, weir_bytes key, int64_t observed_ms);
    const void *wants_user;
} weir_query_range;

/* Who gets them. */
typedef struct weir_query_visitor {
    weir_query_visit visit;
    void *user;
} weir_query_visitor;

/* query.c: as weir_query_rows. */
weir_status weir_query_visit_range(weir_application *application, const weir_query_range *range,
                                   const weir_query_visitor *visitor, bool *out_more,
                                   weir_error *err);

/* query.c: moves the bound of a range so that it goes on behind the row of key after; null: not at
 * all. An empty end is none. */
void weir_query_go_behind(weir_bytes after, bool backwards, weir_buf *from, weir_buf *to);

/* query_worker.c: answers a weir_question; consumer is the weir_stream_thread. */
weir_status weir_query_answer_question(void *consumer, void *question, weir_error *err);

#endif
