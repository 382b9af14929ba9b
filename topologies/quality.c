/* SPDX-License-Identifier: Apache-2.0
 *
 * quality.c - the topology of quality: a page's text under the rules of quality_rules.c.
 *
 * A page that asks not to be indexed is not accepted, whatever its text.
 */
#include "topologies/quality.h"

#include "avro/records.h"
#include "topologies/quality_rules.h"
#include "topologies/topic_map.h"

#include <stdlib.h>

enum { TEXT_BYTES_MAX = 8 << 20, REASONS_MAX = WEIR_QUALITY_RULES_MAX + 1 };

typedef struct quality {
    weir_processor base;
    weir_stage_services *services;
    const weir_rule_set *rules;
    weir_buf text; /* Reused from page to page. */
} quality;

/* What is said of a page, before it is a record. */
typedef struct judgement {
    bool accepted;
    double score;
    weir_bytes reasons[REASONS_MAX];
    size_t reason_count;
} judgement;

static void reject(judgement *of, weir_bytes reason)
{
    WEIR_ASSERT(of->reason_count < REASONS_MAX);

    of->accepted = false;
    of->reasons[of->reason_count++] = reason;
}

static weir_status judge_text(quality *self, const weir_page *page, judgement *out, weir_error *err)
{
    WEIR_TRY(weir_stage_read_object(self->base.context, page->text_ref, TEXT_BYTES_MAX, &self->text,
                                    err));
    WEIR_AUTO_FREE char *language = weir_bytes_to_text(page->language);
    weir_quality found =
        weir_quality_of(&(weir_quality_input){.text = weir_buf_bytes(&self->text),
                                              .language = language,
                                              .language_confidence = page->language_confidence},
                        self->rules);
    out->accepted = found.accepted;
    out->score = found.score;
    for (size_t i = 0; i < found.reason_count; i++) {
        reject(out, weir_bytes_of_text(found.reasons[i]));
    }
    return WEIR_OK;
}

static weir_status process_page(weir_processor *processor, const weir_record *record,
                                weir_error *err)
{
    quality *self = (quality *)processor;
    const weir_page *page = record->object;
    judgement verdict = {0};
    WEIR_AUTO(weir_buf) without_text = {0};
    if (page->text_ref.data != NULL) {
        WEIR_TRY(judge_text(self, page, &verdict, err));
    } else {
        weir_buf_append_text(&without_text, "extract:");
        weir_buf_append(&without_text, page->outcome.data, page->outcome.size);
        reject(&verdict, weir_buf_bytes(&without_text));
    }
    if (page->noindex) {
        reject(&verdict, WEIR_BYTES("noindex"));
    }
    weir_page_scored scored = {.url = page->url,
                               .url_hash = page->url_hash,
                               .host_id = page->host_id,
                               .content_hash = page->content_hash,
                               .text_ref = page->text_ref,
                               .language = page->language,
                               .accepted = verdict.accepted,
                               .score = verdict.score,
                               .reasons = {verdict.reasons, verdict.reason_count},
                               .rule_set = weir_bytes_of_text(self->rules->name),
                               .title = page->title,
                               .word_count = page->word_count,
                               .fetched_at_ms = page->fetched_at_ms};
    return weir_stage_forward(processor, self->services->codec,
                              &(weir_stage_output){.type = &weir_page_scored_type,
                                                   .value = &scored,
                                                   .key = page->url_hash,
                                                   .timestamp_ms = record->timestamp_ms},
                              err);
}

static void free_quality(weir_processor *processor)
{
    quality *self = (quality *)processor;
    weir_buf_cleanup(&self->text);
    free(self);
}

static weir_processor *new_quality(void *services)
{
    static const weir_processor_ops ops = {NULL, process_page, free_quality};
    quality *made = weir_alloc(sizeof *made);
    made->base.ops = &ops;
    made->services = services;
    made->rules = made->services->rules;
    return &made->base;
}

weir_status weir_quality_topology(weir_stage_services *services, weir_topology **out_topology,
                                  weir_error *err)
{
    WEIR_ASSERT(services->codec != NULL);
    WEIR_ASSERT(services->rules != NULL);

    WEIR_AUTO_PTR(weir_topology) topology = weir_topology_new();
    weir_stage_add_objects(topology, services);
    weir_topology_add_source(
        topology, "page",
        &(weir_source_options){.topic = weir_topic_name(WEIR_TOPIC_PAGE),
                               .serde = weir_stage_serde(services, &weir_page_type)});
    weir_topology_add_processor(topology, "quality",
                                &(weir_processor_options){new_quality, services}, "page", NULL);
    weir_topology_add_sink(topology, "page-scored",
                           &(weir_sink_options){.topic = weir_topic_name(WEIR_TOPIC_PAGE_SCORED)},
                           "quality", NULL);
    WEIR_TRY(weir_topology_build(topology, err));
    *out_topology = weir_take(&topology);
    return WEIR_OK;
}
