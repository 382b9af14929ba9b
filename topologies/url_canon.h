/* SPDX-License-Identifier: Apache-2.0
 *
 * url_canon.h - the identity of a page (canonical URL, url_hash) and of a host (host_id), and the
 * shapes of URL that the crawl refuses.
 *
 * Canonical is the parsed form of the WHATWG standard, without
 *   - the fragment, and the port where it is the scheme's own;
 *   - user name and password: a link that carries them leads to the same page, and they must not
 *     reach topics and logs;
 *   - session ids: the query parameters and ";jsessionid=…" named in url_canon.c.
 * Nothing is sorted, and no other spelling is changed: servers may tell them apart.
 *
 * Ownership  Everything goes to the caller's buffers.
 * Errors     WEIR_BAD_RECORD with "<reason code>: <sentence>": those of url_parse.h.
 * Threads    Any, one at a time per weir_url.
 */
#ifndef WEIR_TOPOLOGIES_URL_CANON_H
#define WEIR_TOPOLOGIES_URL_CANON_H

#include "topologies/url_parse.h"

enum {
    WEIR_URL_BYTES_MAX = 2048, /* Of a canonical URL: longer ones are too_long. */
    WEIR_URL_SEGMENTS_MAX = 20,
    WEIR_URL_SEGMENT_REPEATS_MAX = 2,
    WEIR_URL_HASH_BYTES = 32, /* Hex digits of a url_hash, without the NUL. */
};

/* Parses input as weir_url_parse does and makes *out_url canonical. */
weir_status weir_url_canonicalise(weir_bytes input, const weir_url *base, weir_url *out_url,
                                  weir_error *err);

/* Replaces *out_url_text by the canonical form of input: the call for those who need no parts. */
weir_status weir_url_canon(weir_bytes input, const weir_url *base, weir_buf *out_url_text,
                           weir_error *err);

/* Refuses traps: "pathological_path" for a path with more than WEIR_URL_SEGMENTS_MAX segments, or
 * in which one occurs more than WEIR_URL_SEGMENT_REPEATS_MAX times. */
weir_status weir_url_check_path(const weir_url *url, weir_error *err);

/* The url_hash of a canonical URL: hex of the first 16 bytes of its SHA-256, and a NUL. */
void weir_url_hash(weir_bytes canonical_url, char out_hash[WEIR_URL_HASH_BYTES + 1]);

/* Replaces *out_host_id by the host, with ":port" where it is not the scheme's own. */
void weir_url_host_id(const weir_url *url, weir_buf *out_host_id);

/* The registrable domain of host ("a.b.example.co.uk" gives "example.co.uk") by the public suffix
 * list, borrowed from host; all of host where it has none (an address, a public suffix). */
weir_bytes weir_url_registrable_domain(weir_bytes host);

#endif
