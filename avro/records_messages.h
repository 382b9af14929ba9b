/* SPDX-License-Identifier: Apache-2.0
 *
 * records_messages.h - what sub-topologies of a stage tell each other through repartition topics.
 *
 * The meaning and unit of each field is its doc in the .avsc file that is named above the struct;
 * avro/record.h says how Avro's types lie in C. *_at_ms are milliseconds since 1970.
 *
 * Ownership  A record owns nothing.
 * Threads    Plain data.
 */
#ifndef WEIR_AVRO_RECORDS_MESSAGES_H
#define WEIR_AVRO_RECORDS_MESSAGES_H

#include "avro/record.h"

/* avro/schemas/internal.frontier_event.v1.avsc */
typedef struct weir_frontier_event {
    weir_bytes kind;
    weir_bytes host_id;
    weir_texts urls;
    int32_t depth;
    int32_t priority;
    int32_t redirect_count;
    weir_bytes job_id;
    weir_bytes source_url_hash;
    weir_bytes source_host_id;
    weir_bytes url;
    weir_bytes url_hash;
    weir_bytes outcome;
    int32_t http_status;
    int32_t attempt;
    int64_t retry_after_ms;
    int64_t crawl_delay_ms;
    int64_t duration_ms;
    int64_t fetched_at_ms;
    weir_bytes etag;
    weir_bytes last_modified;
} weir_frontier_event;
WEIR_RECORD(weir_frontier_event);

/* avro/schemas/internal.dedup_message.v1.avsc */
typedef struct weir_dedup_message {
    weir_bytes kind;
    weir_bytes to;
    weir_bytes from;
    weir_bytes label;
    weir_bytes url_hash;
    weir_bytes url;
    int64_t revision;
    bool accepted;
    double score;
    weir_bytes text_ref;
    int64_t url_count;
    int64_t document_count;
    weir_bytes signature;
    int64_t sent_at_ms;
} weir_dedup_message;
WEIR_RECORD(weir_dedup_message);

/* avro/schemas/internal.membership_change.v1.avsc */
typedef struct weir_membership_change {
    weir_bytes kind;
    weir_bytes dataset_id;
    weir_bytes url_hash;
    weir_bytes url;
    weir_bytes host_id;
    weir_bytes content_hash;
    weir_bytes text_ref;
    weir_bytes title;
    weir_bytes language;
    bool accepted;
    double score;
    weir_texts reasons;
    int64_t word_count;
    int64_t fetched_at_ms;
    weir_bytes cluster_id;
    bool kept;
    bool removed;
    int64_t revision;
    int64_t changed_at_ms;
} weir_membership_change;
WEIR_RECORD(weir_membership_change);

#endif
