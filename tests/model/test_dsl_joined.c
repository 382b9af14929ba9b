/* SPDX-License-Identifier: Apache-2.0
 *
 * Joins against naive ones that look at every pair, with crashes
 * meanwhile.
 */
#include "streams/base/random.h"
#include "streams/dsl/foreign_join.h"
#include "streams/dsl/joins.h"
#include "streams/dsl/kstream.h"
#include "streams/dsl/ktable.h"
#include "tests/harness/check.h"
#include "tests/harness/dsl_fixture.h"
#include "tests/harness/text_bag.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROUNDS = 20,
    EVENTS = 50,
    KEYS = 3,
    ROWS = 6,
    CHANGES = 120,
    TIME_MAX_MS = 400,
    GRACE_MS = 500,  /* Whatever comes is in time. */
    AFTER_MS = 5000, /* When every window has closed. */
    TEXT_BYTES = 16,
};

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

static char *tell(void *user, const weir_record *record)
{
    (void)user;
    return record->value.data == NULL
               ? NULL
               : weir_format("%.*s %.*s", (int)record->key.size, (const char *)record->key.data,
                             (int)record->value.size, (const char *)record->value.data);
}

static void maybe_restart(dsl_fixture *fixture, weir_random *random)
{
    if (weir_random_below(random, EVENTS / 2) == 0) {
        dsl_fixture_restart(fixture);
    }
}

/* Streams. */

typedef enum how { INNER, LEFT, OUTER } how;

typedef struct event {
    bool is_right;
    int key;
    int64_t ms;
} event;

typedef struct round {
    weir_random random;
    event events[EVENTS];
    weir_join_windows windows;
} round;

static void make_round(round *r, uint64_t seed)
{
    *r = (round){.random = weir_random_of(seed)};
    r->windows = (weir_join_windows){
        .before_ms = (int64_t)weir_random_below(&r->random, 60),
        .after_ms = (int64_t)weir_random_below(&r->random, 60),
        .grace_ms = GRACE_MS,
    };
    for (size_t i = 0; i < EVENTS; i++) {
        r->events[i] = (event){
            .is_right = weir_random_below(&r->random, 2) == 0,
            .key = (int)weir_random_below(&r->random, KEYS),
            .ms = (int64_t)weir_random_below(&r->random, TIME_MAX_MS),
        };
    }
}

static weir_builder *make_join(const round *r, how kind)
{
    weir_builder *builder = weir_builder_new();
    weir_kstream *left = weir_builder_stream(builder, "left", NULL);
    weir_kstream *right = weir_builder_stream(builder, "right", NULL);
    weir_kstream *joined = kind == INNER ? weir_kstream_join(left, right, pair, &r->windows, NULL)
                           : kind == LEFT
                               ? weir_kstream_left_join(left, right, pair, &r->windows, NULL)
                               : weir_kstream_outer_join(left, right, pair, &r->windows, NULL);
    weir_kstream_to(joined, "out", NULL);
    return builder;
}

/* In the order of the array; the times are in any order. */
static void feed(dsl_fixture *fixture, round *r)
{
    for (size_t i = 0; i < EVENTS; i++) {
        const event *e = &r->events[i];
        char key[TEXT_BYTES];
        char value[TEXT_BYTES];
        (void)snprintf(key, sizeof(key), "k%d", e->key);
        (void)snprintf(value, sizeof(value), "%zu", i);
        dsl_send(fixture, e->is_right ? "right" : "left", key, value, e->ms);
        maybe_restart(fixture, &r->random);
    }
    dsl_send(fixture, "left", "last", "l", AFTER_MS);
    dsl_send(fixture, "right", "last", "r", AFTER_MS);
}

static bool are_joined(const round *r, const event *left, const event *right)
{
    return !left->is_right && right->is_right && left->key == right->key &&
           left->ms - r->windows.before_ms <= right->ms &&
           right->ms <= left->ms + r->windows.after_ms;
}

/* Whether an event has a partner among the first so many. */
static bool has_partner(const round *r, const event *e, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (are_joined(r, e, &r->events[i]) || are_joined(r, &r->events[i], e)) {
            return true;
        }
    }
    return false;
}

/* It finds nobody when it comes, and nobody comes later; or it came after its window, with regard
 * to the largest time so far: then Kafka Streams tells of it at once, grace or not. */
static bool is_told_alone(const round *r, size_t index)
{
    const event *e = &r->events[index];
    int64_t stream_time_ms = e->ms;
    for (size_t i = 0; i < index; i++) {
        stream_time_ms = r->events[i].ms > stream_time_ms ? r->events[i].ms : stream_time_ms;
    }
    int64_t to_ms = e->ms + (e->is_right ? r->windows.before_ms : r->windows.after_ms);
    return !has_partner(r, e, index) && (to_ms < stream_time_ms || !has_partner(r, e, EVENTS));
}

static void want(text_bag *wanted, const round *r, how kind)
{
    for (size_t i = 0; i < EVENTS; i++) {
        const event *e = &r->events[i];
        for (size_t j = 0; j < EVENTS; j++) {
            if (are_joined(r, e, &r->events[j])) {
                text_bag_add(wanted, weir_format("k%d %zu+%zu", e->key, i, j));
            }
        }
        if (!e->is_right && kind != INNER && is_told_alone(r, i)) {
            text_bag_add(wanted, weir_format("k%d %zu+-", e->key, i));
        } else if (e->is_right && kind == OUTER && is_told_alone(r, i)) {
            text_bag_add(wanted, weir_format("k%d -+%zu", e->key, i));
        }
    }
    text_bag_add(wanted, weir_strdup("last l+r"));
}

static void check_stream_join(how kind)
{
    uint64_t seed = check_seed(1);
    for (uint64_t i = 0; i < ROUNDS; i++) {
        round r;
        make_round(&r, seed + i);
        dsl_fixture fixture;
        dsl_fixture_start(&fixture, make_join(&r, kind), "0");
        feed(&fixture, &r);
        text_bag got = {0};
        text_bag wanted = {0};
        text_bag_add_topic(&got, fixture.driver, "out", tell, NULL);
        want(&wanted, &r, kind);
        text_bag_check_same(&got, &wanted);
        text_bag_cleanup(&got);
        text_bag_cleanup(&wanted);
        dsl_fixture_end(&fixture);
    }
}

TEST(inner_join_of_streams_is_every_pair_within_its_window)
{
    check_stream_join(INNER);
}

TEST(left_join_of_streams_tells_once_of_each_left_record_without_a_pair)
{
    check_stream_join(LEFT);
}

TEST(outer_join_of_streams_tells_once_of_each_record_without_a_pair)
{
    check_stream_join(OUTER);
}

/* Tables by a foreign key: the value of a left row is "<right key>/<number>". */

typedef struct tables {
    char left[ROWS][TEXT_BYTES]; /* "": no row. */
    char right[ROWS][TEXT_BYTES];
} tables;

static weir_status key_of_right(weir_call *call, const weir_record *record, weir_bytes *out_key)
{
    (void)call;
    const char *slash = memchr(record->value.data, '/', record->value.size);
    CHECK(slash != NULL);
    *out_key =
        weir_bytes_of(record->value.data, (size_t)(slash - (const char *)record->value.data));
    return WEIR_OK;
}

static weir_builder *make_foreign(how kind)
{
    weir_builder *builder = weir_builder_new();
    weir_ktable *left = weir_builder_table(builder, "left", NULL, NULL);
    weir_ktable *right = weir_builder_table(builder, "right", NULL, NULL);
    weir_ktable *joined =
        kind == INNER ? weir_ktable_join_foreign(left, right, key_of_right, pair, NULL)
                      : weir_ktable_left_join_foreign(left, right, key_of_right, pair, NULL);
    weir_kstream_to(weir_ktable_to_stream(joined, NULL), "out", NULL);
    return builder;
}

static void change(dsl_fixture *fixture, tables *t, weir_random *random, int64_t now_ms)
{
    bool is_right = weir_random_below(random, 2) == 0;
    size_t row = weir_random_below(random, ROWS);
    char *value = is_right ? t->right[row] : t->left[row];
    char key[TEXT_BYTES];
    (void)snprintf(key, sizeof(key), "%c%zu", is_right ? 'r' : 'l', row);
    if (weir_random_below(random, 4) == 0) {
        value[0] = '\0';
    } else if (is_right) {
        (void)snprintf(value, TEXT_BYTES, "v%" PRId64, now_ms);
    } else {
        (void)snprintf(value, TEXT_BYTES, "r%d/%d", (int)weir_random_below(random, ROWS),
                       (int)weir_random_below(random, 100));
    }
    dsl_send(fixture, is_right ? "right" : "left", key, value[0] == '\0' ? NULL : value, now_ms);
}

static void want_foreign(text_bag *wanted, const tables *t, how kind)
{
    for (size_t i = 0; i < ROWS; i++) {
        const char *left = t->left[i];
        const char *right = left[0] == '\0' ? "" : t->right[left[1] - '0'];
        if (right[0] != '\0') {
            text_bag_add(wanted, weir_format("l%zu %s+%s", i, left, right));
        } else if (left[0] != '\0' && kind == LEFT) {
            text_bag_add(wanted, weir_format("l%zu %s+-", i, left));
        }
    }
}

static void check_foreign_join(how kind)
{
    uint64_t seed = check_seed(1);
    for (uint64_t i = 0; i < ROUNDS; i++) {
        weir_random random = weir_random_of(seed + i);
        tables t = {0};
        dsl_fixture fixture;
        dsl_fixture_start(&fixture, make_foreign(kind), i % 2 == 0 ? "0" : "1000000");
        for (int64_t n = 0; n < CHANGES; n++) {
            change(&fixture, &t, &random, n);
            maybe_restart(&fixture, &random);
        }
        text_bag got = {0};
        text_bag wanted = {0};
        text_bag_add_table(&got, fixture.driver, "out", tell, NULL);
        want_foreign(&wanted, &t, kind);
        text_bag_check_same(&got, &wanted);
        text_bag_cleanup(&got);
        text_bag_cleanup(&wanted);
        dsl_fixture_end(&fixture);
    }
}

TEST(foreign_key_join_is_that_of_the_tables_as_they_are_in_the_end)
{
    check_foreign_join(INNER);
}

TEST(foreign_key_left_join_is_that_of_the_tables_as_they_are_in_the_end)
{
    check_foreign_join(LEFT);
}
