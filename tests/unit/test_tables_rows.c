/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows of the tables follow from the events of the stages, in whatever order the topics are read.
 */
#include "tests/harness/check.h"
#include "topologies/tables_internal.h"

static const weir_raw_fetch fetched = {
    .url = {"http://a.example/", 17},
    .url_hash = {"h", 1},
    .host_id = {"a.example", 9},
    .depth = 2,
    .outcome = {"fetched", 7},
    .http_status = 200,
    .body_ref = {"raw/x", 5},
    .body_bytes = 10,
};

static weir_text_decision decision_of(const char *cluster, int64_t revision, bool kept)
{
    return (weir_text_decision){.kind = WEIR_BYTES(DECISION_URL),
                                .content_hash = WEIR_BYTES("c"),
                                .cluster_id = weir_bytes_of_text(cluster),
                                .revision = revision,
                                .url_hash = WEIR_BYTES("h"),
                                .url = WEIR_BYTES("http://a.example/"),
                                .kept = kept};
}

TEST(not_modified_keeps_the_body_that_is_known)
{
    weir_url_latest row = {0};
    weir_url_latest_take_fetch(&row, &fetched);
    weir_raw_fetch again = {.outcome = WEIR_BYTES("not_modified"), .http_status = 304};
    weir_url_latest_take_fetch(&row, &again);
    CHECK_I64(row.http_status, ==, 304);
    CHECK_BYTES(row.body_ref, WEIR_BYTES("raw/x"));
    CHECK_I64(row.body_bytes, ==, 10);
}

TEST(late_decision_of_a_cluster_that_was_merged_away_is_ignored)
{
    weir_url_latest row = {0};
    weir_text_decision merged = decision_of("aaa", 1, false);
    weir_text_decision late = decision_of("bbb", 1, true);
    CHECK(weir_url_latest_take_decision(&row, &merged));
    CHECK(!weir_url_latest_take_decision(&row, &late));
    CHECK_BYTES(row.cluster_id, WEIR_BYTES("aaa"));
    CHECK(!row.kept);
}

TEST(new_content_of_a_url_may_be_in_any_cluster)
{
    weir_url_latest row = {0};
    weir_text_decision first = decision_of("aaa", 1, false);
    weir_text_decision second = decision_of("zzz", 2, true);
    CHECK(weir_url_latest_take_decision(&row, &first));
    CHECK(weir_url_latest_take_decision(&row, &second));
    CHECK(!weir_url_latest_take_decision(&row, &first));
    CHECK_BYTES(row.cluster_id, WEIR_BYTES("zzz"));
    CHECK(row.kept);
}

TEST(content_that_joins_another_cluster_is_no_root_any_more)
{
    weir_content_cluster row = {0};
    weir_text_decision root = {.kind = WEIR_BYTES(DECISION_CLUSTER),
                               .content_hash = WEIR_BYTES("ccc"),
                               .cluster_id = WEIR_BYTES("ccc"),
                               .kept_url = WEIR_BYTES("http://a.example/"),
                               .document_count = 1,
                               .url_count = 1};
    weir_text_decision joined = {.kind = WEIR_BYTES(DECISION_CONTENT),
                                 .content_hash = WEIR_BYTES("ccc"),
                                 .cluster_id = WEIR_BYTES("aaa")};
    CHECK(weir_content_cluster_take(&row, &root));
    CHECK_I64(row.document_count, ==, 1);
    CHECK(weir_content_cluster_take(&row, &joined));
    CHECK_I64(row.document_count, ==, 0);
    CHECK(row.kept_url.data == NULL);
    CHECK(!weir_content_cluster_take(&row, &root));
    CHECK_BYTES(row.cluster_id, WEIR_BYTES("aaa"));
}

/* The row after the three changes in the order that the digits name. */
static weir_dataset_membership row_after(const char *order, weir_buf *reason)
{
    static const weir_bytes reasons[] = {{"gopher_short_doc", 16}};
    weir_membership_change changes[] = {
        {.kind = WEIR_BYTES(CHANGE_SCORED), .accepted = true, .url_hash = WEIR_BYTES("h")},
        {.kind = WEIR_BYTES(CHANGE_DECIDED),
         .cluster_id = WEIR_BYTES("bbb"),
         .revision = 1,
         .kept = true,
         .url_hash = WEIR_BYTES("h")},
        {.kind = WEIR_BYTES(CHANGE_DECIDED),
         .cluster_id = WEIR_BYTES("aaa"),
         .revision = 1,
         .kept = false,
         .url_hash = WEIR_BYTES("h")},
        {.kind = WEIR_BYTES(CHANGE_SCORED), .reasons = {reasons, 1}, .url_hash = WEIR_BYTES("h")},
    };
    weir_dataset_membership row = {0};
    for (const char *digit = order; *digit != '\0'; digit++) {
        (void)weir_dataset_membership_take(&row, &changes[*digit - '0'], reason);
    }
    return row;
}

TEST(membership_is_the_same_in_every_order)
{
    static const char *const orders[] = {"012", "021", "102", "120", "201", "210"};
    for (size_t i = 0; i < WEIR_COUNT_OF(orders); i++) {
        WEIR_AUTO(weir_buf) reason = {0};
        weir_dataset_membership row = row_after(orders[i], &reason);
        CHECK(!row.member);
        CHECK_BYTES(row.reason, WEIR_BYTES("duplicate:aaa"));
    }
}

TEST(member_is_accepted_and_kept_and_everything_else_has_a_reason)
{
    WEIR_AUTO(weir_buf) reason = {0};
    CHECK(row_after("01", &reason).member);
    CHECK_I64(reason.size, ==, 0);
    CHECK_BYTES(row_after("0", &reason).reason, WEIR_BYTES("pending"));
    CHECK_BYTES(row_after("1", &reason).reason, WEIR_BYTES("pending"));
    CHECK_BYTES(row_after("31", &reason).reason, WEIR_BYTES("quality:gopher_short_doc"));
}
