/* SPDX-License-Identifier: Apache-2.0
 *
 * test_ad_clicks.c - ad_clicks.c at work.
 */
#include "docs/examples/trial.h"

TEST(click_is_joined_with_the_advertisement_that_led_to_it)
{
    WEIR_AUTO(trial) t = trial_of(ad_clicks());
    trial_send_text(&t, "ads-shown", "ada", "tea", 1000);
    trial_send_text(&t, "clicks", "ada", "/shop", 4000);
    trial_expect_text(&t, "ads-clicked", "ada", "tea led to /shop");
}

TEST(click_that_came_first_or_too_late_or_from_another_is_not)
{
    WEIR_AUTO(trial) t = trial_of(ad_clicks());
    trial_send_text(&t, "ads-shown", "ada", "tea", 10000);
    trial_send_text(&t, "clicks", "ada", "/before", 9999);
    trial_send_text(&t, "clicks", "ada", "/late", 20001);
    trial_send_text(&t, "clicks", "bob", "/shop", 12000);
    trial_expect_nothing(&t, "ads-clicked");
}
