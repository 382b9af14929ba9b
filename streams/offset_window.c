/* SPDX-License-Identifier: Apache-2.0
 *
 * offset_window.c - a ring of bits over the offsets from the lowest unfinished one up.
 *
 * In the common case, no asynchronous operator, nothing is ever unfinished and no bit is touched:
 * base follows next. A roaring bitmap would be smaller for sparse windows, but has no useful upper
 * bound: a plain bitmap of a bounded window always fits, and intake waits at a known place.
 */
#include "streams/offset_window.h"

#include "streams/base/base64.h"
#include "streams/base/serde.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    WINDOW = WEIR_OFFSET_WINDOW_MAX,
    WORD_BITS = 64,
    VERSION_TIME_ONLY = 1, /* Kafka Streams before 3.5: byte 1 | int64 partition time. */
    VERSION = 2,
    OUR_MARK = 0x57,
    TEXT_BYTES_MAX = 8192, /* Java's may be longer than ours. */
};

static_assert(WINDOW % WORD_BITS == 0, "the ring is made of whole words");
static_assert((18 + WINDOW / 8 + 2) / 3 * 4 <= 4096, "a full window fits into a commit");
static_assert(WEIR_KEPT_TIMES_BYTES_MAX * 8 < WINDOW, "there is a window beside kept times");

static bool bit_of(const weir_offset_window *window, int64_t offset)
{
    uint64_t at = (uint64_t)offset % WINDOW;
    return window->bits != NULL && (window->bits[at / WORD_BITS] >> (at % WORD_BITS) & 1) != 0;
}

static void set_bit(weir_offset_window *window, int64_t offset)
{
    if (window->bits == NULL) {
        window->bits = weir_alloc_array(WINDOW / WORD_BITS, sizeof(uint64_t));
    }
    uint64_t at = (uint64_t)offset % WINDOW;
    window->bits[at / WORD_BITS] |= UINT64_C(1) << (at % WORD_BITS);
    if (window->top <= offset) {
        window->top = offset + 1;
    }
}

static void clear_bit(weir_offset_window *window, int64_t offset)
{
    if (window->bits != NULL) {
        uint64_t at = (uint64_t)offset % WINDOW;
        window->bits[at / WORD_BITS] &= ~(UINT64_C(1) << (at % WORD_BITS));
    }
}

void weir_offset_window_init(weir_offset_window *window, int64_t offset)
{
    WEIR_ASSERT(offset >= 0);
    *window = (weir_offset_window){.base = offset, .next = offset, .top = offset};
}

void weir_offset_window_cleanup(weir_offset_window *window)
{
    free(window->bits);
    *window = (weir_offset_window){0};
}

bool weir_offset_window_has_room(const weir_offset_window *window, int64_t offset)
{
    WEIR_ASSERT(offset >= window->next);
    return window->unfinished == 0 || offset - window->base < WINDOW - window->reserved;
}

bool weir_offset_window_is_done(const weir_offset_window *window, int64_t offset)
{
    WEIR_ASSERT(offset >= window->next);
    return offset < window->top && bit_of(window, offset);
}

/* Moves base to target, which is at most next, over bits that are not needed any more. */
static void move_base(weir_offset_window *window, int64_t target)
{
    int64_t set_until = target < window->top ? target : window->top;
    for (int64_t offset = window->base; offset < set_until; offset++) {
        clear_bit(window, offset);
    }
    window->base = target;
    if (window->top < target) {
        window->top = target;
    }
}

void weir_offset_window_take(weir_offset_window *window, int64_t offset, bool done)
{
    WEIR_ASSERT(weir_offset_window_has_room(window, offset));
    if (done && window->unfinished == 0 && window->bits == NULL) { /* As most of the time. */
        window->base = window->next = window->top = offset + 1;
        return;
    }
    if (window->unfinished == 0) {
        window->next = offset;
        move_base(window, offset);
    }
    for (int64_t gap = window->next; gap < offset; gap++) {
        set_bit(window, gap);
    }
    window->next = offset + 1;
    if (!done) {
        window->unfinished++;
        clear_bit(window, offset);
    } else if (window->unfinished == 0) {
        move_base(window, offset + 1);
    } else {
        set_bit(window, offset);
    }
}

void weir_offset_window_finish(weir_offset_window *window, int64_t offset)
{
    WEIR_ASSERT(window->unfinished > 0);
    WEIR_ASSERT(window->base <= offset && offset < window->next);
    WEIR_ASSERT(!bit_of(window, offset));
    window->unfinished--;
    set_bit(window, offset);
    int64_t target = window->base;
    while (target < window->next && bit_of(window, target)) {
        target++;
    }
    move_base(window, window->unfinished == 0 ? window->next : target);
}

/* The bitmap from base up to top, whole bytes. */
static void append_bitmap(const weir_offset_window *window, weir_buf *to)
{
    int64_t bit_count = window->top - window->base;
    size_t bytes = (size_t)(bit_count + 7) / 8;
    weir_buf_append_byte(to, OUR_MARK);
    weir_buf_append_i32_be(to, (int32_t)bytes);
    uint8_t *out = weir_buf_reserve(to, bytes);
    memset(out, 0, bytes);
    for (int64_t i = 0; i < bit_count; i++) {
        if (bit_of(window, window->base + i)) {
            out[i / 8] |= (uint8_t)(1U << (i % 8));
        }
    }
    to->size += bytes;
}

void weir_offset_window_reserve(weir_offset_window *window, size_t kept_times_bytes)
{
    WEIR_ASSERT(kept_times_bytes <= WEIR_KEPT_TIMES_BYTES_MAX);
    window->reserved = (int64_t)kept_times_bytes * 8;
}

void weir_offset_window_encode(const weir_offset_window *window, int64_t partition_time_ms,
                               const weir_kept_times *times, weir_buf *out_text)
{
    static const weir_kept_times none;
    WEIR_AUTO(weir_buf) raw = {0};
    weir_buf_append_byte(&raw, VERSION);
    weir_buf_append_i64_be(&raw, partition_time_ms);
    weir_kept_times_append(times == NULL ? &none : times, &raw);
    if (window->top > window->base) {
        append_bitmap(window, &raw);
    }
    weir_buf_clear(out_text);
    weir_base64_append(out_text, weir_buf_bytes(&raw));
}

static void read_bitmap(weir_offset_window *window, weir_reader *reader)
{
    if (weir_read_byte(reader) != OUR_MARK) {
        return; /* A later version of Kafka Streams may put something here. */
    }
    int32_t bytes = weir_read_i32_be(reader);
    if (bytes < 0 || bytes > WINDOW / 8) {
        reader->failed = true;
        return;
    }
    weir_bytes bitmap = weir_read_bytes(reader, (size_t)bytes);
    const uint8_t *at = bitmap.data;
    for (int64_t i = 0; !reader->failed && i < (int64_t)bytes * 8; i++) {
        if ((at[i / 8] >> (i % 8) & 1) != 0) {
            set_bit(window, window->base + i);
        }
    }
}

weir_status weir_offset_window_decode(weir_offset_window *window, int64_t offset, weir_bytes text,
                                      int64_t *out_partition_time_ms, weir_kept_times *inout_times,
                                      weir_error *err)
{
    weir_offset_window_init(window, offset);
    *out_partition_time_ms = -1;
    if (text.size == 0) {
        return WEIR_OK;
    }
    WEIR_AUTO(weir_buf) raw = {0};
    bool valid = text.size <= TEXT_BYTES_MAX && weir_base64_decode(text, &raw);
    weir_reader reader = weir_reader_of(weir_buf_bytes(&raw));
    uint8_t version = weir_read_byte(&reader);
    int64_t partition_time_ms = weir_read_i64_be(&reader);
    if (version == VERSION && reader.left.size > 0) {
        weir_kept_times_read(inout_times, &reader);
        if (reader.left.size > 0) {
            read_bitmap(window, &reader);
        }
    }
    if (!valid || reader.failed || version < VERSION_TIME_ONLY || version > VERSION) {
        weir_offset_window_cleanup(window);
        return weir_error_set(err, WEIR_INVALID,
                              "offset %" PRId64 ": its metadata of %zu bytes is neither Kafka "
                              "Streams' nor weir's: reset the group's offsets",
                              offset, text.size);
    }
    *out_partition_time_ms = partition_time_ms;
    return WEIR_OK;
}
