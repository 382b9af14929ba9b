/* SPDX-License-Identifier: Apache-2.0
 *
 * open_iterators.h - which iterators of a store are open, since when, and how long they were.
 *
 * Processors open some for each record, so those cost a link and a number each; a clock is read for
 * one in WEIR_ITERATORS_TIMED_ONE_IN of them. Those of queries are few and all timed.
 *
 * Ownership  A mark is part of its iterator. The histograms are their registry's.
 * Threads    The task's.
 */
#ifndef WEIR_STATESTORE_OPEN_ITERATORS_H
#define WEIR_STATESTORE_OPEN_ITERATORS_H

#include "streams/base/metrics.h"

enum { WEIR_ITERATORS_TIMED_ONE_IN = 64 };

typedef enum weir_iterator_reader {
    WEIR_READER_PROCESSOR,
    WEIR_READER_QUERY,
    WEIR_ITERATOR_READERS,
} weir_iterator_reader;

/* What iterators are measured by; shared by the stores of a worker. */
typedef struct weir_iterator_clock {
    const int64_t *now_ms;          /* The wall clock of the worker's pass. */
    uint64_t (*monotonic_ns)(void); /* NULL: they are not timed. */
} weir_iterator_clock;

/* How the iterators of a store are measured, and where that is told; all-zero: not at all. */
typedef struct weir_iterator_measures {
    const weir_iterator_clock *clock;
    weir_histogram *durations_ns[WEIR_ITERATOR_READERS];
} weir_iterator_measures;

/* One open iterator, in a list in the order in which they were opened. */
typedef struct weir_iterator_mark {
    struct weir_iterator_mark *older;
    struct weir_iterator_mark *newer;
    int64_t opened_ms;
    uint64_t started_ns; /* 0: it is not timed. */
    weir_iterator_reader reader;
} weir_iterator_mark;

typedef struct weir_open_iterators {
    weir_iterator_measures measures;
    weir_iterator_mark *oldest;
    weir_iterator_mark *newest;
    size_t count;
    uint64_t opened[WEIR_ITERATOR_READERS]; /* Ever. */
} weir_open_iterators;

/* An iterator is opened; the same is closed. */
void weir_open_iterators_add(weir_open_iterators *open, weir_iterator_mark *mark,
                             weir_iterator_reader reader);
void weir_open_iterators_remove(weir_open_iterators *open, weir_iterator_mark *mark);

/* When the oldest one was opened, by the wall clock in ms; 0: none is open. */
int64_t weir_open_iterators_since_ms(const weir_open_iterators *open);

#endif
