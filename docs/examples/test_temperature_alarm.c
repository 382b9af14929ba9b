/* SPDX-License-Identifier: Apache-2.0
 *
 * test_temperature_alarm.c - temperature_alarm.c at work.
 */
#include "docs/examples/trial.h"

TEST(hot_minute_raises_an_alarm_when_it_has_passed)
{
    WEIR_AUTO(trial) t = trial_of(temperature_alarm());
    trial_send_f64(&t, "temperatures", "oven", 70, 5000);
    trial_send_f64(&t, "temperatures", "oven", 95, 15000);
    trial_send_f64(&t, "temperatures", "fridge", 4, 15000);
    trial_expect_nothing(&t, "alarms");
    trial_send_f64(&t, "temperatures", "fridge", 4, 70000);
    trial_expect_text(&t, "alarms", "oven", "82.5 over 2 readings"); /* The minute from 0 on, … */
    trial_expect_text(&t, "alarms", "oven", "95.0 over 1 readings"); /* … from 10 s on. */
    trial_expect_nothing(&t, "alarms");
}

TEST(cool_minutes_raise_none)
{
    WEIR_AUTO(trial) t = trial_of(temperature_alarm());
    trial_send_f64(&t, "temperatures", "oven", 75, 5000);
    trial_send_f64(&t, "temperatures", "oven", 85, 5001);
    trial_send_f64(&t, "temperatures", "oven", 20, 200000);
    trial_expect_nothing(&t, "alarms");
}

TEST(reading_of_minutes_that_were_judged_is_set_aside)
{
    WEIR_AUTO(trial) t = trial_of(temperature_alarm());
    trial_send_f64(&t, "temperatures", "oven", 20, 200000);
    trial_send_f64(&t, "temperatures", "oven", 95, 150000); /* Its last minute is open still. */
    trial_send_text(&t, "temperatures", "oven", "too late", 149999); /* 8 bytes, like a number. */
    trial_expect_text(&t, "too-late", "oven", "too late");
    trial_expect_nothing(&t, "too-late");
}
