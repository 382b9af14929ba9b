/* SPDX-License-Identifier: Apache-2.0
 *
 * records_index.h - what is decided of pages and contents, and the rows of the three tables.
 *
 * The meaning and unit of each field is its doc in the .avsc file that is named above the struct;
 * avro/record.h says how Avro's types lie in C. *_at_ms are milliseconds since 1970.
 *
 * Ownership  A record owns nothing.
 * Threads    Plain data.
 */
#ifndef WEIR_AVRO_RECORDS_INDEX_H
#define WEIR_AVRO_RECORDS_INDEX_H

#include "avro/record.h"

/* avro/schemas/quality.page_scored.v1.avsc */
typedef struct weir_page_scored {
    weir_bytes url;
    weir_bytes url_hash;
    weir_bytes host_id;
    weir_bytes content_hash;
    weir_bytes text_ref;
    weir_bytes language;
    bool accepted;
    double score;
    weir_texts reasons;
    weir_bytes rule_set;
    weir_bytes title;
    int64_t word_count;
    int64_t fetched_at_ms;
} weir_page_scored;
WEIR_RECORD(weir_page_scored);

/* avro/schemas/dedup.text_decision.v1.avsc */
typedef struct weir_text_decision {
    weir_bytes kind;
    weir_bytes content_hash;
    weir_bytes cluster_id;
    int64_t revision;
    weir_bytes url_hash;
    weir_bytes url;
    bool kept;
    bool removed;
    weir_bytes kept_url_hash;
    weir_bytes kept_url;
    int64_t document_count;
    int64_t url_count;
    int64_t decided_at_ms;
} weir_text_decision;
WEIR_RECORD(weir_text_decision);

/* avro/schemas/dedup.image_decision.v1.avsc */
typedef struct weir_image_decision {
    weir_bytes image_hash;
    weir_bytes cluster_id;
    weir_bytes perceptual_hash;
    weir_bytes url;
    weir_bytes page_url_hash;
    bool kept;
    weir_bytes reason;
    weir_bytes content_type;
    int32_t width;
    int32_t height;
    weir_bytes body_ref;
    int64_t body_bytes;
    int64_t decided_at_ms;
} weir_image_decision;
WEIR_RECORD(weir_image_decision);

/* avro/schemas/index.url_latest.v1.avsc */
typedef struct weir_url_latest {
    weir_bytes url;
    weir_bytes url_hash;
    weir_bytes host_id;
    weir_bytes job_id;
    weir_bytes fetch_outcome;
    weir_bytes fetch_reason;
    int32_t http_status;
    int32_t attempt;
    weir_bytes redirect_url;
    weir_bytes content_type;
    weir_bytes body_ref;
    weir_bytes body_sha256;
    int64_t body_bytes;
    int64_t fetched_at_ms;
    weir_bytes extract_outcome;
    weir_bytes extract_reason;
    weir_bytes title;
    weir_bytes language;
    weir_bytes canonical_url;
    weir_bytes text_ref;
    int64_t text_bytes;
    int64_t word_count;
    weir_bytes content_hash;
    int64_t link_count;
    int64_t image_count;
    bool noindex;
    int64_t published_at_ms;
    weir_bytes rule_set;
    bool accepted;
    double score;
    weir_texts quality_reasons;
    weir_bytes cluster_id;
    bool kept;
    int64_t dedup_revision;
    int64_t updated_at_ms;
} weir_url_latest;
WEIR_RECORD(weir_url_latest);

/* avro/schemas/index.content_cluster.v1.avsc */
typedef struct weir_content_cluster {
    weir_bytes content_hash;
    weir_bytes cluster_id;
    weir_bytes kept_url_hash;
    weir_bytes kept_url;
    int64_t document_count;
    int64_t url_count;
    int64_t updated_at_ms;
} weir_content_cluster;
WEIR_RECORD(weir_content_cluster);

/* avro/schemas/index.dataset_membership.v1.avsc */
typedef struct weir_dataset_membership {
    weir_bytes dataset_id;
    weir_bytes url_hash;
    weir_bytes url;
    weir_bytes host_id;
    bool member;
    weir_bytes reason;
    bool scored;
    bool accepted;
    weir_bytes quality_reason;
    bool decided;
    bool kept;
    int64_t dedup_revision;
    weir_bytes content_hash;
    weir_bytes cluster_id;
    weir_bytes text_ref;
    weir_bytes title;
    weir_bytes language;
    double score;
    int64_t word_count;
    int64_t fetched_at_ms;
    int64_t updated_at_ms;
} weir_dataset_membership;
WEIR_RECORD(weir_dataset_membership);

#endif
