/* SPDX-License-Identifier: Apache-2.0
 *
 * The HTTP client against a server that answers well and badly: every request ends in exactly one
 * outcome, within its limits.
 */
#include "connectors/http_curl.h"
#include "streams/base/file.h"
#include "tests/harness/check.h"
#include "tests/harness/web_server.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { POLL_MS = 1000 };

/* What the last callback said. */
typedef struct answer {
    int calls;
    weir_http_outcome outcome;
    int status;
    bool is_cut;
    char reason[256];
    char ip[WEIR_HTTP_ADDRESS_BYTES_MAX];
    weir_buf body;
    weir_buf location;
} answer;

static void answer_cleanup(answer *a)
{
    weir_buf_cleanup(&a->body);
    weir_buf_cleanup(&a->location);
}

static void on_done(void *user, const weir_http_result *result)
{
    answer *a = user;
    a->calls++;
    a->outcome = result->outcome;
    a->status = result->status;
    a->is_cut = result->body_is_cut;
    (void)snprintf(a->reason, sizeof a->reason, "%s", result->reason);
    (void)snprintf(a->ip, sizeof a->ip, "%s", result->ip);
    weir_buf_set(&a->body, result->body);
    weir_buf_set(&a->location, weir_http_result_header(result, "location"));
}

typedef struct web_fixture {
    web_server *server;
    weir_http *http;
    weir_error err;
} web_fixture;

static web_fixture fixture_with(const weir_http_curl_options *options)
{
    web_fixture f = {.server = web_server_start()};
    CHECK_OK(weir_http_curl_new(options, &f.http, &f.err), &f.err);
    return f;
}

static web_fixture fixture(void)
{
    return fixture_with(&(weir_http_curl_options){.private_allowed = true});
}

static void web_fixture_cleanup(web_fixture *f)
{
    weir_http_free(f->http);
    web_server_stop(f->server);
}

static void drain(web_fixture *f)
{
    while (weir_http_in_flight(f->http) > 0) {
        CHECK_OK(weir_http_poll(f->http, POLL_MS, &f->err), &f->err);
    }
}

/* Asks for path, with the request's other members from like. */
static answer get_like(web_fixture *f, const char *path, weir_http_request like)
{
    answer a = {0};
    WEIR_AUTO_FREE char *url = weir_format("%s%s", web_server_url(f->server), path);
    like.url = url;
    like.done = on_done;
    like.user = &a;
    CHECK_OK(weir_http_start(f->http, &like, NULL, &f->err), &f->err);
    drain(f);
    CHECK_I64(a.calls, ==, 1);
    return a;
}

static answer get(web_fixture *f, const char *path)
{
    return get_like(f, path, (weir_http_request){0});
}

static void check_outcome(const answer *a, weir_http_outcome wanted)
{
    if (a->outcome != wanted) {
        check_fail(__FILE__, __LINE__, "%s (%s), not %s", weir_http_outcome_name(a->outcome),
                   a->reason, weir_http_outcome_name(wanted));
    }
}

TEST(page_arrives_with_status_headers_body_and_address)
{
    WEIR_AUTO(web_fixture) f = fixture();
    web_server_script(f.server, NULL, "/a", &(web_reply){.body = WEIR_BYTES("hello")});
    WEIR_AUTO(answer) a = get(&f, "/a");
    check_outcome(&a, WEIR_HTTP_FETCHED);
    CHECK_I64(a.status, ==, 200);
    CHECK_BYTES(weir_buf_bytes(&a.body), WEIR_BYTES("hello"));
    CHECK_STR(a.ip, "127.0.0.1");
}

TEST(request_headers_reach_the_server)
{
    WEIR_AUTO(web_fixture) f = fixture();
    const weir_http_header headers[] = {{WEIR_BYTES("If-None-Match"), WEIR_BYTES("\"e\"")}};
    WEIR_AUTO(answer)
    a = get_like(&f, "/a?b", (weir_http_request){.headers = headers, .header_count = 1});
    WEIR_AUTO(web_request) request = web_server_request(f.server, 0);
    CHECK(strstr(request.head, "If-None-Match: \"e\"\r\n") != NULL);
    CHECK(strstr(request.head, "User-Agent: weir\r\n") != NULL);
    CHECK_STR(request.path, "/a?b");
}

TEST(header_with_a_line_break_is_refused)
{
    WEIR_AUTO(web_fixture) f = fixture();
    const weir_http_header headers[] = {{WEIR_BYTES("A"), WEIR_BYTES("b\r\nHost: c")}};
    weir_http_request request = {
        .url = "http://h/", .headers = headers, .header_count = 1, .done = on_done};
    CHECK_STATUS(weir_http_start(f.http, &request, NULL, &f.err), WEIR_INVALID);
}

TEST(redirects_are_answers_and_are_not_followed)
{
    WEIR_AUTO(web_fixture) f = fixture();
    web_server_script(f.server, NULL, "/*", &(web_reply){.redirects_to_longer = true});
    WEIR_AUTO(answer) a = get(&f, "/r");
    check_outcome(&a, WEIR_HTTP_REDIRECTED);
    WEIR_AUTO_FREE char *wanted = weir_format("%s/rx", web_server_url(f.server));
    CHECK_STR(weir_buf_text(&a.location), wanted);
    CHECK_I64(web_server_request_count(f.server), ==, 1);
}

TEST(statuses_become_outcomes)
{
    WEIR_AUTO(web_fixture) f = fixture();
    web_server_script(f.server, NULL, "/304", &(web_reply){.status = 304});
    web_server_script(f.server, NULL, "/302", &(web_reply){.status = 302});
    web_server_script(f.server, NULL, "/429",
                      &(web_reply){.status = 429, .headers = "Retry-After: 7\r\n"});
    WEIR_AUTO(answer) not_modified = get(&f, "/304");
    check_outcome(&not_modified, WEIR_HTTP_NOT_MODIFIED);
    WEIR_AUTO(answer) nowhere = get(&f, "/302");
    check_outcome(&nowhere, WEIR_HTTP_ERROR);
    WEIR_AUTO(answer) limited = get(&f, "/429");
    check_outcome(&limited, WEIR_HTTP_ERROR);
    CHECK_I64(limited.status, ==, 429);
    WEIR_AUTO(answer) missing = get(&f, "/nothing");
    CHECK_I64(missing.status, ==, 404);
}

TEST(body_past_its_limit_is_too_large_whether_announced_or_not)
{
    WEIR_AUTO(web_fixture) f = fixture();
    web_server_script(f.server, NULL, "/big",
                      &(web_reply){.body = WEIR_BYTES("x"), .body_bytes = 50 << 20});
    web_server_script(f.server, NULL, "/unannounced",
                      &(web_reply){.raw = WEIR_BYTES("HTTP/1.1 200 OK\r\n\r\n0123456789")});
    WEIR_AUTO(answer) big = get(&f, "/big");
    check_outcome(&big, WEIR_HTTP_TOO_LARGE);
    WEIR_AUTO(answer)
    small = get_like(&f, "/unannounced", (weir_http_request){.body_bytes_max = 9});
    check_outcome(&small, WEIR_HTTP_TOO_LARGE);
    CHECK_I64(small.body.size, ==, 0);
    WEIR_AUTO(answer)
    fits = get_like(&f, "/unannounced", (weir_http_request){.body_bytes_max = 10});
    check_outcome(&fits, WEIR_HTTP_FETCHED);
}

TEST(body_is_cut_at_its_limit_where_the_request_says_so)
{
    WEIR_AUTO(web_fixture) f = fixture();
    web_server_script(f.server, NULL, "/", &(web_reply){.body = WEIR_BYTES("0123456789")});
    WEIR_AUTO(answer)
    cut = get_like(&f, "/", (weir_http_request){.body_bytes_max = 4, .cuts_body = true});
    check_outcome(&cut, WEIR_HTTP_FETCHED);
    CHECK_BYTES(weir_buf_bytes(&cut.body), WEIR_BYTES("0123"));
    CHECK(cut.is_cut);
    WEIR_AUTO(answer)
    whole = get_like(&f, "/", (weir_http_request){.body_bytes_max = 10, .cuts_body = true});
    CHECK_I64(whole.body.size, ==, 10);
    CHECK(!whole.is_cut);
}

/* 100,000 zero bytes, compressed by gzip to 132. */
static const uint8_t gzip_bomb[] = {
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xed, 0xc1, 0x31, 0x01, 0x00,
    0x00, 0x00, 0xc2, 0xa0, 0xf5, 0x4f, 0x6d, 0x0d, 0x0f, 0xa0, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x80, 0x57, 0x03, 0x7d, 0x95, 0x11, 0xd4, 0xa0, 0x86, 0x01, 0x00,
};

TEST(limit_holds_for_the_decompressed_body)
{
    WEIR_AUTO(web_fixture) f = fixture();
    web_server_script(f.server, NULL, "/z",
                      &(web_reply){.headers = "Content-Encoding: gzip\r\n",
                                   .body = weir_bytes_of(gzip_bomb, sizeof gzip_bomb)});
    WEIR_AUTO(answer) bomb = get_like(&f, "/z", (weir_http_request){.body_bytes_max = 99999});
    check_outcome(&bomb, WEIR_HTTP_TOO_LARGE);
    WEIR_AUTO(answer) fits = get_like(&f, "/z", (weir_http_request){.body_bytes_max = 100000});
    check_outcome(&fits, WEIR_HTTP_FETCHED);
    CHECK_I64(fits.body.size, ==, 100000);
}

TEST(nonsense_is_a_protocol_error_and_silence_a_connect_error)
{
    WEIR_AUTO(web_fixture) f = fixture();
    web_server_script(f.server, NULL, "/garbage",
                      &(web_reply){.raw = WEIR_BYTES("HELO there\r\n")});
    web_server_script(f.server, NULL, "/cut",
                      &(web_reply){.body = WEIR_BYTES("half"), .claimed_bytes = 8});
    web_server_script(f.server, NULL, "/encoding",
                      &(web_reply){.headers = "Content-Encoding: gzip\r\n",
                                   .body = WEIR_BYTES("this is no gzip")});
    web_server_script(f.server, NULL, "/silence", &(web_reply){.raw = WEIR_BYTES("")});
    WEIR_AUTO(answer) garbage = get(&f, "/garbage");
    check_outcome(&garbage, WEIR_HTTP_PROTOCOL_ERROR);
    WEIR_AUTO(answer) cut = get(&f, "/cut");
    check_outcome(&cut, WEIR_HTTP_PROTOCOL_ERROR);
    WEIR_AUTO(answer) encoding = get(&f, "/encoding");
    check_outcome(&encoding, WEIR_HTTP_PROTOCOL_ERROR);
    WEIR_AUTO(answer) silence = get(&f, "/silence");
    check_outcome(&silence, WEIR_HTTP_CONNECT_ERROR);
}

TEST(server_that_does_not_answer_runs_into_the_deadline)
{
    WEIR_AUTO(web_fixture) f = fixture();
    web_server_script(f.server, NULL, "/late", &(web_reply){.delay_ms = 60000});
    WEIR_AUTO(answer) a = get_like(&f, "/late", (weir_http_request){.timeout_ms = 50});
    check_outcome(&a, WEIR_HTTP_TIMEOUT);
}

TEST(slow_drip_is_too_slow_long_before_the_deadline)
{
    WEIR_AUTO(web_fixture)
    f = fixture_with(&(weir_http_curl_options){
        .private_allowed = true, .speed_bytes_min = 1000, .speed_window_s = 1});
    web_server_script(
        f.server, NULL, "/drip",
        &(web_reply){
            .body = WEIR_BYTES("x"), .body_bytes = 100000, .drip_bytes = 10, .drip_delay_ms = 50});
    WEIR_AUTO(answer) a = get(&f, "/drip");
    check_outcome(&a, WEIR_HTTP_TOO_SLOW);
}

TEST(closed_port_is_a_connect_error)
{
    WEIR_AUTO(web_fixture) f = fixture();
    web_server *gone = web_server_start();
    WEIR_AUTO_FREE char *url = weir_format("%s/", web_server_url(gone));
    web_server_stop(gone);
    WEIR_AUTO(answer) a = {0};
    weir_http_request request = {.url = url, .done = on_done, .user = &a};
    CHECK_OK(weir_http_start(f.http, &request, NULL, &f.err), &f.err);
    drain(&f);
    check_outcome(&a, WEIR_HTTP_CONNECT_ERROR);
}

static void check_url_outcome(web_fixture *f, const char *url, weir_http_outcome wanted)
{
    WEIR_AUTO(answer) a = {0};
    weir_http_request request = {.url = url, .done = on_done, .user = &a};
    CHECK_OK(weir_http_start(f->http, &request, NULL, &f->err), &f->err);
    CHECK_I64(a.calls, ==, 0);
    drain(f);
    CHECK_I64(a.calls, ==, 1);
    check_outcome(&a, wanted);
}

TEST(urls_that_lead_nowhere_say_why)
{
    WEIR_AUTO(web_fixture) f = fixture();
    check_url_outcome(&f, "ftp://h/", WEIR_HTTP_UNSUPPORTED_SCHEME);
    check_url_outcome(&f, "http://a!b$.invalid/", WEIR_HTTP_DNS_ERROR);
    check_url_outcome(&f, "http://nobody.invalid/", WEIR_HTTP_DNS_ERROR);
}

TEST(private_addresses_are_refused_after_resolution)
{
    WEIR_AUTO(web_fixture) f = fixture_with(&(weir_http_curl_options){0});
    WEIR_AUTO(answer) literal = get(&f, "/");
    check_outcome(&literal, WEIR_HTTP_PRIVATE_ADDRESS);
    WEIR_AUTO_FREE char *by_name = weir_format("http://localhost:%u/", web_server_port(f.server));
    check_url_outcome(&f, by_name, WEIR_HTTP_PRIVATE_ADDRESS);
    CHECK_I64(web_server_connection_count(f.server), ==, 0);
}

TEST(allow_list_opens_one_host_and_port_and_no_other)
{
    web_server *allowed = web_server_start();
    WEIR_AUTO_FREE char *list = weir_format("a:1, 127.0.0.1:%u", web_server_port(allowed));
    WEIR_AUTO(web_fixture)
    f = fixture_with(&(weir_http_curl_options){.private_allowed_list = list});
    WEIR_AUTO_FREE char *url = weir_format("%s/", web_server_url(allowed));
    check_url_outcome(&f, url, WEIR_HTTP_ERROR);
    WEIR_AUTO(answer) other = get(&f, "/");
    check_outcome(&other, WEIR_HTTP_PRIVATE_ADDRESS);
    web_server_stop(allowed);
}

TEST(proxy_gets_every_request_and_private_targets_are_refused_before_it)
{
    web_server *proxy = web_server_start();
    web_server_script(proxy, "one.example", "/p", &(web_reply){.body = WEIR_BYTES("one")});
    WEIR_AUTO(web_fixture)
    f = fixture_with(&(weir_http_curl_options){.proxy_url = web_server_url(proxy)});
    check_url_outcome(&f, "http://one.example/p", WEIR_HTTP_FETCHED);
    check_url_outcome(&f, "http://two.example/p", WEIR_HTTP_ERROR);
    check_url_outcome(&f, "http://10.0.0.1/p", WEIR_HTTP_PRIVATE_ADDRESS);
    check_url_outcome(&f, "http://localhost/p", WEIR_HTTP_PRIVATE_ADDRESS);
    CHECK_I64(web_server_count_of(proxy, "one.example", "/p"), ==, 1);
    CHECK_I64(web_server_request_count(proxy), ==, 2);
    web_server_stop(proxy);
}

TEST(one_connection_serves_all_requests_to_a_host)
{
    WEIR_AUTO(web_fixture) f = fixture();
    web_server_script(f.server, NULL, "/*", &(web_reply){.delay_ms = 1});
    WEIR_AUTO(answer) a = {0};
    WEIR_AUTO_FREE char *url = weir_format("%s/x", web_server_url(f.server));
    weir_http_request request = {.url = url, .done = on_done, .user = &a};
    for (int i = 0; i < 20; i++) {
        CHECK_OK(weir_http_start(f.http, &request, NULL, &f.err), &f.err);
    }
    drain(&f);
    CHECK_I64(a.calls, ==, 20);
    CHECK_I64(web_server_connection_count(f.server), ==, 1);
    WEIR_AUTO_FREE char *complaint = web_server_impoliteness(f.server, 0);
    CHECK(complaint == NULL);
}

TEST(cancelled_request_never_calls_back)
{
    WEIR_AUTO(web_fixture) f = fixture();
    web_server_script(f.server, NULL, "/late", &(web_reply){.delay_ms = 60000});
    WEIR_AUTO(answer) a = {0};
    WEIR_AUTO_FREE char *url = weir_format("%s/late", web_server_url(f.server));
    weir_http_request request = {.url = url, .done = on_done, .user = &a};
    uint64_t id = 0;
    CHECK_OK(weir_http_start(f.http, &request, &id, &f.err), &f.err);
    CHECK_OK(weir_http_poll(f.http, 0, &f.err), &f.err);
    weir_http_cancel(f.http, id);
    weir_http_cancel(f.http, id);
    CHECK_I64(weir_http_in_flight(f.http), ==, 0);
    WEIR_AUTO(answer) next = get(&f, "/");
    CHECK_I64(a.calls, ==, 0);
}

/* Asks for the next page until ten have come. */
typedef struct chain {
    weir_http *http;
    const char *url;
    int count;
} chain;

static void on_chain(void *user, const weir_http_result *result)
{
    chain *c = user;
    (void)result;
    c->count++;
    weir_http_request request = {.url = c->url, .done = on_chain, .user = c};
    if (c->count < 10) {
        CHECK_STATUS(weir_http_start(c->http, &request, NULL, NULL), WEIR_OK);
    }
}

TEST(callback_may_start_the_next_request)
{
    WEIR_AUTO(web_fixture) f = fixture();
    chain c = {.http = f.http, .url = web_server_url(f.server)};
    on_chain(&c, NULL);
    drain(&f);
    CHECK_I64(c.count, ==, 10);
    CHECK_I64(web_server_request_count(f.server), ==, 9);
}

TEST(more_than_the_limit_in_flight_asks_to_come_again)
{
    WEIR_AUTO(web_fixture)
    f = fixture_with(&(weir_http_curl_options){.private_allowed = true, .in_flight_max = 1});
    answer a = {0};
    weir_http_request request = {.url = "http://127.0.0.1:1/", .done = on_done, .user = &a};
    CHECK_OK(weir_http_start(f.http, &request, NULL, &f.err), &f.err);
    CHECK_STATUS(weir_http_start(f.http, &request, NULL, &f.err), WEIR_AGAIN);
}

TEST(one_descriptor_is_readable_when_there_is_something_to_do)
{
    WEIR_AUTO(web_fixture) f = fixture();
    WEIR_AUTO(answer) a = {0};
    WEIR_AUTO_FREE char *url = weir_format("%s/x", web_server_url(f.server));
    weir_http_request request = {.url = url, .done = on_done, .user = &a};
    CHECK_OK(weir_http_start(f.http, &request, NULL, &f.err), &f.err);
    while (a.calls == 0) {
        struct pollfd fd = {.fd = weir_http_fd(f.http), .events = POLLIN};
        CHECK_I64(poll(&fd, 1, 10000), ==, 1);
        CHECK_OK(weir_http_poll(f.http, 0, &f.err), &f.err);
    }
    check_outcome(&a, WEIR_HTTP_ERROR);
}

TEST(flood_of_headers_is_too_large)
{
    WEIR_AUTO(web_fixture) f = fixture();
    WEIR_AUTO(weir_buf) raw = {0};
    weir_buf_append_text(&raw, "HTTP/1.1 200 OK\r\n");
    for (int i = 0; i <= WEIR_HTTP_HEADERS_MAX; i++) {
        weir_buf_append_text(&raw, "A: b\r\n");
    }
    weir_buf_append_text(&raw, "\r\n");
    web_server_script(f.server, NULL, "/", &(web_reply){.raw = weir_buf_bytes(&raw)});
    WEIR_AUTO(answer) a = get(&f, "/");
    check_outcome(&a, WEIR_HTTP_TOO_LARGE);
}

TEST(server_serves_a_directory_and_nothing_beside_it)
{
    WEIR_AUTO(web_fixture) f = fixture();
    WEIR_AUTO_FREE char *directory = check_directory();
    WEIR_AUTO_FREE char *inner = weir_format("%s/site", directory);
    WEIR_AUTO_FREE char *page = weir_format("%s/index.html", inner);
    WEIR_AUTO_FREE char *secret = weir_format("%s/secret", directory);
    CHECK_OK(weir_directory_make(inner, &f.err), &f.err);
    CHECK_OK(weir_file_replace(page, WEIR_BYTES("<p>home"), false, &f.err), &f.err);
    CHECK_OK(weir_file_replace(secret, WEIR_BYTES("secret"), false, &f.err), &f.err);
    web_server_serve(f.server, NULL, inner);
    WEIR_AUTO(answer) home = get(&f, "/");
    CHECK_BYTES(weir_buf_bytes(&home.body), WEIR_BYTES("<p>home"));
    WEIR_AUTO(answer) outside = get(&f, "/../secret");
    CHECK_I64(outside.status, ==, 404);
}

TEST(server_tells_impolite_clients)
{
    WEIR_AUTO(web_fixture)
    f = fixture_with(&(weir_http_curl_options){.private_allowed = true, .connections_per_host = 2});
    web_server_script(f.server, NULL, "/*", &(web_reply){.delay_ms = 300});
    WEIR_AUTO(answer) a = {0};
    WEIR_AUTO_FREE char *url = weir_format("%s/x", web_server_url(f.server));
    weir_http_request request = {.url = url, .done = on_done, .user = &a};
    CHECK_OK(weir_http_start(f.http, &request, NULL, &f.err), &f.err);
    CHECK_OK(weir_http_start(f.http, &request, NULL, &f.err), &f.err);
    drain(&f);
    WEIR_AUTO_FREE char *overlap = web_server_impoliteness(f.server, 0);
    CHECK(overlap != NULL && strstr(overlap, "under way") != NULL);
}

TEST(server_tells_hasty_clients)
{
    WEIR_AUTO(web_fixture) f = fixture();
    WEIR_AUTO(answer) first = get(&f, "/");
    WEIR_AUTO(answer) second = get(&f, "/");
    WEIR_AUTO_FREE char *nothing = web_server_impoliteness(f.server, 0);
    CHECK(nothing == NULL);
    WEIR_AUTO_FREE char *haste = web_server_impoliteness(f.server, 60000);
    CHECK(haste != NULL && strstr(haste, "not 60000") != NULL);
}
