/* SPDX-License-Identifier: Apache-2.0
 *
 * The files of the embedded broker: damage is found and named, retention frees space, and many
 * threads may do everything at once.
 */
#include "connectors/broker_embedded_internal.h"
#include "streams/base/file.h"
#include "streams/base/logging.h"
#include "tests/harness/broker_contract_internal.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const broker_factory no_factory = {0};

static weir_status open_in(const char *directory, weir_broker **out_broker, weir_error *err)
{
    weir_log_set_level(WEIR_LOG_WARN);
    weir_broker_embedded_options options = {.directory = directory};
    return weir_broker_embedded_open(&options, out_broker, err);
}

static broker_contract start(const char *directory)
{
    broker_contract contract = {.factory = &no_factory};
    CHECK_OK(open_in(directory, &contract.broker, &contract.err), &contract.err);
    return contract;
}

/* Three frames of a record each. */
static void write_three(broker_contract *contract)
{
    WEIR_AUTO_PTR(weir_producer) producer = contract_producer(contract, NULL);
    for (int i = 0; i < 3; i++) {
        contract_send(contract, producer, "t", 0, i == 0 ? "a" : i == 1 ? "b" : "c");
        contract_flush(contract, producer);
    }
}

static void create(broker_contract *contract, weir_topic_config config)
{
    config.name = "t";
    CHECK_OK(weir_broker_create_topic(contract->broker, &config, &contract->err), &contract->err);
}

static void flip_byte(const char *path, off_t position)
{
    WEIR_AUTO(weir_buf) content = {0};
    weir_error err = {0};
    CHECK_OK(weir_file_read(path, 1 << 20, &content, &err), &err);
    content.data[position] ^= 0x40;
    CHECK_OK(weir_file_replace(path, weir_buf_bytes(&content), false, &err), &err);
}

TEST(segment_cut_at_any_byte_opens_with_the_frames_before_it)
{
    WEIR_AUTO_FREE char *directory = check_directory();
    WEIR_AUTO_FREE char *path = weir_format("%s/topics/t/0/%020d.seg", directory, 0);
    broker_contract contract = start(directory);
    create(&contract, (weir_topic_config){0});
    write_three(&contract);
    weir_broker_free(contract.broker);
    struct stat info;
    CHECK_I64(stat(path, &info), ==, 0);
    off_t frame = (info.st_size - WEIR_SEGMENT_HEADER_BYTES) / 3;
    static const char *const wanted[] = {"", "a", "a,b", "a,b,c"};
    for (off_t size = info.st_size - 1; size >= 0; size--) {
        CHECK_I64(truncate(path, size), ==, 0);
        contract = start(directory);
        off_t frames =
            size < WEIR_SEGMENT_HEADER_BYTES ? 0 : (size - WEIR_SEGMENT_HEADER_BYTES) / frame;
        CHECK_VALUES(&contract, "t", 0, 0, wanted[frames]);
        weir_broker_free(contract.broker);
        CHECK_I64(truncate(path, size), ==, 0);
    }
}

TEST(damage_before_the_end_is_corrupt_with_file_and_position)
{
    WEIR_AUTO_FREE char *directory = check_directory();
    WEIR_AUTO_FREE char *path = weir_format("%s/topics/t/0/%020d.seg", directory, 0);
    broker_contract contract = start(directory);
    create(&contract, (weir_topic_config){0});
    write_three(&contract);
    weir_broker_free(contract.broker);
    flip_byte(path, WEIR_SEGMENT_HEADER_BYTES + WEIR_FRAME_HEADER_BYTES);
    CHECK_STATUS(open_in(directory, &contract.broker, &contract.err), WEIR_CORRUPT);
    CHECK(strstr(contract.err.message, "00.seg is damaged at byte 32") != NULL);
}

TEST(damage_in_a_closed_segment_is_found_by_its_reader)
{
    WEIR_AUTO_FREE char *directory = check_directory();
    WEIR_AUTO_FREE char *path = weir_format("%s/topics/t/0/%020d.seg", directory, 0);
    broker_contract contract = start(directory);
    create(&contract, (weir_topic_config){.segment_bytes = 1});
    write_three(&contract);
    weir_broker_free(contract.broker);
    flip_byte(path, WEIR_SEGMENT_HEADER_BYTES + WEIR_FRAME_HEADER_BYTES);
    contract = start(directory);
    CHECK_VALUES(&contract, "t", 0, 1, "b,c");
    WEIR_AUTO_PTR(weir_consumer) consumer = contract_consumer(&contract, "t", 0, 0);
    weir_batch *batch = NULL;
    CHECK_STATUS(weir_consumer_poll(consumer, 0, &batch, &contract.err), WEIR_CORRUPT);
    CHECK(strstr(contract.err.message, "00.seg is damaged at byte 32") != NULL);
    weir_consumer_free(weir_take(&consumer));
    weir_broker_free(contract.broker);
}

TEST(damaged_journal_is_corrupt_and_a_torn_end_is_cut)
{
    WEIR_AUTO_FREE char *directory = check_directory();
    WEIR_AUTO_FREE char *path = weir_format("%s/journal", directory);
    broker_contract contract = start(directory);
    create(&contract, (weir_topic_config){0});
    for (int64_t i = 1; i <= 3; i++) {
        weir_group_offset offset = {{"t", 0}, i, {0}};
        CHECK_OK(weir_broker_alter_group_offset(contract.broker, "g", &offset, &contract.err),
                 &contract.err);
    }
    weir_broker_free(contract.broker);
    struct stat info;
    CHECK_I64(stat(path, &info), ==, 0);
    CHECK_I64(truncate(path, info.st_size - 1), ==, 0);
    contract = start(directory);
    CHECK_STR(contract_group_offset(&contract, "g", "t", 0), "2 ");
    weir_broker_free(contract.broker);
    flip_byte(path, WEIR_FRAME_HEADER_BYTES);
    CHECK_STATUS(open_in(directory, &contract.broker, &contract.err), WEIR_CORRUPT);
    CHECK(strstr(contract.err.message, "journal is damaged at byte 0") != NULL);
}

TEST(second_process_is_refused)
{
    WEIR_AUTO_FREE char *directory = check_directory();
    broker_contract contract = start(directory);
    weir_broker *second = NULL;
    CHECK_STATUS(open_in(directory, &second, &contract.err), WEIR_INVALID);
    weir_broker_free(contract.broker);
}

TEST(retention_drops_old_segments_by_time)
{
    WEIR_AUTO_FREE char *directory = check_directory();
    broker_contract contract = start(directory);
    create(&contract, (weir_topic_config){.segment_bytes = 1, .retention_ms = 100});
    write_three(&contract); /* At time 1. */
    CHECK_OK(weir_broker_housekeep(contract.broker, 101, NULL, &contract.err), &contract.err);
    CHECK_I64(contract_offset(&contract, "t", 0, WEIR_OFFSET_EARLIEST), ==, 0);
    CHECK_OK(weir_broker_housekeep(contract.broker, 102, NULL, &contract.err), &contract.err);
    CHECK_I64(contract_offset(&contract, "t", 0, WEIR_OFFSET_EARLIEST), ==, 3);
    CHECK_VALUES(&contract, "t", 0, 3, "");
    weir_broker_free(contract.broker);
    contract = start(directory);
    CHECK_I64(contract_offset(&contract, "t", 0, WEIR_OFFSET_EARLIEST), ==, 3);
    write_three(&contract);
    CHECK_VALUES(&contract, "t", 0, 4, "b,c");
    weir_broker_free(contract.broker);
}

TEST(retention_keeps_the_last_bytes)
{
    WEIR_AUTO_FREE char *directory = check_directory();
    broker_contract contract = start(directory);
    create(&contract,
           (weir_topic_config){.segment_bytes = 1, .retention_ms = -1, .retention_bytes = 150});
    write_three(&contract); /* Segments of about 100 bytes. */
    CHECK_OK(weir_broker_housekeep(contract.broker, 1, NULL, &contract.err), &contract.err);
    CHECK_I64(contract_offset(&contract, "t", 0, WEIR_OFFSET_EARLIEST), ==, 1);
    weir_broker_free(contract.broker);
}

TEST(offsets_of_a_deleted_topic_do_not_come_back_with_its_name)
{
    WEIR_AUTO_FREE char *directory = check_directory();
    broker_contract contract = start(directory);
    create(&contract, (weir_topic_config){0});
    weir_group_offset offset = {{"t", 0}, 7, {0}};
    CHECK_OK(weir_broker_alter_group_offset(contract.broker, "g", &offset, &contract.err),
             &contract.err);
    CHECK_OK(weir_broker_delete_topic(contract.broker, "t", &contract.err), &contract.err);
    create(&contract, (weir_topic_config){0});
    CHECK_STR(contract_group_offset(&contract, "g", "t", 0), "none");
    weir_broker_free(contract.broker);
    contract = start(directory);
    CHECK_STR(contract_group_offset(&contract, "g", "t", 0), "none");
    weir_broker_free(contract.broker);
}

TEST(expired_member_does_not_come_back_to_a_group_of_another_topic)
{
    WEIR_AUTO_FREE char *directory = check_directory();
    broker_contract contract = start(directory);
    const char *narrow = contract_topic(&contract, "narrow", 2);
    const char *wide = contract_topic(&contract, "wide", 50);
    weir_member *members[2] = {contract_member(&contract, "g", NULL, narrow),
                               contract_member(&contract, "g", NULL, narrow)};
    contract_settle(&contract, members, 2, 1);
    CHECK_STR(contract_event(&contract, members[1], 60000), "assigned 0");
    weir_member_free(members[1]);
    weir_member *other = contract_member(&contract, "g", NULL, wide);
    CHECK_STR(contract_event(&contract, members[0], 60001), "lost 0");
    weir_member_event event = {0};
    CHECK_STATUS(weir_member_poll(members[0], 60002, 0, &event, &contract.err), WEIR_FENCED);
    weir_member_free(members[0]);
    weir_member_free(other);
    weir_broker_free(contract.broker);
    for (size_t i = 0; i < contract.name_count; i++) {
        free(contract.names[i]);
    }
}

static bool is_readable(int fd)
{
    struct pollfd polled = {.fd = fd, .events = POLLIN};
    return poll(&polled, 1, 0) == 1;
}

TEST(descriptor_of_a_consumer_is_readable_once_there_is_something_to_poll)
{
    WEIR_AUTO_FREE char *directory = check_directory();
    broker_contract contract = start(directory);
    create(&contract, (weir_topic_config){0});
    WEIR_AUTO_PTR(weir_consumer) consumer = contract_consumer(&contract, "t", 0, 0);
    CHECK(contract_is_quiet(&contract, consumer));
    CHECK(!is_readable(weir_consumer_fd(consumer)));
    write_three(&contract);
    CHECK(is_readable(weir_consumer_fd(consumer)));
    weir_batch *batch = contract_poll(&contract, consumer);
    CHECK(batch != NULL);
    weir_batch_free(batch);
    CHECK(contract_is_quiet(&contract, consumer));
    CHECK(!is_readable(weir_consumer_fd(consumer)));
    weir_consumer_free(weir_take(&consumer));
    weir_broker_free(contract.broker);
}

enum { WRITERS = 2, TRANSACTIONS = 150 };

typedef struct writer_thread {
    weir_broker *broker;
    const char *transactional_id;
} writer_thread;

/* Each transaction writes to both partitions, so that they stay equal. */
static void *write_transactions(void *argument)
{
    const writer_thread *self = argument;
    broker_contract contract = {.factory = &no_factory, .broker = self->broker};
    WEIR_AUTO_PTR(weir_producer) producer = contract_producer(&contract, self->transactional_id);
    for (int i = 0; i < TRANSACTIONS; i++) {
        CHECK_OK(weir_producer_begin(producer, &contract.err), &contract.err);
        contract_send(&contract, producer, "t", 1, self->transactional_id);
        contract_send(&contract, producer, "t", 0, self->transactional_id);
        CHECK_OK(weir_producer_commit(producer, &contract.err), &contract.err);
    }
    return NULL;
}

/* Upkeep of every kind until the other partition is complete. */
static void *keep_house(void *argument)
{
    weir_broker *broker = argument;
    weir_error err = {0};
    int64_t end = 0;
    for (int64_t now_ms = 1; end < WRITERS * TRANSACTIONS; now_ms++) {
        weir_topic_partition partition = {"t", 1};
        CHECK_OK(weir_broker_housekeep(broker, now_ms, NULL, &err), &err);
        CHECK_OK(weir_broker_offset(broker, partition, WEIR_OFFSET_LATEST, 0, &end, &err), &err);
        CHECK_OK(weir_broker_delete_records(broker, partition, end / 2, &err), &err);
    }
    return NULL;
}

TEST(threads_commit_read_delete_and_keep_house_at_once)
{
    WEIR_AUTO_FREE char *directory = check_directory();
    broker_contract contract = start(directory);
    create(&contract,
           (weir_topic_config){.partition_count = 2,
                               .segment_bytes = 1000,
                               .cleanup_policy = WEIR_CLEANUP_COMPACT | WEIR_CLEANUP_DELETE});
    writer_thread writers[WRITERS] = {{contract.broker, "w1"}, {contract.broker, "w2"}};
    pthread_t threads[WRITERS + 1];
    for (size_t i = 0; i < WRITERS; i++) {
        CHECK_I64(pthread_create(&threads[i], NULL, write_transactions, &writers[i]), ==, 0);
    }
    CHECK_I64(pthread_create(&threads[WRITERS], NULL, keep_house, contract.broker), ==, 0);
    WEIR_AUTO_PTR(weir_consumer) consumer = contract_consumer(&contract, "t", 0, 0);
    for (int64_t read = 0; read < (int64_t)WRITERS * TRANSACTIONS;) {
        weir_batch *batch = NULL;
        CHECK_OK(weir_consumer_poll(consumer, 60000, &batch, &contract.err), &contract.err);
        CHECK_I64(batch->records[0].offset, ==, read);
        read += (int64_t)batch->count;
        weir_batch_free(batch);
    }
    for (size_t i = 0; i <= WRITERS; i++) {
        CHECK_I64(pthread_join(threads[i], NULL), ==, 0);
    }
    weir_consumer_free(weir_take(&consumer));
    weir_broker_free(contract.broker);
}
