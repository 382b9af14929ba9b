/* SPDX-License-Identifier: Apache-2.0
 *
 * topic_records.c - a consumer of everything that a topic holds.
 */
#include "tests/harness/topic_records.h"

#include "streams/consumer.h"
#include "tests/harness/check.h"

enum { ARENA_BYTES_MAX = 64 << 20 };

static void assign_all(weir_broker *broker, weir_consumer *consumer, const char *topic)
{
    weir_error err = {0};
    weir_topic_config config = {0};
    CHECK_OK(weir_broker_describe_topic(broker, topic, &config, &err), &err);
    for (int32_t p = 0; p < config.partition_count; p++) {
        weir_topic_partition partition = {topic, p};
        int64_t earliest = 0;
        CHECK_OK(weir_broker_offset(broker, partition, WEIR_OFFSET_EARLIEST, 0, &earliest, &err),
                 &err);
        CHECK_OK(
            weir_consumer_assign(consumer, partition, earliest, WEIR_RESET_EARLIEST, NULL, &err),
            &err);
    }
}

static void visit_record(const weir_record *record, const topic_records *of,
                         topic_records_visitor visit, void *user)
{
    weir_error err = {0};
    WEIR_AUTO_PTR(weir_arena) arena = weir_arena_new(ARENA_BYTES_MAX);
    void *object = NULL;
    if (of->type != NULL && record->value.data != NULL) {
        object = weir_arena_alloc(arena, of->type->bytes);
        CHECK(object != NULL);
        CHECK_OK(weir_codec_decode(of->codec, of->type, record->value, arena, object, &err), &err);
    }
    visit(user, record, object);
}

void topic_records_visit(weir_broker *broker, const topic_records *of, topic_records_visitor visit,
                         void *user)
{
    weir_error err = {0};
    WEIR_AUTO_PTR(weir_consumer) consumer = NULL;
    CHECK_OK(
        weir_consumer_new(broker, &(weir_consumer_options){.client_id = "read"}, &consumer, &err),
        &err);
    assign_all(broker, consumer, of->topic);
    weir_batch *batch = NULL;
    while (weir_consumer_poll(consumer, 0, &batch, &err) == WEIR_OK) {
        for (size_t i = 0; i < batch->count; i++) {
            visit_record(&batch->records[i], of, visit, user);
        }
        weir_batch_free(batch);
    }
}
