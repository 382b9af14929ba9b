/* SPDX-License-Identifier: Apache-2.0
 *
 * The REST server over a real socket on loopback: answers as a client sees them, limits, and an
 * end that waits for nobody but its handlers.
 */
#include "connectors/rest.h"
#include "tests/harness/check.h"

#include <curl/curl.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BODY_BYTES_MAX = 1000, TIMEOUT_S = 1 };

static weir_status echo(void *user, const weir_rest_request *request, weir_rest_response *response,
                        weir_error *err)
{
    (void)user;
    (void)err;
    weir_bytes key = weir_rest_parameter(request, "key");
    weir_bytes body = weir_rest_body(request);
    weir_buf_append(&response->body, key.data, key.size);
    weir_buf_append_byte(&response->body, '|');
    weir_buf_append(&response->body, body.data, body.size);
    response->content_type = "text/plain";
    return WEIR_OK;
}

static weir_status create(void *user, const weir_rest_request *request,
                          weir_rest_response *response, weir_error *err)
{
    (void)user;
    (void)request;
    (void)err;
    response->status = 201;
    response->header_name = "Location";
    weir_buf_append_text(&response->header_value, "/v1/jobs/7");
    weir_buf_append_text(&response->body, "{\"job_id\":\"7\"}");
    return WEIR_OK;
}

typedef struct rest_fixture {
    weir_rest *rest;
    CURL *curl;
    weir_buf body;
    weir_buf headers;
    long status;
} rest_fixture;

static rest_fixture rest_fixture_start(const weir_rest_options *options)
{
    const weir_rest_route routes[] = {{"GET", "/echo/{key*}", echo, NULL},
                                      {"POST", "/echo/{key*}", echo, NULL},
                                      {"POST", "/v1/jobs", create, NULL}};
    rest_fixture f = {.curl = curl_easy_init()};
    weir_error err = {0};
    CHECK_OK(weir_rest_new(options, &f.rest, &err), &err);
    weir_rest_add(f.rest, routes, WEIR_COUNT_OF(routes));
    CHECK_I64(weir_rest_port(f.rest), ==, 0);
    CHECK_OK(weir_rest_start(f.rest, &err), &err);
    CHECK_I64(weir_rest_port(f.rest), >, 0);
    return f;
}

static void rest_fixture_cleanup(rest_fixture *f)
{
    weir_rest_free(f->rest);
    curl_easy_cleanup(f->curl);
    weir_buf_cleanup(&f->body);
    weir_buf_cleanup(&f->headers);
}

static size_t collect(char *data, size_t size, size_t count, void *to)
{
    weir_buf_append(to, data, size * count);
    return size * count;
}

/* One request; a body that is null makes it a GET. */
static void ask(rest_fixture *f, const char *path, weir_bytes body)
{
    WEIR_AUTO_FREE char *url = weir_format("http://127.0.0.1:%u%s", weir_rest_port(f->rest), path);
    weir_buf_clear(&f->body);
    weir_buf_clear(&f->headers);
    CHECK(curl_easy_setopt(f->curl, CURLOPT_URL, url) == CURLE_OK);
    CHECK(curl_easy_setopt(f->curl, CURLOPT_PATH_AS_IS, 1L) == CURLE_OK);
    CHECK(curl_easy_setopt(f->curl, CURLOPT_WRITEFUNCTION, collect) == CURLE_OK);
    CHECK(curl_easy_setopt(f->curl, CURLOPT_WRITEDATA, &f->body) == CURLE_OK);
    CHECK(curl_easy_setopt(f->curl, CURLOPT_HEADERFUNCTION, collect) == CURLE_OK);
    CHECK(curl_easy_setopt(f->curl, CURLOPT_HEADERDATA, &f->headers) == CURLE_OK);
    CHECK(curl_easy_setopt(f->curl, CURLOPT_NOPROXY, "*") == CURLE_OK);
    if (body.data != NULL) {
        CHECK(curl_easy_setopt(f->curl, CURLOPT_POSTFIELDSIZE, (long)body.size) == CURLE_OK);
        CHECK(curl_easy_setopt(f->curl, CURLOPT_POSTFIELDS, body.data) == CURLE_OK);
    } else {
        CHECK(curl_easy_setopt(f->curl, CURLOPT_HTTPGET, 1L) == CURLE_OK);
    }
    CHECK(curl_easy_perform(f->curl) == CURLE_OK);
    CHECK(curl_easy_getinfo(f->curl, CURLINFO_RESPONSE_CODE, &f->status) == CURLE_OK);
}

TEST(answers_reach_the_client_with_their_type_and_headers)
{
    WEIR_AUTO(rest_fixture) f = rest_fixture_start(&(weir_rest_options){0});
    ask(&f, "/echo/a%2Fb//c%00d", WEIR_BYTES_NULL);
    CHECK_I64(f.status, ==, 200);
    CHECK_BYTES(weir_buf_bytes(&f.body), WEIR_BYTES("a/b//c\0d|"));
    CHECK(strcasestr(weir_buf_text(&f.headers), "\ncontent-type: text/plain\r") != NULL);

    ask(&f, "/echo/k", WEIR_BYTES("posted"));
    CHECK_BYTES(weir_buf_bytes(&f.body), WEIR_BYTES("k|posted"));

    ask(&f, "/v1/jobs", WEIR_BYTES("{}"));
    CHECK_I64(f.status, ==, 201);
    CHECK_BYTES(weir_buf_bytes(&f.body), WEIR_BYTES("{\"job_id\":\"7\"}"));
    CHECK(strcasestr(weir_buf_text(&f.headers), "\nlocation: /v1/jobs/7\r") != NULL);
    CHECK(strcasestr(weir_buf_text(&f.headers), "\ncontent-type: application/json\r") != NULL);
}

TEST(errors_are_json_and_405_names_the_methods)
{
    WEIR_AUTO(rest_fixture) f = rest_fixture_start(&(weir_rest_options){.thread_count = 1});
    ask(&f, "/nothing", WEIR_BYTES_NULL);
    CHECK_I64(f.status, ==, 404);
    CHECK(strstr(weir_buf_text(&f.body), "{\"error\":{\"code\":\"not_found\"") != NULL);
    ask(&f, "/v1/jobs", WEIR_BYTES_NULL);
    CHECK_I64(f.status, ==, 405);
    CHECK(strcasestr(weir_buf_text(&f.headers), "\nallow: POST\r") != NULL);
    CHECK(strcasestr(weir_buf_text(&f.headers), "\ncontent-type: application/json\r") != NULL);
}

TEST(body_beyond_the_limit_is_413_announced_or_not)
{
    WEIR_AUTO(rest_fixture)
    f = rest_fixture_start(&(weir_rest_options){.body_bytes_max = BODY_BYTES_MAX});
    static char body[BODY_BYTES_MAX + 1];
    memset(body, 'b', sizeof body);
    ask(&f, "/echo/k", weir_bytes_of(body, BODY_BYTES_MAX));
    CHECK_I64(f.status, ==, 200);
    CHECK_I64(f.body.size, ==, BODY_BYTES_MAX + 2);
    ask(&f, "/echo/k", weir_bytes_of(body, sizeof body));
    CHECK_I64(f.status, ==, 413);
    CHECK_STR(weir_buf_text(&f.body), "{\"error\":{\"code\":\"body_too_large\",\"message\":"
                                      "\"The body is longer than 1000 bytes.\"}}");

    struct curl_slist *chunked = curl_slist_append(NULL, "Transfer-Encoding: chunked");
    CHECK(curl_easy_setopt(f.curl, CURLOPT_HTTPHEADER, chunked) == CURLE_OK);
    ask(&f, "/echo/k", weir_bytes_of(body, sizeof body));
    CHECK_I64(f.status, ==, 413);
    curl_slist_free_all(chunked);
}

/* What the server answers to bytes that no client library would send, until it closes. */
static void send_raw(const rest_fixture *f, weir_bytes bytes, weir_buf *out)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(weir_rest_port(f->rest))};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0);
    CHECK(connect(fd, (struct sockaddr *)&to, sizeof to) == 0);
    (void)send(fd, bytes.data, bytes.size, MSG_NOSIGNAL);
    ssize_t count = 1;
    while (count > 0) {
        count = recv(fd, weir_buf_reserve(out, 4096), 4096, 0);
        out->size += count > 0 ? (size_t)count : 0;
    }
    close(fd);
}

TEST(bytes_that_are_no_request_end_the_connection_and_nothing_else)
{
    WEIR_AUTO(rest_fixture) f = rest_fixture_start(&(weir_rest_options){.timeout_s = TIMEOUT_S});
    WEIR_AUTO(weir_buf) long_line = {0};
    weir_buf_append_text(&long_line, "GET /");
    memset(weir_buf_reserve(&long_line, 100000), 'a', 100000);
    long_line.size += 100000;
    weir_buf_append_text(&long_line, " HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
    const weir_bytes inputs[] = {
        weir_buf_bytes(&long_line),
        WEIR_BYTES("\0\xff\xfe\r\n\r\n"),
        WEIR_BYTES("POST /echo/k HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\n\r\n"),
        WEIR_BYTES("POST /echo/k HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 10\r\n\r\nshort"),
        WEIR_BYTES("GET /echo/k HTTP/1.1\r\nHost:"), /* Then silence: the timeout ends it. */
    };
    for (size_t i = 0; i < WEIR_COUNT_OF(inputs); i++) {
        WEIR_AUTO(weir_buf) answer = {0};
        send_raw(&f, inputs[i], &answer);
        CHECK(strstr(weir_buf_text(&answer), " 200 ") == NULL);
    }
    WEIR_AUTO(weir_buf) answer = {0};
    long_line.size = 5 + WEIR_REST_TARGET_BYTES_MAX;
    weir_buf_append_text(&long_line, " HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
    send_raw(&f, weir_buf_bytes(&long_line), &answer);
    CHECK(strstr(weir_buf_text(&answer), " 414 ") != NULL);
    ask(&f, "/echo/alive", WEIR_BYTES_NULL);
    CHECK_BYTES(weir_buf_bytes(&f.body), WEIR_BYTES("alive|"));
}

TEST(port_that_is_taken_and_address_that_is_none_are_refused_with_a_sentence)
{
    WEIR_AUTO(rest_fixture) f = rest_fixture_start(&(weir_rest_options){0});
    WEIR_AUTO_PTR(weir_rest) second = NULL;
    weir_error err = {0};
    const weir_rest_options same = {.port = weir_rest_port(f.rest)};
    CHECK_OK(weir_rest_new(&same, &second, &err), &err);
    CHECK_STATUS(weir_rest_start(second, &err), WEIR_INVALID);
    CHECK(strstr(err.message, "Address already in use; choose another port") != NULL);

    weir_rest *third = NULL;
    const weir_rest_options named = {.address = "localhost"};
    CHECK_STATUS(weir_rest_new(&named, &third, &err), WEIR_INVALID);
    CHECK_STR(err.message, "REST: \"localhost\" is not an IPv4 or IPv6 address to listen on");
}

TEST(headers_of_a_browser_that_was_made_to_call_reach_the_guard)
{
    WEIR_AUTO(rest_fixture) f = rest_fixture_start(&(weir_rest_options){.json_only = true});
    ask(&f, "/v1/jobs", WEIR_BYTES("{}")); /* As a form: the client's default. */
    CHECK_I64(f.status, ==, 415);
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    CHECK(curl_easy_setopt(f.curl, CURLOPT_HTTPHEADER, headers) == CURLE_OK);
    ask(&f, "/v1/jobs", WEIR_BYTES("{}"));
    CHECK_I64(f.status, ==, 201);
    headers = curl_slist_append(headers, "Host: rebound.example");
    CHECK(curl_easy_setopt(f.curl, CURLOPT_HTTPHEADER, headers) == CURLE_OK);
    ask(&f, "/v1/jobs", WEIR_BYTES("{}"));
    CHECK_I64(f.status, ==, 421);
    curl_slist_free_all(headers);
}
