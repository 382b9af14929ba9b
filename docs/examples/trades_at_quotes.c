/* SPDX-License-Identifier: Apache-2.0
 *
 * trades_at_quotes.c - trades with the price that was quoted last when they were made.
 *
 *   quotes           share -> price
 *   trades           share -> how many
 *   trades-at-price  share -> "many at price", or "many unquoted" without one of the last minute
 *
 * What counts is the times of records, not which came first: a trade waits a second for quotes that
 * come late, and prices are known for an hour, for trades that do.
 */
#include "docs/examples/examples.h"

enum { SECOND_MS = 1000, MINUTE_MS = 60 * SECOND_MS, HOUR_MS = 60 * MINUTE_MS };

static weir_status price(weir_call *call, weir_bytes share, weir_bytes many, weir_bytes quote,
                         weir_bytes *out_value)
{
    (void)share;
    bool is_quoted = quote.data != NULL;
    *out_value = weir_call_text(call, "%.*s %s%.*s", (int)many.size, (const char *)many.data,
                                is_quoted ? "at " : "unquoted", is_quoted ? (int)quote.size : 0,
                                is_quoted ? (const char *)quote.data : "");
    return WEIR_OK;
}

weir_builder *trades_at_quotes(void)
{
    weir_builder *builder = weir_builder_new();
    weir_kstream *quotes = weir_builder_stream(builder, "quotes", NULL);
    weir_kstream *trades = weir_builder_stream(builder, "trades", NULL);
    const weir_as_of at_their_time = {
        .history_ms = HOUR_MS,
        .grace_ms = SECOND_MS,
        .tolerance_ms = MINUTE_MS,
        .keeps_unmatched = true,
    };
    weir_kstream *priced = weir_kstream_join_as_of(trades, quotes, price, &at_their_time, NULL);
    weir_kstream_to(priced, "trades-at-price", NULL);
    return builder;
}
