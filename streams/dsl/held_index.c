/* SPDX-License-Identifier: Apache-2.0
 *
 * held_index.c - a hash table of chains, and a binary heap over the same entries.
 */
#include "streams/dsl/held_index_internal.h"

#include "streams/base/hash.h"
#include "streams/base/status.h"

#include <stdlib.h>
#include <string.h>

enum { BUCKETS_FIRST = 64 };

static void free_chain(weir_held_entry *entry)
{
    while (entry != NULL) {
        weir_held_entry *next = entry->next;
        weir_buf_cleanup(&entry->key);
        weir_buf_cleanup(&entry->value);
        free(entry);
        entry = next;
    }
}

void weir_held_index_cleanup(weir_held_index *index)
{
    for (size_t i = 0; i < index->bucket_count; i++) {
        free_chain(index->buckets[i]);
    }
    free_chain(index->unused);
    free(index->buckets);
    free(index->order);
    *index = (weir_held_index){0};
}

/* By key. */

static weir_held_entry **bucket_of(const weir_held_index *index, uint64_t hash)
{
    return &index->buckets[hash & (index->bucket_count - 1)];
}

weir_held_entry *weir_held_index_find(const weir_held_index *index, weir_bytes key)
{
    if (index->count == 0) {
        return NULL;
    }
    uint64_t hash = weir_hash64(key, 0);
    weir_held_entry *entry = *bucket_of(index, hash);
    while (entry != NULL &&
           (entry->hash != hash || !weir_bytes_equal(weir_buf_bytes(&entry->key), key))) {
        entry = entry->next;
    }
    return entry;
}

static void link_entry(weir_held_index *index, weir_held_entry *entry)
{
    weir_held_entry **bucket = bucket_of(index, entry->hash);
    entry->next = *bucket;
    *bucket = entry;
}

static void grow(weir_held_index *index)
{
    weir_held_entry **old = index->buckets;
    size_t old_count = index->bucket_count;
    index->bucket_count = old_count == 0 ? BUCKETS_FIRST : old_count * 2;
    index->buckets = weir_alloc_array(index->bucket_count, sizeof(weir_held_entry *));
    for (size_t i = 0; i < old_count; i++) {
        for (weir_held_entry *entry = old[i]; entry != NULL;) {
            weir_held_entry *next = entry->next;
            link_entry(index, entry);
            entry = next;
        }
    }
    free(old);
}

weir_held_entry *weir_held_index_add(weir_held_index *index, weir_bytes key)
{
    if (index->count == index->bucket_count) {
        grow(index);
    }
    weir_held_entry *entry = index->unused;
    if (entry == NULL) {
        entry = weir_alloc(sizeof(*entry));
    } else {
        index->unused = entry->next;
    }
    *entry = (weir_held_entry){.key = entry->key, .value = entry->value};
    weir_buf_set(&entry->key, key);
    entry->hash = weir_hash64(key, 0);
    link_entry(index, entry);
    index->count++;
    return entry;
}

void weir_held_index_drop(weir_held_index *index, weir_held_entry *entry)
{
    weir_held_entry **at = bucket_of(index, entry->hash);
    while (*at != entry) {
        at = &(*at)->next;
    }
    *at = entry->next;
    index->count--;
    weir_buf_rest(&entry->key);
    weir_buf_rest(&entry->value);
    entry->next = index->unused;
    index->unused = entry;
}

/* By time: children of place i are at 2 i + 1 and 2 i + 2. */

static bool goes_before(const weir_held_entry *a, const weir_held_entry *b)
{
    return a->time_ms != b->time_ms
               ? a->time_ms < b->time_ms
               : weir_bytes_compare(weir_buf_bytes(&a->key), weir_buf_bytes(&b->key)) < 0;
}

void weir_held_index_push(weir_held_index *index, weir_held_entry *entry)
{
    index->order = weir_grow(index->order, index->order_count, &index->order_capacity,
                             sizeof(weir_held_entry *));
    size_t at = index->order_count++;
    while (at > 0 && goes_before(entry, index->order[(at - 1) / 2])) {
        index->order[at] = index->order[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    index->order[at] = entry;
}

weir_held_entry *weir_held_index_first(const weir_held_index *index)
{
    return index->order_count == 0 ? NULL : index->order[0];
}

void weir_held_index_pop(weir_held_index *index)
{
    WEIR_ASSERT(index->order_count > 0);
    weir_held_entry *last = index->order[--index->order_count];
    size_t at = 0;
    for (size_t child = 1; child < index->order_count; child = 2 * at + 1) {
        if (child + 1 < index->order_count &&
            goes_before(index->order[child + 1], index->order[child])) {
            child++;
        }
        if (!goes_before(index->order[child], last)) {
            break;
        }
        index->order[at] = index->order[child];
        at = child;
    }
    index->order[at] = last;
}
