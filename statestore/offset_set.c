/* SPDX-License-Identifier: Apache-2.0
 *
 * offset_set.c - runs as numbers in base 64, five bits a digit and one that says "more follows".
 *
 *   'v' gap run gap run …    gap: offsets that are missing before the run, run: its length - 1
 *
 * A roaring bitmap of the same set takes at least 2 bytes for each finished offset or 8 KiB, and
 * base64 adds a third. Here a run takes 2 to 4 characters, so that 4,096 bytes hold 1,000 to 2,000
 * holes, however long the runs between them are.
 */
#include "statestore/offset_set.h"

#include <assert.h>
#include <string.h>

enum { VERSION = 'v', DIGIT_BITS = 5, MORE = 1 << DIGIT_BITS, DIGITS_MAX = 6 };

static_assert(DIGIT_BITS * DIGITS_MAX > 24, "a number up to WEIR_OFFSET_SET_SPAN_MAX");
static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static_assert(sizeof digits - 1 == 2 * MORE, "base 64");

static void append_number(weir_buf *out, uint64_t number)
{
    while (number >= MORE) {
        weir_buf_append_byte(out, (uint8_t)digits[MORE | (number & (MORE - 1))]);
        number >>= DIGIT_BITS;
    }
    weir_buf_append_byte(out, (uint8_t)digits[number]);
}

/* The last offset of the run that begins at first. */
static uint64_t end_of_run(const weir_bitmap *set, uint64_t first)
{
    uint64_t last = first;
    uint64_t next;
    while (weir_bitmap_next(set, last + 1, &next) && next == last + 1) {
        last = next;
    }
    return last;
}

weir_status weir_offset_set_encode(const weir_bitmap *set, int64_t base, size_t bytes_max,
                                   weir_buf *out)
{
    WEIR_ASSERT(base >= 0);

    size_t start = out->size;
    uint64_t covered = (uint64_t)base; /* Everything below is said. */
    uint64_t first;
    weir_buf_append_byte(out, VERSION);
    while (weir_bitmap_next(set, covered, &first)) {
        WEIR_ASSERT(first < INT64_MAX);
        uint64_t last = end_of_run(set, first);
        append_number(out, first - covered);
        append_number(out, last - first);
        covered = last + 1;
        bool too_far = covered - (uint64_t)base > WEIR_OFFSET_SET_SPAN_MAX;
        if (too_far || out->size - start > bytes_max) {
            out->size = start;
            return WEIR_AGAIN;
        }
    }
    return WEIR_OK;
}

/* Takes a number off the front of *text; false where there is none. */
static bool take_number(weir_bytes *text, uint64_t *out_number)
{
    const char *data = text->data;
    uint64_t number = 0;
    for (size_t i = 0; i < text->size && i < DIGITS_MAX; i++) {
        const char *digit = data[i] == '\0' ? NULL : strchr(digits, data[i]);
        if (digit == NULL) {
            return false;
        }
        uint64_t value = (uint64_t)(digit - digits);
        number |= (value & (MORE - 1)) << (DIGIT_BITS * i);
        if (value < MORE) {
            *text = weir_bytes_of(data + i + 1, text->size - i - 1);
            *out_number = number;
            return true;
        }
    }
    return false;
}

weir_status weir_offset_set_decode(weir_bytes text, int64_t base, weir_bitmap **out_set,
                                   weir_error *err)
{
    WEIR_ASSERT(base >= 0);

    WEIR_AUTO_PTR(weir_bitmap) set = weir_bitmap_new();
    bool known = text.size == 0 || *(const char *)text.data == VERSION;
    weir_bytes left =
        text.size == 0 ? text : weir_bytes_of((const char *)text.data + 1, text.size - 1);
    uint64_t span = 0; /* Offsets that are said, from base on. */
    while (known && left.size > 0) {
        uint64_t gap = 0;
        uint64_t run = 0;
        known = take_number(&left, &gap) && take_number(&left, &run) &&
                span + gap + run < WEIR_OFFSET_SET_SPAN_MAX;
        if (known) {
            uint64_t first = (uint64_t)base + span + gap;
            weir_bitmap_add_range(set, first, first + run);
            span += gap + run + 1;
        }
    }
    if (!known) {
        return weir_error_set(err, WEIR_BAD_RECORD, "not a set of offsets: %zu bytes", text.size);
    }
    *out_set = weir_take(&set);
    return WEIR_OK;
}
