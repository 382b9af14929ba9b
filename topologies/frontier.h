/* SPDX-License-Identifier: Apache-2.0
 *
 * frontier.h - which URL is fetched next: knows every URL and host, hands out tasks, takes outcomes
 * and links back.
 *
 *   crawl.raw_fetch.v1 ─▶ outcomes ─┐
 *   extract.page.v1 ────▶ links ────┴▶ events (by host_id) ─▶ queue ─▶ crawl.fetch.tasks.v1
 *   seeds, crawl jobs ──────────────┘
 *
 * Threads    As streams/topology.h; weir_frontier_seed: any thread that owns the producer.
 */
#ifndef WEIR_TOPOLOGIES_FRONTIER_H
#define WEIR_TOPOLOGIES_FRONTIER_H

#include "streams/producer.h"
#include "topologies/stage.h"

#define WEIR_FRONTIER_APPLICATION "weir-frontier"
#define WEIR_FRONTIER_EVENTS "frontier-events" /* The repartition topic, by its short name. */

/* Stores; each key begins with a host_id and a zero byte unless said otherwise. */
#define WEIR_FRONTIER_URLS "frontier-urls"   /* … url_hash -> FrontierUrl */
#define WEIR_FRONTIER_HOSTS "frontier-hosts" /* host_id -> FrontierHost */
#define WEIR_FRONTIER_QUEUE "frontier-queue" /* … order of visit -> nothing */
#define WEIR_FRONTIER_WAKE "frontier-wake"   /* time, host_id -> nothing */
#define WEIR_FRONTIER_JOBS "frontier-jobs"   /* job_id -> CrawlJob */

/* Tasks of one host that may be outstanding at a time, and redirects in a row. */
enum {
    WEIR_FRONTIER_OUTSTANDING_MAX = 128,
    WEIR_FRONTIER_REDIRECTS_MAX = 5,
};

/* A new topology, built. services is borrowed for its life. */
weir_status weir_frontier_topology(weir_stage_services *services, weir_topology **out_topology,
                                   weir_error *err);

/* A URL that somebody asks for. */
typedef struct weir_seed {
    weir_bytes url;     /* As typed; it is made canonical. */
    const char *job_id; /* NULL: none. */
    int64_t now_ms;
} weir_seed;

/* WEIR_OK where url can be crawled, else WEIR_BAD_RECORD with the reason. */
weir_status weir_frontier_check_seed(weir_bytes url, weir_error *err);

/* Sends a seed to the frontier's events; flushing is the caller's. WEIR_BAD_RECORD, with the
 * reason, for a URL that cannot be crawled. */
weir_status weir_frontier_seed(weir_producer *producer, const weir_codec *codec,
                               const weir_seed *seed, weir_error *err);

/* Creates the topic of events where seeds may come before the frontier has ever run. */
weir_status weir_frontier_create_events_topic(weir_broker *broker, int32_t partition_count,
                                              weir_error *err);

#endif
