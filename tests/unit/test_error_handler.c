/* SPDX-License-Identifier: Apache-2.0
 *
 * What a handler decides, and the dead letter as readers meet it (streams/error_handler.c).
 */
#include "streams/error_handler.h"
#include "tests/harness/check.h"
#include "tests/harness/count_topology.h"
#include "tests/harness/sim_broker.h"

#include <string.h>

static const weir_error cause = {.status = WEIR_BAD_RECORD, .message = "no date"};

/* A record that was refused, and what it points to. */
typedef struct refused {
    weir_header header;
    weir_record record;
} refused;

static weir_refusal refusal_at(refused *storage, weir_stage stage, int64_t attempt)
{
    storage->header = (weir_header){WEIR_BYTES("source"), WEIR_BYTES("crawl")};
    storage->record = (weir_record){
        .topic = "in",
        .partition = 2,
        .offset = 41,
        .timestamp_ms = 7,
        .key = WEIR_BYTES("k"),
        .value = WEIR_BYTES("v"),
        .headers = &storage->header,
        .header_count = 1,
    };
    return (weir_refusal){
        .stage = stage,
        .record = &storage->record,
        .cause = &cause,
        .task_id = "0_2",
        .node = "parse",
        .attempt = attempt,
    };
}

TEST(each_stage_has_a_handler_of_its_own)
{
    const weir_config config = {
        .deserialization_handler = WEIR_REACT_CONTINUE,
        .processing_handler = WEIR_REACT_DEAD_LETTER,
        .production_handler = WEIR_REACT_FAIL,
        .dead_letter_topic = (char *)"dead",
    };
    static const struct {
        weir_stage stage;
        weir_reaction reaction;
    } rows[] = {
        {WEIR_STAGE_DESERIALIZATION, WEIR_REACT_CONTINUE},
        {WEIR_STAGE_PROCESSING, WEIR_REACT_DEAD_LETTER},
        {WEIR_STAGE_PRODUCTION, WEIR_REACT_FAIL},
    };
    for (size_t i = 0; i < WEIR_COUNT_OF(rows); i++) {
        refused storage;
        const weir_refusal refusal = refusal_at(&storage, rows[i].stage, 1);
        CHECK_I64(weir_error_handler_react(&config, &refusal), ==, rows[i].reaction);
    }
}

TEST(retry_ends_after_its_attempts_in_a_dead_letter)
{
    const weir_config config = {
        .processing_handler = WEIR_REACT_RETRY,
        .retry_attempts = 3,
        .dead_letter_topic = (char *)"dead",
    };
    for (int64_t attempt = 1; attempt <= 3; attempt++) {
        refused storage;
        const weir_refusal refusal = refusal_at(&storage, WEIR_STAGE_PROCESSING, attempt);
        CHECK_I64(weir_error_handler_react(&config, &refusal), ==,
                  attempt < 3 ? WEIR_REACT_RETRY : WEIR_REACT_DEAD_LETTER);
    }
}

TEST(retry_ends_in_fail_where_there_is_no_dead_letter_topic)
{
    const weir_config config = {.processing_handler = WEIR_REACT_RETRY, .retry_attempts = 1};
    refused storage;
    const weir_refusal refusal = refusal_at(&storage, WEIR_STAGE_PROCESSING, 1);
    CHECK_I64(weir_error_handler_react(&config, &refusal), ==, WEIR_REACT_FAIL);
}

static void see_letter(void *user, const weir_record *record)
{
    weir_buf *headers = user;
    CHECK_BYTES(record->key, WEIR_BYTES("k"));
    CHECK_BYTES(record->value, WEIR_BYTES("v"));
    for (size_t i = 0; i < record->header_count; i++) {
        weir_buf_append_format(headers, "%.*s=%.*s\n", (int)record->headers[i].key.size,
                               (const char *)record->headers[i].key.data,
                               (int)record->headers[i].value.size,
                               (const char *)record->headers[i].value.data);
    }
}

TEST(dead_letter_keeps_the_records_headers_and_adds_who_where_and_why)
{
    weir_error err = {0};
    WEIR_AUTO_PTR(weir_broker) broker = sim_broker_new(1);
    const weir_topic_config dead = {.name = "dead", .partition_count = 1};
    CHECK_OK(weir_broker_create_topic(broker, &dead, &err), &err);
    WEIR_AUTO_PTR(weir_collector) collector = NULL;
    CHECK_OK(weir_collector_new(&(weir_collector_options){.broker = broker}, &collector, &err),
             &err);
    const weir_config config = {.dead_letter_topic = (char *)"dead"};
    refused storage;
    const weir_refusal refusal = refusal_at(&storage, WEIR_STAGE_DESERIALIZATION, 2);
    CHECK_OK(weir_error_handler_send(collector, &config, &refusal, &err), &err);
    CHECK_OK(weir_collector_flush(collector, 1000, &err), &err);
    WEIR_AUTO(weir_buf) headers = {0};
    count_topology_visit(broker, "dead", see_letter, &headers);
    CHECK_STR(weir_buf_text(&headers), "source=crawl\n"
                                       "__streams.errors.exception=BAD_RECORD\n"
                                       "__streams.errors.stacktrace=\n"
                                       "__streams.errors.message=no date\n"
                                       "__streams.errors.topic=in\n"
                                       "__streams.errors.partition=2\n"
                                       "__streams.errors.offset=41\n"
                                       "__streams.errors.task.id=0_2\n"
                                       "__streams.errors.processor.node.id=parse\n"
                                       "__streams.errors.stage=deserialization\n"
                                       "__streams.errors.attempt=2\n");
}
