/* SPDX-License-Identifier: Apache-2.0
 *
 * use_order.h - which entries of a bounded store were used last, so that the one that was not for
 * longest goes first; and how that was at the last commit, for an abort.
 *
 *   log:   [a] [ ] [c] [b] │ [a] [d]     a use appends its entry, its earlier place is empty then;
 *                      committed         only that of the last commit stays until the next
 *
 * Ownership  Entries belong to a holding map, whose weir_hold says their places.
 * Threads    One at a time.
 */
#ifndef WEIR_STATESTORE_USE_ORDER_H
#define WEIR_STATESTORE_USE_ORDER_H

#include "statestore/ordered_map.h"

/* All-zero is an order of nothing. */
typedef struct weir_use_order {
    weir_ordered_entry **log; /* NULL: nobody's place any more. */
    size_t log_count;
    size_t log_capacity;
    size_t log_max;   /* It is made anew without its gaps when it is as long; 0: not known yet. */
    size_t committed; /* Places before it are of the last commit. */
    size_t first;     /* No place before it is an entry's last. */
    size_t count;     /* Entries that are in it. */
} weir_use_order;

/* Frees the log; the entries are gone. */
void weir_use_order_cleanup(weir_use_order *order);

/* entry was read or written: it is the last from now on. */
void weir_use_order_use(weir_use_order *order, weir_ordered_entry *entry);

/* entry is in the order no more, unless an abort brings it back. */
void weir_use_order_drop(weir_use_order *order, weir_ordered_entry *entry);

/* entry is about to be freed: no place is its. */
void weir_use_order_forget(weir_use_order *order, weir_ordered_entry *entry);

/* The entry that was not used for longest; NULL: there is none. */
weir_ordered_entry *weir_use_order_eldest(weir_use_order *order);

/* What is the order now is what an abort goes back to. Entries that were dropped are forgotten
 * next. */
void weir_use_order_commit(weir_use_order *order);

/* All that were used since the commit stand where they stood; then _restore for each that was
 * dropped. Those that were not there are about to be freed. */
void weir_use_order_abort(weir_use_order *order);
void weir_use_order_restore(weir_use_order *order, weir_ordered_entry *entry);

#endif
