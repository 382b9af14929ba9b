/* SPDX-License-Identifier: Apache-2.0
 *
 * test_order_reminders.c - order_reminders.c at work: the clock is the test's.
 */
#include "docs/examples/trial.h"

enum { MINUTE_MS = 60 * 1000 };

static void wait_ms(trial *t, int64_t ms)
{
    weir_error err = {0};
    CHECK_OK(weir_test_driver_advance(t->driver, ms, &err), &err);
}

TEST(order_that_nobody_pays_is_reminded_of_after_an_hour)
{
    WEIR_AUTO(trial) t = trial_of(order_reminders());
    trial_send_text(&t, "orders", "17", "a lamp", 0);
    wait_ms(&t, 59 * MINUTE_MS);
    trial_expect_nothing(&t, "reminders");
    wait_ms(&t, 1 * MINUTE_MS);
    trial_expect_text(&t, "reminders", "17", "pay for a lamp");
    wait_ms(&t, 120 * MINUTE_MS);
    trial_expect_nothing(&t, "reminders");
}

TEST(order_that_was_paid_meanwhile_is_not)
{
    WEIR_AUTO(trial) t = trial_of(order_reminders());
    trial_send_text(&t, "orders", "17", "a lamp", 0);
    trial_send_text(&t, "orders", "18", "a chair", 0);
    wait_ms(&t, 30 * MINUTE_MS);
    trial_send_text(&t, "payments", "17", "30", 0);
    wait_ms(&t, 30 * MINUTE_MS);
    trial_expect_text(&t, "reminders", "18", "pay for a chair");
    trial_expect_nothing(&t, "reminders");
}
