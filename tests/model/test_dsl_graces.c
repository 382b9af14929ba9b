/* SPDX-License-Identifier: Apache-2.0
 *
 * Windows, sessions and joins whose grace is short, against naive ones that walk over the records
 * in the order in which they came: what is late, what has closed, and when, to the millisecond. The
 * wall clock goes its own way, and the process crashes meanwhile.
 */
#include "statestore/session_store.h"
#include "streams/base/random.h"
#include "streams/dsl/grouped.h"
#include "streams/dsl/joins.h"
#include "streams/dsl/kstream.h"
#include "streams/dsl/ktable.h"
#include "streams/dsl/sessions.h"
#include "streams/dsl/suppress.h"
#include "streams/dsl/windowed.h"
#include "tests/harness/check.h"
#include "tests/harness/dsl_fixture.h"
#include "tests/harness/text_bag.h"

#include <stdio.h>
#include <string.h>

enum {
    ROUNDS = 40,
    EVENTS = 80,
    KEYS = 3,
    STEP_MS = 4, /* Stream time goes on by so much a record, on average. */
    AFTER_MS = 5000,
    LONG_MS = 100000,
    TEXT_BYTES = 16,
    STARTS_MAX = EVENTS * STEP_MS * 2,
};

typedef struct event {
    bool is_right; /* Of a join. */
    int key;
    int64_t ms;
} event;

typedef struct round {
    weir_random random;
    event events[EVENTS];
    int64_t size_ms; /* Of a window; the gap of sessions; before and after of a join. */
    int64_t advance_ms;
    int64_t grace_ms;
} round;

static int64_t below(round *r, int64_t end)
{
    return (int64_t)weir_random_below(&r->random, (uint64_t)end);
}

/* Times go on slowly and scatter widely, so that many records are on the edge of what is late. */
static void make_round(round *r, uint64_t seed)
{
    *r = (round){.random = weir_random_of(seed)};
    r->advance_ms = 3 + below(r, 10);
    r->size_ms = r->advance_ms * (1 + below(r, 3));
    r->grace_ms = below(r, 3) == 0 ? 0 : below(r, 12);
    for (int64_t i = 0; i < EVENTS; i++) {
        int64_t ms = i * STEP_MS - below(r, 40) + below(r, 8);
        r->events[i] = (event){
            .is_right = below(r, 2) == 0,
            .key = (int)below(r, KEYS),
            .ms = ms < 0 ? 0 : ms,
        };
    }
}

/* The values are the indexes. */
static void feed(dsl_fixture *fixture, round *r, bool is_join)
{
    weir_error err = {0};
    for (size_t i = 0; i < EVENTS; i++) {
        char key[TEXT_BYTES];
        char value[TEXT_BYTES];
        (void)snprintf(key, sizeof(key), "k%d", r->events[i].key);
        (void)snprintf(value, sizeof(value), "%zu", i);
        const char *topic = !is_join ? "in" : r->events[i].is_right ? "right" : "left";
        dsl_send(fixture, topic, key, value, r->events[i].ms);
        CHECK_OK(weir_test_driver_advance(fixture->driver, below(r, 20), &err), &err);
        if (below(r, EVENTS / 2) == 0) {
            dsl_fixture_restart(fixture);
        }
    }
}

/* The largest time of the first so many. */
static int64_t stream_time_of(const round *r, size_t count)
{
    int64_t ms = -1;
    for (size_t i = 0; i < count; i++) {
        ms = r->events[i].ms > ms ? r->events[i].ms : ms;
    }
    return ms;
}

static void check_bags(dsl_fixture *fixture, text_bag *got, text_bag *wanted)
{
    CHECK(wanted->count > 0);
    text_bag_check_same(got, wanted);
    text_bag_cleanup(got);
    text_bag_cleanup(wanted);
    dsl_fixture_end(fixture);
}

static weir_kgrouped_stream *grouped(weir_builder *builder)
{
    return weir_kstream_group_by_key(weir_builder_stream(builder, "in", NULL), NULL);
}

static void tell_changes(weir_ktable *table)
{
    weir_kstream_to(weir_ktable_to_stream(table, NULL), "out", NULL);
}

/* Key, start, end and count. */

static char *tell_count(const weir_record *record, weir_bytes key, int64_t start_ms, int64_t end_ms)
{
    int64_t count = 0;
    if (record->value.data == NULL) {
        return NULL;
    }
    CHECK(weir_bytes_i64(record->value, &count));
    return weir_format("%.*s %" PRId64 " %" PRId64 " %" PRId64, (int)key.size,
                       (const char *)key.data, start_ms, end_ms, count);
}

static char *tell_window(void *user, const weir_record *record)
{
    weir_windowed windowed = {0};
    CHECK(weir_windowed_of(record->key, *(const int64_t *)user, &windowed));
    return tell_count(record, windowed.key, windowed.start_ms, windowed.end_ms);
}

static char *tell_session(void *user, const weir_record *record)
{
    (void)user;
    weir_session session = {0};
    CHECK(weir_session_of(record->key, &session));
    return tell_count(record, session.key, session.start_ms, session.end_ms);
}

static void want(text_bag *wanted, int key, int64_t start_ms, int64_t end_ms, int64_t count)
{
    if (count > 0) {
        text_bag_add(wanted, weir_format("k%d %" PRId64 " %" PRId64 " %" PRId64, key, start_ms,
                                         end_ms, count));
    }
}

/* Time windows: a record counts in each of its windows whose end and grace stream time has not
 * reached. */

static int64_t count_in_time(const round *r, int key, int64_t start_ms)
{
    int64_t count = 0;
    for (size_t i = 0; i < EVENTS; i++) {
        const event *e = &r->events[i];
        count += e->key == key && start_ms <= e->ms && e->ms < start_ms + r->size_ms &&
                 stream_time_of(r, i + 1) < start_ms + r->size_ms + r->grace_ms;
    }
    return count;
}

/* Those that close after one time, and not after another. */
static void want_windows(text_bag *wanted, const round *r, int64_t after_ms, int64_t until_ms)
{
    for (int key = 0; key < KEYS; key++) {
        for (int64_t start = 0; start < STARTS_MAX; start += r->advance_ms) {
            int64_t close_ms = start + r->size_ms + r->grace_ms;
            if (after_ms < close_ms && close_ms <= until_ms) {
                want(wanted, key, start, start + r->size_ms, count_in_time(r, key, start));
            }
        }
    }
}

typedef enum telling { EACH_CHANGE, ON_CLOSE, SUPPRESSED, TELLINGS } telling;

static weir_builder *make_windows(const round *r, telling how)
{
    weir_builder *builder = weir_builder_new();
    const weir_time_windows windows = {r->size_ms, r->advance_ms, r->grace_ms};
    weir_time_windowed_kstream *windowed =
        weir_kgrouped_stream_windowed_by(grouped(builder), &windows);
    if (how == ON_CLOSE) {
        windowed = weir_time_windowed_emit_strategy(windowed, WEIR_EMIT_ON_WINDOW_CLOSE);
    }
    weir_ktable *counts = weir_time_windowed_count(windowed, NULL, NULL);
    tell_changes(how == SUPPRESSED ? weir_ktable_suppress_until_window_closes(counts, NULL)
                                   : counts);
    return builder;
}

/* What has closed has been told, the rest is not before the next record. */
static void check_closed(dsl_fixture *fixture, round *r)
{
    text_bag got = {0};
    text_bag wanted = {0};
    text_bag_add_topic(&got, fixture->driver, "out", tell_window, &r->size_ms);
    want_windows(&wanted, r, -1, stream_time_of(r, EVENTS));
    text_bag_check_same(&got, &wanted);
    text_bag_cleanup(&got);
    text_bag_cleanup(&wanted);
    dsl_send(fixture, "in", "last", "", AFTER_MS); /* Its own window stays open. */
}

TEST(window_counts_what_comes_before_its_end_and_grace_and_is_told_as_it_was_when_it_closed)
{
    uint64_t seed = check_seed(1);
    for (uint64_t i = 0; i < ROUNDS * TELLINGS; i++) {
        round r;
        telling how = (telling)(i % TELLINGS);
        make_round(&r, seed + i / TELLINGS);
        dsl_fixture fixture;
        dsl_fixture_start(&fixture, make_windows(&r, how), i % 2 == 0 ? "0" : "1000000");
        feed(&fixture, &r, false);
        text_bag got = {0};
        text_bag wanted = {0};
        if (how == EACH_CHANGE) {
            text_bag_add_table(&got, fixture.driver, "out", tell_window, &r.size_ms);
            want_windows(&wanted, &r, -1, AFTER_MS);
        } else {
            check_closed(&fixture, &r);
            text_bag_add_topic(&got, fixture.driver, "out", tell_window, &r.size_ms);
            want_windows(&wanted, &r, stream_time_of(&r, EVENTS), AFTER_MS);
        }
        check_bags(&fixture, &got, &wanted);
    }
}

/* Sessions: a record is late where all that it belongs to ended longer ago than gap and grace. */

typedef struct session {
    int key;
    int64_t start_ms;
    int64_t end_ms;
    int64_t count; /* 0: it became part of another. */
} session;

static bool belongs_to(const round *r, const session *s, const event *e)
{
    return s->count > 0 && s->key == e->key && s->end_ms >= e->ms - r->size_ms &&
           s->start_ms <= e->ms + r->size_ms;
}

/* What the event that comes as number i makes of the sessions before it. */
static session merge_sessions(const round *r, session *sessions, size_t i)
{
    const event *e = &r->events[i];
    session merged = {e->key, e->ms, e->ms, 1};
    for (size_t j = 0; j < i; j++) {
        const session *s = &sessions[j];
        if (belongs_to(r, s, e)) {
            merged.start_ms = s->start_ms < merged.start_ms ? s->start_ms : merged.start_ms;
            merged.end_ms = s->end_ms > merged.end_ms ? s->end_ms : merged.end_ms;
            merged.count += s->count;
        }
    }
    if (merged.end_ms < stream_time_of(r, i + 1) - r->size_ms - r->grace_ms) {
        return (session){0};
    }
    for (size_t j = 0; j < i; j++) {
        sessions[j].count = belongs_to(r, &sessions[j], e) ? 0 : sessions[j].count;
    }
    return merged;
}

static weir_builder *make_sessions(const round *r)
{
    weir_builder *builder = weir_builder_new();
    const weir_session_windows windows = {r->size_ms, r->grace_ms};
    tell_changes(weir_session_windowed_count(
        weir_kgrouped_stream_windowed_by_session(grouped(builder), &windows),
        &(weir_materialized){.store_name = "sessions", .retention_ms = LONG_MS}, NULL));
    return builder;
}

TEST(session_takes_what_comes_before_its_end_and_gap_and_grace)
{
    uint64_t seed = check_seed(1);
    for (uint64_t i = 0; i < ROUNDS; i++) {
        round r;
        make_round(&r, seed + i);
        dsl_fixture fixture;
        dsl_fixture_start(&fixture, make_sessions(&r), i % 2 == 0 ? "0" : "1000000");
        feed(&fixture, &r, false);
        text_bag got = {0};
        text_bag wanted = {0};
        text_bag_add_table(&got, fixture.driver, "out", tell_session, NULL);
        session sessions[EVENTS] = {0};
        for (size_t j = 0; j < EVENTS; j++) {
            sessions[j] = merge_sessions(&r, sessions, j);
        }
        for (size_t j = 0; j < EVENTS; j++) {
            want(&wanted, sessions[j].key, sessions[j].start_ms, sessions[j].end_ms,
                 sessions[j].count);
        }
        check_bags(&fixture, &got, &wanted);
    }
}

/* Joins, as far behind as ahead. A record meets those of the other side that its buffer still has:
 * they are younger than the buffer's own time by before, after and grace. */

typedef enum how { INNER, LEFT, OUTER, HOWS } how;

static weir_status pair(weir_call *call, weir_bytes key, weir_bytes left, weir_bytes right,
                        weir_bytes *out_value)
{
    (void)key;
    const weir_bytes none = WEIR_BYTES("-");
    *out_value = weir_call_concat(
        call, weir_call_concat(call, left.data == NULL ? none : left, WEIR_BYTES("+")),
        right.data == NULL ? none : right);
    return WEIR_OK;
}

static weir_builder *make_join(const round *r, how kind)
{
    const weir_join_windows windows = {r->size_ms, r->size_ms, r->grace_ms};
    weir_builder *builder = weir_builder_new();
    weir_kstream *left = weir_builder_stream(builder, "left", NULL);
    weir_kstream *right = weir_builder_stream(builder, "right", NULL);
    weir_kstream *joined = kind == INNER ? weir_kstream_join(left, right, pair, &windows, NULL)
                           : kind == LEFT
                               ? weir_kstream_left_join(left, right, pair, &windows, NULL)
                               : weir_kstream_outer_join(left, right, pair, &windows, NULL);
    weir_kstream_to(joined, "out", NULL);
    return builder;
}

/* Value and time, of which the order on a topic is that of the walk. */
static char *tell_pair(void *user, const weir_record *record)
{
    (void)user;
    return weir_format("%.*s %" PRId64, (int)record->value.size, (const char *)record->value.data,
                       record->timestamp_ms);
}

/* The time of one side's buffer once the first so many have come. */
static int64_t buffer_time_of(const round *r, bool is_right, size_t count)
{
    int64_t ms = -1;
    for (size_t i = 0; i < count; i++) {
        const event *e = &r->events[i];
        ms = e->is_right == is_right && e->ms > ms ? e->ms : ms;
    }
    return ms;
}

/* Whether the event that comes as number i meets that of number j, which came before. */
static bool meets(const round *r, size_t i, size_t j)
{
    const event *e = &r->events[i];
    const event *other = &r->events[j];
    int64_t apart_ms = e->ms < other->ms ? other->ms - e->ms : e->ms - other->ms;
    return e->is_right != other->is_right && e->key == other->key && apart_ms <= r->size_ms &&
           other->ms > buffer_time_of(r, other->is_right, i) - 2 * r->size_ms - r->grace_ms;
}

/* A record is told alone if nobody was met when it came, nor while it waited; what comes when it is
 * too late waits not. If somebody is met after that it may have been told or not: Kafka Streams
 * looks for those that wait when the last of them that it saw has closed, and so do we. */
typedef enum lonely { IS_MET, IS_ALONE, MAY_BE_ALONE } lonely;

static lonely is_told_alone(const round *r, size_t index)
{
    int64_t last_ms = r->events[index].ms + r->size_ms;
    for (size_t j = 0; j < index; j++) {
        if (meets(r, index, j)) {
            return IS_MET;
        }
    }
    if (last_ms < stream_time_of(r, index + 1)) {
        return IS_ALONE;
    }
    for (size_t i = index + 1; i < EVENTS; i++) {
        if (meets(r, i, index)) {
            return last_ms + r->grace_ms >= stream_time_of(r, i + 1) ? IS_MET : MAY_BE_ALONE;
        }
    }
    return IS_ALONE;
}

static bool has_text(const text_bag *bag, const char *text)
{
    for (size_t i = 0; i < bag->count; i++) {
        if (strcmp(bag->items[i], text) == 0) {
            return true;
        }
    }
    return false;
}

static void want_alone(text_bag *wanted, const text_bag *got, const round *r, size_t index)
{
    const event *e = &r->events[index];
    lonely alone = is_told_alone(r, index);
    WEIR_AUTO_FREE char *text = e->is_right ? weir_format("-+%zu %" PRId64, index, e->ms)
                                            : weir_format("%zu+- %" PRId64, index, e->ms);
    if (alone == IS_ALONE || (alone == MAY_BE_ALONE && has_text(got, text))) {
        text_bag_add(wanted, weir_take(&text));
    }
}

static void want_joined(text_bag *wanted, const text_bag *got, const round *r, how kind)
{
    for (size_t i = 0; i < EVENTS; i++) {
        const event *e = &r->events[i];
        for (size_t j = 0; j < i; j++) {
            if (meets(r, i, j)) {
                int64_t ms = r->events[j].ms > e->ms ? r->events[j].ms : e->ms;
                text_bag_add(wanted, weir_format("%zu+%zu %" PRId64, e->is_right ? j : i,
                                                 e->is_right ? i : j, ms));
            }
        }
        if (kind == OUTER || (kind == LEFT && !e->is_right)) {
            want_alone(wanted, got, r, i);
        }
    }
}

TEST(join_meets_what_its_buffers_have_and_tells_of_the_rest_once_their_grace_is_over)
{
    uint64_t seed = check_seed(1);
    for (uint64_t i = 0; i < ROUNDS * HOWS; i++) {
        round r;
        how kind = (how)(i % HOWS);
        make_round(&r, seed + i / HOWS);
        dsl_fixture fixture;
        dsl_fixture_start(&fixture, make_join(&r, kind), "0");
        feed(&fixture, &r, true);
        dsl_send(&fixture, "left", "last", "l", AFTER_MS);
        dsl_send(&fixture, "right", "last", "r", AFTER_MS);
        text_bag got = {0};
        text_bag wanted = {0};
        text_bag_add_topic(&got, fixture.driver, "out", tell_pair, NULL);
        want_joined(&wanted, &got, &r, kind);
        text_bag_add(&wanted, weir_strdup("l+r 5000"));
        check_bags(&fixture, &got, &wanted);
    }
}

/* A stream joined with itself: each record is on both sides, and meets itself once. */

static weir_builder *make_self_join(const round *r, bool is_optimised)
{
    const weir_join_windows windows = {r->size_ms, r->advance_ms, LONG_MS};
    weir_builder *builder = weir_builder_new();
    weir_kstream *in = weir_builder_stream(builder, "in", NULL);
    weir_kstream_to(weir_kstream_join(in, in, pair, &windows, NULL), "out", NULL);
    if (is_optimised) {
        weir_builder_optimise(builder);
    }
    return builder;
}

TEST(stream_joined_with_itself_is_every_pair_in_both_orders_and_each_record_with_itself)
{
    uint64_t seed = check_seed(1);
    for (uint64_t i = 0; i < ROUNDS; i++) {
        round r;
        make_round(&r, seed + i / 2);
        dsl_fixture fixture;
        dsl_fixture_start(&fixture, make_self_join(&r, i % 2 == 1), "0");
        feed(&fixture, &r, false);
        text_bag got = {0};
        text_bag wanted = {0};
        text_bag_add_topic(&got, fixture.driver, "out", tell_pair, NULL);
        for (size_t a = 0; a < EVENTS * EVENTS; a++) {
            const event *left = &r.events[a / EVENTS];
            const event *right = &r.events[a % EVENTS];
            if (left->key == right->key && right->ms >= left->ms - r.size_ms &&
                right->ms <= left->ms + r.advance_ms) {
                int64_t ms = left->ms > right->ms ? left->ms : right->ms;
                text_bag_add(&wanted, weir_format("%zu+%zu %" PRId64, a / EVENTS, a % EVENTS, ms));
            }
        }
        check_bags(&fixture, &got, &wanted);
    }
}
