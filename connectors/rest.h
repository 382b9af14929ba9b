/* SPDX-License-Identifier: Apache-2.0
 *
 * rest.h - the HTTP server of the process: a table of routes, and what calls their handlers.
 *
 *   weir_rest_new(&options, &rest, &err);
 *   weir_rest_add(rest, routes, WEIR_COUNT_OF(routes));    each module adds its own
 *   weir_rest_start(rest, &err);
 *   …
 *   weir_rest_free(rest);                                  waits for handlers that run
 *
 * A pattern is a path whose segments may be {parameter}, and whose last one may be {parameter*},
 * which takes the rest of the path, slashes included. The first route that matches wins. A HEAD is
 * answered as its GET.
 *
 * A browser on this machine can be made to call us by any page that it shows. So a server on a
 * loopback address answers only where it is called by an address or a name of its own (a page that
 * rebinds its name to 127.0.0.1 is refused), and one that takes JSON asks for its Content-Type,
 * which a page of another origin may not send.
 *
 * Ownership  Routes are copied, their strings and user pointers borrowed for the server's life.
 * Errors     Every answer that is not a handler's own is {"error":{"code":…,"message":…}}.
 * Threads    Handlers run on the server's threads, several at once. The table is immutable after
 *            weir_rest_start; a request and its response belong to one handler call.
 */
#ifndef WEIR_CONNECTORS_REST_H
#define WEIR_CONNECTORS_REST_H

#include "streams/base/bytes.h"
#include "streams/base/status.h"

enum {
    WEIR_REST_TARGET_BYTES_MAX = 8 << 10, /* Path and query: longer is 414. */
    WEIR_REST_BODY_BYTES_MAX = 1 << 20,   /* The default: longer is 413. */
    WEIR_REST_PARAMETERS_MAX = 8,         /* Of a pattern. */
    WEIR_REST_QUERY_MAX = 32,             /* Arguments behind the "?": more is 400. */
    WEIR_REST_ROUTES_MAX = 256,
};

typedef struct weir_rest weir_rest;
typedef struct weir_rest_request weir_rest_request;

/* All-zero is the default of each. */
typedef struct weir_rest_options {
    const char *address;      /* NULL: 127.0.0.1. An IPv4 or IPv6 address, no name. */
    uint16_t port;            /* 0: any free one, see weir_rest_port. */
    uint32_t thread_count;    /* 0: 2. */
    uint32_t connections_max; /* 0: 64. */
    uint32_t timeout_s;       /* 0: 10. A connection that is silent for so long is closed. */
    size_t body_bytes_max;    /* 0: WEIR_REST_BODY_BYTES_MAX. */
    const char *host_names;  /* "a.example,b": names, besides localhost and addresses, that Host may
                               have. NULL: no other on a loopback address, any on others. */
    uint32_t streams_max;    /* 0: 16. Answers without an end at a time; more are 503. */
    uint32_t stream_idle_ms; /* 0: 15,000. One that has nothing for so long says that it lives. */
    bool json_only;          /* What is no GET or HEAD must be application/json: else 415. */
} weir_rest_options;

/* An answer without an end (rest_stream.c); all-zero: none. What waits for a client who does not
 * read is the source's to bound: read is called when the last piece has gone out. */
typedef struct weir_rest_stream {
    /* Appends what there is, some 16 KiB at most. WEIR_AGAIN: no more for now; another status than
     * WEIR_OK: it ends with what was appended. */
    weir_status (*read)(void *user, weir_buf *to);
    void (*free)(void *user);
    void *user;
    int fd;                /* Readable when read may have something, which resets it. */
    const char *idle_text; /* Sent where there is nothing for long. */
} weir_rest_stream;

/* What a handler fills; all-zero is 200 with an empty JSON body. */
typedef struct weir_rest_response {
    int status;               /* 0: 200. */
    const char *content_type; /* NULL: application/json. Static storage. */
    weir_buf body;
    const char *header_name; /* One header more, or NULL. Static storage. */
    weir_buf header_value;
    weir_rest_stream stream; /* Instead of body; the server's from here on. */
} weir_rest_response;

void weir_rest_response_cleanup(weir_rest_response *response); /* Frees and zeroes. */

/* Answers request. Another status than WEIR_OK makes the answer an error with the message of *err:
 * NOT_FOUND 404 not_found, BAD_RECORD 400 bad_request, AGAIN 503 unavailable, INVALID 409 conflict,
 * others 500 internal. weir_rest_fail says anything else. */
typedef weir_status (*weir_rest_handler)(void *user, const weir_rest_request *request,
                                         weir_rest_response *response, weir_error *err);

typedef struct weir_rest_route {
    const char *method;  /* "GET", "POST", … */
    const char *pattern; /* "/v1/tables/url_latest/{key*}" */
    weir_rest_handler handle;
    void *user;
} weir_rest_route;

/* A server that does not listen yet. WEIR_INVALID for an address that is none. */
weir_status weir_rest_new(const weir_rest_options *options, weir_rest **out_rest, weir_error *err);

/* Adds routes behind those that are there. Only before weir_rest_start. */
void weir_rest_add(weir_rest *rest, const weir_rest_route *routes, size_t count);

/* Listens and answers. WEIR_INVALID where the port is taken or not ours to take. */
weir_status weir_rest_start(weir_rest *rest, weir_error *err);

/* The port that it listens on; 0 before weir_rest_start. */
uint16_t weir_rest_port(const weir_rest *rest);

/* Stops listening, waits for the handlers that run, and frees. NULL is fine. */
void weir_rest_free(weir_rest *rest);
WEIR_DEFINE_AUTO_PTR(weir_rest);

/* The part of the path that {name} matched, percent-decoded; the null bytes where the pattern has
 * no such parameter. Borrowed for the handler's call, as are the next two. */
weir_bytes weir_rest_parameter(const weir_rest_request *request, const char *name);

/* The first value of ?name=…, decoded; the null bytes where it is absent. */
weir_bytes weir_rest_query(const weir_rest_request *request, const char *name);

/* The body; empty where there is none. */
weir_bytes weir_rest_body(const weir_rest_request *request);

/* ?name=… as a number: *value is left as it is where it is absent. WEIR_BAD_RECORD with a sentence
 * where it is no number from min to max. */
weir_status weir_rest_query_i64(const weir_rest_request *request, const char *name, int64_t min,
                                int64_t max, int64_t *value, weir_error *err);

/* Makes response the JSON error of code (one word, for programs) and message (one sentence), and
 * returns WEIR_OK, so that a handler can end with it. */
weir_status weir_rest_fail(weir_rest_response *response, int status, const char *code,
                           const char *message);

/* One request as it came, for weir_rest_dispatch. */
typedef struct weir_rest_call {
    const char *method;
    weir_bytes target; /* Path and query, still encoded. */
    weir_bytes body;
    const char *host;         /* The header; NULL: there was none, and it is not checked. */
    const char *content_type; /* The header; NULL: there was none. */
} weir_rest_call;

/* Routes call and fills response as the server would, without a socket: for tests of handlers.
 * response is all-zero before. */
void weir_rest_dispatch(const weir_rest *rest, const weir_rest_call *call,
                        weir_rest_response *response);

#endif
