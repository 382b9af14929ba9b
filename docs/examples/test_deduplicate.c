/* SPDX-License-Identifier: Apache-2.0
 *
 * test_deduplicate.c - deduplicate.c at work.
 */
#include "docs/examples/trial.h"

TEST(event_that_came_already_is_dropped_until_its_time_is_over)
{
    enum { TEN_MINUTES_MS = 10 * 60 * 1000 };
    WEIR_AUTO(trial) t = trial_of(deduplicate());
    trial_send_text(&t, "events", "e1", "first", 1000);
    trial_send_text(&t, "events", "e1", "again", 2000);
    trial_send_text(&t, "events", "e2", "other", 3000);
    trial_send_text(&t, "events", "e1", "just in time", 1000 + TEN_MINUTES_MS - 1);
    trial_send_text(&t, "events", "e1", "anew", 1000 + TEN_MINUTES_MS);
    trial_expect_text(&t, "unique-events", "e1", "first");
    trial_expect_text(&t, "unique-events", "e2", "other");
    trial_expect_text(&t, "unique-events", "e1", "anew");
    trial_expect_nothing(&t, "unique-events");
}

TEST(ids_leave_the_store_when_their_time_is_over)
{
    weir_error err = {0};
    WEIR_AUTO(weir_buf) row = {0};
    WEIR_AUTO(trial) t = trial_of(deduplicate());
    trial_send_text(&t, "events", "e1", "first", 0);
    CHECK_OK(weir_test_driver_get(t.driver, "seen", WEIR_BYTES("e1"), &row, &err), &err);
    trial_send_text(&t, "events", "e2", "an hour later", 60 * 60 * 1000);
    CHECK_STATUS(weir_test_driver_get(t.driver, "seen", WEIR_BYTES("e1"), &row, &err),
                 WEIR_NOT_FOUND);
}
