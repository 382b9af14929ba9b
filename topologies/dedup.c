/* SPDX-License-Identifier: Apache-2.0
 *
 * dedup.c - the topology of dedup, and its two simple ends: which content a URL carries, and who
 * was first in a band.
 *
 * dedup reads quality.page_scored.v1, not extract.page.v1: the URL that is kept of a cluster should
 * be one that quality accepts (docs/decisions/0030).
 */
#include "topologies/dedup_internal.h"
#include "topologies/topic_map.h"

#include <stdlib.h>

/* Repartition topics, by their short names. */
#define MESSAGES "dedup-messages"
#define BANDS "dedup-bands-by-key"

/* A processor with one store. */
typedef struct stage {
    weir_processor base;
    weir_stage_services *services;
    const char *store_name;
    weir_kv *kv;
} stage;

weir_status weir_dedup_send(weir_processor *processor, weir_stage_services *services,
                            const weir_dedup_message *message, weir_error *err)
{
    return weir_stage_forward(processor, services->codec,
                              &(weir_stage_output){.child = DEDUP_MESSAGES_OUT,
                                                   .type = &weir_dedup_message_type,
                                                   .value = message,
                                                   .key = message->to,
                                                   .timestamp_ms = message->sent_at_ms},
                              err);
}

/* Urls: which content a URL carries. */

static weir_status send_leave(stage *self, const weir_page_scored *page,
                              const weir_dedup_url *before, const weir_dedup_url *now,
                              weir_error *err)
{
    bool is_gone = now->content_hash.data == NULL;
    return weir_dedup_send(
        &self->base, self->services,
        &(weir_dedup_message){.kind = is_gone ? WEIR_BYTES(DEDUP_GONE) : WEIR_BYTES(DEDUP_LEAVE),
                              .to = before->content_hash,
                              .url_hash = page->url_hash,
                              .revision = now->revision,
                              .sent_at_ms = page->fetched_at_ms},
        err);
}

static weir_status send_join(stage *self, const weir_page_scored *page, const weir_dedup_url *now,
                             weir_error *err)
{
    return weir_dedup_send(&self->base, self->services,
                           &(weir_dedup_message){.kind = WEIR_BYTES(DEDUP_JOIN),
                                                 .to = now->content_hash,
                                                 .url_hash = page->url_hash,
                                                 .url = page->url,
                                                 .revision = now->revision,
                                                 .accepted = page->accepted,
                                                 .score = page->score,
                                                 .text_ref = page->text_ref,
                                                 .sent_at_ms = page->fetched_at_ms},
                           err);
}

static bool is_same_rank(const weir_dedup_url *a, const weir_dedup_url *b)
{
    return a->accepted == b->accepted && !(a->score < b->score) && !(a->score > b->score);
}

static weir_status process_page(weir_processor *processor, const weir_record *record,
                                weir_error *err)
{
    stage *self = (stage *)processor;
    const weir_page_scored *page = record->object;
    const weir_avro_binding *binding = weir_stage_binding(self->services, &weir_dedup_url_type);
    weir_dedup_url before = {0};
    weir_status status =
        weir_stage_get(processor->context, self->kv, binding, page->url_hash, &before, err);
    if (status != WEIR_OK && status != WEIR_NOT_FOUND) {
        return status;
    }
    weir_dedup_url now = {.content_hash = page->content_hash,
                          .revision = before.revision,
                          .accepted = page->accepted,
                          .score = page->score};
    bool is_same = weir_bytes_equal(before.content_hash, now.content_hash);
    if (is_same && (now.content_hash.data == NULL || is_same_rank(&before, &now))) {
        return WEIR_OK;
    }
    now.revision += is_same ? 0 : 1;
    WEIR_TRY(weir_stage_put(self->kv, binding, page->url_hash, &now, err));
    if (!is_same && before.content_hash.data != NULL) {
        WEIR_TRY(send_leave(self, page, &before, &now, err));
    }
    return now.content_hash.data == NULL ? WEIR_OK : send_join(self, page, &now, err);
}

/* Bands: who was first in a band. */

static weir_status send_edge(stage *self, const weir_dedup_message *band, weir_bytes to,
                             weir_bytes from, weir_error *err)
{
    return weir_dedup_send(
        &self->base, self->services,
        &(weir_dedup_message){
            .kind = WEIR_BYTES(DEDUP_EDGE), .to = to, .from = from, .sent_at_ms = band->sent_at_ms},
        err);
}

/* The first content of a band represents it: every later one becomes its neighbour. Whoever is
 * first, the same contents are connected. */
static weir_status process_band(weir_processor *processor, const weir_record *record,
                                weir_error *err)
{
    stage *self = (stage *)processor;
    const weir_dedup_message *band = record->object;
    if (band->from.data == NULL) {
        return weir_error_set(err, WEIR_BAD_RECORD, "a band without its content");
    }
    WEIR_AUTO(weir_buf) first = {0};
    weir_status status = weir_kv_get(self->kv, band->to, &first, err);
    if (status == WEIR_NOT_FOUND) {
        return weir_kv_put(self->kv, band->to, band->from, err);
    }
    WEIR_TRY(status);
    if (weir_bytes_equal(weir_buf_bytes(&first), band->from)) {
        return WEIR_OK;
    }
    WEIR_TRY(send_edge(self, band, weir_buf_bytes(&first), band->from, err));
    return send_edge(self, band, band->from, weir_buf_bytes(&first), err);
}

/* Processors and topology. */

static weir_status init_stage(weir_processor *processor, weir_error *err)
{
    (void)err;
    stage *self = (stage *)processor;
    self->kv = weir_context_store(processor->context, self->store_name);
    return WEIR_OK;
}

static void free_stage(weir_processor *processor)
{
    free(processor);
}

static weir_processor *new_stage(const weir_processor_ops *ops, const char *store_name,
                                 void *services)
{
    stage *made = weir_alloc(sizeof *made);
    made->base.ops = ops;
    made->services = services;
    made->store_name = store_name;
    return &made->base;
}

weir_processor *weir_dedup_urls_new(void *services)
{
    static const weir_processor_ops ops = {init_stage, process_page, free_stage};
    return new_stage(&ops, WEIR_DEDUP_URLS, services);
}

weir_processor *weir_dedup_bands_new(void *services)
{
    static const weir_processor_ops ops = {init_stage, process_band, free_stage};
    return new_stage(&ops, WEIR_DEDUP_BANDS, services);
}

static void add_graph(weir_topology *topology, weir_stage_services *services, const char *messages,
                      const char *bands)
{
    static const char *const stores[] = {WEIR_DEDUP_CONTENTS, WEIR_DEDUP_CONTENT_URLS,
                                         WEIR_DEDUP_NEIGHBOURS, WEIR_DEDUP_CLUSTERS,
                                         WEIR_DEDUP_MEMBERS};
    weir_topology_add_source(
        topology, "messages",
        &(weir_source_options){.topic = messages,
                               .serde = weir_stage_serde(services, &weir_dedup_message_type)});
    weir_topology_add_processor(topology, "graph",
                                &(weir_processor_options){weir_dedup_graph_new, services},
                                "messages", NULL);
    for (size_t i = 0; i < WEIR_COUNT_OF(stores); i++) {
        weir_topology_add_store(topology, &(weir_store_options){.name = stores[i]}, "graph", NULL);
    }
    weir_topology_add_sink(topology, DEDUP_BANDS_OUT, &(weir_sink_options){.topic = bands}, "graph",
                           NULL);
    weir_topology_add_sink(topology, DEDUP_DECISIONS_OUT,
                           &(weir_sink_options){.topic = weir_topic_name(WEIR_TOPIC_TEXT_DECISION)},
                           "graph", NULL);
}

static void add_bands(weir_topology *topology, weir_stage_services *services, const char *bands)
{
    weir_topology_add_source(
        topology, "band",
        &(weir_source_options){.topic = bands,
                               .serde = weir_stage_serde(services, &weir_dedup_message_type)});
    weir_topology_add_processor(
        topology, "bands", &(weir_processor_options){weir_dedup_bands_new, services}, "band", NULL);
    weir_topology_add_store(topology, &(weir_store_options){.name = WEIR_DEDUP_BANDS}, "bands",
                            NULL);
}

weir_status weir_dedup_topology(weir_stage_services *services, weir_topology **out_topology,
                                weir_error *err)
{
    WEIR_ASSERT(services->codec != NULL);

    WEIR_AUTO_PTR(weir_topology) topology = weir_topology_new();
    weir_stage_add_objects(topology, services);
    int32_t partition_count = services->profile->event_partitions;
    const char *messages = weir_topology_repartition(topology, MESSAGES, partition_count);
    const char *bands = weir_topology_repartition(topology, BANDS, partition_count);
    weir_topology_add_source(
        topology, "page-scored",
        &(weir_source_options){.topic = weir_topic_name(WEIR_TOPIC_PAGE_SCORED),
                               .serde = weir_stage_serde(services, &weir_page_scored_type)});
    weir_topology_add_processor(topology, "urls",
                                &(weir_processor_options){weir_dedup_urls_new, services},
                                "page-scored", NULL);
    weir_topology_add_store(topology, &(weir_store_options){.name = WEIR_DEDUP_URLS}, "urls", NULL);
    add_graph(topology, services, messages, bands);
    add_bands(topology, services, bands);
    weir_topology_add_sink(topology, DEDUP_MESSAGES_OUT, &(weir_sink_options){.topic = messages},
                           "urls", "graph", "bands", NULL);
    WEIR_TRY(weir_topology_build(topology, err));
    *out_topology = weir_take(&topology);
    return WEIR_OK;
}
