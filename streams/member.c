/* SPDX-License-Identifier: Apache-2.0
 *
 * member.c - the front door of member.h: checks the contract and fills in the defaults.
 */
#include "streams/broker_ops.h"

enum { SESSION_TIMEOUT_DEFAULT_MS = 45000 };

weir_status weir_member_join(weir_broker *broker, const weir_member_options *options,
                             weir_member **out_member, weir_error *err)
{
    WEIR_ASSERT(broker != NULL);
    WEIR_ASSERT(options != NULL);
    WEIR_ASSERT(options->group_id != NULL);
    WEIR_ASSERT(options->topic != NULL);
    WEIR_ASSERT(options->session_timeout_ms >= 0);
    WEIR_ASSERT(out_member != NULL);
    weir_member_options filled = *options;
    if (filled.session_timeout_ms == 0) {
        filled.session_timeout_ms = SESSION_TIMEOUT_DEFAULT_MS;
    }
    return broker->ops->member_join(broker, &filled, out_member, err);
}

void weir_member_free(weir_member *member)
{
    if (member != NULL) {
        member->ops->free(member);
    }
}

weir_status weir_member_poll(weir_member *member, int64_t now_ms, int32_t timeout_ms,
                             weir_member_event *out_event, weir_error *err)
{
    WEIR_ASSERT(member != NULL);
    WEIR_ASSERT(now_ms >= 0);
    WEIR_ASSERT(timeout_ms >= 0);
    WEIR_ASSERT(out_event != NULL);
    return member->ops->poll(member, now_ms, timeout_ms, out_event, err);
}

weir_status weir_member_release(weir_member *member, weir_error *err)
{
    WEIR_ASSERT(member != NULL);
    return member->ops->release(member, err);
}

weir_status weir_member_commit(weir_member *member, int32_t generation,
                               const weir_group_offset *offsets, size_t count, weir_error *err)
{
    WEIR_ASSERT(member != NULL);
    WEIR_ASSERT(count == 0 || offsets != NULL);
    WEIR_TRY(weir_group_offsets_check(offsets, count, err));
    return member->ops->commit(member, generation, offsets, count, err);
}

int32_t weir_member_generation(const weir_member *member)
{
    WEIR_ASSERT(member != NULL);
    return member->ops->generation(member);
}
