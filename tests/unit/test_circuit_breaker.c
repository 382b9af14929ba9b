/* SPDX-License-Identifier: Apache-2.0
 *
 * A breaker opens at its share of failures, lets one trial through, and closes when that succeeds.
 */
#include "connectors/circuit_breaker.h"
#include "tests/harness/check.h"

static weir_circuit_breaker breaker_with(int failures, int successes)
{
    weir_circuit_breaker breaker = weir_circuit_breaker_of(&weir_circuit_breaker_dns);
    for (int i = 0; i < successes; i++) {
        weir_circuit_breaker_report(&breaker, false, 0);
    }
    for (int i = 0; i < failures; i++) {
        weir_circuit_breaker_report(&breaker, true, 0);
    }
    return breaker;
}

TEST(breaker_stays_closed_until_its_window_is_full)
{
    weir_circuit_breaker breaker = breaker_with(19, 0);
    CHECK(weir_circuit_breaker_allows(&breaker, 0));
    weir_circuit_breaker_report(&breaker, true, 0);
    CHECK(!weir_circuit_breaker_allows(&breaker, 0));
    CHECK_I64(weir_circuit_breaker_retry_at_ms(&breaker, 7), ==, 30000);
}

TEST(breaker_opens_at_half_of_the_window_and_not_below)
{
    weir_circuit_breaker breaker = breaker_with(9, 11);
    CHECK(weir_circuit_breaker_allows(&breaker, 0));
    weir_circuit_breaker_report(&breaker, true, 0);
    CHECK(!weir_circuit_breaker_allows(&breaker, 0));
}

TEST(old_results_leave_the_window)
{
    weir_circuit_breaker breaker = breaker_with(9, 11);
    for (int i = 0; i < 20; i++) {
        weir_circuit_breaker_report(&breaker, false, 0);
    }
    for (int i = 0; i < 9; i++) {
        weir_circuit_breaker_report(&breaker, true, 0);
    }
    CHECK(weir_circuit_breaker_allows(&breaker, 0));
}

TEST(open_breaker_lets_one_trial_through_and_its_result_decides)
{
    weir_circuit_breaker breaker = breaker_with(20, 0);
    CHECK(!weir_circuit_breaker_allows(&breaker, 29999));
    CHECK(weir_circuit_breaker_allows(&breaker, 30000));
    CHECK(!weir_circuit_breaker_allows(&breaker, 30001));
    weir_circuit_breaker_report(&breaker, true, 31000);
    CHECK(!weir_circuit_breaker_allows(&breaker, 60999));
    CHECK(weir_circuit_breaker_allows(&breaker, 61000));
    weir_circuit_breaker_report(&breaker, false, 61001);
    CHECK(weir_circuit_breaker_allows(&breaker, 61001));
    weir_circuit_breaker_report(&breaker, true, 61002);
    CHECK(weir_circuit_breaker_allows(&breaker, 61002));
}

TEST(trial_that_never_answers_counts_as_lost)
{
    weir_circuit_breaker breaker = breaker_with(20, 0);
    CHECK(weir_circuit_breaker_allows(&breaker, 30000));
    CHECK(weir_circuit_breaker_allows(&breaker, 60000));
}

TEST(results_of_before_the_opening_change_nothing)
{
    weir_circuit_breaker breaker = breaker_with(20, 0);
    weir_circuit_breaker_report(&breaker, false, 10);
    CHECK(!weir_circuit_breaker_allows(&breaker, 10));
}
