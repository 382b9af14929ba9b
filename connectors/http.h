/* SPDX-License-Identifier: Apache-2.0
 *
 * http.h - requests that end later, GET or POST of a form: start, poll, and a callback each.
 *
 * Callers use weir_http_*(), which checks the contract once. http_curl.c fetches for real; a test
 * fills weir_http_ops with scripted answers.
 *
 * Thousands of requests may be in flight on the one thread that polls. Redirects are not followed:
 * a redirect is an answer. Whatever a server does, the callback says it as an outcome; an error of
 * these calls is one of the program or of the machine.
 *
 * Ownership  A request is copied by weir_http_start. A result is borrowed for the callback.
 * Errors     base/status.h; a status that is not OK or AGAIN fills *err, unless NULL.
 * Threads    One. A callback runs inside weir_http_poll, and may start and cancel requests.
 */
#ifndef WEIR_CONNECTORS_HTTP_H
#define WEIR_CONNECTORS_HTTP_H

#include "streams/base/bytes.h"
#include "streams/base/status.h"

enum {
    WEIR_HTTP_URL_BYTES_MAX = 8 << 10,
    WEIR_HTTP_HEADERS_MAX = 256,            /* Of a request, and of an answer. */
    WEIR_HTTP_HEADER_BYTES_MAX = 256 << 10, /* All headers of an answer. */
    WEIR_HTTP_ADDRESS_BYTES_MAX = 64,
};

typedef struct weir_http weir_http;

/* How a request ended; the names are those of RawFetch.outcome. */
typedef enum weir_http_outcome {
    WEIR_HTTP_FETCHED,      /* Status 2xx. */
    WEIR_HTTP_NOT_MODIFIED, /* 304. */
    WEIR_HTTP_REDIRECTED,   /* 301, 302, 303, 307, 308 with a Location. */
    WEIR_HTTP_ERROR,        /* Any other status. */
    WEIR_HTTP_DNS_ERROR,
    WEIR_HTTP_CONNECT_ERROR, /* Also a connection that broke before the answer was whole. */
    WEIR_HTTP_TLS_ERROR,
    WEIR_HTTP_TIMEOUT,
    WEIR_HTTP_TOO_LARGE, /* The body, as sent or decompressed, or the headers. */
    WEIR_HTTP_TOO_SLOW,
    WEIR_HTTP_PRIVATE_ADDRESS,
    WEIR_HTTP_UNSUPPORTED_SCHEME,
    WEIR_HTTP_PROTOCOL_ERROR, /* What came is not HTTP, or is cut short. */
    WEIR_HTTP_OUTCOME_COUNT,
} weir_http_outcome;

/* "fetched", "dns_error", … */
const char *weir_http_outcome_name(weir_http_outcome outcome);

/* A header; in an answer the name is lower case and the value has no outer spaces. */
typedef struct weir_http_header {
    weir_bytes name;
    weir_bytes value;
} weir_http_header;

/* What a request came to. Parts of an answer that never came are empty. */
typedef struct weir_http_result {
    weir_http_outcome outcome;
    const char *reason; /* A sentence for people. */
    int status;         /* 0 where there was no answer. */
    const weir_http_header *headers;
    size_t header_count;
    weir_bytes body;         /* Decompressed; empty unless the answer came whole, or was cut. */
    bool body_is_cut;        /* More would have come: the request's cuts_body. */
    const char *ip;          /* The address that was asked; "" where there was none. */
    uint64_t name_lookup_ns; /* From the start of the request, as are the next two. */
    uint64_t first_byte_ns;
    uint64_t duration_ns;
    int64_t ended_at_ms; /* Wall clock, rounded up; 0: the client does not say. */
} weir_http_result;

/* The value of the first header of that lower-case name, or the null bytes. */
weir_bytes weir_http_result_header(const weir_http_result *result, const char *name);

/* Called once per request, unless it is cancelled or the client freed before. */
typedef void (*weir_http_done)(void *user, const weir_http_result *result);

/* A limit of 0 is the client's own. */
typedef struct weir_http_request {
    const char *url; /* Absolute, canonical. */
    const weir_http_header *headers;
    size_t header_count;
    weir_bytes form;     /* Not null: a POST of these fields (a=b&c=d), not a GET. */
    uint64_t timeout_ms; /* From start to end. */
    size_t body_bytes_max;
    bool cuts_body; /* A body past its limit is cut there, instead of being too large. */
    weir_http_done done;
    void *user;
} weir_http_request;

/* Starts a request; *out_id names it for weir_http_cancel and may be NULL. WEIR_AGAIN when as many
 * as allowed are in flight; WEIR_INVALID for a header with a line break or too many of them. */
weir_status weir_http_start(weir_http *http, const weir_http_request *request, uint64_t *out_id,
                            weir_error *err);

/* Ends a request without calling back. An id that is not in flight any more is ignored. */
void weir_http_cancel(weir_http *http, uint64_t id);

/* Moves all requests on, waiting up to timeout_ms (0: not at all) for something to happen, and
 * calls back for those that ended. */
weir_status weir_http_poll(weir_http *http, int timeout_ms, weir_error *err);

/* A file descriptor that is readable when weir_http_poll has something to do; -1 where the client
 * has none and must simply be polled. */
int weir_http_fd(const weir_http *http);

/* How many requests have begun and not ended. */
size_t weir_http_in_flight(const weir_http *http);

/* Drops what is in flight, without callbacks, and frees the client. NULL is fine. */
void weir_http_free(weir_http *http);
WEIR_DEFINE_AUTO_PTR(weir_http);

/* For those who write a client: weir_http is the first member of the client's own struct. */
typedef struct weir_http_ops {
    weir_status (*start)(weir_http *http, const weir_http_request *request, uint64_t *out_id,
                         weir_error *err);
    void (*cancel)(weir_http *http, uint64_t id);
    weir_status (*poll)(weir_http *http, int timeout_ms, weir_error *err);
    int (*fd)(const weir_http *http);
    size_t (*in_flight)(const weir_http *http);
    void (*free)(weir_http *http);
} weir_http_ops;

struct weir_http {
    const weir_http_ops *ops; /* Every member is set; static storage. */
};

#endif
