/* SPDX-License-Identifier: Apache-2.0
 *
 * Writes that are held back (statestore/record_cache.c, the flush of statestore/staged.c), beside a
 * plain list of keys that does what Kafka Streams' NamedCache does with dirty entries.
 */
#include "statestore/staged.h"
#include "statestore/task_state.h"
#include "streams/base/random.h"
#include "tests/harness/check.h"

#include <stdlib.h>
#include <string.h>

enum { KEYS = 12, ENTRY_BYTES = 10, BUDGET_BYTES = 60, ALL = 1000000 };

/* What a listener is told: 0 for no value. */
typedef struct told {
    int key;
    int value;
    int old;
} told;

typedef struct told_list {
    told items[64];
    size_t count;
} told_list;

/* The same in arrays: values as the task reads them, and as they were told last. */
typedef struct model {
    int value[KEYS];
    int forwarded[KEYS];
    int committed[KEYS];
    uint64_t written[KEYS]; /* When; 0: not held. */
    uint64_t touched[KEYS];
    uint64_t clock;
} model;

typedef struct fixture {
    char *directory;
    weir_database *database;
    weir_task_state *state;
    weir_kv *kv;
    weir_staged *staged;
    weir_cache_budget budget;
    weir_held_sink sink;
    told_list told;
    size_t room; /* Writes that the sink takes still. */
    weir_error err;
} fixture;

static int number_of(weir_bytes value)
{
    int number = 0;
    if (value.data != NULL) {
        CHECK_I64(value.size, ==, sizeof(number));
        memcpy(&number, value.data, sizeof(number));
    }
    return number;
}

static weir_status tell(void *user, const weir_held_write *write, weir_error *err)
{
    (void)err;
    fixture *f = user;
    CHECK_I64(f->told.count, <, WEIR_COUNT_OF(f->told.items));
    CHECK_I64(f->room, >, 0);
    f->room--;
    f->told.items[f->told.count++] =
        (told){number_of(write->key), number_of(write->value), number_of(write->old)};
    CHECK_I64(write->timestamp_ms, ==, number_of(write->value));
    return WEIR_OK;
}

static bool is_full(void *user)
{
    return ((fixture *)user)->room == 0;
}

static void begin(fixture *f, bool on_disk)
{
    if (on_disk) {
        f->directory = check_directory();
        const weir_database_options options = {.directory = f->directory};
        CHECK_OK(weir_database_open(&options, &f->database, &f->err), &f->err);
    }
    CHECK_OK(weir_task_state_new(f->database, "app", 0, &f->state, &f->err), &f->err);
    CHECK_OK(weir_task_state_add_store(f->state, "store",
                                       on_disk ? WEIR_ENGINE_ROCKSDB : WEIR_ENGINE_MEMORY, &f->kv,
                                       &f->err),
             &f->err);
    f->budget.bytes_max = BUDGET_BYTES;
    f->staged = weir_task_state_use_cache(f->state, "store", &f->budget);
    f->sink = (weir_held_sink){tell, is_full, f, true, true};
    f->room = ALL;
}

static void fixture_cleanup(fixture *f)
{
    weir_task_state_free(f->state);
    CHECK_I64(f->budget.held_bytes, ==, 0);
    weir_database_free(f->database);
    free(f->directory);
}

static weir_bytes bytes_of(const int *number)
{
    return weir_bytes_of(number, sizeof(*number));
}

static void hold(fixture *f, int key, int value)
{
    const weir_held_origin origin = {value, ENTRY_BYTES, weir_alloc(1)};
    weir_staged_hold(f->staged, bytes_of(&key), value == 0 ? WEIR_BYTES_NULL : bytes_of(&value),
                     &origin);
}

static int get(fixture *f, weir_kv *kv, int key)
{
    WEIR_AUTO(weir_buf) value = {0};
    weir_status status = weir_kv_get(kv, bytes_of(&key), &value, &f->err);
    CHECK_STATUS(status, value.size > 0 ? WEIR_OK : WEIR_NOT_FOUND);
    return number_of(status == WEIR_OK ? weir_buf_bytes(&value) : WEIR_BYTES_NULL);
}

static void check_told(fixture *f, const told *expected, size_t count)
{
    CHECK_I64(f->told.count, ==, count);
    for (size_t i = 0; i < count; i++) {
        CHECK_I64(f->told.items[i].key, ==, expected[i].key);
        CHECK_I64(f->told.items[i].value, ==, expected[i].value);
        CHECK_I64(f->told.items[i].old, ==, expected[i].old);
    }
    f->told.count = 0;
}

static void flush(fixture *f)
{
    CHECK_OK(weir_staged_flush(f->staged, &f->sink, &f->err), &f->err);
}

TEST(last_write_of_a_key_is_told_once_in_the_order_of_last_writes)
{
    WEIR_AUTO(fixture) f = {0};
    begin(&f, false);
    hold(&f, 1, 10);
    hold(&f, 2, 20);
    hold(&f, 1, 11);
    CHECK_I64(f.budget.held_bytes, ==, 2 * ENTRY_BYTES);
    CHECK_I64(get(&f, f.kv, 1), ==, 11);
    flush(&f);
    check_told(&f, (told[]){{2, 20, 0}, {1, 11, 0}}, 2);
    CHECK_I64(f.budget.held_bytes, ==, 0);
    flush(&f);
    check_told(&f, NULL, 0);
}

TEST(old_value_is_the_one_told_last_before_and_after_a_commit)
{
    for (int on_disk = 0; on_disk < 2; on_disk++) {
        WEIR_AUTO(fixture) f = {0};
        begin(&f, on_disk == 1);
        hold(&f, 1, 10);
        flush(&f);
        hold(&f, 1, 11);
        hold(&f, 1, 12);
        flush(&f);
        check_told(&f, (told[]){{1, 10, 0}, {1, 12, 10}}, 2);
        weir_task_state_commit(f.state);
        hold(&f, 1, 13);
        flush(&f);
        weir_task_state_commit(f.state);
        CHECK_OK(weir_task_state_apply(f.state, &f.err), &f.err);
        hold(&f, 1, 0);
        flush(&f);
        check_told(&f, (told[]){{1, 13, 12}, {1, 0, 13}}, 2);
    }
}

TEST(removal_of_what_nobody_was_told_of_is_not_told)
{
    WEIR_AUTO(fixture) f = {0};
    begin(&f, false);
    hold(&f, 1, 10);
    hold(&f, 1, 0);
    hold(&f, 2, 0);
    flush(&f);
    check_told(&f, NULL, 0);
    f.sink.skips_absent = false;
    hold(&f, 2, 0);
    flush(&f);
    check_told(&f, (told[]){{2, 0, 0}}, 1);
}

TEST(eviction_tells_of_the_least_recently_used_first_and_then_of_all_others)
{
    WEIR_AUTO(fixture) f = {0};
    begin(&f, false);
    hold(&f, 1, 10);
    hold(&f, 2, 20);
    hold(&f, 3, 30);
    CHECK_I64(get(&f, f.kv, 1), ==, 10); /* 2 is now the one that was not used for longest. */
    CHECK_OK(weir_staged_evict(f.staged, &f.sink, &f.err), &f.err);
    check_told(&f, (told[]){{2, 20, 0}, {1, 10, 0}, {3, 30, 0}}, 3);
}

TEST(flush_into_a_full_sink_goes_on_where_it_stopped)
{
    WEIR_AUTO(fixture) f = {0};
    begin(&f, false);
    hold(&f, 1, 10);
    hold(&f, 2, 20);
    hold(&f, 3, 30);
    f.room = 1;
    CHECK_STATUS(weir_staged_flush(f.staged, &f.sink, &f.err), WEIR_AGAIN);
    check_told(&f, (told[]){{1, 10, 0}}, 1);
    CHECK_STATUS(weir_staged_evict(f.staged, &f.sink, &f.err), WEIR_AGAIN);
    hold(&f, 2, 21); /* It was not told of yet: only its last value will be. */
    f.room = ALL;
    flush(&f);
    check_told(&f, (told[]){{3, 30, 0}, {2, 21, 0}}, 2);
}

/* What the sink writes to the store while it is told. */
static weir_status tell_and_write(void *user, const weir_held_write *write, weir_error *err)
{
    fixture *f = user;
    WEIR_TRY(tell(f, write, err));
    if (number_of(write->key) == 1) {
        hold(f, 1, 15);
        hold(f, 2, 25);
        CHECK_OK(weir_staged_flush(f->staged, &f->sink, err), err); /* Does nothing. */
    }
    return WEIR_OK;
}

TEST(sink_may_write_to_the_store_that_is_flushed)
{
    WEIR_AUTO(fixture) f = {0};
    begin(&f, false);
    f.sink.write = tell_and_write;
    hold(&f, 1, 10);
    hold(&f, 2, 20);
    hold(&f, 3, 30);
    flush(&f);
    check_told(&f, (told[]){{1, 10, 0}, {3, 30, 0}}, 2);
    f.sink.write = tell;
    flush(&f);
    check_told(&f, (told[]){{1, 15, 10}, {2, 25, 0}}, 2);
}

TEST(abort_forgets_what_was_held_back_and_what_was_told)
{
    WEIR_AUTO(fixture) f = {0};
    begin(&f, true);
    hold(&f, 1, 10);
    flush(&f);
    weir_task_state_commit(f.state);
    hold(&f, 1, 11);
    flush(&f);
    hold(&f, 1, 12);
    hold(&f, 2, 20);
    f.told.count = 0;
    weir_task_state_abort(f.state);
    CHECK_I64(f.budget.held_bytes, ==, 0);
    CHECK_I64(get(&f, f.kv, 1), ==, 10);
    flush(&f);
    check_told(&f, NULL, 0);
    hold(&f, 1, 13);
    flush(&f);
    check_told(&f, (told[]){{1, 13, 10}}, 1);
}

/* The model's flush: what a list of all keys, sorted by time, says. */
static int next_of(const uint64_t *times, const model *m)
{
    int next = -1;
    for (int key = 0; key < KEYS; key++) {
        if (m->written[key] != 0 && (next < 0 || times[key] < times[next])) {
            next = key;
        }
    }
    return next;
}

static void model_tell(model *m, int key, told_list *list)
{
    if (m->value[key] != 0 || m->forwarded[key] != 0) {
        list->items[list->count++] = (told){key, m->value[key], m->forwarded[key]};
    }
    m->forwarded[key] = m->value[key];
    m->written[key] = 0;
}

static void model_flush(model *m, told_list *list)
{
    for (int key = next_of(m->written, m); key >= 0; key = next_of(m->written, m)) {
        model_tell(m, key, list);
    }
}

static void model_evict(model *m, told_list *list)
{
    int eldest = next_of(m->touched, m);
    if (eldest >= 0) {
        model_tell(m, eldest, list);
    }
    model_flush(m, list);
}

static void write_one(fixture *f, model *m, weir_random *random)
{
    int key = (int)weir_random_below(random, KEYS);
    int value = weir_random_below(random, 5) == 0 ? 0 : (int)weir_random_below(random, 1000) + 1;
    hold(f, key, value);
    m->value[key] = value;
    m->written[key] = m->touched[key] = ++m->clock;
    if (f->budget.held_bytes > f->budget.bytes_max) {
        told_list expected = {0};
        CHECK_OK(weir_staged_evict(f->staged, &f->sink, &f->err), &f->err);
        model_evict(m, &expected);
        check_told(f, expected.items, expected.count);
    }
}

static void read_one(fixture *f, model *m, weir_random *random)
{
    int key = (int)weir_random_below(random, KEYS);
    CHECK_I64(get(f, f->kv, key), ==, m->value[key]);
    weir_kv *committed = weir_task_state_committed_view(f->state, "store");
    CHECK_I64(get(f, committed, key), ==, m->committed[key]);
    m->touched[key] = ++m->clock;
}

static void commit(fixture *f, model *m, weir_random *random)
{
    told_list expected = {0};
    flush(f);
    model_flush(m, &expected);
    check_told(f, expected.items, expected.count);
    weir_task_state_commit(f->state);
    memcpy(m->committed, m->value, sizeof(m->value));
    if (weir_random_below(random, 3) == 0) {
        CHECK_OK(weir_task_state_apply(f->state, &f->err), &f->err);
    }
}

static void roll_back(fixture *f, model *m)
{
    weir_task_state_abort(f->state);
    memcpy(m->value, m->committed, sizeof(m->value));
    memcpy(m->forwarded, m->committed, sizeof(m->value));
    memset(m->written, 0, sizeof(m->written));
}

static void exercise(bool on_disk, weir_random *random)
{
    WEIR_AUTO(fixture) f = {0};
    model m = {0};
    begin(&f, on_disk);
    for (int step = 0; step < 20000; step++) {
        uint64_t choice = weir_random_below(random, 100);
        if (choice < 55) {
            write_one(&f, &m, random);
        } else if (choice < 95) {
            read_one(&f, &m, random);
        } else if (choice < 99) {
            commit(&f, &m, random);
        } else {
            roll_back(&f, &m);
        }
    }
    roll_back(&f, &m);
}

TEST(random_writes_reads_evictions_commits_and_aborts_are_told_as_a_list_of_keys_says)
{
    weir_random random = weir_random_of(check_seed(1));
    exercise(false, &random);
    exercise(true, &random);
}
