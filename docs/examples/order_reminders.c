/* SPDX-License-Identifier: Apache-2.0
 *
 * order_reminders.c - orders that have not been paid after an hour, by the wall clock.
 *
 *   orders     order -> what was bought
 *   payments   order -> sum
 *   reminders  order -> "pay for ..."
 *
 * Each order goes on an hour after it came, also if no other one does, and after a crash: what
 * waits is in a store with a changelog. Whether it is paid is looked up then.
 */
#include "docs/examples/examples.h"

enum { HOUR_MS = 60 * 60 * 1000 };

/* Null where the payment has come: it is dropped below. */
static weir_status remind(weir_call *call, weir_bytes order, weir_bytes bought, weir_bytes paid,
                          weir_bytes *out_value)
{
    (void)order;
    *out_value = paid.data != NULL ? WEIR_BYTES_NULL
                                   : weir_call_text(call, "pay for %.*s", (int)bought.size,
                                                    (const char *)bought.data);
    return WEIR_OK;
}

static bool is_due(void *user, const weir_record *reminder)
{
    (void)user;
    return reminder->value.data != NULL;
}

weir_builder *order_reminders(void)
{
    weir_builder *builder = weir_builder_new();
    weir_ktable *payments =
        weir_builder_table(builder, "payments", NULL, WEIR_STORED_AS("paid-orders"));
    weir_kstream *orders = weir_builder_stream(builder, "orders", NULL);
    const weir_delay an_hour = {.delay_ms = HOUR_MS, .by_wall_clock = true};
    weir_kstream *later = weir_kstream_delay(orders, &an_hour, WEIR_NAMED("wait-an-hour"));
    weir_kstream *reminders = weir_kstream_left_join_table(later, payments, remind, NULL);
    weir_kstream_to(weir_kstream_filter(reminders, is_due, NULL), "reminders", NULL);
    return builder;
}
