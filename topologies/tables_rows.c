/* SPDX-License-Identifier: Apache-2.0
 *
 * tables_rows.c - rows of the tables from the events of the stages.
 *
 * Events of one stage for one URL arrive in order, for they share a partition; events of different
 * stages do not, so each stage has its own fields. Decisions on a URL come from the root of its
 * cluster, and when clusters merge from another partition: revision and cluster tell which is
 * later.
 */
#include "topologies/tables_internal.h"

static bool is_empty(weir_bytes bytes)
{
    return bytes.size == 0;
}

static void take_identity(weir_url_latest *row, weir_bytes url, weir_bytes url_hash,
                          weir_bytes host_id)
{
    row->url = url;
    row->url_hash = url_hash;
    row->host_id = host_id;
}

void weir_url_latest_take_fetch(weir_url_latest *row, const weir_raw_fetch *fetch)
{
    take_identity(row, fetch->url, fetch->url_hash, fetch->host_id);
    row->job_id = fetch->job_id;
    row->fetch_outcome = fetch->outcome;
    row->fetch_reason = fetch->reason;
    row->http_status = fetch->http_status;
    row->attempt = fetch->attempt;
    row->redirect_url = fetch->redirect_url;
    row->fetched_at_ms = fetch->fetched_at_ms;
    if (weir_bytes_equal(fetch->outcome, WEIR_BYTES("not_modified"))) {
        return; /* The body that is known is still the body. */
    }
    row->content_type = fetch->content_type;
    row->body_ref = fetch->body_ref;
    row->body_sha256 = fetch->body_sha256;
    row->body_bytes = fetch->body_bytes;
}

void weir_url_latest_take_page(weir_url_latest *row, const weir_page *page)
{
    take_identity(row, page->url, page->url_hash, page->host_id);
    row->extract_outcome = page->outcome;
    row->extract_reason = page->reason;
    row->title = page->title;
    row->language = page->language;
    row->canonical_url = page->canonical_url;
    row->text_ref = page->text_ref;
    row->text_bytes = page->text_bytes;
    row->word_count = page->word_count;
    row->content_hash = page->content_hash;
    row->link_count = (int64_t)page->links.count;
    row->image_count = (int64_t)page->images.count;
    row->noindex = page->noindex;
    row->published_at_ms = page->published_at_ms;
}

void weir_url_latest_take_scored(weir_url_latest *row, const weir_page_scored *scored)
{
    take_identity(row, scored->url, scored->url_hash, scored->host_id);
    row->rule_set = scored->rule_set;
    row->accepted = scored->accepted;
    row->score = scored->score;
    row->quality_reasons = scored->reasons;
}

/* Whether what (revision, cluster) says comes after what the row has. */
static bool is_later(int64_t revision, weir_bytes cluster, int64_t row_revision,
                     weir_bytes row_cluster)
{
    if (revision != row_revision || is_empty(row_cluster)) {
        return revision >= row_revision;
    }
    return weir_bytes_compare(cluster, row_cluster) <= 0;
}

bool weir_url_latest_take_decision(weir_url_latest *row, const weir_text_decision *decision)
{
    if (!is_later(decision->revision, decision->cluster_id, row->dedup_revision, row->cluster_id)) {
        return false;
    }
    row->url = decision->url;
    row->url_hash = decision->url_hash;
    row->dedup_revision = decision->revision;
    row->cluster_id = decision->removed ? WEIR_BYTES_NULL : decision->cluster_id;
    row->kept = !decision->removed && decision->kept;
    return true;
}

bool weir_content_cluster_take(weir_content_cluster *row, const weir_text_decision *decision)
{
    if (!is_empty(row->cluster_id) &&
        weir_bytes_compare(decision->cluster_id, row->cluster_id) > 0) {
        return false;
    }
    row->content_hash = decision->content_hash;
    row->cluster_id = decision->cluster_id;
    bool is_root = weir_bytes_equal(decision->content_hash, decision->cluster_id);
    if (weir_bytes_equal(decision->kind, WEIR_BYTES(DECISION_CLUSTER))) {
        row->kept_url_hash = decision->kept_url_hash;
        row->kept_url = decision->kept_url;
        row->document_count = decision->document_count;
        row->url_count = decision->url_count;
    } else if (!is_root) {
        row->kept_url_hash = WEIR_BYTES_NULL;
        row->kept_url = WEIR_BYTES_NULL;
        row->document_count = 0;
        row->url_count = 0;
    }
    return true;
}

static void take_scored(weir_dataset_membership *row, const weir_membership_change *change)
{
    row->scored = true;
    row->accepted = change->accepted;
    row->quality_reason = change->reasons.count == 0 ? WEIR_BYTES_NULL : change->reasons.items[0];
    row->host_id = change->host_id;
    row->content_hash = change->content_hash;
    row->text_ref = change->text_ref;
    row->title = change->title;
    row->language = change->language;
    row->score = change->score;
    row->word_count = change->word_count;
    row->fetched_at_ms = change->fetched_at_ms;
}

static bool take_decided(weir_dataset_membership *row, const weir_membership_change *change)
{
    if (!is_later(change->revision, change->cluster_id, row->dedup_revision, row->cluster_id)) {
        return false;
    }
    row->decided = !change->removed;
    row->kept = !change->removed && change->kept;
    row->cluster_id = change->removed ? WEIR_BYTES_NULL : change->cluster_id;
    row->dedup_revision = change->revision;
    return true;
}

static void judge(weir_dataset_membership *row, weir_buf *reason)
{
    row->member = row->scored && row->accepted && row->decided && row->kept;
    weir_buf_clear(reason);
    if (row->scored && !row->accepted) {
        weir_buf_append_text(reason, "quality:");
        weir_buf_append(reason, row->quality_reason.data, row->quality_reason.size);
    } else if (!row->scored || !row->decided) {
        weir_buf_append_text(reason, "pending");
    } else if (!row->kept) {
        weir_buf_append_text(reason, "duplicate:");
        weir_buf_append(reason, row->cluster_id.data, row->cluster_id.size);
    }
    row->reason = weir_buf_bytes(reason);
}

bool weir_dataset_membership_take(weir_dataset_membership *row,
                                  const weir_membership_change *change, weir_buf *reason)
{
    if (weir_bytes_equal(change->kind, WEIR_BYTES(CHANGE_SCORED))) {
        take_scored(row, change);
    } else if (!take_decided(row, change)) {
        return false;
    }
    row->dataset_id = change->dataset_id;
    row->url_hash = change->url_hash;
    row->url = change->url;
    judge(row, reason);
    return true;
}
