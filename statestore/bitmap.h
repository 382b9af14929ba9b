/* SPDX-License-Identifier: Apache-2.0
 *
 * bitmap.h - a set of 64-bit ids, compressed (roaring).
 *
 * The serialised form is the 64-bit extension of the Roaring format, which other languages read.
 *
 * Ownership  Bitmaps are owned by whoever made them; operations copy.
 * Errors     Deserialising what is not a bitmap is WEIR_BAD_RECORD.
 * Threads    One at a time.
 */
#ifndef WEIR_STATESTORE_BITMAP_H
#define WEIR_STATESTORE_BITMAP_H

#include "streams/base/bytes.h"
#include "streams/base/status.h"

/* A serialised bitmap comes out of a record: what is larger is refused. */
enum { WEIR_BITMAP_BYTES_MAX = 16 << 20 };

typedef struct weir_bitmap weir_bitmap;

weir_bitmap *weir_bitmap_new(void);
void weir_bitmap_free(weir_bitmap *bitmap);
WEIR_DEFINE_AUTO_PTR(weir_bitmap);

/* Both tell whether the set changed. */
bool weir_bitmap_add(weir_bitmap *bitmap, uint64_t id);
bool weir_bitmap_remove(weir_bitmap *bitmap, uint64_t id);

/* Adds first <= id <= last. */
void weir_bitmap_add_range(weir_bitmap *bitmap, uint64_t first, uint64_t last);

/* Removes all ids. */
void weir_bitmap_clear(weir_bitmap *bitmap);

/* Questions about a set; two are equal when they hold the same ids. */
bool weir_bitmap_contains(const weir_bitmap *bitmap, uint64_t id);
uint64_t weir_bitmap_cardinality(const weir_bitmap *bitmap);
bool weir_bitmap_equal(const weir_bitmap *a, const weir_bitmap *b);

/* The smallest id that is >= from, in *out_id; false where there is none. */
bool weir_bitmap_next(const weir_bitmap *bitmap, uint64_t from, uint64_t *out_id);

/* bitmap becomes its intersection with, union with, or difference from other. */
void weir_bitmap_and(weir_bitmap *bitmap, const weir_bitmap *other);
void weir_bitmap_or(weir_bitmap *bitmap, const weir_bitmap *other);
void weir_bitmap_andnot(weir_bitmap *bitmap, const weir_bitmap *other);

/* Appends the serialised form. The bitmap is compressed on the way, hence not const. */
void weir_bitmap_serialize(weir_bitmap *bitmap, weir_buf *out);

/* Reads a whole serialised bitmap, checking everything: bytes may come from anywhere. */
weir_status weir_bitmap_deserialize(weir_bytes bytes, weir_bitmap **out_bitmap, weir_error *err);

#endif
