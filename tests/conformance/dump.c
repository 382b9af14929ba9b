/* SPDX-License-Identifier: Apache-2.0
 *
 * dump.c - rows of stores as the oracle prints them.
 */
#include "tests/conformance/dump.h"

#include "streams/base/map.h"
#include "streams/consumer.h"
#include "streams/dsl/function.h"
#include "streams/query.h"
#include "streams/topology_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_MAX = 10000 };

/* A dump at work. */
typedef struct rows {
    const conformance_dump *dump;
    int64_t window_size_ms;
    int64_t expired_ms; /* Windows that begin here or earlier have expired. */
    weir_map *lines;    /* By key of the store: char *. */
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

/* The line of a row, whose key is the store's own and whose value is plain; the caller frees it. */
static char *line_of(const rows *self, weir_record row)
{
    const conformance_store *store = self->dump->store;
    char digits[24];
    int64_t number = 0;
    if (store->value == CONFORMANCE_I64 && weir_bytes_i64(row.value, &number)) {
        (void)snprintf(digits, sizeof(digits), "%" PRId64, number);
        row.value = weir_bytes_of_text(digits);
    }
    WEIR_AUTO(weir_buf) window = {0};
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

/* The row of key is line from now on; NULL: it went. */
static void set_line(rows *self, weir_bytes key, char *owned_line)
{
    free(owned_line == NULL ? weir_map_remove(self->lines, key)
                            : weir_map_put(self->lines, key, owned_line));
}

static void take_logged(rows *self, const weir_record *record)
{
    bool is_removal = record->value.data == NULL;
    set_line(self, record->key, is_removal ? NULL : line_of(self, *record));
    int64_t start_ms = weir_window_key_of(record->key).start_ms;
    self->expired_ms = start_ms > self->expired_ms ? start_ms : self->expired_ms;
}

static weir_status take_row(void *user, weir_bytes key, weir_bytes value, weir_error *err)
{
    rows *self = user;
    weir_timestamped row = {0};
    WEIR_TRY(weir_timestamped_decode(value, &row, err));
    const weir_record record = {.key = key, .value = row.value, .timestamp_ms = row.timestamp_ms};
    bool is_window = self->dump->store->window_size != NULL;
    if (!is_window || weir_window_key_of(key).start_ms > self->expired_ms) {
        set_line(self, key, line_of(self, record));
    }
    return WEIR_OK;
}

/* Windows that have not expired come from the store alone. */
static void forget_live_windows(rows *self)
{
    size_t position = 0;
    weir_bytes key = {0};
    void *line = NULL;
    while (weir_map_next(self->lines, &position, &key, &line)) {
        if (weir_window_key_of(key).start_ms > self->expired_ms) {
            ((char *)line)[0] = '\0';
        }
    }
}

static weir_status visit_changelog(rows *self, const char *topic, weir_error *err)
{
    WEIR_AUTO_PTR(weir_consumer) consumer = NULL;
    WEIR_TRY(weir_consumer_new(self->dump->broker, &(weir_consumer_options){0}, &consumer, err));
    const weir_topic_partition partition = {topic, 0};
    WEIR_TRY(weir_consumer_assign(consumer, partition, 0, WEIR_RESET_EARLIEST, NULL, err));
    weir_batch *batch = NULL;
    weir_status status = WEIR_OK;
    while ((status = weir_consumer_poll(consumer, 0, &batch, err)) == WEIR_OK) {
        for (size_t i = 0; i < batch->count; i++) {
            take_logged(self, &batch->records[i]);
        }
        weir_batch_free(batch);
    }
    return status == WEIR_AGAIN ? WEIR_OK : status;
}

static weir_status read_changelog(rows *self, weir_error *err)
{
    const conformance_store *store = self->dump->store;
    (void)weir_json_get_i64(self->dump->params, store->window_size, &self->window_size_ms, NULL);
    WEIR_AUTO_FREE char *topic = weir_format("oracle-%s-changelog", store->name);
    WEIR_TRY(visit_changelog(self, topic, err));
    self->expired_ms -=
        weir_topology_store_named(self->dump->topology, store->name)->options.retention_ms;
    forget_live_windows(self);
    return WEIR_OK;
}

static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Appends the lines and frees them. */
static void print(rows *self, weir_buf *to)
{
    size_t count = weir_map_count(self->lines);
    char **lines = weir_alloc_array(count + 1, sizeof(*lines));
    size_t position = 0;
    void *line = NULL;
    for (size_t i = 0; weir_map_next(self->lines, &position, NULL, &line); i++) {
        lines[i] = line;
    }
    qsort(lines, count, sizeof(*lines), compare_lines);
    for (size_t i = 0; i < count; i++) {
        weir_buf_append_format(to, "%s%s", lines[i], lines[i][0] == '\0' ? "" : "\n");
        free(lines[i]);
    }
    free(lines);
}

weir_status conformance_dump_store(const conformance_dump *dump, weir_buf *to, weir_error *err)
{
    rows self = {.dump = dump, .lines = weir_map_new(), .expired_ms = -1};
    const weir_query_scan scan = {.store = dump->store->name, .limit = ROWS_MAX};
    bool more = false;
    weir_status status = dump->store->window_size == NULL ? WEIR_OK : read_changelog(&self, err);
    if (status == WEIR_OK) {
        status = weir_query_rows(dump->application, &scan, take_row, &self, &more, err);
    }
    print(&self, to);
    weir_map_free(self.lines);
    return status;
}
