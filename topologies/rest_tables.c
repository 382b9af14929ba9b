/* SPDX-License-Identifier: Apache-2.0
 *
 * rest_tables.c - the three tables: a row by its key or by its URL, pages of rows, what there is.
 */
#include "topologies/rest_api_internal.h"
#include "topologies/table_key.h"

#include "streams/query.h"

#include <stdlib.h>

/* The table that request names; NULL: response says which there are. */
static const weir_table *table_of(const weir_rest_request *request, weir_rest_response *response)
{
    const weir_table *table = weir_table_named(weir_rest_parameter(request, "table"));
    if (table == NULL) {
        (void)weir_rest_refuse(response, 404, "unknown_table",
                               "There is no table of this name. The tables are %s, %s and %s.",
                               weir_tables[0].name, weir_tables[1].name, weir_tables[2].name);
    }
    return table;
}

static weir_rest_page page_of(const weir_rest_api *api, const weir_table *of,
                              weir_application *application)
{
    return (weir_rest_page){
        .api = api,
        .application = application,
        .store = of->name,
        .partition_count = weir_pipeline_profile(api->pipeline)->table_partitions,
    };
}

static weir_status answer_row(const weir_rest_page *page, const weir_table *of, weir_bytes key,
                              const weir_rest_request *request, weir_rest_response *response,
                              weir_error *err)
{
    WEIR_AUTO(weir_buf) value = {0};
    WEIR_AUTO(weir_rest_terms) terms = {0};
    WEIR_TRY(weir_rest_terms_read(request, &terms, err));
    const weir_query_key query = {
        .store = of->name, .key = key, .terms = &terms.query, .answer = &terms.answer};
    weir_status status = weir_query_row(page->application, &query, &value, err);
    if (status == WEIR_NOT_FOUND) {
        return weir_rest_refuse(response, 404, "row_not_found",
                                "No row of %s has the key %.*s. %s.", of->name, (int)key.size,
                                (const char *)key.data, of->hint);
    }
    if (status == WEIR_AGAIN &&
        weir_rest_send_to_owner(page->application, of->name, key, request, response) == WEIR_OK) {
        return WEIR_OK;
    }
    WEIR_TRY(status == WEIR_INVALID ? WEIR_BAD_RECORD : status); /* Terms that cannot be met. */
    weir_json json = weir_json_of(&response->body);
    weir_json_begin_object(&json);
    weir_json_member_text(&json, "table", of->name);
    weir_rest_row_write(page, key, weir_buf_bytes(&value), &json);
    weir_rest_terms_write(&terms, &json);
    weir_json_end_object(&json);
    return WEIR_OK;
}

weir_status weir_rest_get_row(void *user, const weir_rest_request *request,
                              weir_rest_response *response, weir_error *err)
{
    const weir_rest_api *api = user;
    const weir_table *of = table_of(request, response);
    if (of == NULL) {
        return WEIR_OK;
    }
    WEIR_AUTO(weir_buf) key = {0};
    weir_error refused = {0};
    if (weir_table_key(of, weir_rest_parameter(request, "key"), &key, &refused) != WEIR_OK) {
        return weir_rest_refuse(response, 400, "bad_key", "%s: %s.", of->name, refused.message);
    }
    weir_application *application = weir_rest_application(api, WEIR_STAGE_TABLES, response);
    if (application == NULL) {
        return WEIR_OK;
    }
    weir_rest_page page = page_of(api, of, application);
    return answer_row(&page, of, weir_buf_bytes(&key), request, response, err);
}

static weir_status answer_page(const weir_rest_page *page, const weir_table *of,
                               const weir_rest_request *request, weir_rest_response *response,
                               weir_error *err)
{
    bool as_lines = false;
    WEIR_TRY(weir_rest_format(request, "lines", &as_lines, err));
    if (as_lines) {
        return weir_rest_page_lines(page, request, response, err);
    }
    weir_json json = weir_json_of(&response->body);
    weir_json_begin_object(&json);
    weir_json_member_text(&json, "table", of->name);
    WEIR_TRY(weir_rest_page_write(page, request, &json, err));
    weir_json_end_object(&json);
    return WEIR_OK;
}

weir_status weir_rest_get_table(void *user, const weir_rest_request *request,
                                weir_rest_response *response, weir_error *err)
{
    const weir_rest_api *api = user;
    const weir_table *of = table_of(request, response);
    weir_application *application =
        of == NULL ? NULL : weir_rest_application(api, WEIR_STAGE_TABLES, response);
    if (application == NULL) {
        return WEIR_OK;
    }
    weir_rest_page page = page_of(api, of, application);
    weir_status status = answer_page(&page, of, request, response, err);
    return status == WEIR_INVALID ? WEIR_BAD_RECORD : status; /* Arguments that cannot be met. */
}

/* Writes one table, if the store is one. */
static weir_status write_table(void *user, const weir_query_store *store, weir_error *err)
{
    (void)err;
    weir_json *json = user;
    const weir_table *table = weir_table_named(weir_bytes_of_text(store->name));
    if (table == NULL) {
        return WEIR_OK;
    }
    const weir_topic_entry *topic = weir_topic(table->topic);
    weir_json_begin_object(json);
    weir_json_member_text(json, "name", table->name);
    weir_json_member_text(json, "key", topic->key);
    weir_json_member_text(json, "topic", topic->name);
    weir_json_member_i64(json, "partitions", store->partition_count);
    weir_json_member_i64(json, "partitions_here", store->partitions_here);
    weir_json_member_i64(json, "approximate_rows", (int64_t)store->row_count);
    weir_json_end_object(json);
    return WEIR_OK;
}

weir_status weir_rest_get_tables(void *user, const weir_rest_request *request,
                                 weir_rest_response *response, weir_error *err)
{
    (void)request;
    const weir_rest_api *api = user;
    weir_application *application = weir_rest_application(api, WEIR_STAGE_TABLES, response);
    if (application == NULL) {
        return WEIR_OK;
    }
    weir_json json = weir_json_of(&response->body);
    weir_json_begin_object(&json);
    weir_json_key(&json, "tables");
    weir_json_begin_array(&json);
    WEIR_TRY(weir_query_stores(application, write_table, &json, err));
    weir_json_end_array(&json);
    weir_json_end_object(&json);
    return WEIR_OK;
}
