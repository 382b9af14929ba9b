/* SPDX-License-Identifier: Apache-2.0
 *
 * bitmap.c - 64-bit ids as a sorted array of 32-bit roaring bitmaps, by their upper half.
 *
 *   high 0 -> roaring    high 7 -> roaring    …        none of them is empty
 *
 * Debian 12 has CRoaring 0.2.66, whose C part knows 32 bits only, and whose deserialisation checks
 * sizes but not contents: a container that lies about its cardinality is followed out of bounds
 * later. So bytes from outside are parsed here and added value by value; CRoaring sees only
 * what it serialised itself or what was checked.
 *
 *   serialised:  u64 count, then count times: u32 high, one 32-bit bitmap; little-endian
 *   https://github.com/RoaringBitmap/RoaringFormatSpec
 */
#include "statestore/bitmap.h"

#include <roaring/roaring.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    COOKIE_PLAIN = 12346,
    COOKIE_RUNS = 12347,
    OFFSETS_FROM_COUNT = 4,   /* With runs, fewer containers have no table of offsets. */
    CONTAINERS_MAX = 1 << 16, /* Of a 32-bit bitmap. */
    CONTAINER_IDS = 1 << 16,  /* Ids that a container may hold. */
    ARRAY_IDS_MAX = 4096,     /* Above it a container without runs is a bit set. */
    BITSET_BYTES = 8192,
    PARTS_MAX = 1 << 20, /* Upper halves in one serialised bitmap. */
};

static_assert(BITSET_BYTES * 8 == CONTAINER_IDS, "a bit for each id");
static_assert(ARRAY_IDS_MAX * sizeof(uint16_t) == BITSET_BYTES, "where the two are as long");

typedef struct part {
    uint32_t high;
    roaring_bitmap_t *low;
} part;

struct weir_bitmap {
    part *parts; /* In the order of high. */
    size_t count;
    size_t capacity;
};

/* Parts. */

weir_bitmap *weir_bitmap_new(void)
{
    return weir_alloc(sizeof(weir_bitmap));
}

void weir_bitmap_clear(weir_bitmap *bitmap)
{
    for (size_t i = 0; i < bitmap->count; i++) {
        roaring_bitmap_free(bitmap->parts[i].low);
    }
    bitmap->count = 0;
}

void weir_bitmap_free(weir_bitmap *bitmap)
{
    if (bitmap != NULL) {
        weir_bitmap_clear(bitmap);
        free(bitmap->parts);
        free(bitmap);
    }
}

/* The index of the first part whose upper half is not smaller. */
static size_t lower_bound(const weir_bitmap *bitmap, uint32_t high)
{
    size_t low = 0;
    size_t end = bitmap->count;
    while (low < end) {
        size_t middle = (low + end) / 2;
        if (bitmap->parts[middle].high < high) {
            low = middle + 1;
        } else {
            end = middle;
        }
    }
    return low;
}

static roaring_bitmap_t *find_part(const weir_bitmap *bitmap, uint32_t high)
{
    size_t index = lower_bound(bitmap, high);
    bool found = index < bitmap->count && bitmap->parts[index].high == high;
    return found ? bitmap->parts[index].low : NULL;
}

static void insert_part(weir_bitmap *bitmap, size_t index, uint32_t high,
                        roaring_bitmap_t *owned_low)
{
    WEIR_ASSERT(index <= bitmap->count);
    bitmap->parts =
        weir_grow(bitmap->parts, bitmap->count, &bitmap->capacity, sizeof *bitmap->parts);
    memmove(bitmap->parts + index + 1, bitmap->parts + index,
            (bitmap->count - index) * sizeof *bitmap->parts);
    bitmap->parts[index] = (part){high, owned_low};
    bitmap->count++;
}

static void erase_part(weir_bitmap *bitmap, size_t index)
{
    WEIR_ASSERT(index < bitmap->count);
    roaring_bitmap_free(bitmap->parts[index].low);
    bitmap->count--;
    memmove(bitmap->parts + index, bitmap->parts + index + 1,
            (bitmap->count - index) * sizeof *bitmap->parts);
}

/* The part of high, made where there is none. */
static roaring_bitmap_t *make_part(weir_bitmap *bitmap, uint32_t high)
{
    size_t index = lower_bound(bitmap, high);
    if (index == bitmap->count || bitmap->parts[index].high != high) {
        insert_part(bitmap, index, high, roaring_bitmap_create());
    }
    return bitmap->parts[index].low;
}

/* Single ids. */

static uint32_t high_of(uint64_t id)
{
    return (uint32_t)(id >> 32);
}

static uint32_t low_of(uint64_t id)
{
    return (uint32_t)(id & UINT32_MAX);
}

bool weir_bitmap_add(weir_bitmap *bitmap, uint64_t id)
{
    return roaring_bitmap_add_checked(make_part(bitmap, high_of(id)), low_of(id));
}

bool weir_bitmap_remove(weir_bitmap *bitmap, uint64_t id)
{
    size_t index = lower_bound(bitmap, high_of(id));
    if (index == bitmap->count || bitmap->parts[index].high != high_of(id)) {
        return false;
    }
    bool removed = roaring_bitmap_remove_checked(bitmap->parts[index].low, low_of(id));
    if (roaring_bitmap_is_empty(bitmap->parts[index].low)) {
        erase_part(bitmap, index);
    }
    return removed;
}

void weir_bitmap_add_range(weir_bitmap *bitmap, uint64_t first, uint64_t last)
{
    WEIR_ASSERT(first <= last);

    for (uint64_t high = high_of(first); high <= high_of(last); high++) {
        uint32_t from = high == high_of(first) ? low_of(first) : 0;
        uint32_t to = high == high_of(last) ? low_of(last) : UINT32_MAX;
        roaring_bitmap_add_range_closed(make_part(bitmap, (uint32_t)high), from, to);
    }
}

bool weir_bitmap_contains(const weir_bitmap *bitmap, uint64_t id)
{
    const roaring_bitmap_t *low = find_part(bitmap, high_of(id));
    return low != NULL && roaring_bitmap_contains(low, low_of(id));
}

uint64_t weir_bitmap_cardinality(const weir_bitmap *bitmap)
{
    uint64_t cardinality = 0;
    for (size_t i = 0; i < bitmap->count; i++) {
        cardinality += roaring_bitmap_get_cardinality(bitmap->parts[i].low);
    }
    return cardinality;
}

bool weir_bitmap_equal(const weir_bitmap *a, const weir_bitmap *b)
{
    if (a->count != b->count) {
        return false;
    }
    for (size_t i = 0; i < a->count; i++) {
        if (a->parts[i].high != b->parts[i].high ||
            !roaring_bitmap_equals(a->parts[i].low, b->parts[i].low)) {
            return false;
        }
    }
    return true;
}

bool weir_bitmap_next(const weir_bitmap *bitmap, uint64_t from, uint64_t *out_id)
{
    for (size_t i = lower_bound(bitmap, high_of(from)); i < bitmap->count; i++) {
        const part *p = &bitmap->parts[i];
        roaring_uint32_iterator_t it;
        roaring_init_iterator(p->low, &it);
        if (p->high == high_of(from)) {
            roaring_move_uint32_iterator_equalorlarger(&it, low_of(from));
        }
        if (it.has_value) {
            *out_id = (uint64_t)p->high << 32 | it.current_value;
            return true;
        }
    }
    return false;
}

/* Sets. */

void weir_bitmap_and(weir_bitmap *bitmap, const weir_bitmap *other)
{
    for (size_t i = bitmap->count; i > 0; i--) {
        part *p = &bitmap->parts[i - 1];
        const roaring_bitmap_t *low = find_part(other, p->high);
        if (low != NULL) {
            roaring_bitmap_and_inplace(p->low, low);
        }
        if (low == NULL || roaring_bitmap_is_empty(p->low)) {
            erase_part(bitmap, i - 1);
        }
    }
}

void weir_bitmap_or(weir_bitmap *bitmap, const weir_bitmap *other)
{
    for (size_t i = 0; i < other->count; i++) {
        roaring_bitmap_or_inplace(make_part(bitmap, other->parts[i].high), other->parts[i].low);
    }
}

void weir_bitmap_andnot(weir_bitmap *bitmap, const weir_bitmap *other)
{
    for (size_t i = bitmap->count; i > 0; i--) {
        part *p = &bitmap->parts[i - 1];
        const roaring_bitmap_t *low = find_part(other, p->high);
        if (low != NULL) {
            roaring_bitmap_andnot_inplace(p->low, low);
        }
        if (roaring_bitmap_is_empty(p->low)) {
            erase_part(bitmap, i - 1);
        }
    }
}

/* Serialised. */

static void append_le(weir_buf *out, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        weir_buf_append_byte(out, (uint8_t)(value >> (8 * i)));
    }
}

void weir_bitmap_serialize(weir_bitmap *bitmap, weir_buf *out)
{
    append_le(out, bitmap->count, sizeof(uint64_t));
    for (size_t i = 0; i < bitmap->count; i++) {
        roaring_bitmap_t *low = bitmap->parts[i].low;
        (void)roaring_bitmap_run_optimize(low);
        append_le(out, bitmap->parts[i].high, sizeof(uint32_t));
        size_t size = roaring_bitmap_portable_size_in_bytes(low);
        out->size += roaring_bitmap_portable_serialize(low, (char *)weir_buf_reserve(out, size));
    }
}

/* What is left to parse; failed once something does not fit or does not hold. */
typedef struct parser {
    const uint8_t *next;
    size_t left;
    bool failed;
} parser;

static const uint8_t *take(parser *p, size_t bytes)
{
    if (p->failed || p->left < bytes) {
        p->failed = true;
        return NULL;
    }
    const uint8_t *taken = p->next;
    p->next += bytes;
    p->left -= bytes;
    return taken;
}

static uint64_t take_le(parser *p, size_t bytes)
{
    const uint8_t *taken = take(p, bytes);
    uint64_t value = 0;
    for (size_t i = bytes; taken != NULL && i > 0; i--) {
        value = value << 8 | taken[i - 1];
    }
    return value;
}

static void require(parser *p, bool holds)
{
    p->failed = p->failed || !holds;
}

static void parse_runs(parser *p, uint32_t base, uint32_t cardinality, roaring_bitmap_t *to)
{
    uint64_t runs = take_le(p, 2);
    uint32_t total = 0;
    uint32_t next_free = 0;
    for (uint64_t i = 0; i < runs && !p->failed; i++) {
        uint32_t start = (uint32_t)take_le(p, 2);
        uint32_t last = start + (uint32_t)take_le(p, 2);
        require(p, start >= next_free && last < CONTAINER_IDS);
        if (!p->failed) {
            roaring_bitmap_add_range_closed(to, base | start, base | last);
            total += last - start + 1;
            next_free = last + 1;
        }
    }
    require(p, total == cardinality);
}

static void parse_array(parser *p, uint32_t base, uint32_t cardinality, roaring_bitmap_t *to)
{
    uint32_t ids[ARRAY_IDS_MAX];
    uint32_t next_free = 0;
    for (uint32_t i = 0; i < cardinality && !p->failed; i++) {
        uint32_t id = (uint32_t)take_le(p, 2);
        require(p, id >= next_free);
        next_free = id + 1;
        ids[i] = base | id;
    }
    if (!p->failed) {
        roaring_bitmap_add_many(to, cardinality, ids);
    }
}

static void parse_bitset(parser *p, uint32_t base, uint32_t cardinality, roaring_bitmap_t *to)
{
    const uint8_t *bits = take(p, BITSET_BYTES);
    uint32_t total = 0;
    for (uint32_t i = 0; bits != NULL && i < BITSET_BYTES; i++) {
        for (uint32_t left = bits[i]; left != 0; left &= left - 1) {
            roaring_bitmap_add(to, base | (i * 8 + (uint32_t)__builtin_ctz(left)));
            total++;
        }
    }
    require(p, total == cardinality);
}

/* Parses one 32-bit bitmap into the empty *to. */
static void parse_part(parser *p, roaring_bitmap_t *to)
{
    uint32_t cookie = (uint32_t)take_le(p, 4);
    bool with_runs = (cookie & 0xffff) == COOKIE_RUNS;
    require(p, with_runs || cookie == COOKIE_PLAIN);
    uint64_t count = with_runs ? (cookie >> 16) + 1 : take_le(p, 4);
    require(p, count > 0 && count <= CONTAINERS_MAX);
    if (p->failed) {
        return;
    }
    const uint8_t *is_run = with_runs ? take(p, (count + 7) / 8) : NULL;
    parser heads = {take(p, count * 4), count * 4, p->failed};
    if (!with_runs || count >= OFFSETS_FROM_COUNT) {
        (void)take(p, count * 4); /* The containers follow one another; the offsets tell no more. */
    }
    uint64_t next_free = 0;
    for (uint64_t i = 0; i < count && !p->failed; i++) {
        uint32_t high = (uint32_t)take_le(&heads, 2);
        uint32_t cardinality = (uint32_t)take_le(&heads, 2) + 1;
        require(p, !heads.failed && high >= next_free);
        next_free = (uint64_t)high + 1;
        if (is_run != NULL && (is_run[i / 8] >> (i % 8) & 1) != 0) {
            parse_runs(p, high << 16, cardinality, to);
        } else if (cardinality <= ARRAY_IDS_MAX) {
            parse_array(p, high << 16, cardinality, to);
        } else {
            parse_bitset(p, high << 16, cardinality, to);
        }
    }
}

static weir_bitmap *parse(parser *p)
{
    weir_bitmap *bitmap = weir_bitmap_new();
    uint64_t count = take_le(p, 8);
    require(p, count <= PARTS_MAX);
    uint64_t next_free = 0;
    for (uint64_t i = 0; i < count && !p->failed; i++) {
        uint32_t high = (uint32_t)take_le(p, 4);
        require(p, high >= next_free);
        next_free = (uint64_t)high + 1;
        insert_part(bitmap, bitmap->count, high, roaring_bitmap_create());
        parse_part(p, bitmap->parts[bitmap->count - 1].low);
    }
    require(p, p->left == 0);
    return bitmap;
}

weir_status weir_bitmap_deserialize(weir_bytes bytes, weir_bitmap **out_bitmap, weir_error *err)
{
    if (bytes.data == NULL || bytes.size > WEIR_BITMAP_BYTES_MAX) {
        return weir_error_set(err, WEIR_BAD_RECORD, "bitmap of %zu bytes, at most %d", bytes.size,
                              WEIR_BITMAP_BYTES_MAX);
    }
    parser p = {bytes.data, bytes.size, false};
    WEIR_AUTO_PTR(weir_bitmap) bitmap = parse(&p);
    if (p.failed) {
        return weir_error_set(err, WEIR_BAD_RECORD, "not a bitmap: wrong at byte %zu of %zu",
                              bytes.size - p.left, bytes.size);
    }
    *out_bitmap = weir_take(&bitmap);
    return WEIR_OK;
}
