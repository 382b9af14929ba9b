/* SPDX-License-Identifier: Apache-2.0
 *
 * records_state.h - what the stages keep in their stores.
 *
 * The meaning and unit of each field is its doc in the .avsc file that is named above the struct;
 * avro/record.h says how Avro's types lie in C. *_at_ms are milliseconds since 1970.
 *
 * Ownership  A record owns nothing.
 * Threads    Any, one at a time.
 */
#ifndef WEIR_AVRO_RECORDS_STATE_H
#define WEIR_AVRO_RECORDS_STATE_H

#include "avro/record.h"

/* avro/schemas/state.frontier_url.v1.avsc */
typedef struct weir_frontier_url {
    weir_bytes url;
    weir_bytes state;
    int32_t depth;
    int32_t priority;
    int32_t attempt;
    int32_t redirect_count;
    int64_t due_at_ms;
    weir_bytes outcome;
    weir_bytes job_id;
    weir_bytes etag;
    weir_bytes last_modified;
} weir_frontier_url;
WEIR_RECORD(weir_frontier_url);

/* avro/schemas/state.frontier_host.v1.avsc */
typedef struct weir_frontier_host {
    int64_t url_count;
    int64_t queued_count;
    int64_t outstanding_count;
    int64_t blocked_until_ms;
    int32_t throttle_count;
    int64_t wake_at_ms;
} weir_frontier_host;
WEIR_RECORD(weir_frontier_host);

/* avro/schemas/state.crawl_job.v1.avsc */
typedef struct weir_crawl_job {
    weir_bytes job_id;
    weir_bytes host_id;
    weir_bytes seed_url;
    int64_t created_at_ms;
    int64_t discovered_count;
    int64_t finished_count;
} weir_crawl_job;
WEIR_RECORD(weir_crawl_job);

/* avro/schemas/state.dedup_url.v1.avsc */
typedef struct weir_dedup_url {
    weir_bytes content_hash;
    int64_t revision;
    bool accepted;
    double score;
} weir_dedup_url;
WEIR_RECORD(weir_dedup_url);

/* avro/schemas/state.dedup_content.v1.avsc */
typedef struct weir_dedup_content {
    weir_bytes label;
    int64_t url_count;
} weir_dedup_content;
WEIR_RECORD(weir_dedup_content);

/* avro/schemas/state.dedup_member.v1.avsc */
typedef struct weir_dedup_member {
    weir_bytes url;
    weir_bytes content_hash;
    int64_t revision;
    bool accepted;
    double score;
} weir_dedup_member;
WEIR_RECORD(weir_dedup_member);

/* avro/schemas/state.dedup_cluster.v1.avsc */
typedef struct weir_dedup_cluster {
    weir_bytes kept_url_hash;
    int64_t document_count;
    int64_t url_count;
} weir_dedup_cluster;
WEIR_RECORD(weir_dedup_cluster);

/* avro/schemas/state.fetch_robots.v1.avsc */
typedef struct weir_fetch_robots {
    weir_bytes verdict;
    weir_bytes rules;
    int64_t fetched_at_ms;
    weir_bytes reason;
} weir_fetch_robots;
WEIR_RECORD(weir_fetch_robots);

#endif
