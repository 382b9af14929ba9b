/* SPDX-License-Identifier: Apache-2.0
 *
 * dump.c - rows of stores as the oracle prints them.
 */
#include "tests/conformance/dump.h"

#include "statestore/versioned_store.h"
#include "streams/dsl/function.h"
#include "streams/query.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_MAX = 10000 };

typedef struct row_line {
    char *text;
    int64_t end_ms; /* Of a session. */
} row_line;

/* A dump at work. */
typedef struct rows {
    const conformance_store *store;
    int64_t window_size_ms;
    int64_t hidden_ms; /* Sessions that end so long before the last are not shown; 0: all are. */
    int64_t last_end_ms;
    row_line *lines;
    size_t count;
    size_t capacity;
} rows;

void conformance_append_text(weir_buf *to, const char *key, weir_bytes text)
{
    weir_buf_append_format(to, " %s=", key);
    if (text.data == NULL) {
        weir_buf_append_text(to, "null");
    } else {
        weir_buf_append_format(to, "'%.*s'", (int)text.size, (const char *)text.data);
    }
}

void conformance_append_line(weir_buf *to, const char *kind, weir_bytes topic,
                             const weir_record *record)
{
    weir_buf_append_format(to, "%s %.*s", kind, (int)topic.size, (const char *)topic.data);
    conformance_append_text(to, "key", record->key);
    conformance_append_text(to, "value", record->value);
    weir_buf_append_format(to, " ts=%" PRId64, record->timestamp_ms);
}

weir_record conformance_record_of(const weir_json_value *object)
{
    weir_record record = {
        .timestamp_ms = -1,
        .key = weir_json_value_text(weir_json_get(object, "key")),
        .value = weir_json_value_text(weir_json_get(object, "value")),
    };
    (void)weir_json_get_i64(object, "ts", &record.timestamp_ms, NULL);
    return record;
}

size_t conformance_headers_of(const weir_json_value *object, weir_header *headers)
{
    void *position = NULL;
    const char *key = NULL;
    const weir_json_value *value = NULL;
    const weir_json_value *all = weir_json_get(object, "headers");
    size_t count = 0;
    while (all != NULL && count < CONFORMANCE_HEADERS_MAX &&
           weir_json_next(all, &position, &key, &value)) {
        headers[count++] = (weir_header){weir_bytes_of_text(key), weir_json_value_text(value)};
    }
    return count;
}

void conformance_append_headers(weir_buf *to, const weir_record *record)
{
    for (size_t i = 0; i < record->header_count; i++) {
        WEIR_AUTO_FREE char *name = weir_bytes_to_text(record->headers[i].key);
        conformance_append_text(to, name, record->headers[i].value);
    }
}

void conformance_append_expected(weir_buf *to, const char *kind, const weir_json_value *object)
{
    const weir_record record = conformance_record_of(object);
    conformance_append_line(to, kind, weir_json_value_text(weir_json_get(object, kind)), &record);
    void *position = NULL;
    const char *key = NULL;
    const weir_json_value *value = NULL;
    const weir_json_value *headers = weir_json_get(object, "headers");
    while (headers != NULL && weir_json_next(headers, &position, &key, &value)) {
        conformance_append_text(to, key, weir_json_value_text(value));
    }
    int64_t as_of_ms = 0;
    if (weir_json_get_i64(object, "as_of", &as_of_ms, NULL) == WEIR_OK) {
        weir_buf_append_format(to, " as_of=%" PRId64, as_of_ms);
    }
}

size_t conformance_add_settings(const weir_json_value *head, weir_setting *settings, size_t count,
                                size_t count_max)
{
    void *position = NULL;
    const char *key = NULL;
    const weir_json_value *value = NULL;
    const weir_json_value *added = weir_json_get(head, "settings");
    while (added != NULL && count < count_max && weir_json_next(added, &position, &key, &value)) {
        if (strcmp(key, "topology.optimization") == 0) {
            continue; /* The spec says so to its builder. */
        }
        weir_bytes text = weir_json_value_text(value);
        settings[count++] = (weir_setting){key, text.data}; /* A parsed text ends with a NUL. */
    }
    return count;
}

weir_bytes conformance_hex_of(weir_bytes bytes, weir_buf *to)
{
    if (bytes.data == NULL) {
        return WEIR_BYTES_NULL;
    }
    weir_buf_clear(to);
    for (size_t i = 0; i < bytes.size; i++) {
        weir_buf_append_format(to, "%02x", ((const uint8_t *)bytes.data)[i]);
    }
    return weir_buf_bytes(to);
}

void conformance_append_internal(weir_buf *to, const char *topic, const weir_record *record)
{
    WEIR_AUTO(weir_buf) key = {0};
    WEIR_AUTO(weir_buf) value = {0};
    weir_record copy = *record;
    copy.key = conformance_hex_of(record->key, &key);
    copy.value = conformance_hex_of(record->value, &value);
    if (strstr(topic, "-SUPPRESS-") != NULL || strstr(topic, "-final-store-") != NULL ||
        strstr(topic, "-Buffer-changelog") != NULL) {
        copy.timestamp_ms = -1; /* Kafka Streams leaves it to its producer. */
    }
    conformance_append_line(to, "internal", weir_bytes_of_text(topic), &copy);
    for (size_t i = 0; i < record->header_count; i++) {
        WEIR_AUTO_FREE char *name = weir_bytes_to_text(record->headers[i].key);
        conformance_append_text(to, name, conformance_hex_of(record->headers[i].value, &key));
    }
}

/* The line of a row, whose key is the store's own and whose value is plain; the caller frees it. */
static char *line_of(const rows *self, weir_record row)
{
    const conformance_store *store = self->store;
    char digits[24];
    int64_t number = 0;
    if (store->value == CONFORMANCE_I64 && weir_bytes_i64(row.value, &number)) {
        (void)snprintf(digits, sizeof(digits), "%" PRId64, number);
        row.value = weir_bytes_of_text(digits);
    }
    WEIR_AUTO(weir_buf) window = {0};
    weir_session session = {0};
    if (store->is_session && weir_session_of(row.key, &session)) {
        weir_buf_append_format(&window, "%.*s@%" PRId64 "/%" PRId64, (int)session.key.size,
                               (const char *)session.key.data, session.start_ms, session.end_ms);
        row.key = weir_buf_bytes(&window);
        row.timestamp_ms = -1; /* It has none of its own. */
    }
    if (store->window_size != NULL) {
        weir_window_key parts = weir_window_key_of(row.key);
        weir_buf_append_format(&window, "%.*s@%" PRId64 "/%" PRId64, (int)parts.key.size,
                               (const char *)parts.key.data, parts.start_ms,
                               parts.start_ms + self->window_size_ms);
        row.key = weir_buf_bytes(&window);
    }
    WEIR_AUTO(weir_buf) line = {0};
    conformance_append_line(&line, "store", weir_bytes_of_text(store->name), &row);
    return weir_strdup(weir_buf_text(&line));
}

static weir_status take_row(void *user, weir_bytes key, weir_bytes value, weir_error *err)
{
    rows *self = user;
    weir_timestamped row = {.value = value, .timestamp_ms = -1};
    if (!self->store->is_session && !self->store->is_plain) {
        WEIR_TRY(weir_timestamped_decode(value, &row, err));
    }
    const weir_record record = {.key = key, .value = row.value, .timestamp_ms = row.timestamp_ms};
    self->lines = weir_grow(self->lines, self->count, &self->capacity, sizeof(*self->lines));
    weir_session session = {0};
    if (self->store->is_session && weir_session_of(key, &session)) {
        self->last_end_ms = self->last_end_ms < session.end_ms ? session.end_ms : self->last_end_ms;
    }
    self->lines[self->count++] = (row_line){line_of(self, record), session.end_ms};
    return WEIR_OK;
}

static int compare_lines(const void *a, const void *b)
{
    return strcmp(((const row_line *)a)->text, ((const row_line *)b)->text);
}

/* A look at one key, by the rows of the store: each is a version. */
typedef struct look {
    weir_bytes key;
    int64_t as_of_ms;
    weir_record found; /* The version at that time; its value is null where there was none. */
    weir_buf value;
    int64_t last_of_key_ms;
    int64_t last_ms; /* Of all keys. */
} look;

static weir_status take_version(void *user, weir_bytes row_key, weir_bytes row_value,
                                weir_error *err)
{
    look *self = user;
    weir_bytes key = {0};
    weir_versioned_value version = {0};
    if (!weir_versioned_of_row(row_key, row_value, &key, &version)) {
        return weir_error_set(err, WEIR_CORRUPT, "a row of no version");
    }
    self->last_ms = self->last_ms < version.from_ms ? version.from_ms : self->last_ms;
    if (!weir_bytes_equal(key, self->key)) {
        return WEIR_OK;
    }
    self->last_of_key_ms = version.from_ms; /* Rows of a key are in the order of time. */
    if (version.from_ms <= self->as_of_ms) {
        bool is_there = version.value.data != NULL;
        weir_buf_set(&self->value, is_there ? version.value : WEIR_BYTES(""));
        self->found.value = is_there ? weir_buf_bytes(&self->value) : WEIR_BYTES_NULL;
        self->found.timestamp_ms = is_there ? version.from_ms : -1;
    }
    return WEIR_OK;
}

weir_status conformance_dump_version(const conformance_dump *dump, weir_bytes key, int64_t as_of_ms,
                                     weir_buf *to, weir_error *err)
{
    look self = {.key = key, .as_of_ms = as_of_ms, .found = {.key = key, .timestamp_ms = -1}};
    int64_t history_ms = 0;
    (void)weir_json_get_i64(dump->params, dump->store->history, &history_ms, NULL);
    const weir_query_scan scan = {.store = dump->store->name, .limit = ROWS_MAX};
    bool more = false;
    weir_status status = weir_query_rows(dump->application, &scan, take_version, &self, &more, err);
    bool is_latest = self.found.timestamp_ms == self.last_of_key_ms;
    if (as_of_ms < self.last_ms - history_ms && !is_latest) {
        self.found.value = WEIR_BYTES_NULL;
        self.found.timestamp_ms = -1;
    }
    conformance_append_line(to, "store", weir_bytes_of_text(dump->store->name), &self.found);
    weir_buf_append_format(to, " as_of=%" PRId64 "\n", as_of_ms);
    weir_buf_cleanup(&self.value);
    return status;
}

weir_status conformance_dump_store(const conformance_dump *dump, weir_buf *to, weir_error *err)
{
    if (dump->store->history != NULL) {
        return WEIR_OK; /* It is asked for key by key. */
    }
    rows self = {.store = dump->store};
    if (dump->store->window_size != NULL) {
        (void)weir_json_get_i64(dump->params, dump->store->window_size, &self.window_size_ms, NULL);
    }
    if (dump->store->hides_past_retention) {
        int64_t gap_ms = 0;
        int64_t grace_ms = 0;
        (void)weir_json_get_i64(dump->params, "gap", &gap_ms, NULL);
        (void)weir_json_get_i64(dump->params, "grace", &grace_ms, NULL);
        self.hidden_ms = gap_ms + grace_ms;
    }
    const weir_query_scan scan = {.store = dump->store->name, .limit = ROWS_MAX};
    bool more = false;
    weir_status status = weir_query_rows(dump->application, &scan, take_row, &self, &more, err);
    if (self.count > 0) {
        qsort(self.lines, self.count, sizeof(*self.lines), compare_lines);
    }
    for (size_t i = 0; i < self.count; i++) {
        bool is_hidden =
            self.hidden_ms > 0 && self.lines[i].end_ms <= self.last_end_ms - self.hidden_ms;
        if (!is_hidden) {
            weir_buf_append_format(to, "%s\n", self.lines[i].text);
        }
        free(self.lines[i].text);
    }
    free(self.lines);
    return status;
}
