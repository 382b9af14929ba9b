/* SPDX-License-Identifier: Apache-2.0
 *
 * row_shard.c - the rows of one part of the row cache: a ring of them, and a table of where they
 * lie (row_cache.c says why).
 */
#include "statestore/row_shard_internal.h"

#include "streams/base/hash.h"
#include "streams/base/pages.h"
#include "streams/base/status.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
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

static size_t bytes_of_buckets(size_t buckets)
{
    return buckets * WAYS * sizeof(uint32_t);
}

size_t weir_row_shard_table_bytes(const weir_row_shard *s)
{
    return bytes_of_buckets(s->buckets_max);
}

size_t weir_row_shard_ring_bytes(const weir_row_shard *s)
{
    return s->capacity_max * UNIT_BYTES;
}

size_t weir_row_shard_bytes(const weir_row_shard *s)
{
    size_t bytes = s->touched == 0 ? 0 : s->touched * UNIT_BYTES + bytes_of_buckets(s->buckets);
    return bytes + weir_row_filter_bytes(&s->let_go);
}

void weir_row_shard_init(weir_row_shard *s, const weir_row_cache_options *options, size_t bytes,
                         size_t bytes_below)
{
    s->options = options;
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

void weir_row_shard_cleanup(weir_row_shard *s)
{
    weir_row_filter_cleanup(&s->let_go);
}

void weir_row_shard_clear(weir_row_shard *s, uint32_t known_from)
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

/* Rows. */

static row row_at(const weir_row_shard *s, size_t place)
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

void weir_row_name_of(weir_row_name *n, uint32_t store, weir_bytes key)
{
    size_t packed = weir_row_pack_key(key, n->packed);
    n->store = store;
    n->packed_as = packed > 0 ? WEIR_ROW_KEY_PACKED : 0;
    n->key_size = (uint8_t)key.size;
    n->key = packed > 0 ? n->packed : key.data;
    n->bytes = packed > 0 ? packed : key.size;
    n->hash = hash_of(store, n->packed_as, n->key, n->bytes);
}

static uint32_t *bucket_of(const weir_row_shard *s, uint64_t hash)
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
static uint32_t *slot_of_place(const weir_row_shard *s, size_t place, uint64_t hash)
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

static bool is_named(const row *r, const weir_row_name *n)
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
static uint32_t *find(const weir_row_shard *s, const weir_row_name *n, row *out)
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

static void pack(weir_row_shard *s, const weir_row_read *read, const weir_row_name *n,
                 packed_row *out)
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
static weir_bytes value_of(const weir_row_shard *s, const row *r, uint8_t *room)
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
static void let_go(weir_row_shard *s, uint32_t *slot, const row *r)
{
    *slot = 0;
    if ((r->marks & WEIR_ROW_BELOW) != 0) {
        return;
    }
    weir_row_filter_add(&s->let_go, hash_of_row(r));
    if (s->options->spill == NULL) {
        return;
    }
    uint8_t key[WEIR_ROW_KEY_BYTES_MAX];
    uint8_t value[WEIR_PACKED_VALUE_MAX];
    size_t key_size = r->form.key_size;
    bool packed = (r->form.packed & WEIR_ROW_KEY_PACKED) != 0;
    if (packed) {
        weir_row_unpack_key(r->key, key_size, key);
    }
    s->options->spill(s->options->user, r->form.store,
                      weir_bytes_of(packed ? key : r->key, key_size), value_of(s, r, value));
}

static size_t place_of(const weir_row_shard *s, uint64_t position)
{
    return (size_t)(position % s->capacity);
}

/* What is left at the end of the ring where a row does not fit there. */
static size_t gap_before(const weir_row_shard *s, size_t units)
{
    size_t left = s->capacity - place_of(s, s->head);
    return left < units ? left : 0;
}

static bool has_room(const weir_row_shard *s, size_t units)
{
    return s->head - s->tail + gap_before(s, units) + units <= s->capacity;
}

/* What the ring has filled for the first time goes into huge pages. The tables, which lie side by
 * side, all do as soon as the rows of one have touched them everywhere: the first tells of all. */
static void merge_pages(weir_row_shard *s)
{
    enum { TOUCHED_PART = 16 };
    bool is_used = s->buckets == s->buckets_max && s->touched > s->capacity / TOUCHED_PART;
    if (s->tables_bytes > 0 && is_used) {
        weir_pages_merge(s->slots, s->tables_bytes);
        s->tables_bytes = 0;
    }
    size_t full = s->touched;
    size_t from = s->merged < MERGE_BYTES ? 0 : s->merged - MERGE_BYTES; /* Of both, a page is. */
    weir_pages_merge(s->ring + from, full * UNIT_BYTES - from);
    s->merged = full * UNIT_BYTES / MERGE_BYTES * MERGE_BYTES;
}

static void note_touched(weir_row_shard *s, size_t end)
{
    if (end > s->touched) {
        bool is_step = end * UNIT_BYTES / MERGE_BYTES != s->touched * UNIT_BYTES / MERGE_BYTES;
        s->touched = end;
        if (is_step) {
            merge_pages(s);
        }
    }
}

/* Writes a row at the head, where there is room, and points slot to it. */
static void append(weir_row_shard *s, const packed_row *packed, uint32_t *slot, uint32_t tag)
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
    note_touched(s, gap > 0 ? s->capacity : place + units);
}

/* Lets go of the eldest row, or moves it to the head where may_move and it was read since it came
 * there; true: it has moved. */
static bool pass_tail(weir_row_shard *s, bool may_move)
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
        append(s, &moved, slot, *slot & ~(uint32_t)PLACE_MASK);
        return true;
    }
    if (slot != NULL) {
        let_go(s, slot, &r);
    }
    return false;
}

/* The rows of which some lie beyond a capacity go. */
static void let_go_beyond(weir_row_shard *s, size_t capacity)
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
            let_go(s, slot, &r);
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
static void shrink(weir_row_shard *s, size_t capacity)
{
    let_go_beyond(s, capacity);
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
    merge_pages(s);
}

/* What the level below has taken is not the ring's any more. */
static size_t capacity_beside(const weir_row_shard *s)
{
    size_t taken = s->options->spill == NULL ? 0 : s->options->bytes_taken(s->options->user);
    if (taken == 0) {
        return s->capacity_max;
    }
    size_t steps = taken * GIVEN_STEPS / s->options->bytes_below + 1;
    size_t given = (s->capacity_max - s->capacity_min) / GIVEN_STEPS * steps;
    return steps < GIVEN_STEPS ? s->capacity_max - given : s->capacity_min;
}

static void make_room(weir_row_shard *s, size_t units)
{
    size_t capacity = capacity_beside(s);
    if (s->capacity > capacity) {
        shrink(s, capacity);
    }
    for (size_t moved = 0; !has_room(s, units);) {
        moved += pass_tail(s, moved < MOVES_MAX) ? 1 : 0;
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

static void expect_rows(const weir_row_shard *s, const uint32_t *bucket)
{
    for (size_t i = 0; i < WAYS; i++) {
        if (bucket[i] != 0) {
            __builtin_prefetch(s->ring + place_in(bucket[i]) * UNIT_BYTES);
        }
    }
}

/* Twice as many buckets in place: of each become two that lie side by side, so the last goes
 * first, and the rows of the next are fetched meanwhile. */
static void grow_table(weir_row_shard *s)
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
static uint32_t *free_slot(weir_row_shard *s, uint64_t hash)
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
    let_go(s, slot, &r);
    return slot;
}

/* False: there is no memory for it. */
static bool insert(weir_row_shard *s, const weir_row_read *read, const weir_row_name *n)
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
    make_room(s, packed.units);
    append(s, &packed, free_slot(s, n->hash), tag_of(n->hash));
    return true;
}

/* The row gets another value in its place, where that takes as many units. */
static bool replace(weir_row_shard *s, const row *r, const weir_row_read *read,
                    const weir_row_name *n)
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

/* What the cache calls. */

weir_row_found weir_row_shard_get(weir_row_shard *s, const weir_row_name *n, weir_buf *out_value)
{
    row r;
    if (find(s, n, &r) != NULL) {
        uint8_t room[WEIR_PACKED_VALUE_MAX];
        r.at[0] |= WEIR_ROW_READ;
        weir_buf_set(out_value, value_of(s, &r, room));
        return WEIR_ROW_IS_HERE;
    }
    bool never_came = n->store >= s->known_from && !weir_row_filter_may_have(&s->let_go, n->hash);
    return never_came ? WEIR_ROW_NEVER_CAME : WEIR_ROW_NOT_HERE;
}

void weir_row_shard_expect(const weir_row_shard *s, uint64_t hash)
{
    if (s->touched > 0) {
        __builtin_prefetch(bucket_of(s, hash));
    }
}

void weir_row_shard_expect_row(const weir_row_shard *s, uint64_t hash)
{
    const uint32_t *bucket = s->touched == 0 ? NULL : bucket_of(s, hash);
    bool may_be_here = false;
    for (size_t i = 0; bucket != NULL && i < WAYS; i++) {
        if (has_tag(bucket[i], hash)) {
            may_be_here = true;
            __builtin_prefetch(s->ring + place_in(bucket[i]) * UNIT_BYTES);
        }
    }
    if (!may_be_here) {
        weir_row_filter_expect(&s->let_go, hash);
    }
}

bool weir_row_shard_write(weir_row_shard *s, const weir_row_name *n, const weir_row_read *written)
{
    row r;
    bool may_keep = written->value.data != NULL && written->value.size <= WEIR_ROW_VALUE_BYTES_MAX;
    uint32_t *slot = find(s, n, &r);
    bool kept = slot != NULL && may_keep && replace(s, &r, written, n);
    if (slot != NULL && !kept) {
        *slot = 0; /* The row is dead. */
    }
    kept = kept || (may_keep && insert(s, written, n));
    if (written->value.data != NULL && !may_keep) {
        weir_row_filter_add(&s->let_go, n->hash);
    }
    return kept;
}
