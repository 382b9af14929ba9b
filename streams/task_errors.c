/* SPDX-License-Identifier: Apache-2.0
 *
 * task_errors.c - a record that was refused: skip it, try again, or give up all since the commit.
 *
 * A record is skipped only where nothing of it was done. If it had written or sent something before
 * it was refused, its task asks for a rollback (WEIR_IO) and remembers the offset: when the record
 * comes again it goes to the processing handler without being processed, so that no half of it
 * stays behind (under at-least-once, only what the broker had not seen yet can be taken back).
 */
#include "streams/task_internal.h"

#include <inttypes.h>
#include <stdio.h>

static weir_status refuse_without_skip(const weir_refusal *refusal, weir_error *err)
{
    /* The cause may lie in *err itself. */
    weir_error cause = *refusal->cause;
    return weir_error_set(err, WEIR_INVALID, "%s, refused in %s by %s at attempt %" PRId64,
                          cause.message, weir_stage_name(refusal->stage), refusal->node,
                          refusal->attempt);
}

weir_status weir_task_refuse(weir_task *task, const weir_refusal *refusal, weir_error *err)
{
    const weir_task_environment *environment = task->environment;
    weir_reaction reaction = weir_error_handler_react(environment->config, refusal);
    bool is_dead_letter = false;
    switch (reaction) {
    case WEIR_REACT_FAIL:
    case WEIR_REACT_RETRY: /* The caller has tried already. */
        return refuse_without_skip(refusal, err);
    case WEIR_REACT_CONTINUE:
        break;
    case WEIR_REACT_DEAD_LETTER:
        if (refusal->record != NULL) {
            weir_error cause = *refusal->cause;
            weir_refusal letter = *refusal;
            letter.cause = &cause;
            WEIR_TRY(
                weir_error_handler_send(environment->collector, environment->config, &letter, err));
            is_dead_letter = true;
        }
        break;
    }
    task->commit_needed = true;
    weir_task_count_refused(task, is_dead_letter);
    return WEIR_OK;
}

static weir_status roll_back_refused(weir_task *task, const char *node, weir_error *err)
{
    weir_task_input *input = task->current.input;
    weir_error cause = {.status = WEIR_BAD_RECORD};
    if (err != NULL) {
        cause = *err;
    }
    if (input == NULL) {
        return weir_error_set(err, WEIR_INVALID,
                              "%s wrote or sent something before it answered BAD_RECORD in a "
                              "punctuation: %s",
                              node, cause.message);
    }
    input->refused_offset = task->current.record->offset;
    input->refusal = cause;
    snprintf(input->refused_by, sizeof(input->refused_by), "%s", node);
    return weir_error_wrap(err, WEIR_IO, "refused by %s after its first effect: rolled back", node);
}

weir_status weir_task_handle_failure(weir_task *task, weir_refused *refused, weir_status status,
                                     weir_error *err)
{
    refused->again = false;
    if (status != WEIR_BAD_RECORD) {
        return status;
    }
    const char *node = task->current.node == NULL ? "" : task->current.node->node->name;
    if (task->effects != refused->effects) {
        return roll_back_refused(task, node, err);
    }
    weir_error cause = {.status = WEIR_BAD_RECORD};
    if (err != NULL) {
        cause = *err;
    }
    weir_refusal refusal = {
        .stage = refused->stage,
        .record = task->current.record,
        .cause = &cause,
        .task_id = task->planned->id,
        .node = node,
        .attempt = refused->attempt,
    };
    if (weir_error_handler_react(task->environment->config, &refusal) == WEIR_REACT_RETRY) {
        refused->again = true;
        return WEIR_OK;
    }
    return weir_task_refuse(task, &refusal, err);
}

weir_status weir_task_refuse_remembered(weir_task *task, weir_task_input *input, weir_error *err)
{
    const weir_config *config = task->environment->config;
    bool retries = config->processing_handler == WEIR_REACT_RETRY;
    weir_refusal refusal = {
        .stage = WEIR_STAGE_PROCESSING,
        .record = task->current.record,
        .cause = &input->refusal,
        .task_id = task->planned->id,
        .node = input->refused_by,
        .attempt = retries ? config->retry_attempts : 1, /* It is not tried again. */
    };
    return weir_task_refuse(task, &refusal, err);
}
