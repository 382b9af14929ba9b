/* SPDX-License-Identifier: Apache-2.0
 *
 * url_parse.h - http and https URLs, read and written as the WHATWG URL standard says.
 *
 * The crawl knows no other schemes: an input of one is refused with unsupported_scheme.
 *
 * Ownership  A weir_url owns its buffers and is meant to be reused: a steady state allocates
 *            nothing. Inputs are borrowed for the call.
 * Errors     WEIR_BAD_RECORD; the message is "<reason code>: <sentence>". Codes: too_long,
 *            missing_base, unsupported_scheme, missing_host, invalid_host, invalid_port. What a
 *            failed parse leaves in *out_url is only good for the next parse or the cleanup.
 * Threads    Any, one at a time per weir_url.
 */
#ifndef WEIR_TOPOLOGIES_URL_PARSE_H
#define WEIR_TOPOLOGIES_URL_PARSE_H

#include "streams/base/bytes.h"
#include "streams/base/status.h"

#include <stdbool.h>

/* An input longer than this is not looked at; attributes of HTML carry whole images as URLs. */
enum { WEIR_URL_INPUT_BYTES_MAX = 64 << 10 };

/* The parts of a URL, percent-encoded as in its serialisation. All-zero is valid and empty. */
typedef struct weir_url {
    bool https;        /* Else http. */
    bool has_port;     /* A port that is not the scheme's own. */
    bool has_query;    /* Also when the query is empty. */
    bool has_fragment; /* Also when the fragment is empty. */
    uint16_t port;
    weir_buf username;
    weir_buf password;
    weir_buf host;     /* ASCII: a domain, an IPv4 address, or an IPv6 address in brackets. */
    weir_buf path;     /* Starts with '/'. */
    weir_buf query;    /* Without '?'. */
    weir_buf fragment; /* Without '#'. */
    weir_buf input;    /* Room for a cleaned copy of the input. */
} weir_url;

void weir_url_cleanup(weir_url *url);

/* Parses input (UTF-8; ill-formed sequences count as U+FFFD) into *out_url. base, which may be
 * NULL, resolves a relative input and is another weir_url than out_url. */
weir_status weir_url_parse(weir_bytes input, const weir_url *base, weir_url *out_url,
                           weir_error *err);

/* Appends the serialised URL to out: the standard's href. */
void weir_url_append(const weir_url *url, weir_buf *out);

/* Appends scheme, host, port, path and query to out: no credentials, no fragment. */
void weir_url_append_resource(const weir_url *url, weir_buf *out);

/* Appends host, and ":port" where has_port. */
void weir_url_append_host(const weir_url *url, weir_buf *out);

#endif
