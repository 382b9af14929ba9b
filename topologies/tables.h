/* SPDX-License-Identifier: Apache-2.0
 *
 * tables.h - the three tables that the pipeline keeps true.
 *
 *   raw_fetch, page, page_scored ──────────────▶ url_latest          (by url_hash)
 *   text_decision ─▶ by url_hash ──────────────▶ url_latest
 *   text_decision ─────────────────────────────▶ content_cluster     (by content_hash)
 *   page_scored, text_decision ─▶ by dataset ──▶ dataset_membership  (by dataset_id/url_hash)
 *
 * A table's store logs to the index topic itself: topic, RocksDB rows and REST answers are the
 * same.
 *
 * Threads    As streams/topology.h.
 */
#ifndef WEIR_TOPOLOGIES_TABLES_H
#define WEIR_TOPOLOGIES_TABLES_H

#include "topologies/stage.h"

#define WEIR_TABLES_APPLICATION "weir-tables"

/* Stores, called as REST calls the tables. */
#define WEIR_TABLE_URL_LATEST "url_latest"
#define WEIR_TABLE_CONTENT_CLUSTER "content_cluster"
#define WEIR_TABLE_DATASET_MEMBERSHIP "dataset_membership"

/* The dataset that every accepted page is a candidate of. */
#define WEIR_DATASET_DEFAULT "default"

/* A new topology, built. services is borrowed for its life. */
weir_status weir_tables_topology(weir_stage_services *services, weir_topology **out_topology,
                                 weir_error *err);

#endif
