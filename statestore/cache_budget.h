/* SPDX-License-Identifier: Apache-2.0
 *
 * cache_budget.h - what the record caches of a worker may hold back together, and do.
 *
 * Ownership  The worker's; it outlives the stores that count in it.
 * Threads    The worker's.
 */
#ifndef WEIR_STATESTORE_CACHE_BUDGET_H
#define WEIR_STATESTORE_CACHE_BUDGET_H

#include <stddef.h>

typedef struct weir_cache_budget {
    size_t bytes_max;
    size_t held_bytes;
} weir_cache_budget;

#endif
