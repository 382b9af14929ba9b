/* SPDX-License-Identifier: Apache-2.0
 *
 * A table of keys finds them and lets go of them whatever its size: its slots have a part of the
 * hash only (statestore/entry_index.c), which tells the place of an entry in tables up to a size.
 */
#include "statestore/mem_store.h"
#include "statestore/ordered_map.h"
#include "streams/base/serde.h"
#include "tests/harness/check.h"

enum { KEY_BYTES = 8, KEYS = 900000 }; /* Four fifths of 2^20 slots are 838,860. */

static weir_bytes key_of(uint8_t bytes[KEY_BYTES], uint64_t number)
{
    weir_put_u64_be(bytes, number);
    return weir_bytes_of(bytes, KEY_BYTES);
}

TEST(keys_are_found_and_removed_in_a_table_of_more_slots_than_its_tags_count)
{
    WEIR_AUTO_PTR(weir_kv) kv = weir_mem_store_new("many");
    WEIR_AUTO(weir_buf) value = {0};
    uint8_t bytes[KEY_BYTES];
    for (uint64_t i = 0; i < KEYS; i++) {
        weir_bytes key = key_of(bytes, i);
        CHECK(weir_kv_put(kv, key, key, NULL) == WEIR_OK);
    }
    for (uint64_t i = 0; i < KEYS; i += 3) {
        CHECK(weir_kv_remove(kv, key_of(bytes, i), NULL) == WEIR_OK);
    }
    CHECK(weir_kv_approximate_count(kv) == KEYS / 3 * 2);
    for (uint64_t i = 0; i < KEYS; i++) {
        weir_bytes key = key_of(bytes, i);
        weir_status status = weir_kv_get(kv, key, &value, NULL);
        CHECK(status == (i % 3 == 0 ? WEIR_NOT_FOUND : WEIR_OK));
        CHECK(i % 3 == 0 || weir_bytes_equal(weir_buf_bytes(&value), key));
    }
    CHECK(weir_kv_get(kv, key_of(bytes, KEYS), &value, NULL) == WEIR_NOT_FOUND);
}

static void insert_keys(weir_ordered_map *map, uint64_t from, uint64_t to)
{
    uint8_t bytes[KEY_BYTES];
    for (uint64_t i = from; i < to; i++) {
        (void)weir_ordered_map_insert(map, key_of(bytes, i), KEY_BYTES);
    }
}

/* Of so many keys, how many are surely there. */
static size_t count_sure(const weir_ordered_map *map, uint64_t from, uint64_t to)
{
    size_t sure = 0;
    uint8_t bytes[KEY_BYTES];
    for (uint64_t i = from; i < to; i++) {
        sure += weir_ordered_map_expect(map, key_of(bytes, i), true) ? 1 : 0;
    }
    return sure;
}

TEST(a_key_is_not_taken_for_one_that_is_there_where_many_are)
{
    enum { FEW = 50000, MANY = 200000 };
    WEIR_AUTO_PTR(weir_ordered_map) map = weir_ordered_map_new();
    insert_keys(map, 0, FEW);
    CHECK(count_sure(map, 0, FEW) > FEW / 2);
    CHECK(count_sure(map, KEYS, KEYS + FEW) < FEW / 10);
    insert_keys(map, FEW, MANY);
    CHECK(count_sure(map, KEYS, KEYS + FEW) == 0);
}
