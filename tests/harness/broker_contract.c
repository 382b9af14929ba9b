/* SPDX-License-Identifier: Apache-2.0
 *
 * broker_contract.c - the words that the contract's tests are written in.
 */
#include "tests/harness/broker_contract_internal.h"

#include "streams/base/clock.h"

#include <stdlib.h>
#include <string.h>

static weir_buf answer; /* What the functions that return text have said last. */

const char *contract_name(broker_contract *contract, const char *name)
{
    const char *prefix = contract->factory->topic_prefix;
    CHECK_I64(contract->name_count, <, WEIR_COUNT_OF(contract->names));
    char *full = weir_format("%s%s", prefix == NULL ? "" : prefix, name);
    contract->names[contract->name_count++] = full;
    return full;
}

void broker_contract_run(const broker_factory *factory, void (*test)(broker_contract *contract))
{
    broker_contract contract = {.factory = factory};
    contract.broker = factory->open(factory->user);
    test(&contract);
    factory->close(factory->user, contract.broker);
    for (size_t i = 0; i < contract.name_count; i++) {
        free(contract.names[i]);
    }
    weir_buf_cleanup(&answer);
}

const char *contract_topic(broker_contract *contract, const char *name, int32_t partition_count)
{
    const char *topic = contract_name(contract, name);
    weir_topic_config config = {
        .name = topic, .partition_count = partition_count, .cleanup_policy = WEIR_CLEANUP_DELETE};
    CHECK_OK(weir_broker_create_topic(contract->broker, &config, &contract->err), &contract->err);
    return topic;
}

weir_consumer *contract_consumer(broker_contract *contract, const char *topic, int32_t partition,
                                 int64_t offset)
{
    weir_consumer *consumer = NULL;
    weir_consumer_options options = {.client_id = "contract"};
    CHECK_OK(weir_consumer_new(contract->broker, &options, &consumer, &contract->err),
             &contract->err);
    CHECK_OK(weir_consumer_assign(consumer, (weir_topic_partition){topic, partition}, offset,
                                  WEIR_RESET_NONE, NULL, &contract->err),
             &contract->err);
    return consumer;
}

weir_producer *contract_producer(broker_contract *contract, const char *transactional_id)
{
    weir_producer *producer = NULL;
    weir_producer_options options = {.client_id = "contract", .transactional_id = transactional_id};
    CHECK_OK(weir_producer_new(contract->broker, &options, &producer, &contract->err),
             &contract->err);
    return producer;
}

weir_member *contract_member(broker_contract *contract, const char *group, const char *instance_id,
                             const char *topic)
{
    weir_member *member = NULL;
    weir_member_options options = {
        .group_id = group, .instance_id = instance_id, .topic = topic, .session_timeout_ms = 10000};
    CHECK_OK(weir_member_join(contract->broker, &options, &member, &contract->err), &contract->err);
    return member;
}

void contract_send(broker_contract *contract, weir_producer *producer, const char *topic,
                   int32_t partition, const char *value)
{
    int32_t number = 0;
    int32_t partition_count = 0;
    CHECK_OK(weir_producer_topic(producer, topic, &number, &partition_count, &contract->err),
             &contract->err);
    weir_record record = {
        .partition = partition, .timestamp_ms = 1, .value = weir_bytes_of_text(value)};
    CHECK_OK(weir_producer_send(producer, number, &record, &contract->err), &contract->err);
}

void contract_flush(broker_contract *contract, weir_producer *producer)
{
    weir_status status = WEIR_AGAIN;
    for (int i = 0; i < POLLS_MAX && status == WEIR_AGAIN; i++) {
        status = weir_producer_flush(producer, contract->factory->patience_ms, &contract->err);
    }
    CHECK_OK(status, &contract->err);
}

static weir_batch *poll_for(broker_contract *contract, weir_consumer *consumer, int32_t timeout_ms)
{
    weir_batch *batch = NULL;
    weir_status status = weir_consumer_poll(consumer, timeout_ms, &batch, &contract->err);
    if (status == WEIR_AGAIN) {
        return NULL;
    }
    CHECK_OK(status, &contract->err);
    return batch;
}

weir_batch *contract_poll(broker_contract *contract, weir_consumer *consumer)
{
    return poll_for(contract, consumer, contract->factory->patience_ms * PATIENCE_FACTOR);
}

bool contract_is_quiet(broker_contract *contract, weir_consumer *consumer)
{
    weir_batch *batch = poll_for(contract, consumer, contract->factory->patience_ms);
    weir_batch_free(batch);
    return batch == NULL;
}

const char *contract_values(broker_contract *contract, weir_topic_partition from, int64_t offset,
                            const char *wanted)
{
    WEIR_AUTO_PTR(weir_consumer)
    consumer = contract_consumer(contract, from.topic, from.partition, offset);
    weir_buf_clear(&answer);
    for (;;) {
        bool must_come = answer.size < strlen(wanted);
        weir_batch *batch = must_come
                                ? contract_poll(contract, consumer)
                                : poll_for(contract, consumer, contract->factory->patience_ms);
        if (batch == NULL) {
            return weir_buf_text(&answer);
        }
        for (size_t i = 0; i < batch->count; i++) {
            weir_bytes value = batch->records[i].value;
            weir_buf_append_text(&answer, answer.size == 0 ? "" : ",");
            weir_buf_append(&answer, value.data, value.size);
        }
        weir_batch_free(batch);
    }
}

int64_t contract_offset(broker_contract *contract, const char *topic, int32_t partition,
                        weir_offset_spec spec)
{
    int64_t offset = -1;
    CHECK_OK(weir_broker_offset(contract->broker, (weir_topic_partition){topic, partition}, spec, 0,
                                &offset, &contract->err),
             &contract->err);
    return offset;
}

static const char *event_within(broker_contract *contract, weir_member *member, int64_t now_ms,
                                int32_t timeout_ms)
{
    static const char *const kinds[] = {"assigned", "revoked", "lost"};
    weir_member_event event = {0};
    weir_buf_clear(&answer);
    weir_status status = weir_member_poll(member, now_ms, timeout_ms, &event, &contract->err);
    if (status == WEIR_AGAIN) {
        return weir_buf_text(&answer);
    }
    CHECK_OK(status, &contract->err);
    weir_buf_append_text(&answer, kinds[event.kind]);
    for (size_t i = 0; i < event.count; i++) {
        weir_buf_append_format(&answer, "%s%" PRId32, i == 0 ? " " : ",", event.partitions[i]);
    }
    return weir_buf_text(&answer);
}

const char *contract_event(broker_contract *contract, weir_member *member, int64_t now_ms)
{
    return event_within(contract, member, now_ms, contract->factory->patience_ms * PATIENCE_FACTOR);
}

const char *contract_soon(broker_contract *contract, weir_member *member, int64_t now_ms)
{
    return event_within(contract, member, now_ms, contract->factory->patience_ms);
}

static bool are_together(weir_member **members, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int32_t generation = weir_member_generation(members[i]);
        if (generation <= 0 || generation != weir_member_generation(members[0])) {
            return false;
        }
    }
    return true;
}

void contract_settle(broker_contract *contract, weir_member **members, size_t count, int64_t now_ms)
{
    size_t quiet = 0;
    for (int i = 0; i < POLLS_MAX && (quiet < count || !are_together(members, count)); i++) {
        weir_member *member = members[(size_t)i % count];
        const char *event = contract_soon(contract, member, now_ms);
        quiet = event[0] == '\0' ? quiet + 1 : 0;
        if (event[0] == 'r') {
            CHECK_OK(weir_member_release(member, &contract->err), &contract->err);
        }
    }
    CHECK_I64(quiet, >=, count);
}

const char *contract_group_offset(broker_contract *contract, const char *group, const char *topic,
                                  int32_t partition)
{
    int64_t offset = -1;
    WEIR_AUTO(weir_buf) metadata = {0};
    uint64_t patience_ns = (uint64_t)contract->factory->patience_ms * WEIR_NS_PER_MS;
    uint64_t deadline_ns = weir_clock_monotonic_ns() + patience_ns;
    weir_status status = WEIR_AGAIN;
    do { /* What a transaction has committed may take a moment to be known. */
        status = weir_broker_group_offset(contract->broker, group,
                                          (weir_topic_partition){topic, partition}, &offset,
                                          &metadata, &contract->err);
    } while (status == WEIR_AGAIN && weir_clock_monotonic_ns() < deadline_ns);
    if (status == WEIR_NOT_FOUND || status == WEIR_AGAIN) {
        return status == WEIR_AGAIN ? "open" : "none";
    }
    CHECK_OK(status, &contract->err);
    weir_buf_clear(&answer);
    weir_buf_append_format(&answer, "%" PRId64 " %s", offset, weir_buf_text(&metadata));
    return weir_buf_text(&answer);
}

void contract_crash(broker_contract *contract)
{
    contract->broker = contract->factory->reopen(contract->factory->user, contract->broker);
    CHECK(contract->broker != NULL);
}
