/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys of the engine that are read before they are asked for (statestore/read_ahead.c).
 */
#include "statestore/read_ahead.h"
#include "statestore/rocksdb_store.h"
#include "statestore/staged.h"
#include "tests/harness/check.h"

#include <stdio.h>
#include <stdlib.h>

enum { KEYS = 300 };

typedef struct fixture {
    char *directory;
    weir_database *database;
    weir_task_state *state;
    weir_kv *kv;
    weir_error err;
} fixture;

static void set_key(int number, char key[8])
{
    (void)snprintf(key, 8, "k%06u", (unsigned)number % 1000000U);
}

static void put(fixture *f, int number, const char *value)
{
    char key[8];
    set_key(number, key);
    CHECK_OK(weir_kv_put(f->kv, weir_bytes_of_text(key), weir_bytes_of_text(value), &f->err),
             &f->err);
}

static void apply(fixture *f)
{
    weir_task_state_commit(f->state);
    CHECK_OK(weir_task_state_apply(f->state, &f->err), &f->err);
}

/* Every other key is in the engine. */
static void begin(fixture *f)
{
    f->directory = check_directory();
    const weir_database_options options = {.directory = f->directory};
    CHECK_OK(weir_database_open(&options, &f->database, &f->err), &f->err);
    CHECK_OK(weir_task_state_new(f->database, "app", 7, &f->state, &f->err), &f->err);
    CHECK_OK(weir_task_state_add_store(f->state, "rows", WEIR_ENGINE_ROCKSDB, &f->kv, &f->err),
             &f->err);
    for (int i = 0; i < KEYS; i += 2) {
        char value[16];
        (void)snprintf(value, sizeof(value), "v%d", i);
        put(f, i, value);
    }
    apply(f);
}

static void fixture_cleanup(fixture *f)
{
    weir_task_state_free(f->state);
    weir_database_free(f->database);
    free(f->directory);
}

/* The keys in no order, the first of them twice. */
static void read_all_ahead(fixture *f)
{
    char texts[KEYS][8];
    weir_bytes keys[KEYS + 1];
    for (int i = 0; i < KEYS; i++) {
        set_key((i * 7) % KEYS, texts[i]);
        keys[i] = weir_bytes_of_text(texts[i]);
    }
    keys[KEYS] = keys[0];
    weir_staged *staged = weir_task_state_staged(f->state, "rows");
    CHECK_OK(weir_staged_read_ahead(staged, keys, KEYS + 1, &f->err), &f->err);
}

static void check_value(fixture *f, int number, const char *wanted)
{
    WEIR_AUTO(weir_buf) value = {0};
    char key[8];
    set_key(number, key);
    weir_status status = weir_kv_get(f->kv, weir_bytes_of_text(key), &value, &f->err);
    CHECK_STATUS(status, wanted == NULL ? WEIR_NOT_FOUND : WEIR_OK);
    if (wanted != NULL) {
        CHECK_BYTES(weir_buf_bytes(&value), weir_bytes_of_text(wanted));
    }
}

static void check_all(fixture *f)
{
    for (int i = 0; i < KEYS; i++) {
        char value[16];
        (void)snprintf(value, sizeof(value), "v%d", i);
        check_value(f, i, i % 2 == 0 ? value : NULL);
    }
}

TEST(what_was_read_ahead_is_what_the_engine_says_missing_keys_included)
{
    WEIR_AUTO(fixture) f = {0};
    begin(&f);
    read_all_ahead(&f);
    check_all(&f);
}

TEST(writes_after_the_read_win_and_an_apply_makes_it_forget)
{
    WEIR_AUTO(fixture) f = {0};
    begin(&f);
    read_all_ahead(&f);
    put(&f, 1, "new");
    put(&f, 2, "newer");
    check_value(&f, 1, "new");
    check_value(&f, 2, "newer");
    apply(&f);
    check_value(&f, 1, "new");
    check_value(&f, 2, "newer");
    weir_task_state_abort(f.state);
    check_value(&f, 4, "v4");
}

TEST(it_keeps_what_the_map_does_not_have_and_not_more_than_its_limit)
{
    WEIR_AUTO(fixture) f = {0};
    begin(&f);
    WEIR_AUTO_PTR(weir_kv) engine = NULL;
    CHECK_OK(weir_rocksdb_store_new(f.database, "app/rows", "rows", 7, &engine, &f.err), &f.err);
    weir_read_ahead *ahead = weir_read_ahead_new();
    WEIR_AUTO_PTR(weir_ordered_map) map = weir_ordered_map_new();
    (void)weir_ordered_map_insert(map, WEIR_BYTES("k000000"), 0);
    const weir_bytes keys[] = {WEIR_BYTES("k000002"), WEIR_BYTES("k000000"), WEIR_BYTES("k000001")};
    const weir_key_array wanted = {keys, WEIR_COUNT_OF(keys)};
    CHECK_OK(weir_read_ahead_fill(ahead, engine, map, &wanted, &f.err), &f.err);
    weir_bytes value = WEIR_BYTES("?");
    CHECK(!weir_read_ahead_find(ahead, keys[1], &value));
    CHECK(weir_read_ahead_find(ahead, keys[2], &value));
    CHECK(value.data == NULL);
    CHECK(weir_read_ahead_find(ahead, keys[0], &value));
    CHECK_BYTES(value, WEIR_BYTES("v2"));
    weir_bytes many[WEIR_READ_AHEAD_KEYS_MAX];
    for (size_t i = 0; i < WEIR_COUNT_OF(many); i++) {
        many[i] = keys[2];
    }
    const weir_key_array full = {many, WEIR_COUNT_OF(many)};
    CHECK_OK(weir_read_ahead_fill(ahead, engine, map, &full, &f.err), &f.err);
    CHECK(!weir_read_ahead_find(ahead, keys[0], &value)); /* It made room. */
    weir_read_ahead_clear(ahead);
    CHECK(!weir_read_ahead_find(ahead, keys[2], &value));
    weir_read_ahead_free(ahead);
}
