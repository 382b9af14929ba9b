/* SPDX-License-Identifier: Apache-2.0
 *
 * The filter of rows that were let go (statestore/row_filter.c).
 */
#include "statestore/row_filter.h"
#include "streams/base/random.h"
#include "tests/harness/check.h"

enum { HASHES = 10000, BITS_EACH = 16 };

TEST(filter_has_all_that_was_added_and_little_else)
{
    weir_row_filter filter = weir_row_filter_of(HASHES * BITS_EACH / 8);
    uint64_t seed = check_seed(1);
    weir_random random = weir_random_of(seed);
    CHECK_I64((int64_t)weir_row_filter_bytes(&filter), ==, 0);
    CHECK(!weir_row_filter_may_have(&filter, 1));
    for (size_t i = 0; i < HASHES; i++) {
        weir_row_filter_add(&filter, weir_random_u64(&random));
    }
    CHECK_I64((int64_t)weir_row_filter_bytes(&filter), ==, HASHES * BITS_EACH / 8);
    random = weir_random_of(seed);
    for (size_t i = 0; i < HASHES; i++) {
        uint64_t hash = weir_random_u64(&random);
        weir_row_filter_expect(&filter, hash);
        CHECK(weir_row_filter_may_have(&filter, hash));
    }
    size_t wrong = 0;
    for (size_t i = 0; i < HASHES; i++) {
        wrong += weir_row_filter_may_have(&filter, weir_random_u64(&random)) ? 1 : 0;
    }
    CHECK(wrong < HASHES / 30);
    weir_row_filter_cleanup(&filter);
}

TEST(filter_without_memory_may_have_everything)
{
    weir_row_filter filter = weir_row_filter_of(0);
    CHECK(weir_row_filter_may_have(&filter, 1));
    weir_row_filter_add(&filter, 1);
    CHECK(weir_row_filter_may_have(&filter, 2));
    CHECK_I64((int64_t)weir_row_filter_bytes(&filter), ==, 0);
    weir_row_filter_cleanup(&filter);
}
