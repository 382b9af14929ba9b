/* SPDX-License-Identifier: Apache-2.0
 *
 * membership.c - the one object that coordinator and workers share.
 *
 * The lock guards which member there is and what is acknowledged, never a call that waits for the
 * broker: a commit may take seconds, and meanwhile the coordinator has to hear of the group and the
 * other workers have to commit. So a commit says in which generation it was allowed, which the
 * member compares with its own as the commit begins, and a member is not freed while somebody uses
 * it.
 */
#include "streams/membership.h"

#include <pthread.h>
#include <stdlib.h>

struct weir_membership {
    pthread_mutex_t lock;
    pthread_cond_t unused; /* users has become 0. */
    size_t users;          /* Commits of member that are under way. */
    weir_member *member;   /* NULL: not joined. The coordinator alone replaces it. */
    bool must_acknowledge;
    int32_t acknowledged; /* The generation that commits are made in. */
};

void weir_offsets_add(weir_offsets *offsets, weir_topic_partition partition, int64_t offset,
                      weir_bytes metadata)
{
    WEIR_ASSERT(offset >= 0);
    WEIR_ASSERT(metadata.size <= WEIR_OFFSET_METADATA_BYTES_MAX);
    offsets->items =
        weir_grow(offsets->items, offsets->count, &offsets->capacity, sizeof(*offsets->items));
    offsets->items[offsets->count++] = (weir_group_offset){
        .partition = partition,
        .offset = offset,
        .metadata = weir_bytes_of(weir_bytes_to_text(metadata), metadata.size),
    };
}

void weir_offsets_clear(weir_offsets *offsets)
{
    for (size_t i = 0; i < offsets->count; i++) {
        free((void *)(uintptr_t)offsets->items[i].metadata.data);
    }
    offsets->count = 0;
}

void weir_offsets_cleanup(weir_offsets *offsets)
{
    weir_offsets_clear(offsets);
    free(offsets->items);
    *offsets = (weir_offsets){0};
}

weir_membership *weir_membership_new(void)
{
    weir_membership *membership = weir_alloc(sizeof(*membership));
    pthread_mutex_init(&membership->lock, NULL);
    pthread_cond_init(&membership->unused, NULL);
    return membership;
}

static void set_member(weir_membership *membership, weir_member *member)
{
    pthread_mutex_lock(&membership->lock);
    membership->member = member;
    pthread_mutex_unlock(&membership->lock);
}

void weir_membership_leave(weir_membership *membership)
{
    pthread_mutex_lock(&membership->lock);
    weir_member *member = weir_take(&membership->member);
    while (membership->users > 0) {
        (void)pthread_cond_wait(&membership->unused, &membership->lock);
    }
    pthread_mutex_unlock(&membership->lock);
    weir_member_free(member);
}

void weir_membership_free(weir_membership *membership)
{
    if (membership == NULL) {
        return;
    }
    weir_membership_leave(membership);
    pthread_cond_destroy(&membership->unused);
    pthread_mutex_destroy(&membership->lock);
    free(membership);
}

weir_status weir_membership_join(weir_membership *membership, weir_broker *broker,
                                 const weir_member_options *options, weir_error *err)
{
    weir_membership_leave(membership);
    weir_member *member = NULL;
    WEIR_TRY(weir_member_join(broker, options, &member, err));
    set_member(membership, member);
    return WEIR_OK;
}

static weir_status not_joined(weir_error *err)
{
    return weir_error_set(err, WEIR_FENCED, "this process is not in the group now");
}

weir_status weir_membership_poll(weir_membership *membership, int64_t now_ms,
                                 weir_member_event *out_event, weir_error *err)
{
    return membership->member == NULL
               ? not_joined(err)
               : weir_member_poll(membership->member, now_ms, 0, out_event, err);
}

weir_status weir_membership_release(weir_membership *membership, weir_error *err)
{
    return membership->member == NULL ? not_joined(err)
                                      : weir_member_release(membership->member, err);
}

int32_t weir_membership_generation(weir_membership *membership)
{
    pthread_mutex_lock(&membership->lock);
    int32_t generation =
        membership->member == NULL ? -1 : weir_member_generation(membership->member);
    pthread_mutex_unlock(&membership->lock);
    return generation;
}

void weir_membership_acknowledge(weir_membership *membership, int32_t generation)
{
    pthread_mutex_lock(&membership->lock);
    membership->must_acknowledge = true;
    membership->acknowledged = generation;
    pthread_mutex_unlock(&membership->lock);
}

/* The generation that commits are made in now. The lock is held. */
static weir_status may_commit(const weir_membership *membership, int32_t *out_generation,
                              weir_error *err)
{
    if (membership->member == NULL) {
        return not_joined(err);
    }
    *out_generation = weir_member_generation(membership->member);
    bool waits = membership->must_acknowledge && *out_generation != membership->acknowledged;
    return waits ? WEIR_AGAIN : WEIR_OK;
}

weir_status weir_membership_settled(weir_membership *membership, int32_t *out_generation)
{
    int32_t generation = -1;
    pthread_mutex_lock(&membership->lock);
    weir_status status = may_commit(membership, &generation, NULL);
    pthread_mutex_unlock(&membership->lock);
    if (status != WEIR_OK) {
        return WEIR_AGAIN;
    }
    *out_generation = generation;
    return WEIR_OK;
}

/* Who commits, and the generation that it is allowed in; until it is given back it is not freed. */
static weir_status take_member(weir_membership *membership, weir_member **out_member,
                               int32_t *out_generation, weir_error *err)
{
    pthread_mutex_lock(&membership->lock);
    weir_status status = may_commit(membership, out_generation, err);
    if (status == WEIR_OK) {
        *out_member = membership->member;
        membership->users++;
    }
    pthread_mutex_unlock(&membership->lock);
    return status;
}

static void give_back(weir_membership *membership)
{
    pthread_mutex_lock(&membership->lock);
    WEIR_ASSERT(membership->users > 0);
    membership->users--;
    if (membership->users == 0) {
        (void)pthread_cond_broadcast(&membership->unused);
    }
    pthread_mutex_unlock(&membership->lock);
}

weir_status weir_membership_commit(weir_membership *membership, const weir_offsets *offsets,
                                   weir_error *err)
{
    weir_member *member = NULL;
    int32_t generation = -1;
    WEIR_TRY(take_member(membership, &member, &generation, err));
    weir_status status =
        weir_member_commit(member, generation, offsets->items, offsets->count, err);
    give_back(membership);
    return status;
}

weir_status weir_membership_send_offsets(weir_membership *membership, weir_producer *producer,
                                         const weir_offsets *offsets, weir_error *err)
{
    weir_member *member = NULL;
    int32_t generation = -1;
    WEIR_TRY(take_member(membership, &member, &generation, err));
    weir_status status = weir_producer_send_offsets(producer, member, generation, offsets->items,
                                                    offsets->count, err);
    give_back(membership);
    return status;
}
