/* SPDX-License-Identifier: Apache-2.0
 *
 * row_filter.h - hashes in a few bits each: what was never added is known, nearly always.
 *
 * Errors     None.
 * Threads    One at a time.
 */
#ifndef WEIR_STATESTORE_ROW_FILTER_H
#define WEIR_STATESTORE_ROW_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct weir_row_filter {
    uint64_t *words; /* NULL: nothing was added. */
    size_t count;
} weir_row_filter;

/* A filter of bytes_max, which are taken with the first hash. Too little for a word: everything
 * may have been added. */
weir_row_filter weir_row_filter_of(size_t bytes_max);
void weir_row_filter_cleanup(weir_row_filter *filter);

/* The filter has the hash from now on. */
void weir_row_filter_add(weir_row_filter *filter, uint64_t hash);

/* False: hash was not added. */
bool weir_row_filter_may_have(const weir_row_filter *filter, uint64_t hash);

/* Fetches what weir_row_filter_may_have looks at into the processor's cache. */
void weir_row_filter_expect(const weir_row_filter *filter, uint64_t hash);

/* Memory that it takes now. */
size_t weir_row_filter_bytes(const weir_row_filter *filter);

#endif
