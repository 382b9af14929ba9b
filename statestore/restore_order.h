/* SPDX-License-Identifier: Apache-2.0
 *
 * restore_order.h - entries of a changelog as a sorted table wants them: by key, each key once.
 *
 * Threads    Any.
 */
#ifndef WEIR_STATESTORE_RESTORE_ORDER_H
#define WEIR_STATESTORE_RESTORE_ORDER_H

#include "statestore/task_state.h"

/* Fills last, which has room for count, with the last entry of each key in the order of keys, and
 * answers how many there are. Keys are not null. */
size_t weir_restore_order(const weir_restore_entry *entries, size_t count,
                          const weir_restore_entry **last);

#endif
