/* SPDX-License-Identifier: Apache-2.0
 *
 * internal_topics.h - the topics that an application makes for itself, with Kafka Streams' names
 * and configurations, and the two by which its processes share the tasks out.
 *
 * Errors     WEIR_INVALID: a topic exists with another partition count or clean-up policy.
 * Threads    Any.
 */
#ifndef WEIR_STREAMS_INTERNAL_TOPICS_H
#define WEIR_STREAMS_INTERNAL_TOPICS_H

#include "streams/broker.h"
#include "streams/config.h"
#include "streams/topology_plan.h"

/* Makes the plan of topology on broker: what exists says how many partitions there are. */
weir_status weir_internal_topics_plan(weir_broker *broker, const weir_topology *topology,
                                      const weir_config *config, weir_plan **out_plan,
                                      weir_error *err);

/* Creates changelogs, repartition topics, the task topic and the members topic, and checks that the
 * dead letter topic is there if it is needed. */
weir_status weir_internal_topics_create(weir_broker *broker, const weir_plan *plan,
                                        const weir_config *config, weir_error *err);

/* Whether sources, internal topics and the task topic are still there, with as many partitions as
 * planned: nobody tells when one goes. WEIR_INVALID says which one, and what to do. */
weir_status weir_internal_topics_check(weir_broker *broker, const weir_plan *plan, weir_error *err);

/* Appends the names of topics that a pattern matches and that the plan does not read, with commas
 * between them: they have come after it. */
weir_status weir_internal_topics_find_new(weir_broker *broker, const weir_plan *plan,
                                          weir_buf *out_names, weir_error *err);

#endif
