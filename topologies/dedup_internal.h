/* SPDX-License-Identifier: Apache-2.0
 *
 * dedup_internal.h - the parts of dedup: one processor for the graph and its clusters, whose
 * messages all go through one topic, so that they stay in order.
 *
 * Threads    The worker that runs the task.
 */
#ifndef WEIR_TOPOLOGIES_DEDUP_INTERNAL_H
#define WEIR_TOPOLOGIES_DEDUP_INTERNAL_H

#include "avro/records.h"
#include "topologies/dedup.h"

/* Sinks of the graph. */
#define DEDUP_MESSAGES_OUT "messages-out"
#define DEDUP_BANDS_OUT "bands-out"
#define DEDUP_DECISIONS_OUT "decisions"

/* Kinds of DedupMessage; `to` is a content_hash, or a band key for the first. */
#define DEDUP_BAND "band"           /* `from` has this band. */
#define DEDUP_JOIN "join"           /* A URL carries content `to`; or its rank is new. */
#define DEDUP_LEAVE "leave"         /* A URL carries another content now. */
#define DEDUP_GONE "gone"           /* A URL carries no text any more. */
#define DEDUP_EDGE "edge"           /* `from` is a neighbour of `to`. */
#define DEDUP_LABEL "label"         /* Neighbour `from` knows the smaller `label`. */
#define DEDUP_MEMBER "member"       /* To a root: a URL of content `from` is in your cluster. */
#define DEDUP_UNMEMBER "unmember"   /* To a root: it is not any more. */
#define DEDUP_DROP "drop"           /* To a root: its text is gone. */
#define DEDUP_DOCUMENTS "documents" /* To a root: document_count contents more (or fewer). */

/* The processor of a partition of contents: nodes of the graph, and roots. */
typedef struct weir_dedup_graph {
    weir_processor base;
    weir_stage_services *services;
    weir_kv *contents;
    weir_kv *content_urls;
    weir_kv *neighbours;
    weir_kv *clusters;
    weir_kv *members;
} weir_dedup_graph;

weir_processor *weir_dedup_urls_new(void *services);  /* PageScored -> messages */
weir_processor *weir_dedup_graph_new(void *services); /* messages -> messages, bands, decisions */
weir_processor *weir_dedup_bands_new(void *services); /* bands -> messages */

/* Sends message to message->to. */
weir_status weir_dedup_send(weir_processor *processor, weir_stage_services *services,
                            const weir_dedup_message *message, weir_error *err);

/* The messages that a root handles: MEMBER, UNMEMBER, DROP, DOCUMENTS. */
weir_status weir_dedup_take_member(weir_dedup_graph *self, const weir_dedup_message *message,
                                   weir_error *err);
weir_status weir_dedup_take_unmember(weir_dedup_graph *self, const weir_dedup_message *message,
                                     weir_error *err);
weir_status weir_dedup_take_documents(weir_dedup_graph *self, const weir_dedup_message *message,
                                      weir_error *err);

/* Sends a decision, keyed by its content_hash. */
weir_status weir_dedup_decide(weir_dedup_graph *self, const weir_text_decision *decision,
                              int64_t timestamp_ms, weir_error *err);

/* Whether a ranks before b: accepted, then the higher score, the shorter URL, the smaller URL. */
bool weir_dedup_ranks_before(const weir_dedup_member *a, const weir_dedup_member *b);

/* "<left>\0<right>", in *out. */
void weir_dedup_pair_key(weir_buf *out, weir_bytes left, weir_bytes right);

/* What follows the first zero byte of such a key. */
weir_bytes weir_dedup_pair_right(weir_bytes key);

#endif
