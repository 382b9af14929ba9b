/* SPDX-License-Identifier: Apache-2.0
 *
 * site_server.h - serves the files below a directory on 127.0.0.1: the web site that the demo and
 * the tests of whole runs crawl.
 *
 * HTTP/1.1 with keep-alive; GET and HEAD. A directory is its index.html. Where the directory has no
 * robots.txt the server has one, which keeps everybody out of /_sources/ and /search.html and asks
 * for no delay.
 *
 * Ownership  Options are borrowed for the call.
 * Errors     WEIR_INVALID for a directory that is none and for a port that is taken; WEIR_IO.
 * Threads    One. A connection past WEIR_SITE_CONNECTIONS_MAX ends the oldest.
 */
#ifndef WEIR_CONNECTORS_SITE_SERVER_H
#define WEIR_CONNECTORS_SITE_SERVER_H

#include "streams/base/bytes.h"
#include "streams/base/status.h"

enum { WEIR_SITE_CONNECTIONS_MAX = 64, WEIR_SITE_REQUEST_BYTES_MAX = 16 << 10 };

typedef struct weir_site_options {
    const char *directory;
    /* NULL: none. Gets a line for each request before it is answered, "<ms since 1970> <number of
     * the connection> <path>", and is appended to. */
    const char *log_path;
} weir_site_options;

/* Opens a socket that listens on 127.0.0.1:port (0: any free one, then *out_port says which). It is
 * the caller's, who closes it. */
weir_status weir_site_listen(uint16_t port, int *out_listener, uint16_t *out_port, weir_error *err);

/* Serves what comes to listener, for good: returns only where it cannot go on. */
weir_status weir_site_serve(int listener, const weir_site_options *options, weir_error *err);

#endif
