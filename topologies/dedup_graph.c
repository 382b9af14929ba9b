/* SPDX-License-Identifier: Apache-2.0
 *
 * dedup_graph.c - the nodes of the graph of near duplicates, one a content.
 *
 * A new content tells its 14 band keys. Whoever shares a band becomes a neighbour (edges go both
 * ways), and neighbours tell each other the smallest content_hash that they know: their label. A
 * label that falls is passed on, so all of a connected component end with its smallest content_hash
 * (HashMin: Chitnis et al., "Finding Connected Components in Map-Reduce in Logarithmic Rounds",
 * 2013). The content with that hash is the root, to which every content reports its URLs; when its
 * label falls it moves them to the new root.
 *
 * Contents stay in the graph when their last URL has left: clusters only merge, which is what makes
 * the result independent of order.
 */
#include "topologies/dedup_internal.h"
#include "topologies/minhash.h"
#include "topologies/tables_internal.h"

#include <inttypes.h>
#include <stdlib.h>

enum { TEXT_BYTES_MAX = 8 << 20 };

/* A content while a message to it is worked on. */
typedef struct node {
    const weir_dedup_message *message;
    weir_dedup_content content;
} node;

static weir_status send(weir_dedup_graph *self, const weir_dedup_message *message, weir_error *err)
{
    return weir_dedup_send(&self->base, self->services, message, err);
}

weir_status weir_dedup_decide(weir_dedup_graph *self, const weir_text_decision *decision,
                              int64_t timestamp_ms, weir_error *err)
{
    return weir_stage_forward(&self->base, self->services->codec,
                              &(weir_stage_output){.child = DEDUP_DECISIONS_OUT,
                                                   .type = &weir_text_decision_type,
                                                   .value = decision,
                                                   .key = decision->content_hash,
                                                   .timestamp_ms = timestamp_ms},
                              err);
}

/* Reports to the root. */

static weir_status report_member(weir_dedup_graph *self, const node *at, weir_bytes url_hash,
                                 const weir_dedup_member *url, weir_error *err)
{
    return send(self,
                &(weir_dedup_message){.kind = WEIR_BYTES(DEDUP_MEMBER),
                                      .to = at->content.label,
                                      .from = at->message->to,
                                      .url_hash = url_hash,
                                      .url = url->url,
                                      .revision = url->revision,
                                      .accepted = url->accepted,
                                      .score = url->score,
                                      .sent_at_ms = at->message->sent_at_ms},
                err);
}

static weir_status report_departure(weir_dedup_graph *self, const node *at, weir_bytes kind,
                                    weir_bytes url_hash, int64_t revision, weir_error *err)
{
    return send(self,
                &(weir_dedup_message){.kind = kind,
                                      .to = at->content.label,
                                      .from = at->message->to,
                                      .url_hash = url_hash,
                                      .revision = revision,
                                      .sent_at_ms = at->message->sent_at_ms},
                err);
}

/* change contents more in the cluster: this one got its first URL, or lost its last. */
static weir_status report_documents(weir_dedup_graph *self, const node *at, int64_t change,
                                    weir_error *err)
{
    return send(self,
                &(weir_dedup_message){.kind = WEIR_BYTES(DEDUP_DOCUMENTS),
                                      .to = at->content.label,
                                      .from = at->message->to,
                                      .document_count = change,
                                      .sent_at_ms = at->message->sent_at_ms},
                err);
}

static weir_status decide_content(weir_dedup_graph *self, const node *at, weir_error *err)
{
    return weir_dedup_decide(self,
                             &(weir_text_decision){.kind = WEIR_BYTES(DECISION_CONTENT),
                                                   .content_hash = at->message->to,
                                                   .cluster_id = at->content.label,
                                                   .decided_at_ms = at->message->sent_at_ms},
                             at->message->sent_at_ms, err);
}

/* Joining. */

static weir_status send_bands(weir_dedup_graph *self, const node *at, weir_bytes text,
                              weir_error *err)
{
    weir_minhash signature = weir_minhash_of_text(text);
    uint64_t bands[WEIR_MINHASH_BANDS];
    size_t count = weir_minhash_bands(&signature, bands);
    for (size_t i = 0; i < count; i++) {
        WEIR_AUTO(weir_buf) key = {0};
        weir_buf_append_format(&key, "%02zu-%016" PRIx64, i, bands[i]);
        weir_dedup_message message = {.kind = WEIR_BYTES(DEDUP_BAND),
                                      .to = weir_buf_bytes(&key),
                                      .from = at->message->to,
                                      .sent_at_ms = at->message->sent_at_ms};
        WEIR_TRY(weir_stage_forward(&self->base, self->services->codec,
                                    &(weir_stage_output){.child = DEDUP_BANDS_OUT,
                                                         .type = &weir_dedup_message_type,
                                                         .value = &message,
                                                         .key = message.to,
                                                         .timestamp_ms = message.sent_at_ms},
                                    err));
    }
    return WEIR_OK;
}

static weir_status get_content(weir_dedup_graph *self, weir_bytes content_hash,
                               weir_dedup_content *out, weir_error *err)
{
    return weir_stage_get(self->base.context, self->contents,
                          weir_stage_binding(self->services, &weir_dedup_content_type),
                          content_hash, out, err);
}

static weir_status put_content(weir_dedup_graph *self, const node *at, weir_error *err)
{
    return weir_stage_put(self->contents,
                          weir_stage_binding(self->services, &weir_dedup_content_type),
                          at->message->to, &at->content, err);
}

/* Writes the URL, and counts it if it is new. */
static weir_status put_content_url(weir_dedup_graph *self, node *at, const weir_dedup_member *url,
                                   weir_error *err)
{
    WEIR_AUTO(weir_buf) key = {0};
    WEIR_AUTO(weir_buf) before = {0};
    weir_dedup_pair_key(&key, at->message->to, at->message->url_hash);
    weir_status status = weir_kv_get(self->content_urls, weir_buf_bytes(&key), &before, err);
    if (status != WEIR_OK && status != WEIR_NOT_FOUND) {
        return status;
    }
    WEIR_TRY(weir_stage_put(self->content_urls,
                            weir_stage_binding(self->services, &weir_dedup_member_type),
                            weir_buf_bytes(&key), url, err));
    if (status == WEIR_OK) {
        return WEIR_OK;
    }
    at->content.url_count++;
    return at->content.url_count == 1 ? report_documents(self, at, 1, err) : WEIR_OK;
}

static weir_status take_join(weir_dedup_graph *self, const weir_dedup_message *message,
                             weir_error *err)
{
    node at = {.message = message};
    WEIR_AUTO(weir_buf) text = {0};
    weir_status status = get_content(self, message->to, &at.content, err);
    bool is_new = status == WEIR_NOT_FOUND;
    if (is_new) {
        /* Read before anything is written: without it the record is a dead letter. */
        WEIR_TRY(weir_stage_read_object(self->base.context, message->text_ref, TEXT_BYTES_MAX,
                                        &text, err));
        at.content = (weir_dedup_content){.label = message->to};
        WEIR_TRY(decide_content(self, &at, err));
        WEIR_TRY(send_bands(self, &at, weir_buf_bytes(&text), err));
    } else if (status != WEIR_OK) {
        return status;
    }
    weir_dedup_member url = {.url = message->url,
                             .content_hash = message->to,
                             .revision = message->revision,
                             .accepted = message->accepted,
                             .score = message->score};
    WEIR_TRY(put_content_url(self, &at, &url, err));
    WEIR_TRY(put_content(self, &at, err));
    return report_member(self, &at, message->url_hash, &url, err);
}

static weir_status take_leave(weir_dedup_graph *self, const weir_dedup_message *message,
                              weir_error *err)
{
    node at = {.message = message};
    WEIR_AUTO(weir_buf) key = {0};
    WEIR_AUTO(weir_buf) before = {0};
    weir_dedup_pair_key(&key, message->to, message->url_hash);
    weir_status status = weir_kv_get(self->content_urls, weir_buf_bytes(&key), &before, err);
    if (status != WEIR_OK) {
        return status == WEIR_NOT_FOUND ? WEIR_OK : status;
    }
    status = get_content(self, message->to, &at.content, err);
    if (status != WEIR_OK) {
        return status == WEIR_NOT_FOUND
                   ? weir_error_set(err, WEIR_CORRUPT, "a content has URLs and no row")
                   : status;
    }
    WEIR_TRY(weir_kv_remove(self->content_urls, weir_buf_bytes(&key), err));
    at.content.url_count--;
    bool is_gone = weir_bytes_equal(message->kind, WEIR_BYTES(DEDUP_GONE));
    WEIR_TRY(report_departure(self, &at,
                              is_gone ? WEIR_BYTES(DEDUP_DROP) : WEIR_BYTES(DEDUP_UNMEMBER),
                              message->url_hash, message->revision, err));
    if (at.content.url_count == 0) {
        WEIR_TRY(report_documents(self, &at, -1, err));
    }
    return put_content(self, &at, err);
}

/* Edges and labels. */

static weir_status send_label(weir_dedup_graph *self, const node *at, weir_bytes neighbour,
                              weir_error *err)
{
    return send(self,
                &(weir_dedup_message){.kind = WEIR_BYTES(DEDUP_LABEL),
                                      .to = neighbour,
                                      .from = at->message->to,
                                      .label = at->content.label,
                                      .sent_at_ms = at->message->sent_at_ms},
                err);
}

static weir_status take_edge(weir_dedup_graph *self, const weir_dedup_message *message,
                             weir_error *err)
{
    node at = {.message = message};
    WEIR_AUTO(weir_buf) key = {0};
    WEIR_AUTO(weir_buf) before = {0};
    weir_dedup_pair_key(&key, message->to, message->from);
    weir_status status = weir_kv_get(self->neighbours, weir_buf_bytes(&key), &before, err);
    if (status != WEIR_NOT_FOUND) {
        return status; /* Another band has told already. */
    }
    status = get_content(self, message->to, &at.content, err);
    if (status != WEIR_OK) {
        return status == WEIR_NOT_FOUND
                   ? weir_error_set(err, WEIR_BAD_RECORD, "an edge to an unknown content")
                   : status;
    }
    WEIR_TRY(weir_kv_put(self->neighbours, weir_buf_bytes(&key), WEIR_BYTES(""), err));
    return send_label(self, &at, message->from, err);
}

/* Calls visit for what follows "<content>\0" in the keys of kv. */
typedef weir_status (*visit_pair)(weir_dedup_graph *self, const node *at, weir_bytes right,
                                  weir_bytes value, weir_error *err);

static weir_status for_each_pair(weir_dedup_graph *self, const node *at, weir_kv *kv,
                                 visit_pair visit, weir_error *err)
{
    WEIR_AUTO(weir_buf) prefix = {0};
    weir_dedup_pair_key(&prefix, at->message->to, WEIR_BYTES(""));
    WEIR_AUTO_PTR(weir_kv_iterator) walk = NULL;
    WEIR_TRY(weir_kv_prefix(kv, weir_buf_bytes(&prefix), &walk, err));
    for (;;) {
        weir_bytes key;
        weir_bytes value;
        weir_status status = weir_kv_iterator_next(walk, &key, &value, err);
        if (status != WEIR_OK) {
            return status == WEIR_NOT_FOUND ? WEIR_OK : status;
        }
        WEIR_TRY(visit(self, at, weir_dedup_pair_right(key), value, err));
    }
}

static weir_status visit_url_leaving(weir_dedup_graph *self, const node *at, weir_bytes url_hash,
                                     weir_bytes value, weir_error *err)
{
    (void)value;
    return report_departure(self, at, WEIR_BYTES(DEDUP_UNMEMBER), url_hash, 0, err);
}

static weir_status visit_url_coming(weir_dedup_graph *self, const node *at, weir_bytes url_hash,
                                    weir_bytes value, weir_error *err)
{
    weir_dedup_member url;
    WEIR_TRY(weir_dedup_member_decode(self->services->codec, value,
                                      weir_context_arena(self->base.context), &url, err));
    return report_member(self, at, url_hash, &url, err);
}

static weir_status visit_neighbour(weir_dedup_graph *self, const node *at, weir_bytes neighbour,
                                   weir_bytes value, weir_error *err)
{
    (void)value;
    return send_label(self, at, neighbour, err);
}

/* The content belongs to another root now: its URLs move, and its neighbours hear of it. */
static weir_status relabel(weir_dedup_graph *self, node *at, weir_bytes label, weir_error *err)
{
    bool is_document = at->content.url_count > 0;
    WEIR_TRY(for_each_pair(self, at, self->content_urls, visit_url_leaving, err));
    WEIR_TRY(is_document ? report_documents(self, at, -1, err) : WEIR_OK);
    at->content.label = label;
    WEIR_TRY(decide_content(self, at, err));
    WEIR_TRY(is_document ? report_documents(self, at, 1, err) : WEIR_OK);
    WEIR_TRY(for_each_pair(self, at, self->content_urls, visit_url_coming, err));
    WEIR_TRY(put_content(self, at, err));
    return for_each_pair(self, at, self->neighbours, visit_neighbour, err);
}

static weir_status take_label(weir_dedup_graph *self, const weir_dedup_message *message,
                              weir_error *err)
{
    node at = {.message = message};
    weir_status status = get_content(self, message->to, &at.content, err);
    if (status == WEIR_NOT_FOUND || message->label.data == NULL) {
        return weir_error_set(err, WEIR_BAD_RECORD, "a label for an unknown content, or no label");
    }
    WEIR_TRY(status);
    if (weir_bytes_compare(message->label, at.content.label) >= 0) {
        return WEIR_OK;
    }
    return relabel(self, &at, message->label, err);
}

/* The processor. */

typedef struct handler {
    const char *kind;
    weir_status (*take)(weir_dedup_graph *self, const weir_dedup_message *message, weir_error *err);
} handler;

static weir_status process_message(weir_processor *processor, const weir_record *record,
                                   weir_error *err)
{
    static const handler handlers[] = {
        {DEDUP_JOIN, take_join},
        {DEDUP_LEAVE, take_leave},
        {DEDUP_GONE, take_leave},
        {DEDUP_EDGE, take_edge},
        {DEDUP_LABEL, take_label},
        {DEDUP_MEMBER, weir_dedup_take_member},
        {DEDUP_UNMEMBER, weir_dedup_take_unmember},
        {DEDUP_DROP, weir_dedup_take_unmember},
        {DEDUP_DOCUMENTS, weir_dedup_take_documents},
    };
    const weir_dedup_message *message = record->object;
    for (size_t i = 0; i < WEIR_COUNT_OF(handlers); i++) {
        if (weir_bytes_equal(message->kind, weir_bytes_of_text(handlers[i].kind))) {
            return handlers[i].take((weir_dedup_graph *)processor, message, err);
        }
    }
    return weir_error_set(err, WEIR_BAD_RECORD, "a dedup message of an unknown kind");
}

static weir_status init_graph(weir_processor *processor, weir_error *err)
{
    (void)err;
    weir_dedup_graph *self = (weir_dedup_graph *)processor;
    self->contents = weir_context_store(processor->context, WEIR_DEDUP_CONTENTS);
    self->content_urls = weir_context_store(processor->context, WEIR_DEDUP_CONTENT_URLS);
    self->neighbours = weir_context_store(processor->context, WEIR_DEDUP_NEIGHBOURS);
    self->clusters = weir_context_store(processor->context, WEIR_DEDUP_CLUSTERS);
    self->members = weir_context_store(processor->context, WEIR_DEDUP_MEMBERS);
    return WEIR_OK;
}

static void free_graph(weir_processor *processor)
{
    free(processor);
}

weir_processor *weir_dedup_graph_new(void *services)
{
    static const weir_processor_ops ops = {init_graph, process_message, free_graph};
    weir_dedup_graph *made = weir_alloc(sizeof *made);
    made->base.ops = &ops;
    made->services = services;
    return &made->base;
}
