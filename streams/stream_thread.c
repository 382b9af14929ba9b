/* SPDX-License-Identifier: Apache-2.0
 *
 * stream_thread.c - a worker's life and its pass.
 *
 *   messages ▸ settle ▸ bring up (begin, restore, run) ▸ input ▸ resources ▸ records ▸ punctuations
 *        ▲                                                                                   │
 *        └───────────────────────────── apply ◂ commit ◂─────────────────────────────────────┘
 *
 * A pass never waits but for acknowledgements. While a commit or the collector waits for room
 * nothing is processed, so a commit covers exactly what was processed before it was due.
 */
#include "streams/stream_thread_internal.h"

#include "streams/store_kinds.h"
#include "streams/watchers.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAILBOX_MESSAGES_MAX = 4096,
    WAIT_FDS_MAX = 64,
    QUANTUM_AT_START = 64,
    INPUT_BATCH_RECORDS_MAX = 128, /* Few, so they are in the processor's cache when processed. */
    LEVELS_INTERVAL_MS = 100,
    PUSH_INTERVAL_MS = 5,
    PUSH_WAIT_MS = 1,             /* For the producer's thread to begin; at 0 it would miss it. */
    PUSH_TRANSACTION_WAIT_MS = 4, /* First the broker has to take its partitions. */
};

static weir_status open_resources(weir_stream_thread *thread, weir_error *err)
{
    const weir_topology *topology = thread->options.plan->topology;
    thread->resources = weir_alloc_array(topology->resource_count, sizeof(void *));
    for (size_t i = 0; i < topology->resource_count; i++) {
        const weir_resource_options *options = &topology->resources[i].options;
        weir_status status = options->open(options->user, &thread->resources[i], err);
        if (status != WEIR_OK) {
            return weir_error_wrap(err, status, "resource %s", topology->resources[i].name);
        }
        thread->resources_open = i + 1;
    }
    return WEIR_OK;
}

static void close_resources(weir_stream_thread *thread)
{
    const weir_topology *topology = thread->options.plan->topology;
    for (size_t i = thread->resources_open; i > 0; i--) {
        topology->resources[i - 1].options.close(thread->resources[i - 1]);
    }
    thread->resources_open = 0;
    free(weir_take(&thread->resources));
}

static weir_status open_broker_handles(weir_stream_thread *thread, weir_error *err)
{
    const weir_collector_options collector_options = {
        .broker = thread->options.broker,
        .client_id = thread->client_id,
        .transactional_id = thread->transactional_id,
        .buffer_bytes_max = (size_t)thread->options.config->produce_bytes_max,
    };
    WEIR_TRY(weir_collector_new(&collector_options, &thread->collector, err));
    const weir_consumer_options consumer_options = {
        .client_id = thread->client_id,
        .isolation = WEIR_READ_COMMITTED,
        .batch_records_max = INPUT_BATCH_RECORDS_MAX,
        .fetch_bytes_max = (size_t)thread->options.config->fetch_bytes_max,
    };
    WEIR_TRY(weir_consumer_new(thread->options.broker, &consumer_options, &thread->consumer, err));
    return weir_restorer_new(thread->options.broker, thread->client_id,
                             (size_t)thread->options.config->restore_records_max, &thread->restorer,
                             err);
}

static void make_names(weir_stream_thread *thread)
{
    const weir_config *config = thread->options.config;
    const char *application_id = thread->options.plan->application_id;
    const char *client = config->client_id == NULL ? application_id : config->client_id;
    thread->client_id = weir_format("%s-%" PRId32, client, thread->options.index);
    if (config->processing_guarantee == WEIR_EXACTLY_ONCE) {
        thread->transactional_id = weir_format("%s-%s-%" PRId32, application_id,
                                               thread->options.process_id, thread->options.index);
    }
}

weir_stream_thread *weir_stream_thread_new(const weir_stream_thread_options *options)
{
    WEIR_ASSERT(options->process_id != NULL);
    WEIR_ASSERT(options->report != NULL);
    weir_stream_thread *thread = weir_alloc(sizeof(*thread));
    thread->options = *options;
    thread->quantum = QUANTUM_AT_START;
    thread->mailbox = weir_mailbox_new(MAILBOX_MESSAGES_MAX);
    thread->tasks = weir_alloc_array(options->plan->task_count, sizeof(*thread->tasks));
    thread->owned = weir_alloc_array(options->plan->task_count, sizeof(*thread->owned));
    thread->windowed = weir_alloc_array(options->plan->task_count, sizeof(*thread->windowed));
    thread->closing = weir_alloc_array(options->plan->task_count, sizeof(*thread->closing));
    thread->to_open = weir_alloc_array(options->plan->task_count, sizeof(*thread->to_open));
    thread->roles = weir_alloc_array(options->plan->task_count, sizeof(*thread->roles));
    thread->loads = weir_alloc_array(options->plan->task_count, sizeof(*thread->loads));
    thread->load_from = weir_alloc_array(options->plan->task_count, sizeof(*thread->load_from));
    thread->asking = weir_alloc_array(options->plan->task_count, sizeof(*thread->asking));
    thread->is_asked = weir_alloc_array(options->plan->task_count, sizeof(*thread->is_asked));
    thread->holds_due = weir_alloc_array(options->plan->task_count, sizeof(*thread->holds_due));
    thread->figures = weir_task_figures_new(options->plan->task_count);
    make_names(thread);
    weir_thread_metrics_init(&thread->metrics, options->metrics, options->plan->application_id,
                             options->index);
    thread->environment = (weir_task_environment){
        .plan = options->plan,
        .inputs = options->plan,
        .config = options->config,
        .broker = options->broker,
        .database = options->database,
        .metrics = options->metrics,
        .iterator_clock.now_ms = &thread->environment.now_ms,
        .cache.bytes_max = (size_t)(options->config->cache_bytes_max /
                                    options->config->stream_threads_max), /* As Kafka Streams. */
    };
    return thread;
}

weir_status weir_stream_thread_open(weir_stream_thread *thread, weir_error *err)
{
    weir_task_environment *environment = &thread->environment;
    WEIR_TRY(open_resources(thread, err));
    WEIR_TRY(open_broker_handles(thread, err));
    environment->collector = thread->collector;
    environment->consumer = thread->consumer;
    environment->resources = thread->resources;
    WEIR_TRY(weir_global_stores_new(environment, thread->client_id, &thread->globals, err));
    environment->globals = thread->globals;
    return WEIR_OK;
}

void weir_stream_thread_close(weir_stream_thread *thread)
{
    WEIR_ASSERT(thread->owned_count == 0);
    weir_task_figures_set_ready(thread->figures, false);
    close_resources(thread); /* After the tasks: what they deferred ends in there. */
    weir_restorer_free(weir_take(&thread->restorer));
    weir_global_stores_free(weir_take(&thread->globals));
    weir_consumer_free(weir_take(&thread->consumer));
    weir_collector_free(weir_take(&thread->collector));
}

void weir_stream_thread_rest(weir_stream_thread *thread)
{
    weir_stream_thread_close(thread);
    thread->failures = 0;
}

void weir_stream_thread_free(weir_stream_thread *thread)
{
    if (thread == NULL) {
        return;
    }
    weir_mailbox_close(thread->mailbox);
    while (thread->owned_count > 0) {
        weir_task *task = thread->owned[--thread->owned_count];
        weir_stream_thread_end_load(thread, task);
        weir_restorer_remove(thread->restorer, task);
        weir_task_free(task);
    }
    weir_watchers_free(&thread->environment);
    weir_stream_thread_close(thread);
    weir_mailbox_free(thread->mailbox);
    free(thread->tasks);
    free(thread->owned);
    free(thread->windowed);
    free(thread->closing);
    free(thread->to_open);
    free(thread->roles);
    free(thread->loads);
    free(thread->load_from);
    free(thread->asking);
    free(thread->is_asked);
    free(thread->holds_due);
    weir_task_figures_free(thread->figures);
    free(thread->client_id);
    free(thread->transactional_id);
    free(thread);
}

static void list_owned(weir_stream_thread *thread)
{
    thread->owned_count = 0;
    for (size_t i = 0; i < thread->options.plan->task_count; i++) {
        if (thread->tasks[i] != NULL) {
            thread->owned[thread->owned_count++] = thread->tasks[i];
        }
    }
    thread->windowed_count = 0;
    for (size_t i = 0; i < thread->owned_count; i++) {
        if (weir_task_has_windows(thread->owned[i])) {
            thread->windowed[thread->windowed_count++] = thread->owned[i];
        }
    }
    weir_thread_metrics_set(&thread->metrics, WEIR_LEVEL_TASKS, (int64_t)thread->owned_count);
}

void weir_stream_thread_report_held(weir_stream_thread *thread)
{
    for (size_t i = 0; i < thread->options.plan->task_count; i++) {
        for (; thread->holds_due[i] > 0; thread->holds_due[i]--) {
            thread->options.report(thread->options.user, i, WEIR_REPORT_HELD);
        }
    }
}

static void set_to_open(weir_stream_thread *thread, size_t index, bool to_open)
{
    if (thread->to_open[index] != to_open) {
        thread->to_open[index] = to_open;
        thread->to_open_count += to_open ? 1 : (size_t)-1;
    }
}

static void own(weir_stream_thread *thread, size_t task_index, weir_task *task)
{
    WEIR_ASSERT(thread->tasks[task_index] == NULL);
    thread->tasks[task_index] = task;
    thread->closing[task_index] = false;
    list_owned(thread);
    weir_thread_metrics_add(&thread->metrics, WEIR_COUNT_TASKS_CREATED, 1);
    thread->load_from[task_index] = WEIR_LOAD_FROM_PROCESS;
}

size_t weir_stream_thread_index(const weir_stream_thread *thread, const weir_task *task)
{
    size_t index = (size_t)(weir_task_planned(task) - thread->options.plan->tasks);
    WEIR_ASSERT(thread->tasks[index] == task);
    return index;
}

void weir_stream_thread_report(weir_stream_thread *thread, const weir_task *task,
                               weir_task_report report)
{
    thread->options.report(thread->options.user, weir_stream_thread_index(thread, task), report);
}

void weir_stream_thread_drop(weir_stream_thread *thread, weir_task *task, weir_task_report report)
{
    size_t index = weir_stream_thread_index(thread, task);
    weir_stream_thread_end_load(thread, task);
    weir_restorer_remove(thread->restorer, task);
    bool was_closing = thread->closing[index];
    thread->tasks[index] = NULL;
    thread->closing[index] = false;
    list_owned(thread);
    weir_task_free(task);
    weir_task_figures_set_changelog(thread->figures, index, WEIR_FIGURE_UNKNOWN,
                                    WEIR_FIGURE_UNKNOWN);
    weir_thread_metrics_add(&thread->metrics, WEIR_COUNT_TASKS_CLOSED, 1);
    if (was_closing) {
        report = WEIR_REPORT_CLOSED; /* Who waits for that must hear of it, whatever the cause. */
    }
    thread->options.report(thread->options.user, index, report);
}

/* A task that cannot be opened now (a broker that does not answer, a disk that is full) is opened
 * in a later pass: commands are run while the worker backs off, too, and must not fail in circles.
 */
static weir_status open_tasks(weir_stream_thread *thread, bool *busy, weir_error *err)
{
    for (size_t i = 0; thread->to_open_count > 0 && i < thread->options.plan->task_count; i++) {
        if (!thread->to_open[i]) {
            continue;
        }
        weir_task *task = NULL;
        WEIR_TRY(weir_task_new(&thread->environment, &thread->options.plan->tasks[i], &task, err));
        own(thread, i, task);
        set_to_open(thread, i, false);
        *busy = true;
    }
    return WEIR_OK;
}

typedef struct command {
    weir_task_command command;
    size_t task_index;
} command;

static void drop_task(weir_stream_thread *thread, weir_task *task)
{
    size_t index = weir_stream_thread_index(thread, task);
    if (thread->closing[index]) {
        thread->options.report(thread->options.user, index, WEIR_REPORT_CLOSED);
        thread->closing[index] = false;
    }
    /* What it has written is in the transaction of all: the transaction has to go with it. */
    if (weir_task_commit_needed(task)) {
        thread->command_failure.status =
            weir_error_set(&thread->command_failure, WEIR_IO, "task %s was taken away uncommitted",
                           weir_task_id(task));
    }
    weir_stream_thread_drop(thread, task, WEIR_REPORT_CLOSED);
}

/* A task may be where it is told to go: it never left, for a command took back the one before. */
static void report_if_reached(weir_stream_thread *thread, const weir_task *task)
{
    weir_task_phase phase = weir_task_phase_now(task);
    weir_task_role role = thread->roles[weir_stream_thread_index(thread, task)];
    if (role == WEIR_TASK_TO_RUN && phase == WEIR_TASK_RUNNING) {
        weir_stream_thread_report(thread, task, WEIR_REPORT_RUNNING);
    } else if (role == WEIR_TASK_TO_FOLLOW && phase == WEIR_TASK_STANDBY) {
        weir_stream_thread_report(thread, task, WEIR_REPORT_STANDBY);
    }
}

static void give_role(weir_stream_thread *thread, size_t index, weir_task_role role)
{
    weir_task *task = thread->tasks[index];
    set_to_open(thread, index, task == NULL);
    thread->roles[index] = role;
    if (task != NULL) {
        report_if_reached(thread, task);
    }
}

/* While the fate of a commit is not known, the task is not held as others understand it. */
static void hold_task(weir_stream_thread *thread, size_t index)
{
    weir_task *task = thread->tasks[index];
    set_to_open(thread, index, false);
    if (task != NULL) {
        thread->roles[index] = WEIR_TASK_TO_HOLD;
        weir_stream_thread_take_back(thread, task);
    }
    thread->holds_due[index]++;
    if (!thread->needs_reset) {
        weir_stream_thread_report_held(thread);
    }
}

static void end_task(weir_stream_thread *thread, size_t index, bool commit)
{
    weir_task *task = thread->tasks[index];
    set_to_open(thread, index, false);
    if (task == NULL) {
        thread->options.report(thread->options.user, index, WEIR_REPORT_CLOSED);
    } else if (commit) {
        thread->closing[index] = true;
        if (weir_task_phase_now(task) != WEIR_TASK_RUNNING) {
            thread->back_off_until_ms = 0; /* It closes without the broker. */
        }
    } else {
        drop_task(thread, task);
    }
}

static void run_command(void *consumer, void *argument)
{
    weir_stream_thread *thread = consumer;
    command *told = argument;
    switch (told->command) {
    case WEIR_COMMAND_OPEN:
        give_role(thread, told->task_index, WEIR_TASK_TO_RUN);
        break;
    case WEIR_COMMAND_STANDBY:
        give_role(thread, told->task_index, WEIR_TASK_TO_FOLLOW);
        break;
    case WEIR_COMMAND_HOLD:
        hold_task(thread, told->task_index);
        break;
    case WEIR_COMMAND_CLOSE:
        end_task(thread, told->task_index, true);
        break;
    case WEIR_COMMAND_DROP:
        end_task(thread, told->task_index, false);
        break;
    }
    free(told);
}

weir_status weir_stream_thread_post(weir_stream_thread *thread, weir_task_command kind,
                                    size_t task_index, weir_error *err)
{
    WEIR_ASSERT(task_index < thread->options.plan->task_count);
    command *told = weir_alloc(sizeof(*told));
    *told = (command){kind, task_index};
    weir_status status =
        weir_mailbox_try_post(thread->mailbox, (weir_message){run_command, free, told}, err);
    if (status != WEIR_OK) {
        free(told);
    }
    return status;
}

void weir_stream_thread_measure(weir_stream_thread *thread, uint64_t (*monotonic_ns)(void))
{
    thread->metrics.monotonic_ns = monotonic_ns;
    thread->environment.iterator_clock.monotonic_ns = monotonic_ns;
}

void weir_stream_thread_set_paused(weir_stream_thread *thread, bool is_paused)
{
    thread->is_paused = is_paused;
}

void weir_stream_thread_set_inputs(weir_stream_thread *thread, const weir_plan *inputs)
{
    thread->environment.inputs = inputs;
}

weir_mailbox *weir_stream_thread_mailbox(weir_stream_thread *thread)
{
    return thread->mailbox;
}

void weir_stream_thread_watch(weir_stream_thread *thread, weir_subscription *subscription)
{
    weir_watchers_add(&thread->environment, subscription, thread->owned, thread->owned_count);
}

void weir_stream_thread_unwatch(weir_stream_thread *thread, const weir_subscription *subscription)
{
    weir_watchers_remove(&thread->environment, subscription);
}

static weir_status take_command_failure(weir_stream_thread *thread, weir_error *err)
{
    weir_status status = thread->command_failure.status;
    if (status != WEIR_OK) {
        *err = thread->command_failure;
        thread->command_failure = (weir_error){0};
    }
    return status;
}

/* Another worker may have found out. */
static weir_status check_database(const weir_stream_thread *thread, weir_error *err)
{
    if (thread->owned_count > 0 && weir_stream_thread_database_is_broken(thread)) {
        return weir_error_set(err, WEIR_IO, "a write to the database failed: it is opened again");
    }
    return WEIR_OK;
}

static weir_status work(weir_stream_thread *thread, bool *busy, weir_error *err)
{
    WEIR_TRY(weir_stream_thread_settle(thread, busy, err));
    WEIR_TRY(take_command_failure(thread, err));
    WEIR_TRY(check_database(thread, err));
    WEIR_TRY(weir_stream_thread_apply_again(thread, err));
    thread->fills_globals = true;
    WEIR_TRY(weir_global_stores_poll(thread->globals, busy, err));
    thread->fills_globals = false;
    if (!weir_global_stores_are_complete(thread->globals)) {
        return WEIR_OK; /* No task is open yet, and none may see half of a table. */
    }
    weir_task_figures_set_ready(thread->figures, true);
    WEIR_TRY(open_tasks(thread, busy, err));
    WEIR_TRY(weir_stream_thread_bring_up(thread, busy, err));
    WEIR_TRY(weir_stream_thread_take_input(thread, busy, err));
    WEIR_TRY(weir_stream_thread_poll_resources(thread, err));
    weir_status unblocked = weir_collector_unblock(
        thread->collector,
        thread->options.never_waits ? 0 : (int32_t)thread->options.config->poll_ms, err);
    if (unblocked == WEIR_AGAIN) {
        return WEIR_OK;
    }
    WEIR_TRY(unblocked);
    if (!thread->commit_pending && !thread->is_paused) {
        WEIR_TRY(weir_stream_thread_process(thread, busy, err));
        WEIR_TRY(weir_stream_thread_punctuate(thread, busy, err));
    }
    WEIR_TRY(weir_stream_thread_commit(thread, busy, err));
    weir_stream_thread_look(thread, busy);
    return weir_stream_thread_apply(thread, err);
}

void weir_stream_thread_publish(weir_stream_thread *thread, const weir_task *task)
{
    weir_restore_lag lag = weir_restorer_lag(thread->restorer, task);
    bool is_known = weir_task_phase_now(task) != WEIR_TASK_CREATED;
    weir_task_figures_set_changelog(thread->figures, weir_stream_thread_index(thread, task),
                                    is_known ? lag.behind : WEIR_FIGURE_UNKNOWN, lag.position);
}

/* A lag asks the consumer for each partition, hence not in every pass. */
static void publish_levels(weir_stream_thread *thread)
{
    int64_t now_ms = thread->environment.now_ms;
    if (now_ms - thread->last_levels_ms < LEVELS_INTERVAL_MS) {
        return;
    }
    thread->last_levels_ms = now_ms;
    weir_thread_metrics_set(&thread->metrics, WEIR_LEVEL_RESTORE_REMAINING,
                            weir_restorer_remaining(thread->restorer));
    int64_t restoring = 0;
    int64_t standbys = 0;
    int64_t behind = 0;
    for (size_t i = 0; i < thread->owned_count; i++) {
        weir_task *task = thread->owned[i];
        weir_task_publish_levels(task);
        weir_stream_thread_publish(thread, task);
        restoring += weir_task_phase_now(task) == WEIR_TASK_RESTORING ? 1 : 0;
        if (weir_task_phase_now(task) == WEIR_TASK_STANDBY) {
            int64_t lag =
                weir_task_figures_lag(thread->figures, weir_stream_thread_index(thread, task));
            standbys++;
            behind += lag > 0 ? lag : 0;
        }
    }
    weir_thread_metrics_set(&thread->metrics, WEIR_LEVEL_RESTORING_TASKS, restoring);
    weir_thread_metrics_set(&thread->metrics, WEIR_LEVEL_STANDBY_TASKS, standbys);
    weir_thread_metrics_set(&thread->metrics, WEIR_LEVEL_STANDBY_LAG, behind);
}

static void time_commit(weir_stream_thread *thread, int64_t now_ms)
{
    if (thread->times_commit) {
        thread->times_commit = false;
        thread->commit_took_ms = now_ms - thread->last_commit_ms;
    }
}

weir_status weir_stream_thread_step(weir_stream_thread *thread, int64_t now_ms, bool *out_busy,
                                    weir_error *err)
{
    weir_error own = {0};
    err = err == NULL ? &own : err;
    uint64_t started_ns = weir_thread_metrics_now_ns(&thread->metrics);
    time_commit(thread, now_ms);
    thread->was_commit = thread->tried_commit;
    thread->tried_commit = false;
    thread->environment.now_ms = now_ms;
    *out_busy = weir_mailbox_drain(thread->mailbox, thread) > 0;
    if (now_ms < thread->back_off_until_ms) {
        *out_busy = false;
        return WEIR_OK;
    }
    if (thread->collector == NULL) {
        weir_status begun = weir_stream_thread_begin_anew(thread, err);
        if (begun != WEIR_OK) {
            return begun == WEIR_AGAIN ? WEIR_OK : begun;
        }
    }
    weir_status status = work(thread, out_busy, err);
    thread->was_busy = *out_busy;
    thread->last_pass_ms = now_ms;
    publish_levels(thread);
    if (*out_busy) {
        uint64_t ended_ns = weir_thread_metrics_now_ns(&thread->metrics);
        weir_task_figures_add_busy_ns(thread->figures, ended_ns - started_ns);
    }
    return status == WEIR_OK ? WEIR_OK : weir_stream_thread_react(thread, status, err);
}

static bool holds_back(const weir_stream_thread *thread)
{
    return thread->collector != NULL && weir_collector_holds_back(thread->collector);
}

static int64_t wait_ms(const weir_stream_thread *thread, int64_t now_ms)
{
    int64_t until_ms = now_ms + thread->options.config->poll_ms;
    if (now_ms < thread->back_off_until_ms) {
        return thread->back_off_until_ms < until_ms ? thread->back_off_until_ms - now_ms
                                                    : until_ms - now_ms;
    }
    if (thread->commit_pending) {
        until_ms = now_ms + 1;
    }
    int64_t push_ms = thread->last_push_ms + PUSH_INTERVAL_MS;
    if (holds_back(thread) && push_ms < until_ms) {
        until_ms = push_ms;
    }
    int64_t commit_ms = thread->last_commit_ms + weir_stream_thread_idle_commit_ms(thread);
    for (size_t i = 0; i < thread->owned_count; i++) {
        int64_t due_ms = thread->is_paused ? INT64_MAX : weir_task_due_ms(thread->owned[i]);
        until_ms = due_ms < until_ms ? due_ms : until_ms;
        if (weir_task_commit_needed(thread->owned[i]) && commit_ms < until_ms) {
            until_ms = commit_ms;
        }
    }
    return until_ms > now_ms ? until_ms - now_ms : 0;
}

static size_t add_fd(struct pollfd *fds, size_t count, int fd)
{
    if (fd >= 0 && count < WAIT_FDS_MAX) {
        fds[count++] = (struct pollfd){.fd = fd, .events = POLLIN};
    }
    return count;
}

/* The producer's linger is for throughput; whoever waits has time to write what lingers. */
static void push(weir_stream_thread *thread, int64_t now_ms)
{
    if (!holds_back(thread) || now_ms < thread->back_off_until_ms ||
        now_ms - thread->last_push_ms < PUSH_INTERVAL_MS) {
        return;
    }
    thread->last_push_ms = now_ms;
    weir_error err = {0};
    int32_t timeout_ms = thread->transactional_id == NULL ? PUSH_WAIT_MS : PUSH_TRANSACTION_WAIT_MS;
    weir_status status = weir_collector_push(thread->collector, timeout_ms, &err);
    if (status != WEIR_OK && thread->command_failure.status == WEIR_OK) {
        thread->command_failure = err;
        thread->command_failure.status = status;
    }
}

void weir_stream_thread_wait(weir_stream_thread *thread, int64_t now_ms)
{
    time_commit(thread, now_ms);
    push(thread, now_ms);
    struct pollfd fds[WAIT_FDS_MAX];
    size_t count = add_fd(fds, 0, weir_mailbox_fd(thread->mailbox));
    if (now_ms >= thread->back_off_until_ms && thread->collector != NULL) {
        count = add_fd(fds, count, weir_consumer_fd(thread->consumer));
        count = add_fd(fds, count, weir_global_stores_fd(thread->globals));
        if (weir_restorer_count(thread->restorer) > 0 && !thread->is_paused) {
            count = add_fd(fds, count, weir_restorer_fd(thread->restorer));
        }
    }
    for (size_t i = 0; i < thread->owned_count; i++) {
        const weir_snapshot_load *load =
            thread->loads[weir_stream_thread_index(thread, thread->owned[i])];
        count = load == NULL ? count : add_fd(fds, count, weir_snapshot_load_fd(load));
    }
    const weir_topology *topology = thread->options.plan->topology;
    for (size_t i = 0; i < thread->resources_open; i++) {
        if (topology->resources[i].options.fd != NULL) {
            count = add_fd(fds, count, topology->resources[i].options.fd(thread->resources[i]));
        }
    }
    (void)poll(fds, count, (int)wait_ms(thread, now_ms));
}

/* A standby is idle when it has stored all that its changelogs have. */
static bool is_idle(weir_stream_thread *thread, weir_task *task)
{
    switch (thread->roles[weir_stream_thread_index(thread, task)]) {
    case WEIR_TASK_TO_RUN:
        break;
    case WEIR_TASK_TO_FOLLOW:
        return weir_restorer_is_level(thread->restorer, task);
    case WEIR_TASK_TO_HOLD:
        return true;
    }
    return weir_task_is_idle(task);
}

bool weir_stream_thread_is_idle(weir_stream_thread *thread)
{
    if (thread->collector == NULL) {
        return thread->failures == 0; /* It rests, or is about to be replaced. */
    }
    if (thread->commit_pending || weir_collector_is_dirty(thread->collector) ||
        thread->needs_reset || thread->to_open_count > 0 ||
        !weir_global_stores_are_level(thread->globals)) {
        return false;
    }
    for (size_t i = 0; i < thread->owned_count; i++) {
        if (!is_idle(thread, thread->owned[i])) {
            return false;
        }
    }
    return true;
}

weir_task *weir_stream_thread_task(weir_stream_thread *thread, size_t task_index)
{
    WEIR_ASSERT(task_index < thread->options.plan->task_count);
    return thread->tasks[task_index];
}

size_t weir_stream_thread_task_count(const weir_stream_thread *thread)
{
    return thread->owned_count;
}

uint64_t weir_stream_thread_activity(const weir_stream_thread *thread)
{
    return thread->activity;
}

const weir_task_figures *weir_stream_thread_figures(const weir_stream_thread *thread)
{
    return thread->figures;
}

int64_t weir_stream_thread_changelog_lag(const weir_stream_thread *thread, size_t task_index)
{
    return weir_task_figures_lag(thread->figures, task_index);
}

int64_t weir_stream_thread_changelog_position(const weir_stream_thread *thread, size_t task_index)
{
    return weir_task_figures_position(thread->figures, task_index);
}
