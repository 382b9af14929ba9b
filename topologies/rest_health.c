/* SPDX-License-Identifier: Apache-2.0
 *
 * rest_health.c - how the process is: alive, ready, paused, its numbers, and what runs in it.
 *
 * Alive means that no stage has failed for good: an orchestrator restarts what is not. Ready means
 * that every stage runs and the broker answers: while tasks move or are restored, it is not. One
 * that is paused is ready: it answers, and was meant to stand still.
 */
#include "topologies/rest_api_internal.h"

#include "connectors/process_stats.h"
#include "streams/base/metrics.h"

#include <stdlib.h>
#include <string.h>

enum { BROKER_TIMEOUT_MS = 1000 };

weir_status weir_rest_get_healthz(void *user, const weir_rest_request *request,
                                  weir_rest_response *response, weir_error *err)
{
    (void)request;
    (void)err;
    const weir_rest_api *api = user;
    weir_error failure = {0};
    if (weir_pipeline_failure(api->pipeline, &failure) != WEIR_OK) {
        return weir_rest_fail(response, 503, "stage_failed", failure.message);
    }
    weir_buf_append_text(&response->body, "{\"status\":\"ok\"}");
    return WEIR_OK;
}

/* The ids of the applications that are paused, as an array. */
static void write_paused(const weir_rest_api *api, weir_buf *to)
{
    weir_json json = weir_json_of(to);
    weir_json_begin_array(&json);
    for (weir_stage stage = 0; stage < WEIR_STAGE_COUNT; stage++) {
        weir_application *application = weir_pipeline_application(api->pipeline, stage);
        if (application != NULL && weir_application_is_paused(application)) {
            weir_json_text(&json, weir_application_id(application));
        }
    }
    weir_json_end_array(&json);
}

weir_status weir_rest_get_readyz(void *user, const weir_rest_request *request,
                                 weir_rest_response *response, weir_error *err)
{
    (void)request;
    const weir_rest_api *api = user;
    weir_error own = {0};
    err = err == NULL ? &own : err;
    weir_status answers =
        weir_broker_check(weir_pipeline_broker(api->pipeline), BROKER_TIMEOUT_MS, err);
    bool ready = answers == WEIR_OK;
    WEIR_AUTO(weir_buf) states = {0};
    weir_json json = weir_json_of(&states);
    weir_json_begin_object(&json);
    for (weir_stage stage = 0; stage < WEIR_STAGE_COUNT; stage++) {
        weir_application *application = weir_pipeline_application(api->pipeline, stage);
        if (application != NULL) {
            weir_application_state state = weir_application_state_now(application);
            ready = ready && state == WEIR_APPLICATION_RUNNING;
            weir_json_member_text(&json, weir_application_id(application),
                                  weir_application_state_name(state));
        }
    }
    weir_json_end_object(&json);
    WEIR_AUTO(weir_buf) paused = {0};
    write_paused(api, &paused);
    response->status = ready ? 200 : 503;
    weir_json answer = weir_json_of(&response->body);
    weir_json_begin_object(&answer);
    weir_json_member_text(&answer, "status", ready ? "ready" : "not_ready");
    weir_json_member_text(&answer, "broker", answers == WEIR_OK ? "ok" : err->message);
    weir_json_key(&answer, "applications");
    weir_json_raw(&answer, weir_buf_bytes(&states));
    weir_json_key(&answer, "paused");
    weir_json_raw(&answer, weir_buf_bytes(&paused));
    weir_json_end_object(&answer);
    return WEIR_OK;
}

/* Tells an application to pause, or to go on, and answers how it is now. */
static weir_status tell_application(const weir_rest_api *api, const weir_rest_request *request,
                                    weir_rest_response *response,
                                    void (*tell)(weir_application *application))
{
    weir_application *application = weir_rest_application_named(api, request, response);
    if (application == NULL) {
        return WEIR_OK;
    }
    tell(application);
    weir_json json = weir_json_of(&response->body);
    weir_json_begin_object(&json);
    weir_json_member_text(&json, "application", weir_application_id(application));
    weir_json_member_bool(&json, "paused", weir_application_is_paused(application));
    weir_json_end_object(&json);
    return WEIR_OK;
}

weir_status weir_rest_post_pause(void *user, const weir_rest_request *request,
                                 weir_rest_response *response, weir_error *err)
{
    (void)err;
    return tell_application(user, request, response, weir_application_pause);
}

weir_status weir_rest_post_resume(void *user, const weir_rest_request *request,
                                  weir_rest_response *response, weir_error *err)
{
    (void)err;
    return tell_application(user, request, response, weir_application_resume);
}

weir_status weir_rest_get_metrics(void *user, const weir_rest_request *request,
                                  weir_rest_response *response, weir_error *err)
{
    (void)request;
    const weir_rest_api *api = user;
    weir_process_stats stats;
    WEIR_TRY(weir_process_stats_read(&stats, err));
    response->content_type = "text/plain; version=0.0.4; charset=utf-8";
    weir_metrics_expose(weir_pipeline_metrics(api->pipeline), &response->body);
    weir_process_stats_expose(&stats, &response->body);
    return WEIR_OK;
}

weir_status weir_rest_get_openapi(void *user, const weir_rest_request *request,
                                  weir_rest_response *response, weir_error *err)
{
    (void)user;
    (void)request;
    (void)err;
    weir_buf_append(&response->body, weir_openapi_json, weir_openapi_json_bytes);
    return WEIR_OK;
}

/* Cuts a description at its sub-topologies and writes each. */
static void write_subtopologies(weir_json *json, const char *text)
{
    static const char heading[] = "  Sub-topology: ";
    const char *at = strstr(text, heading);
    while (at != NULL) {
        const char *next = strstr(at + 1, heading);
        size_t size = next != NULL ? (size_t)(next - at) : strlen(at);
        weir_json_begin_object(json);
        weir_json_member_i64(json, "id", strtol(at + strlen(heading), NULL, 10));
        weir_json_member_bytes(json, "description", weir_bytes_of(at, size));
        weir_json_end_object(json);
        at = next;
    }
}

static void write_topology(weir_json *json, weir_application *application, const char *stage,
                           const char *text)
{
    weir_json_begin_object(json);
    weir_json_member_text(json, "application", weir_application_id(application));
    weir_json_member_text(json, "stage", stage);
    weir_json_member_text(json, "state",
                          weir_application_state_name(weir_application_state_now(application)));
    weir_json_member_bool(json, "paused", weir_application_is_paused(application));
    weir_json_key(json, "subtopologies");
    weir_json_begin_array(json);
    write_subtopologies(json, text);
    weir_json_end_array(json);
    weir_json_end_object(json);
}

weir_status weir_rest_get_topology(void *user, const weir_rest_request *request,
                                   weir_rest_response *response, weir_error *err)
{
    const weir_rest_api *api = user;
    bool as_text = false;
    WEIR_TRY(weir_rest_format(request, "text", &as_text, err));
    WEIR_AUTO(weir_buf) all = {0};
    weir_json json = weir_json_of(&response->body);
    weir_json_begin_object(&json);
    weir_json_key(&json, "applications");
    weir_json_begin_array(&json);
    for (weir_stage stage = 0; stage < WEIR_STAGE_COUNT; stage++) {
        weir_application *application = weir_pipeline_application(api->pipeline, stage);
        if (application == NULL) {
            continue;
        }
        WEIR_AUTO(weir_buf) text = {0};
        weir_topology_describe(weir_pipeline_topology(api->pipeline, stage), &text);
        weir_buf_append_format(&all, "%s\n%s\n", weir_application_id(application),
                               weir_buf_text(&text));
        write_topology(&json, application, weir_pipeline_stage_name(stage), weir_buf_text(&text));
    }
    weir_json_end_array(&json);
    weir_json_end_object(&json);
    if (as_text) {
        response->content_type = "text/plain; charset=utf-8";
        weir_buf_set(&response->body, weir_buf_bytes(&all));
    }
    return WEIR_OK;
}
