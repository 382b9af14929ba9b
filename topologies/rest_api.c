/* SPDX-License-Identifier: Apache-2.0
 *
 * rest_api.c - the table of routes, and the life of the API around the server.
 *
 * The REST API reads through streams/query.h only: what it answers is committed state, the same
 * rows that the changelog has. It writes through one door, the events of the frontier.
 */
#include "topologies/rest_api_internal.h"

#include "connectors/rest_snapshot.h"
#include "streams/base/random.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const weir_rest_route routes[] = {
    {"GET", "/healthz", weir_rest_get_healthz, NULL},
    {"GET", "/readyz", weir_rest_get_readyz, NULL},
    {"GET", "/metrics", weir_rest_get_metrics, NULL},
    {"GET", "/v1/openapi.json", weir_rest_get_openapi, NULL},
    {"GET", "/v1/topology", weir_rest_get_topology, NULL},
    {"POST", "/v1/applications/{application}/pause", weir_rest_post_pause, NULL},
    {"POST", "/v1/applications/{application}/resume", weir_rest_post_resume, NULL},
    {"GET", "/v1/tables", weir_rest_get_tables, NULL},
    {"GET", "/v1/tables/{table}", weir_rest_get_table, NULL},
    {"GET", "/v1/tables/{table}/{key*}", weir_rest_get_row, NULL},
    {"GET", "/v1/stores", weir_rest_get_stores, NULL},
    {"GET", "/v1/stores/{application}/{store}", weir_rest_get_store, NULL},
    {"GET", "/v1/stores/{application}/{store}/changes", weir_rest_get_changes, NULL},
    {"GET", "/v1/crawl-jobs", weir_rest_get_job_list, NULL},
    {"POST", "/v1/crawl-jobs", weir_rest_post_job, NULL},
    {"GET", "/v1/crawl-jobs/{job_id}", weir_rest_get_job, NULL},
};

const weir_rest_route *weir_rest_api_routes(size_t *out_count)
{
    *out_count = WEIR_COUNT_OF(routes);
    return routes;
}

weir_status weir_rest_refuse(weir_rest_response *response, int status, const char *code,
                             const char *format, ...)
{
    char message[WEIR_ERROR_MESSAGE_BYTES_MAX * 4];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(message, sizeof message, format, args);
    va_end(args);
    return weir_rest_fail(response, status, code, message);
}

weir_status weir_rest_format(const weir_rest_request *request, const char *other, bool *out_other,
                             weir_error *err)
{
    weir_bytes format = weir_rest_query(request, "format");
    *out_other = weir_bytes_equal(format, weir_bytes_of_text(other));
    if (format.data != NULL && !*out_other && !weir_bytes_equal(format, WEIR_BYTES("json"))) {
        return weir_error_set(err, WEIR_BAD_RECORD, "format is json or %s", other);
    }
    return WEIR_OK;
}

weir_application *weir_rest_application(const weir_rest_api *api, weir_stage stage,
                                        weir_rest_response *response)
{
    weir_application *application = weir_pipeline_application(api->pipeline, stage);
    if (application == NULL) {
        (void)weir_rest_refuse(response, 503, "not_here",
                               "The stage \"%s\" does not run in this process: ask the one that "
                               "runs it, or start it with \"weir run %s\".",
                               weir_pipeline_stage_name(stage), weir_pipeline_stage_name(stage));
    }
    return application;
}

/* For other processes of the same applications. */
static void serve_snapshots(weir_rest_api *api)
{
    api->snapshots = weir_rest_snapshots_new();
    for (weir_stage stage = 0; stage < WEIR_STAGE_COUNT; stage++) {
        weir_application *application = weir_pipeline_application(api->pipeline, stage);
        if (application != NULL) {
            weir_rest_snapshots_add(api->snapshots, weir_application_id(application),
                                    weir_application_snapshot_host(application));
        }
    }
    weir_rest_snapshots_serve(api->snapshots, api->rest);
}

weir_status weir_rest_api_new(weir_pipeline *pipeline, const weir_rest_options *options,
                              weir_rest_api **out_api, weir_error *err)
{
    WEIR_ASSERT(pipeline != NULL && options != NULL);
    WEIR_ASSERT(out_api != NULL);
    weir_rest_options own = *options;
    own.json_only = true;
    WEIR_AUTO_PTR(weir_rest_api) api = weir_alloc(sizeof *api);
    api->pipeline = pipeline;
    api->job_secret = weir_random_seed();
    WEIR_TRY(weir_rest_new(&own, &api->rest, err));
    for (size_t i = 0; i < WEIR_COUNT_OF(routes); i++) {
        weir_rest_route route = routes[i];
        route.user = api;
        weir_rest_add(api->rest, &route, 1);
    }
    serve_snapshots(api);
    *out_api = weir_take(&api);
    return WEIR_OK;
}

weir_status weir_rest_api_start(weir_pipeline *pipeline, const weir_rest_options *options,
                                weir_rest_api **out_api, weir_error *err)
{
    WEIR_AUTO_PTR(weir_rest_api) api = NULL;
    WEIR_TRY(weir_rest_api_new(pipeline, options, &api, err));
    WEIR_TRY(weir_rest_start(api->rest, err));
    *out_api = weir_take(&api);
    return WEIR_OK;
}

void weir_rest_api_free(weir_rest_api *api)
{
    if (api == NULL) {
        return;
    }
    weir_rest_free(api->rest);
    weir_rest_snapshots_free(api->snapshots);
    free(api);
}

uint16_t weir_rest_api_port(const weir_rest_api *api)
{
    WEIR_ASSERT(api != NULL);
    return weir_rest_port(api->rest);
}

void weir_rest_api_dispatch(const weir_rest_api *api, const weir_rest_call *call,
                            weir_rest_response *response)
{
    WEIR_ASSERT(api != NULL);
    weir_rest_dispatch(api->rest, call, response);
}
