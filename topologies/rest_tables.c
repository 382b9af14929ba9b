/* SPDX-License-Identifier: Apache-2.0
 *
 * rest_tables.c - the three tables: a row by its key or by its URL, pages of rows, what there is.
 *
 *   url_latest           key: url_hash, or any URL
 *   content_cluster      key: content_hash
 *   dataset_membership   key: dataset_id/url_hash, or dataset_id/URL
 */
#include "topologies/rest_api_internal.h"
#include "topologies/tables.h"
#include "topologies/url_canon.h"

#include "streams/query.h"

#include <stdlib.h>
#include <string.h>

enum { CONTENT_HASH_BYTES = 64 };

/* One table, as clients know it. */
typedef struct table {
    const char *name; /* Also the store's. */
    weir_topic_id topic;
    weir_status (*make_key)(weir_bytes asked, weir_buf *out_key, weir_error *err);
    const char *hint; /* Where no row has the key: what to try. */
} table;

static bool is_hex(weir_bytes text, size_t size)
{
    const char *from = text.data;
    bool fits = text.size == size;
    for (size_t i = 0; fits && i < size; i++) {
        fits = strchr("0123456789abcdefABCDEF", from[i]) != NULL && from[i] != '\0';
    }
    return fits;
}

static void append_lower_hex(weir_buf *to, weir_bytes hex)
{
    const uint8_t *from = hex.data;
    for (size_t i = 0; i < hex.size; i++) {
        weir_buf_append_byte(to, from[i] <= '9' ? from[i] : from[i] | 0x20);
    }
}

/* Appends the url_hash that asked is, or that the URL asked has. */
static weir_status append_url_key(weir_bytes asked, weir_buf *out_key, weir_error *err)
{
    if (is_hex(asked, WEIR_URL_HASH_BYTES)) {
        append_lower_hex(out_key, asked);
        return WEIR_OK;
    }
    WEIR_AUTO(weir_buf) url = {0};
    weir_error refused = {0};
    if (weir_url_canon(asked, NULL, &url, &refused) != WEIR_OK) {
        return weir_error_set(err, WEIR_BAD_RECORD,
                              "the key is neither a url_hash (32 hexadecimal digits) nor a URL: %s",
                              refused.message);
    }
    char hash[WEIR_URL_HASH_BYTES + 1];
    weir_url_hash(weir_buf_bytes(&url), hash);
    weir_buf_append(out_key, hash, WEIR_URL_HASH_BYTES);
    return WEIR_OK;
}

static weir_status make_content_key(weir_bytes asked, weir_buf *out_key, weir_error *err)
{
    if (!is_hex(asked, CONTENT_HASH_BYTES)) {
        return weir_error_set(err, WEIR_BAD_RECORD,
                              "the key is no content_hash (%d hexadecimal digits): a row of "
                              "url_latest names that of a URL",
                              CONTENT_HASH_BYTES);
    }
    append_lower_hex(out_key, asked);
    return WEIR_OK;
}

static weir_status make_membership_key(weir_bytes asked, weir_buf *out_key, weir_error *err)
{
    const char *slash = memchr(asked.data, '/', asked.size);
    size_t size = slash == NULL ? 0 : (size_t)(slash - (const char *)asked.data);
    if (size == 0 || slash[-1] == ':') {
        return weir_error_set(err, WEIR_BAD_RECORD,
                              "the key is dataset_id/url_hash or dataset_id/URL: try %s/ before it",
                              WEIR_DATASET_DEFAULT);
    }
    weir_buf_append(out_key, asked.data, size + 1);
    return append_url_key(weir_bytes_of(slash + 1, asked.size - size - 1), out_key, err);
}

static const table tables[] = {
    {WEIR_TABLE_URL_LATEST, WEIR_TOPIC_URL_LATEST, append_url_key,
     "The URL was not crawled yet: POST /v1/crawl-jobs asks for it. A ? in it is sent as %3F"},
    {WEIR_TABLE_CONTENT_CLUSTER, WEIR_TOPIC_CONTENT_CLUSTER, make_content_key,
     "No page with this text was seen yet: the content_hash of a page is in its url_latest row"},
    {WEIR_TABLE_DATASET_MEMBERSHIP, WEIR_TOPIC_DATASET_MEMBERSHIP, make_membership_key,
     "The page was not judged yet: its row in url_latest tells how far it came. A ? in a URL is "
     "sent as %3F"},
};

/* The table that request names; NULL: response says which there are. */
static const table *table_of(const weir_rest_request *request, weir_rest_response *response)
{
    weir_bytes name = weir_rest_parameter(request, "table");
    for (size_t i = 0; i < WEIR_COUNT_OF(tables); i++) {
        if (weir_bytes_equal(name, weir_bytes_of_text(tables[i].name))) {
            return &tables[i];
        }
    }
    (void)weir_rest_refuse(response, 404, "unknown_table",
                           "There is no table of this name. The tables are %s, %s and %s.",
                           tables[0].name, tables[1].name, tables[2].name);
    return NULL;
}

static weir_rest_page page_of(const weir_rest_api *api, const table *of,
                              weir_application *application)
{
    return (weir_rest_page){
        .api = api,
        .application = application,
        .store = of->name,
        .partition_count = weir_pipeline_profile(api->pipeline)->table_partitions,
    };
}

static weir_status answer_row(const weir_rest_page *page, const table *of, weir_bytes key,
                              weir_rest_response *response, weir_error *err)
{
    WEIR_AUTO(weir_buf) value = {0};
    weir_status status =
        weir_query_get(page->application, of->name, key, WEIR_BYTES_NULL, &value, err);
    if (status == WEIR_NOT_FOUND) {
        return weir_rest_refuse(response, 404, "row_not_found",
                                "No row of %s has the key %.*s. %s.", of->name, (int)key.size,
                                (const char *)key.data, of->hint);
    }
    WEIR_TRY(status);
    weir_json json = weir_json_of(&response->body);
    weir_json_begin_object(&json);
    weir_json_member_text(&json, "table", of->name);
    weir_rest_row_write(page, key, weir_buf_bytes(&value), &json);
    weir_json_end_object(&json);
    return WEIR_OK;
}

weir_status weir_rest_get_row(void *user, const weir_rest_request *request,
                              weir_rest_response *response, weir_error *err)
{
    const weir_rest_api *api = user;
    const table *of = table_of(request, response);
    if (of == NULL) {
        return WEIR_OK;
    }
    WEIR_AUTO(weir_buf) key = {0};
    weir_error refused = {0};
    if (of->make_key(weir_rest_parameter(request, "key"), &key, &refused) != WEIR_OK) {
        return weir_rest_refuse(response, 400, "bad_key", "%s: %s.", of->name, refused.message);
    }
    weir_application *application = weir_rest_application(api, WEIR_STAGE_TABLES, response);
    if (application == NULL) {
        return WEIR_OK;
    }
    weir_rest_page page = page_of(api, of, application);
    return answer_row(&page, of, weir_buf_bytes(&key), response, err);
}

weir_status weir_rest_get_table(void *user, const weir_rest_request *request,
                                weir_rest_response *response, weir_error *err)
{
    const weir_rest_api *api = user;
    const table *of = table_of(request, response);
    weir_application *application =
        of == NULL ? NULL : weir_rest_application(api, WEIR_STAGE_TABLES, response);
    if (application == NULL) {
        return WEIR_OK;
    }
    weir_rest_page page = page_of(api, of, application);
    weir_json json = weir_json_of(&response->body);
    weir_json_begin_object(&json);
    weir_json_member_text(&json, "table", of->name);
    WEIR_TRY(weir_rest_page_write(&page, request, &json, err));
    weir_json_end_object(&json);
    return WEIR_OK;
}

/* Writes one table, if the store is one. */
static weir_status write_table(void *user, const weir_query_store *store, weir_error *err)
{
    (void)err;
    weir_json *json = user;
    for (size_t i = 0; i < WEIR_COUNT_OF(tables); i++) {
        if (strcmp(tables[i].name, store->name) != 0) {
            continue;
        }
        const weir_topic_entry *topic = weir_topic(tables[i].topic);
        weir_json_begin_object(json);
        weir_json_member_text(json, "name", tables[i].name);
        weir_json_member_text(json, "key", topic->key);
        weir_json_member_text(json, "topic", topic->name);
        weir_json_member_i64(json, "partitions", store->partition_count);
        weir_json_member_i64(json, "partitions_here", store->partitions_here);
        weir_json_member_i64(json, "approximate_rows", (int64_t)store->row_count);
        weir_json_end_object(json);
    }
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
