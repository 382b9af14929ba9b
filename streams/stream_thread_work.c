/* SPDX-License-Identifier: Apache-2.0
 *
 * stream_thread_work.c - the parts of a worker's pass, in the order in which the pass calls them.
 */
#include "streams/stream_thread_internal.h"

#include "streams/base/alloc.h"
#include "streams/base/logging.h"
#include "streams/store_kinds.h"
#include "streams/task_offsets.h"
#include "streams/task_store_internal.h"

enum {
    INPUT_BATCHES_A_PASS = 8,
    QUESTION_TASKS_MAX = 64, /* That share a question to the broker. */
    RESTORE_BATCHES_A_PASS = 16,
    SMALL_SLICE_RECORDS = 32 * 1024,
    TASK_TURN_RECORDS = 128, /* Records of a task before the next one has its turn. */
    QUANTUM_MIN = 1,
    QUANTUM_MAX = 8192,
    CLOSE_FAILURES_MAX = 3,
    LOOK_INTERVAL_MS = 100,     /* Between rounds in which no task was due. */
    IDLE_COMMIT_TIMES_TOOK = 2, /* So many times what the last commit has taken, at the soonest. */
    PASS_GOAL_MS = 10,          /* A pass of more than this hurts commits and queries. */
};

static weir_status begin(weir_stream_thread *thread, weir_task *task, weir_error *err)
{
    /* Its generation is that of its ownership, not one that has just begun and gave it away. */
    weir_status status = WEIR_OK;
    if (thread->options.config->processing_guarantee == WEIR_AT_LEAST_ONCE) {
        status =
            weir_membership_settled(thread->options.membership, &thread->environment.generation);
    }
    status = status == WEIR_OK ? weir_task_begin(task, err) : status;
    if (status == WEIR_AGAIN) {
        return WEIR_OK; /* The offsets are not settled: with the next pass. */
    }
    WEIR_TRY(status);
    return weir_restorer_add(thread->restorer, task, err);
}

/* A zombie must not take its successor's generation for that of a group which began anew, or its
 * records would win: it asks the group, which takes offsets of its members only. They are those
 * that the task has just read. */
static weir_status confirm_generation(weir_stream_thread *thread, const weir_task *task,
                                      weir_error *err)
{
    if (!weir_task_doubts_generation(task)) {
        return WEIR_OK;
    }
    WEIR_AUTO(weir_offsets) offsets = {0};
    weir_task_add_offsets(task, &offsets);
    return weir_membership_commit(thread->options.membership, &offsets, err);
}

static weir_status run(weir_stream_thread *thread, weir_task *task, bool *busy, weir_error *err)
{
    weir_status status = confirm_generation(thread, task, err);
    if (status == WEIR_AGAIN) {
        return WEIR_OK; /* The group rebalances: with the next pass. */
    }
    WEIR_TRY(status);
    WEIR_TRY(weir_task_run(task, err));
    *busy = true;
    weir_stream_thread_publish(thread, task);
    weir_stream_thread_report(thread, task, WEIR_REPORT_RUNNING);
    return WEIR_OK;
}

/* Whether a task in a phase that it begins from may begin: answers of the broker are there, and no
 * snapshot is on its way to a new one. */
static weir_status may_begin(weir_stream_thread *thread, weir_task *task, bool *out_may, bool *busy,
                             weir_error *err)
{
    bool loading = false;
    if (weir_task_phase_now(task) == WEIR_TASK_CREATED) {
        WEIR_TRY(weir_stream_thread_load(thread, task, &loading, busy, err));
    }
    *out_may = !loading && thread->is_asked[weir_stream_thread_index(thread, task)];
    return WEIR_OK;
}

static weir_status bring_up_active(weir_stream_thread *thread, weir_task *task, bool *busy,
                                   weir_error *err)
{
    weir_task_phase phase = weir_task_phase_now(task);
    bool begins = false;
    if (phase == WEIR_TASK_CREATED || phase == WEIR_TASK_STANDBY) {
        WEIR_TRY(may_begin(thread, task, &begins, busy, err));
    }
    if (begins) {
        WEIR_TRY(begin(thread, task, err));
    }
    if (weir_task_phase_now(task) == WEIR_TASK_RESTORING && weir_restorer_is_done(task)) {
        WEIR_TRY(run(thread, task, busy, err));
    }
    return WEIR_OK;
}

/* One that still runs is committed first. */
static weir_status bring_up_standby(weir_stream_thread *thread, weir_task *task, bool *busy,
                                    weir_error *err)
{
    weir_task_phase phase = weir_task_phase_now(task);
    bool begins = false;
    if (phase == WEIR_TASK_CREATED || phase == WEIR_TASK_RESTORING) {
        WEIR_TRY(may_begin(thread, task, &begins, busy, err));
    }
    if (begins) {
        weir_task_follow(task);
        WEIR_TRY(weir_restorer_follow(thread->restorer, task, err));
        *busy = true;
        weir_stream_thread_publish(thread, task);
        weir_stream_thread_report(thread, task, WEIR_REPORT_STANDBY);
    }
    return WEIR_OK;
}

/* True where the next step of a task needs answers of the broker. */
static bool asks_broker(const weir_stream_thread *thread, const weir_task *task)
{
    weir_task_phase phase = weir_task_phase_now(task);
    size_t index = weir_stream_thread_index(thread, task);
    if (thread->loads[index] != NULL) {
        return false;
    }
    switch (thread->roles[index]) {
    case WEIR_TASK_TO_RUN:
        return phase == WEIR_TASK_CREATED || phase == WEIR_TASK_STANDBY;
    case WEIR_TASK_TO_FOLLOW:
        return phase == WEIR_TASK_CREATED || phase == WEIR_TASK_RESTORING;
    case WEIR_TASK_TO_HOLD:
        break;
    }
    return false;
}

static weir_status bring_up_task(weir_stream_thread *thread, weir_task *task, bool *busy,
                                 weir_error *err)
{
    size_t index = weir_stream_thread_index(thread, task);
    if (asks_broker(thread, task) && !thread->is_asked[index]) {
        *busy = true; /* With a later pass. */
        return WEIR_OK;
    }
    switch (thread->roles[index]) {
    case WEIR_TASK_TO_RUN:
        return bring_up_active(thread, task, busy, err);
    case WEIR_TASK_TO_FOLLOW:
        return bring_up_standby(thread, task, busy, err);
    case WEIR_TASK_TO_HOLD:
        break;
    }
    return WEIR_OK;
}

/* The tasks for which the broker is asked in this pass, in turn; those to run come first in
 * thread->asking. *out_run_count is how many they are. */
static size_t choose_asking(weir_stream_thread *thread, size_t *out_run_count)
{
    size_t owned = thread->owned_count;
    size_t first = owned == 0 ? 0 : thread->next_to_bring_up % owned;
    size_t count = 0;
    *out_run_count = 0;
    for (size_t n = 0; n < owned; n++) {
        size_t i = (first + n) % owned;
        weir_task *task = thread->owned[i];
        size_t index = weir_stream_thread_index(thread, task);
        thread->is_asked[index] = count < QUESTION_TASKS_MAX && asks_broker(thread, task);
        if (!thread->is_asked[index]) {
            continue;
        }
        thread->next_to_bring_up = i + 1;
        thread->asking[count++] = task;
        if (thread->roles[index] == WEIR_TASK_TO_RUN) {
            thread->asking[count - 1] = thread->asking[*out_run_count];
            thread->asking[(*out_run_count)++] = task;
        }
    }
    return count;
}

/* Many tasks share a question, but not hundreds: those that run already go on meanwhile, and one
 * whose offsets are not settled keeps nobody else waiting. */
static weir_status bring_up_all(weir_stream_thread *thread, bool *busy, weir_error *err)
{
    size_t run_count = 0;
    size_t count = choose_asking(thread, &run_count);
    WEIR_TRY(weir_tasks_ask_inputs(thread->asking, run_count, err));
    WEIR_TRY(weir_tasks_ask_changelogs(thread->asking, count, err));
    for (size_t i = 0; i < thread->owned_count; i++) {
        thread->culprit = thread->owned[i];
        WEIR_TRY(bring_up_task(thread, thread->owned[i], busy, err));
    }
    thread->culprit = NULL;
    return WEIR_OK;
}

/* Puts on disk what a task has; without, it restores more when it is opened again. That takes
 * memory, while what its records took, or the task before it, lies unused. */
static weir_status store_task(weir_stream_thread *thread, weir_task *task, weir_error *err)
{
    weir_alloc_give_back();
    thread->restorer_failed = true;
    WEIR_TRY(weir_restorer_store(thread->restorer, task, err));
    thread->restorer_failed = false;
    return weir_task_apply(task, err);
}

/* A disk that goes on failing must not keep the process from its end. */
static weir_status close_task(weir_stream_thread *thread, weir_task *task, weir_error *err)
{
    thread->culprit = task;
    weir_status status = store_task(thread, task, err);
    if (status == WEIR_IO && thread->failures >= CLOSE_FAILURES_MAX) {
        const weir_log_place place = {.task = weir_task_id(task)};
        WEIR_LOG(WEIR_LOG_WARN, &place, "closed, its latest state is not on disk: %s",
                 err->message);
    } else if (status != WEIR_OK) {
        return status;
    }
    weir_stream_thread_drop(thread, task, WEIR_REPORT_CLOSED);
    thread->culprit = NULL;
    return WEIR_OK;
}

/* Closes what has nothing to commit because it is not running: a worker that does not reach the
 * broker must be able to end. */
static weir_status close_stopped(weir_stream_thread *thread, bool *busy, weir_error *err)
{
    for (size_t i = thread->owned_count; i > 0; i--) {
        weir_task *task = thread->owned[i - 1];
        if (thread->closing[weir_stream_thread_index(thread, task)] &&
            weir_task_phase_now(task) != WEIR_TASK_RUNNING) {
            WEIR_TRY(close_task(thread, task, err));
            *busy = true;
        }
    }
    return WEIR_OK;
}

weir_status weir_stream_thread_settle(weir_stream_thread *thread, bool *busy, weir_error *err)
{
    weir_status reset =
        thread->needs_reset ? weir_collector_reset(thread->collector, err) : WEIR_OK;
    thread->needs_reset = reset != WEIR_OK;
    weir_stream_thread_report_held(thread); /* The old producer is gone, whatever reset says. */
    WEIR_TRY(close_stopped(thread, busy, err));
    return reset;
}

static void count_restored(weir_stream_thread *thread, const weir_restore_progress *progress,
                           uint64_t started_ns)
{
    uint64_t records = progress->restored + progress->followed;
    thread->activity += records;
    weir_thread_metrics_add(&thread->metrics, WEIR_COUNT_RESTORE_RECORDS, progress->restored);
    weir_thread_metrics_add(&thread->metrics, WEIR_COUNT_RESTORE_OUTDATED, progress->outdated);
    weir_thread_metrics_add(&thread->metrics, WEIR_COUNT_RESTORE_REFUSED, progress->refused);
    weir_thread_metrics_add(&thread->metrics, WEIR_COUNT_STANDBY_RECORDS, progress->followed);
    weir_thread_metrics_took(&thread->metrics, WEIR_DURATION_RESTORE, started_ns);
    if (thread->options.applied != NULL && thread->options.database != NULL) {
        thread->options.applied(thread->options.user, records);
    }
}

/* Beside tasks that run, a slice is small: to store a quarter of a million records of standbys at
 * once is cheapest, and takes 150 ms, for which their records would wait. */
static weir_restore_slice slice_of(const weir_stream_thread *thread)
{
    weir_restore_slice slice = {
        .batches_max = RESTORE_BATCHES_A_PASS,
        .now_ms = thread->environment.now_ms,
    };
    for (size_t i = 0; i < thread->owned_count; i++) {
        if (weir_task_phase_now(thread->owned[i]) == WEIR_TASK_RUNNING) {
            slice.kept_max = SMALL_SLICE_RECORDS;
        }
    }
    return slice;
}

static weir_status expire_standbys(weir_stream_thread *thread, bool *busy, weir_error *err)
{
    weir_tasks_look_at_kept_times(thread->windowed, thread->windowed_count);
    for (size_t i = 0; i < thread->windowed_count; i++) {
        weir_task *task = thread->windowed[i];
        size_t removed = 0;
        if (weir_task_phase_now(task) == WEIR_TASK_STANDBY) {
            thread->culprit = task;
            WEIR_TRY(weir_task_expire_standby(task, &removed, err));
        }
        *busy = *busy || removed > 0;
    }
    thread->culprit = NULL;
    return WEIR_OK;
}

/* A slice of what is restored and followed. */
static weir_status restore(weir_stream_thread *thread, bool *busy, weir_error *err)
{
    weir_restore_progress progress = {0};
    uint64_t started_ns = weir_thread_metrics_now_ns(&thread->metrics);
    const weir_restore_slice slice = slice_of(thread);
    weir_status status = weir_restorer_run(thread->restorer, &slice, &progress, err);
    thread->culprit = progress.culprit;
    thread->restorer_failed = status != WEIR_OK;
    WEIR_TRY(status);
    if (progress.restored + progress.followed > 0) {
        *busy = true;
        count_restored(thread, &progress, started_ns);
    }
    return WEIR_OK;
}

weir_status weir_stream_thread_bring_up(weir_stream_thread *thread, bool *busy, weir_error *err)
{
    if (thread->is_paused) { /* A task that has nothing to restore runs all the same, and waits. */
        return bring_up_all(thread, busy, err);
    }
    WEIR_TRY(restore(thread, busy, err));
    WEIR_TRY(bring_up_all(thread, busy, err));
    return expire_standbys(thread, busy, err);
}

weir_status weir_stream_thread_take_input(weir_stream_thread *thread, bool *busy, weir_error *err)
{
    uint64_t started_ns = weir_thread_metrics_now_ns(&thread->metrics);
    uint64_t polled = 0;
    for (size_t i = 0; i < INPUT_BATCHES_A_PASS; i++) {
        weir_batch *batch = NULL;
        weir_status status = weir_consumer_poll(thread->consumer, 0, &batch, err);
        if (status == WEIR_AGAIN) {
            break;
        }
        if (status == WEIR_CORRUPT) { /* No store is: the records after the commit are gone. */
            return weir_error_wrap(err, WEIR_INVALID, "input");
        }
        WEIR_TRY(status);
        polled += batch->count;
        weir_task_input_add(batch->tag, batch);
        *busy = true;
    }
    if (polled > 0) {
        weir_thread_metrics_add(&thread->metrics, WEIR_COUNT_POLL_RECORDS, polled);
        weir_thread_metrics_took(&thread->metrics, WEIR_DURATION_POLL, started_ns);
    }
    for (size_t i = 0; i < thread->owned_count; i++) {
        weir_task_refresh_inputs(thread->owned[i]);
    }
    return WEIR_OK;
}

weir_status weir_stream_thread_poll_resources(weir_stream_thread *thread, weir_error *err)
{
    const weir_topology *topology = thread->options.plan->topology;
    for (size_t i = 0; i < thread->resources_open; i++) {
        const weir_resource_options *options = &topology->resources[i].options;
        if (options->poll != NULL) {
            WEIR_TRY(options->poll(thread->resources[i], thread->environment.now_ms, err));
        }
    }
    for (size_t i = 0; i < thread->owned_count; i++) {
        thread->culprit = thread->owned[i];
        WEIR_TRY(weir_task_take_failure(thread->owned[i], err));
    }
    thread->culprit = NULL;
    return WEIR_OK;
}

static bool is_running(const weir_stream_thread *thread, const weir_task *task)
{
    size_t index = weir_stream_thread_index(thread, task);
    return weir_task_phase_now(task) == WEIR_TASK_RUNNING && !thread->closing[index] &&
           thread->roles[index] == WEIR_TASK_TO_RUN;
}

/* Up to records_max of one task; *out_count says how many. */
static weir_status process_task(weir_stream_thread *thread, weir_task *task, size_t records_max,
                                size_t *out_count, weir_error *err)
{
    *out_count = 0;
    while (*out_count < records_max && weir_collector_has_room(thread->collector)) {
        weir_status status = weir_task_process(task, err);
        if (status == WEIR_AGAIN) {
            break;
        }
        WEIR_TRY(status);
        ++*out_count;
    }
    return weir_task_take_failure(task, err);
}

/* The quantum follows how long passes take, so that slow processors don't hold up commits. A pass
 * with a commit tells nothing of them: where commits are slow the quantum would go down to 1. */
static void adapt_quantum(weir_stream_thread *thread)
{
    int64_t took_ms = thread->environment.now_ms - thread->last_pass_ms;
    if (!thread->was_busy || thread->was_commit) {
        return;
    }
    if (took_ms > PASS_GOAL_MS && thread->quantum > QUANTUM_MIN) {
        thread->quantum /= 2;
    } else if (took_ms < PASS_GOAL_MS && thread->quantum < QUANTUM_MAX) {
        thread->quantum += (thread->quantum + 3) / 4;
    }
}

weir_status weir_stream_thread_process(weir_stream_thread *thread, bool *busy, weir_error *err)
{
    adapt_quantum(thread);
    uint64_t started_ns = weir_thread_metrics_now_ns(&thread->metrics);
    size_t left = thread->quantum;
    size_t total = 0;
    bool progress = true;
    while (left > 0 && progress) {
        progress = false;
        for (size_t i = 0; i < thread->owned_count && left > 0; i++) {
            weir_task *task = thread->owned[i];
            if (!is_running(thread, task)) {
                continue;
            }
            size_t count = 0;
            thread->culprit = task;
            WEIR_TRY(process_task(thread, task, left < TASK_TURN_RECORDS ? left : TASK_TURN_RECORDS,
                                  &count, err));
            weir_task_figures_add_processed(thread->figures, weir_stream_thread_index(thread, task),
                                            count);
            left -= count;
            total += count;
            progress = progress || count > 0;
        }
    }
    thread->culprit = NULL;
    *busy = *busy || total > 0;
    thread->activity += total;
    if (total > 0) {
        weir_thread_metrics_add(&thread->metrics, WEIR_COUNT_PROCESS_RECORDS, total);
        weir_thread_metrics_took(&thread->metrics, WEIR_DURATION_PROCESS, started_ns);
    }
    return WEIR_OK;
}

weir_status weir_stream_thread_punctuate(weir_stream_thread *thread, bool *busy, weir_error *err)
{
    uint64_t started_ns = weir_thread_metrics_now_ns(&thread->metrics);
    uint64_t total = 0;
    for (size_t i = 0; i < thread->owned_count; i++) {
        if (!is_running(thread, thread->owned[i])) {
            continue;
        }
        size_t count = 0;
        thread->culprit = thread->owned[i];
        WEIR_TRY(weir_task_punctuate(thread->owned[i], &count, err));
        total += count;
    }
    thread->culprit = NULL;
    if (total > 0) {
        *busy = true;
        weir_thread_metrics_add(&thread->metrics, WEIR_COUNT_PUNCTUATIONS, total);
        weir_thread_metrics_took(&thread->metrics, WEIR_DURATION_PUNCTUATE, started_ns);
    }
    return WEIR_OK;
}

/* Whether a task waits for a commit that is its last one for now. */
static bool any_ending(const weir_stream_thread *thread)
{
    for (size_t i = 0; i < thread->owned_count; i++) {
        const weir_task *task = thread->owned[i];
        if (weir_task_phase_now(task) == WEIR_TASK_RUNNING && !is_running(thread, task)) {
            return true;
        }
    }
    return false;
}

/* In a transaction nobody sees a record before the commit, so where there is nothing else to do it
 * comes sooner than it must. Not where a cache lets go of its writes with it, and tells others; and
 * not before what the transaction began with is written, or the commit would wait for that, and
 * what comes meanwhile for the next one. */
int64_t weir_stream_thread_idle_commit_ms(const weir_stream_thread *thread)
{
    const weir_config *config = thread->options.config;
    int64_t interval_ms = config->commit_interval_ms;
    bool is_pushed = thread->options.never_waits || !weir_collector_holds_back(thread->collector);
    if (thread->transactional_id == NULL || thread->environment.cache.held_bytes > 0 ||
        !weir_collector_is_dirty(thread->collector) || !is_pushed) {
        return interval_ms;
    }
    int64_t idle_ms = IDLE_COMMIT_TIMES_TOOK * thread->commit_took_ms;
    idle_ms = idle_ms < config->commit_idle_ms ? config->commit_idle_ms : idle_ms;
    return idle_ms < interval_ms ? idle_ms : interval_ms;
}

/* The interval counts from the beginning of the last commit. A cluster may need longer than that:
 * then records are processed for as long as an interval in between, and not in a single pass. */
static int64_t busy_commit_ms(const weir_stream_thread *thread)
{
    int64_t interval_ms = thread->options.config->commit_interval_ms;
    int64_t took_ms = thread->commit_took_ms;
    int64_t shared_ms = took_ms + (took_ms < interval_ms ? took_ms : interval_ms);
    return shared_ms > interval_ms ? shared_ms : interval_ms;
}

static bool commit_is_due(const weir_stream_thread *thread, bool is_idle)
{
    const weir_config *config = thread->options.config;
    int64_t interval_ms =
        is_idle ? weir_stream_thread_idle_commit_ms(thread) : busy_commit_ms(thread);
    if (thread->commit_pending || any_ending(thread) ||
        weir_collector_wants_commit(thread->collector) ||
        thread->environment.now_ms - thread->last_commit_ms >= interval_ms) {
        return true;
    }
    size_t staged = 0;
    for (size_t i = 0; i < thread->owned_count; i++) {
        if (weir_task_commit_requested(thread->owned[i])) {
            return true;
        }
        staged += weir_task_staged_bytes(thread->owned[i]);
    }
    return staged > (size_t)config->staged_bytes_max;
}

static weir_status end_committed(weir_stream_thread *thread, bool *busy, weir_error *err)
{
    for (size_t i = thread->owned_count; i > 0; i--) {
        weir_task *task = thread->owned[i - 1];
        if (weir_task_phase_now(task) != WEIR_TASK_RUNNING || is_running(thread, task)) {
            continue;
        }
        *busy = true;
        if (thread->closing[weir_stream_thread_index(thread, task)]) {
            WEIR_TRY(close_task(thread, task, err));
        } else {
            weir_task_rollback(task); /* There is nothing to lose; it follows with a later pass. */
            weir_stream_thread_report(thread, task, WEIR_REPORT_STANDBY);
        }
    }
    return WEIR_OK;
}

/* Late records of former owners: they are skipped, and what they hide is logged again, before a
 * compaction can make them the last word. */
static void read_changelogs_again(weir_stream_thread *thread)
{
    for (size_t i = 0; i < thread->owned_count; i++) {
        if (weir_task_read_again(thread->owned[i])) {
            const weir_log_place place = {.task = weir_task_id(thread->owned[i])};
            WEIR_LOG(WEIR_LOG_INFO, &place,
                     "others have written to its changelogs: it reads them again");
        }
    }
}

/* Whoever writes to a changelog sees others' records there with the commit; here are those who do
 * not write. As many a pass as share a question. */
void weir_stream_thread_look(weir_stream_thread *thread, bool *busy)
{
    int64_t now_ms = thread->environment.now_ms;
    if (now_ms - thread->last_look_ms < LOOK_INTERVAL_MS) {
        return;
    }
    size_t count = 0;
    for (size_t i = 0; i < thread->owned_count && count < QUESTION_TASKS_MAX; i++) {
        weir_task *task = thread->owned[i];
        if (is_running(thread, task) && weir_task_look_is_due(task)) {
            thread->asking[count++] = task;
        }
    }
    thread->last_look_ms = count < QUESTION_TASKS_MAX ? now_ms : thread->last_look_ms;
    *busy = *busy || count > 0;
    weir_error err = {0};
    if (weir_tasks_ask_changelogs(thread->asking, count, &err) != WEIR_OK) {
        WEIR_LOG(WEIR_LOG_DEBUG, NULL, "%s", err.message); /* Another time: they know no more. */
    }
    for (size_t i = 0; i < count; i++) {
        weir_task_look(thread->asking[i]);
    }
}

/* Right after a commit. What cannot be deleted now is deleted another time. */
static void purge_if_due(weir_stream_thread *thread)
{
    const weir_config *config = thread->options.config;
    if (thread->environment.now_ms - thread->last_purge_ms <
        config->repartition_purge_interval_ms) {
        return;
    }
    thread->last_purge_ms = thread->environment.now_ms;
    for (size_t i = 0; i < thread->owned_count; i++) {
        weir_error err = {0};
        if (weir_task_purge(thread->owned[i], &err) != WEIR_OK) {
            WEIR_LOG(WEIR_LOG_DEBUG, NULL, "%s", err.message);
        }
    }
}

weir_status weir_stream_thread_commit(weir_stream_thread *thread, bool *busy, weir_error *err)
{
    if (!commit_is_due(thread, !*busy)) {
        return WEIR_OK;
    }
    for (size_t i = 0; i < thread->owned_count; i++) {
        weir_task_renew_offsets(thread->owned[i]);
    }
    const weir_commit commit = {
        .tasks = thread->owned,
        .task_count = thread->owned_count,
        .collector = thread->collector,
        .membership = thread->options.membership,
        .flush_timeout_ms =
            thread->options.never_waits ? 0 : (int32_t)thread->options.config->poll_ms,
    };
    bool unknown = false;
    bool needed = weir_commit_is_needed(&commit);
    thread->tried_commit = needed;
    uint64_t started_ns = weir_thread_metrics_now_ns(&thread->metrics);
    weir_status status = weir_commit_run(&commit, &unknown, err);
    thread->commit_pending = status == WEIR_AGAIN;
    if (status == WEIR_AGAIN) {
        return WEIR_OK;
    }
    thread->needs_reset = thread->needs_reset || unknown;
    if (status != WEIR_OK) {
        return weir_error_wrap(err, status, "commit");
    }
    thread->last_commit_ms = thread->environment.now_ms;
    purge_if_due(thread);
    if (needed) {
        thread->times_commit = true;
        thread->failures = 0;
        thread->activity++;
        weir_thread_metrics_add(&thread->metrics, WEIR_COUNT_COMMITS, 1);
        weir_thread_metrics_took(&thread->metrics, WEIR_DURATION_COMMIT, started_ns);
    }
    WEIR_TRY(end_committed(thread, busy, err));
    read_changelogs_again(thread);
    return WEIR_OK;
}

static size_t committed_bytes(const weir_stream_thread *thread)
{
    size_t bytes = 0;
    for (size_t i = 0; i < thread->owned_count; i++) {
        bytes += weir_task_committed_bytes(thread->owned[i]);
    }
    return bytes;
}

static bool apply_is_due(const weir_stream_thread *thread)
{
    const weir_config *config = thread->options.config;
    size_t committed = committed_bytes(thread);
    uint64_t logged = 0;
    for (size_t i = 0; i < thread->owned_count; i++) {
        logged += weir_task_logged_records(thread->owned[i]);
    }
    bool late = thread->environment.now_ms - thread->last_apply_ms >= config->apply_interval_ms;
    return committed > (size_t)config->apply_bytes_max ||
           logged > (uint64_t)config->apply_records_max || (committed > 0 && late);
}

/* Behind, unless more is committed meanwhile than the disk takes. */
static weir_status apply_task(const weir_stream_thread *thread, weir_task *task, weir_error *err)
{
    size_t limit = (size_t)thread->options.config->apply_bytes_max;
    return committed_bytes(thread) > limit + limit / 4 ? weir_task_apply(task, err)
                                                       : weir_task_apply_behind(task, err);
}

static void finish_apply(weir_stream_thread *thread)
{
    thread->last_apply_ms = thread->environment.now_ms;
    if (thread->options.applied != NULL && thread->applied_records > 0) {
        thread->options.applied(thread->options.user, thread->applied_records);
    }
    thread->applied_records = 0;
}

weir_status weir_stream_thread_apply_again(weir_stream_thread *thread, weir_error *err)
{
    for (size_t i = 0; thread->apply_failed && i < thread->owned_count; i++) {
        thread->culprit = thread->owned[i];
        WEIR_TRY(weir_task_apply(thread->owned[i], err));
    }
    thread->apply_failed = false;
    thread->culprit = NULL;
    return WEIR_OK;
}

/* A task a pass: commits and queries wait for one task's batch, not for all of them. */
weir_status weir_stream_thread_apply(weir_stream_thread *thread, weir_error *err)
{
    if (thread->options.database == NULL) {
        return WEIR_OK;
    }
    if (thread->to_apply == 0 && apply_is_due(thread)) {
        thread->to_apply = thread->owned_count;
    }
    if (thread->to_apply > thread->owned_count) {
        thread->to_apply = thread->owned_count; /* Some have left. */
    }
    if (thread->to_apply == 0) {
        return WEIR_OK;
    }
    weir_task *task = thread->owned[thread->to_apply - 1];
    uint64_t started_ns = weir_thread_metrics_now_ns(&thread->metrics);
    uint64_t logged = weir_task_logged_records(task);
    thread->culprit = task;
    thread->apply_failed = true;
    weir_status status = apply_task(thread, task, err);
    if (status != WEIR_AGAIN) {
        WEIR_TRY(status);
    }
    thread->apply_failed = false;
    thread->culprit = NULL;
    if (status == WEIR_AGAIN) {
        return WEIR_OK;
    }
    thread->applied_records += logged;
    weir_thread_metrics_took(&thread->metrics, WEIR_DURATION_APPLY, started_ns);
    if (--thread->to_apply == 0) {
        finish_apply(thread);
    }
    return WEIR_OK;
}
