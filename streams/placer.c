/* SPDX-License-Identifier: Apache-2.0
 *
 * placer.c - remembers what lies between two decisions: the generation and when it began, which
 * grants may be out in it, and what was last said.
 *
 * A process that starts reads what its former life wrote. Its incarnation is higher than that, and
 * than the topic's end, so that late records of the former life do not count, and its own do. As a
 * static member it may come back in the same generation: then it adopts its grants of before, and
 * starts its tasks only with claims that it has read back, for somebody may still run them on its
 * former word.
 */
#include "streams/placer.h"

#include <stdlib.h>
#include <string.h>

enum {
    LAG_INTERVAL_MS = 2000,
    READ_BACK_MS = 1000,         /* After this time a record is taken to be lost. */
    RENEWAL_MS = 60 * 60 * 1000, /* The topic forgets records after a day. */
    DECISIONS_A_CHANGE = 2,
};

struct weir_placer {
    weir_placer_options options;
    char *process_id;
    weir_members *members;
    weir_process_state own;
    weir_process_state sent; /* The last record. */
    weir_placement_fact *facts;
    weir_placement_role *roles;
    int32_t *granted_in; /* By task: the last generation in which a grant of it was sent; or -1. */
    bool started;
    int64_t start_offset;
    int32_t joined_generation; /* That we came in with; -1: we are not in the group. */
    int64_t generation_since_ms;
    size_t member_count; /* 0: not known. */
    int64_t sent_ms;
    bool has_sent;
    bool must_send;
    size_t passes_due; /* Decisions until another one changes nothing. */
    bool decided_heard_all;
    bool decided_time_up;
};

weir_placer *weir_placer_new(const weir_placer_options *options)
{
    WEIR_ASSERT(options->process_id != NULL);
    weir_placer *placer = weir_alloc(sizeof(*placer));
    placer->options = *options;
    placer->process_id = weir_strdup(options->process_id);
    placer->members = weir_members_new(options->task_count);
    weir_process_state_init(&placer->own, options->task_count);
    weir_process_state_init(&placer->sent, options->task_count);
    placer->own.host = weir_strdup(options->host);
    placer->own.rack = weir_strdup(options->rack);
    placer->facts = weir_alloc_array(options->task_count, sizeof(*placer->facts));
    placer->roles = weir_alloc_array(options->task_count, sizeof(*placer->roles));
    placer->granted_in = weir_alloc_array(options->task_count, sizeof(*placer->granted_in));
    for (size_t i = 0; i < options->task_count; i++) {
        placer->granted_in[i] = -1;
        placer->roles[i] = WEIR_PLACE_KEEP;
    }
    placer->joined_generation = -1;
    return placer;
}

void weir_placer_free(weir_placer *placer)
{
    if (placer == NULL) {
        return;
    }
    weir_members_free(placer->members);
    weir_process_state_cleanup(&placer->own);
    weir_process_state_cleanup(&placer->sent);
    free(placer->facts);
    free(placer->roles);
    free(placer->granted_in);
    free(placer->process_id);
    free(placer);
}

/* What is decided upon has changed. A decision reads what it wrote the last time, so one more
 * follows it. */
static void note_news(weir_placer *placer)
{
    placer->passes_due = DECISIONS_A_CHANGE;
}

weir_status weir_placer_take(weir_placer *placer, weir_bytes process_id, weir_bytes value,
                             int64_t offset, weir_error *err)
{
    note_news(placer);
    return weir_members_take(placer->members, process_id, value, offset, err);
}

static const weir_process_state *own_record(const weir_placer *placer)
{
    const weir_known_process *own = weir_members_find(placer->members, placer->process_id);
    return own == NULL ? NULL : &own->state;
}

/* What our former life granted in the generation that we are in now. */
static void adopt(weir_placer *placer)
{
    const weir_process_state *former = own_record(placer);
    if (!placer->options.is_static || former == NULL ||
        former->generation != placer->own.generation) {
        return;
    }
    for (size_t i = 0; i < placer->options.task_count; i++) {
        weir_process_task_grant(&placer->own.tasks[i], former->tasks[i].granted_to);
    }
}

static void begin_if_ready(weir_placer *placer)
{
    if (!placer->started || placer->own.generation < 0 || placer->joined_generation >= 0) {
        return;
    }
    note_news(placer);
    placer->joined_generation = placer->own.generation;
    /* A join makes a new generation, but for that of a static member. */
    int32_t impossible = placer->own.generation + (placer->options.is_static ? 1 : 0);
    weir_members_forget(placer->members, placer->start_offset, impossible);
    adopt(placer);
}

void weir_placer_start(weir_placer *placer, int64_t end_offset)
{
    WEIR_ASSERT(!placer->started);
    const weir_process_state *former = own_record(placer);
    /* What it wrote may be gone from the topic, and still be known to others; the end never is. */
    uint64_t after_end = (uint64_t)end_offset + 1;
    placer->own.incarnation =
        former != NULL && former->incarnation >= after_end ? former->incarnation + 1 : after_end;
    placer->start_offset = end_offset;
    placer->started = true;
    begin_if_ready(placer);
}

void weir_placer_set_generation(weir_placer *placer, int32_t generation, int64_t now_ms)
{
    if (generation == placer->own.generation) {
        return;
    }
    note_news(placer);
    placer->own.generation = generation;
    placer->generation_since_ms = now_ms;
    placer->member_count = 0;
    placer->joined_generation = generation < 0 ? -1 : placer->joined_generation;
    for (size_t i = 0; i < placer->options.task_count && generation < 0; i++) {
        weir_process_task_grant(&placer->own.tasks[i], NULL);
        placer->own.tasks[i].claimed = false;
    }
    begin_if_ready(placer);
}

int32_t weir_placer_generation(const weir_placer *placer)
{
    return placer->own.generation;
}

void weir_placer_set_member_count(weir_placer *placer, size_t count)
{
    placer->member_count = count;
}

static bool has_heard_all(const weir_placer *placer)
{
    const weir_process_state *own = own_record(placer);
    size_t others = weir_members_live_count(placer->members, placer->own.generation);
    others -= own != NULL && own->generation == placer->own.generation ? 1 : 0;
    return placer->member_count > 0 && others + 1 >= placer->member_count;
}

static bool is_time_up(const weir_placer *placer, int64_t now_ms)
{
    return now_ms - placer->generation_since_ms >= placer->options.wait_ms;
}

static bool may_decide(const weir_placer *placer)
{
    return placer->started && placer->own.generation >= 0;
}

bool weir_placer_is_waiting(const weir_placer *placer, int64_t now_ms)
{
    return may_decide(placer) && !has_heard_all(placer) && !is_time_up(placer, now_ms);
}

static bool is_same_fact(const weir_placement_fact *one, const weir_placement_fact *other)
{
    return one->stateful == other->stateful && one->fresh == other->fresh &&
           one->open == other->open && one->active == other->active;
}

void weir_placer_set_task(weir_placer *placer, size_t task_index, const weir_placer_task *task)
{
    WEIR_ASSERT(task_index < placer->options.task_count);
    weir_process_task *own = &placer->own.tasks[task_index];
    bool resumed = placer->options.is_static && placer->own.generation == placer->joined_generation;
    int64_t lag = task->open ? task->lag : WEIR_TASK_LAG_UNKNOWN;
    const weir_placement_fact fact = {
        .stateful = task->stateful,
        .fresh =
            task->owned && !resumed && placer->granted_in[task_index] != placer->own.generation,
        .open = task->open,
        .active = task->active,
    };
    if (own->owned != task->owned || own->running != task->running || own->lag != lag ||
        !is_same_fact(&placer->facts[task_index], &fact)) {
        note_news(placer);
    }
    own->owned = task->owned;
    own->running = task->running;
    own->lag = lag;
    placer->facts[task_index] = fact;
}

/* Whether the last decision may no longer be right. */
static bool is_out_of_date(weir_placer *placer, int64_t now_ms)
{
    bool heard_all = has_heard_all(placer);
    bool time_up = is_time_up(placer, now_ms);
    if (heard_all != placer->decided_heard_all || time_up != placer->decided_time_up) {
        note_news(placer);
    }
    placer->decided_heard_all = heard_all;
    placer->decided_time_up = time_up;
    return placer->passes_due > 0;
}

static void decide(weir_placer *placer)
{
    if (!may_decide(placer)) {
        for (size_t i = 0; i < placer->options.task_count; i++) {
            placer->roles[i] = WEIR_PLACE_KEEP;
        }
        return;
    }
    const weir_placement placement = {
        .members = placer->members,
        .process_id = placer->process_id,
        .settings = &placer->options.settings,
        .facts = placer->facts,
        .heard_all = placer->decided_heard_all,
        .time_up = placer->decided_time_up,
        .own = &placer->own,
        .out_roles = placer->roles,
    };
    weir_placement_decide(&placement);
}

bool weir_placer_decide(weir_placer *placer, int64_t now_ms)
{
    if (!is_out_of_date(placer, now_ms)) {
        return false;
    }
    placer->passes_due--;
    decide(placer);
    return true;
}

weir_placement_role weir_placer_role(const weir_placer *placer, size_t task_index)
{
    WEIR_ASSERT(task_index < placer->options.task_count);
    return placer->roles[task_index];
}

/* True when the last record has come back. */
static bool is_read_back(const weir_placer *placer)
{
    const weir_process_state *own = own_record(placer);
    return own != NULL && own->incarnation == placer->sent.incarnation &&
           own->sequence == placer->sent.sequence;
}

static bool is_due(const weir_placer *placer, int64_t now_ms)
{
    const weir_process_state *own = own_record(placer);
    if (own != NULL && own->incarnation > placer->own.incarnation) {
        return false; /* A later life of this process speaks now. */
    }
    int64_t since_ms = now_ms - placer->sent_ms;
    return !placer->has_sent || placer->must_send ||
           !weir_process_state_says_the_same(&placer->own, &placer->sent) ||
           (since_ms >= LAG_INTERVAL_MS &&
            !weir_process_state_has_same_lags(&placer->own, &placer->sent)) ||
           (since_ms >= READ_BACK_MS && !is_read_back(placer)) || since_ms >= RENEWAL_MS;
}

bool weir_placer_record(weir_placer *placer, int64_t now_ms, weir_buf *out_value)
{
    if (!may_decide(placer) || !is_due(placer, now_ms)) {
        return false;
    }
    placer->own.sequence++;
    weir_process_state_encode(&placer->own, out_value);
    weir_process_state_copy(&placer->sent, &placer->own);
    for (size_t i = 0; i < placer->options.task_count; i++) {
        if (placer->own.tasks[i].granted_to != NULL) {
            placer->granted_in[i] = placer->own.generation;
        }
    }
    placer->has_sent = true;
    placer->must_send = false;
    placer->sent_ms = now_ms;
    return true;
}

void weir_placer_record_failed(weir_placer *placer)
{
    placer->must_send = true;
}

const weir_known_process *weir_placer_shutdown(const weir_placer *placer)
{
    for (size_t i = 0; placer->started && i < weir_members_count(placer->members); i++) {
        const weir_known_process *known = weir_members_at(placer->members, i);
        if (known->state.shutdown != NULL && known->offset >= placer->start_offset &&
            strcmp(known->process_id, placer->process_id) != 0) {
            return known;
        }
    }
    return NULL;
}

void weir_placer_farewell(weir_placer *placer, const char *shutdown, weir_buf *out_value)
{
    weir_process_state gone = {0};
    weir_process_state_init(&gone, placer->options.task_count);
    gone.incarnation = placer->own.incarnation;
    gone.sequence = ++placer->own.sequence;
    gone.shutdown = weir_strdup(shutdown);
    weir_process_state_encode(&gone, out_value);
    weir_process_state_cleanup(&gone);
}

const weir_members *weir_placer_members(const weir_placer *placer)
{
    return placer->members;
}

const char *weir_placer_process_id(const weir_placer *placer)
{
    return placer->process_id;
}

const weir_process_state *weir_placer_own(const weir_placer *placer)
{
    return &placer->own;
}
