/* SPDX-License-Identifier: Apache-2.0
 *
 * A table of keys finds them and lets go of them whatever its size: its slots have a part of the
 * hash only (statestore/entry_index.c), which tells the place of an entry in tables up to a size.
 */
#include "statestore/mem_store.h"
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
