/* SPDX-License-Identifier: Apache-2.0
 *
 * fetch.c - the processor of fetch, which drives one queue a host.
 *
 *   task ─▶ defer ─▶ queue of its host ─▶ robots.txt? ─▶ request ─▶ body stored ─▶ RawFetch
 *                         ▲                                            │
 *                         └──────────── next task of the host ◀────────┘
 *
 * A host starts its next request when the last has ended and its delay has passed; those that wait
 * for time are looked at by a punctuation. The body is stored before the RawFetch is forwarded, so
 * whoever reads a body_ref finds the object. After a crash the tasks that had not ended come again,
 * and only they.
 */
#include "topologies/fetch_internal.h"

#include "connectors/object_store.h"
#include "streams/base/clock.h"
#include "streams/base/hash.h"
#include "topologies/url_canon.h"

#include <stdlib.h>

enum { PACE_INTERVAL_MS = 20, URL_BYTES_MAX = WEIR_HTTP_URL_BYTES_MAX };

typedef struct fetch {
    weir_processor base;
    weir_stage_services *services;
    weir_http *http;
    weir_kv *robots_store;
    weir_map *hosts;      /* host_id -> fetch_host */
    fetch_host **waiting; /* Hosts with tasks that wait for time. */
    size_t waiting_count;
    size_t waiting_capacity;
} fetch;

/* A request for robots.txt on behalf of the job that needs it. */
typedef struct robots_request {
    fetch *self;
    fetch_job *job;
    bool https;
    int redirects;
} robots_request;

/* A request of a job. */
typedef struct job_request {
    fetch *self;
    fetch_job *job;
} job_request;

static void start_next(fetch *self, fetch_host *host);

/* The end of a job. */

/* What complete() needs of a job that has ended. */
typedef struct ending {
    fetch *self;
    fetch_host *host;
    bool https;
    weir_raw_fetch *fetch;
    weir_status status; /* Other than WEIR_OK: what failed on our side, with the reason. */
    const char *reason;
} ending;

static weir_status store_robots(fetch *self, fetch_host *host, bool https, weir_error *err)
{
    fetch_robots *robots = &host->robots[https];
    if (!robots->is_unstored) {
        return WEIR_OK;
    }
    WEIR_AUTO(weir_buf) key = {0};
    weir_buf_append_format(&key, "%s:", https ? "https" : "http");
    weir_buf_append(&key, host->id.data, host->id.size);
    weir_fetch_robots stored = weir_fetch_robots_to_store(robots);
    WEIR_TRY(weir_stage_put(self->robots_store,
                            weir_stage_binding(self->services, &weir_fetch_robots_type),
                            weir_buf_bytes(&key), &stored, err));
    robots->is_unstored = false;
    return WEIR_OK;
}

static weir_status complete(weir_processor *processor, const weir_record *record, void *result,
                            weir_error *err)
{
    const ending *end = result;
    if (end->status != WEIR_OK) {
        return weir_error_set(err, end->status, "%s", end->reason);
    }
    weir_raw_fetch *fetched = end->fetch;
    fetched->fetched_at_ms = weir_context_now_ms(processor->context);
    WEIR_TRY(store_robots(end->self, end->host, end->https, err));
    return weir_stage_forward(processor, end->self->services->codec,
                              &(weir_stage_output){.type = &weir_raw_fetch_type,
                                                   .value = fetched,
                                                   .key = fetched->url_hash,
                                                   .timestamp_ms = record->timestamp_ms},
                              err);
}

static bool is_https(const fetch_job *job)
{
    return weir_bytes_starts_with(job->task.url, WEIR_BYTES("https:"));
}

/* Tells the outcome and ends the job. */
static void end_job(fetch *self, fetch_job *job, weir_raw_fetch *outcome)
{
    ending end = {.self = self, .host = job->host, .https = is_https(job), .fetch = outcome};
    weir_async_end(job->async, complete, &end);
    free(job);
}

/* Ends the job with a failure of ours: the runtime decides what becomes of the task. */
static void fail_job(fetch *self, fetch_job *job, weir_status status, const char *reason)
{
    ending end = {.self = self, .host = job->host, .status = status, .reason = reason};
    weir_async_end(job->async, complete, &end);
    free(job);
}

static void end_without_request(fetch *self, fetch_job *job, const char *outcome, weir_bytes reason)
{
    weir_raw_fetch fetched = weir_fetch_outcome_without_request(job, outcome, reason);
    end_job(self, job, &fetched);
}

/* Bodies. */

/* Stores the body of a fetched page under its hash and names it in *fetched. */
static weir_status store_body(fetch *self, const weir_http_result *result, weir_arena *arena,
                              weir_raw_fetch *fetched, weir_error *err)
{
    uint8_t digest[WEIR_SHA256_BYTES];
    char hex[2 * WEIR_SHA256_BYTES + 1];
    weir_sha256(result->body, digest);
    weir_hex(digest, sizeof digest, hex);
    WEIR_AUTO(weir_buf) key = {0};
    weir_object_key("raw", hex, &key);
    WEIR_TRY(weir_object_put(weir_stage_objects(self->base.context), weir_buf_text(&key),
                             result->body, err));
    fetched->body_ref = weir_arena_copy(arena, weir_buf_bytes(&key));
    fetched->body_sha256 = weir_arena_copy(arena, weir_bytes_of_text(hex));
    fetched->body_bytes = (int64_t)result->body.size;
    return fetched->body_sha256.data == NULL
               ? weir_error_set(err, WEIR_BAD_RECORD, "the outcome does not fit the arena")
               : WEIR_OK;
}

static bool is_host_failure(const weir_http_result *result)
{
    return result->status / 100 == 5 ||
           (result->status == 0 && result->outcome != WEIR_HTTP_PRIVATE_ADDRESS &&
            result->outcome != WEIR_HTTP_UNSUPPORTED_SCHEME);
}

static void note_end_of_request(fetch *self, fetch_host *host, const weir_http_result *result)
{
    weir_fetch_host_ended(host, weir_context_now_ms(self->base.context),
                          (int64_t)(result->duration_ns / WEIR_NS_PER_MS), is_host_failure(result));
}

/* The answer to a task's own request. */
static void on_answer(void *user, const weir_http_result *result)
{
    job_request request = *(job_request *)user;
    free(user);
    fetch *self = request.self;
    fetch_job *job = request.job;
    fetch_host *host = job->host;
    note_end_of_request(self, host, result);
    weir_arena *arena = weir_context_arena(self->base.context);
    weir_raw_fetch fetched;
    weir_error err = {0};
    weir_status status = weir_fetch_outcome_of_result(job, result, arena, &fetched, &err);
    if (status == WEIR_OK && result->outcome == WEIR_HTTP_FETCHED) {
        status = store_body(self, result, arena, &fetched, &err);
    }
    if (status == WEIR_OK) {
        end_job(self, job, &fetched);
    } else {
        fail_job(self, job, status, err.message);
    }
    start_next(self, host);
}

/* Requests. */

static void note_start_of_request(fetch_job *job, void *request, uint64_t id)
{
    job->host->is_busy = true;
    job->host->request_id = id;
    job->host->request = request;
    job->host->running = job;
}

static void start_task(fetch *self, fetch_job *job)
{
    WEIR_AUTO_FREE char *url = weir_bytes_to_text(job->task.url);
    weir_http_header headers[2];
    size_t header_count = 0;
    if (job->task.etag.size > 0) {
        headers[header_count++] = (weir_http_header){WEIR_BYTES("If-None-Match"), job->task.etag};
    }
    if (job->task.last_modified.size > 0) {
        headers[header_count++] =
            (weir_http_header){WEIR_BYTES("If-Modified-Since"), job->task.last_modified};
    }
    job_request *request = weir_alloc(sizeof *request);
    *request = (job_request){self, job};
    weir_error err = {0};
    uint64_t id = 0;
    weir_status status = weir_http_start(
        self->http,
        &(weir_http_request){.url = url,
                             .headers = headers,
                             .header_count = header_count,
                             .timeout_ms = (uint64_t)self->services->crawl.request_timeout_ms,
                             .body_bytes_max = (size_t)self->services->crawl.body_bytes_max,
                             .done = on_answer,
                             .user = request},
        &id, &err);
    if (status == WEIR_OK) {
        note_start_of_request(job, request, id);
        return;
    }
    free(request);
    end_without_request(self, job, "connect_error",
                        status == WEIR_AGAIN ? WEIR_BYTES("Too many requests are in flight.")
                                             : weir_bytes_of_text(err.message));
}

static void on_robots(void *user, const weir_http_result *result);

static weir_status start_robots(robots_request *request, const char *url, weir_error *err)
{
    uint64_t id = 0;
    WEIR_TRY(weir_http_start(
        request->self->http,
        &(weir_http_request){.url = url,
                             .timeout_ms =
                                 (uint64_t)request->self->services->crawl.request_timeout_ms,
                             .body_bytes_max = WEIR_ROBOTS_BYTES_MAX,
                             .cuts_body = true, /* RFC 9309: what comes first counts. */
                             .done = on_robots,
                             .user = request},
        &id, err));
    note_start_of_request(request->job, request, id);
    return WEIR_OK;
}

/* Follows a redirect of robots.txt; false when it leads nowhere, or too far. */
static bool follow_robots(robots_request *request, const weir_http_result *result)
{
    if (result->outcome != WEIR_HTTP_REDIRECTED ||
        request->redirects >= FETCH_ROBOTS_REDIRECTS_MAX) {
        return false;
    }
    WEIR_AUTO(weir_url) base = {0};
    WEIR_AUTO(weir_buf) target = {0};
    weir_error err = {0};
    if (weir_url_parse(request->job->task.url, NULL, &base, &err) != WEIR_OK ||
        weir_url_canon(weir_http_result_header(result, "location"), &base, &target, &err) !=
            WEIR_OK) {
        return false;
    }
    request->redirects++;
    return start_robots(request, weir_buf_text(&target), &err) == WEIR_OK;
}

/* The pace that the host asks for, or ours where it asks for none. */
static void set_delay(fetch *self, fetch_host *host, bool https)
{
    int64_t asked_ms = -1;
    if (host->robots[https].rules.size > 0) {
        asked_ms = weir_robots_crawl_delay_ms(weir_buf_bytes(&host->robots[https].rules));
    }
    int64_t own_ms = self->services->crawl.delay_ms;
    host->delay_ms = asked_ms > own_ms ? asked_ms : own_ms;
    if (host->delay_ms > FETCH_DELAY_MS_MAX) {
        host->delay_ms = FETCH_DELAY_MS_MAX;
    }
}

static void on_robots(void *user, const weir_http_result *result)
{
    robots_request *request = user;
    if (follow_robots(request, result)) {
        return;
    }
    fetch *self = request->self;
    fetch_host *host = request->job->host;
    weir_fetch_robots_take_result(&host->robots[request->https], result,
                                  self->services->crawl.user_agent,
                                  weir_context_now_ms(self->base.context));
    set_delay(self, host, request->https);
    note_end_of_request(self, host, result);
    weir_fetch_host_put_back(host, request->job);
    free(request);
    start_next(self, host);
}

static void ask_for_robots(fetch *self, fetch_job *job)
{
    robots_request *request = weir_alloc(sizeof *request);
    *request = (robots_request){self, job, is_https(job), 0};
    WEIR_AUTO_FREE char *host_id = weir_bytes_to_text(job->task.host_id);
    WEIR_AUTO_FREE char *url =
        weir_format("%s://%s/robots.txt", request->https ? "https" : "http", host_id);
    weir_error err = {0};
    if (start_robots(request, url, &err) == WEIR_OK) {
        return;
    }
    free(request);
    end_without_request(self, job, "robots_unreachable", weir_bytes_of_text(err.message));
}

/* The queue of a host. */

/* What the store knows of robots.txt, if this is the first task of the origin. */
static weir_status load_robots(fetch *self, fetch_host *host, bool https, weir_error *err)
{
    fetch_robots *robots = &host->robots[https];
    if (robots->is_known) {
        return WEIR_OK;
    }
    WEIR_AUTO(weir_buf) key = {0};
    weir_buf_append_format(&key, "%s:", https ? "https" : "http");
    weir_buf_append(&key, host->id.data, host->id.size);
    weir_fetch_robots stored;
    weir_status status = weir_stage_get(self->base.context, self->robots_store,
                                        weir_stage_binding(self->services, &weir_fetch_robots_type),
                                        weir_buf_bytes(&key), &stored, err);
    if (status != WEIR_OK) {
        return status == WEIR_NOT_FOUND ? WEIR_OK : status;
    }
    WEIR_TRY(weir_fetch_robots_take_stored(robots, &stored, err));
    set_delay(self, host, https);
    return WEIR_OK;
}

static bool robots_allow(const fetch_robots *robots, weir_bytes url_text, const char **outcome)
{
    WEIR_AUTO(weir_url) url = {0};
    WEIR_AUTO(weir_buf) path = {0};
    weir_error err = {0};
    *outcome = "robots_denied";
    if (robots->denies_all) {
        *outcome = "robots_unreachable";
        return false;
    }
    if (weir_url_parse(url_text, NULL, &url, &err) != WEIR_OK) {
        return false;
    }
    weir_buf_append(&path, url.path.data, url.path.size);
    if (url.has_query) {
        weir_buf_append_byte(&path, '?');
        weir_buf_append(&path, url.query.data, url.query.size);
    }
    return weir_robots_allows(weir_buf_bytes(&robots->rules), weir_buf_bytes(&path), NULL);
}

static void wait_for_time(fetch *self, fetch_host *host)
{
    for (size_t i = 0; i < self->waiting_count; i++) {
        if (self->waiting[i] == host) {
            return;
        }
    }
    self->waiting = weir_grow(self->waiting, self->waiting_count, &self->waiting_capacity,
                              sizeof *self->waiting);
    self->waiting[self->waiting_count++] = host;
}

/* Starts the next request of host, if it may start one now. Tasks that need no request, because
 * robots.txt forbids them, end on the way. */
static void start_next(fetch *self, fetch_host *host)
{
    int64_t now_ms = weir_context_now_ms(self->base.context);
    while (!host->is_busy && host->first != NULL) {
        fetch_robots *robots = &host->robots[is_https(host->first)];
        bool needs_robots = weir_fetch_robots_is_stale(robots, now_ms);
        const char *outcome = NULL;
        bool allowed = needs_robots || robots_allow(robots, host->first->task.url, &outcome);
        if (!allowed) {
            weir_bytes reason = weir_buf_bytes(&robots->reason);
            end_without_request(self, weir_fetch_host_take(host), outcome, reason);
            continue;
        }
        if (now_ms < host->next_start_ms || !weir_circuit_breaker_allows(&host->breaker, now_ms)) {
            wait_for_time(self, host);
            return;
        }
        fetch_job *job = weir_fetch_host_take(host);
        if (needs_robots) {
            ask_for_robots(self, job);
        } else {
            start_task(self, job);
        }
    }
}

static weir_status start_waiting(weir_processor *processor, int64_t now_ms, weir_error *err)
{
    (void)err;
    fetch *self = (fetch *)processor;
    size_t count = self->waiting_count;
    for (size_t i = count; i-- > 0;) {
        fetch_host *host = self->waiting[i];
        if (host->next_start_ms <= now_ms) {
            self->waiting[i] = self->waiting[--self->waiting_count];
            start_next(self, host);
        }
    }
    return WEIR_OK;
}

/* Forgets hosts with nothing to do when there are too many; their robots.txt is in the store. */
static void forget_idle_hosts(fetch *self, int64_t now_ms)
{
    if (weir_map_count(self->hosts) < FETCH_HOSTS_IDLE_MAX) {
        return;
    }
    size_t position = 0;
    void *value;
    while (weir_map_next(self->hosts, &position, NULL, &value)) {
        fetch_host *host = value;
        if (!host->is_busy && host->first == NULL && host->next_start_ms <= now_ms) {
            weir_map_remove(self->hosts, weir_buf_bytes(&host->id));
            weir_fetch_host_free(host);
            position--; /* The last entry has moved into the gap. */
        }
    }
}

static fetch_host *host_of(fetch *self, weir_bytes host_id)
{
    fetch_host *host = weir_map_get(self->hosts, host_id);
    if (host == NULL) {
        int64_t now_ms = weir_context_now_ms(self->base.context);
        forget_idle_hosts(self, now_ms);
        host = weir_fetch_host_new(host_id, now_ms, self->services->crawl.delay_ms);
        weir_map_put(self->hosts, host_id, host);
    }
    return host;
}

/* The processor. */

static weir_status process_task(weir_processor *processor, const weir_record *record,
                                weir_error *err)
{
    fetch *self = (fetch *)processor;
    const weir_fetch_task *task = record->object;
    if (task->url.size == 0 || task->url.size >= URL_BYTES_MAX || task->host_id.size == 0) {
        return weir_error_set(err, WEIR_BAD_RECORD, "a task with a URL of %zu bytes, or no host",
                              task->url.size);
    }
    fetch_host *host = host_of(self, task->host_id);
    WEIR_TRY(load_robots(self, host, weir_bytes_starts_with(task->url, WEIR_BYTES("https:")), err));
    fetch_job *job = weir_alloc(sizeof *job);
    job->async = weir_context_defer(processor->context);
    const weir_record *copy = weir_async_record(job->async);
    WEIR_TRY(weir_fetch_task_decode(self->services->codec, copy->value,
                                    weir_context_arena(processor->context), &job->task, err));
    weir_fetch_host_add(host, job);
    start_next(self, host);
    return WEIR_OK;
}

static weir_status init_fetch(weir_processor *processor, weir_error *err)
{
    (void)err;
    fetch *self = (fetch *)processor;
    self->http = weir_context_resource(processor->context, FETCH_HTTP);
    self->robots_store = weir_context_store(processor->context, WEIR_FETCH_ROBOTS);
    weir_context_schedule(processor->context, PACE_INTERVAL_MS, WEIR_WALL_CLOCK_TIME,
                          start_waiting);
    return WEIR_OK;
}

static void free_fetch(weir_processor *processor)
{
    fetch *self = (fetch *)processor;
    size_t position = 0;
    void *value;
    while (weir_map_next(self->hosts, &position, NULL, &value)) {
        fetch_host *host = value;
        if (host->is_busy) {
            weir_http_cancel(self->http, host->request_id);
        }
        weir_fetch_host_free(host);
    }
    weir_map_free(self->hosts);
    free(self->waiting);
    free(self);
}

weir_processor *weir_fetch_new(void *services)
{
    static const weir_processor_ops ops = {init_fetch, process_task, free_fetch};
    fetch *made = weir_alloc(sizeof *made);
    made->base.ops = &ops;
    made->services = services;
    made->hosts = weir_map_new();
    return &made->base;
}
