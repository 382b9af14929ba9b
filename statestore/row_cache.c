/* SPDX-License-Identifier: Apache-2.0
 *
 * row_cache.c - rings of rows, and tables of where they lie.
 *
 *   table:  [16 slots][16 slots]...      a bucket is a line of the processor's cache
 *                │ slot: 8 bits of the hash, 24 bits of place
 *                ▼
 *   ring:   ...free │ tail: eldest row, ... , youngest row │ head: free...
 *           row = key size, value size, store, whether it was read | key | value
 *
 * A row that is read is marked; at the tail a marked row goes to the head once more, another is
 * forgotten (the "clock"). So there is no list to move rows in, no memory that is cut to pieces,
 * and a read touches two or three lines. A row that a slot no longer points to is dead, and goes
 * when it comes to the tail; a full bucket lets go of some row of its own.
 *
 * Shards, by hash, each with its lock: two workers seldom meet, and places fit into 24 bits. The
 * memory of a ring is taken as the head moves on for the first time.
 */
#include "statestore/row_cache.h"

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
    TABLE_PART = 8, /* Of the memory: rows of 40 bytes fill two thirds of its slots. */
    FILLER = 2,     /* Flags of a row: what is left at the end of the ring, */
    READ = 1,       /* and read since it came to the head. */
    MOVES_MAX = 8,  /* Rows that a new one moves out of its way. */
};

typedef struct row_head {
    uint8_t flags;
    uint8_t key_size;
    uint16_t value_size;
    uint32_t store;
} row_head;

static_assert(sizeof(row_head) == 8, "a row takes eight bytes more than its key and value");

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
} shard;

struct weir_row_cache {
    shard shards[SHARDS];
    pthread_mutex_t stores_lock;
    uint32_t stores;
};

weir_row_cache *weir_row_cache_new(size_t bytes_max)
{
    weir_row_cache *cache = weir_alloc(sizeof *cache);
    pthread_mutex_init(&cache->stores_lock, NULL);
    size_t per_shard = bytes_max / SHARDS;
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

static row_head head_at(const shard *s, size_t place)
{
    row_head head;
    memcpy(&head, s->ring + place * UNIT_BYTES, sizeof head);
    return head;
}

static uint8_t *bytes_at(const shard *s, size_t place)
{
    return s->ring + place * UNIT_BYTES + sizeof(row_head);
}

static size_t units_of(const row_head *head)
{
    size_t bytes = sizeof *head + head->key_size + head->value_size;
    return (bytes + UNIT_BYTES - 1) / UNIT_BYTES;
}

static uint64_t hash_of(uint32_t store, weir_bytes key)
{
    return weir_hash64(key, store);
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

/* The slot that points to place; NULL: the row is dead. */
static uint32_t *slot_of_place(const shard *s, size_t place)
{
    row_head head = head_at(s, place);
    uint64_t hash = hash_of(head.store, weir_bytes_of(bytes_at(s, place), head.key_size));
    uint32_t *bucket = bucket_of(s, hash);
    uint32_t wanted = tag_of(hash) | (uint32_t)(place + 1);
    for (size_t i = 0; i < WAYS; i++) {
        if (bucket[i] == wanted) {
            return &bucket[i];
        }
    }
    return NULL;
}

/* The slot of a row; NULL: it is not kept. */
static uint32_t *find(const shard *s, uint64_t hash, uint32_t store, weir_bytes key)
{
    uint32_t *bucket = bucket_of(s, hash);
    uint32_t tag = tag_of(hash);
    for (size_t i = 0; i < WAYS; i++) {
        if (bucket[i] == 0 || (bucket[i] & ~(uint32_t)PLACE_MASK) != tag) {
            continue;
        }
        size_t place = (bucket[i] & PLACE_MASK) - 1;
        row_head head = head_at(s, place);
        if (head.store == store && head.key_size == key.size &&
            memcmp(bytes_at(s, place), key.data, key.size) == 0) {
            return &bucket[i];
        }
    }
    return NULL;
}

/* The ring. */

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
static void append(shard *s, const row_head *head, const void *bytes, uint32_t *slot, uint32_t tag)
{
    size_t gap = gap_before(s, units_of(head));
    if (gap > 0) {
        s->ring[place_of(s, s->head) * UNIT_BYTES] = FILLER;
        s->head += gap;
    }
    size_t place = place_of(s, s->head);
    memcpy(s->ring + place * UNIT_BYTES, head, sizeof *head);
    memcpy(bytes_at(s, place), bytes, (size_t)head->key_size + head->value_size);
    *slot = tag | (uint32_t)(place + 1);
    s->head += units_of(head);
}

/* Lets go of the eldest row, or moves it to the head where may_move and it was read since it came
 * there; true: it has moved. */
static bool pass_tail(shard *s, bool may_move)
{
    size_t place = place_of(s, s->tail);
    if (s->ring[place * UNIT_BYTES] == FILLER) {
        s->tail += s->capacity - place;
        return false;
    }
    row_head head = head_at(s, place);
    uint32_t *slot = slot_of_place(s, place);
    bool moves = slot != NULL && may_move && head.flags == READ;
    uint8_t bytes[WEIR_ROW_KEY_BYTES_MAX + WEIR_ROW_VALUE_BYTES_MAX];
    if (moves) {
        memcpy(bytes, bytes_at(s, place), (size_t)head.key_size + head.value_size);
    }
    s->tail += units_of(&head);
    if (moves && has_room(s, units_of(&head))) {
        head.flags = 0;
        append(s, &head, bytes, slot, *slot & ~(uint32_t)PLACE_MASK);
        return true;
    }
    if (slot != NULL) {
        *slot = 0;
    }
    return false;
}

static void make_room(shard *s, size_t units)
{
    for (size_t moved = 0; !has_room(s, units);) {
        moved += pass_tail(s, moved < MOVES_MAX) ? 1 : 0;
    }
}

/* A slot of the bucket for a row; where it is full some row goes, another one each time. */
static uint32_t *free_slot(const shard *s, uint64_t hash)
{
    uint32_t *bucket = bucket_of(s, hash);
    for (size_t i = 0; i < WAYS; i++) {
        if (bucket[i] == 0) {
            return &bucket[i];
        }
    }
    return &bucket[s->head % WAYS];
}

static void insert(shard *s, uint64_t hash, const row_head *head, weir_bytes key, weir_bytes value)
{
    if (units_of(head) > s->capacity / 4 || s->buckets == 0) {
        return; /* A small ring is for small rows. */
    }
    if (s->ring == NULL) {
        s->slots = weir_alloc_array(s->buckets * WAYS, sizeof *s->slots);
        s->ring = weir_realloc(NULL, s->capacity * UNIT_BYTES);
    }
    make_room(s, units_of(head));
    uint8_t bytes[WEIR_ROW_KEY_BYTES_MAX + WEIR_ROW_VALUE_BYTES_MAX];
    memcpy(bytes, key.data, key.size);
    memcpy(bytes + key.size, value.data, value.size);
    append(s, head, bytes, free_slot(s, hash), tag_of(hash));
}

/* What others call. */

static shard *lock_shard(weir_row_cache *cache, uint64_t hash)
{
    shard *s = &cache->shards[hash >> SHARD_SHIFT];
    pthread_mutex_lock(&s->lock);
    return s;
}

bool weir_row_cache_get(weir_row_cache *cache, uint32_t store, weir_bytes key, weir_buf *out_value)
{
    uint64_t hash = hash_of(store, key);
    shard *s = lock_shard(cache, hash);
    const uint32_t *slot = s->ring == NULL ? NULL : find(s, hash, store, key);
    if (slot != NULL) {
        size_t place = (*slot & PLACE_MASK) - 1;
        row_head head = head_at(s, place);
        s->ring[place * UNIT_BYTES] = READ;
        weir_buf_set(out_value, weir_bytes_of(bytes_at(s, place) + key.size, head.value_size));
    }
    pthread_mutex_unlock(&s->lock);
    return slot != NULL;
}

static bool is_kept(weir_bytes key, weir_bytes value)
{
    return key.size <= WEIR_ROW_KEY_BYTES_MAX && value.size <= WEIR_ROW_VALUE_BYTES_MAX;
}

void weir_row_cache_put(weir_row_cache *cache, uint32_t store, weir_bytes key, weir_bytes value)
{
    WEIR_ASSERT(value.data != NULL);
    if (!is_kept(key, value)) {
        return;
    }
    row_head head = {
        .key_size = (uint8_t)key.size, .value_size = (uint16_t)value.size, .store = store};
    uint64_t hash = hash_of(store, key);
    shard *s = lock_shard(cache, hash);
    uint32_t *slot = s->ring == NULL ? NULL : find(s, hash, store, key);
    if (slot != NULL) {
        *slot = 0; /* The row is dead. */
    }
    insert(s, hash, &head, key, value);
    pthread_mutex_unlock(&s->lock);
}

void weir_row_cache_wrote(weir_row_cache *cache, uint32_t store, weir_bytes key, weir_bytes value)
{
    uint64_t hash = hash_of(store, key);
    shard *s = lock_shard(cache, hash);
    uint32_t *slot = s->ring == NULL ? NULL : find(s, hash, store, key);
    if (slot != NULL) {
        size_t place = (*slot & PLACE_MASK) - 1;
        row_head head = head_at(s, place);
        if (value.data != NULL && value.size == head.value_size) {
            memcpy(bytes_at(s, place) + key.size, value.data, value.size);
        } else {
            *slot = 0;
            if (value.data != NULL && is_kept(key, value)) {
                head.flags = 0;
                head.value_size = (uint16_t)value.size;
                insert(s, hash, &head, key, value);
            }
        }
    }
    pthread_mutex_unlock(&s->lock);
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
