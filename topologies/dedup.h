/* SPDX-License-Identifier: Apache-2.0
 *
 * dedup.h - clusters of equal and nearly equal texts, and the URL that represents each.
 *
 *   page_scored ─▶ urls ─▶ messages (by content_hash) ─▶ graph ─▶ text_decision
 *                                 ▲                        │
 *                                 ├── edges ◀── bands ◀────┤  14 band keys a content
 *                                 └── labels, members ◀────┘
 *
 * Two contents that share any MinHash band are neighbours; a cluster is a connected component, and
 * its id is its smallest content_hash. Neither depends on the order in which pages come, nor on the
 * number of partitions.
 *
 * Threads    As streams/topology.h.
 */
#ifndef WEIR_TOPOLOGIES_DEDUP_H
#define WEIR_TOPOLOGIES_DEDUP_H

#include "topologies/stage.h"

#define WEIR_DEDUP_APPLICATION "weir-dedup"

/* Stores. */
#define WEIR_DEDUP_URLS "dedup-urls"                 /* url_hash -> DedupUrl */
#define WEIR_DEDUP_CONTENTS "dedup-contents"         /* content_hash -> DedupContent */
#define WEIR_DEDUP_CONTENT_URLS "dedup-content-urls" /* content_hash\0url_hash -> DedupMember */
#define WEIR_DEDUP_NEIGHBOURS "dedup-neighbours"     /* content_hash\0content_hash -> nothing */
#define WEIR_DEDUP_BANDS "dedup-bands"               /* band -> content_hash, the first of it */
#define WEIR_DEDUP_CLUSTERS "dedup-clusters"         /* root -> DedupCluster */
#define WEIR_DEDUP_MEMBERS "dedup-members"           /* root\0url_hash -> DedupMember */

/* A new topology, built. services is borrowed for its life. */
weir_status weir_dedup_topology(weir_stage_services *services, weir_topology **out_topology,
                                weir_error *err);

#endif
