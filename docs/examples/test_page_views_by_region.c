/* SPDX-License-Identifier: Apache-2.0
 *
 * test_page_views_by_region.c - page_views_by_region.c at work.
 */
#include "docs/examples/trial.h"

TEST(views_are_counted_in_the_region_of_their_user)
{
    WEIR_AUTO(trial) t = trial_of(page_views_by_region());
    trial_send_text(&t, "users", "ada", "europe", 0);
    trial_send_text(&t, "users", "bob", "asia", 0);
    trial_send_text(&t, "page-views", "ada", "/index", 61000);
    trial_send_text(&t, "page-views", "bob", "/index", 62000);
    trial_send_text(&t, "page-views", "ada", "/about", 63000);
    trial_send_text(&t, "page-views", "eve", "/about", 64000);
    trial_expect_i64(&t, "views-by-region", "europe 60000", 1);
    trial_expect_i64(&t, "views-by-region", "asia 60000", 1);
    trial_expect_i64(&t, "views-by-region", "europe 60000", 2);
    trial_expect_i64(&t, "views-by-region", "unknown 60000", 1);
}

TEST(each_minute_counts_anew_and_late_views_count_still)
{
    WEIR_AUTO(trial) t = trial_of(page_views_by_region());
    trial_send_text(&t, "users", "ada", "europe", 0);
    trial_send_text(&t, "page-views", "ada", "/index", 59999);
    trial_send_text(&t, "page-views", "ada", "/index", 60000);
    trial_send_text(&t, "page-views", "ada", "/late", 30000);
    trial_send_text(&t, "page-views", "ada", "/next", 120000);
    trial_send_text(&t, "page-views", "ada", "/too-late", 30000);
    trial_expect_i64(&t, "views-by-region", "europe 0", 1);
    trial_expect_i64(&t, "views-by-region", "europe 60000", 1);
    trial_expect_i64(&t, "views-by-region", "europe 0", 2);
    trial_expect_i64(&t, "views-by-region", "europe 120000", 1);
    trial_expect_nothing(&t, "views-by-region");
}
