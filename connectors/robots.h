/* SPDX-License-Identifier: Apache-2.0
 *
 * robots.h - robots.txt (RFC 9309): what one crawler may fetch from one host.
 *
 * A file is compiled once, for one agent, into bytes that hold only what concerns that agent. They
 * are matched as they are, so that a store can keep them and nothing is parsed twice.
 *
 * Errors     Parsing has none: whatever is not understood is passed over, as the RFC wants.
 * Ownership  Answers are borrowed from the compiled bytes.
 * Threads    Any.
 */
#ifndef WEIR_CONNECTORS_ROBOTS_H
#define WEIR_CONNECTORS_ROBOTS_H

#include "streams/base/bytes.h"
#include "streams/base/status.h"

enum {
    WEIR_ROBOTS_BYTES_MAX = 500 << 10,     /* What comes after is not looked at. */
    WEIR_ROBOTS_LINE_BYTES_MAX = 16 << 10, /* The rest of a longer line is cut off. */
    WEIR_ROBOTS_PATH_BYTES_MAX = 8 << 10,  /* A longer path is never allowed. */
    WEIR_ROBOTS_SITEMAPS_MAX = 1000,
    WEIR_ROBOTS_CRAWL_DELAY_MS_MAX = 24 * 3600 * 1000, /* A longer delay counts as this. */
};

/* Replaces *out_rules by the rules of text for agent: of the groups that name its product token
 * ("weir" in "weir/1.0", case ignored), else of those for "*", else none, which allows all. An
 * empty text gives the rules of a host without the file. */
void weir_robots_compile(weir_bytes text, const char *agent, weir_buf *out_rules);

/* WEIR_CORRUPT where rules, as they come from a store, are not what weir_robots_compile wrote. */
weir_status weir_robots_check(weir_bytes rules, weir_error *err);

/* Whether path_and_query ("/a?b", percent-encoded or not) may be fetched. *out_rule, unless NULL,
 * is the pattern that decided, or null where none matched. Rules that are corrupt allow nothing. */
bool weir_robots_allows(weir_bytes rules, weir_bytes path_and_query, weir_bytes *out_rule);

/* The crawl-delay of the group, or -1 where it names none. */
int64_t weir_robots_crawl_delay_ms(weir_bytes rules);

/* Walks the sitemaps that the file names, for whichever agent: *index starts at 0. False at the
 * end. */
bool weir_robots_next_sitemap(weir_bytes rules, size_t *index, weir_bytes *out_url);

#endif
