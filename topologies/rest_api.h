/* SPDX-License-Identifier: Apache-2.0
 *
 * rest_api.h - the pipeline over HTTP: rows of the tables and of every store, the topology, health
 * and metrics, and crawl jobs. docs/REST.md shows it, docs/openapi.json says it for programs.
 *
 *   GET  /v1/tables/url_latest/https://a.example/     a row
 *   GET  /v1/tables/url_latest?limit=100              rows, a page at a time
 *   POST /v1/crawl-jobs {"domain":"a.example"}        -> 201 {"job_id":…,"status":"queued"}
 *
 * Ownership  The pipeline is borrowed for the API's life: free the API first.
 * Errors     base/status.h. To clients every error is {"error":{"code":…,"message":…}}.
 * Threads    One starts and frees it; it answers on threads of its own.
 */
#ifndef WEIR_TOPOLOGIES_REST_API_H
#define WEIR_TOPOLOGIES_REST_API_H

#include "connectors/rest.h"
#include "topologies/pipeline.h"

typedef struct weir_rest_api weir_rest_api;

/* An API that answers weir_rest_api_dispatch only. json_only of the options is always on. */
weir_status weir_rest_api_new(weir_pipeline *pipeline, const weir_rest_options *options,
                              weir_rest_api **out_api, weir_error *err);

/* The same, listening: WEIR_INVALID where the address or port is not to be had. */
weir_status weir_rest_api_start(weir_pipeline *pipeline, const weir_rest_options *options,
                                weir_rest_api **out_api, weir_error *err);

/* Waits for the handlers that run, and frees. NULL is fine. */
void weir_rest_api_free(weir_rest_api *api);
WEIR_DEFINE_AUTO_PTR(weir_rest_api);

/* The port that it listens on; 0 where it does not. */
uint16_t weir_rest_api_port(const weir_rest_api *api);

/* Answers one call as the server would, without a socket; response is all-zero before. */
void weir_rest_api_dispatch(const weir_rest_api *api, const weir_rest_call *call,
                            weir_rest_response *response);

#endif
