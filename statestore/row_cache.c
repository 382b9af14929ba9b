/* SPDX-License-Identifier: Apache-2.0
 *
 * row_cache.c - rings of rows, and tables of where they lie (row_shard.c).
 *
 *   table:  [16 slots][16 slots]...      a bucket is a line of the processor's cache
 *                │ slot: 8 bits of the hash, 24 bits of place
 *                ▼
 *   ring:   ...free │ tail: eldest row, ... , youngest row │ head: free...
 *           row = head (row_head.h: mostly a byte) | key | value
 *
 * A row that is read is marked; at the tail a marked row goes to the head once more, another is
 * let go (the "clock"). So there is no list to move rows in, no memory that is cut to pieces,
 * and a read touches two or three lines. A row that a slot no longer points to is dead, and goes
 * when it comes to the tail; a full bucket lets go of some row of its own.
 *
 * What is let go is told to the level below, which may have it already (BELOW): a write clears that
 * mark and costs the level below nothing, as long as the row stays. What the level below has of a
 * row that is here counts for nothing.
 *
 * What is let go is in a filter, too: a row that is neither here nor there never came. So the rows
 * of a store that began empty are known to be absent, and nobody below need be asked for new ones.
 *
 * Shards, by hash, each with its lock: two workers seldom meet, and places fit into 24 bits. Their
 * tables lie side by side, and then their rings, whose memory is taken as the head moves on for the
 * first time; what is full is merged into huge pages. A table begins small, for few rows would
 * touch each page of a large one. The cache has all the memory as long as the level below has no
 * rows, and gives of it, by steps, what that takes. The first short value that a shard sees is the
 * reference of all others, until it is cleared.
 */
#include "statestore/row_cache.h"

#include "statestore/row_shard_internal.h"
#include "streams/base/alloc.h"
#include "streams/base/pages.h"
#include "streams/base/status.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

enum {
    SHARDS_MIN = 16,
    SHARD_BYTES_MAX = 32 << 20, /* Its places fit into 24 bits. */
    HASH_BITS = 64,
};

typedef struct part {
    pthread_mutex_t lock;
    weir_row_shard shard;
} part;

struct weir_row_cache {
    part *parts;
    size_t shard_count;
    int shard_shift; /* Of a hash, what is left is the number of its shard. */
    weir_row_cache_options options;
    void *pages; /* Tables, then rings. NULL: there is no memory. */
    size_t page_bytes;
    pthread_mutex_t stores_lock;
    uint32_t stores;
};

static void place_shards(weir_row_cache *cache)
{
    const weir_row_shard *first = &cache->parts[0].shard; /* They are alike. */
    size_t table = weir_row_shard_table_bytes(first);
    size_t ring = weir_row_shard_ring_bytes(first);
    cache->page_bytes = (table + ring) * cache->shard_count;
    if (table == 0) {
        return;
    }
    cache->pages = weir_pages_new(cache->page_bytes);
    for (size_t i = 0; i < cache->shard_count; i++) {
        uint8_t *tables = cache->pages;
        cache->parts[i].shard.slots = (uint32_t *)(void *)(tables + i * table);
        cache->parts[i].shard.ring = tables + cache->shard_count * table + i * ring;
    }
    cache->parts[0].shard.tables_bytes = cache->shard_count * table;
}

weir_row_cache *weir_row_cache_new(const weir_row_cache_options *options)
{
    WEIR_ASSERT(options->bytes_below <= options->bytes_max / 2);
    WEIR_ASSERT(options->spill == NULL || options->bytes_below > 0);

    weir_row_cache *cache = weir_alloc(sizeof *cache);
    cache->options = *options;
    pthread_mutex_init(&cache->stores_lock, NULL);
    size_t count = SHARDS_MIN;
    cache->shard_shift = HASH_BITS - __builtin_ctz(SHARDS_MIN);
    for (; options->bytes_max / count >= SHARD_BYTES_MAX; count *= 2) {
        cache->shard_shift--;
    }
    cache->shard_count = count;
    cache->parts = weir_alloc_array(count, sizeof *cache->parts);
    for (size_t i = 0; i < count; i++) {
        pthread_mutex_init(&cache->parts[i].lock, NULL);
        weir_row_shard_init(&cache->parts[i].shard, &cache->options, options->bytes_max / count,
                            options->bytes_below / count);
    }
    place_shards(cache);
    return cache;
}

void weir_row_cache_free(weir_row_cache *cache)
{
    if (cache == NULL) {
        return;
    }
    for (size_t i = 0; i < cache->shard_count; i++) {
        weir_row_shard_cleanup(&cache->parts[i].shard);
        pthread_mutex_destroy(&cache->parts[i].lock);
    }
    weir_pages_free(cache->pages, cache->page_bytes);
    free(cache->parts);
    pthread_mutex_destroy(&cache->stores_lock);
    free(cache);
}

void weir_row_cache_clear(weir_row_cache *cache)
{
    pthread_mutex_lock(
        &cache->stores_lock); /* Or a new store could lose rows that it is told of. */
    for (size_t i = 0; i < cache->shard_count; i++) {
        pthread_mutex_lock(&cache->parts[i].lock);
        weir_row_shard_clear(&cache->parts[i].shard, cache->stores);
        pthread_mutex_unlock(&cache->parts[i].lock);
    }
    pthread_mutex_unlock(&cache->stores_lock);
}

uint32_t weir_row_cache_add_store(weir_row_cache *cache)
{
    pthread_mutex_lock(&cache->stores_lock);
    uint32_t number = cache->stores++;
    pthread_mutex_unlock(&cache->stores_lock);
    WEIR_ASSERT(number < UINT32_MAX);
    return number;
}

static part *lock_part(const weir_row_cache *cache, uint64_t hash)
{
    part *p = &cache->parts[hash >> cache->shard_shift];
    pthread_mutex_lock(&p->lock);
    return p;
}

weir_row_found weir_row_cache_get(weir_row_cache *cache, uint32_t store, weir_bytes key,
                                  weir_buf *out_value)
{
    if (key.size > WEIR_ROW_KEY_BYTES_MAX) {
        return WEIR_ROW_NOT_HERE;
    }
    weir_row_name n;
    weir_row_name_of(&n, store, key);
    part *p = lock_part(cache, n.hash);
    weir_row_found found = weir_row_shard_get(&p->shard, &n, out_value);
    pthread_mutex_unlock(&p->lock);
    return found;
}

uint64_t weir_row_cache_expect(weir_row_cache *cache, uint32_t store, weir_bytes key)
{
    if (key.size > WEIR_ROW_KEY_BYTES_MAX) {
        return 0;
    }
    weir_row_name n;
    weir_row_name_of(&n, store, key);
    part *p = lock_part(cache, n.hash);
    weir_row_shard_expect(&p->shard, n.hash);
    pthread_mutex_unlock(&p->lock);
    return n.hash;
}

void weir_row_cache_expect_row(weir_row_cache *cache, uint64_t expected)
{
    part *p = lock_part(cache, expected);
    weir_row_shard_expect_row(&p->shard, expected);
    pthread_mutex_unlock(&p->lock);
}

static bool write_one(weir_row_cache *cache, uint32_t store, const weir_row_read *row)
{
    weir_row_name n;
    weir_row_name_of(&n, store, row->key);
    part *p = lock_part(cache, n.hash);
    bool kept = weir_row_shard_write(&p->shard, &n, row);
    pthread_mutex_unlock(&p->lock);
    return kept;
}

void weir_row_cache_put(weir_row_cache *cache, uint32_t store, const weir_row_read *read)
{
    WEIR_ASSERT(read->value.data != NULL);
    if (read->key.size <= WEIR_ROW_KEY_BYTES_MAX && read->value.size <= WEIR_ROW_VALUE_BYTES_MAX) {
        (void)write_one(cache, store, read);
    }
}

bool weir_row_cache_wrote(weir_row_cache *cache, uint32_t store, weir_bytes key, weir_bytes value)
{
    return key.size <= WEIR_ROW_KEY_BYTES_MAX &&
           write_one(cache, store, &(weir_row_read){key, value, false});
}

/* The rows in an order in which those of a shard lie side by side. */
static void sort_by_shard(const weir_row_name *names, size_t count, uint16_t *order)
{
    enum { PARTS = SHARDS_MIN, PART_SHIFT = HASH_BITS - 4 }; /* Shards are parts of these. */
    static_assert(1 << (HASH_BITS - PART_SHIFT) == PARTS, "the first bits of a hash choose a part");
    size_t ends[PARTS + 1] = {0};
    for (size_t i = 0; i < count; i++) {
        ends[(names[i].hash >> PART_SHIFT) + 1]++;
    }
    for (size_t i = 0; i < PARTS; i++) {
        ends[i + 1] += ends[i];
    }
    for (size_t i = 0; i < count; i++) {
        order[ends[names[i].hash >> PART_SHIFT]++] = (uint16_t)i;
    }
}

/* The part of a hash, locked in place of the one that is held. */
static part *hold(const weir_row_cache *cache, uint64_t hash, part *held)
{
    part *p = &cache->parts[hash >> cache->shard_shift];
    if (p != held) {
        if (held != NULL) {
            pthread_mutex_unlock(&held->lock);
        }
        pthread_mutex_lock(&p->lock);
    }
    return p;
}

/* Each step waits for what the one before has fetched of all rows. */
static void write_named(const weir_row_cache *cache, const weir_row_name *names,
                        const weir_row_read *rows, size_t count, bool *out_kept)
{
    uint16_t order[WEIR_ROWS_AT_ONCE];
    part *p = NULL;
    sort_by_shard(names, count, order);
    for (size_t i = 0; i < count; i++) {
        p = hold(cache, names[order[i]].hash, p);
        weir_row_shard_expect(&p->shard, names[order[i]].hash);
    }
    for (size_t i = 0; i < count; i++) {
        p = hold(cache, names[order[i]].hash, p);
        weir_row_shard_expect_row(&p->shard, names[order[i]].hash);
    }
    for (size_t i = 0; i < count; i++) {
        size_t at = order[i];
        p = hold(cache, names[at].hash, p);
        out_kept[at] = weir_row_shard_write(&p->shard, &names[at], &rows[at]);
    }
    pthread_mutex_unlock(&p->lock);
}

/* A key that is too long ends a run of rows. */
void weir_row_cache_wrote_all(weir_row_cache *cache, uint32_t store, const weir_row_read *rows,
                              size_t count, bool *out_kept)
{
    WEIR_ASSERT(count <= WEIR_ROWS_AT_ONCE);

    weir_row_name names[WEIR_ROWS_AT_ONCE];
    for (size_t from = 0; from < count;) {
        size_t end = from;
        for (; end < count && rows[end].key.size <= WEIR_ROW_KEY_BYTES_MAX; end++) {
            weir_row_name_of(&names[end], store, rows[end].key);
        }
        if (end > from) {
            write_named(cache, names + from, rows + from, end - from, out_kept + from);
        }
        if (end < count) {
            out_kept[end++] = false;
        }
        from = end;
    }
}

void weir_row_cache_passed(weir_row_cache *cache, uint32_t store, weir_bytes key)
{
    if (key.size <= WEIR_ROW_KEY_BYTES_MAX) {
        weir_row_name n;
        weir_row_name_of(&n, store, key);
        part *p = lock_part(cache, n.hash);
        weir_row_filter_add(&p->shard.let_go, n.hash);
        pthread_mutex_unlock(&p->lock);
    }
}

size_t weir_row_cache_bytes(weir_row_cache *cache)
{
    size_t bytes = 0;
    for (size_t i = 0; i < cache->shard_count; i++) {
        part *p = &cache->parts[i];
        pthread_mutex_lock(&p->lock);
        bytes += weir_row_shard_bytes(&p->shard);
        pthread_mutex_unlock(&p->lock);
    }
    return bytes;
}
