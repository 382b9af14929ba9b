/* SPDX-License-Identifier: Apache-2.0
 *
 * The rules of the frontier that need no topology: verdicts, back-off, the order of the queue.
 */
#include "tests/harness/check.h"
#include "topologies/frontier_internal.h"

#include <string.h>

TEST(what_may_pass_with_time_is_tried_again_and_the_rest_is_not)
{
    CHECK_I64(weir_frontier_verdict_of(WEIR_BYTES("fetched"), 200), ==, WEIR_VERDICT_DONE);
    CHECK_I64(weir_frontier_verdict_of(WEIR_BYTES("redirected"), 301), ==, WEIR_VERDICT_DONE);
    CHECK_I64(weir_frontier_verdict_of(WEIR_BYTES("timeout"), 0), ==, WEIR_VERDICT_RETRY);
    CHECK_I64(weir_frontier_verdict_of(WEIR_BYTES("http_error"), 503), ==, WEIR_VERDICT_RETRY);
    CHECK_I64(weir_frontier_verdict_of(WEIR_BYTES("http_error"), 429), ==, WEIR_VERDICT_RETRY);
    CHECK_I64(weir_frontier_verdict_of(WEIR_BYTES("http_error"), 404), ==, WEIR_VERDICT_FAILED);
    CHECK_I64(weir_frontier_verdict_of(WEIR_BYTES("robots_denied"), 0), ==, WEIR_VERDICT_FAILED);
    CHECK_I64(weir_frontier_verdict_of(WEIR_BYTES("private_address"), 0), ==, WEIR_VERDICT_FAILED);
}

TEST(back_off_doubles_and_ends_at_a_day)
{
    CHECK_I64(weir_frontier_backoff_ms(1000, 1, 0), ==, 1000);
    CHECK_I64(weir_frontier_backoff_ms(1000, 3, 0), ==, 4000);
    CHECK_I64(weir_frontier_backoff_ms(1000, 1, 7000), ==, 7000);
    CHECK_I64(weir_frontier_backoff_ms(60000, 1000, 0), ==, 24 * 3600 * 1000);
    CHECK_I64(weir_frontier_backoff_ms(1, 1, INT64_MAX), ==, 24 * 3600 * 1000);
}

TEST(queue_is_ordered_by_due_time_then_priority_then_depth)
{
    static const weir_frontier_url in_order[] = {
        {.due_at_ms = 0, .priority = 1, .depth = 5},   {.due_at_ms = 0, .priority = 2, .depth = 0},
        {.due_at_ms = 0, .priority = 2, .depth = 1},   {.due_at_ms = 5, .priority = 1, .depth = 0},
        {.due_at_ms = 300, .priority = 1, .depth = 0},
    };
    weir_bytes hash = WEIR_BYTES("0123456789abcdef0123456789abcdef");
    WEIR_AUTO(weir_buf) before = {0};
    WEIR_AUTO(weir_buf) key = {0};
    for (size_t i = 0; i < WEIR_COUNT_OF(in_order); i++) {
        weir_frontier_queue_key(&key, WEIR_BYTES("a.example"), &in_order[i], hash);
        CHECK_I64(weir_bytes_compare(weir_buf_bytes(&before), weir_buf_bytes(&key)), <, 0);
        weir_frontier_queue_entry entry;
        CHECK(weir_frontier_queue_entry_of(weir_buf_bytes(&key), WEIR_BYTES("a.example"), &entry));
        CHECK_I64(entry.due_at_ms, ==, in_order[i].due_at_ms);
        CHECK_BYTES(entry.url_hash, hash);
        weir_buf_set(&before, weir_buf_bytes(&key));
    }
    CHECK(!weir_frontier_queue_entry_of(WEIR_BYTES("a.example"), WEIR_BYTES("a.example"),
                                        &(weir_frontier_queue_entry){0}));
}
