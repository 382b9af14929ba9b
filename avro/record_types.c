/* SPDX-License-Identifier: Apache-2.0
 *
 * record_types.c - where each field of a record lies in its C struct.
 *
 * A table repeats the schema of its topic: same names, same order, kinds that fit the types. The
 * codec compares the two when it is made, so a table that drifts stops the first test that runs.
 */
#include "avro/records.h"

#include <assert.h>
#include <stddef.h>

/* The C type that each kind stands for: a table that says another does not compile. */
#define C_TYPE_STRING weir_bytes
#define C_TYPE_OPTIONAL_STRING weir_bytes
#define C_TYPE_BYTES weir_bytes
#define C_TYPE_LONG int64_t
#define C_TYPE_INT int32_t
#define C_TYPE_DOUBLE double
#define C_TYPE_BOOLEAN bool
#define C_TYPE_STRINGS weir_texts
#define C_TYPE_MAP weir_pairs

#define OFFSET_OF_TYPE(record, member, c_type)                                                     \
    (offsetof(record, member) + 0 * sizeof(char[_Generic(((record *)NULL)->member, c_type: 1)]))

#define FIELD(record, field_kind, member)                                                          \
    {                                                                                              \
        .name = #member, .kind = WEIR_FIELD_##field_kind,                                          \
        .offset = OFFSET_OF_TYPE(record, member, C_TYPE_##field_kind)                              \
    }
#define RECORDS(record, member, item_type)                                                         \
    {                                                                                              \
        .name = #member, .kind = WEIR_FIELD_RECORDS, .offset = offsetof(record, member),           \
        .items = &(item_type)                                                                      \
    }
#define TYPE(record, schema_name, topic_name, table)                                               \
    {                                                                                              \
        .name = (schema_name), .topic = (topic_name), .bytes = sizeof(record), .fields = (table),  \
        .field_count = WEIR_COUNT_OF(table)                                                        \
    }

/* The codec reads and writes every list as a weir_list. */
#define LIES_AS_A_LIST(type)                                                                       \
    (sizeof(type) == sizeof(weir_list) && offsetof(type, items) == offsetof(weir_list, items) &&   \
     offsetof(type, count) == offsetof(weir_list, count))
static_assert(LIES_AS_A_LIST(weir_texts), "an array of string");
static_assert(LIES_AS_A_LIST(weir_pairs), "a map of string");
static_assert(LIES_AS_A_LIST(weir_links), "an array of record");
static_assert(LIES_AS_A_LIST(weir_images), "an array of record");

static const weir_field link_fields[] = {
    FIELD(weir_link, STRING, url),
    FIELD(weir_link, STRING, rel),
    FIELD(weir_link, STRING, text),
};
static const weir_record_type link_type = TYPE(weir_link, "Link", NULL, link_fields);

static const weir_field image_fields[] = {
    FIELD(weir_image, STRING, url),
    FIELD(weir_image, STRING, alt),
};
static const weir_record_type image_type = TYPE(weir_image, "Image", NULL, image_fields);

static const weir_field fetch_task_fields[] = {
    FIELD(weir_fetch_task, STRING, url),
    FIELD(weir_fetch_task, STRING, url_hash),
    FIELD(weir_fetch_task, STRING, host_id),
    FIELD(weir_fetch_task, INT, depth),
    FIELD(weir_fetch_task, INT, priority),
    FIELD(weir_fetch_task, INT, attempt),
    FIELD(weir_fetch_task, LONG, scheduled_at_ms),
    FIELD(weir_fetch_task, INT, redirect_count),
    FIELD(weir_fetch_task, OPTIONAL_STRING, etag),
    FIELD(weir_fetch_task, OPTIONAL_STRING, last_modified),
    FIELD(weir_fetch_task, OPTIONAL_STRING, job_id),
};
const weir_record_type weir_fetch_task_type =
    TYPE(weir_fetch_task, "FetchTask", "crawl.fetch.tasks.v1", fetch_task_fields);

static const weir_field render_task_fields[] = {
    FIELD(weir_render_task, STRING, url),
    FIELD(weir_render_task, STRING, url_hash),
    FIELD(weir_render_task, STRING, host_id),
    FIELD(weir_render_task, INT, depth),
    FIELD(weir_render_task, INT, priority),
    FIELD(weir_render_task, INT, attempt),
    FIELD(weir_render_task, LONG, scheduled_at_ms),
    FIELD(weir_render_task, STRING, reason),
    FIELD(weir_render_task, OPTIONAL_STRING, job_id),
};
const weir_record_type weir_render_task_type =
    TYPE(weir_render_task, "RenderTask", "crawl.render.tasks.v1", render_task_fields);

static const weir_field raw_fetch_fields[] = {
    FIELD(weir_raw_fetch, STRING, url),
    FIELD(weir_raw_fetch, STRING, url_hash),
    FIELD(weir_raw_fetch, STRING, host_id),
    FIELD(weir_raw_fetch, INT, depth),
    FIELD(weir_raw_fetch, INT, priority),
    FIELD(weir_raw_fetch, INT, attempt),
    FIELD(weir_raw_fetch, INT, redirect_count),
    FIELD(weir_raw_fetch, STRING, outcome),
    FIELD(weir_raw_fetch, STRING, reason),
    FIELD(weir_raw_fetch, INT, http_status),
    FIELD(weir_raw_fetch, OPTIONAL_STRING, redirect_url),
    FIELD(weir_raw_fetch, LONG, fetched_at_ms),
    FIELD(weir_raw_fetch, LONG, duration_ms),
    FIELD(weir_raw_fetch, STRING, content_type),
    FIELD(weir_raw_fetch, MAP, headers),
    FIELD(weir_raw_fetch, OPTIONAL_STRING, body_ref),
    FIELD(weir_raw_fetch, OPTIONAL_STRING, body_sha256),
    FIELD(weir_raw_fetch, LONG, body_bytes),
    FIELD(weir_raw_fetch, OPTIONAL_STRING, etag),
    FIELD(weir_raw_fetch, OPTIONAL_STRING, last_modified),
    FIELD(weir_raw_fetch, LONG, retry_after_ms),
    FIELD(weir_raw_fetch, LONG, crawl_delay_ms),
    FIELD(weir_raw_fetch, OPTIONAL_STRING, ip),
    FIELD(weir_raw_fetch, OPTIONAL_STRING, job_id),
};
const weir_record_type weir_raw_fetch_type =
    TYPE(weir_raw_fetch, "RawFetch", "crawl.raw_fetch.v1", raw_fetch_fields);

static const weir_field rendered_page_fields[] = {
    FIELD(weir_rendered_page, STRING, url),
    FIELD(weir_rendered_page, STRING, url_hash),
    FIELD(weir_rendered_page, STRING, host_id),
    FIELD(weir_rendered_page, INT, depth),
    FIELD(weir_rendered_page, STRING, outcome),
    FIELD(weir_rendered_page, STRING, reason),
    FIELD(weir_rendered_page, INT, http_status),
    FIELD(weir_rendered_page, OPTIONAL_STRING, final_url),
    FIELD(weir_rendered_page, LONG, rendered_at_ms),
    FIELD(weir_rendered_page, LONG, duration_ms),
    FIELD(weir_rendered_page, STRING, content_type),
    FIELD(weir_rendered_page, OPTIONAL_STRING, body_ref),
    FIELD(weir_rendered_page, OPTIONAL_STRING, body_sha256),
    FIELD(weir_rendered_page, LONG, body_bytes),
    FIELD(weir_rendered_page, OPTIONAL_STRING, screenshot_ref),
    FIELD(weir_rendered_page, OPTIONAL_STRING, job_id),
};
const weir_record_type weir_rendered_page_type =
    TYPE(weir_rendered_page, "RenderedPage", "crawl.rendered_page.v1", rendered_page_fields);

static const weir_field page_fields[] = {
    FIELD(weir_page, STRING, url),
    FIELD(weir_page, STRING, url_hash),
    FIELD(weir_page, STRING, host_id),
    FIELD(weir_page, INT, depth),
    FIELD(weir_page, STRING, outcome),
    FIELD(weir_page, STRING, reason),
    FIELD(weir_page, STRING, title),
    FIELD(weir_page, STRING, language),
    FIELD(weir_page, DOUBLE, language_confidence),
    FIELD(weir_page, OPTIONAL_STRING, canonical_url),
    FIELD(weir_page, OPTIONAL_STRING, text_ref),
    FIELD(weir_page, LONG, text_bytes),
    FIELD(weir_page, LONG, word_count),
    FIELD(weir_page, OPTIONAL_STRING, content_hash),
    RECORDS(weir_page, links, link_type),
    RECORDS(weir_page, images, image_type),
    FIELD(weir_page, MAP, metadata),
    FIELD(weir_page, BOOLEAN, noindex),
    FIELD(weir_page, BOOLEAN, nofollow),
    FIELD(weir_page, STRING, charset),
    FIELD(weir_page, LONG, published_at_ms),
    FIELD(weir_page, LONG, fetched_at_ms),
    FIELD(weir_page, OPTIONAL_STRING, job_id),
};
const weir_record_type weir_page_type = TYPE(weir_page, "Page", "extract.page.v1", page_fields);

static const weir_field page_scored_fields[] = {
    FIELD(weir_page_scored, STRING, url),
    FIELD(weir_page_scored, STRING, url_hash),
    FIELD(weir_page_scored, STRING, host_id),
    FIELD(weir_page_scored, OPTIONAL_STRING, content_hash),
    FIELD(weir_page_scored, OPTIONAL_STRING, text_ref),
    FIELD(weir_page_scored, STRING, language),
    FIELD(weir_page_scored, BOOLEAN, accepted),
    FIELD(weir_page_scored, DOUBLE, score),
    FIELD(weir_page_scored, STRINGS, reasons),
    FIELD(weir_page_scored, STRING, rule_set),
    FIELD(weir_page_scored, STRING, title),
    FIELD(weir_page_scored, LONG, word_count),
    FIELD(weir_page_scored, LONG, fetched_at_ms),
};
const weir_record_type weir_page_scored_type =
    TYPE(weir_page_scored, "PageScored", "quality.page_scored.v1", page_scored_fields);

static const weir_field text_decision_fields[] = {
    FIELD(weir_text_decision, STRING, kind),
    FIELD(weir_text_decision, STRING, content_hash),
    FIELD(weir_text_decision, STRING, cluster_id),
    FIELD(weir_text_decision, LONG, revision),
    FIELD(weir_text_decision, OPTIONAL_STRING, url_hash),
    FIELD(weir_text_decision, OPTIONAL_STRING, url),
    FIELD(weir_text_decision, BOOLEAN, kept),
    FIELD(weir_text_decision, BOOLEAN, removed),
    FIELD(weir_text_decision, OPTIONAL_STRING, kept_url_hash),
    FIELD(weir_text_decision, OPTIONAL_STRING, kept_url),
    FIELD(weir_text_decision, LONG, document_count),
    FIELD(weir_text_decision, LONG, url_count),
    FIELD(weir_text_decision, LONG, decided_at_ms),
};
const weir_record_type weir_text_decision_type =
    TYPE(weir_text_decision, "TextDecision", "dedup.text_decision.v1", text_decision_fields);

static const weir_field image_decision_fields[] = {
    FIELD(weir_image_decision, STRING, image_hash),
    FIELD(weir_image_decision, STRING, cluster_id),
    FIELD(weir_image_decision, OPTIONAL_STRING, perceptual_hash),
    FIELD(weir_image_decision, STRING, url),
    FIELD(weir_image_decision, STRING, page_url_hash),
    FIELD(weir_image_decision, BOOLEAN, kept),
    FIELD(weir_image_decision, STRING, reason),
    FIELD(weir_image_decision, STRING, content_type),
    FIELD(weir_image_decision, INT, width),
    FIELD(weir_image_decision, INT, height),
    FIELD(weir_image_decision, OPTIONAL_STRING, body_ref),
    FIELD(weir_image_decision, LONG, body_bytes),
    FIELD(weir_image_decision, LONG, decided_at_ms),
};
const weir_record_type weir_image_decision_type =
    TYPE(weir_image_decision, "ImageDecision", "dedup.image_decision.v1", image_decision_fields);

static const weir_field url_latest_fields[] = {
    FIELD(weir_url_latest, STRING, url),
    FIELD(weir_url_latest, STRING, url_hash),
    FIELD(weir_url_latest, STRING, host_id),
    FIELD(weir_url_latest, OPTIONAL_STRING, job_id),
    FIELD(weir_url_latest, OPTIONAL_STRING, fetch_outcome),
    FIELD(weir_url_latest, OPTIONAL_STRING, fetch_reason),
    FIELD(weir_url_latest, INT, http_status),
    FIELD(weir_url_latest, INT, attempt),
    FIELD(weir_url_latest, OPTIONAL_STRING, redirect_url),
    FIELD(weir_url_latest, OPTIONAL_STRING, content_type),
    FIELD(weir_url_latest, OPTIONAL_STRING, body_ref),
    FIELD(weir_url_latest, OPTIONAL_STRING, body_sha256),
    FIELD(weir_url_latest, LONG, body_bytes),
    FIELD(weir_url_latest, LONG, fetched_at_ms),
    FIELD(weir_url_latest, OPTIONAL_STRING, extract_outcome),
    FIELD(weir_url_latest, OPTIONAL_STRING, extract_reason),
    FIELD(weir_url_latest, OPTIONAL_STRING, title),
    FIELD(weir_url_latest, OPTIONAL_STRING, language),
    FIELD(weir_url_latest, OPTIONAL_STRING, canonical_url),
    FIELD(weir_url_latest, OPTIONAL_STRING, text_ref),
    FIELD(weir_url_latest, LONG, text_bytes),
    FIELD(weir_url_latest, LONG, word_count),
    FIELD(weir_url_latest, OPTIONAL_STRING, content_hash),
    FIELD(weir_url_latest, LONG, link_count),
    FIELD(weir_url_latest, LONG, image_count),
    FIELD(weir_url_latest, BOOLEAN, noindex),
    FIELD(weir_url_latest, LONG, published_at_ms),
    FIELD(weir_url_latest, OPTIONAL_STRING, rule_set),
    FIELD(weir_url_latest, BOOLEAN, accepted),
    FIELD(weir_url_latest, DOUBLE, score),
    FIELD(weir_url_latest, STRINGS, quality_reasons),
    FIELD(weir_url_latest, OPTIONAL_STRING, cluster_id),
    FIELD(weir_url_latest, BOOLEAN, kept),
    FIELD(weir_url_latest, LONG, dedup_revision),
    FIELD(weir_url_latest, LONG, updated_at_ms),
};
const weir_record_type weir_url_latest_type =
    TYPE(weir_url_latest, "UrlLatest", "index.url_latest.v1", url_latest_fields);

static const weir_field content_cluster_fields[] = {
    FIELD(weir_content_cluster, STRING, content_hash),
    FIELD(weir_content_cluster, STRING, cluster_id),
    FIELD(weir_content_cluster, OPTIONAL_STRING, kept_url_hash),
    FIELD(weir_content_cluster, OPTIONAL_STRING, kept_url),
    FIELD(weir_content_cluster, LONG, document_count),
    FIELD(weir_content_cluster, LONG, url_count),
    FIELD(weir_content_cluster, LONG, updated_at_ms),
};
const weir_record_type weir_content_cluster_type = TYPE(
    weir_content_cluster, "ContentCluster", "index.content_cluster.v1", content_cluster_fields);

static const weir_field dataset_membership_fields[] = {
    FIELD(weir_dataset_membership, STRING, dataset_id),
    FIELD(weir_dataset_membership, STRING, url_hash),
    FIELD(weir_dataset_membership, STRING, url),
    FIELD(weir_dataset_membership, STRING, host_id),
    FIELD(weir_dataset_membership, BOOLEAN, member),
    FIELD(weir_dataset_membership, STRING, reason),
    FIELD(weir_dataset_membership, BOOLEAN, scored),
    FIELD(weir_dataset_membership, BOOLEAN, accepted),
    FIELD(weir_dataset_membership, OPTIONAL_STRING, quality_reason),
    FIELD(weir_dataset_membership, BOOLEAN, decided),
    FIELD(weir_dataset_membership, BOOLEAN, kept),
    FIELD(weir_dataset_membership, LONG, dedup_revision),
    FIELD(weir_dataset_membership, OPTIONAL_STRING, content_hash),
    FIELD(weir_dataset_membership, OPTIONAL_STRING, cluster_id),
    FIELD(weir_dataset_membership, OPTIONAL_STRING, text_ref),
    FIELD(weir_dataset_membership, STRING, title),
    FIELD(weir_dataset_membership, STRING, language),
    FIELD(weir_dataset_membership, DOUBLE, score),
    FIELD(weir_dataset_membership, LONG, word_count),
    FIELD(weir_dataset_membership, LONG, fetched_at_ms),
    FIELD(weir_dataset_membership, LONG, updated_at_ms),
};
const weir_record_type weir_dataset_membership_type =
    TYPE(weir_dataset_membership, "DatasetMembership", "index.dataset_membership.v1",
         dataset_membership_fields);

static const weir_field frontier_event_fields[] = {
    FIELD(weir_frontier_event, STRING, kind),
    FIELD(weir_frontier_event, STRING, host_id),
    FIELD(weir_frontier_event, STRINGS, urls),
    FIELD(weir_frontier_event, INT, depth),
    FIELD(weir_frontier_event, INT, priority),
    FIELD(weir_frontier_event, INT, redirect_count),
    FIELD(weir_frontier_event, OPTIONAL_STRING, job_id),
    FIELD(weir_frontier_event, OPTIONAL_STRING, source_url_hash),
    FIELD(weir_frontier_event, OPTIONAL_STRING, source_host_id),
    FIELD(weir_frontier_event, OPTIONAL_STRING, url),
    FIELD(weir_frontier_event, OPTIONAL_STRING, url_hash),
    FIELD(weir_frontier_event, OPTIONAL_STRING, outcome),
    FIELD(weir_frontier_event, INT, http_status),
    FIELD(weir_frontier_event, INT, attempt),
    FIELD(weir_frontier_event, LONG, retry_after_ms),
    FIELD(weir_frontier_event, LONG, crawl_delay_ms),
    FIELD(weir_frontier_event, LONG, duration_ms),
    FIELD(weir_frontier_event, LONG, fetched_at_ms),
    FIELD(weir_frontier_event, OPTIONAL_STRING, etag),
    FIELD(weir_frontier_event, OPTIONAL_STRING, last_modified),
};
const weir_record_type weir_frontier_event_type =
    TYPE(weir_frontier_event, "FrontierEvent", "internal.frontier_event.v1", frontier_event_fields);

static const weir_field dedup_message_fields[] = {
    FIELD(weir_dedup_message, STRING, kind),
    FIELD(weir_dedup_message, STRING, to),
    FIELD(weir_dedup_message, OPTIONAL_STRING, from),
    FIELD(weir_dedup_message, OPTIONAL_STRING, label),
    FIELD(weir_dedup_message, OPTIONAL_STRING, url_hash),
    FIELD(weir_dedup_message, OPTIONAL_STRING, url),
    FIELD(weir_dedup_message, LONG, revision),
    FIELD(weir_dedup_message, BOOLEAN, accepted),
    FIELD(weir_dedup_message, DOUBLE, score),
    FIELD(weir_dedup_message, OPTIONAL_STRING, text_ref),
    FIELD(weir_dedup_message, LONG, url_count),
    FIELD(weir_dedup_message, LONG, document_count),
    FIELD(weir_dedup_message, BYTES, signature),
    FIELD(weir_dedup_message, LONG, sent_at_ms),
};
const weir_record_type weir_dedup_message_type =
    TYPE(weir_dedup_message, "DedupMessage", "internal.dedup_message.v1", dedup_message_fields);

static const weir_field membership_change_fields[] = {
    FIELD(weir_membership_change, STRING, kind),
    FIELD(weir_membership_change, STRING, dataset_id),
    FIELD(weir_membership_change, STRING, url_hash),
    FIELD(weir_membership_change, STRING, url),
    FIELD(weir_membership_change, STRING, host_id),
    FIELD(weir_membership_change, OPTIONAL_STRING, content_hash),
    FIELD(weir_membership_change, OPTIONAL_STRING, text_ref),
    FIELD(weir_membership_change, STRING, title),
    FIELD(weir_membership_change, STRING, language),
    FIELD(weir_membership_change, BOOLEAN, accepted),
    FIELD(weir_membership_change, DOUBLE, score),
    FIELD(weir_membership_change, STRINGS, reasons),
    FIELD(weir_membership_change, LONG, word_count),
    FIELD(weir_membership_change, LONG, fetched_at_ms),
    FIELD(weir_membership_change, OPTIONAL_STRING, cluster_id),
    FIELD(weir_membership_change, BOOLEAN, kept),
    FIELD(weir_membership_change, BOOLEAN, removed),
    FIELD(weir_membership_change, LONG, revision),
    FIELD(weir_membership_change, LONG, changed_at_ms),
};
const weir_record_type weir_membership_change_type =
    TYPE(weir_membership_change, "MembershipChange", "internal.membership_change.v1",
         membership_change_fields);

static const weir_field frontier_url_fields[] = {
    FIELD(weir_frontier_url, STRING, url),
    FIELD(weir_frontier_url, STRING, state),
    FIELD(weir_frontier_url, INT, depth),
    FIELD(weir_frontier_url, INT, priority),
    FIELD(weir_frontier_url, INT, attempt),
    FIELD(weir_frontier_url, INT, redirect_count),
    FIELD(weir_frontier_url, LONG, due_at_ms),
    FIELD(weir_frontier_url, OPTIONAL_STRING, outcome),
    FIELD(weir_frontier_url, OPTIONAL_STRING, job_id),
    FIELD(weir_frontier_url, OPTIONAL_STRING, etag),
    FIELD(weir_frontier_url, OPTIONAL_STRING, last_modified),
};
const weir_record_type weir_frontier_url_type =
    TYPE(weir_frontier_url, "FrontierUrl", "state.frontier_url.v1", frontier_url_fields);

static const weir_field frontier_host_fields[] = {
    FIELD(weir_frontier_host, LONG, url_count),
    FIELD(weir_frontier_host, LONG, queued_count),
    FIELD(weir_frontier_host, LONG, outstanding_count),
    FIELD(weir_frontier_host, LONG, blocked_until_ms),
    FIELD(weir_frontier_host, INT, throttle_count),
    FIELD(weir_frontier_host, LONG, wake_at_ms),
};
const weir_record_type weir_frontier_host_type =
    TYPE(weir_frontier_host, "FrontierHost", "state.frontier_host.v1", frontier_host_fields);

static const weir_field crawl_job_fields[] = {
    FIELD(weir_crawl_job, STRING, job_id),         FIELD(weir_crawl_job, STRING, host_id),
    FIELD(weir_crawl_job, STRING, seed_url),       FIELD(weir_crawl_job, LONG, created_at_ms),
    FIELD(weir_crawl_job, LONG, discovered_count), FIELD(weir_crawl_job, LONG, finished_count),
};
const weir_record_type weir_crawl_job_type =
    TYPE(weir_crawl_job, "CrawlJob", "state.crawl_job.v1", crawl_job_fields);

static const weir_field dedup_url_fields[] = {
    FIELD(weir_dedup_url, OPTIONAL_STRING, content_hash),
    FIELD(weir_dedup_url, LONG, revision),
    FIELD(weir_dedup_url, BOOLEAN, accepted),
    FIELD(weir_dedup_url, DOUBLE, score),
};
const weir_record_type weir_dedup_url_type =
    TYPE(weir_dedup_url, "DedupUrl", "state.dedup_url.v1", dedup_url_fields);

static const weir_field dedup_content_fields[] = {
    FIELD(weir_dedup_content, STRING, label),
    FIELD(weir_dedup_content, LONG, url_count),
};
const weir_record_type weir_dedup_content_type =
    TYPE(weir_dedup_content, "DedupContent", "state.dedup_content.v1", dedup_content_fields);

static const weir_field dedup_member_fields[] = {
    FIELD(weir_dedup_member, STRING, url),    FIELD(weir_dedup_member, STRING, content_hash),
    FIELD(weir_dedup_member, LONG, revision), FIELD(weir_dedup_member, BOOLEAN, accepted),
    FIELD(weir_dedup_member, DOUBLE, score),
};
const weir_record_type weir_dedup_member_type =
    TYPE(weir_dedup_member, "DedupMember", "state.dedup_member.v1", dedup_member_fields);

static const weir_field dedup_cluster_fields[] = {
    FIELD(weir_dedup_cluster, OPTIONAL_STRING, kept_url_hash),
    FIELD(weir_dedup_cluster, LONG, document_count),
    FIELD(weir_dedup_cluster, LONG, url_count),
};
const weir_record_type weir_dedup_cluster_type =
    TYPE(weir_dedup_cluster, "DedupCluster", "state.dedup_cluster.v1", dedup_cluster_fields);

static const weir_field fetch_robots_fields[] = {
    FIELD(weir_fetch_robots, STRING, verdict),
    FIELD(weir_fetch_robots, BYTES, rules),
    FIELD(weir_fetch_robots, LONG, fetched_at_ms),
    FIELD(weir_fetch_robots, STRING, reason),
};
const weir_record_type weir_fetch_robots_type =
    TYPE(weir_fetch_robots, "FetchRobots", "state.fetch_robots.v1", fetch_robots_fields);

const weir_record_type *const weir_record_types[] = {
    &weir_fetch_task_type,
    &weir_render_task_type,
    &weir_raw_fetch_type,
    &weir_rendered_page_type,
    &weir_page_type,
    &weir_page_scored_type,
    &weir_text_decision_type,
    &weir_image_decision_type,
    &weir_url_latest_type,
    &weir_content_cluster_type,
    &weir_dataset_membership_type,
    &weir_frontier_event_type,
    &weir_dedup_message_type,
    &weir_membership_change_type,
    &weir_frontier_url_type,
    &weir_frontier_host_type,
    &weir_crawl_job_type,
    &weir_fetch_robots_type,
    &weir_dedup_url_type,
    &weir_dedup_content_type,
    &weir_dedup_member_type,
    &weir_dedup_cluster_type,
};
const size_t weir_record_type_count = WEIR_COUNT_OF(weir_record_types);
