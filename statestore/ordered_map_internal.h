/* SPDX-License-Identifier: Apache-2.0
 *
 * ordered_map_internal.h - the map as its two files see it: ordered_map.c has the keys,
 * ordered_value.c the values.
 *
 * Threads    One at a time.
 */
#ifndef WEIR_STATESTORE_ORDERED_MAP_INTERNAL_H
#define WEIR_STATESTORE_ORDERED_MAP_INTERNAL_H

#include "statestore/entry_index.h"
#include "statestore/ordered_map.h"
#include "statestore/slab.h"

struct weir_ordered_map {
    struct weir_ordered_node *root;
    uint32_t depth; /* Branches above a leaf. */
    size_t count;
    size_t front_bytes; /* Of a weir_hold before each entry, or 0. */
    uint64_t changes;   /* Of the tree; a walk that finds another number searches again. */
    bool is_ordered;    /* The tree has all entries; before, it has none. */
    weir_slab slab;
    weir_entry_index index;
};

#endif
