/* SPDX-License-Identifier: Apache-2.0
 *
 * Short transactions rest in between, longer after a refusal, and shorter the longer there is none.
 */
#include "connectors/transaction_pace.h"
#include "tests/harness/check.h"

#define MS UINT64_C(1000000)

/* The rest after a transaction. */
static uint64_t rest_after(weir_transaction_pace *pace, uint64_t records, bool refused)
{
    uint64_t now_ns = 1000 * MS;
    weir_transaction_pace_begun(pace, weir_transaction_pace_begins_ns(pace) / 2);
    weir_transaction_pace_committed(pace, records, refused, now_ns);
    uint64_t begins_ns = weir_transaction_pace_begins_ns(pace);
    return begins_ns == 0 ? 0 : begins_ns - now_ns;
}

static uint64_t rest_of_new(weir_transaction_pace *pace)
{
    weir_transaction_pace_init(pace);
    CHECK_I64(weir_transaction_pace_begins_ns(pace), ==, false);
    return rest_after(pace, 1, false);
}

TEST(long_transactions_do_not_rest)
{
    weir_transaction_pace pace;
    CHECK_I64(rest_of_new(&pace), >, false);
    CHECK_I64(rest_after(&pace, 100000, false), ==, false);
    CHECK_I64(rest_after(&pace, 1, false), >, false);
}

TEST(refusal_makes_the_rest_longer_up_to_a_limit)
{
    weir_transaction_pace pace;
    uint64_t rest_ns = rest_of_new(&pace);
    uint64_t longer_ns = rest_after(&pace, 1, true);
    CHECK_I64(longer_ns, >, rest_ns);
    for (int i = 0; i < 100; i++) {
        longer_ns = rest_after(&pace, 1, true);
    }
    CHECK_I64(longer_ns, ==, rest_after(&pace, 1, true));
    CHECK_I64(longer_ns, <, 20 * MS); /* Or the rest would cost what it saves. */
}

TEST(transactions_without_refusal_make_the_rest_shorter_down_to_a_limit)
{
    weir_transaction_pace pace;
    uint64_t rest_ns = rest_of_new(&pace);
    CHECK_I64(rest_after(&pace, 1, false), <, rest_ns);
    for (int i = 0; i < 10000; i++) {
        rest_ns = rest_after(&pace, 1, false);
    }
    CHECK_I64(rest_ns, >, false);
    CHECK_I64(rest_after(&pace, 1, false), ==, rest_ns);
}

/* Further partitions are asked for when they are first written to, whenever that is. */
TEST(partitions_asked_for_again_after_twenty_milliseconds_were_refused)
{
    CHECK(weir_transaction_pace_is_refusal(5 * MS, 26 * MS));
    CHECK(!weir_transaction_pace_is_refusal(5 * MS, 7 * MS));
    CHECK(!weir_transaction_pace_is_refusal(5 * MS, 90 * MS));
}

TEST(refusal_of_a_transaction_that_did_not_rest_teaches_nothing)
{
    weir_transaction_pace pace;
    uint64_t rest_ns = rest_of_new(&pace);
    CHECK_I64(rest_after(&pace, 100000, false), ==, false);
    CHECK_I64(rest_after(&pace, 1, true), <=, rest_ns);
}

TEST(transaction_that_came_later_than_it_had_to_teaches_nothing)
{
    weir_transaction_pace pace;
    uint64_t rest_ns = rest_of_new(&pace);
    weir_transaction_pace_begun(&pace, weir_transaction_pace_begins_ns(&pace));
    weir_transaction_pace_committed(&pace, 1, false, 0);
    CHECK_I64(weir_transaction_pace_begins_ns(&pace), ==, rest_ns);
}
