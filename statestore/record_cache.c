/* SPDX-License-Identifier: Apache-2.0
 *
 * record_cache.c - a log of touches instead of two linked lists.
 *
 * Kafka Streams keeps a list in the order of use, for eviction, and a set in the order of the last
 * write, for the flush. Both orders are in one log here. It is made anew, without the places that
 * count no more, when it is several times as long as what is held.
 */
#include "statestore/record_cache.h"

#include "streams/base/status.h"

#include <stdlib.h>

enum { PLACES_PER_ENTRY_MAX = 4, PLACES_MIN = 1024, PREFETCHED = 8 };

void weir_record_cache_cleanup(weir_record_cache *cache)
{
    WEIR_ASSERT(cache->held == 0);

    free(cache->log);
    *cache = (weir_record_cache){.budget = cache->budget};
}

static bool is_last_write(const weir_record_cache *cache, size_t place)
{
    return weir_ordered_hold(cache->log[place])->written == place + 1;
}

static bool is_last_touch(const weir_record_cache *cache, size_t place)
{
    return weir_ordered_hold(cache->log[place])->touched == place + 1;
}

/* Leaves out the places that do not count. */
static void compact(weir_record_cache *cache)
{
    size_t count = 0;
    for (size_t place = cache->first; place < cache->log_count; place++) {
        weir_hold *hold = weir_ordered_hold(cache->log[place]);
        bool written = is_last_write(cache, place);
        bool touched = is_last_touch(cache, place);
        if (!written && !touched) {
            continue;
        }
        cache->log[count++] = cache->log[place];
        hold->written = written ? (uint32_t)count : hold->written;
        hold->touched = touched ? (uint32_t)count : hold->touched;
    }
    cache->log_count = count;
    cache->first = 0;
}

/* The number of the place that entry has at the end of the log. */
static uint32_t append(weir_record_cache *cache, weir_ordered_entry *entry)
{
    if (cache->log_count > 0 && cache->log[cache->log_count - 1] == entry) {
        return (uint32_t)cache->log_count; /* Read, then written: the common case. */
    }
    size_t places_max = cache->held * PLACES_PER_ENTRY_MAX + PLACES_MIN;
    if (cache->log_count >= places_max && !cache->is_walked) {
        compact(cache);
    }
    WEIR_ASSERT(cache->log_count < UINT32_MAX);
    cache->log = weir_grow(cache->log, cache->log_count, &cache->log_capacity, sizeof *cache->log);
    cache->log[cache->log_count++] = entry;
    return (uint32_t)cache->log_count;
}

static void count_bytes(weir_record_cache *cache, size_t more, size_t less)
{
    cache->held_bytes = cache->held_bytes + more - less;
    cache->budget->held_bytes = cache->budget->held_bytes + more - less;
}

void weir_record_cache_wrote(weir_record_cache *cache, weir_ordered_entry *entry, size_t bytes)
{
    WEIR_ASSERT(bytes <= UINT32_MAX);

    weir_hold *hold = weir_ordered_hold(entry);
    uint32_t place = append(cache, entry);
    cache->held += hold->written == 0 ? 1 : 0;
    count_bytes(cache, bytes, hold->bytes);
    hold->written = place;
    hold->touched = place;
    hold->bytes = (uint32_t)bytes;
}

void weir_record_cache_read(weir_record_cache *cache, weir_ordered_entry *entry)
{
    if (weir_record_cache_holds(entry)) {
        uint32_t place = append(cache, entry); /* First: it may renumber. */
        weir_ordered_hold(entry)->touched = place;
    }
}

/* What telling of entry needs: its hold, its slots, key and small values behind them. */
static void prefetch(const weir_ordered_entry *entry)
{
    __builtin_prefetch(weir_ordered_hold(entry));
    __builtin_prefetch(entry);
    __builtin_prefetch(entry->key);
}

weir_ordered_entry *weir_record_cache_next(weir_record_cache *cache, size_t end)
{
    for (; cache->first < end; cache->first++) { /* No touch counts before the first write does. */
        size_t ahead = cache->first + PREFETCHED;
        if (ahead < end) {
            prefetch(cache->log[ahead]);
        }
        if (is_last_write(cache, cache->first)) {
            return cache->log[cache->first];
        }
    }
    return NULL;
}

weir_ordered_entry *weir_record_cache_eldest(const weir_record_cache *cache)
{
    for (size_t place = cache->first; place < cache->log_count; place++) {
        if (is_last_touch(cache, place)) {
            return cache->log[place];
        }
    }
    return NULL;
}

/* Nothing is held: no place counts. */
static void forget_places(weir_record_cache *cache)
{
    if (cache->held == 0 && !cache->is_walked) {
        cache->log_count = 0;
        cache->first = 0;
    }
}

void weir_record_cache_release(weir_record_cache *cache, weir_ordered_entry *entry)
{
    WEIR_ASSERT(weir_record_cache_holds(entry));

    weir_hold *hold = weir_ordered_hold(entry);
    count_bytes(cache, 0, hold->bytes);
    hold->written = 0;
    hold->touched = 0;
    hold->bytes = 0;
    cache->held--;
    forget_places(cache);
}

void weir_record_cache_begin_move(weir_record_cache *cache)
{
    WEIR_ASSERT(!cache->is_walked);

    compact(cache); /* So that no place is of an entry that is not held. */
}

void weir_record_cache_move(weir_record_cache *cache, weir_ordered_entry *from,
                            weir_ordered_entry *to)
{
    WEIR_ASSERT(weir_record_cache_holds(from));

    weir_hold *old = weir_ordered_hold(from);
    weir_hold *hold = weir_ordered_hold(to);
    cache->log[old->written - 1] = to;
    cache->log[old->touched - 1] = to;
    hold->timestamp_ms = old->timestamp_ms;
    hold->owned_source = weir_take(&old->owned_source);
    hold->written = old->written;
    hold->touched = old->touched;
    hold->bytes = old->bytes;
    old->written = 0;
    old->touched = 0;
}

void weir_record_cache_begin_walk(weir_record_cache *cache)
{
    WEIR_ASSERT(!cache->is_walked);

    cache->is_walked = true;
}

void weir_record_cache_end_walk(weir_record_cache *cache)
{
    WEIR_ASSERT(cache->is_walked);

    cache->is_walked = false;
    forget_places(cache);
}
