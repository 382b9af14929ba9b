/* SPDX-License-Identifier: Apache-2.0
 *
 * extract_internal.h - the parts of extract_page.c: main_text.c, page_metadata.c, page_links.c and
 * page_values.c.
 *
 * Ownership  Results lie in the arena that is passed; once it is full they are null, and lists end.
 * Threads    One at a time per arena.
 */
#ifndef WEIR_TOPOLOGIES_EXTRACT_INTERNAL_H
#define WEIR_TOPOLOGIES_EXTRACT_INTERNAL_H

#include "streams/base/arena.h"
#include "topologies/extract_page.h"
#include "topologies/url_canon.h"

/* Page_values.c. */

/* A copy of text with runs of white space as one space, none at the ends, at most bytes_max and
 * whole characters; null where nothing is left. */
weir_bytes weir_value_clean(weir_arena *arena, weir_bytes text, size_t bytes_max);

/* The text below a node, cleaned; script and style are left out. */
weir_bytes weir_value_of_subtree(weir_arena *arena, const weir_html_tree *tree, uint32_t node,
                                 size_t bytes_max);

/* Whether word stands in list, a text of words apart by white space or commas, in any case. */
bool weir_value_has_word(weir_bytes list, const char *lower_word);

/* Milliseconds since 1970 of a date of ISO 8601 ("2024-02-29", "2024-02-29T12:30:00.5+01:00");
 * without an offset it is UTC. False where it is none, or not of the years 1980 to 2100. */
bool weir_value_parse_date(weir_bytes text, int64_t *out_ms);

/* Page_metadata.c. */

/* What page_metadata.c finds beyond the page's own fields. */
typedef struct weir_metadata_extra {
    weir_bytes article_body; /* Of JSON-LD, with its line breaks; null where there is none. */
    weir_bytes base_href;    /* Null where there is none. */
    weir_bytes canonical_href;
} weir_metadata_extra;

/* Fills metadata, title, published_at_ms, noindex and nofollow of *page. */
void weir_page_metadata(const weir_html_tree *tree, weir_arena *arena, weir_extract_page *page,
                        weir_metadata_extra *out_extra);

/* Adds what directives ("noindex, nofollow", "otherbot: none") say to every robot. */
void weir_robots_directives(weir_bytes directives, weir_extract_page *page);

/* Page_links.c. */

/* Fills links, images and alternates of *page, and canonical_url where canonical_href is not null.
 */
void weir_page_links(const weir_html_tree *tree, weir_arena *arena, weir_bytes page_url,
                     const weir_metadata_extra *extra, weir_extract_page *page);

/* Main_text.c. */

/* Replaces *out by the main text of the page (not yet in normal form), and returns where it was
 * found; NULL without text. article_body is the fallback of JSON-LD. */
const char *weir_main_text(const weir_html_tree *tree, weir_bytes article_body, weir_buf *out);

#endif
