/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as a file of the embedded broker: it opens with an unfinished end cut or says that the
 * file is damaged, and what it opened can be read, cleaned and written to.
 *
 * The first byte chooses the file (bit 0: journal, bit 1: topic configuration, else the last
 * segment) and whether checksums are made right (bit 2), so that the fuzzer gets behind them.
 */
#include "connectors/broker_embedded.h"
#include "streams/base/file.h"
#include "streams/base/hash.h"
#include "streams/base/logging.h"
#include "streams/base/serde.h"
#include "streams/consumer.h"
#include "streams/producer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    AS_JOURNAL = 1,
    AS_CONFIG = 2,
    WITH_CHECKSUMS = 4,
    SEGMENT_HEADER_BYTES = 32,
    FRAME_HEADER_BYTES = 64,
    FRAME_CHECKED_FROM = 16,
    POLLS_MAX = 10000,
};

static char directory[] = "/tmp/weir-fuzz-broker-XXXXXX";

static void remove_directory(void)
{
    (void)weir_directory_remove(directory, NULL); /* It lies below /tmp. */
}

/* Makes the checksums of what looks like frames right. */
static void fix_checksums(uint8_t *data, size_t size)
{
    for (size_t at = 0; size - at >= FRAME_HEADER_BYTES;) {
        size_t bytes = (size_t)weir_get_u32_be(data + at + 4) + FRAME_HEADER_BYTES;
        if (bytes > size - at) {
            return;
        }
        weir_bytes checked =
            weir_bytes_of(data + at + FRAME_CHECKED_FROM, bytes - FRAME_CHECKED_FROM);
        weir_put_u64_be(data + at + 8, weir_hash64(checked, 0));
        at += bytes;
    }
}

static bool exchange(weir_broker *broker)
{
    WEIR_AUTO_PTR(weir_consumer) consumer = NULL;
    WEIR_AUTO_PTR(weir_producer) producer = NULL;
    weir_topic_partition place = {"t", 0};
    int32_t topic = 0;
    int32_t count = 0;
    if (weir_consumer_new(broker, &(weir_consumer_options){0}, &consumer, NULL) != WEIR_OK ||
        weir_consumer_assign(consumer, place, 0, WEIR_RESET_EARLIEST, NULL, NULL) != WEIR_OK) {
        return false;
    }
    weir_batch *batch = NULL;
    for (int i = 0; i < POLLS_MAX && weir_consumer_poll(consumer, 0, &batch, NULL) == WEIR_OK;
         i++) {
        weir_batch_free(batch);
    }
    int64_t offset = 0;
    (void)!weir_broker_offset(broker, place, WEIR_OFFSET_AT_TIMESTAMP, 5, &offset, NULL);
    if (weir_producer_new(broker, &(weir_producer_options){0}, &producer, NULL) != WEIR_OK ||
        weir_producer_topic(producer, "t", &topic, &count, NULL) != WEIR_OK) {
        return false;
    }
    return weir_producer_send(producer, topic, &(weir_record){.value = WEIR_BYTES("v")}, NULL) ==
               WEIR_OK &&
           weir_producer_flush(producer, 0, NULL) == WEIR_OK;
}

static void open_and_use(void)
{
    weir_broker *broker = NULL;
    weir_broker_embedded_options options = {.directory = directory};
    if (weir_broker_embedded_open(&options, &broker, NULL) != WEIR_OK) {
        return;
    }
    (void)exchange(broker);
    for (int64_t now_ms = 1; now_ms < 4; now_ms++) {
        (void)!weir_broker_housekeep(broker, now_ms << 40, NULL, NULL);
    }
    weir_broker_free(broker);
}

/* A directory with one topic, whose files the input replaces. */
static void make_directory(void)
{
    weir_broker *broker = NULL;
    weir_broker_embedded_options options = {.directory = directory};
    weir_topic_config config = {.name = "t",
                                .cleanup_policy = WEIR_CLEANUP_COMPACT | WEIR_CLEANUP_DELETE};
    bool ready = weir_broker_embedded_open(&options, &broker, NULL) == WEIR_OK &&
                 weir_broker_create_topic(broker, &config, NULL) == WEIR_OK && exchange(broker);
    WEIR_ASSERT(ready);
    weir_broker_free(broker);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool made = false;
    weir_log_set_level(WEIR_LOG_OFF);
    if (!made) {
        const char *created = mkdtemp(directory);
        WEIR_ASSERT(created != NULL);
        (void)atexit(remove_directory);
        made = true;
    }
    if (size == 0) {
        return 0;
    }
    remove_directory();
    make_directory();
    WEIR_AUTO(weir_buf) content = {0};
    weir_buf_append(&content, data + 1, size - 1);
    bool as_journal = (data[0] & AS_JOURNAL) != 0;
    size_t skipped = as_journal ? 0 : SEGMENT_HEADER_BYTES;
    if ((data[0] & WITH_CHECKSUMS) != 0 && content.size > skipped) {
        fix_checksums(content.data + skipped, content.size - skipped);
    }
    const char *name = as_journal                   ? "journal"
                       : (data[0] & AS_CONFIG) != 0 ? "topics/t/config"
                                                    : "topics/t/0/00000000000000000000.seg";
    WEIR_AUTO_FREE char *path = weir_format("%s/%s", directory, name);
    weir_status status = weir_file_replace(path, weir_buf_bytes(&content), false, NULL);
    WEIR_ASSERT(status == WEIR_OK);
    open_and_use();
    return 0;
}
