/* SPDX-License-Identifier: Apache-2.0
 *
 * table_reader.c - the two ways to a table's rows. Both give the same lines, because the topic is
 * the changelog of the store that REST reads.
 */
#include "topologies/table_reader.h"

#include "avro/codec.h"
#include "connectors/broker_embedded.h"
#include "connectors/http_curl.h"
#include "statestore/mem_store.h"
#include "streams/base/file.h"
#include "streams/base/hash.h"
#include "streams/base/json.h"
#include "streams/base/json_read.h"
#include "streams/consumer.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PAGE_ROWS = 1000, ANSWER_BYTES_MAX = 64 << 20, POLL_MS = 1000 };

/* From the topic. */

static weir_status take_batch(weir_kv *rows, const weir_batch *batch, weir_bytes prefix,
                              weir_error *err)
{
    for (size_t i = 0; i < batch->count; i++) {
        const weir_record *record = &batch->records[i];
        if (record->key.data == NULL || !weir_bytes_starts_with(record->key, prefix)) {
            continue;
        }
        WEIR_TRY(record->value.data == NULL ? weir_kv_remove(rows, record->key, err)
                                            : weir_kv_put(rows, record->key, record->value, err));
    }
    return WEIR_OK;
}

static weir_status replay_partition(weir_broker *broker, weir_topic_partition partition,
                                    weir_bytes prefix, weir_kv *rows, weir_error *err)
{
    WEIR_AUTO_PTR(weir_consumer) consumer = NULL;
    int64_t start = 0;
    int64_t end = 0;
    WEIR_TRY(weir_broker_offset(broker, partition, WEIR_OFFSET_EARLIEST, 0, &start, err));
    WEIR_TRY(weir_broker_offset(broker, partition, WEIR_OFFSET_LATEST, 0, &end, err));
    WEIR_TRY(
        weir_consumer_new(broker, &(weir_consumer_options){.client_id = "query"}, &consumer, err));
    WEIR_TRY(weir_consumer_assign(consumer, partition, start, WEIR_RESET_NONE, NULL, err));
    while (weir_consumer_position(consumer, partition) < end) {
        weir_batch *batch = NULL;
        WEIR_TRY(weir_consumer_poll(consumer, POLL_MS, &batch, err));
        weir_status status = take_batch(rows, batch, prefix, err);
        weir_batch_free(batch);
        WEIR_TRY(status);
    }
    return WEIR_OK;
}

static weir_status write_row(const weir_codec *codec, weir_bytes key, int32_t partition,
                             weir_bytes value, weir_buf *line, weir_error *err)
{
    WEIR_AUTO(weir_buf) text = {0};
    WEIR_TRY(weir_codec_to_json(codec, value, &text, err));
    weir_buf_clear(line);
    weir_json json = weir_json_of(line);
    weir_json_begin_object(&json);
    weir_json_member_bytes(&json, "key", key);
    weir_json_member_i64(&json, "partition", partition);
    weir_json_key(&json, "value");
    weir_json_raw(&json, weir_buf_bytes(&text));
    weir_json_end_object(&json);
    weir_buf_append_byte(line, '\n');
    return WEIR_OK;
}

static weir_status write_rows(const weir_codec *codec, weir_kv *rows, int32_t partition_count,
                              const weir_table_scan *scan, size_t *out_count, weir_error *err)
{
    WEIR_AUTO(weir_buf) line = {0};
    WEIR_AUTO_PTR(weir_kv_iterator) iterator = NULL;
    WEIR_TRY(weir_kv_range(rows, WEIR_BYTES_NULL, WEIR_BYTES_NULL, false, &iterator, err));
    *out_count = 0;
    while (*out_count < scan->limit) {
        weir_bytes key;
        weir_bytes value;
        weir_status status = weir_kv_iterator_next(iterator, &key, &value, err);
        if (status == WEIR_NOT_FOUND) {
            return WEIR_OK;
        }
        WEIR_TRY(status);
        WEIR_TRY(write_row(codec, key, weir_partition_of(key, partition_count), value, &line, err));
        scan->write(scan->user, weir_buf_bytes(&line));
        ++*out_count;
    }
    return WEIR_OK;
}

static weir_status open_broker(const char *data_directory, weir_broker **out_broker,
                               weir_error *err)
{
    WEIR_AUTO_FREE char *directory = weir_format("%s/broker", data_directory);
    if (access(directory, R_OK) != 0) {
        return weir_error_set(err, WEIR_INVALID,
                              "there is no data in %s: name the directory of weir run with --data, "
                              "or a running process with --url",
                              data_directory);
    }
    weir_status status = weir_broker_embedded_open(
        &(weir_broker_embedded_options){.directory = directory}, out_broker, err);
    return status == WEIR_INVALID ? WEIR_AGAIN : status;
}

weir_status weir_table_read_topic(const char *data_directory, const weir_table_scan *scan,
                                  size_t *out_count, weir_error *err)
{
    WEIR_ASSERT(scan->table != NULL && scan->write != NULL);
    WEIR_ASSERT(scan->limit > 0);
    WEIR_AUTO_PTR(weir_broker) broker = NULL;
    WEIR_AUTO_PTR(weir_registry) registry = NULL;
    WEIR_AUTO_PTR(weir_codec) codec = NULL;
    WEIR_TRY(open_broker(data_directory, &broker, err));
    WEIR_AUTO_FREE char *schemas = weir_format("%s/schemas", data_directory);
    WEIR_TRY(weir_registry_open(schemas, &registry, err));
    WEIR_TRY(weir_codec_new(registry, &codec, err));
    const char *topic = weir_topic_name(scan->table->topic);
    weir_topic_config config;
    if (weir_broker_describe_topic(broker, topic, &config, err) != WEIR_OK) {
        return weir_error_set(err, WEIR_INVALID, "%s has no topic %s yet", data_directory, topic);
    }
    WEIR_AUTO_PTR(weir_kv) rows = weir_mem_store_new(scan->table->name);
    for (int32_t p = 0; p < config.partition_count; p++) {
        WEIR_TRY(
            replay_partition(broker, (weir_topic_partition){topic, p}, scan->prefix, rows, err));
    }
    return write_rows(codec, rows, config.partition_count, scan, out_count, err);
}

/* From REST. */

/* One page, and the cursor of the next. */
typedef struct page {
    const weir_table_scan *scan;
    weir_buf cursor; /* Empty after the last page. */
    size_t row_count;
    weir_status status;
    weir_error failure;
    bool done;
} page;

static void page_cleanup(page *self)
{
    weir_buf_cleanup(&self->cursor);
}

/* What the server said of a request that it did not answer with rows. */
static void fail_page(page *self, const weir_http_result *result)
{
    WEIR_AUTO_PTR(weir_json_value) root = NULL;
    weir_bytes message = WEIR_BYTES_NULL;
    if (weir_json_parse(result->body, ANSWER_BYTES_MAX, &root, NULL) == WEIR_OK) {
        message = weir_json_value_text(weir_json_get(weir_json_get(root, "error"), "message"));
    }
    if (message.data == NULL) {
        message = weir_bytes_of_text(result->reason);
    }
    self->status = weir_error_set(&self->failure, WEIR_INVALID, "the server answered %d: %.*s",
                                  result->status, (int)message.size, (const char *)message.data);
}

static void take_page(void *user, const weir_http_result *result)
{
    page *self = user;
    self->done = true;
    if (result->outcome != WEIR_HTTP_FETCHED) {
        fail_page(self, result);
        return;
    }
    const char *body = result->body.data;
    for (size_t i = 0; i < result->body.size; i++) {
        self->row_count += body[i] == '\n' ? 1 : 0;
    }
    weir_bytes next = weir_http_result_header(result, "weir-next-cursor");
    weir_buf_set(&self->cursor, next.data != NULL ? next : WEIR_BYTES(""));
    self->scan->write(self->scan->user, result->body);
}

static void append_encoded(weir_buf *to, weir_bytes text)
{
    const uint8_t *from = text.data;
    for (size_t i = 0; i < text.size; i++) {
        weir_buf_append_format(to, "%%%02x", from[i]);
    }
}

static weir_status read_page(weir_http *http, const char *url, page *self, size_t limit,
                             weir_error *err)
{
    WEIR_AUTO(weir_buf) target = {0};
    weir_buf_append_format(&target, "%s/v1/tables/%s?format=lines&limit=%zu&prefix=", url,
                           self->scan->table->name, limit < PAGE_ROWS ? limit : PAGE_ROWS);
    append_encoded(&target, self->scan->prefix);
    if (self->cursor.size > 0) {
        weir_buf_append_format(&target, "&cursor=%s", weir_buf_text(&self->cursor));
    }
    self->done = false;
    const weir_http_request request = {
        .url = weir_buf_text(&target), .done = take_page, .user = self};
    WEIR_TRY(weir_http_start(http, &request, NULL, err));
    while (!self->done) {
        WEIR_TRY(weir_http_poll(http, POLL_MS, err));
    }
    return self->status == WEIR_OK
               ? WEIR_OK
               : weir_error_set(err, self->status, "%s: %s", url, self->failure.message);
}

weir_status weir_table_read_rest(const char *url, const weir_table_scan *scan, size_t *out_count,
                                 weir_error *err)
{
    WEIR_ASSERT(scan->table != NULL && scan->write != NULL);
    WEIR_ASSERT(scan->limit > 0);
    WEIR_AUTO(page) self = {.scan = scan};
    WEIR_AUTO_PTR(weir_http) http = NULL;
    WEIR_TRY(weir_http_curl_new(&(weir_http_curl_options){.user_agent = "weir query",
                                                          .body_bytes_max = ANSWER_BYTES_MAX,
                                                          .private_allowed = true},
                                &http, err));
    size_t size = strlen(url);
    WEIR_AUTO_FREE char *base =
        weir_format("%.*s", (int)(size > 0 && url[size - 1] == '/' ? size - 1 : size), url);
    do {
        WEIR_TRY(read_page(http, base, &self, scan->limit - self.row_count, err));
    } while (self.cursor.size > 0 && self.row_count < scan->limit);
    *out_count = self.row_count;
    return WEIR_OK;
}
