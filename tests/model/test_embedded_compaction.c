/* SPDX-License-Identifier: Apache-2.0
 *
 * Compaction against a model: whatever is written, cleaned, deleted and crashed in between, a
 * reader finds of each key the last record at its own offset, and never a record that was not
 * written there.
 */
#include "connectors/broker_embedded_internal.h"
#include "streams/base/file.h"
#include "streams/base/logging.h"
#include "streams/base/random.h"
#include "tests/harness/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEYS = 40, RECORDS_MAX = 6000, STEPS = 3000, RUNS = 6, DELETE_RETENTION_MS = 500 };

static const weir_topic_partition place = {"table", 0};

/* What was written: key and whether it is a tombstone, by offset. */
typedef struct table_model {
    int keys[RECORDS_MAX];
    bool tombstones[RECORDS_MAX];
    int64_t written_ms[RECORDS_MAX];
    int64_t count;
    int64_t start;
    int64_t now_ms;
    char *directory;
    weir_broker *broker;
    weir_random random;
} table_model;

static void open_broker(table_model *model)
{
    weir_error err = {0};
    weir_broker_embedded_options options = {.directory = model->directory};
    CHECK_OK(weir_broker_embedded_open(&options, &model->broker, &err), &err);
}

static void write_some(table_model *model)
{
    weir_error err = {0};
    WEIR_AUTO_PTR(weir_producer) producer = NULL;
    weir_producer_options options = {0};
    int32_t topic = 0;
    int32_t count = 0;
    CHECK_OK(weir_producer_new(model->broker, &options, &producer, &err), &err);
    CHECK_OK(weir_producer_topic(producer, place.topic, &topic, &count, &err), &err);
    for (uint64_t i = weir_random_below(&model->random, 8) + 1; i > 0; i--) {
        if (model->count == RECORDS_MAX) {
            break;
        }
        int64_t offset = model->count++;
        char key[16];
        char value[32];
        model->keys[offset] = (int)weir_random_below(&model->random, KEYS);
        model->tombstones[offset] = weir_random_chance(&model->random, 200000);
        model->written_ms[offset] = model->now_ms;
        (void)snprintf(key, sizeof key, "k%d", model->keys[offset]);
        (void)snprintf(value, sizeof value, "v%" PRId64, offset);
        weir_header header = {WEIR_BYTES("h"), weir_bytes_of_text(value)};
        weir_record record = {.timestamp_ms = model->now_ms,
                              .key = weir_bytes_of_text(key),
                              .headers = &header,
                              .header_count = 1};
        if (!model->tombstones[offset]) {
            record.value = weir_bytes_of_text(value);
        }
        CHECK_OK(weir_producer_send(producer, topic, &record, &err), &err);
    }
    CHECK_OK(weir_producer_flush(producer, 0, &err), &err);
}

static void check_record(const table_model *model, const weir_record *record)
{
    char key[16];
    char value[32];
    (void)snprintf(key, sizeof key, "k%d", model->keys[record->offset]);
    (void)snprintf(value, sizeof value, "v%" PRId64, record->offset);
    CHECK_BYTES(record->key, weir_bytes_of_text(key));
    CHECK_BYTES(record->value,
                model->tombstones[record->offset] ? WEIR_BYTES_NULL : weir_bytes_of_text(value));
    CHECK_I64(record->header_count, ==, 1);
    CHECK_BYTES(record->headers[0].value, weir_bytes_of_text(value));
    CHECK_I64(record->timestamp_ms, ==, model->written_ms[record->offset]);
}

/* Marks in found the offsets that a reader from offset on gets. */
static void read_from(table_model *model, int64_t offset, bool *found)
{
    weir_error err = {0};
    WEIR_AUTO_PTR(weir_consumer) consumer = NULL;
    weir_consumer_options options = {.batch_records_max =
                                         1 + (size_t)weir_random_below(&model->random, 50)};
    CHECK_OK(weir_consumer_new(model->broker, &options, &consumer, &err), &err);
    CHECK_OK(weir_consumer_assign(consumer, place, offset, WEIR_RESET_NONE, NULL, &err), &err);
    int64_t last = offset - 1;
    for (;;) {
        weir_batch *batch = NULL;
        weir_status status = weir_consumer_poll(consumer, 0, &batch, &err);
        if (status == WEIR_AGAIN) {
            break;
        }
        CHECK_OK(status, &err);
        for (size_t i = 0; i < batch->count; i++) {
            CHECK_I64(batch->records[i].offset, >, last);
            last = batch->records[i].offset;
            CHECK_I64(last, <, model->count);
            check_record(model, &batch->records[i]);
            found[last] = true;
        }
        weir_batch_free(batch);
    }
    CHECK_I64(weir_consumer_position(consumer, place), ==, model->count);
}

static void check_contents(table_model *model)
{
    static bool found[RECORDS_MAX];
    memset(found, 0, sizeof found);
    int64_t span = model->count - model->start;
    int64_t from = model->start + (int64_t)weir_random_below(&model->random, (uint64_t)span + 1);
    read_from(model, from, found);
    bool seen[KEYS] = {0};
    for (int64_t offset = model->count - 1; offset >= from; offset--) {
        if (seen[model->keys[offset]]) {
            continue;
        }
        seen[model->keys[offset]] = true;
        bool may_be_gone = model->tombstones[offset] &&
                           model->written_ms[offset] + DELETE_RETENTION_MS < model->now_ms;
        CHECK(found[offset] || may_be_gone);
    }
}

static void delete_some(table_model *model)
{
    weir_error err = {0};
    int64_t span = model->count - model->start;
    model->start += (int64_t)weir_random_below(&model->random, (uint64_t)span / 8 + 1);
    CHECK_OK(weir_broker_delete_records(model->broker, place, model->start, &err), &err);
}

/* Housekeeping that may be cut by a crash. */
static void keep_house(table_model *model)
{
    model->now_ms += (int64_t)weir_random_below(&model->random, 50);
    weir_disk *disk = weir_broker_embedded_disk(model->broker);
    bool crashes = weir_random_chance(&model->random, 100000);
    if (crashes) {
        disk->changes_to_crash = 1 + (int64_t)weir_random_below(&model->random, 12);
        disk->crash_per_mille = (uint32_t)weir_random_below(&model->random, 1001);
    }
    weir_error err = {0};
    weir_status status = weir_broker_housekeep(model->broker, model->now_ms, NULL, &err);
    CHECK(status == WEIR_OK || crashes);
    if (crashes) {
        weir_broker_free(model->broker);
        open_broker(model);
    }
}

/* After a last cleaning no key has two records before the segment that is written to. */
static void check_clean(table_model *model)
{
    weir_error err = {0};
    bool more = true;
    for (int i = 0; i < 100 && more; i++) {
        CHECK_OK(weir_broker_housekeep(model->broker, model->now_ms, &more, &err), &err);
    }
    weir_partition *partition = NULL;
    CHECK_OK(weir_embedded_partition_get(weir_embedded_of(model->broker), place, NULL, &partition),
             &err);
    int64_t end = partition->cleaned_to;
    static bool found[RECORDS_MAX];
    memset(found, 0, sizeof found);
    read_from(model, model->start, found);
    int64_t kept = 0;
    bool seen[KEYS] = {0};
    for (int64_t offset = model->start; offset < end; offset++) {
        if (found[offset]) {
            CHECK(!seen[model->keys[offset]]);
            seen[model->keys[offset]] = true;
            kept++;
        }
    }
    CHECK_I64(kept, <=, KEYS);
    CHECK_I64(end, >, 0);
    CHECK_I64(partition->segment_count, <, 12); /* Small segments become one. */
}

TEST(reader_of_a_compacted_topic_finds_the_last_record_of_each_key)
{
    weir_log_set_level(WEIR_LOG_WARN);
    uint64_t seed = check_seed(20261121);
    for (uint64_t run = 0; run < RUNS; run++) {
        table_model *model = weir_alloc(sizeof *model);
        model->random = weir_random_of(seed + run);
        model->directory = check_directory();
        model->now_ms = 1000;
        open_broker(model);
        weir_error err = {0};
        weir_topic_config config = {.name = place.topic,
                                    .partition_count = 1,
                                    .cleanup_policy = WEIR_CLEANUP_COMPACT,
                                    .segment_bytes = 2000,
                                    .delete_retention_ms = DELETE_RETENTION_MS};
        CHECK_OK(weir_broker_create_topic(model->broker, &config, &err), &err);
        for (int step = 0; step < STEPS; step++) {
            uint64_t dice = weir_random_below(&model->random, 100);
            if (dice < 40) {
                write_some(model);
            } else if (dice < 80) {
                keep_house(model);
            } else if (dice < 81) {
                delete_some(model);
            } else {
                check_contents(model);
            }
        }
        check_clean(model);
        weir_broker_free(model->broker);
        free(model->directory);
        free(model);
    }
}
