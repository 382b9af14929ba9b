/* SPDX-License-Identifier: Apache-2.0
 *
 * The order of restored entries (statestore/restore_order.c) against the plain one: each key's last
 * entry, by memcmp.
 */
#include "statestore/restore_order.h"
#include "streams/base/random.h"
#include "tests/harness/check.h"

enum { ENTRIES_MAX = 200, KEY_BYTES_MAX = 48, ROUNDS = 2000 };

typedef struct keys {
    uint8_t bytes[ENTRIES_MAX][KEY_BYTES_MAX];
    weir_restore_entry entries[ENTRIES_MAX];
    size_t count;
} keys;

/* Few different bytes, zeros among them, and sizes about where heads end: ties of every sort. */
static void draw(keys *to, weir_random *random)
{
    to->count = 1 + (size_t)weir_random_below(random, ENTRIES_MAX);
    size_t prefix = (size_t)weir_random_below(random, 20);
    for (size_t i = 0; i < to->count; i++) {
        size_t size = prefix + (size_t)weir_random_below(random, 24);
        for (size_t b = 0; b < size; b++) {
            bool plain = b < prefix || weir_random_below(random, 4) > 0;
            to->bytes[i][b] = plain ? 'p' : (uint8_t)weir_random_below(random, 2);
        }
        to->entries[i] = (weir_restore_entry){weir_bytes_of(to->bytes[i], size), WEIR_BYTES("v")};
    }
}

static bool is_last(const keys *of, size_t at)
{
    for (size_t i = at + 1; i < of->count; i++) {
        if (weir_bytes_equal(of->entries[i].key, of->entries[at].key)) {
            return false;
        }
    }
    return true;
}

TEST(last_entry_of_each_key_stands_where_memcmp_puts_it)
{
    weir_random random = weir_random_of(check_seed(1));
    static keys all;
    for (int round = 0; round < ROUNDS; round++) {
        draw(&all, &random);
        const weir_restore_entry *last[ENTRIES_MAX];
        size_t count = weir_restore_order(all.entries, all.count, last);
        size_t expected = 0;
        for (size_t i = 0; i < all.count; i++) {
            expected += is_last(&all, i) ? 1 : 0;
        }
        CHECK_I64(count, ==, expected);
        for (size_t i = 0; i < count; i++) {
            CHECK(is_last(&all, (size_t)(last[i] - all.entries)));
            CHECK(i == 0 || weir_bytes_compare(last[i - 1]->key, last[i]->key) < 0);
        }
    }
}

TEST(nothing_is_in_order)
{
    const weir_restore_entry *last[1];
    CHECK_I64(weir_restore_order(NULL, 0, last), ==, 0);
}
