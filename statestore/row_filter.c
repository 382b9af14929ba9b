/* SPDX-License-Identifier: Apache-2.0
 *
 * row_filter.c - a Bloom filter whose bits for a hash are all in one word: one line of memory is
 * touched. At sixteen bits a hash, one in a hundred that were not added looks as if it was.
 */
#include "statestore/row_filter.h"

#include "streams/base/alloc.h"

#include <stdlib.h>

weir_row_filter weir_row_filter_of(size_t bytes_max)
{
    return (weir_row_filter){.count = bytes_max / sizeof(uint64_t)};
}

void weir_row_filter_cleanup(weir_row_filter *filter)
{
    free(filter->words);
    filter->words = NULL;
}

/* Other bits than those by which the row cache has chosen shard and bucket. */
static uint64_t mixed(uint64_t hash)
{
    return (hash ^ hash >> 29) * UINT64_C(0xbf58476d1ce4e5b9);
}

static size_t word_of(const weir_row_filter *filter, uint64_t mixed_hash)
{
    return (size_t)((mixed_hash >> 32) * filter->count >> 32);
}

static uint64_t bits_of(uint64_t mixed_hash)
{
    enum { BITS = 4, SHIFT = 6, MASK = 63 };
    uint64_t bits = 0;
    for (int i = 0; i < BITS; i++) {
        bits |= UINT64_C(1) << (mixed_hash >> (i * SHIFT) & MASK);
    }
    return bits;
}

void weir_row_filter_add(weir_row_filter *filter, uint64_t hash)
{
    if (filter->count == 0) {
        return;
    }
    if (filter->words == NULL) {
        filter->words = weir_alloc_array(filter->count, sizeof *filter->words);
    }
    uint64_t number = mixed(hash);
    filter->words[word_of(filter, number)] |= bits_of(number);
}

bool weir_row_filter_may_have(const weir_row_filter *filter, uint64_t hash)
{
    if (filter->words == NULL) {
        return filter->count == 0;
    }
    uint64_t number = mixed(hash);
    uint64_t bits = bits_of(number);
    return (filter->words[word_of(filter, number)] & bits) == bits;
}

void weir_row_filter_expect(const weir_row_filter *filter, uint64_t hash)
{
    if (filter->words != NULL) {
        __builtin_prefetch(&filter->words[word_of(filter, mixed(hash))]);
    }
}

size_t weir_row_filter_bytes(const weir_row_filter *filter)
{
    return filter->words == NULL ? 0 : filter->count * sizeof *filter->words;
}
