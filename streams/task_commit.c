/* SPDX-License-Identifier: Apache-2.0
 *
 * task_commit.c - a task's part in a commit, and what others may ask about it.
 */
#include "streams/store_age.h"
#include "streams/store_index.h"
#include "streams/store_position.h"
#include "streams/task_internal.h"
#include "streams/watchers.h"

/* Where others write all the time, what they write without a term is taken at this pace. */
enum { READ_AGAIN_INTERVAL_MS = 1000 };

bool weir_task_commit_needed(const weir_task *task)
{
    return task->commit_needed;
}

bool weir_task_commit_requested(const weir_task *task)
{
    return task->commit_requested;
}

void weir_task_renew_offsets(weir_task *task)
{
    const weir_task_environment *environment = task->environment;
    int64_t age_ms = environment->now_ms - task->last_commit_ms;
    if (task->phase == WEIR_TASK_RUNNING &&
        age_ms >= environment->config->offset_renewal_interval_ms) {
        task->commit_needed = true;
    }
}

void weir_task_prepare_commit(weir_task *task, weir_offsets *offsets)
{
    WEIR_ASSERT(task->phase == WEIR_TASK_RUNNING);
    WEIR_ASSERT(task->failure.status == WEIR_OK);
    if (task->commit_needed) {
        weir_task_add_offsets(task, offsets);
    }
}

void weir_task_add_offsets(const weir_task *task, weir_offsets *offsets)
{
    WEIR_AUTO(weir_buf) metadata = {0};
    WEIR_AUTO(weir_kept_times) times = {0};
    weir_task_add_observed_times(task, &times);
    for (size_t i = 0; i < task->input_count; i++) {
        const weir_task_input *input = &task->inputs[i];
        weir_offset_window_encode(&input->window, weir_record_queue_partition_time_ms(input->queue),
                                  &times, &metadata);
        weir_offsets_add(offsets, input->partition, input->window.base, weir_buf_bytes(&metadata));
    }
}

/* How far the changelog has gone into the store with what the commit has just covered. */
static int64_t changelog_position(const weir_task *task, const weir_task_store *store)
{
    if (store->spec->options.changelog_is_source) {
        const weir_task_input *input = weir_task_input_of(task, store->changelog);
        WEIR_ASSERT(input != NULL && input->window.unfinished == 0);
        return input->window.base;
    }
    int64_t offset = 0;
    weir_status status = weir_collector_position(task->environment->collector, store->topic,
                                                 task->planned->partition, &offset);
    WEIR_ASSERT(status == WEIR_OK); /* It was written, and the commit has succeeded. */
    return offset;
}

/* Whether a former owner's records have come into the changelog since the store was restored: those
 * that are the store's own are counted. */
static bool has_others(const weir_task_store *store, int64_t offset)
{
    return store->term > 0 && !store->spec->options.changelog_is_source &&
           offset - store->changelog_offset > store->logged;
}

static void note_changelog_position(weir_task *task, weir_task_store *store)
{
    int64_t offset = changelog_position(task, store);
    WEIR_ASSERT(offset >= store->changelog_offset);
    store->dirty = false;
    store->looked_ms = task->environment->now_ms;
    store->term_seen = store->term > store->term_seen ? store->term : store->term_seen;
    weir_task_state_set_position(task->state, store->term_label, store->term_seen);
    weir_task_store_mark_level(store, task->environment->now_ms);
    weir_task_store_mark_time(store);
    weir_task_store_mark_index(store);
    weir_task_forget_outdated(store);
    if (has_others(store, offset)) {
        task->reads_again = true; /* From before them: the store's rows are right, and go along. */
        return;
    }
    store->changelog_offset = offset;
    store->logged = 0;
    weir_task_state_set_position(task->state, store->label, offset);
}

void weir_task_finish_commit(weir_task *task)
{
    task->commit_requested = false;
    if (!task->commit_needed) {
        return;
    }
    for (size_t i = 0; i < task->store_count; i++) {
        task->stores[i].observed.ms = weir_task_store_observed_ms(&task->stores[i]);
        if (task->stores[i].dirty) {
            note_changelog_position(task, &task->stores[i]);
        }
    }
    weir_task_state_commit(task->state);
    weir_task_note_committed(task);
    weir_watchers_task_committed(task);
    task->logged_committed += task->logged;
    task->logged = 0;
    task->commit_needed = false;
    task->wipes = 0;
    task->last_commit_ms = task->environment->now_ms;
    weir_task_publish_metrics(task);
}

static bool look_is_due(const weir_task_store *store)
{
    const weir_task_environment *environment = store->task->environment;
    return store->term > 0 && !store->spec->options.changelog_is_source &&
           environment->now_ms - store->looked_ms >=
               environment->config->changelog_check_interval_ms;
}

bool weir_task_look_is_due(const weir_task *task)
{
    bool is_due = false;
    for (size_t i = 0; i < task->store_count && !is_due; i++) {
        is_due = look_is_due(&task->stores[i]);
    }
    return is_due && task->phase == WEIR_TASK_RUNNING && !task->commit_needed && !task->reads_again;
}

void weir_task_look(weir_task *task)
{
    WEIR_ASSERT(!task->commit_needed);
    for (size_t i = 0; i < task->store_count; i++) {
        weir_task_store *store = &task->stores[i];
        if (!look_is_due(store)) {
            continue;
        }
        store->looked_ms = task->environment->now_ms;
        task->reads_again = task->reads_again || store->changelog_end > store->changelog_offset;
    }
}

bool weir_task_read_again(weir_task *task)
{
    WEIR_ASSERT(!task->commit_needed);
    int64_t now_ms = task->environment->now_ms;
    if (!task->reads_again || task->phase != WEIR_TASK_RUNNING ||
        now_ms - task->read_again_ms < READ_AGAIN_INTERVAL_MS) {
        return false;
    }
    task->read_again_ms = now_ms;
    weir_task_rollback(task); /* There is nothing to lose. */
    return true;
}

weir_status weir_task_purge(weir_task *task, weir_error *err)
{
    WEIR_ASSERT(!task->commit_needed);
    for (size_t i = 0; i < task->input_count; i++) {
        weir_task_input *input = &task->inputs[i];
        if (input->source->node->repartition < 0 || input->window.base <= input->purged_offset ||
            task->phase != WEIR_TASK_RUNNING) {
            continue;
        }
        weir_status status = weir_broker_delete_records(task->environment->broker, input->partition,
                                                        input->window.base, err);
        if (status != WEIR_OK) {
            return weir_error_wrap(err, status, "task %s: purge", task->planned->id);
        }
        input->purged_offset = input->window.base;
    }
    return WEIR_OK;
}

static weir_status wrap_apply(const weir_task *task, weir_status status, weir_error *err)
{
    return status == WEIR_OK || status == WEIR_AGAIN
               ? status
               : weir_error_wrap(err, status, "task %s: apply", task->planned->id);
}

weir_status weir_task_apply(weir_task *task, weir_error *err)
{
    WEIR_TRY(wrap_apply(task, weir_task_state_apply(task->state, err), err));
    task->logged_committed = 0;
    task->logged_behind = 0;
    return WEIR_OK;
}

weir_status weir_task_apply_behind(weir_task *task, weir_error *err)
{
    bool begins = !weir_task_state_is_behind(task->state);
    weir_status status = weir_task_state_apply_behind(task->state, err);
    if (begins && (status == WEIR_OK || status == WEIR_AGAIN)) {
        task->logged_behind = task->logged_committed;
        task->logged_committed = 0;
    }
    WEIR_TRY(wrap_apply(task, status, err));
    task->logged_behind = 0;
    return WEIR_OK;
}

uint64_t weir_task_logged_records(const weir_task *task)
{
    return task->logged_committed + task->logged_behind;
}

size_t weir_task_staged_bytes(const weir_task *task)
{
    return weir_task_state_staged_bytes(task->state);
}

size_t weir_task_committed_bytes(const weir_task *task)
{
    return weir_task_state_committed_bytes(task->state);
}

weir_task_phase weir_task_phase_now(const weir_task *task)
{
    return task->phase;
}

const char *weir_task_id(const weir_task *task)
{
    return task->planned->id;
}

uint32_t weir_task_wipes(const weir_task *task)
{
    return task->wipes;
}

const weir_planned_task *weir_task_planned(const weir_task *task)
{
    return task->planned;
}

bool weir_task_is_idle(weir_task *task)
{
    if (task->phase != WEIR_TASK_RUNNING || task->commit_needed || task->reads_again ||
        task->async_count > 0 || weir_partition_group_record_count(task->group) > 0) {
        return false;
    }
    for (size_t i = 0; i < task->input_count; i++) {
        int64_t lag = 0;
        weir_status status =
            weir_consumer_lag(task->environment->consumer, task->inputs[i].partition, &lag);
        if (status != WEIR_OK || lag > 0) {
            return false;
        }
    }
    return true;
}

weir_kv *weir_task_committed_view(weir_task *task, const char *store)
{
    return weir_task_state_committed_view(task->state, store);
}

int64_t weir_task_committed_time_ms(weir_task *task, const char *store)
{
    return weir_task_store_named(task, store)->observed.ms;
}
