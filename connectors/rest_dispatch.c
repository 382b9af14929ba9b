/* SPDX-License-Identifier: Apache-2.0
 *
 * rest_dispatch.c - from a request's target to its handler, and from what that says to an answer.
 *
 *   GET /v1/tables/url_latest/https%3A%2F%2Fa%2F?limit=3
 *       └ path, split at "/" before anything is decoded ┘ └ query
 *
 * A slash inside a key is therefore %2F, or the key is the last parameter and takes the rest of
 * the path. No I/O: tests call it without a socket, and it is fuzzed.
 */
#include "connectors/rest_internal.h"

#include "streams/base/hash.h"
#include "streams/base/json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

typedef struct request_pair {
    weir_bytes name;
    weir_bytes value;
} request_pair;

struct weir_rest_request {
    weir_bytes body;
    request_pair parameters[WEIR_REST_PARAMETERS_MAX];
    size_t parameter_count;
    request_pair query[WEIR_REST_QUERY_MAX];
    size_t query_count;
    uint8_t decoded[WEIR_REST_TARGET_BYTES_MAX]; /* The query, then the path's parameters. */
    size_t decoded_bytes;
    size_t query_bytes; /* Of decoded: where each route's parameters start. */
};

void weir_rest_response_cleanup(weir_rest_response *response)
{
    weir_buf_cleanup(&response->body);
    weir_buf_cleanup(&response->header_value);
    if (response->stream.free != NULL) {
        response->stream.free(response->stream.user);
    }
    *response = (weir_rest_response){0};
}

weir_status weir_rest_fail(weir_rest_response *response, int status, const char *code,
                           const char *message)
{
    WEIR_ASSERT(status >= 400 && status < 600);
    WEIR_ASSERT(code != NULL && message != NULL);
    response->status = status;
    response->content_type = NULL;
    weir_buf_clear(&response->body);
    weir_json json = weir_json_of(&response->body);
    weir_json_begin_object(&json);
    weir_json_key(&json, "error");
    weir_json_begin_object(&json);
    weir_json_member_text(&json, "code", code);
    weir_json_member_text(&json, "message", message);
    weir_json_end_object(&json);
    weir_json_end_object(&json);
    return WEIR_OK;
}

static weir_bytes pair_value(const request_pair *pairs, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (weir_bytes_equal(pairs[i].name, weir_bytes_of_text(name))) {
            return pairs[i].value;
        }
    }
    return WEIR_BYTES_NULL;
}

weir_bytes weir_rest_parameter(const weir_rest_request *request, const char *name)
{
    WEIR_ASSERT(request != NULL && name != NULL);
    return pair_value(request->parameters, request->parameter_count, name);
}

weir_bytes weir_rest_query(const weir_rest_request *request, const char *name)
{
    WEIR_ASSERT(request != NULL && name != NULL);
    return pair_value(request->query, request->query_count, name);
}

weir_bytes weir_rest_body(const weir_rest_request *request)
{
    WEIR_ASSERT(request != NULL);
    return request->body;
}

weir_status weir_rest_query_i64(const weir_rest_request *request, const char *name, int64_t min,
                                int64_t max, int64_t *value, weir_error *err)
{
    WEIR_ASSERT(min <= max);
    weir_bytes text = weir_rest_query(request, name);
    if (text.data == NULL) {
        return WEIR_OK;
    }
    char digits[24] = {0};
    memcpy(digits, text.data, text.size < sizeof digits ? text.size : sizeof digits - 1);
    char *end = NULL;
    errno = 0;
    long long number = strtoll(digits, &end, 10);
    bool starts_well = digits[0] == '-' || (digits[0] >= '0' && digits[0] <= '9');
    if (errno != 0 || !starts_well || (size_t)(end - digits) != text.size || number < min ||
        number > max) {
        return weir_error_set(err, WEIR_BAD_RECORD, "%s is no number from %" PRId64 " to %" PRId64,
                              name, min, max);
    }
    *value = number;
    return WEIR_OK;
}

/* Decodes text behind what request has decoded; false where a percent sign has no two digits. In
 * a query a plus is a space. */
static bool decode(weir_rest_request *request, weir_bytes text, uint8_t plus, weir_bytes *out)
{
    const uint8_t *from = text.data;
    uint8_t *start = request->decoded + request->decoded_bytes;
    uint8_t *to = start;
    WEIR_ASSERT(request->decoded_bytes + text.size <= sizeof request->decoded);
    for (size_t i = 0; i < text.size; i++) {
        if (from[i] != '%') {
            *to++ = from[i] == '+' ? plus : from[i];
            continue;
        }
        int high = i + 2 < text.size ? weir_hex_digit(from[i + 1]) : -1;
        int low = i + 2 < text.size ? weir_hex_digit(from[i + 2]) : -1;
        if (high < 0 || low < 0) {
            return false;
        }
        *to++ = (uint8_t)(high * 16 + low);
        i += 2;
    }
    *out = weir_bytes_of(start, (size_t)(to - start));
    request->decoded_bytes += out->size;
    return true;
}

/* Takes what precedes separator off *left; all of it where there is none. */
static weir_bytes take_until(weir_bytes *left, char separator)
{
    const char *at = left->size > 0 ? memchr(left->data, separator, left->size) : NULL;
    size_t size = at != NULL ? (size_t)(at - (const char *)left->data) : left->size;
    weir_bytes taken = weir_bytes_of(left->data, size);
    size_t skipped = at != NULL ? size + 1 : size;
    *left = weir_bytes_of((const char *)left->data + skipped, left->size - skipped);
    return taken;
}

static bool parse_query(weir_rest_request *request, weir_bytes query)
{
    while (query.size > 0) {
        weir_bytes value = take_until(&query, '&');
        if (value.size == 0) {
            continue;
        }
        weir_bytes name = take_until(&value, '=');
        if (request->query_count == WEIR_REST_QUERY_MAX) {
            return false;
        }
        request_pair *pair = &request->query[request->query_count++];
        if (!decode(request, name, ' ', &pair->name) ||
            !decode(request, value, ' ', &pair->value)) {
            return false;
        }
    }
    return true;
}

typedef enum match_result { MATCH_NO, MATCH_YES, MATCH_MALFORMED } match_result;

/* Keeps what a {parameter} of the pattern matched. */
static match_result take_parameter(weir_rest_request *request, weir_bytes name, weir_bytes raw)
{
    if (raw.size == 0) {
        return MATCH_NO;
    }
    WEIR_ASSERT(request->parameter_count < WEIR_REST_PARAMETERS_MAX);
    request_pair *pair = &request->parameters[request->parameter_count++];
    pair->name = name;
    return decode(request, raw, '+', &pair->value) ? MATCH_YES : MATCH_MALFORMED;
}

static bool has_slash(weir_bytes text)
{
    return text.size > 0 && memchr(text.data, '/', text.size) != NULL;
}

/* One segment of a pattern, which is no {parameter*}, against one of the path. */
static match_result match_segment(weir_rest_request *request, weir_bytes expected, weir_bytes given)
{
    const char *start = expected.data;
    if (expected.size > 2 && start[0] == '{') {
        return take_parameter(request, weir_bytes_of(start + 1, expected.size - 2), given);
    }
    return weir_bytes_equal(expected, given) ? MATCH_YES : MATCH_NO;
}

static match_result match(weir_rest_request *request, const char *pattern, weir_bytes path)
{
    weir_bytes expected = weir_bytes_of_text(pattern);
    request->parameter_count = 0;
    request->decoded_bytes = request->query_bytes;
    bool more = true;
    while (more) {
        more = has_slash(expected);
        weir_bytes segment = take_until(&expected, '/');
        const char *start = segment.data;
        if (segment.size > 3 && start[0] == '{' && start[segment.size - 2] == '*') {
            WEIR_ASSERT(!more);
            return take_parameter(request, weir_bytes_of(start + 1, segment.size - 3), path);
        }
        if (more != has_slash(path)) {
            return MATCH_NO;
        }
        match_result result = match_segment(request, segment, take_until(&path, '/'));
        if (result != MATCH_YES) {
            return result;
        }
    }
    return MATCH_YES;
}

static void fail_by_status(weir_rest_response *response, weir_status status, const weir_error *err)
{
    static const struct {
        int status;
        const char *code;
        const char *message; /* Where the handler left none. */
    } answers[] = {
        [WEIR_NOT_FOUND] = {404, "not_found", "There is no such thing."},
        [WEIR_AGAIN] = {503, "unavailable", "Not ready for this yet: ask again later."},
        [WEIR_INVALID] = {409, "conflict", "This cannot be done now."},
        [WEIR_BAD_RECORD] = {400, "bad_request", "The request is malformed."},
        [WEIR_FATAL] = {500, "internal", "The server failed."},
    };
    size_t at = (size_t)status;
    if (at >= WEIR_COUNT_OF(answers) || answers[at].code == NULL) {
        at = WEIR_FATAL;
    }
    const char *message = err->message[0] != '\0' ? err->message : answers[at].message;
    (void)weir_rest_fail(response, answers[at].status, answers[at].code, message);
}

/* A HEAD is a GET whose body the server keeps to itself. */
static bool method_fits(const char *route, const char *asked)
{
    return strcmp(route, asked) == 0 || (strcmp(asked, "HEAD") == 0 && strcmp(route, "GET") == 0);
}

static void run_handler(const weir_rest_route *route, const weir_rest_request *request,
                        weir_rest_response *response)
{
    weir_error err = {0};
    weir_status status = route->handle(route->user, request, response, &err);
    if (status != WEIR_OK) {
        fail_by_status(response, status, &err);
    }
}

/* Runs the first route that fits; else the path is unknown, or known with other methods. */
static void route_request(const weir_rest_routes *table, const char *method, weir_bytes path,
                          weir_rest_request *request, weir_rest_response *response)
{
    WEIR_AUTO(weir_buf) allowed = {0};
    for (size_t i = 0; i < table->count; i++) {
        const weir_rest_route *route = &table->routes[i];
        match_result result = match(request, route->pattern, path);
        if (result == MATCH_MALFORMED) {
            (void)weir_rest_fail(response, 400, "bad_request",
                                 "A percent sign in the path has no two hexadecimal digits.");
            return;
        }
        if (result == MATCH_YES && method_fits(route->method, method)) {
            run_handler(route, request, response);
            return;
        }
        if (result == MATCH_YES) {
            weir_buf_append_format(&allowed, "%s%s", allowed.size > 0 ? ", " : "", route->method);
        }
    }
    if (allowed.size == 0) {
        (void)weir_rest_fail(response, 404, "not_found", "There is nothing at this path.");
        return;
    }
    response->header_name = "Allow";
    weir_buf_set(&response->header_value, weir_buf_bytes(&allowed));
    (void)weir_rest_fail(response, 405, "method_not_allowed",
                         "This path answers other methods: see the Allow header.");
}

void weir_rest_routes_dispatch(const weir_rest_routes *table, const weir_rest_call *call,
                               weir_rest_response *response)
{
    WEIR_ASSERT(table != NULL && call != NULL && response != NULL);
    WEIR_ASSERT(call->method != NULL && call->target.data != NULL);
    if (call->target.size > WEIR_REST_TARGET_BYTES_MAX) {
        (void)weir_rest_fail(response, 414, "url_too_long",
                             "Path and query are longer than 8192 bytes.");
        return;
    }
    WEIR_AUTO_FREE weir_rest_request *request = weir_alloc(sizeof *request);
    request->body = call->body.data != NULL ? call->body : WEIR_BYTES("");
    weir_bytes query = call->target;
    weir_bytes path = take_until(&query, '?');
    if (!parse_query(request, query)) {
        (void)weir_rest_fail(response, 400, "bad_request",
                             "The query has more than 32 arguments, or a percent sign without two "
                             "hexadecimal digits.");
        return;
    }
    request->query_bytes = request->decoded_bytes;
    route_request(table, call->method, path, request, response);
}
