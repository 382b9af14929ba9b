/* SPDX-License-Identifier: Apache-2.0
 *
 * fetch.c - the processor of fetch, which drives one queue a host.
 *
 *   task ─▶ defer ─▶ queue of its host ─▶ robots.txt? ─▶ request ─▶ body stored ─▶ RawFetch
 *                         ▲                                            │
 *                         └──────────── next task of the host ◀────────┘
 *
 * A host starts its next request when the last has ended and its delay has passed; those that wait
 * for time are looked at by a punctuation, which is set for the earliest of them. The body is
 * stored before the RawFetch is forwarded, so whoever reads a body_ref finds the object. After a
 * crash the tasks that had not ended come again, and only they.
 */
#include "topologies/fetch_internal.h"

#include "connectors/object_store.h"
#include "streams/base/clock.h"
#include "streams/base/hash.h"
#include "topologies/url_canon.h"

#include <stdlib.h>
#include <string.h>

enum {
    OVERDUE_INTERVAL_MS = 20, /* Until a host is looked at again that was due and may not start. */
    URL_BYTES_MAX = WEIR_HTTP_URL_BYTES_MAX,
};

typedef struct fetch {
    weir_processor base;
    weir_stage_services *services;
    weir_http *http;
    weir_kv *robots_store;
    weir_map *hosts;      /* host_id -> fetch_host */
    weir_map *neighbours; /* Those of all tasks of the worker. */
    fetch_host **waiting; /* Hosts with tasks that wait for time. */
    size_t waiting_count;
    size_t waiting_capacity;
    weir_punctuator *timer; /* For the earliest of them; NULL: none waits. */
    int64_t timer_due_ms;
    size_t rules_bytes; /* Of the robots.txt of all hosts. */
} fetch;

/* A request for robots.txt on behalf of the job that needs it. */
typedef struct robots_request {
    fetch *self;
    fetch_job *job;
} robots_request;

/* A request of a job. */
typedef struct job_request {
    fetch *self;
    fetch_job *job;
} job_request;

static void start_next(fetch *self, fetch_host *host);
static fetch_host *host_of(fetch *self, weir_bytes host_id);

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

/* Ends the job with a failure of ours, which abandons the task. */
static void fail_job(fetch *self, fetch_job *job, weir_status status, const char *reason)
{
    WEIR_ASSERT(status != WEIR_BAD_RECORD); /* The frontier waits for an outcome. */

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

/* The request of host has ended, which was made to itself or to the host that it visits. */
static void note_end_of_request(fetch *self, fetch_host *host, const weir_http_result *result)
{
    fetch_host *asked = host->visits == NULL ? host : host->visits;
    weir_fetch_host_ended(asked, weir_context_now_ms(self->base.context), result);
    asked->visitor = NULL;
    host->visits = NULL;
    host->is_busy = false;
    host->request = NULL;
    host->running = NULL;
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
    int64_t now_ms = weir_context_now_ms(self->base.context);
    weir_status status = weir_fetch_outcome_of_result(job, result, now_ms, arena, &fetched, &err);
    if (status == WEIR_OK && result->outcome == WEIR_HTTP_FETCHED) {
        status = store_body(self, result, arena, &fetched, &err);
    }
    if (status == WEIR_OK) {
        end_job(self, job, &fetched);
    } else if (status == WEIR_BAD_RECORD) {
        end_without_request(self, job, "protocol_error", weir_bytes_of_text(err.message));
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

static weir_status start_waiting(weir_processor *processor, int64_t now_ms, weir_error *err);

/* Sees to it that start_waiting is called when host may start its next request. */
static void set_timer(fetch *self, const fetch_host *host)
{
    int64_t now_ms = weir_context_now_ms(self->base.context);
    int64_t due_ms =
        host->next_start_ms > now_ms ? host->next_start_ms : now_ms + OVERDUE_INTERVAL_MS;
    if (self->timer != NULL && self->timer_due_ms <= due_ms) {
        return;
    }
    if (self->timer != NULL) {
        weir_punctuator_cancel(self->timer);
    }
    self->timer = weir_context_schedule(self->base.context, due_ms - now_ms, WEIR_WALL_CLOCK_TIME,
                                        start_waiting);
    self->timer_due_ms = due_ms;
}

static void wait_for_time(fetch *self, fetch_host *host)
{
    if (host->is_waiting) {
        return;
    }
    set_timer(self, host);
    host->is_waiting = true;
    self->waiting = weir_grow(self->waiting, self->waiting_count, &self->waiting_capacity,
                              sizeof *self->waiting);
    self->waiting[self->waiting_count++] = host;
}

/* A request could not be started: the job waits where that passes, and ends where not. */
static void refuse_start(fetch *self, fetch_job *job, weir_status status, const char *outcome,
                         const weir_error *err)
{
    if (status == WEIR_AGAIN) {
        weir_fetch_host_put_back(job->host, job);
        wait_for_time(self, job->host);
        return;
    }
    end_without_request(self, job, outcome, weir_bytes_of_text(err->message));
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
    refuse_start(self, job, status, "protocol_error", &err);
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

/* Where the robots.txt that job needs is to be asked for next. */
static void robots_url(const fetch_job *job, weir_buf *out)
{
    bool https = is_https(job);
    const fetch_robots *robots = &job->host->robots[https];
    weir_buf_set(out, weir_buf_bytes(&robots->target));
    if (out->size == 0) {
        weir_buf_append_text(out, https ? "https://" : "http://");
        weir_buf_append(out, job->host->id.data, job->host->id.size);
        weir_buf_append_text(out, "/robots.txt");
    }
}

/* Notes where a redirect of robots.txt leads; false when that is nowhere, or too far. */
static bool follow_robots(const fetch_job *job, const weir_http_result *result)
{
    fetch_robots *robots = &job->host->robots[is_https(job)];
    if (result->outcome != WEIR_HTTP_REDIRECTED ||
        robots->redirects >= FETCH_ROBOTS_REDIRECTS_MAX) {
        return false;
    }
    WEIR_AUTO(weir_buf) asked = {0};
    WEIR_AUTO(weir_url) base = {0};
    WEIR_AUTO(weir_buf) target = {0};
    weir_error err = {0};
    robots_url(job, &asked);
    if (weir_url_parse(weir_buf_bytes(&asked), NULL, &base, &err) != WEIR_OK ||
        weir_url_canon(weir_http_result_header(result, "location"), &base, &target, &err) !=
            WEIR_OK) {
        return false;
    }
    robots->redirects++;
    weir_buf_set(&robots->target, weir_buf_bytes(&target));
    return true;
}

/* The host to which the next request for the robots.txt of job goes: a redirect may lead to
 * another, whose pace is kept too, as far as this worker knows it. */
static fetch_host *host_to_ask(fetch *self, const fetch_job *job)
{
    const fetch_robots *robots = &job->host->robots[is_https(job)];
    WEIR_AUTO(weir_url) url = {0};
    WEIR_AUTO(weir_buf) host_id = {0};
    weir_error err = {0};
    if (robots->target.size == 0 ||
        weir_url_parse(weir_buf_bytes(&robots->target), NULL, &url, &err) != WEIR_OK) {
        return job->host;
    }
    weir_url_host_id(&url, &host_id);
    bool is_ours = weir_map_get(self->hosts, weir_buf_bytes(&host_id)) != NULL;
    fetch_host *known = weir_map_get(self->neighbours, weir_buf_bytes(&host_id));
    return is_ours || known == NULL ? host_of(self, weir_buf_bytes(&host_id)) : known;
}

/* The pace that the host asks for under either scheme, or ours where that is slower; and the memory
 * that its rules take. */
static void note_rules(fetch *self, fetch_host *host)
{
    size_t bytes = 0;
    host->delay_ms = self->services->crawl.delay_ms;
    for (int https = 0; https <= 1; https++) {
        const weir_buf *rules = &host->robots[https].rules;
        int64_t asked_ms =
            rules->size == 0 ? -1 : weir_robots_crawl_delay_ms(weir_buf_bytes(rules));
        host->delay_ms = asked_ms > host->delay_ms ? asked_ms : host->delay_ms;
        bytes += rules->capacity;
    }
    if (host->delay_ms > FETCH_DELAY_MS_MAX) {
        host->delay_ms = FETCH_DELAY_MS_MAX;
    }
    self->rules_bytes += bytes - host->rules_bytes;
    host->rules_bytes = bytes;
}

static void take_robots(fetch *self, const fetch_job *job, const weir_http_result *result)
{
    fetch_robots *robots = &job->host->robots[is_https(job)];
    robots->redirects = 0;
    weir_buf_clear(&robots->target);
    weir_fetch_robots_take_result(robots, result, self->services->crawl.user_agent,
                                  weir_context_now_ms(self->base.context));
    note_rules(self, job->host);
}

static void on_robots(void *user, const weir_http_result *result)
{
    robots_request request = *(robots_request *)user;
    free(user);
    fetch *self = request.self;
    fetch_host *host = request.job->host;
    if (!follow_robots(request.job, result)) {
        take_robots(self, request.job, result);
    }
    note_end_of_request(self, host, result); /* A host that was visited looks again by itself. */
    weir_fetch_host_put_back(host, request.job);
    start_next(self, host);
}

static void ask_for_robots(fetch *self, fetch_job *job, fetch_host *asked)
{
    robots_request *request = weir_alloc(sizeof *request);
    *request = (robots_request){self, job};
    WEIR_AUTO(weir_buf) url = {0};
    robots_url(job, &url);
    weir_error err = {0};
    weir_status status = start_robots(request, weir_buf_text(&url), &err);
    if (status == WEIR_OK) {
        if (asked != job->host) {
            job->host->visits = asked;
            asked->visitor = job->host;
        }
        return;
    }
    free(request);
    refuse_start(self, job, status, "robots_unreachable", &err);
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
    note_rules(self, host);
    int64_t start_ms = weir_context_now_ms(self->base.context) + host->delay_ms;
    host->next_start_ms = start_ms > host->next_start_ms ? start_ms : host->next_start_ms;
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

/* Gives a task back to the frontier, which will hand it out again when the host takes requests. */
static void give_back(fetch *self, fetch_job *job, int64_t now_ms)
{
    weir_raw_fetch outcome = weir_fetch_outcome_without_request(
        job, "host_throttled", WEIR_BYTES("The host asked to be left alone."));
    outcome.retry_after_ms = job->host->held_until_ms - now_ms;
    end_job(self, job, &outcome);
}

/* Ends the first task of host if it needs no request: robots.txt forbids it, or the host is held
 * for long. False: it needs one. */
static bool end_first(fetch *self, fetch_host *host, bool needs_robots, int64_t now_ms)
{
    fetch_robots *robots = &host->robots[is_https(host->first)];
    const char *outcome = NULL;
    if (!needs_robots && !robots_allow(robots, host->first->task.url, &outcome)) {
        end_without_request(self, weir_fetch_host_take(host), outcome,
                            weir_buf_bytes(&robots->reason));
        return true;
    }
    if (weir_fetch_host_is_held(host, now_ms)) {
        give_back(self, weir_fetch_host_take(host), now_ms);
        return true;
    }
    return false;
}

/* Whether a request to host may start now. */
static bool may_start(fetch_host *host, int64_t now_ms)
{
    return !host->is_busy && host->visitor == NULL && now_ms >= host->next_start_ms &&
           weir_circuit_breaker_allows(&host->breaker, now_ms);
}

/* Starts the next request of host, if it may start one now. */
static void start_next(fetch *self, fetch_host *host)
{
    int64_t now_ms = weir_context_now_ms(self->base.context);
    while (!host->is_busy && !host->is_waiting && host->first != NULL) {
        fetch_job *job = host->first;
        bool needs_robots = weir_fetch_robots_is_stale(&host->robots[is_https(job)], now_ms);
        if (end_first(self, host, needs_robots, now_ms)) {
            continue;
        }
        fetch_host *asked = needs_robots ? host_to_ask(self, job) : host;
        if (!may_start(asked, now_ms)) {
            wait_for_time(self, host);
            return;
        }
        (void)weir_fetch_host_take(host);
        if (needs_robots) {
            ask_for_robots(self, job, asked);
        } else {
            start_task(self, job);
        }
    }
}

/* Looks at those that wait, the last first, for the place of one that starts is filled from the
 * end. */
static weir_status start_waiting(weir_processor *processor, int64_t now_ms, weir_error *err)
{
    (void)err;
    fetch *self = (fetch *)processor;
    if (self->timer != NULL) {
        weir_punctuator_cancel(weir_take(&self->timer));
    }
    for (size_t i = self->waiting_count; i-- > 0;) {
        fetch_host *host = self->waiting[i];
        if (host->next_start_ms <= now_ms) {
            self->waiting[i] = self->waiting[--self->waiting_count];
            host->is_waiting = false;
            start_next(self, host);
        }
    }
    for (size_t i = 0; i < self->waiting_count; i++) {
        set_timer(self, self->waiting[i]);
    }
    return WEIR_OK;
}

/* Whether nothing is lost when host is forgotten but its robots.txt, which is in the store. */
static bool is_forgettable(const fetch_host *host, int64_t now_ms)
{
    return !host->is_busy && host->visitor == NULL && !host->is_waiting && host->first == NULL &&
           host->next_start_ms <= now_ms;
}

/* Frees host, which is still in the map of the task. */
static void free_host(fetch *self, fetch_host *host)
{
    weir_bytes id = weir_buf_bytes(&host->id);
    if (weir_map_get(self->neighbours, id) == host) {
        (void)weir_map_remove(self->neighbours, id);
    }
    self->rules_bytes -= host->rules_bytes;
    weir_fetch_host_free(host);
}

/* The hosts that may be forgotten, in *hosts, one pointer after the other. */
static void find_forgettable(const fetch *self, int64_t now_ms, weir_buf *hosts)
{
    size_t position = 0;
    void *host;
    while (weir_map_next(self->hosts, &position, NULL, &host)) {
        if (is_forgettable(host, now_ms)) {
            weir_buf_append(hosts, &host, sizeof host);
        }
    }
}

/* Forgets hosts with nothing to do when there are too many, or their rules take too much. */
static void forget_idle_hosts(fetch *self, int64_t now_ms)
{
    if (weir_map_count(self->hosts) < FETCH_HOSTS_IDLE_MAX &&
        self->rules_bytes < FETCH_RULES_BYTES_MAX) {
        return;
    }
    WEIR_AUTO(weir_buf) hosts = {0};
    find_forgettable(self, now_ms, &hosts);
    for (size_t at = 0; at < hosts.size; at += sizeof(fetch_host *)) {
        fetch_host *host;
        memcpy(&host, hosts.data + at, sizeof host);
        (void)weir_map_remove(self->hosts, weir_buf_bytes(&host->id));
        free_host(self, host);
    }
}

static fetch_host *host_of(fetch *self, weir_bytes host_id)
{
    fetch_host *host = weir_map_get(self->hosts, host_id);
    if (host == NULL) {
        int64_t now_ms = weir_context_now_ms(self->base.context);
        forget_idle_hosts(self, now_ms);
        host = weir_fetch_host_new(host_id, now_ms, self->services->crawl.delay_ms);
        (void)weir_map_put(self->hosts, host_id, host);
        if (weir_map_get(self->neighbours, host_id) == NULL) {
            (void)weir_map_put(self->neighbours, host_id, host);
        }
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
    self->neighbours = weir_context_resource(processor->context, FETCH_HOSTS);
    self->robots_store = weir_context_store(processor->context, WEIR_FETCH_ROBOTS);
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
        free_host(self, host);
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
