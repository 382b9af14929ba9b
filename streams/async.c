/* SPDX-License-Identifier: Apache-2.0
 *
 * async.c - records whose processing goes on after process() has returned (DESIGN 6).
 *
 *   process() ── defer ──▶ weir_async ─┐ several of one source record make a group;
 *   process() ── defer ──▶ weir_async ─┴ when all of them have ended, its offset is finished
 *
 * The group keeps a copy of the source record for dead letters and for the context of completions.
 * A rollback or the end of a task detaches the groups ("orphans"): whoever holds a weir_async may
 * still end it, and nothing happens, because the record is read again by whoever owns the task.
 */
#include "streams/task_internal.h"

#include "streams/record_copy.h"

#include <stdlib.h>

struct weir_async_group {
    weir_task_input *input; /* NULL: orphaned. */
    weir_async_group *next;
    weir_async_group **link; /* Who points to this group; NULL: orphaned. */
    weir_record *source;     /* As it was read. */
    size_t pending;
    bool settled; /* process() has returned: the window waits for the offset. */
};

struct weir_async {
    weir_async_group *group;
    weir_context *context; /* Valid while the group is not orphaned, as is the next. */
    weir_processor *processor;
    weir_record *record;
    bool is_source; /* record has the source's value, so its serde decodes it. */
};

static void unlink_group(weir_async_group *group)
{
    if (group->link != NULL) {
        *group->link = group->next;
        if (group->next != NULL) {
            group->next->link = group->link;
        }
        group->link = NULL;
    }
}

static void free_group(weir_async_group *group)
{
    unlink_group(group);
    free(group->source);
    free(group);
}

static weir_async_group *new_group(weir_task_input *input, const weir_record *source)
{
    weir_async_group *group = weir_alloc(sizeof(*group));
    group->input = input;
    group->source = weir_record_copy(source, NULL);
    group->link = &input->groups;
    group->next = input->groups;
    if (group->next != NULL) {
        group->next->link = &group->next;
    }
    input->groups = group;
    return group;
}

weir_async *weir_context_defer(weir_context *context)
{
    weir_task *task = context->task;
    WEIR_ASSERT(context->record != NULL);
    WEIR_ASSERT(task->current.input != NULL); /* A punctuation has nothing to defer. */
    if (task->current.group == NULL) {
        task->current.group = new_group(task->current.input, task->current.record);
    }
    weir_async *async = weir_alloc(sizeof(*async));
    async->group = task->current.group;
    async->context = context;
    async->processor = context->acting;
    async->is_source = context->record->value.data == task->current.record->value.data;
    async->record = weir_record_copy(context->record, NULL);
    async->group->pending++;
    task->async_count++;
    return async;
}

const weir_record *weir_async_record(const weir_async *async)
{
    return async->record;
}

bool weir_async_settle(weir_task *task)
{
    weir_async_group *group = weir_take(&task->current.group);
    if (group == NULL) {
        return true;
    }
    if (group->pending == 0) {
        free_group(group);
        return true;
    }
    group->settled = true;
    return false;
}

void weir_async_orphan_all(weir_task *task)
{
    task->current.group = NULL;
    for (size_t i = 0; i < task->input_count; i++) {
        while (task->inputs[i].groups != NULL) {
            weir_async_group *group = task->inputs[i].groups;
            /* The head, so groups moves on; the analyzer does not follow link. */
            unlink_group(group); /* NOLINT(clang-analyzer-unix.Malloc) */
            group->input = NULL;
            if (group->pending == 0) {
                free_group(group);
            }
        }
    }
    task->async_count = 0;
}

static weir_status decode_again(weir_task *task, weir_async *async, weir_error *err)
{
    const weir_serde *serde = &async->group->input->source->node->source.serde;
    if (serde->decode == NULL || !async->is_source) {
        return WEIR_OK;
    }
    return weir_task_decode(task, serde, async->record, err);
}

static weir_status complete_once(weir_task *task, weir_async *async, weir_async_complete complete,
                                 void *result, weir_error *err)
{
    WEIR_TRY(decode_again(task, async, err));
    weir_context *context = async->context;
    const weir_record *outer = context->record;
    context->record = async->record;
    weir_processor *acting = weir_context_act(context, async->processor);
    weir_status status = complete(async->processor, async->record, result, err);
    (void)weir_context_act(context, acting);
    context->record = outer;
    async->record->object = NULL;
    return status;
}

static void complete_with_context(weir_task *task, weir_async *async, weir_async_complete complete,
                                  void *result)
{
    const weir_task_current outer = task->current;
    bool nested = outer.node != NULL;
    weir_error err = {0};
    weir_refused refused = {.stage = WEIR_STAGE_PROCESSING};
    do {
        task->current = (weir_task_current){
            .input = async->group->input,
            .record = async->group->source,
            .timestamp_ms = async->record->timestamp_ms,
            .node = async->context,
            .group = async->group,
        };
        refused.effects = task->effects;
        refused.attempt++;
        weir_status status = complete_once(task, async, complete, result, &err);
        if (status != WEIR_OK) {
            status = weir_task_handle_failure(task, &refused, status, &err);
        }
        if (status != WEIR_OK && task->failure.status == WEIR_OK) {
            task->failure = err;
            task->failure.status = status;
        }
    } while (refused.again);
    task->current = outer;
    if (!nested) {
        weir_arena_reset(task->arena);
    }
}

static void finish_record(weir_async_group *group)
{
    weir_task *task = group->input->task;
    weir_offset_window_finish(&group->input->window, group->source->offset);
    task->commit_needed = true;
    free_group(group);
}

void weir_async_end(weir_async *async, weir_async_complete complete, void *result)
{
    weir_async_group *group = async->group;
    if (group->input != NULL) {
        weir_task *task = group->input->task;
        bool failed = task->failure.status != WEIR_OK; /* It is about to be rolled back. */
        if (complete != NULL && !failed) {
            complete_with_context(task, async, complete, result);
        }
        task->async_count--;
        failed = task->failure.status != WEIR_OK;
        group->pending--;
        if (group->pending == 0 && group->settled && !failed) {
            finish_record(group);
        }
    } else {
        group->pending--;
        if (group->pending == 0) {
            free_group(group);
        }
    }
    free(async->record);
    free(async);
}
