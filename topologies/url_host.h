/* SPDX-License-Identifier: Apache-2.0
 *
 * url_host.h - the host of a URL: domain to ASCII, IPv4 and IPv6 addresses (WHATWG URL, 3.5).
 *
 * Ownership  Inputs are borrowed for the call, outputs go to the caller's buffer.
 * Errors     WEIR_BAD_RECORD, with a message "invalid_host: <sentence>".
 * Threads    Any.
 */
#ifndef WEIR_TOPOLOGIES_URL_HOST_H
#define WEIR_TOPOLOGIES_URL_HOST_H

#include "streams/base/bytes.h"
#include "streams/base/status.h"

/* DNS allows 253; an ASCII name beyond it is kept up to this, since it is a URL all the same. */
enum { WEIR_URL_HOST_BYTES_MAX = 1024 };

/* Replaces *out_host by the serialised host that input (UTF-8, maybe percent-encoded) stands for:
 * a lower-case ASCII domain, a dotted IPv4 address, or an IPv6 address in brackets. */
weir_status weir_url_host_parse(weir_bytes input, weir_buf *out_host, weir_error *err);

#endif
