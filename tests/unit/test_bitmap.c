/* SPDX-License-Identifier: Apache-2.0
 *
 * Sets of 64-bit ids, their serialised form, offset sets in commit metadata, and sets in a store.
 */
#include "statestore/bitmap.h"
#include "statestore/bitmap_store.h"
#include "statestore/mem_store.h"
#include "statestore/offset_set.h"
#include "streams/base/random.h"
#include "tests/harness/check.h"

#include <string.h>

/* Ids of a few upper halves and containers, so that they meet. */
static uint64_t random_id(weir_random *random)
{
    uint64_t high = weir_random_below(random, 3) * UINT64_C(0x7fffffff00000000) / 2;
    return high + weir_random_below(random, 4) * 65536 + weir_random_below(random, 6000);
}

static void fill(weir_bitmap *bitmap, weir_random *random, int count)
{
    for (int i = 0; i < count; i++) {
        (void)weir_bitmap_add(bitmap, random_id(random));
    }
    uint64_t first = random_id(random);
    weir_bitmap_add_range(bitmap, first, first + weir_random_below(random, 70000));
}

static void check_round_trip(weir_bitmap *bitmap)
{
    weir_error err = {0};
    WEIR_AUTO(weir_buf) bytes = {0};
    WEIR_AUTO_PTR(weir_bitmap) again = NULL;
    weir_bitmap_serialize(bitmap, &bytes);
    CHECK_OK(weir_bitmap_deserialize(weir_buf_bytes(&bytes), &again, &err), &err);
    CHECK(weir_bitmap_equal(bitmap, again));
    CHECK_I64(weir_bitmap_cardinality(bitmap), ==, weir_bitmap_cardinality(again));
    for (size_t size = 0; size < bytes.size; size += 1 + bytes.size / 50) {
        WEIR_AUTO_PTR(weir_bitmap) cut = NULL;
        CHECK_STATUS(weir_bitmap_deserialize(weir_bytes_of(bytes.data, size), &cut, &err),
                     WEIR_BAD_RECORD);
    }
}

TEST(id_is_in_the_set_from_add_to_remove)
{
    WEIR_AUTO_PTR(weir_bitmap) bitmap = weir_bitmap_new();
    const uint64_t ids[] = {0, 1, UINT32_MAX, UINT64_C(1) << 32, UINT64_MAX};
    for (size_t i = 0; i < WEIR_COUNT_OF(ids); i++) {
        CHECK(!weir_bitmap_contains(bitmap, ids[i]));
        CHECK(weir_bitmap_add(bitmap, ids[i]));
        CHECK(!weir_bitmap_add(bitmap, ids[i]));
        CHECK(weir_bitmap_contains(bitmap, ids[i]));
    }
    CHECK_I64(weir_bitmap_cardinality(bitmap), ==, WEIR_COUNT_OF(ids));
    uint64_t id;
    CHECK(weir_bitmap_next(bitmap, 2, &id) && id == UINT32_MAX);
    CHECK(weir_bitmap_next(bitmap, (UINT64_C(1) << 32) + 1, &id) && id == UINT64_MAX);
    for (size_t i = 0; i < WEIR_COUNT_OF(ids); i++) {
        CHECK(weir_bitmap_remove(bitmap, ids[i]));
        CHECK(!weir_bitmap_remove(bitmap, ids[i]));
    }
    CHECK(!weir_bitmap_next(bitmap, 0, &id));
}

TEST(and_or_andnot_are_those_of_single_ids)
{
    weir_random random = weir_random_of(check_seed(1));
    for (int round = 0; round < 20; round++) {
        WEIR_AUTO_PTR(weir_bitmap) a = weir_bitmap_new();
        WEIR_AUTO_PTR(weir_bitmap) b = weir_bitmap_new();
        fill(a, &random, 3000);
        fill(b, &random, 3000);
        WEIR_AUTO_PTR(weir_bitmap) both = weir_bitmap_new();
        WEIR_AUTO_PTR(weir_bitmap) either = weir_bitmap_new();
        WEIR_AUTO_PTR(weir_bitmap) only_a = weir_bitmap_new();
        weir_bitmap_or(both, a);
        weir_bitmap_or(either, a);
        weir_bitmap_or(only_a, a);
        weir_bitmap_and(both, b);
        weir_bitmap_or(either, b);
        weir_bitmap_andnot(only_a, b);
        for (int i = 0; i < 2000; i++) {
            uint64_t id = random_id(&random);
            bool in_a = weir_bitmap_contains(a, id);
            bool in_b = weir_bitmap_contains(b, id);
            CHECK(weir_bitmap_contains(both, id) == (in_a && in_b));
            CHECK(weir_bitmap_contains(either, id) == (in_a || in_b));
            CHECK(weir_bitmap_contains(only_a, id) == (in_a && !in_b));
        }
        CHECK_I64(weir_bitmap_cardinality(either), ==,
                  weir_bitmap_cardinality(only_a) + weir_bitmap_cardinality(b));
        check_round_trip(either);
        check_round_trip(both);
    }
}

TEST(serialised_bitmap_has_the_portable_form)
{
    WEIR_AUTO_PTR(weir_bitmap) bitmap = weir_bitmap_new();
    WEIR_AUTO(weir_buf) bytes = {0};
    (void)weir_bitmap_add(bitmap, UINT64_C(2) << 32 | 5);
    (void)weir_bitmap_add(bitmap, UINT64_C(2) << 32 | 7);
    weir_bitmap_serialize(bitmap, &bytes);
    static const uint8_t wanted[] = {
        1,    0,    0, 0, 0,  0, 0, 0, /* one upper half … */
        2,    0,    0, 0,              /* … 2; below: the cookie, */
        0x3a, 0x30, 0, 0, 1,  0, 0, 0, /* one container, */
        0,    0,    1, 0, 16, 0, 0, 0, /* key 0 with 2 ids, at byte 16 */
        5,    0,    7, 0};
    CHECK_BYTES(weir_buf_bytes(&bytes), weir_bytes_of(wanted, sizeof wanted));
}

TEST(container_that_lies_is_refused)
{
    weir_error err = {0};
    WEIR_AUTO_PTR(weir_bitmap) bitmap = NULL;
    uint8_t bytes[] = {1, 0, 0, 0, 0, 0, 0, 0, 2,  0, 0, 0, 0x3a, 0x30, 0, 0,
                       1, 0, 0, 0, 0, 0, 1, 0, 16, 0, 0, 0, 7,    0,    5, 0};
    CHECK_STATUS(weir_bitmap_deserialize(weir_bytes_of(bytes, sizeof bytes), &bitmap, &err),
                 WEIR_BAD_RECORD); /* 7 before 5. */
    CHECK(strstr(err.message, "not a bitmap") != NULL);
}

TEST(offset_set_survives_the_metadata_of_a_commit)
{
    weir_error err = {0};
    weir_random random = weir_random_of(check_seed(2));
    for (int round = 0; round < 50; round++) {
        WEIR_AUTO_PTR(weir_bitmap) set = weir_bitmap_new();
        WEIR_AUTO_PTR(weir_bitmap) again = NULL;
        WEIR_AUTO(weir_buf) text = {0};
        int64_t base = (int64_t)weir_random_below(&random, UINT64_C(1) << 40);
        for (uint64_t i = weir_random_below(&random, 300); i > 0; i--) {
            (void)weir_bitmap_add(set, (uint64_t)base + weir_random_below(&random, 500));
        }
        CHECK_STATUS(weir_offset_set_encode(set, base, 4096, &text), WEIR_OK);
        CHECK_OK(weir_offset_set_decode(weir_buf_bytes(&text), base, &again, &err), &err);
        CHECK(weir_bitmap_equal(set, again));
    }
}

TEST(offsets_below_the_base_are_left_out_and_empty_text_is_the_empty_set)
{
    weir_error err = {0};
    WEIR_AUTO_PTR(weir_bitmap) set = weir_bitmap_new();
    WEIR_AUTO_PTR(weir_bitmap) again = NULL;
    WEIR_AUTO_PTR(weir_bitmap) empty = NULL;
    WEIR_AUTO(weir_buf) text = {0};
    weir_bitmap_add_range(set, 5, 20);
    CHECK_STATUS(weir_offset_set_encode(set, 10, 4096, &text), WEIR_OK);
    CHECK_BYTES(weir_buf_bytes(&text), WEIR_BYTES("vAK"));
    CHECK_OK(weir_offset_set_decode(weir_buf_bytes(&text), 10, &again, &err), &err);
    CHECK_I64(weir_bitmap_cardinality(again), ==, 11);
    CHECK_OK(weir_offset_set_decode(WEIR_BYTES(""), 10, &empty, &err), &err);
    CHECK_I64(weir_bitmap_cardinality(empty), ==, 0);
}

TEST(offset_set_that_does_not_fit_says_so_and_writes_nothing)
{
    WEIR_AUTO_PTR(weir_bitmap) set = weir_bitmap_new();
    WEIR_AUTO(weir_buf) text = {0};
    for (uint64_t i = 0; i < 5000; i += 2) {
        (void)weir_bitmap_add(set, i);
    }
    CHECK_STATUS(weir_offset_set_encode(set, 0, 4096, &text), WEIR_AGAIN);
    CHECK_I64(text.size, ==, 0);
    CHECK_STATUS(weir_offset_set_encode(set, 1100, 4096, &text), WEIR_OK);
}

TEST(offset_set_refuses_other_text)
{
    weir_error err = {0};
    const char *texts[] = {"x", "vA", "v*A", "v______A", "vAg", "v\xff"};
    for (size_t i = 0; i < WEIR_COUNT_OF(texts); i++) {
        WEIR_AUTO_PTR(weir_bitmap) set = NULL;
        CHECK_STATUS(weir_offset_set_decode(weir_bytes_of_text(texts[i]), 0, &set, &err),
                     WEIR_BAD_RECORD);
    }
}

TEST(facets_of_a_bitmap_store_are_sets_of_their_own)
{
    weir_error err = {0};
    weir_random random = weir_random_of(check_seed(3));
    WEIR_AUTO_PTR(weir_bitmap_store) store = weir_bitmap_store_new(weir_mem_store_new("facets"));
    const weir_bytes facets[] = {WEIR_BYTES("en"), WEIR_BYTES("e"), WEIR_BYTES("")};
    weir_bitmap *models[] = {weir_bitmap_new(), weir_bitmap_new(), weir_bitmap_new()};
    for (int i = 0; i < 20000; i++) {
        size_t f = (size_t)weir_random_below(&random, 3);
        uint64_t id =
            weir_random_below(&random, 3) * (UINT64_MAX / 2) + weir_random_below(&random, 5000);
        if (weir_random_below(&random, 3) == 0) {
            CHECK_OK(weir_bitmap_store_remove(store, facets[f], id, &err), &err);
            (void)weir_bitmap_remove(models[f], id);
        } else {
            CHECK_OK(weir_bitmap_store_add(store, facets[f], id, &err), &err);
            (void)weir_bitmap_add(models[f], id);
        }
        bool contains;
        CHECK_OK(weir_bitmap_store_contains(store, facets[f], id + 1, &contains, &err), &err);
        CHECK(contains == weir_bitmap_contains(models[f], id + 1));
    }
    for (size_t f = 0; f < WEIR_COUNT_OF(facets); f++) {
        WEIR_AUTO_PTR(weir_bitmap) set = NULL;
        CHECK_OK(weir_bitmap_store_load(store, facets[f], &set, &err), &err);
        CHECK(weir_bitmap_cardinality(set) > 0);
        CHECK(weir_bitmap_equal(set, models[f]));
        uint64_t count = 0;
        CHECK_OK(weir_bitmap_store_cardinality(store, facets[f], &count, &err), &err);
        CHECK(count == weir_bitmap_cardinality(models[f]));
        weir_bitmap_free(models[f]);
    }
}

TEST(change_of_one_id_writes_one_chunk_and_the_last_removal_leaves_nothing)
{
    weir_error err = {0};
    weir_kv *kv = weir_mem_store_new("facets");
    WEIR_AUTO_PTR(weir_bitmap_store) store = weir_bitmap_store_new(kv);
    CHECK_OK(weir_bitmap_store_add(store, WEIR_BYTES("en"), 4095, &err), &err);
    CHECK_OK(weir_bitmap_store_add(store, WEIR_BYTES("en"), 4094, &err), &err);
    CHECK_I64(weir_kv_approximate_count(kv), ==, 1);
    CHECK_OK(weir_bitmap_store_add(store, WEIR_BYTES("en"), 4096, &err), &err);
    CHECK_I64(weir_kv_approximate_count(kv), ==, 2);
    for (uint64_t id = 4094; id <= 4096; id++) {
        CHECK_OK(weir_bitmap_store_remove(store, WEIR_BYTES("en"), id, &err), &err);
    }
    CHECK_I64(weir_kv_approximate_count(kv), ==, 0);
}

TEST(chunk_that_is_no_bitmap_is_corrupt)
{
    weir_error err = {0};
    weir_kv *kv = weir_mem_store_new("facets");
    WEIR_AUTO_PTR(weir_bitmap_store) store = weir_bitmap_store_new(kv);
    WEIR_AUTO_PTR(weir_bitmap) set = NULL;
    weir_bytes key = WEIR_BYTES("\0\2en\0\0\0\0\0\0\0\0");
    CHECK_OK(weir_kv_put(kv, key, WEIR_BYTES("\xff\xff"), &err), &err);
    CHECK_STATUS(weir_bitmap_store_load(store, WEIR_BYTES("en"), &set, &err), WEIR_CORRUPT);
    CHECK_OK(weir_kv_put(kv, key, WEIR_BYTES("abc"), &err), &err);
    CHECK_STATUS(weir_bitmap_store_add(store, WEIR_BYTES("en"), 1, &err), WEIR_CORRUPT);
}
