/* SPDX-License-Identifier: Apache-2.0
 *
 * examples.h - programs to start from, each in a file of its own: what it reads and writes stands
 * at the top of that file.
 *
 * Ownership  Each answers a builder, which is the caller's.
 * Threads    One.
 */
#ifndef WEIR_DOCS_EXAMPLES_EXAMPLES_H
#define WEIR_DOCS_EXAMPLES_EXAMPLES_H

#include "connectors/http_resource.h"
#include "connectors/rest.h"
#include "streams/dsl/dsl.h"

/* How often each word was said. */
weir_builder *word_count(void);

/* Clicks within ten seconds of the advertisement that led to them: a windowed join. */
weir_builder *ad_clicks(void);

/* Views of pages, counted by region and minute: a join of a stream with a table. */
weir_builder *page_views_by_region(void);

/* Cards that are charged too much at a stretch: sessions, told of once they have ended. */
weir_builder *fraud_windows(void);

/* Sensors that were too hot in the last minute: hopping windows. */
weir_builder *temperature_alarm(void);

/* Orders with the names of those who gave them: a join by a foreign key. */
weir_builder *orders_with_customers(void);

/* Events without those that came in the last ten minutes already: rows that end by themselves. */
weir_builder *deduplicate(void);

/* Reminders of orders that are not paid after an hour: records that wait. */
weir_builder *order_reminders(void);

/* Trades at the price of their time: a join as of a time. */
weir_builder *trades_at_quotes(void);

/* Users with what a service tells of them; open makes its HTTP client, one for each worker. */
weir_builder *async_enrichment(weir_http_open open);

/* How often each page was viewed, told over HTTP while it changes; port 0: any free one. */
weir_builder *live_counts(void);
weir_status live_counts_serve(weir_application *application, uint16_t port, weir_rest **out_rest,
                              weir_error *err);

#endif
