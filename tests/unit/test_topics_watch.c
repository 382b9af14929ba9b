/* SPDX-License-Identifier: Apache-2.0
 *
 * The look whether topics are still there (streams/topics_watch.c), of a broker that lets one wait.
 */
#include "streams/topics_watch.h"

#include "streams/base/logging.h"
#include "streams/broker_ops.h"
#include "streams/internal_topics.h"
#include "tests/harness/check.h"
#include "tests/harness/count_application.h"
#include "tests/harness/count_topology.h"
#include "tests/harness/sim_broker.h"

#include <poll.h>
#include <pthread.h>
#include <string.h>

enum { INTERVAL_MS = 1000, TRIES_MAX = 60000, START_MS = 5000 };

/* A broker that does not describe topics before it may. */
static const weir_broker_ops *original;
static weir_broker_ops waiting;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool may_answer;
static int questions;

static weir_status describe_when_allowed(weir_broker *broker, weir_topic_query *queries,
                                         size_t count, weir_error *err)
{
    pthread_mutex_lock(&lock);
    questions++;
    pthread_cond_broadcast(&changed);
    while (!may_answer) {
        pthread_cond_wait(&changed, &lock);
    }
    pthread_mutex_unlock(&lock);
    return original->describe_topics(broker, queries, count, err);
}

static void wait_for_question(int number)
{
    pthread_mutex_lock(&lock);
    while (questions < number) {
        pthread_cond_wait(&changed, &lock);
    }
    CHECK_I64(questions, ==, number);
    pthread_mutex_unlock(&lock);
}

static void allow(bool answer)
{
    pthread_mutex_lock(&lock);
    may_answer = answer;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static weir_status step_until_told(weir_topics_watch *watch, int64_t now_ms, weir_error *err)
{
    weir_status status = WEIR_OK;
    for (int i = 0; i < TRIES_MAX && status == WEIR_OK; i++) {
        status = weir_topics_watch_step(watch, now_ms, err);
        (void)poll(NULL, 0, 1);
    }
    return status;
}

TEST(the_answer_of_a_slow_broker_is_not_waited_for)
{
    count_application a = {0};
    count_application_start(&a, false, NULL, 0);
    count_application_run(&a);
    weir_plan *plan = NULL;
    CHECK_OK(weir_internal_topics_plan(a.broker, a.topology, &a.config, &plan, &a.err), &a.err);
    original = a.broker->ops;
    waiting = *original;
    waiting.describe_topics = describe_when_allowed;
    a.broker->ops = &waiting;
    weir_topics_watch *watch = weir_topics_watch_new(a.broker, plan, INTERVAL_MS);
    weir_topics_watch_use_threads(watch);
    CHECK_OK(weir_topics_watch_step(watch, START_MS, &a.err), &a.err);
    CHECK_OK(weir_topics_watch_step(watch, START_MS + INTERVAL_MS, &a.err), &a.err);
    wait_for_question(1);
    /* While it waits there is no second question, and no news. */
    CHECK_OK(weir_topics_watch_step(watch, START_MS + 5 * INTERVAL_MS, &a.err), &a.err);
    CHECK_OK(weir_topics_watch_step(watch, START_MS + 9 * INTERVAL_MS, &a.err), &a.err);
    wait_for_question(1);
    CHECK_OK(weir_broker_delete_topic(a.broker, "counter-counts-changelog", &a.err), &a.err);
    allow(true);
    CHECK_STATUS(step_until_told(watch, START_MS + INTERVAL_MS, &a.err), WEIR_INVALID);
    CHECK(strstr(a.err.message, "counter-counts-changelog") != NULL);
    /* It is told once, and asked again an interval later. */
    CHECK_OK(weir_topics_watch_step(watch, START_MS + INTERVAL_MS, &a.err), &a.err);
    CHECK_STATUS(step_until_told(watch, START_MS + 20 * INTERVAL_MS, &a.err), WEIR_INVALID);
    wait_for_question(2);
    weir_topics_watch_free(watch);
    weir_plan_free(plan);
    a.broker->ops = original;
    count_application_cleanup(&a);
}

static void add_line(void *context, weir_bytes line)
{
    weir_buf_append(context, line.data, line.size);
}

TEST(new_topics_that_a_pattern_matches_are_warned_of_once)
{
    weir_error err = {0};
    const weir_setting settings[] = {{"application.id", "app"}};
    weir_config config = {0};
    CHECK_OK(weir_config_init(&config, settings, 1, &err), &err);
    WEIR_AUTO_PTR(weir_broker) broker = sim_broker_new(1);
    WEIR_AUTO_PTR(weir_topology) topology = weir_topology_new();
    weir_topology_add_source(topology, "in", &(weir_source_options){.pattern = "in-.*"});
    CHECK_OK(weir_topology_build(topology, &err), &err);
    weir_topic_config topic = {.name = "in-1", .partition_count = 1};
    CHECK_OK(weir_broker_create_topic(broker, &topic, &err), &err);
    WEIR_AUTO_PTR(weir_plan) plan = NULL;
    CHECK_OK(weir_internal_topics_plan(broker, topology, &config, &plan, &err), &err);
    CHECK_OK(weir_internal_topics_create(broker, plan, &config, &err), &err);

    WEIR_AUTO(weir_buf) lines = {0};
    weir_log_redirect(add_line, &lines);
    weir_topics_watch *watch = weir_topics_watch_new(broker, plan, INTERVAL_MS);
    CHECK_OK(weir_topics_watch_step(watch, START_MS, &err), &err);
    CHECK_OK(weir_topics_watch_step(watch, START_MS + INTERVAL_MS, &err), &err);
    CHECK_I64(lines.size, ==, 0);
    topic.name = "in-2";
    CHECK_OK(weir_broker_create_topic(broker, &topic, &err), &err);
    CHECK_OK(weir_topics_watch_step(watch, START_MS + 2 * INTERVAL_MS, &err), &err);
    CHECK(strstr(weir_buf_text(&lines), "level=warn") != NULL);
    CHECK(strstr(weir_buf_text(&lines), "restart it: in-2") != NULL);
    weir_buf_clear(&lines);
    CHECK_OK(weir_topics_watch_step(watch, START_MS + 3 * INTERVAL_MS, &err), &err);
    weir_log_redirect(NULL, NULL);
    CHECK_I64(lines.size, ==, 0);
    weir_topics_watch_free(watch);
    weir_config_cleanup(&config);
}

TEST(a_watch_that_is_freed_waits_for_its_question)
{
    count_application a = {0};
    count_application_start(&a, false, NULL, 0);
    weir_plan *plan = NULL;
    CHECK_OK(weir_internal_topics_plan(a.broker, a.topology, &a.config, &plan, &a.err), &a.err);
    weir_topics_watch *watch = weir_topics_watch_new(a.broker, plan, INTERVAL_MS);
    weir_topics_watch_use_threads(watch);
    CHECK_OK(weir_topics_watch_step(watch, START_MS, &a.err), &a.err);
    CHECK_OK(weir_topics_watch_step(watch, START_MS + INTERVAL_MS, &a.err), &a.err);
    weir_topics_watch_free(watch); /* The thread may not even have begun. */
    weir_plan_free(plan);
    count_application_cleanup(&a);
}
