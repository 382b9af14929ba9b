/* SPDX-License-Identifier: Apache-2.0
 *
 * Versions of keys (statestore/versioned_store.c) against a list of all puts: the same answers for
 * any order of puts, at any time, while old rows are removed.
 */
#include "statestore/mem_store.h"
#include "statestore/versioned_store.h"
#include "streams/base/random.h"
#include "tests/harness/check.h"

#include <stdlib.h>
#include <string.h>

enum { HISTORY_MS = 100000, KEYS = 4, PUTS_MAX = 4000, STEPS = 3000 };

typedef struct model_put {
    const char *key;
    int64_t from_ms;
    int value; /* -1: removed. */
} model_put;

typedef struct model {
    model_put puts[PUTS_MAX]; /* One for each key and time. */
    size_t count;
    int64_t stream_time_ms;
} model;

/* The last key begins with the bytes of another, and has zeros. */
static weir_bytes key_of(size_t number)
{
    static const weir_bytes keys[KEYS] = {{"a", 1}, {"b", 1}, {"", 0}, {"a\0\0\0\0\0\0\0\0", 9}};
    return keys[number];
}

static const char *name_of(size_t number)
{
    static const char *const names[KEYS] = {"a", "b", "empty", "zeros"};
    return names[number];
}

static model_put *model_at(model *m, const char *key, int64_t time_ms)
{
    model_put *found = NULL;
    for (size_t i = 0; i < m->count; i++) {
        model_put *put = &m->puts[i];
        if (strcmp(put->key, key) == 0 && put->from_ms <= time_ms &&
            (found == NULL || found->from_ms < put->from_ms)) {
            found = put;
        }
    }
    return found;
}

/* When the first version after time_ms begins; -1: there is none. */
static int64_t model_next(const model *m, const char *key, int64_t time_ms)
{
    int64_t next_ms = -1;
    for (size_t i = 0; i < m->count; i++) {
        const model_put *put = &m->puts[i];
        if (strcmp(put->key, key) == 0 && put->from_ms > time_ms &&
            (next_ms < 0 || put->from_ms < next_ms)) {
            next_ms = put->from_ms;
        }
    }
    return next_ms;
}

static void put_both(model *m, weir_versioned_store *store, weir_random *random)
{
    weir_error err = {0};
    size_t key = weir_random_below(random, KEYS);
    int64_t ahead_ms = (int64_t)weir_random_below(random, 3000);
    int64_t late_ms = (int64_t)weir_random_below(random, 3) == 0
                          ? (int64_t)weir_random_below(random, HISTORY_MS * 11 / 10)
                          : 0;
    int64_t from_ms = m->stream_time_ms + ahead_ms - late_ms;
    from_ms = from_ms < 0 ? 0 : from_ms / 10 * 10; /* So that some are put twice. */
    int value = weir_random_below(random, 4) == 0 ? -1 : (int)weir_random_below(random, 100);
    char digit = (char)value;
    weir_bytes bytes = value < 0 ? WEIR_BYTES_NULL : weir_bytes_of(&digit, value == 0 ? 0 : 1);
    int64_t to_ms = 0;
    weir_status status = weir_versioned_store_put(store, key_of(key), bytes, from_ms, &to_ms, &err);
    if (from_ms < m->stream_time_ms - HISTORY_MS) {
        CHECK_STATUS(status, WEIR_NOT_FOUND);
        return;
    }
    CHECK_OK(status, &err);
    CHECK_I64(to_ms, ==, model_next(m, name_of(key), from_ms));
    model_put *same = model_at(m, name_of(key), from_ms);
    if (same == NULL || same->from_ms != from_ms) {
        same = &m->puts[m->count++];
    }
    *same = (model_put){name_of(key), from_ms, value};
    m->stream_time_ms = from_ms > m->stream_time_ms ? from_ms : m->stream_time_ms;
}

static void check_version(const weir_versioned_value *found, const model_put *wanted)
{
    CHECK_I64(found->from_ms, ==, wanted->from_ms);
    CHECK_I64(found->value.size, ==, wanted->value == 0 ? 0 : 1);
    if (wanted->value > 0) {
        CHECK_I64(*(const char *)found->value.data, ==, wanted->value);
    }
}

static void compare(model *m, weir_versioned_store *store, weir_random *random)
{
    weir_error err = {0};
    size_t key = weir_random_below(random, KEYS);
    int64_t time_ms =
        m->stream_time_ms + 1000 - (int64_t)weir_random_below(random, HISTORY_MS * 12 / 10);
    const model_put *wanted = model_at(m, name_of(key), time_ms);
    int64_t next_ms = model_next(m, name_of(key), time_ms);
    weir_versioned_value found = {0};
    weir_status status = weir_versioned_store_get_as_of(store, key_of(key), time_ms, &found, &err);
    bool is_forgotten = time_ms < m->stream_time_ms - HISTORY_MS && next_ms >= 0;
    if (wanted == NULL || wanted->value < 0 || is_forgotten) {
        CHECK_STATUS(status, WEIR_NOT_FOUND);
    } else {
        CHECK_OK(status, &err);
        check_version(&found, wanted);
        CHECK_I64(found.to_ms, ==, next_ms);
    }
    wanted = model_at(m, name_of(key), INT64_MAX);
    status = weir_versioned_store_get(store, key_of(key), &found, &err);
    if (wanted == NULL || wanted->value < 0) {
        CHECK_STATUS(status, WEIR_NOT_FOUND);
    } else {
        CHECK_OK(status, &err);
        check_version(&found, wanted);
    }
}

static size_t rows_of(weir_kv *kv)
{
    return (size_t)weir_kv_approximate_count(kv);
}

TEST(versions_are_those_of_all_puts)
{
    weir_random random = weir_random_of(check_seed(11));
    weir_kv *kv = weir_mem_store_new("versions");
    WEIR_AUTO_PTR(weir_versioned_store) store = weir_versioned_store_new(kv, HISTORY_MS, 0);
    model *m = weir_alloc(sizeof(*m));
    weir_error err = {0};
    size_t removed_in_all = 0;
    for (size_t i = 0; i < STEPS; i++) {
        put_both(m, store, &random);
        compare(m, store, &random);
        size_t removed = 0;
        CHECK_OK(weir_versioned_store_expire(store, weir_random_below(&random, 20), &removed, &err),
                 &err);
        removed_in_all += removed;
    }
    CHECK_I64(weir_versioned_store_stream_time_ms(store), ==, m->stream_time_ms);
    CHECK_I64(removed_in_all, >, STEPS / 2);
    CHECK_I64(rows_of(kv), ==, m->count - removed_in_all);
    free(m);
}

TEST(removal_answers_what_was_there)
{
    WEIR_AUTO_PTR(weir_versioned_store)
    store = weir_versioned_store_new(weir_mem_store_new("versions"), 1000, 0);
    weir_error err = {0};
    weir_versioned_value was = {0};
    int64_t to_ms = 0;
    CHECK_STATUS(weir_versioned_store_delete(store, WEIR_BYTES("k"), 50, &was, &err),
                 WEIR_NOT_FOUND);
    CHECK_OK(weir_versioned_store_put(store, WEIR_BYTES("k"), WEIR_BYTES("v"), 100, &to_ms, &err),
             &err);
    CHECK_OK(weir_versioned_store_delete(store, WEIR_BYTES("k"), 200, &was, &err), &err);
    CHECK_BYTES(was.value, WEIR_BYTES("v"));
    CHECK_I64(was.from_ms, ==, 100);
    CHECK_STATUS(weir_versioned_store_get(store, WEIR_BYTES("k"), &was, &err), WEIR_NOT_FOUND);
    CHECK_OK(weir_versioned_store_get_as_of(store, WEIR_BYTES("k"), 199, &was, &err), &err);
    CHECK_I64(was.to_ms, ==, 200);
    CHECK_OK(weir_versioned_store_put(store, WEIR_BYTES("x"), WEIR_BYTES("v"), 1201, &to_ms, &err),
             &err);
    CHECK_STATUS(weir_versioned_store_delete(store, WEIR_BYTES("k"), 200, &was, &err),
                 WEIR_NOT_FOUND);
    CHECK_STATUS(
        weir_versioned_store_put(store, WEIR_BYTES("k"), WEIR_BYTES("v"), -1, &to_ms, &err),
        WEIR_BAD_RECORD);
}
