/* SPDX-License-Identifier: Apache-2.0
 *
 * fetch_host.c - the pace of a host: a queue of tasks, one request at a time, and a delay between
 * the end of one and the start of the next.
 *
 *   delay = max(crawl-delay of robots.txt or the setting, 5 x the last request up to 30 s,
 *               Retry-After of a 429 or 503, the time for which its circuit is open)
 *
 * Where the setting is no delay at all, a slow answer asks for none either: that is a crawl of
 * one's own site. What the pace was before a restart is not known, so a host that is seen for the
 * first time waits for one delay.
 */
#include "streams/base/clock.h"
#include "topologies/fetch_internal.h"
#include "topologies/frontier_internal.h"

#include <stdlib.h>

enum { HTTP_TOO_MANY_REQUESTS = 429, HTTP_UNAVAILABLE = 503 };

fetch_host *weir_fetch_host_new(weir_bytes host_id, int64_t now_ms, int64_t delay_ms)
{
    WEIR_ASSERT(delay_ms >= 0);

    fetch_host *host = weir_alloc(sizeof *host);
    weir_buf_set(&host->id, host_id);
    host->end = &host->first;
    host->delay_ms = delay_ms;
    host->next_start_ms = now_ms + delay_ms;
    host->breaker = weir_circuit_breaker_of(&weir_circuit_breaker_http);
    return host;
}

/* The task is going, and with it what was deferred: ending it now only frees it. */
static void drop_job(fetch_job *job)
{
    if (job != NULL) {
        weir_async_end(job->async, NULL, NULL);
        free(job);
    }
}

void weir_fetch_host_free(fetch_host *host)
{
    if (host == NULL) {
        return;
    }
    for (fetch_job *job = weir_fetch_host_take(host); job != NULL;
         job = weir_fetch_host_take(host)) {
        drop_job(job);
    }
    drop_job(host->running);
    if (host->visits != NULL) {
        host->visits->visitor = NULL;
    }
    if (host->visitor != NULL) {
        host->visitor->visits = NULL;
    }
    free(host->request);
    weir_fetch_robots_cleanup(&host->robots[false]);
    weir_fetch_robots_cleanup(&host->robots[true]);
    weir_buf_cleanup(&host->id);
    free(host);
}

void weir_fetch_host_add(fetch_host *host, fetch_job *job)
{
    job->host = host;
    job->next = NULL;
    *host->end = job;
    host->end = &job->next;
}

fetch_job *weir_fetch_host_take(fetch_host *host)
{
    fetch_job *job = host->first;
    if (job == NULL) {
        return NULL;
    }
    host->first = job->next;
    if (host->first == NULL) {
        host->end = &host->first;
    }
    return job;
}

void weir_fetch_host_put_back(fetch_host *host, fetch_job *job)
{
    job->next = host->first;
    if (host->first == NULL) {
        host->end = &job->next;
    }
    host->first = job;
}

/* Whether the answer speaks against the host, not against the one page. */
static bool is_host_failure(const weir_http_result *result)
{
    return result->status / 100 == 5 ||
           (result->status == 0 && result->outcome != WEIR_HTTP_PRIVATE_ADDRESS &&
            result->outcome != WEIR_HTTP_UNSUPPORTED_SCHEME);
}

/* A host that answers 429 or 503 is left alone as long as it says, or longer each time. */
static void hold(fetch_host *host, int64_t now_ms, const weir_http_result *result)
{
    if (result->status != HTTP_TOO_MANY_REQUESTS && result->status != HTTP_UNAVAILABLE) {
        host->throttle_count = 0;
        return;
    }
    host->throttle_count++;
    int64_t asked_ms = weir_fetch_retry_after_ms(result, now_ms);
    host->held_until_ms =
        now_ms + weir_frontier_backoff_ms(FETCH_HOLD_MS, host->throttle_count, asked_ms);
}

/* The pace between two requests, of which the last took so long. */
static int64_t delay_after(const fetch_host *host, int64_t took_ms)
{
    if (host->delay_ms == 0) {
        return 0;
    }
    int64_t slow_ms = took_ms * FETCH_SLOW_FACTOR;
    if (slow_ms > FETCH_SLOW_DELAY_MS_MAX) {
        slow_ms = FETCH_SLOW_DELAY_MS_MAX;
    }
    return host->delay_ms > slow_ms ? host->delay_ms : slow_ms;
}

static int64_t later(int64_t a_ms, int64_t b_ms)
{
    return a_ms > b_ms ? a_ms : b_ms;
}

void weir_fetch_host_ended(fetch_host *host, int64_t now_ms, const weir_http_result *result)
{
    WEIR_ASSERT(host->is_busy || host->visitor != NULL);

    now_ms = later(now_ms, result->ended_at_ms); /* Others may have ended in this pass before it. */
    weir_circuit_breaker_report(&host->breaker, is_host_failure(result), now_ms);
    hold(host, now_ms, result);
    int64_t took_ms = (int64_t)(result->duration_ns / WEIR_NS_PER_MS);
    int64_t pace_ms = now_ms + delay_after(host, took_ms);
    int64_t retry_at_ms = weir_circuit_breaker_retry_at_ms(&host->breaker, now_ms);
    host->next_start_ms = later(later(pace_ms, retry_at_ms), host->held_until_ms);
}

bool weir_fetch_host_is_held(const fetch_host *host, int64_t now_ms)
{
    return host->held_until_ms - now_ms > FETCH_HOLD_MS_MAX;
}
