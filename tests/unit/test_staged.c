/* SPDX-License-Identifier: Apache-2.0
 *
 * What staged.h promises beside test_task_state.c: scans in no order that go on while the store
 * changes, and an engine that is asked only for what it may have. The engine here is a store in
 * memory that counts how often it is asked.
 */
#include "statestore/mem_store.h"
#include "statestore/staged.h"
#include "statestore/window_store.h"
#include "streams/base/random.h"
#include "streams/base/serde.h"
#include "tests/harness/check.h"

#include <stdlib.h>
#include <string.h>

enum { KEY_BYTES = 1 + WEIR_WINDOW_SUFFIX_BYTES };

/* An engine that counts gets and ranges. */

typedef struct counting {
    weir_kv kv; /* Must be first. */
    weir_kv *inner;
    int gets;
    int ranges;
} counting;

static weir_status counting_get(weir_kv *kv, weir_bytes key, weir_buf *out_value, weir_error *err)
{
    ((counting *)kv)->gets++;
    return weir_kv_get(((counting *)kv)->inner, key, out_value, err);
}

static weir_status counting_put(weir_kv *kv, weir_bytes key, weir_bytes value, weir_error *err)
{
    return weir_kv_put(((counting *)kv)->inner, key, value, err);
}

static weir_status counting_remove(weir_kv *kv, weir_bytes key, weir_error *err)
{
    return weir_kv_remove(((counting *)kv)->inner, key, err);
}

static weir_status counting_range(weir_kv *kv, weir_bytes from, weir_bytes to, bool backwards,
                                  weir_kv_iterator **out_iterator, weir_error *err)
{
    ((counting *)kv)->ranges++;
    return weir_kv_range(((counting *)kv)->inner, from, to, backwards, out_iterator, err);
}

static uint64_t counting_count(weir_kv *kv)
{
    return weir_kv_approximate_count(((counting *)kv)->inner);
}

static void counting_free(weir_kv *kv)
{
    weir_kv_free(((counting *)kv)->inner);
    free(kv);
}

static counting *counting_new(void)
{
    static const weir_kv_ops ops = {
        .get = counting_get,
        .put = counting_put,
        .remove = counting_remove,
        .range = counting_range,
        .approximate_count = counting_count,
        .free = counting_free,
    };
    counting *engine = weir_alloc(sizeof *engine);
    engine->kv = (weir_kv){&ops, "windows"};
    engine->inner = weir_mem_store_new("windows");
    return engine;
}

/* A store of windows of keys of one letter. */

typedef struct fixture {
    counting *engine;
    weir_staged *staged;
    weir_kv *view;
    weir_error err;
} fixture;

static fixture fixture_start(void)
{
    fixture f = {.engine = counting_new()};
    f.staged = weir_staged_new("windows", &f.engine->kv);
    f.view = weir_staged_view(f.staged);
    weir_staged_use_times(f.staged, weir_window_key_time);
    return f;
}

static void fixture_cleanup(fixture *f)
{
    weir_staged_free(f->staged);
}

typedef struct window_key {
    uint8_t bytes[KEY_BYTES];
} window_key;

static window_key key_of(uint8_t letter, int64_t start_ms)
{
    window_key key = {{letter}};
    weir_put_u64_be(key.bytes + 1, (uint64_t)start_ms);
    return key;
}

static weir_bytes bytes_of(const window_key *key)
{
    return weir_bytes_of(key->bytes, sizeof key->bytes);
}

static void put(fixture *f, uint8_t letter, int64_t start_ms, const char *value)
{
    window_key key = key_of(letter, start_ms);
    CHECK_OK(weir_kv_put(f->view, bytes_of(&key), weir_bytes_of_text(value), &f->err), &f->err);
}

static void remove_window(fixture *f, uint8_t letter, int64_t start_ms)
{
    window_key key = key_of(letter, start_ms);
    CHECK_OK(weir_kv_remove(f->view, bytes_of(&key), &f->err), &f->err);
}

static void check_window(fixture *f, uint8_t letter, int64_t start_ms, const char *wanted)
{
    WEIR_AUTO(weir_buf) value = {0};
    window_key key = key_of(letter, start_ms);
    weir_status status = weir_kv_get(f->view, bytes_of(&key), &value, &f->err);
    CHECK_STATUS(status, wanted == NULL ? WEIR_NOT_FOUND : WEIR_OK);
    if (wanted != NULL) {
        CHECK_BYTES(weir_buf_bytes(&value), weir_bytes_of_text(wanted));
    }
}

/* Writes that go down to the engine. */
typedef struct descent {
    weir_kv *engine;
    size_t count;
} descent;

static void write_below(void *user, weir_bytes key, weir_bytes value)
{
    descent *writes = user;
    weir_error err = {0};
    weir_status status = value.data == NULL ? weir_kv_remove(writes->engine, key, &err)
                                            : weir_kv_put(writes->engine, key, value, &err);
    CHECK_OK(status, &err);
    writes->count++;
}

/* How many writes went down. */
static size_t apply_all(weir_staged *staged)
{
    descent writes = {.engine = weir_staged_engine(staged)};
    weir_staged_each_committed(staged, write_below, &writes);
    weir_staged_applied(staged);
    return writes.count;
}

static size_t apply(fixture *f)
{
    return apply_all(f->staged);
}

static size_t commit_and_apply(fixture *f)
{
    weir_staged_commit(f->staged);
    return apply(f);
}

TEST(engine_is_not_asked_for_windows_newer_than_what_it_has)
{
    WEIR_AUTO(fixture) f = fixture_start();
    check_window(&f, 'a', 10, NULL);
    CHECK_I64(f.engine->gets, ==, 0);
    put(&f, 'a', 10, "1");
    put(&f, 'b', 20, "2");
    CHECK_I64(commit_and_apply(&f), ==, 2);
    check_window(&f, 'a', 21, NULL);
    CHECK_I64(f.engine->gets, ==, 0);
    check_window(&f, 'a', 20, NULL);
    check_window(&f, 'a', 10, "1");
    CHECK_I64(f.engine->gets, ==, 2);
}

/* Checks the letters of a walk over all windows. */
static void check_letters(fixture *f, const char *wanted)
{
    WEIR_AUTO(weir_buf) got = {0};
    WEIR_AUTO_PTR(weir_kv_iterator) it = NULL;
    weir_bytes key;
    weir_bytes value;
    CHECK_OK(weir_kv_range(f->view, WEIR_BYTES_NULL, WEIR_BYTES_NULL, false, &it, &f->err),
             &f->err);
    weir_status status = WEIR_OK;
    while ((status = weir_kv_iterator_next(it, &key, &value, &f->err)) == WEIR_OK) {
        weir_buf_append(&got, key.data, 1);
    }
    CHECK_STATUS(status, WEIR_NOT_FOUND);
    CHECK_STR(weir_buf_text(&got), wanted);
}

TEST(engine_that_has_nothing_is_not_walked_over)
{
    WEIR_AUTO(fixture) f = fixture_start();
    put(&f, 'b', 20, "2");
    check_letters(&f, "b");
    int looks = f.engine->ranges; /* Whether there is anything. */
    check_letters(&f, "b");
    CHECK_I64(f.engine->ranges, ==, looks);
    CHECK_I64(commit_and_apply(&f), ==, 1);
    put(&f, 'a', 10, "1");
    check_letters(&f, "ab");
    CHECK_I64(f.engine->ranges, ==, looks + 1);
}

TEST(walk_within_a_walk_and_after_one_that_was_left_begins_at_its_beginning)
{
    WEIR_AUTO(fixture) f = fixture_start();
    put(&f, 'b', 20, "2");
    CHECK_I64(commit_and_apply(&f), ==, 1);
    put(&f, 'a', 10, "1");
    put(&f, 'c', 30, "3");
    for (int left_after = 0; left_after <= 3; left_after++) {
        WEIR_AUTO_PTR(weir_kv_iterator) outer = NULL;
        weir_bytes key = WEIR_BYTES("");
        weir_bytes value;
        CHECK_OK(weir_kv_range(f.view, WEIR_BYTES_NULL, WEIR_BYTES_NULL, true, &outer, &f.err),
                 &f.err);
        for (int i = 0; i < left_after; i++) {
            CHECK_OK(weir_kv_iterator_next(outer, &key, &value, &f.err), &f.err);
            check_letters(&f, "abc");
            CHECK_I64(*(const char *)key.data, ==, 'c' - i);
        }
    }
    check_letters(&f, "abc");
}

TEST(engine_that_had_rows_before_is_asked_for_all)
{
    WEIR_AUTO(fixture) f = fixture_start();
    window_key key = key_of('a', 10);
    CHECK_OK(weir_kv_put(f.engine->inner, bytes_of(&key), WEIR_BYTES("old"), &f.err), &f.err);
    check_window(&f, 'b', 500, NULL);
    check_window(&f, 'a', 10, "old");
    CHECK_I64(f.engine->gets, ==, 2);
}

TEST(rows_put_below_past_the_store_are_found)
{
    WEIR_AUTO(fixture) f = fixture_start();
    check_window(&f, 'a', 10, NULL);
    window_key key = key_of('a', 10);
    weir_staged_note_below(f.staged, bytes_of(&key));
    CHECK_OK(weir_kv_put(f.engine->inner, bytes_of(&key), WEIR_BYTES("1"), &f.err), &f.err);
    check_window(&f, 'a', 10, "1");
    check_window(&f, 'a', 11, NULL);
    CHECK_I64(f.engine->gets, ==, 1);
}

TEST(removal_goes_down_only_where_the_engine_may_have_the_key)
{
    WEIR_AUTO(fixture) f = fixture_start();
    put(&f, 'a', 10, "1");
    CHECK_I64(commit_and_apply(&f), ==, 1);
    put(&f, 'a', 30, "2");
    put(&f, 'b', 30, "2");
    weir_staged_commit(f.staged);
    remove_window(&f, 'a', 30);
    remove_window(&f, 'b', 40);
    remove_window(&f, 'a', 10);
    CHECK_I64(commit_and_apply(&f), ==, 2); /* b@30, and a@10 removed. */
    check_window(&f, 'a', 10, NULL);
    check_window(&f, 'a', 30, NULL);
    check_window(&f, 'b', 30, "2");
    CHECK_I64(weir_staged_committed_bytes(f.staged), ==, 0);
}

TEST(writes_staged_beside_many_that_are_applied_stay_staged)
{
    enum { ROWS = 100 };
    WEIR_AUTO(fixture) f = fixture_start();
    for (int64_t time = 0; time < ROWS; time++) {
        put(&f, 'a', time, "committed");
    }
    weir_staged_commit(f.staged);
    put(&f, 'a', 1, "staged");
    put(&f, 'b', 2, "");
    remove_window(&f, 'a', 3);
    size_t staged_bytes = weir_staged_staged_bytes(f.staged);
    CHECK_I64(apply(&f), ==, ROWS);
    CHECK_I64(weir_staged_committed_bytes(f.staged), ==, 0);
    CHECK_I64(weir_staged_staged_bytes(f.staged), ==, staged_bytes);
    check_window(&f, 'a', 1, "staged");
    check_window(&f, 'b', 2, "");
    check_window(&f, 'a', 3, NULL);
    check_window(&f, 'a', 4, "committed");
    CHECK_I64(commit_and_apply(&f), ==, 3);
    check_window(&f, 'a', 1, "staged");
    check_window(&f, 'b', 2, "");
    check_window(&f, 'a', 3, NULL);
}

TEST(removal_of_the_empty_key_stays_staged_beside_many_that_are_applied)
{
    WEIR_AUTO_PTR(weir_staged) staged = weir_staged_new("keys", weir_mem_store_new("keys"));
    weir_kv *view = weir_staged_view(staged);
    weir_error err = {0};
    static const char keys[] = "0123456789";
    for (size_t size = 0; size < sizeof keys; size++) {
        CHECK_OK(weir_kv_put(view, weir_bytes_of(keys, size), WEIR_BYTES("v"), &err), &err);
    }
    weir_staged_commit(staged);
    CHECK_OK(weir_kv_remove(view, WEIR_BYTES(""), &err), &err);
    (void)apply_all(staged);
    WEIR_AUTO(weir_buf) value = {0};
    CHECK_STATUS(weir_kv_get(view, WEIR_BYTES(""), &value, &err), WEIR_NOT_FOUND);
    CHECK_STATUS(weir_kv_get(view, WEIR_BYTES("0"), &value, &err), WEIR_OK);
    weir_staged_abort(staged);
    CHECK_STATUS(weir_kv_get(view, WEIR_BYTES(""), &value, &err), WEIR_OK);
}

/* What came last, and how much. */
typedef struct ordered_writes {
    weir_buf last;
    size_t count;
} ordered_writes;

static void check_order(void *user, weir_bytes key, weir_bytes value)
{
    (void)value;
    ordered_writes *before = user;
    CHECK(before->count == 0 || weir_bytes_compare(weir_buf_bytes(&before->last), key) < 0);
    weir_buf_set(&before->last, key);
    before->count++;
}

/* Keys that share a beginning, differ in few bytes or many, and end early. */
static void check_order_of(weir_random *random, size_t writes)
{
    enum { SAME_BYTES = 5, KEY_BYTES_MAX = 20 };
    WEIR_AUTO_PTR(weir_staged) staged = weir_staged_new("keys", weir_mem_store_new("keys"));
    weir_error err = {0};
    for (size_t i = 0; i < writes; i++) {
        char key[KEY_BYTES_MAX] = "same ";
        size_t size = SAME_BYTES + (size_t)weir_random_below(random, KEY_BYTES_MAX - SAME_BYTES);
        for (size_t at = SAME_BYTES; at < size; at++) {
            key[at] = (char)weir_random_below(random, at % 3 == 0 ? 256 : 2);
        }
        CHECK_OK(
            weir_kv_put(weir_staged_view(staged), weir_bytes_of(key, size), WEIR_BYTES("v"), &err),
            &err);
    }
    size_t count = (size_t)weir_kv_approximate_count(weir_staged_view(staged));
    weir_staged_commit(staged);
    ordered_writes seen = {0};
    weir_staged_each_committed(staged, check_order, &seen);
    weir_buf_cleanup(&seen.last);
    CHECK_I64(seen.count, ==, count);
}

TEST(committed_writes_go_down_in_the_order_of_keys_however_many)
{
    static const size_t sizes[] = {0, 1, 2, 100, 20000};
    weir_random random = weir_random_of(check_seed(2));
    for (size_t i = 0; i < WEIR_COUNT_OF(sizes); i++) {
        check_order_of(&random, sizes[i]);
    }
}

TEST(cleared_store_looks_again_what_its_engine_has)
{
    WEIR_AUTO(fixture) f = fixture_start();
    check_window(&f, 'a', 10, NULL);
    window_key key = key_of('a', 10);
    CHECK_OK(weir_kv_put(f.engine->inner, bytes_of(&key), WEIR_BYTES("1"), &f.err), &f.err);
    weir_staged_clear(f.staged);
    check_window(&f, 'a', 10, "1");
}

/* An apply that is behind. */

static weir_staged *staged_holding(weir_cache_budget *budget)
{
    weir_staged *staged = weir_staged_new("keys", weir_mem_store_new("keys"));
    weir_staged_use_cache(staged, budget);
    return staged;
}

static void hold(weir_staged *staged, const char *key, const char *value)
{
    const weir_held_origin origin = {.timestamp_ms = 1, .bytes = 10};
    weir_staged_hold(staged, weir_bytes_of_text(key),
                     value == NULL ? WEIR_BYTES_NULL : weir_bytes_of_text(value), &origin);
}

static weir_status write_words(void *user, const weir_held_write *write, weir_error *err)
{
    (void)err;
    weir_bytes parts[] = {write->key, write->value, write->old};
    for (size_t i = 0; i < WEIR_COUNT_OF(parts); i++) {
        weir_bytes part = parts[i].data == NULL ? WEIR_BYTES("-") : parts[i];
        weir_buf_append(user, part.data, part.size);
    }
    weir_buf_append(user, " ", 1);
    return WEIR_OK;
}

static bool is_never_full(void *user)
{
    (void)user;
    return false;
}

/* What is held back, in order: key, value and what was told before, or "-". */
static void check_told(weir_staged *staged, const char *wanted)
{
    WEIR_AUTO(weir_buf) told = {0};
    const weir_held_sink sink = {
        .write = write_words, .is_full = is_never_full, .user = &told, .wants_old = true};
    weir_error err = {0};
    CHECK_OK(weir_staged_flush(staged, &sink, &err), &err);
    CHECK_STR(weir_buf_text(&told), wanted);
}

static void check_key(weir_staged *staged, const char *key, const char *wanted)
{
    WEIR_AUTO(weir_buf) value = {0};
    weir_error err = {0};
    weir_status status =
        weir_kv_get(weir_staged_view(staged), weir_bytes_of_text(key), &value, &err);
    CHECK_STATUS(status, wanted == NULL ? WEIR_NOT_FOUND : WEIR_OK);
    CHECK(wanted == NULL || strcmp(weir_buf_text(&value), wanted) == 0);
}

/* How many writes were behind. */
static size_t catch_up(weir_staged *staged)
{
    descent writes = {.engine = weir_staged_engine(staged)};
    weir_staged_each_behind(staged, write_below, &writes);
    weir_staged_caught_up(staged);
    return writes.count;
}

static void check_held_beside_behind(bool told_before_caught_up)
{
    weir_cache_budget budget = {.bytes_max = 1000};
    WEIR_AUTO_PTR(weir_staged) staged = staged_holding(&budget);
    static const char *const keys[] = {"a", "b", "c", "d", "e"};
    for (size_t i = 0; i < WEIR_COUNT_OF(keys); i++) {
        hold(staged, keys[i], "1");
    }
    check_told(staged, "a1- b1- c1- d1- e1- ");
    weir_staged_commit(staged);
    hold(staged, "a", "2");
    check_told(staged, "a21 ");
    hold(staged, "c", NULL);
    hold(staged, "b", "2");
    hold(staged, "a", "3");
    check_key(staged, "c", NULL);
    weir_staged_go_behind(staged);
    CHECK(weir_staged_committed_bytes(staged) == 0);
    check_key(staged, "a", "3");
    check_key(staged, "c", NULL);
    check_key(staged, "d", "1");
    check_key(staged, "f", NULL);
    if (told_before_caught_up) {
        check_told(staged, "c-1 b21 a32 ");
        CHECK(catch_up(staged) == WEIR_COUNT_OF(keys));
    } else {
        CHECK(catch_up(staged) == WEIR_COUNT_OF(keys));
        check_told(staged, "c-1 b21 a32 ");
    }
    CHECK(budget.held_bytes == 0);
    weir_staged_commit(staged);
    CHECK(apply_all(staged) == 3);
    check_key(staged, "a", "3");
    check_key(staged, "c", NULL);
    check_key(staged, "d", "1");
}

TEST(writes_held_back_beside_an_apply_that_is_behind_are_told_as_before)
{
    check_held_beside_behind(false);
    check_held_beside_behind(true);
}

TEST(what_is_behind_shows_under_what_is_staged_committed_and_aborted)
{
    WEIR_AUTO(fixture) f = fixture_start();
    put(&f, 'a', 10, "1");
    put(&f, 'b', 20, "1");
    weir_staged_commit(f.staged);
    put(&f, 'a', 10, "2");
    weir_staged_go_behind(f.staged);
    check_window(&f, 'a', 10, "2");
    weir_staged_abort(f.staged);
    check_window(&f, 'a', 10, "1");
    remove_window(&f, 'b', 20);
    weir_staged_commit(f.staged);
    check_window(&f, 'b', 20, NULL);
    check_window(&f, 'c', 21, NULL);
    CHECK_I64(f.engine->gets, ==, 0);
    CHECK(catch_up(f.staged) == 2);
    check_window(&f, 'a', 10, "1");
    check_window(&f, 'b', 20, NULL);
    CHECK_I64(apply(&f), ==, 1); /* The removal: the engine has the window. */
    check_window(&f, 'b', 20, NULL);
}

/* Scans beside a model. */

enum { LETTERS = 40, TIMES = 25, STEPS = 4000 };

typedef struct model {
    fixture *f;
    weir_random random;
    bool staged[LETTERS][TIMES];
    bool committed[LETTERS][TIMES];
    bool due[LETTERS][TIMES]; /* There since the scan began, and not visited. */
    weir_kv_scan scan;
} model;

static size_t below(model *m, size_t limit)
{
    return (size_t)weir_random_below(&m->random, limit);
}

static weir_status visit(void *user, weir_bytes key, weir_error *err)
{
    model *m = user;
    const uint8_t *data = key.data;
    size_t letter = data[0];
    size_t time = (size_t)weir_window_key_time(key);
    CHECK(m->staged[letter][time]);
    m->due[letter][time] = false;
    if (below(m, 3) > 0) {
        return WEIR_OK;
    }
    m->staged[letter][time] = false;
    return weir_kv_remove(m->f->view, key, err);
}

static void begin_scan(model *m)
{
    memcpy(m->due, m->staged, sizeof m->due);
    weir_kv_scan_restart(&m->scan);
}

static void scan_slice(model *m)
{
    CHECK_OK(weir_kv_scan_slice(m->f->view, &m->scan, 1 + below(m, 30), &m->f->err), &m->f->err);
    if (!m->scan.is_done) {
        return;
    }
    for (size_t i = 0; i < LETTERS * TIMES; i++) {
        CHECK(!m->due[i / TIMES][i % TIMES]);
    }
    begin_scan(m);
}

static void change(model *m)
{
    size_t letter = below(m, LETTERS);
    size_t time = below(m, TIMES);
    bool is_there = below(m, 3) > 0;
    if (is_there) {
        put(m->f, (uint8_t)letter, (int64_t)time, "x");
    } else {
        remove_window(m->f, (uint8_t)letter, (int64_t)time);
        m->due[letter][time] = false;
    }
    m->staged[letter][time] = is_there;
}

/* What an abort takes away is not due any more. */
static void abort_staged(model *m)
{
    weir_staged_abort(m->f->staged);
    memcpy(m->staged, m->committed, sizeof m->staged);
    for (size_t i = 0; i < LETTERS * TIMES; i++) {
        bool *is_due = &m->due[i / TIMES][i % TIMES];
        *is_due = *is_due && m->committed[i / TIMES][i % TIMES];
    }
}

static void step(model *m)
{
    size_t what = below(m, 100);
    if (what < 80) {
        change(m);
    } else if (what < 94) {
        scan_slice(m);
    } else if (what < 96) {
        weir_staged_commit(m->f->staged);
        memcpy(m->committed, m->staged, sizeof m->committed);
    } else if (what < 97) {
        (void)apply(m->f);
    } else if (what < 98) {
        (void)commit_and_apply(m->f);
        memcpy(m->committed, m->staged, sizeof m->committed);
    } else {
        abort_staged(m);
    }
    size_t letter = below(m, LETTERS);
    size_t time = below(m, TIMES);
    check_window(m->f, (uint8_t)letter, (int64_t)time, m->staged[letter][time] ? "x" : NULL);
}

TEST(scan_visits_what_is_there_from_its_beginning_to_its_end_whatever_happens_meanwhile)
{
    WEIR_AUTO(fixture) f = fixture_start();
    model *m = weir_alloc(sizeof *m);
    WEIR_AUTO_FREE const void *owner = m;
    m->f = &f;
    m->random = weir_random_of(check_seed(1));
    m->scan = (weir_kv_scan){.visit = visit, .user = m};
    for (int i = 0; i < STEPS; i++) {
        step(m);
    }
    weir_kv_scan_cleanup(&m->scan);
}
