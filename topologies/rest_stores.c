/* SPDX-License-Identifier: Apache-2.0
 *
 * rest_stores.c - the stores of every application, and their rows as they are: keys and values of
 * state that no table shows, for people who debug.
 */
#include "topologies/rest_api_internal.h"

#include "connectors/rest_changes.h"
#include "streams/query.h"

#include <stdlib.h>
#include <string.h>

/* Where the stores of an application are written. */
typedef struct store_list {
    weir_json *json;
    const char *application_id;
    const char *stage;
} store_list;

static weir_status write_store(void *user, const weir_query_store *store, weir_error *err)
{
    (void)err;
    const store_list *list = user;
    weir_json *json = list->json;
    weir_json_begin_object(json);
    weir_json_member_text(json, "application", list->application_id);
    weir_json_member_text(json, "stage", list->stage);
    weir_json_member_text(json, "name", store->name);
    weir_json_member_i64(json, "subtopology", store->subtopology);
    weir_json_member_i64(json, "partitions", store->partition_count);
    weir_json_member_i64(json, "partitions_here", store->partitions_here);
    weir_json_member_i64(json, "approximate_rows", (int64_t)store->row_count);
    weir_json_member_text(json, "changelog", store->changelog);
    weir_json_end_object(json);
    return WEIR_OK;
}

weir_status weir_rest_get_stores(void *user, const weir_rest_request *request,
                                 weir_rest_response *response, weir_error *err)
{
    (void)request;
    const weir_rest_api *api = user;
    weir_json json = weir_json_of(&response->body);
    weir_json_begin_object(&json);
    weir_json_key(&json, "stores");
    weir_json_begin_array(&json);
    for (weir_stage stage = 0; stage < WEIR_STAGE_COUNT; stage++) {
        weir_application *application = weir_pipeline_application(api->pipeline, stage);
        if (application == NULL) {
            continue;
        }
        store_list list = {&json, weir_application_id(application),
                           weir_pipeline_stage_name(stage)};
        WEIR_TRY(weir_query_stores(application, write_store, &list, err));
    }
    weir_json_end_array(&json);
    weir_json_end_object(&json);
    return WEIR_OK;
}

weir_application *weir_rest_application_named(const weir_rest_api *api,
                                              const weir_rest_request *request,
                                              weir_rest_response *response)
{
    weir_bytes name = weir_rest_parameter(request, "application");
    WEIR_AUTO(weir_buf) known = {0};
    for (weir_stage stage = 0; stage < WEIR_STAGE_COUNT; stage++) {
        weir_application *application = weir_pipeline_application(api->pipeline, stage);
        if (application == NULL) {
            continue;
        }
        const char *id = weir_application_id(application);
        if (weir_bytes_equal(name, weir_bytes_of_text(id)) ||
            weir_bytes_equal(name, weir_bytes_of_text(weir_pipeline_stage_name(stage)))) {
            return application;
        }
        weir_buf_append_format(&known, "%s%s", known.size > 0 ? ", " : "", id);
    }
    (void)weir_rest_refuse(response, 404, "unknown_application",
                           "No application of this name runs in this process. Those that do: %s.",
                           weir_buf_text(&known));
    return NULL;
}

static weir_status write_page(const weir_rest_page *page, const weir_rest_request *request,
                              weir_rest_response *response, weir_error *err)
{
    weir_json json = weir_json_of(&response->body);
    weir_json_begin_object(&json);
    weir_json_member_text(&json, "application", weir_application_id(page->application));
    weir_json_member_text(&json, "store", page->store);
    WEIR_TRY(weir_rest_page_write(page, request, &json, err));
    weir_json_end_object(&json);
    return WEIR_OK;
}

typedef struct wanted_store {
    const char *name;
    bool is_there;
} wanted_store;

static weir_status compare_store(void *user, const weir_query_store *store, weir_error *err)
{
    (void)err;
    wanted_store *wanted = user;
    wanted->is_there = wanted->is_there || strcmp(store->name, wanted->name) == 0;
    return WEIR_OK;
}

static bool has_store(weir_application *application, const char *name)
{
    wanted_store wanted = {.name = name};
    return weir_query_stores(application, compare_store, &wanted, NULL) == WEIR_OK &&
           wanted.is_there;
}

static weir_status refuse_store(weir_application *application, weir_rest_response *response)
{
    return weir_rest_refuse(response, 404, "unknown_store",
                            "The application %s has no such store: GET /v1/stores lists them.",
                            weir_application_id(application));
}

weir_status weir_rest_get_store(void *user, const weir_rest_request *request,
                                weir_rest_response *response, weir_error *err)
{
    const weir_rest_api *api = user;
    weir_application *application = weir_rest_application_named(api, request, response);
    if (application == NULL) {
        return WEIR_OK;
    }
    bool as_lines = false;
    WEIR_TRY(weir_rest_format(request, "lines", &as_lines, err));
    WEIR_AUTO_FREE char *store = weir_bytes_to_text(weir_rest_parameter(request, "store"));
    weir_rest_page page = {.api = api, .application = application, .store = store};
    weir_status status = as_lines ? weir_rest_page_lines(&page, request, response, err)
                                  : write_page(&page, request, response, err);
    if (status == WEIR_INVALID && has_store(application, store)) {
        return WEIR_BAD_RECORD; /* Arguments that cannot be met. */
    }
    return status == WEIR_INVALID ? refuse_store(application, response) : status;
}

static void write_part(void *user, const char *name, weir_bytes bytes, weir_json *json)
{
    if (strcmp(name, "key") == 0) {
        weir_rest_key_write(bytes, json);
    } else {
        weir_rest_value_write(user, name, bytes, json);
    }
}

weir_status weir_rest_get_changes(void *user, const weir_rest_request *request,
                                  weir_rest_response *response, weir_error *err)
{
    weir_application *application = weir_rest_application_named(user, request, response);
    if (application == NULL) {
        return WEIR_OK;
    }
    WEIR_AUTO_FREE char *store = weir_bytes_to_text(weir_rest_parameter(request, "store"));
    const weir_rest_changes changes = {
        .application = application, .store = store, .write = write_part, .user = user};
    weir_status status = weir_rest_answer_changes(&changes, request, response, err);
    return status == WEIR_INVALID ? refuse_store(application, response) : status;
}
