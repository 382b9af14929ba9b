/* SPDX-License-Identifier: Apache-2.0
 *
 * Routing without a socket: which handler a target reaches with which parameters, and what every
 * failure looks like to the client.
 */
#include "connectors/rest.h"
#include "tests/harness/check.h"

#include <string.h>

/* Answers with what it was given: user, key, limit and body. */
static weir_status echo(void *user, const weir_rest_request *request, weir_rest_response *response,
                        weir_error *err)
{
    weir_bytes key = weir_rest_parameter(request, "key");
    weir_bytes limit = weir_rest_query(request, "limit");
    weir_bytes body = weir_rest_body(request);
    (void)err;
    weir_buf_append_format(&response->body, "%s key=%.*s limit=%.*s body=%.*s", (const char *)user,
                           (int)key.size, (const char *)key.data, (int)limit.size,
                           (const char *)limit.data, (int)body.size, (const char *)body.data);
    response->content_type = "text/plain";
    return WEIR_OK;
}

/* Fails as ?status= says, with the message ?message=. */
static weir_status fail(void *user, const weir_rest_request *request, weir_rest_response *response,
                        weir_error *err)
{
    (void)user;
    int64_t status = 0;
    WEIR_TRY(weir_rest_query_i64(request, "status", 0, 100, &status, err));
    weir_bytes message = weir_rest_query(request, "message");
    weir_buf_append_text(&response->body, "half an answer");
    if (message.data == NULL) {
        return (weir_status)status;
    }
    return weir_error_set(err, (weir_status)status, "%.*s", (int)message.size,
                          (const char *)message.data);
}

static weir_status conflict(void *user, const weir_rest_request *request,
                            weir_rest_response *response, weir_error *err)
{
    (void)user;
    (void)request;
    (void)err;
    return weir_rest_fail(response, 422, "odd", "It is \"odd\".");
}

typedef struct dispatch_fixture {
    weir_rest *rest;
    weir_rest_response response;
} dispatch_fixture;

static dispatch_fixture dispatch_fixture_start(void)
{
    static char all[] = "all", one[] = "one", rest_of[] = "rest", put[] = "put";
    const weir_rest_route routes[] = {
        {"GET", "/v1/things", echo, all},       {"GET", "/v1/things/{key}", echo, one},
        {"PUT", "/v1/things/{key}", echo, put}, {"GET", "/v1/tables/t/{key*}", echo, rest_of},
        {"GET", "/fail", fail, NULL},           {"POST", "/conflict", conflict, NULL},
    };
    dispatch_fixture f = {0};
    weir_error err = {0};
    CHECK_OK(weir_rest_new(&(weir_rest_options){0}, &f.rest, &err), &err);
    weir_rest_add(f.rest, routes, 2);
    weir_rest_add(f.rest, routes + 2, WEIR_COUNT_OF(routes) - 2);
    return f;
}

static void dispatch_fixture_cleanup(dispatch_fixture *f)
{
    weir_rest_response_cleanup(&f->response);
    weir_rest_free(f->rest);
}

static void check_answer(dispatch_fixture *f, const char *method, const char *target, int status,
                         const char *body)
{
    const weir_rest_call call = {.method = method, .target = weir_bytes_of_text(target)};
    weir_rest_response_cleanup(&f->response);
    weir_rest_dispatch(f->rest, &call, &f->response);
    CHECK_STR(weir_buf_text(&f->response.body), body);
    CHECK_I64(f->response.status != 0 ? f->response.status : 200, ==, status);
}

TEST(target_reaches_its_handler_with_decoded_parameters)
{
    WEIR_AUTO(dispatch_fixture) f = dispatch_fixture_start();
    check_answer(&f, "GET", "/v1/things", 200, "all key= limit= body=");
    check_answer(&f, "GET", "/v1/things?limit=3", 200, "all key= limit=3 body=");
    check_answer(&f, "GET", "/v1/things/a%2fb%20c+d", 200, "one key=a/b c+d limit= body=");
    check_answer(&f, "GET", "/v1/things/x?a=b&&limit=%41+%2B&limit=2", 200,
                 "one key=x limit=A + body=");
    check_answer(&f, "PUT", "/v1/things/x", 200, "put key=x limit= body=");
    CHECK_STR(f.response.content_type, "text/plain");
    check_answer(&f, "HEAD", "/v1/things/x", 200, "one key=x limit= body=");
}

TEST(last_parameter_with_a_star_takes_slashes_too)
{
    WEIR_AUTO(dispatch_fixture) f = dispatch_fixture_start();
    check_answer(&f, "GET", "/v1/tables/t/default/00ff", 200, "rest key=default/00ff limit= body=");
    check_answer(&f, "GET", "/v1/tables/t/https://a.example/b%3Fc", 200,
                 "rest key=https://a.example/b?c limit= body=");
    check_answer(&f, "GET", "/v1/tables/t/x", 200, "rest key=x limit= body=");
}

#define NOT_FOUND                                                                                  \
    "{\"error\":{\"code\":\"not_found\",\"message\":\"There is nothing at this path.\"}}"

TEST(unknown_path_is_404_and_known_path_with_another_method_405)
{
    WEIR_AUTO(dispatch_fixture) f = dispatch_fixture_start();
    static const char *const unknown[] = {"/",
                                          "/v1",
                                          "/v1/things/",
                                          "/v1/thing",
                                          "/v1/things/a/",
                                          "/v1/things/a/b",
                                          "",
                                          "/v1/tables/t/",
                                          "/v1/tables/t",
                                          "//v1/things",
                                          "*"};
    for (size_t i = 0; i < WEIR_COUNT_OF(unknown); i++) {
        check_answer(&f, "GET", unknown[i], 404, NOT_FOUND);
        CHECK(f.response.header_name == NULL);
    }
    check_answer(&f, "DELETE", "/v1/things/a", 405,
                 "{\"error\":{\"code\":\"method_not_allowed\",\"message\":"
                 "\"This path answers other methods: see the Allow header.\"}}");
    CHECK_STR(f.response.header_name, "Allow");
    CHECK_STR(weir_buf_text(&f.response.header_value), "GET, PUT");
}

TEST(malformed_target_is_400_and_long_one_414)
{
    WEIR_AUTO(dispatch_fixture) f = dispatch_fixture_start();
    static const char *const path = "{\"error\":{\"code\":\"bad_request\",\"message\":"
                                    "\"A percent sign in the path has no two hexadecimal "
                                    "digits.\"}}";
    check_answer(&f, "GET", "/v1/things/%", 400, path);
    check_answer(&f, "GET", "/v1/things/%4", 400, path);
    check_answer(&f, "GET", "/v1/things/%4g", 400, path);
    static const char *const query = "{\"error\":{\"code\":\"bad_request\",\"message\":"
                                     "\"The query has more than 32 arguments, or a percent sign "
                                     "without two hexadecimal digits.\"}}";
    check_answer(&f, "GET", "/v1/things?a=%x", 400, query);

    WEIR_AUTO(weir_buf) target = {0};
    weir_buf_append_text(&target, "/v1/things?");
    for (int i = 0; i < WEIR_REST_QUERY_MAX; i++) {
        weir_buf_append_text(&target, "a&");
    }
    check_answer(&f, "GET", weir_buf_text(&target), 200, "all key= limit= body=");
    weir_buf_append_text(&target, "a");
    check_answer(&f, "GET", weir_buf_text(&target), 400, query);

    while (target.size <= WEIR_REST_TARGET_BYTES_MAX) {
        weir_buf_append_text(&target, "aaaaaaaa");
    }
    check_answer(&f, "GET", weir_buf_text(&target), 414,
                 "{\"error\":{\"code\":\"url_too_long\",\"message\":\"Path and query are longer "
                 "than 8192 bytes.\"}}");
}

TEST(status_of_a_handler_becomes_a_json_error_in_place_of_what_it_wrote)
{
    WEIR_AUTO(dispatch_fixture) f = dispatch_fixture_start();
    static const struct {
        weir_status status;
        int http;
        const char *code;
    } cases[] = {
        {WEIR_NOT_FOUND, 404, "not_found"}, {WEIR_AGAIN, 503, "unavailable"},
        {WEIR_INVALID, 409, "conflict"},    {WEIR_BAD_RECORD, 400, "bad_request"},
        {WEIR_IO, 500, "internal"},         {WEIR_CORRUPT, 500, "internal"},
        {WEIR_FENCED, 500, "internal"},     {WEIR_FATAL, 500, "internal"},
        {(weir_status)77, 500, "internal"},
    };
    for (size_t i = 0; i < WEIR_COUNT_OF(cases); i++) {
        WEIR_AUTO_FREE char *target =
            weir_format("/fail?message=Oh%%0A.&status=%d", (int)cases[i].status);
        WEIR_AUTO_FREE char *body =
            weir_format("{\"error\":{\"code\":\"%s\",\"message\":\"Oh\\n.\"}}", cases[i].code);
        check_answer(&f, "GET", target, cases[i].http, body);
    }
    check_answer(&f, "GET", "/fail?status=1", 404,
                 "{\"error\":{\"code\":\"not_found\",\"message\":\"There is no such thing.\"}}");
    check_answer(&f, "POST", "/conflict", 422,
                 "{\"error\":{\"code\":\"odd\",\"message\":\"It is \\\"odd\\\".\"}}");
}

TEST(number_in_the_query_is_checked)
{
    WEIR_AUTO(dispatch_fixture) f = dispatch_fixture_start();
    static const char *const bad[] = {"-1",   "101", "x",  "",  "%201",
                                      "1%20", "1.5", "+1", "-", "99999999999999999999999999999999",
                                      "1%00"};
    for (size_t i = 0; i < WEIR_COUNT_OF(bad); i++) {
        WEIR_AUTO_FREE char *target = weir_format("/fail?status=%s", bad[i]);
        check_answer(&f, "GET", target, 400,
                     "{\"error\":{\"code\":\"bad_request\",\"message\":"
                     "\"status is no number from 0 to 100\"}}");
    }
    check_answer(&f, "GET", "/fail?status=0", 200, "half an answer");
    check_answer(&f, "GET", "/fail", 200, "half an answer");
}

/* The status of a call with these headers to a server with options. */
static int status_of(const weir_rest_options *options, const weir_rest_call *call)
{
    static char user[] = "all";
    const weir_rest_route routes[] = {{"GET", "/things", echo, user},
                                      {"POST", "/things", echo, user}};
    WEIR_AUTO_PTR(weir_rest) rest = NULL;
    WEIR_AUTO(weir_rest_response) response = {0};
    weir_error err = {0};
    CHECK_OK(weir_rest_new(options, &rest, &err), &err);
    weir_rest_add(rest, routes, WEIR_COUNT_OF(routes));
    weir_rest_dispatch(rest, call, &response);
    return response.status != 0 ? response.status : 200;
}

static int status_for_host(const weir_rest_options *options, const char *host)
{
    return status_of(
        options, &(weir_rest_call){.method = "GET", .target = WEIR_BYTES("/things"), .host = host});
}

TEST(server_on_loopback_is_called_by_address_or_its_own_name_only)
{
    static const char *const own[] = {"127.0.0.1",   "127.0.0.1:80", "10.1.2.3:8080", "localhost",
                                      "LocalHost:1", "[::1]:80",     "[::1]",         NULL};
    for (size_t i = 0; i < WEIR_COUNT_OF(own); i++) {
        CHECK_I64(status_for_host(&(weir_rest_options){0}, own[i]), ==, 200);
    }
    static const char *const others[] = {"evil.example",
                                         "evil.example:80",
                                         "localhost.evil.example",
                                         "127.0.0.1.evil.example",
                                         "",
                                         ":80",
                                         "[",
                                         "[::1",
                                         "[::1]x",
                                         "127.0.0.1,evil.example"};
    for (size_t i = 0; i < WEIR_COUNT_OF(others); i++) {
        CHECK_I64(status_for_host(&(weir_rest_options){0}, others[i]), ==, 421);
        CHECK_I64(status_for_host(&(weir_rest_options){.address = "::1"}, others[i]), ==, 421);
        CHECK_I64(status_for_host(&(weir_rest_options){.address = "0.0.0.0"}, others[i]), ==, 200);
    }
    const weir_rest_options named = {.address = "0.0.0.0", .host_names = "weir,api.example"};
    CHECK_I64(status_for_host(&named, "api.example:8080"), ==, 200);
    CHECK_I64(status_for_host(&named, "WEIR"), ==, 200);
    CHECK_I64(status_for_host(&named, "weir,api.example"), ==, 421);
    CHECK_I64(status_for_host(&named, "wei"), ==, 421);
}

TEST(server_of_json_refuses_posts_that_a_form_could_send)
{
    static const struct {
        const char *method;
        const char *type;
        int status;
    } cases[] = {
        {"GET", NULL, 200},
        {"HEAD", NULL, 200},
        {"POST", "application/json", 200},
        {"POST", "Application/JSON; charset=utf-8", 200},
        {"POST", NULL, 415},
        {"POST", "text/plain", 415},
        {"POST", "text/plain; application/json", 415},
        {"POST", "application/jsonx", 415},
        {"POST", "application/x-www-form-urlencoded", 415},
    };
    for (size_t i = 0; i < WEIR_COUNT_OF(cases); i++) {
        const weir_rest_call call = {.method = cases[i].method,
                                     .target = WEIR_BYTES("/things"),
                                     .content_type = cases[i].type};
        CHECK_I64(status_of(&(weir_rest_options){.json_only = true}, &call), ==, cases[i].status);
        CHECK_I64(status_of(&(weir_rest_options){0}, &call), ==, 200);
    }
}
