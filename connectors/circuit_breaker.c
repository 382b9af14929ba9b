/* SPDX-License-Identifier: Apache-2.0
 *
 * circuit_breaker.c - a ring of the last results and the state machine drawn in the header.
 */
#include "connectors/circuit_breaker.h"

#include "streams/base/status.h"

#include <stddef.h>

const weir_circuit_breaker_policy weir_circuit_breaker_http = {
    .window = 100, .failure_percent = 50, .open_ms = 60 * 1000};
const weir_circuit_breaker_policy weir_circuit_breaker_dns = {
    .window = 20, .failure_percent = 50, .open_ms = 30 * 1000};

weir_circuit_breaker weir_circuit_breaker_of(const weir_circuit_breaker_policy *policy)
{
    WEIR_ASSERT(policy->window > 0);
    WEIR_ASSERT(policy->window <= WEIR_CIRCUIT_BREAKER_WINDOW_MAX);
    WEIR_ASSERT(policy->failure_percent > 0);
    return (weir_circuit_breaker){.policy = *policy};
}

bool weir_circuit_breaker_allows(weir_circuit_breaker *breaker, int64_t now_ms)
{
    WEIR_ASSERT(breaker->policy.window > 0);
    if (breaker->state == WEIR_CIRCUIT_CLOSED) {
        return true;
    }
    if (now_ms < breaker->until_ms) {
        return false;
    }
    breaker->state = WEIR_CIRCUIT_HALF_OPEN;
    breaker->until_ms = now_ms + breaker->policy.open_ms;
    return true;
}

int64_t weir_circuit_breaker_retry_at_ms(const weir_circuit_breaker *breaker, int64_t now_ms)
{
    WEIR_ASSERT(breaker != NULL);
    bool waits = breaker->state != WEIR_CIRCUIT_CLOSED && now_ms < breaker->until_ms;
    return waits ? breaker->until_ms : now_ms;
}

static void open_until(weir_circuit_breaker *breaker, int64_t until_ms)
{
    breaker->state = WEIR_CIRCUIT_OPEN;
    breaker->until_ms = until_ms;
    breaker->count = breaker->next = breaker->failures = 0;
}

static void note(weir_circuit_breaker *breaker, bool failed)
{
    if (breaker->count == breaker->policy.window) {
        breaker->failures -= breaker->failed[breaker->next];
    } else {
        breaker->count++;
    }
    breaker->failed[breaker->next] = failed ? 1 : 0;
    breaker->failures += failed ? 1 : 0;
    breaker->next = (breaker->next + 1) % breaker->policy.window;
    WEIR_ASSERT(breaker->failures <= breaker->count);
}

void weir_circuit_breaker_report(weir_circuit_breaker *breaker, bool failed, int64_t now_ms)
{
    WEIR_ASSERT(breaker->policy.window > 0);
    if (breaker->state == WEIR_CIRCUIT_OPEN) {
        return;
    }
    int64_t until_ms = now_ms + breaker->policy.open_ms;
    if (breaker->state == WEIR_CIRCUIT_HALF_OPEN) {
        breaker->state = WEIR_CIRCUIT_CLOSED;
        if (failed) {
            open_until(breaker, until_ms);
        }
        return;
    }
    note(breaker, failed);
    bool full = breaker->count == breaker->policy.window;
    if (full && breaker->failures * 100 >= breaker->policy.failure_percent * breaker->count) {
        open_until(breaker, until_ms);
    }
}
