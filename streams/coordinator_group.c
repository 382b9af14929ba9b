/* SPDX-License-Identifier: Apache-2.0
 *
 * coordinator_group.c - what the group says, and what it is answered.
 *
 *   new generation  what is active and not ours goes back to its last commit; then the generation
 *                   is acknowledged, and workers commit again
 *   REVOKED         it is committed and stops; then it is released, and the group gives it away
 *   LOST, FENCED    as a new generation in which nothing is ours; then the group is joined anew
 *
 * The group is polled by this file alone, so a slow record never costs the membership.
 */
#include "streams/coordinator_internal.h"

weir_status weir_application_join(weir_application *application, weir_error *err)
{
    const weir_config *config = application->options.config;
    const weir_member_options options = {
        .group_id = config->application_id,
        .instance_id = config->group_instance_id,
        .client_id = config->client_id == NULL ? config->application_id : config->client_id,
        .topic = application->plan->task_topic,
        .session_timeout_ms = (int32_t)config->session_timeout_ms,
    };
    WEIR_TRY(
        weir_membership_join(application->membership, application->options.broker, &options, err));
    application->joined = true;
    return WEIR_OK;
}

void weir_group_leave(weir_application *application)
{
    if (application->joined) {
        weir_membership_leave(application->membership);
        application->joined = false;
    }
}

static void lose_all(weir_application *application, int64_t now_ms)
{
    application->releasing = false;
    application->dropping = true;
    weir_placer_set_generation(application->placer, -1, now_ms);
    weir_slots_stop_foreign(application, true);
}

static void take_event(weir_application *application, const weir_member_event *event,
                       int64_t now_ms)
{
    if (event->kind == WEIR_MEMBER_LOST) {
        lose_all(application, now_ms);
        return;
    }
    weir_slots_mark(application, event);
    application->releasing = application->releasing || event->kind == WEIR_MEMBER_REVOKED;
    application->assigned_once = application->assigned_once || event->kind == WEIR_MEMBER_ASSIGNED;
}

/* After each poll, for a generation may begin without an event while a release is awaited. */
static void follow_generation(weir_application *application, int64_t now_ms)
{
    int32_t generation = weir_membership_generation(application->membership);
    if (!application->dropping && generation != weir_placer_generation(application->placer)) {
        weir_placer_set_generation(application->placer, generation, now_ms);
        weir_slots_stop_foreign(application, false);
    }
}

weir_status weir_group_poll(weir_application *application, int64_t now_ms, bool *busy,
                            weir_error *err)
{
    size_t events_max = application->plan->task_count + 1;
    for (size_t i = 0; application->joined && !application->dropping && i < events_max; i++) {
        weir_member_event event = {0};
        weir_status status = weir_membership_poll(application->membership, now_ms, &event, err);
        if (status == WEIR_FENCED) {
            weir_group_leave(application);
            lose_all(application, now_ms);
            *busy = true;
            return WEIR_OK;
        }
        if (status == WEIR_OK) {
            take_event(application, &event, now_ms);
            *busy = true;
        }
        follow_generation(application, now_ms);
        if (status == WEIR_AGAIN || status == WEIR_IO) {
            return WEIR_OK; /* The broker cannot be reached now: the session decides. */
        }
        WEIR_TRY(status);
    }
    return WEIR_OK;
}

weir_status weir_group_follow(weir_application *application, const weir_slot_counts *counts,
                              bool *busy, weir_error *err)
{
    if (counts->stopping > 0) {
        return WEIR_OK;
    }
    *busy = *busy || application->dropping;
    application->dropping = false;
    if (!application->joined) {
        *busy = true;
        return weir_application_join(application, err); /* After we were thrown out. */
    }
    weir_membership_acknowledge(application->membership,
                                weir_placer_generation(application->placer));
    if (application->releasing && counts->revoked == 0) {
        weir_status status = weir_membership_release(application->membership, err);
        if (status == WEIR_OK || status == WEIR_FENCED) { /* The poll tells of FENCED. */
            application->releasing = false;
            weir_slots_released(application);
        } else if (status != WEIR_AGAIN && status != WEIR_IO) {
            return status;
        }
        *busy = true;
    }
    return WEIR_OK;
}
