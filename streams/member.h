/* SPDX-License-Identifier: Apache-2.0
 *
 * member.h - membership of a consumer group: which partitions of one topic are ours, and the
 * commit of offsets with the generation that proves it.
 *
 * The runtime subscribes to its task topic alone: owning partition i means running task i. Whole
 * partitions move, and only those that must.
 *
 *   ASSIGNED  they are ours now, besides those we have; none at all: the group has a new
 *             generation, and with it nothing new for us
 *   REVOKED   commit and let go of them, then weir_member_release: nobody gets them before
 *   LOST      they were somebody else's before we knew: drop them, commit nothing. The member is
 *             fenced until the next poll, which joins anew: drop them before that poll.
 *
 * So every generation that a member comes to know is told of, with REVOKED or ASSIGNED, and a
 * member for which there is no partition knows that it is in the group. A release leads to a new
 * one.
 *
 * Errors     WEIR_FENCED: the group no longer knows this member or its generation.
 * Threads    One, except that others may commit meanwhile (weir_member_commit, _generation;
 *            weir_producer_send_offsets), whatever the poll hears; it must outlive their
 *            transactions.
 */
#ifndef WEIR_STREAMS_MEMBER_H
#define WEIR_STREAMS_MEMBER_H

#include "streams/broker.h"

typedef struct weir_member weir_member;

typedef struct weir_member_options {
    const char *group_id;
    const char *instance_id;    /* Static membership; NULL: dynamic. */
    const char *client_id;      /* Other members can read it; may be NULL. */
    const char *topic;          /* The one topic that the group shares out. */
    int32_t session_timeout_ms; /* 0: 45,000. */
} weir_member_options;

typedef enum weir_member_event_kind {
    WEIR_MEMBER_ASSIGNED,
    WEIR_MEMBER_REVOKED,
    WEIR_MEMBER_LOST,
} weir_member_event_kind;

typedef struct weir_member_event {
    weir_member_event_kind kind;
    const int32_t *partitions; /* Borrowed until the next poll. */
    size_t count;
} weir_member_event;

/* Joins the group. WEIR_INVALID: it shares out another topic, or the topic does not exist. */
weir_status weir_member_join(weir_broker *broker, const weir_member_options *options,
                             weir_member **out_member, weir_error *err);

/* Leaves the group at once, without a commit; NULL is fine. */
void weir_member_free(weir_member *member);
WEIR_DEFINE_AUTO_PTR(weir_member);

/* The next event, or WEIR_AGAIN after timeout_ms. It also proves that the member is alive: now_ms
 * is compared with session_timeout_ms by brokers in this process. */
weir_status weir_member_poll(weir_member *member, int64_t now_ms, int32_t timeout_ms,
                             weir_member_event *out_event, weir_error *err);

/* The revoked partitions are let go of. Until then polls go on (they prove life) and tell nothing
 * but a loss. OK with nothing revoked, as after a loss. */
weir_status weir_member_release(weir_member *member, weir_error *err);

/* Commits offsets, of any topic, outside a transaction, in the generation in which they were
 * worked for. WEIR_AGAIN: a rebalance is under way, or the member is in another generation: call
 * again after the next poll. */
weir_status weir_member_commit(weir_member *member, int32_t generation,
                               const weir_group_offset *offsets, size_t count, weir_error *err);

/* The generation of the group that this member last joined. */
int32_t weir_member_generation(const weir_member *member);

#endif
