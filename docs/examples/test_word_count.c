/* SPDX-License-Identifier: Apache-2.0
 *
 * test_word_count.c - word_count.c at work: counts go out, and stand in the store.
 */
#include "docs/examples/trial.h"

#include "streams/base/serde.h"

TEST(words_are_counted_over_all_lines)
{
    WEIR_AUTO(trial) t = trial_of(word_count());
    trial_send_text(&t, "lines", NULL, "to be  or not", 0);
    trial_send_text(&t, "lines", NULL, "to be", 1);
    trial_expect_i64(&t, "word-counts", "to", 1);
    trial_expect_i64(&t, "word-counts", "be", 1);
    trial_expect_i64(&t, "word-counts", "or", 1);
    trial_expect_i64(&t, "word-counts", "not", 1);
    trial_expect_i64(&t, "word-counts", "to", 2);
    trial_expect_i64(&t, "word-counts", "be", 2);
    trial_expect_nothing(&t, "word-counts");
}

TEST(counts_stand_in_the_store)
{
    weir_error err = {0};
    WEIR_AUTO(weir_buf) count = {0};
    WEIR_AUTO(trial) t = trial_of(word_count());
    trial_send_text(&t, "lines", NULL, "be be", 0);
    CHECK_OK(weir_test_driver_get(t.driver, "counts", WEIR_BYTES("be"), &count, &err), &err);
    CHECK_I64(weir_get_u64_be(count.data), ==, 2);
    CHECK_STATUS(weir_test_driver_get(t.driver, "counts", WEIR_BYTES("to"), &count, &err),
                 WEIR_NOT_FOUND);
    CHECK_STATUS(weir_test_driver_get(t.driver, "sums", WEIR_BYTES("be"), &count, &err),
                 WEIR_INVALID);
}
