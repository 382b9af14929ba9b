/* SPDX-License-Identifier: Apache-2.0
 *
 * fetch.h - the stage from tasks to bodies: obeys robots.txt and the pace of each host.
 *
 *   crawl.fetch.tasks.v1 ─▶ fetch ─▶ crawl.raw_fetch.v1
 *                            body to the object store
 *
 * An asynchronous operator: a task is deferred until its request has ended, so thousands wait on
 * one thread. Tasks of a host share a partition, hence one processor sees all of a host: one
 * request at a time, and the delay between the end of one and the start of the next.
 *
 * Threads    As streams/topology.h.
 */
#ifndef WEIR_TOPOLOGIES_FETCH_H
#define WEIR_TOPOLOGIES_FETCH_H

#include "connectors/http.h"
#include "topologies/stage.h"

#define WEIR_FETCH_APPLICATION "weir-fetch"

#define WEIR_FETCH_ROBOTS "fetch-robots" /* "<scheme>:<host_id>" -> FetchRobots */

/* Makes the HTTP client of a worker. */
typedef struct weir_fetch_client {
    weir_status (*open)(void *user, weir_http **out_http, weir_error *err);
    void *user;
} weir_fetch_client;

/* A new topology, built. services and client are borrowed for its life. */
weir_status weir_fetch_topology(weir_stage_services *services, weir_fetch_client *client,
                                weir_topology **out_topology, weir_error *err);

/* A client on libcurl with the crawl settings of a weir_stage_services (user). */
weir_status weir_fetch_open_curl(void *services, weir_http **out_http, weir_error *err);

#endif
