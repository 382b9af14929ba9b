/* SPDX-License-Identifier: Apache-2.0
 *
 * extract.c - the topology of extract: reads a body, has extract_page.c look at it, stores the text
 * under its hash, and tells the rest as a Page.
 *
 * The text is stored before the Page is sent, so whoever reads a text_ref finds the object. Its
 * name is made of its content: writing it again after a crash changes nothing.
 */
#include "topologies/extract.h"

#include "avro/records.h"
#include "connectors/object_store.h"
#include "streams/base/clock.h"
#include "topologies/extract_page.h"
#include "topologies/topic_map.h"

#include <stdlib.h>
#include <string.h>

typedef struct extract {
    weir_processor base;
    weir_stage_services *services;
    weir_extractor *extractor;
    weir_buf body; /* Reused from page to page. */
} extract;

static weir_bytes header_of(const weir_raw_fetch *fetch, const char *name)
{
    for (size_t i = 0; i < fetch->headers.count; i++) {
        if (weir_bytes_equal(fetch->headers.items[i].name, weir_bytes_of_text(name))) {
            return fetch->headers.items[i].value;
        }
    }
    return WEIR_BYTES_NULL;
}

/* From what the extractor found to the record. */

static weir_status no_room(weir_error *err)
{
    return weir_error_set(err, WEIR_BAD_RECORD, "the page does not fit the arena");
}

static weir_status copy_links(weir_arena *arena, const weir_extract_links *found,
                              weir_links *out_links, weir_error *err)
{
    weir_link *items = weir_arena_alloc(arena, found->count * sizeof *items);
    if (items == NULL) {
        return no_room(err);
    }
    for (size_t i = 0; i < found->count; i++) {
        items[i] = (weir_link){found->rows[i].url, found->rows[i].rel, found->rows[i].text};
    }
    *out_links = (weir_links){items, found->count};
    return WEIR_OK;
}

static weir_status copy_images(weir_arena *arena, const weir_extract_links *found,
                               weir_images *out_images, weir_error *err)
{
    weir_image *items = weir_arena_alloc(arena, found->count * sizeof *items);
    if (items == NULL) {
        return no_room(err);
    }
    for (size_t i = 0; i < found->count; i++) {
        items[i] = (weir_image){found->rows[i].url, found->rows[i].text};
    }
    *out_images = (weir_images){items, found->count};
    return WEIR_OK;
}

static weir_status copy_metadata(weir_arena *arena, const weir_extract_page *found,
                                 weir_pairs *out_pairs, weir_error *err)
{
    weir_pair *items = weir_arena_alloc(arena, WEIR_METADATA_COUNT * sizeof *items);
    if (items == NULL) {
        return no_room(err);
    }
    size_t count = 0;
    for (weir_metadata_field field = 0; field < WEIR_METADATA_COUNT; field++) {
        if (found->metadata[field].data != NULL) {
            items[count++] =
                (weir_pair){weir_bytes_of_text(weir_metadata_name(field)), found->metadata[field]};
        }
    }
    *out_pairs = (weir_pairs){items, count};
    return WEIR_OK;
}

static weir_status page_of(weir_arena *arena, const weir_raw_fetch *fetch,
                           const weir_extract_page *found, weir_page *out_page, weir_error *err)
{
    *out_page = (weir_page){
        .url = fetch->url,
        .url_hash = fetch->url_hash,
        .host_id = fetch->host_id,
        .depth = fetch->depth,
        .outcome = weir_bytes_of_text(found->outcome),
        .reason = weir_bytes_of_text(found->reason),
        .title = found->title,
        .language = weir_bytes_of_text(found->language.code),
        .language_confidence = found->language.confidence,
        .canonical_url = found->canonical_url,
        .text_bytes = (int64_t)found->text.size,
        .word_count = (int64_t)found->word_count,
        .noindex = found->noindex,
        .nofollow = found->nofollow,
        .charset = weir_bytes_of_text(found->charset),
        .published_at_ms = found->published_at_ms,
        .fetched_at_ms = fetch->fetched_at_ms,
        .job_id = fetch->job_id,
    };
    WEIR_TRY(copy_links(arena, &found->links, &out_page->links, err));
    WEIR_TRY(copy_images(arena, &found->images, &out_page->images, err));
    return copy_metadata(arena, found, &out_page->metadata, err);
}

/* The processor. */

/* Stores the text and names it in the page; nothing where there is none. */
static weir_status store_text(extract *self, const weir_extract_page *found, weir_page *page,
                              weir_error *err)
{
    if (found->content_hash[0] == '\0') {
        return WEIR_OK;
    }
    WEIR_AUTO(weir_buf) key = {0};
    weir_object_key("extracted", found->content_hash, &key);
    WEIR_TRY(weir_object_put(weir_stage_objects(self->base.context), weir_buf_text(&key),
                             found->text, err));
    page->content_hash = weir_bytes_of_text(found->content_hash);
    page->text_ref = weir_arena_copy(weir_context_arena(self->base.context), weir_buf_bytes(&key));
    return page->text_ref.data == NULL ? no_room(err) : WEIR_OK;
}

static weir_cpu_budget page_budget(const weir_stage_services *services)
{
    if (services->cpu_now_ns == NULL) {
        return (weir_cpu_budget){0};
    }
    uint64_t allowed_ns = (uint64_t)services->crawl.page_cpu_ms_max * WEIR_NS_PER_MS;
    return (weir_cpu_budget){services->cpu_now_ns, services->cpu_now_ns() + allowed_ns};
}

static weir_status process_fetch(weir_processor *processor, const weir_record *record,
                                 weir_error *err)
{
    extract *self = (extract *)processor;
    const weir_raw_fetch *fetch = record->object;
    if (fetch->body_ref.data == NULL) {
        return WEIR_OK;
    }
    WEIR_TRY(weir_stage_read_object(self->base.context, fetch->body_ref,
                                    (size_t)self->services->crawl.body_bytes_max, &self->body,
                                    err));
    const weir_extract_page *found = weir_extract_page_of(
        self->extractor, &(weir_extract_input){.url = fetch->url,
                                               .body = weir_buf_bytes(&self->body),
                                               .content_type = fetch->content_type,
                                               .robots_tag = header_of(fetch, "x-robots-tag"),
                                               .budget = page_budget(self->services)});
    weir_page page;
    WEIR_TRY(page_of(weir_context_arena(processor->context), fetch, found, &page, err));
    WEIR_TRY(store_text(self, found, &page, err));
    return weir_stage_forward(processor, self->services->codec,
                              &(weir_stage_output){.type = &weir_page_type,
                                                   .value = &page,
                                                   .key = fetch->url_hash,
                                                   .timestamp_ms = record->timestamp_ms},
                              err);
}

static void free_extract(weir_processor *processor)
{
    extract *self = (extract *)processor;
    weir_extractor_free(self->extractor);
    weir_buf_cleanup(&self->body);
    free(self);
}

static weir_processor *new_extract(void *services)
{
    static const weir_processor_ops ops = {NULL, process_fetch, free_extract};
    extract *made = weir_alloc(sizeof *made);
    made->base.ops = &ops;
    made->services = services;
    made->extractor = weir_extractor_new();
    return &made->base;
}

weir_status weir_extract_topology(weir_stage_services *services, weir_topology **out_topology,
                                  weir_error *err)
{
    WEIR_ASSERT(services->codec != NULL);

    WEIR_AUTO_PTR(weir_topology) topology = weir_topology_new();
    weir_stage_add_objects(topology, services);
    weir_topology_add_source(
        topology, "raw-fetch",
        &(weir_source_options){.topic = weir_topic_name(WEIR_TOPIC_RAW_FETCH),
                               .serde = weir_stage_serde(services, &weir_raw_fetch_type)});
    weir_topology_add_processor(
        topology, "extract", &(weir_processor_options){new_extract, services}, "raw-fetch", NULL);
    weir_topology_add_sink(topology, "page",
                           &(weir_sink_options){.topic = weir_topic_name(WEIR_TOPIC_PAGE)},
                           "extract", NULL);
    WEIR_TRY(weir_topology_build(topology, err));
    *out_topology = weir_take(&topology);
    return WEIR_OK;
}
