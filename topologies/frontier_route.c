/* SPDX-License-Identifier: Apache-2.0
 *
 * frontier_route.c - the stateless half of the frontier: what fetch and extract say, brought to the
 * partition of the host that it concerns.
 *
 * The links of a page leave as one event for each host that they lead to, so that a page with 300
 * links costs a few records. A redirect is a discovery of the same depth as the URL that led there.
 */
#include "topologies/frontier_internal.h"
#include "topologies/url_canon.h"

#include "streams/base/map.h"

#include <stdlib.h>
#include <string.h>

enum { EVENT_URLS_MAX = 1000, PRIORITY_DEFAULT = 3, PRIORITY_REDIRECT = 2 };

typedef struct route {
    weir_processor base;
    const weir_stage_services *services;
} route;

static void free_route(weir_processor *processor)
{
    free(processor);
}

static weir_processor *new_route(const weir_processor_ops *ops, void *user)
{
    route *made = weir_alloc(sizeof *made);
    made->base.ops = ops;
    made->services = user;
    return &made->base;
}

static weir_status forward_event(route *self, const weir_frontier_event *event,
                                 int64_t timestamp_ms, weir_error *err)
{
    return weir_stage_forward(&self->base, self->services->codec,
                              &(weir_stage_output){.type = &weir_frontier_event_type,
                                                   .value = event,
                                                   .key = event->host_id,
                                                   .timestamp_ms = timestamp_ms},
                              err);
}

/* Outcomes. */

/* Whether a link from one host to another is followed. */
static bool is_in_scope(const route *self, weir_bytes from_host, weir_bytes to_host)
{
    switch (self->services->crawl.scope) {
    case WEIR_SCOPE_HOST:
        return weir_bytes_equal(from_host, to_host);
    case WEIR_SCOPE_DOMAIN:
        return weir_bytes_equal(weir_url_registrable_domain(from_host),
                                weir_url_registrable_domain(to_host));
    case WEIR_SCOPE_ANY:
        return true;
    }
    return false;
}

/* A redirect of a seed is followed wherever it leads: it is what was asked for. */
static weir_status forward_redirect(route *self, const weir_raw_fetch *fetch, int64_t timestamp_ms,
                                    weir_error *err)
{
    WEIR_AUTO(weir_url) url = {0};
    WEIR_AUTO(weir_buf) host = {0};
    WEIR_AUTO(weir_buf) text = {0};
    weir_error refused = {0};
    if (weir_url_canonicalise(fetch->redirect_url, NULL, &url, &refused) != WEIR_OK ||
        weir_url_check_path(&url, &refused) != WEIR_OK) {
        return WEIR_OK; /* Fetch has told the target in its outcome; there is nothing to visit. */
    }
    weir_url_host_id(&url, &host);
    weir_url_append_resource(&url, &text);
    if (fetch->depth > 0 && !is_in_scope(self, fetch->host_id, weir_buf_bytes(&host))) {
        return WEIR_OK;
    }
    weir_bytes target = weir_buf_bytes(&text);
    return forward_event(self,
                         &(weir_frontier_event){.kind = WEIR_BYTES(FRONTIER_LINKS),
                                                .host_id = weir_buf_bytes(&host),
                                                .urls = {&target, 1},
                                                .depth = fetch->depth,
                                                .priority = PRIORITY_REDIRECT,
                                                .redirect_count = fetch->redirect_count + 1,
                                                .job_id = fetch->job_id,
                                                .source_url_hash = fetch->url_hash,
                                                .source_host_id = fetch->host_id},
                         timestamp_ms, err);
}

static weir_status process_outcome(weir_processor *processor, const weir_record *record,
                                   weir_error *err)
{
    route *self = (route *)processor;
    const weir_raw_fetch *fetch = record->object;
    WEIR_TRY(forward_event(self,
                           &(weir_frontier_event){.kind = WEIR_BYTES(FRONTIER_OUTCOME),
                                                  .host_id = fetch->host_id,
                                                  .depth = fetch->depth,
                                                  .priority = fetch->priority,
                                                  .redirect_count = fetch->redirect_count,
                                                  .job_id = fetch->job_id,
                                                  .url = fetch->url,
                                                  .url_hash = fetch->url_hash,
                                                  .outcome = fetch->outcome,
                                                  .http_status = fetch->http_status,
                                                  .attempt = fetch->attempt,
                                                  .retry_after_ms = fetch->retry_after_ms,
                                                  .crawl_delay_ms = fetch->crawl_delay_ms,
                                                  .duration_ms = fetch->duration_ms,
                                                  .fetched_at_ms = fetch->fetched_at_ms,
                                                  .etag = fetch->etag,
                                                  .last_modified = fetch->last_modified},
                           record->timestamp_ms, err));
    if (fetch->redirect_url.data == NULL || fetch->redirect_count >= WEIR_FRONTIER_REDIRECTS_MAX) {
        return WEIR_OK;
    }
    return forward_redirect(self, fetch, record->timestamp_ms, err);
}

weir_processor *weir_frontier_outcomes_new(void *user)
{
    static const weir_processor_ops ops = {NULL, process_outcome, free_route};
    return new_route(&ops, user);
}

/* Links. */

/* The links of one page that lead to one host. */
typedef struct host_links {
    weir_buf host_id;
    weir_bytes *urls; /* In the arena of the record. */
    size_t count;
    size_t capacity;
} host_links;

static void free_links_by_host(weir_map *by_host)
{
    size_t position = 0;
    void *value;
    while (weir_map_next(by_host, &position, NULL, &value)) {
        host_links *links = value;
        weir_buf_cleanup(&links->host_id);
        free(links->urls);
        free(links);
    }
    weir_map_free(by_host);
}

static host_links *links_of_host(weir_map *by_host, weir_bytes host_id)
{
    host_links *links = weir_map_get(by_host, host_id);
    if (links == NULL) {
        links = weir_alloc(sizeof *links);
        weir_buf_set(&links->host_id, host_id);
        weir_map_put(by_host, host_id, links);
    }
    return links;
}

/* Sorts one link to its host; a link that is no URL to crawl is passed over, for pages are full of
 * them. False when the arena is full. */
static bool add_link(route *self, const weir_page *page, weir_bytes target, weir_map *by_host)
{
    WEIR_AUTO(weir_url) url = {0};
    WEIR_AUTO(weir_buf) host = {0};
    WEIR_AUTO(weir_buf) text = {0};
    weir_error refused = {0};
    if (weir_url_canonicalise(target, NULL, &url, &refused) != WEIR_OK ||
        weir_url_check_path(&url, &refused) != WEIR_OK) {
        return true;
    }
    weir_url_host_id(&url, &host);
    if (!is_in_scope(self, page->host_id, weir_buf_bytes(&host))) {
        return true;
    }
    weir_url_append_resource(&url, &text);
    host_links *links = links_of_host(by_host, weir_buf_bytes(&host));
    links->urls = weir_grow(links->urls, links->count, &links->capacity, sizeof *links->urls);
    weir_bytes copy =
        weir_arena_copy(weir_context_arena(self->base.context), weir_buf_bytes(&text));
    if (copy.data == NULL) {
        return false;
    }
    links->urls[links->count++] = copy;
    return true;
}

static weir_status forward_host_links(route *self, const weir_page *page, const host_links *links,
                                      int64_t timestamp_ms, weir_error *err)
{
    for (size_t done = 0; done < links->count; done += EVENT_URLS_MAX) {
        size_t left = links->count - done;
        weir_texts urls = {links->urls + done, left < EVENT_URLS_MAX ? left : EVENT_URLS_MAX};
        WEIR_TRY(forward_event(self,
                               &(weir_frontier_event){.kind = WEIR_BYTES(FRONTIER_LINKS),
                                                      .host_id = weir_buf_bytes(&links->host_id),
                                                      .urls = urls,
                                                      .depth = page->depth + 1,
                                                      .priority = PRIORITY_DEFAULT,
                                                      .job_id = page->job_id,
                                                      .source_url_hash = page->url_hash,
                                                      .source_host_id = page->host_id},
                               timestamp_ms, err));
    }
    return WEIR_OK;
}

static weir_status forward_all_links(route *self, const weir_page *page, const weir_map *by_host,
                                     int64_t timestamp_ms, weir_error *err)
{
    size_t position = 0;
    void *links;
    while (weir_map_next(by_host, &position, NULL, &links)) {
        WEIR_TRY(forward_host_links(self, page, links, timestamp_ms, err));
    }
    return WEIR_OK;
}

static weir_status process_page(weir_processor *processor, const weir_record *record,
                                weir_error *err)
{
    route *self = (route *)processor;
    const weir_page *page = record->object;
    if (page->nofollow || page->depth >= self->services->crawl.depth_max) {
        return WEIR_OK;
    }
    weir_map *by_host = weir_map_new();
    bool fits = true;
    for (size_t i = 0; fits && i < page->links.count; i++) {
        fits = add_link(self, page, page->links.items[i].url, by_host);
    }
    weir_status status = fits ? forward_all_links(self, page, by_host, record->timestamp_ms, err)
                              : weir_error_set(err, WEIR_BAD_RECORD,
                                               "%zu links do not fit the arena", page->links.count);
    free_links_by_host(by_host);
    return status;
}

weir_processor *weir_frontier_links_new(void *user)
{
    static const weir_processor_ops ops = {NULL, process_page, free_route};
    return new_route(&ops, user);
}
