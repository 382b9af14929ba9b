/* SPDX-License-Identifier: Apache-2.0
 *
 * fetch_robots.c - what an answer to /robots.txt means (RFC 9309, 2.3.1): rules where there is a
 * file, everything where the server says that there is none (4xx), nothing while it cannot say
 * (5xx, 429, unreachable). What was known before still counts while the server cannot be reached.
 */
#include "topologies/fetch_internal.h"

enum { HTTP_TOO_MANY_REQUESTS = 429 };

void weir_fetch_robots_cleanup(fetch_robots *robots)
{
    weir_buf_cleanup(&robots->target);
    weir_buf_cleanup(&robots->rules);
    weir_buf_cleanup(&robots->reason);
}

bool weir_fetch_robots_is_stale(const fetch_robots *robots, int64_t now_ms)
{
    int64_t age_max_ms =
        robots->denies_all ? FETCH_ROBOTS_FAILED_MAX_AGE_MS : FETCH_ROBOTS_MAX_AGE_MS;
    return !robots->is_known || now_ms - robots->fetched_at_ms > age_max_ms;
}

weir_status weir_fetch_robots_take_stored(fetch_robots *robots, const weir_fetch_robots *stored,
                                          weir_error *err)
{
    if (weir_bytes_equal(stored->verdict, WEIR_BYTES("deny_all"))) {
        robots->denies_all = true;
    } else {
        WEIR_TRY(weir_robots_check(stored->rules, err));
        weir_buf_set(&robots->rules, stored->rules);
    }
    robots->is_known = true;
    robots->fetched_at_ms = stored->fetched_at_ms;
    weir_buf_set(&robots->reason, stored->reason);
    return WEIR_OK;
}

static void take_rules(fetch_robots *robots, weir_bytes text, const char *agent)
{
    weir_robots_compile(text, agent, &robots->rules);
    robots->denies_all = false;
    robots->is_known = true;
}

void weir_fetch_robots_take_result(fetch_robots *robots, const weir_http_result *result,
                                   const char *agent, int64_t now_ms)
{
    weir_buf_clear(&robots->reason);
    weir_buf_append_format(&robots->reason, "robots.txt: %s", result->reason);
    bool is_missing = result->outcome == WEIR_HTTP_REDIRECTED ||
                      (result->outcome == WEIR_HTTP_ERROR && result->status / 100 == 4 &&
                       result->status != HTTP_TOO_MANY_REQUESTS);
    robots->fetched_at_ms = now_ms;
    if (result->outcome == WEIR_HTTP_FETCHED) {
        take_rules(robots, result->body, agent);
    } else if (is_missing) {
        take_rules(robots, WEIR_BYTES(""), agent); /* Redirects past the limit count as missing. */
    } else if (!robots->is_known || robots->denies_all) {
        robots->denies_all = true;
        robots->is_known = true;
    } else { /* Old rules go on counting, and are asked for again as soon as missing ones. */
        robots->fetched_at_ms -= FETCH_ROBOTS_MAX_AGE_MS - FETCH_ROBOTS_FAILED_MAX_AGE_MS;
    }
    robots->is_unstored = true;
}

weir_fetch_robots weir_fetch_robots_to_store(const fetch_robots *robots)
{
    return (weir_fetch_robots){
        .verdict = robots->denies_all ? WEIR_BYTES("deny_all") : WEIR_BYTES("rules"),
        .rules = robots->denies_all ? WEIR_BYTES("") : weir_buf_bytes(&robots->rules),
        .fetched_at_ms = robots->fetched_at_ms,
        .reason = weir_buf_bytes(&robots->reason),
    };
}
