/* SPDX-License-Identifier: Apache-2.0
 *
 * http.c - the front door of every HTTP client: checks the contract, then hands on.
 */
#include "connectors/http.h"

#include <string.h>

static const char *const outcome_names[WEIR_HTTP_OUTCOME_COUNT] = {
    [WEIR_HTTP_FETCHED] = "fetched",
    [WEIR_HTTP_NOT_MODIFIED] = "not_modified",
    [WEIR_HTTP_REDIRECTED] = "redirected",
    [WEIR_HTTP_ERROR] = "http_error",
    [WEIR_HTTP_DNS_ERROR] = "dns_error",
    [WEIR_HTTP_CONNECT_ERROR] = "connect_error",
    [WEIR_HTTP_TLS_ERROR] = "tls_error",
    [WEIR_HTTP_TIMEOUT] = "timeout",
    [WEIR_HTTP_TOO_LARGE] = "too_large",
    [WEIR_HTTP_TOO_SLOW] = "too_slow",
    [WEIR_HTTP_PRIVATE_ADDRESS] = "private_address",
    [WEIR_HTTP_UNSUPPORTED_SCHEME] = "unsupported_scheme",
    [WEIR_HTTP_PROTOCOL_ERROR] = "protocol_error",
};

const char *weir_http_outcome_name(weir_http_outcome outcome)
{
    WEIR_ASSERT((size_t)outcome < WEIR_COUNT_OF(outcome_names));
    return outcome_names[outcome];
}

weir_bytes weir_http_result_header(const weir_http_result *result, const char *name)
{
    WEIR_ASSERT(result != NULL);
    WEIR_ASSERT(name != NULL);
    for (size_t i = 0; i < result->header_count; i++) {
        if (weir_bytes_equal(result->headers[i].name, weir_bytes_of_text(name))) {
            return result->headers[i].value;
        }
    }
    return WEIR_BYTES_NULL;
}

static bool has_line_break(weir_bytes text)
{
    const char *data = text.data;
    for (size_t i = 0; i < text.size; i++) {
        if (data[i] == '\r' || data[i] == '\n' || data[i] == '\0') {
            return true;
        }
    }
    return false;
}

weir_status weir_http_start(weir_http *http, const weir_http_request *request, uint64_t *out_id,
                            weir_error *err)
{
    WEIR_ASSERT(http != NULL);
    WEIR_ASSERT(request->url != NULL);
    WEIR_ASSERT(request->done != NULL);
    if (strlen(request->url) > WEIR_HTTP_URL_BYTES_MAX) {
        return weir_error_set(err, WEIR_INVALID, "URL of more than %d bytes",
                              WEIR_HTTP_URL_BYTES_MAX);
    }
    if (request->header_count > WEIR_HTTP_HEADERS_MAX) {
        return weir_error_set(err, WEIR_INVALID, "more than %d headers", WEIR_HTTP_HEADERS_MAX);
    }
    for (size_t i = 0; i < request->header_count; i++) {
        const weir_http_header *header = &request->headers[i];
        if (header->name.size == 0 || has_line_break(header->name) ||
            has_line_break(header->value)) {
            return weir_error_set(err, WEIR_INVALID, "header %zu has no name or a line break", i);
        }
    }
    uint64_t id = 0;
    WEIR_TRY(http->ops->start(http, request, &id, err));
    if (out_id != NULL) {
        *out_id = id;
    }
    return WEIR_OK;
}

void weir_http_cancel(weir_http *http, uint64_t id)
{
    WEIR_ASSERT(http != NULL);
    http->ops->cancel(http, id);
}

weir_status weir_http_poll(weir_http *http, int timeout_ms, weir_error *err)
{
    WEIR_ASSERT(http != NULL);
    WEIR_ASSERT(timeout_ms >= 0);
    return http->ops->poll(http, timeout_ms, err);
}

int weir_http_fd(const weir_http *http)
{
    WEIR_ASSERT(http != NULL);
    return http->ops->fd(http);
}

size_t weir_http_in_flight(const weir_http *http)
{
    WEIR_ASSERT(http != NULL);
    return http->ops->in_flight(http);
}

void weir_http_free(weir_http *http)
{
    if (http != NULL) {
        http->ops->free(http);
    }
}
