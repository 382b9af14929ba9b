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

/* The plans are freed with the watch: tasks borrow the names of topics from them. */
typedef struct made_plan {
    weir_plan *plan;
    struct made_plan *next;
} made_plan;

struct weir_topics_watch {
    weir_broker *broker;
    const weir_config *config;
    int64_t last_ms; /* Of the last question; 0: the topics were just made sure of. */
    weir_buf told;   /* Topics of which the log has been told that they are not read. */
    made_plan *made;
    bool uses_threads;
    bool is_asking; /* There is a thread to join. */
    pthread_t thread;
    pthread_mutex_t lock;
    const weir_plan *plan; /* Under lock, as the next. */
    bool has_answered;
    weir_error answer;
};

weir_topics_watch *weir_topics_watch_new(weir_broker *broker, const weir_config *config,
                                         const weir_plan *plan)
{
    weir_topics_watch *watch = weir_alloc(sizeof(*watch));
    watch->broker = broker;
    watch->config = config;
    watch->plan = plan;
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
    while (watch->made != NULL) {
        made_plan *next = watch->made->next;
        weir_plan_free(watch->made->plan);
        free(watch->made);
        watch->made = next;
    }
    pthread_mutex_destroy(&watch->lock);
    weir_buf_cleanup(&watch->told);
    free(watch);
}

void weir_topics_watch_use_threads(weir_topics_watch *watch)
{
    watch->uses_threads = true;
}

const weir_plan *weir_topics_watch_plan(weir_topics_watch *watch)
{
    pthread_mutex_lock(&watch->lock);
    const weir_plan *plan = watch->plan;
    pthread_mutex_unlock(&watch->lock);
    return plan;
}

weir_status weir_topics_watch_look(weir_topics_watch *watch, weir_error *err)
{
    WEIR_TRY(weir_broker_check(watch->broker, BROKER_CHECK_MS, err));
    return weir_internal_topics_check(watch->broker, weir_topics_watch_plan(watch), err);
}

static void change_plan(weir_topics_watch *watch, weir_plan *owned_plan)
{
    made_plan *made = weir_alloc(sizeof(*made));
    *made = (made_plan){owned_plan, watch->made};
    watch->made = made;
    pthread_mutex_lock(&watch->lock);
    watch->plan = owned_plan;
    pthread_mutex_unlock(&watch->lock);
}

static void warn_once(weir_topics_watch *watch, weir_buf *names, const char *why)
{
    if (weir_bytes_equal(weir_buf_bytes(names), weir_buf_bytes(&watch->told))) {
        return;
    }
    weir_buf_set(&watch->told, weir_buf_bytes(names));
    WEIR_LOG(WEIR_LOG_WARN, NULL,
             "application=%s does not read new topics that a pattern matches: %s: %s",
             watch->config->application_id, weir_buf_text(names), why);
}

/* Topics that tasks may read besides make a new plan. */
static weir_status follow_patterns(weir_topics_watch *watch, weir_error *err)
{
    WEIR_AUTO(weir_buf) names = {0};
    const weir_plan *plan = weir_topics_watch_plan(watch);
    WEIR_TRY(weir_internal_topics_find_new(watch->broker, plan, &names, err));
    if (names.size == 0) {
        weir_buf_clear(&watch->told);
        return WEIR_OK;
    }
    WEIR_AUTO_PTR(weir_plan) next = NULL;
    weir_error refusal = {0};
    weir_status status =
        weir_internal_topics_plan(watch->broker, plan->topology, watch->config, &next, &refusal);
    if (status == WEIR_INVALID) {
        warn_once(watch, &names, refusal.message);
    } else if (status == WEIR_OK && !weir_plan_only_reads_more(plan, next)) {
        warn_once(watch, &names, "they make other tasks, restart all processes to have them");
    } else if (status == WEIR_OK) {
        WEIR_LOG(WEIR_LOG_INFO, NULL, "application=%s reads new topics that a pattern matches: %s",
                 watch->config->application_id, weir_buf_text(&names));
        change_plan(watch, weir_take(&next));
    }
    return WEIR_OK;
}

/* A thread's body. */
static void *ask(void *argument)
{
    weir_topics_watch *watch = argument;
    weir_error err = {0};
    err.status = weir_broker_check(watch->broker, BROKER_CHECK_MS, &err);
    if (err.status == WEIR_OK) {
        err.status = follow_patterns(watch, &err);
    }
    if (err.status == WEIR_OK) {
        err.status = weir_internal_topics_check(watch->broker, weir_topics_watch_plan(watch), &err);
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
    if (!watch->is_asking && now_ms - watch->last_ms >= watch->config->topics_check_interval_ms) {
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
