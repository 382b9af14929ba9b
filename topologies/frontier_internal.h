/* SPDX-License-Identifier: Apache-2.0
 *
 * frontier_internal.h - the two halves of the frontier, for frontier.c and their tests.
 *
 * Threads    The worker that runs the task.
 */
#ifndef WEIR_TOPOLOGIES_FRONTIER_INTERNAL_H
#define WEIR_TOPOLOGIES_FRONTIER_INTERNAL_H

#include "avro/records_crawl.h"
#include "avro/records_messages.h"
#include "avro/records_state.h"
#include "topologies/frontier.h"

/* Names of nodes. */
#define FRONTIER_ROUTE_OUTCOMES "frontier-outcomes"
#define FRONTIER_ROUTE_LINKS "frontier-links"
#define FRONTIER_SCHEDULE "frontier-schedule"

/* Kinds of FrontierEvent. */
#define FRONTIER_SEED "seed"
#define FRONTIER_LINKS "links"
#define FRONTIER_OUTCOME "outcome"

/* Processors; user is the weir_stage_services. */
weir_processor *weir_frontier_outcomes_new(void *user); /* RawFetch -> FrontierEvent */
weir_processor *weir_frontier_links_new(void *user);    /* Page -> FrontierEvent, one a host */
weir_processor *weir_frontier_schedule_new(void *user); /* FrontierEvent -> FetchTask */

/* What an outcome asks the frontier to do. */
typedef enum weir_frontier_verdict {
    WEIR_VERDICT_DONE,
    WEIR_VERDICT_RETRY,
    WEIR_VERDICT_FAILED,
} weir_frontier_verdict;

/* Retry what may pass with time: time-outs, connections, DNS, 429 and 5xx. */
weir_frontier_verdict weir_frontier_verdict_of(weir_bytes outcome, int32_t http_status);

/* How long to wait after attempt (1 is the first): Retry-After where there is one, within a day,
 * else retry_backoff_ms doubled with each attempt. */
int64_t weir_frontier_backoff_ms(int64_t retry_backoff_ms, int32_t attempt, int64_t retry_after_ms);

/* The key of a URL in the queue: host_id, zero, due time, priority, depth, url_hash. Keys of a host
 * sort by when and how urgently they are to be visited. */
void weir_frontier_queue_key(weir_buf *out_key, weir_bytes host_id, const weir_frontier_url *url,
                             weir_bytes url_hash);

/* A key of the queue taken apart; false where it is none. */
typedef struct weir_frontier_queue_entry {
    int64_t due_at_ms;
    weir_bytes url_hash;
} weir_frontier_queue_entry;
bool weir_frontier_queue_entry_of(weir_bytes key, weir_bytes host_id,
                                  weir_frontier_queue_entry *out_entry);

#endif
