/* SPDX-License-Identifier: Apache-2.0
 *
 * task.c - one sub-topology on one input partition: the unit of work, and of recovery.
 *
 *   source topic -> queue -> processors -> stores + changelog -> sink topics -> commit
 *
 * One stream_thread runs a task at a time, so nothing here locks, and nothing here blocks. A task
 * reads no clock and no socket: time is in the environment, records leave through the collector.
 * That is what lets tests/sim replay a run from its seed.
 *
 * The broker commits for all tasks of a thread at once, hence three steps:
 *
 *   1. collector flush, then weir_task_prepare_commit()   the broker holds all that input led to
 *   2. commit.c                                           the broker notes how far it was read
 *   3. weir_task_finish_commit()                          the state is committed, at its position
 *
 * A crash between two steps costs work: input is read again, or more changelog restored. Taken
 * before step 1, either of the others would cost data.
 *
 * Whatever goes wrong short of a crash ends in the same two calls, weir_task_rollback() and
 * weir_task_begin(): drop what is staged, begin where the broker says that the input was read to
 * (task_offsets.c asks it, for all tasks at once), restore what the changelog has beyond the
 * committed state. Nothing is wiped.
 */
#include "streams/store_kinds.h"
#include "streams/store_position.h"
#include "streams/task_internal.h"
#include "streams/task_offsets.h"
#include "streams/watchers.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void add_input(weir_task *task, const weir_planned_input *planned)
{
    weir_task_input *input = &task->inputs[task->input_count];
    input->task = task;
    input->source = weir_task_context(task, planned->source);
    input->partition = (weir_topic_partition){planned->topic, task->planned->partition};
    input->topic_bytes = strlen(input->partition.topic);
    input->number = weir_partition_group_add(task->group, input->source->node->source.timestamp);
    input->queue = weir_partition_group_queue(task->group, input->number);
    input->refused_offset = -1;
    WEIR_ASSERT(input->number == task->input_count);
    task->input_count++;
}

static void add_inputs(weir_task *task)
{
    const weir_plan *plan = task->environment->inputs;
    const weir_indices *sources = &task->subtopology->sources;
    size_t count = 0;
    for (size_t i = 0; i < sources->count; i++) {
        size_t more = 0;
        (void)weir_plan_inputs_of(plan, sources->items[i], &more);
        count += more;
    }
    task->inputs = weir_alloc_array(count, sizeof(*task->inputs));
    for (size_t i = 0; i < sources->count; i++) {
        const weir_planned_input *inputs = weir_plan_inputs_of(plan, sources->items[i], &count);
        for (size_t k = 0; k < count; k++) {
            if (task->planned->partition < inputs[k].partition_count) {
                add_input(task, &inputs[k]);
            }
        }
    }
}

weir_status weir_task_new(weir_task_environment *environment, const weir_planned_task *planned,
                          weir_task **out_task, weir_error *err)
{
    WEIR_AUTO_PTR(weir_task) task = weir_alloc(sizeof(*task));
    task->environment = environment;
    task->planned = planned;
    task->subtopology = &environment->plan->topology->subtopologies[planned->subtopology];
    task->stream_time_ms = -1;
    task->arena = weir_arena_new((size_t)environment->config->record_arena_bytes_max);
    task->flush_arena = weir_arena_new((size_t)environment->config->record_arena_bytes_max);
    task->group = weir_partition_group_new(environment->config->max_task_idle_ms);
    task->punctuations = weir_punctuations_new();
    task->last_timestamp_ms = -1;
    weir_task_make_metrics(task);
    weir_task_link_contexts(task);
    add_inputs(task);
    weir_status status = weir_task_init_sinks(task, err);
    if (status == WEIR_OK) {
        status = weir_task_open_stores(task, err);
    }
    if (status != WEIR_OK) {
        return weir_error_wrap(err, status, "task %s", planned->id);
    }
    *out_task = weir_take(&task);
    return WEIR_OK;
}

static void unassign_inputs(weir_task *task)
{
    for (size_t i = 0; i < task->input_count; i++) {
        weir_task_input *input = &task->inputs[i];
        if (input->assigned) {
            weir_consumer_unassign(task->environment->consumer, input->partition);
        }
        input->assigned = false;
        input->paused = false;
        weir_record_queue_clear(input->queue);
        weir_offset_window_cleanup(&input->window);
    }
}

static void free_inputs(weir_task *task)
{
    for (size_t i = 0; i < task->input_count; i++) {
        weir_buf_cleanup(&task->inputs[i].committed.metadata);
    }
    free(task->inputs);
}

void weir_task_free(weir_task *task)
{
    if (task == NULL) {
        return;
    }
    weir_async_orphan_all(task);
    weir_watchers_task_ended(task);
    unassign_inputs(task);
    weir_task_free_processors(task);
    weir_task_close_kinds(task);
    weir_task_publish_metrics(task);
    weir_task_clear_levels(task);
    weir_task_close_stores(task);
    for (size_t i = 0; i < task->context_count; i++) {
        free(task->contexts[i].children);
    }
    free(task->contexts);
    free_inputs(task);
    weir_kept_times_cleanup(&task->kept_times);
    weir_punctuations_free(task->punctuations);
    weir_partition_group_free(task->group);
    weir_arena_free(task->arena);
    weir_arena_free(task->flush_arena);
    free(task);
}

/* Where input starts: what the group has committed, else the end that the source asks for. */
static weir_status begin_input(weir_task_input *input, weir_error *err)
{
    weir_status status = input->committed.status;
    if (status == WEIR_AGAIN) {
        return WEIR_AGAIN;
    }
    int64_t partition_time_ms = -1;
    input->is_resumed = status == WEIR_OK;
    WEIR_TRY(weir_offset_window_decode(
        &input->window, input->is_resumed ? input->committed.offset : input->first_offset,
        input->is_resumed ? weir_buf_bytes(&input->committed.metadata) : WEIR_BYTES_NULL,
        &partition_time_ms, &input->task->kept_times, err));
    weir_offset_window_reserve(&input->window, weir_task_kept_times_bytes(input->task));
    weir_record_queue_set_partition_time_ms(input->queue, partition_time_ms);
    if (input->task->stream_time_ms < partition_time_ms) {
        input->task->stream_time_ms = partition_time_ms;
    }
    return WEIR_OK;
}

weir_status weir_task_begin(weir_task *task, weir_error *err)
{
    WEIR_ASSERT(task->phase == WEIR_TASK_CREATED || task->phase == WEIR_TASK_STANDBY);
    weir_kept_times_cleanup(&task->kept_times);
    task->stream_time_ms = -1;
    task->generation = task->environment->generation;
    for (size_t i = 0; i < task->input_count; i++) {
        weir_task_input *input = &task->inputs[i];
        weir_offset_window_cleanup(&input->window); /* Of a beginning that had to wait. */
        weir_status status = begin_input(input, err);
        if (status != WEIR_OK) {
            return status == WEIR_AGAIN
                       ? WEIR_AGAIN
                       : weir_error_wrap(err, status, "task %s: %s[%" PRId32 "]", task->planned->id,
                                         input->partition.topic, input->partition.partition);
        }
    }
    weir_task_take_idle_time(task);
    weir_partition_group_set_stream_time_ms(task->group, task->stream_time_ms);
    weir_task_take_store_times(task);
    task->phase = WEIR_TASK_RESTORING;
    return WEIR_OK;
}

void weir_task_follow(weir_task *task)
{
    WEIR_ASSERT(task->phase == WEIR_TASK_CREATED || task->phase == WEIR_TASK_RESTORING);
    task->phase = WEIR_TASK_STANDBY;
    task->stream_time_ms = -1; /* It may not be committed. */
    task->times_look_ms = INT64_MIN / 2;
}

static weir_status assign_input(weir_task_input *input, weir_error *err)
{
    bool is_latest = weir_task_input_reset(input).kind == WEIR_AUTO_OFFSET_RESET_LATEST;
    weir_offset_reset reset = is_latest ? WEIR_RESET_LATEST : WEIR_RESET_EARLIEST;
    /* Records that are gone were never read: somebody has to know. Not so where the next owner of
     * the task deletes what it has committed. */
    if (input->is_resumed && input->source->node->repartition < 0) {
        reset = WEIR_RESET_NONE;
    }
    weir_offset_window_reserve(&input->window, weir_task_kept_times_bytes(input->task));
    WEIR_TRY(weir_consumer_assign(input->task->environment->consumer, input->partition,
                                  input->window.next, reset, input, err));
    input->assigned = true;
    return WEIR_OK;
}

weir_status weir_task_run(weir_task *task, weir_error *err)
{
    WEIR_ASSERT(task->phase == WEIR_TASK_RESTORING);
    task->phase = WEIR_TASK_RUNNING;
    weir_task_note_committed(task);
    task->last_commit_ms = task->environment->now_ms;
    weir_task_restart_idle_time(task);
    task->current = (weir_task_current){.timestamp_ms = task->stream_time_ms};
    weir_task_open_kinds(task);
    weir_status status = weir_task_begin_terms(task, err);
    status = status == WEIR_OK ? weir_task_init_processors(task, err) : status;
    weir_task_name_store_times(task);
    weir_task_forget_observed_times(task); /* Processors and stores have theirs. */
    task->current = (weir_task_current){0};
    weir_arena_reset(task->arena);
    for (size_t i = 0; i < task->input_count && status == WEIR_OK; i++) {
        status = assign_input(&task->inputs[i], err);
    }
    weir_watchers_task_started(task);
    return status == WEIR_OK ? WEIR_OK : weir_error_wrap(err, status, "task %s", task->planned->id);
}

void weir_task_rollback(weir_task *task)
{
    weir_async_orphan_all(task);
    weir_watchers_task_ended(task);
    unassign_inputs(task);
    weir_task_free_processors(task);
    weir_task_close_kinds(task);
    weir_punctuations_free(task->punctuations);
    task->punctuations = weir_punctuations_new();
    weir_task_state_abort(task->state);
    task->logged = 0;
    for (size_t i = 0; i < task->store_count; i++) {
        task->stores[i].dirty = false;
        task->stores[i].logged = 0; /* It restores to the end first. */
    }
    task->reads_again = false;
    task->current = (weir_task_current){0};
    task->failure = (weir_error){0};
    task->commit_needed = false;
    task->commit_requested = false;
    task->phase = WEIR_TASK_CREATED;
    weir_arena_reset(task->arena);
}

weir_status weir_task_wipe(weir_task *task, weir_error *err)
{
    WEIR_ASSERT(task->phase != WEIR_TASK_RUNNING);
    task->wipes++;
    for (size_t i = 0; i < task->store_count; i++) {
        task->stores[i].changelog_offset = -1;
        task->stores[i].term_seen = 0;
        task->stores[i].observed.ms = -1;
        weir_task_forget_outdated(&task->stores[i]);
        weir_store_look_free(weir_take(&task->stores[i].look));
    }
    weir_status status = weir_task_state_wipe(task->state, err);
    return status == WEIR_OK ? WEIR_OK : weir_error_wrap(err, status, "task %s", task->planned->id);
}

static int64_t buffered_max(const weir_task *task)
{
    return task->environment->config->buffered_records_per_partition;
}

void weir_task_input_add(weir_task_input *input, weir_batch *owned_batch)
{
    WEIR_ASSERT(input->assigned);
    weir_record_queue_add(input->queue, owned_batch);
    if (!input->paused &&
        (int64_t)weir_record_queue_count(input->queue) > buffered_max(input->task)) {
        weir_consumer_pause(input->task->environment->consumer, input->partition);
        input->paused = true;
    }
}

weir_task_input *weir_task_input_of(const weir_task *task, const char *topic)
{
    for (size_t i = 0; i < task->input_count; i++) {
        if (strcmp(task->inputs[i].partition.topic, topic) == 0) {
            return &task->inputs[i];
        }
    }
    return NULL;
}

weir_task *weir_task_input_task(const weir_task_input *input)
{
    return input->task;
}

static void resume_if_low(weir_task_input *input)
{
    if (input->paused &&
        (int64_t)weir_record_queue_count(input->queue) <= buffered_max(input->task) / 2) {
        weir_consumer_resume(input->task->environment->consumer, input->partition);
        input->paused = false;
    }
}

void weir_task_refresh_inputs(weir_task *task)
{
    if (task->phase != WEIR_TASK_RUNNING || task->input_count < 2) {
        return; /* A single input never waits for another. */
    }
    for (size_t i = 0; i < task->input_count; i++) {
        int64_t lag = WEIR_LAG_UNKNOWN;
        if (weir_record_queue_count(task->inputs[i].queue) == 0) {
            weir_status status =
                weir_consumer_lag(task->environment->consumer, task->inputs[i].partition, &lag);
            lag = status == WEIR_OK ? lag : WEIR_LAG_UNKNOWN;
        }
        weir_partition_group_set_lag(task->group, i, lag);
    }
}

weir_status weir_task_decode(weir_task *task, const weir_serde *serde, weir_record *record,
                             weir_error *err)
{
    weir_status status = serde->decode(serde->user, record, task->arena, &record->object, err);
    bool of_the_record = status != WEIR_OK && status != WEIR_IO && status != WEIR_FATAL;
    return of_the_record ? WEIR_BAD_RECORD : status;
}

static weir_status try_decoded(weir_task *task, weir_task_input *input, const weir_record *raw,
                               weir_refused *refused, weir_error *err)
{
    weir_record record = *raw;
    refused->stage = WEIR_STAGE_DESERIALIZATION;
    WEIR_TRY(weir_task_decode(task, &input->source->node->source.serde, &record, err));
    refused->stage = WEIR_STAGE_PROCESSING;
    return weir_context_process(input->source, &record, err);
}

static weir_status try_record(weir_task *task, weir_task_input *input, const weir_record *raw,
                              weir_refused *refused, weir_error *err)
{
    if (input->source->node->source.serde.decode != NULL) {
        return try_decoded(task, input, raw, refused, err);
    }
    refused->stage = WEIR_STAGE_PROCESSING;
    return weir_context_process(input->source, raw, err);
}

static weir_status process_record(weir_task *task, weir_task_input *input, const weir_record *raw,
                                  weir_error *err)
{
    if (raw->offset == input->refused_offset) {
        return weir_task_refuse_remembered(task, input, err);
    }
    weir_refused refused = {.attempt = 0};
    do {
        task->current.node = input->source;
        task->current.timestamp_ms = raw->timestamp_ms;
        refused.effects = task->effects;
        refused.attempt++;
        refused.again = false;
        weir_status status = try_record(task, input, raw, &refused, err);
        if (status == WEIR_BAD_RECORD && task->current.group != NULL) {
            task->effects++; /* A deferral is an effect: it cannot be taken back alone. */
        }
        if (status != WEIR_OK) {
            WEIR_TRY(weir_task_handle_failure(task, &refused, status, err));
        }
    } while (refused.again);
    return WEIR_OK;
}

/* The input whose head is next; NULL where there is none or it has to wait. */
static weir_task_input *next_input(weir_task *task)
{
    size_t number = weir_partition_group_next(task->group, task->environment->now_ms);
    bool waits = task->async_count >= task->environment->config->max_async_records;
    return waits || number == WEIR_NO_INPUT ? NULL : &task->inputs[number];
}

static void take_record(weir_task_input *input, int64_t offset, bool done)
{
    weir_offset_window_take(&input->window, offset, done);
    weir_partition_group_pop(input->task->group, input->number);
    input->task->commit_needed = true;
    resume_if_low(input);
}

/* Processes the head of input's queue, with its event time. */
static weir_status process_head(weir_task *task, weir_task_input *input, const weir_record *record,
                                weir_error *err)
{
    task->current = (weir_task_current){.input = input, .record = record};
    weir_status status = process_record(task, input, record, err);
    weir_arena_reset(task->arena); /* All that the processors allocated for this record. */
    if (status != WEIR_OK) {
        /* It stays at the head of the queue: a rollback reads it again. */
        return weir_error_wrap(err, status, "task %s: %s[%" PRId32 "]@%" PRId64, task->planned->id,
                               input->partition.topic, input->partition.partition, record->offset);
    }
    task->last_timestamp_ms = record->timestamp_ms;
    take_record(input, record->offset, weir_async_settle(task));
    task->current = (weir_task_current){0};
    return WEIR_OK;
}

/* The same of a record whose event time is not the one that it was sent with. */
static weir_status process_at(weir_task *task, weir_task_input *input, const weir_record *head,
                              int64_t timestamp_ms, weir_error *err)
{
    weir_record record = *head;
    record.timestamp_ms = timestamp_ms;
    return process_head(task, input, &record, err);
}

weir_status weir_task_process(weir_task *task, weir_error *err)
{
    WEIR_ASSERT(task->phase == WEIR_TASK_RUNNING);
    if (task->store_count > 0) {
        WEIR_TRY(weir_task_go_on_evicting(task, err));
    }
    weir_task_input *input = next_input(task);
    if (input == NULL) {
        return WEIR_AGAIN;
    }
    int64_t timestamp_ms = 0;
    const weir_record *head = weir_record_queue_peek(input->queue, &timestamp_ms);
    if (!weir_offset_window_has_room(&input->window, head->offset)) {
        return WEIR_AGAIN;
    }
    if (weir_offset_window_is_done(&input->window, head->offset)) {
        take_record(input, head->offset, true); /* It ended before a restart. */
        return WEIR_OK;
    }
    weir_task_look_ahead(task, input->queue);
    if (task->stream_time_ms < timestamp_ms) {
        task->stream_time_ms = timestamp_ms; /* A late record never turns it back. */
    }
    weir_task_restart_idle_time(task);
    return head->timestamp_ms == timestamp_ms ? process_head(task, input, head, err)
                                              : process_at(task, input, head, timestamp_ms, err);
}

static weir_status punctuate_once(weir_task *task, const weir_punctuator *due, int64_t time_ms,
                                  weir_error *err)
{
    weir_refused refused = {.stage = WEIR_STAGE_PROCESSING, .effects = task->effects, .attempt = 1};
    task->current = (weir_task_current){
        .timestamp_ms = time_ms,
        .node = due->processor->context,
    };
    weir_context *context = due->processor->context;
    weir_processor *acting = weir_context_act(context, due->processor);
    weir_status status = due->punctuate(due->processor, time_ms, err);
    (void)weir_context_act(context, acting);
    if (status != WEIR_OK) {
        status = weir_task_handle_failure(task, &refused, status, err);
    }
    task->current = (weir_task_current){0};
    weir_arena_reset(task->arena);
    return status == WEIR_OK
               ? WEIR_OK
               : weir_error_wrap(err, status, "task %s: punctuation", task->planned->id);
}

static weir_status punctuate_type(weir_task *task, weir_punctuation_type type, int64_t time_ms,
                                  size_t *count, weir_error *err)
{
    weir_punctuator *due = weir_punctuations_next(task->punctuations, type, time_ms);
    while (due != NULL) {
        ++*count;
        WEIR_TRY(punctuate_once(task, due, time_ms, err));
        due = weir_punctuations_next(task->punctuations, type, time_ms);
    }
    return WEIR_OK;
}

static weir_status tell_idle(weir_task *task, size_t *count, weir_error *err)
{
    for (size_t i = 0; i < task->context_count; i++) {
        const weir_context *context = &task->contexts[i];
        if (context->on_idle != NULL) {
            const weir_punctuator told = {.processor = context->on_idle_of,
                                          .punctuate = context->on_idle};
            ++*count;
            WEIR_TRY(punctuate_once(task, &told, task->stream_time_ms, err));
        }
    }
    return WEIR_OK;
}

weir_status weir_task_punctuate(weir_task *task, size_t *out_count, weir_error *err)
{
    WEIR_ASSERT(task->phase == WEIR_TASK_RUNNING);
    *out_count = 0;
    if (weir_task_advance_idle_time(task)) {
        WEIR_TRY(tell_idle(task, out_count, err));
    }
    if (task->stream_time_ms >= 0) {
        WEIR_TRY(punctuate_type(task, WEIR_STREAM_TIME, task->stream_time_ms, out_count, err));
    }
    WEIR_TRY(punctuate_type(task, WEIR_WALL_CLOCK_TIME, task->environment->now_ms, out_count, err));
    WEIR_TRY(weir_task_fire_due(task, out_count, err));
    return weir_task_expire_windows(task, err);
}

int64_t weir_task_due_ms(const weir_task *task)
{
    int64_t alarm_ms = weir_task_alarm_ms(task);
    int64_t tick_ms = weir_punctuations_due_ms(task->punctuations, WEIR_WALL_CLOCK_TIME);
    int64_t idle_ms = weir_task_idle_due_ms(task);
    int64_t due_ms = alarm_ms < tick_ms ? alarm_ms : tick_ms;
    return due_ms < idle_ms ? due_ms : idle_ms;
}

weir_status weir_task_take_failure(weir_task *task, weir_error *err)
{
    weir_status status = task->failure.status;
    if (status != WEIR_OK) {
        if (err != NULL) {
            *err = task->failure;
        }
        task->failure = (weir_error){0};
        return weir_error_wrap(err, status, "task %s: completion", task->planned->id);
    }
    return WEIR_OK;
}
