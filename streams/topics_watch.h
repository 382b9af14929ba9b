/* SPDX-License-Identifier: Apache-2.0
 *
 * topics_watch.h - looks now and then whether the topics of a plan are still there, for nobody
 * tells when one goes; and whether a pattern matches more of them, for which it makes a new plan.
 *
 * Ownership  The plans that it makes are the watch's, and live as long as it.
 * Errors     WEIR_INVALID: one is gone, or has other partitions; the message says what to do. A
 *            broker that does not answer is no news of a topic.
 * Threads    One, but for weir_topics_watch_look and weir_topics_watch_plan;
 *            weir_topics_watch_step never waits once questions have threads.
 */
#ifndef WEIR_STREAMS_TOPICS_WATCH_H
#define WEIR_STREAMS_TOPICS_WATCH_H

#include "streams/broker.h"
#include "streams/config.h"
#include "streams/topology_plan.h"

typedef struct weir_topics_watch weir_topics_watch;

/* All three outlive the watch. */
weir_topics_watch *weir_topics_watch_new(weir_broker *broker, const weir_config *config,
                                         const weir_plan *plan);

/* Waits for a question that is under way; NULL is fine. */
void weir_topics_watch_free(weir_topics_watch *watch);

/* Questions have a thread from now on, which ends with its answer. */
void weir_topics_watch_use_threads(weir_topics_watch *watch);

/* Looks now, and waits for the answer, which is the broker's where that fails. Any thread. */
weir_status weir_topics_watch_look(weir_topics_watch *watch, weir_error *err);

/* Asks when it is time to, an interval after the last answer; tells an answer once it is there. */
weir_status weir_topics_watch_step(weir_topics_watch *watch, int64_t now_ms, weir_error *err);

/* The plan that it looks after: the first, or the last one, which has more topics for patterns and
 * differs in nothing else (weir_plan_only_reads_more). What would need other tasks is told as a
 * WARN, and left unread. */
const weir_plan *weir_topics_watch_plan(weir_topics_watch *watch);

#endif
