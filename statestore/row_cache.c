/* SPDX-License-Identifier: Apache-2.0
 *
 * row_cache.c - rings of rows, and tables of where they lie.
 *
 *   table:  [16 slots][16 slots]...      a bucket is a line of the processor's cache
 *                │ slot: 8 bits of the hash, 24 bits of place
 *                ▼
 *   ring:   ...free │ tail: eldest row, ... , youngest row │ head: free...
 *           row = flags, key size, value size, store | key | value     a few bytes of head
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
 * Shards, by hash, each with its lock: two workers seldom meet, and places fit into 24 bits. The
 * memory of a ring is taken as the head moves on for the first time. The first short value that a
 * shard sees is the reference of all others, until it is cleared.
 */
#include "statestore/row_cache.h"

#include "statestore/row_packing.h"
#include "streams/base/alloc.h"
#include "streams/base/hash.h"
#include "streams/base/status.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
    SHARDS = 64,
    SHARD_SHIFT = 58,
    WAYS = 16,
    UNIT_BYTES = 4,
    PLACE_BITS = 24,
    PLACE_MASK = (1 << PLACE_BITS) - 1,
    TAG_SHIFT = 24,
    TABLE_PART = 5, /* Of the memory: rows of 20 bytes fill four fifths of its slots. */
    MOVES_MAX = 8,  /* Rows that a new one moves out of its way. */
};

enum {
    READ = 1,       /* Since it came to the head. */
    FILLER = 2,     /* What is left at the end of the ring. */
    BELOW = 4,      /* The level below has it, too. */
    KEY_PACKED = 8, /* (row_packing.h) */
    VALUE_PACKED = 16,
    LONG = 32, /* A head of eight bytes, for a long value or a store of a high number, not four. */
    SHORT_MAX = 255,
    SHORT_HEAD_BYTES = 4,
    LONG_HEAD_BYTES = 8,
    ROW_BYTES_MAX = LONG_HEAD_BYTES + WEIR_ROW_KEY_BYTES_MAX + WEIR_ROW_VALUE_BYTES_MAX,
};

/* A row as it lies in the ring. */
typedef struct row {
    uint8_t flags;
    uint8_t key_size; /* Of the key and the value before they were packed. */
    uint16_t value_size;
    uint32_t store;
    uint8_t *key;
    uint8_t *value;
    size_t key_bytes; /* What they take. */
    size_t value_bytes;
} row;

/* A key as a row would have it. */
typedef struct name {
    uint32_t store;
    uint8_t flags; /* KEY_PACKED or none. */
    uint8_t key_size;
    size_t bytes;
    const uint8_t *key; /* The caller's, or packed. */
    uint8_t packed[WEIR_PACKED_KEY_BYTES_MAX];
    uint64_t hash;
} name;

/* Places and sizes are in units. Head and tail only grow: a place is the rest of their division by
 * the capacity. A slot holds its place + 1, so that 0 is an empty one. */
typedef struct shard {
    pthread_mutex_t lock;
    uint32_t *slots;
    size_t buckets;
    uint8_t *ring;
    size_t capacity;
    uint64_t head;
    uint64_t tail;
    weir_row_reference reference;
    bool has_reference;
} shard;

struct weir_row_cache {
    shard shards[SHARDS];
    weir_row_cache_options options;
    pthread_mutex_t stores_lock;
    uint32_t stores;
};

weir_row_cache *weir_row_cache_new(const weir_row_cache_options *options)
{
    weir_row_cache *cache = weir_alloc(sizeof *cache);
    cache->options = *options;
    pthread_mutex_init(&cache->stores_lock, NULL);
    size_t per_shard = options->bytes_max / SHARDS;
    for (size_t i = 0; i < SHARDS; i++) {
        shard *s = &cache->shards[i];
        pthread_mutex_init(&s->lock, NULL);
        s->buckets = per_shard / TABLE_PART / (WAYS * sizeof *s->slots);
        size_t units = (per_shard - s->buckets * WAYS * sizeof *s->slots) / UNIT_BYTES;
        s->capacity = units >= PLACE_MASK ? PLACE_MASK - 1 : units;
    }
    return cache;
}

void weir_row_cache_free(weir_row_cache *cache)
{
    if (cache == NULL) {
        return;
    }
    for (size_t i = 0; i < SHARDS; i++) {
        free(cache->shards[i].slots);
        free(cache->shards[i].ring);
        pthread_mutex_destroy(&cache->shards[i].lock);
    }
    pthread_mutex_destroy(&cache->stores_lock);
    free(cache);
}

static void clear_shard(shard *s)
{
    if (s->slots != NULL) {
        memset(s->slots, 0, s->buckets * WAYS * sizeof *s->slots);
    }
    s->tail = s->head;
    s->has_reference = false;
}

void weir_row_cache_clear(weir_row_cache *cache)
{
    for (size_t i = 0; i < SHARDS; i++) {
        pthread_mutex_lock(&cache->shards[i].lock);
        clear_shard(&cache->shards[i]);
        pthread_mutex_unlock(&cache->shards[i].lock);
    }
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
    row r = {.flags = bytes[0], .key_size = bytes[1]};
    if ((r.flags & LONG) != 0) {
        memcpy(&r.value_size, bytes + 2, sizeof r.value_size);
        memcpy(&r.store, bytes + SHORT_HEAD_BYTES, sizeof r.store);
        r.key = bytes + LONG_HEAD_BYTES;
    } else {
        r.value_size = bytes[2];
        r.store = bytes[3];
        r.key = bytes + SHORT_HEAD_BYTES;
    }
    r.key_bytes = (r.flags & KEY_PACKED) != 0 ? ((size_t)r.key_size + 1) / 2 : r.key_size;
    r.value = r.key + r.key_bytes;
    r.value_bytes = (r.flags & VALUE_PACKED) != 0
                        ? weir_row_packed_value_size(r.value, r.value_size)
                        : r.value_size;
    return r;
}

static size_t units_for(size_t bytes)
{
    return (bytes + UNIT_BYTES - 1) / UNIT_BYTES;
}

static size_t units_of(const row *r)
{
    size_t head = (r->flags & LONG) != 0 ? LONG_HEAD_BYTES : SHORT_HEAD_BYTES;
    return units_for(head + r->key_bytes + r->value_bytes);
}

/* Of what the ring has of a key, so that a row need not be unpacked to find its slot. */
static uint64_t hash_of(uint32_t store, uint8_t flags, const uint8_t *key, size_t bytes)
{
    uint64_t seed = (uint64_t)store << 1 | ((flags & KEY_PACKED) != 0 ? 1 : 0);
    return weir_hash64(weir_bytes_of(key, bytes), seed);
}

static void set_name(name *n, uint32_t store, weir_bytes key)
{
    size_t packed = weir_row_pack_key(key, n->packed);
    n->store = store;
    n->flags = packed > 0 ? KEY_PACKED : 0;
    n->key_size = (uint8_t)key.size;
    n->key = packed > 0 ? n->packed : key.data;
    n->bytes = packed > 0 ? packed : key.size;
    n->hash = hash_of(store, n->flags, n->key, n->bytes);
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
static uint32_t *slot_of_place(const shard *s, size_t place, const row *r)
{
    uint64_t hash = hash_of(r->store, r->flags, r->key, r->key_bytes);
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
    return r->store == n->store && r->key_size == n->key_size &&
           (r->flags & KEY_PACKED) == n->flags && memcmp(r->key, n->key, n->bytes) == 0;
}

/* The slot of a row, and the row; NULL: it is not kept. */
static uint32_t *find(const shard *s, const name *n, row *out)
{
    uint32_t *bucket = s->ring == NULL ? NULL : bucket_of(s, n->hash);
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

/* Puts the row as the ring is to have it into bytes, of ROW_BYTES_MAX, and answers its units. */
static size_t pack(shard *s, const name *n, weir_bytes value, uint8_t flags, uint8_t *bytes)
{
    uint8_t packed[WEIR_PACKED_VALUE_BYTES_MAX];
    weir_bytes stored = value;
    flags |= n->flags | (value.size > SHORT_MAX || n->store > SHORT_MAX ? LONG : 0);
    if (value.size > 0 && value.size <= WEIR_PACKED_VALUE_MAX) {
        if (!s->has_reference) {
            memset(&s->reference, 0, sizeof s->reference);
            memcpy(s->reference.bytes, value.data, value.size);
            s->has_reference = true;
        }
        size_t size = weir_row_pack_value(&s->reference, value, packed);
        if (size < value.size) {
            flags |= VALUE_PACKED;
            stored = weir_bytes_of(packed, size);
        }
    }
    uint16_t value_size = (uint16_t)value.size;
    bytes[0] = flags;
    bytes[1] = n->key_size;
    bytes[2] = (uint8_t)value_size;
    bytes[3] = (uint8_t)n->store;
    size_t at = SHORT_HEAD_BYTES;
    if ((flags & LONG) != 0) {
        memcpy(bytes + 2, &value_size, sizeof value_size);
        memcpy(bytes + SHORT_HEAD_BYTES, &n->store, sizeof n->store);
        at = LONG_HEAD_BYTES;
    }
    memcpy(bytes + at, n->key, n->bytes);
    memcpy(bytes + at + n->bytes, stored.data, stored.size);
    return units_for(at + n->bytes + stored.size);
}

/* The value of a row, as it lies there or unpacked into room, of WEIR_PACKED_VALUE_MAX. */
static weir_bytes value_of(const shard *s, const row *r, uint8_t *room)
{
    if ((r->flags & VALUE_PACKED) == 0) {
        return weir_bytes_of(r->value, r->value_size);
    }
    weir_row_unpack_value(&s->reference, r->value, r->value_size, room);
    return weir_bytes_of(room, r->value_size);
}

/* The ring. */

/* The row that slot points to has to go. */
static void let_go(const weir_row_cache *cache, const shard *s, uint32_t *slot, const row *r)
{
    *slot = 0;
    if (cache->options.spill == NULL || (r->flags & BELOW) != 0) {
        return;
    }
    uint8_t key[WEIR_ROW_KEY_BYTES_MAX];
    uint8_t value[WEIR_PACKED_VALUE_MAX];
    bool packed = (r->flags & KEY_PACKED) != 0;
    if (packed) {
        weir_row_unpack_key(r->key, r->key_size, key);
    }
    cache->options.spill(cache->options.user, r->store,
                         weir_bytes_of(packed ? key : r->key, r->key_size), value_of(s, r, value));
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

/* Writes a row at the head, where there is room, and points slot to it. */
static void append(shard *s, const uint8_t *bytes, size_t units, uint32_t *slot, uint32_t tag)
{
    size_t gap = gap_before(s, units);
    if (gap > 0) {
        s->ring[place_of(s, s->head) * UNIT_BYTES] = FILLER;
        s->head += gap;
    }
    size_t place = place_of(s, s->head);
    memcpy(s->ring + place * UNIT_BYTES, bytes, units * UNIT_BYTES);
    *slot = tag | (uint32_t)(place + 1);
    s->head += units;
}

/* Lets go of the eldest row, or moves it to the head where may_move and it was read since it came
 * there; true: it has moved. */
static bool pass_tail(const weir_row_cache *cache, shard *s, bool may_move)
{
    size_t place = place_of(s, s->tail);
    uint8_t *bytes = s->ring + place * UNIT_BYTES;
    if (bytes[0] == FILLER) {
        s->tail += s->capacity - place;
        return false;
    }
    const row r = row_at(s, place);
    size_t units = units_of(&r);
    uint32_t *slot = slot_of_place(s, place, &r);
    s->tail += units;
    if (slot != NULL && may_move && (r.flags & READ) != 0 && has_room(s, units)) {
        uint8_t moved[ROW_BYTES_MAX + UNIT_BYTES];
        memcpy(moved, bytes, units * UNIT_BYTES);
        moved[0] = (uint8_t)(r.flags & ~READ);
        append(s, moved, units, slot, *slot & ~(uint32_t)PLACE_MASK);
        return true;
    }
    if (slot != NULL) {
        let_go(cache, s, slot, &r);
    }
    return false;
}

static void make_room(const weir_row_cache *cache, shard *s, size_t units)
{
    for (size_t moved = 0; !has_room(s, units);) {
        moved += pass_tail(cache, s, moved < MOVES_MAX) ? 1 : 0;
    }
}

/* A slot of the bucket for a row; where it is full some row goes, another one each time. */
static uint32_t *free_slot(const weir_row_cache *cache, const shard *s, uint64_t hash)
{
    uint32_t *bucket = bucket_of(s, hash);
    for (size_t i = 0; i < WAYS; i++) {
        if (bucket[i] == 0) {
            return &bucket[i];
        }
    }
    uint32_t *slot = &bucket[s->head % WAYS];
    row r = row_at(s, place_in(*slot));
    let_go(cache, s, slot, &r);
    return slot;
}

/* False: there is no memory for it. */
static bool insert(const weir_row_cache *cache, shard *s, const name *n, weir_bytes value,
                   uint8_t flags)
{
    uint8_t bytes[ROW_BYTES_MAX + UNIT_BYTES];
    if (s->buckets == 0) {
        return false;
    }
    size_t units = pack(s, n, value, flags, bytes);
    if (units > s->capacity / 4) {
        return false; /* A small ring is for small rows. */
    }
    if (s->ring == NULL) {
        s->slots = weir_alloc_array(s->buckets * WAYS, sizeof *s->slots);
        s->ring = weir_realloc(NULL, s->capacity * UNIT_BYTES);
    }
    make_room(cache, s, units);
    append(s, bytes, units, free_slot(cache, s, n->hash), tag_of(n->hash));
    return true;
}

/* The row at slot gets another value in its place, where that takes as many units. */
static bool replace(shard *s, const uint32_t *slot, const row *r, const name *n, weir_bytes value)
{
    uint8_t bytes[ROW_BYTES_MAX + UNIT_BYTES];
    size_t units = pack(s, n, value, r->flags & READ, bytes);
    if (units != units_of(r)) {
        return false;
    }
    memcpy(s->ring + place_in(*slot) * UNIT_BYTES, bytes, units * UNIT_BYTES);
    return true;
}

/* What others call. */

static shard *lock_shard(weir_row_cache *cache, uint64_t hash)
{
    shard *s = &cache->shards[hash >> SHARD_SHIFT];
    pthread_mutex_lock(&s->lock);
    return s;
}

static void unlock_shard(weir_row_cache *cache, uint64_t hash)
{
    pthread_mutex_unlock(&cache->shards[hash >> SHARD_SHIFT].lock);
}

bool weir_row_cache_get(weir_row_cache *cache, uint32_t store, weir_bytes key, weir_buf *out_value)
{
    if (key.size > WEIR_ROW_KEY_BYTES_MAX) {
        return false;
    }
    name n;
    row r;
    set_name(&n, store, key);
    shard *s = lock_shard(cache, n.hash);
    const uint32_t *slot = find(s, &n, &r);
    if (slot != NULL) {
        uint8_t room[WEIR_PACKED_VALUE_MAX];
        s->ring[place_in(*slot) * UNIT_BYTES] = r.flags | READ;
        weir_buf_set(out_value, value_of(s, &r, room));
    }
    pthread_mutex_unlock(&s->lock);
    return slot != NULL;
}

uint64_t weir_row_cache_expect(weir_row_cache *cache, uint32_t store, weir_bytes key)
{
    if (key.size > WEIR_ROW_KEY_BYTES_MAX) {
        return 0;
    }
    name n;
    set_name(&n, store, key);
    const shard *s = lock_shard(cache, n.hash);
    if (s->ring != NULL) {
        __builtin_prefetch(bucket_of(s, n.hash));
    }
    unlock_shard(cache, n.hash);
    return n.hash;
}

void weir_row_cache_expect_row(weir_row_cache *cache, uint64_t expected)
{
    const shard *s = lock_shard(cache, expected);
    const uint32_t *bucket = s->ring == NULL ? NULL : bucket_of(s, expected);
    for (size_t i = 0; bucket != NULL && i < WAYS; i++) {
        if (has_tag(bucket[i], expected)) {
            __builtin_prefetch(s->ring + place_in(bucket[i]) * UNIT_BYTES);
        }
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
    (void)insert(cache, s, &n, read->value, read->is_below ? BELOW : 0);
    pthread_mutex_unlock(&s->lock);
}

bool weir_row_cache_wrote(weir_row_cache *cache, uint32_t store, weir_bytes key, weir_bytes value)
{
    if (key.size > WEIR_ROW_KEY_BYTES_MAX) {
        return false;
    }
    name n;
    row r;
    set_name(&n, store, key);
    bool may_keep = value.data != NULL && is_kept(key, value);
    shard *s = lock_shard(cache, n.hash);
    uint32_t *slot = find(s, &n, &r);
    bool kept = slot != NULL && may_keep && replace(s, slot, &r, &n, value);
    if (slot != NULL && !kept) {
        *slot = 0; /* The row is dead. */
    }
    kept = kept || (may_keep && insert(cache, s, &n, value, 0));
    pthread_mutex_unlock(&s->lock);
    return kept;
}

size_t weir_row_cache_bytes(weir_row_cache *cache)
{
    size_t bytes = 0;
    for (size_t i = 0; i < SHARDS; i++) {
        shard *s = &cache->shards[i];
        pthread_mutex_lock(&s->lock);
        if (s->ring != NULL) {
            size_t touched = s->head < s->capacity ? (size_t)s->head : s->capacity;
            bytes += touched * UNIT_BYTES + s->buckets * WAYS * sizeof *s->slots;
        }
        pthread_mutex_unlock(&s->lock);
    }
    return bytes;
}
