/* SPDX-License-Identifier: Apache-2.0
 *
 * placer.h - the placement of one process from event to event: takes what the group, the workers
 * and the members topic say, decides (placement.h), and gives the record that has to be written.
 *
 *   take records ─┐                            ┌─▶ role of each task, for the workers
 *   generation ───┼─▶ weir_placer_decide(now) ─┤
 *   facts, lags ──┘                            └─▶ weir_placer_record: what to write next, if due
 *
 * No I/O and no clock. A record counts as written when it has been read back.
 *
 * Ownership  Options are copied.
 * Threads    One at a time.
 */
#ifndef WEIR_STREAMS_PLACER_H
#define WEIR_STREAMS_PLACER_H

#include "streams/placement.h"

typedef struct weir_placer weir_placer;

typedef struct weir_placer_options {
    const char *process_id;
    const char *host; /* "host:port" for queries; NULL: none. */
    const char *rack; /* NULL: not told. */
    size_t task_count;
    bool is_static; /* A restart may come back in the same generation. */
    weir_placement_settings settings;
    int64_t wait_ms; /* How long cold tasks wait for what others say in a new generation. */
} weir_placer_options;

weir_placer *weir_placer_new(const weir_placer_options *options);
void weir_placer_free(weir_placer *placer); /* NULL is fine. */
WEIR_DEFINE_AUTO_PTR(weir_placer);

/* The next record of the members topic; as weir_members_take. */
weir_status weir_placer_take(weir_placer *placer, weir_bytes process_id, weir_bytes value,
                             int64_t offset, weir_error *err);
/* The topic has been read up to end_offset, where it ended before this process joined the group.
 * Before that nothing is decided. */
void weir_placer_start(weir_placer *placer, int64_t end_offset);

/* The generation that the group is in now; -1: we are not in the group. Grants of the generation
 * before are kept where the task is still ours. Nobody else's word of an older one counts any
 * more, so before this, stop what is not ours. */
void weir_placer_set_generation(weir_placer *placer, int32_t generation, int64_t now_ms);
int32_t weir_placer_generation(const weir_placer *placer);
/* How many members it has, once it is known. */
void weir_placer_set_member_count(weir_placer *placer, size_t count);
/* True while decisions wait for what others say, so that the number of members is of use. */
bool weir_placer_is_waiting(const weir_placer *placer, int64_t now_ms);

/* What is so now with a task. */
typedef struct weir_placer_task {
    bool owned;
    bool stateful;
    bool open;
    bool active;
    bool running;
    int64_t lag;
} weir_placer_task;

/* Tells it; for all tasks before each decision. */
void weir_placer_set_task(weir_placer *placer, size_t task_index, const weir_placer_task *task);

/* Decides anew where something that counts has changed since: what others say, the generation, a
 * task, the time that was waited for; else it costs next to nothing, and answers false. Roles are
 * KEEP before the start and outside of the group. */
bool weir_placer_decide(weir_placer *placer, int64_t now_ms);
weir_placement_role weir_placer_role(const weir_placer *placer, size_t task_index);

/* True where a record is due: appends its value, which counts as sent. To be called after each
 * decision, until the process leaves. */
bool weir_placer_record(weir_placer *placer, int64_t now_ms, weir_buf *out_value);
/* The last record was not written: it is due again. */
void weir_placer_record_failed(weir_placer *placer);
/* The record that says goodbye: nothing is owned, claimed or kept. shutdown: why all others shall
 * end, too; NULL: they go on. */
void weir_placer_farewell(weir_placer *placer, const char *shutdown, weir_buf *out_value);
/* Another process that has asked all to end since this one started, by its state's shutdown; NULL:
 * nobody has. */
const weir_known_process *weir_placer_shutdown(const weir_placer *placer);

/* What is known of all, and by what name, and what, this process tells of itself. */
const weir_members *weir_placer_members(const weir_placer *placer);
const char *weir_placer_process_id(const weir_placer *placer);
const weir_process_state *weir_placer_own(const weir_placer *placer);

#endif
