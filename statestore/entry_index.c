/* SPDX-License-Identifier: Apache-2.0
 *
 * entry_index.c - linear probing over slots of eight bytes, at most four fifths full.
 *
 *   slot   44 bits of the entry's address | 20 bits of the hash
 *
 * Entries are aligned to 16 bytes and addresses have 48 bits, so a slot has room for the lowest
 * bits of the hash: a probe touches the entry only where it is the right one, nearly always, and
 * while the table has no more slots than these bits count, growing hashes nothing again. A removal
 * moves later slots back into the gap: no marks of what was, so a table that shrinks and grows for
 * months stays as fast as a new one.
 */
#include "statestore/entry_index.h"

#include "streams/base/hash.h"
#include "streams/base/serde.h"
#include "streams/base/status.h"

#include <stdlib.h>
#include <string.h>

enum { CAPACITY_MIN = 16 };

void weir_entry_index_cleanup(weir_entry_index *index)
{
    free(index->slots);
    *index = (weir_entry_index){0};
}

uint64_t weir_entry_hash(weir_bytes key)
{
    return weir_hash64(key, 0);
}

weir_ordered_entry *weir_entry_index_find(const weir_entry_index *index, weir_bytes key,
                                          uint64_t hash)
{
    size_t mask = index->capacity - 1;
    for (size_t i = hash & mask; index->count > 0; i = (i + 1) & mask) {
        weir_index_slot slot = index->slots[i];
        if (slot == 0) {
            return NULL;
        }
        weir_ordered_entry *entry = weir_index_entry(slot);
        if (weir_index_may_be(slot, hash) && entry->key_size == key.size &&
            weir_bytes_equal(weir_ordered_key(entry), key)) {
            return entry;
        }
    }
    return NULL;
}

static weir_index_slot slot_of(weir_ordered_entry *entry, uint64_t hash)
{
    enum { TAG_MASK = (1 << WEIR_INDEX_TAG_BITS) - 1 };
    uint64_t address = (uintptr_t)entry;
    weir_index_slot slot = address >> WEIR_INDEX_ALIGNED_BITS << WEIR_INDEX_TAG_BITS;
    WEIR_ASSERT(weir_index_entry(slot) == entry);
    return slot | (hash & TAG_MASK);
}

/* Where the probes for the entry of slot begin. */
static size_t home_of(const weir_entry_index *index, weir_index_slot slot)
{
    bool is_in_tag = index->capacity <= 1 << WEIR_INDEX_TAG_BITS;
    uint64_t hash = is_in_tag ? slot : weir_entry_hash(weir_ordered_key(weir_index_entry(slot)));
    return hash & (index->capacity - 1);
}

static void place(weir_entry_index *index, weir_index_slot slot, size_t home)
{
    WEIR_ASSERT((index->capacity & (index->capacity - 1)) == 0);
    size_t mask = index->capacity - 1;
    size_t i = home;
    while (index->slots[i] != 0) {
        i = (i + 1) & mask;
    }
    index->slots[i] = slot;
}

/* A walk over the slots that is at this one soon wants the entry of a later one. */
static void fetch_ahead(const weir_entry_index *index, size_t at)
{
    enum { AHEAD = 16, CACHE_LINE_BYTES = 64 };
    weir_index_slot ahead = index->slots[(at + AHEAD) & (index->capacity - 1)];
    if (ahead != 0) {
        const char *entry = (const char *)weir_index_entry(ahead);
        weir_entry_index_fetch(entry);
        weir_entry_index_fetch(entry + CACHE_LINE_BYTES);
    }
}

static void grow(weir_entry_index *index)
{
    weir_entry_index old = *index;
    index->capacity = old.capacity == 0 ? CAPACITY_MIN : old.capacity * 2;
    index->slots = weir_alloc_array(index->capacity, sizeof *index->slots);
    for (size_t i = 0; i < old.capacity; i++) {
        if (index->capacity > 1 << WEIR_INDEX_TAG_BITS) {
            fetch_ahead(&old, i);
        }
        if (old.slots[i] != 0) {
            place(index, old.slots[i], home_of(index, old.slots[i]));
        }
    }
    free(old.slots);
}

void weir_entry_index_add(weir_entry_index *index, weir_ordered_entry *entry, uint64_t hash)
{
    if ((index->count + 1) * 5 > index->capacity * 4) {
        grow(index);
    }
    place(index, slot_of(entry, hash), hash & (index->capacity - 1));
    index->count++;
}

/* Fills the gap at i with a later slot that may stand there, and so on until a slot is free. */
static void close_gap(weir_entry_index *index, size_t gap)
{
    size_t mask = index->capacity - 1;
    for (size_t i = (gap + 1) & mask; index->slots[i] != 0; i = (i + 1) & mask) {
        size_t home = home_of(index, index->slots[i]);
        bool may_move = ((i - home) & mask) >= ((i - gap) & mask);
        if (may_move) {
            index->slots[gap] = index->slots[i];
            gap = i;
        }
    }
    index->slots[gap] = 0;
}

void weir_entry_index_remove(weir_entry_index *index, const weir_ordered_entry *entry)
{
    WEIR_ASSERT(index->count > 0);

    size_t mask = index->capacity - 1;
    size_t i = weir_entry_hash(weir_ordered_key(entry)) & mask;
    while (weir_index_entry(index->slots[i]) != entry) {
        WEIR_ASSERT(index->slots[i] != 0);
        i = (i + 1) & mask;
    }
    close_gap(index, i);
    index->count--;
}

/* Order. */

typedef struct sorted_entry {
    uint64_t head; /* The eight bytes after what all keys begin with, as a number. */
    weir_ordered_entry *entry;
} sorted_entry;

static int compare_sorted(const void *left, const void *right)
{
    const sorted_entry *a = left;
    const sorted_entry *b = right;
    if (a->head != b->head) {
        return a->head < b->head ? -1 : 1;
    }
    return weir_bytes_compare(weir_ordered_key(a->entry), weir_ordered_key(b->entry));
}

/* In no order entries lie all over memory: asked for early, their keys are there in time. */
static void fetch_key(const sorted_entry *entries, size_t count, size_t at)
{
    enum { AHEAD = 16 };
    if (at + AHEAD < count) {
        __builtin_prefetch(entries[at + AHEAD].entry->key);
    }
}

static size_t common_size(const weir_ordered_entry *a, const weir_ordered_entry *b, size_t max)
{
    size_t same = 0;
    while (same < max && same < b->key_size && a->key[same] == b->key[same]) {
        same++;
    }
    return same;
}

static uint64_t head_of(const weir_ordered_entry *entry, size_t skip)
{
    uint8_t head[sizeof(uint64_t)] = {0};
    size_t left = entry->key_size - skip;
    memcpy(head, entry->key + skip, left < sizeof head ? left : sizeof head);
    return weir_get_u64_be(head);
}

/* The heads behind what all keys begin with, which is known when the last was looked at: a key that
 * begins otherwise lets the pass begin anew. There are entries. */
static void set_heads(sorted_entry *entries, size_t count)
{
    const weir_ordered_entry *first = entries[0].entry;
    size_t prefix = common_size(first, entries[count - 1].entry, first->key_size);
    for (size_t i = 0; i < count;) {
        fetch_key(entries, count, i);
        size_t same = common_size(first, entries[i].entry, prefix);
        if (same < prefix) {
            prefix = same;
            i = 0;
        } else {
            entries[i].head = head_of(entries[i].entry, prefix);
            i++;
        }
    }
}

enum { HEAD_BITS = 64, DIGIT_BITS = 11, DIGITS = 1 << DIGIT_BITS, PASSES = 4 };

static size_t digit_of(const sorted_entry *entry, unsigned pass)
{
    return entry->head >> (HEAD_BITS - (PASSES - pass) * DIGIT_BITS) & (DIGITS - 1);
}

/* One stable pass over a digit; false, and nothing moved: all have the same one. */
static bool sort_by_digit(const sorted_entry *from, sorted_entry *to, size_t count, unsigned pass)
{
    size_t starts[DIGITS] = {0};
    for (size_t i = 0; i < count; i++) {
        starts[digit_of(&from[i], pass)]++;
    }
    if (starts[digit_of(&from[0], pass)] == count) {
        return false;
    }
    size_t start = 0;
    for (size_t i = 0; i < DIGITS; i++) {
        size_t here = starts[i];
        starts[i] = start;
        start += here;
    }
    for (size_t i = 0; i < count; i++) {
        to[starts[digit_of(&from[i], pass)]++] = from[i];
    }
    return true;
}

/* What the upper bits of the heads, which are in order, leave undecided. */
static void sort_equals(sorted_entry *entries, size_t count)
{
    enum { REST_BITS = HEAD_BITS - PASSES * DIGIT_BITS };
    for (size_t start = 0; start < count;) {
        size_t end = start + 1;
        while (end < count && entries[end].head >> REST_BITS == entries[start].head >> REST_BITS) {
            end++;
        }
        if (end - start > 1) {
            qsort(entries + start, end - start, sizeof *entries, compare_sorted);
        }
        start = end;
    }
}

/* By the upper bits of the heads, digit by digit: a fifth of what comparing costs. room is as large
 * as entries; what is returned is one of the two. */
static sorted_entry *sort_many(sorted_entry *entries, sorted_entry *room, size_t count)
{
    for (unsigned pass = 0; pass < PASSES; pass++) {
        if (sort_by_digit(entries, room, count, pass)) {
            sorted_entry *sorted = room;
            room = entries;
            entries = sorted;
        }
    }
    sort_equals(entries, count);
    return entries;
}

weir_ordered_entry **weir_entry_index_sorted(const weir_entry_index *index)
{
    enum { MANY = 2 * DIGITS };
    WEIR_AUTO_FREE sorted_entry *entries = weir_alloc_array(index->count, sizeof *entries);
    WEIR_AUTO_FREE sorted_entry *room = NULL;
    size_t count = 0;
    for (size_t i = 0; i < index->capacity; i++) {
        if (index->slots[i] != 0) {
            entries[count++].entry = weir_index_entry(index->slots[i]);
        }
    }
    WEIR_ASSERT(count == index->count);
    const sorted_entry *ordered = entries;
    if (count > 0) {
        set_heads(entries, count);
    }
    if (count >= MANY) {
        room = weir_alloc_array(count, sizeof *room);
        ordered = sort_many(entries, room, count);
    } else {
        qsort(entries, count, sizeof *entries, compare_sorted);
    }
    weir_ordered_entry **sorted = weir_alloc_array(count, sizeof(weir_ordered_entry *));
    for (size_t i = 0; i < count; i++) {
        sorted[i] = ordered[i].entry;
    }
    return sorted;
}

weir_ordered_entry *weir_entry_index_next(const weir_entry_index *index, weir_ordered_place *place)
{
    if (place->capacity != index->capacity) {
        *place = (weir_ordered_place){.capacity = index->capacity};
    }
    while (place->slot < index->capacity) {
        fetch_ahead(index, place->slot);
        weir_index_slot slot = index->slots[place->slot++];
        if (slot != 0) {
            return weir_index_entry(slot);
        }
    }
    return NULL;
}

bool weir_entry_index_may_pause(const weir_entry_index *index, const weir_ordered_place *place)
{
    bool is_same_table = place->capacity == index->capacity;
    return !is_same_table || place->slot == 0 || index->slots[place->slot - 1] == 0;
}

void weir_entry_index_clear(weir_entry_index *index)
{
    if (index->count < index->capacity / 8) {
        weir_entry_index_cleanup(index);
        return;
    }
    if (index->capacity > 0) {
        memset(index->slots, 0, index->capacity * sizeof *index->slots);
    }
    index->count = 0;
}
