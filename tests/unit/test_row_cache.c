/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows of the engine in memory (statestore/row_cache.c), beside a plain array of what they are.
 */
#include "statestore/row_cache.h"
#include "streams/base/hash.h"
#include "streams/base/random.h"
#include "tests/harness/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CACHE_BYTES = 1 << 20,
    KEYS = 30000, /* Some three times what fits. */
    STEPS = 400000,
    VALUE_BYTES_MAX = 24,
    STORES = 2,
};

typedef struct truth {
    uint8_t size; /* 0: there is no row. */
    uint8_t fill;
} truth;

typedef struct fixture {
    weir_row_cache *cache;
    uint32_t stores[STORES];
    truth rows[STORES][KEYS];
    weir_random random;
    weir_buf value;
    uint64_t hits;
} fixture;

static weir_bytes key_of(uint32_t number, char text[16])
{
    (void)snprintf(text, 16, "key-%u", number);
    return weir_bytes_of_text(text);
}

static weir_bytes value_of(truth row, char bytes[VALUE_BYTES_MAX])
{
    memset(bytes, row.fill, row.size);
    return row.size == 0 ? WEIR_BYTES_NULL : weir_bytes_of(bytes, row.size);
}

static void put(weir_row_cache *cache, uint32_t store, weir_bytes key, weir_bytes value)
{
    weir_row_cache_put(cache, store, &(weir_row_read){.key = key, .value = value});
}

static bool is_here(weir_row_cache *cache, uint32_t store, weir_bytes key, weir_buf *out_value)
{
    return weir_row_cache_get(cache, store, key, out_value) == WEIR_ROW_IS_HERE;
}

/* As the database does: what is not in the cache is read and kept. */
static void read_one(fixture *f, size_t store, uint32_t number)
{
    char text[16];
    char bytes[VALUE_BYTES_MAX];
    weir_bytes wanted = value_of(f->rows[store][number], bytes);
    weir_row_found found =
        weir_row_cache_get(f->cache, f->stores[store], key_of(number, text), &f->value);
    if (found == WEIR_ROW_IS_HERE) {
        CHECK(weir_bytes_equal(weir_buf_bytes(&f->value), wanted));
        f->hits++;
    } else if (wanted.data != NULL) {
        CHECK(found == WEIR_ROW_NOT_HERE);
        put(f->cache, f->stores[store], key_of(number, text), wanted);
    }
}

static void write_one(fixture *f, size_t store, uint32_t number)
{
    char text[16];
    char bytes[VALUE_BYTES_MAX];
    truth *row = &f->rows[store][number];
    bool same_size = weir_random_below(&f->random, 2) == 0;
    row->size = same_size ? row->size : (uint8_t)weir_random_below(&f->random, VALUE_BYTES_MAX + 1);
    row->fill = (uint8_t)weir_random_below(&f->random, 256);
    (void)weir_row_cache_wrote(f->cache, f->stores[store], key_of(number, text),
                               value_of(*row, bytes));
}

TEST(reads_say_what_was_written_last_while_rows_come_and_go)
{
    static fixture f;
    f.random = weir_random_of(check_seed(1));
    f.cache = weir_row_cache_new(&(weir_row_cache_options){.bytes_max = CACHE_BYTES});
    for (size_t i = 0; i < STORES; i++) {
        f.stores[i] = weir_row_cache_add_store(f.cache);
    }
    for (size_t i = 0; i < STEPS; i++) {
        size_t store = (size_t)weir_random_below(&f.random, STORES);
        uint32_t number = (uint32_t)weir_random_below(&f.random, KEYS);
        uint64_t what = weir_random_below(&f.random, 1000);
        if (what < 300) {
            write_one(&f, store, number);
        } else {
            read_one(&f, store, number);
        }
    }
    CHECK(f.hits > STEPS / 10);
    CHECK(weir_row_cache_bytes(f.cache) > CACHE_BYTES / 2);
    CHECK(weir_row_cache_bytes(f.cache) <= CACHE_BYTES);
    weir_buf_cleanup(&f.value);
    weir_row_cache_free(f.cache);
}

/* A level below that holds all it is told: what it was told last of a row. */
typedef struct level_below {
    weir_buf values[KEYS];
    bool has[KEYS];
    size_t rows;
    size_t spilled;
} level_below;

/* It takes a little for each row. */
static size_t bytes_taken(void *user)
{
    const level_below *below = user;
    return below->rows * sizeof(uint64_t);
}

static void take_spilled(void *user, uint32_t store, weir_bytes key, weir_bytes value)
{
    level_below *below = user;
    char text[16];
    (void)snprintf(text, sizeof(text), "%.*s", (int)key.size, (const char *)key.data);
    char *end = NULL;
    unsigned long number = strtoul(text, &end, 16);
    CHECK_I64((int64_t)store, ==, 0);
    CHECK(*end == '\0' && number < KEYS);
    weir_buf_set(&below->values[number], value);
    below->rows += below->has[number] ? 0 : 1;
    below->has[number] = true;
    below->spilled++;
}

static void read_through(weir_row_cache *cache, level_below *below, weir_bytes key, uint32_t number,
                         uint64_t wanted)
{
    WEIR_AUTO(weir_buf) value = {0};
    if (weir_row_cache_get(cache, 0, key, &value) != WEIR_ROW_IS_HERE) {
        CHECK(below->has[number]);
        weir_buf_set(&value, weir_buf_bytes(&below->values[number]));
        weir_row_cache_put(cache, 0, &(weir_row_read){key, weir_buf_bytes(&value), true});
    }
    CHECK(weir_bytes_equal(weir_buf_bytes(&value), weir_bytes_of(&wanted, sizeof(wanted))));
}

TEST(cache_and_what_it_let_go_have_every_row_as_it_was_written_last)
{
    static level_below below;
    static uint64_t written[KEYS];
    weir_random random = weir_random_of(check_seed(1));
    weir_row_cache *cache = weir_row_cache_new(&(weir_row_cache_options){
        CACHE_BYTES / 4, CACHE_BYTES / 20, take_spilled, bytes_taken, &below});
    (void)weir_row_cache_add_store(cache);
    for (size_t i = 0; i < STEPS; i++) {
        char text[16];
        uint32_t number = (uint32_t)weir_random_below(&random, KEYS);
        (void)snprintf(text, sizeof(text), "%08x", number);
        weir_bytes key = weir_bytes_of_text(text);
        bool writes = weir_random_below(&random, 2) == 0;
        if (writes) {
            written[number] = weir_random_u64(&random) >> weir_random_below(&random, 64);
            weir_bytes value = weir_bytes_of(&written[number], sizeof(written[number]));
            CHECK(weir_row_cache_wrote(cache, 0, key, value));
        } else if (written[number] != 0) {
            weir_row_cache_expect_row(cache, weir_row_cache_expect(cache, 0, key));
            read_through(cache, &below, key, number, written[number]);
        }
    }
    CHECK(below.spilled > KEYS);
    CHECK(below.spilled < STEPS / 2); /* A row that was only read is not told again. */
    for (size_t i = 0; i < KEYS; i++) {
        weir_buf_cleanup(&below.values[i]);
    }
    weir_row_cache_free(cache);
}

/* Rows of a batch: some are removed, one has a key and one a value that is too long. */
static size_t fill_batch(fixture *f, char texts[][16], char values[][VALUE_BYTES_MAX],
                         weir_row_read *batch)
{
    static char long_bytes[WEIR_ROW_VALUE_BYTES_MAX + 1];
    size_t count = 1 + (size_t)weir_random_below(&f->random, WEIR_ROWS_AT_ONCE);
    for (size_t i = 0; i < count; i++) {
        uint32_t number = (uint32_t)weir_random_below(&f->random, KEYS);
        truth *row = &f->rows[0][number];
        row->size = (uint8_t)weir_random_below(&f->random, VALUE_BYTES_MAX + 1);
        row->fill = (uint8_t)weir_random_below(&f->random, 256);
        batch[i] = (weir_row_read){key_of(number, texts[i]), value_of(*row, values[i]), false};
    }
    if (count > 2) {
        batch[count / 2] = (weir_row_read){weir_bytes_of(long_bytes, WEIR_ROW_KEY_BYTES_MAX + 1),
                                           WEIR_BYTES("1"), false};
        batch[count - 1] = (weir_row_read){WEIR_BYTES("long"),
                                           weir_bytes_of(long_bytes, sizeof(long_bytes)), false};
    }
    return count;
}

TEST(rows_that_are_written_together_are_as_if_one_by_one)
{
    enum { BATCHES = 3000 };
    static fixture f;
    static fixture beside;
    static char texts[WEIR_ROWS_AT_ONCE][16];
    static char values[WEIR_ROWS_AT_ONCE][VALUE_BYTES_MAX];
    f.random = weir_random_of(check_seed(1));
    f.cache = weir_row_cache_new(&(weir_row_cache_options){.bytes_max = CACHE_BYTES});
    beside.cache = weir_row_cache_new(&(weir_row_cache_options){.bytes_max = 8 * CACHE_BYTES});
    uint32_t store = weir_row_cache_add_store(f.cache);
    CHECK_I64((int64_t)weir_row_cache_add_store(beside.cache), ==, (int64_t)store);
    for (size_t i = 0; i < BATCHES; i++) {
        weir_row_read batch[WEIR_ROWS_AT_ONCE];
        bool kept[WEIR_ROWS_AT_ONCE];
        size_t count = fill_batch(&f, texts, values, batch);
        weir_row_cache_wrote_all(f.cache, store, batch, count, kept);
        for (size_t j = 0; j < count; j++) {
            bool keeps = weir_row_cache_wrote(beside.cache, store, batch[j].key, batch[j].value);
            CHECK(keeps == kept[j]);
        }
    }
    size_t found = 0;
    for (uint32_t i = 0; i < KEYS; i++) { /* It holds a part of them, each as written last. */
        char text[16];
        if (is_here(f.cache, store, key_of(i, text), &f.value)) {
            CHECK(is_here(beside.cache, store, key_of(i, text), &beside.value));
            CHECK(weir_bytes_equal(weir_buf_bytes(&f.value), weir_buf_bytes(&beside.value)));
            found++;
        }
    }
    CHECK(found > KEYS / 10);
    weir_buf_cleanup(&f.value);
    weir_buf_cleanup(&beside.value);
    weir_row_cache_free(f.cache);
    weir_row_cache_free(beside.cache);
}

TEST(row_that_is_read_outlives_rows_that_are_not)
{
    weir_row_cache *cache = weir_row_cache_new(&(weir_row_cache_options){.bytes_max = CACHE_BYTES});
    uint32_t store = weir_row_cache_add_store(cache);
    WEIR_AUTO(weir_buf) value = {0};
    char text[16];
    put(cache, store, WEIR_BYTES("hot"), WEIR_BYTES("1"));
    for (uint32_t i = 0; i < 3 * KEYS; i++) {
        put(cache, store, key_of(i, text), WEIR_BYTES("some value"));
        CHECK(is_here(cache, store, WEIR_BYTES("hot"), &value));
    }
    CHECK(!is_here(cache, store, key_of(0, text), &value));
    weir_row_cache_free(cache);
}

TEST(rows_of_another_number_or_of_before_a_clear_are_not_there)
{
    weir_row_cache *cache = weir_row_cache_new(&(weir_row_cache_options){.bytes_max = CACHE_BYTES});
    uint32_t store = weir_row_cache_add_store(cache);
    uint32_t other = weir_row_cache_add_store(cache);
    WEIR_AUTO(weir_buf) value = {0};
    put(cache, store, WEIR_BYTES("a"), WEIR_BYTES(""));
    CHECK(is_here(cache, store, WEIR_BYTES("a"), &value));
    CHECK_I64((int64_t)value.size, ==, 0);
    CHECK(!is_here(cache, other, WEIR_BYTES("a"), &value));
    (void)weir_row_cache_wrote(cache, store, WEIR_BYTES("a"), WEIR_BYTES_NULL);
    CHECK(!is_here(cache, store, WEIR_BYTES("a"), &value));
    put(cache, store, WEIR_BYTES("a"), WEIR_BYTES("again"));
    weir_row_cache_clear(cache);
    CHECK(!is_here(cache, store, WEIR_BYTES("a"), &value));
    put(cache, store, WEIR_BYTES("a"), WEIR_BYTES("new"));
    CHECK(is_here(cache, store, WEIR_BYTES("a"), &value));
    weir_row_cache_free(cache);
}

TEST(what_is_too_long_or_finds_no_memory_is_not_kept)
{
    static char bytes[WEIR_ROW_VALUE_BYTES_MAX + 1];
    weir_row_cache *cache =
        weir_row_cache_new(&(weir_row_cache_options){.bytes_max = (size_t)64 << 20});
    uint32_t store = weir_row_cache_add_store(cache);
    WEIR_AUTO(weir_buf) value = {0};
    weir_bytes longest = weir_bytes_of(bytes, WEIR_ROW_VALUE_BYTES_MAX);
    weir_bytes long_key = weir_bytes_of(bytes, WEIR_ROW_KEY_BYTES_MAX + 1);
    put(cache, store, WEIR_BYTES("k"), longest);
    CHECK(is_here(cache, store, WEIR_BYTES("k"), &value));
    (void)weir_row_cache_wrote(cache, store, WEIR_BYTES("k"), weir_bytes_of(bytes, sizeof(bytes)));
    CHECK(!is_here(cache, store, WEIR_BYTES("k"), &value));
    put(cache, store, long_key, WEIR_BYTES("v"));
    CHECK(!is_here(cache, store, long_key, &value));
    weir_row_cache_free(cache);

    cache = weir_row_cache_new(&(weir_row_cache_options){.bytes_max = 100});
    put(cache, store, WEIR_BYTES("k"), WEIR_BYTES("v"));
    CHECK(!is_here(cache, store, WEIR_BYTES("k"), &value));
    CHECK_I64((int64_t)weir_row_cache_bytes(cache), ==, 0);
    weir_row_cache_free(cache);
}

TEST(row_that_never_came_is_known_until_the_cache_is_cleared)
{
    weir_row_cache *cache = weir_row_cache_new(&(weir_row_cache_options){.bytes_max = CACHE_BYTES});
    uint32_t store = weir_row_cache_add_store(cache);
    WEIR_AUTO(weir_buf) value = {0};
    char text[16];
    CHECK(weir_row_cache_get(cache, store, WEIR_BYTES("a"), &value) == WEIR_ROW_NEVER_CAME);
    weir_row_cache_passed(cache, store, WEIR_BYTES("a"));
    CHECK(weir_row_cache_get(cache, store, WEIR_BYTES("a"), &value) == WEIR_ROW_NOT_HERE);
    put(cache, store, WEIR_BYTES("b"), WEIR_BYTES("1"));
    (void)weir_row_cache_wrote(cache, store, WEIR_BYTES("b"), WEIR_BYTES_NULL);
    CHECK(weir_row_cache_get(cache, store, WEIR_BYTES("b"), &value) == WEIR_ROW_NEVER_CAME);
    for (uint32_t i = 0; i < 3 * KEYS; i++) {
        (void)weir_row_cache_wrote(cache, store, key_of(i, text), WEIR_BYTES("some value"));
    }
    for (uint32_t i = 0; i < 3 * KEYS; i++) { /* Most have gone again. */
        CHECK(weir_row_cache_get(cache, store, key_of(i, text), &value) != WEIR_ROW_NEVER_CAME);
    }
    weir_row_cache_clear(cache);
    CHECK(weir_row_cache_get(cache, store, WEIR_BYTES("b"), &value) == WEIR_ROW_NOT_HERE);
    uint32_t later = weir_row_cache_add_store(cache);
    CHECK(weir_row_cache_get(cache, later, WEIR_BYTES("b"), &value) == WEIR_ROW_NEVER_CAME);
    weir_row_cache_free(cache);
}

/* A level below that counts, and takes what the test says. */
typedef struct counts_below {
    size_t spilled;
    size_t bytes;
} counts_below;

static void count_spilled(void *user, uint32_t store, weir_bytes key, weir_bytes value)
{
    (void)store;
    (void)key;
    (void)value;
    ((counts_below *)user)->spilled++;
}

static size_t bytes_counted(void *user)
{
    return ((const counts_below *)user)->bytes;
}

static size_t write_rows(weir_row_cache *cache, uint32_t from, uint32_t count)
{
    static char row[38]; /* With its key, 50: many enough for all of the tables. */
    size_t most = 0;
    char text[16];
    for (uint32_t number = from; number < from + count; number++) {
        CHECK(
            weir_row_cache_wrote(cache, 0, key_of(number, text), weir_bytes_of(row, sizeof(row))));
        size_t bytes = weir_row_cache_bytes(cache);
        most = bytes > most ? bytes : most;
    }
    return most;
}

TEST(cache_has_all_the_memory_that_the_level_below_does_not_take)
{
    enum { BYTES = 8 << 20, BELOW = BYTES / 5, ROWS = 200000 };
    counts_below below = {0};
    weir_row_cache *cache = weir_row_cache_new(
        &(weir_row_cache_options){BYTES, BELOW, count_spilled, bytes_counted, &below});
    (void)weir_row_cache_add_store(cache);
    CHECK_I64((int64_t)write_rows(cache, 0, ROWS), >, BYTES - BELOW);
    CHECK(below.spilled > 0);
    below.bytes = BELOW / 4 + 1;
    (void)write_rows(cache, ROWS, ROWS / 4); /* Each part of it gives some when a row comes. */
    CHECK_I64((int64_t)weir_row_cache_bytes(cache), <=, BYTES - BELOW / 4);
    CHECK_I64((int64_t)weir_row_cache_bytes(cache), >, BYTES - BELOW);
    below.bytes = 2 * BELOW;
    (void)write_rows(cache, 2 * ROWS, ROWS / 4);
    CHECK_I64((int64_t)weir_row_cache_bytes(cache), <=, BYTES - BELOW);
    CHECK_I64((int64_t)weir_row_cache_bytes(cache), >, BYTES / 2);
    weir_row_cache_clear(cache);
    below.bytes = 0;
    CHECK_I64((int64_t)write_rows(cache, 0, ROWS), >, BYTES - BELOW);
    weir_row_cache_free(cache);
}

static weir_bytes hex_key_of(uint32_t number, char text[17])
{
    (void)snprintf(text, 17, "%016" PRIx64, weir_hash64(WEIR_BYTES("key"), number));
    return weir_bytes_of_text(text);
}

/* A row of 16 hex digits takes 16 bytes here, and a table of all slots a quarter of the memory. */
TEST(few_rows_take_little_memory_and_many_are_all_found)
{
    enum { ROWS = 20000, TABLES_PART = 4 };
    weir_row_cache *cache = weir_row_cache_new(&(weir_row_cache_options){.bytes_max = CACHE_BYTES});
    uint32_t store = weir_row_cache_add_store(cache);
    WEIR_AUTO(weir_buf) value = {0};
    char text[17];
    for (uint32_t i = 0; i < ROWS; i++) {
        put(cache, store, hex_key_of(i, text), WEIR_BYTES("\0\0\0\0\0\0\0\1"));
        if (i == ROWS / 100) {
            CHECK_I64(weir_row_cache_bytes(cache), <, CACHE_BYTES / TABLES_PART / 2);
        }
    }
    CHECK_I64(weir_row_cache_bytes(cache), >, CACHE_BYTES / TABLES_PART);
    for (uint32_t i = 0; i < ROWS; i++) {
        CHECK(is_here(cache, store, hex_key_of(i, text), &value));
    }
    weir_row_cache_free(cache);
}
