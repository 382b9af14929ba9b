/* SPDX-License-Identifier: Apache-2.0
 *
 * application.c - makes an application, runs it in threads, ends it. With application_workers.c the
 * only file of streams/ that reads the clock, for it is the edge: everything below takes time as an
 * argument.
 */
#include "streams/coordinator_internal.h"

#include "streams/base/clock.h"
#include "streams/base/logging.h"
#include "streams/base/pages.h"
#include "streams/internal_topics.h"
#include "streams/lost_topics.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    COORDINATOR_MESSAGES_MAX = 1024,
    COORDINATOR_WAIT_MS = 50,
    QUESTION_TIMEOUT_MS = 5000,
    START_AGAIN_MS = 100,
};

static void choose_process_id(weir_application *application)
{
    const char *chosen = application->options.process_id;
    if (chosen == NULL) {
        chosen = application->options.config->group_instance_id;
    }
    application->process_id = weir_strdup(chosen == NULL ? "0" : chosen);
}

static weir_gauge *client_gauge(weir_application *application, const char *name, const char *help)
{
    const weir_label label = {"application_id", application->options.config->application_id};
    return weir_metrics_gauge(application->options.metrics,
                              (weir_metric_id){name, help, &label, 1});
}

static void make_metrics(weir_application *application)
{
    if (application->options.metrics == NULL) {
        return;
    }
    application->state_level = client_gauge(
        application, "weir_stream_client_state",
        "0 created, 1 rebalancing, 2 running, 3 pending shutdown, 4 not running, 5 pending error, "
        "6 error.");
    application->alive_level =
        client_gauge(application, "weir_stream_client_alive_stream_threads", "Workers that run.");
    application->failed_level = client_gauge(
        application, "weir_stream_client_failed_stream_threads", "Workers that have stopped.");
    application->paused_level =
        client_gauge(application, "weir_stream_client_paused", "1 while it is paused.");
    weir_gauge_set(application->state_level, WEIR_APPLICATION_CREATED);
    weir_gauge_set(application->paused_level, 0);
    weir_gauge_set(application->alive_level, application->options.config->num_stream_threads);
    weir_gauge_set(application->failed_level, 0);
    weir_memory_metrics_init(&application->memory, application->options.metrics,
                             application->options.config, application->options.database);
}

static weir_status make(const weir_application_options *options, weir_application **out_application,
                        weir_error *err)
{
    WEIR_AUTO_PTR(weir_application) application = weir_alloc(sizeof(*application));
    application->options = *options;
    pthread_mutex_init(&application->threads_lock, NULL);
    pthread_mutex_init(&application->lock, NULL);
    application->mailbox = weir_mailbox_new(COORDINATOR_MESSAGES_MAX);
    application->membership = weir_membership_new();
    choose_process_id(application);
    make_metrics(application);
    WEIR_TRY(weir_internal_topics_plan(options->broker, options->topology, options->config,
                                       &application->plan, err));
    WEIR_TRY(weir_lost_topics_check(options->broker, options->database, application->plan,
                                    options->config, err));
    WEIR_TRY(weir_internal_topics_create(options->broker, application->plan, options->config, err));
    application->slots =
        weir_alloc_array(application->plan->task_count, sizeof(*application->slots));
    WEIR_TRY(weir_workers_open(application, err));
    application->trader = weir_trader_new(application);
    application->cleanup = weir_state_cleanup_new(application->plan->task_count);
    application->topics_watch =
        weir_topics_watch_new(options->broker, options->config, application->plan);
    application->inputs = application->plan;
    WEIR_TRY(weir_placing_open(application, err));
    WEIR_TRY(weir_application_join(application, err));
    *out_application = weir_take(&application);
    return WEIR_OK;
}

/* A broker may go away or come back at any moment, of a start as well: what was made of it so far
 * is thrown away, and topics that were created are there the next time. */
weir_status weir_application_new(const weir_application_options *options,
                                 weir_application **out_application, weir_error *err)
{
    WEIR_ASSERT(options->topology != NULL && options->config != NULL && options->broker != NULL);
    if (options->start_timeout_ms == 0) {
        return make(options, out_application, err);
    }
    weir_error own = {0};
    int64_t until_ms = weir_clock_now_ms() + options->start_timeout_ms;
    weir_status status = make(options, out_application, &own);
    while (status == WEIR_IO && weir_clock_now_ms() < until_ms) {
        WEIR_LOG(WEIR_LOG_WARN, NULL, "application=%s start: %s", options->config->application_id,
                 own.message);
        (void)poll(NULL, 0, START_AGAIN_MS);
        status = make(options, out_application, &own);
    }
    if (status != WEIR_OK && err != NULL) {
        *err = own;
    }
    return status;
}

/* A thread has been joined. */
static void set_ended(weir_application *application, bool *of_thread)
{
    pthread_mutex_lock(&application->threads_lock);
    *of_thread = false;
    pthread_mutex_unlock(&application->threads_lock);
}

bool weir_application_has_threads(weir_application *application)
{
    pthread_mutex_lock(&application->threads_lock);
    bool started = application->workers[0].started;
    pthread_mutex_unlock(&application->threads_lock);
    return started;
}

/* A thread that may be asked. */
typedef struct party {
    const bool *has_thread; /* Under threads_lock. */
    weir_mailbox *mailbox;
    void *consumer;
} party;

static weir_status ask_party(weir_application *application, const party *asked,
                             weir_mailbox_question question, void *argument, uint32_t timeout_ms,
                             weir_error *err)
{
    weir_status status = WEIR_OK;
    pthread_mutex_lock(&application->threads_lock);
    bool has_thread = *asked->has_thread;
    if (!has_thread) {
        status = question(asked->consumer, argument, err);
    }
    pthread_mutex_unlock(&application->threads_lock);
    return has_thread ? weir_mailbox_call(asked->mailbox, question, argument, timeout_ms, err)
                      : status;
}

weir_status weir_application_ask_worker(weir_application *application, size_t worker,
                                        weir_mailbox_question question, void *argument,
                                        uint32_t timeout_ms, weir_error *err)
{
    weir_stream_thread *thread = application->workers[worker].thread;
    const party asked = {&application->workers[worker].started, weir_stream_thread_mailbox(thread),
                         thread};
    return ask_party(application, &asked, question, argument, timeout_ms, err);
}

weir_status weir_application_ask_coordinator(weir_application *application,
                                             weir_mailbox_question question, void *argument,
                                             uint32_t timeout_ms, weir_error *err)
{
    const party asked = {&application->threaded, application->mailbox, application};
    return ask_party(application, &asked, question, argument, timeout_ms, err);
}

weir_status weir_application_tell_worker(weir_application *application, size_t worker,
                                         weir_message message)
{
    const weir_application_worker *told = &application->workers[worker];
    pthread_mutex_lock(&application->threads_lock);
    bool started = told->started;
    if (!started) {
        message.run(told->thread, message.argument);
    }
    pthread_mutex_unlock(&application->threads_lock);
    return started ? weir_mailbox_post(weir_stream_thread_mailbox(told->thread), message, NULL)
                   : WEIR_OK;
}

static void join_threads(weir_application *application)
{
    weir_workers_join(application);
    if (application->threaded) {
        pthread_mutex_lock(&application->lock);
        application->abandoned = true;
        pthread_mutex_unlock(&application->lock);
        weir_mailbox_wake(application->mailbox);
        pthread_join(application->coordinator, NULL);
        set_ended(application, &application->threaded);
    }
}

void weir_application_free(weir_application *application)
{
    if (application == NULL) {
        return;
    }
    join_threads(application);
    weir_workers_free(application);
    weir_trader_free(application->trader);
    weir_state_cleanup_free(application->cleanup);
    weir_topics_watch_free(application->topics_watch);
    weir_placing_close(application);
    weir_membership_free(application->membership);
    weir_mailbox_free(application->mailbox);
    weir_plan_free(application->plan);
    pthread_mutex_destroy(&application->threads_lock);
    pthread_mutex_destroy(&application->lock);
    free(application->slots);
    free(application->process_id);
    free(application);
}

static bool is_at_end(weir_application *application)
{
    pthread_mutex_lock(&application->lock);
    bool end = application->abandoned || application->state == WEIR_APPLICATION_NOT_RUNNING ||
               application->state == WEIR_APPLICATION_ERROR;
    pthread_mutex_unlock(&application->lock);
    return end;
}

/* Before the first record: the memory that the start alone has needed. */
static void give_back_start(weir_application *application, bool *given_back)
{
    if (!*given_back && weir_application_state_now(application) == WEIR_APPLICATION_RUNNING) {
        weir_pages_give_back_files();
        *given_back = true;
    }
}

static void *run_coordinator(void *argument)
{
    weir_application *application = argument;
    bool given_back = false;
    while (!is_at_end(application)) {
        bool busy = false;
        /* A failure is in the state, for whoever asks. */
        (void)weir_application_step_coordinator(application, weir_clock_now_ms(), &busy, NULL);
        give_back_start(application, &given_back);
        if (!busy && !is_at_end(application)) {
            (void)weir_mailbox_wait(application->mailbox, COORDINATOR_WAIT_MS);
        }
    }
    return NULL;
}

weir_status weir_application_start_thread(pthread_t *thread, void *(*run)(void *), void *argument,
                                          weir_error *err)
{
    int code = pthread_create(thread, NULL, run, argument);
    return code == 0
               ? WEIR_OK
               : weir_error_set(err, WEIR_FATAL, "a thread cannot be started: error %d", code);
}

/* Nobody asks it here from the moment that it has a thread. */
static weir_status start_coordinator(weir_application *application, weir_error *err)
{
    pthread_mutex_lock(&application->threads_lock);
    weir_status status =
        weir_application_start_thread(&application->coordinator, run_coordinator, application, err);
    application->threaded = status == WEIR_OK;
    pthread_mutex_unlock(&application->threads_lock);
    return status;
}

weir_status weir_application_start(weir_application *application, weir_error *err)
{
    WEIR_ASSERT(!application->threaded);
    weir_topics_watch_use_threads(application->topics_watch);
    WEIR_TRY(weir_workers_start(application, err));
    return start_coordinator(application, err);
}

void weir_application_request_close(weir_application *application)
{
    pthread_mutex_lock(&application->lock);
    application->close_requested = true;
    pthread_mutex_unlock(&application->lock);
    weir_mailbox_wake(application->mailbox);
}

weir_status weir_application_close(weir_application *application, weir_error *err)
{
    WEIR_ASSERT(application->threaded);
    weir_application_request_close(application);
    pthread_join(application->coordinator, NULL);
    set_ended(application, &application->threaded);
    join_threads(application);
    return weir_application_failure(application, err);
}

/* In whatever order messages of several callers come, the last one finds the last word. */
static void follow_pause(void *consumer, void *argument)
{
    weir_stream_thread_set_paused(consumer, weir_application_is_paused(argument));
}

static void set_paused(weir_application *application, bool paused)
{
    pthread_mutex_lock(&application->lock);
    bool was_paused = application->paused;
    application->paused = paused;
    pthread_mutex_unlock(&application->lock);
    if (was_paused != paused) {
        WEIR_LOG(WEIR_LOG_INFO, NULL, "application=%s %s", application->plan->application_id,
                 paused ? "is paused" : "is resumed");
    }
    if (application->paused_level != NULL) {
        weir_gauge_set(application->paused_level, paused ? 1 : 0);
    }
    for (size_t i = 0; i < application->worker_count; i++) {
        const weir_message message = {follow_pause, NULL, application};
        /* One that has ended does nothing anyway. */
        (void)weir_application_tell_worker(application, i, message);
    }
}

void weir_application_pause(weir_application *application)
{
    set_paused(application, true);
}

void weir_application_resume(weir_application *application)
{
    set_paused(application, false);
}

bool weir_application_is_paused(weir_application *application)
{
    pthread_mutex_lock(&application->lock);
    bool paused = application->paused;
    pthread_mutex_unlock(&application->lock);
    return paused;
}

weir_application_state weir_application_state_now(weir_application *application)
{
    pthread_mutex_lock(&application->lock);
    weir_application_state state = application->state;
    pthread_mutex_unlock(&application->lock);
    return state;
}

const char *weir_application_state_name(weir_application_state state)
{
    static const char *const names[] = {
        [WEIR_APPLICATION_CREATED] = "CREATED",
        [WEIR_APPLICATION_REBALANCING] = "REBALANCING",
        [WEIR_APPLICATION_RUNNING] = "RUNNING",
        [WEIR_APPLICATION_PENDING_SHUTDOWN] = "PENDING_SHUTDOWN",
        [WEIR_APPLICATION_NOT_RUNNING] = "NOT_RUNNING",
        [WEIR_APPLICATION_PENDING_ERROR] = "PENDING_ERROR",
        [WEIR_APPLICATION_ERROR] = "ERROR",
    };
    WEIR_ASSERT((size_t)state < WEIR_COUNT_OF(names));
    return names[state];
}

const char *weir_application_id(const weir_application *application)
{
    return application->plan->application_id;
}

weir_status weir_application_failure(weir_application *application, weir_error *err)
{
    pthread_mutex_lock(&application->lock);
    weir_status status = application->failure.status;
    if (status != WEIR_OK && err != NULL) {
        *err = application->failure;
    }
    pthread_mutex_unlock(&application->lock);
    return status;
}

typedef struct worker_answer {
    bool idle;
    uint64_t activity;
} worker_answer;

static weir_status answer(void *consumer, void *argument, weir_error *err)
{
    (void)err;
    worker_answer *to = argument;
    to->idle = weir_stream_thread_is_idle(consumer);
    to->activity = weir_stream_thread_activity(consumer);
    return WEIR_OK;
}

/* Asks a worker; false where it doesn't answer. */
static bool ask(weir_application *application, size_t worker, worker_answer *out_answer)
{
    weir_error err = {0};
    return weir_application_ask_worker(application, worker, answer, out_answer, QUESTION_TIMEOUT_MS,
                                       &err) == WEIR_OK;
}

/* No task is between two workers, of which neither would tell of it, or was just lost. */
static bool is_settled(weir_application *application)
{
    pthread_mutex_lock(&application->lock);
    bool settled = application->state == WEIR_APPLICATION_RUNNING && !application->levels;
    for (size_t i = 0; settled && i < application->plan->task_count; i++) {
        const weir_slot *slot = &application->slots[i];
        settled =
            !slot->moves && (slot->role != WEIR_PLACE_RUN || slot->state == WEIR_SLOT_RUNNING);
    }
    pthread_mutex_unlock(&application->lock);
    return settled;
}

bool weir_application_is_idle(weir_application *application)
{
    if (!is_settled(application)) {
        return false;
    }
    for (size_t i = 0; i < application->worker_count; i++) {
        worker_answer got = {0};
        if (!ask(application, i, &got) || !got.idle) {
            return false;
        }
    }
    return true;
}

uint64_t weir_application_activity(weir_application *application)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < application->worker_count; i++) {
        worker_answer got = {0};
        sum += ask(application, i, &got) ? got.activity : 0;
    }
    return sum;
}

weir_status weir_application_step(weir_application *application, int64_t now_ms, bool *out_busy,
                                  weir_error *err)
{
    WEIR_TRY(weir_application_step_coordinator(application, now_ms, out_busy, err));
    for (size_t i = 0; i < application->worker_count; i++) {
        bool busy = false;
        WEIR_TRY(weir_application_step_worker(application, i, now_ms, &busy, err));
        *out_busy = *out_busy || busy;
    }
    return WEIR_OK;
}
