/* SPDX-License-Identifier: Apache-2.0
 *
 * The entries of a buffer of suppression (streams/dsl/held_index.c) beside a plain array.
 */
#include "streams/dsl/held_index_internal.h"

#include "streams/base/random.h"
#include "tests/harness/check.h"

#include <stdio.h>
#include <string.h>

enum { KEYS = 300, STEPS = 20000, KEY_BYTES = 16 };

typedef struct model {
    bool is_there; /* In the table. */
    bool is_held;  /* In the order. */
    int64_t time_ms;
} model;

static weir_bytes key_of(char *room, size_t number)
{
    (void)snprintf(room, KEY_BYTES, "key-%03zu", number);
    return weir_bytes_of_text(room);
}

/* The key that goes first; KEYS: none does. */
static size_t first_of(const model *models)
{
    size_t first = KEYS;
    for (size_t i = 0; i < KEYS; i++) {
        if (models[i].is_held && (first == KEYS || models[i].time_ms < models[first].time_ms)) {
            first = i; /* Keys of one time go in their own order. */
        }
    }
    return first;
}

static void add(weir_held_index *index, model *models, size_t number, int64_t time_ms)
{
    char room[KEY_BYTES];
    weir_bytes key = key_of(room, number);
    weir_held_entry *entry = weir_held_index_find(index, key);
    CHECK((entry != NULL) == models[number].is_there);
    if (models[number].is_held) {
        return;
    }
    entry = entry == NULL ? weir_held_index_add(index, key) : entry;
    CHECK_I64(entry->value.size, ==, 0); /* Whatever it was used for before. */
    CHECK(models[number].is_there || !entry->is_changed);
    entry->is_changed = true;
    entry->time_ms = time_ms;
    weir_held_index_push(index, entry);
    models[number] = (model){.is_there = true, .is_held = true, .time_ms = time_ms};
}

static void pop(weir_held_index *index, model *models)
{
    char room[KEY_BYTES];
    size_t first = first_of(models);
    const weir_held_entry *entry = weir_held_index_first(index);
    CHECK((entry == NULL) == (first == KEYS));
    if (entry != NULL) {
        CHECK_BYTES(weir_buf_bytes(&entry->key), key_of(room, first));
        CHECK_I64(entry->time_ms, ==, models[first].time_ms);
        weir_held_index_pop(index);
        models[first].is_held = false;
    }
}

static void drop(weir_held_index *index, model *models, size_t number)
{
    char room[KEY_BYTES];
    weir_held_entry *entry = weir_held_index_find(index, key_of(room, number));
    if (models[number].is_there && !models[number].is_held) {
        weir_buf_append_text(&entry->value, "left behind");
        weir_held_index_drop(index, entry);
        models[number].is_there = false;
        CHECK(weir_held_index_find(index, key_of(room, number)) == NULL);
    }
}

TEST(entries_are_found_by_key_and_go_by_time_then_key)
{
    weir_random random = weir_random_of(check_seed(1));
    weir_held_index index = {0};
    static model models[KEYS];
    memset(models, 0, sizeof(models));
    CHECK(weir_held_index_find(&index, WEIR_BYTES("key-000")) == NULL);
    for (size_t i = 0; i < STEPS; i++) {
        size_t number = weir_random_below(&random, KEYS);
        switch (weir_random_below(&random, 4)) {
        case 0:
            pop(&index, models);
            break;
        case 1:
            drop(&index, models, number);
            break;
        default:
            add(&index, models, number, (int64_t)weir_random_below(&random, 50) - 5);
        }
    }
    while (weir_held_index_first(&index) != NULL) {
        pop(&index, models);
    }
    CHECK_I64(first_of(models), ==, KEYS);
    weir_held_index_cleanup(&index);
}
