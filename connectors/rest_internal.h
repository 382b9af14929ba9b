/* SPDX-License-Identifier: Apache-2.0
 *
 * rest_internal.h - the table of routes and the guard before it, between the server (rest.c),
 * the routing (rest_dispatch.c) and who may call at all (rest_guard.c).
 *
 * Threads    As rest.h says: immutable after the start.
 */
#ifndef WEIR_CONNECTORS_REST_INTERNAL_H
#define WEIR_CONNECTORS_REST_INTERNAL_H

#include "connectors/rest.h"

typedef struct weir_rest_routes {
    weir_rest_route *routes;
    size_t count;
    size_t capacity;
} weir_rest_routes;

/* Routes call to the handler that its target names; always fills response. */
void weir_rest_routes_dispatch(const weir_rest_routes *table, const weir_rest_call *call,
                               weir_rest_response *response);

/* Who may call; all-zero lets everybody. Strings are borrowed. */
typedef struct weir_rest_guard {
    bool checks_host;
    const char *host_names; /* Comma-separated; may be NULL. */
    bool json_only;
} weir_rest_guard;

/* True for an address of this machine's own loopback. */
bool weir_rest_is_loopback(const char *address);

/* Answers false where call may pass; else response says why not. */
bool weir_rest_guard_refuses(const weir_rest_guard *guard, const weir_rest_call *call,
                             weir_rest_response *response);

#endif
