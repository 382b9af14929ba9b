/* SPDX-License-Identifier: Apache-2.0
 *
 * test_fraud_windows.c - fraud_windows.c at work.
 */
#include "docs/examples/trial.h"

TEST(stretch_over_the_limit_is_told_of_once_when_it_is_over)
{
    WEIR_AUTO(trial) t = trial_of(fraud_windows());
    trial_send_i64(&t, "payments", "visa-1", 60000, 1000);
    trial_send_i64(&t, "payments", "visa-1", 50000, 50000);
    trial_send_i64(&t, "payments", "visa-1", 1, 100000);
    trial_expect_nothing(&t, "alerts");
    trial_send_i64(&t, "payments", "visa-2", 1, 400000); /* Time goes on. */
    trial_expect_i64(&t, "alerts", "visa-1", 110001);
    trial_expect_nothing(&t, "alerts");
}

TEST(same_sum_with_a_pause_is_none)
{
    WEIR_AUTO(trial) t = trial_of(fraud_windows());
    trial_send_i64(&t, "payments", "visa-1", 60000, 1000);
    trial_send_i64(&t, "payments", "visa-1", 60000, 62000);
    trial_send_i64(&t, "payments", "visa-2", 1, 400000);
    trial_expect_nothing(&t, "alerts");
}
