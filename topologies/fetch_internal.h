/* SPDX-License-Identifier: Apache-2.0
 *
 * fetch_internal.h - the parts of fetch: the pace of a host (fetch_host.c), robots.txt
 * (fetch_robots.c), the outcome of a request (fetch_outcome.c) and the processor (fetch.c).
 *
 * Threads    The worker that runs the task.
 */
#ifndef WEIR_TOPOLOGIES_FETCH_INTERNAL_H
#define WEIR_TOPOLOGIES_FETCH_INTERNAL_H

#include "avro/records.h"
#include "connectors/circuit_breaker.h"
#include "connectors/robots.h"
#include "streams/base/map.h"
#include "topologies/fetch.h"

/* Resources of a worker. */
#define FETCH_HTTP "http"
#define FETCH_HOSTS "hosts" /* A weir_map: host_id -> the fetch_host of one of its tasks. */

enum {
    FETCH_ROBOTS_MAX_AGE_MS = 24 * 60 * 60 * 1000,
    FETCH_ROBOTS_FAILED_MAX_AGE_MS = 60 * 1000, /* Unreachable: asked again soon. */
    FETCH_ROBOTS_REDIRECTS_MAX = 5,
    FETCH_HOSTS_IDLE_MAX = 10000,
    FETCH_RULES_BYTES_MAX = 16 << 20, /* Of a task; past it idle hosts are forgotten. */
    FETCH_DELAY_MS_MAX = 24 * 60 * 60 * 1000,
    FETCH_SLOW_FACTOR = 5, /* The delay is at least so many times the last request, … */
    FETCH_SLOW_DELAY_MS_MAX = 30 * 1000, /* … up to this. */
    FETCH_HOLD_MS = 60 * 1000,           /* After a 429 or 503 that does not say; doubles. */
    FETCH_HOLD_MS_MAX = 60 * 1000,       /* A host that is held longer gives its tasks back. */
};

/* A task between its arrival and its outcome. */
typedef struct fetch_job {
    weir_async *async;
    weir_fetch_task task; /* Borrows from the record of async. */
    struct fetch_job *next;
    struct fetch_host *host;
} fetch_job;

/* What is known of the robots.txt of an origin. */
typedef struct fetch_robots {
    weir_buf target; /* Where a redirect led that is to be followed; empty: none. */
    int redirects;   /* That were followed. */
    bool is_known;
    bool denies_all;
    bool is_unstored; /* Fetched since it was last written to the store. */
    int64_t fetched_at_ms;
    weir_buf rules; /* Compiled; those of an empty file where everything is allowed. */
    weir_buf reason;
} fetch_robots;

/* A host: its waiting tasks, its pace, its robots.txt for http and for https. */
typedef struct fetch_host {
    weir_buf id;
    fetch_job *first;
    fetch_job **end;
    bool is_waiting; /* On the list of those that wait for time. */
    bool is_busy;    /* A request of it is in flight: */
    uint64_t request_id;
    void *request;      /* What its callback was given; from weir_alloc. */
    fetch_job *running; /* The job that it is for. */
    int64_t next_start_ms;
    int64_t held_until_ms;  /* It answered 429 or 503. */
    int32_t throttle_count; /* How often in a row. */
    int64_t delay_ms;       /* Between the end of a request and the next start, from its rules. */
    weir_circuit_breaker breaker;
    fetch_robots robots[2]; /* By weir_url.https. */
    size_t rules_bytes;     /* That those take. */
    /* A redirect of robots.txt leads from one host to another: the request of the first is made to
     * visits, whose visitor it is. Both NULL but while it lasts. */
    struct fetch_host *visits;
    struct fetch_host *visitor;
} fetch_host;

weir_processor *weir_fetch_new(void *services);

fetch_host *weir_fetch_host_new(weir_bytes host_id, int64_t now_ms, int64_t delay_ms);
/* Ends the operations of its jobs too, which are nobody's by then: only a task that goes away frees
 * a host with jobs. */
void weir_fetch_host_free(fetch_host *host);
void weir_fetch_host_add(fetch_host *host, fetch_job *job);
fetch_job *weir_fetch_host_take(fetch_host *host);

/* Puts a job back at the head. */
void weir_fetch_host_put_back(fetch_host *host, fetch_job *job);

/* Notes the end of a request and sets when the next may start. */
void weir_fetch_host_ended(fetch_host *host, int64_t now_ms, const weir_http_result *result);

/* Whether it is held for so long that its tasks should not wait for it. */
bool weir_fetch_host_is_held(const fetch_host *host, int64_t now_ms);

/* Whether robots.txt has to be asked for before a request may start. */
bool weir_fetch_robots_is_stale(const fetch_robots *robots, int64_t now_ms);

/* Takes what the store holds; WEIR_CORRUPT where that is no rules. */
weir_status weir_fetch_robots_take_stored(fetch_robots *robots, const weir_fetch_robots *stored,
                                          weir_error *err);

/* Takes what a server answered: rules (2xx), all allowed (4xx but 429), all denied (anything
 * else). */
void weir_fetch_robots_take_result(fetch_robots *robots, const weir_http_result *result,
                                   const char *agent, int64_t now_ms);
weir_fetch_robots weir_fetch_robots_to_store(const fetch_robots *robots);
void weir_fetch_robots_cleanup(fetch_robots *robots);

/* Retry-After, in seconds or as a date, which is taken against the Date of the same answer, for our
 * clock (now_ms) may differ from the server's. 0 where there is none that can be read. */
int64_t weir_fetch_retry_after_ms(const weir_http_result *result, int64_t now_ms);

/* The outcome of a request that was made, or that could not be: all but the body_ref. Lists lie in
 * arena. */
weir_status weir_fetch_outcome_of_result(const fetch_job *job, const weir_http_result *result,
                                         int64_t now_ms, weir_arena *arena, weir_raw_fetch *out,
                                         weir_error *err);
weir_raw_fetch weir_fetch_outcome_without_request(const fetch_job *job, const char *outcome,
                                                  weir_bytes reason);

#endif
