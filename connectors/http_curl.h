/* SPDX-License-Identifier: Apache-2.0
 *
 * http_curl.h - the HTTP client that fetches for real, on libcurl.
 *
 * HTTP/1.1, and HTTP/2 where TLS negotiates it; gzip, deflate and br are decoded as libcurl was
 * built to. Names are cached for an hour, and connections are kept for the next request, while no
 * more are open than a quarter of the process's limit of descriptors (raise it for thousands).
 * Environment variables for proxies are not looked at.
 *
 * Private addresses are refused after resolution, for every connection that is made. Through a
 * proxy the proxy resolves: then only a host that is itself an address, or localhost, can be
 * refused here, and the proxy must do the rest.
 *
 * Threads    One per client.
 */
#ifndef WEIR_CONNECTORS_HTTP_CURL_H
#define WEIR_CONNECTORS_HTTP_CURL_H

#include "connectors/http.h"

/* All-zero is valid: then the defaults in brackets hold. Strings are copied. */
typedef struct weir_http_curl_options {
    const char *user_agent;           /* ["weir"] */
    const char *proxy_url;            /* fetch.proxy.url: "http://127.0.0.1:3128" [none] */
    uint64_t timeout_ms;              /* [30 s] of a request, start to end. */
    uint64_t connect_timeout_ms;      /* [10 s] resolution, connection and TLS together. */
    size_t body_bytes_max;            /* [10 MiB], as sent and as decoded. */
    uint32_t speed_bytes_min;         /* [64] bytes a second that a server must manage, … */
    uint32_t speed_window_s;          /* [15] … on average of so many seconds, once connected. */
    uint32_t connections_per_host;    /* [1]; through a proxy not limited here. */
    size_t in_flight_max;             /* [4096] */
    bool private_allowed;             /* Every address is allowed. */
    const char *private_allowed_list; /* Comma-separated "host:port" that may be private [none]. */
} weir_http_curl_options;

/* A new client. WEIR_INVALID for an option that libcurl refuses, WEIR_IO for want of file
 * descriptors. */
weir_status weir_http_curl_new(const weir_http_curl_options *options, weir_http **out_http,
                               weir_error *err);

#endif
