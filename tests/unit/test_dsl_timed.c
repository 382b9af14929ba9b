/* SPDX-License-Identifier: Apache-2.0
 *
 * Records that wait, that end, and that came before: on both clocks and through crashes.
 */
#include "streams/dsl/dsl.h"
#include "tests/harness/check.h"
#include "tests/harness/dsl_fixture.h"

#include <stdlib.h>

static void advance(dsl_fixture *self, int64_t ms)
{
    weir_error err = {0};
    CHECK_OK(weir_test_driver_advance(self->driver, ms, &err), &err);
}

static weir_builder *delayed(const weir_delay *delay)
{
    weir_builder *builder = weir_builder_new();
    weir_kstream *in = weir_builder_stream(builder, "in", NULL);
    weir_kstream_to(weir_kstream_delay(in, delay, NULL), "out", NULL);
    return builder;
}

TEST(delayed_records_go_on_unchanged_in_the_order_in_which_they_came)
{
    dsl_fixture self;
    dsl_fixture_start(&self, delayed(&(weir_delay){.delay_ms = 100}), "0");
    dsl_send(&self, "in", "b", "1", 1000);
    dsl_send(&self, "in", "a", "2", 1000);
    dsl_send(&self, "in", NULL, "3", 1000);
    dsl_send(&self, "in", "a", NULL, 950);
    dsl_check_end(&self, "out");
    dsl_fixture_restart(&self);
    dsl_send(&self, "in", "a", "4", 1099); /* Now 950 is due. */
    dsl_check_next(&self, "out", "a", NULL, 950);
    dsl_check_end(&self, "out");
    dsl_send(&self, "in", "a", "5", 1100);
    dsl_check_next(&self, "out", "b", "1", 1000);
    dsl_check_next(&self, "out", "a", "2", 1000);
    dsl_check_next(&self, "out", NULL, "3", 1000);
    dsl_send(&self, "in", "a", "6", 900); /* Due already. */
    dsl_check_next(&self, "out", "a", "6", 900);
    dsl_check_end(&self, "out");
    dsl_fixture_end(&self);
}

TEST(delayed_records_keep_their_headers)
{
    const weir_header header = {WEIR_BYTES("h"), WEIR_BYTES("v")};
    dsl_fixture self;
    dsl_fixture_start(&self, delayed(&(weir_delay){.delay_ms = 10}), "0");
    const weir_record record = {
        .topic = "in", .value = WEIR_BYTES("1"), .headers = &header, .header_count = 1};
    weir_error err = {0};
    CHECK_OK(weir_test_driver_pipe(self.driver, &record, &err), &err);
    dsl_send(&self, "in", "a", "2", 10);
    const weir_record *out = NULL;
    CHECK_OK(weir_test_driver_read(self.driver, "out", &out, &err), &err);
    CHECK_I64((int64_t)out->header_count, ==, 1);
    CHECK_BYTES(out->headers[0].key, header.key);
    CHECK_BYTES(out->headers[0].value, header.value);
    dsl_fixture_end(&self);
}

TEST(a_delay_by_the_wall_clock_counts_from_when_the_record_came)
{
    dsl_fixture self;
    dsl_fixture_start(&self, delayed(&(weir_delay){.delay_ms = 100, .by_wall_clock = true}), "0");
    dsl_send(&self, "in", "a", "1", 1000000);
    advance(&self, 99);
    dsl_check_end(&self, "out");
    advance(&self, 1);
    dsl_check_next(&self, "out", "a", "1", 1000000);
    dsl_check_end(&self, "out");
    dsl_fixture_end(&self);
}

static int64_t time_in_value(void *user, const weir_record *record)
{
    (void)user;
    return strtoll(record->value.data, NULL, 10);
}

TEST(a_record_can_say_itself_when_it_goes_on)
{
    dsl_fixture self;
    dsl_fixture_start(&self, delayed(&(weir_delay){.due_time = time_in_value}), "0");
    dsl_send(&self, "in", "a", "3000;", 1000);
    dsl_send(&self, "in", "a", "2000;", 1000);
    dsl_send(&self, "in", "a", "1000;", 1000);
    dsl_check_next(&self, "out", "a", "1000;", 1000);
    dsl_send(&self, "in", "a", "9000;", 5000);
    dsl_check_next(&self, "out", "a", "2000;", 1000);
    dsl_check_next(&self, "out", "a", "3000;", 1000);
    dsl_check_end(&self, "out");
    dsl_fixture_end(&self);
}

/* Duplicates. */

static weir_status value_as_id(weir_call *call, const weir_record *record, weir_bytes *out_id)
{
    (void)call;
    *out_id = record->value;
    return WEIR_OK;
}

static weir_builder *deduplicated(weir_key_selector id)
{
    weir_builder *builder = weir_builder_new();
    const weir_deduplication deduplication = {.interval_ms = 100, .id = id, .store_name = "seen"};
    weir_kstream *in = weir_builder_stream(builder, "in", NULL);
    weir_kstream_to(weir_kstream_deduplicate(in, &deduplication, NULL), "out", NULL);
    return builder;
}

TEST(duplicates_are_dropped_within_the_interval_after_the_first)
{
    dsl_fixture self;
    dsl_fixture_start(&self, deduplicated(NULL), "0");
    dsl_send(&self, "in", "a", "1", 1000);
    dsl_send(&self, "in", "a", "2", 1050); /* Does not make it last longer. */
    dsl_send(&self, "in", "b", "3", 1060);
    dsl_fixture_restart(&self);
    dsl_send(&self, "in", "a", "4", 1099);
    dsl_send(&self, "in", "a", "5", 1100);
    dsl_check_next(&self, "out", "a", "1", 1000);
    dsl_check_next(&self, "out", "b", "3", 1060);
    dsl_check_next(&self, "out", "a", "5", 1100);
    dsl_send(&self, "in", "a", "6", 1090); /* Out of order, and a duplicate. */
    dsl_check_end(&self, "out");
    dsl_fixture_end(&self);
}

TEST(what_was_seen_is_forgotten_and_what_cannot_be_told_is_counted)
{
    WEIR_AUTO_PTR(weir_metrics) metrics = weir_metrics_new();
    const weir_label label = {"application_id", "test"};
    dsl_fixture self;
    dsl_fixture_start_with(&self, deduplicated(NULL), &(dsl_fixture_options){.metrics = metrics});
    dsl_send(&self, "in", "a", "1", 1000);
    dsl_send(&self, "in", "b", "2", 1100);
    WEIR_AUTO(weir_buf) value = {0};
    CHECK_STATUS(weir_test_driver_get(self.driver, "seen", WEIR_BYTES("a"), &value, NULL),
                 WEIR_NOT_FOUND);
    weir_error err = {0};
    CHECK_OK(weir_test_driver_get(self.driver, "seen", WEIR_BYTES("b"), &value, &err), &err);
    dsl_send(&self, "in", "c", "3", 1000); /* As late as the interval. */
    dsl_send(&self, "in", NULL, "4", 1100);
    CHECK_I64(weir_metrics_sum(metrics, "weir_stream_task_dropped_records_total", &label), ==, 2);
    dsl_skip(&self, "out", 2);
    dsl_check_end(&self, "out");
    dsl_fixture_end(&self);
}

TEST(an_id_is_what_the_function_says)
{
    dsl_fixture self;
    dsl_fixture_start(&self, deduplicated(value_as_id), "0");
    dsl_send(&self, "in", "a", "1", 1000);
    dsl_send(&self, "in", "b", "1", 1001);
    dsl_send(&self, "in", "a", "2", 1002);
    dsl_check_next(&self, "out", "a", "1", 1000);
    dsl_check_next(&self, "out", "a", "2", 1002);
    dsl_check_end(&self, "out");
    dsl_fixture_end(&self);
}

/* Rows that end. */

static weir_builder *ending(const weir_time_to_live *time_to_live)
{
    weir_builder *builder = weir_builder_new();
    weir_kstream *in = weir_builder_stream(builder, "in", NULL);
    weir_ktable *rows = weir_kstream_to_table(weir_kstream_end_after(in, time_to_live, NULL),
                                              WEIR_STORED_AS("rows"), NULL);
    weir_kstream_to(weir_ktable_to_stream(rows, NULL), "out", NULL);
    return builder;
}

TEST(rows_of_a_table_end_with_tombstones)
{
    dsl_fixture self;
    dsl_fixture_start(&self, ending(&(weir_time_to_live){.ttl_ms = 100}), "0");
    dsl_send(&self, "in", "a", "1", 1000);
    dsl_send(&self, "in", "b", "2", 1010);
    dsl_send(&self, "in", "c", "3", 1010);
    dsl_send(&self, "in", "a", "4", 1020); /* Takes the place of 1. */
    dsl_send(&self, "in", "c", NULL, 1030);
    dsl_fixture_restart(&self);
    dsl_send(&self, "in", "d", "5", 1119);
    dsl_skip(&self, "out", 6);
    dsl_check_next(&self, "out", "b", NULL, 1110);
    dsl_check_end(&self, "out");
    WEIR_AUTO(weir_buf) value = {0};
    weir_error err = {0};
    CHECK_STATUS(weir_test_driver_get(self.driver, "rows", WEIR_BYTES("b"), &value, NULL),
                 WEIR_NOT_FOUND);
    CHECK_OK(weir_test_driver_get(self.driver, "rows", WEIR_BYTES("a"), &value, &err), &err);
    dsl_skip(&self, "test-rows-changelog", 6);
    dsl_check_next(&self, "test-rows-changelog", "b", NULL, 1110);
    dsl_send(&self, "in", "d", "6", 1120);
    dsl_check_next(&self, "out", "d", "6", 1120);
    dsl_check_next(&self, "out", "a", NULL, 1120);
    dsl_check_end(&self, "out");
    dsl_fixture_end(&self);
}

static int64_t ttl_in_value(void *user, const weir_record *record)
{
    return record->value.data == NULL ? 0 : time_in_value(user, record);
}

TEST(each_record_can_have_a_time_to_live_of_its_own)
{
    const weir_time_to_live time_to_live = {.ttl = ttl_in_value, .by_wall_clock = true};
    dsl_fixture self;
    dsl_fixture_start(&self, ending(&time_to_live), "0");
    dsl_send(&self, "in", "a", "30;", 1000);
    dsl_send(&self, "in", "b", "20;", 1000);
    dsl_send(&self, "in", "c", "0;", 1000); /* For ever. */
    dsl_send(&self, "in", NULL, "10;", 1000);
    dsl_skip(&self, "out", 3);
    advance(&self, 29);
    dsl_check_next(&self, "out", "b", NULL, 20);
    dsl_check_end(&self, "out");
    advance(&self, 100000);
    dsl_check_next(&self, "out", "a", NULL, 30);
    dsl_check_end(&self, "out");
    dsl_fixture_end(&self);
}

TEST(operators_that_remember_need_a_time)
{
    dsl_check_mistake(delayed(NULL), "a delay_ms of 0 or more or a due_time is needed");
    dsl_check_mistake(ending(NULL), "a ttl_ms above 0 or a ttl for each record is needed");
    weir_builder *builder = weir_builder_new();
    (void)weir_kstream_deduplicate(weir_builder_stream(builder, "in", NULL), NULL, NULL);
    dsl_check_mistake(builder, "deduplication after KSTREAM-SOURCE-0000000000: an interval_ms");
}
