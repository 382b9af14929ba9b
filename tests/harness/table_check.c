/* SPDX-License-Identifier: Apache-2.0
 *
 * table_check.c - replays index topics with nothing but a consumer and a map, so that it shares no
 * code with the stores and queries that it checks.
 */
#include "tests/harness/table_check.h"

#include "statestore/mem_store.h"
#include "streams/base/hash.h"
#include "streams/base/json_read.h"
#include "streams/consumer.h"
#include "tests/harness/check.h"
#include "topologies/tables.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ANSWER_BYTES_MAX = 64 << 20 };

const char *const table_check_tables[TABLE_CHECK_TABLES] = {
    WEIR_TABLE_URL_LATEST, WEIR_TABLE_CONTENT_CLUSTER, WEIR_TABLE_DATASET_MEMBERSHIP};

const char *table_check_topic(size_t table)
{
    static const weir_topic_id topics[TABLE_CHECK_TABLES] = {
        WEIR_TOPIC_URL_LATEST, WEIR_TOPIC_CONTENT_CLUSTER, WEIR_TOPIC_DATASET_MEMBERSHIP};
    CHECK(table < TABLE_CHECK_TABLES);
    return weir_topic_name(topics[table]);
}

static void take_batch(weir_kv *rows, const weir_batch *batch, int32_t partition_count)
{
    weir_error err = {0};
    for (size_t i = 0; i < batch->count; i++) {
        const weir_record *record = &batch->records[i];
        CHECK_I64(record->partition, ==, weir_partition_of(record->key, partition_count));
        CHECK_OK(record->value.data == NULL ? weir_kv_remove(rows, record->key, &err)
                                            : weir_kv_put(rows, record->key, record->value, &err),
                 &err);
    }
}

static void replay_partition(weir_broker *broker, weir_topic_partition partition,
                             int32_t partition_count, weir_kv *rows)
{
    weir_error err = {0};
    WEIR_AUTO_PTR(weir_consumer) consumer = NULL;
    int64_t start = 0;
    int64_t end = 0;
    CHECK_OK(weir_broker_offset(broker, partition, WEIR_OFFSET_EARLIEST, 0, &start, &err), &err);
    CHECK_OK(weir_broker_offset(broker, partition, WEIR_OFFSET_LATEST, 0, &end, &err), &err);
    CHECK_OK(weir_consumer_new(broker, &(weir_consumer_options){.isolation = WEIR_READ_COMMITTED},
                               &consumer, &err),
             &err);
    CHECK_OK(weir_consumer_assign(consumer, partition, start, WEIR_RESET_NONE, NULL, &err), &err);
    while (weir_consumer_position(consumer, partition) < end) {
        weir_batch *batch = NULL;
        CHECK_OK(weir_consumer_poll(consumer, 0, &batch, &err), &err);
        take_batch(rows, batch, partition_count);
        weir_batch_free(batch);
    }
}

weir_kv *table_check_replay(weir_broker *broker, const char *topic)
{
    weir_error err = {0};
    weir_topic_config config;
    CHECK_OK(weir_broker_describe_topic(broker, topic, &config, &err), &err);
    weir_kv *rows = weir_mem_store_new("replayed");
    for (int32_t p = 0; p < config.partition_count; p++) {
        replay_partition(broker, (weir_topic_partition){topic, p}, config.partition_count, rows);
    }
    return rows;
}

/* Appends text with the number behind each "…_at_ms": replaced by 0. */
static void append_masked(weir_buf *out, const char *text)
{
    static const char name_end[] = "_at_ms\":";
    for (const char *at = strstr(text, name_end); at != NULL; at = strstr(text, name_end)) {
        const char *number = at + strlen(name_end);
        weir_buf_append(out, text, (size_t)(number - text));
        weir_buf_append_byte(out, '0');
        text = number + strspn(number, "-0123456789");
    }
    weir_buf_append_text(out, text);
}

/* Calls visit with each row, its value as JSON. */
static size_t walk(weir_kv *rows, const weir_codec *codec,
                   void (*visit)(void *user, weir_bytes key, const char *json), void *user)
{
    weir_error err = {0};
    WEIR_AUTO(weir_buf) json = {0};
    WEIR_AUTO_PTR(weir_kv_iterator) iterator = NULL;
    CHECK_OK(weir_kv_range(rows, WEIR_BYTES_NULL, WEIR_BYTES_NULL, false, &iterator, &err), &err);
    weir_bytes key;
    weir_bytes value;
    size_t count = 0;
    while (weir_kv_iterator_next(iterator, &key, &value, &err) == WEIR_OK) {
        weir_buf_clear(&json);
        CHECK_OK(weir_codec_to_json(codec, value, &json, &err), &err);
        visit(user, key, weir_buf_text(&json));
        count++;
    }
    return count;
}

static void append_line(void *user, weir_bytes key, const char *json)
{
    weir_buf_append(user, key.data, key.size);
    weir_buf_append_byte(user, ' ');
    append_masked(user, json);
    weir_buf_append_byte(user, '\n');
}

size_t table_check_lines(weir_kv *rows, const weir_codec *codec, weir_buf *out)
{
    weir_buf_clear(out);
    return walk(rows, codec, append_line, out);
}

/* Compares. */

typedef struct comparison {
    const table_check_rest *rest;
    const char *table;
    int32_t partition_count;
    weir_buf expected; /* Rows of the list, as REST is to write them. */
} comparison;

/* "key":…,"partition":…,"value":… of a row. Keys of tables are plain ASCII. */
static void append_row(const comparison *self, weir_buf *out, weir_bytes key, const char *json)
{
    weir_buf_append_format(out, "\"key\":\"%.*s\",\"partition\":%d,\"value\":%s", (int)key.size,
                           (const char *)key.data, weir_partition_of(key, self->partition_count),
                           json);
}

static void compare_row(void *user, weir_bytes key, const char *json)
{
    comparison *self = user;
    WEIR_AUTO(weir_buf) wanted = {0};
    WEIR_AUTO(weir_buf) got = {0};
    weir_buf_append_format(&wanted, "{\"table\":\"%s\",", self->table);
    append_row(self, &wanted, key, json);
    weir_buf_append_text(&wanted, "}");
    WEIR_AUTO_FREE char *target =
        weir_format("/v1/tables/%s/%.*s", self->table, (int)key.size, (const char *)key.data);
    CHECK_I64(self->rest->get(self->rest->user, target, &got), ==, 200);
    CHECK_STR(weir_buf_text(&got), weir_buf_text(&wanted));

    weir_buf_append_text(&self->expected, self->expected.size > 0 ? ",{" : "{");
    append_row(self, &self->expected, key, json);
    weir_buf_append_byte(&self->expected, '}');
}

/* Appends the rows of one page to *rows and replaces *cursor; false after the last page. */
static bool read_page(const comparison *self, size_t page_rows, weir_buf *rows, weir_buf *cursor)
{
    WEIR_AUTO(weir_buf) body = {0};
    WEIR_AUTO_FREE char *target =
        weir_format("/v1/tables/%s?limit=%zu%s%s", self->table, page_rows,
                    cursor->size > 0 ? "&cursor=" : "", weir_buf_text(cursor));
    CHECK_I64(self->rest->get(self->rest->user, target, &body), ==, 200);
    WEIR_AUTO_FREE char *head = weir_format("{\"table\":\"%s\",\"rows\":[", self->table);
    CHECK(weir_bytes_starts_with(weir_buf_bytes(&body), weir_bytes_of_text(head)));

    weir_error err = {0};
    WEIR_AUTO_PTR(weir_json_value) root = NULL;
    CHECK_OK(weir_json_parse(weir_buf_bytes(&body), ANSWER_BYTES_MAX, &root, &err), &err);
    size_t count = weir_json_count(weir_json_get(root, "rows"));
    CHECK_I64(count, <=, page_rows);
    weir_bytes next = weir_json_value_text(weir_json_get(root, "next_cursor"));
    weir_buf_set(cursor, next.data != NULL ? next : WEIR_BYTES(""));
    CHECK(cursor->size == 0 || count > 0);

    WEIR_AUTO_FREE char *tail =
        cursor->size > 0 ? weir_format("],\"next_cursor\":\"%s\"}", weir_buf_text(cursor))
                         : weir_format("],\"next_cursor\":null}");
    CHECK(body.size >= strlen(head) + strlen(tail));
    size_t size = body.size - strlen(head) - strlen(tail);
    CHECK_STR(weir_buf_text(&body) + strlen(head) + size, tail);
    weir_buf_append_text(rows, count > 0 && rows->size > 0 ? "," : "");
    weir_buf_append(rows, body.data + strlen(head), size);
    return cursor->size > 0;
}

static size_t compare_table(weir_broker *broker, const weir_codec *codec, comparison *self,
                            const char *topic, size_t page_rows)
{
    weir_error err = {0};
    weir_topic_config config;
    CHECK_OK(weir_broker_describe_topic(broker, topic, &config, &err), &err);
    self->partition_count = config.partition_count;
    WEIR_AUTO_PTR(weir_kv) rows = table_check_replay(broker, topic);
    size_t count = walk(rows, codec, compare_row, self);
    WEIR_AUTO(weir_buf) served = {0};
    WEIR_AUTO(weir_buf) cursor = {0};
    while (read_page(self, page_rows, &served, &cursor)) {
    }
    CHECK_STR(weir_buf_text(&served), weir_buf_text(&self->expected));
    return count;
}

size_t table_check_rest_is_log(weir_broker *broker, const weir_codec *codec,
                               const table_check_rest *rest, size_t page_rows)
{
    size_t count = 0;
    for (size_t i = 0; i < TABLE_CHECK_TABLES; i++) {
        comparison self = {.rest = rest, .table = table_check_tables[i]};
        count += compare_table(broker, codec, &self, table_check_topic(i), page_rows);
        weir_buf_cleanup(&self.expected);
    }
    return count;
}
