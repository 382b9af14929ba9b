/* SPDX-License-Identifier: Apache-2.0
 *
 * circuit_breaker.h - stops asking a service that mostly fails, and asks again after a while.
 *
 *            failures >= failure_percent of a full window
 *   closed ------------------------------------------------> open
 *     ^                                                        | open_ms have passed
 *     |  the trial succeeds                                    v
 *     +-------------------------------------------------- half-open --> open: the trial fails
 *
 * Time is an argument (any clock in ms that does not go back). Plain data: all state is in the
 * struct, and weir_circuit_breaker_of makes a closed one.
 *
 * Threads    One at a time per breaker.
 */
#ifndef WEIR_CONNECTORS_CIRCUIT_BREAKER_H
#define WEIR_CONNECTORS_CIRCUIT_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

enum { WEIR_CIRCUIT_BREAKER_WINDOW_MAX = 128 };

/* When a breaker opens, and for how long. */
typedef struct weir_circuit_breaker_policy {
    uint32_t window;          /* Results that count: the last so many. */
    uint32_t failure_percent; /* Opens at this share of failures in a full window. */
    uint32_t open_ms;
} weir_circuit_breaker_policy;

/* 50 % of the last 100, open for 60 s; 50 % of the last 20, open for 30 s. */
extern const weir_circuit_breaker_policy weir_circuit_breaker_http;
extern const weir_circuit_breaker_policy weir_circuit_breaker_dns;

typedef enum weir_circuit_state {
    WEIR_CIRCUIT_CLOSED = 0,
    WEIR_CIRCUIT_OPEN,
    WEIR_CIRCUIT_HALF_OPEN, /* One trial is under way. */
} weir_circuit_state;

typedef struct weir_circuit_breaker {
    weir_circuit_breaker_policy policy;
    weir_circuit_state state;
    int64_t until_ms; /* Open: when the trial may start. Half-open: when it counts as lost. */
    uint32_t count;   /* Results in the window. */
    uint32_t next;    /* Where the next one goes. */
    uint32_t failures;
    uint8_t failed[WEIR_CIRCUIT_BREAKER_WINDOW_MAX];
} weir_circuit_breaker;

/* A closed breaker of that policy. */
weir_circuit_breaker weir_circuit_breaker_of(const weir_circuit_breaker_policy *policy);

/* Whether a request may start now. In a half-open breaker one may, until its result is in (or
 * open_ms have passed without it). */
bool weir_circuit_breaker_allows(weir_circuit_breaker *breaker, int64_t now_ms);

/* When a request that is not allowed now may be tried again; now_ms if it is allowed. */
int64_t weir_circuit_breaker_retry_at_ms(const weir_circuit_breaker *breaker, int64_t now_ms);

/* Counts a result. Those of requests that started before the breaker opened change nothing. */
void weir_circuit_breaker_report(weir_circuit_breaker *breaker, bool failed, int64_t now_ms);

#endif
