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
    a.config.topics_check_interval_ms = INTERVAL_MS;
    weir_topics_watch *watch = weir_topics_watch_new(a.broker, &a.config, plan);
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

/* A source that reads by pattern, with one topic at first. */
typedef struct matching {
    weir_config config;
    weir_broker *broker;
    weir_topology *topology;
    weir_plan *plan;
    weir_topics_watch *watch;
    int64_t now_ms;
    weir_buf lines; /* Of the log. */
    weir_error err;
} matching;

static void make_topic(matching *m, const char *name, int32_t partition_count)
{
    const weir_topic_config topic = {.name = name, .partition_count = partition_count};
    CHECK_OK(weir_broker_create_topic(m->broker, &topic, &m->err), &m->err);
}

static void look(matching *m)
{
    m->now_ms += INTERVAL_MS;
    CHECK_OK(weir_topics_watch_step(m->watch, m->now_ms, &m->err), &m->err);
}

static void matching_begin(matching *m)
{
    const weir_setting settings[] = {{"application.id", "app"},
                                     {"weir.topics.check.interval.ms", "1000"}};
    CHECK_OK(weir_config_init(&m->config, settings, WEIR_COUNT_OF(settings), &m->err), &m->err);
    m->broker = sim_broker_new(1);
    m->topology = weir_topology_new();
    weir_topology_add_source(m->topology, "in", &(weir_source_options){.pattern = "in-.*"});
    CHECK_OK(weir_topology_build(m->topology, &m->err), &m->err);
    make_topic(m, "in-1", 2);
    CHECK_OK(weir_internal_topics_plan(m->broker, m->topology, &m->config, &m->plan, &m->err),
             &m->err);
    CHECK_OK(weir_internal_topics_create(m->broker, m->plan, &m->config, &m->err), &m->err);
    weir_log_redirect(add_line, &m->lines);
    m->watch = weir_topics_watch_new(m->broker, &m->config, m->plan);
    m->now_ms = START_MS;
    look(m);
    look(m);
    CHECK_I64(m->lines.size, ==, 0);
}

static void matching_cleanup(matching *m)
{
    weir_log_redirect(NULL, NULL);
    weir_topics_watch_free(m->watch);
    weir_plan_free(m->plan);
    weir_topology_free(m->topology);
    weir_broker_free(m->broker);
    weir_config_cleanup(&m->config);
    weir_buf_cleanup(&m->lines);
}

TEST(new_topics_that_would_make_other_tasks_are_warned_of_once)
{
    WEIR_AUTO(matching) m = {0};
    matching_begin(&m);
    make_topic(&m, "in-2", 3);
    look(&m);
    CHECK(strstr(weir_buf_text(&m.lines), "level=warn") != NULL);
    CHECK(strstr(weir_buf_text(&m.lines), "in-2: they make other tasks") != NULL);
    weir_buf_clear(&m.lines);
    look(&m);
    CHECK_I64(m.lines.size, ==, 0);
    CHECK(weir_topics_watch_plan(m.watch) == m.plan);
}

TEST(topic_that_a_pattern_matches_later_makes_a_plan_with_one_more_input)
{
    WEIR_AUTO(matching) m = {0};
    matching_begin(&m);
    make_topic(&m, "in-2", 1);
    look(&m);
    const weir_plan *more = weir_topics_watch_plan(m.watch);
    CHECK_I64(more->input_count, ==, 2);
    CHECK_STR(more->inputs[1].topic, "in-2");
    CHECK(weir_plan_task_reads_more(m.plan, more, 0));
    CHECK(!weir_plan_task_reads_more(m.plan, more, 1)); /* in-2 has one partition. */
    look(&m);
    CHECK(weir_topics_watch_plan(m.watch) == more);
    CHECK(strstr(weir_buf_text(&m.lines), "level=warn") == NULL);
}

TEST(deleted_topic_of_a_pattern_is_missed_also_where_it_came_later)
{
    WEIR_AUTO(matching) m = {0};
    matching_begin(&m);
    make_topic(&m, "in-2", 1);
    look(&m);
    CHECK_OK(weir_broker_delete_topic(m.broker, "in-2", &m.err), &m.err);
    CHECK_STATUS(weir_topics_watch_step(m.watch, m.now_ms + INTERVAL_MS, &m.err), WEIR_INVALID);
    CHECK(strstr(m.err.message, "topic in-2 was deleted") != NULL);
}

TEST(a_watch_that_is_freed_waits_for_its_question)
{
    count_application a = {0};
    count_application_start(&a, false, NULL, 0);
    weir_plan *plan = NULL;
    CHECK_OK(weir_internal_topics_plan(a.broker, a.topology, &a.config, &plan, &a.err), &a.err);
    a.config.topics_check_interval_ms = INTERVAL_MS;
    weir_topics_watch *watch = weir_topics_watch_new(a.broker, &a.config, plan);
    weir_topics_watch_use_threads(watch);
    CHECK_OK(weir_topics_watch_step(watch, START_MS, &a.err), &a.err);
    CHECK_OK(weir_topics_watch_step(watch, START_MS + INTERVAL_MS, &a.err), &a.err);
    weir_topics_watch_free(watch); /* The thread may not even have begun. */
    weir_plan_free(plan);
    count_application_cleanup(&a);
}
