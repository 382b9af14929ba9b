/* SPDX-License-Identifier: Apache-2.0
 *
 * http_resource.h - an HTTP client for each worker of a topology (weir_topology_add_resource): the
 * worker waits on its descriptor and polls it, so that answers arrive between records.
 *
 * Threads    As a topology is built: one.
 */
#ifndef WEIR_CONNECTORS_HTTP_RESOURCE_H
#define WEIR_CONNECTORS_HTTP_RESOURCE_H

#include "connectors/http.h"
#include "streams/topology.h"

/* Makes a client, a weir_http, with what the resource was given as user; WEIR_INVALID or WEIR_IO:
 * the worker does not start. */
typedef weir_status (*weir_http_open)(void *user, void **out_http, weir_error *err);

/* What weir_topology_add_resource and weir_builder_add_resource take; user is borrowed for the
 * topology's life. */
weir_resource_options weir_http_resource(weir_http_open open, void *user);

#endif
