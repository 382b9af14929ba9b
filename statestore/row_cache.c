/* SPDX-License-Identifier: Apache-2.0
 *
 * row_cache.c - rings of rows, and tables of where they lie.
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

#include "statestore/row_filter.h"
#include "statestore/row_head.h"
#include "statestore/row_packing.h"
#include "streams/base/alloc.h"
#include "streams/base/hash.h"
#include "streams/base/pages.h"
#include "streams/base/status.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
    SHARDS_MIN = 16,
    SHARD_BYTES_MAX = 32 << 20, /* Its places fit into 24 bits. */
    HASH_BITS = 64,
    WAYS = 16,
    UNIT_BYTES = 4, /* A value that differs in a byte more mostly stays where it is. */
    PLACE_BITS = 24,
    PLACE_MASK = (1 << PLACE_BITS) - 1,
    TAG_SHIFT = 24,
    TABLE_PART = 4,   /* Of the memory: rows of 16 bytes fill three quarters of its slots. */
    TABLE_GROWTH = 8, /* So much larger than at first a table becomes. */
    FILTER_PART = 32, /* Of the memory. */
    GIVEN_STEPS = 8,  /* In which the level below gets its memory. */
    MOVES_MAX = 8,    /* Rows that a new one moves out of its way. */
    MERGE_BYTES = 2 << 20,
};

enum {
    ROW_BYTES_MAX = WEIR_ROW_HEAD_BYTES_MAX + WEIR_ROW_KEY_BYTES_MAX + WEIR_ROW_VALUE_BYTES_MAX,
};

/* A row as it lies in the ring. */
typedef struct row {
    weir_row_form form;
    uint8_t marks;
    uint8_t *at; /* Its head, then key and value. */
    uint8_t *key;
    uint8_t *value;
    size_t bytes;     /* All that it takes. */
    size_t key_bytes; /* What the key takes of it. */
} row;

/* A row as the ring is to have it. */
typedef struct packed_row {
    size_t units;
    uint8_t bytes[ROW_BYTES_MAX + UNIT_BYTES];
} packed_row;

/* A key as a row would have it. */
typedef struct name {
    uint32_t store;
    uint8_t packed_as; /* WEIR_ROW_KEY_PACKED or none. */
    uint8_t key_size;
    size_t bytes;
    const uint8_t *key; /* The caller's, or packed. */
    uint8_t packed[WEIR_PACKED_KEY_BYTES_MAX];
    uint64_t hash;
} name;

/* Places and sizes are in units. Head and tail only grow, until the shard is cleared: a place is
 * the rest of their division by the capacity. A slot holds its place + 1; 0 is an empty one. */
typedef struct shard {
    pthread_mutex_t lock;
    uint32_t *slots;
    size_t buckets; /* Twice as many once a row finds its bucket full, up to buckets_max. */
    size_t buckets_min;
    size_t buckets_max;
    uint8_t *ring;
    size_t capacity;
    size_t capacity_max; /* While the level below has no rows; then less, as it has more. */
    size_t capacity_min;
    uint64_t head;
    uint64_t tail;
    size_t touched; /* So much of the ring takes memory. */
    size_t merged;  /* Bytes of it that lie in huge pages, where there are any. */
    bool table_is_merged;
    weir_row_forms forms; /* Of the rows in the ring. */
    weir_row_filter let_go;
    uint32_t known_from; /* Of stores with a lower number rows may have come and gone unnoticed. */
    weir_row_reference reference;
    bool has_reference;
} shard;

struct weir_row_cache {
    shard *shards;
    size_t shard_count;
    int shard_shift; /* Of a hash, what is left is the number of its shard. */
    weir_row_cache_options options;
    void *pages; /* Tables, then rings. NULL: there is no memory. */
    size_t page_bytes;
    pthread_mutex_t stores_lock;
    uint32_t stores;
};

static size_t bytes_of_buckets(size_t buckets)
{
    return buckets * WAYS * sizeof(uint32_t);
}

static size_t ring_bytes(const shard *s)
{
    return s->capacity * UNIT_BYTES;
}

static void init_shard(shard *s, size_t bytes, size_t bytes_below)
{
    pthread_mutex_init(&s->lock, NULL);
    s->let_go = weir_row_filter_of(bytes / FILTER_PART);
    bytes -= bytes / FILTER_PART;
    size_t buckets = bytes / TABLE_PART / bytes_of_buckets(1);
    s->buckets_min = buckets < TABLE_GROWTH ? buckets : buckets / TABLE_GROWTH;
    s->buckets_max = buckets < TABLE_GROWTH ? buckets : s->buckets_min * TABLE_GROWTH;
    s->buckets = s->buckets_min;
    s->capacity = (bytes - bytes_of_buckets(s->buckets_max)) / UNIT_BYTES;
    s->capacity_max = s->capacity;
    s->capacity_min = s->capacity - (bytes_below + UNIT_BYTES - 1) / UNIT_BYTES;
    WEIR_ASSERT(s->capacity < PLACE_MASK);
}

static void place_shards(weir_row_cache *cache)
{
    const shard *s = &cache->shards[0]; /* They are alike. */
    size_t table = bytes_of_buckets(s->buckets_max);
    size_t ring = ring_bytes(s);
    cache->page_bytes = (table + ring) * cache->shard_count;
    if (s->buckets == 0) {
        return;
    }
    cache->pages = weir_pages_new(cache->page_bytes);
    for (size_t i = 0; i < cache->shard_count; i++) {
        uint8_t *tables = cache->pages;
        cache->shards[i].slots = (uint32_t *)(void *)(tables + i * table);
        cache->shards[i].ring = tables + cache->shard_count * table + i * ring;
    }
}

weir_row_cache *weir_row_cache_new(const weir_row_cache_options *options)
{
    WEIR_ASSERT(options->bytes_below <= options->bytes_max / 2);

    weir_row_cache *cache = weir_alloc(sizeof *cache);
    cache->options = *options;
    pthread_mutex_init(&cache->stores_lock, NULL);
    size_t count = SHARDS_MIN;
    cache->shard_shift = HASH_BITS - __builtin_ctz(SHARDS_MIN);
    for (; options->bytes_max / count >= SHARD_BYTES_MAX; count *= 2) {
        cache->shard_shift--;
    }
    cache->shard_count = count;
    cache->shards = weir_alloc_array(count, sizeof *cache->shards);
    for (size_t i = 0; i < count; i++) {
        init_shard(&cache->shards[i], options->bytes_max / count, options->bytes_below / count);
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
        weir_row_filter_cleanup(&cache->shards[i].let_go);
        pthread_mutex_destroy(&cache->shards[i].lock);
    }
    weir_pages_free(cache->pages, cache->page_bytes);
    free(cache->shards);
    pthread_mutex_destroy(&cache->stores_lock);
    free(cache);
}

static void clear_shard(shard *s, uint32_t known_from)
{
    if (s->touched > 0) {
        memset(s->slots, 0, bytes_of_buckets(s->buckets));
    }
    s->buckets = s->buckets_min;
    s->capacity = s->capacity_max;
    s->head = s->tail = 0;
    s->forms = (weir_row_forms){0};
    s->known_from = known_from;
    s->has_reference = false;
}

void weir_row_cache_clear(weir_row_cache *cache)
{
    pthread_mutex_lock(
        &cache->stores_lock); /* Or a new store could lose rows that it is told of. */
    for (size_t i = 0; i < cache->shard_count; i++) {
        pthread_mutex_lock(&cache->shards[i].lock);
        clear_shard(&cache->shards[i], cache->stores);
        pthread_mutex_unlock(&cache->shards[i].lock);
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

/* Rows of a shard, whose lock is held. */

static row row_at(const shard *s, size_t place)
{
    uint8_t *bytes = s->ring + place * UNIT_BYTES;
    row r = {.marks = bytes[0] & WEIR_ROW_MARKS, .at = bytes};
    r.key = bytes + weir_row_head_read(&s->forms, bytes, &r.form);
    size_t key_size = r.form.key_size;
    r.key_bytes = (r.form.packed & WEIR_ROW_KEY_PACKED) != 0 ? (key_size + 1) / 2 : key_size;
    r.value = r.key + r.key_bytes;
    size_t value_bytes = (r.form.packed & WEIR_ROW_VALUE_PACKED) != 0
                             ? weir_row_packed_value_size(r.value, r.form.value_size)
                             : r.form.value_size;
    r.bytes = (size_t)(r.value - bytes) + value_bytes;
    return r;
}

static size_t units_for(size_t bytes)
{
    return (bytes + UNIT_BYTES - 1) / UNIT_BYTES;
}

/* Of what the ring has of a key, so that a row need not be unpacked to find its slot. */
static uint64_t hash_of(uint32_t store, uint8_t packed, const uint8_t *key, size_t bytes)
{
    uint64_t seed = (uint64_t)store << 1 | ((packed & WEIR_ROW_KEY_PACKED) != 0 ? 1 : 0);
    return weir_hash64(weir_bytes_of(key, bytes), seed);
}

static void set_name(name *n, uint32_t store, weir_bytes key)
{
    size_t packed = weir_row_pack_key(key, n->packed);
    n->store = store;
    n->packed_as = packed > 0 ? WEIR_ROW_KEY_PACKED : 0;
    n->key_size = (uint8_t)key.size;
    n->key = packed > 0 ? n->packed : key.data;
    n->bytes = packed > 0 ? packed : key.size;
    n->hash = hash_of(store, n->packed_as, n->key, n->bytes);
}

static uint32_t *bucket_of(const shard *s, uint64_t hash)
{
    return s->slots + (size_t)((hash & UINT32_MAX) * s->buckets >> 32) * WAYS;
}

/* Other bits than those that chose the bucket and the shard. */
static uint32_t tag_of(uint64_t hash)
{
    return (uint32_t)((hash >> 40) & 0xff) << TAG_SHIFT;
}

static bool has_tag(uint32_t slot, uint64_t hash)
{
    return slot != 0 && (slot & ~(uint32_t)PLACE_MASK) == tag_of(hash);
}

static size_t place_in(uint32_t slot)
{
    return (slot & PLACE_MASK) - 1;
}

/* The slot that points to the row at place; NULL: the row is dead. */
static uint32_t *slot_of_place(const shard *s, size_t place, uint64_t hash)
{
    uint32_t *bucket = bucket_of(s, hash);
    uint32_t wanted = tag_of(hash) | (uint32_t)(place + 1);
    for (size_t i = 0; i < WAYS; i++) {
        if (bucket[i] == wanted) {
            return &bucket[i];
        }
    }
    return NULL;
}

static bool is_named(const row *r, const name *n)
{
    return r->form.store == n->store && r->form.key_size == n->key_size &&
           (r->form.packed & WEIR_ROW_KEY_PACKED) == n->packed_as &&
           memcmp(r->key, n->key, n->bytes) == 0;
}

static uint64_t hash_of_row(const row *r)
{
    return hash_of(r->form.store, r->form.packed, r->key, r->key_bytes);
}

/* The slot of a row, and the row; NULL: it is not kept. */
static uint32_t *find(const shard *s, const name *n, row *out)
{
    uint32_t *bucket = s->touched == 0 ? NULL : bucket_of(s, n->hash);
    for (size_t i = 0; bucket != NULL && i < WAYS; i++) {
        if (has_tag(bucket[i], n->hash)) {
            *out = row_at(s, place_in(bucket[i]));
            if (is_named(out, n)) {
                return &bucket[i];
            }
        }
    }
    return NULL;
}

static void pack(shard *s, const weir_row_read *read, const name *n, packed_row *out)
{
    uint8_t packed[WEIR_PACKED_VALUE_BYTES_MAX];
    weir_bytes stored = read->value;
    weir_row_form form = {n->packed_as, n->key_size, (uint16_t)stored.size, n->store};
    if (stored.size > 0 && stored.size <= WEIR_PACKED_VALUE_MAX) {
        if (!s->has_reference) {
            memset(&s->reference, 0, sizeof s->reference);
            memcpy(s->reference.bytes, stored.data, stored.size);
            s->has_reference = true;
        }
        size_t size = weir_row_pack_value(&s->reference, stored, packed);
        if (size < stored.size) {
            form.packed |= WEIR_ROW_VALUE_PACKED;
            stored = weir_bytes_of(packed, size);
        }
    }
    uint8_t marks = read->is_below ? WEIR_ROW_BELOW : 0;
    size_t at = weir_row_head_write(&s->forms, &form, marks, out->bytes);
    memcpy(out->bytes + at, n->key, n->bytes);
    memcpy(out->bytes + at + n->bytes, stored.data, stored.size);
    out->units = units_for(at + n->bytes + stored.size);
}

/* The value of a row, as it lies there or unpacked into room, of WEIR_PACKED_VALUE_MAX. */
static weir_bytes value_of(const shard *s, const row *r, uint8_t *room)
{
    size_t size = r->form.value_size;
    if ((r->form.packed & WEIR_ROW_VALUE_PACKED) == 0) {
        return weir_bytes_of(r->value, size);
    }
    weir_row_unpack_value(&s->reference, r->value, size, room);
    return weir_bytes_of(room, size);
}

/* The ring. */

/* The row that slot points to has to go. */
static void let_go(const weir_row_cache *cache, shard *s, uint32_t *slot, const row *r)
{
    *slot = 0;
    if ((r->marks & WEIR_ROW_BELOW) != 0) {
        return;
    }
    weir_row_filter_add(&s->let_go, hash_of_row(r));
    if (cache->options.spill == NULL) {
        return;
    }
    uint8_t key[WEIR_ROW_KEY_BYTES_MAX];
    uint8_t value[WEIR_PACKED_VALUE_MAX];
    size_t key_size = r->form.key_size;
    bool packed = (r->form.packed & WEIR_ROW_KEY_PACKED) != 0;
    if (packed) {
        weir_row_unpack_key(r->key, key_size, key);
    }
    cache->options.spill(cache->options.user, r->form.store,
                         weir_bytes_of(packed ? key : r->key, key_size), value_of(s, r, value));
}

static size_t place_of(const shard *s, uint64_t position)
{
    return (size_t)(position % s->capacity);
}

/* What is left at the end of the ring where a row does not fit there. */
static size_t gap_before(const shard *s, size_t units)
{
    size_t left = s->capacity - place_of(s, s->head);
    return left < units ? left : 0;
}

static bool has_room(const shard *s, size_t units)
{
    return s->head - s->tail + gap_before(s, units) + units <= s->capacity;
}

/* What the ring has filled for the first time goes into huge pages. The tables, which lie side by
 * side, all do as soon as the rows of one have touched them everywhere: the first tells of all. */
static void merge_pages(const weir_row_cache *cache, shard *s)
{
    enum { TOUCHED_PART = 16 };
    bool is_first = s == &cache->shards[0];
    bool is_used = s->buckets == s->buckets_max && s->touched > s->capacity / TOUCHED_PART;
    if (is_first && !s->table_is_merged && is_used) {
        s->table_is_merged = true;
        weir_pages_merge(s->slots, bytes_of_buckets(s->buckets_max) * cache->shard_count);
    }
    size_t full = s->touched;
    size_t from = s->merged < MERGE_BYTES ? 0 : s->merged - MERGE_BYTES; /* Of both, a page is. */
    weir_pages_merge(s->ring + from, full * UNIT_BYTES - from);
    s->merged = full * UNIT_BYTES / MERGE_BYTES * MERGE_BYTES;
}

static void note_touched(const weir_row_cache *cache, shard *s, size_t end)
{
    if (end > s->touched) {
        bool is_step = end * UNIT_BYTES / MERGE_BYTES != s->touched * UNIT_BYTES / MERGE_BYTES;
        s->touched = end;
        if (is_step) {
            merge_pages(cache, s);
        }
    }
}

/* Writes a row at the head, where there is room, and points slot to it. */
static void append(const weir_row_cache *cache, shard *s, const packed_row *packed, uint32_t *slot,
                   uint32_t tag)
{
    size_t units = packed->units;
    size_t gap = gap_before(s, units);
    if (gap > 0) {
        s->ring[place_of(s, s->head) * UNIT_BYTES] = WEIR_ROW_FILLER;
        s->head += gap;
    }
    size_t place = place_of(s, s->head);
    memcpy(s->ring + place * UNIT_BYTES, packed->bytes, units * UNIT_BYTES);
    *slot = tag | (uint32_t)(place + 1);
    s->head += units;
    note_touched(cache, s, gap > 0 ? s->capacity : place + units);
}

/* Lets go of the eldest row, or moves it to the head where may_move and it was read since it came
 * there; true: it has moved. */
static bool pass_tail(const weir_row_cache *cache, shard *s, bool may_move)
{
    size_t place = place_of(s, s->tail);
    uint8_t *bytes = s->ring + place * UNIT_BYTES;
    if (bytes[0] == WEIR_ROW_FILLER) {
        s->tail += s->capacity - place;
        return false;
    }
    const row r = row_at(s, place);
    size_t units = units_for(r.bytes);
    uint32_t *slot = slot_of_place(s, place, hash_of_row(&r));
    s->tail += units;
    if (slot != NULL && may_move && (r.marks & WEIR_ROW_READ) != 0 && has_room(s, units)) {
        packed_row moved;
        moved.units = units;
        memcpy(moved.bytes, bytes, units * UNIT_BYTES);
        moved.bytes[0] &= (uint8_t)~WEIR_ROW_READ;
        append(cache, s, &moved, slot, *slot & ~(uint32_t)PLACE_MASK);
        return true;
    }
    if (slot != NULL) {
        let_go(cache, s, slot, &r);
    }
    return false;
}

/* The rows of which some lie beyond a capacity go. */
static void let_go_beyond(const weir_row_cache *cache, shard *s, size_t capacity)
{
    for (uint64_t position = s->tail; position < s->head;) {
        size_t place = place_of(s, position);
        uint8_t *bytes = s->ring + place * UNIT_BYTES;
        if (bytes[0] == WEIR_ROW_FILLER) {
            position += s->capacity - place;
            continue;
        }
        const row r = row_at(s, place);
        size_t units = units_for(r.bytes);
        uint32_t *slot = place + units > capacity ? slot_of_place(s, place, hash_of_row(&r)) : NULL;
        if (slot != NULL) {
            let_go(cache, s, slot, &r);
        }
        if (place < capacity && place + units > capacity) {
            bytes[0] = WEIR_ROW_FILLER;
        }
        position += units;
    }
}

static size_t lesser(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Gives back the end of the ring, whose rows go: the level below has the memory now. */
static void shrink(const weir_row_cache *cache, shard *s, size_t capacity)
{
    let_go_beyond(cache, s, capacity);
    size_t before = s->capacity;
    size_t used = (size_t)(s->head - s->tail);
    size_t tail = place_of(s, s->tail);
    if (tail + used <= before) { /* It goes on to the end at most. */
        s->tail = lesser(tail, capacity);
        s->head = lesser(tail + used, capacity);
    } else { /* It begins anew there. */
        size_t head = tail + used - before;
        s->tail = tail < capacity ? tail : 0;
        s->head = tail < capacity ? capacity + head : lesser(head, capacity);
    }
    s->capacity = capacity;
    s->touched = lesser(s->touched, capacity);
    weir_pages_give_back(s->ring + capacity * UNIT_BYTES, (before - capacity) * UNIT_BYTES);
    merge_pages(cache, s);
}

/* What the level below has taken is not the ring's any more. */
static size_t capacity_beside(const weir_row_cache *cache, const shard *s)
{
    size_t taken =
        cache->options.spill == NULL ? 0 : cache->options.bytes_taken(cache->options.user);
    if (taken == 0) {
        return s->capacity_max;
    }
    size_t steps = taken * GIVEN_STEPS / cache->options.bytes_below + 1;
    size_t given = (s->capacity_max - s->capacity_min) / GIVEN_STEPS * steps;
    return steps < GIVEN_STEPS ? s->capacity_max - given : s->capacity_min;
}

static void make_room(const weir_row_cache *cache, shard *s, size_t units)
{
    size_t capacity = capacity_beside(cache, s);
    if (s->capacity > capacity) {
        shrink(cache, s, capacity);
    }
    for (size_t moved = 0; !has_room(s, units);) {
        moved += pass_tail(cache, s, moved < MOVES_MAX) ? 1 : 0;
    }
}

/* The table. */

static uint32_t *empty_slot(uint32_t *bucket)
{
    for (size_t i = 0; i < WAYS; i++) {
        if (bucket[i] == 0) {
            return &bucket[i];
        }
    }
    return NULL;
}

static void expect_rows(const shard *s, const uint32_t *bucket)
{
    for (size_t i = 0; i < WAYS; i++) {
        if (bucket[i] != 0) {
            __builtin_prefetch(s->ring + place_in(bucket[i]) * UNIT_BYTES);
        }
    }
}

/* Twice as many buckets in place: of each become two that lie side by side, so the last goes
 * first, and the rows of the next are fetched meanwhile. */
static void grow_table(shard *s)
{
    size_t before = s->buckets;
    s->buckets *= 2;
    for (size_t b = before; b-- > 0;) {
        uint32_t *bucket = s->slots + b * WAYS;
        uint32_t moved[WAYS];
        memcpy(moved, bucket, sizeof moved);
        memset(bucket, 0, sizeof moved);
        expect_rows(s, b > 0 ? bucket - WAYS : bucket);
        for (size_t i = 0; i < WAYS; i++) {
            if (moved[i] != 0) {
                const row r = row_at(s, place_in(moved[i]));
                uint32_t *slot = empty_slot(bucket_of(s, hash_of_row(&r)));
                WEIR_ASSERT(slot != NULL);
                *slot = moved[i];
            }
        }
    }
}

/* A slot of the bucket for a row; where it is full, and the table as large as it may be, some row
 * goes, another one each time. */
static uint32_t *free_slot(const weir_row_cache *cache, shard *s, uint64_t hash)
{
    uint32_t *slot = empty_slot(bucket_of(s, hash));
    while (slot == NULL && s->buckets < s->buckets_max) {
        grow_table(s);
        slot = empty_slot(bucket_of(s, hash));
    }
    if (slot != NULL) {
        return slot;
    }
    slot = &bucket_of(s, hash)[s->head % WAYS];
    row r = row_at(s, place_in(*slot));
    let_go(cache, s, slot, &r);
    return slot;
}

/* False: there is no memory for it. */
static bool insert(const weir_row_cache *cache, shard *s, const weir_row_read *read, const name *n)
{
    packed_row packed;
    packed.units = SIZE_MAX;
    if (s->slots != NULL) {
        pack(s, read, n, &packed);
    }
    if (packed.units > s->capacity_min / 4) { /* A small ring is for small rows. */
        weir_row_filter_add(&s->let_go, n->hash);
        return false;
    }
    make_room(cache, s, packed.units);
    append(cache, s, &packed, free_slot(cache, s, n->hash), tag_of(n->hash));
    return true;
}

/* The row gets another value in its place, where that takes as many units. */
static bool replace(shard *s, const row *r, const weir_row_read *read, const name *n)
{
    packed_row packed;
    pack(s, read, n, &packed);
    if (packed.units != units_for(r->bytes)) {
        return false;
    }
    packed.bytes[0] |= r->marks & WEIR_ROW_READ;
    memcpy(r->at, packed.bytes, packed.units * UNIT_BYTES);
    return true;
}

/* What others call. */

static shard *lock_shard(weir_row_cache *cache, uint64_t hash)
{
    shard *s = &cache->shards[hash >> cache->shard_shift];
    pthread_mutex_lock(&s->lock);
    return s;
}

static void unlock_shard(weir_row_cache *cache, uint64_t hash)
{
    pthread_mutex_unlock(&cache->shards[hash >> cache->shard_shift].lock);
}

weir_row_found weir_row_cache_get(weir_row_cache *cache, uint32_t store, weir_bytes key,
                                  weir_buf *out_value)
{
    if (key.size > WEIR_ROW_KEY_BYTES_MAX) {
        return WEIR_ROW_NOT_HERE;
    }
    name n;
    row r;
    set_name(&n, store, key);
    shard *s = lock_shard(cache, n.hash);
    weir_row_found found = WEIR_ROW_IS_HERE;
    const uint32_t *slot = find(s, &n, &r);
    if (slot != NULL) {
        uint8_t room[WEIR_PACKED_VALUE_MAX];
        r.at[0] |= WEIR_ROW_READ;
        weir_buf_set(out_value, value_of(s, &r, room));
    } else {
        bool never_came = store >= s->known_from && !weir_row_filter_may_have(&s->let_go, n.hash);
        found = never_came ? WEIR_ROW_NEVER_CAME : WEIR_ROW_NOT_HERE;
    }
    pthread_mutex_unlock(&s->lock);
    return found;
}

uint64_t weir_row_cache_expect(weir_row_cache *cache, uint32_t store, weir_bytes key)
{
    if (key.size > WEIR_ROW_KEY_BYTES_MAX) {
        return 0;
    }
    name n;
    set_name(&n, store, key);
    const shard *s = lock_shard(cache, n.hash);
    if (s->touched > 0) {
        __builtin_prefetch(bucket_of(s, n.hash));
    }
    unlock_shard(cache, n.hash);
    return n.hash;
}

void weir_row_cache_expect_row(weir_row_cache *cache, uint64_t expected)
{
    const shard *s = lock_shard(cache, expected);
    const uint32_t *bucket = s->touched == 0 ? NULL : bucket_of(s, expected);
    bool may_be_here = false;
    for (size_t i = 0; bucket != NULL && i < WAYS; i++) {
        if (has_tag(bucket[i], expected)) {
            may_be_here = true;
            __builtin_prefetch(s->ring + place_in(bucket[i]) * UNIT_BYTES);
        }
    }
    if (!may_be_here) {
        weir_row_filter_expect(&s->let_go, expected);
    }
    unlock_shard(cache, expected);
}

static bool is_kept(weir_bytes key, weir_bytes value)
{
    return key.size <= WEIR_ROW_KEY_BYTES_MAX && value.size <= WEIR_ROW_VALUE_BYTES_MAX;
}

void weir_row_cache_put(weir_row_cache *cache, uint32_t store, const weir_row_read *read)
{
    WEIR_ASSERT(read->value.data != NULL);
    if (!is_kept(read->key, read->value)) {
        return;
    }
    name n;
    row r;
    set_name(&n, store, read->key);
    shard *s = lock_shard(cache, n.hash);
    uint32_t *slot = find(s, &n, &r);
    if (slot != NULL) {
        *slot = 0; /* The row is dead. */
    }
    (void)insert(cache, s, read, &n);
    pthread_mutex_unlock(&s->lock);
}

bool weir_row_cache_wrote(weir_row_cache *cache, uint32_t store, weir_bytes key, weir_bytes value)
{
    if (key.size > WEIR_ROW_KEY_BYTES_MAX) {
        return false;
    }
    name n;
    row r;
    const weir_row_read written = {key, value, false};
    set_name(&n, store, key);
    bool may_keep = value.data != NULL && is_kept(key, value);
    shard *s = lock_shard(cache, n.hash);
    uint32_t *slot = find(s, &n, &r);
    bool kept = slot != NULL && may_keep && replace(s, &r, &written, &n);
    if (slot != NULL && !kept) {
        *slot = 0; /* The row is dead. */
    }
    kept = kept || (may_keep && insert(cache, s, &written, &n));
    if (value.data != NULL && !may_keep) {
        weir_row_filter_add(&s->let_go, n.hash);
    }
    pthread_mutex_unlock(&s->lock);
    return kept;
}

void weir_row_cache_passed(weir_row_cache *cache, uint32_t store, weir_bytes key)
{
    if (key.size <= WEIR_ROW_KEY_BYTES_MAX) {
        name n;
        set_name(&n, store, key);
        shard *s = lock_shard(cache, n.hash);
        weir_row_filter_add(&s->let_go, n.hash);
        pthread_mutex_unlock(&s->lock);
    }
}

size_t weir_row_cache_bytes(weir_row_cache *cache)
{
    size_t bytes = 0;
    for (size_t i = 0; i < cache->shard_count; i++) {
        shard *s = &cache->shards[i];
        pthread_mutex_lock(&s->lock);
        if (s->touched > 0) {
            bytes += s->touched * UNIT_BYTES + bytes_of_buckets(s->buckets);
        }
        bytes += weir_row_filter_bytes(&s->let_go);
        pthread_mutex_unlock(&s->lock);
    }
    return bytes;
}
