/* SPDX-License-Identifier: Apache-2.0
 *
 * members.c - the table of processes, sorted by id. A record replaces the one before it if it is
 * newer: of a later incarnation, or later in the same one. So neither a record that was late nor a
 * former life of a process, which does not know that it is over, can undo what was said since.
 */
#include "streams/members.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct weir_members {
    weir_known_process *items; /* By process_id. */
    size_t count;
    size_t capacity;
    size_t task_count;
};

weir_members *weir_members_new(size_t task_count)
{
    weir_members *members = weir_alloc(sizeof(*members));
    members->task_count = task_count;
    return members;
}

static void cleanup_process(weir_known_process *process)
{
    free(process->process_id);
    weir_process_state_cleanup(&process->state);
}

void weir_members_free(weir_members *members)
{
    if (members == NULL) {
        return;
    }
    for (size_t i = 0; i < members->count; i++) {
        cleanup_process(&members->items[i]);
    }
    free(members->items);
    free(members);
}

/* Where process_id is, or would be. */
static size_t place_of(const weir_members *members, weir_bytes process_id, bool *out_found)
{
    size_t low = 0;
    size_t high = members->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order =
            weir_bytes_compare(weir_bytes_of_text(members->items[middle].process_id), process_id);
        if (order == 0) {
            *out_found = true;
            return middle;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *out_found = false;
    return low;
}

static void remove_at(weir_members *members, size_t place)
{
    cleanup_process(&members->items[place]);
    members->count--;
    memmove(&members->items[place], &members->items[place + 1],
            (members->count - place) * sizeof(*members->items));
}

static void insert_at(weir_members *members, size_t place, const weir_known_process *process)
{
    members->items =
        weir_grow(members->items, members->count, &members->capacity, sizeof(*members->items));
    memmove(&members->items[place + 1], &members->items[place],
            (members->count - place) * sizeof(*members->items));
    members->items[place] = *process;
    members->count++;
}

static bool is_newer(const weir_process_state *state, const weir_process_state *known)
{
    return state->incarnation != known->incarnation ? state->incarnation > known->incarnation
                                                    : state->sequence > known->sequence;
}

static weir_status check_process_id(const weir_members *members, weir_bytes process_id,
                                    bool is_known, weir_error *err)
{
    if (process_id.size == 0 || process_id.size > WEIR_PROCESS_ID_BYTES_MAX ||
        memchr(process_id.data, '\0', process_id.size) != NULL) {
        return weir_error_set(err, WEIR_BAD_RECORD, "a process id has 1 to %d bytes",
                              WEIR_PROCESS_ID_BYTES_MAX);
    }
    if (!is_known && members->count == WEIR_MEMBERS_MAX) {
        return weir_error_set(err, WEIR_BAD_RECORD,
                              "there are %d processes already: more cannot "
                              "be told of each other",
                              WEIR_MEMBERS_MAX);
    }
    return WEIR_OK;
}

weir_status weir_members_take(weir_members *members, weir_bytes process_id, weir_bytes value,
                              int64_t offset, weir_error *err)
{
    bool found = false;
    size_t place = place_of(members, process_id, &found);
    WEIR_TRY(check_process_id(members, process_id, found, err));
    if (value.data == NULL) {
        if (found) {
            remove_at(members, place);
        }
        return WEIR_OK;
    }
    weir_known_process process = {.offset = offset};
    weir_process_state_init(&process.state, members->task_count);
    weir_status status = weir_process_state_decode(&process.state, value, err);
    if (status == WEIR_OK && found && !is_newer(&process.state, &members->items[place].state)) {
        status = weir_error_set(err, WEIR_NOT_FOUND, "an older record of %s",
                                members->items[place].process_id);
    }
    if (status != WEIR_OK) {
        weir_process_state_cleanup(&process.state);
        return status;
    }
    if (found) {
        remove_at(members, place);
    }
    process.process_id = weir_bytes_to_text(process_id);
    insert_at(members, place, &process);
    return WEIR_OK;
}

void weir_members_forget(weir_members *members, int64_t before_offset, int32_t min_generation)
{
    for (size_t i = members->count; i-- > 0;) {
        const weir_known_process *process = &members->items[i];
        if (process->offset < before_offset && process->state.generation >= min_generation) {
            remove_at(members, i);
        }
    }
}

size_t weir_members_count(const weir_members *members)
{
    return members->count;
}

const weir_known_process *weir_members_at(const weir_members *members, size_t index)
{
    WEIR_ASSERT(index < members->count);
    return &members->items[index];
}

const weir_known_process *weir_members_find(const weir_members *members, const char *process_id)
{
    bool found = false;
    size_t place = place_of(members, weir_bytes_of_text(process_id), &found);
    return found ? &members->items[place] : NULL;
}

size_t weir_members_live_count(const weir_members *members, int32_t generation)
{
    size_t count = 0;
    for (size_t i = 0; i < members->count; i++) {
        count += members->items[i].state.generation == generation ? 1 : 0;
    }
    return count;
}

/* Two can say that they own a task only by mistake of a group; the later word counts. */
const weir_known_process *weir_members_owner(const weir_members *members, int32_t generation,
                                             size_t task_index)
{
    WEIR_ASSERT(task_index < members->task_count);
    const weir_known_process *owner = NULL;
    for (size_t i = 0; i < members->count; i++) {
        const weir_known_process *process = &members->items[i];
        if (process->state.generation == generation && process->state.tasks[task_index].owned &&
            (owner == NULL || process->offset > owner->offset)) {
            owner = process;
        }
    }
    return owner;
}

const char *weir_members_runner(const weir_members *members, int32_t generation, size_t task_index)
{
    const weir_known_process *owner = weir_members_owner(members, generation, task_index);
    if (owner == NULL) {
        return NULL;
    }
    const char *granted_to = owner->state.tasks[task_index].granted_to;
    return granted_to == NULL ? owner->process_id : granted_to;
}
