/* SPDX-License-Identifier: Apache-2.0
 *
 * lost_topics.h - tells an application that starts for the first time from one whose changelogs or
 * repartition topics were deleted while it was down.
 *
 * Errors     WEIR_INVALID: a topic was deleted; the message says what to do. Else broker.h.
 * Threads    Any.
 */
#ifndef WEIR_STREAMS_LOST_TOPICS_H
#define WEIR_STREAMS_LOST_TOPICS_H

#include "statestore/task_state.h"
#include "streams/broker.h"
#include "streams/config.h"
#include "streams/topology_plan.h"

/* Whether the internal topics of a plan are there, or may be made: before they are. WEIR_INVALID
 * where one is not there and its sub-topology has run before, by what its group has committed or by
 * what the database (NULL: there is none) has of its store, unless weir.missing.topics=create. */
weir_status weir_lost_topics_check(weir_broker *broker, weir_database *database,
                                   const weir_plan *plan, const weir_config *config,
                                   weir_error *err);

#endif
