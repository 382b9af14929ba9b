/* SPDX-License-Identifier: Apache-2.0
 *
 * application_workers.c - makes the workers, runs their loops, adds and removes them.
 *
 * To remove one is to take its tasks away, as a trade does, and to end its thread when the last one
 * has gone: the coordinator sees to both, for it alone knows which worker has what. A worker closes
 * its own connections, as the last thing that its thread does. One that fails may be replaced: its
 * thread goes on as a new worker would begin.
 *
 * Like application.c this is the edge, and reads the clock.
 */
#include "streams/coordinator_internal.h"

#include "streams/base/clock.h"
#include "streams/base/logging.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

enum { THREAD_NAME_BYTES = 16 };

static weir_counter *cpu_counter(const weir_application *application, size_t index)
{
    if (application->options.metrics == NULL) {
        return NULL;
    }
    WEIR_AUTO_FREE char *number = weir_format("%zu", index);
    const weir_label labels[] = {
        {"application_id", application->plan->application_id},
        {"thread_id", number},
    };
    return weir_metrics_counter(application->options.metrics,
                                (weir_metric_id){"weir_stream_thread_cpu_ns_total",
                                                 "CPU time of the thread, in nanoseconds.", labels,
                                                 WEIR_COUNT_OF(labels)});
}

weir_status weir_workers_open(weir_application *application, weir_error *err)
{
    size_t count = (size_t)application->options.config->stream_threads_max;
    size_t works = (size_t)application->options.config->num_stream_threads;
    application->workers = weir_alloc_array(count, sizeof(*application->workers));
    for (size_t i = 0; i < count; i++) {
        const weir_stream_thread_options options = {
            .plan = application->plan,
            .config = application->options.config,
            .broker = application->options.broker,
            .database = application->options.database,
            .metrics = application->options.metrics,
            .membership = application->membership,
            .process_id = application->process_id,
            .index = (int32_t)i,
            .never_waits = application->options.never_waits,
            .report = weir_application_take_report,
            .applied = weir_application_take_applied,
            .snapshots = application->options.snapshots,
            .find_snapshot = weir_application_find_snapshot,
            .user = application,
        };
        weir_application_worker *worker = &application->workers[i];
        worker->application = application;
        worker->cpu_ns = cpu_counter(application, i);
        worker->thread = weir_stream_thread_new(&options);
        application->worker_count = i + 1;
        if (i < works) {
            WEIR_TRY(weir_stream_thread_open(worker->thread, err));
            worker->state = WEIR_WORKER_WORKS;
        }
    }
    return WEIR_OK;
}

void weir_workers_free(weir_application *application)
{
    for (size_t i = 0; i < application->worker_count; i++) {
        weir_stream_thread_free(application->workers[i].thread);
    }
    free(application->workers);
}

/* Debuggers and profilers show the name: "weir-extract-0", cut to what the kernel takes. */
static void name_thread(const weir_application_worker *worker)
{
    char name[THREAD_NAME_BYTES];
    const weir_application *application = worker->application;
    (void)snprintf(name, sizeof(name), "%.13s-%zu", application->plan->application_id,
                   (size_t)(worker - application->workers));
    (void)pthread_setname_np(pthread_self(), name);
}

static void count_cpu(const weir_application_worker *worker, uint64_t *counted_ns)
{
    if (worker->cpu_ns != NULL) {
        uint64_t now_ns = weir_clock_thread_cpu_ns();
        weir_counter_add(worker->cpu_ns, now_ns - *counted_ns);
        *counted_ns = now_ns;
    }
}

static void wake_remover(weir_application_worker *worker)
{
    if (worker->remover != NULL) {
        weir_mailbox_wake(worker->remover);
    }
}

static weir_worker_state state_of(weir_application_worker *worker)
{
    pthread_mutex_lock(&worker->application->lock);
    weir_worker_state state = worker->state;
    pthread_mutex_unlock(&worker->application->lock);
    return state;
}

static void set_state(weir_application_worker *worker, weir_worker_state state)
{
    weir_application *application = worker->application;
    pthread_mutex_lock(&application->lock);
    worker->state = state;
    application->levels = application->levels || state == WEIR_WORKER_WORKS;
    if (state == WEIR_WORKER_RESTS) {
        wake_remover(worker);
    }
    pthread_mutex_unlock(&application->lock);
}

static void count_alive(const weir_application *application, int64_t more)
{
    if (application->alive_level != NULL) {
        weir_gauge_add(application->alive_level, more);
    }
}

static void fail(weir_application_worker *worker, const weir_error *exception, bool stops_all)
{
    weir_application *application = worker->application;
    set_state(worker, WEIR_WORKER_FAILED);
    count_alive(application, -1);
    pthread_mutex_lock(&application->lock);
    application->stops_all = application->stops_all || stops_all;
    pthread_mutex_unlock(&application->lock);
    weir_application_note_failure(application, exception->status, exception);
}

/* It gets no task before it is ready, and then its part of them; one that leaves just does so. */
static void replace(weir_application_worker *worker, const weir_error *exception)
{
    weir_application *application = worker->application;
    WEIR_LOG(WEIR_LOG_ERROR, NULL, "application=%s worker=%zu is replaced: %s",
             application->plan->application_id, (size_t)(worker - application->workers),
             exception->message);
    if (state_of(worker) == WEIR_WORKER_WORKS) {
        set_state(worker, WEIR_WORKER_STARTS);
    }
    weir_stream_thread_replace(worker->thread);
}

static weir_thread_exception_response ask_handler(const weir_application *application,
                                                  const weir_error *exception)
{
    const weir_application_options *options = &application->options;
    return options->uncaught_exception_handler == NULL
               ? WEIR_SHUTDOWN_CLIENT
               : options->uncaught_exception_handler(options->uncaught_exception_user, exception);
}

/* True where the worker goes on as a new one; else it ends, and the application with it. */
static bool replaces_failed(weir_application_worker *worker, weir_status status,
                            const weir_error *err)
{
    weir_application *application = worker->application;
    weir_error exception = *err;
    exception.status = status;
    if (application->failed_level != NULL) {
        weir_gauge_add(application->failed_level, 1);
    }
    weir_thread_exception_response response = ask_handler(application, &exception);
    bool replaced =
        response == WEIR_REPLACE_THREAD && weir_stream_thread_is_replaceable(worker->thread);
    if (replaced) {
        replace(worker, &exception);
    } else {
        fail(worker, &exception, response == WEIR_SHUTDOWN_APPLICATION);
    }
    weir_mailbox_wake(application->mailbox);
    return replaced;
}

/* One that was removed leaves its mailbox open: what comes late waits there until it is added. */
static void end_loop(weir_application_worker *worker)
{
    weir_application *application = worker->application;
    if (state_of(worker) == WEIR_WORKER_ENDS) {
        weir_stream_thread_rest(worker->thread);
        set_state(worker, WEIR_WORKER_ENDED);
    } else {
        weir_mailbox_close(weir_stream_thread_mailbox(worker->thread));
    }
    weir_mailbox_wake(application->mailbox);
}

static void *run_worker(void *argument)
{
    weir_application_worker *worker = argument;
    uint64_t counted_ns = 0;
    name_thread(worker);
    while (!worker->stopping) {
        bool busy = false;
        weir_error err = {0};
        weir_status status =
            weir_stream_thread_step(worker->thread, weir_clock_now_ms(), &busy, &err);
        if (status != WEIR_OK && !replaces_failed(worker, status, &err)) {
            break;
        }
        count_cpu(worker, &counted_ns);
        if (!busy && !worker->stopping) {
            weir_stream_thread_wait(worker->thread, weir_clock_now_ms());
        }
    }
    end_loop(worker);
    return NULL;
}

static weir_status start_worker(weir_application_worker *worker, weir_error *err)
{
    pthread_mutex_lock(&worker->application->threads_lock);
    worker->stopping = false;
    weir_stream_thread_measure(worker->thread, weir_clock_monotonic_ns);
    weir_status status = weir_application_start_thread(&worker->pthread, run_worker, worker, err);
    worker->started = status == WEIR_OK;
    pthread_mutex_unlock(&worker->application->threads_lock);
    return status;
}

weir_status weir_workers_start(weir_application *application, weir_error *err)
{
    for (size_t i = 0; i < application->worker_count; i++) {
        if (application->workers[i].state == WEIR_WORKER_WORKS) {
            WEIR_TRY(start_worker(&application->workers[i], err));
        }
    }
    return WEIR_OK;
}

static void stop_worker(void *consumer, void *argument)
{
    (void)consumer;
    ((weir_application_worker *)argument)->stopping = true;
}

/* Its thread has been told to end. What was still in its mailbox is done here. */
static void join(weir_application_worker *worker)
{
    weir_application *application = worker->application;
    pthread_join(worker->pthread, NULL);
    pthread_mutex_lock(&application->threads_lock);
    worker->started = false;
    (void)weir_mailbox_drain(weir_stream_thread_mailbox(worker->thread), worker->thread);
    pthread_mutex_unlock(&application->threads_lock);
}

void weir_workers_join(weir_application *application)
{
    for (size_t i = 0; i < application->worker_count; i++) {
        weir_application_worker *worker = &application->workers[i];
        if (worker->started) {
            weir_error err = {0};
            const weir_message message = {stop_worker, NULL, worker};
            (void)weir_mailbox_post(weir_stream_thread_mailbox(worker->thread), message, &err);
            join(worker);
            pthread_mutex_lock(&application->lock);
            wake_remover(worker); /* The close was faster. */
            pthread_mutex_unlock(&application->lock);
        }
    }
}

/* Which worker has a task, or will. */
static size_t place_of(const weir_slot *slot)
{
    return slot->moves ? slot->target : slot->worker;
}

/* How many tasks a worker has or is about to get. */
static size_t load_of(const weir_application *application, size_t worker)
{
    size_t load = 0;
    for (size_t i = 0; i < application->plan->task_count; i++) {
        const weir_slot *slot = &application->slots[i];
        load += slot->state != WEIR_SLOT_NONE && place_of(slot) == worker ? 1 : 0;
    }
    return load;
}

static bool works(const weir_application *application, size_t worker)
{
    return application->workers[worker].state == WEIR_WORKER_WORKS;
}

size_t weir_workers_least_loaded(const weir_application *application)
{
    size_t best = SIZE_MAX;
    size_t best_load = SIZE_MAX;
    for (size_t w = 0; w < application->worker_count; w++) {
        size_t load = works(application, w) ? load_of(application, w) : SIZE_MAX;
        if (load < best_load) {
            best = w;
            best_load = load;
        }
    }
    return best;
}

/* A running task that is not on its way already; NULL: the worker has none. */
static weir_slot *movable_task(const weir_application *application, size_t worker)
{
    for (size_t i = 0; i < application->plan->task_count; i++) {
        weir_slot *slot = &application->slots[i];
        if (slot->worker == worker && slot->role == WEIR_PLACE_RUN &&
            slot->state == WEIR_SLOT_RUNNING && !slot->moves) {
            return slot;
        }
    }
    return NULL;
}

/* A movable task of the worker with the most, which is one that has two more than least; NULL. */
static weir_slot *surplus_task(const weir_application *application, size_t least)
{
    weir_slot *best = NULL;
    size_t best_load = load_of(application, least) + 1;
    for (size_t w = 0; w < application->worker_count; w++) {
        size_t load = load_of(application, w);
        weir_slot *slot = load > best_load ? movable_task(application, w) : NULL;
        if (slot != NULL) {
            best = slot;
            best_load = load;
        }
    }
    return best;
}

void weir_workers_level(weir_application *application)
{
    pthread_mutex_lock(&application->lock);
    while (application->levels) {
        size_t least = weir_workers_least_loaded(application);
        weir_slot *slot = least == SIZE_MAX ? NULL : surplus_task(application, least);
        if (slot != NULL) {
            slot->moves = true;
            slot->target = least;
        }
        application->levels = slot != NULL;
    }
    pthread_mutex_unlock(&application->lock);
}

/* It may have none, and still answer. */
static bool has_left(weir_application_worker *worker)
{
    weir_application *application = worker->application;
    size_t index = (size_t)(worker - application->workers);
    bool has_task = false;
    pthread_mutex_lock(&application->lock);
    for (size_t i = 0; !has_task && i < application->plan->task_count; i++) {
        const weir_slot *slot = &application->slots[i];
        has_task = slot->worker == index &&
                   (slot->state != WEIR_SLOT_NONE || slot->replies_due > 0 || slot->holds_due > 0);
    }
    pthread_mutex_unlock(&application->lock);
    return !has_task;
}

static void log_change(const weir_application_worker *worker, const char *what)
{
    const weir_application *application = worker->application;
    WEIR_LOG(WEIR_LOG_INFO, NULL, "application=%s worker=%zu %s", application->plan->application_id,
             (size_t)(worker - application->workers), what);
}

static void set_rests(weir_application_worker *worker)
{
    count_alive(worker->application, -1);
    log_change(worker, "removed");
    set_state(worker, WEIR_WORKER_RESTS);
}

static bool has_thread(const weir_application_worker *worker)
{
    pthread_mutex_lock(&worker->application->threads_lock);
    bool started = worker->started;
    pthread_mutex_unlock(&worker->application->threads_lock);
    return started;
}

/* A full mailbox takes the message with the next step. */
static void end_worker(weir_application_worker *worker)
{
    if (!has_thread(worker)) {
        weir_stream_thread_rest(worker->thread);
        set_rests(worker);
        return;
    }
    weir_error err = {0};
    const weir_message message = {stop_worker, NULL, worker};
    set_state(worker, WEIR_WORKER_ENDS); /* Before it can look. */
    if (weir_mailbox_try_post(weir_stream_thread_mailbox(worker->thread), message, &err) !=
        WEIR_OK) {
        set_state(worker, WEIR_WORKER_LEAVES);
    }
}

static void step_worker(weir_application_worker *worker)
{
    weir_worker_state state = state_of(worker);
    if (state == WEIR_WORKER_STARTS &&
        weir_task_figures_is_ready(weir_stream_thread_figures(worker->thread))) {
        set_state(worker, WEIR_WORKER_WORKS);
    } else if (state == WEIR_WORKER_LEAVES && has_left(worker)) {
        end_worker(worker);
    } else if (state == WEIR_WORKER_ENDED) {
        join(worker);
        set_rests(worker);
    }
}

void weir_workers_step(weir_application *application)
{
    for (size_t i = 0; i < application->worker_count; i++) {
        step_worker(&application->workers[i]);
    }
}

static bool is_open(const weir_application *application)
{
    return application->state == WEIR_APPLICATION_REBALANCING ||
           application->state == WEIR_APPLICATION_RUNNING;
}

static weir_status refuse_state(const weir_application *application, weir_error *err)
{
    return weir_error_set(err, WEIR_INVALID,
                          "application %s is %s: workers come and go while it is RUNNING or "
                          "REBALANCING",
                          application->plan->application_id,
                          weir_application_state_name(application->state));
}

/* The first that rests is the caller's to start. */
static weir_status reserve(weir_application *application, weir_application_worker **out_worker,
                           weir_error *err)
{
    if (!is_open(application)) {
        return refuse_state(application, err);
    }
    for (size_t i = 0; i < application->worker_count; i++) {
        if (application->workers[i].state == WEIR_WORKER_RESTS) {
            *out_worker = &application->workers[i];
            (*out_worker)->state = WEIR_WORKER_STARTS;
            return WEIR_OK;
        }
    }
    return weir_error_set(err, WEIR_INVALID,
                          "all %zu workers that weir.stream.threads.max allows are there: raise it",
                          application->worker_count);
}

weir_status weir_application_add_stream_thread(weir_application *application, size_t *out_index,
                                               weir_error *err)
{
    weir_application_worker *worker = NULL;
    pthread_mutex_lock(&application->lock);
    weir_status status = reserve(application, &worker, err);
    pthread_mutex_unlock(&application->lock);
    WEIR_TRY(status);
    status = weir_stream_thread_open(worker->thread, err);
    if (status == WEIR_OK && weir_application_has_threads(application)) {
        status = start_worker(worker, err);
    }
    if (status != WEIR_OK) {
        weir_stream_thread_rest(worker->thread);
        set_state(worker, WEIR_WORKER_RESTS);
        return status;
    }
    count_alive(application, 1);
    log_change(worker, "added");
    weir_mailbox_wake(application->mailbox);
    *out_index = (size_t)(worker - application->workers);
    return WEIR_OK;
}

/* The last one of at least two. */
static weir_status choose_leaver(weir_application *application,
                                 weir_application_worker **out_worker, weir_error *err)
{
    size_t count = 0;
    if (!is_open(application)) {
        return refuse_state(application, err);
    }
    for (size_t i = 0; i < application->worker_count; i++) {
        if (works(application, i)) {
            count++;
            *out_worker = &application->workers[i];
        }
    }
    return count >= 2 ? WEIR_OK
                      : weir_error_set(err, WEIR_INVALID,
                                       "the last worker stays: close the application, or add one "
                                       "first");
}

/* Whether the worker rests, within timeout_ms. */
static bool wait_for_rest(weir_application_worker *worker, weir_mailbox *woken, int64_t timeout_ms)
{
    weir_application *application = worker->application;
    (void)weir_mailbox_wait(woken, (int)(timeout_ms < INT_MAX ? timeout_ms : INT_MAX));
    pthread_mutex_lock(&application->lock);
    bool rests = worker->state == WEIR_WORKER_RESTS;
    worker->remover = NULL;
    pthread_mutex_unlock(&application->lock);
    return rests;
}

weir_status weir_application_remove_stream_thread(weir_application *application, int64_t timeout_ms,
                                                  size_t *out_index, weir_error *err)
{
    WEIR_ASSERT(timeout_ms >= 0);
    WEIR_AUTO_PTR(weir_mailbox) woken = weir_mailbox_new(1);
    weir_application_worker *worker = NULL;
    pthread_mutex_lock(&application->lock);
    weir_status status = choose_leaver(application, &worker, err);
    if (status == WEIR_OK) {
        worker->state = WEIR_WORKER_LEAVES;
        worker->remover = woken;
    }
    pthread_mutex_unlock(&application->lock);
    WEIR_TRY(status);
    *out_index = (size_t)(worker - application->workers);
    weir_mailbox_wake(application->mailbox);
    if (wait_for_rest(worker, woken, timeout_ms)) {
        return WEIR_OK;
    }
    return weir_error_set(err, WEIR_AGAIN,
                          "worker %zu has not ended in %" PRId64 " ms: it does so by itself",
                          *out_index, timeout_ms);
}

size_t weir_application_stream_thread_count(weir_application *application)
{
    size_t count = 0;
    pthread_mutex_lock(&application->lock);
    for (size_t i = 0; i < application->worker_count; i++) {
        count += works(application, i) ? 1 : 0;
    }
    pthread_mutex_unlock(&application->lock);
    return count;
}

weir_status weir_application_step_worker(weir_application *application, size_t index,
                                         int64_t now_ms, bool *out_busy, weir_error *err)
{
    WEIR_ASSERT(!application->threaded);
    WEIR_ASSERT(index < application->worker_count);
    *out_busy = false;
    weir_application_worker *worker = &application->workers[index];
    if (worker->state == WEIR_WORKER_FAILED || worker->state == WEIR_WORKER_RESTS) {
        return WEIR_OK;
    }
    weir_error own = {0};
    weir_status status = weir_stream_thread_step(worker->thread, now_ms, out_busy, &own);
    if (status == WEIR_OK || replaces_failed(worker, status, &own)) {
        return WEIR_OK;
    }
    if (err != NULL) {
        *err = own;
    }
    return status;
}
