/* SPDX-License-Identifier: Apache-2.0
 *
 * Aggregates in windows against naive ones: whatever the order in which records come within grace,
 * and wherever the process crashes meanwhile, the windows hold the same in the end.
 */
#include "statestore/session_store.h"
#include "streams/base/random.h"
#include "streams/dsl/grouped.h"
#include "streams/dsl/kstream.h"
#include "streams/dsl/ktable.h"
#include "streams/dsl/sessions.h"
#include "streams/dsl/suppress.h"
#include "streams/dsl/windowed.h"
#include "tests/harness/check.h"
#include "tests/harness/dsl_fixture.h"
#include "tests/harness/text_bag.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    ROUNDS = 20,
    EVENTS = 60,
    KEYS = 3,
    TIME_MAX_MS = 400,
    GRACE_MS = 500,  /* Whatever comes is in time. */
    AFTER_MS = 5000, /* When every window has closed. */
};

typedef struct event {
    int key;
    int64_t ms;
    int64_t number;
} event;

typedef struct round {
    weir_random random;
    event events[EVENTS];
    int64_t size_ms;
    int64_t advance_ms;
} round;

static int64_t between(weir_random *random, int64_t least, int64_t most)
{
    return least + (int64_t)weir_random_below(random, (uint64_t)(most - least + 1));
}

static void make_events(round *r, uint64_t seed)
{
    *r = (round){.random = weir_random_of(seed)};
    for (size_t i = 0; i < EVENTS; i++) {
        r->events[i] = (event){
            .key = (int)weir_random_below(&r->random, KEYS),
            .ms = i == 0 ? 0 : between(&r->random, 0, TIME_MAX_MS),
            .number = between(&r->random, 1, 1000),
        };
    }
    r->advance_ms = between(&r->random, 5, 40);
    r->size_ms = r->advance_ms * between(&r->random, 1, 4);
}

static void shuffle(round *r)
{
    for (size_t i = EVENTS - 1; i > 0; i--) {
        size_t other = weir_random_below(&r->random, i + 1);
        event swapped = r->events[i];
        r->events[i] = r->events[other];
        r->events[other] = swapped;
    }
}

/* Aggregates that do not depend on an order. */

static weir_status zero(weir_call *call, weir_bytes *out_aggregate)
{
    *out_aggregate = weir_call_i64(call, 0);
    return WEIR_OK;
}

static weir_status sum(weir_call *call, weir_bytes key, weir_bytes one, weir_bytes two,
                       weir_bytes *out_aggregate)
{
    (void)key;
    int64_t a = 0;
    int64_t b = 0;
    CHECK(weir_bytes_i64(one, &a) && weir_bytes_i64(two, &b));
    *out_aggregate = weir_call_i64(call, a + b);
    return WEIR_OK;
}

static weir_status add_value(weir_call *call, weir_bytes key, weir_bytes value,
                             weir_bytes aggregate, weir_bytes *out_aggregate)
{
    WEIR_AUTO_FREE char *text = weir_bytes_to_text(value);
    return sum(call, key, aggregate, weir_call_i64(call, strtoll(text, NULL, 10)), out_aggregate);
}

static weir_kgrouped_stream *grouped(weir_builder *builder)
{
    return weir_kstream_group_by_key(weir_builder_stream(builder, "in", NULL), NULL);
}

static weir_builder *told(weir_builder *builder, weir_ktable *table)
{
    weir_kstream_to(weir_ktable_to_stream(table, NULL), "out", NULL);
    return builder;
}

static weir_ktable *sums_in_windows(weir_builder *builder, const round *r)
{
    const weir_time_windows windows = {r->size_ms, r->advance_ms, GRACE_MS};
    return weir_time_windowed_aggregate(
        weir_kgrouped_stream_windowed_by(grouped(builder), &windows), zero, add_value, NULL, NULL);
}

/* Feeds all events in a random order, with crashes among them. */
static void feed(dsl_fixture *fixture, round *r)
{
    shuffle(r);
    for (size_t i = 0; i < EVENTS; i++) {
        char key[8];
        char value[24];
        (void)snprintf(key, sizeof(key), "k%d", r->events[i].key);
        (void)snprintf(value, sizeof(value), "%" PRId64, r->events[i].number);
        dsl_send(fixture, "in", key, value, r->events[i].ms);
        if (weir_random_below(&r->random, EVENTS / 2) == 0) {
            dsl_fixture_restart(fixture);
        }
    }
}

/* A row as text: key, start of the window and sum. */
static char *tell_window(void *user, const weir_record *record)
{
    (void)user;
    weir_windowed windowed = {0};
    int64_t number = 0;
    CHECK(weir_windowed_of(record->key, 0, &windowed));
    if (record->value.data == NULL) {
        return NULL;
    }
    CHECK(weir_bytes_i64(record->value, &number));
    return weir_format("%.*s %" PRId64 " %" PRId64, (int)windowed.key.size,
                       (const char *)windowed.key.data, windowed.start_ms, number);
}

static char *tell_session(void *user, const weir_record *record)
{
    (void)user;
    weir_session session = {0};
    int64_t number = 0;
    CHECK(weir_session_of(record->key, &session));
    if (record->value.data == NULL) {
        return NULL;
    }
    CHECK(weir_bytes_i64(record->value, &number));
    return weir_format("%.*s %" PRId64 " %" PRId64 " %" PRId64, (int)session.key.size,
                       (const char *)session.key.data, session.start_ms, session.end_ms, number);
}

static int64_t sum_of(const round *r, int key, int64_t from_ms, int64_t to_ms)
{
    int64_t total = 0;
    for (size_t i = 0; i < EVENTS; i++) {
        const event *e = &r->events[i];
        total += e->key == key && from_ms <= e->ms && e->ms <= to_ms ? e->number : 0;
    }
    return total;
}

/* Adds the window that begins at start_ms, unless nothing lies in it. */
static void want(text_bag *wanted, const round *r, int key, int64_t start_ms, int64_t last_ms)
{
    int64_t total = sum_of(r, key, start_ms, last_ms);
    if (total > 0) {
        text_bag_add(wanted, weir_format("k%d %" PRId64 " %" PRId64, key, start_ms, total));
    }
}

static void want_time_windows(text_bag *wanted, const round *r)
{
    for (int key = 0; key < KEYS; key++) {
        for (int64_t start = 0; start <= TIME_MAX_MS; start += r->advance_ms) {
            want(wanted, r, key, start, start + r->size_ms - 1);
        }
    }
}

typedef weir_builder *(*make_topology)(const round *r);
typedef void (*want_rows)(text_bag *wanted, const round *r);

/* Two orders of each round's events lead to what the naive aggregate says. */
static void check_orders(make_topology make, want_rows want_all, text_bag_teller tell)
{
    uint64_t seed = check_seed(1);
    for (uint64_t i = 0; i < ROUNDS; i++) {
        round r;
        make_events(&r, seed + i / 2);
        r.random = weir_random_of(seed + 1000 + i);
        dsl_fixture fixture;
        dsl_fixture_start(&fixture, make(&r), i % 4 == 3 ? "1000000" : "0");
        feed(&fixture, &r);
        text_bag got = {0};
        text_bag wanted = {0};
        text_bag_add_table(&got, fixture.driver, "out", tell, NULL);
        want_all(&wanted, &r);
        CHECK(wanted.count > 0);
        text_bag_check_same(&got, &wanted);
        text_bag_cleanup(&got);
        text_bag_cleanup(&wanted);
        dsl_fixture_end(&fixture);
    }
}

static weir_builder *make_time_windows(const round *r)
{
    weir_builder *builder = weir_builder_new();
    return told(builder, sums_in_windows(builder, r));
}

TEST(hopping_and_tumbling_windows_do_not_depend_on_the_order_of_arrival)
{
    check_orders(make_time_windows, want_time_windows, tell_window);
}

static weir_builder *make_sliding(const round *r)
{
    const weir_sliding_windows windows = {r->size_ms, GRACE_MS};
    weir_builder *builder = weir_builder_new();
    return told(builder, weir_time_windowed_aggregate(
                             weir_kgrouped_stream_windowed_by_sliding(grouped(builder), &windows),
                             zero, add_value, NULL, NULL));
}

static bool is_event(const round *r, int key, int64_t ms)
{
    return sum_of(r, key, ms, ms) > 0;
}

/* A window ends with each record, but none begins before 0; and one begins right after each, where
 * something lies in it. */
static void want_sliding(text_bag *wanted, const round *r)
{
    for (int key = 0; key < KEYS; key++) {
        for (int64_t start = 0; start <= TIME_MAX_MS + 1; start++) {
            bool ends = is_event(r, key, start + r->size_ms);
            bool begins = start > 0 && is_event(r, key, start - 1);
            bool is_first = start == 0 && sum_of(r, key, 0, r->size_ms) > 0;
            if (ends || begins || is_first) {
                want(wanted, r, key, start, start + r->size_ms);
            }
        }
    }
}

TEST(sliding_windows_do_not_depend_on_the_order_of_arrival)
{
    check_orders(make_sliding, want_sliding, tell_window);
}

static weir_builder *make_sessions(const round *r)
{
    const weir_session_windows windows = {r->advance_ms / 4, GRACE_MS};
    const weir_session_aggregate functions = {zero, add_value, sum};
    weir_builder *builder = weir_builder_new();
    return told(builder, weir_session_windowed_aggregate(
                             weir_kgrouped_stream_windowed_by_session(grouped(builder), &windows),
                             &functions, NULL, NULL));
}

/* Walks the time: a session ends where nothing follows within the gap. */
static void want_sessions(text_bag *wanted, const round *r)
{
    int64_t gap_ms = r->advance_ms / 4;
    for (int key = 0; key < KEYS; key++) {
        int64_t start = -1;
        for (int64_t ms = 0; ms <= TIME_MAX_MS; ms++) {
            if (!is_event(r, key, ms)) {
                continue;
            }
            start = start < 0 ? ms : start;
            if (sum_of(r, key, ms + 1, ms + gap_ms) == 0) {
                text_bag_add(wanted, weir_format("k%d %" PRId64 " %" PRId64 " %" PRId64, key, start,
                                                 ms, sum_of(r, key, start, ms)));
                start = -1;
            }
        }
    }
}

TEST(sessions_merge_to_what_a_walk_over_the_time_finds)
{
    check_orders(make_sessions, want_sessions, tell_session);
}

static weir_builder *make_suppressed(const round *r)
{
    const weir_suppressed few = {.records_max = 5}; /* Most of them spill. */
    weir_builder *builder = weir_builder_new();
    return told(builder, weir_ktable_suppress_until_window_closes(
                             sums_in_windows(builder, r), r->size_ms % 2 == 0 ? &few : NULL));
}

/* All windows close when the last record comes, whose own stays open. */
TEST(each_final_is_told_once_whatever_the_order_and_the_crashes)
{
    uint64_t seed = check_seed(1);
    for (uint64_t i = 0; i < ROUNDS; i++) {
        round r;
        make_events(&r, seed + i);
        dsl_fixture fixture;
        dsl_fixture_start(&fixture, make_suppressed(&r), i % 4 == 3 ? "1000000" : "0");
        feed(&fixture, &r);
        dsl_send(&fixture, "in", "last", "1", AFTER_MS);
        text_bag got = {0};
        text_bag wanted = {0};
        text_bag_add_topic(&got, fixture.driver, "out", tell_window, NULL);
        want_time_windows(&wanted, &r);
        CHECK(wanted.count > 0);
        text_bag_check_same(&got, &wanted);
        text_bag_cleanup(&got);
        text_bag_cleanup(&wanted);
        dsl_fixture_end(&fixture);
    }
}
