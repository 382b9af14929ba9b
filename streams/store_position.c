/* SPDX-License-Identifier: Apache-2.0
 *
 * store_position.c - looks only when somebody asks: nothing of it costs a record, or a header in
 * the changelog, as Kafka Streams' has it.
 *
 * The order of the two questions of a look is what makes it right: what is committed was written
 * before, so the end that is asked for later is behind all of it. One look waits until the store
 * has come to its end, or looks in quick succession would move the end on for ever.
 */
#include "streams/store_position.h"

#include "streams/task_internal.h"
#include "streams/task_offsets.h"

#include <stdlib.h>

enum { NOT_KNOWN = -1 };

struct weir_store_look {
    int64_t asked_ms;
    int64_t end;        /* Of the changelog; NOT_KNOWN: there is no look to wait for. */
    int64_t *asked;     /* By input: what was committed then. */
    int64_t *reflected; /* By input: what the rows reflect. */
};

void weir_store_look_free(weir_store_look *look)
{
    if (look != NULL) {
        free(look->asked);
        free(look->reflected);
        free(look);
    }
}

static weir_store_look *look_new(size_t input_count)
{
    weir_store_look *look = weir_alloc(sizeof(*look));
    look->asked_ms = INT64_MIN / 2;
    look->end = NOT_KNOWN;
    look->asked = weir_alloc_array(input_count, sizeof(*look->asked));
    look->reflected = weir_alloc_array(input_count, sizeof(*look->reflected));
    return look;
}

/* next is the offset after the last one; 0: there is none. */
static void add_input(const weir_task_input *input, int64_t next, weir_position *to)
{
    if (next > 0) {
        weir_position_add(to, input->partition.topic, input->partition.partition, next - 1);
    }
}

void weir_task_note_committed(weir_task *task)
{
    for (size_t i = 0; i < task->input_count; i++) {
        task->inputs[i].committed_base = task->inputs[i].window.base;
    }
}

void weir_task_add_position(const weir_task *task, bool uncommitted, weir_position *to)
{
    WEIR_ASSERT(task->phase == WEIR_TASK_RUNNING);
    for (size_t i = 0; i < task->input_count; i++) {
        const weir_task_input *input = &task->inputs[i];
        add_input(input, uncommitted ? input->window.base : input->committed_base, to);
    }
}

/* A source topic that is the changelog is followed as far as it is committed. */
static int64_t end_of(const weir_task_store *store)
{
    if (!store->spec->options.changelog_is_source) {
        return store->changelog_end;
    }
    const weir_task_input *input = weir_task_input_of(store->task, store->changelog);
    WEIR_ASSERT(input != NULL);
    return input->committed.status == WEIR_OK ? input->committed.offset : 0;
}

static void look_now(weir_task_store *store, weir_store_look *look)
{
    weir_task *task = store->task;
    look->asked_ms = task->environment->now_ms;
    if (weir_tasks_ask_committed(&task, 1, NULL) != WEIR_OK) {
        return;
    }
    for (size_t i = 0; i < task->input_count; i++) {
        const weir_committed_query *committed = &task->inputs[i].committed;
        if (committed->status != WEIR_OK && committed->status != WEIR_NOT_FOUND) {
            return; /* It is not settled. */
        }
        look->asked[i] = committed->status == WEIR_OK ? committed->offset : 0;
    }
    if (weir_tasks_ask_changelogs(&task, 1, NULL) == WEIR_OK) {
        look->end = end_of(store);
    }
}

static void take_reached(const weir_task *task, weir_store_look *look, int64_t reached)
{
    if (look->end == NOT_KNOWN || reached < look->end) {
        return;
    }
    look->end = NOT_KNOWN;
    for (size_t i = 0; i < task->input_count; i++) {
        look->reflected[i] = look->asked[i];
    }
}

void weir_task_store_add_position(weir_task_store *store, int64_t reached, int64_t look_interval_ms,
                                  weir_position *to)
{
    weir_task *task = store->task;
    if (store->look == NULL) {
        store->look = look_new(task->input_count);
    }
    weir_store_look *look = store->look;
    take_reached(task, look, reached);
    if (look->end == NOT_KNOWN && task->environment->now_ms - look->asked_ms >= look_interval_ms) {
        look_now(store, look);
        take_reached(task, look, reached);
    }
    for (size_t i = 0; i < task->input_count; i++) {
        add_input(&task->inputs[i], look->reflected[i], to);
    }
}
