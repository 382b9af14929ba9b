/* SPDX-License-Identifier: Apache-2.0
 *
 * use_order.c - a log of uses in place of a linked list: an abort cuts its end off.
 *
 * Of a weir_hold, touched is one more than the place of the last use, 0 for what is not in the
 * order; written is the same as the last commit left it. Behind it each place that is not empty is
 * its entry's last; before it, the one that its entry had at the commit.
 */
#include "statestore/use_order.h"

#include "streams/base/status.h"

#include <stdlib.h>

enum { LOG_MIN = 1024 };

void weir_use_order_cleanup(weir_use_order *order)
{
    free(order->log);
    *order = (weir_use_order){0};
}

/* Leaves the gaps out. */
static void compact(weir_use_order *order)
{
    size_t count = 0;
    size_t committed = 0;
    for (size_t place = 0; place < order->log_count; place++) {
        committed = place == order->committed ? count : committed;
        weir_ordered_entry *entry = order->log[place];
        if (entry == NULL) {
            continue;
        }
        weir_hold *hold = weir_ordered_hold(entry);
        order->log[count++] = entry;
        hold->written = hold->written == place + 1 ? (uint32_t)count : hold->written;
        hold->touched = hold->touched == place + 1 ? (uint32_t)count : hold->touched;
    }
    order->committed = order->committed == order->log_count ? count : committed;
    order->log_count = count;
    order->log_max = 2 * count + LOG_MIN;
    order->first = 0;
}

/* The place of the last use is nobody's any more, unless the commit left it. */
static void leave(weir_use_order *order, const weir_hold *hold)
{
    if (hold->touched > order->committed) {
        order->log[hold->touched - 1] = NULL;
    }
}

void weir_use_order_use(weir_use_order *order, weir_ordered_entry *entry)
{
    weir_hold *hold = weir_ordered_hold(entry);
    if (hold->touched > order->committed && hold->touched == order->log_count) {
        return; /* Read, then written: the common case. */
    }
    if (order->log_count >= order->log_max) {
        compact(order);
    }
    WEIR_ASSERT(order->log_count < UINT32_MAX);
    leave(order, hold);
    order->count += hold->touched == 0 ? 1 : 0;
    order->log = weir_grow(order->log, order->log_count, &order->log_capacity, sizeof *order->log);
    order->log[order->log_count++] = entry;
    hold->touched = (uint32_t)order->log_count;
}

void weir_use_order_drop(weir_use_order *order, weir_ordered_entry *entry)
{
    weir_hold *hold = weir_ordered_hold(entry);
    leave(order, hold);
    order->count -= hold->touched == 0 ? 0 : 1;
    hold->touched = 0;
}

void weir_use_order_forget(weir_use_order *order, weir_ordered_entry *entry)
{
    weir_hold *hold = weir_ordered_hold(entry);
    weir_use_order_drop(order, entry);
    if (hold->written != 0) {
        order->log[hold->written - 1] = NULL;
        hold->written = 0;
    }
}

weir_ordered_entry *weir_use_order_eldest(weir_use_order *order)
{
    for (; order->first < order->log_count; order->first++) {
        weir_ordered_entry *entry = order->log[order->first];
        if (entry != NULL && weir_ordered_hold(entry)->touched == order->first + 1) {
            return entry;
        }
    }
    return NULL;
}

void weir_use_order_commit(weir_use_order *order)
{
    for (size_t place = order->committed; place < order->log_count; place++) {
        if (order->log[place] == NULL) {
            continue;
        }
        weir_hold *hold = weir_ordered_hold(order->log[place]);
        if (hold->written != 0) {
            order->log[hold->written - 1] = NULL;
        }
        hold->written = (uint32_t)place + 1;
    }
    order->committed = order->log_count;
}

void weir_use_order_restore(weir_use_order *order, weir_ordered_entry *entry)
{
    weir_hold *hold = weir_ordered_hold(entry);
    order->count += hold->touched == 0 ? 1 : 0;
    order->count -= hold->written == 0 ? 1 : 0;
    hold->touched = hold->written;
}

void weir_use_order_abort(weir_use_order *order)
{
    for (size_t place = order->committed; place < order->log_count; place++) {
        if (order->log[place] != NULL) {
            weir_use_order_restore(order, order->log[place]);
        }
    }
    order->log_count = order->committed;
    order->first = 0;
}
