/* SPDX-License-Identifier: Apache-2.0
 *
 * test_trades_at_quotes.c - trades_at_quotes.c at work: a trade waits until another one is a second
 * newer.
 */
#include "docs/examples/trial.h"

enum { SECOND_MS = 1000, MINUTE_MS = 60 * SECOND_MS };

/* The time of the join is that of its trades: this one waits itself. */
static void pass(trial *t, int64_t now_ms)
{
    trial_send_text(t, "trades", "other", "1", now_ms);
}

TEST(trade_has_the_price_of_its_time_not_the_newest)
{
    WEIR_AUTO(trial) t = trial_of(trades_at_quotes());
    trial_send_text(&t, "quotes", "tea", "30", 1000);
    trial_send_text(&t, "quotes", "tea", "40", 3000);
    trial_send_text(&t, "trades", "tea", "5", 2999);
    pass(&t, 5000);
    trial_expect_text(&t, "trades-at-price", "tea", "5 at 30");
}

TEST(quote_that_comes_after_its_trade_counts_if_it_is_older)
{
    WEIR_AUTO(trial) t = trial_of(trades_at_quotes());
    trial_send_text(&t, "quotes", "tea", "30", 1000);
    trial_send_text(&t, "trades", "tea", "5", 2500);
    trial_send_text(&t, "quotes", "tea", "35", 2000);
    trial_expect_nothing(&t, "trades-at-price");
    pass(&t, 5000);
    trial_expect_text(&t, "trades-at-price", "tea", "5 at 35");
}

TEST(trade_without_a_fresh_quote_is_told_too)
{
    WEIR_AUTO(trial) t = trial_of(trades_at_quotes());
    trial_send_text(&t, "quotes", "tea", "30", 1000);
    trial_send_text(&t, "trades", "tea", "5", 2000 + MINUTE_MS);
    trial_send_text(&t, "trades", "ink", "7", 2001 + MINUTE_MS);
    pass(&t, 2 * MINUTE_MS);
    trial_expect_text(&t, "trades-at-price", "tea", "5 unquoted");
    trial_expect_text(&t, "trades-at-price", "ink", "7 unquoted");
    trial_expect_nothing(&t, "trades-at-price");
}
