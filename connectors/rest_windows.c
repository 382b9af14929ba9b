/* SPDX-License-Identifier: Apache-2.0
 *
 * rest_windows.c - questions in the arguments of a URL, their answers in JSON.
 */
#include "connectors/rest_windows.h"

#include "connectors/rest_cursor.h"
#include "streams/base/base64.h"

typedef struct writing {
    const weir_rest_windows *windows;
    weir_json *json;
    weir_buf last; /* The place of the last window. */
} writing;

static void write_bytes(const weir_rest_windows *windows, const char *name, weir_bytes bytes,
                        weir_json *json)
{
    if (windows->write != NULL && bytes.data != NULL) {
        windows->write(windows->user, name, bytes, json);
        return;
    }
    weir_json_member_bytes(json, name, bytes);
}

static void write_time(weir_json *json, const char *name, bool is_known, int64_t ms)
{
    weir_json_key(json, name);
    if (is_known) {
        weir_json_i64(json, ms);
    } else {
        weir_json_null(json);
    }
}

static weir_status write_window(void *user, const weir_query_window *window, weir_error *err)
{
    writing *self = user;
    (void)err;
    weir_json_begin_object(self->json);
    write_bytes(self->windows, "key", window->key, self->json);
    weir_json_member_i64(self->json, "start_ms", window->start_ms);
    write_time(self->json, "end_ms", window->end_ms >= 0, window->end_ms);
    write_bytes(self->windows, "value", window->value, self->json);
    write_time(self->json, "timestamp_ms", window->timestamp_ms >= 0, window->timestamp_ms);
    weir_json_end_object(self->json);
    weir_buf_set(&self->last, window->place);
    return WEIR_OK;
}

/* Whether ?order= is the one that is not the default. */
static weir_status read_order(const weir_rest_request *request, const char *usual,
                              const char *other, bool *out_other, weir_error *err)
{
    weir_bytes order = weir_rest_query(request, "order");
    *out_other = weir_bytes_equal(order, weir_bytes_of_text(other));
    return order.data == NULL || *out_other || weir_bytes_equal(order, weir_bytes_of_text(usual))
               ? WEIR_OK
               : weir_error_set(err, WEIR_BAD_RECORD, "order is neither %s nor %s", usual, other);
}

static weir_status read_windows(const weir_rest_windows *windows, const weir_rest_request *request,
                                weir_buf *place, weir_query_windows *out_query, weir_error *err)
{
    int64_t limit = WEIR_REST_WINDOWS_DEFAULT;
    *out_query = (weir_query_windows){
        .store = windows->store,
        .key = weir_rest_query(request, "key"),
        .from_key = weir_rest_query(request, "from_key"),
        .to_key = weir_rest_query(request, "to_key"),
        .to_ms = INT64_MAX,
        .terms = windows->terms,
    };
    WEIR_TRY(weir_rest_query_i64(request, "limit", 1, WEIR_REST_WINDOWS_MAX, &limit, err));
    WEIR_TRY(weir_rest_query_i64(request, "from_ms", 0, INT64_MAX, &out_query->from_ms, err));
    WEIR_TRY(weir_rest_query_i64(request, "to_ms", out_query->from_ms, INT64_MAX, &out_query->to_ms,
                                 err));
    WEIR_TRY(read_order(request, "asc", "desc", &out_query->backwards, err));
    WEIR_TRY(weir_rest_cursor_read(request, place, &out_query->after, err));
    if (out_query->after.size == 0) {
        out_query->after = WEIR_BYTES_NULL; /* No place of a window is empty. */
    }
    out_query->limit = (size_t)limit;
    return WEIR_OK;
}

weir_status weir_rest_answer_windows(const weir_rest_windows *windows,
                                     const weir_rest_request *request, weir_rest_response *response,
                                     weir_error *err)
{
    WEIR_AUTO(weir_buf) place = {0};
    WEIR_AUTO(weir_buf) cursor = {0};
    weir_query_windows query = {0};
    bool more = false;
    WEIR_TRY(read_windows(windows, request, &place, &query, err));
    weir_json json = weir_json_of(&response->body);
    writing self = {.windows = windows, .json = &json};
    weir_json_begin_object(&json);
    weir_json_key(&json, "windows");
    weir_json_begin_array(&json);
    weir_status status =
        weir_query_windows_visit(windows->application, &query, write_window, &self, &more, err);
    weir_json_end_array(&json);
    weir_base64url_append(&cursor, weir_buf_bytes(&self.last));
    weir_json_member_bytes(&json, "next_cursor", more ? weir_buf_bytes(&cursor) : WEIR_BYTES_NULL);
    weir_json_end_object(&json);
    weir_buf_cleanup(&self.last);
    return status;
}

static weir_status write_version(void *user, const weir_versioned_value *version, weir_error *err)
{
    const writing *self = user;
    (void)err;
    weir_json_begin_object(self->json);
    weir_json_member_i64(self->json, "from_ms", version->from_ms);
    write_time(self->json, "to_ms", version->to_ms >= 0, version->to_ms);
    write_bytes(self->windows, "value", version->value, self->json);
    weir_json_end_object(self->json);
    return WEIR_OK;
}

weir_status weir_rest_answer_versions(const weir_rest_windows *windows,
                                      const weir_rest_request *request,
                                      weir_rest_response *response, weir_error *err)
{
    weir_query_span span = {
        .store = windows->store,
        .key = weir_rest_query(request, "key"),
        .to_ms = INT64_MAX,
        .terms = windows->terms,
    };
    if (span.key.data == NULL) {
        return weir_error_set(err, WEIR_BAD_RECORD, "key is missing: of which are the versions?");
    }
    WEIR_TRY(weir_rest_query_i64(request, "from_ms", 0, INT64_MAX, &span.from_ms, err));
    WEIR_TRY(weir_rest_query_i64(request, "to_ms", span.from_ms, INT64_MAX, &span.to_ms, err));
    if (weir_rest_query(request, "as_of_ms").data != NULL) {
        WEIR_TRY(weir_rest_query_i64(request, "as_of_ms", 0, INT64_MAX, &span.from_ms, err));
        span.to_ms = span.from_ms;
    }
    WEIR_TRY(read_order(request, "desc", "asc", &span.ascending, err));
    weir_json json = weir_json_of(&response->body);
    writing self = {.windows = windows, .json = &json};
    weir_json_begin_object(&json);
    weir_json_key(&json, "versions");
    weir_json_begin_array(&json);
    weir_status status =
        weir_query_versions(windows->application, &span, write_version, &self, err);
    weir_json_end_array(&json);
    weir_json_end_object(&json);
    return status;
}
