/* SPDX-License-Identifier: Apache-2.0
 *
 * rest_page.c - rows of a store, a page at a time.
 *
 * A page begins behind its cursor (rest_cursor.h), the last key of the page before, and ends at its
 * limit of rows, or where it has become large.
 */
#include "topologies/rest_api_internal.h"
#include "topologies/utf8.h"

#include "connectors/rest_cursor.h"
#include "streams/base/base64.h"
#include "streams/base/hash.h"
#include "streams/query.h"

enum { PAGE_BYTES_MAX = 8 << 20 };

/* Appends the member name_hex. */
static void write_hex(weir_json *json, const char *name, weir_bytes bytes)
{
    WEIR_AUTO_FREE char *member = weir_format("%s_hex", name);
    WEIR_AUTO_FREE char *hex = weir_alloc(2 * bytes.size + 1);
    weir_hex(bytes.data, bytes.size, hex);
    weir_json_member_text(json, member, hex);
}

void weir_rest_key_write(weir_bytes key, weir_json *json)
{
    if (weir_utf8_is_well_formed(key)) {
        weir_json_member_bytes(json, "key", key);
    } else {
        write_hex(json, "key", key);
    }
}

void weir_rest_value_write(const weir_rest_api *api, const char *name, weir_bytes value,
                           weir_json *json)
{
    WEIR_AUTO(weir_buf) text = {0};
    weir_error err = {0};
    if (weir_codec_to_json(weir_pipeline_codec(api->pipeline), value, &text, &err) == WEIR_OK) {
        weir_json_key(json, name);
        weir_json_raw(json, weir_buf_bytes(&text));
    } else {
        write_hex(json, name, value);
    }
}

void weir_rest_row_write(const weir_rest_page *page, weir_bytes key, weir_bytes value,
                         weir_json *json)
{
    weir_rest_key_write(key, json);
    if (page->partition_count > 0) {
        weir_json_member_i64(json, "partition", weir_partition_of(key, page->partition_count));
    }
    weir_rest_value_write(page->api, "value", value, json);
}

/* A page while it is written. */
typedef struct writing {
    const weir_rest_page *page;
    weir_json *json;
    bool as_lines;
    size_t start_bytes; /* Of the body, before the first row. */
    weir_buf last_key;
    bool has_next; /* Another page follows last_key. */
    weir_rest_terms terms;
} writing;

static void writing_cleanup(writing *self)
{
    weir_buf_cleanup(&self->last_key);
    weir_rest_terms_cleanup(&self->terms);
}

static weir_status write_row(void *user, weir_bytes key, weir_bytes value, weir_error *err)
{
    (void)err;
    writing *self = user;
    if (self->json->to->size - self->start_bytes > PAGE_BYTES_MAX) {
        self->has_next = true;
        return WEIR_NOT_FOUND; /* Ends the scan; the next page begins here. */
    }
    weir_json_begin_object(self->json);
    weir_rest_row_write(self->page, key, value, self->json);
    weir_json_end_object(self->json);
    if (self->as_lines) {
        weir_buf_append_byte(self->json->to, '\n');
    }
    weir_buf_set(&self->last_key, key);
    return WEIR_OK;
}

/* In which order, and of which partition. */
static weir_status scan_more(const weir_rest_request *request, weir_query_scan *scan,
                             weir_error *err)
{
    weir_bytes order = weir_rest_query(request, "order");
    scan->backwards = weir_bytes_equal(order, WEIR_BYTES("desc"));
    if (order.data != NULL && !scan->backwards && !weir_bytes_equal(order, WEIR_BYTES("asc"))) {
        return weir_error_set(err, WEIR_BAD_RECORD, "order is asc or desc");
    }
    int64_t partition = -1;
    WEIR_TRY(weir_rest_query_i64(request, "partition", 0, INT32_MAX, &partition, err));
    scan->has_partition = partition >= 0;
    scan->partition = (int32_t)partition;
    return WEIR_OK;
}

/* What the arguments of request ask for; after is where the cursor is decoded to. */
static weir_status scan_of(const weir_rest_page *page, const weir_rest_request *request,
                           weir_buf *after, weir_query_scan *out_scan, weir_error *err)
{
    int64_t limit = WEIR_REST_LIMIT_DEFAULT;
    WEIR_TRY(weir_rest_query_i64(request, "limit", 1, WEIR_REST_LIMIT_MAX, &limit, err));
    weir_bytes place = {0};
    WEIR_TRY(weir_rest_cursor_read(request, after, &place, err));
    *out_scan = (weir_query_scan){
        .store = page->store,
        .prefix = weir_rest_query(request, "prefix"),
        .from = weir_rest_query(request, "from"),
        .to = weir_rest_query(request, "to"),
        .after = place,
        .limit = (size_t)limit,
    };
    return scan_more(request, out_scan, err);
}

static weir_status write_rows(writing *self, const weir_rest_request *request, weir_error *err)
{
    WEIR_AUTO(weir_buf) after = {0};
    weir_query_scan scan;
    bool more = false;
    self->start_bytes = self->json->to->size;
    WEIR_TRY(scan_of(self->page, request, &after, &scan, err));
    WEIR_TRY(weir_rest_terms_read(request, &self->terms, err));
    scan.terms = &self->terms.query;
    scan.answer = &self->terms.answer;
    weir_status status =
        weir_query_rows(self->page->application, &scan, write_row, self, &more, err);
    if (self->has_next) {
        return WEIR_OK;
    }
    self->has_next = more;
    return status;
}

weir_status weir_rest_page_write(const weir_rest_page *page, const weir_rest_request *request,
                                 weir_json *json, weir_error *err)
{
    WEIR_ASSERT(page->application != NULL && page->store != NULL);
    WEIR_AUTO(writing) self = {.page = page, .json = json};
    weir_json_key(json, "rows");
    weir_json_begin_array(json);
    WEIR_TRY(write_rows(&self, request, err));
    weir_json_end_array(json);
    WEIR_AUTO(weir_buf) cursor = {0};
    weir_base64url_append(&cursor, weir_buf_bytes(&self.last_key));
    weir_json_member_bytes(json, "next_cursor",
                           self.has_next ? weir_buf_bytes(&cursor) : WEIR_BYTES_NULL);
    weir_rest_terms_write(&self.terms, json);
    return WEIR_OK;
}

weir_status weir_rest_page_lines(const weir_rest_page *page, const weir_rest_request *request,
                                 weir_rest_response *response, weir_error *err)
{
    WEIR_ASSERT(page->application != NULL && page->store != NULL);
    weir_json json = weir_json_of(&response->body);
    WEIR_AUTO(writing) self = {.page = page, .json = &json, .as_lines = true};
    WEIR_TRY(write_rows(&self, request, err));
    response->content_type = "application/x-ndjson";
    if (self.has_next) {
        response->header_name = "Weir-Next-Cursor";
        weir_base64url_append(&response->header_value, weir_buf_bytes(&self.last_key));
    }
    return WEIR_OK;
}
