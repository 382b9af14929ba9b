/* SPDX-License-Identifier: Apache-2.0
 *
 * frontier_schedule.c - the stateful half of the frontier: one partition of hosts, their URLs and
 * the order in which they are visited.
 *
 *   unknown ─▶ queued ─▶ dispatched ─▶ done
 *                 ▲            ├─────▶ failed
 *                 └── retry ───┘
 *
 * frontier-queue is sorted by host, due time, priority and depth, so the next task of a host is the
 * first key of its range. A host takes part only when something happens to it: an event, or the
 * wake-up index says that its first URL has become due. Nothing is kept in memory.
 */
#include "topologies/frontier_internal.h"
#include "topologies/url_canon.h"

#include "streams/base/serde.h"

#include <stdlib.h>

enum {
    WAKE_INTERVAL_MS = 500,
    WAKE_HOSTS_MAX = 256, /* A punctuation; the others wait for the next one. */
    THROTTLE_MS = 60 * 1000,
    HTTP_TOO_MANY_REQUESTS = 429,
    HTTP_UNAVAILABLE = 503,
};

typedef struct schedule {
    weir_processor base;
    const weir_stage_services *services;
    const weir_avro_binding *url_binding;
    const weir_avro_binding *host_binding;
    const weir_avro_binding *job_binding;
    weir_kv *urls;
    weir_kv *hosts;
    weir_kv *queue;
    weir_kv *wake;
    weir_kv *jobs;
} schedule;

/* A host while an event of it is worked on: read first, written last. */
typedef struct host_visit {
    weir_bytes host_id;
    weir_frontier_host host;
    int64_t now_ms;
    int64_t discovered_count; /* URLs that this event gave to its job. */
} host_visit;

/* Keys. */

static void host_prefix(weir_buf *out, weir_bytes host_id)
{
    weir_buf_set(out, host_id);
    weir_buf_append_byte(out, 0);
}

static void url_key(weir_buf *out, weir_bytes host_id, weir_bytes url_hash)
{
    host_prefix(out, host_id);
    weir_buf_append(out, url_hash.data, url_hash.size);
}

static void wake_key(weir_buf *out, int64_t at_ms, weir_bytes host_id)
{
    weir_buf_clear(out);
    weir_buf_append_i64_be(out, at_ms);
    weir_buf_append(out, host_id.data, host_id.size);
}

/* Stores. */

static weir_status put_url(schedule *self, weir_bytes host_id, weir_bytes url_hash,
                           const weir_frontier_url *url, weir_error *err)
{
    WEIR_AUTO(weir_buf) key = {0};
    url_key(&key, host_id, url_hash);
    return weir_stage_put(self->urls, self->url_binding, weir_buf_bytes(&key), url, err);
}

static weir_status enqueue(schedule *self, host_visit *visit, weir_bytes url_hash,
                           weir_frontier_url *url, weir_error *err)
{
    WEIR_AUTO(weir_buf) key = {0};
    url->state = WEIR_BYTES("queued");
    weir_frontier_queue_key(&key, visit->host_id, url, url_hash);
    WEIR_TRY(weir_kv_put(self->queue, weir_buf_bytes(&key), WEIR_BYTES(""), err));
    visit->host.queued_count++;
    return put_url(self, visit->host_id, url_hash, url, err);
}

static weir_status unqueue(schedule *self, host_visit *visit, weir_bytes url_hash,
                           const weir_frontier_url *url, weir_error *err)
{
    WEIR_AUTO(weir_buf) key = {0};
    weir_frontier_queue_key(&key, visit->host_id, url, url_hash);
    visit->host.queued_count--;
    return weir_kv_remove(self->queue, weir_buf_bytes(&key), err);
}

/* Counts what happens to URLs of a job; an unknown job is made with its first seed, even one that
 * brings no URL that is not on its way already. */
static weir_status count_for_job(schedule *self, const weir_frontier_event *event,
                                 weir_bytes job_id, int64_t discovered, int64_t finished,
                                 weir_error *err)
{
    bool is_seed = weir_bytes_equal(event->kind, WEIR_BYTES(FRONTIER_SEED));
    if (job_id.data == NULL || (!is_seed && discovered + finished == 0)) {
        return WEIR_OK;
    }
    weir_crawl_job job;
    WEIR_TRY(weir_stage_get_or_zero(self->base.context, self->jobs, self->job_binding, job_id, &job,
                                    err));
    if (job.job_id.data == NULL) {
        job = (weir_crawl_job){.job_id = job_id, .host_id = event->host_id};
        job.seed_url = event->urls.count > 0 ? event->urls.items[0] : event->url;
        job.created_at_ms = weir_context_now_ms(self->base.context);
    }
    job.discovered_count += discovered;
    job.finished_count += finished;
    return weir_stage_put(self->jobs, self->job_binding, job_id, &job, err);
}

/* Discovery. */

/* A URL seen for the first time. */
static weir_status add_url(schedule *self, const weir_frontier_event *event, weir_bytes url_hash,
                           weir_bytes url, host_visit *visit, weir_error *err)
{
    weir_frontier_url added = {.url = url,
                               .depth = event->depth,
                               .priority = event->priority,
                               .redirect_count = event->redirect_count,
                               .job_id = event->job_id};
    visit->host.url_count++;
    return enqueue(self, visit, url_hash, &added, err);
}

/* A URL that is known already keeps the smallest depth and the fewest redirects at which it was
 * seen; a seed of a new job asks for another visit. */
static weir_status see_again(schedule *self, const weir_frontier_event *event, weir_bytes url_hash,
                             weir_frontier_url *known, host_visit *visit, weir_error *err)
{
    bool queued = weir_bytes_equal(known->state, WEIR_BYTES("queued"));
    bool revisit = event->job_id.data != NULL &&
                   weir_bytes_equal(event->kind, WEIR_BYTES(FRONTIER_SEED)) &&
                   !weir_bytes_equal(known->job_id, event->job_id) &&
                   !weir_bytes_equal(known->state, WEIR_BYTES("dispatched"));
    if (event->depth >= known->depth && event->redirect_count >= known->redirect_count &&
        !revisit) {
        return WEIR_OK;
    }
    if (queued) {
        WEIR_TRY(unqueue(self, visit, url_hash, known, err));
    }
    if (event->depth < known->depth) {
        known->depth = event->depth;
    }
    if (event->redirect_count < known->redirect_count) {
        known->redirect_count = event->redirect_count;
    }
    if (revisit) {
        if (queued) { /* The job that it was queued for waits for it no longer. */
            WEIR_TRY(count_for_job(self, event, known->job_id, 0, 1, err));
        }
        known->job_id = event->job_id;
        known->attempt = 0;
        known->due_at_ms = 0;
        visit->discovered_count++;
    }
    return queued || revisit ? enqueue(self, visit, url_hash, known, err)
                             : put_url(self, visit->host_id, url_hash, known, err);
}

static weir_status discover_one(schedule *self, const weir_frontier_event *event, weir_bytes url,
                                host_visit *visit, weir_error *err)
{
    char hash_text[WEIR_URL_HASH_BYTES + 1];
    weir_url_hash(url, hash_text);
    weir_bytes url_hash = weir_bytes_of(hash_text, WEIR_URL_HASH_BYTES);
    WEIR_AUTO(weir_buf) key = {0};
    url_key(&key, visit->host_id, url_hash);
    weir_frontier_url known;
    weir_status status = weir_stage_get(self->base.context, self->urls, self->url_binding,
                                        weir_buf_bytes(&key), &known, err);
    if (status == WEIR_OK) {
        return see_again(self, event, url_hash, &known, visit, err);
    }
    if (status != WEIR_NOT_FOUND) {
        return status;
    }
    if (visit->host.url_count >= self->services->crawl.host_urls_max) {
        return WEIR_OK; /* The bound of a host, DESIGN 8: a trap, or a later job for an operator. */
    }
    visit->discovered_count++;
    return add_url(self, event, url_hash, url, visit, err);
}

static weir_status discover(schedule *self, const weir_frontier_event *event, host_visit *visit,
                            weir_error *err)
{
    for (size_t i = 0; i < event->urls.count; i++) {
        WEIR_TRY(discover_one(self, event, event->urls.items[i], visit, err));
    }
    return count_for_job(self, event, event->job_id, visit->discovered_count, 0, err);
}

/* Outcomes. */

/* A host that answers 429 or 503 is left alone, longer each time; any other answer forgives it. */
static void throttle_host(host_visit *visit, const weir_frontier_event *event)
{
    if (event->http_status == 0) {
        return; /* It has not answered. */
    }
    if (event->http_status != HTTP_TOO_MANY_REQUESTS && event->http_status != HTTP_UNAVAILABLE) {
        visit->host.throttle_count = 0;
        return;
    }
    visit->host.throttle_count++;
    visit->host.blocked_until_ms =
        visit->now_ms +
        weir_frontier_backoff_ms(THROTTLE_MS, visit->host.throttle_count, event->retry_after_ms);
}

static weir_status settle(schedule *self, const weir_frontier_event *event, host_visit *visit,
                          weir_error *err)
{
    WEIR_AUTO(weir_buf) key = {0};
    url_key(&key, visit->host_id, event->url_hash);
    weir_frontier_url url;
    weir_status status = weir_stage_get(self->base.context, self->urls, self->url_binding,
                                        weir_buf_bytes(&key), &url, err);
    if (status == WEIR_NOT_FOUND) {
        return WEIR_OK; /* Fetched on somebody else's task: not ours to schedule. */
    }
    WEIR_TRY(status);
    if (!weir_bytes_equal(url.state, WEIR_BYTES("dispatched"))) {
        return WEIR_OK;
    }
    visit->host.outstanding_count--;
    throttle_host(visit, event);
    weir_frontier_verdict verdict = weir_frontier_verdict_of(event->outcome, event->http_status);
    url.outcome = event->outcome;
    url.etag = event->etag;
    url.last_modified = event->last_modified;
    bool was_tried = !weir_bytes_equal(event->outcome, WEIR_BYTES("host_throttled"));
    url.attempt = was_tried ? event->attempt : event->attempt - 1;
    if (verdict == WEIR_VERDICT_RETRY && url.attempt < self->services->crawl.attempts_max) {
        url.due_at_ms =
            visit->now_ms + weir_frontier_backoff_ms(self->services->crawl.retry_backoff_ms,
                                                     url.attempt, event->retry_after_ms);
        return enqueue(self, visit, event->url_hash, &url, err);
    }
    url.state = verdict == WEIR_VERDICT_DONE ? WEIR_BYTES("done") : WEIR_BYTES("failed");
    url.due_at_ms = 0;
    WEIR_TRY(put_url(self, visit->host_id, event->url_hash, &url, err));
    return count_for_job(self, event, url.job_id, 0, 1, err);
}

/* Dispatch. */

static weir_status dispatch_one(schedule *self, host_visit *visit, weir_bytes url_hash,
                                weir_error *err)
{
    WEIR_AUTO(weir_buf) key = {0};
    weir_frontier_url url;
    url_key(&key, visit->host_id, url_hash);
    weir_status status = weir_stage_get(self->base.context, self->urls, self->url_binding,
                                        weir_buf_bytes(&key), &url, err);
    if (status == WEIR_NOT_FOUND) {
        return weir_error_set(err, WEIR_CORRUPT, "%s has a URL that %s does not know",
                              WEIR_FRONTIER_QUEUE, WEIR_FRONTIER_URLS);
    }
    WEIR_TRY(status);
    WEIR_TRY(unqueue(self, visit, url_hash, &url, err));
    url.state = WEIR_BYTES("dispatched");
    WEIR_TRY(put_url(self, visit->host_id, url_hash, &url, err));
    visit->host.outstanding_count++;
    weir_fetch_task task = {.url = url.url,
                            .url_hash = url_hash,
                            .host_id = visit->host_id,
                            .depth = url.depth,
                            .priority = url.priority,
                            .attempt = url.attempt + 1,
                            .scheduled_at_ms = visit->now_ms,
                            .redirect_count = url.redirect_count,
                            .etag = url.etag,
                            .last_modified = url.last_modified,
                            .job_id = url.job_id};
    return weir_stage_forward(&self->base, self->services->codec,
                              &(weir_stage_output){.type = &weir_fetch_task_type,
                                                   .value = &task,
                                                   .key = visit->host_id,
                                                   .timestamp_ms = visit->now_ms},
                              err);
}

/* The url_hashes that may go now, in *hashes; when the first of the others may, in *next_due_ms (0:
 * none, or an outcome will tell). */
static weir_status find_due(schedule *self, const host_visit *visit, weir_buf *hashes,
                            int64_t *next_due_ms, weir_error *err)
{
    int64_t places = WEIR_FRONTIER_OUTSTANDING_MAX - visit->host.outstanding_count;
    WEIR_AUTO(weir_buf) prefix = {0};
    host_prefix(&prefix, visit->host_id);
    WEIR_AUTO_PTR(weir_kv_iterator) walk = NULL;
    WEIR_TRY(weir_kv_prefix(self->queue, weir_buf_bytes(&prefix), &walk, err));
    *next_due_ms = 0;
    for (;;) {
        weir_bytes key;
        weir_bytes value;
        weir_status status = weir_kv_iterator_next(walk, &key, &value, err);
        if (status == WEIR_NOT_FOUND || places <= 0) {
            return WEIR_OK;
        }
        WEIR_TRY(status);
        weir_frontier_queue_entry entry;
        if (!weir_frontier_queue_entry_of(key, visit->host_id, &entry)) {
            return weir_error_set(err, WEIR_CORRUPT, "%s: a key of %zu bytes", WEIR_FRONTIER_QUEUE,
                                  key.size);
        }
        int64_t due_ms = entry.due_at_ms > visit->host.blocked_until_ms
                             ? entry.due_at_ms
                             : visit->host.blocked_until_ms;
        if (due_ms > visit->now_ms) {
            *next_due_ms = due_ms;
            return WEIR_OK;
        }
        weir_buf_append(hashes, entry.url_hash.data, entry.url_hash.size);
        places--;
    }
}

/* Puts the host where the wake-up index is to have it (0: nowhere). */
static weir_status set_wake(schedule *self, host_visit *visit, int64_t at_ms, weir_error *err)
{
    WEIR_AUTO(weir_buf) key = {0};
    if (visit->host.wake_at_ms == at_ms) {
        return WEIR_OK;
    }
    if (visit->host.wake_at_ms != 0) {
        wake_key(&key, visit->host.wake_at_ms, visit->host_id);
        WEIR_TRY(weir_kv_remove(self->wake, weir_buf_bytes(&key), err));
    }
    visit->host.wake_at_ms = at_ms;
    if (at_ms == 0) {
        return WEIR_OK;
    }
    wake_key(&key, at_ms, visit->host_id);
    return weir_kv_put(self->wake, weir_buf_bytes(&key), WEIR_BYTES(""), err);
}

/* Hands out what may go now and writes the host. */
static weir_status finish_visit(schedule *self, host_visit *visit, weir_error *err)
{
    WEIR_AUTO(weir_buf) hashes = {0};
    int64_t next_due_ms = 0;
    if (visit->host.queued_count > 0) {
        WEIR_TRY(find_due(self, visit, &hashes, &next_due_ms, err));
    }
    for (size_t at = 0; at < hashes.size; at += WEIR_URL_HASH_BYTES) {
        WEIR_TRY(
            dispatch_one(self, visit, weir_bytes_of(hashes.data + at, WEIR_URL_HASH_BYTES), err));
    }
    WEIR_TRY(set_wake(self, visit, next_due_ms, err));
    return weir_stage_put(self->hosts, self->host_binding, visit->host_id, &visit->host, err);
}

static weir_status start_visit(schedule *self, weir_bytes host_id, host_visit *visit,
                               weir_error *err)
{
    visit->host_id = host_id;
    visit->discovered_count = 0;
    visit->now_ms = weir_context_now_ms(self->base.context);
    return weir_stage_get_or_zero(self->base.context, self->hosts, self->host_binding, host_id,
                                  &visit->host, err);
}

/* The processor. */

static weir_status process_event(weir_processor *processor, const weir_record *record,
                                 weir_error *err)
{
    schedule *self = (schedule *)processor;
    const weir_frontier_event *event = record->object;
    bool is_outcome = weir_bytes_equal(event->kind, WEIR_BYTES(FRONTIER_OUTCOME));
    if (!is_outcome && !weir_bytes_equal(event->kind, WEIR_BYTES(FRONTIER_LINKS)) &&
        !weir_bytes_equal(event->kind, WEIR_BYTES(FRONTIER_SEED))) {
        return weir_error_set(err, WEIR_BAD_RECORD, "a frontier event of an unknown kind");
    }
    if (event->host_id.size == 0 || (is_outcome && event->url_hash.size != WEIR_URL_HASH_BYTES)) {
        return weir_error_set(err, WEIR_BAD_RECORD, "a frontier event without host or url_hash");
    }
    host_visit visit;
    WEIR_TRY(start_visit(self, event->host_id, &visit, err));
    WEIR_TRY(is_outcome ? settle(self, event, &visit, err) : discover(self, event, &visit, err));
    return finish_visit(self, &visit, err);
}

/* The hosts whose time has come, one after the other in *host_ids, each with its length before. */
static weir_status find_woken(schedule *self, int64_t now_ms, weir_buf *host_ids, weir_error *err)
{
    WEIR_AUTO(weir_buf) end = {0};
    weir_buf_append_i64_be(&end, now_ms + 1);
    WEIR_AUTO_PTR(weir_kv_iterator) walk = NULL;
    WEIR_TRY(weir_kv_range(self->wake, WEIR_BYTES_NULL, weir_buf_bytes(&end), false, &walk, err));
    for (int count = 0; count < WAKE_HOSTS_MAX; count++) {
        weir_bytes key;
        weir_bytes value;
        weir_status status = weir_kv_iterator_next(walk, &key, &value, err);
        if (status != WEIR_OK) {
            return status == WEIR_NOT_FOUND ? WEIR_OK : status;
        }
        weir_reader reader = weir_reader_of(key);
        (void)weir_read_i64_be(&reader);
        weir_buf_append_i32_be(host_ids, (int32_t)reader.left.size);
        weir_buf_append(host_ids, reader.left.data, reader.left.size);
    }
    return WEIR_OK;
}

static weir_status wake_hosts(weir_processor *processor, int64_t now_ms, weir_error *err)
{
    schedule *self = (schedule *)processor;
    WEIR_AUTO(weir_buf) host_ids = {0};
    WEIR_TRY(find_woken(self, now_ms, &host_ids, err));
    weir_reader reader = weir_reader_of(weir_buf_bytes(&host_ids));
    while (reader.left.size > 0) {
        weir_bytes host_id = weir_read_bytes(&reader, (size_t)weir_read_i32_be(&reader));
        WEIR_ASSERT(!reader.failed);
        host_visit visit;
        WEIR_TRY(start_visit(self, host_id, &visit, err));
        WEIR_TRY(finish_visit(self, &visit, err));
    }
    return WEIR_OK;
}

static weir_status init_schedule(weir_processor *processor, weir_error *err)
{
    (void)err;
    schedule *self = (schedule *)processor;
    self->urls = weir_context_store(processor->context, WEIR_FRONTIER_URLS);
    self->hosts = weir_context_store(processor->context, WEIR_FRONTIER_HOSTS);
    self->queue = weir_context_store(processor->context, WEIR_FRONTIER_QUEUE);
    self->wake = weir_context_store(processor->context, WEIR_FRONTIER_WAKE);
    self->jobs = weir_context_store(processor->context, WEIR_FRONTIER_JOBS);
    weir_context_schedule(processor->context, WAKE_INTERVAL_MS, WEIR_WALL_CLOCK_TIME, wake_hosts);
    return WEIR_OK;
}

static void free_schedule(weir_processor *processor)
{
    free(processor);
}

weir_processor *weir_frontier_schedule_new(void *user)
{
    static const weir_processor_ops ops = {init_schedule, process_event, free_schedule};
    schedule *made = weir_alloc(sizeof *made);
    made->base.ops = &ops;
    made->services = user;
    made->url_binding = weir_stage_binding(user, &weir_frontier_url_type);
    made->host_binding = weir_stage_binding(user, &weir_frontier_host_type);
    made->job_binding = weir_stage_binding(user, &weir_crawl_job_type);
    return &made->base;
}
