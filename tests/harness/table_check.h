/* SPDX-License-Identifier: Apache-2.0
 *
 * table_check.h - the checker of "the tables are the log": what an index topic says when it is read
 * from the start, and whether REST serves exactly that.
 *
 * A check that fails ends the test with the first row that differs.
 *
 * Threads    One.
 */
#ifndef WEIR_TESTS_HARNESS_TABLE_CHECK_H
#define WEIR_TESTS_HARNESS_TABLE_CHECK_H

#include "avro/codec.h"
#include "statestore/kv_store.h"
#include "streams/broker.h"

/* The names of the tables, and of their topics, in the same order. */
enum { TABLE_CHECK_TABLES = 3 };
extern const char *const table_check_tables[TABLE_CHECK_TABLES];
const char *table_check_topic(size_t table);

/* The rows that a compacted topic stands for: the last value of each key, without tombstones. Each
 * key lies in the partition that Kafka's partitioner gives it. The caller frees the store. */
weir_kv *table_check_replay(weir_broker *broker, const char *topic);

/* Replaces *out by a line a row, "key value-as-JSON", in the order of keys; *_at_ms are shown as 0,
 * so that two runs can be compared. Answers how many. */
size_t table_check_lines(weir_kv *rows, const weir_codec *codec, weir_buf *out);

/* How to ask REST: answers the status of GET target and replaces *out_body. */
typedef struct table_check_rest {
    int (*get)(void *user, const char *target, weir_buf *out_body);
    void *user;
} table_check_rest;

/* Replays every index topic and compares with REST: each row by its key, and all rows in pages of
 * page_rows, byte for byte. Nothing is written meanwhile. Answers the rows of all tables. */
size_t table_check_rest_is_log(weir_broker *broker, const weir_codec *codec,
                               const table_check_rest *rest, size_t page_rows);

#endif
