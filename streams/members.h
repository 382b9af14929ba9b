/* SPDX-License-Identifier: Apache-2.0
 *
 * members.h - what is known of all processes of an application: the last record of each, in the
 * order of the members topic.
 *
 * A process is *live* in a generation when its last record says that generation.
 *
 * Ownership  The table owns what it has read; states are borrowed until the next take.
 * Threads    One at a time.
 */
#ifndef WEIR_STREAMS_MEMBERS_H
#define WEIR_STREAMS_MEMBERS_H

#include "streams/process_state.h"

enum { WEIR_MEMBERS_MAX = 4096 };

typedef struct weir_members weir_members;

typedef struct weir_known_process {
    char *process_id;
    weir_process_state state;
    int64_t offset; /* Of its last record. */
} weir_known_process;

weir_members *weir_members_new(size_t task_count);
void weir_members_free(weir_members *members); /* NULL is fine. */
WEIR_DEFINE_AUTO_PTR(weir_members);

/* Takes the next record of the topic; a null value is a tombstone. WEIR_BAD_RECORD: it is no state
 * of a process, and the table is as before. WEIR_NOT_FOUND: it is older than what is known of the
 * process (a record that was late, or of a former life of it), and does not count either. */
weir_status weir_members_take(weir_members *members, weir_bytes process_id, weir_bytes value,
                              int64_t offset, weir_error *err);

/* Forgets records before an offset whose generation is min_generation or more: they are of a group
 * that has been deleted since, and began to count anew. */
void weir_members_forget(weir_members *members, int64_t before_offset, int32_t min_generation);

/* The known processes, in the order of their ids. */
size_t weir_members_count(const weir_members *members);
const weir_known_process *weir_members_at(const weir_members *members, size_t index);
/* The one with this id, or NULL. */
const weir_known_process *weir_members_find(const weir_members *members, const char *process_id);

/* How many are live in a generation. */
size_t weir_members_live_count(const weir_members *members, int32_t generation);

/* Who owns a task in a generation, and who shall run it: the owner, or whom it granted the task to.
 * NULL: nobody has said so. */
const weir_known_process *weir_members_owner(const weir_members *members, int32_t generation,
                                             size_t task_index);
const char *weir_members_runner(const weir_members *members, int32_t generation, size_t task_index);

#endif
