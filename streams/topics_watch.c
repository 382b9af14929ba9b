/* SPDX-License-Identifier: Apache-2.0
 *
 * topics_watch.c - a broker that is in trouble may take a minute for an answer, and the coordinator
 * has a group to poll: so each question has a short-lived thread. Where everything is one thread
 * (simulations), the answer is there at once.
 */
#include "streams/topics_watch.h"

#include "streams/base/logging.h"
#include "streams/internal_topics.h"

#include <pthread.h>
#include <stdlib.h>

enum { BROKER_CHECK_MS = 1000 };

struct weir_topics_watch {
    weir_broker *broker;
    const weir_plan *plan;
    int64_t interval_ms;
    int64_t last_ms; /* Of the last question; 0: the topics were just made sure of. */
    weir_buf told;   /* New topics that the log has been told of. */
    bool uses_threads;
    bool is_asking; /* There is a thread to join. */
    pthread_t thread;
    pthread_mutex_t lock;
    bool has_answered; /* Under lock, as the next. */
    weir_error answer;
};

weir_topics_watch *weir_topics_watch_new(weir_broker *broker, const weir_plan *plan,
                                         int64_t interval_ms)
{
    weir_topics_watch *watch = weir_alloc(sizeof(*watch));
    watch->broker = broker;
    watch->plan = plan;
    watch->interval_ms = interval_ms;
    pthread_mutex_init(&watch->lock, NULL);
    return watch;
}

void weir_topics_watch_free(weir_topics_watch *watch)
{
    if (watch == NULL) {
        return;
    }
    if (watch->is_asking) {
        pthread_join(watch->thread, NULL);
    }
    pthread_mutex_destroy(&watch->lock);
    weir_buf_cleanup(&watch->told);
    free(watch);
}

void weir_topics_watch_use_threads(weir_topics_watch *watch)
{
    watch->uses_threads = true;
}

weir_status weir_topics_watch_look(const weir_topics_watch *watch, weir_error *err)
{
    WEIR_TRY(weir_broker_check(watch->broker, BROKER_CHECK_MS, err));
    return weir_internal_topics_check(watch->broker, watch->plan, err);
}

/* A topic that a pattern matches changes what tasks read, which a plan fixes. */
static void tell_of_new_topics(weir_topics_watch *watch)
{
    WEIR_AUTO(weir_buf) names = {0};
    weir_status status = weir_internal_topics_find_new(watch->broker, watch->plan, &names, NULL);
    if (status != WEIR_OK ||
        weir_bytes_equal(weir_buf_bytes(&names), weir_buf_bytes(&watch->told))) {
        return;
    }
    weir_buf_set(&watch->told, weir_buf_bytes(&names));
    if (names.size > 0) {
        WEIR_LOG(WEIR_LOG_WARN, NULL,
                 "application=%s does not read new topics that a pattern matches, restart it: %s",
                 watch->plan->application_id, weir_buf_text(&names));
    }
}

/* A thread's body. */
static void *ask(void *argument)
{
    weir_topics_watch *watch = argument;
    weir_error err = {0};
    err.status = weir_topics_watch_look(watch, &err);
    if (err.status == WEIR_OK) {
        tell_of_new_topics(watch);
    }
    pthread_mutex_lock(&watch->lock);
    watch->answer = err;
    watch->has_answered = true;
    pthread_mutex_unlock(&watch->lock);
    return NULL;
}

static bool take_answer(weir_topics_watch *watch, weir_error *out_answer)
{
    pthread_mutex_lock(&watch->lock);
    bool has_answered = watch->has_answered;
    *out_answer = watch->answer;
    watch->has_answered = false;
    pthread_mutex_unlock(&watch->lock);
    if (has_answered && watch->is_asking) {
        pthread_join(watch->thread, NULL);
        watch->is_asking = false;
    }
    return has_answered;
}

/* Where no thread can be had, the question is put off. */
static void begin(weir_topics_watch *watch)
{
    if (!watch->uses_threads) {
        (void)ask(watch);
        return;
    }
    watch->is_asking = pthread_create(&watch->thread, NULL, ask, watch) == 0;
}

weir_status weir_topics_watch_step(weir_topics_watch *watch, int64_t now_ms, weir_error *err)
{
    watch->last_ms = watch->last_ms == 0 ? now_ms : watch->last_ms;
    if (!watch->is_asking && now_ms - watch->last_ms >= watch->interval_ms) {
        watch->last_ms = now_ms;
        begin(watch);
    }
    weir_error answer = {0};
    if (!take_answer(watch, &answer) || answer.status != WEIR_INVALID) {
        return WEIR_OK;
    }
    if (err != NULL) {
        *err = answer;
    }
    return WEIR_INVALID;
}
