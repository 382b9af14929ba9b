/* SPDX-License-Identifier: Apache-2.0
 *
 * fetch obeys robots.txt and the pace of each host (topologies/fetch.c and its parts): the whole
 * topology, with a scripted HTTP client and a clock that the test moves.
 */
#include "streams/base/clock.h"
#include "streams/test_driver.h"
#include "tests/harness/check.h"
#include "tests/harness/stage_run.h"
#include "topologies/fetch_internal.h"
#include "topologies/topic_map.h"
#include "topologies/url_canon.h"

#include <stdlib.h>
#include <string.h>

enum { REQUESTS_MAX = 512, START_MS = 1000000, DAY_MS = 24 * 3600 * 1000 };

/* A request that was started. */
typedef struct asked {
    char *url;
    int64_t at_ms;
    bool ended;
    bool cancelled;
    weir_http_done done;
    void *user;
} asked;

/* An HTTP client that answers when the test says so. */
typedef struct fake_http {
    weir_http base;
    struct fixture *of;
} fake_http;

typedef struct fixture {
    stage_run run; /* For its codec and services; nothing of it is stepped. */
    weir_fetch_client client;
    weir_topology *topology;
    weir_test_driver *driver;
    int64_t now_ms;
    int32_t partition_count; /* 0: 1. */
    asked requests[REQUESTS_MAX];
    size_t count;
    size_t in_flight_max; /* 0: no limit. */
    weir_error err;
} fixture;

static size_t in_flight(const fixture *f)
{
    size_t open = 0;
    for (size_t i = 0; i < f->count; i++) {
        open += !f->requests[i].ended;
    }
    return open;
}

static size_t in_flight_to(const fixture *f, const char *prefix)
{
    size_t open = 0;
    for (size_t i = 0; i < f->count; i++) {
        bool fits = strncmp(f->requests[i].url, prefix, strlen(prefix)) == 0;
        open += fits && !f->requests[i].ended;
    }
    return open;
}

static weir_status fake_start(weir_http *http, const weir_http_request *request, uint64_t *out_id,
                              weir_error *err)
{
    fixture *f = ((fake_http *)http)->of;
    (void)err;
    if (f->in_flight_max > 0 && in_flight(f) >= f->in_flight_max) {
        return WEIR_AGAIN;
    }
    CHECK_I64(f->count, <, REQUESTS_MAX);
    *out_id = f->count;
    f->requests[f->count++] = (asked){.url = weir_strdup(request->url),
                                      .at_ms = f->now_ms,
                                      .done = request->done,
                                      .user = request->user};
    return WEIR_OK;
}

static void fake_cancel(weir_http *http, uint64_t id)
{
    asked *request = &((fake_http *)http)->of->requests[id];
    request->ended = request->cancelled = true;
}

static weir_status fake_poll(weir_http *http, int timeout_ms, weir_error *err)
{
    (void)http;
    (void)timeout_ms;
    (void)err;
    return WEIR_OK;
}

static int fake_fd(const weir_http *http)
{
    (void)http;
    return -1;
}

static size_t fake_in_flight(const weir_http *http)
{
    return in_flight(((const fake_http *)http)->of);
}

static void fake_free(weir_http *http)
{
    free(http);
}

static weir_status open_fake(void *user, weir_http **out_http, weir_error *err)
{
    static const weir_http_ops ops = {fake_start, fake_cancel,    fake_poll,
                                      fake_fd,    fake_in_flight, fake_free};
    (void)err;
    fake_http *made = weir_alloc(sizeof *made);
    made->base.ops = &ops;
    made->of = user;
    *out_http = &made->base;
    return WEIR_OK;
}

/* The fixture. */

static void start_driver(fixture *f)
{
    const weir_setting settings[] = {
        {"processing.exception.handler", "dead-letter"},
        {"errors.dead.letter.queue.topic.name", "dlq.fetch.v1"},
    };
    CHECK_OK(weir_test_driver_new(&(weir_test_driver_options){.topology = f->topology,
                                                              .broker = f->run.broker,
                                                              .settings = settings,
                                                              .setting_count = 2,
                                                              .partition_count = f->partition_count,
                                                              .now_ms = f->now_ms},
                                  &f->driver, &f->err),
             &f->err);
}

static void start(fixture *f, int64_t delay_ms)
{
    f->partition_count = f->partition_count == 0 ? 1 : f->partition_count;
    stage_run_start(&f->run,
                    &(stage_run_options){.partition_count = f->partition_count, .seed = 1});
    f->run.services.crawl.delay_ms = delay_ms;
    f->now_ms = START_MS;
    f->client = (weir_fetch_client){open_fake, f};
    CHECK_OK(weir_fetch_topology(&f->run.services, &f->client, &f->topology, &f->err), &f->err);
    start_driver(f);
}

static void fixture_cleanup(fixture *f)
{
    weir_test_driver_free(f->driver);
    weir_topology_free(f->topology);
    stage_run_cleanup(&f->run);
    for (size_t i = 0; i < f->count; i++) {
        free(f->requests[i].url);
    }
}

static void advance(fixture *f, int64_t ms)
{
    f->now_ms += ms;
    CHECK_OK(weir_test_driver_advance(f->driver, ms, &f->err), &f->err);
}

static void task_of(fixture *f, const char *url, int32_t redirect_count)
{
    WEIR_AUTO(weir_url) parsed = {0};
    WEIR_AUTO(weir_buf) host = {0};
    WEIR_AUTO(weir_buf) value = {0};
    CHECK_OK(weir_url_parse(weir_bytes_of_text(url), NULL, &parsed, &f->err), &f->err);
    weir_url_host_id(&parsed, &host);
    weir_fetch_task task = {.url = weir_bytes_of_text(url),
                            .url_hash = weir_bytes_of_text(url), /* As good as any. */
                            .host_id = weir_buf_bytes(&host),
                            .priority = 3,
                            .attempt = 1,
                            .redirect_count = redirect_count};
    CHECK_OK(weir_fetch_task_encode(f->run.codec, &task, &value, &f->err), &f->err);
    const weir_record record = {.topic = weir_topic_name(WEIR_TOPIC_FETCH_TASKS),
                                .timestamp_ms = f->now_ms,
                                .key = task.host_id,
                                .value = weir_buf_bytes(&value)};
    CHECK_OK(weir_test_driver_pipe(f->driver, &record, &f->err), &f->err);
}

static void task(fixture *f, const char *url)
{
    task_of(f, url, 0);
}

/* Ends request number index with result. */
static void answer_result(fixture *f, size_t index, weir_http_result result)
{
    CHECK_I64(index, <, f->count);
    asked *request = &f->requests[index];
    CHECK(!request->ended);
    request->ended = true;
    result.reason = result.reason == NULL ? "" : result.reason;
    result.ip = "192.0.2.1";
    request->done(request->user, &result);
    advance(f, 0);
}

static void answer(fixture *f, size_t index, int status, const char *body)
{
    answer_result(
        f, index,
        (weir_http_result){.outcome = status / 100 == 2 ? WEIR_HTTP_FETCHED : WEIR_HTTP_ERROR,
                           .status = status,
                           .body = weir_bytes_of_text(body)});
}

static void redirect(fixture *f, size_t index, const char *location)
{
    weir_http_header header = {WEIR_BYTES("location"), weir_bytes_of_text(location)};
    answer_result(
        f, index,
        (weir_http_result){
            .outcome = WEIR_HTTP_REDIRECTED, .status = 302, .headers = &header, .header_count = 1});
}

static void fail(fixture *f, size_t index, weir_http_outcome outcome)
{
    answer_result(f, index, (weir_http_result){.outcome = outcome});
}

/* The outcome of the next record of crawl.raw_fetch.v1, its URL and when to retry. */
static void check_outcome(fixture *f, const char *url, const char *outcome, int64_t retry_after_ms)
{
    const weir_record *record = NULL;
    weir_raw_fetch fetched;
    WEIR_AUTO_PTR(weir_arena) arena = weir_arena_new(1 << 20);
    CHECK_OK(
        weir_test_driver_read(f->driver, weir_topic_name(WEIR_TOPIC_RAW_FETCH), &record, &f->err),
        &f->err);
    CHECK_OK(weir_raw_fetch_decode(f->run.codec, record->value, arena, &fetched, &f->err), &f->err);
    CHECK_BYTES(fetched.url, weir_bytes_of_text(url));
    CHECK_BYTES(fetched.outcome, weir_bytes_of_text(outcome));
    CHECK_I64(fetched.retry_after_ms, ==, retry_after_ms);
}

static void check_no_outcome(fixture *f)
{
    const weir_record *record = NULL;
    CHECK_STATUS(
        weir_test_driver_read(f->driver, weir_topic_name(WEIR_TOPIC_RAW_FETCH), &record, &f->err),
        WEIR_NOT_FOUND);
}

/* That request number index exists, is of url, and started at that time after the beginning. */
static void check_request(const fixture *f, size_t index, const char *url, int64_t after_ms)
{
    CHECK_I64(f->count, >, index);
    CHECK_STR(f->requests[index].url, url);
    CHECK_I64(f->requests[index].at_ms - START_MS, ==, after_ms);
}

/* The number of the request for url. */
static size_t index_of(const fixture *f, const char *url)
{
    for (size_t i = 0; i < f->count; i++) {
        if (strcmp(f->requests[i].url, url) == 0) {
            return i;
        }
    }
    check_fail(__FILE__, __LINE__, "there is no request for %s", url);
}

/* Tests. */

TEST(robots_comes_first_and_requests_keep_the_delay_from_end_to_start)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, 100);
    task(&f, "http://a.example/1");
    task(&f, "http://a.example/2");
    CHECK_I64(f.count, ==, 0); /* Nobody knows when the host was last asked. */
    advance(&f, 80);
    CHECK_I64(f.count, ==, 0);
    advance(&f, 20);
    check_request(&f, 0, "http://a.example/robots.txt", 100);
    advance(&f, 1000);
    CHECK_I64(f.count, ==, 1);
    answer(&f, 0, 404, "");
    advance(&f, 80);
    CHECK_I64(f.count, ==, 1);
    advance(&f, 20);
    check_request(&f, 1, "http://a.example/1", 1200);
    advance(&f, 500);
    answer(&f, 1, 200, "one");
    check_outcome(&f, "http://a.example/1", "fetched", 0);
    advance(&f, 100);
    check_request(&f, 2, "http://a.example/2", 1800);
    answer(&f, 2, 404, "");
    check_outcome(&f, "http://a.example/2", "http_error", 0);
    check_no_outcome(&f);
}

TEST(hosts_do_not_wait_for_each_other)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, 100);
    task(&f, "http://a.example/");
    task(&f, "http://b.example/");
    task(&f, "http://a.example:8080/"); /* Another port is another host_id. */
    advance(&f, 100);
    CHECK_I64(f.count, ==, 3);
    CHECK_I64(in_flight(&f), ==, 3);
}

TEST(crawl_delay_of_robots_slows_down_and_never_speeds_up)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, 1000);
    task(&f, "http://slow.example/1");
    task(&f, "http://fast.example/1");
    advance(&f, 1000);
    answer(&f, index_of(&f, "http://slow.example/robots.txt"), 200,
           "User-agent: *\nCrawl-delay: 5\n");
    answer(&f, index_of(&f, "http://fast.example/robots.txt"), 200,
           "User-agent: *\nCrawl-delay: 0.1\n");
    advance(&f, 980);
    CHECK_I64(f.count, ==, 2);
    advance(&f, 20);
    check_request(&f, 2, "http://fast.example/1", 2000);
    advance(&f, 3980);
    CHECK_I64(f.count, ==, 3);
    advance(&f, 20);
    check_request(&f, 3, "http://slow.example/1", 6000);
}

TEST(delay_grows_with_the_time_that_an_answer_takes)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, 100);
    task(&f, "http://a.example/1");
    advance(&f, 100);
    answer_result(&f, 0,
                  (weir_http_result){.outcome = WEIR_HTTP_ERROR,
                                     .status = 404,
                                     .duration_ns = 2000 * WEIR_NS_PER_MS});
    advance(&f, 9980);
    CHECK_I64(f.count, ==, 1);
    advance(&f, 20);
    check_request(&f, 1, "http://a.example/1", 100 + 10000);
}

TEST(disallowed_path_is_an_outcome_without_a_request)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, 0);
    task(&f, "http://a.example/private/x?y=1");
    task(&f, "http://a.example/open");
    advance(&f, 20);
    answer(&f, 0, 200, "\xef\xbb\xbfUser-agent: weir\r\nDisallow: /private/*?y\r\n");
    check_outcome(&f, "http://a.example/private/x?y=1", "robots_denied", 0);
    advance(&f, 20);
    CHECK_I64(f.count, ==, 2);
    CHECK_STR(f.requests[1].url, "http://a.example/open");
}

static void check_robots_answer(void (*give)(fixture *f, size_t index), const char *outcome)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, 0);
    task(&f, "http://a.example/x");
    advance(&f, 20);
    give(&f, 0);
    advance(&f, 20);
    if (outcome == NULL) {
        CHECK_I64(f.count, ==, 2);
        CHECK_STR(f.requests[1].url, "http://a.example/x");
    } else {
        CHECK_I64(f.count, ==, 1);
        check_outcome(&f, "http://a.example/x", outcome, 0);
    }
}

static void give_404(fixture *f, size_t index)
{
    answer(f, index, 404, "no such file");
}

static void give_500(fixture *f, size_t index)
{
    answer(f, index, 500, "");
}

static void give_timeout(fixture *f, size_t index)
{
    fail(f, index, WEIR_HTTP_TIMEOUT);
}

static void give_private(fixture *f, size_t index)
{
    fail(f, index, WEIR_HTTP_PRIVATE_ADDRESS);
}

static void give_binary(fixture *f, size_t index)
{
    answer(f, index, 200, "\x89PNG\r\n\x1a\n\x01\x02\x03\xff\xfe");
}

static void give_empty(fixture *f, size_t index)
{
    answer(f, index, 200, "");
}

TEST(missing_or_senseless_robots_allows_and_unreachable_denies)
{
    check_robots_answer(give_404, NULL);
    check_robots_answer(give_binary, NULL);
    check_robots_answer(give_empty, NULL);
    check_robots_answer(give_500, "robots_unreachable");
    check_robots_answer(give_timeout, "robots_unreachable");
    check_robots_answer(give_private, "robots_unreachable");
}

TEST(robots_that_is_throttled_is_not_a_missing_one)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, 0);
    task(&f, "http://a.example/x");
    advance(&f, 20);
    answer(&f, 0, 429, "");
    check_outcome(&f, "http://a.example/x", "robots_unreachable", 0);
    task(&f, "http://a.example/y"); /* Held for a minute, as long as the denial lasts. */
    check_outcome(&f, "http://a.example/y", "robots_unreachable", 0);
    advance(&f, 59000);
    CHECK_I64(f.count, ==, 1);
    advance(&f, 1020);
    task(&f, "http://a.example/z");
    CHECK_I64(f.count, ==, 2);
    CHECK_STR(f.requests[1].url, "http://a.example/robots.txt");
}

TEST(robots_follows_five_redirects_at_the_pace_of_the_hosts)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, 100);
    task(&f, "http://a.example/x");
    advance(&f, 100);
    redirect(&f, 0, "/r/2");
    CHECK_I64(f.count, ==, 1); /* The same host, so its delay is kept. */
    advance(&f, 100);
    check_request(&f, 1, "http://a.example/r/2", 200);
    redirect(&f, 1, "3");
    advance(&f, 100);
    check_request(&f, 2, "http://a.example/r/3", 300);
    redirect(&f, 2, "http://b.example/4");
    advance(&f, 80);
    CHECK_I64(f.count, ==, 3); /* Another host, of which nothing is known. */
    advance(&f, 20);
    check_request(&f, 3, "http://b.example/4", 400);
    task(&f, "http://b.example/own");
    advance(&f, 1000);
    CHECK_I64(f.count, ==, 4); /* It is busy with the robots.txt of the other. */
    redirect(&f, 3, "five");
    advance(&f, 100);
    CHECK_I64(f.count, ==, 5); /* Both have something to ask of b; one of them does. */
    answer(&f, 4, 404, "");
    advance(&f, 80);
    CHECK_I64(in_flight(&f), ==, f.count == 5 ? 0 : 1);
    advance(&f, 1000);
    CHECK_I64(in_flight(&f), >, 0);
}

/* Whichever partitions the two hosts are in, as long as one worker has both. */
TEST(robots_that_leads_to_a_host_of_another_task_waits_for_it)
{
    for (int i = 0; i < 8; i++) {
        WEIR_AUTO(fixture) f = {0};
        f.partition_count = 4;
        start(&f, 100);
        WEIR_AUTO_FREE char *busy = weir_format("http://busy%d.example/1", i);
        WEIR_AUTO_FREE char *rules = weir_format("http://busy%d.example/rules", i);
        task(&f, busy);
        task(&f, "http://a.example/x");
        advance(&f, 100);
        CHECK_I64(f.count, ==, 2);
        redirect(&f, index_of(&f, "http://a.example/robots.txt"), rules);
        advance(&f, 500);
        CHECK_I64(f.count, ==, 2); /* The other is at its own robots.txt. */
        WEIR_AUTO_FREE char *robots = weir_format("http://busy%d.example/robots.txt", i);
        answer(&f, index_of(&f, robots), 404, "");
        advance(&f, 99);
        CHECK_I64(f.count, ==, 2);
        advance(&f, 41);
        CHECK_I64(f.count, ==, 3); /* One of the two. */
        advance(&f, 500);
        CHECK_I64(f.count, ==, 3);
        answer(&f, 2, 404, "");
        advance(&f, 140);
        CHECK_I64(in_flight_to(&f, "http://busy"), ==, 1);
    }
}

TEST(robots_that_redirects_for_ever_counts_as_missing)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, 0);
    task(&f, "http://a.example/x");
    for (size_t i = 0; i <= 5; i++) {
        advance(&f, 20);
        CHECK_I64(f.count, ==, i + 1);
        redirect(&f, i, "/again");
    }
    advance(&f, 20);
    CHECK_I64(f.count, ==, 7);
    CHECK_STR(f.requests[6].url, "http://a.example/x");
}

TEST(robots_is_asked_for_once_a_day_and_survives_a_restart)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, 0);
    task(&f, "http://a.example/1");
    advance(&f, 20);
    answer(&f, 0, 200, "User-agent: *\nDisallow: /no\nCrawl-delay: 3\n");
    advance(&f, 3000);
    answer(&f, 1, 200, "x");
    check_outcome(&f, "http://a.example/1", "fetched", 0);
    weir_test_driver_free(weir_take(&f.driver));
    f.now_ms += 60000; /* The session of the one that is gone ends. */
    start_driver(&f);
    f.requests[1].at_ms = f.now_ms;
    task(&f, "http://a.example/no");
    task(&f, "http://a.example/2");
    advance(&f, 2980);
    CHECK_I64(f.count, ==, 2); /* The pace is known from the store. */
    advance(&f, 20);
    CHECK_I64(f.count, ==, 3);
    CHECK_STR(f.requests[2].url, "http://a.example/2");
    answer(&f, 2, 200, "x");
    advance(&f, DAY_MS);
    task(&f, "http://a.example/3");
    CHECK_I64(f.count, ==, 4);
    CHECK_STR(f.requests[3].url, "http://a.example/robots.txt");
}

TEST(known_rules_count_while_robots_is_unreachable)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, 0);
    task(&f, "http://a.example/no");
    advance(&f, 20);
    answer(&f, 0, 200, "User-agent: *\nDisallow: /no\n");
    check_outcome(&f, "http://a.example/no", "robots_denied", 0);
    advance(&f, DAY_MS + 1000);
    task(&f, "http://a.example/no");
    CHECK_I64(f.count, ==, 2);
    answer(&f, 1, 500, "");
    check_outcome(&f, "http://a.example/no", "robots_denied", 0);
    advance(&f, 61000); /* It is asked again soon, not after another day. */
    task(&f, "http://a.example/no");
    CHECK_I64(f.count, ==, 3);
}

static void answer_throttled(fixture *f, size_t index, int status, const char *retry_after)
{
    weir_http_header headers[] = {{WEIR_BYTES("date"), WEIR_BYTES("Sun, 06 Nov 1994 08:49:37 GMT")},
                                  {WEIR_BYTES("retry-after"), weir_bytes_of_text(retry_after)}};
    answer_result(f, index,
                  (weir_http_result){.outcome = WEIR_HTTP_ERROR,
                                     .status = status,
                                     .headers = headers,
                                     .header_count = retry_after == NULL ? 0 : 2});
}

static void check_hold(int status, const char *retry_after, int64_t hold_ms, int64_t told_ms)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, 10);
    task(&f, "http://a.example/1");
    task(&f, "http://a.example/2");
    advance(&f, 20);
    answer(&f, 0, 404, "");
    advance(&f, 20);
    answer_throttled(&f, 1, status, retry_after);
    check_outcome(&f, "http://a.example/1", "http_error", told_ms);
    advance(&f, hold_ms - 20);
    CHECK_I64(f.count, ==, 2);
    advance(&f, 40);
    CHECK_I64(f.count, ==, 3);
    CHECK_STR(f.requests[2].url, "http://a.example/2");
}

TEST(throttled_host_is_left_alone_as_long_as_it_asks)
{
    check_hold(429, "2", 2000, 2000);
    check_hold(503, "30", 30000, 30000);
    check_hold(429, "Sun, 06 Nov 1994 08:49:47 GMT", 10000, 10000);
    check_hold(429, "Sunday, 06-Nov-94 08:49:47 GMT", 10000, 10000);
    check_hold(429, "Sun Nov  6 08:49:47 1994", 10000, 10000);
    check_hold(429, NULL, 60000, 0);
    check_hold(503, "nonsense", 60000, 0);
    check_hold(503, "Sun, 06 Nov 1990 08:49:47 GMT", 60000, 0);
}

TEST(host_that_is_held_for_long_gives_its_tasks_back)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, 0);
    task(&f, "http://a.example/1");
    task(&f, "http://a.example/2");
    advance(&f, 20);
    answer(&f, 0, 404, "");
    answer_throttled(&f, 1, 429, "3600");
    check_outcome(&f, "http://a.example/1", "http_error", 3600000);
    check_outcome(&f, "http://a.example/2", "host_throttled", 3600000);
    advance(&f, 600000);
    task(&f, "http://a.example/3");
    check_outcome(&f, "http://a.example/3", "host_throttled", 3000000);
    CHECK_I64(f.count, ==, 2);
}

TEST(circuit_opens_for_a_host_that_keeps_failing)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, 0);
    for (int i = 0; i < 120; i++) {
        WEIR_AUTO_FREE char *url = weir_format("http://a.example/%d", i);
        task(&f, url);
    }
    advance(&f, 20);
    answer(&f, 0, 404, "");
    for (size_t i = 1; i < 100; i++) {
        CHECK_I64(f.count, ==, i + 1);
        fail(&f, i, i % 2 == 0 ? WEIR_HTTP_TIMEOUT : WEIR_HTTP_CONNECT_ERROR);
    }
    CHECK_I64(f.count, ==, 100);
    advance(&f, 59980);
    CHECK_I64(f.count, ==, 100);
    advance(&f, 40);
    CHECK_I64(f.count, ==, 101); /* One trial. */
    answer(&f, 100, 200, "well again");
    advance(&f, 20);
    CHECK_I64(f.count, ==, 102);
}

TEST(redirect_is_an_outcome_and_the_sixth_in_a_row_is_too_many)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, 0);
    task_of(&f, "http://a.example/1", 4);
    task_of(&f, "http://a.example/2", 5);
    advance(&f, 20);
    answer(&f, 0, 404, "");
    redirect(&f, 1, "http://B.example/../x#y");
    check_outcome(&f, "http://a.example/1", "redirected", 0);
    redirect(&f, 2, "/next");
    check_outcome(&f, "http://a.example/2", "too_many_redirects", 0);
}

TEST(too_many_requests_in_flight_make_tasks_wait_not_fail)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, 0);
    f.in_flight_max = 1;
    task(&f, "http://a.example/");
    task(&f, "http://b.example/");
    advance(&f, 20);
    CHECK_I64(f.count, ==, 1);
    answer(&f, 0, 500, "");
    check_outcome(&f, f.requests[0].url[7] == 'a' ? "http://a.example/" : "http://b.example/",
                  "robots_unreachable", 0);
    check_no_outcome(&f);
    advance(&f, 20);
    CHECK_I64(f.count, ==, 2);
}

TEST(task_without_url_or_host_is_a_dead_letter)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, 0);
    WEIR_AUTO(weir_buf) value = {0};
    weir_fetch_task empty = {
        .url = WEIR_BYTES(""), .url_hash = WEIR_BYTES(""), .host_id = WEIR_BYTES("")};
    CHECK_OK(weir_fetch_task_encode(f.run.codec, &empty, &value, &f.err), &f.err);
    const weir_record record = {.topic = weir_topic_name(WEIR_TOPIC_FETCH_TASKS),
                                .key = WEIR_BYTES("k"),
                                .value = weir_buf_bytes(&value)};
    CHECK_OK(weir_test_driver_pipe(f.driver, &record, &f.err), &f.err);
    const weir_record *dead = NULL;
    CHECK_OK(weir_test_driver_read(f.driver, "dlq.fetch.v1", &dead, &f.err), &f.err);
    CHECK_BYTES(dead->value, weir_buf_bytes(&value));
}

/* Hosts with large files are forgotten, not their rules: those are in the store. */
TEST(rules_of_many_hosts_do_not_fill_the_memory_and_are_not_asked_for_twice)
{
    WEIR_AUTO(fixture) f = {0};
    start(&f, 20);
    WEIR_AUTO(weir_buf) rules = {0};
    weir_buf_append_text(&rules, "User-agent: *\n");
    while (rules.size < 400 << 10) {
        weir_buf_append_format(&rules, "Disallow: /%zu\n", rules.size);
    }
    weir_buf_append_text(&rules, "Disallow: /no\n");
    size_t hosts = 2 * FETCH_RULES_BYTES_MAX / (400 << 10);
    for (size_t i = 0; i < hosts; i++) {
        WEIR_AUTO_FREE char *url = weir_format("http://h%zu.example/no", i);
        task(&f, url);
        advance(&f, 20);
        CHECK_I64(f.count, ==, i + 1);
        answer(&f, i, 200, weir_buf_text(&rules));
        check_outcome(&f, url, "robots_denied", 0);
    }
    task(&f, "http://h0.example/no");
    check_outcome(&f, "http://h0.example/no", "robots_denied", 0);
    CHECK_I64(f.count, ==, hosts);
    task(&f, "http://h0.example/yes");
    CHECK_I64(f.count, ==, hosts); /* It was forgotten: nobody knows when it was last asked. */
    advance(&f, 20);
    CHECK_I64(f.count, ==, hosts + 1);
    CHECK_STR(f.requests[hosts].url, "http://h0.example/yes");
}
