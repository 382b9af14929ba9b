/* SPDX-License-Identifier: Apache-2.0
 *
 * membership.h - the group member of an application, shared by its coordinator, which polls it, and
 * its workers, which commit with it.
 *
 * Ownership  weir_offsets owns its metadata and borrows topic names.
 * Threads    The coordinator joins, polls, releases and leaves; commits and generations are for
 *            any thread, and wait neither for a poll nor for each other. Who leaves waits for the
 *            commits under way.
 */
#ifndef WEIR_STREAMS_MEMBERSHIP_H
#define WEIR_STREAMS_MEMBERSHIP_H

#include "streams/member.h"
#include "streams/producer.h"

/* Offsets to commit, built up task by task. All-zero is empty. */
typedef struct weir_offsets {
    weir_group_offset *items;
    size_t count;
    size_t capacity;
} weir_offsets;

/* Adds the next offset of a partition; metadata is copied. */
void weir_offsets_add(weir_offsets *offsets, weir_topic_partition partition, int64_t offset,
                      weir_bytes metadata);
void weir_offsets_clear(weir_offsets *offsets);
void weir_offsets_cleanup(weir_offsets *offsets);

typedef struct weir_membership weir_membership;

weir_membership *weir_membership_new(void);
/* Leaves the group. NULL is fine. */
void weir_membership_free(weir_membership *membership);
WEIR_DEFINE_AUTO_PTR(weir_membership);

/* Joins; what was joined before is left first. */
weir_status weir_membership_join(weir_membership *membership, weir_broker *broker,
                                 const weir_member_options *options, weir_error *err);
void weir_membership_leave(weir_membership *membership);

/* weir_member_poll without a wait. The event's partitions are the caller's until the next poll. */
weir_status weir_membership_poll(weir_membership *membership, int64_t now_ms,
                                 weir_member_event *out_event, weir_error *err);
weir_status weir_membership_release(weir_membership *membership, weir_error *err);

/* The generation that the member last joined; -1: it is not joined. */
int32_t weir_membership_generation(weir_membership *membership);

/* The generation that commits are made in; WEIR_AGAIN while there is none, or while the one that
 * the member last joined is not acknowledged. */
weir_status weir_membership_settled(weir_membership *membership, int32_t *out_generation);

/* All that is not ours in this generation has stopped: what is committed from now on is committed
 * with it. After the first such call commits of any other generation have to wait, so that nothing
 * that was allowed in one generation is committed in the next one. */
void weir_membership_acknowledge(weir_membership *membership, int32_t generation);

/* Both answer WEIR_FENCED where the group was left, and WEIR_AGAIN while the generation is not
 * acknowledged. */
weir_status weir_membership_commit(weir_membership *membership, const weir_offsets *offsets,
                                   weir_error *err);
weir_status weir_membership_send_offsets(weir_membership *membership, weir_producer *producer,
                                         const weir_offsets *offsets, weir_error *err);

#endif
