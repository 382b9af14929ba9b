/* SPDX-License-Identifier: Apache-2.0
 *
 * tables_internal.h - how rows follow from events: pure functions, for tables.c and their tests.
 *
 * Each event owns one group of fields of a row and replaces it whole; groups do not depend on each
 * other, so the row is the same in whatever order the topics are read.
 *
 * Ownership  A row borrows from the events that it took.
 * Threads    Any.
 */
#ifndef WEIR_TOPOLOGIES_TABLES_INTERNAL_H
#define WEIR_TOPOLOGIES_TABLES_INTERNAL_H

#include "avro/records.h"
#include "topologies/tables.h"

/* Kinds of TextDecision. */
#define DECISION_CONTENT "content" /* content_hash belongs to cluster_id. */
#define DECISION_CLUSTER "cluster" /* The counts and the kept URL of a root are new. */
#define DECISION_URL "url"         /* Whether a URL represents its cluster. */

/* Kinds of MembershipChange. */
#define CHANGE_SCORED "scored"
#define CHANGE_DECIDED "decided"

/* Put into the row what a stage last said of its URL: that stage's group of fields, nothing else.
 */
void weir_url_latest_take_fetch(weir_url_latest *row, const weir_raw_fetch *fetch);
void weir_url_latest_take_page(weir_url_latest *row, const weir_page *page);
void weir_url_latest_take_scored(weir_url_latest *row, const weir_page_scored *scored);

/* Takes a decision of kind url, unless the row holds a later one: a higher revision is later, and
 * of one revision the smaller cluster, for clusters only merge. False: it was not taken. */
bool weir_url_latest_take_decision(weir_url_latest *row, const weir_text_decision *decision);

/* Takes a decision of kind content or cluster. False: the row holds a smaller cluster already. */
bool weir_content_cluster_take(weir_content_cluster *row, const weir_text_decision *decision);

/* Takes a change and judges anew: a member is accepted and kept, anything else has a reason. False:
 * the row holds a later decision. */
bool weir_dataset_membership_take(weir_dataset_membership *row,
                                  const weir_membership_change *change, weir_buf *reason);

#endif
