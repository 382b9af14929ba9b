/* SPDX-License-Identifier: Apache-2.0
 *
 * web_server.h - a web server on 127.0.0.1 that answers as a script says, well or badly, and notes
 * who asked for what, and when.
 *
 * It speaks HTTP/1.1 with keep-alive, takes requests in origin form (virtual hosts by Host) and in
 * absolute form, so that it can be the proxy through which any host name leads to it.
 *
 * Ownership  Texts and bytes of a web_reply are borrowed until web_server_stop.
 * Threads    The server has one of its own; all functions may be called from any.
 */
#ifndef WEIR_TESTS_HARNESS_WEB_SERVER_H
#define WEIR_TESTS_HARNESS_WEB_SERVER_H

#include "streams/base/bytes.h"

typedef struct web_server web_server;

/* An answer. All-zero is 200 with an empty body. */
typedef struct web_reply {
    int status;
    const char *content_type; /* NULL: text/html; charset=utf-8 */
    const char *headers;      /* Further header lines, each ending in "\r\n". */
    weir_bytes body;
    size_t body_bytes;        /* Not 0: body over and over, up to so many bytes. */
    size_t claimed_bytes;     /* Not 0: the Content-Length that is told instead of the true one. */
    weir_bytes raw;           /* Not null: sent as it is in place of an answer, then closed. */
    uint64_t delay_ms;        /* Before the first byte. */
    size_t drip_bytes;        /* Not 0: so many bytes at a time, head included, … */
    uint64_t drip_delay_ms;   /* … with so much time between them. */
    bool redirects_to_longer; /* 302 to its own URL with an "x" more: an endless chain. */
    bool closes;              /* The connection, after the answer. */
} web_reply;

/* A request as it came. Times are of the monotonic clock. */
typedef struct web_request {
    char *host; /* Lower case, with the port if one was named. */
    char *path; /* With the query. */
    char *head; /* Request line and headers. */
    size_t connection;
    uint64_t start_ns; /* The request was complete. */
    uint64_t end_ns;   /* Just before the last byte was sent, or when the loss of
                         the connection was seen; 0 while it goes on. */
} web_request;

/* Starts a server on a free port; ends the test where that fails. */
web_server *web_server_start(void);
void web_server_stop(web_server *server); /* NULL is fine. */

uint16_t web_server_port(const web_server *server);

/* "http://127.0.0.1:<port>": the origin, and what fetch.proxy.url takes. Lives with the server. */
const char *web_server_url(const web_server *server);

/* Answers path of host (NULL: of every host) with reply. A path that ends in '*' stands for all
 * that start as it does; "*" for all. The latest script that fits wins; 404 where none does. */
void web_server_script(web_server *server, const char *host, const char *path,
                       const web_reply *reply);

/* Serves the files below root for host (NULL: every host) where no script fits. */
void web_server_serve(web_server *server, const char *host, const char *root);

/* Number of requests so far, and a copy of one of them for web_request_cleanup. */
size_t web_server_request_count(web_server *server);
web_request web_server_request(web_server *server, size_t index);
void web_request_cleanup(web_request *request);

/* Number of requests for host and path (NULL: any). */
size_t web_server_count_of(web_server *server, const char *host, const char *path);

size_t web_server_connection_count(web_server *server); /* Opened so far. */

/* NULL where for every host each request started at least delay_ms after the one before it had
 * ended; else a sentence that says which did not, for the caller to free. */
char *web_server_impoliteness(web_server *server, uint64_t delay_ms);

#endif
