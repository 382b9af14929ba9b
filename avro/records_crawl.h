/* SPDX-License-Identifier: Apache-2.0
 *
 * records_crawl.h - what the crawl hands on: tasks to fetch and to render, what became of them, and
 * pages.
 *
 * The meaning and unit of each field is its doc in the .avsc file that is named above the struct;
 * avro/record.h says how Avro's types lie in C. *_at_ms are milliseconds since 1970.
 *
 * Ownership  A record owns nothing.
 * Threads    Plain data.
 */
#ifndef WEIR_AVRO_RECORDS_CRAWL_H
#define WEIR_AVRO_RECORDS_CRAWL_H

#include "avro/record.h"

/* avro/schemas/crawl.fetch.tasks.v1.avsc */
typedef struct weir_fetch_task {
    weir_bytes url;
    weir_bytes url_hash;
    weir_bytes host_id;
    int32_t depth;
    int32_t priority;
    int32_t attempt;
    int64_t scheduled_at_ms;
    int32_t redirect_count;
    weir_bytes etag;
    weir_bytes last_modified;
    weir_bytes job_id;
} weir_fetch_task;
WEIR_RECORD(weir_fetch_task);

/* avro/schemas/crawl.render.tasks.v1.avsc */
typedef struct weir_render_task {
    weir_bytes url;
    weir_bytes url_hash;
    weir_bytes host_id;
    int32_t depth;
    int32_t priority;
    int32_t attempt;
    int64_t scheduled_at_ms;
    weir_bytes reason;
    weir_bytes job_id;
} weir_render_task;
WEIR_RECORD(weir_render_task);

/* avro/schemas/crawl.raw_fetch.v1.avsc */
typedef struct weir_raw_fetch {
    weir_bytes url;
    weir_bytes url_hash;
    weir_bytes host_id;
    int32_t depth;
    int32_t priority;
    int32_t attempt;
    int32_t redirect_count;
    weir_bytes outcome;
    weir_bytes reason;
    int32_t http_status;
    weir_bytes redirect_url;
    int64_t fetched_at_ms;
    int64_t duration_ms;
    weir_bytes content_type;
    weir_pairs headers;
    weir_bytes body_ref;
    weir_bytes body_sha256;
    int64_t body_bytes;
    weir_bytes etag;
    weir_bytes last_modified;
    int64_t retry_after_ms;
    int64_t crawl_delay_ms;
    weir_bytes ip;
    weir_bytes job_id;
} weir_raw_fetch;
WEIR_RECORD(weir_raw_fetch);

/* avro/schemas/crawl.rendered_page.v1.avsc */
typedef struct weir_rendered_page {
    weir_bytes url;
    weir_bytes url_hash;
    weir_bytes host_id;
    int32_t depth;
    weir_bytes outcome;
    weir_bytes reason;
    int32_t http_status;
    weir_bytes final_url;
    int64_t rendered_at_ms;
    int64_t duration_ms;
    weir_bytes content_type;
    weir_bytes body_ref;
    weir_bytes body_sha256;
    int64_t body_bytes;
    weir_bytes screenshot_ref;
    weir_bytes job_id;
} weir_rendered_page;
WEIR_RECORD(weir_rendered_page);

typedef struct weir_link {
    weir_bytes url;
    weir_bytes rel;
    weir_bytes text;
} weir_link;

typedef struct weir_links {
    const weir_link *items;
    size_t count;
} weir_links;

typedef struct weir_image {
    weir_bytes url;
    weir_bytes alt;
} weir_image;

typedef struct weir_images {
    const weir_image *items;
    size_t count;
} weir_images;

/* avro/schemas/extract.page.v1.avsc */
typedef struct weir_page {
    weir_bytes url;
    weir_bytes url_hash;
    weir_bytes host_id;
    int32_t depth;
    weir_bytes outcome;
    weir_bytes reason;
    weir_bytes title;
    weir_bytes language;
    double language_confidence;
    weir_bytes canonical_url;
    weir_bytes text_ref;
    int64_t text_bytes;
    int64_t word_count;
    weir_bytes content_hash;
    weir_links links;
    weir_images images;
    weir_pairs metadata;
    bool noindex;
    bool nofollow;
    weir_bytes charset;
    int64_t published_at_ms;
    int64_t fetched_at_ms;
    weir_bytes job_id;
} weir_page;
WEIR_RECORD(weir_page);

#endif
