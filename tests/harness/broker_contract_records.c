/* SPDX-License-Identifier: Apache-2.0
 *
 * broker_contract_records.c - the contract of topics, records, consumers and plain producers.
 */
#include "tests/harness/broker_contract_internal.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void broker_contract_topic_is_created_once_and_described(broker_contract *contract)
{
    const char *topic = contract_topic(contract, "pages", 3);
    const char *unknown = contract_name(contract, "unknown");
    weir_topic_config config = {0};
    weir_topic_config same = {
        .name = topic, .partition_count = 3, .cleanup_policy = WEIR_CLEANUP_DELETE};
    CHECK_OK(weir_broker_create_topic(contract->broker, &same, &contract->err), &contract->err);
    CHECK_OK(weir_broker_describe_topic(contract->broker, topic, &config, &contract->err),
             &contract->err);
    CHECK_STR(config.name, topic);
    CHECK_I64(config.partition_count, ==, 3);
    CHECK_I64(config.cleanup_policy, ==, WEIR_CLEANUP_DELETE);
    CHECK_STATUS(weir_broker_describe_topic(contract->broker, unknown, &config, &contract->err),
                 WEIR_NOT_FOUND);
}

void broker_contract_topic_with_another_layout_is_refused(broker_contract *contract)
{
    const char *topic = contract_topic(contract, "pages", 3);
    weir_topic_config more = {
        .name = topic, .partition_count = 4, .cleanup_policy = WEIR_CLEANUP_DELETE};
    weir_topic_config compacted = {
        .name = topic, .partition_count = 3, .cleanup_policy = WEIR_CLEANUP_COMPACT};
    CHECK_STATUS(weir_broker_create_topic(contract->broker, &more, &contract->err), WEIR_INVALID);
    CHECK(strchr(contract->err.message, '3') != NULL && strchr(contract->err.message, '4') != NULL);
    CHECK_STATUS(weir_broker_create_topic(contract->broker, &compacted, &contract->err),
                 WEIR_INVALID);
    weir_topic_config misnamed = {.name = "a/b", .partition_count = 1};
    CHECK_STATUS(weir_broker_create_topic(contract->broker, &misnamed, &contract->err),
                 WEIR_INVALID);
}

void broker_contract_topics_are_created_and_described_together(broker_contract *contract)
{
    enum { TOPICS = 6 };
    const char *names[TOPICS];
    weir_topic_config wanted[TOPICS];
    for (int i = 0; i < TOPICS; i++) {
        char name[] = {'t', (char)('0' + i), '\0'};
        names[i] = contract_name(contract, name);
        wanted[i] = (weir_topic_config){
            .name = names[i],
            .partition_count = i + 1,
            .cleanup_policy = i % 2 == 0 ? WEIR_CLEANUP_DELETE : WEIR_CLEANUP_COMPACT,
            .retention_ms = 1000000 + i,
        };
    }
    CHECK_OK(weir_broker_create_topic(contract->broker, &wanted[2], &contract->err),
             &contract->err); /* What exists is no hindrance. */
    CHECK_OK(weir_broker_create_topics(contract->broker, wanted, TOPICS, &contract->err),
             &contract->err);
    weir_topic_query queries[TOPICS + 2] = {0};
    for (int i = 0; i < TOPICS; i++) {
        queries[TOPICS - i].topic = names[i];
    }
    queries[0].topic = contract_name(contract, "missing");
    queries[TOPICS + 1].topic = names[3]; /* The same again. */
    CHECK_OK(weir_broker_describe_topics(contract->broker, queries, TOPICS + 2, &contract->err),
             &contract->err);
    CHECK_I64(queries[0].status, ==, WEIR_NOT_FOUND);
    for (int i = 0; i < TOPICS; i++) {
        const weir_topic_query *found = &queries[TOPICS - i];
        CHECK_I64(found->status, ==, WEIR_OK);
        CHECK_STR(found->config.name, names[i]);
        CHECK_I64(found->config.partition_count, ==, i + 1);
        CHECK_I64(found->config.cleanup_policy, ==, wanted[i].cleanup_policy);
        CHECK_I64(found->config.retention_ms, ==, 1000000 + i);
    }
    CHECK_I64(queries[TOPICS + 1].status, ==, WEIR_OK);
    CHECK_I64(queries[TOPICS + 1].config.retention_ms, ==, 1000003);
    wanted[4].partition_count = 9;
    CHECK_STATUS(weir_broker_create_topics(contract->broker, wanted, TOPICS, &contract->err),
                 WEIR_INVALID);
    CHECK(strstr(contract->err.message, names[4]) != NULL);
}

static weir_status note_topic(void *user, const weir_topic_config *topic, weir_error *err)
{
    (void)err;
    weir_buf_append_format(user, "%s ", topic->name);
    return WEIR_OK;
}

void broker_contract_topics_are_listed_by_name_and_deleted(broker_contract *contract)
{
    const char *b = contract_topic(contract, "b", 1);
    const char *a = contract_topic(contract, "a", 1);
    const char *group = contract_name(contract, "readers");
    WEIR_AUTO(weir_buf) names = {0};
    CHECK_OK(weir_broker_list_topics(contract->broker, note_topic, &names, &contract->err),
             &contract->err);
    const char *at_a = strstr(weir_buf_text(&names), a);
    CHECK(at_a != NULL && strstr(at_a, b) != NULL);
    const weir_group_offset offset = {{a, 0}, 3, WEIR_BYTES("note")};
    CHECK_OK(weir_broker_alter_group_offset(contract->broker, group, &offset, &contract->err),
             &contract->err);
    CHECK_OK(weir_broker_delete_topic(contract->broker, a, &contract->err), &contract->err);
    CHECK_STATUS(weir_broker_delete_topic(contract->broker, a, &contract->err), WEIR_NOT_FOUND);
    weir_buf_clear(&names);
    CHECK_OK(weir_broker_list_topics(contract->broker, note_topic, &names, &contract->err),
             &contract->err);
    CHECK(strstr(weir_buf_text(&names), a) == NULL && strstr(weir_buf_text(&names), b) != NULL);
    (void)contract_topic(contract, "a", 2); /* The name is free again. */
    while (strcmp(contract_group_offset(contract, group, a, 0), "none") != 0) {
        (void)poll(NULL, 0, 10); /* A cluster may tell its groups a moment later. */
    }
}

/* librdkafka takes 0 for "now", so it becomes 1 (connectors/broker_kafka.h). */
static int64_t timestamp_shown(const broker_contract *contract, int64_t timestamp_ms)
{
    return contract->factory->is_remote && timestamp_ms == 0 ? 1 : timestamp_ms;
}

void broker_contract_records_come_back_with_all_their_parts(broker_contract *contract)
{
    const char *topic = contract_topic(contract, "pages", 2);
    const weir_header headers[] = {{WEIR_BYTES("stage"), WEIR_BYTES("fetch")},
                                   {WEIR_BYTES("none"), WEIR_BYTES_NULL},
                                   {WEIR_BYTES("empty"), WEIR_BYTES("")}};
    const weir_record sent[] = {
        {.partition = 1, .timestamp_ms = 1000, .key = WEIR_BYTES("k"), .value = WEIR_BYTES("v")},
        {.partition = 1, .timestamp_ms = 0, .key = WEIR_BYTES(""), .value = WEIR_BYTES("")},
        {.partition = 1, .timestamp_ms = INT64_C(1) << 40, .key = WEIR_BYTES("gone")},
        {.partition = 1, .value = WEIR_BYTES("\0\xff"), .headers = headers, .header_count = 3},
        {.partition = 1,
         .key = WEIR_BYTES("k"),
         .value = WEIR_BYTES("v"),
         .headers = headers,
         .header_count = 1}};
    WEIR_AUTO_PTR(weir_producer) producer = contract_producer(contract, NULL);
    int32_t number = 0;
    int32_t partition_count = 0;
    CHECK_OK(weir_producer_topic(producer, topic, &number, &partition_count, &contract->err),
             &contract->err);
    CHECK_I64(partition_count, ==, 2);
    for (size_t i = 0; i < WEIR_COUNT_OF(sent); i++) {
        CHECK_OK(weir_producer_send(producer, number, &sent[i], &contract->err), &contract->err);
    }
    contract_flush(contract, producer);
    WEIR_AUTO_PTR(weir_consumer) consumer = contract_consumer(contract, topic, 1, 0);
    for (size_t i = 0; i < WEIR_COUNT_OF(sent);) {
        weir_batch *batch = contract_poll(contract, consumer);
        CHECK(batch != NULL);
        for (size_t j = 0; j < batch->count; j++, i++) {
            const weir_record *got = &batch->records[j];
            CHECK_STR(got->topic, topic);
            CHECK_I64(got->partition, ==, 1);
            CHECK_I64(got->offset, ==, i);
            CHECK_I64(got->timestamp_ms, ==, timestamp_shown(contract, sent[i].timestamp_ms));
            CHECK_BYTES(got->key, sent[i].key);
            CHECK_BYTES(got->value, sent[i].value);
            CHECK_I64(got->header_count, ==, sent[i].header_count);
            for (size_t k = 0; k < got->header_count; k++) {
                CHECK_BYTES(got->headers[k].key, headers[k].key);
                CHECK_BYTES(got->headers[k].value, headers[k].value);
            }
        }
        weir_batch_free(batch);
    }
    CHECK_VALUES(contract, topic, 0, 0, "");
}

void broker_contract_offsets_have_no_gaps_and_keep_the_order_of_a_producer(
    broker_contract *contract)
{
    enum { RECORDS = 5000 };
    const char *topic = contract_topic(contract, "pages", 2);
    WEIR_AUTO_PTR(weir_producer) producer = contract_producer(contract, NULL);
    for (int i = 0; i < RECORDS; i++) {
        char value[24];
        (void)snprintf(value, sizeof value, "%d", i);
        contract_send(contract, producer, topic, i % 2, value);
        if (i % 777 == 0) {
            contract_flush(contract, producer);
        }
    }
    contract_flush(contract, producer);
    for (int32_t partition = 0; partition < 2; partition++) {
        CHECK_I64(contract_offset(contract, topic, partition, WEIR_OFFSET_LATEST), ==, RECORDS / 2);
        WEIR_AUTO_PTR(weir_consumer) consumer = contract_consumer(contract, topic, partition, 0);
        int64_t count = 0;
        while (count < RECORDS / 2) {
            weir_batch *batch = contract_poll(contract, consumer);
            CHECK(batch != NULL);
            for (size_t i = 0; i < batch->count; i++, count++) {
                char *text = weir_bytes_to_text(batch->records[i].value);
                CHECK_I64(batch->records[i].offset, ==, count);
                CHECK_I64(strtoll(text, NULL, 10), ==, count * 2 + partition);
                free(text);
            }
            weir_batch_free(batch);
        }
    }
}

void broker_contract_records_over_the_limits_are_bad_records(broker_contract *contract)
{
    const char *topic = contract_topic(contract, "pages", 1);
    WEIR_AUTO_PTR(weir_producer) producer = contract_producer(contract, NULL);
    int32_t number = 0;
    int32_t partition_count = 0;
    CHECK_OK(weir_producer_topic(producer, topic, &number, &partition_count, &contract->err),
             &contract->err);
    char *bytes = weir_alloc(WEIR_RECORD_VALUE_BYTES_MAX + 1);
    static weir_header headers[WEIR_RECORD_HEADERS_MAX + 1];
    for (size_t i = 0; i < WEIR_COUNT_OF(headers); i++) {
        headers[i].key = WEIR_BYTES("h");
    }
    weir_header heavy = {WEIR_BYTES("h"), weir_bytes_of(bytes, WEIR_RECORD_HEADER_BYTES_MAX)};
    const weir_record bad[] = {{.key = weir_bytes_of(bytes, WEIR_RECORD_KEY_BYTES_MAX + 1)},
                               {.value = weir_bytes_of(bytes, WEIR_RECORD_VALUE_BYTES_MAX + 1)},
                               {.headers = headers, .header_count = WEIR_COUNT_OF(headers)},
                               {.headers = &heavy, .header_count = 1},
                               {.timestamp_ms = -1}};
    for (size_t i = 0; i < WEIR_COUNT_OF(bad); i++) {
        CHECK_STATUS(weir_producer_send(producer, number, &bad[i], &contract->err),
                     WEIR_BAD_RECORD);
    }
    weir_record elsewhere = {.partition = 1};
    CHECK_STATUS(weir_producer_send(producer, number, &elsewhere, &contract->err), WEIR_INVALID);
    CHECK_STATUS(weir_producer_topic(producer, contract_name(contract, "unknown"), &number,
                                     &partition_count, &contract->err),
                 WEIR_NOT_FOUND);
    contract_flush(contract, producer);
    CHECK_I64(contract_offset(contract, topic, 0, WEIR_OFFSET_LATEST), ==, 0);
    free(bytes);
}

void broker_contract_large_records_come_back(broker_contract *contract)
{
    size_t size = contract->factory->is_remote ? 900000 : 3 << 20; /* Kafka takes 1 MiB. */
    const char *topic = contract_topic(contract, "pages", 1);
    WEIR_AUTO_PTR(weir_producer) producer = contract_producer(contract, NULL);
    char *bytes = weir_alloc(size);
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (char)(i * 31 + i / 1000);
    }
    int32_t number = 0;
    int32_t partition_count = 0;
    CHECK_OK(weir_producer_topic(producer, topic, &number, &partition_count, &contract->err),
             &contract->err);
    contract_send(contract, producer, topic, 0, "before");
    weir_record large = {.value = weir_bytes_of(bytes, size)};
    CHECK_OK(weir_producer_send(producer, number, &large, &contract->err), &contract->err);
    contract_send(contract, producer, topic, 0, "after");
    contract_flush(contract, producer);
    WEIR_AUTO_PTR(weir_consumer) consumer = contract_consumer(contract, topic, 0, 1);
    weir_batch *batch = contract_poll(contract, consumer);
    CHECK(batch != NULL && batch->records[0].offset == 1);
    CHECK(weir_bytes_equal(batch->records[0].value, large.value));
    weir_batch_free(batch);
    CHECK_VALUES(contract, topic, 0, 2, "after");
    free(bytes);
}

/* Sends count records "0", "1", … to a partition. */
static void fill_with(broker_contract *contract, weir_producer *producer, const char *topic,
                      int32_t partition, int count)
{
    for (int i = 0; i < count; i++) {
        char value[24];
        (void)snprintf(value, sizeof value, "%d", i);
        contract_send(contract, producer, topic, partition, value);
    }
    contract_flush(contract, producer);
}

static void fill(broker_contract *contract, const char *topic, int32_t partition, int count)
{
    WEIR_AUTO_PTR(weir_producer) producer = contract_producer(contract, NULL);
    fill_with(contract, producer, topic, partition, count);
}

void broker_contract_batches_are_bounded_and_outlive_polls(broker_contract *contract)
{
    const char *topic = contract_topic(contract, "pages", 1);
    fill(contract, topic, 0, 10);
    WEIR_AUTO_PTR(weir_consumer) consumer = NULL;
    weir_consumer_options options = {.batch_records_max = 4};
    int tag = 0;
    weir_topic_partition partition = {topic, 0};
    CHECK_OK(weir_consumer_new(contract->broker, &options, &consumer, &contract->err),
             &contract->err);
    CHECK_OK(weir_consumer_assign(consumer, partition, 0, WEIR_RESET_NONE, &tag, &contract->err),
             &contract->err);
    weir_batch *batches[10] = {0};
    size_t batch_count = 0;
    for (size_t records = 0; records < 10; batch_count++) {
        batches[batch_count] = contract_poll(contract, consumer);
        CHECK(batches[batch_count] != NULL);
        CHECK(batches[batch_count]->tag == &tag);
        CHECK_I64(batches[batch_count]->count, <=, 4);
        records += batches[batch_count]->count;
    }
    weir_consumer_unassign(consumer, partition);
    int64_t offset = 0;
    for (size_t i = 0; i < batch_count; i++) {
        for (size_t j = 0; j < batches[i]->count; j++, offset++) {
            char value[24];
            (void)snprintf(value, sizeof value, "%" PRId64, offset);
            CHECK_BYTES(batches[i]->records[j].value, weir_bytes_of_text(value));
        }
        weir_batch_free(batches[i]);
    }
}

void broker_contract_partitions_take_turns(broker_contract *contract)
{
    const char *topic = contract_topic(contract, "pages", 2);
    fill(contract, topic, 0, 200);
    fill(contract, topic, 1, 200);
    WEIR_AUTO_PTR(weir_consumer) consumer = NULL;
    weir_consumer_options options = {.batch_records_max = 10};
    CHECK_OK(weir_consumer_new(contract->broker, &options, &consumer, &contract->err),
             &contract->err);
    for (int32_t i = 0; i < 2; i++) {
        CHECK_OK(weir_consumer_assign(consumer, (weir_topic_partition){topic, i}, 0,
                                      WEIR_RESET_NONE, NULL, &contract->err),
                 &contract->err);
    }
    int64_t counts[2] = {0};
    while (counts[0] + counts[1] < 300) {
        weir_batch *batch = contract_poll(contract, consumer);
        CHECK(batch != NULL);
        counts[batch->records[0].partition] += (int64_t)batch->count;
        weir_batch_free(batch);
    }
    CHECK_I64(counts[0], >=, 100);
    CHECK_I64(counts[1], >=, 100);
}

void broker_contract_paused_partition_is_not_polled(broker_contract *contract)
{
    const char *topic = contract_topic(contract, "pages", 1);
    weir_topic_partition partition = {topic, 0};
    fill(contract, topic, 0, 1);
    WEIR_AUTO_PTR(weir_consumer) consumer = contract_consumer(contract, topic, 0, 0);
    weir_consumer_pause(consumer, partition);
    CHECK(contract_is_quiet(contract, consumer));
    CHECK_I64(weir_consumer_position(consumer, partition), ==, 0);
    weir_consumer_resume(consumer, partition);
    weir_batch *batch = contract_poll(contract, consumer);
    CHECK(batch != NULL);
    weir_batch_free(batch);
}

void broker_contract_unassigned_partition_is_not_polled_and_assign_moves(broker_contract *contract)
{
    const char *topic = contract_topic(contract, "pages", 1);
    weir_topic_partition partition = {topic, 0};
    fill(contract, topic, 0, 5);
    WEIR_AUTO_PTR(weir_consumer) consumer = contract_consumer(contract, topic, 0, 0);
    weir_consumer_unassign(consumer, partition);
    CHECK(contract_is_quiet(contract, consumer));
    for (int64_t offset = 4; offset >= 0; offset -= 2) {
        CHECK_OK(weir_consumer_assign(consumer, partition, offset, WEIR_RESET_NONE, NULL,
                                      &contract->err),
                 &contract->err);
        weir_batch *batch = contract_poll(contract, consumer);
        CHECK(batch != NULL);
        CHECK_I64(batch->records[0].offset, ==, offset);
        weir_batch_free(batch);
    }
    weir_topic_partition missing = {topic, 1};
    CHECK_STATUS(weir_consumer_assign(consumer, missing, 0, WEIR_RESET_NONE, NULL, &contract->err),
                 WEIR_NOT_FOUND);
}

/* A rollback does that: unassign with records fetched and not polled, then assign. */
void broker_contract_partition_with_unread_records_is_read_again_from_where_it_is_told(
    broker_contract *contract)
{
    enum { RECORDS = 20, TIMES = 5 };
    const char *topic = contract_topic(contract, "pages", 1);
    weir_topic_partition partition = {topic, 0};
    fill(contract, topic, 0, RECORDS);
    const weir_consumer_options options = {.batch_records_max = 2};
    WEIR_AUTO_PTR(weir_consumer) consumer = NULL;
    CHECK_OK(weir_consumer_new(contract->broker, &options, &consumer, &contract->err),
             &contract->err);
    for (int64_t offset = 0; offset < TIMES; offset++) {
        CHECK_OK(weir_consumer_assign(consumer, partition, offset, WEIR_RESET_NONE, NULL,
                                      &contract->err),
                 &contract->err);
        weir_batch *batch = contract_poll(contract, consumer);
        CHECK(batch != NULL);
        CHECK_I64(batch->records[0].offset, ==, offset);
        weir_batch_free(batch);
        weir_consumer_unassign(consumer, partition);
    }
}

void broker_contract_position_and_lag_follow_the_reading(broker_contract *contract)
{
    const char *topic = contract_topic(contract, "pages", 1);
    weir_topic_partition partition = {topic, 0};
    fill(contract, topic, 0, 5);
    WEIR_AUTO_PTR(weir_consumer) consumer = contract_consumer(contract, topic, 0, 2);
    CHECK_I64(weir_consumer_position(consumer, partition), ==, 2);
    weir_batch *batch = contract_poll(contract, consumer);
    CHECK(batch != NULL);
    CHECK_I64(weir_consumer_position(consumer, partition), ==, 2 + (int64_t)batch->count);
    weir_batch_free(batch);
    int64_t lag = -1;
    CHECK_OK(weir_consumer_lag(consumer, partition, &lag), &contract->err);
    CHECK_I64(lag, ==, 5 - weir_consumer_position(consumer, partition));
}

void broker_contract_offset_out_of_range_is_reset_as_asked(broker_contract *contract)
{
    const char *topic = contract_topic(contract, "pages", 1);
    weir_topic_partition partition = {topic, 0};
    fill(contract, topic, 0, 5);
    CHECK_OK(weir_broker_delete_records(contract->broker, partition, 2, &contract->err),
             &contract->err);
    WEIR_AUTO_PTR(weir_consumer) consumer = contract_consumer(contract, topic, 0, 0);
    weir_batch *batch = NULL;
    CHECK_STATUS(weir_consumer_poll(consumer, contract->factory->patience_ms * PATIENCE_FACTOR,
                                    &batch, &contract->err),
                 WEIR_CORRUPT);
    CHECK_OK(
        weir_consumer_assign(consumer, partition, 99, WEIR_RESET_EARLIEST, NULL, &contract->err),
        &contract->err);
    batch = contract_poll(contract, consumer);
    CHECK(batch != NULL);
    CHECK_I64(batch->records[0].offset, ==, 2);
    weir_batch_free(batch);
    CHECK_OK(weir_consumer_assign(consumer, partition, 1, WEIR_RESET_LATEST, NULL, &contract->err),
             &contract->err);
    CHECK(contract_is_quiet(contract, consumer));
    CHECK_I64(weir_consumer_position(consumer, partition), ==, 5);
}

void broker_contract_offsets_are_found_by_timestamp(broker_contract *contract)
{
    const char *topic = contract_topic(contract, "pages", 1);
    weir_topic_partition partition = {topic, 0};
    const int64_t timestamps[] = {10, 30, 20, 40};
    WEIR_AUTO_PTR(weir_producer) producer = contract_producer(contract, NULL);
    int32_t number = 0;
    int32_t partition_count = 0;
    CHECK_OK(weir_producer_topic(producer, topic, &number, &partition_count, &contract->err),
             &contract->err);
    for (size_t i = 0; i < WEIR_COUNT_OF(timestamps); i++) {
        weir_record record = {.timestamp_ms = timestamps[i]};
        CHECK_OK(weir_producer_send(producer, number, &record, &contract->err), &contract->err);
        contract_flush(contract, producer);
    }
    const int64_t wanted[][2] = {{0, 0}, {10, 0}, {11, 1}, {30, 1}, {31, 3}, {40, 3}, {41, 4}};
    for (size_t i = 0; i < WEIR_COUNT_OF(wanted); i++) {
        int64_t offset = -1;
        CHECK_OK(weir_broker_offset(contract->broker, partition, WEIR_OFFSET_AT_TIMESTAMP,
                                    wanted[i][0], &offset, &contract->err),
                 &contract->err);
        CHECK_I64(offset, ==, wanted[i][1]);
    }
    int64_t offset = -1;
    CHECK_STATUS(weir_broker_offset(contract->broker, (weir_topic_partition){topic, 7},
                                    WEIR_OFFSET_LATEST, 0, &offset, &contract->err),
                 WEIR_NOT_FOUND);
}

void broker_contract_deleted_records_are_gone(broker_contract *contract)
{
    const char *topic = contract_topic(contract, "pages", 1);
    weir_topic_partition partition = {topic, 0};
    fill(contract, topic, 0, 5);
    CHECK_OK(weir_broker_delete_records(contract->broker, partition, 3, &contract->err),
             &contract->err);
    CHECK_I64(contract_offset(contract, topic, 0, WEIR_OFFSET_EARLIEST), ==, 3);
    CHECK_VALUES(contract, topic, 0, 3, "3,4");
    CHECK_OK(weir_broker_delete_records(contract->broker, partition, 1, &contract->err),
             &contract->err);
    CHECK_I64(contract_offset(contract, topic, 0, WEIR_OFFSET_EARLIEST), ==, 3);
    CHECK_STATUS(weir_broker_delete_records(contract->broker, partition, 6, &contract->err),
                 WEIR_INVALID);
    CHECK_OK(weir_broker_delete_records(contract->broker, partition, 5, &contract->err),
             &contract->err);
    fill(contract, topic, 0, 1);
    CHECK_VALUES(contract, topic, 0, 5, "0");
}

void broker_contract_acknowledged_offset_is_that_of_the_last_record(broker_contract *contract)
{
    const char *topic = contract_topic(contract, "pages", 2);
    fill(contract, topic, 0, 3);
    WEIR_AUTO_PTR(weir_producer) producer = contract_producer(contract, NULL);
    int32_t number = 0;
    int32_t partition_count = 0;
    int64_t offset = -1;
    CHECK_OK(weir_producer_topic(producer, topic, &number, &partition_count, &contract->err),
             &contract->err);
    CHECK_STATUS(weir_producer_acked_offset(producer, number, 0, &offset), WEIR_NOT_FOUND);
    contract_send(contract, producer, topic, 0, "a");
    contract_send(contract, producer, topic, 0, "b");
    contract_flush(contract, producer);
    CHECK_OK(weir_producer_acked_offset(producer, number, 0, &offset), &contract->err);
    CHECK_I64(offset, ==, 4);
    CHECK_STATUS(weir_producer_acked_offset(producer, number, 1, &offset), WEIR_NOT_FOUND);
}

/* A thread that waits for records. */
typedef struct reading_thread {
    weir_consumer *consumer;
    weir_status status;
    int64_t wanted;
    int64_t read;
} reading_thread;

static void *read_until_done(void *argument)
{
    reading_thread *reader = argument;
    do {
        weir_batch *batch = NULL;
        reader->status = weir_consumer_poll(reader->consumer, 60000, &batch, NULL);
        if (reader->status == WEIR_OK) {
            reader->read += (int64_t)batch->count;
            weir_batch_free(batch);
        }
    } while (reader->status == WEIR_OK && reader->read < reader->wanted);
    return NULL;
}

void broker_contract_wake_ends_a_waiting_poll(broker_contract *contract)
{
    const char *topic = contract_topic(contract, "pages", 1);
    WEIR_AUTO_PTR(weir_consumer) consumer = contract_consumer(contract, topic, 0, 0);
    reading_thread reader = {.consumer = consumer, .wanted = 1};
    pthread_t thread;
    CHECK_I64(pthread_create(&thread, NULL, read_until_done, &reader), ==, 0);
    weir_consumer_wake(consumer); /* It may wait already, or not yet. */
    CHECK_I64(pthread_join(thread, NULL), ==, 0);
    CHECK_STATUS(reader.status, WEIR_AGAIN);
}

void broker_contract_append_ends_a_waiting_poll(broker_contract *contract)
{
    const char *topic = contract_topic(contract, "pages", 1);
    WEIR_AUTO_PTR(weir_consumer) consumer = contract_consumer(contract, topic, 0, 0);
    reading_thread reader = {.consumer = consumer, .wanted = 1};
    pthread_t thread;
    CHECK_I64(pthread_create(&thread, NULL, read_until_done, &reader), ==, 0);
    fill(contract, topic, 0, 1);
    CHECK_I64(pthread_join(thread, NULL), ==, 0);
    CHECK_STATUS(reader.status, WEIR_OK);
    CHECK_I64(reader.read, ==, 1);
}

void broker_contract_two_threads_write_and_read(broker_contract *contract)
{
    enum { RECORDS = 20000, FLUSH_EVERY = 100 };
    const char *topic = contract_topic(contract, "pages", 1);
    WEIR_AUTO_PTR(weir_consumer) consumer = contract_consumer(contract, topic, 0, 0);
    reading_thread reader = {.consumer = consumer, .wanted = RECORDS};
    pthread_t thread;
    CHECK_I64(pthread_create(&thread, NULL, read_until_done, &reader), ==, 0);
    WEIR_AUTO_PTR(weir_producer) producer = contract_producer(contract, NULL);
    for (int i = 0; i < RECORDS / FLUSH_EVERY; i++) {
        fill_with(contract, producer, topic, 0, FLUSH_EVERY);
    }
    CHECK_I64(pthread_join(thread, NULL), ==, 0);
    CHECK_STATUS(reader.status, WEIR_OK);
    CHECK_I64(reader.read, ==, RECORDS);
}

void broker_contract_acknowledged_records_survive_a_crash(broker_contract *contract)
{
    const char *topic = contract_topic(contract, "pages", 2);
    fill(contract, topic, 1, 3);
    contract_crash(contract);
    CHECK_VALUES(contract, topic, 1, 0, "0,1,2");
    CHECK_I64(contract_offset(contract, topic, 0, WEIR_OFFSET_LATEST), ==, 0);
    fill(contract, topic, 1, 1);
    contract_crash(contract);
    CHECK_VALUES(contract, topic, 1, 0, "0,1,2,0");
}

void broker_contract_topics_and_first_offsets_survive_a_crash(broker_contract *contract)
{
    const char *topic = contract_topic(contract, "pages", 2);
    const char *gone = contract_topic(contract, "gone", 1);
    fill(contract, topic, 1, 5);
    fill(contract, gone, 0, 5);
    CHECK_OK(weir_broker_delete_records(contract->broker, (weir_topic_partition){topic, 1}, 3,
                                        &contract->err),
             &contract->err);
    CHECK_OK(weir_broker_delete_topic(contract->broker, gone, &contract->err), &contract->err);
    contract_crash(contract);
    weir_topic_config config = {0};
    CHECK_STATUS(weir_broker_describe_topic(contract->broker, gone, &config, &contract->err),
                 WEIR_NOT_FOUND);
    CHECK_OK(weir_broker_describe_topic(contract->broker, topic, &config, &contract->err),
             &contract->err);
    CHECK_I64(config.partition_count, ==, 2);
    CHECK_I64(contract_offset(contract, topic, 1, WEIR_OFFSET_EARLIEST), ==, 3);
    CHECK_VALUES(contract, topic, 1, 3, "3,4");
}
