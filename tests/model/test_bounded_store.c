/* SPDX-License-Identifier: Apache-2.0
 *
 * A store of at most so many entries beside an array in the order of use: which entry goes next,
 * and what is there, through commits, aborts and restores.
 */
#include "statestore/staged.h"
#include "tests/harness/check.h"
#include "tests/harness/kv_model.h"

#include <string.h>

enum { ENTRIES_MAX = 7, KEYS = 20, ROWS_MAX = ENTRIES_MAX + 1 };

/* Rows that were used, the last one last. */
typedef struct used_rows {
    int keys[ROWS_MAX];
    int values[ROWS_MAX];
    int count;
} used_rows;

typedef struct bounded {
    weir_staged *staged;
    used_rows now;
    used_rows committed;
} bounded;

static void bounded_cleanup(bounded *self)
{
    weir_staged_free(self->staged);
}

static int place_of(const used_rows *rows, int key)
{
    int place = 0;
    while (place < rows->count && rows->keys[place] != key) {
        place++;
    }
    return place;
}

static void take_out(used_rows *rows, int place)
{
    if (place < rows->count) {
        size_t behind = (size_t)(rows->count - place - 1);
        memmove(rows->keys + place, rows->keys + place + 1, behind * sizeof(int));
        memmove(rows->values + place, rows->values + place + 1, behind * sizeof(int));
        rows->count--;
    }
}

static void use(used_rows *rows, int key, int value)
{
    take_out(rows, place_of(rows, key));
    rows->keys[rows->count] = key;
    rows->values[rows->count++] = value;
}

static weir_bytes bytes_of(const int *number)
{
    return weir_bytes_of(number, sizeof(*number));
}

static int number_of(weir_bytes bytes)
{
    int number = -1;
    CHECK_I64(bytes.size, ==, sizeof(number));
    memcpy(&number, bytes.data, sizeof(number));
    return number;
}

/* As a store of a task does it. */
static void put(bounded *self, int key, int value)
{
    weir_error err = {0};
    weir_kv *kv = weir_staged_view(self->staged);
    CHECK_OK(weir_kv_put(kv, bytes_of(&key), bytes_of(&value), &err), &err);
    use(&self->now, key, value);
    weir_bytes surplus = {0};
    bool has_surplus = weir_staged_has_surplus(self->staged, &surplus);
    CHECK(has_surplus == (self->now.count > ENTRIES_MAX));
    if (has_surplus) {
        CHECK_I64(number_of(surplus), ==, self->now.keys[0]);
        CHECK_OK(weir_kv_remove(kv, surplus, &err), &err);
        take_out(&self->now, 0);
    }
}

static void get(bounded *self, int key)
{
    weir_error err = {0};
    WEIR_AUTO(weir_buf) value = {0};
    weir_status status = weir_kv_get(weir_staged_view(self->staged), bytes_of(&key), &value, &err);
    int place = place_of(&self->now, key);
    CHECK(status == (place < self->now.count ? WEIR_OK : WEIR_NOT_FOUND));
    if (status == WEIR_OK) {
        CHECK_I64(number_of(weir_buf_bytes(&value)), ==, self->now.values[place]);
        use(&self->now, key, self->now.values[place]);
    }
}

static void remove_key(bounded *self, int key)
{
    weir_error err = {0};
    CHECK_OK(weir_kv_remove(weir_staged_view(self->staged), bytes_of(&key), &err), &err);
    take_out(&self->now, place_of(&self->now, key));
}

static void commit(bounded *self)
{
    weir_staged_commit(self->staged);
    self->committed = self->now;
}

static void restore(bounded *self, weir_random *random)
{
    enum { BATCH_MAX = 12 };
    int keys[BATCH_MAX];
    weir_restore_entry entries[BATCH_MAX];
    size_t count = (size_t)weir_random_below(random, BATCH_MAX);
    weir_staged_abort(self->staged);
    self->now = self->committed;
    for (size_t i = 0; i < count; i++) {
        keys[i] = (int)weir_random_below(random, KEYS);
        entries[i] = (weir_restore_entry){.key = bytes_of(&keys[i])};
        if (weir_random_below(random, 4) == 0) {
            take_out(&self->now, place_of(&self->now, keys[i]));
            continue;
        }
        entries[i].value = bytes_of(&keys[i]);
        use(&self->now, keys[i], keys[i]);
        if (self->now.count > ENTRIES_MAX) {
            take_out(&self->now, 0);
        }
    }
    weir_staged_put_committed(self->staged, entries, count);
    self->committed = self->now;
}

/* A look counts as no use. */
static void check_rows(weir_kv *kv, const used_rows *rows)
{
    weir_error err = {0};
    WEIR_AUTO_PTR(weir_kv_iterator) iterator = NULL;
    CHECK_OK(weir_kv_range(kv, WEIR_BYTES_NULL, WEIR_BYTES_NULL, false, &iterator, &err), &err);
    weir_bytes key = {0};
    weir_bytes value = {0};
    int count = 0;
    for (; weir_kv_iterator_next(iterator, &key, &value, &err) == WEIR_OK; count++) {
        int place = place_of(rows, number_of(key));
        CHECK(place < rows->count);
        CHECK_I64(number_of(value), ==, rows->values[place]);
    }
    CHECK_I64(count, ==, rows->count);
}

static void look_at_random(bounded *self, weir_random *random)
{
    WEIR_AUTO(weir_buf) value = {0};
    int key = (int)weir_random_below(random, KEYS);
    (void)weir_kv_get(weir_staged_committed_view(self->staged), bytes_of(&key), &value, NULL);
    (void)weir_kv_get(weir_staged_uncommitted_view(self->staged), bytes_of(&key), &value, NULL);
}

static void do_something(bounded *self, weir_random *random)
{
    int key = (int)weir_random_below(random, KEYS);
    uint64_t what = weir_random_below(random, 100);
    if (what < 45) {
        put(self, key, (int)weir_random_below(random, 1000));
    } else if (what < 80) {
        get(self, key);
    } else if (what < 88) {
        remove_key(self, key);
    } else if (what < 93) {
        commit(self);
    } else if (what < 97) {
        weir_staged_abort(self->staged);
        self->now = self->committed;
    } else {
        restore(self, random);
    }
}

TEST(bounded_store_lets_go_of_what_was_not_used_for_longest)
{
    enum { ROUNDS = 60000 };
    weir_random random = weir_random_of(check_seed(6));
    WEIR_AUTO(bounded) self = {.staged = weir_staged_new("bounded", NULL)};
    weir_staged_bound(self.staged, ENTRIES_MAX);
    for (int round = 0; round < ROUNDS; round++) {
        do_something(&self, &random);
        look_at_random(&self, &random);
        if (round % 16 == 0) {
            check_rows(weir_staged_view(self.staged), &self.now);
            check_rows(weir_staged_committed_view(self.staged), &self.committed);
        }
        if (weir_random_below(&random, 5000) == 0) {
            weir_staged_clear(self.staged);
            self.now.count = 0;
            self.committed.count = 0;
        }
    }
}

/* The log of uses is made anew many times within one commit, and an abort finds its way back. */
TEST(order_of_use_comes_back_after_many_reads)
{
    enum { READS = 100000 };
    weir_random random = weir_random_of(check_seed(7));
    WEIR_AUTO(bounded) self = {.staged = weir_staged_new("bounded", NULL)};
    weir_staged_bound(self.staged, ENTRIES_MAX);
    for (int key = 0; key < KEYS; key++) {
        put(&self, key, key);
    }
    commit(&self);
    for (int i = 0; i < READS; i++) {
        get(&self, (int)weir_random_below(&random, KEYS));
    }
    weir_staged_abort(self.staged);
    self.now = self.committed;
    for (int key = 0; key < KEYS; key++) {
        put(&self, KEYS + key, key); /* Each tells which one goes. */
    }
}
