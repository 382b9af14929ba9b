/* SPDX-License-Identifier: Apache-2.0
 *
 * membership.c - a lock around the one object that coordinator and workers share.
 */
#include "streams/membership.h"

#include <pthread.h>
#include <stdlib.h>

struct weir_membership {
    pthread_mutex_t lock;
    weir_member *member; /* NULL: not joined. */
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
    return membership;
}

void weir_membership_leave(weir_membership *membership)
{
    pthread_mutex_lock(&membership->lock);
    weir_member_free(weir_take(&membership->member));
    pthread_mutex_unlock(&membership->lock);
}

void weir_membership_free(weir_membership *membership)
{
    if (membership == NULL) {
        return;
    }
    weir_membership_leave(membership);
    pthread_mutex_destroy(&membership->lock);
    free(membership);
}

weir_status weir_membership_join(weir_membership *membership, weir_broker *broker,
                                 const weir_member_options *options, weir_error *err)
{
    pthread_mutex_lock(&membership->lock);
    weir_member_free(weir_take(&membership->member));
    weir_status status = weir_member_join(broker, options, &membership->member, err);
    pthread_mutex_unlock(&membership->lock);
    return status;
}

static weir_status not_joined(weir_error *err)
{
    return weir_error_set(err, WEIR_FENCED, "this process is not in the group now");
}

weir_status weir_membership_poll(weir_membership *membership, int64_t now_ms,
                                 weir_member_event *out_event, weir_error *err)
{
    pthread_mutex_lock(&membership->lock);
    weir_status status = membership->member == NULL
                             ? not_joined(err)
                             : weir_member_poll(membership->member, now_ms, 0, out_event, err);
    pthread_mutex_unlock(&membership->lock);
    return status;
}

weir_status weir_membership_release(weir_membership *membership, weir_error *err)
{
    pthread_mutex_lock(&membership->lock);
    weir_status status =
        membership->member == NULL ? not_joined(err) : weir_member_release(membership->member, err);
    pthread_mutex_unlock(&membership->lock);
    return status;
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

static weir_status may_commit(const weir_membership *membership, weir_error *err)
{
    if (membership->member == NULL) {
        return not_joined(err);
    }
    bool waits = membership->must_acknowledge &&
                 weir_member_generation(membership->member) != membership->acknowledged;
    return waits ? WEIR_AGAIN : WEIR_OK;
}

weir_status weir_membership_settled(weir_membership *membership, int32_t *out_generation)
{
    pthread_mutex_lock(&membership->lock);
    weir_status status = may_commit(membership, NULL) == WEIR_OK ? WEIR_OK : WEIR_AGAIN;
    if (status == WEIR_OK) {
        *out_generation = weir_member_generation(membership->member);
    }
    pthread_mutex_unlock(&membership->lock);
    return status;
}

weir_status weir_membership_commit(weir_membership *membership, const weir_offsets *offsets,
                                   weir_error *err)
{
    pthread_mutex_lock(&membership->lock);
    weir_status status = may_commit(membership, err);
    if (status == WEIR_OK) {
        status = weir_member_commit(membership->member, offsets->items, offsets->count, err);
    }
    pthread_mutex_unlock(&membership->lock);
    return status;
}

weir_status weir_membership_send_offsets(weir_membership *membership, weir_producer *producer,
                                         const weir_offsets *offsets, weir_error *err)
{
    pthread_mutex_lock(&membership->lock);
    weir_status status = may_commit(membership, err);
    if (status == WEIR_OK) {
        status = weir_producer_send_offsets(producer, membership->member, offsets->items,
                                            offsets->count, err);
    }
    pthread_mutex_unlock(&membership->lock);
    return status;
}
