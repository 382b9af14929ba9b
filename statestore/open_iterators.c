/* SPDX-License-Identifier: Apache-2.0
 *
 * open_iterators.c - a list, for the oldest may be closed last or first; it has one iterator in it,
 * or a few.
 */
#include "statestore/open_iterators.h"

#include "streams/base/status.h"

static bool is_timed(const weir_open_iterators *open, weir_iterator_reader reader)
{
    const weir_iterator_measures *measures = &open->measures;
    return (reader == WEIR_READER_QUERY ||
            open->opened[reader] % WEIR_ITERATORS_TIMED_ONE_IN == 0) &&
           measures->clock != NULL && measures->clock->monotonic_ns != NULL &&
           measures->durations_ns[reader] != NULL;
}

void weir_open_iterators_add(weir_open_iterators *open, weir_iterator_mark *mark,
                             weir_iterator_reader reader)
{
    const weir_iterator_clock *clock = open->measures.clock;
    mark->reader = reader;
    mark->opened_ms = clock == NULL ? 0 : *clock->now_ms;
    mark->started_ns = is_timed(open, reader) ? clock->monotonic_ns() : 0;
    mark->older = open->newest;
    mark->newer = NULL;
    *(open->newest == NULL ? &open->oldest : &open->newest->newer) = mark;
    open->newest = mark;
    open->count++;
    open->opened[reader]++;
}

void weir_open_iterators_remove(weir_open_iterators *open, weir_iterator_mark *mark)
{
    WEIR_ASSERT(open->count > 0);
    *(mark->older == NULL ? &open->oldest : &mark->older->newer) = mark->newer;
    *(mark->newer == NULL ? &open->newest : &mark->newer->older) = mark->older;
    open->count--;
    if (mark->started_ns > 0) {
        uint64_t took_ns = open->measures.clock->monotonic_ns() - mark->started_ns;
        weir_histogram_observe(open->measures.durations_ns[mark->reader], took_ns);
    }
}

int64_t weir_open_iterators_since_ms(const weir_open_iterators *open)
{
    return open->oldest == NULL ? 0 : open->oldest->opened_ms;
}
