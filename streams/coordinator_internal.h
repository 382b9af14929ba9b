/* SPDX-License-Identifier: Apache-2.0
 *
 * coordinator_internal.h - the parts of the coordinator: coordinator.c (state of the application,
 * the step), coordinator_group.c (events of the group), coordinator_slots.c (which worker has which
 * task), coordinator_placement.c (which tasks to have at all).
 *
 * Threads    The coordinator's.
 */
#ifndef WEIR_STREAMS_COORDINATOR_INTERNAL_H
#define WEIR_STREAMS_COORDINATOR_INTERNAL_H

#include "streams/application_internal.h"

/* coordinator_group.c */

/* Takes the events of the group and marks slots with them. After a loss the group is not polled
 * until the lost tasks have stopped: the next poll joins anew, and may bring back a task that
 * somebody else has worked on in between. */
weir_status weir_group_poll(weir_application *application, int64_t now_ms, bool *busy,
                            weir_error *err);
/* Acknowledges the generation, releases what was revoked, joins again: each where the slots allow.
 */
weir_status weir_group_follow(weir_application *application, const weir_slot_counts *counts,
                              bool *busy, weir_error *err);
void weir_group_leave(weir_application *application);

/* coordinator_slots.c */

/* Tasks that read more topics by this plan are opened anew, once workers know of it. */
void weir_slots_follow_inputs(weir_application *application, const weir_plan *inputs);
/* Marks the partitions of an event. */
void weir_slots_mark(weir_application *application, const weir_member_event *event);
/* What is active and neither ours nor to be released has to stop, for a generation has ended; with
 * all_lost, nothing is ours any more. */
void weir_slots_stop_foreign(weir_application *application, bool all_lost);
/* What was revoked has been released. */
void weir_slots_released(weir_application *application);
/* Sends the commands that bring every slot to its role; all of them to NONE where closing. */
weir_slot_counts weir_slots_drive(weir_application *application, bool closing);

/* coordinator_placement.c */

/* Opens the members topic; before the join. */
weir_status weir_placing_open(weir_application *application, weir_error *err);
void weir_placing_close(weir_application *application); /* Frees; not yet opened is fine. */
/* Reads what others say, decides, sets the roles of the slots, and says what is new. */
void weir_placing_step(weir_application *application, int64_t now_ms, bool *busy);
/* Says goodbye; true when that is said, or in vain for a while. */
bool weir_placing_farewell(weir_application *application, int64_t now_ms);

#endif
