/* SPDX-License-Identifier: Apache-2.0
 *
 * rest_internal.h - the table of routes, between the server (rest.c) and the routing
 * (rest_dispatch.c).
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

#endif
