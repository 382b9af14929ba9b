/* SPDX-License-Identifier: Apache-2.0
 *
 * Timers of keys and rows that end by themselves, in a topology on the test driver: on both clocks,
 * set again, cancelled, refused, and through crashes.
 */
#include "streams/dsl/dsl.h"
#include "tests/harness/check.h"
#include "tests/harness/dsl_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Values say what to do: "<name> <due>", "-<name>", or "?<name>". */
typedef struct reminder {
    weir_processor base;
    weir_timers *timers;
} reminder;

static weir_status remind(weir_processor *processor, const weir_timer *timer, weir_error *err)
{
    reminder *self = (reminder *)(void *)processor;
    if (timer->name.size == 3 && memcmp(timer->name.data, "bad", 3) == 0) {
        return weir_error_set(err, WEIR_BAD_RECORD, "a bad timer");
    }
    if (timer->name.size == 4 && memcmp(timer->name.data, "loop", 4) == 0 && timer->due_ms < 130) {
        weir_timer again = *timer;
        again.due_ms += 10;
        WEIR_TRY(weir_timers_set(self->timers, &again, err));
    }
    weir_call call = {.arena = weir_context_arena(processor->context), .err = err};
    const weir_record out = {
        .key = timer->key,
        .value = weir_call_text(&call, "%.*s:%.*s", (int)timer->name.size,
                                (const char *)timer->name.data, (int)timer->payload.size,
                                (const char *)timer->payload.data),
        .timestamp_ms = timer->due_ms,
    };
    return weir_context_forward(processor->context, &out, err);
}

static weir_status obey(weir_processor *processor, const weir_record *record, weir_error *err)
{
    reminder *self = (reminder *)(void *)processor;
    const char *text = record->value.data;
    if (text[0] == '-') {
        weir_bytes name = weir_bytes_of(text + 1, record->value.size - 1);
        return weir_timers_cancel(self->timers, record->key, name, err);
    }
    const char *space = memchr(text, ' ', record->value.size);
    if (space == NULL) {
        return WEIR_OK;
    }
    const weir_timer timer = {
        .key = record->key,
        .name = weir_bytes_of(text, (size_t)(space - text)),
        .due_ms = strtoll(space, NULL, 10),
        .payload = WEIR_BYTES("p"),
    };
    return weir_timers_set(self->timers, &timer, err);
}

static weir_status init_stream_time(weir_processor *processor, weir_error *err)
{
    (void)err;
    ((reminder *)(void *)processor)->timers =
        weir_context_timers(processor->context, "timers", WEIR_STREAM_TIME, remind);
    return WEIR_OK;
}

static weir_status init_wall_clock(weir_processor *processor, weir_error *err)
{
    (void)err;
    ((reminder *)(void *)processor)->timers =
        weir_context_timers(processor->context, "timers", WEIR_WALL_CLOCK_TIME, remind);
    return WEIR_OK;
}

static void free_processor(weir_processor *processor)
{
    free(processor);
}

static weir_processor *new_reminder(void *user)
{
    static const weir_processor_ops stream_time = {init_stream_time, obey, free_processor};
    static const weir_processor_ops wall_clock = {init_wall_clock, obey, free_processor};
    reminder *self = weir_alloc(sizeof(*self));
    self->base.ops = user == NULL ? &stream_time : &wall_clock;
    return &self->base;
}

static weir_builder *reminders(bool by_wall_clock)
{
    static char by_clock[] = "wall";
    static const char *const stores[] = {"timers", NULL};
    weir_builder *builder = weir_builder_new();
    weir_builder_add_store(builder,
                           &(weir_store_options){.name = "timers", .kind = WEIR_STORE_TIMERS});
    const weir_processor_options processor = {new_reminder, by_wall_clock ? by_clock : NULL};
    weir_kstream *reminded =
        weir_kstream_process(weir_builder_stream(builder, "in", NULL), &processor, NULL, stores);
    weir_kstream_to(reminded, "out", NULL);
    return builder;
}

static void advance(dsl_fixture *self, int64_t ms)
{
    weir_error err = {0};
    CHECK_OK(weir_test_driver_advance(self->driver, ms, &err), &err);
}

TEST(timers_fire_by_stream_time_earliest_first)
{
    dsl_fixture self;
    dsl_fixture_start(&self, reminders(false), "0");
    dsl_send(&self, "in", "a", "x 200", 100);
    dsl_send(&self, "in", "b", "y 150", 100);
    dsl_send(&self, "in", "a", "z 150", 100);
    dsl_send(&self, "in", "c", "w 100", 149); /* Was due before: it fires now. */
    dsl_check_next(&self, "out", "c", "w:p", 100);
    dsl_check_end(&self, "out");
    dsl_send(&self, "in", "c", "nothing", 300);
    dsl_check_next(&self, "out", "a", "z:p", 150);
    dsl_check_next(&self, "out", "b", "y:p", 150);
    dsl_check_next(&self, "out", "a", "x:p", 200);
    dsl_send(&self, "in", "c", "nothing", 400);
    dsl_check_end(&self, "out");
    dsl_fixture_end(&self);
}

TEST(a_timer_is_replaced_and_cancelled_by_key_and_name)
{
    dsl_fixture self;
    dsl_fixture_start(&self, reminders(false), "0");
    dsl_send(&self, "in", "a", "x 200", 100);
    dsl_send(&self, "in", "a", "y 200", 100);
    dsl_send(&self, "in", "b", "x 200", 100);
    dsl_send(&self, "in", "a", "x 900", 100);
    dsl_send(&self, "in", "b", "-x", 100);
    dsl_send(&self, "in", "b", "-unknown", 200);
    dsl_check_next(&self, "out", "a", "y:p", 200);
    dsl_check_end(&self, "out");
    dsl_send(&self, "in", "b", "nothing", 900);
    dsl_check_next(&self, "out", "a", "x:p", 900);
    dsl_check_end(&self, "out");
    dsl_fixture_end(&self);
}

TEST(a_timer_can_set_itself_again)
{
    dsl_fixture self;
    dsl_fixture_start(&self, reminders(false), "0");
    dsl_send(&self, "in", "a", "loop 110", 100);
    dsl_send(&self, "in", "a", "nothing", 1000);
    dsl_check_next(&self, "out", "a", "loop:p", 110);
    dsl_check_next(&self, "out", "a", "loop:p", 120);
    dsl_check_next(&self, "out", "a", "loop:p", 130);
    dsl_check_end(&self, "out");
    dsl_fixture_end(&self);
}

static void check_through_crashes(const dsl_fixture_options *options)
{
    dsl_fixture self;
    dsl_fixture_start_with(&self, reminders(false), options);
    dsl_send(&self, "in", "a", "x 200", 100);
    dsl_send(&self, "in", "b", "y 150", 100);
    dsl_send(&self, "in", "c", "z 150", 100);
    dsl_send(&self, "in", "c", "-z", 100);
    dsl_fixture_restart(&self);
    dsl_send(&self, "in", "c", "nothing", 160);
    dsl_check_next(&self, "out", "b", "y:p", 150);
    dsl_check_end(&self, "out");
    dsl_fixture_restart(&self);
    dsl_send(&self, "in", "c", "nothing", 260);
    dsl_skip(&self, "out", 1);
    dsl_check_next(&self, "out", "a", "x:p", 200);
    dsl_fixture_restart(&self);
    dsl_send(&self, "in", "c", "nothing", 300); /* None fires twice. */
    dsl_skip(&self, "out", 2);
    dsl_check_end(&self, "out");
    dsl_fixture_end(&self);
}

TEST(timers_survive_crashes)
{
    check_through_crashes(&(dsl_fixture_options){0});
}

TEST(timers_of_the_wall_clock_fire_when_it_is_time)
{
    dsl_fixture self;
    dsl_fixture_start(&self, reminders(true), "0"); /* The clock stands at 0. */
    dsl_send(&self, "in", "a", "x 200", 100000);
    dsl_check_end(&self, "out");
    advance(&self, 199);
    dsl_check_end(&self, "out");
    advance(&self, 1);
    dsl_check_next(&self, "out", "a", "x:p", 200);
    dsl_send(&self, "in", "a", "y 50", 100000); /* Overdue. */
    dsl_check_next(&self, "out", "a", "y:p", 50);
    dsl_send(&self, "in", "a", "z 300", 100000);
    dsl_fixture_restart(&self); /* And the clock with it. */
    dsl_skip(&self, "out", 2);
    advance(&self, 500);
    dsl_check_next(&self, "out", "a", "z:p", 300);
    dsl_check_end(&self, "out");
    dsl_fixture_end(&self);
}

TEST(a_timer_that_is_refused_is_gone_and_counted)
{
    WEIR_AUTO_PTR(weir_metrics) metrics = weir_metrics_new();
    const weir_label label = {"application_id", "test"};
    dsl_fixture self;
    dsl_fixture_start_with(&self, reminders(false), &(dsl_fixture_options){.metrics = metrics});
    dsl_send(&self, "in", "a", "bad 110", 100);
    dsl_send(&self, "in", "a", "good 110", 100);
    dsl_send(&self, "in", "a", "nothing", 200);
    dsl_check_next(&self, "out", "a", "good:p", 110);
    dsl_send(&self, "in", "a", "nothing", 300);
    dsl_check_end(&self, "out");
    CHECK_I64(weir_metrics_sum(metrics, "weir_stream_task_timers_fired_total", &label), ==, 2);
    CHECK_I64(weir_metrics_sum(metrics, "weir_stream_task_dropped_records_total", &label), ==, 1);
    dsl_fixture_end(&self);
}

/* More than a pass fires. */
TEST(a_thousand_timers_fire_in_order)
{
    dsl_fixture self;
    dsl_fixture_start(&self, reminders(false), "0");
    for (int64_t i = 0; i < 1000; i++) {
        char text[32];
        (void)snprintf(text, sizeof(text), "%lld %lld", (long long)i, (long long)(5000 - i));
        dsl_send(&self, "in", "k", text, 100);
    }
    dsl_send(&self, "in", "k", "nothing", 5000);
    for (int64_t i = 999; i >= 0; i--) {
        char text[32];
        (void)snprintf(text, sizeof(text), "%lld:p", (long long)i);
        dsl_check_next(&self, "out", "k", text, 5000 - i);
    }
    dsl_check_end(&self, "out");
    dsl_fixture_end(&self);
}

/* Rows of a TTL store: each lives 100 ms of stream time, and its end is forwarded as a null. */
typedef struct keeper {
    weir_processor base;
    weir_ttl_store *rows;
} keeper;

static weir_status forward_end(weir_processor *processor, weir_bytes key, weir_bytes old_value,
                               int64_t due_ms, weir_error *err)
{
    CHECK(old_value.size > 0);
    const weir_record ended = {.key = key, .value = WEIR_BYTES_NULL, .timestamp_ms = due_ms};
    return weir_context_forward(processor->context, &ended, err);
}

static weir_status init_keeper(weir_processor *processor, weir_error *err)
{
    (void)err;
    ((keeper *)(void *)processor)->rows = weir_context_ttl_store(processor->context, "rows");
    weir_context_on_expiry(processor->context, "rows", WEIR_STREAM_TIME, forward_end);
    return WEIR_OK;
}

static weir_status keep(weir_processor *processor, const weir_record *record, weir_error *err)
{
    keeper *self = (keeper *)(void *)processor;
    return weir_ttl_store_put(self->rows, record->key, record->value, record->timestamp_ms + 100,
                              err);
}

static weir_processor *new_keeper(void *user)
{
    static const weir_processor_ops ops = {init_keeper, keep, free_processor};
    (void)user;
    keeper *self = weir_alloc(sizeof(*self));
    self->base.ops = &ops;
    return &self->base;
}

TEST(rows_end_by_themselves_as_tombstones_in_changelog_and_output)
{
    static const char *const stores[] = {"rows", NULL};
    weir_builder *builder = weir_builder_new();
    weir_builder_add_store(builder, &(weir_store_options){.name = "rows", .kind = WEIR_STORE_TTL});
    const weir_processor_options processor = {new_keeper, NULL};
    weir_kstream_to(
        weir_kstream_process(weir_builder_stream(builder, "in", NULL), &processor, NULL, stores),
        "out", NULL);
    dsl_fixture self;
    dsl_fixture_start(&self, builder, "0");
    dsl_send(&self, "in", "a", "1", 1000);
    dsl_send(&self, "in", "b", "2", 1010);
    dsl_send(&self, "in", "a", "3", 1050); /* Lives longer for it. */
    dsl_fixture_restart(&self);
    dsl_send(&self, "in", "c", "4", 1110);
    dsl_check_next(&self, "out", "b", NULL, 1110);
    dsl_check_end(&self, "out");
    WEIR_AUTO(weir_buf) value = {0};
    weir_error err = {0};
    CHECK_STATUS(weir_test_driver_get(self.driver, "rows", WEIR_BYTES("b"), &value, &err),
                 WEIR_NOT_FOUND);
    CHECK_OK(weir_test_driver_get(self.driver, "rows", WEIR_BYTES("a"), &value, &err), &err);
    dsl_skip(&self, "test-rows-changelog", 4); /* Three puts, and that of c. */
    dsl_check_next(&self, "test-rows-changelog", "b", NULL, 1110);
    dsl_check_end(&self, "test-rows-changelog");
    dsl_fixture_end(&self);
}
