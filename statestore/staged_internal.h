/* SPDX-License-Identifier: Apache-2.0
 *
 * staged_internal.h - a staged store as its parts see it: reads and writes (staged.c), ranges and
 * scans (staged_walk.c).
 *
 * Threads    The task's.
 */
#ifndef WEIR_STATESTORE_STAGED_INTERNAL_H
#define WEIR_STATESTORE_STAGED_INTERNAL_H

#include "statestore/open_iterators.h"
#include "statestore/ordered_map.h"
#include "statestore/staged.h"
#include "statestore/use_order.h"

/* One of the views that it hands out. */
typedef struct weir_staged_side {
    weir_kv kv; /* Must be first. */
    weir_staged *staged;
    bool committed_only;
    bool only_looks; /* Queries. */
} weir_staged_side;

struct weir_staged {
    weir_staged_side view;
    weir_staged_side committed_view;
    weir_staged_side uncommitted_view;
    char *name;
    weir_kv *engine; /* NULL: the committed versions are all there is. */
    weir_ordered_map *map;
    weir_ordered_map *behind; /* What an apply writes behind the task; NULL: none does. */
    weir_record_cache cache;  /* Without a budget: nothing is held back. */
    weir_use_order uses;      /* Of a bounded store. */
    size_t entries_max;       /* 0: it is not bounded. */
    weir_buf told_value;      /* Copies of what the sink is told now. */
    weir_buf told_old;
    weir_ordered_entry **dirty; /* The entries with a staged version. */
    size_t dirty_count;
    size_t dirty_capacity;
    size_t staged_bytes;
    size_t committed_bytes;
    weir_open_iterators open_iterators;
    struct weir_staged_iterator *spare; /* One that is closed; NULL: none is. */
    uint64_t expected; /* Entries fetched into the processor's cache before they were asked for. */
    int64_t (*time_of)(weir_bytes key); /* NULL: all keys are of time 0. */
    int64_t newest_below_ms; /* No key of a later time is in the engine, or behind; or as below. */
    int64_t newest_committed_ms; /* Nor in the map, committed. */
};

/* Times of what the engine has. */
enum { WEIR_STAGED_NOT_KNOWN = -2, WEIR_STAGED_NOTHING = -1 };

/* The version of entry that the view sees. */
static inline weir_version weir_staged_visible(const weir_staged_side *v,
                                               const weir_ordered_entry *entry)
{
    bool staged = !v->committed_only && weir_ordered_has(entry, WEIR_STAGED);
    return staged ? WEIR_STAGED : WEIR_COMMITTED;
}

/* No key of a later time is in the engine; WEIR_STAGED_NOTHING: no key at all. */
int64_t weir_staged_newest_below(weir_staged *staged);

/* staged_walk.c: operations of the views, as of kv_store.h; and what is kept for the next one. */
weir_status weir_staged_range(weir_kv *kv, weir_bytes from, weir_bytes to, bool backwards,
                              weir_kv_iterator **out_iterator, weir_error *err);
weir_status weir_staged_scan_slice(weir_kv *kv, weir_kv_scan *scan, size_t slice_max,
                                   weir_error *err);
void weir_staged_free_spare(weir_staged *staged);

#endif
