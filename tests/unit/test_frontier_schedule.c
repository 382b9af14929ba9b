/* SPDX-License-Identifier: Apache-2.0
 *
 * What the frontier hands out, and when (topologies/frontier_schedule.c, frontier_route.c): the
 * whole topology on a simulated broker, with a clock that the test moves.
 */
#include "streams/query.h"
#include "tests/harness/check.h"
#include "tests/harness/stage_run.h"
#include "topologies/frontier_internal.h"
#include "topologies/url_canon.h"

#include <stdlib.h>
#include <string.h>

#define EVENTS_TOPIC "weir-frontier-frontier-events-repartition"

enum { TASKS_MAX = 512, MINUTE_MS = 60 * 1000 };

/* A task that was handed out; strings are copies. */
typedef struct handed {
    char *url;
    char *host_id;
    int32_t depth;
    int32_t attempt;
    int32_t redirect_count;
    int64_t at_ms;
    char *job_id; /* NULL: none. */
} handed;

typedef struct fixture {
    stage_run run;
    handed tasks[TASKS_MAX];
    size_t count;
    weir_error err;
} fixture;

static void start(fixture *f, const weir_crawl_settings *crawl)
{
    stage_run_start(&f->run, &(stage_run_options){.partition_count = 2, .seed = 1});
    f->run.services.crawl = *crawl;
    weir_stage_services_prepare(&f->run.services);
    weir_topology *topology = NULL;
    CHECK_OK(weir_frontier_topology(&f->run.services, &topology, &f->err), &f->err);
    stage_run_add(&f->run, WEIR_FRONTIER_APPLICATION, topology);
    stage_run_settle(&f->run);
}

static void forget_tasks(fixture *f)
{
    for (size_t i = 0; i < f->count; i++) {
        free(f->tasks[i].url);
        free(f->tasks[i].host_id);
        free(f->tasks[i].job_id);
    }
    f->count = 0;
}

static void fixture_cleanup(fixture *f)
{
    forget_tasks(f);
    stage_run_cleanup(&f->run);
}

static void note_task(void *user, const weir_record *record, const void *object)
{
    fixture *f = user;
    const weir_fetch_task *task = object;
    CHECK_I64(f->count, <, TASKS_MAX);
    CHECK_BYTES(record->key, task->host_id);
    f->tasks[f->count++] =
        (handed){.url = weir_bytes_to_text(task->url),
                 .host_id = weir_bytes_to_text(task->host_id),
                 .depth = task->depth,
                 .attempt = task->attempt,
                 .redirect_count = task->redirect_count,
                 .at_ms = task->scheduled_at_ms,
                 .job_id = task->job_id.data == NULL ? NULL : weir_bytes_to_text(task->job_id)};
}

/* All tasks so far, those of a host in order. */
static size_t tasks(fixture *f)
{
    stage_run_settle(&f->run);
    forget_tasks(f);
    stage_run_visit(&f->run, weir_topic_name(WEIR_TOPIC_FETCH_TASKS), &weir_fetch_task_type,
                    note_task, f);
    return f->count;
}

static const handed *last_task(fixture *f)
{
    CHECK_I64(tasks(f), >, 0);
    return &f->tasks[f->count - 1];
}

static void seed(fixture *f, const char *url, const char *job_id)
{
    WEIR_AUTO(weir_url) parsed = {0};
    WEIR_AUTO(weir_buf) host = {0};
    CHECK_OK(weir_url_parse(weir_bytes_of_text(url), NULL, &parsed, &f->err), &f->err);
    weir_url_host_id(&parsed, &host);
    weir_bytes text = weir_bytes_of_text(url);
    weir_frontier_event event = {.kind = WEIR_BYTES(FRONTIER_SEED),
                                 .host_id = weir_buf_bytes(&host),
                                 .urls = {&text, 1},
                                 .priority = 1,
                                 .job_id = weir_bytes_of_text(job_id)};
    stage_run_send(&f->run, EVENTS_TOPIC, &weir_frontier_event_type, event.host_id, &event);
}

/* A page with links, as extract tells of it. */
static void page(fixture *f, const char *url, int32_t depth, const char *const *links, size_t count)
{
    weir_link items[TASKS_MAX];
    for (size_t i = 0; i < count; i++) {
        items[i] = (weir_link){
            .url = weir_bytes_of_text(links[i]), .rel = WEIR_BYTES(""), .text = WEIR_BYTES("")};
    }
    weir_page said = {.url = weir_bytes_of_text(url),
                      .url_hash = weir_bytes_of_text(url),
                      .host_id = WEIR_BYTES("a.example"),
                      .depth = depth,
                      .outcome = WEIR_BYTES("extracted"),
                      .reason = WEIR_BYTES(""),
                      .title = WEIR_BYTES(""),
                      .language = WEIR_BYTES("en"),
                      .charset = WEIR_BYTES("utf-8"),
                      .links = {items, count}};
    stage_run_send(&f->run, weir_topic_name(WEIR_TOPIC_PAGE), &weir_page_type, said.url_hash,
                   &said);
}

/* The outcome of the last task for url, as fetch tells it; more fields come with *like. */
static void outcome(fixture *f, const char *url, const weir_raw_fetch *like)
{
    (void)tasks(f);
    const handed *of = NULL;
    for (size_t i = 0; i < f->count; i++) {
        of = strcmp(f->tasks[i].url, url) == 0 ? &f->tasks[i] : of;
    }
    CHECK(of != NULL);
    char hash[WEIR_URL_HASH_BYTES + 1];
    weir_url_hash(weir_bytes_of_text(url), hash);
    weir_raw_fetch said = *like;
    said.url = weir_bytes_of_text(url);
    said.url_hash = weir_bytes_of_text(hash);
    said.host_id = weir_bytes_of_text(of->host_id);
    said.attempt = of->attempt;
    said.depth = of->depth;
    said.redirect_count = of->redirect_count;
    said.job_id = weir_bytes_of_text(of->job_id);
    said.reason = WEIR_BYTES("");
    said.content_type = WEIR_BYTES("");
    said.ip = WEIR_BYTES("");
    stage_run_send(&f->run, weir_topic_name(WEIR_TOPIC_RAW_FETCH), &weir_raw_fetch_type,
                   said.url_hash, &said);
    stage_run_settle(&f->run);
}

static const weir_raw_fetch fetched = {.outcome = {"fetched", 7}, .http_status = 200};
static const weir_raw_fetch timed_out = {.outcome = {"timeout", 7}};

/* Tests. */

TEST(seed_is_handed_out_once)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, &(weir_crawl_settings){0});
    seed(&f, "http://a.example/", NULL);
    seed(&f, "http://a.example/", NULL);
    CHECK_I64(tasks(&f), ==, 1);
    CHECK_STR(f.tasks[0].url, "http://a.example/");
    CHECK_STR(f.tasks[0].host_id, "a.example");
    CHECK_I64(f.tasks[0].attempt, ==, 1);
    outcome(&f, "http://a.example/", &fetched);
    outcome(&f, "http://a.example/", &fetched); /* Said twice, it counts once. */
    seed(&f, "http://a.example/", NULL);
    CHECK_I64(tasks(&f), ==, 1);
}

TEST(links_are_followed_within_scope_and_depth_and_only_if_they_are_urls)
{
    static const char *const links[] = {"http://a.example/x#part",
                                        "http://a.example/x",
                                        "http://b.example/",
                                        "https://a.example/x",
                                        "mailto:a@b.example",
                                        "javascript:void(0)",
                                        "http://a.example/a/a/a/a/a/",
                                        "http://",
                                        "\x01\xff",
                                        "ftp://a.example/",
                                        "http://a.example:8080/"};
    WEIR_AUTO(fixture) f = {0};
    start(&f, &(weir_crawl_settings){.depth_max = 2});
    page(&f, "http://a.example/", 0, links, WEIR_COUNT_OF(links));
    CHECK_I64(tasks(&f), ==, 2);
    CHECK_I64(f.tasks[0].depth, ==, 1);
    static const char *const deep[] = {"http://a.example/deep"};
    page(&f, "http://a.example/p2", 2, deep, 1);
    CHECK_I64(tasks(&f), ==, 2);
    page(&f, "http://a.example/p1", 1, deep, 1);
    CHECK_I64(tasks(&f), ==, 3);
}

TEST(scope_any_and_domain_lead_to_other_hosts)
{
    static const char *const links[] = {"http://b.example/", "http://www.a.example/"};
    static const weir_crawl_scope scopes[] = {WEIR_SCOPE_HOST, WEIR_SCOPE_DOMAIN, WEIR_SCOPE_ANY};
    for (size_t i = 0; i < WEIR_COUNT_OF(scopes); i++) {
        WEIR_AUTO(fixture) f = {0};
        start(&f, &(weir_crawl_settings){.scope = scopes[i]});
        page(&f, "http://a.example/", 0, links, WEIR_COUNT_OF(links));
        CHECK_I64(tasks(&f), ==, i);
    }
}

TEST(smaller_depth_wins_while_a_url_waits)
{
    static const char *const links[] = {"http://a.example/x"};
    WEIR_AUTO(fixture) f = {0};
    start(&f, &(weir_crawl_settings){.retry_backoff_ms = MINUTE_MS});
    page(&f, "http://a.example/deep", 5, links, 1);
    CHECK_I64(last_task(&f)->depth, ==, 6);
    outcome(&f, "http://a.example/x", &timed_out);
    page(&f, "http://a.example/near", 1, links, 1);
    page(&f, "http://a.example/deeper", 7, links, 1);
    CHECK_I64(tasks(&f), ==, 1);
    stage_run_advance(&f.run, 2 * MINUTE_MS);
    CHECK_I64(tasks(&f), ==, 2);
    CHECK_I64(last_task(&f)->depth, ==, 2);
}

TEST(places_of_a_host_are_bounded_and_an_outcome_frees_one)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, &(weir_crawl_settings){0});
    for (int i = 0; i < WEIR_FRONTIER_OUTSTANDING_MAX + 3; i++) {
        WEIR_AUTO_FREE char *url = weir_format("http://a.example/%03d", i);
        seed(&f, url, NULL);
    }
    seed(&f, "http://b.example/", NULL);
    CHECK_I64(tasks(&f), ==, WEIR_FRONTIER_OUTSTANDING_MAX + 1);
    outcome(&f, "http://a.example/000", &fetched);
    CHECK_I64(tasks(&f), ==, WEIR_FRONTIER_OUTSTANDING_MAX + 2);
    outcome(&f, "http://a.example/001", &timed_out);
    outcome(&f, "http://a.example/002", &fetched);
    CHECK_I64(tasks(&f), ==, WEIR_FRONTIER_OUTSTANDING_MAX + 4);
    outcome(&f, "http://a.example/003", &fetched); /* The retry is not due. */
    CHECK_I64(tasks(&f), ==, WEIR_FRONTIER_OUTSTANDING_MAX + 4);
}

TEST(host_has_no_more_urls_than_its_bound)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, &(weir_crawl_settings){.host_urls_max = 3});
    for (int i = 0; i < 10; i++) {
        WEIR_AUTO_FREE char *url = weir_format("http://a.example/%d", i);
        seed(&f, url, NULL);
    }
    seed(&f, "http://b.example/", NULL);
    CHECK_I64(tasks(&f), ==, 4);
}

TEST(what_may_pass_is_tried_again_later_each_time_and_then_given_up)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, &(weir_crawl_settings){.retry_backoff_ms = MINUTE_MS, .attempts_max = 3});
    seed(&f, "http://a.example/", NULL);
    outcome(&f, "http://a.example/", &timed_out);
    stage_run_advance(&f.run, 50 * 1000);
    CHECK_I64(tasks(&f), ==, 1);
    stage_run_advance(&f.run, 15 * 1000);
    CHECK_I64(tasks(&f), ==, 2);
    CHECK_I64(last_task(&f)->attempt, ==, 2);
    outcome(&f, "http://a.example/", &timed_out);
    stage_run_advance(&f.run, 110 * 1000);
    CHECK_I64(tasks(&f), ==, 2);
    stage_run_advance(&f.run, 15 * 1000);
    CHECK_I64(tasks(&f), ==, 3);
    outcome(&f, "http://a.example/", &timed_out);
    stage_run_advance(&f.run, 3600 * 1000);
    CHECK_I64(tasks(&f), ==, 3);
}

TEST(page_that_is_not_there_is_not_tried_again)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, &(weir_crawl_settings){.retry_backoff_ms = 1});
    seed(&f, "http://a.example/", NULL);
    outcome(&f, "http://a.example/",
            &(weir_raw_fetch){.outcome = WEIR_BYTES("http_error"), .http_status = 404});
    stage_run_advance(&f.run, 3600 * 1000);
    CHECK_I64(tasks(&f), ==, 1);
}

TEST(throttled_host_gets_nothing_until_it_wants_to)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, &(weir_crawl_settings){.retry_backoff_ms = 1});
    seed(&f, "http://a.example/1", NULL);
    outcome(&f, "http://a.example/1",
            &(weir_raw_fetch){.outcome = WEIR_BYTES("http_error"),
                              .http_status = 429,
                              .retry_after_ms = 10 * MINUTE_MS});
    seed(&f, "http://a.example/2", NULL);
    seed(&f, "http://b.example/", NULL);
    CHECK_I64(tasks(&f), ==, 2);
    stage_run_advance(&f.run, 9 * MINUTE_MS);
    CHECK_I64(tasks(&f), ==, 2);
    stage_run_advance(&f.run, 2 * MINUTE_MS);
    CHECK_I64(tasks(&f), ==, 4);
}

TEST(task_that_was_given_back_keeps_its_attempt)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, &(weir_crawl_settings){.attempts_max = 1});
    seed(&f, "http://a.example/1", NULL);
    for (int i = 1; i <= 3; i++) {
        outcome(&f, "http://a.example/1",
                &(weir_raw_fetch){.outcome = WEIR_BYTES("host_throttled"),
                                  .retry_after_ms = MINUTE_MS});
        stage_run_advance(&f.run, MINUTE_MS + 1000);
        CHECK_I64(tasks(&f), ==, i + 1);
        CHECK_I64(last_task(&f)->attempt, ==, 1);
    }
}

TEST(redirect_is_a_discovery_of_the_same_depth_and_five_are_followed)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, &(weir_crawl_settings){0});
    seed(&f, "http://a.example/0", NULL);
    for (int i = 0; i < 7; i++) {
        WEIR_AUTO_FREE char *from = weir_format("http://a.example/%d", i);
        WEIR_AUTO_FREE char *to = weir_format("http://a.example/%d", i + 1);
        weir_raw_fetch redirected = {.outcome = WEIR_BYTES("redirected"),
                                     .http_status = 301,
                                     .redirect_url = weir_bytes_of_text(to)};
        outcome(&f, from, &redirected);
        if (i == 5) {
            CHECK_I64(tasks(&f), ==, 6);
            return;
        }
        CHECK_I64(tasks(&f), ==, i + 2);
        CHECK_I64(last_task(&f)->depth, ==, 0);
        CHECK_I64(last_task(&f)->redirect_count, ==, i + 1);
    }
}

TEST(redirects_in_a_circle_end)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, &(weir_crawl_settings){0});
    seed(&f, "http://a.example/1", NULL);
    outcome(&f, "http://a.example/1",
            &(weir_raw_fetch){.outcome = WEIR_BYTES("redirected"),
                              .redirect_url = WEIR_BYTES("http://a.example/2")});
    outcome(&f, "http://a.example/2",
            &(weir_raw_fetch){.outcome = WEIR_BYTES("redirected"),
                              .redirect_url = WEIR_BYTES("http://a.example/1")});
    CHECK_I64(tasks(&f), ==, 2);
}

TEST(redirect_of_a_seed_is_followed_to_another_host_and_that_of_a_page_is_not)
{
    static const char *const links[] = {"http://a.example/link"};
    WEIR_AUTO(fixture) f = {0};
    start(&f, &(weir_crawl_settings){0});
    seed(&f, "http://a.example/", NULL);
    outcome(&f, "http://a.example/",
            &(weir_raw_fetch){.outcome = WEIR_BYTES("redirected"),
                              .redirect_url = WEIR_BYTES("http://www.a.example/")});
    CHECK_I64(tasks(&f), ==, 2);
    page(&f, "http://a.example/", 0, links, 1);
    outcome(&f, "http://a.example/link",
            &(weir_raw_fetch){.outcome = WEIR_BYTES("redirected"),
                              .redirect_url = WEIR_BYTES("http://b.example/")});
    CHECK_I64(tasks(&f), ==, 3);
    outcome(&f, "http://www.a.example/",
            &(weir_raw_fetch){.outcome = WEIR_BYTES("redirected"),
                              .redirect_url = WEIR_BYTES("not a url")});
    CHECK_I64(tasks(&f), ==, 3);
}

static void check_job(fixture *f, const char *job_id, const char *host, int64_t discovered,
                      int64_t finished)
{
    WEIR_AUTO(weir_buf) value = {0};
    WEIR_AUTO_PTR(weir_arena) arena = weir_arena_new(1 << 20);
    weir_crawl_job job;
    stage_run_settle(&f->run);
    CHECK_OK(weir_query_get(f->run.applications[0], WEIR_FRONTIER_JOBS, weir_bytes_of_text(job_id),
                            weir_bytes_of_text(host), &value, &f->err),
             &f->err);
    CHECK_OK(weir_crawl_job_decode(f->run.codec, weir_buf_bytes(&value), arena, &job, &f->err),
             &f->err);
    CHECK_I64(job.discovered_count, ==, discovered);
    CHECK_I64(job.finished_count, ==, finished);
}

TEST(job_counts_what_it_found_and_what_has_ended)
{
    static const char *const links[] = {"http://a.example/1", "http://a.example/2"};
    WEIR_AUTO(fixture) f = {0};
    start(&f, &(weir_crawl_settings){.attempts_max = 1});
    seed(&f, "http://a.example/", "job");
    check_job(&f, "job", "a.example", 1, 0);
    outcome(&f, "http://a.example/", &fetched);
    page(&f, "http://a.example/", 0, links, 2); /* Without a job: the test's page names none. */
    check_job(&f, "job", "a.example", 1, 1);
    seed(&f, "http://a.example/", "again");
    check_job(&f, "again", "a.example", 1, 0);
    CHECK_STR(last_task(&f)->job_id, "again");
    seed(&f, "http://a.example/", "third"); /* The URL is on its way already. */
    check_job(&f, "third", "a.example", 0, 0);
    outcome(&f, "http://a.example/", &timed_out);
    check_job(&f, "again", "a.example", 1, 1);
}

TEST(job_that_takes_over_a_queued_url_ends_it_for_the_one_before)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, &(weir_crawl_settings){.retry_backoff_ms = MINUTE_MS});
    seed(&f, "http://a.example/", "first");
    outcome(&f, "http://a.example/", &timed_out);
    seed(&f, "http://a.example/", "second");
    check_job(&f, "first", "a.example", 1, 1);
    check_job(&f, "second", "a.example", 1, 0);
    CHECK_I64(last_task(&f)->attempt, ==, 1);
}

TEST(event_without_host_or_hash_is_a_dead_letter_and_changes_nothing)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, &(weir_crawl_settings){0});
    weir_frontier_event no_host = {.kind = WEIR_BYTES(FRONTIER_SEED), .host_id = WEIR_BYTES("")};
    weir_frontier_event no_hash = {.kind = WEIR_BYTES(FRONTIER_OUTCOME),
                                   .host_id = WEIR_BYTES("a.example")};
    weir_frontier_event unknown = {.kind = WEIR_BYTES("strange"),
                                   .host_id = WEIR_BYTES("a.example")};
    stage_run_send(&f.run, EVENTS_TOPIC, &weir_frontier_event_type, WEIR_BYTES("k"), &no_host);
    stage_run_send(&f.run, EVENTS_TOPIC, &weir_frontier_event_type, WEIR_BYTES("k"), &no_hash);
    stage_run_send(&f.run, EVENTS_TOPIC, &weir_frontier_event_type, WEIR_BYTES("k"), &unknown);
    stage_run_settle(&f.run);
    CHECK_I64(stage_run_count(&f.run, weir_topic_name(WEIR_TOPIC_DLQ_DEDUP)), ==, 3);
    CHECK_I64(tasks(&f), ==, 0);
}
