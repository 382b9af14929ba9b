/* SPDX-License-Identifier: Apache-2.0
 *
 * coordinator_placement.c - between the placer, which decides, and what it decides upon: the slots,
 * the workers' figures, the members topic.
 */
#include "streams/coordinator_internal.h"

#include "streams/base/logging.h"
#include "streams/topology_internal.h"

#include <string.h>

enum { COUNT_INTERVAL_MS = 200, FAREWELL_MS = 500, SHUTDOWN_MS = 10000 };

static bool is_stateful(const weir_plan *plan, size_t task_index)
{
    const weir_indices *stores =
        &plan->topology->subtopologies[plan->tasks[task_index].subtopology].stores;
    for (size_t i = 0; i < stores->count; i++) {
        if (plan->changelog_topics[stores->items[i]] != NULL) {
            return true;
        }
    }
    return false;
}

/* By what the others know us: a static member is its name, whatever process has it now, for it may
 * come back in the same generation and must find what its former life has said. */
static const char *member_id(const weir_application *application)
{
    const char *instance_id = application->options.config->group_instance_id;
    return instance_id == NULL ? application->process_id : instance_id;
}

weir_status weir_placing_open(weir_application *application, weir_error *err)
{
    const weir_config *config = application->options.config;
    const weir_placer_options options = {
        .process_id = member_id(application),
        .host = config->application_server,
        .rack = config->client_rack,
        .task_count = application->plan->task_count,
        .is_static = config->group_instance_id != NULL,
        .settings =
            {
                .acceptable_recovery_lag = config->acceptable_recovery_lag,
                .max_warmup_replicas = (size_t)config->max_warmup_replicas,
                .num_standby_replicas = (size_t)config->num_standby_replicas,
            },
        .wait_ms = config->placement_wait_ms,
    };
    application->placer = weir_placer_new(&options);
    for (size_t i = 0; i < application->plan->task_count; i++) {
        application->slots[i].role = WEIR_PLACE_KEEP;
        application->slots[i].lag = WEIR_TASK_LAG_UNKNOWN;
        application->slots[i].stateful = is_stateful(application->plan, i);
    }
    WEIR_AUTO_FREE char *client_id = weir_format(
        "%s-members", config->client_id == NULL ? config->application_id : config->client_id);
    return weir_placement_log_open(application->options.broker, application->plan->members_topic,
                                   client_id, &application->placement_log, err);
}

void weir_placing_close(weir_application *application)
{
    weir_placement_log_free(application->placement_log);
    weir_placer_free(application->placer);
}

/* What the worker last knew; where it knows nothing now, what it knew before, for the stores are
 * the same. */
static void refresh_lag(const weir_application *application, size_t index)
{
    weir_slot *slot = &application->slots[index];
    if (slot->state == WEIR_SLOT_RUNNING) {
        slot->lag = 0;
    } else if (slot->state != WEIR_SLOT_NONE) {
        int64_t lag =
            weir_stream_thread_changelog_lag(application->workers[slot->worker].thread, index);
        slot->lag = lag >= 0 ? lag : slot->lag;
    }
}

static void tell_facts(weir_application *application)
{
    pthread_mutex_lock(&application->lock);
    for (size_t i = 0; i < application->plan->task_count; i++) {
        refresh_lag(application, i);
        const weir_slot *slot = &application->slots[i];
        const weir_placer_task task = {
            .owned = slot->owned,
            .stateful = slot->stateful,
            .open = slot->state != WEIR_SLOT_NONE,
            .active = slot->active,
            .running = slot->state == WEIR_SLOT_RUNNING,
            .lag = slot->lag,
        };
        weir_placer_set_task(application->placer, i, &task);
    }
    pthread_mutex_unlock(&application->lock);
}

/* The process that lacks least of a task's stores, and can be asked for them. What it said in the
 * generation before will do: who comes opens its stores before all have spoken in the new one. */
static void find_source(const weir_application *application, size_t index)
{
    const weir_members *members = weir_placer_members(application->placer);
    const weir_process_state *own = weir_placer_own(application->placer);
    int64_t least = WEIR_TASK_LAG_UNKNOWN;
    char *source = application->slots[index].source;
    source[0] = '\0';
    for (size_t i = 0; i < weir_members_count(members); i++) {
        const weir_known_process *known = weir_members_at(members, i);
        const weir_process_state *state = &known->state;
        if (state->host != NULL && state->generation >= own->generation - 1 &&
            strcmp(known->process_id, member_id(application)) != 0 &&
            strlen(state->host) < WEIR_SOURCE_BYTES_MAX && state->tasks[index].lag < least) {
            least = state->tasks[index].lag;
            memcpy(source, state->host, strlen(state->host) + 1);
        }
    }
}

bool weir_application_find_snapshot(void *user, size_t task_index, weir_buf *out_address)
{
    weir_application *application = user;
    weir_slot slot = weir_application_slot(application, task_index);
    weir_buf_clear(out_address);
    weir_buf_append_text(out_address, slot.source);
    return slot.source[0] != '\0';
}

static void take_roles(weir_application *application)
{
    const weir_process_state *own = weir_placer_own(application->placer);
    pthread_mutex_lock(&application->lock);
    for (size_t i = 0; i < application->plan->task_count; i++) {
        application->slots[i].role = weir_placer_role(application->placer, i);
        if (application->slots[i].state == WEIR_SLOT_NONE) {
            find_source(application, i);
        }
        application->slots[i].granted = own->tasks[i].granted_to != NULL;
    }
    pthread_mutex_unlock(&application->lock);
}

/* Only while somebody waits for it: the answer takes a round trip. */
static void count_members(weir_application *application, int64_t now_ms)
{
    if (!weir_placer_is_waiting(application->placer, now_ms) ||
        now_ms < application->count_members_at_ms) {
        return;
    }
    int32_t count = 0;
    weir_error err = {0};
    weir_status status = weir_broker_group_member_count(
        application->options.broker, application->options.config->application_id, &count, &err);
    if (status == WEIR_OK && count > 0) {
        weir_placer_set_member_count(application->placer, (size_t)count);
    }
    application->count_members_at_ms = now_ms + COUNT_INTERVAL_MS;
}

static void say_what_is_new(weir_application *application, int64_t now_ms)
{
    WEIR_AUTO(weir_buf) value = {0};
    if (weir_placer_record(application->placer, now_ms, &value)) {
        weir_placement_log_send(application->placement_log, member_id(application),
                                weir_buf_bytes(&value), now_ms);
        if (weir_placement_log_settle(application->placement_log, 0) == WEIR_IO) {
            weir_placer_record_failed(application->placer);
        }
    }
}

/* Who asks has left already, and its tasks would come to us. */
static void follow_shutdown(weir_application *application)
{
    const weir_known_process *who = weir_placer_shutdown(application->placer);
    if (who != NULL) {
        weir_error err = {0};
        weir_status status = weir_error_set(&err, WEIR_FATAL, "%s shuts the application down: %s",
                                            who->process_id, who->state.shutdown);
        weir_application_note_failure(application, status, &err);
    }
}

void weir_placing_step(weir_application *application, int64_t now_ms, bool *busy)
{
    *busy = weir_placement_log_read(application->placement_log, application->placer) || *busy;
    if (weir_placement_log_settle(application->placement_log, 0) == WEIR_IO) {
        weir_placer_record_failed(application->placer);
    }
    tell_facts(application);
    count_members(application, now_ms);
    if (weir_placer_decide(application->placer, now_ms)) {
        take_roles(application);
        follow_shutdown(application);
    }
    say_what_is_new(application, now_ms);
}

bool weir_placing_farewell(weir_application *application, int64_t now_ms)
{
    pthread_mutex_lock(&application->lock);
    bool stops_all = application->stops_all;
    weir_error failure = application->failure;
    pthread_mutex_unlock(&application->lock);
    if (application->farewell_ms == 0) {
        WEIR_AUTO(weir_buf) value = {0};
        weir_placer_farewell(application->placer, stops_all ? failure.message : NULL, &value);
        weir_placement_log_send(application->placement_log, member_id(application),
                                weir_buf_bytes(&value), now_ms);
        application->farewell_ms = now_ms;
    }
    return weir_placement_log_settle(application->placement_log, 0) != WEIR_AGAIN ||
           now_ms - application->farewell_ms >= (stops_all ? SHUTDOWN_MS : FAREWELL_MS);
}
