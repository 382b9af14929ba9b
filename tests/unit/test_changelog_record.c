/* SPDX-License-Identifier: Apache-2.0
 *
 * Records in a changelog that its store has not written and cannot take
 * (streams/changelog_record.c, restore.c), or that its processors cannot read
 * (stream_thread_failure.c): the application says which, and loses nothing.
 */
#include "streams/base/hash.h"
#include "streams/changelog_record.h"
#include "streams/producer.h"
#include "streams/term.h"
#include "tests/harness/check.h"
#include "tests/harness/count_application.h"
#include "tests/harness/count_topology.h"

#include <stdio.h>
#include <string.h>

enum { KEYS = 30, STEPS_MAX = 20000 };

static const char changelog[] = "counter-counts-changelog";
static const weir_setting leave_out[] = {{"weir.changelog.exception.handler", "continue"}};

/* What is wrong with a record of key and value in the changelog of such a store; "": nothing. */
static const char *fault_of(weir_store_kind kind, weir_bytes key, weir_bytes value)
{
    static weir_error err;
    const weir_record record = {.key = key, .value = value};
    err = (weir_error){0};
    weir_status status = weir_changelog_record_check(kind, &record, &err);
    CHECK(status == WEIR_OK || status == WEIR_BAD_RECORD);
    return status == WEIR_OK ? "" : err.message;
}

#define BYTES(text) weir_bytes_of(text, sizeof(text) - 1)
#define ZEROS_8 "\0\0\0\0\0\0\0\0"

TEST(keys_are_those_that_the_kind_of_store_writes)
{
    CHECK_STR(fault_of(WEIR_STORE_KEY_VALUE, BYTES("k"), WEIR_BYTES_NULL), "");
    CHECK_STR(fault_of(WEIR_STORE_KEY_VALUE, WEIR_BYTES_NULL, BYTES("v")), "it has no key");
    CHECK_STR(fault_of(WEIR_STORE_WINDOW, BYTES("k" ZEROS_8 "\0\0\0\0"), BYTES("v")), "");
    CHECK_STR(fault_of(WEIR_STORE_WINDOW, BYTES("k" ZEROS_8), BYTES("v")),
              "a window key of 9 bytes, at least 12");
    CHECK_STR(
        fault_of(WEIR_STORE_WINDOW, BYTES("\377\377\377\377\377\377\377\377\0\0\0\0"), BYTES("v")),
        "a window that starts at -1 ms");
    CHECK_STR(fault_of(WEIR_STORE_SESSION, BYTES("k" ZEROS_8 ZEROS_8), BYTES("v")), "");
    CHECK_STR(fault_of(WEIR_STORE_SESSION, BYTES("k" ZEROS_8), BYTES("v")),
              "a session key of 9 bytes, at least 16");
    CHECK_STR(fault_of(WEIR_STORE_SESSION, BYTES(ZEROS_8 "\0\0\0\0\0\0\0\1"), BYTES("v")),
              "a session from 1 to 0 ms");
}

TEST(chunks_of_bitmaps_are_looked_into)
{
    CHECK_STR(fault_of(WEIR_STORE_BITMAP, BYTES("\0\1f" ZEROS_8), BYTES("\0\1\17\377")), "");
    CHECK_STR(fault_of(WEIR_STORE_BITMAP, BYTES("\0\1f" ZEROS_8), WEIR_BYTES_NULL), "");
    CHECK_STR(fault_of(WEIR_STORE_BITMAP, BYTES("\0\2f" ZEROS_8), BYTES("\0\1")),
              "a key of 11 bytes that is of no set");
    CHECK_STR(fault_of(WEIR_STORE_BITMAP, BYTES("f"), WEIR_BYTES_NULL),
              "a key of 1 bytes that is of no set");
    CHECK_STR(fault_of(WEIR_STORE_BITMAP, BYTES("\0\1f" ZEROS_8), BYTES("\20\0")),
              "a chunk of 2 bytes that is no bitmap");
}

TEST(sizes_are_bounded)
{
    WEIR_AUTO(weir_buf) large = {0};
    weir_buf_reserve(&large, WEIR_KV_VALUE_BYTES_MAX + (size_t)1);
    memset(large.data, 'x', large.capacity);
    large.size = WEIR_KV_KEY_BYTES_MAX + (size_t)1;
    CHECK(strstr(fault_of(WEIR_STORE_KEY_VALUE, weir_buf_bytes(&large), BYTES("v")), "a key of"));
    large.size = WEIR_KV_VALUE_BYTES_MAX + (size_t)1;
    CHECK(strstr(fault_of(WEIR_STORE_KEY_VALUE, BYTES("k"), weir_buf_bytes(&large)), "a value of"));
}

/* Somebody else writes into the changelog, where key lies; its offset. */
static int64_t write_foreign(count_application *a, const weir_record *foreign, const char *key,
                             int32_t *out_partition)
{
    int32_t topic = 0;
    int32_t partition_count = 0;
    WEIR_AUTO_PTR(weir_producer) producer = NULL;
    CHECK_OK(weir_producer_new(a->broker, &(weir_producer_options){0}, &producer, &a->err),
             &a->err);
    CHECK_OK(weir_producer_topic(producer, changelog, &topic, &partition_count, &a->err), &a->err);
    weir_record record = *foreign;
    record.timestamp_ms = 1;
    record.partition = weir_partition_of(weir_bytes_of_text(key), partition_count);
    CHECK_OK(weir_producer_send(producer, topic, &record, &a->err), &a->err);
    CHECK_OK(weir_producer_flush(producer, 0, &a->err), &a->err);
    int64_t offset = -1;
    CHECK_OK(weir_producer_acked_offset(producer, topic, record.partition, &offset), &a->err);
    *out_partition = record.partition;
    return offset;
}

static weir_status run_until_stopped(count_application *a)
{
    weir_status status = WEIR_OK;
    for (int i = 0; i < STEPS_MAX && status == WEIR_OK; i++) {
        status = count_application_step(a);
    }
    return status;
}

static void check_says(const count_application *a, const char *text)
{
    if (strstr(a->err.message, text) == NULL) {
        fprintf(stderr, "'%s' is not in: %s\n", text, a->err.message);
        CHECK_NEVER("the message does not say it");
    }
}

static void check_counts(count_application *a, int64_t expected)
{
    for (int i = 0; i < KEYS; i++) {
        WEIR_AUTO_FREE char *key = weir_format("k%d", i);
        CHECK_I64(count_topology_last(a->broker, "out", key), ==, expected);
    }
}

static void start(count_application *a, bool on_disk, const weir_setting *settings, size_t count)
{
    count_application_start(a, on_disk, settings, count);
    count_topology_feed(a->broker, 0, KEYS);
    count_application_run(a);
}

/* The application stops, changes nothing, and goes on when it is told to leave the record out. */
static void check_refused(const weir_record *foreign, bool on_disk, const char *fault)
{
    int32_t partition = 0;
    count_application a = {0};
    start(&a, on_disk, NULL, 0);
    int64_t offset = write_foreign(&a, foreign, "k3", &partition);
    count_application_crash(&a);
    count_topology_feed(a.broker, 0, KEYS);
    CHECK_STATUS(run_until_stopped(&a), WEIR_INVALID);
    WEIR_AUTO_FREE char *place = weir_format("%s[%d]@%d is no record of store counts", changelog,
                                             (int)partition, (int)offset);
    check_says(&a, place);
    check_says(&a, fault);
    check_says(&a, "weir.changelog.exception.handler=continue");
    count_application_cleanup(&a);
}

static void check_left_out(const weir_record *foreign, bool on_disk)
{
    int32_t partition = 0;
    count_application a = {0};
    start(&a, on_disk, leave_out, WEIR_COUNT_OF(leave_out));
    (void)write_foreign(&a, foreign, "k3", &partition);
    count_application_crash(&a);
    count_topology_feed(a.broker, 0, KEYS);
    count_application_run(&a);
    check_counts(&a, 2);
    CHECK_I64(count_application_metric(&a, "weir_stream_thread_restore_refused_records_total"), ==,
              1);
    count_application_cleanup(&a);
}

TEST(record_without_a_key_stops_the_application_or_is_left_out)
{
    const weir_record foreign = {.value = WEIR_BYTES("12345678")};
    for (int on_disk = 0; on_disk < 2; on_disk++) {
        check_refused(&foreign, on_disk == 1, "it has no key");
        check_left_out(&foreign, on_disk == 1);
    }
}

TEST(record_with_a_term_that_is_none_stops_the_application_or_is_left_out)
{
    const weir_header header = {WEIR_BYTES(WEIR_TERM_HEADER), WEIR_BYTES("1234567")};
    const weir_record foreign = {.key = WEIR_BYTES("k3"),
                                 .value = WEIR_BYTES("12345678"),
                                 .headers = &header,
                                 .header_count = 1};
    check_refused(&foreign, true, "a header weir.term of 7 bytes that is no term");
    check_left_out(&foreign, true);
}

/* A store takes any value; the processor that cannot read it says so after each restore. */
TEST(value_that_its_processor_cannot_read_is_not_restored_for_ever)
{
    int32_t partition = 0;
    WEIR_AUTO(count_application) a = {0};
    start(&a, true, NULL, 0);
    const weir_record foreign = {.key = WEIR_BYTES("k3"), .value = WEIR_BYTES("123")};
    (void)write_foreign(&a, &foreign, "k3", &partition);
    count_application_crash(&a);
    count_topology_feed(a.broker, 0, KEYS);
    CHECK_STATUS(run_until_stopped(&a), WEIR_INVALID);
    check_says(&a, "a count of 3 bytes");
    check_says(&a, "see who else writes its changelogs");
}
